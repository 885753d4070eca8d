"""Balance: whole numbers beside exact ones, such that a table's totals still add up (舍位平衡).  Pure arithmetic.

A table whose lines are totalled in one direction or in both is a flow of figures: every total is what runs in from
its parts.  The exact figures are such a flow, so there is one of whole numbers beside them in which every figure is
rounded up or down (Cox, 1987).  An identity of the form's own (第一项加第二项等于第三项加第四项) that holds for every
exact figure is one more node that figures run through, and holds afterwards too.

The largest totals are fixed first, at their plain rounding where that can be; then the others, those first that lie
nearest to theirs, so that what has to give way is what lies nearest to the middle: the method of largest remainders,
in both directions at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from xltools.compute import as_number
from xltools.form import Form, Line, Table, Values

EXACT = Context(prec=200)
OUTSIDE = "outside"


def nearest(value: Decimal) -> int:
    """四舍五入, away from zero."""
    return int(value.to_integral_value(ROUND_HALF_UP))


# ---- a table as a flow


@dataclass(slots=True)
class _Arc:
    """A figure that runs from one node of a table to another."""

    item: str
    tail: object
    head: object
    value: int = 0
    least: int = 0
    most: int = 0


@dataclass(slots=True)
class Block:
    """Figures that have to agree with each other: some lines one way, a total and its parts the other way."""

    arcs: list[_Arc] = field(default_factory=list)
    cells: dict[str, tuple[str, ...]] = field(default_factory=dict)  # item → the figures it is the sum of
    identities: dict[object, dict[str, int]] = field(
        default_factory=dict
    )  # node → item → 1 or −1: they are 0

    @property
    def items(self) -> list[str]:
        return [arc.item for arc in self.arcs]


def blocks(form: Form, exact: Values) -> Iterator[Block]:
    """Every figure of a form in its block, but for totals that share a part with another total."""
    for table in form.tables.values():
        views = [_View(form, table, turned, exact) for turned in (False, True)]
        fitting = [view for view in views if view.flat.is_flat] or views[:1]
        view = next(
            (one for one in fitting if any(one.identities(total) for total in one.flat.roots)), fitting[0]
        )
        for total in view.flat.roots:
            yield from view.blocks(total)


@dataclass(frozen=True, slots=True)
class _Forest:
    """The lines of one direction by their totals.  A total that shares a part with an earlier one is left out."""

    parts: Mapping[str, tuple[str, ...]]  # line → its parts, () for an input
    roots: tuple[str, ...]

    def below(self, line: str) -> Iterator[str]:
        yield line
        for part in self.parts[line]:
            yield from self.below(part)

    def leaves(self, line: str) -> list[str]:
        return [one for one in self.below(line) if not self.parts[one]]

    @property
    def is_flat(self) -> bool:
        return not any(self.parts[part] for root in self.roots for part in self.parts[root])


def _forest(lines: Sequence[Line]) -> _Forest:
    parts: dict[str, tuple[str, ...]] = {line.id: () for line in lines if not line.sum}
    taken: set[str] = set()
    waiting = [line for line in lines if line.sum]
    while ready := [line for line in waiting if all(part in parts for part in line.sum)]:
        waiting = [line for line in waiting if line not in ready]
        for line in ready:
            if taken.isdisjoint(line.sum):
                parts[line.id] = line.sum
                taken.update(line.sum)
    return _Forest(parts, tuple(line.id for line in lines if line.id in parts and line.id not in taken))


class _View:
    """A table with one direction's lines as trees (`deep`) and the other's as totals with their parts (`flat`)."""

    def __init__(self, form: Form, table: Table, turned: bool, exact: Values) -> None:
        rows, columns = _forest(table.rows), _forest(table.columns)
        self.form, self.table, self.turned, self.exact = form, table, turned, exact
        self.deep, self.flat = (columns, rows) if turned else (rows, columns)

    def name(self, line: str, other: str) -> str:
        row, column = (other, line) if self.turned else (line, other)
        return f"{self.table.id}.{row}.{column}"

    def blocks(self, total: str) -> Iterator[Block]:
        others, left = self.flat.leaves(total), dict.fromkeys(self.deep.roots)
        for signs in self.identities(total):
            if all(root in left for root in signs):
                block = Block()
                for root, sign in signs.items():
                    del left[root]
                    self._lay(block, root, sign, total, others)
                for other in others:
                    block.identities["identity", other] = {
                        self.name(root, other): s for root, s in signs.items()
                    }
                yield block
        for root in left:
            block = Block()
            self._lay(block, root, 0, total, others)
            yield block

    def identities(self, total: str) -> list[dict[str, int]]:
        """The form's identities between whole trees of lines, as root → 1 or −1, that the exact figures fulfil."""
        found: dict[str, dict[str, dict[str, Fraction]]] = {}  # rule → other line → line → coefficient
        for rule_line in self.form.rule_lines:
            equation = rule_line.bound.equation
            if equation is None or equation.constant or any(ref.last for ref, _ in equation.terms):
                continue
            terms = [(self._lines(ref.item), factor) for ref, factor in equation.terms]
            others = {lines[1] if lines else None for lines, _ in terms}
            if len(others) == 1 and (other := others.pop()) is not None:
                pattern = {lines[0]: factor for lines, factor in terms if lines}
                found.setdefault(rule_line.rule.id, {})[other] = pattern
        usable = []
        for patterns in found.values():
            wanted = [patterns.get(other) for other in self.flat.leaves(total)]
            if wanted[0] is None or any(one != wanted[0] for one in wanted):
                continue
            signs = {
                line: int(factor) for line, factor in self._by_totals(wanted[0]).items() if abs(factor) == 1
            }
            if signs and set(self._by_totals(wanted[0])) == set(signs) <= set(self.deep.roots):
                usable.append(signs)
        return [signs for signs in usable if self._holds(signs, self.flat.leaves(total))]

    def _lines(self, item: str) -> tuple[str, str] | None:
        """The line of a figure and the one across it; None for a figure of another table."""
        one = self.form.items[item]
        if one.table != self.table.id:
            return None
        return (one.column, one.row) if self.turned else (one.row, one.column)

    def _by_totals(self, pattern: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """A pattern in which all the parts of a total are written as that total."""
        terms = dict(pattern)
        for line, parts in self.deep.parts.items():
            factors = {terms.get(part) for part in parts}
            if parts and len(factors) == 1 and (factor := factors.pop()) is not None and line not in terms:
                terms = {one: value for one, value in terms.items() if one not in parts} | {line: factor}
        return terms

    def _holds(self, signs: Mapping[str, int], others: Sequence[str]) -> bool:
        return all(
            sum(sign * (as_number(self.exact[self.name(root, other)]) or 0) for root, sign in signs.items())
            == 0
            for other in others
        )

    def _lay(self, block: Block, root: str, sign: int, total: str, others: Sequence[str]) -> None:
        """The figures of `root` and all below it, for every other line and their total.

        They run from outside into the total, on to the parts of the line, across to the other lines, and up to
        `root` again: each total is a node, as long as `total` is not itself the only other line.  With a sign
        they end in the identity of their line (1) or come out of it (−1).
        """
        deep, alone = self.deep, list(others) == [total]
        above = {part: line for line in deep.below(root) for part in deep.parts[line]}

        def end(other: str) -> object:
            return ("identity", other) if sign else OUTSIDE

        def add(item: str, tail: object, head: object, back: bool) -> None:
            block.arcs.append(_Arc(item, head, tail) if back else _Arc(item, tail, head))

        for line in deep.below(root):
            is_leaf, upper = not deep.parts[line], above.get(line)
            if alone:
                tail = (root, "total", upper) if upper else end(total)
                add(self.name(line, total), tail, OUTSIDE if is_leaf else (root, "total", line), sign > 0)
            else:
                tail = (root, "total", upper) if upper else OUTSIDE
                add(self.name(line, total), tail, (root, "total", line), sign < 0)
            for other in () if alone else others:
                tail = (root, "total", line) if is_leaf else (root, "part", line, other)
                add(
                    self.name(line, other),
                    tail,
                    (root, "part", upper, other) if upper else end(other),
                    sign < 0,
                )
            for other in {total, *others}:
                across = others if other == total else [other]
                cells = tuple(self.name(leaf, one) for leaf in deep.leaves(line) for one in across)
                block.cells[self.name(line, other)] = cells


# ---- whole numbers


def balanced(block: Block, wanted: Mapping[str, Decimal]) -> dict[str, int]:
    """Item → whole number beside its wanted value, so that all totals and identities agree."""
    floors = {name: int(wanted[name].to_integral_value(ROUND_FLOOR)) for name in block.items}
    for arc in block.arcs:
        arc.value = sum(floors[cell] for cell in block.cells[arc.item])  # adds up, if not near enough yet
        arc.least = floors[arc.item]
        arc.most = arc.least + (wanted[arc.item] != arc.least)
    value = {arc.item: arc.value for arc in block.arcs}
    rests = [  # what an identity is out of balance by, for now, runs off by an arc of its own
        _Arc("", node, OUTSIDE, sum(sign * value[item] for item, sign in terms.items()))
        for node, terms in block.identities.items()
    ]
    flow = _Flow([*block.arcs, *rests])
    for arc in (*block.arcs, *rests):
        while not arc.least <= arc.value <= arc.most:
            if not flow.shift(arc, 1 if arc.value < arc.least else -1):
                raise AssertionError(f"{block.items[0]} cannot be balanced, though its exact figures are")

    def rank(number: int) -> tuple[int, Decimal, int]:
        item = block.arcs[number].item
        plain = nearest(wanted[item])
        distance = abs(EXACT.subtract(wanted[item], plain))
        return -len(block.cells[item]), distance, number if plain >= wanted[item] else -number

    for number in sorted(range(len(block.arcs)), key=rank):
        arc = block.arcs[number]
        if step := nearest(wanted[arc.item]) - arc.value:
            flow.shift(arc, step)  # where it cannot be, the figure gives way
        arc.least = arc.most = arc.value
    return {arc.item: arc.value for arc in block.arcs}


class _Flow:
    """Figures between their bounds, in which what runs into a node runs out of it."""

    def __init__(self, arcs: Sequence[_Arc]) -> None:
        self.at: dict[object, list[_Arc]] = {}
        for arc in arcs:
            self.at.setdefault(arc.tail, []).append(arc)
            self.at.setdefault(arc.head, []).append(arc)

    def shift(self, arc: _Arc, step: int) -> bool:
        """Moves one figure by 1 or −1 and others with it, none beyond its bounds; False where that cannot be."""
        start, goal = (arc.head, arc.tail) if step > 0 else (arc.tail, arc.head)
        way = self._way(start, goal, arc)
        if way is None:
            return False
        arc.value += step
        for other, by in way:
            other.value += by
        return True

    def _way(self, start: object, goal: object, but: _Arc) -> list[tuple[_Arc, int]] | None:
        """The shortest chain of figures that can make up for the move."""
        came: dict[object, tuple[object, _Arc, int] | None] = {start: None}
        waiting = deque([start])
        while waiting and goal not in came:
            node = waiting.popleft()
            for arc in self.at[node]:
                for out, into, by in ((arc.tail, arc.head, 1), (arc.head, arc.tail, -1)):
                    room = arc.value < arc.most if by > 0 else arc.value > arc.least
                    if out == node and room and arc is not but and into not in came:
                        came[into] = node, arc, by
                        waiting.append(into)
        if goal not in came:
            return None
        way: list[tuple[_Arc, int]] = []
        while (step := came[goal]) is not None:
            goal, other, by = step
            way.append((other, by))
        return way

"""Scaling: figures in thousands, 万 or 万元 that still add up (舍位平衡).  Exact, and no Excel library.

A table whose lines are totalled in one direction or in both is a flow of figures: every total is what runs in from
its parts.  The exact figures are such a flow, so there is one of whole numbers beside them in which each figure is
rounded up or down (Cox, 1987).  The largest totals are fixed first, to their plain rounding; then the others,
those first that lie nearest to theirs, so that what has to give way is what lies nearest to the middle: the method
of largest remainders, in both directions at once.

Guaranteed: every total is the sum of its parts along rows and along columns; a grand total is its plain rounding;
each figure is less than one unit from its exact value and a whole one stays as it is; same figures, same result
(ties go to the figure that stands first).  Where lines are subtotalled on several levels in *both* directions, the
lesser subtotals of the one direction still add up but may be further off, and so does a total that shares a part
with another total.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from xltools.compute import Number, as_number, shares, totals
from xltools.form import Form, Item, Line, Table, Value, Values

SCALED_SCHEMA = "xltools.scaled/1"  # what a scaled copy says of itself: it is no filing
COUNT_SCALES: Mapping[str, int] = {"千": 3, "万": 4}  # powers of ten
MONEY_SCALES: Mapping[str, int] = {"万元": 4, "亿元": 8}  # from 元
SCALES = (*COUNT_SCALES, *MONEY_SCALES)
MONEY_UNITS: Mapping[str, int] = {"元": 0, "万元": 4}
_EXACT = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A figure that is not the plain rounding of its value, so that the totals add up."""

    item: Item
    exact: Decimal  # in the scaled unit
    plain: Number
    written: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """A form's figures at a scale."""

    figures: Values  # every item; what is not scaled, and a blank, is as it was
    units: Mapping[str, str]  # scaled item → its unit, 千件 or 万元
    adjusted: tuple[Adjusted, ...]


def scale_of(item: Item, scales: Iterable[str]) -> tuple[str, int] | None:
    """The scaled unit of an item and the power of ten it is divided by; None where no scale is for it.

    Money goes to 万元 or 亿元, everything that is counted to 千 or 万.
    """
    if item.type == "text":
        return None
    unit = item.unit or ""
    for scale in scales:
        if unit in MONEY_UNITS and scale in MONEY_SCALES:
            return scale, MONEY_SCALES[scale] - MONEY_UNITS[unit]
        if item.type in ("count", "signed") and unit not in MONEY_UNITS and scale in COUNT_SCALES:
            return f"{scale}{unit}", COUNT_SCALES[scale]
    return None


def scale_figures(form: Form, inputs: Values, scales: Sequence[str], places: int = 0) -> Scaled:
    """All figures with `places` decimals at these scales (of SCALES), balanced."""
    exact = shares(form, inputs)
    rounded: dict[str, Value] = {item.id: inputs.get(item.id) for item in form.inputs}
    units: dict[str, str] = {}
    adjusted: dict[str, Adjusted] = {}
    for block in _blocks(form):
        items = [form.items[arc.item] for arc in block.arcs]
        kinds = {scale_of(item, scales) for item in items}
        kind = next(iter(kinds))
        if len(kinds) > 1 or kind is None:
            continue  # not to be scaled, or not of one unit and so not to be balanced
        unit, power = kind
        wanted = {item.id: _moved(exact[item.id], places - power) for item in items}
        whole = _balanced(block, wanted)
        for item in items:
            units[item.id] = unit
            written, plain = (_moved(n, -places) for n in (whole[item.id], _nearest(wanted[item.id])))
            if exact[item.id] is not None and item.is_input:
                rounded[item.id] = _plain_number(written)
            if written != plain:
                value = _moved(exact[item.id], -power)
                adjusted[item.id] = Adjusted(item, value, _plain_number(plain), _plain_number(written))
    for item in form.derived:  # those that no block holds
        if item.id not in units and all(part in units for part in item.sum):
            units[item.id] = units[item.sum[0]]
    figures = {**rounded, **totals(form, rounded, blank=0)}
    return Scaled(
        figures={name: figures[name] for name in form.items},
        units={name: units[name] for name in form.items if name in units},
        adjusted=tuple(adjusted[name] for name in form.items if name in adjusted),
    )


def _moved(value: Value, power: int) -> Decimal:
    """A figure with its decimal point moved, exactly; a blank is nothing to add."""
    return _EXACT.scaleb(_EXACT.create_decimal(as_number(value) or 0), power)


def _nearest(value: Decimal) -> int:
    """四舍五入, away from zero."""
    return int(value.to_integral_value(ROUND_HALF_UP))


def _plain_number(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else value


# ---- a table as a flow


@dataclass(slots=True)
class _Arc:
    """One figure, running from a total to its part along the columns' totals, from a part to its total elsewhere."""

    item: str
    tail: object
    head: object
    value: int = 0
    least: int = 0
    most: int = 0


OUTSIDE = "outside"


@dataclass(slots=True)
class _Block:
    """A tree of lines one way, a total and its parts the other way: figures that have to agree with each other."""

    arcs: list[_Arc] = field(default_factory=list)
    cells: dict[str, tuple[str, ...]] = field(default_factory=dict)  # item → the figures it is the sum of


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


def _blocks(form: Form) -> Iterator[_Block]:
    for table in form.tables.values():
        rows, columns = _forest(table.rows), _forest(table.columns)
        turned = rows.is_flat and not columns.is_flat
        deep, flat = (columns, rows) if turned else (rows, columns)
        for root in deep.roots:
            for total in flat.roots:
                yield _block(table, turned, deep, root, total, flat.leaves(total))


def _block(table: Table, turned: bool, deep: _Forest, root: str, total: str, others: Sequence[str]) -> _Block:
    """The lines under `root` times the lines `others`, which add up to `total` unless it is their only one."""

    def name(line: str, other: str) -> str:
        row, column = (other, line) if turned else (line, other)
        return f"{table.id}.{row}.{column}"

    block = _Block()
    above = {part: line for line in deep.below(root) for part in deep.parts[line]}
    alone = list(others) == [total]
    for line in deep.below(root):
        is_leaf, upper = not deep.parts[line], above.get(line)
        down = ("total", upper) if upper else OUTSIDE  # where the total of this line comes from
        inner = OUTSIDE if is_leaf and alone else ("total", line)
        block.arcs.append(_Arc(name(line, total), down, inner))
        for other in () if alone else others:
            tail = ("total", line) if is_leaf else ("part", line, other)
            head = ("part", upper, other) if upper else OUTSIDE
            block.arcs.append(_Arc(name(line, other), tail, head))
        for other in {total, *others}:
            cells = [
                (leaf, one) for leaf in deep.leaves(line) for one in (others if other == total else [other])
            ]
            block.cells[name(line, other)] = tuple(name(*cell) for cell in cells)
    return block


def _balanced(block: _Block, wanted: Mapping[str, Decimal]) -> dict[str, int]:
    """Item → whole number beside its wanted value, so that all totals agree."""
    flow = _Flow(block.arcs)
    floors = {name: int(value.to_integral_value(ROUND_FLOOR)) for name, value in wanted.items()}
    for arc in block.arcs:
        arc.value = sum(floors[cell] for cell in block.cells[arc.item])  # adds up, if not near enough yet
        arc.least = floors[arc.item]
        arc.most = arc.least + (wanted[arc.item] != arc.least)
    for arc in block.arcs:
        while arc.value < arc.least:
            if not flow.shift(arc, 1):
                raise AssertionError(f"{arc.item} cannot be balanced, though its exact figures are")

    def rank(number: int) -> tuple[int, Decimal, int]:
        value, nearest = wanted[block.arcs[number].item], _nearest(wanted[block.arcs[number].item])
        size = len(block.cells[block.arcs[number].item])
        return -size, abs(_EXACT.subtract(value, nearest)), number if nearest >= value else -number

    for number in sorted(range(len(block.arcs)), key=rank):
        arc = block.arcs[number]
        if nearest := _nearest(wanted[arc.item]) - arc.value:
            flow.shift(arc, nearest)
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

"""Culprit: which cell, put right, would heal what does not add up.  A likelihood; no figure is ever changed.

Everything that must be equal is one linear constraint: a typed total and its parts, a rule that is one equation.
Broken constraints that share a figure belong to one question, but for those that a cell of their own explains.  A
suspect answers it: with its figure corrected all of them hold and none that held breaks.  What a clerk reads of it is checks/culprit.py's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from operator import mul

from xltools.compute import Number, as_number, totals
from xltools.expression import Exact, Ref
from xltools.form import Form, Item, RuleLine, Values
from xltools.slips import Slip, slip_between

_HALF = Fraction(1, 2_000_000)  # of the sixth decimal, to which rules compare
_ZERO = Fraction(0)


class Strength(IntEnum):
    """How much speaks for a suspect."""

    POSSIBLE = 1  # others would heal the same, but its figure looks like a slip; or it takes two cells
    LIKELY = 2  # no other single cell would heal what is broken


@dataclass(frozen=True, slots=True)
class Correction:
    """One figure as it stands and as it would have to be."""

    item: str
    found: Number
    expected: Number


@dataclass(frozen=True, slots=True)
class Suspect:
    """One answer to what is broken.  Suspects of equal `broken` are rivals, the likeliest first."""

    corrections: tuple[Correction, ...]  # one, or two neighbours whose figures changed places
    broken: tuple[str, ...]  # what it heals: ids of rule lines, and of typed totals
    slip: Slip
    strength: Strength

    @property
    def is_likely(self) -> bool:
        return self.strength is Strength.LIKELY


@dataclass(frozen=True)
class _Constraint:
    """The terms and the constant add up to zero."""

    id: str
    terms: Mapping[str, Exact]  # whole factors as ints, which are much quicker to work with
    constant: Fraction
    is_typed: bool  # a typed total and its parts
    last: tuple[tuple[str, Fraction], ...] = ()  # terms of last year's figures, not yet in the constant

    def residual(self, figures: Mapping[str, Exact]) -> Fraction:
        whole = sum(
            map(mul, self.terms.values(), map(figures.__getitem__, self.terms)), _whole(self.constant)
        )
        is_zero = not whole if isinstance(whole, int) else abs(whole) < _HALF
        return _ZERO if is_zero else Fraction(whole)

    def dated(self, last: Values) -> _Constraint | None:
        """The same with last year's figures put in; None where one of them is not known."""
        constant = self.constant
        for item, factor in self.last:
            number = as_number(last.get(item))
            if number is None:
                return None
            constant += factor * Fraction(number)
        return replace(self, constant=constant, last=()) if self.last else self


def _whole(number: Fraction) -> Exact:
    return number.numerator if number.denominator == 1 else number


# ---- what must be equal


def _constraints(form: Form, known: Mapping[str, Number], level: str, last: Values) -> Iterator[_Constraint]:
    """Those whose figures are all known."""
    typed = frozenset(item.id for item in form.derived if item.id in known)
    for one in _all_constraints(form, level, typed):
        dated = one.dated(last)
        if dated is not None and dated.terms and dated.terms.keys() <= known.keys():
            yield dated


@lru_cache(maxsize=256)
def _all_constraints(form: Form, level: str, typed: frozenset[str]) -> tuple[_Constraint, ...]:
    """Each typed total and its parts, and each rule that is an equation and binds the level."""
    made = []
    for item in form.derived:
        if item.id in typed:
            terms = {item.id: Fraction(-1)}
            for part in item.sum:
                _expand(form, part, Fraction(1), terms, typed)
            made.append(_Constraint(item.id, _left(terms), Fraction(0), is_typed=True))
    for line in form.rule_lines:
        equation = line.bound.equation
        if equation is None or line.rule.level == "note" or not line.binds(level):
            continue
        terms = {}
        for ref, factor in equation.terms:
            if not ref.last:
                _expand(form, ref.item, factor, terms, typed)
        last = tuple((ref.item, factor) for ref, factor in equation.terms if ref.last)
        made.append(_Constraint(line.id, _left(terms), equation.constant, is_typed=False, last=last))
    return tuple(made)


def _expand(
    form: Form, name: str, factor: Fraction, terms: dict[str, Fraction], typed: frozenset[str]
) -> None:
    """A total that was not typed is whatever its parts are."""
    parts = form.items[name].sum
    if not parts or name in typed:
        terms[name] = terms.get(name, Fraction(0)) + factor
        return
    for part in parts:
        _expand(form, part, factor, terms, typed)


def _left(terms: Mapping[str, Fraction]) -> dict[str, Exact]:
    """Terms that do not cancel out."""
    return {item: _whole(factor) for item, factor in terms.items() if factor}


def suspects(form: Form, figures: Values, *, level: str, last: Values | None = None) -> tuple[Suspect, ...]:
    """Who is likely to blame, by question in the form's order, likeliest first; () where nothing points to anyone.

    `figures` holds inputs and those totals only that were typed; a blank is unknown and leaves undecided what
    it is part of.  Without typed totals a cell is named only where no other would do.
    """
    known: dict[str, Number] = {
        name: value for name, value in figures.items() if type(value) is int or type(value) is Decimal
    }
    exact = {name: number if type(number) is int else Fraction(number) for name, number in known.items()}
    constraints = tuple(_constraints(form, known, level, last or {}))
    residuals = {one.id: residual for one in constraints if (residual := one.residual(exact))}
    if not residuals:
        return ()
    return tuple(_Case(form, known, level, last or {}, constraints, residuals).suspects())


class _Case:
    def __init__(
        self,
        form: Form,
        known: Mapping[str, Number],
        level: str,
        last: Values,
        constraints: Sequence[_Constraint],
        residuals: Mapping[str, Fraction],
    ) -> None:
        self.form, self.known, self.level, self.last = form, known, level, last
        self.constraints = constraints
        self.residuals = {one.id: residuals.get(one.id, Fraction(0)) for one in constraints}
        self.by_item: dict[str, list[_Constraint]] = {}
        for one in self.constraints:
            for item in one.terms:
                self.by_item.setdefault(item, []).append(one)

    # ---- what is broken, and what would heal it

    def questions(self) -> list[tuple[_Constraint, ...]]:
        """Broken constraints in groups that share figures; one that speaks of a single figure asks nothing."""
        groups: list[tuple[_Constraint, ...]] = []
        for one in self.constraints:
            if self.residuals[one.id]:
                near = [
                    group for group in groups if any(other.terms.keys() & one.terms.keys() for other in group)
                ]
                groups = [group for group in groups if group not in near]
                groups.append((*(other for group in near for other in group), one))
        order = {one.id: at for at, one in enumerate(self.constraints)}
        parts = [
            sorted(part, key=lambda one: order[one.id])
            for group in groups
            if any(len(one.terms) > 1 for one in group)
            for part in self._split(group)
        ]
        return sorted(map(tuple, parts), key=lambda group: order[group[0].id])

    def _split(self, group: Sequence[_Constraint]) -> Iterator[Sequence[_Constraint]]:
        """Mistakes of their own within a group: cells that each heal two constraints or more, none the same as another."""
        healed: dict[frozenset[str], list[_Constraint]] = {}
        for name in dict.fromkeys(name for one in group for name in one.terms):
            touched = [one for one in group if name in one.terms]
            if len(touched) > 1 and self._single(name, touched) is not None:
                healed.setdefault(frozenset(one.id for one in touched), touched)
        ids = [one for part in healed for one in part]
        if len(set(ids)) < len(ids):
            yield group  # two cells would each explain the same, and differ on the rest
            return
        yield from healed.values()
        if rest := [one for one in group if one.id not in ids]:
            yield rest

    def suspects(self) -> Iterator[Suspect]:
        questions = self.questions()
        swaps = self._swaps(questions)
        for at, question in enumerate(questions):
            over = [asked for asked in swaps if at in asked and len(asked) > 1]
            if len(over) == 1 and len(swaps[over[0]]) == 1:
                # Two neighbours whose figures changed places say more than two mistakes of equal size.
                if over[0][0] == at:
                    both = [one for asked in over[0] for one in questions[asked]]
                    yield self._suspect(swaps[over[0]][0], both, Strength.POSSIBLE)
                continue
            sizes = {abs(self.residuals[one.id]) for one in question}
            others = (one for asked in questions if asked is not question for one in asked)
            # Two mistakes in one line may cancel out there and leave two others broken by as much.
            is_alone = not any(abs(self.residuals[one.id]) in sizes for one in others)
            yield from self._answers(question, swaps.get((at,), []), is_alone)

    def _answers(
        self, question: Sequence[_Constraint], swaps: Sequence[Sequence[Correction]], is_alone: bool
    ) -> list[Suspect]:
        # What heals all must be in each of them; the order of the form decides between equals.
        shared = [name for name in question[0].terms if all(name in one.terms for one in question)]
        healers = [one for name in shared if (one := self._single(name, question)) is not None]
        sound = [[one] for one in healers if self._is_sound([one])]
        if sound and len(healers) == 1:  # the constraints exclude all others, whatever the figures
            return [self._suspect(sound[0], question, Strength.LIKELY if is_alone else Strength.POSSIBLE)]
        if sound and not any(one.is_typed for one in question):
            return []  # that the others may not be negative is too little where only rules speak
        if len(sound) > 1:
            made = [self._suspect(one, question, Strength.POSSIBLE) for one in sound]
            return sorted((one for one in made if one.slip.is_telling), key=lambda one: one.slip)
        only = sound or (swaps if len(question) > 1 else [])
        return [self._suspect(only[0], question, Strength.POSSIBLE)] if len(only) == 1 else []

    def _suspect(
        self, corrections: Sequence[Correction], question: Sequence[_Constraint], strength: Strength
    ) -> Suspect:
        slip = Slip.SWAPPED if len(corrections) > 1 else self._slip(corrections[0])
        return Suspect(tuple(corrections), tuple(one.id for one in question), slip, strength)

    def _single(self, name: str, question: Sequence[_Constraint]) -> Correction | None:
        """The one figure with which every constraint of the question holds, if it breaks no other."""
        first = question[0]
        change = _whole(-self.residuals[first.id] / first.terms[name])
        if not self._heals({name: change}, question):
            return None
        found = self.known[name]
        return Correction(name, found, _number(Fraction(found) + change))

    def _heals(self, changes: Mapping[str, Exact], question: Iterable[_Constraint]) -> bool:
        broken = {one.id for one in question}
        touched = {one.id: one for name in changes for one in self.by_item.get(name, ())}
        if not broken <= touched.keys():
            return False
        for one in touched.values():
            moved = sum(one.terms.get(name, 0) * change for name, change in changes.items())
            if abs(self.residuals[one.id] + moved) >= _HALF and (one.id in broken or moved):
                return False
        return True

    def _swaps(
        self, questions: Sequence[Sequence[_Constraint]]
    ) -> dict[tuple[int, ...], list[list[Correction]]]:
        """Neighbours whose figures, changed about, heal whole questions: a figure one row or column off.

        By the positions of the questions that they heal.
        """
        found: dict[tuple[int, ...], list[list[Correction]]] = {}
        for pair in _neighbours(self.form) if questions else ():
            here, there = (self.known.get(name) for name in pair)
            if here is None or there is None or here == there:
                continue
            asked = tuple(
                at
                for at, one in enumerate(questions)
                if any(name in part.terms for part in one for name in pair)
            )
            change = _whole(Fraction(there) - Fraction(here))
            whole = [one for at in asked for one in questions[at]]
            if asked and self._heals({pair[0]: change, pair[1]: -change}, whole):
                swap = [Correction(pair[0], here, there), Correction(pair[1], there, here)]
                if self._is_sound(swap):
                    found.setdefault(asked, []).append(swap)
        return found

    def _slip(self, correction: Correction) -> Slip:
        slip = slip_between(correction.found, correction.expected)
        if slip.is_telling or not correction.found:
            return slip
        beside = (
            b if a == correction.item else a for a, b in _neighbours(self.form) if correction.item in (a, b)
        )
        return Slip.COPIED if any(self.known.get(one) == correction.found for one in beside) else slip

    # ---- what a figure may be

    def _is_sound(self, corrections: Sequence[Correction]) -> bool:
        """Figures that the items may have, and no other rule that they break."""
        if not all(_may_be(self.form.items[one.item], one.expected) for one in corrections):
            return False
        after = {**self.known, **{one.item: one.expected for one in corrections}}
        changed = {one.item for one in corrections}
        return not any(
            self._holds(line, self.known) and self._holds(line, after) is False
            for line in self.form.rule_lines
            if line.bound.equation is None
            and line.binds(self.level)
            and changed & {leaf.item for leaf in line.leaves}
        )

    def _holds(self, line: RuleLine, figures: Mapping[str, Number]) -> bool | None:
        whole = {**totals(self.form, figures), **figures}

        def value(ref: Ref) -> Number | None:
            return as_number(self.last.get(ref.item)) if ref.last else whole.get(ref.item)

        return line.bound.holds(value)


@lru_cache(maxsize=64)
def _neighbours(form: Form) -> tuple[tuple[str, str], ...]:
    """Inputs that stand next to each other in a table, across and down."""
    return tuple(_beside(form))


def _beside(form: Form) -> Iterator[tuple[str, str]]:
    for table in form.tables.values():
        rows, columns = [one.id for one in table.rows], [one.id for one in table.columns]
        for row, below in zip(rows, [*rows[1:], None], strict=True):
            for column, right in zip(columns, [*columns[1:], None], strict=True):
                here = f"{table.id}.{row}.{column}"
                beside = [f"{table.id}.{row}.{right}"] if right else []
                beside += [f"{table.id}.{below}.{column}"] if below else []
                yield from (
                    (here, one) for one in beside if form.items[here].is_input and form.items[one].is_input
                )


def _number(exact: Fraction) -> Number:
    if exact.denominator == 1:
        return int(exact)
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _may_be(item: Item, figure: Number) -> bool:
    """Counts are whole and not negative, money has the places declared."""
    if item.type == "signed":
        return isinstance(figure, int)
    if figure < 0:
        return False
    if item.type != "money":
        return isinstance(figure, int)
    return figure == round(Decimal(figure), item.places or 0)

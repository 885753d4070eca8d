"""Differing: what changed between two workbooks of ours, and because of which unit.

Two roll-ups, two filings or two years; across editions where the ids are the same.  Which units are the same is
sameness.py's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from xltools.compute import Number, as_number, shares
from xltools.filing import Filing, Leaf
from xltools.finding import Finding
from xltools.form import Form, Item, Value, Values
from xltools.lastyear import faults_of
from xltools.roster import Unit
from xltools.sameness import Sameness

Pair = tuple[Leaf | None, Leaf | None]  # of one unit, before and after


class Cause(StrEnum):
    """Why a unit's share of a figure is another."""

    RESENT = "重新报送"  # another file of the same unit, form and year
    CHANGED = "数变了"  # the same file says otherwise, or it is another year
    ADDED = "新增单位"
    GONE = "少了单位"


@dataclass(frozen=True, kw_only=True)
class Share:
    """One unit's part in a change."""

    unit: Unit
    cause: Cause
    before: Value
    after: Value

    @property
    def difference(self) -> Number | None:
        return difference(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One figure that is another.  The differences of the shares add up to its own."""

    item: Item  # of the later workbook's form
    before: Value
    after: Value
    shares: tuple[Share, ...]

    @property
    def difference(self) -> Number | None:
        return difference(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class UnitChange:
    """A unit that came, went or sent another file."""

    unit: Unit
    cause: Cause
    before: Leaf | None
    after: Leaf | None


@dataclass(frozen=True, kw_only=True)
class TextChange:
    unit: Unit
    text: str  # id


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two workbooks and all that differs between them."""

    before: Filing
    after: Filing
    by_unit: bool  # whether the changes could be laid to units
    changes: tuple[Change, ...]
    units: tuple[UnitChange, ...]
    texts: tuple[TextChange, ...]  # of the same form and year only: in another year every text is another
    only_before: tuple[Item, ...]  # figures that the other edition does not ask for
    only_after: tuple[Item, ...]
    faults: tuple[Finding, ...] = ()  # errors of the roll-ups themselves: their figures may be nobody's

    @property
    def is_same(self) -> bool:
        return not (self.changes or self.units or self.texts)

    @property
    def is_open(self) -> bool:
        """Whether somebody should look: something differs, or one of the two was edited."""
        return not self.is_same or bool(self.faults)


def difference(before: Value, after: Value) -> Number | None:
    """By how much a figure is more; a blank counts as nothing beside a number.  None between texts."""
    old, new = as_number(before), as_number(after)
    return None if old is None and new is None else (new or 0) - (old or 0)


def compare(before: Filing, after: Filing) -> Comparison:
    """What changed from one readable workbook to another."""
    return _Comparing(before, after).compare()


class _Comparing:
    def __init__(self, before: Filing, after: Filing) -> None:
        assert before.form is not None and after.form is not None
        self.before, self.after = before, after
        self.old, self.new = before.form, after.form
        self.same_round = (self.old.key, before.year) == (self.new.key, after.year)
        pairs = list(_pairs(_leaves(before), _leaves(after)))
        same_kind = before.is_rollup == after.is_rollup
        one_unit = before.is_rollup or any(None not in pair for pair in pairs)
        self.pairs: list[Pair] = pairs if same_kind and one_unit else []
        self.figures = [(_figures(self.old, old), _figures(self.new, new)) for old, new in self.pairs]
        self.merged = shares(self.old, before.inputs), shares(self.new, after.inputs)

    def compare(self) -> Comparison:
        shared = [item for item in self.new.items.values() if item.id in self.old.items]
        return Comparison(
            before=self.before,
            after=self.after,
            by_unit=bool(self.pairs),
            changes=tuple(change for item in shared if (change := self._change(item)) is not None),
            units=tuple(self._units()),
            texts=tuple(self._texts()),
            only_before=tuple(one for one in self.old.items.values() if one.id not in self.new.items),
            only_after=tuple(one for one in self.new.items.values() if one.id not in self.old.items),
            faults=(*faults_of(self.before), *faults_of(self.after)),
        )

    def _change(self, item: Item) -> Change | None:
        before, after = (side[item.id] for side in self.merged)
        laid = tuple(self._shares(item))
        if before == after and not laid:
            return None
        return Change(item=item, before=before, after=after, shares=laid)

    def _shares(self, item: Item) -> Iterator[Share]:
        for (old, new), sides in zip(self.pairs, self.figures, strict=True):
            before, after = (side.get(item.id) for side in sides)
            nothing = (
                None in (old, new) and difference(before, after) == 0
            )  # a zero that came or went with its unit
            if before != after and not nothing:
                yield Share(unit=_unit(old, new), cause=self._cause(old, new), before=before, after=after)

    def _cause(self, old: Leaf | None, new: Leaf | None) -> Cause:
        if old is None or new is None:
            return Cause.ADDED if old is None else Cause.GONE
        return Cause.RESENT if self.same_round and old.sha256 != new.sha256 else Cause.CHANGED

    def _units(self) -> Iterator[UnitChange]:
        for old, new in self.pairs:
            cause = self._cause(old, new)
            if cause is not Cause.CHANGED:
                yield UnitChange(unit=_unit(old, new), cause=cause, before=old, after=new)

    def _texts(self) -> Iterator[TextChange]:
        if not self.same_round:
            return
        for old, new in self.pairs:
            if old is not None and new is not None:
                for name in self.new.texts:
                    if (old.texts.get(name) or "") != (new.texts.get(name) or ""):
                        yield TextChange(unit=new.unit, text=name)


def _figures(form: Form, leaf: Leaf | None) -> Values:
    return shares(form, leaf.inputs) if leaf is not None else {}


def _unit(old: Leaf | None, new: Leaf | None) -> Unit:
    leaf = new or old
    assert leaf is not None
    return leaf.unit


def _leaves(filing: Filing) -> Sequence[Leaf]:
    """The units of a roll-up, or a filing as its own only unit."""
    return filing.leaves if filing.is_rollup else (filing.as_leaf(),)


def _pairs(before: Sequence[Leaf], after: Sequence[Leaf]) -> Iterator[Pair]:
    """Each unit's leaf on both sides, in the later order, then the units that went."""
    same = Sameness(leaf.unit for leaf in (*before, *after))
    sides: dict[tuple[str, bool], tuple[list[Leaf], list[Leaf]]] = {}
    for at, leaves in ((1, after), (0, before)):
        for leaf in leaves:
            sides.setdefault(same.key(leaf.unit), ([], []))[at].append(leaf)
    for old, new in sides.values():  # one of each, unless a roll-up holds a unit twice
        yield from zip_longest(old, new)

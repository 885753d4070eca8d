"""Rollup: many units' figures made into one, with the units behind each.

Figures are kept by leaf, so that a merge of merges is a merge of leaves.  A missing unit is not zero: it
is missing, and the roll-up says so.  Which files may go in is merging.py's matter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from xltools.compute import (
    Number,
    RuleResult,
    all_figures,
    as_number,
    columns,
    input_names,
    rule_results,
    sums_of,
)
from xltools.compute import in_order as values_of
from xltools.detail import is_added
from xltools.errors import XltoolsError
from xltools.filing import Leaf
from xltools.form import Form, Item, Value, Values
from xltools.roster import CONSOLIDATED, KINDS, Roster, Unit
from xltools.sameness import shown_names

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Rollup:
    """Merged figures, and for each the units that make it up.

    `expected` is the number of units on the roster, None without one; `missing` are those from which nothing
    usable came, with the reason in the form's words.  `last` are the figures of the roll-up's own unit last year,
    `last_by_unit` those of its leaves, by the key of the unit; a unit that is not there is not known.
    """

    form: Form
    year: int
    unit: Unit
    leaves: tuple[Leaf, ...]  # in roster order, then by key
    expected: int | None = None
    missing: tuple[tuple[Unit, str], ...] = ()
    last: Values = field(default_factory=dict)
    last_by_unit: Mapping[str, Values] = field(default_factory=dict)
    last_note: str = ""  # why last year's figures are no sound measure, for whoever compares
    covered: int | None = (
        None  # of the expected units, those inside, by themselves or by the roll-up they sent
    )

    @cached_property
    def inputs(self) -> dict[str, Value]:
        """Input item → merged value; None where no unit has a figure or the form says not to merge it."""
        by_item = columns([leaf.inputs for leaf in self.leaves], input_names(self.form))
        return {
            item.id: self._merged(item, values)
            for item, values in zip(self.form.inputs, by_item, strict=True)
        }

    @cached_property
    def figures(self) -> Mapping[str, Value]:
        """Every item → merged value, totals worked out from merged inputs."""
        return all_figures(self.form, self.inputs)

    @cached_property
    def results(self) -> tuple[RuleResult, ...]:
        """Every rule of the form run again on the merged figures, at the level of the roll-up's unit.

        What units explained of a rule explains it here as well: their reasons stand beside it on 校验.
        """
        said = {reason.about: reason.text for leaf in self.leaves for reason in leaf.reasons}
        return tuple(
            rule_results(self.form, self.figures, self.unit.level, last=self.last, explanations=said)
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What its units are called, one for each leaf."""
        return tuple(shown_names([leaf.unit for leaf in self.leaves]))

    @property
    def coverage(self) -> str:
        """`11/12 单位`, or `11 个单位` where nobody said how many there should be.

        Where counties are expected and send roll-ups, `3/12 单位（含 41 个填报单位）`.
        """
        if self.expected is None:
            return f"{len(self.leaves)} 个单位"
        inside = len(self.leaves) if self.covered is None else self.covered
        more = f"（含 {len(self.leaves)} 个填报单位）" if inside != len(self.leaves) else ""
        return f"{inside}/{self.expected} 单位{more}"

    def _merged(self, item: Item, values: Sequence[Value]) -> Value:
        """The leaves' values of an item as one."""
        if item.rollup == "none":
            return None
        if item.rollup == "list":
            said = zip(self.leaves, values, strict=True)
            listed = [f"{leaf.unit.name}：{value}" for leaf, value in said if value not in (None, "")]
            return "\n".join(listed) or None
        if set(map(type, values)) == {int}:
            return sum(cast(Sequence[int], values))
        numbers = [number for number in map(as_number, values) if number is not None]
        return sum(numbers) if numbers else None

    def contributions(self, item_id: str) -> list[tuple[Leaf, Value]]:
        """The units behind a figure, each with its own value; they add up to the figure.

        Raises KeyError for an id that the form does not have.
        """
        self.form.items[item_id]
        return [(leaf, leaf.figures(self.form)[item_id]) for leaf in self.leaves]

    @cached_property
    def gaps(self) -> Mapping[str, tuple[Unit, ...]]:
        """Item → the units among the leaves without a figure for it, of items that add up and lack any."""
        names, derived = input_names(self.form), [item.id for item in self.form.derived]
        added = {item.id for item in self.form.items.values() if is_added(item)}
        found: dict[str, list[Unit]] = {}
        for leaf, own in zip(self.leaves, self.totals, strict=True):
            given = values_of(leaf.inputs, names)
            if None in given or None in own:
                for name, value in zip((*names, *derived), (*given, *own), strict=True):
                    if value is None and name in added:
                        found.setdefault(name, []).append(leaf.unit)
        return {name: tuple(found[name]) for name in self.form.items if name in found}

    @cached_property
    def totals(self) -> tuple[tuple[Number | None, ...], ...]:
        """Of each leaf its totals, in the order of `form.derived`; None where a part is missing."""
        return tuple([sums_of(self.form, leaf.inputs) for leaf in self.leaves])

    def shown_totals(self, leaf: int) -> tuple[Number | None, ...]:
        """Those of one leaf as Excel's SUM shows them: what is blank is left out."""
        own = self.totals[leaf]
        return sums_of(self.form, self.leaves[leaf].inputs, blank=0) if None in own else own

    @cached_property
    def seals(self) -> tuple[str, ...]:
        """Of each leaf its seal, worked out again."""
        return tuple([leaf.sealed(self.form) for leaf in self.leaves])

    def verify(self) -> None:
        """Totals of merged inputs must equal the sum of the units' totals.  Raises XltoolsError: ours to mend."""
        columns = zip(*self.totals, strict=True)
        for item, column in zip(self.form.derived, columns, strict=True) if self.leaves else ():
            if None not in column and self.figures[item.id] != sum(column):
                raise XltoolsError(
                    f"汇总内部核对不符：{item.id} 汇总后是 {self.figures[item.id]}，各单位合计之和是 {sum(column)}。"
                )

    def to_frame(self, *, wide: bool = False) -> pandas.DataFrame:
        """The leaves as a pandas DataFrame.

        Tidy (unit, code, kind, level, parent, item, value; one row per unit and item) or `wide` (one row per
        unit, one column per item id).  Values stay int, Decimal, str or None, in object columns.
        """
        import pandas

        keys = ["unit", "code", "kind", "level", "parent"]
        rows = [
            ([leaf.unit.name, leaf.unit.code, leaf.unit.kind, leaf.unit.level, leaf.unit.parent], leaf)
            for leaf in self.leaves
        ]
        if wide:
            table = [[*head, *leaf.figures(self.form).values()] for head, leaf in rows]
            return pandas.DataFrame(table, columns=[*keys, *self.form.items], dtype=object)
        tidy = [
            [*head, name, value] for head, leaf in rows for name, value in leaf.figures(self.form).items()
        ]  # fmt: skip
        return pandas.DataFrame(tidy, columns=[*keys, "item", "value"], dtype=object)


def roll_up(
    form: Form,
    year: int,
    leaves: Sequence[Leaf],
    *,
    unit: Unit | None = None,
    roster: Roster | None = None,
    last: Values | None = None,
    last_by_unit: Mapping[str, Values] | None = None,
    missing: tuple[tuple[Unit, str], ...] = (),
    covered: int | None = None,
) -> Rollup:
    """The roll-up of these leaves.  `unit` is who signs it; by default 汇总（n 个单位）."""
    ordered = tuple(in_order(leaves, roster))
    rollup = Rollup(
        form=form,
        year=year,
        unit=replace(unit, kind=CONSOLIDATED) if unit else _unnamed(ordered),
        leaves=ordered,
        expected=len(roster) if roster is not None else None,
        last=last or {},
        last_by_unit=last_by_unit or {},
        missing=missing,
        covered=covered,
    )
    rollup.verify()
    return rollup


def is_unnamed(unit: Unit) -> bool:
    """Whether a roll-up's unit is the stand-in for one that nobody signed: a batch, which stands above nobody."""
    return unit.kind == CONSOLIDATED and re.fullmatch("H[0-9a-f]{12}", unit.code) is not None


def _unnamed(leaves: Sequence[Leaf]) -> Unit:
    """Who an unnamed roll-up is of: a function of its leaves, never of the output's file name."""
    digest = hashlib.sha256("\n".join(sorted(leaf.unit.key for leaf in leaves)).encode()).hexdigest()[:12]
    return Unit(name=f"汇总（{len(leaves)} 个单位）", code=f"H{digest}", kind=CONSOLIDATED, level="county")


def in_order(leaves: Iterable[Leaf], roster: Roster | None) -> list[Leaf]:
    places = {unit.key: at for at, unit in enumerate(roster)} if roster is not None else {}

    def place(leaf: Leaf) -> tuple[int, int, str]:
        known = roster.find(leaf.unit) if roster is not None else None
        kind = KINDS.index(leaf.unit.kind) if leaf.unit.kind in KINDS else len(KINDS)
        return places.get(known.key, len(places)) if known else len(places), kind, leaf.unit.key

    return sorted(leaves, key=place)

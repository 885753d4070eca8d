"""Mutant: a filled workbook with one thing wrong (or different and harmless), and what must be said of it.

`Cast` picks the cells of a form that mutants play with, from its layout.  The mutants are in mutants.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import helpers_pipe as pipe
from workshop import Workshop

from xltools import lay_out
from xltools.formulas import ZERO_FIELD
from xltools.geometry import address

Change = Callable[[Workshop], "bytes | None"]
ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE = "accepted", "noted", "queried", "returned", "unreadable"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`codes` are all that is said, but for `also`, which may be; the first of them speaks of `sheet` and `cell`."""

    name: str
    change: Change  # gives the bytes, or None for the workshop packed
    outcome: str
    codes: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()
    sheet: str | None = None
    cell: str | None = None
    reads: Mapping[str, Any] = field(default_factory=dict)  # inputs that differ from the clean workbook's
    zeros: bool = False  # blanks are declared zeros in it
    file: str = "示例镇.xlsx"
    ask: Mapping[str, Any] = field(default_factory=dict)  # how `check` is asked
    beside: Callable[[Workshop, Path], None] | None = None  # puts further files into the folder


@lru_cache(maxsize=8)
def clean(form) -> bytes:
    return pipe.filled(form)


class Cast:
    """The cells that the mutants of a form play with, chosen by what they are and not by name."""

    def __init__(self, form) -> None:
        self.form, self.layout = form, lay_out(form)

    @cached_property
    def bound(self) -> set[str]:
        """Inputs of totals and rules: what happens to them makes others speak as well."""
        ruled = {ref.item for line in self.form.rule_lines for ref in line.leaves}
        return ruled | {leaf for item in self.form.derived for leaf in self.form.leaves_of(item.id)}

    def free(self, type_: str):
        return [one for one in self.layout.inputs if one.item.type == type_ and one.item.id not in self.bound]

    @cached_property
    def count(self):
        return self.free("count")[0]

    @cached_property
    def money(self):
        return self.free("money")[0]

    @cached_property
    def signed(self):
        return next((one for one in self.layout.inputs if one.item.type == "signed"), None)

    @cached_property
    def roomy(self):
        """A count whose cap is so high that a date's serial is below it."""
        return next(s for s in self.layout.inputs
                    if s.item.type == "count" and (self.form.cap(s.item, "town") or 0) > 50_000)  # fmt: skip

    @cached_property
    def totals(self):
        """Totals over at least three cells, that are no part of a larger one first."""
        found = [slot for slot in self.layout.derived if len(slot.item.sum) >= 3]
        assert len(found) >= 2
        return found

    @cached_property
    def summed(self):
        """An input of the first total, and a rule that must hold."""
        leaves = list(self.form.leaves_of(self.totals[0].item.id))
        return self.layout.slots[leaves[0]]

    @cached_property
    def pair(self):
        """Two inputs side by side, one cell each."""
        at = {(s.sheet, s.place.row, s.place.column): s for s in self.layout.inputs if not s.place.is_block}
        for (sheet, row, column), left in at.items():
            if (sheet, row, column + 1) in at:
                return left, at[sheet, row, column + 1]
        raise AssertionError("no two inputs side by side")

    @cached_property
    def stack(self):
        """Two inputs one above the other."""
        at = {(s.sheet, s.place.row, s.place.column): s for s in self.layout.inputs if not s.place.is_block}
        for (sheet, row, column), upper in at.items():
            if (sheet, row + 1, column) in at:
                return upper, at[sheet, row + 1, column]
        raise AssertionError("no two inputs one above the other")

    @cached_property
    def wide(self):
        return next(slot for slot in self.free("count") + list(self.layout.inputs) if slot.place.is_block)

    @property
    def second(self) -> str:
        """The cell to the right of the wide one's corner, beneath its merge."""
        return address(self.wide.place.row, self.wide.place.column + 1)

    def plan(self, sheet: str):
        return self.layout.by_name[sheet]

    def rows_of(self, sheet: str) -> list[int]:
        return sorted({slot.place.row for slot in self.layout.inputs if slot.sheet == sheet})

    def label(self, sheet: str, role: str):
        return [one for one in self.plan(sheet).labels if one.role == role and one.is_verified]

    def outside(self, sheet: str) -> str:
        plan = self.plan(sheet)
        return address(plan.rows + 3, len(plan.widths) + 2)

    @cached_property
    def text(self):
        name = next(name for name, text in self.form.texts.items() if not text.optional)
        return self.layout.texts[name]

    @property
    def zero(self):
        return self.layout.cover[ZERO_FIELD]

    @property
    def base(self) -> dict[str, Any]:
        return pipe.seeded(self.form).items


def of(change: Callable[[Workshop], Any]) -> Change:
    """A change by an expression: what it gives is the file if it is bytes, and else of no matter."""

    def run(shop: Workshop) -> bytes | None:
        made = change(shop)
        return made if isinstance(made, bytes) else None

    return run

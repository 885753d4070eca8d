"""Listing: the roster as it is today held against the units that the ledger knows.  Pure; applying it is folder.py's matter.

A roster is edited while a round is on.  A unit keeps its row, and with it all it sent, through a change of name,
code or parent; one that is no longer listed keeps everything and is not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from xltools.roster import LEVELS, Unit
from xltools.rounds.rows import UnitRow
from xltools.words import label_key

T = TypeVar("T")
LISTED, DROPPED = "列入名单", "从名单里去掉了"
WORDS = {"name": "名称", "code": "代码", "kind": "类别", "level": "级别", "parent": "上级", "due": "截止日期"}


@dataclass(frozen=True, slots=True)
class Change:
    """One unit that is not as the ledger has it.  `row` is None for a new one."""

    row: UnitRow | None
    unit: Unit  # as the roster has it now; of a dropped one as it was
    listed: bool
    words: str  # what changed, for a clerk; "" where only contacts or the order did

    def row_after(self, row: int) -> UnitRow:
        return UnitRow(row, self.unit, self.listed, dropped=not self.listed)


def changes(rows: Sequence[UnitRow], units: Sequence[Unit]) -> list[Change]:
    """What has to be changed in the ledger's units for them to be those of the roster, in its order."""
    found = paired(rows, units)
    made: list[Change] = []
    for unit in units:
        row = found.get(unit.order)
        if row is None:
            made.append(Change(None, unit, True, LISTED if rows else ""))
        elif row.unit != unit or not row.listed:
            words = ([] if row.listed else [LISTED]) + list(differences(row.unit, unit))
            made.append(Change(row, unit, True, "，".join(words)))
    kept = {row.id for row in found.values()}
    made += [Change(row, row.unit, False, DROPPED) for row in rows if row.listed and row.id not in kept]
    return made


def differences(old: Unit, new: Unit) -> Iterator[str]:
    """In what a unit is another than it was, for a clerk."""
    for name, word in WORDS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            before, after = (LEVELS.get(one, one) if name == "level" else one for one in (before, after))
            yield f"{word}由“{before or '空'}”改为“{after or '空'}”"


def paired(rows: Sequence[UnitRow], units: Sequence[Unit]) -> dict[int, UnitRow]:
    """Place on the roster → the ledger's row: by code, else by name and parent, else by a name that is the only one
    (two of one name under different parents and codes are two)."""
    found: dict[int, UnitRow] = {}
    keys: tuple[Callable[[Unit], Hashable], ...] = (
        lambda unit: unit.code,
        lambda unit: (label_key(unit.name), label_key(unit.parent)),
        lambda unit: label_key(unit.name),
    )
    for key in keys:
        taken = {row.id for row in found.values()}
        free = _single((key(row.unit), row) for row in rows if row.id not in taken)
        open_units = _single((key(unit), unit) for unit in units if unit.order not in found)
        found |= {
            unit.order: free[word]
            for word, unit in open_units.items()
            if word and word in free and not (key is keys[-1] and unit.code and free[word].unit.code)
        }
    return found


def _single(many: Iterable[tuple[Hashable, T]]) -> dict[Hashable, T]:
    """Key → the one that has it; what two have is nobody's."""
    groups: dict[Hashable, list[T]] = {}
    for key, one in many:
        groups.setdefault(key, []).append(one)
    return {word: group[0] for word, group in groups.items() if len(group) == 1}


def applied(rows: Sequence[UnitRow], todo: Sequence[Change]) -> list[UnitRow]:
    """The rows after the changes to those that are there already; new units have no row yet."""
    by_id = {change.row.id: change for change in todo if change.row is not None}
    return [by_id[row.id].row_after(row.id) if row.id in by_id else row for row in rows]

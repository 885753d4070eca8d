"""Subset: a part of the roster that is added up by itself, by kind or by any column the county keeps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xltools.errors import UsageError
from xltools.roster import CONSOLIDATED, KINDS, Roster, Unit


@dataclass(frozen=True)
class Subset:
    """Units of one of these kinds, and with one of these words in each of these columns."""

    kinds: tuple[str, ...] = ()
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    roster: Roster | None = None

    @property
    def words(self) -> str:
        """What was chosen, as it stands in the roll-up's title: 部门 or 片区为东片、西片."""
        chosen = ["、".join(self.kinds)] if self.kinds else []
        return "，".join([*chosen, *(f"{head}为{'、'.join(words)}" for head, words in self.columns)])

    def takes(self, unit: Unit) -> bool:
        known = self.roster.find(unit) if self.roster is not None else None
        cells = self.roster.cells.get(known.key, {}) if self.roster is not None and known is not None else {}
        return (not self.kinds or (known or unit).kind in self.kinds) and all(
            cells.get(head) in words for head, words in self.columns
        )

    def may_take(self, unit: Unit) -> bool:
        """Whether a unit may be one of them for all that is known: of a unit that is not on the roster nobody can
        say what stands in a column."""
        outside = self.roster is not None and self.roster.find(unit) is None
        return self.takes(unit) or (outside and (not self.kinds or unit.kind in self.kinds))

    def of_roster(self) -> Roster | None:
        if self.roster is None:
            return None
        return replace(self.roster, units=tuple(unit for unit in self.roster if self.takes(unit)))

    def signed(self, unit: Unit) -> Unit:
        """Who signs it: named and coded so that nobody takes a part of the county for the whole."""
        code = f"{unit.code}-{_mark(self.words)}" if unit.code else ""
        return replace(unit, name=f"{unit.name}（{self.words}）", code=code)


def _mark(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:6]


def part_words(unit: Unit) -> str:
    """Which part of a government's units somebody signed for, as `Subset.signed` has it; "" for the whole.

    >>> part_words(Subset(("部门",)).signed(Unit(name="示例县", code="X1"))), part_words(Unit(name="示例县（部门）"))
    ('部门', '部门')
    """
    found = re.fullmatch("(.+)（(.+)）", unit.name)
    if found is None:
        return ""
    words = found[2]
    if unit.code:
        return words if unit.code.endswith(f"-{_mark(words)}") else ""
    kinds, *columns = words.split("，")
    plain = all(kind in (*KINDS, CONSOLIDATED) for kind in kinds.split("、")) or "为" in kinds
    return words if plain and all("为" in one for one in columns) else ""


def subset(roster: Roster | None, kinds: Sequence[str], where: Sequence[str]) -> Subset | None:
    """What `--kind 部门 --where 片区=东片` ask for; one column written twice takes either word.

    Raises UsageError for a kind, a column or a word that is not there: an empty roll-up helps nobody.
    """
    allowed = (*KINDS, CONSOLIDATED)
    if wrong := next((kind for kind in kinds if kind not in allowed), None):
        raise UsageError(f"--kind 没有“{wrong}”，只能是：{'、'.join(dict.fromkeys(allowed))}。")
    columns: dict[str, list[str]] = {}
    for one in where:
        head, sign, word = (part.strip() for part in one.partition("="))
        if not (head and sign and word):
            raise UsageError(f"--where 要写成 列=值，例如 片区=东片；写的是“{one}”。")
        if roster is None:
            raise UsageError("--where 按名单里的列选，要同时用 --units 给出名单。")
        heads = list(next(iter(roster.cells.values()), {}))
        if head not in heads:
            raise UsageError(f"名单里没有“{head}”这一列；有：{'、'.join(sorted(heads))}。")
        known = sorted({cells.get(head, "") for cells in roster.cells.values()} - {""})
        if word not in known:
            raise UsageError(f"名单的“{head}”一列里没有“{word}”；有：{'、'.join(known[:20])}。")
        columns.setdefault(head, []).append(word)
    if not kinds and not columns:
        return None
    chosen = tuple((head, tuple(dict.fromkeys(words))) for head, words in sorted(columns.items()))
    return Subset(tuple(one for one in dict.fromkeys(allowed) if one in kinds), chosen, roster)

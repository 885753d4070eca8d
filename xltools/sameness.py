"""Sameness: which of the units named in many files are one and the same, and which of them stand above others.

A unit is known by its code, else by parent and name.  Files of one unit need not agree on these: one has the
code, another only the name.  Counting such a unit twice, or two units as one, would be a wrong total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from xltools.roster import CONSOLIDATED, Roster, Unit
from xltools.words import label_key


class Sameness:
    """Over all units of one run.  Nothing depends on the order in which they are given."""

    def __init__(self, units: Iterable[Unit], roster: Roster | None = None) -> None:
        self._roster = roster
        known = {one.key: one for one in map(self.known, units)}
        self._first: dict[str, str] = {}  # key → the key it goes by
        self._doubts: dict[str, list[Unit]] = {}
        self._called: dict[str, list[Unit]] = {}  # name or code → the units called so
        for unit in (*(roster or ()), *known.values()):
            for word in words_of(unit):
                self._called.setdefault(word, []).append(unit)
        by_name: dict[str, list[Unit]] = {}
        for unit in sorted(known.values(), key=lambda one: (not one.code, not one.parent, one.key)):
            by_name.setdefault(label_key(unit.name), []).append(unit)
        for group in by_name.values():
            self._sort_out(group)

    def known(self, unit: Unit) -> Unit:
        """The roster's own record of a unit, else the unit as given."""
        return (self._roster.find(unit) if self._roster is not None else None) or unit

    def key(self, unit: Unit) -> tuple[str, bool]:
        """Equal for units that are the same.  What a county reports itself and what it has added up are two things."""
        key = self.known(unit).key
        return self._first.get(key, key), unit.kind == CONSOLIDATED

    def doubts(self, unit: Unit) -> list[Unit]:
        """Units of the same name that may be this one under another code, or one of several it may be."""
        return self._doubts.get(self.known(unit).key, [])

    def above(self, unit: Unit) -> set[str]:
        """Names and codes of all that stand above a unit, as far as any file or the roster says."""
        found: set[str] = set()
        waiting = [self.known(unit).parent, unit.parent]
        while waiting:
            word = label_key(waiting.pop())
            if word and word not in found:
                found.add(word)
                for one in self._called.get(word, ()):
                    found |= words_of(one)
                    waiting.append(one.parent)
        return found

    def unknown_above(self, unit: Unit) -> set[str]:
        """Of the names and codes above a unit, those by which no unit of this run or of the roster goes."""
        return self.above(unit) - self._called.keys()

    def _sort_out(self, group: list[Unit]) -> None:
        """Units of one name, those that say most first: each is one of the earlier ones, or another."""
        firsts: list[Unit] = []
        for unit in group:
            near = [one for one in firsts if _same_parent(unit, one)]
            fitting = [one for one in near if not (unit.code and one.code)]
            if len(fitting) == 1:
                self._first[unit.key] = fitting[0].key
                continue
            for one in near:  # several it may be; or another code for the same name under the same parent
                if not (self._listed(unit) and self._listed(one)):
                    self._doubts.setdefault(unit.key, []).append(one)
                    self._doubts.setdefault(one.key, []).append(unit)
            firsts.append(unit)

    def _listed(self, unit: Unit) -> bool:
        return self._roster is not None and unit.key in self._roster.by_key


def shown_names(units: Sequence[Unit]) -> list[str]:
    """What units are called where several stand together: by name, and of one name also by parent, else by code.

    >>> shown_names([Unit(name="财政局", parent="甲县"), Unit(name="财政局", parent="乙县"), Unit(name="城关镇")])
    ['财政局（甲县）', '财政局（乙县）', '城关镇']
    """
    names = Counter(unit.name for unit in {unit.key: unit for unit in units}.values())
    with_parent = Counter((unit.name, unit.parent) for unit in {unit.key: unit for unit in units}.values())

    def shown(unit: Unit) -> str:
        if names[unit.name] == 1:
            return unit.name
        apart = unit.parent if with_parent[unit.name, unit.parent] == 1 else unit.code
        return f"{unit.name}（{apart}）" if apart else unit.name

    return [shown(unit) for unit in units]


def words_of(unit: Unit) -> set[str]:
    """What a unit may be called where another names it as its parent."""
    return {label_key(word) for word in (unit.name, unit.code) if word}


def _same_parent(one: Unit, other: Unit) -> bool:
    return not one.parent or not other.parent or label_key(one.parent) == label_key(other.parent)

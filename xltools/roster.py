"""Unit and Roster: who has to report.  Reading a roster file is reading/rosters.py's matter.

A unit is known by its code; a unit without one by its parent and name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xltools.words import label_key

KINDS = ("本级", "部门", "乡镇街道", "功能区", "已汇总")
LEVELS = {"town": "乡级", "county": "县级", "city": "市级", "province": "省级"}
MOST_NAME = 100  # characters of a unit's name
ITSELF = "本级"  # the kind of a government's own report, which bears the name of the whole
OFFICE = "部门"  # the kind of an office of a government
CONSOLIDATED = "已汇总"  # the kind of a unit whose workbook is itself a roll-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One reporting unit.  `level` is that of its government: a county's bureau has `county`."""

    name: str
    code: str = ""
    kind: str = "乡镇街道"
    level: str = "town"
    parent: str = ""
    contact: str = ""
    phone: str = ""
    due: str = ""  # ISO date
    order: int = 0

    @property
    def key(self) -> str:
        """What makes it the same unit in two files: its code, else parent and name.

        >>> Unit(name="布海镇", code="U220183104").key, Unit(name="布海镇", parent="德惠市").key
        ('U220183104', '德惠市/布海镇')
        """
        return self.code or f"{self.parent}/{self.name}"

    def identity(self) -> dict[str, str]:
        """The part of a unit that travels in its workbook."""
        return {
            "unit": self.name,
            "code": self.code,
            "kind": self.kind,
            "level": self.level,
            "parent": self.parent,
        }


@dataclass(frozen=True)
class Roster:
    """The units that have to report, in the order of the county's list."""

    units: tuple[Unit, ...]
    source: str = ""
    cells: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    # key of a unit → head of a column → what stands there, whatever columns the county keeps

    @cached_property
    def by_key(self) -> Mapping[str, Unit]:
        return {unit.key: unit for unit in self.units}

    @cached_property
    def _by_name(self) -> Mapping[str, list[Unit]]:
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            found.setdefault(unit.name, []).append(unit)
        return found

    def find(self, unit: Unit) -> Unit | None:
        """The roster's own record of a unit: by key, else by its name where that name is unique and one of
        the two has no code."""
        if found := self.by_key.get(unit.key):
            return found
        named = self._by_name.get(unit.name, [])
        return named[0] if len(named) == 1 and not (named[0].code and unit.code) else None

    @cached_property
    def name_keys(self) -> tuple[tuple[str, Unit], ...]:
        """What is left of each unit's name for comparing, in the order of the list."""
        return tuple((label_key(unit.name), unit) for unit in self.units)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {unit.key: place for place, unit in enumerate(self.units)}

    def place(self, unit: Unit) -> int:
        """Where a unit of the roster stands on it, from 0."""
        return self._places[unit.key]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.units)

    def __len__(self) -> int:
        return len(self.units)


def issue_number(form_key: str, unit: Unit, year: int) -> str:
    """The number a template is issued under: a function of form, unit and year, so that any of them edited
    afterwards shows.  Begins with a letter, so that no program takes it for a number."""
    parts = (form_key, str(year), *unit.identity().values())
    return f"I{year}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:10]}"

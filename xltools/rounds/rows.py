"""Rows: what a ledger holds, a class per table.  What they mean is states.py's matter."""

from __future__ import annotations

from dataclasses import dataclass

from xltools.finding import Outcome
from xltools.roster import Unit
from xltools.rounds.standing import Closing, State


@dataclass(frozen=True, slots=True)
class UnitRow:
    id: int
    unit: Unit
    listed: bool  # on the roster
    dropped: bool = False  # it was, and is no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    number: str
    unit: int
    form: str
    year: int
    then: Unit
    file: str
    sha256: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    id: int
    sha256: str
    path: str  # relative to the folder
    name: str
    source: str
    at: str
    unit: int | None
    number: int | None
    outcome: Outcome | None
    errors: int
    queries: int
    notes: int
    substance: str
    sentence: str
    void: bool
    pinned: bool
    reason: str
    marked: str
    returned: bool
    late: bool = False
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalRow:
    sha256: str
    source: str
    name: str
    at: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    at: str
    unit: int
    state: State
    cause: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRow:
    """A roll-up that was made.  `file` is relative to the folder where it lies in it."""

    at: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The whole ledger at one moment."""

    units: tuple[UnitRow, ...] = ()
    copies: tuple[CopyRow, ...] = ()
    receipts: tuple[ReceiptRow, ...] = ()  # in the order of receipt
    strays: tuple[ArrivalRow, ...] = ()  # what was not kept
    events: tuple[EventRow, ...] = ()
    merged: frozenset[int] = frozenset()  # receipts in the latest roll-up
    rollup: RollupRow | None = None  # the latest
    closing: Closing | None = None

"""Rows: what a ledger holds, a class per table.  What they mean is states.py's matter."""

from __future__ import annotations

from dataclasses import dataclass

from xltools.finding import Outcome
from xltools.roster import Unit
from xltools.rounds.standing import Closing, State

INSIDE = " > "  # in a source, between a container and what is in it


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
class Basis:
    """What a roll-up was made from, beside the receipts in it."""

    county: str  # who collected then
    units: tuple[UnitRow, ...]  # the roster of then: places and identities
    left: frozenset[int]  # receipts that might have gone in and were left out, as the merge said


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRow:
    """A roll-up that was made.  `file` is relative to the folder where it lies in it."""

    at: str
    file: str
    sha256: str
    basis: Basis | None = None  # of one that an older version recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the round collects, and for whom, as it began."""

    form: str
    year: int
    county: str


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
    rollups: frozenset[str] = frozenset()  # the files of all that were made
    closing: Closing | None = None
    subject: Subject | None = None  # not known of a ledger that an older version began
    written: frozenset[str] = (
        frozenset()
    )  # SHA-256 of every copy that went out: any other file is somebody's own

    @property
    def is_running(self) -> bool:
        """Whether anything went out or came in."""
        return bool(self.copies or self.receipts)

"""Standing: where every unit of a round is, as the ledger tells it.  Frozen nouns; reading them is ledger.py's matter.

Times are those of the ledger's clock, which never runs back, as `2021-01-15T09:30:00`; no file's own time counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from xltools.finding import Outcome
from xltools.form import Value
from xltools.roster import Unit


class State(StrEnum):
    """Where a unit is.  In the order of the work; 逾期 is 未下发 or 已下发 with the day gone by."""

    NOT_ISSUED = "未下发"
    ISSUED = "已下发"
    RECEIVED = "已收"  # kept, and not checked yet: a run that was cut off
    RETURNED = "退回"
    QUERIED = "待核实"
    PASSED = "通过"
    MERGED = "已汇总"
    OVERDUE = "逾期"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has something to do."""
        return self not in (State.PASSED, State.MERGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """That a round was closed, and the archive it was sealed in."""

    at: str
    file: str  # relative to the folder
    sha256: str  # of the archive
    reason: str = ""  # why it was closed while something was open


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One total that would be another."""

    item: str
    label: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a file that came after the closing would change in the totals, if it were counted."""

    why_not: str = ""  # why that cannot be told
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One file of a unit as it came in: different bytes are a new receipt, the same bytes are not."""

    number: int  # 第 n 次报送, in the order of the ledger
    sha256: str
    name: str  # as received
    source: str  # where it was found: a path, `收件.zip > 甲镇.xlsx`
    at: str
    outcome: Outcome
    errors: int
    queries: int  # without an explanation
    notes: int
    path: Path  # the original bytes, read-only
    superseded: bool = False  # a later one, or a pinned one, counts instead
    void: bool = False
    pinned: bool = False
    reason: str = ""  # of the pin, or of voiding it
    returned: bool = False  # a marked workbook of it has been written
    marked: Path | None = None  # that workbook, for the board to lead to
    late: bool = False  # came after the closing: kept, checked, and never counted
    effect: Effect | None = None  # of a late one, once it was weighed

    @property
    def title(self) -> str:
        return f"第{self.number}次报送"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of a unit's state, or another thing that happened to it, with its cause and the file it is about."""

    at: str
    state: State
    cause: str
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class UnitStanding:
    """One unit of the roster in this round."""

    unit: Unit
    state: State
    overdue: bool = False  # the day has gone by and no report of it can be merged
    returns: int = 0  # how many of its receipts had to go back
    issued: bool = False
    due: str = ""  # its own day, else the round's; ISO
    receipts: tuple[Receipt, ...] = ()  # all of them, voided ones too, in the order they came
    events: tuple[Event, ...] = ()
    dropped: bool = False  # no longer on the roster; what it sent is kept and not merged

    @cached_property
    def current(self) -> Receipt | None:
        """The receipt that counts: neither voided nor superseded nor late."""
        counting = (one for one in self.receipts if not (one.void or one.superseded or one.late))
        return next(counting, None)

    @property
    def asks(self) -> bool:
        """Whether a report that is in the roll-up still wants an explanation: being added up answers nothing."""
        return self.state is State.MERGED and self.current is not None and self.current.queries > 0

    @property
    def is_open(self) -> bool:
        """Whether somebody still has something to do."""
        return self.state.is_open or self.asks

    @property
    def words(self) -> str:
        """The state as it is shown: 退回(2)."""
        return f"{self.state}({self.returns})" if self.state is State.RETURNED else self.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A file that came in and belongs to no unit, with one sentence why."""

    name: str
    source: str
    at: str
    sentence: str
    sha256: str = ""
    path: Path | None = None  # the original bytes where they were kept


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledUp:
    """The latest roll-up as the ledger has it, and what of it is not so any more, a sentence each."""

    at: str
    file: str  # relative to the folder where it lies in it
    sha256: str
    amiss: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Board:
    """A whole round at one moment."""

    folder: Path
    title: str  # of the form, with its year
    form_key: str
    year: int
    county: str  # who collects; "" where nobody said
    due: str  # ISO date, "" where there is none
    units: tuple[UnitStanding, ...]  # in the order of the roster
    strays: tuple[Stray, ...] = ()
    strangers: tuple[UnitStanding, ...] = ()  # units that sent something and are not on the roster
    gone: tuple[UnitStanding, ...] = ()  # were on the roster and sent nothing: only their story is told
    made_at: str = ""
    rollup: RolledUp | None = None
    closing: Closing | None = None
    notices: tuple[str, ...] = ()  # sentences about the folder

    @property
    def amiss(self) -> tuple[str, ...]:
        """What of the roll-up is not so any more."""
        return self.rollup.amiss if self.rollup is not None else ()

    @property
    def counted_to(self) -> str:
        """Up to when days are counted: a closed round grows no later."""
        return self.closing.at if self.closing is not None else self.made_at

    @property
    def late(self) -> tuple[tuple[UnitStanding, Receipt], ...]:
        """What came after the closing, unit by unit."""
        everybody = (*self.units, *self.strangers)
        return tuple((one, receipt) for one in everybody for receipt in one.receipts if receipt.late)

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do: a unit that has not passed, a report of a unit nobody listed, a roll-up
        that is not what counts now, or a roster without a unit.

        Of a closed round nothing is.
        """
        return self.closing is None and (
            not self.units
            or bool(self.amiss)
            or any(one.is_open for one in self.units)
            or any(not one.dropped and one.current is not None for one in self.strangers)
        )

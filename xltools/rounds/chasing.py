"""Chasing: who has to be asked for what, and by how many days it is late.  Judged by the board alone.

Days are counted up to the day the board was made, so that the same board always says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from xltools.roster import CONSOLIDATED, KINDS
from xltools.rounds.standing import Board, State, UnitStanding

WHY = {  # what a unit is asked for; a state that is not here asks nothing of the unit
    State.NOT_ISSUED: "还没有下发模板",
    State.ISSUED: "没有报送",
    State.OVERDUE: "没有报送",
    State.RETURNED: "退回，要改",
    State.QUERIED: "待核实，要说明",
}
_KINDS = (*KINDS, CONSOLIDATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chase:
    """One unit that has to be asked, and for what."""

    standing: UnitStanding
    why: str
    days: int  # past the due date on the day of the board; 0 where there is none or it has not passed

    @property
    def wants_template(self) -> bool:
        """Whether nothing was handed out to it yet, so that the county has to act first."""
        return not self.standing.issued and self.standing.current is None


def to_chase(board: Board) -> tuple[Chase, ...]:
    """Who has not sent or has to mend, by kind and then in the order of the roster."""
    asked = [one for one in board.units if one.state in WHY and not one.dropped]
    asked.sort(key=lambda one: _KINDS.index(one.unit.kind) if one.unit.kind in _KINDS else len(_KINDS))
    return tuple(Chase(standing=one, why=WHY[one.state], days=days_overdue(one, board)) for one in asked)


def days_overdue(standing: UnitStanding, board: Board) -> int:
    """Whole days since the unit's due date; 0 where nothing is late.

    >>> from pathlib import Path
    >>> from xltools.roster import Unit
    >>> board = Board(folder=Path(), title="", form_key="", year=2023, county="", due="2024-01-15", units=(),
    ...               made_at="2024-01-18T09:00:00")
    >>> late = UnitStanding(unit=Unit(name="示例镇"), state=State.ISSUED, due="2024-01-15")
    >>> days_overdue(late, board)
    3
    """
    due, today = day(standing.due or board.due), day(board.made_at)
    if due is None or today is None or not standing.state.is_open:
        return 0
    return max(0, (today - due).days)


def day(text: str) -> date | None:
    """The day of an ISO date or time; None for anything else, since a roster's own words may stand there."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def day_words(text: str) -> str:
    """
    >>> day_words("2024-01-15"), day_words("月底前"), day_words("")
    ('2024年1月15日', '月底前', '')
    """
    found = day(text)
    return f"{found.year}年{found.month}月{found.day}日" if found else text

"""Chasing: who has to be asked for what, and by how many days it is late.  Judged by the board alone.

Days are counted up to the day the board was made, so that the same board always says the same, or was closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from xltools.compute import as_number
from xltools.roster import KINDS
from xltools.rounds.standing import Board, Closing, Effect, Receipt, Shift, State, UnitStanding
from xltools.words import number_text

WHY = {  # what a unit is asked for; a state that is not here asks nothing of the unit
    State.NOT_ISSUED: "还没有下发模板",
    State.ISSUED: "没有报送",
    State.OVERDUE: "没有报送",
    State.RETURNED: "退回，要改",
    State.QUERIED: "待核实，要说明",
}
MOST_SHIFTS = 5  # of a late file, told in one sentence; all of them are in `log` and `status --format json`


@dataclass(frozen=True, slots=True, kw_only=True)
class Chase:
    """One unit that has to be asked, and for what."""

    standing: UnitStanding
    why: str
    days: int  # past the due date on the day of the board; 0 where there is none or it has not passed


def to_chase(board: Board) -> tuple[Chase, ...]:
    """Who has not sent or has to mend, by kind and then in the order of the roster; nobody once it is closed."""
    if board.closing is not None:
        return ()
    asked = [one for one in board.units if (one.state in WHY or one.asks) and not one.dropped]
    asked.sort(key=lambda one: KINDS.index(one.unit.kind) if one.unit.kind in KINDS else len(KINDS))
    return tuple(Chase(standing=one, why=_why(one), days=days_overdue(one, board)) for one in asked)


def _why(one: UnitStanding) -> str:
    """A unit that was handed nothing cannot have sent anything, however late it is: the county acts first."""
    nothing_yet = one.current is None and not one.issued
    if one.asks:
        return WHY[State.QUERIED]
    return WHY[State.NOT_ISSUED] if nothing_yet else WHY[one.state]


def days_overdue(standing: UnitStanding, board: Board) -> int:
    """Whole days since the due date of a unit whose report is late; 0 for any other.

    >>> from pathlib import Path
    >>> from xltools.roster import Unit
    >>> board = Board(folder=Path(), title="", form_key="", year=2023, county="", due="2024-01-15", units=(),
    ...               made_at="2024-01-18T09:00:00")
    >>> late = UnitStanding(unit=Unit(name="示例镇"), state=State.OVERDUE, overdue=True)
    >>> days_overdue(late, board)
    3
    """
    due, today = day(standing.due or board.due), day(board.counted_to)
    if due is None or today is None or not standing.overdue:
        return 0
    return max(0, (today - due).days)


def state_words(standing: UnitStanding, board: Board) -> str:
    """The state with the days it is late: 退回(2)，逾期3天."""
    days = days_overdue(standing, board)
    if not days:
        return standing.words
    late = f"逾期{days}天"
    return late if standing.state is State.OVERDUE else f"{standing.words}，{late}"


def problem_words(receipt: Receipt | None) -> str:
    """What was found in a report, in as few words as a column has room for."""
    if receipt is None:
        return ""
    counts = ((receipt.errors, " 处要改"), (receipt.queries, " 处要说明"), (receipt.notes, " 处提示"))
    return "，".join(f"{count}{words}" for count, words in counts if count)


def counts_words(board: Board) -> str:
    """How many units are in which state."""
    states = [one.state for one in board.units]
    counts = [f"{state} {states.count(state)}" for state in State if state in states]
    if not states:
        return "单位名单里一个单位也没有。"
    return f"共 {len(states)} 个单位：{'，'.join(counts)}{late_words(board)}。"


def late_words(board: Board) -> str:
    """How many units are past their day; a returned report can be late as well as one that never came."""
    late = sum(days_overdue(one, board) > 0 for one in board.units)
    return f"；过了期限还没报好的 {late} 个" if late else ""


def closing_words(closing: Closing) -> str:
    return f"{time_words(closing.at)} 封存，在 {closing.file}"


def late_receipts(board: Board) -> Iterator[str]:
    """A line for each file that came after the closing."""
    for one, receipt in board.late:
        said = f"{one.unit.name} {receipt.title}“{receipt.name}”（{receipt.outcome.words}）"
        yield f"{said}：{effect_words(receipt.effect)}。"


def effect_words(effect: Effect | None, *, in_full: bool = True) -> str:
    """What a file that came after the closing would change; `in_full` with the first few figures.

    >>> effect_words(Effect(shifts=(Shift(item="a.b.c", label="合计", before=3, after=5),)))
    '不计入汇总；计入的话汇总数有 1 处会变：合计由 3 变为 5（+2）'
    """
    if effect is None:
        return "不计入汇总；对汇总数的影响还没有算，再运行一次 collect 就会算"
    if effect.why_not:
        return f"不计入汇总（{effect.why_not}）"
    if not effect.shifts:
        return "不计入汇总；计入的话汇总数也不变"
    told = "、".join(map(shift_words, effect.shifts[:MOST_SHIFTS])) if in_full else ""
    more = "等" if in_full and len(effect.shifts) > MOST_SHIFTS else ""
    return f"不计入汇总；计入的话汇总数有 {len(effect.shifts)} 处会变{'：' if in_full else ''}{told}{more}"


def shift_words(one: Shift) -> str:
    before, after = (number_text(value) if value is not None else "空白" for value in (one.before, one.after))
    change = difference(one)
    return f"{one.label}由 {before} 变为 {after}（{'+' if change > 0 else ''}{number_text(change)}）"


def difference(one: Shift) -> int | Decimal:
    """By how much a total would be another; one that is blank adds nothing."""
    return (as_number(one.after) or 0) - (as_number(one.before) or 0)


def time_words(at: str) -> str:
    """
    >>> time_words("2024-01-18T09:30:15")
    '2024-01-18 09:30'
    """
    return at[:16].replace("T", " ")


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

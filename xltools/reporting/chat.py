"""What one unit is told in a chat: a short text, ready to paste, for every unit with which something is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from xltools.reporting.notice import notice
from xltools.reporting.text import one_line
from xltools.returning import SentBack
from xltools.rounds.chasing import day, day_words, days_overdue, problem_words
from xltools.rounds.standing import Board, State, UnitStanding

SEND_BACK = "填好后直接发回这份文件"


def chat_texts(board: Board, backs: Iterable[SentBack] = ()) -> Iterator[tuple[UnitStanding, str]]:
    """Every unit of the roster with which something is open, with its text.

    `backs` are what goes back for the receipts that count; a receipt without one is told by its counts alone.
    """
    by_content: Mapping[str, SentBack] = {back.checked.filing.sha256: back for back in backs}
    for one in board.units:
        if one.is_open and not one.dropped and board.closing is None:
            back = by_content.get(one.current.sha256) if one.current is not None else None
            yield one, chat_text(one, board, back)


def chat_text(one: UnitStanding, board: Board, back: SentBack | None = None) -> str:
    """
    >>> from pathlib import Path
    >>> from xltools.roster import Unit
    >>> board = Board(folder=Path(), title="2023年年度报告", form_key="", year=2023, county="", due="2024-01-15",
    ...               units=(), made_at="2024-01-10T09:00:00")
    >>> chat_text(UnitStanding(unit=Unit(name="示例镇"), state=State.ISSUED, issued=True), board)
    '【示例镇】2023年年度报告还没有收到，请于2024年1月15日前报送。请用下发给本单位的模板填报，填好后直接发回这份文件。'
    """
    head = f"【{one_line(one.unit.name)}】"
    receipt = one.current
    if receipt is None and not one.issued:
        return f"{head}{board.title}：填报模板见附件，{deadline(one, board)}。{SEND_BACK}。"
    if receipt is None:
        how = f"请用下发给本单位的模板填报，{SEND_BACK}。"
        return f"{head}{board.title}还没有收到，{deadline(one, board)}。{how}"
    if one.state is State.RECEIVED:
        return f"{head}{board.title}{receipt.title}收到了，正在核对。"
    asked = deadline(one, board, "改好后", "发回")
    if back is not None:
        return f"{notice(back)}\n{asked}。"
    problems = problem_words(receipt) or "还有问题"
    where = f"附件“{one_line(receipt.marked.name)}”里标着每一处。" if receipt.marked is not None else ""
    return f"{head}{board.title}{receipt.title}：{problems}。{where}{asked}。"


def deadline(one: UnitStanding, board: Board, after: str = "", do: str = "报送") -> str:
    """By when, or how late it is: 请于2024年1月15日前报送; 原定2024年1月15日前报送，已过3天，请改好后尽快发回."""
    text = one_line(one.due or board.due)
    if days := days_overdue(one, board):
        return f"原定{day_words(text)}前报送，已过{days}天，请{after}尽快{do}"
    due, today = day(text), day(board.made_at)
    is_past = due is not None and today is not None and due < today
    return f"请{after}尽快{do}" if not text or is_past else f"请{after}于{day_words(text)}前{do}"

"""The board of a round as workbooks: 看板.xlsx, where every unit is, and 催报名单.xlsx, who has to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xltools.geometry import Place, column_letters, wrapped_height
from xltools.rounds.chasing import (
    closing_words,
    counts_words,
    day_words,
    days_overdue,
    difference,
    effect_words,
    problem_words,
    state_words,
    time_words,
    to_chase,
)
from xltools.rounds.standing import Board, Receipt, State, UnitStanding
from xltools.writing import styles
from xltools.writing.annexes import FIRST_ROW, numbered, write_list
from xltools.writing.files import beside
from xltools.writing.sheet import BookWriter, SheetWriter
from xltools.writing.styles import CELL, COUNT, Style
from xltools.writing.worksheets import Shown

BOARD, LATE, OTHERS, CHASE = "看板", "封存后来件", "其他来件", "催报名单"
BOARD_HEADS = (
    "序号", "单位", "类别", "状态", "第几次", "问题", "最近一次", "期限", "收到的文件", "退回件", "联系人", "电话",
)  # fmt: skip
BOARD_WIDTHS = (5.0, 22.0, 11.0, 14.0, 7.0, 15.0, 18.0, 12.0, 26.0, 10.0, 9.0, 16.0)
LATE_HEADS = (
    "序号", "单位", "第几次", "文件", "收到时间", "核对结果", "对汇总数的影响", "封存的数", "计入的话", "相差",
)  # fmt: skip
LATE_WIDTHS = (5.0, 22.0, 7.0, 30.0, 18.0, 10.0, 60.0, 12.0, 12.0, 12.0)
OTHER_HEADS = ("序号", "文件", "从哪里来", "收到时间", "为什么没有算作报送")
OTHER_WIDTHS = (5.0, 30.0, 36.0, 18.0, 60.0)
CHASE_HEADS = (
    "序号", "单位", "类别", "事由", "状态", "问题", "期限", "逾期天数", "联系人", "电话", "催报记录",
)  # fmt: skip
CHASE_WIDTHS = (5.0, 22.0, 11.0, 16.0, 14.0, 16.0, 12.0, 9.0, 9.0, 16.0, 24.0)
GOOD: Style = {"bg_color": styles.GOOD_FILL}
WAITING: Style = {"bg_color": styles.WAIT_FILL}
LOOKS: Mapping[State, Style] = {  # a colour beside the words, never in their place
    State.NOT_ISSUED: {"font_color": styles.QUIET_INK},
    State.ISSUED: {},
    State.RECEIVED: {"bg_color": styles.SAID_FILL},
    State.RETURNED: styles.FAULT,
    State.QUERIED: WAITING,
    State.PASSED: GOOD,
    State.MERGED: {**GOOD, "bold": True},
    State.OVERDUE: styles.FAULT,
}


def write_board(board: Board) -> bytes:
    """看板.xlsx, to lie in the round's folder: its links lead to files from there."""
    book = BookWriter(f"{BOARD} {board.title}")
    sheet = book.sheet(BOARD)
    rows = [_board_row(one, board) for one in board.units]
    _list(sheet, heading(board), BOARD_HEADS, BOARD_WIDTHS, rows)
    for row, one in enumerate(board.units, FIRST_ROW):
        _show_state(sheet, row, BOARD_HEADS, one, board)
        if (receipt := one.current) is not None:
            _lead(sheet, row, "收到的文件", beside(receipt.path, board.folder), receipt.name)
            _lead(sheet, row, "退回件", beside(receipt.marked, board.folder), _marked(receipt))
    _plain_numbers(sheet, BOARD_HEADS, ("电话",), len(rows))
    if board.late:
        _list(book.sheet(LATE), heading(board), LATE_HEADS, LATE_WIDTHS, list(_late_rows(board)))
    others = [*_strange_rows(board), *_stray_rows(board)]
    if others:
        _list(book.sheet(OTHERS), heading(board), OTHER_HEADS, OTHER_WIDTHS, others)
    return book.close()


def write_chase(board: Board) -> bytes:
    """催报名单.xlsx: who has not sent or has to mend, to be printed and ticked off by hand."""
    book = BookWriter(f"{CHASE} {board.title}")
    sheet = book.sheet(CHASE)
    chased = to_chase(board)
    rows = [
        [
            one.standing.unit.name, one.standing.unit.kind, one.why, state_words(one.standing, board),
            problem_words(one.standing.current), one.standing.due or board.due, one.days or None,
            one.standing.unit.contact, one.standing.unit.phone, "",
        ]
        for one in chased
    ]  # fmt: skip
    counted = f"逾期天数算到{day_words(board.made_at)}（制表当天），不会自己变。"
    note = f"{_round(board)}　要催的 {len(rows)} 个　{counted}"
    _list(sheet, note, CHASE_HEADS, CHASE_WIDTHS, rows)
    for row, one in enumerate(chased, FIRST_ROW):
        _show_state(sheet, row, CHASE_HEADS, one.standing, board)
    _plain_numbers(sheet, CHASE_HEADS, ("电话",), len(rows))
    return book.close()


def heading(board: Board) -> str:
    closed = closing_words(board.closing) if board.closing is not None else ""
    return "　".join(filter(None, (_round(board), closed, counts_words(board), *board.amiss)))


def _round(board: Board) -> str:
    due = f"期限{day_words(board.due)}" if board.due else ""
    return "　".join(filter(None, (board.county, board.title, due, f"制表 {time_words(board.made_at)}")))


def _board_row(one: UnitStanding, board: Board) -> list[Shown]:
    receipt = one.current
    return [
        one.unit.name, one.unit.kind, state_words(one, board), receipt.number if receipt else None,
        problem_words(receipt), time_words(receipt.at) if receipt else "", one.due or board.due,
        receipt.name if receipt else "", _marked(receipt) if receipt else "", one.unit.contact, one.unit.phone,
    ]  # fmt: skip


def _marked(receipt: Receipt) -> str:
    return "退回件" if receipt.marked is not None else ""  # its own name is long, and is seen on opening it


def _late_rows(board: Board) -> Iterable[Sequence[Shown]]:
    """What came after the closing, with a row for each figure that it would change."""
    for one, receipt in board.late:
        file = one.unit.name, receipt.number, receipt.name, time_words(receipt.at), receipt.outcome.words
        shifts = receipt.effect.shifts if receipt.effect is not None else ()
        if not shifts:
            yield *file, f"{effect_words(receipt.effect)}。", None, None, None
        for shift in shifts:
            yield *file, shift.label, shift.before, shift.after, difference(shift)


def _strange_rows(board: Board) -> Iterable[Sequence[Shown]]:
    for one in board.strangers:
        why = "名单里已经没有这个单位" if one.dropped else "名单里没有这个单位"
        for receipt in one.receipts:
            said = f"{one.unit.name}：{why}，没有计入。"
            yield receipt.name, receipt.source, time_words(receipt.at), said


def _stray_rows(board: Board) -> Iterable[Sequence[Shown]]:
    for one in board.strays:
        yield one.name, one.source, time_words(one.at), one.sentence


def _list(
    sheet: SheetWriter,
    note: str,
    heads: Sequence[str],
    widths: Sequence[float],
    rows: Sequence[Sequence[Shown]],
) -> None:
    """A numbered list; what stands above it may be long and is never cut off in print."""
    write_list(sheet, note, heads, widths, numbered(rows))
    sheet.put(Place(sheet.name, 2, 1, 2, 1), note, {"text_wrap": True, "valign": "vcenter"})  # merged already
    sheet.height(2, wrapped_height(note, sum(widths)))


def _place(sheet: SheetWriter, row: int, heads: Sequence[str], head: str) -> Place:
    column = heads.index(head) + 1
    return Place(sheet.name, row, column, row, column)


def _show_state(sheet: SheetWriter, row: int, heads: Sequence[str], one: UnitStanding, board: Board) -> None:
    sheet.put(_place(sheet, row, heads, "状态"), state_words(one, board), {**COUNT, **LOOKS[one.state]})
    if days := days_overdue(one, board):
        due = one.due or board.due
        sheet.put(_place(sheet, row, heads, "期限"), due, {**CELL, **styles.FAULT})
        if "逾期天数" in heads:
            sheet.put(_place(sheet, row, heads, "逾期天数"), days, {**COUNT, **styles.FAULT})


def _lead(sheet: SheetWriter, row: int, head: str, path: str, text: str) -> None:
    if path:
        sheet.file_link(_place(sheet, row, BOARD_HEADS, head), path, text, {**CELL, **styles.LINK})


def _plain_numbers(sheet: SheetWriter, heads: Sequence[str], texts: Sequence[str], rows: int) -> None:
    """Telephone numbers are texts; no green triangles on them."""
    letters = [column_letters(heads.index(head) + 1) for head in texts]
    if rows:
        sheet.text_numbers(f"{one}{FIRST_ROW}:{one}{FIRST_ROW + rows - 1}" for one in letters)

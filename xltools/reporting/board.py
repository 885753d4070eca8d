"""The board of a round: on a terminal, as JSON, and as the four files that `status` writes into its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from xltools.guarding import Output, guard
from xltools.reporting.chat import chat_texts
from xltools.reporting.json import figure
from xltools.reporting.notice import CUT
from xltools.reporting.page import board_page
from xltools.reporting.text import one_line, table
from xltools.returning import SentBack
from xltools.roster import Unit
from xltools.rounds.chasing import (
    closing_words,
    counts_words,
    day_words,
    days_overdue,
    late_receipts,
    problem_words,
    state_words,
    time_words,
    to_chase,
)
from xltools.rounds.folder import BOARD_FILES
from xltools.rounds.standing import Board, Effect, Receipt, State, UnitStanding
from xltools.saving import BESIDE
from xltools.writing.board import write_board, write_chase
from xltools.writing.files import write_whole

BOARD_SCHEMA = "xltools.board/1"
HEADS = ("", "单位", "状态", "第几次", "问题", "最近一次", "联系人", "电话")
MARKS = {
    State.NOT_ISSUED: "－",
    State.ISSUED: "○",
    State.RECEIVED: "●",
    State.RETURNED: "×",
    State.QUERIED: "▲",
    State.PASSED: "√",
    State.MERGED: "√",
    State.OVERDUE: "×",
}
BOARD_FILE, PAGE_FILE, CHASE_FILE, CHAT_FILE = BOARD_FILES


def board_report(board: Board) -> Iterator[str]:
    """What `status` prints: the counts, a table of all units, then what came in and is nobody's."""
    due = f"，期限{day_words(board.due)}" if board.due else ""
    yield f"{' '.join(filter(None, (one_line(board.county), board.title)))}{due}，{time_words(board.made_at)}"
    if board.closing is not None:
        yield one_line(closing_words(board.closing))
    yield counts_words(board)
    yield from map(one_line, board.amiss)
    if board.units:
        yield ""
        yield from table(HEADS, [_row(one, board) for one in board.units])
    if board.strangers:
        yield ""
        yield f"名单里没有的单位（{len(board.strangers)} 个），没有计入："
        yield from (f"  {_stranger(one)}" for one in board.strangers)
    if board.strays:
        yield ""
        yield f"没有算作报送的文件（{len(board.strays)} 个）："
        yield from (f"  {one_line(one.name)}：{one_line(one.sentence)}" for one in board.strays)
    if board.late:
        yield ""
        yield f"封存后收到的文件（{len(board.late)} 个）："
        yield from (f"  {one_line(words)}" for words in late_receipts(board))
    yield ""
    asked = to_chase(board)
    yield f"要催的 {len(asked)} 个。" if asked else "没有要催的。"


def _row(one: UnitStanding, board: Board) -> tuple[str, ...]:
    receipt = one.current
    return (
        MARKS[one.state],
        one_line(one.unit.name),
        state_words(one, board),
        str(receipt.number) if receipt else "",
        problem_words(receipt),
        time_words(receipt.at) if receipt else "",
        one_line(one.unit.contact),
        one_line(one.unit.phone),
    )


def _stranger(one: UnitStanding) -> str:
    why = "名单里已删去" if one.dropped else "名单里没有"
    files = "、".join(one_line(receipt.name) for receipt in one.receipts)
    return f"{one_line(one.unit.name)}（{why}）：{files}"


def board_document(board: Board) -> dict[str, Any]:
    """The object that `status --format json` prints."""
    states = [one.state for one in board.units]
    return {
        "schema": BOARD_SCHEMA,
        "title": board.title,
        "form": board.form_key,
        "year": board.year,
        "county": board.county,
        "due": board.due or None,
        "made_at": board.made_at,
        "open": board.is_open,
        "closed": _closing(board),
        "rollup": _rollup(board),
        "counts": {state.value: states.count(state) for state in State},
        "units": [_unit(one, board) for one in board.units],
        "strangers": [_unit(one, board) for one in board.strangers],
        "strays": [
            {"name": one.name, "source": one.source, "at": one.at, "sentence": one.sentence, "sha256": one.sha256}
            for one in board.strays
        ],
    }  # fmt: skip


def _closing(board: Board) -> dict[str, Any] | None:
    """When the round was closed, and in which archive."""
    one = board.closing
    return {"at": one.at, "file": one.file, "sha256": one.sha256, "reason": one.reason} if one else None


def _rollup(board: Board) -> dict[str, Any] | None:
    """The latest roll-up, and what of it is not so any more."""
    one = board.rollup
    return {"at": one.at, "file": one.file, "sha256": one.sha256, "amiss": list(one.amiss)} if one else None


def _unit(one: UnitStanding, board: Board) -> dict[str, Any]:
    unit: Unit = one.unit
    return {
        "code": unit.code,
        "name": unit.name,
        "kind": unit.kind,
        "contact": unit.contact,
        "phone": unit.phone,
        "state": one.state.value,
        "open": one.is_open,
        "issued": one.issued,
        "due": one.due or board.due or None,
        "overdue": one.overdue,
        "days_overdue": days_overdue(one, board),
        "returns": one.returns,
        "dropped": one.dropped,
        "current": one.current.number if one.current else None,
        "receipts": [_receipt(receipt) for receipt in one.receipts],
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "number": receipt.number,
        "file": receipt.name,
        "source": receipt.source,
        "at": receipt.at,
        "sha256": receipt.sha256,
        "outcome": receipt.outcome.value,
        "errors": receipt.errors,
        "queries": receipt.queries,
        "notes": receipt.notes,
        "superseded": receipt.superseded,
        "void": receipt.void,
        "pinned": receipt.pinned,
        "reason": receipt.reason,
        "late": receipt.late,
        "effect": _effect(receipt.effect),
    }


def _effect(effect: Effect | None) -> dict[str, Any] | None:
    """What a late file would change in the totals."""
    if effect is None:
        return None
    shifts = [
        {"item": one.item, "label": one.label, "before": figure(one.before), "after": figure(one.after)}
        for one in effect.shifts
    ]
    return {"why_not": effect.why_not, "shifts": shifts}


def write_board_files(board: Board, backs: Iterable[SentBack] = ()) -> list[tuple[Path, Path]]:
    """Writes the four files into the round's folder; gives where each was wanted and where it stands.

    The two differ where the old file is open in another program.  Raises WriteError, and UsageError where a report
    stands under one of these names.
    """
    files = (BOARD_FILE, CHASE_FILE, PAGE_FILE, CHAT_FILE)
    guard([Output("看板", board.folder / name) for name in files])
    texts = list(chat_texts(board, backs))
    made = {
        BOARD_FILE: write_board(board),
        CHASE_FILE: write_chase(board),
        PAGE_FILE: board_page(board, texts).encode("utf-8"),
        CHAT_FILE: _chat_file(text for _, text in texts),
    }
    wanted = {board.folder / name: data for name, data in made.items()}
    return [(path, write_whole(path, data, beside=BESIDE)) for path, data in wanted.items()]


def _chat_file(texts: Iterable[str]) -> bytes:
    said = "".join(f"{CUT}\n{text}\n\n" for text in texts) or "没有要催的。\n"
    return said.replace("\n", "\r\n").encode("utf-8-sig")  # for the Notepad of older Windows

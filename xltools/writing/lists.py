"""The lists of a workbook that goes back: 问题清单, and 搬运清单 where it was carried over."""

from __future__ import annotations

from collections.abc import Sequence

from xltools.finding import Level
from xltools.geometry import MOST_HEIGHT, Place, wrapped_height
from xltools.problems import (
    FIRST_ROW,
    HEAD_ROW,
    PROBLEM_HEADS,
    PROBLEMS,
    TRANSFER_HEADS,
    TRANSFERS,
    Problem,
    Transfer,
    place_words,
    problem_place,
    transfer_place,
)
from xltools.writing import styles
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import BOXED, CENTRED, LEFT, OPEN, Style
from xltools.writing.validation import text_validation
from xltools.writing.worksheets import Shown

CELL: Style = {**LEFT, **BOXED, "num_format": "@"}
SMALL_CELL: Style = {**styles.SMALL, **BOXED}
PROBLEM_WIDTHS = (5.0, 8.0, 22.0, 44.0, 14.0, 16.0, 34.0, 30.0, 12.0, 17.0)
TRANSFER_WIDTHS = (5.0, 10.0, 40.0, 24.0, 30.0, 24.0, 30.0, 40.0)
ADVICE = (
    "逐条改正“退回”的；“待核实”的确属实情就在“说明”栏写明原因。点“位置”跳到那一格，填错的格加了粗框和底色。"
    "改好后就把这一份发回来，不要另建；粗框和清单在下次核对后自然消失。"
)
CARRIED = (
    "这份报表的数和文字是由程序从原来的文件搬过来的，一个也没有猜；请逐条核对，没有找到位置的请自己补填。"
)


def write_problems(
    sheet: SheetWriter, heading: str, problems: Sequence[Problem], linked: Sequence[str]
) -> None:
    """`linked` are the sheets of this workbook, to which a place may lead."""
    counts = [f"{level.words} {n} 处" for level in Level if (n := _count(problems, level))]
    _head(sheet, PROBLEMS, f"{heading}：{'，'.join(counts) or '没有问题'}", ADVICE, PROBLEM_HEADS)
    heights = _head_heights(ADVICE, PROBLEM_WIDTHS)
    reasons = []
    for number, problem in enumerate(problems):
        values: tuple[Shown, ...] = (
            number + 1, problem.level, problem.place, problem.message, problem.found, problem.expected,
            problem.remedy, problem.reason, problem.rule, problem.fingerprint,
        )  # fmt: skip
        for head, value in zip(PROBLEM_HEADS, values, strict=True):
            place, style = problem_place(number, head), CELL
            if head == "程度":
                style = {**CENTRED, **BOXED, **styles.GRAVITY[problem.level]}
            elif head == "序号":
                style = {**CENTRED, **BOXED}
            elif head in PROBLEM_HEADS[-2:]:
                style = SMALL_CELL
            elif head == "说明" and problem.wants_reason:
                style = {**CELL, **OPEN}
                reasons.append(place)
            if head == "位置" and problem.sheet in linked:
                sheet.link(place, problem.sheet, problem.cell or "A1", problem.place, {**CELL, **styles.LINK})
            else:
                sheet.put(place, value, style)
        heights[FIRST_ROW + number] = _height(values, PROBLEM_WIDTHS)
    if reasons:
        sheet.validate(reasons, text_validation("说明", "“待核实”的，确属实情就在这里写明原因。"))
    _close(sheet, PROBLEM_WIDTHS, heights, len(problems))


def write_transfers(
    sheet: SheetWriter, heading: str, transfers: Sequence[Transfer], linked: Sequence[str]
) -> None:
    _head(sheet, TRANSFERS, heading, CARRIED, TRANSFER_HEADS)
    heights = _head_heights(CARRIED, TRANSFER_WIDTHS)
    for number, one in enumerate(transfers):
        target = place_words(one.sheet, one.cell)
        values: tuple[Shown, ...] = (
            number + 1, one.outcome, one.about, one.source, one.before, target, one.after, one.remark,
        )  # fmt: skip
        for head, value in zip(TRANSFER_HEADS, values, strict=True):
            place = transfer_place(number, head)
            if head == "搬到" and one.sheet in linked:
                sheet.link(place, one.sheet, one.cell or "A1", target, {**CELL, **styles.LINK})
            else:
                sheet.put(place, value, {**CENTRED, **BOXED} if head == "序号" else CELL)
        heights[FIRST_ROW + number] = _height(values, TRANSFER_WIDTHS)
    _close(sheet, TRANSFER_WIDTHS, heights, len(transfers))


def _count(problems: Sequence[Problem], level: Level) -> int:
    """An explained query is no longer asked, and counts as a note."""

    def counts_as(problem: Problem) -> str:
        explained = problem.level == Level.QUERY.words and problem.reason
        return Level.NOTE.words if explained else problem.level

    return sum(counts_as(problem) == level.words for problem in problems)


def _head(sheet: SheetWriter, title: str, heading: str, advice: str, heads: Sequence[str]) -> None:
    across = len(heads)
    sheet.put(Place(sheet.name, 1, 1, 1, across), title, styles.LABELS["title"])
    sheet.put(
        Place(sheet.name, 2, 1, 2, across), heading, {"font_name": styles.HEAD_FONT, "valign": "vcenter"}
    )
    sheet.put(Place(sheet.name, 3, 1, 3, across), advice, {"text_wrap": True, "valign": "vcenter"})
    for column, words in enumerate(heads, 1):
        sheet.put(Place(sheet.name, HEAD_ROW, column, HEAD_ROW, column), words, styles.LABELS["head"])


def _head_heights(advice: str, widths: Sequence[float]) -> dict[int, float]:
    return {1: 32.0, 2: 24.0, 3: wrapped_height(advice, sum(widths)), HEAD_ROW: 36.0}


def _height(values: Sequence[Shown], widths: Sequence[float]) -> float:
    need = (wrapped_height(str(value), width) for value, width in zip(values, widths, strict=True) if value)
    return min(MOST_HEIGHT, max(need))


def _close(sheet: SheetWriter, widths: Sequence[float], heights: dict[int, float], rows: int) -> None:
    sheet.grid(widths, heights)
    sheet.freeze(f"A{FIRST_ROW}")
    if rows:
        sheet.filter(Place(sheet.name, HEAD_ROW, 1, HEAD_ROW + rows, len(widths)))
    sheet.page(landscape=True, one_page=False, columns=len(widths), rows=HEAD_ROW + rows, repeat=HEAD_ROW)

"""The lists of a roll-up: 报送情况, 问题, 说明, 文字材料."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from xltools.detail import FINDINGS, REASON_HEADS, REASONS, STATUS, TEXTS, reason_place, text_place
from xltools.finding import Finding, Outcome
from xltools.geometry import MOST_HEIGHT, Place, wrapped_height
from xltools.problems import place_words
from xltools.result import Checked, CheckResult, MergeResult, represented
from xltools.rollup import Rollup
from xltools.writing import styles
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import CELL, COUNT, HEAD
from xltools.writing.worksheets import RowLook, Shown

HEAD_ROW, FIRST_ROW = 3, 4
TEXT_WIDTH = 48.0
MOST_SHOWN = 16_000  # characters; half of what a cell holds, since some count twice
STATUS_HEADS = (
    "序号",
    "单位",
    "单位代码",
    "类别",
    "情况",
    "是否计入",
    "报送文件",
    "问题数",
    "联系人",
    "电话",
)
STATUS_WIDTHS = (6.0, 30.0, 18.0, 12.0, 16.0, 10.0, 34.0, 9.0, 14.0, 18.0)
FINDING_HEADS = ("序号", "单位", "报送文件", "程度", "代码", "位置", "问题", "怎么改", "说明")
FINDING_WIDTHS = (6.0, 24.0, 26.0, 10.0, 8.0, 20.0, 70.0, 40.0, 30.0)
REASON_WIDTHS = (6.0, 9.0, 26.0, 24.0, 70.0, 50.0, 22.0)


def write_annexes(
    sheets: Mapping[str, SheetWriter],
    result: MergeResult,
    rollup: Rollup,
    status: Sequence[Sequence[Shown]],
) -> None:
    """`status` are the rows of 报送情况."""
    note = heading(rollup)
    write_list(sheets[STATUS], note, STATUS_HEADS, STATUS_WIDTHS, status)
    write_list(sheets[FINDINGS], note, FINDING_HEADS, FINDING_WIDTHS, finding_rows(result.checked))
    assert reason_place(0, "序号") == Place(REASONS, FIRST_ROW, 1, FIRST_ROW, 1)
    write_list(sheets[REASONS], note, REASON_HEADS, REASON_WIDTHS, reason_rows(rollup))
    write_texts(sheets[TEXTS], rollup)


def heading(rollup: Rollup) -> str:
    """What stands below every title: whose figures, of which year, how many units."""
    return f"{rollup.unit.name}　{rollup.year}年度　{rollup.form.edition}版　{rollup.coverage}"


def write_list(
    sheet: SheetWriter,
    note: str,
    heads: Sequence[str],
    widths: Sequence[float],
    rows: Sequence[Sequence[Shown]],
) -> None:
    """A table of texts under the name of its sheet: heads in row 3, rows below.  Written from top to bottom."""
    _head(sheet, note, heads, widths)
    text, count = (sheet.book.format(CELL), None), (sheet.book.format(COUNT), None)
    looks: dict[tuple[bool, ...], RowLook] = {}  # by which cells hold texts
    for row, values in enumerate(rows, FIRST_ROW):
        shown = [clipped(value) if isinstance(value, str) else value for value in values]
        need = (
            wrapped_height(value, width)
            for value, width in zip(shown, widths, strict=True)
            if isinstance(value, str)
        )
        sheet.height(row, min(MOST_HEIGHT, max((24.0, *need))))
        are_texts = tuple([isinstance(value, str) for value in shown])
        if are_texts not in looks:
            looks[are_texts] = RowLook([text if is_text else count for is_text in are_texts])
        sheet.alike(row, shown, looks[are_texts])
    if rows:
        sheet.filter(Place(sheet.name, HEAD_ROW, 1, HEAD_ROW + len(rows), len(heads)))
    _close(sheet, widths, HEAD_ROW + len(rows))


def write_texts(sheet: SheetWriter, rollup: Rollup) -> None:
    """Each unit's texts side by side.  A text higher than a row may be takes several, merged into one cell."""
    form = rollup.form
    widths = (6.0, 24.0, *([TEXT_WIDTH] * len(form.texts)))
    heads = ("序号", "单位", *(text.label for text in form.texts.values()))
    _head(sheet, heading(rollup), heads, widths)
    make = sheet.book.format
    formats = [make(COUNT), make(CELL), *([make({**CELL, "valign": "top"})] * len(form.texts))]
    look = RowLook([(fmt, None) for fmt in formats])
    assert [text_place(form, FIRST_ROW, name).column for name in form.texts] == [*range(3, len(widths) + 1)]
    row, names = FIRST_ROW, rollup.names
    for number, leaf in enumerate(rollup.leaves, 1):
        texts = [leaf.texts.get(name, "") for name in form.texts]
        need = max((wrapped_height(text, TEXT_WIDTH) for text in texts), default=24.0)
        rows = math.ceil(need / MOST_HEIGHT)
        last = row + rows - 1
        for at in range(row, last + 1):
            sheet.height(at, need / rows)
            values: Sequence[Shown] = (
                (number, names[number - 1], *texts) if at == row else [None] * len(formats)
            )
            sheet.alike(at, values, look)
        for column in range(1, len(formats) + 1) if rows > 1 else ():
            sheet.join(Place(TEXTS, row, column, last, column))
        row = last + 1
    _close(sheet, widths, row - 1)


def _head(sheet: SheetWriter, note: str, heads: Sequence[str], widths: Sequence[float]) -> None:
    sheet.grid(widths, {1: 32.0, 2: 18.0, HEAD_ROW: 24.0})
    sheet.put(Place(sheet.name, 1, 1, 1, len(heads)), sheet.name, styles.LABELS["title"])
    sheet.put(Place(sheet.name, 2, 1, 2, len(heads)), note, {"font_size": 9})
    for column, words in enumerate(heads, 1):
        sheet.put(Place(sheet.name, HEAD_ROW, column, HEAD_ROW, column), words, HEAD)


def _close(sheet: SheetWriter, widths: Sequence[float], last: int) -> None:
    sheet.freeze(f"A{FIRST_ROW}")
    sheet.page(landscape=True, one_page=False, columns=len(widths), rows=last, repeat=HEAD_ROW)


def clipped(text: str) -> str:
    """A text that a cell can hold: what a returned file says, or many units' words together, may be longer."""
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "……（太长，后略，全文见各单位的报表）"


# ---- rows


def status_rows(result: MergeResult) -> list[list[Shown]]:
    """Every file with what became of it, then the units from which nothing came."""
    checked = result.checked
    rows: list[list[Shown]] = []
    known: set[tuple[str, str]] = set()  # key and kind: who signs a roll-up has not reported itself
    files = sorted(
        zip(checked.filings, result.merged, strict=True), key=lambda pair: order_of(pair[0], checked)
    )
    for one, went in files:
        if one.outcome is Outcome.IGNORED:
            continue
        unit = one.filing.unit
        listed = checked.roster.find(unit) if checked.roster and unit else None
        who = listed or unit
        if one.filing.is_rollup and who is not None and unit is not None:
            speaks = {each.key for each in represented(one.filing, checked.roster)}
            who = who if who.key in speaks and listed else replace(who, kind=unit.kind)
        known.update({(who.key, who.kind)} if who else set())
        words = "重复的同一文件" if one.duplicate else "已选用另一份" if one.superseded else one.outcome.words
        rows.append([
            who.name if who else "（认不出单位）", who.code if who else "", who.kind if who else "",
            words, "是" if went else "否", one.filing.file, sum(f.is_open for f in one.findings),
            who.contact if who else "", who.phone if who else "",
        ])  # fmt: skip
    missing = result.rollup.missing if result.rollup is not None else ()
    rows += [
        [unit.name, unit.code, unit.kind, why, "否", "", None, unit.contact, unit.phone]
        for unit, why in missing
        if (unit.key, unit.kind) not in known
    ]
    return numbered(rows)


def status_texts(status: Sequence[Sequence[Shown]]) -> list[tuple[str, ...]]:
    """Of each of these rows who it is, what became of it and whether it is inside, as it stands there."""
    first = STATUS_HEADS.index("单位")
    return [tuple([clipped(str(words)) for words in row[first : first + 5]]) for row in status]


def order_of(one: Checked, checked: CheckResult) -> tuple[int, str, str]:
    """Roster order, then unit, then content: nothing of when or in which order files came."""
    unit, roster = one.filing.unit, checked.roster
    known = roster.find(unit) if roster and unit else None
    place = roster.place(known) if roster and known else len(roster or ())
    return place, unit.key if unit else "", one.filing.sha256


def finding_rows(checked: CheckResult) -> list[list[Shown]]:
    rows: list[list[Shown]] = []
    for one in sorted(checked.filings, key=lambda one: order_of(one, checked)):
        name = one.filing.unit.name if one.filing.unit else ""
        for finding in one.findings:
            rows.append([
                name, finding.file, level_words(finding), finding.code,
                place_words(finding.sheet or "", finding.cell or ""),
                finding.message, finding.remedy, finding.explained or "",
            ])  # fmt: skip
    return numbered(rows)


def level_words(finding: Finding) -> str:
    return "已说明" if finding.explained else finding.level.words


def reason_rows(rollup: Rollup) -> list[list[Shown]]:
    return numbered([
        [number, rollup.names[number - 1], reason.place, reason.matter, reason.text, reason.about]
        for number, leaf in enumerate(rollup.leaves, 1)
        for reason in leaf.reasons
    ])  # fmt: skip


def numbered(rows: Sequence[Sequence[Shown]]) -> list[list[Shown]]:
    return [[number, *row] for number, row in enumerate(rows, 1)]

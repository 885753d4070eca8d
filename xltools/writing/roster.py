"""单位名单.xlsx: the list of units to be filled in, with its choices, an example and what each column is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xltools.geometry import Place
from xltools.roster import KINDS, LEVELS, Unit
from xltools.writing import styles
from xltools.writing.sheet import BookWriter
from xltools.writing.styles import CELL, HEAD, OPEN, Style

SHEET = "单位名单"
HEADS = ("单位名称", "单位代码", "类别", "级别", "上级", "联系人", "电话", "截止日期")
WIDTHS = (30.0, 20.0, 12.0, 10.0, 20.0, 12.0, 18.0, 14.0)
EXAMPLE = ("示例：布海镇", "U220183104", "乡镇街道", "乡级", "德惠市", "张三", "0431-8700000", "2022-01-31")
ADVICE = (
    "从第 4 行起每行一个单位，单位名称必填。有代码的务必写上：改名后靠代码认得是同一个单位。"
    "截止日期只在与本次的不同时填。可以在右边加列。第 2 行是示例，不计入。"
)
HEAD_ROW, FIRST_ROW, SPARE_ROWS = (
    3,
    4,
    200,
)  # the example stands above the heads, where a reader passes it over


def write_roster(units: Iterable[Unit] = (), more: Mapping[str, Mapping[str, str]] | None = None) -> bytes:
    """The list with these units; `more` has further columns by a unit's key (head → text)."""
    rows = list(units)
    said = more or {}
    heads = (*HEADS, *dict.fromkeys(head for unit in rows for head in said.get(unit.key, {})))
    book = BookWriter(SHEET)
    sheet = book.sheet(SHEET)
    last = FIRST_ROW + max(SPARE_ROWS, len(rows)) - 1
    sheet.grid((*WIDTHS, *([16.0] * (len(heads) - len(HEADS)))), {1: 44.0, 2: 22.0, HEAD_ROW: 24.0})
    sheet.put(Place(SHEET, 1, 1, 1, len(heads)), ADVICE, {**styles.LEFT, "font_size": 9})
    quiet: Style = {**CELL, "italic": True, "font_color": styles.QUIET_INK, "num_format": "@"}
    for column, text in enumerate(EXAMPLE, 1):
        sheet.put(Place(SHEET, 2, column, 2, column), text, quiet)
    for column, head in enumerate(heads, 1):
        sheet.put(Place(SHEET, HEAD_ROW, column, HEAD_ROW, column), head, HEAD)
    open_cell = book.format({**CELL, **OPEN, "num_format": "@"})
    for at, row in enumerate(range(FIRST_ROW, last + 1)):
        values = _values(rows[at], said.get(rows[at].key, {}), heads) if at < len(rows) else [""] * len(heads)
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value, open_cell)
    for head, options in _validations().items():
        column = HEADS.index(head) + 1
        sheet.validate(
            [Place(SHEET, row, column, row, column) for row in range(FIRST_ROW, last + 1)], options
        )
    sheet.text_numbers([f"A{FIRST_ROW}:H{last}"])
    sheet.freeze(f"A{FIRST_ROW}")
    sheet.page(landscape=True, one_page=False, columns=len(heads), rows=last, repeat=HEAD_ROW)
    return book.close()


def _values(unit: Unit, more: Mapping[str, str], heads: Iterable[str]) -> list[str]:
    own = dict(
        zip(
            HEADS,
            (
                unit.name,
                unit.code,
                unit.kind,
                LEVELS[unit.level],
                unit.parent,
                unit.contact,
                unit.phone,
                unit.due,
            ),
            strict=True,
        )
    )
    return [own.get(head, more.get(head, "")) for head in heads]


def _validations() -> dict[str, dict[str, Any]]:
    """Choices for the columns that have some; a date is a text, so that no program turns it into another."""
    choice = {"validate": "list", "error_type": "stop", "error_title": "请从下拉列表里选"}
    return {
        "类别": {**choice, "source": list(KINDS), "error_message": "、".join(KINDS)},
        "级别": {**choice, "source": list(LEVELS.values()), "error_message": "、".join(LEVELS.values())},
        "截止日期": {
            "validate": "length", "criteria": "==", "value": 10, "error_type": "stop",
            "error_title": "截止日期", "error_message": "写成 2022-01-31 这样的十位日期。",
            "input_title": "截止日期", "input_message": "写成 2022-01-31；与本次的截止日期相同就空着。",
        },
    }  # fmt: skip

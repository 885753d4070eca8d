"""What a workbook that goes back has besides its figures: 问题清单, and 搬运清单 where it was carried over.

Nouns and places, shared by the writer of such workbooks and the reader that takes them in again, so that a
reason written on the list is found by the next check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xltools.geometry import Place

PROBLEMS, TRANSFERS = "问题清单", "搬运清单"
PROBLEM_HEADS = (
    "序号", "程度", "位置", "问题", "现在是", "应当是", "怎么改", "说明", "勾稽关系", "编号",
)  # fmt: skip
TRANSFER_HEADS = ("序号", "情况", "项目", "原来在", "原来是", "搬到", "现在是", "备注")
SOURCE, MOVED, MENDED, KEPT, RECOMPUTED, DIFFERS, NO_PLACE, NOT_FOUND = (
    "来源", "已搬", "已改写", "原样搬来", "合计重算", "合计不符", "没有位置", "没有找到",
)  # fmt: skip
LEFT_OUT = "没有计入"  # of a report filled in from a roll-up: a unit whose figures are not in it
HEAD_ROW, FIRST_ROW = 4, 5  # of both lists; above them a title, who it is of, what to do
MOST_ROWS = 2_000  # read of either list


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One row of 问题清单: a finding as the unit is shown it, and the reason the unit gives."""

    level: str  # 退回, 待核实, 提示
    message: str
    remedy: str
    fingerprint: str
    sheet: str = ""
    cell: str = ""
    found: str = ""
    expected: str = ""
    rule: str = ""  # rule line id
    reason: str = ""
    marked: tuple[str, ...] = ()  # cells of the sheet that are marked with it

    @property
    def place(self) -> str:
        return place_words(self.sheet, self.cell) or "整份文件"

    @property
    def is_held(self) -> bool:
        """Whether a fresh workbook shows nothing of it, so that only an answer settles it."""
        return re.fullmatch(r"[A-Z][0-9]{3}\.[0-9a-f]{8}", self.rule) is not None

    @property
    def wants_reason(self) -> bool:
        return self.level == "待核实" or (self.level == "退回" and self.is_held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One row of 搬运清单: what became of one figure or text of the workbook it was carried over from."""

    outcome: str  # MOVED …
    about: str  # what it is, in the form's words
    source: str  # where it stood
    before: str  # what stood there
    sheet: str = ""  # where it went
    cell: str = ""
    after: str = ""
    remark: str = ""


def place_words(sheet: str, cell: str) -> str:
    """
    >>> place_words("三、依申请公开", "D7"), split_place("〔三、依申请公开〕D7")
    ('〔三、依申请公开〕D7', ('三、依申请公开', 'D7'))
    """
    return f"〔{sheet}〕{cell}" if sheet else ""


def split_place(words: str) -> tuple[str, str]:
    """Sheet and cell of such words; both "" for any other."""
    sheet, closed, cell = words.removeprefix("〔").rpartition("〕")
    if not closed or not re.fullmatch(r"([A-Z]{1,3}[1-9][0-9]{0,6})?", cell):
        return "", ""
    return sheet, cell


def problem_place(number: int, head: str) -> Place:
    """The cell of the number-th problem (from 0) under a head."""
    row, column = FIRST_ROW + number, PROBLEM_HEADS.index(head) + 1
    return Place(PROBLEMS, row, column, row, column)


def transfer_place(number: int, head: str) -> Place:
    row, column = FIRST_ROW + number, TRANSFER_HEADS.index(head) + 1
    return Place(TRANSFERS, row, column, row, column)

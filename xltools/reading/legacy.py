"""Legacy: .xls (with WPS's .et, which is the same) and .ods, read in a process of their own.

    python -m xltools.reading.legacy  < the file  > {"sheets": […]} or {"refusal": […]}

`foreign` starts it.  Whatever goes wrong here ends this process only: it has little memory and little time,
and what it does not expect it does not catch.  xlrd reads .xls, because it keeps what decides about a figure
(error values, booleans, number formats), which python-calamine drops: an error value would pass for a blank
cell.  .ods is one part of XML, read in one pass as ours are, for the same reason.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from typing import Any

from xltools.filing import FormatKind
from xltools.geometry import address
from xltools.reading import archive
from xltools.reading.formats import format_kind, kept_code
from xltools.reading.parts import Attributes, PartReader
from xltools.reading.refusals import (
    DAMAGED,
    ENCRYPTED,
    MACROS,
    RESAVE,
    Refused,
    refuse_missing_part,
    refuse_too_large,
    refused,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_CELLS = 50_000  # of the workbook: thousands of reports
MOST_CHARACTERS = 4_000_000  # in all its cells
MOST_MEMORY = 768 * archive.MIB  # of addresses, which Python asks for more of than it uses
MOST_SECONDS = 20

Stored = tuple[str, str, "str | None", FormatKind, str]  # kind, text, formula, format and its code


class Grid:
    """One sheet as it goes to the parent process."""

    def __init__(self, name: str, budget: Budget, state: str = "visible") -> None:
        self.name, self.state, self.budget = name, state, budget
        self.cells: dict[str, Stored] = {}
        self.merges: list[str] = []

    def put(self, row: int, column: int, stored: Stored) -> None:
        self.budget.spend(1, len(stored[1]) + len(stored[2] or ""))
        self.cells[address(row, column)] = stored

    def merge(self, row: int, column: int, last_row: int, last_column: int) -> None:
        self.budget.spend(1, 0)
        self.merges.append(f"{address(row, column)}:{address(last_row, last_column)}")


class Budget:
    """What a workbook may still hold."""

    def __init__(self) -> None:
        self.cells, self.characters = MOST_CELLS, MOST_CHARACTERS

    def spend(self, cells: int, characters: int) -> None:
        self.cells -= cells
        self.characters -= characters
        if self.cells < 0 or self.characters < 0:
            refuse_too_large()


def main() -> None:
    limit_resources()
    data = sys.stdin.buffer.read()
    answer: dict[str, Any]
    try:
        grids = xls_grids(data) if data.startswith(OLE) else ods_grids(data)
        answer = {"sheets": [[one.name, one.state, one.cells, one.merges] for one in grids]}
    except Refused as why:
        answer = {"refusal": [why.refusal.code, why.refusal.sentence, why.refusal.remedy]}
    sys.stdout.write(json.dumps(answer))  # ASCII, whatever the console's code page


def limit_resources() -> None:
    if sys.platform == "win32":  # has none of these; the parent's clock still runs
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# ---- .xls


def xls_grids(data: bytes) -> list[Grid]:
    import xlrd

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        try:
            book = xlrd.open_workbook(
                file_contents=data, logfile=nowhere, formatting_info=True, ragged_rows=True
            )
        except xlrd.XLRDError as error:
            if "encrypted" in str(error):
                remedy = "请取消密码，另存为 .xlsx 后再报。"
                raise refused(ENCRYPTED, "这份工作簿加了密，打不开。", remedy) from error
            raise refused(DAMAGED, "旧版表格（.xls）的内容读不出来。", RESAVE) from error
    budget = Budget()
    return [_xls_grid(book, sheet, budget) for sheet in book.sheets()]


STATES = ("visible", "hidden", "veryHidden")
DAYS_1904 = 1462  # between the two date systems


def _xls_grid(book: Any, sheet: Any, budget: Budget) -> Grid:
    from xlrd import biffh

    grid = Grid(sheet.name, budget, STATES[sheet.visibility])
    for row in range(sheet.nrows):
        for column in range(sheet.row_len(row)):
            cell = sheet.cell(row, column)
            if cell.ctype == biffh.XL_CELL_TEXT and cell.value:
                grid.put(row + 1, column + 1, ("text", cell.value, None, "general", ""))
            elif cell.ctype in (biffh.XL_CELL_NUMBER, biffh.XL_CELL_DATE):
                code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
                shown: FormatKind = "date" if cell.ctype == biffh.XL_CELL_DATE else format_kind(code)
                value = cell.value + (DAYS_1904 if shown == "date" and book.datemode else 0)
                grid.put(
                    row + 1,
                    column + 1,
                    ("number", repr(value).removesuffix(".0"), None, shown, kept_code(code)),
                )
            elif cell.ctype == biffh.XL_CELL_BOOLEAN:
                grid.put(
                    row + 1, column + 1, ("boolean", "TRUE" if cell.value else "FALSE", None, "general", "")
                )
            elif cell.ctype == biffh.XL_CELL_ERROR:
                text = biffh.error_text_from_code.get(cell.value, "#VALUE!")
                grid.put(row + 1, column + 1, ("error", text, None, "general", ""))
    for row, end_row, column, end_column in sheet.merged_cells:
        grid.merge(row + 1, column + 1, end_row, end_column)
    return grid


# ---- .ods


def ods_grids(data: bytes) -> list[Grid]:
    directory = archive.read_directory(data)
    archive.refuse_bombs(data, directory.entries)
    archive.check_names(directory)
    parts = {entry.name: entry for entry in archive.check_places(data, directory)}
    if any(_holds_script(name) for name in parts):
        raise refused(MACROS, "这份工作簿里带有宏。", "请在没有宏的空白表里填写，存成 .xlsx 后再报。")
    if "content.xml" not in parts:
        refuse_missing_part()
    manifest = parts.get("META-INF/manifest.xml")
    if manifest and b"encryption-data" in b"".join(archive.inflate(data, manifest)):
        raise refused(ENCRYPTED, "这份工作簿加了密，打不开。", "请取消密码，另存为 .xlsx 后再报。")
    reader = OdsReader()
    reader.parse(b"".join(archive.inflate(data, parts["content.xml"])), "开放文档表格（.ods）")
    return reader.grids


def _holds_script(name: str) -> bool:
    within = name.startswith(("Basic/", "Scripts/"))
    return within and not name.endswith(("/", "script-lc.xml", "script-lb.xml"))  # lists of no scripts


_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TABLE, TEXT = (f"{_ODF}{name}:1.0 " for name in ("office", "table", "text"))
CALC_TYPE = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 value-type"
_REFERENCE = re.compile(r"\[\.?([^\[\]]*)\]")  # [.B3:.C3]
_ERROR = re.compile(r"#[A-Z/0!?]+|Err:[0-9]+")
EPOCH = datetime.date(1899, 12, 30)


class OdsReader(PartReader):
    """The sheets of content.xml.  Comments, drawings and recorded changes are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self.budget = Budget()
        self.row = self.column = 0  # above and left of what comes next
        self.cell: Attributes = {}
        self.has_text = False  # the open cell has a paragraph already
        self.in_paragraph = False
        self.repeat_rows = 1
        self.in_row: list[tuple[int, int, Stored]] = []  # column, how many times, what

    def check_root(self, local: str) -> None:
        if local != "document-content":
            raise ValueError(f"not a document's content: {local}")
        self.listen(False)
        self.go_on_with(self.start_element, self.end_element)

    def listen(self, on: bool) -> None:
        """Words count within paragraphs alone, and not within what is passed over."""
        assert self.parser is not None
        self.parser.CharacterDataHandler = self.text.append if on else None

    def end_aside(self, name: str) -> None:
        super().end_aside(name)
        if not self.aside:
            self.listen(self.in_paragraph)

    def start_element(self, name: str, attributes: Attributes) -> None:
        space, _, local = name.rpartition(" ")
        space += " "
        if space == TABLE and local == "table":
            self.grids.append(Grid(attributes.get(TABLE + "name", ""), self.budget))
            self.row = 0
        elif space == TABLE and local == "table-row":
            self.column, self.in_row = 0, []
            self.repeat_rows = _count(attributes, "number-rows-repeated")
        elif space == TABLE and local in ("table-cell", "covered-table-cell"):
            self.cell = attributes
            self.text.clear()
        elif space == TEXT and local == "p":
            if self.has_text:
                self.text.append("\n")
            self.has_text = self.in_paragraph = True
            self.listen(True)
        elif space == TEXT and local == "s":
            self.text.append(" " * min(_count(attributes, "c", TEXT), 1000))
        elif space == TEXT and local in ("tab", "line-break"):
            self.text.append("\t" if local == "tab" else "\n")
        elif not (space == TEXT and local in ("span", "a") or name in _CONTAINERS):
            self.listen(False)
            self.step_aside()
            return
        if space == TABLE and local.endswith("table-cell"):
            self.has_text = False

    def end_element(self, name: str) -> None:
        if name in (TABLE + "table-cell", TABLE + "covered-table-cell"):
            self.end_cell()
        elif name == TEXT + "p":
            self.in_paragraph = False
            self.listen(False)
        elif name == TABLE + "table-row":
            if self.in_row:
                for row in range(self.row + 1, self.row + 1 + self.repeat_rows):
                    for column, times, stored in self.in_row:
                        for place in range(column, column + times):
                            self.grids[-1].put(row, place, stored)
            self.row += self.repeat_rows

    def end_cell(self) -> None:
        times = _count(self.cell, "number-columns-repeated")
        wide, high = _count(self.cell, "number-columns-spanned"), _count(self.cell, "number-rows-spanned")
        stored = _ods_cell(self.cell, "".join(self.text))
        if stored is not None:
            self.in_row.append((self.column + 1, times, stored))
        if (wide, high) != (1, 1):
            row, column = self.row + 1, self.column + 1
            self.grids[-1].merge(row, column, row + high - 1, column + wide - 1)
        self.column += times


_CONTAINERS = {
    OFFICE + "body",
    OFFICE + "spreadsheet",
    *(TABLE + name for name in ("table-row-group", "table-rows", "table-header-rows")),
}


def _count(attributes: Attributes, name: str, space: str = TABLE) -> int:
    text = attributes.get(space + name, "1")
    if not (text.isdecimal() and len(text) <= 7):
        raise ValueError(f"not a count: {text[:40]!r}")
    return max(1, int(text))


def _ods_cell(cell: Attributes, text: str) -> Stored | None:
    formula = cell.get(TABLE + "formula")
    if formula is not None:
        formula = _REFERENCE.sub(lambda match: match[1].replace(":.", ":"), formula.partition("=")[2])
    kind, value = cell.get(OFFICE + "value-type", ""), cell.get(OFFICE + "value", "")
    if cell.get(CALC_TYPE) == "error" or (formula is not None and _ERROR.fullmatch(text)):
        return "error", text, formula, "general", ""
    if kind in ("float", "currency", "percentage"):
        return (
            "number",
            value.removesuffix(".0"),
            formula,
            "percent" if kind == "percentage" else "general",
            "",
        )
    if kind in ("date", "time"):
        return "number", _serial(cell.get(OFFICE + "date-value", "")) or text, formula, "date", ""
    if kind == "boolean":
        return "boolean", cell.get(OFFICE + "boolean-value", "").upper(), formula, "general", ""
    text = text or cell.get(OFFICE + "string-value", "")
    return ("text", text, formula, "general", "") if text or formula is not None else None


def _serial(date: str) -> str:
    """The day's number as Excel stores it; "" for what is no plain date."""
    try:
        return str((datetime.date.fromisoformat(date[:10]) - EPOCH).days)
    except ValueError:
        return ""


if __name__ == "__main__":
    main()

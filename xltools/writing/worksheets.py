"""xlsxwriter's worksheets with formulas taken as they are, and with rows of long sheets written whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from xltools.geometry import column_letters
from xltools.words import clean

Shown = int | float | Decimal | str | bool | None
CellParts = tuple[Shown, Format, str | None]  # value, look, and the formula whose result the value is
THIS_ROW = "\0"  # in a formula of rows that look alike: the number of the row


@dataclass(eq=False, slots=True)
class RowLook:
    """How many rows look, from the first column on: the format of each cell, and the formula whose result it shows."""

    cells: Sequence[tuple[Format, str | None]]
    template: str | None = None  # of a row of a long sheet


class PlainWorksheet(Worksheet):  # type: ignore[misc]  # xlsxwriter ships no types
    """Takes formulas as they are.  Ours hold no function newer than the file format, for which xlsxwriter would
    go over each formula with thirty regular expressions: half the time that a large roll-up takes."""

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        return formula.removeprefix("=")

    def _write_string(self, row: int, col: int, string: str, cell_format: Format | None = None) -> int:
        """A text that looks like one which xlsxwriter has formatted itself would be written unescaped."""
        if string.startswith("<r>") and string.endswith("</r>"):
            code: int = self._write_rich_string(row, col, "<", cell_format, string[1:], cell_format)
        else:
            code = super()._write_string(row, col, string, cell_format)
        return code


class LongWorksheet(PlainWorksheet):
    """Keeps one row at a time; the others are in a temporary file.  Rows have to be written from top to bottom:
    xlsxwriter reports a cell above the current row as out of bounds."""

    def _initialize(self, init_data: dict[str, Any]) -> None:
        super()._initialize({**init_data, "constant_memory": True})
        self.previous_row: int  # 0-based: the one in memory
        self._letters: list[str] = []  # of columns

    def write_cells(self, row: int, cells: Sequence[CellParts]) -> int:
        """The whole of a row at once, several times as fast as xlsxwriter cell by cell, and the same in the file.

        Gives 0, or below 0 where a cell could not be written.
        """
        if code := self._begin_row(row, len(cells)):
            return code
        letters = self._columns(len(cells))
        elements = [
            self._cell(f'<c r="{column}{row + 1}" s="{fmt._get_xf_index()}"', value, formula)
            for column, (value, fmt, formula) in zip(letters, cells, strict=True)
        ]
        said = [element for element in elements if element is not None]
        return self._end_row(row, "".join(said)) if len(said) == len(elements) else -2

    def write_alike(self, row: int, values: Sequence[Shown], look: RowLook) -> int:
        """The same for one of many rows that look alike, several times as fast again."""
        if code := self._begin_row(row, len(values)):
            return code
        said: list[Shown] = []
        for value, (_, formula) in zip(values, look.cells, strict=True):
            if formula is None:
                said.append(_whole(value) if type(value) is int else self._content(value))
            else:
                said += ("", value) if type(value) is int else self._shown(value)
        if None in said:
            return -2
        if look.template is None:
            letters = self._columns(len(look.cells))
            look.template = "".join(map(self._template, letters, *zip(*look.cells, strict=True)))
        return self._end_row(row, look.template.replace(THIS_ROW, str(row + 1)) % tuple(said))

    def _template(self, column: str, fmt: Format, formula: str | None) -> str:
        """A cell with %s for what may differ: its content; of a formula the type and the text of its result."""
        head = f'<c r="{column}{THIS_ROW}" s="{fmt._get_xf_index()}"%s'
        if formula is None:
            return head
        written = self._escape_data(formula).replace("%", "%%")
        return f"{head}><f>{written}</f><v>%s</v></c>"

    def _columns(self, count: int) -> list[str]:
        while len(self._letters) < count:
            self._letters.append(column_letters(len(self._letters) + 1))
        return self._letters[:count]

    def _begin_row(self, row: int, end: int) -> int:
        """Puts by what was written above a row of so many cells; below 0 where a cell is beside it or too far down."""
        if self._check_dimensions(row, 0) or self._check_dimensions(row, end - 1):
            return -1
        if row > self.previous_row:
            self._write_single_row(row)
        return -1 if any(other >= end for other in self.table.pop(row, ())) else 0

    def _end_row(self, row: int, elements: str) -> int:
        self._write_row(row, None, self.row_info.pop(row, None))
        self.fh.write(elements + "</row>")
        self.previous_row = row + 1
        return 0

    def _cell(self, head: str, value: Shown, formula: str | None) -> str | None:
        """A cell's element; None for what cannot be written."""
        if formula is None:
            content = self._content(value)
            return None if content is None else head + content
        mark, shown = self._shown(value)
        return None if mark is None else f"{head}{mark}><f>{self._escape_data(formula)}</f><v>{shown}</v></c>"

    def _content(self, value: Shown) -> str | None:
        """The rest of a cell's element; None for a text that is too long and for what is no number."""
        if value is None or value == "":
            return "/>"
        if isinstance(value, bool):
            return f' t="b"><v>{value:d}</v></c>'
        if not isinstance(value, str):
            return f"><v>{value:.16G}</v></c>" if isfinite(value) else None
        value = clean(value)
        if len(value) > self.xls_strmax // 2 and len(value.encode("utf-16-le")) > 2 * self.xls_strmax:
            return None
        text = self._escape_data(self._escape_control_characters(value) if "_x" in value else value)
        space = ' xml:space="preserve"' if value != value.strip() else ""
        return f' t="inlineStr"><is><t{space}>{text}</t></is></c>'

    def _shown(self, value: Shown) -> tuple[str | None, Shown]:
        """Type and text of a formula's result; no type for a boolean or an error, which are none of ours."""
        if isinstance(value, bool) or (isinstance(value, str) and value.startswith("#")):
            return None, None
        shown = "" if value is None else float(value) if isinstance(value, Decimal) else value
        return ' t="str"' if shown and isinstance(shown, str) else "", self._escape_data(shown)


@lru_cache(maxsize=4096)
def _whole(value: int) -> str:
    """The rest of the element of a cell with a whole number; most stand in many cells."""
    return f"><v>{value:.16G}</v></c>"

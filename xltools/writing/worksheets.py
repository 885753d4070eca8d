"""xlsxwriter's worksheets with formulas taken as they are, and with rows of long sheets written whole."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from math import isfinite
from operator import call
from types import NoneType
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from xltools.compute import Picker, picker
from xltools.geometry import column_letters
from xltools.words import MOST_TEXT, clean

Shown = int | float | Decimal | str | bool | None
CellParts = tuple[Shown, Format, str | None]  # value, look, and the formula whose result the value is
Lead = tuple[str, str, str]  # to a file, as xlsxwriter has it among what a sheet is related to
THIS_ROW = "\0"  # in a formula of rows that look alike: the number of the row
MOST_TOLD, SHORT = 8192, 256  # values of a type remembered; bytes of what is written of one
MOST_FORMS = 64  # of a look: rows with values of the same types
BUFFERED = 1 << 16  # bytes of rows that go into their file at a time
COPIED = 1 << 18  # the same of those that go from there into the package


class RowLook:
    """How many rows look, from the first column on: the format of each cell, and the formula whose result it shows."""

    def __init__(self, cells: Sequence[tuple[Format, str | None]]) -> None:
        self.cells = tuple(cells)
        self.template: RowTemplate | None = None  # of a row of a long sheet


class Unwritable(Exception):
    """A value that a cell cannot hold."""


class Told(dict[Any, bytes]):
    """What is written of a value, remembered: a unit's names stand on many sheets, and so do most numbers.

    Values of two types that are equal and written differently need one each.
    """

    def __init__(self, tell: Callable[[Any], str]) -> None:
        self.tell = tell

    def __missing__(self, value: Any) -> bytes:
        told = self.tell(value).encode()
        if len(told) <= SHORT:
            if len(self) >= MOST_TOLD:
                self.clear()
            self[value] = told
        return told


class RowTemplate:
    """What rows that look alike have in common: how the element of each cell begins, and its formula, escaped."""

    def __init__(self, cells: Sequence[tuple[str, str | None]]) -> None:
        self.cells = cells
        self.forms: dict[tuple[type, ...], _RowForm] = {}  # by the types of a row's values

    def of(self, row: int, values: Sequence[Shown]) -> bytes:
        """The elements of a row.  Raises Unwritable."""
        types = tuple(map(type, values))
        form = self.forms.get(types)
        if form is None:
            if len(self.forms) >= MOST_FORMS:
                self.forms.clear()
            form = self.forms[types] = _RowForm(self.cells, types)
        return form.of(row, values)


class _RowForm:
    """Such a row with values of certain types: what they make of it stands there, with a hole for each value."""

    def __init__(self, cells: Sequence[tuple[str, str | None]], types: Sequence[type]) -> None:
        text, places, self.telling = "", list[int](), list[Callable[[Any], bytes]]()

        def hole(at: int, tell: Callable[[Any], bytes]) -> str:
            places.append(at)
            self.telling.append(tell)
            return "%b"

        for at, ((head, formula), of) in enumerate(zip(cells, types, strict=True)):
            if formula is None and of is NoneType:
                own = "/>"
            elif formula is None:
                own = hole(at, _CONTENTS[of].__getitem__ if of in _CONTENTS else _encoded(_content))
            elif of is int or of is NoneType:
                own = f"><f>{formula}</f><v>{hole(at, _WHOLE.__getitem__) if of is int else ''}</v></c>"
            else:
                own = hole(at, _encoded(_kind))
                own += f"><f>{formula}</f><v>{hole(at, _encoded(_result))}</v></c>"
            text += head + own
        self.pieces = text.encode().split(THIS_ROW.encode())
        self.pick: Picker = picker(places)

    def of(self, row: int, values: Sequence[Shown]) -> bytes:
        shown = map(call, self.telling, self.pick(values))
        return (b"%d" % (row + 1)).join(self.pieces) % tuple(shown)


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
        super()._initialize(init_data)
        self.constant_memory = True
        self.previous_row: int  # 0-based: the one in memory
        self.dim_rowmax: int
        # Gone however the process ends.  What xlsxwriter writes as text stays in order with our bytes.
        rows: Any = tempfile.TemporaryFile(buffering=BUFFERED)  # noqa: SIM115  # the sheet's, to its end
        self.row_data_fh = self.fh = io.TextIOWrapper(rows, "utf-8", newline="\n", write_through=True)
        self._letters: list[str] = []  # of columns
        self.rel_count: int  # relationships so far
        self.leads: list[tuple[int, int, Lead]] = []  # cells that lead to files, from top to bottom

    def write_cells(self, row: int, cells: Sequence[CellParts]) -> int:
        """The whole of a row at once, several times as fast as xlsxwriter cell by cell, and the same in the file.

        Gives 0, or below 0 where a cell could not be written.
        """
        if code := self._begin_row(row, len(cells)):
            return code
        pairs = zip(self._columns(len(cells)), cells, strict=True)
        try:
            elements = [self._cell(f'<c r="{column}{row + 1}"', *parts) for column, parts in pairs]
        except Unwritable:
            return -2
        return self._end_row(row, "".join(elements).encode())

    def write_alike(self, row: int, values: Sequence[Shown], look: RowLook) -> int:
        """The same for one of many rows that look alike, several times as fast again."""
        if code := self._begin_row(row, len(values)):
            return code
        if look.template is None:
            look.template = self._template(look)
        try:
            elements = look.template.of(row, values)
        except Unwritable:
            return -2
        return self._end_row(row, elements)

    def lead_out(self, row: int, column: int, lead: Lead) -> None:
        """Makes a cell that is written with its row lead to a file."""
        self.leads.append((row, column, lead))

    def _write_hyperlinks(self) -> None:
        """Those of `lead_out` as xlsxwriter writes its own, of which there are none on such a sheet."""
        if not self.leads:
            super()._write_hyperlinks()
            return
        assert not self.hyperlinks and not self.rel_count
        letters = self._columns(1 + max(column for _, column, _ in self.leads))
        links = [
            f'<hyperlink ref="{letters[column]}{row + 1}" r:id="rId{number}"/>'
            for number, (row, column, _) in enumerate(self.leads, 1)
        ]
        self.fh.write(f"<hyperlinks>{''.join(links)}</hyperlinks>")
        self.rel_count = len(links)
        self.external_hyper_links = [lead for *_, lead in self.leads]

    def _template(self, look: RowLook) -> RowTemplate:
        columns = self._columns(len(look.cells))
        return RowTemplate([
            (f'<c r="{column}{THIS_ROW}" s="{fmt._get_xf_index()}"', _in_template(formula))
            for column, (fmt, formula) in zip(columns, look.cells, strict=True)
        ])  # fmt: skip

    def _write_optimized_sheet_data(self) -> None:
        """No rows yet: xlsxwriter would decode and encode all of them once more."""
        self._xml_start_tag("sheetData")
        self._xml_end_tag("sheetData")

    @property
    def rows_size(self) -> int:
        """Bytes of the rows so far."""
        size: int = self.row_data_fh.buffer.tell()
        return size

    def with_rows(self, part: bytes) -> Iterator[bytes]:
        """The sheet's part as xlsxwriter wrote it, with the rows as they lie in the temporary file."""
        head, start, rest = part.partition(b"<sheetData>")
        yield head + start
        with self.row_data_fh.buffer as rows:
            rows.seek(0)
            yield from iter(partial(rows.read, COPIED), b"")
        yield rest

    def _columns(self, count: int) -> list[str]:
        while len(self._letters) < count:
            self._letters.append(column_letters(len(self._letters) + 1))
        return self._letters[:count]

    def _begin_row(self, row: int, end: int) -> int:
        """Puts by what was written above a row of so many cells; below 0 where a cell is beside it or too far down."""
        is_next = row == self.previous_row < self.xls_rowmax and not self.table
        if is_next and self.dim_colmin == 0 and end <= self.dim_colmax + 1:  # nearly always
            self.dim_rowmax = max(row, self.dim_rowmax)
            return 0
        if self.dim_colmin != 0 and self._check_dimensions(row, 0):
            return -1
        if self._check_dimensions(row, end - 1):
            return -1
        if row > self.previous_row:
            self._write_single_row(row)
        others = self.table.pop(row, None)
        return -1 if others and max(others) >= end else 0

    def _end_row(self, row: int, elements: bytes) -> int:
        info = self.row_info.pop(row, None)  # of which ours have nothing but the height
        height = self.default_row_height if info is None or info.height is None else info.height
        is_own = not height == self.default_row_height == self.original_row_height
        self.row_data_fh.buffer.write(
            b'<row r="%d"%b>%b</row>' % (row + 1, _own_height(height) if is_own else b"", elements)
        )
        self.previous_row = row + 1
        return 0

    def _cell(self, head: str, value: Shown, fmt: Format, formula: str | None) -> str:
        """A cell's element.  Raises Unwritable."""
        head += f' s="{fmt._get_xf_index()}"'
        if formula is None:
            return head + _content(value)
        return f"{head}{_kind(value)}><f>{escaped(formula)}</f><v>{_result(value)}</v></c>"


@lru_cache(maxsize=256)
def _own_height(pixels: float) -> bytes:
    """As a row has it."""
    return b' ht="%.16g" customHeight="1"' % (pixels * 0.75)


def _content(value: Shown) -> str:
    """The rest of a cell's element.  Raises Unwritable for a text that is too long and for what is no number."""
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "/>"
    if isinstance(value, bool):
        return f' t="b"><v>{value:d}</v></c>'
    if not isfinite(value):
        raise Unwritable
    return f"><v>{value:.16G}</v></c>"


def _text(value: str) -> str:
    """The same of a text."""
    if not value:
        return "/>"
    text = clean(value)
    if len(text) > MOST_TEXT // 2 and len(text.encode("utf-16-le")) > 2 * MOST_TEXT:
        raise Unwritable
    space = ' xml:space="preserve"' if text != text.strip() else ""
    text = escaped(Worksheet._escape_control_characters(text) if "_x" in text else text)
    return f' t="inlineStr"><is><t{space}>{text}</t></is></c>'


def _kind(value: Shown) -> str:
    """The type of a formula's result.  Raises Unwritable for a boolean or an error, which are none of ours."""
    if isinstance(value, bool) or (isinstance(value, str) and value.startswith("#")):
        raise Unwritable
    return ' t="str"' if value and isinstance(value, str) else ""


def _result(value: Shown) -> str:
    """The result of a formula."""
    if isinstance(value, str):
        return escaped(value)
    return "" if value is None else str(float(value) if isinstance(value, Decimal) else value)


def _encoded(tell: Callable[[Any], str]) -> Callable[[Any], bytes]:
    return lambda value: tell(value).encode()


_CONTENTS: Mapping[type, Told] = {int: Told(_content), str: Told(_text)}
_WHOLE = Told(str)


def _in_template(formula: str | None) -> str | None:
    return None if formula is None else escaped(formula).replace("%", "%%")


def escaped(text: str) -> str:
    """A text as it stands between tags; as `html` and `saxutils` do it, which would load what the web needs."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

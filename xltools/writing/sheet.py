"""The one careful wrapper around xlsxwriter.

xlsxwriter reports much of its trouble by a return code (−1 for a bad name or a one-cell merge, −2 for a
text that is too long) and writes the file without the thing; here every such code is a WriteError.
Untrusted text is only ever written as a string, never as a formula.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from types import FunctionType
from typing import Any
from zipfile import ZipFile

import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.format import Format
from xlsxwriter.packager import Packager
from xlsxwriter.relationships import Relationships
from xlsxwriter.url import Url
from xlsxwriter.worksheet import Worksheet

from xltools.deflate import DEFLATED, MAX_WBITS, compressobj
from xltools.errors import WriteError
from xltools.geometry import Place, address, blocks, position, quoted
from xltools.words import clean
from xltools.writing.styles import BODY_FONT, BODY_SIZE, Style
from xltools.writing.worksheets import (
    THIS_ROW,
    CellParts,
    Lead,
    LongWorksheet,
    PlainWorksheet,
    RowLook,
    Shown,
)

CREATED = datetime.datetime(2000, 1, 1)  # fixed, so that the same content always gives the same bytes
# Of zlib-ng's levels: a long sheet is packed in a fifth of the usual time, and takes a ninth more room.
QUICK = 3
PLAIN: Style = {}
_IN_LINKS = re.compile(r'[%#"<>[\]^`{} ]')


class _Workbook(xlsxwriter.Workbook):  # type: ignore[misc]  # xlsxwriter ships no types
    """May protect its structure: no sheet is added, removed, renamed or unhidden; no password."""

    wants_lock = is_locked = False

    def __init__(self, *given: Any, is_large: bool, **more: Any) -> None:
        super().__init__(*given, **more)
        self.is_large = is_large

    def _write_book_views(self) -> None:
        if self.wants_lock:  # the schema's order: workbookPr, workbookProtection, bookViews
            self._xml_empty_tag("workbookProtection", [("lockStructure", 1)])
            self.is_locked = True
        super()._write_book_views()

    def _get_packager(self) -> Packager:
        return _Packager()

    def _store_workbook(self) -> None:
        if not self.is_large:
            super()._store_workbook()
            return
        long = {
            f"xl/worksheets/sheet{number}.xml": sheet
            for number, sheet in enumerate(self.worksheets(), 1)
            if isinstance(sheet, LongWorksheet)
        }
        # What xlsxwriter does, with another ZipFile: it has no setting for it.
        names = {**vars(xlsxwriter.workbook), "ZipFile": partial(_QuickZip, long)}
        FunctionType(xlsxwriter.Workbook._store_workbook.__code__, names)(self)
        if lost := [sheet.name for sheet in long.values() if not sheet.row_data_fh.closed]:
            raise WriteError(f"{'、'.join(lost)} 的行没有写进工作簿。")


@lru_cache(maxsize=1)
def _spelt(relationships: tuple[tuple[str | None, ...], ...]) -> str:
    """As xlsxwriter writes them."""
    writer = Relationships()
    writer.relationships, writer.fh = relationships, io.StringIO()
    writer._write_relationships()
    text: str = writer.fh.getvalue()
    return text


class _Relationships(Relationships):  # type: ignore[misc]
    """Of the sheets of a roll-up most lead to the same files."""

    def _write_relationships(self) -> None:
        self.fh.write(_spelt(tuple(self.relationships)))


class _Packager(Packager):  # type: ignore[misc]
    _write_worksheet_rels_files = FunctionType(
        Packager._write_worksheet_rels_files.__code__,
        {**vars(xlsxwriter.packager), "Relationships": _Relationships},
    )


class _QuickZip(ZipFile):
    """Packs what is put in by zlib-ng, in half of zlib's time: ZipFile itself takes no other packer.

    The rows of `long` sheets, by the names of their parts, go from their temporary files straight into the package.
    """

    def __init__(self, long: Mapping[str, LongWorksheet], *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.long = long

    def writestr(self, zinfo_or_arcname: Any, data: Any, *given: Any, **more: Any) -> None:
        sheet = self.long.get(zinfo_or_arcname.filename)
        zinfo_or_arcname.file_size = len(data) + (sheet.rows_size if sheet is not None else 0)
        with self.open(zinfo_or_arcname, "w") as part:
            file: Any = part
            file._compressor = compressobj(QUICK, DEFLATED, -MAX_WBITS)
            for piece in (data,) if sheet is None else sheet.with_rows(data):
                part.write(piece)


class BookWriter:
    """A workbook being written into memory.  `close` gives its bytes.

    The long sheets of a `large` one are never whole in memory: their rows are in temporary files.
    """

    def __init__(self, title: str, *, large: bool = False) -> None:
        self.large = large
        self._buffer = io.BytesIO()
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._leads: dict[str, Lead] = {}
        self._book = _Workbook(
            self._buffer,
            is_large=large,
            options={
                "in_memory": True,
                "default_format_properties": {"font_name": BODY_FONT, "font_size": BODY_SIZE},
            },
        )
        self._book.set_properties({"title": clean(title), "created": CREATED})

    def format(self, style: Style) -> Format:
        key = tuple(sorted(style.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(dict(style))
        return self._formats[key]

    def lead(self, path: str) -> Lead:
        """What leads to a file, made once for all sheets of the book.  Raises WriteError for a way that is too long."""
        if path not in self._leads:
            try:
                self._leads[path] = "/hyperlink", Url(_external(path))._target(), "External"
            except ValueError as error:
                raise WriteError(f"链接太长：{path}") from error
        return self._leads[path]

    def sheet(self, name: str, *, long: bool = False) -> SheetWriter:
        """A new sheet; a `long` one is written from top to bottom."""
        kind = LongWorksheet if long and self.large else PlainWorksheet
        try:
            return SheetWriter(self, self._book.add_worksheet(name, worksheet_class=kind))
        except xlsxwriter.exceptions.XlsxWriterException as error:
            raise WriteError(f"工作表“{name}”建不了：{error}") from error

    def define(self, name: str, refers_to: str) -> None:
        certain(self._book.define_name(name, f"={refers_to}"), f"名称 {name}")

    def constant(self, name: str, text: str) -> None:
        """A defined name that stands for a text."""
        doubled = clean(text).replace('"', '""')
        self.define(name, f'"{doubled}"')

    def property(self, name: str, text: str) -> None:
        certain(self._book.set_custom_property(name, clean(text), "text"), f"文件属性 {name}")

    def chart(self, kind: str, subtype: str | None = None) -> Chart:
        """A chart to be furnished and then put onto a sheet."""
        made = self._book.add_chart({"type": kind, **({"subtype": subtype} if subtype else {})})
        if made is None:
            raise WriteError(f"图建不了：{kind}")
        return made

    def close(self, *, lock: bool = False) -> bytes:
        """The finished workbook; `lock` protects its structure.

        Raises WriteError where it cannot be one, OSError where the temporary files of a `large` one take no more.
        """
        self._book.wants_lock = lock
        try:
            self._book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None
        except xlsxwriter.exceptions.XlsxWriterException as error:
            raise WriteError(f"工作簿写不成：{error}") from error
        if lock and not self._book.is_locked:
            raise WriteError("工作簿的结构保护加不上去。")
        for sheets in (self._book.worksheets_objs, self._book.sheetnames):
            sheets.clear()  # they refer to their book: all would stay until somebody looks for circles
        return self._buffer.getvalue()


class SheetWriter:
    """One sheet; places are 1-based, merged blocks are written as one."""

    def __init__(self, book: BookWriter, sheet: Worksheet) -> None:
        self.book, self.sheet, self.name = book, sheet, sheet.name

    def put(self, place: Place, value: Shown = None, style: Style = PLAIN) -> None:
        """A value; a text is always a text, never a formula."""
        self.cell(place.row, place.column, value, self._block(place, style))

    def cell(self, row: int, column: int, value: Shown, fmt: Format) -> None:
        """The same for one cell in a format already made: for the many cells of long tables."""
        if value is None or value == "":
            code = self.sheet.write_blank(row - 1, column - 1, None, fmt)
        elif isinstance(value, bool):
            code = self.sheet.write_boolean(row - 1, column - 1, value, fmt)
        elif isinstance(value, int | float | Decimal):
            code = self.sheet.write_number(row - 1, column - 1, value, fmt)
        else:
            code = self.sheet.write_string(row - 1, column - 1, clean(value), fmt)
        if code != 0:
            certain(code, f"{self.name}!{address(row, column)}")

    def cells(self, row: int, cells: Sequence[CellParts]) -> None:
        """All cells of a row from the first column on: for the many rows of long tables."""
        if isinstance(self.sheet, LongWorksheet):
            certain(self.sheet.write_cells(row - 1, cells), f"{self.name} 第{row}行")
            return
        for column, (value, fmt, formula) in enumerate(cells, 1):
            if formula is None:
                self.cell(row, column, value, fmt)
            else:
                self.cell_formula(row, column, formula, value, fmt)

    def alike(
        self, row: int, values: Sequence[Shown], look: RowLook, link: tuple[int, str] | None = None
    ) -> None:
        """The same for one of many rows that look alike; `link` makes the cell of a column lead to a file."""
        if isinstance(self.sheet, LongWorksheet):
            if link is not None:
                self.sheet.lead_out(row - 1, link[0] - 1, self.book.lead(link[1]))
            if code := self.sheet.write_alike(row - 1, values, look):
                certain(code, f"{self.name} 第{row}行")
            return
        if link is not None:
            column, path = link
            self._file_link(row, column, path, str(values[column - 1]), look.cells[column - 1][0])
        parts = zip(values, look.cells, strict=True)
        own = [
            (value, fmt, formula and formula.replace(THIS_ROW, str(row))) for value, (fmt, formula) in parts
        ]
        self.cells(row, own)

    def formula(self, place: Place, formula: str, cached: Shown, style: Style = PLAIN) -> None:
        """A formula with the result it has, so that a program that does not recalculate shows it too."""
        self.cell_formula(place.row, place.column, formula, cached, self._block(place, style))

    def cell_formula(self, row: int, column: int, formula: str, cached: Shown, fmt: Format) -> None:
        """The same for one cell in a format already made."""
        shown = "" if cached is None else float(cached) if isinstance(cached, Decimal) else cached
        code = self.sheet.write_formula(row - 1, column - 1, f"={formula}", fmt, shown)
        if code != 0:
            certain(code, f"{self.name}!{address(row, column)}")

    def link(self, place: Place, sheet: str, cell: str, text: str, style: Style) -> None:
        """A text that leads to a cell of this workbook."""
        target = f"internal:{quoted(sheet)}!{cell}"
        code = self.sheet.write_url(
            place.row - 1, place.column - 1, target, self.book.format(style), clean(text)
        )
        certain(code, f"{self.name}!{place.address} 链接")

    def lead(self, place: Place, target: Place, style: Style, tip: str) -> None:
        """Makes a cell lead to another of this workbook; what is written into it next is what it shows."""
        where = f"internal:{quoted(target.sheet)}!{target.address}"
        code = self.sheet.write_url(
            place.row - 1, place.column - 1, where, self.book.format(style), "", clean(tip)
        )
        certain(code, f"{self.name}!{place.address} 链接")

    def file_link(self, place: Place, path: str, text: str, style: Style) -> None:
        """A text that leads to a file; `path` is relative to the workbook's folder, with /."""
        self._file_link(place.row, place.column, path, text, self.book.format(style))

    def _file_link(self, row: int, column: int, path: str, text: str, fmt: Format) -> None:
        code = self.sheet.write_url(row - 1, column - 1, _external(path), fmt, clean(text))
        certain(code, f"{self.name}!{address(row, column)} 链接")

    def chart(self, place: Place, chart: Chart, description: str, size: tuple[int, int]) -> None:
        """A chart with its upper left corner in a cell; `description` is read out to who cannot see it."""
        chart.set_size({"width": size[0], "height": size[1]})
        options = {"description": clean(description), "object_position": 1}
        code = self.sheet.insert_chart(place.row - 1, place.column - 1, chart, options)
        certain(code, f"{self.name}!{place.address} 图")

    def join(self, place: Place) -> None:
        """Merges cells that are written row by row."""
        self.sheet.merge.append(list(self._corners(place)))

    def _block(self, place: Place, style: Style) -> Format:
        fmt = self.book.format(style)
        if place.is_block:
            rows = (place.row - 1, place.column - 1, place.last_row - 1, place.last_column - 1)
            certain(self.sheet.merge_range(*rows, "", fmt), f"{self.name}!{place.range}")
        return fmt

    def grid(
        self, widths: Sequence[float], heights: Mapping[int, float], *, others: float | None = None
    ) -> None:
        """Widths of columns and heights of rows; `others` is the height of all rows that are not named."""
        if others is not None:
            self.sheet.set_default_row(others)
        for column, width in enumerate(widths):
            certain(self.sheet.set_column(column, column, width), f"{self.name} 列宽")
        for row, height in heights.items():
            certain(self.sheet.set_row(row - 1, height), f"{self.name} 行高")

    def height(self, row: int, points: float) -> None:
        certain(self.sheet.set_row(row - 1, points), f"{self.name} 行高")

    def validate(self, places: Iterable[Place], options: Mapping[str, Any]) -> None:
        """One rule over many cells."""
        first, *others = places
        ranges = [self._corners(first), *map(self._corners, others)]
        rule = {**options, "multi_range": " ".join(one.address for one in (first, *others))}
        certain(self.sheet.data_validation(*ranges[0], rule), f"{self.name}!{first.address} 有效性")

    def highlight(self, places: Iterable[Place], formula: str, style: Style) -> None:
        """A conditional format; `{}` in the formula stands for the cell itself.

        One per rectangle, because programs disagree on what a relative address means over several.
        """
        for block, wide in blocks(places):
            options = {
                "type": "formula",
                "criteria": "=" + formula.replace("{}", f"${block.address}" if wide else block.address),
                "format": self.book.format(style),
            }
            code = self.sheet.conditional_format(*self._corners(block), options)
            certain(code, f"{self.name}!{block.address} 条件格式")

    @staticmethod
    def _corners(place: Place) -> tuple[int, int, int, int]:
        return place.row - 1, place.column - 1, place.last_row - 1, place.last_column - 1

    def page(
        self,
        *,
        landscape: bool,
        one_page: bool,
        columns: int,
        rows: int,
        repeat: int | tuple[int, int] | None = None,
        spread: int | None = None,
    ) -> None:
        """A4, one page wide, or over as many as it takes at `spread` %; a page number in the footer and no more.

        `repeat` are the rows (first and last) at the head of every page.
        """
        sheet = self.sheet
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.set_margins(left=0.6, right=0.6, top=0.75, bottom=0.75)
        sheet.center_horizontally()
        if spread is not None:
            sheet.set_print_scale(spread)
            sheet.repeat_columns(0, 1)
        else:
            sheet.fit_to_pages(1, 1 if one_page else 0)
        certain(sheet.print_area(0, 0, rows - 1, columns - 1), f"{self.name} 打印区域")
        certain(sheet.set_footer("&C&9第 &P 页　共 &N 页"), f"{self.name} 页脚")
        if repeat:
            first, last = repeat if isinstance(repeat, tuple) else (repeat, repeat)
            sheet.repeat_rows(first - 1, last - 1)
        sheet.hide_gridlines(2)

    def break_columns(self, columns: Sequence[int]) -> None:
        """Where printed pages end, each after one of these columns."""
        self.sheet.set_v_pagebreaks(list(columns))

    def break_rows(self, rows: Sequence[int]) -> None:
        """The same with rows."""
        self.sheet.set_h_pagebreaks(list(rows))

    def protect(self, *, drawings: bool = False) -> None:
        """Locked without a password: it guards against accidents and proves nothing.

        `drawings` leaves charts open to editing.
        """
        options = {"format_columns": True, "format_rows": True, "autofilter": True, "sort": True}
        options["objects"] = drawings
        self.sheet.protect("", options)

    def filter(self, place: Place) -> None:
        """Filter arrows on the first row of a block."""
        certain(self.sheet.autofilter(*self._corners(place)), f"{self.name}!{place.range} 筛选")

    def hide(self) -> None:
        self.sheet.hide()

    def text_numbers(self, cells: Iterable[str]) -> None:
        """No green triangles on codes that are texts of digits."""
        certain(self.sheet.ignore_errors({"number_stored_as_text": " ".join(cells)}), f"{self.name} 忽略错误")

    def freeze(self, cell: str) -> None:
        row, column = position(cell)
        self.sheet.freeze_panes(row - 1, column - 1)


def _external(path: str) -> str:
    """A link to a file as xlsxwriter takes it.

    Every character that is special in a link is escaped here, because xlsxwriter takes # for the start of a
    place within the file and leaves a path alone that looks escaped already.
    """
    escaped = _IN_LINKS.sub(lambda special: f"%{ord(special[0]):02x}", path)
    return f"external:{escaped}"


def certain(code: object, what: str) -> None:
    """Raises WriteError for any return code of xlsxwriter that is not success."""
    if code not in (0, None) and isinstance(code, int):
        raise WriteError(f"{what} 没有写进工作簿（代码 {code}）")

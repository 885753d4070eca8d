"""Rows of long sheets, written at once, are in the file what xlsxwriter writes cell by cell."""

import errno
import gc
import io
import os
import re
import statistics
import time
import weakref
import zipfile
import zlib
from decimal import Decimal

import helpers_pipe as pipe
import openpyxl
import pytest
import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from xltools import Answers, Unit, load_form, write_rollup, write_template
from xltools.compute import totals
from xltools.detail import FIRST_COLUMN, FIRST_ROW, detail_sheets
from xltools.errors import WriteError
from xltools.filing import Leaf
from xltools.geometry import Place
from xltools.result import CheckResult, MergeResult
from xltools.rollup import roll_up
from xltools.writing.sheet import BookWriter, _QuickZip
from xltools.writing.worksheets import THIS_ROW, RowLook

FORM = load_form("gov-info-disclosure/2021")
VALUES = [
    None, "", 0, 1, -7, 10**15 - 1, 10**17, Decimal("0.1"), Decimal("180.50"), Decimal("-1E+3"), Decimal("1E-7"), 0.1, 1e300,
    True, False, "镇", "a & <b> \"c\" 'd'", " 前", "后 ", "两行\n字", "a\tb", "_x0041_", "_x", "=1+1", "00012", "响\x07铃", "𠮷",
    "   ", "字" * 32_767,
]  # fmt: skip
RESULTS = [None, "", 0, 12, Decimal("180.50"), 0.25, "通过", "a<b"]
LIKE_FORMATTED = "<r>镇 & 乡</r>"


def sheet_of(write, *, rows=1):
    """The sheet's XML after `write(sheet, formats)`; `rows` of some height and a default for the others."""
    book = BookWriter("题", large=True)
    sheet = book.sheet("明细", long=True)
    sheet.grid((10.0, 20.0), {row: 20.0 + row for row in range(1, rows + 1)}, others=18.0)
    looks = [book.format({"num_format": code}) for code in ("0", "@", "General")]
    write(sheet, looks)
    with zipfile.ZipFile(io.BytesIO(book.close())) as package:
        return package.read("xl/worksheets/sheet1.xml").decode()


def cell_by_cell(sheet, row, cells):
    for column, (value, fmt, formula) in enumerate(cells, 1):
        if formula is None:
            sheet.cell(row, column, value, fmt)
        else:
            sheet.cell_formula(row, column, formula, value, fmt)


def table(looks):
    """Rows with every kind of cell in several places; some are left out, some have a height of their own."""
    for row in (1, 2, 3, 5, 9):
        plain = [(value, looks[(row + n) % 3], None) for n, value in enumerate(VALUES)]
        derived = [(value, looks[n % 3], f'IF(A{row}<>"&",A{row},"")') for n, value in enumerate(RESULTS)]
        yield row, plain[row:] + derived + plain[:row]


def test_a_row_at_once_is_the_row_cell_by_cell():
    def at_once(sheet, looks):
        for row, cells in table(looks):
            sheet.cells(row, cells)

    def singly(sheet, looks):
        for row, cells in table(looks):
            cell_by_cell(sheet, row, cells)

    assert sheet_of(at_once, rows=3) == sheet_of(singly, rows=3)


def test_rows_at_once_stand_among_others_and_over_links():
    def write(sheet, looks, put):
        sheet.put(Place("明细", 1, 1, 1, 3), "题", {"bold": True})
        for row in (2, 3, 4):
            sheet.file_link(Place("明细", row, 2, row, 2), f"收件/{row}#.xlsx", "示例镇", {})
            put(sheet, row, [(row, looks[0], None), ("示例镇", sheet.book.format({}), None)])
        sheet.put(Place("明细", 5, 1, 5, 2), "合计", {})

    one = sheet_of(lambda sheet, looks: write(sheet, looks, lambda sheet, *row: sheet.cells(*row)), rows=4)
    assert one == sheet_of(lambda sheet, looks: write(sheet, looks, cell_by_cell), rows=4)
    assert one.count("<hyperlink ") == 3


SAME = [1, 1.0, Decimal("1.00"), True, "1", 0, False, Decimal("-0"), None, "", 10**16 + 1]  # 1 == 1.0 == True


@pytest.mark.parametrize("forms", [1, 64])
def test_rows_that_look_alike_are_the_rows_cell_by_cell(forms, monkeypatch):
    """What was told of one value is told of no other, in whatever order they come."""
    monkeypatch.setattr("xltools.writing.worksheets.MOST_FORMS", forms)
    shown = [one for one in (*VALUES, *SAME, *reversed(SAME), *SAME) if one != "字" * 32_767]
    results = [one for one in (*SAME, *reversed(SAME), *RESULTS) if not isinstance(one, bool)]
    rows = [(value, results[at % len(results)], shown[-at]) for at, value in enumerate(shown)]

    def looking_alike(sheet, looks):
        look = RowLook([(looks[0], None), (looks[1], f'IF(A{THIS_ROW}<>"&",5%,"")'), (looks[2], None)])
        for row, values in enumerate(rows, 1):
            sheet.alike(row, values, look)

    def singly(sheet, looks):
        for row, values in enumerate(rows, 1):
            formulas = (None, f'IF(A{row}<>"&",5%,"")', None)
            cell_by_cell(sheet, row, list(zip(values, looks, formulas, strict=True)))

    assert sheet_of(looking_alike, rows=3) == sheet_of(singly, rows=3)


@pytest.mark.parametrize(
    "values", [(float("nan"), 1), (1, True), (1, "#REF!"), ("字" * 32_768, 1), (Decimal("Infinity"), 1)]
)
def test_a_cell_that_cannot_be_written_stops_the_book_in_rows_that_look_alike_too(values):
    def write(sheet, looks):
        look = RowLook([(looks[0], None), (looks[0], "A1")])
        sheet.alike(1, (1, 1), look)
        sheet.alike(2, values, look)

    with pytest.raises(WriteError):
        sheet_of(write)


@pytest.mark.parametrize("path", ["收件/1 #%41&<a>.xlsx", "../乙/2.xlsx", "3.xlsx"])
def test_a_unit_of_a_long_sheet_leads_where_one_of_a_short_sheet_does(path):
    def parts(*, large):
        book = BookWriter("题", large=large)
        for name in ("甲", "乙"):
            sheet, fmt = book.sheet(name, long=True), book.format({})
            look = RowLook([(fmt, None), (fmt, None)])
            for row, link in enumerate((None, path, "别的.xlsx", path), 1):
                sheet.alike(row, (row, f"{row}镇"), look, (2, link) if link else None)
        with zipfile.ZipFile(io.BytesIO(book.close())) as package:
            names = [name for name in package.namelist() if "worksheets/" in name]
            return {
                name: re.findall(r"<(?:hyperlink|Relationship) [^>]*>", package.read(name).decode())
                for name in names
            }

    assert parts(large=True) == parts(large=False)
    assert [len(found) for found in parts(large=True).values()] == [3] * 4


def test_what_is_packed_quickly_is_little_larger():
    data = write_rollup(county_of(310))
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        usual = sum(len(zlib.compress(package.read(name))) for name in package.namelist())
        quick = sum(info.compress_size for info in package.infolist())
    assert usual < quick < 1.12 * usual


def long_book(rows):
    book = BookWriter("题", large=True)
    sheet, fmt = book.sheet("甲", long=True), book.format({})
    for row in range(1, rows + 1):
        sheet.cells(row, [(row, fmt, None), (f"{row}镇", fmt, None)])
    return book


def test_rows_leave_no_file_behind_even_where_a_book_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long_book(9).close()
    unfinished = long_book(50_000)
    left = list(tmp_path.iterdir())
    unfinished.close()
    assert os.name != "posix" or not left
    assert not list(tmp_path.iterdir())


class Full(io.BytesIO):
    """A file on a disk that takes so many bytes."""

    room = 0

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("room", [0, 2_000, 100_000])
def test_rows_that_find_no_room_are_told_in_a_sentence(room, monkeypatch):
    """Whether it shows as a row is written or as the rows are read again, whole or in what is still held back."""
    monkeypatch.setattr(Full, "room", room)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda buffering: io.BufferedRandom(Full(), buffering))
    monkeypatch.setattr("tempfile.tempdir", "/临时")
    with pytest.raises(WriteError, match="没有写成：放临时文件的文件夹（/临时）用不了，磁盘满了"):
        write_rollup(county_of(310))


def test_a_book_without_room_for_few_rows_says_so_as_it_is_closed(monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", lambda buffering: io.BufferedRandom(Full(), buffering))
    book = long_book(9)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        book.close()


def test_a_finished_book_goes_at_once():
    gc.collect()
    gc.disable()  # nobody looks for circles meanwhile
    try:
        book = long_book(9)
        left = [weakref.ref(book._book), weakref.ref(book._book.worksheets()[0])]
        book.close()
        del book
        assert [one() for one in left] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("large", [True, False])
def test_a_long_sheet_may_have_no_rows(large):
    book = BookWriter("题", large=large)
    for name in ("甲", "乙"):
        book.sheet(name, long=True)
    made = openpyxl.load_workbook(io.BytesIO(book.close()))
    assert [(sheet.title, list(sheet.values)) for sheet in made] == [("甲", []), ("乙", [])]


def test_rows_that_do_not_reach_the_package_stop_the_book(monkeypatch):
    book = long_book(9)
    monkeypatch.setattr(_QuickZip, "writestr", zipfile.ZipFile.writestr)
    with pytest.raises(WriteError, match="甲 的行没有写进工作簿"):
        book.close()


def test_a_sheet_larger_than_a_package_holds_is_said_so(monkeypatch):
    """By all of its rows: what xlsxwriter itself has written of it is small."""
    book = long_book(2_000)
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 50_000)
    with pytest.raises(WriteError, match="工作簿写不成"):
        book.close()


@pytest.mark.parametrize("long", [True, False])
def test_a_text_that_looks_formatted_is_a_text(long):
    book = BookWriter("题", large=True)
    sheet = book.sheet("甲", long=long)
    fmt = book.format({"bold": True})
    sheet.cells(1, [(LIKE_FORMATTED, fmt, None), (1, fmt, None)])
    sheet.cell(2, 1, LIKE_FORMATTED, fmt)
    sheet.link(Place("甲", 3, 1, 3, 1), "甲", "A1", LIKE_FORMATTED, {})
    made = openpyxl.load_workbook(io.BytesIO(book.close()), rich_text=False)["甲"]
    assert [made.cell(row, 1).value for row in (1, 2, 3)] == [LIKE_FORMATTED] * 3


def test_a_report_that_looks_formatted_breaks_neither_template_nor_roll_up():
    unit = Unit(name=LIKE_FORMATTED, code="U1", parent="示例县")
    answers = Answers(texts=dict.fromkeys(FORM.texts, LIKE_FORMATTED)).over(pipe.seeded(FORM, 1))
    filing = pipe.read(write_template(FORM, unit, 2021, answers))
    assert filing.unit.name == LIKE_FORMATTED and set(filing.texts.values()) == {LIKE_FORMATTED}
    rolled = roll_up(FORM, 2021, [filing.as_leaf()])
    (leaf,) = pipe.read(write_rollup(MergeResult(CheckResult(()), (), rolled))).leaves
    assert leaf.unit == unit and leaf.texts == filing.texts


@pytest.mark.parametrize(
    "cells",
    [
        [("字" * 32_768, None)],
        [(float("nan"), None)],
        [(Decimal("Infinity"), None)],
        [("#REF!", "A1")],  # no result of a formula of ours
        [(True, "A1")],
    ],
)
def test_a_cell_that_cannot_be_written_stops_the_book(cells):
    with pytest.raises(WriteError):
        sheet_of(
            lambda sheet, looks: sheet.cells(1, [(value, looks[0], formula) for value, formula in cells])
        )


def test_no_cell_is_dropped_by_writing_a_row_over_it_or_above_it():
    def beside(sheet, looks):
        sheet.cell(1, 3, "不该丢", looks[0])
        sheet.cells(1, [(1, looks[0], None)])

    def above(sheet, looks):
        for row in (2, 1):
            sheet.cells(row, [(1, looks[0], None)])

    def twice(sheet, looks):
        sheet.cells(1, [(1, looks[0], None)])
        sheet.cell(1, 2, 2, looks[0])

    for wrong in (beside, above, twice):
        with pytest.raises(WriteError):
            sheet_of(wrong)


def test_no_sheet_can_be_added_moved_or_renamed(monkeypatch):
    small = write_rollup(county_of(2))
    monkeypatch.setattr("xltools.writing.rollup.MOST_IN_MEMORY", 0)
    for data in (write_template(FORM, pipe.TOWN, 2021), small, write_rollup(county_of(2))):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            assert b'<workbookProtection lockStructure="1"/><bookViews>' in package.read("xl/workbook.xml")
        assert openpyxl.load_workbook(io.BytesIO(data)).security.lockStructure


# ---- how long it takes


def county_of(units):
    some = [dict(pipe.seeded(FORM, number).items) for number in range(20)]
    leaves = [
        Leaf(
            unit=Unit(name=f"示例{n}镇", code=f"U{n:05d}", parent="示例县"), file=f"{n}.xlsx", sha256=f"{n:064x}",
            inputs=some[n % 20],
        )
        for n in range(units)
    ]  # fmt: skip
    return MergeResult(CheckResult(()), (), roll_up(FORM, 2021, leaves))


def plainly_written(rollup):
    """The cells of 明细 alone, by xlsxwriter in constant memory, in one format each."""
    book = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True})
    text, figure, total = (book.add_format({"border": 1, "num_format": code}) for code in ("@", "0", "#,##0"))
    shown = [{**leaf.inputs, **totals(FORM, leaf.inputs, blank=0)} for leaf in rollup.leaves]
    for detail in detail_sheets(FORM).values():
        sheet, first = book.add_worksheet(detail.name), FIRST_COLUMN - 1
        for row, (leaf, figures) in enumerate(zip(rollup.leaves, shown, strict=True), FIRST_ROW - 1):
            sheet.write_number(row, 0, row, figure)
            unit = leaf.unit
            for column, words in enumerate((unit.name, unit.code, unit.kind, leaf.file), 1):
                sheet.write_string(row, column, words, text)
            for column, item in enumerate(detail.items, first):
                if item.is_input:
                    sheet.write_number(row, column, figures[item.id], figure)
                else:
                    parts = [xl_rowcol_to_cell(row, first + detail.at[part]) for part in item.sum]
                    sheet.write_formula(row, column, f"=SUM({','.join(parts)})", total, figures[item.id])
    book.close()


@pytest.mark.slow
def test_a_roll_up_takes_no_longer_than_its_cells_take_xlsxwriter():
    merged = county_of(310)
    write_rollup(merged)

    def seconds(work):
        began = time.process_time()
        work()
        return time.process_time() - began

    ratios = [
        seconds(lambda: write_rollup(merged)) / seconds(lambda: plainly_written(merged.rollup))
        for _ in range(3)
    ]
    assert statistics.median(ratios) <= 1.1, ratios

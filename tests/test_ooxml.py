"""The reader held against openpyxl: on workbooks written at random, and on XML that no library writes."""

from __future__ import annotations

import io
import random
import re
import shutil
import subprocess
import time
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hostile import MAIN, OFFICE, STRICT
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.formula.translate import Translator, TranslatorError
from openpyxl.packaging.custom import (
    BoolProperty,
    DateTimeProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
)
from openpyxl.styles import Protection
from openpyxl.utils.datetime import to_excel
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula
from xlsxwriter.utility import xl_rowcol_to_cell

from xltools.filing import BLANK, Book, Cell, SheetFacts
from xltools.reading.formats import format_kind
from xltools.reading.gate import Refused
from xltools.reading.ooxml import open_book
from xltools.reading.shared import moved
from xltools.reading.sheet import MOST_CELLS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")  # it speaks of dates out of range


class Bag:
    """Parts in a dict, where the gate would hand out a checked package."""

    def __init__(self, parts: Mapping[str, str | bytes], main: str = "xl/workbook.xml") -> None:
        self.parts = {name: part.encode() if isinstance(part, str) else part for name, part in parts.items()}
        self.main = main

    def read(self, name: str) -> bytes:
        return self.parts[name]

    def has(self, name: str) -> bool:
        return name in self.parts

    def find(self, name: str) -> str | None:
        return next((known for known in self.parts if known.casefold() == name.casefold()), None)

    def file(self) -> io.BytesIO:
        """The same as an .xlsx, for openpyxl."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as package:
            for name, part in self.parts.items():
                package.writestr(name, part)
        return data

    @classmethod
    def of(cls, source: Path | io.BytesIO) -> Bag:
        with zipfile.ZipFile(source) as package:
            return cls({name: package.read(name) for name in package.namelist()})


def relations(*targets: tuple[str, str]) -> str:
    found = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/relationships/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{found}</Relationships>'


def workbook(inside: str) -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}/relationships">{inside}</workbook>'


ONE_SHEET = workbook('<sheets><sheet name="表" sheetId="1" r:id="rId1"/></sheets>')
STYLES = f"""<styleSheet xmlns="{MAIN}"><fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders>
    <cellStyleXfs><xf/></cellStyleXfs>
    <cellXfs><xf numFmtId="0"/><xf numFmtId="1"><protection locked="0"/></xf></cellXfs>
    <cellStyles><cellStyle name="Normal" xfId="0"/></cellStyles></styleSheet>"""
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def package(sheet: str, texts: str = "", **changed: str | bytes | None) -> Bag:
    """A workbook of one sheet; `changed` replaces or removes whole parts by the name of their kind."""
    kinds = {"workbook": "sheet.main", "styles": "styles", "strings": "sharedStrings", "sheet": "worksheet"}
    names = {kind: f"xl/{kind}.xml" for kind in kinds}
    types = "".join(
        f'<Override PartName="/{names[kind]}" ContentType="{TYPES}.{words}+xml"/>'
        for kind, words in kinds.items()
    )
    parts: dict[str, str | bytes | None] = {
        "types": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>',
        "root": relations(("officeDocument", "xl/workbook.xml")),
        "related": relations(
            ("worksheet", "sheet.xml"), ("styles", "styles.xml"), ("sharedStrings", "strings.xml")
        ),
        "workbook": ONE_SHEET,
        "styles": STYLES,
        "strings": f'<sst xmlns="{MAIN}">{texts}</sst>',
        "sheet": sheet,
        **changed,
    }
    names |= {"types": "[Content_Types].xml", "root": "_rels/.rels", "related": "xl/_rels/workbook.xml.rels"}
    return Bag({names.get(kind, kind): part for kind, part in parts.items() if part is not None})


def sheet_of(rows: str, before: str = "", after: str = "") -> str:
    """A worksheet part; `rows` stands in its sheetData."""
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def facts(rows: str, strings: str = "", before: str = "", after: str = "") -> SheetFacts:
    return open_book(package(sheet_of(rows, before, after), strings)).sheet("表")


def cells(rows: str, strings: str = "") -> Mapping[str, Cell]:
    return facts(rows, strings).cells


def formulas(rows: str) -> dict[str, str | None]:
    return {address: cell.formula for address, cell in cells(rows).items()}


def refusal(bag: Bag) -> str:
    """The sentence with which a damaged workbook is turned away."""
    with pytest.raises(Refused) as caught:
        open_book(bag).book()
    assert caught.value.refusal.code == "F005"
    assert caught.value.refusal.remedy.endswith("打不开就请重新填报。")
    return caught.value.refusal.sentence


# ---------------------------------------------------------------- the referee


def must_agree(bag: Bag) -> Book:
    """Read by us and by openpyxl twice, and compare every fact; what we read is returned."""
    ours = open_book(bag).book()
    file = bag.file()
    formulas_of: Any = openpyxl.load_workbook(file)
    values_of: Any = openpyxl.load_workbook(file, data_only=True)
    assert list(ours.sheets) == formulas_of.sheetnames
    assert ours.names == {
        name: defined.value
        for name, defined in formulas_of.defined_names.items()
        if not name.startswith("_xlnm.")
    }
    properties = {property_.name: property_.value for property_ in formulas_of.custom_doc_props}
    assert {name: as_property(text, properties[name]) for name, text in ours.properties.items()} == properties
    for name, sheet in ours.sheets.items():
        agree_on_sheet(sheet, formulas_of[name], values_of[name])
    return ours


def as_property(text: str, like: object) -> object:
    if isinstance(like, bool):
        return text.lower() in ("true", "1")
    if isinstance(like, datetime):
        return datetime.fromisoformat(text.removesuffix("Z"))
    return text if like is None or isinstance(like, str) else type(like)(text)  # type: ignore[call-arg]


def agree_on_sheet(ours: SheetFacts, formulas_of: Any, values_of: Any) -> None:
    assert ours.state == formulas_of.sheet_state
    assert ours.merges == {str(area) for area in formulas_of.merged_cells.ranges}
    rows = formulas_of.row_dimensions
    assert ours.hidden_rows == {number for number, row in rows.items() if row.hidden or row.height == 0}
    columns = formulas_of.column_dimensions.values()
    hidden = [column for column in columns if column.hidden or column.width == 0]
    assert ours.hidden_columns == {
        number for column in hidden for number in range(column.min, column.max + 1) if number <= 512
    }
    assert ours.protected == bool(formulas_of.protection.sheet)
    assert ours.validations == len(formulas_of.data_validations.dataValidation)
    followers = {
        address
        for area in formulas_of.merged_cells.ranges
        for row in area.rows
        for address in (xl_rowcol_to_cell(row_ - 1, column - 1) for row_, column in row)
    } - {area.start_cell.coordinate for area in formulas_of.merged_cells.ranges}
    theirs = {
        cell.coordinate: cell for cell in formulas_of._cells.values() if cell.coordinate not in followers
    }
    arrays = {address: text for cell in theirs.values() for address, text in filled_by(cell)}
    assert {address for address in ours.cells if address not in followers} <= theirs.keys() | arrays.keys()
    for address, cell in theirs.items():
        agree_on_cell(ours.cells.get(address), cell, values_of[address], arrays.get(address))


def filled_by(cell: Any) -> list[tuple[str, str]]:
    """The cells that an array formula or a data table fills, each with the formula that it shows."""
    reference = getattr(cell.value, "ref", None)
    rows = CellRange(reference).rows if reference and ":" in reference else ()
    formula = their_formula(cell) or ""
    return [(xl_rowcol_to_cell(row - 1, column - 1), formula) for cells in rows for row, column in cells]


def agree_on_cell(ours: Cell | None, formula: Any, value: Any, array: str | None) -> None:
    where = formula.coordinate
    if ours is None:  # only what is locked and empty is left out
        assert (formula.value, value.value, formula.protection.locked) == (None, None, True), where
        return
    assert ours.locked == formula.protection.locked, where
    if not (value.data_type == "d" and ours.kind == "text"):  # an ISO date shows as one in any format
        assert ours.format == KINDS[formula.number_format], where
    own = their_formula(formula)
    assert ours.formula in ((array,) if own is None else (own, array)), where
    if ours.kind == "number" and ours.format == "date" and not 0 <= float(ours.text) < 2_958_466:
        assert value.value == "#VALUE!" or serial(value.value) == pytest.approx(float(ours.text)), where
    elif ours.kind == "number":
        assert value.data_type in "nd", where
        assert type(value.value) is not bool, where
        assert float(ours.text) == pytest.approx(serial(value.value), abs=1e-5), where
    else:
        kind = {"n": "blank", "f": "blank", "b": "boolean", "e": "error"}.get(value.data_type, "text")
        shown = {True: "TRUE", False: "FALSE", None: ""}.get(value.value, value.value)
        if isinstance(shown, datetime):
            shown = shown.isoformat()
        if ours.text == "":  # openpyxl does not tell an empty text from nothing
            assert ours.kind in (kind, "text"), where
        else:
            assert ours.kind == kind, where
        assert ours.text == shown, where


def their_formula(cell: Any) -> str | None:
    if isinstance(cell.value, DataTableFormula):
        return ""
    if isinstance(cell.value, ArrayFormula):
        return str(cell.value.text).removeprefix("=")
    return str(cell.value)[1:] if cell.data_type == "f" else None


def serial(value: Any) -> float:
    if isinstance(value, (date, clock, timedelta)):
        return float(to_excel(value))  # type: ignore[no-untyped-call]
    return float(value)


# ---------------------------------------------------------------- workbooks at random

KINDS = {
    "General": "general",
    "0": "number",
    "0.00": "number",
    "#,##0": "number",
    "#,##0.00_);[Red](#,##0.00)": "number",
    '0.0"万元"': "number",
    '0"%"': "number",
    "0.00E+00": "number",
    '[Red]0;[Blue]-0;"零"': "number",
    '"d"0': "number",
    r"\d0": "number",
    "# ?/?": "number",
    "0%": "percent",
    "0.00%": "percent",
    "@": "text",
    "mm-dd-yy": "date",
    "yyyy-mm-dd": "date",
    "yyyy/m/d h:mm": "date",
    'yyyy"年"m"月"d"日"': "date",
    "[$-804]yyyy年m月d日": "date",
    "[DBNum1][$-804]yyyy年m月d日": "date",
    "[h]:mm": "date",
    "h:mm AM/PM": "date",
}
TEXTS = (
    "自然人",
    "（一）予以公开",
    " 前面有空格",
    "后面有空格　",
    "两行\n文字",
    "\n",
    "制表\t符",
    "😀𠮷",
    "<b>&amp;\"'",
    "=1+1",
    "'3",
    "3件",
    "１２",
    "]]>",
    "长" * 5000,
    "0",
    "TRUE",
    "#REF!",
)
NUMBERS = (0, 1, -1, 30000, 2**53, 0.1, 180.1, -0.5, 1e-7, 1.5e300, 46024, 123456789012345)
FORMULAS = ("SUM(A1:B2)", "IF(A1>0,\"是\",'表 1'!$A$1)", 'A1&"<&>"', 'COUNTIF(A:A,">0")', "1/0", '""')
ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")
SHEETS = ("封面", "三、申请情况", "表 1", "it's", "_meta")


def written_by_xlsxwriter(chance: random.Random) -> Bag:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": chance.random() < 0.3})
    formats = [
        book.add_format({"num_format": code, "locked": locked}) for code in KINDS for locked in (True, False)
    ]
    for name in chance.sample(SHEETS, chance.randint(1, 4)):
        sheet = book.add_worksheet(name)
        for row in sorted(chance.sample(range(60), 15)):
            if chance.random() < 0.2:
                height, hidden = chance.choice(((None, True), (0, False), (30, False)))
                sheet.set_row(row, height, None, {"hidden": hidden})
            for column in sorted(chance.sample(range(40), 6)):
                form = chance.choice([None, *formats])
                kind = chance.randrange(8)
                if kind == 0:
                    sheet.write_number(row, column, chance.choice(NUMBERS[:6]), form)
                elif kind == 1:
                    sheet.write_number(row, column, chance.uniform(0, 50000), form)
                elif kind == 2:
                    sheet.write_string(row, column, chance.choice(TEXTS), form)
                elif kind == 3:
                    sheet.write_boolean(row, column, chance.random() < 0.5, form)
                elif kind == 4:
                    result = chance.choice([0, 3.5, "", "是", True, False, *ERRORS])
                    sheet.write_formula(row, column, "=" + chance.choice(FORMULAS), form, result)
                elif kind == 5:
                    sheet.write_blank(row, column, None, form)
                elif kind == 6:
                    bold = book.add_format({"bold": True})
                    sheet.write_rich_string(
                        row, column, "前 ", bold, " 粗\n", "后 ", *([form] if form else [])
                    )
                else:
                    sheet.write_array_formula(row, column, row, column, "{=SUM(A1:A3*B1:B3)}", form, 5)
        for first in range(1, chance.randint(1, 4)):
            sheet.merge_range(
                100 * first, 2, 100 * first + chance.randint(0, 3), 5, chance.choice(TEXTS), formats[0]
            )
        if chance.random() < 0.5:
            sheet.set_column(chance.randint(0, 9), chance.randint(10, 600), 9, None, {"hidden": True})
            sheet.set_column(700, 16383, 0)
        for first in range(chance.randint(0, 3)):
            sheet.data_validation(first, 0, first, 9, {"validate": "integer", "criteria": ">=", "value": 0})
        if chance.random() < 0.5:
            sheet.protect()
        sheet.print_area(0, 0, 9, 9)
        sheet.repeat_rows(0, 1)
        chance.choice((lambda: None, sheet.hide, sheet.very_hidden))()
    visible = book.add_worksheet("最后")
    visible.activate()
    visible.set_first_sheet()
    for number in range(chance.randint(0, 5)):
        book.define_name(f"applications.new_{number}.natural", f"='最后'!$A${number + 1}")
    book.define_name("最后!local", "='最后'!$B$2")
    book.set_custom_property("form", "gov-info-disclosure")
    book.set_custom_property("unit", chance.choice(("布海镇", " a&b ", "<x>")))
    book.set_custom_property("year", 2021)
    book.set_custom_property("share", 0.25)
    book.set_custom_property("final", chance.random() < 0.5)
    book.set_custom_property("made", datetime(2021, 1, 2, 3, 4, 5))
    book.close()
    return Bag.of(file)


def written_by_openpyxl(chance: random.Random) -> Bag:
    book: Any = openpyxl.Workbook()
    for name in chance.sample(SHEETS, chance.randint(1, 4)):
        sheet: Any = book.create_sheet(name)
        for _ in range(80):
            cell = sheet.cell(chance.randint(1, 40), chance.randint(1, 30))
            cell.value = chance.choice(
                (
                    lambda: chance.choice(NUMBERS),
                    lambda: chance.choice(TEXTS),
                    lambda: chance.choice(ERRORS),
                    lambda: chance.random() < 0.5,
                    lambda: "=" + chance.choice(FORMULAS),
                    lambda: datetime(2021, 1, chance.randint(1, 28), chance.randrange(24)),
                    lambda: date(2021, 12, chance.randint(1, 28)),
                    lambda: CellRichText("平 ", TextBlock(InlineFont(b=True), "粗 "), "后"),
                    lambda: None,
                )
            )()
            if not isinstance(cell.value, date):
                cell.number_format = chance.choice(list(KINDS))
            else:
                cell.number_format = "yyyy-mm-dd"
            cell.protection = Protection(locked=chance.random() < 0.7)
        sheet["AZ1"] = ArrayFormula("AZ1:AZ3", "=SUM(A1:A3*B1:B3)")
        sheet["AZ9"] = DataTableFormula("AZ9:AZ10", dt2D=False, r1="A1")
        if chance.random() < 0.7:
            sheet.merge_cells("BB2:BD4")
            sheet.merge_cells("BF2:BG2")
        for row in chance.sample(range(1, 60), 4):
            sheet.row_dimensions[row].hidden = True
        sheet.row_dimensions[70].height = 0
        for letters in chance.sample("ABCDEFG", 3):
            sheet.column_dimensions[letters].hidden = True
        sheet.protection.sheet = chance.random() < 0.5
        for number in range(chance.randint(0, 3)):
            sheet.add_data_validation(DataValidation(type="whole", formula1="0", sqref=f"A{number + 1}:C9"))
        sheet.sheet_state = chance.choice(("visible", "hidden", "veryHidden"))
        sheet.print_area = "A1:B9"
        sheet.defined_names["local"] = DefinedName("local", attr_text="$A$1")
    for number in range(chance.randint(0, 5)):
        name = f"applications.new_{number}.natural"
        book.defined_names[name] = DefinedName(name, attr_text=f"'表 1'!$A${number + 1}")
    for made in (
        StringProperty("unit", chance.choice(("布海镇", "a&b", "<x>"))),
        StringProperty("empty", None),
        IntProperty("year", 2021),
        FloatProperty("share", 0.25),
        BoolProperty("final", chance.random() < 0.5),
        DateTimeProperty("made", datetime(2021, 1, 2, 3, 4, 5)),
    ):
        book.custom_doc_props.append(made)
    file = io.BytesIO()
    book.save(file)
    return Bag.of(file)


@pytest.mark.parametrize("seed", range(30))
def test_what_xlsxwriter_writes_reads_as_openpyxl_reads_it(seed: int) -> None:
    must_agree(written_by_xlsxwriter(random.Random(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_what_openpyxl_writes_reads_as_openpyxl_reads_it(seed: int) -> None:
    bag = written_by_openpyxl(random.Random(seed))
    if b"<vt:lpwstr />" in bag.parts["docProps/custom.xml"]:
        book = open_book(bag)
        assert book.properties["empty"] == ""
        bag.parts["docProps/custom.xml"] = bag.parts["docProps/custom.xml"].replace(
            b"<vt:lpwstr />", b"<vt:lpwstr>x</vt:lpwstr>"
        )
    must_agree(bag)


@pytest.mark.office
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_what_libreoffice_saves_reads_as_openpyxl_reads_it(seed: int, tmp_path: Path) -> None:
    source = tmp_path / "in" / "表.xlsx"
    source.parent.mkdir()
    bag = written_by_xlsxwriter(random.Random(seed))
    source.write_bytes(bag.file().getvalue())
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir"]
    subprocess.run([*command, str(tmp_path), str(source)], check=True, capture_output=True, timeout=120)
    saved = Bag.of(tmp_path / "表.xlsx")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(f"{__name__}.KINDS", AnyCode())
        ours = must_agree(saved)
    before = open_book(bag).book()
    for name, sheet in before.sheets.items():
        for address, cell in sheet.cells.items():
            if cell.formula is None and cell.kind == "text":  # it turns a boolean with a format into a number
                assert ours.sheets[name].cell(address).text == cell.text, (name, address)


class AnyCode(dict[str, str]):
    """LibreOffice spells formats anew; the classifier stands on its own test."""

    def __getitem__(self, code: str) -> str:
        return format_kind(code)


# ---------------------------------------------------------------- what the writers never emit


def test_a_cell_is_kept_for_what_it_holds_or_for_being_unlocked() -> None:
    rows = '<row r="1"><c r="A1"/><c r="B1" s="1"/><c r="C1"><v>5</v></c><c r="D1" s="1"><f>A1</f></c></row>'
    assert cells(rows) == {
        "B1": Cell("blank", locked=False, format="number"),
        "C1": Cell("number", "5"),
        "D1": Cell("blank", formula="A1", locked=False, format="number"),
    }


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        ("<c><v>180.09999999999999</v></c>", "number", "180.09999999999999"),
        ("<c><v>1.0E-2</v></c>", "number", "1.0E-2"),
        ('<c t="n"><v> 12 </v></c>', "number", " 12 "),
        ("<c><v>1/2</v></c>", "number", "1/2"),
        ("<c><v>١٢</v></c>", "number", "١٢"),
        ("<c><v>nan</v></c>", "number", "nan"),
        ("<c><v>1" + "0" * 5000 + "</v></c>", "number", "1" + "0" * 5000),
        ('<c t="b"><v>1</v></c>', "boolean", "TRUE"),
        ('<c t="b"><v>false</v></c>', "boolean", "FALSE"),
        ('<c t="e"><v>#REF!</v></c>', "error", "#REF!"),
        ('<c t="str"><f>A1</f><v></v></c>', "text", ""),
        ('<c t="str"><v>a_x000D_b</v></c>', "text", "a\rb"),
        ('<c t="s"><v>0</v></c>', "text", "一"),
        ('<c t="s"><v>1</v></c>', "text", " 二 三"),
        ('<c t="s"><v>2</v></c>', "text", "東京"),
        ('<c t="s"><v>3</v></c>', "text", ""),
        ('<c t="s"><v>4</v></c>', "text", "\r_x0041_"),
        ('<c t="s"><v>5</v></c>', "text", "😀�"),
        ('<c t="inlineStr"><is><t>甲</t></is></c>', "text", "甲"),
        ('<c t="inlineStr"><is><r><rPr><b/></rPr><t>甲</t></r><r><t xml:space="preserve"> 乙</t></r></is></c>', "text", "甲 乙"),
        ('<c t="inlineStr"><is><t>東</t><rPh sb="0" eb="1"><t>ヒガシ</t></rPh><phoneticPr/></is></c>', "text", "東"),
        ('<c t="inlineStr"><is><t/></is></c>', "text", ""),
        ('<c t="s"/>', "blank", ""),
        ("<c><v/></c>", "blank", ""),
    ],
)  # fmt: skip
def test_kinds_of_cells(cell: str, kind: str, text: str) -> None:
    strings = """<si><t>一</t></si><si><r><t xml:space="preserve"> 二</t></r><r><rPr><b/></rPr><t> 三</t></r></si>
        <si><t>東京</t><rPh sb="0" eb="1"><t>トウ</t></rPh><phoneticPr fontId="1"/></si><si><t/></si>
        <si><t>_x000d__x005F_x0041_</t></si><si><t>_xD83D__xDE00__xD83D_</t></si>"""
    found = facts(f'<row r="1">{cell}</row>', strings).cell("A1")
    assert (found.kind, found.text) == (kind, text)


def test_an_iso_date_is_a_text_that_shows_as_a_date() -> None:
    found = cells('<row r="1"><c r="A1" t="d"><v>2021-01-05T00:00:00</v></c></row>')
    assert found == {"A1": Cell("text", "2021-01-05T00:00:00", format="date")}


def test_cells_and_rows_without_addresses_follow_each_other() -> None:
    rows = (
        "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row r='5'><c r='C5'><v>3</v></c><c><v>4</v></c></row>"
    )
    rows += "<row><c><v>5</v></c></row><row><c r='IW9'><v>6</v></c><c><v>7</v></c></row>"
    found = {address: cell.text for address, cell in cells(rows).items()}
    assert found == {"A1": "1", "C1": "2", "C5": "3", "D5": "4", "A6": "5", "IW9": "6", "IX9": "7"}
    must_agree(package(sheet_of(rows.replace("IW9", "IW7"))))


def test_a_stray_cell_is_one_cell_and_the_dimension_says_nothing() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    for dimension in ("A1", "A1:XFD1048576", "", "nonsense"):
        found = facts(rows, before=f'<dimension ref="{dimension}"/>')
        assert list(found.cells) == ["A1", "XFD1048576"]


def test_odd_spellings_of_an_address_are_one_address() -> None:
    assert list(cells('<row r="3"><c r="b3"><v>1</v></c><c r="$C$3"><v>1</v></c></row>')) == ["B3", "C3"]


def test_elements_of_others_are_passed_over() -> None:
    rows = """<row r="1"><c r="A1"><f>B1</f><v>1</v><extLst><ext><v>9</v><c r="Z1"><v>9</v></c></ext></extLst></c>
        <x:c xmlns:x="urn:x" r="B1"><v>9</v></x:c><c r="C1"><x:v xmlns:x="urn:x">9</x:v></c><extLst/></row>
        <x:row xmlns:x="urn:x" r="2"><c r="A2"><v>9</v></c></x:row>"""
    found = facts(
        rows,
        before='<x:cols xmlns:x="urn:x"><x:col/></x:cols>',
        after='<controls><x:col xmlns:x="urn:x">0</x:col><x:mergeCell xmlns:x="urn:x"/></controls>',
    )
    assert found.cells == {"A1": Cell("number", "1", "B1")}


SOME = """<row r="1" hidden="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"/></row>
    <row r="2"><c r="A2" t="inlineStr"><is><r><t>甲</t></r></is></c><c r="B2"><f>SUM(A1:A2)</f><v>3</v></c>
    <c r="C2"><f t="shared" ref="C2:D2" si="0">A2</f><v>1</v></c><c r="D2"><f t="shared" si="0"/><v>1</v></c></row>"""
AROUND = """<sheetProtection sheet="1"/><mergeCells><mergeCell ref="A4:C5"/></mergeCells>
    <dataValidations><dataValidation sqref="B1"/></dataValidations>"""
NAMES = workbook(
    '<sheets><sheet name="表" sheetId="1" r:id="rId1"/></sheets><definedNames>'
    '<definedName name="a.b">表!$A$1</definedName><definedName name="_xlnm.Print_Area">表!$A$1</definedName>'
    '<definedName name="c" localSheetId="0">表!$A$1</definedName></definedNames>'
)
CUSTOM = f"""<Properties xmlns="{OFFICE}/custom-properties" xmlns:vt="{OFFICE}/docPropsVTypes">
    <property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="2" name="unit">
    <vt:lpwstr>布海镇</vt:lpwstr>
    </property></Properties>"""


def ordinary() -> Bag:
    return package(
        sheet_of(SOME, after=AROUND),
        "<si><t>一</t></si>",
        **{"workbook": NAMES, "docProps/custom.xml": CUSTOM},
    )


def test_an_ordinary_workbook() -> None:
    book = must_agree(ordinary())
    assert book.sheets["表"] == SheetFacts(
        name="表",
        cells={
            "A1": Cell("text", "一"),
            "B1": Cell("blank", locked=False, format="number"),
            "A2": Cell("text", "甲"),
            "B2": Cell("number", "3", "SUM(A1:A2)"),
            "C2": Cell("number", "1", "A2"),
            "D2": Cell("number", "1", "B2"),
        },
        merges=frozenset({"A4:C5"}),
        hidden_rows=frozenset({1}),
        protected=True,
        validations=1,
    )
    assert (book.names, book.properties, book.strict) == ({"a.b": "表!$A$1"}, {"unit": "布海镇"}, False)


def respelled(bag: Bag, respell: Any) -> Book:
    return open_book(Bag({name: respell(part.decode()) for name, part in bag.parts.items()})).book()


def test_strict_is_the_same_workbook() -> None:
    def strict(part: str) -> str:
        for loose, tight in sorted(STRICT.items(), key=lambda pair: -len(pair[0])):
            part = part.replace(loose, tight)
        return part

    plain, found = open_book(ordinary()).book(), respelled(ordinary(), strict)
    assert found.strict and found.sheets == plain.sheets
    assert (found.names, found.properties) == (plain.names, plain.properties)


def test_prefixes_do_not_matter() -> None:
    def prefixed(part: str) -> str:
        part = re.sub(r"<(/?)(\w+)(?=[\s/>])", r"<\1x:\2", part)
        return part.replace("xmlns=", "xmlns:x=")

    assert respelled(ordinary(), prefixed) == open_book(ordinary()).book()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings_are_the_same_workbook(encoding: str) -> None:
    assert respelled(ordinary(), lambda part: part.encode(encoding)) == open_book(ordinary()).book()


@pytest.mark.parametrize(
    "target", ["/DATA/Tables/one.xml", "../Data/tables/ONE.XML", "..\\data\\tables\\one.xml"]
)
def test_a_part_may_stand_anywhere(target: str) -> None:
    bag = ordinary()
    bag.parts["data/tables/one.xml"] = bag.parts.pop("xl/sheet.xml")
    bag.parts["xl/_rels/workbook.xml.rels"] = bag.parts["xl/_rels/workbook.xml.rels"].replace(
        b"sheet.xml", target.encode()
    )
    assert open_book(bag).book() == open_book(ordinary()).book()


def test_the_workbook_part_itself_may_stand_anywhere() -> None:
    parts = {
        name.replace("xl/", "内容/").replace("workbook", "book"): part
        for name, part in ordinary().parts.items()
    }
    assert open_book(Bag(parts, main="内容/book.xml")).book() == open_book(ordinary()).book()


def test_only_wanted_sheets_are_read() -> None:
    two = workbook(
        '<sheets><sheet name="甲" sheetId="1" r:id="rId1"/>'
        '<sheet name="乙" sheetId="2" r:id="rId4" state="veryHidden"/></sheets>'
    )
    related = relations(
        ("worksheet", "sheet.xml"),
        ("styles", "styles.xml"),
        ("sharedStrings", "strings.xml"),
        ("worksheet", "b.xml"),
    )
    bag = package(sheet_of('<row r="1"><c r="A1"><v>1</v></c></row>'), workbook=two, related=related)
    bag.parts["xl/b.xml"] = b"broken"
    book = open_book(bag)
    assert dict(book.sheet_states) == {"甲": "visible", "乙": "veryHidden"}
    assert list(book.book(lambda name: name == "甲").sheets) == ["甲"]
    assert book.sheet("甲") is book.sheet("甲")
    with pytest.raises(KeyError):
        book.sheet("丙")
    assert refusal(bag) == "工作表“乙”读不下去：文件内部已损坏。"


def test_a_chart_sheet_holds_nothing() -> None:
    found = open_book(package(f'<chartsheet xmlns="{MAIN}"><sheetViews/></chartsheet>')).sheet("表")
    assert found == SheetFacts(name="表")


def test_a_workbook_without_styles_and_strings() -> None:
    related = relations(("worksheet", "sheet.xml"))
    bag = package(sheet_of('<row r="1"><c r="A1" s="7"><v>1</v></c></row>'), related=related)
    assert open_book(bag).sheet("表").cells == {"A1": Cell("number", "1")}


# hidden lines, merges, validations


def test_hidden_lines_by_flag_or_by_size() -> None:
    before = """<cols><col min="2" max="3" hidden="1"/><col min="5" max="5" width="0"/><col min="6" max="6" width="9"/>
        <col min="300" max="16384" hidden="true"/></cols>"""
    rows = '<row r="2" hidden="1"/><row r="3" ht="0"/><row r="4" hidden="0" ht="20"/><row hidden="1"/>'
    found = facts(rows, before=before)
    assert found.hidden_rows == {2, 3, 5}
    assert found.hidden_columns == {2, 3, 5, *range(300, 513)}


def test_rows_that_are_hidden_unless_declared() -> None:
    found = facts('<row r="2"/><row r="4" hidden="1"/><row r="5"/>', before='<sheetFormatPr zeroHeight="1"/>')
    assert found.hidden_rows == {1, 3, 4}


def test_merges_have_one_spelling() -> None:
    merges = "".join(f'<mergeCell ref="{area}"/>' for area in ("$a$1:c3", "F9:E8", "H1", "H2:H2", "A1:C3"))
    assert facts("", after=f"<mergeCells>{merges}</mergeCells>").merges == {"A1:C3", "E8:F9", "H1", "H2"}


def test_validations_of_both_kinds_are_counted() -> None:
    space = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
    newer = f'<x14:dataValidations xmlns:x14="{space}"><x14:dataValidation/><x14:dataValidation/></x14:dataValidations>'
    after = f"<dataValidations><dataValidation/></dataValidations><extLst><ext>{newer}</ext></extLst>"
    assert facts("", after=after).validations == 3


# limits


def test_a_sheet_is_read_up_to_its_limits() -> None:
    merges = "".join(f'<mergeCell ref="A{row}:B{row}"/>' for row in range(1, 200_001))
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 30_001))
    found = facts(rows, after=f'<mergeCells>{merges}</mergeCells><sheetProtection sheet="1"/>')
    assert found.overfull
    assert (len(found.cells), len(found.merges)) == (MOST_CELLS, 20_000)
    assert found.protected  # what follows the rows is read all the same
    assert "A20000" in found.cells and "A20001" not in found.cells

    book = open_book(package(sheet_of('<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>')))
    assert list(book.sheet("表", cell_limit=1).cells) == ["A1"]
    assert book.sheet("表", cell_limit=1).overfull
    assert not book.sheet("表", cell_limit=2).overfull


def test_a_shared_formula_cannot_grow_without_end() -> None:
    master = "+".join(["A1"] * 30_000)
    rows = f'<row r="1"><c r="A1"><f t="shared" ref="A1:A9999" si="0">{master}</f></c></row>' + "".join(
        f'<row r="{row}"><c r="A{row}"><f t="shared" si="0"/></c></row>' for row in range(2, 9999)
    )
    started = time.process_time()
    found = facts(rows)
    assert found.overfull and len(found.cells) < 30
    assert time.process_time() - started < 5


def test_many_strings_take_little_time_and_room() -> None:
    strings = "".join(f"<si><t>（{number}）某某镇人民政府</t></si>" for number in range(200_000))
    bag = package(sheet_of('<row r="1"><c r="A1" t="s"><v>199999</v></c></row>'), strings)
    started = time.process_time()
    assert open_book(bag).sheet("表").cell("A1").text == "（199999）某某镇人民政府"
    assert time.process_time() - started < 3  # 0.3 s on an idle machine

    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    fewer = package(sheet_of(rows), strings[: strings.index("<si>", len(strings) // 8)])
    tracemalloc.start()
    open_book(fewer).sheet("表")
    room = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert room < 100 * 2**20 / 8


# damage


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="0"/>',
        '<row r="1048577"/>',
        '<row r="-1"/>',
        '<row r="1_0"/>',
        '<row r="x"/>',
        '<row r="1" ht="tall"/>',
        '<row r="1"><c r="A2"/></row>',
        '<row r="1"><c r="XFE1"/></row>',
        '<row r="1"><c r="AAAA1"/></row>',
        '<row r="1"><c r="A"/></row>',
        '<row r="1"><c r="1"/></row>',
        '<row r="1"><c r=""/></row>',
        '<row r="1"><c r="A01"/></row>',
        '<row r="1"><c r="A1:B1"/></row>',
        '<row r="1"><c r="XFD1"/><c/></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
        '<row r="1"><c r="A1" s="2"/></row><row r="2"><c r="A2" s="2"><v>1</v></c></row>',
        '<row r="1"><c r="A1" s="-1"><v>1</v></c></row>',
        '<row r="1"><c r="A1" s="x"><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>-1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>一</v></c></row>',
        '<row r="1"><c r="A1" t="b"><v>2</v></c></row>',
        '<row r="1"><c r="A1" t="x"><v>2</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></row>',
        "&undeclared;",
        "\x00",
        "<row>" * 50_000,
        '<row r="1"><c r="A1">' + "<v>" * 50_000,
        '<row r="1"><c r="A1" t="inlineStr"><is>' + "<r>" * 50_000,
        '<row r="1"><c r="A1" t="inlineStr"><v>7</v></c></row>',
        '<row r="1"><c r="A1"><is><t>甲</t></is></c></row>',
        '<row r="1"><c r="A1"><v>1<b>7</b></v></c></row>',
        '<row r="1"><c r="A1"><v>1</v><v>2</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><c r="A2"><v>2</v></c>',
        '<row r="1"><mc:AlternateContent xmlns:mc="urn:mc"><c r="A1"/></mc:AlternateContent></row>',
    ],
)
def test_a_damaged_sheet_is_turned_away_in_one_sentence(rows: str) -> None:
    assert refusal(package(sheet_of(rows), "<si><t>一</t></si>")) == "工作表“表”读不下去：文件内部已损坏。"


@pytest.mark.parametrize(
    "around",
    [
        '<mergeCells><mergeCell ref="A1:XFE2"/></mergeCells>',
        "<mergeCells><mergeCell/></mergeCells>",
        '<cols><col min="a" max="2"/></cols>',
        "<cols><col/></cols>",
        "<x>" * 50_000,
        "<cols>" + '<col min="1" max="500" hidden="1"/>' * 16_385 + "</cols>",
    ],
)
def test_damage_around_the_rows(around: str) -> None:
    assert refusal(package(sheet_of("", after=around))) == "工作表“表”读不下去：文件内部已损坏。"


DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"sheet": b"\xff\xfe\x00"}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": ""}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": '<worksheet xmlns="urn:x"/>'}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": "<worksheet/>"}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": sheet_of("").encode("utf-16")[:-9]}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": '<?xml version="1.0" encoding="nonsense"?>' + sheet_of("")}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": DOCTYPE + sheet_of("")}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": sheet_of("自然人").encode("gbk")}, "工作表“表”读不下去：文件内部已损坏。"),
        ({"sheet": None}, "工作表“表”读不下去：文件里缺少这张表的内容，内部已损坏。"),
        ({"strings": None}, "工作簿的文字表读不下去：文件里缺少这一部分，内部已损坏。"),
        ({"strings": f'<sst xmlns="{MAIN}"><si>'}, "工作簿的文字表读不下去：文件内部已损坏。"),
        ({"strings": f'<sst xmlns="{MAIN}">' + "<si>" * 50_000}, "工作簿的文字表读不下去：文件内部已损坏。"),
        ({"styles": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="x"/></cellXfs></styleSheet>'}, "工作簿的格式表读不下去：文件内部已损坏。"),
        ({"workbook": "<workbook/>"}, "工作簿的工作表目录读不下去：文件内部已损坏。"),
        ({"workbook": None}, "工作簿的工作表目录读不下去：文件里缺少这一部分，内部已损坏。"),
        ({"workbook": workbook('<sheets><sheet name="表"/></sheets>')}, "工作簿的工作表目录读不下去：文件内部已损坏。"),
        ({"workbook": workbook('<sheets><sheet name="表" state="x" r:id="rId1"/></sheets>')}, "工作簿的工作表目录读不下去：文件内部已损坏。"),
        ({"workbook": workbook('<sheets><sheet name="表" r:id="rId9"/></sheets>')}, "工作表“表”读不下去：文件里缺少这张表的内容，内部已损坏。"),
        ({"workbook": workbook('<sheets><sheet name="A" r:id="rId1"/><sheet name="a" r:id="rId2"/></sheets>')}, "工作表“a”读不下去：有两张工作表同名，文件内部已损坏。"),
        ({"workbook": workbook('<sheets><sheet name="甲" r:id="rId1"/><sheet name="乙" r:id="rId1"/></sheets>')}, "工作表“乙”读不下去：有两张工作表共用一份内容，文件内部已损坏。"),
        ({"related": "<Relationships/>"}, "工作簿的部件目录读不下去：文件内部已损坏。"),
        ({"docProps/custom.xml": "<x/>"}, "工作簿的自定义属性读不下去：文件内部已损坏。"),
    ],
)  # fmt: skip
def test_a_damaged_part_is_named_in_plain_words(changed: dict[str, Any], sentence: str) -> None:
    assert (
        refusal(package(**({"sheet": sheet_of('<row r="1"><c r="A1" t="s"><v>0</v></c></row>')} | changed)))
        == sentence
    )


def test_bytes_changed_at_random_are_read_or_turned_away() -> None:
    chance = random.Random(7)
    bag = ordinary()
    names = [name for name in bag.parts if not name.startswith("[")]
    read = 0
    for _ in range(1500):
        name = chance.choice(names)
        part = bytearray(bag.parts[name])
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(part))
            part[start : start + chance.choice((0, 1, 1, 8))] = chance.choice(
                (
                    b"",
                    b"<",
                    b">",
                    b"&#55;",
                    b"9",
                    b"0",
                    b"-",
                    b"\xe4",
                    b"/",
                    b'"',
                    b"<x>",
                    b" r='1'",
                    bytes([chance.randrange(256)]),
                )
            )
        try:
            open_book(Bag(bag.parts | {name: bytes(part)})).book()
            read += 1
        except Refused as refused:
            assert refused.refusal.code == "F005"
    assert 100 < read < 1400


# formats


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *KINDS.items(),
        ("", "number"),
        (";;;", "number"),
        ('0!d"日"', "number"),
        ("G/通用格式", "general"),
        ('General"件"', "general"),
        ('0;"d"', "number"),
        ("@*.", "text"),
        ("0;-0;0;@", "number"),
        ('_ * #,##0_ ;_ * -#,##0_ ;_ * "-"_ ;_ @_ ', "number"),
        ("[$¥-804]#,##0.00", "number"),
        ("[>=10000]0.0,万;0", "number"),
        ("[Red]-0.00%", "percent"),
        (r"0\%", "number"),
        ("aaaa", "date"),
        ("[$-F800]dddd, mmmm dd, yyyy", "date"),
        ("e年", "date"),
        ("[ss].0", "date"),
        ("yyyy年", "date"),
        ('"unclosed', "number"),
        ("\\", "number"),
        ("[", "number"),
    ],
)
def test_kind_of_a_format_code(code: str, kind: str) -> None:
    assert format_kind(code) == kind


def test_formats_by_number_and_by_code() -> None:
    numbers = {
        0: "general",
        1: "number",
        9: "percent",
        10: "percent",
        14: "date",
        22: "date",
        31: "date",
        44: "number",
    }
    numbers |= {45: "date", 49: "text", 57: "date", 164: "date", 165: "number", 166: "general", 14: "percent"}
    found = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    styles = f"""<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;"/>
        <numFmt numFmtId="165" formatCode="0&quot;年&quot;"/><numFmt numFmtId="14" formatCode="0%"/></numFmts>
        <cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs>{found}</cellXfs>
        <dxfs><dxf><numFmt numFmtId="165" formatCode="0%"/><protection locked="0"/></dxf></dxfs></styleSheet>"""
    row = "".join(f'<c s="{style}"><v>1</v></c>' for style in range(len(numbers)))
    sheet = open_book(package(sheet_of(f'<row r="1">{row}</row>'), styles=styles)).sheet("表")
    assert [cell.format for cell in sheet.cells.values()] == list(numbers.values())
    assert all(cell.locked for cell in sheet.cells.values())


def test_a_number_keeps_the_code_of_a_format_that_may_show_another() -> None:
    codes = ["General", "@", "0.00", '0"0"', "general"]
    given = "".join(f'<numFmt numFmtId="{n}" formatCode="{escaped(c)}"/>' for n, c in enumerate(codes, 164))
    found = "".join(f'<xf numFmtId="{n}"/>' for n in (*range(164, 169), 0, 2, 49, 14))
    styles = f'<styleSheet xmlns="{MAIN}"><numFmts>{given}</numFmts><cellXfs>{found}</cellXfs></styleSheet>'
    row = "".join(f'<c s="{style}"><v>1</v></c>' for style in range(9)) + '<c s="3" t="b"><v>1</v></c>'
    sheet = open_book(package(sheet_of(f'<row r="1">{row}</row>'), styles=styles)).sheet("表")
    assert [cell.code for cell in sheet.cells.values()] == [
        "",
        "",
        "0.00",
        '0"0"',
        "",
        "",
        "0.00",
        "",
        "",
        "",
    ]
    twice = styles.replace("</numFmts>", '<numFmt numFmtId="167" formatCode="0"/></numFmts>')
    with pytest.raises(Refused):
        open_book(package(sheet_of(f'<row r="1">{row}</row>'), styles=twice)).sheet("表")


def escaped(code: str) -> str:
    return code.replace('"', "&quot;")


def test_number_formats_by_condition_are_kept_with_their_ranges() -> None:
    dxfs = '<dxf><font/></dxf><dxf><numFmt numFmtId="200" formatCode="0&quot;0&quot;"/></dxf>'
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf/></cellXfs><dxfs>{dxfs}</dxfs></styleSheet>'
    rules = "".join(
        f'<conditionalFormatting sqref="B2 $C$4:C3"><cfRule dxfId="{n}" type="expression"/></conditionalFormatting>'
        for n in range(3)
    )
    content = sheet_of("").replace("</worksheet>", f"{rules}</worksheet>")
    sheet = open_book(package(content, styles=styles)).sheet("表")
    assert sheet.conditional == (("B2", '0"0"'), ("C3:C4", '0"0"'))
    many = content.replace("B2 ", "B2 " * 2000)
    sheet = open_book(package(many, styles=styles)).sheet("表")
    assert len(sheet.conditional) == 1000 and sheet.overfull


# shared formulas


def test_shared_formulas_as_excel_writes_them() -> None:
    rows = """<row r="2"><c r="C2"><f t="shared" ref="C2:C4" si="0">A2+$B$1</f><v>1</v></c>
          <c r="D2"><f t="shared" ref="D2:E3" si="1">SUM(A$1:B2)</f></c><c r="E2"><f t="shared" si="1"/></c></row>
        <row r="3"><c r="C3"><f t="shared" si="0"/><v>2</v></c><c r="D3"><f t="shared" si="1"/></c>
          <c r="E3"><f>D3+1</f></c></row>
        <row r="4"><c r="C4"><f t="shared" si="0"></f><v>3</v></c></row>"""
    assert formulas(rows) == {
        "C2": "A2+$B$1",
        "D2": "SUM(A$1:B2)",
        "E2": "SUM(B$1:C2)",
        "C3": "A3+$B$1",
        "D3": "SUM(A$1:B3)",
        "E3": "D3+1",
        "C4": "A4+$B$1",
    }
    must_agree(package(sheet_of(rows)))


def test_other_spellings_of_formulas() -> None:
    rows = """<row r="1"><c r="A1"><f aca="false">SUM(B1:C1)</f><v>0</v></c>
        <c r="B1"><f t="array" aca="false" ref="B1:C1">TRANSPOSE(A1:A2)</f><v>0</v></c><c r="C1"><v>7</v></c>
        <c r="D1" cm="1" vm="2"><f t="array" ref="D1">_xlfn.UNIQUE(A1:A3)</f><v>0</v></c>
        <c r="E1"><f t="dataTable" ref="E1:E3" dt2D="1" dtr="1" r1="A1" r2="B1"/><v>1</v></c>
        <c r="F1"><f/><v>1</v></c><c r="G1"><f t="shared" si="9"/><v>1</v></c><c r="H1"><f>=A1</f></c></row>"""
    assert formulas(rows) == {
        "A1": "SUM(B1:C1)",
        "B1": "TRANSPOSE(A1:A2)",
        "C1": "TRANSPOSE(A1:A2)",
        "D1": "_xlfn.UNIQUE(A1:A3)",
        "E1": "",
        "F1": "",
        "G1": "",
        "H1": "A1",
        "E2": "",  # the rest of the data table
        "E3": "",
    }
    must_agree(package(sheet_of(rows.replace("=A1", "A1"))))


def test_an_array_formula_fills_its_cells() -> None:
    rows = """<row r="1"><c r="A1"><f t="array" ref="A1:B2">D1:E2</f><v>1</v></c><c r="B1"><v>2</v></c></row>
        <row r="2"><c r="B2"><f>7</f></c></row>"""
    assert formulas(rows) == {"A1": "D1:E2", "B1": "D1:E2", "A2": "D1:E2", "B2": "7"}
    assert not open_book(package(sheet_of(rows))).sheet("表").overfull
    huge = open_book(package(sheet_of(rows.replace("A1:B2", "A1:XFD1048576")))).sheet("表")
    assert huge.overfull and len(huge.cells) == 3


def test_a_follower_may_stand_before_its_master_and_an_index_be_used_again() -> None:
    rows = """<row r="1"><c r="A1"><f t="shared" si="0"/></c><c r="B1"><f t="shared" ref="A1:B1" si="0">D1</f></c></row>
        <row r="2"><c r="A2"><f t="shared" ref="A2:B2" si="0">F2</f></c><c r="B2"><f t="shared" si="0"/></c></row>"""
    found = formulas(rows)
    assert (found["B1"], found["A2"], found["B2"]) == ("D1", "F2", "G2")
    assert formulas(rows.partition('<row r="2">')[0]) == {"A1": "C1", "B1": "D1"}


@pytest.mark.parametrize(
    ("formula", "rows", "columns", "expected"),
    [
        ("A1+$A1+A$1+$A$1", 2, 3, "D3+$A3+D$1+$A$1"),
        ("SUM(A1:B2,$C$3:D4)", 1, 1, "SUM(B2:C3,$C$3:E5)"),
        ("SUM(A:A)+SUM($A:B)+SUM(1:1)+SUM($1:2)", 1, 1, "SUM(B:B)+SUM($A:C)+SUM(2:2)+SUM($1:3)"),
        ("表!A1+'it''s A1'!A1+Sheet1!A1", 1, 0, "表!A2+'it''s A1'!A2+Sheet1!A2"),
        ("SUM(Sheet1:Sheet3!A1)+SUM('甲:乙'!A1:B1)", 1, 0, "SUM(Sheet1:Sheet3!A2)+SUM('甲:乙'!A2:B2)"),
        ("SUM(Sheet1!A1:Sheet1!B2)", 1, 0, "SUM(Sheet1!A2:Sheet1!B3)"),
        ("SUM(AB1!A1)", 1, 0, "SUM(AB1!A2)"),
        ("[1]Sheet1!A1+'[1]A1'!B1", 1, 0, "[1]Sheet1!A2+'[1]A1'!B2"),
        ("表1[[#This Row],[A1]]+表1[B2]", 1, 0, "表1[[#This Row],[A1]]+表1[B2]"),
        ('IF(A1="A1","""B1""",B1)', 1, 0, 'IF(A2="A1","""B1""",B2)'),
        ("LOG10(A1)+ATAN2(A1,B1)+_xlfn.DAYS360(A1)", 1, 0, "LOG10(A2)+ATAN2(A2,B2)+_xlfn.DAYS360(A2)"),
        ("A1:INDEX(B:B,3)", 1, 1, "B2:INDEX(C:C,3)"),
        ("applications.new1.a1+税率2+TAX_1+A1B+A1.B2", 1, 1, "applications.new1.a1+税率2+TAX_1+A1B+A1.B2"),
        ("XFE1+A1048577+ABCD1+A0", 1, 1, "XFE1+A1048577+ABCD1+A0"),
        ("1E5+1.5E-3+1e5*E5", 1, 1, "1E5+1.5E-3+1e5*F6"),
        ("#REF!+A1#+@A1+A1%+{1,2;3,4}", 1, 1, "#REF!+B2#+@B2+B2%+{1,2;3,4}"),
        ("#REF!A1", 1, 0, "#REF!A2"),
        ("A1 B2 : C3", 1, 1, "B2 C3 : D4"),
        ("a1+xfd1", 1, 0, "A2+XFD2"),
        ("A1+B2", -1, 0, "#REF!+B1"),
        ("SUM(A1:B5)+表!A1", -1, 0, "SUM(#REF!)+表!#REF!"),
        ("SUM(XFD:XFD)+XFD1+A1048576", 1, 1, "SUM(#REF!)+#REF!+#REF!"),
        ("TRUE+FALSE()", 3, 3, "TRUE+FALSE()"),
        ("name:A1", 1, 1, "name:B2"),
        ('"unclosed A1', 1, 0, '"unclosed A2'),
        ("", 1, 1, ""),
    ],
)  # fmt: skip
def test_a_formula_moved(formula: str, rows: int, columns: int, expected: str) -> None:
    assert moved(formula, rows, columns) == expected


REFERENCES = st.builds(
    lambda fixed_column, column, fixed_row, row: f"{'$' * fixed_column}{column}{'$' * fixed_row}{row}",
    st.booleans(),
    st.sampled_from(["A", "B", "Z", "AA", "AZ", "XA"]),
    st.booleans(),
    st.integers(1, 2000),
)
PIECES = st.one_of(
    REFERENCES,
    st.builds("{}:{}".format, REFERENCES, REFERENCES),
    st.builds("'表 ''A1'!{}".format, REFERENCES),
    st.builds("SUM({},C:$D,3:$4)".format, REFERENCES),
    st.sampled_from(['"A1"', "LOG10(2)", "applications.new.total", "1E5", "TRUE", "#REF!", "1.5", "表1[A1]"]),
)


@given(st.lists(PIECES, min_size=1, max_size=6), st.integers(-30, 30), st.integers(-30, 30))
@settings(max_examples=300, deadline=None)
def test_formulas_move_as_openpyxl_moves_them(pieces: list[str], rows: int, columns: int) -> None:
    formula = "+".join(pieces)
    ours = moved(formula, rows, columns)
    try:
        assert "=" + ours == Translator(f"={formula}", "AZ100").translate_formula(
            row_delta=rows, col_delta=columns
        )
    except TranslatorError:
        assert ours.count("#REF!") > formula.count("#REF!")


@given(st.text(alphabet="AB1$:!'\"[]().,+ #表_", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_moved(formula: str) -> None:
    assert moved(formula, 0, 0).upper() == formula.upper()


def test_a_blank_cell_is_what_a_sheet_has_everywhere_else() -> None:
    assert facts("").cell("Q99") is BLANK

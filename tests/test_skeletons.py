"""What is read by skeleton is what the plain reader reads: cell by cell, or the same refusal."""

from __future__ import annotations

import io
import os
import random
import re
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import openpyxl
import pytest
from helpers_pipe import seeded

from xltools.filing import Book
from xltools.forms.catalogue import load_form
from xltools.reading import known as known_things
from xltools.reading import skeletons, strings
from xltools.reading.gate import Refused
from xltools.reading.known import MOST_KNOWN, forget
from xltools.reading.ooxml import open_book
from xltools.roster import Unit
from xltools.writing.template import write_template

KEY = "gov-info-disclosure/2021"
ROUNDS = 4_000 if os.environ.get("XLTOOLS_SLOW") else 150


class Bag:
    """Parts in a dict, where the gate would hand out a checked package."""

    main = "xl/workbook.xml"

    def __init__(self, parts):
        self.parts = parts

    def read(self, name):
        return self.parts[name]

    def has(self, name):
        return name in self.parts

    def find(self, name):
        return name if name in self.parts else None

    def pieces(self, name):
        yield self.parts[name]


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


@cache
def written(number):
    """A filled workbook as this project writes it."""
    form = load_form(KEY)
    unit = Unit(name=f"示例{number}镇", code=f"U{number:03d}", parent="示例县")
    return write_template(form, unit, 2024, seeded(form, number))


@cache
def saved(number, how):
    """Its parts as a program saves them."""
    data = written(number)
    if how == "openpyxl":
        book, out = openpyxl.load_workbook(io.BytesIO(data)), io.BytesIO()
        book.save(out)
        data = out.getvalue()
    return parts_of(data)


def read(parts):
    """All that a workbook holds, or why it is refused; cells in their order."""
    try:
        opened = open_book(Bag(parts))
        book = opened.book()
    except Refused as refused:
        return refused.refusal
    return book, [(name, list(sheet.cells)) for name, sheet in book.sheets.items()], list(book.names)


def plainly(parts):
    """The same by the plain reader alone."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (skeletons, "read_sheet"),
            (strings, "read_workbook"),
            (strings, "read_properties"),
            (strings, "read_strings"),
        ):
            patch.setattr(module, name, lambda *_: None)
        return read(parts)


def skeletons_of(found):
    assert isinstance(found[0], Book)
    return [sheet.skeleton for sheet in found[0].sheets.values()]


@pytest.mark.parametrize("how", ["xlsxwriter", "openpyxl"])
def test_what_is_read_by_skeleton_holds_what_the_plain_reader_finds(how):
    plain = [plainly(saved(number, how)) for number in range(6)]
    forget()
    known = [read(saved(number, how)) for number in range(6)]
    assert known == plain
    assert not any(skeletons_of(plain[5])) and all(skeletons_of(known[5]))


@pytest.mark.parametrize("how", ["xlsxwriter", "openpyxl"])
def test_when_much_is_known_only_what_comes_again_is_learned(how):
    """What one file alone has takes no room: neither a sheet that nobody else has, nor its cells."""
    forget()
    for number in range(60):
        parts = dict(saved(0, how))
        for name in parts:
            if name.startswith("xl/worksheets/sheet"):
                parts[name] = parts[name].replace(
                    b"<cols>", b'<cols><col min="90" max="9%d" width="9"/>' % number
                )
        read(parts)
    for number in range(4):
        found = read(saved(number, how))
        assert found == plainly(saved(number, how))
    assert all(skeletons_of(found)) and len(skeletons._SHEETS._known) <= MOST_KNOWN


def test_a_skeleton_says_which_cells_may_differ():
    forget()
    books = [read(saved(number, "xlsxwriter"))[0] for number in range(6)]
    one, other = books[4].sheets, books[5].sheets
    for name, sheet in one.items():
        if sheet.skeleton is not None and sheet.skeleton is other[name].skeleton:
            differing = {
                at
                for at in sheet.cells.keys() | other[name].cells.keys()
                if sheet.cell(at) != other[name].cell(at)
            }
            assert differing <= sheet.skeleton.holes
            assert all(sheet.cell(at).formula == other[name].cell(at).formula for at in differing)


ODD_VALUES = [
    *(b"0", b"7", b"007", b"-1", b"+3", b"1e5", b"1E+308", b"12.50", b" 5 ", b"", b"1_0", b"nan", b"=A1", b"9999"),
    *(b"&#49;", b"&amp;", b"&lt;b", b"<![CDATA[5]]>", b"5<!-- 6 -->", b"<?x y?>", b"5</v><v>6", b"]]>", b">", b"\t3", b"1\r\n2"),
    *("７".encode(), "平".encode(), "\ufffe".encode(), b"\xff", b"\xed\xa0\x80", b"\x01", b"\x7f", b"_x0041_", b"\xc2\x85"),
    *(b"987654321000000", b"987654321000003", "\ue000987654321000001".encode(), b"TRUE", b"1" * 500),
]  # fmt: skip
ODD_CELLS = [
    *(b"", b' t="n"', b' t="s"', b' t="str"', b' t="b"', b' t="e"', b' t="d"', b' t="inlineStr"', b' t="x"'),
    *(b" t='n'", b' t = "n"', b' s="9999"', b' s="1" s="2"', b' vm="1"', b' r="A1"'),
]
ODD_TEXTS = [
    *(b'<c r="Q5" t="inlineStr"><is><t>x" /&gt;y ht="5"</t></is></c>', b"<c/>", b'<c r="A1"/>', b"<x/>", b"</row><row>"),
    *(b'<c r="Q6" t="inlineStr"><is><t>987654321000002</t></is></c>', b"<v>3</v>", b'<row r="3"/>', b"<!---->", b"<c "),
    *(b'<c r="Q7" t="inlineStr"><is><t xml:space="preserve">" /></t></is></c>', b'<c r="Q8"><f t="array" ref="Q8:R9">1</f><v>2</v></c>'),
    *(b'<c r="Q9"><f t="shared" ref="Q9:Q10" si="0">A1</f><v>2</v></c>', b'<c r="Q10"><f t="shared" si="0"/><v>2</v></c>'),
]  # fmt: skip


def edited(data, chance):
    """One careless, clever or hostile change of a part's bytes."""
    deed = chance.randrange(8)
    values = list(re.finditer(rb"<v>([^<]*)</v>", data))
    cells = list(re.finditer(rb'<c r="[A-Z]+[0-9]+"([^<>]*?)(/?)>', data))
    if deed < 3 and values:
        at = chance.choice(values)
        return data[: at.start(1)] + chance.choice(ODD_VALUES) + data[at.end(1) :]
    if deed == 3 and cells:
        at = chance.choice(cells)
        return data[: at.start(1)] + at[1] + chance.choice(ODD_CELLS) + data[at.end(1) :]
    if deed == 4 and cells:
        at = chance.choice(cells)
        return data[: at.start()] + chance.choice(ODD_TEXTS) + data[at.start() :]
    if deed == 5:
        old, new = chance.choice(
            [(b"</sheetViews>", b"<x></sheetViews>"), (b"<sheetViews>", b'<sheetViews a="1" a="2">')]
            + [(b"tabSelected", b"activeCell"), (b"<sheetViews>", b"<sheetViews><q>"), (b'"/>', b"'/>"), (b'ht="', b'ht="0')]
            + [(b"UTF-8", b"us-ascii"), (b"UTF-8", b"gbk"), (b'"/><c ', b'" /><c '), (b"<v>", b"<v >"), (b"</definedName>", b"x</definedName>")]
        )  # fmt: skip
        return data.replace(old, new, chance.choice([1, -1]))
    if deed == 6 and len(cells) > 1:
        one, two = sorted(chance.sample(cells, 2), key=lambda at: at.start())
        return data[: one.start()] + data[two.start() : two.end()] + data[one.end() :]
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + chance.randrange(3) :]


@pytest.mark.parametrize("how", ["xlsxwriter", "openpyxl"])
def test_edits_of_any_kind_are_read_as_the_plain_reader_reads_them(how):
    chance = random.Random(2024)
    names = [
        name
        for name in saved(0, how)
        if name.startswith("xl/") and name.endswith(".xml") and "theme" not in name
    ]
    names += ["docProps/custom.xml"]
    by_skeleton = 0
    for number in range(ROUNDS):
        parts = dict(saved(number % 6, how))
        for _ in range(chance.randrange(1, 3)):
            name = chance.choice(names)
            parts[name] = edited(parts[name], chance)
        plain = plainly(parts)
        forget()
        for other in (0, 1, 2):
            read(saved(other, how))
        for _ in range(3):  # the odd one itself is learned as well
            found = read(parts)
            assert found == plain, (number, name)
        by_skeleton += isinstance(found, tuple) and any(skeletons_of(found))
    assert by_skeleton > ROUNDS / 8


VIEW = b"<sheetViews></sheetViews>"
HIDING = b'<sheetViews><col min="2" max="2" width="9" hidden="1"/></sheetViews>'
OUT_OF_PLACE = {
    "a view before the root": ("xlsxwriter", b"<worksheet ", VIEW + b"<worksheet "),
    "a view in a tag": ("xlsxwriter", b"<worksheet ", b"<worksheet " + VIEW),
    "a view in a name": ("xlsxwriter", b"<worksheet ", b"<work" + VIEW + b"sheet "),
    "a view in an attribute": ("xlsxwriter", b'<worksheet xmlns="', b'<worksheet xmlns="' + VIEW),
    "a column in a view": ("xlsxwriter", b"</cols>", HIDING + b"</cols>"),
    "a text that begins of its own and ends as a value": ("openpyxl", b"</t></is></c>", b"</v></c>"),
    "a text that begins as a value and ends of its own": ("openpyxl", b' t="inlineStr"><is><t>', b' t="str"><v>'),
    "the end of a tag in a text, and no end of the cell": ("xlsxwriter", b'"/><c ', b'">"/><c '),
    "the end of a tag in a text, and no end of the last cell": ("xlsxwriter", b'"/></row>', b'">"/></row>'),
    "a text that keeps its spaces and ends as a value": ("openpyxl", b"<is><t>", b'<is><t xml:space="preserve">'),
    "a text that keeps its spaces begun as another": ("openpyxl", b"<is><t>", b'<t><is xml:space="preserve">'),
    "a value begun as a text": ("xlsxwriter", b"<v>", b"<is><t>"),
    "a value that ends as a text": ("xlsxwriter", b"</v>", b"</t></is>"),
    "a text of its own begun within a text": ("openpyxl", b' t="inlineStr"><is>', b'>" t="inlineStr"><is>'),
}  # fmt: skip


@pytest.mark.parametrize("fault", OUT_OF_PLACE)
@pytest.mark.parametrize("often", [1, -1])
def test_what_is_no_xml_is_not_made_xml_on_the_way(fault, often):
    """Whatever is put out of the way before a skeleton is looked up has to be refused where it is refused alone."""
    how, old, new = OUT_OF_PLACE[fault]
    for sheet in range(1, 9):
        parts = dict(saved(3, how))
        name = f"xl/worksheets/sheet{sheet}.xml"
        parts[name] = parts[name].replace(old, new, often)
        plain = plainly(parts)
        forget()
        for number in (0, 1, 2):
            read(saved(number, how))
        assert [read(parts) for _ in range(4)] == [plain] * 4, name


ODD_STRINGS = {
    "runs": b'<si><r><rPr><sz val="9"/></rPr><t>\xe5\xb9\xb3</t></r><r><t> 1</t></r></si>',
    "spoken": b'<si><t>1</t><rPh sb="0" eb="1"><t>2</t></rPh></si>',
    "an entity": b"<si><t>a&amp;b&#10;c_x000D_</t></si>",
    "nothing": b"<si/>",
    "nothing, and one more": b"<si/><si><t>x</t></si>",
    "one in another": b"<si><si><t>x</t></si></si>",
    "an end too many": b"<si><t>x</t></si></si>",
    "no end": b"<si><t>x</t>",
    "an end in a value": b'<si><t a="</si>">x</t></si>',
    "an end in an instruction": b"<si><t>x</t><?y </si> ?></si>",
    "another namespace": b'<si xmlns="urn:x"><t>x</t></si>',
    "a text of another namespace": b'<si><t>x</t><t xmlns="urn:x">y</t></si>',
    "the namespace said again": b'<si><t xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">x</t></si>',
    "the namespace of Strict said again": b'<si><t xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main">x</t></si>',
    "a prefix of nobody": b"<si><x:t>x</x:t></si>",
    "the prefix of the root": b"<r:si><t>x</t></r:si>",
    "text around": b"x<si><t>x</t></si>y",
    "text within": b"<si>x<t>y</t>z</si>",
    "two texts": b"<si><t>x</t><t>y</t></si>",
    "spaces between": b"\n <si> <t>x</t> </si>\n",
    "a return": b"<si><t>x\r\ny</t></si>",
    "the end of a tag": b"<si><t>x>y</t></si>",
    "no character": "<si><t>\ufffe</t></si>".encode(),
    "half a character": b"<si><t>\xed\xa0\x80</t></si>",
    "long": b"<si><t>" + b"x" * 3000 + b"</t></si>",
    "deep": b"<si>" + b"<r>" * 80 + b"</r>" * 80 + b"</si>",
}


@pytest.mark.parametrize("odd", ODD_STRINGS)
@pytest.mark.parametrize("place", [0, 7, -1])
def test_odd_strings_are_read_as_the_plain_reader_reads_them(odd, place):
    """In place of one of the strings; the others are known by then."""
    for space in (None, b"http://purl.oclc.org/ooxml/spreadsheetml/main"):
        parts = dict(saved(3, "xlsxwriter"))
        name = "xl/sharedStrings.xml"
        strings = re.findall(rb"<si>.*?</si>", parts[name], re.DOTALL)
        parts[name] = parts[name].replace(strings[place], ODD_STRINGS[odd], 1)
        if space:
            parts[name] = parts[name].replace(
                b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", space
            )
        parts[name] = parts[name].replace(
            b"<sst ", b'<sst xmlns:r="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        )
        plain = plainly(parts)
        forget()
        for number in (0, 1, 2):
            read(saved(number, "xlsxwriter"))
        assert [read(parts) for _ in range(3)] == [plain] * 3


HIDDEN_STRINGS = {
    "in an instruction": (b"<?x ", b"?><si><t>1</t></si >"),
    "in a text": (b"<si ><t>", b"</t></si >"),
    "in a run that is none": (b"<x>", b"</x><si><t>1</t></si >"),
}


@pytest.mark.parametrize("where", HIDDEN_STRINGS)
def test_strings_that_are_none_are_not_taken_for_strings(where):
    """Office shows those behind them; they must not be read in their place."""
    before, behind = HIDDEN_STRINGS[where]
    parts = dict(saved(3, "xlsxwriter"))
    name = "xl/sharedStrings.xml"
    parts[name] = parts[name].replace(b"<si>", before + b"<si>", 1).replace(b"</sst>", behind + b"</sst>")
    plain = plainly(parts)
    forget()
    for number in (0, 1, 2):
        read(saved(number, "xlsxwriter"))
    assert [read(parts) for _ in range(3)] == [plain] * 3


MARK = b"987654321000000"  # as marks look, with which skeletons are learned
PUT_ASIDE = {
    "an instruction": (b"</sheetData>", b"</sheetData><?x <v>12</v> ?>"),
    "an extension": (b"</worksheet>", b"<extLst><ext><v>12</v></ext></extLst></worksheet>"),
}


@pytest.mark.parametrize("aside", PUT_ASIDE)
@pytest.mark.parametrize("cell", [b"<v >%b</v>", b"<v>&#57;87654321000000</v>"])
@pytest.mark.parametrize("kind", [b"", b' t="s"', b' t="str"'])
def test_no_file_can_say_where_a_value_that_does_not_count_is_put(aside, cell, kind):
    """A value out of the way of all readers, and what looks like its mark in a cell: Office shows the mark."""
    old, new = PUT_ASIDE[aside]
    held = b'<c r="B2"%b>%b</c>' % (kind, cell.replace(b"%b", MARK))
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="2">%b</row></sheetData></worksheet>' % held
    )
    parts = dict(saved(0, "xlsxwriter"))
    parts["xl/worksheets/sheet3.xml"] = sheet.replace(old, new)
    plain = plainly(parts)
    forget()
    assert [read(parts) for _ in range(4)] == [plain] * 4


def test_no_file_can_say_which_name_stands_for_a_text_that_is_not_read():
    """The text of a name that is another sheet's own, and what looks like its mark under a name of ours."""
    parts = dict(saved(0, "xlsxwriter"))
    book = parts["xl/workbook.xml"].partition(b"<definedNames>")[0]
    names = b'<definedName name="xltools.code">%b</definedName><definedName name="z" localSheetId="0">"U9"</definedName>'
    parts["xl/workbook.xml"] = book + b"<definedNames>" + names % MARK + b"</definedNames></workbook>"
    plain = plainly(parts)
    forget()
    assert [read(parts) for _ in range(4)] == [plain] * 4
    assert plain[0].names["xltools.code"] == MARK.decode()


def looking_up(store, seed):
    for number in range(10_000):
        store.get(known_things.Long(b"%d" % (number * seed % 31)), int)


def filling_in(store, seed):
    for number in range(10_000):
        cells = skeletons._Fillings(skeletons.BLANK)
        assert cells[b"%d" % (number + seed)].kind == "blank"


@pytest.mark.parametrize("reading", [looking_up, filling_in])
def test_threads_may_read_at_the_same_time(reading, monkeypatch):
    """Where there is so little room that things are forgotten all the time."""
    monkeypatch.setattr(known_things, "MOST_KNOWN", 12)
    monkeypatch.setattr(known_things, "FEW_KNOWN", 11)
    monkeypatch.setattr(skeletons, "MOST_CELLS_KEPT", 60)
    store, usual = known_things.Store(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            done = list(threads.map(reading, [store] * 4, [3, 5, 7, 11]))
    finally:
        sys.setswitchinterval(usual)
        known_things.FORGETTING.remove(store.forget)
    assert done == [None] * 4


@pytest.mark.parametrize("value", [b"_x0041_", b"A"])
def test_shared_formulas_count_once_towards_what_they_may_grow_to(value):
    """More than half of it; where one value has to be read plainly, the whole sheet is read again."""
    followers = b"".join(
        b'<row r="%d"><c r="A%d"><f t="shared" si="0"/></c></row>' % (n, n) for n in range(3, 403)
    )
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="2"><c r="A2"><f t="shared" ref="A2:A402" si="0">%b</f></c><c r="B2" t="str"><v>%b</v></c></row>'
        b"%b</sheetData></worksheet>" % (b"+".join([b"1"] * 1700), value, followers)
    )
    parts = {**saved(0, "xlsxwriter"), "xl/worksheets/sheet3.xml": sheet}
    plain = plainly(parts)
    forget()
    assert [read(parts) for _ in range(4)] == [plain] * 4
    assert not any(facts.overfull for facts in plain[0].sheets.values())


def test_cells_are_counted_anew_when_all_are_forgotten():
    """Places that are gone take their cells with them; were they counted on, nothing would be remembered any more."""
    forget()
    skeletons._fillings.cache_clear()
    for _ in range(skeletons.MOST_CELLS_KEPT // 50):
        places = skeletons._Fillings(skeletons.BLANK)
        for value in range(100):
            places[b"%d" % value]
        del places
    kept = skeletons._Fillings(skeletons.BLANK)
    kept[b"1"], kept[b"2"]
    assert len(kept) == 2


def test_sheets_of_formulas_cost_no_more_than_they_hold():
    """Cells that differ in their formulas alone must not be looked up one by one: a small file took half a minute."""
    rows = b"".join(
        b'<row r="%d">%s</row>'
        % (row, b"".join(b'<c r="%s%d"><f>%d+%d</f><v>1</v></c>' % (col, row, row, at) for at, col in enumerate([b"A", b"B", b"C"])))
        for row in range(1, 400)
    )  # fmt: skip
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData>%s</sheetData></worksheet>" % rows
    )
    parts = dict(saved(0, "xlsxwriter"))
    for number in range(1, 9):
        parts[f"xl/worksheets/sheet{number}.xml"] = sheet
    plain = plainly(parts)
    started = time.process_time()
    assert read(parts) == plain and time.process_time() - started < 3

"""A roll-up is read back by rows of one shape, and whatever was done to it is found as the plain reader finds it."""

from __future__ import annotations

import io
import os
import random
import re
import zipfile
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import cache

import helpers_pipe as pipe
import pytest

from xltools import saving
from xltools.detail import FIRST_ROW, detail_sheets
from xltools.filing import Leaf
from xltools.forms.catalogue import load_form
from xltools.geometry import column_letters
from xltools.layout import META
from xltools.reading import gate, rows
from xltools.reading.ooxml import OpenBook, open_book
from xltools.result import CheckResult, MergeResult
from xltools.rollup import roll_up
from xltools.roster import Unit
from xltools.saving import mismatch
from xltools.writing.rollup import write_rollup

FORM = load_form("gov-info-disclosure/2021")
ROUNDS = 1_500 if os.environ.get("XLTOOLS_SLOW") else 120
UNITS = 40
DETAILS = [detail.name for detail in detail_sheets(FORM).values()]


@pytest.fixture(scope="module", autouse=True)
def long_sheets():
    """Even few units are written as thousands are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xltools.writing.rollup.MOST_IN_MEMORY", 0)
        yield


@cache
def rolled():
    rng, leaves = random.Random(5), []
    for number in range(UNITS):
        items = dict(pipe.seeded(FORM, number).items)
        # the first look alike, as most do; of the others some figures are blank, and some zeros declared
        differs = number % 4 if number >= UNITS // 2 else 0
        items |= dict.fromkeys(rng.sample([item.id for item in FORM.inputs], differs))
        zeros = frozenset(
            name for name, value in items.items() if differs and value == 0 and rng.random() < 0.3
        )
        name = ("示例{}镇", "<{}>乡", "_x0041_{}镇", "A&B{}镇")[number % 4 if number > 30 else 0].format(
            number
        )
        unit = Unit(name=name, code=f"U{number}", parent="示例县")
        leaves.append(
            Leaf(
                unit=unit, file=f"{number}.xlsx", sha256=f"{number:064x}", inputs=items, declared_zeros=zeros
            )
        )
    return roll_up(FORM, 2023, leaves, unit=Unit(name="示例县", code="X1", kind="已汇总", level="county"))


@cache
def package():
    data = write_rollup(MergeResult(CheckResult(()), (), rolled()))
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        return {one.filename: whole.read(one) for one in whole.infolist()}


def packed(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as whole:
        for name, data in parts.items():
            whole.writestr(name, data)
    return made.getvalue()


@cache
def part_of(sheet):
    return OpenBook(gate.admit(packed(package())))._paths[sheet]


def plainly(data, rollup, monkeypatch):
    """What is wrong as the plain reader finds it, cell by cell."""
    with monkeypatch.context() as patch:
        scan = OpenBook.scan
        patch.setattr(
            OpenBook,
            "scan",
            lambda book, name, take, *, cell_limit, **_: scan(book, name, take, cell_limit=cell_limit),
        )
        return mismatch(data, rollup)


def by_rows(book, sheet):
    """The cells that rows of a known shape hold, by address; and the addresses that were read one by one."""
    whole, single = {}, {}

    def take_row(number, shape, texts):
        assert number not in whole
        whole.update({
            f"{column}{number}": (kind, texts[at]) for column, (kind, at) in shape.cells.items() if texts[at]
        })  # fmt: skip

    def take(address, cell):
        single[address] = cell.kind, cell.text

    book.scan(sheet, take, cell_limit=10**6, take_row=take_row)
    return whole, single


@pytest.mark.parametrize("sheet", [META, *DETAILS])
def test_rows_hold_what_the_plain_reader_reads(sheet):
    book = open_book(gate.admit(packed(package())))
    whole, single = by_rows(book, sheet)
    cells = {}
    book.scan(sheet, lambda address, cell: cells.update({address: (cell.kind, cell.text)}), cell_limit=10**6)
    filled = {address: found for address, found in cells.items() if found[1]}
    assert {**{at: found for at, found in single.items() if found[1]}, **whole} == filled
    assert not single.keys() & whole.keys()
    assert (
        len(whole) > len(filled) / 2
    )  # nearly all units are alike; heads, sums and the first of a kind are not


def test_untouched_nothing_is_wrong(monkeypatch):
    data = packed(package())
    assert mismatch(data, rolled()) == plainly(data, rolled(), monkeypatch) == ""


# ---- edits


def row_at(text, rng):
    return rng.choice(list(re.finditer(r'<row r="(\d+)"[^>]*>.*?</row>', text)))


def in_row(change):
    """An edit of one row, given its text and its number; as often as not of a unit's."""

    def edit(text, rng):
        match = row_at(text, rng)
        changed = change(match[0], int(match[1]), rng)
        return text[: match.start()] + changed + text[match.end() :]

    return edit


def at_cell(pattern, put):
    """An edit of one place in a row that fits a pattern."""

    def change(row, number, rng):
        found = list(re.finditer(pattern, row))
        if not found:
            return row
        one = rng.choice(found)
        return row[: one.start()] + put(one, rng) + row[one.end() :]

    return in_row(change)


NUMBER = r'<c r="([A-Z]+)(\d+)" s="(\d+)"><v>([^<]*)</v></c>'
TEXT = r'<c r="([A-Z]+)(\d+)" s="(\d+)" t="inlineStr"><is><t>([^<]*)</t></is></c>'
ANY = r'<c r="([A-Z]+)(\d+)" s="(\d+)"[^>]*?(?:/>|>.*?</c>)'
EDITS = {
    "another figure": at_cell(NUMBER, lambda one, rng: one[0].replace(f"<v>{one[4]}<", f"<v>{rng.randint(0, 99)}<")),
    "the same figure, spelt otherwise": at_cell(
        NUMBER, lambda one, rng: one[0].replace(f"<v>{one[4]}<", f"<v>{one[4]}{rng.choice(['.0', 'E0', ' '])}<")
    ),
    "no number": at_cell(NUMBER, lambda one, rng: one[0].replace(f"<v>{one[4]}<", f"<v>{rng.choice(['x', 'NaN', '1e999'])}<")),
    "a blank": at_cell(NUMBER, lambda one, rng: f'<c r="{one[1]}{one[2]}" s="{one[3]}"/>'),
    "a figure in a blank": at_cell(r'<c r="([A-Z]+)(\d+)" s="(\d+)"/>', lambda one, rng: one[0][:-2] + "><v>7</v></c>"),
    "no cell": at_cell(ANY, lambda one, rng: ""),
    "a cell twice": at_cell(ANY, lambda one, rng: one[0] * 2),
    "another type": at_cell(NUMBER, lambda one, rng: one[0].replace("><v>", f' t="{rng.choice("sben")}"><v>')),
    "a text of digits": at_cell(NUMBER, lambda one, rng: one[0].replace("><v>", ' t="str"><v>')),
    "another text": at_cell(TEXT, lambda one, rng: one[0].replace("</t>", rng.choice(["乙", " ", "&amp;", "\n", "_x0041_"]) + "</t>")),
    "a text as a number": at_cell(TEXT, lambda one, rng: f'<c r="{one[1]}{one[2]}" s="{one[3]}"><v>{one[4]}</v></c>'),
    "runs": at_cell(TEXT, lambda one, rng: one[0].replace("<t>", "<r><t>").replace("</t>", "</t></r><r><t>乙</t></r>")),
    "a formula": at_cell(NUMBER, lambda one, rng: one[0].replace("<v>", "<f>1+2</f><v>")),
    "a shared formula": at_cell(
        NUMBER, lambda one, rng: one[0].replace("<v>", f'<f t="shared" si="{rng.randint(0, 1)}"/><v>')
    ),
    "an array": at_cell(NUMBER, lambda one, rng: one[0].replace("<v>", '<f t="array" ref="A1:D9">1</f><v>')),
    "the next address": at_cell(r' r="([A-Z]+)(\d+)"', lambda one, rng: f' r="{one[1]}{int(one[2]) + 1}"'),
    "the next column": at_cell(r' r="([A-Z]+)(\d+)"', lambda one, rng: f' r="A{one[1]}{one[2]}"'),
    "a small letter": at_cell(r' r="([A-Z]+)(\d+)"', lambda one, rng: f' r="{one[1].lower()}{one[2]}"'),
    "no address": at_cell(r' r="([A-Z]+)(\d+)"', lambda one, rng: ""),
    "another style": at_cell(r' s="\d+"', lambda one, rng: f' s="{rng.choice([0, 5, 9999, 1048570])}"'),
    "an entity": at_cell(r"<v>(\d)", lambda one, rng: f"<v>&#{ord(one[1])};"),
    "a comment": at_cell(r"<v>|</c>|<row [^>]*>", lambda one, rng: one[0] + "<!-- <v>1</v> -->"),
    "an instruction": at_cell(r"<v>|</c>", lambda one, rng: one[0] + "<?x </row> ?>"),
    "a marked section": at_cell(r"<v>(\d+)", lambda one, rng: f"<v><![CDATA[{one[1]}]]>"),
    "a control character": at_cell(r"<v>(\d+)", lambda one, rng: one[0] + rng.choice("\0\1\2\x1f")),
    "a character that is none": at_cell(r"<t>", lambda one, rng: "<t>\ufffe"),
    "a hole": at_cell(r' r="([A-Z]+)(\d+)"', lambda one, rng: f' r="{one[1]}\1"'),
    "a broken tag": at_cell(r"</v>|</c>|<v>|<c ", lambda one, rng: ""),
    "wrong tags": at_cell(r"<v>", lambda one, rng: rng.choice(["<f>", "<t>"])),
    "a prefix": at_cell(r"<v>(\d*)</v>", lambda one, rng: f'<x:v xmlns:x="a">{one[1]}</x:v>'),
    "another namespace": at_cell(r"<v>", lambda one, rng: '<v xmlns="a">'),
    "an extension": at_cell(r"</c>", lambda one, rng: "<extLst><ext><v>3</v></ext></extLst></c>"),
    "an element within": at_cell(r"<v>", lambda one, rng: "<v><b/>"),
    "another row number": in_row(lambda row, number, rng: row.replace(f'"{number}"', f'"{number + rng.choice([-1, 1, 40])}"', 1)),
    "another row number throughout": in_row(lambda row, number, rng: row.replace(f'{number}"', f'{number + 1}"')),
    "no row number": in_row(lambda row, number, rng: row.replace(f' r="{number}"', "", 1)),
    "a zero before it": in_row(lambda row, number, rng: row.replace(f' r="{number}"', f' r="0{number}"', 1)),
    "a row too far down": in_row(lambda row, number, rng: row.replace(f'{number}"', '1048577"')),
    "no row": in_row(lambda row, number, rng: ""),
    "a row twice": in_row(lambda row, number, rng: row * 2),
    "a row twice, apart": lambda text, rng: text.replace("</sheetData>", row_at(text, rng)[0] + "</sheetData>"),
    "an empty row before": in_row(lambda row, number, rng: f'<row r="{number}"/>' + row),
    "a row without number before": in_row(lambda row, number, rng: '<row><c><v>3</v></c></row>' + row),
    "a row below": lambda text, rng: text.replace("</sheetData>", '<row r="999"><c r="F999"><v>3</v></c></row></sheetData>'),
    "a row within": in_row(lambda row, number, rng: row.replace("</row>", f"{row}</row>")),
    "a space between": in_row(lambda row, number, rng: f"\n {row}"),
    "rows outside": in_row(lambda row, number, rng: f"</sheetData><other>{row}</other><sheetData>"),
    "rows aside": in_row(lambda row, number, rng: f"<other>{row}</other>"),
    "a hidden row": in_row(lambda row, number, rng: row.replace("<row ", '<row hidden="1" ')),
    "rows in a comment": in_row(lambda row, number, rng: f"<!-- {row}"),
    "rows in a comment that begins within one": lambda text, rng: around(text, rng, "<!--", "-->"),
    "rows in an instruction that begins within one": lambda text, rng: around(text, rng, "<?x ", "?>"),
    "an array in every row": lambda text, rng: re.sub(
        r'(<c r="F\d+" s="\d+">)<v>', r'\1<f t="array" ref="A1:D9">1</f><v>', text
    ),
    "rows swapped": lambda text, rng: swapped(text, rng),
    "figures swapped": lambda text, rng: swapped(text, rng, r"<v>[^<]*</v>"),
    "another encoding": lambda text, rng: text.replace('"UTF-8"', '"ISO-8859-1"'),
    "another root": lambda text, rng: text.replace("spreadsheetml/2006", "spreadsheetml/2007"),
    "a list of rows aside first": lambda text, rng: text.replace("<sheetData>", "<x><sheetData></sheetData></x><sheetData>"),
    "no end": lambda text, rng: text[: rng.randrange(text.index("<sheetData>"), len(text))],
}  # fmt: skip


def around(text, rng, start, end):
    """Hides a unit's row: begins behind the cells of the one before."""
    ends = [one.start() for one in re.finditer("</row>", text)]
    number = rng.randrange(12, len(ends) - 12)
    hidden = text[ends[number] : ends[number + 1] + len("</row>")]
    return text.replace(hidden, f"{start}{hidden}{end}</row>", 1)


def swapped(text, rng, pattern=r'<row r="\d+"[^>]*>.*?</row>'):
    found = list(re.finditer(pattern, text))
    if len(found) < 2:
        return text
    first, second = sorted(rng.sample(found, 2), key=lambda one: one.start())
    between = text[first.end() : second.start()]
    return text[: first.start()] + second[0] + between + first[0] + text[second.end() :]


def edited(name, sheet, rng):
    text = package()[part_of(sheet)].decode()
    changed = EDITS[name](text, rng)
    return packed({**package(), part_of(sheet): changed.encode()}), changed != text


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_gets_the_plain_readers_verdict(name, monkeypatch):
    for number in range(max(3, ROUNDS // len(EDITS))):
        rng = random.Random(f"{name} {number}")
        for sheet in 5 * rng.sample(
            [META, *DETAILS], 1 + len(DETAILS)
        ):  # the row that is hit may have none of it
            data, is_changed = edited(name, sheet, rng)
            if is_changed:
                break
        assert is_changed
        found, plain = mismatch(data, rolled()), plainly(data, rolled(), monkeypatch)
        assert bool(found) == bool(plain), (number, found, plain)


def expected_on(sheet, rollup):
    return next(one for one in saving._expected(rollup) if one.sheet == sheet)


def as_foretold(data, sheet):
    """The rows that are told to be as foretold, without being parsed."""
    foretell, same = expected_on(sheet, rolled()).foretell, {}

    def take_row(number, shape, texts):
        if texts is None:
            same[number] = foretell(number).values

    open_book(gate.admit(data)).scan(
        sheet, lambda *_: None, cell_limit=10**6, take_row=take_row, foretell=foretell
    )
    return same


def plain_cells(data, sheet):
    """Cells as the plain reader hands them on; those that an array fills it hands on once more, as blank."""
    cells = {}

    def take(address, cell):
        if cell.text or address not in cells:
            cells[address] = cell.kind, cell.text

    open_book(gate.admit(data)).scan(sheet, take, cell_limit=10**6)
    return cells


def assert_held(cells, number, values):
    for column, value in enumerate(values, 1):
        kind = "blank" if value is None else "text" if isinstance(value, str) else "number"
        found = cells.get(f"{column_letters(column)}{number}", ("blank", ""))
        assert found == (kind, "" if value is None else str(value))


@pytest.mark.parametrize("sheet", [META, *DETAILS])
def test_rows_that_are_as_foretold_hold_just_that(sheet):
    data = packed(package())
    same, cells = as_foretold(data, sheet), plain_cells(data, sheet)
    assert len(same) > UNITS / 3  # the first rows of each look are parsed, and those that look as no other
    for number, values in same.items():
        assert_held(cells, number, values)


@pytest.mark.parametrize("name", EDITS)
def test_no_row_is_as_foretold_by_mistake(name):
    """Whatever was done to a sheet: as far as the plain reader can read it, such rows hold what was foretold."""
    rng = random.Random(f"foretold {name}")
    for sheet in (META, DETAILS[4], rng.choice(DETAILS)):
        data, _ = edited(name, sheet, rng)
        try:
            cells, same = plain_cells(data, sheet), as_foretold(data, sheet)
        except gate.Refused:
            continue
        for number, values in same.items():
            if open_book(gate.admit(data))._parts.read(part_of(sheet)).count(b'<row r="%d"' % number) == 1:
                assert_held(cells, number, values)


@pytest.mark.parametrize("spoilt", ["<b/>", "&amp;", "&#65;", "_x0041_", "\x01", "\ufffe"])
def test_a_name_is_foretold_only_where_it_is_written_as_it_is(spoilt):
    """Markup that nobody escaped would have the very bytes of the name, and mean something else."""
    sheet, leaves = DETAILS[0], list(rolled().leaves)
    at = next(at for at, leaf in enumerate(leaves) if leaf.unit.name == "示例15镇")
    unit = replace(leaves[at].unit, name=f"示例{spoilt}")
    leaves[at] = replace(leaves[at], unit=unit)
    foretell = expected_on(sheet, replace(rolled(), leaves=tuple(leaves))).foretell
    text = package()[part_of(sheet)].decode().replace("示例15镇", unit.name)
    book, same = open_book(Bag({**package(), part_of(sheet): text.encode()})), set()
    with suppress(gate.Refused):
        book.scan(
            sheet, lambda *_: None, cell_limit=10**6, foretell=foretell,
            take_row=lambda number, shape, texts: same.add(number) if texts is None else None,
        )  # fmt: skip
    assert same and FIRST_ROW + at not in same


def test_every_figure_that_is_changed_is_found():
    """Each in another unit's row: by its address, with what stands there and what should."""
    rng, data = random.Random(3), package()
    for detail in detail_sheets(FORM).values():
        text = data[part_of(detail.name)].decode()
        for at, item in enumerate(detail.items):
            if not item.is_input:
                continue
            number = rng.randrange(UNITS)
            place = detail.place(number, at)
            value = rolled().leaves[number].inputs[item.id]
            if value is None:
                continue
            old = re.search(rf'<c r="{place.address}" s="\d+"><v>([^<]*)</v>', text)
            new = Decimal(old[1]) + 1
            changed = text[: old.start(1)] + str(new) + text[old.end(1) :]
            wrong = mismatch(packed({**data, part_of(detail.name): changed.encode()}), rolled())
            assert f"〔{detail.name}〕{place.address} 是 {new}，应为 {old[1]}" in wrong


def test_a_row_that_comes_twice_is_found_even_where_both_are_alike():
    sheet = DETAILS[0]
    text = package()[part_of(sheet)].decode()
    row = re.search(r'<row r="17".*?</row>', text)[0]
    data = packed({**package(), part_of(sheet): text.replace("</sheetData>", row + "</sheetData>").encode()})
    assert "第17行有两次" in mismatch(data, rolled())


def test_what_should_be_another_text_or_type_is_not_taken_for_it(monkeypatch):
    """A word that spells a blank, digits that are a text: the roll-up says one thing, the file another."""
    list_of_leaves, number = saving._list_of_leaves, UNITS // 2
    before, leaf, after = rolled().leaves[:number], rolled().leaves[number], rolled().leaves[number + 1 :]
    item = next(one for one in FORM.inputs if (leaf.inputs[one.id] or 0) > 1)
    detail = detail_sheets(FORM)[item.table]
    figure = detail.place(number, detail.at[item.id]).address
    for unit, inputs, where in (
        (replace(leaf.unit, name="None"), leaf.inputs, f"B{FIRST_ROW + number}"),
        (leaf.unit, {**leaf.inputs, item.id: str(leaf.inputs[item.id])}, figure),
        (leaf.unit, {**leaf.inputs, item.id: None}, figure),
        (leaf.unit, {**leaf.inputs, item.id: True}, figure),
    ):
        other = replace(rolled(), leaves=(*before, replace(leaf, unit=unit, inputs=inputs), *after))
        listed = list_of_leaves(rolled())
        monkeypatch.setattr(
            "xltools.saving._list_of_leaves", lambda _, listed=listed: listed
        )  # seals would tell
        assert where in mismatch(packed(package()), other)


HEAD = '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
ALIKE = "".join(f'<row r="{n}"><c r="A{n}" t="str"><v>\u00e9{n}</v></c></row>' for n in range(10, 20))
AFTER_EMPTY = re.sub(r'<row r="(..)">', r'<row r="\1"/><row r="\1">', ALIKE)
SHARED = ALIKE.replace("<v>", '<f t="shared" si="0"/><v>')
MARKED = ALIKE.replace("<v>", "<v >987654321000000</v></c><x><v>").replace("</v></c></row>", "</v></x></row>")
BEHIND = re.sub(r'(<row r="..").*?</row>', r'\1/><row r="7"></row>', ALIKE)
AFTER_OTHER = ALIKE.replace("<row ", '<row r="7"/><row ')
SHEETS = {
    "rows": f"{HEAD}<sheetData>{ALIKE}</sheetData></worksheet>",
    "another encoding": f"{HEAD}<sheetData>{ALIKE}</sheetData></worksheet>".replace("UTF-8", "ISO-8859-1"),
    "aside": f"{HEAD}<x><sheetData>{ALIKE}</sheetData></x></worksheet>",
    "two rows at once": f"{HEAD}<sheetData>{AFTER_OTHER}</sheetData></worksheet>",
    "an empty row before each": f"{HEAD}<sheetData>{AFTER_EMPTY}</sheetData></worksheet>",
    "shared formulas": f"{HEAD}<sheetData>{SHARED}</sheetData></worksheet>",
    "counted on from another": f"{HEAD}<sheetData>{BEHIND}<row><c t='str'><v>z</v></c></row></sheetData></worksheet>",
    "what looks like a mark, and a value that does not count": f"{HEAD}<sheetData>{MARKED}</sheetData></worksheet>",
    "none": f"{HEAD}<sheetData/></worksheet>",
    "counted on": f"{HEAD}<sheetData>{ALIKE}<row><c t='str'><v>z</v></c></row></sheetData></worksheet>",
}


class Bag:
    """Parts as they are, where the gate would refuse some."""

    main = "xl/workbook.xml"

    def __init__(self, parts):
        self.parts = parts
        self.read, self.has = parts.__getitem__, parts.__contains__

    def pieces(self, name):
        yield self.parts[name]

    def find(self, name):
        return name if name in self.parts else None


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_is_read_as_the_plain_reader_reads_it(name):
    parts = {**package(), part_of(META): SHEETS[name].encode()}
    book, cells = open_book(Bag(parts)), {}
    book.scan(META, lambda address, cell: cells.update({address: (cell.kind, cell.text)}), cell_limit=10**6)
    whole, single = by_rows(book, META)
    assert {**single, **whole} == cells
    assert bool(whole) == (name in ("rows", "counted on", "an empty row before each"))


def test_shapes_take_bounded_room(monkeypatch):
    monkeypatch.setattr(rows, "MOST_SHAPES", 2)
    monkeypatch.setattr(rows, "MOST_MET", 3)
    monkeypatch.setattr(rows, "MOST_STENCILS", 1)
    assert mismatch(packed(package()), rolled()) == ""


def test_no_more_rows_are_handed_on_than_a_sheet_may_have_cells():
    book, given = open_book(gate.admit(packed(package()))), []
    take = given.append
    book.scan(DETAILS[0], lambda *_: None, cell_limit=50, take_row=lambda number, *_: take(number))
    assert 0 < len(given) < 10

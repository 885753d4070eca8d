"""LibreOffice as the referee: what it computes is what we wrote, and what is typed into it checks clean."""

import datetime
import io
from decimal import Decimal

import helpers_pipe as pipe
import openpyxl
import pytest
from helpers_office import converted, done
from openpyxl.styles import PatternFill

from xltools import Answers, Unit, check, load_form, merge, write_rollup, write_template
from xltools.layout import lay_out

pytestmark = pytest.mark.office
NATIONAL = ["gov-info-disclosure/2019", "gov-info-disclosure/2019-jilin", "gov-info-disclosure/2021"]
R = "三、依申请公开"


def recalculated(path, save=None):
    return done(path, save=save, formulas=True, shown=False).formulas


def agree(cells, data):
    """Every formula's result in LibreOffice equals the result that we wrote beside it."""
    cached = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    count = 0
    for sheet, formulas in cells.items():
        for cell, (formula, value, is_error) in formulas.items():
            ours = cached[sheet][cell].value
            assert not is_error, (sheet, cell, formula)
            if isinstance(ours, int | float):
                assert value == pytest.approx(ours, abs=1e-9), (sheet, cell, formula)
            else:
                assert value == (ours or ""), (sheet, cell, formula)
            count += 1
    return count


def variants(form):
    """A blank, a clean one, one with broken rules, a blank, texts, an explanation and last year's figures."""
    yield Answers(), None
    clean = pipe.seeded(form, 3)
    yield clean, None
    figures = [item.id for item in form.inputs if item.type != "text"]
    broken = {
        figures[0]: 7,
        figures[3]: None,
        figures[5]: "三",
        figures[-1]: 2,
        "applications.new.natural": 500,
    }
    said = {line.id: "有原因" for line in form.rule_lines[:2]}
    odd = Answers(items=broken, explanations=said).over(clean)
    last = {name: n for n, name in enumerate(form.last_items)}
    yield odd, last
    few = Answers(items={"applications.new.natural": 4}, cover={"blanks_are_zero": "是"})
    yield few, last


@pytest.mark.parametrize("key", NATIONAL)
def test_recalculating_changes_nothing(key, tmp_path):
    form = load_form(key)
    for number, (answers, last) in enumerate(variants(form)):
        data = write_template(form, pipe.TOWN, pipe.year_of(form), answers, last=last, prefill=False)
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(data)
        assert agree(recalculated(path), data) > 80


def test_recalculating_a_roll_up_changes_nothing_and_a_re_saved_one_still_merges(tmp_path):
    form = load_form(NATIONAL[1])
    where = tmp_path / "收件"
    where.mkdir()
    for n in (1, 2, 3):
        unit = Unit(name=f"示例{n}镇", code=f"U{n}")
        (where / f"{n}.xlsx").write_bytes(write_template(form, unit, 2020, pipe.seeded(form, n)))
    result = merge(check([where]), unit=Unit(name="示例县", code="U9", level="county"))
    data = write_rollup(result)
    path, saved = tmp_path / "汇总.xlsx", tmp_path / "另存.xlsx"
    path.write_bytes(data)
    assert agree(recalculated(path, save=saved), data) > 500
    again = merge(check([saved]), unit=Unit(name="示例市", level="city"))
    assert [f for one in again.checked.filings for f in one.findings] == []
    assert again.rollup.figures == result.rollup.figures


@pytest.mark.parametrize("key", NATIONAL)
def test_a_blank_filled_by_typing_checks_clean(key, tmp_path):
    form = load_form(key)
    layout, answers = lay_out(form), pipe.seeded(form, 5)
    path, saved = tmp_path / "blank.xlsx", tmp_path / "filled.xlsx"
    path.write_bytes(write_template(form, pipe.TOWN, pipe.year_of(form)))
    typed = [("type", slot.sheet, slot.address, str(answers.items[slot.item.id])) for slot in layout.inputs]
    typed += [
        ("type", place.sheet, place.address, answers.texts[name]) for name, place in layout.texts.items()
    ]
    typed += [("type", layout.cover["phone"].sheet, layout.cover["phone"].address, "0431-1234567")]
    done(path, *typed, save=saved, shown=False)
    filing = pipe.read(saved.read_bytes())
    assert pipe.findings(saved.read_bytes()) == []
    assert filing.inputs == answers.items and filing.cover["phone"] == "0431-1234567"


def test_a_text_typed_where_a_number_belongs_is_found(tmp_path):
    form = load_form(NATIONAL[2])
    path, saved = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    path.write_bytes(pipe.filled(form))
    done(path, ["type", R, "D7", "约3"], ["type", R, "E7", "=1+2"], save=saved)
    assert pipe.codes(saved.read_bytes()) == [("V101", "D7"), ("V108", "E7")]


# What a clerk does in LibreOffice, what is said of it, and that whatever merges is what LibreOffice shows.

FORM = load_form(NATIONAL[2])
LAYOUT = lay_out(FORM)
YEAR = datetime.date.today().year - 1  # LibreOffice takes 1/2 for a day of this year
D, Q = "二、主动公开", "四、复议诉讼"
COUNTY = Unit(name="示例县", code="U9", level="county")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a filled workbook, one that declares blanks to be zero, and a table of somebody's own."""
    where = tmp_path_factory.mktemp("desk")
    answers = pipe.seeded(FORM)
    (where / "filled.xlsx").write_bytes(write_template(FORM, pipe.TOWN, YEAR, answers))
    declared = Answers(cover={"blanks_are_zero": "是"}).over(answers)
    (where / "declared.xlsx").write_bytes(write_template(FORM, pipe.TOWN, YEAR, declared))
    (where / "own.xlsx").write_bytes(own_table(answers))
    return where


def own_table(answers):
    """The first two rows of requests as they are in the workbook; then other things; all of it in colour."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row, line in enumerate(("new", "carried_in"), 1):
        for column, one in enumerate(("natural", "company", "research", "charity", "legal", "other"), 1):
            sheet.cell(row, column, answers.items[f"applications.{line}.{one}"])
    for column, value in enumerate((datetime.date(YEAR + 1, 1, 2), "约3", "=A1+1", 0.5), 1):
        sheet.cell(4, column, value)
    sheet["D4"].number_format = "0%"
    for row in sheet.iter_rows():
        for cell in row:
            cell.fill = PatternFill("solid", fgColor="FFFF00")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def found(path):
    """(code, sheet, cell) of what is said; whose fault it is likely to be (G301) has tests of its own."""
    (one,) = check([path]).filings
    return {(f.code, f.sheet, f.cell) for f in one.findings if f.code != "G301"}


def merges_as_shown(path, shown):
    """Whether it merges.  If so, every figure is what LibreOffice shows.

    A text that was understood as a figure (V110) is one that LibreOffice leaves out of its sums.
    """
    checked = check([path])
    result = merge(checked, unit=COUNTY)
    if result.rollup is None:
        return False
    figures = result.rollup.figures
    noted = {f.item: Decimal(figures[f.item]) for f in checked.findings if f.code == "V110"}
    for item, slot in LAYOUT.slots.items():
        there = shown.cells[slot.sheet].get(slot.address, 0)
        left_out = sum(noted.get(leaf, 0) for leaf in FORM.leaves_of(item))
        number = 0 if item in noted else Decimal(f"{there:.15g}")
        assert number == figures[item] - left_out, (slot.address, there, figures[item])
    return True


# name: (what is done, what is said, whether it merges)
DEEDS = {
    "nothing": ((), set(), True),
    "a total typed over, which its lock forbids": ((["type", R, "J7", "5"],), set(), True),
    "a row inserted, which the lock forbids": ((["insert_rows", R, 8],), set(), True),
    "the locks taken off": ((["unprotect"],), set(), True),
    "a total typed over": ((["unprotect"], ["type", R, "J7", "5"]), {("G201", R, "J7")}, False),
    "cells emptied": ((["clear", R, "D7:E7"],), {("V100", R, "D7")}, False),
    "the same figures pasted with their formats": (
        (["paste", "own.xlsx", "Sheet", "A1:F2", R, "D7"],),
        set(),
        True,
    ),
    "the same figures pasted as values": (
        (["paste_values", "own.xlsx", "Sheet", "A1:F2", R, "D7:I8"],),
        set(),
        True,
    ),
    "figures pasted one row too low": (
        (["paste", "own.xlsx", "Sheet", "A1:F1", R, "D8"],),
        {("G101", R, f"{column}7") for column in "DEFGHI"},
        False,
    ),
    "a date, a text, a formula and a share pasted": (
        (["paste", "own.xlsx", "Sheet", "A4:D4", R, "D7"],),
        {("V104", R, "D7"), ("V101", R, "E7"), ("V108", R, "F7"), ("V107", R, "G7")},
        False,
    ),
    "a date, a text and a share pasted as values": (
        (
            ["paste_values", "own.xlsx", "Sheet", "A4:B4", R, "D7:E7"],
            ["paste_values", "own.xlsx", "Sheet", "D4:D4", R, "G7:G7"],
        ),
        {("V111", R, "D7"), ("G101", R, "D7"), ("V101", R, "E7"), ("V103", R, "G7")},
        False,
    ),
    "a row pasted over its total too": (
        (["unprotect"], ["paste", "own.xlsx", "Sheet", "A1:F1", R, "E7"]),
        {("G201", R, "J7"), *(("G101", R, f"{column}7") for column in "EFGHI")},
        False,
    ),
    "a figure cut and pasted one row lower": ((["cut", R, "D7", "D8"],), {("S020", R, "D7")}, False),
    "a total cut and pasted over another": (
        (["unprotect"], ["cut", R, "J7", "J8"]),
        {("G203", R, "J7"), ("G202", R, "J8")},
        False,
    ),
    "a row inserted": ((["unprotect"], ["insert_rows", R, 8]), {("S007", R, "A8")}, False),
    "a row inserted above everything": ((["unprotect"], ["insert_rows", R, 1]), {("S007", R, "A2")}, False),
    "a row inserted below everything": ((["unprotect"], ["insert_rows", R, 60]), set(), True),
    "a row deleted": ((["unprotect"], ["delete_rows", R, 10]), {("S007", R, "B11")}, False),
    "a column inserted": ((["unprotect"], ["insert_columns", Q, 3]), {("S007", Q, "C5")}, False),
    "a row hidden": ((["hide_rows", R, 8],), {("S009", R, "D8")}, True),
    "a sheet renamed": ((["unprotect"], ["rename", R, "Sheet3"]), {("S006", R, None)}, False),
    "the sheets in another order": ((["unprotect"], ["place_sheet", R, 0]), {("S012", R, None)}, True),
}


@pytest.mark.parametrize("name", DEEDS)
def test_what_a_clerk_does_is_spoken_of(desk, tmp_path, name):
    deeds, said, merges = DEEDS[name]
    deeds = [[str(desk / word) if word == "own.xlsx" else word for word in deed] for deed in deeds]
    saved = tmp_path / "saved.xlsx"
    shown = done(desk / "filled.xlsx", *deeds, save=saved)
    assert shown.refused == (("insert_rows",) if name == "a row inserted, which the lock forbids" else ())
    assert found(saved) == said
    assert merges_as_shown(saved, shown) is merges


def test_a_figure_cut_away_is_not_a_zero_even_where_blanks_are_declared_zeros(desk, tmp_path):
    """The identity of the two rows still holds, and every total: only the cell's name tells that it moved."""
    saved = tmp_path / "saved.xlsx"
    done(desk / "declared.xlsx", ["cut", R, "D7", "D8"], save=saved, shown=False)
    assert ("D7" in {cell for _, _, cell in found(saved)}) and merge(
        check([saved]), unit=COUNTY
    ).rollup is None


INPUTS = [slot.address for slot in LAYOUT.inputs if slot.sheet == Q]
NO_FIGURES = {
    "约3": "V101",
    "三": "V101",
    "无": "V101",
    "/": "V101",
    "¥5": "V101",
    "1 234": "V101",
    "-1": "V102",
    "1.5": "V103",
    "50%": "V103",  # the cell keeps its format, so that it is a half
    "3:20": "V103",
    "TRUE": "V105",
    "=1+2": "V108",
}


def test_typed_texts_that_are_no_figures_are_found_each_in_its_cell(desk, tmp_path):
    saved = tmp_path / "saved.xlsx"
    typed = dict(zip(INPUTS, NO_FIGURES, strict=True))
    done(desk / "filled.xlsx", *(["type", Q, cell, text] for cell, text in typed.items()), save=saved)
    assert found(saved) == {(NO_FIGURES[text], Q, cell) for cell, text in typed.items()}


FIGURES = {  # as typed: what it is, and what is said
    "12": (12, None),
    " 8": (8, None),
    "２": (2, None),
    "1,234": (1234, None),
    "1e3": (1000, None),
    "12.0": (12, None),
    "3件": (3, "V110"),
    "'7": (7, "V110"),
    "1，234": (1234, "V110"),
    "1/2": ((datetime.date(YEAR + 1, 1, 2) - datetime.date(1899, 12, 30)).days, "V111"),
}


def test_typed_texts_that_are_figures_are_what_libreoffice_takes_them_for(desk, tmp_path):
    saved = tmp_path / "saved.xlsx"
    typed = dict(zip(INPUTS, FIGURES, strict=False))
    deeds = [["type", Q, cell, text] for cell, text in typed.items()] + [["type", D, "B13", "1月2日"]]
    shown = done(desk / "filled.xlsx", *deeds, save=saved)
    said = {(FIGURES[text][1], Q, cell) for cell, text in typed.items() if FIGURES[text][1]}
    assert found(saved) == said | {("V112", D, "B13")}
    figures = {LAYOUT.slots[item].address: value for item, value in pipe.read(saved.read_bytes()).inputs.items()
               if LAYOUT.slots[item].sheet == Q}  # fmt: skip
    assert [figures[cell] for cell in typed] == [value for value, _ in FIGURES.values()]
    assert merges_as_shown(saved, shown)


@pytest.mark.parametrize("kind", ["xls", "ods"])
@pytest.mark.parametrize("key", NATIONAL)
def test_another_format_is_named_for_what_it_is_and_saved_back_it_is_the_same(key, kind, tmp_path):
    """The cure of F003 is to save as .xlsx: that has to be enough."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(pipe.filled(load_form(key)))
    other = converted(path, kind)
    (refused,) = check([other]).findings
    assert refused.code == "F003" and {"xls": "（.xls 或 .et）", "ods": "（.ods）"}[kind] in refused.message
    back = tmp_path / "back.xlsx"
    done(other, save=back, shown=False)
    before, after = pipe.read(path.read_bytes()), pipe.read(back.read_bytes())
    assert found(back) == set() and after.unit == before.unit
    assert (after.inputs, after.texts, after.cover) == (before.inputs, before.texts, before.cover)


@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_a_roll_up_in_another_format_saved_back_has_the_same_leaves(kind, tmp_path):
    path, back = tmp_path / "汇总.xlsx", tmp_path / "back.xlsx"
    where = tmp_path / "收件"
    where.mkdir()
    for n in (1, 2):
        unit = Unit(name=f"示例{n}镇", code=f"U{n}", parent="示例县")
        (where / f"{n}.xlsx").write_bytes(write_template(FORM, unit, YEAR, pipe.seeded(FORM, n)))
    path.write_bytes(write_rollup(merge(check([where]), unit=COUNTY)))
    done(converted(path, kind), save=back, shown=False)
    assert found(back) == set()
    assert pipe.read(back.read_bytes()).leaves == pipe.read(path.read_bytes()).leaves

"""Roll-ups tampered with after they were made: the units' figures on 明细 are what is read, and speak."""

from __future__ import annotations

import helpers_pipe as pipe
import helpers_rollup as rolled
import pytest
from workshop import Workshop

from xltools import lay_out, load_form
from xltools.checks import Case, run_checks
from xltools.detail import (
    FACE,
    FIRST_COLUMN,
    FIRST_ROW,
    STATUS,
    WHOLE_SEAL,
    WHOLE_SEAL_PLACE,
    detail_sheets,
    leaf_place,
    sum_formula,
)
from xltools.finding import outcome_of
from xltools.geometry import Place, position
from xltools.layout import META

FORMS = ("gov-info-disclosure/2019", "gov-info-disclosure/2021")


@pytest.fixture(scope="module", params=FORMS, ids=lambda key: key.rpartition("/")[2])
def rollup(request, tmp_path_factory):
    """A roll-up of three towns, and one figure of the second that stands in no rule and no total."""
    form = load_form(request.param)
    folder = tmp_path_factory.mktemp("rollup")
    for number in (1, 2, 3):
        rolled.file_of(folder / "in", form, number)
    rolled.merged(folder / "汇总.xlsx", [folder / "in"])
    ruled = {ref.item for line in form.rule_lines for ref in line.leaves}
    ruled |= {leaf for item in form.derived for leaf in form.leaves_of(item.id)}
    second = pipe.seeded(form, 2).items
    item = next(one for one in form.inputs if one.type == "count" and one.id not in ruled and second[one.id])
    detail = detail_sheets(form)[item.table]
    return form, (folder / "汇总.xlsx").read_bytes(), detail, detail.place(1, detail.items.index(item))


def said(form, data, change):
    shop = Workshop(form, data)
    change(shop)
    filing = pipe.read(shop.pack())
    findings = run_checks(Case(filing))
    return filing, outcome_of(findings), [(one.code, one.sheet, one.cell) for one in findings]


def test_untouched_it_is_accepted(rollup):
    form, data, *_ = rollup
    filing, outcome, found = said(form, data, lambda shop: None)
    assert filing.is_rollup and (outcome, found) == ("accepted", [])


NO_FIGURES = {
    "a word": ("约3", "", None),
    "a text of digits": ("3", "", None),
    "a formula": (5, "", "2+3"),
    "a boolean": (1, "b", None),
    "an error value": ("#REF!", "e", None),
    "a negative": (-4, "", None),
    "a fraction": (3.5, "", None),
}


@pytest.mark.parametrize("name", NO_FIGURES)
def test_what_is_no_figure_on_a_detail_sheet_is_an_error(rollup, name):
    form, data, detail, place = rollup
    value, kind, formula = NO_FIGURES[name]
    _, outcome, found = said(form, data, lambda shop: shop.put_at(place, value, kind=kind, formula=formula))
    assert (outcome, found) == ("returned", [("V116", detail.name, place.address)])


@pytest.mark.parametrize("value", [99, None])
def test_a_figure_changed_behind_the_sums_is_an_error(rollup, value):
    form, data, _, place = rollup
    _, outcome, found = said(form, data, lambda shop: shop.put_at(place, value))
    assert (outcome, found) == ("returned", [("V119", META, leaf_place(1, "seal").address)])


def test_a_figure_changed_with_its_sums_recalculated_is_an_error_too(rollup):
    """As Excel does it: every shown sum follows, and nothing else tells."""
    form, data, detail, place = rollup
    item = detail.items[place.column - FIRST_COLUMN]

    def change(shop):
        shop.put_at(place, 99)
        sums = [leaf.inputs[item.id] for leaf in pipe.read(data).leaves]
        slot = lay_out(form).slots[item.id]
        shop.put_at(slot.place, sums[0] + 99 + sums[2], formula=sum_formula(form, item, 3))

    _, outcome, found = said(form, data, change)
    assert (outcome, [code for code, *_ in found]) == ("returned", ["V119"])


def test_a_sum_that_was_not_worked_out_again_is_queried(rollup):
    form, data, detail, place = rollup
    item = detail.items[place.column - FIRST_COLUMN]
    slot = lay_out(form).slots[item.id]
    stale = lambda shop: shop.put_at(slot.place, 12345, formula=sum_formula(form, item, 3))  # noqa: E731
    _, outcome, found = said(form, data, stale)
    assert (outcome, found) == ("queried", [("V117", slot.sheet, slot.address)])


def test_a_date_on_a_detail_sheet_is_an_error(rollup):
    form, data, detail, place = rollup
    change = lambda shop: (shop.put_at(place, 5), shop.show_as(place, 14))  # noqa: E731
    assert said(form, data, change)[1:] == ("returned", [("V116", detail.name, place.address)])


def test_a_unit_under_another_code_is_an_error(rollup):
    """It might come a second time by itself, and be added twice."""
    form, data, *_ = rollup
    place = leaf_place(1, "code")
    found = said(form, data, lambda shop: shop.put_at(place, "U77"))
    assert found[1:] == ("returned", [("V118", place.sheet, place.address)])


@pytest.mark.parametrize("field", ["kind", "level", "parent", "file", "sha256", "through", "declared_zeros"])
def test_who_a_unit_is_and_where_its_figures_come_from_are_sealed(rollup, field):
    form, data, *_ = rollup
    _, outcome, found = said(form, data, lambda shop: shop.put_at(leaf_place(1, field), "部门"))
    assert (outcome, found) == ("returned", [("V119", META, leaf_place(1, "seal").address)])


def beside(data, sheet, words):
    """The cell to the right of these words."""
    cells = pipe.read(data).book.sheets[sheet].cells
    row, column = position(next(at for at, cell in cells.items() if cell.text == words))
    return Place(sheet, row, column + 1, row, column + 1)


@pytest.mark.parametrize(
    ("sheet", "words", "told"),
    [
        (FACE, "覆盖", "6/6 单位"),
        (FACE, "没有计入", "示例9镇"),
        (STATUS, "示例2镇", "U99"),
        (META, WHOLE_SEAL, "D0"),
    ],
)
def test_what_a_roll_up_says_of_itself_is_sealed(rollup, sheet, words, told):
    form, data, *_ = rollup
    _, outcome, found = said(form, data, lambda shop: shop.put_at(beside(data, sheet, words), told))
    assert (outcome, found) == ("returned", [("V119", META, WHOLE_SEAL_PLACE.address)])


MOVED = {
    "row inserted": lambda shop, name: shop.shift(name, FIRST_ROW + 1, 1),
    "row deleted": lambda shop, name: shop.shift(name, FIRST_ROW + 1, -1),
    "rows sorted": lambda shop, name: shop.swap_rows(name, FIRST_ROW, FIRST_ROW + 1),
    "sheet missing": lambda shop, name: shop.remove(name),
}


@pytest.mark.parametrize("name", MOVED)
def test_moved_details_are_returned(rollup, name):
    form, data, detail, _ = rollup
    _, outcome, found = said(form, data, lambda shop: MOVED[name](shop, detail.name))
    assert outcome == "returned" and found

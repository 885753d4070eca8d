"""Many filings made into one: any order, any grouping, exact; who is missing is listed and not zero."""

import io
import re
from decimal import Decimal

import helpers_pipe as pipe
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltools import Unit, check, load_form, merge, write_rollup, write_template
from xltools.detail import detail_sheets
from xltools.filing import Leaf
from xltools.layout import lay_out
from xltools.merging import leaves_of
from xltools.rollup import roll_up
from xltools.roster import Roster

FORM = load_form("gov-info-disclosure/2019")
COUNTY = Unit(name="示例县", code="U9", level="county")


def unit(number, **more):
    return Unit(name=f"示例{number}镇", code=f"U{number:02d}", **more)


def folder(tmp_path, *numbers, form=FORM, year=2020, name="收件"):
    """A folder with a filled workbook of each of these units."""
    where = tmp_path / name
    where.mkdir(exist_ok=True)
    for number in numbers:
        data = write_template(form, unit(number), year, pipe.seeded(form, number))
        (where / f"{number}.xlsx").write_bytes(data)
    return where


def leaf(number, inputs):
    return Leaf(unit=unit(number), file=f"{number}.xlsx", sha256=f"{number}", inputs=inputs)


figures = st.fixed_dictionaries(
    {
        item.id: st.decimals(0, 10**6, places=6) if item.type == "money" else st.integers(0, 10**6)
        for item in FORM.inputs
        if item.table in ("procurement", "disputes")
    }
)


@settings(max_examples=60, deadline=None)
@given(sets=st.lists(figures, min_size=1, max_size=8), data=st.data())
def test_any_order_and_any_grouping_give_the_same_figures_and_leaves(sets, data):
    leaves = [leaf(n, {**{i.id: 0 for i in FORM.inputs}, **one}) for n, one in enumerate(sets)]
    whole = roll_up(FORM, 2020, leaves, unit=COUNTY)
    shuffled = data.draw(st.permutations(leaves))
    cut = data.draw(st.integers(0, len(leaves)))
    groups = [
        roll_up(FORM, 2020, part, unit=unit(90 + n))
        for n, part in enumerate((shuffled[:cut], shuffled[cut:]))
    ]
    of_groups = roll_up(FORM, 2020, [one for group in groups for one in group.leaves], unit=COUNTY)
    assert of_groups.figures == whole.figures and of_groups.leaves == whole.leaves
    for item in FORM.items:
        assert whole.figures[item] == sum(one.figures(FORM)[item] for one in leaves)


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_a_roll_up_of_every_form_holds_the_sums_and_reads_back(key, tmp_path):
    form = load_form(key)
    year = pipe.year_of(form)
    leaves = [
        Leaf(unit=unit(n), file=f"{n}.xlsx", sha256=f"{n}", inputs=pipe.seeded(form, n).items, texts={})
        for n in (1, 2, 3)
    ]
    where = folder(tmp_path, 1, 2, 3, form=form, year=year)
    result = merge(check([where], forms=pipe.OWN), unit=COUNTY)
    if result.rollup is None:  # random figures may break an error rule of a form of the tests' own
        rollup = roll_up(form, year, leaves, unit=COUNTY)
    else:
        rollup = result.rollup
        back = pipe.read(write_rollup(result), "汇总.xlsx")
        assert [one.figures(form) for one in back.leaves] == [one.figures(form) for one in rollup.leaves]
        assert back.figures == rollup.figures and back.is_rollup
    for item in form.items.values():
        if item.rollup in ("sum", "confirm-sum", "derive"):
            values = [one.figures(form)[item.id] for one in leaves]
            assert rollup.figures[item.id] == sum(values), item.id


def test_the_order_of_files_does_not_change_a_byte(tmp_path):
    where = folder(tmp_path, 1, 2, 3, 4)
    files = sorted(where.iterdir())
    one, other = (write_rollup(merge(check(order), unit=COUNTY)) for order in (files, files[::-1]))
    assert one == other


def test_every_figure_of_a_roll_up_is_a_live_sum_with_its_true_result(tmp_path):
    result = merge(check([folder(tmp_path, 1, 2, 3)]), unit=COUNTY)
    data = write_rollup(result)
    formulas = openpyxl.load_workbook(io.BytesIO(data))
    cached = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    for slot in lay_out(FORM).slots.values():
        formula = formulas[slot.sheet][slot.address].value
        assert formula.startswith("=SUM("), slot.item.id
        total = Decimal(0)
        for sheet, first, last in re.findall(r"(?:'([^']+)'!)?([A-Z]+\d+)(?::([A-Z]+\d+))?", formula[5:-1]):
            cells = cached[sheet or slot.sheet][f"{first}:{last or first}"]
            total += sum(Decimal(str(cell.value or 0)) for row in cells for cell in row)
        shown = cached[slot.sheet][slot.address].value
        assert Decimal(str(shown)) == total == Decimal(str(result.rollup.figures[slot.item.id])), slot.item.id


def test_a_merge_of_merges_on_disk_is_a_merge_of_leaves(tmp_path):
    counties = tmp_path / "县"
    counties.mkdir()
    for n, group in enumerate(((1, 2), (3, 4, 5))):
        result = merge(
            check([folder(tmp_path, *group, name=f"收件{n}")]), unit=unit(80 + n, kind="本级", level="county")
        )
        (counties / f"{n}.xlsx").write_bytes(write_rollup(result))
    city = Unit(name="示例市", code="U1", level="city")
    of_merges = merge(check([counties]), unit=city).rollup
    of_leaves = merge(check([folder(tmp_path, 1, 2, 3, 4, 5, name="全部")]), unit=city).rollup
    assert of_merges.figures == of_leaves.figures
    assert [one.unit.key for one in of_merges.leaves] == [one.unit.key for one in of_leaves.leaves]
    assert [one.sha256 for one in of_merges.leaves] == [one.sha256 for one in of_leaves.leaves]
    assert {one.through for one in of_merges.leaves} == {"0.xlsx", "1.xlsx"}


def codes(result):
    return {one.filing.file: [f.code for f in one.findings] for one in result.checked.filings}


def test_a_missing_and_a_returned_unit_are_listed_and_are_not_zero(tmp_path):
    where = folder(tmp_path, 1, 2)
    bad = pipe.seeded(FORM, 3)
    (where / "3.xlsx").write_bytes(
        write_template(
            FORM, unit(3), 2020, type(bad)(items={**bad.items, "disputes.cases.review_other": "无"})
        )
    )
    roster = Roster(tuple(unit(n) for n in (1, 2, 3, 4)))
    result = merge(check([where], roster=roster), unit=COUNTY)
    assert result.rollup.coverage == "2/4 单位"
    assert [(one.name, why) for one, why in result.rollup.missing] == [
        ("示例3镇", "退回"),
        ("示例4镇", "未报送"),
    ]
    assert result.checked.missing == (unit(4),) or [u.name for u in result.checked.missing] == ["示例4镇"]
    face = openpyxl.load_workbook(io.BytesIO(write_rollup(result)))["汇总"]
    words = "\n".join(str(cell.value) for row in face.iter_rows() for cell in row if cell.value)
    assert "2/4 单位" in words and "示例3镇" in words and "示例4镇" in words


def test_the_same_file_twice_counts_once(tmp_path):
    where = folder(tmp_path, 1, 2)
    (where / "1 再发.xlsx").write_bytes((where / "1.xlsx").read_bytes())
    once = merge(check([folder(tmp_path, 1, 2, name="一次")]), unit=COUNTY).rollup
    result = merge(check([where]), unit=COUNTY)
    assert result.rollup.figures == once.figures and len(result.rollup.leaves) == 2
    assert codes(result)["1.xlsx"] == ["R104"] or codes(result)["1 再发.xlsx"] == ["R104"]
    assert sum(result.merged) == 2


def test_two_different_files_of_one_unit_and_neither_is_taken(tmp_path):
    where = folder(tmp_path, 1, 2)
    (where / "1 改.xlsx").write_bytes(write_template(FORM, unit(1), 2020, pipe.seeded(FORM, 99)))
    result = merge(check([where]), unit=COUNTY)
    assert codes(result) == {"1 改.xlsx": ["R103"], "1.xlsx": ["R103"], "2.xlsx": []}
    assert [one.unit.name for one in result.rollup.leaves] == ["示例2镇"]


def test_a_unit_by_itself_and_inside_a_roll_up_and_neither_is_taken(tmp_path):
    where = folder(tmp_path, 1, 2)
    (where / "汇总.xlsx").write_bytes(write_rollup(merge(check([where]), unit=COUNTY)))
    (where / "2.xlsx").unlink()
    folder(tmp_path, 3)
    result = merge(check([where]), unit=Unit(name="示例市", level="city"))
    assert codes(result) == {"1.xlsx": ["R106"], "3.xlsx": [], "汇总.xlsx": ["R106"]}
    assert [one.unit.name for one in result.rollup.leaves] == ["示例3镇"]


def test_a_mixture_of_years_and_nothing_is_merged(tmp_path):
    where = folder(tmp_path, 1)
    folder(tmp_path, 2, year=2019)
    result = merge(check([where]), unit=COUNTY)
    assert result.rollup is None and codes(result) == {"1.xlsx": ["R105"], "2.xlsx": ["R105"]}
    chosen = merge(check([where], year=2020), unit=COUNTY)
    assert [one.unit.name for one in chosen.rollup.leaves] == ["示例1镇"]


def test_units_that_the_roster_does_not_know_or_names_otherwise(tmp_path):
    where = folder(tmp_path, 1, 2)
    roster = Roster((Unit(name="改了名的镇", code="U01"),))
    result = check([where], roster=roster)
    assert {one.filing.file: [f.code for f in one.findings] for one in result.filings} == {
        "1.xlsx": ["R102"],
        "2.xlsx": ["R101"],
    }


def test_a_figure_typed_over_in_a_roll_up_is_found(tmp_path):
    data = write_rollup(merge(check([folder(tmp_path, 1, 2)]), unit=COUNTY))
    slot = lay_out(FORM).slots["applications.new.natural"]
    found = pipe.codes(pipe.changed(data, lambda book: book[slot.sheet].__setitem__(slot.address, 12345)))
    assert found == [("G205", slot.address)]


def test_a_roll_up_whose_unit_rows_were_moved_is_not_read(tmp_path):
    data = write_rollup(merge(check([folder(tmp_path, 1, 2)]), unit=COUNTY))
    name = next(iter(detail_sheets(FORM).values())).name
    found = pipe.findings(pipe.changed(data, lambda book: book[name].insert_rows(7)))
    assert {f.code for f in found} == {"S007"}


def test_declared_zeros_are_still_known_one_level_up(tmp_path):
    blank = pipe.seeded(FORM, 1)
    declared = type(blank)(texts=blank.texts, cover={"blanks_are_zero": "是"})
    where = tmp_path / "收件"
    where.mkdir()
    (where / "1.xlsx").write_bytes(write_template(FORM, unit(1), 2020, declared))
    back = pipe.read(write_rollup(merge(check([where]), unit=COUNTY)))
    (one,) = back.leaves
    assert one.declared_zeros == {item.id for item in FORM.inputs} and set(one.inputs.values()) == {0}


def test_the_same_roll_up_as_a_frame(tmp_path):
    rollup = merge(check([folder(tmp_path, 1, 2)]), unit=COUNTY).rollup
    tidy, wide = rollup.to_frame(), rollup.to_frame(wide=True)
    assert len(tidy) == 2 * len(FORM.items) and wide.shape == (2, 5 + len(FORM.items))
    for item in ("procurement.purchase.amount", "applications.handled.total"):
        assert sum(tidy[tidy.item == item].value) == rollup.figures[item] == sum(wide[item])


def test_what_a_filing_contributes_is_itself(tmp_path):
    (one,) = check([folder(tmp_path, 1)]).filings
    assert [leaf.figures(FORM) for leaf in leaves_of(one)] == [one.filing.figures]

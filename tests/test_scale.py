"""Figures in thousands and 万元 that still add up, in both directions, with every one that gave way listed."""

import io
import os
import random
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import helpers_office as office
import helpers_page as page
import helpers_pipe as pipe
import helpers_rollup as made
import openpyxl
import pytest
from test_commands import run

from xltools import load_form
from xltools.checks import Case, run_checks
from xltools.compute import rule_results, shares
from xltools.errors import UsageError
from xltools.layout import lay_out
from xltools.reporting.beside import Exports
from xltools.rollup import roll_up
from xltools.scaling import SCALES, scale_figures, scale_of
from xltools.writing.scaled import ADJUSTED, write_scaled

FORM, F2019 = load_form("gov-info-disclosure/2021"), load_form("gov-info-disclosure/2019")
SEEDS = 3_000 if os.environ.get("XLTOOLS_SLOW") else 300  # for each of four forms
CHOICES = [("千",), ("万",), ("万元",), ("亿元",), ("千", "万元"), ("万", "亿元")]


def figures_of(form, seed):
    """Any figures: small and large, with blanks, a few negative where the form lets them be."""
    chance = random.Random(seed)
    most = chance.choice((3, 900, 20_000, 10**7))
    values = {
        "count": lambda: chance.choice((chance.randint(0, most), chance.randint(0, most), None, 0)),
        "signed": lambda: chance.randint(-most, most),
        "money": lambda: Decimal(chance.randint(0, most * 100)) / 100,
        "text": lambda: "文字",
    }
    return {item.id: values[item.type]() for item in form.inputs}


def sums_of(form):
    """(total, parts) of every figure along its row's and along its column's sum."""
    for table in form.tables.values():
        for row in table.rows:
            for column in table.columns:
                whole = f"{table.id}.{row.id}.{column.id}"
                if column.sum:
                    yield whole, [f"{table.id}.{row.id}.{part}" for part in column.sum]
                if row.sum:
                    yield whole, [f"{table.id}.{part}.{column.id}" for part in row.sum]


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_every_total_is_the_sum_of_its_parts_and_no_figure_is_a_unit_off(key):
    form = load_form(key)
    for seed in range(SEEDS):
        inputs, scales, places = figures_of(form, seed), CHOICES[seed % len(CHOICES)], seed % 3
        exact, scaled = shares(form, inputs), scale_figures(form, inputs, scales, places)
        for whole, parts in sums_of(form):
            assert scaled.figures[whole] == sum(scaled.figures[part] or 0 for part in parts), (seed, whole)
        tenths = Decimal(1).scaleb(-places)
        gave_way = {one.item.id: one for one in scaled.adjusted}
        for item in form.items.values():
            written = scaled.figures[item.id]
            if (scale := scale_of(item, scales)) is None:
                assert written == exact[item.id] or written == 0 and exact[item.id] is None
                continue
            value = Decimal(exact[item.id] or 0).scaleb(-scale[1])
            assert abs(Decimal(written or 0) - value) < tenths, (seed, item.id)
            assert Decimal(written or 0) % tenths == 0
            assert (written is None) == (exact[item.id] is None and item.is_input)
            plain = value.quantize(tenths, ROUND_HALF_UP)
            assert (item.id in gave_way) == (Decimal(written or 0) != plain)
            if item.id in gave_way:
                one = gave_way[item.id]
                assert (one.exact, one.plain, one.written) == (value, plain, written)


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_grand_totals_never_give_way_but_for_an_identity(key):
    form = load_form(key)
    within = {part for item in form.items.values() for part in item.sum}
    within |= {part for _, parts in sums_of(form) for part in parts}
    for seed in range(30):
        scaled = scale_figures(form, figures_of(form, seed), ("千", "亿元"))
        assert not [one.item.id for one in scaled.adjusted if one.item.id not in within]


def test_the_same_figures_always_give_way_whatever_order_they_come_in():
    for seed in range(10):
        inputs = figures_of(FORM, seed)
        turned = dict(reversed(inputs.items()))
        one, other = (scale_figures(FORM, values, ("千",)) for values in (inputs, turned))
        assert one == other


def agreeing(form, seed):
    """Figures that fulfil the identity of the form's own table."""
    inputs = figures_of(form, seed)
    chance = random.Random(seed)
    table = form.tables.get("applications") or form.tables["clearing"]
    for column in (one.id for one in table.columns if not one.sum):
        named = {row.id: f"{table.id}.{row.id}.{column}" for row in table.rows if not row.sum}
        inputs.update((name, chance.randint(0, 9_999)) for name in named.values())
        if "due" in named:
            parts = [inputs[named[one]] for one in ("machine", "manual", "left")]
            inputs[named["due"]] = sum(parts)
        else:
            outcomes = [name for line, name in named.items() if line not in ("new", "carried_in")]
            inputs[named["new"]] = sum(inputs[name] for name in outcomes)
            inputs[named["carried_in"]] = 0
            moved = chance.randint(0, inputs[named["new"]])
            inputs[named["carried_in"]], inputs[named["new"]] = moved, inputs[named["new"]] - moved
    return inputs


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_an_identity_of_the_form_still_holds(key):
    form, kept = load_form(key), 0
    for seed in range(40):
        inputs = agreeing(form, seed)
        scaled = scale_figures(form, inputs, (("千",), ("万",))[seed % 2], seed % 3)
        for before, after in zip(
            rule_results(form, shares(form, inputs), "county"),
            rule_results(form, scaled.figures, "county"),
            strict=True,
        ):
            if before.line.bound.equation and before.line.rule.level == "error" and before.holds:
                assert after.holds, (seed, before.line.id, after.left, after.right)
                kept += bool(before.left)
        for whole, parts in sums_of(form):
            assert scaled.figures[whole] == sum(scaled.figures[part] or 0 for part in parts), (seed, whole)
        for one in scaled.adjusted:
            assert abs(one.exact - Decimal(one.written)) < Decimal(1).scaleb(-(seed % 3))
    assert kept > 50


def test_an_identity_in_the_other_direction_on_the_page(tmp_path):
    text = (
        """
id = "sides"
edition = "1"
years = [2020]
title = "一行里的勾稽"
heading = "{unit}{year}年"
[[sheet]]
id = "s"
name = "表"
title = "表"
widths = {labels = [20], data = 60}
  [[sheet.table]]
  id = "t"
  unit = "件"
  columns = [{id = "in", label = ["收"]}, {id = "out", label = ["出"]}, {id = "rest", label = ["余"]}]
  rows = [{id = "one", label = ["一"]}, {id = "two", label = ["二"]}, {id = "all", label = ["合计"], sum = ["one", "two"]}]
    [[sheet.table.rule]]
    id = "balance"
    each = "row"
    that = "income == outgo + rest"
    level = "error"
    basis = "收等于出加余"
""".replace('"in"', '"income"')
        .replace('"out"', '"outgo"')
        .replace('"all"', '"both"')
    )
    (tmp_path / "sides.toml").write_text(text, "utf-8")
    form = load_form(tmp_path / "sides.toml")
    scaled = rounded("""
        | t   | income | outgo | rest |
        | one |    800 |   400 |  400 |
        | two |    800 |   400 |  400 |
    """, form=form)  # fmt: skip
    for row in ("one", "two", "both"):
        income, outgo, rest = (scaled.figures[f"t.{row}.{column}"] for column in ("income", "outgo", "rest"))
        assert income == outgo + rest
    assert scaled.figures["t.both.income"] == 2  # 1.6


def rounded(shown, scales=("千",), places=0, form=FORM):
    return scale_figures(form, page.inputs_on(form, shown, rest=0), scales, places)


def test_a_row_on_the_page():
    """0.4 + 0.4 + 0.4 + … = 1.6, which is 2: two of the four go up, the first of equals."""
    scaled = rounded("""
        | applications | natural | company | research | charity | legal | other |
        | granted      |     400 |     400 |      400 |     400 |     0 |     0 |
    """)
    row = [scaled.figures[f"applications.granted.{c}"] for c in ("natural", "company", "research", "charity")]
    assert row == [1, 1, 0, 0] and scaled.figures["applications.granted.total"] == 2
    assert [one.item.id for one in scaled.adjusted] == [
        f"applications.{row}.{column}" for row in ("granted", "handled") for column in ("natural", "company")
    ]
    assert scaled.units["applications.granted.natural"] == "千件"


def test_a_table_totalled_both_ways_on_the_page():
    scaled = rounded("""
        | applications | natural | company | research | charity | legal | other |
        | granted      |     500 |     500 |        0 |       0 |     0 |     0 |
        | partial      |     500 |     500 |        0 |       0 |     0 |     0 |
    """)
    table = [[scaled.figures[f"applications.{row}.{column}"] for column in ("natural", "company", "total")]
             for row in ("granted", "partial", "handled")]  # fmt: skip
    assert table in ([[1, 0, 1], [0, 1, 1], [1, 1, 2]], [[0, 1, 1], [1, 0, 1], [1, 1, 2]])


def largest_remainder(values):
    """The textbook: all down, then up again in order of what was cut off, the first of equals first."""
    total = int(sum(values).to_integral_value(ROUND_HALF_UP))
    down = [int(value.to_integral_value(ROUND_FLOOR)) for value in values]
    order = sorted(range(len(values)), key=lambda at: down[at] - values[at])
    for at in order[: total - sum(down)]:
        down[at] += 1
    return down


def test_in_one_direction_it_is_the_method_of_largest_remainders():
    columns = ("review_upheld", "review_corrected", "review_other", "review_pending")
    for seed in range(300):
        chance = random.Random(seed)
        counts = [chance.choice((chance.randint(0, 9_999), 500 * chance.randint(0, 9))) for _ in columns]
        inputs = {f"disputes.cases.{c}": n for c, n in zip(columns, counts, strict=True)}
        scaled = scale_figures(FORM, inputs, ("千",))
        expected = largest_remainder([Decimal(n).scaleb(-3) for n in counts])
        assert [scaled.figures[f"disputes.cases.{c}"] for c in columns] == expected, counts


def test_each_kind_of_figure_has_its_own_scale():
    items = F2019.items
    count, money, fee = (
        items[name] for name in ("procurement.purchase.projects", "procurement.purchase.amount", "processing_fee.charged.amount")
    )  # fmt: skip
    assert [scale_of(one, ["千", "亿元"]) for one in (count, money, fee)] == [
        ("千项", 3),
        ("亿元", 4),
        ("亿元", 8),
    ]
    assert [scale_of(one, ["万元"]) for one in (count, money, fee)] == [None, ("万元", 0), ("万元", 4)]


NESTED = """
id = "nested"
edition = "1"
years = [2020]
title = "两个方向都有小计"
heading = "{unit}{year}年"
[[sheet]]
id = "s"
name = "表"
title = "表"
widths = {labels = [20], data = 60}
  [[sheet.table]]
  id = "t"
  unit = "件"
  columns = [
    {id = "left_1", label = ["甲"]}, {id = "left_2", label = ["乙"]}, {id = "lefts", label = ["小计"], sum = ["left_1", "left_2"]},
    {id = "left_3", label = ["丙"]}, {id = "whole", label = ["合计"], sum = ["lefts", "left_3"]},
    {id = "other_whole", label = ["甲加丙"], sum = ["left_1", "left_3"]},
  ]
  rows = [
    {id = "line_1", label = ["一"]}, {id = "line_2", label = ["二"]}, {id = "lines", label = ["小计"], sum = ["line_1", "line_2"]},
    {id = "line_3", label = ["三"]}, {id = "all_lines", label = ["合计"], sum = ["lines", "line_3"]},
  ]
"""


def test_subtotals_in_both_directions_and_totals_that_share_a_part_still_add_up(tmp_path):
    (tmp_path / "nested.toml").write_text(NESTED, "utf-8")
    form = load_form(tmp_path / "nested.toml")
    for seed in range(200):
        scaled = scale_figures(form, figures_of(form, seed), ("千",))
        for whole, parts in sums_of(form):
            assert scaled.figures[whole] == sum(scaled.figures[part] or 0 for part in parts), (seed, whole)
        assert set(scaled.units) == set(form.items)


@pytest.fixture(scope="module")
def copy():
    """A roll-up's copy in thousands and 亿元, as bytes, with what it was made from."""
    leaves = [
        made.leaf(n, FORM, **{k: v for k, v in figures_of(FORM, n).items() if v is not None}) for n in (2, 3)
    ]
    rollup = roll_up(FORM, 2023, leaves, unit=made.COUNTY)
    scaled = scale_figures(FORM, rollup.inputs, ("千", "亿元"), 1)
    return write_scaled(rollup, scaled, 1), scaled


def test_the_copy_has_live_totals_the_new_units_and_the_list_of_what_gave_way(copy):
    data, scaled = copy
    live = openpyxl.load_workbook(io.BytesIO(data))
    shown = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    for slot in lay_out(FORM).slots.values():
        assert float(scaled.figures[slot.item.id] or 0) == (shown[slot.sheet][slot.address].value or 0)
        if not slot.is_input:
            assert str(live[slot.sheet][slot.address].value).startswith("=SUM(")
    words = [str(cell.value) for sheet in shown for row in sheet.iter_rows() for cell in row if cell.value]
    assert any("单位：千件" in text for text in words)
    assert any("（单位：亿元）" in text for text in words) and not any(
        "（单位：万元）" in text for text in words
    )
    rows = [row for row in shown[ADJUSTED].iter_rows(min_row=4, values_only=True) if row[0]]
    assert [(row[1], float(row[4]), row[6]) for row in rows] == [
        (f"〔{slot.sheet}〕{slot.address}", float(one.exact), float(one.written))
        for one in scaled.adjusted
        for slot in [lay_out(FORM).slots[one.item.id]]
    ]
    assert scaled.adjusted, "the example has something to adjust"


def test_the_copy_is_never_taken_for_a_report(copy):
    filing = pipe.read(copy[0], "汇总（单位：千、亿元）.xlsx")
    assert [one.code for one in run_checks(Case(filing))] == ["F011"]
    saved = pipe.read(pipe.changed(copy[0], lambda book: None))
    assert [one.code for one in run_checks(Case(saved))] == ["F011"]


def test_the_same_figures_give_the_same_bytes():
    rollup = roll_up(
        FORM, 2023, [made.leaf(1, FORM, **{"fees.charge.amount": Decimal("1.5")})], unit=made.COUNTY
    )
    one, other = (write_scaled(rollup, scale_figures(FORM, rollup.inputs, ("千",))) for _ in range(2))
    assert one == other


def test_the_command_writes_the_copy_beside_the_roll_up_and_does_not_read_it_again(tmp_path):
    made.file_of(tmp_path, FORM, 1, year=2023)
    words = (
        "merge",
        ".",
        "-o",
        "汇总.xlsx",
        "--unit",
        "示例县",
        "--code",
        "C1",
        "--scale",
        "千",
        "--scale",
        "万元",
    )
    for _ in range(2):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.out
    assert (tmp_path / "汇总（单位：千、万元）.xlsx").is_file()


@pytest.mark.parametrize(
    "wrong", [{"scales": ("百",)}, {"scales": ("千", "万")}, {"places": 9}, {"places": -1}]
)
def test_a_scale_that_there_is_not_is_refused_with_those_that_there_are(wrong):
    with pytest.raises(UsageError) as raised:
        Exports(**wrong)
    assert all(scale in str(raised.value) for scale in SCALES) or "0 到 6" in str(raised.value)


@pytest.mark.office
def test_libreoffice_comes_to_the_same_totals(copy, tmp_path):
    path = tmp_path / "副本.xlsx"
    path.write_bytes(copy[0])
    cells = office.done(path).cells
    for slot in lay_out(FORM).derived:
        shown = cells[slot.sheet].get(slot.address, 0)
        assert shown == pytest.approx(float(copy[1].figures[slot.item.id]), abs=1e-9), slot.item.id

"""This year against last year's report, of either edition, from a filing, a folder or a roll-up."""

from decimal import Decimal

import helpers_pipe as pipe
import pytest

from xltools import Answers, Unit, check, load_form, merge, read_last_year, write_rollup, write_template
from xltools.filing import Filing

F2019, F2021 = load_form("gov-info-disclosure/2019"), load_form("gov-info-disclosure/2021")
PENALTY, FEES, NEW = "enforcement.penalty.decided", "fees.charge.amount", "applications.new.natural"


def this_year(**figures):
    return write_template(
        F2021, pipe.TOWN, 2023, Answers(items={FEES: 500, **figures}).over(pipe.seeded(F2021, 3))
    )


def before(**figures):
    """Last year's figures: quite others, and handed on as this year took them over."""
    items = {**pipe.seeded(F2021, 8).items, FEES: 600, **figures}
    carried = {
        f"applications.carried_out.{c.id}": 0 for c in F2021.tables["applications"].columns if not c.sum
    }
    stock = {}
    now = pipe.seeded(F2021, 3).items
    for row in ("regulation", "normative"):
        line = {c: now[f"documents.{row}.{c}"] for c in ("made", "repealed", "in_force")}
        stock[f"documents.{row}.in_force"] = line["in_force"] - line["made"] + line["repealed"]
    return pipe.read(
        write_template(F2021, pipe.TOWN, 2022, Answers(items={**items, **carried, **stock}))
    ).figures


def said(data, last):
    return [(one.code, one.item) for one in pipe.findings(data, last=last)]


def test_an_ordinary_year_raises_no_query():
    assert said(this_year(), before()) == []


@pytest.mark.parametrize(
    ("now", "then", "code"),
    [
        (3000, 120, "G106"),
        (120, 3000, "G106"),
        (0, 3000, "G106"),  # a thousand cases that are gone
        (0, 999, None),
        (90, 2, None),  # small figures jump
        (1200, 130, None),  # nine times
    ],
)
def test_a_swing_of_ten_times_is_queried(now, then, code):
    expected = [(code, PENALTY)] if code else []
    assert said(this_year(**{PENALTY: now}), before(**{PENALTY: then})) == expected


def test_where_there_is_a_total_the_swing_is_that_of_the_total():
    grown = this_year(**{NEW: 5000, "applications.granted.natural": 5000 - 90})
    found = [item for code, item in said(grown, before()) if code == "G106"]
    assert found and all(item.endswith(".total") for item in found)


@pytest.mark.parametrize(
    ("now", "then", "code"),
    [
        ("1800000", "180", "G107"),
        ("180.5", "1850000", "G107"),
        ("180", "210", None),
        ("18000", "180", "G106"),  # a hundred times: too much, but no mistaken unit
    ],
)
def test_yuan_for_wan_is_told_apart_from_a_swing(now, then, code):
    found = said(this_year(**{FEES: Decimal(now)}), before(**{FEES: Decimal(then)}))
    assert [one for one in found if one[0] != "V111"] == ([(code, FEES)] if code else [])


def test_last_years_report_sent_again_is_queried():
    data = this_year()
    same = pipe.read(data).figures
    assert "G105" in [code for code, _ in said(data, same)]
    assert "G105" not in [code for code, _ in said(data, {**same, NEW: same[NEW] + 1})]


def test_two_years_of_zeros_are_no_copy():
    zeros = {item.id: 0 for item in F2021.inputs}
    data = write_template(
        F2021, pipe.TOWN, 2023, Answers(items=zeros, texts=dict.fromkeys(F2021.texts, "无。"))
    )
    assert said(data, pipe.read(data).figures) == []


def test_every_column_has_to_carry_over_and_every_stock_to_follow():
    last = before()
    for column in ("natural", "company", "research", "charity", "legal", "other"):
        wrong = {**last, f"applications.carried_out.{column}": 4}
        (one,) = [f for f in pipe.findings(this_year(), last=wrong) if f.code == "G104"]
        assert (one.rule, one.found, one.expected) == (f"carry-over.{column}", "0", "4")
    wrong = {**last, "documents.normative.in_force": last["documents.normative.in_force"] + 1}
    assert [f.rule for f in pipe.findings(this_year(), last=wrong) if f.code == "G104"] == ["stock.normative"]


def test_the_items_of_2019_follow_those_of_the_year_before():
    items = {"licensing.permit.previous": 20, "licensing.permit.change": 3}
    last = pipe.read(
        write_template(F2019, pipe.TOWN, 2019, Answers(items=items).over(pipe.seeded(F2019, 2)))
    ).figures
    data = write_template(F2019, pipe.TOWN, 2020, pipe.seeded(F2019, 3))
    found = {f.rule: (f.found, f.expected) for f in pipe.findings(data, last=last) if f.code == "G104"}
    assert found["items.permit"] == ("20", "23")


def test_from_2020_to_2021_only_what_means_the_same_is_compared():
    last = pipe.read(write_template(F2019, pipe.TOWN, 2020, pipe.seeded(F2019, 2))).figures
    data = write_template(F2021, pipe.TOWN, 2021, pipe.seeded(F2021, 3))
    rules = {f.rule for f in pipe.findings(data, last=last) if f.code == "G104"}
    assert rules and all(rule.startswith("carry-over.") for rule in rules)  # stock is undecided


def test_last_year_may_be_a_filing_a_folder_or_a_roll_up(tmp_path):
    folder = tmp_path / "上年"
    folder.mkdir()
    other = Unit(name="另一镇", code="U02", parent="示例县")
    for unit, seed in ((pipe.TOWN, 8), (other, 9)):
        (folder / f"{unit.code}.xlsx").write_bytes(
            write_template(F2021, unit, 2022, pipe.seeded(F2021, seed))
        )
    rollup = tmp_path / "上年汇总.xlsx"
    county = Unit(name="示例县", code="C1", level="county")
    rollup.write_bytes(write_rollup(merge(check([folder]), unit=county)))
    (tmp_path / "本年.xlsx").write_bytes(this_year())
    own = pipe.seeded(F2021, 8).items
    expected = {
        f"carry-over.{c.id}"
        for c in F2021.tables["applications"].columns
        if not c.sum and own[f"applications.carried_out.{c.id}"] != 0
    }
    for source in (folder / "U01.xlsx", folder, rollup):
        result = check([tmp_path / "本年.xlsx"], last=read_last_year(source))
        rules = {one.rule for one in result.findings if one.code == "G104" and "carry" in one.rule}
        assert rules == expected, source
    assert read_last_year(rollup).of(county)["applications.new.total"] > 0


def test_without_last_year_nothing_is_said_of_it():
    assert isinstance(pipe.read(this_year()), Filing) and pipe.findings(this_year()) == []

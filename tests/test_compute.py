"""Totals and rules, with the figures on the page."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers_page import figures_on, inputs_on
from xltools.compute import RuleResult, Status, all_figures, as_number, rule_results, totals
from xltools.form import Form, Value, Values
from xltools.forms.catalogue import load_form

FORMS = Path(__file__).parent / "forms"
EDITION_2019, EDITION_2021, SNOW = (
    load_form(name)
    for name in ("gov-info-disclosure/2019", "gov-info-disclosure/2021", FORMS / "snow-clearing.toml")
)


def results(
    form: Form,
    figures: Values,
    level: str = "town",
    last: Values | None = None,
    said: dict[str, str] | None = None,
) -> dict[str, RuleResult]:
    every = rule_results(form, figures, level, last=last, explanations=said)
    return {one.line.id: one for one in every}


def statuses(form: Form, figures: Values, **more: object) -> dict[str, Status]:
    found = results(form, figures, **more)  # type: ignore[arg-type]
    return {name: one.status for name, one in found.items()}


# ---- totals

ROADS = """
    | clearing | main | side | village |
    | due      |    5 |    2 |       4 |
    | machine  |    3 |    1 |       1 |
    | manual   |    1 |    0 |       2 |
    | left     |    1 |    1 |       1 |

    | spending | amount |
    | salt     | 180.10 |
    | fuel     |   0.05 |
    | labour   |   1000 |
"""


def done_in(figures: Values) -> list[Value]:
    return [figures[f"clearing.done.{column}"] for column in ("main", "side", "village", "total")]


def test_a_total_adds_up_its_inputs_and_a_total_of_totals_likewise():
    figures = figures_on(SNOW, ROADS)
    assert figures["clearing.due.total"] == 11
    assert done_in(figures) == [4, 1, 3, 8]
    assert figures["spending.spent.amount"] == Decimal("1180.15")


def test_every_figure_of_the_form_is_there_in_reading_order():
    assert list(figures_on(SNOW, ROADS)) == list(SNOW.items)


def test_a_total_with_a_part_missing_is_unknown_since_blank_is_not_zero():
    page = """
        | clearing | main | side | village |
        | machine  |    3 |      |       1 |
        | manual   |    1 |    0 |       2 |
    """
    figures = figures_on(SNOW, page)
    assert figures["clearing.machine.total"] is None
    assert figures["clearing.manual.total"] == 3
    assert done_in(figures) == [4, None, 3, None]


def test_blank_as_zero_gives_what_SUM_shows():
    page = """
        | clearing | main | side | village |
        | machine  |    3 |      |       1 |
    """
    shown = totals(SNOW, inputs_on(SNOW, page), blank=0)
    assert shown["clearing.machine.total"] == 4
    assert shown["clearing.done.total"] == 4
    assert shown["spending.spent.amount"] == 0


def test_a_text_or_a_truth_in_a_number_cell_is_no_number():
    assert [as_number(value) for value in (3, Decimal("0.5"), "3", "约3", None, True, False)] == [
        3, Decimal("0.5"), None, None, None, None, None,
    ]  # fmt: skip
    page = """
        | clearing | main | side | village |
        | machine  |    3 |  约1 |       1 |
    """
    assert figures_on(SNOW, page)["clearing.machine.total"] is None


def test_a_text_figure_stays_as_it_is():
    figures = figures_on(SNOW, "| teams | name |\n| machine | 示例一队 |")
    assert figures["teams.machine.name"] == "示例一队"
    assert figures["teams.manual.name"] is None


NUMBERS = st.one_of(st.integers(0, 10**9), st.decimals(0, 10**9, places=6))


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("form", [EDITION_2019, EDITION_2021, SNOW], ids=lambda form: form.key)
def test_every_total_is_the_sum_of_its_leaves(form: Form, data: st.DataObject):
    inputs = {item.id: data.draw(NUMBERS) for item in form.inputs if item.type != "text"}
    for name, value in totals(form, inputs).items():
        assert value == sum(inputs[leaf] for leaf in form.leaves_of(name))


@settings(deadline=None)
@given(st.data())
def test_where_two_totals_cross_rows_and_columns_agree(data: st.DataObject):
    figures = all_figures(SNOW, {item.id: data.draw(NUMBERS) for item in SNOW.inputs if item.type != "text"})
    down = figures["clearing.machine.total"] + figures["clearing.manual.total"]  # type: ignore[operator]
    assert figures["clearing.done.total"] == down


def test_blank_is_known_exactly_where_no_leaf_is_missing():
    for form in (EDITION_2019, EDITION_2021, SNOW):
        numbers = [item.id for item in form.inputs if item.type != "text"]
        for missing in numbers[:: max(1, len(numbers) // 20)]:
            worked_out = totals(form, {name: 1 for name in numbers if name != missing})
            for name, value in worked_out.items():
                assert (value is None) == (missing in form.leaves_of(name))


# ---- rules: one test for each thing 校验 can say


def test_holds():
    page = """
        | applications | natural |
        | new          |       3 |
        | carried_in   |       1 |
        | granted      |       2 |
        | carried_out  |       2 |
    """
    result = results(EDITION_2021, figures_on(EDITION_2021, page, rest=0))["in-equals-out.natural"]
    assert (result.status, result.holds) == (Status.HOLDS, True)
    assert (result.left, result.right, result.difference) == (4, 4, 0)


def test_broken():
    page = """
        | applications | natural |
        | new          |       3 |
        | carried_in   |       0 |
        | granted      |       2 |
        | carried_out  |       0 |
    """
    found = results(EDITION_2021, figures_on(EDITION_2021, page, rest=0))
    result = found["in-equals-out.natural"]
    assert (result.status, result.holds) == (Status.BROKEN, False)
    assert (result.left, result.right, result.difference) == (3, 2, 1)
    assert [name for name, one in found.items() if one.status is Status.BROKEN] == ["in-equals-out.natural"]


def test_an_explanation_does_not_mend_what_must_hold():
    page = "| applications | natural |\n| new | 3 |"
    figures = figures_on(EDITION_2021, page, rest=0)
    found = statuses(EDITION_2021, figures, said={"in-equals-out.natural": "确实如此"})
    assert found["in-equals-out.natural"] is Status.BROKEN


def test_queried_and_then_explained():
    page = """
        | documents  | made | repealed | in_force |
        | regulation |    1 |        0 |        1 |
    """
    figures = figures_on(EDITION_2021, page, rest=0)
    asked = statuses(EDITION_2021, figures)
    assert asked["no-regulation.made"] is asked["no-regulation.in_force"] is Status.QUERIED
    assert asked["no-regulation.repealed"] is Status.HOLDS
    said = {"no-regulation.made": "受市政府委托代拟", "no-regulation.in_force": ""}
    told = statuses(EDITION_2021, figures, said=said)
    assert told["no-regulation.made"] is Status.EXPLAINED
    assert told["no-regulation.in_force"] is Status.QUERIED  # an empty reason is none


def test_a_rule_that_holds_needs_no_explanation_and_keeps_its_word():
    figures = figures_on(EDITION_2021, "", rest=0)
    found = statuses(EDITION_2021, figures, said={"no-regulation.made": "备注"})
    assert found["no-regulation.made"] is Status.HOLDS


@pytest.mark.parametrize("rule", ["in-equals-out.natural", "prior-stock.normative"])
def test_undecided_while_an_input_is_missing(rule: str):
    page = """
        | applications | natural |
        | granted      |         |

        | documents  | made |
        | normative  |      |
    """
    result = results(EDITION_2021, figures_on(EDITION_2021, page, rest=0))[rule]
    assert result == RuleResult(result.line, None, Status.UNDECIDED)


def test_undecided_without_last_years_figure():
    figures = figures_on(EDITION_2021, "| applications | natural |\n| carried_in | 2 |", rest=0)
    undecided = statuses(EDITION_2021, figures)
    assert undecided["carry-over.natural"] is Status.UNDECIDED
    same = statuses(EDITION_2021, figures, last={"applications.carried_out.natural": 2})
    assert same["carry-over.natural"] is Status.HOLDS
    assert same["carry-over.company"] is Status.UNDECIDED
    other = results(EDITION_2021, figures, last={"applications.carried_out.natural": 5})["carry-over.natural"]
    assert (other.status, other.left, other.right, other.difference) == (Status.QUERIED, 2, 5, -3)


def test_last_year_in_another_edition_answers_where_the_id_is_the_same():
    """2020 → 2021: only what is carried over is in both; 对外公开总数量 is not 现行有效件数."""
    before = figures_on(EDITION_2019, "| applications | natural |\n| carried_out | 2 |", rest=0)
    now = figures_on(EDITION_2021, "| applications | natural |\n| carried_in | 2 |", rest=0)
    found = statuses(EDITION_2021, now, last=before)
    assert found["carry-over.natural"] is Status.HOLDS
    assert found["stock.normative"] is Status.UNDECIDED


def test_undecided_where_it_divides_by_zero(tmp_path: Path):
    text = (FORMS / "snow-clearing.toml").read_text(encoding="utf-8")
    text += '[[rule]]\nid = "half"\nthat = "clearing.done.total / clearing.due.total >= 0.5"\nlevel = "error"\nbasis = "半数"\n'
    path = tmp_path / "half.toml"
    path.write_text(text, encoding="utf-8")
    form = load_form(path)
    none = figures_on(form, "", rest=0)
    assert statuses(form, none)["half"] is Status.UNDECIDED
    assert statuses(form, figures_on(form, ROADS, rest=0))["half"] is Status.HOLDS


def test_not_bound_at_another_level():
    page = """
        | clearing | main | side | village |
        | due      |    3 |    0 |       0 |
        | manual   |    3 |    0 |       0 |

        | teams  | people |
        | manual |      8 |
    """
    figures = figures_on(SNOW, page, rest=0)
    town = results(SNOW, figures, "town")["machines-come-first.main"]
    assert (town.status, town.holds, town.left) == (Status.NOT_BOUND, None, None)
    assert statuses(SNOW, figures, level="county")["machines-come-first.main"] is Status.QUERIED


def test_remarked():
    found = statuses(SNOW, figures_on(SNOW, "", rest=0))
    assert found["some-money"] is Status.REMARKED
    assert statuses(SNOW, figures_on(SNOW, ROADS, rest=0))["some-money"] is Status.HOLDS


def test_money_is_exact_where_a_binary_number_would_not_be():
    page = """
        | procurement | projects | amount |
        | purchase    |        3 |    0.3 |
    """
    found = results(EDITION_2019, figures_on(EDITION_2019, page, rest=0))
    assert found["price.purchase"].status is Status.HOLDS  # 0.1 * 3 <= 0.3
    assert found["both-or-none.purchase"].status is Status.HOLDS


@pytest.mark.parametrize(
    ("previous", "change", "decided", "expected"),
    [
        (10, -11, 0, {"not-negative.permit": Status.BROKEN}),
        (10, 2, 12, {"cases-not-items.permit": Status.QUERIED}),
        (12, 0, 12, {}),  # both must be other than zero
        (10, 2, 13, {}),
    ],
)
def test_items_of_power(previous: int, change: int, decided: int, expected: dict[str, Status]):
    page = f"""
        | licensing | previous | change | decided |
        | permit    | {previous} | {change} | {decided} |
    """
    found = statuses(EDITION_2019, figures_on(EDITION_2019, page, rest=0))
    quiet = (Status.HOLDS, Status.UNDECIDED, Status.NOT_BOUND)
    assert {name: status for name, status in found.items() if status not in quiet} == expected


def test_items_of_last_year():
    page = """
        | licensing | previous |
        | permit    |       12 |
    """
    last = {"licensing.permit.previous": 10, "licensing.permit.change": 1}
    result = results(EDITION_2019, figures_on(EDITION_2019, page, rest=0), last=last)["items.permit"]
    assert (result.status, result.left, result.right, result.difference) == (Status.QUERIED, 12, 11, 1)


def test_results_come_in_declared_order_and_none_is_left_out():
    assert list(results(SNOW, {})) == [line.id for line in SNOW.rule_lines]


def test_an_empty_filing_decides_nothing():
    for form in (EDITION_2019, EDITION_2021, SNOW):
        allowed = {Status.UNDECIDED, Status.NOT_BOUND}
        assert set(statuses(form, all_figures(form, {})).values()) <= allowed

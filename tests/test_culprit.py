"""The culprit: named where typed totals or rules cross, as a likelihood, and not named where they do not."""

from __future__ import annotations

import os
import random
from decimal import Decimal

import helpers_pipe as pipe
import pytest
from helpers_page import inputs_on

from tests.bench.bench_culprit import alarms, counts, crossing, measure, slipped, verdict
from xltools import load_form, write_template
from xltools.answers import Answers
from xltools.compute import totals
from xltools.culprit import Strength, suspects
from xltools.finding import Level
from xltools.slips import Slip, slip_between

FORM = load_form("gov-info-disclosure/2021")
TIMES = 2_000 if os.environ.get("XLTOOLS_SLOW") else 250

TRUE = """
    | applications | natural | company | research | charity | legal | other |
    | new          |     143 |      12 |        0 |       0 |     0 |     2 |
    | carried_in   |       4 |       0 |        0 |       0 |     0 |     0 |
    | granted      |      62 |       7 |        0 |       0 |     0 |     0 |
    | partial      |      31 |       4 |        0 |       0 |     0 |     2 |
    | unable_1     |      46 |       0 |        0 |       0 |     0 |     0 |
    | carried_out  |       8 |       1 |        0 |       0 |     0 |     0 |

    | disputes | review_upheld | review_corrected | review_other | review_pending |
    | cases    |            12 |                3 |           21 |              0 |
"""


def typed(wrong: dict[str, object], form=FORM, page=TRUE):
    """Every total typed, and typed right; then what is wrong in `wrong`."""
    inputs = inputs_on(form, page, rest=0)
    return {**inputs, **totals(form, inputs), **wrong}


def by_formula(wrong: dict[str, object]):
    return {**inputs_on(FORM, TRUE, rest=0), **wrong}


def said(figures, **more):
    """(item, found, expected) of every suspect."""
    return [
        tuple((fix.item, fix.found, fix.expected) for fix in one.corrections)
        for one in suspects(FORM, figures, level="town", **more)
    ]


def test_what_adds_up_points_at_nobody():
    assert said(typed({})) == said(by_formula({})) == []


def test_a_cell_where_row_and_column_cross():
    (one,) = suspects(FORM, typed({"applications.granted.natural": 26}), level="town")
    (fix,) = one.corrections
    assert (fix.item, fix.found, fix.expected) == ("applications.granted.natural", 26, 62)
    assert one.broken == ("applications.granted.total", "applications.handled.natural")
    assert (one.slip, one.strength) == (Slip.TRANSPOSED, Strength.LIKELY)


@pytest.mark.parametrize(
    ("item", "wrong", "right"),
    [
        ("applications.new.company", 120, 12),  # a row that only the rule crosses
        ("applications.carried_in.natural", 40, 4),
        ("applications.carried_out.company", 0, 1),
        ("applications.granted.total", 96, 69),  # the total itself: every leaf of it is held by its column
        ("applications.handled.natural", 193, 139),
        ("applications.handled.total", 125, 152),
    ],
)
def test_whatever_is_wrong_in_table_three_is_named_alone(item, wrong, right):
    assert said(typed({item: wrong})) == [((item, wrong, right),)]


def test_without_typed_totals_one_broken_column_points_at_nobody():
    assert said(by_formula({"applications.granted.natural": 26})) == []


def test_last_year_is_the_other_direction():
    last = {f"applications.carried_out.{column.id}": 0 for column in FORM.tables["applications"].columns}
    last["applications.carried_out.natural"] = 4
    (one,) = suspects(FORM, by_formula({"applications.carried_in.natural": 14}), level="town", last=last)
    assert one.corrections[0].expected == 4
    assert one.broken == ("in-equals-out.natural", "carry-over.natural")
    assert one.strength is Strength.LIKELY
    # last year's figure is not asked about: where it alone disagrees nobody here is named
    assert said(by_formula({}), last={**last, "applications.carried_out.natural": 5}) == []


def test_where_only_one_total_covers_it_slips_decide_and_nobody_is_certain():
    """12 + 3 + 21 + 0 = 36; with 3 typed as 33 the total is 30 too small, and five cells could be to blame."""
    found = suspects(FORM, typed({"disputes.cases.review_corrected": 33}), level="town")
    assert [(one.corrections[0].item, one.corrections[0].expected, one.slip) for one in found] == [
        ("disputes.cases.review_corrected", 3, Slip.DOUBLED)
    ]
    assert found[0].strength is Strength.POSSIBLE
    assert said(typed({"disputes.cases.review_corrected": 8})) == []  # no slip speaks for any of the five


def test_rivals_are_ranked_by_the_likelihood_of_the_slip():
    """12 + 3 + 12 + 0 against 36: 12 may be 21 turned about, twice over."""
    found = suspects(FORM, typed({"disputes.cases.review_other": 12}), level="town")
    assert [
        (one.corrections[0].item.rpartition("_")[2], one.corrections[0].expected, one.slip) for one in found
    ] == [
        ("upheld", 21, Slip.TRANSPOSED),
        ("other", 21, Slip.TRANSPOSED),
    ]


def test_two_neighbours_that_changed_places():
    """62 and 31 stand in each other's rows: both rows are off, and the column is not."""
    wrong = {"applications.granted.natural": 31, "applications.partial.natural": 62}
    (one,) = suspects(FORM, typed(wrong), level="town")
    assert [(fix.item, fix.expected) for fix in one.corrections] == [
        ("applications.granted.natural", 62),
        ("applications.partial.natural", 31),
    ]
    assert (one.slip, one.strength) == (Slip.SWAPPED, Strength.POSSIBLE)


def test_a_figure_one_column_off():
    """The 2 of 其他 stands under 法律服务机构."""
    wrong = {"applications.partial.legal": 2, "applications.partial.other": 0}
    assert said(typed(wrong)) == [
        (("applications.partial.legal", 2, 0), ("applications.partial.other", 0, 2)),
    ]


def test_the_neighbours_figure_once_more_is_a_slip_of_the_eye():
    (one,) = suspects(FORM, typed({"applications.partial.natural": 46, "applications.deny_1.natural": 0,
                                   "applications.granted.natural": 62}), level="town")  # fmt: skip
    assert one.slip is Slip.OTHER  # 46 stands further down, not beside it
    (one,) = suspects(FORM, typed({"applications.partial.natural": 62}), level="town")
    assert (one.corrections[0].expected, one.slip) == (31, Slip.COPIED)


def test_two_mistakes_that_cross_nowhere_are_two_questions():
    wrong = {"applications.granted.natural": 26, "disputes.cases.review_upheld": 122}
    assert said(typed(wrong)) == [
        (("applications.granted.natural", 26, 62),),
        (("disputes.cases.review_upheld", 122, 12),),
    ]


def test_two_mistakes_whose_lines_cross_are_told_apart_by_how_much_they_are_off():
    """Row and column of the one cross column and row of the other, but 36 here and 3 there fit together one way only."""
    assert said(typed({"applications.granted.natural": 26, "applications.partial.company": 1})) == [
        (("applications.granted.natural", 26, 62),),
        (("applications.partial.company", 1, 4),),
    ]
    assert (
        said(typed({"applications.granted.natural": 59, "applications.partial.company": 1})) == []
    )  # 3 and 3


def test_two_mistakes_in_one_column_point_at_nobody():
    assert said(typed({"applications.granted.natural": 26, "applications.unable_1.natural": 45})) == []


def test_two_mistakes_that_cancel_out_make_nobody_likely():
    """+1 and -1 in one column: two row totals look wrong, and are not."""
    wrong = {"applications.granted.natural": 63, "applications.unable_1.natural": 45}
    assert {one.strength for one in suspects(FORM, typed(wrong), level="town")} == {Strength.POSSIBLE}


def test_a_rule_on_one_figure_asks_nothing():
    """规章 2 件 in a town: the rule says already which cell."""
    assert said(by_formula({"documents.regulation.made": 2})) == []


def test_a_figure_that_cannot_be_is_not_suggested():
    """1 + 10 + 2 + 3 against 6: of the four parts only 10 could be 10 less, and 6 looks like 16 with a digit lost."""
    page = """
        | disputes | review_upheld | review_corrected | review_other | review_pending |
        | cases    |             1 |               10 |            2 |              3 |
    """
    found = suspects(FORM, typed({"disputes.cases.review_total": 6}, page=page), level="town")
    assert [(one.corrections[0].item, one.corrections[0].expected, one.slip) for one in found] == [
        ("disputes.cases.review_total", 16, Slip.LOST)
    ]


def test_a_blank_leaves_undecided_what_it_is_part_of():
    """The column cannot be added up, so that the row alone is off, and its total comes into question as well."""
    wrong = {"applications.granted.natural": 26, "applications.deny_1.natural": None}
    (one,) = suspects(FORM, typed(wrong), level="town")
    assert (one.corrections[0].expected, one.broken) == (62, ("applications.granted.total",))
    assert one.strength is Strength.POSSIBLE


def test_a_suggestion_breaks_no_other_rule():
    """现行有效 may not fall below what a rule of another kind wants of it: 3 made, 5 in force, 0 before."""
    last = {"documents.regulation.in_force": 0, "documents.normative.in_force": 2}
    page = """
        | documents | made | repealed | in_force |
        | normative |    3 |        0 |        5 |
    """
    right = inputs_on(FORM, page, rest=0)
    assert suspects(FORM, right, level="town", last=last) == ()
    found = suspects(FORM, {**right, "documents.normative.in_force": 55}, level="town", last=last)
    assert found == ()  # made, repealed and in_force would each do


def test_money_is_healed_to_the_places_it_may_have():
    form = load_form(next(path for path in pipe.OWN if path.name == "snow-clearing.toml"))
    money = [item for item in form.derived if item.type == "money"]
    inputs = {
        item.id: Decimal("180.5") if item.type == "money" else 3
        for item in form.inputs
        if item.type != "text"
    }
    whole = {**inputs, **totals(form, inputs)}
    leaf = next(name for name in money[0].sum if name in inputs)
    found = suspects(form, {**whole, leaf: Decimal("1805")}, level="town")
    assert (leaf, Decimal("180.5"), Slip.SHIFTED) in [
        (one.corrections[0].item, one.corrections[0].expected, one.slip) for one in found
    ]


@pytest.mark.parametrize(
    ("found", "meant", "slip"),
    [
        (21, 12, Slip.TRANSPOSED),
        (132, 123, Slip.TRANSPOSED),
        (122, 12, Slip.DOUBLED),
        (12, 122, Slip.LOST),
        (13, 123, Slip.LOST),
        (120, 12, Slip.SHIFTED),
        (-5, 5, Slip.NEGATED),
        (127, 123, Slip.DIGIT),
        (9, 8, Slip.ONE_OFF),
        (0, 5, Slip.OTHER),
        (5, 0, Slip.OTHER),
        (321, 123, Slip.OTHER),
    ],
)
def test_slips(found, meant, slip):
    assert slip_between(found, meant) is slip


# ---- as a finding


def workbook(wrong, *, is_typed):
    inputs = inputs_on(FORM, TRUE, rest=0)
    answers = Answers(items={**inputs, **{k: v for k, v in wrong.items() if k in inputs}},
                      texts=dict.fromkeys(FORM.texts, "无。"))  # fmt: skip
    data = write_template(FORM, pipe.TOWN, 2021, answers)

    def type_over(book):
        for item, total in {**totals(FORM, inputs), **wrong}.items():
            place = pipe.slot(FORM, item)
            book[place.sheet][place.address] = total

    return pipe.changed(data, type_over) if is_typed else data


def notes(data, **case):
    return [one for one in pipe.findings(data, **case) if one.code == "G301"]


def test_the_finding_names_the_cell_and_the_figure_as_a_likelihood():
    (one,) = notes(workbook({"applications.granted.natural": 26}, is_typed=True))
    place = pipe.slot(FORM, "applications.granted.natural")
    assert (one.level, one.sheet, one.cell) == (Level.NOTE, place.sheet, place.address)
    assert (one.found, one.expected, one.difference) == ("26", "62", "-36")
    assert one.message == (
        f"2 处不平的合计或勾稽关系，改一处就都能成立：〔三、依申请公开〕{place.address}（（一）予以公开·自然人）"
        "填的是 26，多半应是 62（像是把 62 的两位数字颠倒成了 26）。"
    )
    one.message.encode("gbk")
    assert "推测" in one.remedy


def test_rivals_are_named_in_one_finding():
    (one,) = notes(workbook({"disputes.cases.review_other": 12}, is_typed=True))
    assert "毛病可能出在下面某一处" in one.message and one.message.count("可能应是 21") == 2
    assert "多半" not in one.message


def test_many_questions_are_counted_after_the_third():
    wrong = {f"applications.{row}.natural": figure for row, figure in (("new", 134), ("granted", 26))}
    wrong |= {f"applications.{row}.company": figure for row, figure in (("carried_in", 7), ("partial", 44))}
    (one,) = notes(workbook(wrong, is_typed=True))
    assert one.message.count("多半应是") == 3 and one.message.endswith("另有 1 处。")


def test_a_clean_workbook_and_one_of_formulas_are_left_alone():
    assert notes(workbook({}, is_typed=True)) == []
    assert notes(workbook({}, is_typed=False)) == []
    assert notes(workbook({"applications.granted.natural": 26}, is_typed=False)) == []


# ---- how often (tests/bench/bench_culprit.py prints the whole of it)


def test_single_slips_with_typed_totals_are_named_first():
    said_of = measure(TIMES, typed=True)
    crossed = [said for times, said in said_of.items() if times >= 2]
    assert sum(said["first"] for said in crossed) >= 0.95 * sum(said.total() for said in crossed) > 0
    assert not any(said["likely"] for said in said_of.values())


def test_formulas_never_give_a_wrong_name():
    for said in measure(TIMES, typed=False).values():
        assert not (said["likely"] or said["possible"])


@pytest.mark.parametrize("is_typed", [True, False])
def test_two_slips_never_make_a_wrong_cell_likely(is_typed):
    assert not any(said["likely"] for said in measure(TIMES, typed=is_typed, errors=2).values())


@pytest.mark.parametrize("is_typed", [True, False])
def test_clean_forms_raise_no_suspicion(is_typed):
    assert alarms(TIMES // 4, typed=is_typed) == 0


# ---- published reports, whose totals are printed figures

PUBLISHED = ["2023-jinhu-county", "2023-suqian-city", "2024-suqian-city"]


def printed(name):
    """Every figure of tables three and four as printed, totals and all."""
    import test_published

    filing, _ = test_published.filing_of(test_published.REPORTS[name])
    report, form = test_published.REPORTS[name], filing.form
    rows, figures = test_published.by_label(form, filing.year), dict(filing.inputs)
    for label, texts in report["applications"]:
        ids = rows[True, test_published.label_key(label)]
        figures |= {item: int(text) for item, text in zip(ids, texts, strict=True)}
    cases = [item.id for item in form.items.values() if item.table == "disputes"]
    return form, {**figures, **{item: int(text) for item, text in zip(cases, report["review"], strict=True)}}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_reports_that_add_up_point_at_nobody(name):
    form, figures = printed(name)
    assert suspects(form, figures, level="city") == ()


def test_a_digit_lost_in_a_published_report_is_found():
    """What a reading of 金湖县's PDF made of 10: the curators found it by the sum of its row."""
    form, figures = printed("2023-jinhu-county")
    found = suspects(form, {**figures, "disputes.cases.direct_other": 1}, level="county")
    assert ("disputes.cases.direct_other", 10, Slip.SHIFTED) in [
        (one.corrections[0].item, one.corrections[0].expected, one.slip) for one in found
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_slips_in_published_reports_are_named_first(name):
    form, figures = printed(name)
    leaves = [leaf for leaf in counts(form) if crossing(form, leaf) >= 2]
    for seed in range(40):
        chance = random.Random(f"{name}/{seed}")
        leaf = chance.choice(leaves)
        wrong = {**figures, leaf: slipped(chance, figures[leaf])}
        assert verdict(form, wrong, {leaf}) == "first", (leaf, figures[leaf], wrong[leaf])

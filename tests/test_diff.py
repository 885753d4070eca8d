"""Two workbooks beside each other: what changed, by how much, and because of which unit."""

import io
import json
import random

import helpers_pipe as pipe
import helpers_rollup as made
import pytest
from test_commands import run

from xltools import Answers, Unit, load_form, write_template
from xltools.differing import Cause, compare
from xltools.issuing import read_sound
from xltools.reporting.diff import diff_document, diff_report

FORM, F2019 = load_form("gov-info-disclosure/2021"), load_form("gov-info-disclosure/2019")
PENALTY = "enforcement.penalty.decided"


@pytest.fixture
def roll(tmp_path):
    """A roll-up of towns, each as (number, figures), read from disk."""

    def roll(name, *towns, form=FORM, year=2023, **unit):
        for number, figures in towns:
            made.file_of(tmp_path / name, form, number, year=year, unit=made.town(number, **unit), **figures)
        made.merged(tmp_path / f"{name}.xlsx", [tmp_path / name])
        return read_sound(tmp_path / f"{name}.xlsx")

    return roll


def because(found, item):
    """(unit, cause, difference) behind one figure's change."""
    (change,) = (one for one in found.changes if one.item.id == item)
    return [(one.unit.name, one.cause, one.difference) for one in change.shares]


def test_a_unit_that_reported_again_is_named_with_its_difference(roll):
    before = roll("前", (1, {PENALTY: 10}), (2, {PENALTY: 5}))
    after = roll("后", (1, {PENALTY: 47}), (2, {PENALTY: 5}))
    found = compare(before, after)
    assert because(found, PENALTY) == [("示例1镇", Cause.RESENT, 37)]
    assert {one.item.id for one in found.changes} == {PENALTY}
    assert [(one.unit.name, one.cause) for one in found.units] == [("示例1镇", Cause.RESENT)]
    said = list(diff_report(found))
    assert any(line.endswith("15  52  +37  +37：示例1镇重新报送") for line in said)
    "\n".join(said).encode("gbk")


def test_units_that_came_and_went(roll):
    before = roll("前", (1, {PENALTY: 10}), (2, {PENALTY: 5}))
    after = roll("后", (1, {PENALTY: 10}), (3, {PENALTY: 8}))
    found = compare(before, after)
    assert because(found, PENALTY) == [("示例3镇", Cause.ADDED, 8), ("示例2镇", Cause.GONE, -5)]
    assert [(one.unit.name, one.cause) for one in found.units] == [
        ("示例3镇", Cause.ADDED),
        ("示例2镇", Cause.GONE),
    ]
    assert not any(one.difference == 0 == len(one.shares) for one in found.changes)


def test_what_cancels_out_is_shown_all_the_same(roll):
    before = roll("前", (1, {PENALTY: 10}), (2, {PENALTY: 5}))
    after = roll("后", (1, {PENALTY: 5}), (2, {PENALTY: 10}))
    (change,) = compare(before, after).changes
    assert change.difference == 0 and [one.difference for one in change.shares] == [-5, 5]


def test_nothing_differs_between_a_roll_up_and_itself_merged_in_another_order(roll):
    one, other = roll("前", (1, {}), (2, {})), roll("后", (2, {}), (1, {}))
    found = compare(one, other)
    assert found.is_same and found.changes == found.units == found.texts == ()
    assert "没有差别。" in list(diff_report(found))


def test_the_differences_of_units_always_add_up():
    for seed in range(200):
        chance = random.Random(seed)

        def some(chance=chance):
            numbers = chance.sample(range(1, 8), chance.randint(1, 6))
            return [
                made.leaf(n, FORM, **{i.id: chance.choice([None, 0, chance.randint(0, 50)]) for i in FORM.inputs if i.type != "money"})
                for n in numbers
            ]  # fmt: skip

        before, after = (made.filing(FORM, some()) for _ in range(2))
        found = compare(before, after)
        changed = {one.item.id for one in found.changes}
        for one in found.changes:
            assert sum(share.difference for share in one.shares) == one.difference, one.item.id
            assert (one.after or 0) - (one.before or 0) == one.difference
        for item in set(FORM.items) - changed:
            assert before.figures[item] == after.figures[item] or FORM.items[item].sum


def test_a_blank_that_became_zero_is_a_change(tmp_path):
    before = made.written(tmp_path / "前.xlsx", FORM, [made.leaf(1, FORM, **{PENALTY: None})])
    after = made.written(tmp_path / "后.xlsx", FORM, [made.leaf(1, FORM)])
    (change,) = compare(before, after).changes
    assert (change.before, change.after, change.difference) == (None, 0, 0)
    assert any("没有数" in line for line in diff_report(compare(before, after)))


def test_two_years_of_two_editions_are_compared_where_the_ids_are_the_same(roll):
    before = roll("前", (1, {PENALTY: 10}), form=F2019, year=2020)
    after = roll("后", (1, {PENALTY: 47}), (2, {PENALTY: 1}), form=FORM, year=2021)
    found = compare(before, after)
    assert because(found, PENALTY) == [("示例1镇", Cause.CHANGED, 37), ("示例2镇", Cause.ADDED, 1)]
    assert {one.id for one in found.only_before} == set(F2019.items) - set(FORM.items)
    assert {one.id for one in found.only_after} == set(FORM.items) - set(F2019.items)
    assert found.texts == () and [one.cause for one in found.units] == [Cause.ADDED]
    assert any("只有前一份才有的指标" in line for line in diff_report(found))


def test_a_unit_that_got_its_code_is_the_same_unit(roll):
    before = roll("前", (1, {PENALTY: 10}), code="")
    after = roll("后", (1, {PENALTY: 12}))
    assert because(compare(before, after), PENALTY) == [("示例1镇", Cause.RESENT, 2)]


def test_two_reports_of_one_unit(tmp_path):
    for name, figure, text in (("前", 1, "原文。"), ("后", 4, "改了。")):
        answers = Answers(items={PENALTY: figure}, texts={"problems": text}).over(pipe.seeded(FORM, 1))
        (tmp_path / f"{name}.xlsx").write_bytes(write_template(FORM, made.town(1), 2023, answers))
    found = compare(read_sound(tmp_path / "前.xlsx"), read_sound(tmp_path / "后.xlsx"))
    assert because(found, PENALTY) == [("示例1镇", Cause.RESENT, 3)]
    assert [one.text for one in found.texts] == ["problems"]
    assert "文字改了：示例1镇　五、存在的主要问题及改进情况" in list(diff_report(found))


def test_reports_that_are_not_of_one_kind_are_compared_by_figures_alone(roll, tmp_path):
    county = roll("前", (1, {PENALTY: 10}), (2, {PENALTY: 5}))
    answers = Answers(items={PENALTY: 16}).over(pipe.seeded(FORM, 1))
    path = tmp_path / "县.xlsx"
    path.write_bytes(
        write_template(FORM, Unit(name="示例县", code="C1", kind="已汇总", level="county"), 2023, answers)
    )
    found = compare(county, read_sound(path))
    (change,) = (one for one in found.changes if one.item.id == PENALTY)
    assert not found.by_unit and change.difference == 1 and change.shares == () and found.units == ()
    assert any("不能归到单位" in line for line in diff_report(found))


def test_many_units_behind_one_figure_are_cut_short_on_the_terminal_but_not_in_json(tmp_path):
    before, after = (
        made.written(
            tmp_path / f"{step}.xlsx", FORM, [made.leaf(n, FORM, **{PENALTY: n * step}) for n in range(1, 8)]
        )
        for step in (1, 2)
    )
    found = compare(before, after)
    assert any("+7：示例7镇数变了；+6：示例6镇数变了；+5：示例5镇数变了；+10：另有 4 个单位" in line
               for line in diff_report(found))  # fmt: skip
    (change,) = diff_document(found)["changes"]
    assert len(change["shares"]) == 7 and change["difference"] == 28


def test_the_command_says_by_its_exit_code_whether_anything_differs(roll, tmp_path):
    roll("前", (1, {"fees.charge.amount": 10}))
    roll("后", (1, {"fees.charge.amount": 12}))
    done = run("diff", "前.xlsx", "后.xlsx", "--format", "json", cwd=tmp_path)
    document = json.load(io.StringIO(done.out))
    assert done.returncode == 1 and document["schema"] == "xltools.diff/1" and not document["same"]
    (change,) = document["changes"]
    assert (change["before"], change["after"], change["difference"]) == ("10", "12", "2")  # money is a text
    assert change["shares"][0]["cause"] == "resent"
    assert run("diff", "前.xlsx", "前.xlsx", cwd=tmp_path).returncode == 0
    (tmp_path / "坏.xlsx").write_bytes(b"PK\x03\x04")
    assert run("diff", "前.xlsx", "坏.xlsx", cwd=tmp_path).returncode == 3

"""A figure of a roll-up is taken apart to the units' own files, and put together again."""

import hashlib
import io
import json

import helpers_pipe as pipe
import helpers_rollup as made
import openpyxl
import pytest
from test_commands import run

from xltools import Unit, load_form
from xltools.compute import shares
from xltools.errors import UsageError, XltoolsError
from xltools.explaining import explain
from xltools.issuing import read_sound
from xltools.lookup import item_called
from xltools.reporting.explain import explain_document, explain_report
from xltools.roster import Roster

FORM = load_form("gov-info-disclosure/2021")
GRANTED = "applications.granted.total"
ROSTER = Roster(tuple(made.town(n) for n in (1, 2, 3, 4)))


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A folder with three towns' files and their roll-up; the fourth town has sent nothing."""
    folder = tmp_path_factory.mktemp("county")
    for number in (1, 2, 3):
        made.file_of(folder / "收件", FORM, number, year=2023)
    made.merged(folder / "汇总.xlsx", [folder / "收件"], roster=ROSTER)
    return folder


@pytest.fixture(scope="module")
def rollup(county):
    return read_sound(county / "汇总.xlsx")


def test_every_figure_is_found_again_in_the_cells_of_the_units_own_files(county, rollup):
    books = {path.name: openpyxl.load_workbook(path, data_only=True) for path in (county / "收件").iterdir()}
    sums = {name: hashlib.sha256((county / "收件" / name).read_bytes()).hexdigest() for name in books}
    own = openpyxl.load_workbook(county / "汇总.xlsx", data_only=True)
    for item in FORM.items.values():
        found = explain(rollup, item.id)
        assert [part.leaf.unit.name for part in found.parts] == ["示例1镇", "示例2镇", "示例3镇"]
        for part in found.parts:
            there = books[part.leaf.file][part.place.sheet][part.place.address].value
            here = own[part.detail.sheet][part.detail.address].value
            assert float(part.value) == there == here, (item.id, part.leaf.file)
            assert part.leaf.sha256 == sums[part.leaf.file]
        assert found.total == found.value and found.adds_up
        assert float(found.total) == pytest.approx(
            own[found.place.sheet][found.place.address].value, abs=1e-9
        )


def test_a_unit_that_has_sent_nothing_is_named(rollup):
    found = explain(rollup, GRANTED)
    assert [(unit.name, why) for unit, why in found.missing] == [("示例4镇", "未报送")]
    assert found.adds_up and found.is_open
    said = "\n".join(explain_report(found))
    assert "与汇总表的数相等" in said and "示例4镇（未报送）" in said
    said.encode("gbk")


WAYS = [
    (GRANTED, None),
    ("APPLICATIONS.granted.total", None),
    ("（一）予以公开·总计", None),
    ("(一)予以公开 总计", None),
    ("〔三、依申请公开〕J9", None),
    ("三、依申请公开!$J$9", None),
    ("'三、依申请公开'!J9", None),
    ("J9", "三、依申请公开"),
    ("j9", "三"),
    ("J9", None),
]


@pytest.mark.parametrize(("words", "sheet"), WAYS)
def test_a_figure_may_be_called_by_id_by_label_or_by_its_cell(words, sheet):
    assert item_called(FORM, words, sheet=sheet).id == GRANTED


def test_a_cell_of_the_units_rows_stands_for_its_column(rollup):
    place = explain(rollup, GRANTED).parts[1].detail
    assert item_called(FORM, f"〔{place.sheet}〕{place.address}").id == GRANTED


@pytest.mark.parametrize(
    ("words", "sheet", "hint"),
    [
        ("applications.grantd.total", None, GRANTED),
        ("予以公开的总数", None, "予以公开"),
        ("予以公开", None, "有 7 个"),
        ("〔三、依申请公开〕Z9", None, "applications.granted.total"),
        ("〔三、申请〕J9", None, "三、依申请公开"),
        ("D7", None, "--sheet"),
        ("A1", "三、依申请公开", "不是放数的格"),
    ],
)
def test_a_name_that_means_nothing_or_too_much_gets_the_nearest(words, sheet, hint):
    with pytest.raises(UsageError) as raised:
        item_called(FORM, words, sheet=sheet)
    assert hint in str(raised.value)
    str(raised.value).encode("gbk")


def test_a_blank_is_spoken_of_and_is_no_zero(tmp_path):
    natural, company = "applications.granted.natural", "applications.granted.company"
    filing = made.written(
        tmp_path / "汇总.xlsx",
        FORM,
        [
            made.leaf(1, FORM, **{natural: 5}),
            made.leaf(2, FORM, **{natural: None, company: 7}),
            made.leaf(3, FORM, **{natural: 0}),
        ],
    )
    one = explain(filing, natural)
    assert [part.value for part in one.parts] == [5, None, 0] and one.total == 5 and one.adds_up
    assert [part.leaf.unit.name for part in one.gaps] == ["示例2镇"] and one.is_open
    assert "▲ 示例2镇：没有数，没有当作零。" in list(explain_report(one))
    total = explain(filing, GRANTED)
    assert [(part.value, part.gaps) for part in total.parts] == [(5, 0), (7, 1), (0, 0)]
    assert total.total == total.value == total.shown == 12
    assert "▲ 示例2镇：缺 1 个分项，没有当作零。" in list(explain_report(total))


def test_a_figure_that_no_unit_has(tmp_path):
    item = "applications.granted.natural"
    filing = made.written(tmp_path / "汇总.xlsx", FORM, [made.leaf(n, FORM, **{item: None}) for n in (1, 2)])
    found = explain(filing, item)
    assert found.total is found.value is None and found.is_open
    assert "没有一个单位有这个数。" in list(explain_report(found))


def test_a_cell_that_was_typed_over_does_not_add_up(county, tmp_path):
    place = pipe.slot(FORM, GRANTED)
    data = pipe.changed(
        (county / "汇总.xlsx").read_bytes(), lambda book: book[place.sheet].__setitem__(place.address, 999)
    )
    (tmp_path / "改.xlsx").write_bytes(data)
    found = explain(read_sound(tmp_path / "改.xlsx"), GRANTED)
    assert found.shown == 999 and not found.adds_up and found.is_open
    assert any(line.startswith("×") and "999" in line for line in explain_report(found))


def test_a_program_that_saves_no_results_is_no_disagreement(county, tmp_path):
    data = pipe.changed(
        (county / "汇总.xlsx").read_bytes(), lambda book: None
    )  # openpyxl drops cached results
    (tmp_path / "存.xlsx").write_bytes(data)
    found = explain(read_sound(tmp_path / "存.xlsx"), GRANTED)
    assert found.shown is None and found.adds_up


def test_money_of_many_units_agrees_with_the_binary_double_in_the_cell(tmp_path):
    from decimal import Decimal

    filing = made.written(
        tmp_path / "汇总.xlsx",
        FORM,
        [made.leaf(n, FORM, **{"fees.charge.amount": Decimal("0.1")}) for n in range(1, 12)],
    )
    found = explain(filing, "fees.charge.amount")
    assert found.total == Decimal("1.1") == found.shown and found.adds_up


def test_a_list_and_a_figure_that_is_not_merged_have_no_sum(tmp_path):
    form = load_form(str(next(path for path in pipe.OWN)))
    kinds = {item.rollup for item in form.items.values()}
    assert {"list", "none"} & kinds, "the form of the tests has figures that are not summed"
    for item in (one for one in form.items.values() if one.rollup in ("list", "none")):
        values = {item.id: "甲" if item.type == "text" else 3}
        leaves = [made.leaf(n, form, **values) for n in (1, 2)]
        found = explain(made.written(tmp_path / f"{item.id}.xlsx", form, leaves, forms=pipe.OWN), item.id)
        assert not found.is_added and found.adds_up
        assert [part.value for part in found.parts] == [values[item.id]] * 2
        assert any("不汇总" in line or "不相加" in line for line in explain_report(found))


def test_what_came_through_other_roll_ups_is_followed_to_the_end(county, tmp_path):
    city = Unit(name="示例市", code="S1", level="city")
    (tmp_path / "县").mkdir()
    (tmp_path / "县" / "示例县.xlsx").write_bytes((county / "汇总.xlsx").read_bytes())
    (tmp_path / "市").mkdir()
    made.merged(tmp_path / "市" / "示例市.xlsx", [tmp_path / "县"], unit=city)
    made.merged(
        tmp_path / "省.xlsx", [tmp_path / "市"], unit=Unit(name="示例省", code="P1", level="province")
    )
    found = explain(read_sound(tmp_path / "省.xlsx"), GRANTED)
    document = explain_document(found)
    assert [part["through"] for part in document["parts"]] == [["示例市.xlsx", "示例县.xlsx"]] * 3
    assert [part["file"] for part in document["parts"]] == ["1镇.xlsx", "2镇.xlsx", "3镇.xlsx"]
    assert found.total == explain(read_sound(county / "汇总.xlsx"), GRANTED).total and found.adds_up
    assert any("示例市.xlsx → 示例县.xlsx → 2镇.xlsx" in line for line in explain_report(found))


def test_a_units_own_report_is_no_roll_up(county):
    with pytest.raises(XltoolsError, match="不是汇总表"):
        explain(read_sound(county / "收件" / "1镇.xlsx"), GRANTED)


def test_shares_of_units_always_add_up_to_the_share_of_the_whole():
    import random

    from xltools.rollup import roll_up

    for seed in range(30):
        chance = random.Random(seed)
        leaves = [
            made.leaf(n, FORM, **{i.id: chance.choice([None, 0, chance.randint(0, 99)]) for i in FORM.inputs if i.type != "money"})
            for n in range(1, chance.randint(2, 9))
        ]  # fmt: skip
        whole = shares(FORM, roll_up(FORM, 2023, leaves, unit=made.COUNTY).inputs)
        for item in FORM.items:
            parts = [value for leaf in leaves if (value := shares(FORM, leaf.inputs)[item]) is not None]
            assert whole[item] == (sum(parts) if parts else None), item


def test_the_command_prints_a_table_or_json_and_says_what_is_open(county):
    done = run("explain", "汇总.xlsx", "J9", "--sheet", "三、依申请公开", "--format", "json", cwd=county)
    document = json.load(io.StringIO(done.out))
    assert done.returncode == 1 and document["schema"] == "xltools.explain/1"
    assert document["sum"] == document["value"] == sum(part["value"] for part in document["parts"])
    assert document["missing"] == [{"code": "U04", "name": "示例4镇", "why": "未报送"}]
    wrong = run("explain", "汇总.xlsx", "applications.grantd.total", cwd=county)
    assert wrong.returncode == 2 and GRANTED in wrong.err
    assert run("explain", "收件/1镇.xlsx", GRANTED, cwd=county).returncode == 3

"""From towns to the province: the same figures by any road, and each government's own form made from its roll-up."""

import random

import helpers_pipe as pipe
import helpers_rollup as made
import pytest
from test_commands import run

from xltools import Answers, Unit, check, load_form, merge, write_template
from xltools.detail import is_summed
from xltools.errors import XltoolsError
from xltools.issuing import answers_of_rollup, fill, read_sound, rollup_for
from xltools.rollup import roll_up

FORM, F2019 = load_form("gov-info-disclosure/2021"), load_form("gov-info-disclosure/2019")
PROVINCE = Unit(name="示例省", code="P", kind="已汇总", level="province")


def answers_from(form, unit, year, path, **more):
    return answers_of_rollup(rollup_for(form, unit, year, path, **more))


def government(code, level):
    return Unit(name=f"示例{code}", code=code, kind="已汇总", level=level)


@pytest.mark.parametrize("form", [FORM, F2019], ids=["2021", "2019"])
def test_towns_to_counties_to_cities_to_the_province_by_real_workbooks(form, tmp_path):
    towns = tmp_path / "镇"
    for number in range(1, 7):
        made.file_of(towns, form, number)
    counties = {"县一": (1, 2), "县二": (3,), "县三": (4, 5, 6)}
    for name, numbers in counties.items():
        files = [towns / f"{number}镇.xlsx" for number in numbers]
        (tmp_path / "县").mkdir(exist_ok=True)
        made.merged(tmp_path / "县" / f"{name}.xlsx", files, unit=government(name, "county"))
    for name, members in {"市一": ("县一", "县二"), "市二": ("县三",)}.items():
        files = [tmp_path / "县" / f"{member}.xlsx" for member in members]
        (tmp_path / "市").mkdir(exist_ok=True)
        made.merged(tmp_path / "市" / f"{name}.xlsx", files, unit=government(name, "city"))
    by_cities = made.merged(tmp_path / "省.xlsx", [tmp_path / "市"], unit=PROVINCE).rollup
    at_once = merge(check([towns]), unit=PROVINCE).rollup
    assert {one.file: one.through for one in by_cities.leaves} == {
        "1镇.xlsx": "市一.xlsx > 县一.xlsx",
        "2镇.xlsx": "市一.xlsx > 县一.xlsx",
        "3镇.xlsx": "市一.xlsx > 县二.xlsx",
        **{f"{number}镇.xlsx": "市二.xlsx > 县三.xlsx" for number in (4, 5, 6)},
    }
    read_back = read_sound(tmp_path / "省.xlsx")
    for item in form.items:
        assert by_cities.figures[item] == at_once.figures[item] == read_back.figures[item], item
    assert [(one.unit.key, one.sha256, one.inputs, one.texts) for one in by_cities.leaves] == [
        (one.unit.key, one.sha256, one.inputs, one.texts) for one in at_once.leaves
    ]


def test_any_grouping_on_three_levels_gives_the_figures_of_the_leaves():
    for seed in range(60):
        chance = random.Random(seed)
        leaves = [
            made.leaf(n, F2019, **{i.id: chance.randint(0, 99) for i in F2019.inputs if i.type != "money"})
            for n in range(1, chance.randint(4, 12))
        ]
        whole = roll_up(F2019, 2020, leaves, unit=PROVINCE)
        groups = [list(leaves)]
        for _ in ("city", "county"):
            chance.shuffle(groups[0])
            groups = [part for group in groups for part in cut(group, chance)]
        for level in ("county", "city"):
            rolled = [
                roll_up(F2019, 2020, group, unit=government(f"{level}{at}", level))
                for at, group in enumerate(groups)
            ]
            chance.shuffle(rolled)
            groups = [[leaf for one in some for leaf in one.leaves] for some in cut(rolled, chance)]
        of_merges = roll_up(F2019, 2020, [leaf for group in groups for leaf in group], unit=PROVINCE)
        assert of_merges.figures == whole.figures and of_merges.leaves == whole.leaves


def cut(members, chance):
    """A list in one to three parts, none of them empty."""
    at = sorted(chance.sample(range(1, len(members)), min(len(members) - 1, chance.randint(0, 2))))
    return [members[start:end] for start, end in zip([0, *at], [*at, len(members)], strict=True)]


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A county's folder with the reports of three towns and their roll-up."""
    folder = tmp_path_factory.mktemp("county")
    for number in (1, 2, 3):
        made.file_of(folder / "收件", FORM, number, year=2023)
    made.merged(folder / "汇总.xlsx", [folder / "收件"])
    return folder


ASKED = ("template", "gov-info-disclosure/2021", "--year", 2023)


@pytest.fixture(scope="module")
def own(county):
    """The county's own report, made from its roll-up by the command."""
    done = run(
        *ASKED,
        "--unit",
        "示例县",
        "--code",
        "C1",
        "--level",
        "county",
        "--values",
        "汇总.xlsx",
        "-o",
        "上报",
        cwd=county,
    )
    assert done.returncode == 0, done.err
    (path,) = (county / "上报").iterdir()
    return path


def test_a_countys_own_report_has_the_merged_figures_and_wants_only_its_texts(county, own):
    (one,) = check([own]).filings
    filing = one.filing
    assert (filing.unit.name, filing.unit.kind, filing.unit.level) == ("示例县", "已汇总", "county")
    assert filing.figures == read_sound(county / "汇总.xlsx").figures and not filing.is_rollup
    assert {finding.code for finding in one.findings} == {"V120"}
    assert len(one.findings) == sum(not text.optional for text in FORM.texts.values())
    assert not any(filing.texts.values())


def test_with_its_texts_written_it_goes_one_level_up(county, own, tmp_path):
    written = Answers(texts=dict.fromkeys(FORM.texts, "本县情况。"))
    (tmp_path / "示例县.xlsx").write_bytes(fill(own, written))
    result = merge(check([tmp_path / "示例县.xlsx"]), unit=government("市", "city"))
    assert [one.outcome.value for one in result.checked.filings] == ["accepted"]
    assert result.rollup.figures == merge(check([county / "收件"])).rollup.figures


def test_what_the_form_does_not_add_up_is_left_to_the_author(tmp_path):
    form, year = load_form(str(pipe.OWN[0])), pipe.year_of(load_form(str(pipe.OWN[0])))
    kinds = {"text": "文字", "money": 5}
    leaves = [made.leaf(n, form, **{i.id: kinds.get(i.type, 2) for i in form.inputs}) for n in (1, 2)]
    made.written(tmp_path / "汇总.xlsx", form, leaves, forms=pipe.OWN)
    answers = answers_from(form, made.COUNTY, year, tmp_path / "汇总.xlsx", forms=pipe.OWN)
    left = {item.id for item in form.inputs if not is_summed(item)}
    assert left and set(answers.items) == {item.id for item in form.inputs} - left
    assert {answers.items[item.id] for item in form.inputs if is_summed(item)} == {4, 10}
    assert answers.texts == {}


def test_a_figure_that_no_unit_has_stays_blank(tmp_path):
    item = "applications.new.natural"
    made.written(
        tmp_path / "汇总.xlsx", FORM, [made.leaf(n, FORM, **{item: None}) for n in (1, 2)], year=2023
    )
    answers = answers_from(FORM, made.COUNTY, 2023, tmp_path / "汇总.xlsx")
    assert item not in answers.items and answers.items["applications.new.company"] == 0


def test_the_units_reasons_stand_in_the_countys_own_report(tmp_path):
    rule, figure = "no-regulation.in_force", "documents.regulation.in_force"
    answers = Answers(items={figure: 1}, explanations={rule: "转隶前制定"}).over(pipe.seeded(FORM, 1))
    (tmp_path / "1镇.xlsx").write_bytes(write_template(FORM, made.town(1), 2023, answers))
    made.merged(tmp_path / "汇总.xlsx", [tmp_path / "1镇.xlsx"])
    said = answers_from(FORM, made.COUNTY, 2023, tmp_path / "汇总.xlsx").explanations
    assert said == {rule: "示例1镇：转隶前制定"}


@pytest.mark.parametrize(
    ("form", "unit", "year", "file", "hint"),
    [
        (FORM, Unit(name="别县", code="C2", level="county"), 2023, "汇总.xlsx", "别县"),
        (FORM, Unit(name="示例县", code="C2", level="county"), 2023, "汇总.xlsx", "示例县"),
        (FORM, made.COUNTY, 2022, "汇总.xlsx", "2022"),
        (F2019, made.COUNTY, 2020, "汇总.xlsx", "2019"),
        (FORM, made.COUNTY, 2023, "收件/1镇.xlsx", "不是汇总表"),
    ],
)
def test_the_roll_up_of_another_government_year_or_form_is_refused(form, unit, year, file, hint, county):
    with pytest.raises(XltoolsError, match=hint):
        answers_from(form, unit, year, county / file)


def test_a_roll_up_that_nobody_signed_is_anybodys(county, tmp_path):
    made.merged(tmp_path / "汇总.xlsx", [county / "收件"], unit=None)
    answers = answers_from(FORM, made.COUNTY, 2023, tmp_path / "汇总.xlsx")
    assert answers == answers_from(FORM, made.COUNTY, 2023, county / "汇总.xlsx")


def test_a_roll_up_fills_one_units_report_and_not_a_whole_roster(county):
    (county / "名单.csv").write_text("单位名称\n示例镇\n", "utf-8")
    done = run(*ASKED, "--units", "名单.csv", "--values", "汇总.xlsx", "-o", "无", cwd=county)
    assert done.returncode == 2 and "--unit" in done.err and not (county / "无").exists()

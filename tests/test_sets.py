"""Which files of a set are added up: a unit once, however it comes, whatever the files are called.

Most of it works on filings as values, so that thousands of sets can be tried; the last part goes through
real workbooks.
"""

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import helpers_pipe as pipe
import pytest

from xltools import Roster, Unit, check, load_form, merge, read_last_year, write_rollup, write_template
from xltools.checks.across import compare, missing_units, said
from xltools.compute import as_number
from xltools.errors import UsageError, XltoolsError
from xltools.filing import BLANK, Entry, Filing, Leaf
from xltools.finding import outcome_of
from xltools.result import Checked, CheckResult, represented, with_findings
from xltools.rollup import roll_up
from xltools.subset import subset

FORM = load_form("gov-info-disclosure/2021")
COUNTY = Unit(name="示例县", code="X1", kind="已汇总", level="county", parent="示例市")
CITY = Unit(name="示例市", code="X0", kind="已汇总", level="city")


def town(number, **more):
    return Unit(**{"name": f"示例{number}镇", "code": f"U{number:02d}", "parent": "示例县", **more})


def figures(seed):
    """Figures as units send them: counts, money with cents, blanks, a few digits more than usual."""
    chance = random.Random(seed)
    found = {}
    for item in FORM.inputs:
        if chance.random() < 0.15:
            continue
        whole = chance.choice((0, chance.randint(0, 9), chance.randint(0, 10**9)))
        found[item.id] = whole if item.type != "money" else Decimal(whole) / 10**item.places
    return found


def sent(unit, version=1, file=None):
    """A unit's workbook; each version has other figures."""
    inputs = figures(f"{unit.key} {version}")
    return Filing(
        file=file or f"{unit.name} {version}.xlsx", sha256=f"{unit.key} {version}", form_key=FORM.key, form=FORM,
        unit=unit, year=2023, entries={item.id: Entry(BLANK, inputs.get(item.id)) for item in FORM.inputs},
    )  # fmt: skip


def leaf(filing):
    return Leaf(unit=filing.unit, file=filing.file, sha256=filing.sha256, inputs=filing.inputs)


def rolled(unit, *filings, file=None):
    """A roll-up of these filings, themselves units' or roll-ups, as it is read back."""
    leaves = tuple(one for filing in filings for one in (filing.leaves or (leaf(filing),)))
    rollup = roll_up(FORM, 2023, leaves, unit=unit)
    return Filing(
        file=file or f"{rollup.unit.name}.xlsx", sha256=f"{unit} of {sorted(one.sha256 for one in leaves)}",
        form_key=FORM.key, form=FORM, unit=rollup.unit, year=2023, is_rollup=True, leaves=rollup.leaves,
        entries={name: Entry(BLANK, value) for name, value in rollup.inputs.items()},
    )  # fmt: skip


def checked(*filings, roster=None):
    between = compare(filings, roster)
    judged = [
        Checked(one, found, outcome_of(found), duplicate=any(finding.code == "R104" for finding in found))
        for at, one in enumerate(filings)
        for found in [tuple(between.get(at, ()))]
    ]
    came = [unit for one in filings for unit in represented(one, roster)]
    return CheckResult(tuple(judged), missing_units(roster, came), roster)


def merged(*filings, roster=None, **more):
    return merge(checked(*filings, roster=roster), unit=COUNTY, **more)


def codes(result):
    return {one.filing.file: [finding.code for finding in one.findings] for one in result.checked.filings}


def who(result):
    return [leaf.unit.name for leaf in result.rollup.leaves] if result.rollup else []


def exact(inputs_of_many):
    """The sums, reckoned without our arithmetic; None where no unit has a figure."""
    sums = {}
    for item in FORM.inputs:
        if item.rollup in ("sum", "confirm-sum"):
            numbers = [
                number for one in inputs_of_many if (number := as_number(one.get(item.id))) is not None
            ]
            sums[item.id] = sum(map(Fraction, numbers)) if numbers else None
    return sums


def in_fractions(rollup, wanted):
    return {name: None if (v := rollup.inputs[name]) is None else Fraction(v) for name in wanted}


# ---- a thousand sets


def a_set(chance):
    """Files as they lie in a folder: units once, twice, in two versions, in roll-ups, or in both."""
    units = [town(number) for number in range(chance.randint(2, 7))]
    files, prefer = [], []
    for unit in units:
        way = chance.choice(("once", "once", "twice", "differs", "preferred", "absent"))
        versions = {"once": [1], "twice": [1, 1], "differs": [1, 2], "preferred": [1, 2], "absent": []}[way]
        files += [sent(unit, v, f"{unit.name} {n}.xlsx") for n, v in enumerate(versions)]
        if way == "preferred":
            prefer.append(f"{unit.name}={unit.name} {chance.choice((0, 1))}.xlsx")
    loose = list(files)
    for number in range(chance.choice((0, 0, 1, 2))):
        inside = chance.sample(units, chance.randint(2, len(units)))
        of = [sent(unit, chance.choice((1, 1, 1, 3))) for unit in inside]
        files.append(rolled(Unit(name=f"第{number}片", code=f"P{number}", level="county"), *of))
    return files, loose, prefer


def is_earlier(held, beside):
    """All its units have sent files of their own, and most of its very files are there."""
    very = sum(leaf.sha256 in beside.get(key, ()) for key, leaf in held.items())
    return set(held) <= set(beside) and very > len(held) / 2


def what_counts(files, loose, prefer):
    """The rules, said again in the simplest way: unit → its filing or leaf."""
    versions = {}
    for one in loose:
        versions.setdefault(one.unit.key, {})[one.sha256] = leaf(one)
    beside = {key: set(one) for key, one in versions.items()}
    for words in prefer:
        name, _, file = words.partition("=")
        (chosen,) = [one for one in loose if one.file == file]
        assert chosen.unit.name == name
        versions[chosen.unit.key] = {chosen.sha256: leaf(chosen)}
    single = {key: next(iter(one.values())) for key, one in versions.items() if len(one) == 1}
    rollups = {one.sha256: {leaf.unit.key: leaf for leaf in one.leaves} for one in files if one.is_rollup}
    rollups = {sha: one for sha, one in rollups.items() if not is_earlier(one, beside)}
    counts = {
        key: one for key, one in single.items() if not any(key in others for others in rollups.values())
    }
    for sha, one in rollups.items():
        elsewhere = {key for other, held in rollups.items() if other != sha for key in held} | set(versions)
        if not elsewhere & set(one):
            counts.update(one)
    return counts


@pytest.mark.parametrize("hundred", range(10))
def test_of_any_set_each_unit_counts_once_and_to_the_last_digit(hundred):
    for seed in range(100 * hundred, 100 * hundred + 100):
        chance = random.Random(seed)
        files, loose, prefer = a_set(chance)
        wanted = what_counts(files, loose, prefer)
        result = merged(*files, prefer=prefer)
        leaves = {one.unit.key: one for one in result.rollup.leaves} if result.rollup else {}
        assert {key: one.sha256 for key, one in leaves.items()} == {
            key: one.sha256 for key, one in wanted.items()
        }, seed
        if result.rollup:
            sums = exact([one.inputs for one in wanted.values()])
            assert in_fractions(result.rollup, sums) == sums, seed
        chance.shuffle(files)
        again = merged(*files, prefer=prefer)
        assert again.checked == result.checked and again.merged == result.merged, seed
        if result.rollup:
            assert again.rollup.leaves == result.rollup.leaves and again.rollup.unit == result.rollup.unit
        left_out = {
            one.filing.file for one, went in zip(again.checked.filings, again.merged, strict=True) if not went
        }
        assert all(codes(again)[file] for file in left_out), seed  # nobody is left out in silence


@pytest.mark.parametrize("hundred", range(10))
def test_any_grouping_gives_the_figures_and_leaves_of_one_merge(hundred):
    """Units into batches, batches into counties, counties into the city, in any order."""
    for seed in range(100 * hundred, 100 * hundred + 100):
        chance = random.Random(seed)
        filings = [sent(town(number)) for number in range(chance.randint(1, 9))]
        whole = merged(*filings).rollup
        level, heap = 0, list(filings)
        while len(heap) > 1 and level < 3:
            chance.shuffle(heap)
            cuts = sorted(chance.sample(range(1, len(heap)), chance.randint(0, min(2, len(heap) - 1))))
            groups = [heap[a:b] for a, b in zip([0, *cuts], [*cuts, len(heap)], strict=True)]
            heap = [
                rolled(Unit(name=f"第{level}层{n}", code=f"L{level}{n}", level="county"), *group)
                if len(group) > 1 or chance.random() < 0.5
                else group[0]
                for n, group in enumerate(groups)
            ]
            level += 1
        of_groups = merged(*heap).rollup
        assert of_groups.figures == whole.figures, seed
        assert [(one.unit, one.sha256, one.inputs) for one in of_groups.leaves] == [
            (one.unit, one.sha256, one.inputs) for one in whole.leaves
        ], seed


@pytest.mark.parametrize("name", ["甲.xlsx", "子文件夹/示例1镇 1.xlsx"])
def test_no_figure_depends_on_what_a_file_is_called(name):
    named = merged(sent(town(1), file=name), sent(town(2)))
    assert named.rollup.figures == merged(sent(town(1)), sent(town(2))).rollup.figures


# ---- one unit, two files


def test_a_unit_with_a_code_and_the_same_without_are_one_unit():
    bare = sent(town(1, code=""), 2)
    result = merged(sent(town(1)), bare, sent(town(2)))
    assert codes(result) == {"示例1镇 1.xlsx": ["R103"], "示例1镇 2.xlsx": ["R103"], "示例2镇 1.xlsx": []}
    assert who(result) == ["示例2镇"]


def test_a_unit_without_a_code_inside_a_roll_up_is_found_beside_it():
    county = rolled(COUNTY, sent(town(1, code="", parent="")), sent(town(2)))
    result = merge(checked(county, sent(town(1), 2)), unit=CITY)
    assert set(map(tuple, codes(result).values())) == {("R106",)} and result.rollup is None


def test_towns_of_one_name_in_two_counties_are_two_units():
    east, west = town(1, code="", parent="东县"), town(1, code="", parent="西县")
    result = merged(sent(east), sent(west, file="西.xlsx"))
    assert len(result.rollup.leaves) == 2 and set(map(tuple, codes(result).values())) == {()}


def test_a_name_that_may_be_either_of_two_units_is_queried():
    either = town(1, code="", parent="")
    files = [sent(town(1, code="", parent=county), file=f"{county}.xlsx") for county in ("东县", "西县")]
    result = merged(*files, sent(either, file="哪个.xlsx"))
    assert codes(result) == {"东县.xlsx": ["R113"], "西县.xlsx": ["R113"], "哪个.xlsx": ["R113"]}
    assert merged(*files, sent(either, file="哪个.xlsx"), strict=True).rollup is None


def test_one_name_under_two_codes_is_queried_unless_the_roster_has_both():
    one, other = town(1), town(1, code="U91")
    files = sent(one), sent(other, 2)
    assert set(map(tuple, codes(merged(*files)).values())) == {("R113",)}
    assert set(map(tuple, codes(merged(*files, roster=Roster((one, other)))).values())) == {()}


def test_the_same_file_twice_goes_by_the_same_name_in_any_order():
    one, copy = sent(town(1), file="甲.xlsx"), sent(town(1), file="乙（再发）.xlsx")
    (kept,) = {merged(*order).rollup.leaves[0].file for order in ((one, copy), (copy, one))}
    assert kept == min("甲.xlsx", "乙（再发）.xlsx")


def test_saved_again_without_a_change_is_said_to_be_that():
    again = replace(sent(town(1)), sha256="x", file="另存.xlsx")
    assert all("填的内容相同" in one.message for one in merged(sent(town(1)), again).checked.findings)
    assert not any("填的内容相同" in one.message for one in merged(*TWO).checked.findings)


# ---- which of two: --prefer

TWO = (sent(town(1), 1), sent(town(1), 2), sent(town(2)))


@pytest.mark.parametrize(
    "prefer", ["示例1镇 2.xlsx", "示例1镇=示例1镇 2.xlsx", "U01=示例1镇 2.xlsx", "./示例1镇 2.xlsx"]
)
def test_the_preferred_file_counts_and_the_other_says_so(prefer):
    result = merged(*TWO, prefer=[prefer])
    assert codes(result) == {"示例1镇 1.xlsx": ["R110"], "示例1镇 2.xlsx": [], "示例2镇 1.xlsx": []}
    assert [one.sha256 for one in result.rollup.leaves] == ["U01 2", "U02 1"]
    assert not result.checked.is_open and result.rollup.missing == ()


@pytest.mark.parametrize(
    ("prefer", "words"),
    [
        (["没有.xlsx"], "不在这批文件里"),
        (["示例2镇=示例1镇 2.xlsx"], "不是“示例2镇”的报表"),
        (["示例1镇 1.xlsx", "示例1镇 2.xlsx"], "只能写一份"),
    ],
)
def test_a_preference_that_fits_nothing_is_a_mistake_of_the_call(prefer, words):
    with pytest.raises(UsageError, match=words):
        merged(*TWO, prefer=prefer)


def test_of_two_files_of_one_name_the_folder_has_to_be_named():
    one, other = sent(town(1), 1, "甲/1.xlsx"), sent(town(1), 2, "乙/1.xlsx")
    with pytest.raises(UsageError, match="把文件夹也写上"):
        merged(one, other, prefer=["1.xlsx"])
    assert codes(merged(one, other, prefer=["乙/1.xlsx"])) == {"甲/1.xlsx": ["R110"], "乙/1.xlsx": []}


def test_a_faulty_file_that_is_preferred_is_not_replaced_by_the_other():
    from xltools.checks.across import said
    from xltools.result import with_findings

    result = checked(*TWO)
    bad = with_findings(result.filings[1], [said("R101", TWO[1], "不在名单里。", "请核对。")])
    result = CheckResult((result.filings[0], bad, result.filings[2]))
    merged_ = merge(result, unit=COUNTY, prefer=["示例1镇 2.xlsx"])
    assert who(merged_) == ["示例2镇"] and [(u.name, why) for u, why in merged_.rollup.missing] == [
        ("示例1镇", "退回")
    ]


def test_a_roll_up_may_be_preferred_only_where_nobody_is_lost():
    county = rolled(COUNTY, sent(town(1), 2), sent(town(2)))
    beside = sent(town(1), 1)
    result = merge(checked(county, beside), unit=CITY, prefer=["示例县.xlsx"])
    assert codes(result) == {"示例县.xlsx": [], "示例1镇 1.xlsx": ["R110"]}
    other_way = merge(checked(county, beside), unit=CITY, prefer=["示例1镇 1.xlsx"])
    assert set(map(tuple, codes(other_way).values())) == {("R106",)}  # town 2 would be lost


def test_while_two_files_are_in_dispute_neither_comes_in_through_a_roll_up():
    batch = rolled(Unit(name="一片", code="P1", level="county"), sent(town(1), 1), sent(town(3)))
    result = merged(*TWO, batch)
    assert who(result) == ["示例2镇"] and codes(result)["一片.xlsx"] == ["R106"]


# ---- added up already, and its parts

WHOLE = sent(COUNTY)


@pytest.mark.parametrize(
    "part",
    [
        sent(town(1)),
        sent(town(1, parent="X1")),
        sent(Unit(name="示例县", code="X1", kind="本级", level="county"), 2),
        rolled(Unit(name="东片", code="P1", level="county", parent="示例县"), sent(town(1, parent=""))),
        rolled(
            Unit(name="另一市", code="Y0", level="city"),
            sent(town(1)),
            sent(Unit(name="远县", code="Y1", kind="已汇总", level="county")),
        ),
    ],
    ids=[
        "by the parent's name",
        "by its code",
        "the county's own report",
        "in a roll-up",
        "deep in a roll-up",
    ],
)
def test_a_county_added_up_never_joins_its_own_parts(part):
    result = merge(checked(WHOLE, part, sent(town(5, parent="别县"))), unit=CITY)
    found = codes(result)
    assert found[WHOLE.file] == ["R109"] and found[part.file] == ["R109"]
    assert who(result) == ["示例5镇"]
    for one in result.checked.findings:
        assert "示例县" in one.message and "重复相加" in one.message and "只留一种" in one.remedy


def test_a_form_filled_in_for_the_county_and_its_roll_up_are_two_of_one_unit():
    result = merge(checked(WHOLE, rolled(COUNTY, sent(town(1)), sent(town(2)), file="汇总.xlsx")), unit=CITY)
    assert set(map(tuple, codes(result).values())) == {("R103",)}


def test_parts_of_parts_are_known_by_who_stands_between():
    city = sent(CITY)
    roster = Roster((CITY, Unit(name="示例县", code="X1", level="county", parent="示例市"), town(1)))
    result = merge(checked(city, sent(town(1)), roster=roster), unit=Unit(name="示例省", level="province"))
    assert set(map(tuple, codes(result).values())) == {("R109",)}


def test_a_roll_up_filled_into_a_form_of_another_kind_is_known_by_its_figures():
    rollup = rolled(COUNTY, sent(town(1)), sent(town(2)), file="汇总.xlsx")
    copied = Filing(file="抄.xlsx", sha256="c", form_key=FORM.key, form=FORM, year=2023, entries=rollup.entries,
                    unit=Unit(name="示例县政府", code="Z9", kind="部门", level="county"))  # fmt: skip
    result = merge(checked(rollup, copied), unit=CITY)
    assert codes(result) == {"汇总.xlsx": ["R109"], "抄.xlsx": ["R109"]}


def test_the_whole_may_be_preferred_to_its_parts():
    result = merge(checked(WHOLE, sent(town(1)), sent(town(2))), unit=CITY, prefer=[WHOLE.file])
    assert who(result) == ["示例县"] and codes(result)["示例1镇 1.xlsx"] == ["R110"]


def test_what_the_county_reports_itself_is_no_second_file_of_its_roll_up():
    own = sent(Unit(name="示例县", code="X1", kind="本级", level="county"), file="本级.xlsx")
    result = merge(checked(own, rolled(COUNTY, sent(town(1)), sent(town(2)), file="汇总.xlsx")), unit=CITY)
    assert len(result.rollup.leaves) == 3 and set(map(tuple, codes(result).values())) == {()}


def test_counties_added_up_go_together_and_so_does_a_late_town_of_a_roll_up():
    counties = [sent(Unit(name=f"{n}县", code=f"C{n}", kind="已汇总", level="county")) for n in (1, 2)]
    assert len(merge(checked(*counties), unit=CITY).rollup.leaves) == 2
    late = merge(checked(rolled(COUNTY, sent(town(1))), sent(town(2))), unit=CITY)
    assert len(late.rollup.leaves) == 2 and set(map(tuple, codes(late).values())) == {()}


def test_a_town_of_which_nobody_says_whose_it_is_is_queried_beside_a_whole():
    result = merge(checked(WHOLE, sent(town(1, parent=""))), unit=CITY)
    assert codes(result) == {WHOLE.file: ["R112"], "示例1镇 1.xlsx": []} and len(result.rollup.leaves) == 2
    other = Unit(name="别县", code="X2", kind="本级", level="county", parent="示例市")
    files = WHOLE, sent(other), sent(town(1, parent="别县"))
    assert merge(checked(*files), unit=CITY).checked.findings == ()
    batch = rolled(
        None, sent(town(1, parent="")), sent(town(2, parent="")), file="一批.xlsx"
    )  # nobody signed it
    assert codes(merge(checked(WHOLE, batch), unit=CITY))[WHOLE.file] == ["R112"]


# ---- earlier results among what came


def test_an_earlier_result_under_another_name_does_not_count_and_does_no_harm():
    files = [sent(town(n)) for n in (1, 2, 3)]
    early = rolled(COUNTY, *files[:2], file="新建.xlsx")
    result = merged(*files, early)
    assert codes(result)["新建.xlsx"] == ["R111"] and who(result) == ["示例1镇", "示例2镇", "示例3镇"]
    assert not result.checked.is_open


PIECE = Unit(name="一片", code="P1", level="county")


@pytest.mark.parametrize(
    ("signer", "inside"),
    [
        (COUNTY, [(1, 7), (2, 7)]),
        (replace(COUNTY, code=""), [(1, 7), (2, 7)]),
        (None, [(1, 7), (2, 1), (3, 1)]),
        (PIECE, [(1, 7), (2, 1), (3, 1)]),
    ],
    ids=["of the same code", "of the same name", "signed by nobody, mostly here", "a part's, mostly here"],
)
def test_an_earlier_result_of_units_that_sent_again_stops_nobody(signer, inside):
    early = rolled(signer, *(sent(town(n), version) for n, version in inside), file="新建.xlsx")
    result = merged(*(sent(town(n)) for n in (1, 2, 3)), early)
    assert who(result) == ["示例1镇", "示例2镇", "示例3镇"] and codes(result)["新建.xlsx"] == ["R111"]
    assert "示例1镇" in result.checked.findings[0].message and not result.checked.is_open


def test_an_earlier_result_is_passed_over_while_a_unit_of_it_has_to_choose():
    early = rolled(COUNTY, sent(town(1)), sent(town(2)), file="新建.xlsx")
    files = sent(town(1)), sent(town(1), 2), sent(town(2)), early
    result = merged(*files)
    assert who(result) == ["示例2镇"] and codes(result)["新建.xlsx"] == ["R111"]
    chosen = merged(*files, prefer=["示例1镇 2.xlsx"])
    assert who(chosen) == ["示例1镇", "示例2镇"] and codes(chosen)["示例2镇 1.xlsx"] == []


def test_another_versions_of_a_parts_result_stop_those_units():
    early = rolled(PIECE, sent(town(1), 7), sent(town(2)), file="新建.xlsx")
    result = merged(sent(town(1)), sent(town(2)), sent(town(3)), early)
    assert who(result) == ["示例3镇"] and codes(result)["新建.xlsx"] == ["R106"]


def test_a_result_with_a_unit_that_sent_nothing_itself_is_never_passed_over():
    early = rolled(COUNTY, sent(town(1)), sent(town(2)), file="新建.xlsx")
    result = merged(sent(town(1)), early)
    assert result.rollup is None and codes(result)["新建.xlsx"] == ["R106"]


# ---- whose a unit is, in other words


@pytest.mark.parametrize(
    ("parent", "wanted"),
    [
        ("示例县人民政府", ["R112"]),
        ("示例市示例县", ["R112"]),
        ("无人县", ["R112"]),
        ("示例市", []),
        ("别县", []),
    ],
)
def test_a_parent_that_is_spelt_otherwise_or_is_nobody_is_queried_beside_a_whole(parent, wanted):
    other = Unit(name="别县", code="X2", kind="本级", level="county", parent="示例市")
    result = merge(checked(WHOLE, sent(other), sent(town(1, parent=parent))), unit=CITY)
    assert codes(result)[WHOLE.file] == wanted and len(result.rollup.leaves) == 3
    assert all(parent in one.message for one in result.checked.findings)


def test_a_unit_listed_twice_in_one_roll_up():
    twice = rolled(COUNTY, sent(town(1)), sent(town(1), 2))
    result = merge(checked(twice, sent(town(2))), unit=CITY)
    assert codes(result)[twice.file] == ["R106"] and who(result) == ["示例2镇"]


# ---- with a roster


def test_a_batch_of_units_of_the_roster_is_welcome_and_nobody_in_it_is_missing():
    roster = Roster(tuple(town(n) for n in (1, 2, 3, 4)))
    batch = rolled(Unit(name="一片", code="P1", level="county"), sent(town(1)), sent(town(2)))
    result = merged(batch, sent(town(3)), roster=roster)
    assert result.rollup.coverage == "3/4 单位"
    assert [(unit.name, why) for unit, why in result.rollup.missing] == [("示例4镇", "未报送")]


def test_of_a_roll_up_that_clashes_every_unit_of_the_roster_is_named():
    roster = Roster(tuple(town(n) for n in (1, 2, 3)))
    batch = rolled(Unit(name="一片", code="P1", level="county"), sent(town(1), 2), sent(town(2)))
    result = merged(batch, sent(town(1)), sent(town(3)), roster=roster)
    assert {unit.name: why for unit, why in result.rollup.missing} == {"示例1镇": "退回", "示例2镇": "退回"}


def test_counties_that_are_expected_are_counted_as_counties():
    roster = Roster(tuple(Unit(name=f"{n}县", code=f"C{n}", kind="本级", level="county") for n in (1, 2, 3)))
    counties = [
        rolled(Unit(name=f"{n}县", code=f"C{n}", level="county"), sent(town(2 * n)), sent(town(2 * n + 1)))
        for n in (1, 2)
    ]
    result = merged(*counties, roster=roster)
    assert result.rollup.coverage == "2/3 单位（含 4 个填报单位）"
    assert [(unit.name, why) for unit, why in result.rollup.missing] == [("3县", "未报送")]


OWN = Unit(name="示例县", code="X1", kind="本级", level="county", parent="示例市")


@pytest.mark.parametrize("signer", [COUNTY, Unit(name="示例3镇", code="U03", kind="已汇总", level="town")])
def test_who_signs_a_roll_up_has_not_reported_itself(signer):
    roster = Roster((OWN, town(1), town(2), town(3)))
    loose = [sent(one) for one in roster if one.code != signer.code]
    missing = roster.by_key[signer.code]
    result = merged(rolled(signer, *loose, file="汇总.xlsx"), roster=roster)
    assert result.rollup.coverage == "3/4 单位" and result.checked.missing == (missing,)
    assert result.rollup.missing == ((missing, "未报送"),)
    later = merged(rolled(signer, *loose, file="汇总.xlsx"), sent(missing), roster=roster)
    assert later.rollup.coverage == "4/4 单位" and later.rollup.missing == ()


def test_a_unit_that_the_roster_expects_as_a_whole_is_there_by_its_roll_up():
    roster = Roster((replace(COUNTY, parent=""), Unit(name="别县", code="X2", kind="已汇总", level="county")))
    result = merge(checked(rolled(COUNTY, sent(town(1)), sent(town(2))), roster=roster), unit=CITY)
    assert result.rollup.coverage == "1/2 单位（含 2 个填报单位）"
    assert [unit.name for unit, _ in result.rollup.missing] == ["别县"]


# ---- a part of the units

OFFICE = Unit(name="示例局", code="B1", kind="部门", level="county", parent="示例县")
PARTS = Roster(
    (town(1), town(2), town(3), OFFICE),
    cells={"U01": {"片区": "东"}, "U02": {"片区": "西"}, "U03": {"片区": "东"}, "B1": {"片区": ""}},
)


@pytest.mark.parametrize(
    ("kinds", "where", "names", "coverage", "title"),
    [
        (["部门"], [], ["示例局"], "1/1 单位", "示例县（部门）"),
        ([], ["片区=东"], ["示例1镇"], "1/2 单位", "示例县（片区为东）"),
        ([], ["片区=东", "片区=西"], ["示例1镇", "示例2镇"], "2/3 单位", "示例县（片区为东、西）"),
        (["乡镇街道"], ["片区=西"], ["示例2镇"], "1/1 单位", "示例县（乡镇街道，片区为西）"),
    ],
)
def test_a_part_of_the_roster(kinds, where, names, coverage, title):
    files = [sent(OFFICE), rolled(Unit(name="一片", code="P1", level="county"), sent(town(1)), sent(town(2)))]
    result = merged(*files, roster=PARTS, only=subset(PARTS, kinds, where))
    assert who(result) == names and result.rollup.coverage == coverage
    assert result.rollup.unit.name == title and result.rollup.unit.code not in ("", "X1")
    assert {unit.name for unit, _ in result.rollup.missing} == ({"示例3镇"} if "东" in title else set())


@pytest.mark.parametrize(
    ("kinds", "where", "roster", "words"),
    [
        (["乡"], [], PARTS, "--kind 没有"),
        ([], ["片区"], PARTS, "列=值"),
        ([], ["片=东"], PARTS, "没有“片”这一列"),
        ([], ["片区=南"], PARTS, "没有“南”"),
        ([], ["片区=东"], None, "--units"),
    ],
)
def test_a_part_that_is_not_there_is_a_mistake_of_the_call(kinds, where, roster, words):
    with pytest.raises(UsageError, match=words):
        subset(roster, kinds, where)


def test_a_unit_that_the_roster_does_not_have_is_named_though_a_column_is_chosen():
    stranger = sent(town(9))
    files = checked(sent(town(1)), stranger, rolled(PIECE, sent(town(2)), sent(town(8))), roster=PARTS)
    wrong = pipe_error(files, stranger.file)
    result = merge(wrong, unit=COUNTY, only=subset(PARTS, [], ["片区=东", "片区=西"]))
    assert who(result) == ["示例1镇", "示例2镇"] and codes(result)[stranger.file] == ["R101"]
    assert {unit.name: why for unit, why in result.rollup.missing} == {
        "示例3镇": "未报送",
        "示例9镇": "退回",
        "示例8镇": "名单里没有",
    }


def pipe_error(files, name):
    """As checking has it: the unit of this file is not on the roster."""
    judged = [
        with_findings(one, [said("R101", one.filing, "不在名单里。", "请核对。")])
        if one.filing.file == name
        else one
        for one in files.filings
    ]
    return replace(files, filings=tuple(judged))


def test_two_names_under_one_code_are_said_to_be_that():
    result = merged(sent(town(1)), sent(town(1, name="西镇"), 2), sent(town(2)))
    for one in result.checked.findings:
        assert one.code == "R103" and "单位代码" in one.message and "都是 U01" in one.message
        assert "用错了代码" in one.remedy


def test_any_column_of_a_roster_file_is_kept(tmp_path):
    from xltools import read_roster

    (tmp_path / "名单.csv").write_text("单位名称,片区,备注,片区\n甲镇,东,x,后\n乙镇,,,\n", "utf-8")
    roster = read_roster(tmp_path / "名单.csv")
    assert roster.cells["/甲镇"] == {"单位名称": "甲镇", "片区": "东", "备注": "x"}
    assert [unit.name for unit in subset(roster, [], ["片区=东"]).of_roster()] == ["甲镇"]


# ---- through real workbooks


def book(folder, unit, seed, year=2023):
    path = folder / f"{unit.name}{seed}.xlsx"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write_template(FORM, unit, year, pipe.seeded(FORM, seed)))
    return path


def test_dozens_of_workbooks_in_batches_give_the_bytes_of_any_order_and_the_figures_of_one_merge(tmp_path):
    chance = random.Random(4)
    units = [town(n) for n in range(24)]
    files = [book(tmp_path / "收件", unit, n) for n, unit in enumerate(units)]
    roster = Roster(tuple(chance.sample(units, len(units))))
    whole = merge(check([tmp_path / "收件"], roster=roster), unit=COUNTY)
    for size in (24, 10):
        batches = [files[at : at + size] for at in range(0, 24, size)]
        chance.shuffle(batches)
        folder = tmp_path / f"分批{size}"
        folder.mkdir()
        for n, batch in enumerate(batches):
            shuffled = chance.sample(batch, len(batch))
            (folder / f"{n}.xlsx").write_bytes(write_rollup(merge(check(shuffled, roster=roster))))
        again = merge(check([folder], roster=roster), unit=COUNTY)
        assert again.rollup.figures == whole.rollup.figures
        assert [(one.unit.key, one.sha256) for one in again.rollup.leaves] == [
            (one.unit.key, one.sha256) for one in whole.rollup.leaves
        ]
        assert again.rollup.missing == () and again.rollup.coverage == "24/24 单位"
    others = merge(check(chance.sample(files, 24), roster=roster, lean=True), unit=COUNTY)
    assert write_rollup(others) == write_rollup(whole)


def test_who_was_missing_in_a_county_is_missing_in_the_city_and_in_the_province(tmp_path):
    towns = [book(tmp_path / "县收件", town(n), n) for n in (1, 2)]
    roster = Roster((town(1), town(2), town(3)))
    result = merge(check(towns, roster=roster), unit=COUNTY)
    for level, signer in enumerate((CITY, Unit(name="示例省", level="province"))):
        below = tmp_path / f"{level}.xlsx"
        below.write_bytes(write_rollup(result))
        result = merge(check([below]), unit=signer)
        assert [(unit.name, why) for unit, why in result.rollup.missing] == [("示例3镇", "未报送")]
    late = book(tmp_path / "补报", town(3), 3)
    result = merge(check([below, late]), unit=signer)
    assert result.rollup.missing == () and who(result) == ["示例1镇", "示例2镇", "示例3镇"]


def test_the_countys_own_form_filled_from_its_roll_up_never_joins_its_towns(tmp_path):
    from xltools.issuing import answers_of_rollup

    towns = [book(tmp_path / "县收件", town(n), n) for n in (1, 2)]
    rollup, county = tmp_path / "汇总.xlsx", tmp_path / "示例县.xlsx"
    rollup.write_bytes(write_rollup(merge(check(towns), unit=COUNTY)))
    answers = replace(
        answers_of_rollup(pipe.read(rollup.read_bytes())), texts=dict.fromkeys(FORM.texts, "见各单位的报告。")
    )
    county.write_bytes(write_template(FORM, COUNTY, 2023, answers))
    with_town = merge(check([county, towns[0]]), unit=CITY)
    assert (
        codes(with_town) == {"示例县.xlsx": ["R109"], "示例1镇1.xlsx": ["R109"]} and with_town.rollup is None
    )
    with_rollup = merge(check([county, rollup]), unit=CITY)
    assert codes(with_rollup) == {"示例县.xlsx": ["R103"], "汇总.xlsx": ["R103"]}
    by_itself = merge(check([county, *towns]), unit=CITY, prefer=["示例县.xlsx"])
    assert who(by_itself) == ["示例县"] and by_itself.rollup.figures == pipe.read(rollup.read_bytes()).figures


def test_the_command_prefers_chooses_and_compares(tmp_path, monkeypatch, capsys):
    import json
    import sys

    from xltools.cli import main

    (tmp_path / "名单.csv").write_text(
        "单位名称,代码,类别,上级,片区\n示例1镇,U01,,示例县,东\n示例2镇,U02,,示例县,西\n", "utf-8"
    )
    book(tmp_path / "上年", town(1), 7, 2022)
    for unit, seed in ((town(1), 1), (town(1), 2), (town(2), 3)):
        book(tmp_path / "收件", unit, seed)
    monkeypatch.chdir(tmp_path)

    def run(*more):
        words = ["merge", "收件", "-o", "汇总.xlsx", "--unit", "示例县", "--units", "名单.csv", *more]
        monkeypatch.setattr(sys, "argv", ["xltools", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().out

    assert run()[0] == 1
    code, said = run("--prefer", "收件/示例1镇2.xlsx", "--where", "片区=东", "--last", "上年")
    assert code == 1 and "G104" in said  # what was carried over last year is not what came in
    assert "汇总了 1/1 单位" in said and "只汇总了：片区为东" in said
    assert "1 个单位里有 1 个查得到" in said
    back = pipe.read((tmp_path / "汇总.xlsx").read_bytes())
    assert back.unit.name == "示例县（片区为东）" and [one.file for one in back.leaves] == ["示例1镇2.xlsx"]
    (tmp_path / "汇总.xlsx").unlink()  # another's roll-up is not written over
    code, said = run("--prefer", "示例1镇=示例1镇1.xlsx", "--kind", "乡镇街道", "--format", "json")
    found = {one["file"]: one["merged"] for one in json.loads(said)["filings"]}
    assert code == 0 and found == {"示例1镇1.xlsx": True, "示例1镇2.xlsx": False, "示例2镇3.xlsx": True}
    assert run("--prefer", "没有.xlsx")[0] == 2 and run("--kind", "乡")[0] == 2
    assert run("汇总.xlsx")[0] == 2  # read and written over at once, its units would be lost


def test_last_year_of_each_unit_and_of_the_whole_only_when_all_are_known(tmp_path):
    for n in (1, 2):
        book(tmp_path / "上年", town(n), n, 2022)
        book(tmp_path / "本年", town(n), n + 10)
    last = read_last_year(tmp_path / "上年")
    rollup = merge(check([tmp_path / "本年"]), unit=COUNTY, last=last).rollup
    parts = [last.of(town(n)) for n in (1, 2)]
    assert rollup.last_by_unit == {"U01": parts[0], "U02": parts[1]}
    assert rollup.last["applications.new.total"] == sum(one["applications.new.total"] for one in parts)
    book(tmp_path / "本年", town(3), 13)
    rollup = merge(check([tmp_path / "本年"]), unit=COUNTY, last=last).rollup
    assert rollup.last == {} and set(rollup.last_by_unit) == {"U01", "U02"}  # a missing unit is not zero


def test_last_years_roll_up_gives_its_own_figures_whoever_is_in_it_this_year(tmp_path):
    for n in (1, 2):
        book(tmp_path / "上年", town(n), n, 2022)
    own = Unit(name="示例县", code="X1", kind="本级", level="county")
    early = merge(check([tmp_path / "上年"]), unit=COUNTY)
    (tmp_path / "上年汇总.xlsx").write_bytes(write_rollup(early))
    book(tmp_path / "本年", town(1), 11)
    book(tmp_path / "本年", own, 12)
    rollup = merge(
        check([tmp_path / "本年"]), unit=COUNTY, last=read_last_year(tmp_path / "上年汇总.xlsx")
    ).rollup
    assert rollup.last == early.rollup.figures
    assert set(rollup.last_by_unit) == {"U01"}  # what the county added up is not what it reported itself
    unsigned = merge(check([tmp_path / "本年"]), last=read_last_year(tmp_path / "上年汇总.xlsx")).rollup
    assert unsigned.last == {}


def test_last_year_in_two_versions_or_of_two_years_is_refused(tmp_path):
    book(tmp_path / "上年", town(1), 1, 2022)
    book(tmp_path / "上年", town(2), 3, 2022)
    (tmp_path / "上年" / "汇总.xlsx").write_bytes(
        write_rollup(merge(check([tmp_path / "上年"]), unit=COUNTY))
    )
    early = book(tmp_path / "上年", town(1), 2, 2022)  # an earlier version: the roll-up says which counted
    assert read_last_year(tmp_path / "上年").of(town(1)) == pipe.read(
        (tmp_path / "上年" / "示例1镇1.xlsx").read_bytes()
    ).figures  # fmt: skip
    (tmp_path / "上年" / "汇总.xlsx").unlink()
    with pytest.raises(XltoolsError, match="两份不同的"):
        read_last_year(tmp_path / "上年")
    early.unlink()
    book(tmp_path / "上年", town(3), 1, 2021)
    with pytest.raises(XltoolsError, match="2021年、2022年"):
        read_last_year(tmp_path / "上年")


def roll_up_file(path, units, signer, year=2022, only=None, roster=None):
    """A roll-up on disk of last year's reports of these units."""
    folder = path.parent / f"{path.stem}的收件"
    for number, unit in enumerate(units):
        book(folder, unit, number, year)
    chosen = subset(roster, only, []) if only else None
    path.write_bytes(write_rollup(merge(check([folder], roster=roster), unit=signer, only=chosen)))
    return path


@pytest.mark.parametrize(
    ("signer", "only", "words"),
    [
        (Unit(name="别县", code="X2", level="county"), None, "不是“示例县”"),
        (Unit(name="别县", level="county"), None, "不是“示例县”"),
        (COUNTY, ["乡镇街道"], "只汇总了一部分单位（乡镇街道）"),
        (replace(COUNTY, code=""), ["乡镇街道"], "只汇总了一部分单位（乡镇街道）"),
        (None, None, "不是“示例县”"),
        (replace(COUNTY, name="老示例县"), None, ""),
        (replace(COUNTY, code=""), None, ""),
    ],
    ids=["code", "name", "a part", "a part without a code", "others' units", "renamed", "no code yet"],
)
def test_last_years_roll_up_has_to_be_the_same_governments_and_whole(tmp_path, signer, only, words):
    units = [town(8)] if signer is None else [town(1), OFFICE]
    before = roll_up_file(tmp_path / "上年.xlsx", units, signer, only=only)
    book(tmp_path / "本年", town(1), 11)
    result = check([tmp_path / "本年"])

    def compared():
        return merge(result, unit=COUNTY, last=read_last_year(before, unit=COUNTY)).rollup

    if words:
        with pytest.raises(UsageError, match=words):
            compared()
    else:
        assert compared().last == pipe.read(before.read_bytes()).figures and compared().last_note == ""


def test_a_part_is_compared_with_the_same_part_of_last_year(tmp_path):
    before = roll_up_file(tmp_path / "上年.xlsx", [town(1), OFFICE], COUNTY, only=["部门"])
    book(tmp_path / "本年", OFFICE, 11)
    last = read_last_year(before, unit=COUNTY)
    rollup = merge(check([tmp_path / "本年"]), unit=COUNTY, last=last, only=subset(None, ["部门"], [])).rollup
    assert rollup.last == pipe.read(before.read_bytes()).figures


def test_who_was_missing_last_year_is_named_wherever_the_years_are_compared(tmp_path):
    import io

    import openpyxl

    from xltools.reporting.text import merge_report

    roster = Roster((town(1), town(2), town(3)))
    before = roll_up_file(tmp_path / "上年.xlsx", [town(1), town(2)], COUNTY, roster=roster)
    book(tmp_path / "本年", town(1), 11)
    book(tmp_path / "本年", town(9), 12)
    said = "上年只有 2/3 单位：缺 示例3镇（未报送）"
    partial = "没有“示例县”的上年合计：2 个单位里有 1 个没有上年数（示例9镇）"
    for source, words, sheets in (
        (before, said, ("上年对比", "各单位上年对比", "图表")),
        (tmp_path / "上年的收件", partial, ("各单位上年对比", "图表")),
    ):
        result = merge(check([tmp_path / "本年"]), unit=COUNTY, last=read_last_year(source, unit=COUNTY))
        workbook = openpyxl.load_workbook(io.BytesIO(write_rollup(result)))
        for name in sheets:
            head = "".join(str(cell.value or "") for row in workbook[name]["A1:A3"] for cell in row)
            assert words in head, name
        assert any(words in line for line in merge_report(result, "汇总.xlsx"))


def test_units_of_one_name_in_two_counties_are_told_apart_and_read_back(tmp_path):
    import io

    import openpyxl

    from xltools.differing import compare as compare_books
    from xltools.explaining import explain
    from xltools.reporting.diff import diff_report
    from xltools.reporting.explain import explain_report
    from xltools.reporting.text import merge_report
    from xltools.saving import recount

    for number, parent in enumerate(("甲县", "乙县")):
        book(tmp_path / parent, Unit(name="财政局", code=f"B{number}", kind="部门", parent=parent), number)
    roster = Roster(
        tuple(Unit(name="财政局", code=f"B{n}", kind="部门", parent=f"{p}县") for n, p in enumerate("甲乙丙"))
    )
    result = merge(check([tmp_path], roster=roster), unit=CITY)
    data = write_rollup(result)
    recount("汇总.xlsx", data, result.rollup)
    workbook = openpyxl.load_workbook(io.BytesIO(data))
    detail = next(name for name in workbook.sheetnames if name.startswith("明细"))
    assert [workbook[detail][f"B{row}"].value for row in (6, 7)] == ["财政局（甲县）", "财政局（乙县）"]
    face = {row[0].value: row[1].value for row in workbook["汇总"].iter_rows(max_col=2)}
    assert face["没有计入：未报送"] == "财政局（丙县）"
    back = pipe.read(data)
    assert [leaf.unit.name for leaf in back.leaves] == ["财政局", "财政局"] and pipe.findings(data) == []
    fewer = merge(check([tmp_path / "甲县"]), unit=CITY)
    for lines in (
        explain_report(explain(back, "applications.new.total")),
        diff_report(compare_books(pipe.read(write_rollup(fewer)), back)),
        merge_report(result, "汇总.xlsx"),
    ):
        said_ = "\n".join(lines)
        assert "财政局（乙县）" in said_ or "财政局（丙县）" in said_

"""One filing among the others: on the roster or not, twins, copies, names that speak of another unit."""

import helpers_pipe as pipe
import pytest

from xltools import Answers, Roster, Unit, check, load_form, write_template
from xltools.finding import Level, Outcome

FORM = load_form("gov-info-disclosure/2021")
EAST, WEST = Unit(name="示例东镇", code="U1"), Unit(name="示例西镇", code="U2")
ROSTER = Roster((EAST, WEST))
SHORT = dict.fromkeys(FORM.texts, "无。")
LONG = {**SHORT, "general": "本年度我镇认真贯彻落实各项要求。" * 20}


def answers(seed=None, texts=SHORT, **figures):
    """Figures by seed, or zeros but for those given; the columns settled."""
    items = dict(pipe.seeded(FORM, seed).items) if seed else {item.id: 0 for item in FORM.inputs}
    return Answers(items={**items, **figures}, texts=texts)


def sent(tmp_path, *files, roster=None):
    """File name → codes of what is said across files."""
    for name, unit, given in files:
        (tmp_path / name).write_bytes(write_template(FORM, unit, 2023, given))
    result = check([tmp_path], roster=roster)
    return {one.filing.file: [f.code for f in one.findings if f.code[0] == "R"] for one in result.filings}


FEW = {"applications.new.natural": 1, "applications.granted.natural": 1}


@pytest.mark.parametrize(
    ("one", "other", "codes"),
    [
        (answers(5), answers(5), ["R107"]),
        (answers(5), answers(6), []),
        (answers(), answers(), []),  # many units have nothing to report
        (answers(texts=LONG), answers(texts=LONG), []),  # and say so in the words of the county's model
        (answers(**FEW), answers(**FEW), []),  # one request each: chance
        (answers(texts=LONG, **FEW), answers(texts=LONG, **FEW), ["R107"]),
    ],
)
def test_two_units_with_the_same_content_are_queried(tmp_path, one, other, codes):
    found = sent(tmp_path, ("东.xlsx", EAST, one), ("西.xlsx", WEST, other))
    assert found == {"东.xlsx": codes, "西.xlsx": codes}


def test_a_copy_can_be_explained(tmp_path):
    from xltools.returning import send_back

    sent(tmp_path, ("东.xlsx", EAST, answers(5)), ("西.xlsx", WEST, answers(5)))
    (tmp_path / "退回").mkdir()
    for number, back in enumerate(send_back(check([tmp_path]))):

        def reason(book):
            book["问题清单"]["H5"] = "合署办公"

        (tmp_path / "退回" / f"{number}.xlsx").write_bytes(pipe.changed(back.data, reason))
    result = check([tmp_path / "退回"])
    assert [one.outcome for one in result.filings] == [Outcome.NOTED, Outcome.NOTED]
    assert [one.explained for one in result.findings] == ["合署办公"] * 2


NAMES = {
    "示例西镇.xlsx": ["R108"],
    "2023 示例西镇（定稿）.xlsx": ["R108"],
    "示例东镇.xlsx": [],
    "示例东镇、示例西镇.xlsx": [],
    "新建 Microsoft Excel 工作表.xlsx": [],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_speaks_of_another_unit_of_the_roster_is_queried(tmp_path, name):
    assert sent(tmp_path, (name, EAST, answers(5)), roster=ROSTER) == {name: NAMES[name]}
    assert sent(tmp_path, (name, EAST, answers(5))) == {name: []}


def test_one_units_file_renamed_as_anothers_is_taken_for_what_it_is(tmp_path):
    """Both files are of the eastern town: neither counts, and the western town is missing."""
    data = write_template(FORM, EAST, 2023, answers(5))
    (tmp_path / "示例东镇.xlsx").write_bytes(data)
    (tmp_path / "示例西镇.xlsx").write_bytes(
        pipe.changed(data, lambda book: book["三、依申请公开"].__setitem__("D7", 93))
    )
    result = check([tmp_path], roster=ROSTER)
    assert [one.outcome for one in result.filings] == [Outcome.RETURNED] * 2
    assert {f.code for f in result.findings if f.code[0] == "R"} == {"R103", "R108"}
    assert result.missing == (WEST,)
    assert {f.level for f in result.findings if f.code == "R108"} == {Level.QUERY}

"""What texts say of figures: read where it can be meant in one way only, compared with the tables, said as notes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import helpers_pipe as pipe
import pytest
from helpers_page import inputs_on
from hypothesis import given, settings
from hypothesis import strategies as st

from xltools import Answers, load_form, write_template
from xltools.errors import FormError
from xltools.finding import Level
from xltools.phrase import number_of, parse_phrase, read

FORMS = {edition: load_form(f"gov-info-disclosure/{edition}") for edition in ("2019", "2021")}
FORM = FORMS["2021"]
YEAR = 2023

PAGE = """
    | applications | natural | company | research | charity | legal | other |
    | new          |       3 |       2 |        0 |       0 |     0 |     0 |
    | carried_in   |       1 |       0 |        0 |       0 |     0 |     0 |
    | granted      |       2 |       1 |        0 |       0 |     0 |     0 |
    | partial      |       1 |       0 |        0 |       0 |     0 |     0 |
    | deny_1       |       0 |       0 |        0 |       0 |     0 |     0 |
    | deny_4       |       0 |       1 |        0 |       0 |     0 |     0 |
    | carried_out  |       1 |       0 |        0 |       0 |     0 |     0 |

    | disputes | review_upheld | review_pending | direct_upheld | after_upheld |
    | cases    |             2 |              1 |             1 |            1 |

    | processing_fee | cases | amount |
    | charged        |     1 |    380 |
"""


def notes(general="", other="无。", *, page=PAGE, form=FORM, year=YEAR, rest=0):
    answers = Answers(
        items=inputs_on(form, page, rest=rest),
        texts={**dict.fromkeys(form.texts, "无。"), "general": general or "无。", "other": other},
    )
    found = pipe.findings(write_template(form, pipe.TOWN, year, answers))
    return [one for one in found if one.code == "T101"]


def said(*texts, **more):
    """(what the text says, what the table says) of every note."""
    return [(one.found, one.expected) for one in notes(*texts, **more)]


# ---- the tables have: 新收 5（上年结转 1），予以公开 3，部分公开 1，不予公开 1，结转下年 1，复议 3，诉讼 2，信息处理费 1 件 380 元

AGREEING = [
    "2023年，我镇共收到政府信息公开申请5件，其中予以公开3件、部分公开1件、不予公开1件，1件结转下年度继续办理。",
    "全年收到申请6件。",  # with what was carried over
    "本年新收政府信息公开申请５件，上年结转1件。",
    "收到5份政府信息公开申请。",
    "新收五件，上年度结转一件，结转2024年度1件。",
    "发生行政复议3件，行政诉讼2件。",
    "1件申请收取信息处理费380元。",
    "收取信息处理费共计380.00元。",
]
DIFFERING = [
    ("2023年，我镇共收到政府信息公开申请15件。", [("15", "5")]),
    ("收到依申请公开1,234件", [("1234", "5")]),
    ("收到政府信息公开申请１２件", [("12", "5")]),
    ("新收政府信息公开申请十二件。", [("12", "5")]),
    ("收到1份政府信息公开申请", [("1", "5")]),
    ("未收到政府信息公开申请。", [("0", "5")]),
    ("我镇没有收到公民、法人或者其他组织提出的政府信息公开申请。", [("0", "5")]),
    ("收到依申请公开信息0条", [("0", "5")]),
    ("上年结转2件", [("2", "1")]),
    ("收到申请5件，4件予以公开", [("4", "3")]),
    ("予以公开2件，不予公开2件，结转下年度3件", [("2", "3"), ("2", "1"), ("3", "1")]),
    ("2件结转2024年度", [("2", "1")]),
    ("收到公民、法人或其他组织提出的政府信息公开申请9件", [("9", "5")]),
    ("转至下年度继续办理4件", [("4", "1")]),
    ("未发生因政府信息公开引起的行政复议、行政诉讼。", [("0", "3"), ("0", "2")]),
    ("行政复议和行政诉讼均为零。", [("0", "3"), ("0", "2")]),
    ("无行政复议、行政诉讼。", [("0", "3"), ("0", "2")]),
    ("行政复议、行政诉讼均为0件", [("0", "3"), ("0", "2")]),
    ("行政复议：无；行政诉讼：无", [("0", "3"), ("0", "2")]),
    ("1起行政复议尚未审结", [("1", "3")]),
    ("未发生行政诉讼", [("0", "2")]),
    ("信息处理费3.8万元", [("38000", "380")]),
    ("收取信息处理费三百元", [("300", "380")]),
    ("本年度未收取信息处理费。", [("0", "1"), ("0", "380")]),
    ("比上年增加3件，收到申请9件", [("9", "5")]),
    ("2022年收到申请2件，2023年收到申请9件", [("9", "5")]),
]
DOUBTFUL = [
    "去年收到政府信息公开申请15件。",
    "2022年，我镇共收到政府信息公开申请15件。",
    "二〇二二年收到申请15件",
    "收到申请5件，比上年增加3件。",
    "新收申请比上年减少8件",
    "收到政府信息公开申请同比增长15件",
    "收到申请5件，其中自然人收到申请3件，法人收到申请2件",
    "其中，通过网络收到政府信息公开申请3件，信函收到政府信息公开申请2件",
    "累计收到政府信息公开申请150件",
    "自2008年以来收到政府信息公开申请150件",
    "上半年收到申请2件，下半年收到申请3件",
    "收到申请约10件",
    "收到申请10余件；收到申请十几件；收到申请三四件；收到申请10件以上；收到申请10件左右",
    "收到申请3至4件",
    "收到申请10件次",
    "收到政府信息公开申请答复率100%",
    "收到咨询12件，申请表3份",
    "县级各部门收到申请12件",
    "收到申请15件。经核对，收到申请16件。",  # which of them?
    "行政复议、行政诉讼共5件；行政复议和行政诉讼6件",
    "行政复议维持2件，尚未审结1件",
    "未经复议直接起诉1件，复议后起诉1件",
    "按每件30元的标准收取信息处理费30元",
    "予以公开信息205条，予以公开的政府信息30条",
    "不予以公开7件",
    "收到申请1.5万件",  # rounded
    "收到申请第15件",
    "2022年度报告公布后收到申请15件",
    "办结上年结转的3件，无正当理由申请行政复议的不予受理",
    "行政复议、诉讼零星发生",
    "新收行政许可申请20件，收到信访申请9件",
]


@pytest.mark.parametrize("text", AGREEING)
def test_what_agrees_is_not_spoken_of(text):
    assert said(text) == []


@pytest.mark.parametrize(("text", "differs"), DIFFERING)
def test_what_differs_is_a_note(text, differs):
    assert said(text) == differs
    assert said("无。", text) == differs  # in 六 as in 一


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_is_doubtful_is_not_read(text):
    assert said(text) == []


def test_the_sentence_says_both_figures_and_where():
    (one,) = notes("今年收到申请15件。")
    assert (one.level, one.sheet, one.rule, one.item) == (
        Level.NOTE, "一、总体情况", "states-received.general", "applications.new.total",
    )  # fmt: skip
    assert (one.found, one.expected, one.difference) == ("15", "5", "10")
    new = pipe.slot(FORM, "applications.new.total").address
    assert one.message == (
        f"〔一、总体情况〕{one.cell} 的文字“收到申请15件”说的是 15件，"
        f"〔三、依申请公开〕{new}（一、本年新收政府信息公开申请数量·总计）是 5件，相差 10。"
    )
    one.message.encode("gbk")


def test_two_notes_of_one_text_are_told_apart():
    first, second = notes("收到申请15件，予以公开8件。")
    assert first.cell == second.cell and first.fingerprint != second.fingerprint


def test_a_blank_in_the_table_is_silent():
    assert said("收到申请15件，未发生行政复议。", page="", rest=None) == []


def test_words_that_two_statements_read_are_one_note():
    assert said("新收到政府信息公开申请15件") == [("15", "5")]


@pytest.mark.parametrize("edition", FORMS)
def test_both_editions_state_the_same_things(edition):
    form = FORMS[edition]
    assert [one.id for one in form.statements] == [one.id for one in FORM.statements]
    assert {name for one in form.statements for name in one.texts} == {"general", "other"}
    page = PAGE.replace("deny_1 ", "deny_8 ")
    assert said("其他处理2件，无法提供1件", page=page, form=form, year=pipe.year_of(form)) == [
        ("2", "0"),
        ("1", "0"),
    ]


# ---- published reports


def published(name):
    path = Path(__file__).parent / "real-reports" / f"{name}.json"
    return json.loads(path.read_text("utf-8"))


def readings(name):
    report = published(name)
    return {
        (statement.id.removeprefix("states-"), one.value)
        for statement in FORMS[report["form"]].statements
        for one in read(
            report["narrative"]["general"], statement.words, year=report["year"], but=statement.but
        )
    }


def test_the_narratives_of_published_reports_are_read_as_their_notes_say():
    assert readings("2022-fuyuan-natural-resources") == set()  # 许可 76 条, 处罚 2 条: not what is declared
    assert readings("2021-huaian-natural-resources-narrative") == {
        ("new", 317), ("carried-in", 3), ("granted", 184), ("partial", 18), ("denied", 8), ("unable", 57),
        ("refused", 18), ("other", 22), ("carried-out", 13), ("reviews", 0),
    }  # fmt: skip
    assert readings("2022-hangzhou-binjiang-police-narrative") == {
        ("received", 4),
        ("carried-out", 1),
        ("reviews", 1),
    }
    assert readings("2019-xishan-dongbeitang-street") == {("received", 0)}
    assert readings("2020-tongyu-tuanjie-township") == {("received", 0)}
    assert readings("2023-suqian-city") == {
        ("in-hand", 3607), ("granted", 1191), ("partial", 328), ("denied", 142), ("unable", 1078),
        ("refused", 406), ("other", 341), ("carried-out", 121),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("2023-jinhu-county", []),
        ("2023-suqian-city", []),
        ("2020-dehui-buhai-town", []),
        ("2024-suqian-city", [("134", "170"), ("57", "77")]),  # 备案 is counted otherwise: its notes say so
    ],
)
def test_complete_published_reports(name, differs):
    import test_published

    assert [(one.found, one.expected) for one in test_published.said(name) if one.code == "T101"] == differs


# ---- phrases


@pytest.mark.parametrize(
    ("phrase", "text", "value"),
    [
        ("收到{n}件", "收到12件", 12),
        ("收到{n}件", "收 到\u3000１２ 件", 12),
        ("收到…{n}件", "收到各类申请12件", 12),
        ("收到…{n}件", "收到，各类申请12件", None),  # a gap does not cross a pause
        ("收到…{n}件", "收到" + "很" * 17 + "12件", None),
        ("收到…{n}件", "收到2份申请12件", None),  # nor another number
        ("收到{n}[件|条]", "收到12条", 12),
        ("收到[申请|]{n}件", "收到12件", 12),
        ("收到{n}[件|]", "收到12", 12),
        ("收到{n}[件|]", "收到12个", None),  # the number itself needs an end
        ("结转{next_year}年{n}件", "结转2024年12件", 12),
        ("{year}年收到{n}件", "2023年收到12件", 12),
        ("未收到", "未收到", 0),
        ("收到{n}件", "收到12\n件", None),
        ("收到{n}件", "收到1.5件", Decimal("1.5")),
    ],
)
def test_how_a_phrase_reads(phrase, text, value):
    found = [one.value for one in read(text, [parse_phrase(phrase)], year=YEAR)]
    assert found == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("phrase", "problem"),
    [
        ("收到{m}件", "里的 {m} 读不懂；可用的：{n}、{year}、{next_year}"),
        ("收到{n}件或{n}条", "里 {n} 只能写一次，不能写在 [ ] 里"),
        ("收到[{n}件|条]", "里 {n} 只能写一次，不能写在 [ ] 里"),
        ("收到[件|[条]]", "里 [ ] 不能套 [ ]"),
        ("收到[件|条", "里的 [ 没有收尾的 ]"),
        ("收到件|条", "里的 | 没有对应的 [；几选一写作 [甲|乙]"),
        ("收到件]", "里的 ] 没有对应的 [；几选一写作 [甲|乙]"),
        ("收到[的…|]{n}", "里 [ ] 中不能有 …"),
        ("…收到{n}", "不能以 … 开头或结尾"),
        ("{n}", "里除了记号没有字"),
        ("", "里除了记号没有字"),
        ("收到{n", "里的 {n 读不懂；可用的：{n}、{year}、{next_year}"),
    ],
)
def test_a_phrase_that_is_none(phrase, problem):
    with pytest.raises(FormError) as caught:
        parse_phrase(phrase, file="x.toml", key="words")
    assert caught.value.problem == f"“{phrase}”{problem}"


@settings(max_examples=300, deadline=None)
@given(st.text("收到[]{}|…n件.*+?()\\^$年year_", max_size=12), st.text("收到12，。件万零十年(", max_size=12))
def test_any_phrase_is_read_or_refused(phrase, text):
    try:
        parsed = parse_phrase(phrase)
    except FormError:
        return
    assert all(one.value >= 0 for one in read(text, [parsed], year=YEAR))


def numerals(number):
    """A number below 10 000 as it is said."""
    said, skipped = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            said += ("零" if skipped and said else "") + "零一二三四五六七八九"[digit] + name
        skipped = not digit
    return said.removeprefix("一") if said.startswith("一十") else said


def test_every_numeral_below_ten_thousand():
    assert all(number_of(numerals(number)) == number for number in range(1, 10_000))


@pytest.mark.parametrize(
    "text", ["三四", "一百五", "二〇二三", "一千二", "百", "万", "一万五", "十十", "零零"]
)
def test_numerals_that_may_mean_two_things_are_no_number(text):
    assert number_of(text) is None

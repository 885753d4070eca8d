"""What texts say of figures: read where it can be meant in one way only, compared with the tables, said as notes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import helpers_pipe as pipe
import pytest
from helpers_page import inputs_on
from hypothesis import given, settings
from hypothesis import strategies as st

from xltools import Answers, Unit, load_form, write_template
from xltools.checks import Case
from xltools.checks.registry import registered
from xltools.errors import FormError
from xltools.finding import Level
from xltools.phrase import Wording, number_of, parse_phrase, read

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
    ("未发生因政府信息公开引起的行政复议、行政诉讼。", [("0", "3、2")]),
    ("行政复议和行政诉讼均为零。", [("0", "3、2")]),
    ("无行政复议、行政诉讼。", [("0", "3、2")]),
    ("行政复议、行政诉讼均为0件", [("0", "3、2")]),
    ("行政复议：无；行政诉讼：无", [("0", "3"), ("0", "2")]),
    ("1起行政复议尚未审结", [("1", "3")]),
    ("未发生行政诉讼", [("0", "2")]),
    ("信息处理费3.8万元", [("38000", "380")]),
    ("收取信息处理费三百元", [("300", "380")]),
    ("本年度未收取信息处理费。", [("0", "1、380")]),
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


# As reports put it: what each states, and what they say of other things.
COMPARED = """
2023年，我镇共收到政府信息公开申请8件，比上年增加3件，增长60%。 | 8
（二）依申请公开。严格办理流程，全年共收到政府信息公开申请8件，均在法定期限内答复。 | 8
依申请公开情况：2023年度共收到依申请公开8件，已全部办结。 | 8
2023年1月1日至12月31日，本机关共收到政府信息公开申请8件。 | 8
2023年1-12月，我单位共收到政府信息公开申请8件，按时办结率100%。 | 8
截至2023年12月31日，我镇收到政府信息公开申请8件。 | 8
今年以来，我镇共收到申请8件。 | 8
年内收到公民、法人和其他组织提出的政府信息公开申请8件，无超期答复。 | 8
示例镇人民政府共收到政府信息公开申请8件。 | 8
示例县示例镇2023年收到政府信息公开申请8件。 | 8
示例镇全年收到信息公开申请8件，均为自然人提出。 | 8
镇政府共收到政府信息公开申请8件，按期答复8件。 | 8
全镇收到政府信息公开申请8件，其中当面申请2件，网络申请6件。 | 8
我镇高度重视依申请公开工作，各部门协同配合，全年共收到政府信息公开申请8件。 | 8
畅通受理渠道，规范答复文书，2023年收到依申请公开事项8件，答复率100%。 | 8
本年度共新收政府信息公开申请8件，上年结转1件。 | 8
一是依法办理。共收到申请8件，比去年减少2件。 | 8
2.依申请公开情况。2023年，共收到依申请公开8件。 | 8
2022年收到申请2件，2023年收到政府信息公开申请8件，同比增长300%。 | 8
我镇共收到8件政府信息公开申请，均已按时答复。 | 8
本年度收到政府信息公开申请八件，全部办结。 | 8
新收8件，上年结转1件；予以公开3件。 | 8
全年新收到8件依申请公开，按时办结。 | 8
本年新接收政府信息公开申请8件。 | 8
收到各类政府信息公开申请共计8件。 | 8
收到社会公众提交的政府信息公开申请8件。 | 8
主动公开政府信息126条，发布规范性文件12件，收到政府信息公开申请8件。 | 8
全年办理行政许可76件、行政处罚2件。在依申请公开方面，收到申请8件。 | 8
2023年度，我镇未收到政府信息公开申请。 | 0
本年度我镇没有收到公民、法人或者其他组织提出的政府信息公开申请，无结转事项。 | 0
2023年未接到申请。 | 0
全年未收到依申请公开事项。 | 0
示例镇未接收到政府信息公开申请。 | 0
2023年收办申请9件。 | 9
上年结转政府信息公开申请4件，均已办结。 | 4
含上年度结转4件，共办理申请6件。 | 4
本年度没有上年结转申请。 | 0
4件结转下年度继续办理。 | 4
剩余4件结转2024年办理。 | 4
尚有4件结转下年度继续办理。 | 4
收到申请5件，其中予以公开4件、部分公开1件。 | 4
共收到政府信息公开申请5件。其中，予以公开4件。 | 4
办结申请5件，作出予以公开4件，部分公开1件，不予公开1件。 | 4
2023年共办结政府信息公开申请5件：予以公开4件。 | 4
收到申请5件，部分公开3件，主要是涉及第三方。 | 3
主动公开政府信息126条。收到申请5件，均已答复，其中不予公开4件。 | 4
收到申请5件，4件予以公开，1件部分公开。 | 4
不予处理的有4件，无法提供0件，其他处理0件。 | 4
因政府信息公开引发行政复议5件，行政诉讼2件。 | 5
本年度被申请行政复议5件、被提起行政诉讼2件。 | 5
政府信息公开行政复议案件5件，行政诉讼案件2件。 | 5
2023年，因政府信息公开工作引起的行政诉讼5件。 | 5
5起行政复议尚未审结。 | 5
未发生因政府信息公开申请引起的行政诉讼案件。 | 0
2023年未发生因政府信息公开申请提起的行政复议和行政诉讼案件。 | 0
未发生行政复议、行政诉讼案件。 | 0
全年没有发生因政府信息公开申请行政复议和提起行政诉讼的情况。 | 0
2023年有4件申请收取信息处理费380元。 | 4
收取信息处理费共计500元。 | 500
本年度未收取信息处理费，其他无需要报告的事项。 | 0
"""
SILENT = """
1月至6月收到政府信息公开申请12件。
上半年，共收到政府信息公开申请12件。
2023年第一季度，我镇收到政府信息公开申请12件。
截至2023年6月底，我镇共收到政府信息公开申请12件。
自2023年5月新平台上线，共收到政府信息公开申请12件。
12月份集中收到政府信息公开申请12件。
自条例施行以来，我镇共收到政府信息公开申请150件。
截至2023年底，累计收到政府信息公开申请150件。
平均每月收到政府信息公开申请12件。
收到申请12件的月份最多。
县财政局收到政府信息公开申请12件。
全县收到政府信息公开申请12件。
我市共收到政府信息公开申请112件，居全省前列。
乙镇收到政府信息公开申请12件。
示例县收到政府信息公开申请112件。
县财政局率先试点，全年收到政府信息公开申请12件。
镇政府办公室牵头，各站所收到政府信息公开申请12件。
指导乡镇收到政府信息公开申请12件。
政务服务大厅收到申请12件。
不动产登记中心收到申请12件。
镇便民服务中心窗口共收到申请12件。
县、镇两级共收到政府信息公开申请12件。
个别科室未收到政府信息公开申请。
部分村（社区）未收到政府信息公开申请。
未收到政府信息公开申请的单位有12个。
如收到政府信息公开申请12件以上，应当专题汇报。
收到上级转办政府信息公开申请2件。
收到通过信函提交的政府信息公开申请2件。
收到市民热线转来的政府信息公开申请之外的诉求45件。
收到群众来信12件、低保申请20件。
收到申请12件，均为低保申请。
民政方面，受理救助事项，收到申请12件。
新收12份文件。
新收信访件12件。
新接收12件公开申请答复稿件。
收到政府信息公开申请答复稿件12件。
规范性文件予以公开12件。
全年制发规范性文件15件，予以公开12件。
主动予以公开政府信息126条，其中规范性文件予以公开12件。
通过网站予以公开12条，公众号推送3条。
共收到人大代表建议20件，予以公开12件。
办理政协提案8件，办理结果予以公开5件，不予公开3件。
决算12件予以公开，预算12件予以公开。
重大决策草案12件予以公开。
公文类信息不予公开5件，公文属性源头认定。
严格公文属性认定，公文定密12件，不予公开5件。
无法提供5件印证材料。
上年结转3项整改任务。
上年结转资金12万元。
结转下年度工作经费5万元。
未收到群众对行政复议的投诉。
因征地拆迁引发行政复议5件，均与信息公开无关。
本机关发生行政诉讼5件，均非政府信息公开案件。
行政执法案件引发行政复议5件。
加强征地工作，发生行政复议5件。
县司法局办理行政复议35件。
行政复议5件正在审理中。
开展行政复议法宣传5次。
信息处理费按件计收，超过10件的每件100元。
未收取信息处理费的申请有5件。
"""
# ... and of other bodies, documents and cases than the unit's own requests, whatever the unit is
OF_OTHERS = """
2023年，全县各级行政机关共收到政府信息公开申请12件。
县自然资源局收到政府信息公开申请12件，居全县首位。
财政部门收到申请12件。
全县财政系统共收到政府信息公开申请12件。
市局转来的政府信息公开申请12件。
向县政府办移交收到的申请12件。
去年同期，收到申请12件。
上一年度，我局收到政府信息公开申请12件。
对历年收到的12件申请进行复盘。
对收到的12件政府信息公开申请开展评查。
抽查部分单位收到的政府信息公开申请12件。
全年接听咨询电话12次，收到网民留言12条。
办理12345热线工单120件，均予以公开答复。
公开行政许可结果76件，不予公开2件。
归集双公示信息120条，其中予以公开100条。
完成公文属性标注150件，其中主动公开100件、依申请公开30件、不予公开20件。
发文150件，其中主动公开100件，依申请公开30件，不予公开20件。
全年印发文件150件，其中不予公开20件。
制作政策解读12件，予以公开12件。
办理人大建议和政协提案20件，其中可公开的15件全部予以公开。
县政府常务会议议题12件予以公开。
清理规范性文件50件，废止3件，结转下年3件。
信访事项上年结转12件。
上年结转案件12件，新收案件20件。
新收行政复议案件20件，上年结转3件。
上年结转项目3个。
部分公开的事项3项。
收到举报投诉12件，不予处理3件。
信访举报不予处理3件。
因资料缺失无法提供3件档案。
未发生泄密事件，未发生因执法不当引起的行政复议、行政诉讼。
未收到行政复议机关的责令改正通知。
行政复议机关共收到行政复议申请35件。
作为行政复议机关，全年收到行政复议35件。
全年未发生涉土地征收的行政诉讼。
建立行政复议、行政诉讼案件通报制度，通报案例5件。
学习行政诉讼5起典型案例。
组织旁听行政诉讼5件庭审。
县法院审结行政诉讼5件。
减免信息处理费12元。
信息处理费收费标准10元。
缴纳信息处理费后答复的申请3件。
计划2024年收到申请后10个工作日内答复。
2024年1月收到政府信息公开申请12件。
对近三年收到的政府信息公开申请120件进行分析。
共召开会议5次，培训12人次，收到申请表12份。
收到补正后的政府信息公开申请2件。
收到重复申请2件。
收到同一申请人提出的政府信息公开申请2件。
收到涉及土地征收的政府信息公开申请2件。
收到企业提出的政府信息公开申请2件。
每件申请收取信息处理费10元。
"""


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


@pytest.fixture(scope="module")
def filing():
    texts = dict.fromkeys(FORM.texts, "无。")
    answers = Answers(items=inputs_on(FORM, PAGE, rest=0), texts=texts)
    return pipe.read(write_template(FORM, pipe.TOWN, YEAR, answers))


def said_by(filing, text, unit=pipe.TOWN):
    case = Case(replace(filing, unit=unit, texts={**filing.texts, "general": text}))
    return [(one.found, one.message) for one in registered()["T101"].run(case)]


def test_what_reports_state_is_compared(filing):
    stated = [line.rpartition(" | ") for line in COMPARED.strip().splitlines()]
    assert len(stated) == 60
    wrong = {text: said_by(filing, text) for text, _, figure in stated
             if [found for found, _ in said_by(filing, text)] != [figure]}  # fmt: skip
    assert wrong == {}


@pytest.mark.parametrize(
    "unit",
    [
        pipe.TOWN,
        Unit(name="财政局", parent="示例县", level="county", kind="部门"),
        Unit(name="示例县人民政府", level="county"),
        Unit(name="建章路街道办事处", parent="示例区"),
    ],
    ids=lambda unit: unit.name,
)
def test_what_reports_say_of_other_things_is_not(filing, unit):
    lines = (SILENT if unit == pipe.TOWN else "").strip().splitlines() + OF_OTHERS.strip().splitlines()
    assert {text: said for text in lines if (said := said_by(filing, text, unit))} == {}


@pytest.mark.parametrize(
    ("parent", "name", "own", "others"),
    [
        ("示例县", "示例镇", "我镇 本镇 全镇 镇政府 示例镇 示例镇人民政府 示例县示例镇 本机关", "乙镇 我县 全县 县政府 各站所"),
        ("示例县", "财政局", "我局 全局 县财政局 示例县财政局 本部门", "教育局 县教育局 我县 全县 县本级"),
        ("", "示例县人民政府", "全县 我县 县政府 县人民政府 示例县", "县本级 县财政局 全镇 我市"),
        ("示例区", "甲街道办事处", "街道 甲街道 街道办 我街道 全街 街道本级 我街办", "乙街道 全区 我区 区政府"),
        ("示例市", "高新区管理委员会", "管委会 高新区管委会 我区 全区", "全市 市政府 乙区"),
    ],
    ids=lambda text: text.split()[0] if text else "",
)  # fmt: skip
def test_whose_figure_it_is(filing, parent, name, own, others):
    unit = Unit(name=name, parent=parent)
    for sentence in ("2023年，{}共收到政府信息公开申请8件。", "{}2023年未收到政府信息公开申请。"):
        assert [body for body in own.split() if len(said_by(filing, sentence.format(body), unit)) != 1] == []
        assert [body for body in others.split() if said_by(filing, sentence.format(body), unit)] == []


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


def test_what_the_same_words_say_of_two_figures_is_one_note():
    (one,) = notes("未收取信息处理费。")
    cases, amount = (
        pipe.slot(FORM, f"processing_fee.charged.{name}").address for name in ("cases", "amount")
    )
    assert one.message.endswith(
        f"的文字“未收取信息处理费”说的是 0件，〔六、其他事项〕{cases}（信息处理费·收取件数）是 1件，相差 1；"
        f"〔六、其他事项〕{amount}（信息处理费·收取金额（元））是 380元，相差 380。"
    )
    assert (one.item, one.difference) == (None, None)


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
            report["narrative"]["general"],
            statement.words,
            statement.wording,
            year=report["year"],
            own=report["unit"],
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
        ("收到…{n}件", "收到各类申请12件", 12),  # 各类, 申请: its form says they may stand there
        ("收到…{n}件", "收到各类文件12件", None),
        ("收到{n}件", "今年共收到12件", 12),
        ("收到{n}件", "窗口收到12件", None),
        ("收到{n}件", "收到12件申请，均已办结", 12),
        ("收到{n}件", "收到12件样品", None),
        ("[收|收到]…{n}件", "收到12件", 12),  # the longest of several
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
    wording = Wording(beside=("各类", "申请"), behind=("申请",))
    found = [one.value for one in read(text, [parse_phrase(phrase)], wording, year=YEAR)]
    assert found == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("收到12件", [12]),
        ("文件收到12件", []),
        ("印发文件。收到12件", []),  # named last
        ("印发文件。依申请公开：收到12件", [12]),
        ("依申请公开：收到12件，均为来信", []),
        ("收到12件，均非申请", []),
        ("收到12件，印发文件2件", [12]),
    ],
)
def test_what_was_named_last_is_spoken_of(text, values):
    wording = Wording(beside=("文件",), about=("依申请",), but=("文件", "来信"))
    assert [one.value for one in read(text, [parse_phrase("收到{n}件")], wording, year=YEAR)] == values


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

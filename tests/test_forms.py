"""Form files: the national forms to the last figure, what provinces make of them, and every way to get one wrong."""

from __future__ import annotations

import copy
import json
import os
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xltools import detail
from xltools.errors import FormError, FormErrors, UsageError
from xltools.form import Form, Item
from xltools.forms.catalogue import data_folder, form_files, load_form
from xltools.forms.load import SPECS, load_form_file
from xltools.forms.source import lines_of
from xltools.forms.syntax import RESERVED_IDS, RESERVED_PREFIX, RESERVED_SHEETS
from xltools.formulas import rule_formulas, total_formula
from xltools.layout import CHECKS, COVER, GUIDE, META, lay_out

FORMS = Path(__file__).parent / "forms"
SHIPPED = dict(form_files())
EDITION_2019, EDITION_2021 = (load_form(f"gov-info-disclosure/{edition}") for edition in ("2019", "2021"))
both_editions = pytest.mark.parametrize("form", [EDITION_2019, EDITION_2021], ids=lambda form: form.edition)


def written(folder: Path, text: str, name: str = "form.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def ids(items: Any) -> list[str]:
    return [item.id for item in items]


# ---- the national forms


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_form_is_called_what_its_place_says(name: str):
    assert load_form(name).key == name


@pytest.mark.parametrize(
    ("form", "by_table"),
    [
        (
            EDITION_2019,
            {"documents": 6, "licensing": 6, "enforcement": 6, "fees": 2, "procurement": 2, "applications": 132, "disputes": 12},
        ),
        (
            EDITION_2021,
            {"documents": 6, "licensing": 1, "enforcement": 2, "fees": 1, "applications": 144, "disputes": 12},
        ),
    ],
    ids=["2019", "2021"],
)  # fmt: skip
def test_exactly_166_figures_are_asked_for(form: Form, by_table: dict[str, int]):
    official = [item for item in form.inputs if not item.supplement]
    assert Counter(item.table for item in official) == by_table
    assert len(official) == 166


@both_editions
def test_the_supplement_is_the_processing_fee(form: Form):
    cases, amount = (item for item in form.items.values() if item.supplement)
    assert (cases.id, cases.type, cases.unit) == ("processing_fee.charged.cases", "count", "件")
    assert (amount.id, amount.type, amount.unit, amount.places) == (
        "processing_fee.charged.amount",
        "money",
        "元",
        2,
    )


@both_editions
def test_what_is_derived(form: Form):
    """The 总计 column, row （七）总计 and the three 总计 of table four, and nothing else."""
    rows = [row.id for row in form.tables["applications"].rows]
    applicants = ["natural", "company", "research", "charity", "legal", "other"]
    expected = {f"applications.{row}.total" for row in rows}
    expected |= {f"applications.handled.{column}" for column in applicants}
    expected |= {f"disputes.cases.{group}_total" for group in ("review", "direct", "after")}
    assert set(ids(form.derived)) == expected
    assert form.items["applications.new.total"].sum == tuple(f"applications.new.{one}" for one in applicants)
    results = rows[rows.index("granted") : rows.index("handled")]
    assert form.items["applications.handled.natural"].sum == tuple(
        f"applications.{row}.natural" for row in results
    )
    for group in ("review", "direct", "after"):
        parts = [f"disputes.cases.{group}_{what}" for what in ("upheld", "corrected", "other", "pending")]
        assert form.items[f"disputes.cases.{group}_total"].sum == tuple(parts)
    assert len(form.derived) == {"2019": 32, "2021": 34}[form.edition]


@both_editions
def test_what_is_carried_out_is_asked_for(form: Form):
    """Deriving it would hide every mistake that the identity exists to catch."""
    assert form.items["applications.carried_out.natural"].is_input
    assert form.items["applications.carried_in.natural"].prefill == "applications.carried_out.natural"


def test_increase_and_decrease_may_be_negative_and_nothing_else_may():
    signed = {item.id for item in EDITION_2019.inputs if item.type == "signed"}
    rows = (
        "licensing.permit",
        "licensing.other",
        "enforcement.penalty",
        "enforcement.coercion",
        "fees.charge",
    )
    assert signed == {f"{row}.change" for row in rows}
    assert not [item for item in EDITION_2021.inputs if item.type == "signed"]


def test_money_is_in_ten_thousand_yuan_with_six_decimals():
    def money(form: Form) -> list[Item]:
        return [item for item in form.inputs if item.type == "money" and not item.supplement]

    for form, name in ((EDITION_2019, "procurement.purchase.amount"), (EDITION_2021, "fees.charge.amount")):
        (item,) = money(form)
        assert (item.id, item.unit, item.places) == (name, "万元", 6)


def test_fee_items_of_2019_are_counted_not_paid():
    item = EDITION_2019.items["fees.charge.previous"]
    assert (item.type, item.unit) == ("count", "项")


def test_kinds_of_power_are_summed_but_marked():
    marked = {item.column for item in EDITION_2019.inputs if item.rollup == "confirm-sum"}
    assert marked == {"previous", "change"}
    assert {item.rollup for item in EDITION_2021.inputs} == {"sum"}


@both_editions
def test_texts_and_cover(form: Form):
    assert {name: text.optional for name, text in form.texts.items()} == {
        "preamble": True, "general": False, "problems": False, "other": False,
    }  # fmt: skip
    assert [one.id for one in form.cover] == [
        "filled_by",
        "reviewed_by",
        "phone",
        "filled_on",
        "blanks_are_zero",
    ]


APPLICANTS = "natural company research charity legal other"
RULES = {
    "2019": """
        public-stock    | query | all         | regulation normative                        | 对外公开总数量应不小于本年新公开数量
        no-regulation   | query | town county | made disclosed public                       | 《立法法》：设区的市以下无规章制定权
        both-or-none    | query | all         | purchase                                    | 采购项目数量与采购总金额应同时为零或同时不为零
        price           | query | all         | purchase                                    | 平均每项采购金额在0.1万元至1000万元之外，请核对单位
        in-equals-out   | error | all         | APPLICANTS                                  | 表头：第一项加第二项之和，等于第三项加第四项之和
        carry-over      | query | all         | APPLICANTS                                  | 上年结转应等于上一年报告的结转下年度继续办理
        not-negative    | error | all         | permit other penalty coercion charge        | 上一年项目数量加本年增/减，项目数不能为负
        cases-not-items | query | all         | permit other penalty coercion               | 处理决定数量恰等于项目数，疑将项目数填作件数
        items           | query | all         | permit other penalty coercion charge        | 上一年项目数量应等于上年报告的上一年项目数量加增减
    """,
    "2021": """
        prior-stock     | query | all         | regulation normative                        | 现行有效件数减本年制发加本年废止，即上年末存量，不应为负
        no-regulation   | query | town county | made repealed in_force                      | 《立法法》：设区的市以下无规章制定权
        in-equals-out   | error | all         | APPLICANTS                                  | 表头：第一项加第二项之和，等于第三项加第四项之和
        carry-over      | query | all         | APPLICANTS                                  | 上年结转应等于上一年报告的结转下年度继续办理
        stock           | query | all         | regulation normative                        | 现行有效件数应等于上年现行有效加本年制发减本年废止
    """,
}


@both_editions
def test_every_official_rule_is_there_on_every_line_it_binds(form: Form):
    expected = []
    for line in RULES[form.edition].replace("APPLICANTS", APPLICANTS).strip().splitlines():
        name, level, levels, on, basis = (part.strip() for part in line.split("|"))
        bound = () if levels == "all" else tuple(levels.split())
        expected += [(f"{name}.{one}", level, bound, basis) for one in on.split()]
    found = [(line.id, line.rule.level, line.rule.levels, line.rule.basis) for line in form.rule_lines]
    assert sorted(found) == sorted(expected)


@both_editions
def test_no_rule_says_twice_what_a_total_says(form: Form):
    """A rule along input lines never runs along a total."""
    assert not [line.id for line in form.rule_lines if line.line and line.line.sum]


# ---- what provinces do


def test_a_row_added_as_jilin_does():
    jilin = load_form("gov-info-disclosure/2019-jilin")
    (added,) = set(jilin.items) - set(EDITION_2019.items)
    assert added == "published.total.count"
    label = "2020年本行政区域（或本部门）政府信息公开发布总数量（非新闻类、消息类）"
    assert jilin.items[added].label(2020) == label
    tables = [table.id for table in jilin.sheets[1].tables]
    assert tables[-2:] == ["procurement", "published"]


def test_labels_lengthened_and_a_row_added_as_hubei_does():
    hubei = load_form(FORMS / "2019-hubei.toml")
    rows = hubei.tables["documents"].rows
    assert [row.label for row in rows] == [
        ("规章",),
        ("规范性文件（指各行政机关印发的有正式文号的文件）",),
        ("其他主动公开文件",),
    ]
    change = hubei.items["licensing.permit.change"]
    assert (change.type, change.rollup) == ("signed", "confirm-sum")  # a new label leaves the rest as it was
    assert set(ids(hubei.inputs)) - set(ids(EDITION_2019.inputs)) == {
        f"documents.other.{column}" for column in ("made", "disclosed", "public")
    }
    assert "public-stock.other" in [line.id for line in hubei.rule_lines]  # rules run along the new row too


def test_a_row_split_in_two_as_beijing_does():
    beijing = load_form(FORMS / "2019-beijing.toml")
    assert [row.id for row in beijing.tables["licensing"].rows] == ["permit", "inspection", "confirmation"]
    lines = [line.id for line in beijing.rule_lines if line.rule.id == "not-negative"]
    assert lines[:3] == ["not-negative.permit", "not-negative.inspection", "not-negative.confirmation"]
    assert beijing.items["procurement.purchase.amount"].places == 4


def test_a_row_dropped_as_cengong_does():
    cengong = load_form(FORMS / "2019-cengong.toml")
    assert set(EDITION_2019.items) - set(cengong.items) == {
        f"licensing.other.{column}" for column in ("previous", "change", "decided")
    }
    assert cengong.covers(2021) and not cengong.covers(2020)


@pytest.mark.parametrize("name", ["2019-hubei", "2019-beijing", "2019-cengong"])
def test_what_is_not_mentioned_stays_as_it_was(name: str):
    form = load_form(FORMS / f"{name}.toml")
    for table in ("enforcement", "applications", "disputes", "processing_fee"):
        assert form.tables[table] == EDITION_2019.tables[table]
    assert form.caps == EDITION_2019.caps and form.cover == EDITION_2019.cover


def test_a_strangers_file_may_extend_a_shipped_form(tmp_path: Path):
    path = written(
        tmp_path, 'extends = "gov-info-disclosure/2021"\nedition = "2021-county"\ntitle = "本县年报"\n'
    )
    form = load_form(path)
    assert (form.key, form.title) == ("gov-info-disclosure/2021-county", "本县年报")
    assert list(form.items) == list(EDITION_2021.items)


def test_a_strangers_file_may_extend_a_file_beside_it(tmp_path: Path):
    written(
        tmp_path,
        'extends = "gov-info-disclosure/2021"\nedition = "省"\n'.replace("省", "province"),
        "省表.toml",
    )
    path = written(tmp_path, 'extends = "省表"\nedition = "county"\n[caps]\nlarge = 5\n')
    form = load_form(path)
    assert form.caps["large"]["town"] == 5
    assert form.caps["count"] == EDITION_2021.caps["count"]


def test_a_form_is_read_anew_when_a_file_it_is_made_of_changes(tmp_path: Path):
    base = written(tmp_path, SOUND, "base.toml")
    path = written(tmp_path, 'extends = "base"\nedition = "mine"\n')
    before = load_form(path)
    assert load_form(path) is before
    base.write_text(SOUND.replace("村庄供水统计表", "新表名"), encoding="utf-8")
    os.utime(base, ns=(1, 1))
    assert load_form(path).title == "新表名"


def test_the_catalogue_names_what_it_has():
    assert list(SHIPPED) == [
        "gov-info-disclosure/2019",
        "gov-info-disclosure/2019-jilin",
        "gov-info-disclosure/2021",
    ]
    assert data_folder("templates").is_dir()
    with pytest.raises(UsageError, match=r"是不是 gov-info-disclosure/2021？"):
        load_form("gov-info-disclosure/2012")
    with pytest.raises(UsageError, match="找不到报表文件"):
        load_form("nowhere.toml")


# ---- how a form file can be wrong

SOUND = """\
id = "wells"
edition = "1"
years = [2024, 2025]
title = "村庄供水统计表"
heading = "{unit}{year}年村庄供水统计表"

[caps]
count = {town = 1000, county = 20000}
large = 90000

[[cover]]
id = "duty"
label = "值守"
type = "choice"
choices = ["是", "否"]

[[sheet]]
id = "supply"
name = "供水"
title = "一、供水"
widths = {labels = [10, 14], data = 60}
  [[sheet.text]]
  id = "about"
  label = "说明"
  [[sheet.table]]
  id = "water"
  unit = "处"
  corner = "项目"
  columns = [
    {id = "east", label = ["东片"]},
    {id = "west", label = ["西片"], cap = "large"},
    {id = "total", label = ["合计"], sum = "east:west"},
    {id = "remark", label = ["备注"], type = "text"},
  ]
  rows = [
    {id = "well", label = ["水源", "水井"], prefill = "last.well"},
    {id = "spring", label = ["水源", "泉水"], rollup = "confirm-sum"},
    {id = "sources", label = ["水源", "小计"], sum = ["well", "spring"]},
    {id = "dry", label = ["枯水"]},
  ]
    [[sheet.table.rule]]
    id = "dry-wells"
    each = "column"
    that = "dry <= sources"
    level = "error"
    basis = "枯水不多于水源"
  [[sheet.table]]
  id = "money"
  columns = [{id = "spent", label = [], type = "money", unit = "元", places = 2}]
  rows = [{id = "repair", label = ["维修"]}]

[[rule]]
id = "not-fewer"
each = "row"
tables = ["water"]
that = "east >= last.east"
level = "query"
levels = ["town"]
basis = "一般不减少"
"""


def errors_in(path: Path) -> tuple[FormError, ...]:
    with pytest.raises(FormErrors) as caught:
        load_form_file(path, SHIPPED)
    return caught.value.errors


def mistake(folder: Path, old: str, new: str) -> tuple[FormError, int]:
    """The only error of the sound form after one replacement, and the line where it was made."""
    assert SOUND.count(old) >= 1, old
    at = SOUND.index(old)
    skipped = len(new) - len(new.lstrip("\n"))
    errors = errors_in(written(folder, SOUND[:at] + new + SOUND[at + len(old) :]))
    assert len(errors) == 1, "\n".join(map(str, errors))
    return errors[0], SOUND.count("\n", 0, at) + 1 + skipped


def test_the_sound_form_is_sound(tmp_path: Path):
    form = load_form(written(tmp_path, SOUND))
    assert len(form.items) == 17
    assert form.items["water.sources.total"].sum == ("water.sources.east", "water.sources.west")
    assert form.items["water.sources.remark"].is_input  # a text crosses a total without becoming one
    assert form.items["water.well.total"].unit == "处"


LINE = '{id = "dry", label = ["枯水"]}'
WRONG = {
    # the file's own keys
    "a stray key": ('title = "村庄', 'titel = "x"\ntitle = "村庄', "titel", "不认得这个键；是不是 title？可用的：extends、id、"),
    "a number for a text": ('title = "村庄供水统计表"', "title = 7", "title", "应是一段文字，写的是‘7’"),
    "an empty text": ('title = "村庄供水统计表"', 'title = " "', "title", "是空的"),
    "an id in capitals": ('id = "wells"', 'id = "Wells"', "id", "写的是‘Wells’，应是小写字母开头"),
    "an edition with blanks": ('edition = "1"', 'edition = "1 a"', "edition", "写的是‘1 a’，应是字母、数字、点、横线"),
    "years backwards": ("[2024, 2025]", "[2025, 2024]", "years", "应是 [起始年] 或 [起始年, 终止年]"),
    "years of texts": ("[2024, 2025]", '["2024"]', "years", "应是 [起始年]"),
    "a year that is a truth": ("[2024, 2025]", "[true]", "years", "应是 [起始年]"),
    "a heading without the year": ("{unit}{year}年村庄", "{unit}村庄", "heading", "里面应有 {year}"),
    "an unknown mark": ("一、供水", "一、{yaer}供水", "sheet.supply.title", "这里不能用 {yaer}；可用的：{year}"),
    "a mark out of place": ('"说明"', '"{unit}说明"', "sheet.supply.text.about.label", "这里不能用 {unit}"),
    "a control character": ("一、供水", "一、\\u0000供水", "sheet.supply.title", "有不能显示的控制字符"),
    "a cap that is a text": ("large = 90000", 'large = "90000"', "caps.large", "应是 一个正整数（不超过15位），或 {级别 = 正整数, …}"),
    "a cap for no such level": ("county = 20000", "country = 2", "caps.count", "级别：town、county、city、province"),
    "a huge cap": ("large = 90000", "large = 0x" + "f" * 9000, "caps.large", "应是 一个正整数"),
    "a table for a list": ("[[cover]]", "[cover]", "cover", "应是表的列表：[[…]]"),
    # cover
    "a choice of nothing": ('choices = ["是", "否"]', "choices = []", "cover.duty.choices", "应是文字的列表"),
    "a choice with a comma": ('["是", "否"]', '["是,否"]', "cover.duty.choices", "选项里不能有半角逗号"),
    "a choice twice": ('["是", "否"]', '["是", "是"]', "cover.duty.choices", "同一个选项写了两次"),
    "choices too long": ('["是", "否"]', f'["{"是" * 300}"]', "cover.duty.choices", "各选项连起来最多 255 个字"),
    "choices of numbers": ('["是", "否"]', "[1, 2]", "cover.duty.choices", "第1个应是一段文字，写的是‘1’"),
    "a cover type that is none": ('type = "choice"', 'type = "radio"', "cover.duty.type", "写的是‘radio’；可用的：text、date、choice"),
    # sheets
    "a sheet name too long": ('name = "供水"', f'name = "{"供" * 32}"', "sheet.supply.name", "工作表名应为1至31个字"),
    "a sheet name with a slash": ('name = "供水"', 'name = "供/水"', "sheet.supply.name", "不含 [ ] : * ? / \\"),
    "a sheet name of ours": ('name = "供水"', 'name = "校验"', "sheet.supply.name", "‘校验’是 xltools 自己的表名"),
    "a sheet name of a roll-up's": ('name = "供水"', 'name = "明细1 供水"', "sheet.supply.name", "是 xltools 自己的表名"),
    "widths of texts": ("[10, 14]", '["10"]', "sheet.supply.widths.labels", "第1个应是正数"),
    "a width that is no number": ("data = 60", "data = nan", "sheet.supply.widths.data", "应是正数，不超过 1000"),
    "a width without end": ("[10, 14]", "[inf, 14]", "sheet.supply.widths.labels", "第1个应是正数"),
    "a width that is a truth": ("data = 60", "data = true", "sheet.supply.widths.data", "应是正数"),
    "columns too narrow": ("data = 60", "data = 30", "sheet.supply.widths.data", "分给4列，每列不到 8 个字符宽；至少 32"),
    "too few label columns": ("[10, 14]", "[10]", "sheet.supply.widths.labels", "行标签最多有2级，这里只留了1列"),
    "too wide a column": ("[10, 14]", "[10, 600]", "sheet.supply.widths.data", "有一列宽过 255 个字符"),
    "widths that are a number": ("{labels = [10, 14], data = 60}", "3", "sheet.supply.widths", "应是一组键值 {…}，写的是‘3’"),
    "a page upside down": ('title = "一、供水"', 'print = {orientation = "up"}\ntitle = "一、供水"', "sheet.supply.print.orientation", "可用的：portrait、landscape"),
    "a long prompt": ('label = "说明"', f'prompt = "{"很" * 256}"\nlabel = "说明"', "sheet.supply.text.about.prompt", "有 256 个字，最多 255 个"),
    "an optional that is a text": ('label = "说明"', 'optional = "是"\nlabel = "说明"', "sheet.supply.text.about.optional", "应是 true 或 false，写的是‘是’"),
    # lines
    "lines that are numbers": (LINE, "7", "sheet.supply.table.water.rows.第4个", "应是一组键值 {id = …}，写的是‘7’"),
    "a line without an id": ('{id = "dry", label', "{label", "sheet.supply.table.water.rows.第4个", "缺少 id"),
    "a line without a label": (LINE, '{id = "dry"}', "sheet.supply.table.water.rows.dry.label", "缺少；应是：文字的列表"),
    "a label that is a text": ('["枯水"]', '"枯水"', "sheet.supply.table.water.rows.dry.label", "应是文字的列表，例如"),
    "a label of numbers": ('["枯水"]', "[3]", "sheet.supply.table.water.rows.dry.label", "第1个应是一段文字，写的是‘3’"),
    "a label with an empty part": ('["枯水"]', '["枯水", ""]', "sheet.supply.table.water.rows.dry.label", "第2个是空的"),
    "a label twice": ('["枯水"]', '["水源", "水井"]', "sheet.supply.table.water.rows.dry.label", "与 well 的标签相同：水源／水井"),
    "a label that begins another": ('["枯水"]', '["水源"]', "sheet.supply.table.water.rows.dry.label", "与 well 的标签一个是另一个的开头"),
    "a label left empty among others": ('["枯水"]', "[]", "sheet.supply.table.water.rows.dry.label", "是 []；只有一行（列）的表才可以没有标签"),
    "an id that is a cell": ('id = "dry"', 'id = "dry1"', "sheet.supply.table.water.rows.第4个.id", "是保留的词，或像单元格地址"),
    "an id that is a keyword": ('id = "dry"', 'id = "or"', "sheet.supply.table.water.rows.第4个.id", "是保留的词"),
    "an id too long": ('id = "dry"', f'id = "{"d" * 65}"', "sheet.supply.table.water.rows.第4个.id", "最多 64 个字符"),
    "an id twice": ('id = "dry"', 'id = "well"', "sheet.supply.table.water.rows.well", "同一个 id 写了两次，前一次在第36行"),
    "a type that is none": (LINE, '{id = "dry", label = ["枯水"], type = "float"}', "sheet.supply.table.water.rows.dry.type", "可用的：count、signed、money、text"),
    "types at odds": (LINE, '{id = "dry", label = ["枯水"], unit = "人"}, {id = "x", label = ["x"], cap = "count"}', "sheet.supply.table.water.rows.x.cap", "是 count，它与列 west 相交，那里是 large"),
    "money without places": (", places = 2", "", "sheet.supply.table.money.columns.spent.places", "金额要写 places"),
    "too many places": ("places = 2", "places = 7", "sheet.supply.table.money.columns.spent.places", "应是0 至 6 的整数，写的是‘7’"),
    "places for a count": (LINE, '{id = "dry", label = ["枯水"], places = 2}', "sheet.supply.table.water.rows.dry.places", '只用于 type = "money"'),
    "a unit for a text": ('type = "text"', 'type = "text", unit = "处"', "sheet.supply.table.water.columns.remark.unit", "文字格不用这个键"),
    "a cap that is nowhere": ('cap = "large"', 'cap = "huge"', "sheet.supply.table.water.columns.west.cap", "指的‘huge’不在 [caps] 里；可用的：count、large"),
    "a list of numbers": ('rollup = "confirm-sum"', 'rollup = "list"', "sheet.supply.table.water.rows.spring.rollup", "是 list；count 的可用：sum、confirm-sum、none"),
    "a text summed": ('type = "text"', 'type = "text", rollup = "sum"', "sheet.supply.table.water.columns.remark.rollup", "text 的可用：list、none"),
    "derive without a sum": ('rollup = "confirm-sum"', 'rollup = "derive"', "sheet.supply.table.water.rows.spring.rollup", "derive 只用于有 sum 的"),
    "a total of what is not summed": (LINE, '{id = "dry", label = ["枯水"], rollup = "none"}', "sheet.supply.table.water.columns.total.sum", '有 rollup = "none" 的格'),
    "a prefill of nothing": ("last.well", "last.wells", "sheet.supply.table.water.rows.well.prefill", "应是 last. 加一个 id：well、spring、sources、dry"),
    "a corner without a place": ('id = "money"', 'id = "money"\n  corner = "角"', "sheet.supply.table.money.corner", "没有放它的格"),
    # sums
    "a sum of a number": ('sum = ["well", "spring"]', "sum = 3", "sheet.supply.table.water.rows.sources.sum", '应是 "起:止" 或 ["a", "b"]'),
    "a sum of numbers": ('sum = ["well", "spring"]', "sum = [1]", "sheet.supply.table.water.rows.sources.sum", '应是 "起:止"'),
    "a sum of one word": ('"east:west"', '"east"', "sheet.supply.table.water.columns.total.sum", '应是 "起:止"'),
    "a sum of what is not there": ('["well", "spring"]', '["well", "sprng"]', "sheet.supply.table.water.rows.sources.sum", "提到了不存在的‘sprng’；可用的：well、spring、dry"),
    "a range of what is not there": ('"east:west"', '"east:wst"', "sheet.supply.table.water.columns.total.sum", "提到了不存在的‘wst’；可用的：east、west、remark"),
    "a range backwards": ('"east:west"', '"west:east"', "sheet.supply.table.water.columns.total.sum", "应从前到后"),
    "a range over itself": ('"east:west"', '"east:total"', "sheet.supply.table.water.columns.total.sum", "范围里有它自己"),
    "a sum of a text": ('"east:west"', '["east", "remark"]', "sheet.supply.table.water.columns.total.sum", "里的 remark 是文字，不能相加"),
    "a sum twice over": ('["well", "spring"]', '["well", "well"]', "sheet.supply.table.water.rows.sources.sum", "‘well’写了两次"),
    "a sum of itself": ('["well", "spring"]', '["well", "sources"]', "sheet.supply.table.water.rows.sources.sum", "提到了自己"),
    "a total counted twice": (LINE, '{id = "dry", label = ["枯水"]}, {id = "all", label = ["全部"], sum = ["well", "sources"]}', "sheet.supply.table.water.rows.all.sum", "‘well’会加两次"),
    "a total in a circle": (LINE, '{id = "dry", label = ["枯水"], sum = ["x"]}, {id = "x", label = ["x"], sum = ["dry"]}', "sheet.supply.table.water.rows.dry.sum", "合计绕成了圈：dry、x"),
    "a total of two units": ('id = "east", label = ["东片"]', 'id = "east", label = ["东片"], unit = "口"', "sheet.supply.table.water.columns.total.unit", "相加的各项单位不同（口、处），请写明合计的单位"),
    "a total of another type": ('sum = "east:west"', 'sum = "east:west", type = "signed"', "sheet.supply.table.water.columns.total.type", "应是 count，与相加的各项一致"),
    # rules
    "a rule that does not parse": ('"dry <= sources"', '"dry <= "', "sheet.supply.table.water.rule.dry-wells.that", "读不通"),
    "a rule of an unknown line": ('"dry <= sources"', '"dry <= source"', "sheet.supply.table.water.rule.dry-wells.that", "提到了不存在的‘source’；可用的：well、spring、sources、dry"),
    "a rule that reaches for Python": ('"dry <= sources"', '"dry.__class__ == 0"', "sheet.supply.table.water.rule.dry-wells.that", "不是编号"),
    "a rule about nothing": ('"dry <= sources"', '"1 <= 2"', "sheet.supply.table.water.rule.dry-wells.that", "一个指标也没有提到"),
    "a rule over a total": ('"dry <= sources"', '"dry <= sum[well:sources]"', "sheet.supply.table.water.rule.dry-wells.that", "本身是合计，会重复相加"),
    "a rule along what is none": ('each = "column"', 'each = "cell"', "sheet.supply.table.water.rule.dry-wells.each", "写的是‘cell’；可用的：row、column"),
    "a level that is none": ('level = "error"', 'level = "fatal"', "sheet.supply.table.water.rule.dry-wells.level", "可用的：error、query、note"),
    "levels as a text": ('levels = ["town"]', 'levels = "town"', "rule.not-fewer.levels", "应是级别的列表，写的是‘town’"),
    "a level of units that is none": ('levels = ["town"]', 'levels = ["village"]', "rule.not-fewer.levels", "第1个写的是‘village’；可用的：town、county、city、province"),
    "levels of lists": ('levels = ["town"]', 'levels = [["town"]]', "rule.not-fewer.levels", "第1个写的是一个列表"),
    "tables of numbers": ('tables = ["water"]', "tables = [1]", "rule.not-fewer.tables", "第1个应是小写字母开头"),
    "tables of tables": ('tables = ["water"]', "tables = [{}]", "rule.not-fewer.tables", "第1个应是小写字母开头"),
    "a table that is not there": ('tables = ["water"]', 'tables = ["wine"]', "rule.not-fewer.tables", "提到了不存在的表‘wine’；可用的：water、money"),
    "tables in a table's rule": ('each = "column"', 'each = "column"\n    tables = ["water"]', "sheet.supply.table.water.rule.dry-wells.tables", "写在表里的规则不用 tables"),
    "a rule of a text": ('each = "row"\ntables = ["water"]\nthat = "east >= last.east"', '\n\nthat = "water.well.remark == 0"', "rule.not-fewer.that", "‘water.well.remark’是文字，不能计算"),
    "a rule id twice": ('id = "not-fewer"', 'id = "dry-wells"', "rule.dry-wells.id", "规则 id ‘dry-wells’已用过"),
    "a rule too long": ('"dry <= sources"', '"' + "(" * 60 + 'dry <= sources"', "sheet.supply.table.water.rule.dry-wells.that", "套得太深"),
    # places in lists
    "dropping what is not there": (LINE, '{id = "drought", drop = true}', "sheet.supply.table.water.rows.drought.drop", "要删去的‘drought’不存在"),
    "after what is not there": (LINE, '{id = "dry", label = ["枯水"], after = "wel"}', "sheet.supply.table.water.rows.dry.after", "指的‘wel’不存在；可用的：well、spring、sources"),
    "after a number": (LINE, '{id = "dry", label = ["枯水"], after = 3}', "sheet.supply.table.water.rows.dry.after", "应是同一列表里另一个 id，写的是‘3’"),
    "a drop that is a text": (LINE, '{id = "dry", label = ["枯水"], drop = "是"}', "sheet.supply.table.water.rows.dry.drop", "应是 true 或 false"),
}  # fmt: skip

SEEN_ELSEWHERE = {  # line
    "a total of what is not summed": 32,  # the total's own
    "a total of two units": 32,
    "a corner without a place": 49,  # the second of the two lines put in
    "tables in a table's rule": 44,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_shown_where_it_was_made_and_said_once(tmp_path: Path, name: str):
    old, new, key, words = WRONG[name]
    error, line = mistake(tmp_path, old, new)
    assert (error.file, error.key) == ("form.toml", key)
    assert words in error.problem, error.problem
    assert error.line == SEEN_ELSEWHERE.get(name, line), error


STATED = (
    SOUND
    + """
[[statement]]
id = "says-dry"
texts = ["about"]
words = ["枯水{n}[处|口]", "没有枯水"]
items = ["water.dry.total"]
plus = ["water.spring.total"]
but = ["去冬"]
"""
)


def test_how_texts_state_a_figure(tmp_path: Path):
    (one,) = load_form(written(tmp_path, STATED)).statements
    assert (one.id, one.texts, one.items) == ("says-dry", ("about",), ("water.dry.total",))
    assert (one.plus, one.wording.but) == (("water.spring.total",), ("去冬",))
    assert [(phrase.text, phrase.has_number) for phrase in one.words] == [
        ("枯水{n}[处|口]", True),
        ("没有枯水", False),
    ]


def test_a_statement_has_the_words_of_the_one_it_is_like(tmp_path: Path):
    more = """
[[statement]]
id = "says-spring"
texts = ["about"]
words = ["山泉{n}处"]
items = ["water.spring.total"]
like = "says-dry"
beside = ["现有"]
"""
    wording = load_form(written(tmp_path, STATED + more)).statements[1].wording
    assert (wording.beside, wording.but) == (("现有",), ("去冬",))


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('["about"]', '["abuot"]', "texts", "提到了不存在的‘abuot’；可用的：about"),
        ('["about"]', "[]", "texts", "应是text 的 id 的列表，写的是一个列表"),
        ('["water.dry.total"]', '["water.dry.totl"]', "items", "提到了不存在的‘water.dry.totl’；是不是 water.dry.total？"),
        ('["water.dry.total"]', '["water.dry"]', "items", "第1个写的是‘water.dry’，应是表.行.列"),
        ('["water.dry.total"]', '["water.dry.remark"]', "items", "‘water.dry.remark’是文字，不是数"),
        ('["water.dry.total"]', '["money.repair.spent"]', "items", "相加的各项单位不同：元、处"),
        ('["water.spring.total"]', '["water.dry.total"]', "plus", "‘water.dry.total’写了两次"),
        ("枯水{n}[处|口]", "枯水{m}处", "words", "第1个这里不能用 {m}；可用的：{next_year}、{n}、{year}"),
        ("枯水{n}[处|口]", "枯水{n}[处|口", "words", "“枯水{n}[处|口”里的 [ 没有收尾的 ]"),
        ("says-dry", "not-fewer", "id", "与一条规则同名，请换一个"),
        ('but = ["去冬"]', 'bud = ["去冬"]', "bud", "不认得这个键；是不是 but？"),
        ('but = ["去冬"]', 'like = "says-wet"', "like", "前面没有‘says-wet’；可用的：没有"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_statement(tmp_path: Path, old: str, new: str, key: str, words: str):
    (error,) = errors_in(written(tmp_path, STATED.replace(old, new)))
    line = STATED.count("\n", 0, STATED.rindex(old)) + 1
    assert (error.file, error.key.rpartition(".")[2]) == ("form.toml", key)
    assert words in error.problem, error.problem
    assert error.line == line or STATED.count(old) > 1, error


def test_a_province_drops_a_statement_with_what_it_speaks_of(tmp_path: Path):
    written(tmp_path, STATED, "base.toml")
    change = """\
extends = "base"
edition = "x"
[[sheet]]
id = "supply"
  [[sheet.table]]
  id = "water"
  columns = [{id = "total", drop = true}]
"""
    errors = errors_in(written(tmp_path, change))
    assert {error.key for error in errors} == {"statement.says-dry.items", "statement.says-dry.plus"}
    form = load_form(written(tmp_path, change + '[[statement]]\nid = "says-dry"\ndrop = true\n', "y.toml"))
    assert form.statements == ()


@pytest.mark.parametrize("times", [300, 203])  # the comparison itself; only what is put around it
def test_a_rule_whose_formula_no_program_would_take_is_found_before_the_template(tmp_path: Path, times: int):
    """Short as a rule, but each name becomes the address of a cell on another sheet."""
    text = SOUND.replace('name = "供水"', f'name = "{"表" * 31}"').replace('"water"', '"w"')
    text = (
        text.replace('"dry"', '"d"').replace('"east"', '"e"').replace("east:", "e:").replace("dry <", "d <")
    )
    text = text.replace('each = "row"\ntables = ["w"]\nthat = "east >= last.east"', 'that = "RULE >= 0"')
    assert load_form(written(tmp_path, text.replace("RULE", "+".join(["w.d.e"] * 100)), "short.toml"))
    (error,) = errors_in(written(tmp_path, text.replace("RULE", "+".join(["w.d.e"] * times))))
    assert (error.key, error.line) == ("rule.not-fewer.that", 54)
    assert "Excel 最多 8192 个" in error.problem


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path):
    text = (
        SOUND.replace("years = [2024, 2025]", 'years = "2024"')
        .replace("large = 90000", "large = -1")
        .replace('type = "choice"', 'type = "radio"')
        .replace('name = "供水"', 'name = "供?水"')
        .replace('["东片"]', '"东片"')
        .replace("枯水不多于水源", "")
        .replace('level = "query"', 'level = "warn"')
        .replace("last.well", "well")  # not said: the table's lines are not in order
        .replace("east >= last.east", "east >=")
    )
    errors = errors_in(written(tmp_path, text))
    assert [(error.line, error.key) for error in errors] == [
        (3, "years"),
        (9, "caps.large"),
        (14, "cover.duty.type"),
        (19, "sheet.supply.name"),
        (30, "sheet.supply.table.water.columns.east.label"),
        (46, "sheet.supply.table.water.rule.dry-wells.basis"),
        (56, "rule.not-fewer.that"),
        (57, "rule.not-fewer.level"),
    ]
    assert str(FormErrors(errors)).count("\n") == len(errors) - 1
    assert str(errors[0]).startswith("form.toml 第3行：years 应是")


def test_a_key_of_the_rule_language_is_looked_up_among_ids_only(tmp_path: Path):
    error, _ = mistake(tmp_path, '"dry <= sources"', '"dry.real <= 1"')
    assert "提到了不存在的‘dry.real’" in error.problem


@pytest.mark.parametrize(
    ("data", "words", "line"),
    [
        (b"", "缺少", None),
        (b"\n# nothing\n", "缺少", None),
        (b"id = ", "值读不通", 1),
        (b'a = 1\nb = "x\n', "有不允许的字符", 2),
        (b"a = 1\na = 2\n", "同一个键写了两次", 2),
        (b"[[a]]\n[a]\n", "同一张表写了两次", 2),
        (b"a = [1, 2", "列表少了 ]", 1),
        ("标题 = 1".encode(), "这一行读不通", 1),
        (b"ok = 1\nid = '\xff'\n", "有不是 UTF-8 的字节", 2),
        ("id = 'a'".encode("utf-16"), "是 UTF-16 编码", None),
        ("# 中文\n".encode("gbk"), "请另存为 UTF-8", 1),
        (b"a = " + b"9" * 5000, "长得不合理", None),
        (b"a = 2024-13-45", "一个值写完应换行", 1),
        (b"a = " + b"[" * 3000 + b"]" * 3000, "列表套得太深", None),
        (b"a = 1\n" * 200_000, "大得不像报表文件", None),
    ],
)  # fmt: skip
def test_what_is_not_a_form_file_at_all(tmp_path: Path, data: bytes, words: str, line: int | None):
    path = tmp_path / "form.toml"
    path.write_bytes(data)
    errors = errors_in(path)
    assert words in errors[0].problem
    assert (errors[0].file, errors[0].line) == ("form.toml", line)


def test_an_empty_file_is_told_all_that_it_lacks(tmp_path: Path):
    keys = [error.key for error in errors_in(written(tmp_path, ""))]
    assert keys == [name.rstrip("*") for name in SPECS["form"] if name.endswith("*")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path):
    path = tmp_path / "form.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SOUND.replace("\n", "\r\n").encode())
    assert load_form(path).id == "wells"
    path.write_bytes(b"\xef\xbb\xbf" + SOUND.replace("[2024, 2025]", "[1]").replace("\n", "\r\n").encode())
    assert errors_in(path)[0].line == 3


def test_a_folder_and_a_file_that_is_gone(tmp_path: Path):
    (tmp_path / "folder.toml").mkdir()
    assert "读不出来" in errors_in(tmp_path / "folder.toml")[0].problem
    assert "读不出来" in errors_in(tmp_path / "gone.toml")[0].problem


def test_two_sheets_of_one_name_and_an_id_used_twice_over(tmp_path: Path):
    again = SOUND[SOUND.index("[[sheet]]") : SOUND.index("    [[sheet.table.rule]]")]
    text = SOUND + again.replace('id = "supply"', 'id = "more"')
    keys = {error.key: error.problem for error in errors_in(written(tmp_path, text))}
    assert keys == {
        "sheet.more.name": "与工作表 supply 同名：供水",
        "sheet.more.text.about": "这个 id 在工作表 supply 里已用过",
        "sheet.more.table.water": "这个 id 在工作表 supply 里已用过",
    }


def test_a_table_with_totals_only_gives_a_rule_nothing_to_run_along(tmp_path: Path):
    old = 'columns = [{id = "spent", label = [], type = "money", unit = "元", places = 2}]'
    error, _ = mistake(tmp_path, old, "columns = []")
    assert (error.key, error.problem) == ("sheet.supply.table.money.columns", "一行（列）也没有")


def test_the_names_we_keep_for_ourselves_are_all_refused():
    ours = {
        COVER,
        CHECKS,
        GUIDE,
        META,
        detail.FACE,
        detail.STATUS,
        detail.FINDINGS,
        detail.REASONS,
        detail.TEXTS,
    }
    assert ours <= RESERVED_SHEETS
    for sheet in detail.detail_sheets(EDITION_2019).values():
        assert sheet.name.startswith(RESERVED_PREFIX)
    assert {"check", "xltools"} <= RESERVED_IDS  # prefixes of defined names


# ---- extends


def test_a_mistake_in_the_base_is_shown_in_the_base(tmp_path: Path):
    base = SOUND.replace('["well", "spring"]', '["well", "sprng"]').replace("large = 90000", "large = 0")
    written(tmp_path, base, "base.toml")
    path = written(tmp_path, 'extends = "base"\nedition = "x"\n\n[[cover]]\nid = "duty"\ntype = "none"\n')
    found = [(error.file, error.line, error.key) for error in errors_in(path)]
    assert found == [
        ("base.toml", 9, "caps.large"),
        ("base.toml", 38, "sheet.supply.table.water.rows.sources.sum"),
        ("form.toml", 6, "cover.duty.type"),
    ]


def test_a_mistake_made_by_overriding_is_shown_in_the_file_that_overrides(tmp_path: Path):
    written(tmp_path, SOUND, "base.toml")
    change = """\
extends = "base"
edition = "x"
[[sheet]]
id = "supply"
  [[sheet.table]]
  id = "water"
  rows = [{id = "spring", label = ["水源", "水井"]}]
"""
    (error,) = errors_in(written(tmp_path, change))
    assert (error.file, error.line) == ("form.toml", 7)
    assert "与 well 的标签相同" in error.problem


def test_dropping_what_a_total_or_a_rule_needs_is_shown_where_it_is_needed(tmp_path: Path):
    written(tmp_path, SOUND, "base.toml")
    change = """\
extends = "base"
edition = "x"
[[sheet]]
id = "supply"
  [[sheet.table]]
  id = "water"
  ROWS
"""
    (error,) = errors_in(written(tmp_path, change.replace("ROWS", 'rows = [{id = "spring", drop = true}]')))
    assert (error.file, error.line, error.problem) == (
        "base.toml",
        38,
        "提到了不存在的‘spring’；可用的：well、dry",
    )
    (error,) = errors_in(written(tmp_path, change.replace("ROWS", 'rows = [{id = "dry", drop = true}]')))
    assert (error.file, error.line) == ("base.toml", 44)
    assert "提到了不存在的‘dry’" in error.problem


def test_a_file_of_another_folder_is_named_with_its_folder(tmp_path: Path):
    folder = tmp_path / "county"
    folder.mkdir()
    base = written(folder, SOUND.replace("[2024, 2025]", "[0]"), "1.toml")
    path = written(tmp_path, 'extends = "county/1"\nedition = "x"\n')
    with pytest.raises(FormErrors) as caught:
        load_form_file(path, {"county/1": base})
    assert (caught.value.file, caught.value.line) == ("county/1.toml", 3)


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        (
            '"2018"',
            "找不到‘2018’；同一文件夹里有：base、form；随 xltools 附带的有：gov-info-disclosure/2019、",
        ),
        ('"2021"', "是不是 gov-info-disclosure/2021？"),
        ('"base.toml"', "找不到‘base.toml’；是不是 base？"),
        ('"gov-info-disclosure/2022"', "是不是 gov-info-disclosure/2021？"),
        ('"../../etc/passwd"', "找不到‘../../etc/passwd’"),
        ('"\\u0000"', "有不能显示的控制字符"),
        ('""', "是空的"),
        ("3", "应是同一文件夹里的文件名（不带 .toml），或 报表/版本，写的是‘3’"),
        ('["base"]', "写的是一个列表"),
    ],
)
def test_extending_what_is_not_there(tmp_path: Path, extends: str, words: str):
    written(tmp_path, SOUND, "base.toml")
    path = written(tmp_path, f'edition = "x"\nextends = {extends}\n')
    found = [error for error in errors_in(path) if error.key == "extends"]
    assert any(words in error.problem for error in found), found
    assert {error.line for error in found} == {2}


def test_extending_in_a_circle(tmp_path: Path):
    for name, above in (("a", "b"), ("b", "c"), ("c", "a")):
        written(tmp_path, f'extends = "{above}"\nedition = "{name}"\n', f"{name}.toml")
    (error,) = errors_in(tmp_path / "a.toml")
    assert (error.file, error.line, error.problem) == ("c.toml", 1, "‘a’绕回到了自己")
    (error,) = errors_in(written(tmp_path, 'extends = "form"\nedition = "x"\n'))
    assert "‘form’绕回到了自己" in error.problem


@pytest.mark.parametrize(
    "text", [f'extends = "base"\n{same}\n' for same in ("", 'edition = "1"', 'id = "wells"')]
)
def test_what_extends_a_form_may_not_go_under_its_name(tmp_path: Path, text: str):
    """Its workbooks would be taken for the other's."""
    written(tmp_path, SOUND, "base.toml")
    (error,) = errors_in(written(tmp_path, text))
    assert (error.key, error.problem) == ("edition", "extends 的报表要有自己的 edition，不能与原报表同名")
    assert load_form(written(tmp_path, 'extends = "base"\nid = "ponds"\n')).key == "ponds/1"


def overridden(folder: Path, change: str) -> Form:
    written(folder, SOUND, "base.toml")
    return load_form(written(folder, f'extends = "base"\nedition = "x"\n{change}'))


def test_what_overriding_can_do(tmp_path: Path):
    form = overridden(
        tmp_path,
        """
years = [2026]
[caps]
count = {town = 7}
[[cover]]
id = "phone"
label = "电话"
type = "text"
[[cover]]
id = "duty"
after = "phone"
choices = ["白天", "全天"]
[[sheet]]
id = "first"
name = "先行"
title = "先行"
  [[sheet.text]]
  id = "first"
  label = "先行"
[[sheet]]
id = "supply"
after = "first"
widths = {data = 70}
  [[sheet.text]]
  id = "about"
  drop = true
  [[sheet.table]]
  id = "water"
  unit = ""
  corner = ""
  columns = [
    {id = "remark", drop = true},
    {id = "north", label = ["北片"], after = "west", cap = "large"},
    {id = "west", after = "east", label = ["西"]},
    {id = "total", sum = ["east", "west", "north"]},
  ]
  rows = [{id = "well", after = "spring"}, {id = "sources", sum = []}]
    [[sheet.table.rule]]
    id = "dry-wells"
    level = "query"
[[rule]]
id = "not-fewer"
drop = true
""",
    )
    assert (form.first_year, form.last_year) == (2026, None)
    assert form.caps["count"] == {"town": 7, "county": 20000}
    assert [(one.id, one.choices) for one in form.cover] == [("phone", ()), ("duty", ("白天", "全天"))]
    assert [sheet.id for sheet in form.sheets] == ["first", "supply"]
    supply, water = form.sheets[1], form.tables["water"]
    assert (supply.label_widths, supply.data_width, supply.texts) == ((10, 14), 70, ())
    assert (water.unit, water.corner) == (None, "")
    assert [(one.id, one.label[-1], one.cap) for one in water.columns] == [
        ("east", "东片", None), ("west", "西", "large"), ("north", "北片", "large"), ("total", "合计", None),
    ]  # fmt: skip
    assert [row.id for row in water.rows] == ["spring", "well", "sources", "dry"]
    assert form.items["water.sources.east"].is_input
    assert [(line.id, line.rule.level) for line in form.rule_lines] == [
        (f"dry-wells.{column}", "query") for column in ("east", "west", "north")
    ]


def test_a_total_may_stand_before_what_it_adds_up(tmp_path: Path):
    text = SOUND.replace('    {id = "sources", label = ["水源", "小计"], sum = ["well", "spring"]},\n', "")
    first = '  rows = [\n    {id = "sources", label = ["水源", "小计"], sum = "well:spring"},\n'
    form = load_form(written(tmp_path, text.replace("  rows = [\n", first, 1)))
    assert form.items["water.sources.east"].sum == ("water.well.east", "water.spring.east")


def test_a_total_takes_after_its_parts(tmp_path: Path):
    text = """\
id = "mixed"
edition = "1"
years = [2024]
title = "t"
heading = "{unit}{year}"
[[sheet]]
id = "s"
name = "s"
title = "s"
  [[sheet.table]]
  id = "t"
  columns = [{id = "one", label = ["一"]}, {id = "two", label = ["二"]}, {id = "both", label = ["和"], sum = "one:two"}]
  rows = [
    {id = "people", label = ["人数"], unit = "人"},
    {id = "change", label = ["增减"], type = "signed", unit = "人"},
    {id = "money", label = ["金额"], type = "money", unit = "元", places = 2},
    {id = "note", label = ["备注"], type = "text"},
    {id = "heads", label = ["人数与增减"], sum = ["people", "change"]},
  ]
"""
    items = load_form(written(tmp_path, text)).items
    found = {
        name: (item.type, item.unit, item.places, item.rollup)
        for name, item in items.items()
        if "both" in name
    }
    assert found == {
        "t.people.both": ("count", "人", None, "derive"),
        "t.change.both": ("signed", "人", None, "derive"),
        "t.money.both": ("money", "元", 2, "derive"),
        "t.note.both": ("text", None, None, "list"),
        "t.heads.both": ("signed", "人", None, "derive"),
    }


# ---- lines of a TOML file


def nodes(tree: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in inside:
        yield (*steps, step)
        yield from nodes(value, (*steps, step))


ODD_TOML = '''\
# a comment with [[x]] and = signs
"quoted key" = 'it''s' # no
a.b."c.d" = """
many # lines
"quoted" and \\""" still
"""
nothing = [ # comment ]
  1, [2, "]"], # two
  {x = 1, y.z = [3,
    4]},
]
when = 1979-05-27 07:32:00
[table.deep]
k = \'\'\'
it's
\'\'\'
[[list.of]]
  [[list.of.more]]
  v = true
  [list.of.table]
  w = -1.5e3
[[list.of]]
  [[list.of.more]]
  [[list.of.more]]
  v = """"two quotes"""""
'''.replace("'it''s'", "'its'")


@pytest.mark.parametrize(
    "path", [*SHIPPED.values(), *sorted(FORMS.glob("*.toml"))], ids=lambda path: path.stem
)
def test_every_key_of_a_form_file_has_its_line(path: Path):
    text = path.read_text(encoding="utf-8")
    lines, shown = lines_of(text), text.splitlines()
    assert set(lines) == set(nodes(tomllib.loads(text)))
    for steps, line in lines.items():
        if isinstance(steps[-1], str):
            assert steps[-1] in shown[line - 1], steps


def test_every_key_of_odd_toml_has_its_line():
    lines, shown = lines_of(ODD_TOML), ODD_TOML.splitlines()
    assert set(lines) == set(nodes(tomllib.loads(ODD_TOML)))
    assert shown[lines["nothing", 2, "y", "z"] - 1] == "  {x = 1, y.z = [3,"
    assert shown[lines["nothing", 2, "y", "z", 1] - 1] == "    4]},"
    assert shown[lines["list", "of", 1, "more", 1, "v"] - 1].startswith('  v = """"two')
    assert lines["list", "of", 1, "more", 0] == lines["list", "of", 1, "more", 1] - 1


def toml_of(value: Any) -> str:
    """A value as TOML writes it on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            return "{" + ", ".join(f"{toml_of(key)} = {toml_of(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml_of, value)) + "]"
    return str(value)


def document(tree: dict[str, Any], above: tuple[str, ...] = ()) -> str:
    """A tree as an author would write it: lists of tables as [[…]], the rest key by key."""
    tables = {
        key: value
        for key, value in tree.items()
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    }
    text = "".join(f"{toml_of(key)} = {toml_of(value)}\n" for key, value in tree.items() if key not in tables)
    for key, members in tables.items():
        here = (*above, key)
        name = ".".join(map(toml_of, here))
        text += "".join(f"\n[[{name}]]\n{document(member, here)}" for member in members)
    return text


plain = st.one_of(
    st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False), st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
trees = st.recursive(
    plain, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3)
)


@settings(deadline=None)
@given(st.dictionaries(keys, trees, max_size=4))
@example({"a": [{"b": []}, {"b": [{}]}]})
def test_every_key_of_any_toml_has_a_line(tree: dict[str, Any]):
    text = document(tree)
    read = tomllib.loads(text)
    assert set(lines_of(text)) == set(nodes(read))


# ---- mistakes that nobody thought of

JUNK = [
    None, "", " ", "x", "X", "last", "a.b", "a:b", "row", "{unit}", "\x00", "长" * 300, 0, -1, 3, 2**70, 0.5,
    float("nan"), float("inf"), True, False, [], [1], [[]], [""], ["x", "x"], [{}], [{"id": 1}], [{"id": "x"}],
    [{"id": "x", "drop": True}], [{"id": "x", "label": []}], {}, {"id": "x"}, {"x": {"y": [1]}}, "sum[a:b] == 1",
    "new == last.new", "__import__('os')", ["town"], "well:dry", ["natural", "total"], "text", "money", "none",
]  # fmt: skip
SEEDS = [
    tomllib.loads(path.read_text(encoding="utf-8")) for path in (*SHIPPED.values(), *FORMS.glob("*.toml"))
]
SEEDS += [tomllib.loads(SOUND)] * 4


def mutated(tree: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The tree after a few nodes are deleted, replaced, doubled, renamed or put elsewhere."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.randint(1, 4)):
        places = list(nodes(tree))
        if not places:
            break
        steps, other = chance.choice(places), chance.choice(places)
        home, source = at(tree, steps[:-1]), copy.deepcopy(at(tree, other))
        last: Any = steps[-1]
        match chance.choice(["delete", "junk", "junk", "double", "rename", "move", "after"]):
            case "delete":
                del home[last]
            case "junk":
                junk = copy.deepcopy(chance.choice(JUNK))
                home[last] = [junk] if junk is None else junk
            case "double" if isinstance(home, list):
                home.insert(last, copy.deepcopy(home[last]))
            case "rename" if isinstance(home, dict):
                home[chance.choice(["id", "sum", "rule", "rows", "label", "x y", "type"])] = home.pop(last)
            case "move":
                home[last] = source
            case "after" if isinstance(home[last], dict):
                home[last][chance.choice(["after", "drop", "sum", "prefill"])] = chance.choice(
                    ["x", True, "new"]
                )
    return drop_none(tree)


def at(tree: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        tree = tree[step]
    return tree


def drop_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: drop_none(one) for key, one in value.items()}
    return [drop_none(one) for one in value if one is not None] if isinstance(value, list) else value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SEEDS), st.integers(0, 2**32))
def test_whatever_is_done_to_a_form_file_it_loads_or_says_what_is_wrong(
    tmp_path: Path, seed: dict[str, Any], number: int
):
    path = written(tmp_path, document(mutated(seed, random.Random(number))))
    try:
        form = load_form_file(path, SHIPPED)
    except FormErrors as errors:
        for error in errors.errors:
            assert re.search("[\u4e00-\u9fff]", error.problem), error
            assert error.file == "form.toml" or error.file in {
                f"gov-info-disclosure/{key[20:]}.toml" for key in SHIPPED
            }
            assert (
                error.file != "form.toml"
                or error.line is None
                or error.line <= path.read_text("utf-8").count("\n")
            )
        assert len({(error.file, error.line, error.key, error.problem) for error in errors.errors}) == len(
            errors.errors
        )
    else:
        works(form)


def works(form: Form) -> None:
    """A form that loads can be laid out and calculated, and no two places overlap."""
    layout = lay_out(form)
    for item in form.derived:
        assert total_formula(layout, item).startswith("SUM(")
    for row in layout.rules.values():
        assert rule_formulas(layout, row).result
    taken: set[tuple[str, int, int]] = set()
    for place in (*(slot.place for slot in layout.slots.values()), *(label.place for label in layout.labels)):
        rows, columns = range(place.row, place.last_row + 1), range(place.column, place.last_column + 1)
        cells = {(place.sheet, row, column) for row in rows for column in columns}
        assert not taken & cells
        taken |= cells

"""The roll-up workbook, sheet by sheet: what a county signs, explains, compares and passes upward."""

import io
import os
import posixpath
import re
import time
import zipfile
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import helpers_pipe as pipe
import helpers_rollup
import openpyxl
import pytest
from test_office import agree, recalculated
from test_openxml import errors

from xltools import Unit, check, load_form, merge, write_rollup, write_template
from xltools.compute import all_figures, totals
from xltools.detail import CHARTS, FIRST_ROW, HEAD_ROWS, UNIT_YEARS, YEARS, detail_sheets, short_labels
from xltools.errors import FormErrors
from xltools.filing import Filing, Leaf, Reason
from xltools.finding import Outcome
from xltools.layout import CHECKS, META, lay_out
from xltools.result import Checked, CheckResult, MergeResult
from xltools.rollup import roll_up
from xltools.roster import Roster
from xltools.saving import mismatch
from xltools.writing.details import page_breaks
from xltools.writing.years import HEAD_ROW, wholes

KEY = "gov-info-disclosure/2021"
FORM = load_form(KEY)
OLD = load_form("gov-info-disclosure/2019")
SNOW = load_form(str(pipe.OWN[-1]))
COUNTY = Unit(name="示例县", code="U9", level="county")
PARTS = [
    ("政府办", "本级"),
    ("财政局", "部门"),
    ("甲镇", "乡镇街道"),
    ("教育局", "部门"),
    ("乙镇", "乡镇街道"),
]
NEW = "applications.new.total"


def leaf(form, number, name, kind="乡镇街道", **more):
    """A unit with the figures of a seed; `blank` are left out, `items` are put over them."""
    items = {**pipe.seeded(form, number).items, **more.pop("items", {})}
    items.update(dict.fromkeys(more.pop("blank", ()), None))
    who = Unit(name=name, code=f"U{number:02d}", kind=kind, parent="示例县")
    return Leaf(unit=who, file=f"{name}.xlsx", sha256=f"{number:064x}", inputs=items, **more)


def leaves(form=FORM, **more):
    return [leaf(form, n, name, kind, **more) for n, (name, kind) in enumerate(PARTS, 1)]


def last_of(form, some, seed=50):
    """Last year's figures of these units, as they add up in another year's reports of a form."""
    by_unit = {
        one.unit.key: all_figures(form, pipe.seeded(form, seed + n).items) for n, one in enumerate(some)
    }
    own = {
        item.id: sum(figures[item.id] for figures in by_unit.values())
        for item in form.items.values()
        if item.type != "text"
    }
    return own, by_unit


def result(some, form=FORM, **more):
    year = more.pop("year", pipe.year_of(form))
    return MergeResult(CheckResult(()), (), roll_up(form, year, some, unit=COUNTY, **more))


def book(data, **more):
    return openpyxl.load_workbook(io.BytesIO(data), **more)


def words(sheet):
    return "\n".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None)


def parts(data, pattern):
    """Parts of the package whose names match, as XML."""
    package = zipfile.ZipFile(io.BytesIO(data))
    return [ElementTree.fromstring(package.read(n)) for n in package.namelist() if re.fullmatch(pattern, n)]


@pytest.fixture(scope="module")
def full():
    """A county with everything: a blank, a declared zero, a reason, last year of the county and of its units."""
    some = leaves()
    some[2] = leaf(FORM, 3, "甲镇", blank=["applications.granted.natural"], texts={"general": "长。" * 9000})
    some[4] = leaf(FORM, 5, "乙镇", declared_zeros=frozenset(["documents.normative.made"]),
                   reasons=(Reason("carry-over.natural", "三、D8", "不衔接", "上年漏报"),))  # fmt: skip
    own, by_unit = last_of(OLD, some)
    del by_unit[some[0].unit.key]
    return result(some, last=own, last_by_unit=by_unit)


@pytest.fixture(scope="module")
def data(full):
    return write_rollup(full)


# ---- recalculated, valid, ready to print


@pytest.mark.office
@pytest.mark.parametrize("case", ["everything", "one unit, no last year", "2019", "snow"])
def test_recalculating_changes_nothing(case, data, tmp_path):
    made = {
        "everything": lambda: data,
        "one unit, no last year": lambda: write_rollup(result(leaves()[:1])),
        "2019": lambda: write_rollup(result(leaves(OLD), OLD, last=last_of(OLD, leaves(OLD))[0])),
        "snow": lambda: write_rollup(
            result(leaves(SNOW), SNOW, **dict(zip(("last", "last_by_unit"), last_of(SNOW, leaves(SNOW)), strict=True)))
        ),
    }[case]()  # fmt: skip
    path = tmp_path / "汇总.xlsx"
    path.write_bytes(made)
    assert agree(recalculated(path), made) > 250


@pytest.mark.openxml
def test_the_sdk_has_nothing_to_say(data, tmp_path):
    for name, made in (("full", data), ("plain", write_rollup(result(leaves(SNOW)[:1], SNOW)))):
        path = tmp_path / f"{name}.xlsx"
        path.write_bytes(made)
        assert errors(path) == []


def test_every_sheet_is_locked_and_ready_to_print(data):
    for sheet in book(data):
        assert sheet.protection.sheet
        if sheet.title == META:
            continue
        assert sheet.page_setup.paperSize == 9 and sheet.print_area, sheet.title
        assert "&P" in sheet.oddFooter.center.text and sheet.oddHeader.center.text is None, sheet.title
        spread = sheet.title.startswith("明细")  # over several pages beside each other
        fits = sheet.sheet_properties.pageSetUpPr  # one page wide
        assert bool(fits and fits.fitToPage) is not spread, sheet.title
        assert sheet.page_setup.fitToWidth in (None, 1), sheet.title


def test_nothing_depends_on_the_order_of_units_or_runs(full, data):
    again = result(
        full.rollup.leaves[::-1], last=full.rollup.last, last_by_unit=dict(full.rollup.last_by_unit)
    )
    assert write_rollup(again) == data


# ---- 汇总


def test_the_title_names_county_year_and_edition(data):
    assert book(data)["汇总"]["A1"].value == (
        "示例县2021年政府信息公开工作年度报告\n（汇总 · 2021版 · 5 个单位）"
    )


def test_own_reports_and_consolidated_files_are_told_apart():
    some = [*leaves()[:2], leaf(FORM, 7, "东区", "已汇总"), leaf(FORM, 8, "丙镇", through="西区汇总.xlsx")]
    face = words(book(write_rollup(result(some)))["汇总"])
    assert "本级 1 个、部门 1 个、乡镇街道 1 个、已汇总 1 个" in face
    assert "本级自报\n政府办" in face and "已汇总的报表\n东区（下属单位不再另计）" in face
    assert "由下级汇总件计入\n西区汇总.xlsx（1 个单位）；另有 3 个单位直接报送" in face


def test_a_figure_that_lacks_units_says_so_on_its_face_and_who_it_is_on_the_first_page(data):
    made, layout = book(data), lay_out(FORM)
    for item, mark in (
        ("granted.natural", 1),
        ("granted.total", 1),
        ("handled.natural", 1),
        ("new.natural", 0),
    ):
        slot = layout.slots[f"applications.{item}"]
        cell = made[slot.sheet][slot.address]
        assert cell.number_format == ('0"（缺1）"' if mark else "0"), item
        assert not mark or cell.alignment.shrink_to_fit  # ### would hide it
    face = words(made["汇总"])
    assert "4 项没有包含所有单位" in face and "缺：甲镇（4 项）" in face
    assert "（缺n）" in words(made[layout.slots["applications.granted.natural"].sheet])


def test_the_contents_lead_to_every_sheet(data):
    made = book(data)
    shown = [sheet.title for sheet in made if sheet.title not in ("汇总", META)]
    links = [cell.hyperlink.location for row in made["汇总"].iter_rows() for cell in row if cell.hyperlink]
    assert [link.split("!")[0].strip("'") for link in links] == shown


def test_a_rule_that_the_sums_break_is_said_once_with_its_lines():
    some = leaves(items={"applications.new.natural": 0, "applications.new.company": 0})
    face = words(book(write_rollup(result(some)))["汇总"])
    assert face.count("不平：表头：第一项加第二项之和") == 1
    assert "（三、收到和处理政府信息公开申请情况：自然人、商业企业）" in face


# ---- aggregation methods


def test_how_each_figure_is_merged_shows(data):
    slots = lay_out(SNOW).slots
    some = leaves(SNOW)
    made = book(write_rollup(result(some, SNOW)))

    def cell(item):
        return made[slots[item].sheet][slots[item].address]

    people = cell("teams.machine.people")
    assert people.number_format == '0"※"' and people.value.startswith("=SUM(")  # confirm-sum
    assert "须由人核对后确认" in words(made["汇总"]) and "※" in words(
        made[slots["teams.machine.people"].sheet]
    )
    hours = cell("teams.machine.hours")
    assert hours.value is None and hours.fill.patternType == "gray125"  # none
    listed = [f"{one.unit.name}：{one.inputs['teams.machine.name']}" for one in some]
    assert sorted(cell("teams.machine.name").value.split("\n")) == sorted(listed)  # list
    assert cell("clearing.done.total").number_format == "0"  # derive


def test_money_is_exact():
    some = [leaf(FORM, n, f"{n}镇", items={"fees.charge.amount": Decimal("0.1")}) for n in range(1, 11)]
    rolled = result(some)
    slot = lay_out(FORM).slots["fees.charge.amount"]
    assert rolled.rollup.figures["fees.charge.amount"] == 1
    assert book(write_rollup(rolled), data_only=True)[slot.sheet][slot.address].value == 1


# ---- 明细


def test_subtotals_per_kind_are_live_and_true_in_any_order_of_the_roster(full):
    order = Roster(tuple(one.unit for one in full.rollup.leaves[::-1]))
    data = write_rollup(result(full.rollup.leaves, roster=order))
    live, shown = book(data), book(data, data_only=True)
    for detail in detail_sheets(FORM).values():
        sheet = shown[detail.name]
        units = [sheet.cell(FIRST_ROW + n, 2).value for n in range(5)]
        assert units == [one.name for one in order]
        kinds = dict(PARTS)
        rows = {sheet.cell(FIRST_ROW + 5 + n, 1).value: FIRST_ROW + 5 + n for n in range(4)}
        assert list(rows) == [
            "小计：本级（1 个单位）",
            "小计：部门（2 个单位）",
            "小计：乡镇街道（2 个单位）",
            "合计（5 个单位）",
        ]
        for at, item in enumerate(detail.items):
            column = detail.place(0, at).column
            for words, row in rows.items():
                members = [
                    n for n, name in enumerate(units) if f"小计：{kinds[name]}（" in words or "合计" in words
                ]
                values = [sheet.cell(FIRST_ROW + n, column).value or 0 for n in members]
                assert sheet.cell(row, column).value == pytest.approx(sum(values)), (item.id, words)
                assert live[detail.name].cell(row, column).value.startswith("=SUM")


def test_heads_are_frozen_and_filtered_and_a_zero_that_was_declared_looks_it(data):
    made = book(data)
    for detail in detail_sheets(FORM).values():
        sheet = made[detail.name]
        assert sheet.freeze_panes == "C6" and sheet.auto_filter.ref.startswith("A5:")
        assert [sheet.cell(HEAD_ROWS[-1], 6 + n).value for n in range(len(detail.items))] == [
            item.id for item in detail.items
        ]
    detail = detail_sheets(FORM)["documents"]
    row = [one.value for one in made[detail.name]["B"]].index("乙镇")
    cell = made[detail.name].cell(row + 1, detail.place(0, detail.at["documents.normative.made"]).column)
    assert cell.font.italic and cell.number_format == "#,##0"


def test_every_figure_of_the_report_leads_to_its_column(data):
    made = book(data)
    for slot in lay_out(FORM).slots.values():
        cell = made[slot.sheet][slot.address]
        assert cell.value.startswith("=SUM(")
        sheet, _, place = cell.hyperlink.location.rpartition("!")
        column = made[sheet.strip("'")][place].column
        assert made[sheet.strip("'")].cell(HEAD_ROWS[-1], column).value == slot.item.id


def test_each_unit_leads_to_its_file_from_where_the_roll_up_lies(tmp_path):
    where, out = tmp_path / "收 件#1", tmp_path / "汇总" / "2021"
    where.mkdir()
    for n, name in enumerate(("1 镇", "100%23[再发]", "a&b"), 1):
        unit = Unit(name=f"示例{n}镇", code=f"U{n}", parent="示例县")
        (where / f"{name}.xlsx").write_bytes(write_template(FORM, unit, 2021, pipe.seeded(FORM, n)))
    merged = merge(check([where]), unit=COUNTY)
    out.mkdir(parents=True)
    linked = book(write_rollup(merged, out))
    for detail in detail_sheets(FORM).values():
        for n in range(3):
            cell = linked[detail.name].cell(FIRST_ROW + n, 2)
            target = unquote(cell.hyperlink.target).replace("\\", "/")
            assert not posixpath.isabs(target) and (out / target).samefile(
                where / linked[detail.name].cell(FIRST_ROW + n, 5).value
            )
    assert write_rollup(merged) == write_rollup(merge(check([moved(where)]), unit=COUNTY))
    assert "External" not in "".join(
        part.decode() for name, part in members(write_rollup(merged)) if name.endswith(".rels")
    )


def moved(folder):
    other = folder.parent / "别处" / "深处"
    other.mkdir(parents=True)
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    return other


def members(data):
    package = zipfile.ZipFile(io.BytesIO(data))
    return [(name, package.read(name)) for name in package.namelist()]


def test_a_unit_inside_a_roll_up_leads_to_that_roll_up(tmp_path):
    towns = tmp_path / "镇"
    towns.mkdir()
    unit = Unit(name="示例镇", code="U1", parent="示例县")
    (towns / "1.xlsx").write_bytes(write_template(FORM, unit, 2021, pipe.seeded(FORM, 1)))
    county = tmp_path / "县.xlsx"
    county.write_bytes(write_rollup(merge(check([towns]), unit=COUNTY), tmp_path))
    city = merge(check([county]), unit=Unit(name="示例市", code="U8", level="city"))
    (one,) = city.checked.filings
    assert one.findings == ()  # a roll-up with links and charts is read like any other
    detail = detail_sheets(FORM)["documents"]
    assert book(write_rollup(city, tmp_path))[detail.name]["B6"].hyperlink.target == "县.xlsx"


# ---- read back


def test_what_is_written_is_read_back(full, data):
    back = pipe.read(data)
    assert back.is_rollup and back.label_faults == ()
    for one, other in zip(back.leaves, full.rollup.leaves, strict=True):
        assert (one.unit.identity(), one.inputs, one.reasons) == (
            other.unit.identity(), other.inputs, other.reasons
        )  # fmt: skip
        assert {name: text for name, text in one.texts.items() if text} == dict(other.texts)


def test_a_sum_that_lacks_a_unit_and_what_is_not_merged_are_no_faults_one_level_up():
    some = leaves()
    some[1] = leaf(
        FORM, 2, "财政局", "部门", blank=["documents.normative.repealed", "licensing.permit.decided"]
    )
    data = write_rollup(result(some))
    slot = lay_out(FORM).slots["licensing.permit.decided"]
    assert book(data)[slot.sheet][slot.address].number_format == '0"（缺1）"'
    assert pipe.findings(data) == []
    back = pipe.read(data)
    assert back.leaves[1].inputs["licensing.permit.decided"] is None  # nor has it become a zero
    assert back.figures["licensing.permit.decided"] == sum(
        one.inputs["licensing.permit.decided"] or 0 for one in some
    )
    codes = {code for code, _ in pipe.codes(write_rollup(result(leaves(SNOW), SNOW)))}
    assert not {code for code in codes if code[0] not in "G"}  # random figures break rules, and no more


def test_long_texts_stand_whole_on_rows_that_a_page_can_hold(data):
    sheet = book(data)["文字材料"]
    row = [cell.value for cell in sheet["B"]].index("甲镇") + 1
    block = next(area for area in sheet.merged_cells.ranges if area.min_row == row and area.min_col == 4)
    heights = [sheet.row_dimensions[n].height for n in range(block.min_row, block.max_row + 1)]
    assert sheet.cell(row, 4).value == "长。" * 9000 and len(heights) > 1 and max(heights) <= 409
    assert sheet.cell(block.max_row + 1, 2).value == "乙镇"


# ---- 上年对比


def compared(data, name):
    """Item words → (this year, last year, difference, %, remark) as shown."""
    sheet = book(data, data_only=True)[name]
    first = 1 if name == YEARS else 2
    rows = sheet.iter_rows(min_row=HEAD_ROW + 1, values_only=True)
    return {
        row[first - 1 : first + 2]: row[-5:] for row in rows if row[-4] is not None or row[-5] is not None
    }


def test_this_year_beside_last_per_item_across_editions(full, data):
    rows = compared(data, YEARS)
    last, now = full.rollup.last, totals(FORM, full.rollup.inputs, blank=0)
    this, before, apart, share, remark = rows["一、本年新收政府信息公开申请数量", "总计", "件"]
    assert (this, before, apart) == (now[NEW], last[NEW], now[NEW] - last[NEW]) and remark is None
    assert share == pytest.approx((this - before) / before)
    only_now = rows["行政规范性文件", "本年废止件数", "件"]
    assert only_now[1:] == (None, None, None, "上年的表没有这一项")
    live = book(data)[YEARS]
    row = [cell.value for cell in live["A"]].index("一、本年新收政府信息公开申请数量") + 1
    assert live.cell(row, 4).value == "='三、依申请公开'!$D$7"


def test_a_break_between_the_years_is_coloured_and_worded(data):
    sheet = book(data)[YEARS]
    marked = [row for row in sheet.iter_rows(min_row=HEAD_ROW + 1) if "年际不衔接" in str(row[7].value)]
    assert [(row[0].value, row[1].value) for row in marked][0] == (
        "二、上年结转政府信息公开申请数量",
        "自然人",
    )
    colours = [(row[3].fill.start_color.rgb, row[7].fill.start_color.rgb) for row in marked]
    assert colours[0] == ("FFDDEBF7",) * 2 and set(colours[1:]) == {("FFFFE699",) * 2}  # 已说明, 待说明
    assert re.search("上年结转应等于上一年报告.*左边是 0，右边是 \\d+，相差 -\\d+", marked[0][7].value)


def test_per_unit_wholes_only_without_double_zeros(full, data):
    sheet = book(data, data_only=True)[UNIT_YEARS]
    rows = list(sheet.iter_rows(min_row=HEAD_ROW + 1, values_only=True))
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert {row[1] for row in rows} == {name for name, _ in PARTS} - {"政府办"}
    assert "1 个单位没有上年数：政府办。" in sheet["A3"].value
    assert all(row[5] or row[6] or "不衔接" in (row[9] or "") for row in rows)
    granted = "（一）予以公开·总计"  # a part of （七）总计
    assert granted not in {row[3] for row in rows} and "（七）总计·总计" in {row[3] for row in rows}
    assert any(row[9] and row[9].endswith("单位说明：上年漏报") for row in rows if row[1] == "乙镇")
    gap = next(row for row in rows if row[1] == "甲镇" and row[3] == "（七）总计·总计")
    assert gap[5] is None and gap[9] == "本年没有填全"


def test_a_part_is_covered_by_a_total_of_totals():
    assert NEW in wholes(FORM) and "applications.handled.total" in wholes(FORM)
    assert not {"applications.granted.total", "applications.handled.natural"} & wholes(FORM)


def test_from_zero_there_is_no_percentage():
    some = leaves(items={"licensing.permit.decided": 4})
    rolled = result(some, last={"licensing.permit.decided": 0, "enforcement.penalty.decided": 0})
    rows = compared(write_rollup(rolled), YEARS)
    assert rows["行政许可", "本年处理决定数量", "件"][:4] == (20, 0, 20, "上年为零")


def test_without_last_year_there_is_nothing_to_compare():
    names = book(write_rollup(result(leaves()))).sheetnames
    assert CHARTS in names and YEARS not in names and UNIT_YEARS not in names
    own, by_unit = last_of(OLD, leaves())
    assert UNIT_YEARS in book(write_rollup(result(leaves(), last_by_unit=by_unit))).sheetnames
    assert UNIT_YEARS not in book(write_rollup(result(leaves(), last=own))).sheetnames


# ---- 图表

C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"


def pictures(data):
    """Per chart: its kind, per colour the name and the figures by bar, as stored beside the references."""
    found = []
    for chart in parts(data, r"xl/charts/chart\d+\.xml"):
        (area,) = chart.iter(f"{C}plotArea")
        kind = next(one for one in area if one.tag.endswith("Chart"))
        series = {}
        for one in kind.iter(f"{C}ser"):
            name, bars, values = (
                [point.text for point in one.find(f"{C}{part}").iter(f"{C}v")]
                for part in ("tx", "cat", "val")
            )
            refs = [ref.text for ref in one.iter(f"{C}f")]
            assert all(ref.startswith(("'图表'!$", "图表!$")) for ref in refs) and len(refs) == 3
            at = [int(point.get("idx")) for point in one.find(f"{C}val").iter(f"{C}pt")]  # a gap has none
            series[name[0]] = {bars[n]: Decimal(value) for n, value in zip(at, values, strict=True)}
        direction, grouping = kind.find(f"{C}barDir").get("val"), kind.find(f"{C}grouping").get("val")
        found.append((direction, grouping, series))
    return found


def test_the_charts_of_the_form_show_the_figures(full, data):
    years, units, kinds, applicants, outcomes, disputes = pictures(data)
    figures = {name: value or 0 for name, value in totals(FORM, full.rollup.inputs, blank=0).items()}
    assert (
        years[2]["2021年"]["本年新收"] == figures[NEW]
        and years[2]["2020年"]["本年新收"] == full.rollup.last[NEW]
    )
    assert units[0] == "bar" and list(units[2]["本年新收"].values()) == sorted(
        units[2]["本年新收"].values(), reverse=True
    )
    assert sum(kinds[2]["本年办结"].values()) == figures["applications.handled.total"]
    assert list(kinds[2]["本年办结"]) == ["本级", "部门", "乡镇街道"]
    assert applicants[1] == outcomes[1] == "percentStacked" and list(outcomes[2]["不予公开"])[-1] == "合计"
    handled = sum(one["总计"] for one in applicants[2].values())
    assert (
        handled == figures["applications.handled.total"] == sum(one["合计"] for one in outcomes[2].values())
    )
    review = [
        full.rollup.figures[f"disputes.cases.review_{one}"]
        for one in ("upheld", "corrected", "other", "pending")
    ]
    assert [one["行政复议"] for one in disputes[2].values()] == review


def test_the_cells_beneath_charts_are_formulas_over_the_roll_up(data):
    sheet = book(data)[CHARTS]
    figures = [cell.value for row in sheet.iter_rows(min_col=2) for cell in row
               if cell.value is not None and re.search("[0-9]", cell.number_format)]  # fmt: skip
    assert figures and all(re.match(r"=(SUM\()?'(明细|[二三四六]、|上年对比)", one) for one in figures)


def test_every_chart_is_described_in_words_and_may_be_edited(data):
    (drawing,) = parts(data, r"xl/drawings/drawing\d+\.xml")
    said = [one.get("descr") for one in drawing.iter(f"{XDR}cNvPr")]
    assert len(said) == len(FORM.charts) == 6
    assert re.match(r"政府信息公开申请：本年与上年（件）。本年新收：2020年 \d+，2021年 \d+；", said[0])
    assert not book(data)[CHARTS].protection.objects and book(data)["汇总"].protection.objects


def test_without_last_year_this_year_stands_alone():
    years, *_ = pictures(write_rollup(result(leaves())))
    assert list(years[2]) == ["2021年"]
    some = {NEW: 5}  # of the other figures last year's are not known: no bar, which is not a bar of zero
    years, *_ = pictures(write_rollup(result(leaves(), last=some)))
    assert years[2]["2020年"] == {"本年新收": 5}


def test_fifteen_units_with_most_and_of_equals_the_first():
    some = [
        leaf(FORM, n, f"{n:02d}镇", items={"applications.new.natural": 100 + n // 2}) for n in range(1, 21)
    ]
    for one in some:
        one.inputs.update(
            dict.fromkeys(
                [k for k in one.inputs if k.startswith("applications.new.") and "natural" not in k], 0
            )
        )
    _, units, *_ = pictures(write_rollup(result(some)))
    names = [f"{n:02d}镇" for n in (20, 18, 19, 16, 17, 14, 15, 12, 13, 10, 11, 8, 9, 6, 7)]
    assert list(units[2]["本年新收"]) == names


def test_bars_begin_at_zero_unless_a_figure_is_negative(tmp_path):
    path = tmp_path / "own.toml"
    chart = 'id = "items"\ntitle = "增减"\ntype = "kinds"\n'
    part = '{id = "change", label = "增减", items = ["licensing.permit.change"]}'
    path.write_text(
        f'extends = "gov-info-disclosure/2019"\nedition = "2019-own"\n[[chart]]\n{chart}parts = [{part}]\n',
        "utf-8",
    )
    form = load_form(str(path))
    floors = {}
    for change in (3, -3):
        some = leaves(form, items={"licensing.permit.change": change})
        (*_, drawn) = parts(write_rollup(result(some, form)), r"xl/charts/chart\d+\.xml")
        floors[change] = [one.get("val") for one in drawn.iter(f"{C}min")]
    assert floors == {3: ["0"], -3: []}


def test_a_form_without_charts_has_no_sheet_of_them(tmp_path):
    drops = "\n".join(f'[[chart]]\nid = "{chart.id}"\ndrop = true' for chart in FORM.charts)
    path = tmp_path / "plain.toml"
    path.write_text(f'extends = "{KEY}"\nedition = "2021-plain"\n{drops}\n', "utf-8")
    form = load_form(str(path))
    assert form.charts == () and CHARTS not in book(write_rollup(result(leaves(form), form))).sheetnames


CHART = """
extends = "gov-info-disclosure/2021"
edition = "2021-own"
[[chart]]
id = "own"
title = "自己的图"
"""
MISTAKES = {
    'type = "pie"\nparts = [{id = "a", label = "甲", items = ["applications.new.total"]}]': "chart.own.type",
    'type = "units"\nparts = []': "chart.own.parts",
    'type = "units"\nparts = [{id = "a", label = "甲", items = ["applications.nwe.total"]}]': "是不是 applications.new.total",
    'type = "units"\nby = "column"\nparts = [{id = "a", label = "甲", items = ["applications.new.total"]}]': "chart.own.by",
    'type = "parts"\nparts = [{id = "a", label = "甲", items = ["applications.new.total"]}]': "chart.own.bars",
    'type = "parts"\nbars = ["乙", "丙"]\nparts = [{id = "a", label = "甲", items = ["applications.new.total"]}]': "一一对应",
    'type = "units"\nbars = ["乙"]\nparts = [{id = "a", label = "甲", items = ["applications.new.total"]}]': "chart.own.bars",
    'type = "units"\nparts = [{id = "a", label = "甲", items = ["applications.new.total", "fees.charge.amount"]}]': "单位要相同",
    'type = "units"\nparts = [{id = "a", label = "甲", items = ["applications.new.total", "applications.new.total"]}]': "写了两次",
    'type = "shares"\nby = "column"\nparts = [{id = "a", label = "甲", items = ["applications.new", "documents.normative"]}]': "同一张表",
    'type = "shares"\nby = "column"\nparts = [{id = "a", label = "甲", items = ["applications.nwe"]}]': "applications.nwe",
    'type = "units"\nparts = [' + ", ".join(f'{{id = "p{c}", label = "甲", items = ["applications.new.total"]}}' for c in "abcdefghij") + "]": "最多 8 项",
}  # fmt: skip


@pytest.mark.parametrize("source", MISTAKES)
def test_a_mistake_in_a_chart_is_reported_once_with_its_place(source, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(f"{CHART}{source}\n", "utf-8")
    with pytest.raises(FormErrors) as caught:
        load_form(str(path))
    assert MISTAKES[source] in str(caught.value) and len(caught.value.errors) == 1


def test_a_text_or_what_is_not_merged_cannot_be_drawn(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(Path(pipe.OWN[-1]).read_text("utf-8") + """
[[chart]]
id = "own"
title = "自己的图"
type = "units"
parts = [{id = "a", label = "甲", items = ["teams.machine.hours"]}]
""", "utf-8")  # fmt: skip
    with pytest.raises(FormErrors, match="汇总时不相加"):
        load_form(str(path))


# ---- how long it takes


def county_of(units):
    some = [
        leaf(FORM, n, f"示例{n}镇", kind) for n, (_, kind) in zip(range(units), PARTS * units, strict=False)
    ]
    own, by_unit = last_of(OLD, some)
    return result(some, last=own, last_by_unit=by_unit)


@pytest.mark.office
@pytest.mark.openxml
def test_a_large_roll_up_is_the_same_though_its_long_sheets_are_never_whole_in_memory(
    full, data, monkeypatch, tmp_path
):
    monkeypatch.setattr("xltools.writing.rollup.MOST_IN_MEMORY", 0)
    large = write_rollup(full)
    assert large != data and write_rollup(full) == large
    one, other = book(data), book(large)
    assert one.sheetnames == other.sheetnames
    for sheet in one:
        for row in sheet.iter_rows():
            for cell in row:
                same = other[sheet.title][cell.coordinate]
                assert (same.value, same.number_format, same.fill.fgColor.rgb) == (
                    cell.value, cell.number_format, cell.fill.fgColor.rgb
                ), cell  # fmt: skip
        heights = {row: size.height for row, size in sheet.row_dimensions.items()}
        assert heights == {row: size.height for row, size in other[sheet.title].row_dimensions.items()}
    assert pipe.read(large).leaves == pipe.read(data).leaves
    path = tmp_path / "汇总.xlsx"
    path.write_bytes(large)
    assert errors(path) == [] and agree(recalculated(path), large) > 1000


def test_forty_units_in_less_than_two_seconds():
    merged = county_of(40)
    began = time.process_time()
    write_rollup(merged)
    assert time.process_time() - began < 2


@pytest.mark.slow
@pytest.mark.office
@pytest.mark.skipif(not os.environ.get("XLTOOLS_SLOW"), reason="takes a minute; XLTOOLS_SLOW=1 runs it")
def test_a_thousand_units_recalculate_without_a_difference(tmp_path):
    path, data = tmp_path / "汇总.xlsx", write_rollup(county_of(1000))
    path.write_bytes(data)
    assert agree(recalculated(path), data) > 90_000


# ---- small parts


def test_short_labels_keep_what_tells_them_apart():
    assert short_labels([item.column_label for item in FORM.items.values() if item.table == "disputes"])[4:6] == [
        "行政复议·总计", "未经复议直接起诉·结果维持"
    ]  # fmt: skip


def test_rows_of_the_form_stay_on_one_printed_page():
    assert page_breaks([7] * 5) == [12, 26]  # seven figures beside all that is said of a unit, then fourteen
    assert page_breaks([30]) == [13, 27]  # more than a page holds: wherever it is full


def test_the_rules_stand_on_the_roll_up_with_the_units_reasons(data):
    row = lay_out(FORM).rules["carry-over.natural"]
    sheet = book(data)[CHECKS]
    assert sheet[row.explanation.address].value == "乙镇：上年漏报" and sheet[
        row.result.address
    ].value.startswith("=IF(")


@pytest.mark.parametrize(("units", "is_linked"), [(40, True), (400, False)], ids=["few", "more than fit"])
def test_units_lead_to_their_files_as_long_as_the_roll_up_can_be_read_again(tmp_path, units, is_linked):
    """All links together have to fit what the gate takes; else there is none, and still a roll-up."""
    leaves = [
        helpers_rollup.leaf(number, FORM, **dict(pipe.seeded(FORM, number).items)) for number in range(units)
    ]
    rollup = roll_up(FORM, 2023, leaves, unit=COUNTY)
    checked = CheckResult(
        tuple(
            Checked(
                Filing(file=leaf.file, sha256=leaf.sha256, unit=leaf.unit),
                (),
                Outcome.ACCEPTED,
                path=tmp_path / ("收" * 80) / ("件" * 80) / leaf.file,
            )
            for leaf in leaves
        )
    )
    data = write_rollup(MergeResult(checked, (True,) * units, rollup), tmp_path)
    assert mismatch(data, rollup) == ""
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book[next(iter(detail_sheets(FORM).values())).name]
    outside = [cell for row in sheet.iter_rows() for cell in row if cell.hyperlink and cell.hyperlink.target]
    assert len(outside) == (units if is_linked else 0)

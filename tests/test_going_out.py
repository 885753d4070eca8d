"""What goes out: an edited roll-up goes nowhere, a missing unit is named, and nothing is written over anything."""

import dataclasses
import io
import json
import os
from pathlib import Path

import helpers_pipe as pipe
import helpers_rollup as made
import openpyxl
import pytest
from test_commands import run
from test_export import result_of

from xltools import Answers, Unit, check, load_form, merge, read_last_year, write_template
from xltools.checks import Case, run_checks
from xltools.detail import CHARTS, detail_sheets
from xltools.differing import compare
from xltools.errors import UsageError, XltoolsError
from xltools.explaining import explain
from xltools.finding import Outcome
from xltools.guarding import Output, demand_data, demand_folder, demand_workbook, guard
from xltools.issuing import fill, left_out, read_sound, rollup_for
from xltools.reading.ours import is_export, why_no_filing
from xltools.reporting.beside import FINDINGS, TIDY, WIDE
from xltools.reporting.export import csv_files, parquet_file
from xltools.reporting.notice import write_returns
from xltools.returning import send_back
from xltools.rollup import roll_up
from xltools.roster import Roster
from xltools.scaling import scale_figures
from xltools.writing.charts import RANKED
from xltools.writing.scaled import ADJUSTED, write_scaled

FORM = load_form("gov-info-disclosure/2021")
GRANTED = "applications.granted.total"
ASKED = ("template", "gov-info-disclosure/2021", "--unit", "示例县", "--code", "C1", "--level", "county")


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """Three of four towns' files, their roll-up 汇总.xlsx, and 改.xlsx: the same with two figures of a town changed
    so that all totals and rules still agree."""
    folder = tmp_path_factory.mktemp("county")
    roster = Roster(tuple(made.town(n) for n in (1, 2, 3, 4)))
    for number in (1, 2, 3):
        made.file_of(folder / "收件", FORM, number, year=2023)
    made.merged(folder / "汇总.xlsx", [folder / "收件"], roster=roster)

    def add(book):
        detail = detail_sheets(FORM)["applications"]
        for name in ("applications.new.natural", "applications.granted.natural"):
            book[detail.name][detail.place(0, detail.at[name]).address].value += 1000

    (folder / "改.xlsx").write_bytes(pipe.changed((folder / "汇总.xlsx").read_bytes(), add))
    return folder


# ---- an edited roll-up


def test_an_edited_roll_up_fills_no_report_and_is_nobodys_last_year(county):
    with pytest.raises(XltoolsError, match="V119.*示例1镇"):
        rollup_for(FORM, made.COUNTY, 2023, county / "改.xlsx")
    with pytest.raises(XltoolsError, match="V119.*示例1镇"):
        read_last_year(county / "改.xlsx")
    for words in (("--year", 2023, "--values", "改.xlsx"), ("--year", 2024, "--last", "改.xlsx")):
        done = run(*ASKED, *words, "-o", "无", cwd=county)
        assert done.returncode == 3 and "V119" in done.err and not (county / "无").exists()
    assert read_last_year(county / "汇总.xlsx").of(made.town(1))[GRANTED] > 0


def test_explain_and_diff_say_that_a_roll_up_was_edited(county):
    sound, edited = (read_sound(county / name) for name in ("汇总.xlsx", "改.xlsx"))
    assert [one.code for one in explain(edited, GRANTED).faults] == ["V119"]
    assert explain(sound, GRANTED).faults == () and compare(sound, sound).faults == ()
    assert compare(edited, edited).is_same and compare(edited, edited).is_open
    for words in (("explain", "改.xlsx", GRANTED), ("diff", "改.xlsx", "改.xlsx")):
        done = run(*words, cwd=county)
        assert done.returncode == 1
        assert any(
            line.startswith("×") and "V119" in line and "示例1镇" in line for line in done.out.split("\n")
        )
        document = json.loads(run(*words, "--format", "json", cwd=county).out)
        assert {one["code"] for one in document["faults"]} == {"V119"}


def test_what_the_units_left_blank_is_no_edit(tmp_path):
    made.written(
        tmp_path / "汇总.xlsx", FORM, [made.leaf(1, FORM, **{"applications.new.natural": None})], year=2023
    )
    rollup = rollup_for(FORM, made.COUNTY, 2023, tmp_path / "汇总.xlsx")
    assert rollup.inputs["applications.new.natural"] is None


# ---- a partial roll-up one level up


def test_a_report_filled_from_a_partial_roll_up_names_who_is_missing(county, tmp_path):
    done = run(*ASKED, "--year", 2023, "--values", county / "汇总.xlsx", "-o", ".", cwd=tmp_path)
    assert done.returncode == 0 and "1 个单位没有计入" in done.err and "示例4镇（U04）：未报送" in done.err
    (path,) = tmp_path.glob("*.xlsx")
    (one,) = check([path]).filings
    (said,) = [finding for finding in one.findings if finding.code == "G210"]
    assert "示例4镇（U04）：未报送" in said.message and said.level.value == "query"
    assert {finding.code for finding in one.findings} == {"G210", "V120"}
    assert not any(one.filing.texts.values())
    (tmp_path / "填.xlsx").write_bytes(fill(path, Answers(texts=dict.fromkeys(FORM.texts, "本县情况。"))))
    city = merge(check([tmp_path / "填.xlsx"]), unit=Unit(name="示例市", kind="已汇总", level="city"))
    (filled,) = city.checked.filings
    assert city.rollup and filled.outcome is Outcome.QUERIED, "it passes, and somebody has to say why"
    assert [finding.code for finding in filled.findings] == ["G210"]


def test_a_whole_roll_up_leaves_nobody_out(county, tmp_path):
    made.merged(tmp_path / "全.xlsx", [county / "收件"])
    assert left_out(rollup_for(FORM, made.COUNTY, 2023, tmp_path / "全.xlsx")) == ()
    done = run(*ASKED, "--year", 2023, "--values", "全.xlsx", "-o", "上报", cwd=tmp_path)
    assert done.returncode == 0 and done.err == ""
    (path,) = (tmp_path / "上报").iterdir()
    assert "搬运清单" not in openpyxl.load_workbook(path).sheetnames


@pytest.mark.parametrize("kind", ["本级", "部门", "乡镇街道", "功能区"])
def test_a_roll_up_fills_no_report_of_a_unit_by_itself(kind, county):
    done = run(*ASKED, "--year", 2023, "--kind", kind, "--values", "汇总.xlsx", "-o", "无", cwd=county)
    assert done.returncode == 2 and "已汇总" in done.err and not (county / "无").exists()


def test_a_scaled_copy_names_who_is_missing():
    missing = tuple((made.town(n), "未报送") for n in range(2, 9))
    rollup = dataclasses.replace(result_of(made.leaf(1, FORM)).rollup, expected=8, missing=missing)
    data = write_scaled(rollup, scale_figures(FORM, rollup.inputs, ("千",)))
    book = openpyxl.load_workbook(io.BytesIO(data))
    for sheet in book:
        words = "".join(str(cell.value) for row in sheet.iter_rows(max_row=2) for cell in row if cell.value)
        assert sheet.title == "_meta" or "没有计入 7 个单位：示例2镇（未报送）" in words
    assert "示例8镇" in book[ADJUSTED]["A2"].value


# ---- texts of many units in one figure


def test_texts_too_long_for_one_cell_are_whole_and_no_fault_one_level_up(tmp_path):
    form = load_form(str(pipe.OWN[0]))
    long = "机械队" * 5_000
    leaves = [
        made.leaf(n, form, **{"teams.machine.name": f"{n}{long}", "teams.manual.name": "人工"})
        for n in (1, 2, 3)
    ]
    filing = made.written(tmp_path / "汇总.xlsx", form, leaves, forms=pipe.OWN)
    assert [leaf.inputs["teams.machine.name"] for leaf in filing.leaves] == [f"{n}{long}" for n in (1, 2, 3)]
    assert len(filing.inputs["teams.machine.name"]) > 45_000
    assert "V122" not in {finding.code for finding in run_checks(Case(filing))}
    again = roll_up(form, filing.year, filing.leaves, unit=made.COUNTY)
    assert again.inputs["teams.machine.name"] == filing.inputs["teams.machine.name"]


# ---- nothing is written over anything


@pytest.fixture
def inbox(tmp_path):
    """A folder with two towns' files, a roster, last year's roll-up and the home-made table of a third."""
    for number in (1, 2):
        made.file_of(tmp_path / "收件", FORM, number, year=2023)
    (tmp_path / "收件" / "自制.ods").write_bytes(b"PK home-made")
    (tmp_path / "名单.csv").write_text("单位名称,单位代码\n示例1镇,U01\n示例2镇,U02\n", "utf-8-sig")
    (tmp_path / "值.json").write_text("{}", "utf-8")
    return tmp_path


MERGE = ("merge", "收件", "--units", "名单.csv", "--unit", "示例县", "--code", "C1")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((*MERGE, "-o", "收件/1镇.xlsx"), "报表"),
        ((*MERGE, "-o", "a.xlsx", "--json", "名单.csv"), "要读的文件"),
        ((*MERGE, "-o", "a.xlsx", "--parquet", "值.json", "--json", "值.json"), "同一个文件"),
        ((*MERGE, "-o", "a.xlsx", "--json", "b", "--json", "收件"), "文件夹"),
        ((*MERGE, "-o", "a.xlsx", "--json", "收件/自制"), "不是本程序写出的"),
        ((*MERGE, "-o", "a.xlsx", "--csv", "名单.csv"), "--csv 要写文件夹"),
        ((*MERGE, "-o", "a.xlsx", "--json", "a.xlsx"), "不能以 .xlsx 结尾"),
        ((*MERGE, "-o", "汇总.xls"), "以 .xlsx 结尾"),
        ((*MERGE, "-o", "汇总"), "以 .xlsx 结尾"),
        (("fill", "收件/1镇.xlsx", "值.json", "-o", "收件/1镇.xlsx"), "要读的文件"),
        (("fill", "收件/1镇.xlsx", "值.json", "-o", "收件/2镇.xlsx"), "别的单位的报表"),
        (("fill", "收件/1镇.xlsx", "值.json", "-o", "值.json"), "以 .xlsx 结尾"),
        ((*ASKED, "--year", 2023, "-o", "名单.csv"), "-o 要写文件夹"),
        (("return", "收件", "-o", "名单.csv"), "-o 要写文件夹"),
    ],
)
def test_the_commands_refuse_to_write_over_what_they_read(words, hint, inbox):
    (inbox / "收件" / "自制").write_bytes(b"somebody's")
    before = {path: path.read_bytes() for path in inbox.rglob("*") if path.is_file()}
    done = run(*words, cwd=inbox)
    assert done.returncode == 2 and hint in done.err, done.err
    assert {path: path.read_bytes() for path in inbox.rglob("*") if path.is_file()} == before


def test_what_was_made_before_is_made_again(inbox):
    words = (*MERGE, "-o", "收件/汇总.xlsx", "--csv", "收件", "--json", "收件/数.json", "--scale", "千")
    for _ in range(2):
        (inbox / "收件" / "自制.ods").unlink(missing_ok=True)
        done = run(*words, cwd=inbox)
        assert done.returncode == 0, (done.out, done.err)


def test_a_template_is_not_written_over_another_units_report(inbox):
    name = "示例县_2023年政府信息公开工作年度报告.xlsx"
    done = run(*ASKED, "--year", 2023, "-o", "下发", cwd=inbox)
    assert done.returncode == 0 and (inbox / "下发").is_dir()
    (path,) = (inbox / "下发").iterdir()
    assert run(*ASKED, "--year", 2023, "-o", "下发", cwd=inbox).returncode == 0, "its own may be made again"
    path.write_bytes((inbox / "收件" / "1镇.xlsx").read_bytes())
    done = run(*ASKED, "--year", 2023, "-o", "下发", cwd=inbox)
    assert done.returncode == 2 and "别的单位的报表" in done.err and name[:3] in done.err


def test_what_goes_back_is_not_written_over_what_came(inbox):
    source = inbox / "收件" / "1镇.xlsx"
    source.write_bytes(write_template(FORM, made.town(1), 2023))
    result = check([source])
    (back,) = send_back(result)
    back_here = inbox / "退" / back.name
    assert write_returns(send_back(result), inbox / "退", [source]) and back_here.is_file()
    with pytest.raises(UsageError, match="要读的文件"):
        write_returns(send_back(result), inbox / "退", [back_here])


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="devices of POSIX")
def test_a_device_a_link_and_a_second_name_of_an_input_are_seen_through(inbox):
    source = inbox / "名单.csv"
    (inbox / "别名.json").symlink_to(source)
    os.link(source, inbox / "同一.json")
    for name in ("别名.json", "同一.json"):
        with pytest.raises(UsageError, match="要读的文件"):
            guard([Output("--json", inbox / name)], [source])
    with pytest.raises(UsageError, match="设备"):
        guard([Output("--json", Path("/dev/null"))])
    with pytest.raises(UsageError, match="同一个文件"):
        guard([Output("-o", inbox / "x"), Output("--json", inbox / "收件" / ".." / "x")])


def test_a_roll_up_is_replaced_by_its_own_unit_only(county, tmp_path):
    path = tmp_path / "汇总.xlsx"
    path.write_bytes((county / "汇总.xlsx").read_bytes())
    guard([Output("-o", path, made.COUNTY)], [tmp_path])
    guard([Output("-o", path)], [])
    for unit in (Unit(name="示例市", code="S", kind="已汇总"), None):
        with pytest.raises(UsageError, match="“示例县”的汇总表"):
            guard([Output("-o", path, unit)], [tmp_path])
    made.merged(path, [county / "收件"], unit=None)
    guard([Output("-o", path, made.COUNTY)], [tmp_path])


@pytest.mark.parametrize("name", ["汇总.xls", "汇总", "汇总.xlsx.bak", "full"])
def test_a_workbook_has_a_name_that_excel_opens(name, tmp_path):
    with pytest.raises(UsageError, match=r"\.xlsx 结尾"):
        demand_workbook("-o", tmp_path / name)
    demand_workbook("-o", tmp_path / "汇总.XLSX")
    demand_data("--json", tmp_path / "数.json")
    demand_folder("--csv", tmp_path / "还没有")


def test_the_board_is_not_written_over_a_report(round_folder_with_report):
    done = run("status", cwd=round_folder_with_report)
    assert done.returncode == 2 and "看板.xlsx" in done.err and "报表" in done.err


@pytest.fixture
def round_folder_with_report(inbox):
    form = ("--form", "gov-info-disclosure/2021", "--year", 2023)
    assert run("init", "收报", *form, "--units", "名单.csv", "--unit", "示例县", cwd=inbox).returncode == 0
    (inbox / "收报" / "看板.xlsx").write_bytes((inbox / "收件" / "1镇.xlsx").read_bytes())
    return inbox / "收报"


# ---- data of ours among the filings


def test_data_that_was_written_beside_is_no_filing(inbox):
    result = merge(check([inbox / "收件" / "1镇.xlsx"]), unit=made.COUNTY)
    for name, data in csv_files(result, result.rollup):
        (inbox / "收件" / name).write_bytes(data)
    (inbox / "收件" / "数.parquet").write_bytes(parquet_file(result.rollup))
    (inbox / "收件" / "名单.csv").write_bytes((inbox / "名单.csv").read_bytes())
    said = {one.filing.file: one.outcome for one in check([inbox / "收件"]).filings}
    ours = (TIDY, WIDE, FINDINGS, "数.parquet")
    assert {name for name, outcome in said.items() if outcome is Outcome.IGNORED} == set(ours)
    assert said["名单.csv"] is Outcome.UNREADABLE, "a list that somebody sent is spoken of"
    assert why_no_filing(inbox / "收件" / TIDY) == "这是本程序另写的数据文件，不是报送件。"
    assert not is_export(inbox / "收件" / "1镇.xlsx") and not is_export(inbox / "没有")
    assert TIDY in run("check", "收件", cwd=inbox).out


def test_an_argument_too_many_is_said_in_chinese(inbox):
    done = run("diff", "示例", "县.xlsx", "b.xlsx", cwd=inbox)
    assert done.returncode == 2 and "多写了“b.xlsx”" in done.err and "引号" in done.err
    assert "unexpected" not in done.err


def test_the_charts_say_whose_order_it_is(county):
    book = openpyxl.load_workbook(county / "汇总.xlsx")
    assert RANKED in book[CHARTS]["A2"].value and "汇总时" in RANKED

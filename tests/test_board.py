"""The board of a round: who is where, who is asked for what, and nothing from outside that runs."""

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import helpers_office as office
import helpers_pipe as pipe
import openpyxl
import pytest
from helpers_board import MADE_AT, board_on, standing
from helpers_board import receipt as report_in
from hypothesis import given, settings
from hypothesis import strategies as st
from test_openxml import errors

from xltools import check, cli, load_form, write_template
from xltools.reporting.board import board_document, board_report, write_board_files
from xltools.reporting.chat import chat_texts
from xltools.reporting.notice import notice
from xltools.reporting.page import board_page
from xltools.returning import send_back
from xltools.roster import KINDS, Unit
from xltools.rounds.chasing import state_words, to_chase
from xltools.rounds.standing import Closing, Effect, Shift, State, Stray, UnitStanding
from xltools.writing import files
from xltools.writing.board import BOARD_HEADS, CHASE_HEADS, LATE_HEADS, write_board, write_chase

FORM = "gov-info-disclosure/2021"
PAGE = """
| 单位     | 类别     | 状态   | 次 | 改 | 说明 | 期限       | 联系人 | 电话        |
| 东河镇   | 乡镇街道 | 逾期   |    |    |      | 2024-01-10 | 陈静   | 13800000004 |
| 财政局   | 部门     | 通过   |  2 |    |      |            | 李强   | 13800000001 |
| 教育局   | 部门     | 待核实 |  1 |    |    2 |            | 张敏   | 13800000002 |
| 西河镇   | 乡镇街道 | 已下发 |    |    |      | 2024-01-31 | 杨磊   | 13800000005 |
| 卫健局   | 部门     | 退回   |  2 |  3 |    1 |            | 刘洋   | 13800000003 |
| 北山镇   | 乡镇街道 | 已收   |  1 |    |      |            | 赵军   | 13800000006 |
| 南岗街道 | 乡镇街道 | 未下发 |    |    |      | 2024-01-31 | 黄丽   | 13800000007 |
| 县政府办 | 本级     | 已汇总 |  1 |    |      |            | 王芳   | 13800000000 |
"""
STRAY = Stray(name="照片.jpg", source="邮件/3.eml", at=MADE_AT, sentence="这是图片，不是电子表格。")
NASTY = ["=1+1", "@SUM(A1)", "+86138", "<script>alert(1)</script>", "</pre><img src=x onerror=alert(1)>",
         '" onclick="x', "第一行\n第二行", "红\x1b[31m字", "\ud83d", "㐂𠮷\u202e", "javascript:alert(1)"]  # fmt: skip


@pytest.fixture
def board(tmp_path):
    """Everything that came in and went back lies beside."""
    made = board_on(PAGE, tmp_path / "示例县 2023年（收表）#1", strays=(STRAY,),
                    strangers=(standing(90, tmp_path, 单位="邻县某镇", 状态="通过", 次="1"),))  # fmt: skip
    for one in made.units:
        for receipt in one.receipts:
            for path in filter(None, (receipt.path, receipt.marked)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
    return made


def rows_of(data, heads, sheet=None):
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = book[sheet] if sheet else book.worksheets[0]
    assert [cell.value for cell in cells[3]] == list(heads)
    return [dict(zip(heads, row, strict=True)) for row in cells.iter_rows(min_row=4, values_only=True)]


def way(target):
    """A link's target as a path; Excel writes it with backslashes."""
    return unquote(target).replace("\\", "/")


# ---- the terminal


def test_the_board_on_a_terminal(board):
    assert (
        "\n".join(board_report(board))
        == """\
示例县 2023年政府信息公开工作年度报告，期限2024年1月15日，2024-01-18 09:30
共 8 个单位：未下发 1，已下发 1，已收 1，退回 1，待核实 1，通过 1，已汇总 1，逾期 1；过了期限还没报好的 2 个。

    单位      状态              第几次  问题                  最近一次          联系人  电话
--  --------  ----------------  ------  --------------------  ----------------  ------  -----------
×  东河镇    逾期8天                                                           陈静    13800000004
√  财政局    通过              2                             2024-01-12 08:05  李强    13800000001
▲  教育局    待核实            1       2 处要说明            2024-01-11 08:05  张敏    13800000002
○  西河镇    已下发                                                            杨磊    13800000005
×  卫健局    退回(2)，逾期3天  2       3 处要改，1 处要说明  2024-01-12 08:05  刘洋    13800000003
●  北山镇    已收              1                             2024-01-11 08:05  赵军    13800000006
－  南岗街道  未下发                                                            黄丽    13800000007
√  县政府办  已汇总            1                             2024-01-11 08:05  王芳    13800000000

名单里没有的单位（1 个），没有计入：
  邻县某镇（名单里没有）：邻县某镇（第1次）.xlsx

没有算作报送的文件（1 个）：
  照片.jpg：这是图片，不是电子表格。

要催的 5 个。"""
    )


def test_a_round_that_is_done_is_not_open():
    done = board_on("| 单位 | 状态 | 次 |\n| 甲镇 | 通过 | 1 |\n| 乙镇 | 已汇总 | 3 |")
    assert not done.is_open and "要催" not in "".join(board_report(done)).replace("没有要催的", "")
    assert to_chase(done) == () and list(chat_texts(done)) == []


@pytest.mark.parametrize("state", [one.value for one in State])
def test_only_what_passed_or_is_merged_is_closed(state):
    board = board_on(f"| 单位 | 状态 | 次 |\n| 甲镇 | {state} | 1 |")
    assert board.is_open == (state not in ("通过", "已汇总")) == board_document(board)["open"]


def test_every_word_of_the_board_is_one_that_a_gbk_console_has(board):
    "\n".join(board_report(board)).encode("gbk")
    "\n".join(text for _, text in chat_texts(board)).encode("gbk")


def test_json_holds_what_the_board_shows(board):
    document = json.loads(json.dumps(board_document(board)))
    assert document["schema"] == "xltools.board/1" and document["counts"]["逾期"] == 1
    late = next(one for one in document["units"] if one["name"] == "卫健局")
    assert (late["state"], late["days_overdue"], late["returns"], late["current"]) == ("退回", 3, 2, 2)
    assert [(one["number"], one["superseded"], one["errors"]) for one in late["receipts"]] == [
        (1, True, 3),
        (2, False, 3),
    ]
    assert [one["name"] for one in document["strangers"]] == ["邻县某镇"]
    assert document["strays"][0]["sentence"] == "这是图片，不是电子表格。"


# ---- the workbooks


def test_the_board_as_a_workbook(board):
    rows = rows_of(write_board(board), BOARD_HEADS)
    assert [(row["单位"], row["状态"]) for row in rows] == [
        ("东河镇", "逾期8天"), ("财政局", "通过"), ("教育局", "待核实"), ("西河镇", "已下发"),
        ("卫健局", "退回(2)，逾期3天"), ("北山镇", "已收"), ("南岗街道", "未下发"), ("县政府办", "已汇总"),
    ]  # fmt: skip
    (health,) = (row for row in rows if row["单位"] == "卫健局")
    assert (health["第几次"], health["问题"], health["电话"]) == (2, "3 处要改，1 处要说明", "13800000003")


def test_the_board_prints_on_a4_one_page_wide_with_its_heads_on_every_page(board):
    for data in (write_board(board), write_chase(board)):
        for sheet in openpyxl.load_workbook(io.BytesIO(data)).worksheets:
            assert sheet.page_setup.paperSize == 9 and sheet.page_setup.orientation == "landscape"
            assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
            assert sheet.print_title_rows == "$3:$3" and sheet.freeze_panes == "A4"
            assert sheet.auto_filter.ref.startswith("A3:")


def test_links_lead_to_files_that_lie_beside_and_to_no_others(board):
    sheet = openpyxl.load_workbook(io.BytesIO(write_board(board))).worksheets[0]
    targets = {cell.value: way(cell.hyperlink.target) for row in sheet.iter_rows(min_row=4)
               for cell in row if cell.hyperlink}  # fmt: skip
    assert targets["卫健局（第2次）.xlsx"] == "02收件/2 卫健局.xlsx"
    assert targets["退回件"] == "03退回/卫健局（退回）.xlsx"
    assert all((board.folder / target).is_file() for target in targets.values())
    shutil.rmtree(board.folder / "02收件")
    sheet = openpyxl.load_workbook(io.BytesIO(write_board(board))).worksheets[0]
    left = [cell.value for row in sheet.iter_rows(min_row=4) for cell in row if cell.hyperlink]
    assert left == ["退回件"]


def test_who_is_asked_by_kind_then_in_the_order_of_the_roster(board):
    rows = rows_of(write_chase(board), CHASE_HEADS)
    assert [(row["单位"], row["事由"], row["期限"], row["逾期天数"], row["电话"]) for row in rows] == [
        ("教育局", "待核实，要说明", "2024-01-15", None, "13800000002"),
        ("卫健局", "退回，要改", "2024-01-15", 3, "13800000003"),
        ("东河镇", "没有报送", "2024-01-10", 8, "13800000004"),
        ("西河镇", "没有报送", "2024-01-31", None, "13800000005"),
        ("南岗街道", "还没有下发模板", "2024-01-31", None, "13800000007"),
    ]
    note = openpyxl.load_workbook(io.BytesIO(write_chase(board))).worksheets[0]["A2"].value
    assert "逾期天数算到2024年1月18日（制表当天），不会自己变" in note and "要催的 5 个" in note


def test_a_unit_that_was_handed_nothing_is_the_countys_to_serve_first():
    board = board_on("| 单位 | 状态 | 期限 |\n| 甲镇 | 逾期 | 2024-01-10 |")
    late = replace(board.units[0], issued=False)
    (asked,) = to_chase(replace(board, units=(late,)))
    assert (asked.why, asked.days) == ("还没有下发模板", 8)
    ((_, text),) = chat_texts(replace(board, units=(late,)))
    assert "填报模板见附件，原定2024年1月10日前报送，已过8天，请尽快报送" in text


def test_what_is_nobodys_is_listed_on_its_own_sheet(board):
    book = openpyxl.load_workbook(io.BytesIO(write_board(board)))
    said = [[cell.value for cell in row][1:] for row in book["其他来件"].iter_rows(min_row=4)]
    assert said == [
        ["邻县某镇（第1次）.xlsx", "邮件/邻县某镇（第1次）.xlsx", "2024-01-11 08:05", "邻县某镇：名单里没有这个单位，没有计入。"],
        ["照片.jpg", "邮件/3.eml", "2024-01-18 09:30", "这是图片，不是电子表格。"],
    ]  # fmt: skip
    assert openpyxl.load_workbook(io.BytesIO(write_board(board_on(PAGE)))).sheetnames == ["看板"]


def test_a_closed_round_says_when_and_in_what_and_what_came_late_would_change():
    closing = Closing(at="2024-01-16T10:00:00", file="04汇总/示例县（封存）.zip", sha256="")
    made = board_on(
        "| 单位 | 状态 | 次 | 期限 |\n| 甲镇 | 已汇总 | 1 | |\n| 乙镇 | 逾期 | | 2024-01-15 |",
        closing=closing,
    )
    shifts = (Shift(item="a.b.c", label="新收·合计", before=3, after=5),
              Shift(item="a.b.d", label="费用", before=Decimal("180.5"), after=None))  # fmt: skip
    late = [report_in("乙镇", number, Path("round"), State.PASSED, 0, 0, late=True, effect=effect)
            for number, effect in ((1, Effect(shifts=shifts)), (2, Effect(why_not="核对结果是退回")))]  # fmt: skip
    made = replace(made, units=(made.units[0], replace(made.units[1], receipts=tuple(late))))
    data = write_board(made)
    above = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["A2"].value
    assert "2024-01-16 10:00 封存，在 04汇总/示例县（封存）.zip" in above
    rows = [[row[head] for head in ("单位", "第几次", "对汇总数的影响", "封存的数", "计入的话", "相差")]
            for row in rows_of(data, LATE_HEADS, "封存后来件")]  # fmt: skip
    assert rows == [
        ["乙镇", 1, "新收·合计", 3, 5, 2],
        ["乙镇", 1, "费用", 180.5, None, -180.5],
        ["乙镇", 2, "不计入汇总（核对结果是退回）。", None, None, None],
    ]


def test_days_are_counted_up_to_the_closing():
    made = board_on("| 单位 | 状态 | 期限 |\n| 乙镇 | 逾期 | 2024-01-10 |")
    assert state_words(made.units[0], made) == "逾期8天"
    closed = replace(
        made,
        closing=Closing(at="2024-01-12T10:00:00", file="a.zip", sha256=""),
        made_at="2025-06-01T00:00:00",
    )
    assert state_words(closed.units[0], closed) == "逾期2天"
    assert rows_of(write_board(closed), BOARD_HEADS)[0]["状态"] == "逾期2天" and "逾期2天" in board_page(
        closed
    )


def test_the_same_board_has_the_same_bytes(board):
    assert write_board(board) == write_board(board) and write_chase(board) == write_chase(board)
    assert board_page(board) == board_page(board)


@pytest.mark.openxml
def test_the_open_xml_sdk_has_nothing_to_say(board, tmp_path):
    empty = board_on("| 单位 | 状态 |", tmp_path)
    for number, data in enumerate(
        (write_board(board), write_chase(board), write_board(empty), write_chase(empty))
    ):
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(data)
        assert errors(path) == []


@pytest.mark.office
def test_libreoffice_shows_the_same(board, tmp_path):
    path = tmp_path / "看板.xlsx"
    path.write_bytes(write_board(board))
    shown = office.done(path).cells["看板"]
    assert (shown["B8"], shown["D8"], shown["E8"]) == ("卫健局", "退回(2)，逾期3天", 2)


# ---- the page


class Reader(HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.attributes, self.text = [], [], set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, text):
        self.text += text


def test_the_page_needs_nothing_but_itself(board):
    page = Reader(board_page(board, chat_texts(board)))
    assert {"script", "link", "img", "iframe", "form"}.isdisjoint(page.tags)
    assert "url(" not in page.text and "@import" not in page.text
    inside = [link for link in page.links if not link.startswith("tel:")]
    assert all((board.folder / unquote(link)).is_file() for link in inside) and len(inside) == 6
    assert "tel:13800000003" in page.links and "退回(2)，逾期3天" in page.text
    assert page.tags.count("tr") == 9 and page.tags.count("pre") == 6


def test_every_tag_of_the_page_is_closed(board):
    class Balance(HTMLParser):
        stack, void = [], ("meta", "br")

        def handle_starttag(self, tag, attributes):
            if tag not in self.void:
                self.stack.append(tag)

        def handle_endtag(self, tag):
            assert self.stack.pop() == tag

    reader = Balance()
    reader.feed(board_page(board, chat_texts(board)))
    assert reader.stack == []


def nasty_board(text, folder):
    one = standing(0, folder, 单位="甲镇", 状态="退回", 次="1", 改="1")
    bad = UnitStanding(
        unit=Unit(name=text, contact=text, phone=text, due=text),
        state=one.state,
        issued=True,
        due=text,
        receipts=tuple(renamed(receipt, text) for receipt in one.receipts),
    )
    stray = Stray(name=text, source=text, at=MADE_AT, sentence=text)
    return board_on("| 单位 | 状态 |", folder, units=(bad,), county=text, strays=(stray,), strangers=(bad,))


def renamed(receipt, text):
    return replace(receipt, name=text, source=text)


@pytest.mark.parametrize("text", NASTY)
def test_texts_from_outside_are_texts(text, tmp_path):
    board = nasty_board(text, tmp_path)
    page = Reader(board_page(board, chat_texts(board)))
    harmless = Reader(board_page(nasty_board("甲镇", tmp_path), chat_texts(nasty_board("甲镇", tmp_path))))
    assert [
        tag for tag in page.tags if tag != "a"
    ] == harmless.tags and page.attributes <= harmless.attributes | {"href"}
    assert all(link.startswith("tel:") for link in page.links)
    for data in (write_board(board), write_chase(board)):
        book = openpyxl.load_workbook(io.BytesIO(data))
        assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    printed = list(board_report(board))
    assert not any(char in line for line in printed for char in "\n\r\x1b")
    json.dumps(board_document(board))


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=12))
def test_no_text_is_ever_markup(text):
    board = nasty_board(text, board_on("| 单位 | 状态 |").folder)
    page = Reader(board_page(board, chat_texts(board)))
    assert {"script", "img"}.isdisjoint(page.tags) and not any(
        name.startswith("on") for name in page.attributes
    )
    board_page(board).encode("utf-8")


@pytest.mark.office
def test_a_browser_shows_every_unit_and_runs_nothing(board, tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        assert not os.environ.get("CI"), "Chromium is installed by .ci/run"
        pytest.skip("no Chromium")
    units = (*board.units, *nasty_board("<script>document.title='ran'</script>", board.folder).units)
    path = tmp_path / "看板.html"
    path.write_text(board_page(board_on(PAGE, board.folder, units=units)), "utf-8")
    words = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    )
    done = subprocess.run(
        [browser, *words, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    shown = Reader(done.stdout)
    assert "script" not in shown.tags and "看板　示例县" in shown.text
    assert all(one.unit.name in shown.text for one in units)


# ---- what is said in a chat


def test_what_each_unit_is_told(board):
    assert {one.unit.name: text for one, text in chat_texts(board)} == {
        "东河镇": "【东河镇】2023年政府信息公开工作年度报告还没有收到，原定2024年1月10日前报送，已过8天，请尽快报送。"
                  "请用下发给本单位的模板填报，填好后直接发回这份文件。",
        "教育局": "【教育局】2023年政府信息公开工作年度报告第1次报送：2 处要说明。请改好后尽快发回。",
        "西河镇": "【西河镇】2023年政府信息公开工作年度报告还没有收到，请于2024年1月31日前报送。"
                  "请用下发给本单位的模板填报，填好后直接发回这份文件。",
        "卫健局": "【卫健局】2023年政府信息公开工作年度报告第2次报送：3 处要改，1 处要说明。附件“卫健局（退回）.xlsx”里标着每一处。"
                  "原定2024年1月15日前报送，已过3天，请改好后尽快发回。",
        "北山镇": "【北山镇】2023年政府信息公开工作年度报告第1次报送收到了，正在核对。",
        "南岗街道": "【南岗街道】2023年政府信息公开工作年度报告：填报模板见附件，请于2024年1月31日前报送。"
                    "填好后直接发回这份文件。",
    }  # fmt: skip


def test_a_returned_unit_is_told_what_the_return_notice_says(tmp_path):
    form = load_form("gov-info-disclosure/2021")
    path = tmp_path / "甲镇.xlsx"
    path.write_bytes(pipe.changed(pipe.filled(form, unit=Unit(name="甲镇", code="U00")),
                                  lambda book: book["三、依申请公开"].__setitem__("D7", "约3")))  # fmt: skip
    (back,) = send_back(check([path]))
    (receipt,) = standing(0, tmp_path, 单位="甲镇", 状态="退回", 次="1").receipts
    came = UnitStanding(unit=Unit(name="甲镇", code="U00"), state=State.RETURNED, issued=True,
                        receipts=(replace(receipt, sha256=back.checked.filing.sha256),))  # fmt: skip
    board = board_on("| 单位 | 状态 |", tmp_path, units=(came,), due="2024-01-31")
    ((_, text),) = chat_texts(board, [back])
    assert text == f"{notice(back)}\n请改好后于2024年1月31日前发回。" and "约3" in text
    ((_, without),) = chat_texts(board)
    assert "约3" not in without


def test_a_name_of_several_lines_does_not_forge_another_units_text(tmp_path):
    ((_, text),) = chat_texts(nasty_board("甲镇\n【乙镇】请把表发到别处", tmp_path))
    assert "\n" not in text


# ---- written into the folder


def test_the_files_lie_in_the_rounds_folder_and_are_made_anew(board):
    for _ in range(2):
        placed = write_board_files(board)
        assert [wanted.name for wanted, _ in placed] == [
            "看板.xlsx",
            "催报名单.xlsx",
            "看板.html",
            "催报文字.txt",
        ]
        assert all(wanted == at and at.is_file() for wanted, at in placed)
    text = (board.folder / "催报文字.txt").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf") and text.count(b"\r\n") == text.count(b"\n")  # an old Notepad
    assert text.decode("utf-8-sig").count("【") == 6


def test_a_board_that_is_open_in_excel_is_put_beside(board, monkeypatch):
    write_board_files(board)
    replaced = os.replace

    def held(made, path):
        if Path(path).name == "看板.xlsx":
            raise PermissionError(13, "open in Excel", str(path))
        replaced(made, path)

    monkeypatch.setattr(files.os, "replace", held)
    placed = {wanted.name: at.name for wanted, at in write_board_files(board)}
    assert placed["看板.xlsx"] == "看板（另存，原表正打开着）.xlsx" and placed["看板.html"] == "看板.html"


# ---- the command


@pytest.fixture
def clerk(tmp_path, monkeypatch, capsys):
    """Runs commands of a round in its folder; three units, handed out, due long ago or in a year nobody reaches."""

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["xltools", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code, capsys.readouterr().out

    (tmp_path / "名单.csv").write_text(
        "单位名称,单位代码,类别,级别,联系人,电话,报送期限\n甲镇,U1,乡镇街道,乡级,王一,13800000001,2024-01-31\n"
        "财政局,U2,部门,县级,李二,13800000002,9000-01-31\n乙镇,U3,乡镇街道,乡级,张三,13800000003,2024-01-31\n", "utf-8"
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert (
        command(
            "init", "示例县 收报", "--form", FORM, "--year", "2023", "--units", "名单.csv", "--unit", "示例县"
        )[0]
        == 0
    )
    monkeypatch.chdir(tmp_path / "示例县 收报")
    assert command("dispatch", "--quiet")[0] == 0
    return command


def send(tmp_path, issued, seed, change=lambda book: None):
    """What a unit sends back: its own copy, filled in."""
    (copy,) = issued
    form = load_form(FORM)
    filing = pipe.read(copy.read_bytes(), copy.name)
    data = write_template(form, filing.unit, 2023, pipe.seeded(form, seed), issue=filing.issue)
    folder = tmp_path / "邮件"
    folder.mkdir(exist_ok=True)
    (folder / copy.name).write_bytes(pipe.changed(data, change))


def test_status_from_handing_out_to_the_roll_up(clerk, tmp_path, monkeypatch):
    folder = Path.cwd()
    code, out = clerk("status", "--quiet")
    assert code == 1 and "共 3 个单位：已下发 1，逾期 2" in out
    assert {"看板.xlsx", "看板.html", "催报名单.xlsx", "催报文字.txt"} <= {
        path.name for path in folder.iterdir()
    }
    send(tmp_path, folder.glob("01下发/甲镇*.xlsx"), 1)
    send(
        tmp_path,
        folder.glob("01下发/财政局*.xlsx"),
        2,
        lambda book: book["三、依申请公开"].__setitem__("D7", "约3"),
    )
    send(tmp_path, folder.glob("01下发/乙镇*.xlsx"), 3)
    clerk("collect", "../邮件", "--quiet")
    code, out = clerk("status", "--quiet")
    assert code == 1 and "通过 2" in out and "退回(1)" in out and "要催的 1 个" in out
    said = (folder / "催报文字.txt").read_text("utf-8-sig")
    assert said.count("【") == 1 and "填的是“约3”" in said and "没有附改好的表" in said
    clerk("return", "--quiet")
    clerk("status", "--quiet")
    assert "（退回）.xlsx”里改" in (folder / "催报文字.txt").read_text("utf-8-sig")
    sheet = openpyxl.load_workbook(folder / "看板.xlsx").worksheets[0]
    links = [
        way(cell.hyperlink.target) for row in sheet.iter_rows(min_row=4) for cell in row if cell.hyperlink
    ]
    assert len(links) == 4 and all((folder / link).is_file() for link in links)
    send(tmp_path, folder.glob("01下发/财政局*.xlsx"), 4)
    clerk("collect", "../邮件", "--quiet")
    code, out = clerk("status", "--quiet")
    assert code == 0 and "没有要催的" in out and "通过 3" in out
    assert (folder / "催报文字.txt").read_text("utf-8-sig") == "没有要催的。\n"
    assert clerk("merge", "--quiet")[0] == 0
    code, out = clerk("status", "--format", "json")
    assert code == 0 and json.loads(out)["counts"]["已汇总"] == 3


def test_what_only_shows_beside_another_units_file_is_told_too(clerk, tmp_path):
    """Two units that sent the same figures are each asked about the other."""
    for name in ("甲镇", "乙镇"):
        send(tmp_path, Path("01下发").glob(f"{name}*.xlsx"), 1)
    clerk("collect", "../邮件", "--quiet")
    assert "待核实 2" in clerk("status", "--quiet")[1]
    texts = Path("催报文字.txt").read_text("utf-8-sig").split("－" * 20)
    (first,) = (text for text in texts if text.strip().startswith("【甲镇】"))
    assert "1 处要说明" in first and "乙镇" in first


def test_status_that_only_shows_writes_nothing(clerk):
    before = {path.name for path in Path.cwd().iterdir() if "ledger" not in path.name}
    assert clerk("status", "--no-files")[0] == 1
    code, out = clerk("status", "--format", "json")
    assert code == 1 and json.loads(out)["open"]
    assert {path.name for path in Path.cwd().iterdir() if "ledger" not in path.name} == before


def test_status_outside_of_a_round_says_where_to_begin(clerk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert clerk("status") == (2, "")


def test_no_kind_is_forgotten_when_units_are_sorted():
    lines = [f"| 单位{number} | {kind} | 已下发 |" for number, kind in enumerate((*KINDS, "别的"))]
    board = board_on("\n".join(["| 单位 | 类别 | 状态 |", *reversed(lines)]))
    assert [one.standing.unit.name for one in to_chase(board)] == [f"单位{n}" for n in range(6)]

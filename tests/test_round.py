"""A round from the first blank to the roll-up: what came in, what counts, where every unit is.

XLTOOLS_SLOW=1 kills a thousand times and shuffles more arrivals.
"""

import email.message
import hashlib
import io
import itertools
import os
import random
import shutil
import signal
import time
import zipfile
from collections import Counter
from dataclasses import replace

import helpers_pipe as pipe
import helpers_round as rounds
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from xltools import Unit, write_template
from xltools.cli import main
from xltools.errors import BusyError, RosterError, RoundError, UsageError, WriteError
from xltools.finding import Outcome
from xltools.lastyear import LastYear
from xltools.merging import merge
from xltools.reading.rosters import read_roster
from xltools.reporting.board import board_report, write_board_files
from xltools.rounds import collecting, handing_out
from xltools.rounds.board import read_board, unit_called
from xltools.rounds.chasing import to_chase
from xltools.rounds.collecting import choose
from xltools.rounds.folder import init_round, open_round
from xltools.rounds.handing_out import dispatch, left_over
from xltools.rounds.ledger import Ledger
from xltools.rounds.settings import Settings
from xltools.rounds.standing import State
from xltools.rounds.working import check_round, record_merge
from xltools.saving import save_rollup
from xltools.writing import running
from xltools.writing.rollup import write_rollup
from xltools.writing.roster import write_roster

SLOW = bool(os.environ.get("XLTOOLS_SLOW"))
posix = pytest.mark.skipif(os.name != "posix", reason="forks and signals of POSIX")
TOWNS = rounds.towns(3)
FIRST, SECOND, THIRD = TOWNS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A round of three units, and the numbers that their workbooks went out under."""
    folder = tmp_path_factory.mktemp("收报") / "round"
    return folder, rounds.new_round(folder, TOWNS)


@pytest.fixture
def round_folder(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "收报")
    return tmp_path / "收报"


@pytest.fixture
def report(made):
    """A unit's workbook by seed, under the number that went out to it unless told."""

    def build(unit=FIRST, seed=1, *, said=None, number=None, claims=None):
        number = number or made[1][unit.code]
        return rounds.report(claims or unit, number, said or rounds.answers(seed))

    return build


def words(batch):
    """What was said of each file of a batch: (name, unit, words)."""
    return [(one.name, one.unit, one.words) for one in batch.came]


# ---- the folder


def test_init_makes_the_folder_and_a_roster_to_be_filled_in(tmp_path):
    folder = tmp_path / "收报"
    init_round(folder, Settings(form="gov-info-disclosure/2021", year=2023))
    assert sorted(path.name for path in folder.iterdir()) == [
        "01下发", "02收件", "03退回", "04汇总", "ledger.sqlite", "xltools.toml", "单位名单.xlsx",
    ]  # fmt: skip
    assert read_roster(folder / "单位名单.xlsx", may_be_empty=True).units == ()  # the example is no unit
    assert read_board(folder).units == ()
    with open_round(folder) as round_, pytest.raises(RosterError, match="一个单位也没有"):
        dispatch(round_)
    with pytest.raises(UsageError, match="已经是收报的文件夹"):
        init_round(folder, Settings(form="gov-info-disclosure/2021", year=2023))


def test_the_roster_to_be_filled_in_has_choices_and_an_example(tmp_path):
    import openpyxl

    folder = tmp_path / "收报"
    init_round(folder, Settings(form="gov-info-disclosure/2021", year=2023))
    sheet = openpyxl.load_workbook(folder / "单位名单.xlsx").active
    lists = {rule.formula1 for rule in sheet.data_validations.dataValidation if rule.type == "list"}
    assert '"本级,部门,乡镇街道,功能区,已汇总"' in lists and '"乡级,县级,市级,省级"' in lists
    assert sheet["A2"].value == "示例：布海镇" and sheet["A3"].value == "单位名称"


def test_a_roster_of_the_countys_own_is_copied_with_its_columns(tmp_path):
    source = tmp_path / "名单.csv"
    source.write_text("单位名称,代码,片区\n甲镇,U1,东\n乙局,U2,西\n", "utf-8")
    folder = tmp_path / "收报"
    init_round(folder, Settings(form="gov-info-disclosure/2021", year=2023), roster=source)
    roster = read_roster(folder / "单位名单.xlsx")
    assert [(one.name, roster.cells[one.key]["片区"]) for one in roster] == [("甲镇", "东"), ("乙局", "西")]


def test_a_wrong_roster_is_said_with_its_cells_and_makes_nothing(tmp_path):
    source = tmp_path / "名单.csv"
    source.write_text("单位名称,类别\n甲镇,乡镇\n", "utf-8")
    with pytest.raises(RosterError, match="B2 的类别是“乡镇”"):
        init_round(tmp_path / "收报", Settings(form="gov-info-disclosure/2021", year=2023), roster=source)
    assert not (tmp_path / "收报").exists()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_day_of_the_roster_may_be_written_as_spreadsheets_write_it(kind, tmp_path):
    """Excel saves 2024/1/31 into a .csv: compared as text it would never be over within its year."""
    days = ["2024/1/31", "2024年1月31日", "20240131", "2024-01-31"]
    units = [replace(unit, due=day) for unit, day in zip(rounds.towns(4), days, strict=True)]
    source = tmp_path / f"名单.{kind}"
    if kind == "csv":
        lines = [f"{unit.name},{unit.code},示例县,{unit.due}" for unit in units]
        source.write_text("\n".join(["单位名称,代码,上级,截止日期", *lines]), "gbk")
    else:
        source.write_bytes(write_roster(units))
    rounds.init_round(
        tmp_path / "r", Settings(form=str(rounds.FORM_FILE), year=rounds.YEAR), roster=source,
        clock=rounds.at("2024-01-10"),
    )  # fmt: skip
    assert set(rounds.states(tmp_path / "r", "2024-01-31").values()) == {"未下发"}
    assert set(rounds.states(tmp_path / "r", "2024-02-01").values()) == {"逾期"}


@pytest.mark.parametrize("day", ["下周五", "1月31日", "2024/2/30", "2024-13-01"])
def test_what_is_no_day_is_said_with_its_cell(day, tmp_path):
    source = tmp_path / "名单.csv"
    source.write_text(f"单位名称,截止日期\n甲镇,2024-01-31\n乙镇,{day}\n", "utf-8")
    with pytest.raises(RosterError, match=f"B3 的截止日期是“{day}”，应是日期"):
        read_roster(source)


def test_a_roster_that_lost_its_units_is_not_a_round_that_is_done(round_folder):
    rounds.set_roster(round_folder, [])
    board = read_board(round_folder, clock=rounds.at("2024-01-20"))
    assert board.is_open and "单位名单里一个单位也没有" in "".join(board_report(board))


# ---- handing out


def test_every_copy_has_a_number_of_its_own_and_is_not_written_twice(round_folder):
    before = {path.name: path.read_bytes() for path in (round_folder / "01下发").iterdir()}
    issues = {pipe.read(data).issue for data in before.values()}
    assert len(issues) == 3 and all(number.startswith(f"L{rounds.YEAR}-") for number in issues)
    with open_round(round_folder) as round_:
        assert {one.words for one in dispatch(round_)} == {"没有变，跳过"}
        assert [one.words for one in dispatch(round_, dry_run=True, only=["00号镇"])] == ["没有变，跳过"]
    assert before == {path.name: path.read_bytes() for path in (round_folder / "01下发").iterdir()}


def test_the_ledger_is_read_once_however_many_copies_go_out_or_reports_are_alike(tmp_path, monkeypatch):
    """Reading all of it per copy or per report would take the square of their number."""
    monkeypatch.setattr(handing_out, "AT_ONCE", 2)
    units, key = rounds.towns(9), bytes(32)
    numbers = rounds.new_round(tmp_path / "r", units, key=key)
    read, held = [], []
    records, holds = Ledger.records, handing_out.code_holds
    monkeypatch.setattr(Ledger, "records", lambda ledger: read.append(ledger) or records(ledger))
    monkeypatch.setattr(handing_out, "code_holds", lambda *said: held.append(said) or holds(*said))
    with open_round(tmp_path / "r") as round_:
        read.clear()
        assert {one.words for one in dispatch(round_)} == {"没有变，跳过"}
    assert (len(read), len(held)) == (1, len(units))
    reads = []
    for some in (units[:3], units[3:]):  # alike, three of them and then nine
        files = {
            f"{unit.name}.xlsx": rounds.report(unit, numbers[unit.code], rounds.answers(1)) for unit in some
        }
        source = rounds.put(tmp_path / some[0].code, **files)
        read.clear()
        rounds.take_in(tmp_path / "r", source)
        reads.append(len(read))
    assert reads[0] == reads[1]
    assert set(rounds.states(tmp_path / "r").values()) == {"待核实"}


def test_a_lost_copy_comes_back_under_its_number_and_last_years_figures_change_it(round_folder, made):
    path = next((round_folder / "01下发").glob("00*"))
    path.unlink()
    last = LastYear([(SECOND, rounds.answers(5).items)])
    with open_round(round_folder) as round_:
        said = {one.unit.name: one.words for one in dispatch(round_)}
        assert said == {"00号镇": "文件不在了，重新写", "01号镇": "没有变，跳过", "02号镇": "没有变，跳过"}
        again = {one.unit.name: one.words for one in dispatch(round_, last=last)}
    assert again["01号镇"] == "内容变了，重新写"
    filing = pipe.read(next((round_folder / "01下发").glob("01*")).read_bytes())
    assert filing.issue == made[1]["U01"] and filing.inputs["clearing.due.main"] is not None
    assert pipe.read(path.read_bytes()).issue == made[1]["U00"]


# ---- whose it is


def test_unit_and_year_come_from_the_ledger_and_not_from_the_file(round_folder, report, tmp_path):
    claims = Unit(name="02号镇", code="U02", parent="示例县")
    source = rounds.put(tmp_path / "来", **{"x.xlsx": report(FIRST, claims=claims)})
    batch = rounds.take_in(round_folder, source)
    assert words(batch) == [("x.xlsx", "00号镇", "第1次报送")]
    assert rounds.states(round_folder) == {"00号镇": "退回(1)", "01号镇": "已下发", "02号镇": "已下发"}
    with open_round(round_folder) as round_:
        found = [
            (one.code, one.found, one.expected) for one in check_round(round_).findings if one.code == "R201"
        ]
    assert found == [("R201", "02号镇", "00号镇"), ("R201", "U02", "U00")]


def test_a_name_that_the_roster_gave_up_since_is_as_good_as_the_new_one(round_folder, report, tmp_path):
    new = Unit(name="新名街道", code="U00", parent="示例县")
    rounds.set_roster(round_folder, [new, SECOND, THIRD])
    source = rounds.put(tmp_path / "来", **{"旧.xlsx": report(FIRST, 1)})
    rounds.take_in(round_folder, source)
    rounds.take_in(round_folder, rounds.put(tmp_path / "又来", **{"新.xlsx": report(FIRST, 2, claims=new)}))
    assert rounds.states(round_folder) == {"新名街道": "通过", "01号镇": "已下发", "02号镇": "已下发"}
    assert ("已下发", "名单：名称由“00号镇”改为“新名街道”") in rounds.story(round_folder, "新名街道")


def test_a_renamed_unit_gets_a_copy_of_its_own_and_the_old_one_is_spoken_of(round_folder, made):
    rounds.set_roster(round_folder, [Unit(name="新名街道", code="U00", parent="示例县"), SECOND, THIRD])
    with open_round(round_folder) as round_:
        old = next((round_folder / "01下发").glob("00*")).name
        assert left_over(round_) == [old]
        assert [one.words for one in dispatch(round_)] == ["新发", "没有变，跳过", "没有变，跳过"]
    new = pipe.read(next((round_folder / "01下发").glob("新名*")).read_bytes())
    assert new.issue != made[1]["U00"] and new.unit.code == "U00"


def test_a_unit_without_a_code_that_got_another_name_is_asked_about(tmp_path):
    rounds.new_round(tmp_path / "r", [Unit(name="旧名镇", parent="示例县"), SECOND])
    rounds.set_roster(tmp_path / "r", [Unit(name="新名镇", parent="示例县"), SECOND])
    with open_round(tmp_path / "r") as round_:
        assert len(round_.notices) == 3 and "“旧名镇”是改名" in round_.notices[2]


def test_a_unit_that_got_another_name_and_code_at_once_is_asked_about(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"a.xlsx": report(FIRST, 1)}))
    rounds.set_roster(round_folder, [Unit(name="新名街道", code="U90", parent="示例县"), SECOND, THIRD])
    with open_round(round_folder) as round_:
        assert len(round_.notices) == 3 and "“00号镇”和“新名街道”是同一个单位" in round_.notices[2]
    rounds.set_roster(round_folder, TOWNS[:2])
    with open_round(round_folder) as round_:
        assert not any("同一个单位" in words and "02号镇" in words for words in round_.notices)


def test_a_dropped_unit_is_on_the_board_with_what_it_sent_and_its_story_is_told(
    round_folder, report, tmp_path
):
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"a.xlsx": report(FIRST, 1)}))
    rounds.set_roster(round_folder, [SECOND])
    for _ in range(2):  # before the ledger knows of it, and since
        board = read_board(round_folder, clock=rounds.at("2024-01-20"))
        assert [(one.unit.name, one.current.name) for one in board.strangers] == [("00号镇", "a.xlsx")]
        assert unit_called(board, "02号镇").state is State.ISSUED  # it sent nothing
        with open_round(round_folder):
            pass
    assert unit_called(board, "00号镇").events[-1].cause == "名单：从名单里去掉了"
    assert unit_called(board, "02号镇").events[-1].cause == "名单：从名单里去掉了"


def test_codes_exchanged_in_the_roster_move_no_report_in_silence(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"a.xlsx": report(FIRST, 1), "b.xlsx": report(SECOND, 2)})
    rounds.take_in(round_folder, source)
    crossed = [
        Unit(name=FIRST.name, code=SECOND.code, parent="示例县"),
        Unit(name=SECOND.name, code=FIRST.code, parent="示例县"),
    ]
    rounds.set_roster(round_folder, [*crossed, THIRD])
    rounds.take_in(round_folder, rounds.put(tmp_path / "又来"))
    with open_round(round_folder) as round_:
        result = check_round(round_)
    assert [code for one in result.filings for code in [f.code for f in one.findings if f.code == "R206"]]
    assert set(rounds.states(round_folder).values()) == {"待核实", "已下发"}


def test_a_lost_ledger_is_not_begun_again_beside_what_it_knew(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"a.xlsx": report(FIRST, 1)}))
    for path in round_folder.glob("ledger.sqlite*"):
        path.unlink()
    with pytest.raises(RoundError, match="不见了"):
        rounds.take_in(round_folder, tmp_path / "来")
    assert not (round_folder / "ledger.sqlite").exists()


def test_a_number_of_another_round_is_a_note(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"x.xlsx": report(number="L2024-aaaaaaaaaa")})
    batch = rounds.take_in(round_folder, source)
    assert batch.came[0].outcome is Outcome.NOTED and rounds.states(round_folder)["00号镇"] == "通过"
    with open_round(round_folder) as round_:
        assert [one.code for one in check_round(round_).findings] == ["R202"]


def test_a_unit_that_nobody_listed_stands_apart_until_it_is_listed(round_folder, tmp_path):
    stranger = Unit(name="外来镇", code="U77", parent="示例县")
    data = write_template(rounds.FORM, stranger, rounds.YEAR, rounds.answers(3))
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"x.xlsx": data}))
    board = read_board(round_folder, clock=rounds.at("2024-01-20"))
    assert [(one.unit.name, one.state, one.dropped) for one in board.strangers] == [("外来镇", "退回", False)]
    rounds.set_roster(round_folder, [*TOWNS, stranger])
    rounds.take_in(round_folder, tmp_path / "来")
    assert rounds.states(round_folder)["外来镇"] == "通过"


def test_a_unit_dropped_from_the_roster_keeps_what_it_sent_and_is_not_merged(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"a.xlsx": report(FIRST, 1), "b.xlsx": report(SECOND, 2)})
    rounds.take_in(round_folder, source)
    rounds.set_roster(round_folder, [SECOND, THIRD])
    with open_round(round_folder) as round_:
        assert round_.notices == ("名单：“00号镇”从名单里去掉了",)
        rollup = merge(check_round(round_)).rollup
    assert [leaf.unit.name for leaf in rollup.leaves] == ["01号镇"]
    board = read_board(round_folder, clock=rounds.at("2024-01-20"))
    [dropped] = board.strangers
    assert dropped.dropped and dropped.receipts[0].path.read_bytes() == report(FIRST, 1)
    rounds.set_roster(round_folder, TOWNS)
    rounds.take_in(round_folder, source)
    assert rounds.states(round_folder)["00号镇"] == "通过"


# ---- what is in a source


def packed(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def packed_in_gbk(name, data):
    """As Windows packs it: the name in GBK, no word about its encoding."""
    stand_in = "x" * len(name.encode("gbk"))
    return packed(**{stand_in: data}).replace(stand_in.encode(), name.encode("gbk"))


def mail(**files):
    message = email.message.EmailMessage()
    message["Subject"] = "报表"
    message.set_content("见附件")
    for name, data in files.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def outlook():
    """The first bytes of a mail as Outlook keeps it, and the entry by which it is known."""
    name = "__nameid_version1.0".encode("utf-16-le") + b"\0\0"
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0")
        + name.ljust(64, b"\0")
        + bytes([len(name), 0])
        + bytes(62)
    )


OLD_MAIL = """Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

hello
--b
Content-Type: application/octet-stream; name="老报表.xlsx"
Content-Disposition: attachment; filename="老报表.xlsx"
Content-Transfer-Encoding: base64

{data}
--b--
"""


def test_archives_and_mails_are_opened_with_their_names(round_folder, report, tmp_path):
    import base64

    ours = [report(unit, 9) for unit in TOWNS]
    bare = base64.encodebytes(report(FIRST, 4)).decode()
    source = rounds.put(
        tmp_path / "来",
        **{
            "一.zip": packed(**{"镇/报表.xlsx": ours[0], "说明.docx": b"w"}),
            "三.zip": packed_in_gbk("国标.xlsx", ours[1]),
            "二.eml": mail(**{"附件.xlsx": ours[2], "内.zip": packed(**{"内.xlsx": report(SECOND, 5)})}),
            "四.zip": packed(**{"套.zip": packed(**{"套.xlsx": report(THIRD, 6)})}),
            "旧.eml": OLD_MAIL.format(data=bare).encode("gbk"),
            "五.zip": packed(**{"xl/厂.xlsx": report(FIRST, 7), "Word/办.xlsx": report(SECOND, 7)}),
        },
    )
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()}
    batch = rounds.take_in(round_folder, source)
    came = {one.name: (one.unit, one.words) for one in batch.came}
    assert came == {
        "报表.xlsx": ("00号镇", "第1次报送"), "国标.xlsx": ("01号镇", "第1次报送"),
        "附件.xlsx": ("02号镇", "第1次报送"), "内.xlsx": ("01号镇", "第2次报送"),
        "套.xlsx": ("02号镇", "第2次报送"), "老报表.xlsx": ("00号镇", "第3次报送"),
        "说明.docx": ("", "这是文字文档，不是电子表格。"),
        "厂.xlsx": ("00号镇", "第2次报送"), "办.xlsx": ("01号镇", "第3次报送"),
    }  # fmt: skip
    receipts = {r.name: r for one in read_board(round_folder).units for r in one.receipts}
    assert receipts["内.xlsx"].source.endswith("二.eml > 内.zip > 内.xlsx")
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("照片.jpg", b"\xff\xd8", "这是图片"),
        ("~$甲镇.xlsx", b"x", "临时文件"),
        ("空.xlsx", b"", "空文件"),
        ("坏.xlsx", b"PK\x03\x04 cut", "不完整"),
        ("信.eml", b"Subject: x\n\nhello", "没有附件"),
        ("弹.zip", lambda: packed(**{"a.xlsx": b"x"}).replace(b"a.xlsx", b"b.xlsx", 1), "坏了"),
        ("深.zip", lambda: packed(a=b"1", **{"1.zip": packed(**{"2.zip": packed(**{"3.zip": packed(b=b"1")})})}), "一层套一层"),
        ("表.rar", b"Rar!\x1a\x07\x00", "解压"),
        ("表.7z", b"7z\xbc\xaf\x27\x1c", "解压"),
        ("表.part1.rar", b"Rar!\x1a\x07\x00", "分卷压缩包的一卷"),
        ("表.7z.002", b"\x9a\x01\xff", "分卷压缩包的一卷"),
        ("表.z01", b"PK\x07\x08PK\x03\x04", "分卷压缩包的一卷"),
        ("末卷.zip", lambda: packed(**{"a.xlsx": b"x"})[:-22] + b"PK\x05\x06\x01\0" + bytes(16), "分卷压缩包的一卷"),
        ("信.msg", lambda: outlook(), "把邮件里的附件另存出来"),
    ],
)  # fmt: skip
def test_what_is_no_filing_is_listed_with_one_sentence(round_folder, tmp_path, name, data, said):
    source = rounds.put(tmp_path / "来", **{name: data() if callable(data) else data})
    rounds.take_in(round_folder, source)
    strays = read_board(round_folder).strays
    assert any(said in one.sentence for one in strays), strays
    assert set(rounds.states(round_folder).values()) == {"已下发"}
    seen = len(strays)
    rounds.take_in(round_folder, source)
    assert len(read_board(round_folder).strays) == seen  # met once


@posix
def test_a_file_that_could_not_be_opened_is_listed_until_it_can(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来")
    (source / "x.xlsx").symlink_to(tmp_path / "别处.xlsx")
    rounds.take_in(round_folder, source)
    assert [one.name for one in read_board(round_folder).strays] == ["x.xlsx"]
    (source / "x.xlsx").unlink()
    rounds.take_in(round_folder, rounds.put(source, **{"x.xlsx": report(seed=1)}))
    assert read_board(round_folder).strays == () and rounds.states(round_folder)["00号镇"] == "通过"


def test_a_source_that_is_not_there_stops_before_anything_is_kept(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"x.xlsx": report(seed=1)})
    with pytest.raises(UsageError, match="找不到"):
        rounds.take_in(round_folder, source, tmp_path / "没有")
    assert not list((round_folder / "02收件" / "原件").iterdir())


def test_an_archive_is_opened_though_a_workbook_in_it_is_not_packed_further(round_folder, report, tmp_path):
    """What a workbook has in its own directory stands in the bytes of such an archive as well."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("甲.xlsx", report(FIRST, 1))
        archive.writestr("乙/[Content_Types].xml", "no document's own place")
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"包.zip": packed.getvalue()}))
    assert rounds.states(round_folder)["00号镇"] == "通过"


def test_what_is_checked_is_what_was_kept_whether_it_is_still_in_hand_or_not(tmp_path, monkeypatch):
    numbers = rounds.new_round(tmp_path / "a", TOWNS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    files = {
        f"{n}.xlsx": rounds.report(unit, numbers[unit.code], rounds.answers(n))
        for n, unit in enumerate(TOWNS)
    }
    source = rounds.put(tmp_path / "来", **files, **{"坏.xlsx": b"PK\x03\x04"})
    came = []
    for name, room in (("a", collecting.MOST_HELD), ("b", len(files["0.xlsx"]))):
        monkeypatch.setattr(collecting, "MOST_HELD", room)
        came.append(rounds.take_in(tmp_path / name, source).came)
    assert came[0] == came[1] and len(came[0]) == 4


def test_a_bomb_is_not_unpacked(round_folder, tmp_path, monkeypatch):
    from xltools.rounds import arrivals

    monkeypatch.setattr(arrivals, "TOTAL_LIMIT", 1000)
    data = packed(**{"a.xlsx": b"0" * 600, "b.xlsx": b"0" * 600, "c.xlsx": b"1"})
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"弹.zip": data}))
    assert any("展开后太大" in one.sentence for one in read_board(round_folder).strays)


def test_a_workbook_without_an_identity_is_a_units_where_its_cells_say_so(round_folder, report, tmp_path):
    def strip(book):
        for name in [name for name in book.defined_names if name.startswith("xltools.")]:
            del book.defined_names[name]
        for prop in list(book.custom_doc_props.names):
            del book.custom_doc_props[prop]
        del book["_meta"]

    data = pipe.changed(report(FIRST, 1), strip)
    batch = rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"x.xlsx": data}))
    assert words(batch) == [("x.xlsx", "00号镇", "第1次报送")]
    assert rounds.states(round_folder)["00号镇"] == "退回(1)"


# ---- which one counts


def counting(folder, name):
    board = read_board(folder, clock=rounds.at("2024-01-20"))
    current = next(one for one in board.units if one.unit.name == name).current
    return current and current.number


def test_a_later_receipt_counts_whatever_the_files_time(round_folder, report, tmp_path):
    first = rounds.put(tmp_path / "1", **{"a.xlsx": report(seed=1)})
    second = rounds.put(tmp_path / "2", **{"b.xlsx": report(seed=2)})
    os.utime(second / "b.xlsx", (0, 0))  # by its own time it is the older one
    rounds.take_in(round_folder, first)
    rounds.take_in(round_folder, second)
    assert counting(round_folder, "00号镇") == 2
    third = rounds.take_in(round_folder, rounds.put(tmp_path / "3", **{"又.xlsx": report(seed=1)}))
    said = "与第1次报送“a.xlsx”是同一份，不另计；现在算的是第2次，要算这一份就用 pin 选定第1次"
    assert words(third) == [("又.xlsx", "00号镇", said)]
    assert counting(round_folder, "00号镇") == 2  # the same bytes again are a note


def test_a_clock_set_back_changes_no_order(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(seed=1)}))
    batch = rounds.take_in(
        round_folder, rounds.put(tmp_path / "2", **{"b.xlsx": report(seed=2)}), clock=rounds.at("2001-01-01")
    )
    assert "核对电脑的日期" in batch.notices[0]
    assert counting(round_folder, "00号镇") == 2
    receipts = read_board(round_folder).units[0].receipts
    assert receipts[0].at <= receipts[1].at


def test_one_that_is_pinned_stays_and_one_that_is_void_never_counts(round_folder, report, tmp_path):
    for number in (1, 2):
        rounds.take_in(round_folder, rounds.put(tmp_path / f"{number}", **{"a.xlsx": report(seed=number)}))
    with open_round(round_folder) as round_:
        assert "现在算第1次" in choose(round_, "U00", 1, "电话确认", void=False)
    rounds.take_in(round_folder, rounds.put(tmp_path / "3", **{"a.xlsx": report(seed=3)}))
    assert counting(round_folder, "00号镇") == 1
    with open_round(round_folder) as round_:
        choose(round_, "00号镇", 1, "又说不对", void=False, undo=True)
        assert counting(round_folder, "00号镇") == 3
        choose(round_, "00号镇", 3, "发错了", void=True)
        assert counting(round_folder, "00号镇") == 2
        choose(round_, "00号镇", 2, "也错了", void=True)
        choose(round_, "00号镇", 1, "都错了", void=True)
        with pytest.raises(UsageError, match="已经作废"):
            choose(round_, "00号镇", 1, "x", void=False)
        with pytest.raises(UsageError, match="没有第9次报送；有的是：1、2、3"):
            choose(round_, "00号镇", 9, "x", void=True)
        with pytest.raises(UsageError, match="原因"):
            choose(round_, "00号镇", 1, " ", void=True)
    assert counting(round_folder, "00号镇") is None and rounds.states(round_folder)["00号镇"] == "已下发"
    assert ("通过", "第3次报送作废：发错了") in rounds.story(round_folder, "00号镇")


def test_what_is_so_already_is_said_and_makes_no_event(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(seed=1)}))
    told = rounds.story(round_folder, "00号镇")

    def chosen(**how):
        with open_round(round_folder) as round_:
            return choose(round_, "00号镇", 1, "x", **how)

    assert "本来就没有选定，没有改什么；现在算第1次“a.xlsx”" in chosen(void=False, undo=True)
    assert "本来就没有作废" in chosen(void=True, undo=True)
    assert rounds.story(round_folder, "00号镇") == told
    chosen(void=True)
    assert "早已作废，没有改什么；现在没有一份算数" in chosen(void=True)
    assert len(rounds.story(round_folder, "00号镇")) == len(told) + 1


def test_a_void_report_that_is_sent_again_says_how_it_would_count(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(seed=1)}))
    with open_round(round_folder) as round_:
        choose(round_, "00号镇", 1, "说要重报", void=True)
    batch = rounds.take_in(round_folder, rounds.put(tmp_path / "2", **{"又.xlsx": report(seed=1)}))
    said = "与第1次报送“a.xlsx”是同一份，不另计；那一次已作废，要算它就用 void --undo 取消作废"
    assert words(batch) == [("又.xlsx", "00号镇", said)]
    assert rounds.story(round_folder, "00号镇")[-1] == ("已下发", f"又收到一次，{said}")


def test_two_of_one_unit_in_one_batch_are_spoken_of(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"甲.xlsx": report(seed=1), "甲(1).xlsx": report(seed=2)})
    batch = rounds.take_in(round_folder, source)
    assert "00号镇" in batch.notices[0] and "pin" in batch.notices[0]


def test_reports_that_are_alike_are_queried_until_one_is_sent_again(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(FIRST, 8)}))
    assert rounds.states(round_folder)["00号镇"] == "通过"
    rounds.take_in(round_folder, rounds.put(tmp_path / "2", **{"b.xlsx": report(SECOND, 8)}))
    assert rounds.states(round_folder) == {"00号镇": "待核实", "01号镇": "待核实", "02号镇": "已下发"}
    rounds.take_in(round_folder, rounds.put(tmp_path / "3", **{"c.xlsx": report(SECOND, 9)}))
    assert rounds.states(round_folder) == {"00号镇": "通过", "01号镇": "通过", "02号镇": "已下发"}


def test_being_added_up_answers_no_query(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(FIRST, 8)}))
    rounds.take_in(round_folder, rounds.put(tmp_path / "2", **{"b.xlsx": report(SECOND, 8)}))
    merged(round_folder)
    board = read_board(round_folder)
    asked = [chase for chase in to_chase(board) if chase.standing.state == "已汇总"]
    assert [chase.why for chase in asked] == ["待核实，要说明"] * 2 and board.is_open


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_archive_stops_no_batch(round_folder, report, tmp_path, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.xlsx", report(SECOND, 8) * 3)
    data = bytearray(buffer.getvalue())
    for at in range(80, len(data) // 2, 7):
        data[at] ^= 0xFF
    source = rounds.put(tmp_path / "来", **{"1.xlsx": report(FIRST, 8), "坏.zip": bytes(data)})
    rounds.take_in(round_folder, source)
    assert rounds.states(round_folder)["00号镇"] == "通过"
    assert any("坏.zip" in one.source for one in read_board(round_folder).strays)


# ---- the states, told


def merged(folder, clock=None):
    with open_round(folder, clock=clock or rounds.at("2024-01-25")) as round_:
        result = merge(check_round(round_), unit=Unit(name="示例县", code="X1", level="county"))
        out = folder / "04汇总" / "汇总.xlsx"
        if result.rollup is not None:
            record_merge(round_, result, save_rollup(out, write_rollup(result, out.parent), result.rollup))
        return result


def test_the_story_of_a_unit(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "1", **{"a.xlsx": report(said=rounds.wrong(1))}))
    rounds.take_in(round_folder, rounds.put(tmp_path / "2", **{"b.xlsx": report(seed=2)}))
    merged(round_folder)
    rounds.take_in(
        round_folder, rounds.put(tmp_path / "3", **{"c.xlsx": report(seed=3)}), clock=rounds.at("2024-02-02")
    )
    assert rounds.story(round_folder, "00号镇") == [
        ("已下发", "下发模板：新发"),
        ("退回", "第1次报送：退回（G101）"),
        ("通过", "第2次报送：通过"),
        ("已汇总", "汇总进“汇总.xlsx”"),
        ("通过", "第3次报送：通过"),
    ]
    assert rounds.story(round_folder, "01号镇")[-1] == ("逾期", "过了截止日期 2024-02-01，还没有报送")
    assert rounds.states(round_folder, "2024-02-02")["01号镇"] == "逾期"
    merged(round_folder, rounds.at("2024-02-03"))
    assert rounds.states(round_folder)["00号镇"] == "已汇总"


# ---- the codes of a key


def test_a_collector_with_the_key_sees_an_edited_identity_without_the_ledger(tmp_path, capsys):
    numbers = rounds.new_round(tmp_path / "r", TOWNS, key=b"k" * 32)
    sound = rounds.report(FIRST, numbers["U00"], rounds.answers(1))
    moved = rounds.report(Unit(name="99号镇", code="U99"), numbers["U01"], rounds.answers(2))
    bare = write_template(rounds.FORM, THIRD, rounds.YEAR, rounds.answers(3))
    source = rounds.put(tmp_path / "市里", **{"1.xlsx": sound, "2.xlsx": moved, "3.xlsx": bare})
    form = ["--form", str(rounds.FORM_FILE), "--format", "csv"]

    def codes(*more):
        with pytest.raises(SystemExit):
            main_with("check", str(source), *form, *more)
        out = capsys.readouterr().out
        return [code for code in ("R203", "R204", "R205") if code in out], out.count("R204")

    assert codes() == (["R204"], 2)  # no key: a note on each that has a code
    assert codes("--key", str(tmp_path / "r" / "核验密钥.txt")) == (["R203", "R205"], 0)
    (tmp_path / "别的.txt").write_bytes(b"another key, long enough")
    assert codes("--key", str(tmp_path / "别的.txt"))[0] == ["R203", "R205"]
    rounds.take_in(tmp_path / "r", rounds.put(tmp_path / "县里", **{"1.xlsx": sound}))
    assert rounds.states(tmp_path / "r")["00号镇"] == "通过"  # the ledger knows; no code is needed


def main_with(*argv):
    import sys

    before, sys.argv = sys.argv, ["xltools", *argv]
    try:
        main()
    finally:
        sys.argv = before


# ---- the commands


def test_the_commands_of_a_round(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "收 报"
    roster = tmp_path / "名单.csv"
    roster.write_text("单位名称,代码,上级\n00号镇,U00,示例县\n01号镇,U01,示例县\n", "utf-8")

    def run(*argv, code=0):
        with pytest.raises(SystemExit) as ended:
            main_with(*argv)
        said = capsys.readouterr()
        assert ended.value.code == code, said
        return said.out + said.err

    run("init", str(folder), "--form", str(rounds.FORM_FILE), "--year", "2024", "--units", str(roster),
        "--unit", "示例县", "--code", "X1")  # fmt: skip
    monkeypatch.chdir(folder / "02收件")
    assert "写了 2 份" in run("dispatch", "--zip-all", "--zip-each")
    assert len(list((folder / "01下发").glob("*.zip"))) == 3
    blank = next((folder / "01下发").glob("00*.xlsx"))
    filing = pipe.read(blank.read_bytes())
    for name, said in (("错.xlsx", rounds.wrong(1)), ("好.xlsx", rounds.answers(1))):
        (tmp_path / name).write_bytes(rounds.report(filing.unit, filing.issue, said))
    shutil.copy(tmp_path / "错.xlsx", folder / "02收件")
    assert "退回" in run("collect", code=1)  # 02收件 unless told
    assert "G101" in run("check", code=1)
    assert "问题清单" not in run("return", code=1)
    assert [path.name for path in (folder / "03退回").glob("00*.xlsx")]
    [receipt] = read_board(folder).units[0].receipts
    assert receipt.returned and receipt.marked.is_file()
    assert pipe.read(receipt.marked.read_bytes()).issue == filing.issue
    # as Windows copies paths, and one that is not there
    lines = f'\ufeff"{tmp_path / "好.xlsx"}"\r\n\r\n"C:\\没有\\甲.xlsx"\r\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    said = run("collect", "-", code=1)
    assert "第2次报送" in said and "清单里的“C:\\没有\\甲.xlsx”找不到，跳过了。" in said
    assert f"{receipt.marked.name}”是先前退回的" in run("return", code=1)
    assert "汇总了 1/2 单位" in run("merge", code=1)
    whole = folder / "04汇总" / f"示例县2024年{rounds.FORM.title}汇总.xlsx"
    before = whole.read_bytes()
    assert "-o" in run("merge", "--kind", "乡镇街道", code=2)  # a part is not put in the place of the whole
    assert whole.read_bytes() == before
    assert "已汇总" in run("log", "00号") and "01号镇" in run("log", "U01")
    assert "现在算第1次" in run("pin", "00号镇", "1", "--reason", "试一下")
    assert "状态是退回" in run("pin", "00号镇", "1", "--reason", "试一下")
    run("pin", "00号镇", "1", "--reason", "算了", "--undo")
    assert "作废了" in run("void", "00号镇", "1", "--reason", "填错")
    assert "xltools.toml" in run("check", "--year", "2020", code=2)
    assert "没有“无此镇”" in run("log", "无此镇", code=2)
    monkeypatch.chdir(tmp_path)
    assert "不是收报的文件夹" in run("collect", code=2)


# ---- faults


def test_a_folder_that_cannot_be_written_loses_nothing(round_folder, report, tmp_path, monkeypatch):
    source = rounds.put(tmp_path / "来", **{"a.xlsx": report(seed=1)})

    def refuse(*_, **__):
        raise WriteError("写不进：那里是只读的。")

    monkeypatch.setattr(collecting, "write_whole", refuse)
    with pytest.raises(WriteError):
        rounds.take_in(round_folder, source)
    assert rounds.states(round_folder)["00号镇"] == "已下发"
    monkeypatch.undo()
    rounds.take_in(round_folder, source)
    assert rounds.states(round_folder)["00号镇"] == "通过"


def test_a_second_run_is_told_that_another_is_at_work(round_folder):
    with open_round(round_folder), pytest.raises(BusyError, match="正在运行"), open_round(round_folder):
        pytest.fail("two at once")
    assert read_board(round_folder).units  # who looks is not kept out


def test_an_original_that_was_damaged_is_put_right_and_all_are_read_only(round_folder, report, tmp_path):
    source = rounds.put(tmp_path / "来", **{"a.xlsx": report(seed=1)})
    rounds.take_in(round_folder, source)
    [receipt] = read_board(round_folder).units[0].receipts
    assert receipt.path.stat().st_mode & 0o222 == 0
    receipt.path.chmod(0o644)
    receipt.path.write_bytes(b"damaged")
    rounds.take_in(round_folder, rounds.put(tmp_path / "又", **{"a.xlsx": report(seed=1)}))
    assert hashlib.sha256(receipt.path.read_bytes()).hexdigest() == receipt.sha256


def test_originals_last_through_a_power_cut_before_any_of_them_is_recorded(
    round_folder, report, tmp_path, monkeypatch
):
    source = rounds.put(tmp_path / "来", **{f"{seed}.xlsx": report(FIRST, seed) for seed in range(3)})
    settled = []

    def settle(folder):
        with Ledger(round_folder / "ledger.sqlite", read_only=True) as ledger:
            settled.append((folder, len(ledger.records().receipts)))

    monkeypatch.setattr(collecting, "settle", settle)
    rounds.take_in(round_folder, source)
    kept = {path.parent for path in (round_folder / "02收件" / "原件").rglob("*.xlsx")}
    assert sorted(settled) == sorted((folder, 0) for folder in kept)
    settled.clear()
    rounds.take_in(round_folder, source)
    assert not settled  # nothing new


def test_an_original_of_a_run_that_was_cut_off_is_taken_up_though_its_source_is_gone(
    round_folder, report, tmp_path, monkeypatch
):
    source = rounds.put(tmp_path / "来", **{"a.xlsx": report(seed=1)})

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(collecting, "_record", cut_off)
    with pytest.raises(KeyboardInterrupt):
        rounds.take_in(round_folder, source)
    monkeypatch.undo()
    shutil.rmtree(source)
    batch = rounds.take_in(round_folder)
    assert [(one.unit, one.words) for one in batch.came] == [("00号镇", "第1次报送")]


# ---- a whole January


def forty(numbers, units):
    """What forty units send, three things each, and what has to come out: unit → (files in order, seed that counts)."""
    chance = random.Random(6)
    plan = {}
    for at, unit in enumerate(units):
        number, seed = numbers[unit.code], 100 + at
        good, other = (rounds.report(unit, number, rounds.answers(seed + step)) for step in (0, 500))
        bad = rounds.report(unit, number, rounds.wrong(seed))
        edited = rounds.report(units[(at + 1) % len(units)], number, rounds.answers(seed))
        cut = good[: len(good) * 2 // 3]
        photo = b"\xff\xd8" + bytes([at])
        name = f"新建工作表{chance.randint(1, 9)}.xlsx"
        plan[unit] = [
            ([(f"{unit.name}.xlsx", good), ("再发.xlsx", good), ("照片.jpg", photo)], seed),
            ([(name, bad), (f"{unit.name}改.xlsx", good), (name, bad)], seed),
            ([(name, good), (f"{unit.name}最终.xlsx", other), ("旧的.xlsx", good)], seed + 500),
            ([("错表.xlsx", edited), (name, good), ("x.jpg", photo)], seed),
            ([("断了.xlsx", cut), ("好.xlsx", good), ("好(1).xlsx", good)], seed),
            (
                [("好.xlsx", good), ("改坏了.xlsx", bad), ("断.xlsx", cut)],
                None,
            ),  # the correction does not come out
            ([("a.jpg", photo), ("b.jpg", photo + b"b"), ("断.xlsx", cut)], None),
        ][at % 7]
    return plan


@pytest.fixture(scope="module")
def january(tmp_path_factory):
    """A round of forty, its arrivals as files, one folder each."""
    home = tmp_path_factory.mktemp("一月")
    units = rounds.towns(40)
    plan = forty(rounds.new_round(home / "round", units), units)
    paths = {}
    for unit, (files, _) in plan.items():
        paths[unit] = [
            rounds.put(home / "来" / unit.code / str(step), **{name: data}) / name
            for step, (name, data) in enumerate(files)
        ]
    return home, units, plan, paths


@settings(
    max_examples=30 if SLOW else 3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(seed=st.integers(0, 2**32))
def test_any_order_of_arrival_ends_in_the_same_rollup(january, seed):
    home, units, plan, paths = january
    chance = random.Random(seed)
    queues = {unit: list(files) for unit, files in paths.items()}
    order = [unit for unit in units for _ in range(3)]
    chance.shuffle(order)  # each unit's own three stay in their order
    arrivals = [queues[unit].pop(0) for unit in order]
    assert len(arrivals) == 120
    folder = home / f"轮{seed}"
    shutil.copytree(home / "round", folder)
    try:
        for batch in itertools.groupby(enumerate(arrivals), key=lambda one: one[0] // chance.randint(10, 40)):
            rounds.take_in(folder, *(path for _, path in batch[1]))
        result = merged(folder)
        expected = {
            unit.name: rounds.answers(seed).items for unit, (_, seed) in plan.items() if seed is not None
        }
        assert {leaf.unit.name: leaf.inputs for leaf in result.rollup.leaves} == expected
        for item in ("clearing.machine.main", "spending.salt.amount"):
            assert result.rollup.inputs[item] == sum(items[item] for items in expected.values())
        states = Counter(rounds.states(folder).values())
        assert states == {"已汇总": len(expected), "退回(1)": 5, "已下发": 5}
        receipts = [r for one in read_board(folder).units for r in one.receipts]
        assert all(r.path.is_file() for r in receipts)
        assert len({r.sha256 for r in receipts}) == len(receipts)
    finally:
        shutil.rmtree(folder)


# ---- killed at any moment


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A round of five with six files waiting, and what there has to be in the end."""
    home = tmp_path_factory.mktemp("杀")
    units = rounds.towns(5)
    numbers = rounds.new_round(home / "round", units)
    source = rounds.put(
        home / "来",
        **{f"{unit.name}.xlsx": rounds.report(unit, numbers[unit.code], rounds.answers(at)) for at, unit in enumerate(units)},
        **{"改.xlsx": rounds.report(units[0], numbers["U00"], rounds.answers(50)), "图.jpg": b"j"},
    )  # fmt: skip
    rounds.set_roster(home / "round", rounds.towns(7))  # two more wait for their workbooks
    shutil.copytree(home / "round", home / "whole")
    started = time.monotonic()
    work(home / "whole", source)
    return home, source, facts(home / "whole"), time.monotonic() - started


def work(folder, source):
    with open_round(folder, clock=rounds.at("2024-01-20")) as round_:
        collecting.collect(round_, [source])
        dispatch(round_)
    merged(folder)


def finish(folder, source):
    """The next run; a lock that its holder was killed before writing into is believed for some seconds."""
    for _ in range(running.SETTLING + 1):
        try:
            return work(folder, source)
        except BusyError as error:
            assert "刚刚开始" in str(error)
            time.sleep(1)
    pytest.fail("a dead run's lock was never given up")


def facts(folder):
    """All that a round holds but for its random numbers."""
    board = read_board(folder, clock=rounds.at("2024-01-20"))
    originals = [path for path in (folder / "02收件" / "原件").rglob("*") if path.is_file()]
    return {
        "units": [(one.unit.name, one.words, [(r.number, r.sha256, r.outcome) for r in one.receipts]) for one in board.units],
        "strays": [(one.name, one.sentence) for one in board.strays],
        "originals": sorted(path.stem for path in originals),
        "sound": all(hashlib.sha256(path.read_bytes()).hexdigest() == path.stem for path in originals),
        "issued": sorted(path.name for path in (folder / "01下发").iterdir()),
    }  # fmt: skip


def in_child(action):
    """Runs in a process of its own that the test may kill."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    return child


@posix
def test_a_kill_at_any_moment_loses_no_file_and_doubles_none(ready, tmp_path):
    home, source, expected, whole = ready
    chance = random.Random(9)
    kills = died = 0
    while kills < (1000 if SLOW else 50):
        folder = tmp_path / f"{kills}"
        shutil.copytree(home / "round", folder)
        for _ in range(5):  # the next run is cut off as well
            child = in_child(lambda folder=folder: work(folder, source))
            time.sleep(chance.uniform(0, whole))
            os.kill(child, signal.SIGKILL)
            died += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            kills += 1
        finish(folder, source)
        found = facts(folder)
        assert found == expected and found["sound"]
        issued = [pipe.read(path.read_bytes()).issue for path in (folder / "01下发").iterdir()]
        with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
            assert set(issued) <= {copy.number for copy in ledger.records().copies}
        shutil.rmtree(folder)
    assert died > kills / 4  # most were really cut off


@posix
def test_two_runs_at_once_count_nothing_twice(ready, tmp_path):
    home, source, expected, _ = ready
    shutil.copytree(home / "round", tmp_path / "r")
    children = [in_child(lambda: work(tmp_path / "r", source)) for _ in range(3)]
    for child in children:
        os.waitpid(child, 0)
    finish(tmp_path / "r", source)
    assert facts(tmp_path / "r") == expected


def test_nothing_of_our_own_is_a_source(round_folder, report, tmp_path):
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"a.xlsx": report(said=rounds.wrong(1))}))
    rounds.take_in(round_folder, rounds.put(tmp_path / "来", **{"b.xlsx": report(SECOND, 2)}))
    merged(round_folder)
    write_board_files(read_board(round_folder))
    shutil.copy(round_folder / "看板.xlsx", round_folder / "看板（另存，原表正打开着）.xlsx")
    for name in ("~$单位名单.xlsx", ".~lock.看板.xlsx#"):
        (round_folder / name).write_bytes(b"x")
    batch = rounds.take_in(round_folder, round_folder)
    assert words(batch) == [] and batch.notices == () and read_board(round_folder).strays == ()
    batch = rounds.take_in(round_folder, round_folder / "01下发", round_folder / "04汇总" / "汇总.xlsx")
    assert words(batch) == [] and [("01下发" in one, "汇总.xlsx" in one) for one in batch.notices] == [
        (True, False), (False, True)]  # fmt: skip
    shutil.copy(tmp_path / "来" / "b.xlsx", round_folder / "看板.html")  # of that name, but a report
    (round_folder / "看板.html").rename(round_folder / "催报名单.xlsx")
    assert "同一份" in words(rounds.take_in(round_folder, round_folder))[0][2]


@pytest.mark.parametrize("deed", ["moved", "copied"])
def test_a_folder_that_was_moved_knows_its_files_again(round_folder, report, tmp_path, monkeypatch, deed):
    inbox = rounds.put(round_folder / "02收件" / "镇里", **{"a.xlsx": report(seed=1), "图.jpg": b"j"})
    (inbox / "包.zip").write_bytes(packed(**{"内.xlsx": report(SECOND, 2)}))
    assert len(rounds.take_in(round_folder, round_folder / "02收件").came) == 3
    (shutil.move if deed == "moved" else shutil.copytree)(round_folder, tmp_path / "别 处")
    monkeypatch.chdir(tmp_path / "别 处" / "01下发")
    for source in (tmp_path / "别 处" / "02收件", "../02收件", "../02收件/镇里/包.zip"):
        batch = rounds.take_in(tmp_path / "别 处", source)
        assert batch.came == () and batch.known in (1, 3)
    sources = {receipt.source for one in read_board(tmp_path / "别 处").units for receipt in one.receipts}
    assert sources == {"02收件/镇里/a.xlsx", "02收件/镇里/包.zip > 内.xlsx"}

"""A round is closed whole or not at all; what it was sealed in is verified by anybody; what comes late never counts.

XLTOOLS_SLOW=1 kills more often and changes more bytes.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import struct
import sys
import time
import zipfile

import helpers_round as rounds
import pytest

from xltools import Unit
from xltools.cli import main
from xltools.detail import FIRST_ROW
from xltools.errors import BusyError, RoundError, UsageError, WriteError
from xltools.finding import Outcome
from xltools.lastyear import LastYear
from xltools.merging import merge
from xltools.reporting.board import board_document, board_report
from xltools.reporting.page import board_page
from xltools.reporting.papers import papers
from xltools.rounds import closing as closings
from xltools.rounds.archive import LIST, Unsound, pack, unpack
from xltools.rounds.board import read_board
from xltools.rounds.closing import look_through, seal
from xltools.rounds.collecting import choose
from xltools.rounds.folder import open_round
from xltools.rounds.handing_out import dispatch
from xltools.rounds.statement import FILE
from xltools.rounds.verifying import verify
from xltools.rounds.working import check_round, record_merge
from xltools.saving import save_rollup
from xltools.writing import running
from xltools.writing.rollup import write_rollup

SLOW = bool(os.environ.get("XLTOOLS_SLOW"))
posix = pytest.mark.skipif(os.name != "posix", reason="forks and signals of POSIX")
TOWNS = rounds.towns(3)
FIRST, SECOND, THIRD = TOWNS
WHY = "02号镇撤并了"


def opened(folder, day="2024-01-26"):
    return open_round(folder, clock=rounds.at(day))


def merged(folder, last=None):
    with opened(folder, "2024-01-25") as round_:
        result = merge(check_round(round_, last=last), unit=Unit(name="示例县", code="X1", level="county"))
        out = folder / "04汇总" / "汇总.xlsx"
        record_merge(round_, result, save_rollup(out, write_rollup(result, out.parent), result.rollup))


def closed(folder, reason="", day="2024-01-26"):
    with opened(folder, day) as round_:
        return seal(look_through(round_), papers, reason=reason)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A round that may be closed but for its third unit, and a report of the third that comes too late."""
    home = tmp_path_factory.mktemp("封")
    folder = home / "收 报"
    numbers = rounds.new_round(folder, TOWNS)

    def report(unit, said):
        return rounds.report(unit, numbers[unit.code], said)

    first = {"甲.xlsx": report(FIRST, rounds.wrong(1)), "图.jpg": b"j", "谁的.xlsx": b"PK no workbook"}
    rounds.take_in(folder, rounds.put(home / "1", **first))
    second = {"甲.xlsx": report(FIRST, rounds.answers(1)), "乙.xlsx": report(SECOND, rounds.answers(2))}
    rounds.take_in(folder, rounds.put(home / "2", **second))
    merged(folder)
    late = rounds.put(home / "晚", **{"丙.xlsx": report(THIRD, rounds.answers(3)),
                                     "又.xlsx": report(SECOND, rounds.answers(4)),
                                     "错.xlsx": report(FIRST, rounds.wrong(5))})  # fmt: skip
    return folder, late


@pytest.fixture
def folder(ready, tmp_path):
    shutil.copytree(ready[0], tmp_path / "收报")
    return tmp_path / "收报"


@pytest.fixture(scope="module")
def sealed(ready, tmp_path_factory):
    """The same round closed: its folder and the bytes of its archive."""
    folder = tmp_path_factory.mktemp("已封") / "收报"
    shutil.copytree(ready[0], folder)
    closing = closed(folder, WHY)
    return folder, (folder / closing.file).read_bytes()


@pytest.fixture
def closed_folder(sealed, tmp_path):
    shutil.copytree(sealed[0], tmp_path / "收报")
    return tmp_path / "收报"


# ---- what may be closed


def test_what_is_open_is_said_and_needs_a_reason(folder):
    with opened(folder) as round_:
        sealing = look_through(round_)
        assert sealing.open_words == ("02号镇（已下发）",)
        with pytest.raises(UsageError, match="--anyway"):
            seal(sealing, papers, reason=" ")
    assert read_board(folder).closing is None and list((folder / "04汇总").glob("*.zip")) == []
    assert closed(folder, WHY).reason == WHY
    assert read_board(folder).closing.reason == WHY and not read_board(folder).is_open


def test_a_roll_up_that_is_not_what_counts_now_is_not_sealed(folder, ready, tmp_path):
    rounds.take_in(folder, ready[1] / "又.xlsx")  # supersedes what was merged
    with (
        opened(folder) as round_,
        pytest.raises(RoundError, match="还有“01号镇”第1次报送（现在算第2次）；请重新 merge"),
    ):
        look_through(round_)
    merged(folder)
    rounds.take_in(folder, ready[1] / "丙.xlsx")
    with opened(folder) as round_:
        assert look_through(round_).open_words == ("02号镇（通过了，没有汇总）",)
    with (folder / "04汇总" / "汇总.xlsx").open("ab") as file:
        file.write(b"x")
    with opened(folder) as round_, pytest.raises(RoundError, match="改动过"):
        look_through(round_)


def test_a_round_that_was_never_merged_is_not_sealed(tmp_path):
    rounds.new_round(tmp_path / "r", TOWNS)
    with opened(tmp_path / "r") as round_, pytest.raises(RoundError, match="还没有汇总"):
        look_through(round_)


def test_an_original_that_is_gone_is_not_left_out_in_silence(folder):
    nobodys = next(path for path in (folder / "02收件" / "原件").rglob("*.xlsx") if path.stat().st_size < 99)
    nobodys.chmod(0o644)
    nobodys.write_bytes(b"PK changed")
    with pytest.raises(RoundError, match="改动过"):
        closed(folder, WHY)
    assert read_board(folder).closing is None


# ---- what is in it


def test_the_archive_holds_the_round(sealed):
    folder, data = sealed
    members = unpack(data)
    originals = {name: body for name, body in members.items() if name.startswith("02收件/原件/")}
    kept = [path for path in (folder / "02收件" / "原件").rglob("*") if path.is_file()]
    assert {name: hashlib.sha256(body).hexdigest() for name, body in originals.items()} == {
        path.relative_to(folder).as_posix(): path.stem for path in kept
    }
    others = {"04汇总/汇总.xlsx", "xltools.toml", "单位名单.xlsx", "报表/snow-clearing.toml", FILE,
              "问题.csv", "问题.json", "说明.csv", "看板.html", "看板.xlsx"}  # fmt: skip
    assert set(members) - set(originals) == others
    said = json.loads(members[FILE])
    assert (said["reason"], said["open"]) == (WHY, ["02号镇（已下发）"])
    told = [
        (one["name"], one["number"], one["outcome"], one["merged"])
        for one in said["receipts"]
        if one["number"]
    ]
    assert told == [
        ("甲.xlsx", 1, "returned", False),
        ("乙.xlsx", 1, "accepted", True),
        ("甲.xlsx", 2, "accepted", True),
    ]
    assert [one["name"] for one in said["strays"]] == ["图.jpg"]
    assert [one["cause"] for one in said["events"]][-1] == "这一轮封存了"
    # anybody's sha256sum can check the list
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = archive.read(LIST).decode().splitlines()
        assert len(lines) == len(members) and all(
            hashlib.sha256(archive.read(name)).hexdigest() == digest
            for digest, name in (line.split("  ", 1) for line in lines)
        )


def test_the_archive_verifies_without_the_folder(sealed):
    verdict = verify(sealed[1])
    assert (verdict.fault, verdict.units, verdict.statement.title) == (
        "",
        2,
        f"{rounds.YEAR}年{rounds.FORM.title}",
    )
    assert verdict.sha256 == read_board(sealed[0]).closing.sha256


def test_a_round_with_a_key_and_last_years_figures_verifies_without_either(tmp_path):
    folder = tmp_path / "r"
    numbers = rounds.new_round(folder, TOWNS[:2], key=b"k" * 32)
    last = LastYear([(unit, rounds.answers(8).items) for unit in TOWNS[:2]])
    files = {
        f"{unit.name}.xlsx": rounds.report(unit, numbers[unit.code], rounds.answers(at))
        for at, unit in enumerate(TOWNS[:2])
    }
    rounds.take_in(folder, rounds.put(tmp_path / "来", **files))
    merged(folder, last)
    with opened(folder) as round_:
        sealing = look_through(round_, last=last)
        assert sealing.open_words == ()
        closing = seal(sealing, papers)
    members = unpack((folder / closing.file).read_bytes())
    assert not any(b"k" * 32 in body for body in members.values())  # the key is nobody else's
    verdict = verify((folder / closing.file).read_bytes())
    assert (verdict.fault, verdict.units) == ("", 2)


def test_the_same_members_give_the_same_bytes():
    assert pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})


# ---- what does not verify


def repacked(data, change):
    """The archive after a change to its members, with a list that agrees with them: a forger's."""
    members = dict(unpack(data))
    change(members)
    return pack(members)


def other_rollup(members):
    members["04汇总/汇总.xlsx"] = members["单位名单.xlsx"]


def a_figure_of_the_rollup(members):
    """A figure of the second unit on 明细 is another, and the sums are as they were."""
    book, made = zipfile.ZipFile(io.BytesIO(members["04汇总/汇总.xlsx"])), io.BytesIO()
    cell = re.compile(rf'(<c r="[D-Z]{FIRST_ROW + 1}"[^>]*><v>)([1-9])(</v>)')
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/")]
    detail = max((name for name in sheets), key=lambda name: len(cell.findall(book.read(name).decode())))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for info in book.infolist():
            part = book.read(info)
            if info.filename == detail:
                part, count = cell.subn(r"\g<1>1\g<2>\g<3>", part.decode(), count=1)
                assert count == 1
            target.writestr(info, part)
    members["04汇总/汇总.xlsx"] = made.getvalue()


def other_original(members):
    names = sorted(name for name in members if name.startswith("02收件/原件/"))
    members[names[0]] = members[names[1]]


def other_statement(**said):
    def change(members):
        members[FILE] = json.dumps({**json.loads(members[FILE]), **said}).encode()

    return change


def one_fewer_merged(members):
    said = json.loads(members[FILE])
    next(one for one in said["receipts"] if one["merged"])["merged"] = False
    members[FILE] = json.dumps(said).encode()


def a_returned_one_merged(members):
    said = json.loads(members[FILE])
    for one in said["receipts"]:
        one["merged"] = one["name"] == "乙.xlsx" or one["number"] == 1
    members[FILE] = json.dumps(said).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_rollup, "汇总表"),
        (a_figure_of_the_rollup, "汇总表和汇总的不一致（〔明细"),
        (other_original, "不是台账里记的那一份"),
        (lambda members: members.pop("04汇总/汇总.xlsx"), "不在压缩包里"),
        (lambda members: members.pop(FILE), "没有 封存.json"),
        (one_fewer_merged, "汇总表和汇总的不一致"),
        (a_returned_one_merged, "核对不通过"),
        (other_statement(schema="xltools.archive/9"), "别的版本"),
        (other_statement(receipts=5), "写得不对"),
        (other_statement(copies=[{}]), "写得不对"),
        (other_statement(year="2024"), "写得不对"),
        (other_statement(year=2023), "汇总不了|核对不通过"),
        (other_statement(forms=[]), "核对不通过"),
        (lambda members: members.update({FILE: b"[" * 100_000}), "写得不对"),
        (lambda members: members.update({"报表/snow-clearing.toml": b"x = "}), "汇总不了"),
        (lambda members: members.update({"单位名单.xlsx": b"x"}), "汇总不了"),
    ],
)  # fmt: skip
def test_an_archive_that_was_made_over_is_seen(sealed, change, words):
    assert re.search(words, verify(repacked(sealed[1], change)).fault)


def test_an_archive_that_agrees_with_itself_is_held_against_the_ledger_it_lies_by(
    closed_folder, tmp_path, monkeypatch, capsys
):
    def verified(*words):
        monkeypatch.setattr(sys, "argv", ["xltools", *words, "--quiet"])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code

    path = next((closed_folder / "04汇总").glob("*封存*.zip"))
    assert verified("verify-archive", str(path)) == 0
    assert "和台账里记的一样" in capsys.readouterr().out
    forged = repacked(path.read_bytes(), other_statement(reason="别的原因"))
    path.chmod(0o644)
    path.write_bytes(forged)
    assert verified("verify-archive", str(path)) == 1
    assert "和台账里记的 SHA-256 不一样" in capsys.readouterr().out
    path.rename(tmp_path / "寄来.zip")  # elsewhere nobody knows what it was
    assert verified("verify-archive", str(tmp_path / "寄来.zip")) == 0
    assert "可与封存时记下的对照" in capsys.readouterr().out
    path.write_bytes(forged)
    (closed_folder / "ledger.sqlite").write_bytes(b"no ledger")
    assert verified("verify-archive", str(path)) == 0


def zipped(*members, method=zipfile.ZIP_STORED, tail=b"", comment=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name), body, method)
        archive.comment = comment
    return buffer.getvalue() + tail


LISTED = ("a.txt", b"1"), (LIST, f"{hashlib.sha256(b'1').hexdigest()}  a.txt\n".encode())
HOSTILE = {
    "a bomb": (zipped(("a.txt", bytes(10**7)), method=zipfile.ZIP_DEFLATED), "重新压缩"),
    "out of the folder": (zipped(("../a.txt", b"1")), "名称不合规矩"),
    "an absolute name": (zipped(("/etc/a", b"1")), "名称不合规矩"),
    "a drive": (zipped(("C:/a", b"1")), "名称不合规矩"),
    "a backslash": (zipped(("..\\a", b"1")), "名称不合规矩"),
    "twice": (zipped(*LISTED, ("A.TXT", b"1")), "两个"),
    "not listed": (zipped(*LISTED, ("b.txt", b"1")), "多出来的"),
    "listed only": (zipped(LISTED[1]), "不在压缩包里"),
    "changed": (zipped(("a.txt", b"2"), LISTED[1]), "改动过"),
    "no list": (zipped(("a.txt", b"1")), "没有 SHA256.txt"),
    "a list of something else": (zipped((LIST, b"hello")), "写得不对"),
    "a comment": (zipped(*LISTED, comment=b"x"), "夹带"),
    "bytes before": (b"MZ" + zipped(*LISTED), "夹带"),
    "bytes behind": (zipped(*LISTED, tail=b"x"), "夹带|不是完整的"),
    "no archive": (b"PK", "不是完整的压缩包"),
    "nothing": (b"", "不是完整的压缩包"),
    "cut short": (zipped(*LISTED)[:-30], "不是完整的压缩包"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_in_a_sentence(kind):
    data, words = HOSTILE[kind]
    assert re.search(words, verify(data).fault), verify(data).fault


def test_two_entries_over_the_same_bytes_are_refused():
    data = bytearray(zipped(("a.txt", b"1" * 50), ("b.txt", b"1" * 50)))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 0)  # both say that they begin at 0
    assert verify(bytes(data)).fault


def test_any_changed_byte_is_seen(sealed):
    data, chance = sealed[1], random.Random(7)
    for _ in range(300 if SLOW else 30):
        at = chance.randrange(len(data))
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        try:
            unpack(bytes(changed))
        except Unsound:
            continue
        # what is left are the fields that no program reads for the content: dates and attributes
        assert hashlib.sha256(changed).hexdigest() != hashlib.sha256(data).hexdigest()
        with zipfile.ZipFile(io.BytesIO(changed)) as one, zipfile.ZipFile(io.BytesIO(data)) as other:
            assert [one.read(name) for name in one.namelist()] == [
                other.read(name) for name in other.namelist()
            ]


# ---- after the closing


def test_nothing_of_a_closed_round_changes(closed_folder):
    rounds.set_roster(closed_folder, rounds.towns(5))  # edited since: it is another round's
    before = rounds.states(closed_folder, "2024-03-01")
    assert before == {"00号镇": "已汇总", "01号镇": "已汇总", "02号镇": "已下发"}  # closed before its day
    with opened(closed_folder, "2024-03-01") as round_:
        for act in (
            lambda: dispatch(round_),
            lambda: check_round(round_),
            lambda: look_through(round_),
            lambda: choose(round_, "00号镇", 1, "x", void=True),
        ):
            with pytest.raises(
                RoundError, match="这一轮已在 2024-01-26 09:00 封存（04汇总/汇总（封存）.zip）"
            ):
                act()
    assert rounds.states(closed_folder, "2024-03-01") == before


def test_a_late_file_waits_in_a_queue_of_its_own_with_what_it_would_change(closed_folder, ready, tmp_path):
    batch = rounds.take_in(closed_folder, ready[1], clock=rounds.at("2024-02-10"))
    assert {(one.name, one.unit, one.words, one.outcome) for one in batch.came} == {
        ("丙.xlsx", "02号镇", "第1次报送，封存后收到，不计入汇总", Outcome.ACCEPTED),
        ("又.xlsx", "01号镇", "第2次报送，封存后收到，不计入汇总", Outcome.ACCEPTED),
        ("错.xlsx", "00号镇", "第3次报送，封存后收到，不计入汇总", Outcome.RETURNED),
    }
    board = read_board(closed_folder, clock=rounds.at("2024-02-10"))
    assert {one.unit.name: one.words for one in board.units} == {
        "00号镇": "已汇总", "01号镇": "已汇总", "02号镇": "已下发"}  # fmt: skip
    effects = {one.unit.name: receipt.effect for one, receipt in board.late}
    # by hand: the third unit's figures are added, the second's are replaced, the wrong one cannot be counted
    item = "clearing.machine.main"
    mine = {name: rounds.answers(seed).items[item] for name, seed in (("1", 1), ("2", 2), ("3", 3), ("4", 4))}
    shift = {
        unit: next((one for one in effect.shifts if one.item == item), None)
        for unit, effect in effects.items()
    }
    assert (shift["02号镇"].before, shift["02号镇"].after) == (
        mine["1"] + mine["2"],
        mine["1"] + mine["2"] + mine["3"],
    )
    assert (shift["01号镇"].before, shift["01号镇"].after) == (mine["1"] + mine["2"], mine["1"] + mine["4"])
    assert effects["00号镇"].why_not == "核对结果是退回" and effects["00号镇"].shifts == ()
    said = "\n".join(board_report(board))
    assert "封存后收到的文件（3 个）：" in said and "计入的话汇总数有" in said and "没有要催的" in said
    page = board_page(board)
    assert (
        "2024-01-26 09:00 封存，在 04汇总/汇总（封存）.zip" in page
        and "02号镇 第1次报送“丙.xlsx”（通过）" in page
    )
    document = board_document(board)
    assert document["closed"]["reason"] == WHY and document["open"] is False
    [late] = [one for one in document["units"][2]["receipts"] if one["late"]]
    assert len(late["effect"]["shifts"]) == len(effects["02号镇"].shifts)
    told = rounds.story(closed_folder, "02号镇")
    assert told[-2] == ("已下发", "封存后收到的第1次报送：通过")
    assert (
        told[-1][1]
        == f"封存后收到的第1次报送不计入汇总；计入的话汇总数有 {len(effects['02号镇'].shifts)} 处会变"
    )
    # the same bytes again, and what had been sealed, are a note and no late file
    again = rounds.take_in(
        closed_folder, rounds.put(tmp_path / "再", **{"丙2.xlsx": (ready[1] / "丙.xlsx").read_bytes()})
    )
    assert "同一份" in again.came[0].words and len(read_board(closed_folder).late) == 3


def test_a_late_file_that_was_not_weighed_is_weighed_by_the_next_run(closed_folder, ready, monkeypatch):
    from xltools.rounds import collecting

    def cut_off(round_):
        raise KeyboardInterrupt

    monkeypatch.setattr(collecting, "weigh_late", cut_off)
    with pytest.raises(KeyboardInterrupt):
        rounds.take_in(closed_folder, ready[1] / "丙.xlsx")
    monkeypatch.undo()
    assert [receipt.effect for _, receipt in read_board(closed_folder).late] == [None]
    assert "再运行一次 collect" in "\n".join(board_report(read_board(closed_folder)))
    rounds.take_in(closed_folder, ready[1] / "丙.xlsx")
    assert [bool(receipt.effect.shifts) for _, receipt in read_board(closed_folder).late] == [True]


# ---- faults


def test_a_full_disk_leaves_the_round_open(folder, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("xltools.writing.files.os.fsync", full)
    with pytest.raises(WriteError, match="磁盘满了"):
        closed(folder, WHY)
    monkeypatch.undo()
    board = read_board(folder)
    assert board.closing is None and list((folder / "04汇总").iterdir()) == [folder / "04汇总" / "汇总.xlsx"]
    assert not any("封存" in event.cause for one in board.units for event in one.events)


def test_an_archive_that_does_not_verify_closes_nothing(folder, monkeypatch):
    whole = closings.pack
    monkeypatch.setattr(closings, "pack", lambda made: whole({**made, "04汇总/汇总.xlsx": b"x"}))
    with pytest.raises(WriteError, match="核对不过.*没有封存"):
        closed(folder, WHY)
    assert read_board(folder).closing is None and list((folder / "04汇总").iterdir()) == [
        folder / "04汇总" / "汇总.xlsx"
    ]


@posix
def test_of_several_runs_at_once_one_closes(folder):
    children = []
    for _ in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                with contextlib.suppress(BusyError, RoundError):  # somebody else is at it, or has done it
                    closed(folder, WHY)
            finally:
                os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    closing = read_board(folder).closing
    data = (folder / closing.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == closing.sha256 and verify(data).fault == ""
    assert [event.cause for event in read_board(folder).units[0].events].count("这一轮封存了") == 1


def test_a_folder_that_another_run_holds_is_not_closed(folder):
    with opened(folder), pytest.raises(BusyError, match="正在运行"):
        closed(folder, WHY)


@posix
def test_a_kill_at_any_moment_leaves_it_open_or_closed_whole(ready, tmp_path):
    chance, ends = random.Random(5), {"open": 0, "closed": 0}
    shutil.copytree(ready[0], tmp_path / "whole")
    started = time.monotonic()
    closed(tmp_path / "whole", WHY)
    whole = time.monotonic() - started
    for kill in range(200 if SLOW else 12):
        folder = tmp_path / f"{kill}"
        shutil.copytree(ready[0], folder)
        child = os.fork()
        if child == 0:
            try:
                closed(folder, WHY)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 1.2 * whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        closing = read_board(folder).closing
        ends["closed" if closing else "open"] += 1
        if closing is None:
            for _ in range(running.SETTLING + 1):
                try:
                    closing = closed(folder, WHY)
                    break
                except BusyError:  # killed while it took the lock, which is believed for a moment
                    time.sleep(1)
        data = (folder / closing.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == closing.sha256 and verify(data).fault == ""
        told = [event.cause for event in read_board(folder).units[0].events]
        assert told.count("这一轮封存了") == 1
        with opened(folder) as round_, pytest.raises(RoundError, match="封存"):
            round_.demand_open()
        shutil.rmtree(folder)
    assert ends["open"]  # some were really cut off

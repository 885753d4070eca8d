"""The folder of a round as careless hands treat it: settings changed under it, files put in its places, not writable."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import helpers_pipe as pipe
import helpers_round as rounds
import pytest

from xltools.errors import RoundError, UsageError
from xltools.rounds.board import read_board
from xltools.rounds.collecting import choose, collect
from xltools.rounds.folder import init_round, open_round
from xltools.rounds.handing_out import dispatch, pack_all, pack_each
from xltools.rounds.ledger import Ledger
from xltools.rounds.settings import Settings, load_settings
from xltools.rounds.working import check_round

ROOT = Path(__file__).parents[1]
TOWNS = rounds.towns(2)
FIRST, SECOND = TOWNS
SAID = Settings(form=str(rounds.FORM_FILE), year=rounds.YEAR, county="示例县", code="X1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A round of two, of which one sent a wrong report."""
    home = tmp_path_factory.mktemp("收 报")
    numbers = rounds.new_round(home / "一 月", TOWNS)
    wrong = rounds.report(FIRST, numbers["U00"], rounds.wrong(1))
    rounds.take_in(home / "一 月", rounds.put(home / "来", **{"a.xlsx": wrong}))
    return home / "一 月", numbers


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "一 月")
    return tmp_path / "一 月"


def set_to(folder, before, after):
    path = folder / "xltools.toml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


# ---- settings changed under a round that is on


ACTS = {
    "dispatch": lambda folder: _in(folder, dispatch),
    "collect": lambda folder: _in(folder, lambda one: collect(one, [])),
    "check": lambda folder: _in(folder, check_round),
    "void": lambda folder: _in(folder, lambda one: choose(one, "00号镇", 1, "x", void=True)),
    "status": read_board,
}


def _in(folder, act):
    with open_round(folder) as round_:
        return act(round_)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("by", ["file", "environment"])
def test_another_year_is_refused_and_changes_nothing(folder, monkeypatch, by, act):
    before = rounds.states(folder)
    if by == "file":
        set_to(folder, f"year   = {rounds.YEAR}", f"year   = {rounds.YEAR + 1}")
    else:
        monkeypatch.setenv("XLTOOLS_YEAR", f"{rounds.YEAR + 1}")
    said = f"这一轮收的是 {rounds.YEAR}年的 {rounds.FORM.key}，.*XLTOOLS_YEAR）里却是 {rounds.YEAR + 1}年"
    with pytest.raises(RoundError, match=said):
        ACTS[act](folder)
    set_to(
        folder, f"year   = {rounds.YEAR + 1}", f"year   = {rounds.YEAR}"
    ) if by == "file" else monkeypatch.undo()
    assert rounds.states(folder) == before == {"00号镇": "退回(1)", "01号镇": "已下发"}


def test_another_form_is_refused(folder):
    set_to(folder, "form   = ", 'form   = "gov-info-disclosure/2021" # ')
    with pytest.raises(RoundError, match="里却是 .*gov-info-disclosure/2021。请改回去"):
        read_board(folder)


def test_another_county_needs_a_line_that_says_so(folder):
    set_to(folder, 'county = "示例县"', 'county = "示例区"')
    for act in ACTS.values():
        with pytest.raises(
            RoundError, match='收表单位是“示例县”.*COUNTY）里却是“示例区”.*formerly = "示例县"$'
        ):
            act(folder)
    set_to(folder, 'county = "示例区"', 'county = "示例区"\nformerly = "示例县"')
    with open_round(folder) as round_:
        assert round_.notices == ("收表单位由“示例县”改为“示例区”，记下了。",)
    with open_round(folder) as round_:
        assert round_.notices == () and read_board(folder).county == "示例区"
    set_to(folder, 'county = "示例区"', 'county = "示例县"')  # and not back again by itself
    with pytest.raises(RoundError, match="收表单位是“示例区”"):
        read_board(folder)


def test_before_anything_went_out_the_settings_may_change(tmp_path):
    folder = tmp_path / "一 月"
    init_round(folder, SAID)
    set_to(folder, f"year   = {rounds.YEAR}", f"year   = {rounds.YEAR + 1}")
    set_to(folder, 'county = "示例县"', 'county = "示例区"')
    rounds.set_roster(folder, TOWNS)
    with open_round(folder) as round_:
        assert round_.notices == () and len(dispatch(round_)) == 2
    with pytest.raises(RoundError, match=f"收的是 {rounds.YEAR + 1}年的"):
        set_to(folder, f"year   = {rounds.YEAR + 1}", f"year   = {rounds.YEAR}")
        read_board(folder)


# ---- files that somebody put where ours go


def test_a_copy_that_somebody_filled_in_is_not_written_over(folder, made):
    (copy,) = (folder / "01下发").glob("00*.xlsx")
    mine = rounds.report(FIRST, made[1]["U00"], rounds.answers(1))
    copy.write_bytes(mine)
    with open_round(folder) as round_:
        handed = dispatch(round_)
        assert [one.words for one in handed] == ["有人改过，没有盖掉；要重新写，先把它移走", "没有变，跳过"]
        packed = [*pack_each(round_, handed), *pack_all(round_, handed)]
    assert copy.read_bytes() == mine and all("00" not in path.name for path in packed) and len(packed) == 2
    copy.rename(folder / "留着.xlsx")
    with open_round(folder) as round_:
        assert [one.words for one in dispatch(round_)] == ["文件不在了，重新写", "没有变，跳过"]
    assert pipe.read(copy.read_bytes()).issue == made[1]["U00"]


def test_a_renamed_units_copy_that_bears_anothers_file_name_is_not_written_over(folder):
    (folder / "01下发" / next((folder / "01下发").glob("01*")).name.replace("01号镇", "新名镇")).write_bytes(
        b"mine"
    )
    rounds.set_roster(folder, [FIRST, rounds.Unit(name="新名镇", code="U01", parent="示例县")])
    with open_round(folder) as round_:
        assert [one.is_touched for one in dispatch(round_)] == [False, True]
    assert b"mine" in [path.read_bytes() for path in (folder / "01下发").iterdir()]


def test_an_archive_that_is_not_ours_is_not_written_over(folder):
    (copy,) = (folder / "01下发").glob("00*.xlsx")
    archive = copy.with_suffix(".zip")
    archive.write_bytes(b"the clerk's own")
    with open_round(folder) as round_:
        handed = dispatch(round_)
        with pytest.raises(UsageError, match="不是本程序打的压缩包"):
            list(pack_each(round_, handed))
        assert archive.read_bytes() == b"the clerk's own"
        archive.unlink()
        assert (
            list(pack_each(round_, handed)) and list(pack_each(round_, handed)) == []
        )  # unchanged: not again
        set_to(folder, 'last   = ""', 'last   = "" ')
        archive.write_bytes(next((folder / "01下发").glob("01*.zip")).read_bytes())  # ours, of another time
        assert list(pack_each(round_, handed)) == [archive]


@pytest.mark.parametrize(
    ("name", "said"),
    [("单位名单.xlsx", "已经有一份 单位名单.xlsx"), ("核验密钥.txt", "已经有 核验密钥.txt")],
)
def test_init_writes_over_nothing(tmp_path, name, said):
    folder = rounds.put(tmp_path / "旧", **{name: b"mine"})
    roster = tmp_path / "名单.csv"
    roster.write_text("单位名称\n甲镇\n", "utf-8")
    with pytest.raises(UsageError, match=said):
        init_round(folder, SAID, roster=roster, key=b"k" * 32)
    assert [path.name for path in folder.iterdir()] == [name] and (folder / name).read_bytes() == b"mine"


def test_init_begins_no_second_round_over_one_that_lost_its_settings(folder):
    (folder / "xltools.toml").unlink()
    before = (folder / "ledger.sqlite").read_bytes()
    with pytest.raises(UsageError, match="xltools.toml 却不见了"):
        init_round(folder, SAID)
    assert (folder / "ledger.sqlite").read_bytes() == before
    (folder / "ledger.sqlite").unlink()
    with pytest.raises(RoundError, match="台账 ledger.sqlite 不见了"):
        init_round(folder, SAID)


def test_init_that_was_cut_off_is_done_again(tmp_path):
    init_round(tmp_path / "r", SAID)
    (tmp_path / "r" / "xltools.toml").unlink()  # it comes last
    init_round(tmp_path / "r", SAID)
    assert read_board(tmp_path / "r").units == ()
    (tmp_path / "文件").write_bytes(b"x")
    with pytest.raises(UsageError, match="是文件，不是文件夹"):
        init_round(tmp_path / "文件", SAID)


# ---- the environment


def test_init_takes_what_no_option_says_from_the_environment(tmp_path, monkeypatch):
    around = {
        "XLTOOLS_FORM": "gov-info-disclosure/2021", "XLTOOLS_YEAR": "2023", "XLTOOLS_COUNTY": "示例县",
        "XLTOOLS_DUE": "2024-01-31", "XLTOOLS_LEVEL": "city",
    }  # fmt: skip
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    told = ran(tmp_path, ["init", "甲"], ["init", "乙", "--unit", "别县", "--due", "2024-02-29"])
    assert [code for code, *_ in told] == [0, 0], told
    for name in around:
        monkeypatch.delenv(name)
    first, second = (load_settings(tmp_path / name) for name in ("甲", "乙"))
    assert (first.county, first.due, first.level) == ("示例县", "2024-01-31", "city")
    assert (second.county, second.due, second.level) == ("别县", "2024-02-29", "city")
    [(code, _, said)] = ran(tmp_path, ["init", "丙", "--year", "2023"])
    assert code == 2 and "缺 --form" in said and not (tmp_path / "丙").exists()


# ---- another key


@pytest.mark.parametrize(("key", "said"), [(b"z" * 32, "不是下发时用的那一把"), (b"z", "太短")])
def test_a_key_that_is_not_the_rounds_is_spoken_of_wherever_the_round_is_read(tmp_path, key, said):
    rounds.new_round(tmp_path / "r", TOWNS, key=b"k" * 32)
    commands = [["status", "--no-files"], ["collect"], ["dispatch", "--dry-run"]]
    right = ran(tmp_path / "r", *commands[:2])
    assert "密钥" not in str(right)
    (tmp_path / "r" / "核验密钥.txt").write_bytes(key)
    told = ran(tmp_path / "r", *commands)
    assert all(said in words for _, _, words in told), told
    assert told[0][1] == right[0][1] and told[1][:2] == right[1][:2]


# ---- a folder that really cannot be written to


SETPRIV = shutil.which("setpriv")
UNPRIVILEGED = [] if os.name != "posix" or os.geteuid() else [SETPRIV or "", "--bounding-set", "-all"]
WRITING = [
    ["collect", "../又.xlsx"],
    ["dispatch"],
    ["check"],
    ["return"],
    ["merge"],
    ["pin", "00号镇", "1", "--reason", "x"],
    ["void", "00号镇", "1", "--reason", "x"],
    ["close", "--anyway", "x"],
    ["init", "新", "--form", "gov-info-disclosure/2021", "--year", "2023"],
    ["status"],
]
LOOKING = [
    ["status", "--no-files"],
    ["status", "--format", "json"],
    ["log", "00号镇"],
    ["dispatch", "--dry-run"],
    ["dispatch", "--dry-run", "--zip-all", "--zip-each", "00号镇"],
]


@pytest.fixture
def locked(folder):
    """Nobody may write there, root neither."""
    (folder.parent / "又.xlsx").write_bytes(b"PK")
    places = [folder, *folder.rglob("*")]
    for path in places:
        path.chmod(path.stat().st_mode & 0o555)
    yield folder
    for path in places:
        with contextlib.suppress(FileNotFoundError):
            path.chmod(0o755)


CHILD = """
import contextlib, io, json, sys
from xltools.cli import main
told = []
for words in json.load(sys.stdin):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    sys.argv = ["xltools", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as left:
        out.flush(), err.flush()
        told.append((left.code, *(one.buffer.getvalue().decode() for one in (out, err))))
print(json.dumps(told))
"""


def ran(folder, *commands):
    """What each command ends in: (code, stdout, stderr); one process without privileges runs them all."""
    done = subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-c", CHILD], cwd=folder, input=json.dumps(commands).encode(),
        capture_output=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()  # also where a command ended in a traceback
    return json.loads(done.stdout)


@pytest.mark.skipif(
    os.name != "posix" or (not os.geteuid() and SETPRIV is None), reason="no way to be refused"
)
def test_a_folder_that_nobody_may_write_to_is_a_sentence_for_every_command(locked):
    before = {path: path.stat().st_mtime_ns for path in locked.rglob("*")}
    for code, _, said in ran(locked, *WRITING):
        assert code == 3 and said.startswith("xltools：写不进") and said.endswith("没有权限。\n"), said
    for code, out, said in ran(locked, *LOOKING):
        assert code in (0, 1) and "00号镇" in out and said == "", said
    assert {path: path.stat().st_mtime_ns for path in locked.rglob("*")} == before


def test_looking_writes_nothing_though_the_roster_changed_and_a_day_went_by(folder):
    rounds.set_roster(folder, rounds.towns(3)[1:])  # one dropped, one new; the day for reporting is long past
    before = _all_in(folder)
    told = ran(folder, ["dispatch", "--dry-run"], *LOOKING[:3])
    assert told[0][0] == 0 and "要写 1 份，没有变的 1 份" in told[0][1], told
    assert _all_in(folder) == before


def _all_in(folder):
    """Every path with its time and content."""
    places = [folder, *folder.rglob("*")]
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in places}


@pytest.mark.skipif(
    os.name != "posix" or (not os.geteuid() and SETPRIV is None), reason="no way to be refused"
)
@pytest.mark.parametrize(
    ("place", "words", "said"),
    [
        ("ledger.sqlite", ["pin", "00号镇", "1", "--reason", "x"], "写不进台账"),
        ("02收件", ["collect", "../又.xlsx"], "原件|写不进"),
        ("03退回", ["return"], "03退回"),
    ],
)
def test_a_part_of_it_that_nobody_may_write_to_loses_nothing(folder, place, words, said):
    (folder.parent / "又.xlsx").write_bytes(b"PK")
    places = [folder / place, *(folder / place).rglob("*")]
    for path in places:
        path.chmod(path.stat().st_mode & 0o555)
    [(code, _, told)] = ran(folder, words)
    assert code == 3 and re.search(said, told), told
    for path in places:
        path.chmod(0o755)
    with Ledger(folder / "ledger.sqlite") as ledger:
        assert [one.name for one in ledger.records().receipts] == ["a.xlsx"]
    assert rounds.states(folder) == {"00号镇": "退回(1)", "01号镇": "已下发"}

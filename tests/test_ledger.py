"""The ledger, the roster that is edited while a round is on, and the settings of a folder."""

import datetime
import multiprocessing
import os
import re
import sqlite3
from pathlib import Path

import pytest

from xltools.errors import BusyError, RoundError, UsageError, WriteError
from xltools.roster import Unit
from xltools.rounds import connecting
from xltools.rounds import ledger as ledgers
from xltools.rounds.ledger import Ledger
from xltools.rounds.listing import changes
from xltools.rounds.rows import UnitRow
from xltools.rounds.settings import Settings, find_folder, given_settings, load_settings, settings_text
from xltools.rounds.standing import State

TOWN = Unit(name="示例镇", code="U01", parent="示例县")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


# ---- one transaction, one clock


def test_what_a_batch_wrote_is_there_and_what_a_broken_one_wrote_is_not(path):
    with Ledger(path) as ledger:
        with ledger.batch():
            ledger.add_unit(TOWN, listed=True)
        with pytest.raises(ZeroDivisionError), ledger.batch():
            ledger.add_unit(Unit(name="另一镇"), listed=True)
            1 / 0  # noqa: B018
    with Ledger(path) as ledger:
        assert [row.unit.name for row in ledger.records().units] == ["示例镇"]


def test_a_row_of_nobody_is_refused(path):
    with Ledger(path) as ledger, pytest.raises(sqlite3.IntegrityError), ledger.batch() as at:
        ledger.add_event(at, 99, State.PASSED, "没有这个单位")


def test_the_ledgers_clock_never_runs_back(path):
    times = iter(["2024-01-20T10:00:00", "2023-12-31T08:00:00", "2024-01-20T10:00:01"])
    with Ledger(path, clock=lambda: datetime.datetime.fromisoformat(next(times))) as ledger:
        seen, said = [], []
        for _ in range(3):
            with ledger.batch() as at:
                seen.append(at)
            said.append(ledger.behind)
    assert seen == ["2024-01-20T10:00:00", "2024-01-20T10:00:00", "2024-01-20T10:00:01"]
    assert said[0] == "" and "2023-12-31 08:00:00" in said[1] and "核对电脑的日期" in said[1]


# ---- schema


def test_an_older_ledger_is_brought_up_to_date_and_keeps_its_rows(path, monkeypatch):
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    later = (*ledgers.MIGRATIONS, "CREATE TABLE seal (at TEXT NOT NULL);\nINSERT INTO seal VALUES ('x');")
    monkeypatch.setattr(ledgers, "MIGRATIONS", later)
    with pytest.raises(RoundError, match="旧版本"):
        Ledger(path, read_only=True)
    for _ in range(2):  # once, not at every opening
        with Ledger(path) as ledger:
            assert ledger.records().units[0].unit == TOWN
    assert sqlite3.connect(path).execute("SELECT count(*) FROM seal").fetchone() == (1,)


def test_a_migration_that_fails_leaves_the_old_schema(path, monkeypatch):
    with Ledger(path):
        pass
    monkeypatch.setattr(
        ledgers,
        "MIGRATIONS",
        (*ledgers.MIGRATIONS, "CREATE TABLE seal (at TEXT);\nCREATE TABLE unit (at TEXT);"),
    )
    with pytest.raises(sqlite3.OperationalError):
        Ledger(path)
    monkeypatch.undo()
    with Ledger(path) as ledger:
        assert ledger.records().units == ()


def test_sources_inside_the_folder_are_told_from_there_once_the_ledger_is_brought_up_to_date(
    path, monkeypatch
):
    home = path.parent
    with monkeypatch.context() as before:
        before.setattr(ledgers, "MIGRATIONS", ledgers.MIGRATIONS[:2])
        Ledger(path).__exit__()
    old = sqlite3.connect(path)
    places = [f"{home}/02收件/包.zip > 镇/甲.xlsx", f"{home}/02收件/乙.xlsx", "/别处/丙.xlsx"]
    for number, source in enumerate(places):
        old.execute("INSERT INTO arrival VALUES (?, ?, '甲', '2024', '')", (f"s{number}", source))
        old.execute("INSERT INTO receipt (sha256, path, name, source, at) VALUES (?, 'p', '甲', ?, '2024')",
                    (f"s{number}", source))  # fmt: skip
    old.execute("INSERT INTO unit VALUES (1, '甲镇', '', '', '', '', '', '', '', 0, 1, 0)")
    said = '{"unit": "甲镇", "code": "", "kind": "", "level": "", "parent": ""}'
    for number, year in enumerate((2023, 2024, 2023)):
        old.execute(
            "INSERT INTO copy VALUES (?, 1, 'f/1', ?, ?, 'x', ?, '2024')",
            (f"n{number}", year, said, f"c{number}"),
        )
    old.execute("INSERT INTO rollup VALUES (1, '2024', '汇总.xlsx', 'r')")
    old.commit()
    old.close()
    with Ledger(path) as ledger:
        records = ledger.records()
        assert ledger.met() == {
            ("s0", "02收件/包.zip > 镇/甲.xlsx"),
            ("s1", "02收件/乙.xlsx"),
            ("s2", "/别处/丙.xlsx"),
        }
    assert [one.source for one in records.receipts] == [
        "02收件/包.zip > 镇/甲.xlsx",
        "02收件/乙.xlsx",
        "/别处/丙.xlsx",
    ]
    assert (records.subject.form, records.subject.year, records.subject.county) == (
        "f/1",
        2023,
        "",
    )  # most copies
    assert records.written == {"c0", "c1", "c2"}
    assert (records.rollup.file, records.rollup.basis) == ("汇总.xlsx", None)


def test_a_ledger_of_a_newer_version_is_left_alone(path):
    with Ledger(path):
        pass
    sqlite3.connect(path).execute("PRAGMA user_version = 99")
    with pytest.raises(RoundError, match="更新版本"):
        Ledger(path)


def test_what_is_no_ledger_is_said(path):
    path.write_bytes(b"not a database, only some text that is long enough " * 40)
    with pytest.raises(RoundError, match="坏了"):
        Ledger(path)
    with pytest.raises(RoundError, match="没有台账"):
        Ledger(path.with_name("none.sqlite"), read_only=True)


# ---- others, drives, folders


def _hold(path, taken, done):
    with Ledger(path) as ledger, ledger.batch():
        taken.set()
        done.wait(20)


def test_a_second_writer_waits_and_then_is_told(path, monkeypatch):
    monkeypatch.setattr(connecting, "PATIENCE", 0.2)
    with Ledger(path):
        pass
    context = multiprocessing.get_context("spawn")
    taken, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, taken, done))
    other.start()
    try:
        assert taken.wait(20)
        with Ledger(path, read_only=True) as looking:
            assert looking.records().units == ()  # who only looks is not kept waiting
        with Ledger(path) as ledger, pytest.raises(BusyError, match="另一个程序"), ledger.batch():
            pytest.fail("two wrote at once")
    finally:
        done.set()
        other.join(20)


class _NoSharedMemory(sqlite3.Connection):
    """A drive without what WAL needs: asking for it fails as it does on a share."""

    def execute(self, query, *more):
        if "WAL" in query:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(query, *more)


def test_a_drive_without_wal_has_a_plain_journal(path, monkeypatch):
    plain = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **more: plain(*args, **more, factory=_NoSharedMemory)
    )
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    monkeypatch.undo()
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with Ledger(path, read_only=True) as ledger:
        assert ledger.records().units[0].unit == TOWN


@pytest.mark.skipif(os.name != "posix", reason="SQLite's ways of locking on POSIX")
@pytest.mark.parametrize("way", ["unix-dotfile", "unix-none"])  # neither has the shared memory that WAL needs
def test_a_ledger_goes_on_after_a_move_to_a_drive_without_wal_and_back(path, way, monkeypatch):
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    plain = sqlite3.connect

    def connect(place, **more):
        place = str(place) if str(place).startswith("file:") else f"file://{place}"
        return plain(f"{place}{'&' if '?' in place else '?'}vfs={way}", **{**more, "uri": True})

    with monkeypatch.context() as share:
        share.setattr(sqlite3, "connect", connect)
        for name in ("另一镇", "又一镇"):
            with Ledger(path) as ledger, ledger.batch():
                ledger.add_unit(Unit(name=name), listed=True)
        with Ledger(path, read_only=True) as ledger:
            assert len(ledger.records().units) == 3
    assert sorted(one.name for one in path.parent.iterdir()) == ["ledger.sqlite"]
    with Ledger(path) as ledger:
        assert len(ledger.records().units) == 3
        assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_long_path_of_windows_is_opened_the_long_way(monkeypatch):
    asked = []
    monkeypatch.setattr(connecting, "reachable", lambda path: f"\\\\?\\C:\\收 报#1\\{path.name}")
    monkeypatch.setattr(sqlite3, "connect", lambda address, **more: asked.append(address) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Ledger(Path("ledger.sqlite"))
    assert asked == ["file:%5C%5C%3F%5CC%3A%5C%E6%94%B6%20%E6%8A%A5%231%5Cledger.sqlite?vfs=win32-longpath"]


def test_a_ledger_that_is_written_to_while_it_is_copied_is_read_beside_the_writer(path, monkeypatch):
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    with Ledger(path, read_only=True) as ledger:
        assert ledger.records().units[0].unit == TOWN
    assert [one.name for one in path.parent.iterdir()] == ["ledger.sqlite"]  # looking leaves nothing behind
    stand, addresses, plain = connecting._stand, [], connecting._opened_to_read
    monkeypatch.setattr(connecting, "_stand", lambda path: (stand(path), len(addresses)))
    monkeypatch.setattr(
        connecting, "_opened_to_read", lambda address: addresses.append(address) or plain(address)
    )
    with Ledger(path, read_only=True) as ledger:
        assert ledger.records().units[0].unit == TOWN
    assert [address.rpartition("?")[2] for address in addresses] == ["immutable=1", "mode=ro"]


def test_a_folder_without_room_for_a_journal_can_still_be_looked_at(path, monkeypatch):
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    plain = sqlite3.connect

    def refuse(address, **more):  # what SQLite says where no file can be made beside the ledger
        if "mode=ro" in address:
            raise sqlite3.OperationalError("unable to open database file")
        return plain(address, **more)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with Ledger(path, read_only=True) as ledger:
        assert ledger.records().units[0].unit == TOWN
    path.with_name("ledger.sqlite-wal").write_bytes(b"entries that are not in the ledger yet")
    with pytest.raises(RoundError, match="没有记完"):
        Ledger(path, read_only=True)


class _ReadOnly(sqlite3.Connection):
    """A folder that cannot be written to: root may write anywhere, so SQLite itself is told to refuse."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.execute("PRAGMA query_only = ON")


def test_a_ledger_that_cannot_be_written_is_said(path, monkeypatch):
    with Ledger(path):
        pass
    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: plain(*args, **more, factory=_ReadOnly))
    with Ledger(path) as ledger, pytest.raises(WriteError, match="只读"), ledger.batch():
        ledger.add_unit(TOWN, listed=True)


def test_a_full_disk_leaves_the_ledger_as_it_was(path, monkeypatch):
    with Ledger(path) as ledger, ledger.batch():
        ledger.add_unit(TOWN, listed=True)
    with Ledger(path) as ledger:
        ledger._db.execute("PRAGMA max_page_count = 1")  # the smallest it allows: what is in use now
        with pytest.raises(WriteError, match="磁盘满了"), ledger.batch():
            for number in range(3000):
                ledger.add_unit(Unit(name=f"{number}号镇" * 20), listed=True)
    with Ledger(path) as ledger:
        assert [row.unit.name for row in ledger.records().units] == ["示例镇"]


# ---- a roster edited while the round is on


def rows(*units):
    return [UnitRow(number, unit, True) for number, unit in enumerate(units, 1)]


def listed(*units):
    return [Unit(**{**{name: getattr(unit, name) for name in ("name", "code", "kind", "level", "parent", "due")},
                    "order": order}) for order, unit in enumerate(units)]  # fmt: skip


A, B, C = (Unit(name=f"{letter}镇", code=f"U{number}", parent="示例县", order=number)
           for number, letter in enumerate("甲乙丙"))  # fmt: skip
BARE = Unit(name="无码镇", parent="示例县")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([A, B], [A, B], []),
        ([A, B], [A, B, C], [(None, "列入名单")]),
        ([A, B], [B], [(1, "从名单里去掉了")]),
        ([A], [Unit(name="甲街道", code="U0", parent="示例县")], [(1, "名称由“甲镇”改为“甲街道”")]),
        ([A], [Unit(name="甲镇", code="X9", parent="示例县")], [(1, "代码由“U0”改为“X9”")]),
        ([BARE], [Unit(name="无码镇", code="U7", parent="示例县")], [(1, "代码由“空”改为“U7”")]),
        ([BARE], [Unit(name="无码镇", parent="另一县")], [(1, "上级由“示例县”改为“另一县”")]),
        ([BARE], [Unit(name="新名镇", parent="示例县")], [(None, "列入名单"), (1, "从名单里去掉了")]),
        ([A, B], [Unit(name="乙镇", code="U0", parent="示例县"), Unit(name="甲镇", code="U1", parent="示例县")],
         [(1, "名称由“甲镇”改为“乙镇”"), (2, "名称由“乙镇”改为“甲镇”")]),  # the codes say which is which
        ([A], [Unit(name="甲镇", code="U5", parent="另一县")], [(None, "列入名单"), (1, "从名单里去掉了")]),
        ([A], [Unit(name="甲镇", code="U0", parent="示例县", level="county")], [(1, "级别由“乡级”改为“县级”")]),
    ],
)  # fmt: skip
def test_what_changed_on_the_roster(before, after, said):
    found = changes(rows(*listed(*before)), listed(*after))
    spoken = [(change.row.id if change.row else None, change.words) for change in found if change.words]
    assert spoken == said


def test_a_new_order_or_contact_is_taken_over_in_silence():
    found = changes(rows(*listed(A, B)), listed(B, A))
    assert [change.words for change in found] == ["", ""] and [change.unit.order for change in found] == [
        0,
        1,
    ]


# ---- settings


SAID = Settings(form="gov-info-disclosure/2021", year=2023, county='示例"县', due="2024-01-31")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "xltools.toml").write_text(settings_text(SAID), "utf-8")
    return tmp_path


def test_the_settings_that_init_writes_read_back(folder):
    assert load_settings(folder, environment={}) == SAID
    (folder / "02收件").mkdir()
    assert find_folder(folder / "02收件") == folder


def test_the_environment_goes_before_the_file_where_it_says_something(folder):
    around = {"XLTOOLS_YEAR": "2024", "XLTOOLS_DUE": "2025-01-31", "XLTOOLS_COUNTY": ""}
    found = load_settings(folder, environment=around)
    assert (found.year, found.due, found.county) == (2024, "2025-01-31", SAID.county)


def test_an_option_of_init_goes_before_the_environment_and_that_before_the_default():
    around = {
        "XLTOOLS_FORM": "a/1",
        "XLTOOLS_YEAR": "2024",
        "XLTOOLS_DUE": "2025-01-31",
        "XLTOOLS_COUNTY": "别县",
    }
    options = {"form": None, "year": 2025, "county": "示例县", "code": None, "level": None, "due": ""}
    assert given_settings(options, environment=around) == Settings(form="a/1", year=2025, county="示例县")


def test_every_wrong_setting_is_named_at_once(folder):
    (folder / "xltools.toml").write_text('form = 3\ndue = "月底"\nlevle = "county"\n', "utf-8")
    with pytest.raises(RoundError) as error:
        load_settings(folder, environment={"XLTOOLS_LEVEL": "区"})
    for words in ("form 是“3”", "due 是“月底”", "“levle”", "环境变量 XLTOOLS_LEVEL 是“区”", "缺 year"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"form = ", "第 ?1 ?行"),
        ("form = '报'".encode("gbk"), "UTF-8"),
        ("year = 2023\ncounty = 示例县".encode(), "第 ?2 ?行"),
        (b"due = 2024-02-30", "toml"),
        (b"year = " + b"9" * 5000, "不合理"),
        (b"form = " + b"[" * 5000, "toml"),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_said(folder, data, words):
    (folder / "xltools.toml").write_bytes(data)
    with pytest.raises(RoundError, match=words) as error:
        load_settings(folder)
    assert not re.search("at line|at end|Invalid|limit", str(error.value))  # nothing of the parser's own


def test_what_is_wrong_or_missing_is_named_as_option_or_variable_all_at_once():
    with pytest.raises(UsageError) as error:
        given_settings({"form": None, "year": 2023, "due": "月底"}, environment={"XLTOOLS_LEVEL": "区"})
    for words in (
        "--due 是“月底”",
        "环境变量 XLTOOLS_LEVEL 是“区”",
        "缺 --form",
        "没有环境变量 XLTOOLS_FORM",
    ):
        assert words in str(error.value)


def test_dates_of_toml_are_dates_too(folder):
    (folder / "xltools.toml").write_text('form = "a/1"\nyear = 2023\ndue = 2024-01-31\n', "utf-8")
    assert load_settings(folder, environment={}).due == "2024-01-31"

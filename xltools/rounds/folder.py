"""Folder: the working folder of a round, made and opened.

    xltools.toml  单位名单.xlsx  ledger.sqlite  01下发  02收件（原件 in it）  03退回  04汇总

Opening brings the ledger's units up to the roster of today; whoever writes holds the folder for one run.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xltools.errors import RosterError, RoundError, UsageError, WriteError, system_words
from xltools.form import Form
from xltools.forms.catalogue import load_form
from xltools.forms.finder import FormFinder
from xltools.guarding import Kind, standing
from xltools.intake import Wanted
from xltools.issued import Issued, Register, code_holds, has_code
from xltools.lastyear import LastYear, read_last_year
from xltools.longpath import reachable
from xltools.reading.rosters import HEADS, read_roster
from xltools.roster import Roster
from xltools.rounds import ledger as ledgers
from xltools.rounds import settings
from xltools.rounds.chasing import time_words
from xltools.rounds.ledger import Clock, Ledger
from xltools.rounds.listing import applied, changes, paired
from xltools.rounds.rows import Records, Subject, UnitRow
from xltools.rounds.settings import Settings, load_settings, settings_text
from xltools.rounds.standing import Closing, State
from xltools.rounds.states import States
from xltools.saving import BESIDE
from xltools.words import label_key
from xltools.writing.files import write_whole
from xltools.writing.roster import write_roster
from xltools.writing.running import LOCK, only_run

OUT, IN, BACK, MERGED = "01下发", "02收件", "03退回", "04汇总"
ORIGINALS = "原件"  # inside 02收件
BOARD_FILES = ("看板.xlsx", "看板.html", "催报名单.xlsx", "催报文字.txt")  # what `status` writes
SHORTEST_KEY = 16  # bytes
LOCKS = ("~${}", ".~lock.{}#")  # what a program that has a workbook open puts beside it


@dataclass(frozen=True)
class Round:
    """An open round.  `notices` are sentences for the clerk: what changed on the roster, a clock that runs back."""

    folder: Path
    settings: Settings
    form: Form
    roster: Roster
    ledger: Ledger
    notices: tuple[str, ...] = ()

    @property
    def originals(self) -> Path:
        return self.folder / IN / ORIGINALS

    def place(self, name: str) -> Path:
        return self.folder / name

    def inside(self, path: Path) -> str:
        return settings.inside(self.folder, path)

    def own_places(self, records: Records) -> list[Path]:
        """What is in the folder and did not come in: folders of ours, settings, ledger, boards, roll-ups, what went back.

        Of what bears the name of a board a report is none.
        """
        said, places = self.settings, [self.place(name) for name in (OUT, BACK, MERGED)]
        names = [
            settings.FILE,
            said.units,
            LOCK,
            *own_forms(said, self.folder),
            *filter(None, (said.key, said.last)),
        ]
        names += [f"{ledgers.FILE}{tail}" for tail in ("", "-wal", "-shm", "-journal")]
        names += [*records.rollups, *(row.marked for row in records.receipts if row.marked)]
        for board in map(Path, BOARD_FILES):
            made = [self.folder / board, *self.folder.glob(f"{board.stem}（{BESIDE}*{board.suffix}")]
            places += [one for one in made if one.is_file() and standing(one)[0] is not Kind.FILING]
        places += [self.originals, *map(self.place, names)]
        return [*places, *(one.with_name(mark.format(one.name)) for one in places for mark in LOCKS)]

    @cached_property
    def key(self) -> bytes | None:
        return read_key(self.folder / self.settings.key) if self.settings.key else None

    @cached_property
    def last(self) -> LastYear | None:
        return self.last_in(self.folder / self.settings.last) if self.settings.last else None

    def last_in(self, path: Path) -> LastYear:
        """Last year's figures in a file or folder.  Raises UsageError where they are of another year."""
        found = read_last_year(path, forms=own_forms(self.settings, self.folder))
        found.demand([self.settings.year])
        return found

    def wanted(self, records: Records, last: LastYear | None = None) -> Wanted:
        """What the round's files are held against."""
        return Wanted(
            find_form=FormFinder(own_forms(self.settings, self.folder)),
            form=self.form.key,
            year=self.settings.year,
            roster=self.roster,
            last=last or self.last,
            register=Register(copies=copies_by_number(records), key=self.key),
            lean=True,
        )

    def demand_open(self) -> None:
        """Raises RoundError where the round was closed."""
        if (closing := self.ledger.closing()) is not None:
            raise RoundError(closed_words(closing))

    def unit_rows(self, records: Records) -> Mapping[str, UnitRow]:
        """The ledger's rows by the key of the unit as the roster has it; of others, as it was last known."""
        by_key = {row.unit.key: row for row in records.units if not row.listed}
        return by_key | {row.unit.key: row for row in records.units if row.listed}


def digest_of(path: Path) -> str:
    """The SHA-256 of a file; "" where there is none.  Raises OSError for one that nobody may read."""
    there = reachable(path)
    return hashlib.sha256(there.read_bytes()).hexdigest() if there.is_file() else ""


def copies_by_number(records: Records) -> dict[str, Issued]:
    now = {row.id: row.unit for row in records.units}
    return {
        copy.number: Issued(copy.number, copy.form, copy.year, copy.then, now[copy.unit])
        for copy in records.copies
    }


def closed_words(closing: Closing) -> str:
    """
    >>> closed_words(Closing(at="2024-02-01T09:00:00", file="04汇总/a.zip", sha256=""))
    '这一轮已在 2024-02-01 09:00 封存（04汇总/a.zip），不再改动；之后来的文件用 collect 收，另记为封存后收到的，不计入汇总。'
    """
    return (
        f"这一轮已在 {time_words(closing.at)} 封存（{closing.file}），不再改动；"
        "之后来的文件用 collect 收，另记为封存后收到的，不计入汇总。"
    )


def own_forms(said: Settings, folder: Path) -> list[str]:
    return [form_path(said, folder)] if said.form.endswith(".toml") else []


def form_path(said: Settings, folder: Path) -> str:
    """A name of the catalogue as it is; a form file's path from anywhere."""
    return str(folder / said.form) if said.form.endswith(".toml") else said.form


# ---- making


def init_round(
    folder: Path,
    said: Settings,
    *,
    roster: Path | None = None,
    key: bytes | None = None,
    clock: Clock | None = None,
) -> tuple[Path, ...]:
    """Makes the folder of a round and gives what was made.

    Raises UsageError where one is there already or the form is not for the year, RosterError naming every wrong
    cell of a roster.  Nothing is made before all of it was looked at; the settings come last, so that a folder that has them is whole.
    """
    if (folder / settings.FILE).exists():
        raise UsageError(f"{folder} 已经是收报的文件夹了，里面有 {settings.FILE}。")
    form = load_form(said.form)
    if not form.covers(said.year):
        raise UsageError(f"{form.key} 不适用于{said.year}年的报告。")
    if said.form.endswith(".toml"):
        said = _moved(said, folder)
    listed, data = _roster_bytes(roster)
    _demand_new(folder, said, data if roster is not None else None, key)
    made = [folder / name for name in (OUT, IN, BACK, MERGED)]
    with only_run(folder):
        try:
            for path in (*made, folder / IN / ORIGINALS):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"建不了文件夹 {folder}：{system_words(error)}。") from error
        if not (folder / said.units).exists():
            made.append(write_whole(folder / said.units, data))
        if key is not None:
            made.append(write_whole(folder / said.key, key))
        with _open(folder, clock) as ledger:
            records = ledger.records()
            _keep_subject(ledger, records, said, form)
            _keep_up(ledger, records, listed)
        made.append(folder / ledgers.FILE)
        made.append(write_whole(folder / settings.FILE, settings_text(said).encode()))
    return tuple(made)


def _demand_new(folder: Path, said: Settings, roster: bytes | None, key: bytes | None) -> None:
    """Raises UsageError where the folder has what would be written over, or remembers a round that lost its settings."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} 是文件，不是文件夹；请换一个名字。")
    units, ledger = folder / said.units, folder / ledgers.FILE
    if roster is not None and units.exists() and not (units.is_file() and units.read_bytes() == roster):
        raise UsageError(
            f"{folder} 里已经有一份 {said.units}，没有盖掉；就用它的不写 --units，不用的先移走。"
        )
    if key is not None and (folder / said.key).exists():
        raise UsageError(f"{folder} 里已经有 {said.key}，没有盖掉；就用它的不写 --with-key，不用的先移走。")
    _demand_ledger(folder)
    if ledger.exists():
        with Ledger(ledger, read_only=True) as before:
            if before.records().is_running:
                raise UsageError(
                    f"{folder} 里有一轮收报的台账，{settings.FILE} 却不见了；"
                    "请从备份或回收站找回来。要另收一轮，另建一个文件夹。"
                )


def _moved(said: Settings, folder: Path) -> Settings:
    """A form file is named from the folder, so that both can be moved together."""
    path = Path(said.form).absolute()
    try:
        named = os.path.relpath(path, folder.absolute())
    except ValueError:  # on another drive
        named = str(path)
    return replace(said, form=Path(named).as_posix())


def _roster_bytes(path: Path | None) -> tuple[Roster, bytes]:
    """The units of a roster and what 单位名单.xlsx will hold: a copy, or the same units from a .csv."""
    if path is None:
        return Roster(()), write_roster()
    roster = read_roster(path)
    if path.suffix.lower() == ".xlsx":
        try:
            return roster, path.read_bytes()
        except OSError as error:
            raise RosterError(f"打不开单位名单 {path}：{system_words(error)}。") from None
    ours = {label_key(word).lower() for words in HEADS.values() for word in words}
    more = {
        key: {head: text for head, text in cells.items() if label_key(head).lower() not in ours}
        for key, cells in roster.cells.items()
    }
    return roster, write_roster(roster, more)


# ---- opening


@contextlib.contextmanager
def open_round(folder: Path, *, clock: Clock | None = None) -> Iterator[Round]:
    """The round of a folder, held for one run, its units those of the roster of today."""
    said, form, roster = look_at(folder)
    _demand_ledger(folder)
    with only_run(folder), _open(folder, clock) as ledger:
        records = ledger.records()
        words = _keep_subject(ledger, records, said, form)
        if records.closing is None:  # of a closed round nothing changes any more
            words += _keep_up(ledger, records, roster)
            _note_late(ledger, said.due)
        round_ = Round(folder, said, form, roster, ledger)
        yield replace(round_, notices=(*words, *_key_words(round_, records), *filter(None, [ledger.behind])))


@contextlib.contextmanager
def look_into(folder: Path) -> Iterator[Round]:
    """The round of a folder for looking: nothing is written, nobody is kept out, the folder may be read-only."""
    said, form, roster = look_at(folder)
    with Ledger(folder / ledgers.FILE, read_only=True) as ledger:
        records = ledger.records()
        demand_same(records, said, form)
        round_ = Round(folder, said, form, roster, ledger)
        yield replace(round_, notices=tuple(_key_words(round_, records)))


def look_at(folder: Path) -> tuple[Settings, Form, Roster]:
    """Settings, form and roster of a folder; an unfilled roster has no units."""
    said = load_settings(folder)
    form = load_form(form_path(said, folder))
    if not form.covers(said.year):
        raise RoundError(f"{folder / settings.FILE}：{form.key} 不适用于{said.year}年的报告。")
    path = folder / said.units
    if not path.is_file():
        raise RoundError(f"没有单位名单：{path}。")
    return said, form, read_roster(path, may_be_empty=True)


def _keep_subject(ledger: Ledger, records: Records, said: Settings, form: Form) -> list[str]:
    """What the ledger knows of what is collected, brought up to the settings where they may still change."""
    demand_same(records, said, form)
    before, now = records.subject, Subject(form=form.key, year=said.year, county=said.county)
    if before == now:
        return []
    with ledger.batch():
        ledger.set_subject(now)
    renamed = records.is_running and before is not None and before.county and before.county != said.county
    return [f"收表单位由“{before.county}”改为“{said.county}”，记下了。"] if renamed and before else []


def demand_same(records: Records, said: Settings, form: Form) -> None:
    """Raises RoundError where something went out or came in for another form, year or county than the settings say:
    held against another year every report would be wrong."""
    began = records.subject
    if began is None or not records.is_running:
        return

    def where(*names: str) -> str:
        around = "、".join(f"{settings.PREFIX}{name}" for name in names)
        return f"{settings.FILE}（或环境变量 {around}）里却是"

    if (began.form, began.year) != (form.key, said.year):
        raise RoundError(
            f"这一轮收的是 {began.year}年的 {began.form}，{where('FORM', 'YEAR')} {said.year}年的 {form.key}。"
            "请改回去；要收别的年度或报表，另用 init 建一个文件夹。"
        )
    if began.county and said.county != began.county and said.formerly != began.county:
        raise RoundError(
            f"这一轮的收表单位是“{began.county}”，{where('COUNTY')}“{said.county}”。写错了请改回去；"
            f"确实改了名的，在 {settings.FILE} 里加一行：formerly = {settings.quoted(began.county)}"
        )


def _demand_ledger(folder: Path) -> None:
    """A new ledger beside originals would count again what was voided, in another order."""
    kept = folder / IN / ORIGINALS
    if not (folder / ledgers.FILE).exists() and kept.is_dir() and any(kept.iterdir()):
        raise RoundError(
            f"台账 {ledgers.FILE} 不见了，而 {IN}/{ORIGINALS} 里有收过的原件；请从备份或回收站把台账找回来。"
            f"实在找不回来的，把“{ORIGINALS}”移到别处，再重新 collect，一切从头记起。"
        )


def _open(folder: Path, clock: Clock | None) -> Ledger:
    return Ledger(folder / ledgers.FILE, clock=clock or datetime.datetime.now)


def _keep_up(ledger: Ledger, records: Records, roster: Roster) -> list[str]:
    """Brings the ledger's units up to the roster, in one transaction; gives what changed."""
    todo = changes(records.units, roster.units)
    if not todo:
        return []
    with ledger.batch() as at:
        for change in todo:
            if change.row is None:
                unit = ledger.add_unit(change.unit, listed=True)
            else:
                unit = change.row.id
                ledger.change_unit(change.row_after(unit))
        after = ledger.records()
        states = States(after)
        rows = paired(after.units, roster.units)
        for change in todo:
            if not change.words:
                continue
            row = change.row or rows[change.unit.order]
            ledger.add_event(at, row.id, states.of(row.id), f"名单：{change.words}")
            if (
                change.listed
            ):  # what it sent is held against another roster now; what one that is gone sent, against none
                for receipt in states.receipts.get(row.id, ()):
                    ledger.change_receipt(receipt.id, outcome=None)
    said = [f"名单：“{change.unit.name}”{change.words}" for change in todo if change.words]
    bare = [change.unit.name for change in todo if not change.unit.code and not change.listed]
    came = [change.unit.name for change in todo if change.row is None]
    gone = [change.unit.name for change in todo if not change.listed]
    if bare and any(change.row is None and not change.unit.code for change in todo):
        said.append(
            f"没有代码的单位改了名，认不出是同一个：如果“{bare[0]}”是改名，请先改回去、写上代码，运行一次，再改名。"
        )
    elif came and gone:
        said.append(
            f"如果“{gone[0]}”和“{came[0]}”是同一个单位，名称和代码不要一次都改：请先改回去，改其中一样，运行一次，再改另一样。"
        )
    return said


def _note_late(ledger: Ledger, due: str) -> None:
    """An event for each unit whose day has gone by without a report, or whose day was put off since."""
    records = ledger.records()
    states, now = States(records), ledger.today()
    changed = []
    for row in records.units:
        one = states.standing(row, folder=Path(), today=now, due=due)
        last = one.events[-1].state if one.events else None
        if row.listed and State.OVERDUE in (one.state, last) and one.state is not last and not one.receipts:
            late = one.state is State.OVERDUE
            words = f"过了截止日期 {one.due}，还没有报送" if late else f"截止日期改为 {one.due or '没有'}"
            changed.append((row.id, one.state, words))
    if changed:
        with ledger.batch() as at:
            for unit, state, words in changed:
                ledger.add_event(at, unit, state, words)


def today_units(records: Records, roster: Roster) -> list[UnitRow]:
    """The ledger's units as the roster of today has them, without writing anything; new ones have id 0."""
    todo = changes(records.units, roster.units)
    added = [UnitRow(0, change.unit, True) for change in todo if change.row is None]
    return [*applied(records.units, todo), *added]


# ---- the key


def read_key(path: Path) -> bytes | None:
    """The key kept in a file; None where there is none.  Raises RoundError for one that is too short."""
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RoundError(f"打不开核验密钥 {path}：{system_words(error)}。") from None
    if len(text) < SHORTEST_KEY:
        raise RoundError(f"核验密钥 {path} 太短，至少要 {SHORTEST_KEY} 个字符。")
    return text


def _key_words(round_: Round, records: Records) -> Iterator[str]:
    """Says so where copies went out with codes and the key that is there made none of them."""
    coded = [copy for copy in records.copies if has_code(copy.number)]
    try:
        key = round_.key if coded else None
    except RoundError as error:  # who only looks is told, and sees the rest
        yield str(error)
        return
    if key is not None and not any(
        code_holds(copy.number, copy.form, copy.then, copy.year, key) for copy in coded
    ):
        yield (
            f"{round_.settings.key} 不是下发时用的那一把密钥：签发号的核验码全对不上。请找回原来的放在那里；"
            "不然上级用它核对会全部报错，再下发时每个单位都会换新的签发号。"
        )

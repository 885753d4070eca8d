"""Collecting: what was sent is kept, recorded, checked and numbered; which report of a unit counts.

First the bytes are put by under a name that is their SHA-256, then all of a batch is recorded in one transaction,
then what was recorded is checked and numbered in another.  A run that is cut off anywhere is finished by the
next: what is kept already is not kept twice, what is recorded already is not recorded twice.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xltools.checks.across import substance
from xltools.errors import UsageError, WriteError, system_words
from xltools.filing import Refusal
from xltools.finding import Level, Outcome
from xltools.intake import Progress, Wanted, check_many, check_one, held_together
from xltools.longpath import reachable
from xltools.reading.bylabels import harvest
from xltools.result import Checked
from xltools.roster import Unit
from xltools.rounds.arrivals import Arrival, arrivals
from xltools.rounds.board import at_called
from xltools.rounds.folder import IN, ORIGINALS, Round, digest_of
from xltools.rounds.late import weigh_late
from xltools.rounds.rows import ArrivalRow, ReceiptRow, Records, UnitRow
from xltools.rounds.states import States, current_of, state_of
from xltools.sources import Source
from xltools.workers import ALONE, Workers
from xltools.writing.files import settle, write_whole

_KEPT = re.compile("[0-9a-f]{64}")
MOST_HELD = 64 * 1024**2  # bytes in memory between keeping and checking
LOST_NAME = "（上次中断时存下的，名称没有记）"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One file of a batch, for the terminal."""

    name: str
    source: str
    words: str  # 第2次报送 · 不是报送件 …
    unit: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one run of `collect` did.  `notices` are sentences about more than one file."""

    came: tuple[Came, ...]
    known: int  # files met before at the same place, passed over
    notices: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a file of this batch needs somebody: queried, returned or unreadable."""
        waiting = (Outcome.QUERIED, Outcome.RETURNED, Outcome.UNREADABLE)
        return any(one.outcome in waiting for one in self.came)


def collect(
    round_: Round, sources: Iterable[Path], *, progress: Progress | None = None, workers: Workers = ALONE
) -> Batch:
    """Takes in every file of these files, folders, archives and mails.

    Raises UsageError for a source that does not exist, WriteError where an original cannot be kept; then nothing of
    the batch is recorded and all of it may be collected again.
    """
    paths = list(sources)
    for path in paths:  # before anything is put by
        if not is_there(path):
            raise UsageError(f"找不到：{path}")
    records = round_.ledger.records()
    own = {path.resolve() for path in round_.own_places(records)}
    ours = [path for path in paths if not own.isdisjoint((whole := path.resolve(), *whole.parents))]
    met, held = _keep(round_, [path for path in paths if path not in ours], own)
    new, again, known = _record(round_, records, met)
    checked = check_pending(round_, held, progress=progress, workers=workers)
    weighed = weigh_late(round_)
    return Batch(
        came=(*checked, *again, *(_stray(one) for one in new if one.sentence)),
        known=known,
        notices=tuple(
            filter(None, [round_.ledger.behind, *map(_ours_words, ours), *_twins(round_, new), *weighed])
        ),
    )


def is_there(path: Path) -> bool:
    there = reachable(path)
    return there.exists() or there.is_symlink()


def _ours_words(path: Path) -> str:
    return f"“{path}”是本程序自己的，没有从那里收；里面如果有单位报来的，请先复制到 {IN}。"


# ---- keeping


def _keep(
    round_: Round, sources: Iterable[Path], own: Iterable[Path]
) -> tuple[list[Arrival], dict[str, bytes]]:
    """Puts the bytes of every file by; what is ours is no source.

    Gives what was met, of which only the first bytes are left, and by SHA-256 the bytes of as many new ones as there
    is room for, so that those need not be read again.
    """
    met: list[Arrival] = []
    held: dict[str, bytes] = {}
    seen, folders, room = set[str](), set[Path](), MOST_HELD
    for one in arrivals(sources, round_.folder, own):
        if not one.sentence and one.sha256 not in seen:
            seen.add(one.sha256)
            path = round_.folder / original_path(one.sha256, one.data)
            if keep(path, one.data, one.sha256):
                folders.add(path.parent)
                room -= len(one.data)
                if room >= 0:
                    held[one.sha256] = one.data
        met.append(replace(one, data=one.data[:4]))
    for folder in folders:  # once for all that came into each, and before any of it is recorded
        settle(reachable(folder))
    return met, held


def original_path(sha256: str, data: bytes) -> str:
    """Where the bytes of a file are kept, from the folder: a name that only they have."""
    ending = ".xlsx" if data.startswith(b"PK") else ".xls" if data.startswith(b"\xd0\xcf\x11\xe0") else ".bin"
    return f"{IN}/{ORIGINALS}/{sha256[:2]}/{sha256}{ending}"


def keep(path: Path, data: bytes, sha256: str) -> bool:
    """Puts an original in place, read-only, and says whether it was written; its folder is still to be settled.

    One that is there and was damaged since is put right.
    """
    there = reachable(path)
    try:
        written = digest_of(path) != sha256
        if written:
            if there.is_file():
                os.chmod(there, 0o644)  # Windows does not replace a read-only file
            write_whole(path, data, settled=False)
        os.chmod(there, 0o444)
        return written
    except OSError as error:
        raise WriteError(f"原件存不下来 {path}：{system_words(error)}。") from error


# ---- recording


def _record(round_: Round, records: Records, met: Sequence[Arrival]) -> tuple[list[Arrival], list[Came], int]:
    """All files of a batch in one transaction: those that are new, the same bytes again, how many were known."""
    ledger = round_.ledger
    places = ledger.met()
    known = {one.sha256: one for one in records.receipts}
    names = {row.id: row.unit.name for row in records.units}
    states = States(records)
    new: list[Arrival] = []
    again: list[Came] = []
    passed = 0
    fresh: dict[str, str] = {}  # SHA-256 → name, of this batch
    orphans = _orphans(round_, {*known, *(one.sha256 for one in met)})
    if not met and not orphans:
        return [], [], 0
    with ledger.batch() as at:
        for one in [*met, *orphans]:
            if (one.sha256, one.source) in places:
                passed += 1
                continue
            places.add((one.sha256, one.source))
            row = ArrivalRow(
                sha256=one.sha256, source=one.source, name=one.name, at=at, sentence=one.sentence
            )
            ledger.add_arrival(row)
            if one.sentence:
                new.append(one)
            elif (old := known.get(one.sha256)) is not None:
                words = f"与{_title(old)}“{old.name}”是同一份，不另计{_how_to_count(old, states)}"
                unit = names.get(old.unit or 0, "")
                again.append(Came(name=one.name, source=one.source, words=words, unit=unit))
                if old.unit is not None:
                    ledger.add_event(at, old.unit, states.of(old.unit), f"又收到一次，{words}", one.name)
            elif one.sha256 in fresh:
                words = f"与同一批的“{fresh[one.sha256]}”是同一份，不另计"
                again.append(Came(name=one.name, source=one.source, words=words))
            else:
                fresh[one.sha256] = one.name
                path = original_path(one.sha256, one.data)
                ledger.add_receipt(sha256=one.sha256, path=path, name=one.name, source=one.source, at=at)
                new.append(one)
    return new, again, passed


def _title(row: ReceiptRow) -> str:
    return f"第{row.number}次报送" if row.number is not None else "先前收到的"


def _how_to_count(row: ReceiptRow, states: States) -> str:
    """Of a file that came again and does not count: why, and how the clerk has it counted."""
    if row.unit is None or row.late:
        return ""
    if row.void:
        return "；那一次已作废，要算它就用 void --undo 取消作废"
    current = states.current(row.unit)
    if current is None or current.id == row.id:
        return ""
    return f"；现在算的是第{current.number}次，要算这一份就用 pin 选定第{row.number}次"


def _orphans(round_: Round, known: set[str]) -> list[Arrival]:
    """Originals that a run put by before it was cut off, and that nobody sent again."""
    found = []
    home = reachable(round_.originals, deep=True)
    for path in sorted(home.glob("*/*")):
        if _KEPT.fullmatch(path.stem) and path.stem not in known:
            with path.open("rb") as file:
                name, place = f"{LOST_NAME}{path.suffix}", round_.originals / path.relative_to(home)
                found.append(Arrival(name, round_.inside(place), path.stem, file.read(4)))
    return found


def _stray(one: Arrival) -> Came:
    return Came(name=one.name, source=one.source, words=one.sentence, outcome=Outcome.IGNORED)


# ---- checking and numbering


def check_pending(
    round_: Round,
    held: Mapping[str, bytes] | None = None,
    *,
    progress: Progress | None = None,
    workers: Workers = ALONE,
) -> list[Came]:
    """Checks and numbers what was recorded and is not checked yet, in the order of receipt.

    `held` has by SHA-256 the bytes of originals that need not be read again.
    """
    ledger = round_.ledger
    records = ledger.records()
    pending = [one for one in records.receipts if one.outcome is None]
    if not pending:
        return []
    wanted = round_.wanted(records)
    files = [Source(row.name, round_.folder / row.path, data=(held or {}).get(row.sha256)) for row in pending]
    found = check_many(files, wanted, workers, progress)
    checked = {row.id: one for row, one in zip(pending, found, strict=True)}
    came: list[Came] = []
    with ledger.batch() as at:
        finder = _Finder(round_, records, wanted)
        states = States(records)
        for row in pending:
            one = checked[row.id]
            unit = row.unit or finder.unit_of(one, round_.folder / row.path)
            if unit is None:
                sentence = _why_nobodys(one)
                ledger.change_receipt(row.id, sentence=sentence, **judged(one))
                came.append(Came(name=row.name, source=row.source, words=sentence, outcome=one.outcome))
                continue
            receipts = states.receipts.setdefault(unit, [])
            number = row.number or len(receipts) + 1
            values = {**judged(one), "unit": unit, "number": number, "sentence": ""}
            ledger.change_receipt(row.id, **values)
            after = replace(row, unit=unit, number=number, outcome=one.outcome)
            receipts[:] = [*(other for other in receipts if other.id != row.id), after]
            came.append(_came(after, finder.names[unit], current_of(receipts)))
            cause = "重新核对" if row.number else f"{'封存后收到的' if row.late else ''}第{number}次报送"
            ledger.add_event(at, unit, states.of(unit), f"{cause}：{outcome_words(one)}", row.name)
        _hold_together(round_, records, wanted, checked, at)
    return came


def judged(one: Checked) -> dict[str, object]:
    """What the ledger keeps of a check."""
    levels = [finding.level for finding in one.findings if not finding.explained]
    alike = substance(one.filing)
    said = repr((one.filing.form_key, one.filing.year, alike)) if alike is not None else ""
    return {
        "outcome": one.outcome.value,
        "errors": levels.count(Level.ERROR),
        "queries": levels.count(Level.QUERY),
        "notes": len(one.findings) - levels.count(Level.ERROR) - levels.count(Level.QUERY),
        "substance": hashlib.sha256(said.encode()).hexdigest() if said else "",
    }


def outcome_words(one: Checked) -> str:
    """The outcome with what led to it."""
    codes = dict.fromkeys(finding.code for finding in one.findings if finding.is_open)
    return f"{one.outcome.words}（{'、'.join(codes)}）" if codes else one.outcome.words


def _why_nobodys(one: Checked) -> str:
    refusal = one.filing.refusal
    if refusal is not None:
        return f"{refusal.sentence}{refusal.remedy}"
    first = next(iter(one.findings), None)
    return f"{first.message}{first.remedy}" if first is not None else "里面没有写明是哪个单位。"


def _came(row: ReceiptRow, unit: str, current: ReceiptRow | None) -> Came:
    words = f"第{row.number}次报送"
    if row.late:
        words += "，封存后收到，不计入汇总"
    elif current is not None and current.id != row.id:
        words += f"，现在算的是第{current.number}次"
    return Came(name=row.name, source=row.source, words=words, unit=unit, outcome=row.outcome)


class _Finder:
    """Whose a filing is: by the number it went out under, else by what it says, else by its labels."""

    def __init__(self, round_: Round, records: Records, wanted: Wanted) -> None:
        self.round, self.wanted = round_, wanted
        self.rows = dict(round_.unit_rows(records))
        self.names = {row.id: row.unit.name for row in records.units}
        self.of_number = {copy.number: copy.unit for copy in records.copies}

    def unit_of(self, one: Checked, path: Path) -> int | None:
        """The ledger's row; a unit that nobody listed gets one.  None where nothing in the file says whose it is."""
        filing = one.filing
        if filing.form is not None and filing.issue in self.of_number:
            return self.of_number[filing.issue]
        unit = filing.unit if filing.unit is not None and filing.unit.name else None
        if unit is None:
            return self._by_labels(one, path)
        known = self.round.roster.find(unit) or unit
        if known.key not in self.rows:
            made = self.round.ledger.add_unit(replace(unit, order=len(self.rows)), listed=False)
            self.rows[known.key] = UnitRow(made, unit, False)
            self.names[made] = unit.name
        return self.rows[known.key].id

    def _by_labels(self, one: Checked, path: Path) -> int | None:
        """A workbook without an identity is a unit's of the roster where its own cells say so."""
        roster, form = self.round.roster, self.round.form
        names = [unit.name for unit in roster]
        try:
            data = reachable(path).read_bytes()
        except OSError:  # an original that went missing; the check has said so
            return None
        found = harvest(one.filing.file, data, [form], units=names, year=self.round.settings.year)
        if isinstance(found, Refusal) or not found.unit:
            return None
        known = roster.find(Unit(name=found.unit))
        return self.rows[known.key].id if known is not None else None


# ---- between the reports that count


def _hold_together(
    round_: Round, before: Records, wanted: Wanted, checked: Mapping[int, Checked], at: str
) -> None:
    """Says of reports that are suspiciously alike that they are, and takes it back where they no longer are.

    Only reports with the same content as one that has begun or ceased to count are looked at again.
    """
    ledger = round_.ledger
    after = ledger.records()
    then, now = States(before), States(after)
    counting = [row for unit in now.receipts if (row := now.current(unit)) is not None]
    counted = {row.id: row for unit in then.receipts if (row := then.current(unit)) is not None}
    ids = {row.id for row in counting}
    touched = {row.substance for row in counting if row.id in checked or row.id not in counted}
    touched |= {row.substance for row in counted.values() if row.id not in ids}
    group = [row for row in counting if row.substance and row.substance in touched]
    sizes: dict[str, int] = {}
    for row in group:
        sizes[row.substance] = sizes.get(row.substance, 0) + 1
    group = [row for row in group if sizes[row.substance] > 1 or row.id not in checked]
    alone = [checked.get(row.id) or check_one(round_.folder / row.path, row.name, wanted) for row in group]
    together = held_together(alone, wanted.roster)
    for row, one in zip(group, together.filings, strict=True):
        values = judged(one)
        if row.unit is not None and any(
            getattr(row, name) != values[name] for name in ("outcome", "errors", "queries", "notes")
        ):
            state = now.of(row.unit)
            ledger.change_receipt(row.id, **values)
            looked_at = replace(row, outcome=one.outcome)
            changed = state_of(looked_at, issued=True, merged=row.id in now.merged)
            if changed is not state:
                ledger.add_event(at, row.unit, changed, f"与别的单位比较：{outcome_words(one)}", row.name)


def _twins(round_: Round, new: Sequence[Arrival]) -> list[str]:
    """Where a unit sent two different files in one batch: only their order in the batch says which counts."""
    shas = {one.sha256 for one in new}
    records = round_.ledger.records()
    names = {row.id: row.unit.name for row in records.units}
    said = []
    for unit, receipts in States(records).receipts.items():
        of_batch = [row for row in receipts if row.sha256 in shas and not row.late]
        if len(of_batch) > 1:
            files = "、".join(f"第{row.number}次“{row.name}”" for row in of_batch)
            current = current_of(receipts)
            number = current.number if current is not None else of_batch[-1].number
            said.append(
                f"“{names[unit]}”这一批里有 {len(of_batch)} 份不同的：{files}；现在算第{number}次。不对就用 pin 选定一份。"
            )
    return said


# ---- which one counts, said by the clerk


def choose(round_: Round, unit: str, number: int, reason: str, *, void: bool, undo: bool = False) -> str:
    """Pins a receipt so that no later one supersedes it, or voids it so that it never counts; or takes that back.

    Gives what is so now, as a sentence.  Raises UsageError for a unit or number that is not there, or no reason.
    """
    round_.demand_open()
    check_pending(round_)
    if not reason.strip():
        raise UsageError("请用 --reason 写明原因。")
    ledger = round_.ledger
    before = ledger.records()
    row = before.units[at_called([one.unit for one in before.units], unit)]
    receipts = States(before).receipts.get(row.id, [])
    chosen = next((one for one in receipts if one.number == number), None)
    if chosen is None:
        have = "、".join(str(one.number) for one in receipts) or "没有"
        raise UsageError(f"“{row.unit.name}”没有第{number}次报送；有的是：{have}。")
    if not void and not undo and chosen.void:
        raise UsageError(f"“{row.unit.name}”第{number}次报送已经作废，不能选定；先用 void --undo 取消作废。")
    word = "作废" if void else "选定"
    if (chosen.void if void else chosen.pinned) is not undo:  # it is so already: nothing to tell
        said = "本来就没有" if undo else "早已"
        return f"“{row.unit.name}”第{number}次报送{said}{word}，没有改什么；{_what_counts(before, row.id)}"
    words = f"取消{word}" if undo else word
    with ledger.batch() as at:
        if not void:
            for other in receipts:
                if other.pinned:
                    ledger.change_receipt(other.id, pinned=False)
        column = {"void": not undo} if void else {"pinned": not undo}
        ledger.change_receipt(chosen.id, reason="" if undo else reason.strip(), **column)
        state = States(ledger.records()).of(row.id)
        ledger.add_event(at, row.id, state, f"第{number}次报送{words}：{reason.strip()}", chosen.name)
        _hold_together(round_, before, round_.wanted(before), {}, at)
    return f"“{row.unit.name}”第{number}次报送{words}了；{_what_counts(ledger.records(), row.id)}"


def _what_counts(records: Records, unit: int) -> str:
    states = States(records)
    current = states.current(unit)
    counts = f"现在算第{current.number}次“{current.name}”" if current is not None else "现在没有一份算数"
    return f"{counts}，状态是{states.of(unit)}。"

"""Closing: a round is sealed in one archive, and nothing of it changes any more.

The archive is written beside, read again, verified as anybody would verify it, and moved into place; only then does
the ledger say that the round is closed, in the same transaction.  A run that is cut off leaves the round open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xltools.errors import RoundError, UsageError, WriteError
from xltools.forms.catalogue import form_files
from xltools.forms.load import read_form
from xltools.intake import Progress
from xltools.lastyear import LastYear
from xltools.longpath import reachable
from xltools.merging import merge
from xltools.result import CheckResult
from xltools.rollup import Rollup
from xltools.rounds import settings
from xltools.rounds.archive import pack
from xltools.rounds.board import board_of
from xltools.rounds.folder import MERGED, Round, form_path, own_forms
from xltools.rounds.rolled import place_of, untrue_words
from xltools.rounds.rows import Records
from xltools.rounds.standing import Board, Closing, State
from xltools.rounds.statement import FILE, SCHEMA, ledger_extract
from xltools.rounds.states import States
from xltools.rounds.verifying import verify
from xltools.rounds.working import check_round, file_names
from xltools.saving import mismatch
from xltools.writing.files import write_whole

FORMS = "报表"  # folder in the archive
AGAIN = "请再运行一次 merge，然后封存。"


@dataclass(frozen=True, kw_only=True)
class Sealing:
    """A round that may be closed: looked through, its roll-up recounted.  `open_words` say what is not done yet."""

    round_: Round
    records: Records
    checked: CheckResult  # every report that counts
    rollup: Rollup  # as the reports that went in add up now
    rollup_name: str  # member of the archive
    rollup_data: bytes
    names: Mapping[int, str]  # receipt → the name it is reported under
    open_words: tuple[str, ...]


# What others write for people into the archive, by name.
Papers = Callable[[Sealing, Board], Mapping[str, bytes]]


def look_through(round_: Round, *, last: LastYear | None = None, progress: Progress | None = None) -> Sealing:
    """Checks every report again and holds the latest roll-up against them.

    Raises RoundError where the round is closed, where nothing was merged, and where the roll-up is not what the
    reports that count now add up to: what is sealed has to be true.
    """
    checked = check_round(round_, last=last, progress=progress)
    records = round_.ledger.records()
    row = records.rollup
    if row is None or not records.merged:
        raise RoundError("还没有汇总；先用 merge 汇总，再封存。")
    if untrue := next(untrue_words(round_.folder, records, records.units, round_.settings.county), ""):
        raise RoundError(f"这一轮还不能封存。{untrue}")
    path = place_of(round_.folder, row)
    assert path is not None
    data, states = reachable(path).read_bytes(), States(records)
    counting = [found for unit in records.units if (found := states.current(unit.id)) is not None]
    went = [one.id in records.merged for one in counting]
    pairs = zip(checked.filings, went, strict=True)
    inside = CheckResult(tuple(one for one, is_in in pairs if is_in), roster=round_.roster)
    result = merge(inside)
    if result.rollup is None or not all(result.merged):
        raise RoundError(f"汇总过的报送件里，有的现在核对不通过。{AGAIN}")
    if wrong := mismatch(data, result.rollup):
        raise RoundError(f"汇总表 {path.name} {wrong}。{AGAIN}")
    return Sealing(
        round_=round_,
        records=records,
        checked=checked,
        rollup=result.rollup,
        rollup_name=f"{MERGED}/{path.name}",
        rollup_data=data,
        names=file_names(counting, {unit.id: unit.unit for unit in records.units}),
        open_words=tuple(_open_words(_board(round_, records, round_.ledger.today()))),
    )


def _board(round_: Round, records: Records, at: str) -> Board:
    return board_of(round_.folder, round_.settings, round_.form, round_.roster, records, at)


def _open_words(board: Board) -> Iterator[str]:
    """What is not done: a unit that is not in the roll-up, a report of one that nobody listed."""
    for one in board.units:
        if one.state is not State.MERGED:
            words = "通过了，没有汇总" if one.state is State.PASSED else one.words
            yield f"{one.unit.name}（{words}）"
        elif one.asks and one.current is not None:
            yield f"{one.unit.name}（已汇总，还有 {one.current.queries} 处没有说明）"
    for one in board.strangers:
        if one.current is not None and not one.dropped:
            yield f"{one.unit.name}（不在名单里，报来的没有计入）"


def archive_path(sealing: Sealing) -> Path:
    name = Path(sealing.rollup_name).stem
    return sealing.round_.folder / MERGED / f"{name}（封存）.zip"


def seal(sealing: Sealing, papers: Papers, *, reason: str = "", progress: Progress | None = None) -> Closing:
    """Writes the archive and closes the round.

    Raises UsageError where something is open and no reason is given, RoundError for an original that was damaged,
    WriteError where the archive cannot be written or does not verify; then the round stays open as it was.
    """
    if sealing.open_words and not reason.strip():
        raise UsageError("还有没办完的；办完再封存，或用 --anyway 写明为什么现在封存。")
    round_, path = sealing.round_, archive_path(sealing)
    ledger, file = round_.ledger, f"{MERGED}/{path.name}"
    with ledger.batch() as at:
        states = States(sealing.records)
        for unit in sealing.records.units:
            if unit.listed:
                ledger.add_event(at, unit.id, states.of(unit.id), "这一轮封存了", path.name)
        records = ledger.records()
        made = {
            **dict(_kept_files(sealing)),
            **papers(sealing, _board(round_, records, at)),
        }
        made[FILE] = _statement(sealing, records, at, reason.strip(), made)
        data = pack(made)
        write_whole(path, data, verify=lambda stored: _demand_sound(path, stored, progress))
        closing = Closing(at=at, file=file, sha256=hashlib.sha256(data).hexdigest(), reason=reason.strip())
        ledger.add_closing(closing)
    return closing


def _demand_sound(path: Path, stored: bytes, progress: Progress | None) -> None:
    verdict = verify(stored, progress=progress)
    if verdict.fault:
        raise WriteError(f"{path.name} 写出来的核对不过（{verdict.fault}）；这一轮没有封存。")


def _kept_files(sealing: Sealing) -> Iterator[tuple[str, bytes]]:
    """The roll-up, all originals under their places in the folder, and what they were held against."""
    round_ = sealing.round_
    yield sealing.rollup_name, sealing.rollup_data
    for row in sealing.records.receipts:
        path = round_.folder / row.path
        there = reachable(path)
        data = there.read_bytes() if there.is_file() else b""
        if hashlib.sha256(data).hexdigest() != row.sha256:
            raise RoundError(
                f"原件 {path}（{row.name}）不在了，或改动过；把原来的文件再收一次（collect），再封存。"
            )
        yield row.path, data
    yield settings.FILE, (round_.folder / settings.FILE).read_bytes()
    roster = round_.folder / round_.settings.units
    yield f"单位名单{roster.suffix}", roster.read_bytes()
    for own in _form_files(round_):
        yield f"{FORMS}/{own.name}", own.read_bytes()


def _form_files(round_: Round) -> tuple[Path, ...]:
    """The round's own form file and those it is laid over; what is shipped is everybody's."""
    if not own_forms(round_.settings, round_.folder):
        return ()
    shipped = dict(form_files())
    _, files = read_form(Path(form_path(round_.settings, round_.folder)), shipped)
    ours = {path.resolve() for path in shipped.values()}
    return tuple(path for path in files if path not in ours)


def _statement(sealing: Sealing, records: Records, at: str, reason: str, made: Mapping[str, bytes]) -> bytes:
    said, form = sealing.round_.settings, sealing.round_.form
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "title": f"{said.year}年{form.title}",
        "form": form.key,
        "year": said.year,
        "county": said.county,
        "code": said.code,
        "level": said.level,
        "due": said.due,
        "closed_at": at,
        "open": list(sealing.open_words),
        "reason": reason,
        "rollup": sealing.rollup_name,
        "roster": next(name for name in made if name.startswith("单位名单")),
        "forms": [f"{FORMS}/{path.name}" for path in _form_files(sealing.round_)],
        **ledger_extract(records, sealing.names),
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")

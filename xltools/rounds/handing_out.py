"""Handing out: a workbook per unit, each under a number of its own that the ledger knows before the file is there."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from xltools.errors import RosterError, UsageError
from xltools.guarding import Output, guard
from xltools.intake import Progress
from xltools.issued import code_holds, has_code, new_number
from xltools.issuing import template_names
from xltools.lastyear import LastYear
from xltools.longpath import reachable
from xltools.roster import Unit
from xltools.rounds.arrivals import UNREADABLE
from xltools.rounds.board import at_called
from xltools.rounds.folder import OUT, Round, digest_of
from xltools.rounds.rows import CopyRow, Records, UnitRow
from xltools.rounds.states import States
from xltools.writing.files import file_name, write_whole
from xltools.writing.stamping import Stamper

AT_ONCE = 50  # workbooks in memory, and in one transaction
NEW, CHANGED, MISSING, SAME = "新发", "内容变了，重新写", "文件不在了，重新写", "没有变，跳过"
TOUCHED = "有人改过，没有盖掉；要重新写，先把它移走"
Identity = tuple[str, ...]  # what of a unit travels in its workbook
PACKED_AT = (2000, 1, 1, 0, 0, 0)  # fixed, so that the same workbooks give the same bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What was done for one unit."""

    unit: Unit
    file: str  # name in 01下发
    words: str

    @property
    def is_written(self) -> bool:
        return self.words not in (SAME, TOUCHED)

    @property
    def is_touched(self) -> bool:
        """Whether a file that is not as it was handed out stands in its place: it may hold somebody's figures."""
        return self.words == TOUCHED


def dispatch(
    round_: Round,
    *,
    only: Sequence[str] = (),
    last: LastYear | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Handed]:
    """A workbook for each unit of the roster (or those named), in 01下发; what would be the same is left alone.

    `dry_run` says what would be done and touches nothing: a round that was only looked into will do.  Raises RosterError for an empty roster, UsageError for a
    name that is not on it, RoundError where the round is closed.
    """
    round_.demand_open()
    if not round_.roster.units:
        raise RosterError(f"单位名单 {round_.settings.units} 里一个单位也没有；先填好再下发。")
    named = list(template_names(round_.form, round_.roster, round_.settings.year))
    if only:
        units = list(round_.roster)
        wanted = sorted({at_called(units, word) for word in only})
        named = [named[at] for at in wanted]
    handed: list[Handed] = []
    before = _Before.of(round_)
    stamper = Stamper(round_.form, round_.settings.year)
    for start in range(0, len(named), AT_ONCE):
        if progress:
            progress(start, len(named))
        handed += _hand_out(
            round_, before, named[start : start + AT_ONCE], stamper, last or round_.last, dry_run
        )
    if progress:
        progress(len(named), len(named))
    return handed


@dataclass(frozen=True, slots=True)
class _Before:
    """What the ledger knew as the run began.  The folder is held and each unit comes once, so that it stays true."""

    rows: Mapping[str, UnitRow]  # by the key of the unit
    copies: Mapping[Identity, CopyRow]
    written: Collection[str]
    states: States

    @classmethod
    def of(cls, round_: Round) -> Self:
        records = round_.ledger.records()
        return cls(
            round_.unit_rows(records), latest_copies(round_, records), records.written, States(records)
        )


def _hand_out(
    round_: Round,
    before: _Before,
    named: Sequence[tuple[Unit, str]],
    stamper: Stamper,
    last: LastYear | None,
    dry_run: bool,
) -> Iterator[Handed]:
    form, year = round_.form, round_.settings.year
    todo: list[tuple[CopyRow, bytes]] = []
    done: list[Handed] = []
    for unit, name in named:
        copy = before.copies.get(identity_of(unit))
        number = copy.number if copy is not None else new_number(form.key, unit, year, round_.key)
        figures = last.of(unit, year) if last is not None else None
        data = stamper.copy(unit, issue=number, last=figures)
        sha256 = hashlib.sha256(data).hexdigest()
        there = digest_of(round_.folder / OUT / name)
        if there and there not in before.written:
            words = TOUCHED
        elif copy is None:
            words = NEW
        elif copy.sha256 != sha256:
            words = CHANGED
        else:
            words = SAME if there == sha256 else MISSING
        one = Handed(unit=unit, file=name, words=words)
        done.append(one)
        if one.is_written and not dry_run:  # of a unit that is new the ledger has no row then
            row = CopyRow(
                number=number, unit=before.rows[unit.key].id, form=form.key, year=year, then=unit, file=name,
                sha256=sha256, at="",
            )  # fmt: skip
            todo.append((row, data))
    if todo:
        _write(round_, before.states, todo, {one.unit.key: one.words for one in done})
    yield from done


def _write(
    round_: Round, states: States, todo: Sequence[tuple[CopyRow, bytes]], words: Mapping[str, str]
) -> None:
    """Recorded first: a copy that is on the disk is never one that the ledger does not know."""
    ledger = round_.ledger
    with ledger.batch() as at:
        for row, _ in todo:
            ledger.add_copy(replace(row, at=at))
            states.issued.add(row.unit)
            ledger.add_event(at, row.unit, states.of(row.unit), f"下发模板：{words[row.then.key]}", row.file)
    for row, data in todo:
        write_whole(round_.folder / OUT / row.file, data)


def identity_of(unit: Unit) -> Identity:
    return tuple(unit.identity().values())


def latest_copies(round_: Round, records: Records) -> dict[Identity, CopyRow]:
    """Identity → the latest copy that went out with it for this form and year, with a code where there is a key."""
    form, year, key = round_.form.key, round_.settings.year, round_.key
    return {
        identity_of(copy.then): copy
        for copy in records.copies  # the latest last
        if (copy.form, copy.year) == (form, year)
        and has_code(copy.number) == (key is not None)
        and (key is None or code_holds(copy.number, form, copy.then, year, key))
    }


def left_over(round_: Round) -> list[str]:
    """Files in 01下发 of units that have another name or are on the roster no longer."""
    today = {name for _, name in template_names(round_.form, round_.roster, round_.settings.year)}
    names = dict.fromkeys(copy.file for copy in round_.ledger.records().copies)
    return [name for name in names if name not in today and reachable(round_.folder / OUT / name).is_file()]


# ---- archives to be sent


def pack_each(round_: Round, handed: Iterable[Handed]) -> Iterator[Path]:
    """One archive per unit beside its workbook; gives those that were written.

    What somebody changed is in none.  Raises UsageError where another's archive stands.
    """
    written = round_.ledger.records().written
    for one in handed:
        path = round_.folder / OUT / one.file
        if not one.is_touched:
            yield from _pack(path.with_suffix(".zip"), [path], written)


def pack_all(round_: Round, handed: Iterable[Handed]) -> Iterator[Path]:
    """All workbooks in one archive, as pack_each."""
    files = [round_.folder / OUT / one.file for one in handed if not one.is_touched]
    title = f"{round_.settings.year}年{round_.form.title}（{len(files)} 份）"
    written = round_.ledger.records().written
    yield from _pack(round_.folder / OUT / f"{file_name(title)}.zip", files, written)


def _pack(path: Path, files: Sequence[Path], written: Collection[str]) -> Iterator[Path]:
    guard([Output("压缩包", path)])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            member = zipfile.ZipInfo(file.name, PACKED_AT)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, reachable(file).read_bytes())
    data, there = buffer.getvalue(), reachable(path)
    before = there.read_bytes() if there.is_file() else None
    if before is not None and not _is_packed(before, written):
        raise UsageError(f"{path} 不是本程序打的压缩包，没有盖掉；请把它移走再来。")
    if before != data:
        yield write_whole(path, data)


def _is_packed(data: bytes, written: Collection[str]) -> bool:
    """Whether it is an archive of nothing but copies that went out."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return all(
                hashlib.sha256(archive.read(name)).hexdigest() in written for name in archive.namelist()
            )
    except UNREADABLE:
        return False

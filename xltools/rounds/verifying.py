"""Verifying: an archive is whole, and its roll-up is what its own originals add up to.  Needs no working folder, but
asks the ledger of the one it lies in: a forger who packs everything anew cannot have that agree.

Nothing is unpacked but into a temporary folder, under names of our own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xltools.errors import UsageError, XltoolsError, system_words
from xltools.intake import FormFinder, Progress, Wanted, check_one, held_together
from xltools.merging import merge
from xltools.reading.rosters import read_roster
from xltools.rounds import ledger as ledgers
from xltools.rounds.archive import MOST_BYTES, Unsound, sha256_of, unpack
from xltools.rounds.ledger import Ledger
from xltools.rounds.settings import find_folder
from xltools.rounds.statement import FILE, Statement, read_statement
from xltools.saving import mismatch

OTHER = "它和台账里记的 SHA-256 不一样：封存以后被换过，或改动过。"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found.  `fault` is the first thing that is wrong, "" where all is in order."""

    sha256: str  # of the archive itself, to be held against the one that was noted when it was closed
    fault: str = ""
    statement: Statement | None = None
    files: int = 0
    units: int = 0  # that the roll-up adds up
    is_noted: bool = False  # whether a ledger around the archive has this very SHA-256 for it


def verify_archive(path: Path, *, progress: Progress | None = None) -> Verdict:
    """Where the archive lies in its round's folder, it is held against the ledger's own note of it as well.

    Raises UsageError for a file that is not there, XltoolsError for one that cannot be read.
    """
    try:
        if path.stat().st_size > MOST_BYTES * 2:
            return Verdict(sha256="", fault="文件太大，不是 xltools 封存的。")
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"找不到：{path}") from None
    except OSError as error:
        raise XltoolsError(f"打不开 {path}：{system_words(error)}。") from error
    verdict, noted = verify(data, progress=progress), _noted(path)
    if noted and noted != verdict.sha256 and not verdict.fault:
        return replace(verdict, fault=OTHER)
    return replace(verdict, is_noted=noted == verdict.sha256)


def _noted(path: Path) -> str:
    """The SHA-256 that the ledger of the folder around noted when it closed the round in this file; "" where none did."""
    folder = find_folder(path.parent)
    if folder is None:
        return ""
    try:
        with Ledger(folder / ledgers.FILE, read_only=True) as ledger:
            closing = ledger.closing()
    except (
        XltoolsError
    ):  # an archive needs no ledger: one that cannot be read says nothing for it or against it
        return ""
    is_it = closing is not None and (folder / closing.file).resolve() == path.resolve()
    return closing.sha256 if closing is not None and is_it else ""


def verify(data: bytes, *, progress: Progress | None = None) -> Verdict:
    digest, statement = sha256_of(data), None
    try:
        members = unpack(data)
        statement = read_statement(members.get(FILE))
        units = _added_up_again(members, statement, progress)
    except Unsound as unsound:
        return Verdict(sha256=digest, fault=str(unsound), statement=statement)
    return Verdict(sha256=digest, statement=statement, files=len(members), units=units)


def _added_up_again(members: Mapping[str, bytes], said: Statement, progress: Progress | None) -> int:
    """Reads and checks what went in, merges it, and holds the roll-up against that, cell by cell."""
    for one in said.originals:
        if sha256_of(_member(members, one.file)) != one.sha256:
            raise Unsound(f"原件“{one.file}”不是台账里记的那一份。")
    with tempfile.TemporaryDirectory(prefix="xltools-") as folder:
        try:
            wanted = _wanted(members, said, Path(folder))
            inside = [one for one in said.originals if one.merged]
            checked = []
            for done, one in enumerate(inside):
                if progress:
                    progress(done, len(inside))
                place = Path(folder) / f"{done}.xlsx"
                place.write_bytes(_member(members, one.file))
                checked.append(check_one(place, one.reported_as, wanted))
                place.unlink()
            result = merge(held_together(checked, wanted.roster))
        except XltoolsError as error:
            raise Unsound(f"按压缩包里的报表和名单汇总不了：{error}") from error
    if result.rollup is None or not all(result.merged):
        raise Unsound("有的原件现在核对不通过，和封存时说的不一样。")
    if wrong := mismatch(_member(members, said.rollup), result.rollup):
        raise Unsound(f"汇总表{wrong}。")
    return len(result.rollup.leaves)


def _wanted(members: Mapping[str, bytes], said: Statement, folder: Path) -> Wanted:
    for member in said.forms:
        (folder / Path(member).name).write_bytes(_member(members, member))
    roster = folder / f"roster{Path(said.roster).suffix}"
    roster.write_bytes(_member(members, said.roster))
    return Wanted(
        find_form=FormFinder([folder / Path(member).name for member in said.forms[:1]]),
        form=said.form,
        year=said.year,
        roster=read_roster(roster, may_be_empty=True),
        register=said.register,
        lean=True,
    )


def _member(members: Mapping[str, bytes], name: str) -> bytes:
    if name not in members:
        raise Unsound(f"{FILE} 里说的“{name}”不在压缩包里。")
    return members[name]

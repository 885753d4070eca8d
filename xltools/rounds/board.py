"""Board: a whole round as its folder tells it.  Looks and writes nothing, so that it may be asked at any time."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from xltools.errors import UsageError
from xltools.form import Form
from xltools.roster import Roster, Unit
from xltools.rounds.folder import look_into, today_units
from xltools.rounds.ledger import Clock
from xltools.rounds.rolled import rolled_up
from xltools.rounds.rows import Records
from xltools.rounds.settings import Settings
from xltools.rounds.standing import Board, Stray, UnitStanding
from xltools.rounds.states import States
from xltools.words import label_key

UNCHECKED = "收下了，还没有核对；再运行一次 collect 就会核对。"


def read_board(folder: Path, *, clock: Clock = datetime.datetime.now) -> Board:
    """Where every unit of the roster of today is.  Raises RoundError or RosterError where the folder cannot be read."""
    with look_into(folder) as round_:
        records = round_.ledger.records()
    now = clock().replace(tzinfo=None).isoformat(timespec="seconds")
    board = board_of(folder, round_.settings, round_.form, round_.roster, records, now)
    return replace(board, notices=round_.notices)


def board_of(folder: Path, said: Settings, form: Form, roster: Roster, records: Records, now: str) -> Board:
    """The board that these records make at that moment."""
    closed = records.closing is not None  # then the units are those that were sealed
    states, rows = States(records), list(records.units) if closed else today_units(records, roster)
    today = (records.closing.at if records.closing is not None else now)[:10]
    standings = [states.standing(row, folder=folder, today=today, due=said.due) for row in rows]
    inside = [one for one, row in zip(standings, rows, strict=True) if row.listed]
    outside = [one for one, row in zip(standings, rows, strict=True) if not row.listed]
    return Board(
        folder=folder,
        title=f"{said.year}年{form.title}",
        form_key=form.key,
        year=said.year,
        county=said.county,
        due=said.due,
        units=tuple(sorted(inside, key=lambda one: one.unit.order)),
        strays=tuple(_strays(records, folder)),
        strangers=tuple(one for one in outside if one.receipts),
        gone=tuple(one for one in outside if not one.receipts),
        made_at=now,
        rollup=rolled_up(folder, records, rows, said.county),
        closing=records.closing,
    )


def _strays(records: Records, folder: Path) -> list[Stray]:
    """What belongs to no unit, in the order it came."""
    kept = [
        Stray(
            name=one.name,
            source=one.source,
            at=one.at,
            sentence=one.sentence or UNCHECKED,
            sha256=one.sha256,
            path=folder / one.path,
        )
        for one in records.receipts
        if one.unit is None and not one.void
    ]
    others = [
        Stray(name=one.name, source=one.source, at=one.at, sentence=one.sentence, sha256=one.sha256)
        for one in records.strays
    ]
    return sorted([*kept, *others], key=lambda one: one.at)


def unit_called(board: Board, word: str) -> UnitStanding:
    """The unit with this name or code, listed or not.  Raises UsageError with the nearest ones where there is none."""
    everybody = [*board.units, *board.strangers, *board.gone]
    at = at_called([one.unit for one in everybody], word)
    return everybody[at]


def at_called(units: list[Unit], word: str) -> int:
    """Where among these the one of this code or name is; a part of a name will do where it fits only one."""
    key = label_key(word)
    for fits in (
        lambda unit: unit.code == word,
        lambda unit: label_key(unit.name) == key,
        lambda unit: key in label_key(unit.name),
    ):
        found = [at for at, unit in enumerate(units) if key and fits(unit)]
        if len(found) == 1:
            return found[0]
        if found:
            names = "、".join(
                f"{units[at].name}（{units[at].code or units[at].parent or '无代码'}）" for at in found[:5]
            )
            raise UsageError(f"“{word}”可能是 {names}；请写单位代码。")
    raise UsageError(f"名单里没有“{word}”这个单位。")

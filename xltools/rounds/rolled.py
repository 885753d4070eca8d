"""Rolled: how the latest roll-up stands to what counts now: whether it is there, as it was written, of these reports.

Looks and writes nothing.  Of a closed round nothing is asked: what was sealed is in its archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from xltools.longpath import reachable
from xltools.rounds.folder import digest_of
from xltools.rounds.listing import DROPPED, LISTED, differences
from xltools.rounds.rows import ReceiptRow, Records, RollupRow, UnitRow
from xltools.rounds.standing import RolledUp, State
from xltools.rounds.states import WITHOUT_REPORT, States

AGAIN, OUT_OF_USE = "请重新 merge。", "现在没有能汇总的，这份汇总表不要再用。"


def rolled_up(folder: Path, records: Records, rows: Sequence[UnitRow], county: str) -> RolledUp | None:
    """The latest roll-up with all that is amiss with it, held against the units of today; None before the first."""
    row = records.rollup
    if row is None:
        return None
    told = RolledUp(at=row.at, file=row.file, sha256=row.sha256)
    if records.closing is not None:
        return told
    said = (*untrue_words(folder, records, rows, county), *lacking_words(records, rows))
    return RolledUp(at=row.at, file=row.file, sha256=row.sha256, amiss=said)


def place_of(folder: Path, row: RollupRow) -> Path | None:
    """Where it lies as it was written: in its place, or beside under another name, as one that was put beside the
    old roll-up gets once that is closed.  None where it is gone or was changed."""
    path = folder / row.file
    there = reachable(path.parent, deep=True)
    others = [path.with_name(one.name) for one in sorted(there.glob("*.xlsx"))] if there.is_dir() else []
    return next((one for one in (path, *others) if _digest(one) == row.sha256), None)


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError:  # held by a program that lets nobody read it: then nobody can say that it is sound
        return ""


def untrue_words(folder: Path, records: Records, rows: Sequence[UnitRow], county: str) -> Iterator[str]:
    """What of the roll-up is not so: a sentence each, the units named."""
    row = records.rollup
    assert row is not None
    name, states = f"汇总表“{PurePath(row.file).name}”", States(records)
    remedy = (
        AGAIN if any(states.of(one.id) not in WITHOUT_REPORT for one in rows if one.listed) else OUT_OF_USE
    )
    if place_of(folder, row) is None:
        gone = (
            "汇总以后改动过"
            if reachable(folder / row.file).is_file()
            else f"不在“{PurePath(row.file).parent}”里了"
        )
        yield f"{name}{gone}；{remedy}"
    now = {one.id: one for one in rows}
    still = list(_still_in(records, now, states))
    if still:
        yield f"{name}里还有{'、'.join(still)}；{remedy}"
    if row.basis is None:
        return
    if row.basis.county and row.basis.county != county:
        yield f"{name}署的是“{row.basis.county}”，现在的收表单位是“{county}”；{remedy}"
    if changed := list(_roster_since(records, row.basis.units, rows)):
        yield f"{name}是按原来的名单做的，以后{'；'.join(changed)}；{remedy}"


def lacking_words(records: Records, rows: Sequence[UnitRow]) -> Iterator[str]:
    """Who has passed and is not in the roll-up."""
    row, states = records.rollup, States(records)
    assert row is not None
    name, left = (
        f"汇总表“{PurePath(row.file).name}”",
        row.basis.left if row.basis is not None else frozenset(),
    )
    inside = {one.unit for one in records.receipts if one.id in records.merged}
    lacking: list[str] = []
    held: list[str] = []
    for unit in rows:
        current = states.current(unit.id)
        if (
            unit.listed
            and current is not None
            and states.of(unit.id) is State.PASSED
            and unit.id not in inside
        ):
            (held if current.id in left else lacking).append(f"“{unit.unit.name}”第{current.number}次报送")
    if lacking:
        yield f"{name}里没有{'、'.join(lacking)}；{AGAIN}"
    if held:
        yield f"{name}没有计入{'、'.join(held)}，为什么见 merge 的说明。"


def _still_in(records: Records, now: dict[int, UnitRow], states: States) -> Iterator[str]:
    for receipt in records.receipts:
        if receipt.id in records.merged and receipt.unit is not None:
            unit = now[receipt.unit]
            if why := _why_not(receipt, unit, states):
                yield f"“{unit.unit.name}”第{receipt.number}次报送（{why}）"


def _why_not(receipt: ReceiptRow, unit: UnitRow, states: States) -> str:
    """Why a receipt that is in the roll-up does not count any more; "" where it does, or has yet to be checked."""
    current = states.current(unit.id)
    if not unit.listed:
        return "已不在名单上"
    if receipt.void:
        return "已作废"
    if current is not None and current.id != receipt.id:
        return f"现在算第{current.number}次"
    if receipt.outcome is not None and not receipt.outcome.may_merge:
        return f"现在核对是{receipt.outcome.words}"
    return ""


def _roster_since(records: Records, then: Sequence[UnitRow], rows: Sequence[UnitRow]) -> Iterator[str]:
    """What changed on the roster since, but for the dropped units whose reports are spoken of already."""
    before = {one.id: one.unit for one in then}
    today = [one.id for one in sorted(rows, key=lambda one: one.unit.order) if one.listed]
    stayed = before.keys() & today
    if [one for one in before if one in stayed] != [one for one in today if one in stayed]:
        yield "单位的先后改了"
    inside = {one.unit for one in records.receipts if one.id in records.merged}
    for row in rows:
        old, new = before.get(row.id), row.unit if row.listed else None
        if old is None and new is not None:
            yield f"“{new.name}”{LISTED}"
        elif new is None and old is not None and row.id not in inside:
            yield f"“{old.name}”{DROPPED}"
        elif old is not None and new is not None and old.identity() != new.identity():
            yield f"“{old.name}”{'，'.join(differences(replace(old, due=new.due), new))}"

"""Working: check, return and merge on the reports of a round that count, and what the ledger keeps of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xltools.intake import Progress, check_many, held_together
from xltools.longpath import reachable
from xltools.result import Checked, CheckResult, MergeResult
from xltools.returning import SentBack
from xltools.roster import Unit
from xltools.rounds.collecting import check_pending, judged, outcome_words
from xltools.rounds.folder import MERGED, Round, digest_of
from xltools.rounds.handing_out import identity_of, latest_copies
from xltools.rounds.rows import Basis, ReceiptRow, Records
from xltools.rounds.states import States
from xltools.sources import Source
from xltools.workers import ALONE, Workers
from xltools.writing.files import file_name

if TYPE_CHECKING:
    from xltools.lastyear import LastYear


def check_round(
    round_: Round,
    *,
    last: LastYear | None = None,
    lean: bool = True,
    progress: Progress | None = None,
    workers: Workers = ALONE,
) -> CheckResult:
    """Checks again every report that counts, all of them together, and keeps the outcome in the ledger.

    Raises RoundError where the round is closed.
    """
    round_.demand_open()
    check_pending(round_, workers=workers)
    records = round_.ledger.records()
    wanted = replace(round_.wanted(records, last), lean=lean)
    units = {row.id: row.unit for row in records.units}
    states = States(records)
    counting = [row for unit in units if (row := states.current(unit)) is not None]
    names = file_names(counting, units)
    files = [Source(names[row.id], round_.folder / row.path) for row in counting]
    read = check_many(files, wanted, workers, progress)
    for at, (row, one) in enumerate(zip(counting, read, strict=True)):
        if one.filing.unit is None and row.unit is not None:  # known by its labels
            read[at] = replace(one, filing=replace(one.filing, unit=units[row.unit]))
    result = held_together(read, round_.roster)
    _keep_outcomes(round_, records, zip(counting, result.filings, strict=True))
    return result


def file_names(rows: Iterable[ReceiptRow], units: dict[int, Unit]) -> dict[int, str]:
    """Receipt → the name it is reported under: as received, after the unit's where two have the same."""
    rows = list(rows)
    counts = Counter(row.name for row in rows)
    return {
        row.id: f"{units[row.unit].name}/{row.name}" if counts[row.name] > 1 and row.unit else row.name
        for row in rows
    }


def _keep_outcomes(round_: Round, records: Records, pairs: Iterable[tuple[ReceiptRow, Checked]]) -> None:
    """What is found now is what the ledger says from now on; a change is an event."""
    changed = []
    for row, one in pairs:
        values = judged(one)
        if any(getattr(row, name) != value for name, value in values.items()):
            changed.append((row, one, values))
    if not changed:
        return
    ledger, before = round_.ledger, States(records)
    with ledger.batch() as at:
        for row, _, values in changed:
            ledger.change_receipt(row.id, **values)
        after = States(ledger.records())
        for row, one, _ in changed:
            if row.unit is not None and after.of(row.unit) is not before.of(row.unit):
                ledger.add_event(
                    at, row.unit, after.of(row.unit), f"重新核对：{outcome_words(one)}", row.name
                )


# ---- merging


def rollup_path(round_: Round) -> Path:
    """Where the roll-up of a round goes unless told."""
    said = round_.settings
    name = f"{file_name(said.county)}{said.year}年{file_name(round_.form.title)}汇总.xlsx"
    return round_.folder / MERGED / (name if said.county else name.lstrip("_"))


def record_merge(round_: Round, result: MergeResult, written: Path) -> None:
    """Which receipts went in; each of their units is 已汇总 from now on."""
    ledger = round_.ledger
    by_path = {round_.folder / row.path: row for row in ledger.records().receipts}
    rows = [
        by_path[one.path]
        for one, inside in zip(result.checked.filings, result.merged, strict=True)
        if inside and one.path is not None
    ]
    sha256 = digest_of(written)
    inside = {row.id for row in rows}
    left = {
        by_path[one.path].id
        for one in result.checked.filings
        if one.path is not None and one.outcome.may_merge and by_path[one.path].id not in inside
    }
    with ledger.batch() as at:
        records = ledger.records()
        before = States(records)
        listed = tuple(unit for unit in records.units if unit.listed)
        basis = Basis(county=round_.settings.county, units=listed, left=frozenset(left))
        ledger.add_rollup(at, round_.inside(written), sha256, sorted(inside), basis)
        after = States(ledger.records())
        for unit in before.receipts:
            if before.of(unit) is not after.of(unit):
                current = after.current(unit)
                cause = (
                    f"汇总进“{written.name}”"
                    if current and current.id in after.merged
                    else "不在新的汇总表里"
                )
                ledger.add_event(at, unit, after.of(unit), cause, current.name if current else "")


# ---- returning


def issue_numbers(round_: Round) -> dict[str, str]:
    """The number of each unit of the roster that something went out to, by the unit's key."""
    copies = latest_copies(round_, round_.ledger.records())
    found = ((unit.key, copies.get(identity_of(unit))) for unit in round_.roster)
    return {key: copy.number for key, copy in found if copy is not None}


class Returns:
    """Passes on what goes back and remembers for which receipt it was."""

    def __init__(self, round_: Round, folder: Path) -> None:
        self.round, self.folder = round_, folder
        self._sent: list[tuple[Path, str]] = []

    def noted(self, backs: Iterable[SentBack]) -> Iterator[SentBack]:
        for back in backs:
            if back.checked.path is not None:
                self._sent.append((back.checked.path, back.name if back.data is not None else ""))
            yield back

    def left_over(self) -> list[str]:
        """Workbooks in the folder that went back before and no longer do: mended since, void, or superseded."""
        now = {name for _, name in self._sent}
        before = dict.fromkeys(
            self.round.folder / row.marked for row in self.round.ledger.records().receipts if row.marked
        )
        return [
            path.name
            for path in before
            if reachable(path).is_file() and path.parent == self.folder and path.name not in now
        ]

    def record(self) -> None:
        """To be called once all of it is written."""
        ledger = self.round.ledger
        records = ledger.records()
        by_path = {self.round.folder / row.path: row for row in records.receipts}
        states = States(records)
        with ledger.batch() as at:
            for path, name in self._sent:
                row = by_path[path]
                marked = self.round.inside(self.folder / name) if name else ""
                if row.unit is None or (row.returned and row.marked == marked):
                    continue
                ledger.change_receipt(row.id, returned=True, marked=marked)
                cause = (
                    f"第{row.number}次报送写了退回的工作簿" if name else f"第{row.number}次报送写了退回通知"
                )
                ledger.add_event(at, row.unit, states.of(row.unit), cause, name or row.name)

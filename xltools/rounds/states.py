"""States: what the ledger's rows say of each unit.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from xltools.finding import Outcome
from xltools.rounds.ledger import EventRow, ReceiptRow, Records, UnitRow
from xltools.rounds.standing import Event, Receipt, State, UnitStanding

AFTER = {
    Outcome.ACCEPTED: State.PASSED,
    Outcome.NOTED: State.PASSED,
    Outcome.QUERIED: State.QUERIED,
    Outcome.RETURNED: State.RETURNED,
    Outcome.UNREADABLE: State.RETURNED,
}
WITHOUT_REPORT = (State.NOT_ISSUED, State.ISSUED, State.RECEIVED, State.RETURNED)


def current_of(receipts: Iterable[ReceiptRow]) -> ReceiptRow | None:
    """Of one unit's receipts in the order they came, the one that counts: the one pinned, else the last."""
    valid = [one for one in receipts if not one.void]
    pinned = [one for one in valid if one.pinned]
    return max(pinned or valid, key=lambda one: one.id, default=None)


def state_of(current: ReceiptRow | None, *, issued: bool, merged: bool) -> State:
    if current is None:
        return State.ISSUED if issued else State.NOT_ISSUED
    if current.outcome is None:
        return State.RECEIVED
    return State.MERGED if merged and current.outcome.may_merge else AFTER[current.outcome]


class States:
    """The ledger's rows by unit."""

    def __init__(self, records: Records) -> None:
        self.merged = records.merged
        self.issued = {copy.unit for copy in records.copies}
        self.receipts: dict[int, list[ReceiptRow]] = {}
        self.events: dict[int, list[EventRow]] = {}
        for receipt in records.receipts:
            if receipt.unit is not None:
                self.receipts.setdefault(receipt.unit, []).append(receipt)
        for event in records.events:
            self.events.setdefault(event.unit, []).append(event)

    def current(self, unit: int) -> ReceiptRow | None:
        return current_of(self.receipts.get(unit, ()))

    def of(self, unit: int) -> State:
        current = self.current(unit)
        inside = current is not None and current.id in self.merged
        return state_of(current, issued=unit in self.issued, merged=inside)

    def standing(self, row: UnitRow, *, folder: Path, today: str, due: str) -> UnitStanding:
        """A unit as the board shows it; `due` is the day of those that have none of their own."""
        state, own = self.of(row.id), row.unit.due or due
        late = bool(own) and today > own and state in WITHOUT_REPORT
        came = self.receipts.get(row.id, [])
        if late and state in (State.NOT_ISSUED, State.ISSUED):
            state = State.OVERDUE
        return UnitStanding(
            unit=row.unit,
            state=state,
            overdue=late,
            returns=sum(
                one.outcome in (Outcome.RETURNED, Outcome.UNREADABLE) and not one.void for one in came
            ),
            issued=row.id in self.issued,
            due=own,
            receipts=tuple(_receipts(came, folder)),
            events=tuple(
                Event(at=one.at, state=one.state, cause=one.cause, file=one.file)
                for one in self.events.get(row.id, ())
            ),
            dropped=row.dropped,
        )


def _receipts(rows: Sequence[ReceiptRow], folder: Path) -> Iterable[Receipt]:
    current = current_of(rows)
    for row in rows:
        if row.outcome is None or row.number is None:
            continue
        yield Receipt(
            number=row.number,
            sha256=row.sha256,
            name=row.name,
            source=row.source,
            at=row.at,
            outcome=row.outcome,
            errors=row.errors,
            queries=row.queries,
            notes=row.notes,
            path=folder / row.path,
            superseded=not row.void and row is not current,
            void=row.void,
            pinned=row.pinned,
            reason=row.reason,
            returned=row.returned,
            marked=folder / row.marked if row.marked else None,
        )

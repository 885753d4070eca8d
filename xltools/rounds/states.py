"""States: what the ledger's rows say of each unit.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from xltools.finding import Outcome
from xltools.form import Value
from xltools.rounds.rows import EventRow, ReceiptRow, Records, UnitRow
from xltools.rounds.standing import Effect, Event, Receipt, Shift, State, UnitStanding

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
    valid = [one for one in receipts if not one.void and not one.late]
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
                one.outcome in (Outcome.RETURNED, Outcome.UNREADABLE) and not (one.void or one.late)
                for one in came
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
            superseded=not row.void and not row.late and row is not current,
            void=row.void,
            pinned=row.pinned,
            reason=row.reason,
            returned=row.returned,
            marked=folder / row.marked if row.marked else None,
            late=row.late,
            effect=effect_of(row.effect),
        )


# ---- what a late one would change, as the ledger keeps it


def effect_of(text: str) -> Effect | None:
    """
    >>> effect_of(effect_text(Effect(shifts=(Shift(item="a.b.c", label="费用", before=Decimal("1.5"), after=2),))))
    Effect(why_not='', shifts=(Shift(item='a.b.c', label='费用', before=Decimal('1.5'), after=2),))
    """
    if not text:
        return None
    said = json.loads(text)
    shifts = (
        Shift(**{**one, "before": _number(one["before"]), "after": _number(one["after"])})
        for one in said["shifts"]
    )
    return Effect(why_not=said["why_not"], shifts=tuple(shifts))


def effect_text(effect: Effect) -> str:
    """Money as text, so that no float comes near it."""
    shifts = [
        {"item": one.item, "label": one.label, "before": _kept(one.before), "after": _kept(one.after)}
        for one in effect.shifts
    ]
    return json.dumps({"why_not": effect.why_not, "shifts": shifts}, ensure_ascii=False)


def _kept(value: Value) -> int | str | None:
    return str(value) if isinstance(value, Decimal) else value


def _number(value: int | str | None) -> Value:
    return Decimal(value) if isinstance(value, str) else value

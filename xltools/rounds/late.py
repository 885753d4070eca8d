"""Late: what came after a round was closed is kept and checked, never counted, and weighed: what would it change?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xltools.compute import shares
from xltools.form import Values
from xltools.intake import check_one, held_together
from xltools.merging import merge
from xltools.result import Checked
from xltools.rounds.chasing import effect_words
from xltools.rounds.folder import Round
from xltools.rounds.rows import ReceiptRow, Records
from xltools.rounds.standing import Effect, Shift
from xltools.rounds.states import States, effect_text


def weigh_late(round_: Round) -> list[str]:
    """Keeps in the ledger what each late file that was not weighed yet would change; a sentence for each."""
    ledger = round_.ledger
    if ledger.closing() is None:  # nothing is late yet
        return []
    records = ledger.records()
    waiting = [
        row
        for row in records.receipts
        if row.late and row.unit and row.outcome is not None and not row.effect
    ]
    if not waiting:
        return []
    weighed = list(_effects(round_, records, waiting))
    names = {row.id: row.unit.name for row in records.units}
    states, said = States(records), []
    with ledger.batch() as at:
        for row, effect in weighed:
            assert row.unit is not None
            words = f"封存后收到的第{row.number}次报送"
            ledger.change_receipt(row.id, effect=effect_text(effect))
            short = f"{words}{effect_words(effect, in_full=False)}"
            ledger.add_event(at, row.unit, states.of(row.unit), short, row.name)
            said.append(f"“{names[row.unit]}”{words}{effect_words(effect)}。")
    return said


def _effects(
    round_: Round, records: Records, waiting: Sequence[ReceiptRow]
) -> Iterator[tuple[ReceiptRow, Effect]]:
    """The totals of what was sealed, once without each of these and once with it in its unit's place."""
    wanted = round_.wanted(records)

    def looked_at(row: ReceiptRow) -> Checked:
        return check_one(round_.folder / row.path, row.name, wanted)

    sealed = [(row, looked_at(row)) for row in records.receipts if row.id in records.merged]
    before, _ = _totals(round_, [one for _, one in sealed])
    for row in waiting:
        late = looked_at(row)
        if not late.may_merge:
            yield row, Effect(why_not=f"核对结果是{late.outcome.words}")
            continue
        others = [one for other, one in sealed if other.unit != row.unit]
        after, inside = _totals(round_, [*others, late])
        if late.filing.sha256 not in inside:
            yield row, Effect(why_not="与已经汇总的别的文件有重复，算不出影响")
        else:
            yield row, Effect(shifts=tuple(_shifts(round_, before, after)))


def _totals(round_: Round, files: Sequence[Checked]) -> tuple[Values, set[str]]:
    """Item → the merged figure as the units' shares add up, and the digests of the files that went in."""
    result = merge(held_together(files, round_.roster))
    went = zip(result.checked.filings, result.merged, strict=True)
    inputs = result.rollup.inputs if result.rollup is not None else {}
    return shares(round_.form, inputs), {one.filing.sha256 for one, inside in went if inside}


def _shifts(round_: Round, before: Values, after: Values) -> Iterator[Shift]:
    for item in round_.form.items.values():
        old, new = before.get(item.id), after.get(item.id)
        if old != new and not isinstance(old, str) and not isinstance(new, str):
            yield Shift(item=item.id, label=item.label(round_.settings.year), before=old, after=new)

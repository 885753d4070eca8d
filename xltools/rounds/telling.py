"""Telling: what is wrong with the reports that went back or are in doubt, looked up again for the texts of a board.

Looks and writes nothing; the workbooks that go back are `return`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from xltools.finding import Outcome
from xltools.form import Form
from xltools.intake import Progress, check_one
from xltools.result import Checked
from xltools.returning import SentBack, problems_of
from xltools.rounds import ledger as ledgers
from xltools.rounds.folder import Round, look_at
from xltools.rounds.ledger import Ledger
from xltools.rounds.standing import Board, Receipt, State, UnitStanding

OPEN = (Outcome.RETURNED, Outcome.QUERIED, Outcome.UNREADABLE)
MEND_IT = "请在原来的表里改好后发回。"


def told_again(board: Board, *, progress: Progress | None = None) -> Iterator[SentBack]:
    """One for each report that counts, is returned or queried and still lies where it was kept.

    What is wrong only in comparison with other units' files is not found again here: such a unit is told by counts.
    """
    asked = [
        (one, one.current)
        for one in board.units
        if one.current is not None and one.state in (State.RETURNED, State.QUERIED)
    ]
    if not asked:
        return
    said, form, roster = look_at(board.folder)
    with Ledger(board.folder / ledgers.FILE, read_only=True) as ledger:
        wanted = Round(board.folder, said, form, roster, ledger).wanted(ledger.records())
        for done, (one, receipt) in enumerate(asked):
            if progress:
                progress(done, len(asked))
            if receipt.path.is_file():
                checked = check_one(receipt.path, receipt.name, wanted)
                if checked.outcome in OPEN:
                    yield _sent_back(one, receipt, checked, form, board.year)
    if progress:
        progress(len(asked), len(asked))


def _sent_back(one: UnitStanding, receipt: Receipt, checked: Checked, form: Form, year: int) -> SentBack:
    there = receipt.marked is not None and receipt.marked.is_file()
    return SentBack(
        checked=checked,
        unit=one.unit,
        heading=form.headed(one.unit.name, year),
        problems=problems_of(checked.findings),
        data=b"" if there else None,  # the workbook was written by `return`; here only its name is said
        name=receipt.marked.name if receipt.marked is not None and there else "",
        why_not=MEND_IT,
    )

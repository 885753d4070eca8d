"""Telling: what is wrong with the reports that went back or are in doubt, looked up again for the texts of a board.

Looks and writes nothing; the workbooks that go back are `return`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from xltools.finding import Level, Outcome
from xltools.form import Form
from xltools.intake import Progress, Wanted, check_one, held_together
from xltools.longpath import reachable
from xltools.marking import problems_of
from xltools.result import Checked
from xltools.returning import SentBack
from xltools.rounds.folder import look_into
from xltools.rounds.standing import Board, Receipt, State, UnitStanding

OPEN = (Outcome.RETURNED, Outcome.QUERIED, Outcome.UNREADABLE)
MEND_IT = "请在原来的表里改好后发回。"


def told_again(board: Board, *, progress: Progress | None = None) -> Iterator[SentBack]:
    """One for each report that counts, is returned or queried and still lies where it was kept."""
    counting = [
        (one, one.current) for one in board.units if one.current and reachable(one.current.path).is_file()
    ]
    asked = [pair for pair in counting if pair[0].state in (State.RETURNED, State.QUERIED)]
    if not asked:
        return
    with look_into(board.folder) as round_:
        wanted = round_.wanted(round_.ledger.records())
    found = _check([receipt for _, receipt in asked], wanted, progress)
    if any(_is_less(one, receipt) for one, (_, receipt) in zip(found, asked, strict=True)):
        # the rest is known only by holding it against the other units' files
        others = [pair for pair in counting if pair not in asked]
        found += _check([receipt for _, receipt in others], wanted, progress)
        found = list(held_together(found, round_.roster).filings)[: len(asked)]
    for one, (standing, receipt) in zip(found, asked, strict=True):
        if one.outcome in OPEN:
            yield _sent_back(standing, receipt, one, round_.form, board.year)


def _check(receipts: list[Receipt], wanted: Wanted, progress: Progress | None) -> list[Checked]:
    checked = []
    for done, receipt in enumerate(receipts):
        if progress:
            progress(done, len(receipts))
        checked.append(check_one(receipt.path, receipt.name, wanted))
    return checked


def _is_less(one: Checked, receipt: Receipt) -> bool:
    """Whether the ledger knows of more than this file shows by itself."""
    levels = [finding.level for finding in one.findings if finding.is_open]
    return (levels.count(Level.ERROR), levels.count(Level.QUERY)) != (receipt.errors, receipt.queries)


def _sent_back(one: UnitStanding, receipt: Receipt, checked: Checked, form: Form, year: int) -> SentBack:
    there = receipt.marked is not None and reachable(receipt.marked).is_file()
    return SentBack(
        checked=checked,
        unit=one.unit,
        heading=form.headed(one.unit.name, year),
        problems=problems_of(checked.findings),
        data=b"" if there else None,  # the workbook was written by `return`; here only its name is said
        name=receipt.marked.name if receipt.marked is not None and there else "",
        why_not=MEND_IT,
    )

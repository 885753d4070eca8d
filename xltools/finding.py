"""Finding: one thing a check has to say about one filing.

Findings are values: checks yield them, reports sort them, tests compare them with ==.
They are never raised. What stops xltools altogether is in errors.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave a finding is.  The order of declaration is the order of gravity."""

    ERROR = "error"  # 退回：必须改
    QUERY = "query"  # 待核实：可以有理由，理由随表上报
    NOTE = "note"  # 提示

    @property
    def words(self) -> str:
        return {"error": "退回", "query": "待核实", "note": "提示"}[self.value]


class Outcome(StrEnum):
    """What becomes of a file, judged by its gravest open finding."""

    ACCEPTED = "accepted"
    NOTED = "noted"
    QUERIED = "queried"
    RETURNED = "returned"
    UNREADABLE = "unreadable"
    IGNORED = "ignored"

    @property
    def words(self) -> str:
        return {
            "accepted": "通过",
            "noted": "通过（有提示）",
            "queried": "待核实",
            "returned": "退回",
            "unreadable": "读不出",
            "ignored": "不是报送件",
        }[self.value]

    @property
    def may_merge(self) -> bool:
        return self in (Outcome.ACCEPTED, Outcome.NOTED, Outcome.QUERIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark.  All texts are Chinese, in the words of the form.

    `found`, `expected` and `difference` are texts as a clerk would write the figures; `item` and `rule`
    are ids of the form (`applications.new.natural`, `in-equals-out.natural`) or None.
    """

    code: str  # "V101"; never reused for another meaning
    level: Level
    file: str  # file name as received, e.g. 布海镇.xlsx
    message: str  # where, what is there, what should be, by how much they differ
    remedy: str  # what to do
    sheet: str | None = None
    cell: str | None = None
    item: str | None = None
    rule: str | None = None
    found: str | None = None
    expected: str | None = None
    difference: str | None = None
    explained: str | None = None  # the unit's reason, for a query
    others: tuple[str, ...] = ()  # further cells of the same sheet that it speaks of

    @property
    def fingerprint(self) -> str:
        """What the remark is about, independent of file name and figures, so that a re-check keeps notes.

        >>> a = Finding(code="V100", level=Level.ERROR, file="a.xlsx", message="", remedy="", sheet="封面", cell="B4")
        >>> b = Finding(code="V100", level=Level.ERROR, file="b.xlsx", message="x", remedy="", sheet="封面", cell="B4")
        >>> a.fingerprint == b.fingerprint
        True
        """
        about = self.rule or "!".join(filter(None, (self.sheet, self.cell))) or self.found or ""
        return hashlib.sha256(f"{self.code}\0{about}".encode()).hexdigest()[:16]

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act: an error always, a query until it is explained."""
        return self.level is Level.ERROR or (self.level is Level.QUERY and self.explained is None)


def outcome_of(findings: Iterable[Finding]) -> Outcome:
    """The outcome of a readable filing: accepted when there is nothing to say; an explained query is a note."""
    outcome = Outcome.ACCEPTED
    for finding in findings:
        if finding.level is Level.ERROR:
            return Outcome.RETURNED
        if finding.is_open:
            outcome = Outcome.QUERIED
        elif outcome is Outcome.ACCEPTED:
            outcome = Outcome.NOTED
    return outcome

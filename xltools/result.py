"""Results: the files of one run with what is said of them, and what became of them in a merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xltools.filing import Filing
from xltools.finding import Finding, Outcome, outcome_of
from xltools.rollup import Rollup
from xltools.roster import Roster, Unit


@dataclass(frozen=True)
class Checked:
    """One file with what is said of it."""

    filing: Filing
    findings: tuple[Finding, ...]
    outcome: Outcome
    duplicate: bool = False  # the same bytes came under another name, which is the one that counts
    path: Path | None = None  # where the file lies
    superseded: bool = False  # another file was chosen in its place, as a note on it says

    @property
    def may_merge(self) -> bool:
        return self.outcome.may_merge and not self.duplicate and not self.superseded


@dataclass(frozen=True)
class CheckResult:
    """All files of one run, in the order of their paths, and who is missing."""

    filings: tuple[Checked, ...]
    missing: tuple[Unit, ...] = ()
    roster: Roster | None = None

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        outcomes = [one.outcome for one in self.filings]
        return {outcome: outcomes.count(outcome) for outcome in Outcome}

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for one in self.filings for finding in one.findings)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act: a queried, returned, unreadable or missing filing."""
        waiting = (Outcome.QUERIED, Outcome.RETURNED, Outcome.UNREADABLE)
        return bool(self.missing) or any(self.counts[outcome] for outcome in waiting)


def with_findings(one: Checked, more: Iterable[Finding]) -> Checked:
    """The same file with further findings; its outcome follows."""
    findings = one.findings + tuple(more)
    outcome = one.outcome if one.outcome is Outcome.UNREADABLE else outcome_of(findings)
    return replace(one, findings=findings, outcome=outcome)


@dataclass(frozen=True)
class MergeResult:
    """The checked files (with what merging had to add), which of them went in, and the roll-up if there is one."""

    checked: CheckResult
    merged: tuple[bool, ...]
    rollup: Rollup | None

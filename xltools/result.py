"""Results: the files of one run with what is said of them, and what became of them in a merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xltools.filing import Filing
from xltools.finding import Finding, Outcome, outcome_of
from xltools.rollup import Rollup
from xltools.roster import CONSOLIDATED, ITSELF, OFFICE, Roster, Unit
from xltools.sameness import words_of
from xltools.words import label_key


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


def represented(filing: Filing, roster: Roster | None = None) -> list[Unit]:
    """The units for which a file speaks: its own, or those of which a roll-up is made.

    Who signs a roll-up has not thereby reported itself.  Only a unit that the roster expects as a whole is
    represented by its roll-up as well: one that is 已汇总 there, or a government of which nothing else is there.
    """
    if not filing.is_rollup:
        return [filing.unit] if filing.unit is not None else []
    inside = [leaf.unit for leaf in filing.leaves]
    known = roster.find(filing.unit) if roster is not None and filing.unit is not None else None
    return [known, *inside] if known is not None and _is_whole(known, inside, roster) else inside


def _is_whole(known: Unit, inside: Iterable[Unit], roster: Roster | None) -> bool:
    """Whether a unit of the roster is expected with all that is beneath it."""
    if known.kind == CONSOLIDATED or roster is None:
        return known.kind == CONSOLIDATED
    if known.kind != ITSELF and known.level == "town":
        return False
    if known.kind == OFFICE or any(roster.find(unit) is not None for unit in inside):
        return False
    words = words_of(known)
    return not any(label_key(unit.parent) in words for unit in roster)

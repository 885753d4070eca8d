"""Marking: findings as the rows of 问题清单 in a workbook that goes back.

A fresh workbook has its formulas, labels and formats again, and not what stood beside or beneath its cells.  What a
finding speaks of may be gone with that: such a finding is held, and stays open in the workbook that comes back
until the unit has answered it (G208).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from xltools.answers import fitting
from xltools.checks import registered
from xltools.checks.held import HELD
from xltools.finding import Finding, Level
from xltools.problems import Problem

ORDER = [level.words for level in Level]
CURES = {  # of what a fresh workbook mends by itself
    "G201": "公式已经恢复；分项有错的，请改分项。",
    "G202": "公式已经恢复，不必处理。",
    "G203": "公式已经恢复，不必处理。",
    "G204": "不必处理。",
    "S009": "已经取消隐藏，请核对里面的数。",
    "S018": "已经取消隐藏，请核对里面的数。",
}
ANSWER = "新表里已经恢复原样，原来的内容没有带过来；请核对这一处填得对不对，再在右边“说明”栏写明怎么处理的，例如“已改填”。"
EXPLAIN = "请核对；确属实情的，在右边“说明”栏写明原因。"


def problems_of(
    findings: Iterable[Finding], sheets: Sequence[str] = (), before: Sequence[Problem] = ()
) -> tuple[Problem, ...]:
    """The rows, the gravest first.  Only places on `sheets` are linked and marked.

    `before` are the rows of an earlier list: reasons on it that nothing asks for this time are kept.
    """
    rows = [_row(_held(finding) if is_held(finding) else finding, sheets) for finding in findings]
    asked = {row.fingerprint for row in rows}
    rows += [
        replace(row, level=Level.NOTE.words, marked=(), remedy="这次没有再问到，原来的说明留着。")
        for row in before
        if row.reason and row.fingerprint not in asked
    ]
    return tuple(sorted(rows, key=lambda row: ORDER.index(row.level)))


def is_held(finding: Finding) -> bool:
    """Whether a fresh workbook has nothing left of what the finding speaks of, and something may have been lost."""
    loses_nothing = finding.code == "G201" and finding.difference in ("0", None)
    return registered()[finding.code].vanishes and not loses_nothing


def _held(finding: Finding) -> Finding:
    about = f"{finding.sheet}!{finding.cell}\0{finding.found}"
    rule = f"{finding.code}.{hashlib.sha256(about.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return replace(finding, code=HELD, rule=rule, remedy=CURES.get(finding.code, ANSWER), explained=None)


def _row(finding: Finding, sheets: Sequence[str]) -> Problem:
    here = finding.sheet is not None and finding.sheet in sheets
    remedy = CURES.get(finding.code, finding.remedy)
    if finding.rule and finding.level is Level.QUERY and finding.code != HELD:
        remedy = EXPLAIN
    return Problem(
        level=finding.level.words,
        message=finding.message,
        remedy=remedy,
        fingerprint=finding.fingerprint,
        sheet=finding.sheet or "" if here else "",
        cell=finding.cell or "" if here else "",
        found=finding.found or "",
        expected=finding.expected or "",
        rule=finding.rule or "",
        reason=fitting(finding.explained or ""),
        marked=tuple(filter(None, (finding.cell, *finding.others))) if here else (),
    )

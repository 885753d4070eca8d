"""This year against last year's report, where one was given.  What 校验 shows of it is never trusted."""

from __future__ import annotations

from collections.abc import Iterator

from xltools.checks.registry import Case, Check, check
from xltools.checks.rules import STRUCTURE, broken_rules, needs_last
from xltools.finding import Finding, Level


@check("G104", "与上年报告不衔接", Level.QUERY, requires=STRUCTURE)
def follows_last_year(this: Check, case: Case) -> Iterator[Finding]:
    """本年的上年数要接得上去年报告的数；没有去年报告时不判断。

    通过：上年结转 2，去年报告结转下年度 2
    不通过：上年结转 0，去年报告结转下年度 2，没有说明
    改正：核对改正，或在“校验”表的“说明”栏写明原因（机构改革、口径调整等）。
    """
    cure = "请核对；确有原因的（机构改革、口径调整等），在“校验”表这一行的“说明”栏写明。"
    yield from broken_rules(this, case, cure, needs_last)

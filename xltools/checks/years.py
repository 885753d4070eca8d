"""This year against last year's report, where one was given.  What 校验 shows of it is never trusted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from xltools.checks.registry import Case, Check, check
from xltools.checks.rules import STRUCTURE, broken_rules, needs_last
from xltools.checks.values import mixed_units
from xltools.compute import as_number
from xltools.finding import Finding, Level
from xltools.layout import Slot
from xltools.words import number_text

SWING = 10  # times; below it offices do vary from year to year
LEAST_SWING, LEAST_FROM_ZERO = 100, 1_000  # smaller figures jump without a cause
LEAST_TO_COMPARE = 5  # figures other than zero that have to agree before a report looks copied


@check("G104", "与上年报告不衔接", Level.QUERY, requires=STRUCTURE, given="last")
def follows_last_year(this: Check, case: Case) -> Iterator[Finding]:
    """本年的上年数要接得上去年报告的数；没有去年报告时不判断。

    通过：上年结转 2，去年报告结转下年度 2
    不通过：上年结转 0，去年报告结转下年度 2，没有说明
    改正：核对改正，或在“校验”表的“说明”栏写明原因（机构改革、口径调整等）。
    """
    cure = "请核对；确有原因的（机构改革、口径调整等），在“校验”表这一行的“说明”栏写明。"
    yield from broken_rules(this, case, cure, needs_last)


def above_cap(case: Case, slot: Slot, figure: Decimal) -> bool:
    """V111 has spoken of it."""
    cap = case.form.cap(slot.item, case.level)
    return slot.is_input and cap is not None and figure > cap


def with_last(case: Case) -> Iterator[tuple[Slot, Decimal, Decimal]]:
    """Every figure that is known for both years: where it stands, this year's, last year's."""
    for slot in case.layout.slots.values() if case.last else ():
        this = as_number(case.filing.figures.get(slot.item.id))
        last = as_number((case.last or {}).get(slot.item.id))
        if this is not None and last is not None:
            yield slot, Decimal(this), Decimal(last)


@check("G105", "与上年报告完全相同", Level.QUERY, requires=STRUCTURE, given="last")
def same_as_last_year(this: Check, case: Case) -> Iterator[Finding]:
    """本年的数不会一个不差地与去年相同；相同的多半是把去年的报表又报了一遍。

    通过：有的数与去年相同，有的不同
    不通过：每个数都与去年的报告相同
    改正：核对是不是拿错了去年的数；确实相同的写明原因。
    """
    if case.filing.is_rollup:
        return  # each unit was asked
    pairs = [(now, before) for slot, now, before in with_last(case) if slot.is_input]
    if all(now == before for now, before in pairs) and sum(now != 0 for now, _ in pairs) >= LEAST_TO_COMPARE:
        yield this.finding(
            case,
            f"能与去年报告对照的 {len(pairs)} 个数全部相同，像是把去年的报表又报了一遍。",
            "请核对是不是拿错了去年的数；确实相同的请说明原因。",
            found=f"{len(pairs)} 个数相同",
        )


def unlike_last_year(
    this: Check, case: Case, slot: Slot, now: Decimal, before: Decimal, words: str, cure: str
) -> Finding:
    made = this.finding(
        case,
        words,
        cure,
        sheet=slot.sheet,
        cell=slot.address,
        item=slot.item.id,
        found=number_text(now),
        expected=f"与去年的 {number_text(before)} 相当",
        difference=number_text(now - before),
    )
    return case.of_sums(made)


@check("G107", "疑似元、万元混用", Level.QUERY, requires=STRUCTURE, given="last")
def yuan_for_wan(this: Check, case: Case) -> Iterator[Finding]:
    """金额与去年相差一万倍左右的，多半是把元填成了万元，或反过来。

    通过：去年 180 万元，本年 210 万元
    不通过：去年 180 万元，本年填了 2100000
    改正：核对这一格的单位；确实如此的写明原因。
    """
    for slot, now, before in with_last(case):
        if slot.is_input and mixed_units(slot, now, before):
            words = (
                f"{case.at(slot)}填的是 {number_text(now)}，去年是 {number_text(before)}，相差约一万倍；"
                f"这一格的单位是{slot.item.unit}，疑似把元和万元弄混了。"
            )
            yield unlike_last_year(this, case, slot, now, before, words, "请核对单位；确实如此的请说明原因。")


@check("G106", "比上年变动很大", Level.QUERY, requires=STRUCTURE, given="last")
def swing(this: Check, case: Case) -> Iterator[Finding]:
    """与去年相差十倍以上的数要核对；有合计的看合计，几十件以内的不看。

    通过：去年 120 件，本年 300 件
    不通过：去年 120 件，本年 12000 件　去年 3000 件，本年 0 件
    改正：核对是不是多打、漏打了一位；确实如此的写明原因。
    """
    parts = {part for item in case.form.derived for part in item.sum} if case.last else set()
    for slot, now, before in with_last(case):
        if slot.item.id in parts or slot.item.type == "signed" or mixed_units(slot, now, before):
            continue
        if above_cap(case, slot, now):
            continue
        low, high = sorted((abs(now), abs(before)))
        if high >= (LEAST_SWING if low else LEAST_FROM_ZERO) and high >= SWING * low:
            words = f"{case.at(slot)}本年是 {number_text(now)}，去年是 {number_text(before)}，相差 {number_text(now - before)}。"
            cure = "请核对是不是多打、漏打了一位；确实如此的请说明原因。"
            yield unlike_last_year(this, case, slot, now, before, words, cure)

"""Where what does not add up crosses: the cell that is most likely wrong.  Said as a likelihood, beside the findings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from xltools.checks.registry import Case, Check, check
from xltools.checks.rules import STRUCTURE
from xltools.finding import Finding, Level
from xltools.slips import Slip
from xltools.words import number_text

if TYPE_CHECKING:
    from xltools.culprit import Correction, Suspect

MOST_NAMED = 3  # rivals, and questions; more than these are no help

WORDS = {
    Slip.SWAPPED: "像是相邻两格的数填颠倒了",
    Slip.TRANSPOSED: "像是把 {expected} 的两位数字颠倒成了 {found}",
    Slip.DOUBLED: "像是 {expected} 多打了一位，成了 {found}",
    Slip.SHIFTED: "像是 {expected} 多打或少打了 0，或点错了小数点，成了 {found}",
    Slip.LOST: "像是 {expected} 少打了一位，成了 {found}",
    Slip.NEGATED: "像是 {expected} 打错了正负号",
    Slip.COPIED: "与旁边一格的数相同，像是看错了一行或一列",
    Slip.DIGIT: "像是 {expected} 打错了一位，成了 {found}",
    Slip.ONE_OFF: "正好差 1",
    Slip.OTHER: "",
}


@check("G301", "多半填错的格", Level.NOTE, requires=STRUCTURE)
def likely_culprit(this: Check, case: Case) -> Iterator[Finding]:
    """几处合计或勾稽关系同时不成立时，指出改哪一格就都能成立；只是推测，不改任何数。

    通过：合计和勾稽关系都成立　有不成立的，但看不出是哪一格
    提示：“自然人”列和“予以公开”行的合计都多 9，两处相交的一格填的是 21，多半应是 12
    改正：对照原始材料核对所指的格；不是这一格的，再核对同一行、同一列的其他格。
    """
    # a total that was typed wrong has been spoken of by G201 or G206
    blamed = [
        one for one in case.suspects if any(case.form.items[fix.item].is_input for fix in one.corrections)
    ]
    questions = [list(rivals) for _, rivals in groupby(blamed, lambda one: one.broken)]
    if not questions:
        return
    first, more = questions[0][0], len(questions[MOST_NAMED:])
    fix = first.corrections[0]
    slot = case.layout.slots[fix.item]
    yield this.finding(
        case,
        "".join(_sentence(case, rivals) for rivals in questions[:MOST_NAMED])
        + (f"另有 {more} 处。" if more else ""),
        "这只是推测：请对照原始材料核对所指的格；不是它的，再核对同一行、同一列的其他格。",
        sheet=slot.sheet,
        cell=slot.address,
        item=fix.item,
        found=number_text(fix.found),
        expected=number_text(fix.expected),
        difference=number_text(fix.found - fix.expected),
    )


def _sentence(case: Case, rivals: list[Suspect]) -> str:
    """One question's answer: a cell, or the few that come into question."""
    heals = f"{len(rivals[0].broken)} 处不平的合计或勾稽关系"
    if len(rivals) == 1:
        word = "多半" if rivals[0].is_likely else "可能"
        return f"{heals}，改一处就都能成立：{_named(case, rivals[0], word)}。"
    named = "；".join(_named(case, one, "可能") for one in rivals[:MOST_NAMED])
    return f"{heals}，毛病可能出在下面某一处：{named}。"


def _named(case: Case, suspect: Suspect, word: str) -> str:
    fixes = "，".join(_fix(case, one, word) for one in suspect.corrections)
    one = suspect.corrections[0]
    why = WORDS[suspect.slip].format(found=number_text(one.found), expected=number_text(one.expected))
    return f"{fixes}（{why}）" if why else fixes


def _fix(case: Case, one: Correction, word: str) -> str:
    where = case.at(case.layout.slots[one.item])
    return f"{where}填的是 {number_text(one.found)}，{word}应是 {number_text(one.expected)}"

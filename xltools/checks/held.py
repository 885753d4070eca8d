"""What a workbook that came back has not answered yet, and its list of problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xltools.checks.registry import Case, Check, check, registered
from xltools.finding import Finding, Level
from xltools.problems import PROBLEMS, Problem
from xltools.words import number_text

STRUCTURE = ("S006",)
HELD, TYPED_TOTAL = "G208", "G201"
TOLD = "退回时指出："
LOST = "一处问题（{code} {title}），“问题清单”上找不到了。"
ANSWER = "请核对这一处填得对不对，在“问题清单”这一条的“说明”栏写明怎么处理的，例如“已改填”。"


def worked_out(case: Case, row: Problem) -> str:
    """The total that a row speaks of, as its parts give it now."""
    slot = case.layout.at.get((row.sheet, row.cell))
    return number_text(case.sums[slot.item.id]) if slot is not None and slot.item.id in case.sums else ""


@check(HELD, "退回的问题还没有答复", Level.QUERY, requires=STRUCTURE, given="held")
def unanswered(this: Check, case: Case) -> Iterator[Finding]:
    """退回的新表里没有了原来那处的样子（写在副本上、压在合并格下、数字格式改了的数等），要填报单位答复是怎么处理的。

    通过：在“问题清单”这一条的“说明”栏写了“已改填”
    不通过：原样发回来，“说明”栏空着
    改正：核对这一处填得对不对，在“说明”栏写明怎么处理的。
    """
    listed = {problem.rule: problem for problem in case.filing.problems}
    for rule in case.filing.held:
        code = rule.partition(".")[0]
        about = registered().get(code)
        if about is None:
            continue
        lost = LOST.format(code=code, title=about.title)
        row = listed.get(rule) or Problem(level="", message=lost, remedy="", fingerprint="")
        made = this.finding(
            case,
            f"{TOLD}{row.message.removeprefix(TOLD)}",
            ANSWER,
            sheet=row.sheet or None,
            cell=row.cell or None,
            rule=rule,
            found=row.found or None,
            expected=row.expected or None,
        )
        if code == TYPED_TOTAL:
            # the parts are all there, and were looked at again: a reminder, where none of them was changed
            if made.explained is None and worked_out(case, row) == row.expected:
                yield replace(made, level=Level.NOTE)
        elif about.level is Level.ERROR and made.explained is None:
            yield replace(made, level=Level.ERROR)  # to be answered before it may be merged
        else:
            yield made


@check("G209", "问题清单认不出了", Level.NOTE, requires=STRUCTURE, given="list")
def list_lost(this: Check, case: Case) -> Iterator[Finding]:
    """退回件的“问题清单”要留着表头，不然上面写的说明读不到。

    通过：只填了“说明”栏　插了一行备注
    提示：删了表头那一行　把“编号”一列删了
    改正：用退回的那份表重填“说明”栏。
    """
    book = case.filing.book
    if book is not None and PROBLEMS in book.sheets and not case.filing.problems:
        yield this.finding(
            case,
            f"〔{PROBLEMS}〕的表头改动过，上面写的说明没有读到。",
            "请用退回的那份表重填“说明”栏。",
            sheet=PROBLEMS,
        )

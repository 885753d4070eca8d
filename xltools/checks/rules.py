"""The form's own rules, on recomputed figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xltools.checks.registry import Case, Check, check
from xltools.compute import RuleResult, as_number
from xltools.expression import Ref
from xltools.finding import Finding, Level
from xltools.layout import Slot
from xltools.words import number_text

STRUCTURE = ("S006",)
MOST_OPERANDS = 8


def broken_rules(
    this: Check, case: Case, cure: str, wanted: Callable[[RuleResult], bool]
) -> Iterator[Finding]:
    for result in case.broken:
        if result.line.rule.level != this.level.value or not wanted(result):
            continue
        line = result.line
        own = [ref for ref in line.bound.refs if not ref.last]
        slot = case.layout.slots[own[0].item] if own else None
        where = case.layout.rule_words(line).replace("{year}", str(case.filing.year or ""))
        left, right = (
            _side(case, result.left, line.bound.left_refs),
            _side(case, result.right, line.bound.right_refs),
        )
        apart = f"，相差 {number_text(abs(result.difference))}" if result.difference else ""
        yield this.finding(
            case,
            f"〔{slot.sheet if slot else ''}〕“{where}”：{line.rule.basis}。左边是 {left}，右边是 {right}{apart}。{case.blame(line.id)}",
            cure,
            sheet=slot.sheet if slot else None,
            cell=slot.address if slot else None,
            item=slot.item.id if slot else None,
            rule=line.id,
            found=_shown(result.left),
            expected=_shown(result.right),
            difference=_shown(result.difference),
            others=tuple(case.layout.slots[ref.item].address for ref in own[1:] if _beside(case, ref, slot)),
        )


def _beside(case: Case, ref: Ref, slot: Slot | None) -> bool:
    return slot is not None and case.layout.slots[ref.item].sheet == slot.sheet


def _shown(value: object) -> str | None:
    return None if value is None else number_text(value)


def _side(case: Case, value: object, refs: Sequence[Ref]) -> str:
    """A side's value with the figures it comes from: 3（一、本年新收… 3；二、上年结转… 0）"""
    if len(refs) > MOST_OPERANDS or not refs:
        return number_text(value)
    words = []
    for ref in refs:
        figure = as_number((case.last or {}).get(ref.item) if ref.last else case.filing.figures.get(ref.item))
        label = case.form.items[ref.item].label(case.filing.year)
        words.append(f"{'上年' if ref.last else ''}{label} {number_text(figure)}")
    return f"{number_text(value)}（{'；'.join(words)}）"


def needs_last(result: RuleResult) -> bool:
    return any(ref.last for ref in result.line.bound.refs)


@check("G101", "勾稽关系不成立", requires=STRUCTURE)
def must_hold(this: Check, case: Case) -> Iterator[Finding]:
    """表上规定的勾稽关系必须成立；合计按重新相加的算。

    通过：第一项加第二项是 3，第三项加第四项是 3
    不通过：第一项加第二项是 3，第三项加第四项是 2
    改正：核对两边所列的各项，改正填错的那一项。
    """
    yield from broken_rules(this, case, "请核对所列各项，改正填错的那一项。", lambda result: True)


@check("G102", "数据关系待核实", Level.QUERY, requires=STRUCTURE)
def should_hold(this: Check, case: Case) -> Iterator[Finding]:
    """通常成立、个别可以有理由的关系：不成立时要核对，确属实情的在“校验”表写明原因。

    通过：关系成立　写了说明
    不通过：镇填了规章 1 件，没有说明
    改正：核对改正，或在“校验”表的“说明”栏写明原因。
    """
    cure = "请核对；确属实情的，在“校验”表这一行的“说明”栏写明原因。"
    yield from broken_rules(this, case, cure, lambda result: not needs_last(result))


@check("G103", "数据关系提示", Level.NOTE, requires=STRUCTURE)
def may_hold(this: Check, case: Case) -> Iterator[Finding]:
    """只作提示的关系。

    通过：关系成立
    提示：关系不成立
    改正：看一眼即可。
    """
    yield from broken_rules(this, case, "看一眼即可，不必改。", lambda result: True)

"""Totals: are their formulas still the template's?  Their cached results are never used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from xltools.checks.meaning import meaning
from xltools.checks.registry import Case, Check, check
from xltools.compute import Number, Picker, picker
from xltools.detail import is_summed, sum_formula
from xltools.filing import Cell, Picked
from xltools.finding import Finding, Level
from xltools.form import Form
from xltools.formulas import total_formula
from xltools.layout import Layout, Slot, lay_out
from xltools.problems import (
    DIFFERS,
    KEPT,
    LEFT_OUT,
    MENDED,
    MOVED,
    NO_PLACE,
    NOT_FOUND,
    RECOMPUTED,
    SOURCE,
    TRANSFERS,
)
from xltools.words import number_text

STRUCTURE = ("S006",)
MOST_NAMED = 20  # units in a sentence


@lru_cache(maxsize=64)
def expected_meanings(form: Form) -> dict[str, str]:
    layout = lay_out(form)
    return {item.id: meaning(total_formula(layout, item)) for item in form.derived}


class _Totals(NamedTuple):
    """The derived cells of one sheet, and its own among the form's totals."""

    slots: tuple[Slot, ...]
    places: Picked
    sums: Picker


def totals_read(case: Case) -> Iterator[tuple[Slot, Cell]]:
    """Every derived cell of the sheets whose labels are in order."""
    for asked, cells in _totals_by_sheet(case):
        yield from zip(asked.slots, cells, strict=True)


def _totals_by_sheet(case: Case) -> Iterator[tuple[_Totals, tuple[Cell, ...]]]:
    book = case.filing.book
    broken = {fault.sheet for fault in case.filing.label_faults}
    for name, asked in _totals(case.layout).items():
        if book is not None and name in book.sheets and name not in broken:
            yield asked, asked.places.of(book.sheets[name].cells)


@lru_cache(maxsize=64)
def _totals(layout: Layout) -> Mapping[str, _Totals]:
    made: dict[str, list[Slot]] = {}
    for slot in layout.derived:
        made.setdefault(slot.sheet, []).append(slot)
    at = {item.id: place for place, item in enumerate(layout.form.derived)}
    return {
        name: _Totals(
            tuple(slots), Picked(slot.address for slot in slots), picker([at[slot.item.id] for slot in slots])
        )
        for name, slots in made.items()
    }


def _shown_otherwise(case: Case) -> Iterator[tuple[Slot, Cell]]:
    """Totals that show something, and not what their parts add up to."""
    for asked, cells in _totals_by_sheet(case):
        sums = asked.sums(case.shown_sums)
        if not _are_in_order(cells, sums):
            for slot, cell, right in zip(asked.slots, cells, sums, strict=True):
                if cell.text and not same(cell, right):
                    yield slot, cell


def _are_in_order(cells: Sequence[Cell], sums: Sequence[Number | None]) -> bool:
    """A quick look whether they show these very numbers, or nothing, as a program saves them that works nothing out."""
    texts = [cell.text for cell in cells]
    if not any(texts):
        return True
    return texts == list(map(str, sums)) and {cell.kind for cell in cells} == {"number"}


@check("G201", "合计被改成了数", requires=STRUCTURE, vanishes=True, of="frame")
def total_overwritten(this: Check, case: Case) -> Iterator[Finding]:
    """合计格是公式，不能改写成数；即使数目相同也不行，因为以后改分项它不会跟着变。

    通过：公式还在
    不通过：在“总计”里直接键入 12
    改正：恢复公式，或用模板重填；数由公式算出。
    """
    for slot, cell in totals_read(case):
        if cell.formula is None and cell.kind != "blank":
            right = number_text(case.sums[slot.item.id])
            found = as_decimal(cell)
            difference = number_text(found - Decimal(right)) if found is not None else None
            words = f"，相差 {difference}" if difference not in (None, "0") else ""
            yield this.finding(
                case,
                f"{case.at(slot)}是合计，公式被改成了“{cell.text}”；按各分项算是 {right}{words}。",
                "请撤销改动，恢复公式；分项有错的改分项。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=cell.text,
                expected=right,
                difference=difference,
            )


@check("G202", "合计公式被改了", requires=STRUCTURE, of="frame")
def formula_altered(this: Check, case: Case) -> Iterator[Finding]:
    """合计公式的意思要和模板一样；大小写、空格、引号等写法不论。

    通过：=sum(D7:I7)
    不通过：=SUM(D7:H7)　=SUM(D7:I7)+1
    改正：恢复公式，或用模板重填。
    """
    expected = expected_meanings(case.form)
    for slot, cell in totals_read(case):
        if cell.formula is not None and meaning(cell.formula, slot.sheet) != expected[slot.item.id]:
            right = total_formula(case.layout, slot.item)
            yield this.finding(
                case,
                f"{case.at(slot)}的合计公式是“={cell.formula}”，应是“={right}”。",
                "请恢复公式，或用下发的模板重填。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=f"={cell.formula}",
                expected=f"={right}",
            )


@check("G203", "合计公式被删了", requires=STRUCTURE, of="frame")
def formula_deleted(this: Check, case: Case) -> Iterator[Finding]:
    """合计格不能空着。

    通过：公式还在
    不通过：把“总计”清空了
    改正：恢复公式，或用模板重填。
    """
    for slot, cell in totals_read(case):
        if cell.formula is None and cell.kind == "blank":
            right = total_formula(case.layout, slot.item)
            yield this.finding(
                case,
                f"{case.at(slot)}的合计公式被删了，应是“={right}”。",
                "请恢复公式，或用下发的模板重填。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                expected=f"={right}",
            )


@check("G205", "汇总件上的数不是明细之和", requires=(*STRUCTURE, "S007", "S008"), of="rollup")
def rollup_overwritten(this: Check, case: Case) -> Iterator[Finding]:
    """汇总件各表的数是对明细的求和公式，不能改写；要改就改报送单位的表，重新汇总。

    通过：=SUM('明细1 …'!F6:F17)
    不通过：在汇总件的“自然人”格直接键入 12
    改正：重新汇总。
    """
    if not case.filing.is_rollup or case.filing.book is None:
        return
    for slot in case.layout.inputs:
        sheet = case.filing.book.sheets.get(slot.sheet)
        if sheet is None or not is_summed(slot.item):
            continue
        cell, right = sheet.cell(slot.address), sum_formula(case.form, slot.item, len(case.filing.leaves))
        if cell.formula is None or meaning(cell.formula) != meaning(right):
            found = f"={cell.formula}" if cell.formula is not None else cell.text
            yield this.finding(
                case,
                f"{case.at(slot)}在汇总件里是“{found}”，应是明细之和“={right}”。",
                "请不要改汇总件，用各单位的报表重新汇总。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=found,
                expected=f"={right}",
            )


@check("G204", "显示的合计是旧的", Level.NOTE, requires=(*STRUCTURE, "G205"))
def stale_total(this: Check, case: Case) -> Iterator[Finding]:
    """公式没有重算时，格里显示的是旧数。以重新相加的结果为准，这里只提示一次。

    通过：显示的数等于各分项之和　没有存显示的数
    不通过：公式对，显示 12，各分项之和是 13
    改正：打开后按 F9 重算再保存；不改也不影响汇总。
    """
    stale = [
        (slot, cell)
        for slot, cell in _shown_otherwise(case)
        if cell.formula is not None
        and meaning(cell.formula, slot.sheet) == expected_meanings(case.form)[slot.item.id]
        and all(
            (entry := case.filing.entries.get(leaf)) is not None
            and entry.fault is None
            and entry.repair is None
            for leaf in case.form.leaves_of(slot.item.id)
        )
    ]
    if stale:
        slot, cell = stale[0]
        more = f"（共{len(stale)}处）" if len(stale) > 1 else ""
        right = number_text(case.sums[slot.item.id])
        yield this.finding(
            case,
            f"{case.at(slot)}显示的是 {cell.text}，重新相加是 {right}{more}，公式没有重算。",
            "以重新相加的为准；可以打开后按 F9 重算再保存。",
            sheet=slot.sheet,
            cell=slot.address,
            item=slot.item.id,
            found=cell.text,
            expected=right,
        )


def as_decimal(cell: Cell) -> Decimal | None:
    """The number in a cell, for comparison only."""
    if cell.kind != "number":
        return None
    try:
        value = Decimal(cell.text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def same(cell: Cell, right: Number | None) -> bool:
    """Whether a cell shows a number, to the 15 digits that a program keeps."""
    if cell.kind == "number" and cell.text == str(right):
        return True
    cached = as_decimal(cell)
    if cached is None or right is None:
        return False
    return abs(cached - right) <= Decimal("1e-9") * max(Decimal(1), abs(Decimal(right)))


@check("G206", "原来的合计与分项不符", Level.QUERY, requires=STRUCTURE, given="transfers")
def printed_total_differs(this: Check, case: Case) -> Iterator[Finding]:
    """由别的文件搬过来的表，原来写着的合计要等于各分项之和；不等说明原来有一处填错了。

    通过：原来的总计写 12，各分项相加是 12
    不通过：原来的总计写 12，各分项相加是 11
    改正：核对分项，改正填错的那一格；原来的合计写错了的，在“问题清单”的“说明”栏写明。
    """
    printed = {
        (one.sheet, one.cell): one for one in case.filing.transfers if one.outcome in (RECOMPUTED, DIFFERS)
    }
    for slot in case.layout.derived if printed else ():
        one = printed.get((slot.sheet, slot.address))
        before = case.filing.typed_totals.get(slot.item.id)
        right = case.sums[slot.item.id]
        if one is None or before is None or right is None or before == right:
            continue
        apart = number_text(Decimal(before) - Decimal(right))
        yield this.finding(
            case,
            f"{case.at(slot)}：原来的文件（{one.source}）写的合计是 {number_text(before)}，"
            f"各分项相加是 {number_text(right)}，相差 {apart}。{case.blame(slot.item.id)}",
            "请核对分项，改正填错的那一格；原来的合计写错了的，在“问题清单”的“说明”栏写明。",
            sheet=slot.sheet,
            cell=slot.address,
            item=slot.item.id,
            found=number_text(before),
            expected=number_text(right),
            difference=apart,
        )


@check("G207", "由程序搬过来的表", Level.QUERY, requires=STRUCTURE, given="transfers")
def carried_over(this: Check, case: Case) -> Iterator[Finding]:
    """数由程序从别的文件搬来的，要由填报单位核对一遍“搬运清单”，写上“已核对”。

    通过：在下发的模板上填写　“问题清单”这一条的“说明”栏写了“已核对”
    不通过：由自制的表搬来，还没有人核对过
    改正：逐条核对“搬运清单”，无误后在“问题清单”这一条的“说明”栏写“已核对”。
    """
    transfers = [one for one in case.filing.transfers if one.outcome != LEFT_OUT]
    if not transfers:
        return
    origin = next((one for one in transfers if one.outcome == SOURCE), None)
    where = f"“{origin.source}”（{origin.before}）" if origin else "别的文件"
    counts = [
        f"{outcome} {count} 条"
        for outcome in (MOVED, MENDED, KEPT, NO_PLACE, NOT_FOUND)
        if (count := sum(one.outcome == outcome for one in transfers))
    ]
    remark = f"{origin.remark}。" if origin and origin.remark else ""
    yield this.finding(
        case,
        f"这份表里的数和文字是由程序从{where}搬来的：{'，'.join(counts)}。{remark}",
        "请逐条核对“搬运清单”，无误后在“问题清单”这一条的“说明”栏写“已核对”。",
        sheet=TRANSFERS,
        cell="A1",
    )


@check("G210", "由不全的汇总表填的", Level.QUERY, requires=STRUCTURE, given="transfers")
def filled_without_all(this: Check, case: Case) -> Iterator[Finding]:
    """由汇总表填的报表，汇总时没有计入的单位要逐个写明；少一个单位不等于这个单位是零。

    通过：由 6/6 单位的汇总表填的　没有计入的写明了原因
    不通过：由 5/6 单位的汇总表填的，西镇没有报送
    改正：补齐后重新汇总、重新生成这份表；确实没有的，在退回件“问题清单”这一条的“说明”栏写明原因。
    """
    outside = [one for one in case.filing.transfers if one.outcome == LEFT_OUT]
    if not outside:
        return
    names = "、".join(f"{one.about}：{one.remark}" for one in outside[:MOST_NAMED])
    more = f"等，全部见〔{TRANSFERS}〕" if len(outside) > MOST_NAMED else ""
    yield this.finding(
        case,
        f"这份表由“{outside[0].source}”填成，汇总时有 {len(outside)} 个单位没有计入：{names}{more}。",
        "请补齐后重新汇总、重新生成这份表；确实没有的，在退回件“问题清单”这一条的“说明”栏写明原因。",
        sheet=TRANSFERS,
        cell="A1",
        found="、".join(one.about for one in outside),
    )

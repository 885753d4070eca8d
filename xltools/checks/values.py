"""What stands in the cells for figures: blanks, texts where a number belongs, implausible figures."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

from xltools.checks.ground import covers
from xltools.checks.registry import Case, Check, check
from xltools.checks.shape import unsettled
from xltools.compute import as_number
from xltools.finding import Finding, Level
from xltools.formulas import ZERO_FIELD
from xltools.layout import Slot
from xltools.words import number_text

STRUCTURE = ("S006",)
EPOCH = datetime.date(1899, 12, 30)
SHOULD = {
    "count": "不带单位的非负整数，例如 3",
    "signed": "整数，例如 3 或 -2",
    "money": "不带单位的金额，例如 180.5",
    "text": "文字",
}


def should_be(slot: Slot) -> str:
    unit = f"（单位：{slot.item.unit}）" if slot.item.unit else ""
    return SHOULD[slot.item.type] + unit


@check("V100", "没有填", requires=(*STRUCTURE, "S020"), of="figure")
def blank(this: Check, case: Case) -> Iterator[Finding]:
    """每个数字格都要填；没有发生的填 0，或在封面声明未填写的数字格均为零。空着不等于 0。

    通过：0　12　封面“未填写的数字格均为零”选了“是”
    不通过：空着
    改正：逐格填上，或在封面选“是”。
    """
    unfilled = [
        slot
        for slot, entry in case.doubtful
        if slot.item.type != "text"
        and entry.value is None
        and entry.fault is None
        and not entry.declared_zero
    ]
    told = unsettled(case) if unfilled else ()
    empty: dict[str, list[Slot]] = {}
    for slot in unfilled:
        if (slot.sheet, slot.address) not in told:
            empty.setdefault(slot.sheet, []).append(slot)
    may_declare = ZERO_FIELD in case.layout.cover
    cure = "请填上数，没有发生的填 0"
    cure += "；也可以在封面“未填写的数字格均为零”选“是”。" if may_declare else "。"
    for sheet, slots in empty.items():
        first = slots[0]
        where = case.at(first) if len(slots) == 1 else f"〔{sheet}〕有{len(slots)}个数字格（{_list(slots)}）"
        yield this.finding(
            case,
            f"{where}没有填；空着不等于 0。",
            cure,
            sheet=sheet,
            cell=first.address,
            item=first.item.id,
            expected=should_be(first) if len(slots) == 1 else SHOULD[first.item.type],
            others=tuple(slot.address for slot in slots[1:]),
        )


def _list(slots: list[Slot], most: int = 8) -> str:
    words = "、".join(slot.address for slot in slots[:most])
    return words + ("等" if len(slots) > most else "")


def faulty(this: Check, case: Case, why: str, cure: str) -> Iterator[Finding]:
    for slot, entry in case.doubtful:
        if entry.fault == this.code:
            cell = entry.cell
            shown = f"={cell.formula}" if cell.formula is not None else cell.text
            yield this.finding(
                case,
                f"{case.at(slot)}填的是“{shown[:60]}”，{why}，应是{should_be(slot)}。",
                cure,
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=shown,
                expected=should_be(slot),
            )


@check("V101", "数字格里是文字", requires=STRUCTURE, of="figure")
def text_for_number(this: Check, case: Case) -> Iterator[Finding]:
    """数字格只填数字，不写“无”“/”“约”，不写汉字数目。

    通过：0　12　12件（单位相同，去掉单位并提示）
    不通过：无　/　约3　三　3 4　--253
    改正：改填数字，没有发生的填 0。
    """
    yield from faulty(this, case, "不是数", "请改填数字，没有发生的填 0。")


@check("V102", "不应为负", requires=STRUCTURE, of="figure")
def negative(this: Check, case: Case) -> Iterator[Finding]:
    """件数、金额不能是负数；只有“增/减”可以。

    通过：0　12
    不通过：-1
    改正：核对后改填非负的数。
    """
    yield from faulty(this, case, "是负数", "请核对后改填。")


@check("V103", "应是整数", requires=STRUCTURE, of="figure")
def fraction(this: Check, case: Case) -> Iterator[Finding]:
    """件数、项数是整数。

    通过：3　3.0
    不通过：3.5
    改正：核对后改填整数；金额不要填进件数格。
    """
    yield from faulty(this, case, "不是整数", "请核对后改填整数；是不是把金额填进了件数格？")


@check("V104", "填成了日期", requires=STRUCTURE, of="figure")
def date(this: Check, case: Case) -> Iterator[Finding]:
    """数字格里不能是日期；键入 1/2 会被软件变成日期。

    通过：3
    不通过：2021-1-5　1月2日
    改正：清空这一格，重新填数字。
    """
    yield from faulty(this, case, "被软件当成了日期", "请清空这一格，重新填数字。")


@check("V105", "填成了真假值", requires=STRUCTURE, of="figure")
def boolean(this: Check, case: Case) -> Iterator[Finding]:
    """数字格里不能是 TRUE 或 FALSE。

    通过：1
    不通过：TRUE
    改正：改填数字。
    """
    yield from faulty(this, case, "是真假值", "请改填数字。")


@check("V106", "是错误值", requires=STRUCTURE, of="figure")
def error_value(this: Check, case: Case) -> Iterator[Finding]:
    """数字格里不能是 #REF! 之类的错误值。

    通过：0
    不通过：#REF!　#DIV/0!
    改正：清空这一格，重新填数字。
    """
    yield from faulty(this, case, "是错误值", "请清空这一格，重新填数字。")


@check("V107", "数的写法不合要求", requires=STRUCTURE, of="figure")
def odd_number(this: Check, case: Case) -> Iterator[Finding]:
    """金额的小数位数不超过规定；不用百分数；不超过 15 位有效数字。

    通过：180.5
    不通过：0.1234567（最多六位小数时）　50%　1E+308
    改正：按规定的单位和位数改填。
    """
    yield from faulty(this, case, "小数位数过多、是百分数或数目大得不合理", "请按这一格的单位和位数改填。")


@check("V108", "填报格里是公式", requires=STRUCTURE, of="figure")
def formula_in_input(this: Check, case: Case) -> Iterator[Finding]:
    """填报格要填数，不能填公式；公式的结果会随别处变化，无法核对。

    通过：7
    不通过：=3+4　=Sheet9!A1
    改正：复制后“选择性粘贴—数值”。
    """
    yield from faulty(this, case, "是公式", "请复制后用“选择性粘贴—数值”变成数。")


@check("V110", "写法已替您改正", Level.NOTE, requires=STRUCTURE, of="figure")
def repaired(this: Check, case: Case) -> Iterator[Finding]:
    """全角数字、千分位、与本格相同的单位等，意思明确的按其意思读，并在这里说明。

    通过：180
    提示：180万元（万元格里读作 180）　１２　1,234
    改正：不必改；下次只填数字。
    """
    for slot, entry in case.doubtful:
        if entry.repair is not None:
            value = number_text(entry.value) if entry.value is not None else "空白"
            yield this.finding(
                case,
                f"{case.at(slot)}：{entry.repair}",
                "不必改；以后只填数字。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=entry.cell.text,
                expected=value,
            )


UNIT_MIXED = (2_000, 50_000)  # around 10 000: 元 written as 万元, or the other way


def mixed_units(slot: Slot, now: Decimal, before: Decimal) -> bool:
    """Whether two years' amounts differ as 元 and 万元 do; G107 speaks of it."""
    low, high = UNIT_MIXED
    return (
        slot.item.type == "money"
        and min(now, before) > 0
        and low <= max(now, before) / min(now, before) <= high
    )


@check("V111", "数目大得少见", Level.QUERY, requires=STRUCTURE, of="figure")
def too_large(this: Check, case: Case) -> Iterator[Finding]:
    """超过同级单位通常的上限的数，多半是单位弄错或多打了一位。

    通过：上限以内
    不通过：乡镇的一格填了 46024
    改正：核对；确实如此的写明原因。
    """
    for slot, entry in case.doubtful:
        value, cap = as_number(entry.value), case.form.cap(slot.item, case.level)
        last = as_number((case.last or {}).get(slot.item.id))
        if value is not None and last is not None and mixed_units(slot, Decimal(value), Decimal(last)):
            continue  # G107 says it, and what last year's figure was
        if value is not None and cap is not None and abs(Decimal(value)) > cap:
            made = this.finding(
                case,
                f"{case.at(slot)}填的是 {number_text(value)}，超过同级单位通常的上限 {cap}。",
                "请核对单位和位数；确实如此的请说明原因。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=number_text(value),
                expected=f"不超过 {cap}",
            )
            yield case.of_sums(made)


@check("V115", "显示的数与存的数不一样", Level.QUERY, requires=STRUCTURE, vanishes=True, of="figure")
def shown_otherwise(this: Check, case: Case) -> Iterator[Finding]:
    """数字格的格式把数藏起来、舍去小数、除以一千或加上别的数字时，看到的和报上来的不是一个数。

    通过：常规　0.00（180.5 显示成 180.50）　#,##0　会计专用　带本格的单位
    不通过：0,（1800 显示成 2）　0"百"（5 显示成 5百）　0.0（0.25 显示成 0.3）　;;;（什么也不显示）
    改正：把格式改回“常规”，核对显示出来的数。
    """
    if case.filing.is_rollup or case.filing.book is None:
        return  # a roll-up's cells are sums, and say in their formats how many units are missing
    for slot, entry in case.doubtful:
        if entry.value is None:
            continue
        sheet, unit = case.filing.book.sheets[slot.sheet], slot.item.unit
        codes = [entry.cell.code, *(code for area, code in sheet.conditional if covers(area, slot.place))]
        code = next((code for code in codes if entry.cell.misleads(unit, code)), None)
        if code is not None:
            yield this.finding(
                case,
                f"{case.at(slot)}存的是 {number_text(entry.value)}，因为单元格格式特殊（{code[:40]}），"
                "看到的可能不是这个数。",
                "请把这一格的格式改回“常规”，核对显示出来的数；就是要报的数的，请说明。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=number_text(entry.value),
            )


@check("V112", "像是日期变成的数", Level.QUERY, requires=STRUCTURE, of="figure")
def like_a_date(this: Check, case: Case) -> Iterator[Finding]:
    """件数恰好落在报告年度前后日期的序号里（如 44201 是 2021-01-05），可能是键入 1/5 变成的。

    通过：120
    不通过：44201
    改正：核对；确实是这个数的写明原因。
    """
    year = case.filing.year
    if year is None or case.filing.is_rollup:  # nobody types into a roll-up
        return
    # 1/5 becomes a day of the year in which it is typed, be that late
    first, last = ((datetime.date(y, 1, 1) - EPOCH).days for y in (year - 1, year + 3))
    for slot, entry in case.doubtful:
        value, cap = as_number(entry.value), case.form.cap(slot.item, case.level)
        if slot.item.type == "money" or value is None or (cap is not None and abs(Decimal(value)) > cap):
            continue  # V111 has said it
        if first <= value < last:
            day = EPOCH + datetime.timedelta(days=int(value))
            yield this.finding(
                case,
                f"{case.at(slot)}填的是 {value}，恰是日期 {day.isoformat()} 的序号，可能是键入日期变成的。",
                "请核对；确实是这个数的请说明原因。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=str(value),
            )

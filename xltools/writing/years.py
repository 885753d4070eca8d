"""This year against last year: 上年对比 per item, 各单位上年对比 per unit and item.

Last year's figures are known by item id, of whatever edition they were.  An id that last year's form did not have
has no last year, which is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple

from xlsxwriter.format import Format

from xltools.compute import Number, RuleResult, as_number, rule_results
from xltools.detail import UNIT_YEARS, YEARS, detail_sheets, is_added, short_labels
from xltools.filing import Leaf
from xltools.form import Form, Item, Values
from xltools.geometry import MOST_HEIGHT, Place, address, wrapped_height
from xltools.layout import lay_out
from xltools.rollup import Rollup
from xltools.words import number_text
from xltools.writing import styles
from xltools.writing.annexes import heading
from xltools.writing.details import ALL, FORMATS, Sums, shrunk
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import CELL, COUNT, HEAD
from xltools.writing.worksheets import CellParts

HEAD_ROW = 4
ITEM_HEADS = ("项目", "分类", "计量单位", "{year}年", "{last}年", "增减", "增减％", "备注")
ITEM_WIDTHS = (38.0, 24.0, 9.0, 11.0, 11.0, 11.0, 10.0, 46.0)
UNIT_ITEM_HEADS = ("序号", "单位", "类别", "项目", *ITEM_HEADS[2:])
UNIT_ITEM_WIDTHS = (7.0, 26.0, 10.0, 46.0, 9.0, 11.0, 11.0, 11.0, 10.0, 46.0)
MOST_ROWS = 100_000  # of 各单位上年对比; more would take longer to open than anybody would look at them
PERCENT = "+0.0%;-0.0%;0.0%"
CHANGES: Mapping[str, str] = {
    "count": "+#,##0;-#,##0;0", "signed": "+#,##0;-#,##0;0", "money": "+General;-General;0",
}  # fmt: skip
NEW = "上年为零"


class Break(NamedTuple):
    """A rule between the years that does not hold: the item it speaks of, and what is wrong."""

    item: str
    status: str
    words: str


def compares_years(rollup: Rollup) -> bool:
    return any(as_number(value) is not None for value in rollup.last.values())


def compares_units(rollup: Rollup) -> bool:
    return any(leaf.unit.key in rollup.last_by_unit for leaf in rollup.leaves)


@lru_cache(maxsize=64)
def year_rows(form: Form) -> Mapping[str, int]:
    """Item id → its row on 上年对比.  Every table has a row above its items for its name."""
    row, rows = HEAD_ROW, {}
    for _, items in groupby(_compared(form), key=lambda item: item.table):
        row += 1
        for item in items:
            row += 1
            rows[item.id] = row
    return rows


def last_place(form: Form, item_id: str) -> Place:
    """The cell of last year's figure on 上年对比."""
    row = year_rows(form)[item_id]
    return Place(YEARS, row, 5, row, 5)


def _compared(form: Form) -> list[Item]:
    return [item for item in form.items.values() if is_added(item)]


@lru_cache(maxsize=64)
def wholes(form: Form) -> frozenset[str]:
    """Items that are no part of a total: none other covers all that they are made of and more."""
    made_of = {item.id: frozenset(form.leaves_of(item.id)) for item in _compared(form)}
    totals = [made_of[item.id] for item in form.derived]
    return frozenset(name for name, own in made_of.items() if not any(own < total for total in totals))


def breaks(form: Form, results: Iterable[RuleResult]) -> Iterator[Break]:
    """Rules that speak of last year and do not hold, by the first item of this year that they name."""
    for result in results:
        refs = result.line.bound.refs
        if result.holds is not False or not any(ref.last for ref in refs):
            continue
        this = next((ref.item for ref in refs if not ref.last), None)
        if this is not None:
            apart = f"，相差 {number_text(result.difference)}" if result.difference is not None else ""
            sides = f"左边是 {number_text(result.left)}，右边是 {number_text(result.right)}{apart}"
            words = f"年际不衔接：{result.line.rule.basis}；{sides if result.left is not None else '不成立'}"
            yield Break(this, result.status.value, words)


def by_item(found: Iterable[Break]) -> dict[str, Break]:
    """One remark per item, should several rules speak of it."""
    said: dict[str, Break] = {}
    for one in found:
        first = said.get(one.item)
        said[one.item] = first._replace(words=f"{first.words}\n{one.words}") if first else one
    return said


def change_formulas(row: int, this: int) -> tuple[str, str]:
    """Difference and change in %, from this year's column and last year's to the right of it."""
    now, before = address(row, this), address(row, this + 1)
    both = f"COUNT({now}:{before})=2"
    return (
        f'IF({both},ROUND({now}-{before},6),"")',
        f'IF({both},IF({before}=0,IF({now}=0,"","{NEW}"),({now}-{before})/ABS({before})),"")',
    )


def changes(now: Number | None, before: Number | None) -> tuple[Number | str, float | str]:
    """What these formulas show."""
    if now is None or before is None:
        return "", ""
    apart = now - before
    if before == 0:
        return apart, "" if now == 0 else NEW
    return apart, float(Decimal(apart) / abs(Decimal(before)))


class _Figures:
    """The four cells of a comparison: this year, last year, difference, %; formats made once."""

    def __init__(self, sheet: SheetWriter, first: int) -> None:
        self.sheet, self.first = sheet, first
        self.formats: dict[tuple[str, str], Format] = {}

    def look(self, number_format: str, status: str = "") -> Format:
        key = number_format, status
        if key not in self.formats:
            style = {**shrunk(COUNT), "num_format": number_format, **styles.STATUS.get(status, {})}
            self.formats[key] = self.sheet.book.format(style)
        return self.formats[key]

    def cells(
        self, row: int, item: Item, formula: str, now: Number | None, before: Number | None, status: str
    ) -> list[CellParts]:
        plain = self.look(FORMATS[item.type], status)
        apart, share = change_formulas(row, self.first)
        shown, percent = changes(now, before)
        return [
            (now, plain, None if now is None else formula),
            (before, plain, None),
            (shown, self.look(CHANGES[item.type], status), apart),
            (percent, self.look(PERCENT, status), share),
        ]


def _heads(sheet: SheetWriter, title: str, rollup: Rollup, note: str, heads: tuple[str, ...]) -> None:
    sheet.put(Place(sheet.name, 1, 1, 1, len(heads)), title, styles.LABELS["title"])
    sheet.put(Place(sheet.name, 2, 1, 2, len(heads)), heading(rollup), {"font_size": 9})
    sheet.put(Place(sheet.name, 3, 1, 3, len(heads)), note, {"text_wrap": True, "valign": "vcenter"})
    for column, words in enumerate(heads, 1):
        shown = words.replace("{year}", str(rollup.year)).replace("{last}", str(rollup.year - 1))
        sheet.put(Place(sheet.name, HEAD_ROW, column, HEAD_ROW, column), shown, HEAD)


def _coverage_note(rollup: Rollup) -> str:
    if not rollup.missing:
        return rollup.last_note
    names = "、".join(unit.name for unit, _ in rollup.missing[:5])
    more = "等" if len(rollup.missing) > 5 else ""
    return f"本年还有 {len(rollup.missing)} 个单位没有计入（{names}{more}），增减里含有这一差别。{rollup.last_note}"


# ---- per item


def write_years(sheet: SheetWriter, rollup: Rollup, sums: Sums) -> None:
    """上年对比: every merged item of this edition, this year as a live reference to its official sheet."""
    form, layout = rollup.form, lay_out(rollup.form)
    gone = sum(name not in form.items and as_number(value) is not None for name, value in rollup.last.items())
    note = "上年数取自上年的报告；增减％＝（本年－上年）÷上年。" + _coverage_note(rollup)
    if gone:
        note += f"上年另有 {gone} 项本年的表里没有，不作比较。"
    heights = {1: 32.0, 2: 18.0, 3: wrapped_height(note, sum(ITEM_WIDTHS)), HEAD_ROW: 28.0}
    _heads(sheet, YEARS, rollup, note, ITEM_HEADS)
    found = by_item(breaks(form, rollup.results))
    figures, rows = _Figures(sheet, 4), year_rows(form)
    text = sheet.book.format(CELL)
    for table, group in groupby(_compared(form), key=lambda item: item.table):
        items = list(group)
        band = rows[items[0].id] - 1
        sheet.put(
            Place(YEARS, band, 1, band, len(ITEM_HEADS)), layout.table_words(table), styles.LABELS["band"]
        )
        heights[band] = 22.0
        labels = short_labels([item.row_label for item in items])
        kinds = short_labels([item.column_label for item in items])
        for item, label, kind in zip(items, labels, kinds, strict=True):
            row, said = rows[item.id], found.get(item.id)
            before = as_number(rollup.last.get(item.id))
            remark = said.words if said else "" if before is not None else _why_unknown(rollup.last, item)
            words = [
                one.replace("{year}", str(rollup.year)) for one in (label or kind, kind if label else "")
            ]
            status, now = said.status if said else "", sums.values[ALL][item.id]
            figure = layout.slots[item.id].place.absolute
            look = sheet.book.format({**CELL, **styles.STATUS.get(status, {})})
            sheet.cells(
                row,
                [
                    *((value, text, None) for value in (*words, item.unit or "")),
                    *figures.cells(row, item, figure, now, before, status),
                    (remark, look, None),
                ],
            )
            need = (
                wrapped_height(value, width)
                for value, width in ((words[0], 38), (words[1], 24), (remark, 46))
            )
            heights[row] = max(20.0, *(height if height > 24 else 20.0 for height in need))
    last = max(rows.values(), default=HEAD_ROW)
    sheet.grid(ITEM_WIDTHS, heights)
    _finish(sheet, ITEM_WIDTHS, last, last)


def _why_unknown(last: Values, item: Item) -> str:
    return "上年没有填这个数" if item.id in last else "上年的表没有这一项"


def _finish(sheet: SheetWriter, widths: tuple[float, ...], listed: int, last: int) -> None:
    """`listed` is the last row that a filter goes over, `last` the last one printed."""
    sheet.freeze(f"A{HEAD_ROW + 1}")
    if listed > HEAD_ROW:
        sheet.filter(Place(sheet.name, HEAD_ROW, 1, listed, len(widths)))
    sheet.page(landscape=True, one_page=False, columns=len(widths), rows=last, repeat=HEAD_ROW)


# ---- per unit


class UnitRow(NamedTuple):
    """One unit's figure of one item in both years."""

    number: int  # of the unit among the leaves, from 0
    leaf: Leaf
    item: Item
    now: Number | None
    before: Number | None
    status: str
    remark: str


def unit_rows(rollup: Rollup) -> Iterator[UnitRow]:
    """Units in order; of each the items that are no part of a total, where either year is not zero, and breaks."""
    form, whole = rollup.form, wholes(rollup.form)
    for number, leaf in enumerate(rollup.leaves):
        last = rollup.last_by_unit.get(leaf.unit.key)
        if last is None:
            continue
        found = by_item(_unit_breaks(form, leaf, last))
        figures = leaf.figures(form)
        for item in form.items.values():
            if item.id not in whole and item.id not in found:
                continue
            now, before = as_number(figures[item.id]), as_number(last.get(item.id))
            if said := found.get(item.id):
                yield UnitRow(number, leaf, item, now, before, said.status, said.words)
            elif now or before:
                why = _why_unknown(last, item) if before is None else "本年没有填全" if now is None else ""
                yield UnitRow(number, leaf, item, now, before, "", why)


def write_unit_years(sheet: SheetWriter, rollup: Rollup) -> None:
    """各单位上年对比, from top to bottom as all of a long sheet."""
    names = rollup.names
    lost = [
        name
        for name, leaf in zip(names, rollup.leaves, strict=True)
        if leaf.unit.key not in rollup.last_by_unit
    ]
    note = "列出合计和不计入合计的项目，两年都是零的不列；年际不衔接的标了颜色并写明。"
    note += rollup.last_note
    if lost and not rollup.last_note:
        note += f"{len(lost)} 个单位没有上年数：{'、'.join(lost[:8])}{'等' if len(lost) > 8 else ''}。"
    across, rows, row = sum(UNIT_ITEM_WIDTHS), unit_rows(rollup), HEAD_ROW
    heights = {1: 32.0, 2: 18.0, 3: wrapped_height(note, across), HEAD_ROW: 28.0}
    sheet.grid(UNIT_ITEM_WIDTHS, heights, others=20.0)
    _heads(sheet, UNIT_YEARS, rollup, note, UNIT_ITEM_HEADS)
    figures, details = _Figures(sheet, 6), detail_sheets(rollup.form)
    text, count = sheet.book.format(shrunk(CELL)), sheet.book.format(COUNT)
    for row, one in enumerate(islice(rows, MOST_ROWS), HEAD_ROW + 1):
        item, unit, detail = one.item, one.leaf.unit, details[one.item.table]
        if one.status:
            sheet.height(row, min(MOST_HEIGHT, wrapped_height(one.remark, UNIT_ITEM_WIDTHS[-1])))
        words = (names[one.number], unit.kind, item.label(rollup.year), item.unit or "")
        place = detail.place(one.number, detail.at[item.id])
        look = sheet.book.format({**CELL, **styles.STATUS.get(one.status, {})})
        sheet.cells(
            row,
            [
                (row - HEAD_ROW, count, None),
                *((value, text, None) for value in words),
                *figures.cells(row, item, place.absolute, one.now, one.before, one.status),
                (one.remark, look, None),
            ],
        )
    last = row
    if next(rows, None) is not None:
        row += 1
        sheet.put(Place(UNIT_YEARS, row, 1, row, 5), f"太多，只列出前 {MOST_ROWS:,} 行。", {"font_size": 9})
    _finish(sheet, UNIT_ITEM_WIDTHS, last, row)


def _unit_breaks(form: Form, leaf: Leaf, last: Values) -> Iterator[Break]:
    for result in rule_results(form, leaf.figures(form), leaf.unit.level, last=last):
        for one in breaks(form, [result]):
            reasons = [reason.text for reason in leaf.reasons if reason.about == result.line.id]
            said = f"；单位说明：{'；'.join(reasons)}" if reasons else ""
            yield Break(one.item, "已说明" if reasons else one.status, one.words + said)

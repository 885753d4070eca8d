"""明细: a row per unit for every table, with subtotals per kind; and the sums that other sheets refer to."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import groupby
from operator import add
from typing import cast

from xlsxwriter.format import Format

from xltools.compute import Number, as_number, columns, in_order, input_names, picker, totals
from xltools.detail import (
    FIRST_COLUMN,
    FIRST_ROW,
    HEAD_ROWS,
    UNIT_HEADS,
    DetailSheet,
    detail_sheets,
    is_added,
    short_labels,
)
from xltools.filing import Leaf
from xltools.form import Form, Item, Value, Values
from xltools.formulas import call
from xltools.geometry import Place, address, areas, wrapped_height
from xltools.rollup import Rollup
from xltools.roster import KINDS
from xltools.writing import styles
from xltools.writing.annexes import heading
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import CELL, COUNT, HEAD, TOTAL, Style
from xltools.writing.worksheets import THIS_ROW, RowLook

ALL = "合计"
UNIT_COLUMN = UNIT_HEADS.index("单位") + 1
UNIT_WIDTHS = (6.0, 26.0, 16.0, 10.0, 26.0)
WIDTH, WIDE = 9.5, 16.0  # of a figure's column; of the few of a small table
FEW = 4
PAGE_WIDTH, PAGE_SCALE = 166.0, 63  # characters on a printed page at this scale in %
MOST_HEAD = 160.0  # points
MOST_LOOKS = 64  # of units' rows, kept at a time
DECLARED: Style = {"italic": True, "font_color": styles.QUIET_INK}
LINKED: Style = {
    **CELL,
    **styles.LINK,
    "text_wrap": False,
    "shrink": True,
}  # a unit's name that leads to its file
FORMATS: Mapping[str, str] = {"count": "#,##0", "signed": "#,##0", "money": "General", "text": "@"}


def lacking_format(number_format: str, missing: int, mark: str = "") -> str:
    """The number format of a sum that lacks some units' figures: 12（缺2）."""
    words = mark + (f"（缺{missing}）" if missing else "")
    return f'{number_format}"{words}"' if words else number_format


@dataclass
class Sums:
    """Exact sums of the units' figures per kind and for all, as Excel's SUM shows them (blanks left out)."""

    form: Form
    leaves: int
    members: Counter[str] = field(default_factory=Counter)  # kind → how many units
    values: dict[str, dict[str, Number]] = field(default_factory=lambda: defaultdict(dict))
    lacking: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The kinds that are there, then all; one subtotal row each."""
        return (*(kind for kind in KINDS if kind in self.members), ALL)

    def place(self, item_id: str, group: str) -> Place:
        """The cell of a subtotal."""
        detail = detail_sheets(self.form)[self.form.items[item_id].table]
        return detail.place(self.leaves + self.groups.index(group), detail.at[item_id])


def sums_of(rollup: Rollup) -> Sums:
    form = rollup.form
    sums = Sums(form, len(rollup.leaves), Counter(leaf.unit.kind for leaf in rollup.leaves))
    inputs = input_names(form)
    members: dict[str, list[Values]] = {}
    for leaf in rollup.leaves:
        members.setdefault(leaf.unit.kind, []).append(leaf.inputs)
    by_kind = {kind: [_sum(column) for column in columns(some, inputs)] for kind, some in members.items()}
    everywhere: list[Number] = [sum(column) for column in zip(*by_kind.values(), strict=True)]
    for group, column in {**by_kind, ALL: everywhere}.items():
        own = dict(zip(inputs, column, strict=True))
        merged = {**own, **totals(form, own, blank=0)}  # the total of sums is the sum of the units' totals
        added = (item.id for item in form.items.values() if is_added(item))
        sums.values[group] = {name: merged[name] or 0 for name in added}
    for name, units in rollup.gaps.items():
        sums.lacking[ALL][name] = len(units)
        for unit in units:
            sums.lacking[unit.kind][name] += 1
    return sums


def _sum(column: Sequence[Value]) -> Number:
    """As Excel's SUM shows it."""
    if set(map(type, column)) == {int}:
        return sum(cast(Sequence[int], column))
    return reduce(add, [as_number(value) or 0 for value in column])


def write_details(
    sheets: Mapping[str, SheetWriter], rollup: Rollup, sums: Sums, links: Mapping[str, str]
) -> None:
    """Every 明细 sheet.  `links` gives, by the key of a unit, where its file lies."""
    form = rollup.form
    writers = [
        _DetailWriter(sheets[detail.name], detail, rollup, sums) for detail in detail_sheets(form).values()
    ]
    names = input_names(form)
    for writer in writers:
        writer.head()
    for number, leaf in enumerate(rollup.leaves):
        shown, unit = (*in_order(leaf.inputs, names), *rollup.shown_totals(number)), leaf.unit
        who = number + 1, rollup.names[number], unit.code, unit.kind, leaf.file
        for writer in writers:
            writer.row(number, leaf, who, shown, links.get(unit.key))
    for writer in writers:
        writer.close()


class _DetailWriter:
    def __init__(self, sheet: SheetWriter, detail: DetailSheet, rollup: Rollup, sums: Sums) -> None:
        self.sheet, self.detail, self.rollup, self.sums = sheet, detail, rollup, sums
        make = sheet.book.format
        self.number, self.text = make(COUNT), make(shrunk(CELL))
        kinds = {item.type for item in detail.items}
        looks = {kind: {**COUNT, "num_format": FORMATS[kind]} for kind in kinds}
        self.inputs = {kind: make(look) for kind, look in looks.items()}
        self.zeros = {kind: make({**look, **DECLARED}) for kind, look in looks.items()}
        self.totals = {
            kind: make({**look, "bg_color": styles.TOTAL_FILL}) for kind, look in looks.items()
        }  # fmt: skip
        self.width = WIDE if len(detail.items) <= FEW else WIDTH
        self.units = {item.unit for item in detail.items}
        self.columns = [self._column(item) for item in detail.items]
        at = {
            item.id: place for place, item in enumerate((*self.rollup.form.inputs, *self.rollup.form.derived))
        }
        self.pick = picker([at[item.id] for item in detail.items])  # out of all figures of a unit
        self.own = frozenset([item.id for item in detail.items])
        self.looks: dict[tuple[bool, frozenset[str]], RowLook] = {}

    def _column(self, item: Item) -> tuple[str, str | None, Format, Format]:
        """The item's id, the formula of a total, how it looks, and as a declared zero."""
        kind, formula = item.type, None
        if not item.is_input:
            parts = [self.detail.place(0, self.detail.at[part]) for part in item.sum]
            formula = call("SUM", areas(parts, self.detail.name))
            formula = re.sub(rf"([A-Z]){FIRST_ROW}\b", rf"\1{THIS_ROW}", formula)
        look = self.inputs[kind] if item.is_input else self.totals[kind]
        return item.id, formula, look, self.zeros[kind]

    def head(self) -> None:
        """From top to bottom, as all of a long sheet."""
        sheet, name, items = self.sheet, self.detail.name, self.detail.items
        upper, lower, small = HEAD_ROWS
        heads = self._heads()
        groups = [
            (words, len(list(group))) for (_, words), group in groupby(heads, key=lambda head: head[:2])
        ]
        heights = {upper: 24.0, lower: 34.0}
        for words, across in groups:
            heights[upper] = max(heights[upper], wrapped_height(words, self.width * across))
        for *_, words in heads:
            heights[lower] = max(heights[lower], wrapped_height(words, self.width))
        high = {row: min(height, MOST_HEAD) for row, height in heights.items()}
        widths = (*UNIT_WIDTHS, *([self.width] * len(items)))
        sheet.grid(widths, {1: 32.0, 2: 18.0, **high, small: 14.0}, others=20.0)
        title = {**styles.LABELS["title"], "align": "left", "text_wrap": False}
        sheet.put(Place(name, 1, 1, 1, 1), self.detail.title, title)
        unit = next(iter(self.units)) if len(self.units) == 1 else None
        note = heading(self.rollup) + (f"　单位：{unit}" if unit else "")
        sheet.put(Place(name, 2, 1, 2, 1), note, {"font_size": 9})
        self._unit_heads(upper, {"bottom": 0}, shown=False)
        at = FIRST_COLUMN
        for words, across in groups:
            sheet.put(Place(name, upper, at, upper, at + across - 1), words, HEAD)
            at += across
        self._unit_heads(lower, {"top": 0, "bottom": 0}, shown=True)
        for column, (*_, words) in enumerate(heads, FIRST_COLUMN):
            sheet.put(Place(name, lower, column, lower, column), words, HEAD)
        self._unit_heads(small, {"top": 0}, shown=False)
        for column, item in enumerate(items, FIRST_COLUMN):
            style = {**HEAD, **styles.SMALL, "text_wrap": False}
            sheet.put(Place(name, small, column, small, column), item.id, style)
        self.breaks = page_breaks([across for _, across in groups])

    def _unit_heads(self, row: int, edges: Style, *, shown: bool) -> None:
        """One of the three rows of a unit's heads, which look like one cell: a merge would reach further down."""
        for column, words in enumerate(UNIT_HEADS, 1):
            place = Place(self.detail.name, row, column, row, column)
            self.sheet.put(place, words if shown else None, {**HEAD, **edges})

    def _heads(self) -> list[tuple[str, str, str]]:
        """Of each figure its row, and the words above it: of a group of figures, and its own.

        A group is a row of the form, or, where rows have no names, what columns have in common.
        """
        items, year = self.detail.items, str(self.rollup.year)
        rows = short_labels([item.row_label for item in items])
        columns = short_labels([item.column_label for item in items])
        heads = []
        for item, row, column in zip(items, rows, columns, strict=True):
            if not item.row_label and len(item.column_label) > 1:
                row, column = "·".join(item.column_label[:-1]), item.column_label[-1]
            if len(self.units) > 1 and item.unit and item.unit not in column:
                column += f"（{item.unit}）"
            heads.append((item.row, row.replace("{year}", year), column.replace("{year}", year)))
        return heads

    def row(
        self, number: int, leaf: Leaf, who: tuple[Value, ...], shown: tuple[Value, ...], link: str | None
    ) -> None:
        """`shown` are its inputs, and its totals behind them; `who` stands in front of them."""
        look = self._look(link is not None, leaf.declared_zeros & self.own)
        lead = None if link is None else (UNIT_COLUMN, link)
        self.sheet.alike(FIRST_ROW + number, who + self.pick(shown), look, lead)

    def _look(self, is_linked: bool, zeros: frozenset[str]) -> RowLook:
        """Of a unit's row; few differ, and then in which zeros are declared."""
        key = is_linked, zeros
        if key not in self.looks:
            if len(self.looks) >= MOST_LOOKS:
                self.looks.clear()
            name = self.sheet.book.format(LINKED) if is_linked else self.text
            figures = [(zero if item in zeros else fmt, formula) for item, formula, fmt, zero in self.columns]
            heads = [(look, None) for look in (self.number, name, self.text, self.text, self.text)]
            self.looks[key] = RowLook([*heads, *figures])
        return self.looks[key]

    def close(self) -> None:
        """Subtotals below the units; then what concerns the sheet as a whole."""
        sheet, detail, leaves = self.sheet, self.detail, len(self.rollup.leaves)
        kinds = detail.down(leaves, UNIT_HEADS.index("类别") + 1, locked=True)
        for row, group in enumerate(self.sums.groups, FIRST_ROW + leaves):
            count = leaves if group == ALL else self.sums.members[group]
            words = group if group == ALL else f"小计：{group}"
            sheet.put(Place(detail.name, row, 1, row, 2), f"{words}（{count} 个单位）", TOTAL)
            for column in range(3, FIRST_COLUMN):
                sheet.put(Place(detail.name, row, column, row, column), None, TOTAL)
            for column, item in enumerate(detail.items, FIRST_COLUMN):
                place = Place(detail.name, row, column, row, column)
                if not is_added(item):
                    sheet.put(place, None, TOTAL)
                    continue
                missing = self.sums.lacking[group][item.id]
                style: Style = {**TOTAL, "num_format": lacking_format(FORMATS[item.type], missing)}
                figures = detail.down(leaves, column)
                # SUMIF is as old as SUM; units of a kind may stand anywhere in the roster
                formula = f"SUM({figures})" if group == ALL else f'SUMIF({kinds},"{group}",{figures})'
                sheet.formula(place, formula, self.sums.values[group][item.id], shrunk(style, missing))
        columns = len(UNIT_HEADS) + len(detail.items)
        sheet.freeze(address(FIRST_ROW, 3))
        sheet.page(
            landscape=True,
            one_page=False,
            columns=columns,
            rows=FIRST_ROW + leaves + len(self.sums.groups) - 1,
            repeat=(HEAD_ROWS[0], HEAD_ROWS[-1]),
            spread=PAGE_SCALE,
        )
        sheet.break_columns(self.breaks)
        sheet.filter(Place(detail.name, HEAD_ROWS[-1], 1, FIRST_ROW + leaves - 1, columns))


def page_breaks(groups: Sequence[int]) -> list[int]:
    """The columns after which a printed page ends; the figures of one row of the form stay together, if they can.

    Every page begins with the units' names, the first has all that is said of them.
    """
    room, full = PAGE_WIDTH - sum(UNIT_WIDTHS), PAGE_WIDTH - sum(UNIT_WIDTHS[:2])
    at, found = FIRST_COLUMN, list[int]()
    for across in groups:
        for number in range(across):
            together = across if number == 0 and across * WIDTH <= full else 1
            if room < together * WIDTH and at > FIRST_COLUMN:
                found.append(at - 1)
                room = full
            room -= WIDTH
            at += 1
    return found


def shrunk(style: Style, missing: object = True) -> Style:
    """A figure that may be wider than its column grows smaller rather than turn into ####."""
    return {**style, "text_wrap": False, "shrink": True} if missing else style

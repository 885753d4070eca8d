"""Layout: where each item, label, text and cover field stands.  A function of the form alone.

Writer and reader both take addresses from it and so cannot disagree.  What the cells look like is
writing/'s matter; what formulas stand in them, formulas.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from math import lcm
from typing import Literal

from xltools.form import Form, Item, Line, RuleLine, Sheet, Table
from xltools.geometry import MOST_HEIGHT, ROW_HEIGHT, Place, wrapped_height

COVER, CHECKS, GUIDE, META = "封面", "校验", "填报说明", "_meta"
IDENTITY = ("form", "edition", "unit", "code", "year", "issue")  # fields that every carrier speaks of
META_FIELDS = (*IDENTITY, "kind", "level", "parent")
SCHEMA = "xltools.workbook/1"
SCALED_SCHEMA = "xltools.scaled/1"  # what a scaled copy says of itself: it is no filing
HELD_ROW = len(META_FIELDS) + 3  # of _meta in a workbook that was sent back: what the unit has to answer

TITLE_HEIGHT = 32.0
TEXT_ROWS, OPTIONAL_TEXT_ROWS, TEXT_ROW_HEIGHT = 20, 6, 24.0  # a text is one block of so many rows
LEAST_COLUMNS = 4  # so that the identity fields find a cell each

Role = Literal["title", "band", "corner", "head", "row", "text", "field", "number", "plain"]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an item stands."""

    item: Item
    place: Place

    @property
    def sheet(self) -> str:
        return self.place.sheet

    @property
    def address(self) -> str:
        return self.place.address

    @property
    def is_input(self) -> bool:
        return self.item.is_input


@dataclass(frozen=True, slots=True)
class Label:
    """A fixed text.  It may hold {year} and {unit}; the ones figures are found by are verified on reading."""

    place: Place
    text: str
    role: Role

    def shown(self, unit: str, year: int) -> str:
        return self.text.replace("{unit}", unit).replace("{year}", str(year))

    @property
    def is_verified(self) -> bool:
        """Titles with the unit's name are left to the comparison of carriers, so that a cause is said once."""
        return self.role not in ("plain", "number") and "{unit}" not in self.text and self.text != ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """One place that says who a workbook is: a cell, a defined name or a custom property."""

    kind: Literal["cell", "defined_name", "custom_property"]
    field: str
    place: Place | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule line's row on 校验."""

    line: RuleLine
    number: Place
    where: Place
    basis: Place
    left: Place
    right: Place
    difference: Place
    result: Place
    explanation: Place

    @property
    def name(self) -> str:
        """The defined name of its result, through which other sheets' conditional formats reach it."""
        return "check." + self.line.id.replace("-", "_")


@dataclass(slots=True)
class SheetPlan:
    """One sheet while and after it is laid out: widths in characters, heights in points, labels, carriers."""

    name: str
    widths: tuple[float, ...]
    landscape: bool = False
    one_page: bool = False
    labels: list[Label] = field(default_factory=list)
    heights: dict[int, float] = field(default_factory=dict)
    carriers: list[Carrier] = field(default_factory=list)
    rows: int = 0

    def place(
        self, row: int, column: int, last_row: int | None = None, last_column: int | None = None
    ) -> Place:
        return Place(self.name, row, column, last_row or row, last_column or column)

    def width(self, place: Place) -> float:
        return sum(self.widths[place.column - 1 : place.last_column])

    def add(self, place: Place, text: str, role: Role) -> Place:
        """A label; its rows grow where the text needs more lines than they give."""
        self.labels.append(Label(place, text, role))
        rows = range(place.row, place.last_row + 1)
        have = sum(self.heights.get(row, ROW_HEIGHT) for row in rows)
        need = wrapped_height(text, self.width(place))
        for row in rows:
            height = self.heights.get(row, ROW_HEIGHT) + max(0.0, need - have) / len(rows)
            self.heights[row] = min(MOST_HEIGHT, height)
        self.rows = max(self.rows, place.last_row)
        return place


@dataclass(frozen=True, eq=False)
class Layout:
    """Every place of a form's workbook.  Compared by identity: there is one per form."""

    form: Form
    sheets: tuple[SheetPlan, ...]  # in workbook order, without GUIDE and META
    slots: Mapping[str, Slot]  # item id -> where it stands, in reading order
    texts: Mapping[str, Place]
    cover: Mapping[str, Place]
    panel: Mapping[str, Place]  # the status panel on the cover
    rules: Mapping[str, RuleRow]  # rule line id ->
    last: Mapping[str, Place]  # item id -> where last year's figure is shown
    meta: Mapping[str, Place]  # field -> its value's cell on _meta

    @cached_property
    def inputs(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots.values() if slot.is_input)

    @cached_property
    def derived(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots.values() if not slot.is_input)

    @cached_property
    def by_name(self) -> Mapping[str, SheetPlan]:
        return {plan.name: plan for plan in self.sheets}

    @cached_property
    def sheet_names(self) -> tuple[str, ...]:
        """All sheets in workbook order."""
        return (*self.by_name, GUIDE, META)

    @cached_property
    def section_names(self) -> tuple[str, ...]:
        """The sheets of the official report's sections."""
        return tuple(sheet.name for sheet in self.form.sheets)

    @cached_property
    def at(self) -> Mapping[tuple[str, str], Slot]:
        """(sheet, address) -> slot."""
        return {(slot.sheet, slot.address): slot for slot in self.slots.values()}

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        return tuple(label for plan in self.sheets for label in plan.labels)

    @cached_property
    def carriers(self) -> tuple[Carrier, ...]:
        cells = [carrier for plan in self.sheets for carrier in plan.carriers]
        cells += [Carrier("cell", name, self.meta[name]) for name in IDENTITY]
        names = [Carrier("defined_name", name, name=f"xltools.{name}") for name in IDENTITY]
        properties = [Carrier("custom_property", name, name=f"xltools.{name}") for name in IDENTITY]
        return tuple(cells + names + properties)

    def table_words(self, table_id: str) -> str:
        """A table's name for a clerk: its band, else the title of its sheet."""
        for sheet in self.form.sheets:
            for table in sheet.tables:
                if table.id == table_id:
                    return table.band or sheet.title
        raise KeyError(table_id)

    def rule_words(self, line: RuleLine) -> str:
        """Where a rule line applies: 三、收到和处理政府信息公开申请情况·自然人.  May hold {year}."""
        parts = [self.table_words(line.table)] if line.table else []
        if line.line and line.line.label:
            parts.append(line.line.label[-1])
        return "·".join(parts) or self.form.title


@lru_cache(maxsize=64)
def lay_out(form: Form) -> Layout:
    """The one layout of a form."""
    sections = _Sections()
    cover, cover_places, panel = _lay_cover(form)
    plans = [cover, *(sections.lay(sheet) for sheet in form.sheets)]
    checks, rules, last = _lay_checks(form)
    meta = {name: Place(META, row, 2, row, 2) for row, name in enumerate(META_FIELDS, 2)}
    layout = Layout(
        form=form,
        sheets=(*plans, checks),
        slots=sections.slots_of(form),
        texts=sections.texts,
        cover=cover_places,
        panel=panel,
        rules=rules,
        last=last,
        meta=meta,
    )
    _word_rules(layout, checks)
    return layout


# ---- what every sheet has at its head


def _lay_head(plan: SheetPlan, title: str) -> int:
    """Identity line, title, unit and year; gives the row above the first free one."""
    count = len(plan.widths)
    needs = (19.0, 9.0, 17.0)  # form, edition and issue number in small type; the code takes the rest
    column = 1
    for name, need in zip(("form", "edition", "issue"), needs, strict=True):
        last, reserve = column, 3 - ("form", "edition", "issue").index(name)
        while plan.width(plan.place(1, column, 1, last)) < need and last + 1 <= count - reserve:
            last += 1
        plan.carriers.append(Carrier("cell", name, plan.place(1, column, 1, last)))
        column = last + 1
    plan.carriers.append(Carrier("cell", "code", plan.place(1, column, 1, count)))
    plan.heights[1] = 16.0
    plan.labels.append(Label(plan.place(2, 1, 2, count), title, "title"))
    plan.heights[2] = TITLE_HEIGHT
    total, middle = sum(plan.widths), 1
    while middle < count - 1 and sum(plan.widths[:middle]) < total * 0.7:
        middle += 1
    plan.carriers.append(Carrier("cell", "unit", plan.place(3, 1, 3, middle)))
    plan.carriers.append(Carrier("cell", "year", plan.place(3, middle + 1, 3, count)))
    plan.heights[3] = 18.0
    plan.rows = 3
    return 3


# ---- the official sections


class _Sections:
    """Lays out one sheet per section and remembers where items and texts stand."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.texts: dict[str, Place] = {}

    def slots_of(self, form: Form) -> dict[str, Slot]:
        return {name: Slot(item, self.places[name]) for name, item in form.items.items()}

    def lay(self, sheet: Sheet) -> SheetPlan:
        labels = len(sheet.label_widths)
        grid = lcm(*(len(table.columns) for table in sheet.tables)) if sheet.tables else 1
        while labels + grid < LEAST_COLUMNS:
            grid *= 2
        plan = SheetPlan(
            name=sheet.name,
            widths=(*sheet.label_widths, *([sheet.data_width / grid] * grid)),
            landscape=sheet.landscape,
            one_page=bool(sheet.tables) and not sheet.texts,
        )
        row = _lay_head(plan, sheet.title)
        for text in sheet.texts:
            row += 1
            plan.add(plan.place(row, 1, row, labels + grid), text.label, "text")
            rows = OPTIONAL_TEXT_ROWS if text.optional else TEXT_ROWS
            self.texts[text.id] = plan.place(row + 1, 1, row + rows, labels + grid)
            plan.heights.update(dict.fromkeys(range(row + 1, row + rows + 1), TEXT_ROW_HEIGHT))
            row += rows
        if sheet.texts and sheet.tables:
            row += 1
            plan.heights[row] = 10.0
        for table in sheet.tables:
            row = self._lay_table(plan, table, row, labels, grid)
        plan.rows = row
        return plan

    def _lay_table(self, plan: SheetPlan, table: Table, row: int, labels: int, grid: int) -> int:
        span = grid // len(table.columns)
        if table.band is not None:
            row += 1
            plan.add(plan.place(row, 1, row, labels + grid), table.band, "band")
        depth = max(len(column.label) for column in table.columns)
        if depth and labels:
            plan.add(plan.place(row + 1, 1, row + depth, labels), table.corner, "corner")

        def head(level: int, last_level: int, first: int, last: int) -> Place:
            return plan.place(
                row + 1 + level, labels + 1 + first * span, row + 1 + last_level, labels + (last + 1) * span
            )

        _lay_paths(plan, table.columns, depth, head, "head")
        row += depth

        def side(level: int, last_level: int, first: int, last: int) -> Place:
            return plan.place(row + 1 + first, level + 1, row + 1 + last, last_level + 1)

        if labels:
            _lay_paths(plan, table.rows, labels, side, "row")
        for number, line in enumerate(table.rows, 1):
            plan.heights.setdefault(row + number, ROW_HEIGHT)
            for order, column in enumerate(table.columns):
                first = labels + 1 + order * span
                place = plan.place(row + number, first, row + number, first + span - 1)
                self.places[f"{table.id}.{line.id}.{column.id}"] = place
        return row + len(table.rows)


def _lay_paths(
    plan: SheetPlan,
    lines: Sequence[Line],
    depth: int,
    place: Callable[[int, int, int, int], Place],
    role: Role,
) -> None:
    """Labels that are paths: neighbours with an equal prefix share one block, the last part takes what is left.

    `place(level, last_level, first_line, last_line)` turns steps of the path into cells.
    """
    if not depth:
        return

    def lay(first: int, last: int, level: int) -> None:
        for part, group in groupby(range(first, last + 1), key=lambda i: lines[i].label[level : level + 1]):
            members = list(group)
            if not part:  # a line without a label, where others have one
                for member in members:
                    plan.add(place(level, depth - 1, member, member), "", role)
                continue
            is_last = len(lines[members[0]].label) == level + 1
            end = depth - 1 if is_last else level
            plan.add(place(level, end, members[0], members[-1]), part[0], role)
            if not is_last:
                lay(members[0], members[-1], level + 1)

    lay(0, len(lines) - 1, 0)


# ---- the sheets around them

PANEL = {
    "blank": "数字格未填（共{n}格）",
    "faulty": "不是数字的格",
    "texts": "文字未填（共{n}节）",
    "broken": "不平",
    "queried": "待说明",
    "state": "状态",
}


def _lay_cover(form: Form) -> tuple[SheetPlan, dict[str, Place], dict[str, Place]]:
    plan = SheetPlan(COVER, (16.0, 14.0, 22.0, 24.0))
    head = _lay_head(plan, form.title)
    elsewhere = ("unit", "code", "year")  # shown large, in the cover's own table
    plan.carriers = [one for one in plan.carriers if one.field not in elsewhere]
    plan.labels = [Label(plan.place(2, 1, 2, 4), form.heading.replace("{unit}", "{unit}\n"), "title")]
    plan.heights[2] = 76.0
    plan.add(plan.place(head, 1, head, 4), form.authority, "plain")
    row = head
    for name, words in (("unit", "填报单位"), ("code", "单位代码"), ("year", "报告年度")):
        row += 1
        plan.add(plan.place(row, 1, row, 2), words, "field")
        plan.carriers.append(Carrier("cell", name, plan.place(row, 3, row, 4)))
    cover: dict[str, Place] = {}
    for one in form.cover:
        row += 1
        plan.add(plan.place(row, 1, row, 2), one.label, "field")
        cover[one.id] = plan.place(row, 3, row, 4)
    row += 2
    plan.add(plan.place(row, 1, row, 4), "填报进度（自动）", "band")
    required = sum(not text.optional for text in form.texts.values())
    counts = {"blank": len(form.inputs), "texts": required}
    panel: dict[str, Place] = {}
    for name, words in PANEL.items():
        row += 1
        plan.add(plan.place(row, 1, row, 2), words.replace("{n}", str(counts.get(name, 0))), "field")
        panel[name] = plan.place(row, 3, row, 4)
    for one_row in range(4, row + 1):
        plan.heights.setdefault(one_row, ROW_HEIGHT)
    plan.rows = row
    return plan, cover, panel


CHECK_HEADS = ("序号", "项目", "勾稽关系", "左边", "右边", "差", "结果", "说明")
CHECK_ADVICE = "“不平”须改正；“待说明”须核对，确属实情的在“说明”栏写明原因；“未定”是还有数没填或没有上年数。"
LAST_BAND = "上年报告数（供年际核对；没有上年报告的为空）"


def _lay_checks(form: Form) -> tuple[SheetPlan, dict[str, RuleRow], dict[str, Place]]:
    plan = SheetPlan(CHECKS, (6.0, 44.0, 50.0, 11.0, 11.0, 11.0, 10.0, 36.0), landscape=True)
    row = _lay_head(plan, "校验") + 1
    plan.add(plan.place(row, 1, row, 8), CHECK_ADVICE, "plain")
    row += 1
    for column, words in enumerate(CHECK_HEADS, 1):
        plan.add(plan.place(row, column), words, "head")
    rules: dict[str, RuleRow] = {}
    for line in form.rule_lines:
        row += 1
        plan.heights[row] = ROW_HEIGHT
        rules[line.id] = RuleRow(line, *(plan.place(row, column) for column in range(1, 9)))
    row += 1
    last: dict[str, Place] = {}
    if form.last_items:
        plan.heights[row] = 12.0
        row += 1
        plan.add(plan.place(row, 1, row, 8), LAST_BAND, "band")
        for name in form.last_items:
            row += 1
            item = form.items[name]
            words = "　".join(part[-1] for part in (item.row_label, item.column_label) if part)
            plan.add(plan.place(row, 1, row, 3), words, "field")
            last[name] = plan.place(row, 4, row, 5)
            plan.heights[row] = ROW_HEIGHT
    plan.rows = row
    return plan, rules, last


def _word_rules(layout: Layout, plan: SheetPlan) -> None:
    """The fixed words of each rule line, which need the whole layout for the names of tables."""
    for number, row in enumerate(layout.rules.values(), 1):
        plan.add(row.number, str(number), "number")
        plan.add(row.where, layout.rule_words(row.line), "row")
        plan.add(row.basis, row.line.rule.basis, "row")

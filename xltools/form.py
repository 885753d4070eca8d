"""Form: what is asked, as declared in `templates/<form>/<edition>.toml`.

Frozen values, no Excel and no files: loading is forms/load.py's matter, places are layout.py's.
Between reading and merging everything is a flat mapping item id -> value; an item id is
`table.row.column` (`applications.granted.natural`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from xltools.expression import Bound, Expression, Ref
from xltools.phrase import Phrase, Wording

Value = int | Decimal | str | None  # None is blank, and blank is not zero
Values = Mapping[str, Value]  # item id -> value

FigureType = Literal["count", "signed", "money", "text"]
Aggregation = Literal["sum", "derive", "confirm-sum", "list", "none"]
RuleLevel = Literal["error", "query", "note"]
ChartType = Literal["years", "units", "kinds", "shares", "parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row or a column.  `label` is a path; equal prefixes of neighbours merge into one head."""

    id: str
    label: tuple[str, ...]
    type: FigureType | None = None
    unit: str | None = None
    places: int | None = None  # decimals that a money figure may have
    sum: tuple[str, ...] = ()  # ids of the lines it adds up; () is an input line
    cap: str | None = None
    rollup: Aggregation | None = None
    prefill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An expression over items that must hold; `each` runs it along the input lines of `tables`."""

    id: str
    that: Expression
    each: Literal["row", "column"] | None
    tables: tuple[str, ...]  # whose lines it runs along and where bare line names are looked up
    level: RuleLevel
    levels: tuple[str, ...]  # levels of the units it binds; () is all
    basis: str  # the official words


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows and columns, which are both lines, and what stands around them."""

    id: str
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    band: str | None = None
    corner: str = ""
    unit: str | None = None
    supplement: bool = False  # beside the official report's figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that is asked for: its heading, and what it should tell."""

    id: str
    label: str
    prompt: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverField:
    """What the cover asks besides who reports: who fills in, who signs, when."""

    id: str
    label: str
    type: Literal["text", "date", "choice"]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One section of the official report: its texts, then its tables, top to bottom."""

    id: str
    name: str
    title: str
    landscape: bool = False
    label_widths: tuple[float, ...] = ()  # in characters of the body font, one per label column
    data_width: float = 84  # shared among the data columns
    texts: tuple[Text, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One figure asked for.  `sum` lists the items a derived one adds up; an input's is empty."""

    id: str
    table: str
    row: str
    column: str
    type: FigureType
    unit: str | None
    places: int | None
    sum: tuple[str, ...]
    rollup: Aggregation
    cap: str | None
    prefill: str | None  # item of last year's report whose value is written in
    supplement: bool
    row_label: tuple[str, ...]
    column_label: tuple[str, ...]

    @property
    def is_input(self) -> bool:
        return not self.sum

    def label(self, year: int | None = None) -> str:
        """Its name in the form's words: 一、本年新收政府信息公开申请数量·自然人, or 行政复议·总计 in a single row."""
        paths = [path for path in (self.row_label, self.column_label) if path]
        text = "·".join(path[-1] for path in paths) if len(paths) > 1 else "·".join(*paths)
        return text.replace("{year}", str(year)) if year else text


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule on one line: what 校验 shows in a row and what a finding speaks of."""

    id: str  # rule.line, e.g. carry-over.natural
    rule: Rule
    bound: Bound
    table: str | None
    line: Line | None
    leaves: tuple[Ref, ...]  # inputs of this year and figures of last year; one missing leaves it undecided

    def binds(self, level: str) -> bool:
        return not self.rule.levels or level in self.rule.levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """How texts put a figure into words.  It agrees with the sum of `items`, or of `items` and `plus`."""

    id: str
    texts: tuple[str, ...]  # ids of the texts that may state it
    words: tuple[Phrase, ...]
    items: tuple[str, ...]
    plus: tuple[str, ...]  # what some count in and others do not
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPart:
    """One colour of a chart.  `items` holds, for each bar that the chart names, the figures added up; a single
    group where the bars are years, units or kinds of units."""

    label: str
    items: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of merged figures.  `bars` are the names of its bars; () where they are units or kinds of units,
    and with "years" its parts."""

    id: str
    title: str  # may hold {year}
    type: ChartType
    bars: tuple[str, ...]
    parts: tuple[ChartPart, ...]
    unit: str | None


@dataclass(frozen=True, eq=False)
class Form:
    """A form in one edition.  Compared by identity; `key` names it."""

    id: str
    edition: str
    first_year: int
    last_year: int | None
    title: str
    authority: str
    heading: str  # with {unit} and {year}
    caps: Mapping[str, Mapping[str, int]]  # cap name -> level -> largest plausible figure
    cover: tuple[CoverField, ...]
    sheets: tuple[Sheet, ...]
    rules: tuple[Rule, ...]
    rule_lines: tuple[RuleLine, ...]
    statements: tuple[Statement, ...]
    items: Mapping[str, Item]  # in reading order
    charts: tuple[Chart, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.id}/{self.edition}"

    @cached_property
    def inputs(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items.values() if item.is_input)

    @cached_property
    def derived(self) -> tuple[Item, ...]:
        """Derived items, each after the ones it adds up."""
        done: dict[str, Item] = {}

        def visit(item: Item) -> None:
            if item.is_input or item.id in done:
                return
            for part in item.sum:
                visit(self.items[part])
            done[item.id] = item

        for item in self.items.values():
            visit(item)
        return tuple(done.values())

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        return {table.id: table for sheet in self.sheets for table in sheet.tables}

    @cached_property
    def texts(self) -> Mapping[str, Text]:
        return {text.id: text for sheet in self.sheets for text in sheet.texts}

    @cached_property
    def last_items(self) -> tuple[str, ...]:
        """Ids of last year's figures that rules or prefills ask for, in order of first mention."""
        wanted = [ref.item for line in self.rule_lines for ref in line.bound.refs if ref.last]
        wanted += [item.prefill for item in self.items.values() if item.prefill]
        return tuple(dict.fromkeys(wanted))

    def covers(self, year: int) -> bool:
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)

    def cap(self, item: Item, level: str) -> int | None:
        """The largest plausible figure for a unit of this level; above it a value is queried."""
        by_level = self.caps.get(item.cap or ("money" if item.type == "money" else "count"))
        if not by_level or level not in by_level:
            return None
        return by_level[level] * (10_000 if item.unit == "元" else 1)  # caps of money are declared in 万元

    def headed(self, unit: str, year: int) -> str:
        return self.heading.replace("{unit}", unit).replace("{year}", str(year))

    def leaves_of(self, item_id: str) -> Iterator[str]:
        """The inputs an item is made of (itself, if it is one)."""
        item = self.items[item_id]
        if item.is_input:
            yield item_id
        for part in item.sum:
            yield from self.leaves_of(part)

"""图表: native charts that anybody can edit, over cells that are formulas over 明细 and the official sheets.

What is shown is declared in the form file.  Beside every chart stand its figures, and it is described in words
for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from xlsxwriter.chart import Chart as Picture

from xltools.compute import Number, as_number
from xltools.detail import CHARTS, detail_sheets
from xltools.form import Chart, ChartPart
from xltools.formulas import call
from xltools.geometry import Place, areas, column_letters, quoted
from xltools.layout import lay_out
from xltools.rollup import Rollup
from xltools.words import number_text
from xltools.writing import styles
from xltools.writing.annexes import heading
from xltools.writing.details import ALL, Sums, shrunk
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import CELL, COUNT, HEAD, Style
from xltools.writing.years import last_place, year_rows

MOST_UNITS = 15  # of the units with most
# which units are shown is no formula: one that works in every Excel and WPS would name two equals by one name
RANKED = f"按单位的图取汇总时最多的 {MOST_UNITS} 个单位，先后以汇总时为准；以后改了数，图中的数跟着变，单位和先后不变"
MOST_DESCRIBED = 900  # characters of a description
LABEL_WIDTH, WIDTH, COLUMNS = 28.0, 11.0, 8  # of the sheet's grid: names of bars, then figures
ACROSS, BESIDE = 855, 570  # pixels: a picture as wide as the grid, or beside a single column of figures
LEAST_HEIGHT = 270  # pixels of a picture
ROOM, BAR_HEIGHT = 110, 24  # pixels for title and legend, and for each bar that lies down
LINE, LINE_PIXELS = 20.0, 26  # a row in points and in pixels
BAND = 26.0  # points
PAGE = 920.0  # points of rows on a printed page, as far as the sheet's width has it shrunk
# told apart by the colour-blind, and by lightness when printed in black
COLOURS = ("#1F4E79", "#E08E0B", "#5B9BD5", "#A5A5A5", "#70AD47", "#7F3F98", "#F4B183", "#404040")
DARK = ("#1F4E79", "#7F3F98", "#404040")
YEAR_COLOURS = ("#A5A5A5", "#1F4E79")  # last year, this year


class Cell(NamedTuple):
    """A helper cell: where its figure comes from, and what it is."""

    formula: str
    value: Number | str


Row = tuple[Cell | str, list[Cell | None]]  # a bar: its name and a figure per colour


def write_charts(sheet: SheetWriter, rollup: Rollup, sums: Sums) -> None:
    page = _Page(sheet, rollup)
    source = _Source(rollup, sums)
    for chart in rollup.form.charts:
        page.add(chart, *source.rows(chart))
    page.close()


class _Page:
    """The sheet while it is being filled, one chart below the other: a band, the figures, the picture."""

    def __init__(self, sheet: SheetWriter, rollup: Rollup) -> None:
        self.sheet, self.year = sheet, str(rollup.year)
        sheet.put(Place(CHARTS, 1, 1, 1, 1 + COLUMNS), CHARTS, styles.LABELS["title"])
        ranked = any(chart.type == "units" for chart in rollup.form.charts)
        first = "　".join(filter(None, [heading(rollup), rollup.last_note]))
        lines = [first, *([RANKED] if ranked else [])]
        height = 18.0 + 14.0 * (len(lines) - 1)
        sheet.put(Place(CHARTS, 2, 1, 2, 1 + COLUMNS), "\n".join(lines), {"font_size": 9, "text_wrap": True})
        self.heights = {1: 32.0, 2: height}
        # the next free row; points of the printed page that are taken
        self.row, self.filled = 3, self.heights[1] + height
        self.breaks: list[int] = []

    def add(self, chart: Chart, rows: Sequence[Row], names: Sequence[str]) -> None:
        lying, beside = chart.type in ("units", "shares"), chart.type == "units" and len(names) == 1
        pixels = max(LEAST_HEIGHT, ROOM + BAR_HEIGHT * len(rows)) if lying else LEAST_HEIGHT
        lines = pixels // LINE_PIXELS + 1
        table = len(rows) + 1
        used = 2 + (max(table, lines) if beside else table + lines)  # rows, with the band and an empty one
        if self.filled + BAND + LINE * (used - 1) > PAGE:
            self.breaks.append(self.row - 1)
            self.filled = 0.0
        self.filled += BAND + LINE * (used - 1)
        head = self.row + 1
        self.heights.update(dict.fromkeys(range(head, self.row + used), LINE))
        self.heights[self.row] = BAND
        title = chart.title.replace("{year}", self.year) + (f"（{chart.unit}）" if chart.unit else "")
        self.sheet.put(Place(CHARTS, self.row, 1, self.row, 1 + COLUMNS), title, styles.LABELS["band"])
        self.table(head, rows, names)
        picture = _picture(self.sheet, chart, title, names, head, rows)
        row, column = (head, 3) if beside else (head + len(rows) + 1, 1)
        place, size = Place(CHARTS, row, column, row, column), (BESIDE if beside else ACROSS, pixels)
        self.sheet.chart(place, picture, _description(title, rows, names), size)
        self.row += used

    def table(self, head: int, rows: Sequence[Row], names: Sequence[str]) -> None:
        for column, name in enumerate(("", *names), 1):
            self.sheet.put(Place(CHARTS, head, column, head, column), name, shrunk(HEAD))
        for number, (label, cells) in enumerate(rows, head + 1):
            _put(self.sheet, number, 1, label, shrunk(CELL))
            style: Style = {**COUNT, "num_format": "General" if _broken(cells) else "#,##0"}
            for column, cell in enumerate(cells, 2):
                _put(self.sheet, number, column, cell, style)

    def close(self) -> None:
        self.sheet.grid((LABEL_WIDTH, *([WIDTH] * COLUMNS)), self.heights)
        self.sheet.page(landscape=False, one_page=False, columns=1 + COLUMNS, rows=self.row - 1)
        self.sheet.break_rows(self.breaks)


def _broken(cells: Sequence[Cell | None]) -> bool:
    """Whether any of these figures is no whole number."""
    return any(isinstance(cell.value, Decimal) and cell.value % 1 != 0 for cell in cells if cell)


def _is_negative(cell: Cell | None) -> bool:
    return cell is not None and not isinstance(cell.value, str) and cell.value < 0


def _put(sheet: SheetWriter, row: int, column: int, cell: Cell | str | None, style: Style) -> None:
    place = Place(CHARTS, row, column, row, column)
    if isinstance(cell, Cell):
        sheet.formula(place, cell.formula, cell.value, style)
    elif cell is not None:  # a cell with a format alone would be taken for a zero
        sheet.put(place, cell, style)


def _description(title: str, rows: Sequence[Row], names: Sequence[str]) -> str:
    """The picture in words."""
    said = []
    for label, cells in rows:
        name = label.value if isinstance(label, Cell) else label
        figures = [f"{one} {number_text(cell.value)}" for one, cell in zip(names, cells, strict=True) if cell]
        said.append(f"{name}：{'，'.join(figures)}")
    words = f"{title}。{'；'.join(said)}。"
    return words if len(words) <= MOST_DESCRIBED else words[:MOST_DESCRIBED] + "……"


def _picture(
    sheet: SheetWriter, chart: Chart, title: str, names: Sequence[str], head: int, rows: Sequence[Row]
) -> Picture:
    """The chart over the figures below `head`: a column of cells per colour."""
    lying, stacked = chart.type in ("units", "shares"), chart.type == "shares"
    made = sheet.book.chart("bar" if lying else "column", "percent_stacked" if stacked else None)
    first, last, name = head + 1, head + len(rows), quoted(CHARTS)
    colours = YEAR_COLOURS[-len(names) :] if chart.type == "years" else COLOURS
    for number in range(len(names)):
        letters, colour = column_letters(number + 2), colours[number]
        ink = "#FFFFFF" if stacked and colour in DARK else "#404040"
        series = {
            "name": f"={name}!${letters}${head}",
            "categories": f"={name}!$A${first}:$A${last}",
            "values": f"={name}!${letters}${first}:${letters}${last}",
            "fill": {"color": colour},
            "border": {"color": "#FFFFFF", "width": 0.75},
            "gap": 60,
            # without the zeros, which would only cover each other
            "data_labels": {"value": True, "num_format": "#,##0;-#,##0;;", "font": {"size": 8, "color": ink}},
        }
        made.add_series(series)
    made.set_title({"name": title, "name_font": {"name": styles.HEAD_FONT, "size": 12, "bold": False}})
    made.set_legend({"position": "bottom"} if len(names) > 1 else {"none": True})
    lines = {"major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}, "line": {"none": True}}
    values = {**lines, "num_format": "0%" if stacked else "#,##0"}
    if not stacked and not any(_is_negative(cell) for _, cells in rows for cell in cells):
        values["min"] = 0  # bars that do not begin at zero would lie
    if lying:  # the first bar on top, with the scale still below
        made.set_x_axis(values)
        made.set_y_axis({"reverse": True, "crossing": "max"})
    else:
        made.set_y_axis(values)
    return made


class _Source:
    """Where the figures of charts come from."""

    def __init__(self, rollup: Rollup, sums: Sums) -> None:
        self.rollup, self.sums, self.form = rollup, sums, rollup.form
        self.slots = lay_out(rollup.form).slots

    def rows(self, chart: Chart) -> tuple[list[Row], list[str]]:
        """A row per bar, and the names of the colours."""
        names = [part.label for part in chart.parts]
        if chart.type == "years":
            return self._years(chart)
        if chart.bars:
            bars = range(len(chart.bars))
            return [
                (name, [self._official(part.items[at]) for part in chart.parts])
                for at, name in zip(bars, chart.bars, strict=True)
            ], names
        if chart.type == "units":
            return list(self._units(chart)), names
        groups = self.sums.groups if chart.type == "shares" else self.sums.groups[:-1]
        return [(group, [self._group(part, group) for part in chart.parts]) for group in groups], names

    def _years(self, chart: Chart) -> tuple[list[Row], list[str]]:
        """This year and, where it is known, last year before it."""
        rollup = self.rollup
        lasts = [self._last(part.items[0]) for part in chart.parts]
        nows = [self._official(part.items[0]) for part in chart.parts]
        labels = [part.label for part in chart.parts]
        if not any(lasts):
            return [(name, [now]) for name, now in zip(labels, nows, strict=True)], [f"{rollup.year}年"]
        rows: list[Row] = [
            (name, [last, now]) for name, last, now in zip(labels, lasts, nows, strict=True)
        ]  # fmt: skip
        return rows, [f"{rollup.year - 1}年", f"{rollup.year}年"]

    def _official(self, items: Sequence[str]) -> Cell:
        values = self.sums.values[ALL]
        return Cell(_added([self.slots[name].place for name in items]), sum(values[name] for name in items))

    def _last(self, items: Sequence[str]) -> Cell | None:
        values = [as_number(self.rollup.last.get(name)) for name in items]
        if any(value is None for value in values) or not all(name in year_rows(self.form) for name in items):
            return None
        places = [last_place(self.form, name) for name in items]
        return Cell(_added(places), sum(value for value in values if value is not None))

    def _group(self, part: ChartPart, group: str) -> Cell:
        places = [self.sums.place(name, group) for name in part.items[0]]
        return Cell(_added(places), sum(self.sums.values[group][name] for name in part.items[0]))

    def _units(self, chart: Chart) -> Iterator[Row]:
        """The units with most of all parts together; of equals the first in the roll-up's order."""
        form, leaves, names = self.form, self.rollup.leaves, self.rollup.names
        details = detail_sheets(form)

        def figure(part: ChartPart, shown: dict[str, Number]) -> Number:
            return sum(shown[name] for name in part.items[0])

        wanted = {name for part in chart.parts for name in part.items[0]}
        ranked: list[tuple[Number, int, list[Number]]] = []
        derived = {item.id: at for at, item in enumerate(form.derived)}
        for number, leaf in enumerate(leaves):
            totals = self.rollup.shown_totals(number)
            shown = {
                name: totals[derived[name]] if name in derived else leaf.inputs.get(name) for name in wanted
            }
            numbers = {name: as_number(value) or 0 for name, value in shown.items()}
            values = [figure(part, numbers) for part in chart.parts]
            ranked.append((sum(values), number, values))
        ranked.sort(key=lambda one: (-one[0], one[1]))
        kept = [one for one in ranked[:MOST_UNITS] if one[0] > 0] or ranked[:1]
        for _, number, values in kept:
            first = details[form.items[chart.parts[0].items[0][0]].table]
            name = Cell(first.text_place(number, 2).absolute, names[number])
            cells: list[Cell | None] = []
            for part, value in zip(chart.parts, values, strict=True):
                tables = [details[form.items[one].table] for one in part.items[0]]
                places = [
                    table.place(number, table.at[one])
                    for table, one in zip(tables, part.items[0], strict=True)
                ]
                cells.append(Cell(_added(places), value))
            yield name, cells


def _added(places: Sequence[Place]) -> str:
    """One cell as it is, or the sum of several."""
    return places[0].absolute if len(places) == 1 else call("SUM", areas(places))

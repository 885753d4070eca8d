"""Ground: one sheet as it is searched by words: what stands where, what is a label, how far a block reaches."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from xltools.filing import Cell, SheetFacts
from xltools.geometry import address, position
from xltools.reading.labels import fold
from xltools.words import BLANK, FULL_WIDTH, clean

At = tuple[int, int]  # row, column

_FIGURE = re.compile(r"[-+\u2212增减]*[0-9][0-9.,，]*(?:[eE][-+]?[0-9]+)?[%\u4e00-\u9fff]{0,2}")
_NUMBERED = re.compile(r"[0-9]+[.][\u4e00-\u9fff]")  # 1.其他
_EMPTY_MARK = re.compile(r"[-—–/\\*.]+|无|空")  # what is typed where there is nothing to say
LONGEST_LABEL = 120  # characters
NEAR_BLOCKS = 100  # merged ones looked at in a row
NEAR_ROWS = 40  # how far above a cell its column's words may stand


def is_figure(cell: Cell) -> bool:
    """Whether a cell is something filled in, rightly or wrongly, and not words.

    >>> [is_figure(Cell("text", text)) for text in ("３件", "180万元", "--253", "1.其他", "约3", "无")]
    [True, True, True, False, False, True]
    """
    if cell.kind != "text":
        return True
    text = BLANK.sub("", cell.text).translate(FULL_WIDTH)
    if _EMPTY_MARK.fullmatch(text):
        return True
    return is_number(cell)


def is_number(cell: Cell) -> bool:
    """The same without the marks for nothing, which are words where words are asked for: 无."""
    if cell.kind != "text":
        return True
    text = BLANK.sub("", cell.text).translate(FULL_WIDTH)
    return bool(_FIGURE.fullmatch(text)) and not _NUMBERED.match(text)


@dataclass(frozen=True, slots=True)
class Word:
    """A cell with words.  A merged block is known by its upper left cell."""

    row: int
    column: int
    last_row: int
    last_column: int
    text: str
    key: str


class Ground:
    """A sheet, its cells by row and column."""

    def __init__(self, sheet: SheetFacts) -> None:
        self.name = sheet.name
        self.cells: dict[At, Cell] = {
            position(at): cell
            for at, cell in sheet.cells.items()
            if cell.text.strip() or cell.formula is not None
        }
        self.rows: dict[int, list[int]] = {}  # row -> columns that hold something
        for row, column in sorted(self.cells):
            self.rows.setdefault(row, []).append(column)
        self.ends, self.merges_hold = self._merges(sheet)
        self.words: dict[At, Word] = {}
        for (row, column), cell in self.cells.items():
            if not is_figure(cell) and len(cell.text) <= LONGEST_LABEL and (key := fold(cell.text)):
                last_row, last_column = self.end(row, column)
                self.words[row, column] = Word(row, column, last_row, last_column, cell.text, key)

    def _merges(self, sheet: SheetFacts) -> tuple[dict[At, At], bool]:
        """Where merged blocks end, and whether they can be relied on.

        A program that moves cells and not their merges leaves blocks behind that cover what they should not.
        """
        ends: dict[At, At] = {}
        hold, patience = True, 1_000 + 20 * len(self.cells)  # blocks that do not overlap meet each cell once
        for area in sorted(sheet.merges):
            first, _, last = area.partition(":")
            (row, column), (last_row, last_column) = position(first), position(last or first)
            inside = [at for at in self.filled(row, last_row, column, last_column) if at != (row, column)]
            patience -= 1 + len(inside) + min(last_row - row, len(self.rows))
            if patience < 0:
                return {}, False
            if inside:
                hold = False
            else:
                ends[row, column] = last_row, last_column
        return ends, hold

    def _rows_between(self, first: int, last: int) -> Iterator[int]:
        if last - first < len(self.rows):
            return (row for row in range(first, last + 1) if row in self.rows)
        return (row for row in self.rows if first <= row <= last)

    def end(self, row: int, column: int) -> At:
        return self.ends.get((row, column), (row, column))

    @cached_property
    def last_row(self) -> int:
        return max(self.rows, default=0)

    def words_in(self, rows: range) -> list[Word]:
        return [
            self.words[row, column]
            for row in self._rows_between(rows.start, rows.stop - 1)
            for column in self.rows[row]
            if (row, column) in self.words
        ]

    def filled(self, row: int, last_row: int, column: int, last_column: int) -> list[At]:
        """The cells of a rectangle that hold something."""
        cells: list[At] = []
        for r in self._rows_between(row, last_row):
            columns = self.rows[r]
            run = columns[bisect_left(columns, column) : bisect_right(columns, last_column)]
            cells.extend((r, c) for c in run)
        return cells

    def next_in_row(self, word: Word) -> At | None:
        """The nearest cell to the right that holds something."""
        columns = self.rows[word.row]
        after = bisect_right(columns, word.last_column)
        return (word.row, columns[after]) if after < len(columns) else None

    @cached_property
    def _last_figures(self) -> dict[int, int]:
        return {row: column for row, column in sorted(self.cells) if is_figure(self.cells[row, column])}

    def figures_right_of(self, row: int, column: int) -> bool:
        return self._last_figures.get(row, 0) > column

    @cached_property
    def _first_numbers(self) -> dict[int, int]:
        return {
            row: column
            for row, column in sorted(self.cells, reverse=True)
            if is_number(self.cells[row, column])
        }

    def numbers_left_of(self, row: int, column: int) -> bool:
        return self._first_numbers.get(row, column) < column

    @cached_property
    def _wide_words(self) -> dict[int, list[Word]]:
        wide: dict[int, list[Word]] = {}
        for word in self.words.values():
            if word.last_column > word.column:
                wide.setdefault(word.row, []).append(word)
        return wide

    def near(self, place: At) -> str:
        """The nearest words before and above a cell: 其他情况·自然人."""
        row, column = place
        columns = self.rows[row]
        before = (self.words.get((row, c)) for c in reversed(columns[: bisect_left(columns, column)]))
        above = (self._above(r, column) for r in range(row - 1, max(0, row - NEAR_ROWS), -1))
        words = [next(filter(None, found), None) for found in (before, above)]
        return "·".join(clean(word.text).replace("\n", "") for word in words if word)

    def _above(self, row: int, column: int) -> Word | None:
        wide = self._wide_words.get(row, ())[:NEAR_BLOCKS]
        covering = (word for word in wide if word.column <= column <= word.last_column)
        return self.words.get((row, column)) or next(covering, None)

    def at(self, place: At) -> str:
        return address(*place)

"""Ground: one sheet as it is searched by words: what stands where, what is a label, how far a block reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from xltools.filing import Cell, SheetFacts
from xltools.geometry import address, position
from xltools.reading.labels import fold
from xltools.words import BLANK, FULL_WIDTH, clean

_FIGURE = re.compile(r"[-+\u2212增减]*[0-9][0-9.,，]*(?:[eE][-+]?[0-9]+)?[%\u4e00-\u9fff]{0,2}")
_NUMBERED = re.compile(r"[0-9]+[.][\u4e00-\u9fff]")  # 1.其他
_EMPTY_MARK = re.compile(r"[-—–/\\*.]+|无|空")  # what is typed where there is nothing to say
LONGEST_LABEL = 120  # characters
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
        self.cells: dict[tuple[int, int], Cell] = {
            position(at): cell
            for at, cell in sheet.cells.items()
            if cell.text.strip() or cell.formula is not None
        }
        self.rows: dict[int, list[int]] = {}  # row -> columns that hold something
        for row, column in sorted(self.cells):
            self.rows.setdefault(row, []).append(column)
        self.ends, self.merges_hold = self._merges(sheet)
        self.words: dict[tuple[int, int], Word] = {}
        for (row, column), cell in self.cells.items():
            if not is_figure(cell) and len(cell.text) <= LONGEST_LABEL and (key := fold(cell.text)):
                last_row, last_column = self.end(row, column)
                self.words[row, column] = Word(row, column, last_row, last_column, cell.text, key)

    def _merges(self, sheet: SheetFacts) -> tuple[dict[tuple[int, int], tuple[int, int]], bool]:
        """Where merged blocks end, and whether they can be relied on.

        A program that moves cells and not their merges leaves blocks behind that cover what they should not.
        """
        ends: dict[tuple[int, int], tuple[int, int]] = {}
        hold, patience = True, 1_000 + 20 * len(self.cells)  # blocks that do not overlap meet each cell once
        for area in sorted(sheet.merges):
            first, _, last = area.partition(":")
            (row, column), (last_row, last_column) = position(first), position(last or first)
            inside = [
                (r, c)
                for r in self._rows_between(row, last_row)
                for c in self.rows[r]
                if column <= c <= last_column and (r, c) != (row, column)
            ]
            patience -= 1 + len(inside)
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

    def end(self, row: int, column: int) -> tuple[int, int]:
        return self.ends.get((row, column), (row, column))

    @cached_property
    def last_row(self) -> int:
        return max(self.rows, default=0)

    def words_in(self, rows: range) -> list[Word]:
        return [self.words[row, column] for row in self._rows_between(rows.start, rows.stop - 1)
                for column in self.rows[row] if (row, column) in self.words]  # fmt: skip

    def filled(self, row: int, last_row: int, column: int, last_column: int) -> list[tuple[int, int]]:
        """The cells of a rectangle that hold something."""
        return [
            (r, c)
            for r in self._rows_between(row, last_row)
            for c in self.rows[r]
            if column <= c <= last_column
        ]

    def next_in_row(self, word: Word) -> tuple[int, int] | None:
        """The nearest cell to the right that holds something."""
        return next(((word.row, c) for c in self.rows[word.row] if c > word.last_column), None)

    def figures_right_of(self, row: int, column: int) -> bool:
        return any(c > column and is_figure(self.cells[row, c]) for c in self.rows[row])

    def near(self, place: tuple[int, int]) -> str:
        """The nearest words before and above a cell: 其他情况·自然人."""
        row, column = place
        before = [self.words[row, c].text for c in self.rows[row] if c < column and (row, c) in self.words][
            -1:
        ]
        above = (
            word.text
            for r in range(row - 1, max(0, row - NEAR_ROWS), -1)
            for c in self.rows.get(r, ())
            if c <= column and (word := self.words.get((r, c))) and word.last_column >= column
        )
        return "·".join(clean(text).replace("\n", "") for text in [*before, *islice(above, 1)])

    def at(self, place: tuple[int, int]) -> str:
        return address(*place)

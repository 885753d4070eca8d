"""Places on a sheet: A1 addresses, ranges, and how high a wrapped text stands.  No Excel library.

Rows and columns are 1-based here, as a clerk and the file format count them.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

ROW_HEIGHT = 24.0  # points
LINE_HEIGHT = 14.5  # of a wrapped line of the 10.5 point body font
LINE_MARGIN = 7.0
MOST_HEIGHT = 409.0  # Excel's limit for one row


@lru_cache(maxsize=4096)
def column_letters(column: int) -> str:
    """
    >>> column_letters(1), column_letters(28), column_letters(16384)
    ('A', 'AB', 'XFD')
    """
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(maxsize=65536)
def address(row: int, column: int) -> str:
    return f"{column_letters(column)}{row}"


@lru_cache(maxsize=65536)
def position(cell: str) -> tuple[int, int]:
    """(row, column) of an A1 address without $.

    >>> position("D7"), position("XFD1048576")
    ((7, 4), (1048576, 16384))
    """
    letters = cell.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(cell[len(letters) :]), column


def quoted(sheet: str) -> str:
    """A sheet name as formulas write it; always quoted, which every program accepts."""
    return "'" + sheet.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Place:
    """A cell, or a merged block known by its upper left cell."""

    sheet: str
    row: int
    column: int
    last_row: int
    last_column: int

    @property
    def address(self) -> str:
        return address(self.row, self.column)

    @property
    def range(self) -> str:
        """A1:C3 for a block, A1 for a single cell."""
        if not self.is_block:
            return self.address
        return f"{self.address}:{address(self.last_row, self.last_column)}"

    @property
    def is_block(self) -> bool:
        return (self.row, self.column) != (self.last_row, self.last_column)

    @property
    def absolute(self) -> str:
        """'三、依申请公开'!$D$7"""
        return f"{quoted(self.sheet)}!${column_letters(self.column)}${self.row}"


def areas(places: Iterable[Place], home: str | None = None) -> list[str]:
    """The fewest plain ranges over these cells, column runs first; `home` is the sheet that needs no name.

    Wide blocks are never joined sideways, because the empty cells beneath a merge would count as blanks.

    >>> areas([Place("表", r, 4, r, 4) for r in (7, 8, 9)] + [Place("表", 11, 4, 11, 4)], "表")
    ['D7:D9', 'D11']
    """
    thin = ((block, block.column if wide else block.last_column) for block, wide in blocks(places))
    return [_range(replace(block, last_column=last), home) for block, last in thin]


def blocks(places: Iterable[Place]) -> list[tuple[Place, bool]]:
    """The fewest rectangles over these cells, each with whether it is a run of merged (wide) cells."""
    runs: list[Place] = []
    for place in sorted(set(places), key=lambda p: (p.sheet, p.column, p.row)):
        above = runs[-1] if runs else None
        if above and (above.sheet, above.column, above.last_column, above.last_row + 1) == (
            place.sheet, place.column, place.last_column, place.row
        ):  # fmt: skip
            runs[-1] = replace(above, last_row=place.last_row)
        else:
            runs.append(place)
    joined: list[tuple[Place, bool]] = []
    for run in runs:
        wide = run.column != run.last_column
        for number, (block, block_wide) in enumerate(joined):
            if not wide and not block_wide and (block.sheet, block.row, block.last_row, block.last_column + 1) == (
                run.sheet, run.row, run.last_row, run.column
            ):  # fmt: skip
                joined[number] = (replace(block, last_column=run.column), False)
                break
        else:
            joined.append((run, wide))
    return joined


def _range(place: Place, home: str | None) -> str:
    return place.range if place.sheet == home else f"{quoted(place.sheet)}!{place.range}"


def text_width(text: str) -> int:
    """Width in characters of the body font: a Chinese character takes two."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


@lru_cache(maxsize=4096)
def _char_width(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def wrapped_lines(text: str, width: float) -> int:
    """Lines that a text takes in a column of `width` characters, with some slack for other fonts."""
    room = max(2.0, width - 2)
    if 2 * len(text) <= room and "\n" not in text:  # nearly always
        return 1
    return sum(max(1, math.ceil(text_width(line) / room)) for line in text.split("\n"))


def wrapped_height(text: str, width: float) -> float:
    """Points a row needs for a wrapped text; the ordinary row height for a single line."""
    lines = wrapped_lines(text, width)
    return ROW_HEIGHT if lines == 1 else lines * LINE_HEIGHT + LINE_MARGIN

"""Saving: a roll-up put in place only after it was read back and every figure in it is the one that was added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

from xltools.compute import totals
from xltools.detail import (
    FIRST_COLUMN,
    FIRST_ROW,
    HEAD_ROWS,
    LEAF_FIELDS,
    LEAF_HEAD,
    ROLLUP_SCHEMA,
    UNIT_HEADS,
    DetailSheet,
    detail_sheets,
    leaf_fields,
)
from xltools.errors import WriteError
from xltools.filing import Cell
from xltools.form import Value
from xltools.layout import META, lay_out
from xltools.reading import gate, ooxml
from xltools.reading.filings import MOST_ROLLUP_CELLS
from xltools.reading.sheet import position_of
from xltools.rollup import Rollup
from xltools.sameness import shown_names
from xltools.words import clean, number_text
from xltools.writing.files import write_whole

BESIDE = "另存，原表正打开着"
DIGITS = 15  # what a cell holds of a number
UNIT_COLUMN = UNIT_HEADS.index("单位") + 1


def save_rollup(path: Path, data: bytes, rollup: Rollup) -> Path:
    """Writes the workbook of a roll-up; gives where it stands: beside the old one where that is open elsewhere.

    Raises WriteError, leaving the old file as it was, when it cannot be written or does not read back as `rollup`.
    """
    return write_whole(path, data, verify=lambda stored: recount(path.name, stored, rollup), beside=BESIDE)


def recount(name: str, data: bytes, rollup: Rollup) -> None:
    """Raises WriteError unless the workbook is sound and holds the roll-up's units, figures and sums."""
    if wrong := mismatch(data, rollup):
        raise WriteError(f"{name} 写出来的{wrong}，没有替换原来的文件。")


def mismatch(data: bytes, rollup: Rollup) -> str:
    """What in a workbook is not as the roll-up's units, figures and sums are, in words; "" where it holds them all.

    Read by our own gate and reader, a cell at a time, since a roll-up may hold millions of them.
    """
    try:
        book = ooxml.open_book(gate.admit(data))
        wrong = next((words for one in _expected(rollup) for words in _differences(book, one)), None)
    except gate.Refused as refused:
        return f"读不回来（{refused.refusal.sentence}）"
    return f"和汇总的不一致（{wrong}）" if wrong is not None else ""


@dataclass(frozen=True)
class _Expected:
    """What should stand on one sheet: `at` gives the value of a place, None for blank, ... where it is no matter."""

    sheet: str
    filled: int  # places that hold something
    at: Callable[[int, int], object]


def _expected(rollup: Rollup) -> Iterator[_Expected]:
    """The sheets that a roll-up is read from, and the sums that people read."""
    yield _list_of_leaves(rollup)
    yield from (_units_and_figures(rollup, detail) for detail in detail_sheets(rollup.form).values())
    shown = {**rollup.inputs, **totals(rollup.form, rollup.inputs, blank=0)}
    sums: dict[str, dict[tuple[int, int], Value]] = {}
    for slot in lay_out(rollup.form).slots.values():
        value = shown[slot.item.id]
        if isinstance(value, int | Decimal):
            sums.setdefault(slot.sheet, {})[slot.place.row, slot.place.column] = _plain(value)
    for sheet, cells in sums.items():
        yield _Expected(sheet, len(cells), lambda row, column, cells=cells: cells.get((row, column), ...))  # type: ignore[misc]


def _list_of_leaves(rollup: Rollup) -> _Expected:
    rows: dict[int, list[Value]] = {
        1: [ROLLUP_SCHEMA],
        LEAF_HEAD: list(LEAF_FIELDS),
        LEAF_HEAD + 1 + len(rollup.leaves): [None] * len(LEAF_FIELDS),
    }
    for number, leaf in enumerate(rollup.leaves):
        said = leaf_fields(rollup.form, leaf)
        rows[LEAF_HEAD + 1 + number] = [_plain(said[field]) for field in LEAF_FIELDS]

    def at(row: int, column: int) -> object:
        cells = rows.get(row, ())
        return cells[column - 1] if column <= len(cells) else ...

    return _Expected(META, sum(value is not None for row in rows.values() for value in row), at)


def _units_and_figures(rollup: Rollup, detail: DetailSheet) -> _Expected:
    leaves, items = rollup.leaves, detail.items
    names = shown_names([leaf.unit for leaf in leaves])
    inputs = [item.id for item in items if item.is_input]
    filled = sum(_plain(leaf.inputs.get(name)) is not None for leaf in leaves for name in inputs)

    def at(row: int, column: int) -> object:
        number, item = row - FIRST_ROW, column - FIRST_COLUMN
        if row == HEAD_ROWS[-1] and 0 <= item < len(items):
            return items[item].id
        if not 0 <= number < len(leaves):
            return ...
        if column == UNIT_COLUMN:
            return _plain(names[number])
        known = 0 <= item < len(items) and items[item].is_input
        return _plain(leaves[number].inputs.get(items[item].id)) if known else ...

    return _Expected(detail.name, filled + len(items) + len(leaves), at)


def _differences(book: ooxml.OpenBook, expected: _Expected) -> Iterator[str]:
    if expected.sheet not in book.sheet_states:
        yield f"没有〔{expected.sheet}〕"
        return
    wrong: list[str] = []
    seen = 0

    def take(address: str, cell: Cell) -> None:
        nonlocal seen
        value = expected.at(*position_of(address))
        if value is ...:
            return
        found = _number(cell.text) if cell.kind == "number" else _plain(cell.text)
        seen += found is not None
        if found != value and not wrong:
            now, then = ("空白" if one is None else number_text(one) for one in (found, value))
            wrong.append(f"〔{expected.sheet}〕{address} 是 {now}，应为 {then}")

    book.scan(expected.sheet, take, cell_limit=MOST_ROLLUP_CELLS)
    yield from wrong
    if not wrong and seen != expected.filled:
        yield f"〔{expected.sheet}〕有 {seen} 格，应为 {expected.filled} 格"


@lru_cache(maxsize=100_000)
def _number(text: str) -> Value:
    try:
        return _plain(Decimal(text))
    except InvalidOperation:
        return None


@lru_cache(maxsize=100_000)
def _plain(value: Value) -> Value:
    """A figure or a text as a cell can hold it."""
    if isinstance(value, str):
        return clean(value) or None
    if value is None:
        return None
    number = Decimal(value)
    places = DIGITS - 1 - number.adjusted() if number else 0
    return number if number == round(number, places) else round(number, places)

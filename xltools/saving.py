"""Saving: a roll-up put in place only after it was read back and every figure in it is the one that was added up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

from xltools.compute import Number, totals
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
from xltools.geometry import column_letters
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
ALIKE = 20_000  # numbers remembered: most stand in many cells
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
    """What should stand on one sheet."""

    sheet: str
    rows: Collection[int]  # that hold something
    at: Callable[[int], Mapping[str, Value]]  # of a row: column → value, None for blank; others are no matter


def _expected(rollup: Rollup) -> Iterator[_Expected]:
    """The sheets that a roll-up is read from, and the sums that people read."""
    yield _list_of_leaves(rollup)
    yield from (_units_and_figures(rollup, detail) for detail in detail_sheets(rollup.form).values())
    shown = {**rollup.inputs, **totals(rollup.form, rollup.inputs, blank=0)}
    sums: dict[str, dict[int, dict[str, Value]]] = {}
    for slot in lay_out(rollup.form).slots.values():
        value = shown[slot.item.id]
        if isinstance(value, int | Decimal):
            row = sums.setdefault(slot.sheet, {}).setdefault(slot.place.row, {})
            row[column_letters(slot.place.column)] = _plain(value)
    for sheet, rows in sums.items():
        yield _Expected(sheet, rows, lambda row, rows=rows: rows.get(row, {}))  # type: ignore[misc]


def _list_of_leaves(rollup: Rollup) -> _Expected:
    leaves, first = rollup.leaves, LEAF_HEAD + 1
    columns = {field: column_letters(number) for number, field in enumerate(LEAF_FIELDS, 1)}

    def at(row: int) -> Mapping[str, Value]:
        if row == 1:
            return {"A": ROLLUP_SCHEMA}
        if row == LEAF_HEAD:
            return {column: field for field, column in columns.items()}
        if first <= row < first + len(leaves):
            leaf = leaves[row - first]
            said = leaf_fields(leaf, leaf.sealed(rollup.form))
            return {column: _plain(said[field]) for field, column in columns.items()}
        return (
            dict.fromkeys(columns.values()) if row == first + len(leaves) else {}
        )  # no unit more than there are

    return _Expected(META, {1, *range(LEAF_HEAD, first + len(leaves))}, at)


def _units_and_figures(rollup: Rollup, detail: DetailSheet) -> _Expected:
    leaves = rollup.leaves
    names = shown_names([leaf.unit for leaf in leaves])
    unit = column_letters(UNIT_COLUMN)
    columns = {item: column_letters(number) for number, item in enumerate(detail.items, FIRST_COLUMN)}
    inputs = [(item.id, column) for item, column in columns.items() if item.is_input]

    def at(row: int) -> Mapping[str, Value]:
        if row == HEAD_ROWS[-1]:
            return {column: item.id for item, column in columns.items()}
        number = row - FIRST_ROW
        if not 0 <= number < len(leaves):
            return {}
        figures = leaves[number].inputs
        return {unit: _plain(names[number]), **{column: _plain(figures.get(name)) for name, column in inputs}}

    return _Expected(detail.name, {HEAD_ROWS[-1], *range(FIRST_ROW, FIRST_ROW + len(leaves))}, at)


def _differences(book: ooxml.OpenBook, expected: _Expected) -> Iterator[str]:
    if expected.sheet not in book.sheet_states:
        yield f"没有〔{expected.sheet}〕"
        return
    wrong: list[str] = []
    seen = filled = 0
    unseen = set(expected.rows)
    digits, before = "", 0  # of the row that was spoken of last, and where they start in an address
    values: Mapping[str, Value] = {}

    def take(address: str, cell: Cell) -> None:
        nonlocal seen, filled, digits, before, values
        column = address[:before]
        if address[before:] != digits or not column.isalpha():
            row = position_of(address)[0]
            digits, values = str(row), expected.at(row)
            before = -len(digits)
            column = address[:before]
            unseen.discard(row)
            filled += _filled(values)
        value = values.get(column, ...)
        if value is ...:
            return
        found = _number(cell.text) if cell.kind == "number" else _plain(cell.text)
        seen += found is not None
        if found != value and not wrong:
            now, then = ("空白" if one is None else number_text(one) for one in (found, value))
            wrong.append(f"〔{expected.sheet}〕{address} 是 {now}，应为 {then}")

    book.scan(expected.sheet, take, cell_limit=MOST_ROLLUP_CELLS)
    yield from wrong
    filled += sum(_filled(expected.at(row)) for row in unseen)
    if not wrong and seen != filled:
        yield f"〔{expected.sheet}〕有 {seen} 格，应为 {filled} 格"


def _filled(values: Mapping[str, Value]) -> int:
    return sum(value is not None for value in values.values())


def _plain(value: Value) -> Value:
    """A figure or a text as a cell can hold it."""
    if isinstance(value, str):
        return clean(value) or None
    return None if value is None else _rounded(value)


@lru_cache(maxsize=ALIKE)
def _number(text: str) -> Value:
    try:
        return _rounded(Decimal(text))
    except InvalidOperation:
        return None


@lru_cache(maxsize=ALIKE)
def _rounded(value: Number) -> Decimal:
    number = Decimal(value)
    places = DIGITS - 1 - number.adjusted() if number else 0
    return number if number == round(number, places) else round(number, places)

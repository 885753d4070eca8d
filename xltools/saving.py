"""Saving: a roll-up put in place only after it was read back and every figure in it is the one that was added up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from xltools.compute import Number, Row, in_order, input_names, picker, totals
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
from xltools.filing import Cell, CellKind
from xltools.form import Value
from xltools.geometry import column_letters
from xltools.layout import META, lay_out
from xltools.reading import gate, ooxml
from xltools.reading.filings import MOST_ROLLUP_CELLS
from xltools.reading.rows import Foretell, Foretold, Shape, is_told
from xltools.reading.sheet import position_of
from xltools.rollup import Rollup
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


class _Expected(NamedTuple):
    """What should stand on one sheet."""

    sheet: str
    rows: Collection[int]  # that hold something
    at: Callable[[int], Row[Value]]  # of a row: column → value, None for blank; others are no matter
    foretell: Foretell | None = (
        None  # of a row: all that should have been written there, besides its formulas
    )


_NOTHING: Row[Value] = Row((), ())


def _expected(rollup: Rollup) -> Iterator[_Expected]:
    """The sheets that a roll-up is read from, and the sums that people read."""
    yield _list_of_leaves(rollup)
    who = [
        (number, name, leaf.unit.code or None, leaf.unit.kind or None, leaf.file or None)
        for number, (name, leaf) in enumerate(zip(rollup.names, rollup.leaves, strict=True), 1)
    ]
    yield from (_units_and_figures(rollup, detail, who) for detail in detail_sheets(rollup.form).values())
    shown = {**rollup.inputs, **totals(rollup.form, rollup.inputs, blank=0)}
    sums: dict[str, dict[int, dict[str, Value]]] = {}
    for slot in lay_out(rollup.form).slots.values():
        value = shown[slot.item.id]
        if isinstance(value, int | Decimal):
            row = sums.setdefault(slot.sheet, {}).setdefault(slot.place.row, {})
            row[column_letters(slot.place.column)] = value
    for sheet, by_row in sums.items():
        rows = {number: Row(tuple(row), tuple(row.values())) for number, row in by_row.items()}
        yield _Expected(sheet, rows, lambda number, rows=rows: rows.get(number, _NOTHING))  # type: ignore[misc]


def _list_of_leaves(rollup: Rollup) -> _Expected:
    leaves, first = rollup.leaves, LEAF_HEAD + 1
    columns = _letters(1, len(LEAF_FIELDS))

    def fields(leaf: int) -> tuple[str, ...]:
        said = leaf_fields(leaves[leaf], rollup.seals[leaf])
        return tuple([said[field] for field in LEAF_FIELDS])

    def foretell(number: int) -> Foretold | None:
        leaf = number - first
        if not 0 <= leaf < len(leaves):
            return None
        return Foretold(None, tuple([words or None for words in fields(leaf)]))

    def at(number: int) -> Row[Value]:
        if number == 1:
            return Row(("A",), (ROLLUP_SCHEMA,))
        if number == LEAF_HEAD:
            return Row(columns, LEAF_FIELDS)
        if first <= number < first + len(leaves):
            return Row(columns, fields(number - first))
        # no unit more than there are
        return Row(columns, (None,) * len(columns)) if number == first + len(leaves) else _NOTHING

    return _Expected(META, {1, *range(LEAF_HEAD, first + len(leaves))}, at, foretell)


def _units_and_figures(rollup: Rollup, detail: DetailSheet, who: Sequence[tuple[Value, ...]]) -> _Expected:
    """`who` is what stands in front of the figures of each leaf."""
    leaves, names, all_inputs = rollup.leaves, rollup.names, input_names(rollup.form)
    columns = _letters(FIRST_COLUMN, len(detail.items))
    ids = tuple(item.id for item in detail.items)
    inputs = [item.id for item in detail.items if item.is_input]
    pick = picker([all_inputs.index(name) for name in inputs])
    own = (column_letters(UNIT_COLUMN), *(columns[detail.at[name]] for name in inputs))
    places = {item.id: place for place, item in enumerate((*rollup.form.inputs, *rollup.form.derived))}
    pick_all, has_totals = picker([places[name] for name in ids]), len(inputs) < len(ids)
    zeros = frozenset(inputs)

    def foretell(number: int) -> Foretold | None:
        at = number - FIRST_ROW
        if not 0 <= at < len(leaves):
            return None
        leaf = leaves[at]
        figures: tuple[Value, ...] = in_order(leaf.inputs, all_inputs)
        if has_totals:
            figures += rollup.shown_totals(at)
        # a declared zero looks otherwise
        return Foretold(leaf.declared_zeros & zeros, who[at] + pick_all(figures))

    def at(number: int) -> Row[Value]:
        if number == HEAD_ROWS[-1]:
            return Row(columns, ids)
        leaf = number - FIRST_ROW
        if not 0 <= leaf < len(leaves):
            return _NOTHING
        return Row(own, (names[leaf], *pick(in_order(leaves[leaf].inputs, all_inputs))))

    rows = {HEAD_ROWS[-1], *range(FIRST_ROW, FIRST_ROW + len(leaves))}
    return _Expected(detail.name, rows, at, foretell)


def _letters(first: int, count: int) -> tuple[str, ...]:
    """Of so many columns."""
    return tuple(column_letters(first + number) for number in range(count))


def _differences(book: ooxml.OpenBook, expected: _Expected) -> Iterator[str]:
    if expected.sheet not in book.sheet_states:
        yield f"没有〔{expected.sheet}〕"
        return
    comparison = _Comparison(expected)
    book.scan(
        expected.sheet,
        comparison.take_cell,
        cell_limit=MOST_ROLLUP_CELLS,
        take_row=comparison.take_row,
        foretell=expected.foretell,
    )
    yield from comparison.differences()


class _Comparison:
    """A sheet as it is read, beside what should stand there: rows of one shape whole, the others cell by cell."""

    def __init__(self, expected: _Expected) -> None:
        self.expected = expected
        self.unseen = set(expected.rows)
        self.wrong: list[str] = []  # the first difference
        self.seen = self.filled = (
            0  # of the rows that came cell by cell: cells that hold something, and that should
        )
        self.digits, self.before = (
            "",
            0,
        )  # of the row that was spoken of last, and where they start in an address
        self.values = _NOTHING
        self.fitting: dict[Shape, _Fitting] = {}

    def begin(self, number: int) -> None:
        if number not in self.unseen and number in self.expected.rows:
            self._say(f"第{number}行有两次")
        self.unseen.discard(number)

    def take_cell(self, address: str, cell: Cell) -> None:
        column = address[: self.before]
        if address[self.before :] != self.digits or not column.isalpha():
            number = position_of(address)[0]
            self.begin(number)
            self.digits, self.values = str(number), self.expected.at(number)
            self.before = -len(self.digits)
            column = address[: self.before]
            self.filled += _filled(self.values)
        value = self.values.get(column, ...)
        if value is not ...:
            self.seen += self.compare(address, cell.kind, cell.text, value)

    def compare(self, address: str, kind: CellKind, text: str, value: Value) -> bool:
        """Says it where a cell does not hold a value; gives whether it holds anything."""
        found = _number(text) if kind == "number" else _plain(text)
        should = _plain(value)
        if found != should:
            now, then = ("空白" if one is None else number_text(one) for one in (found, should))
            self._say(f"{address} 是 {now}，应为 {then}")
        return found is not None

    def take_row(self, number: int, shape: Shape, texts: list[str] | None) -> None:
        self.begin(number)
        if texts is None:
            return
        values = self.expected.at(number)
        fitting = self.fitting.get(shape)
        if fitting is None or fitting.columns is not values.names:
            fitting = self.fitting[shape] = _Fitting(shape, values.names)
        texts.append("")  # of columns without a cell
        given = values.given
        if fitting.holds(texts, given):
            return
        for column, kind, at, value in zip(
            fitting.columns, fitting.kinds, fitting.places, given, strict=True
        ):
            self.compare(f"{column}{number}", kind, texts[at], value)

    def _say(self, words: str) -> None:
        if not self.wrong:
            self.wrong.append(f"〔{self.expected.sheet}〕{words}")

    def differences(self) -> Iterator[str]:
        """Once the sheet is read."""
        yield from self.wrong
        filled = self.filled + sum(_filled(self.expected.at(number)) for number in self.unseen)
        if not self.wrong and self.seen != filled:
            yield f"〔{self.expected.sheet}〕有 {self.seen} 格，应为 {filled} 格"


class _Fitting:
    """Where values stand that are expected in some columns, in rows of one shape."""

    def __init__(self, shape: Shape, columns: tuple[str, ...]) -> None:
        blank: tuple[CellKind, int] = "blank", -1
        cells = [shape.cells.get(column, blank) for column in columns]
        self.columns = columns
        self.kinds, self.places = [kind for kind, _ in cells], [at for _, at in cells]
        self.pick = picker(self.places)
        self.types: set[tuple[type, ...]] = set()  # of values that may be told by their texts

    def holds(self, texts: Sequence[str], values: tuple[Value, ...]) -> bool:
        """Whether the texts are those of these very values: only where they are not, numbers have to be compared."""
        types = tuple(map(type, values))
        if types not in self.types:
            if not all(map(is_told, self.kinds, types)):
                return False
            self.types.add(types)
        told = map(str, values) if None not in values else ("" if one is None else str(one) for one in values)
        return self.pick(texts) == tuple(told)


def _filled(values: Row[Value]) -> int:
    return sum(_plain(value) is not None for value in values.given)


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

"""Rows: of a long sheet, rows of one shape are parsed once, not once each.

A row without its values, its number and its styles is its shape, as a part without its values is its skeleton
(skeletons.py).  What stands where in rows of a shape, the plain reader says: it reads the shape with marks in place
of values, in a row whose number no sheet of ours reaches.  Rows of a known shape are handed on whole; all others,
and whatever is not a list of rows, are left to the plain reader, in their order.

Who knows what a row should hold may foretell it.  A row of a known shape with its values cut out is a stencil; with
the values foretold in its holes, it gives the very bytes of such a row.  A row that has these bytes is not parsed at
all, and one that differs anywhere is read as ever: what is foretold is compared with, and never taken for what stands
there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from types import NoneType
from typing import NamedTuple

from xltools.compute import Picker, picker
from xltools.filing import CellKind
from xltools.form import Value
from xltools.geometry import column_letters
from xltools.reading.cutting import HOLE, MARK, number_of_mark, text_of
from xltools.reading.formats import Styles
from xltools.reading.known import Unusual
from xltools.reading.parts import MAIN
from xltools.reading.refusals import Refused
from xltools.reading.shared import LAST_ROW
from xltools.reading.sheet import MOST_CELLS, Common, SheetReader

LONGEST_ROW = 1 << 20  # bytes
MOST_SHAPES, MOST_MET = 200, 1_000  # of a sheet: known in full, met once
MOST_STENCILS, MOST_TRIES = 64, 3  # of a sheet; of a look, to make one

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"'
_ROWS, _ROW, _ROW_END = b"<sheetData>", b'<row r="', b"</row>"
_VALUE = re.compile(rb"<([vft])>([^<>&\x00-\x08\x0b-\x1f]*)</")  # of a cell, a formula, an inline string
_ROW_NUMBER = re.compile(rb"[1-9][0-9]{0,6}")
_STYLE = re.compile(rb' s="([0-9]{1,4})"')
_NUMBER = b"\1"  # in place of the row's number; like a hole it stands in no XML
_MARKED_ROW = b"1048570"
_KEPT_AND_NUMBER = rb"\1" + _NUMBER
_PLAIN = re.compile(r"[^<>&\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]*")  # as a value in a known shape is


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """What rows of one shape hold: column letters → of what kind its cell is, and which of the row's texts is in it.

    A cell whose text is "" is blank, or an empty text.  Cells that are blank in every row may be left out.
    """

    cells: Mapping[str, tuple[CellKind, int]]


class Foretold(NamedTuple):
    """What a row should hold: numbers in cells of numbers, texts in cells of texts, None in blank ones.

    `values` are those of its first cells, from column A on; what stands behind them is no matter.  Rows with the same
    `look` are taken to be written alike, which only saves time where it is so.
    """

    look: Hashable
    values: tuple[Value, ...]


# Number of the row, and its texts; None where it holds what was foretold, and the same beyond as others of its shape.
TakeRow = Callable[[int, Shape, list[str] | None], None]
Foretell = Callable[[int], Foretold | None]  # of the row with this number


def left_over(
    pieces: Iterable[bytes], reader: SheetReader, take_row: TakeRow, foretell: Foretell | None = None
) -> Iterator[bytes]:
    """A sheet as `reader` has still to read it, piece by piece: without the rows that `take_row` was given.

    No more rows are given once more than `reader.cell_limit` of their cells hold something.
    """
    shapes, more = _Shapes(reader.common.styles, foretell), iter(pieces)
    rest, filled, last = b"", 0, b""
    for piece in more:
        rest += piece
        if _ROWS in rest or len(rest) > LONGEST_ROW:
            break
    head, start, rest = rest.partition(_ROWS)
    yield head + start
    # Where it has taken this for the list of rows, the rows below are what they look like.
    is_plain = not (reader.has_rows and head.startswith(_DECLARATION))
    for piece in () if is_plain else chain((b"",), more):
        *rows, rest = (rest + piece).split(_ROW_END)
        for at, row in enumerate(rows):
            found = shapes.found(row)
            if found is not None:
                number, shape, texts, holding = found
                filled += holding
                if filled <= reader.cell_limit:
                    take_row(number, shape, texts)
                last = b'<row r="%d"/>' % number
                continue
            if not row.startswith(_ROW) or b"<!" in row or b"<?" in row:
                # What follows may be no rows, or some that count on from the last.
                rest, is_plain = last + _ROW_END.join((*rows[at:], rest)), True
                break
            yield row + _ROW_END
            last = b""
        if is_plain or len(rest) > LONGEST_ROW:
            break
    yield rest
    yield from more


class _Shapes:
    """The shapes of a sheet's rows.  One that was met before is learned."""

    def __init__(self, styles: Styles, foretell: Foretell | None = None) -> None:
        self.styles, self.foretell = styles, foretell
        # Of a look and the types of the values; or how often one was wanted.
        self.stencils: dict[tuple[Hashable, tuple[type, ...]], _Stencil | int] = {}
        self.numbers = {b"%d" % number for number in range(len(styles.cells))}
        self.known: dict[bytes, Shape | None] = {}
        self.met: set[int] = set()  # hashes
        self.last: tuple[bytes, Shape | None] = b"", None  # of a row with its styles

    def found(self, row: bytes) -> tuple[int, Shape, list[str] | None, int] | None:
        """Of a row (without its end tag) its number, its shape, its texts and how many of its cells hold something.

        No texts where they are as foretold; None where the row is to be read plainly.
        """
        digits = row[len(_ROW) : row.find(b'"', len(_ROW))]
        if not row.startswith(_ROW) or not _ROW_NUMBER.fullmatch(digits) or int(digits) > LAST_ROW:
            return None
        number = int(digits)
        foretold = self.foretell(number) if self.foretell is not None else None
        if foretold is None:
            return self._parsed(row, digits)
        key = foretold.look, tuple(map(type, foretold.values))
        known = self.stencils.get(key, 0)
        if isinstance(known, _Stencil):
            same = known.of(digits, foretold.values) == row
            return (number, known.shape, None, known.filled) if same else self._parsed(row, digits)
        found = self._parsed(row, digits)
        if found is not None and known <= MOST_TRIES:
            if len(self.stencils) >= MOST_STENCILS:
                self.stencils.clear()
            # none for what is met for the first time: looks may be as many as rows
            made = _stencil(row, *found, foretold.values) if known else None
            self.stencils[key] = known + 1 if made is None else made
        return found

    def _parsed(self, row: bytes, digits: bytes) -> tuple[int, Shape, list[str], int] | None:
        """The same without what was foretold."""
        if HOLE in row or _NUMBER in row:
            return None
        if b'"/>' in row:  # blank cells are as those with an empty value
            row = row.replace(b'"/><c ', b'"><v></v></c><c ')
            if row.endswith(b'"/>'):
                row = row[:-2] + b"><v></v></c>"
        pieces = _VALUE.split(row)
        rest = HOLE.join(pieces[::3] + pieces[1::3])[len(_ROW) + len(digits) :]
        rest = rest.replace(digits + b'" s="', _NUMBER + b'" s="')
        shape = self.last[1] if rest == self.last[0] else self._spelt(rest, digits)
        if shape is None:
            return None
        try:
            said = text_of(HOLE.join(pieces[2::3]))
        except Unusual:
            return None
        if "_x" in said:
            return None
        texts = said.split("\0")
        return int(digits), shape, texts, len(shape.cells) - texts.count("")

    def _spelt(self, rest: bytes, digits: bytes) -> Shape | None:
        """The shape of a row by what follows its number, without values, and without the number before a style."""
        styles = _STYLE.split(rest)
        if not self.numbers.issuperset(styles[1::2]):
            return None
        plain = b' s="0"'.join(styles[::2])
        shape = self._shape(_ROW + _NUMBER + plain.replace(digits + b'"', _NUMBER + b'"'))
        if shape is not None and digits + b'"' not in plain:
            self.last = rest, shape  # of any other row as well that goes on like this
        return shape

    def _shape(self, key: bytes) -> Shape | None:
        if key not in self.known:
            met = hash(key)
            if met not in self.met:
                if len(self.met) >= MOST_MET:
                    self.met.clear()
                self.met.add(met)
                return None
            if len(self.known) >= MOST_SHAPES:
                self.known.clear()
            self.known[key] = self._learned(key)
        return self.known[key]

    def _learned(self, key: bytes) -> Shape | None:
        try:
            return _learn(key, self.styles)
        except (Unusual, Refused):
            return None


def _learn(key: bytes, styles: Styles) -> Shape:
    """Raises Unusual or Refused where a value would not simply be that of one cell, or a formula's own."""
    parts = key.replace(_NUMBER, _MARKED_ROW).split(HOLE)
    count = len(parts) // 2
    row = parts[0]
    for number, (tag, piece) in enumerate(zip(parts[count + 1 :], parts[1 : count + 1], strict=True)):
        row += b"<%b>%d</%b" % (tag, MARK + number, piece)
    reader = SheetReader(Common((), styles), MOST_CELLS)
    reader.parse(b'<worksheet xmlns="%b">%b%b%b</sheetData></worksheet>'
                 % (MAIN[0].encode(), _ROWS, row, _ROW_END), "")  # fmt: skip
    end = _MARKED_ROW.decode()
    cells: dict[str, tuple[CellKind, int]] = {}
    marks = []
    for address, cell in reader.cells.items():
        own = [_number(cell.text)] if cell.text else []
        marks += own + ([_number(cell.formula)] if cell.formula is not None else [])
        if not address.endswith(end) or cell.kind not in ("number", "text", "error", "blank"):
            raise Unusual
        if own:
            cells[address.removesuffix(end)] = cell.kind, own[0]
    if sorted(marks) != list(range(count)) or reader.row != int(end):
        raise Unusual
    return Shape(cells)


class _Stencil:
    """A row of a shape without its number and without the values that were foretold."""

    def __init__(
        self, shape: Shape, filled: int, text: bytes, slots: Sequence[int], values: Sequence[Value]
    ) -> None:
        self.shape, self.filled = shape, filled  # how many cells hold something
        self.pieces = text.split(_NUMBER)
        self.pick: Picker = picker(slots)  # out of what is foretold, in the order of the cells
        self.words: Picker = picker([at for at in slots if isinstance(values[at], str)])
        self.spelt = [at for at, slot in enumerate(slots) if not isinstance(values[slot], int)]

    def of(self, digits: bytes, values: tuple[Value, ...]) -> bytes:
        """The row with this number and these values, of the same types; b"" where one would need escaping."""
        words = "".join(self.words(values))
        if "_x" in words or not _PLAIN.fullmatch(words):
            return b""
        shown = [*self.pick(values)]
        for at in self.spelt:
            shown[at] = str(shown[at]).encode()
        return digits.join(self.pieces) % tuple(shown)


def _stencil(
    row: bytes, number: int, shape: Shape, texts: list[str], filled: int, values: tuple[Value, ...]
) -> _Stencil | None:
    """The stencil of a row, if these are the values it holds."""
    foretold: dict[int, int] = {}  # which of the texts → which of the values
    for place, value in enumerate(values):
        kind, at = shape.cells.get(column_letters(place + 1), ("blank", -1))
        text = texts[at] if at >= 0 else ""
        if text != ("" if value is None else str(value)) or not is_told(kind, type(value)) or value == "":
            return None
        if value is not None:
            foretold[at] = place
    in_cell = re.compile(rb'( r="[A-Z]*)%d(?=")' % number)  # the number where the row and its cells have it
    in_formula = re.compile(rb"([A-Z])%d(?![0-9])" % number)
    held = iter([at for at, text in enumerate(texts) if text])  # what is blank is spelt in two ways
    *pieces, rest = _VALUE.split(row.replace(b"%", b"%%"))
    stencil, slots = b"", list[int]()
    for before, tag, said in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if said and (at := next(held)) in foretold:
            slots.append(foretold[at])
            said = b"%d" if isinstance(values[foretold[at]], int) else b"%b"
        elif tag == b"f":
            said = in_formula.sub(_KEPT_AND_NUMBER, said)
        stencil += b"%b<%b>%b</" % (in_cell.sub(_KEPT_AND_NUMBER, before), tag, said)
    return _Stencil(shape, filled, stencil + rest, slots, values)


def is_told(kind: CellKind, of: type) -> bool:
    """Whether a value of this type is in a cell of this kind if their texts are the same."""
    return of is NoneType or (of in (int, Decimal) if kind == "number" else of is str)


def _number(text: str) -> int:
    """Of a mark.  Raises Unusual for all else: what is not a value by itself, a shared formula, an array."""
    number = number_of_mark(text)
    if number < 0:
        raise Unusual
    return number

"""Rows: of a long sheet, rows of one shape are parsed once, not once each.

A row without its values, its number and its styles is its shape, as a part without its values is its skeleton
(skeletons.py).  What stands where in rows of a shape, the plain reader says: it reads the shape with marks in place
of values, in a row whose number no sheet of ours reaches.  Rows of a known shape are handed on whole; all others,
and whatever is not a list of rows, are left to the plain reader, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from xltools.filing import CellKind
from xltools.reading.formats import Styles
from xltools.reading.known import Unusual
from xltools.reading.parts import MAIN
from xltools.reading.refusals import Refused
from xltools.reading.shared import LAST_ROW
from xltools.reading.sheet import MOST_CELLS, Common, SheetReader
from xltools.reading.skeletons import text_of

LONGEST_ROW = 1 << 20  # bytes
MOST_SHAPES, MOST_MET = 200, 1_000  # of a sheet: known in full, met once

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"'
_ROWS, _ROW, _ROW_END = b"<sheetData>", b'<row r="', b"</row>"
_VALUE = re.compile(rb"<([vft])>([^<>&\x00-\x08\x0b-\x1f]*)</")  # of a cell, a formula, an inline string
_ROW_NUMBER = re.compile(rb"[1-9][0-9]{0,6}")
_STYLE = re.compile(rb' s="([0-9]{1,4})"')
_HOLE, _NUMBER = b"\0", b"\1"  # in place of a value and of the row's number; they stand in no XML
_MARK = 987_654_321_000_000  # and on, in place of values
_MARKED_ROW = b"1048570"


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """What rows of one shape hold: column letters → of what kind its cell is, and which of the row's texts is in it.

    A cell whose text is "" is blank, or an empty text.  Cells that are blank in every row may be left out.
    """

    cells: Mapping[str, tuple[CellKind, int]]


TakeRow = Callable[[int, Shape, list[str]], None]  # number of the row, and its texts


def left_over(pieces: Iterable[bytes], reader: SheetReader, take_row: TakeRow) -> Iterator[bytes]:
    """A sheet as `reader` has still to read it, piece by piece: without the rows that `take_row` was given.

    No more rows are given once more than `reader.cell_limit` of their cells hold something.
    """
    shapes, more = _Shapes(reader.common.styles), iter(pieces)
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
                number, shape, texts = found
                filled += len(shape.cells) - texts.count("")
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

    def __init__(self, styles: Styles) -> None:
        self.styles = styles
        self.numbers = {b"%d" % number for number in range(len(styles.cells))}
        self.known: dict[bytes, Shape | None] = {}
        self.met: set[int] = set()  # hashes
        self.last: tuple[bytes, Shape | None] = b"", None  # of a row with its styles

    def found(self, row: bytes) -> tuple[int, Shape, list[str]] | None:
        """The number of a row (without its end tag), its shape and its texts; None where it is to be read plainly."""
        digits = row[len(_ROW) : row.find(b'"', len(_ROW))]
        if not row.startswith(_ROW) or not _ROW_NUMBER.fullmatch(digits) or int(digits) > LAST_ROW:
            return None
        if _HOLE in row or _NUMBER in row:
            return None
        if b'"/>' in row:  # blank cells are as those with an empty value
            row = row.replace(b'"/><c ', b'"><v></v></c><c ')
            if row.endswith(b'"/>'):
                row = row[:-2] + b"><v></v></c>"
        pieces = _VALUE.split(row)
        rest = _HOLE.join(pieces[::3] + pieces[1::3])[len(_ROW) + len(digits) :]
        rest = rest.replace(digits + b'" s="', _NUMBER + b'" s="')
        shape = self.last[1] if rest == self.last[0] else self._spelt(rest, digits)
        if shape is None:
            return None
        try:
            texts = text_of(_HOLE.join(pieces[2::3]))
        except Unusual:
            return None
        return None if "_x" in texts else (int(digits), shape, texts.split("\0"))

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
    parts = key.replace(_NUMBER, _MARKED_ROW).split(_HOLE)
    count = len(parts) // 2
    row = parts[0]
    for number, (tag, piece) in enumerate(zip(parts[count + 1 :], parts[1 : count + 1], strict=True)):
        row += b"<%b>%d</%b" % (tag, _MARK + number, piece)
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


def _number(text: str) -> int:
    """Of a mark.  Raises Unusual for all else: what is not a value by itself, a shared formula, an array."""
    if not text.isdecimal() or len(text) != len(str(_MARK)):
        raise Unusual
    return int(text) - _MARK

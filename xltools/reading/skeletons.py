"""Skeletons: what the workbooks of a round have in common is read once, not once per file.

A part without its values is its skeleton: `<c r="D7" s="5"><v>`, any number, `</v></c>`.  A part whose skeleton is
known needs no parser; its values are cut out and put where they belong.  Where that is, the plain reader says: it
reads the skeleton with a mark in place of each value, and where the marks come out, values go.  So all facts are
the plain reader's, and it still reads every part of which anything is unusual: a skeleton met for the first time,
comments, odd encodings, entities within values, marks that do not come out where a value may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import getitem
from threading import Lock
from typing import ClassVar, NamedTuple
from weakref import WeakSet
from xml.parsers import expat

from xltools.compute import Picker, picker
from xltools.filing import BLANK, Cell, CellKind, Cells, FormatKind, Places, SheetFacts, Skeleton
from xltools.reading.cutting import HOLE, NO_MARKUP, Cut, number_of_mark, text_of
from xltools.reading.formats import Styles
from xltools.reading.known import FORGETTING, Long, Store, Unusual
from xltools.reading.parts import State
from xltools.reading.sheet import MOST_CELLS, MOST_EXPANDED, Common, SheetReader

LONGEST_SHEET = 1 << 16  # bytes; a form's sheets have 8 to 25 thousand
HEAD = 4_000  # bytes of a sheet that show how the program writes that saved it
MOST_ALIKE = 2_000  # cells remembered of those that may stand at a place
LONGEST_ALIKE = 200  # characters of theirs
MOST_LATELY = 64  # sheets
MOST_CELLS_KEPT = 20_000  # of all places together: a hostile file may have as many of them as it likes

_STRING_MARK = "\ue000"  # before a mark that was taken for the number of a string


_CELL_VALUE = Cut((b"<v>",), NO_MARKUP, b"</")
_CELL_VALUE_OR_TEXT = Cut((b"<v>", b"<is><t>", b'<is><t xml:space="preserve">'), NO_MARKUP, b"</")
_HEIGHT = re.compile(rb'(<row [^<>]*? ht=")[1-9][0-9]{0,2}(?:\.[0-9]+)?(?=")')  # of a row that can be seen


def read_sheet(data: bytes, common: Common, name: str, state: State) -> SheetFacts | None:
    """What a sheet holds, if its skeleton is known; None where the plain reader has to read it.

    First as it stands; then made alike to others that differ in which cells are blank and how high their rows are.
    """
    if len(data) > LONGEST_SHEET:
        return None
    skeleton: _SheetSkeleton | None
    again = _LATELY.get(id(data))
    if again is not None and again.data is data and again.styles is common.styles:
        skeleton, values = again.skeleton, again.values
    else:
        skeleton, values = _known_sheet(data, common, often=3)
        if skeleton is not None:
            if len(_LATELY) >= MOST_LATELY:
                _LATELY.clear()
            _LATELY[id(data)] = _Lately(data, common.styles, skeleton, values)
    for make_alike in (_in_one_way, _at_one_height):
        if skeleton is None and (alike := make_alike(data)) != data:
            data = alike
            skeleton, values = _known_sheet(data, common, often=2)
    try:
        return skeleton.filled(values, common, name, state) if skeleton is not None else None
    except Unusual:
        return None


class _Lately(NamedTuple):
    """A sheet that was looked up, kept with its very bytes: those of sheets without figures come again and again."""

    data: bytes
    styles: Styles
    skeleton: _SheetSkeleton
    values: list[bytes]


_LATELY: dict[int, _Lately] = {}  # by the identity of the bytes
FORGETTING.append(_LATELY.clear)


def _known_sheet(data: bytes, common: Common, often: int) -> tuple[_SheetSkeleton | None, list[bytes]]:
    # Whichever way a sheet is cut, nothing of it is lost: a text that stands further down is a piece of the skeleton.
    cut = _CELL_VALUE_OR_TEXT if data.find(b' t="inlineStr"', 0, HEAD) >= 0 else _CELL_VALUE
    pieces, values = cut.pieces(data)
    pieces[0] = _without_view(pieces[0])
    key = Long(HOLE.join(pieces), (cut, common.styles))
    return _SHEETS.get(key, lambda: _learn_sheet(cut, pieces, len(values), common), often=often), values


def _in_one_way(data: bytes) -> bytes:
    """The same sheet with an empty value in every cell without content, whatever program wrote it.

    What is put in place of something has as many tags, begun and ended alike, so that no fault is mended by it; each
    has a tag in it, so that none is met within a text.  Where it is another tag than meant, what comes out is no XML,
    and the plain reader's matter.
    """
    blank = b'"><v></v></c>'
    if b'" />' in data[:HEAD]:
        data = data.replace(b' t="n" /><c ', b' t="n' + blank + b"<c ")
        data = data.replace(b' t="n" /></row>', b' t="n' + blank + b"</row>")
    elif b' t="n"><v>' in data:  # then a blank is said to be a number as well
        blank = b'" t="n' + blank
    return data.replace(b'"/><c ', blank + b"<c ").replace(b'"/></row>', blank + b"</row>")


def _at_one_height(data: bytes) -> bytes:
    """The same sheet with one height for all rows that can be seen: rows grow with the texts in them."""
    return _HEIGHT.sub(rb"\g<1>9", data)


_VIEWS, _VIEWS_END = b"<sheetViews>", b"</sheetViews>"


def _without_view(head: bytes) -> bytes:
    """What stands before the first value of a sheet, with nothing said of the window that the sheet was seen in, if that
    is sound: nobody asks for it."""
    return (_viewless if len(head) <= HEAD else _viewless.__wrapped__)(head)


@lru_cache(maxsize=256)
def _viewless(head: bytes) -> bytes:
    start, end = head.find(_VIEWS, 0, HEAD), head.find(_VIEWS_END, 0, HEAD)
    if not 0 < start < end < head.find(b"<sheetData"):
        return head
    view = head[start : end + len(_VIEWS_END)]
    return head[:start] + b"<sheetViews/>" + head[end + len(_VIEWS_END) :] if _is_sound(view) else head


_OF_VIEWS = re.compile(
    rb"""(?:</?(?:sheetViews|sheetView|pane|selection)(?: [A-Za-z]+="[A-Za-z0-9:$. ]*")* ?/?>){1,40}"""
)


@lru_cache(maxsize=1024)
def _is_sound(fragment: bytes) -> bool:
    """Whether this is XML by itself, of such elements only as mean nothing wherever they stand."""
    if not _OF_VIEWS.fullmatch(fragment):
        return False
    try:
        expat.ParserCreate().Parse(fragment, True)
    except expat.ExpatError:
        return False
    return True


class _Fillings(dict[bytes | str | None, Cell]):
    """The cells that may stand at a place, by value: a text for strings, else the bytes of the part.  BLANK is none."""

    everywhere: ClassVar[WeakSet[_Fillings]] = WeakSet()
    lock: ClassVar[Lock] = Lock()  # threads may read at the same time
    kept: ClassVar[int] = 0  # by all of them

    def __init__(self, like: Cell) -> None:
        super().__init__()
        self._like = like
        with _Fillings.lock:
            _Fillings.everywhere.add(self)

    __eq__, __hash__ = object.__eq__, object.__hash__  # type: ignore[assignment]  # known by identity

    def __missing__(self, value: bytes | str | None) -> Cell:
        """Raises Unusual for what cannot stand there as it is."""
        text = self._text_of(value) if isinstance(value, bytes) else value
        cell = self._cell(text)
        if len(text or "") <= LONGEST_ALIKE:
            if len(self) >= MOST_ALIKE:
                self.forget()
            if _Fillings.kept >= MOST_CELLS_KEPT:
                with _Fillings.lock:
                    for each in _Fillings.everywhere:
                        each.forget()
                    _Fillings.kept = 0  # also of those that are gone
            _Fillings.kept += 1
            self[value] = cell
        return cell

    def forget(self) -> None:
        _Fillings.kept -= len(self)
        self.clear()

    def _text_of(self, value: bytes) -> str:
        """Of a value that stands in the sheet itself."""
        like = self._like
        # What is escaped; and an empty text and a cell without any, which look the same here.
        if like.kind == "text" and (b"_x" in value or (not value and like.formula is None)):
            raise Unusual
        return text_of(value)

    def _cell(self, text: str | None) -> Cell:
        like = self._like
        if text is None or (text == "" and like.kind != "text"):
            is_kept = like.formula is not None or not like.locked
            return Cell("blank", "", like.formula, like.locked, like.format) if is_kept else BLANK
        return Cell(like.kind, text, like.formula, like.locked, like.format, like.code)


@lru_cache(maxsize=4096)
def _fillings(kind: CellKind, formula: str | None, locked: bool, format: FormatKind, code: str) -> _Fillings:
    return _Fillings(Cell(kind, "", formula, locked, format, code))


class _Holes(NamedTuple):
    """Some of the values of a sheet, and what each fills its cell with."""

    pick: Picker
    fillings: tuple[_Fillings, ...]


@dataclass(frozen=True, eq=False)
class _SheetSkeleton(Skeleton):
    facts: SheetFacts  # without cells
    places: Places  # of all cells: first the direct ones, then strings, then the rest
    count: int  # of values
    direct: _Holes  # values as they stand
    strings: _Holes  # values that are numbers of strings
    rest: tuple[Cell, ...]  # cells that are no holes, and BLANK
    expanded: int  # characters of shared formulas

    def filled(self, values: list[bytes], common: Common, name: str, state: State) -> SheetFacts:
        """The sheet with these values.  Raises Unusual for one that cannot stand where it does."""
        expanded = common.expanded + self.expanded
        if expanded > MOST_EXPANDED or len(values) != self.count:
            raise Unusual  # more growth than is allowed; a character that no XML has
        direct, strings = self.direct, self.strings
        try:
            texts = map(common.numbered.__getitem__, strings.pick(values))
            cells = [
                *map(getitem, direct.fillings, direct.pick(values)),
                *map(getitem, strings.fillings, texts),
                *self.rest,
            ]
        except KeyError:  # no such string
            raise Unusual from None
        common.expanded = expanded  # not before: what is unusual is read plainly, and counted there
        facts = self.facts
        return SheetFacts(
            name=name,
            state=state,
            cells=Cells(self.places, cells),
            merges=facts.merges,
            hidden_rows=facts.hidden_rows,
            hidden_columns=facts.hidden_columns,
            protected=facts.protected,
            validations=facts.validations,
            conditional=facts.conditional,
            drawings=facts.drawings,
            overfull=facts.overfull,
            skeleton=self,
        )


class _MarkedStrings(Sequence[str]):
    """The shared strings of a skeleton: the text of a mark says that it was taken for a string."""

    def __getitem__(self, number: int) -> str:  # type: ignore[override]
        return f"{_STRING_MARK}{number}"

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return iter(())


_SHEETS: Store[_SheetSkeleton] = Store()


def _learn_sheet(cut: Cut, pieces: Sequence[bytes], count: int, common: Common) -> _SheetSkeleton:
    """Raises Unusual or Refused where one of the values would not simply be that of one cell."""
    reader = SheetReader(Common(_MarkedStrings(), common.styles), MOST_CELLS)
    reader.parse(cut.marked(pieces), "")
    if reader.arrays or reader.drawing or reader.overfull or reader.spread_to:
        raise Unusual
    direct: dict[int, _Filled] = {}  # by number of the value
    strings: dict[int, _Filled] = {}
    rest: list[tuple[int, Cell]] = []
    for at, cell in enumerate(reader.cells.values()):
        mark = cell.text.removeprefix(_STRING_MARK)
        number = number_of_mark(mark)
        is_string = cell.text != mark
        if not 0 <= number < count:
            if is_string:  # the number of a string that was not cut out
                raise Unusual
            rest.append((at, cell))
            continue
        if cell.kind not in ("number", "text", "error"):
            raise Unusual
        if cell.kind == "text" and not is_string and cell.format == "date":  # or a date of ISO 8601
            raise Unusual
        fillings = _fillings(cell.kind, cell.formula, cell.locked, cell.format, cell.code)
        (strings if is_string else direct)[number] = at, fillings
    if len(direct) + len(strings) != count:
        raise Unusual
    filled = [*direct.values(), *strings.values()]
    order = {at: number for number, at in enumerate([*(at for at, _ in filled), *(at for at, _ in rest)])}
    addresses = tuple(reader.cells)
    return _SheetSkeleton(
        holes=frozenset(addresses[at] for at, _ in filled),
        facts=reader.facts("", "visible"),
        places=Places({address: order[at] for at, address in enumerate(addresses)}),
        count=count,
        direct=_Holes(picker(list(direct)), tuple(fillings for _, fillings in direct.values())),
        strings=_Holes(picker(list(strings)), tuple(fillings for _, fillings in strings.values())),
        rest=(*(cell for _, cell in rest), BLANK),
        expanded=reader.common.expanded,
    )


_Filled = tuple[int, _Fillings]  # number of the cell that a value fills, and with what

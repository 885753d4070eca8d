"""Skeletons: what the workbooks of a round have in common is read once, not once per file.

A part without its values is its skeleton: `<c r="D7" s="5"><v>`, any number, `</v></c>`.  A part whose skeleton is
known needs no parser; its values are cut out and put where they belong.  Where that is, the plain reader says: it
reads the skeleton with a mark in place of each value, and where the marks come out, values go.  So all facts are
the plain reader's, and it still reads every part of which anything is unusual: a skeleton met for the first time,
comments, odd encodings, entities within values, marks that do not come out where a value may stand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import getitem
from threading import Lock
from typing import ClassVar, NamedTuple, TypeVar
from weakref import WeakSet
from xml.parsers import expat

from xltools.compute import Picker, picker
from xltools.filing import BLANK, Cell, CellKind, Cells, FormatKind, Places, SheetFacts, Skeleton
from xltools.reading.formats import Styles
from xltools.reading.known import FORGETTING, Long, Store, Unusual
from xltools.reading.parts import MAIN, PropertiesReader, State, StringsReader, WorkbookReader, unescaped
from xltools.reading.refusals import Refused
from xltools.reading.sheet import MOST_CELLS, MOST_EXPANDED, Common, SheetReader

LONGEST = 1 << 17  # bytes of a small part
LONGEST_SHEET = 1 << 16  # bytes; a form's sheets have 8 to 25 thousand
MOST_TEXT = 1 << 20  # bytes of the shared strings
MOST_STRINGS_KEPT, LONGEST_STRING = 4_000, 2_000  # bytes of each as it is stored
HEAD = 4_000  # bytes of a sheet that show how the program writes that saved it
MOST_ALIKE = 2_000  # cells remembered of those that may stand at a place
LONGEST_ALIKE = 200  # characters of theirs
MOST_LATELY = 64  # sheets
MOST_CELLS_KEPT = 20_000  # of all places together: a hostile file may have as many of them as it likes

_HOLE = b"\0"  # stands in no XML
# And on; whole numbers, as that of a string has to be.  Nobody can know them beforehand: a file that holds a mark
# itself would have a value put there that stands where the plain reader finds none.
MARK = 900_000_000_000_000 + int.from_bytes(os.urandom(5), "big")
_STRING_MARK = "\ue000"  # before a mark that was taken for the number of a string
_NO_MARKUP = rb"[^<>&\x00-\x08\x0b-\x1f]*"
_UTF_8 = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:<\?xml version=["']1\.0["'](?: encoding=["'][Uu][Tt][Ff]-8["'])?"""
    rb"""(?: standalone=["'](?:yes|no)["'])? ?\?>)?\s*<[A-Za-z]"""
)


class Cut:
    """How values are cut out of a kind of part: what stands before and behind each."""

    def __init__(self, before: Sequence[bytes], value: bytes, behind: bytes) -> None:
        self._behind = behind
        begun = b"|".join(map(re.escape, before))
        self._each = re.compile(b"(" + begun + b")(" + value + b")" + re.escape(behind))

    def pieces(self, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """What stands around the values, with what stands before each by itself; and the values."""
        pieces = self._each.split(data)
        values = pieces[2::3]
        del pieces[2::3]
        return pieces, values

    def marked(self, pieces: Sequence[bytes]) -> bytes:
        """The part with a mark in place of each value.

        Raises Unusual where it might not be XML, or where a tag seems to end that does not: without comments, each
        "<" of XML begins a tag, so that any further ">" stands in a text.
        """
        made = [pieces[0]]
        for number, (before, piece) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
            made += (before, b"%d" % (MARK + number), self._behind, piece)
        part = b"".join(made)
        if not _UTF_8.match(part) or b"<!" in part or _HOLE in part or part.count(b"<") != part.count(b">"):
            raise Unusual
        return part


def text_of(value: bytes) -> str:
    """A value that holds no markup as a parser hands it out."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Unusual from None
    if "\ufffe" in text or "\uffff" in text:  # which expat refuses
        raise Unusual
    return text


# ---- sheets

_CELL_VALUE = Cut((b"<v>", b"<is><t>", b'<is><t xml:space="preserve">'), _NO_MARKUP, b"</")
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
    pieces, values = _CELL_VALUE.pieces(data)
    pieces[0] = _without_view(pieces[0])
    key = Long(_HOLE.join(pieces), common.styles)
    return _SHEETS.get(key, lambda: _learn_sheet(pieces, common), often=often), values


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
        text = text_of(value) if isinstance(value, bytes) else value
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

    def _cell(self, text: str | None) -> Cell:
        like = self._like
        if text is None or (text == "" and like.kind != "text"):
            is_kept = like.formula is not None or not like.locked
            return Cell("blank", "", like.formula, like.locked, like.format) if is_kept else BLANK
        return Cell(like.kind, text, like.formula, like.locked, like.format, like.code)


@lru_cache(maxsize=4096)
def _fillings(kind: CellKind, formula: str | None, locked: bool, format: FormatKind, code: str) -> _Fillings:
    return _Fillings(Cell(kind, "", formula, locked, format, code))


@dataclass(frozen=True)
class _Holes:
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
    results: Picker  # values that are texts by themselves
    unempty: Picker  # those of them that may not be empty
    expanded: int  # characters of shared formulas

    def filled(self, values: list[bytes], common: Common, name: str, state: State) -> SheetFacts:
        """The sheet with these values.  Raises Unusual for one that cannot stand where it does."""
        expanded = common.expanded + self.expanded
        if expanded > MOST_EXPANDED or len(values) != self.count:
            raise Unusual  # more growth than is allowed; a character that no XML has
        if b"_x" in _HOLE.join(self.results(values)) or b"" in self.unempty(values):
            raise Unusual
        direct, strings = self.direct, self.strings
        try:
            texts = map(common.numbered.__getitem__, strings.pick(values))
            cells = [
                *map(getitem, direct.fillings, direct.pick(values)),
                *map(getitem, strings.fillings, texts),
                *self.rest,
            ]
        except KeyError:
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


def _learn_sheet(pieces: Sequence[bytes], common: Common) -> _SheetSkeleton:
    """Raises Unusual or Refused where a value would not simply be that of one cell."""
    reader = SheetReader(Common(_MarkedStrings(), common.styles), MOST_CELLS)
    reader.parse(_CELL_VALUE.marked(pieces), "")
    if reader.arrays or reader.drawing or reader.overfull or reader.spread_to:
        raise Unusual
    count = len(pieces) // 2
    direct: dict[int, _Filled] = {}  # by number of the value
    strings: dict[int, _Filled] = {}
    rest: list[tuple[int, Cell]] = []
    results: list[int] = []
    unempty: list[int] = []
    for at, cell in enumerate(reader.cells.values()):
        mark = cell.text.removeprefix(_STRING_MARK)
        number = int(mark) - MARK if mark.isdecimal() and len(mark) == len(str(MARK)) else -1
        is_string = cell.text != mark
        if not 0 <= number < count:
            if is_string:  # the number of a string that was not cut out
                raise Unusual
            rest.append((at, cell))
            continue
        if cell.kind not in ("number", "text", "error"):
            raise Unusual
        if cell.kind == "text" and not is_string:
            if cell.format == "date":  # or a date of ISO 8601
                raise Unusual
            results.append(number)
            if cell.formula is None:  # an empty text and a cell without any look the same here
                unempty.append(number)
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
        results=picker(results),
        unempty=picker(unempty),
        expanded=reader.common.expanded,
    )


_Filled = tuple[int, _Fillings]  # number of the cell that a value fills, and with what


# ---- small parts: names, properties, strings

_QUOTE = b"&quot;"  # as LibreOffice writes it
_QUOTED = b"|".join(quote + _NO_MARKUP + quote for quote in (b'"', _QUOTE))
_NAMED = Cut([b">"], _QUOTED, b"</definedName>")
_PROPERTY = Cut([b">"], _NO_MARKUP, b"</vt:lpwstr>")
MappingReader = TypeVar("MappingReader", WorkbookReader, PropertiesReader)
_BOOKS: Store[tuple[WorkbookReader, tuple[str, ...]]] = Store()
_PROPERTIES: Store[tuple[PropertiesReader, tuple[str, ...]]] = Store()


def read_workbook(data: bytes) -> WorkbookReader | None:
    """The directory of sheets and the names, if its skeleton is known: names that stand for a text may differ."""
    found = _read_mapping(data, _NAMED, _BOOKS, WorkbookReader, lambda reader: reader.names)
    if found is None:
        return None
    known, names = found
    reader = WorkbookReader()
    reader.sheets, reader.strict, reader.names = known.sheets, known.strict, names
    return reader


def read_properties(data: bytes) -> dict[str, str] | None:
    """Custom properties, if their skeleton is known."""
    found = _read_mapping(data, _PROPERTY, _PROPERTIES, PropertiesReader, lambda reader: reader.properties)
    return found[1] if found is not None else None


def _read_mapping(
    data: bytes,
    cut: Cut,
    store: Store[tuple[MappingReader, tuple[str, ...]]],
    make: Callable[[], MappingReader],
    texts: Callable[[MappingReader], dict[str, str]],
) -> tuple[MappingReader, dict[str, str]] | None:
    """A part whose values are those of a mapping: the reader that read it once, and the mapping of this one."""
    if len(data) > LONGEST:
        return None
    pieces, values = cut.pieces(data)

    def learn() -> tuple[MappingReader, tuple[str, ...]]:
        reader = make()
        reader.parse(cut.marked(pieces), "")
        marks = [str(MARK + number) for number in range(len(values))]
        found = [(text, key) for key, text in texts(reader).items() if text in marks]
        if sorted(text for text, _ in found) != marks:
            raise Unusual
        return reader, tuple(key for _, key in sorted(found))

    known = store.get(Long(_HOLE.join(pieces)), learn)
    if known is None:
        return None
    reader, keys = known
    if len(keys) != len(values):  # a character that no XML has
        return None
    try:
        filled = {key: text_of(value.replace(_QUOTE, b'"')) for key, value in zip(keys, values, strict=True)}
    except Unusual:
        return None
    return reader, {**texts(reader), **filled}


_STRING = re.compile(rb'<si><t(?: xml:space="preserve")?>(' + _NO_MARKUP + rb")</t>")
_STRING_ENDS = b"</si>"
_FRAMES: Store[bool] = Store()


def read_strings(data: bytes) -> list[str] | None:
    """The shared strings, each of which is known or sound by itself; None where the plain reader has to read them."""
    if b"<!" in data or len(data) > MOST_TEXT:
        return None
    pieces = data.split(_STRING_ENDS)
    at = pieces[0].find(b"<si>")
    frame = pieces[0][:at], pieces[-1]
    if at < 0 or len(frame[0]) + len(frame[1]) > HEAD or not _FRAMES.get(frame, lambda: _is_frame(*frame)):
        return None
    pieces[0] = pieces[0][at:]
    del pieces[-1]
    try:
        return list(map(_TEXTS.__getitem__, pieces))
    except (Unusual, Refused):
        return None


def _is_frame(head: bytes, tail: bytes) -> bool:
    """Whether strings between these are all there is: they count, and nothing does without them."""
    return (
        _UTF_8.match(head) is not None
        and _all_strings(head + tail) == []
        and _all_strings(head + b"<si><t>1</t></si>" + tail) == ["1"]
    )


def _all_strings(data: bytes) -> list[str]:
    reader = StringsReader()
    reader.parse(data, "")
    return reader.strings


class _Texts(dict[bytes, str]):
    """What a string says, by the string as it is stored, without its end."""

    def __missing__(self, stored: bytes) -> str:
        plain = _STRING.fullmatch(stored)
        text = _unescaped(text_of(plain[1])) if plain else _one_string(stored)
        if len(stored) <= LONGEST_STRING:
            if len(self) >= MOST_STRINGS_KEPT:
                self.clear()
            self[stored] = text
        return text


_TEXTS = _Texts()
FORGETTING.append(_TEXTS.clear)


def _unescaped(text: str) -> str:
    return unescaped(text) if "_x" in text else text


def _one_string(stored: bytes) -> str:
    """What a string says that has runs or entities.  Raises Unusual or Refused where it is not sound by itself; what is
    sound by itself is so among others, and says the same, since there are no comments, and no namespaces but theirs."""
    strings = _all_strings(b'<sst xmlns="%b">%b</si></sst>' % (MAIN[0].encode(), stored))
    if len(strings) != 1 or b"xmlns" in stored:
        raise Unusual
    return strings[0]

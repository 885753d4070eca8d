"""Reader: the facts in a workbook package, by one pass of expat over each part that is asked for.

Facts only: what a cell holds, not whether it should.  That the package is safe to open is gate.py's
matter, what a text means as a figure normalise.py's.  What cannot be read becomes one Refused.

Values are kept as they are stored: a number in its own digits, an error by its code.  A formula without
a cached result is a blank cell with a formula; an empty text is a text.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Protocol

from xltools.filing import Book, Cell, SheetFacts
from xltools.reading import rows, skeletons, strings
from xltools.reading.drawings import DrawingsReader
from xltools.reading.formats import Styles, read_styles
from xltools.reading.opc import LONGEST_COMMON
from xltools.reading.parts import (
    PropertiesReader,
    RelationsReader,
    State,
    StringsReader,
    WorkbookReader,
    damaged,
)
from xltools.reading.sheet import MOST_CELLS, Common, SheetReader

MOST_ALIKE = 20_000  # cells remembered while a sheet is handed on


class Parts(Protocol):
    """A package that the gate has let through: its parts by name, and which of them is the workbook."""

    @property
    def main(self) -> str: ...
    def read(self, name: str) -> bytes: ...
    def pieces(self, name: str) -> Iterator[bytes]: ...
    def has(self, name: str) -> bool: ...
    def find(self, name: str) -> str | None: ...


def open_book(parts: Parts) -> OpenBook:
    """The workbook with its sheets not yet read.  Raises Refused when its directory is damaged."""
    return OpenBook(parts)


class OpenBook:
    """A workbook whose sheets are read when they are asked for, and then kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        workbook = _workbook(_read(parts, parts.main, "工作簿的工作表目录"))
        self._related = _related(parts, parts.main)
        self._sheets: dict[tuple[str, int], SheetFacts] = {}
        self._paths: dict[str, str] = {}
        self._common: Common | None = None
        states: dict[str, State] = {}
        taken: set[str | None] = set()  # names and paths
        for name, state, identifier in workbook.sheets:
            path = parts.find(self._related.get(identifier, ("", ""))[0])
            if path is None:
                raise damaged(_sheet_words(name), "文件里缺少这张表的内容，内部已损坏")
            folded = name.casefold()
            if folded in taken:
                raise damaged(_sheet_words(name), "有两张工作表同名，文件内部已损坏")
            if path in taken:
                raise damaged(_sheet_words(name), "有两张工作表共用一份内容，文件内部已损坏")
            taken.update((folded, path))
            states[name], self._paths[name] = state, path
        self.sheet_states: Mapping[str, State] = states
        self.names: Mapping[str, str] = workbook.names
        self.properties: Mapping[str, str] = _custom_properties(parts)
        self.strict = workbook.strict

    def sheet(self, name: str, *, cell_limit: int = MOST_CELLS) -> SheetFacts:
        """What one sheet holds; KeyError when no sheet has exactly this name, Refused when it is damaged."""
        facts = self._sheets.get((name, cell_limit))
        if facts is None:
            facts = self._sheets[name, cell_limit] = self._read_sheet(name, cell_limit)
        return facts

    def scan(
        self,
        name: str,
        take: Callable[[str, Cell], None],
        *,
        cell_limit: int,
        take_row: rows.TakeRow | None = None,
        foretell: rows.Foretell | None = None,
    ) -> None:
        """Hands on each cell of a sheet with its address and keeps none, for sheets of millions of cells.

        With `take_row`, rows that are like others are handed on to it whole, and only the cells of the rest to `take`;
        those that are as `foretell` says are told soonest.
        """
        path, about = self._paths[name], _sheet_words(name)
        if self._common is None:
            self._common = self._read_common()
        sheet = SheetReader(self._common, cell_limit)
        sheet.cells = _HandedOn(take, self._common)
        pieces = self._parts.pieces(path)
        sheet.parse(rows.left_over(pieces, sheet, take_row, foretell) if take_row else pieces, about)

    def book(self, wanted: Callable[[str], bool] | None = None, *, cell_limit: int = MOST_CELLS) -> Book:
        """The workbook with the wanted sheets, or all.  The others are left out: unread is not blank."""
        return Book(
            sheets={
                name: self.sheet(name, cell_limit=cell_limit)
                for name in self.sheet_states
                if wanted is None or wanted(name)
            },
            names=self.names,
            properties=self.properties,
            strict=self.strict,
        )

    def _read_sheet(self, name: str, cell_limit: int) -> SheetFacts:
        path, about = self._paths[name], _sheet_words(name)
        if self._common is None:
            self._common = self._read_common()
        data = _read(self._parts, path, about)
        state = self.sheet_states[name]
        known = skeletons.read_sheet(data, self._common, name, state) if cell_limit == MOST_CELLS else None
        if known is not None:
            return known
        sheet = SheetReader(self._common, cell_limit)
        sheet.parse(data, about)
        return sheet.facts(name, state, self._drawings(path, sheet.drawing, about))

    def _drawings(self, path: str, identifier: str, about: str) -> DrawingsReader:
        """What lies over the cells of a sheet; a part that is not there shows nothing."""
        drawings = DrawingsReader()
        part = _related(self._parts, path).get(identifier, ("", ""))[0] if identifier else ""
        name = self._parts.find(part) if part else None
        if name is not None:
            drawings.parse(self._parts.read(name), about)
        return drawings

    def _read_common(self) -> Common:
        texts: list[str] = []
        styles = Styles()
        for data in self._of_kind("sharedstrings", "工作簿的文字表"):
            texts = _strings(data)
        for data in self._of_kind("styles", "工作簿的格式表"):
            styles = read_styles(data, "工作簿的格式表")
        return Common(texts, styles)

    def _of_kind(self, wanted: str, about: str) -> Iterator[bytes]:
        for path, kind in self._related.values():
            if kind == wanted:
                yield _read(self._parts, path, about)
                return


class _HandedOn(dict[str, Cell]):
    """In place of a sheet's cells: what is put in goes on to `take`."""

    def __init__(self, take: Callable[[str, Cell], None], common: Common) -> None:
        super().__init__()
        self._take, self._alike = take, common.alike

    def __setitem__(self, address: str, cell: Cell) -> None:
        if len(self._alike) > MOST_ALIKE:  # hardly any is like another: keeping them would keep them all
            self._alike.clear()
        self._take(address, cell)


def _workbook(data: bytes) -> WorkbookReader:
    known = strings.read_workbook(data)
    if known is not None:
        return known
    workbook = WorkbookReader()
    workbook.parse(data, "工作簿的工作表目录")
    return workbook


def _strings(data: bytes) -> list[str]:
    known = strings.read_strings(data)
    if known is not None:
        return known
    reader = StringsReader()
    reader.parse(data, "工作簿的文字表")
    return reader.strings


def _sheet_words(name: str) -> str:
    return f"工作表“{name[:31]}”"


def _read(parts: Parts, path: str | None, about: str) -> bytes:
    name = parts.find(path) if path else None
    if name is None:
        raise damaged(about, "文件里缺少这一部分，内部已损坏")
    return parts.read(name)


def _related(parts: Parts, source: str) -> Mapping[str, tuple[str, str]]:
    """Id → (path, kind) of the parts that `source` points to; "" is the package itself."""
    folder, relations = _place_of_relations(source)
    name = parts.find(relations)
    if name is None:
        return {}
    data = parts.read(name)
    return (_relations if len(data) <= LONGEST_COMMON else _relations.__wrapped__)(folder, data)


@lru_cache(maxsize=1024)
def _place_of_relations(source: str) -> tuple[str, str]:
    """The folder of a part, and the part that says what it points to."""
    folder, base = posixpath.split(source)
    return folder, posixpath.join(folder, "_rels", f"{base}.rels")


@lru_cache(maxsize=64)
def _relations(folder: str, data: bytes) -> Mapping[str, tuple[str, str]]:
    relations = RelationsReader()
    relations.parse(data, "工作簿的部件目录")
    related = {}
    for identifier, target, kind in relations.found:
        path = posixpath.join("/", folder, target.partition("#")[0].replace("\\", "/"))
        related[identifier] = posixpath.normpath(path).lstrip("/"), kind
    return related


def _custom_properties(parts: Parts) -> dict[str, str]:
    path: str | None = "docProps/custom.xml"
    for target, kind in _related(parts, "").values():
        if kind in ("custom-properties", "customproperties"):  # the latter in Strict
            path = target
    name = parts.find(path) if path else None
    if name is None:
        return {}
    data = parts.read(name)
    known = strings.read_properties(data)
    if known is not None:
        return known
    part = PropertiesReader()
    part.parse(data, "工作簿的自定义属性")
    return part.properties

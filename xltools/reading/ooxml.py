"""Reader: the facts in a workbook package, by one pass of expat over each part that is asked for.

Facts only: what a cell holds, not whether it should.  That the package is safe to open is gate.py's
matter, what a text means as a figure normalise.py's.  What cannot be read becomes one Refused.

Values are kept as they are stored: a number in its own digits, an error by its code.  A formula without
a cached result is a blank cell with a formula; an empty text is a text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar, Literal, NamedTuple, Protocol, cast
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from xltools.filing import BLANK, Book, Cell, CellKind, FormatKind, Refusal, SheetFacts
from xltools.geometry import column_letters
from xltools.reading.gate import Refused

State = Literal["visible", "hidden", "veryHidden"]
Attributes = dict[str, str]
_Start = Callable[[str, Attributes], None]
_End = Callable[[str], None]

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384  # of any sheet: XFD1048576
MOST_CELLS = 20_000  # kept of one sheet
MOST_MERGES = 20_000
MOST_HIDDEN_ROWS = 20_000
MOST_HIDDEN_COLUMNS = 512  # "all columns to the right" is one <col> of 16 000
MOST_STRINGS = 1_000_000  # of the workbook; a cell that points further is damage
MOST_EXPANDED = 2_000_000  # characters that the shared formulas of a workbook may grow to: 2 seconds
LONGEST_CODE = 512  # characters of a number format; Excel writes 255
DEEPEST = 64  # elements within elements

_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",  # Strict
)
_CUSTOM = (
    "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties",
    "http://purl.oclc.org/ooxml/officeDocument/customProperties",
)
_PACKAGE = ("http://schemas.openxmlformats.org/package/2006/relationships",)
_IDS = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships id",
    "http://purl.oclc.org/ooxml/officeDocument/relationships id",
)
_X14_VALIDATION = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main dataValidation"
_TRUE = ("1", "true", "on")
_KINDS: dict[str, CellKind] = {"e": "error", "d": "text"}
_BOOLEANS = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}


class Parts(Protocol):
    """A package that the gate has let through: its parts by name, and which of them is the workbook."""

    @property
    def main(self) -> str: ...
    def read(self, name: str) -> bytes: ...
    def has(self, name: str) -> bool: ...
    def find(self, name: str) -> str | None: ...


def open_book(parts: Parts) -> OpenBook:
    """The workbook with its sheets not yet read.  Raises Refused when its directory is damaged."""
    return OpenBook(parts)


class OpenBook:
    """A workbook whose sheets are read when they are asked for, and then kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        workbook = _Workbook()
        workbook.parse(_read(parts, parts.main, "工作簿的工作表目录"), "工作簿的工作表目录")
        self._related = _related(parts, parts.main)
        self._sheets: dict[tuple[str, int], SheetFacts] = {}
        self._paths: dict[str, str] = {}
        self._common: _Common | None = None
        states: dict[str, State] = {}
        taken: set[str | None] = set()  # names and paths
        for name, state, identifier in workbook.sheets:
            path = parts.find(self._related.get(identifier, ("", ""))[0])
            if path is None:
                raise _damaged(_sheet_words(name), "文件里缺少这张表的内容，内部已损坏")
            if name.casefold() in taken:
                raise _damaged(_sheet_words(name), "有两张工作表同名，文件内部已损坏")
            if path in taken:
                raise _damaged(_sheet_words(name), "有两张工作表共用一份内容，文件内部已损坏")
            taken.update((name.casefold(), path))
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
        sheet = _Sheet(self._common, cell_limit)
        sheet.parse(_read(self._parts, path, about), about)
        return SheetFacts(
            name=name,
            state=self.sheet_states[name],
            cells=sheet.cells,
            merges=frozenset(sheet.merges),
            hidden_rows=sheet.all_hidden_rows(),
            hidden_columns=frozenset(sheet.hidden_columns),
            protected=sheet.protected,
            validations=sheet.validations,
            overfull=sheet.overfull,
        )

    def _read_common(self) -> _Common:
        strings, styles = _Strings(), _Styles()
        for data in self._of_kind("sharedstrings", "工作簿的文字表"):
            strings.parse(data, "工作簿的文字表")
        for data in self._of_kind("styles", "工作簿的格式表"):
            styles.parse(data, "工作簿的格式表")
        return _Common(strings.strings, styles.styles)

    def _of_kind(self, wanted: str, about: str) -> Iterator[bytes]:
        for path, kind in self._related.values():
            if kind == wanted:
                yield _read(self._parts, path, about)
                return


def _sheet_words(name: str) -> str:
    return f"工作表“{name[:31]}”"


def _damaged(about: str, reason: str = "文件内部已损坏") -> Refused:
    remedy = "请用 WPS 或 Excel 打开后另存为新的 .xlsx 再报；打不开就请重新填报。"
    return Refused(Refusal("F005", f"{about}读不下去：{reason}。", remedy))


def _read(parts: Parts, path: str | None, about: str) -> bytes:
    name = parts.find(path) if path else None
    if name is None:
        raise _damaged(about, "文件里缺少这一部分，内部已损坏")
    return parts.read(name)


def _related(parts: Parts, source: str) -> dict[str, tuple[str, str]]:
    """Id → (path, kind) of the parts that `source` points to; "" is the package itself."""
    folder, base = posixpath.split(source)
    name = parts.find(posixpath.join(folder, "_rels", f"{base}.rels"))
    if name is None:
        return {}
    relations = _Relations()
    relations.parse(parts.read(name), "工作簿的部件目录")
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
    part = _Properties()
    part.parse(parts.read(name), "工作簿的自定义属性")
    return part.properties


# ---------------------------------------------------------------- parts


class _Part:
    """One pass over one part.  `text` gathers character data; ValueError and LookupError mean damage.

    Small parts are told of each element of their `sections`, by its local name when it is of the root's
    namespace, at its depth (`opened`, `closed`).  The two that are big, the strings and the rows of a sheet,
    take expat's calls in closures, because a call costs more than its work.  All else goes by `step_aside`,
    so that nothing counts but where it belongs.
    """

    sections: ClassVar[frozenset[str]]  # children of the root that matter

    def __init__(self) -> None:
        self.text: list[str] = []
        self.depth = 0
        self.space = ""  # namespace of the root
        self.section = ""  # the open child of the root
        self.parser: XMLParserType | None = None
        self.back: tuple[_Start | None, _End | None] = None, None  # handlers to come back to from aside
        self.aside = 0  # elements open in a branch that does not count

    def parse(self, data: bytes, about: str) -> None:
        parser = self.parser = ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = self.no_doctype  # the gate refuses them too
        self.go_on_with(self.start, self.end)
        try:
            parser.Parse(data, True)
        except _Enough:
            pass
        except (ExpatError, ValueError, LookupError) as error:
            raise _damaged(about) from error
        finally:
            self.parser, self.back = None, (None, None)  # they and this object point at each other

    def go_on_with(self, start: _Start | None, end: _End | None) -> None:
        self.back = start, end
        self.handle(start, end)

    def handle(self, start: _Start | None, end: _End | None) -> None:
        assert self.parser is not None
        self.parser.StartElementHandler = start
        self.parser.EndElementHandler = end

    def step_aside(self) -> None:
        """Pass over the element that has just been opened, with all that is in it."""
        self.aside = 1
        self.handle(self.start_aside, self.end_aside)

    def start_aside(self, name: str, attributes: Attributes) -> None:
        self.aside += 1
        if self.aside > DEEPEST:
            raise ValueError("nested too deeply")

    def end_aside(self, name: str) -> None:
        self.aside -= 1
        if not self.aside:
            self.handle(*self.back)

    def start(self, name: str, attributes: Attributes) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("nested too deeply")
        space, _, local = name.rpartition(" ")
        if self.depth == 1:
            self.space = space
            self.check_root(local)
            return
        if space != self.space:
            local = name
        if self.depth == 2:
            self.section = local
            if local not in self.sections:
                self.depth = 1
                self.step_aside()
                return
        self.opened(local, attributes)

    def end(self, name: str) -> None:
        space, _, local = name.rpartition(" ")
        self.closed(local if space == self.space else name)
        self.depth -= 1

    def no_doctype(self, *_: object) -> None:
        raise ValueError("a document type declaration")

    def check_root(self, local: str) -> None:
        raise NotImplementedError

    def opened(self, local: str, attributes: Attributes) -> None:
        pass

    def closed(self, local: str) -> None:
        pass


class _Enough(Exception):
    """A part need not be read to its end."""


class _Relations(_Part):
    sections = frozenset(["Relationship"])

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []  # id, target, kind

    def check_root(self, local: str) -> None:
        if local != "Relationships" or self.space not in _PACKAGE:
            raise ValueError(f"not a list of relationships: {local}")

    def opened(self, local: str, attributes: Attributes) -> None:
        outside = attributes.get("TargetMode", "").casefold() == "external"
        if local == "Relationship" and not outside:
            kind = attributes["Type"].rpartition("/")[2].casefold()
            self.found.append((attributes["Id"], attributes["Target"], kind))


class _Properties(_Part):
    sections = frozenset(["property"])

    def __init__(self) -> None:
        super().__init__()
        self.properties: dict[str, str] = {}
        self.name = ""

    def check_root(self, local: str) -> None:
        if local != "Properties" or self.space not in _CUSTOM:
            raise ValueError(f"not custom properties: {local}")

    def opened(self, local: str, attributes: Attributes) -> None:
        if self.depth == 2:
            self.name = attributes["name"]
            self.properties[self.name] = ""
        elif self.depth == 3:
            self.text.clear()

    def closed(self, local: str) -> None:
        if self.depth == 3:
            self.properties[self.name] = "".join(self.text)


class _Workbook(_Part):
    sections = frozenset(["sheets", "definedNames"])

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, State, str]] = []  # name, state, relationship
        self.names: dict[str, str] = {}
        self.strict = False
        self.name: str | None = None

    def check_root(self, local: str) -> None:
        if local != "workbook" or self.space not in _MAIN:
            raise ValueError(f"not a workbook: {local}")
        self.strict = self.space == _MAIN[1]

    def opened(self, local: str, attributes: Attributes) -> None:
        if self.depth == 3 and local == "definedName" and self.section == "definedNames":
            name = attributes["name"]
            of_the_book = "localSheetId" not in attributes and not name.lower().startswith("_xlnm.")
            self.name = name if of_the_book else None
            self.text.clear()
        elif self.depth == 3 and local == "sheet" and self.section == "sheets":
            state = attributes.get("state", "visible")
            if state not in ("visible", "hidden", "veryHidden"):
                raise ValueError(f"unknown state of a sheet: {state}")
            identifier = attributes.get(_IDS[0]) or attributes[_IDS[1]]
            self.sheets.append((attributes["name"], cast(State, state), identifier))

    def closed(self, local: str) -> None:
        if self.depth == 3 and self.name is not None:
            self.names[self.name] = "".join(self.text)
            self.name = None


_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _unescaped(text: str) -> str:
    """A stored text as Excel shows it: _xHHHH_ stands for a UTF-16 unit.

    >>> _unescaped("a_x000D_b_x005F_x0041_")
    'a\\rb_x0041_'
    """
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if _SURROGATE.search(text):  # pairs are joined, halves cannot be kept
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class _Strings(_Part):
    """The shared strings.  Runs of rich text are joined, phonetic ones left out."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def check_root(self, local: str) -> None:
        if local != "sst" or self.space not in _MAIN:
            raise ValueError(f"not shared strings: {local}")
        self.go_on_with(*self.handlers())

    def handlers(self) -> tuple[_Start, _End]:
        string_name, text_name, run_name = (f"{self.space} {local}" for local in ("si", "t", "r"))
        text, strings = self.text, self.strings
        runs: list[str] = []
        in_string = in_text = in_run = False

        def start(name: str, attributes: Attributes) -> None:
            nonlocal in_string, in_text, in_run
            if name == text_name and in_string and not in_text:
                in_text = True
                text.clear()
            elif name == string_name and not in_string:
                in_string = True
                runs.clear()
            elif name == run_name and in_string and not in_run:
                in_run = True
            else:
                self.step_aside()

        def end(name: str) -> None:
            nonlocal in_string, in_text, in_run
            if name == text_name:
                in_text = False
                run = "".join(text)
                runs.append(_unescaped(run) if "_x" in run else run)
            elif name == string_name:
                in_string = False
                strings.append("".join(runs))
                if len(strings) >= MOST_STRINGS:
                    raise _Enough
            elif name == run_name:
                in_run = False

        return start, end


# ---------------------------------------------------------------- formats


class _Style(NamedTuple):
    locked: bool
    format: FormatKind


_PLAIN = _Style(True, "general")
_NOT_SHOWN_BY_VALUE = re.compile(
    r'"[^"]*"?'  # quoted text
    r"|[\\_*]."  # an escaped character, a width, a filling
    r"|\[(?!h+\]|m+\]|s+\])[^\]]*\]",  # a colour, condition, currency or locale, but not elapsed time
    re.DOTALL,
)
_DATE_MARKS = (*"ymdhs年月日", "aaa")  # aaa is the day of the week
_SCIENTIFIC = re.compile(r"e[+-]")


@lru_cache(maxsize=4096)
def format_kind(code: str) -> FormatKind:
    """What a number format code shows a number as; the section for positive numbers decides.

    >>> [format_kind(code) for code in ("General", "@", '0.00"%"', '[Red]0.0%;0', "[h]:mm")]
    ['general', 'text', 'number', 'percent', 'date']
    >>> [format_kind(code) for code in ('yyyy"年"m"月"d"日"', '0"件/day"', "[DBNum1]上午/下午h", "#,##0.00_);(0)")]
    ['date', 'number', 'date', 'number']
    """
    code = _NOT_SHOWN_BY_VALUE.sub("", code[:LONGEST_CODE].lower()).partition(";")[0].strip()
    if "general" in code or "通用格式" in code:
        return "general"
    if any(mark in code for mark in _DATE_MARKS) or "e" in _SCIENTIFIC.sub("", code):
        return "date"
    if "%" in code:
        return "percent"
    if "@" in code:
        return "text"
    return "number"


@lru_cache(maxsize=1024)
def _built_in(number: int) -> FormatKind:
    """The kind of a format known by number alone, as ECMA-376 and the Chinese editions of Excel have them."""
    if number in (0, 9, 10, 49):
        kinds: dict[int, FormatKind] = {0: "general", 9: "percent", 10: "percent", 49: "text"}
        return kinds[number]
    if 14 <= number <= 22 or 27 <= number <= 36 or 45 <= number <= 47 or 50 <= number <= 58:
        return "date"
    return "number" if 0 < number < 164 else "general"


class _Styles(_Part):
    """Lock and number format of each cell style; fonts, fills and borders are nobody's matter here."""

    sections = frozenset(["numFmts", "cellXfs"])

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[_Style] = []
        self.codes: dict[int, str] = {}
        self.number = 0
        self.locked = True

    def check_root(self, local: str) -> None:
        if local != "styleSheet" or self.space not in _MAIN:
            raise ValueError(f"not a style sheet: {local}")

    def opened(self, local: str, attributes: Attributes) -> None:
        if self.section == "cellXfs":
            if self.depth == 3 and local == "xf":
                self.number, self.locked = _integer(attributes.get("numFmtId", "0")), True
            elif self.depth == 4 and local == "protection":
                self.locked = attributes.get("locked", "1") in _TRUE
        elif self.section == "numFmts" and self.depth == 3 and local == "numFmt":
            self.codes[_integer(attributes["numFmtId"])] = attributes["formatCode"]

    def closed(self, local: str) -> None:
        if self.depth == 3 and self.section == "cellXfs" and local == "xf":
            code = self.codes.get(self.number)
            kind = _built_in(self.number) if code is None else format_kind(code)
            self.styles.append(_Style(self.locked, kind))


def _integer(text: str) -> int:
    """A whole number ≥ 0 of an attribute; int() alone would take "1_0" and "-1"."""
    if not text.isdecimal():
        raise ValueError(f"not a whole number: {text[:40]!r}")
    return int(text)


# ---------------------------------------------------------------- sheets

_COLUMNS = {column_letters(number): number for number in range(1, 257)}
_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})")


def _has_no(attributes: Attributes, size: str) -> bool:
    """Whether a row has no height or a column no width, which hides it as well as hidden="1" does."""
    return size in attributes and float(attributes[size]) == 0


def _column(letters: str) -> int:
    """
    >>> _column("A"), _column("XFD")
    (1, 16384)
    """
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column


def _position(address: str) -> tuple[int, int]:
    match = _ADDRESS.fullmatch(address)
    if match:
        row, column = int(match[2]), _column(match[1].upper())
        if row <= LAST_ROW and column <= LAST_COLUMN:
            return row, column
    raise ValueError(f"not an address: {address[:40]!r}")


def _area(reference: str) -> str:
    """
    >>> _area("$c$3:a1"), _area("B2")
    ('A1:C3', 'B2')
    """
    first, _, second = reference.partition(":")
    (top, left), (bottom, right) = _position(first), _position(second or first)
    corner = f"{column_letters(min(left, right))}{min(top, bottom)}"
    other = f"{column_letters(max(left, right))}{max(top, bottom)}"
    return corner if corner == other else f"{corner}:{other}"


@dataclass(slots=True)
class _Common:
    """What the sheets of a workbook share."""

    strings: list[str]
    styles: list[_Style]
    # Cells without a formula by type, value and style: most are like another, and a Cell takes longer to make
    # than to look up.  None stands for a cell that is not kept.
    alike: dict[tuple[str | None, str | None, str | None], Cell | None] = field(default_factory=dict)
    expanded: int = 0  # characters of shared formulas so far


class _Sheet(_Part):
    """One sheet: what surrounds its rows by `opened`, the rows themselves by `handlers`."""

    sections = frozenset(
        ["sheetFormatPr", "cols", "sheetData", "sheetProtection", "mergeCells", "dataValidations", "extLst"]
    )

    def __init__(self, common: _Common, cell_limit: int) -> None:
        super().__init__()
        self.common, self.cell_limit = common, cell_limit
        self.cells: dict[str, Cell] = {}
        self.merges: set[str] = set()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.shown_rows: set[int] = set()  # kept when rows that are not declared are hidden
        self.zero_height = self.protected = self.overfull = False
        self.validations = self.columns = 0
        self.row, self.row_is_given, self.row_is_hidden = 0, True, False
        self.runs: list[str] | None = None  # of the inline string of the open cell
        self.run_depth = 0  # how deep inside it a text has to stand
        self.masters: dict[str, tuple[str, int, int]] = {}  # shared index → text, row, column
        self.waiting: list[tuple[str, str]] = []  # followers that stand before their master, and its index

    def check_root(self, local: str) -> None:
        if local not in ("worksheet", "chartsheet", "dialogsheet") or self.space not in _MAIN:
            raise ValueError(f"not a sheet: {local}")

    # around the rows

    def opened(self, local: str, attributes: Attributes) -> None:
        if local == "sheetData":
            self.go_on_with(*self.handlers())
        elif local == "mergeCell":
            if len(self.merges) < MOST_MERGES:
                self.merges.add(_area(attributes["ref"]))
            else:
                self.overfull = True
        elif local in ("dataValidation", _X14_VALIDATION):
            self.validations += 1
        elif local == "col":
            self.columns += 1
            if self.columns > LAST_COLUMN:
                raise ValueError("more columns than a sheet has")
            first, last = _integer(attributes["min"]), _integer(attributes["max"])
            if attributes.get("hidden") in _TRUE or _has_no(attributes, "width"):
                self.hidden_columns.update(range(max(first, 1), min(last, MOST_HIDDEN_COLUMNS) + 1))
        elif local == "sheetProtection":
            self.protected = attributes.get("sheet") in _TRUE
        elif local == "sheetFormatPr":
            self.zero_height = attributes.get("zeroHeight") in _TRUE

    def all_hidden_rows(self) -> frozenset[int]:
        if self.zero_height:
            last = max(self.shown_rows, default=0)
            self.hidden_rows.update(set(range(1, last + 1)) - self.shown_rows)
        return frozenset(self.hidden_rows)

    # among the rows

    def handlers(self) -> tuple[_Start, _End]:
        """For what stands in sheetData.  Nine cells in ten are settled here, the rest by the methods below."""
        names = ("row", "c", "v", "f", "sheetData")
        row_name, cell_name, value_name, formula_name, data_name = (f"{self.space} {name}" for name in names)
        text, cells, alike, limit = self.text, self.cells, self.common.alike, self.cell_limit
        cell: Attributes | None = None  # the open cell
        formula: Attributes | None = None
        formula_text, value = "", None
        digits, before = "", 0  # of the open row's number, and where they start in an address
        last = ""  # address of the cell before
        in_text = False

        def start(name: str, attributes: Attributes) -> None:
            nonlocal cell, formula, value, digits, before, last, in_text
            if name == value_name and not in_text:
                in_text = True
                text.clear()
            elif name == cell_name and digits and cell is None:
                cell = attributes
                formula = value = None
            elif name == formula_name and not in_text:
                in_text = True
                text.clear()
                formula = attributes
            elif name == row_name and not digits:
                digits = self.row_starts(attributes)
                before, last = -len(digits), ""
            else:
                self.runs_or_nothing(name, cell)

        def end(name: str) -> None:
            nonlocal cell, formula_text, value, digits, before, last, in_text
            if name == value_name:
                in_text = False
                value = "".join(text)
            elif name == cell_name:
                assert cell is not None
                get = cell.get
                address = get("r")
                if address is None or address[before:] != digits or address[:before] not in _COLUMNS:
                    address, digits = self.unusual_address(address, last)
                    before = -len(digits)
                last = address
                if formula is None and get("t") != "inlineStr":
                    key = get("t"), value, get("s")
                    found = alike.get(key, BLANK)  # which is never one of them
                    if found is BLANK:
                        found = alike[key] = self.cell_of(cell, value, None)
                else:
                    shown = None if formula is None else self.formula_at(address, formula, formula_text)
                    found = self.cell_of(cell, value, shown)
                cell = None
                if found is not None:
                    if address in cells:
                        raise ValueError(f"a cell given twice: {address}")
                    if len(cells) >= limit or self.overfull:
                        self.overfull = True
                        self.go_on_with(None, self.end_unread)
                    else:
                        cells[address] = found
            elif name == formula_name:
                in_text = False
                formula_text = "".join(text)
            elif name == row_name:
                digits = ""
                self.row_ends()
            elif name == data_name:
                self.rows_end()

        return start, end

    def row_starts(self, attributes: Attributes) -> str:
        given = attributes.get("r")
        self.row = self.row + 1 if given is None else _integer(given)
        if not 1 <= self.row <= LAST_ROW:
            raise ValueError(f"no such row: {self.row}")
        self.row_is_given = given is not None
        self.row_is_hidden = attributes.get("hidden") in _TRUE or _has_no(attributes, "ht")
        return str(self.row)

    def row_ends(self) -> None:
        if self.row_is_hidden:
            if len(self.hidden_rows) < MOST_HIDDEN_ROWS:
                self.hidden_rows.add(self.row)
        elif self.zero_height and self.row <= MOST_HIDDEN_ROWS:
            self.shown_rows.add(self.row)

    def rows_end(self) -> None:
        for address, index in self.waiting:
            if index in self.masters and address in self.cells:
                self.cells[address] = replace(self.cells[address], formula=self.expand(index, address))
        self.depth = 1
        self.go_on_with(self.start, self.end)

    def end_unread(self, name: str) -> None:
        """Beyond the limit the rows are only read through."""
        if name == f"{self.space} sheetData":
            self.rows_end()

    def unusual_address(self, address: str | None, last: str) -> tuple[str, str]:
        """A cell far to the right, in odd spelling or without address; and the digits of its row."""
        if address is None:
            row, column = self.row, _position(last)[1] + 1 if last else 1
            if column > LAST_COLUMN:
                raise ValueError("more cells than columns")
        else:
            row, column = _position(address)
            if row != self.row and (self.row_is_given or last):
                raise ValueError(f"{address} stands in row {self.row}")
            self.row = row
        return f"{column_letters(column)}{row}", str(row)

    def cell_of(self, attributes: Attributes, value: str | None, formula: str | None) -> Cell | None:
        """The cell as it is kept, None when there is nothing to keep: locked and empty."""
        styles = self.common.styles
        style = styles[_integer(attributes.get("s", "0"))] if styles else _PLAIN
        type_ = attributes.get("t", "n")
        kind, text = self.content(type_, value)
        if kind == "blank" and formula is None and style.locked:
            return None
        return Cell(kind, text, formula, style.locked, "date" if type_ == "d" else style.format)

    def content(self, type_: str, value: str | None) -> tuple[CellKind, str]:
        """Kind and text of a cell by its t attribute."""
        if type_ == "inlineStr":
            runs, self.runs = self.runs, None
            return ("blank", "") if runs is None else ("text", "".join(runs))
        if value is None or (value == "" and type_ != "str"):
            return "blank", ""
        if type_ == "n":
            return "number", value
        if type_ == "s":
            return "text", self.common.strings[_integer(value)]
        if type_ == "str":
            return "text", _unescaped(value) if "_x" in value else value
        if type_ == "b":
            return "boolean", _BOOLEANS[value.strip()]
        return _KINDS[type_], value

    def runs_or_nothing(self, name: str, cell: Attributes | None) -> None:
        """Go aside into an inline string, or into what does not count."""
        self.step_aside()
        if name == f"{self.space} is" and cell is not None and cell.get("t") == "inlineStr":
            self.runs, self.run_depth = [], 2
            self.handle(self.start_run, self.end_run)

    def start_run(self, name: str, attributes: Attributes) -> None:
        self.start_aside(name, attributes)
        if self.aside == 2:
            self.run_depth = 3 if name == f"{self.space} r" else 2
        if name == f"{self.space} t":
            self.text.clear()

    def end_run(self, name: str) -> None:
        if self.aside == self.run_depth and self.runs is not None and name == f"{self.space} t":
            run = "".join(self.text)
            self.runs.append(_unescaped(run) if "_x" in run else run)
        self.end_aside(name)

    def formula_at(self, address: str, attributes: Attributes, text: str) -> str:
        """A formula; a shared one as it reads at this address."""
        text = text.removeprefix("=")
        if attributes.get("t") != "shared" or "si" not in attributes:
            return text
        index = attributes["si"]
        if text and ("ref" in attributes or index not in self.masters):
            self.masters[index] = text, *_position(address)
            return text
        if index in self.masters:
            return self.expand(index, address)
        self.waiting.append((address, index))
        return ""

    def expand(self, index: str, address: str) -> str:
        text, from_row, from_column = self.masters[index]
        self.common.expanded += len(text)
        if self.common.expanded > MOST_EXPANDED:
            self.overfull = True
            return ""
        row, column = _position(address)
        return moved(text, row - from_row, column - from_column)


# ---------------------------------------------------------------- shared formulas

_WORD = r"[$\w.\\?]+"
_TOKEN = re.compile(
    r'"(?:[^"]|"")*"'  # a text
    r"|'(?:[^']|'')*'"  # a quoted sheet name, or two
    r"|\[(?:[^\[\]]|\[[^\[\]]*\])*\]"  # a column of a table, another workbook
    rf"|(?P<first>{_WORD})(?::(?P<second>{_WORD}))?(?=(?P<after>[(!])?)"  # numbers, names, references
)
_CELL = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)([1-9][0-9]{0,6})")
_WHOLE_COLUMN = re.compile(r"(\$?)([A-Za-z]{1,3})()()")
_WHOLE_ROW = re.compile(r"()()(\$?)([1-9][0-9]{0,6})")
_OFF_THE_SHEET = "#REF!"


def moved(formula: str, rows: int, columns: int) -> str:
    """A formula as it reads so many rows further down and columns further right.

    >>> moved("SUM(A1:$B$2)*LOG10(C3)", 1, 2)
    'SUM(C2:$B$2)*LOG10(E4)'
    >>> moved("'A1 表'!A1&\\"A1\\"&SUM(B:B,2:$2)", 1, 1)
    '\\'A1 表\\'!B2&"A1"&SUM(C:C,3:$2)'
    >>> moved("A1+SUM(A1:B5)", -1, 0)
    '#REF!+SUM(#REF!)'
    """

    def put(match: re.Match[str]) -> str:
        first, second, after = match.group("first", "second", "after")
        if first is None or (after and second is None):
            return match[0]
        if second is None:
            return _shifted(_CELL, first, rows, columns) or first
        if after == "!" and not formula.endswith("!", 0, match.start()):
            return match[0]  # sheets from … to …
        ends = [_shifted(_CELL, first, rows, columns), _shifted(_CELL, second, rows, columns)]
        if after:  # A1:INDEX(…)
            ends[1] = None
        elif ends == [None, None]:
            for pattern in (_WHOLE_COLUMN, _WHOLE_ROW):
                whole = [_shifted(pattern, end, rows, columns) for end in (first, second)]
                if None not in whole:
                    ends = whole
        if _OFF_THE_SHEET in ends:
            return _OFF_THE_SHEET
        return f"{ends[0] or first}:{ends[1] or second}"

    return _TOKEN.sub(put, formula)


def _shifted(pattern: re.Pattern[str], reference: str, rows: int, columns: int) -> str | None:
    """One end of a reference, moved; None when it is not one of this pattern, but a name or a number."""
    match = pattern.fullmatch(reference)
    if match is None:
        return None
    fixed_column, letters, fixed_row, digits = match.groups()
    if letters:
        column = _column(letters.upper())
        if column > LAST_COLUMN:
            return None
        column += 0 if fixed_column else columns
        if not 1 <= column <= LAST_COLUMN:
            return _OFF_THE_SHEET
        letters = letters if fixed_column else column_letters(column)
    if digits:
        row = int(digits)
        if row > LAST_ROW:
            return None
        row += 0 if fixed_row else rows
        if not 1 <= row <= LAST_ROW:
            return _OFF_THE_SHEET
        digits = str(row)
    return f"{fixed_column}{letters}{fixed_row}{digits}"

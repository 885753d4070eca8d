"""Parts of a workbook package, each read in one pass of expat: the base, and the small ones.

The sheets are sheet.py's, the cell styles formats.py's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Literal, cast
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from xltools.filing import Refusal
from xltools.reading.refusals import Refused, refuse_too_large

State = Literal["visible", "hidden", "veryHidden"]
Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]

MOST_STRINGS = 1_000_000  # of the workbook; a cell that points further is damage
DEEPEST = 64  # elements within elements
PIECE = 1 << 20  # bytes handed to the parser at a time
LONGEST = 8 << 20  # of one tag, comment or text; a cell holds 32 767 characters

MAIN = (
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
TRUE = ("1", "true", "on")


def damaged(about: str, reason: str = "文件内部已损坏") -> Refused:
    remedy = "请用 WPS 或 Excel 打开后另存为新的 .xlsx 再报；打不开就请重新填报。"
    return Refused(Refusal("F005", f"{about}读不下去：{reason}。", remedy))


def _pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[at : at + PIECE] for at in range(0, len(data), PIECE))


class PartReader:
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
        self.back: tuple[Start | None, End | None] = None, None  # handlers to come back to from aside
        self.aside = 0  # elements open in a branch that does not count

    def parse(self, data: bytes | Iterable[bytes], about: str) -> None:
        """The part whole, or in pieces as they are inflated."""
        parser = self.parser = ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = self.no_doctype  # the gate refuses them too
        self.go_on_with(self.start, self.end)
        try:
            fed = 0
            for piece in _pieces(data) if isinstance(data, bytes) else data:
                parser.Parse(piece, False)
                fed += len(piece)
                waiting = fed - parser.CurrentByteIndex  # of a tag or comment without end
                if max(waiting, sum(map(len, self.text))) > LONGEST:
                    refuse_too_large()
            parser.Parse(b"", True)
        except Enough:
            pass
        except (ExpatError, ValueError, LookupError) as error:
            raise damaged(about) from error
        finally:
            self.parser, self.back = None, (None, None)  # they and this object point at each other

    def go_on_with(self, start: Start | None, end: End | None) -> None:
        self.back = start, end
        self.handle(start, end)

    def handle(self, start: Start | None, end: End | None) -> None:
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


def relation_of(attributes: Attributes) -> str | None:
    """The id of the relationship that an element names."""
    return attributes.get(_IDS[0]) or attributes.get(_IDS[1])


class Enough(Exception):
    """A part need not be read to its end."""


class RelationsReader(PartReader):
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


class PropertiesReader(PartReader):
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


class WorkbookReader(PartReader):
    sections = frozenset(["sheets", "definedNames"])

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, State, str]] = []  # name, state, relationship
        self.names: dict[str, str] = {}
        self.strict = False
        self.name: str | None = None

    def check_root(self, local: str) -> None:
        if local != "workbook" or self.space not in MAIN:
            raise ValueError(f"not a workbook: {local}")
        self.strict = self.space == MAIN[1]

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
            identifier = relation_of(attributes)
            if identifier is None:
                raise ValueError("a sheet without content")
            self.sheets.append((attributes["name"], cast(State, state), identifier))

    def closed(self, local: str) -> None:
        if self.depth == 3 and self.name is not None:
            self.names[self.name] = "".join(self.text)
            self.name = None


def unescaped(text: str) -> str:
    """A stored text as Excel shows it: _xHHHH_ stands for a UTF-16 unit.

    >>> unescaped("a_x000D_b_x005F_x0041_")
    'a\\rb_x0041_'
    """
    text = re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)
    if any("\ud800" <= char <= "\udfff" for char in text):  # pairs are joined, halves cannot be kept
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class StringsReader(PartReader):
    """The shared strings.  Runs of rich text are joined, phonetic ones left out."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def check_root(self, local: str) -> None:
        if local != "sst" or self.space not in MAIN:
            raise ValueError(f"not shared strings: {local}")
        self.go_on_with(*self.handlers())

    def handlers(self) -> tuple[Start, End]:
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
                runs.append(unescaped(run) if "_x" in run else run)
            elif name == string_name:
                in_string = False
                strings.append("".join(runs))
                if len(strings) >= MOST_STRINGS:
                    raise Enough
            elif name == run_name:
                in_run = False

        return start, end


def whole_number(text: str) -> int:
    """A whole number ≥ 0 of an attribute; int() alone would take "1_0" and "-1"."""
    if not text.isdecimal():
        raise ValueError(f"not a whole number: {text[:40]!r}")
    return int(text)

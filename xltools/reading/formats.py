"""Cell styles: whether a cell is locked, and what kind of number its format shows.

Whether a format shows the very number that is stored is display.py's matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from xltools.display import LONGEST_CODE
from xltools.filing import FormatKind
from xltools.reading.parts import MAIN, TRUE, Attributes, PartReader, whole_number


class CellStyle(NamedTuple):
    locked: bool
    format: FormatKind
    code: str = ""  # of its number format; "" shows every number as it is


PLAIN = CellStyle(True, "general")


@dataclass(frozen=True, eq=False, slots=True)
class Styles:
    """The styles of a workbook by number.  Known by identity, so that what depends on them can be kept."""

    cells: tuple[CellStyle, ...] = ()
    conditional: tuple[
        str | None, ...
    ] = ()  # number formats that conditions may put on cells, by number of the dxf


_NOT_SHOWN_BY_VALUE = re.compile(
    r'"[^"]*"?'  # quoted text
    r"|[\\_*!]."  # an escaped character, a width, a filling
    r"|\[(?!h+\]|m+\]|s+\])[^\]]*\]",  # a colour, condition, currency or locale, but not elapsed time
    re.DOTALL,
)
_DATE_MARKS = (*"ymdhs年月日", "aaa")  # aaa is the day of the week
_SCIENTIFIC = re.compile(r"e[+-]")
_SECTION = re.compile(rf"(?:{_NOT_SHOWN_BY_VALUE.pattern}|[^;])*", re.DOTALL)
_PLAIN = ("", "general", "@")
_BUILT_IN = {  # those that show numbers, as the Chinese editions of Excel have them
    **{
        1: "0",
        2: "0.00",
        3: "#,##0",
        4: "#,##0.00",
        11: "0.00E+00",
        12: "# ?/?",
        13: "# ??/??",
        48: "##0.0E+0",
    },
    **dict.fromkeys((5, 6, 42), '"¥"#,##0;"¥"-#,##0'),
    **dict.fromkeys((7, 8, 44), '"¥"#,##0.00;"¥"-#,##0.00'),
    **dict.fromkeys((37, 38, 41), "#,##0;-#,##0"),
    **dict.fromkeys((39, 40, 43), "#,##0.00;-#,##0.00"),
}


@lru_cache(maxsize=4096)
def format_kind(code: str) -> FormatKind:
    """What a number format code shows a number as; the section for positive numbers decides.

    >>> [format_kind(code) for code in ("General", "@", '0.00"%"', '[Red]0.0%;0', "[h]:mm")]
    ['general', 'text', 'number', 'percent', 'date']
    >>> [format_kind(code) for code in ('yyyy"年"m"月"d"日"', '0"件/day"', "[DBNum1]上午/下午h", "#,##0.00_);(0)")]
    ['date', 'number', 'date', 'number']
    """
    whole = code[:LONGEST_CODE].lower()
    section = _SECTION.match(whole)
    first = section[0] if section else ""
    code = _NOT_SHOWN_BY_VALUE.sub("", first).strip()
    if "general" in code or "通用格式" in code:
        return "general"
    if any(mark in code for mark in _DATE_MARKS) or "e" in _SCIENTIFIC.sub("", code):
        return "date"
    if "%" in code:
        return "percent"
    if "@" in code:
        return "text"
    return "number"


def kept_code(code: str) -> str:
    """A format code as a cell keeps it: "" for those that show every number as it is."""
    return "" if code.casefold() in _PLAIN else code[: LONGEST_CODE + 1]


@lru_cache(maxsize=1024)
def _built_in(number: int) -> FormatKind:
    """The kind of a format known by number alone, as ECMA-376 and the Chinese editions of Excel have them."""
    if number in (0, 9, 10, 49):
        kinds: dict[int, FormatKind] = {0: "general", 9: "percent", 10: "percent", 49: "text"}
        return kinds[number]
    if 14 <= number <= 22 or 27 <= number <= 36 or 45 <= number <= 47 or 50 <= number <= 58:
        return "date"
    return "number" if 0 < number < 164 else "general"


class StylesReader(PartReader):
    """Lock and number format of each cell style; fonts, fills and borders are nobody's matter here."""

    sections = frozenset(["numFmts", "cellXfs", "dxfs"])

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[CellStyle] = []
        self.codes: dict[int, str] = {}
        self.conditional: list[str | None] = []  # number formats that conditions may put on cells
        self.number = 0
        self.locked = True

    def check_root(self, local: str) -> None:
        if local != "styleSheet" or self.space not in MAIN:
            raise ValueError(f"not a style sheet: {local}")

    def opened(self, local: str, attributes: Attributes) -> None:
        if self.section == "cellXfs":
            if self.depth == 3 and local == "xf":
                self.number, self.locked = whole_number(attributes.get("numFmtId", "0")), True
            elif self.depth == 4 and local == "protection":
                self.locked = attributes.get("locked", "1") in TRUE
        elif self.section == "numFmts" and self.depth == 3 and local == "numFmt":
            number, code = whole_number(attributes["numFmtId"]), attributes["formatCode"]
            if self.codes.setdefault(number, code) != code:  # programs differ in which of the two counts
                raise ValueError(f"two formats of one number: {number}")
        elif self.section == "dxfs" and self.depth == 3 and local == "dxf":
            self.conditional.append(None)
        elif self.section == "dxfs" and self.depth == 4 and local == "numFmt" and self.conditional:
            self.conditional[-1] = attributes["formatCode"]

    def closed(self, local: str) -> None:
        if self.depth == 3 and self.section == "cellXfs" and local == "xf":
            code = self.codes.get(self.number)
            kind = _built_in(self.number) if code is None else format_kind(code)
            shown = kept_code(_BUILT_IN.get(self.number, "") if code is None else code)
            self.styles.append(CellStyle(self.locked, kind, shown))


@lru_cache(maxsize=32)
def read_styles(data: bytes, about: str) -> Styles:
    """The styles in a part, the same object for the same bytes.  Raises Refused when it is damaged."""
    reader = StylesReader()
    reader.parse(data, about)
    return Styles(tuple(reader.styles), tuple(reader.conditional))

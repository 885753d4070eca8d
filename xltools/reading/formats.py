"""Cell styles: whether a cell is locked, and what kind of number its format shows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from xltools.filing import FormatKind
from xltools.reading.parts import MAIN, TRUE, Attributes, PartReader, whole_number

LONGEST_CODE = 512  # characters of a number format; Excel writes 255


class CellStyle(NamedTuple):
    locked: bool
    format: FormatKind


PLAIN = CellStyle(True, "general")
_NOT_SHOWN_BY_VALUE = re.compile(
    r'"[^"]*"?'  # quoted text
    r"|[\\_*]."  # an escaped character, a width, a filling
    r"|\[(?!h+\]|m+\]|s+\])[^\]]*\]",  # a colour, condition, currency or locale, but not elapsed time
    re.DOTALL,
)
_DATE_MARKS = (*"ymdhs年月日", "aaa")  # aaa is the day of the week
_SCIENTIFIC = re.compile(r"e[+-]")
_SECTION = re.compile(rf"(?:{_NOT_SHOWN_BY_VALUE.pattern}|[^;])*", re.DOTALL)
_SCALED = re.compile(r"[0#?],+(?![0#?,])")  # a comma behind the last digit divides by a thousand


@lru_cache(maxsize=4096)
def format_kind(code: str) -> FormatKind:
    """What a number format code shows a number as; the section for positive numbers decides.

    >>> [format_kind(code) for code in ("General", "@", '0.00"%"', '[Red]0.0%;0', "[h]:mm")]
    ['general', 'text', 'number', 'percent', 'date']
    >>> [format_kind(code) for code in ('yyyy"年"m"月"d"日"', '0"件/day"', "[DBNum1]上午/下午h", "#,##0.00_);(0)")]
    ['date', 'number', 'date', 'number']
    >>> [format_kind(code) for code in ("0,", "#,##0.0,,", ";;;", '"12"', '0"000"', "#,##0")]
    ['misleading', 'misleading', 'misleading', 'misleading', 'misleading', 'number']
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
    shows_digits = any(mark in code for mark in "0#?") or not whole.strip()
    fixed = "".join(match[0] for match in _NOT_SHOWN_BY_VALUE.finditer(first) if match[0][0] in '"\\')
    if not shows_digits or _SCALED.search(code) or any(char.isdecimal() for char in fixed):
        return "misleading"
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


class StylesReader(PartReader):
    """Lock and number format of each cell style; fonts, fills and borders are nobody's matter here."""

    sections = frozenset(["numFmts", "cellXfs"])

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[CellStyle] = []
        self.codes: dict[int, str] = {}
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
            self.codes[whole_number(attributes["numFmtId"])] = attributes["formatCode"]

    def closed(self, local: str) -> None:
        if self.depth == 3 and self.section == "cellXfs" and local == "xf":
            code = self.codes.get(self.number)
            kind = _built_in(self.number) if code is None else format_kind(code)
            self.styles.append(CellStyle(self.locked, kind))

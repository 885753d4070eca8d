"""Shared formulas: one text, read anew at every cell that shares it."""

from __future__ import annotations

import re

from xltools.geometry import column_letters

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384  # of any sheet: XFD1048576

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
        column = column_number(letters.upper())
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


def column_number(letters: str) -> int:
    """
    >>> column_number("A"), column_number("XFD")
    (1, 16384)
    """
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column

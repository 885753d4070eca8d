"""What a formula means, so that another spelling of the same sum is no tampering.

A sum of plain cells is known by its cells, however it is written; any other formula by its letters, without
spaces, case, $, quotes around names and such.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from xltools.geometry import address, position

MOST_CELLS = (
    500  # of a sum that is spelt out; a roll-up's may have thousands, and are compared by their letters
)
DEEPEST = 20  # brackets within brackets

_REFERENCE = re.compile(r"((?:[^!,()+:]+!)?)([A-Z]{1,3}[1-9][0-9]{0,6})(?::([A-Z]{1,3}[1-9][0-9]{0,6}))?")
_QUOTED = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')""")


@lru_cache(maxsize=4096)
def meaning(formula: str, home: str = "") -> str:
    """A formula reduced to what it means on the sheet called `home`.  Text in double quotes is kept to the letter.

    >>> meaning("+sum( $D$7:D9 )") == meaning("SUM(D7:D9)") == meaning("D7+SUM(表!D9:D8)", "表")
    True
    >>> meaning("SUM(D7:D8)+1") == meaning("SUM(D7:D8)")
    False
    >>> meaning("SUM('表'!D7)", "表") == meaning("D7"), meaning("SUM('表 '!D7)", "表") == meaning("D7")
    (True, False)
    """
    parts = _QUOTED.split(formula)
    parts[::2] = [_letters(part) for part in parts[::2]]
    parts[1::2] = [_sheet(part) if part[0] == "'" else part for part in parts[1::2]]
    plain = "".join(parts).lstrip("=+")
    cells = _Sum(plain, f"{home.upper()}!").cells()
    return "+".join(sorted(cells.elements())) if cells else plain


def _sheet(quoted: str) -> str:
    """The name of a sheet out of its quotes; another blank in it is another sheet."""
    return quoted[1:-1].replace("''", "'").upper()


def _letters(text: str) -> str:
    text = re.sub(r"[\s$]+", "", text).upper().replace("_XLFN.", "")
    return text.replace("TRUE()", "TRUE").replace("FALSE()", "FALSE").replace(";", ",")


class _Sum:
    """A formula made of SUM, +, brackets, cells and ranges, and nothing else."""

    def __init__(self, formula: str, home: str) -> None:
        self.rest, self.home = formula, home
        self.found: Counter[str] = Counter()

    def cells(self) -> Counter[str] | None:
        """Each cell with how often it is added; None for any other formula, or too long a one."""
        return self.found if self.added(1, in_sum=False) and not self.rest else None

    def take(self, mark: str) -> bool:
        if self.rest.startswith(mark):
            self.rest = self.rest[len(mark) :]
            return True
        return False

    def added(self, depth: int, *, in_sum: bool) -> bool:
        """Terms with + between them; inside SUM, also with commas."""
        while self.term(depth, in_sum=in_sum):
            if not (self.take("+") or (in_sum and self.take(","))):
                return True
        return False

    def term(self, depth: int, *, in_sum: bool) -> bool:
        for opening in ("SUM(", "("):
            if depth < DEEPEST and self.take(opening):
                return self.added(depth + 1, in_sum=in_sum or opening == "SUM(") and self.take(")")
        match = _REFERENCE.match(self.rest)
        if match is None or (match[3] and not in_sum):
            return False
        self.rest = self.rest[match.end() :]
        sheet = "" if match[1] == self.home else match[1]
        rows, columns = map(sorted, zip(position(match[2]), position(match[3] or match[2]), strict=True))
        (top, bottom), (left, right) = rows, columns
        if (bottom - top + 1) * (right - left + 1) + self.found.total() > MOST_CELLS:
            return False
        self.found.update(
            f"{sheet}{address(row, column)}"
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        )
        return True

"""What may stand where in a form file, and the collecting of all that does not.

`Shaper` looks at one file by itself: keys known, values of the right kind, ids in order.  What it lets through
has no surprises left, so extend.py and load.py need not look at types again.
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xltools.errors import FormError
from xltools.forms.source import Steps, Toml
from xltools.roster import LEVELS
from xltools.words import clean

ID = re.compile(r"[a-z][a-z0-9_]*")
DASHED_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
EDITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RESERVED_IDS = {
    "sum",
    "last",
    "abs",
    "implies",
    "check",
    "xltools",
}  # of the rule language; prefixes of names
LIKE_A_CELL = re.compile(r"[a-z]{1,3}[0-9]+|r[0-9]*c?[0-9]*|c[0-9]*")  # Excel would read the name as a place
MOST_ID = 64  # three of them and two dots fit into a defined name
MOST_TEXT = 2_000
MOST_PROMPT = 255  # of Excel's input messages and drop-down lists
MOST_PLACES = 6  # rules compare money to so many decimals
MOST_CAP = 10**15 - 1  # a cell holds so many digits
LEAST_YEAR, MOST_YEAR = 1900, 9999
PLACEHOLDER = re.compile(r"\{[A-Za-z_ ]*\}")


@dataclass(frozen=True)
class Kind:
    """A kind of value: the words for it, and what is wrong with a value (None: nothing)."""

    words: str
    fault: Callable[[Any], str | None]


def _is(test: Callable[[Any], bool], words: str) -> Kind:
    return Kind(words, lambda value: None if test(value) else f"应是{words}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _width(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (
        is_number
        and math.isfinite(float(f"{value:.30}" if isinstance(value, float) else min(value, 10**9)))
        and 0 < value <= 1000
    )  # type: ignore[operator, type-var, arg-type]

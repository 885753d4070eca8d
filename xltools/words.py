"""Texts that come from outside: cleaned for output, folded for comparison.  Knows no form and no file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from unicodedata import category

BLANKS = (  # every kind of space, and what takes no room at all
    "\t\n\v\f\r\x85 \u00a0\u1680"
    + "".join(map(chr, range(0x2000, 0x200E)))
    + "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
BLANK = re.compile(f"[{BLANKS}]+")
MOST_TEXT = 32_767  # UTF-16 units that a cell holds
FULL_WIDTH: Mapping[int, int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_LINE_END = re.compile(r"\r\n?|[\v\f\x85]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """A text fit to be shown and stored.

    Line ends become LF, blanks at the ends of lines and of the whole are cut; control characters and halves
    of surrogate pairs, which no XML can hold, become U+FFFD.

    >>> clean("第一段  \\r\\n第二段\\x07\\n")
    '第一段\\n第二段�'
    """
    if text.isprintable():  # nearly always; of all that is cut or replaced only the space is printable
        return text.rstrip(" ")
    text = _UNPRINTABLE.sub("\ufffd", _LINE_END.sub("\n", text))
    return "\n".join(line.rstrip(BLANKS) for line in text.split("\n")).rstrip("\n")


_UNSEEN = ("Cc", "Cf", "Cs")  # control characters, what turns text around or takes no room, half characters


def seen(text: str, *, kept: str = "\n\t") -> str:
    """A text in which whatever steers a terminal, turns writing around or is no character at all shows as □.

    >>> seen("年报\u202efdp.xlsx"), seen("第一行\\n第二行\x1b[0m")
    ('年报□fdp.xlsx', '第一行\\n第二行□[0m')
    """
    if text.isprintable():
        return text
    return "".join("□" if category(char) in _UNSEEN and char not in kept else char for char in text)


def file_name(name: str) -> str:
    """The name of a file that came in, as it is shown and kept: on one line, to be read in one way."""
    return seen(name, kept="")


def label_key(text: str) -> str:
    """What is left of a label for comparing: no blanks or line breaks, full-width ASCII folded.

    >>> label_key("（一）予以\\n 公开") == label_key("(一)予以公开")
    True
    """
    return BLANK.sub("", text).translate(FULL_WIDTH)


def says_something(text: str) -> bool:
    """Whether a text can be an answer: a dash, a stroke or a digit is none.

    >>> says_something("已核对"), says_something("/"), says_something("0。")
    (True, False, False)
    """
    return sum(char.isalpha() for char in text) >= 2


def number_text(value: object) -> str:
    """A figure as a clerk writes it: no exponent, no trailing zeros; anything else as str.

    >>> number_text(Decimal("1.80E+2")), number_text(Decimal("0.50")), number_text(-11)
    ('180', '0.5', '-11')
    """
    if not isinstance(value, Decimal):
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text

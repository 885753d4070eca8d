"""Texts that come from outside: cleaned for output, folded for comparison.  Knows no form and no file."""

from __future__ import annotations

import re
import unicodedata

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")


def clean(text: str) -> str:
    r"""What a workbook can hold: line breaks as \n, control characters and lone surrogates as U+FFFD.

    >>> clean("甲\r\n乙\x07")
    '甲\n乙�'
    """
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def half_width(text: str) -> str:
    """Full-width ASCII folded to half width; nothing else is touched.

    >>> half_width("１２３，（Ａ）")
    '123,(A)'
    """
    return "".join(unicodedata.normalize("NFKC", char) if "\uff01" <= char <= "\uff5e" else char for char in text)


def label_key(text: str) -> str:
    """A label for comparison: spaces and line breaks dropped, full-width ASCII folded.

    >>> label_key("（七） 总\\n计") == label_key("(七)总计")
    True
    """
    return _SPACES.sub("", half_width(text))


def plain_number(value: object) -> str:
    """A figure as a clerk writes it: no exponent, no trailing zeros.

    >>> from decimal import Decimal
    >>> plain_number(Decimal("180.10")), plain_number(Decimal("1E+3")), plain_number(-11)
    ('180.1', '1000', '-11')
    """
    text = f"{value:f}" if hasattr(value, "as_tuple") else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text

"""Display: whether a number format shows the very number that is stored.

Only what is known to show it is let through; whatever else may be written into a format shows another number,
part of it or none.  No Excel library: a format code is a text of up to four sections.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from unicodedata import category

from xltools.words import BLANK

LONGEST_CODE = 512  # characters of a number format; Excel writes 255
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?'
    r"|[\\!](?P<escaped>.)"  # the Chinese editions of Excel write ! for \
    r"|_(?P<width>.)|\*(?P<filling>.)"
    r"|\[(?P<bracket>[^\]]*)\]"
    r"|(?P<general>General|G/通用格式|@)"
    r"|(?P<digits>[0#?.,]+(?:E[+-]0+)?)"
    r"|(?P<bare>.)",
    re.DOTALL | re.IGNORECASE,
)
_COLOUR = (
    r"black|blue|cyan|green|magenta|red|yellow|黑色|蓝色|青色|蓝绿色|绿色|洋红色|红色|黄色"
    r"|(?:color|颜色) *(?!2$)[1-9][0-9]?"  # the second is white, which shows nothing
)
_RED = ("red", "红色")
_CURRENCY = r"\$(.*?)(?:-[0-9A-F]+)?"  # or a locale: $-804
_KNOWN_MARK = rf"{_COLOUR}|{_CURRENCY}|dbnum[123]"  # the last for Chinese numerals
_ANY_CASE = re.DOTALL | re.IGNORECASE
_CONDITION = r"(<=|>=|<>|<|>|=) *(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)"
_PLACES = re.compile(r"(?:[#0?](?:,?[#0?])*)?(?:\.([#0?]*))?")  # a comma behind the last digit divides
_POWER = re.compile(r"0(?:\.(0*))?E[+-]0+", re.IGNORECASE)
_FRACTION = re.compile(r"#\?+/\?+")  # ? shows no noughts, so that a whole number has no fraction
_CURRENCIES = ("CNY", "RMB", "USD", "EUR", "HKD", "GBP", "JPY")
_MINUS, _OPEN, _CLOSE = "-−－", "(（", ")）"
_PUNCTUATION = "：:；;、。（）()〔〕《》“”"
_NUMBER_WORDS = "两俩仨半双倍打成点负减分丨"  # besides those that Unicode calls numeric: 〇 一 百 万
_NOTHING = "-−－–—/"
_BRACKETS = "（）()〔〕：: "


class Section(NamedTuple):
    """One section of a format.  `is_odd` says that something in it is not known to be harmless."""

    before: str = ""  # texts in front of the number
    after: str = ""
    digits: str = ""  # 0 # ? . , or General; "" shows no number
    condition: tuple[str, Decimal] | None = None
    is_text: bool = False
    is_red: bool = False
    is_odd: bool = False


class _Draft:
    def __init__(self) -> None:
        self.before = self.digits = self.after = ""
        self.marks: list[str] = []
        self.is_text = False
        self.is_split = False  # by a text among the digits

    def take(self, kind: str, text: str) -> None:
        if kind == "bracket":
            self.marks.append(text)
            symbol = re.fullmatch(_CURRENCY, text, _ANY_CASE)
            self.put(symbol[1] if symbol else "")
        elif kind in ("general", "digits"):
            self.is_split = self.is_split or BLANK.sub("", self.after) not in ("", "/")
            self.digits += self.after + text
            self.after = ""
            self.is_text = self.is_text or text == "@"
        elif kind != "width":  # which is only so much room
            self.put(text)

    def put(self, text: str) -> None:
        if self.digits:
            self.after += text
        else:
            self.before += text

    def done(self) -> Section:
        marks = [mark.strip() for mark in self.marks]
        conditions = [match for mark in marks if (match := re.fullmatch(_CONDITION, mark))]
        others = [mark for mark in marks if not re.fullmatch(_CONDITION, mark)]
        digits = BLANK.sub("", self.digits)
        known = all(re.fullmatch(_KNOWN_MARK, one, _ANY_CASE) for one in others)
        return Section(
            before=self.before,
            after=self.after,
            digits="General" if digits.casefold() in ("general", "g/通用格式", "@") else digits,
            condition=(conditions[0][1], Decimal(conditions[0][2])) if conditions else None,
            is_text=self.is_text,
            is_red=any(one.casefold() in _RED for one in others),
            is_odd=not known or self.is_split or len(conditions) > 1,
        )


@lru_cache(maxsize=1024)
def sections_of(code: str) -> tuple[Section, ...]:
    """
    >>> [(one.before, one.digits, one.after) for one in sections_of('_ "¥"* #,##0_ ;"（"0"）";@')]
    [('¥ ', '#,##0', ''), ('（', '0', '）'), ('', 'General', '')]
    """
    drafts = [_Draft()]
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or ""
        if kind == "bare" and match["bare"] == ";":
            drafts.append(_Draft())
        else:
            drafts[-1].take(kind, match[kind])
    return tuple(draft.done() for draft in drafts)


def shows(code: str, number: Decimal, unit: str | None = None) -> bool:
    """Whether a cell of this format shows this number, whatever program shows it; `unit` may stand beside it.

    Nothing at all is right for zero.

    >>> [shows(code, Decimal("1234.5")) for code in ("General", "#,##0.00", "¥#,##0.00;¥-#,##0.00", "0", "0.0,")]
    [True, True, True, False, False]
    >>> [shows(code, Decimal(5), "件") for code in ('0"件"', '0"百"', '"1"General', '0!0', '[>9]0;0"0"', "-0", "(0)")]
    [True, False, False, False, False, False, False]
    >>> shows('0"万元"', Decimal(5), "万元"), shows('0"万元"', Decimal(5), "元"), shows('0"元"', Decimal(5), "万元")
    (True, False, False)
    """
    sections = sections_of(code[: LONGEST_CODE + 1])
    if len(code) > LONGEST_CODE or len(sections) > 4:
        return False
    figures = (
        sections[:-1] if len(sections) == 4 or (len(sections) > 1 and sections[-1].is_text) else sections
    )
    used = list(_used(figures, number))
    return bool(used) and all(_shows(one, number, unit, bears_sign=signed) for one, signed in used)


def _used(sections: Sequence[Section], number: Decimal) -> list[tuple[Section, bool]]:
    """The sections that may be used for a number, each with whether it has to bear the minus itself.

    Programs differ in which section takes what no condition fits, so all of them have to be right.
    """
    conditions = [one.condition for one in sections if one.condition is not None]
    if not conditions:
        if len(sections) == 1 or number > 0:
            return [(sections[0], False)]
        if number < 0:
            return [(sections[1], True)]
        return [(sections[2 if len(sections) > 2 else 0], False)]
    takes_positive = any(sign in (">", ">=") for sign, _ in conditions)
    return [
        (one, number < 0 and (takes_positive if one.condition is None else _only_negative(*one.condition)))
        for one in sections
        if one.condition is None or _holds(*one.condition, number)
    ]


def _only_negative(sign: str, bound: Decimal) -> bool:
    return (sign == "<" and bound <= 0) or (sign in ("<=", "=") and bound < 0)


def _holds(sign: str, bound: Decimal, number: Decimal) -> bool:
    order = (number > bound) - (number < bound)
    return {
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
        "=": order == 0,
        "<>": order != 0,
    }[sign]


def _shows(section: Section, number: Decimal, unit: str | None, *, bears_sign: bool) -> bool:
    before, after = section.before, section.after
    if section.is_odd:
        return False
    if number == 0 and set(section.digits) <= set("#?,./"):  # nothing, or a mark or word for it
        return all(_is_harmless(_without(_NOTHING, text), unit) for text in (before, after))
    signs = 0
    for mark in _MINUS:
        signs += before.count(mark)
        before = before.replace(mark, "")
    if _encloses(before, after):
        signs += 1
        before, after = (_without(_OPEN + _CLOSE, text) for text in (before, after))
    if signs != bears_sign and not (bears_sign and signs == 0 and section.is_red):
        return False
    if number > 0:
        before = before.removeprefix("+")
    return _is_harmless(before, unit) and _is_harmless(after, unit) and _digits_show(section.digits, number)


def _without(marks: str, text: str) -> str:
    return text.translate(dict.fromkeys(map(ord, marks)))


def _encloses(before: str, after: str) -> bool:
    """Whether a bracket opens before the number and closes behind it, which is how accountants write a minus."""
    opened = sum(map(before.count, _OPEN)) - sum(map(before.count, _CLOSE))
    closed = sum(map(after.count, _CLOSE)) - sum(map(after.count, _OPEN))
    return opened > 0 and closed > 0


def _digits_show(digits: str, number: Decimal) -> bool:
    _, figures, exponent = number.normalize().as_tuple()
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    if digits == "General":
        return True
    if _FRACTION.fullmatch(digits):
        return decimals == 0
    if power := _POWER.fullmatch(digits):
        return len(figures) - 1 <= len(power[1] or "")
    places = _PLACES.fullmatch(digits)
    return places is not None and any(mark in digits for mark in "0#?") and decimals <= len(places[1] or "")


def _is_harmless(text: str, unit: str | None) -> bool:
    """Whether a text beside a number leaves it as it is: its own unit, a currency, words without a number."""
    bare = BLANK.sub("", text).strip(_BRACKETS)
    if not bare or bare == unit or bare in _CURRENCIES:
        return True
    if unit and unit.endswith(bare):  # 元 where 万元 is meant
        return False
    return all(_is_word(char) or category(char) == "Sc" for char in bare) and not any(
        char.isnumeric() or char in _NUMBER_WORDS for char in bare
    )


def _is_word(char: str) -> bool:
    return 0x3400 <= ord(char) <= 0x9FFF or char in _PUNCTUATION

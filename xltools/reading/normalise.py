"""Normalise: what a cell means as a figure, by one strict grammar.

A figure is digits, perhaps with a sign, thousands separators in the right places and the declared unit.
Whatever is read otherwise than it was typed leaves a `repair`, one Chinese sentence; whatever is no figure
leaves a `fault` and no value.  Nothing is guessed and nothing is raised.  Blank is not zero and no fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Literal, NamedTuple

from xltools.filing import Cell
from xltools.words import BLANK, BLANKS, FULL_WIDTH, clean, label_key, number_text

NO_NUMBER = "V101"  # 不是数
NEGATIVE = "V102"  # 不能是负数
FRACTION = "V103"  # 应是整数
DATE = "V104"  # 日期
BOOLEAN = "V105"  # 逻辑值
ERROR_VALUE = "V106"  # 错误值
OUT_OF_SCALE = "V107"  # 小数位太多、百分比、无穷大或大得离谱

Kind = Literal["count", "signed", "money"]

DIGITS = 15  # Excel stores binary doubles and shows, and lets one type, 15 significant digits
LONGEST = 100  # characters that a figure may take, spaces and all

# Blanks may stand around, after the sign and before the unit, never between digits: that is two numbers.
_TYPED = (
    rf"(?P<sign>[-+\u2212增减])?[{BLANKS}]*"
    rf"(?P<whole>[0-9]+|[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+)(?P<decimals>\.[0-9]+)?[{BLANKS}]*"
    rf"(?P<rest>[^-+\u2212增减0-9.,，{BLANKS}][^{BLANKS}]*)?"
)
_STORED = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?(?P<power>[0-9]+))?")
_TYPED_DATE = r"[0-9]{4}[-/.年][0-9]{1,2}([-/.月][0-9]{1,2}日?|月)([T ][0-9:.]+Z?)?|[0-9]{1,2}月[0-9]{1,2}日"
_NOT_FINITE = r"(?i)[-+]?(nan|inf(inity)?)"

_ROUGH = Context(prec=DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_SCALES: Mapping[tuple[str, str], int] = {  # declared unit, typed unit -> power of ten
    ("万元", "万元"): 0,
    ("万元", "万"): 0,
    ("万元", "元"): -4,
    ("元", "元"): 0,
    ("元", "万元"): 4,
    ("元", "万"): 4,
}


class Figure(NamedTuple):
    """A figure as understood.  No value and no fault is a blank cell."""

    value: int | Decimal | None  # int for counts, Decimal for money
    repair: str | None = None  # what it was and what it became; the figure counts
    fault: str | None = None  # code of the value fault


def figure(cell: Cell, kind: Kind, *, unit: str | None, places: int | None) -> Figure:
    """The figure in an input cell, whose line declares `kind`, `unit` and (for money) `places`.

    >>> figure(Cell("number", "180.09999999999999"), "money", unit="万元", places=6)
    Figure(value=Decimal('180.1'), repair=None, fault=None)
    >>> figure(Cell("text", "３件"), "count", unit="件", places=None).repair
    '原文“３件”已按 3 读入（全角改半角，去掉单位，文本改为数字）。'
    >>> figure(Cell("text", "约3"), "count", unit="件", places=None)
    Figure(value=None, repair=None, fault='V101')
    """
    match cell.kind:
        case "blank":
            return Figure(None)
        case "boolean":
            return Figure(None, fault=BOOLEAN)
        case "error":
            return Figure(None, fault=ERROR_VALUE)
        case "number":
            return _stored_figure(cell, kind, places)
        case "text":
            return _typed_figure(cell.text, kind, unit, places)


def _stored_figure(cell: Cell, kind: Kind, places: int | None) -> Figure:
    if cell.format == "date":
        return Figure(None, fault=DATE)
    if cell.format == "percent":
        return Figure(None, fault=OUT_OF_SCALE)
    text = cell.text.strip(" \t\r\n")
    stored = _STORED.fullmatch(text)
    if stored is None:
        return Figure(None, fault=OUT_OF_SCALE if re.fullmatch(_NOT_FINITE, text) else NO_NUMBER)
    if len(stored["power"] or "") > 3:  # of a double: at most 308
        return Figure(None, fault=OUT_OF_SCALE)
    return _judge(_ROUGH.create_decimal(text), kind, places)


def _typed_figure(text: str, kind: Kind, unit: str | None, places: int | None) -> Figure:
    if not BLANK.sub("", text):
        return Figure(None, repair="这一格只有空格，按空白处理。" if text else None)
    folded = text.translate(FULL_WIDTH)
    bare = folded.strip(BLANKS)
    plain = bare.removeprefix("'").lstrip(BLANKS)
    typed = re.fullmatch(_TYPED, plain) if len(text) <= LONGEST else None
    if typed is None:
        return Figure(None, fault=_fault_of(plain))
    sign, rest = typed["sign"] or "", typed["rest"] or ""
    scale = _scale(rest, unit, kind)
    if scale is None:
        return Figure(None, fault=_fault_of(plain))
    if kind != "signed" and sign in ("+", "增", "减"):
        return Figure(None, fault=NO_NUMBER)
    if kind != "signed" and sign:
        return Figure(None, fault=NEGATIVE)
    digits = typed["whole"].replace(",", "") + (typed["decimals"] or "")
    number = _EXACT.scaleb(_EXACT.create_decimal(digits), scale)
    result = _judge(number.copy_negate() if sign in ("-", "\u2212", "减") else number, kind, places)
    if result.value is None:
        return result
    repairs = [
        words
        for words, done in (
            ("全角改半角", folded != text),
            ("去掉空格", BLANK.search(text)),
            ("去掉撇号", plain != bare),
            ("去掉千分位逗号", "," in plain),
            ("去掉加号", sign == "+"),
            ("增减改为正负号", sign in ("增", "减")),
            ("元折算为万元" if scale < 0 else "万元折算为元" if scale else "去掉单位", rest),
            ("文本改为数字", True),
        )
        if done
    ]
    became = f"原文“{_quoted(text)}”已按 {number_text(result.value)} 读入（{'，'.join(repairs)}）。"
    return Figure(result.value, repair=became)


def _scale(rest: str, unit: str | None, kind: Kind) -> int | None:
    """The power of ten that leads from the typed unit to the declared one; None for any other unit."""
    if not rest:
        return 0
    declared = label_key(unit or "")
    if kind == "money" and (declared, rest) in _SCALES:
        return _SCALES[declared, rest]
    return 0 if rest == declared else None


def _fault_of(text: str) -> str:
    """What is wrong with a text that is no figure."""
    if re.fullmatch(_TYPED_DATE, text):
        return DATE
    typed = re.fullmatch(_TYPED, text)
    return OUT_OF_SCALE if typed and typed["rest"] == "%" else NO_NUMBER


def _judge(number: Decimal, kind: Kind, places: int | None) -> Figure:
    """The figure of an exact number, if its line admits such a one."""
    if not number.is_finite():
        return Figure(None, fault=OUT_OF_SCALE)
    if number == 0:
        return Figure(Decimal(0) if kind == "money" else 0)
    if number.adjusted() >= DIGITS:
        return Figure(None, fault=OUT_OF_SCALE)
    if number < 0 and kind != "signed":
        return Figure(None, fault=NEGATIVE)
    number = _trimmed(number)
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # finite
    if kind != "money":
        return Figure(int(number)) if exponent >= 0 else Figure(None, fault=FRACTION)
    if len(digits) > DIGITS or -exponent > (DIGITS if places is None else places):
        return Figure(None, fault=OUT_OF_SCALE)
    return Figure(number)


def _trimmed(number: Decimal) -> Decimal:
    """The same number without trailing zeros behind the point, and with no exponent."""
    number = _EXACT.normalize(number)
    return _EXACT.quantize(number, Decimal(1)) if number == number.to_integral_value() else number


def _quoted(text: str) -> str:
    """A text short and plain enough to stand inside a sentence."""
    shown = clean(text).replace("\n", " ").strip()
    return shown if len(shown) <= 30 else shown[:29] + "…"

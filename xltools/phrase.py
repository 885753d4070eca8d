"""Phrase: the language in which a form file says how a figure is put into words, and the reading of it.

`收到…申请{n}[件|条]` is read literally, but `…` is a short gap without punctuation or digits, `{n}` the number,
`[a|b]` one of several (an empty one may be missing), `{year}` and `{next_year}` the report's year and the next.

A number counts only where it can be meant in no other way: of this year, exact, not a difference.  Whatever is
doubtful is not read.  Which figure a phrase speaks of, and what else makes it doubtful, is the form's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from xltools.errors import FormError
from xltools.words import BLANKS, FULL_WIDTH

MOST_GAP = 16  # characters of a gap; a longer one leads to another matter
MARKS = ("{n}", "{year}", "{next_year}")

STOPS = "。！？!?;；\n"  # ends of sentences
PAUSES = ",，、:：()（）“”《》\"'"
_BLANK = re.compile(f"[{re.escape(BLANKS.replace(chr(10), ''))}]+")
_FOLD = {
    code: to for code, to in FULL_WIDTH.items() if chr(code) not in "，；！？"
}  # a full-width comma is no 1,000

_DIGITS = r"(?<![\d.])(?<!\d,)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)(?!\.\d)(?!,\d)"
_NUMERALS = "零〇一二两三四五六七八九十百千万"
_NUMBER = rf"(?P<n>{_DIGITS}万?|(?<![{_NUMERALS}\d])[{_NUMERALS}]+(?![{_NUMERALS}\d]))"
_GAP = rf"([^\d{re.escape(STOPS + PAUSES)}]{{0,{MOST_GAP}}}?)"

_PLAIN_DIGITS = str.maketrans("零〇一二三四五六七八九", "00123456789")
_NOT = re.compile(r"(?:不|未|没|没有|无|非|未曾|尚未|未能)$")
_ABOUT = re.compile(rf"(?:约|近|接近|超|超过|逾|不足|不到|至少|最多|第|前|[\d{_NUMERALS}][至到~—-])$")
_JOINED = re.compile(r"[^\d件条份起宗例元)）][、和及与或]$")  # 复议、诉讼3件: of both, unless it is none
_INEXACT = re.compile(r"余|多|几|次|%|％|以上|以下|左右|上下")
# Which year is spoken of: 上年结转 is a name and 比上年 a comparison, neither turns to another year.
_YEARS = re.compile(
    r"(?<![比较与同和])(?:(?P<other>上一?年度?|去年|前年|往年|历年|近[二两三四五几]年)|(?P<this>今年|本年|全年|年内)"
    r"|(?P<year>(?:19|20)\d\d|二[零〇][零〇一二三四五六七八九]{2})年)(?!.{0,2}结转)"
)
_NOT_A_COUNT = re.compile(
    r"同比|环比|[比较与]上|[比较与]去|增加|增长|减少|下降|增幅|降幅|上升|累计|以来|季度|半年|月份|平均|占"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number as the text states it, and the words that do."""

    at: int  # where the words end, so that the same number read twice is told
    value: int | Decimal
    in_wan: bool  # written as 1.2万: the value is multiplied already, and for a count not exact
    words: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A parsed phrase; without {n} it states that there is none."""

    text: str
    _pattern: str = field(repr=False)  # of `re`, but for the years

    @property
    def has_number(self) -> bool:
        return "{n}" in self.text

    def pattern(self, year: int) -> re.Pattern[str]:
        return _compiled(self._pattern, year)


@lru_cache(maxsize=1024)
def _compiled(pattern: str, year: int) -> re.Pattern[str]:
    return re.compile(pattern.replace("{next_year}", str(year + 1)).replace("{year}", str(year)))


# ---- a phrase


def parse_phrase(text: str, *, file: str = "", key: str = "words") -> Phrase:
    """
    >>> [one.value for one in read("今年收到政府信息公开申请12件。", [parse_phrase("收到…申请{n}件")], year=2021)]
    [12]

    Raises FormError, and nothing else, when it is none.
    """

    def refuse(problem: str) -> NoReturn:
        raise FormError(file, key, f"“{text}”{problem}")

    folded = fold(text)
    made, inside = "", False
    for part in re.findall(r"…+|\{[^}]*\}?|[\[\]|]|[^…{}\[\]|]+|\}", folded):
        if part[0] == "…":
            if inside:
                refuse("里 [ ] 中不能有 …")
            made += _GAP
        elif part[0] in "{}":
            if part not in MARKS:
                refuse(f"里的 {part} 读不懂；可用的：{'、'.join(MARKS)}")
            if part == "{n}" and (inside or _NUMBER in made):
                refuse("里 {n} 只能写一次，不能写在 [ ] 里")
            made += _NUMBER if part == "{n}" else part
        elif part == "[":
            if inside:
                refuse("里 [ ] 不能套 [ ]")
            made, inside = made + "(?:", True
        elif part in "]|":
            if not inside:
                refuse(f"里的 {part} 没有对应的 [；几选一写作 [甲|乙]")
            made, inside = made + (")" if part == "]" else "|"), part == "|"
        else:
            made += re.escape(part)
    if inside:
        refuse("里的 [ 没有收尾的 ]")
    if folded.startswith("…") or folded.endswith("…"):
        refuse("不能以 … 开头或结尾")
    if not re.search(r"\w", re.sub(r"\{[^}]*\}|…", "", folded)):
        refuse("里除了记号没有字")
    return Phrase(text, made)


def fold(text: str) -> str:
    """A text for reading: no blanks, full-width digits and brackets made half-width."""
    return _BLANK.sub("", text).translate(_FOLD)


# ---- a text


def read(text: str, phrases: Sequence[Phrase], *, year: int, but: Sequence[str] = ()) -> Iterator[Reading]:
    """What a text states by these phrases.  A word of `but` before the number, in its clause, makes it doubtful.

    >>> phrases = [parse_phrase("收到…申请{n}件"), parse_phrase("未收到…申请")]
    >>> [one.value for one in read("未收到信息公开申请。去年收到信息公开申请3件。", phrases, year=2021)]
    [0]
    """
    folded = re.sub("其中[,，:：]", "其中", fold(text))
    decided: set[int] = set()  # 诉讼3件 is not read again in 复议和行政诉讼3件: the first phrase decides
    for phrase in phrases:
        for match in phrase.pattern(year).finditer(folded):
            if match.end() in decided:
                continue
            decided.add(match.end())
            value = number_of(match["n"]) if phrase.has_number else 0
            if value is None or not _is_plain(match, folded, phrase, year, but):
                continue
            if not value or not _is_shared(match, folded):
                in_wan = phrase.has_number and match["n"].endswith("万") and match["n"][0].isascii()
                yield Reading(match.end(), value, in_wan, match[0])


def _is_plain(match: re.Match[str], text: str, phrase: Phrase, year: int, but: Sequence[str]) -> bool:
    """Whether a match states this year's figure, and exactly."""
    before = text[_after_last(STOPS, text, match.start()) : match.start()]
    clause = before[_after_last(PAUSES, before, len(before)) :]
    gaps = [gap for at, gap in enumerate(match.groups(""), 1) if at != match.re.groupindex.get("n")]
    within, after = "".join(gaps), text[match.end() : match.end() + 2]
    if any(fold(word) in clause + within for word in but):
        return False
    if _is_of_another_year(before + within, year) or _NOT_A_COUNT.search(clause + within):
        return False
    if not phrase.has_number:
        return True
    if _NOT.search(before) or _ABOUT.search(text[: match.start("n")]) or _INEXACT.match(after):
        return False
    is_bare = match.end() == match.end("n")
    return not is_bare or not after or after[0] in STOPS + PAUSES


def _is_shared(match: re.Match[str], text: str) -> bool:
    """Whether the number is of several things together."""
    return _JOINED.search(text[: match.start()]) is not None


def _after_last(signs: str, text: str, end: int) -> int:
    return max(text.rfind(sign, 0, end) for sign in signs) + 1


def _is_of_another_year(context: str, year: int) -> bool:
    mentions = list(_YEARS.finditer(context))
    if not mentions:
        return False
    last = mentions[-1]
    return bool(last["other"]) if not last["year"] else int(last["year"].translate(_PLAIN_DIGITS)) != year


# ---- a number

_DIGIT = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def number_of(text: str) -> int | Decimal | None:
    """The number that a text is; None where it may be another or none.

    >>> number_of("1,234"), number_of("1.2万"), number_of("一百零五"), number_of("十二"), number_of("两千三百万")
    (1234, Decimal('12000.0'), 105, 12, 23000000)
    >>> number_of("三百五"), number_of("三四"), number_of("二〇二三")
    (None, None, None)
    """
    if text[0] in _NUMERALS:
        return _chinese(text)
    digits = text.removesuffix("万").replace(",", "")
    number = Decimal(digits) * (10_000 if text.endswith("万") else 1)
    return int(digits) if digits == text.replace(",", "") and "." not in digits else number


def _chinese(text: str) -> int | None:
    head, wan, rest = text.partition("万")
    if not wan:
        return _below_wan(head)
    high, low = _below_wan(head), _below_wan(rest.removeprefix("零")) if rest else 0
    if not high or low is None or (rest and (low < 1000) != rest.startswith("零")):
        return None
    return high * 10_000 + low


def _below_wan(text: str) -> int | None:
    """One digit, or 一千二百零三 and the like, with 零 just where a place is skipped."""
    if text in _DIGIT:
        return _DIGIT[text]
    digit = "([一二两三四五六七八九])"
    if text.startswith("十"):
        text = "一" + text
    found = re.fullmatch(f"(?:{digit}千)?(?:{digit}百)?(?:(零?){digit}十)?(?:(零?){digit})?", text)
    if not text or not found:
        return None
    thousands, hundreds, tens_gap, tens, ones_gap, ones = found.groups()
    if tens and bool(tens_gap) != bool(thousands and not hundreds):
        return None
    if ones and bool(ones_gap) != (not tens):
        return None
    return sum(
        _DIGIT.get(one or "零", 0) * unit
        for one, unit in ((thousands, 1000), (hundreds, 100), (tens, 10), (ones, 1))
    )

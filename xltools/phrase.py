"""Phrase: the language in which a form file says how a figure is put into words, and the reading of it.

`收到…申请{n}[件|条]` is read literally, but `…` is a short gap without punctuation or digits, `{n}` the number,
`[a|b]` one of several (an empty one may be missing), `{year}` and `{next_year}` the report's year and the next.

A number counts only where it can be meant in no other way: of this unit and this year, exact, not a difference.
What may stand around a phrase in its clause is therefore listed, not what may not: common words, times, the unit's
own name, and what the form says (`Wording`).  Whatever is doubtful is not read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, NoReturn

from xltools.errors import FormError
from xltools.words import BLANKS, FULL_WIDTH

MOST_GAP = 16  # characters of a gap; a longer one leads to another matter
SENTENCE, TOPIC = 300, 2000  # characters looked at around a match, and before it for what is spoken of
MARKS = ("{n}", "{year}", "{next_year}")

STOPS = "。！？!?;；\n"  # ends of sentences
PAUSES = ",，、:：()（）“”《》\"'"
_FOLDED = {  # a full-width comma is no 1,000
    **{chr(code): chr(to) for code, to in FULL_WIDTH.items() if chr(code) not in "，；！？"},
    **dict.fromkeys(BLANKS.replace("\n", ""), ""),
}
_ODD = re.compile(f"[{re.escape(''.join(_FOLDED))}]")

_DIGITS = r"(?<![\d.])(?<!\d,)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)(?!\.\d)(?!,\d)"
_NUMERALS = "零〇一二两三四五六七八九十百千万"
_NUMBER = rf"(?P<n>{_DIGITS}万?|(?<![{_NUMERALS}\d])[{_NUMERALS}]+(?![{_NUMERALS}\d]))"
_GAP = rf"([^\d{re.escape(STOPS + PAUSES)}]{{0,{MOST_GAP}}}?)"

# Patterns are compiled, and kept by `re`, where they are first used: few texts put a figure into words.
_PLAIN_DIGITS = str.maketrans("零〇一二三四五六七八九", "00123456789")
_JOINED = r"[^\d件条份起宗例元)）][、和及与或]$"  # 复议、诉讼3件: of both, unless it is none
# Which year is spoken of: 上年结转 is a name and 比上年 a comparison, neither turns to another year.
_YEARS = (
    r"(?<![比较与同和])(?:(?P<other>上一?年度?|去年|前年|往年|历年|近[二两三四五几]年)|(?P<this>今年|本年|全年|年内)"
    r"|(?P<year>(?:19|20)\d\d|二[零〇][零〇一二三四五六七八九]{2})年)(?!.{0,2}结转)"
)
_YEAR = r"(?:(?:19|20)\d\d|二[零〇][零〇一二三四五六七八九]{2})年度?"
_TO = r"[至到~—-]+"
# The whole year, however it is put; only which one is kept.
_WHOLE_YEAR = (
    rf"[自从]?(?P<y>{_YEAR})?1月1日起?{_TO}(?:{_YEAR})?12月31日(?:止|期间)?"
    rf"|(?<!\d)1月?份?{_TO}12月份?|截[至止]到?(?P<z>{_YEAR})?(?:12月)?(?:31日|底|末)|截[至止]到?(?:本年|今年|年)[底末]"
)
_PART_OF_YEAR = r"[\d一二三四五六七八九十]月|季度|半年|月份|每月|当月|上旬|中旬|下旬|(?<!今年)(?<!年初)以来"
_TIME = rf"{_YEAR}|本年度?|今年|全年度?|当年|年内|年初|以来"
_ORDINAL = r"^[一二三四五六七八九十]+是|^\d{1,2}\.(?!\d)"
_COUNTED = rf"(?:{_DIGITS}|[{_NUMERALS}]+)[件份条起宗笔]"
_PLAIN = "共 总共 共计 合计 总计 一共 总 计 实际 均 都 全部 已 已经 有 为 是 的 了 内 数量 情况 方面"
_MORE = rf"{_DIGITS}万?元|^[0零][件份条起宗]"  # 收取…1件380元; 未收到…0件 says it twice
_ASIDE = r"\((?![一二三四五六七八九十\d]+\))[^()]*\)"  # but (二) begins anew
_TAKEN_BACK = r"[均都皆全]非|[均都皆]?不是|[均都皆]不属|无关|不涉及"
_ALL_ARE = r"[,，:：]?(?:[均都皆]|全部)[为是系属]"

# ---- whose figure it is

_SEAT = r"(?:人民政府|政府)?(?:办公室)?$|(?<=街道)办(?:事处)?$|(?:管委会|管理委员会)$"
_TERRITORIES = "省市县区州盟旗"
_OURS = (
    "[我本](?:行政机关|机关|单位|部门|办公室|街道办事处|街道办|街办|办事处|管委会|街道|中心|大队|支队|分局"
    "|[镇乡街局委办厅院处所站场])(?:人民政府|政府|机关|本级)?"
)
_ANOTHER = rf"(?:^|[,，])[{_TERRITORIES}镇乡][^{PAUSES}]{{1,8}}?(?:局|中心|站|所|大队|公司|学校|医院)"


class Reading(NamedTuple):
    """A number as the text states it, and the words that do."""

    start: int  # where the words stand, so that the same number read twice is told
    end: int
    value: int | Decimal
    in_wan: bool  # written as 1.2万: the value is multiplied already, and for a count not exact
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What may stand around a phrase, and of what it has to be said."""

    beside: tuple[str, ...] = ()  # words before it in its clause and in its gaps
    behind: tuple[str, ...] = ()  # words after it in its clause
    about: tuple[str, ...] = ()  # what is spoken of, where one of these was named last,
    but: tuple[str, ...] = ()  # and where one of these was, it is something else


@dataclass(frozen=True, slots=True)
class Phrase:
    """A parsed phrase; without {n} it states that there is none."""

    text: str
    _pattern: str = field(repr=False)  # of `re`, but for the years
    anchors: tuple[str, ...] = field(repr=False)  # of which one stands in every text that it matches
    ends: str = field(repr=False)  # of sentences, that stand in nothing that it matches

    @property
    def has_number(self) -> bool:
        return "{n}" in self.text

    def matches(self, folded: str, year: int) -> Iterator[re.Match[str]]:
        """Looked for in the sentences with an anchor only, since it is slow."""
        bounds = _bounds(folded, self.ends)
        found: set[int] = set()
        for anchor in self.anchors:
            at = folded.find(anchor)
            while at >= 0:
                sentence = bisect_right(bounds, at, 0, len(bounds) - 1)
                found.add(sentence)
                at = folded.find(anchor, bounds[sentence])
                if sentence == len(bounds) - 1:
                    break
        for sentence in sorted(found):
            start, end = bounds[sentence - 1 : sentence + 1]
            yield from _compiled(self._pattern, year).finditer(folded, start, end)


@lru_cache(maxsize=128)
def _bounds(folded: str, ends: str) -> tuple[int, ...]:
    """Where the sentences of a text begin, and where it ends; `ends` are their last characters."""
    inner = [one.end() for one in re.finditer(f"[{ends}]", folded)] if ends else []
    return 0, *inner, len(folded)


@lru_cache(maxsize=1024)
def _compiled(pattern: str, year: int) -> re.Pattern[str]:
    return re.compile(pattern.replace("{next_year}", str(year + 1)).replace("{year}", str(year)))


# ---- a phrase


def parse_phrase(text: str, *, file: str = "", key: str = "words") -> Phrase:
    """
    >>> [one.value for one in read("今年共收到申请12件。", [parse_phrase("收到申请{n}件")], year=2021)]
    [12]

    Raises FormError, and nothing else, when it is none.
    """

    def refuse(problem: str) -> NoReturn:
        raise FormError(file, key, f"“{text}”{problem}")

    folded = fold(text)
    made, inside = "", False
    choices: list[str] = []
    fixed = [[""]]  # the pieces that have to be there, each with its choices, without marks
    for part in re.findall(r"…+|\{[^}]*\}?|[\[\]|]|[^…{}\[\]|]+|\}", folded):
        piece = ""
        if part[0] == "…":
            if inside:
                refuse("里 [ ] 中不能有 …")
            piece = _GAP
        elif part[0] in "{}":
            if part not in MARKS:
                refuse(f"里的 {part} 读不懂；可用的：{'、'.join(MARKS)}")
            if part == "{n}" and (inside or _NUMBER in made):
                refuse("里 {n} 只能写一次，不能写在 [ ] 里")
            piece = _NUMBER if part == "{n}" else part
        elif part == "[":
            if inside:
                refuse("里 [ ] 不能套 [ ]")
            inside, choices = True, [""]
            fixed.append([""])
        elif part in "]|":
            if not inside:
                refuse(f"里的 {part} 没有对应的 [；几选一写作 [甲|乙]")
            if part == "|":
                choices.append("")
                fixed[-1].append("")
            else:  # the longest first: of 新收到, 新收 would leave 到 to a gap
                made += f"(?:{'|'.join(sorted(choices, key=len, reverse=True))})"
                inside = False
        else:
            piece = re.escape(part)
            if inside:
                fixed[-1][-1] = max(fixed[-1][-1], part, key=len)
            else:
                fixed.append([part])
        if inside:
            choices[-1] += piece
        else:
            made += piece
    if inside:
        refuse("里的 [ 没有收尾的 ]")
    if folded.startswith("…") or folded.endswith("…"):
        refuse("不能以 … 开头或结尾")
    if not re.search(r"\w", re.sub(r"\{[^}]*\}|…", "", folded)):
        refuse("里除了记号没有字")
    # the piece whose shortest choice is the longest
    anchors = max(fixed, key=lambda choices: (min(map(len, choices)), -len(choices)))
    return Phrase(text, made, tuple(anchors), "".join(end for end in "。\n；" if end not in folded))


def fold(text: str) -> str:
    """A text for reading: no blanks, full-width digits and brackets made half-width."""
    return _ODD.sub(lambda one: _FOLDED[one[0]], text)


@lru_cache(maxsize=256)
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, words))


# ---- a text


def read(
    text: str, phrases: Sequence[Phrase], wording: Wording = Wording(), *, year: int, own: str = ""
) -> Iterator[Reading]:
    """What a text of the unit `own` (its name, its government's before it) states by these phrases.

    >>> phrases = [parse_phrase("收到申请{n}件"), parse_phrase("未收到申请")]
    >>> [one.value for one in read("我镇未收到申请。去年收到申请3件。乙镇收到申请2件。", phrases, year=2021)]
    [0]
    """
    folded = fold_whole(text)
    for match, value in numbers_in(text, phrases, year):
        if _is_plain(match, folded, wording, year, own) and not (value and _is_shared(match, folded)):
            written = match["n"] if "n" in match.re.groupindex else ""
            in_wan = written.endswith("万") and written[0].isascii()
            yield Reading(match.start(), match.end(), value, in_wan, match[0])


def numbers_in(
    text: str, phrases: Sequence[Phrase], year: int
) -> Iterator[tuple[re.Match[str], int | Decimal]]:
    """Every number that stands in such words, whatever it is of; `read` has those of them that are the unit's own."""
    folded = fold_whole(text)
    decided: set[int] = set()  # 诉讼3件 is not read again in 复议和行政诉讼3件: the first phrase decides
    for phrase in phrases:
        for match in phrase.matches(folded, year):
            if match.end() not in decided:
                decided.add(match.end())
                value = number_of(match["n"]) if phrase.has_number else 0
                if value is not None:
                    yield match, value


@lru_cache(maxsize=32)
def fold_whole(text: str) -> str:
    """A text as phrases are looked for in it; each text is asked for many figures, one after the other."""
    folded = fold(text)
    if "其中" in folded:
        folded = re.sub("其中[,，:：]", "其中", folded)
    if "月" in folded or "截" in folded:
        folded = re.sub(_WHOLE_YEAR, lambda one: one["y"] or one["z"] or "全年", folded)
    return folded


def _is_plain(match: re.Match[str], text: str, wording: Wording, year: int, own: str) -> bool:
    """Whether a match states this unit's figure of this year, and exactly."""
    before = text[max(0, match.start() - SENTENCE) : match.start()]
    before = before[_after_last(STOPS, before, len(before)) :]
    head = re.sub(_ASIDE, "", before)
    head = head[_after_last(PAUSES, head, len(head)) :]
    after = text[match.end() : match.end() + SENTENCE]
    after = after[: _before_next(STOPS, after)]
    tail = re.sub(_MORE, _GONE, after[: _before_next(PAUSES, after)])
    gaps = [gap for at, gap in enumerate(match.groups(""), 1) if at != match.re.groupindex.get("n")]
    if _is_of_another_year(before + "".join(gaps), year) or re.search(_PART_OF_YEAR, before):
        return False
    if _is_of_another_body(before, own) or _is_of_something_else(
        text[max(0, match.end() - TOPIC) : match.end()], after, wording
    ):
        return False
    beside, behind = ((*_PLAIN.split(), *_folded(more)) for more in (wording.beside, wording.behind))
    for understood in (_ORDINAL, _TIME, _own_words(own), _COUNTED):
        head = re.sub(understood, _GONE, head)
    return (
        _consists_of(head, beside)
        and _consists_of(tail, behind)
        and all(_consists_of(gap, beside) for gap in gaps)
    )


_GONE = "·"  # in place of what has been understood, so that its neighbours do not become one word


def _consists_of(text: str, words: Sequence[str]) -> bool:
    """Whether a text can be cut into these words.  By hand: `(甲|甲乙|乙)*` may take `re` for ever."""
    cuts = {0}
    for at in range(len(text)):
        if at in cuts:
            cuts.update(at + len(word) for word in (*words, _GONE) if text.startswith(word, at))
    return len(text) in cuts


@lru_cache(maxsize=1024)
def _own_words(own: str) -> re.Pattern[str]:
    """What the unit calls itself: 本机关, 我镇; of 示例县甲镇 also 甲镇, 镇政府, 全镇, but not 全县 or 我县."""
    core = re.sub(_SEAT, "", own)
    said = [_OURS]
    for name in {core, own} - {""}:
        ends = "|".join(re.escape(name[at:]) for at in range(max(1, len(name) - 1)))
        last, two = re.escape(name[-1]), re.escape(name[-2:])
        itself = "" if name[-1] in _TERRITORIES else "|本级"  # 县本级 is a part of a county
        said.append(f"(?:{ends})(?:人民政府|政府|办事处|办|管委会|机关{itself})?")
        said.append(f"[我本全]?{last}(?:人民政府|政府)|[我本全](?:{two}|{last})")
    said += ["全街"] * core.endswith("街道") + ["管委会"] * own.endswith(("管委会", "管理委员会"))
    return re.compile("|".join(said))


def _is_of_another_body(before: str, own: str) -> bool:
    """Whether an earlier clause of the sentence has another body for its subject: 县财政局率先试点，收到…"""
    clauses = before[: _after_last(PAUSES, before, len(before))]
    return re.search(_ANOTHER, _own_words(own).sub(_GONE, clauses)) is not None


def _is_of_something_else(until: str, after: str, wording: Wording) -> bool:
    """Whether what was named last is something else, or the sentence goes on to say that it was."""
    about, but = (
        max((at + len(word) for word in _folded(words) if (at := until.rfind(word)) >= 0), default=0)
        for words in (wording.about, wording.but)
    )
    taken_back = re.match(_ALL_ARE, after) and any(word in after for word in _folded(wording.but))
    return but > about or bool(taken_back or re.search(_TAKEN_BACK, after))


def _is_shared(match: re.Match[str], text: str) -> bool:
    """Whether the number is of several things together."""
    return re.search(_JOINED, text[: match.start()]) is not None


def _after_last(signs: str, text: str, end: int) -> int:
    return max(text.rfind(sign, 0, end) for sign in signs) + 1


def _before_next(signs: str, text: str) -> int:
    return min((at for sign in signs if (at := text.find(sign)) >= 0), default=len(text))


def _is_of_another_year(context: str, year: int) -> bool:
    mentions = list(re.finditer(_YEARS, context))
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

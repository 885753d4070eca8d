"""What the texts say of figures, against the tables.  Notes only: a text may count otherwise than a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from xltools.checks.registry import Case, Check, check
from xltools.checks.rules import STRUCTURE
from xltools.compute import Number, as_number
from xltools.finding import Finding, Level
from xltools.form import Form, Statement
from xltools.phrase import Reading, fold_whole, numbers_in, read
from xltools.words import number_text


@check("T101", "文字里的数与表不一致", Level.NOTE, requires=STRUCTURE)
def text_against_table(this: Check, case: Case) -> Iterator[Finding]:
    """文字里写明的本年数（收到申请多少件、复议多少件等）应与表里的一致；口径不同的可以不一致，所以只提示。

    通过：文字“收到申请5件”，表里新收总计 5　文字说的是上年、半年、约数、别的单位或其中一部分，不比较
    提示：文字“收到申请5件”，表里新收总计 3
    改正：核对文字和表，改正写错的一处；口径不同的不必改。
    """
    year = case.filing.year
    if case.filing.is_rollup or year is None:  # a roll-up's texts are its units' own
        return
    for name, (at_a_glance, statements) in _by_text(case.form).items():
        text = case.filing.texts.get(name, "")
        folded = fold_whole(text)
        if not at_a_glance.search(folded):
            continue
        differing: list[_Differing] = []
        for statement, anchors in statements:
            if any(map(folded.__contains__, anchors)):
                differing += _differing(case, statement, text, year)
        for group in _by_words(differing):
            yield _finding(this, case, name, group)


@lru_cache(maxsize=64)
def _by_text(form: Form) -> Mapping[str, tuple[re.Pattern[str], tuple[tuple[Statement, list[str]], ...]]]:
    """Text → what it may state, each with pieces of which one stands in every text that states it; before them, how
    any of these pieces is found."""
    made = {}
    for name in dict.fromkeys(text for one in form.statements for text in one.texts):
        statements = tuple((one, _anchors(one)) for one in form.statements if name in one.texts)
        pieces = {anchor for _, anchors in statements for anchor in anchors}
        made[name] = re.compile("|".join(map(re.escape, _shortest(pieces)))), statements
    return made


def _anchors(statement: Statement) -> list[str]:
    return _shortest(anchor for phrase in statement.words for anchor in phrase.anchors)


def _shortest(pieces: Iterable[str]) -> list[str]:
    """Without those in which another one stands."""
    each = sorted(set(pieces))
    return [one for one in each if not any(other in one for other in each if other != one)]


class _Differing(NamedTuple):
    """What a text states, and the table's figure, where both are plain and differ."""

    statement: Statement
    reading: Reading
    stated: Number  # in the unit of the table
    table: Number


def _differing(case: Case, statement: Statement, text: str, year: int) -> Iterator[_Differing]:
    item, unit = case.form.items[statement.items[0]], case.filing.unit
    table, more = _sum(case, statement.items), _sum(case, statement.plus)
    if table is None or more is None:
        return
    agreed = {table, table + more}
    if all(_in_unit(one, item.unit) in agreed for _, one in numbers_in(text, statement.words, year)):
        return  # whatever they are of
    own = "".join(dict.fromkeys((unit.parent, unit.name))) if unit else ""
    readings = [
        one
        for one in read(text, statement.words, statement.wording, year=year, own=own)
        if item.type == "money" or not one.in_wan
    ]
    stated = {_in_unit(one.value, item.unit) for one in readings}
    # Two different numbers for one thing: which of them is meant cannot be told.
    if len(stated) == 1 and not stated & agreed:
        yield _Differing(statement, readings[0], stated.pop(), table)


def _by_words(differing: Sequence[_Differing]) -> list[list[_Differing]]:
    """In the order of the text.  What the same words say of several figures (未发生行政复议、行政诉讼) is one
    thing; of one figure it is said once."""
    groups: list[list[_Differing]] = []
    for one in sorted(differing, key=lambda one: (one.reading.start, one.reading.end)):
        last = groups[-1] if groups else []
        overlaps = any(one.reading.start < other.reading.end for other in last)
        if not overlaps or one.stated != last[0].stated:
            groups.append([one])
        elif all(one.statement.items != other.statement.items for other in last):
            last.append(one)
    return groups


def _in_unit(value: Number, unit: str | None) -> Number:
    """A stated amount, which phrases give in 元, in the unit of the table."""
    return Decimal(value) / 10_000 if unit == "万元" else value


def _sum(case: Case, items: Sequence[str]) -> Number | None:
    whole: Number = 0
    for name in items:
        figure = as_number(case.filing.figures.get(name))
        if figure is None:
            return None
        whole += figure
    return whole


def _finding(this: Check, case: Case, text: str, group: Sequence[_Differing]) -> Finding:
    place, first = case.layout.texts[text], group[0]
    words = max((one.reading.words for one in group), key=len)
    stated, unit = number_text(first.stated), _unit(case, first)
    items = [name for one in group for name in one.statement.items]
    apart = {number_text(Decimal(one.stated) - Decimal(one.table)) for one in group}
    return this.finding(
        case,
        f"〔{place.sheet}〕{place.address} 的文字“{words}”说的是 {stated}{unit}，"
        f"{'；'.join(_against(case, one) for one in group)}。",
        "请核对文字和表，改正写错的一处；口径不同的不必改。",
        sheet=place.sheet,
        cell=place.address,
        item=items[0] if len(items) == 1 else None,
        rule=f"{first.statement.id}.{text}",  # so that two statements of one text are told apart
        found=stated,
        expected="、".join(number_text(one.table) for one in group),
        difference=apart.pop() if len(apart) == 1 else None,
    )


def _against(case: Case, one: _Differing) -> str:
    slots = [case.layout.slots[name] for name in one.statement.items]
    words = case.at(slots[0]) + (f"等 {len(slots)} 格合计" if len(slots) > 1 else "")
    apart = number_text(abs(Decimal(one.stated) - Decimal(one.table)))
    return f"{words}是 {number_text(one.table)}{_unit(case, one)}，相差 {apart}"


def _unit(case: Case, one: _Differing) -> str:
    return case.form.items[one.statement.items[0]].unit or ""

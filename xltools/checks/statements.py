"""What the texts say of figures, against the tables.  Notes only: a text may count otherwise than a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from xltools.checks.registry import Case, Check, check
from xltools.checks.rules import STRUCTURE
from xltools.compute import Number, as_number
from xltools.finding import Finding, Level
from xltools.form import Statement
from xltools.phrase import Reading, read
from xltools.words import number_text


@check("T101", "文字里的数与表不一致", Level.NOTE, requires=STRUCTURE)
def text_against_table(this: Check, case: Case) -> Iterator[Finding]:
    """文字里写明的本年数（收到申请多少件、复议多少件等）应与表里的一致；口径不同的可以不一致，所以只提示。

    通过：文字“收到申请5件”，表里新收总计 5　文字说的是上年、约数或其中一部分，不比较
    提示：文字“收到申请5件”，表里新收总计 3
    改正：核对文字和表，改正写错的一处；口径不同的不必改。
    """
    year = case.filing.year
    if case.filing.is_rollup or year is None:  # a roll-up's texts are its units' own
        return
    for name in case.form.texts:
        differing: dict[tuple[int, tuple[str, ...]], Finding] = {}  # by place, so that nothing is said twice
        for statement in case.form.statements:
            found = _differing(case, statement, case.filing.texts.get(name, ""), year)
            if name in statement.texts and found is not None:
                made = _finding(this, case, statement, name, *found)
                differing.setdefault((found[0].at, statement.items), made)
        yield from (differing[place] for place in sorted(differing, key=lambda one: one[0]))


def _differing(case: Case, statement: Statement, text: str, year: int) -> tuple[Reading, Number] | None:
    """What a text states, and the table's figure, where both are plain and differ."""
    item = case.form.items[statement.items[0]]
    table, more = _sum(case, statement.items), _sum(case, statement.plus)
    if table is None or more is None:
        return None
    readings = [
        one
        for one in read(text, statement.words, year=year, but=statement.but)
        if item.type == "money" or not one.in_wan
    ]
    stated = {_in_unit(one.value, item.unit) for one in readings}
    # Two different numbers for one thing: which of them is meant cannot be told.
    if len(stated) != 1 or stated & {table, table + more}:
        return None
    return readings[0], table


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


def _finding(
    this: Check, case: Case, statement: Statement, text: str, reading: Reading, table: Number
) -> Finding:
    place, item = case.layout.texts[text], case.form.items[statement.items[0]]
    slots = [case.layout.slots[name] for name in statement.items]
    words = case.at(slots[0]) + (f"等 {len(slots)} 格合计" if len(slots) > 1 else "")
    stated, unit = _in_unit(reading.value, item.unit), item.unit or ""
    apart = abs(Decimal(stated) - Decimal(table))
    return this.finding(
        case,
        f"〔{place.sheet}〕{place.address} 的文字“{reading.words}”说的是 {number_text(stated)}{unit}，"
        f"{words}是 {number_text(table)}{unit}，相差 {number_text(apart)}。",
        "请核对文字和表，改正写错的一处；口径不同的不必改。",
        sheet=place.sheet,
        cell=place.address,
        item=statement.items[0] if len(statement.items) == 1 else None,
        rule=f"{statement.id}.{text}",  # so that two statements of one text are told apart
        found=number_text(stated),
        expected=number_text(table),
        difference=number_text(Decimal(stated) - Decimal(table)),
    )

"""Carrying over: what was found in a workbook that cannot be read by address, into a fresh one's open cells.

Only what has the same meaning moves (the same id in both editions); everything is listed with where it was and
what became of it.  Nothing is guessed: what has no place, or was not found, is left to the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xltools.answers import MOST_TEXT, Answer, Answers
from xltools.compute import as_number, totals
from xltools.filing import Cell, Filing
from xltools.form import Form, Item, Value
from xltools.formulas import ZERO_FIELD
from xltools.geometry import Place
from xltools.harvest import Harvest, Taken
from xltools.issuing import answer_of
from xltools.layout import Layout, lay_out
from xltools.problems import (
    KEPT,
    MENDED,
    MOVED,
    NO_PLACE,
    NOT_FOUND,
    RECOMPUTED,
    SOURCE,
    Transfer,
    place_words,
)
from xltools.reading.filings import entry_of
from xltools.words import clean, number_text

ORDER = (NO_PLACE, NOT_FOUND, KEPT, MENDED, RECOMPUTED, MOVED)  # what wants a person's eye comes first


@dataclass(frozen=True)
class Carried:
    """Answers for the fresh workbook, and the list of what went where."""

    answers: Answers
    transfers: tuple[Transfer, ...]


def as_harvest(filing: Filing) -> Harvest:
    """A filing that was read by address, as if it had been found by its labels."""
    form, book = filing.form, filing.book
    assert form is not None and book is not None and filing.unit is not None
    layout = lay_out(form)

    def taken(name: str, sheet: str, cell: str) -> Taken | None:
        content = book.sheets[sheet].cell(cell) if sheet in book.sheets else None
        empty = content is None or (content.kind == "blank" and content.formula is None)
        return None if content is None or empty else Taken(name, sheet, cell, content)

    slots = [taken(name, slot.sheet, slot.address) for name, slot in layout.slots.items()]
    texts = [taken(name, place.sheet, place.address) for name, place in layout.texts.items()]
    cover = [taken(name, place.sheet, place.address) for name, place in layout.cover.items()]
    return Harvest(
        file=filing.file,
        sha256=filing.sha256,
        form=form,
        unit=filing.unit.name,
        year=filing.year,
        items={one.id: one for one in slots if one},
        texts={one.id: one for one in texts if one},
        cover={one.id: one for one in cover if one},
        explanations=filing.explanations,
    )


def carry(found: Harvest, form: Form, year: int) -> Carried:
    """What `found` holds, for a workbook of `form` for `year`."""
    layout = lay_out(form)
    items: dict[str, Answer] = {}
    numbers: dict[str, Value] = {}
    rows: list[Transfer] = []
    for name, taken in found.items.items():
        source = found.form.items[name]
        target = form.items.get(name)
        if target is None or not _same(source, target):
            rows.append(_row(NO_PLACE, taken, remark=f"新表没有“{source.label(found.year)}”这一项"))
        elif target.is_input:
            entry = entry_of(taken.content, source)
            items[name] = answer_of(entry)
            numbers[name] = entry.value
            outcome = KEPT if entry.fault else MENDED if entry.repair else MOVED
            after = _shown(taken.content) if entry.fault else number_text(entry.value)
            remark = "这样填不对，请改" if entry.fault else entry.repair or ""
            rows.append(_row(outcome, taken, layout.slots[name].place, after=after, remark=remark))
    rows += _totals(found, layout, numbers)
    rows += _absent(found, layout)
    texts, more = _texts(found, layout)
    rows += more
    rows += [_row(NO_PLACE, one, remark=f"{one.near}：没有搬" if one.near else "没有搬") for one in found.leftovers]
    rows.sort(key=lambda row: ORDER.index(row.outcome))
    lines = {line.id for line in form.rule_lines}
    said = {name: text for name, text in found.explanations.items() if name in lines}
    cover = {
        name: clean(taken.content.text).strip()
        for name, taken in found.cover.items()
        if name in layout.cover and name != ZERO_FIELD  # what was not found must not become a declared zero
    }
    answers = Answers(items=items, texts=texts, cover=cover, explanations=said)
    return Carried(answers, (_source(found, year), *rows))


def _source(found: Harvest, year: int) -> Transfer:
    said = f"{found.year}年度" if found.year else "没有写年度"
    remark = "" if found.year == year else f"这份报表是{year}年度的，请核对搬来的数是不是{year}年度的"
    return Transfer(
        outcome=SOURCE, source=found.file, before=f"{said}，{found.form.edition}版", remark=remark
    )


def _same(source: Item, target: Item) -> bool:
    return (source.type, source.unit, source.is_input) == (target.type, target.unit, target.is_input)


def _totals(found: Harvest, layout: Layout, numbers: dict[str, Value]) -> Iterator[Transfer]:
    """Totals are worked out anew; what was printed is kept beside them, so that a difference shows."""
    shown = totals(layout.form, numbers, blank=0)
    for name, taken in found.items.items():
        target = layout.form.items.get(name)
        if target is None or target.is_input or not _same(found.form.items[name], target):
            continue
        printed = entry_of(Cell("text", taken.content.text), target).value
        apart = as_number(printed) != shown[name]
        remark = "原来的合计与分项不符，请核对分项" if apart else ""
        before, after = clean(taken.content.text).strip(), number_text(shown[name])
        yield _row(RECOMPUTED, taken, layout.slots[name].place, before=before, after=after, remark=remark)


def _absent(found: Harvest, layout: Layout) -> Iterator[Transfer]:
    for slot in layout.inputs:
        name = slot.item.id
        if name in found.form.items and name not in found.absent and _same(found.form.items[name], slot.item):
            continue  # it was there, be it blank
        known = name in found.form.items
        why = "原文件里没有找到这一格，或有几处都像，没有猜" if known else "原来的表没有这一项"
        yield Transfer(
            outcome=NOT_FOUND, source="", before="", sheet=slot.sheet, cell=slot.address,
            remark=f"{slot.item.label(found.year)}：{why}，请填",
        )  # fmt: skip


def _texts(found: Harvest, layout: Layout) -> tuple[dict[str, str], list[Transfer]]:
    texts: dict[str, str] = {}
    rows = []
    for name, taken in found.texts.items():
        place = layout.texts.get(name)
        text = clean(taken.content.text)
        if place is None or len(text.encode("utf-16-le", "replace")) // 2 > MOST_TEXT:
            rows.append(
                _row(NO_PLACE, taken, remark="新表没有这一节" if place is None else "太长，一格放不下")
            )
            continue
        texts[name] = text
        rows.append(_row(MOVED, taken, place, after=f"（{len(text)} 个字）"))
    return texts, rows


def _row(
    outcome: str,
    taken: Taken,
    place: Place | None = None,
    *,
    before: str | None = None,
    after: str = "",
    remark: str = "",
) -> Transfer:
    return Transfer(
        outcome=outcome,
        source=place_words(taken.sheet, taken.cell),
        before=_shown(taken.content) if before is None else before,
        sheet=place.sheet if place else "",
        cell=place.address if place else "",
        after=after,
        remark=remark,
    )


MOST_QUOTED = 60  # characters of what stood there


def _shown(cell: Cell) -> str:
    text = f"={cell.formula}" if cell.formula is not None else clean(cell.text).replace("\n", " ")
    return text if len(text) <= MOST_QUOTED else text[: MOST_QUOTED - 1] + "…"

"""Carrying over: what was found in a workbook that cannot be read by address, into a fresh one's open cells.

Only what has the same meaning moves (the same id in both editions); everything is listed with where it was and
what became of it.  Nothing is guessed: what has no place, or was not found, is left to the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xltools.answers import Answer, Answers
from xltools.compute import as_number, totals
from xltools.filing import Cell, Filing
from xltools.form import Form, Value
from xltools.formulas import ZERO_FIELD
from xltools.geometry import Place
from xltools.harvest import Harvest, Taken
from xltools.issuing import answer_of
from xltools.layout import lay_out
from xltools.problems import (
    DIFFERS,
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
from xltools.reading.filings import cover_text, entry_of
from xltools.words import MOST_TEXT, clean, number_text

ORDER = (
    NO_PLACE,
    NOT_FOUND,
    KEPT,
    DIFFERS,
    MENDED,
    RECOMPUTED,
    MOVED,
)  # what wants a person's eye comes first


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
    return _Carrier(found, form, year).carry()


class _Carrier:
    def __init__(self, found: Harvest, form: Form, year: int) -> None:
        self.found, self.form, self.year = found, form, year
        self.layout = lay_out(form)
        self.items: dict[str, Answer] = {}
        self.numbers: dict[str, Value] = {}
        self.texts: dict[str, str] = {}

    def carry(self) -> Carried:
        found, fields = self.found, {one.id: one for one in self.form.cover}
        rows = [*self._figures(), *self._totals(), *self._absent(), *self._texts(), *self._declaration()]
        rows += [_row(NO_PLACE, one, one.near, remark="表上没有它的位置，没有搬") for one in found.leftovers]
        rows.sort(key=lambda row: ORDER.index(row.outcome))
        lines = {line.id for line in self.form.rule_lines}
        answers = Answers(
            items=self.items,
            texts=self.texts,
            cover={
                name: cover_text(taken.content, fields[name].type)
                for name, taken in found.cover.items()
                if name in fields and name != ZERO_FIELD
            },
            explanations={name: text for name, text in found.explanations.items() if name in lines},
        )
        return Carried(answers, (self._source(), *rows))

    def _source(self) -> Transfer:
        found, year = self.found, self.year
        said = f"{found.year}年度" if found.year else "没有写年度"
        return Transfer(
            outcome=SOURCE,
            about=found.form.title,
            source=found.file,
            before=f"{said}，{found.form.edition}版",
            remark="" if found.year == year else f"这份报表是{year}年度的，请核对搬来的数是不是{year}年度的",
        )

    def _means_the_same(self, name: str) -> bool:
        """Whether an item of the source is one of the target: by id, of the same kind, a total of the same parts."""
        source, target = self.found.form.items.get(name), self.form.items.get(name)
        if source is None or target is None:
            return False
        if (source.type, source.unit, source.is_input) != (target.type, target.unit, target.is_input):
            return False
        return set(self.found.form.leaves_of(name)) == set(self.form.leaves_of(name))

    def _figures(self) -> Iterator[Transfer]:
        for name, taken in self.found.items.items():
            source = self.found.form.items[name]
            if not self._means_the_same(name):
                remark = "新表没有这一项" if name not in self.form.items else "两版的口径不同"
                yield _row(NO_PLACE, taken, source.label(self.found.year), remark=remark)
            elif source.is_input and taken.content.misleads(source.unit):
                remark = "这一格的数字格式使看到的数与存的数不一样，没有搬，请按看到的数自己填"
                yield self._item_row(KEPT, taken, after="", remark=remark)
            elif source.is_input:
                entry = entry_of(taken.content, source)
                self.items[name], self.numbers[name] = answer_of(entry), entry.value
                outcome = KEPT if entry.fault else MENDED if entry.repair else MOVED
                after = _shown(taken.content) if entry.fault else number_text(entry.value)
                remark = "这样填不对，请改" if entry.fault else entry.repair or ""
                yield self._item_row(outcome, taken, after=after, remark=remark)

    def _totals(self) -> Iterator[Transfer]:
        """Totals are worked out anew; what was printed is kept beside them, so that a difference shows."""
        shown = totals(self.form, self.numbers, blank=0)
        for name, taken in self.found.items.items():
            if self._means_the_same(name) and name in shown:
                words = clean(taken.content.text).strip()  # "" of a formula that was saved without its result
                printed = entry_of(Cell("text", words), self.form.items[name]).value
                apart = bool(words) and as_number(printed) != shown[name]
                yield self._item_row(
                    DIFFERS if apart else RECOMPUTED,
                    taken,
                    before=words or None,
                    after=number_text(shown[name]),
                    remark="原来的合计与分项不符，请核对分项" if apart else "",
                )

    def _absent(self) -> Iterator[Transfer]:
        for slot in self.layout.inputs:
            name = slot.item.id
            known = self._means_the_same(name)
            if known and name not in self.found.absent:
                continue  # it was there, be it blank
            why = "原文件里没有找到这一格，或有几处都像，没有猜" if known else "原来的表没有这一项"
            yield Transfer(
                outcome=NOT_FOUND,
                about=slot.item.label(self.year),
                source="",
                before="",
                sheet=slot.sheet,
                cell=slot.address,
                remark=f"{why}，请填",
            )

    def _texts(self) -> Iterator[Transfer]:
        for name, taken in self.found.texts.items():
            about, text = self.found.form.texts[name].label, clean(taken.content.text)
            if name not in self.form.texts:
                yield _row(NO_PLACE, taken, about, remark="新表没有这一节")
            elif len(text.encode("utf-16-le", "replace")) // 2 > MOST_TEXT:
                yield _row(NO_PLACE, taken, about, remark="太长，一格放不下")
            else:
                self.texts[name] = text
                yield _row(MOVED, taken, about, self.layout.texts[name], after=f"（{len(text)} 个字）")

    def _declaration(self) -> Iterator[Transfer]:
        """What was not found must not become a declared zero, so that the declaration is left to be made again."""
        taken = self.found.cover.get(ZERO_FIELD)
        label = next((one.label for one in self.found.form.cover if one.id == ZERO_FIELD), "")
        if taken is not None:
            yield _row(NO_PLACE, taken, label, remark="没有搬：请把空着的格填上，或在新表的封面重新选")

    def _item_row(
        self, outcome: str, taken: Taken, *, before: str | None = None, after: str, remark: str
    ) -> Transfer:
        slot = self.layout.slots[taken.id]
        about = slot.item.label(self.year)
        return _row(outcome, taken, about, slot.place, before=before, after=after, remark=remark)


def _row(
    outcome: str,
    taken: Taken,
    about: str,
    place: Place | None = None,
    *,
    before: str | None = None,
    after: str = "",
    remark: str = "",
) -> Transfer:
    return Transfer(
        outcome=outcome,
        about=about,
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

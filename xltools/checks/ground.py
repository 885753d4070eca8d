"""Ground: what a form's layout puts on each sheet of the workbook, and where it is met.  No checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from xltools.checks.registry import Case
from xltools.filing import Cell, SheetFacts
from xltools.geometry import Place, position
from xltools.layout import Layout
from xltools.words import BLANK

MOST_NAMED = 8  # sheets, ranges or cells named in one sentence


@dataclass
class Ground:
    """What the layout puts on one sheet.  `held` has every cell of every declared place."""

    held: dict[tuple[int, int], Place] = field(default_factory=dict)
    open: dict[str, Place] = field(default_factory=dict)  # by address: what a unit fills in
    derived: set[str] = field(default_factory=set)  # addresses of totals
    places: dict[str, Place] = field(default_factory=dict)  # by address: all of them
    blocks: set[str] = field(default_factory=set)  # ranges that are merged in the template

    def add(self, place: Place) -> None:
        for row in range(place.row, place.last_row + 1):
            for column in range(place.column, place.last_column + 1):
                self.held[row, column] = place
        self.places[place.address] = place
        if place.is_block:
            self.blocks.add(place.range)


@lru_cache(maxsize=64)
def grounds(layout: Layout) -> Mapping[str, Ground]:
    """Sheet name → what is declared on it."""
    made = {plan.name: Ground() for plan in layout.sheets}
    rows = layout.rules.values()
    opened = [*(slot.place for slot in layout.inputs), *layout.texts.values(), *layout.cover.values()]
    opened += [row.explanation for row in rows]
    closed = [label.place for label in layout.labels if label.text]
    closed += [carrier.place for carrier in layout.carriers if carrier.place is not None]
    closed += [*(slot.place for slot in layout.derived), *layout.panel.values(), *layout.last.values()]
    closed += [place for row in rows for place in (row.left, row.right, row.difference, row.result)]
    for place in chain(opened, closed):
        if place.sheet in made:
            made[place.sheet].add(place)
    for label in layout.labels:  # an empty label is a merged block, but nothing that may hold a text
        if not label.text and label.place.is_block:
            made[label.place.sheet].blocks.add(label.place.range)
    for place in opened:
        made[place.sheet].open[place.address] = place
    for slot in layout.derived:
        made[slot.sheet].derived.add(slot.address)
    return made


def sound_sheets(case: Case) -> Iterator[tuple[SheetFacts, Ground]]:
    """The unit's sheets whose labels are in place; a roll-up has other ones, and is judged by its sums."""
    book = case.filing.book
    if book is None or case.filing.is_rollup:
        return
    broken = {fault.sheet for fault in case.filing.label_faults}
    for name, ground in grounds(case.layout).items():
        if name in book.sheets and name not in broken:
            yield book.sheets[name], ground


def listed(names: list[str]) -> str:
    return "、".join(names[:MOST_NAMED]) + (f"等 {len(names)} 处" if len(names) > MOST_NAMED else "")


@lru_cache(maxsize=64)
def filled_in(layout: Layout) -> frozenset[str]:
    """Sheets with figures, texts or cover fields."""
    places = [*(slot.place for slot in layout.inputs), *layout.texts.values(), *layout.cover.values()]
    return frozenset(place.sheet for place in places)


def shown(cell: Cell) -> str:
    """What a cell holds besides blanks, for comparing: a formula, a text, a figure."""
    if cell.formula is not None:
        return f"={cell.formula}"
    return BLANK.sub("", cell.text) if cell.text else ""


def corners(area: str) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column."""
    first, _, last = area.partition(":")
    return *position(first), *position(last or first)


def meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def covers(area: str, place: Place) -> bool:
    """Whether a range reaches into a place."""
    return meet(corners(area), (place.row, place.column, place.last_row, place.last_column))

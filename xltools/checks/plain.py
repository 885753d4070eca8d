"""Plain figures: those of which no check speaks that judges figures one by one.

What such a check (`of="figure"`) says follows from the entry, from what the form asks for in its cell, and from the
unit's level and the year.  Most figures of a round are a few hundred small numbers: each is judged once for each
kind of cell, and known from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress, count
from operator import not_
from typing import NamedTuple

from xltools.compute import in_order, input_names
from xltools.filing import Entry, Filing
from xltools.form import Form
from xltools.layout import Slot, lay_out

MOST_PLAIN, LONGEST_PLAIN = 5_000, 40  # entries of a kind that are remembered, characters of each


class Plain:
    """The entries of a kind that are plain."""

    def __init__(self) -> None:
        self._entries: set[Entry] = set()
        # By identity, since most filings share them: found without comparing.
        self.shared: dict[int, Entry] = {}

    def has(self, entry: Entry) -> bool:
        if id(entry) in self.shared:
            return True
        if entry not in self._entries:
            return False
        if len(self.shared) >= MOST_PLAIN:
            self.shared.clear()
        self.shared[id(entry)] = entry
        return True

    def add(self, entry: Entry) -> None:
        if len(self._entries) >= MOST_PLAIN:
            self._entries.clear()
        self._entries.add(entry)


Conditional = tuple[tuple[str, str], ...]  # as SheetFacts has it
Judged = tuple[Slot, Entry]


def doubtful(filing: Filing, level: str) -> tuple[Judged, ...]:
    """The inputs that were read and are not known to be plain, with where they stand, in the form's order."""
    if filing.form is None:
        return ()
    known = _known(filing, level)
    slots, found = lay_out(filing.form).inputs, in_order(filing.entries, input_names(filing.form))
    if known is None:
        return tuple([(slot, entry) for slot, entry in zip(slots, found, strict=True) if entry is not None])
    unmet = compress(count(), map(not_, map(dict.__contains__, known.shared, map(id, found))))
    return tuple(
        [
            (slots[at], entry)
            for at in unmet
            if (entry := found[at]) is not None and not known.plain[at].has(entry)
        ]
    )


def learn(filing: Filing, level: str, silent: Sequence[Judged]) -> None:
    """Remembers entries of which every check of figures was asked, and nothing was said by any check at all: where
    last year's figure makes V111 give way to G107, that one speaks.

    A blank that was not declared to be zero is never plain: whether it is spoken of is not its own matter.
    """
    known = _known(filing, level)
    if known is None:
        return
    for slot, entry in silent:
        if (entry.value is not None or entry.declared_zero) and len(entry.cell.text) <= LONGEST_PLAIN:
            known.by_item[slot.item.id].add(entry)


class _PlainInputs(NamedTuple):
    """What is plain of each input of a form."""

    plain: tuple[Plain, ...]
    shared: tuple[dict[int, Entry], ...]
    by_item: Mapping[str, Plain]


def _known(filing: Filing, level: str) -> _PlainInputs | None:
    """For each input of the form the entries that are plain there; None where each has to be looked at.

    A roll-up's figures are sums, of which less is asked.
    """
    if filing.form is None or filing.book is None or filing.is_rollup:
        return None
    put = tuple((name, sheet.conditional) for name, sheet in filing.book.sheets.items() if sheet.conditional)
    return _plain(filing.form, level, filing.year, put)


@lru_cache(maxsize=64)
def _plain(
    form: Form, level: str, year: int | None, put: tuple[tuple[str, Conditional], ...]
) -> _PlainInputs:
    """Inputs of which the same is asked share a set.  `put` are the number formats that conditions put on sheets:
    there each cell is a kind of its own."""
    sets: dict[object, Plain] = {}
    sheets = {name for name, _ in put}

    def kind(slot: Slot) -> object:
        item = slot.item
        own = slot.place if slot.sheet in sheets else None
        return item.type, item.unit, item.places, form.cap(item, level), own

    plain = tuple(sets.setdefault(kind(slot), Plain()) for slot in lay_out(form).inputs)
    by_item = dict(zip(input_names(form), plain, strict=True))
    return _PlainInputs(plain, tuple(one.shared for one in plain), by_item)


def forget() -> None:
    """As if no filing had been checked yet."""
    _plain.cache_clear()

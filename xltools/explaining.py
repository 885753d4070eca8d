"""Explaining: where a figure of a roll-up comes from, down to the units' own files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context
from functools import cached_property

from xltools.compute import Number, as_number, shares
from xltools.detail import detail_sheets
from xltools.errors import XltoolsError
from xltools.filing import Filing, Leaf
from xltools.finding import Finding
from xltools.form import Item, Value
from xltools.geometry import Place
from xltools.lastyear import faults_of
from xltools.layout import lay_out
from xltools.lookup import item_called
from xltools.reading import normalise
from xltools.reading.coverage import not_merged
from xltools.roster import Unit


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one unit adds to a figure."""

    leaf: Leaf
    value: Value  # None where the unit has no figure
    gaps: int  # entries behind the figure of which the unit says nothing
    is_declared: bool  # blank, and the unit said that its blanks are zeros
    place: Place  # in the unit's own workbook
    detail: Place  # on the roll-up's 明细


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One figure of a roll-up with the units behind it."""

    filing: Filing
    item: Item
    place: Place
    value: Value  # worked out from the units' figures
    shown: Number | None  # what the roll-up's own cell shows; None where a program saved it without results
    parts: tuple[Part, ...]
    missing: tuple[tuple[Unit, str], ...]  # of which nothing went in, with the reason
    faults: tuple[Finding, ...] = ()  # errors of the roll-up itself: its figures may be nobody's

    @property
    def is_added(self) -> bool:
        """Whether the figure is the sum of the parts; lists are not, and some figures are never merged."""
        return self.item.type != "text" and self.item.rollup not in ("list", "none")

    @cached_property
    def total(self) -> Number | None:
        """The sum of the parts, exact; None where no unit has a figure."""
        numbers = [number for part in self.parts if (number := as_number(part.value)) is not None]
        return sum(numbers) if numbers else None

    @property
    def adds_up(self) -> bool:
        if not self.is_added:
            return True
        return self.total == self.value and self.shown in (None, stored(self.value))

    @property
    def gaps(self) -> tuple[Part, ...]:
        """Units that lack the figure, or some of what it is made of."""
        return tuple(part for part in self.parts if part.gaps)

    @property
    def is_open(self) -> bool:
        """Whether somebody should look: a unit or an entry is missing, the sum is another, or the file was edited."""
        return bool(self.missing or self.gaps or self.faults or not self.adds_up)


def explain(filing: Filing, words: str, *, sheet: str | None = None) -> Explanation:
    """The units behind the figure that `words` mean (an id, a label, a cell) in a roll-up.

    Raises UsageError for an unknown figure, XltoolsError for a workbook that is no roll-up.
    """
    form, book = filing.form, filing.book
    assert form is not None and book is not None
    if not filing.is_rollup:
        raise XltoolsError(f"{filing.file} 是单位自己的报表，不是汇总表；它的数就是它自己填的。")
    item = item_called(form, words, sheet=sheet, year=filing.year)
    place = lay_out(form).slots[item.id].place
    details = detail_sheets(form)[item.table]
    at = details.items.index(item)
    parts = tuple(
        Part(
            leaf=leaf,
            value=shares(form, leaf.inputs)[item.id],
            gaps=sum(leaf.inputs.get(part) is None for part in set(form.leaves_of(item.id))),
            is_declared=item.id in leaf.declared_zeros,
            place=place,
            detail=details.place(number, at),
        )
        for number, leaf in enumerate(filing.leaves)
    )
    found = book.sheets[place.sheet].cell(place.address)
    shown = None
    if item.type != "text" and found.kind == "number":
        cell = replace(found, formula=None)
        shown = normalise.figure(cell, item.type, unit=item.unit, places=item.places).value
    return Explanation(
        filing=filing,
        item=item,
        place=place,
        value=shares(form, filing.inputs)[item.id],
        shown=shown,
        parts=parts,
        missing=not_merged(book),
        faults=faults_of(filing),
    )


def stored(value: Value) -> Number | None:
    """A figure as a cell keeps it, with fifteen significant digits."""
    number = as_number(value)
    return None if number is None else Context(prec=normalise.DIGITS).create_decimal(number)

"""One file → one Filing: gate, reader, identity, labels, figures, in that order."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import compress, count
from operator import not_
from pathlib import Path
from typing import NamedTuple, cast

from xltools.compute import Row
from xltools.detail import ROLLUP_SCHEMA
from xltools.filing import Book, Cell, Entry, Filing, LabelFault, Picked, Refusal, SheetFacts
from xltools.form import FigureType, Form, Item, Value
from xltools.formulas import ZERO_FIELD, ZERO_WORD
from xltools.geometry import address, position
from xltools.layout import CHECKS, COVER, HELD_ROW, META, SCALED_SCHEMA, Layout, Slot, lay_out
from xltools.problems import (
    DIFFERS,
    MOST_ROWS,
    PROBLEM_HEADS,
    PROBLEMS,
    RECOMPUTED,
    TRANSFER_HEADS,
    TRANSFERS,
    Problem,
    Transfer,
    split_place,
)
from xltools.reading import gate, identify, normalise, ooxml, refusals
from xltools.reading.rollups import with_leaves
from xltools.words import clean, file_name, label_key

FindForm = Callable[[str], Form | None]
MOST_ROLLUP_CELLS = 4_000_000  # on one sheet: thousands of units by hundreds of figures
MOST_KNOWN, LONGEST_KNOWN = 5_000, 40  # cells of a kind that are remembered, characters of each
EPOCH = datetime.date(1899, 12, 30)  # day 0 of the 1900 date system, for days after February 1900


def read_filing(path: Path, find_form: FindForm, *, name: str | None = None) -> Filing:
    """The filing in a file.  Whatever is wrong with the file is in the filing; nothing is raised for it.

    `find_form` gives the form for a key like `gov-info-disclosure/2021`, None for one it does not know.
    """
    file = name or path.name
    data = b""
    try:
        data = gate.read_bytes(path)
        return _read(file, data, find_form)
    except gate.Refused as refused:
        return _refused(file, data, refused.refusal)


def read_filing_bytes(file: str, data: bytes, find_form: FindForm) -> Filing:
    """The same for bytes already in hand."""
    try:
        return _read(file, data, find_form)
    except gate.Refused as refused:
        return _refused(file, data, refused.refusal)


def _refused(file: str, data: bytes, refusal: Refusal) -> Filing:
    return Filing(
        file=file_name(file), sha256=hashlib.sha256(data).hexdigest() if data else "", refusal=refusal
    )


def _read(file: str, data: bytes, find_form: FindForm) -> Filing:
    package = gate.admit(data)
    opened = ooxml.open_book(package)
    file, sha = file_name(file), package.sha256
    meta = opened.sheet(META) if META in opened.sheet_states else None
    if meta is not None and meta.cell("A1").text == SCALED_SCHEMA:
        refusals.refuse_copy()
    front = Book(
        sheets={META: meta} if meta else {},
        names=identify.marks(opened.names),
        properties=identify.marks(opened.properties),
    )
    if not identify.is_ours(front.names, front.properties, meta):
        return Filing(file=file, sha256=sha, book=opened.book(lambda name: False))
    key = identify.form_key(front)
    form = find_form(key) if key else None
    if form is None:
        return Filing(file=file, sha256=sha, form_key=key, book=opened.book(lambda name: False))
    if meta is not None and meta.cell("A1").text == ROLLUP_SCHEMA:
        return with_leaves(_fill_in(file, sha, form, opened.book(cell_limit=MOST_ROLLUP_CELLS), front))
    return _fill_in(file, sha, form, opened.book(), front)


class _Asked(NamedTuple):
    """What is read of one sheet, so that its cells are fetched together."""

    inputs: Picked
    input_slots: tuple[Slot, ...]
    totals: Picked
    total_slots: tuple[Slot, ...]


@lru_cache(maxsize=64)
def _asked(layout: Layout) -> Mapping[str, _Asked]:
    made = {}
    for name in dict.fromkeys(slot.sheet for slot in layout.slots.values()):
        inputs = tuple(slot for slot in layout.inputs if slot.sheet == name)
        derived = tuple(slot for slot in layout.derived if slot.sheet == name)
        made[name] = _Asked(
            inputs=Picked(slot.address for slot in inputs),
            input_slots=inputs,
            totals=Picked(slot.address for slot in derived),
            total_slots=derived,
        )
    return made


def _fill_in(file: str, sha: str, form: Form, book: Book, front: Book) -> Filing:
    """The filing in a book; `front` holds only those of its names and properties that are ours."""
    layout = lay_out(form)
    claims = identify.claims(Book(book.sheets, front.names, front.properties), layout)
    unit, year, issue = identify.identity(book, claims, layout)
    faults = tuple(_label_faults(book, layout, year or 0))
    broken = {fault.sheet for fault in faults}
    sound = {name for name in layout.by_name if name in book.sheets and name not in broken}
    transfers = tuple(_transfers(book))
    words = _words(layout)
    cover = words.cover_of(book.sheets[COVER]) if COVER in sound else {}
    return Filing(
        file=file,
        sha256=sha,
        form_key=form.key,
        form=form,
        unit=unit,
        year=year,
        issue=issue,
        claims=claims,
        book=book,
        label_faults=faults,
        entries=_entries(book, layout, sound, cover.get(ZERO_FIELD) == ZERO_WORD),
        texts={
            name: clean(book.sheets[sheet].cell(at).text) for name, sheet, at in words.texts if sheet in sound
        },
        cover=cover,
        typed_totals={**dict(_printed_totals(layout, transfers)), **_typed_totals(book, layout, sound)},
        explanations=words.explanations_of(book.sheets[CHECKS]) if CHECKS in sound else {},
        last_shown=_last_shown(book, layout, sound),
        problems=tuple(_problems(book)),
        held=_held(book),
        transfers=transfers,
    )


@lru_cache(maxsize=64)
def _expected_labels(layout: Layout, year: int) -> tuple[tuple[str, Picked, tuple[str, ...]], ...]:
    """Sheet by sheet: where labels stand that figures are found by, and what they say that year."""
    made = []
    for plan in layout.sheets:
        labels = [label for label in plan.labels if label.is_verified]
        places = Picked(label.place.address for label in labels)
        made.append((plan.name, places, tuple(label.shown("", year) for label in labels)))
    return tuple(made)


def _label_faults(book: Book, layout: Layout, year: int) -> Iterator[LabelFault]:
    for name, places, expected in _expected_labels(layout, year):
        sheet = book.sheets.get(name)
        if sheet is None:
            continue
        found = tuple([cell.text for cell in places.of(sheet.cells)])
        if found == expected:
            continue
        for at, text, wanted in zip(places.addresses, found, expected, strict=True):
            if text != wanted and label_key(text) != label_key(wanted):
                yield LabelFault(name, at, wanted, text)


def _entries(book: Book, layout: Layout, sound: set[str], zeros: bool) -> Mapping[str, Entry]:
    there = tuple(name for name in _asked(layout) if name in sound)
    found: list[Entry] = []
    for name in there:
        sheet = book.sheets[name]
        cells = _asked(layout)[name].inputs.of(sheet.cells)
        if sheet.skeleton is None:
            kinds = _kinds_of(layout, name)
            found += [_entry(cell, kind, zeros) for kind, cell in zip(kinds, cells, strict=True)]
        else:
            known = _known_inputs(layout, name, zeros)
            read: list[Entry | None] = list(map(dict.get, known, map(id, cells)))
            for at in compress(count(), map(not_, read)):
                read[at] = known[at].learn(cells[at])
            found += cast("list[Entry]", read)
    return _no_entries(layout, there).like(tuple(found))


@lru_cache(maxsize=64)
def _no_entries(layout: Layout, sheets: tuple[str, ...]) -> Row[None]:
    """The inputs of these sheets, so that all filings share their ids."""
    names = tuple(slot.item.id for name in sheets for slot in _asked(layout)[name].input_slots)
    return Row(names, (None,) * len(names))


Kind = tuple[FigureType, str | None, int | None]  # type, unit, places: all that is asked of an item here


@lru_cache(maxsize=512)
def _kinds_of(layout: Layout, sheet: str) -> tuple[Kind, ...]:
    """Of the inputs of a sheet."""
    items = (slot.item for slot in _asked(layout)[sheet].input_slots)
    return tuple((item.type, item.unit, item.places) for item in items)


@lru_cache(maxsize=512)
def _known_inputs(layout: Layout, sheet: str, zeros: bool) -> tuple[_Known, ...]:
    """For each input of a sheet what is known of its kind."""
    return tuple(_known(kind, zeros) for kind in _kinds_of(layout, sheet))


class _Known(dict[int, Entry]):
    """What cells say as inputs of a kind, by the cell's identity: those of sheets with a skeleton are mostly shared, so
    that each is read once, and filings share what it says.  An entry holds its cell, so that no other one is taken for it.
    """

    def __init__(self, kind: Kind, zeros: bool) -> None:
        super().__init__()
        self._kind, self._zeros = kind, zeros

    def learn(self, cell: Cell) -> Entry:
        entry = _entry(cell, self._kind, self._zeros)
        if len(cell.text) <= LONGEST_KNOWN:
            if len(self) >= MOST_KNOWN:
                self.clear()
            self[id(cell)] = entry
        return entry


@lru_cache(maxsize=256)
def _known(kind: Kind, zeros: bool) -> _Known:
    return _Known(kind, zeros)


def entry_of(cell: Cell, item: Item, *, zeros: bool = False) -> Entry:
    """An input cell as a figure of its item; `zeros` says that blanks were declared to be zeros."""
    return _entry(cell, (item.type, item.unit, item.places), zeros)


def _entry(cell: Cell, kind: Kind, zeros: bool) -> Entry:
    if cell.formula is not None:
        return Entry(cell, None, fault="V108")
    type_, unit, places = kind
    if type_ == "text":
        return Entry(cell, clean(cell.text).strip() or None)
    figure = normalise.figure(cell, type_, unit=unit, places=places)
    blank = figure.value is None and figure.fault is None
    return Entry(cell, figure.value, figure.repair, figure.fault, declared_zero=blank and zeros)


def _typed_totals(book: Book, layout: Layout, sound: set[str]) -> dict[str, int | Decimal]:
    """The numbers that were typed over totals, or pasted there by a program."""
    typed: dict[str, int | Decimal] = {}
    for name, asked in _asked(layout).items():
        cells = asked.totals.of(book.sheets[name].cells) if name in sound else ()
        for slot, cell in zip(asked.total_slots, cells, strict=False):
            item = slot.item
            if cell.formula is None and item.type != "text":
                figure = normalise.figure(cell, item.type, unit=item.unit, places=item.places)
                if figure.value is not None:
                    typed[item.id] = figure.value
    return typed


def _printed_totals(layout: Layout, transfers: Iterable[Transfer]) -> Iterator[tuple[str, int | Decimal]]:
    """The totals of the workbook that this one was carried over from."""
    for one in transfers:
        slot = layout.at.get((one.sheet, one.cell))
        if one.outcome in (RECOMPUTED, DIFFERS) and slot is not None and not slot.is_input:
            value = entry_of(Cell("text", one.before), slot.item).value
            if isinstance(value, int | Decimal):
                yield slot.item.id, value


def cover_text(cell: Cell, kind: str) -> str:
    """What stands in a cover field; a date that became a number is a date again."""
    if kind == "date" and cell.kind == "number":
        try:
            return (EPOCH + datetime.timedelta(days=int(Decimal(cell.text)))).isoformat()
        except (ArithmeticError, ValueError):
            return cell.text
    return clean(cell.text).strip()


class _Words(NamedTuple):
    """Where a unit writes words, and what they are."""

    cover: Picked
    fields: tuple[tuple[str, str], ...]  # of the cover, with their types
    explanations: Picked
    rules: tuple[str, ...]  # that they are about
    texts: tuple[tuple[str, str, str], ...]  # name, sheet, address

    def cover_of(self, sheet: SheetFacts) -> dict[str, str]:
        cells = self.cover.of(sheet.cells)
        return {name: cover_text(cell, kind) for (name, kind), cell in zip(self.fields, cells, strict=True)}

    def explanations_of(self, sheet: SheetFacts) -> dict[str, str]:
        said = [clean(cell.text).strip() if cell.text else "" for cell in self.explanations.of(sheet.cells)]
        return {rule: text for rule, text in zip(self.rules, said, strict=True) if text}


@lru_cache(maxsize=64)
def _words(layout: Layout) -> _Words:
    return _Words(
        cover=Picked(layout.cover[one.id].address for one in layout.form.cover),
        fields=tuple((one.id, one.type) for one in layout.form.cover),
        explanations=Picked(row.explanation.address for row in layout.rules.values()),
        rules=tuple(layout.rules),
        texts=tuple((name, place.sheet, place.address) for name, place in layout.texts.items()),
    )


def _last_shown(book: Book, layout: Layout, sound: set[str]) -> Mapping[str, Value]:
    shown: dict[str, Value] = {}
    for name, place in layout.last.items():
        sheet: SheetFacts | None = book.sheets[place.sheet] if place.sheet in sound else None
        if sheet is not None and sheet.cell(place.address).kind == "number":
            item = layout.form.items[name]
            if item.type == "text":
                continue
            figure = normalise.figure(
                sheet.cell(place.address), item.type, unit=item.unit, places=item.places
            )
            shown[name] = figure.value
    return shown


def _listed(book: Book, name: str, heads: Sequence[str], last: str) -> Iterator[dict[str, str]]:
    """The rows of a list that `return` wrote, as head → text; those without a text under `last` are passed over."""
    sheet = book.sheets.get(name)
    if sheet is None:
        return
    where: dict[int, dict[str, int]] = {}  # row → head → column: rows and columns may have been put in
    for cell, content in sheet.cells.items():
        if content.text in heads:
            row, column = position(cell)
            where.setdefault(row, {}).setdefault(content.text, column)
    head_row = next((row for row, found in sorted(where.items()) if len(found) == len(heads)), None)
    if head_row is None:
        return  # somebody's own sheet of that name, or one that was cut about
    last_row = max(position(cell)[0] for cell in sheet.cells)
    for row in range(head_row + 1, min(last_row, head_row + MOST_ROWS) + 1):
        columns = where[head_row]
        said = {head: clean(sheet.cell(address(row, columns[head])).text).strip() for head in heads}
        if said[last]:
            yield said


def _held(book: Book) -> tuple[str, ...]:
    """What _meta says the unit has to answer."""
    meta = book.sheets.get(META)
    return tuple(meta.cell(address(HELD_ROW, 2)).text.split()[:MOST_ROWS]) if meta else ()


def _problems(book: Book) -> Iterator[Problem]:
    for said in _listed(book, PROBLEMS, PROBLEM_HEADS, PROBLEM_HEADS[-1]):
        _, level, place, message, found, expected, remedy, reason, rule, fingerprint = said.values()
        sheet, cell = split_place(place)
        yield Problem(
            level=level, message=message, remedy=remedy, fingerprint=fingerprint, sheet=sheet, cell=cell,
            found=found, expected=expected, rule=rule, reason=reason, marked=(cell,) if cell else (),
        )  # fmt: skip


def _transfers(book: Book) -> Iterator[Transfer]:
    for said in _listed(book, TRANSFERS, TRANSFER_HEADS, TRANSFER_HEADS[1]):
        _, outcome, about, source, before, target, after, remark = said.values()
        sheet, cell = split_place(target)
        yield Transfer(
            outcome=outcome, about=about, source=source, before=before, sheet=sheet, cell=cell, after=after,
            remark=remark,
        )  # fmt: skip

"""One file → one Filing: gate, reader, identity, labels, figures, in that order."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from xltools.detail import ROLLUP_SCHEMA
from xltools.filing import Book, Cell, Entry, Filing, LabelFault, Refusal, SheetFacts
from xltools.form import Form, Value
from xltools.formulas import ZERO_FIELD, ZERO_WORD
from xltools.layout import COVER, META, Layout, lay_out
from xltools.reading import gate, identify, normalise, ooxml
from xltools.reading.rollups import with_leaves
from xltools.words import clean, label_key

FindForm = Callable[[str], Form | None]
MOST_ROLLUP_CELLS = 4_000_000  # on one sheet: thousands of units by hundreds of figures
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
    return Filing(file=clean(file), sha256=hashlib.sha256(data).hexdigest() if data else "", refusal=refusal)


def _read(file: str, data: bytes, find_form: FindForm) -> Filing:
    package = gate.admit(data)
    opened = ooxml.open_book(package)
    file, sha = clean(file), package.sha256
    meta = opened.sheet(META) if META in opened.sheet_states else None
    if not identify.is_ours(opened.names, opened.properties, meta):
        return Filing(file=file, sha256=sha, book=opened.book(lambda name: False))
    front = Book(sheets={META: meta} if meta else {}, names=opened.names, properties=opened.properties)
    key = identify.form_key(front)
    form = find_form(key) if key else None
    if form is None:
        return Filing(file=file, sha256=sha, form_key=key, book=opened.book(lambda name: False))
    if meta is not None and meta.cell("A1").text == ROLLUP_SCHEMA:
        return with_leaves(_fill_in(file, sha, form, opened.book(cell_limit=MOST_ROLLUP_CELLS)))
    return _fill_in(file, sha, form, opened.book())


def _fill_in(file: str, sha: str, form: Form, book: Book) -> Filing:
    layout = lay_out(form)
    claims = identify.claims(book, layout)
    unit, year, issue = identify.identity(book, claims)
    faults = tuple(_label_faults(book, layout, unit.name, year))
    sound = {name for name in layout.by_name if name in book.sheets} - {fault.sheet for fault in faults}
    cover = {
        one.id: _cover_text(book.sheets[COVER].cell(layout.cover[one.id].address), one.type)
        for one in form.cover
        if COVER in sound
    }
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
            name: clean(book.sheets[place.sheet].cell(place.address).text)
            for name, place in layout.texts.items()
            if place.sheet in sound
        },
        cover=cover,
        explanations=dict(_explanations(book, layout, sound)),
        last_shown=_last_shown(book, layout, sound),
    )


def _label_faults(book: Book, layout: Layout, unit: str, year: int | None) -> Iterator[LabelFault]:
    for label in layout.labels:
        sheet = book.sheets.get(label.place.sheet)
        if sheet is None or not label.is_verified:
            continue
        expected = label.shown(unit, year or 0)
        found = sheet.cell(label.place.address)
        if label_key(found.text) != label_key(expected):
            yield LabelFault(label.place.sheet, label.place.address, expected, found.text)


def _entries(book: Book, layout: Layout, sound: set[str], zeros: bool) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for slot in layout.inputs:
        if slot.sheet not in sound:
            continue
        cell, item = book.sheets[slot.sheet].cell(slot.address), slot.item
        if cell.formula is not None:
            entries[item.id] = Entry(cell, None, fault="V108")
            continue
        if item.type == "text":
            entries[item.id] = Entry(cell, clean(cell.text).strip() or None)
            continue
        figure = normalise.figure(cell, item.type, unit=item.unit, places=item.places)
        blank = figure.value is None and figure.fault is None
        entries[item.id] = Entry(
            cell, figure.value, figure.repair, figure.fault, declared_zero=blank and zeros
        )
    return entries


def _cover_text(cell: Cell, kind: str) -> str:
    if kind == "date" and cell.kind == "number":
        try:
            return (EPOCH + datetime.timedelta(days=int(Decimal(cell.text)))).isoformat()
        except (ArithmeticError, ValueError):
            return cell.text
    return clean(cell.text).strip()


def _explanations(book: Book, layout: Layout, sound: set[str]) -> Iterator[tuple[str, str]]:
    for name, row in layout.rules.items():
        if row.explanation.sheet in sound:
            text = clean(book.sheets[row.explanation.sheet].cell(row.explanation.address).text).strip()
            if text:
                yield name, text


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

"""A roll-up read as a filing: its leaves, from the 明细 sheets, which are the only figures trusted.

The totals and the official sheets are formulas over them and are worked out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xltools.detail import (
    FIRST_COLUMN,
    HEAD_ROWS,
    LEAF_FIELDS,
    LEAF_HEAD,
    REASONS,
    TEXTS,
    DetailSheet,
    detail_sheets,
    leaf_place,
    reason_place,
    text_place,
)
from xltools.filing import Book, Cell, Entry, Filing, LabelFault, Leaf, Reason
from xltools.form import Form, Item, Value
from xltools.geometry import address, position
from xltools.layout import META, lay_out
from xltools.reading import normalise
from xltools.rollup import roll_up
from xltools.roster import Unit
from xltools.sameness import shown_names
from xltools.words import clean


def with_leaves(filing: Filing) -> Filing:
    """The filing of a roll-up with its leaves, and their merged figures as its entries.

    Where the 明细 sheets are not as they were written (a unit's row, an item's column), the filing has no
    entries and says where.
    """
    form, book = filing.form, filing.book
    assert form is not None and book is not None
    faults = [*filing.label_faults, *_detail_faults(form, book)]
    if faults or filing.year is None or filing.unit is None:
        return replace(filing, is_rollup=True, label_faults=tuple(faults), entries={})
    leaves = tuple(_leaves(form, book))
    rolled = roll_up(form, filing.year, leaves, unit=filing.unit)
    layout = lay_out(form)
    entries = {
        slot.item.id: Entry(_own(book.sheets[slot.sheet].cell(slot.address)), rolled.inputs[slot.item.id])
        for slot in layout.inputs
        if slot.sheet in book.sheets and slot.item.rollup != "none"  # those are left blank, as they should be
    }
    return replace(filing, is_rollup=True, leaves=leaves, entries=entries, label_faults=())


def _own(cell: Cell) -> Cell:
    """A sum's cell.  Its number format is the writer's: 12（缺2） shows digits that are no part of the figure."""
    return replace(cell, format="number")


def _rows(book: Book) -> Iterator[int]:
    """Numbers of the leaves listed on _meta."""
    sheet, number = book.sheets[META], 0
    while sheet.cell(leaf_place(number, "unit").address).text:
        yield number
        number += 1


def _unit(book: Book, number: int) -> Unit:
    name, code, kind, level, parent = (
        book.sheets[META].cell(leaf_place(number, field).address).text
        for field in ("unit", "code", "kind", "level", "parent")
    )
    return Unit(name=name, code=code, kind=kind, level=level, parent=parent)


def _detail_faults(form: Form, book: Book) -> Iterator[LabelFault]:
    names = shown_names([_unit(book, number) for number in _rows(book)])
    for detail in detail_sheets(form).values():
        sheet = book.sheets.get(detail.name)
        if sheet is None:
            continue  # a missing sheet is the checks' matter
        for at, item in enumerate(detail.items):
            cell = address(HEAD_ROWS[-1], FIRST_COLUMN + at)
            if sheet.cell(cell).text != item.id:
                yield LabelFault(detail.name, cell, item.id, sheet.cell(cell).text)
        for number, name in enumerate(names):
            cell = detail.text_place(number, 2).address
            if sheet.cell(cell).text != name:
                yield LabelFault(detail.name, cell, name, sheet.cell(cell).text)
    for number, field in enumerate(LEAF_FIELDS, 1):
        cell = address(LEAF_HEAD, number)
        if book.sheets[META].cell(cell).text != field:
            yield LabelFault(META, cell, field, book.sheets[META].cell(cell).text)


def _reasons(book: Book) -> dict[int, list[Reason]]:
    """Leaf number (from 0) → the reasons on 说明."""
    found: dict[int, list[Reason]] = {}
    sheet, number = book.sheets.get(REASONS), 0
    while sheet is not None:
        leaf, place, matter, text, about = (
            clean(sheet.cell(reason_place(number, head).address).text)
            for head in ("单位序号", "位置", "待核实的问题", "单位的说明", "编号")
        )
        if not about:
            break
        if leaf.isdecimal():
            found.setdefault(int(leaf) - 1, []).append(Reason(about, place, matter, text))
        number += 1
    return found


def _text_rows(book: Book) -> dict[int, int]:
    """Leaf number (from 0) → its row on 文字材料."""
    sheet, rows = book.sheets.get(TEXTS), dict[int, int]()
    for cell, content in sheet.cells.items() if sheet is not None else ():
        row, column = position(cell)
        if column == 1 and content.kind == "number" and content.text.isdecimal():
            rows.setdefault(int(content.text) - 1, row)
    return rows


def _leaves(form: Form, book: Book) -> Iterator[Leaf]:
    meta, reasons, text_rows = book.sheets[META], _reasons(book), _text_rows(book)
    for number in _rows(book):
        said = {field: meta.cell(leaf_place(number, field).address).text for field in LEAF_FIELDS}
        inputs: dict[str, Value] = {}
        for detail in detail_sheets(form).values():
            if detail.name in book.sheets:
                inputs.update(_figures(book, detail, number))
        texts = {}
        for name in form.texts if number in text_rows else ():
            place = text_place(form, text_rows[number], name)
            texts[name] = clean(book.sheets[place.sheet].cell(place.address).text)
        yield Leaf(
            unit=_unit(book, number),
            file=said["file"],
            sha256=said["sha256"],
            inputs=inputs,
            declared_zeros=frozenset(said["declared_zeros"].split()),
            texts=texts,
            through=said["through"],
            seal=said["seal"],
            reasons=tuple(reasons.get(number, ())),
        )


def _figures(book: Book, detail: DetailSheet, number: int) -> Iterator[tuple[str, Value]]:
    sheet = book.sheets[detail.name]
    for at, item in enumerate(detail.items):
        if item.is_input:
            yield item.id, _value(item, sheet.cell(detail.place(number, at).address))


def _value(item: Item, cell: Cell) -> Value:
    if item.type == "text":
        return clean(cell.text) or None
    return normalise.figure(cell, item.type, unit=item.unit, places=item.places).value

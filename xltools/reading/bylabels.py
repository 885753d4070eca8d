"""By labels: what a workbook holds that cannot be read by address.

Of the forms that it may be, the one whose labels fit best says what is an item, a text, a remark.  A cell is
taken as it stands, and only where one place fits.  Everything else in or beside the tables is listed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from xltools.filing import Book, Cell, Refusal
from xltools.form import Form
from xltools.geometry import address
from xltools.harvest import Harvest, Taken
from xltools.layout import CHECKS, COVER, GUIDE, META
from xltools.reading.foreign import open_foreign
from xltools.reading.ground import Ground, is_figure
from xltools.reading.identify import free_claims, is_ours
from xltools.reading.labels import fold
from xltools.reading.prose import (
    Prose,
    explanations,
    find_cover,
    find_texts,
    identity_of,
    is_carrier,
    is_heading,
)
from xltools.reading.refusals import Refused
from xltools.reading.tables import Located, Piece, locate
from xltools.words import file_name, label_key

At = tuple[int, int]
FEWEST_WORDS = 2  # of the form's, on a sheet whose figures are listed though no table was found on it
MOST_NEAR = 1_000  # leftovers that are told with the words near them
PARAGRAPH = 20  # characters of words that are more than a label
NOTHING_FITS = Refusal(
    "S001",
    "这个工作簿里没有找到任何一种报表的表格。",
    "请用下发的空白表填写；自制的表格要保留报表原来的行名和列名。",
)


def harvest(
    file: str, data: bytes, forms: Sequence[Form], *, units: Sequence[str] = (), year: int | None = None
) -> Harvest | Refusal:
    """What stands in a workbook under the labels of one of `forms`.

    `units` are the names on the roster, for a workbook that does not say whose it is; `year` decides between
    forms that fit equally.
    """
    try:
        book = open_foreign(data)
    except Refused as why:
        return why.refusal
    own = is_ours(book.names, book.properties, book.sheets.get(META))
    # What is half read could be found once and stand twice.
    every = {name: Ground(sheet) for name, sheet in book.sheets.items() if not sheet.overfull}
    around = (COVER, CHECKS, GUIDE, META) if own else ()
    grounds = [ground for name, ground in every.items() if name not in around]

    def fit(one: Located) -> tuple[int, int, bool]:
        return len(one.spots), -one.missing, year is not None and one.form.covers(year)

    found = max((locate(grounds, form) for form in forms), key=fit, default=None)
    if found is None or not (found.spots or found.doubled):
        return NOTHING_FITS
    fronts = [ground for name, ground in every.items() if ground in grounds or name == COVER]
    prose = find_texts(grounds, found, _carriers(book))
    find_cover(fronts, found.form, prose)
    unit, said_year = identity_of(fronts, found.form, units)
    items = _items(found)
    return Harvest(
        file=file_name(file),
        sha256=hashlib.sha256(data).hexdigest(),
        form=found.form,
        unit=unit,
        year=said_year,
        items=items,
        texts=prose.texts,
        cover=prose.cover,
        explanations=dict(explanations(every[CHECKS], found.form)) if own and CHECKS in every else {},
        absent=tuple(name for name in found.form.items if _is_absent(found, items, name)),
        leftovers=tuple(_leftovers(grounds, found, items, prose, _carriers(book))),
    )


def _carriers(book: Book) -> set[str]:
    """Words that say who the workbook is: no paragraphs and no remarks."""
    return {label_key(value) for values in free_claims(book).values() for value in values}


def _items(found: Located) -> dict[str, Taken]:
    """In the form's order.  Two figures in one field, or money of an unknown unit, are nobody's."""
    places = [spot for spots in (*found.doubled.values(), found.spots.values()) for spot in spots]
    claims = Counter((spot.ground.name, at) for spot in places for at in spot.cells)
    items = {}
    for name in found.form.items:
        spot = found.spots.get(name)
        if spot is None or len(spot.cells) != 1 or claims[spot.ground.name, spot.cells[0]] > 1:
            continue
        content = spot.ground.cells[spot.cells[0]]
        if not spot.wants_unit or _needs_no_unit(content):
            items[name] = Taken(name, spot.ground.name, spot.ground.at(spot.cells[0]), content)
    return items


def _needs_no_unit(cell: Cell) -> bool:
    """Zero is zero in any unit, and 180万元 says its own."""
    text = label_key(cell.text)
    return text.endswith("元") or not text.strip("0.")


def _is_absent(found: Located, items: Mapping[str, Taken], name: str) -> bool:
    spot = found.spots.get(name)
    return spot is None or (bool(spot.cells) and name not in items)


def _leftovers(
    grounds: Sequence[Ground], found: Located, items: Mapping[str, Taken], prose: Prose, carriers: set[str]
) -> Iterator[Taken]:
    def is_official(cell: Cell) -> bool:
        return fold(cell.text) in found.vocabulary.known or is_heading(cell.text, found.form)

    used = {(taken.sheet, taken.cell) for taken in items.values()}
    used |= {(sheet, address(*at)) for sheet, at in prose.used}
    count = 0
    yield from prose.doubts
    for ground in grounds:
        pieces = [piece for piece in found.pieces if piece.ground is ground]
        known = sum(word.key in found.vocabulary.known for word in ground.words.values())
        if not pieces and ground.name not in prose.sheets and known < FEWEST_WORDS:
            continue
        for at, cell in sorted(ground.cells.items()):
            if (ground.name, ground.at(at)) in used or any(at in piece.labels for piece in pieces):
                continue
            within = [piece for piece in pieces if piece.top <= at[0] <= piece.bottom]
            if is_figure(cell):
                is_leftover = _is_leftover_figure(ground, within, at)
            else:
                is_leftover = _is_remark(ground, within, at, is_official)
            if is_leftover and (within or not is_carrier(cell.text, carriers)):
                count += 1
                near = ground.near(at) if count <= MOST_NEAR else ""
                yield Taken("", ground.name, ground.at(at), cell, near)


def _is_leftover_figure(ground: Ground, within: Sequence[Piece], at: At) -> bool:
    """Any number; a text that looks like one only inside a table.  Serial numbers before row labels are none."""
    row, column = at
    if not within:
        return ground.cells[at].kind != "text"
    after = [c for c in ground.rows[row] if c > column]
    is_serial = ground.rows[row][0] == column and after and (row, after[0]) in ground.words
    return not (is_serial and all(after[0] < piece.first for piece in within))


def _is_remark(ground: Ground, within: Sequence[Piece], at: At, is_official: Callable[[Cell], bool]) -> bool:
    """Words beside figures, alone in a row beneath heads, or a paragraph; not the label of a row of figures."""
    row, column = at
    if not within:
        if len(ground.cells[at].text) >= PARAGRAPH and not is_official(ground.cells[at]):
            return True
        return ground.numbers_left_of(row, column)
    beneath = [piece for piece in within if row > piece.above]
    beside = any(column >= piece.first for piece in beneath)
    return beside or (bool(beneath) and not ground.figures_right_of(row, column))

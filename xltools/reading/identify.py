"""Who a workbook says it is: by its carriers, never by its file name.

`_meta`, custom properties and defined names stand at the same place in every form, so they are asked
first; the visible cells need the layout and are asked next.  Disagreement is left to the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from xltools.compute import Picker, picker
from xltools.detail import ROLLUP_SCHEMA
from xltools.filing import Book, Cell, Claims, Picked, SheetFacts
from xltools.layout import IDENTITY, META, META_FIELDS, SCHEMA, Layout
from xltools.roster import CONSOLIDATED, KINDS, LEVELS, Unit

OURS = "xltools."  # begins the names of carriers
MOST_NAMES = 1_000  # of a workbook whose names are remembered
META_CELLS = {name: f"B{row}" for row, name in enumerate(META_FIELDS, 2)}


class Marks(dict[str, str]):
    """Our own names or properties: in small letters → what each stands for."""


def marks(source: Mapping[str, str]) -> Marks:
    """Our own defined names or custom properties among all of a workbook."""
    if isinstance(source, Marks):
        return source
    names = tuple(source)
    found = Marks()
    for name in (_ours if len(names) <= MOST_NAMES else _ours.__wrapped__)(names):
        found.setdefault(name.lower(), source[name])
    return found


@lru_cache(maxsize=64)
def _ours(names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of them are ours: most workbooks of a form have the same ones."""
    return tuple(name for name in names if name[: len(OURS)].lower() == OURS)


def is_ours(names: Mapping[str, str], properties: Mapping[str, str], meta: SheetFacts | None) -> bool:
    """Whether any carrier at all is there."""
    if marks(properties) or marks(names):
        return True
    return meta is not None and meta.cell("A1").text in (SCHEMA, ROLLUP_SCHEMA)


def free_claims(book: Book, fields: Iterable[str] = META_FIELDS) -> dict[str, list[str]]:
    """What the carriers that need no layout say: field → values."""
    meta = book.sheets.get(META)
    properties, names = marks(book.properties), marks(book.names)
    said = {}
    for name in fields:
        values = [meta.cell(META_CELLS[name]).text.strip()] if meta is not None else []
        values += [unquoted(source.get(OURS + name, "")) for source in (properties, names)]
        said[name] = [value for value in values if value]
    return said


def form_key(book: Book) -> str | None:
    """`gov-info-disclosure/2021` as most carriers say it."""
    said = free_claims(book, ("form", "edition"))
    form, edition = most(said["form"]), most(said["edition"])
    return f"{form}/{edition}" if form and edition else None


def claims(book: Book, layout: Layout) -> Claims:
    """What every carrier says.  A carrier that a program dropped on re-saving says None."""
    sources = {"custom_property": marks(book.properties), "defined_name": marks(book.names)}
    carriers = _carriers(layout)
    said: list[str | None] = []
    for sheet, places in carriers.cells:
        cells = places.of(book.sheets[sheet].cells if sheet in book.sheets else {})
        said += [said_in(cell) or None for cell in cells]
    for kind, name in carriers.unseen:
        word = sources[kind].get(name)
        said.append((mended(unquoted(word)) or None) if word else None)
    return Claims(layout.carriers, carriers.in_order(said))


class _Carriers(NamedTuple):
    """The carriers of a layout as they are asked."""

    cells: tuple[tuple[str, Picked], ...]  # sheet by sheet
    unseen: tuple[tuple[str, str], ...]  # kind and name in small letters of those that are no cells
    in_order: Picker  # of the words of the two together, the order of the layout
    fields: Mapping[str, Picker]  # of the words in that order those of a field of identity


@lru_cache(maxsize=64)
def _carriers(layout: Layout) -> _Carriers:
    cells: dict[str, list[tuple[int, str]]] = {}
    unseen: list[tuple[int, str, str]] = []
    for at, one in enumerate(layout.carriers):
        if one.place is not None:
            cells.setdefault(one.place.sheet, []).append((at, one.place.address))
        else:
            unseen.append((at, one.kind, (one.name or "").lower()))
    asked = [at for group in cells.values() for at, _ in group] + [at for at, _, _ in unseen]
    return _Carriers(
        cells=tuple((sheet, Picked(address for _, address in group)) for sheet, group in cells.items()),
        unseen=tuple((kind, name) for _, kind, name in unseen),
        in_order=picker([asked.index(at) for at in range(len(asked))]),
        fields={
            name: picker([at for at, one in enumerate(layout.carriers) if one.field == name])
            for name in IDENTITY
        },
    )


def said_in(cell: Cell) -> str:
    """A carrier cell's word; a year that became a number keeps its digits."""
    text = cell.text.strip()
    return text[:-2] if cell.kind == "number" and text.endswith(".0") else text


def unquoted(refers_to: str) -> str:
    """The text of a defined name that stands for a text: `="甲""乙"` is 甲"乙."""
    text = refers_to.strip().removeprefix("=")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def mended(text: str) -> str:
    """The word behind what SheetJS makes of a custom property: every save turns each UTF-8 byte into a character.

    >>> mended("ä¹\x99é\x95\x87"), mended("乙镇"), mended("U01")
    ('乙镇', '乙镇', 'U01')
    """
    if text.isascii() or max(text) > "\xff":
        return text
    try:
        better = text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
    return text if better == text else mended(better)


def most(values: Iterable[str]) -> str:
    """The value said most often, the first one where they tie; "" where nothing is said."""
    said = list(values)
    if len(set(said)) > 1:
        return Counter(said).most_common(1)[0][0]
    return said[0] if said else ""


def identity(book: Book, found: Claims, layout: Layout) -> tuple[Unit, int | None, str]:
    """Unit, year and issue number by majority of the carriers."""
    said = {name: list(filter(None, of(found.values))) for name, of in _carriers(layout).fields.items()}
    meta = book.sheets.get(META)

    def meta_text(name: str) -> str:
        return meta.cell(META_CELLS[name]).text.strip() if meta else ""

    year = most(said["year"])
    kind, level = meta_text("kind"), meta_text("level")
    unit = Unit(
        name=most(said["unit"]),
        code=most(said["code"]),
        kind=kind if kind in (*KINDS, CONSOLIDATED) else "乡镇街道",
        level=level if level in LEVELS else "town",
        parent=meta_text("parent"),
    )
    return (
        unit,
        int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None,
        most(said["issue"]),
    )

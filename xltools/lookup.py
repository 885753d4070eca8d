"""Lookup: the item a clerk means, by its id, its label, or the cell where it stands.

    applications.granted.total · （一）予以公开·总计 · 〔三、依申请公开〕J9 · J9 with the sheet said apart

A cell of a roll-up's 明细 stands for its column's item.  What is not found is a UsageError that names the nearest.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from xltools.detail import FIRST_COLUMN, detail_sheets
from xltools.errors import UsageError
from xltools.form import Form, Item
from xltools.geometry import position
from xltools.layout import Slot, lay_out
from xltools.problems import place_words
from xltools.words import label_key

MOST_NAMED = 8  # items offered where several are meant
_CELL = re.compile(
    r"(?:〔(?P<framed>[^〕]+)〕|'(?P<quoted>[^']+)'[!！]|(?P<plain>[^!！]+)[!！])?\s*"
    r"\$?(?P<column>[A-Za-z]{1,3})\$?(?P<row>[1-9][0-9]{0,6})"
)
_PARTS = re.compile(r"[·\s/、，,]+")


def item_called(form: Form, words: str, *, sheet: str | None = None, year: int | None = None) -> Item:
    """The one item that `words` mean; `sheet` says on which sheet, for a bare cell or a label that occurs twice.

    Raises UsageError for none, with the nearest, and for several, with all of them.
    """
    words = words.strip()
    if words.lower() in form.items:
        return form.items[words.lower()]
    if cell := _CELL.fullmatch(words):
        said = cell["framed"] or cell["quoted"] or cell["plain"] or sheet
        return _at(form, said.strip() if said else None, f"{cell['column'].upper()}{cell['row']}")
    found = _labelled(form, words, _sheet(form, sheet) if sheet else None, year)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"“{words}”有 {len(found)} 个，请写清是哪一个：{_named(form, found, year)}。")
    raise UsageError(f"没有“{words}”这个指标；最接近的：{_named(form, _nearest(form, words, year), year)}。")


def item_words(form: Form, item: Item, year: int | None = None) -> str:
    """An item for a clerk: its id, label and cell."""
    slot = lay_out(form).slots[item.id]
    return f"{item.id}（{item.label(year)}，{place_words(slot.sheet, slot.address)}）"


def _named(form: Form, items: Iterable[Item], year: int | None) -> str:
    listed = list(items)
    more = f"……共 {len(listed)} 个" if len(listed) > MOST_NAMED else ""
    return "；".join(item_words(form, item, year) for item in listed[:MOST_NAMED]) + more


# ---- by cell


def _sheet(form: Form, words: str) -> str:
    """A sheet of the form or of 明细, by its name or the beginning of it."""
    names = [
        *dict.fromkeys(slot.sheet for slot in lay_out(form).slots.values()),
        *(detail.name for detail in detail_sheets(form).values()),
    ]
    if words in names:
        return words
    begun = [name for name in names if label_key(name).startswith(label_key(words))]
    if len(begun) == 1:
        return begun[0]
    raise UsageError(f"没有叫“{words}”的、放数的工作表；可用的：{'、'.join(names)}。")


def _at(form: Form, sheet: str | None, cell: str) -> Item:
    row, column = position(cell)
    name = _sheet(form, sheet) if sheet else None
    for detail in detail_sheets(form).values():
        if detail.name == name:
            if 0 <= column - FIRST_COLUMN < len(detail.items):
                return detail.items[column - FIRST_COLUMN]
            raise UsageError(f"〔{name}〕的 {cell} 不在数的列里。")
    slots = list(lay_out(form).slots.values())
    there = [slot for slot in slots if name in (None, slot.sheet) and _holds(slot, row, column)]
    if len(there) == 1:
        return there[0].item
    if there:
        choices = "、".join(place_words(slot.sheet, cell) for slot in there)
        raise UsageError(f"几张表都有 {cell}，请用 --sheet 写明是哪一张：{choices}。")
    on_sheet = [slot for slot in slots if name in (None, slot.sheet)]
    near = min(on_sheet, key=lambda slot: abs(slot.place.row - row) + abs(slot.place.column - column))
    where = place_words(name, cell) if name else cell
    raise UsageError(f"{where} 不是放数的格；最近的是 {item_words(form, near.item)}。")


def _holds(slot: Slot, row: int, column: int) -> bool:
    place = slot.place
    return place.row <= row <= place.last_row and place.column <= column <= place.last_column


# ---- by label


def _labelled(form: Form, words: str, sheet: str | None, year: int | None) -> list[Item]:
    """Items of exactly this label; else those whose whole labels hold every part of the words."""
    slots = lay_out(form).slots
    items = [item for item in form.items.values() if sheet in (None, slots[item.id].sheet)]
    wanted = label_key(words)
    exact = [item for item in items if label_key(item.label(year)) == wanted]
    parts = [label_key(part) for part in _PARTS.split(words) if label_key(part)]
    return exact or [
        item for item in items if parts and all(part in _whole(form, item, year) for part in parts)
    ]


def _whole(form: Form, item: Item, year: int | None) -> str:
    """Everything that is said of an item: its table and both paths, folded for comparing."""
    path = "·".join((lay_out(form).table_words(item.table), *item.row_label, *item.column_label))
    return label_key(path.replace("{year}", str(year)) if year else path)


def _nearest(form: Form, words: str, year: int | None) -> list[Item]:
    names = dict(form.items)
    names.update((label_key(item.label(year)), item) for item in form.items.values())
    close = difflib.get_close_matches(label_key(words).lower(), names, 3, 0.0)
    return list(dict.fromkeys(names[name] for name in close))

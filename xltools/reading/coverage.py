"""Coverage: which units a roll-up names as not merged, and why, from its sheet 报送情况."""

from __future__ import annotations

from collections.abc import Iterator

from xltools.detail import STATUS
from xltools.filing import Book, SheetFacts
from xltools.geometry import address
from xltools.roster import Unit
from xltools.words import clean

NAME, CODE, KIND, STATE, MERGED = "单位", "单位代码", "类别", "情况", "是否计入"
HEADS = (NAME, CODE, KIND, STATE, MERGED)
NO = "否"
MOST_HEAD_ROWS, MOST_COLUMNS = 10, 40  # where the heads are looked for


def not_merged(book: Book) -> tuple[tuple[Unit, str], ...]:
    """Units of which nothing went into a roll-up, in the order of its list; () where it has no such list."""
    sheet = book.sheets.get(STATUS)
    rows = list(_rows(sheet)) if sheet is not None else []
    inside = {(row[CODE], row[NAME]) for row in rows if row[MERGED] != NO}
    missing: dict[str, tuple[Unit, str]] = {}
    for row in rows:
        unit = Unit(name=row[NAME], code=row[CODE], kind=row[KIND])
        if (unit.code, unit.name) not in inside:
            missing.setdefault(unit.key, (unit, row[STATE]))
    return tuple(missing.values())


def _rows(sheet: SheetFacts) -> Iterator[dict[str, str]]:
    """The rows below the heads, by head."""
    for head_row in range(1, MOST_HEAD_ROWS + 1):
        heads = {sheet.cell(address(head_row, column)).text: column for column in range(1, MOST_COLUMNS + 1)}
        if all(head in heads for head in HEADS):
            break
    else:
        return
    row = head_row + 1
    while sheet.cell(address(row, heads[NAME])).text:
        yield {head: clean(sheet.cell(address(row, heads[head])).text).strip() for head in HEADS}
        row += 1

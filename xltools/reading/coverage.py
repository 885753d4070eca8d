"""Coverage: which units a roll-up names as not merged, and why, from its sheet 报送情况; what its face says."""

from __future__ import annotations

from collections.abc import Iterator

from xltools.detail import CONTENTS, COVERAGE, FACE, STATUS
from xltools.filing import Book, SheetFacts
from xltools.geometry import address
from xltools.roster import CONSOLIDATED, Unit
from xltools.words import clean

NAME, CODE, KIND, STATE, MERGED = "单位", "单位代码", "类别", "情况", "是否计入"
HEADS = (NAME, CODE, KIND, STATE, MERGED)
NO = "否"
MOST_HEAD_ROWS, MOST_COLUMNS = 10, 40  # where the heads are looked for
MOST_FACE_ROWS = 100  # above the list of sheets


def not_merged(book: Book) -> tuple[tuple[Unit, str], ...]:
    """Units of which nothing went into a roll-up, in the order of its list; () where it has no such list."""
    sheet = book.sheets.get(STATUS)
    rows = list(_rows(sheet)) if sheet is not None else []
    inside = {(row[CODE], row[NAME], row[KIND] == CONSOLIDATED) for row in rows if row[MERGED] != NO}
    missing: dict[str, tuple[Unit, str]] = {}
    for row in rows:
        unit = Unit(name=row[NAME], code=row[CODE], kind=row[KIND])
        if (
            unit.code,
            unit.name,
            unit.kind == CONSOLIDATED,
        ) not in inside:  # a signer has not reported itself
            missing.setdefault(unit.key, (unit, row[STATE]))
    return tuple(missing.values())


def status_lines(book: Book) -> list[tuple[str, ...]]:
    """The rows of 报送情况: who, what became of it, whether it is inside."""
    sheet = book.sheets.get(STATUS)
    return [tuple(row[head] for head in HEADS) for row in _rows(sheet)] if sheet is not None else []


def face_lines(book: Book) -> list[str]:
    """What stands on 汇总 above the list of sheets: the title, then a head and its words in turn."""
    sheet, found = book.sheets.get(FACE), list[str]()
    for row in range(1, MOST_FACE_ROWS + 1) if sheet is not None else ():
        assert sheet is not None
        head, words = (sheet.cell(address(row, column)).text for column in (1, 2))
        if head == CONTENTS:
            break
        found += [head, words]
    return found


def coverage_of(book: Book) -> str:
    """How many units went in, as the face says: 4/6 单位; "" where it says nothing."""
    lines = face_lines(book)
    return next((words for head, words in zip(lines[::2], lines[1::2], strict=True) if head == COVERAGE), "")


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

"""Guarding: nothing that a command writes is laid over what it reads, or over a report that somebody sent in.

Asked before the work begins, so that a wrong name costs nothing.  What xltools made itself (a roll-up, its copies,
data for other programs) may be made anew in its place, and so may the workbook of the unit that is written for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from xltools.detail import ROLLUP_SCHEMA
from xltools.errors import UsageError
from xltools.filing import BLANK, Cell
from xltools.geometry import address, position
from xltools.layout import META, META_FIELDS, SCALED_SCHEMA
from xltools.longpath import reachable
from xltools.reading import gate, ooxml
from xltools.reading.ours import is_export
from xltools.reading.parts import Enough
from xltools.reading.sheet import MOST_CELLS
from xltools.rollup import is_unnamed
from xltools.roster import Unit

WORKBOOK = ".xlsx"
BOOKS = (WORKBOOK, ".xlsm", ".xlsb", ".xls", ".et", ".ods")


class Kind(StrEnum):
    """What stands where something is to be written."""

    FILING = "filing"
    ROLLUP = "rollup"
    MADE = "made"  # by xltools, for reading or for other programs
    OTHER = "other"


class Output(NamedTuple):
    """A file that is to be written: the option that asks for it, and the unit whose workbook it is, if it is one."""

    option: str
    path: Path
    unit: Unit | None = None


def guard(outputs: Iterable[Output], inputs: Iterable[Path | None] = ()) -> None:
    """Raises UsageError where an output is no plain file, an input, one of somebody else's files in a folder of
    inputs, another unit's report, or the same file as another output."""
    read, taken = [path for path in inputs if path is not None], dict[Path, str]()
    for one in outputs:
        place = reachable(one.path).resolve()
        if place in taken:
            both = one.option if taken[place] == one.option else f"{taken[place]} 和 {one.option}"
            raise UsageError(f"{both} 写的是同一个文件 {one.path}；请各用一个名字。")
        taken[place] = one.option
        if place.exists():
            _stand_back(one, place, read)


def demand_workbook(option: str, path: Path) -> None:
    """Raises UsageError for a name under which Excel would not open the workbook."""
    if path.suffix.lower() != WORKBOOK:
        raise UsageError(f"{option} 写的是工作簿，文件名要以 {WORKBOOK} 结尾；给的是“{path.name}”。")


def demand_data(option: str, path: Path | None) -> None:
    """Raises UsageError for data under the name of a workbook."""
    if path is not None and path.suffix.lower() in BOOKS:
        raise UsageError(f"{option} 写的不是工作簿，文件名不能以 {path.suffix} 结尾；给的是“{path.name}”。")


def demand_folder(option: str, path: Path) -> None:
    there = reachable(path)
    if there.exists() and not there.is_dir():
        raise UsageError(f"{option} 要写文件夹，{path} 却是文件；请换一个名字。")


def _stand_back(one: Output, place: Path, read: Iterable[Path]) -> None:
    """Says no to a place where something stands that is not ours to replace."""
    said = f"{one.option} 写的 {one.path} "
    if place.is_dir():
        raise UsageError(f"{said}是一个文件夹，不是文件；请写到文件名。")
    if not place.is_file():
        raise UsageError(f"{said}是设备或管道，不是普通文件；请换一个名字。")
    there = [reachable(path) for path in read]
    if any(path.is_file() and path.samefile(place) for path in there):
        raise UsageError(f"{said}是要读的文件，不能盖掉；请换一个名字。")
    inside = any(path.is_dir() and place.is_relative_to(path.resolve()) for path in there)
    kind, unit = standing(place)
    if kind is Kind.FILING and not _is_same(one.unit, unit):
        whose = "是别的单位的报表" if one.unit is not None else "是一份报表"
        raise UsageError(f"{said}{whose}，没有盖掉；请换一个名字，或先把它移走。")
    if kind is Kind.ROLLUP and not _is_same(one.unit, unit) and (inside or one.unit is not None):
        whose = f"是“{unit.name}”的汇总表" if unit is not None else "是别的汇总表"
        raise UsageError(f"{said}{whose}，没有盖掉；请换一个名字，或先把它移走。")
    if kind is Kind.OTHER and inside:
        raise UsageError(f"{said}在要读的文件夹里，不是本程序写出的文件，没有盖掉；请换一个名字。")


def standing(path: Path) -> tuple[Kind, Unit | None]:
    """What a file is, by what it says of itself, and whose.  A roll-up that nobody signed is nobody's."""
    if is_export(path):
        return Kind.MADE, None
    try:
        book = ooxml.open_book(gate.admit(gate.read_bytes(path)))
        cells = _first_rows(book, len(META_FIELDS) + 1) if META in book.sheet_states else None
    except gate.Refused:
        return Kind.OTHER, None
    schema = cells.get("A1", BLANK).text if cells is not None else ""
    if cells is None or schema == SCALED_SCHEMA:
        return (Kind.MADE if schema else Kind.OTHER), None
    rows = range(2, len(META_FIELDS) + 2)
    said = {cells.get(address(row, 1), BLANK).text: cells.get(address(row, 2), BLANK).text for row in rows}
    unit = Unit(name=said.get("unit", ""), code=said.get("code", ""), kind=said.get("kind", ""))
    if schema == ROLLUP_SCHEMA:
        return Kind.ROLLUP, None if is_unnamed(unit) else unit
    return Kind.FILING, unit


def _first_rows(book: ooxml.OpenBook, count: int) -> Mapping[str, Cell]:
    """The cells that _meta begins with; below them a roll-up has a row for each of thousands of units."""
    cells: dict[str, Cell] = {}

    def take(at: str, cell: Cell) -> None:
        if position(at)[0] > count:
            raise Enough
        cells[at] = cell

    book.scan(META, take, cell_limit=MOST_CELLS)
    return cells


def _is_same(wanted: Unit | None, found: Unit | None) -> bool:
    """Whether what stands there is the unit's own; a roll-up that is nobody's may be anybody's."""
    if found is None:
        return True
    if wanted is None:
        return False
    return found.code == wanted.code if found.code and wanted.code else found.name == wanted.name

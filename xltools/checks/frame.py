"""Frame: all of a workbook but what its unit fills in.

The workbooks of a round differ in little else, so what a check has to say of the frame alone (`of="frame"`) is
found out once for each: one that found nothing has nothing to say of any other workbook with the same frame.
A workbook of which anything is out of the ordinary has no frame, and every check looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from xltools.checks.ground import grounds, shown
from xltools.checks.registry import Case
from xltools.filing import SheetFacts, Skeleton
from xltools.form import Form
from xltools.layout import GUIDE, META, Layout
from xltools.problems import PROBLEMS, TRANSFERS

MOST_FRAMES, MOST_SKELETONS = 512, 4_096
PASSED_OVER = (GUIDE, META, PROBLEMS, TRANSFERS)  # sheets of which checks of the frame look at the name only


@dataclass(frozen=True, eq=False)
class Frame:
    """Known by identity.  `silent` has the codes of checks that found nothing in it."""

    silent: set[str] = field(default_factory=set)


def frame_of(case: Case) -> Frame | None:
    """The one frame of all filings like this; None for one that has to be looked at by itself.

    Of a filing with a frame it is known that all labels are in place, that it has no sheets of the unit's own,
    that its totals are formulas, and that nothing stands beside the declared places, on any sheet.
    """
    filing = case.filing
    if filing.form is None or filing.book is None or filing.is_rollup or filing.label_faults:
        return None
    parts: list[tuple[str, str, Skeleton | None]] = []
    for name, sheet in filing.book.sheets.items():
        if name in PASSED_OVER:
            parts.append((name, sheet.state, None))
            continue
        if name not in case.layout.by_name or sheet.skeleton is None:
            return None
        empty = _to_be_empty(case.layout, sheet, sheet.skeleton)
        if empty is None or any(
            shown(cell) for cell in filter(None, map(sheet.cells.get, empty)) if cell.text
        ):
            return None
        parts.append((name, sheet.state, sheet.skeleton))
    return _frame(filing.form, tuple(parts))


@lru_cache(maxsize=MOST_FRAMES)
def _frame(form: Form, parts: tuple[tuple[str, str, Skeleton | None], ...]) -> Frame:
    """`parts` are the sheets in their order: name, state, skeleton."""
    return Frame()


_UNSEEN: tuple[str, ...] = ("",)
_EMPTY: dict[tuple[Layout, str, Skeleton], tuple[str, ...] | None] = {}


def _to_be_empty(layout: Layout, sheet: SheetFacts, skeleton: Skeleton) -> tuple[str, ...] | None:
    """The cells beside the declared places that may hold something on a sheet of this skeleton, and must not;
    None where all such sheets have to be looked at."""
    key = layout, sheet.name, skeleton
    empty = _EMPTY.get(key, _UNSEEN)
    if empty is _UNSEEN:
        if len(_EMPTY) >= MOST_SKELETONS:
            _EMPTY.clear()
        empty = _EMPTY[key] = _look(layout, sheet, skeleton)
    return empty


def _look(layout: Layout, sheet: SheetFacts, skeleton: Skeleton) -> tuple[str, ...] | None:
    ground = grounds(layout)[sheet.name]
    if any(sheet.cell(at).formula is None for at in ground.derived):
        return None
    empty = []
    for at in sheet.cells.keys() | skeleton.holes:
        if at in ground.places:
            continue
        cell = sheet.cell(at)
        if cell.formula is not None or (at not in skeleton.holes and shown(cell)):
            return None
        if at in skeleton.holes:
            empty.append(at)
    return tuple(empty)


def forget() -> None:
    """As if no filing had been checked yet."""
    _frame.cache_clear()
    _EMPTY.clear()

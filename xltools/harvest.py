"""Harvest: what was found by its labels in a workbook that cannot be read by address.

Cells are as they stand in the source; what they mean is normalise's matter, where they go is carrying's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xltools.filing import Cell
from xltools.form import Form


@dataclass(frozen=True, slots=True)
class Taken:
    """One thing that was found, and where.  A leftover has no id, only the words that stand near it."""

    id: str  # of the item, text or cover field; "" of a leftover
    sheet: str
    cell: str  # A1, in the source
    content: Cell
    near: str = ""  # 其他情况·自然人


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What one workbook holds, under the form whose labels fit it best.

    `items` has totals as well as inputs, and only cells that hold something: an item that is neither in
    `items` nor in `absent` was found blank.
    """

    file: str  # name as received
    sha256: str
    form: Form
    unit: str = ""  # as the workbook itself says
    year: int | None = None  # likewise
    items: Mapping[str, Taken] = field(default_factory=dict)
    texts: Mapping[str, Taken] = field(default_factory=dict)
    cover: Mapping[str, Taken] = field(default_factory=dict)
    explanations: Mapping[str, str] = field(
        default_factory=dict
    )  # rule line id -> what the unit wrote on 校验
    absent: tuple[str, ...] = ()  # items whose row or column was not found, or was found more than once
    leftovers: tuple[Taken, ...] = ()  # figures and remarks in or beside the tables that have no place

"""Drawings: which cells the pictures, shapes and charts of a sheet lie over.  What they show is nobody's matter."""

from __future__ import annotations

import math

from xltools.geometry import address
from xltools.reading.parts import Attributes, Enough, PartReader, whole_number
from xltools.reading.shared import LAST_COLUMN, LAST_ROW

MOST_DRAWINGS = 5_000  # of one sheet
# In EMU, 914 400 to the inch.  Where only its size is given a drawing is measured by low rows and narrow columns,
# so that what may lie over a cell is said to.
_ROW, _COLUMN = 190_500, 571_500
_TOUCH = 40_000  # three points: what reaches no further into a cell hides nothing there
_SPACES = (
    "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing",  # Strict
)
_ALTERNATIVES = "http://schemas.openxmlformats.org/markup-compatibility/2006 AlternateContent"
_ANCHORS = ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor")


class DrawingsReader(PartReader):
    """The range beneath each drawing, "" for one that covers no cell; what has no size at all is left out."""

    sections = frozenset([*_ANCHORS, _ALTERNATIVES])

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[str] = []
        self.overfull = False
        self.corner = ""  # the open one: from or to
        self.ends: dict[tuple[str, str], int] = {}
        self.size = self.start_at = 0, 0  # width and height, x and y

    def check_root(self, local: str) -> None:
        if local != "wsDr" or self.space not in _SPACES:
            raise ValueError(f"not drawings: {local}")

    def opened(self, local: str, attributes: Attributes) -> None:
        self.text.clear()
        if local in _ANCHORS:
            self.ends, self.size, self.start_at = {}, (0, 0), (0, 0)
        elif local in ("from", "to"):
            self.corner = local
        elif local == "ext":
            self.size = int(attributes["cx"]), int(attributes["cy"])
        elif local == "pos":
            self.start_at = int(attributes["x"]), int(attributes["y"])

    def closed(self, local: str) -> None:
        if local in ("col", "row"):
            self.ends[self.corner, local] = whole_number("".join(self.text).strip())
        elif local in ("colOff", "rowOff"):
            self.ends[self.corner, local] = int("".join(self.text).strip())
        elif local in _ANCHORS:
            if len(self.ranges) == MOST_DRAWINGS:
                self.overfull = True
                raise Enough
            covered = self.covered(local)
            if covered is not None:
                self.ranges.append(covered)

    def covered(self, anchor: str) -> str | None:
        rows = self.span(anchor, "row", 1, _ROW, LAST_ROW)
        columns = self.span(anchor, "col", 0, _COLUMN, LAST_COLUMN)
        if rows is None and columns is None:
            return None
        if rows is None or columns is None or rows[0] > rows[1] or columns[0] > columns[1]:
            return ""
        first, last = address(rows[0], columns[0]), address(rows[1], columns[1])
        return first if first == last else f"{first}:{last}"

    def span(self, anchor: str, name: str, axis: int, step: int, most: int) -> tuple[int, int] | None:
        """First and last row or column beneath the open drawing; None where it is not even a hair wide."""
        if anchor == "absoluteAnchor":
            first, offset = divmod(self.start_at[axis], step)
        else:
            first, offset = self.ends["from", name], max(0, self.ends.get(("from", f"{name}Off"), 0))
        if anchor == "twoCellAnchor":
            last, end = self.ends["to", name], self.ends.get(("to", f"{name}Off"), 0)
            if (last, end) <= (first, offset):
                return None
        else:
            if self.size[axis] <= 0:
                return None
            last, end = (
                first + math.floor((offset + self.size[axis]) / step),
                (offset + self.size[axis]) % step,
            )
        last -= end <= _TOUCH
        return min(max(first, 0) + 1, most), min(last + 1, most)

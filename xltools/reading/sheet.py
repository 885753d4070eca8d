"""One sheet of a workbook: what surrounds its rows, and the rows themselves, in one pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xltools.filing import BLANK, Cell, CellKind, SheetFacts
from xltools.geometry import address as address_of
from xltools.geometry import column_letters
from xltools.reading.drawings import DrawingsReader
from xltools.reading.formats import PLAIN, Styles
from xltools.reading.parts import (
    MAIN,
    TRUE,
    Attributes,
    End,
    PartReader,
    Start,
    State,
    relation_of,
    unescaped,
    whole_number,
)
from xltools.reading.shared import LAST_COLUMN, LAST_ROW, column_number, moved

MOST_CELLS = 20_000  # kept of one sheet
MOST_MERGES = 20_000
MOST_HIDDEN_ROWS = 20_000
MOST_HIDDEN_COLUMNS = 512  # "all columns to the right" is one <col> of 16 000
MOST_CONDITIONAL = 1_000  # number formats by condition
MOST_EXPANDED = 2_000_000  # characters that the shared formulas of a workbook may grow to: 2 seconds

_X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"  # Excel's additions of 2010
_X14_VALIDATION = f"{_X14} dataValidation"
_X14_CONDITIONS = f"{_X14} conditionalFormatting"
_X14_AREAS = "http://schemas.microsoft.com/office/excel/2006/main sqref"
_KINDS: dict[str, CellKind] = {"e": "error", "d": "text"}
_BOOLEANS = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}

_NUMBERS = tuple(b"%d" % number for number in range(4096))  # of the strings that a workbook of a unit has
_COUNTS = frozenset(["row", "c", "v", "f", "is", "sheetData"])  # elements that hold what is read
_COLUMNS = {column_letters(number): number for number in range(1, 257)}
_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})")


def _has_no(attributes: Attributes, size: str) -> bool:
    """Whether a row has no height or a column no width to speak of, which hides it as well as hidden="1" does."""
    return size in attributes and float(attributes[size]) < 1


def position_of(address: str) -> tuple[int, int]:
    match = _ADDRESS.fullmatch(address)
    if match:
        row, column = int(match[2]), column_number(match[1].upper())
        if row <= LAST_ROW and column <= LAST_COLUMN:
            return row, column
    raise ValueError(f"not an address: {address[:40]!r}")


def _area(reference: str) -> str:
    """
    >>> _area("$c$3:a1"), _area("B2")
    ('A1:C3', 'B2')
    """
    first, _, second = reference.partition(":")
    (top, left), (bottom, right) = position_of(first), position_of(second or first)
    corner = f"{column_letters(min(left, right))}{min(top, bottom)}"
    other = f"{column_letters(max(left, right))}{max(top, bottom)}"
    return corner if corner == other else f"{corner}:{other}"


@dataclass(slots=True)
class Common:
    """What the sheets of a workbook share."""

    strings: Sequence[str]
    styles: Styles
    # Cells without a formula by type, value and style: most are like another, and a Cell takes longer to make
    # than to look up.  None stands for a cell that is not kept.
    alike: dict[tuple[str | None, str | None, str | None], Cell | None] = field(default_factory=dict)
    expanded: int = 0  # characters of shared formulas so far
    numbered: dict[bytes, str | None] = field(init=False)  # strings by number as a part has it; b"" is none

    def __post_init__(self) -> None:
        self.numbered = dict(zip(_NUMBERS, self.strings, strict=False))
        self.numbered[b""] = None


class SheetReader(PartReader):
    """One sheet: what surrounds its rows by `opened`, the rows themselves by `handlers`."""

    sections = frozenset(
        ["sheetFormatPr", "cols", "sheetData", "sheetProtection", "mergeCells", "conditionalFormatting"]
        + ["dataValidations", "drawing", "extLst"]
    )

    def __init__(self, common: Common, cell_limit: int) -> None:
        super().__init__()
        self.common, self.cell_limit = common, cell_limit
        self.cells: dict[str, Cell] = {}
        self.merges: set[str] = set()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.shown_rows: set[int] = set()  # kept when rows that are not declared are hidden
        self.zero_height = self.protected = self.overfull = self.has_rows = False
        self.validations = self.columns = 0
        self.row, self.row_is_given, self.row_is_hidden = 0, True, False
        self.runs: list[str] | None = None  # of the inline string of the open cell
        self.run_depth = 0  # how deep inside it a text has to stand
        self.masters: dict[str, tuple[str, int, int]] = {}  # shared index → text, row, column
        self.waiting: list[tuple[str, str]] = []  # followers that stand before their master, and its index
        self.spread_to = 0  # cells so far
        self.arrays: list[tuple[str, str]] = []  # areas of array formulas and data tables, and the formula
        self.conditional: list[tuple[str, str]] = []
        self.areas: list[str] = []  # of the open conditional format
        self.codes: list[str] = []  # number formats of an open one of Excel 2010, whose areas come last
        self.drawing = ""  # id of the relationship

    def facts(self, name: str, state: State, drawings: DrawingsReader | None = None) -> SheetFacts:
        """What was read, with what lies over the cells."""
        return SheetFacts(
            name=name,
            state=state,
            cells=self.cells,
            merges=frozenset(self.merges),
            hidden_rows=self.all_hidden_rows(),
            hidden_columns=frozenset(self.hidden_columns),
            protected=self.protected,
            validations=self.validations,
            conditional=tuple(self.conditional),
            drawings=tuple(drawings.ranges) if drawings else (),
            overfull=self.overfull or (drawings is not None and drawings.overfull),
        )

    def check_root(self, local: str) -> None:
        if local not in ("worksheet", "chartsheet", "dialogsheet") or self.space not in MAIN:
            raise ValueError(f"not a sheet: {local}")

    # around the rows

    def opened(self, local: str, attributes: Attributes) -> None:
        if local == "sheetData":
            if self.has_rows:
                raise ValueError("two lists of rows")
            self.has_rows = True
            self.go_on_with(*self.handlers())
        elif local == "mergeCell":
            if len(self.merges) < MOST_MERGES:
                self.merges.add(_area(attributes["ref"]))
            else:
                self.overfull = True
        elif local in ("dataValidation", _X14_VALIDATION):
            self.validations += 1
        elif local == "conditionalFormatting":
            self.areas = attributes.get("sqref", "").split()
        elif local == "cfRule" and attributes.get("dxfId", "").isdecimal():
            number = int(attributes["dxfId"])
            codes = self.common.styles.conditional
            code = codes[number] if number < len(codes) else None
            self.condition_shows(self.areas, code)
        elif local == "numFmt":  # within a format of Excel 2010
            self.codes.append(attributes["formatCode"])
        elif local == _X14_AREAS:
            self.text.clear()
        elif local == "drawing":
            self.drawing = relation_of(attributes) or ""
        elif local == "col":
            self.columns += 1
            if self.columns > LAST_COLUMN:
                raise ValueError("more columns than a sheet has")
            first, last = whole_number(attributes["min"]), whole_number(attributes["max"])
            if attributes.get("hidden") in TRUE or _has_no(attributes, "width"):
                self.hidden_columns.update(range(max(first, 1), min(last, MOST_HIDDEN_COLUMNS) + 1))
        elif local == "sheetProtection":
            self.protected = attributes.get("sheet") in TRUE
        elif local == "sheetFormatPr":
            self.zero_height = attributes.get("zeroHeight") in TRUE

    def closed(self, local: str) -> None:
        if local == _X14_AREAS:
            for code in self.codes:
                self.condition_shows("".join(self.text).split(), code)
        elif local == _X14_CONDITIONS:
            self.codes.clear()

    def condition_shows(self, areas: list[str], code: str | None) -> None:
        if code is None:
            return
        self.conditional += [(_area(area), code) for area in areas[: MOST_CONDITIONAL + 1]]
        if len(self.conditional) > MOST_CONDITIONAL:
            del self.conditional[MOST_CONDITIONAL:]
            self.overfull = True

    def all_hidden_rows(self) -> frozenset[int]:
        if self.zero_height:
            last = max(self.shown_rows, default=0)
            self.hidden_rows.update(set(range(1, last + 1)) - self.shown_rows)
        return frozenset(self.hidden_rows)

    # among the rows

    def handlers(self) -> tuple[Start, End]:
        """For what stands in sheetData.  Nine cells in ten are settled here, the rest by the methods below."""
        names = ("row", "c", "v", "f", "sheetData")
        row_name, cell_name, value_name, formula_name, data_name = (f"{self.space} {name}" for name in names)
        text, cells, alike, limit = self.text, self.cells, self.common.alike, self.cell_limit
        cell: Attributes | None = None  # the open cell
        formula: Attributes | None = None
        formula_text, value = "", None
        digits, before = "", 0  # of the open row's number, and where they start in an address
        last = ""  # address of the cell before
        in_text = False
        filled = 0  # cells that hold something

        def start(name: str, attributes: Attributes) -> None:
            nonlocal cell, formula, value, digits, before, last, in_text
            if name == value_name and not in_text:
                in_text = True
                text.clear()
            elif name == cell_name and digits and cell is None:
                cell = attributes
                formula = value = None
            elif name == formula_name and not in_text:
                in_text = True
                text.clear()
                formula = attributes
            elif name == row_name and not digits:
                digits = self.row_starts(attributes)
                before, last = -len(digits), ""
            elif in_text:
                raise ValueError("an element within a value")
            else:
                self.runs_or_nothing(name, cell)

        def end(name: str) -> None:
            nonlocal cell, formula_text, value, digits, before, last, in_text, filled
            if name == value_name:
                in_text = False
                if value is not None:
                    raise ValueError("two values in one cell")
                value = "".join(text)
            elif name == cell_name:
                assert cell is not None
                get = cell.get
                address = get("r")
                if address is None or address[before:] != digits or address[:before] not in _COLUMNS:
                    address, digits = self.unusual_address(address, last)
                    before = -len(digits)
                last = address
                if formula is None and get("t") != "inlineStr":
                    key = get("t"), value, get("s")
                    found = alike.get(key, BLANK)  # which is never one of them
                    if found is BLANK:
                        found = alike[key] = self.cell_of(cell, value, None)
                else:
                    shown = None if formula is None else self.formula_at(address, formula, formula_text)
                    found = self.cell_of(cell, value, shown)
                cell = None
                if found is not None:
                    if address in cells:
                        raise ValueError(f"a cell given twice: {address}")
                    if found.kind == "blank" and found.formula is None:
                        if len(cells) < limit:  # a format dragged down the whole sheet is no content
                            cells[address] = found
                    elif filled >= limit or self.overfull:
                        self.overfull = True
                        self.go_on_with(None, self.end_unread)
                    else:
                        filled += 1
                        cells[address] = found
            elif name == formula_name:
                in_text = False
                formula_text = "".join(text)
            elif name == row_name:
                digits = ""
                self.row_ends()
            elif name == data_name:
                self.rows_end()

        return start, end

    def row_starts(self, attributes: Attributes) -> str:
        given = attributes.get("r")
        self.row = self.row + 1 if given is None else whole_number(given)
        if not 1 <= self.row <= LAST_ROW:
            raise ValueError(f"no such row: {self.row}")
        self.row_is_given = given is not None
        self.row_is_hidden = attributes.get("hidden") in TRUE or _has_no(attributes, "ht")
        return str(self.row)

    def row_ends(self) -> None:
        if self.row_is_hidden:
            if len(self.hidden_rows) < MOST_HIDDEN_ROWS:
                self.hidden_rows.add(self.row)
        elif self.zero_height and self.row <= MOST_HIDDEN_ROWS:
            self.shown_rows.add(self.row)

    def rows_end(self) -> None:
        for address, index in self.waiting:
            if index in self.masters and address in self.cells:
                self.cells[address] = replace(self.cells[address], formula=self.expand(index, address))
        for area, formula in self.arrays:
            self.spread(area, formula)
        self.depth = 1
        self.go_on_with(self.start, self.end)

    def spread(self, area: str, formula: str) -> None:
        """Cells that are filled by an array formula which stands elsewhere have no figure of their own."""
        first, _, last = area.partition(":")
        (top, left), (bottom, right) = position_of(first), position_of(last or first)
        self.spread_to += (bottom - top + 1) * (right - left + 1)
        if self.spread_to > MOST_CELLS:
            self.overfull = True
            return
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                at = address_of(row, column)
                cell = self.cells.get(at, BLANK)
                if cell.formula is None:
                    self.cells[at] = replace(cell, formula=formula)

    def end_unread(self, name: str) -> None:
        """Beyond the limit the rows are only read through."""
        if name == f"{self.space} sheetData":
            self.rows_end()

    def unusual_address(self, address: str | None, last: str) -> tuple[str, str]:
        """A cell far to the right, in odd spelling or without address; and the digits of its row."""
        if address is None:
            row, column = self.row, position_of(last)[1] + 1 if last else 1
            if column > LAST_COLUMN:
                raise ValueError("more cells than columns")
        else:
            row, column = position_of(address)
            if row != self.row and (self.row_is_given or last):
                raise ValueError(f"{address} stands in row {self.row}")
            self.row = row
        return f"{column_letters(column)}{row}", str(row)

    def cell_of(self, attributes: Attributes, value: str | None, formula: str | None) -> Cell | None:
        """The cell as it is kept, None when there is nothing to keep: locked and empty."""
        styles = self.common.styles.cells
        style = styles[whole_number(attributes.get("s", "0"))] if styles else PLAIN
        type_ = attributes.get("t", "n")
        kind, text = self.content(type_, value)
        if kind == "blank" and formula is None and style.locked:
            return None
        code = style.code if kind == "number" else ""
        return Cell(kind, text, formula, style.locked, "date" if type_ == "d" else style.format, code)

    def content(self, type_: str, value: str | None) -> tuple[CellKind, str]:
        """Kind and text of a cell by its t attribute."""
        if type_ == "inlineStr":
            if value is not None:
                raise ValueError("an inline string with a value")
            runs, self.runs = self.runs, None
            return ("blank", "") if runs is None else ("text", "".join(runs))
        if value is None or (value == "" and type_ != "str"):
            return "blank", ""
        if type_ == "n":
            return "number", value
        if type_ == "s":
            return "text", self.common.strings[whole_number(value)]
        if type_ == "str":
            return "text", unescaped(value) if "_x" in value else value
        if type_ == "b":
            return "boolean", _BOOLEANS[value.strip()]
        return _KINDS[type_], value

    def runs_or_nothing(self, name: str, cell: Attributes | None) -> None:
        """Go aside into an inline string, or into what does not count.

        What would count, but not where it stands, is damage: programs differ in whether they see it.
        """
        space, _, local = name.rpartition(" ")
        is_inline = local == "is" and cell is not None and cell.get("t") == "inlineStr"
        if local == "AlternateContent" or (space == self.space and local in _COUNTS and not is_inline):
            raise ValueError(f"out of place: {local}")
        self.step_aside()
        if is_inline and space == self.space:
            self.runs, self.run_depth = [], 2
            self.handle(self.start_run, self.end_run)

    def start_run(self, name: str, attributes: Attributes) -> None:
        self.start_aside(name, attributes)
        if self.aside == 2:
            self.run_depth = 3 if name == f"{self.space} r" else 2
        if name == f"{self.space} t":
            self.text.clear()

    def end_run(self, name: str) -> None:
        if self.aside == self.run_depth and self.runs is not None and name == f"{self.space} t":
            run = "".join(self.text)
            self.runs.append(unescaped(run) if "_x" in run else run)
        self.end_aside(name)

    def formula_at(self, address: str, attributes: Attributes, text: str) -> str:
        """A formula; a shared one as it reads at this address."""
        text = text.removeprefix("=")
        if attributes.get("t") in ("array", "dataTable") and ":" in attributes.get("ref", ""):
            self.arrays.append((_area(attributes["ref"]), text))
        if attributes.get("t") != "shared" or "si" not in attributes:
            return text
        index = attributes["si"]
        if text and ("ref" in attributes or index not in self.masters):
            self.masters[index] = text, *position_of(address)
            return text
        if index in self.masters:
            return self.expand(index, address)
        self.waiting.append((address, index))
        return ""

    def expand(self, index: str, address: str) -> str:
        text, from_row, from_column = self.masters[index]
        self.common.expanded += len(text)
        if self.common.expanded > MOST_EXPANDED:
            self.overfull = True
            return ""
        row, column = position_of(address)
        return moved(text, row - from_row, column - from_column)

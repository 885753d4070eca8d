"""Filing: one returned workbook exactly as read, before anything is judged.

Reading fills these in; checks look at them and say what is wrong.  Cells are kept by A1 address, with the
text that stands in the file, so that a check can quote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from functools import cached_property, lru_cache
from itertools import compress
from operator import attrgetter
from typing import Literal, NamedTuple, TypeVar, overload

from xltools.compute import Picker, Row, all_figures, in_order, input_names, parted, picker
from xltools.display import shows
from xltools.form import Form, Value
from xltools.layout import Carrier
from xltools.problems import Problem, Transfer
from xltools.roster import Unit
from xltools.words import clean, number_text

D = TypeVar("D")
CellKind = Literal["blank", "number", "text", "boolean", "error"]
FormatKind = Literal["general", "text", "date", "percent", "number"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.  `text` is what is stored: digits of a number as in the file, TRUE/FALSE, #REF!, or the text."""

    kind: CellKind
    text: str = ""
    formula: str | None = None  # without "="; shared formulas are already expanded
    locked: bool = True
    format: FormatKind = "general"
    code: str = ""  # of a number's format, unless it shows every number as it is

    def misleads(self, unit: str | None, code: str | None = None) -> bool:
        """Whether its format, or another one, shows another number than the one that is stored, or none.

        >>> [Cell("number", "180.09999999999999", code=code).misleads("万元") for code in ("0.0", '0.0"万"', "0")]
        [False, True, True]
        """
        code = self.code if code is None else code
        if self.kind != "number" or not code:
            return False
        try:
            number = _SIGNIFICANT.create_decimal(self.text.strip())
        except InvalidOperation:
            return False
        return number.is_finite() and not shows(code, number, unit)


BLANK = Cell("blank")


class Places:
    """Where the cells of all sheets that are alike stand among those that are given: address → number, in the order of
    the sheet.  `pickers` get the cells that somebody picks, once worked out."""

    __slots__ = ("at", "pickers")

    def __init__(self, at: Mapping[str, int]) -> None:
        self.at = at
        self.pickers: dict[Picked, Picker] = {}


class Cells(Mapping[str, Cell]):
    """The cells of a sheet beside places that it shares with others: no dict of its own.

    `given` has one cell for each place, BLANK itself where nothing is kept, and BLANK behind them all.
    """

    __slots__ = ("_given", "_places")

    def __init__(self, places: Places, given: Sequence[Cell]) -> None:
        self._places, self._given = places, given

    def __getitem__(self, address: str) -> Cell:
        cell = self._given[self._places.at[address]]
        if cell is BLANK:
            raise KeyError(address)
        return cell

    @overload
    def get(self, address: str, /) -> Cell | None: ...
    @overload
    def get(self, address: str, /, default: Cell | D) -> Cell | D: ...
    def get(self, address: str, /, default: object = None) -> object:
        at = self._places.at.get(address)
        return default if at is None or self._given[at] is BLANK else self._given[at]

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and self.get(address) is not None

    def __iter__(self) -> Iterator[str]:
        return (address for address, _ in self._kept())

    def __len__(self) -> int:
        return sum(1 for _ in self._kept())

    def items(self) -> ItemsView[str, Cell]:
        return dict(self._kept()).items()

    def values(self) -> ValuesView[Cell]:
        return dict(self._kept()).values()

    def _kept(self) -> Iterator[tuple[str, Cell]]:
        given = self._given
        return ((address, given[at]) for address, at in self._places.at.items() if given[at] is not BLANK)

    def picked(self, wanted: Picked) -> tuple[Cell, ...]:
        """See Picked."""
        pick = self._places.pickers.get(wanted)
        if pick is None:
            at, behind = self._places.at, len(self._places.at)
            pick = picker([at.get(address, behind) for address in wanted.addresses])
            self._places.pickers[wanted] = pick
        return pick(self._given)

    def __reduce__(self) -> tuple[type[dict[str, Cell]], tuple[dict[str, Cell]]]:
        return dict, (dict(self._kept()),)


class Picked:
    """Some cells of a sheet, fetched together.

    >>> Picked(["A1", "B7"]).of({"B7": Cell("number", "3")})
    (Cell(kind='blank', text='', formula=None, locked=True, format='general', code=''), \
Cell(kind='number', text='3', formula=None, locked=True, format='general', code=''))
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self.addresses = tuple(addresses)

    def of(self, cells: Mapping[str, Cell]) -> tuple[Cell, ...]:
        """In the order of the addresses; a blank one where nothing is."""
        if isinstance(cells, Cells):
            return cells.picked(self)
        return tuple([cells.get(address, BLANK) for address in self.addresses])


_SIGNIFICANT = Context(prec=15)  # digits of a number that Excel shows
THROUGH = " > "  # no file name holds a ">" on Windows


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What is the same of all sheets that differ only in what stands in some cells.  Known by identity.

    Two sheets of one skeleton have the same cells, formulas, locks, formats, merges and all else of SheetFacts;
    each of the cells at `holes` holds what it likes, or nothing.
    """

    holes: frozenset[str]  # addresses

    def __reduce__(self) -> tuple[type[Skeleton], tuple[frozenset[str]]]:
        return Skeleton, (self.holes,)  # what reading knows of it stays in its process


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """What one sheet holds.  `cells` has only cells that hold something or are unlocked."""

    name: str
    state: Literal["visible", "hidden", "veryHidden"] = "visible"
    cells: Mapping[str, Cell] = field(default_factory=dict)
    merges: frozenset[str] = frozenset()  # "A1:C3"
    hidden_rows: frozenset[int] = frozenset()  # 1-based
    hidden_columns: frozenset[int] = frozenset()  # 1-based
    protected: bool = False
    validations: int = 0
    conditional: tuple[tuple[str, str], ...] = ()  # ranges, and number formats that conditions may put there
    drawings: tuple[str, ...] = ()  # ranges beneath pictures, shapes and charts; "" where that is no cell
    overfull: bool = False  # a limit was reached and the rest was left unread
    skeleton: Skeleton | None = field(default=None, compare=False, repr=False)  # if it shares one

    def cell(self, address: str) -> Cell:
        return self.cells.get(address, BLANK)


@dataclass(frozen=True, slots=True)
class Book:
    """An opened workbook package: its sheets in order, names and custom properties.

    `names` maps a defined name to what it refers to (`'三、依申请公开'!$D$7`).
    """

    sheets: Mapping[str, SheetFacts]
    names: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False  # Strict Open XML namespaces


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file was not read at all: a code of the catalogue, one sentence, one cure."""

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One input figure as read: its cell, its value after normalising, what was repaired or why it has none."""

    cell: Cell
    value: int | Decimal | str | None
    repair: str | None = None  # "全角数字改为半角" …; the figure counts, with a note
    fault: str | None = None  # code of the value fault; then value is None
    declared_zero: bool = False  # blank, so without a value, and the cover says 未填写的数字格均为零

    def __hash__(self) -> int:
        return hash(self.cell.text)


_VALUE, _DECLARED_ZERO = attrgetter("value"), attrgetter("declared_zero")


class BareEntries(Mapping[str, Entry]):
    """Entries without the cells that they were read from: what is kept of a filing among thousands."""

    __slots__ = ("declared_zeros", "inputs")

    def __init__(self, inputs: Mapping[str, Value], declared_zeros: frozenset[str]) -> None:
        self.inputs, self.declared_zeros = inputs, declared_zeros

    def __getitem__(self, name: str) -> Entry:
        is_zero = name in self.declared_zeros
        return Entry(BLANK, None if is_zero else self.inputs[name], declared_zero=is_zero)

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)

    def __reduce__(self) -> tuple[type[BareEntries], tuple[Mapping[str, Value], frozenset[str]]]:
        return BareEntries, (self.inputs, self.declared_zeros)


class Claim(NamedTuple):
    """What one carrier says of one identity field; None where it says nothing."""

    carrier: Carrier
    value: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What every carrier says, in the order of the carriers; None where one says nothing."""

    carriers: tuple[Carrier, ...] = ()
    values: tuple[str | None, ...] = ()

    def __iter__(self) -> Iterator[Claim]:
        return map(Claim, self.carriers, self.values)


@dataclass(frozen=True, slots=True)
class LabelFault:
    """A label that is not at its address."""

    sheet: str
    cell: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A unit's explanation of one query, as it travels into the roll-up."""

    about: str  # rule line id, else the fingerprint of the finding
    place: str  # where, in the form's words
    matter: str  # what was queried
    text: str


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One unit's own contribution, as it goes into a roll-up and comes out of one again."""

    unit: Unit
    file: str
    sha256: str
    inputs: Mapping[str, Value]  # declared zeros are 0
    declared_zeros: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    through: str = ""  # the roll-ups it came in, if not by itself: the outermost first, THROUGH between them
    seal: str = ""  # of all this when the roll-up it was read from was written

    def figures(self, form: Form) -> Mapping[str, Value]:
        """Inputs and totals in the form's order."""
        return all_figures(form, self.inputs)

    def sealed(self, form: Form) -> str:
        """A digest of whose it is, from which file, and of its figures, so that a roll-up that was edited afterwards
        says so; no protection against somebody who works it out again."""
        who = (*self.unit.identity().values(), self.file, self.sha256, self.through)
        names = input_names(form)
        figures: list[object] = [*in_order(self.inputs, names)]
        for at in _not_whole(tuple(map(type, figures))):
            figures[at] = _told(number_text(figures[at]))
        zeros = _told(" ".join(sorted(self.declared_zeros)))
        return _digest([*map(_told, who), zeros + _figure_lines(names) % tuple(figures)])


@lru_cache(maxsize=64)
def _not_whole(types: tuple[type, ...]) -> tuple[int, ...]:
    """Where something else stands than a whole number: alike in many units."""
    return tuple(at for at, of in enumerate(types) if of is not int)


@lru_cache(maxsize=64)
def _figure_lines(names: tuple[str, ...]) -> str:
    """What of a seal stands below its other lines, with a %s for each figure."""
    return "".join(f"\n{name}=%s" for name in names)


def seal_of(lines: Iterable[str]) -> str:
    """A digest of texts as any program keeps them: without regard to spaces and to what no cell can hold."""
    return _digest(map(_told, lines))


def _told(line: str) -> str:
    return line if line.isprintable() and " " not in line else "".join(clean(line).split())


def _digest(told: Iterable[str]) -> str:
    return "D" + hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Filing:
    """One returned workbook.  What could not be read is None or absent, never made up.

    `entries` has the inputs of those sheets only whose labels stand where they should.
    """

    file: str  # name as received
    sha256: str
    refusal: Refusal | None = None
    form_key: str | None = None  # as the carriers say, known or not
    form: Form | None = None
    unit: Unit | None = None
    year: int | None = None
    issue: str = ""
    claims: Claims = Claims()
    book: Book | None = None
    label_faults: tuple[LabelFault, ...] = ()
    entries: Mapping[str, Entry] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    cover: Mapping[str, str] = field(default_factory=dict)
    typed_totals: Mapping[str, int | Decimal] = field(default_factory=dict)  # numbers in place of formulas
    explanations: Mapping[str, str] = field(default_factory=dict)  # rule line -> reason, as 校验 has it
    last_shown: Mapping[str, Value] = field(default_factory=dict)  # last year's figures as 校验 shows them
    problems: tuple[Problem, ...] = ()  # of a workbook that has been sent back: its list, with reasons
    held: tuple[str, ...] = ()  # what it was sent back for and a fresh workbook cannot show
    transfers: tuple[Transfer, ...] = ()  # of one that was carried over: what went where
    leaves: tuple[Leaf, ...] = ()  # of a roll-up: the units it is made of
    is_rollup: bool = False

    def as_leaf(self, reasons: tuple[Reason, ...] = ()) -> Leaf:
        """A unit's own report as what it contributes.  Of a roll-up ask for its leaves."""
        assert self.unit is not None
        return Leaf(
            unit=self.unit,
            file=self.file,
            sha256=self.sha256,
            inputs=self.inputs,
            declared_zeros=self.declared_zeros,
            texts=self.texts,
            reasons=reasons,
        )

    @cached_property
    def declared_zeros(self) -> frozenset[str]:
        if isinstance(self.entries, BareEntries):
            return self.entries.declared_zeros
        if None not in self._values:  # nearly always
            return frozenset()
        names, entries = parted(self.entries)
        return frozenset(compress(names, map(_DECLARED_ZERO, entries)))

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Fingerprint -> the reason written on 问题清单."""
        return {problem.fingerprint: problem.reason for problem in self.problems if problem.reason}

    @cached_property
    def inputs(self) -> Mapping[str, Value]:
        """Input values; a declared zero is 0, a blank or a fault is None."""
        if isinstance(self.entries, BareEntries):
            return self.entries.inputs
        names, entries = parted(self.entries)
        values = self._values
        if self.declared_zeros:
            values = tuple([0 if entry.declared_zero else entry.value for entry in entries])
        return self.entries.like(values) if isinstance(self.entries, Row) else Row(names, values)

    @cached_property
    def _values(self) -> tuple[Value, ...]:
        """Of the entries; a declared zero is None."""
        return tuple(map(_VALUE, parted(self.entries)[1]))

    @cached_property
    def figures(self) -> Mapping[str, Value]:
        """Inputs and recomputed totals in the form's order; empty where there is no form."""
        return all_figures(self.form, self.inputs) if self.form else {}

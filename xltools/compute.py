"""The arithmetic of a form: totals from inputs, rules over both.  Exact, and no Excel library.

Cached results in a file are never used; what a workbook should show is worked out here.  What a form adds up and
compares is laid out once as positions in a list, since it is worked out for thousands of filings.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, overload

from xltools.expression import Ref, exact
from xltools.form import Form, Item, RuleLine, Value, Values

Number = int | Decimal
T = TypeVar("T")
D = TypeVar("D")


class Row(Mapping[str, T]):
    """What one filing has for each of some ids: a tuple of its own beside ids that all filings share.

    >>> row = Row(("a", "b"), (3, None))
    >>> row["a"], row.get("c"), row == {"a": 3, "b": None}
    (3, None, True)
    """

    __slots__ = ("_at", "given", "names")

    def __init__(self, names: tuple[str, ...], given: tuple[T, ...]) -> None:
        """Raises ValueError unless there is one thing for each name."""
        self.names, self._at = _places(names)
        if len(given) != len(names):
            raise ValueError(f"{len(names)} names for {len(given)} things")
        self.given = given

    def __getitem__(self, name: str) -> T:
        return self.given[self._at[name]]

    @overload
    def get(self, name: str, /) -> T | None: ...
    @overload
    def get(self, name: str, /, default: T | D) -> T | D: ...
    def get(self, name: str, /, default: object = None) -> object:
        at = self._at.get(name)
        return default if at is None else self.given[at]

    def __contains__(self, name: object) -> bool:
        return name in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> ItemsView[str, T]:
        return dict(zip(self.names, self.given, strict=True)).items()

    def values(self) -> ValuesView[T]:
        return dict(zip(self.names, self.given, strict=True)).values()

    def __repr__(self) -> str:
        return f"Row({dict(self.items())!r})"

    def like(self, given: tuple[D, ...]) -> Row[D]:
        """Other things for the same ids, of which there are as many."""
        row: Row[D] = Row.__new__(Row)
        row.names, row._at, row.given = self.names, self._at, given
        return row

    def __reduce__(self) -> tuple[type[Row[T]], tuple[tuple[str, ...], tuple[T, ...]]]:
        # so that what comes from another process shares its ids as well
        return Row, (self.names, self.given)


@lru_cache(maxsize=256)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """The first of equal tuples of names, and where each name stands in it."""
    return names, {name: at for at, name in enumerate(names)}


def parted(values: Mapping[str, T]) -> tuple[tuple[str, ...], tuple[T, ...]]:
    """The ids, and what there is for each."""
    return (
        (values.names, values.given) if isinstance(values, Row) else (tuple(values), tuple(values.values()))
    )


def in_order(values: Mapping[str, T], names: tuple[str, ...]) -> tuple[T | None, ...]:
    """The values under these names; None where there is none."""
    if isinstance(values, Row) and (values.names is names or values.names == names):
        return values.given
    return tuple(map(values.get, names))


def columns(rows: Sequence[Mapping[str, T]], names: tuple[str, ...]) -> Iterator[Sequence[T | None]]:
    """Under each name the values of all rows, one name after the other: they are not copied all at once."""
    alike = [row.given for row in rows if isinstance(row, Row) and row.names == names]
    if rows and len(alike) == len(rows):
        yield from zip(*alike, strict=True)
    else:
        yield from ([row.get(name) for row in rows] for name in names)


def as_number(value: Value) -> Number | None:
    """The value as a number; None for blanks and texts.  TRUE is no number."""
    return value if type(value) is int or type(value) is Decimal else None


Picker = Callable[[Sequence[Any]], tuple[Any, ...]]


def picker(places: Sequence[int]) -> Picker:
    """What stands at these places of a list, as one call gives it."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda numbers: ()
    (place,) = places
    return lambda numbers: (numbers[place],)


class _Group(NamedTuple):
    """Totals of equally many parts, none of which adds up another: worked out together."""

    parts: Picker  # of the first total, of the second …
    size: int  # parts of each
    each: tuple[Picker, ...]  # the parts, total by total

    def of_all(self, numbers: Sequence[Any]) -> Iterable[Number]:
        """Where no number is missing."""
        return map(sum, zip(*[iter(self.parts(numbers))] * self.size, strict=True))

    def of_some(self, numbers: Sequence[Any]) -> Iterable[Number | None]:
        return (None if None in picked else sum(picked) for picked in (one(numbers) for one in self.each))


class _Sums(NamedTuple):
    """A form's items by position: its inputs in their order, then its totals, group by group, each after what it
    adds up."""

    inputs: tuple[str, ...]
    totals: tuple[str, ...]  # in the order of `form.derived`
    groups: tuple[_Group, ...]
    derived: Picker  # the totals in their order
    reading: Picker  # the items in the form's reading order
    shown: Picker  # out of the items in their reading order, the totals
    figures: Row[None]  # by which rows of figures are made


@lru_cache(maxsize=64)
def _sums(form: Form) -> _Sums:
    inputs = tuple(item.id for item in form.inputs)
    derived = tuple(item.id for item in form.derived)
    depth = dict.fromkeys(inputs, 0)
    alike: dict[tuple[int, int], list[Item]] = {}
    for item in form.derived:
        depth[item.id] = 1 + max(depth[part] for part in item.sum)
        alike.setdefault((depth[item.id], len(item.sum)), []).append(item)
    groups = [alike[key] for key in sorted(alike)]
    places = (*inputs, *(item.id for group in groups for item in group))
    at = {name: place for place, name in enumerate(places)}

    def group_of(items: Sequence[Item]) -> _Group:
        parts = [[at[part] for part in item.sum] for item in items]
        return _Group(picker(sum(parts, [])), len(parts[0]), tuple(map(picker, parts)))

    names = tuple(form.items)
    return _Sums(
        inputs=inputs,
        totals=derived,
        groups=tuple(map(group_of, groups)),
        derived=picker([at[name] for name in derived]),
        reading=picker([at[name] for name in names]),
        shown=picker([names.index(name) for name in derived]),
        figures=Row(names, (None,) * len(names)),
    )


def input_names(form: Form) -> tuple[str, ...]:
    """The ids of its inputs, always the same tuple."""
    return _sums(form).inputs


_NUMBERS, _WHOLE = frozenset((int, Decimal, type(None))), frozenset((int, type(None)))


def _worked_out(form: Form, given: Sequence[Value], blank: Number | None) -> list[Number | None]:
    """These inputs as numbers and, behind them, each total of the form, by the positions of `_Sums`."""
    kinds = set(map(type, given))
    numbers: list[Any] = [*given] if kinds <= _NUMBERS else [*map(as_number, given)]
    if blank is not None:
        numbers = [blank if number is None else number for number in numbers]
    is_whole = type(None) not in kinds if kinds <= _NUMBERS else None not in numbers
    for group in _sums(form).groups:
        numbers += group.of_all(numbers) if is_whole else group.of_some(numbers)
    return numbers


def totals(form: Form, inputs: Values, *, blank: Number | None = None) -> dict[str, Number | None]:
    """Every derived item from the inputs, in an order that puts parts first.

    A total with a part missing is None, since blank is not zero; `blank=0` gives what Excel's SUM shows.
    """
    return dict(zip(_sums(form).totals, sums_of(form, inputs, blank=blank), strict=True))


def sums_of(form: Form, inputs: Values, *, blank: Number | None = None) -> tuple[Number | None, ...]:
    """The `totals`, in the order of `form.derived`."""
    sums = _sums(form)
    return sums.derived(_worked_out(form, in_order(inputs, sums.inputs), blank))


def all_figures(form: Form, inputs: Values) -> Row[Value]:
    """Inputs and totals, in the form's reading order; blanks are None."""
    sums = _sums(form)
    given = in_order(inputs, sums.inputs)
    worked_out = _worked_out(form, given, None)
    return sums.figures.like(sums.reading((*given, *worked_out[len(given) :])))


def shown_totals(form: Form, inputs: Values, figures: Values) -> tuple[Number | None, ...]:
    """In the order of `form.derived` what Excel's SUM shows; `figures` are `all_figures` of the inputs."""
    sums = _sums(form)
    known = sums.shown(in_order(figures, sums.figures.names))
    return sums_of(form, inputs, blank=0) if None in known else known


def shares(form: Form, inputs: Values) -> dict[str, Value]:
    """Item → what these inputs add to it: inputs as they are, totals with blanks passed over, as Excel's SUM does.

    A total is None only where not one of its parts has a figure.  Unlike `totals`, the shares of many units
    always add up to the share of their merged inputs.
    """
    known: dict[str, Value] = {name: inputs.get(name) for name in form.items}
    for item in form.derived:
        numbers = [number for part in item.sum if (number := as_number(known[part])) is not None]
        known[item.id] = sum(numbers) if numbers else None
    return known


class Status(StrEnum):
    """What 校验 says of a rule line; the words are those a clerk reads."""

    HOLDS = "通过"
    BROKEN = "不平"
    QUERIED = "待说明"
    EXPLAINED = "已说明"
    REMARKED = "提示"
    UNDECIDED = "未定"
    NOT_BOUND = "不适用"


BROKEN_STATUS = {"error": Status.BROKEN, "query": Status.QUERIED, "note": Status.REMARKED}


class RuleResult(NamedTuple):
    """One rule line on one set of figures.  `holds` is None while undecided or not binding."""

    line: RuleLine
    holds: bool | None
    status: Status
    left: Number | None = None
    right: Number | None = None
    difference: Number | None = None


def rule_results(
    form: Form,
    figures: Values,
    level: str,
    *,
    last: Values | None = None,
    explanations: Mapping[str, str] | None = None,
) -> Iterator[RuleResult]:
    """Every rule line in order.  `figures` holds inputs and totals, `last` those of last year.

    A rule is undecided while a leaf input is missing, last year's figure is unknown, or it divides by zero.
    """
    last = last or {}

    def value(ref: Ref) -> Number | None:
        return as_number((last if ref.last else figures).get(ref.item))

    for line in form.rule_lines:
        if not line.binds(level):
            yield RuleResult(line, None, Status.NOT_BOUND)
            continue
        holds = line.bound.holds(value) if all(value(leaf) is not None for leaf in line.leaves) else None
        if holds is None:
            yield RuleResult(line, None, Status.UNDECIDED)
            continue
        status = Status.HOLDS if holds else BROKEN_STATUS[line.rule.level]
        if status is Status.QUERIED and (explanations or {}).get(line.id):
            status = Status.EXPLAINED
        sides = line.bound.sides(value)
        yield RuleResult(line, holds, status, sides.left, sides.right, sides.difference)


class _Rules(NamedTuple):
    """The rule lines that bind a level, over this year's figures and, behind them, some of last year's."""

    names: tuple[str, ...]
    last: tuple[str, ...]
    asked: Picker  # of all these the figures that the lines speak of, each once
    tests: tuple[tuple[Callable[[Sequence[Any]], bool | None], Picker], ...]  # of each line, over those


@lru_cache(maxsize=64)
def _rules(form: Form, level: str, is_last_known: bool) -> _Rules:
    """Without last year's figures the lines that speak of one are undecided, and left out."""
    names, last = tuple(form.items), form.last_items
    at = {Ref(name): place for place, name in enumerate(names)}
    at |= {Ref(name, True): place for place, name in enumerate(last, len(names))}
    lines = [
        line
        for line in form.rule_lines
        if line.binds(level) and (is_last_known or not any(ref.last for ref in line.bound.refs))
    ]
    refs = {ref: place for place, ref in enumerate(dict.fromkeys(r for one in lines for r in one.bound.refs))}
    asked = picker([at[ref] for ref in refs])
    tests = tuple((one.bound.decides, picker([refs[ref] for ref in one.bound.refs])) for one in lines)
    return _Rules(names, last, asked, tests)


def broken_rules(
    form: Form, figures: Mapping[str, Value], level: str, *, last: Values | None = None
) -> list[RuleResult]:
    """Of `rule_results` those that do not hold.  A total among `figures` is None while one of its parts is."""
    rules = _rules(form, level, bool(last))
    values = in_order(figures, rules.names)
    numbers: Sequence[Any] = rules.asked((*values, *in_order(last, rules.last)) if last else values)
    if not set(map(type, numbers)) <= _WHOLE:
        numbers = [exact(as_number(value)) for value in numbers]
    for decides, refs in rules.tests:
        if None not in (picked := refs(numbers)) and decides(picked) is False:
            break
    else:
        return []
    return [one for one in rule_results(form, figures, level, last=last) if one.holds is False]

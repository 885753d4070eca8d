"""Scaling: a form's figures in thousands, 万 or 万元 that still add up.  How they are balanced is balance.py's matter.

Guaranteed: every total is the sum of its parts along rows and along columns; each figure is less than one unit from
its exact value and a whole one stays as it is; an identity of the form between a table's lines that the exact
figures fulfil is fulfilled; where there is none, a grand total is its plain rounding; same figures, same result (ties
go to the figure that stands first).  Where lines are subtotalled on several levels in *both* directions, the lesser
subtotals of the one direction still add up but may be further off, and so may a total that shares a part with
another total.  Other rules of the form, such as one figure not being above another, are not looked after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from xltools.balance import EXACT, balanced, blocks, nearest
from xltools.compute import Number, as_number, shares, totals
from xltools.form import Form, Item, Value, Values

COUNT_SCALES: Mapping[str, int] = {"千": 3, "万": 4}  # powers of ten
MONEY_SCALES: Mapping[str, int] = {"万元": 4, "亿元": 8}  # from 元
SCALES = (*COUNT_SCALES, *MONEY_SCALES)
MONEY_UNITS: Mapping[str, int] = {"元": 0, "万元": 4}


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A figure that is not the plain rounding of its value, so that the totals add up."""

    item: Item
    exact: Decimal  # in the scaled unit
    plain: Number
    written: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """A form's figures at a scale."""

    figures: Values  # every item; what is not scaled, and a blank, is as it was
    units: Mapping[str, str]  # scaled item → its unit, 千件 or 万元
    adjusted: tuple[Adjusted, ...]


def scale_of(item: Item, scales: Iterable[str]) -> tuple[str, int] | None:
    """The scaled unit of an item and the power of ten it is divided by; None where no scale is for it.

    Money goes to 万元 or 亿元, everything that is counted to 千 or 万.
    """
    if item.type == "text":
        return None
    unit = item.unit or ""
    for scale in scales:
        if unit in MONEY_UNITS and scale in MONEY_SCALES:
            return scale, MONEY_SCALES[scale] - MONEY_UNITS[unit]
        if item.type in ("count", "signed") and unit not in MONEY_UNITS and scale in COUNT_SCALES:
            return f"{scale}{unit}", COUNT_SCALES[scale]
    return None


def scale_figures(form: Form, inputs: Values, scales: Sequence[str], places: int = 0) -> Scaled:
    """All figures with `places` decimals at these scales (of SCALES), balanced."""
    exact = shares(form, inputs)
    rounded: dict[str, Value] = {item.id: inputs.get(item.id) for item in form.inputs}
    units: dict[str, str] = {}
    adjusted: dict[str, Adjusted] = {}
    for block in blocks(form, exact):
        items = [form.items[name] for name in block.items]
        kinds = {scale_of(item, scales) for item in items}
        kind = next(iter(kinds))
        if len(kinds) > 1 or kind is None:
            continue  # not to be scaled, or not of one unit and so not to be balanced
        unit, power = kind
        wanted = {item.id: _moved(exact[item.id], places - power) for item in items}
        whole = balanced(block, wanted)
        for item in items:
            units[item.id] = unit
            written, plain = (_moved(n, -places) for n in (whole[item.id], nearest(wanted[item.id])))
            if exact[item.id] is not None and item.is_input:
                rounded[item.id] = _plain_number(written)
            if written != plain:
                value = _moved(exact[item.id], -power)
                adjusted[item.id] = Adjusted(item, value, _plain_number(plain), _plain_number(written))
    for item in form.derived:  # those that no block holds
        if item.id not in units and all(part in units for part in item.sum):
            units[item.id] = units[item.sum[0]]
    figures = {**rounded, **totals(form, rounded, blank=0)}
    return Scaled(
        figures={name: figures[name] for name in form.items},
        units={name: units[name] for name in form.items if name in units},
        adjusted=tuple(adjusted[name] for name in form.items if name in adjusted),
    )


def _moved(value: Value, power: int) -> Decimal:
    """A figure with its decimal point moved, exactly; a blank is nothing to add."""
    return EXACT.scaleb(EXACT.create_decimal(as_number(value) or 0), power)


def _plain_number(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else value

"""The arithmetic of a form: totals from inputs, rules over both.  Exact, and no Excel library.

Cached results in a file are never used; what a workbook should show is worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from xltools.expression import Ref
from xltools.form import Form, RuleLine, Value, Values

Number = int | Decimal


def as_number(value: Value) -> Number | None:
    """The value as a number; None for blanks and texts."""
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def totals(form: Form, inputs: Values, *, blank: Number | None = None) -> dict[str, Number | None]:
    """Every derived item from the inputs, in an order that puts parts first.

    A total with a part missing is None, since blank is not zero; `blank=0` gives what Excel's SUM shows.
    """
    known: dict[str, Number | None] = {}
    for item in form.derived:
        result: Number | None = 0
        for part in item.sum:
            value = known[part] if part in known else as_number(inputs.get(part))
            if value is None:
                value = blank
            result = None if result is None or value is None else result + value
        known[item.id] = result
    return known


def all_figures(form: Form, inputs: Values) -> dict[str, Value]:
    """Inputs and totals, in the form's reading order; blanks are None."""
    derived = totals(form, inputs)
    return {name: derived[name] if name in derived else inputs.get(name) for name in form.items}


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


@dataclass(frozen=True, slots=True)
class RuleResult:
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

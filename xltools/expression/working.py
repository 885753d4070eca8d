"""The exact evaluation of a rule: whole numbers and fractions, no binary ones."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Any, NamedTuple

from xltools.expression.tree import (
    Chain,
    Compare,
    Exact,
    Logic,
    Lookup,
    Name,
    Numeric,
    Places,
    Range,
    Ref,
    Same,
    Test,
    Truth,
    Unary,
    Work,
)

_HALF = Fraction(1, 2_000_000)  # ROUND(…,6) makes zero of whatever is nearer to zero than this


def _settled(difference: Exact) -> Exact:
    """left - right, as a comparison sees it."""
    return difference if isinstance(difference, int) or abs(difference) >= _HALF else 0


_SIGN: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": Fraction,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_DECIDE: dict[str, Callable[[list[bool]], bool]] = {
    "AND": all,
    "OR": any,
    "NOT": lambda truths: not truths[0],
}


class Sides(NamedTuple):
    """What a rule compares, for a finding; None where an input is missing or a divisor is zero.

    An int stays an int; anything else is an exact Decimal, but a quotient that never ends has 15 digits.
    """

    left: int | Decimal | None
    right: int | Decimal | None
    difference: int | Decimal | None


def exact(number: int | Decimal | None) -> Exact | None:
    """A number as rules are worked; None when it is missing, or past any number Excel can hold (1E+999999999)."""
    if isinstance(number, int):
        return number
    if number is None or not number.is_finite() or abs(number.adjusted()) > 400:
        return None
    return Fraction(number)


def gather(refs: Sequence[Ref], value: Lookup) -> list[Exact] | None:
    """The values of all; None when one is missing."""
    numbers: list[Exact] = []
    for ref in refs:
        found = exact(value(ref))
        if found is None:
            return None
        numbers.append(found)
    return numbers


def shown(number: Exact | None) -> int | Decimal | None:
    if not isinstance(number, Fraction):
        return number
    above, below = Decimal(number.numerator), Decimal(number.denominator)
    try:
        return Context(prec=60, traps=[Inexact]).divide(above, below)
    except Inexact:
        return Context(prec=15).divide(above, below)


class Side(NamedTuple):
    """One side of a rule: its tree, the items that make it, and its evaluation over their values."""

    node: Numeric
    refs: tuple[Ref, ...]
    work: Work

    @classmethod
    def of(cls, node: Numeric, places: Places) -> Side:
        compiler = Compiler(places)
        work = compiler.number(node)
        return cls(node, tuple(compiler.index), work)

    def worth(self, value: Lookup) -> Exact | None:
        numbers = gather(self.refs, value)
        try:
            return None if numbers is None else self.work(numbers)
        except ZeroDivisionError:
            return None


class Compiler:
    """Turns a tree into closures over a list of values; `index` says which item stands where in the list."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.index: dict[Ref, int] = {}

    def number(self, node: Numeric) -> Work:
        match node:
            case int() | Decimal():
                constant = node if isinstance(node, int) else Fraction(node)
                return lambda values: constant
            case Name() | Range() | Ref():
                at = [self.index.setdefault(ref, len(self.index)) for ref in self.places[node]]
                pick: Callable[[Any], Any] = operator.itemgetter(*at)
                if len(at) == 1:
                    return pick
                return lambda values: sum(pick(values))
            case Unary(function, operand):
                inner = self.number(operand)
                apply: Callable[[Any], Any] = operator.neg if function == "-" else abs
                return lambda values: apply(inner(values))
            case Chain(first, steps):
                start = self.number(first)
                rest = [(_SIGN[sign], self.number(operand)) for sign, operand in steps]

                def run(values: Sequence[Exact]) -> Exact:
                    result = start(values)
                    for work, operand in rest:
                        result = work(result, operand(values))
                    return result

                return run

    def truth(self, node: Truth) -> Test:
        match node:
            case Compare(left, sign, right):
                test, one, other = _SIGN[sign], self.number(left), self.number(right)

                def compared(values: Sequence[Exact]) -> bool:
                    difference = one(values) - other(values)
                    return bool(test(difference if type(difference) is int else _settled(difference), 0))

                return compared
            case Same(left, sign, right):
                test, this, that = _SIGN[sign], self.truth(left), self.truth(right)
                return lambda values: bool(test(this(values), that(values)))
            case Logic(function, parts):
                decide, tests = _DECIDE[function], [self.truth(part) for part in parts]
                return lambda values: decide([test(values) for test in tests])  # a list: all are evaluated

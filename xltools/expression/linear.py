"""A rule as one linear equation, where it is one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from xltools.expression.tree import Chain, Compare, Name, Numeric, Places, Range, Ref, Truth, Unary


class Equation(NamedTuple):
    """A rule as one linear equation: the terms, each times its coefficient, and the constant add up to zero."""

    terms: tuple[tuple[Ref, Fraction], ...]  # in order of appearance; those that cancel out are left out
    constant: Fraction


_Sum: TypeAlias = dict[Ref | None, Fraction]  # coefficients; None stands for the constant


def equation_of(tree: Truth, places: Places) -> Equation | None:
    """left - right == 0, where both sides are linear."""
    if not isinstance(tree, Compare) or tree.sign != "==":
        return None
    left, right = _linear(tree.left, places), _linear(tree.right, places)
    if left is None or right is None:
        return None
    whole = _added(left, right, -1)
    terms = ((ref, factor) for ref, factor in whole.items() if ref is not None and factor)
    return Equation(tuple(terms), whole.get(None, Fraction(0)))


def _linear(node: Numeric, places: Places) -> _Sum | None:
    """The node as a sum of multiples; None where it is not one: abs(a), a * b, a / b, a / 0."""
    match node:
        case int() | Decimal():
            return {None: Fraction(node)}
        case Name() | Range() | Ref():
            whole: _Sum = {}
            for ref in places[node]:
                whole = _added(whole, {ref: Fraction(1)})
            return whole
        case Unary("-", operand):
            inner = _linear(operand, places)
            return None if inner is None else _added({}, inner, -1)
        case Unary():
            return None
        case Chain(first, steps):
            so_far = _linear(first, places)
            for sign, operand in steps:
                other = _linear(operand, places)
                if so_far is None or other is None:
                    return None
                so_far = _stepped(so_far, sign, other)
            return so_far


def _stepped(so_far: _Sum, sign: str, other: _Sum) -> _Sum | None:
    if sign in "+-":
        return _added(so_far, other, 1 if sign == "+" else -1)
    if sign == "*" and set(so_far) <= {None}:
        so_far, other = other, so_far
    if set(other) - {None}:
        return None  # items on both sides of a product, or below the line
    factor = other.get(None, Fraction(0))
    if sign == "/":
        if not factor:
            return None
        factor = 1 / factor
    return _added({}, so_far, factor)


def _added(one: _Sum, other: _Sum, times: int | Fraction = 1) -> _Sum:
    whole = dict(one)
    for ref, factor in other.items():
        whole[ref] = whole.get(ref, Fraction(0)) + times * factor
    return whole

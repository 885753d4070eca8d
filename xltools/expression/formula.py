"""A rule as a live Excel formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from xltools.expression.tree import (
    Chain,
    Compare,
    Logic,
    Name,
    Numeric,
    Places,
    Range,
    Ref,
    Same,
    Truth,
    Unary,
)

MAX_ARGUMENTS = 30  # of one function, in the oldest spreadsheet programs (255 in newer ones)

_ADDING, _TIMES, _SIGNED, _ATOM = range(4)  # how tightly a piece of formula holds together
_STRENGTH = {"+": _ADDING, "-": _ADDING, "*": _TIMES, "/": _TIMES}
_EXCEL = {"==": "=", "!=": "<>"}


class _Piece(NamedTuple):
    text: str
    strength: int
    rounded: bool  # binary numbers may be a little off here

    @property
    def subtrahend(self) -> str:  # a-b*c, but a-(b+c) and a-(-b)
        return self.text if self.strength in (_TIMES, _ATOM) else f"({self.text})"


class Writer(NamedTuple):
    places: Places
    address: Callable[[Ref], str]
    is_money: Callable[[Ref], bool]

    def number(self, node: Numeric) -> _Piece:
        match node:
            case int():
                return _Piece(str(node), _ATOM, False)
            case Decimal():
                return _Piece(f"{node:f}", _ATOM, True)
            case Name() | Range() | Ref():
                refs = self.places[node]
                addresses = [self.address(ref) for ref in refs]
                text = _call("SUM", addresses) if isinstance(node, Range) else addresses[0]
                return _Piece(text, _ATOM, any(map(self.is_money, refs)))
            case Unary(function, operand):
                text, strength, rounded = self.number(operand)
                if function == "-":
                    return _Piece(f"-{text}" if strength == _ATOM else f"-({text})", _SIGNED, rounded)
                return _Piece(_call(function, [text]), _ATOM, rounded)
            case Chain(first, steps):
                text, reached, rounded = self.number(first)
                for sign, operand in steps:
                    right, strength = self.number(operand), _STRENGTH[sign]
                    if reached < strength:
                        text = f"({text})"
                    bare = right.strength == _ATOM or (strength == _ADDING and right.strength == _TIMES)
                    text += sign + (right.text if bare else f"({right.text})")
                    reached, rounded = strength, rounded or right.rounded or sign == "/"
                return _Piece(text, reached, rounded)

    def truth(self, node: Truth) -> str:
        match node:
            case Compare(left, sign, right):
                one, other, sign = self.number(left), self.number(right), _EXCEL.get(sign, sign)
                if one.rounded or other.rounded:
                    return f"ROUND({one.text}-{other.subtrahend},6){sign}0"
                return f"{one.text}{sign}{other.text}"
            case Same(left, sign, right):
                return f"({self.truth(left)}){_EXCEL[sign]}({self.truth(right)})"
            case Logic(function, parts):
                return _call(function, [self.truth(part) for part in parts])


def _call(function: str, arguments: Sequence[str]) -> str:
    """A call; SUM, AND and OR of too many are nested."""
    while len(arguments) > MAX_ARGUMENTS:
        starts = range(0, len(arguments), MAX_ARGUMENTS)
        arguments = [f"{function}({','.join(arguments[at : at + MAX_ARGUMENTS])})" for at in starts]
    return f"{function}({','.join(arguments)})"

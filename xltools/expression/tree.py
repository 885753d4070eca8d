"""What a rule is made of: names, and the tree that a text is parsed into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias


class Name(NamedTuple):
    """A name as written: `last.documents.made` is Name(("documents", "made"), last=True)."""

    parts: tuple[str, ...]
    last: bool = False


class Ref(NamedTuple):
    """What a name stands for: the flat id of an item, of this year's filing or of last year's."""

    item: str
    last: bool = False


class Range(NamedTuple):  # sum[first:final]
    first: Name
    final: Name


class Unary(NamedTuple):
    function: str  # "-", "ABS"
    operand: Numeric


class Chain(NamedTuple):  # first + a - b …, worked from the left, so that a long sum is not a deep one
    first: Numeric
    steps: tuple[tuple[str, Numeric], ...]


class Compare(NamedTuple):  # two numbers
    left: Numeric
    sign: str
    right: Numeric


class Same(NamedTuple):  # two truths, with == or !=
    left: Truth
    sign: str
    right: Truth


class Logic(NamedTuple):  # a < b < c is AND of two, implies(a, b) is OR(NOT(a), b)
    function: str  # "AND", "OR", "NOT"
    parts: tuple[Truth, ...]


Leaf: TypeAlias = Name | Range | Ref  # a Ref stands for itself, where a side is a single item
Numeric: TypeAlias = int | Decimal | Name | Range | Ref | Unary | Chain
Truth: TypeAlias = Compare | Same | Logic
Places: TypeAlias = Mapping[Leaf, tuple[Ref, ...]]
Exact: TypeAlias = int | Fraction  # decimals and quotients are worked as fractions: 1 / 3 * 3 == 1
Work: TypeAlias = Callable[[Sequence[Exact]], Exact]
Test: TypeAlias = Callable[[Sequence[Exact]], bool]
Lookup: TypeAlias = Callable[[Ref], int | Decimal | None]

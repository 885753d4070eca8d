"""What a rule is made of: names, and the tree that a text is parsed into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written: `last.documents.made` is Name(("documents", "made"), last=True)."""

    parts: tuple[str, ...]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """What a name stands for: the flat id of an item, of this year's filing or of last year's."""

    item: str
    last: bool = False


@dataclass(frozen=True, slots=True)
class Range:  # sum[first:final]
    first: Name
    final: Name


@dataclass(frozen=True, slots=True)
class Unary:
    function: str  # "-", "ABS"
    operand: Numeric


@dataclass(frozen=True, slots=True)
class Chain:  # first + a - b …, worked from the left, so that a long sum is not a deep one
    first: Numeric
    steps: tuple[tuple[str, Numeric], ...]


@dataclass(frozen=True, slots=True)
class Compare:  # two numbers
    left: Numeric
    sign: str
    right: Numeric


@dataclass(frozen=True, slots=True)
class Same:  # two truths, with == or !=
    left: Truth
    sign: str
    right: Truth


@dataclass(frozen=True, slots=True)
class Logic:  # a < b < c is AND of two, implies(a, b) is OR(NOT(a), b)
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

"""Slips: how a hand that meant one figure comes to type another."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

from xltools.words import number_text


class Slip(IntEnum):
    """Kinds of slip, the most telling first; the value is the order in which rivals are named."""

    SWAPPED = 1  # the figures of two neighbouring cells
    TRANSPOSED = 2  # 21 for 12
    DOUBLED = 3  # 122 for 12
    SHIFTED = 4  # 120 or 1.2 for 12: a zero or the decimal point
    LOST = 5  # 13 for 123
    NEGATED = 6  # -5 for 5
    COPIED = 7  # the neighbour's figure once more
    DIGIT = 8  # 127 for 123
    ONE_OFF = 9  # 8 for 9
    OTHER = 10

    @property
    def is_telling(self) -> bool:
        """Whether it speaks for one cell against another that would heal as much."""
        return self <= Slip.COPIED


def slip_between(found: int | Decimal, meant: int | Decimal) -> Slip:
    """
    >>> slip_between(21, 12).name, slip_between(122, 12).name, slip_between(13, 123).name, slip_between(50, 5).name
    ('TRANSPOSED', 'DOUBLED', 'LOST', 'SHIFTED')
    >>> slip_between(Decimal("1805"), Decimal("180.5")).name, slip_between(-5, 5).name, slip_between(7, 4).name
    ('SHIFTED', 'NEGATED', 'OTHER')
    """
    typed, right = number_text(found), number_text(meant)
    apart = abs(Decimal(found) - Decimal(meant))
    if found == -meant:
        return Slip.NEGATED
    if typed in _transposed(right):
        return Slip.TRANSPOSED
    if found and any(found * power == meant or meant * power == found for power in (10, 100, 1000, 10_000)):
        return Slip.SHIFTED
    if any(right[:at] + digit + right[at:] == typed for at, digit in enumerate(right) if digit.isdigit()):
        return Slip.DOUBLED
    if len(right) > 1 and any(right[:at] + right[at + 1 :] == typed for at in range(len(right))):
        return Slip.LOST
    if (
        len(typed) == len(right) > 1
        and apart > 1
        and sum(a != b for a, b in zip(typed, right, strict=True)) == 1
    ):
        return Slip.DIGIT
    return Slip.ONE_OFF if apart == 1 else Slip.OTHER


def _transposed(text: str) -> set[str]:
    """The text with each two neighbouring digits changed about."""
    pairs = zip(text, text[1:], strict=False)
    return {
        text[:at] + b + a + text[at + 2 :] for at, (a, b) in enumerate(pairs) if a != b and (a + b).isdigit()
    }

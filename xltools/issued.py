"""Issued: the numbers that a round's copies went out under, and whose each is.

A number is random, so that no other copy has it.  Where a folder keeps a key, a code over the identity follows
it (HMAC-SHA-256, cut to 80 bits), so that a collector who has the key and not the ledger sees what was edited.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from xltools.roster import Unit

NUMBER = re.compile(
    "L[0-9]{4}-[a-z2-7]{10}(-[a-z2-7]{16})?"
)  # begins with a letter; unlike roster.issue_number's
CODE_BYTES = 10


class Issued(NamedTuple):
    """One copy that went out."""

    number: str
    form_key: str
    year: int
    then: Unit  # as the copy says
    now: Unit  # as the roster has the unit today


@dataclass(frozen=True, slots=True)
class Register:
    """What a filing's number is looked up in: a round's ledger, a key, both or neither."""

    copies: Mapping[str, Issued] = field(default_factory=dict)
    key: bytes | None = None


def new_number(form_key: str, unit: Unit, year: int, key: bytes | None = None) -> str:
    """A number for one copy, with a code over its identity where there is a key."""
    bare = f"L{year}-{_letters(os.urandom(7))[:10]}"
    return f"{bare}-{code_of(bare, form_key, unit, year, key)}" if key is not None else bare


def code_of(bare: str, form_key: str, unit: Unit, year: int, key: bytes) -> str:
    parts = (bare, form_key, str(year), *unit.identity().values())
    return _letters(hmac.digest(key, "\0".join(parts).encode(), hashlib.sha256)[:CODE_BYTES])


def has_code(number: str) -> bool:
    """Whether a number carries a code over the identity."""
    said = NUMBER.fullmatch(number)
    return said is not None and said[1] is not None


def code_holds(number: str, form_key: str, unit: Unit, year: int, key: bytes) -> bool:
    """Whether the code of a number is that of this identity under this key.

    >>> town, key = Unit(name="示例镇", code="U01"), bytes(32)
    >>> number = new_number("a/1", town, 2021, key)
    >>> code_holds(number, "a/1", town, 2021, key), code_holds(number, "a/1", town, 2022, key)
    (True, False)
    """
    bare, _, code = number.rpartition("-")
    return hmac.compare_digest(code, code_of(bare, form_key, unit, year, key))


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()

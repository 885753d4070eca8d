"""Cutting: a part without its values, and the values.

Where values go, a reader says that reads the part with a mark in place of each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from xltools.reading.known import Unusual

HOLE = b"\0"  # stands in no XML
# And on; whole numbers, as that of a string has to be.  Nobody can know them beforehand: a file that holds a mark
# itself would have a value put there that stands where the plain reader finds none.
MARK = 900_000_000_000_000 + int.from_bytes(os.urandom(5), "big")
NO_MARKUP = rb"[^<>&\x00-\x08\x0b-\x1f]*"
UTF_8 = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:<\?xml version=["']1\.0["'](?: encoding=["'][Uu][Tt][Ff]-8["'])?"""
    rb"""(?: standalone=["'](?:yes|no)["'])? ?\?>)?\s*<[A-Za-z]"""
)


class Cut:
    """How values are cut out of a kind of part: what stands before each, one of several things, and behind."""

    def __init__(self, before: Sequence[bytes], value: bytes, behind: bytes) -> None:
        self._behind = behind
        self._before = before[0] if len(before) == 1 else None  # looked for in half of the time
        begun = re.escape(before[0]) if len(before) == 1 else b"(" + b"|".join(map(re.escape, before)) + b")"
        self._each = re.compile(begun + b"(" + value + b")" + re.escape(behind))

    def pieces(self, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """What stands around the values, and the values.  What stands before each is a piece by itself, where it may be
        one of several things."""
        pieces = self._each.split(data)
        step = 2 if self._before else 3
        values = pieces[step - 1 :: step]
        del pieces[step - 1 :: step]
        return pieces, values

    def marked(self, pieces: Sequence[bytes]) -> bytes:
        """The part with a mark in place of each value.

        Raises Unusual where it might not be XML, or where a tag seems to end that does not: without comments, each
        "<" of XML begins a tag, so that any further ">" stands in a text.
        """
        made = [pieces[0]]
        if self._before:
            around: Iterable[tuple[bytes, bytes]] = ((self._before, piece) for piece in pieces[1:])
        else:
            around = zip(pieces[1::2], pieces[2::2], strict=True)
        for number, (before, piece) in enumerate(around):
            made += (before, b"%d" % (MARK + number), self._behind, piece)
        part = b"".join(made)
        if not UTF_8.match(part) or b"<!" in part or HOLE in part or part.count(b"<") != part.count(b">"):
            raise Unusual
        return part


def number_of_mark(text: str) -> int:
    """Which mark a text is, from 0 on; below 0 where it is none."""
    return int(text) - MARK if text.isdecimal() and len(text) == len(str(MARK)) else -1


def text_of(value: bytes) -> str:
    """A value that holds no markup as a parser hands it out."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Unusual from None
    if "\ufffe" in text or "\uffff" in text:  # which expat refuses
        raise Unusual
    return text

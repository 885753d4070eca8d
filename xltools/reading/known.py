"""Known: what files have in common is found out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, TypeVar

from xltools.reading.refusals import Refused

MOST_KNOWN = 160  # things of one kind: a form's sheets by some programs, with some variants
FEW_KNOWN = 40  # while no more is known there is room for whatever comes: a form's sheets by three programs
MOST_MET = 500  # things met lately, of which only a hash is kept: what is rare is not worth the learning
END = 64  # bytes that tell most things of one length from each other

Known = TypeVar("Known")
_UNKNOWN: Any = object()


class Unusual(Exception):
    """What this is cannot be kept: it has to be looked at each time."""


class Long:
    """Bytes as a key: a digest of all of them would cost more than to compare them with those that are near."""

    __slots__ = ("_near", "whole")

    def __init__(self, whole: bytes, beside: object = None) -> None:
        """`beside` is what else has to be equal."""
        self.whole = whole, beside
        self._near = hash((len(whole), whole[-END:], beside))

    def __hash__(self) -> int:
        return self._near

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Long) and self.whole == other.whole


class Store(Generic[Known]):
    """What was found out about things that files have in common, by the things themselves.

    The first things are learned when they are met; then only what has been met before, so that what only one file has
    takes no room.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Known | None] = {}
        self._met: dict[int, int] = {}  # hash → how often
        self._lock = Lock()  # threads may read at the same time
        FORGETTING.append(self.forget)

    def get(self, key: Hashable, learn: Callable[[], Known], often: int = 2) -> Known | None:
        """What is known of it; None until it is met so often, where much is known already, and where learning ended in
        Unusual or Refused.

        What has to be met more than twice never drives out what is shared by more.
        """
        # No lock where it is known: a thread that comes between the two steps learns it once more.
        known: Known | None = self._known.pop(key, _UNKNOWN)
        if known is not _UNKNOWN:
            self._known[key] = known  # the last to be forgotten
            return known
        with self._lock:
            if len(self._known) >= FEW_KNOWN and not self._is_met_again(key, often):
                return None
        known = None
        with suppress(Unusual, Refused):
            known = learn()
        if len(self._known) >= MOST_KNOWN:
            oldest = next(iter([*self._known]), None)  # of a copy: another thread may take it away in between
            self._known.pop(oldest, None)
        self._known[key] = known
        return known

    def _is_met_again(self, key: Hashable, often: int) -> bool:
        fingerprint = hash(key.whole if isinstance(key, Long) else key)
        met = self._met.get(fingerprint, 0) + 1
        if met >= often and (often <= 2 or len(self._known) < MOST_KNOWN // 2):
            return True
        if len(self._met) >= MOST_MET:
            self._met.clear()
        self._met[fingerprint] = met
        return False

    def forget(self) -> None:
        self._known.clear()
        self._met.clear()


FORGETTING: list[Callable[[], None]] = []  # what each that knows anything does for it


def forget() -> None:
    """As if no file had been read yet."""
    for each in FORGETTING:
        each()

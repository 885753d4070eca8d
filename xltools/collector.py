"""Python's collector of what refers to itself in a circle, as a program of ours wants it."""

from __future__ import annotations

import gc

SELDOM = 200_000  # objects more than before: what thousands of reports leave, and no more memory than without


def collect_seldom() -> None:
    """For a process of our own: most of what it loads and makes lives to its end, and next to nothing is circular, so
    that looking through the reports of thousands, again and again, takes long and finds nothing.

    A program that uses xltools as a library keeps its own settings.
    """
    gc.set_threshold(SELDOM, 20)

"""Bar: how far a long piece of work is, on one line of a person's terminal.

Made here and not by rich or tqdm: both say it in English, and loading rich takes longer than checking a few files.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, TypeVar

T = TypeVar("T")

PATIENCE = 1.0  # seconds: of what is over sooner nothing is shown
TICK = 0.2  # seconds between two looks
MOST_BAR, LEAST_BAR = 30, 6  # characters
EACH_MINUTE = 1.0  # of a slower rate whole minutes are spoken of


class Bar:
    """Told `bar(done, total)` as often as one likes; `begin` says what is being done now.

    A thread of its own draws it, so that one long step shows as well.  Without a stream it does nothing.
    """

    def __init__(self, stream: TextIO | None, words: str = "") -> None:
        self.stream, self.words = stream, words
        self.done = self.total = 0
        self.started = self.began = time.monotonic()
        self.shown = 0  # columns
        self.lock, self.over = threading.Lock(), threading.Event()
        self._go()

    def __call__(self, done: int, total: int) -> None:
        if done < self.done:
            self.began = time.monotonic()
        self.done, self.total = done, total

    def begin(self, words: str) -> None:
        """Another piece of work, of which nobody knows yet how much it is."""
        self.words, self.done, self.total, self.began = words, 0, 0, time.monotonic()

    def counted(self, items: Iterable[T], total: int) -> Iterator[T]:
        """The same items; each counts as done when the next is asked for."""
        self(0, total)
        for done, item in enumerate(items, 1):
            yield item
            self(done, total)

    def end(self) -> None:
        self._halt()
        with self.aside():
            pass

    @contextmanager
    def still(self) -> Iterator[None]:
        """Meanwhile it has no thread, and the line stays as it is."""
        self._halt()
        try:
            yield
        finally:
            self.over.clear()
            self._go()

    def _go(self) -> None:
        self.thread = threading.Thread(target=self._tick, daemon=True)
        if self.stream is not None:
            self.thread.start()

    def _halt(self) -> None:
        self.over.set()
        if self.stream is not None:
            self.thread.join()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Takes the line away while something else is written."""
        with self.lock:
            if self.stream is not None and self.shown:
                self._write("\r" + " " * self.shown + "\r")
                self.shown = 0
            yield

    def _tick(self) -> None:
        while not self.over.wait(TICK):
            now = time.monotonic()
            if now - self.started >= PATIENCE:
                with self.lock:
                    self._draw(now)

    def _draw(self, now: float) -> None:
        line = bar_line(self.words, self.done, self.total, now - self.began, self._columns() - 1)
        gap = max(0, self.shown - columns_of(line))
        self._write("\r" + line + " " * gap + "\b" * gap)
        self.shown = columns_of(line)

    def _columns(self) -> int:
        assert self.stream is not None
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _write(self, text: str) -> None:
        """A terminal that was closed is no reason to stop the work."""
        assert self.stream is not None
        with suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()


def bar_line(words: str, done: int, total: int, spent: float, most: int) -> str:
    """The line for `done` of `total` after `spent` seconds, at most `most` columns wide; what tells least goes first.

    >>> bar_line("核对", 120, 400, 4.0, 79)
    '核对 [#########.....................] 120/400，每秒 30 个，还要约 9 秒'
    >>> bar_line("核对", 120, 400, 4.0, 30), bar_line("写汇总表", 0, 0, 75.0, 79)
    ('核对 120/400，还要约 9 秒', '写汇总表…… 已用 1 分 15 秒')
    """
    if not total:
        return _fitting([f"{words}…… 已用 {duration(spent)}", f"{words}……"], most)
    count = f"{done}/{total}"
    rate = done / spent if spent > 0 else 0.0
    speed = left = ""
    if rate:
        often = f"每秒 {rate:.0f}" if rate >= EACH_MINUTE else f"每分 {rate * 60:.0f}"
        speed, left = f"，{often} 个", f"，还要约 {duration((total - done) / rate)}"
    head, tail = f"{words} ".lstrip(), f" {count}{speed}{left}"
    room = most - columns_of(head) - columns_of(tail) - 2
    if room >= LEAST_BAR:
        wide = min(MOST_BAR, room)
        full = wide * done // total
        return f"{head}[{'#' * full}{'.' * (wide - full)}]{tail}"
    return _fitting([f"{head}{count}{speed}{left}", f"{head}{count}{left}", f"{head}{count}", count], most)


def _fitting(lines: Iterable[str], most: int) -> str:
    """The first that is not too wide."""
    return next((line for line in lines if columns_of(line) <= most), "")


def duration(seconds: float) -> str:
    """
    >>> [duration(seconds) for seconds in (0.4, 59, 75, 7300)]
    ['1 秒', '59 秒', '1 分 15 秒', '2 小时 1 分']
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} 秒"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} 分 {rest} 秒" if minutes < 60 else f"{minutes // 60} 小时 {minutes % 60} 分"


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: a Chinese character two.

    >>> columns_of("核对 3/4")
    8
    """
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


_drawn: list[Bar] = []  # the bar of this run, while there is one


@contextmanager
def progress(quiet: bool, words: str = "") -> Iterator[Bar]:
    """A bar on stderr, for people only: nothing when piped or quiet, nothing for what is over in a second."""
    bar = Bar(None if quiet or not sys.stderr.isatty() else sys.stderr, words)
    _drawn.append(bar)
    try:
        yield bar
    finally:
        _drawn.remove(bar)
        bar.end()


@contextmanager
def above_the_bar() -> Iterator[None]:
    """What is written meanwhile stands on lines of its own."""
    if not _drawn:
        yield
        return
    with _drawn[-1].aside():
        yield
        sys.stdout.flush()

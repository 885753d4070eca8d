"""Parallel: the same work on many items at once, by processes of our own or by any executor that is given.

Knows nothing of filings.  Items go out in small batches and few at a time, so that ten thousand files are never in
memory together; results come back as they are done, each with the position of its item.  What a worker's death or
a limit of time costs is the one item that it was at: a batch that was lost is done again, item by item, in
processes of our own.

Our processes are doubles of this one where the system makes them in a moment (Linux) and nothing else runs in it;
else they are started afresh, and have to load everything once more.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from xltools import __version__
from xltools.collector import collect_seldom
from xltools.errors import XltoolsError
from xltools.workers import BATCH, Lost, Workers

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection

Still: TypeAlias = "Callable[[], AbstractContextManager[object]]"
Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE_BATCH = 64  # of ours, as long as there is much to do: each costs a message
SHARES = 8  # batches for each process that what is left is cut into, so that all end together
MOST_BATCH = 512  # elsewhere
AHEAD = 3  # batches for each worker that are on their way or waiting for it
ENDING = 50  # milliseconds that a thread of a pool that broke may take to be gone when it has ended
UNKNOWN_JOBS = 8  # how many an executor works on at once, where nobody says


@dataclass(frozen=True, slots=True)
class _Batch(Generic[Item]):
    first: int
    items: tuple[Item, ...]


def spread(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: Workers,
    count: int,
    still: Still = contextlib.nullcontext,
) -> Iterator[tuple[int, Result | Lost]]:
    """(position, result) of each of the `count` items, in whatever order they get done.

    `work` is sent once to a process that is no double, with each batch where the executor is not ours; both have to
    pickle.  While processes are started, `still` holds what threads the caller has, since only a process of one
    thread can be doubled.  An error of the work itself is raised here.  Raises XltoolsError where processes cannot be
    started.
    """
    own = _Own(work, workers.seconds, still)
    if workers.executor is None:
        jobs = workers.number(count)
        yield from _here(own, _batches(items, lambda done: _size(count - done, jobs)), jobs)
        return
    packed = own.packed
    size = min(MOST_BATCH, max(BATCH, len(packed) >> 15))  # what all share weighs no more than the files
    batches, lost = _batches(items, lambda done: size), list[_Batch[Item]]()
    executor = workers.executor

    def submit(batch: _Batch[Item]) -> Future[list[Result]]:
        return executor.submit(_do_elsewhere, (__version__, packed), batch.items)

    yield from _pumped(submit, batches, (workers.jobs or UNKNOWN_JOBS) * AHEAD, lost)
    yield from _one_by_one(own, lost)
    yield from _here(own, batches, 1)  # what is left where the executor broke


def _size(left: int, jobs: int) -> int:
    """Of a batch, when so many items are left.

    >>> [_size(left, 2) for left in (10_000, 1000, 600, 400, 200, 20)]
    [64, 62, 37, 25, 12, 8]
    """
    return min(LARGE_BATCH, max(BATCH, left // (jobs * SHARES)))


def _batches(items: Iterable[Item], size: Callable[[int], int]) -> Iterator[_Batch[Item]]:
    """`size`: how many come next, when so many are done."""
    left, first = iter(items), 0
    while held := tuple(islice(left, size(first))):
        yield _Batch(first, held)
        first += len(held)


def _pumped(
    submit: Callable[[_Batch[Item]], Future[list[Result]]],
    batches: Iterator[_Batch[Item]],
    ahead: int,
    lost: list[_Batch[Item]],
) -> Iterator[tuple[int, Result]]:
    """Sends batches as long as they are taken, a few ahead; adds those of which nothing came back to `lost`."""
    from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait

    under_way: dict[Future[list[Result]], _Batch[Item]] = {}
    is_broken = False
    while True:
        while not is_broken and len(under_way) < ahead and (batch := next(batches, None)) is not None:
            try:
                under_way[submit(batch)] = batch
            except BrokenExecutor:
                lost.append(batch)
                is_broken = True
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            batch = under_way.pop(future)
            try:
                results = future.result()
            except Exception as error:
                if not _is_loss(error):
                    raise
                lost.append(batch)
                is_broken |= isinstance(error, BrokenExecutor)
            else:
                yield from enumerate(results, batch.first)


def _is_loss(error: Exception) -> bool:
    """Whether a worker went away, or the way to it, rather than that the work went wrong."""
    from concurrent.futures import BrokenExecutor, CancelledError

    kinds = [BrokenExecutor, CancelledError, OSError]
    if (dask := sys.modules.get("distributed")) is not None:  # only who has it can have given us one of its
        kinds.append(dask.KilledWorker)
    return isinstance(error, tuple(kinds))


# ---- processes of our own


@dataclass(frozen=True)
class _Own:
    """How processes of our own are started."""

    work: Callable[[Any], Any]
    seconds: float
    still: Still

    @cached_property
    def packed(self) -> bytes:
        """The work, for those who have to be sent it."""
        return pickle.dumps(self.work, pickle.HIGHEST_PROTOCOL)


def _here(own: _Own, batches: Iterator[_Batch[Item]], jobs: int) -> Iterator[tuple[int, Any]]:
    """All batches; a pool that breaks, as it does when one of its processes dies, is followed by another."""
    for batch in batches:
        lost: list[_Batch[Item]] = []
        with _pool(own, jobs) as pool:
            left = chain([batch], batches)
            yield from _pumped(_given(pool), left, jobs * AHEAD, lost)
        yield from _one_by_one(own, lost)


def _given(pool: ProcessPoolExecutor) -> Callable[[_Batch[Item]], Future[list[Any]]]:
    return lambda batch: _submitted(pool, batch.items)


def _submitted(pool: ProcessPoolExecutor, items: Sequence[Item]) -> Future[list[Any]]:
    """What is asked of a pool, which may start another process for it.  Raises XltoolsError where none starts."""
    try:
        with _interrupts_ignored():
            return pool.submit(_do, items)
    except OSError:
        raise _none_starts() from None


def _one_by_one(own: _Own, lost: Sequence[_Batch[Item]]) -> Iterator[tuple[int, Any]]:
    """The items of lost batches, one at a time, so that it shows which of them it was."""
    from concurrent.futures import BrokenExecutor

    pool: ProcessPoolExecutor | None = None
    with contextlib.ExitStack() as held:
        for at, item in ((at, item) for batch in lost for at, item in enumerate(batch.items, batch.first)):
            pool = pool or _started(held.enter_context(_pool(own, 1)))
            began = time.monotonic()
            try:
                (result,) = _submitted(pool, (item,)).result()
            except BrokenExecutor:
                held.close()
                pool = None
                result = Lost(own.seconds if time.monotonic() - began >= own.seconds else None)
            yield at, result


def _started(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """A pool that has shown that it starts: no item shall be blamed for what is not its fault."""
    from concurrent.futures import BrokenExecutor

    try:
        _submitted(pool, ()).result()
    except BrokenExecutor:
        raise _none_starts() from None
    return pool


def _none_starts() -> XltoolsError:
    return XltoolsError(
        "另开的进程启动不了，可能是内存不够；请用 --jobs 1，只用一个进程。"
        '（在自己的程序里用，要写在 if __name__ == "__main__": 里面。）'
    )


@contextlib.contextmanager
def _pool(own: _Own, jobs: int) -> Iterator[ProcessPoolExecutor]:
    """They hang on a pipe: when it closes, with this block or with this process, they end, whatever they are at."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with contextlib.ExitStack() as ends:
        with own.still():
            is_doubled = _can_be_doubled()
            context = multiprocessing.get_context("fork" if is_doubled else "spawn")
            held_there, held_here = context.Pipe(duplex=False)
            ends.callback(held_there.close)
            if is_doubled:
                pool = ProcessPoolExecutor(
                    jobs, context, initializer=_begin_as_double, initargs=(own, held_there, held_here)
                )
            else:
                pool = ProcessPoolExecutor(
                    jobs, context, initializer=_begin_afresh, initargs=(own.packed, own.seconds, held_there)
                )
            ends.callback(pool.shutdown, cancel_futures=True)
            ends.callback(held_here.close)
            if is_doubled:
                _submitted(pool, ())  # all start here, before the pool has a thread of its own
        yield pool
        pool.shutdown()


def _can_be_doubled() -> bool:
    """Whether a copy of this process is as sound as the process: on Linux, as long as it has one thread.

    A lock that another thread holds at that moment would be held for ever in the copy.  The threads of libraries in C
    count, which Python does not know of.
    """
    if sys.platform != "linux":
        return False
    for _ in range(ENDING):
        try:
            if len(os.listdir("/proc/self/task")) == 1:
                return True
        except OSError:  # no /proc: nobody says
            return False
        if threading.active_count() > 1:
            return False
        time.sleep(0.001)
    return False


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes that are started in here leave Ctrl-C to their parent from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so; what is started there says it once it runs
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# ---- in a worker

_work: Callable[[Any], Any]
_seconds: float
_nowhere: int


def _begin_afresh(packed: bytes, seconds: float, parent: Connection) -> None:
    """What a process does first that knows nothing but what it is sent."""
    _begin(pickle.loads(packed), seconds, parent)


def _begin_as_double(own: _Own, parent: Connection, held: Connection) -> None:
    """What a double does first, which has all that its parent has loaded."""
    held.close()  # as long as it is open here, nobody sees that the parent has closed it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which a pool that broke ends the others
    gc.freeze()  # what there is stays shared, and is the parent's to clear away
    _begin(own.work, own.seconds, parent)


def _begin(work: Callable[[Any], Any], seconds: float, parent: Connection) -> None:
    """Leaves Ctrl-C to the parent."""
    global _work, _seconds, _nowhere
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    _work, _seconds, _nowhere = work, seconds, os.open(os.devnull, os.O_WRONLY)


def _end_with(parent: Connection) -> None:
    """However it ends: a process that waits for work would wait for ever."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()  # nothing is ever sent
    os._exit(1)


def _do(items: Sequence[Item]) -> list[Any]:
    """Under a clock that ends the whole process: nothing less stops a parser that hangs.

    Some items together have as long as one has by itself, since winding up the clock for each would take time.
    """
    done: list[Any] = []
    try:
        for first in range(0, len(items), BATCH):
            faulthandler.dump_traceback_later(_seconds, exit=True, file=_nowhere)
            done += map(_work, items[first : first + BATCH])
        return done
    finally:
        faulthandler.cancel_dump_traceback_later()


def _do_elsewhere(sent: tuple[str, bytes], items: Sequence[Item]) -> list[Any]:
    """In whatever an executor has; its limits are its own matter."""
    version, packed = sent
    if version != __version__:
        raise XltoolsError(f"那边的 xltools 是 {__version__}，这边的是 {version}；请换成同一版本。")
    return list(map(_unpacked(packed), items))


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Callable[[Any], Any]:
    work: Callable[[Any], Any] = pickle.loads(packed)
    return work

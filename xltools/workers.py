"""Workers: who does the work on many files, processes of our own or an executor that is given.

How they do it is parallel.py's matter, which is loaded only where there is more than one.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltools.errors import UsageError, XltoolsError

if TYPE_CHECKING:
    from concurrent.futures import Executor

WORTH_IT = 400  # files; for fewer, starting other processes costs as much as it saves
MOST_JOBS = 61  # processes that Windows lets one wait for
BATCH = 8  # items that travel together, at least
MOST_SECONDS = 120.0  # for one item; the largest roll-ups take a tenth of it


@dataclass(frozen=True)
class Workers:
    """Who does the work: `jobs` processes (None: as many as pay), or an `executor`, of which `jobs` says how many it
    works on at once.

    Processes may be started afresh, so that a program that asks for them needs `if __name__ == "__main__":`.
    """

    jobs: int | None = 1
    executor: Executor | None = None
    seconds: float = MOST_SECONDS  # for one item, in a process of our own

    def number(self, items: int) -> int:
        """How many processes of our own are started for so many items."""
        if self.jobs is not None:
            return max(1, min(self.jobs, MOST_JOBS, -(-items // BATCH)))
        return 1 if items < WORTH_IT else min(cores(), MOST_JOBS)


ALONE = Workers()


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: its worker died over this item, or was stopped after so many seconds."""

    seconds: float | None = None


def cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def cluster(address: str | None, jobs: int | None = None) -> Iterator[Workers]:
    """The workers of a dask scheduler at `address`; without one, processes of our own.

    Raises UsageError where dask is not installed, XltoolsError where nobody answers or nobody works there.
    """
    if address is None:
        yield Workers(jobs)
        return
    try:
        import distributed
    except ImportError:
        raise UsageError('用 --scheduler 要另装 dask：pip install "xltools[dask]"。') from None
    wrong = XltoolsError(f"--scheduler 写的“{address}”连不上；请核对地址，如 tcp://10.0.0.1:8786。")
    if not re.fullmatch(r"[a-z]+://.+:[0-9]+", address):
        raise wrong
    try:
        client = distributed.Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise wrong from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise XltoolsError(f"--scheduler 写的“{address}”那里没有在等活的进程；请先启动 dask worker。")
        yield Workers(jobs or threads, client.get_executor(pure=False))

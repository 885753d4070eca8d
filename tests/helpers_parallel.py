"""Work for other processes, which import it from here: some of it does not survive."""

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from xltools.forms.finder import FormFinder

known = []  # what somebody has found out in this process


def toy(item):
    """Twice a number; of a word what it says."""
    if item == "die":
        os._exit(9)
    if item == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "hang":
        re.match("(a+)+$", "a" * 60 + "b")  # keeps the interpreter's lock all the while
    if item == "a bug":
        raise ValueError("a bug of ours")
    if item == "who":
        return os.getpid()
    if item == "known":
        return list(known)
    if item == "wait":
        time.sleep(60)
    return item * 2


@dataclass(frozen=True)
class Deadly:
    """Finds forms, but what happens to the process when it is asked for some of them is of no good."""

    finder: FormFinder
    fates: dict[str, str]  # form key -> what happens
    seconds: float = 0  # that each takes

    def __call__(self, key):
        time.sleep(self.seconds)
        fate = self.fates.get(key, "")
        if fate == "out of memory":
            raise MemoryError
        if fate:
            toy(fate)
        return self.finder(key)


def wait_until_gone(pids, seconds=20):
    """Those of these processes that still run after so long."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""Measuring: each task in a process of its own, contestants in turns, medians; and that all found the same sums."""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.workload import HOME

ROOT = Path(__file__).parents[2]


class Disagreement(Exception):
    """Two contestants found different sums, so that no figure of theirs is worth comparing."""


class Absent(Exception):
    """A peer's package is not installed."""


@dataclass(frozen=True)
class Measured:
    """What one contestant cost: medians over its runs."""

    total: float  # CPU seconds of the whole process, start-up included
    map: float  # of the work alone, as the task says; 0 where it does not
    peak: float  # MiB
    said: Mapping[str, Any]  # the task's last answer


@dataclass(frozen=True)
class Task:
    module: str  # of tests.bench
    name: str
    arguments: Mapping[str, object]

    @property
    def command(self) -> list[str]:
        words = json.dumps(self.arguments)
        return [sys.executable, "-m", "tests.bench.child", self.module, self.name, words]


def environment() -> dict[str, str]:
    """Compiled modules are kept, as an installed program's are, also where the environment forbids it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(HOME / "compiled"), "PYTHONIOENCODING": "utf-8"}


def run(command: Iterable[str]) -> tuple[float, str]:
    """CPU seconds (user and system, its own children's included) of a process, and its stdout."""
    before = _children()
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8")
    spent = _children() - before
    if done.returncode:
        why = done.stderr.splitlines()[-1]
        if found := re.search(r"No module named '([^']+)'|Import (\S+) failed", why.replace("`", "")):
            raise Absent(found[1] or found[2])
        raise RuntimeError(f"{command} failed:\n{done.stderr[-3000:]}")
    return spent, done.stdout


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_turns(
    tasks: Mapping[str, Task],
    runs: int,
    tell: Callable[[str], None] = lambda name: None,
    once: Iterable[str] = (),
) -> dict[str, Measured]:
    """Each task once per round, all of them in every round but those that are to run only `once`.

    A task whose package is absent is left out.
    """
    took: dict[str, list[tuple[float, dict[str, Any]]]] = {name: [] for name in tasks}
    for number in range(runs):
        for name, one in tasks.items():
            if name not in took or (number and name in once):
                continue
            tell(f"{name} {number + 1}/{runs}")
            try:
                spent, answer = run(one.command)
            except Absent as absent:
                tell(f"{name}: {absent} is not installed")
                del took[name]
                continue
            took[name].append((spent, json.loads(answer)))
    return {
        name: Measured(
            total=statistics.median(spent for spent, _ in some),
            map=statistics.median(said.get("map", 0.0) for _, said in some),
            peak=statistics.median(said["peak"] for _, said in some),
            said=some[-1][1],
        )
        for name, some in took.items()
    }


def demand_agreement(sums: Mapping[str, Mapping[str, str]]) -> None:
    """Raises Disagreement unless all contestants have the same sum for every item of the first."""
    first, *others = sums
    for other in others:
        for item in {**sums[first], **sums[other]}:
            one, two = sums[first].get(item), sums[other].get(item)
            if one != two:
                raise Disagreement(f"{item}: {first} has {one}, {other} has {two}")

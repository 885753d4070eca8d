"""The measurements.  Each gives the lines of the report that it is answerable for."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import ours
from tests.bench.measuring import Measured, Task, demand_agreement, in_turns, run
from tests.bench.report import Line, ratio
from tests.bench.workload import HOME, Workload, filled, mixed

PEERS = {  # in the order of the report
    "floor": "inflating all that may matter and one pass of expat that calls nobody",
    "calamine": "python-calamine alone",
    "polars": "polars over calamine",
    "pandas_calamine": "pandas over calamine",
    "pandas_openpyxl": "pandas over openpyxl",
    "openpyxl_verifying": "openpyxl twice: values, formulas, locks",
}
QUICKER = {
    "polars": (),
    "pandas_calamine": (),
    "pandas_openpyxl": (12.0, 20.0),
    "openpyxl_verifying": (40.0,),
}
SLOW = {"openpyxl_verifying"}  # so long that one run is steady by itself
MOST_MEMORY = {1000: 80.0, 10_000: 150.0}  # files → MiB


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    units: int = 1000
    runs: int = 3
    growth: tuple[int, ...] = (100, 1000, 10_000)
    copies: int = 200  # workbooks generated and stamped
    rows: int = 2000  # units of the roll-up that is written
    starts: int = 21  # of each command
    home: Path = HOME
    tell: Callable[[str], None] = lambda words: None


def peers(plan: Plan) -> Iterator[Line]:
    """Ours and the peers on the same files."""
    load = mixed(plan.units, plan.home)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "汇总.xlsx"
        tasks = contestants(load, out)
        in_turns(contestants(load, out, warming=True), 1)
        took = in_turns(tasks, plan.runs, plan.tell, once=SLOW)
        sums = {name: one.said["sums"] for name, one in took.items() if "sums" in one.said}
        demand_agreement({"merge": ours.sums_of(out), **sums})
    yield from compared(load, took)


def contestants(load: Workload, out: Path, *, warming: bool = False) -> dict[str, Task]:
    folder = str(load.few if warming else load.folder)
    tasks = {name: Task("peers", name, {"folder": folder, "spec": str(load.spec)}) for name in PEERS}
    tasks["check"] = Task("ours", "check", {"folder": folder})
    tasks["merge"] = Task("ours", "merge", {"folder": folder, "out": str(out)})
    return tasks


def compared(load: Workload, took: dict[str, Measured]) -> Iterator[Line]:
    of = ", ".join(f"{number} {kind}" for kind, number in load.kinds.items() if number)
    bench = f"{load.units} files ({of}), one process"
    mine, job, bare = took["check"], took["merge"], took.get("calamine")
    if bare is not None:
        yield ratio(bench, "gate, read, check, sum: to python-calamine alone", mine.map, bare.map, 3.0, 2.0)
        yield ratio(bench, "whole job: to python-calamine alone", job.total, bare.total, 4.5, 3.5)
    yield ratio(bench, "gate, read, check, sum: to the physical floor", mine.map, took["floor"].map)
    for name, bounds in QUICKER.items():
        if name in took:
            what = f"whole job: quicker than {PEERS[name]}"
            yield ratio(bench, what, took[name].total, job.total, *bounds, more_is_better=True)
    yield Line(bench, "memory at its highest, reading and checking", mine.peak, "MiB")
    yield Line(bench, "memory at its highest, whole job", job.peak, "MiB", MOST_MEMORY.get(load.units))
    for name, words in PEERS.items():
        if name not in took:
            yield Line(bench, words, None, note="not installed")
        elif bare is not None and name != "calamine":
            edited = took[name].said.get("edited")
            note = f"{edited} cells unlike the template's" if edited else ""
            yield ratio(
                "the peers' work, to python-calamine alone", words, took[name].map, bare.map, note=note
            )


def growth(plan: Plan) -> Iterator[Line]:
    """More files: whether each costs what it did, and memory."""
    took: dict[int, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory() as place:
        outs = {units: Path(place) / f"{units}.xlsx" for units in plan.growth}
        tasks = {  # few and many in turns, since a machine is not as quick at all times
            f"{name} {units}": contestants(filled(units, plan.home), outs[units])[name]
            for units in plan.growth
            for name in ("check", "merge")
        }
        measured = in_turns(tasks, plan.runs, plan.tell)
        for units in plan.growth:
            took[units] = {name: measured[f"{name} {units}"] for name in ("check", "merge")}
            sums = took[units]["check"].said["sums"]
            demand_agreement({"check": sums, "merge": ours.sums_of(outs[units])})
    bench = "growth (files as issued and filled)"
    for fewer, more in zip(plan.growth, plan.growth[1:], strict=False):
        each = {units: took[units]["check"].map / units for units in (fewer, more)}
        jobs = {units: took[units]["merge"].total / units for units in (fewer, more)}
        bound = 1.1 if fewer >= 1000 else None
        yield ratio(
            bench,
            f"a file's cost among {more} to one among {fewer}: read, check, sum",
            each[more],
            each[fewer],
            bound,
        )
        yield ratio(bench, "the same, whole job with start-up", jobs[more], jobs[fewer], bound)
    for units, some in took.items():
        bound = MOST_MEMORY.get(units)
        yield Line(
            bench,
            f"memory at its highest, {units} files, reading and checking",
            some["check"].peak,
            "MiB",
            bound,
        )
        yield Line(
            bench, f"memory at its highest, {units} files, whole job", some["merge"].peak, "MiB", bound
        )


def jobs(plan: Plan) -> Iterator[Line]:
    """Two processes against one: by the clock, and as the clock would be on processors that nobody else uses."""
    load = mixed(plan.units, plan.home)
    tasks = {
        count: Task("ours", "check", {"folder": str(load.folder), "jobs": int(count)}) for count in ("1", "2")
    }
    took: dict[str, list[Measured]] = {count: [] for count in tasks}
    for _ in range(2 * plan.runs + 1):  # the clock is nobody's own
        for count, one in in_turns(tasks, 1, lambda words: plan.tell(f"processes: {words}")).items():
            took[count].append(one)
    demand_agreement({count: some[-1].said["sums"] for count, some in took.items()})
    clock = [statistics.median(one.said["wall"] for one in took[count]) for count in tasks]
    alone = [
        statistics.median(one.map + one.said["helped"] / int(count) for one in took[count]) for count in tasks
    ]
    bench = f"{plan.units} files by two processes"
    cores = f"{os.cpu_count()} cores"
    yield ratio(bench, "by the clock, quicker than one", *clock, 1.6, more_is_better=True, note=cores)
    yield ratio(bench, "by CPU (ours and half of the helpers' against one's)", *alone, more_is_better=True)


def stamping(plan: Plan) -> Iterator[Line]:
    """A unit's copy from a skeleton against a rendering in full."""
    tasks = {name: Task("ours", name, {"units": plan.copies}) for name in ("generate", "stamp")}
    took = in_turns(tasks, plan.runs, plan.tell)
    full, copied = took["generate"].map, took["stamp"].map
    note = f"{took['stamp'].said['rendered']} of {plan.copies} rendered all the same"
    what = "a workbook rendered in full, to one that is stamped"
    yield ratio("handing out", what, full, copied, 20.0, more_is_better=True, note=note)


def rollup(plan: Plan) -> Iterator[Line]:
    """Writing a large roll-up against xlsxwriter alone with the same cells."""
    with tempfile.TemporaryDirectory() as place:
        out, plain = Path(place) / "汇总.xlsx", Path(place) / "plain.xlsx"
        tasks = {
            "ours": Task("ours", "write_rollup", {"units": plan.rows, "out": str(out)}),
            "plain": Task("ours", "write_plain", {"of": str(out), "out": str(plain)}),
        }
        took = in_turns(tasks, plan.runs, plan.tell)
    bench = f"a roll-up of {plan.rows} units ({took['plain'].said['cells']} cells)"
    mine = took["ours"]
    yield ratio(bench, "written, to xlsxwriter alone in constant memory", mine.map, took["plain"].map, 1.1)
    yield ratio(bench, "read back and verified, to writing it", mine.said["read_back"], mine.map)
    yield Line(bench, "memory while writing, beyond the figures", mine.said["over"], "MiB")


def start(plan: Plan) -> Iterator[Line]:
    """Start-up, beside what typer alone takes."""
    (one,) = filled(1, plan.home).folder.iterdir()
    python, command = [sys.executable, "-c"], [sys.executable, "-m", "xltools"]
    commands = {
        "typer": [*python, "import typer"],
        "python": [*python, "pass"],
        "help": [*command, "--help"],
        "check": [*command, "check", str(one)],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(1 + plan.starts):
        for name, words in commands.items():
            spent, _ = run(words)
            took[name] += [spent] if number else []  # the first compiles
    middle = {name: statistics.median(some) for name, some in took.items()}
    bench = "start-up, to `python -c 'import typer'`"
    yield ratio(bench, "python -c pass", middle["python"], middle["typer"])
    yield ratio(bench, "xltools --help", middle["help"], middle["typer"], 1.5)
    yield ratio(bench, "xltools check, one file", middle["check"], middle["typer"])


BENCHES: dict[str, Callable[[Plan], Iterator[Line]]] = {
    "peers": peers,
    "growth": growth,
    "jobs": jobs,
    "stamping": stamping,
    "rollup": rollup,
    "start": start,
}


def measured(plan: Plan, names: Sequence[str]) -> Iterator[Line]:
    for name in names:
        yield from BENCHES[name](plan)

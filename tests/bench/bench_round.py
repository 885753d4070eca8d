"""How long collecting a round takes beside `check` on the same files.

PYTHONPATH=tests python -m tests.bench.bench_round [units] [runs]

Collecting reads, keeps (written and flushed), records, checks and numbers; `check` reads and checks.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import helpers_pipe as pipe

from xltools import Unit, check, load_form, write_template
from xltools.reading.rosters import read_roster
from xltools.rounds.collecting import collect
from xltools.rounds.folder import init_round, open_round
from xltools.rounds.settings import Settings
from xltools.writing.roster import write_roster

FORM, YEAR = "gov-info-disclosure/2021", 2023


def main(count: int, runs: int) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        form = load_form(FORM)
        units = [Unit(name=f"{n}号镇", code=f"U{n:05d}", parent="示例县", order=n) for n in range(count)]
        roster = home / "名单.xlsx"
        roster.write_bytes(write_roster(units))
        source = home / "来"
        source.mkdir()
        for n, unit in enumerate(units):
            (source / f"{n}.xlsx").write_bytes(write_template(form, unit, YEAR, pipe.seeded(form, n)))
        listed = read_roster(roster)
        best = {"check": float("inf"), "collect": float("inf"), "collect again": float("inf")}
        for run in range(runs):
            folder = home / f"round{run}"
            init_round(folder, Settings(form=FORM, year=YEAR), roster=roster)
            started = time.perf_counter()
            check([source], form=FORM, year=YEAR, roster=listed, lean=True)
            best["check"] = min(best["check"], time.perf_counter() - started)
            for name in ("collect", "collect again"):
                started = time.perf_counter()
                with open_round(folder) as round_:
                    collect(round_, [source])
                best[name] = min(best[name], time.perf_counter() - started)
        for name, seconds in best.items():
            each = seconds / count * 1000
            print(f"{name:14} {seconds:7.2f} s  {each:6.2f} ms a file  {seconds / best['check']:.2f} x check")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] + ["150", "2"][len(sys.argv) - 1 :])))

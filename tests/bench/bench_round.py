"""How much work collecting a round is beside `check` on the same files.

PYTHONPATH=tests python -m tests.bench.bench_round [units] [runs]

Collecting reads, keeps (written and flushed), records, checks and numbers; `check` reads and checks; both read the
roster.  Each run is a process of its own, in turns; of the time of the processor the medians are compared.  What is
made is deleted in the end: a file system that has just deleted much is slow to make files.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
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
ROSTER, SOURCE = "名单.xlsx", "来"
DEEDS = ("check", "collect")


def main(count: int, runs: int) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        form = load_form(FORM)
        units = [Unit(name=f"{n}号镇", code=f"U{n:05d}", parent="示例县", order=n) for n in range(count)]
        (home / ROSTER).write_bytes(write_roster(units))
        (home / SOURCE).mkdir()
        for n, unit in enumerate(units):
            (home / SOURCE / f"{n}.xlsx").write_bytes(write_template(form, unit, YEAR, pipe.seeded(form, n)))
        taken: dict[str, list[float]] = {deed: [] for deed in DEEDS}
        for run in range(runs):
            init_round(home / f"{run}", Settings(form=FORM, year=YEAR), roster=home / ROSTER)
            for deed in DEEDS:
                alone = [sys.executable, "-m", "tests.bench.bench_round", deed, str(home), str(run)]
                said = subprocess.run(alone, check=True, capture_output=True, text=True).stdout
                taken[deed].append(float(said))
        for deed, seconds in taken.items():
            ratio = statistics.median(map(float.__truediv__, seconds, taken["check"]))
            print(f"{deed:8} {statistics.median(seconds):7.2f} s of the processor  {ratio:.2f} x check")
    finally:
        shutil.rmtree(home)


def once(deed: str, home: Path, run: str) -> None:
    """One run, and the processor's seconds that it took."""
    started = time.process_time()
    if deed == "check":
        check([home / SOURCE], form=FORM, year=YEAR, roster=read_roster(home / ROSTER), lean=True)
    else:
        with open_round(home / run) as round_:
            collect(round_, [home / SOURCE])
    print(time.process_time() - started)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in DEEDS:
        once(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    else:
        main(*(int(text) for text in (sys.argv[1:] + ["150", "3"][len(sys.argv) - 1 :])))

"""python -m tests.bench: ours and the peers in turns, on the same files, as ratios.

    python -m tests.bench                                  all of it: a quarter of an hour
    python -m tests.bench --units 100 --only peers start
    python -m tests.bench --write                          also to tests/bench/RESULTS.md

The peers' packages are the extra `bench`; what is not installed is named and left out.  What else is measured has
a module of its own here: bench_culprit, bench_refusals, bench_round.  It needs Linux, for memory at its highest.
"""

from __future__ import annotations

import argparse
import sys

from tests.bench.report import RESULTS, markdown, printed
from tests.bench.suite import BENCHES, Plan, measured


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--units", type=int, default=Plan.units, help="files of the comparison with peers")
    parser.add_argument("--only", nargs="+", choices=BENCHES, default=list(BENCHES), metavar="NAME",
                        help=", ".join(BENCHES))  # fmt: skip
    parser.add_argument(
        "--growth", default=",".join(map(str, Plan.growth)), help="numbers of files, with commas"
    )
    parser.add_argument("--rows", type=int, default=Plan.rows, help="units of the roll-up that is written")
    parser.add_argument("--runs", type=int, default=Plan.runs, help="rounds, of which the median is taken")
    parser.add_argument("--write", action="store_true", help="also write RESULTS.md")
    said = parser.parse_args(words)
    sizes = tuple(map(int, said.growth.split(",")))
    plan = Plan(units=said.units, runs=said.runs, growth=sizes, rows=said.rows, tell=tell)
    lines = list(measured(plan, said.only))
    sys.stderr.write("\n")
    print("\n".join(printed(lines)))
    if said.write:
        RESULTS.write_text(markdown(lines, " ".join(("python -m tests.bench", *words))), encoding="utf-8")


def tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

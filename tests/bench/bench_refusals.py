"""What the dearest files cost: processor time and peak memory, each in a process of its own.

python -m tests.bench.bench_refusals [a word of the names wanted]

Bounds: a file that is refused 2 s and 150 MiB, a normal one 100 MiB.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

import helpers_pipe as pipe  # noqa: E402
from heavy import cost, heavy  # noqa: E402

from xltools import load_form  # noqa: E402

FORM = "gov-info-disclosure/2021"


def main(wanted: str = "") -> None:
    form = load_form(FORM)
    print(f"{'file':44} {'outcome':11} {'seconds':>7} {'MiB':>5}  codes")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in heavy(form, pipe.filled(form)).items():
            if wanted in name:
                one = cost(make(), Path(folder), FORM)
                print(
                    f"{name:44} {one.outcome:11} {one.seconds:7.2f} {one.mebibytes:5.0f}  {' '.join(one.codes)}",
                    flush=True,
                )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How long a county's merge takes: ours, checks and all, against openpyxl and pandas adding up the same cells.

python -m tests.bench.bench_merge [units] [--rollup]

With --rollup the workbooks are left out and the roll-up alone is made of so many units: its time, its size and the
memory it takes above the baseline.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas

from xltools.compute import as_number
from xltools.filing import Filing, Leaf
from xltools.finding import Outcome
from xltools.form import Form
from xltools.forms.catalogue import load_form
from xltools.intake import check
from xltools.layout import lay_out
from xltools.merging import merge
from xltools.result import Checked, CheckResult, MergeResult
from xltools.rollup import roll_up
from xltools.roster import Unit
from xltools.saving import recount, save_rollup
from xltools.writing.rollup import write_rollup
from xltools.writing.template import write_template

COUNTY = Unit(name="示例县", code="X1", level="county")


def town(number: int) -> Unit:
    return Unit(name=f"示例{number}镇", code=f"U{number:05d}", parent="示例县")


def taken(work: Callable[[], object]) -> float:
    """Seconds of this process's CPU."""
    started = time.process_time()
    work()
    return time.process_time() - started


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(form: Form, folder: Path, units: int) -> None:
    from helpers_pipe import seeded

    for number in range(units):
        data = write_template(form, town(number), form.first_year, seeded(form, number))
        (folder / f"{number}.xlsx").write_bytes(data)


def ours(folder: Path) -> None:
    result = merge(check([folder]), unit=COUNTY)
    assert result.rollup is not None
    save_rollup(folder.parent / "汇总.xlsx", write_rollup(result), result.rollup)


def theirs(form: Form, folder: Path) -> pandas.Series:
    """The inputs of every workbook, read with openpyxl, added up with pandas, nothing checked and nothing written."""
    rows = []
    for path in folder.iterdir():
        book = openpyxl.load_workbook(path, data_only=True)
        rows.append({slot.item.id: book[slot.sheet][slot.address].value for slot in lay_out(form).inputs})
    return pandas.DataFrame(rows).sum()


def files(form: Form, units: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "收件"
        folder.mkdir()
        fill(form, folder, units)
        mine = min(taken(lambda: ours(folder)) for _ in range(3))
        other = min(taken(lambda: theirs(form, folder)) for _ in range(2))
        rollup = merge(check([folder])).rollup
        assert rollup is not None
        sums = theirs(form, folder)
        odd = [
            name
            for name in sums.index
            if round(float(as_number(rollup.inputs[name]) or 0), 6) != round(sums[name], 6)
        ]
        assert not odd, odd
    print(f"{form.key}  {units} units, {len(form.inputs)} figures each (CPU seconds)")
    print(f"  ours               {mine:6.2f}   read, checked, added up, written, read back, in place")
    print(f"  openpyxl + pandas  {other:6.2f}   read and added up alone: {other / mine:.1f} times as long")


def rollup_alone(form: Form, units: int) -> None:
    from helpers_pipe import seeded

    some = [dict(seeded(form, number).items) for number in range(50)]
    leaves = [
        Leaf(
            unit=town(number), file=f"{number}.xlsx", sha256=f"{number:064d}", inputs=dict(some[number % 50])
        )
        for number in range(units)
    ]
    filings = tuple(
        Checked(Filing(file=leaf.file, sha256=leaf.sha256, unit=leaf.unit), (), Outcome.ACCEPTED)
        for leaf in leaves
    )
    baseline = peak()
    rollup = roll_up(form, form.first_year, leaves, unit=COUNTY)
    result = MergeResult(CheckResult(filings), (True,) * units, rollup)
    written: list[bytes] = []
    seconds = taken(lambda: written.append(write_rollup(result)))
    print(f"{form.key}  the roll-up of {units} units, {len(written[0]) / 2**20:.1f} MiB")
    print(f"  written    {seconds:6.1f} s   {peak() - baseline:5.0f} MiB above the units' figures")
    seconds = taken(lambda: recount("汇总.xlsx", written[0], rollup))
    print(f"  read back  {seconds:6.1f} s   {peak() - baseline:5.0f} MiB")


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(Path(__file__).parents[1]))
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    units = int(words[0]) if words else 40
    form = load_form("gov-info-disclosure/2021")
    if "--rollup" in sys.argv:
        rollup_alone(form, units)
    else:
        files(form, units)


if __name__ == "__main__":
    main()

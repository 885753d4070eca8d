"""How long reading one filing takes: ours against openpyxl, which has to load twice to see formulas and values.

python -m tests.bench.bench_reader
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable
from functools import partial

import openpyxl

from xltools.filing import Book
from xltools.forms.catalogue import load_form
from xltools.reading.gate import Package, admit
from xltools.reading.ooxml import open_book
from xltools.roster import Unit
from xltools.writing.template import write_template


def best(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the quickest round: what is slower is the machine's doing."""
    quickest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        quickest = min(quickest, time.perf_counter() - started)
    return quickest * 1000


def read(package: Package) -> Book:
    return open_book(package).book()


def openpyxl_twice(data: bytes) -> None:
    openpyxl.load_workbook(io.BytesIO(data))
    openpyxl.load_workbook(io.BytesIO(data), data_only=True)


def main() -> None:
    warnings.simplefilter("ignore")
    for name in ("gov-info-disclosure/2019", "gov-info-disclosure/2021"):
        form = load_form(name)
        data = write_template(form, Unit(name="布海镇", kind="乡镇街道", level="town"), form.first_year)
        package = admit(data)
        book = read(package)
        cells = sum(len(sheet.cells) for sheet in book.sheets.values())
        ours = best(partial(read, package), 100)
        gate = best(partial(admit, data), 100)
        theirs = best(partial(openpyxl_twice, data), 5)
        print(f"{name}  {len(book.sheets)} sheets, {cells} cells kept, {len(data) // 1024} KiB")
        print(f"  ours       {ours:6.1f} ms   (the gate before it {gate:.1f} ms)")
        print(f"  openpyxl   {theirs:6.1f} ms   {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()

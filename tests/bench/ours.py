"""Ours: the tasks that are measured against the peers'.  What a task needs is loaded when it runs."""

from __future__ import annotations

import resource
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def check(folder: str, jobs: int = 1) -> Result:
    """Gate, reading, every check and the sums, without start-up: {"map": …, "sums": …}.

    `wall` are seconds by the clock, `helped` the CPU seconds of the processes that helped.
    """
    from tests.bench.given import FORM, YEAR
    from tests.bench.peers import in_words
    from xltools.checks.registry import registered
    from xltools.collector import collect_seldom
    from xltools.forms.catalogue import load_form
    from xltools.intake import check
    from xltools.merging import leaves_of
    from xltools.rollup import roll_up

    collect_seldom()  # as the command does
    form = load_form(FORM)
    registered()
    started, clock = time.process_time(), time.perf_counter()
    checked = check([folder], form=FORM, year=YEAR, lean=True, jobs=jobs)
    leaves = [leaf for one in checked.filings if one.may_merge for leaf in leaves_of(one)]
    rollup = roll_up(form, YEAR, leaves)
    spent, wall = time.process_time() - started, time.perf_counter() - clock
    helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "map": spent,
        "wall": wall,
        "helped": helpers.ru_utime + helpers.ru_stime,
        "sums": {name: in_words(value) for name, value in rollup.inputs.items()},
    }


def merge(folder: str, out: str) -> Result:
    """The command itself: check, merge, write, read back, put in place."""
    from xltools.__main__ import main

    sys.argv = [
        "xltools",
        "merge",
        folder,
        "-o",
        out,
        "--unit",
        "示例县",
        "--code",
        "X1",
        "--quiet",
        "--jobs",
        "1",
    ]
    try:
        main()
    except SystemExit as end:
        if end.code not in (0, 1):
            raise RuntimeError(f"xltools merge ended with {end.code}") from end
    return {}


def sums_of(rollup: Path) -> dict[str, str]:
    """The sums that stand in a roll-up, read back.  Not measured."""
    from tests.bench.peers import in_words
    from xltools.issuing import read_sound

    return {name: in_words(value) for name, value in read_sound(rollup).inputs.items()}


def generate(units: int) -> Result:
    """Blank workbooks, each rendered in full."""
    from tests.bench.given import FORM, YEAR, town
    from xltools.forms.catalogue import load_form
    from xltools.writing.template import write_template

    form = load_form(FORM)
    write_template(form, town(0), YEAR)  # what is worked out once per form
    started = time.process_time()
    for number in range(units):
        write_template(form, town(number), YEAR)
    return {"map": time.process_time() - started}


def stamp(units: int) -> Result:
    """The same blank workbooks from a skeleton, which is rendered beforehand."""
    from tests.bench.given import FORM, YEAR, town
    from xltools.forms.catalogue import load_form
    from xltools.writing.stamping import Stamper

    stamper = Stamper(load_form(FORM), YEAR)
    for number in range(2):  # an example, and the skeleton that is proved by it
        stamper.copy(town(number))
    before = stamper.rendered
    started = time.process_time()
    for number in range(units):
        stamper.copy(town(number))
    return {"map": time.process_time() - started, "rendered": stamper.rendered - before}


def write_rollup(units: int, out: str) -> Result:
    """A roll-up of so many units without any file: seconds to write and to read back, MiB beyond the figures."""
    from tests.bench.child import peak
    from tests.bench.given import COUNTY, FORM, YEAR, town
    from tests.bench.workload import pipe
    from xltools.filing import Filing, Leaf
    from xltools.finding import Outcome
    from xltools.forms.catalogue import load_form
    from xltools.result import Checked, CheckResult, MergeResult
    from xltools.rollup import roll_up
    from xltools.saving import recount
    from xltools.writing.rollup import write_rollup

    form = load_form(FORM)
    some = [dict(pipe.seeded(form, seed).items) for seed in range(50)]
    leaves = [
        Leaf(unit=town(n), file=f"{n}.xlsx", sha256=f"{n:064x}", inputs=dict(some[n % len(some)]))
        for n in range(units)
    ]
    filings = tuple(
        Checked(Filing(file=leaf.file, sha256=leaf.sha256, unit=leaf.unit), (), Outcome.ACCEPTED)
        for leaf in leaves
    )
    rollup = roll_up(form, YEAR, leaves, unit=COUNTY)
    result = MergeResult(CheckResult(filings), (True,) * units, rollup)
    before, started = peak(), time.process_time()
    data = write_rollup(result)
    written = time.process_time()
    over = peak() - before
    recount("汇总.xlsx", data, rollup)
    read = time.process_time()
    Path(out).write_bytes(data)
    return {"map": written - started, "read_back": read - written, "over": over}


def write_plain(of: str, out: str) -> Result:
    """The same cells (values, formulas, formats) by xlsxwriter alone, in constant memory.

    They are read from the finished roll-up, some rows at a time; only what xlsxwriter does is counted.
    """
    import openpyxl
    import xlsxwriter

    source = openpyxl.load_workbook(of, read_only=True)
    started = time.process_time()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    spent = time.process_time() - started
    formats: dict[int, Any] = {}
    count = 0
    for sheet in source.worksheets:
        target = book.add_worksheet(sheet.title)
        rows = ([cell for cell in row if hasattr(cell, "row")] for row in sheet.iter_rows())
        while some := [cell for row in islice(rows, 500) for cell in row]:
            for cell in some:
                if cell._style_id not in formats:
                    formats[cell._style_id] = book.add_format(_looks(cell))
            cells = [
                (cell.row - 1, cell.column - 1, cell.value, cell.data_type, formats[cell._style_id])
                for cell in some
            ]
            count += len(cells)
            started = time.process_time()
            _put(target, cells)
            spent += time.process_time() - started
    started = time.process_time()
    book.close()
    return {"map": spent + time.process_time() - started, "cells": count}


def _looks(cell: Any) -> dict[str, object]:
    return {
        "num_format": cell.number_format,
        "locked": cell.protection.locked,
        "bold": bool(cell.font.b),
        "border": 1,
    }


def _put(sheet: Any, cells: list[tuple[int, int, Any, str, Any]]) -> None:
    for row, column, value, kind, style in cells:
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif kind == "f":
            sheet.write_formula(row, column, value, style, 0)
        elif kind == "n":
            sheet.write_number(row, column, value, style)
        else:
            sheet.write_string(row, column, str(value), style)

"""The peers: what others need to load the same cells and add them up.  Nothing of xltools is loaded here.

Each task takes a folder of workbooks and the spec of the workload, and gives what `task` says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Cells = list[tuple[str, str, int, int]]  # item, sheet, row and column from 0
Rows = Sequence[Sequence[object]]
Result = dict[str, Any]


def task(folder: str, spec: str, load: Callable[[Path, list[str]], dict[str, Rows]]) -> Result:
    """The sums of all figures, with the CPU seconds that it took: {"map": …, "sums": item → text}.

    `load` gives of one workbook the rows of the sheets that hold figures, by sheet.
    """
    cells: Cells = json.loads(Path(spec).read_text("utf-8"))["cells"]
    started = time.process_time()
    return {"sums": add_up(cells, loaded(folder, cells, load)), "map": time.process_time() - started}


def loaded(
    folder: str, cells: Cells, load: Callable[[Path, list[str]], dict[str, Rows]]
) -> Iterator[dict[str, Rows]]:
    sheets = list(dict.fromkeys(sheet for _, sheet, _, _ in cells))
    for path in files(folder):
        yield load(path, sheets)


def add_up(cells: Cells, books: Iterable[dict[str, Rows]]) -> dict[str, str]:
    sums = dict.fromkeys((item for item, *_ in cells), 0.0)
    for book in books:
        for item, sheet, row, column in cells:
            sums[item] += float(book[sheet][row][column])  # type: ignore[arg-type]
    return {item: in_words(total) for item, total in sums.items()}


def in_words(total: object) -> str:
    """A sum as all contestants write it: to six places."""
    return f"{float(total):.6f}"  # type: ignore[arg-type]


def files(folder: str) -> list[Path]:
    return sorted(Path(folder).iterdir())


def floor(folder: str, spec: str) -> Result:
    """The physical floor: what may matter is inflated and goes once through expat, which calls nobody."""
    import zipfile
    from xml.parsers import expat

    started = time.process_time()
    for path in files(folder):
        with zipfile.ZipFile(path) as package:
            for name in package.namelist():
                if not name.startswith(("xl/theme/", "docProps/app", "docProps/core")):
                    expat.ParserCreate().Parse(package.read(name), True)
    return {"map": time.process_time() - started}


def calamine(folder: str, spec: str) -> Result:
    from python_calamine import CalamineWorkbook

    def load(path: Path, sheets: list[str]) -> dict[str, Rows]:
        book = CalamineWorkbook.from_path(str(path))
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in sheets}

    return task(folder, spec, load)


def polars(folder: str, spec: str) -> Result:
    import polars as pl

    def load(path: Path, sheets: list[str]) -> dict[str, Rows]:
        frames = pl.read_excel(
            path, sheet_name=sheets, engine="calamine", has_header=False, infer_schema_length=None,
            drop_empty_rows=False, drop_empty_cols=False,
        )  # fmt: skip
        return {name: frame.rows() for name, frame in frames.items()}

    return task(folder, spec, load)


def pandas_calamine(folder: str, spec: str) -> Result:
    return _pandas(folder, spec, "calamine")


def pandas_openpyxl(folder: str, spec: str) -> Result:
    return _pandas(folder, spec, "openpyxl")


def _pandas(folder: str, spec: str, engine: Any) -> Result:
    import pandas as pd

    def load(path: Path, sheets: list[str]) -> dict[str, Rows]:
        frames = pd.read_excel(path, sheet_name=sheets, engine=engine, header=None)
        return {name: frame.to_numpy() for name, frame in frames.items()}

    return task(folder, spec, load)


def openpyxl_verifying(folder: str, spec: str) -> Result:
    """Each workbook loaded twice, for values and for formulas; formulas and locks of the tables compared."""
    import warnings

    import openpyxl

    warnings.simplefilter("ignore")  # of extensions that openpyxl leaves out
    guarded = json.loads(Path(spec).read_text("utf-8"))["guarded"]
    edited = 0

    def load(path: Path, sheets: list[str]) -> dict[str, Rows]:
        nonlocal edited
        book = openpyxl.load_workbook(path)
        for sheet, address, formula, locked in guarded:
            cell = book[sheet][address]
            found = cell.value if cell.data_type == "f" else None
            edited += found != formula or cell.protection.locked != locked
        values = openpyxl.load_workbook(path, data_only=True)
        return {name: list(values[name].iter_rows(values_only=True)) for name in sheets}

    return {**task(folder, spec, load), "edited": edited}

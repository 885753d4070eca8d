"""Foreign: a workbook of any of the kinds that units send, as sheets of cells.

.xlsx passes our own gate and reader.  .xls, .et and .ods are read by `legacy` in a process of its own, which
is given little memory and time: when it dies, that is one sentence about the file.  What the gate refuses
for safety stays refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from xltools.filing import Book, Cell, Refusal, SheetFacts
from xltools.reading import gate, ooxml
from xltools.reading.legacy import MOST_SECONDS, OLE
from xltools.reading.refusals import DAMAGED, MACROS, NOT_XLSX, RESAVE, Refused, refused

MOST_CELLS = 50_000  # of one sheet: a register of requests may stand beside the tables
COMMAND = ("-P", "-m", "xltools.reading.legacy")  # -P: nothing is imported from the folder of received files
HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # of the package
MOST_WAIT = MOST_SECONDS * 1.5  # of the clock; the child's own limit is of its work
_WORKBOOKS = tuple(f"{name}\0".encode("utf-16-le") for name in ("Workbook", "Book"))
_MACROS = "_VBA_PROJECT_CUR\0".encode("utf-16-le")


def open_foreign(data: bytes) -> Book:
    """The sheets with all that stands in them.  Raises Refused."""
    try:
        package = gate.admit(data)
    except Refused as why:
        if why.refusal.code != NOT_XLSX or not _is_legacy(data):
            raise
        book = _in_a_child(data)
        if not book.sheets:  # a text document, say
            raise
        return book
    return ooxml.open_book(package).book(cell_limit=MOST_CELLS)


def _is_legacy(data: bytes) -> bool:
    if not data.startswith(OLE):
        return data.startswith(b"PK") and b"content.xml" in data and b"mimetype" in data
    if _MACROS in data:
        sentence = "这份旧版表格里带有宏。"
        raise refused(MACROS, sentence, "请在没有宏的空白表里填写，存成 .xlsx 后再报。")
    return any(name in data for name in _WORKBOOKS)


def _in_a_child(data: bytes) -> Book:
    command = [sys.executable, *COMMAND]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([HOME, *filter(None, sys.path)])}
    try:
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=MOST_WAIT,
            env=surroundings,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreadable() from None
    if done.returncode != 0:
        raise _unreadable()
    answer = json.loads(done.stdout)
    if "refusal" in answer:
        raise Refused(Refusal(*answer["refusal"]))
    sheets = {name: _sheet(name, *rest) for name, *rest in answer["sheets"]}
    if len(sheets) != len(answer["sheets"]):  # two of one name: one would hide the other
        raise _unreadable()
    return Book(sheets=sheets)


def _sheet(name: str, state: Any, cells: dict[str, list[Any]], merges: list[str]) -> SheetFacts:
    return SheetFacts(
        name=name,
        state=state,
        cells={
            at: Cell(kind, text, formula, format=shown, code=code)
            for at, (kind, text, formula, shown, code) in cells.items()
        },
        merges=frozenset(merges),
    )


def _unreadable() -> Refused:
    return refused(DAMAGED, "这份旧格式的表格已经损坏，或者大得不正常，读不出来。", RESAVE)

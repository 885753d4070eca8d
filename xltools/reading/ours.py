"""Ours: files that xltools wrote for other programs, known by how they begin, which may lie among the filings."""

from __future__ import annotations

import re
from pathlib import Path

from xltools.longpath import reachable

DATA_ENDINGS = (".csv", ".parquet")  # .json is no spreadsheet by its name alone
LEDGERS = (b"unit,code,kind,level,parent,", b"file,outcome,unit_code,unit_name,")  # first lines of our csv
_BOM = b"\xef\xbb\xbf"
_JSON = re.compile(rb'\s*\{\s*"schema": "xltools\.')
_PARQUET, _SCHEMA = b"PAR1", b"xltools.figures/"
MOST_TAIL = 64 * 1024  # bytes at the end of a Parquet file, where it says what it is


def is_export(path: Path) -> bool:
    """Whether a file is data that xltools wrote: csv, JSON or Parquet."""
    try:
        there = reachable(path)
        if not there.is_file():
            return False
        with there.open("rb") as file:
            head = file.read(256)
            if head.startswith(_PARQUET):
                file.seek(max(0, there.stat().st_size - MOST_TAIL))
                return _SCHEMA in file.read()
    except OSError:
        return False  # what it is cannot be seen, so nobody may say that it is ours
    return head.removeprefix(_BOM).startswith(LEDGERS) or _JSON.match(head) is not None


def why_no_filing(path: Path) -> str | None:
    """The sentence for data of ours that lies among the filings; None for any other file."""
    if path.suffix.lower() in DATA_ENDINGS and is_export(path):
        return "这是本程序另写的数据文件，不是报送件。"
    return None

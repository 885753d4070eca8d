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
            file.seek(max(0, there.stat().st_size - MOST_TAIL))
            return _is_ours(head, file.read() if head.startswith(_PARQUET) else b"")
    except OSError:
        return False  # what it is cannot be seen, so nobody may say that it is ours


def _is_ours(head: bytes, tail: bytes) -> bool:
    if head.startswith(_PARQUET):
        return _SCHEMA in tail
    return head.removeprefix(_BOM).startswith(LEDGERS) or _JSON.match(head) is not None


def why_no_filing(path: Path, data: bytes | None = None) -> str | None:
    """The sentence for data of ours that lies among the filings; None for any other file.

    `data` is the content of a file that is not on this machine.
    """
    if path.suffix.lower() not in DATA_ENDINGS:
        return None
    if is_export(path) if data is None else _is_ours(data[:256], data[-MOST_TAIL:]):
        return "这是本程序另写的数据文件，不是报送件。"
    return None

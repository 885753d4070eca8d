"""Files put in place whole: written beside, flushed, read again, moved; a reader sees the old one or the new one."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from xltools.errors import WriteError, system_words
from xltools.longpath import reachable
from xltools.writing.running import MACHINE, TOKEN, is_running

MOST_NAME = (
    60  # characters of a unit's name in a file name; file systems count bytes, a Chinese character has three
)
_FORBIDDEN = r'[\\/:*?"<>|\x00-\x1f]'
_DEVICES = r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$"
_HALF_DONE = re.compile(
    r"\.xltools-(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<token>[0-9a-f]{8})-\w+\.tmp"
)
_PIECE = 1 << 20  # bytes
_PATIENCE = (0.1, 0.3)  # seconds; virus scanners and indexers hold a file for a moment


def write_whole(
    path: Path,
    data: bytes,
    *,
    verify: Callable[[bytes], None] | None = None,
    beside: str | None = None,
    settled: bool = True,
) -> Path:
    """Puts data in place at once and gives where it stands.

    What was written is read again before it is moved, and judged by `verify`, which raises WriteError.  Where
    the old file is open in another program, the new one is put beside it, with the words `beside` in its name.
    Who writes many files may leave them not `settled` and settle their folders in the end.
    Raises WriteError with one sentence when the file cannot be written; nothing half-written is left.
    """
    made: str | None = None
    there = reachable(path)
    try:
        there.parent.mkdir(parents=True, exist_ok=True)
        _clear_once(there.parent)
        prefix = f".xltools-{MACHINE}-{os.getpid()}-{TOKEN}-"
        handle, made = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=there.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not _holds(made, data):
            raise WriteError(f"写进 {path} 的内容读出来不一样，没有替换原来的文件；请检查磁盘。")
        if verify is not None:
            verify(data)
        os.chmod(made, 0o666 & ~_umask())
        placed = _move(made, there, beside)
        made = None
        if settled:
            settle(there.parent)
    except OSError as error:
        raise WriteError(f"写不进 {path}：{system_words(error)}。") from error
    finally:
        if made is not None:
            with contextlib.suppress(OSError):
                os.unlink(made)
    return path.with_name(placed.name)


def _holds(path: str, data: bytes) -> bool:
    """Whether a file holds just these bytes, read a piece at a time."""
    with open(path, "rb") as file:
        pieces = ((at, min(_PIECE, len(data) - at + 1)) for at in range(0, len(data) + 1, _PIECE))
        return all(
            file.read(size) == data[at : at + size] for at, size in pieces
        )  # room for no more than it has


def _move(made: str, path: Path, beside: str | None) -> Path:
    for wait in _PATIENCE:
        try:
            os.replace(made, path)
            return path
        except PermissionError:
            if not path.is_file():
                raise
            time.sleep(wait)
    try:
        os.replace(made, path)
        return path
    except PermissionError:
        if beside is None:
            raise
    number, other = 1, path.with_name(f"{path.stem}（{beside}）{path.suffix}")
    while other.exists():  # an earlier copy may be the one that somebody works on
        number += 1
        other = path.with_name(f"{path.stem}（{beside}{number}）{path.suffix}")
    os.replace(made, other)
    return other


def settle(folder: Path) -> None:
    """Makes the move itself last through a power cut, where a folder can be flushed."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network shares do not flush folders
                os.fsync(handle)
        finally:
            os.close(handle)


def clear_debris(folder: Path) -> None:
    """Removes what dead runs on this machine left half-written; whatever may be another's stays."""
    for path in folder.iterdir():
        said = _HALF_DONE.fullmatch(path.name)
        if said and said["machine"] == MACHINE and not is_running(int(said["pid"]), said["token"]):
            with contextlib.suppress(OSError):
                path.unlink()


@lru_cache(maxsize=256)
def _clear_once(folder: Path) -> None:
    """Once per run: a folder may hold thousands of files and be written to as often."""
    clear_debris(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_name(text: str) -> str:
    """A text as part of a file name that every system takes.

    >>> file_name("甲/乙：丙?"), file_name("CON")
    ('甲_乙：丙_', '_CON')
    """
    name = re.sub(_FORBIDDEN, "_", text).strip(" .")[:MOST_NAME].strip(" .") or "_"
    return f"_{name}" if re.match(_DEVICES, name) else name


def beside(path: Path | None, folder: Path) -> str:
    """The way from a folder to a file inside it that is there, with /; "" for any other file."""
    if path is None or not path.is_file() or not path.absolute().is_relative_to(folder.absolute()):
        return ""
    return path.absolute().relative_to(folder.absolute()).as_posix()

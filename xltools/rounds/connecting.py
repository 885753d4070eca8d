"""Connecting: the ledger's file opened on whatever drive it lies, and what SQLite objects to as one sentence."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from xltools.errors import BusyError, RoundError, WriteError
from xltools.longpath import PREFIX, reachable

PATIENCE = 10.0  # seconds to wait for another process
LONGEST = 500  # bytes of a path that SQLite opens on POSIX, less the ending of a journal


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only:
        return _connect_to_read(path)
    made = sqlite3.connect(_address(path), uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        _set_journal(made, path)
    except BaseException:
        made.close()
        raise
    return made


def _address(path: Path, **options: str) -> str:
    """The ledger as SQLite is told of it; a long path of Windows wants its own way to the disk."""
    whole = path.absolute()
    reached = str(reachable(whole))
    if reached.startswith(PREFIX):
        place, options = f"file:{quote(reached, safe='')}", {**options, "vfs": "win32-longpath"}
    else:
        name = whole.as_posix()  # as_uri() takes a share for a host
        place = f"file://{'' if name.startswith('/') else '/'}{quote(name)}"
    return f"{place}{'?' if options else ''}{'&'.join(f'{key}={value}' for key, value in options.items())}"


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """For looking only: nothing is made in the folder, which may be a read-only share."""
    if not path.is_file():
        raise RoundError(f"没有台账：{path}。")
    if (copied := _copied(path)) is not None:
        return copied
    try:
        return _opened_to_read(_address(path, mode="ro"))  # beside whoever writes, whose journal is there
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            raise
        raise RoundError(
            f"台账 {path} 上次没有记完，这里又不能写；请在能写的地方用 xltools 打开一次再看。"
        ) from error


def _copied(path: Path) -> sqlite3.Connection | None:
    """The ledger in memory, as even who only reads a WAL makes files beside it; None while a journal has more than it."""
    before = _stand(path)
    if before is None:
        return None
    copied = sqlite3.connect("file::memory:", uri=True, isolation_level=None)
    try:
        with contextlib.closing(_opened_to_read(_address(path, immutable="1"))) as ledger:
            ledger.backup(copied)
    except sqlite3.Error:
        copied.close()
        if _stand(path) == before:
            raise
        return None  # somebody wrote to it just then
    if _stand(path) != before:
        copied.close()
        return None
    return copied


def _stand(path: Path) -> tuple[int, int] | None:
    """What changes when somebody writes to the ledger itself; None while a journal has something."""
    for tail in ("-wal", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            if reachable(path.with_name(f"{path.name}{tail}")).stat().st_size:
                return None
    facts = reachable(path).stat()
    return facts.st_mtime_ns, facts.st_size


def _opened_to_read(address: str) -> sqlite3.Connection:
    made = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        made.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        made.close()
        raise
    return made


def _set_journal(db: sqlite3.Connection, path: Path) -> None:
    """WAL lets others read while one writes; a network drive has no shared memory for it, and a plain journal does."""
    if not str(path.absolute()).startswith("\\\\"):
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchone()
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise
    # A ledger that has a WAL from a disk that it was moved from can be read here only by one who has it to himself.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = DELETE").fetchone()
    db.execute("PRAGMA locking_mode = NORMAL")
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # lets go


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextlib.contextmanager
def said_in_words(path: Path) -> Iterator[None]:
    """What the database objected to, as one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if _is_busy(error):
            raise BusyError(
                f"台账 {path} 正被另一个程序占用，等了 {PATIENCE:.0f} 秒还没有让出来。请等它结束再来。"
            ) from error
        if code == sqlite3.SQLITE_CANTOPEN and len(os.fsencode(path.absolute())) > LONGEST:
            raise WriteError(f"台账 {path} 的路径太长，打不开；请把文件夹移到浅一些的地方。") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise WriteError(f"写不进台账 {path}：文件夹是只读的，或没有权限。") from error
        if code == sqlite3.SQLITE_FULL:
            raise WriteError(f"写不进台账 {path}：磁盘满了。这一批没有记，腾出空间后再来一次。") from error
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise RoundError(f"台账 {path} 坏了，读不出来；请用备份替换它，原件都还在。") from error
        if code == sqlite3.SQLITE_IOERR:
            raise WriteError(f"读写台账 {path} 时磁盘出错；这一批没有记。") from error
        raise

"""Running: one run at a time in a folder, and whether the process that left a file there is still alive.

The lock is a file that says who holds it and since when, created in a way that only one can succeed
(`O_EXCL`), which every system has.  A lock whose process is dead is taken over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from xltools.errors import BusyError, WriteError, system_words

LOCK = ".xltools.lock"
TOKEN = secrets.token_hex(4)  # this process, where its number was another's before
MACHINE = hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:8]
SETTLING = 10  # seconds in which a lock may be found with nothing in it yet
TRIES, PAUSE = 10, 0.01  # seconds between them, while another takes a dead run's lock away


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Holds the folder for one run.  Raises BusyError where another holds it, WriteError where no file can be made."""
    path = folder / LOCK
    mine = json.dumps(
        {
            "pid": os.getpid(),
            "machine": MACHINE,
            "name": platform.node(),
            "token": TOKEN,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
    ).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _take(path, mine)
        for claim in folder.glob(f"{LOCK}.*"):  # on locks that are gone
            claim.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(f"写不进 {folder}：{system_words(error)}。") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # on a share that went away; the next run sees that we are gone
            if path.read_bytes() == mine:
                path.unlink()


def _take(path: Path, mine: bytes) -> None:
    for _ in range(TRIES):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            _give_way(path, mine)
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(mine)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return
    raise BusyError(f"“{path.parent}”里有别的 xltools 正在运行。请等它结束再来。")


def _give_way(path: Path, mine: bytes) -> None:
    """Takes a dead run's lock away.  Raises BusyError for one that is held."""
    try:
        found, age = path.read_bytes(), time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return  # its holder has just finished
    if words := _holder(found, age):
        raise BusyError(
            f"“{path.parent}”里另一个 xltools 正在运行（{words}）。请等它结束再来；"
            f"如果确定它已经不在运行，删掉 {path} 再试。"
        )
    claim = _claim(path, found, mine)
    if claim is None:
        time.sleep(PAUSE)
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == found:
                path.unlink()
    finally:
        claim.unlink(missing_ok=True)


def _claim(path: Path, dead: bytes, mine: bytes) -> Path | None:
    """Our claim on a dead lock: it falls to us to take it away; None where another is about to.

    A claim is called after the lock, and after the claims of those that died over it: so each can be made once only,
    and nobody takes away what is no longer the lock that he saw.  Who holds the folder next clears away what is left.
    """
    beside = path.with_name(f".xltools-{MACHINE}-{os.getpid()}-{TOKEN}-{secrets.token_hex(4)}.tmp")
    beside.write_bytes(mine)
    about = dead
    try:
        for _ in range(TRIES):
            claim = path.with_name(f"{LOCK}.{hashlib.sha256(about).hexdigest()[:16]}")
            try:
                _put(beside, claim)
                return claim
            except FileExistsError:
                pass
            try:
                said, age = claim.read_bytes(), time.time() - claim.stat().st_mtime
            except FileNotFoundError:
                return None  # it has just been settled
            if _holder(said, age):
                return None
            about += said
        return None
    finally:
        beside.unlink(missing_ok=True)


def _put(file: Path, place: Path) -> None:
    """Gives a file a second name, or copies it on a drive without links.  Raises FileExistsError."""
    try:
        os.link(file, place)
    except FileExistsError:
        raise
    except OSError:
        with open(place, "xb") as copy:
            copy.write(file.read_bytes())


def _holder(found: bytes, age: float) -> str:
    """Who holds a lock, for a clerk; "" where its run is dead."""
    try:
        said = json.loads(found)
        pid, since, name = int(said["pid"]), str(said["since"]), str(said["name"])
        machine, token = str(said["machine"]), str(said["token"])
    except (ValueError, TypeError, KeyError):  # just being written, or cut short by a kill or a full disk
        return "刚刚开始" if age < SETTLING else ""
    if machine == MACHINE and not is_running(pid, token):
        return ""
    return f"{since} 开始，电脑 {name}，进程 {pid}"


def is_running(pid: int, token: str) -> bool:
    """Whether the process of this machine that left a file with its number and token is still there."""
    return token == TOKEN if pid == os.getpid() else _exists(pid)


if sys.platform == "win32":

    def _exists(pid: int) -> bool:
        import ctypes

        kernel, still_active, query = ctypes.windll.kernel32, 259, 0x1000
        handle = kernel.OpenProcess(query, False, pid)
        if not handle:
            return bool(kernel.GetLastError() == 5)  # access denied: somebody else's
        code = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return not known or code.value == still_active

else:

    def _exists(pid: int) -> bool:
        if pid <= 0:
            return False
        try:
            os.kill(pid, 0)  # sends nothing
        except PermissionError:
            return True
        except (ProcessLookupError, OverflowError):
            return False
        return not _is_over(pid)

    def _is_over(pid: int) -> bool:
        """Whether it was killed and only its parent has not asked after it: in a container often nobody ever does."""
        try:
            said = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:  # a system without it, or gone since
            return False
        return said.rpartition(b") ")[2][:1] in (b"Z", b"X")

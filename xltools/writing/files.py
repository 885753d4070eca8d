"""Files put in place whole: written beside, flushed, moved; a reader sees the old one or the new one."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from xltools.errors import WriteError, system_words

MOST_NAME = (
    60  # characters of a unit's name in a file name; file systems count bytes, a Chinese character has three
)
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def write_whole(path: Path, data: bytes) -> None:
    """Raises WriteError with one sentence when the file cannot be written; nothing half-written is left."""
    made: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=".xltools-", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(made, 0o666 & ~_umask())
        os.replace(made, path)
    except OSError as error:
        if made is not None:
            with contextlib.suppress(OSError):
                os.unlink(made)
        raise WriteError(f"写不进 {path}：{system_words(error)}。") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_name(text: str) -> str:
    """A text as part of a file name that every system takes.

    >>> file_name("甲/乙：丙?"), file_name("CON")
    ('甲_乙：丙_', '_CON')
    """
    name = _FORBIDDEN.sub("_", text).strip(" .")[:MOST_NAME].strip(" .") or "_"
    return f"_{name}" if _DEVICES.match(name) else name

"""Paths of more than 260 characters, which Windows opens only under another spelling.

Deep folders and long names of units get there soon: a unit's name alone may have sixty characters.
"""

from __future__ import annotations

import os
from pathlib import Path

LONG = 190  # below Windows' limit of 260, since files are written beside under a longer name, and folders end at 248
PREFIX, SHARE = "\\\\?\\", "\\\\?\\UNC\\"


def reachable(path: Path, *, deep: bool = False) -> Path:
    """The path to hand to the system; messages show the one that was given.

    `deep` is for a folder that is gone through: what lies in it may be long where the folder itself is not.
    """
    return Path(windows_path(os.path.abspath(path), 0 if deep else LONG)) if os.name == "nt" else path


def windows_path(full: str, long: int = LONG) -> str:
    r"""A full path as Windows takes it whatever its length; a short one stays as it is.

    >>> windows_path("C:\\收表\\甲镇.xlsx")
    'C:\\收表\\甲镇.xlsx'
    >>> windows_path("C:\\" + "收表\\" * 70)[:8], windows_path("\\\\服务器\\" + "收表\\" * 70)[:12]
    ('\\\\?\\C:\\收', '\\\\?\\UNC\\服务器\\')
    >>> windows_path("C:\\收表", 0)
    '\\\\?\\C:\\收表'
    """
    if len(full) < long or full.startswith((PREFIX, "\\\\.\\")):
        return full
    return SHARE + full[2:] if full.startswith("\\\\") else PREFIX + full

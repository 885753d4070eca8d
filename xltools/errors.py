"""What stops xltools altogether.  A unit's mistakes are findings (finding.py), never one of these.

XltoolsError            anything raised on purpose; the command line prints it as one sentence, exit 3
├── UsageError          the caller asked for something that does not exist; exit 2
├── FormError           a form file contradicts itself: the form author's to mend
│   └── FormErrors      all that is wrong with one form file, at once
├── RosterError         the list of units cannot be used: the county office's to mend
├── ValuesError         a JSON of values cannot be used: the calling program's to mend
├── WriteError          a file could not be written, or the writing library would have dropped something
├── RoundError          a round's folder cannot be used: its settings or its ledger
└── BusyError           another run is at work in the same folder
"""

from __future__ import annotations

import errno
from collections.abc import Sequence


class XltoolsError(Exception):
    """Anything raised on purpose.  The message is one Chinese sentence a clerk can be shown."""


class UsageError(XltoolsError):
    """The command or call names something that is not there (a form, an option, a path)."""


class FormError(XltoolsError):
    """A form file contradicts itself.

    `file` and `key` say where (`2021.toml`, `sheet.requests.table.applications.rows.new.sum`), `line` is
    the 1-based line where it can be had, `problem` what is wrong and what is allowed.
    """

    def __init__(self, file: str, key: str, problem: str, line: int | None = None) -> None:
        where = f"{file} 第{line}行" if line else file
        said = f"{key} {problem}" if key else problem
        super().__init__(f"{where}：{said}" if where else said)
        self.file, self.key, self.problem, self.line = file, key, problem, line


class FormErrors(FormError):
    """Every mistake of one form file; `errors` holds one FormError each."""

    def __init__(self, errors: Sequence[FormError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.key, first.problem, first.line)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class RosterError(XltoolsError):
    """A roster of units cannot be used; the sentence names the cell."""


class ValuesError(XltoolsError):
    """A JSON of values does not fit the form; the sentence names the key."""


class WriteError(XltoolsError):
    """A file could not be written whole, or the writing library would have dropped part of it."""


class RoundError(XltoolsError):
    """The folder of a collection round cannot be used; the sentence names the file, and the key where there is one."""


class BusyError(XltoolsError):
    """Another run is at work in the same folder; the sentence says since when, and where."""


_SYSTEM_WORDS = {
    errno.ENOENT: "没有这个文件或文件夹",
    errno.EISDIR: "那是一个文件夹",
    errno.ENOTDIR: "路径中间有一段不是文件夹",
    errno.ENOSPC: "磁盘满了",
    errno.EFBIG: "文件太大，这里不让写",
    errno.EDQUOT: "磁盘配额用完了",
    errno.EROFS: "那里是只读的",
    errno.ENAMETOOLONG: "路径太长",
    errno.EACCES: "文件正被别的程序打开，或没有权限",
    errno.EPERM: "文件正被别的程序打开，或没有权限",
}


def system_words(error: OSError) -> str:
    """What the operating system objected to, for a clerk."""
    return _SYSTEM_WORDS.get(error.errno or 0, f"系统不允许（代码 {error.errno}）")

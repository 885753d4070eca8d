"""One TOML file → its tree, and the line on which each key stands.

tomllib says what a file means but not where; `lines_of` walks the same text once more for that, when something is
wrong.  It is only ever given text that tomllib has accepted.  What the keys mean is syntax.py's matter.
"""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from xltools.errors import FormError

Toml: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[str | int, ...]  # keys, and positions from 0 in arrays

MOST_BYTES = 1_000_000  # a form file of 200 figures has 12 000

_KEY = r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*"""
_TEXT = (
    r'''(?s)"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'''
    r"""|\'\'\'(?:[^']|'{1,2}(?!'))*'{3,5}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'"""
)
_PLAIN = r"[^,\]}#\n]+"
_GAP = r"(?:[ \t\r\n]+|#[^\n]*)*"
_AT = r"\(at (?:line (\d+), column (\d+)|end of document)\)"
_FAULTS = (  # what tomllib says, and what a form author is told
    ("Cannot overwrite", "同一个键写了两次"),
    ("Duplicate inline table key", "同一个键写了两次"),
    ("twice", "同一张表写了两次；表的列表写作 [[…]]"),
    ("Cannot mutate", "这张表已经写完，不能再添；表的列表写作 [[…]]"),
    ("Expected '=' after a key", "键的后面应是 ="),
    ("Invalid value", "值读不通；文字要放在半角引号里，整数不带引号，真假写 true 或 false"),
    ("Invalid statement", "这一行读不通；应是 键 = 值、[表] 或 [[表]]"),
    ("Expected newline or end of document", "一个值写完应换行"),
    ("Unclosed array", "列表少了 ] 或逗号"),
    ("Unclosed inline table", "一组键值少了 } 或逗号"),
    ("Unterminated string", "文字少了收尾的引号"),
    ("Expected", "文字、列表或表头没有收尾"),
    ("Unescaped", "文字里的 \\ 要写成 \\\\，或改用单引号"),
    ("Illegal character", "有不允许的字符；文字要在一行里写完，换行写 \\n"),
    ("Invalid initial character", "键名只能用半角字母、数字、下划线和横线"),
)


class Lines:
    """The line of every key and list member, looked for when one is asked for: few files have anything wrong."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _found(self) -> dict[Steps, int]:
        return lines_of(self._text)

    def of(self, steps: Steps) -> int | None:
        return self._found.get(steps)


def read_toml(path: Path, file: str) -> tuple[Toml, Lines]:
    """The tree, and where its keys stand.  Raises FormError; `file` is how it names the file."""
    text = _text(path, file)
    try:
        return tomllib.loads(text), Lines(text)
    except tomllib.TOMLDecodeError as error:
        raise _explained(str(error), text, file) from None
    except RecursionError:
        raise FormError(file, "", "列表套得太深") from None
    except ValueError:  # an integer too long for Python, a date that is none
        raise FormError(file, "", "有一个数或日期长得不合理") from None


def _text(path: Path, file: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FormError(file, "", f"大得不像报表文件，最多 {MOST_BYTES} 字节")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormError(file, "", f"读不出来：{reason}") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormError(file, "", "是 UTF-16 编码；请另存为 UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormError(file, "", "有不是 UTF-8 的字节；请另存为 UTF-8", line) from None


def _explained(message: str, text: str, file: str) -> FormError:
    at = re.search(_AT, message)
    line = int(at[1]) if at and at[1] else text.rstrip("\n").count("\n") + 1
    column = f"第{at[2]}个字符附近" if at and at[2] else ""
    said = next((words for start, words in _FAULTS if start in message), "读不通")
    return FormError(file, "", f"不是正确的 TOML：{column}{said}", line)


def lines_of(text: str) -> dict[Steps, int]:
    """
    >>> lines_of('a = 1\\n[[sheet]]\\nid = "x"\\nrows = [\\n {id = "r"},\\n]')[("sheet", 0, "rows", 0, "id")]
    5
    """
    walk = _Walk(text)
    walk.document()
    return walk.lines


class _Walk:
    """Goes through accepted TOML; `at` is the offset, `line` the line there."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.lines: dict[Steps, int] = {}
        self.arrays: dict[Steps, int] = {}  # array of tables -> position of its last member

    def take(self, pattern: str) -> re.Match[str]:
        match = re.compile(pattern).match(self.text, self.at)
        assert match is not None, f"offset {self.at}"  # tomllib has accepted it
        self.line += match[0].count("\n")
        self.at = match.end()
        return match

    def skip(self, sign: str) -> bool:
        """Passes a sign if it is the next thing but for blanks, line ends and comments."""
        self.take(_GAP)
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found

    def note(self, steps: Steps) -> Steps:
        self.lines.setdefault(steps, self.line)
        return steps

    def names(self) -> list[str]:
        """The parts of a key, perhaps dotted."""
        names: list[str] = []
        while not names or self.skip("."):
            quoted, literal, bare = self.take(_KEY).groups()
            if quoted is not None:
                names.append(str(tomllib.loads(f'key = "{quoted}"')["key"]))
            else:
                names.append(bare if literal is None else literal)
        return names

    def document(self) -> None:
        table: Steps = ()
        while self.take(_GAP) and self.at < len(self.text):
            if self.skip("[["):
                table = self.header(is_member=True)
            elif self.skip("["):
                table = self.header(is_member=False)
            else:
                self.pair(table)

    def header(self, *, is_member: bool) -> Steps:
        *above, name = self.names()
        table: Steps = ()
        for one in above:
            table = self.inside(self.note((*table, one)))
        table = self.note((*table, name))
        if is_member:
            self.arrays[table] = self.arrays.get(table, -1) + 1
        table = self.note(self.inside(table))
        self.skip("]]" if is_member else "]")
        return table

    def inside(self, table: Steps) -> Steps:
        """The last member, where a key leads to an array of tables."""
        return (*table, self.arrays[table]) if table in self.arrays else table

    def pair(self, above: Steps) -> None:
        for name in self.names():
            above = self.note((*above, name))
        self.skip("=")
        self.value(above)

    def value(self, steps: Steps) -> None:
        if self.skip("["):
            member = 0
            while not self.skip("]"):
                self.value(self.note((*steps, member)))
                self.skip(",")
                member += 1
        elif self.skip("{"):
            while not self.skip("}"):
                self.pair(steps)
                self.skip(",")
        elif self.text.startswith(('"', "'"), self.at):
            self.take(_TEXT)
        else:
            self.take(_PLAIN)

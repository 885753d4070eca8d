"""The console as a clerk meets it: Chinese help and complaints, progress for people, data for pipes."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO, get_args

import typer
import typer.core

from xltools.bar import above_the_bar
from xltools.bar import progress as progress

# the fixed words of typer's plain help
_HELP_WORDS = (
    ("Usage:", "用法："),
    ("Options:", "选项："),
    ("Arguments:", "参数："),
    ("Commands:", "命令："),
    ("[OPTIONS]", "[选项]"),
    ("COMMAND [ARGS]...", "命令 …"),
    ("Show this message and exit.", "显示这页说明。"),
    ("[required]", "[必填]"),
    ("[default: ", "[默认："),
    (" <list[Path]>", ""),
    (" <list[str]>", ""),
    (" <path>", ""),
    (" <str>", ""),
)


class ShortFormat(StrEnum):
    text = "text"
    json = "json"


_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


def in_chinese(text: str) -> str:
    for english, chinese in _HELP_WORDS:
        text = text.replace(english, chinese)
    return text


class ChineseCommand(typer.core.TyperCommand):
    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))

    def get_params(self, ctx: Any) -> list[Any]:
        return plainly_read(super().get_params(ctx))


class ChineseGroup(typer.core.TyperGroup):
    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))

    def get_params(self, ctx: Any) -> list[Any]:
        return plainly_read(super().get_params(ctx))


def plainly_read(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "_runtime_param", _Plainly) is None:
            param._runtime_param = _Plainly()
    return params


class _Plainly:
    """Words of a call that mean one thing only.  All others are typer's to judge, which loads pydantic for it:
    a quarter of what checking a file takes.

    Were it passed over by another typer, nothing would change but that time (tests/test_startup.py).
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        told = param.type_descriptor
        kind = get_args(told.annotation)[0] if is_list else told.annotation
        words = list(value) if is_list else [value]
        meant = [plainly(word, kind, told.parameter_info) for word in words]
        if None in meant:
            param._runtime_param = None  # typer's own
            return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
        return meant if is_list else meant[0]


def plainly(word: Any, kind: Any, info: Any) -> Any:
    """What a word means as a `kind` (a type) with these further demands of typer's; None where that is not plain."""
    if kind is str:
        return word if isinstance(word, str) else None
    if kind is int:
        number = int(word) if re.fullmatch("0|[1-9][0-9]{0,8}", str(word)) else None
        return None if number is None or info.max is not None or number < (info.min or 0) else number
    if kind is Path:
        demands = (info.exists, info.resolve_path, info.allow_dash, info.writable, info.path_type)
        is_any = info.file_okay and info.dir_okay and not any(demands)
        return Path(word) if is_any and (os.access(word, os.R_OK) or not os.path.exists(word)) else None
    if issubclass(kind, StrEnum):
        return next((one for one in kind if one == word), None)
    return None


def usage_words(error: Any) -> str:
    """What was wrong with the words of a call, for the exceptions that typer raises."""
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    name = getattr(error, "option_name", None) or ""
    if not name and parameter is not None:
        options = [one for one in parameter.opts if one.startswith("-")]
        name = options[0] if options else parameter.metavar or parameter.name
    if "command" in str(error).lower() and kind in ("UsageError", "NoSuchCommand"):
        return "没有这个命令。"
    if extra := re.search(r"unexpected extra argument(?:s|\(s\))? \((.*)\)", str(error), re.DOTALL):
        return f"多写了“{extra[1]}”；名字里有空格的，要用引号括起来。"
    if kind == "MissingParameter":
        return f"少写了 {name}。"
    if kind == "NoSuchOption":
        near = "、".join(getattr(error, "possibilities", None) or ())
        return f"没有 {name} 这个选项{f'，是不是 {near}' if near else ''}。"
    if kind == "BadParameter":
        return f"{name} 的值不对。"
    if kind == "BadOptionUsage":
        return f"{name} 后面要写值。"
    return f"命令写得不对（{error.format_message()}）。"


GAP = "〓"  # what Chinese print has always put in the place of a character that is not there


class Gaps:
    """Stands in for what a console's encoding does not have, and counts it.

    Our own words have only characters that GBK has; names from outside may have any.
    """

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: UnicodeError) -> tuple[bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        self.count += error.end - error.start
        return mark(error.encoding) * (error.end - error.start), error.end


_gaps = Gaps()


@lru_cache
def mark(encoding: str) -> bytes:
    return GAP.encode(encoding, "replace")


def stand_in() -> None:
    """What is said goes nowhere where a stream was closed before we began (>&-) or there is none (pythonw).

    Otherwise the next file that is opened would take its place, and whatever writes to it would write there.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115


def open_streams(*streams: TextIO) -> None:
    """Makes streams take every text: no report stops at a character, none is a row of question marks.

    A stream whose encoding has no Chinese at all (a redirected one on a foreign Windows) is given UTF-8.
    """
    codecs.register_error("xltools", _gaps)
    _gaps.count = 0
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=_encoding(stream.encoding), errors="xltools")


def _encoding(name: str) -> str:
    try:
        "汉字".encode(name)
    except UnicodeEncodeError:
        return "utf-8"
    return name


def close_streams() -> None:
    """Flushes what was said, and tells what could not be shown.  Raises BrokenPipeError where nobody reads on."""
    if _gaps.count:
        said = f"有 {_gaps.count} 个字这里显示不出，印成了“{GAP}”；"
        _gaps.count = 0
        complain(f"{said}要看原字，请先设 PYTHONIOENCODING=utf-8，或用 --format json。")
    sys.stdout.flush()


UNREAD = 3  # the exit code where nobody reads the output any more


def hang_up() -> None:
    """Nobody reads our output any more: what is left of it goes nowhere, so that the end of Python says nothing."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str, end: str = "\n") -> None:
    """Data, on stdout; nothing is wrapped.  Where nobody reads on the run ends, before typer gives it a code of its own."""
    try:
        with above_the_bar():
            sys.stdout.write(text + end)
    except BrokenPipeError:
        hang_up()
        raise typer.Exit(UNREAD) from None


def say_json(text: str) -> None:
    """JSON is UTF-8 (docs/json.md).  Where the console or the pipe is not, it is ASCII, which is both and loses nothing."""
    if codecs.lookup(sys.stdout.encoding).name not in ("utf-8", "utf-8-sig"):
        import json  # not for the help

        text = _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    say(text)


def say_csv(text: str) -> None:
    """Lines of a csv end in CR LF, also where the stream itself makes CR LF of every LF (Windows)."""
    say(text.replace("\r\n", "\n") if os.linesep == "\r\n" else text, end="")


def say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def stdin_lines() -> list[str]:
    """The lines of stdin, whichever way a Chinese Windows made them: UTF-8, UTF-16 with its mark, or GBK."""
    return decoded(sys.stdin.buffer.read()).replace("\r\n", "\n").split("\n")


def decoded(data: bytes) -> str:
    """
    >>> decoded("收件".encode("gbk")), decoded("收件".encode("utf-8-sig")), decoded("收件".encode("utf-16"))
    ('收件', '收件', '收件')
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return os.fsdecode(data)  # names of files as they are


def complain(text: str) -> None:
    with above_the_bar():
        sys.stderr.write(f"xltools：{text}\n")

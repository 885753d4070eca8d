"""The console as a clerk meets it: Chinese help and complaints, progress for people, data for pipes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer.core

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
    (" <path>", ""),
    (" <str>", ""),
)


def in_chinese(text: str) -> str:
    for english, chinese in _HELP_WORDS:
        text = text.replace(english, chinese)
    return text


class ChineseCommand(typer.core.TyperCommand):
    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))


class ChineseGroup(typer.core.TyperGroup):
    def get_help(self, ctx: Any) -> str:
        return in_chinese(super().get_help(ctx))


def usage_words(error: Any) -> str:
    """What was wrong with the words of a call, for the exceptions that typer raises."""
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    name = getattr(error, "option_name", None) or ""
    if not name and parameter is not None:
        options = [one for one in parameter.opts if one.startswith("-")]
        name = options[0] if options else parameter.metavar or parameter.name
    if "command" in str(error).lower() and kind in ("UsageError", "NoSuchCommand"):
        return "没有这个命令。"
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


def say(text: str, end: str = "\n") -> None:
    """Data, on stdout; nothing is wrapped."""
    sys.stdout.write(text + end)


def say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def complain(text: str) -> None:
    sys.stderr.write(f"xltools：{text}\n")


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, for people only: nothing when piped or quiet, nothing for what is over in a second."""
    started, shown = time.monotonic(), False

    def show(done: int, total: int) -> None:
        nonlocal shown
        spent = time.monotonic() - started
        if quiet or not sys.stderr.isatty() or not total or spent < 1:
            return
        shown = True
        full = 30 * done // total
        left = f"，还要约 {spent / done * (total - done):.0f} 秒" if done else ""
        sys.stderr.write(f"\r[{'#' * full}{'.' * (30 - full)}] {done}/{total}{left}   ")
        sys.stderr.flush()

    yield show
    if shown:
        sys.stderr.write("\r" + " " * 70 + "\r")

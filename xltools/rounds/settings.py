"""Settings of a round: option > environment XLTOOLS_* > the nearest xltools.toml upward > default."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xltools.errors import FormError, RoundError, UsageError
from xltools.forms.source import read_toml
from xltools.roster import LEVELS

FILE = "xltools.toml"
ROSTER = "单位名单.xlsx"
KEY = "核验密钥.txt"
PREFIX = "XLTOOLS_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is collected, by whom, until when.  Paths are relative to the folder, or absolute."""

    form: str  # a name of the catalogue, or the path of a form file
    year: int
    county: str = ""  # who collects
    formerly: str = ""  # its name before it was changed while the round is on
    code: str = ""  # of who collects
    level: str = "county"
    due: str = ""  # ISO date
    units: str = ROSTER
    last: str = ""  # last year's roll-up, a filing or a folder of them
    key: str = KEY  # counts where the file is there


@dataclass(frozen=True, slots=True)
class _Key:
    """How a value is read from TOML or from an environment variable; `wanted` says what is allowed."""

    read: Callable[[object], object]
    wanted: str


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value.strip()


def _year(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if type(number) is not int or not 1949 <= number <= 2999:
        raise ValueError
    return number


def _level(value: object) -> str:
    if value not in LEVELS:
        raise ValueError
    return str(value)


def _day(value: object) -> str:
    if value in ("", None):
        return ""
    return datetime.date.fromisoformat(str(value)).isoformat()  # TOML has dates of its own


_KEYS: Mapping[str, _Key] = {
    "form": _Key(_text, "报表的名字，如 gov-info-disclosure/2021，或报表文件（.toml）"),
    "year": _Key(_year, "四位的年度，如 2021"),
    "county": _Key(_text, "收表单位的名称"),
    "formerly": _Key(_text, "收表单位改名以前的名称"),
    "code": _Key(_text, "收表单位的代码"),
    "level": _Key(_level, "、".join(LEVELS)),
    "due": _Key(_day, "日期，如 2022-01-31"),
    "units": _Key(_text, "单位名单的文件名"),
    "last": _Key(_text, "上年的汇总表、报表或文件夹"),
    "key": _Key(_text, "核验密钥的文件名"),
}


def find_folder(start: Path) -> Path | None:
    """The working folder that `start` is in: the nearest one upward that has an xltools.toml."""
    here = start.absolute()
    return next((one for one in (here, *here.parents) if (one / FILE).is_file()), None)


def inside(folder: Path, path: Path) -> str:
    """A path from the folder, with /, where it is in it: the folder may be moved.  Any other as it is, whole."""
    home, whole = (Path(os.path.abspath(one)) for one in (folder, path))
    return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else str(whole)


def load_settings(
    folder: Path, *, given: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings of a folder, under what the environment and the command say.

    Raises RoundError naming every wrong key, and where it stands.
    """
    path = folder / FILE
    try:
        source, _ = read_toml(path, str(path))
    except FormError as error:
        raise RoundError(f"设置读不出来。{error}。") from None
    around = environment if environment is not None else os.environ
    values: dict[str, object] = {}
    problems = [
        f"{path} 里不认得“{name}”，可用的有：{'、'.join(_KEYS)}" for name in source if name not in _KEYS
    ]
    for name, key in _KEYS.items():
        variable = PREFIX + name.upper()
        places = ((given or {}, f"--{name}"), (around, f"环境变量 {variable}"), (source, f"{path} 的 {name}"))
        for place, words in places:
            value = place.get(variable if place is around else name)
            if value is None or (place is around and value == ""):
                continue
            try:
                values[name] = key.read(value)
            except (ValueError, TypeError):
                problems.append(f"{words} 是“{value}”，应是{key.wanted}")
            break
    problems += [f"{path} 里缺 {name}（{_KEYS[name].wanted}）" for name in ("form", "year") if name not in values
                 and not any(f" {name} 是" in one or name.upper() in one for one in problems)]  # fmt: skip
    if problems:
        raise RoundError("；".join(problems) + "。")
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own key


def read_values(given: Mapping[str, object]) -> Settings:
    """Settings from the options of a command alone.  Raises UsageError naming the option that is wrong."""
    values = {}
    for name, value in given.items():
        try:
            values[name] = _KEYS[name].read(value)
        except (ValueError, TypeError):
            option = "--unit" if name == "county" else f"--{name}"
            raise UsageError(f"{option} 是“{value}”，应是{_KEYS[name].wanted}。") from None
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own key


def quoted(text: str) -> str:
    """A JSON string is a TOML string as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings_text(settings: Settings) -> str:
    """The file as `init` writes it."""
    return f"""\
# 收报文件夹的设置。改了就算数；命令行的选项和环境变量 {PREFIX}… 优先于这里。

form   = {quoted(settings.form)}    # 收哪种报表
year   = {settings.year}    # 报告年度

county = {quoted(settings.county)}    # 收表单位（汇总表上的名称）
code   = {quoted(settings.code)}    # 收表单位的代码
level  = {quoted(settings.level)}    # 收表单位的级别：{"、".join(f"{name} {words}" for name, words in LEVELS.items())}

due    = {quoted(settings.due)}    # 截止日期，如 2022-01-31；名单里另写了的按名单
units  = {quoted(settings.units)}    # 单位名单
last   = {quoted(settings.last)}    # 上年的汇总表、报表或放报表的文件夹，用来带出上年的数；没有就空着
key    = {quoted(settings.key)}    # 核验密钥；有这个文件，下发的签发号就带核验码
"""

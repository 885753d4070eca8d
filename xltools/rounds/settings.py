"""Settings of a round: option > environment XLTOOLS_* > the nearest xltools.toml upward > default.

Only `init` has options for them, and no file yet; the commands on a folder take none, and a round keeps to what it
began with.
"""

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
DEMANDED = ("form", "year")  # which have no default


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


def load_settings(folder: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a folder, under what the environment says.

    Raises RoundError naming every wrong key, and where it stands.
    """
    path = folder / FILE
    try:
        source, _ = read_toml(path, str(path))
    except FormError as error:
        raise RoundError(f"设置读不出来。{error}。") from None
    unknown = [
        f"{path} 里不认得“{name}”，可用的有：{'、'.join(_KEYS)}" for name in source if name not in _KEYS
    ]
    values, problems = _first_said(
        _around(environment), _Place(source.get, lambda name: f"{path} 的 {name}"), missing=f"{path} 里缺 "
    )
    if unknown or problems:
        raise RoundError("；".join(unknown + problems) + "。")
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own key


def given_settings(given: Mapping[str, object], *, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a new folder: the options of a command, and under them (None) what the environment says.

    Raises UsageError naming every option and variable that is wrong.
    """
    options = _Place(given.get, lambda name: "--unit" if name == "county" else f"--{name}")
    values, problems = _first_said(options, _around(environment), missing="缺 --")
    if problems:
        raise UsageError("；".join(problems) + "。")
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own key


@dataclass(frozen=True, slots=True)
class _Place:
    """Where settings may stand: `value` of a key, None where it is not said, and how a clerk finds it."""

    value: Callable[[str], object]
    words: Callable[[str], str]


def _around(environment: Mapping[str, str] | None) -> _Place:
    """The environment, in which an empty variable says nothing."""
    around = os.environ if environment is None else environment
    return _Place(
        lambda name: around.get(_variable(name)) or None, lambda name: f"环境变量 {_variable(name)}"
    )


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _first_said(*places: _Place, missing: str) -> tuple[dict[str, object], list[str]]:
    """Key → what the first of these places says of it; a sentence for each value that is wrong or has to be there."""
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, key in _KEYS.items():
        place = next((one for one in places if one.value(name) is not None), None)
        if place is None:
            if name in DEMANDED:
                problems.append(f"{missing}{name}（{key.wanted}），也没有环境变量 {_variable(name)}")
            continue
        try:
            values[name] = key.read(place.value(name))
        except (ValueError, TypeError):
            problems.append(f"{place.words(name)} 是“{place.value(name)}”，应是{key.wanted}")
    return values, problems


def quoted(text: str) -> str:
    """A JSON string is a TOML string as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings_text(settings: Settings) -> str:
    """The file as `init` writes it."""
    return f"""\
# 收报文件夹的设置。改了就算数；环境变量 {PREFIX}…（如 {PREFIX}DUE）优先于这里。

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

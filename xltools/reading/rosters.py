"""A roster file → Roster.  .xlsx or .csv, heads in Chinese or English, every mistake with its cell, at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from xltools.errors import RosterError
from xltools.geometry import address
from xltools.reading import gate
from xltools.roster import CONSOLIDATED, KINDS, LEVELS, MOST_NAME, Roster, Unit
from xltools.words import clean, label_key

HEADS = {
    "name": ("name", "unit", "单位名称", "单位", "名称", "填报单位"),
    "code": ("code", "单位代码", "代码", "编码"),
    "kind": ("kind", "类别", "单位类别", "类型"),
    "level": ("level", "级别", "层级", "单位级别"),
    "parent": ("parent", "上级", "上级单位", "主管单位", "所属"),
    "contact": ("contact", "联系人", "填报人"),
    "phone": ("phone", "电话", "联系电话", "手机"),
    "due": ("due", "截止日期", "报送期限", "期限", "截止时间"),
}
LEVEL_WORDS = {**{name: name for name in LEVELS}, **{words: name for name, words in LEVELS.items()}, "镇级": "town",
               "乡镇级": "town", "区级": "county", "县": "county", "市": "city", "省": "province"}  # fmt: skip
MOST_ROWS, MOST_COLUMNS = 50_000, 60
_DAY = re.compile(  # 2024-01-31, 2024/1/31, 2024.1.31, 20240131, 2024年1月31日; a time of day is passed over
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[ T][0-9:]+)?|([0-9]{4})([0-9]{2})([0-9]{2})"
)


def read_roster(path: str | Path, *, may_be_empty: bool = False) -> Roster:
    """The units in a roster file, in its order.

    The first row that has a name column is the head; rows without a name are passed over.  A unit without
    a kind is a 乡镇街道; without a level it is a town if 乡镇街道, else a county.  A list that nobody has filled
    in yet is an error unless it `may_be_empty`.  Raises RosterError naming every
    wrong cell.
    """
    path = Path(path)
    rows = list(_rows(path))
    head_at, columns = _head(path, rows)
    units: list[Unit] = []
    cells: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows[head_at + 1 :], head_at + 2):
        said = {field: row[at].strip() if at < len(row) else "" for field, at in columns.items()}
        if not said.get("name"):
            if any(said.values()):
                problems.append(f"{address(number, columns['name'] + 1)} 没有单位名称")
            continue
        if len(said["name"]) > MOST_NAME:
            problems.append(f"{address(number, columns['name'] + 1)} 的单位名称超过 {MOST_NAME} 个字")
            continue
        kind = said.get("kind") or "乡镇街道"
        if kind not in (*KINDS, CONSOLIDATED):
            problems.append(
                f"{address(number, columns['kind'] + 1)} 的类别是“{kind}”，只能是：{'、'.join(KINDS)}"
            )
            continue
        level = LEVEL_WORDS.get(said.get("level") or ("town" if kind == "乡镇街道" else "county"))
        if level is None:
            words = "、".join(LEVELS.values())
            problems.append(
                f"{address(number, columns['level'] + 1)} 的级别是“{said['level']}”，只能是：{words}"
            )
            continue
        rest = {field: said.get(field, "") for field in ("code", "parent", "contact", "phone", "due")}
        try:
            rest["due"] = _iso_day(rest["due"])
        except ValueError:
            where = address(number, columns["due"] + 1)
            problems.append(f"{where} 的截止日期是“{rest['due']}”，应是日期，如 2022-01-31")
            continue
        unit = Unit(name=said["name"], kind=kind, level=level, order=len(units), **rest)
        if unit.key in seen:
            problems.append(
                f"第{number}行的“{unit.name}”与第{seen[unit.key]}行是同一个单位（代码或名称相同）"
            )
            continue
        seen[unit.key] = number
        units.append(unit)
        cells[unit.key] = dict(_said(rows[head_at], row))
    if not units and not problems and not may_be_empty:
        problems.append("里面一个单位也没有")
    if problems:
        raise RosterError(f"单位名单 {path.name}：" + "；".join(problems) + "。")
    return Roster(tuple(units), path.name, cells)


def _iso_day(text: str) -> str:
    """A day as people and spreadsheets write one, in the way that can be compared; "" for none.

    >>> [_iso_day(text) for text in ("2024/1/31", "2024年1月31日", "2024.01.31 0:00", "20240131", "")]
    ['2024-01-31', '2024-01-31', '2024-01-31', '2024-01-31', '']

    Raises ValueError for what is no day: of "1月31日" nobody could say which year is meant.
    """
    if not text:
        return ""
    said = _DAY.fullmatch(text)
    if said is None:
        raise ValueError(f"not a day: {text!r}")
    return date(*(int(part) for part in said.groups() if part)).isoformat()


def _said(heads: Sequence[str], row: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every cell of a row under its head, for choosing by any column; the first of two heads counts."""
    for at, head in reversed(list(enumerate(heads))):
        if head.strip():
            yield head.strip(), row[at].strip() if at < len(row) else ""


def _head(path: Path, rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    for at, row in enumerate(rows[:20]):
        keys = [label_key(cell).lower() for cell in row]
        columns = {
            field: next(number for number, key in enumerate(keys) if key in words)
            for field, words in HEADS.items()
            if any(key in words for key in keys)
        }
        if "name" in columns:
            return at, columns
    raise RosterError(
        f"单位名单 {path.name}：前 20 行里找不到“单位名称”这一列；列名可用：{'、'.join(HEADS['name'])}。"
    )


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        data = gate.read_bytes(path)
        if path.suffix.lower() == ".csv":
            yield from csv.reader(io.StringIO(_decoded(path, data), newline=""))
            return
        gate.admit(data)
    except gate.Refused as refused:
        raise RosterError(
            f"单位名单 {path.name}：{refused.refusal.sentence}{refused.refusal.remedy}"
        ) from None
    import openpyxl  # rosters only: checking filings does without it

    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
    for row in sheet.iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS, values_only=True):
        yield [_cell_text(path, value) for value in row]


def _cell_text(path: Path, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) >= 10**15:
        raise RosterError(
            f"单位名单 {path.name}：{value} 这样长的代码在数字格里会丢掉末几位，请把该列改成文本格式重新填写。"
        )
    if hasattr(value, "strftime"):
        return str(value)[:10]
    return clean(str(value))


def _decoded(path: Path, data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RosterError(f"单位名单 {path.name}：文字编码认不出来，请另存为 UTF-8 编码的 csv 或 .xlsx。")

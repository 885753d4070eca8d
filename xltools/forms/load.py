"""TOML → Form.  Every mistake in a form file is reported at once, with its key path and what is allowed.

The syntax is described in docs/forms.md.  Nothing here knows any particular form.
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from xltools.errors import FormError, FormErrors
from xltools.form import CoverField, Form, Item, Line, Sheet, Table, Text
from xltools.forms.extend import Toml, overlay, place
from xltools.forms.rules import RuleSource, build_rules
from xltools.roster import LEVELS

ID = re.compile(r"[a-z][a-z0-9_]*\Z")
RULE_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
RESERVED_IDS = {
    "sum",
    "last",
    "abs",
    "implies",
    "check",
    "xltools",
}  # words of the rule language, prefixes of names
LIKE_A_CELL = re.compile(
    r"([a-z]{1,3}[0-9]+|r[0-9]*c?[0-9]*|c[0-9]*)\Z"
)  # Excel would read the name as a place
MOST_GRID_COLUMNS = 60
RESERVED_SHEETS = {"封面", "校验", "填报说明", "_meta", "问题清单", "汇总", "history"}

# what may stand under each kind of key: name -> type; a star marks what must be there
SPECS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "form": {
        "id*": str, "edition*": str, "years*": list, "title*": str, "authority": str, "heading*": str,
        "caps": dict, "cover": list, "sheet*": list, "rule": list,
    },
    "cover": {"id*": str, "label*": str, "type*": str, "choices": list},
    "sheet": {
        "id*": str, "name*": str, "title*": str, "print": dict, "widths": dict, "text": list, "table": list,
    },
    "print": {"orientation*": str},
    "widths": {"labels": list, "data": (int, float)},
    "text": {"id*": str, "label*": str, "prompt": str, "optional": bool},
    "table": {
        "id*": str, "band": str, "corner": str, "unit": str, "supplement": bool, "columns*": list, "rows*": list,
        "rule": list,
    },
    "line": {
        "id*": str, "label*": list, "type": str, "unit": str, "places": int, "sum": (str, list), "cap": str,
        "rollup": str, "prefill": str,
    },
    "rule": {
        "id*": str, "that*": str, "each": str, "tables": list, "level*": str, "levels": list, "basis*": str,
    },
}  # fmt: skip
CHOICES = {
    ("cover", "type"): ("text", "date", "choice"),
    ("print", "orientation"): ("portrait", "landscape"),
    ("line", "type"): ("count", "signed", "money", "text"),
    ("line", "rollup"): ("sum", "derive", "confirm-sum", "list", "none"),
    ("rule", "level"): ("error", "query", "note"),
}
TYPE_WORDS = {str: "一段文字", list: "一个列表 […]", dict: "一组键值", bool: "true 或 false", int: "一个整数"}


class Problems:
    """Collects the mistakes of one file; a line number is added where an id stands on one line only."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.lines, self.found = file, text.splitlines(), list[FormError]()

    def __call__(self, key: str, problem: str) -> None:
        self.found.append(FormError(self.file, key, problem, self._line(key)))

    def adopt(self, error: FormError) -> None:
        self.found.append(FormError(self.file, error.key, error.problem, self._line(error.key)))

    def _line(self, key: str) -> int | None:
        for part in reversed(key.split(".")):
            pattern = re.compile(rf'\bid\s*=\s*"{re.escape(part)}"')
            at = [number for number, line in enumerate(self.lines, 1) if pattern.search(line)]
            if len(at) == 1:
                return at[0]
        return None

    def check(self, value: Any, kind: str, path: str) -> bool:
        """Whether a mapping has the keys and types of its kind; every deviation is reported."""
        if not isinstance(value, dict):
            self(path, "应是一组键值")
            return False
        spec = {name.rstrip("*"): kinds for name, kinds in SPECS[kind].items()}
        before = len(self.found)
        for key in value:
            if key not in spec:
                near = difflib.get_close_matches(key, spec, 1)
                hint = f"是不是 {near[0]}？" if near else ""
                self(f"{path}.{key}".lstrip("."), f"不认得这个键；{hint}可用的：{'、'.join(spec)}")
        for name in SPECS[kind]:
            key = name.rstrip("*")
            if key not in value:
                if name.endswith("*"):
                    self(path or key, f"缺少 {key}")
                continue
            found, kinds = value[key], spec[key]
            allowed = kinds if isinstance(kinds, tuple) else (kinds,)
            if not isinstance(found, allowed) or (isinstance(found, bool) and bool not in allowed):
                self(
                    f"{path}.{key}".lstrip("."),
                    f"应是{'或'.join(TYPE_WORDS.get(k, '一个数') for k in allowed)}",
                )
            elif (choices := CHOICES.get((kind, key))) and found not in choices:
                self(f"{path}.{key}", f"写的是‘{found}’；可用的：{'、'.join(choices)}")
        return len(self.found) == before


def load_form_file(path: Path) -> Form:
    """The form in a TOML file, `extends` resolved beside it.  Raises FormErrors with all that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormErrors([FormError(path.name, "", f"读不出来：{error}")]) from None
    problems = Problems(path.name, text)
    source = _read(path, text, problems, ())
    form = _Builder(problems).form(source) if source is not None else None
    if problems.found or form is None:
        raise FormErrors(problems.found)
    return form


def _read(path: Path, text: str, problems: Problems, seen: tuple[Path, ...]) -> Toml | None:
    try:
        source = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems("", f"（{path.name}）不是正确的 TOML：{error}")
        return None
    base: Toml = {}
    if (parent := source.pop("extends", None)) is not None:
        above = path.parent / f"{parent}.toml"
        if not isinstance(parent, str) or not above.is_file():
            names = "、".join(sorted(p.stem for p in path.parent.glob("*.toml") if p != path))
            problems("extends", f"同一文件夹里没有 {parent}.toml；可用的：{names}")
            return None
        if above.resolve() in seen or above.resolve() == path.resolve():
            problems("extends", f"{parent} 绕回到了自己")
            return None
        read = _read(above, above.read_text(encoding="utf-8"), problems, (*seen, path.resolve()))
        if read is None:
            return None
        base = read
    return overlay(base, source, problems)


class _Builder:
    """Builds the nouns from checked TOML; goes on after a mistake so that all of them are reported."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.rule_sources: list[RuleSource] = []

    def form(self, source: Toml) -> Form | None:
        if not self.problems.check(source, "form", ""):
            return None
        self._rule_id(source["id"], "id")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", source["edition"]):
            self.problems("edition", "只能用字母、数字、点、横线")
        years = source["years"]
        if not (1 <= len(years) <= 2 and all(type(y) is int and 1900 <= y <= 9999 for y in years)):
            self.problems("years", "应是 [起始年] 或 [起始年, 终止年]")
            years = [1900]
        for mark in ("{unit}", "{year}"):
            if mark not in source["heading"]:
                self.problems("heading", f"里面应有 {mark}")
        cover = tuple(self._cover(source.get("cover", [])))
        sheets = tuple(self._sheets(source["sheet"]))
        for rule in source.get("rule", []):
            self.rule_sources.append(RuleSource(f"rule.{_id_of(rule)}", rule, None))
        self._unique([sheet.id for sheet in sheets], "sheet")
        self._unique([text.id for sheet in sheets for text in sheet.texts], "sheet.text")
        self._unique([table.id for sheet in sheets for table in sheet.tables], "sheet.table")
        caps = self._caps(source.get("caps", {}))
        items = {
            item.id: item for sheet in sheets for table in sheet.tables for item in self._items(table, caps)
        }
        if self.problems.found:
            return None  # rules are judged on sound tables only: each cause once
        tables = {table.id: table for sheet in sheets for table in sheet.tables}
        rules, lines = build_rules(self.rule_sources, tables, items, self.problems)
        if self.problems.found:
            return None
        return Form(
            id=source["id"],
            edition=source["edition"],
            first_year=years[0],
            last_year=years[1] if len(years) == 2 else None,
            title=source["title"],
            authority=source.get("authority", ""),
            heading=source["heading"],
            caps=caps,
            cover=cover,
            sheets=sheets,
            rules=rules,
            rule_lines=lines,
            items=items,
        )

    # ---- ids

    def _id(self, name: object, path: str) -> None:
        if not isinstance(name, str) or not ID.match(name):
            self.problems(path, f"id ‘{name}’应以小写字母开头，只用小写字母、数字和下划线")
        elif name in RESERVED_IDS or keyword.iskeyword(name) or LIKE_A_CELL.match(name):
            self.problems(path, f"id ‘{name}’是保留的词或像单元格地址，请换一个")

    def _rule_id(self, name: object, path: str) -> None:
        if not isinstance(name, str) or not RULE_ID.match(name):
            self.problems(path, f"id ‘{name}’应以小写字母开头，只用小写字母、数字和横线")

    def _unique(self, ids: list[str], path: str) -> None:
        for name in sorted({one for one in ids if ids.count(one) > 1}):
            self.problems(f"{path}.{name}", "同一个 id 写了两次")

    # ---- parts

    def _cover(self, sources: list[Toml]) -> Iterator[CoverField]:
        for source in place(sources, self.problems, "cover"):
            path = f"cover.{_id_of(source)}"
            if not self.problems.check(source, "cover", path):
                continue
            self._id(source["id"], path)
            choices = tuple(source.get("choices", ()))
            if (source["type"] == "choice") != bool(choices) or not all(isinstance(c, str) for c in choices):
                self.problems(path, 'type = "choice" 时要有 choices（文字的列表），别的类型不要')
            yield CoverField(id=source["id"], label=source["label"], type=source["type"], choices=choices)

    def _sheets(self, sources: list[Toml]) -> Iterator[Sheet]:
        names: set[str] = set()
        for source in place(sources, self.problems, "sheet"):
            path = f"sheet.{_id_of(source)}"
            if not self.problems.check(source, "sheet", path):
                continue
            self._id(source["id"], path)
            name = source["name"]
            if (
                not 1 <= len(name) <= 31
                or re.search(r"[\[\]:*?/\\]|^'|'$", name)
                or name.lower() in RESERVED_SHEETS
            ):
                self.problems(
                    f"{path}.name", "工作表名应为1至31个字，不含 [ ] : * ? / \\，也不能用 xltools 自己的表名"
                )
            if name.lower() in names:
                self.problems(f"{path}.name", f"两张工作表都叫‘{name}’")
            names.add(name.lower())
            page, widths = source.get("print", {}), source.get("widths", {})
            self.problems.check(page or {"orientation": "portrait"}, "print", f"{path}.print")
            self.problems.check(widths, "widths", f"{path}.widths")
            texts = tuple(self._texts(source.get("text", []), path))
            tables = tuple(self._tables(source.get("table", []), path))
            if not texts and not tables:
                self.problems(path, "既没有 text 也没有 table")
            depth = max((len(row.label) for table in tables for row in table.rows), default=0)
            labels = tuple(widths.get("labels", [24.0] * depth))
            if not all(isinstance(w, int | float) and 0 < w <= 200 for w in labels):
                self.problems(f"{path}.widths.labels", "应是正数的列表（以正文字符宽为单位）")
            elif depth > len(labels):
                self.problems(f"{path}.widths.labels", f"行标签最多有{depth}级，这里只留了{len(labels)}列")
            grid = math.lcm(*(len(table.columns) for table in tables)) if tables else 1
            if grid > MOST_GRID_COLUMNS:
                self.problems(path, f"各表的列数公倍数是{grid}，超过{MOST_GRID_COLUMNS}；请分到几张工作表")
            yield Sheet(
                id=source["id"],
                name=name,
                title=source["title"],
                landscape=page.get("orientation") == "landscape",
                label_widths=labels,
                data_width=widths.get("data", 84 - sum(w for w in labels if isinstance(w, int | float))),
                texts=texts,
                tables=tables,
            )

    def _texts(self, sources: list[Toml], above: str) -> Iterator[Text]:
        for source in place(sources, self.problems, f"{above}.text"):
            path = f"{above}.text.{_id_of(source)}"
            if self.problems.check(source, "text", path):
                self._id(source["id"], path)
                yield Text(**source)

    def _tables(self, sources: list[Toml], above: str) -> Iterator[Table]:
        for source in place(sources, self.problems, f"{above}.table"):
            path = f"{above}.table.{_id_of(source)}"
            if not self.problems.check(source, "table", path):
                continue
            self._id(source["id"], path)
            for rule in source.get("rule", []):
                self.rule_sources.append(RuleSource(f"{path}.rule.{_id_of(rule)}", rule, source["id"]))
            yield Table(
                id=source["id"],
                rows=tuple(self._lines(source["rows"], f"{path}.rows")),
                columns=tuple(self._lines(source["columns"], f"{path}.columns")),
                band=source.get("band"),
                corner=source.get("corner", ""),
                unit=source.get("unit"),
                supplement=source.get("supplement", False),
            )

    def _lines(self, sources: list[Toml], above: str) -> list[Line]:
        lines: list[Line] = []
        for source in place(sources, self.problems, above):
            path = f"{above}.{_id_of(source)}"
            if not self.problems.check(source, "line", path):
                continue
            self._id(source["id"], path)
            label = tuple(source["label"])
            if not all(isinstance(part, str) and part.strip() for part in label):
                self.problems(f"{path}.label", '应是文字的列表，例如 ["申请人情况", "自然人"]')
                continue
            for other in lines:
                shorter = min(len(other.label), len(label))
                if other.label[:shorter] == label[:shorter]:
                    same = "与" if len(other.label) == len(label) else "与（一个是另一个的开头）"
                    self.problems(
                        f"{path}.label", f"{same} {other.id} 的标签相同：{'/'.join(label) or '（空）'}"
                    )
            fields = {key: value for key, value in source.items() if key not in ("label", "sum")}
            lines.append(Line(label=label, sum=self._sum(source, lines, above, path), **fields))
        if not lines:
            self.problems(above, "一行（列）也没有")
        ids = {line.id for line in lines}
        for line in lines:
            for part in line.sum:
                if part not in ids:
                    self.problems(
                        f"{above}.{line.id}.sum",
                        f"提到了不存在的‘{part}’；可用的：{'、'.join(ids - {line.id})}",
                    )
        self._no_circles({line.id: line.sum for line in lines}, above)
        return lines

    def _no_circles(self, sums: Mapping[str, tuple[str, ...]], above: str) -> None:
        """A total that adds itself up by way of others has no value."""
        settled: set[str] = set()
        while ready := {one for one, parts in sums.items() if one not in settled and settled.issuperset(
            part for part in parts if part in sums
        )}:  # fmt: skip
            settled |= ready
        if circle := [one for one in sums if one not in settled]:
            self.problems(f"{above}.{circle[0]}.sum", f"合计绕成了圈：{'、'.join(circle)}")

    def _sum(self, source: Toml, before: list[Line], above: str, path: str) -> tuple[str, ...]:
        """The lines a total adds up: a list as it stands, a range over the input lines declared before it."""
        wanted = source.get("sum", [])
        if isinstance(wanted, list):
            if source["id"] in wanted or len(set(map(str, wanted))) != len(wanted):
                self.problems(f"{path}.sum", "提到了自己，或同一行（列）写了两次")
                return ()
            return tuple(map(str, wanted))
        first, colon, last = wanted.partition(":")
        ids = [line.id for line in before]
        if not colon or first not in ids or last not in ids or ids.index(first) > ids.index(last):
            self.problems(
                f"{path}.sum", f"‘{wanted}’应是“起:止”，两端都在它前面，从前到后；可用的：{'、'.join(ids)}"
            )
            return ()
        part = before[ids.index(first) : ids.index(last) + 1]
        for line in part:
            if line.sum:
                self.problems(f"{path}.sum", f"范围里的‘{line.id}’本身是合计，会重复相加；请逐个列出")
        return tuple(line.id for line in part)

    def _caps(self, source: Toml) -> dict[str, dict[str, int]]:
        caps: dict[str, dict[str, int]] = {}
        for name, value in source.items():
            by_level: dict[str, Any] = value if isinstance(value, dict) else dict.fromkeys(LEVELS, value)
            if not set(by_level) <= set(LEVELS) or not all(
                type(v) is int and v > 0 for v in by_level.values()
            ):
                self.problems(f"caps.{name}", f"应是一个正整数，或按级别给出；级别：{'、'.join(LEVELS)}")
            else:
                caps[name] = by_level
        return caps

    def _items(self, table: Table, caps: Mapping[str, Any]) -> Iterator[Item]:
        for row in table.rows:
            for column in table.columns:
                where = f"table.{table.id}.{row.id}.{column.id}"
                settings: dict[str, Any] = {}
                for name in ("type", "unit", "places", "cap", "rollup", "prefill"):
                    one, two = getattr(row, name), getattr(column, name)
                    if one is not None and two is not None and one != two:
                        self.problems(where, f"行和列的 {name} 不一致：{one} 与 {two}")
                    settings[name] = two if one is None else one
                kind = settings["type"] or "count"
                unit = settings["unit"] or table.unit
                # where a total row and a total column cross, the column's sum is the one written: the row's equals it
                if column.sum:
                    parts = tuple(f"{table.id}.{row.id}.{part}" for part in column.sum)
                else:
                    parts = tuple(f"{table.id}.{part}.{column.id}" for part in row.sum)
                if kind == "text" and (parts or settings["places"] is not None):
                    self.problems(where, "文字格不能有 sum 或 places")
                if kind == "money" and settings["places"] is None:
                    self.problems(where, "金额要写 places（最多几位小数）")
                if settings["cap"] is not None and settings["cap"] not in caps:
                    self.problems(
                        where, f"cap 指的‘{settings['cap']}’不在 [caps] 里；可用的：{'、'.join(caps)}"
                    )
                default = "derive" if parts else "list" if kind == "text" else "sum"
                prefill = settings["prefill"] if not parts else None
                yield Item(
                    id=f"{table.id}.{row.id}.{column.id}",
                    table=table.id,
                    row=row.id,
                    column=column.id,
                    type=cast(Any, kind),
                    unit=unit,
                    places=settings["places"],
                    sum=parts,
                    rollup="derive" if parts else settings["rollup"] or cast(Any, default),
                    cap=settings["cap"],
                    prefill=self._prefill(prefill, table, row, column, where),
                    supplement=table.supplement,
                    row_label=row.label,
                    column_label=column.label,
                )

    def _prefill(self, name: str | None, table: Table, row: Line, column: Line, where: str) -> str | None:
        """`last.LINE` on a row names another row of the same table in last year's report; the same for columns."""
        if name is None:
            return None
        word, _, line = name.partition(".")
        rows, columns = {r.id for r in table.rows}, {c.id for c in table.columns}
        if word == "last" and row.prefill and line in rows:
            return f"{table.id}.{line}.{column.id}"
        if word == "last" and column.prefill and line in columns:
            return f"{table.id}.{row.id}.{line}"
        self.problems(where, f"prefill 写的是‘{name}’，应是 last.行（列）的 id")
        return None


def _id_of(source: object) -> str:
    return str(source.get("id", "?")) if isinstance(source, dict) else "?"

"""TOML → Form.  Every mistake in a form file is reported at once, with its place and what is allowed.

The steps: source.py reads, syntax.py looks at each file by itself, extend.py lays them over each other, and
here the result is understood; rules.py does so for the rules.  Nothing here knows any particular form.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xltools.errors import FormError, FormErrors
from xltools.expression import MAX_FORMULA
from xltools.form import CoverField, Form, Item, Line, Sheet, Table, Text
from xltools.forms.charts import build_charts
from xltools.forms.extend import overlay
from xltools.forms.figures import Figures
from xltools.forms.rules import RuleSource, build_rules
from xltools.forms.source import Toml, read_toml
from xltools.forms.statements import build_statements
from xltools.forms.sums import Sums
from xltools.forms.syntax import SPECS, Problems, Shaper, Spot, complete
from xltools.formulas import rule_formulas
from xltools.layout import lay_out
from xltools.roster import LEVELS
from xltools.words import label_key

__all__ = ["SPECS", "load_form_file", "read_form"]

MOST_GRID_COLUMNS = 60
LEAST_WIDTH = 8.0  # of a data column: narrower ones show ### for an ordinary figure
MOST_COLUMN_WIDTH = 255  # Excel's limit
PAGE_WIDTH = 84.0  # what is shared where a sheet says nothing of widths
LABEL_WIDTH = 24.0


def load_form_file(path: Path, shipped: Mapping[str, Path] | None = None) -> Form:
    """The form in a TOML file.  `shipped` are the forms that it may extend by their keys.

    Raises FormErrors with all that is wrong.
    """
    return read_form(path, shipped)[0]


def read_form(path: Path, shipped: Mapping[str, Path] | None = None) -> tuple[Form, tuple[Path, ...]]:
    """The form in a TOML file and the files it is made of.  Raises FormErrors."""
    problems = Problems(path.name)
    files: list[Path] = []
    source = _Reading(problems, shipped or {}, files).read(path, path.name)
    builder = _Builder(problems)
    form = builder.form(complete(source, "form", problems)) if source is not None else None
    if form is not None:
        _fit(form, {one.source["id"]: f"{one.path}.that" for one in builder.rule_sources}, problems)
    if problems.found or form is None:
        order = list(dict.fromkeys(error.file for error in problems.found))
        raise FormErrors(sorted(problems.found, key=lambda error: (order.index(error.file), error.line or 0)))
    return form, tuple(files)


def _fit(form: Form, keys: Mapping[str, str], problems: Problems) -> None:
    """What only shows when the workbook is worked out: a rule that makes too long a formula."""
    layout = lay_out(form)
    for row in layout.rules.values():
        key = keys[row.line.rule.id]
        if problems.under(key):
            continue  # the same on every line
        try:
            made = rule_formulas(layout, row)
        except FormError as error:
            problems(key, error.problem)
            continue
        longest = max(map(len, (made.left, made.right, made.difference, made.result)))
        if longest >= MAX_FORMULA:
            problems(key, f"写成公式有 {longest} 个字符，Excel 最多 {MAX_FORMULA} 个；请拆成几条")


class _Reading:
    """Reads a file and whatever it extends, and lays one over the other."""

    def __init__(self, problems: Problems, shipped: Mapping[str, Path], files: list[Path]) -> None:
        self.problems, self.shipped, self.files = problems, shipped, files

    def read(self, path: Path, file: str) -> Toml | None:
        """The whole tree; None where a file could not be read, which is then reported."""
        self.files.append(path.resolve())
        try:
            source, lines = read_toml(path, file)
        except FormError as error:
            self.problems.found.append(error)
            return None
        base: Toml | None = {}
        if "extends" in source:
            base = self.base(source["extends"], path, Spot(file, lines, ("extends",)))
        own = Shaper(self.problems, file, lines).node(source, "form")
        if base is None:
            return None
        if base and all(own.get(key, base.get(key)) == base.get(key) for key in ("id", "edition")):
            spot = Spot(file, lines, ("edition",) if "edition" in source else ("extends",))
            self.problems("edition", "extends 的报表要有自己的 edition，不能与原报表同名", spot)
        own.pop("extends", None)
        return overlay(base, own, self.problems)

    def base(self, name: object, path: Path, spot: Spot) -> Toml | None:
        """The tree that `extends` asks for: of a file beside this one, or of a shipped form."""
        if not isinstance(name, str):
            return None  # syntax.py says so
        beside = {one.stem: one for one in sorted(path.parent.glob("*.toml"))}
        known = {**self.shipped, **beside}
        above = known.get(name)
        if above is None:
            near = [key for key in known if key.endswith(f"/{name}")] or difflib.get_close_matches(
                name, known, 1
            )
            hint = f"是不是 {near[0]}？" if near else ""
            places = (("同一文件夹里有", beside), ("随 xltools 附带的有", self.shipped))
            there = "；".join(f"{words}：{'、'.join(names)}" for words, names in places if names)
            self.problems("extends", f"找不到‘{name}’；{hint}{there}", spot)
            return None
        if above.resolve() in self.files:
            self.problems("extends", f"‘{name}’绕回到了自己", spot)
            return None
        return self.read(
            above, above.name if above.parent == path.parent else f"{above.parent.name}/{above.name}"
        )


class _Builder:
    """Builds the nouns from complete TOML; goes on after a mistake so that all of them are reported."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.rule_sources: list[RuleSource] = []

    def form(self, source: Toml) -> Form | None:
        problems = self.problems
        for mark in ("{unit}", "{year}"):
            if mark not in source["heading"] and not problems.under("heading"):
                problems("heading", f"里面应有 {mark}")
        caps = {
            name: cap if isinstance(cap, dict) else dict.fromkeys(LEVELS, cap)
            for name, cap in source.get("caps", {}).items()
        }
        cover = tuple(self.cover(one) for one in source.get("cover", []))
        items: dict[str, Item] = {}
        sheets = tuple(self.sheet(one, caps, items) for one in source["sheet"])
        if not sheets and not problems.under("sheet"):
            problems("sheet", "一张工作表也没有")
        for part, ids in (
            ("text", [(sheet.id, text.id) for sheet in sheets for text in sheet.texts]),
            ("table", [(sheet.id, table.id) for sheet in sheets for table in sheet.tables]),
        ):
            self.unique(part, ids)
        self.unique_names(sheets)
        self.rule_sources += [RuleSource(f"rule.{one['id']}", one, None) for one in source.get("rule", [])]
        tables = {table.id: table for sheet in sheets for table in sheet.tables}
        rules, lines = build_rules(self.rule_sources, tables, items, problems)
        statements = build_statements(
            source.get("statement", []),
            {text.id for sheet in sheets for text in sheet.texts},
            items,
            rules,
            problems,
        )
        charts = build_charts(source.get("chart", []), tables, items, problems)
        if problems.found:
            return None
        years = source["years"]
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
            statements=statements,
            items=items,
            charts=charts,
        )

    def unique(self, part: str, ids: Sequence[tuple[str, str]]) -> None:
        """Texts and tables are known by id all over the form, not only in their sheet."""
        homes: dict[str, str] = {}
        for sheet, name in ids:
            if homes.setdefault(name, sheet) != sheet:
                self.problems(f"sheet.{sheet}.{part}.{name}", f"这个 id 在工作表 {homes[name]} 里已用过")

    def unique_names(self, sheets: Iterable[Sheet]) -> None:
        homes: dict[str, str] = {}
        for sheet in sheets:
            if homes.setdefault(sheet.name.lower(), sheet.id) != sheet.id:
                self.problems(
                    f"sheet.{sheet.id}.name", f"与工作表 {homes[sheet.name.lower()]} 同名：{sheet.name}"
                )

    # ---- parts

    def cover(self, source: Toml) -> CoverField:
        path, choices = f"cover.{source['id']}", tuple(source.get("choices", ()))
        if (source["type"] == "choice") != bool(choices) and not self.problems.under(path):
            self.problems(path, 'type = "choice" 的要有 choices，别的类型不要')
        return CoverField(id=source["id"], label=source["label"], type=source["type"], choices=choices)

    def sheet(self, source: Toml, caps: Mapping[str, Any], items: dict[str, Item]) -> Sheet:
        path = f"sheet.{source['id']}"
        texts = tuple(
            Text(**{key: one[key] for key in ("id", "label", "prompt", "optional") if key in one})
            for one in source.get("text", [])
        )
        tables = tuple(
            self.table(one, f"{path}.table.{one['id']}", caps, items) for one in source.get("table", [])
        )
        if not texts and not tables and not self.problems.under(path):
            self.problems(path, "既没有 text 也没有 table")
        widths = source.get("widths", {})
        depth = max((len(row.label) for table in tables for row in table.rows), default=0)
        labels = tuple(widths.get("labels", [LABEL_WIDTH] * depth))
        if depth > len(labels):
            self.problems(f"{path}.widths.labels", f"行标签最多有{depth}级，这里只留了{len(labels)}列")
        for table in tables:
            if table.corner and not (labels and any(column.label for column in table.columns)):
                self.problems(f"{path}.table.{table.id}.corner", "没有放它的格：要既有行标签列，又有列标签")
        return Sheet(
            id=source["id"],
            name=source["name"],
            title=source["title"],
            landscape=source.get("print", {}).get("orientation") == "landscape",
            label_widths=labels,
            data_width=self.data_width(widths, labels, tables, path),
            texts=texts,
            tables=tables,
        )

    def data_width(
        self, widths: Toml, labels: tuple[float, ...], tables: tuple[Table, ...], path: str
    ) -> float:
        columns = [len(table.columns) for table in tables if table.columns] or [1]
        grid, most = math.lcm(*columns), max(columns)
        if grid > MOST_GRID_COLUMNS:
            self.problems(path, f"各表列数的公倍数是{grid}，超过{MOST_GRID_COLUMNS}；请分到几张工作表")
        least = LEAST_WIDTH * most
        given: float = widths.get("data", max(PAGE_WIDTH - sum(labels), least))
        where = f"{path}.widths.data"
        if given < least:
            self.problems(
                where, f"写的是 {given:g}，分给{most}列，每列不到 {LEAST_WIDTH:g} 个字符宽；至少 {least:g}"
            )
        if max(given / grid, *labels, 0) > MOST_COLUMN_WIDTH:
            self.problems(where, f"有一列宽过 {MOST_COLUMN_WIDTH} 个字符")
        return given

    def table(self, source: Toml, path: str, caps: Mapping[str, Any], items: dict[str, Item]) -> Table:
        for rule in source.get("rule", []):
            self.rule_sources.append(RuleSource(f"{path}.rule.{rule['id']}", rule, source["id"]))
        table = Table(
            id=source["id"],
            rows=tuple(self.lines(source["rows"], f"{path}.rows")),
            columns=tuple(self.lines(source["columns"], f"{path}.columns")),
            band=source.get("band") or None,
            corner=source.get("corner", ""),
            unit=source.get("unit") or None,
            supplement=source.get("supplement", False),
        )
        if not self.problems.under(path):  # figures are judged on sound lines only: each cause once
            items.update((item.id, item) for item in Figures(table, path, caps, self.problems).items())
        return table

    def lines(self, sources: Sequence[Toml], above: str) -> Iterator[Line]:
        if not sources and not self.problems.under(above):
            self.problems(above, "一行（列）也没有")
        sums = Sums(sources, above, self.problems)
        labels: dict[tuple[str, ...], str] = {}
        for source in sources:
            label = tuple(source["label"])
            self.label_is_free(label, labels, f"{above}.{source['id']}.label", alone=len(sources) == 1)
            own = {key: source.get(key) for key in ("type", "places", "cap", "rollup", "prefill")}
            yield Line(
                id=source["id"],
                label=label,
                sum=sums.of(source["id"]),
                unit=source.get("unit") or None,
                **own,
            )
            if label:
                labels.setdefault(tuple(map(label_key, label)), source["id"])

    def label_is_free(
        self, label: tuple[str, ...], labels: Mapping[tuple[str, ...], str], path: str, *, alone: bool
    ) -> None:
        """A label that equals another, or is the beginning of one, would have no cell of its own."""
        if not label and not alone:
            self.problems(path, "是 []；只有一行（列）的表才可以没有标签")
        key = tuple(map(label_key, label))
        for other, name in labels.items():
            shorter = min(len(other), len(key))
            if label and other[:shorter] == key[:shorter]:
                how = "的标签相同" if len(other) == len(key) else "的标签一个是另一个的开头"
                self.problems(path, f"与 {name} {how}：{'／'.join(label)}")
                return

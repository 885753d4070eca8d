"""Charts of a form file: which merged figures a roll-up shows as pictures, and by what."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from xltools.form import Chart, ChartPart, Item, Line, Table
from xltools.forms.source import Toml
from xltools.forms.syntax import Problems

MOST_PARTS = 8  # colours that can still be told apart


def build_charts(
    sources: Sequence[Toml], tables: Mapping[str, Table], items: Mapping[str, Item], problems: Problems
) -> tuple[Chart, ...]:
    """Every chart in declared order.  Mistakes go to `problems`, each cause once."""
    is_sound = not problems.found  # otherwise what is not there may only have been left out
    return tuple(_Chart(source, tables, items, problems, is_sound).build() for source in sources)


class _Chart:
    def __init__(
        self,
        source: Toml,
        tables: Mapping[str, Table],
        items: Mapping[str, Item],
        problems: Problems,
        is_sound: bool,
    ) -> None:
        self.source, self.tables, self.items = source, tables, items
        self.problems, self.is_sound = problems, is_sound
        self.path = f"chart.{source['id']}"
        self.first = next((name for one in source["parts"] for name in one["items"]), "")
        self.by_column = source.get("by") == "column" and source["type"] == "shares"

    def build(self) -> Chart:
        kind, parts = self.source["type"], self.source["parts"]
        self.check_keys(kind)
        if not parts and not self.problems.under(f"{self.path}.parts"):
            self.problems(f"{self.path}.parts", "一项也没有")
        if len(parts) > MOST_PARTS:
            self.problems(
                f"{self.path}.parts", f"有 {len(parts)} 项，最多 {MOST_PARTS} 项，再多颜色就分不清了"
            )
        bars = tuple(self.source.get("bars", ()))
        if self.by_column:
            bars = tuple(column.label[-1] if column.label else "" for column in self.columns())
        made = tuple(
            ChartPart(label=one["label"], items=tuple(self.groups(kind, one, len(bars)))) for one in parts
        )
        named = [name for part in made for group in part.items for name in group if name in self.items]
        units = sorted({self.items[name].unit or "" for name in named})
        if len(units) > 1:
            words = "、".join(unit or "没有单位" for unit in units)
            self.problems(f"{self.path}.parts", f"一张图里的各项单位要相同，这里有：{words}")
        return Chart(
            id=self.source["id"],
            title=self.source["title"],
            type=kind,
            bars=bars,
            parts=made,
            unit=units[0] or None if units else None,
        )

    def check_keys(self, kind: str) -> None:
        if "by" in self.source and kind != "shares":
            self.problems(f"{self.path}.by", '只用于 type = "shares"')
        if kind == "parts" and "bars" not in self.source:
            self.problems(f"{self.path}.bars", 'type = "parts" 的要有 bars（各组柱子的名称）')
        if kind != "parts" and "bars" in self.source:
            self.problems(f"{self.path}.bars", '只用于 type = "parts"')

    def columns(self) -> tuple[Line, ...]:
        """The columns of the table that the first row named belongs to."""
        table = self.tables.get(self.first.partition(".")[0])
        return table.columns if table else ()

    def groups(self, kind: str, part: Toml, bars: int) -> Iterator[tuple[str, ...]]:
        """The figures behind each bar of one part."""
        names, where = part["items"], f"{self.path}.parts.{part['id']}.items"
        if self.by_column:
            columns = self.columns()
            if len({name.partition(".")[0] for name in (self.first, *names)}) > 1:
                self.problems(where, 'by = "column" 的各项要在同一张表里')
            else:
                self.check([f"{name}.{column.id}" for name in names for column in columns] or names, where)
            yield from (tuple(f"{name}.{column.id}" for name in names) for column in columns)
        elif kind == "parts":
            if bars and len(names) != bars:
                self.problems(where, f"有 {len(names)} 个，bars 有 {bars} 个，要一一对应")
            self.check(names, where)
            yield from ((name,) for name in names)
        else:
            self.check(names, where)
            yield tuple(names)

    def check(self, names: Sequence[str], where: str) -> None:
        """Every name is a number that is merged, once."""
        for at, name in enumerate(names):
            item = self.items.get(name)
            if item is None:
                if self.is_sound:
                    near = difflib.get_close_matches(name, self.items, 1)
                    self.problems(where, f"提到了不存在的‘{name}’{f'；是不是 {near[0]}？' if near else ''}")
                    return
            elif item.type == "text" or item.rollup == "none":
                self.problems(where, f"‘{name}’汇总时不相加，画不成图")
                return
            elif name in names[:at]:
                self.problems(where, f"‘{name}’写了两次")
                return

"""The figures of a table: what its rows and columns say of each of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xltools.form import Item, Line, Table
from xltools.forms.syntax import MOST_PLACES, Problems, shown

SETTINGS = ("type", "unit", "places", "cap", "rollup")  # what a row or a column may say of its figures
OF_INPUTS = {"places", "cap", "rollup"}  # a total has no say in these
ROLLUPS: Mapping[str, tuple[str, ...]] = {
    "text": ("list", "none")
}  # by type, the default first; of all others:
NUMBER_ROLLUPS = ("sum", "confirm-sum", "none")


class Figures:
    """The figures of one table: a row and a column each say part of what is asked where they cross.

    A text is a text whatever the other line says, also where it crosses a total; so a 备注 column may stand in
    any table.  A total is what its parts are.
    """

    def __init__(self, table: Table, path: str, caps: Mapping[str, Any], problems: Problems) -> None:
        self.table, self.path, self.caps, self.problems = table, path, caps, problems
        self.made: dict[tuple[str, str], Item] = {}
        self.rows = {row.id: row for row in table.rows}
        self.columns = {column.id: column for column in table.columns}
        self.said: set[tuple[str, str]] = set()

    def say(self, line: Line, key: str, problem: str) -> None:
        """A mistake of a line, once however many figures it is seen in."""
        part = "columns" if self.columns.get(line.id) is line else "rows"
        where = f"{self.path}.{part}.{line.id}.{key}"
        if (where, key) not in self.said:
            self.said.add((where, key))
            self.problems(where, problem)

    def items(self) -> Iterator[Item]:
        for line in (*self.table.rows, *self.table.columns):
            self.check_line(line)
        for row in self.table.rows:
            for column in self.table.columns:
                yield self.item(row, column)

    def check_line(self, line: Line) -> None:
        if line.cap is not None and line.cap not in self.caps and not self.problems.under("caps"):
            self.say(line, "cap", f"指的‘{line.cap}’不在 [caps] 里；可用的：{'、'.join(self.caps) or '没有'}")
        if line.type == "text":
            for key in ("sum", "unit", "places", "cap", "prefill"):
                if getattr(line, key) not in (None, ()):
                    self.say(line, key, "文字格不用这个键")
        elif line.places is not None and line.type not in (None, "money"):
            self.say(line, "places", '只用于 type = "money"')
        if line.rollup == "derive" and not line.sum:
            self.say(line, "rollup", "derive 只用于有 sum 的；可用的：sum、confirm-sum、list、none")

    def item(self, row: Line, column: Line) -> Item:
        key = (row.id, column.id)
        if key not in self.made:
            self.made[key] = self.make(row, column)
        return self.made[key]

    def make(self, row: Line, column: Line) -> Item:
        texts = [line for line in (column, row) if line.type == "text"]
        parts = [] if texts else self.parts(row, column)
        said = {name: self.agreed(name, texts or [column, row], bool(parts)) for name in SETTINGS}
        if parts:
            self.derive(said, parts, column if column.sum else row)
        else:
            self.settle(said, column, row)
        return Item(
            id=f"{self.table.id}.{row.id}.{column.id}",
            table=self.table.id,
            row=row.id,
            column=column.id,
            sum=tuple(part.id for part in parts),
            prefill=None if parts or texts else self.prefill(row, column),
            supplement=self.table.supplement,
            row_label=row.label,
            column_label=column.label,
            **said,
        )

    def parts(self, row: Line, column: Line) -> list[Item]:
        """What a total adds up.  Where a total row and a total column cross, both say the same; the column's is taken."""
        if column.sum:
            return [self.item(row, self.columns[part]) for part in column.sum]
        return [self.item(self.rows[part], column) for part in row.sum]

    def agreed(self, name: str, lines: Sequence[Line], is_total: bool) -> Any:
        given = [(line, getattr(line, name)) for line in lines if getattr(line, name) is not None]
        if len({value for _, value in given}) == 2 and not (is_total and name in OF_INPUTS):
            (column, one), (row, two) = given
            self.say(row, name, f"是 {two}，它与列 {column.id} 相交，那里是 {one}；两者要一致，或只写一处")
        return given[0][1] if given else None

    def settle(self, said: dict[str, Any], column: Line, row: Line) -> None:
        """An input: what was left open takes its default."""
        kind = said["type"] = said["type"] or "count"
        if kind != "text":
            said["unit"] = said["unit"] or self.table.unit
        if kind == "money" and said["places"] is None:
            line = next(line for line in (column, row) if line.type == kind)
            self.say(line, "places", f"金额要写 places（最多几位小数，0 至 {MOST_PLACES}）")
        if kind != "money" and said["places"] is not None:
            line = next(line for line in (column, row) if line.places is not None)
            self.say(line, "places", '只用于 type = "money"')
        allowed = ROLLUPS.get(kind, NUMBER_ROLLUPS)
        if said["rollup"] in (None, "derive"):
            said["rollup"] = allowed[0]
        elif said["rollup"] not in allowed:
            line = next(line for line in (column, row) if line.rollup == said["rollup"])
            self.say(line, "rollup", f"是 {said['rollup']}；{kind} 的可用：{'、'.join(allowed)}")

    def derive(self, said: dict[str, Any], parts: Sequence[Item], total: Line) -> None:
        """A total is of its parts' type, and of their unit unless it says otherwise."""
        for part in parts:
            name = part.column if total is self.columns.get(total.id) else part.row
            if part.type == "text":
                self.say(total, "sum", f"里的 {name} 是文字，不能相加")
                return
            if part.rollup == "none":
                self.say(total, "sum", f'里的 {name} 有 rollup = "none" 的格，汇总时不相加，合计就算不出')
        kinds = {part.type for part in parts}
        kind = next(one for one in ("money", "signed", "count") if one in kinds)
        if said["type"] not in (None, kind):
            self.say(total, "type", f"应是 {kind}，与相加的各项一致；可以不写")
        units = sorted({part.unit or "" for part in parts})
        if said["unit"] is None and len(units) > 1:
            words = "、".join(unit or "没有单位" for unit in units)
            self.say(total, "unit", f"相加的各项单位不同（{words}），请写明合计的单位")
        places = max((part.places for part in parts if part.places is not None), default=None)
        said |= {"type": kind, "places": places, "rollup": "derive", "unit": said["unit"] or parts[0].unit}

    def prefill(self, row: Line, column: Line) -> str | None:
        """`last.LINE` on a row names a row of the same table in last year's report; likewise on a column."""
        for line, lines in ((row, self.rows), (column, self.columns)):
            if line.prefill is None:
                continue
            word, _, name = line.prefill.partition(".")
            if word != "last" or name not in lines or lines[name].type == "text":
                self.say(
                    line, "prefill", f"写的是{shown(line.prefill)}，应是 last. 加一个 id：{'、'.join(lines)}"
                )
                return None
            return ".".join(
                (self.table.id, name, column.id) if line is row else (self.table.id, row.id, name)
            )
        return None

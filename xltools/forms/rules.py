"""Rules of a form file: parsed, bound to items, laid out line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

from xltools.errors import FormError
from xltools.expression import Expression, Name, Ref, parse
from xltools.form import Item, Line, Rule, RuleLine, Table
from xltools.forms.source import Toml
from xltools.forms.syntax import Problems, shown


class RuleSource(NamedTuple):
    """A rule as it stands in the file; `table` is the one it is written in, None at form level."""

    path: str
    source: Toml
    table: str | None


def build_rules(
    sources: list[RuleSource], tables: Mapping[str, Table], items: Mapping[str, Item], problems: Problems
) -> tuple[tuple[Rule, ...], tuple[RuleLine, ...]]:
    """Every rule and every rule line, in declared order.  Mistakes go to `problems`.

    Names are looked up only where all else in the form is in order, so that each cause is said once.
    """
    is_sound = not problems.found
    rules: dict[str, Rule] = {}
    lines: dict[str, RuleLine] = {}
    for one in sources:
        rule = _rule(one, tables if is_sound else None, problems)
        if rule is None:
            continue
        if rule.id in rules:
            problems(f"{one.path}.id", f"规则 id ‘{rule.id}’已用过；规则的 id 在整张报表里不能重复")
            continue
        rules[rule.id] = rule
        if is_sound:
            _run(rule, one.path, tables, items, lines, problems)
    return tuple(rules.values()), tuple(lines.values())


def _run(
    rule: Rule,
    path: str,
    tables: Mapping[str, Table],
    items: Mapping[str, Item],
    lines: dict[str, RuleLine],
    problems: Problems,
) -> None:
    """The lines of one rule.  The same mistake on every line is one mistake."""
    places = _places(rule, tables)
    if not places:
        problems(path, "一行（列）也用不上：这里只有合计和文字")
    for table, line in places:
        try:
            made = _rule_line(rule, table, line, tables, items, problems.file, path)
        except FormError as error:
            problems(error.key, error.problem)
            return
        if not made.bound.refs:
            problems(f"{path}.that", "一个指标也没有提到")
            return
        if made.id in lines:
            problems(path, f"两张表都有‘{line.id if line else ''}’，规则行分不开；请写成两条规则")
            return
        lines[made.id] = made


def _rule(one: RuleSource, tables: Mapping[str, Table] | None, problems: Problems) -> Rule | None:
    """The rule by itself; names of tables are looked up in `tables`, if it is given."""
    source, path = one.source, one.path
    before = len(problems.found)
    each, names = source.get("each"), list(source.get("tables", ()))
    if one.table is not None:
        if names:
            problems(f"{path}.tables", "写在表里的规则不用 tables")
        names = [one.table]
    elif each is not None and "." in each:
        table, _, each = each.partition(".")
        if names:
            problems(f"{path}.tables", "each 里已写了表，不用再写 tables")
        names = [table]
    elif (each is None) != (not names) and not problems.under(path):
        problems(path, 'each = "row" 或 "column" 要同时写 tables；没有 each 就不写 tables')
    if each not in (None, "row", "column"):
        allowed = (
            "row、column" if one.table is not None else "row、column（同时写 tables）、表.row、表.column"
        )
        problems(f"{path}.each", f"写的是{shown(source['each'])}；可用的：{allowed}")
    if len(set(names)) < len(names):
        problems(f"{path}.tables", "同一张表写了两次")
    for name in names if tables is not None else ():
        if tables is not None and name not in tables:
            problems(f"{path}.{'each' if 'tables' not in source else 'tables'}",
                     f"提到了不存在的表{shown(name)}；可用的：{'、'.join(tables)}")  # fmt: skip
    expression: Expression | None = None
    try:
        expression = parse(source["that"], file=problems.file, key=f"{path}.that")
    except FormError as error:
        problems(error.key, error.problem)
    if expression is None or len(problems.found) > before or problems.under(path):
        return None
    return Rule(
        id=source["id"],
        that=expression,
        each=cast(Literal["row", "column"] | None, each),
        tables=tuple(names),
        level=source["level"],
        levels=tuple(source.get("levels", ())),
        basis=source["basis"],
    )


def _places(rule: Rule, tables: Mapping[str, Table]) -> list[tuple[Table | None, Line | None]]:
    """Where a rule runs: along input lines of numbers; what follows for derived lines is not said twice."""
    if rule.each is None:
        return [(tables[rule.tables[0]] if rule.tables else None, None)]
    return [
        (tables[name], line)
        for name in rule.tables
        for line in (tables[name].rows if rule.each == "row" else tables[name].columns)
        if not line.sum and line.type != "text"
    ]


def _rule_line(
    rule: Rule,
    table: Table | None,
    line: Line | None,
    tables: Mapping[str, Table],
    items: Mapping[str, Item],
    file: str,
    path: str,
) -> RuleLine:
    def item_id(name: Name) -> str:
        """table.row.column in full, or what the line and the table leave to be said."""
        parts = name.parts
        if len(parts) == 3:
            return ".".join(parts)
        home = parts[0] if len(parts) == 2 and line is not None else table.id if table else ""
        rest = parts[1:] if len(parts) == 2 and line is not None else parts
        if line is not None and len(rest) == 1:
            pair = (line.id, rest[0]) if rule.each == "row" else (rest[0], line.id)
            return ".".join((home, *pair))
        return ".".join((home, *rest))

    def bind(name: Name) -> Ref:
        found = item_id(name)
        if found not in items:
            written = ".".join(name.parts)
            raise FormError(
                file, f"{path}.that", f"提到了不存在的‘{written}’；可用的：{_available(rule, table, tables)}"
            )
        if items[found].type == "text":
            raise FormError(file, f"{path}.that", f"‘{'.'.join(name.parts)}’是文字，不能计算")
        return Ref(found, name.last)

    def span(first: Name, last: Name) -> tuple[Ref, ...]:
        ends = [bind(first).item.split("."), bind(last).item.split(".")]
        vary = [i for i in (0, 1, 2) if ends[0][i] != ends[1][i]]
        if len(vary) > 1 or vary == [0] or first.last != last.last:
            raise FormError(file, f"{path}.that", "sum[起:止] 的两端应在同一行或同一列")
        home = tables[ends[0][0]]
        along = vary[0] if vary else 1
        order = list(home.rows if along == 1 else home.columns)
        ids = [one.id for one in order]
        low, high = ids.index(ends[0][along]), ids.index(ends[1][along])
        if low > high:
            raise FormError(file, f"{path}.that", "sum[起:止] 应从前到后")
        for one in order[low : high + 1]:
            if one.sum:
                raise FormError(file, f"{path}.that", f"sum 的范围里‘{one.id}’本身是合计，会重复相加")
        made = []
        for line_id in ids[low : high + 1]:
            place = list(ends[0])
            place[along] = line_id
            made.append(Ref(".".join(place), first.last))
        return tuple(made)

    bound = rule.that.bind(bind, span)
    leaves: dict[Ref, None] = {}
    for ref in bound.refs:
        if ref.last:
            leaves[ref] = None
        else:
            leaves.update(dict.fromkeys(Ref(leaf, False) for leaf in _leaves(ref.item, items)))
    return RuleLine(
        id=f"{rule.id}.{line.id}" if line else rule.id,
        rule=rule,
        bound=bound,
        table=table.id if table else None,
        line=line,
        leaves=tuple(leaves),
    )


def _leaves(item_id: str, items: Mapping[str, Item]) -> list[str]:
    parts = items[item_id].sum
    return [leaf for part in parts for leaf in _leaves(part, items)] if parts else [item_id]


def _available(rule: Rule, table: Table | None, tables: Mapping[str, Table]) -> str:
    if table is None:
        return "、".join(f"{name}.行.列" for name in tables)
    if rule.each is None:
        return (
            "行.列，行有 "
            + "、".join(r.id for r in table.rows)
            + "；列有 "
            + "、".join(c.id for c in table.columns)
        )
    return "、".join(one.id for one in (table.rows if rule.each == "column" else table.columns))

"""Statements of a form file: how texts put figures into words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from xltools.errors import FormError
from xltools.form import Item, Rule, Statement
from xltools.forms.source import Toml
from xltools.forms.syntax import Problems
from xltools.phrase import Phrase, Wording, parse_phrase


def build_statements(
    sources: Sequence[Toml],
    texts: Collection[str],
    items: Mapping[str, Item],
    rules: Iterable[Rule],
    problems: Problems,
) -> tuple[Statement, ...]:
    """Every statement in declared order.  Mistakes go to `problems`, each cause once."""
    is_sound = not problems.found  # otherwise what is not there may only have been left out
    taken = {rule.id for rule in rules}
    made: dict[str, Statement] = {}
    for source in sources:
        made[source["id"]] = _statement(source, texts, items, taken, made, problems, is_sound)
    return tuple(made.values())


def _statement(
    source: Toml,
    texts: Collection[str],
    items: Mapping[str, Item],
    taken: Collection[str],
    earlier: Mapping[str, Statement],
    problems: Problems,
    is_sound: bool,
) -> Statement:
    path = f"statement.{source['id']}"
    if source["id"] in taken:
        problems(f"{path}.id", "与一条规则同名，请换一个")
    if is_sound:
        for name in source["texts"]:
            if name not in texts:
                problems(
                    f"{path}.texts", f"提到了不存在的‘{name}’；可用的：{'、'.join(sorted(texts)) or '没有'}"
                )
        _check_items(source, items, path, problems)
    return Statement(
        id=source["id"],
        texts=tuple(source["texts"]),
        words=tuple(_phrases(source["words"], f"{path}.words", problems)) if not problems.under(path) else (),
        items=tuple(source["items"]),
        plus=tuple(source.get("plus", ())),
        wording=_wording(source, earlier, f"{path}.like", problems),
    )


def _wording(source: Toml, earlier: Mapping[str, Statement], path: str, problems: Problems) -> Wording:
    """A statement's own words, and those of the one that it is `like`."""
    base = Wording()
    if "like" in source and source["like"] in earlier:
        base = earlier[source["like"]].wording
    elif "like" in source:
        problems(path, f"前面没有‘{source['like']}’；可用的：{'、'.join(earlier) or '没有'}")
    return Wording(
        beside=base.beside + tuple(source.get("beside", ())),
        behind=base.behind + tuple(source.get("behind", ())),
        about=base.about + tuple(source.get("about", ())),
        but=base.but + tuple(source.get("but", ())),
    )


def _check_items(source: Toml, items: Mapping[str, Item], path: str, problems: Problems) -> None:
    named: list[str] = []
    for key in ("items", "plus"):
        for name in source.get(key, ()):
            where = f"{path}.{key}"
            if name not in items:
                near = difflib.get_close_matches(name, items, 1)
                problems(where, f"提到了不存在的‘{name}’{f'；是不是 {near[0]}？' if near else ''}")
            elif items[name].type == "text":
                problems(where, f"‘{name}’是文字，不是数")
            elif name in named:
                problems(where, f"‘{name}’写了两次")
            named.append(name)
    units = {items[name].unit or "" for name in named if name in items and items[name].type != "text"}
    if len(units) > 1:
        problems(f"{path}.items", f"相加的各项单位不同：{'、'.join(sorted(units))}")


def _phrases(texts: Sequence[str], path: str, problems: Problems) -> Iterator[Phrase]:
    for text in texts:
        try:
            yield parse_phrase(text, key=path)
        except FormError as error:
            problems(path, error.problem)

"""Which lines a total adds up, as a form file says it: a list of ids, or a range from the first to the last."""

from __future__ import annotations

from collections.abc import Sequence

from xltools.forms.source import Toml
from xltools.forms.syntax import Problems, shown


class Sums:
    """Which lines each total of a list adds up."""

    def __init__(self, sources: Sequence[Toml], above: str, problems: Problems) -> None:
        self.above, self.problems = above, problems
        self.ids = [source["id"] for source in sources]
        self.sums: dict[str, tuple[str, ...]] = {}
        wanted = {source["id"]: source.get("sum", []) for source in sources}
        totals = {name for name, sum in wanted.items() if sum}
        for name, sum in wanted.items():
            self.sums[name] = tuple(sum) if isinstance(sum, list) else self.range(name, sum, totals)
        for name, parts in self.sums.items():
            self.check(name, parts)
        if not problems.under(above):
            self.no_circles()
            self.nothing_twice()

    def of(self, name: str) -> tuple[str, ...]:
        return self.sums[name]

    def say(self, name: str, problem: str) -> None:
        self.problems(f"{self.above}.{name}.sum", problem)

    def others(self, name: str) -> str:
        return "、".join(one for one in self.ids if one != name) or "没有"

    def range(self, name: str, wanted: str, totals: set[str]) -> tuple[str, ...]:
        first, _, last = wanted.partition(":")
        if strange := [end for end in (first, last) if end not in self.ids]:
            if self.above not in self.problems.lost:
                self.say(name, f"提到了不存在的‘{strange[0]}’；可用的：{self.others(name)}")
            return ()
        low, high = self.ids.index(first), self.ids.index(last)
        if low > high:
            self.say(name, f"‘{wanted}’应从前到后")
        part = self.ids[low : high + 1]
        for one in part:
            if one in totals:
                why = (
                    "范围里有它自己" if one == name else f"范围里的‘{one}’本身是合计，会重复相加；请逐个列出"
                )
                self.say(name, why)
                return ()
        return tuple(part)

    def check(self, name: str, parts: tuple[str, ...]) -> None:
        for part in parts:
            if part == name:
                self.say(name, "提到了自己")
            elif parts.count(part) > 1:
                self.say(name, f"‘{part}’写了两次")
                return
            elif part not in self.ids and self.above not in self.problems.lost:
                self.say(name, f"提到了不存在的{shown(part)}；可用的：{self.others(name)}")

    def no_circles(self) -> None:
        """A total that adds itself up by way of others has no value."""
        settled: set[str] = set()
        while ready := {one for one in self.ids if one not in settled and settled.issuperset(self.sums[one])}:
            settled |= ready
        if circle := [one for one in self.ids if one not in settled]:
            self.say(circle[0], f"合计绕成了圈：{'、'.join(circle)}")

    def nothing_twice(self) -> None:
        """A total of totals must not count a line twice."""
        if self.problems.under(self.above):
            return

        def leaves(name: str) -> list[str]:
            parts = self.sums[name]
            return [leaf for part in parts for leaf in leaves(part)] if parts else [name]

        for name in self.ids:
            found = leaves(name)
            if twice := next((leaf for leaf in found if found.count(leaf) > 1), None):
                self.say(name, f"‘{twice}’会加两次：既单独列出，又在列出的另一个合计里")
                return

"""What may stand where in a form file, and the collecting of all that does not.

`Shaper` looks at one file by itself: keys known, values of the right kind, ids in order.  What it lets through
holds no surprises, so that extend.py and load.py look at meaning only.  docs/forms.md describes every key.
"""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from xltools.errors import FormError
from xltools.forms.source import Lines, Steps, Toml
from xltools.roster import LEVELS
from xltools.words import label_key

RESERVED_IDS = {
    "sum",
    "last",
    "abs",
    "implies",
    "check",
    "xltools",
}  # of the rule language; prefixes of names
LIKE_A_CELL = re.compile(r"[a-z]{1,3}[0-9]+|r[0-9]*c?[0-9]*|c[0-9]*")  # Excel would read the name as a place
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]"
)  # all but tab and line feed
MOST_ID = 64  # characters; three ids and two dots fit into a defined name
MOST_TEXT = 2_000
MOST_PROMPT = 255  # of Excel's input messages and drop-down lists
MOST_PLACES = 6  # rules compare money to so many decimals
MOST_CAP = 10**15 - 1  # a cell holds so many digits
MOST_WIDTH = 1_000
# sheets of our own, in templates and roll-ups; Excel keeps the last for itself
RESERVED_SHEETS = {
    "封面", "校验", "填报说明", "_meta", "问题清单",
    "汇总", "报送情况", "问题", "说明", "文字材料", "上年对比", "各单位上年对比", "图表", "history",
}  # fmt: skip
RESERVED_PREFIX = "明细"
STAND_IN = "〔{}〕"  # of a required text that is missing, so that the rest can be looked at

# ---- kinds of values


class Kind(NamedTuple):
    """A kind of value: the words for it, and what is wrong with a value (None: nothing)."""

    words: str
    fault: Callable[[Any], str | None]
    stand_in: Callable[[str], Any] = STAND_IN.format


class Many(NamedTuple):
    """A list of tables that have ids, `[[sheet]]` or `rows = [{id = …}, …]`."""

    kind: str
    words: str = "表的列表：[[…]] 或 [{id = …}, …]"


class One(NamedTuple):
    """A single table without an id."""

    kind: str
    words: str = "一组键值 {…}"


class Named(NamedTuple):
    """A single table with names of the author's own, each with a value of one kind."""

    of: Kind
    words: str = "一组键值 {名字 = …}"


Spec: TypeAlias = Mapping[str, Kind | Many | One | Named]


def shown(value: object) -> str:
    """A value as an author would recognise it, short."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "一组键值"
        case list():
            return "一个列表"
        case int() if abs(value) >= 10**20:  # Python may refuse to write it out
            return "一个极大的整数"
    text = str(value)
    return f"‘{text if len(text) <= 40 else text[:39] + '…'}’"


def _text(words: str = "一段文字", *, marks: str = "", most: int = MOST_TEXT, blank: bool = False) -> Kind:
    allowed = {f"{{{name}}}" for name in marks.split()}

    def fault(value: Any) -> str | None:
        if not isinstance(value, str):
            return f"应是{words}，写的是{shown(value)}"
        if not blank and not label_key(value):
            return f"是空的，应是{words}"
        if UNPRINTABLE.search(value):
            return "有不能显示的控制字符"
        if len(value) > most:
            return f"有 {len(value)} 个字，最多 {most} 个"
        for mark in re.findall(r"\{[A-Za-z_ ]*\}", value):
            if mark not in allowed:
                return f"这里不能用 {mark}；可用的：{'、'.join(sorted(allowed)) or '没有'}"
        return None

    return Kind(words, fault)


def _pattern(pattern: str, words: str) -> Kind:
    def fault(value: Any) -> str | None:
        if not isinstance(value, str):
            return f"应是{words}，写的是{shown(value)}"
        if not re.fullmatch(pattern, value, re.ASCII) or len(value) > MOST_ID:
            return f"写的是{shown(value)}，应是{words}，最多 {MOST_ID} 个字符"
        return None

    return Kind(words, fault)


def _id_fault(value: Any) -> str | None:
    if wrong := _PLAIN_ID.fault(value):
        return wrong
    if value in RESERVED_IDS or keyword.iskeyword(value) or LIKE_A_CELL.fullmatch(value):
        return f"‘{value}’是保留的词，或像单元格地址，请换一个"
    return None


def _choice(*choices: str) -> Kind:
    words = "、".join(choices)

    def fault(value: Any) -> str | None:
        return None if value in choices else f"写的是{shown(value)}；可用的：{words}"

    return Kind(words, fault, lambda name: choices[0])


def _list(
    of: Kind, words: str, *, least: int = 0, stand_in: Callable[[str], Any] = lambda name: [name]
) -> Kind:
    def fault(value: Any) -> str | None:
        if not isinstance(value, list) or len(value) < least:
            return f"应是{words}，写的是{shown(value)}"
        faults = (f"第{number}个{wrong}" for number, one in enumerate(value, 1) if (wrong := of.fault(one)))
        return next(faults, None)

    return Kind(words, fault, stand_in)


def _number(test: Callable[[Any], bool], words: str, *, whole: bool) -> Kind:
    def fault(value: Any) -> str | None:
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        return None if is_number and test(value) else f"应是{words}，写的是{shown(value)}"

    return Kind(words, fault)


def _sheet_name_fault(value: Any) -> str | None:
    if wrong := _text().fault(value):
        return wrong
    allowed = "工作表名应为1至31个字，不含 [ ] : * ? / \\ 和换行，不以撇号开头或收尾"
    units = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if units > 31 or re.search(r"[\[\]:*?/\\\n\t]|^'|'$", value) or value != value.strip():
        return f"写的是{shown(value)}；{allowed}"
    if value.lower() in RESERVED_SHEETS or value.startswith(RESERVED_PREFIX):
        return f"‘{value}’是 xltools 自己的表名，请换一个"
    return None


def _sum_fault(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"[^:\s]+:[^:\s]+", value):
        return None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return None
    return f"应是 {_SUM_WORDS}，写的是{shown(value)}"


def _choices_fault(value: Any) -> str | None:
    if wrong := _list(_text(), "文字的列表", least=1).fault(value):
        return wrong
    if any(re.search(r'[,"\n]', one) or one != one.strip() for one in value):
        return "选项里不能有半角逗号、半角双引号、换行和首尾空格（下拉框用它们分隔）"
    if len(set(value)) < len(value):
        return "同一个选项写了两次"
    if len(",".join(value).encode("utf-16-le")) // 2 > MOST_PROMPT:
        return f"各选项连起来最多 {MOST_PROMPT} 个字"
    return None


def _years_fault(value: Any) -> str | None:
    whole = isinstance(value, list) and all(type(year) is int and 1900 <= year <= 9999 for year in value)
    if whole and (len(value) == 1 or (len(value) == 2 and value[0] <= value[1])):
        return None
    return "应是 [起始年] 或 [起始年, 终止年]，从前到后，1900 至 9999"


def _cap_fault(value: Any) -> str | None:
    by_level = value if isinstance(value, dict) else {"town": value}
    sound = all(type(most) is int and 0 < most <= MOST_CAP for most in by_level.values())
    if sound and by_level and set(by_level) <= set(LEVELS):
        return None
    return f"应是 {_CAP_WORDS}；级别：{'、'.join(LEVELS)}"


_PLAIN_ID = _pattern(r"[a-z][a-z0-9_]*", "小写字母开头，只用小写字母、数字和下划线的 id")
_ID = Kind(_PLAIN_ID.words, _id_fault)
_DASHED = _pattern(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "小写字母开头，只用小写字母、数字和横线的 id")
_ITEM = _pattern(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){2}", "表.行.列")
_ITEMS_WORDS = "表.行.列 的列表"
_LINE_OR_ITEM = _pattern(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}", "表.行.列 或 表.行")
_EDITION = _pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*", "字母、数字、点、横线、下划线的版本名")
_TEXT, _OPTIONAL, _LABEL = _text(), _text(blank=True), _text(marks="year")
_BOOL = Kind(
    "true 或 false",
    lambda value: None if type(value) is bool else f"应是 true 或 false，写的是{shown(value)}",
)
_CAP_WORDS = "一个正整数（不超过15位），或 {级别 = 正整数, …}"
_SUM_WORDS = '"起:止" 或 ["a", "b"]（行或列的 id）'
_WIDTH = _number(
    lambda value: 0 < value <= MOST_WIDTH, f"正数，不超过 {MOST_WIDTH}（正文字符宽）", whole=False
)
_LABELS = _list(
    _LABEL,
    '文字的列表，例如 ["申请人情况", "自然人"]，没有标签写 []',
    stand_in=lambda name: [STAND_IN.format(name)],
)
_PLACED: Spec = {"after": _text("同一列表里另一个 id"), "drop": _BOOL}

# what may stand under each kind of key; a star marks what must be there
SPECS: Mapping[str, Spec] = {
    "form": {
        "extends": _text("同一文件夹里的文件名（不带 .toml），或 报表/版本"),
        "id*": _DASHED,
        "edition*": _EDITION,
        "years*": Kind("[起始年] 或 [起始年, 终止年]", _years_fault, lambda name: [1900]),
        "title*": _TEXT,
        "authority": _OPTIONAL,
        "heading*": _text(marks="unit year"),
        "caps": Named(Kind(_CAP_WORDS, _cap_fault)),
        "cover": Many("cover"),
        "sheet*": Many("sheet"),
        "rule": Many("rule"),
        "statement": Many("statement"),
        "chart": Many("chart"),
    },
    "cover": {
        "id*": _ID,
        "label*": _TEXT,
        "type*": _choice("text", "date", "choice"),
        "choices": Kind("文字的列表", _choices_fault),
        **_PLACED,
    },
    "sheet": {
        "id*": _ID,
        "name*": Kind("工作表名", _sheet_name_fault),
        "title*": _LABEL,
        "print": One("print"),
        "widths": One("widths"),
        "text": Many("text"),
        "table": Many("table"),
        **_PLACED,
    },
    "print": {"orientation": _choice("portrait", "landscape")},
    "widths": {"labels": _list(_WIDTH, "正数的列表"), "data": _WIDTH},
    "text": {
        "id*": _ID,
        "label*": _LABEL,
        "prompt": _text(most=MOST_PROMPT, blank=True),
        "optional": _BOOL,
        **_PLACED,
    },
    "table": {
        "id*": _ID,
        "band": _text(marks="year", blank=True),
        "corner": _text(marks="year", blank=True),
        "unit": _OPTIONAL,
        "supplement": _BOOL,
        "columns*": Many("line"),
        "rows*": Many("line"),
        "rule": Many("rule"),
        **_PLACED,
    },
    "line": {
        "id*": _ID,
        "label*": _LABELS,
        "type": _choice("count", "signed", "money", "text"),
        "unit": _OPTIONAL,
        "places": _number(lambda value: 0 <= value <= MOST_PLACES, f"0 至 {MOST_PLACES} 的整数", whole=True),
        "sum": Kind(_SUM_WORDS, _sum_fault),
        "cap": _text("[caps] 里的一个名字"),
        "rollup": _choice("sum", "derive", "confirm-sum", "list", "none"),
        "prefill": _text("last.行（列）的 id"),
        **_PLACED,
    },
    "rule": {
        "id*": _DASHED,
        "that*": Kind("一条规则", _text("一条规则", blank=True).fault, lambda name: "0 == 0"),
        "each": _text("row、column、表.row 或 表.column"),
        "tables": _list(_ID, "表的 id 的列表"),
        "level*": _choice("error", "query", "note"),
        "levels": _list(_choice(*LEVELS), "级别的列表"),
        "basis*": _TEXT,
        **_PLACED,
    },
    "statement": {
        "id*": _DASHED,
        "texts*": _list(_ID, "text 的 id 的列表", least=1),
        "words*": _list(_text("一种说法", marks="n year next_year"), "说法的列表", least=1),
        "items*": _list(_ITEM, _ITEMS_WORDS, least=1),
        "plus": _list(_ITEM, _ITEMS_WORDS),
        "beside": _list(_TEXT, "词的列表"),
        "behind": _list(_TEXT, "词的列表"),
        "about": _list(_TEXT, "词的列表"),
        "but": _list(_TEXT, "词的列表"),
        "like": _text("前面另一个 statement 的 id"),
        **_PLACED,
    },
    "chart": {
        "id*": _DASHED,
        "title*": _LABEL,
        "type*": _choice("years", "units", "kinds", "shares", "parts"),
        "by": _choice("kinds", "column"),
        "bars": _list(_TEXT, "文字的列表", least=1),
        "parts*": Many("part"),
        **_PLACED,
    },
    "part": {
        "id*": _ID,
        "label*": _TEXT,
        "items*": _list(_LINE_OR_ITEM, '表.行.列（by = "column" 时为 表.行）的列表', least=1),
        **_PLACED,
    },
}


@cache
def spec_of(kind: str) -> Spec:
    """The keys of a kind without the stars."""
    return {name.rstrip("*"): what for name, what in SPECS[kind].items()}


# ---- problems and where they are


class Spot(NamedTuple):
    """Where a key stands: in a file, and there on a line, if it is known."""

    file: str
    lines: Lines | None = None
    steps: Steps = ()

    @property
    def line(self) -> int | None:
        return self.lines.of(self.steps) if self.lines else None


class Problems:
    """Collects the mistakes of a form file and of those it extends.

    A key path names its steps by id: `sheet.requests.table.applications.rows.new.sum`.  `spots` knows where each
    path was last written, so that a mistake is shown in the file and on the line it was made.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[FormError] = []
        self.spots: dict[str, Spot] = {}
        self.lost: set[str] = set()  # lists that had to do without a member

    def __call__(self, key: str, problem: str, spot: Spot | None = None) -> None:
        spot = spot or self._spot(key)
        self.found.append(FormError(spot.file, key, problem, spot.line))

    def _spot(self, key: str) -> Spot:
        while key:
            if key in self.spots:
                return self.spots[key]
            key = key.rpartition(".")[0]
        return Spot(self.file)

    def under(self, path: str) -> bool:
        """Whether anything at or below a path is already reported, so that what follows from it is not."""
        return any(error.key == path or error.key.startswith(f"{path}.") for error in self.found)


def joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class Shaper:
    """Takes one file's tree apart: what is not allowed is reported and left out."""

    def __init__(self, problems: Problems, file: str, lines: Lines) -> None:
        self.problems, self.file, self.lines = problems, file, lines

    def spot(self, steps: Steps) -> Spot:
        return Spot(self.file, self.lines, steps)

    def node(self, source: Toml, kind: str, path: str = "", steps: Steps = ()) -> Toml:
        """The keys of a node that are in order, those below it likewise."""
        spec = spec_of(kind)
        sound: Toml = {}
        for key, value in source.items():
            where, at = joined(path, key), (*steps, key)
            self.problems.spots[where] = self.spot(at)
            what = spec.get(key)
            if what is None:
                near = difflib.get_close_matches(key, spec, 1)
                hint = f"是不是 {near[0]}？" if near else ""
                self.problems(where, f"不认得这个键；{hint}可用的：{'、'.join(spec)}")
            elif isinstance(what, Kind):
                if wrong := what.fault(value):
                    self.problems(where, wrong)
                else:
                    sound[key] = value
            elif isinstance(what, One) and isinstance(value, dict):
                sound[key] = self.node(value, what.kind, where, at)
            elif isinstance(what, Named) and isinstance(value, dict):
                sound[key] = dict(self.named(value, what.of, where, at))
            elif isinstance(what, Many) and isinstance(value, list):
                sound[key] = list(self.members(value, what.kind, where, at))
            else:
                self.problems(where, f"应是{what.words}，写的是{shown(value)}")
        if sound.get("drop") and len(source) > 2:
            self.problems(joined(path, "drop"), "删去的，只写 id 和 drop = true")
        return sound

    def named(self, source: Toml, kind: Kind, path: str, steps: Steps) -> Iterator[tuple[str, Any]]:
        for name, value in source.items():
            self.problems.spots[f"{path}.{name}"] = self.spot((*steps, name))
            if wrong := kind.fault(value):
                self.problems(f"{path}.{name}", wrong)
            else:
                yield name, value

    def members(self, sources: list[Any], kind: str, path: str, steps: Steps) -> Iterator[Toml]:
        """The members of a list that have an id, each id once."""
        names: dict[str, Spot] = {}
        id_fault = spec_of(kind)["id"]
        assert isinstance(id_fault, Kind)
        for number, source in enumerate(sources):
            where, at = f"{path}.第{number + 1}个", (*steps, number)
            spot = self.spot(at)
            if not isinstance(source, dict):
                self.problems(where, f"应是一组键值 {{id = …}}，写的是{shown(source)}", spot)
            elif "id" not in source:
                self.problems(where, "缺少 id", spot)
                self.node(source, kind, where, at)
            elif id_fault.fault(source["id"]):
                self.node(source, kind, where, at)
            elif source["id"] in names:
                first = names[source["id"]].line
                self.problems(f"{path}.{source['id']}", f"同一个 id 写了两次，前一次在第{first}行", spot)
                self.node({key: one for key, one in source.items() if key != "id"}, kind, where, at)
            else:
                name = source["id"]
                names[name] = self.problems.spots[f"{path}.{name}"] = spot
                yield self.node(source, kind, f"{path}.{name}", at)
                continue
            self.problems.lost.add(path)


def complete(source: Toml, kind: str, problems: Problems, path: str = "") -> Toml:
    """The node with everything it must have: what is missing is reported and stood in for."""
    whole: Toml = {}
    for name, what in SPECS[kind].items():
        key = name.rstrip("*")
        where = joined(path, key)
        if key not in source:
            if name.endswith("*"):
                if not problems.under(where):
                    problems(where, f"缺少；应是：{what.words}")
                stand_in: Any = what.stand_in(source.get("id", "")) if isinstance(what, Kind) else []
                whole[key] = stand_in
            continue
        value = source[key]
        if isinstance(what, Many):
            whole[key] = [complete(one, what.kind, problems, f"{where}.{one['id']}") for one in value]
        elif isinstance(what, One):
            whole[key] = complete(value, what.kind, problems, where)
        else:
            whole[key] = value
    return whole

"""Labels: which line of a table stands where, told by its words and by the heads above or before them.

Rows and columns are one matter: marks (cells with words) in the order of their steps (rows of a table, or
columns of its head), each at a depth (the column, or the row, where it stands).  A line is found where its
last word stands under its own heads.  What would fit two lines, or a line that would fit two places, is not
found: nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from xltools.form import Line
from xltools.words import label_key

_NUMBERING = re.compile(
    r"[(\[]?(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})(?:[)\]][、.]?|[、.:](?![0-9]))|[①-⑳㈠-㈩]"
)
_DEFINED = re.compile(r"\(指[^()]*\)$")  # a note that defines the line and does not narrow it
_UNIT = re.compile(r"\(单位[:]?([^()]+)\)$")
_NOTE = re.compile(r"\([^()]*\)$")
_SEPARATORS = re.compile(r"[/\\|>→·—–\-]+")
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
DISTINCT = 4  # characters of a label that says what it is without its heads: 其他 and 总计 do not


def fold(text: str) -> str:
    """What is left of a label for finding it: neither numbering nor punctuation, any year as `year`.

    >>> fold("1、属于\\n国家秘密") == fold("（1）属于国家秘密") == fold("1.属于国家秘密")
    True
    >>> fold("本年收费金额（单位：万元）") == fold("本年收费金额(万元)") != fold("本年收费金额（元）")
    True
    """
    key = label_key(text).replace("其它", "其他")
    key = _UNIT.sub(r"(\1)", _DEFINED.sub("", key))
    steps = [_NUMBERING.sub("", step, count=1) if _NUMBERING.match(step) else step for step in _steps(key)]
    return re.sub(r"[\W_]+", "", _YEAR.sub("year", "".join(steps))).casefold()


def _steps(key: str) -> list[str]:
    return _SEPARATORS.split(key)


_NUMERAL = re.compile(r"[(\[]?([0-9]{1,2}|[一二三四五六七八九十]{1,3})[)\]、.:]")
_TENS = "一二三四五六七八九"


def numeral(text: str) -> int | None:
    """The number before a label.

    >>> numeral("（七）总计"), numeral("7.总计"), numeral("十二、其他"), numeral("总计")
    (7, 7, 12, None)
    """
    found = _NUMERAL.match(label_key(text))
    if not found:
        return None
    if found[1].isdecimal():
        return int(found[1])
    tens, ten, ones = found[1].rpartition("十")
    return (_TENS.find(tens) + 1 if tens else 1) * 10 * bool(ten) + (_TENS.find(ones) + 1 if ones else 0)


def without_note(text: str) -> str:
    """The key of an official label whose closing note a unit left out; "" where it has none."""
    key = label_key(text)
    short = _NOTE.sub("", key)
    return fold(short) if short != key else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell with words.  `last` is the step where its merged block ends; None where it stands alone."""

    step: int
    depth: int
    text: str
    key: str
    last: int | None = None
    is_local: bool = False  # beside figures: a line of the unit's own rather than a head over others


Path = tuple[str, ...]


@dataclass(slots=True)
class Alignment:
    """Where each line was found: the mark of its last word."""

    found: dict[str, Mark] = field(default_factory=dict)
    shortened: set[str] = field(default_factory=set)  # lines found without the note in their official label
    doubled: set[str] = field(default_factory=set)  # lines that fit two places
    known: set[Mark] = field(default_factory=set)  # marks that are words of the form, in place or not


class Lines:
    """The labels of a table's rows, or of its columns, as a tree."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.paths: dict[Path, list[str]] = {}  # full path -> lines: two differ in numbering alone
        self.named: dict[str, list[Path]] = {}  # key -> nodes: heads and lines
        self.short: dict[str, list[Path]] = {}
        self.joined: dict[str, list[Path]] = {}  # 不予公开属于国家秘密: heads and line in one cell
        self.words: dict[Path, list[str]] = {}  # as the form writes them
        self.heads: set[Path] = set()
        for line in lines:
            path = tuple(map(fold, line.label))
            if not path:
                continue
            self.paths.setdefault(path, []).append(line.id)
            for end in range(1, len(path) + 1):
                node = path[:end]
                if node not in self.words:
                    self.named.setdefault(node[-1], []).append(node)
                    if short := without_note(line.label[end - 1]):
                        self.short.setdefault(short, []).append(node)
                self.words.setdefault(node, []).append(line.label[end - 1])
                if end < len(path):
                    self.heads.add(node)
            for start in range(len(path) - 1):
                self.joined.setdefault("".join(path[start:]), []).append(path)

    @property
    def depth(self) -> int:
        return max((len(path) for path in self.paths), default=0)

    def knows(self, key: str) -> bool:
        return key in self.named or key in self.short or key in self.joined

    def is_distinct(self, node: Path) -> bool:
        return len(node[-1]) >= DISTINCT and len(self.named[node[-1]]) == 1

    def is_distinct_line(self, line: str) -> bool:
        return any(line in ids and self.is_distinct(path) for path, ids in self.paths.items())

    def align(self, marks: Iterable[Mark]) -> Alignment:
        return _Search(self, sorted(marks, key=lambda mark: (mark.step, mark.depth))).run()


@dataclass(frozen=True, slots=True)
class _Held:
    """The head in force at one level.  No path: words nobody knows stand in its place."""

    path: Path | None
    depth: int
    last: int | None


class _Search:
    """One pass over the marks, with the heads in force at each level."""

    def __init__(self, lines: Lines, marks: list[Mark]) -> None:
        self.lines, self.marks = lines, marks
        exact = {node for mark in marks for node in lines.named.get(mark.key, ())}
        self.exact = exact
        self.shown = {len(node) - 1 for node in exact if node in lines.heads}
        for mark in marks:
            if mark.key not in lines.named:  # heads that are told in the cells of their lines are shown too
                for path in lines.joined.get(mark.key, ()):
                    self.shown.update(range(self._said_by_others(path, mark.key), len(path) - 1))
        self.beside = self._levels_with_heads_beside()
        self.is_numbered = any(lines.knows(mark.key) and numeral(mark.text) for mark in marks)
        self.depths = self._depths_of_levels()
        self.chain: list[_Held] = []
        self.begun = False  # before the first known words stand corners and titles

    def _levels_with_heads_beside(self) -> set[int]:
        """Levels whose heads stand beside what is under them, and not before it like an indented list's."""
        levels: set[int] = set()
        for step in _by_step([mark for mark in self.marks if mark.key in self.lines.named]):
            for outer in step:
                for inner in step:
                    if inner.depth > outer.depth:
                        levels.update(
                            len(head) - 1
                            for head in self.lines.named.get(outer.key, ())
                            for node in self.lines.named.get(inner.key, ())
                            if node[:-1] == head
                        )
        return levels

    def _depths_of_levels(self) -> dict[int, set[tuple[str, int]]]:
        """How deep the lines of each level stand, by those that are told by their words alone."""
        depths: dict[int, set[tuple[str, int]]] = {}
        times = Counter(mark.key for mark in self.marks)
        for mark in self.marks:
            nodes = self.lines.named.get(mark.key, [])
            if len(nodes) == 1 and nodes[0] not in self.lines.heads and times[mark.key] == 1:
                depths.setdefault(len(nodes[0]) - 1, set()).add((mark.key, mark.depth))
        return depths

    def run(self) -> Alignment:
        result = Alignment()
        places: dict[str, list[Mark]] = {}
        for step in _by_step(self.marks):
            last_known = max((mark.depth for mark in step if self.lines.knows(mark.key)), default=0)
            for mark in step:
                if self.lines.knows(mark.key):
                    result.known.add(mark)
                    self.begun = True
                node = self._node(mark)
                if node is None:
                    is_local = mark.is_local and mark.depth > last_known
                    self._pass_unknown(mark, is_local=is_local)
                    continue
                self._enter(node, mark)
                line = self._line(node, mark)
                if line is not None:
                    places.setdefault(line, []).append(mark)
                    if mark.key in self.lines.short and mark.key not in self.lines.named:
                        result.shortened.add(line)
        self._by_order(places)
        for line, found in places.items():
            if len(found) == 1:
                result.found[line] = found[0]
            else:
                result.doubled.add(line)
        return result

    # ---- which node a mark is

    def _node(self, mark: Mark) -> Path | None:
        self._leave(mark)
        fits = [
            node for node in self.lines.named.get(mark.key, ()) if self._is_under(node, len(node) - 1, mark)
        ]
        if not fits and mark.key not in self.lines.named:
            fits = [
                node
                for node in self.lines.short.get(mark.key, ())
                if node not in self.exact and self._is_under(node, len(node) - 1, mark)
            ] or [
                path
                for path in self.lines.joined.get(mark.key, ())
                if self._is_under(path, self._said_by_others(path, mark.key), mark)
            ]
        return fits[0] if len(fits) == 1 else None

    @staticmethod
    def _said_by_others(path: Path, key: str) -> int:
        """How many heads of a path are not in a cell that joins the rest."""
        return next(start for start in range(len(path)) if "".join(path[start:]) == key)

    def _is_under(self, node: Path, heads: int, mark: Mark) -> bool:
        own = len(node) - 1
        if own < len(self.chain) and self._is_inside(self.chain[own], own, mark):
            return False  # a line of the unit's own beneath a head that stands where this line would
        if heads == own and not self._has_its_number(node, mark):
            return False
        for level in range(heads):
            if level >= len(self.chain):
                if level in self.shown:
                    return False
            elif self.chain[level].path is None:
                if not self.lines.is_distinct(node):
                    return False
            elif self.chain[level].path != node[: level + 1]:
                return False
        return True

    def _is_inside(self, held: _Held, level: int, mark: Mark) -> bool:
        if held.depth < 0 or held.depth >= mark.depth:
            return False
        covered = held.last is not None and held.last >= mark.step
        others = {depth for key, depth in self.depths.get(level, ()) if key != mark.key}
        return covered or mark.depth not in others

    def _has_its_number(self, node: Path, mark: Mark) -> bool:
        """总计 may be anybody's sum; （七）总计 is the form's."""
        wanted = {numeral(text) for text in self.lines.words[node]} - {None}
        if not wanted or self.lines.is_distinct(node):
            return True
        found = numeral(mark.text)
        return found in wanted or (found is None and not self.is_numbered)

    def _line(self, node: Path, mark: Mark) -> str | None:
        lines = self.lines.paths.get(node, [])
        if len(lines) > 1:  # equal but for their numbering
            words = [line.label[-1] for line in self.lines.lines if line.id in lines]
            lines = [
                one for one, text in zip(lines, words, strict=True) if label_key(text) == label_key(mark.text)
            ]
        return lines[0] if len(lines) == 1 else None

    # ---- the heads in force

    def _leave(self, mark: Mark) -> None:
        """Heads end with their merged block, and where a mark stands outside of them."""
        for level, held in enumerate(self.chain):
            ended = held.last is not None and held.last < mark.step
            covers = held.last is not None and not ended
            outside = held.depth > mark.depth or (held.depth == mark.depth and level in self.beside)
            if ended or (outside and not covers and self.lines.knows(mark.key)):
                del self.chain[level:]
                return

    def _enter(self, node: Path, mark: Mark) -> None:
        level = len(node) - 1
        if node not in self.lines.heads:
            del self.chain[level:]
            return
        kept = self.chain[:level]
        for outer in range(level):
            if outer >= len(kept):
                kept.append(_Held(node[: outer + 1], -1, None))  # not shown here, or its words are unknown
            elif kept[outer].path is None:
                kept[outer] = _Held(node[: outer + 1], -1, None)
        self.chain = [*kept, _Held(node, mark.depth, mark.last)]

    def _pass_unknown(self, mark: Mark, *, is_local: bool) -> None:
        """Words nobody knows may be a head: what stands under them is found only if it is distinct."""
        unknown = _Held(None, mark.depth, None)
        for level, held in enumerate(self.chain):
            if held.last is not None and held.last >= mark.step:
                continue
            if held.depth > mark.depth or (held.depth == mark.depth and not is_local):
                self.chain[level:] = [unknown] * (len(self.chain) - level)
                return
        is_new = not self.chain or self.chain[-1].path is not None
        if not is_local and self.begun and self.shown and is_new:
            self.chain.append(unknown)

    def _by_order(self, places: dict[str, list[Mark]]) -> None:
        """Where all lines of the form and no others stand in its order, their order tells equal ones apart."""
        lines = [(path[-1], line) for path, ids in self.lines.paths.items() for line in ids]
        last_words = {key for key, _ in lines}
        marks = [mark for mark in self.marks if mark.key in last_words]
        if [mark.key for mark in marks] != [key for key, _ in lines]:
            return
        told = {line: [mark] for (_, line), mark in zip(lines, marks, strict=True)}
        if all(told[line] == found for line, found in places.items()):
            places.update(told)


def _by_step(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    step: list[Mark] = []
    for mark in marks:
        if step and step[0].step != mark.step:
            yield step
            step = []
        step.append(mark)
    if step:
        yield step

"""Prose: what a workbook says in words: its texts, its cover fields, whose report it is and of what year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from xltools.filing import Cell
from xltools.form import Form, Text
from xltools.harvest import Taken
from xltools.layout import CHECK_HEADS, lay_out
from xltools.reading.ground import Ground, Word
from xltools.reading.labels import fold, numeral
from xltools.reading.tables import Located
from xltools.words import clean, label_key

At = tuple[int, int]

LONGEST_HEADING = 80  # characters; a longer cell is a paragraph that mentions the report
MOST_LABELS = 100  # of texts on one sheet
LONGEST_PREFIX = 6  # characters: 填报单位：
_UNIT_FIELD = re.compile(r"(?:填报|报送|填表|编制|报告)单位(?:名称)?|单位名称")
_UNIT_SAID = re.compile(rf"(?:{_UNIT_FIELD.pattern})(?:\([^()]*章\))?:([^:]+?)\)?(?:年度?:.*)?$")
_YEAR_FIELD = re.compile(r"(?:报告|填报)年度")
_YEAR_SAID = re.compile(r"(?:19|20)[0-9]{2}")


@dataclass(slots=True)
class Prose:
    texts: dict[str, Taken] = field(default_factory=dict)
    cover: dict[str, Taken] = field(default_factory=dict)
    used: set[tuple[str, At]] = field(default_factory=set)
    sheets: set[str] = field(default_factory=set)  # where texts were found
    doubts: list[Taken] = field(default_factory=list)  # paragraphs that may belong to a text, or not


# ---- texts


def find_texts(grounds: Sequence[Ground], located: Located, carriers: set[str]) -> Prose:
    """Each text's paragraphs: beneath its label, or beside it, as far as the next label.

    `carriers` are words that say who the workbook is: they stand under titles and are no paragraphs.
    """
    prose, texts = Prose(), located.form.texts
    found: dict[str, list[tuple[Ground, list[tuple[At, str]]]]] = {name: [] for name in texts}
    for ground in grounds:
        labels = _labels(ground, list(texts.values()))
        if len(labels) > MOST_LABELS:
            continue
        stops = _stops(ground, located) | {row for row, _ in labels}
        for at, text in labels.items():
            if section := _section(ground, at, text, stops, carriers):
                found[text.id].append((ground, section))
    for name, sections in found.items():
        for ground, section in sections:
            first = section[0][0]
            content = Cell("text", "\n".join(words for _, words in section))
            taken = Taken(name, ground.name, ground.at(first), content, texts[name].label)
            if len(sections) == 1:
                prose.texts[name] = taken
                prose.used.update((ground.name, at) for at, _ in section)
            else:
                prose.doubts.append(replace(taken, id=""))
            prose.sheets.add(ground.name)
    return prose


def _labels(ground: Ground, texts: Sequence[Text]) -> dict[At, Text]:
    """Cells that are, or begin with, the label of a text; the same section may be worded at more length."""
    wanted = [(text, fold(text.label), numeral(text.label)) for text in texts]
    found = {}
    for at, cell in sorted(ground.cells.items()):
        line = cell.text.strip().split("\n", 1)[0]
        if cell.kind != "text" or len(line) > LONGEST_HEADING:
            continue
        whole = fold(cell.text) if len(cell.text) <= LONGEST_HEADING else ""  # it may be wrapped by hand
        key, number = fold(line), numeral(line)
        for text, label, its_number in wanted:
            longer = number is not None and number == its_number and key.endswith(label)
            if label in (key, whole) or (longer and len(key) <= 2 * len(label)):
                found[at] = text
    return found


def _stops(ground: Ground, located: Located) -> set[int]:
    """Rows where a paragraph cannot stand any more."""
    rows = {word.row for word in ground.words.values() if word.key in located.vocabulary.breaks}
    for piece in located.pieces:
        if piece.ground is ground:
            rows.update(range(piece.top, piece.bottom + 1))
    return rows


def _section(
    ground: Ground, label: At, text: Text, stops: set[int], carriers: set[str]
) -> list[tuple[At, str]]:
    row, column = label
    section: list[tuple[At, str]] = []
    whole = clean(ground.cells[label].text).strip()
    own = whole.partition("\n")[2].strip()
    if own and fold(whole) != fold(text.label):
        section.append((label, own))
    end = min((stop for stop in stops if stop > row), default=ground.last_row + 1)
    for r, columns in ground.rows.items():
        if not row <= r < end or ground.numbers_left_of(r, columns[-1] + 1):
            continue
        for c in columns:
            words = clean(ground.cells[r, c].text).strip()
            beside_label = r == row and c <= column
            identity = is_carrier(words, carriers) or _says_unit(words)
            if words and not beside_label and not identity:
                section.append(((r, c), words))
    return section


def is_carrier(text: str, carriers: set[str]) -> bool:
    """Whether a cell says who the workbook is, perhaps with the words that its number format shows: 版本 2021."""
    key = label_key(text)
    return key in carriers or any(
        len(one) >= 3 and key.endswith(one) and len(key) - len(one) <= LONGEST_PREFIX for one in carriers
    )


def is_heading(text: str, form: Form) -> bool:
    return len(text) <= LONGEST_HEADING and any(one.search(label_key(text)) for one in _headings(form))


def _says_unit(text: str) -> bool:
    return len(text) <= LONGEST_HEADING and bool(_UNIT_SAID.search(label_key(text)))


# ---- cover fields


def find_cover(grounds: Sequence[Ground], form: Form, prose: Prose) -> None:
    """What stands right of a cover field's label, or behind it in the same cell; two answers are none."""
    labels = {fold(one.label): one for one in form.cover}
    for label, one in labels.items():
        said: list[Taken] = []
        pattern = re.compile(re.escape(one.label) + r"\s*[:：]\s*([^\s:：]+)")
        for ground in grounds:
            for at, word in ground.words.items():
                beside = _beside(ground, word)
                if word.key == label and beside in ground.cells:
                    if fold(ground.cells[beside].text) not in labels:
                        said.append(
                            Taken(one.id, ground.name, ground.at(beside), ground.cells[beside], one.label)
                        )
                        prose.used.add((ground.name, beside))
                elif (inside := pattern.search(word.text)) and inside[1] not in labels:
                    content = Cell("text", inside[1])
                    said.append(Taken(one.id, ground.name, ground.at(at), content, one.label))
                    prose.used.add((ground.name, at))
        if len({label_key(taken.content.text) for taken in said}) == 1:
            prose.cover[one.id] = said[0]


def _beside(ground: Ground, word: Word) -> At:
    """The cell right of a label; the next that holds something where blocks cannot be relied on."""
    after = None if ground.merges_hold else ground.next_in_row(word)
    return after or (word.row, word.last_column + 1)


# ---- whose, and of what year


def identity_of(grounds: Sequence[Ground], form: Form, units: Sequence[str]) -> tuple[str, int | None]:
    """Unit and year as headings and fields say them; "" and None where they do not, or disagree."""
    names, years = [], []
    for ground in grounds:
        for word in ground.words.values():
            if len(word.text) <= LONGEST_HEADING:
                for name, year in _said(ground, _beside(ground, word), word.text, form):
                    names.append(name)
                    years.append(year)
    unit = _agreed(name for name in names if name)
    if not unit and not any(names):
        unit = _only_one_named(grounds, units)
    year_said = set(filter(None, years))
    return unit, int(year_said.pop()) if len(year_said) == 1 else None


def _said(ground: Ground, beside: At, text: str, form: Form) -> Iterator[tuple[str, str]]:
    key = label_key(text)
    for pattern in _headings(form):
        if found := pattern.search(key):
            said = found.groupdict()
            yield re.split(r"[《“\"(:〔]", said.get("unit") or "")[-1].removesuffix("关于"), said["year"]
            return
    if inside := _UNIT_SAID.search(key):
        yield inside[1], ""
    elif beside in ground.cells and (words := clean(ground.cells[beside].text).strip()):
        if _UNIT_FIELD.fullmatch(key.rstrip(":")):
            yield words, ""
        elif _YEAR_FIELD.fullmatch(key.rstrip(":")) and (year := _YEAR_SAID.match(words)):
            yield "", year[0]


@lru_cache(maxsize=64)
def _headings(form: Form) -> list[re.Pattern[str]]:
    """How a report may be headed: 某镇2020年…报告, as the form has it, or 2020年某镇…报告."""
    unit, year = "(?P<unit>[^,。;]{2,40}?)", "(?P<year>(?:19|20)[0-9]{2})"
    heading = label_key(form.heading)
    turned = heading.replace("{unit}{year}年", "{year}年{unit}")
    patterns = []
    for one in dict.fromkeys((heading, turned, heading.replace("{unit}", ""))):
        words = re.escape(one).replace(r"\{unit\}", unit).replace(r"\{year\}年", year + "年度?")
        patterns.append(re.compile(words.replace(r"\{year\}", year)))
    return [pattern for pattern in patterns if "year" in pattern.groupindex]


def _agreed(names: Iterable[str]) -> str:
    """The one name, or the fullest of those that contain each other: 布海镇 and 德惠市布海镇人民政府."""
    by_length = sorted(dict.fromkeys(names), key=len)
    fullest = by_length[-1] if by_length else ""
    return fullest if all(name in fullest for name in by_length) else ""


def _only_one_named(grounds: Sequence[Ground], units: Sequence[str]) -> str:
    text = "\n".join(cell.text for ground in grounds for cell in ground.cells.values())
    found = []
    for name in sorted(filter(None, units), key=len, reverse=True):
        if name in text:
            found.append(name)
            text = text.replace(name, "\0")  # 城关镇 is not named by 城关镇街道
    return found[0] if len(found) == 1 else ""


# ---- what the unit explained


def explanations(ground: Ground, form: Form) -> Iterator[tuple[str, str]]:
    """What stands under 说明 on our own 校验, each beside the words of its rule."""
    heads = {word.key: word for word in ground.words.values() if word.key in set(map(fold, CHECK_HEADS))}
    where, basis, said = (heads.get(fold(CHECK_HEADS[column])) for column in (1, 2, 7))
    if where is None or basis is None or said is None:
        return
    layout = lay_out(form)
    rules: dict[tuple[str, str], list[str]] = {}
    for name, row in layout.rules.items():
        rules.setdefault((fold(layout.rule_words(row.line)), fold(row.line.rule.basis)), []).append(name)
    for row_number in ground.rows:
        cells = [ground.cells.get((row_number, head.column)) for head in (where, basis, said)]
        if all(cells):
            first, second, text = (clean(cell.text).strip() if cell else "" for cell in cells)
            names = rules.get((fold(first), fold(second)), [])
            if len(names) == 1 and text:
                yield names[0], text

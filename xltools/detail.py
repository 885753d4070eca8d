"""Where a roll-up keeps its units: the 明细 sheets and the list of leaves on _meta.

Shared by the writer of roll-ups and the reader that takes them in one level up; a function of the form
and of the number of leaves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from xltools.filing import Leaf, seal_of
from xltools.form import Form, Item
from xltools.geometry import Place, column_letters, quoted
from xltools.layout import META, META_FIELDS, lay_out

ROLLUP_SCHEMA = "xltools.rollup/1"
COVERAGE = "覆盖"  # heads, on the face, how many units went in
CONTENTS = "目录"  # heads the list of sheets there
FACE, STATUS, FINDINGS, REASONS, TEXTS = "汇总", "报送情况", "问题", "说明", "文字材料"
DETAIL = "明细"  # begins the name of a table's own sheet
YEARS, UNIT_YEARS, CHARTS = "上年对比", "各单位上年对比", "图表"
LEAF_FIELDS = (
    "unit",
    "code",
    "kind",
    "level",
    "parent",
    "file",
    "sha256",
    "through",
    "declared_zeros",
    "seal",
)
WHOLE_SEAL = "whole_seal"  # of what a roll-up says of itself as a whole: its face, 报送情况, the units
WHOLE_SEAL_ROW = len(META_FIELDS) + 2  # of _meta
LEAF_HEAD = len(META_FIELDS) + 4  # row of the field names on _meta; one row per leaf below
REASON_HEADS = ("序号", "单位序号", "单位", "位置", "待核实的问题", "单位的说明", "编号")
UNIT_HEADS = ("序号", "单位", "单位代码", "类别", "报送文件")
FIRST_ROW, FIRST_COLUMN = 6, len(UNIT_HEADS) + 1  # of the figures on a 明细 sheet
HEAD_ROWS = (3, 4, 5)  # row label, column label, item id


@dataclass(frozen=True)
class DetailSheet:
    """One table's units × items."""

    name: str
    title: str
    items: tuple[Item, ...]

    def place(self, leaf: int, item: int) -> Place:
        """The cell of the leaf-th unit (from 0) and the item-th figure (from 0)."""
        row, column = FIRST_ROW + leaf, FIRST_COLUMN + item
        return Place(self.name, row, column, row, column)

    def text_place(self, leaf: int, column: int) -> Place:
        return Place(self.name, FIRST_ROW + leaf, column, FIRST_ROW + leaf, column)

    @cached_property
    def at(self) -> Mapping[str, int]:
        """Item id → its number on the sheet, from 0."""
        return {item.id: number for number, item in enumerate(self.items)}

    def down(self, leaves: int, column: int, *, locked: bool = False) -> str:
        """A column of all units' cells, F6:F17; `locked` $F$6:$F$17."""
        mark = "$" if locked else ""
        letters = f"{mark}{column_letters(column)}{mark}"
        first, last = f"{letters}{FIRST_ROW}", f"{letters}{FIRST_ROW + leaves - 1}"
        return first if leaves == 1 else f"{first}:{last}"


@lru_cache(maxsize=64)
def detail_sheets(form: Form) -> Mapping[str, DetailSheet]:
    """Table id → its 明细 sheet, in the form's order."""
    layout = lay_out(form)
    sheets: dict[str, DetailSheet] = {}
    for number, table in enumerate(form.tables.values(), 1):
        words = layout.table_words(table.id)
        name = re.sub(r"[\[\]:*?/\\']", "", f"{DETAIL}{number} {words}")[:31].rstrip()
        items = tuple(item for item in form.items.values() if item.table == table.id)
        sheets[table.id] = DetailSheet(name, f"{DETAIL}：{words}", items)
    return sheets


def leaf_fields(leaf: Leaf, seal: str) -> dict[str, str]:
    """What _meta says of a leaf with this seal, by field."""
    return {
        **leaf.unit.identity(),
        "file": leaf.file,
        "sha256": leaf.sha256,
        "through": leaf.through,
        "declared_zeros": " ".join(sorted(leaf.declared_zeros)),
        "seal": seal,
    }


def leaf_place(leaf: int, field: str) -> Place:
    """The cell of a leaf's field on _meta."""
    row, column = LEAF_HEAD + 1 + leaf, LEAF_FIELDS.index(field) + 1
    return Place(META, row, column, row, column)


def whole_seal(leaf_seals: Iterable[str], face: Iterable[str], status: Iterable[Sequence[str]]) -> str:
    """The seal of a roll-up as a whole: which units it has, what its first page says, who came and who did not.

    `status` are the rows of 报送情况 in any order, since a clerk may sort them.
    """
    return seal_of((*leaf_seals, *face, *sorted("|".join(row) for row in status)))


WHOLE_SEAL_PLACE = Place(META, WHOLE_SEAL_ROW, 2, WHOLE_SEAL_ROW, 2)


def text_place(form: Form, row: int, text: str) -> Place:
    """The cell of a leaf's text on 文字材料, a column per text.

    The row is the one whose 序号 counts the leaf (from 1): a long text takes several rows, as none is higher than
    a page.
    """
    column = 3 + list(form.texts).index(text)
    return Place(TEXTS, row, column, row, column)


def reason_place(number: int, head: str) -> Place:
    """The cell of the number-th reason (from 0) on 说明; 单位序号 counts the leaves from 1."""
    row, column = 4 + number, REASON_HEADS.index(head) + 1
    return Place(REASONS, row, column, row, column)


def sum_formula(form: Form, item: Item, leaves: int) -> str:
    """The formula of an input item on a roll-up's official sheet: the sum over its units on 明细."""
    detail = detail_sheets(form)[item.table]
    return f"SUM({quoted(detail.name)}!{detail.down(leaves, FIRST_COLUMN + detail.at[item.id])})"


def is_summed(item: Item) -> bool:
    return item.is_input and item.rollup in ("sum", "confirm-sum")


def is_added(item: Item) -> bool:
    """Whether units' figures of an item add up to one: the summed inputs and the totals over them."""
    return item.type != "text" and item.rollup != "none"


def short_labels(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """Of each label path as many last parts as tell it from the others.

    >>> short_labels([("申请人情况", "自然人"), ("行政复议", "总计"), ("行政诉讼", "总计")])
    ['自然人', '行政复议·总计', '行政诉讼·总计']
    """
    count = Counter(path[-depth:] for path in set(paths) for depth in range(1, len(path) + 1))

    def short(path: tuple[str, ...]) -> str:
        depth = next((n for n in range(1, len(path)) if count[path[-n:]] == 1), len(path))
        return "·".join(path[-depth:]) if path else ""

    return [short(path) for path in paths]

"""汇总: the face of a roll-up.  Whose it is, what went in and what did not, what does not add up, what is where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xltools.detail import CONTENTS, COVERAGE, DETAIL, FACE
from xltools.geometry import MOST_HEIGHT, Place, wrapped_height
from xltools.layout import lay_out
from xltools.rollup import Rollup
from xltools.roster import CONSOLIDATED, KINDS, Unit
from xltools.sameness import shown_names
from xltools.writing import styles
from xltools.writing.annexes import clipped
from xltools.writing.sheet import SheetWriter
from xltools.writing.styles import CELL

WIDTHS = (22.0, 66.0)
OWN = KINDS[0]
MOST_BROKEN = 10  # rules named; all are on 校验
MOST_NAMED = 200  # units named in one cell; all are on 报送情况
CONFIRM_WORDS = "带※的项目数是各单位相加的，同一事项可能被几个单位各计一次，须由人核对后确认"
ONE_PAGE = 1_000.0  # points that a page takes without getting hard to read


def write_face(sheet: SheetWriter, rollup: Rollup, contents: Mapping[str, str]) -> None:
    """`contents` are the other sheets, each with what it is for."""
    sheet.put(Place(FACE, 1, 1, 1, 2), _title(rollup), {**styles.LABELS["title"], "font_size": 18})
    heights = {1: 76.0}
    lines = list(_lines(rollup))
    for row, (head, text) in enumerate(lines, 2):
        sheet.put(Place(FACE, row, 1, row, 1), head, styles.LABELS["field"])
        sheet.put(Place(FACE, row, 2, row, 2), clipped(text), CELL)
        heights[row] = min(MOST_HEIGHT, max(wrapped_height(text, WIDTHS[1]), wrapped_height(head, WIDTHS[0])))
    band = 2 + len(lines)
    sheet.put(Place(FACE, band, 1, band, 2), CONTENTS, styles.LABELS["band"])
    for row, (name, words) in enumerate(contents.items(), band + 1):
        shown = name.partition(" ")[0] if name.startswith(DETAIL) else name
        sheet.link(Place(FACE, row, 1, row, 1), name, "A1", shown, {**CELL, **styles.LINK})
        sheet.put(Place(FACE, row, 2, row, 2), words, CELL)
        heights[row] = wrapped_height(words, WIDTHS[1]) - 4
    sheet.grid(WIDTHS, heights)
    one_page = sum(heights.values()) <= ONE_PAGE
    sheet.page(landscape=False, one_page=one_page, columns=2, rows=band + len(contents))


def face_texts(rollup: Rollup) -> list[str]:
    """All that stands above the list of sheets, in the order in which it is read."""
    said = [(_title(rollup), ""), *_lines(rollup)]
    return [clipped(text) for head, words in said for text in (head, words)]


def _title(rollup: Rollup) -> str:
    headed = rollup.form.headed(rollup.unit.name, rollup.year)
    return f"{headed}\n（汇总 · {rollup.form.edition}版 · {rollup.coverage}）"


def _lines(rollup: Rollup) -> Iterator[tuple[str, str]]:
    form = rollup.form
    yield "汇总单位", rollup.unit.name
    yield "单位代码", rollup.unit.code
    yield "报告年度", str(rollup.year)
    yield "表式", f"{form.title}（{form.key}，{form.authority}）"
    yield COVERAGE, rollup.coverage
    yield from _what_went_in(rollup)
    reasons: dict[str, list[Unit]] = {}
    for unit, why in rollup.missing:
        reasons.setdefault(why, []).append(unit)
    everybody = [*(leaf.unit for leaf in rollup.leaves), *(unit for unit, _ in rollup.missing)]
    for why, units in reasons.items():
        yield f"没有计入：{why}", _names(units, everybody)
    if not reasons:
        yield "没有计入", "无"
    if rollup.gaps:
        yield "数不全的项目", _gap_words(rollup)
    yield "汇总数的勾稽关系", _broken_words(rollup) or "全部成立（未定的除外）"
    if any(item.rollup == "confirm-sum" for item in form.items.values()):
        yield "需人工确认", CONFIRM_WORDS
    zeros = sum(bool(leaf.declared_zeros) for leaf in rollup.leaves)
    if zeros:
        yield "声明的零", f"{zeros} 个单位声明“未填写的数字格均为零”，明细中以灰色斜体标出"


def _what_went_in(rollup: Rollup) -> Iterator[tuple[str, str]]:
    """Units by kind; the county's own reports and what came in or as a consolidated file told apart."""
    leaves = rollup.leaves
    by_kind = {kind: [leaf.unit for leaf in leaves if leaf.unit.kind == kind] for kind in KINDS}
    yield "其中", "、".join(f"{kind} {len(units)} 个" for kind, units in by_kind.items() if units)
    if by_kind[OWN]:
        yield "本级自报", _names(by_kind[OWN])
    if by_kind[CONSOLIDATED]:
        yield "已汇总的报表", f"{_names(by_kind[CONSOLIDATED])}（下属单位不再另计）"
    through: dict[str, int] = {}
    for leaf in leaves:
        if leaf.through:
            through[leaf.through] = through.get(leaf.through, 0) + 1
    if through:
        alone = len(leaves) - sum(through.values())
        words = "、".join(f"{file}（{count} 个单位）" for file, count in sorted(through.items()))
        yield "由下级汇总件计入", words + (f"；另有 {alone} 个单位直接报送" if alone else "")


def _broken_words(rollup: Rollup) -> str:
    """The rules that do not hold, each with the lines on which it does not."""
    layout, said = lay_out(rollup.form), dict[str, list[str]]()
    for one in rollup.results:
        if one.holds is False:
            where = said.setdefault(f"{one.status.value}：{one.line.rule.basis}", [])
            where.append(layout.rule_words(one.line).replace("{year}", str(rollup.year)))
    rules = []
    for what, where in list(said.items())[:MOST_BROKEN]:
        table = where[0].partition("·")[0]
        lines = "、".join(one.removeprefix(f"{table}·") for one in where)
        rules.append(f"{what}（{table}：{lines}）" if lines != table else f"{what}（{table}）")
    more = f"\n等 {len(said)} 条，见〔校验〕" if len(said) > MOST_BROKEN else ""
    return "\n".join(rules) + more


def _gap_words(rollup: Rollup) -> str:
    """How many figures lack somebody, and whom; each is marked （缺n） where it stands."""
    count: dict[str, tuple[Unit, int]] = {}
    for units in rollup.gaps.values():
        for unit in units:
            count[unit.key] = unit, count.get(unit.key, (unit, 0))[1] + 1
    names = shown_names([unit for unit, _ in count.values()])
    said = [f"{name}（{times} 项）" for name, (_, times) in zip(names, count.values(), strict=True)]
    more = f"等 {len(said)} 个单位" if len(said) > MOST_NAMED else ""
    words = "、".join(said[:MOST_NAMED])
    return f"{len(rollup.gaps)} 项没有包含所有单位，数后标（缺几个单位），没填的不当作零；缺：{words}{more}"


def _names(units: Sequence[Unit], among: Sequence[Unit] = ()) -> str:
    """Their names, told apart from all those `among` which they stand."""
    more = f"等 {len(units)} 个，见〔报送情况〕" if len(units) > MOST_NAMED else ""
    return "、".join(shown_names([*units, *among])[: min(len(units), MOST_NAMED)]) + more

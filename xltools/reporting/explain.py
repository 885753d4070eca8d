"""An explanation as a table for a clerk and as JSON: every unit behind a figure, and whether they add up to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xltools.explaining import Explanation, Part
from xltools.filing import THROUGH, Leaf
from xltools.problems import place_words
from xltools.reporting.json import figure, finding_document
from xltools.reporting.text import fault_lines, one_line, table
from xltools.sameness import shown_names
from xltools.words import number_text

EXPLAIN_SCHEMA = "xltools.explain/1"
HEADS = ("", "单位", "值", "格", "汇总表里的格", "文件", "SHA-256")
SHA_SHOWN = 16  # characters on a terminal; the JSON has them all
BLANK_WORDS = "没有数"


def explain_report(found: Explanation) -> Iterator[str]:
    """What `explain` prints."""
    item, filing = found.item, found.filing
    assert filing.unit is not None and filing.year is not None
    where = place_words(found.place.sheet, found.place.address)
    yield f"{item.label(filing.year)}　{where}　{item.id}"
    yield from fault_lines(found.faults)
    yield f"{filing.file}：{one_line(filing.unit.name)} {filing.year}年，{len(found.parts)} 个单位"
    yield ""
    everybody = [*(part.leaf.unit for part in found.parts), *(unit for unit, _ in found.missing)]
    names = [one_line(name) for name in shown_names(everybody)]
    called = {id(part): name for part, name in zip(found.parts, names, strict=False)}
    yield from table(HEADS, [_row(at, part, called[id(part)]) for at, part in enumerate(found.parts, 1)])
    yield ""
    yield _verdict(found)
    for part in found.gaps:
        words = BLANK_WORDS if part.value is None else f"缺 {part.gaps} 个分项"
        yield f"▲ {called[id(part)]}：{words}，没有当作零。"
    if found.missing:
        left_out = zip(names[len(found.parts) :], found.missing, strict=True)
        said = "、".join(f"{name}（{why}）" for name, (_, why) in left_out)
        yield f"▲ 没有计入的单位 {len(found.missing)} 个：{said}"


def _row(number: int, part: Part, name: str) -> tuple[str, ...]:
    leaf = part.leaf
    value = BLANK_WORDS if part.value is None else one_line(number_text(part.value))
    return (
        str(number),
        name,
        f"{value}（声明的零）" if part.is_declared else value,
        place_words(part.place.sheet, part.place.address),
        place_words(part.detail.sheet, part.detail.address),
        one_line(" → ".join((*route(leaf), leaf.file))),
        leaf.sha256[:SHA_SHOWN],
    )


def route(leaf: Leaf) -> list[str]:
    """The roll-ups through which a unit's file came, the outermost first."""
    return leaf.through.split(THROUGH) if leaf.through else []


def _verdict(found: Explanation) -> str:
    unit = found.item.unit or ""
    if found.item.rollup == "none":
        return "这一项按表式不汇总，各单位的数只在这里列出。"
    if not found.is_added:
        return "这一项是文字，汇总时逐个列出，不相加。"
    if found.total is None:
        return "没有一个单位有这个数。"
    said = f"各单位之和：{number_text(found.total)}{unit}"
    if found.adds_up:
        return f"{said}，与汇总表的数相等。"
    other = number_text(found.value if found.shown is None else found.shown)
    return f"× {said}，汇总表这一格却是 {other}{unit}；请用 check 查这份汇总表，或重新汇总。"


def explain_document(found: Explanation) -> dict[str, Any]:
    """The object that `explain --format json` prints."""
    item, filing = found.item, found.filing
    assert filing.unit is not None
    return {
        "schema": EXPLAIN_SCHEMA,
        "file": filing.file,
        "sha256": filing.sha256,
        "form": filing.form_key,
        "year": filing.year,
        "unit": {"code": filing.unit.code, "name": filing.unit.name},
        "item": {
            "id": item.id,
            "label": item.label(filing.year),
            "unit": item.unit,
            "sheet": found.place.sheet,
            "cell": found.place.address,
            "rollup": item.rollup,
        },
        "value": figure(found.value),
        "shown": figure(found.shown),
        "sum": figure(found.total),
        "adds_up": found.adds_up,
        "parts": [
            {
                "unit": part.leaf.unit.name,
                "code": part.leaf.unit.code,
                "kind": part.leaf.unit.kind,
                "value": figure(part.value),
                "gaps": part.gaps,
                "declared_zero": part.is_declared,
                "file": part.leaf.file,
                "sha256": part.leaf.sha256,
                "sheet": part.place.sheet,
                "cell": part.place.address,
                "detail": {"sheet": part.detail.sheet, "cell": part.detail.address},
                "through": route(part.leaf),
            }
            for part in found.parts
        ],
        "missing": [{"code": unit.code, "name": unit.name, "why": why} for unit, why in found.missing],
        "faults": [finding_document(one) for one in found.faults],
    }

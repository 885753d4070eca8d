"""A comparison as a table for a clerk and as JSON: what changed, by how much, and because of which unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from xltools.compute import Number
from xltools.differing import Cause, Change, Comparison, Share, UnitChange
from xltools.filing import Filing, Leaf
from xltools.form import Form, Item, Value
from xltools.layout import lay_out
from xltools.problems import place_words
from xltools.reporting.explain import BLANK_WORDS
from xltools.reporting.json import figure, finding_document
from xltools.reporting.text import fault_lines, one_line, table
from xltools.sameness import shown_names
from xltools.words import number_text

DIFF_SCHEMA = "xltools.diff/1"
HEADS = ("指标", "格", "前", "后", "差", "因为")
MOST_SHARES = 3  # units named for one figure on a terminal; the JSON has them all
MOST_TEXT = 20  # characters of a text figure shown


def diff_report(found: Comparison) -> Iterator[str]:
    """What `diff` prints."""
    form = found.after.form
    assert form is not None
    yield f"前：{_heading(found.before)}"
    yield f"后：{_heading(found.after)}"
    yield from fault_lines(found.faults)
    if found.is_same:
        yield "没有差别。"
    called = _called(found)
    yield from _unit_lines(found.units, called)
    if found.changes:
        yield ""
        yield from table(HEADS, [_row(found, form, change, called) for change in found.changes])
    if found.texts:
        yield ""
        for one in found.texts:
            yield f"文字改了：{called[one.unit.key]}　{form.texts[one.text].label}"
    yield from _one_sided("前一份", found.only_before)
    yield from _one_sided("后一份", found.only_after)
    if not found.by_unit and found.changes:
        yield ""
        yield "两份不是同一单位、同一类的表，只比较数，不能归到单位。"


def _heading(filing: Filing) -> str:
    assert filing.unit is not None
    kind = f"汇总表，{len(filing.leaves)} 个单位" if filing.is_rollup else "单位报表"
    return f"{filing.file}（{one_line(filing.unit.name)} {filing.year}年，{filing.form_key}，{kind}）"


def _called(found: Comparison) -> dict[str, str]:
    """Key of a unit → what it is called, told apart from all others on both sides."""
    units = [leaf.unit for side in (found.before, found.after) for leaf in side.leaves]
    units += [side.unit for side in (found.before, found.after) if side.unit is not None]
    return {unit.key: one_line(name) for unit, name in zip(units, shown_names(units), strict=True)}


def _unit_lines(units: Sequence[UnitChange], called: Mapping[str, str]) -> Iterator[str]:
    if units:
        yield ""
    for cause in (Cause.ADDED, Cause.GONE, Cause.RESENT):
        names = [called[one.unit.key] for one in units if one.cause is cause]
        if names:
            yield f"{cause.value} {len(names)} 个：{'、'.join(names)}"


def _row(found: Comparison, form: Form, change: Change, called: Mapping[str, str]) -> tuple[str, ...]:
    slot, item = lay_out(form).slots[change.item.id], change.item
    total = "" if item.is_input else "（合计）"
    return (
        f"{item.label(found.after.year)}{total}",
        place_words(slot.sheet, slot.address),
        shown(change.before),
        shown(change.after),
        signed(change.difference),
        _because(change.shares, called),
    )


def _because(shares: Sequence[Share], called: Mapping[str, str]) -> str:
    """+37：示例镇重新报送；−2：示例局少了单位, the largest first."""
    ranked = sorted(shares, key=lambda one: abs(Decimal(one.difference or 0)), reverse=True)
    said = [
        f"{signed(one.difference) or '文字'}：{called[one.unit.key]}{one.cause.value}"
        for one in ranked[:MOST_SHARES]
    ]
    if rest := ranked[MOST_SHARES:]:
        said.append(f"{signed(sum(one.difference or 0 for one in rest))}：另有 {len(rest)} 个单位")
    return "；".join(said)


def shown(value: Value) -> str:
    """A figure for a narrow column."""
    if value is None:
        return BLANK_WORDS
    text = one_line(number_text(value))
    return text if len(text) <= MOST_TEXT or not isinstance(value, str) else text[:MOST_TEXT] + "…"


def signed(number: Number | None) -> str:
    """
    >>> signed(37), signed(-2), signed(0), signed(None)
    ('+37', '-2', '0', '')
    """
    if number is None:
        return ""
    return f"+{number_text(number)}" if number > 0 else number_text(number)


def _one_sided(which: str, items: Sequence[Item]) -> Iterator[str]:
    if items:
        yield f"只有{which}才有的指标 {len(items)} 个，没有比较：{'、'.join(item.id for item in items[:5])}{'……' if len(items) > 5 else ''}"


def diff_document(found: Comparison) -> dict[str, Any]:
    """The object that `diff --format json` prints."""
    form = found.after.form
    assert form is not None
    return {
        "schema": DIFF_SCHEMA,
        "same": found.is_same,
        "before": _side(found.before),
        "after": _side(found.after),
        "by_unit": found.by_unit,
        "changes": [_change(found, form, change) for change in found.changes],
        "units": [
            {
                **_unit(one),
                "before": _file(one.before),
                "after": _file(one.after),
            }
            for one in found.units
        ],
        "texts": [{"code": one.unit.code, "name": one.unit.name, "text": one.text} for one in found.texts],
        "only_before": [item.id for item in found.only_before],
        "only_after": [item.id for item in found.only_after],
        "faults": [{"file": one.file, **finding_document(one)} for one in found.faults],
    }


def _side(filing: Filing) -> dict[str, Any]:
    assert filing.unit is not None
    return {
        "file": filing.file,
        "sha256": filing.sha256,
        "form": filing.form_key,
        "year": filing.year,
        "unit": {"code": filing.unit.code, "name": filing.unit.name},
        "units": len(filing.leaves) if filing.is_rollup else None,
    }


def _change(found: Comparison, form: Form, change: Change) -> dict[str, Any]:
    slot = lay_out(form).slots[change.item.id]
    return {
        "item": change.item.id,
        "label": change.item.label(found.after.year),
        "sheet": slot.sheet,
        "cell": slot.address,
        "derived": not change.item.is_input,
        "before": figure(change.before),
        "after": figure(change.after),
        "difference": figure(change.difference),
        "shares": [
            {
                **_unit(one),
                "before": figure(one.before),
                "after": figure(one.after),
                "difference": figure(one.difference),
            }
            for one in change.shares
        ],
    }


def _unit(one: Share | UnitChange) -> dict[str, Any]:
    return {"code": one.unit.code, "name": one.unit.name, "cause": one.cause.name.lower()}


def _file(leaf: Leaf | None) -> dict[str, str] | None:
    return {"file": leaf.file, "sha256": leaf.sha256} if leaf else None

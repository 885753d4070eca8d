"""Merging: which checked files go into one Rollup, and why the others do not.

Independent of order, batch and grouping: a roll-up taken in one level up contributes its leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from xltools.checks.across import said
from xltools.filing import THROUGH, Leaf, Reason
from xltools.finding import Outcome
from xltools.form import Values
from xltools.problems import place_words
from xltools.result import Checked, CheckResult, MergeResult, with_findings
from xltools.rollup import in_order, roll_up
from xltools.roster import Unit


def leaves_of(one: Checked) -> tuple[Leaf, ...]:
    """What a filing contributes: itself with the reasons it gives, or the leaves of a roll-up."""
    filing = one.filing
    if filing.is_rollup:
        return tuple(
            replace(leaf, through=THROUGH.join(filter(None, (filing.file, leaf.through))))
            for leaf in filing.leaves
        )
    assert filing.unit is not None
    return (
        Leaf(
            unit=filing.unit,
            file=filing.file,
            sha256=filing.sha256,
            inputs=filing.inputs,
            declared_zeros=filing.declared_zeros,
            texts=filing.texts,
            reasons=tuple(reasons_of(one)),
        ),
    )


def reasons_of(one: Checked) -> Iterator[Reason]:
    """The unit's explanations of what was queried."""
    for finding in one.findings:
        if finding.explained:
            place = place_words(finding.sheet or "", finding.cell or "")
            yield Reason(finding.rule or finding.fingerprint, place, finding.message, finding.explained)


def merge(
    checked: CheckResult,
    *,
    unit: Unit | None = None,
    strict: bool = False,
    last: Values | None = None,
) -> MergeResult:
    """Merges accepted, noted and queried filings (`strict`: none with an open query).

    Mixed forms or years: nothing is merged, and each file says so.  A unit that comes by itself and inside a
    roll-up: neither.  Raises XltoolsError only when our own sums disagree.
    """
    filings = list(checked.filings)
    usable = [
        at
        for at, one in enumerate(filings)
        if one.may_merge and not (strict and one.outcome is Outcome.QUERIED)
    ]
    kinds = {(filings[at].filing.form_key, filings[at].filing.year) for at in usable}
    if len(kinds) > 1:
        words = "、".join(sorted(f"{key} {year}年" for key, year in kinds))
        for at in usable:
            filings[at] = _add(filings[at], "R105", f"这批文件里混有：{words}；一份也没有汇总。",
                               "请分开汇总，或用 --form、--year 选定要汇总的。")  # fmt: skip
        usable = []
    usable = _drop_overlaps(filings, usable)
    result = replace(checked, filings=tuple(filings))
    merged = tuple(at in set(usable) for at in range(len(filings)))
    if not usable:
        return MergeResult(result, merged, None)
    first = filings[usable[0]].filing
    assert first.form is not None and first.year is not None
    leaves = in_order([leaf for at in usable for leaf in leaves_of(filings[at])], checked.roster)
    rollup = roll_up(first.form, first.year, leaves, unit=unit, roster=checked.roster, last=last)
    rollup = replace(rollup, missing=_missing(result, merged))
    return MergeResult(result, merged, rollup)


def _add(one: Checked, code: str, message: str, remedy: str, found: str | None = None) -> Checked:
    return with_findings(one, [said(code, one.filing, message, remedy, found=found)])


def _drop_overlaps(filings: list[Checked], usable: list[int]) -> list[int]:
    """A unit that comes in more than one usable file: none of these files is merged until one is taken away."""
    carriers: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for at in usable:
        for leaf in leaves_of(filings[at]):
            carriers.setdefault(leaf.unit.key, []).append(at)
            names[leaf.unit.key] = leaf.unit.name
    clashes: dict[int, list[str]] = {}
    for key, where in carriers.items():
        if len(set(where)) > 1:
            for at in dict.fromkeys(where):
                clashes.setdefault(at, []).append(key)
    for at, keys in clashes.items():
        others = sorted({filings[o].filing.file for key in keys for o in carriers[key] if o != at})
        words = "、".join(names[key] for key in keys[:5]) + ("等" if len(keys) > 5 else "")
        filings[at] = _add(
            filings[at],
            "R106",
            f"“{words}”在这份和 {'、'.join(others)} 里都有，会重复相加，都没有汇总。",
            "请只留一种：单位自己的报表，或包含它的汇总件。",
            found="、".join(others),
        )
    return [at for at in usable if at not in clashes]


def _missing(checked: CheckResult, merged: Sequence[bool]) -> tuple[tuple[Unit, str], ...]:
    """Units whose figures are not in the roll-up, with the reason: 未报送, 退回, 待核实, 读不出."""
    inside = {
        leaf.unit.key
        for one, went in zip(checked.filings, merged, strict=True)
        if went
        for leaf in leaves_of(one)
    }
    reasons: dict[str, tuple[Unit, str]] = {}
    for one, went in zip(checked.filings, merged, strict=True):
        unit = one.filing.unit
        if went or unit is None or one.duplicate:
            continue
        known = checked.roster.find(unit) if checked.roster else None
        if (known or unit).key not in inside and unit.key not in inside:
            reasons.setdefault((known or unit).key, (known or unit, one.outcome.words))
    for unit in checked.missing:
        reasons.setdefault(unit.key, (unit, "未报送"))
    if checked.roster is None:
        return tuple(reasons.values())
    listed = [reasons[unit.key] for unit in checked.roster if unit.key in reasons]
    return tuple(listed)

"""Merging: which checked files go into one Rollup, and why the others do not.

Independent of order, batch and grouping: a roll-up taken in one level up contributes its leaves.  What would be
counted twice is overlaps.py's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xltools.checks.across import listed, said, twins_among
from xltools.compute import Number, as_number
from xltools.errors import UsageError
from xltools.filing import THROUGH, Filing, Leaf, Reason
from xltools.finding import Outcome, outcome_of
from xltools.form import Values
from xltools.overlaps import replaced, settle
from xltools.problems import place_words
from xltools.reading.coverage import not_merged
from xltools.result import Checked, CheckResult, MergeResult, represented, with_findings
from xltools.rollup import Rollup, in_order, roll_up
from xltools.roster import Roster, Unit
from xltools.sameness import Sameness, shown_names, words_of
from xltools.words import label_key

if TYPE_CHECKING:
    from xltools.lastyear import LastYear
    from xltools.subset import Subset


def leaves_of(one: Checked) -> tuple[Leaf, ...]:
    """What a filing contributes: itself with the reasons it gives, or the leaves of a roll-up."""
    filing = one.filing
    if filing.is_rollup:
        return tuple(
            replace(leaf, through=THROUGH.join(filter(None, (filing.file, leaf.through))))
            for leaf in filing.leaves
        )
    return (filing.as_leaf(tuple(reasons_of(one))),)


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
    last: LastYear | None = None,
    prefer: Sequence[str] = (),
    only: Subset | None = None,
) -> MergeResult:
    """Merges accepted, noted and queried filings (`strict`: none with an open query).

    Mixed forms or years: nothing is merged, and each file says so.  What would be counted twice: none of the
    files concerned, unless `prefer` names one (by its name, its path, or 单位=文件).  `only` takes a part of the
    units.  Raises UsageError for a preference that fits no file and for another's `last`, XltoolsError only when our own sums disagree.
    """
    filings = whole = sorted(checked.filings, key=lambda one: (one.filing.file, one.filing.sha256))
    if only is not None:
        filings = [_narrowed(one, only) for one in whole]
        checked = replace(
            checked, roster=only.of_roster(), missing=tuple(filter(only.takes, checked.missing))
        )
    roster = checked.roster
    preferred = _preferred(filings, prefer)
    _choose(filings, preferred, roster)
    asked = [at for at, one in enumerate(filings) if only is None or _is_asked_for(one, only)]
    usable = [at for at in asked if filings[at].may_merge]
    if strict:
        usable = [at for at in usable if filings[at].outcome is not Outcome.QUERIED]
    kinds = {(filings[at].filing.form_key, filings[at].filing.year) for at in usable}
    if len(kinds) > 1:
        words = "、".join(sorted(f"{key} {year}年" for key, year in kinds))
        for at in usable:
            filings[at] = _add(filings[at], "R105", f"这批文件里混有：{words}；一份也没有汇总。",
                               "请分开汇总，或用 --form、--year 选定要汇总的。")  # fmt: skip
        usable = []
    disputed = [
        at
        for at in asked
        if any(finding.code == "R103" for finding in filings[at].findings)
        and {(filings[at].filing.form_key, filings[at].filing.year)} == kinds
    ]
    usable = settle(filings, usable, disputed, roster, preferred, unit)
    if strict:  # what is in doubt between files is a query as well
        usable = [at for at in usable if filings[at].outcome is not Outcome.QUERIED]
    result, inside = replace(checked, filings=tuple(filings[at] for at in asked)), set(usable)
    merged = tuple([at in inside for at in asked])
    if not usable:
        return MergeResult(result, merged, None)
    first = filings[usable[0]].filing
    assert first.form is not None and first.year is not None
    leaves = in_order([leaf for at in usable for leaf in leaves_of(filings[at])], roster)
    signer = only.signed(unit) if only is not None and unit is not None else unit
    went = [whole[at] for at in usable]
    if only is not None:  # a roll-up without any of these units may still know of one that is missing
        went += [whole[at] for at in sorted({*range(len(whole))} - {*asked}) if whole[at].may_merge]
    below = [pair for one in went for pair in _missing_below(one.filing, only)]
    missing, covered = _missing(result, merged, below), _covered(result, merged)
    rollup = roll_up(
        first.form, first.year, leaves, unit=signer, roster=roster, missing=missing, covered=covered
    )
    if only is not None and unit is None:
        rollup = replace(rollup, unit=only.signed(rollup.unit))
    return MergeResult(result, merged, _with_last(rollup, last) if last is not None else rollup)


def _add(one: Checked, code: str, message: str, remedy: str, found: str | None = None) -> Checked:
    return with_findings(one, [said(code, one.filing, message, remedy, found=found)])


# ---- a part of the units


def _narrowed(one: Checked, only: Subset) -> Checked:
    """A roll-up with those of its leaves that are asked for."""
    if not one.filing.is_rollup:
        return one
    leaves = tuple(leaf for leaf in one.filing.leaves if only.takes(leaf.unit))
    return replace(one, filing=replace(one.filing, leaves=leaves))


def _is_asked_for(one: Checked, only: Subset) -> bool:
    """Files of units that are asked for, and those of which nobody can tell whose they are."""
    filing = one.filing
    return bool(filing.leaves) if filing.is_rollup else filing.unit is None or only.may_take(filing.unit)


def _missing_below(filing: Filing, only: Subset | None) -> Iterator[tuple[Unit, str]]:
    """Of a roll-up that came in: who is missing in it, and who in it is left out because nobody knows the unit."""
    if not filing.is_rollup:
        return
    for unit, why in not_merged(filing.book) if filing.book else ():
        if unit.kind and (only is None or only.may_take(unit)):  # a file of nobody has no kind
            yield unit, why
    for leaf in filing.leaves if only is not None else ():
        if only is not None and only.may_take(leaf.unit) and not only.takes(leaf.unit):
            yield leaf.unit, "名单里没有"


# ---- which of two


def _preferred(filings: Sequence[Checked], names: Sequence[str]) -> set[int]:
    """The positions of the files that `--prefer` names."""
    found: set[int] = set()
    for name in names:
        fitting = _files_called(filings, name)
        unit, sign, file = name.partition("=")
        if not fitting and sign:
            fitting = _files_called(filings, file.strip())
            others = [at for at in fitting if not _is_called(filings[at].filing.unit, unit)]
            if others:
                raise UsageError(f"--prefer 里的“{file}”不是“{unit}”的报表。")
        if not fitting:
            raise UsageError(f"--prefer 里的“{name}”不在这批文件里。")
        digests = {filings[at].filing.sha256 for at in fitting}
        if len(digests) > 1:
            raise UsageError(f"--prefer 里的“{name}”有 {len(fitting)} 份，请把文件夹也写上。")
        found.update(
            at for at, one in enumerate(filings) if one.filing.sha256 in digests and not one.duplicate
        )
    return found


def _files_called(filings: Sequence[Checked], name: str) -> list[int]:
    """By path, else by the name a file is reported under, else by the end of that name."""
    path, plain = Path(name).absolute(), Path(name).as_posix()
    tests: tuple[Callable[[Checked], bool], ...] = (
        lambda one: one.path is not None and one.path.absolute() == path,
        lambda one: one.filing.file == plain,
        lambda one: one.filing.file.endswith(f"/{plain}"),
    )
    for test in tests:
        if fitting := [
            at for at, one in enumerate(filings) if one.outcome is not Outcome.IGNORED and test(one)
        ]:
            return fitting
    return []


def _is_called(unit: Unit | None, word: str) -> bool:
    return unit is not None and label_key(word) in words_of(unit)


def _choose(filings: list[Checked], preferred: set[int], roster: Roster | None) -> None:
    """Of several files of one unit, the one that is preferred counts and the others say so."""
    among = [at for at, one in enumerate(filings) if not one.duplicate and one.filing.form_key is not None]
    for twins in twins_among([one.filing for one in filings], among, roster):
        chosen = [at for at in twins if at in preferred]
        if len(chosen) > 1:
            files = "、".join(filings[at].filing.file for at in chosen)
            raise UsageError(f"--prefer 里的 {files} 是同一单位的，只能写一份。")
        for at in twins if chosen else ():
            one = filings[at]
            if at in chosen:
                findings = tuple(finding for finding in one.findings if finding.code != "R103")
                filings[at] = replace(one, findings=findings, outcome=outcome_of(findings))
            else:
                filings[at] = replaced(one, filings[chosen[0]].filing.file)


# ---- who is missing, and last year


def _missing(
    checked: CheckResult, merged: Sequence[bool], below: Sequence[tuple[Unit, str]]
) -> tuple[tuple[Unit, str], ...]:
    """Units whose figures are not in the roll-up, with the reason: 未报送, 退回, 待核实, 读不出.

    Those that were missing in a roll-up one level down (`below`) are missing here as well.
    """
    roster = checked.roster
    went = [one.filing for one, inside in zip(checked.filings, merged, strict=True) if inside]
    left = [
        one
        for one, inside in zip(checked.filings, merged, strict=True)
        if not (inside or one.duplicate or one.superseded)
    ]
    if not (left or checked.missing or below):
        return ()
    same = Sameness(
        [*(unit for one in checked.filings for unit in _everybody(one.filing)), *(unit for unit, _ in below)],
        roster,
    )
    inside = {
        same.key(unit) for filing in went for unit in (*_everybody(filing), *represented(filing, roster))
    }
    reasons: dict[str, tuple[Unit, str]] = {}
    carried: dict[str, tuple[Unit, str]] = {}
    for one in left:
        units = represented(one.filing, roster) if roster is not None else _everybody(one.filing)[:1]
        for unit in units:
            if same.key(unit) not in inside:
                known = same.known(unit)
                reasons.setdefault(known.key, (known, one.outcome.words))
    for unit in checked.missing:
        if same.key(unit) not in inside:
            reasons.setdefault(unit.key, (unit, "未报送"))
    for unit, why in below:
        known = same.known(unit)
        if same.key(unit) not in inside and known.key not in reasons:
            carried.setdefault(known.key, (known, why))
    if roster is not None:  # in its order, then those that it does not have
        reasons = {unit.key: reasons[unit.key] for unit in roster if unit.key in reasons} | reasons
    return (*reasons.values(), *carried.values())


def _covered(checked: CheckResult, merged: Sequence[bool]) -> int | None:
    """How many units of the roster are inside, as a leaf or as one that is expected as a whole."""
    if checked.roster is None:
        return None
    went = [one.filing for one, inside in zip(checked.filings, merged, strict=True) if inside]
    found = {
        known.key
        for one in went
        for unit in represented(one, checked.roster)
        if (known := checked.roster.find(unit)) is not None
    }
    return len(found)


def _everybody(filing: Filing) -> list[Unit]:
    """The unit of a file, and those of its leaves."""
    return [unit for unit in (filing.unit, *(leaf.unit for leaf in filing.leaves)) if unit is not None]


def _with_last(rollup: Rollup, last: LastYear) -> Rollup:
    """Last year's figures of each unit, and of the roll-up's own.

    The latter as they were added up last year, else the sum over the units, which nobody knows while one is missing.
    """
    year = rollup.year
    by_unit = {
        leaf.unit.key: values for leaf in rollup.leaves if (values := last.of(leaf.unit, year)) is not None
    }
    own, note = last.of_whole(rollup.unit, [leaf.unit for leaf in rollup.leaves], year)
    lost = [leaf.unit for leaf in rollup.leaves if leaf.unit.key not in by_unit]
    if own is None and not lost:
        own = _sums(list(by_unit.values()))
    elif own is None:
        names = listed(shown_names(lost))
        note = f"没有“{rollup.unit.name}”的上年合计：{len(rollup.leaves)} 个单位里有 {len(lost)} 个没有上年数（{names}）。"
    return replace(rollup, last=own or {}, last_by_unit=by_unit, last_note=note)


def _sums(many: Sequence[Values]) -> Values:
    """Item → the sum, of items that all have a number for."""
    found: dict[str, Number] = {}
    for name in many[0] if many else ():
        numbers = [number for values in many if (number := as_number(values.get(name))) is not None]
        if len(numbers) == len(many):
            found[name] = sum(numbers)
    return found

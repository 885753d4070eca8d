"""Last year: its figures by unit, from a filing, a folder of filings or a roll-up; and what makes a roll-up unfit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xltools.checks import Case, run_checks
from xltools.checks.across import listed
from xltools.checks.registry import registered
from xltools.errors import UsageError, XltoolsError
from xltools.filing import Filing
from xltools.finding import Finding, Level
from xltools.form import Values
from xltools.forms.finder import FormFinder
from xltools.reading.coverage import coverage_of, not_merged
from xltools.reading.filings import read_filing
from xltools.reading.gate import why_ignored
from xltools.reading.ours import why_no_filing
from xltools.rollup import is_unnamed
from xltools.roster import CONSOLIDATED, ITSELF, Unit
from xltools.sameness import Sameness
from xltools.sources import gather
from xltools.subset import part_words
from xltools.words import label_key

OF_THE_FILE = (
    "structure",
    "sheets",
    "shape",
    "integrity",
    "details",
)  # checks that say whether it was edited


@dataclass(frozen=True)
class Whole:
    """What a government had added up last year: a roll-up, or a form filled in for all of it."""

    unit: Unit
    values: Values
    file: str
    leaves: tuple[Unit, ...] = ()
    coverage: str = ""  # 4/6 单位, as its face says
    missing: tuple[tuple[Unit, str], ...] = ()

    def demand(self, unit: Unit, leaves: Sequence[Unit] = ()) -> None:
        """Raises UsageError where this is plainly not what `unit` (with these units in it) had added up."""
        part = part_words(self.unit)
        if part and not part_words(unit):
            raise UsageError(
                f"--last 给的“{self.file}”只汇总了一部分单位（{part}），不能当作“{unit.name}”上年的合计。"
                "请给上年全部单位的汇总表，或放着各单位上年报表的文件夹。"
            )
        if is_unnamed(self.unit):
            same = Sameness((*self.leaves, *leaves))
            mine = {same.key(one) for one in self.leaves}
            fits = not leaves or any(same.key(one) in mine for one in leaves)
        elif self.unit.code and unit.code and self.unit.code == unit.code:
            fits = True
        else:
            fits = label_key(self.unit.name) == label_key(unit.name)
        if not fits:
            raise UsageError(
                f"--last 给的“{self.file}”是“{self.unit.name}”（代码 {self.unit.code or '无'}）的，"
                f"不是“{unit.name}”（代码 {unit.code or '无'}）的。请核对是不是拿错了文件；"
                "是同一单位改了名的，汇总时用 --code 写上与上年相同的代码。"
            )

    @property
    def gaps(self) -> str:
        """Who was not in it; "" where nobody was missing."""
        if not self.missing:
            return ""
        names = listed(f"{unit.name}（{why}）" for unit, why in self.missing)
        return f"上年只有 {self.coverage}：缺 {names}，增减里含有这一差别。"


class LastYear:
    """Last year's figures by unit, from a filing, a folder of filings or a roll-up.

    `own` are those of one unit, whatever it was called then; `year` is the year they are of, as the reports say.
    `wholes` are what was added up, and `single` the only report there is, where it is one of these.
    """

    def __init__(
        self,
        known: Iterable[tuple[Unit, Values]],
        own: tuple[Unit, Values] | None = None,
        year: int | None = None,
        wholes: Sequence[Whole] = (),
        single: Whole | None = None,
    ) -> None:
        self.year, self._wholes, self.single = year, tuple(wholes), single
        self._by_key: dict[tuple[str, bool], Values] = {}
        self._by_name: dict[tuple[str, bool], list[tuple[Unit, Values]]] = {}
        for unit, values in known:
            total = unit.kind == CONSOLIDATED
            self._by_key[unit.key, total] = values
            self._by_name.setdefault((unit.name, total), []).append((unit, values))
        self._own = own

    def demand(self, years: Iterable[int]) -> None:
        """Raises UsageError unless these are the figures of the year before one of `years`: an older report, or the
        same one, would make every comparison wrong."""
        wanted = sorted(year - 1 for year in set(years))
        if self.year is not None and wanted and self.year not in wanted:
            words = "、".join(f"{year}年度" for year in wanted[:5])
            raise UsageError(f"--last 给的是{self.year}年度的报告，这里要的是{words}的。")

    def of(self, unit: Unit, year: int | None = None) -> Values | None:
        """A unit's figures of last year; None where they are not known, or are not of the year before `year`.

        What a county had added up last year is not what it reported itself, though both bear its name.
        """
        if year is not None and self.year is not None and self.year != year - 1:
            return None
        total = unit.kind == CONSOLIDATED
        found = self._among(unit, total)
        if found is None and self._own is not None and self._own[0] == unit:
            found = self._own[1]
        if found is None and not total and unit.kind != ITSELF:
            found = self._among(unit, True)
        return found

    def of_whole(self, unit: Unit, leaves: Sequence[Unit], year: int) -> tuple[Values | None, str]:
        """What `unit`, which adds up `leaves`, had added up last year, and what is to be said of it.

        Raises UsageError where the only report there is belongs to another government or has a part of the units.
        """
        found = self.of(unit, year)
        single, signed = self.single, not is_unnamed(unit) and not part_words(unit)
        if signed and single is not None and (found is None or found is single.values):
            single.demand(unit, leaves)
            found = single.values if self.year in (None, year - 1) else None
        whole = next((one for one in self._wholes if one.values is found), None)
        return found, whole.gaps if whole is not None else ""

    def _among(self, unit: Unit, total: bool) -> Values | None:
        """By key, else by a name that only one unit has and whose parent is no other."""
        if (found := self._by_key.get((unit.key, total))) is not None:
            return found
        named = self._by_name.get((unit.name, total), [])
        fitting = [
            one for one in named if not (one[0].parent and unit.parent and one[0].parent != unit.parent)
        ]
        return fitting[0][1] if len(fitting) == 1 else None


def faults_of(filing: Filing) -> tuple[Finding, ...]:
    """What makes a roll-up's figures ones that nobody reported: the errors of the file itself.

    What its units left blank or got wrong is not among them: that shows in the figures.  () of a unit's own report,
    whose faults are the unit's to mend.
    """
    if not filing.is_rollup or filing.book is None:
        return ()
    about = registered()
    return tuple(
        finding
        for finding in run_checks(Case(filing))
        if finding.level is Level.ERROR and about[finding.code].module in OF_THE_FILE
    )


def demand_whole(filing: Filing) -> None:
    """Raises XltoolsError for a roll-up that was edited or damaged: what is built on it would look sound."""
    if faults := faults_of(filing):
        more = f"（共 {len(faults)} 处，用 check 看明细）" if len(faults) > 1 else ""
        first = faults[0]
        raise XltoolsError(
            f"{filing.file} 这份汇总表有问题，不能用：{first.code} {first.message}{more}{first.remedy}"
        )


def read_last_year(
    path: str | Path, *, forms: Iterable[str | Path] = (), unit: Unit | None = None
) -> LastYear:
    """Last year's filings in a file or folder, of whatever edition.

    A single filing counts for `unit` whatever it is called there.  What a roll-up holds of a unit goes before
    files lying beside it, which may be earlier ones.  Raises XltoolsError when nothing in it can be read, when two
    files of a unit differ, when a roll-up in it was edited, or when it holds several years: a wrong file here would silently make every comparison
    a wrong or an undecided one.
    """
    find_form = FormFinder(forms)
    filings = [
        read_filing(one, find_form, name=name)
        for one, name in gather([Path(path)])
        if not why_ignored(one) and not why_no_filing(one)
    ]
    for filing in filings:
        demand_whole(filing)
    usable = [filing for filing in filings if filing.unit is not None and filing.entries]
    if not usable:
        raise XltoolsError(f"{path} 里读不出上年的报告。")
    years = sorted({filing.year for filing in usable if filing.year is not None})
    if len(years) > 1:
        words = "、".join(f"{year}年" for year in years)
        raise XltoolsError(f"{path} 里有 {words} 的报告，看不出用哪一年的；请只留上一年的。")
    known: dict[tuple[str, bool], tuple[Filing, Unit, Values]] = {}
    for filing in sorted(usable, key=lambda one: not one.is_rollup):
        for one, values in _by_unit(filing):
            before = known.setdefault((one.key, one.kind == CONSOLIDATED), (filing, one, values))
            if before[2] != values and before[0].is_rollup == filing.is_rollup:
                raise XltoolsError(
                    f"{path} 里“{one.name}”上年的报告有两份不同的：{before[0].file}、{filing.file}。"
                    "请只留一份，或只给上年的汇总表。"
                )
    wholes = {filing.file: _whole(filing) for filing in usable if _is_total(filing)}
    single = usable[0] if len(usable) == 1 else None
    whole = wholes.get(single.file) if single is not None else None
    own = None
    if unit is not None and single is not None and (unit.kind != CONSOLIDATED or whole is not None):
        if unit.kind == CONSOLIDATED and whole is not None and not part_words(whole.unit):
            whole.demand(unit)
        own = (unit, single.figures) if whole is None or not part_words(whole.unit) else None
    of_units = ((one, values) for _, one, values in known.values())
    return LastYear(of_units, own, years[0] if years else None, tuple(wholes.values()), whole)


def _whole(filing: Filing) -> Whole:
    assert filing.unit is not None
    leaves, book = tuple(leaf.unit for leaf in filing.leaves), filing.book if filing.is_rollup else None
    if book is None:
        return Whole(filing.unit, filing.figures, filing.file, leaves)
    return Whole(filing.unit, filing.figures, filing.file, leaves, coverage_of(book), not_merged(book))


def _is_total(filing: Filing) -> bool:
    return filing.is_rollup or (filing.unit is not None and filing.unit.kind == CONSOLIDATED)


def _by_unit(filing: Filing) -> Iterator[tuple[Unit, Values]]:
    assert filing.unit is not None
    yield filing.unit, filing.figures
    for leaf in filing.leaves:
        yield leaf.unit, leaf.figures(filing.form) if filing.form else {}

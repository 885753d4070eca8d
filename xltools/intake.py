"""Intake: paths in, checked filings out.  Reads each file once, never stops at a bad one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from xltools.checks import Case, run_checks
from xltools.checks.across import compare, listed, missing_units
from xltools.checks.issued import look_up
from xltools.checks.registry import registered
from xltools.errors import FormError, UsageError, XltoolsError
from xltools.filing import BLANK, Entry, Filing
from xltools.finding import Finding, Level, Outcome, outcome_of
from xltools.form import Form, Value, Values
from xltools.forms.catalogue import load_form
from xltools.issued import Register
from xltools.longpath import reachable
from xltools.reading.coverage import coverage_of, not_merged
from xltools.reading.filings import FindForm, read_filing
from xltools.reading.gate import why_ignored
from xltools.reading.ours import why_no_filing
from xltools.result import Checked, CheckResult, represented, with_findings
from xltools.rollup import is_unnamed
from xltools.roster import CONSOLIDATED, ITSELF, Roster, Unit
from xltools.sameness import Sameness
from xltools.subset import part_words
from xltools.words import label_key

OF_THE_FILE = (
    "structure",
    "sheets",
    "shape",
    "integrity",
    "details",
)  # checks that say whether it was edited
Progress = Callable[[int, int], None]  # (done, of)


class FormFinder:
    """Finds the form of a filing by key: forms named for this run first, then the catalogue."""

    def __init__(self, named: Iterable[str | Path] = ()) -> None:
        self._forms: dict[str, Form | None] = {}
        for name in named:
            form = load_form(name)
            self._forms[form.key] = form

    def __call__(self, key: str) -> Form | None:
        if key not in self._forms:
            try:
                self._forms[key] = load_form(key) if not key.endswith(".toml") else None
            except FormError:
                raise  # a form file of ours is broken: loudly
            except UsageError:
                self._forms[key] = None
        return self._forms[key]


def gather(paths: Iterable[Path], leave_out: Iterable[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Every file in these files and folders with the name it is reported under, each once, in order of path.

    What is left out, a file or a folder inside one of these folders, is passed over.  Raises UsageError for a
    path that does not exist.
    """
    apart = {path.resolve() for path in leave_out}
    seen: set[Path] = set()
    for path in paths:
        root = reachable(path, deep=True)
        if root.is_dir():
            inside = sorted(
                path / one.relative_to(root)
                for one in root.rglob("*")
                if not one.is_dir() or one.suffix.lower() == ".xlsx"
            )
            wanted = [one for one in inside if not _inside(one, path, apart)]
            found = [(one, one.relative_to(path).as_posix()) for one in wanted]
        elif root.exists() or root.is_symlink():
            found = [(path, path.name)] if path.resolve() not in apart else []
        else:
            raise UsageError(f"找不到：{path}")
        for one, name in found:
            real = one.absolute()
            if real not in seen:
                seen.add(real)
                yield one, name


def _inside(path: Path, folder: Path, apart: set[Path]) -> bool:
    """Whether a path below a folder is left out, by itself or with a folder between them."""
    if not apart:
        return False
    above = (path, *path.parents)
    return any(one.resolve() in apart for one in above[: above.index(folder)])


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is being collected, and what each file is held against.

    `form` (a key) and `year` are what is asked for; other files are returned.  `find_form` knows the forms;
    `register` the numbers that copies went out under.  `lean` keeps of each file what merging and reports need,
    and not its cells.
    """

    find_form: FindForm
    form: str | None = None
    year: int | None = None
    roster: Roster | None = None
    last: LastYear | None = None
    register: Register = Register()
    lean: bool = False


def check(
    paths: Iterable[str | Path],
    *,
    forms: Iterable[str | Path] = (),
    form: str | None = None,
    year: int | None = None,
    roster: Roster | None = None,
    last: LastYear | None = None,
    register: Register | None = None,
    leave_out: Iterable[Path] = (),
    lean: bool = False,
    progress: Progress | None = None,
) -> CheckResult:
    """Reads and checks every file.  `forms` are form files beside the catalogue's; see Wanted for the others.

    `leave_out` names files that may lie among the filings and are none, such as the roster and the output.
    Raises UsageError for a path that does not exist and for a `last` that is of another year than the one before
    any of these, and FormErrors for a form file of ours that is broken; nothing for bad filings.
    """
    wanted = Wanted(
        find_form=FormFinder(forms), form=form, year=year, roster=roster, last=last, lean=lean,
        register=register or Register(),
    )  # fmt: skip
    files = sorted(gather(map(Path, paths), leave_out), key=lambda one: (one[1], str(one[0])))
    read: list[Checked] = []
    for done, (path, name) in enumerate(files):
        if progress:
            progress(done, len(files))
        read.append(check_one(path, name, wanted))
    if progress:
        progress(len(files), len(files))
    if last is not None:
        last.demand([year] if year else [one.filing.year for one in read if one.filing.year])
    return held_together(read, roster)


def check_one(path: Path, name: str, wanted: Wanted) -> Checked:
    """One file by itself, reported under `name`."""
    if why_ignored(path) or why_no_filing(path):
        return Checked(Filing(file=name, sha256=""), (), Outcome.IGNORED, path=path)
    filing, about_number = look_up(read_filing(path, wanted.find_form, name=name), wanted.register)
    before = None
    if wanted.last is not None and filing.unit is not None:
        before = wanted.last.of(filing.unit, filing.year)
    case = Case(filing, last=before, year=wanted.year, form_key=wanted.form, roster=wanted.roster)
    findings = run_checks(case)
    if not any(finding.code == "S003" for finding in findings):  # then its number is its own
        findings += about_number
    unreadable = filing.refusal is not None or filing.form is None
    outcome = Outcome.UNREADABLE if unreadable else outcome_of(findings)
    return Checked(_lean(filing) if wanted.lean else filing, tuple(findings), outcome, path=path)


def held_together(read: Sequence[Checked], roster: Roster | None) -> CheckResult:
    """Files of one run with what is said between them, and who is missing."""
    between = compare([one.filing for one in read], roster)
    checked = tuple(_judge(one, between.get(at, ())) for at, one in enumerate(read))
    came = [unit for one in checked for unit in represented(one.filing, roster)]
    return CheckResult(checked, missing_units(roster, came), roster)


def _judge(one: Checked, between: Sequence[Finding]) -> Checked:
    """A file with what is said of it among the others."""
    if not between:
        return one
    return replace(with_findings(one, between), duplicate=any(finding.code == "R104" for finding in between))


def _lean(filing: Filing) -> Filing:
    """A unit's filing without its cells, which take ten times as much room as its figures."""
    if filing.is_rollup:
        return filing
    entries = {name: _bare(entry.value, entry.declared_zero) for name, entry in filing.entries.items()}
    return replace(filing, book=None, claims=(), last_shown={}, entries=entries)


@lru_cache(maxsize=100_000, typed=True)
def _bare(value: Value, declared_zero: bool) -> Entry:
    """One entry for all cells that say the same."""
    return Entry(BLANK, value, declared_zero=declared_zero)


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

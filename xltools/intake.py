"""Intake: paths in, checked filings out.  Reads each file once, never stops at a bad one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from xltools.checks import Case, run_checks
from xltools.checks.across import compare, missing_units
from xltools.errors import FormError, UsageError, XltoolsError
from xltools.filing import Filing
from xltools.finding import Finding, Outcome, outcome_of
from xltools.form import Form, Values
from xltools.forms.catalogue import load_form
from xltools.reading.filings import read_filing
from xltools.reading.gate import why_ignored
from xltools.result import Checked, CheckResult
from xltools.roster import Roster, Unit

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
        if path.is_dir():
            inside = sorted(
                one
                for one in path.rglob("*")
                if (not one.is_dir() or one.suffix.lower() == ".xlsx") and not _inside(one, path, apart)
            )
            found = [(one, one.relative_to(path).as_posix()) for one in inside]
        elif path.exists() or path.is_symlink():
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


def check(
    paths: Iterable[str | Path],
    *,
    forms: Iterable[str | Path] = (),
    form: str | None = None,
    year: int | None = None,
    roster: Roster | None = None,
    last: LastYear | None = None,
    leave_out: Iterable[Path] = (),
    progress: Progress | None = None,
) -> CheckResult:
    """Reads and checks every file.  `forms` are form files beside the catalogue's.

    `form` (a key) and `year` are what is being collected; other files are returned.  `leave_out` names files that
    may lie among the filings and are none, such as the roster and the output.  Raises UsageError for a
    path that does not exist and FormErrors for a form file of ours that is broken, nothing for bad filings.
    """
    find_form = FormFinder(forms)
    files = list(gather(map(Path, paths), leave_out))
    read: list[tuple[Path, Filing, str | None]] = []
    for done, (path, name) in enumerate(files):
        if progress:
            progress(done, len(files))
        ignored = why_ignored(path)
        filing = Filing(file=name, sha256="") if ignored else read_filing(path, find_form, name=name)
        read.append((path, filing, ignored))
    if progress:
        progress(len(files), len(files))
    between = compare([filing for _, filing, _ in read])
    checked = tuple(
        replace(_judge(filing, ignored, between.get(at, []), form, year, roster, last), path=path)
        for at, (path, filing, ignored) in enumerate(read)
    )
    came = [one.filing.unit for one in checked if one.filing.unit is not None]
    return CheckResult(checked, missing_units(roster, came), roster)


def _judge(
    filing: Filing,
    ignored: str | None,
    between: Sequence[Finding],
    form: str | None,
    year: int | None,
    roster: Roster | None,
    last: LastYear | None,
) -> Checked:
    if ignored:
        return Checked(filing, (), Outcome.IGNORED)
    before = last.of(filing.unit) if last is not None and filing.unit is not None else None
    case = Case(filing, last=before, year=year, form_key=form, roster=roster)
    findings = tuple(run_checks(case)) + tuple(between)
    unreadable = filing.refusal is not None or filing.form is None
    outcome = Outcome.UNREADABLE if unreadable else outcome_of(findings)
    return Checked(filing, findings, outcome, duplicate=any(one.code == "R104" for one in between))


class LastYear:
    """Last year's figures by unit, from a filing, a folder of filings or a roll-up."""

    def __init__(self, figures: dict[str, Values], by_name: dict[str, Values], only: Values | None) -> None:
        self._figures, self._by_name, self._only = figures, by_name, only

    def of(self, unit: Unit) -> Values | None:
        """A unit's figures of last year; None where they are not known."""
        return self._figures.get(unit.key) or self._by_name.get(unit.name) or self._only


def read_last_year(
    path: str | Path, *, forms: Iterable[str | Path] = (), unit: Unit | None = None
) -> LastYear:
    """Last year's filings in a file or folder, of whatever edition.

    A single filing counts for `unit` whatever it is called there.  Raises XltoolsError when nothing in it can
    be read: a wrong file here would silently leave every comparison undecided.
    """
    find_form = FormFinder(forms)
    filings = [
        read_filing(one, find_form, name=name) for one, name in gather([Path(path)]) if not why_ignored(one)
    ]
    usable = [filing for filing in filings if filing.unit is not None and filing.entries]
    if not usable:
        raise XltoolsError(f"{path} 里读不出上年的报告。")
    figures: dict[str, Values] = {}
    names: dict[str, Values] = {}
    for filing in usable:
        assert filing.unit is not None
        for leaf_unit, values in _by_unit(filing):
            figures[leaf_unit.key] = values
            names[leaf_unit.name] = values if leaf_unit.name not in names else {}
    return LastYear(figures, names, usable[0].figures if unit is not None and len(usable) == 1 else None)


def _by_unit(filing: Filing) -> Iterator[tuple[Unit, Values]]:
    assert filing.unit is not None
    yield filing.unit, filing.figures
    for leaf in filing.leaves:
        yield leaf.unit, leaf.figures(filing.form) if filing.form else {}

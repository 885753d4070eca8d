"""Intake: paths in, checked filings out.  Reads each file once, never stops at a bad one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xltools.checks import Case, run_checks
from xltools.checks.across import compare, missing_units
from xltools.checks.issued import look_up
from xltools.filing import BareEntries, Claims, Filing, Refusal
from xltools.finding import Finding, Outcome, outcome_of
from xltools.form import Form
from xltools.forms.finder import FormFinder as FormFinder
from xltools.issued import Register
from xltools.reading.filings import FindForm
from xltools.reading.gate import why_ignored
from xltools.reading.ours import why_no_filing
from xltools.reading.refusals import REFILL, UNFINISHED
from xltools.result import Checked, CheckResult, represented, with_findings
from xltools.roster import Roster
from xltools.sources import Source, sources
from xltools.sources import gather as gather
from xltools.words import file_name
from xltools.workers import ALONE, Lost, Workers

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from xltools.lastyear import LastYear

Progress = Callable[[int, int], None]  # (done, of)


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
    jobs: int | None = 1,
    executor: Executor | None = None,
) -> CheckResult:
    """Reads and checks every file of these files, folders and URLs (fsspec's).

    `forms` are form files beside the catalogue's; see Wanted for the others, and Workers for `jobs` and `executor`.
    `leave_out` names files that may lie among the filings and are none, such as the roster and the output.
    Raises UsageError for a path that does not exist and for a `last` that is of another year than the one before
    any of these, and FormErrors for a form file of ours that is broken; nothing for bad filings.
    """
    wanted = Wanted(
        find_form=FormFinder(forms), form=form, year=year, roster=roster, last=last, lean=lean,
        register=register or Register(),
    )  # fmt: skip
    read = check_many(sources(paths, leave_out), wanted, Workers(jobs, executor), progress)
    if last is not None:
        last.demand([year] if year else [one.filing.year for one in read if one.filing.year])
    return held_together(read, roster)


def check_many(
    files: Sequence[Source],
    wanted: Wanted,
    workers: Workers = ALONE,
    progress: Progress | None = None,
) -> list[Checked]:
    """Each file by itself, in the order given, whoever does it.

    One that costs its worker's life, or too much time or memory, is unreadable (F012); the others are not touched.
    """
    if progress:
        progress(0, len(files))
    if workers.executor is None and workers.number(len(files)) == 1:
        read = []
        for file in files:
            read.append(_check(file, wanted))
            if progress:
                progress(len(read), len(files))
        return read
    from xltools.parallel import spread  # only where there is more than one process

    found: list[Checked | None] = [None] * len(files)
    ready = (_ready(file, workers) for file in files)
    still = getattr(progress, "still", nullcontext)  # a bar has a thread
    for done, (at, one) in enumerate(spread(_Check(wanted), ready, workers, len(files), still), 1):
        found[at] = _refused(files[at], one) if isinstance(one, Lost) else _arrived(one, files[at], wanted)
        if progress:
            progress(done, len(files))
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class _Check:
    """What a worker has once: it takes files and gives back what was found, without what every process has."""

    wanted: Wanted

    def __call__(self, file: Source) -> Checked:
        return _check(file, self.wanted, is_sent=True)


def _ready(file: Source, workers: Workers) -> Source:
    """A file as it goes to a worker: with its bytes where the worker may not reach it."""
    if workers.executor is None and not file.is_elsewhere:
        return file
    held = file if _is_ignored(file) else file.loaded()
    return replace(held, path=None, fetch=None)


def _arrived(one: Checked, file: Source, wanted: Wanted) -> Checked:
    """What came back, with this process's form, and one copy of what all files share."""
    filing = one.filing
    if one.outcome not in (Outcome.UNREADABLE, Outcome.IGNORED):
        form = wanted.find_form(filing.form_key or "")
        assert form is not None
        # Nobody else has it yet, and to copy it takes as long as to send it.
        object.__setattr__(filing, "form", form)
    return Checked(filing, one.findings, one.outcome, path=file.path)


def check_one(path: Path, name: str, wanted: Wanted) -> Checked:
    """One file by itself, reported under `name`."""
    return _check(Source(name, path), wanted)


def _check(file: Source, wanted: Wanted, *, is_sent: bool = False) -> Checked:
    try:
        return _judged(file, wanted, is_sent)
    except MemoryError:
        return _refused(file, Lost())


def _refused(file: Source, lost: Lost) -> Checked:
    """A file that could not be finished."""
    why = f"用了 {lost.seconds:.0f} 秒还没有读完，停下了" if lost.seconds else "程序中断了，多半是内存不够"
    refusal = Refusal(UNFINISHED, f"读这个文件时{why}；别的文件不受影响。", REFILL)
    filing = Filing(file=file_name(file.name), sha256="", refusal=refusal)
    return Checked(filing, tuple(run_checks(Case(filing))), Outcome.UNREADABLE, path=file.path)


def _is_ignored(file: Source) -> bool:
    return why_ignored(file.path or file.name) is not None


def _ignored(file: Source) -> Checked:
    return Checked(Filing(file=file.name, sha256=""), (), Outcome.IGNORED, path=file.path)


def _judged(file: Source, wanted: Wanted, is_sent: bool) -> Checked:
    """What was found in a file.  What is sent to another process goes without the form, which that one has."""
    if _is_ignored(file):
        return _ignored(file)
    if file.is_elsewhere:
        file = file.loaded()
    if why_no_filing(file.path or Path(file.name), file.data):
        return _ignored(file)
    filing, about_number = look_up(file.filing(wanted.find_form), wanted.register)
    before = None
    if wanted.last is not None and filing.unit is not None:
        before = wanted.last.of(filing.unit, filing.year)
    case = Case(filing, last=before, year=wanted.year, form_key=wanted.form, roster=wanted.roster)
    findings = run_checks(case)
    if not any(finding.code == "S003" for finding in findings):  # then its number is its own
        findings += about_number
    unreadable = filing.refusal is not None or filing.form is None
    outcome = Outcome.UNREADABLE if unreadable else outcome_of(findings)
    form = None if is_sent else filing.form
    if wanted.lean and not filing.is_rollup:
        filing = _lean(filing, form)
    elif is_sent:
        filing = replace(filing, form=form)
    return Checked(filing, tuple(findings), outcome, path=None if is_sent else file.path)


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


def _lean(filing: Filing, form: Form | None) -> Filing:
    """A unit's filing without its cells, which take ten times as much room as its figures."""
    bare = BareEntries(filing.inputs, filing.declared_zeros)
    return replace(filing, form=form, book=None, claims=_NONE, last_shown={}, entries=bare)


_NONE = Claims()

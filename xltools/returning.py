"""Returning: what goes back to a unit whose filing cannot be accepted as it is.

For each returned or queried file a fresh workbook of the right edition with the unit's figures and texts in
place, the faulty cells marked, and a list of problems in front.  What cannot be read by address is carried over by
its labels.  The received file is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xltools.answers import Answers
from xltools.carrying import Carried, as_harvest, carry
from xltools.checks import Case, run_checks
from xltools.errors import UsageError, WriteError
from xltools.filing import Filing, Refusal
from xltools.finding import Finding, Level, Outcome
from xltools.form import Form, Values
from xltools.forms.catalogue import form_files, load_form
from xltools.harvest import Harvest
from xltools.issuing import answers_of, workbook_name
from xltools.lastyear import LastYear
from xltools.layout import lay_out
from xltools.marking import is_held, problems_of
from xltools.problems import TRANSFERS, Problem
from xltools.reading import gate
from xltools.reading.bylabels import harvest
from xltools.reading.filings import read_filing_bytes
from xltools.result import Checked, CheckResult
from xltools.roster import Roster, Unit
from xltools.writing.template import write_template

PLACE_CODES = {"S006", "S007", "S008"}  # figures do not stand where the template has them


@dataclass(frozen=True, kw_only=True)
class SentBack:
    """What goes back for one file: a workbook, or the reason why there is none, and what the unit is told."""

    checked: Checked
    unit: Unit | None
    heading: str  # 示例镇2023年…年度报告, or the file's name where nobody knows whose it is
    problems: tuple[Problem, ...]
    data: bytes | None = None
    name: str = ""  # of the workbook's file, without its ending until all are named
    why_not: str = ""
    carried: Carried | None = None


def send_back(
    result: CheckResult,
    *,
    forms: Iterable[str | Path] = (),
    form: str | Path | None = None,
    year: int | None = None,
    last: LastYear | None = None,
    issue_of: Callable[[Unit], str | None] = lambda unit: None,
) -> Iterator[SentBack]:
    """One per file that is returned, queried or unreadable, in the order of the result.

    `issue_of` gives the number that a unit's copies go out under, where a ledger has one.
    `form` and `year` are what is being collected, `forms` form files beside the catalogue's.  Raises UsageError
    where `form` does not cover `year`.
    """
    sender = _Sender(result.roster, forms, load_form(form) if form else None, year, last, issue_of)
    taken: dict[str, int] = {}
    for one in go_back(result):
        try:
            back = sender.send(one)
        except WriteError as error:  # one file's contents must not keep the others from going back
            back = sender.nothing(one, f"做不成新表：{error}。请用下发的模板重填。")
        if back.data is not None:
            key = back.name.casefold()
            taken[key] = number = taken.get(key, 0) + 1
            back = replace(back, name=f"{back.name}（退回{number if number > 1 else ''}）.xlsx")
        yield back


def go_back(result: CheckResult) -> list[Checked]:
    """The files about which a unit has to be told."""
    passed = (Outcome.ACCEPTED, Outcome.NOTED, Outcome.IGNORED)
    return [one for one in result.filings if one.outcome not in passed and not one.duplicate]


class _Sender:
    def __init__(
        self,
        roster: Roster | None,
        forms: Iterable[str | Path],
        form: Form | None,
        year: int | None,
        last: LastYear | None,
        issue_of: Callable[[Unit], str | None],
    ) -> None:
        self.roster, self.form, self.year, self.last = roster, form, year, last
        self.issue_of = issue_of
        named = {made.key: made for made in map(load_form, forms)}
        shipped = {key: load_form(key) for key, _ in form_files()}
        self.forms = tuple({**shipped, **named}.values())
        if form is not None and year is not None and not form.covers(year):
            raise UsageError(f"{form.key} 不适用于{year}年的报告。")

    def find(self, key: str) -> Form | None:
        return next((form for form in self.forms if form.key == key), None)

    def send(self, one: Checked) -> SentBack:
        filing, codes = one.filing, {finding.code for finding in one.findings}
        if filing.is_rollup:
            return self.nothing(one, "这是汇总件，请改各单位的报表，再重新汇总。")
        if filing.form is None or filing.unit is None or codes & PLACE_CODES:
            return self._by_labels(one)
        unit, year = self._unit(one), self._year(filing)
        if unit is None or year is None:
            return self.nothing(one, "是哪个单位、哪一年的，文件里说法不一；请用下发给本单位的模板重新填报。")
        form = self._edition(filing.form, year)
        if form is None:
            return self.nothing(one, self._no_edition(year))
        if form is filing.form and year == filing.year:
            return self._marked(one, form, unit, year)
        if form.key == filing.form.key:
            return self._blank(one, form, unit, year)
        return self._carried(one, as_harvest(filing), form, unit, year)

    def _unit(self, one: Checked) -> Unit | None:
        """The roster's own record of the unit; else what the workbook says, if it does not contradict itself:
        a fresh workbook must not make an edited identity sound."""
        unit = one.filing.unit
        if unit is None or not unit.name:
            return None
        edited = any(finding.code == "S003" for finding in one.findings)
        return self._listed(unit) or (None if edited else unit)

    def _listed(self, unit: Unit) -> Unit | None:
        return self.roster.find(unit) if self.roster is not None else None

    def _year(self, filing: Filing) -> int | None:
        said = {claim.value for claim in filing.claims if claim.carrier.field == "year" and claim.value}
        return self.year or (filing.year if len(said) <= 1 else None)

    def _edition(self, form: Form, year: int) -> Form | None:
        """The edition to be filled in for a year: the one asked for, else the filing's own, else the one of the same
        form that shares most with it; None where none is for that year."""
        if self.form is not None or form.covers(year):
            wanted = self.form or form
            return wanted if wanted.covers(year) else None
        fitting = [one for one in self.forms if one.id == form.id and one.covers(year)]
        likeness = {one: (len(one.items.keys() & form.items.keys()), -len(one.items)) for one in fitting}
        return max(fitting, key=likeness.__getitem__, default=None)

    def _no_edition(self, year: int) -> str:
        if self.form is None:
            return f"没有适用于{year}年的版本，请核对年度。"
        return f"这份写的是{year}年度，{self.form.edition}版不适用；请用 --year 写明要收的年度。"

    def nothing(self, one: Checked, why: str) -> SentBack:
        filing = one.filing
        heading = f"文件“{filing.file}”"
        if filing.form is not None and filing.unit is not None and filing.year is not None:
            heading = filing.form.headed(filing.unit.name, filing.year)
        return SentBack(
            checked=one, unit=filing.unit, heading=heading, problems=problems_of(one.findings), why_not=why
        )

    @staticmethod
    def _back(
        one: Checked,
        form: Form,
        unit: Unit,
        year: int,
        problems: tuple[Problem, ...],
        data: bytes,
        carried: Carried | None = None,
    ) -> SentBack:
        return SentBack(
            checked=one,
            unit=unit,
            heading=form.headed(unit.name, year),
            problems=problems,
            data=data,
            name=workbook_name(form, unit, year),
            carried=carried,
        )

    def _marked(self, one: Checked, form: Form, unit: Unit, year: int) -> SentBack:
        """Read by address: the same figures and texts in a fresh workbook, the faulty cells marked."""
        filing = one.filing
        problems = problems_of(one.findings, linked_sheets(form), filing.problems)
        listed = {problem.rule for problem in problems if problem.rule}
        answers = answers_of(filing).fitting()
        kept = {line: text for line, text in answers.explanations.items() if line not in listed}
        same = filing.unit is not None and unit.identity() == filing.unit.identity()
        data = write_template(
            form,
            unit,
            year,
            replace(answers, explanations=kept),
            last=self._before(unit, year) or filing.last_shown,
            issue=self.issue_of(unit) or (filing.issue if same and filing.issue else None),
            prefill=False,
            problems=problems,
            transfers=filing.transfers,
        )
        return self._back(one, form, unit, year, problems, data)

    def _blank(self, one: Checked, form: Form, unit: Unit, year: int) -> SentBack:
        """Another year's report: its figures are not this year's, so the unit gets a blank to fill in."""
        filing = one.filing
        before = self._before(unit, year)
        if before is None and filing.year == year - 1:
            before = filing.figures
        problems = tuple(replace(problem, marked=()) for problem in problems_of(_of_file(one.findings)))
        data = write_template(form, unit, year, last=before, issue=self.issue_of(unit), problems=problems)
        return self._back(one, form, unit, year, problems, data)

    def _by_labels(self, one: Checked) -> SentBack:
        """Not read by address: found by its labels, of its own edition where it says which."""
        filing = one.filing
        found = self._harvest(one)
        if isinstance(found, Refusal):
            return self.nothing(one, f"{found.sentence}{found.remedy}")
        unit = self._unit(one)
        if filing.unit is None and found.unit:
            unit = self._listed(Unit(name=found.unit)) or Unit(name=found.unit)
        year = self._year(filing) or found.year
        if unit is None:
            return self.nothing(one, "里面没有写明是哪个单位，请用下发给本单位的模板填报。")
        if year is None:
            return self.nothing(one, "里面没有写明是哪一年的报告，请用 --year 指明。")
        form = self._edition(found.form, year)
        if form is None:
            return self.nothing(one, self._no_edition(year))
        return self._carried(one, found, form, unit, year)

    def _harvest(self, one: Checked) -> Harvest | Refusal:
        filing = one.filing
        assert one.path is not None
        try:
            data = gate.read_bytes(one.path)
        except gate.Refused as refused:
            return refused.refusal
        forms = [filing.form] if filing.form is not None else list(self.forms)
        units = [unit.name for unit in self.roster] if self.roster is not None else []
        return harvest(filing.file, data, forms, units=units, year=self.year)

    def _carried(self, one: Checked, found: Harvest, form: Form, unit: Unit, year: int) -> SentBack:
        """Carried over, read back and checked like any filing, so that its problems stand at their new places."""
        carried = carry(found, form, year)
        fitted = carried.answers.fitting()
        before = self._before(unit, year) or one.filing.last_shown

        def written(problems: Sequence[Problem], answers: Answers) -> bytes:
            return write_template(
                form,
                unit,
                year,
                answers,
                last=before,
                issue=self.issue_of(unit),
                prefill=False,
                problems=problems,
                transfers=carried.transfers,
            )

        first = read_filing_bytes(one.filing.file, written((), fitted), self.find)
        # with the reasons given on an earlier list, and what is still to be answered
        known = replace(first, problems=one.filing.problems, held=one.filing.held)
        case = Case(known, last=self._before(unit, year), year=self.year, roster=self.roster)
        old = tuple(
            replace(
                problem,
                level=Level.NOTE.words,
                message=f"原来的文件：{problem.message}",
                remedy="已由程序搬进这份新表，请核对“搬运清单”。",
                sheet="",
                cell="",
                marked=(),
            )
            for problem in problems_of(one for one in _of_file(one.findings) if not is_held(one))
        )
        held = [finding for finding in one.findings if is_held(finding)]
        problems = problems_of([*held, *run_checks(case)], linked_sheets(form), one.filing.problems) + old
        listed = {problem.rule for problem in problems if problem.rule}
        said = {k: v for k, v in fitted.explanations.items() if k not in listed}
        data = written(problems, replace(fitted, explanations=said))
        return self._back(one, form, unit, year, problems, data, carried)

    def _before(self, unit: Unit, year: int) -> Values | None:
        return self.last.of(unit, year) if self.last is not None else None


def linked_sheets(form: Form) -> tuple[str, ...]:
    return (*lay_out(form).sheet_names, TRANSFERS)


def _of_file(findings: Iterable[Finding]) -> list[Finding]:
    """What is wrong with the file as such, not with the figures in it."""
    return [finding for finding in findings if finding.code[0] in "FSR" and finding.level is not Level.NOTE]

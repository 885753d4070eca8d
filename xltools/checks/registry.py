"""The registry of checks, and the case that each of them judges."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

from xltools.checks.plain import Judged, doubtful
from xltools.compute import Number, RuleResult, broken_rules, shown_totals
from xltools.detail import detail_sheets
from xltools.filing import Filing
from xltools.finding import Finding, Level
from xltools.form import Form, Values
from xltools.layout import CHECKS, Layout, Slot, lay_out
from xltools.problems import PROBLEMS, Problem
from xltools.roster import Roster
from xltools.words import clean, number_text, says_something, seen

if TYPE_CHECKING:
    from xltools.culprit import Suspect

T = TypeVar("T")
MODULES = {  # in the order they run: what is required comes first; what each is about, for the page of codes
    "files": "文件打不打得开、是不是工作簿",
    "structure": "是不是下发的模板，表和标签在不在原处",
    "sheets": "多出来的、藏起来的表，压在表上的图形",
    "shape": "改过的合并格、藏起来的行列、表外的内容",
    "integrity": "合计还是不是公式，由程序搬来的表核对过没有",
    "values": "填报格里填的是什么",
    "texts": "文字写了没有、放不放得下",
    "details": "汇总件里各单位的明细",
    "held": "退回的问题答复了没有",
    "rules": "勾稽关系",
    "years": "与上年相比",
    "culprit": "哪一格像是填错的",
    "statements": "文字与表对不对得上",
    "across": "与名单、与其他文件相比",
    "issued": "与下发台账相比，核验码",
}


# What some checks compare a filing with, and have nothing to say without; not every filing comes with it:
Given = Literal[
    "roster",
    "last",  # figures of last year
    "transfers",  # of a filing that was carried over: what went where
    "held",  # what it was sent back for and a fresh workbook cannot show
    "list",  # the sheet with the list of problems
]


class Kind(NamedTuple):
    """What a filing is to the checks."""

    is_refused: bool
    has_form: bool
    is_rollup: bool


@dataclass(frozen=True)
class Case:
    """One filing and what it is held against.  `last` is last year's figures of its unit, by item id."""

    filing: Filing
    last: Values | None = None
    year: int | None = None  # the year asked for, where one was
    form_key: str | None = None  # the form asked for, where one was
    roster: Roster | None = None

    @property
    def form(self) -> Form:
        assert self.filing.form is not None
        return self.filing.form

    @cached_property
    def layout(self) -> Layout:
        return lay_out(self.form)

    @property
    def level(self) -> str:
        return self.filing.unit.level if self.filing.unit else "town"

    @property
    def kind(self) -> Kind:
        filing = self.filing
        return Kind(filing.refusal is not None, filing.form is not None, filing.is_rollup)

    @property
    def lacking(self) -> tuple[Given, ...]:
        """What it does not come with."""
        filing = self.filing
        without: list[Given] = []
        if self.roster is None:
            without.append("roster")
        if not self.last:
            without.append("last")
        if not filing.transfers:
            without.append("transfers")
        if not filing.held:
            without.append("held")
        if filing.book is None or PROBLEMS not in filing.book.sheets:
            without.append("list")
        return tuple(without)

    @cached_property
    def doubtful(self) -> tuple[Judged, ...]:
        """The inputs that were read, but for those of which checks of single figures are known to say nothing."""
        return doubtful(self.filing, self.level)

    @cached_property
    def shown_sums(self) -> tuple[Number | None, ...]:
        """Every total as its parts give it, blanks passed over as in SUM; in the order of `form.derived`."""
        return shown_totals(self.form, self.filing.inputs, self.filing.figures)

    @cached_property
    def sums(self) -> Mapping[str, Number | None]:
        """The same by item."""
        return dict(zip((item.id for item in self.form.derived), self.shown_sums, strict=True))

    @cached_property
    def broken(self) -> tuple[RuleResult, ...]:
        """The rule lines that do not hold."""
        return tuple(broken_rules(self.form, self.filing.figures, self.level, last=self.last))

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Who is likely to blame for what does not add up; of a roll-up nobody: its figures are sums."""
        inputs, typed = self.filing.inputs, self.filing.typed_totals
        if self.filing.is_rollup or not (typed or self.broken):
            return ()
        from xltools.culprit import suspects  # most filings need it never

        return suspects(self.form, {**inputs, **typed} if typed else inputs, level=self.level, last=self.last)

    def blame(self, broken: str) -> str:
        """Who is likely to blame for a broken rule line or total, as a sentence; "" unless it points to one cell."""
        rivals = [one for one in self.suspects if broken in one.broken]
        if len(rivals) != 1 or not rivals[0].is_likely or len(rivals[0].corrections) != 1:
            return ""
        fix = rivals[0].corrections[0]
        at, found, expected = self.at(self.layout.slots[fix.item]), fix.found, fix.expected
        return f"多半是{at}填错了：填的是 {number_text(found)}，应是 {number_text(expected)}。"

    @cached_property
    def sheet_names(self) -> tuple[str, ...]:
        """The sheets that have to be there: a roll-up has 明细 in place of 封面 and of sections without figures."""
        if not self.filing.is_rollup:
            return tuple(self.layout.by_name)
        with_figures = dict.fromkeys(slot.sheet for slot in self.layout.slots.values())
        return (*with_figures, CHECKS, *(one.name for one in detail_sheets(self.form).values()))

    def reason(self, finding: Finding) -> str | None:
        """What the unit wrote about a query: on 校验 for a rule, on 问题清单 for any; both, where they differ.

        A dash is no reason, and one that was written about another figure is none for this one.
        """
        if self.filing.is_rollup:
            return self._reason_of_units(finding)
        said = [self.filing.explanations.get(finding.rule or "", "")]
        if self.outdated(finding) is None:
            said.append(self.filing.reasons.get(finding.fingerprint, ""))
        return "；".join(dict.fromkeys(filter(says_something, said))) or None

    def _reason_of_units(self, finding: Finding) -> str | None:
        """Of a roll-up: what its units said of the same rule or of the same cell, whose sums these are."""
        said = [self.filing.explanations.get(finding.rule or "", "")]
        for leaf in self.filing.leaves:
            said += [
                f"{leaf.unit.name}：{reason.text}"
                for reason in leaf.reasons
                if reason.about == finding.fingerprint
            ]
        return "；".join(filter(says_something, said)) or None

    def of_sums(self, finding: Finding) -> Finding:
        """A query about the size of a figure; of a roll-up a note, since its units have answered for the parts."""
        plain = self.filing.is_rollup and finding.explained is None
        return replace(finding, level=Level.NOTE) if plain else finding

    def outdated(self, finding: Finding) -> Problem | None:
        """The reason on 问题清单 that was written when something else stood in the cell."""
        if finding.rule is not None:
            return None  # about a relation, not about one figure
        for problem in self.filing.problems:
            if problem.fingerprint == finding.fingerprint and problem.reason:
                return problem if problem.found != clean(finding.found or "").strip() else None
        return None

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What several checks need of this filing, worked out by the first of them."""
        if key not in self._made:
            self._made[key] = make()
        return cast(T, self._made[key])

    def label(self, slot: Slot) -> str:
        return slot.item.label(self.filing.year)

    def at(self, slot: Slot) -> str:
        """Where a figure stands, for a clerk: 〔三、依申请公开〕D7（一、本年新收…·自然人）"""
        return f"〔{slot.sheet}〕{slot.address}（{self.label(slot)}）"


# What a finding of a check, or its silence, follows from:
Scope = Literal[
    "refusal",  # why a file was not let in
    "frame",  # the workbook but for what its unit fills in (frame.py)
    "figure",  # each figure by itself, what is asked for in its cell, the unit's level and the year (plain.py)
    "rollup",  # what only roll-ups have
    "file",  # all that is in one file
    "many",  # several files, or the ledger: said by who sees them, and never when one file is checked
]


@dataclass(frozen=True)
class Check:
    """A registered check.  The docstring of `run` says what passes and what does not."""

    code: str
    title: str
    level: Level
    requires: tuple[str, ...]
    run: Callable[[Case], Iterator[Finding]]
    of: Scope = "file"
    given: Given | None = None
    needs_form: bool = True
    vanishes: bool = (
        False  # what it speaks of is not in a workbook that goes back: there the unit has to answer
    )
    order: tuple[int, int] = (0, 0)  # of its module, and within it

    @property
    def module(self) -> str:
        return list(MODULES)[self.order[0]]

    def finding(
        self, case: Case, message: str, remedy: str, *, others: tuple[str, ...] = (), **more: str | None
    ) -> Finding:
        """A finding of this check, with the unit's reason if it is a query.

        What is quoted from the file is cut short, since a hostile one may be endless.
        """
        made = Finding(
            code=self.code,
            level=self.level,
            file=case.filing.file,
            message=short(message, MOST_MESSAGE) or "",
            remedy=remedy,
            others=others,
            **{name: short(text, MOST_FOUND) for name, text in more.items()},
        )
        if self.level is not Level.QUERY:
            return made
        made = replace(made, explained=case.reason(made))
        if old := case.outdated(made):
            words = f"原来的说明“{short(old.reason, 60)}”是对“{old.found}”写的，请重新说明。"
            made = replace(made, message=made.message + words)
        return made


MOST_FOUND, MOST_MESSAGE = 200, 800  # characters quoted


def short(text: str | None, most: int) -> str | None:
    """A text cut to length, without what would steer a terminal or fit in no file."""
    text = text if text is None else seen(text)
    return text if text is None or len(text) <= most else text[: most - 1] + "…"


_CHECKS: dict[str, Check] = {}
Run = Callable[["Check", Case], Iterator[Finding]]


def check(
    code: str,
    title: str,
    level: Level = Level.ERROR,
    *,
    requires: tuple[str, ...] = (),
    of: Scope = "file",
    given: Given | None = None,
    needs_form: bool = True,
    vanishes: bool = False,
) -> Callable[[Run], Run]:
    """Registers a check.  The function gets its own registration and the case, and yields findings.

    It is asked only of filings that come with what is `given`.
    With `of="frame"` it is not asked again of a frame of which it had nothing to say; with `of="figure"` it looks at
    `case.doubtful` only, and each of its findings names the `item`, if not several blank ones.
    """

    def register(run: Run) -> Run:
        if code in _CHECKS:
            raise ValueError(f"检查代码 {code} 用了两次")

        def bound(case: Case) -> Iterator[Finding]:
            return run(made, case)

        bound.__doc__ = run.__doc__
        module = list(MODULES).index(run.__module__.rpartition(".")[2])
        order = (module, len(_CHECKS))
        made = Check(code, title, level, requires, bound, of, given, needs_form, vanishes, order)
        _CHECKS[code] = made
        return run

    return register


@lru_cache(maxsize=1)
def registered() -> Mapping[str, Check]:
    """Every check by code, in the order they run: what is required comes first."""
    for module in MODULES:
        importlib.import_module(f"xltools.checks.{module}")
    ordered = sorted(_CHECKS.values(), key=lambda one: one.order)
    for one in ordered:
        for code in one.requires:
            if code not in _CHECKS or _CHECKS[code].order >= one.order:
                raise ValueError(f"{one.code} 依赖的 {code} 应登记在它前面")
    return {one.code: one for one in ordered}

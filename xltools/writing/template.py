"""The workbook a unit gets: blank, prefilled, filled by machine or marked and sent back, all by one writer.

封面 · one sheet per section · 校验 · 填报说明 · _meta; 问题清单 and 搬运清单 before them where there are any.
Everything is locked but the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from xltools.answers import Answer, Answers
from xltools.compute import RuleResult, Status, all_figures, rule_results, totals
from xltools.errors import UsageError
from xltools.form import Form, Value, Values
from xltools.formulas import ZERO_FIELD, ZERO_WORD, panel_formulas
from xltools.geometry import LINE_HEIGHT, MOST_HEIGHT, Place, wrapped_height
from xltools.layout import CHECKS, COVER, GUIDE, HELD_ROW, META, SCHEMA, SheetPlan, Slot
from xltools.problems import PROBLEMS, TRANSFERS, Problem, Transfer, problem_place
from xltools.roster import Unit
from xltools.writing import styles
from xltools.writing.lists import write_problems, write_transfers
from xltools.writing.official import Official
from xltools.writing.sheet import BookWriter, SheetWriter
from xltools.writing.styles import BOXED, FAULT, LEFT, OPEN
from xltools.writing.validation import cover_validation, fault_formula, figure_validation, text_validation

READY, WAITING, NOT_READY = "可以报送", "可以报送，有待说明", "还不能报送"


def write_template(
    form: Form,
    unit: Unit,
    year: int,
    answers: Answers | None = None,
    *,
    last: Values | None = None,
    issue: str | None = None,
    prefill: bool = True,
    problems: Sequence[Problem] = (),
    transfers: Sequence[Transfer] = (),
) -> bytes:
    """The bytes of a unit's workbook.  Same arguments, same bytes.

    `answers` fills open cells; `last` (item id → last year's figure) is shown on 校验 and prefilled where the
    form says so (unless `prefill` is False: a workbook that exists keeps what it has).  `issue` is the number it
    is issued under, by default a function of form, unit and year.  `problems` are listed on a first sheet and
    their cells marked; `transfers` say what was carried over from where.
    Raises UsageError for a year that the form does not cover, WriteError when a cell would have been dropped.
    """
    if not form.covers(year):
        span = (
            f"{form.first_year}年起" if form.last_year is None else f"{form.first_year}至{form.last_year}年"
        )
        raise UsageError(f"{form.key} 适用于{span}的报告，不适用于{year}年。")
    return _Template(
        form, unit, year, answers or Answers(), last or {}, issue, prefill, problems, transfers
    ).write()


class _Template(Official):
    def __init__(
        self,
        form: Form,
        unit: Unit,
        year: int,
        answers: Answers,
        last: Values,
        issue: str | None,
        prefill: bool,
        problems: Sequence[Problem],
        transfers: Sequence[Transfer],
    ) -> None:
        super().__init__(BookWriter(form.headed(unit.name, year)), form, unit, year, issue)
        prefilled = {
            item.id: last[item.prefill]
            for item in form.inputs
            if prefill and item.prefill and last.get(item.prefill) is not None
        }
        self.last = last
        self.answers = answers.over(Answers(items=prefilled))
        self.problems, self.transfers = problems, transfers
        for problem in reversed(problems):  # the gravest stand first and have the last word
            for cell in problem.marked:
                self.marks[problem.sheet, cell] = styles.MARKS.get(problem.level, {})
        self.blanks_are_zero = self.answers.cover.get(ZERO_FIELD) == ZERO_WORD
        self.results = self._results()

    def _results(self) -> tuple[RuleResult, ...]:
        inputs = _numbers(self.answers.items)
        if self.blanks_are_zero:
            blank = {item.id: 0 for item in self.form.inputs if self.answers.items.get(item.id) in (None, "")}
            inputs = {**inputs, **blank}
        figures = all_figures(self.form, inputs)
        listed = {
            problem.rule: problem.reason for problem in self.problems if problem.rule and problem.reason
        }
        said = {**self.answers.explanations, **listed}
        return tuple(rule_results(self.form, figures, self.unit.level, last=self.last, explanations=said))

    def write(self) -> bytes:
        layout = self.layout
        lists = [name for name, rows in ((PROBLEMS, self.problems), (TRANSFERS, self.transfers)) if rows]
        sheets = {name: self.book.sheet(name) for name in (*lists, *layout.sheet_names)}
        self._lists(sheets)
        for plan in layout.sheets:
            self.frame(sheets[plan.name], plan, self._text_heights(plan))
        self._cover(sheets[COVER])
        self._texts(sheets)
        self._figures(sheets)
        self.totals(sheets, totals(self.form, _numbers(self.answers.items), blank=0))
        self.mark_broken(sheets)
        self.rules(sheets[CHECKS], self.results, self.answers.explanations, elsewhere=self._reason_cells())
        if reasons := [row.explanation for row in layout.rules.values()]:
            sheets[CHECKS].validate(reasons, text_validation("说明", "“待说明”的，在这里写明原因。"))
        self.last_year(sheets[CHECKS], self.last)
        self._guide(sheets[GUIDE])
        self.meta(sheets[META], SCHEMA)
        if held := [problem.rule for problem in self.problems if problem.is_held]:
            sheets[META].put(Place(META, HELD_ROW, 1, HELD_ROW, 1), "held")
            sheets[META].put(Place(META, HELD_ROW, 2, HELD_ROW, 2), " ".join(held), {"num_format": "@"})
        for sheet in sheets.values():
            sheet.protect()
        self.names()
        return self.book.close(lock=True)

    def _lists(self, sheets: Mapping[str, SheetWriter]) -> None:
        heading = self.form.headed(self.unit.name, self.year)
        if self.problems:
            write_problems(sheets[PROBLEMS], heading, self.problems, tuple(sheets))
        if self.transfers:
            write_transfers(sheets[TRANSFERS], heading, self.transfers, tuple(sheets))

    def _reason_cells(self) -> dict[str, list[str]]:
        """Rule line → the cells of 问题清单 where its reason may stand."""
        cells: dict[str, list[str]] = {}
        for number, problem in enumerate(self.problems):
            if problem.rule and problem.wants_reason:
                cells.setdefault(problem.rule, []).append(problem_place(number, "说明").absolute)
        return cells

    def _text_heights(self, plan: SheetPlan) -> dict[int, float]:
        """Rows of a long text grow with it."""
        heights: dict[int, float] = {}
        for name, place in self.layout.texts.items():
            text = self.answers.texts.get(name)
            if place.sheet == plan.name and text:
                rows = range(place.row, place.last_row + 1)
                each = min(MOST_HEIGHT, (wrapped_height(text, plan.width(place)) + LINE_HEIGHT) / len(rows))
                heights.update({row: max(each, plan.heights[row]) for row in rows})
        return heights

    def _cover(self, sheet: SheetWriter) -> None:
        for one in self.form.cover:
            place, text = self.layout.cover[one.id], self.answers.cover.get(one.id, "")
            sheet.put(place, text, self.look(place, {**LEFT, **BOXED, **OPEN, "num_format": "@"}))
            sheet.validate([place], cover_validation(one))
        panel, formulas, cached = self.layout.panel, panel_formulas(self.layout), self._panel()
        for name, place in panel.items():
            sheet.formula(place, formulas[name], cached[name], {**LEFT, **BOXED})
        sheet.highlight([panel["state"]], f'{{}}="{READY}"', {"bg_color": styles.GOOD_FILL})
        sheet.highlight([panel["state"]], f'{{}}<>"{READY}"', {"bg_color": styles.WAIT_FILL})

    def _panel(self) -> dict[str, int | str]:
        """What the status panel's formulas come to."""
        figures = [self.answers.items.get(item.id) for item in self.form.inputs if item.type != "text"]
        blank = 0 if self.blanks_are_zero else sum(value in (None, "") for value in figures)
        faulty = sum(isinstance(value, bool) or (isinstance(value, str) and value != "") for value in figures)
        texts = sum(
            not self.answers.texts.get(name) for name, text in self.form.texts.items() if not text.optional
        )
        statuses = [result.status for result in self.results]
        broken, queried = statuses.count(Status.BROKEN), statuses.count(Status.QUERIED)
        state = NOT_READY if blank + faulty + texts + broken else WAITING if queried else READY
        return {
            "blank": blank, "faulty": faulty, "texts": texts, "broken": broken, "queried": queried, "state": state,
        }  # fmt: skip

    def _texts(self, sheets: Mapping[str, SheetWriter]) -> None:
        style = {**OPEN, **BOXED, "num_format": "@", "text_wrap": True, "align": "left", "valign": "top"}
        for name, place in self.layout.texts.items():
            text = self.form.texts[name]
            sheets[place.sheet].put(place, self.answers.texts.get(name), self.look(place, style))
            sheets[place.sheet].validate([place], text_validation(text.label, text.prompt))

    def _figures(self, sheets: Mapping[str, SheetWriter]) -> None:
        """Input cells; cells of one kind share a validation, which keeps the file small."""
        for slot in self.layout.inputs:
            value = self.answers.items.get(slot.item.id)
            style = self.look(slot.place, {**self.figure_style(slot), **OPEN})
            sheets[slot.sheet].put(slot.place, value, style)

        def kind(slot: Slot) -> tuple[str, str, str, str, int]:
            item = slot.item
            return slot.sheet, item.type, item.unit or "", item.cap or "", item.places or 0

        for _, group in groupby(sorted(self.layout.inputs, key=kind), key=kind):
            slots = list(group)
            sheet, item = sheets[slots[0].sheet], slots[0].item
            places = [slot.place for slot in slots]
            sheet.validate(places, figure_validation(item, self.form.cap(item, self.unit.level)))
            if item.type != "text":
                sheet.highlight(places, fault_formula(item), FAULT)

    def _guide(self, sheet: SheetWriter) -> None:
        width = 88.0
        lines = [self.form.headed(self.unit.name, self.year), *guide_lines(self.form)]
        heights = {row: wrapped_height(text, width) for row, text in enumerate(lines, 1)}
        sheet.grid((width,), {**heights, 1: 32.0})
        for row, text in enumerate(lines, 1):
            style = styles.LABELS["title"] if row == 1 else {"text_wrap": True, "valign": "vcenter"}
            sheet.put(Place(GUIDE, row, 1, row, 1), text, style)
        sheet.page(landscape=False, one_page=False, columns=1, rows=len(lines))


def guide_lines(form: Form) -> list[str]:
    """填报说明, in plain words; what is said of sections and rules comes from the form."""
    advice = [
        f"依据：{form.authority}。" if form.authority else "本表由上级统一下发。",
        "只填浅黄色的格；白色、灰色的格是锁定的，合计由公式自动算出，不要改。行、列可以拉宽拉高。",
        "数字格只填数字，不带单位，不写“无”“/”“约”。没有发生的填 0；空着不等于 0。",
        "从别处粘贴时，请用“选择性粘贴—数值”。粘贴进来的内容如果不对，格子会变红。",
        "填完看封面的“填报进度”和“校验”表：“不平”必须改正；“待说明”的核对后在“说明”栏写明原因。",
        "不要增删行列、改工作表名、改标签；另存时仍用 .xlsx 格式，不要加密，不要启用宏。文件名随意。",
    ]
    if declared := next((one for one in form.cover if one.id == ZERO_FIELD), None):
        zero = (
            f"没有发生的项目很多、不愿逐格填 0 的，在封面“{declared.label}”选“{ZERO_WORD}”，空格就按 0 计。"
        )
        advice.insert(3, zero)
    lines = [f"{number}. {words}" for number, words in enumerate(advice, 1)]
    lines += [
        f"〔{sheet.name}〕{text.label}：{text.prompt}"
        for sheet in form.sheets
        for text in sheet.texts
        if text.prompt
    ]
    return lines + [f"勾稽关系：{basis}。" for basis in dict.fromkeys(rule.basis for rule in form.rules)]


def _numbers(items: Mapping[str, Answer]) -> dict[str, Value]:
    """Answers as Excel's functions see them: texts and booleans are no numbers."""
    return {name: None if isinstance(value, bool | str) else value for name, value in items.items()}

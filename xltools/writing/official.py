"""The official sheets of a form, as templates and roll-ups share them: labels, identity, totals, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xltools.compute import RuleResult, Status
from xltools.form import Form, Values
from xltools.formulas import RuleFormulas, rule_formulas, total_formula
from xltools.geometry import Place
from xltools.layout import CHECKS, COVER, META, RuleRow, SheetPlan, Slot, lay_out
from xltools.roster import Unit, issue_number
from xltools.writing import styles
from xltools.writing.sheet import BookWriter, SheetWriter
from xltools.writing.styles import BOXED, CENTRED, LEFT, OPEN, Style
from xltools.writing.worksheets import Shown

NARROW = 10  # characters; an indented label would have one character a line
FIGURE: Style = {**CENTRED, **BOXED, "num_format": "General"}


class Official:
    """Writes what is the same in every workbook of a form; the sheets are the caller's."""

    def __init__(self, book: BookWriter, form: Form, unit: Unit, year: int, issue: str | None = None) -> None:
        self.book, self.form, self.unit, self.year = book, form, unit, year
        self.layout = lay_out(form)
        self.marks: dict[tuple[str, str], Style] = {}  # (sheet, address) -> how a cell spoken of stands out
        self.identity = {
            "form": form.id,
            "edition": form.edition,
            "year": str(year),
            "issue": issue or issue_number(form.key, unit, year),
            **unit.identity(),
        }

    def frame(self, sheet: SheetWriter, plan: SheetPlan, heights: Mapping[int, float]) -> None:
        """Widths, heights, fixed texts, identity, page.  `heights` overrides some rows'."""
        sheet.grid(plan.widths, {**plan.heights, **heights})
        for label in plan.labels:
            style = styles.LABELS[label.role]
            if plan.name == COVER and label.role == "title":
                style = {**style, "font_size": 20}
            if label.role == "row" and plan.width(label.place) < NARROW:
                style = {**CENTRED, **BOXED}
            sheet.put(label.place, label.shown(self.unit.name, self.year), style)
        texts = []
        for carrier in plan.carriers:
            assert carrier.place is not None
            value: Shown = self.identity[carrier.field]
            style = {**styles.SMALL, **styles.CARRIERS.get(carrier.field, {})}
            if carrier.place.row > 3:  # the cover's own table
                style = {**LEFT, **BOXED, "num_format": "0" if carrier.field == "year" else "@"}
            elif carrier.field in ("unit", "year"):
                style = styles.UNIT if carrier.field == "unit" else styles.YEAR
            if carrier.field == "year":
                value = self.year
            else:
                texts.append(carrier.place.address)
            sheet.put(carrier.place, value, style)
        sheet.text_numbers(texts)
        head = next((label.place.row for label in plan.labels if label.role == "head"), None)
        sheet.page(
            landscape=plan.landscape,
            one_page=plan.one_page,
            columns=len(plan.widths),
            rows=plan.rows,
            repeat=head if plan.name == CHECKS else None,
        )

    def look(self, place: Place, style: Style) -> Style:
        """A style with the mark of the cell, if it has one."""
        return {**style, **self.marks.get((place.sheet, place.address), {})}

    def figure_style(self, slot: Slot) -> Style:
        return {**CENTRED, **BOXED, "num_format": styles.NUMBER_FORMATS[slot.item.type]}

    def totals(self, sheets: Mapping[str, SheetWriter], shown: Values) -> None:
        """Every derived item's formula with its true result."""
        for slot in self.layout.derived:
            style = {**self.figure_style(slot), "bg_color": styles.TOTAL_FILL}
            formula = total_formula(self.layout, slot.item)
            value = shown[slot.item.id]
            sheets[slot.sheet].formula(slot.place, formula, value, self.look(slot.place, style))

    def mark_broken(self, sheets: Mapping[str, SheetWriter]) -> None:
        """Conditional formats that shade the figures of a broken rule, reached through the rule's name."""
        for row in self.layout.rules.values():
            marked: dict[str, list[Place]] = {}
            for ref in row.line.bound.refs:
                if not ref.last:
                    place = self.layout.slots[ref.item].place
                    marked.setdefault(place.sheet, []).append(place)
            said = Status.BROKEN if row.line.rule.level == "error" else Status.QUERIED
            for name, places in marked.items():
                sheets[name].highlight(places, f'{row.name}="{said}"', styles.STATUS[said])

    def rules(
        self,
        sheet: SheetWriter,
        results: Iterable[RuleResult],
        explanations: Mapping[str, str],
        *,
        is_rollup: bool = False,
        elsewhere: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """校验: every rule line with its live formulas, and the cells for reasons (locked in a roll-up).

        `elsewhere` gives, by rule line, further cells where a reason may stand.
        """
        for result in results:
            row = self.layout.rules[result.line.id]
            if result.status is Status.NOT_BOUND:
                for place in (row.left, row.right, row.difference):
                    sheet.put(place, None, FIGURE)
                sheet.put(row.result, Status.NOT_BOUND.value, FIGURE)
            else:
                others = (elsewhere or {}).get(result.line.id, ())
                formulas = rule_formulas(self.layout, row, has_cover=not is_rollup, reasons=others)
                self._rule(sheet, row, result, formulas)
            reason = {**LEFT, **BOXED, "num_format": "@", **({} if is_rollup else OPEN)}
            sheet.put(row.explanation, explanations.get(result.line.id), reason)
        rows = list(self.layout.rules.values())
        for words, style in styles.STATUS.items():
            sheet.highlight([row.result for row in rows], f'{{}}="{words}"', style)
        if rows:
            sheet.freeze(f"A{rows[0].number.row}")

    @staticmethod
    def _rule(sheet: SheetWriter, row: RuleRow, result: RuleResult, formulas: RuleFormulas) -> None:
        sheet.formula(row.left, formulas.left, result.left, FIGURE)
        sheet.formula(row.right, formulas.right, result.right, FIGURE)
        if formulas.difference:
            sheet.formula(row.difference, formulas.difference, result.difference, FIGURE)
        else:
            sheet.put(row.difference, None, FIGURE)
        sheet.formula(row.result, formulas.result, result.status.value, FIGURE)

    def last_year(self, sheet: SheetWriter, last: Values) -> None:
        for name, place in self.layout.last.items():
            sheet.put(place, last.get(name), FIGURE)

    def meta(self, sheet: SheetWriter, schema: str) -> None:
        sheet.grid((16, 60), {})
        sheet.put(Place(META, 1, 1, 1, 1), schema)
        for name, place in self.layout.meta.items():
            sheet.put(Place(META, place.row, 1, place.row, 1), name)
            sheet.put(place, self.identity[name], {"num_format": "@"})
        sheet.text_numbers([place.address for place in self.layout.meta.values()])
        sheet.hide()

    def names(self) -> None:
        """A defined name per item and rule line, and the identity as constants and file properties."""
        for slot in self.layout.slots.values():
            self.book.define(slot.item.id, slot.place.absolute)
        for row in self.layout.rules.values():
            self.book.define(row.name, row.result.absolute)
        say: dict[str, Any] = {"defined_name": self.book.constant, "custom_property": self.book.property}
        for carrier in self.layout.carriers:
            if carrier.name is not None:
                say[carrier.kind](carrier.name, self.identity[carrier.field])

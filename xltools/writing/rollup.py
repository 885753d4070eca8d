"""The roll-up workbook: 汇总 · the official sheets · 校验 · 明细 per table · 报送情况 · 问题 · 说明 · 文字材料 · _meta.

Every figure of the official sheets is a live SUM over 明细 with its true result.  The addresses are the
template's own, so that a roll-up can be read like any filing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltools.compute import as_number, totals
from xltools.detail import (
    FACE,
    FINDINGS,
    FIRST_ROW,
    HEAD_ROWS,
    LEAF_FIELDS,
    LEAF_HEAD,
    REASON_HEADS,
    REASONS,
    ROLLUP_SCHEMA,
    STATUS,
    TEXTS,
    UNIT_HEADS,
    DetailSheet,
    detail_sheets,
    is_summed,
    leaf_place,
    reason_place,
    sum_formula,
    text_place,
)
from xltools.filing import Leaf
from xltools.finding import Finding, Outcome
from xltools.formulas import call
from xltools.geometry import Place, address, areas, wrapped_height
from xltools.layout import CHECKS, META, SheetPlan
from xltools.result import Checked, MergeResult
from xltools.rollup import Rollup
from xltools.roster import KINDS
from xltools.writing import styles
from xltools.writing.official import Official
from xltools.writing.package import lock_structure
from xltools.writing.sheet import BookWriter, SheetWriter, Shown
from xltools.writing.styles import BOXED, CENTRED, LEFT, Style

HEAD: Style = styles.LABELS["head"]
CELL: Style = {**LEFT, **BOXED}
COUNT: Style = {**CENTRED, **BOXED}
TOTAL: Style = {**COUNT, "bg_color": styles.TOTAL_FILL, "bold": True}
DECLARED: Style = {"italic": True, "font_color": styles.QUIET_INK}
CONFIRM: Style = {"bg_color": styles.WAIT_FILL}
MOST_COLUMNS_ABREAST = 24  # figures on one printed page; more go to further pages beside the units' names
MOST_SHOWN = 16_000  # characters; half of what a cell holds, since some count twice
CONFIRM_WORDS = "需人工确认：这些项目数是各单位相加的，同一事项可能被几个单位各计一次"


def write_rollup(result: MergeResult) -> bytes:
    """The bytes of the roll-up workbook.  Same figures, same bytes, whatever order the files came in.

    Raises ValueError when nothing was merged, WriteError when a cell would have been dropped.
    """
    if result.rollup is None:
        raise ValueError("nothing was merged")
    return _RollupWriter(result, result.rollup).write()


class _RollupWriter(Official):
    def __init__(self, result: MergeResult, rollup: Rollup) -> None:
        form, unit, year = rollup.form, rollup.unit, rollup.year
        super().__init__(BookWriter(f"{form.headed(unit.name, year)}（汇总）"), form, unit, year)
        self.result, self.rollup = result, rollup
        self.details = detail_sheets(form)

    def write(self) -> bytes:
        sections = [plan for plan in self.layout.sheets if self._has_table(plan) or plan.name == CHECKS]
        names = [FACE, *(plan.name for plan in sections), *(one.name for one in self.details.values())]
        sheets = {name: self.book.sheet(name) for name in (*names, STATUS, FINDINGS, REASONS, TEXTS, META)}
        self._face(sheets[FACE])
        for plan in sections:
            self.frame(sheets[plan.name], plan, self._hidden_texts(plan))
        self._figures(sheets)
        self.totals(sheets, totals(self.form, self.rollup.inputs, blank=0))
        self.mark_broken(sheets)
        reasons = {name: clipped("\n".join(words)) for name, words in self._reasons().items()}
        self.rules(sheets[CHECKS], self.rollup.results, reasons, is_rollup=True)
        self.last_year(sheets[CHECKS], self.rollup.last)
        for detail in self.details.values():
            self._detail(sheets[detail.name], detail)
        self._status(sheets[STATUS])
        self._findings(sheets[FINDINGS])
        self._reason_sheet(sheets[REASONS])
        self._texts(sheets[TEXTS])
        self.meta(sheets[META], ROLLUP_SCHEMA)
        self._leaves(sheets[META])
        for sheet in sheets.values():
            sheet.protect()
        self.names()
        return lock_structure(self.book.close())

    def _has_table(self, plan: SheetPlan) -> bool:
        return any(slot.sheet == plan.name for slot in self.layout.slots.values())

    def _hidden_texts(self, plan: SheetPlan) -> dict[int, float]:
        """Texts are on 文字材料; their rows stay, since addresses are the template's, but take hardly any room."""
        rows: dict[int, float] = {}
        for place in self.layout.texts.values():
            if place.sheet == plan.name:
                rows.update(dict.fromkeys(range(place.row, place.last_row + 1), 1.5))
        return rows

    # ---- 汇总

    def _face(self, sheet: SheetWriter) -> None:
        rollup, form = self.rollup, self.form
        widths = (22.0, 66.0)
        rows: list[tuple[str, str]] = [
            ("汇总单位", rollup.unit.name),
            ("单位代码", rollup.unit.code),
            ("报告年度", str(rollup.year)),
            ("表式", f"{form.title}（{form.key}，{form.authority}）"),
            ("覆盖", rollup.coverage),
        ]
        by_kind = {kind: sum(leaf.unit.kind == kind for leaf in rollup.leaves) for kind in KINDS}
        rows.append(("其中", "、".join(f"{kind} {count} 个" for kind, count in by_kind.items() if count)))
        reasons: dict[str, list[str]] = {}
        for unit, why in rollup.missing:
            reasons.setdefault(why, []).append(unit.name)
        for why, names in reasons.items():
            rows.append((f"没有计入：{why}", "、".join(names)))
        if not reasons:
            rows.append(("没有计入", "无"))
        odd = [one for one in rollup.results if one.holds is False]
        broken = "；".join(f"{self._rule_words(one.line.id)}：{one.status.value}" for one in odd[:10])
        rows.append(("汇总数的勾稽关系", broken or "全部成立（未定的除外）"))
        if any(item.rollup == "confirm-sum" for item in form.items.values()):
            rows.append(("需人工确认", CONFIRM_WORDS))
        zeros = sum(bool(leaf.declared_zeros) for leaf in rollup.leaves)
        if zeros:
            rows.append(("声明的零", f"{zeros} 个单位声明“未填写的数字格均为零”，明细中以灰色斜体标出"))
        title = f"{form.headed(rollup.unit.name, rollup.year)}\n（汇总 · {rollup.coverage}）"
        sheet.put(Place(FACE, 1, 1, 1, 2), title, {**styles.LABELS["title"], "font_size": 18})
        heights = {1: 76.0}
        for row, (head, text) in enumerate(rows, 2):
            sheet.put(Place(FACE, row, 1, row, 1), head, styles.LABELS["field"])
            sheet.put(Place(FACE, row, 2, row, 2), text, CELL)
            heights[row] = max(wrapped_height(text, widths[1]), wrapped_height(head, widths[0]))
        sheet.grid(widths, heights)
        sheet.page(landscape=False, one_page=False, columns=2, rows=len(rows) + 1)

    def _rule_words(self, line_id: str) -> str:
        line = self.layout.rules[line_id].line
        return self.layout.rule_words(line).replace("{year}", str(self.year))

    # ---- official sheets

    def _figures(self, sheets: Mapping[str, SheetWriter]) -> None:
        for place in self.layout.texts.values():
            if place.sheet in sheets:
                sheets[place.sheet].put(place, f"见〔{TEXTS}〕", {**styles.SMALL, "align": "center"})
        for slot in self.layout.inputs:
            item, style = slot.item, self.figure_style(slot)
            if item.rollup == "confirm-sum":
                style = {**style, **CONFIRM}
            value = self.rollup.inputs[item.id]
            if not is_summed(item):
                sheets[slot.sheet].put(slot.place, clipped(value) if isinstance(value, str) else value, style)
            else:
                formula = sum_formula(self.form, item, len(self.rollup.leaves))
                sheets[slot.sheet].formula(slot.place, formula, 0 if value is None else value, style)

    def _reasons(self) -> dict[str, list[str]]:
        """Rule line (or fingerprint) → the units' reasons."""
        found: dict[str, list[str]] = {}
        for leaf in self.rollup.leaves:
            for reason in leaf.reasons:
                found.setdefault(reason.about, []).append(f"{leaf.unit.name}：{reason.text}")
        return found

    # ---- 明细

    def _detail(self, sheet: SheetWriter, detail: DetailSheet) -> None:
        leaves, items = self.rollup.leaves, detail.items
        columns = len(UNIT_HEADS) + len(items)
        widths = (6, 26, 16, 10, 26, *([11.0] * len(items)))
        low = [item.row_label[-1] if item.row_label else "" for item in items]
        tall = max((wrapped_height(text, 11) for text in low), default=24.0)
        last = FIRST_ROW + len(leaves) + len(KINDS)
        rows = dict.fromkeys(range(FIRST_ROW, last + 1), 20.0)
        sheet.grid(widths, {1: 32.0, 2: 18.0, 3: min(tall, 160.0), 4: 34.0, 5: 14.0, **rows})
        title = {**styles.LABELS["title"], "align": "left", "text_wrap": False}
        sheet.put(Place(detail.name, 1, 1, 1, 1), detail.title, title)
        note = f"{self.rollup.unit.name}　{self.year}年度　{self.rollup.coverage}"
        sheet.put(Place(detail.name, 2, 1, 2, 1), note, {"font_size": 9})
        for column, words in enumerate(UNIT_HEADS, 1):
            sheet.put(Place(detail.name, HEAD_ROWS[0], column, HEAD_ROWS[-1], column), words, HEAD)
        for at, item in enumerate(items):
            column = len(UNIT_HEADS) + 1 + at
            heads = (low[at], item.column_label[-1] if item.column_label else "", item.id)
            for row, words in zip(HEAD_ROWS, heads, strict=True):
                style = {**HEAD, **styles.SMALL, "text_wrap": False} if row == HEAD_ROWS[-1] else HEAD
                sheet.put(
                    Place(detail.name, row, column, row, column),
                    words.replace("{year}", str(self.year)),
                    style,
                )
        for number, leaf in enumerate(leaves):
            self._detail_row(sheet, detail, number, leaf)
        bottom = self._subtotals(sheet, detail, FIRST_ROW + len(leaves))
        sheet.freeze(address(FIRST_ROW, 3))
        wide = len(items) > MOST_COLUMNS_ABREAST
        sheet.page(
            landscape=True, one_page=False, columns=columns, rows=bottom, repeat=HEAD_ROWS[0], spread=wide
        )
        if leaves:
            sheet.filter(Place(detail.name, HEAD_ROWS[-1], 1, FIRST_ROW + len(leaves) - 1, columns))

    def _detail_row(self, sheet: SheetWriter, detail: DetailSheet, number: int, leaf: Leaf) -> None:
        unit = leaf.unit
        heads: tuple[Shown, ...] = (number + 1, unit.name, unit.code, unit.kind, leaf.file)
        for column, value in enumerate(heads, 1):
            style = COUNT if column == 1 else {**CELL, "text_wrap": False}
            sheet.put(detail.text_place(number, column), value, style)
        shown = totals(self.form, leaf.inputs, blank=0)
        places = {item.id: detail.place(number, at) for at, item in enumerate(detail.items)}
        for item in detail.items:
            place = places[item.id]
            style = {**COUNT, "num_format": styles.NUMBER_FORMATS[item.type]}
            if item.is_input:
                zero = DECLARED if item.id in leaf.declared_zeros else {}
                sheet.put(place, leaf.inputs.get(item.id), {**style, **zero})
            else:
                formula = call("SUM", areas([places[part] for part in item.sum], detail.name))
                sheet.formula(place, formula, shown[item.id], {**style, "bg_color": styles.TOTAL_FILL})

    def _subtotals(self, sheet: SheetWriter, detail: DetailSheet, row: int) -> int:
        """Per kind and for all, below the units; gives the last row."""
        leaves = self.rollup.leaves
        kinds = [kind for kind in KINDS if any(leaf.unit.kind == kind for leaf in leaves)]
        groups = [
            (f"小计：{kind}", [n for n, leaf in enumerate(leaves) if leaf.unit.kind == kind])
            for kind in kinds
        ]
        groups.append(("合计", list(range(len(leaves)))))
        for words, members in groups:
            sheet.put(
                Place(detail.name, row, 1, row, len(UNIT_HEADS)), f"{words}（{len(members)} 个单位）", TOTAL
            )
            figures = [{**leaves[n].inputs, **totals(self.form, leaves[n].inputs, blank=0)} for n in members]
            for at, item in enumerate(detail.items):
                place = Place(detail.name, row, len(UNIT_HEADS) + 1 + at, row, len(UNIT_HEADS) + 1 + at)
                if item.type == "text" or item.rollup == "none" or not members:
                    sheet.put(place, None, TOTAL)
                    continue
                value = sum(as_number(one.get(item.id)) or 0 for one in figures)
                formula = call("SUM", areas([detail.place(n, at) for n in members], detail.name))
                sheet.formula(place, formula, value, TOTAL)
            row += 1
        return row - 1

    # ---- lists

    def _list(
        self,
        sheet: SheetWriter,
        title: str,
        heads: Sequence[str],
        widths: Sequence[float],
        rows: Sequence[Sequence[Shown]],
        *,
        cut: bool = False,
    ) -> None:
        """A titled table of texts: heads in row 3, rows below; `cut` where returned files have their say."""
        heights = {1: 32.0, 2: 18.0, 3: 24.0}
        sheet.put(Place(sheet.name, 1, 1, 1, len(heads)), title, styles.LABELS["title"])
        note = f"{self.rollup.unit.name}　{self.year}年度　{self.rollup.coverage}"
        sheet.put(Place(sheet.name, 2, 1, 2, len(heads)), note, {"font_size": 9})
        for column, words in enumerate(heads, 1):
            sheet.put(Place(sheet.name, 3, column, 3, column), words, HEAD)
        for row, values in enumerate(rows, 4):
            height = 24.0
            for column, given in enumerate(values, 1):
                value = clipped(given) if isinstance(given, str) and cut else given
                style = CELL if isinstance(value, str) else COUNT
                sheet.put(Place(sheet.name, row, column, row, column), value, style)
                if isinstance(value, str):
                    height = max(height, wrapped_height(value, widths[column - 1]))
            heights[row] = min(height, 409.0)
        sheet.grid(widths, heights)
        sheet.freeze("A4")
        if rows:
            sheet.filter(Place(sheet.name, 3, 1, 3 + len(rows), len(heads)))
        sheet.page(landscape=True, one_page=False, columns=len(heads), rows=3 + len(rows), repeat=3)

    def _status(self, sheet: SheetWriter) -> None:
        heads = (
            "序号",
            "单位",
            "单位代码",
            "类别",
            "情况",
            "是否计入",
            "报送文件",
            "问题数",
            "联系人",
            "电话",
        )
        checked, merged = self.result.checked, self.result.merged
        rows: list[list[Shown]] = []
        known: set[str] = set()
        files = sorted(zip(checked.filings, merged, strict=True), key=lambda pair: self._order(pair[0]))
        for one, went in files:
            if one.outcome is Outcome.IGNORED:
                continue
            unit = one.filing.unit
            listed = checked.roster.find(unit) if checked.roster and unit else None
            who = listed or unit
            known.update({who.key} if who else set())
            words = "重复的同一文件" if one.duplicate else one.outcome.words
            rows.append([
                None, who.name if who else "（认不出单位）", who.code if who else "", who.kind if who else "",
                words, "是" if went else "否", one.filing.file, sum(f.is_open for f in one.findings),
                who.contact if who else "", who.phone if who else "",
            ])  # fmt: skip
        for unit in checked.missing:
            if unit.key not in known:
                rows.append(
                    [
                        None,
                        unit.name,
                        unit.code,
                        unit.kind,
                        "未报送",
                        "否",
                        "",
                        None,
                        unit.contact,
                        unit.phone,
                    ]
                )
        for number, row in enumerate(rows, 1):
            row[0] = number
        self._list(sheet, STATUS, heads, (6, 30, 18, 12, 16, 10, 34, 9, 14, 18), rows, cut=True)

    def _order(self, one: Checked) -> tuple[int, str, str]:
        """Roster order, then unit, then content: nothing of when or in which order files came."""
        unit, roster = one.filing.unit, self.result.checked.roster
        known = roster.find(unit) if roster and unit else None
        place = roster.units.index(known) if roster and known else len(roster or ())
        return place, unit.key if unit else "", one.filing.sha256

    def _findings(self, sheet: SheetWriter) -> None:
        heads = ("序号", "单位", "报送文件", "程度", "代码", "位置", "问题", "怎么改", "说明")
        rows: list[list[Shown]] = []
        for one in sorted(self.result.checked.filings, key=self._order):
            name = one.filing.unit.name if one.filing.unit else ""
            for finding in one.findings:
                rows.append([
                    len(rows) + 1, name, finding.file, level_words(finding), finding.code, place_words(finding),
                    finding.message, finding.remedy, finding.explained or "",
                ])  # fmt: skip
        self._list(sheet, FINDINGS, heads, (6, 24, 26, 10, 8, 20, 70, 40, 30), rows, cut=True)

    def _reason_sheet(self, sheet: SheetWriter) -> None:
        rows: list[list[Shown]] = [
            [None, number, leaf.unit.name, reason.place, reason.matter, reason.text, reason.about]
            for number, leaf in enumerate(self.rollup.leaves, 1)
            for reason in leaf.reasons
        ]
        for number, row in enumerate(rows, 1):
            row[0] = number
        assert reason_place(0, "序号") == Place(REASONS, 4, 1, 4, 1)
        self._list(sheet, REASONS, REASON_HEADS, (6, 9, 26, 24, 70, 50, 22), rows, cut=True)

    def _texts(self, sheet: SheetWriter) -> None:
        texts = self.form.texts
        heads = ("序号", "单位", *(text.label for text in texts.values()))
        rows: list[list[Shown]] = [
            [number, leaf.unit.name, *(leaf.texts.get(name, "") for name in texts)]
            for number, leaf in enumerate(self.rollup.leaves, 1)
        ]
        assert not texts or text_place(self.form, 0, next(iter(texts))) == Place(TEXTS, 4, 3, 4, 3)
        self._list(sheet, TEXTS, heads, (6, 24, *([48.0] * len(texts))), rows)

    def _leaves(self, sheet: SheetWriter) -> None:
        for field in LEAF_FIELDS:
            place = leaf_place(-1, field)
            assert place.row == LEAF_HEAD
            sheet.put(place, field)
        for number, leaf in enumerate(self.rollup.leaves):
            values = {
                **leaf.unit.identity(),
                "file": leaf.file,
                "sha256": leaf.sha256,
                "through": leaf.through,
                "declared_zeros": " ".join(sorted(leaf.declared_zeros)),
            }
            for field in LEAF_FIELDS:
                sheet.put(leaf_place(number, field), values[field], {"num_format": "@"})


def level_words(finding: Finding) -> str:
    return "已说明" if finding.explained else finding.level.words


def place_words(finding: Finding) -> str:
    return " ".join(filter(None, (finding.sheet, finding.cell)))


def clipped(text: str) -> str:
    """A text that a cell can hold: what a returned file says, or many units' words together, may be longer."""
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "……（太长，后略，全文见各单位的报表）"

"""The scaled copy of a roll-up: the official sheets in thousands or 万元, and 舍位调整, the list of what gave way.

It is to be read and printed.  It has no identity and says so on _meta, so that it is never taken for a filing.
"""

from __future__ import annotations

from collections.abc import Sequence

from xltools.formulas import total_formula
from xltools.geometry import MOST_HEIGHT, Place, wrapped_height
from xltools.layout import META, SCALED_SCHEMA, SheetPlan, Slot, lay_out
from xltools.problems import place_words
from xltools.rollup import Rollup
from xltools.scaling import Scaled
from xltools.writing import styles
from xltools.writing.annexes import clipped
from xltools.writing.sheet import BookWriter, SheetWriter
from xltools.writing.styles import BOXED, CENTRED, LEFT, Style
from xltools.writing.worksheets import Shown

ADJUSTED = "舍位调整"
ADJUSTED_HEADS = ("序号", "位置", "指标", "单位", "准确数", "四舍五入", "写入")
ADJUSTED_WIDTHS = (6.0, 26.0, 46.0, 10.0, 18.0, 12.0, 12.0)
NOTE = "舍位副本，只供阅读和打印，不能当作报表报送"
RULE = (
    "舍位平衡：总计先按四舍五入定下，其余按余数大小取舍，使横向、纵向都仍相加得总计，原来成立的勾稽等式仍成立；"
    "每个数与准确数相差不到一个单位。"
    "下面是没有按四舍五入写的数，表中以底色标出。"
)
NONE = "所有的数都是四舍五入的，没有调整。"
MOST_NAMED = 5  # missing units above a table
AS_TEXT = "（文字，见汇总表）"
GAVE_WAY: Style = {"bg_color": styles.SAID_FILL}


def write_scaled(rollup: Rollup, scaled: Scaled, places: int = 0) -> bytes:
    """The bytes of the copy.  Same figures, same bytes.  Raises WriteError when a cell would have been dropped."""
    return _Copy(rollup, scaled, places).write()


class _Copy:
    def __init__(self, rollup: Rollup, scaled: Scaled, places: int) -> None:
        self.rollup, self.scaled, self.form, self.year = rollup, scaled, rollup.form, rollup.year
        self.layout = lay_out(self.form)
        self.heading = self.form.headed(rollup.unit.name, rollup.year)
        self.book = BookWriter(f"{self.heading}（舍位）")
        self.number = "0." + "0" * places if places else "0"
        self.gave_way = {one.item.id for one in scaled.adjusted}
        self.renamed = {
            unit: new for name, new in scaled.units.items() if (unit := self.form.items[name].unit)
        }

    def write(self) -> bytes:
        slots: dict[str, list[Slot]] = {}
        for slot in self.layout.slots.values():
            slots.setdefault(slot.sheet, []).append(slot)
        sheets = {name: self.book.sheet(name) for name in (*slots, ADJUSTED, META)}
        for name, there in slots.items():
            self._frame(sheets[name], self.layout.by_name[name], there)
            for slot in there:
                self._figure(sheets[name], slot)
        self._adjusted(sheets[ADJUSTED])
        sheets[META].put(Place(META, 1, 1, 1, 1), SCALED_SCHEMA)
        sheets[META].hide()
        for sheet in sheets.values():
            sheet.protect()
        return self.book.close(lock=True)

    def _frame(self, sheet: SheetWriter, plan: SheetPlan, slots: Sequence[Slot]) -> None:
        across = len(plan.widths)
        hidden: dict[int, float] = {}
        for (
            place
        ) in self.layout.texts.values():  # the rows of texts stay, so that figures stand where they always do
            if place.sheet == plan.name:
                hidden.update(dict.fromkeys(range(place.row, place.last_row + 1), 1.5))
        sheet.grid(plan.widths, {**plan.heights, **hidden})
        sheet.put(plan.place(1, 1, 1, across), f"{NOTE}{self._outside(MOST_NAMED)}", styles.SMALL)
        for label in plan.labels:
            sheet.put(
                label.place,
                self._words(label.shown(self.rollup.unit.name, self.year)),
                styles.LABELS[label.role],
            )
        units = dict.fromkeys(
            unit for slot in slots if (unit := self.scaled.units.get(slot.item.id, slot.item.unit))
        )
        said = f"{self.rollup.unit.name}　{self.year}年度　{self.rollup.coverage}　单位：{'、'.join(units)}"
        sheet.put(plan.place(3, 1, 3, across), said, {"align": "right", "valign": "vcenter", "shrink": True})
        sheet.page(landscape=plan.landscape, one_page=plan.one_page, columns=across, rows=plan.rows)

    def _outside(self, most: int) -> str:
        """Who is missing from the figures; "" where nobody is known to be."""
        missing = self.rollup.missing
        names = "、".join(f"{unit.name}（{why}）" for unit, why in missing[:most])
        more = f"等，全部见〔{ADJUSTED}〕" if len(missing) > most else ""
        return f"；没有计入 {len(missing)} 个单位：{names}{more}" if missing else ""

    def _words(self, label: str) -> str:
        """A label with the unit that its figures now have: （万元） becomes （亿元）."""
        for unit, new in self.renamed.items():
            for before in ("（", "："):
                label = label.replace(f"{before}{unit}）", f"{before}{new}）")
        return label

    def _figure(self, sheet: SheetWriter, slot: Slot) -> None:
        item, value = slot.item, self.scaled.figures[slot.item.id]
        form = self.number if item.id in self.scaled.units else styles.NUMBER_FORMATS[item.type]
        style: Style = {**CENTRED, **BOXED, "num_format": form}
        if not item.is_input:
            style = {**style, "bg_color": styles.TOTAL_FILL}
        if item.id in self.gave_way:
            style = {**style, **GAVE_WAY}
        if item.is_input:
            sheet.put(slot.place, AS_TEXT if isinstance(value, str) else value, style)
        else:
            sheet.formula(slot.place, total_formula(self.layout, item), value, style)

    def _adjusted(self, sheet: SheetWriter) -> None:
        rows = [self._row(number) for number in range(len(self.scaled.adjusted))]
        advice = clipped(
            f"{RULE if rows else NONE}{self._outside(len(self.rollup.missing)).replace('；', '', 1)}"
        )
        across, heights = (
            len(ADJUSTED_HEADS),
            {
                1: 32.0,
                2: min(
                    MOST_HEIGHT, max(wrapped_height(text, sum(ADJUSTED_WIDTHS)) for text in (RULE, advice))
                ),
                3: 24.0,
            },
        )
        sheet.put(Place(ADJUSTED, 1, 1, 1, across), f"{self.heading}：舍位调整", styles.LABELS["title"])
        sheet.put(Place(ADJUSTED, 2, 1, 2, across), advice, {"text_wrap": True, "valign": "vcenter"})
        for column, head in enumerate(ADJUSTED_HEADS, 1):
            sheet.put(Place(ADJUSTED, 3, column, 3, column), head, styles.LABELS["head"])
        for row, values in enumerate(rows, 4):
            for column, value in enumerate(values, 1):
                style = {**LEFT, **BOXED} if isinstance(value, str) else {**CENTRED, **BOXED}
                sheet.put(Place(ADJUSTED, row, column, row, column), value, style)
            heights[row] = max(
                wrapped_height(text, width)
                for text, width in zip(values, ADJUSTED_WIDTHS, strict=True)
                if isinstance(text, str)
            )
        sheet.grid(ADJUSTED_WIDTHS, heights)
        sheet.freeze("A4")
        sheet.page(landscape=True, one_page=False, columns=across, rows=3 + len(rows), repeat=3)

    def _row(self, number: int) -> tuple[Shown, ...]:
        one = self.scaled.adjusted[number]
        slot = self.layout.slots[one.item.id]
        return (
            number + 1,
            place_words(slot.sheet, slot.address),
            one.item.label(self.year),
            self.scaled.units[one.item.id],
            one.exact,
            one.plain,
            one.written,
        )

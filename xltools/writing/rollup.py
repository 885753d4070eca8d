"""The roll-up workbook: 汇总 · the official sheets · 校验 · 明细 per table · 报送情况 · 问题 · 说明 · 文字材料 ·
上年对比 · 图表 · _meta.

Every figure of the official sheets is a live SUM over 明细 with its true result.  The addresses are the
template's own, so that a roll-up can be read like any filing.  Here is what holds the sheets together; each of
them is written in a room of its own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

from xltools.compute import totals
from xltools.detail import (
    CHARTS,
    DETAIL,
    FACE,
    FINDINGS,
    LEAF_FIELDS,
    LEAF_HEAD,
    REASONS,
    ROLLUP_SCHEMA,
    STATUS,
    TEXTS,
    UNIT_YEARS,
    WHOLE_SEAL,
    WHOLE_SEAL_PLACE,
    YEARS,
    detail_sheets,
    is_summed,
    leaf_fields,
    leaf_place,
    sum_formula,
    whole_seal,
)
from xltools.errors import WriteError, system_words
from xltools.geometry import Place, wrapped_height
from xltools.layout import CHECKS, META, SheetPlan, Slot
from xltools.result import MergeResult
from xltools.rollup import Rollup
from xltools.writing import styles
from xltools.writing.annexes import clipped, status_rows, status_texts, write_annexes
from xltools.writing.charts import write_charts
from xltools.writing.details import lacking_format, shrunk, sums_of, write_details
from xltools.writing.face import CONFIRM_WORDS, face_texts, write_face
from xltools.writing.official import Official
from xltools.writing.sheet import BookWriter, SheetWriter
from xltools.writing.styles import Style
from xltools.writing.worksheets import RowLook
from xltools.writing.years import compares_units, compares_years, write_unit_years, write_years

CONFIRM: Style = {"bg_color": styles.WAIT_FILL}
LACKING: Style = {"bg_color": "#FCE4D6"}
NOT_ADDED: Style = {"pattern": 17, "fg_color": "#D9D9D9"}  # hatched: nothing is missing here
CONFIRM_MARK = "※"
LACKING_WORDS = "（缺n）：有 n 个单位没有填这个数，名单见〔汇总〕；没有填不当作零"
MOST_LINK = 600  # characters of a link to a file; Excel takes 2 079, and an escaped one takes three
LINK_ROOM = 3 * 2**20  # bytes of the links on all sheets together: of relationships our own gate takes 4 MiB
LINK_FRAME = 160  # bytes of a link besides its way
MOST_IN_MEMORY = 300  # units; the long sheets of more are kept in temporary files
LISTS = (STATUS, FINDINGS, REASONS, TEXTS)
WHAT_IT_IS = {
    CHECKS: "报表的勾稽关系，按汇总数再算一遍",
    STATUS: "每份报送文件的处理情况，和没有报送的单位",
    FINDINGS: "各份报表核对出的问题",
    REASONS: "各单位对待核实问题的说明",
    TEXTS: "各单位的文字部分，并排供写报告时参考",
    YEARS: "各项本年与上年",
    UNIT_YEARS: "各单位各项本年与上年",
    CHARTS: "图随表中的数变化，可以编辑、复制到报告里",
}


def write_rollup(result: MergeResult, beside: Path | None = None) -> bytes:
    """The bytes of the roll-up workbook.  Same figures, same bytes, whatever order the files came in.

    With `beside`, the folder that the workbook will lie in, each unit leads to its file from there; without, the
    bytes do not depend on where files lie.  Raises ValueError when nothing was merged, WriteError when a cell
    would have been dropped, or where the rows of many units cannot be put by in temporary files.
    """
    if result.rollup is None:
        raise ValueError("nothing was merged")
    try:
        return _RollupWriter(result, result.rollup).write(beside)
    except OSError as error:  # all else is in memory
        folder = f"（{tempfile.tempdir}）" if tempfile.tempdir else ""  # where any will do
        raise WriteError(
            f"汇总表没有写成：放临时文件的文件夹{folder}用不了，{system_words(error)}。"
            "请腾出地方，或用环境变量 TMPDIR（Windows 是 TEMP）换一个文件夹。"
        ) from error


class _RollupWriter(Official):
    def __init__(self, result: MergeResult, rollup: Rollup) -> None:
        form, unit, year = rollup.form, rollup.unit, rollup.year
        large = len(rollup.leaves) > MOST_IN_MEMORY
        super().__init__(BookWriter(f"{form.headed(unit.name, year)}（汇总）", large=large), form, unit, year)
        self.result, self.rollup = result, rollup
        self.details = detail_sheets(form)

    def write(self, beside: Path | None) -> bytes:
        rollup = self.rollup
        sections = [plan for plan in self.layout.sheets if self._has_table(plan) or plan.name == CHECKS]
        contents = dict(self._contents(sections))
        long = {META, *LISTS, UNIT_YEARS, *(one.name for one in self.details.values())}
        sheets = {name: self.book.sheet(name, long=name in long) for name in (FACE, *contents, META)}
        write_face(sheets[FACE], rollup, contents)
        for plan in sections:
            self.frame(sheets[plan.name], plan, self._hidden_texts(plan))
            self._footnote(sheets[plan.name], plan)
        self._figures(sheets)
        self.mark_broken(sheets)
        reasons = {name: clipped("\n".join(words)) for name, words in self._reasons().items()}
        self.rules(sheets[CHECKS], rollup.results, reasons, is_rollup=True)
        self.last_year(sheets[CHECKS], rollup.last)
        sums = sums_of(rollup)
        write_details(sheets, rollup, sums, self._links(beside))
        status = status_rows(self.result)
        write_annexes(sheets, self.result, rollup, status)
        if YEARS in sheets:
            write_years(sheets[YEARS], rollup, sums)
        if UNIT_YEARS in sheets:
            write_unit_years(sheets[UNIT_YEARS], rollup)
        if CHARTS in sheets:
            write_charts(sheets[CHARTS], rollup, sums)
        self.meta(sheets[META], ROLLUP_SCHEMA)
        self._leaves(sheets[META], status_texts(status))
        for sheet in sheets.values():
            sheet.protect(drawings=sheet.name == CHARTS)
        self.names()
        return self.book.close(lock=True)

    def _contents(self, sections: list[SheetPlan]) -> Iterator[tuple[str, str]]:
        """The sheets between 汇总 and _meta, in order, each with what it is for."""
        titles = {sheet.name: f"{sheet.title}，各单位之和" for sheet in self.form.sheets}
        for plan in sections:
            yield plan.name, titles.get(plan.name, WHAT_IT_IS.get(plan.name, ""))
        for detail in self.details.values():
            yield detail.name, f"{detail.title.removeprefix(f'{DETAIL}：')}，逐个单位，附各类小计"
        optional = {
            YEARS: compares_years(self.rollup),
            UNIT_YEARS: compares_units(self.rollup),
            CHARTS: bool(self.form.charts),
        }
        for name in (*LISTS, YEARS, UNIT_YEARS, CHARTS):
            if optional.get(name, True):
                yield name, WHAT_IT_IS[name]

    def _has_table(self, plan: SheetPlan) -> bool:
        return any(slot.sheet == plan.name for slot in self.layout.slots.values())

    def _hidden_texts(self, plan: SheetPlan) -> dict[int, float]:
        """Texts are on 文字材料; their rows stay, since addresses are the template's, but take hardly any room."""
        rows: dict[int, float] = {}
        for place in self.layout.texts.values():
            if place.sheet == plan.name:
                rows.update(dict.fromkeys(range(place.row, place.last_row + 1), 1.5))
        return rows

    # ---- official sheets

    def _figures(self, sheets: Mapping[str, SheetWriter]) -> None:
        for place in self.layout.texts.values():
            if place.sheet in sheets:
                sheets[place.sheet].put(place, f"见〔{TEXTS}〕", {**styles.SMALL, "align": "center"})
        for slot in self.layout.inputs:
            item, style, value = slot.item, self.figure_style(slot), self.rollup.inputs[slot.item.id]
            if not is_summed(item):
                shown = clipped(value) if isinstance(value, str) else value
                sheets[slot.sheet].put(
                    slot.place, shown, {**style, **(NOT_ADDED if item.rollup == "none" else {})}
                )
                continue
            self._lead(sheets, slot)
            formula = sum_formula(self.form, item, len(self.rollup.leaves))
            sheets[slot.sheet].formula(slot.place, formula, 0 if value is None else value, style)
        for slot in self.layout.derived:
            self._lead(sheets, slot)
        self.totals(sheets, totals(self.form, self.rollup.inputs, blank=0))

    def figure_style(self, slot: Slot) -> Style:
        """With the marks of a figure that lacks units and of one that a person has to confirm."""
        style = super().figure_style(slot)
        item, missing = slot.item, len(self.rollup.gaps.get(slot.item.id, ()))
        mark = CONFIRM_MARK if item.rollup == "confirm-sum" else ""
        fill = LACKING if missing else CONFIRM if mark else {}
        number_format = lacking_format(styles.NUMBER_FORMATS[item.type], missing, mark)
        return shrunk({**style, **fill, "num_format": number_format}, missing or mark)

    def _lead(self, sheets: Mapping[str, SheetWriter], slot: Slot) -> None:
        """Makes a figure lead to its column on 明细."""
        detail = self.details[slot.item.table]
        target = detail.place(0, detail.at[slot.item.id])
        sheets[slot.sheet].lead(slot.place, target, self.figure_style(slot), f"各单位的数见〔{detail.name}〕")

    def _footnote(self, sheet: SheetWriter, plan: SheetPlan) -> None:
        """What the marks of a section's figures mean, below its tables."""
        items = [slot.item for slot in self.layout.slots.values() if slot.sheet == plan.name]
        words = [LACKING_WORDS] if any(item.id in self.rollup.gaps for item in items) else []
        words += [CONFIRM_WORDS] if any(item.rollup == "confirm-sum" for item in items) else []
        if not words:
            return
        text, row, across = "注：" + "；".join(words) + "。", plan.rows + 1, len(plan.widths)
        style: Style = {"font_size": 9, "text_wrap": True, "valign": "vcenter"}
        sheet.put(Place(plan.name, row, 1, row, across), text, style)
        sheet.height(row, wrapped_height(text, sum(plan.widths)))
        sheet.page(landscape=plan.landscape, one_page=plan.one_page, columns=across, rows=row)

    def _reasons(self) -> dict[str, list[str]]:
        """Rule line (or fingerprint) → the units' reasons."""
        found: dict[str, list[str]] = {}
        for name, leaf in zip(self.rollup.names, self.rollup.leaves, strict=True):
            for reason in leaf.reasons:
                found.setdefault(reason.about, []).append(f"{name}：{reason.text}")
        return found

    # ---- where units' files lie, and who they are

    def _links(self, beside: Path | None) -> dict[str, str]:
        """The key of a unit → where its file (or the roll-up it came in) lies, seen from `beside`."""
        links: dict[str, str] = {}
        ways: dict[str, str | None] = {}  # from `beside` to folders
        for one, went in zip(self.result.checked.filings, self.result.merged, strict=True):
            if beside is None or one.path is None or not went:
                continue
            units = [leaf.unit for leaf in one.filing.leaves] if one.filing.is_rollup else [one.filing.unit]
            folder, name = os.path.split(one.path)
            if folder not in ways:
                ways[folder] = _way(folder, beside)
            if link := _link(ways[folder], name):
                links.update({unit.key: link for unit in units if unit is not None})
        quoted = cache(quote)  # folders are few
        sizes = (LINK_FRAME + len("/".join(map(quoted, link.split("/")))) for link in links.values())
        room = sum(sizes) * len(self.details)
        return links if room <= LINK_ROOM else {}

    def _leaves(self, sheet: SheetWriter, status: Sequence[Sequence[str]]) -> None:
        place = WHOLE_SEAL_PLACE
        sheet.put(Place(META, place.row, 1, place.row, 1), WHOLE_SEAL)
        seals = self.rollup.seals
        sheet.put(place, whole_seal(seals, face_texts(self.rollup), status))
        for field in LEAF_FIELDS:
            place = leaf_place(-1, field)
            assert place.row == LEAF_HEAD
            sheet.put(place, field)
        look = RowLook([(sheet.book.format({"num_format": "@"}), None)] * len(LEAF_FIELDS))
        for row, (leaf, seal) in enumerate(zip(self.rollup.leaves, seals, strict=True), LEAF_HEAD + 1):
            values = leaf_fields(leaf, seal)
            sheet.alike(row, [values[field] for field in LEAF_FIELDS], look)


def _way(folder: str, beside: Path) -> str | None:
    """From a folder to another, with /; None where there is none: on another drive."""
    try:
        return os.path.relpath(folder or os.curdir, beside).replace(os.sep, "/")
    except ValueError:
        return None


def _link(way: str | None, name: str) -> str | None:
    """The way to a file in a folder; None where there is none or it is too long."""
    if way is None:
        return None
    link = name if way == os.curdir else f"{way}/{name}"
    return link if len(link) <= MOST_LINK else None

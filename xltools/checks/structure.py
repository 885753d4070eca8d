"""Is it our template, whose is it, and do its sheets and labels stand where they should?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter

from xltools.checks.registry import Case, Check, check
from xltools.compute import Picker, picker
from xltools.filing import LabelFault, SheetFacts
from xltools.finding import Finding
from xltools.geometry import position
from xltools.layout import META, Layout
from xltools.roster import issue_number
from xltools.words import label_key

FIELD_WORDS = {
    "form": "表式",
    "edition": "版本",
    "unit": "填报单位",
    "code": "单位代码",
    "year": "报告年度",
    "issue": "签发号",
}
OWN_ISSUE = re.compile("I[0-9]{4}-[0-9a-f]{10}")  # as roster.issue_number makes them
MOST_LABELS = 5  # changed ones of a sheet named one by one; more are one cause
MOST_NAMES = (
    100  # that a workbook of ours has besides those of its cells; of more it is not remembered where they are
)
RETURN_TO_BLANK = "请用下发给本单位的模板重新填报。"


@check(
    "S001", "不是下发的模板", needs_form=False, requires=tuple(f"F{n:03d}" for n in range(1, 13)), of="frame"
)
def not_our_template(this: Check, case: Case) -> Iterator[Finding]:
    """报上来的要是下发的那份模板，身份标记还在。

    通过：在下发的模板上填写，用 WPS、Excel、LibreOffice 保存
    不通过：自己做的表　旧年度的表　把内容复制到新工作簿里的表
    改正：用下发给本单位的模板重新填报。
    """
    filing = case.filing
    if filing.form is None and filing.form_key is None:
        yield this.finding(
            case, "这份工作簿里没有模板的身份标记，不是下发的模板，一个数也没有读。", RETURN_TO_BLANK
        )


@check("S002", "表式不认得", needs_form=False, requires=("S001",), of="frame")
def unknown_form(this: Check, case: Case) -> Iterator[Finding]:
    """工作簿所写的表式要在报表目录里。

    通过：gov-info-disclosure/2021
    不通过：目录里没有的表式
    改正：由收表单位核对；自己的报表文件用 --form 指给程序。
    """
    filing = case.filing
    if filing.form is None and filing.form_key is not None:
        yield this.finding(
            case,
            f"工作簿写的表式是“{filing.form_key}”，报表目录里没有。",
            "请收表单位用 --form 指明报表文件；填报单位请核对是不是本次下发的模板。",
            found=filing.form_key,
        )


@check("S003", "身份标记互相矛盾", requires=("S001",), vanishes=True)
def carriers_disagree(this: Check, case: Case) -> Iterator[Finding]:
    """同一项身份在工作簿各处要写得一样：每张表的表头、文件属性、隐藏的 _meta。

    通过：各处一致（个别标记在另存时丢失不算）
    不通过：有的表头写甲单位、有的写乙单位　改过年度　签发号与单位、年度对不上
    改正：用下发给本单位的模板重新填报，不要改表头。
    """
    filing = case.filing
    is_known = filing.unit is not None and filing.year is not None
    told = () if is_known and _all_agree(case) else tuple(_contradictions(this, case))
    yield from told
    if told or filing.unit is None or filing.year is None or filing.book is None:
        return
    # a number of another shape was given by a ledger and cannot be worked out here
    if META not in filing.book.sheets or not OWN_ISSUE.fullmatch(filing.issue):
        return
    meant = issue_number(case.form.key, filing.unit, filing.year)
    if filing.issue != meant:
        yield this.finding(
            case,
            f"签发号是“{filing.issue}”，按所写的单位、代码、级别和年度应是“{meant}”，这几项中有一项被改过。",
            RETURN_TO_BLANK,
            sheet=META,
            cell=case.layout.meta["issue"].address,
            found=filing.issue,
            expected=meant,
        )


def _all_agree(case: Case) -> bool:
    """Whether no carrier is missing and each field is said in one way, as in nearly every workbook."""
    filing, layout = case.filing, case.layout
    if filing.label_faults or filing.claims.carriers != layout.carriers:
        return False
    values = filing.claims.values
    return None not in values and values == _first_in_sight(layout)(values)


@lru_cache(maxsize=64)
def _first_in_sight(layout: Layout) -> Picker:
    """For each carrier what the first one of its field says that a clerk sees; every field has one."""
    at: dict[str, int] = {}
    for place, one in enumerate(layout.carriers):
        if one.place is not None and one.place.sheet != META:
            at.setdefault(one.field, place)
    return picker([at[one.field] for one in layout.carriers])


def _contradictions(this: Check, case: Case) -> Iterator[Finding]:
    filing = case.filing
    said: dict[str, list[str]] = {}
    shown: set[str] = set()  # fields that a clerk sees
    moved = {
        fault.sheet for fault in filing.label_faults
    }  # what stands at its carriers' addresses means nothing
    claims = [c for c in filing.claims if c.carrier.place is None or c.carrier.place.sheet not in moved]
    for claim in claims:
        if claim.value is not None:
            carrier = claim.carrier
            said.setdefault(carrier.field, []).append(claim.value)
            if carrier.place is not None and carrier.place.sheet != META:
                shown.add(carrier.field)
    conflict = False
    for name, words in FIELD_WORDS.items():
        values = said.get(name, [])
        if len(set(values)) > 1:
            conflict = True
            usual = Counter(values).most_common(1)[0][0]
            odd = next(c for c in claims if c.carrier.field == name and c.value not in (None, usual))
            place = odd.carrier.place
            where = f"〔{place.sheet}〕{place.address}" if place and place.sheet != META else "文件内部的标记"
            yield this.finding(
                case,
                f"{where}的{words}是“{odd.value}”，别处是“{usual}”，身份标记互相矛盾。",
                RETURN_TO_BLANK,
                sheet=place.sheet if place else None,
                cell=place.address if place else None,
                found=odd.value,
                expected=usual,
            )
    if conflict or filing.unit is None or filing.year is None:
        if filing.year is None:
            yield this.finding(case, "工作簿里读不出报告年度。", RETURN_TO_BLANK)
        return
    for name in ("unit", "issue"):  # re-saving never takes a field from every sheet
        if name not in said:
            words = FIELD_WORDS[name]
            yield this.finding(case, f"工作簿各处都没有{words}，被清掉了。", RETURN_TO_BLANK, expected=words)
    if moved.isdisjoint(case.layout.section_names):
        for name in [name for name in FIELD_WORDS if name in said and name not in shown]:
            words = FIELD_WORDS[name]
            yield this.finding(
                case, f"各张表的表头都没有{words}了，被清掉了。", RETURN_TO_BLANK, expected=words
            )


@check("S004", "年度不对", requires=("S003",))
def other_year(this: Check, case: Case) -> Iterator[Finding]:
    """要报的是所要年度的报告，用的是适用于那一年的版本。

    通过：收 2021 年报告时报 2021 年
    不通过：把去年的报告又报一遍　用 2019 版填 2021 年的报告
    改正：用本年度下发的模板填报。
    """
    filing, form = case.filing, case.form
    if filing.year is None:
        return
    if case.year is not None and filing.year != case.year:
        yield this.finding(
            case,
            f"这是{filing.year}年度的报告，要收的是{case.year}年度的。",
            f"请报{case.year}年度的报告。",
            found=str(filing.year),
            expected=str(case.year),
        )
    elif not form.covers(filing.year):
        end = f"至{form.last_year}" if form.last_year else "起"
        yield this.finding(
            case,
            f"{form.edition}版适用于{form.first_year}年{end}的报告，这份写的是{filing.year}年度。",
            "请用该年度适用的版本填报。",
            found=str(filing.year),
        )


@check("S005", "表式不对", requires=("S003",))
def other_form(this: Check, case: Case) -> Iterator[Finding]:
    """要报的是所要的那种报表、那个版本。

    通过：收 2021 版时报 2021 版
    不通过：收 2021 版时报 2019 版
    改正：用本次下发的模板填报。
    """
    if case.form_key is not None and case.form.key != case.form_key:
        yield this.finding(
            case,
            f"这份用的表式是“{case.form.key}”，要收的是“{case.form_key}”。",
            "请用本次下发的模板填报。",
            found=case.form.key,
            expected=case.form_key,
        )


@check("S006", "工作表缺少、改名或重复", requires=("S001",), of="frame")
def sheets_missing(this: Check, case: Case) -> Iterator[Finding]:
    """模板的每张工作表（填报说明除外，隐藏的 _meta 在内）都要在，名字不变；次序不论。

    通过：另加了一张草稿表（S011 提示一次）
    不通过：删了“四、复议诉讼”　改名为“Sheet3”
    改正：把工作表名改回原样；删掉了的，用模板重填。
    """
    book = case.filing.book
    assert book is not None
    extra = [sheet for name, sheet in book.sheets.items() if name not in case.layout.sheet_names]
    for name in (*case.sheet_names, META):
        if name in book.sheets:
            continue
        twin = next((sheet.name for sheet in extra if looks_like(case, sheet, name)), None)
        if twin is not None:
            yield this.finding(
                case,
                f"工作表“{name}”被改名为“{twin}”。",
                f"请把“{twin}”改回“{name}”。",
                sheet=name,
                found=twin,
                expected=name,
            )
        else:
            yield this.finding(
                case, f"缺少工作表“{name}”。", RETURN_TO_BLANK, sheet=name, expected=name
            )  # fmt: skip


def looks_like(case: Case, sheet: SheetFacts, name: str) -> bool:
    """Whether a sheet under another name has at least half of a sheet's labels."""
    plan = case.layout.by_name.get(name)
    labels = [label for label in plan.labels if label.is_verified] if plan else []
    same = sum(label_key(sheet.cell(one.place.address).text) == label_key(one.text) for one in labels)
    return bool(labels) and same * 2 >= len(labels)


@check("S007", "行列移动了", requires=("S006",), of="frame")
def shifted(this: Check, case: Case) -> Iterator[Finding]:
    """不能插入、删除、移动行或列；移动了的表一个数也不读。

    通过：拉宽列、拉高行
    不通过：在表中间插入一行　删掉一列
    改正：撤销插入或删除，或用模板重填。
    """
    for sheet, faults in _faults_by_sheet(case).items():
        move = _movement(case, sheet, faults)
        if move is not None:
            fault, found_at = move
            yield this.finding(
                case,
                f"〔{sheet}〕行或列移动了：“{fault.expected}”应在 {fault.cell}，现在在 {found_at}。"
                "这张表的数一个也没有读。",
                "请撤销插入、删除或移动的行列；撤销不了的，用下发的模板重填这张表。",
                sheet=sheet,
                cell=fault.cell,
                found=found_at,
                expected=fault.expected,
            )


@check("S008", "标签改了", requires=("S006",), of="frame")
def label_changed(this: Check, case: Case) -> Iterator[Finding]:
    """表头、行名、列名要和模板一样；换行、空格、全角半角不论。

    通过：（七）总 计
    不通过：把“自然人”改成“个人”　两行的名字对调
    改正：把标签改回原样，并核对那一行（列）的数。
    """
    for sheet, faults in _faults_by_sheet(case).items():
        if _movement(case, sheet, faults) is not None:
            continue  # S007 has said it
        for fault in faults if len(faults) <= MOST_LABELS else faults[:1]:
            now = f"是“{fault.found}”" if fault.found else "没有了"
            more = f"（这张表共有 {len(faults)} 处标签不对）" if len(faults) > MOST_LABELS else ""
            yield this.finding(
                case,
                f"〔{sheet}〕{fault.cell} 的标签{now}，应是“{fault.expected}”{more}。"
                "标签不对，这张表的数没有读。",
                f"请把 {fault.cell} 改回“{fault.expected}”，并核对它对应的数。"
                if not more
                else "请把标签改回原样；改不回的，用下发的模板重填这张表。",
                sheet=sheet,
                cell=fault.cell,
                found=fault.found,
                expected=fault.expected,
            )


def _faults_by_sheet(case: Case) -> dict[str, list[LabelFault]]:
    by_sheet: dict[str, list[LabelFault]] = {}
    for fault in case.filing.label_faults:
        by_sheet.setdefault(fault.sheet, []).append(fault)
    return by_sheet


def _movement(case: Case, sheet: str, faults: list[LabelFault]) -> tuple[LabelFault, str] | None:
    """The first label that stands elsewhere in its own row or column, where two or more do so alike.

    Two labels that have changed places are no movement: their steps differ.
    """
    book = case.filing.book
    assert book is not None
    where: dict[str, list[str]] = {}
    for cell, content in book.sheets[sheet].cells.items():
        if content.kind == "text":
            where.setdefault(label_key(content.text), []).append(cell)
    steps: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], tuple[LabelFault, str]] = {}
    for fault in faults:
        row, column = position(fault.cell)
        for cell in where.get(label_key(fault.expected), []):
            there = position(cell)
            step = there[0] - row, there[1] - column
            if step != (0, 0) and 0 in step:
                steps[step] += 1
                first.setdefault(step, (fault, cell))
    if not steps:
        return None
    step, count = steps.most_common(1)[0]
    return first[step] if count >= 2 or count == len(faults) else None


@check("S010", "工作表内容过多", requires=("S006",), of="frame")
def overfull(this: Check, case: Case) -> Iterator[Finding]:
    """一张表里的内容要与报表相称。

    通过：在表外写了几句备注
    不通过：粘进了几万行别的数据
    改正：删去不属于报表的内容。
    """
    book = case.filing.book
    assert book is not None
    for name in case.layout.section_names:
        sheet = book.sheets.get(name)
        if sheet is not None and sheet.overfull:
            yield this.finding(
                case,
                f"〔{name}〕里的内容远多于这张表该有的，没有读完。",
                "请删去不属于报表的内容，或用模板重填。",
                sheet=name,
            )


@check("S020", "填报格被剪切移走了", requires=("S006", "S007", "S008"), vanishes=True)
def cut_away(this: Check, case: Case) -> Iterator[Finding]:
    """填报格不能剪切：剪切后原处成了空格，贴到的那一格原来的数也没有了，而各项合计、勾稽可能照样平。

    通过：复制后粘贴　清空重填
    不通过：把“自然人”的数剪切到下一行
    改正：撤销剪切；撤销不了的，用下发的模板重填。要挪数就用复制。
    """
    book = case.filing.book
    assert book is not None
    handed_out = named_cells(case.layout)
    if len(book.names) <= 2 * len(handed_out) + MOST_NAMES:
        pick = _names_of_inputs(case.layout, tuple(book.names))
        if pick is not None and pick(book.names) == tuple(handed_out.values()):
            return
    # a cell's name goes where it is pasted
    names = {name.lower(): refers_to for name, refers_to in book.names.items()}
    for slot in case.layout.inputs:
        refers_to = names.get(slot.item.id, "").lstrip("=").replace("'", "").replace("$", "")
        if refers_to and refers_to.partition(":")[0] != f"{slot.sheet}!{slot.address}":
            yield this.finding(
                case,
                f"{case.at(slot)}被剪切走了，现在在 {refers_to}；两处原来的数都靠不住。",
                "请撤销剪切，核对这两格的数；撤销不了的，用下发的模板重填。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=refers_to,
                expected=f"{slot.sheet}!{slot.address}",
            )


@lru_cache(maxsize=64)
def named_cells(layout: Layout) -> Mapping[str, str]:
    """Names of inputs → where each stands, as a template has it: '三、依申请公开'!$D$7"""
    return {slot.item.id: slot.place.absolute for slot in layout.inputs}


@lru_cache(maxsize=64)
def _names_of_inputs(
    layout: Layout, names: tuple[str, ...]
) -> Callable[[Mapping[str, str]], tuple[str, ...]] | None:
    """What the names of inputs refer to, out of all that a workbook's names do; None where one is missing.

    Excel knows no capital letters in names; of two that are one the last is meant."""
    written = {name.lower(): name for name in names}
    wanted = [written.get(name) for name in named_cells(layout)]
    if len(wanted) < 2 or None in wanted:
        return None
    return itemgetter(*wanted)

"""Whole sheets: added, doubled, out of order or hidden ones, and what is drawn over their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xltools.checks.ground import covers, filled_in, grounds, listed, shown, sound_sheets
from xltools.checks.registry import Case, Check, check
from xltools.checks.structure import looks_like
from xltools.filing import Cell, SheetFacts
from xltools.finding import Finding, Level
from xltools.geometry import Place, position
from xltools.layout import META
from xltools.problems import PROBLEMS, TRANSFERS
from xltools.words import BLANK, FULL_WIDTH, label_key

STRUCTURE = ("S006",)
OURS = (PROBLEMS, TRANSFERS)  # sheets that a workbook sent back has besides the form's own
FEWEST_LABELS = 3  # of ours, for a sheet to be a table of ours
_FIGURE = r"[-+\u2212]?[0-9][0-9,]*(?:\.[0-9]+)?[\u4e00-\u9fff]{0,2}"  # 12, 12件, but not 1.其他


def added_sheets(case: Case) -> Iterator[SheetFacts]:
    book = case.filing.book
    if book is not None and not case.filing.is_rollup:
        known = {*case.layout.sheet_names, *OURS}
        yield from (sheet for name, sheet in book.sheets.items() if name not in known)


def figures_on(sheet: SheetFacts) -> list[str]:
    """Where numbers stand, whatever they are meant for, from the top."""
    found = [at for at, cell in sheet.cells.items() if _is_figure(cell)]
    return sorted(found, key=position)


def _is_figure(cell: Cell) -> bool:
    if cell.kind == "number":
        return cell.format != "date"
    if cell.kind == "blank":  # a formula that was saved without its result
        return cell.formula is not None
    text = BLANK.sub("", cell.text).translate(FULL_WIDTH)
    return cell.kind == "text" and re.fullmatch(_FIGURE, text) is not None


def doubled_of(case: Case, sheet: SheetFacts) -> str | None:
    """The sheet of ours that an added one is a copy of, cell by cell."""
    names = (plan.name for plan in case.layout.sheets if len(sheet.cells) * 2 >= len(plan.labels))
    return next((name for name in names if looks_like(case, sheet, name)), None)


def repeated_of(case: Case, sheet: SheetFacts) -> tuple[str, int] | None:
    """The sheet of ours whose labels an added one with figures repeats, wherever they stand there, and how many."""
    if not figures_on(sheet):
        return None
    there = {label_key(cell.text) for cell in sheet.cells.values() if cell.kind == "text"}
    best, most = "", 0
    for plan in case.layout.sheets:
        labels = (one for one in plan.labels if one.is_verified and one.role in ("head", "row"))
        keys = {label_key(one.shown("", case.filing.year or 0)) for one in labels}
        same = sum(len(key) > 1 for key in keys & there)
        if same > most:
            best, most = plan.name, same
    return (best, most) if most >= FEWEST_LABELS else None


def plain_sheets(case: Case) -> Iterator[SheetFacts]:
    """Added sheets of which nothing worse is said: no copy, and no figures while blanks are declared zeros."""
    for sheet in added_sheets(case):
        is_doubtful = bool(case.filing.declared_zeros) and bool(figures_on(sheet))
        if not is_doubtful and doubled_of(case, sheet) is None and repeated_of(case, sheet) is None:
            yield sheet


def beside_zeros(case: Case) -> Iterator[tuple[SheetFacts, list[str]]]:
    """Added sheets with figures while blanks are declared zeros, and where; copies have been spoken of."""
    for sheet in added_sheets(case) if case.filing.declared_zeros else ():
        figures = figures_on(sheet)
        if figures and doubled_of(case, sheet) is None and repeated_of(case, sheet) is None:
            yield sheet, figures


@check("S011", "多了工作表", Level.NOTE, requires=STRUCTURE, of="frame")
def sheet_added(this: Check, case: Case) -> Iterator[Finding]:
    """模板之外的工作表不读，里面的数不算数；留着也不影响汇总。

    通过：只有模板的工作表　退回件自带的“问题清单”“搬运清单”
    提示：另加了一张“草稿”
    改正：要报的数填进模板的工作表；草稿可以删去。
    """
    names = [sheet.name for sheet in plain_sheets(case)]
    if names:
        yield this.finding(
            case,
            f"多了模板里没有的工作表：{listed(names)}；里面的内容没有读。",
            "要报的数请填进模板的工作表；草稿可以删去。",
            sheet=names[0],
            found=listed(names),
        )


@check("S012", "工作表次序变了", Level.NOTE, requires=STRUCTURE, of="frame")
def sheets_reordered(this: Check, case: Case) -> Iterator[Finding]:
    """工作表按名字认，次序变了不影响读数，只提示一次。

    通过：封面、一、二……的原次序
    提示：把“校验”拖到了最前面
    改正：不必改；愿意的话拖回原处。
    """
    if case.filing.book is None or case.filing.is_rollup:
        return
    meant = [name for name in case.layout.sheet_names if name != META and name in case.filing.book.sheets]
    there = [name for name in case.filing.book.sheets if name in meant]
    if there != meant:
        first = next(name for name, right in zip(there, meant, strict=True) if name != right)
        yield this.finding(
            case,
            f"工作表的次序变了，现在是：{'、'.join(there)}。不影响读数。",
            "不必改；愿意的话按模板的次序拖回去。",
            sheet=first,
            found="、".join(there),
            expected="、".join(meant),
        )


@check("S013", "工作表多了一份", Level.QUERY, requires=STRUCTURE, vanishes=True, of="frame")
def sheet_doubled(this: Check, case: Case) -> Iterator[Finding]:
    """复制出来的工作表不读，自己照样子做的也不读；要报的数可能填在了那一张上。

    通过：每张表只有一张
    不通过：“三、依申请公开”之外又有“三、依申请公开 (2)”　Sheet1 上有同样的行名、列名，填着数
    改正：把要报的数填在原来那张上，删去复制的。
    """
    book = case.filing.book
    for copy in added_sheets(case):
        name = doubled_of(case, copy)
        repeated = repeated_of(case, copy) if name is None else None
        if repeated is not None:
            yield _repeated(this, case, copy, *repeated)
        if name is None or book is None:
            continue
        places = grounds(case.layout)[name].open
        other = [at for at in places if shown(copy.cell(at)) != shown(book.sheets[name].cell(at))]
        words = f"两张有 {len(other)} 格填得不同（{listed(other)}）" if other else "两张填得一样"
        yield this.finding(
            case,
            f"“{copy.name}”是“{name}”的又一份，{words}；读的是“{name}”，“{copy.name}”没有读。",
            f"请核对以哪张为准：把要报的数填在“{name}”上，删去“{copy.name}”。",
            sheet=copy.name,
            cell=other[0] if other else None,
            found=copy.name,
            expected=name,
        )


def _repeated(this: Check, case: Case, copy: SheetFacts, name: str, labels: int) -> Finding:
    figures = figures_on(copy)
    return this.finding(
        case,
        f"“{copy.name}”上有“{name}”的 {labels} 个行名、列名，并有数（{listed(figures)}）；读的是“{name}”，"
        f"“{copy.name}”没有读。",
        f"请核对：要报的数填在“{name}”上，再删去“{copy.name}”；与本表无关的，请说明。",
        sheet=copy.name,
        cell=figures[0],
        found=copy.name,
        expected=name,
    )


@check("S018", "藏了工作表", Level.QUERY, requires=STRUCTURE, of="frame")
def sheet_hidden(this: Check, case: Case) -> Iterator[Finding]:
    """要填的工作表不要隐藏，免得看的人漏看。隐藏、显示 _meta 和填报说明不论。

    通过：各表都看得见
    不通过：隐藏了“四、复议诉讼”
    改正：取消隐藏，核对里面的数。
    """
    for sheet, ground in sound_sheets(case):
        if sheet.state != "visible" and sheet.name in filled_in(case.layout):
            yield this.finding(
                case,
                f"工作表“{sheet.name}”被隐藏了，里面有 {len(ground.open)} 个要填的格。",
                "请取消隐藏，核对里面的内容。",
                sheet=sheet.name,
                found="隐藏",
                expected="显示",
            )


# ---- what is drawn over the cells


def drawn_over(case: Case) -> Iterator[tuple[SheetFacts, dict[str, Place]]]:
    """Sheets with drawings, and the cells for figures and texts that these cover."""
    for sheet, ground in sound_sheets(case):
        if sheet.drawings:
            areas = [area for area in sheet.drawings if area]
            asked = {
                at: place for at, place in ground.places.items() if at in ground.open or at in ground.derived
            }
            yield (
                sheet,
                {at: place for at, place in asked.items() if any(covers(area, place) for area in areas)},
            )


@check("S022", "表上有图形", Level.NOTE, requires=STRUCTURE, of="frame")
def drawings(this: Check, case: Case) -> Iterator[Finding]:
    """图片、文本框、形状不读，里面写的字和数不算数；没有压着填报格的，只提示。

    通过：没有图形　批注
    提示：在表的旁边放了一个文本框、一张图片
    改正：要报的内容填进填报格；图形可以留着，也可以删去。
    """
    for sheet, covered in drawn_over(case):
        if not covered:
            at = next((area.partition(":")[0] for area in sheet.drawings if area), None)
            yield this.finding(
                case,
                f"〔{sheet.name}〕上有 {len(sheet.drawings)} 个图形（图片、文本框等），里面的内容没有读。",
                "要报的内容请填进填报格；图形可以留着，也可以删去。",
                sheet=sheet.name,
                cell=at,
                found=f"{len(sheet.drawings)} 个图形",
            )


@check("S023", "图形压在填报格上", Level.QUERY, requires=STRUCTURE, vanishes=True, of="frame")
def drawings_over_inputs(this: Check, case: Case) -> Iterator[Finding]:
    """图片、文本框、形状压在填报格或合计上，看到的可能是图形里写的数，而不是格里的数。

    通过：图形在表的旁边
    不通过：一个写着“5000”的文本框压在填着 7 的格上
    改正：移开或删去图形，核对格里的数。
    """
    for sheet, covered in drawn_over(case):
        if covered:
            first = min(covered, key=position)
            slot = case.layout.at.get((sheet.name, first))
            what = f"（{case.label(slot)}{'等' if len(covered) > 1 else ''}）" if slot else ""
            here = shown(sheet.cell(first))
            yield this.finding(
                case,
                f"〔{sheet.name}〕上有图形压在 {listed(sorted(covered, key=position))}{what}上，"
                f"读的是格里的内容（{first} {f'是“{here[:30]}”' if here else '空着'}），图形里的没有读。",
                "请移开或删去图形，核对格里的数；不妨碍的，请说明。",
                sheet=sheet.name,
                cell=first,
                item=slot.item.id if slot else None,
                found=here or None,
            )

"""The shape of the sheets around their labels: merged cells, hidden rows and columns, strays.

A sheet whose labels are out of place is passed over here: what moved has been said, and all else follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from xltools.checks.ground import Ground, corners, filled_in, listed, meet, shown, sound_sheets
from xltools.checks.registry import Case, Check, check
from xltools.checks.sheets import beside_zeros
from xltools.filing import SheetFacts
from xltools.finding import Finding, Level
from xltools.geometry import Place, address, column_letters, position

STRUCTURE = ("S006",)


# ---- rows and columns


@check("S009", "藏了填报格", Level.QUERY, requires=STRUCTURE, of="frame")
def hidden_inputs(this: Check, case: Case) -> Iterator[Finding]:
    """要填的格所在的行、列不要隐藏，免得看的人漏看。

    通过：隐藏了空白行
    不通过：隐藏了“四、结转下年度继续办理”一行　把“其他”一列的列宽缩到 0
    改正：取消隐藏，核对那里的数。
    """
    for sheet, ground in sound_sheets(case):
        if not sheet.hidden_rows and not sheet.hidden_columns or sheet.name not in filled_in(case.layout):
            continue
        told: dict[str, str] = {}
        for at, place in ground.open.items():
            rows = set(range(place.row, place.last_row + 1)) - sheet.hidden_rows
            columns = set(range(place.column, place.last_column + 1)) - sheet.hidden_columns
            if not rows:
                last = f"至{place.last_row}" if place.last_row > place.row else ""
                told.setdefault(f"第{place.row}{last}行", at)
            elif not columns or place.column in sheet.hidden_columns:
                told.setdefault(f"{column_letters(place.column)}列", at)
        for words, at in told.items():
            slot = case.layout.at.get((sheet.name, at))
            what = f"（{case.label(slot)}等）" if slot else f"（{at}）"
            yield this.finding(
                case,
                f"〔{sheet.name}〕{words}被隐藏了，里面有要填的格{what}。",
                "请取消隐藏，核对里面的内容。",
                sheet=sheet.name,
                cell=at,
                found=words,
            )


# ---- merged cells


def _touched(ground: Ground, area: str) -> list[Place]:
    """The declared places that a range reaches into, the one at its corner first."""
    top, left, bottom, right = corners(area)
    if (bottom - top + 1) * (right - left + 1) <= len(ground.held):
        cells = [(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)]
    else:
        cells = sorted(at for at in ground.held if top <= at[0] <= bottom and left <= at[1] <= right)
    return list(dict.fromkeys(ground.held[at] for at in cells if at in ground.held))


def covering(sheet: SheetFacts, ground: Ground) -> dict[str, list[Place]]:
    """Merges that leave more than one place a single cell: range → open places that are lost beneath it."""
    found = {}
    for area in sheet.merges - ground.blocks if not sheet.overfull else ():
        touched = _touched(ground, area)
        corner = address(*corners(area)[:2])
        opened = [place for place in touched if place.address in ground.open]
        if opened and (len(touched) > 1 or opened[0].address != corner):
            found[area] = [place for place in opened if place.address != corner]
    return found


def unsettled(case: Case) -> set[tuple[str, str]]:
    """(sheet, address) of open cells that cannot be filled, or beside which something else stands: S015, S017."""
    found: set[tuple[str, str]] = set()
    for sheet, ground in sound_sheets(case):
        places = [
            *chain.from_iterable(covering(sheet, ground).values()),
            *beside(case, sheet, ground)[0].values(),
        ]
        found.update((sheet.name, place.address) for place in places)
    return found


@check("S014", "合并的单元格变了", Level.NOTE, requires=STRUCTURE, of="frame")
def merges_changed(this: Check, case: Case) -> Iterator[Finding]:
    """合并、拆开单元格会让表难看，但各格的数还读得到，只提示。

    通过：合并与模板一样
    提示：拆开了“信息内容”的合并格
    改正：不必改；愿意的话用模板重填。
    """
    for sheet, ground in sound_sheets(case):
        if sheet.overfull:
            continue
        lost = covering(sheet, ground)
        more = [area for area in sheet.merges - ground.blocks - lost.keys() if _touched(ground, area)]
        more.sort(key=corners)
        under = [corners(area) for area in lost]
        fewer = sorted(
            (area for area in ground.blocks - sheet.merges if not any(meet(corners(area), one) for one in under)),
            key=corners,
        )  # fmt: skip
        if more or fewer:
            words = [
                f"{verb} {listed(areas)}" for verb, areas in (("合并了", more), ("拆开了", fewer)) if areas
            ]
            yield this.finding(
                case,
                f"〔{sheet.name}〕的合并单元格与模板不同：{'，'.join(words)}。各格的数仍按原来的位置读。",
                "请看一下数是不是还在原来的格里；版式不必改。",
                sheet=sheet.name,
                cell=(more or fewer)[0].partition(":")[0],
                found=listed(more) or None,
                expected=listed(fewer) or None,
            )


@check("S015", "合并遮住了填报格", requires=STRUCTURE, vanishes=True, of="frame")
def merge_over_inputs(this: Check, case: Case) -> Iterator[Finding]:
    """几个格合并成一个，只留得下左上角的数，别的都没了或看不见了；填报格不能与别的格合并。

    通过：只放大了字体
    不通过：把“自然人”和“商业企业”两格合并成一格，只填一个数
    改正：取消合并，逐格核对重填。
    """
    for sheet, ground in sound_sheets(case):
        for area, places in sorted(covering(sheet, ground).items(), key=lambda one: corners(one[0])):
            corner = area.partition(":")[0]
            names = [place.address for place in places] or [corner]
            slot = case.layout.at.get((sheet.name, names[0]))
            what = f"（{case.label(slot)}{'等' if len(names) > 1 else ''}）" if slot else ""
            yield this.finding(
                case,
                f"〔{sheet.name}〕{area} 被合并成了一格，{listed(names)}{what}不能单独填了，原来的数可能丢失或被遮住。",
                "请取消合并，逐格核对重填；或用下发的模板重填这张表。",
                sheet=sheet.name,
                cell=names[0],
                item=slot.item.id if slot else None,
                found=area,
            )


# ---- what stands where nothing is asked for


def beside(case: Case, sheet: SheetFacts, ground: Ground) -> tuple[dict[str, Place], list[str]]:
    """Contents that no place owns: within a merged place but not at its corner, and elsewhere.

    A copy of what stands at the corner is none: some programs write it into every cell of the block.
    """
    return case.once(("beside", sheet.name), lambda: _beside(sheet, ground))


def _beside(sheet: SheetFacts, ground: Ground) -> tuple[dict[str, Place], list[str]]:
    within: dict[str, Place] = {}
    elsewhere: list[tuple[int, int]] = []
    for at, cell in sheet.cells.items():
        if at in ground.places or not shown(cell):
            continue
        where = position(at)
        place = ground.held.get(where)
        if place is None:
            elsewhere.append(where)
        elif shown(cell) != shown(sheet.cell(place.address)):
            within[at] = place
    return within, [address(*where) for where in sorted(elsewhere)]


def outside(case: Case) -> Iterator[tuple[SheetFacts, list[str], bool]]:
    """Sheets with contents outside their tables: the addresses, and whether figures may have been meant there."""
    zeros = {case.layout.slots[name].sheet for name in case.filing.declared_zeros}
    for sheet, ground in sound_sheets(case):
        _, elsewhere = beside(case, sheet, ground)
        if elsewhere and not sheet.overfull:
            figures = [at for at in elsewhere if any(char.isdecimal() for char in sheet.cell(at).text)]
            is_doubtful = bool(figures) and sheet.name in zeros
            yield sheet, figures if is_doubtful else elsewhere, is_doubtful


def outside_words(sheet: SheetFacts, addresses: list[str]) -> str:
    first = addresses[0]
    words = f"{first} 有内容" if len(addresses) == 1 else f"{first} 等 {len(addresses)} 格有内容"
    return f"〔{sheet.name}〕表格之外的 {words}（“{shown(sheet.cell(first))[:30]}”），没有读"


@check("S016", "表外有内容", Level.NOTE, requires=STRUCTURE, of="frame")
def strays(this: Check, case: Case) -> Iterator[Finding]:
    """表格之外的数和文字不读，也不算数。

    通过：只填了填报格
    提示：在表的右边写了备注　XFD1048576 格里有一个空格以外的字
    改正：要报的内容填进填报格；备注可以删去。
    """
    for sheet, addresses, is_doubtful in outside(case):
        if not is_doubtful:
            yield this.finding(
                case,
                f"{outside_words(sheet, addresses)}。",
                "要报的内容请填进填报格；备注可以留着，也可以删去。",
                sheet=sheet.name,
                cell=addresses[0],
                found=shown(sheet.cell(addresses[0])),
            )


@check("S019", "空格按零计，表外却有数", Level.QUERY, requires=STRUCTURE, vanishes=True, of="frame")
def strays_beside_zeros(this: Check, case: Case) -> Iterator[Finding]:
    """声明了未填的数字格均为零，而表格之外、另加的工作表上写着数：要报的数可能填错了地方，被当成了零。

    通过：表外没有数　没有空着的数字格
    不通过：“自然人”一列空着，数写在了表的右边　数写在了 Sheet1 上
    改正：把数填进填报格；表外的数与本表无关的，删去或写明。
    """
    for sheet, addresses, is_doubtful in outside(case):
        if is_doubtful:
            yield this.finding(
                case,
                f"{outside_words(sheet, addresses)}；这张表里空着的数字格都按零计了。",
                "请核对：要报的数填进填报格；与本表无关的请删去，或说明。",
                sheet=sheet.name,
                cell=addresses[0],
                found=shown(sheet.cell(addresses[0])),
            )
    for sheet, figures in beside_zeros(case):
        yield this.finding(
            case,
            f"另加的工作表“{sheet.name}”上有数（{listed(figures)}），没有读；"
            f"空着的 {len(case.filing.declared_zeros)} 个数字格都按零计了。",
            "请核对：要报的数填进模板的工作表；与本表无关的请删去，或说明。",
            sheet=sheet.name,
            cell=figures[0],
            found=shown(sheet.cell(figures[0])),
        )


@check("S017", "合并格里另有内容", requires=STRUCTURE, vanishes=True, of="frame")
def within_blocks(this: Check, case: Case) -> Iterator[Finding]:
    """几格合并成的填报格只读左上角；别的格里另有内容，就说不清哪个是要报的。

    通过：内容在左上角
    不通过：拆开了合并格，数填在右边那一格　合并的格下面还压着一个数
    改正：把要报的内容填在左上角那一格，清空其余的。
    """
    for sheet, ground in sound_sheets(case):
        within, _ = beside(case, sheet, ground)
        for at, place in within.items():
            if place.address in ground.open or place.address in ground.derived:
                slot = case.layout.at.get((sheet.name, place.address))
                what = f"（{case.label(slot)}）" if slot else ""
                here = shown(sheet.cell(place.address))
                yield this.finding(
                    case,
                    f"〔{sheet.name}〕{at} 属于合并格 {place.range}{what}，里面另有“{shown(sheet.cell(at))[:30]}”，"
                    f"左上角 {place.address} {f'是“{here[:30]}”' if here else '空着'}。",
                    f"请把要报的内容填在 {place.address}，清空 {at}。",
                    sheet=sheet.name,
                    cell=at,
                    item=slot.item.id if slot else None,
                    found=shown(sheet.cell(at)),
                    expected=here or None,
                )

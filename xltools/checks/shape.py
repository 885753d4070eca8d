"""The shape of the workbook around its labels: sheets added, doubled or hidden, merged cells, hidden lines, strays.

A sheet whose labels are out of place is passed over here: what moved has been said, and all else follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from xltools.checks.registry import Case, Check, check
from xltools.checks.structure import looks_like
from xltools.filing import Cell, SheetFacts
from xltools.finding import Finding, Level
from xltools.geometry import Place, address, column_letters, position
from xltools.layout import META, Layout
from xltools.problems import PROBLEMS, TRANSFERS
from xltools.words import BLANK

STRUCTURE = ("S006",)
OURS = (PROBLEMS, TRANSFERS)  # sheets that a workbook sent back has besides the form's own
MOST_NAMED = 8  # sheets, ranges or cells named in one sentence


@dataclass
class Ground:
    """What the layout puts on one sheet.  `held` has every cell of every declared place."""

    held: dict[tuple[int, int], Place] = field(default_factory=dict)
    open: dict[str, Place] = field(default_factory=dict)  # by address: what a unit fills in
    derived: set[str] = field(default_factory=set)  # addresses of totals
    blocks: set[str] = field(default_factory=set)  # ranges that are merged in the template

    def add(self, place: Place) -> None:
        for row in range(place.row, place.last_row + 1):
            for column in range(place.column, place.last_column + 1):
                self.held[row, column] = place
        if place.is_block:
            self.blocks.add(place.range)


@lru_cache(maxsize=64)
def grounds(layout: Layout) -> Mapping[str, Ground]:
    """Sheet name → what is declared on it."""
    made = {plan.name: Ground() for plan in layout.sheets}
    rows = layout.rules.values()
    opened = [*(slot.place for slot in layout.inputs), *layout.texts.values(), *layout.cover.values()]
    opened += [row.explanation for row in rows]
    closed = [label.place for label in layout.labels if label.text]
    closed += [carrier.place for carrier in layout.carriers if carrier.place is not None]
    closed += [*(slot.place for slot in layout.derived), *layout.panel.values(), *layout.last.values()]
    closed += [place for row in rows for place in (row.left, row.right, row.difference, row.result)]
    for place in chain(opened, closed):
        if place.sheet in made:
            made[place.sheet].add(place)
    for label in layout.labels:  # an empty label is a merged block, but nothing that may hold a text
        if not label.text and label.place.is_block:
            made[label.place.sheet].blocks.add(label.place.range)
    for place in opened:
        made[place.sheet].open[place.address] = place
    for slot in layout.derived:
        made[slot.sheet].derived.add(slot.address)
    return made


def sound_sheets(case: Case) -> Iterator[tuple[SheetFacts, Ground]]:
    """The unit's sheets whose labels are in place; a roll-up has other ones, and is judged by its sums."""
    book = case.filing.book
    if book is None or case.filing.is_rollup:
        return
    broken = {fault.sheet for fault in case.filing.label_faults}
    for name, ground in grounds(case.layout).items():
        if name in book.sheets and name not in broken:
            yield book.sheets[name], ground


def listed(names: list[str]) -> str:
    return "、".join(names[:MOST_NAMED]) + (f"等 {len(names)} 处" if len(names) > MOST_NAMED else "")


# ---- whole sheets


def added_sheets(case: Case) -> Iterator[SheetFacts]:
    book = case.filing.book
    if book is not None and not case.filing.is_rollup:
        known = {*case.layout.sheet_names, *OURS}
        yield from (sheet for name, sheet in book.sheets.items() if name not in known)


def doubled_of(case: Case, sheet: SheetFacts) -> str | None:
    """The sheet of ours that an added one is a copy of."""
    names = (plan.name for plan in case.layout.sheets if len(sheet.cells) * 2 >= len(plan.labels))
    return next((name for name in names if looks_like(case, sheet, name)), None)


@check("S011", "多了工作表", Level.NOTE, requires=STRUCTURE)
def sheet_added(this: Check, case: Case) -> Iterator[Finding]:
    """模板之外的工作表不读，里面的数不算数；留着也不影响汇总。

    通过：只有模板的工作表　退回件自带的“问题清单”“搬运清单”
    提示：另加了一张“草稿”
    改正：要报的数填进模板的工作表；草稿可以删去。
    """
    names = [sheet.name for sheet in added_sheets(case) if doubled_of(case, sheet) is None]
    if names:
        yield this.finding(
            case,
            f"多了模板里没有的工作表：{listed(names)}；里面的内容没有读。",
            "要报的数请填进模板的工作表；草稿可以删去。",
            sheet=names[0],
            found=listed(names),
        )


@check("S012", "工作表次序变了", Level.NOTE, requires=STRUCTURE)
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


@check("S013", "工作表多了一份", Level.QUERY, requires=STRUCTURE, vanishes=True)
def sheet_doubled(this: Check, case: Case) -> Iterator[Finding]:
    """复制出来的工作表不读；要报的数可能填在了复制的那一张上。

    通过：每张表只有一张
    不通过：“三、依申请公开”之外又有“三、依申请公开 (2)”
    改正：把要报的数填在原来那张上，删去复制的。
    """
    book = case.filing.book
    for copy in added_sheets(case):
        name = doubled_of(case, copy)
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


@check("S018", "藏了工作表", Level.QUERY, requires=STRUCTURE)
def sheet_hidden(this: Check, case: Case) -> Iterator[Finding]:
    """要填的工作表不要隐藏，免得看的人漏看。隐藏、显示 _meta 和填报说明不论。

    通过：各表都看得见
    不通过：隐藏了“四、复议诉讼”
    改正：取消隐藏，核对里面的数。
    """
    for sheet, ground in sound_sheets(case):
        if sheet.state != "visible" and sheet.name in _filled_in(case.layout):
            yield this.finding(
                case,
                f"工作表“{sheet.name}”被隐藏了，里面有 {len(ground.open)} 个要填的格。",
                "请取消隐藏，核对里面的内容。",
                sheet=sheet.name,
                found="隐藏",
                expected="显示",
            )


@lru_cache(maxsize=64)
def _filled_in(layout: Layout) -> frozenset[str]:
    """Sheets with figures, texts or cover fields."""
    places = [*(slot.place for slot in layout.inputs), *layout.texts.values(), *layout.cover.values()]
    return frozenset(place.sheet for place in places)


# ---- rows and columns


@check("S009", "藏了填报格", Level.QUERY, requires=STRUCTURE)
def hidden_inputs(this: Check, case: Case) -> Iterator[Finding]:
    """要填的格所在的行、列不要隐藏，免得看的人漏看。

    通过：隐藏了空白行
    不通过：隐藏了“四、结转下年度继续办理”一行　把“其他”一列的列宽缩到 0
    改正：取消隐藏，核对那里的数。
    """
    for sheet, ground in sound_sheets(case):
        if not sheet.hidden_rows and not sheet.hidden_columns or sheet.name not in _filled_in(case.layout):
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


def _corners(area: str) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column."""
    first, _, last = area.partition(":")
    return *position(first), *position(last or first)


def _touched(ground: Ground, area: str) -> list[Place]:
    """The declared places that a range reaches into, the one at its corner first."""
    top, left, bottom, right = _corners(area)
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
        corner = address(*_corners(area)[:2])
        opened = [place for place in touched if place.address in ground.open]
        if opened and (len(touched) > 1 or opened[0].address != corner):
            found[area] = [place for place in opened if place.address != corner]
    return found


def unsettled(case: Case) -> set[tuple[str, str]]:
    """(sheet, address) of open cells that cannot be filled, or beside which something else stands: S015, S017."""
    found: set[tuple[str, str]] = set()
    for sheet, ground in sound_sheets(case):
        places = [*chain.from_iterable(covering(sheet, ground).values()), *beside(sheet, ground)[0].values()]
        found.update((sheet.name, place.address) for place in places)
    return found


@check("S014", "合并的单元格变了", Level.NOTE, requires=STRUCTURE)
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
        more.sort(key=_corners)
        under = [_corners(area) for area in lost]
        fewer = sorted(
            (area for area in ground.blocks - sheet.merges if not any(_meet(_corners(area), one) for one in under)),
            key=_corners,
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


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@check("S015", "合并遮住了填报格", requires=STRUCTURE, vanishes=True)
def merge_over_inputs(this: Check, case: Case) -> Iterator[Finding]:
    """几个格合并成一个，只留得下左上角的数，别的都没了或看不见了；填报格不能与别的格合并。

    通过：只放大了字体
    不通过：把“自然人”和“商业企业”两格合并成一格，只填一个数
    改正：取消合并，逐格核对重填。
    """
    for sheet, ground in sound_sheets(case):
        for area, places in sorted(covering(sheet, ground).items(), key=lambda one: _corners(one[0])):
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


def shown(cell: Cell) -> str:
    """What a cell holds besides blanks, for comparing: a formula, a text, a figure."""
    return f"={cell.formula}" if cell.formula is not None else BLANK.sub("", cell.text)


def beside(sheet: SheetFacts, ground: Ground) -> tuple[dict[str, Place], list[str]]:
    """Contents that no place owns: within a merged place but not at its corner, and elsewhere.

    A copy of what stands at the corner is none: some programs write it into every cell of the block.
    """
    within: dict[str, Place] = {}
    elsewhere: list[tuple[int, int]] = []
    for at, cell in sheet.cells.items():
        if not shown(cell):
            continue
        where = position(at)
        place = ground.held.get(where)
        if place is None:
            elsewhere.append(where)
        elif at != place.address and shown(cell) != shown(sheet.cell(place.address)):
            within[at] = place
    return within, [address(*where) for where in sorted(elsewhere)]


def outside(case: Case) -> Iterator[tuple[SheetFacts, list[str], bool]]:
    """Sheets with contents outside their tables: the addresses, and whether figures may have been meant there."""
    zeros = {case.layout.slots[name].sheet for name in case.filing.declared_zeros}
    for sheet, ground in sound_sheets(case):
        _, elsewhere = beside(sheet, ground)
        if elsewhere and not sheet.overfull:
            figures = [at for at in elsewhere if any(char.isdecimal() for char in sheet.cell(at).text)]
            is_doubtful = bool(figures) and sheet.name in zeros
            yield sheet, figures if is_doubtful else elsewhere, is_doubtful


def outside_words(sheet: SheetFacts, addresses: list[str]) -> str:
    first = addresses[0]
    words = f"{first} 有内容" if len(addresses) == 1 else f"{first} 等 {len(addresses)} 格有内容"
    return f"〔{sheet.name}〕表格之外的 {words}（“{shown(sheet.cell(first))[:30]}”），没有读"


@check("S016", "表外有内容", Level.NOTE, requires=STRUCTURE)
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


@check("S019", "空格按零计，表外却有数", Level.QUERY, requires=STRUCTURE, vanishes=True)
def strays_beside_zeros(this: Check, case: Case) -> Iterator[Finding]:
    """声明了未填的数字格均为零，而表格之外写着数：要报的数可能填错了地方，被当成了零。

    通过：表外没有数　没有空着的数字格
    不通过：“自然人”一列空着，数写在了表的右边
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


@check("S017", "合并格里另有内容", requires=STRUCTURE, vanishes=True)
def within_blocks(this: Check, case: Case) -> Iterator[Finding]:
    """几格合并成的填报格只读左上角；别的格里另有内容，就说不清哪个是要报的。

    通过：内容在左上角
    不通过：拆开了合并格，数填在右边那一格　合并的格下面还压着一个数
    改正：把要报的内容填在左上角那一格，清空其余的。
    """
    for sheet, ground in sound_sheets(case):
        within, _ = beside(sheet, ground)
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

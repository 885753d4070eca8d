"""The units' figures inside a roll-up: 明细 is what is read, so nothing on it may be anything but a plain figure."""

from __future__ import annotations

from collections.abc import Iterator

from xltools.checks.integrity import same
from xltools.checks.registry import Case, Check, check
from xltools.checks.values import STRUCTURE, should_be
from xltools.compute import as_number
from xltools.detail import (
    FACE,
    STATUS,
    WHOLE_SEAL_PLACE,
    detail_sheets,
    is_summed,
    leaf_place,
    whole_seal,
)
from xltools.filing import Book
from xltools.finding import Finding, Level
from xltools.layout import META
from xltools.reading.coverage import face_lines, status_lines
from xltools.words import number_text

MOVED = ("S007", "S008")
MOST_SAID = 20  # cells named one by one
AGAIN = "请不要改汇总件，用各单位的报表重新汇总。"


def book_of(case: Case) -> Book | None:
    """The workbook of a roll-up whose units could be read."""
    return case.filing.book if case.filing.is_rollup and case.filing.leaves else None


@check("V116", "汇总件明细里的格不是数", requires=(*STRUCTURE, *MOVED), of="rollup")
def detail_figures(this: Check, case: Case) -> Iterator[Finding]:
    """汇总件“明细”表上各单位的数要是数本身：不能是文字、公式、日期，也不能是不合要求的数。

    通过：12　空着（这个单位没有这个数）
    不通过：把某单位的 12 改成“约12”　改成公式 =10+2　改成 -12
    改正：重新汇总，不要改汇总件。
    """
    book, said = book_of(case), 0
    for detail in detail_sheets(case.form).values() if book else ():
        assert book is not None
        sheet = book.sheets.get(detail.name)
        for number, leaf in enumerate(case.filing.leaves if sheet else ()):
            for at, item in enumerate(detail.items):
                place = detail.place(number, at)
                cell = sheet.cell(place.address) if sheet else None
                if cell is None or not item.is_input or item.type == "text" or said >= MOST_SAID:
                    continue
                plain = (
                    cell.kind == "number" and cell.formula is None and leaf.inputs.get(item.id) is not None
                )
                if plain or (cell.kind == "blank" and cell.formula is None):
                    continue
                said += 1
                shown = f"={cell.formula}" if cell.formula is not None else cell.text
                wanted = should_be(case.layout.slots[item.id])
                yield this.finding(
                    case,
                    f"〔{detail.name}〕{place.address}（{leaf.unit.name}，{item.label(case.filing.year)}）"
                    f"是“{shown[:60]}”，应是{wanted}。",
                    AGAIN,
                    sheet=detail.name,
                    cell=place.address,
                    item=item.id,
                    found=shown,
                    expected=wanted,
                )


@check("V118", "汇总件里单位的代码前后不一", requires=(*STRUCTURE, *MOVED), of="rollup")
def unit_codes(this: Check, case: Case) -> Iterator[Finding]:
    """汇总件“明细”表上写的单位代码，要与文件内部登记的一样；改了代码，同一单位可能被加两次。

    通过：各处都是 U02
    不通过：明细上是 U02，内部登记的是 U77
    改正：重新汇总，不要改汇总件。
    """
    book = book_of(case)
    for detail in detail_sheets(case.form).values() if book else ():
        assert book is not None
        sheet = book.sheets.get(detail.name)
        for number, leaf in enumerate(case.filing.leaves if sheet else ()):
            place = detail.text_place(number, 3)
            shown = sheet.cell(place.address).text.strip() if sheet else ""
            if shown != leaf.unit.code:
                yield this.finding(
                    case,
                    f"〔{detail.name}〕{place.address}（{leaf.unit.name}）的单位代码是“{shown}”，"
                    f"文件内部登记的是“{leaf.unit.code}”。",
                    AGAIN,
                    sheet=META,
                    cell=leaf_place(number, "code").address,
                    found=shown,
                    expected=leaf.unit.code,
                )
                return  # every other 明细 sheet would say the same


@check("V119", "汇总件在汇总之后被改过", requires=(*STRUCTURE, *MOVED, "V116", "V118"), of="rollup")
def unsealed(this: Check, case: Case) -> Iterator[Finding]:
    """各单位的数、单位的名称代码类别、报送文件、声明的零，还有“汇总”首页和“报送情况”，都要和汇总的时候一样。

    汇总之后改过，就查不出是谁报的数、缺了谁。

    通过：汇总后没有动过　用 WPS、Excel、LibreOffice 另存过
    不通过：汇总之后把某单位的 12 改成 21，合计跟着变了　把首页的 4/6 单位改成 6/6 单位　删掉没有报送的单位
    改正：单位的数错了，请单位改了重报，再重新汇总。
    """
    for number, leaf in enumerate(case.filing.leaves):
        if leaf.seal != leaf.sealed(case.form):
            yield this.finding(
                case,
                f"“{leaf.unit.name}”的数或名称、代码、类别、报送文件与汇总时记下的不一样，汇总之后被改过。",
                AGAIN,
                sheet=META,
                cell=leaf_place(number, "seal").address,
                found=leaf.unit.name,
            )
    book = book_of(case)
    if book is None:
        return
    seals = (leaf.seal for leaf in case.filing.leaves)
    if _kept_seal(book) != whole_seal(seals, face_lines(book), status_lines(book)):
        yield this.finding(
            case,
            f"〔{FACE}〕首页的文字、〔{STATUS}〕或单位的多少与汇总时记下的不一样，汇总之后被改过。",
            AGAIN,
            sheet=META,
            cell=WHOLE_SEAL_PLACE.address,
        )


def _kept_seal(book: Book) -> str:
    sheet = book.sheets.get(META)
    return sheet.cell(WHOLE_SEAL_PLACE.address).text if sheet is not None else ""


@check(
    "V117",
    "汇总件显示的数与明细之和不符",
    Level.QUERY,
    requires=(*STRUCTURE, *MOVED, "G205", "V116", "V119"),
    of="rollup",
)
def shown_sums(this: Check, case: Case) -> Iterator[Finding]:
    """汇总件各表显示的数要等于“明细”各单位之和；不等说明明细在汇总之后被改过，或公式没有重算。

    通过：显示 12，明细相加是 12　没有存显示的数
    不通过：显示 12，明细相加是 99
    改正：核对明细是不是被改过；没有改过的，打开后按 F9 重算再保存。
    """
    book = book_of(case)
    for slot in case.layout.inputs if book else ():
        assert book is not None
        sheet = book.sheets.get(slot.sheet)
        if sheet is None or not is_summed(slot.item):
            continue
        cell = sheet.cell(slot.address)
        units = [as_number(leaf.inputs.get(slot.item.id)) for leaf in case.filing.leaves]
        right = sum(one for one in units if one is not None)
        if cell.text and not same(cell, right):
            yield this.finding(
                case,
                f"{case.at(slot)}在汇总件里显示的是 {cell.text}，明细各单位相加是 {number_text(right)}。",
                "请核对明细是不是在汇总之后被改过；没有改过的，打开后按 F9 重算再保存。",
                sheet=slot.sheet,
                cell=slot.address,
                item=slot.item.id,
                found=cell.text,
                expected=number_text(right),
            )

"""Mutants of the workbook's shape: sheets, rows and columns, labels, merged cells, strays."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import helpers_pipe as pipe
from mutant import ACCEPTED, NOTED, QUERIED, RETURNED, Cast, Change, Mutant, of
from workshop import Workshop, tag

from xltools.geometry import address
from xltools.layout import CHECKS, COVER, GUIDE, META

# ---- sheets


def sheets(cast: Cast) -> Iterator[Mutant]:
    layout, sections = cast.layout, cast.layout.section_names
    figures, count = cast.totals[0].sheet, cast.count

    def sheet(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"sheet: {name}", change=of(change), outcome=outcome, codes=codes, **more)

    for name in (COVER, *sections, CHECKS):
        yield sheet(f"{name} missing", lambda shop, n=name: shop.remove(n), RETURNED, "S006", sheet=name)
    yield sheet("guide missing", lambda shop: shop.remove(GUIDE), ACCEPTED)
    yield sheet("meta missing", lambda shop: shop.remove(META), RETURNED, "S006", sheet=META)
    for name in (figures, count.sheet, sections[0]):
        renamed = lambda shop, n=name: shop.rename(n, "Sheet3")  # noqa: E731
        yield sheet(f"{name} renamed", renamed, RETURNED, "S006", sheet=name)
    yield sheet(
        "renamed by a space",
        lambda shop: shop.rename(figures, figures + " "),
        RETURNED,
        "S006",
        sheet=figures,
    )
    copied = f"{figures} (2)"
    yield sheet("doubled", lambda shop: shop.double(figures, copied), QUERIED, "S013", sheet=copied)

    def doubled_and_filled(shop: Workshop) -> None:
        shop.double(figures, copied)
        shop.put(copied, cast.summed.address, 77)

    yield sheet("doubled, and the copy filled", doubled_and_filled, QUERIED, "S013",
                sheet=copied, cell=cast.summed.address)  # fmt: skip

    def filled_then_hidden(shop: Workshop) -> None:
        shop.double(count.sheet, "Sheet9")
        shop.put_at(count.place, 5)
        shop.set_state("Sheet9", "veryHidden")

    yield sheet("doubled, and the copy hidden", filled_then_hidden, QUERIED, "S013", sheet="Sheet9",
                cell=count.address, reads={count.item.id: 5})  # fmt: skip
    yield sheet("added, empty", lambda shop: shop.add("Sheet1"), NOTED, "S011", sheet="Sheet1")

    def draft(shop: Workshop) -> None:
        shop.add("草稿", at=0)
        shop.put("草稿", "B2", 12)

    yield sheet("added in front, with figures", draft, NOTED, "S011", sheet="草稿")
    yield sheet("two added", lambda shop: (shop.add("甲"), shop.add("乙")), NOTED, "S011", sheet="甲")
    yield sheet("checks moved to the front", lambda shop: shop.move(CHECKS, 0), NOTED, "S012", sheet=CHECKS)
    yield sheet("sections reversed", lambda shop: [shop.move(name, 1) for name in sections], NOTED, "S012")
    yield sheet("two exchanged by name", lambda shop: (shop.rename(sections[0], "~"), shop.rename(figures, sections[0]),
                shop.rename("~", figures)), RETURNED, "S008", also=frozenset({"S012"}))  # fmt: skip
    for name in (COVER, figures, sections[0]):
        for state in ("hidden", "veryHidden"):
            yield sheet(
                f"{name} {state}",
                lambda shop, n=name, s=state: shop.set_state(n, s),
                QUERIED,
                "S018",
                sheet=name,
            )
    yield sheet("list of problems without its heads", lambda shop: shop.add("问题清单", at=0), NOTED, "G209",
                sheet="问题清单")  # fmt: skip
    assert layout.sheet_names[-1] == META


# ---- rows, columns, labels


def lines(cast: Cast) -> Iterator[Mutant]:
    figures = cast.totals[0].sheet
    rows = cast.rows_of(figures)
    column = cast.summed.place.column
    plan = cast.plan(figures)

    def line(
        name: str, change: Change, *codes: str, outcome: str = RETURNED, sheet: str = figures, **more: Any
    ) -> Mutant:
        return Mutant(
            name=f"line: {name}", change=of(change), outcome=outcome, codes=codes, sheet=sheet, **more
        )

    for name, at in (
        ("at the top", 1),
        ("above the head", 4),
        ("among the rows", rows[2]),
        ("above the last", rows[-1]),
    ):
        yield line(
            f"row inserted {name}",
            lambda shop, at=at: shop.shift(figures, at, 1),
            "S007",
        )
        if at < rows[-1]:
            deleted = lambda shop, at=at: shop.shift(figures, at, -1)  # noqa: E731
            yield line(f"row deleted {name}", deleted, "S007", also=frozenset({"S008"}))
    yield line("last row deleted", lambda shop: shop.shift(figures, rows[-1], -1), "S008")
    yield line("two rows inserted", lambda shop: shop.shift(figures, rows[1], 2), "S007")
    yield line(
        "three rows deleted", lambda shop: shop.shift(figures, rows[1], -3), "S007", also=frozenset({"S008"})
    )
    yield line("row inserted below", lambda shop: shop.shift(figures, plan.rows + 1, 1), outcome=ACCEPTED)
    for name, at in (("at the left", 1), ("among the figures", column + 1)):
        yield line(f"column inserted {name}", lambda shop, at=at: shop.shift(figures, at, 1, columns=True), "S007")  # fmt: skip
        yield line(f"column deleted {name}", lambda shop, at=at: shop.shift(figures, at, -1, columns=True), "S007",
                   also=frozenset({"S008"}))  # fmt: skip
    last = len(plan.widths) + 1
    yield line(
        "column inserted at the right",
        lambda shop: shop.shift(figures, last, 1, columns=True),
        outcome=ACCEPTED,
    )
    heads = [one for one in cast.label(figures, "head") if not one.place.is_block][:2]
    sides = [one for one in cast.label(figures, "row") if one.place.row == one.place.last_row][-2:]
    for name, (one, other) in (("heads", heads), ("row labels", sides)):
        swap = lambda shop, a=one, b=other: shop.swap(figures, a.place.address, b.place.address)  # noqa: E731
        yield line(f"two {name} exchanged", swap, "S008", cell=one.place.address)
    yield line("two rows exchanged with their labels",
               lambda shop: shop.swap_rows(figures, sides[0].place.row, sides[1].place.row), "S008",
               cell=sides[0].place.address)  # fmt: skip
    title = cast.label(figures, "title")[0]
    for one in (heads[0], sides[0], title):
        put = lambda shop, p=one.place, v=None: shop.put_at(p, v)  # noqa: E731
        role = f"{one.role} label"
        yield line(
            f"{role} changed", lambda shop, put=put: put(shop, v="个人"), "S008", cell=one.place.address
        )
        yield line(f"{role} cleared", put, "S008", cell=one.place.address)
        rewrapped = "　".join(one.shown("示例镇", pipe.year_of(cast.form))) + "\n"
        yield line(f"{role} re-wrapped", lambda shop, put=put, v=rewrapped: put(shop, v=v), outcome=ACCEPTED)
    yield line("label became a formula", lambda shop: shop.put_at(heads[0].place, heads[0].text, kind="str",
               formula='"x"'), outcome=ACCEPTED)  # what it shows is right  # fmt: skip
    summed = cast.summed
    row, letters = summed.place.row, summed.address.rstrip("0123456789")
    for how, given in (
        ("hidden", {}),
        ("of no height", {"ht": "0", "customHeight": "1"}),
        ("of a hair's height", {"ht": "0.75", "customHeight": "1"}),
    ):
        yield line(
            f"row {how}", lambda shop, g=given: shop.hide_row(figures, row, **g), "S009", outcome=QUERIED
        )
    for how, given in (
        ("hidden", {}),
        ("of no width", {"width": "0", "customWidth": "1"}),
        ("of a hair's width", {"width": "0.1", "customWidth": "1"}),
    ):
        yield line(f"column {how}", lambda shop, g=given: shop.hide_column(figures, column, **g), "S009",
                   outcome=QUERIED, cell=f"{letters}{min(s.place.row for s in cast.layout.inputs if s.sheet == figures and s.place.column == column)}")  # fmt: skip
    text = cast.text
    hide_text = lambda shop: [shop.hide_row(text.sheet, n) for n in range(text.row, text.last_row + 1)]  # noqa: E731
    yield line("text hidden", hide_text, "S009", outcome=QUERIED, sheet=text.sheet, cell=text.address)
    yield line(
        "part of a text's rows hidden",
        lambda shop: shop.hide_row(text.sheet, text.last_row),
        outcome=ACCEPTED,
    )
    empty = plan.rows + 2
    yield line("empty row hidden", lambda shop: (shop.cell(figures, f"A{empty}"), shop.hide_row(figures, empty)),
               outcome=ACCEPTED)  # fmt: skip


# ---- merged cells


def merges(cast: Cast) -> Iterator[Mutant]:
    wide, text, (left, right), (upper, lower) = cast.wide, cast.text, cast.pair, cast.stack
    total = cast.totals[0]

    def merge(name: str, change: Change, outcome: str, code: str, sheet: str, **more: Any) -> Mutant:
        return Mutant(
            name=f"merge: {name}", change=of(change), outcome=outcome, codes=(code,), sheet=sheet, **more
        )

    after = frozenset({"G101", "G102", "G204", "V110"})
    for keep in (False, True):
        how = "with all beneath" if keep else "as Excel does"
        for name, one, other in (("side by side", left, right), ("one above the other", upper, lower)):
            area = f"{one.address}:{other.address}"
            yield merge(f"two inputs {name}, {how}", lambda shop, a=area, s=one.sheet, k=keep: shop.merge(s, a, keep=k),
                        RETURNED, "S015", one.sheet, cell=other.address, also=after)  # fmt: skip
    label = next(one for one in cast.plan(left.sheet).labels
                 if one.place.row <= left.place.row <= one.place.last_row and one.place.last_column == left.place.column - 1)  # fmt: skip
    into = address(left.place.row, left.place.column - 1)
    yield merge("label and input", lambda shop: shop.merge(left.sheet, f"{into}:{left.address}"), RETURNED, "S015",
                left.sheet, cell=left.address, also=after | {"S008", "S014"})  # fmt: skip
    assert label
    part = cast.layout.slots[total.item.sum[-1]]
    area = f"{part.address}:{total.address}"
    yield merge("input and total", lambda shop: shop.merge(total.sheet, area, keep=True), RETURNED, "S015", total.sheet,
                cell=part.address, also=after)  # fmt: skip
    yield merge("the whole sheet", lambda shop: shop.merge(left.sheet, "A1:XFD1048576", keep=True), RETURNED, "S015",
                left.sheet, also=after)  # fmt: skip
    yield merge("a text and the row above", lambda shop: shop.merge(text.sheet, f"A{text.row - 1}:{address(text.last_row, text.last_column)}",
                keep=True), RETURNED, "S015", text.sheet, cell=text.address)  # fmt: skip
    unmerge = lambda shop: shop.unmerge(wide.sheet, wide.place.range)  # noqa: E731
    yield merge("wide input taken apart", unmerge, NOTED, "S014", wide.sheet, cell=wide.address)
    yield merge(
        "text taken apart", lambda shop: shop.unmerge(text.sheet, text.range), NOTED, "S014", text.sheet
    )
    title = cast.label(left.sheet, "title")[0].place
    yield merge(
        "title taken apart", lambda shop: shop.unmerge(title.sheet, title.range), NOTED, "S014", title.sheet
    )
    one, other = cast.totals[:2]
    if one.place.column == other.place.column and one.place.row + 1 == other.place.row:
        yield merge("two totals", lambda shop: shop.merge(one.sheet, f"{one.address}:{other.address}", keep=True), NOTED,
                    "S014", one.sheet)  # fmt: skip
    below = cast.plan(left.sheet).rows + 5
    yield Mutant(name="merge: outside the table", change=of(lambda shop: shop.merge(left.sheet, f"A{below}:C{below}")),
                 outcome=ACCEPTED)  # fmt: skip


# ---- what stands where nothing is asked for


def strays(cast: Cast) -> Iterator[Mutant]:
    figures, wide = cast.totals[0].sheet, cast.wide

    def stray(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"stray: {name}", change=of(change), outcome=outcome, codes=codes, **more)

    for sheet in (figures, COVER, CHECKS, cast.text.sheet):
        at = cast.outside(sheet)
        yield stray(f"figure beside {sheet}", lambda shop, s=sheet, a=at: shop.put(s, a, 12), NOTED, "S016",
                    sheet=sheet, cell=at)  # fmt: skip
    at = cast.outside(figures)
    yield stray("text", lambda shop: shop.put(figures, at, "（备注）"), NOTED, "S016", sheet=figures, cell=at)
    yield stray(
        "formula", lambda shop: shop.put(figures, at, formula="1+1"), NOTED, "S016", sheet=figures, cell=at
    )
    yield stray("in the last cell of all", lambda shop: shop.put(figures, "XFD1048576", 1), NOTED, "S016",
                sheet=figures, cell="XFD1048576")  # fmt: skip
    yield stray("spaces", lambda shop: shop.put(figures, at, "　 "), ACCEPTED)
    yield stray(
        "error value",
        lambda shop: shop.put(figures, at, "#N/A", kind="e"),
        NOTED,
        "S016",
        sheet=figures,
        cell=at,
    )

    def beneath(shop: Workshop) -> None:
        shop.put(wide.sheet, cast.second, 9)

    yield stray("beneath a merge", beneath, RETURNED, "S017", sheet=wide.sheet, cell=cast.second)

    def beside(shop: Workshop) -> None:
        shop.unmerge(wide.sheet, wide.place.range)
        shop.swap(wide.sheet, wide.address, cast.second)

    yield stray("in the other half of a merge taken apart", beside, RETURNED, "S017", "S014",
                sheet=wide.sheet, cell=cast.second)  # fmt: skip

    def copied(shop: Workshop) -> None:
        value = next(
            cell.find("{*}v").text for at, cell in shop.cells(wide.sheet).items() if at == wide.address
        )
        shop.put(wide.sheet, cast.second, value)

    yield stray("a copy of the corner beneath", copied, ACCEPTED)
    text, under = cast.text, address(cast.text.row + 1, cast.text.column)
    moved = lambda shop: shop.swap(text.sheet, text.address, under)  # noqa: E731
    yield stray("text in the second row of its block", moved, RETURNED, "S017", sheet=text.sheet, cell=under)
    yield stray("second half of a text beneath", lambda shop: shop.put(text.sheet, under, "第二段"), RETURNED, "S017",
                sheet=text.sheet, cell=under)  # fmt: skip

    def flood(shop: Workshop) -> None:
        data = shop.sheet(figures).find("{*}sheetData")
        for row in range(1000, 1600):
            made = ET.SubElement(data, tag("row"), {"r": str(row)})
            for column in range(1, 41):
                ET.SubElement(ET.SubElement(made, tag("c"), {"r": address(row, column)}), tag("v")).text = "1"

    yield stray("24 000 figures", flood, RETURNED, "S010", sheet=figures)

"""Mutants of what is seen in place of a figure: number formats, array formulas, drawings, sheets of the unit's own."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hostile import MAIN, OFFICE
from mutant import ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE, Cast, Change, Mutant, of
from workshop import CONTENT, RELATIONS, TYPES, Workshop, tag

from xltools.formulas import ZERO_WORD, total_formula
from xltools.geometry import address, position

# ---- number formats; test_display.py has many more

MISLEADING = (  # 5 shown as another number, or not at all
    *(
        "0,",
        ";;;",
        '"12"',
        '"1"General',
        '"1"@',
        "[$1]0",
        '[>1000]0;0"0"',
        '0"百"',
        '0"万"',
        '"十"0',
        '0"万元"',
    ),
    *("0*0", "0/10", "-0", "(0)", "0!0", "[White]0", "[>1000]0;0%", '0"0"0'),
)
MISLEADING_ZERO = ('0;0;"7"', '[=0]"12";0', '0;-0;"百"')
USUAL = (
    *(
        "#,##0",
        '0"件"',
        "0;-0;;@",
        "[Red]0",
        "0.00",
        "0_);[Red](0)",
        "[$-804]0",
        "[DBNum1][$-804]General",
        "General_)",
    ),
    '"¥"#,##0.00;"¥"-#,##0.00',
    '_ "¥"* #,##0.00_ ;_ "¥"* \\-#,##0.00_ ;_ "¥"* "-"??_ ;_ @_ ',  # Excel's and WPS's accounting
    "_-* #,##0_-;\\-* #,##0_-;_-* \\-??_-;_-@_-",  # the same as LibreOffice writes it
)


def conditionally(shop: Workshop, place, code: str | None) -> None:
    """5, which a conditional format shows in its own number format, or merely in red."""
    shop.put_at(place, 5)
    kinds = shop.tree("xl/styles.xml").find(tag("dxfs"))
    number = len(kinds)
    made = ET.SubElement(kinds, tag("dxf"))
    if code is None:
        ET.SubElement(ET.SubElement(made, tag("font")), tag("color"), {"rgb": "FFFF0000"})
    else:
        ET.SubElement(made, tag("numFmt"), {"numFmtId": "299", "formatCode": code})
    kinds.set("count", str(len(kinds)))
    condition = ET.Element(tag("conditionalFormatting"), {"sqref": f"A1 {place.range}"})
    given = {"type": "expression", "dxfId": str(number), "priority": "99"}
    ET.SubElement(ET.SubElement(condition, tag("cfRule"), given), tag("formula")).text = "TRUE"
    root = shop.sheet(place.sheet)
    root.insert(next(i for i, one in enumerate(root) if one.tag == tag("conditionalFormatting")), condition)


def conditionally_2010(shop: Workshop, place, code: str) -> None:
    shop.put_at(place, 5)
    spaces = f'xmlns="{MAIN}" xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"'
    areas = "http://schemas.microsoft.com/office/excel/2006/main"
    shop.sheet(place.sheet).append(ET.fromstring(
        f"""<extLst {spaces} xmlns:xm="{areas}"><ext uri="{{78C0D931-6437-407d-A8EE-F0AAD7539E65}}">
        <x14:conditionalFormattings><x14:conditionalFormatting><x14:cfRule type="expression" priority="9"><xm:f>TRUE</xm:f>
        <x14:dxf><numFmt numFmtId="299" formatCode="{code.replace('"', "&quot;")}"/></x14:dxf></x14:cfRule>
        <xm:sqref>A1 {place.range}</xm:sqref></x14:conditionalFormatting></x14:conditionalFormattings></ext></extLst>"""
    ))  # fmt: skip


def twice_formatted(shop: Workshop, place) -> None:
    """Programs differ in which of the two they show."""
    shop.show_as(place, 199, '0"0"')
    shop.show_as(place, 199, "0")


def formats(cast: Cast) -> Iterator[Mutant]:
    place, item, money = cast.count.place, cast.count.item.id, cast.money

    def count(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"format: {name}", change=of(change), outcome=outcome, codes=codes, sheet=place.sheet,
                      cell=place.address, **more)  # fmt: skip

    for number, codes, outcome in (
        (5, MISLEADING, QUERIED),
        (0, MISLEADING_ZERO, QUERIED),
        (5, USUAL, ACCEPTED),
        (0, USUAL, ACCEPTED),
    ):
        for code in codes:
            show = lambda shop, n=number, c=code: (shop.put_at(place, n), shop.show_as(place, 199, c))  # noqa: E731
            told = ["V115"] if outcome == QUERIED else []
            yield count(f"{number} as {code}", show, outcome, *told, reads={item: number})
    for built_in in (2, 3, 8, 37, 41, 44, 49):
        show = lambda shop, n=built_in: (shop.put_at(place, 5), shop.show_as(place, n))  # noqa: E731
        yield count(f"number {built_in}", show, ACCEPTED, reads={item: 5})
    for name, code, told in (
        ("ten times as much", '0"0"', ["V115"]),
        ("red", None, []),
        ("thousands", "#,##0", []),
    ):
        yield count(f"on a condition {name}", lambda shop, c=code: conditionally(shop, place, c),
                    QUERIED if told else ACCEPTED, *told, reads={item: 5})  # fmt: skip
    yield count("on a condition of Excel 2010", lambda shop: conditionally_2010(shop, place, '0"0"'), QUERIED, "V115",
                reads={item: 5})  # fmt: skip
    yield Mutant(name="format: a number given twice", change=of(lambda shop: twice_formatted(shop, place)),
                 outcome=UNREADABLE, codes=("F005",))  # fmt: skip
    for given, code, outcome in ((123456, "0!.0000", QUERIED), (123456, '0"."0000', QUERIED), (180.255, "0.00", QUERIED),
                                 (180.25, "#,##0.00", ACCEPTED), (180.5, f'0.0"{money.item.unit}"', ACCEPTED)):  # fmt: skip
        given = given if given < 123456 else min(given, cast.form.cap(money.item, "town"))
        if len(str(given).partition(".")[2]) > money.item.places:
            continue
        show = lambda shop, n=given, c=code: (shop.put_at(money.place, n), shop.show_as(money.place, 199, c))  # noqa: E731
        yield Mutant(name=f"format: money {given} as {code}", change=of(show), outcome=outcome, sheet=money.sheet,
                     codes=("V115",) if outcome == QUERIED else (), cell=money.address,
                     reads={money.item.id: Decimal(str(given))})  # fmt: skip


# ---- array formulas


def arrays(cast: Cast) -> Iterator[Mutant]:
    total, (left, right) = cast.totals[0], cast.pair
    last = cast.layout.slots[total.item.sum[-1]]

    def over(
        name: str, sheet: str, home: str, area: str, *, kind: str = "array", formula: str = "A1", **more: Any
    ) -> Mutant:
        def change(shop: Workshop) -> None:
            shop.put(sheet, home, 5, formula=formula)
            shop.cell(sheet, home).find(tag("f")).attrib.update({"t": kind, "ref": area})

        return Mutant(name=f"array: {name}", change=change, outcome=RETURNED, sheet=sheet, **more)

    after = frozenset({"G204", "G101", "G102", "S016", "G301"})
    area = f"{left.address}:{right.address}"
    yield over(
        "from an input over the next",
        left.sheet,
        left.address,
        area,
        codes=("V108",),
        cell=left.address,
        also=after,
    )
    outside = cast.outside(left.sheet)
    yield over(
        "from beside the table",
        left.sheet,
        outside,
        area,
        codes=("V108", "S016"),
        cell=left.address,
        also=after,
    )
    yield over("a data table", left.sheet, outside, area, kind="dataTable", formula="", codes=("V108",),
               cell=left.address, also=after)  # fmt: skip
    corners = sorted([last.address, total.address], key=position)
    yield over("from a total over what it sums", total.sheet, total.address, ":".join(corners),
               formula=total_formula(cast.layout, total.item), codes=("V108",), cell=last.address, also=after)  # fmt: skip

    def over_blank(shop: Workshop) -> None:
        """Blanks are declared zeros, and what an array shows there has never been saved."""
        shop.put_at(cast.zero, ZERO_WORD)
        for slot in (left, right):
            shop.put_at(slot.place)
            shop.cell(slot.sheet, slot.address).attrib.pop("s", None)
        shop.put(left.sheet, outside, formula="A1")
        shop.cell(left.sheet, outside).find(tag("f")).attrib.update({"t": "array", "ref": area})

    yield Mutant(name="array: over blanks that are declared zeros", change=over_blank, outcome=RETURNED,
                 codes=("V108",), also=after, sheet=left.sheet, cell=left.address)  # fmt: skip
    yield over("over the whole sheet", left.sheet, outside, "A1:XFD1048576", codes=("S010",), also=after)


# ---- drawings

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"


def _end(name: str, row: int, column: int, off: int = 0) -> str:
    return (f"<{name}><col>{column - 1}</col><colOff>{off}</colOff><row>{row - 1}</row>"
            f"<rowOff>{off}</rowOff></{name}>")  # fmt: skip


def _shape(text: str) -> str:
    return f'<sp macro="" textlink=""><txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></txBody></sp><clientData/>'


def draw(shop: Workshop, sheet: str, *anchors: str) -> None:
    """Drawings on a sheet, as Excel stores them."""
    part = shop.part_of(sheet)
    shop.parts["xl/drawings/drawing9.xml"] = (
        f'<wsDr xmlns="{DRAWING}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        f'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">{"".join(anchors)}</wsDr>'
    ).encode()
    folder, _, base = part.rpartition("/")
    shop.parts[f"{folder}/_rels/{base}.rels"] = (
        f'<Relationships xmlns="{RELATIONS}"><Relationship Id="rId9" Type="{OFFICE}/relationships/drawing" '
        f'Target="../drawings/drawing9.xml"/></Relationships>'
    ).encode()
    given = {"PartName": "/xl/drawings/drawing9.xml", "ContentType": DRAWING_TYPE}
    ET.SubElement(shop.tree(CONTENT), tag("Override", TYPES), given)
    ET.SubElement(shop.sheet(sheet), tag("drawing"), {tag("id", f"{OFFICE}/relationships"): "rId9"})


def drawings(cast: Cast) -> Iterator[Mutant]:
    slot, text, total = cast.count, cast.text, cast.totals[0]
    row, column = slot.place.row, slot.place.column
    far = position(cast.outside(slot.sheet))

    def drawn(name: str, *anchors: str, told: str = "S023", sheet: str = slot.sheet, cell: str | None = slot.address,
              **more: Any) -> Mutant:  # fmt: skip
        outcome = {"S023": QUERIED, "S022": NOTED}.get(told, ACCEPTED)
        return Mutant(name=f"drawing: {name}", change=of(lambda shop: draw(shop, sheet, *anchors)), outcome=outcome,
                      codes=(told,) if told else (), sheet=sheet, cell=cell, **more)  # fmt: skip

    def two(first: tuple[int, int], last: tuple[int, int], off: int = 0, inside: str = _shape("5000")) -> str:
        """Over the cells from the first to the last, both taken in."""
        return (f"<twoCellAnchor>{_end('from', *first)}{_end('to', last[0] + 1, last[1] + 1, off)}"
                f"{inside}</twoCellAnchor>")  # fmt: skip

    here, size = (row, column), '<ext cx="300000" cy="150000"/>'
    yield drawn("text box over a figure", two(here, here))
    yield drawn("picture over a figure", two(here, here, inside="<pic/><clientData/>"))
    yield drawn("text box over a figure and the border", two(here, here, off=12_700))
    yield drawn(
        "of a fixed size over a figure",
        f"<oneCellAnchor>{_end('from', row, column, 60_000)}{size}{_shape('9')}</oneCellAnchor>",
    )
    yield drawn("for which there is an alternative",
                f"<mc:AlternateContent><mc:Choice Requires='a'>{two(here, here)}</mc:Choice><mc:Fallback/></mc:AlternateContent>")  # fmt: skip
    yield drawn("at a place of the page", f'<absoluteAnchor><pos x="0" y="0"/><ext cx="90000000" cy="90000000"/>{_shape("9")}</absoluteAnchor>',
                cell=None)  # fmt: skip
    yield drawn(
        "over a text",
        two((text.row, text.column), (text.row, text.column)),
        sheet=text.sheet,
        cell=text.address,
    )
    at = (total.place.row, total.place.column)
    yield drawn("over a total", two(at, at), sheet=total.sheet, cell=total.address)
    yield drawn("beside the table", two(far, far), told="S022", cell=address(*far))
    yield drawn("a small one beside the table",
                f"<oneCellAnchor>{_end('from', *far)}{size}{_shape('9')}</oneCellAnchor>", told="S022", cell=address(*far))  # fmt: skip
    yield drawn("over the title", two((1, 1), (1, 1)), told="S022", cell="A1")
    yield drawn("two, and one over a figure", two(far, far), two(here, here))
    yield drawn("of no size, as WPS leaves from web pages",
                f"<twoCellAnchor>{_end('from', *here)}{_end('to', *here)}<pic/><clientData/></twoCellAnchor>", told="")  # fmt: skip
    yield Mutant(
        name="drawing: six thousand", change=of(lambda shop: draw(shop, slot.sheet, two(far, far) * 6_000)),
        outcome=RETURNED, codes=("S010",), also=frozenset({"S022"}), sheet=slot.sheet)  # fmt: skip

    def strict(shop: Workshop) -> None:
        draw(shop, slot.sheet, two(here, here))
        part = "xl/drawings/drawing9.xml"
        shop.parts[part] = shop.parts[part].replace(
            DRAWING.encode(), b"http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing"
        )

    yield Mutant(name="drawing: in Strict's names", change=of(strict), outcome=QUERIED, codes=("S023",), sheet=slot.sheet,
                 cell=slot.address)  # fmt: skip

    def zero(shop: Workshop) -> None:
        shop.put_at(cast.zero, ZERO_WORD)
        shop.put_at(slot.place)
        draw(shop, slot.sheet, two(here, here))

    yield Mutant(name="drawing: over a blank that is a declared zero", change=of(zero), outcome=QUERIED, codes=("S023",),
                 sheet=slot.sheet, cell=slot.address, reads={slot.item.id: 0})  # fmt: skip

    def lost(shop: Workshop) -> None:
        draw(shop, slot.sheet, two(here, here))
        del shop.parts["xl/drawings/drawing9.xml"]
        types = shop.tree(CONTENT)
        types.remove(next(one for one in types if one.get("PartName") == "/xl/drawings/drawing9.xml"))

    for name, content in (("not closed", b"<wsDr"), ("something else", b"<x/>"), ("without a row", b"")):

        def damaged(shop: Workshop, content: bytes = content) -> None:
            no_row = f'<wsDr xmlns="{DRAWING}"><twoCellAnchor><from/><to/></twoCellAnchor></wsDr>'.encode()
            draw(shop, slot.sheet)
            shop.parts["xl/drawings/drawing9.xml"] = content or no_row

        yield Mutant(
            name=f"drawing: damaged, {name}", change=of(damaged), outcome=UNREADABLE, codes=("F005",)
        )
    yield Mutant(name="drawing: the part is not there", change=of(lost), outcome=ACCEPTED)


# ---- sheets of the unit's own


def own_sheets(cast: Cast) -> Iterator[Mutant]:
    sheet, count = cast.totals[0].sheet, cast.count
    inputs = [slot for slot in cast.layout.inputs if slot.sheet == sheet]
    plan = cast.plan(sheet)

    def copied(
        shop: Workshop, *, labels: bool = True, down: int = 2, figures: bool = True, name: str = "Sheet1"
    ) -> None:
        """What a unit pastes elsewhere: labels and figures, some rows lower."""
        shop.add(name)
        for one in plan.labels if labels else ():
            if one.is_verified and one.text:
                row, column = position(one.place.address)
                shop.put(name, address(row + down, column), one.text)
        for slot in inputs if figures else ():
            shop.put(name, address(slot.place.row + down, slot.place.column), 5)

    def emptied(shop: Workshop, slots: Any = inputs) -> None:
        shop.put_at(cast.zero, ZERO_WORD)
        for slot in slots:
            shop.put_at(slot.place)

    first = min((slot.place for slot in inputs), key=lambda place: (place.row, place.column))
    lower = address(first.row + 2, first.column)
    zeros = {slot.item.id: 0 for slot in inputs if slot.item.type != "text"}
    after = frozenset({"G204", "G102", "G103"})

    def own(name: str, change: Change, outcome: str, code: str, **more: Any) -> Mutant:
        return Mutant(
            name=f"own sheet: {name}",
            change=of(change),
            outcome=outcome,
            codes=(code,),
            sheet="Sheet1",
            **more,
        )

    yield own("the table with its labels, and zeros declared", lambda shop: (copied(shop), emptied(shop)), QUERIED, "S013",
              cell=lower, reads=zeros, also=after, zeros=True)  # fmt: skip
    yield own("the table with its labels", copied, QUERIED, "S013", cell=lower)
    yield own("the labels alone", lambda shop: copied(shop, figures=False), NOTED, "S011")
    yield own("figures alone, and zeros declared", lambda shop: (copied(shop, labels=False), emptied(shop)), QUERIED,
              "S019", cell=lower, reads=zeros, also=after, zeros=True)  # fmt: skip
    yield own("figures alone", lambda shop: copied(shop, labels=False), NOTED, "S011")
    yield own("figures, zeros declared and nothing blank",
              lambda shop: (shop.put_at(cast.zero, ZERO_WORD), copied(shop, labels=False)), NOTED, "S011")  # fmt: skip

    def as_text(shop: Workshop) -> None:
        emptied(shop, [count])
        shop.add("Sheet1")
        shop.put("Sheet1", "B2", "１２件")

    yield own("a figure as text, and zeros declared", as_text, QUERIED, "S019", cell="B2", reads={count.item.id: 0},
              zeros=True)  # fmt: skip

    def as_formula(shop: Workshop) -> None:
        emptied(shop, [count])
        shop.add("Sheet1")
        shop.put("Sheet1", "B2", formula="7+5")

    yield own("a formula without result, and zeros declared", as_formula, QUERIED, "S019", cell="B2",
              reads={count.item.id: 0}, zeros=True)  # fmt: skip

    def words(shop: Workshop) -> None:
        emptied(shop, [count])
        shop.add("Sheet1")
        shop.put("Sheet1", "B2", "备注：见第3页")

    yield own("words alone, and zeros declared", words, NOTED, "S011", reads={count.item.id: 0}, zeros=True)

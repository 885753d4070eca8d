"""Mutants of who a workbook says it is, and what does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers_pipe as pipe
from hostile import Forge, sound
from mutant import ACCEPTED, QUERIED, RETURNED, UNREADABLE, Cast, Change, Mutant, clean, of
from workshop import Workshop, tag

from xltools import write_template
from xltools.detail import ROLLUP_SCHEMA
from xltools.geometry import address
from xltools.layout import GUIDE, META

# ---- identity


def identity(cast: Cast) -> Iterator[Mutant]:
    figures = cast.totals[0].sheet
    year = pipe.year_of(cast.form)
    other = {
        "unit": "别的镇",
        "code": "U99",
        "year": str(year + 1),
        "edition": "1999",
        "form": "other-form",
        "issue": "X-1",
    }

    def who(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"identity: {name}", change=of(change), outcome=outcome, codes=codes, **more)

    def on_one_sheet(carrier) -> bool:
        return carrier.place is not None and carrier.place.sheet == figures

    def visible(carrier) -> bool:
        return carrier.place is not None and carrier.place.sheet != META

    def hidden(carrier) -> bool:
        return not visible(carrier)

    for field_, value in other.items():
        yield who(f"other {field_} on one sheet", lambda shop, f=field_, v=value: shop.say(f, v, on_one_sheet), RETURNED,
                  "S003", sheet=figures)  # fmt: skip
        if field_ not in ("form", "edition"):
            yield who(f"other {field_} in all visible cells", lambda shop, f=field_, v=value: shop.say(f, v, visible),
                      RETURNED, "S003", also=frozenset({"S008"}))  # fmt: skip
            yield who(f"other {field_} in all hidden carriers", lambda shop, f=field_, v=value: shop.say(f, v, hidden),
                      RETURNED, "S003", also=frozenset({"S008"}))  # fmt: skip
    for field_ in ("unit", "code", "year"):
        yield who(f"other {field_} everywhere", lambda shop, f=field_: shop.say(f, other[f]), RETURNED, "S003",
                  also=frozenset({"S004", "S008"}))  # fmt: skip
        both = lambda shop, f=field_: (shop.say(f, other[f]), shop.say("issue", None))  # noqa: E731
        yield who(
            f"other {field_} everywhere, and no issue number",
            both,
            RETURNED,
            "S003",
            also=frozenset({"S004", "S008"}),
        )
    for field_ in ("unit", "year", "issue"):
        yield who(
            f"no {field_} anywhere",
            lambda shop, f=field_: shop.say(f, None),
            RETURNED,
            "S003",
            also=frozenset({"S008"}),
        )
    yield who("other edition everywhere", lambda shop: shop.say("edition", "1999"), UNREADABLE, "S002")
    yield who("other form everywhere", lambda shop: shop.say("form", "other-form"), UNREADABLE, "S002")
    row = cast.layout.meta["level"]
    yield who("level raised", lambda shop: shop.put_at(row, "county"), RETURNED, "S003", sheet=META)
    yield who(
        "level of no kind", lambda shop: shop.put_at(row, "emperor"), ACCEPTED
    )  # the default is what it was
    yield who(
        "kind changed",
        lambda shop: shop.put_at(cast.layout.meta["kind"], "部门"),
        RETURNED,
        "S003",
        sheet=META,
    )
    yield who(
        "parent changed",
        lambda shop: shop.put_at(cast.layout.meta["parent"], "别的县"),
        RETURNED,
        "S003",
        sheet=META,
    )

    def drop_names(shop: Workshop) -> None:
        shop.tree("xl/workbook.xml").remove(shop.defined())

    def drop_properties(shop: Workshop) -> None:
        properties = shop.tree("docProps/custom.xml")
        for one in list(properties):
            properties.remove(one)

    yield who("defined names lost", drop_names, ACCEPTED)
    yield who("custom properties lost", drop_properties, ACCEPTED)

    def strip(shop: Workshop) -> None:
        drop_names(shop)
        drop_properties(shop)
        shop.remove(META)

    yield who("all hidden carriers stripped", strip, UNREADABLE, "S001")
    for field_ in ("unit", "code", "year", "issue"):
        gone = lambda shop, f=field_: shop.say(f, None, visible)  # noqa: E731
        yield who(f"no {field_} in any visible cell", gone, RETURNED, "S003")
    single = lambda shop: shop.say("unit", None, on_one_sheet)  # noqa: E731
    yield who("no unit on one sheet", single, ACCEPTED)
    posing = lambda shop: shop.put(META, "A1", ROLLUP_SCHEMA)  # noqa: E731
    yield who(
        "a unit's workbook that says it is a roll-up",
        posing,
        RETURNED,
        "S006",
        also=frozenset({"S007", "S008"}),
    )
    yield who("last year's, sent again", lambda shop: None, RETURNED, "S004", ask={"year": year + 1})
    yield who(
        "of another form than asked for", lambda shop: None, RETURNED, "S005", ask={"form": "other/2000"}
    )
    yield who(
        "asked for by year and form", lambda shop: None, ACCEPTED, ask={"year": year, "form": cast.form.key}
    )

    def twin(shop: Workshop, folder: Path) -> None:
        (folder / "另一镇.xlsx").write_bytes(
            write_template(cast.form, pipe.TOWN, year, pipe.seeded(cast.form, 2))
        )

    yield who("one unit's file under another's name", lambda shop: None, RETURNED, "R103", beside=twin)
    same = lambda shop, folder: (folder / "示例镇（副本）.xlsx").write_bytes(clean(shop.form))  # noqa: E731
    yield who("the same file twice", lambda shop: clean(shop.form), ACCEPTED, beside=same)

    def another(shop: Workshop, folder: Path) -> None:
        unit = pipe.Unit(name="另一镇", code="U02", parent="示例县")
        (folder / "另一镇.xlsx").write_bytes(write_template(cast.form, unit, year, pipe.seeded(cast.form)))

    yield who("two units of identical contents", lambda shop: None, QUERIED, "R107", beside=another)


# ---- what does no harm


def benign(cast: Cast) -> Iterator[Mutant]:
    forge = Forge(clean(cast.form))
    figures, form = cast.totals[0].sheet, cast.form

    def good(name: str, change: Change) -> Mutant:
        return Mutant(name=f"benign: {name}", change=change, outcome=ACCEPTED)

    for name, make in sound(forge).items():
        yield good(name, lambda shop, make=make: make())

    def by_openpyxl(change: Callable[[Any], None]) -> Change:
        return lambda shop: pipe.changed(clean(form), change)

    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill

    def comment(book) -> None:
        book[figures]["D8"].comment = Comment("请核对", "审核人")

    def fonts(book) -> None:
        for row in book[figures].iter_rows():
            for cell in row:
                cell.font, cell.fill = (
                    Font(name="楷体", size=9, bold=True),
                    PatternFill("solid", fgColor="FFFF00"),
                )

    def page(book) -> None:
        book[figures].page_setup.orientation = "landscape"
        book[figures].oddHeader.center.text = "内部资料"
        book[figures].freeze_panes = "B6"

    def sizes(book) -> None:
        book[figures].column_dimensions["B"].width = 3
        book[figures].row_dimensions[7].height = 90

    yield good("re-saved by openpyxl", by_openpyxl(lambda book: None))
    yield good("cell comment", by_openpyxl(comment))
    yield good("fonts and fills", by_openpyxl(fonts))
    yield good("page set-up, header, freeze panes", by_openpyxl(page))
    yield good("widths and heights", by_openpyxl(sizes))
    for state in ("visible", "hidden", "veryHidden"):
        yield good(f"meta {state}", of(lambda shop, s=state: shop.set_state(META, s)))
    yield good("guide hidden", of(lambda shop: shop.set_state(GUIDE, "hidden")))

    def without(*names: str) -> Change:
        def run(shop: Workshop) -> None:
            for sheet in shop.names():
                root = shop.sheet(sheet)
                for child in [one for one in root if one.tag.rpartition("}")[2] in names]:
                    root.remove(child)

        return run

    yield good("validations lost", without("dataValidations"))
    yield good("conditional formats lost", without("conditionalFormatting"))
    yield good("protection taken off", without("sheetProtection"))
    yield good("page set-up lost", without("pageMargins", "pageSetup", "printOptions", "headerFooter"))
    yield good("views lost", without("sheetViews", "sheetFormatPr"))
    yield good("dimension lost", without("dimension"))

    def wrong_dimension(shop: Workshop) -> None:
        for sheet in shop.names():
            root = shop.sheet(sheet)
            (root.find("{*}dimension")).set("ref", "A1")

    yield good("dimension wrong", of(wrong_dimension))

    def inline(shop: Workshop) -> None:
        strings = [
            "".join(t.text or "" for t in si.iter(tag("t"))) for si in shop.tree("xl/sharedStrings.xml")
        ]
        for sheet in shop.names():
            for at, cell in shop.cells(sheet).items():
                if cell.get("t") == "s":
                    shop.put(sheet, at, strings[int(cell.find("{*}v").text)])

    yield good("inline strings", of(inline))

    def no_addresses(shop: Workshop) -> None:
        """As some programs write: cells and rows in order, and none says where it stands."""
        for sheet in (figures,):
            data = shop.sheet(sheet).find("{*}sheetData")
            for number, row in enumerate(list(data), 1):
                if row.get("r") != str(number) or [c.get("r") for c in row] != [
                    address(number, k + 1) for k in range(len(row))
                ]:
                    break
                row.attrib.pop("r")
                for cell in row:
                    cell.attrib.pop("r")

    yield good("rows without addresses", of(no_addresses))
    for name in (figures, cast.text.sheet):
        part = Workshop(form, clean(form)).part_of(name)
        spaced = forge.parts[part].replace(b"><", b">\n  <")
        yield good(f"pretty-printed {name}", lambda shop, p=part, s=spaced: forge.changed({p: s}))
        utf16 = forge.parts[part].decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
        yield good(f"UTF-16 {name}", lambda shop, p=part, s=utf16: forge.changed({p: s}))
        prefixed = _prefixed(forge.parts[part].decode())
        yield good(f"prefixed {name}", lambda shop, p=part, s=prefixed: forge.changed({p: s}))

    def unlocked(shop: Workshop) -> None:
        """Pasting brings the format of where it came from: locked or not, General, no rule."""
        for slot in cast.layout.inputs:
            shop.cell(slot.sheet, slot.address).set("s", "0")

    yield good("inputs pasted, with plain format", of(unlocked))

    def extra_space(shop: Workshop) -> None:
        for label in cast.label(figures, "row"):
            shop.put_at(
                label.place,
                f" {label.shown('示例镇', pipe.year_of(form))} ".replace("（", "(").replace("）", ")"),
            )

    yield good("labels with spaces and half-width brackets", of(extra_space))
    yield good("styled rows below", of(lambda shop: _styled_rows(shop, figures, cast.count, 500)))
    yield good("calculation chain", lambda shop: forge.with_type(
        "xl/calcChain.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.calcChain+xml",
        b'<calcChain xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><c r="A1" i="1"/></calcChain>'))  # fmt: skip
    yield good(
        "printer settings",
        lambda shop: forge.changed({"xl/printerSettings/printerSettings1.bin": b"\0" * 99}),
    )
    yield good("thumbnail", lambda shop: forge.changed({"docProps/thumbnail.jpeg": b"\xff\xd8\xff\xe0"}))
    yield good("another sheet in front of all", of(lambda shop: _select(shop)))


def _select(shop: Workshop) -> None:
    for view in shop.tree("xl/workbook.xml").iter(tag("workbookView")):
        view.set("activeTab", "3")


def _styled_rows(shop: Workshop, sheet: str, like, count: int) -> None:
    """Empty cells in an input's unlocked style, as dragging a format down leaves them."""
    style = shop.cell(like.sheet, like.address).get("s")
    last = max(int(row.get("r")) for row in shop.sheet(sheet).iter(tag("row")))
    for number in range(last + 1, last + 1 + count):
        shop.cell(sheet, f"A{number}").set("s", style)


def _prefixed(text: str) -> bytes:
    """The same XML with a prefix on every element of the main namespace."""
    import re

    text = re.sub(r"<(/?)(?=[A-Za-z])", r"<\1x:", text)
    return text.replace(' xmlns="', ' xmlns:x="', 1).encode()

"""Workshop: a filled workbook taken apart, changed in one place as Excel or a hostile hand would, and packed again.

Works on the XML itself, so that caches, shared strings and everything else stay as they were.
"""

from __future__ import annotations

import copy
import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterator

from hostile import MAIN, OFFICE, parts_of

from xltools.geometry import address, position
from xltools.layout import lay_out

RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
BOOK, BOOK_RELS, STYLES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"
CONTENT, CUSTOM = "[Content_Types].xml", "docProps/custom.xml"
ET.register_namespace("r", f"{OFFICE}/relationships")
_REFERENCE = re.compile(r"(?<![\w.!'])(\$?)([A-Z]{1,3})(\$?)([0-9]+)(?![\w(!])")


def tag(name: str, space: str = MAIN) -> str:
    return f"{{{space}}}{name}"


class Workshop:
    """One workbook of a form.  Parts that were asked for as trees are written back from the trees."""

    def __init__(self, form, data: bytes) -> None:
        self.form, self.layout, self.data = form, lay_out(form), data
        self.parts = parts_of(data)
        self._trees: dict[str, ET.Element] = {}

    def tree(self, part: str) -> ET.Element:
        if part not in self._trees:
            self._trees[part] = ET.fromstring(self.parts[part])
        return self._trees[part]

    def part_of(self, sheet: str) -> str:
        entry = self.entry(sheet)
        wanted = entry.get(tag("id", f"{OFFICE}/relationships"))
        relation = next(one for one in self.tree(BOOK_RELS) if one.get("Id") == wanted)
        return "xl/" + relation.get("Target").removeprefix("/xl/")

    def entry(self, sheet: str) -> ET.Element:
        return next(one for one in self.tree(BOOK).iter(tag("sheet")) if one.get("name") == sheet)

    def names(self) -> list[str]:
        return [one.get("name") for one in self.tree(BOOK).iter(tag("sheet"))]

    def sheet(self, name: str) -> ET.Element:
        return self.tree(self.part_of(name))

    def pack(self) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in {**self.parts, **dict(self._written())}.items():
                package.writestr(name, content)
        return target.getvalue()

    def _written(self) -> Iterator[tuple[str, bytes]]:
        spaces = {CONTENT: TYPES, BOOK_RELS: RELATIONS, CUSTOM: f"{OFFICE}/custom-properties"}
        for part, tree in self._trees.items():
            ET.register_namespace("", spaces.get(part, MAIN))
            yield part, ET.tostring(tree, encoding="utf-8", xml_declaration=True)

    # ---- cells

    def cells(self, sheet: str) -> dict[str, ET.Element]:
        return {one.get("r"): one for one in self.sheet(sheet).iter(tag("c"))}

    def cell(self, sheet: str, at: str) -> ET.Element:
        """The cell's element, made where there is none, in its place among rows and cells."""
        number, column = position(at)
        data = self.sheet(sheet).find(tag("sheetData"))
        row = next((one for one in data if one.get("r") == str(number)), None)
        if row is None:
            row = ET.Element(tag("row"), {"r": str(number)})
            data.insert(sum(int(one.get("r")) < number for one in data), row)
        found = next((one for one in row if one.get("r") == at), None)
        if found is None:
            found = ET.Element(tag("c"), {"r": at})
            row.insert(sum(position(one.get("r"))[1] < column for one in row), found)
        return found

    def put(self, sheet: str, at: str, value=None, *, kind: str = "", formula: str | None = None) -> None:
        """What a cell holds; `kind` is its t attribute, by default n for numbers and inlineStr for texts."""
        cell = self.cell(sheet, at)
        for child in list(cell):
            cell.remove(child)
        cell.attrib.pop("t", None)
        kind = kind or ("inlineStr" if isinstance(value, str) else "n")
        if kind != "n" and value is not None:
            cell.set("t", kind)
        if formula is not None:
            ET.SubElement(cell, tag("f")).text = formula
        if value is not None and kind == "inlineStr":
            ET.SubElement(ET.SubElement(cell, tag("is")), tag("t")).text = value
        elif value is not None:
            ET.SubElement(cell, tag("v")).text = str(value)

    def put_at(self, place, value=None, **more) -> None:
        self.put(place.sheet, place.address, value, **more)

    def cache(self, sheet: str, at: str, value: str | None, kind: str = "n") -> None:
        """Another cached result of a formula; None for none at all."""
        self.put(sheet, at, value, kind=kind, formula=self.cell(sheet, at).find(tag("f")).text)

    def show_as(self, place, number: int, code: str | None = None) -> None:
        """Another number format, with all else of the cell's style as it was."""
        styles = self.tree(STYLES)
        if code is not None:
            formats = styles.find(tag("numFmts"))
            if formats is None:
                formats = ET.Element(tag("numFmts"))
                styles.insert(0, formats)
            ET.SubElement(formats, tag("numFmt"), {"numFmtId": str(number), "formatCode": code})
            formats.set("count", str(len(formats)))
        styled = styles.find(tag("cellXfs"))
        cell = self.cell(place.sheet, place.address)
        style = copy.deepcopy(styled[int(cell.get("s", "0"))])
        style.set("numFmtId", str(number))
        styled.append(style)
        styled.set("count", str(len(styled)))
        cell.set("s", str(len(styled) - 1))

    # ---- merges

    def merges(self, sheet: str) -> ET.Element:
        found = self.sheet(sheet).find(tag("mergeCells"))
        assert found is not None
        return found

    def merge(self, sheet: str, area: str, *, keep: bool = False) -> None:
        """As Excel does it: inner merges go, and all contents but the corner's (`keep`: they stay beneath)."""
        top, left = position(area.split(":")[0])
        bottom, right = position(area.split(":")[1])
        for one in list(self.merges(sheet)):
            row, column = position(one.get("ref").split(":")[0])
            if top <= row <= bottom and left <= column <= right:
                self.merges(sheet).remove(one)
        ET.SubElement(self.merges(sheet), tag("mergeCell"), {"ref": area})
        if not keep:
            for at in self.cells(sheet):
                row, column = position(at)
                if top <= row <= bottom and left <= column <= right and (row, column) != (top, left):
                    self.put(sheet, at)

    def unmerge(self, sheet: str, area: str) -> None:
        self.merges(sheet).remove(next(one for one in self.merges(sheet) if one.get("ref") == area))

    # ---- rows and columns

    def hide_row(self, sheet: str, number: int, **how: str) -> None:
        self.cell(sheet, f"A{number}")  # so that there is a row
        row = next(one for one in self.sheet(sheet).iter(tag("row")) if one.get("r") == str(number))
        row.attrib.update(how or {"hidden": "1"})

    def hide_column(self, sheet: str, number: int, **how: str) -> None:
        columns = self.sheet(sheet).find(tag("cols"))
        for one in columns:
            if int(one.get("min")) <= number <= int(one.get("max")):
                columns.remove(one)
        given = {"min": str(number), "max": str(number), "width": "9", **(how or {"hidden": "1"})}
        columns.insert(sum(int(one.get("min")) < number for one in columns), ET.Element(tag("col"), given))

    def shift(self, sheet: str, at: int, by: int, *, columns: bool = False) -> None:
        """Inserts (`by` > 0) or deletes rows or columns as Excel does: cells, merges, formulas and names follow."""

        def moved(number: int) -> int | None:
            if number < at:
                return number
            return None if by < 0 and number < at - by else number + by

        def move(cell: str) -> str | None:
            row, column = position(cell.replace("$", ""))
            row, column = (row, moved(column)) if columns else (moved(row), column)
            return address(row, column) if row and column else None

        root = self.sheet(sheet)
        for row in list(root.iter(tag("row"))):
            for cell in list(row):
                where = move(cell.get("r"))
                if where is None:
                    row.remove(cell)
                else:
                    cell.set("r", where)
            if not columns:
                number = moved(int(row.get("r")))
                if number is None:
                    root.find(tag("sheetData")).remove(row)
                else:
                    row.set("r", str(number))
            row.attrib.pop("spans", None)
        for one in list(self.merges(sheet)):
            ends = [move(end) for end in one.get("ref").split(":")]
            if None in ends:
                self.merges(sheet).remove(one)
            else:
                one.set("ref", ":".join(ends))
        for formula in root.iter(tag("f")):
            formula.text = _REFERENCE.sub(lambda match: move(match[0]) or "#REF!", formula.text)

    def swap_rows(self, sheet: str, one: int, other: int) -> None:
        """Two rows change places, contents and labels together, as sorting does."""
        cells = self.cells(sheet)
        columns = sorted({position(at)[1] for at in cells})
        for column in columns:
            self.swap(sheet, address(one, column), address(other, column))

    def swap(self, sheet: str, one: str, other: str) -> None:
        """Two cells' contents change places."""
        first, second = self.cell(sheet, one), self.cell(sheet, other)
        kept, kind = list(first), first.get("t")
        for cell, children, type_ in ((first, list(second), second.get("t")), (second, kept, kind)):
            for child in list(cell):
                cell.remove(child)
            cell.extend(children)
            cell.attrib.pop("t", None)
            if type_:
                cell.set("t", type_)

    # ---- sheets

    def rename(self, sheet: str, name: str) -> None:
        self.entry(sheet).set("name", name)

    def set_state(self, sheet: str, state: str) -> None:
        self.entry(sheet).set("state", state)

    def remove(self, sheet: str) -> None:
        """A sheet is deleted; names that meant its cells mean #REF!."""
        part, entry = self.part_of(sheet), self.entry(sheet)
        relation = entry.get(tag("id", f"{OFFICE}/relationships"))
        sheets = self.tree(BOOK).find(tag("sheets"))
        sheets.remove(entry)
        rels = self.tree(BOOK_RELS)
        rels.remove(next(one for one in rels if one.get("Id") == relation))
        types = self.tree(CONTENT)
        types.remove(next(one for one in types if one.get("PartName") == f"/{part}"))
        self._trees.pop(part, None)
        del self.parts[part]
        self._drop_local_names()

    def _drop_local_names(self) -> None:
        """Print areas and titles count sheets by number, which has changed."""
        names = self.tree(BOOK).find(tag("definedNames"))
        for one in [
            one for one in (names if names is not None else ()) if one.get("localSheetId") is not None
        ]:
            names.remove(one)

    def add(self, name: str, content: bytes | ET.Element | None = None, *, at: int | None = None) -> str:
        """A further sheet, empty or with this content; gives its part."""
        part = f"xl/worksheets/sheet{90 + len(self.names())}.xml"
        empty = f'<worksheet xmlns="{MAIN}"><sheetData/></worksheet>'.encode()
        if isinstance(content, ET.Element):
            self.parts[part], self._trees[part] = b"", content
        else:
            self.parts[part] = content or empty
        relation = f"rId{900 + len(self.names())}"
        sheet = {"name": name, "sheetId": str(900 + len(self.names()))}
        entry = ET.Element(tag("sheet"), {**sheet, tag("id", f"{OFFICE}/relationships"): relation})
        sheets = self.tree(BOOK).find(tag("sheets"))
        sheets.insert(len(sheets) if at is None else at, entry)
        ET.SubElement(
            self.tree(BOOK_RELS),
            tag("Relationship", RELATIONS),
            {
                "Id": relation,
                "Type": f"{OFFICE}/relationships/worksheet",
                "Target": part.removeprefix("xl/"),
            },
        )
        override = {"PartName": f"/{part}", "ContentType": SHEET_TYPE}
        ET.SubElement(self.tree(CONTENT), tag("Override", TYPES), override)
        if at is not None:
            self._drop_local_names()
        return part

    def double(self, sheet: str, name: str) -> None:
        self.add(name, copy.deepcopy(self.sheet(sheet)))

    def move(self, sheet: str, to: int) -> None:
        sheets = self.tree(BOOK).find(tag("sheets"))
        entry = self.entry(sheet)
        sheets.remove(entry)
        sheets.insert(to, entry)
        self._drop_local_names()

    # ---- carriers

    def defined(self) -> ET.Element:
        return self.tree(BOOK).find(tag("definedNames"))

    def name_element(self, name: str) -> ET.Element:
        return next(one for one in self.defined() if one.get("name") == name)

    def say(
        self, field: str, value: str | None, where: Callable[[object], bool] = lambda carrier: True
    ) -> None:
        """One identity field in every carrier that `where` picks; None takes it away."""
        for carrier in filter(where, self.layout.carriers):
            if carrier.field != field:
                continue
            if carrier.place is not None:
                self.put_at(carrier.place, value)
            elif carrier.kind == "defined_name":
                if value is None:
                    self.defined().remove(self.name_element(carrier.name))
                else:
                    self.name_element(carrier.name).text = f'"{value}"'
            else:
                properties = self.tree(CUSTOM)
                one = next(one for one in properties if one.get("name") == carrier.name)
                if value is None:
                    properties.remove(one)
                else:
                    one[0].text = value

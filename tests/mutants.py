"""Mutants: a filled workbook with one thing wrong (or one thing different that does no harm), and what must be said.

`mutants(form)` derives every place from the form's layout.  A mutant says the outcome, the codes, the cell they
speak of and, where figures may be merged, what must have been read.  test_mutants.py runs them all.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import helpers_pipe as pipe
from hostile import Forge, active, damaged, other_kinds, sound, suspect, zip_of
from workshop import Workshop, tag

from xltools import lay_out, write_template
from xltools.formulas import ZERO_FIELD, ZERO_WORD, total_formula
from xltools.geometry import address
from xltools.layout import CHECKS, COVER, GUIDE, META

Change = Callable[[Workshop], "bytes | None"]
ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE = "accepted", "noted", "queried", "returned", "unreadable"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`codes` are all that is said, but for `also`, which may be; the first of them speaks of `sheet` and `cell`."""

    name: str
    change: Change  # gives the bytes, or None for the workshop packed
    outcome: str
    codes: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()
    sheet: str | None = None
    cell: str | None = None
    reads: Mapping[str, Any] = field(default_factory=dict)  # inputs that differ from the clean workbook's
    zeros: bool = False  # blanks are declared zeros in it
    file: str = "示例镇.xlsx"
    ask: Mapping[str, Any] = field(default_factory=dict)  # how `check` is asked
    beside: Callable[[Workshop, Path], None] | None = None  # puts further files into the folder


@lru_cache(maxsize=8)
def clean(form) -> bytes:
    return pipe.filled(form)


class Cast:
    """The cells that the mutants of a form play with, chosen by what they are and not by name."""

    def __init__(self, form) -> None:
        self.form, self.layout = form, lay_out(form)

    @cached_property
    def bound(self) -> set[str]:
        """Inputs of totals and rules: what happens to them makes others speak as well."""
        ruled = {ref.item for line in self.form.rule_lines for ref in line.leaves}
        return ruled | {leaf for item in self.form.derived for leaf in self.form.leaves_of(item.id)}

    def free(self, type_: str):
        return [one for one in self.layout.inputs if one.item.type == type_ and one.item.id not in self.bound]

    @cached_property
    def count(self):
        return self.free("count")[0]

    @cached_property
    def money(self):
        return self.free("money")[0]

    @cached_property
    def signed(self):
        return next((one for one in self.layout.inputs if one.item.type == "signed"), None)

    @cached_property
    def roomy(self):
        """A count whose cap is so high that a date's serial is below it."""
        return next(s for s in self.layout.inputs
                    if s.item.type == "count" and (self.form.cap(s.item, "town") or 0) > 50_000)  # fmt: skip

    @cached_property
    def totals(self):
        """Totals over at least three cells, that are no part of a larger one first."""
        found = [slot for slot in self.layout.derived if len(slot.item.sum) >= 3]
        assert len(found) >= 2
        return found

    @cached_property
    def summed(self):
        """An input of the first total, and a rule that must hold."""
        leaves = list(self.form.leaves_of(self.totals[0].item.id))
        return self.layout.slots[leaves[0]]

    @cached_property
    def pair(self):
        """Two inputs side by side, one cell each."""
        at = {(s.sheet, s.place.row, s.place.column): s for s in self.layout.inputs if not s.place.is_block}
        for (sheet, row, column), left in at.items():
            if (sheet, row, column + 1) in at:
                return left, at[sheet, row, column + 1]
        raise AssertionError("no two inputs side by side")

    @cached_property
    def stack(self):
        """Two inputs one above the other."""
        at = {(s.sheet, s.place.row, s.place.column): s for s in self.layout.inputs if not s.place.is_block}
        for (sheet, row, column), upper in at.items():
            if (sheet, row + 1, column) in at:
                return upper, at[sheet, row + 1, column]
        raise AssertionError("no two inputs one above the other")

    @cached_property
    def wide(self):
        return next(slot for slot in self.free("count") + list(self.layout.inputs) if slot.place.is_block)

    @property
    def second(self) -> str:
        """The cell to the right of the wide one's corner, beneath its merge."""
        return address(self.wide.place.row, self.wide.place.column + 1)

    def plan(self, sheet: str):
        return self.layout.by_name[sheet]

    def rows_of(self, sheet: str) -> list[int]:
        return sorted({slot.place.row for slot in self.layout.inputs if slot.sheet == sheet})

    def label(self, sheet: str, role: str):
        return [one for one in self.plan(sheet).labels if one.role == role and one.is_verified]

    def outside(self, sheet: str) -> str:
        plan = self.plan(sheet)
        return address(plan.rows + 3, len(plan.widths) + 2)

    @cached_property
    def text(self):
        name = next(name for name, text in self.form.texts.items() if not text.optional)
        return self.layout.texts[name]

    @property
    def zero(self):
        return self.layout.cover[ZERO_FIELD]

    @property
    def base(self) -> dict[str, Any]:
        return pipe.seeded(self.form).items


def mutants(form) -> list[Mutant]:
    cast = Cast(form)
    groups = (
        files,
        sheets,
        lines,
        merges,
        strays,
        formulas,
        counts,
        monies,
        signs,
        texts,
        zeros,
        identity,
        benign,
    )
    made = [one for group in groups for one in group(cast)]
    assert len({one.name for one in made}) == len(made)
    return made


def of(change: Callable[[Workshop], Any]) -> Change:
    """A change by an expression: what it gives is the file if it is bytes, and else of no matter."""

    def run(shop: Workshop) -> bytes | None:
        made = change(shop)
        return made if isinstance(made, bytes) else None

    return run


# ---- files


def files(cast: Cast) -> Iterator[Mutant]:
    forge = Forge(clean(cast.form))
    data = forge.data

    def file(name: str, content: bytes, code: str, **more: Any) -> Mutant:
        return Mutant(
            name=f"file: {name}", change=lambda shop: content, outcome=UNREADABLE, codes=(code,), **more
        )

    for name, (content, code, _) in other_kinds(forge).items():
        yield file(name, content, code)
    for name, content in damaged(forge).items():
        yield file(name, content, "F005")
    for name, content in suspect(forge).items():
        yield file(name, content, "F006")
    for name, (content, code) in active(forge).items():
        yield file(name, content, code)
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        yield file(f"cut short at {share}", data[: int(len(data) * share)], "F005")
    half = len(data) // 2
    yield file("second half zeroed", data[:half] + bytes(half), "F005")
    yield file("first half zeroed", bytes(half) + data[half:], "F005")
    yield file("line ends mangled", data.replace(b"\n", b"\r\n"), "F005")
    yield file("taken for text", data.decode("utf-8", "replace").encode(), "F005")
    yield file("encrypted entry", forge.first(both={"flags": 1}), "F004")
    yield file("bomb in one part", forge.changed({"xl/a.bin": bytes(20 << 20)}), "F007")
    yield file("bomb in many parts", forge.changed({f"xl/{n}.bin": bytes(4 << 20) for n in range(8)}), "F007")
    inner = zip_of(**{f"{n}.zip": zip_of(**{f"{k}.zip": bytes(1 << 20) for k in range(4)}) for n in range(9)})
    yield file("bomb of archives in archives", inner, "F003")
    sheet = next(name for name in forge.parts if name.startswith("xl/worksheets/sheet"))
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a9;</x>'
    yield file("billion laughs", forge.changed({sheet: bomb.encode()}), "F010")
    yield file("billion laughs in UTF-16", forge.changed({sheet: bomb.encode("utf-16")}), "F010")
    yield file("sheet of elements 100 000 deep", forge.changed({sheet: b"<a>" * 100_000}), "F005")
    yield file("sheet cut within", forge.changed({sheet: forge.parts[sheet][:-200]}), "F005")
    yield file("sheet of zeros", forge.changed({sheet: bytes(5000)}), "F005")
    yield file("strings cut within", forge.changed({"xl/sharedStrings.xml": forge.parts["xl/sharedStrings.xml"][:-90]}),
               "F005")  # fmt: skip
    dde = b'<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    yield file("DDE", forge.changed({"xl/externalLinks/externalLink1.xml": dde}), "F009")
    for ending in (".xls", ".et", ".csv", ".zip", ".xlsm", ".XLSX", ""):
        name = f"示例镇{ending}"
        yield Mutant(
            name=f"file: called {name}", change=lambda shop: clean(shop.form), outcome=ACCEPTED, file=name
        )
    for name in ("Ünïcødé.xlsx", "ভূমি 🌾.xlsx", "שלום.xlsx", "a b'c&(1).xlsx", os.fsdecode(b"\xb2\xbc.xlsx")):
        yield Mutant(
            name=f"file: called {name.encode('utf-8', 'replace').decode()}",
            change=lambda shop: clean(shop.form),
            outcome=ACCEPTED,
            file=name,
        )
    for name in ("~$示例镇.xlsx", ".~示例镇.xlsx", ".~lock.示例镇.xlsx#"):
        lock = b"\x05admin".ljust(165)
        yield Mutant(
            name=f"file: lock {name}", change=lambda shop, lock=lock: lock, outcome="ignored", file=name
        )


# ---- sheets


def sheets(cast: Cast) -> Iterator[Mutant]:
    layout, sections = cast.layout, cast.layout.section_names
    figures, count = cast.totals[0].sheet, cast.count

    def sheet(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"sheet: {name}", change=of(change), outcome=outcome, codes=codes, **more)

    for name in (COVER, *sections, CHECKS):
        yield sheet(f"{name} missing", lambda shop, n=name: shop.remove(n), RETURNED, "S006", sheet=name)
    yield sheet("guide missing", lambda shop: shop.remove(GUIDE), ACCEPTED)
    yield sheet("meta missing", lambda shop: shop.remove(META), RETURNED, "S003")
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
                shop.rename("~", figures)), RETURNED, "S008", also=frozenset({"S012", "S007", "S003"}))  # fmt: skip
    for name in (COVER, figures, sections[0]):
        for state in ("hidden", "veryHidden"):
            yield sheet(
                f"{name} {state}",
                lambda shop, n=name, s=state: shop.set_state(n, s),
                QUERIED,
                "S018",
                sheet=name,
            )
    yield sheet("list of problems, as we write it", lambda shop: shop.add("问题清单", at=0), ACCEPTED)
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
            also=frozenset({"S003"}),
        )
        if at < rows[-1]:
            deleted = lambda shop, at=at: shop.shift(figures, at, -1)  # noqa: E731
            yield line(f"row deleted {name}", deleted, "S007", also=frozenset({"S003", "S008"}))
    yield line("last row deleted", lambda shop: shop.shift(figures, rows[-1], -1), "S008")
    yield line("two rows inserted", lambda shop: shop.shift(figures, rows[1], 2), "S007")
    yield line(
        "three rows deleted", lambda shop: shop.shift(figures, rows[1], -3), "S007", also=frozenset({"S008"})
    )
    yield line("row inserted below", lambda shop: shop.shift(figures, plan.rows + 1, 1), outcome=ACCEPTED)
    for name, at in (("at the left", 1), ("among the figures", column + 1)):
        yield line(f"column inserted {name}", lambda shop, at=at: shop.shift(figures, at, 1, columns=True), "S007",
                   also=frozenset({"S003"}))  # fmt: skip
        yield line(f"column deleted {name}", lambda shop, at=at: shop.shift(figures, at, -1, columns=True), "S007",
                   also=frozenset({"S003", "S008"}))  # fmt: skip
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
    for how, given in (("hidden", {}), ("of no height", {"ht": "0", "customHeight": "1"})):
        yield line(
            f"row {how}", lambda shop, g=given: shop.hide_row(figures, row, **g), "S009", outcome=QUERIED
        )
    for how, given in (("hidden", {}), ("of no width", {"width": "0", "customWidth": "1"})):
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

    yield stray("in the other half of a merge taken apart", beside, RETURNED, "S017", "S014", "V100",
                sheet=wide.sheet, cell=cast.second)  # fmt: skip

    def copied(shop: Workshop) -> None:
        value = next(
            cell.find("{*}v").text for at, cell in shop.cells(wide.sheet).items() if at == wide.address
        )
        shop.put(wide.sheet, cast.second, value)

    yield stray("a copy of the corner beneath", copied, ACCEPTED)
    text, under = cast.text, address(cast.text.row + 1, cast.text.column)
    yield stray("second half of a text beneath", lambda shop: shop.put(text.sheet, under, "第二段"), RETURNED, "S017",
                sheet=text.sheet, cell=under)  # fmt: skip

    def flood(shop: Workshop) -> None:
        data = shop.sheet(figures).find("{*}sheetData")
        for row in range(1000, 1600):
            made = ET.SubElement(data, tag("row"), {"r": str(row)})
            for column in range(1, 41):
                ET.SubElement(ET.SubElement(made, tag("c"), {"r": address(row, column)}), tag("v")).text = "1"

    yield stray("24 000 figures", flood, RETURNED, "S010", sheet=figures)


# ---- totals


def formulas(cast: Cast) -> Iterator[Mutant]:
    for number, total in enumerate((cast.totals[0], cast.totals[-1]), 1):
        formula = total_formula(cast.layout, total.item)
        worth = pipe.read(clean(cast.form)).figures[total.item.id]

        def put(name: str, code: str | None, value: Any = None, n=number, total=total, outcome: str = RETURNED,
                **more: Any) -> Mutant:  # fmt: skip
            return Mutant(
                name=f"total {n}: {name}",
                change=of(lambda shop: shop.put_at(total.place, value, **more)),
                outcome=outcome,
                codes=(code,) if code else (),
                sheet=total.sheet,
                cell=total.address,
                also=frozenset({"G301"}) if outcome == RETURNED else frozenset(),
            )

        yield put("equal constant", "G201", worth)
        yield put("unequal constant", "G201", worth + 1)
        yield put("constant as text", "G201", str(worth))
        yield put("constant zero", "G201", 0)
        yield put("word", "G201", "略")
        yield put("error value", "G201", "#REF!", kind="e")
        yield put("deleted", "G203")
        inside = formula.removeprefix("SUM(").removesuffix(")")
        first, _, last = inside.rpartition(":")
        letters = last.rstrip("0123456789")
        shorter = f"{letters}{int(last[len(letters):]) - 1}" if letters == first.rstrip("0123456789").rpartition(",")[2] \
            else f"{address(int(last[len(letters):]), _column(letters) - 1)}"  # fmt: skip
        yield put("range shortened", "G202", worth, formula=f"SUM({first}:{shorter})")
        yield put("one more", "G202", worth + 1, formula=f"{formula}+1")
        yield put("plus nothing", "G202", worth, formula=f"{formula}+0*A1")
        yield put("twice", "G202", worth * 2, formula=f"{formula}*2")
        yield put("average", "G202", worth, formula=formula.replace("SUM", "AVERAGE"))
        yield put("a part alone", "G202", worth, formula=last)
        yield put("itself", "G202", 0, formula=total.address)
        yield put("another workbook's", "G202", worth, formula="[1]Sheet1!A1")
        yield put("a constant with an equals sign", "G202", worth, formula=str(worth))
        yield put("empty formula", "G202", worth, formula="")
        yield put("cache stale", "G204", worth + 1, formula=formula, outcome=NOTED)
        yield put("cache lies by text", "G204", str(worth + 5), kind="str", formula=formula, outcome=NOTED)
        yield put("cache of an error", "G204", "#VALUE!", kind="e", formula=formula, outcome=NOTED)
        yield put("no cache", None, formula=formula, outcome=ACCEPTED)
        for name, spelt in {
            "lower case": formula.lower(),
            "spaces": formula.replace("(", " ( ").replace(":", " : ") if ":" in formula else formula + " ",
            "dollars": formula.replace(last, f"${letters}${last[len(letters) :]}"),
            "plus sign": f"+{formula}",
            "own sheet's name": formula.replace("(", f"('{total.sheet}'!", 1),
            "brackets": f"({formula})",
        }.items():
            yield put(f"spelt with {name}", None, worth, formula=spelt, outcome=ACCEPTED)

    def no_caches(shop: Workshop) -> None:
        for name in shop.names():
            for cell in shop.sheet(name).iter(tag("c")):
                if cell.find("{*}f") is not None and cell.find("{*}v") is not None:
                    cell.remove(cell.find("{*}v"))
                    cell.attrib.pop("t", None)

    yield Mutant(name="totals: no cache at all", change=of(no_caches), outcome=ACCEPTED)

    def all_constants(shop: Workshop) -> None:
        for total in cast.layout.derived:
            shop.put_at(total.place, 1)

    yield Mutant(name="totals: all typed", change=of(all_constants), outcome=RETURNED, codes=("G201",),
                 also=frozenset({"G301"}))  # fmt: skip

    def spread_shared(shop: Workshop) -> None:
        """The totals of a column as one shared formula, as Excel stores what was filled down."""
        column = [
            t
            for t in cast.totals
            if t.place.column == cast.totals[0].place.column and t.sheet == cast.totals[0].sheet
        ]
        run = [column[0]]
        for total in column[1:]:
            if total.place.row == run[-1].place.row + 1 and len(total.item.sum) == len(run[0].item.sum):
                run.append(total)
        assert len(run) > 2
        for number, total in enumerate(run):
            formula = shop.cell(total.sheet, total.address).find("{*}f")
            formula.set("t", "shared")
            formula.set("si", "0")
            if number:
                formula.text = None
            else:
                formula.set("ref", f"{run[0].address}:{run[-1].address}")

    yield Mutant(name="totals: shared formula", change=of(spread_shared), outcome=ACCEPTED)
    row = next(iter(cast.layout.rules.values()))
    yield Mutant(
        name="checks: result typed over",
        change=of(lambda shop: shop.put_at(row.result, "通过")),
        outcome=ACCEPTED,
    )
    panel = cast.layout.panel["state"]
    yield Mutant(
        name="checks: panel typed over",
        change=of(lambda shop: shop.put_at(panel, "可以报送")),
        outcome=ACCEPTED,
    )
    error = next(line for line in cast.form.rule_lines if line.rule.level == "error")
    leaf = cast.layout.slots[next(ref.item for ref in error.leaves if not ref.last)]

    def broken_and_hushed(shop: Workshop) -> None:
        shop.put_at(leaf.place, 29_999)
        for one in cast.layout.rules.values():
            shop.put_at(one.result, "通过")

    yield Mutant(name="checks: a rule broken and its result typed over", change=of(broken_and_hushed), outcome=RETURNED,
                 codes=("G101",), also=frozenset({"G102", "G204", "V111", "G301"}))  # fmt: skip


def _column(letters: str) -> int:
    from xltools.geometry import position

    return position(f"{letters}1")[1]


# ---- figures

WRONG_COUNTS: dict[str, tuple[Any, str]] = {  # name: (text or (value, kind), code)
    "thousands wrong": ("12,34", "V101"),
    "thousands wrong, Indian": ("1,23,456", "V101"),
    "thousands missing digits": ("1,2345", "V101"),
    "comma first": (",123", "V101"),
    "other unit 条": ("3条", "V101"),
    "other unit 元": ("3元", "V101"),
    "other unit 万": ("3万", "V101"),
    "other unit 万元": ("3万元", "V101"),
    "increase": ("增5", "V101"),
    "full-width minus": ("－3", "V102"),
    "minus": ("-3", "V102"),
    "minus of mathematics": ("\u22123", "V102"),
    "negative number": ((-3, "n"), "V102"),
    "two minuses": ("--253", "V101"),
    "plus": ("+3", "V101"),
    "brackets for negative": ("(3)", "V101"),
    "percent as text": ("50%", "V107"),
    "date as text": ("2021-1-5", "V104"),
    "date in Chinese": ("2021年1月5日", "V104"),
    "month and day": ("1月2日", "V104"),
    "date of type d": (("2021-01-05T00:00:00", "d"), "V104"),
    "true": ((1, "b"), "V105"),
    "false": ((0, "b"), "V105"),
    "TRUE as text": ("TRUE", "V101"),
    "#REF!": (("#REF!", "e"), "V106"),
    "#DIV/0!": (("#DIV/0!", "e"), "V106"),
    "#N/A": (("#N/A", "e"), "V106"),
    "#NAME? as text": ("#NAME?", "V101"),
    "1e308": (("1e308", "n"), "V107"),
    "1e308 as text": ("1e308", "V101"),
    "1E+999999": (("1E+999999", "n"), "V107"),
    "NaN": (("NaN", "n"), "V107"),
    "NaN as text": ("NaN", "V101"),
    "infinity": (("INF", "n"), "V107"),
    "underscore": ("1_000", "V101"),
    "underscore in a number": (("1_000", "n"), "V101"),
    "hexadecimal": ("0x10", "V101"),
    "17 digits": (("12345678901234567", "n"), "V107"),
    "digits of Arabic": ("٣", "V101"),
    "digits of Devanagari": ("३", "V101"),
    "digits of mathematics": ("𝟑", "V101"),
    "digit in a circle": ("③", "V101"),
    "Roman numeral": ("Ⅲ", "V101"),
    "superscript": ("3²", "V101"),
    "Chinese numeral": ("三", "V101"),
    "Chinese numerals": ("十二", "V101"),
    "Chinese zero": ("〇", "V101"),
    "O for zero": ("1O", "V101"),
    "O alone": ("O", "V101"),
    "l for one": ("l2", "V101"),
    "slash": ("/", "V101"),
    "dash": ("-", "V101"),
    "long dash": ("——", "V101"),
    "无": ("无", "V101"),
    "没有": ("没有。", "V101"),
    "N/A": ("N/A", "V101"),
    "star": ("*", "V101"),
    "two numbers": ("3 4", "V101"),
    "two numbers on two lines": ("3\n4", "V101"),
    "two numbers, enumerated": ("3、4", "V101"),
    "fraction": ("3/4", "V101"),
    "sum as text": ("3+4", "V101"),
    "about": ("约3", "V101"),
    "or so": ("3左右", "V101"),
    "point at the end": ("3.", "V101"),
    "two points": ("3.5.1", "V101"),
    "decimal as text": ("3.5", "V103"),
    "decimal": ((3.5, "n"), "V103"),
    "a hair above": (("3.0000001", "n"), "V103"),
    "control character": ("3_x0007_", "V101"),
    "lone surrogate": ("3_xD83D_", "V101"),
    "formula typed as text": ("=1+2", "V101"),
    "very long": ("9" * 5000, "V101"),
    "quote": ("“3”", "V101"),
    "blank": ((None, "n"), "V100"),
    "empty text": (("", "str"), "V100"),
}
READ_COUNTS: dict[str, tuple[Any, int]] = {  # read with a note
    "full-width digits": ("１２", 12),
    "text of digits": ("12", 12),
    "ideographic spaces": ("\u300012\u3000", 12),
    "no-break spaces": ("\u00a012\u00a0", 12),
    "zero-width spaces": ("\u200b12\ufeff", 12),
    "tabs and line ends": ("\t12\n", 12),
    "narrow spaces": ("\u200912\u202f", 12),
    "thousands": ("1,234", 1234),
    "full-width thousands": ("１，２３４", 1234),
    "own unit": ("3件", 3),
    "own unit after a space": ("3 件", 3),
    "apostrophe": ("'3", 3),
    "leading zeros": ("007", 7),
    "text 3.0": ("3.0", 3),
}
SAME_COUNTS: dict[str, tuple[str, int]] = {  # read without a word
    "3.0": ("3.0", 3),
    "3E0": ("3E0", 3),
    "1.5e1": ("1.5e1", 15),
    "just below 3": ("2.9999999999999996", 3),
    "minus zero": ("-0", 0),
}


def counts(cast: Cast) -> Iterator[Mutant]:
    slot = cast.count
    place, item = slot.place, slot.item.id

    def value(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"count: {name}", change=of(change), outcome=outcome, codes=codes, sheet=place.sheet,
                      cell=place.address, **more)  # fmt: skip

    for name, (given, code) in WRONG_COUNTS.items():
        text, kind = given if isinstance(given, tuple) else (given, "")
        yield value(name, lambda shop, t=text, k=kind: shop.put_at(place, t, kind=k), RETURNED, code)
    for name, (text, number) in READ_COUNTS.items():
        yield value(name, lambda shop, t=text: shop.put_at(place, t), NOTED, "V110", reads={item: number})
    for name, (text, number) in SAME_COUNTS.items():
        yield value(
            name, lambda shop, t=text: shop.put_at(place, t, kind="n"), ACCEPTED, reads={item: number}
        )
    yield value("only spaces", lambda shop: shop.put_at(place, " 　"), RETURNED, "V100", "V110")
    for name, formula, cached in (("3+4", "3+4", 7), ("of another cell", "A1", 0), ("of another workbook", "[1]表!A1", 5),
                                  ("of nothing", '""', None), ("TODAY", "TODAY()", 44201)):  # fmt: skip
        yield value(
            f"formula {name}",
            lambda shop, f=formula, c=cached: shop.put_at(place, c, formula=f),
            RETURNED,
            "V108",
        )
    for name, number, code in (
        ("date", 14, "V104"),
        ("Chinese date", 31, "V104"),
        ("time", 20, "V104"),
        ("percent", 9, "V107"),
    ):
        shown = lambda shop, n=number: (shop.put_at(place, 5), shop.show_as(place, n))  # noqa: E731
        yield value(f"shown as {name}", shown, RETURNED, code)
    own_date = lambda shop: (shop.put_at(place, 44201), shop.show_as(place, 199, 'yyyy"年"m"月"'))  # noqa: E731
    yield value("shown as a date of one's own format", own_date, RETURNED, "V104")
    plain = lambda shop: (shop.put_at(place, 5), shop.show_as(place, 0))  # noqa: E731
    yield value("pasted, General", plain, ACCEPTED, reads={item: 5})
    cap = cast.form.cap(slot.item, "town")
    yield value(
        "above the cap", lambda shop: shop.put_at(place, cap + 1), QUERIED, "V111", reads={item: cap + 1}
    )
    yield value("at the cap", lambda shop: shop.put_at(place, cap), ACCEPTED, reads={item: cap})
    roomy, after = cast.roomy, frozenset({"G102", "G204", "G103"})
    yield Mutant(name="count: a date's serial", change=of(lambda shop: shop.put_at(roomy.place, _serial(cast.form))),
                 outcome=QUERIED, codes=("V112",), also=after, sheet=roomy.sheet, cell=roomy.address,
                 reads={roomy.item.id: _serial(cast.form)})  # fmt: skip


def _serial(form) -> int:
    import datetime

    return (datetime.date(pipe.year_of(form) + 1, 1, 5) - datetime.date(1899, 12, 30)).days


def monies(cast: Cast) -> Iterator[Mutant]:
    slot = cast.money
    place, item, unit = slot.place, slot.item.id, slot.item.unit
    assert unit in ("元", "万元")
    by_wan = Decimal(1) if unit == "万元" else Decimal(10_000)
    by_yuan = Decimal("0.0001") if unit == "万元" else Decimal(1)

    def value(name: str, given: Any, outcome: str, *codes: str, kind: str = "", **more: Any) -> Mutant:
        return Mutant(name=f"money: {name}", change=of(lambda shop: shop.put_at(place, given, kind=kind)), outcome=outcome,
                      codes=codes, sheet=place.sheet, cell=place.address, **more)  # fmt: skip

    yield value("in 万元", "180万元", NOTED, "V110", reads={item: 180 * by_wan})
    yield value("in 元", "12,000元", NOTED, "V110", reads={item: 12000 * by_yuan})
    yield value("in 万", "1.5 万", NOTED, "V110", reads={item: Decimal("1.5") * by_wan})
    yield value("thousands and decimals", "1,234.50", NOTED, "V110", reads={item: Decimal("1234.5")})
    yield value("full-width", "１８０．５", NOTED, "V110", reads={item: Decimal("180.5")})
    yield value("binary dust", "0.30000000000000004", ACCEPTED, kind="n", reads={item: Decimal("0.3")})
    yield value(
        "180.09999999999999", "180.09999999999999", ACCEPTED, kind="n", reads={item: Decimal("180.1")}
    )
    for name, given, code in (
        ("with a sign", "￥180", "V101"),
        ("in 亿", "1.2亿", "V101"),
        ("in dollars", "180美元", "V101"),
        ("Chinese full stop", "180。5", "V101"),
        ("Chinese capitals", "壹佰元", "V101"),
        ("too many decimals as text", "180.12345678", "V107"),
        ("slash", "/", "V101"),
    ):
        yield value(name, given, RETURNED, code)
    yield value("too many decimals", "180.12345678", RETURNED, "V107", kind="n")
    yield value("negative", -1, RETURNED, "V102")
    yield value("cleared", None, RETURNED, "V100")
    cap = cast.form.cap(slot.item, "town")
    yield value("above the cap", cap + 1, QUERIED, "V111", reads={item: Decimal(cap + 1)})


def signs(cast: Cast) -> Iterator[Mutant]:
    slot = cast.signed
    if slot is None:
        return
    after = frozenset({"G102", "G204"})

    def value(name: str, given: Any, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"signed: {name}", change=of(lambda shop: shop.put_at(slot.place, given)), outcome=outcome,
                      codes=codes, also=after, sheet=slot.sheet, cell=slot.address, **more)  # fmt: skip

    for name, given, number in (("增5", "增5", 5), ("减3", "减3", -3), ("full-width minus", "－3", -3), ("+5", "+5", 5),
                                ("minus and space", "- 3", -3)):  # fmt: skip
        yield value(name, given, NOTED, "V110", reads={slot.item.id: number})
    for name in ("--253", "±3", "增-5", "增", "3-", "减少三项"):
        yield value(name, name, RETURNED, "V101")


# ---- texts and the cover


def texts(cast: Cast) -> Iterator[Mutant]:
    place = cast.text

    def text(name: str, change: Change, outcome: str, *codes: str, at=place, **more: Any) -> Mutant:
        return Mutant(name=f"text: {name}", change=of(change), outcome=outcome, codes=codes, sheet=at.sheet, cell=at.address,
                      **more)  # fmt: skip

    put = lambda value, **how: lambda shop: shop.put_at(place, value, **how)  # noqa: E731
    yield text("cleared", put(None), RETURNED, "V120")
    yield text("only blanks", put(" 　\n"), RETURNED, "V120")
    yield text("over-long", put("长" * 40_000), RETURNED, "V122")
    yield text("control character", put("第一_x0007_段"), NOTED, "V113")
    yield text("escape sequence", put("_x001B_[31m红"), NOTED, "V113")
    yield text("lone surrogate", put("半个_xD83D_"), NOTED, "V113")
    yield text("whole emoji", put("好_xD83D__xDE00_"), ACCEPTED)
    yield text("formula", put("甲", kind="str", formula='"甲"'), RETURNED, "V114")
    yield text("error value", put("#VALUE!", kind="e"), RETURNED, "V114")
    yield text("starts with an equals sign", put("=1+2 是举例"), ACCEPTED)
    yield text("a number", put(2021), ACCEPTED)
    yield text("line ends of Windows", put("一\r\n二"), ACCEPTED)
    zero = cast.zero
    for said in ("对", "√", "是是", "yes", "1"):
        yield text(
            f"declaration {said}", lambda shop, s=said: shop.put_at(zero, s), RETURNED, "V121", at=zero
        )
    yield text("declaration by formula", lambda shop: shop.put_at(zero, ZERO_WORD, kind="str", formula=f'"{ZERO_WORD}"'),
               RETURNED, "V114", at=zero)  # fmt: skip
    yield text("declaration true", lambda shop: shop.put_at(zero, 1, kind="b"), RETURNED, "V121", at=zero)


# ---- blanks declared to be zeros, and what one might want to hide behind them


def zeros(cast: Cast) -> Iterator[Mutant]:
    count, wide, (left, right) = cast.count, cast.wide, cast.pair
    after = frozenset({"G101", "G102", "G204", "G103"})

    def zero(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        def run(shop: Workshop) -> None:
            shop.put_at(cast.zero, ZERO_WORD)
            change(shop)

        return Mutant(name=f"zeros: {name}", change=run, outcome=outcome, codes=codes, zeros=True, **more)

    nothing = {item.id: 0 for item in cast.form.inputs if item.type != "text"}
    clear = lambda shop, slot: shop.put_at(slot.place)  # noqa: E731
    yield zero("declared, nothing blank", lambda shop: None, ACCEPTED)
    yield zero(
        "declared with blanks around", lambda shop: shop.put_at(cast.zero, f" {ZERO_WORD}　"), ACCEPTED
    )
    yield zero("one cleared", lambda shop: clear(shop, count), ACCEPTED, reads={count.item.id: 0})
    yield zero(
        "all cleared",
        lambda shop: [clear(shop, slot) for slot in cast.layout.inputs],
        NOTED,
        "G204",
        reads=nothing,
    )
    yield zero("a rule's cell cleared", lambda shop: clear(shop, _needed(cast)), RETURNED, "G101",
               also=after | {"G301"})  # fmt: skip
    yield zero("two merged", lambda shop: shop.merge(left.sheet, f"{left.address}:{right.address}"), RETURNED, "S015",
               also=after, sheet=left.sheet, cell=right.address)  # fmt: skip

    def beside(shop: Workshop) -> None:
        shop.unmerge(wide.sheet, wide.place.range)
        shop.swap(wide.sheet, wide.address, cast.second)

    yield zero(
        "figure in the other half of a merge",
        beside,
        RETURNED,
        "S017",
        "S014",
        sheet=wide.sheet,
        cell=cast.second,
    )
    at = cast.outside(count.sheet)

    def moved_out(shop: Workshop) -> None:
        clear(shop, count)
        shop.put(count.sheet, at, 5)

    yield zero(
        "figure outside the table",
        moved_out,
        QUERIED,
        "S019",
        sheet=count.sheet,
        cell=at,
        reads={count.item.id: 0},
    )
    yield zero("only spaces", lambda shop: shop.put_at(count.place, "  "), NOTED, "V110", reads={count.item.id: 0},
               sheet=count.sheet, cell=count.address)  # fmt: skip
    for word in ("无", "/", "-", "零"):
        yield zero(f"word {word}", lambda shop, w=word: shop.put_at(count.place, w), RETURNED, "V101")

    def copy_filled(shop: Workshop) -> None:
        shop.double(count.sheet, "Sheet2")
        clear(shop, count)

    yield zero("figure on a copy of the sheet", copy_filled, QUERIED, "S013", sheet="Sheet2", cell=count.address,
               reads={count.item.id: 0})  # fmt: skip

    def posed(shop: Workshop) -> None:
        """The filled sheet under another name, an emptied copy under its own."""
        shop.double(count.sheet, "~")
        shop.rename(count.sheet, "Sheet2")
        shop.rename("~", count.sheet)
        clear(shop, count)

    yield zero("emptied copy in the sheet's place", posed, QUERIED, "S013", also=frozenset({"S012"}), sheet="Sheet2",
               reads={count.item.id: 0})  # fmt: skip

    def hidden(shop: Workshop) -> None:
        clear(shop, count)
        shop.set_state(count.sheet, "hidden")

    yield zero("sheet hidden", hidden, QUERIED, "S018", sheet=count.sheet, reads={count.item.id: 0})
    label = cast.label(count.sheet, "head")[0].place
    yield zero("label changed", lambda shop: (clear(shop, count), shop.put_at(label, "别的")), RETURNED, "S008",
               sheet=count.sheet, cell=label.address)  # fmt: skip
    yield zero("formula without a result", lambda shop: shop.put_at(count.place, formula="NA()"), RETURNED, "V108",
               sheet=count.sheet, cell=count.address)  # fmt: skip
    yield zero("sheet missing", lambda shop: shop.remove(count.sheet), RETURNED, "S006", sheet=count.sheet)

    def undeclared(shop: Workshop) -> None:
        shop.put_at(cast.zero, "否")
        clear(shop, count)

    yield zero("declared not to be", undeclared, RETURNED, "V100", sheet=count.sheet, cell=count.address)


def _needed(cast: Cast):
    """An input that is not zero and stands in a rule that must hold."""
    ids = [
        ref.item
        for line in cast.form.rule_lines
        if line.rule.level == "error"
        for ref in line.leaves
        if not ref.last
    ]
    return next(cast.layout.slots[name] for name in ids if cast.base[name])


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

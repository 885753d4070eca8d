"""Random edits of bytes, parts and cells: never a crash, never long, and what may be merged is what openpyxl sees.

1 000 edits, or 10 000 with XLTOOLS_SLOW=1.  An edit is known by its number, which is its seed.
"""

from __future__ import annotations

import io
import os
import random
import re
import time
import unicodedata
import warnings
from collections import Counter
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import helpers_pipe as pipe
import openpyxl
import pytest
from hostile import Forge
from mutant import Cast
from openpyxl.cell.cell import MergedCell
from workshop import Workshop, tag

from xltools import lay_out, load_form
from xltools.checks import Case, run_checks
from xltools.finding import outcome_of
from xltools.formulas import ZERO_FIELD
from xltools.geometry import address
from xltools.reading.parts import unescaped
from xltools.words import clean

FORMS = ("gov-info-disclosure/2021", "gov-info-disclosure/2019", str(pipe.OWN[0]))
EDITS = 10_000 if os.environ.get("XLTOOLS_SLOW") else 1_000
CHUNK = 50
MOST_SECONDS = 2.0  # of the processor, for one file
WORDS = (
    "３", "12", " 7 ", "1,234", "1,23", "3件", "3条", "180万元", "1200元", "增5", "－3", "--2", "50%", "2021-1-5", "三", "O",
    "/", "无", "", "　", "3 4", "1e308", "=1+1", "是", "否", "合计", "甲\n乙", "_x0007_", "_xD83D_", "x" * 400, "9" * 40, "\u202e3",
)  # fmt: skip
NUMBERS = (
    "0",
    "1",
    "7",
    "44201",
    "3.5",
    "-2",
    "1e3",
    "1E+400",
    "0.1234567",
    "2.9999999999999996",
    "NaN",
    "1_0",
    "",
    "30001",
)
SNIPPETS = (
    b"<",
    b">",
    b"&",
    b"</c>",
    b"<v>9</v>",
    b'r="A1"',
    b' t="s"',
    b"\0",
    b"\xff",
    b"<f>1</f>",
    b"]]>",
    b"<!--",
    b"<x/>",
)


@lru_cache(maxsize=8)
def base(key):
    form = load_form(key)
    return form, pipe.filled(form), Forge(pipe.filled(form))


@lru_cache(maxsize=8)
def unbound(form):
    """Inputs of no total and no rule: what is done to them is not found out by another cell."""
    cast = Cast(form)
    return [slot for slot in cast.layout.inputs if slot.item.id not in cast.bound] or list(cast.layout.inputs)


# ---- edits


def edit_bytes(rng, form, data, forge):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 4, 40))):
        at, many = rng.randrange(len(data)), rng.randrange(1, 60)
        match rng.randrange(6):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                del data[at : at + many]
            case 3:
                data[at:at] = rng.randbytes(many)
            case 4:
                data[at : at + many] = bytes(len(data[at : at + many]))
            case 5:
                data[at:at] = data[at : at + many]
        if not data:
            data += b"P"
    return bytes(data[: rng.randrange(1, len(data) + 1)] if rng.random() < 0.05 else data)


def edit_parts(rng, form, data, forge):
    names = list(forge.parts)
    changes = {}
    for _ in range(rng.choice((1, 1, 2, 5))):
        name = rng.choice(
            names if rng.random() < 0.4 else [n for n in names if "sheet" in n or "Strings" in n]
        )
        part = bytearray(changes.get(name) or forge.parts[name])
        at = rng.randrange(len(part) + 1)
        match rng.randrange(9):
            case 0:
                del part[at : at + rng.randrange(1, 80)]
            case 1:
                part[at:at] = rng.choice(SNIPPETS)
            case 2 if part:
                part[at % len(part)] = rng.choice(b'0123456789ABCXYZ<>"= \xe4')
            case 3:  # another digit in a number, a reference, an index
                digits = [m.start() for m in re.finditer(rb"[0-9]", part)]
                for _ in range(rng.randrange(1, 4) if digits else 0):
                    part[rng.choice(digits)] = rng.choice(b"0123456789")
            case 4:
                other = forge.parts[rng.choice(names)]
                start = rng.randrange(len(other) + 1)
                part[at:at] = other[start : start + rng.randrange(200)]
            case 5:  # an element is lost, or stands twice
                found = list(
                    re.finditer(rb"<(c|row|mergeCell|si|definedName|f|v)[ >/].*?</\1>|<\w+[^<>]*/>", part)
                )
                if found:
                    one = rng.choice(found)
                    part[one.start() : one.end()] = one[0] * rng.choice((0, 2))
            case 6:  # an attribute is lost
                found = list(re.finditer(rb' [\w:]+="[^"<>]*"', part))
                if found:
                    one = rng.choice(found)
                    del part[one.start() : one.end()]
            case 7:
                part = bytearray(forge.parts[rng.choice(names)])
            case _:
                changes[name] = None
                continue
        changes[name] = bytes(part)
    return forge.changed(changes)


def edit_cells(rng, form, data, forge):
    shop = Workshop(form, data)
    layout = lay_out(form)
    for _ in range(rng.choice((1, 1, 2, 6))):
        slot = rng.choice(layout.inputs if rng.random() < 0.4 else unbound(form))
        place, where = slot.place, rng.random()
        sheet, at = place.sheet, place.address
        if where > 0.7:
            sheet = rng.choice(list(layout.by_name))
            at = rng.choice(list(shop.cells(sheet)) or ["A1"])
        if where > 0.95:
            at = address(rng.randrange(1, 60), rng.randrange(1, 40))
        match rng.randrange(12):
            case 0 | 1 | 2:
                shop.put(sheet, at, rng.choice(NUMBERS), kind="n")
            case 3 | 4 | 5:
                shop.put(sheet, at, rng.choice(WORDS))
            case 6:
                shop.put(
                    sheet,
                    at,
                    rng.choice(("0", "1", "x", "#REF!")),
                    kind=rng.choice(("b", "e", "str", "s", "d")),
                )
            case 7:
                shop.put(
                    sheet,
                    at,
                    "5",
                    kind="n",
                    formula=rng.choice(("1+4", "A1", "SUM(A1:A3)", "", "[1]a!A1", "((((1")),
                )
            case 8:
                shop.put(sheet, at)
            case 9:
                shop.swap(sheet, at, rng.choice(list(shop.cells(sheet)) or ["A1"]))
            case 10:
                last = address(place.row + rng.randrange(3), place.last_column + rng.randrange(1, 3))
                shop.merge(place.sheet, f"{place.address}:{last}", keep=rng.random() < 0.5)
            case 11:
                match rng.randrange(5):
                    case 0:
                        shop.show_as(place, rng.choice((0, 2, 9, 14, 20, 49)))
                    case 1:
                        shop.shift(place.sheet, place.row, rng.choice((-1, 1)))
                    case 2:
                        shop.shift(place.sheet, place.column, rng.choice((-1, 1)), columns=True)
                    case 3 if ZERO_FIELD in layout.cover:
                        shop.put_at(layout.cover[ZERO_FIELD], "是")
                    case _:
                        shop.hide_row(place.sheet, place.row)
    return shop.pack()


# ---- the reference


BENEATH = object()  # openpyxl empties what stands beneath a merge


def looked_up(form, data):
    """(sheet, address) → value as openpyxl sees it; where it is stricter than Excel, as the XML has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(io.BytesIO(data))
        except Exception:
            return plainly(form, data)

    def value(sheet, at):
        cell = book[sheet][at]
        assert cell.data_type != "f" and not isinstance(cell.value, bool), f"{at} is no figure: {cell.value}"
        return BENEATH if isinstance(cell, MergedCell) else cell.value

    return value


def plainly(form, data):
    shop = Workshop(form, data)
    strings = ["".join(t.text or "" for t in si.iter(tag("t"))) for si in shop.tree("xl/sharedStrings.xml")]

    def value(sheet, at):
        cell = shop.cells(sheet).get(at)
        found = None if cell is None else cell.find(tag("v"))
        if cell is None or (found is None and cell.get("t") != "inlineStr"):
            return None
        assert cell.find(tag("f")) is None, f"{at} is no figure"
        match cell.get("t", "n"):
            case "n":
                return float(found.text) if found.text else None
            case "s":
                return strings[int(found.text)]
            case "inlineStr":
                return "".join(t.text or "" for t in cell.iter(tag("t")))
        return found.text

    return value


def figure_of(item, value):
    """An independent reading of a cell: a number, a text, None for blank; lenient, since ours has judged it already."""
    if item.type == "text":
        return clean(unescaped(str(value or ""))).strip() or None  # openpyxl leaves _xHHHH_ as it is
    if value is None or (isinstance(value, str) and not re.sub(r"[\s\u200b\ufeff\u2060]", "", value)):
        return None
    if isinstance(value, int | float):
        return Decimal(format(value, ".15g")) + 0
    text = unicodedata.normalize("NFKC", value)
    text = (
        re.sub(r"[\s,'\u200b-\u200d\u2060\ufeff]", "", text)
        .replace("增", "")
        .replace("减", "-")
        .replace("\u2212", "-")
    )
    scale = Decimal(1)
    if item.unit == "元" and text.rstrip("元").endswith("万"):
        text, scale = text.rstrip("元").removesuffix("万"), Decimal(10_000)
    elif item.unit and text.endswith(item.unit):
        text = text.removesuffix(item.unit)
    elif item.unit == "万元" and text.endswith("元"):
        text, scale = text.removesuffix("元"), Decimal("0.0001")
    elif item.unit == "万元" and text.endswith("万"):
        text = text.removesuffix("万")
    try:
        return Decimal(text) * scale
    except InvalidOperation:
        raise AssertionError(f"merged, but no figure: {value!r}") from None


def sum_of(form, item, leaves):
    """A total from its leaves, added up here and not by the product."""
    parts = [
        leaves[part] if form.items[part].is_input else sum_of(form, form.items[part], leaves)
        for part in item.sum
    ]
    return None if None in parts else sum(parts)


# ---- the test


def judged(number):
    rng = random.Random(number)
    key = FORMS[number % len(FORMS)]
    form, data, forge = base(key)
    edit = (edit_bytes, edit_parts, edit_cells, edit_cells)[rng.randrange(4)]
    data = edit(rng, form, data, forge)
    start = time.process_time()
    filing = pipe.read(data)
    findings = run_checks(Case(filing))
    seconds = time.process_time() - start
    assert seconds < MOST_SECONDS, f"edit {number}: {seconds:.1f} s"
    assert filing.form is not None or findings, f"edit {number}: unread without a word"
    if filing.form is None:
        return "unread"
    may_merge = outcome_of(findings).may_merge
    if not may_merge and number % 10:
        return "returned"
    zeros = filing.cover.get(ZERO_FIELD) == "是"
    value = looked_up(form, data)
    wanted = {}
    for slot in lay_out(form).inputs:
        entry = filing.entries.get(slot.item.id)
        if entry is None or entry.fault is not None:
            assert not may_merge, f"edit {number}: {slot.address} is left out"
            continue
        if slot.item.type == "text" and entry.cell.kind == "number":  # 1_0 is a number to some
            wanted[slot.item.id] = entry.value
            continue
        there = value(slot.sheet, slot.address)
        if there is BENEATH and not may_merge:
            continue
        seen = figure_of(slot.item, there)
        wanted[slot.item.id] = 0 if seen is None and zeros and slot.item.type != "text" else seen
        assert filing.inputs[slot.item.id] == wanted[slot.item.id], f"edit {number}: {slot.address}"
    if not may_merge:
        return "returned"
    assert (filing.unit, filing.year) == (pipe.TOWN, pipe.year_of(form)), (
        f"edit {number}: another unit or year"
    )
    for item in form.derived:
        assert filing.figures[item.id] == sum_of(form, item, wanted), f"edit {number}: {item.id}"
    for name, place in lay_out(form).texts.items():
        at = place.sheet, place.address
        assert filing.texts[name] == clean(unescaped(str(value(*at) or ""))), f"edit {number}: {name}"
    return "merged"


@pytest.mark.parametrize("first", range(0, EDITS, CHUNK))
def test_random_edits(first):
    became = Counter(judged(number) for number in range(first, first + CHUNK))
    assert became["unread"] and became["returned"] and became["merged"], (
        became
    )  # the edits hit, and not always


@pytest.mark.parametrize("read", [looked_up, plainly])
def test_the_references_see_what_was_put_in(read):
    form, data, _ = base(FORMS[0])
    value = read(form, data)
    seen = {
        slot.item.id: figure_of(slot.item, value(slot.sheet, slot.address)) for slot in lay_out(form).inputs
    }
    assert seen == pipe.seeded(form).items

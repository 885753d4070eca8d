"""Heavy workbooks: as large or as odd as the gate lets in, or just beyond.  And what one costs, in a process of its own."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostile import Forge, Part, build, deflate
from workshop import Workshop

MIB = 1 << 20
ROOT = Path(__file__).parents[1]
MEASURE = """
import re, sys, time
from pathlib import Path
from xltools.checks import Case, run_checks
from xltools.finding import outcome_of
from xltools.forms.catalogue import load_form
from xltools.intake import FormFinder
from xltools.reading.filings import read_filing
find = FormFinder()
load_form(sys.argv[2])
start = time.process_time()
filing = read_filing(Path(sys.argv[1]), find)
findings = run_checks(Case(filing))
seconds = time.process_time() - start
outcome = "unreadable" if filing.form is None else outcome_of(findings).value
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
print(outcome, ",".join(sorted({one.code for one in findings})), seconds, peak, sep="\t")
"""  # ru_maxrss would count the parent, from before exec


@dataclass(frozen=True)
class Cost:
    outcome: str
    codes: tuple[str, ...]
    seconds: float  # of the processor, from opening the file to the last finding
    mebibytes: float  # at the peak, with the interpreter and all that is imported


def cost(data: bytes, folder: Path, key: str) -> Cost:
    path = folder / "报送件.xlsx"
    path.write_bytes(data)
    order = [sys.executable, "-c", MEASURE, str(path), key]
    said = subprocess.run(order, capture_output=True, text=True, check=True, cwd=ROOT, timeout=300).stdout
    outcome, codes, seconds, mebibytes = said.rstrip("\n").split("\t")
    return Cost(outcome, tuple(filter(None, codes.split(","))), float(seconds), float(mebibytes))


def heavy(form, data: bytes) -> dict[str, Callable[[], bytes]]:
    """Name → maker.  `data` is a filled workbook of the form."""
    forge, shop = Forge(data), Workshop(form, data)
    slot = next(one for one in shop.layout.derived if len(one.item.sum) >= 3)
    name = shop.part_of(slot.sheet)
    sheet = forge.parts[name]
    strings, styles, book = (forge.parts[f"xl/{one}.xml"] for one in ("sharedStrings", "styles", "workbook"))
    style = re.search(
        rb'<c r="%s" s="(\d+)"' % shop.layout.inputs[0].address.encode(),
        forge.parts[shop.part_of(shop.layout.inputs[0].sheet)],
    )
    assert style is not None
    line = random.Random(1).randbytes(2_000).hex().encode()

    def into(part: bytes, mark: bytes, more: bytes) -> bytes:
        assert part.count(mark) == 1
        return part.replace(mark, more + mark)

    def many(count: int, one: bytes) -> bytes:
        return b"".join(one % number for number in range(1, count + 1))

    def in_sheet(mark: bytes, more: bytes) -> bytes:
        return forge.changed({name: into(sheet, mark, more)})

    def rows(count: int, one: bytes) -> bytes:
        return in_sheet(
            b"</sheetData>", b"".join(one.replace(b"#", b"%d" % n) for n in range(1_001, 1_001 + count))
        )

    def large_parts() -> bytes:
        large = b"<x>" + line * (62 * MIB // len(line))
        packed = deflate(large)
        parts = [Part(b"xl/large%d.xml" % n, large, packed=packed) for n in range(4)]
        return build([*forge.lines(), *parts, Part(b"xl/last.xml", b"<!DOCTYPE x><x/>")])

    def total(formula: bytes) -> bytes:
        old = re.search(rb'(<c r="%s"[^>]*>)<f>[^<]*</f>' % slot.address.encode(), sheet)
        assert old is not None
        return forge.changed({name: sheet.replace(old[0], old[1] + b"<f>" + formula + b"</f>")})

    def first_value(value: bytes) -> bytes:
        place = shop.layout.inputs[0]
        part = shop.part_of(place.sheet)
        text, count = re.subn(
            rb'(<c r="%s"[^>]*>)<v>[^<]*</v>' % place.address.encode(),
            rb"\1<v>" + value + b"</v>",
            forge.parts[part],
        )
        assert count == 1
        return forge.changed({part: text})

    return {
        "a filled workbook": lambda: data,
        "62 MiB, four times, and a fault at the end": large_parts,
        "bomb in one part": lambda: forge.changed({"xl/a.bin": bytes(60 * MIB)}),
        "bomb in many parts": lambda: forge.changed({f"xl/{n}.bin": bytes(7 * MIB) for n in range(30)}),
        "bomb that lies about its size": lambda: build([*forge.lines(), Part(b"xl/a.xml", b"<x/>", packed=deflate(bytes(300 * MIB)))]),
        "5 000 parts": lambda: forge.changed({f"xl/x{n}.xml": b"<x/>" for n in range(4_900)}),
        "60 MiB of noise": lambda: random.Random(2).randbytes(60 * MIB),
        "200 000 merges": lambda: in_sheet(b"</mergeCells>", b"".join(b'<mergeCell ref="A%d:B%d"/>' % (n, n) for n in range(100, 200_100))),
        "200 000 merges over one cell": lambda: in_sheet(b"</mergeCells>", b'<mergeCell ref="A1:XFD1048576"/>' * 200_000),
        "200 000 styled rows": lambda: rows(200_000, b'<row r="#" s="%s" customFormat="1"/>' % style[1]),
        "200 000 styled cells": lambda: rows(200_000, b'<row r="#"><c r="A#" s="%s"/></row>' % style[1]),
        "200 000 rows of figures": lambda: rows(200_000, b'<row r="#"><c r="A#"><v>1</v></c></row>'),
        "200 000 hidden rows": lambda: rows(200_000, b'<row r="#" hidden="1"/>'),
        "a cell at XFD1048576": lambda: rows(1, b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "one string of 60 MiB": lambda: forge.changed({"xl/sharedStrings.xml": into(strings, b"</sst>", b"<si><t>" + line * (60 * MIB // len(line)) + b"</t></si>")}),
        "1 000 000 strings": lambda: forge.changed({"xl/sharedStrings.xml": into(strings, b"</sst>", many(1_000_000, b"<si><t>%d</t></si>"))}),
        "15 000 strings of 4 000 letters": lambda: forge.changed({"xl/sharedStrings.xml": into(strings, b"</sst>", many(15_000, b"<si><t>%06d" + line + b"</t></si>"))}),
        "strings of 3 000 000 runs": lambda: forge.changed({"xl/sharedStrings.xml": into(strings, b"</sst>", b"<si>" + b"<r><t>x</t></r>" * 3_000_000 + b"</si>")}),
        "200 000 cell styles": lambda: forge.changed({"xl/styles.xml": into(styles, b"</cellXfs>", b'<xf numFmtId="1"/>' * 200_000)}),
        "200 000 defined names": lambda: forge.changed({"xl/workbook.xml": into(book, b"</definedNames>", many(200_000, b'<definedName name="n%d">A1</definedName>'))}),
        "elements 1 000 000 deep": lambda: in_sheet(b"</sheetData>", b"<a>" * 1_000_000),
        "strings 1 000 000 deep": lambda: forge.changed({"xl/sharedStrings.xml": into(strings, b"</sst>", b"<a>" * 1_000_000)}),
        "an attribute of 60 MiB": lambda: in_sheet(b"</sheetData>", b'<row r="2000" x="' + line * (60 * MIB // len(line)) + b'"/>'),
        "a comment of 60 MiB": lambda: in_sheet(b"</sheetData>", b"<!--" + line * (60 * MIB // len(line)) + b"-->"),
        "a total's formula of 30 MiB": lambda: total(b"SUM(" + b"A1," * (10 * MIB) + b"A1)"),
        "a formula of 1 000 000 brackets": lambda: total(b"(" * 1_000_000 + b"A1" + b")" * 1_000_000),
        "a figure of 30 000 000 digits": lambda: first_value(b"9" * 30_000_000),
        "1 000 further sheets": lambda: _sheets(Workshop(form, data), 1_000),
    }  # fmt: skip


def _sheets(shop: Workshop, count: int) -> bytes:
    for number in range(count):
        shop.add(f"草稿{number}")
    return shop.pack()

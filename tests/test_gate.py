"""What stands in the gate's way, and what must pass it.

Files are made here, mostly by hand: `build` writes a zip whose every header field can be lied about.
"""

from __future__ import annotations

import base64
import io
import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from xltools.reading import archive, opc, refusals
from xltools.reading.gate import Package, Refused, admit, is_input, read_bytes, why_ignored

MIB = 1024 * 1024


# Making files


def saved_by_openpyxl() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B1"], sheet["A2"] = "一、本年新收", 3, "网址"
    sheet["A2"].hyperlink = "https://example.invalid/"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def saved_by_xlsxwriter(**options: object) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, **options})
    sheet = book.add_worksheet("三、申请情况")
    sheet.write("A1", "自然人")
    sheet.write_formula("B1", "=SUM(B2:B3)", None, 3)
    sheet.write_url("A2", "https://example.invalid/")
    sheet.write_comment("A1", "批注")
    book.set_custom_property("unit", "u-布海镇")
    book.define_name("a.b.c", "='三、申请情况'!$B$1")
    book.close()
    return target.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


BOOK = saved_by_openpyxl()
PARTS = parts_of(BOOK)


@dataclass
class Part:
    """One entry; `local` and `central` overrule what the two headers say."""

    name: bytes
    data: bytes = b""
    method: int = 8
    local: dict[str, object] = field(default_factory=dict)
    central: dict[str, object] = field(default_factory=dict)
    both: dict[str, object] = field(default_factory=dict)
    packed: bytes | None = None
    trailer: bytes = b""
    before: bytes = b""


def deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(6, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


def build(parts: list[Part], *, comment: bytes = b"", prefix: bytes = b"", gap: bytes = b"") -> bytes:
    body, directory = bytearray(prefix), bytearray()
    for part in parts:
        body += part.before
        packed = part.packed
        if packed is None:
            packed = deflate(part.data) if part.method == 8 else part.data
        truth = {
            "flags": 0,
            "method": part.method,
            "crc": zlib.crc32(part.data),
            "packed": len(packed),
            "size": len(part.data),
            "name": part.name,
            "extra": b"",
            "offset": len(body) - len(prefix),
        }
        local, central = ({**truth, **part.both, **own} for own in (part.local, part.central))
        body += struct.pack(
            *("<4s5H3L2H", b"PK\x03\x04", 20, local["flags"], local["method"], 0, 0x21, local["crc"]),
            *(local["packed"], local["size"], len(local["name"]), len(local["extra"])),
        )
        body += local["name"] + local["extra"] + packed + part.trailer
        directory += struct.pack(
            *(
                "<4s6H3L5H2L",
                b"PK\x01\x02",
                20,
                20,
                central["flags"],
                central["method"],
                0,
                0x21,
                central["crc"],
            ),
            *(central["packed"], central["size"], len(central["name"]), len(central["extra"]), 0, 0, 0, 0),
            central["offset"],
        )
        directory += central["name"] + central["extra"]
    body += gap
    end = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        len(parts),
        len(parts),
        len(directory),
        len(body) - len(prefix),
        len(comment),
    )
    return bytes(body + directory + end + comment)


def book_parts(changes: Mapping[str, bytes | None] | None = None) -> list[Part]:
    """A good workbook's parts; a change replaces one, adds one, or (None) takes one out."""
    contents = {**PARTS, **(changes or {})}
    return [Part(name.encode(), data) for name, data in contents.items() if data is not None]


def changed(changes: Mapping[str, bytes | None]) -> bytes:
    return build(book_parts(changes))


def first(**changes: object) -> bytes:
    """A good workbook whose first entry is tampered with."""
    parts = book_parts()
    for key, value in changes.items():
        setattr(parts[0], key, value)
    return build(parts)


def with_type(part: str, content_type: str, data: bytes = b"<x/>") -> bytes:
    override = f'<Override PartName="/{part}" ContentType="{content_type}"/></Types>'
    types = PARTS["[Content_Types].xml"].replace(b"</Types>", override.encode())
    return changed({"[Content_Types].xml": types, part: data})


def with_relation(
    kind: str, target: str, mode: str = "", source: str = "xl/worksheets/_rels/sheet1.xml.rels"
) -> bytes:
    type_ = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"
    relation = f'<Relationship Id="rId99" Type="{type_}" Target="{target}"{mode}/></Relationships>'
    return changed({source: PARTS[source].replace(b"</Relationships>", relation.encode())})


def main_type(content_type: str) -> bytes:
    old = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    assert old in PARTS["[Content_Types].xml"]
    return changed({"[Content_Types].xml": PARTS["[Content_Types].xml"].replace(old, content_type.encode())})


def strict() -> bytes:
    old = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    new = b"http://purl.oclc.org/ooxml/officeDocument/relationships/"
    return changed({name: data.replace(old, new) for name, data in PARTS.items() if name.endswith(".rels")})


def ole(*streams: str) -> bytes:
    """The shape of an OLE2 file: header sector, then a directory of 128-byte entries."""
    entries = b""
    for name in ("Root Entry", *streams):
        raw = name.encode("utf-16-le") + b"\0\0"
        entries += raw.ljust(64, b"\0") + struct.pack("<H", len(raw)) + bytes(62)
    return (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + entries).ljust(4096, b"\0")


def zip_of(**parts: bytes) -> bytes:
    return build([Part(name.encode(), data) for name, data in parts.items()])


def opendocument(kind: str) -> bytes:
    mimetype = Part(b"mimetype", f"application/vnd.oasis.opendocument.{kind}".encode(), method=0)
    return build([mimetype, Part(b"content.xml", b"<x/>"), Part(b"META-INF/manifest.xml", b"<x/>")])


def refusal_of(data: bytes) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        admit(data)
    refusal = caught.value.refusal
    assert refusal.sentence.endswith("。") and refusal.remedy.endswith("。")
    said = refusal.sentence + refusal.remedy
    for name in ("Excel", "WPS"):
        said = said.replace(name, "")
    while "." in said:  # what is left of Latin letters are file endings
        head, _, tail = said.partition(".")
        said = head + tail.lstrip("abcdefghijklmnopqrstuvwxyz0123456789")
    assert not any("a" <= char.lower() <= "z" for char in said), said
    return refusal.code, refusal.sentence


def code_of(data: bytes) -> str:
    return refusal_of(data)[0]


# Other kinds of files

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HTML = "<html><head><meta charset='gbk'></head><body><table><tr><td>自然人</td></tr></table></body></html>"
XML_2003 = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
)
MHT = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
MAIL = "Received: from a\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n"
CSV = "行,自然人,总计\n一、本年新收,3,3\n二、上年结转,0,0\n"

KINDS: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "F002", "空文件"),
    "zeros": (bytes(10_000), "F002", "空文件"),
    "blanks": (b"\r\n  \r\n", "F002", "空文件"),
    "encrypted": (ole("EncryptionInfo", "EncryptedPackage"), "F004", "加密"),
    "rights managed": (ole("\tDRMContent", "EncryptedPackage"), "F004", "限制了打开权限"),
    "xls or et": (ole("Workbook"), "F003", ".xls 或 .et"),
    "xls of 1995": (ole("Book"), "F003", ".xls 或 .et"),
    "xls of 1992": (b"\x09\x04\x06\0\0\0\x10\0" + b"\x01" * 500, "F003", ".xls"),
    "doc or wps": (ole("WordDocument", "1Table"), "F003", ".doc 或 .wps"),
    "ppt": (ole("PowerPoint Document"), "F003", ".ppt"),
    "mail of Outlook": (ole("__nameid_version1.0"), "F003", ".msg"),
    "cut OLE2": (ole("Workbook")[:300], "F003", "旧格式"),
    "ods": (opendocument("spreadsheet"), "F003", ".ods"),
    "odt": (opendocument("text"), "F003", ".odt"),
    "csv": (CSV.encode(), "F003", ".csv"),
    "csv in GBK": (CSV.encode("gb18030"), "F003", ".csv"),
    "csv with BOM": (CSV.encode("utf-8-sig"), "F003", ".csv"),
    "text in UTF-16": (CSV.replace(",", "\t").encode("utf-16"), "F003", ".csv 或 .txt"),
    "text in UTF-16 without BOM": ("abc\tdef\r\n1\t2\r\n".encode("utf-16-le"), "F003", ".csv 或 .txt"),
    "text": ("今天报不了，明天再报".encode(), "F003", ".txt"),
    "JSON": (b'{"items": {}}', "F003", ".json"),
    "HTML": (HTML.encode("gbk"), "F003", ".html"),
    "HTML in UTF-16": (HTML.encode("utf-16"), "F003", ".html"),
    "MHT": (MHT.encode(), "F003", ".mht"),
    "mail": (MAIL.encode() + base64.encodebytes(BOOK), "F003", ".eml"),
    "base64": (base64.encodebytes(BOOK), "F003", "编码文本"),
    "base64 in one line": (base64.b64encode(BOOK), "F003", "编码文本"),
    "base64 as data URI": (b"data:application/x;base64," + base64.b64encode(BOOK), "F003", "编码文本"),
    "uuencode": (b"begin 644 a.xlsx\nM4$L#!!0\n", "F003", "编码文本"),
    "XML 2003": (XML_2003.encode(), "F003", ".xml"),
    "XML 2003 in UTF-16": (XML_2003.encode("utf-16"), "F003", "旧的表格文本"),
    "UOF": (b'<?xml version="1.0"?><uof:UOF xmlns:uof="x"/>', "F003", ".uof"),
    "SYLK": (b"ID;PWXL;N;E\nP;PGeneral\n", "F003", ".slk"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "F003", ".pdf"),
    "RTF": (b"{\\rtf1\\ansi}", "F003", ".rtf"),
    "png": (PNG, "F003", ".png"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "F003", ".jpg"),
    "gif": (b"GIF89a\1\0\1\0", "F003", ".gif"),
    "bmp": (b"BM" + struct.pack("<LLLL", 200, 0, 54, 40) + bytes(180), "F003", ".bmp"),
    "webp": (b"RIFF\x10\0\0\0WEBPVP8 ", "F003", ".webp"),
    "tiff": (b"II*\0\x08\0\0\0", "F003", ".tif"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "F003", ".heic"),
    "rar": (b"Rar!\x1a\x07\x01\0", "F003", ".rar"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "F003", ".7z"),
    "gzip": (b"\x1f\x8b\x08\0", "F003", ".gz"),
    "program": (b"MZ\x90\0\3\0", "F003", "程序"),
    "shortcut": (b"L\0\0\0\x01\x14\x02\0", "F003", ".lnk"),
    "zip with a workbook": (zip_of(**{"上报/布海镇.xlsx": BOOK}), "F003", "工作簿在它里面"),
    "zip": (zip_of(**{"照片.jpg": b"\xff\xd8\xff"}), "F003", ".zip"),
    "empty zip": (zip_of(), "F003", "空的压缩包"),
    "docx": (zip_of(**{"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), "F003", ".docx"),
    "pptx": (zip_of(**{"[Content_Types].xml": b"<x/>", "ppt/a.xml": b"<x/>"}), "F003", ".pptx"),
    "docx by type": (
        main_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
        *("F003", ".docx"),
    ),
    "xlsb": (main_type("application/vnd.ms-excel.sheet.binary.macroEnabled.main"), "F003", ".xlsb"),
    "xlsb by name": (zip_of(**{"[Content_Types].xml": b"<x/>", "xl/workbook.bin": b"\0"}), "F003", ".xlsb"),
    "ofd": (zip_of(**{"OFD.xml": b"<x/>"}), "F003", ".ofd"),
    "unknown": (random.Random(1).randbytes(5000), "F003", "认不出"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_named(kind):
    data, code, words = KINDS[kind]
    found, sentence = refusal_of(data)
    assert (found, words in sentence) == (code, True), sentence


# Damage


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.5, 0.9, 0.99, 0.999])
def test_a_file_cut_short(share):
    data = saved_by_xlsxwriter()
    assert code_of(data[: max(1, int(len(data) * share))]) == "F005"


def test_a_file_that_ends_in_zeros():
    half = len(BOOK) // 2
    assert code_of(BOOK[:half] + bytes(half)) == "F005"
    assert code_of(bytes(half) + BOOK[half:]) == "F005"


def test_a_file_sent_as_text():
    code, sentence = refusal_of(BOOK.replace(b"\n", b"\r\n"))
    assert code == "F005" and "当成文本" in sentence
    code, sentence = refusal_of(BOOK.decode("utf-8", "replace").encode())
    assert code == "F005" and "当成文本" in sentence
    assert code_of(build(book_parts()).replace(b"\r", b"").replace(b"\n", b"\r")) in ("F005", "F006")


def test_a_piece_is_missing():
    assert code_of(BOOK[:500] + BOOK[700:]) == "F005"
    assert code_of(BOOK[600:]) == "F005"


DAMAGE: dict[str, bytes] = {
    "wrong CRC": first(both={"crc": 1}),
    "wrong CRC of a stored part": first(method=0, both={"crc": 1}),
    "bad deflate": first(packed=b"\xff" * 50),
    "deflate cut off": first(packed=deflate(list(PARTS.values())[0])[:-5]),
    "less than declared": first(both={"size": 2_000}),
    "no content types": changed({"[Content_Types].xml": None}),
    "no relationships": changed({"_rels/.rels": None}),
    "no workbook": changed({"xl/workbook.xml": None}),
    "no sheet": changed({"xl/worksheets/sheet1.xml": None}),
    "no styles": changed({"xl/styles.xml": None}),
    "content types are no XML": changed({"[Content_Types].xml": b"<Types>"}),
    "relationships are no XML": changed({"_rels/.rels": b"<a></b>"}),
    "relationships within relationships": changed({"xl/_rels/x.xml.rels": b"<a>" * 400_000}),
    "a sheet is no XML": changed({"xl/worksheets/sheet1.xml": b"\x4c\x6f\xa7\x94"}),
    "workbook of no type": main_type("application/octet-stream"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage(kind):
    assert code_of(DAMAGE[kind]) == "F005"


# Structures that two programs may read differently

EXTRA = Part(b"xl/extra.bin", b"abc", method=0)


def renamed(name: bytes) -> bytes:
    return build([*book_parts(), Part(name, b"<x/>")])


SUSPECT: dict[str, bytes] = {
    "duplicate": renamed(b"xl/workbook.xml"),
    "case twin": renamed(b"XL/Workbook.xml"),
    "twin in percent signs": renamed(b"xl/%77orkbook.xml"),
    "twin of another alphabet": renamed("xl/wor\u212abook.xml".encode()),  # the Kelvin sign
    "traversal": renamed(b"../evil.xml"),
    "traversal within": renamed(b"xl/../../evil.xml"),
    "traversal in percent signs": renamed(b"xl/%2e%2e/evil.xml"),
    "dot": renamed(b"xl/./evil.xml"),
    "absolute": renamed(b"/evil.xml"),
    "drive letter": renamed(b"C:/evil.xml"),
    "backslash": renamed(b"xl\\evil.xml"),
    "NUL": renamed(b"xl/workbook.xml\0.png"),
    "no name": renamed(b""),
    "very long name": renamed(b"x" * 5_000),
    "two slashes": renamed(b"xl//evil.xml"),
    "bad UTF-8": build([*book_parts(), Part(b"\xff\xfe.bin", b"", method=0, both={"flags": 0x0800})]),
    "a second name": build(
        [
            *book_parts(),
            Part(b"a.bin", b"", 0, central={"extra": struct.pack("<2HBL", 0x7075, 6, 1, 0) + b"b"}),
        ]
    ),
    "other local name": first(local={"name": b"docProps/App.xml"}),
    "other local method": first(local={"method": 0}),
    "other local flags": first(local={"flags": 0x0800}),
    "other local CRC": first(local={"crc": 1}),
    "other local size": first(local={"size": 7}),
    "other packed size": first(local={"packed": 7}),
    "deferred without a record": first(both={"flags": 8}),
    "deferred with a wrong record": first(
        both={"flags": 8}, trailer=b"PK\x07\x08" + struct.pack("<3L", 1, 2, 3)
    ),
    "unknown method": first(both={"method": 99}),
    "deflate64": first(both={"method": 9}),
    "stored of two sizes": first(method=0, both={"size": 1}),
    "more than declared": first(both={"size": 10}),
    "hidden behind the deflated data": first(packed=deflate(list(PARTS.values())[0]) + b"hidden"),
    "prefix": b"hello" + BOOK,
    "prefix, offsets adjusted": build([Part(b"a", before=b"hello"), *book_parts()]),
    "prefix that looks like a part": build(book_parts(), prefix=build([EXTRA])[:-70]),
    "trailing": BOOK + b"hello",
    "trailing zeros": BOOK + bytes(512),
    "two directories": build(book_parts(), comment=build([EXTRA])),
    "hidden part between": build([*book_parts(), Part(b"z.bin", b"", 0, before=build([EXTRA])[:60])]),
    "hidden part at the end": build(book_parts(), gap=build([EXTRA])[:60]),
    "another entry's place": build(
        [*book_parts(), Part(b"docProps/app2.xml", b"", 0, central={"offset": 0})]
    ),
    "two workbooks": with_relation("officeDocument", "xl/other.xml", source="_rels/.rels"),
    "encoding UTF-7": changed({"xl/x.xml": b'<?xml version="1.0" encoding="utf-7"?><x/>'}),
    "encoding GBK": changed({"xl/x.xml": b"<?xml version='1.0' encoding='gbk'?><x/>"}),
    "encoding far away": changed(
        {"xl/x.xml": b"<?xml version='1.0'" + b" " * 2_000 + b"encoding='utf-7'?><x/>"}
    ),
    "encoding UTF-32": changed({"xl/x.xml": "<x/>".encode("utf-32")}),
    "one part of two types": changed(
        {
            "[Content_Types].xml": PARTS["[Content_Types].xml"].replace(
                b"</Types>", b'<Override PartName="/xl/workbook.xml" ContentType="a/b"/></Types>'
            )
        }
    ),
}


@pytest.mark.parametrize("kind", SUSPECT)
def test_a_suspect_structure(kind):
    assert code_of(SUSPECT[kind]) == "F006"


def test_overlapping_entries():
    data = list(PARTS.values())[0]
    inner = build([Part(b"docProps/inner.xml", data)])
    inner = inner[: inner.index(b"PK\x01\x02")]
    outer = Part(b"docProps/outer.bin", inner, method=0)
    entries = [outer, Part(b"docProps/inner.xml", data), *book_parts()]
    at = 30 + len(outer.name)  # the inner entry's directory line points into the outer one's data
    entries[1].central = {"offset": at}
    assert code_of(build(entries)) == "F006"
    parts = book_parts()
    parts[-1].both = {"packed": 60_000}
    assert code_of(build(parts)) == "F006"  # reaches into the directory


def test_encryption_is_said_as_such():
    assert code_of(first(both={"flags": 1})) == "F004"
    assert code_of(first(local={"flags": 1})) == "F004"
    assert code_of(first(both={"flags": 0x41, "method": 99})) == "F004"


# Too large


def test_bombs_by_their_own_word():
    assert code_of(changed({"xl/a.bin": bytes(65 * MIB)})) == "F007"
    assert code_of(changed({"xl/a.bin": bytes(20 * MIB)})) == "F007"  # 1 030 times
    assert code_of(changed({f"xl/a{n}.bin": bytes(7 * MIB) for n in range(4)})) == "F007"
    assert code_of(build([*book_parts(), *(Part(b"xl/a%d" % n, b"", 0) for n in range(5_001))])) == "F007"
    assert code_of(first(both={"size": 2**31})) == "F007"
    assert code_of(changed({"_rels/x.rels": b"<x>" + random.Random(1).randbytes(5 * MIB)})) == "F007"


def test_a_bomb_that_lies_costs_next_to_nothing():
    packed = deflate(bytes(300 * MIB))
    data = build([*book_parts(), Part(b"xl/a.xml", b"<x/>", packed=packed)])
    tracemalloc.start()
    start = time.perf_counter()
    try:
        assert code_of(data) == "F006"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB
    assert time.perf_counter() - start < 1


BOMB = """
import re, sys, time
from xltools.reading.gate import Refused, admit, read_bytes
from pathlib import Path
start = time.perf_counter()
try:
    admit(read_bytes(Path(sys.argv[1])))
except Refused as refused:
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent before exec
    print(refused.refusal.code, seconds, int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_dearest_refusal_is_bounded(tmp_path):
    """All bounds nearly reached, and the fault in the very last part."""
    line = random.Random(1).randbytes(2_000).hex().encode()
    large = b"<x>" + line * (62 * MIB // len(line))
    packed = Part(b"", large, packed=deflate(large))
    parts = [Part(b"xl/large%d.xml" % n, large, packed=packed.packed) for n in range(4)]
    data = build([*book_parts(), *parts, Part(b"xl/last.xml", b"<!DOCTYPE x><x/>")])
    path = tmp_path / "大.xlsx"
    path.write_bytes(data)
    run = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=True)
    code, seconds, mebibytes = run.stdout.split()
    assert code == "F010"
    assert float(seconds) < 2
    assert int(mebibytes) < 150


# Macros, outside content, declarations

OUTSIDE = ' TargetMode="External"'
DECLARED = "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"
LATE = b"<!--" + b"-" * 2_000_000 + b"--><!DOCTYPE x><x/>"
OPEN = "application/vnd.openxmlformats-officedocument.spreadsheetml"
ACTIVE: dict[str, tuple[bytes, str]] = {
    "VBA": (changed({"xl/vbaProject.bin": b"\xd0\xcf"}), "F008"),
    "VBA elsewhere": (with_type("xl/code.bin", "application/vnd.ms-office.vbaProject"), "F008"),
    "VBA by relationship": (with_relation("vbaProject", "/xl/a.bin"), "F008"),
    "xlsm": (main_type("application/vnd.ms-excel.sheet.macroEnabled.main+xml"), "F008"),
    "XLM": (changed({"xl/macrosheets/sheet1.xml": b"<x/>"}), "F008"),
    "XLM by type": (with_type("xl/worksheets/sheet9.xml", "application/vnd.ms-excel.macrosheet+xml"), "F008"),
    "dialog sheet": (changed({"xl/dialogsheets/sheet1.xml": b"<x/>"}), "F008"),
    "WPS script": (changed({"xl/JDEData.bin": b"x"}), "F008"),
    "external link": (changed({"xl/externalLinks/externalLink1.xml": b"<x/>"}), "F009"),
    "external link by type": (with_type("xl/l.xml", f"{OPEN}.externalLink+xml"), "F009"),
    "external link by relationship": (with_relation("externalLink", "l.xml"), "F009"),
    "embedded object": (changed({"xl/embeddings/oleObject1.bin": b"x"}), "F009"),
    "embedded workbook": (with_relation("package", "../e.xlsx"), "F009"),
    "ActiveX": (changed({"xl/activeX/activeX1.xml": b"<x/>"}), "F009"),
    "ActiveX by type": (with_type("xl/c.xml", "application/vnd.ms-office.activeX+xml"), "F009"),
    "connections": (changed({"xl/connections.xml": b"<x/>"}), "F009"),
    "query table": (changed({"xl/queryTables/queryTable1.xml": b"<x/>"}), "F009"),
    "real-time data": (changed({"xl/volatileDependencies.xml": b"<x/>"}), "F009"),
    "linked picture": (with_relation("image", "http://a.invalid/a.png", OUTSIDE), "F009"),
    "DOCTYPE": (changed({"xl/x.xml": b"<!DOCTYPE x><x/>"}), "F010"),
    "DOCTYPE after a comment": (changed({"xl/x.xml": LATE}), "F010"),
    "ENTITY": (changed({"xl/worksheets/sheet1.xml": b'<!ENTITY a "b">'}), "F010"),
    "DOCTYPE in relationships": (changed({"_rels/.rels": b"<!DOCTYPE x><x/>"}), "F010"),
    "DOCTYPE in content types": (changed({"[Content_Types].xml": b"<!DOCTYPE x><x/>"}), "F010"),
    **{
        f"DOCTYPE in {name}": (changed({"xl/x.XML": mark + DECLARED.encode(encoding)}), "F010")
        for name, encoding, mark in (
            ("UTF-8 with BOM", "utf-8", b"\xef\xbb\xbf"),
            ("UTF-16 LE", "utf-16-le", b"\xff\xfe"),
            ("UTF-16 BE", "utf-16-be", b"\xfe\xff"),
            ("UTF-16 LE without BOM", "utf-16-le", b""),
            ("UTF-16 BE without BOM", "utf-16-be", b""),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ACTIVE)
def test_active_content(kind):
    data, code = ACTIVE[kind]
    assert code_of(data) == code


def test_a_declaration_across_two_pieces():
    for before in range(MIB - 30, MIB + 2):
        content = b"<!--" + b"x" * (before - 7) + b"--><!DOCTYPE x>"
        entry = archive.ZipEntry(b"x", "x", 0, 0, zlib.crc32(content), len(content), len(content), 0, 0)
        with pytest.raises(Refused):
            for _ in opc.scan_xml(archive.inflate(content, entry)):
                pass


# What must pass


class Unseekable(io.RawIOBase):
    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, some: bytes) -> int:
        self.data += some
        return len(some)


def repacked(
    *, method: int = zipfile.ZIP_DEFLATED, order: Callable[[list[str]], list[str]] = list, wide: bool = False
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as package:
        for name in order(list(PARTS)):
            with package.open(name, "w", force_zip64=wide) as part:
                part.write(PARTS[name])
    return target.getvalue()


def streamed(wide: bool = False) -> bytes:
    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in PARTS.items():
            with package.open(name, "w", force_zip64=wide) as part:
                part.write(data)
    assert b"PK\x07\x08" in target.data
    return bytes(target.data)


def wide_directory() -> bytes:
    """Every number of the directory in its ZIP64 place, as Java and .NET write it when told to."""
    ones = 0xFFFFFFFF
    parts = book_parts()
    at = 0
    for part in parts:
        sizes = struct.pack("<2Q", len(part.data), len(deflate(part.data)))
        part.local = {"size": ones, "packed": ones, "extra": struct.pack("<2H", 1, 16) + sizes}
        wide = sizes + struct.pack("<Q", at)
        part.central = {
            "size": ones,
            "packed": ones,
            "offset": ones,
            "extra": struct.pack("<2H", 1, 24) + wide,
        }
        at += 30 + len(part.name) + 20 + len(deflate(part.data))
    data = build(parts)
    end = len(data) - 22
    size, start = struct.unpack_from("<2L", data, end + 12)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(parts), len(parts), size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, ones, ones, 0)
    return data[:end] + record + locator + last


def shuffled(names: list[str]) -> list[str]:
    return random.Random(3).sample(names, len(names))


def deferred() -> bytes:
    """Sizes after the data, without the mark that is customary but not required."""
    parts = book_parts()
    for part in parts:
        part.both = {"flags": 8}
        part.local = {"crc": 0, "packed": 0, "size": 0}
        part.trailer = struct.pack("<3L", zlib.crc32(part.data), len(deflate(part.data)), len(part.data))
    return build(parts)


def moved() -> bytes:
    """The same workbook under another folder."""
    contents = {name.replace("xl/", "book/"): data.replace(b"xl/", b"book/") for name, data in PARTS.items()}
    return build([Part(name.encode(), data) for name, data in contents.items()])


def types_of_nothing() -> bytes:
    """SheetJS declares the type of an .xlsb for every ending .bin, and has none."""
    declared = (
        '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
        '<Override PartName="/xl/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    )
    types = PARTS["[Content_Types].xml"].replace(b"</Types>", declared.encode())
    return changed({"[Content_Types].xml": types, "xl/printerSettings/printerSettings1.bin": b"x"})


BENIGN: dict[str, Callable[[], bytes]] = {
    "openpyxl": lambda: BOOK,
    "xlsxwriter": saved_by_xlsxwriter,
    "xlsxwriter with ZIP64": lambda: saved_by_xlsxwriter(use_zip64=True),
    "by hand": lambda: build(book_parts()),
    "stored": lambda: repacked(method=zipfile.ZIP_STORED),
    "ZIP64": lambda: repacked(wide=True),
    "ZIP64 in the directory": wide_directory,
    "streamed": streamed,
    "streamed with ZIP64": lambda: streamed(wide=True),
    "deferred without a mark": deferred,
    "shuffled": lambda: repacked(order=shuffled),
    "reversed": lambda: repacked(order=lambda names: names[::-1]),
    "comment": lambda: build(book_parts(), comment="由某某程序保存".encode()),
    "folders": lambda: build([Part(b"xl/", b"", 0), Part(b"_rels/", b"", 0), *book_parts()]),
    "extra fields": lambda: first(local={"extra": struct.pack("<2H", 0xA220, 4) + bytes(4)}),
    "speed bits": lambda: first(local={"flags": 6}),
    "moved": moved,
    "strict": strict,
    "template": lambda: main_type(f"{OPEN}.template.main+xml"),
    "UTF-16 part": lambda: changed({"xl/x.xml": "<?xml version='1.0' encoding='utf-16'?>".encode("utf-16")}),
    "custom XML": lambda: changed({"customXml/item1.xml": b"<x/>"}),
    "form control": lambda: changed({"xl/ctrlProps/ctrlProp1.xml": b"<x/>"}),
    "picture": lambda: changed({"xl/media/image1.png": PNG, "xl/media/image2.svg": b"<!DOCTYPE svg><svg/>"}),
    "hyperlink to a file": lambda: with_relation("hyperlink", "file:///C:/a.xlsx", OUTSIDE),
    "types of parts that are not there": types_of_nothing,
}  # fmt: skip


@pytest.mark.parametrize("kind", BENIGN)
def test_a_good_workbook_passes(kind):
    data = BENIGN[kind]()
    package = admit(data)
    expected = {name: content for name, content in parts_of(data).items() if not name.endswith("/")}
    assert {name: package.read(name) for name in package.names} == expected
    assert package.size == len(data)


def test_a_package_answers_by_name():
    package = admit(BOOK)
    assert isinstance(package, Package)
    assert (package.main, package.strict) == ("xl/workbook.xml", False)
    assert package.names == tuple(PARTS)
    assert len(package.sha256) == 64
    assert package.has("xl/workbook.xml") and not package.has("XL/workbook.xml")
    assert package.find("XL/Workbook.XML") == "xl/workbook.xml"
    assert package.find("xl/nothing.xml") is None
    assert package.read("XL/workbook.xml") == PARTS["xl/workbook.xml"]
    with pytest.raises(Refused) as caught:
        package.read("xl/nothing.xml")
    assert caught.value.refusal.code == "F005"
    assert admit(moved()).main == "book/workbook.xml"
    assert admit(strict()).strict


def test_a_large_part_is_read_whole():
    text = random.Random(1).randbytes(5 * MIB).hex().encode()
    package = admit(changed({"xl/x.xml": b"<x>" + text}))
    assert package.read("xl/x.xml") == package.read("xl/x.xml") == b"<x>" + text


def test_edits_of_any_byte_never_raise_anything_else():
    rng = random.Random(20)
    for _ in range(1_500):
        data = bytearray(BOOK)
        for _ in range(rng.choice((1, 1, 1, 5, 50))):
            at = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    data[at] ^= 1 << rng.randrange(8)
                case 2:
                    del data[at : at + rng.randrange(1, 40)]
                case _:
                    data[at:at] = rng.randbytes(rng.randrange(1, 40))
        try:
            package = admit(bytes(data))
        except Refused:
            continue
        assert {
            name: package.read(name) for name in package.names
        } == PARTS  # the edit hit nothing that counts


# Files in a folder


def refused_at(path: Path) -> tuple[str, str]:
    start = time.perf_counter()
    with pytest.raises(Refused) as caught:
        read_bytes(path)
    assert time.perf_counter() - start < 0.5
    return caught.value.refusal.code, caught.value.refusal.sentence


def test_a_regular_file_is_read(tmp_path):
    for name in ("布海镇.xlsx", "a b'c.xlsx", "ভূমি 🌾.xlsx"):
        (tmp_path / name).write_bytes(BOOK)
        assert read_bytes(tmp_path / name) == BOOK


def test_what_is_no_regular_file(tmp_path):
    (tmp_path / "folder.xlsx").mkdir()
    assert "文件夹" in refused_at(tmp_path / "folder.xlsx")[1]
    assert "没有这个文件" in refused_at(tmp_path / "none.xlsx")[1]
    assert refused_at(Path("a\0b.xlsx"))[0] == "F001"
    assert refused_at(tmp_path / ("x" * 300 + ".xlsx"))[0] == "F001"
    assert refused_at(tmp_path / "\ud800.xlsx")[0] == "F001"
    with open(tmp_path / "large.xlsx", "wb") as handle:
        handle.truncate(65 * MIB)
    assert refused_at(tmp_path / "large.xlsx")[0] == "F007"
    (tmp_path / "empty.xlsx").touch()
    assert read_bytes(tmp_path / "empty.xlsx") == b""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_what_is_no_file_on_posix(tmp_path):
    (tmp_path / "good.xlsx").write_bytes(BOOK)
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "good.xlsx")
    (tmp_path / "dangling.xlsx").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.xlsx").symlink_to(tmp_path / "loop.xlsx")
    for name in ("link.xlsx", "dangling.xlsx", "loop.xlsx"):
        code, sentence = refused_at(tmp_path / name)
        assert code == "F001" and "链接" in sentence
    os.mkfifo(tmp_path / "pipe.xlsx")
    assert "管道" in refused_at(tmp_path / "pipe.xlsx")[1]
    assert "设备" in refused_at(Path("/dev/zero"))[1]
    (tmp_path / os.fsdecode(b"\xb2\xbc.xlsx")).write_bytes(BOOK)  # a name in GBK
    assert read_bytes(tmp_path / os.fsdecode(b"\xb2\xbc.xlsx")) == BOOK
    (tmp_path / "closed.xlsx").touch(mode=0)
    if os.geteuid() != 0:
        assert "权限" in refused_at(tmp_path / "closed.xlsx")[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("~$布海镇.xlsx", "临时文件"),
        (".~lock.布海镇.xlsx#", "临时文件"),
        (".~布海镇.xlsx", "临时文件"),
        (".hidden.xlsx", "隐藏文件"),
        ("._布海镇.xlsx", "隐藏文件"),
        ("Thumbs.db", "系统"),
        ("desktop.ini", "系统"),
        (".DS_Store", "系统"),
        ("填报说明.docx", "文字文档"),
        ("盖章扫描件.PDF", "版式文件"),
        ("IMG_2021.JPG", "图片"),
        ("退回通知.txt", "文字说明"),
        ("值.json", "数据"),
        ("布海镇.xlsx.lnk", "快捷方式"),
    ],
)
def test_what_is_not_looked_at(name, words):
    assert words in str(why_ignored(name))
    assert not is_input(Path("某夹") / name)


@pytest.mark.parametrize(
    "name",
    [
        "布海镇.xlsx",
        "布海镇.XLSX",
        "a.xls",
        "a.et",
        "a.csv",
        "a.ods",
        "a.html",
        "a.zip",
        "a.rar",
        "a.eml",
        "布海镇",
        "a.xlsx.1",
    ],
)
def test_what_is_looked_at(name):
    assert why_ignored(name) is None
    assert is_input(name)


def test_every_code_is_its_own():
    codes = [value for value in vars(refusals).values() if isinstance(value, str) and len(value) == 4]
    assert sorted(codes) == [f"F{n:03}" for n in range(1, 11)]

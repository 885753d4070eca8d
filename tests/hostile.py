"""Hostile files: a good workbook's package forged part by part, and catalogues of what comes of it.

`build` writes a zip whose every header field can be lied about.  Each catalogue is a function of a `Forge`, so
that the gate's own tests and the mutants of every form share it.
"""

from __future__ import annotations

import base64
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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


class Unseekable(io.RawIOBase):
    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, some: bytes) -> int:
        self.data += some
        return len(some)


EXTRA = Part(b"xl/extra.bin", b"abc", method=0)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HTML = "<html><head><meta charset='gbk'></head><body><table><tr><td>自然人</td></tr></table></body></html>"
XML_2003 = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
)
MHT = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
MAIL = "Received: from a\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n"
CSV = "行,自然人,总计\n一、本年新收,3,3\n二、上年结转,0,0\n"
OUTSIDE = ' TargetMode="External"'
NO_RELATIONS = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
STRICT = {
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    f"{OFFICE}/custom-properties": "http://purl.oclc.org/ooxml/officeDocument/customProperties",
    f"{OFFICE}/docPropsVTypes": "http://purl.oclc.org/ooxml/officeDocument/docPropsVTypes",
    f"{OFFICE}/relationships/custom-properties": "http://purl.oclc.org/ooxml/officeDocument/relationships/customProperties",
    f"{OFFICE}/relationships": "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
DECLARED = "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"
LATE = b"<!--" + b"-" * 2_000_000 + b"--><!DOCTYPE x><x/>"
OPEN = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def shuffled(names: list[str]) -> list[str]:
    return random.Random(3).sample(names, len(names))


class Forge:
    """A good workbook, to be packed again with something wrong."""

    def __init__(self, data: bytes) -> None:
        self.data, self.parts = data, parts_of(data)

    def lines(self, changes: Mapping[str, bytes | None] | None = None) -> list[Part]:
        """A good workbook's parts; a change replaces one, adds one, or (None) takes one out."""
        contents = {**self.parts, **(changes or {})}
        return [Part(name.encode(), data) for name, data in contents.items() if data is not None]

    def changed(self, changes: Mapping[str, bytes | None]) -> bytes:
        return build(self.lines(changes))

    def first(self, **changes: object) -> bytes:
        """A good workbook whose first entry is tampered with."""
        parts = self.lines()
        for key, value in changes.items():
            setattr(parts[0], key, value)
        return build(parts)

    def with_type(self, part: str, content_type: str, data: bytes = b"<x/>") -> bytes:
        override = f'<Override PartName="/{part}" ContentType="{content_type}"/></Types>'
        types = self.parts["[Content_Types].xml"].replace(b"</Types>", override.encode())
        return self.changed({"[Content_Types].xml": types, part: data})

    def with_relation(
        self, kind: str, target: str, mode: str = "", source: str = "xl/worksheets/_rels/sheet1.xml.rels"
    ) -> bytes:
        type_ = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"
        relation = f'<Relationship Id="rId99" Type="{type_}" Target="{target}"{mode}/></Relationships>'
        relations = self.parts.get(source, NO_RELATIONS)
        return self.changed({source: relations.replace(b"</Relationships>", relation.encode())})

    def main_type(self, content_type: str) -> bytes:
        old = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
        assert old in self.parts["[Content_Types].xml"]
        return self.changed(
            {"[Content_Types].xml": self.parts["[Content_Types].xml"].replace(old, content_type.encode())}
        )

    def strict(self) -> bytes:
        """The same workbook under the namespaces of Strict Open XML."""
        changes: dict[str, bytes | None] = {}
        for name, data in self.parts.items():
            if name.endswith((".xml", ".rels")):
                for old, new in STRICT.items():
                    data = data.replace(old.encode(), new.encode())
                changes[name] = data
        return self.changed(changes)

    def renamed(self, name: bytes) -> bytes:
        return build([*self.lines(), Part(name, b"<x/>")])

    def repacked(
        self,
        *,
        method: int = zipfile.ZIP_DEFLATED,
        order: Callable[[list[str]], list[str]] = list,
        wide: bool = False,
    ) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", method) as package:
            for name in order(list(self.parts)):
                with package.open(name, "w", force_zip64=wide) as part:
                    part.write(self.parts[name])
        return target.getvalue()

    def streamed(self, wide: bool = False) -> bytes:
        target = Unseekable()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
            for name, data in self.parts.items():
                with package.open(name, "w", force_zip64=wide) as part:
                    part.write(data)
        assert b"PK\x07\x08" in target.data
        return bytes(target.data)

    def wide_directory(self) -> bytes:
        """Every number of the directory in its ZIP64 place, as Java and .NET write it when told to."""
        ones = 0xFFFFFFFF
        parts = self.lines()
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
        record = struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(parts), len(parts), size, start
        )
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
        last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, ones, ones, 0)
        return data[:end] + record + locator + last

    def deferred(self) -> bytes:
        """Sizes after the data, without the mark that is customary but not required."""
        parts = self.lines()
        for part in parts:
            part.both = {"flags": 8}
            part.local = {"crc": 0, "packed": 0, "size": 0}
            part.trailer = struct.pack("<3L", zlib.crc32(part.data), len(deflate(part.data)), len(part.data))
        return build(parts)

    def moved(self) -> bytes:
        """The same workbook under another folder."""
        contents = {
            name.replace("xl/", "book/"): data.replace(b"xl/", b"book/") for name, data in self.parts.items()
        }
        return build([Part(name.encode(), data) for name, data in contents.items()])

    def types_of_nothing(self) -> bytes:
        """SheetJS declares the type of an .xlsb for every ending .bin, and has none."""
        declared = (
            '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
            '<Override PartName="/xl/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
        )
        types = self.parts["[Content_Types].xml"].replace(b"</Types>", declared.encode())
        return self.changed({"[Content_Types].xml": types, "xl/printerSettings/printerSettings1.bin": b"x"})


def other_kinds(forge: Forge) -> dict[str, tuple[bytes, str, str]]:
    """Files of another kind: name → content, code, a word of the sentence."""
    return {
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
        "mail": (MAIL.encode() + base64.encodebytes(forge.data), "F003", ".eml"),
        "base64": (base64.encodebytes(forge.data), "F003", "编码文本"),
        "base64 in one line": (base64.b64encode(forge.data), "F003", "编码文本"),
        "base64 as data URI": (
            b"data:application/x;base64," + base64.b64encode(forge.data),
            "F003",
            "编码文本",
        ),
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
        "zip with a workbook": (zip_of(**{"上报/布海镇.xlsx": forge.data}), "F003", "工作簿在它里面"),
        "zip": (zip_of(**{"照片.jpg": b"\xff\xd8\xff"}), "F003", ".zip"),
        "empty zip": (zip_of(), "F003", "空的压缩包"),
        "docx": (zip_of(**{"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), "F003", ".docx"),
        "pptx": (zip_of(**{"[Content_Types].xml": b"<x/>", "ppt/a.xml": b"<x/>"}), "F003", ".pptx"),
        "docx by type": (
            forge.main_type(
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
            ),
            *("F003", ".docx"),
        ),
        "xlsb": (forge.main_type("application/vnd.ms-excel.sheet.binary.macroEnabled.main"), "F003", ".xlsb"),
        "xlsb by name": (
            zip_of(**{"[Content_Types].xml": b"<x/>", "xl/workbook.bin": b"\0"}),
            "F003",
            ".xlsb",
        ),
        "ofd": (zip_of(**{"OFD.xml": b"<x/>"}), "F003", ".ofd"),
        "unknown": (random.Random(1).randbytes(5000), "F003", "认不出"),
    }


def damaged(forge: Forge) -> dict[str, bytes]:
    """Packages that cannot be read to the end: F005."""
    return {
        "wrong CRC": forge.first(both={"crc": 1}),
        "wrong CRC of a stored part": forge.first(method=0, both={"crc": 1}),
        "bad deflate": forge.first(packed=b"\xff" * 50),
        "deflate cut off": forge.first(packed=deflate(list(forge.parts.values())[0])[:-5]),
        "less than declared": forge.first(both={"size": 1_000_000}),
        "no content types": forge.changed({"[Content_Types].xml": None}),
        "no relationships": forge.changed({"_rels/.rels": None}),
        "no workbook": forge.changed({"xl/workbook.xml": None}),
        "no sheet": forge.changed({"xl/worksheets/sheet1.xml": None}),
        "no styles": forge.changed({"xl/styles.xml": None}),
        "content types are no XML": forge.changed({"[Content_Types].xml": b"<Types>"}),
        "relationships are no XML": forge.changed({"_rels/.rels": b"<a></b>"}),
        "relationships within relationships": forge.changed({"xl/_rels/x.xml.rels": b"<a>" * 400_000}),
        "a sheet is no XML": forge.changed({"xl/worksheets/sheet1.xml": b"\x4c\x6f\xa7\x94"}),
        "workbook of no type": forge.main_type("application/octet-stream"),
    }


def suspect(forge: Forge) -> dict[str, bytes]:
    """Structures that two programs may read differently: F006."""
    return {
        "duplicate": forge.renamed(b"xl/workbook.xml"),
        "case twin": forge.renamed(b"XL/Workbook.xml"),
        "twin in percent signs": forge.renamed(b"xl/%77orkbook.xml"),
        "twin of another alphabet": forge.renamed("xl/wor\u212abook.xml".encode()),  # the Kelvin sign
        "traversal": forge.renamed(b"../evil.xml"),
        "traversal within": forge.renamed(b"xl/../../evil.xml"),
        "traversal in percent signs": forge.renamed(b"xl/%2e%2e/evil.xml"),
        "dot": forge.renamed(b"xl/./evil.xml"),
        "absolute": forge.renamed(b"/evil.xml"),
        "drive letter": forge.renamed(b"C:/evil.xml"),
        "backslash": forge.renamed(b"xl\\evil.xml"),
        "NUL": forge.renamed(b"xl/workbook.xml\0.png"),
        "no name": forge.renamed(b""),
        "very long name": forge.renamed(b"x" * 5_000),
        "two slashes": forge.renamed(b"xl//evil.xml"),
        "bad UTF-8": build([*forge.lines(), Part(b"\xff\xfe.bin", b"", method=0, both={"flags": 0x0800})]),
        "a second name": build(
            [
                *forge.lines(),
                Part(b"a.bin", b"", 0, central={"extra": struct.pack("<2HBL", 0x7075, 6, 1, 0) + b"b"}),
            ]
        ),
        "other local name": forge.first(local={"name": b"docProps/App.xml"}),
        "other local method": forge.first(local={"method": 0}),
        "other local flags": forge.first(local={"flags": 0x0800}),
        "other local CRC": forge.first(local={"crc": 1}),
        "other local size": forge.first(local={"size": 7}),
        "other packed size": forge.first(local={"packed": 7}),
        "forge.deferred without a record": forge.first(both={"flags": 8}),
        "forge.deferred with a wrong record": forge.first(
            both={"flags": 8}, trailer=b"PK\x07\x08" + struct.pack("<3L", 1, 2, 3)
        ),
        "unknown method": forge.first(both={"method": 99}),
        "deflate64": forge.first(both={"method": 9}),
        "stored of two sizes": forge.first(method=0, both={"size": 1}),
        "more than declared": forge.first(both={"size": 10}),
        "hidden behind the deflated data": forge.first(
            packed=deflate(list(forge.parts.values())[0]) + b"hidden"
        ),
        "prefix": b"hello" + forge.data,
        "prefix, offsets adjusted": build([Part(b"a", before=b"hello"), *forge.lines()]),
        "prefix that looks like a part": build(forge.lines(), prefix=build([EXTRA])[:-70]),
        "trailing": forge.data + b"hello",
        "trailing zeros": forge.data + bytes(512),
        "two directories": build(forge.lines(), comment=build([EXTRA])),
        "hidden part between": build([*forge.lines(), Part(b"z.bin", b"", 0, before=build([EXTRA])[:60])]),
        "hidden part at the end": build(forge.lines(), gap=build([EXTRA])[:60]),
        "another entry's place": build(
            [*forge.lines(), Part(b"docProps/app2.xml", b"", 0, central={"offset": 0})]
        ),
        "two workbooks": forge.with_relation("officeDocument", "xl/other.xml", source="_rels/.rels"),
        "encoding UTF-7": forge.changed({"xl/x.xml": b'<?xml version="1.0" encoding="utf-7"?><x/>'}),
        "encoding GBK": forge.changed({"xl/x.xml": b"<?xml version='1.0' encoding='gbk'?><x/>"}),
        "encoding far away": forge.changed(
            {"xl/x.xml": b"<?xml version='1.0'" + b" " * 2_000 + b"encoding='utf-7'?><x/>"}
        ),
        "encoding UTF-32": forge.changed({"xl/x.xml": "<x/>".encode("utf-32")}),
        "one part of two types": forge.changed(
            {
                "[Content_Types].xml": forge.parts["[Content_Types].xml"].replace(
                    b"</Types>", b'<Override PartName="/xl/workbook.xml" ContentType="a/b"/></Types>'
                )
            }
        ),
    }


def active(forge: Forge) -> dict[str, tuple[bytes, str]]:
    """Macros, outside content, declarations: name → content, code."""
    return {
        "VBA": (forge.changed({"xl/vbaProject.bin": b"\xd0\xcf"}), "F008"),
        "VBA elsewhere": (forge.with_type("xl/code.bin", "application/vnd.ms-office.vbaProject"), "F008"),
        "VBA by relationship": (forge.with_relation("vbaProject", "/xl/a.bin"), "F008"),
        "xlsm": (forge.main_type("application/vnd.ms-excel.sheet.macroEnabled.main+xml"), "F008"),
        "XLM": (forge.changed({"xl/macrosheets/sheet1.xml": b"<x/>"}), "F008"),
        "XLM by type": (forge.with_type("xl/worksheets/sheet99.xml", "application/vnd.ms-excel.macrosheet+xml"), "F008"),
        "dialog sheet": (forge.changed({"xl/dialogsheets/sheet1.xml": b"<x/>"}), "F008"),
        "WPS script": (forge.changed({"xl/JDEData.bin": b"x"}), "F008"),
        "external link": (forge.changed({"xl/externalLinks/externalLink1.xml": b"<x/>"}), "F009"),
        "external link by type": (forge.with_type("xl/l.xml", f"{OPEN}.externalLink+xml"), "F009"),
        "external link by relationship": (forge.with_relation("externalLink", "l.xml"), "F009"),
        "embedded object": (forge.changed({"xl/embeddings/oleObject1.bin": b"x"}), "F009"),
        "embedded workbook": (forge.with_relation("package", "../e.xlsx"), "F009"),
        "ActiveX": (forge.changed({"xl/activeX/activeX1.xml": b"<x/>"}), "F009"),
        "ActiveX by type": (forge.with_type("xl/c.xml", "application/vnd.ms-office.activeX+xml"), "F009"),
        "connections": (forge.changed({"xl/connections.xml": b"<x/>"}), "F009"),
        "query table": (forge.changed({"xl/queryTables/queryTable1.xml": b"<x/>"}), "F009"),
        "real-time data": (forge.changed({"xl/volatileDependencies.xml": b"<x/>"}), "F009"),
        "linked picture": (forge.with_relation("image", "http://a.invalid/a.png", OUTSIDE), "F009"),
        "DOCTYPE": (forge.changed({"xl/x.xml": b"<!DOCTYPE x><x/>"}), "F010"),
        "DOCTYPE after a comment": (forge.changed({"xl/x.xml": LATE}), "F010"),
        "ENTITY": (forge.changed({"xl/worksheets/sheet1.xml": b'<!ENTITY a "b">'}), "F010"),
        "DOCTYPE in relationships": (forge.changed({"_rels/.rels": b"<!DOCTYPE x><x/>"}), "F010"),
        "DOCTYPE in content types": (forge.changed({"[Content_Types].xml": b"<!DOCTYPE x><x/>"}), "F010"),
        **{
            f"DOCTYPE in {name}": (forge.changed({"xl/x.XML": mark + DECLARED.encode(encoding)}), "F010")
            for name, encoding, mark in (
                ("UTF-8 with BOM", "utf-8", b"\xef\xbb\xbf"),
                ("UTF-16 LE", "utf-16-le", b"\xff\xfe"),
                ("UTF-16 BE", "utf-16-be", b"\xfe\xff"),
                ("UTF-16 LE without BOM", "utf-16-le", b""),
                ("UTF-16 BE without BOM", "utf-16-be", b""),
            )
        },
    }  # fmt: skip


def sound(forge: Forge) -> dict[str, Callable[[], bytes]]:
    """Packages as other programs write them, which must pass."""
    return {
        "untouched": lambda: forge.data,
        "by hand": lambda: build(forge.lines()),
        "stored": lambda: forge.repacked(method=zipfile.ZIP_STORED),
        "ZIP64": lambda: forge.repacked(wide=True),
        "ZIP64 in the directory": forge.wide_directory,
        "forge.streamed": forge.streamed,
        "forge.streamed with ZIP64": lambda: forge.streamed(wide=True),
        "forge.deferred without a mark": forge.deferred,
        "shuffled": lambda: forge.repacked(order=shuffled),
        "reversed": lambda: forge.repacked(order=lambda names: names[::-1]),
        "comment": lambda: build(forge.lines(), comment="由某某程序保存".encode()),
        "folders": lambda: build([Part(b"xl/", b"", 0), Part(b"_rels/", b"", 0), *forge.lines()]),
        "extra fields": lambda: forge.first(local={"extra": struct.pack("<2H", 0xA220, 4) + bytes(4)}),
        "speed bits": lambda: forge.first(local={"flags": 6}),
        "forge.moved": forge.moved,
        "forge.strict": forge.strict,
        "template": lambda: forge.main_type(f"{OPEN}.template.main+xml"),
        "UTF-16 part": lambda: forge.changed({"xl/x.xml": "<?xml version='1.0' encoding='utf-16'?>".encode("utf-16")}),
        "custom XML": lambda: forge.changed({"customXml/item1.xml": b"<x/>"}),
        "form control": lambda: forge.changed({"xl/ctrlProps/ctrlProp1.xml": b"<x/>"}),
        "picture": lambda: forge.changed({"xl/media/image1.png": PNG, "xl/media/image2.svg": b"<!DOCTYPE svg><svg/>"}),
        "hyperlink to a file": lambda: forge.with_relation("hyperlink", "file:///C:/a.xlsx", OUTSIDE),
        "types of parts that are not there": forge.types_of_nothing,
    }  # fmt: skip

"""What stands in the gate's way, and what must pass it.  The files are forged in hostile.py."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hostile import Forge, Part, active, build, damaged, deflate, other_kinds, parts_of, sound, suspect

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


BOOK = saved_by_openpyxl()
FORGE = Forge(BOOK)
PARTS = FORGE.parts
KINDS, DAMAGE, SUSPECT, ACTIVE = (make(FORGE) for make in (other_kinds, damaged, suspect, active))
BENIGN = {
    **sound(FORGE),
    "xlsxwriter": saved_by_xlsxwriter,
    "xlsxwriter with ZIP64": lambda: saved_by_xlsxwriter(use_zip64=True),
}


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
    assert code_of(build(FORGE.lines()).replace(b"\r", b"").replace(b"\n", b"\r")) in ("F005", "F006")


def test_a_piece_is_missing():
    assert code_of(BOOK[:500] + BOOK[700:]) == "F005"
    assert code_of(BOOK[600:]) == "F005"


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage(kind):
    assert code_of(DAMAGE[kind]) == "F005"


# Structures that two programs may read differently


@pytest.mark.parametrize("kind", SUSPECT)
def test_a_suspect_structure(kind):
    assert code_of(SUSPECT[kind]) == "F006"


@pytest.mark.parametrize("order", [1, -1])
def test_the_list_of_types_is_judged_before_what_refers_to_parts(order):
    """Wherever it stands in the package: damage in it is said first."""
    parts = FORGE.lines({"_rels/.rels": b"<!DOCTYPE x><x/>"})
    next(part for part in parts if part.name == b"[Content_Types].xml").both = {"crc": 1}
    assert code_of(build(parts[::order])) == "F005"


def test_overlapping_entries():
    data = list(PARTS.values())[0]
    inner = build([Part(b"docProps/inner.xml", data)])
    inner = inner[: inner.index(b"PK\x01\x02")]
    outer = Part(b"docProps/outer.bin", inner, method=0)
    entries = [outer, Part(b"docProps/inner.xml", data), *FORGE.lines()]
    at = 30 + len(outer.name)  # the inner entry's directory line points into the outer one's data
    entries[1].central = {"offset": at}
    assert code_of(build(entries)) == "F006"
    parts = FORGE.lines()
    parts[-1].both = {"packed": 60_000}
    assert code_of(build(parts)) == "F006"  # reaches into the directory


def test_encryption_is_said_as_such():
    assert code_of(FORGE.first(both={"flags": 1})) == "F004"
    assert code_of(FORGE.first(local={"flags": 1})) == "F004"
    assert code_of(FORGE.first(both={"flags": 0x41, "method": 99})) == "F004"


# Too large


def test_bombs_by_their_own_word():
    assert code_of(FORGE.changed({"xl/a.bin": bytes(65 * MIB)})) == "F007"
    assert code_of(FORGE.changed({"xl/a.bin": bytes(20 * MIB)})) == "F007"  # 1 030 times
    assert code_of(FORGE.changed({f"xl/a{n}.bin": bytes(7 * MIB) for n in range(4)})) == "F007"
    assert code_of(build([*FORGE.lines(), *(Part(b"xl/a%d" % n, b"", 0) for n in range(5_001))])) == "F007"
    assert code_of(FORGE.first(both={"size": 2**31})) == "F007"
    assert code_of(FORGE.changed({"_rels/x.rels": b"<x>" + random.Random(1).randbytes(5 * MIB)})) == "F007"


def test_a_bomb_that_lies_costs_next_to_nothing():
    packed = deflate(bytes(300 * MIB))
    data = build([*FORGE.lines(), Part(b"xl/a.xml", b"<x/>", packed=packed)])
    tracemalloc.start()
    start = time.process_time()
    try:
        assert code_of(data) == "F006"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB
    assert time.process_time() - start < 1


BOMB = """
import re, sys, time
from xltools.reading.gate import Refused, admit, read_bytes
from pathlib import Path
start = time.process_time()
try:
    admit(read_bytes(Path(sys.argv[1])))
except Refused as refused:
    seconds = time.process_time() - start
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
    data = build([*FORGE.lines(), *parts, Part(b"xl/last.xml", b"<!DOCTYPE x><x/>")])
    path = tmp_path / "大.xlsx"
    path.write_bytes(data)
    run = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=True)
    code, seconds, mebibytes = run.stdout.split()
    assert code == "F010"
    assert float(seconds) < 2
    assert int(mebibytes) < 150


# Macros, outside content, declarations


@pytest.mark.parametrize("kind", ACTIVE)
def test_active_content(kind):
    data, code = ACTIVE[kind]
    assert code_of(data) == code


def inflated_by_zlib(packed, size, crc):
    """The content of a deflated part as the standard library's zlib sees it; None where it is damaged."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = machine.decompress(packed, size + 1)
    except zlib.error:
        return None
    whole = machine.eof and not machine.unused_data and len(content) == size and zlib.crc32(content) == crc
    return content if whole else None


def test_parts_are_inflated_as_by_zlib():
    """zlib-ng takes zlib's place: it must accept and refuse the same."""
    chance = random.Random(7)
    texts = [b"", b"x", b"<v>12</v>" * 900, bytes(chance.randrange(256) for _ in range(3000)), b"a" * 40_000]
    accepted = 0
    for _ in range(100_000 if os.environ.get("XLTOOLS_SLOW") else 6_000):
        text = chance.choice(texts)
        packer = zlib.compressobj(
            chance.randrange(10), zlib.DEFLATED, -zlib.MAX_WBITS, 8, chance.randrange(5)
        )
        packed = bytearray(packer.compress(text) + packer.flush())
        size, crc = len(text), zlib.crc32(text)
        match chance.randrange(6):
            case 0:
                packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
            case 1:
                del packed[chance.randrange(len(packed)) :]
            case 2:
                packed += bytes(chance.randrange(1, 4))
            case 3:
                size += chance.choice((-1, 1)) if size else 1
            case 4:
                crc ^= 1
        entry = archive.ZipEntry(b"x", "x", 0, 8, crc, len(packed), size, 0, 0)
        try:
            found = archive.inflated(bytes(packed), entry)
        except Refused:
            found = None
        assert found == inflated_by_zlib(bytes(packed), size, crc)
        accepted += found is not None
    assert accepted > 500


def test_where_there_is_no_zlib_ng_zlib_does(tmp_path):
    path = tmp_path / "甲镇.xlsx"
    path.write_bytes(saved_by_openpyxl())
    program = (
        "import sys; sys.modules['zlib_ng'] = None; from pathlib import Path; from xltools.reading import archive, gate\n"
        "print(archive.decompressobj.__module__, len(gate.admit(gate.read_bytes(Path(sys.argv[1]))).names))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["zlib", str(len(admit(path.read_bytes()).names))]


def test_a_declaration_across_two_pieces():
    for before in range(MIB - 30, MIB + 2):
        content = b"<!--" + b"x" * (before - 7) + b"--><!DOCTYPE x>"
        entry = archive.ZipEntry(b"x", "x", 0, 0, zlib.crc32(content), len(content), len(content), 0, 0)
        with pytest.raises(Refused):
            for _ in opc.scan_xml(archive.inflate(content, entry)):
                pass


# What must pass


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
    assert admit(FORGE.moved()).main == "book/workbook.xml"
    assert admit(FORGE.strict()).strict


def test_a_large_part_is_read_whole():
    text = random.Random(1).randbytes(5 * MIB).hex().encode()
    package = admit(FORGE.changed({"xl/x.xml": b"<x>" + text}))
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
    start = time.process_time()
    with pytest.raises(Refused) as caught:
        read_bytes(path)
    assert time.process_time() - start < 0.5
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
    assert sorted(codes) == [f"F{n:03}" for n in range(1, len(codes) + 1)]

"""The zip archive around a workbook: its directory read by hand, its parts inflated under caps.

By hand, because zipfile takes the last of two entries of one name, drops what follows a NUL in a name, and
lets prefixes and overlaps pass, so that two programs may see two workbooks in one file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import unquote

from xltools.deflate import BROKEN, MAX_WBITS, crc32, decompressobj
from xltools.reading.refusals import (
    DAMAGED,
    REFILL,
    RESEND,
    Refused,
    not_xlsx,
    refuse_broken,
    refuse_ciphered,
    refuse_cut_short,
    refuse_foreign_bytes,
    refuse_suspect,
    refuse_too_large,
    refused,
)

MIB = 1024 * 1024
FILE_LIMIT = 64 * MIB  # as received
PART_LIMIT = 128 * MIB  # one part, inflated: the longest table of a roll-up of 10 000 units takes 72
TOTAL_LIMIT = 256 * MIB  # all parts, inflated
ENTRY_LIMIT = 5_000
NAME_LIMIT = 1_000  # bytes of a part name
MOST_COMMON = 100  # parts of a workbook as units send them
RATIO_LIMIT = 250  # real sheets shrink 5 to 60 times; a run of one byte shrinks 1 030 times
RATIO_FREE = 8 * MIB  # below this the ratio does not matter
CHUNK = MIB

LOCAL_MARK, _CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ONES16, _ONES32 = 0xFFFF, 0xFFFFFFFF

CIPHERED = 0x0001 | 0x0040 | 0x2000  # encrypted, strongly encrypted, directory masked
_DEFERRED = 0x0008  # sizes and CRC follow the data
_PATCHED = 0x0020
_UTF8 = 0x0800
_SPEED = 0x0006  # how hard deflate tried: writers differ between the two headers, and nothing depends on it


class ZipEntry(NamedTuple):
    raw: bytes  # the name as it stands in the file
    name: str
    flags: int
    method: int  # 0 stored, 8 deflated
    crc: int
    packed: int
    size: int
    offset: int  # of the local header
    start: int = 0  # of the data; known once the local header is read
    local: bytes = b""  # what the local header has to be, where only one will do: it repeats the directory


class Directory(NamedTuple):
    entries: Sequence[ZipEntry]
    names: tuple[str, ...]  # theirs
    start: int  # where it stands in the file


def ends_as_zip(data: bytes) -> bool:
    at = data.rfind(END_MARK, max(0, len(data) - _END.size - _ONES16))
    return 0 <= at <= len(data) - _END.size and at + _END.size + _END.unpack_from(data, at)[7] == len(data)


def is_mangled(data: bytes) -> bool:
    """Whether a program took a broken archive for text: re-encoded it, or put a CR before every LF."""
    if data.count(b"\xef\xbf\xbd") > 8:
        return True
    if len(data) > 16 * MIB or data.count(b"\r\n") != data.count(b"\n"):
        return False
    try:
        read_directory(data.replace(b"\r\n", b"\n"))  # exact: a CR LF of old has become CR CR LF
    except Refused:
        return False
    return True


def read_directory(data: bytes) -> Directory:
    """The entries in directory order, every offset and size checked to lie inside the file."""
    start, size, count = find_directory(data)
    if count > ENTRY_LIMIT:
        refuse_too_large()
    entries = []
    at = start
    for _ in range(count):
        try:
            entry, at = _central_entry(data, at)
        except struct.error:
            refuse_cut_short()
        if at > start + size:
            refuse_broken()
        entries.append(entry)
    if at != start + size:
        refuse_suspect("目录和内容对不上")
    return Directory(entries, tuple([entry.name for entry in entries]), start)


def find_directory(data: bytes) -> tuple[int, int, int]:
    """Where the directory starts, its size, the number of entries."""
    low = max(0, len(data) - _END.size - _ONES16)
    ends, whole = [], []
    at = data.find(END_MARK, low)
    while at >= 0:
        ends.append(at)
        if at + _END.size <= len(data) and at + _END.size + _END.unpack_from(data, at)[7] == len(data):
            whole.append(at)
        at = data.find(END_MARK, at + 1)
    if not ends:
        refuse_cut_short()
    if not whole:
        last = ends[-1]
        if last + _END.size > len(data) or last + _END.size + _END.unpack_from(data, last)[7] > len(data):
            refuse_cut_short()
        refuse_foreign_bytes()
    if len(whole) > 1:
        refuse_suspect("有两份目录")
    end = whole[0]
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(data, end)
    stop = end
    if end >= _LOCATOR.size and data.startswith(b"PK\x06\x07", end - _LOCATOR.size):
        _, disk64, stop, disks = _LOCATOR.unpack_from(data, end - _LOCATOR.size)
        if stop + _END64.size > end - _LOCATOR.size or not data.startswith(b"PK\x06\x06", stop):
            refuse_suspect("目录和内容对不上")
        _, length, _, _, *wide = _END64.unpack_from(data, stop)
        if stop + 12 + length != end - _LOCATOR.size or disk64 or disks > 1:
            refuse_suspect("目录和内容对不上")
        narrow = (disk, first_disk, here, count, size, start)
        ones = (_ONES16,) * 4 + (_ONES32,) * 2
        for little, large, limit in zip(narrow, wide, ones, strict=True):
            if little not in (large, limit):
                refuse_suspect("目录和内容对不上")
        disk, first_disk, here, count, size, start = wide
    if disk or first_disk or here != count:
        refuse_suspect("它是分卷压缩的一部分")
    if count == 0 and size == 0:
        raise not_xlsx("空的压缩包", REFILL)
    if start + size < stop:
        refuse_foreign_bytes()
    if start + size > stop:
        raise refused(DAMAGED, "文件不完整，中间丢了一截。", RESEND)
    return start, size, count


def _central_entry(data: bytes, at: int) -> tuple[ZipEntry, int]:
    (
        mark, _, version, flags, method, _, _, crc, packed, size, name_size, extra_size, note_size, disk, _, _, offset
    ) = _CENTRAL.unpack_from(data, at)  # fmt: skip
    if mark != _CENTRAL_MARK:
        refuse_broken()
    after = at + _CENTRAL.size
    raw = data[after : after + name_size]
    extra = (
        _extra_fields(data[after + name_size : after + name_size + extra_size]) if extra_size else _NO_EXTRA
    )
    is_wide = size == _ONES32 or packed == _ONES32 or offset == _ONES32
    if is_wide:
        wide = extra.get(1, b"")
        numbers = (number for (number,) in struct.iter_unpack("<Q", wide[: len(wide) // 8 * 8]))
        size, packed, offset = (  # in this order, and only those that do not fit
            next(numbers, -1) if number == _ONES32 else number for number in (size, packed, offset)
        )
        if min(size, packed, offset) < 0:
            refuse_suspect("目录和内容对不上")
    if version & 0xFF > 63 or flags & _PATCHED:  # newer than the last edition of the format; a difference
        refuse_suspect("用了不通用的压缩方式")
    if disk not in (0, _ONES16):
        refuse_suspect("它是分卷压缩的一部分")
    is_short = raw.isascii() and not extra_size and name_size <= NAME_LIMIT
    name = raw.decode() if is_short else _decode_name(raw, flags, extra)
    end = after + name_size + extra_size + note_size
    is_plain = not (extra_size or is_wide or flags & (CIPHERED | _DEFERRED)) and (
        method == 8 or (method == 0 and packed == size)
    )
    local = LOCAL_MARK + data[at + 6 : at + 32] + raw if is_plain else b""
    return ZipEntry(raw, name, flags, method, crc, packed, size, offset, offset + len(local), local), end


_NO_EXTRA: Mapping[int, bytes] = {}


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    for _ in range(256):
        if at + 4 > len(extra):
            return fields
        kind, size = struct.unpack_from("<2H", extra, at)
        if at + 4 + size > len(extra) or (kind in fields and kind in (1, 0x7075)):
            break
        fields[kind] = extra[at + 4 : at + 4 + size]
        at += 4 + size
    refuse_suspect("目录和内容对不上")


def _decode_name(raw: bytes, flags: int, extra: Mapping[int, bytes]) -> str:
    other = extra.get(0x7075)  # a second name, which some programs prefer
    if len(raw) > NAME_LIMIT or (other is not None and other[5:] != raw):
        refuse_suspect("部件的名称不合规矩")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            refuse_suspect("部件的名称不合规矩")
        return raw.decode("cp437")


def refuse_bombs(data: bytes, entries: Sequence[ZipEntry]) -> None:
    """Judged by the declared sizes; inflating later stops where a part outgrows its own."""
    total = sum([entry.size for entry in entries])
    if total <= RATIO_FREE:
        return
    if total > TOTAL_LIMIT or total > RATIO_LIMIT * len(data):
        refuse_too_large()
    for entry in entries:
        if entry.size > PART_LIMIT or (entry.size > RATIO_FREE and entry.size > RATIO_LIMIT * entry.packed):
            refuse_too_large()


@lru_cache(maxsize=1024)
def part_key(name: str) -> str:
    """Part names are equal when they differ in case or percent signs only."""
    return unquote(name).casefold()


def check_names(directory: Directory) -> None:
    names = directory.names
    folders = (_check_names if len(names) <= MOST_COMMON else _check_names.__wrapped__)(names)
    if any(entry.size > 0 for entry in directory.entries if folders and entry.name in folders):
        refuse_suspect("部件的名称不合规矩")


@lru_cache(maxsize=64)
def _check_names(names: tuple[str, ...]) -> frozenset[str]:
    """Those that are names of folders; the names of most workbooks are the same."""
    seen = set()
    for name in names:
        name, key = unquote(name), part_key(name)
        if re.search(r"[\x00-\x1f\\]|^/|^[A-Za-z]:", name):
            refuse_suspect("部件的名称不合规矩")
        if any(step in ("", ".", "..") for step in name.removesuffix("/").split("/")):
            refuse_suspect("部件的名称不合规矩")
        if key in seen:
            refuse_suspect("有两个同名的部件")
        seen.add(key)
    return frozenset(name for name in names if unquote(name).endswith("/"))


def check_places(data: bytes, directory: Directory) -> list[ZipEntry]:
    """The entries with the place of their data, once local headers agree and nothing overlaps."""
    limit = directory.start
    placed: list[ZipEntry] = []
    reached = 0
    for entry in sorted(directory.entries, key=_OFFSET):
        offset = entry.offset
        if offset < reached:
            refuse_suspect("部件互相重叠")
        if offset > reached and (reached == 0 or data.find(LOCAL_MARK, reached, offset) >= 0):
            refuse_foreign_bytes()  # programs that read front to back would see what the directory does not list
        end = entry.start + entry.packed
        if entry.local and end <= limit and data.startswith(entry.local, offset):
            reached = end
        else:
            start, reached = _check_local(data, entry, limit)
            entry = entry._replace(start=start)
        placed.append(entry)
    if data.find(LOCAL_MARK, reached, limit) >= 0:
        refuse_foreign_bytes()
    return placed


_OFFSET = attrgetter("offset")


def _check_local(data: bytes, entry: ZipEntry, limit: int) -> tuple[int, int]:
    """Where an entry's data starts and where the entry ends, its local header compared with the directory."""
    if entry.offset + _LOCAL.size > limit or not data.startswith(LOCAL_MARK, entry.offset):
        refuse_broken()
    fields = _LOCAL.unpack_from(data, entry.offset)
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
    if flags & CIPHERED:
        refuse_ciphered()
    if entry.method not in (0, 8):
        refuse_suspect("用了不通用的压缩方式")
    after = entry.offset + _LOCAL.size
    start = after + name_size + extra_size
    end = start + entry.packed
    if end > limit:
        refuse_suspect("部件互相重叠")
    wide = _extra_fields(data[after + name_size : start]).get(1, b"")
    if _ONES32 in (size, packed) and len(wide) >= 16:
        size, packed = struct.unpack_from("<2Q", wide)
    told, true = (crc, packed, size), (entry.crc, entry.packed, entry.size)
    if flags & _DEFERRED:
        agrees = all(mine in (0, theirs) for mine, theirs in zip(told, true, strict=True))
        trailer = _descriptor_size(data, end, entry)
        agrees = agrees and trailer > 0 and end + trailer <= limit
        end += trailer
    else:
        agrees = told == true
    agrees = agrees and (flags ^ entry.flags) & ~_SPEED == 0 and method == entry.method
    if (
        not agrees
        or data[after : after + name_size] != entry.raw
        or (method == 0 and entry.packed != entry.size)
    ):
        refuse_suspect("目录和内容对不上")
    return start, end


def _descriptor_size(data: bytes, at: int, entry: ZipEntry) -> int:
    """Size of the record after deferred data; writers differ in its mark and in the width of its numbers."""
    for mark in (b"PK\x07\x08", b""):
        for numbers in ("<3L", "<L2Q"):
            record = mark + struct.pack(numbers, entry.crc, entry.packed, entry.size)
            if data.startswith(record, at):
                return len(record)
    return 0


def inflated(data: bytes, entry: ZipEntry) -> bytes:
    """The content of one part of at most 1 MiB, all at once."""
    packed = data[entry.start : entry.start + entry.packed]
    if entry.method:
        machine = decompressobj(-MAX_WBITS)
        try:
            content = machine.decompress(packed, entry.size + 1)
        except BROKEN:
            refuse_broken()
        if len(content) > entry.size:
            refuse_suspect("部件比登记的大")
        if not machine.eof:
            refuse_broken()
        if machine.unused_data:
            refuse_suspect("部件后面夹带了别的内容")
    else:
        content = packed
    if len(content) != entry.size or crc32(content) != entry.crc:
        refuse_broken()
    return content


def inflate(data: bytes, entry: ZipEntry) -> Iterator[bytes]:
    """The content of one part in pieces of at most 1 MiB; never more than the directory declares."""
    if entry.size <= CHUNK:
        yield inflated(data, entry)
        return
    view = memoryview(data)[entry.start : entry.start + entry.packed]
    crc = done = 0
    for chunk in _stored(view) if entry.method == 0 else _deflated(view):
        done += len(chunk)
        if done > entry.size:
            refuse_suspect("部件比登记的大")
        crc = crc32(chunk, crc)
        yield chunk
    if done != entry.size or crc != entry.crc:
        refuse_broken()


def _stored(view: memoryview) -> Iterator[bytes]:
    for at in range(0, len(view), CHUNK):
        yield bytes(view[at : at + CHUNK])


def _deflated(view: memoryview) -> Iterator[bytes]:
    machine = decompressobj(-MAX_WBITS)
    fed = 0
    tail: bytes | memoryview = b""
    try:
        while not machine.eof:
            if not tail:
                tail = view[fed : fed + CHUNK // 16]
                fed += len(tail)
            chunk = machine.decompress(tail, CHUNK)
            if not chunk and not tail and not machine.eof:
                refuse_broken()
            tail = machine.unconsumed_tail
            yield chunk
    except BROKEN:
        refuse_broken()
    if machine.unused_data or fed < len(view):
        refuse_suspect("部件后面夹带了别的内容")

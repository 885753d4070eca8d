"""Arrivals: every file in what was sent: folders, archives and mails opened, nothing in them changed or moved.

A container is opened in memory under the gate's limits.  What cannot be a filing comes out with one sentence why;
everything else comes out as bytes, to be kept and judged by its content.
"""

from __future__ import annotations

import email
import email.errors
import email.header
import email.message
import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xltools.intake import gather
from xltools.reading import gate
from xltools.reading.archive import ENTRY_LIMIT, TOTAL_LIMIT, find_directory
from xltools.reading.ours import why_no_filing
from xltools.rounds.rows import INSIDE
from xltools.rounds.settings import inside
from xltools.words import clean

MOST_DEPTH = 3  # a mail with an archive with an archive in it
# By one of these a document is known that is packed as a zip; a folder of an ordinary zip may be called xl or Word.
DOCUMENT_PARTS = frozenset((
    "[content_types].xml", "_rels/.rels", "xl/workbook.xml", "xl/workbook.bin", "word/document.xml",
    "ppt/presentation.xml", "mimetype", "meta-inf/manifest.xml", "ofd.xml", "index/document.iwa",
))  # fmt: skip
# A workbook's entry in the directory of a zip, so that nothing has to be opened to see what most files are.
_WORKBOOK = re.compile(rb"PK\x01\x02.{24}\x13\0.{16}\[content_types\]\.xml", re.DOTALL | re.IGNORECASE)
_VOLUME = re.compile(r"\.(z\d\d|r\d\d|\d{3}|part\d+\.rar)$", re.IGNORECASE)
_END, _ENTIRE = b"PK\x05\x06", (b"\0\0", b"\xff\xff")  # of a zip; the number of the volume it ends in
VOLUME = "这是分卷压缩包的一卷，单独打不开；请把各卷放在同一个文件夹里解压，再收解压出来的文件。"
TOO_LARGE = "展开后太大，或里面的文件太多，没有打开；请分成几个小的再收。"
TOO_DEEP = "压缩包一层套一层，没有打开；请解压后再收。"


# what a damaged member of a zip may say, by the way it was packed
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file as it was met.  `sentence` says why it cannot be a filing; "" where it has to be looked at."""

    name: str
    source: str  # where it lies; the way through its containers
    sha256: str
    data: bytes = b""
    sentence: str = ""


def arrivals(sources: Iterable[Path], home: Path, leave_out: Iterable[Path] = ()) -> Iterator[Arrival]:
    """Every file of these files, folders, archives and mails, one at a time, in order of path and place; where they
    lie is told from `home` where it is in there.

    Raises UsageError for a source that does not exist.
    """
    for path, _ in gather(sources, leave_out):
        yield from _of_file(path, inside(home, path))


def _of_file(path: Path, source: str) -> Iterator[Arrival]:
    name = clean(path.name)
    if why := why_no_filing(path):
        yield Arrival(name, source, "", sentence=why)
        return
    try:
        data = gate.read_bytes(path)
    except gate.Refused as refused:
        why = gate.why_ignored(path) or f"{refused.refusal.sentence}{refused.refusal.remedy}"
        yield Arrival(name, source, "", sentence=why)
        return
    yield from _opened(name, source, data, 0, _Room(TOTAL_LIMIT))


@dataclass
class _Room:
    """How many bytes may still be unpacked from one file, whatever is nested in it."""

    left: int

    def takes(self, size: int) -> bool:
        self.left -= size
        return self.left >= 0


def _opened(name: str, source: str, data: bytes, depth: int, room: _Room) -> Iterator[Arrival]:
    """What is in a container; any other file as it is."""
    if name.lower().endswith(".eml"):
        contents = _mail(source, data, depth, room)
    elif _is_volume(name, data):
        yield Arrival(name, source, _digest(data), sentence=VOLUME)
        return
    elif (archive := _archive(data)) is not None:
        contents = _members(source, archive, depth, room)
    else:
        yield _single(name, source, data)
        return
    if depth == MOST_DEPTH:
        yield Arrival(name, source, _digest(data), sentence=TOO_DEEP)
    else:
        yield from contents


def _single(name: str, source: str, data: bytes) -> Arrival:
    why = gate.why_ignored(name)
    return Arrival(name, source, _digest(data), b"" if why else data, why or "")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- archives


def _is_volume(name: str, data: bytes) -> bool:
    """One of several files that a large archive was cut into; the last of a zip is called .zip as a whole one is."""
    end = (
        data.rfind(_END, max(0, len(data) - 66_000)) if data.startswith(b"PK") or _VOLUME.search(name) else -1
    )
    if end >= 0:
        return data[end + 4 : end + 6] not in _ENTIRE
    return _VOLUME.search(name) is not None


def _archive(data: bytes) -> zipfile.ZipFile | None:
    """The archive in `data`; None where it is a document that is packed as one, or none at all."""
    if not data.startswith(b"PK") or _is_workbook(data):
        return None
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None  # the gate says what it is
    names = {info.filename.replace("\\", "/").lower() for info in archive.infolist()}
    return archive if names and DOCUMENT_PARTS.isdisjoint(names) else None


def _is_workbook(data: bytes) -> bool:
    try:
        start, size, _ = find_directory(data)
    except gate.Refused:
        return False
    return _WORKBOOK.search(data, start, start + size) is not None


def _members(source: str, archive: zipfile.ZipFile, depth: int, room: _Room) -> Iterator[Arrival]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > ENTRY_LIMIT:
        yield Arrival(Path(source).name, source, "", sentence=f"这个压缩包{TOO_LARGE}")
        return
    for info in infos:
        path = clean(member_name(info))
        name, place = path.replace("\\", "/").rpartition("/")[2], f"{source}{INSIDE}{path}"
        if info.flag_bits & 1:
            yield Arrival(name, place, "", sentence="压缩包加了密码，打不开；请解压后再收。")
        elif not room.takes(info.file_size):
            yield Arrival(name, place, "", sentence=f"这个压缩包{TOO_LARGE}")
            return
        else:
            try:
                with archive.open(info) as member:
                    data = member.read(info.file_size + 1)
            except UNREADABLE:
                yield Arrival(name, place, "", sentence="压缩包里的这个文件坏了，取不出来；请重新发送。")
                continue
            yield from _opened(name, place, data, depth + 1, room)


def member_name(info: zipfile.ZipInfo) -> str:
    """The name of a member as it was meant: UTF-8 where it says so or reads so, else GBK, as Windows packs it."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:  # a second name, in UTF-8, was there and was taken
        return info.orig_filename
    return _words(raw)


def _words(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


# ---- mails


def _mail(source: str, data: bytes, depth: int, room: _Room) -> Iterator[Arrival]:
    """The attachments of a mail and of the mails in it; its text is no file."""
    try:
        # Names are read from text, since old programs write them in plain GBK; contents from bytes.
        named = list(email.message_from_string(_words(data)).walk())
        parts = list(email.message_from_bytes(data).walk())
    except RecursionError:
        yield Arrival(
            Path(source).name, source, _digest(data), sentence="这封邮件读不出来；请把附件存下来再收。"
        )
        return
    found = False
    for number, (head, part) in enumerate(zip(named, parts, strict=False), 1):
        name = _attachment_name(head)
        if part.is_multipart() or (not name and part.get_content_maintype() == "text"):
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        found, name = True, name or f"附件{number}"
        place = f"{source}{INSIDE}{name}"
        if room.takes(len(content)):
            yield from _opened(name, place, content, depth + 1, room)
        else:
            yield Arrival(name, place, _digest(content), sentence=f"这封邮件{TOO_LARGE}")
    if not found:
        yield Arrival(Path(source).name, source, _digest(data), sentence="这封邮件没有附件，不是报送件。")


def _attachment_name(part: email.message.Message) -> str:
    """A name in any of the ways that mail programs write one."""
    said = part.get_filename("")
    try:
        pieces = email.header.decode_header(said)
    except (email.errors.HeaderParseError, ValueError):
        pieces = [(said, None)]
    text = "".join(piece if isinstance(piece, str) else _decoded(piece, charset) for piece, charset in pieces)
    return clean(text).replace("\\", "/").rpartition("/")[2].strip()


def _decoded(raw: bytes, charset: str | None) -> str:
    if charset and charset.lower() in (
        "gb2312",
        "gbk",
        "gb18030",
    ):  # mail programs say the small one and mean the large
        return raw.decode("gb18030", errors="replace")
    try:
        return raw.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return _words(raw)

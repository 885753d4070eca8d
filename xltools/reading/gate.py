"""Gate: whether a received file is a workbook that may be opened at all.

Everything here happens before any parser sees the file.  What passes is a `Package`: the very bytes that
were judged, whose parts are handed out by name.  What does not pass raises `Refused`, which carries one
Chinese sentence (what the file really is) and one cure.  What stands in the parts is others' matter.

    read_bytes(path)   the bytes of a regular file, once
    admit(data)        the package, or Refused
    why_ignored(path)  why a file of a scanned folder is no filing at all, judged by its name alone
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from xltools.longpath import reachable
from xltools.reading.active import refuse_active_content, refuse_macros
from xltools.reading.archive import (
    CHUNK,
    CIPHERED,
    FILE_LIMIT,
    MIB,
    MOST_COMMON,
    ZipEntry,
    check_names,
    check_places,
    inflate,
    inflated,
    is_mangled,
    part_key,
    read_directory,
    refuse_bombs,
)
from xltools.reading.kinds import refuse_other_archives, refuse_unlike_zip
from xltools.reading.known import Store
from xltools.reading.opc import Relation, content_types, demand_harmless, relations_in, resolved, scan_xml
from xltools.reading.refusals import (
    DAMAGED,
    NOT_A_FILE,
    REFILL,
    RESAVE,
    SUSPECT,
    not_xlsx,
    refuse_ciphered,
    refuse_missing_part,
    refuse_suspect,
    refuse_too_large,
    refused,
)
from xltools.reading.refusals import Refused as Refused  # which those who open files catch

PARSE_LIMIT = 4 * MIB  # content types and relationships, together
LONGEST_KNOWN = 32_768  # bytes of a part that is remembered, should other files have it as well
KEEP_LIMIT = 8 * MIB  # parts kept after checking, so that an ordinary workbook is inflated once

# A file in a folder

_NOT_SHEETS = {
    **dict.fromkeys(("doc", "docx", "docm", "dot", "dotx", "wps", "wpt", "rtf", "odt"), "文字文档"),
    **dict.fromkeys(("ppt", "pptx", "pptm", "pps", "ppsx", "dps", "odp"), "演示文稿"),
    **dict.fromkeys(("pdf", "ofd", "caj", "ceb", "gw", "gd", "xps"), "版式文件"),
    **dict.fromkeys(
        ("png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "heic", "svg", "ico"), "图片"
    ),
    **dict.fromkeys(("mp3", "wav", "m4a", "amr", "mp4", "avi", "mov", "wmv", "mkv", "flv"), "音频或视频"),
    **dict.fromkeys(("txt", "md", "rst", "log", "ini", "cfg", "conf"), "文字说明"),
    **dict.fromkeys(
        ("json", "jsonl", "toml", "yaml", "yml", "db", "sqlite", "mdb", "accdb"), "数据或设置文件"
    ),
    **dict.fromkeys(("py", "js", "css", "sh", "bat", "cmd", "ps1", "vbs", "exe", "msi", "dll"), "程序文件"),
    **dict.fromkeys(("lnk", "url", "webloc", "desktop"), "快捷方式"),
    **dict.fromkeys(("tmp", "temp", "bak", "swp"), "临时或备份文件"),
}
# Archives, mails, web pages, .csv, .xls and unknown endings are not here: a filing may hide in them, so the
# content is judged and spoken about.


def why_ignored(path: Path | str) -> str | None:
    """Why a file found in a folder is no filing, judged by its name; None when it has to be looked at.

    >>> why_ignored("~$布海镇.xlsx")
    '这是 Excel 或 WPS 打开工作簿时留下的临时文件，不是报送件。'
    >>> why_ignored("布海镇.xlsx") is None
    True
    """
    name = path.name if isinstance(path, Path) else Path(path).name
    folded = name.casefold()
    if folded.startswith(("~$", ".~", "~wrl")):
        return "这是 Excel 或 WPS 打开工作簿时留下的临时文件，不是报送件。"
    if folded in ("thumbs.db", "desktop.ini", ".ds_store"):
        return "这是系统自己生成的文件，不是报送件。"
    if folded.startswith("."):
        return "这是隐藏文件，不是报送件。"
    kind = _NOT_SHEETS.get(folded.rpartition(".")[2]) if "." in folded else None
    return f"这是{kind}，不是电子表格。" if kind else None


def is_input(path: Path | str) -> bool:
    """Whether a file of a scanned folder has to be looked at."""
    return why_ignored(path) is None


_FLAGS = os.O_RDONLY
for _name in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK"):  # those that this system has
    _FLAGS |= getattr(os, _name, 0)


def read_bytes(path: Path) -> bytes:
    """The whole content of a regular file of at most 64 MiB; never waits on a pipe or a device.

    Links are refused, not followed: in a folder of received files they show another file's figures under
    this one's name.  Raises Refused.
    """
    try:
        there = reachable(path)
        _demand_regular(os.lstat(there))
        with open(os.open(there, _FLAGS), "rb") as handle:
            facts = os.fstat(handle.fileno())  # again: the name may have been given to something else
            _demand_regular(facts)
            data = handle.read(facts.st_size + 1)
    except FileNotFoundError:
        raise refused(NOT_A_FILE, "没有这个文件。", "请核对文件名和所在的文件夹。") from None
    except PermissionError:
        remedy = "请先在别的程序里关闭它，或请管理员开放读取权限。"
        raise refused(NOT_A_FILE, "这个文件不让读取，可能正被别的程序占用，或没有权限。", remedy) from None
    except (OSError, ValueError):  # ValueError: a NUL or a lone surrogate in the name
        raise refused(NOT_A_FILE, "这个文件打不开。", "请把它复制到本机的文件夹里再试。") from None
    if len(data) > facts.st_size:
        raise refused(NOT_A_FILE, "这个文件正在被写入，还没有存完。", "请等它存完或下载完再试。")
    return data


def _demand_regular(facts: os.stat_result) -> None:
    mode = facts.st_mode
    if stat.S_ISLNK(mode):
        raise refused(NOT_A_FILE, "这是指向别处的链接，不是文件本身。", "请把它指向的原文件复制过来。")
    if stat.S_ISDIR(mode):
        raise refused(NOT_A_FILE, "这是一个文件夹，不是文件。", "请进到文件夹里找到 .xlsx 文件再报。")
    if not stat.S_ISREG(mode):
        raise refused(NOT_A_FILE, "这是设备或管道，不是普通文件。", "请把报表存成普通的 .xlsx 文件再报。")
    if facts.st_size > FILE_LIMIT:
        refuse_too_large()


# The package


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Package:
    """An admitted workbook, as bytes.  Every part was inflated once within bounds, its CRC checked."""

    sha256: str
    size: int
    names: tuple[str, ...]  # part names as in the zip, in directory order
    main: str  # the workbook part, wherever it stands
    strict: bool  # Strict Open XML: the same workbook under other namespaces
    _data: bytes
    _entries: Mapping[str, ZipEntry]
    _kept: Mapping[str, bytes]
    _keys: Mapping[str, str]

    def has(self, name: str) -> bool:
        return name in self._entries

    def find(self, name: str) -> str | None:
        """The part of that name, whatever its case: `xl/SharedStrings.xml` is found as it is written."""
        return name if name in self._entries else self._keys.get(part_key(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a part as it is inflated, so that it never stands in memory whole."""
        found = self.find(name)
        if found is None:
            refuse_missing_part()
        if found in self._kept:
            whole = self._kept[found]
            return (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))
        return inflate(self._data, self._entries[found])

    def read(self, name: str) -> bytes:
        """The content of a part.  Raises Refused when there is none: ask `has` or `find` first."""
        found = self.find(name)
        if found is None:
            refuse_missing_part()
        if found in self._kept:
            return self._kept[found]
        entry = self._entries[found]
        # A BytesIO grows in place, where joined pieces would stand in memory twice.
        whole = io.BytesIO()
        for chunk in inflate(self._data, entry):
            whole.write(chunk)
        return whole.getvalue()


def admit(data: bytes) -> Package:
    """The package in `data`, or Refused with what it is instead and what to do."""
    if len(data) > FILE_LIMIT:
        refuse_too_large()
    refuse_unlike_zip(data)
    try:
        directory = read_directory(data)
    except Refused as found:
        if found.refusal.code in (DAMAGED, SUSPECT) and is_mangled(data):
            sentence = "文件在传输途中被当成文本改动过，内容已经损坏。"
            raise refused(DAMAGED, sentence, "请换一种方式重新发送原文件。") from None
        raise
    refuse_bombs(data, directory.entries)
    refuse_other_archives(data, directory.names)
    if any(entry.flags & CIPHERED for entry in directory.entries):
        refuse_ciphered()
    check_names(directory)
    placed = {entry.name: entry for entry in check_places(data, directory)}
    outline = (_outline if len(placed) <= MOST_COMMON else _outline.__wrapped__)(directory.names)
    entries = {name: placed[name] for name in outline.parts}
    types, kept = _check_parts(data, entries, outline)
    relations = tuple(_related(outline, kept))
    declared = tuple(types.items())
    judge = _judge if len(declared) <= MOST_COMMON else _judge.__wrapped__
    main, strict = judge(declared, relations)
    return Package(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        names=outline.parts,
        main=main,
        strict=strict,
        _data=data,
        _entries=entries,
        _kept=kept,
        _keys=outline.keys,
    )


class _Outline(NamedTuple):
    """What the names in an archive say of its parts."""

    parts: tuple[str, ...]  # all but folders
    keys: Mapping[str, str]  # part keys → names
    contents: str | None  # the part that lists the types of all
    relations: Mapping[str, str]  # those that say what others refer to → the others


@lru_cache(maxsize=64)
def _outline(names: tuple[str, ...]) -> _Outline:
    """The names in most workbooks are the same."""
    parts = tuple(name for name in names if not name.endswith("/"))
    keys = {part_key(name): name for name in parts}
    relations = {name: _source_of(name) for name in parts if name.casefold().endswith(".rels")}
    return _Outline(parts, keys, keys.get("[content_types].xml"), relations)


@lru_cache(maxsize=64)
def _judge(
    declared: tuple[tuple[str, str], ...], related: tuple[tuple[str, tuple[Relation, ...]], ...]
) -> tuple[str, bool]:
    """The workbook part and whether it is Strict, once what the parts are and refer to is found harmless.

    `declared` are parts with their content types, `related` parts with what they refer to; most workbooks have the
    same ones.
    """
    types, relations = dict(declared), dict(related)
    keys = {part_key(name): name for name in types}
    main, strict = _find_main(relations.get("", ()), keys, types)
    refuse_active_content(types, relations)
    for relation in relations.get(main, ()):
        needed = relation.kind in ("worksheet", "sharedstrings", "styles")
        if needed and part_key(resolved(main, relation.target)) not in keys:
            refuse_missing_part()
    return main, strict


def _related(outline: _Outline, kept: Mapping[str, bytes]) -> Iterator[tuple[str, tuple[Relation, ...]]]:
    """Each part that refers to others, and what to; the links of a roll-up's long sheets are the same on all of them."""
    read: dict[bytes, tuple[Relation, ...]] = {}
    for name, source in outline.relations.items():
        content = kept[name]
        if content not in read:
            read[content] = relations_in(content)
        yield source, read[content]


def _source_of(name: str) -> str:
    """The part whose relationships a part holds: `xl/workbook.xml` for `xl/_rels/workbook.xml.rels`."""
    folder, _, last = name.rpartition("/")
    return posixpath.join(posixpath.dirname(folder), last[: -len(".rels")])


def _check_parts(
    data: bytes, entries: Mapping[str, ZipEntry], outline: _Outline
) -> tuple[Mapping[str, str], dict[str, bytes]]:
    """Inflate every part once; the content type of each, and the contents that were kept."""
    kept: dict[str, bytes] = {}
    if outline.contents is None:
        refuse_missing_part()
    # First the types, wherever they stand: what is said of a file does not hang on how it was packed.
    needed = [entries[name] for name in (outline.contents, *outline.relations)]
    if sum([part.size for part in needed]) > PARSE_LIMIT:
        refuse_too_large()
    for part in needed:
        kept[part.name] = _content(data, part, is_xml=True)
    types = content_types(kept[outline.contents], outline.parts)
    room = KEEP_LIMIT
    for part in entries.values():
        if part.name in kept:
            continue
        is_xml = _is_xml(part.name, types[part.name])
        if part.size <= room:
            room -= part.size
            kept[part.name] = _content(data, part, is_xml=is_xml)
        else:
            chunks = inflate(data, part)
            for _ in scan_xml(chunks) if is_xml else chunks:
                pass
    return types, kept


@lru_cache(maxsize=1024)
def _is_xml(name: str, declared: str) -> bool:
    return name.casefold().endswith((".xml", ".vml")) or declared.endswith("sheet.main+xml")


# Of parts that are packed alike in many files: packed, inflated.
_CONTENTS: Store[tuple[bytes, bytes]] = Store()


def _content(data: bytes, part: ZipEntry, *, is_xml: bool) -> bytes:
    """What a part holds, once it is found harmless."""

    def judged() -> bytes:
        content = inflated(data, part) if part.size <= CHUNK else b"".join(inflate(data, part))
        if is_xml:
            demand_harmless(content)
        return content

    if part.size > LONGEST_KNOWN:
        return judged()
    # A digest as the key would cost more than this: parts that differ have other sizes or checksums, and where they
    # do not, which somebody has to want, they are told from each other below.
    known = _CONTENTS.get(
        (part.crc, part.size, part.packed, part.method, is_xml),
        lambda: (data[part.start : part.start + part.packed], judged()),
    )
    return known[1] if known is not None and data.startswith(known[0], part.start) else judged()


_MAIN_TYPES = tuple(
    f"application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}.main+xml"
    for kind in ("sheet", "template")
)


def _find_main(
    relations: Sequence[Relation], keys: Mapping[str, str], types: Mapping[str, str]
) -> tuple[str, bool]:
    """The workbook part, by following the package's own relationship, and whether it is Strict."""
    found = [relation for relation in relations if relation.kind == "officedocument"]
    if not found:
        refuse_missing_part()
    if len(found) > 1:
        refuse_suspect("里面有两个工作簿")
    main = keys.get(part_key(resolved("", found[0].target)))
    if main is None:
        refuse_missing_part()
    declared = types[main]
    if "sheet.binary" in declared:
        raise not_xlsx("二进制工作簿（.xlsb）", RESAVE)
    if "wordprocessingml" in declared or "ms-word" in declared:
        raise not_xlsx("文字文档（.docx）", REFILL)
    if "presentationml" in declared or "ms-powerpoint" in declared:
        raise not_xlsx("演示文稿（.pptx）", REFILL)
    if "macroenabled" in declared:
        refuse_macros()
    if declared not in _MAIN_TYPES:
        refuse_missing_part()
    return main, found[0].type.startswith("http://purl.oclc.org/ooxml/")

"""Archive: the one file that a closed round is kept in, packed, and opened again with nothing taken on trust.

Everything in it is stored as it is: workbooks are packed already, and what is not compressed cannot blow up.  Members
stand in order of name, one after the other, so that any other way of packing them shows.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping

from xltools.errors import WriteError
from xltools.words import clean

LIST = "SHA256.txt"  # in the way of sha256sum, so that it can be checked without us
PACKED_AT = (2000, 1, 1, 0, 0, 0)  # fixed, so that the same content gives the same bytes
MOST_MEMBERS = 60_000
MOST_BYTES = 1024**3
_LOCAL, _CENTRAL, _END = 30, 46, 22  # bytes of the records of a zip file, without names
_UTF8 = 0x800
_LINE = re.compile("([0-9a-f]{64})  (.+)")
_ODD = re.compile(r"[\x00-\x1f\\:]|^/")


class Unsound(Exception):
    """What is wrong with an archive, as one sentence.  Stays inside the room, where it becomes a verdict."""


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of these files with the list of their digests.  Raises WriteError where it would be too large."""
    lines = (f"{sha256_of(members[name])}  {name}\n" for name in sorted(members))
    whole = {**members, LIST: "".join(lines).encode()}
    if len(whole) > MOST_MEMBERS or sum(map(len, whole.values())) > MOST_BYTES:
        raise WriteError(f"要封存的有 {len(whole)} 个文件，太多或太大，一个压缩包放不下。")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(whole):
            member = zipfile.ZipInfo(name, PACKED_AT)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, whole[name])
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Name → content of every file but the list, each with the digest that the list has for it.

    Raises Unsound: no archive, packed in another way, a name that leads elsewhere, a file changed, missing or added.
    """
    try:
        members = _members(data)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise Unsound("这不是完整的压缩包，或里面的内容坏了。") from error
    listed = _listed(members.pop(LIST, None))
    for name in sorted({*listed, *members}):
        if name not in members:
            raise Unsound(f"清单里的“{name}”不在压缩包里。")
        if name not in listed:
            raise Unsound(f"“{name}”不在清单里，是多出来的。")
        if sha256_of(members[name]) != listed[name]:
            raise Unsound(f"“{name}”和清单里的 SHA-256 不一样，改动过。")
    return members


def _members(data: bytes) -> dict[str, bytes]:
    """Every byte of the archive belongs to a member's content, its name, or a record of fixed size."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    found: dict[str, bytes] = {}
    folded: set[str] = set()
    at = directory = 0
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise Unsound("里面的文件太多，不是 xltools 封存的。")
    for info in infos:
        name = info.orig_filename
        if _ODD.search(name) or any(step in ("", ".", "..") for step in name.split("/")):
            raise Unsound("里面有名称不合规矩的文件，会写到别处去；没有打开。")
        if name.casefold() in folded:
            raise Unsound(f"里面有两个“{name}”。")
        plain = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
        if not plain or info.flag_bits & ~_UTF8 or info.extra or info.comment:
            raise Unsound("它被重新压缩或加密过，不是 xltools 封存的原样。")
        if info.header_offset != at:
            raise Unsound("文件之间夹带了别的内容，不是 xltools 封存的原样。")
        size = len(name.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"))
        at += _LOCAL + size + info.file_size
        directory += _CENTRAL + size
        folded.add(name.casefold())
        if at > len(data):
            raise Unsound("文件之间互相重叠，不是 xltools 封存的原样。")
        found[name] = archive.read(info)
    if archive.comment or at + directory + _END != len(data):
        raise Unsound("前后夹带了别的内容，不是 xltools 封存的原样。")
    return found


def _listed(data: bytes | None) -> dict[str, str]:
    """Name → digest, as the list says."""
    if data is None:
        raise Unsound(f"里面没有 {LIST}，不是 xltools 封存的。")
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        said = _LINE.fullmatch(line)
        if said is None or said[2] in found:
            raise Unsound(f"{LIST} 有一行写得不对：“{clean(line[:80])}”。")
        found[said[2]] = said[1]
    return found

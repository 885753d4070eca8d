"""A finished package with some of its parts exchanged and nothing else packed again.

The order, dates and compressed bytes of all other members stay as they are.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

# where CRC and sizes stand in a member's own head and in its entry of the directory, and where it begins in the latter
_HEAD_SIZES, _ENTRY_SIZES, _ENTRY_START, _ENTRY_LENGTH = 14, 16, 42, 46
_END_DIRECTORY = 12  # in the last record: size of the directory, and where it begins


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    head: bytes
    packed: memoryview
    entry: bytes


class Package:
    """A package that zipfile or xlsxwriter wrote: small, not split, every member's sizes in its head."""

    def __init__(self, data: bytes) -> None:
        view = memoryview(data)
        self.parts = zipfile.ZipFile(io.BytesIO(data))
        infos, at = self.parts.infolist(), self.parts.start_dir
        self._members = []
        for info, stop in zip(infos, [*(info.header_offset for info in infos[1:]), at], strict=True):
            packed, size = stop - info.compress_size, _ENTRY_LENGTH + len(info.orig_filename.encode())
            self._members.append(
                _Member(
                    info.filename, data[info.header_offset : packed], view[packed:stop], data[at : at + size]
                )
            )
            at += size
        self._end = data[at:]

    def with_parts(self, changed: Mapping[str, bytes]) -> bytes:
        """The package with other contents for some of its parts; the rest is copied as it is packed."""
        members: list[bytes | bytearray | memoryview] = []
        directory, at = bytearray(), 0
        for member in self._members:
            head, packed, entry = bytearray(member.head), member.packed, bytearray(member.entry)
            if (part := changed.get(member.name)) is not None:
                packed = memoryview(_deflated(part))
                sizes = zlib.crc32(part), len(packed), len(part)
                struct.pack_into("<LLL", head, _HEAD_SIZES, *sizes)
                struct.pack_into("<LLL", entry, _ENTRY_SIZES, *sizes)
            struct.pack_into("<L", entry, _ENTRY_START, at)
            members += head, packed
            directory += entry
            at += len(head) + len(packed)
        end = bytearray(self._end)
        struct.pack_into("<LL", end, _END_DIRECTORY, len(directory), at)
        return b"".join((*members, directory, end))


def _deflated(part: bytes) -> bytes:
    packer = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)  # as zipfile does
    return packer.compress(part) + packer.flush()

"""Deflate: zlib, by zlib-ng where that is ready made for the machine: it does the same, but quicker."""

from __future__ import annotations

try:
    from zlib_ng.zlib_ng import DEFLATED, MAX_WBITS, compressobj, crc32, decompressobj, error
except ImportError:
    from zlib import DEFLATED, MAX_WBITS, compressobj, crc32, decompressobj, error  # type: ignore[assignment]

__all__ = ["BROKEN", "DEFLATED", "MAX_WBITS", "compressobj", "crc32", "decompressobj"]

BROKEN: type[Exception] = error  # type: ignore[assignment]  # zlib-ng's stub calls it an instance

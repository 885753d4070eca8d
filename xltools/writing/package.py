"""What xlsxwriter cannot do, done to the finished package: workbook structure protection.

The order and dates of members stay as xlsxwriter wrote them, so that the same content keeps its bytes.
"""

from __future__ import annotations

import io
import shutil
import zipfile

from xltools.errors import WriteError

_LOCK = b'<workbookProtection lockStructure="1"/>'
_BEFORE = b"<bookViews>"  # the schema's order: workbookPr, workbookProtection, bookViews


def lock_structure(data: bytes) -> bytes:
    """The package with its sheets protected against being added, removed, renamed or unhidden; no password."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            member = zipfile.ZipInfo(info.filename, info.date_time)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = info.external_attr
            if info.filename == "xl/workbook.xml":
                part = source.read(info)
                if part.count(_BEFORE) != 1:
                    raise WriteError("工作簿的结构保护加不上去。")
                target.writestr(member, part.replace(_BEFORE, _LOCK + _BEFORE))
                continue
            with source.open(info) as plain, target.open(member, "w") as copy:  # a sheet may be very long
                shutil.copyfileobj(plain, copy)
    return result.getvalue()

"""What a received file really is, whatever its name says: told by its first bytes and its text."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from functools import lru_cache

from xltools.reading.archive import END_MARK, LOCAL_MARK, MOST_COMMON, ends_as_zip, find_directory
from xltools.reading.refusals import (
    DAMAGED,
    EMPTY,
    ENCRYPTED,
    NOT_XLSX,
    REFILL,
    RESAVE,
    RESEND,
    UNPACK,
    Refused,
    not_xlsx,
    refuse_cut_short,
    refuse_foreign_bytes,
    refused,
)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG", "图片（.png）", REFILL),
    (0, b"\xff\xd8\xff", "图片（.jpg）", REFILL),
    (0, b"GIF8", "图片（.gif）", REFILL),
    (8, b"WEBPVP8", "图片（.webp）", REFILL),
    (0, b"II*\0", "图片（.tif）", REFILL),
    (0, b"MM\0*", "图片（.tif）", REFILL),
    (4, b"ftyphei", "手机照片（.heic）", REFILL),
    (4, b"ftyphev", "手机照片（.heic）", REFILL),
    (4, b"ftypmif1", "手机照片（.heic）", REFILL),
    (4, b"ftypmsf1", "手机照片（.heic）", REFILL),
    (4, b"ftypavif", "图片（.avif）", REFILL),
    (4, b"ftyp", "视频或音频", REFILL),
    (0, b"RIFF", "视频或音频", REFILL),
    (0, b"ID3", "视频或音频", REFILL),
    (0, b"\xd7\xcd\xc6\x9a", "图片（.wmf）", REFILL),
    (0, b"Rar!\x1a\x07", "压缩包（.rar）", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "压缩包（.7z）", UNPACK),
    (0, b"\x1f\x8b", "压缩包（.gz）", UNPACK),
    (0, b"BZh", "压缩包（.bz2）", UNPACK),
    (0, b"\xfd7zXZ\0", "压缩包（.xz）", UNPACK),
    (257, b"ustar", "压缩包（.tar）", UNPACK),
    (0, b"{\\rtf", "文字文档（.rtf）", REFILL),
    (0, b"\x09\x08\x10\0\0\x06\x05\0", "旧版的 Excel 工作簿（.xls）", RESAVE),
    (0, b"\x09\x08\x08\0\0\x05", "旧版的 Excel 工作簿（.xls）", RESAVE),
    (0, b"\x09\x04\x06\0", "旧版的 Excel 工作簿（.xls）", RESAVE),
    (0, b"\x09\x02\x06\0", "旧版的 Excel 工作簿（.xls）", RESAVE),
    (0, b"\x09\0\x04\0", "旧版的 Excel 工作簿（.xls）", RESAVE),
    (0, b"L\0\0\0\x01\x14\x02\0", "快捷方式（.lnk）", "请把快捷方式指向的原文件复制过来再报。"),
    (0, b"MZ", "程序文件（.exe）", "请不要打开它，并提醒发送的单位检查电脑。"),
    (0, b"\x7fELF", "程序文件", "请不要打开它，并提醒发送的单位检查电脑。"),
    (0, b"SQLite format 3\0", "数据库文件", REFILL),
    (0, b"\0\x05\x16\x07", "苹果电脑附带的说明文件", "请发送报表文件本身。"),
)

_OLE_STREAMS = (
    ("Workbook", "旧版的 Excel 或 WPS 表格（.xls 或 .et）", RESAVE),
    ("Book", "旧版的 Excel 或 WPS 表格（.xls 或 .et）", RESAVE),
    ("WordDocument", "文字文档（.doc 或 .wps）", REFILL),
    ("PowerPoint Document", "演示文稿（.ppt 或 .dps）", REFILL),
    ("__nameid_version1.0", "邮件（.msg）", "请把邮件里的附件另存出来再报。"),
)


def refuse_unlike_zip(data: bytes) -> None:
    """Refuse what is no zip archive, saying what it is."""
    head = data[:4096]
    if not re.search(rb"[^\0 \t\r\n\xef\xbb\xbf\xff\xfe]", data):  # strip() would copy the whole
        raise refused(EMPTY, "这是空文件，里面什么也没有。", RESEND)
    if head.startswith(LOCAL_MARK):
        return
    if head.startswith(END_MARK):
        raise not_xlsx("空的压缩包", REFILL)
    if LOCAL_MARK.startswith(head):
        refuse_cut_short()
    if head.startswith(_OLE):
        raise _ole_refusal(data)
    kind = _binary_kind(data)
    if kind:
        raise not_xlsx(*kind)
    if not head[:16].strip(b"\0"):
        raise refused(DAMAGED, "文件开头是一段空白数据，内容已经损坏。", RESEND)
    if ends_as_zip(data):  # its beginning is gone, or something was put before it
        find_directory(data)
        refuse_foreign_bytes()
    kind = _text_kind(data)
    if kind:
        raise not_xlsx(*kind)
    remedy = "请用 Excel 或 WPS 打开并另存为 .xlsx；如果单位装有文件加密软件，请先解密再报。"
    raise refused(NOT_XLSX, "这不是 .xlsx 工作簿，也认不出是什么文件。", remedy)


def _ole_refusal(data: bytes) -> Refused:
    """What an OLE2 file is: .xlsx with a password, .xls, .doc and others share its first bytes."""
    if _has_stream(data, "EncryptedPackage"):
        if _has_stream(data, "\tDRMContent") or _has_stream(data, "DRMEncryptedDataSpace"):
            return refused(
                ENCRYPTED, "这份工作簿限制了打开权限，打不开。", "请取消权限限制，另存为 .xlsx 后再报。"
            )
        remedy = "请在 WPS 或 Excel 里取消打开密码，另存为 .xlsx 后再报。"
        return refused(ENCRYPTED, "这是加密的工作簿，打不开。", remedy)
    for stream, words, remedy in _OLE_STREAMS:
        if _has_stream(data, stream):
            return not_xlsx(words, remedy)
    return not_xlsx("旧格式的办公文件，或者它的残缺部分", RESAVE)


def _has_stream(data: bytes, name: str) -> bool:
    """Whether a directory entry of that name stands in an OLE2 file: 128 bytes, length of the name at 64."""
    wanted = name.encode("utf-16-le") + b"\0\0"
    at = data.find(wanted, 512)
    for _ in range(10_000):  # of a hostile file; a real one has a handful
        if at < 0:
            break
        if at % 128 == 0 and data[at + 64 : at + 66] == len(wanted).to_bytes(2, "little"):
            return True
        at = data.find(wanted, at + 1)
    return False


def _binary_kind(data: bytes) -> tuple[str, str] | None:
    if b"%PDF-" in data[:1024]:
        return "版式文件（.pdf）", REFILL
    if data[:2] == b"BM" and data[6:10] == bytes(4) and data[14:15] in (b"\x0c", b"\x28", b"\x6c", b"\x7c"):
        return "图片（.bmp）", REFILL
    for offset, magic, words, remedy in _MAGIC:
        if data.startswith(magic, offset):
            return words, remedy
    return None


def _text_kind(data: bytes) -> tuple[str, str] | None:
    """What a text is that somebody sent as a workbook; None when it is no text."""
    text = _as_text(data[:8192])
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n").casefold()
    if "mime-version:" in start[:2000] or start.startswith(("received:", "return-path:", "from:")):
        if "multipart/related" in start or "text/html" in start[:500]:
            return "单个文件网页（.mht）", RESAVE
        return "一封邮件（.eml）", "请把邮件里的附件另存出来再报。"
    if _is_encoded_attachment(text):
        return "邮件附件的编码文本", "请在邮箱里把附件下载下来，再报下载到的 .xlsx 文件。"
    if re.match(r"<(!doctype html|head|body|table|meta|div|script|style)", start) or "<html" in start[:2000]:
        return "网页（.html）", RESAVE
    if start.startswith("<"):
        if "urn:schemas-microsoft-com:office:spreadsheet" in start:
            return "旧的表格文本（.xml）", RESAVE
        if "uof:uof" in start or "schemas.uof.org" in start:
            return "标文通文档（.uof）", RESAVE
        if "urn:oasis:names:tc:opendocument" in start:
            return "开放文档（.fods）", RESAVE
        if "word/2003/wordml" in start or "2006/xmlpackage" in start:
            return "文字文档（.xml）", REFILL
        return "标记文本（.xml）", REFILL
    if start.startswith(("id;p", "table\r\n0,1", "table\n0,1")):
        return "旧的表格交换文件（.slk 或 .dif）", RESAVE
    if start.startswith(("{", "[")):
        return "数据文本（.json）", REFILL
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    if lines and any(all(mark in line for line in lines) for mark in ",\t;，"):
        return "用逗号或制表符分隔的文本（.csv 或 .txt）", RESAVE
    return "纯文本（.txt）", REFILL


def _as_text(head: bytes) -> str | None:
    encodings = ["utf-8-sig", "gb18030"]
    zeros = head[:1024].count(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif zeros > len(head[:1024]) // 4:
        encodings = ["utf-16-be" if head[:1024:2].count(0) > zeros // 2 else "utf-16-le"]
    for encoding in encodings:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)  # the last character may be cut
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]", text):
            return text
    return None


def _is_encoded_attachment(text: str) -> bool:
    if re.match(r"begin(-base64)? [0-7]{3} ", text):
        return True
    body = re.sub(r"\s+", "", re.sub(r"^\s*data:[^,]{0,200};base64,", "", text))
    body = body[: len(body) // 4 * 4]
    if len(body) < 16:
        return False
    try:
        inside = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return False
    return inside.startswith((LOCAL_MARK, _OLE)) or _binary_kind(inside) is not None


def refuse_other_archives(data: bytes, names: tuple[str, ...]) -> None:
    """Refuse zip archives that hold something else than a workbook of our kind."""
    if data.startswith(b"mimetypeapplication/vnd.oasis.opendocument.", 30):
        kind = data[30 + 43 : 30 + 43 + 12]
        if kind.startswith(b"spreadsheet"):
            raise not_xlsx("开放文档表格（.ods）", RESAVE)
        raise not_xlsx("开放文档（.odt 等）", REFILL)
    (_refuse_by_names if len(names) <= MOST_COMMON else _refuse_by_names.__wrapped__)(names)


@lru_cache(maxsize=64)
def _refuse_by_names(given: tuple[str, ...]) -> None:
    """Those of most workbooks are the same."""
    names = {name.casefold() for name in given}

    def within(*folders: str) -> bool:
        return any(name.startswith(folders) for name in names)

    if "[content_types].xml" in names:
        if "xl/workbook.bin" in names and "xl/workbook.xml" not in names:
            raise not_xlsx("二进制工作簿（.xlsb）", RESAVE)
        if not within("xl/"):
            if within("word/"):
                raise not_xlsx("文字文档（.docx）", REFILL)
            if within("ppt/"):
                raise not_xlsx("演示文稿（.pptx）", REFILL)
        return
    if within("xl/", "_rels/"):
        raise refused(DAMAGED, "工作簿里缺少必需的部分，打不开。", RESEND)
    if "content.xml" in names and "meta-inf/manifest.xml" in names:
        raise not_xlsx("开放文档（.ods 等）", RESAVE)
    if "ofd.xml" in names:
        raise not_xlsx("版式文件（.ofd）", REFILL)
    if any(name.endswith(".iwa") for name in names):
        raise not_xlsx("苹果电脑的表格（.numbers）", RESAVE)
    if any(name.endswith((".xlsx", ".xls", ".et", ".xlsm", ".ods")) for name in names):
        raise not_xlsx("压缩包（.zip），工作簿在它里面", UNPACK)
    raise not_xlsx("普通的压缩包（.zip）", UNPACK)

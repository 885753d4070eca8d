"""Gate: whether a received file is a workbook that may be opened at all.

Everything here happens before any parser sees the file.  What passes is a `Package`: the very bytes that
were judged, whose parts are handed out by name.  What does not pass raises `Refused`, which carries one
Chinese sentence (what the file really is) and one cure.  What stands in the parts is others' matter.

    read_bytes(path)   the bytes of a regular file, once
    admit(data)        the package, or Refused
    why_ignored(path)  why a file of a scanned folder is no filing at all, judged by its name alone

The zip directory is read by hand: zipfile takes the last of two entries of one name, drops what follows a
NUL in a name, and lets prefixes and overlaps pass, so that two programs may see two workbooks in one file.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import io
import os
import posixpath
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import unquote
from xml.parsers import expat

from xltools.filing import Refusal

NOT_A_FILE = "F001"  # 不是文件或打不开
EMPTY = "F002"  # 空文件
NOT_XLSX = "F003"  # 不是 .xlsx
ENCRYPTED = "F004"  # 加密
DAMAGED = "F005"  # 残缺
SUSPECT = "F006"  # 结构可疑
TOO_LARGE = "F007"  # 太大
MACROS = "F008"  # 带宏
EXTERNAL = "F009"  # 带外部内容
DOCTYPE = "F010"  # 含实体声明

MIB = 1024 * 1024
FILE_LIMIT = 64 * MIB  # as received
PART_LIMIT = 64 * MIB  # one part, inflated
TOTAL_LIMIT = 256 * MIB  # all parts, inflated
ENTRY_LIMIT = 5_000
NAME_LIMIT = 1_000  # bytes of a part name
RATIO_LIMIT = 250  # real sheets shrink 5 to 60 times; a run of one byte shrinks 1 030 times
RATIO_FREE = 8 * MIB  # below this the ratio does not matter
PARSE_LIMIT = 4 * MIB  # content types and relationships, together
KEEP_LIMIT = 8 * MIB  # parts kept after checking, so that an ordinary workbook is inflated once
CHUNK = MIB

_RESEND = "请在电脑上打开原文件，确认完好后重新发送一次。"
_RESAVE = "请用 Excel 或 WPS 打开，另存为 .xlsx 后再报。"
_REFILL = "请把数字填进下发的 .xlsx 报表后再报。"
_UNPACK = "请先解压，把里面的 .xlsx 文件取出来再报。"
_FRESH = "请用 Excel 或 WPS 打开，另存为一份新的 .xlsx 后再报；仍不行就在重新下发的空白表里填写。"


class Refused(Exception):
    """A file that is not read at all.  Stays inside reading, where it is caught for its `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} {refusal.sentence}{refusal.remedy}")
        self.refusal = refusal


def _refused(code: str, sentence: str, remedy: str) -> Refused:
    return Refused(Refusal(code, sentence, remedy))


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
    name = Path(path).name
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


def read_bytes(path: Path) -> bytes:
    """The whole content of a regular file of at most 64 MiB; never waits on a pipe or a device.

    Links are refused, not followed: in a folder of received files they show another file's figures under
    this one's name.  Raises Refused.
    """
    try:
        _demand_regular(os.lstat(path))
        flags = os.O_RDONLY
        for name in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK"):
            flags |= getattr(os, name, 0)
        with open(os.open(path, flags), "rb") as handle:
            facts = os.fstat(handle.fileno())  # again: the name may have been given to something else
            _demand_regular(facts)
            data = handle.read(facts.st_size + 1)
    except FileNotFoundError:
        raise _refused(NOT_A_FILE, "没有这个文件。", "请核对文件名和所在的文件夹。") from None
    except PermissionError:
        remedy = "请先在别的程序里关闭它，或请管理员开放读取权限。"
        raise _refused(NOT_A_FILE, "这个文件不让读取，可能正被别的程序占用，或没有权限。", remedy) from None
    except (OSError, ValueError):  # ValueError: a NUL or a lone surrogate in the name
        raise _refused(NOT_A_FILE, "这个文件打不开。", "请把它复制到本机的文件夹里再试。") from None
    if len(data) > facts.st_size:
        raise _refused(NOT_A_FILE, "这个文件正在被写入，还没有存完。", "请等它存完或下载完再试。")
    return data


def _demand_regular(facts: os.stat_result) -> None:
    mode = facts.st_mode
    if stat.S_ISLNK(mode):
        raise _refused(NOT_A_FILE, "这是指向别处的链接，不是文件本身。", "请把它指向的原文件复制过来。")
    if stat.S_ISDIR(mode):
        raise _refused(NOT_A_FILE, "这是一个文件夹，不是文件。", "请进到文件夹里找到 .xlsx 文件再报。")
    if not stat.S_ISREG(mode):
        raise _refused(NOT_A_FILE, "这是设备或管道，不是普通文件。", "请把报表存成普通的 .xlsx 文件再报。")
    if facts.st_size > FILE_LIMIT:
        _too_large()


# What a file is that is no zip

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PART, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"

_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG", "图片（.png）", _REFILL),
    (0, b"\xff\xd8\xff", "图片（.jpg）", _REFILL),
    (0, b"GIF8", "图片（.gif）", _REFILL),
    (8, b"WEBPVP8", "图片（.webp）", _REFILL),
    (0, b"II*\0", "图片（.tif）", _REFILL),
    (0, b"MM\0*", "图片（.tif）", _REFILL),
    (4, b"ftyphei", "手机照片（.heic）", _REFILL),
    (4, b"ftyphev", "手机照片（.heic）", _REFILL),
    (4, b"ftypmif1", "手机照片（.heic）", _REFILL),
    (4, b"ftypmsf1", "手机照片（.heic）", _REFILL),
    (4, b"ftypavif", "图片（.avif）", _REFILL),
    (4, b"ftyp", "视频或音频", _REFILL),
    (0, b"RIFF", "视频或音频", _REFILL),
    (0, b"ID3", "视频或音频", _REFILL),
    (0, b"\xd7\xcd\xc6\x9a", "图片（.wmf）", _REFILL),
    (0, b"Rar!\x1a\x07", "压缩包（.rar）", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "压缩包（.7z）", _UNPACK),
    (0, b"\x1f\x8b", "压缩包（.gz）", _UNPACK),
    (0, b"BZh", "压缩包（.bz2）", _UNPACK),
    (0, b"\xfd7zXZ\0", "压缩包（.xz）", _UNPACK),
    (257, b"ustar", "压缩包（.tar）", _UNPACK),
    (0, b"{\\rtf", "文字文档（.rtf）", _REFILL),
    (0, b"\x09\x08\x10\0\0\x06\x05\0", "旧版的 Excel 工作簿（.xls）", _RESAVE),
    (0, b"\x09\x08\x08\0\0\x05", "旧版的 Excel 工作簿（.xls）", _RESAVE),
    (0, b"\x09\x04\x06\0", "旧版的 Excel 工作簿（.xls）", _RESAVE),
    (0, b"\x09\x02\x06\0", "旧版的 Excel 工作簿（.xls）", _RESAVE),
    (0, b"\x09\0\x04\0", "旧版的 Excel 工作簿（.xls）", _RESAVE),
    (0, b"L\0\0\0\x01\x14\x02\0", "快捷方式（.lnk）", "请把快捷方式指向的原文件复制过来再报。"),
    (0, b"MZ", "程序文件（.exe）", "请不要打开它，并提醒发送的单位检查电脑。"),
    (0, b"\x7fELF", "程序文件", "请不要打开它，并提醒发送的单位检查电脑。"),
    (0, b"SQLite format 3\0", "数据库文件", _REFILL),
    (0, b"\0\x05\x16\x07", "苹果电脑附带的说明文件", "请发送报表文件本身。"),
)

_OLE_STREAMS = (
    ("Workbook", "旧版的 Excel 或 WPS 表格（.xls 或 .et）", _RESAVE),
    ("Book", "旧版的 Excel 或 WPS 表格（.xls 或 .et）", _RESAVE),
    ("WordDocument", "文字文档（.doc 或 .wps）", _REFILL),
    ("PowerPoint Document", "演示文稿（.ppt 或 .dps）", _REFILL),
    ("__nameid_version1.0", "邮件（.msg）", "请把邮件里的附件另存出来再报。"),
)


def _not_xlsx(words: str, remedy: str) -> Refused:
    return _refused(NOT_XLSX, f"这不是 .xlsx 工作簿，而是{words}。", remedy)


def _refuse_unlike_zip(data: bytes) -> None:
    """Refuse what is no zip archive, saying what it is."""
    head = data[:4096]
    if not re.search(rb"[^\0 \t\r\n\xef\xbb\xbf\xff\xfe]", data):  # strip() would copy the whole
        raise _refused(EMPTY, "这是空文件，里面什么也没有。", _RESEND)
    if head.startswith(_PART):
        return
    if head.startswith(_END_MARK):
        raise _not_xlsx("空的压缩包", _REFILL)
    if _PART.startswith(head):
        _cut_short()
    if head.startswith(_OLE):
        raise _ole_refusal(data)
    kind = _binary_kind(data)
    if kind:
        raise _not_xlsx(*kind)
    if not head[:16].strip(b"\0"):
        raise _refused(DAMAGED, "文件开头是一段空白数据，内容已经损坏。", _RESEND)
    if _ends_as_zip(data):  # its beginning is gone, or something was put before it
        _find_directory(data)
        _foreign_bytes()
    kind = _text_kind(data)
    if kind:
        raise _not_xlsx(*kind)
    remedy = "请用 Excel 或 WPS 打开并另存为 .xlsx；如果单位装有文件加密软件，请先解密再报。"
    raise _refused(NOT_XLSX, "这不是 .xlsx 工作簿，也认不出是什么文件。", remedy)


def _ole_refusal(data: bytes) -> Refused:
    """What an OLE2 file is: .xlsx with a password, .xls, .doc and others share its first bytes."""
    if _has_stream(data, "EncryptedPackage"):
        if _has_stream(data, "\tDRMContent") or _has_stream(data, "DRMEncryptedDataSpace"):
            return _refused(
                ENCRYPTED, "这份工作簿限制了打开权限，打不开。", "请取消权限限制，另存为 .xlsx 后再报。"
            )
        remedy = "请在 WPS 或 Excel 里取消打开密码，另存为 .xlsx 后再报。"
        return _refused(ENCRYPTED, "这是加密的工作簿，打不开。", remedy)
    for stream, words, remedy in _OLE_STREAMS:
        if _has_stream(data, stream):
            return _not_xlsx(words, remedy)
    return _not_xlsx("旧格式的办公文件，或者它的残缺部分", _RESAVE)


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
        return "版式文件（.pdf）", _REFILL
    if data[:2] == b"BM" and data[6:10] == bytes(4) and data[14:15] in (b"\x0c", b"\x28", b"\x6c", b"\x7c"):
        return "图片（.bmp）", _REFILL
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
            return "单个文件网页（.mht）", _RESAVE
        return "一封邮件（.eml）", "请把邮件里的附件另存出来再报。"
    if _is_encoded_attachment(text):
        return "邮件附件的编码文本", "请在邮箱里把附件下载下来，再报下载到的 .xlsx 文件。"
    if re.match(r"<(!doctype html|head|body|table|meta|div|script|style)", start) or "<html" in start[:2000]:
        return "网页（.html）", _RESAVE
    if start.startswith("<"):
        if "urn:schemas-microsoft-com:office:spreadsheet" in start:
            return "旧的表格文本（.xml）", _RESAVE
        if "uof:uof" in start or "schemas.uof.org" in start:
            return "标文通文档（.uof）", _RESAVE
        if "urn:oasis:names:tc:opendocument" in start:
            return "开放文档（.fods）", _RESAVE
        if "word/2003/wordml" in start or "2006/xmlpackage" in start:
            return "文字文档（.xml）", _REFILL
        return "标记文本（.xml）", _REFILL
    if start.startswith(("id;p", "table\r\n0,1", "table\n0,1")):
        return "旧的表格交换文件（.slk 或 .dif）", _RESAVE
    if start.startswith(("{", "[")):
        return "数据文本（.json）", _REFILL
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    if lines and any(all(mark in line for line in lines) for mark in ",\t;，"):
        return "用逗号或制表符分隔的文本（.csv 或 .txt）", _RESAVE
    return "纯文本（.txt）", _REFILL


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
    return inside.startswith((_PART, _OLE)) or _binary_kind(inside) is not None


# The zip directory

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ONES16, _ONES32 = 0xFFFF, 0xFFFFFFFF

_CIPHERED = 0x0001 | 0x0040 | 0x2000  # encrypted, strongly encrypted, directory masked
_DEFERRED = 0x0008  # sizes and CRC follow the data
_PATCHED = 0x0020
_UTF8 = 0x0800
_SPEED = 0x0006  # how hard deflate tried: writers differ between the two headers, and nothing depends on it


def _cut_short() -> NoReturn:
    raise _refused(DAMAGED, "文件不完整，后面一截丢了，多半是传输中断或没有存完。", _RESEND)


def _broken() -> NoReturn:
    raise _refused(DAMAGED, "文件内容已经损坏，读不出来。", _RESEND)


def _too_large() -> NoReturn:
    sentence = "这个文件太大，或者展开后大得不正常，不像一份报表。"
    remedy = "请在下发的空白表里重新填写，不要插入图片、不要整行整列设格式，存成 .xlsx 后再报。"
    raise _refused(TOO_LARGE, sentence, remedy)


def _suspect(what: str) -> NoReturn:
    raise _refused(SUSPECT, f"这个文件的内部结构不正常：{what}。", _FRESH)


def _foreign_bytes() -> NoReturn:
    _suspect("夹带了不属于工作簿的内容")


@dataclass(frozen=True, slots=True)
class _Entry:
    raw: bytes  # the name as it stands in the file
    name: str
    flags: int
    method: int  # 0 stored, 8 deflated
    crc: int
    packed: int
    size: int
    offset: int  # of the local header
    start: int = 0  # of the data; known once the local header is read


def _ends_as_zip(data: bytes) -> bool:
    at = data.rfind(_END_MARK, max(0, len(data) - _END.size - _ONES16))
    return 0 <= at <= len(data) - _END.size and at + _END.size + _END.unpack_from(data, at)[7] == len(data)


def _mangled(data: bytes) -> bool:
    """Whether a program took a broken archive for text: re-encoded it, or put a CR before every LF."""
    if data.count(b"\xef\xbf\xbd") > 8:
        return True
    if len(data) > 16 * MIB or data.count(b"\r\n") != data.count(b"\n"):
        return False
    try:
        _read_directory(data.replace(b"\r\n", b"\n"))  # exact: a CR LF of old has become CR CR LF
    except Refused:
        return False
    return True


def _read_directory(data: bytes) -> list[_Entry]:
    """The entries in directory order, every offset and size checked to lie inside the file."""
    start, size, count = _find_directory(data)
    if count > ENTRY_LIMIT:
        _too_large()
    entries = []
    at = start
    for _ in range(count):
        try:
            entry, at = _central_entry(data, at)
        except struct.error:
            _cut_short()
        if at > start + size:
            _broken()
        entries.append(entry)
    if at != start + size:
        _suspect("目录和内容对不上")
    return entries


def _find_directory(data: bytes) -> tuple[int, int, int]:
    """Where the directory starts, its size, the number of entries."""
    low = max(0, len(data) - _END.size - _ONES16)
    ends, whole = [], []
    at = data.find(_END_MARK, low)
    while at >= 0:
        ends.append(at)
        if at + _END.size <= len(data) and at + _END.size + _END.unpack_from(data, at)[7] == len(data):
            whole.append(at)
        at = data.find(_END_MARK, at + 1)
    if not ends:
        _cut_short()
    if not whole:
        last = ends[-1]
        if last + _END.size > len(data) or last + _END.size + _END.unpack_from(data, last)[7] > len(data):
            _cut_short()
        _foreign_bytes()
    if len(whole) > 1:
        _suspect("有两份目录")
    end = whole[0]
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(data, end)
    stop = end
    if end >= _LOCATOR.size and data.startswith(b"PK\x06\x07", end - _LOCATOR.size):
        _, disk64, stop, disks = _LOCATOR.unpack_from(data, end - _LOCATOR.size)
        if stop + _END64.size > end - _LOCATOR.size or not data.startswith(b"PK\x06\x06", stop):
            _suspect("目录和内容对不上")
        _, length, _, _, *wide = _END64.unpack_from(data, stop)
        if stop + 12 + length != end - _LOCATOR.size or disk64 or disks > 1:
            _suspect("目录和内容对不上")
        narrow = (disk, first_disk, here, count, size, start)
        ones = (_ONES16,) * 4 + (_ONES32,) * 2
        for little, large, limit in zip(narrow, wide, ones, strict=True):
            if little not in (large, limit):
                _suspect("目录和内容对不上")
        disk, first_disk, here, count, size, start = wide
    if disk or first_disk or here != count:
        _suspect("它是分卷压缩的一部分")
    if count == 0 and size == 0:
        raise _not_xlsx("空的压缩包", _REFILL)
    if start + size < stop:
        _foreign_bytes()
    if start + size > stop:
        raise _refused(DAMAGED, "文件不完整，中间丢了一截。", _RESEND)
    return start, size, count


def _central_entry(data: bytes, at: int) -> tuple[_Entry, int]:
    fields = _CENTRAL.unpack_from(data, at)
    mark, _, version, flags, method, _, _, crc, packed, size, name_size, extra_size, note_size, disk = fields[
        :14
    ]
    offset = fields[16]
    if mark != _CENTRAL_MARK:
        _broken()
    after = at + _CENTRAL.size
    raw = data[after : after + name_size]
    extra = _extra_fields(data[after + name_size : after + name_size + extra_size])
    wide = extra.get(1, b"")
    numbers = (number for (number,) in struct.iter_unpack("<Q", wide[: len(wide) // 8 * 8]))
    size, packed, offset = (  # in this order, and only those that do not fit
        next(numbers, -1) if number == _ONES32 else number for number in (size, packed, offset)
    )
    if min(size, packed, offset) < 0:
        _suspect("目录和内容对不上")
    if version & 0xFF > 63 or flags & _PATCHED:  # newer than the last edition of the format; a difference
        _suspect("用了不通用的压缩方式")
    if disk not in (0, _ONES16):
        _suspect("它是分卷压缩的一部分")
    name = _decode_name(raw, flags, extra)
    end = after + name_size + extra_size + note_size
    return _Entry(raw, name, flags, method, crc, packed, size, offset), end


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
    _suspect("目录和内容对不上")


def _decode_name(raw: bytes, flags: int, extra: Mapping[int, bytes]) -> str:
    other = extra.get(0x7075)  # a second name, which some programs prefer
    if len(raw) > NAME_LIMIT or (other is not None and other[5:] != raw):
        _suspect("部件的名称不合规矩")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            _suspect("部件的名称不合规矩")
        return raw.decode("cp437")


def _refuse_other_archives(data: bytes, entries: Sequence[_Entry]) -> None:
    """Refuse zip archives that hold something else than a workbook of our kind."""
    names = {entry.name.casefold() for entry in entries}

    def within(*folders: str) -> bool:
        return any(name.startswith(folders) for name in names)

    if data.startswith(b"mimetypeapplication/vnd.oasis.opendocument.", 30):
        kind = data[30 + 43 : 30 + 43 + 12]
        if kind.startswith(b"spreadsheet"):
            raise _not_xlsx("开放文档表格（.ods）", _RESAVE)
        raise _not_xlsx("开放文档（.odt 等）", _REFILL)
    if "[content_types].xml" in names:
        if "xl/workbook.bin" in names and "xl/workbook.xml" not in names:
            raise _not_xlsx("二进制工作簿（.xlsb）", _RESAVE)
        if not within("xl/"):
            if within("word/"):
                raise _not_xlsx("文字文档（.docx）", _REFILL)
            if within("ppt/"):
                raise _not_xlsx("演示文稿（.pptx）", _REFILL)
        return
    if within("xl/", "_rels/"):
        raise _refused(DAMAGED, "工作簿里缺少必需的部分，打不开。", _RESEND)
    if "content.xml" in names and "meta-inf/manifest.xml" in names:
        raise _not_xlsx("开放文档（.ods 等）", _RESAVE)
    if "ofd.xml" in names:
        raise _not_xlsx("版式文件（.ofd）", _REFILL)
    if any(name.endswith(".iwa") for name in names):
        raise _not_xlsx("苹果电脑的表格（.numbers）", _RESAVE)
    if any(name.endswith((".xlsx", ".xls", ".et", ".xlsm", ".ods")) for name in names):
        raise _not_xlsx("压缩包（.zip），工作簿在它里面", _UNPACK)
    raise _not_xlsx("普通的压缩包（.zip）", _UNPACK)


def _refuse_bombs(data: bytes, entries: Sequence[_Entry]) -> None:
    """Judged by the declared sizes; inflating later stops where a part outgrows its own."""
    total = sum(entry.size for entry in entries)
    if total > TOTAL_LIMIT or (total > RATIO_FREE and total > RATIO_LIMIT * len(data)):
        _too_large()
    for entry in entries:
        if entry.size > PART_LIMIT or (entry.size > RATIO_FREE and entry.size > RATIO_LIMIT * entry.packed):
            _too_large()


def _key(name: str) -> str:
    """Part names are equal when they differ in case or percent signs only."""
    return unquote(name).casefold()


def _check_names(entries: Iterable[_Entry]) -> None:
    seen = set()
    for entry in entries:
        name = unquote(entry.name)
        if re.search(r"[\x00-\x1f\\]|^/|^[A-Za-z]:", name) or (name.endswith("/") and entry.size):
            _suspect("部件的名称不合规矩")
        if any(step in ("", ".", "..") for step in name.removesuffix("/").split("/")):
            _suspect("部件的名称不合规矩")
        key = _key(entry.name)
        if key in seen:
            _suspect("有两个同名的部件")
        seen.add(key)


def _check_places(data: bytes, entries: Sequence[_Entry]) -> list[_Entry]:
    """The entries with the place of their data, once local headers agree and nothing overlaps."""
    limit = _find_directory(data)[0]
    placed: list[_Entry] = []
    reached = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset < reached:
            _suspect("部件互相重叠")
        if entry.offset > reached and (reached == 0 or data.find(_PART, reached, entry.offset) >= 0):
            _foreign_bytes()  # programs that read front to back would see what the directory does not list
        start, reached = _check_local(data, entry, limit)
        placed.append(replace(entry, start=start))
    if data.find(_PART, reached, limit) >= 0:
        _foreign_bytes()
    return placed


def _check_local(data: bytes, entry: _Entry, limit: int) -> tuple[int, int]:
    """Where an entry's data starts and where the entry ends, its local header compared with the directory."""
    if entry.offset + _LOCAL.size > limit or not data.startswith(_PART, entry.offset):
        _broken()
    fields = _LOCAL.unpack_from(data, entry.offset)
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
    if flags & _CIPHERED:
        _refuse_ciphered()
    if entry.method not in (0, 8):
        _suspect("用了不通用的压缩方式")
    after = entry.offset + _LOCAL.size
    start = after + name_size + extra_size
    end = start + entry.packed
    if end > limit:
        _suspect("部件互相重叠")
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
        _suspect("目录和内容对不上")
    return start, end


def _descriptor_size(data: bytes, at: int, entry: _Entry) -> int:
    """Size of the record after deferred data; writers differ in its mark and in the width of its numbers."""
    for mark in (b"PK\x07\x08", b""):
        for numbers in ("<3L", "<L2Q"):
            record = mark + struct.pack(numbers, entry.crc, entry.packed, entry.size)
            if data.startswith(record, at):
                return len(record)
    return 0


def _refuse_ciphered() -> NoReturn:
    raise _refused(ENCRYPTED, "这份工作簿加了密，打不开。", "请取消密码，另存为 .xlsx 后再报。")


# What the parts hold


def _inflate(data: bytes, entry: _Entry) -> Iterator[bytes]:
    """The content of one part in pieces of at most 1 MiB; never more than the directory declares."""
    view = memoryview(data)[entry.start : entry.start + entry.packed]
    crc = done = 0
    for chunk in _stored(view) if entry.method == 0 else _deflated(view):
        done += len(chunk)
        if done > entry.size:
            _suspect("部件比登记的大")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if done != entry.size or crc != entry.crc:
        _broken()


def _stored(view: memoryview) -> Iterator[bytes]:
    for at in range(0, len(view), CHUNK):
        yield bytes(view[at : at + CHUNK])


def _deflated(view: memoryview) -> Iterator[bytes]:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    fed = 0
    tail: bytes | memoryview = b""
    try:
        while not machine.eof:
            if not tail:
                tail = view[fed : fed + CHUNK // 16]
                fed += len(tail)
            chunk = machine.decompress(tail, CHUNK)
            if not chunk and not tail and not machine.eof:
                _broken()
            tail = machine.unconsumed_tail
            yield chunk
    except zlib.error:
        _broken()
    if machine.unused_data or fed < len(view):
        _suspect("部件后面夹带了别的内容")


_DECLARATIONS = tuple(
    mark for word in ("!DOCTYPE", "!ENTITY") for mark in (b"<" + word.encode(), word.encode("utf-16-le")[:-1])
)  # without its last zero the second stands in both byte orders


def _scan_xml(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, refused when they declare a document type, entities or an odd encoding.

    Entities are how a small XML file grows without bounds or reads other files; no office writes them.
    """
    head, tail = b"", b""
    for chunk in chunks:
        if len(head) < 1024:
            head += chunk[: 1024 - len(head)]
        window = tail + chunk
        if any(mark in window for mark in _DECLARATIONS):
            sentence = "工作簿里有不该有的实体声明，为安全起见没有读取。"
            raise _refused(DOCTYPE, sentence, _FRESH)
        tail = window[-20:]
        yield chunk
    _check_encoding(head)


def _check_encoding(head: bytes) -> None:
    if not head:
        return
    encoding = "latin-1"
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")):
        _suspect("文字编码不通用")
    if head.startswith((b"\xff\xfe", b"<\0")):
        encoding = "utf-16-le"
    elif head.startswith((b"\xfe\xff", b"\0<")):
        encoding = "utf-16-be"
    text = head.removeprefix(codecs.BOM_UTF8).decode(encoding, "replace").removeprefix("\ufeff")
    if not text.lstrip(" \t\r\n").startswith("<"):
        _broken()
    if not re.match(r"<\?xml\s", text):
        return
    declaration, closed, _ = text.partition("?>")
    named = re.search(r"encoding\s*=\s*[\"']([^\"']*)", declaration)
    common = ("utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii")
    if not closed or (named and named[1].casefold() not in common):
        _suspect("文字编码不通用")


@dataclass(frozen=True, slots=True)
class _Relation:
    kind: str  # the last word of its type, lower case
    type: str
    target: str
    outside: bool  # it leads out of the package


def _resolve(source: str, target: str) -> str:
    """The part name that a relationship of `source` points to; the package itself is the source "".

    >>> _resolve("xl/workbook.xml", "worksheets/sheet1.xml"), _resolve("xl/workbook.xml", "/xl/styles.xml")
    ('xl/worksheets/sheet1.xml', 'xl/styles.xml')
    """
    path = target.partition("#")[0].replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(source), path)).lstrip("/")


def _each_element(content: bytes, take: Callable[[str, Mapping[str, str]], None]) -> None:
    """Call `take` with local name and attributes of every element of an already scanned XML part."""
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def start(name: str, given: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > 8:  # two, in any part of these kinds; expat's memory grows with the depth
            _broken()
        take(name.rpartition(" ")[2], given)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError):
        _broken()


def _relations(content: bytes) -> list[_Relation]:
    """Every relationship but hyperlinks, which are only ever followed by a person's click."""
    relations: list[_Relation] = []

    def take(name: str, given: Mapping[str, str]) -> None:
        whole = given.get("Type", "")
        kind = whole.rpartition("/")[2].casefold()
        if name == "Relationship" and kind != "hyperlink":
            outside = given.get("TargetMode", "").casefold() == "external"
            relations.append(_Relation(kind, whole, given.get("Target", ""), outside))

    _each_element(content, take)
    return relations


def _content_types(content: bytes, parts: Iterable[_Entry]) -> dict[str, str]:
    """Part name -> content type, lower case; "" for a part that has none."""
    endings: dict[str, str] = {}
    places: dict[str, str] = {}

    def take(name: str, given: Mapping[str, str]) -> None:
        declared = given.get("ContentType", "").casefold()
        if name == "Default":
            endings.setdefault(given.get("Extension", "").casefold(), declared)
        elif name == "Override":
            place = _key(_resolve("", given.get("PartName", "")))
            if places.setdefault(place, declared) != declared:
                _suspect("同一部件登记成了两种东西")

    _each_element(content, take)
    found = {}
    for part in parts:
        key = _key(part.name)
        found[part.name] = places.get(key) or endings.get(key.rpartition(".")[2], "")
    return found


_MACRO_KINDS = (
    *("vbaproject", "vbaprojectsignature", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet", "dialogsheet"),
    *("jdeextension", "jsproject"),  # scripts of WPS
)
_MACRO_PLACES = (
    "/vbaproject.bin",
    "/vbaprojectsignature.bin",
    "/jdedata.bin",
    "/macrosheets/",
    "/dialogsheets/",
)
_MACRO_TYPES = ("vbaproject", "macrosheet+xml", "dialogsheet+xml", "jsproject")

_Outside = Literal["links", "objects", "sources"]
_OUTSIDE_KINDS: dict[str, _Outside] = {
    **dict.fromkeys(
        ("externallink", "externallinkpath", "xlexternallinkpath", "volatiledependencies"), "links"
    ),
    **dict.fromkeys(("oleobject", "package", "control", "activexcontrol", "activexcontrolbinary"), "objects"),
    **dict.fromkeys(("connections", "querytable"), "sources"),
}
_OUTSIDE_PLACES: dict[str, _Outside] = {
    "/externallinks/": "links",
    "/volatiledependencies.xml": "links",
    "/embeddings/": "objects",
    "/activex/": "objects",
    "/connections.xml": "sources",
    "/querytables/": "sources",
}
_OUTSIDE_TYPES: dict[str, _Outside] = {
    "externallink+xml": "links",
    "volatiledependencies+xml": "links",
    "oleobject": "objects",
    "activex": "objects",
    "connections+xml": "sources",
    "querytable+xml": "sources",
}


def _refuse_macros() -> NoReturn:
    raise _refused(
        MACROS,
        "这份工作簿带有宏（自动运行的程序）。",
        "请另存为不带宏的 .xlsx，或在下发的空白表里填写后再报。",
    )


def _refuse_outside(what: _Outside) -> NoReturn:
    if what == "links":
        sentence = "这份工作簿引用了别的工作簿或程序里的数据。"
        remedy = "请在“数据—编辑链接”里断开全部链接，把引用的格改填数字，存成 .xlsx 后再报。"
    elif what == "objects":
        sentence = "这份工作簿里嵌有别的文件或控件。"
        remedy = "请删去嵌入的文件和控件，或在下发的空白表里填写，存成 .xlsx 后再报。"
    else:
        sentence = "这份工作簿连着外部的数据来源。"
        remedy = "请在“数据—连接”里删去全部连接，存成 .xlsx 后再报。"
    raise _refused(EXTERNAL, sentence, remedy)


def _refuse_active_content(types: Mapping[str, str], relations: Mapping[str, Sequence[_Relation]]) -> None:
    """Judge parts by where they stand, what they are declared as, and how others refer to them."""
    places = ["/" + _key(name) for name in types]
    kinds = [relation.kind for relation in _flat(relations)]
    declared = [type_.casefold() for type_ in types.values()]
    if (
        any(mark in place for place in places for mark in _MACRO_PLACES)
        or any(kind in _MACRO_KINDS for kind in kinds)
        or any(mark in type_ for type_ in declared for mark in _MACRO_TYPES)
    ):
        _refuse_macros()
    for kind in kinds:
        if kind in _OUTSIDE_KINDS:
            _refuse_outside(_OUTSIDE_KINDS[kind])
    for text, marks in [*((p, _OUTSIDE_PLACES) for p in places), *((t, _OUTSIDE_TYPES) for t in declared)]:
        for mark, what in marks.items():
            if mark in text:
                _refuse_outside(what)
    if any(relation.outside for relation in _flat(relations)):
        sentence = "这份工作簿里有指向外部的内容，例如链接来的图片。"
        raise _refused(EXTERNAL, sentence, "请删去它，或在下发的空白表里填写，存成 .xlsx 后再报。")


def _flat(relations: Mapping[str, Sequence[_Relation]]) -> Iterator[_Relation]:
    for some in relations.values():
        yield from some


def _missing_part() -> NoReturn:
    raise _refused(DAMAGED, "工作簿里缺少必需的部分，打不开。", _RESEND)


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
    _entries: Mapping[str, _Entry]
    _kept: Mapping[str, bytes]
    _keys: Mapping[str, str]

    def has(self, name: str) -> bool:
        return name in self._entries

    def find(self, name: str) -> str | None:
        """The part of that name, whatever its case: `xl/SharedStrings.xml` is found as it is written."""
        return name if name in self._entries else self._keys.get(_key(name))

    def read(self, name: str) -> bytes:
        """The content of a part.  Raises Refused when there is none: ask `has` or `find` first."""
        found = self.find(name)
        if found is None:
            _missing_part()
        if found in self._kept:
            return self._kept[found]
        entry = self._entries[found]
        # A BytesIO grows in place, where joined pieces would stand in memory twice.
        whole = io.BytesIO()
        for chunk in _inflate(self._data, entry):
            whole.write(chunk)
        return whole.getvalue()


def admit(data: bytes) -> Package:
    """The package in `data`, or Refused with what it is instead and what to do."""
    if len(data) > FILE_LIMIT:
        _too_large()
    _refuse_unlike_zip(data)
    try:
        entries = _read_directory(data)
    except Refused as refused:
        if refused.refusal.code in (DAMAGED, SUSPECT) and _mangled(data):
            sentence = "文件在传输途中被当成文本改动过，内容已经损坏。"
            raise _refused(DAMAGED, sentence, "请换一种方式重新发送原文件。") from None
        raise
    _refuse_bombs(data, entries)
    _refuse_other_archives(data, entries)
    if any(entry.flags & _CIPHERED for entry in entries):
        _refuse_ciphered()
    _check_names(entries)
    placed = {entry.name: entry for entry in _check_places(data, entries)}
    parts = [placed[entry.name] for entry in entries if not entry.name.endswith("/")]
    keys = {_key(entry.name): entry.name for entry in parts}
    types, kept = _check_parts(data, parts)
    relations = {_source_of(name): _relations(kept[name]) for name in types if _is_relations(name)}
    main, strict = _find_main(relations.get("", ()), keys, types)
    _refuse_active_content(types, relations)
    for relation in relations.get(main, ()):
        needed = relation.kind in ("worksheet", "sharedstrings", "styles")
        if needed and _key(_resolve(main, relation.target)) not in keys:
            _missing_part()
    return Package(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        names=tuple(entry.name for entry in parts),
        main=main,
        strict=strict,
        _data=data,
        _entries={entry.name: entry for entry in parts},
        _kept=kept,
        _keys=keys,
    )


def _is_relations(name: str) -> bool:
    return name.casefold().endswith(".rels")


def _source_of(name: str) -> str:
    """The part whose relationships a part holds: `xl/workbook.xml` for `xl/_rels/workbook.xml.rels`."""
    folder, _, last = name.rpartition("/")
    return posixpath.join(posixpath.dirname(folder), last[: -len(".rels")])


def _check_parts(data: bytes, parts: Sequence[_Entry]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Inflate every part once; the content type of each, and the contents that were kept."""
    kept: dict[str, bytes] = {}
    contents = next((part for part in parts if _key(part.name) == "[content_types].xml"), None)
    if contents is None:
        _missing_part()
    needed = [contents, *(part for part in parts if _is_relations(part.name))]
    if sum(part.size for part in needed) > PARSE_LIMIT:
        _too_large()
    for part in needed:
        kept[part.name] = b"".join(_scan_xml(_inflate(data, part)))
    types = _content_types(kept[contents.name], parts)
    room = KEEP_LIMIT
    for part in parts:
        if part.name in kept:
            continue
        chunks = _inflate(data, part)
        if part.name.casefold().endswith((".xml", ".vml")) or types[part.name].endswith("sheet.main+xml"):
            chunks = _scan_xml(chunks)
        if part.size <= room:
            room -= part.size
            kept[part.name] = b"".join(chunks)
        else:
            for _ in chunks:
                pass
    return types, kept


_MAIN_TYPES = tuple(
    f"application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}.main+xml"
    for kind in ("sheet", "template")
)


def _find_main(
    relations: Sequence[_Relation], keys: Mapping[str, str], types: Mapping[str, str]
) -> tuple[str, bool]:
    """The workbook part, by following the package's own relationship, and whether it is Strict."""
    found = [relation for relation in relations if relation.kind == "officedocument"]
    if not found:
        _missing_part()
    if len(found) > 1:
        _suspect("里面有两个工作簿")
    main = keys.get(_key(_resolve("", found[0].target)))
    if main is None:
        _missing_part()
    declared = types[main]
    if "sheet.binary" in declared:
        raise _not_xlsx("二进制工作簿（.xlsb）", _RESAVE)
    if "wordprocessingml" in declared or "ms-word" in declared:
        raise _not_xlsx("文字文档（.docx）", _REFILL)
    if "presentationml" in declared or "ms-powerpoint" in declared:
        raise _not_xlsx("演示文稿（.pptx）", _REFILL)
    if "macroenabled" in declared:
        _refuse_macros()
    if declared not in _MAIN_TYPES:
        _missing_part()
    return main, found[0].type.startswith("http://purl.oclc.org/ooxml/")

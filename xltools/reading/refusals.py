"""Refusals: why a file is not read at all, each with its code, one Chinese sentence and one cure.

The sentences that several of the gate's rooms need stand here, so that one cause has one wording.
"""

from __future__ import annotations

from typing import NoReturn

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
COPY = "F011"  # 舍位副本
UNFINISHED = "F012"  # 没有读完

RESEND = "请在电脑上打开原文件，确认完好后重新发送一次。"
RESAVE = "请用 Excel 或 WPS 打开，另存为 .xlsx 后再报。"
REFILL = "请把数字填进下发的 .xlsx 报表后再报。"
UNPACK = "请先解压，把里面的 .xlsx 文件取出来再报。"
FRESH = "请用 Excel 或 WPS 打开，另存为一份新的 .xlsx 后再报；仍不行就在重新下发的空白表里填写。"


class Refused(Exception):
    """A file that is not read at all.  Stays inside reading, where it is caught for its `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} {refusal.sentence}{refusal.remedy}")
        self.refusal = refusal


def refused(code: str, sentence: str, remedy: str) -> Refused:
    return Refused(Refusal(code, sentence, remedy))


def not_xlsx(words: str, remedy: str) -> Refused:
    return refused(NOT_XLSX, f"这不是 .xlsx 工作簿，而是{words}。", remedy)


def refuse_cut_short() -> NoReturn:
    raise refused(DAMAGED, "文件不完整，后面一截丢了，多半是传输中断或没有存完。", RESEND)


def refuse_broken() -> NoReturn:
    raise refused(DAMAGED, "文件内容已经损坏，读不出来。", RESEND)


def refuse_too_large() -> NoReturn:
    sentence = "这个文件太大，或者展开后大得不正常，不像一份报表。"
    remedy = "请在下发的空白表里重新填写，不要插入图片、不要整行整列设格式，存成 .xlsx 后再报。"
    raise refused(TOO_LARGE, sentence, remedy)


def refuse_suspect(what: str) -> NoReturn:
    raise refused(SUSPECT, f"这个文件的内部结构不正常：{what}。", FRESH)


def refuse_foreign_bytes() -> NoReturn:
    refuse_suspect("夹带了不属于工作簿的内容")


def refuse_ciphered() -> NoReturn:
    raise refused(ENCRYPTED, "这份工作簿加了密，打不开。", "请取消密码，另存为 .xlsx 后再报。")


def refuse_missing_part() -> NoReturn:
    raise refused(DAMAGED, "工作簿里缺少必需的部分，打不开。", RESEND)


def refuse_copy() -> NoReturn:
    raise refused(COPY, "这是汇总表的舍位副本，数已经四舍五入，只供阅读。", "请报汇总表本身或单位的报表。")

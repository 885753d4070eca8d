"""Files that were not let in: what they really are.  The gate has found it; these say it."""

from __future__ import annotations

from collections.abc import Iterator

from xltools.checks.registry import Case, Check, check
from xltools.finding import Finding


def refused(this: Check, case: Case) -> Iterator[Finding]:
    refusal = case.filing.refusal
    if refusal is not None and refusal.code == this.code:
        yield this.finding(case, refusal.sentence, refusal.remedy)


@check("F001", "不是普通文件，或打不开", needs_form=False, of="refusal")
def unopenable(this: Check, case: Case) -> Iterator[Finding]:
    """送来的要是一个打得开的普通文件。

    通过：布海镇.xlsx
    不通过：名叫“布海镇.xlsx”的文件夹　没有读取权限的文件　已被删除的快捷方式
    改正：重新发送工作簿本身。
    """
    yield from refused(this, case)


@check("F002", "空文件", needs_form=False, of="refusal")
def empty(this: Check, case: Case) -> Iterator[Finding]:
    """文件里要有内容。

    通过：正常保存的工作簿
    不通过：0 字节的文件　全是零的文件（多是没传完）
    改正：从电脑上找到原文件重新发送。
    """
    yield from refused(this, case)


@check("F003", "不是 .xlsx 工作簿", needs_form=False, of="refusal")
def other_format(this: Check, case: Case) -> Iterator[Finding]:
    """要用下发的 .xlsx 工作簿填报；改后缀不会改变格式。

    通过：.xlsx
    不通过：.xls　.et　.ods　.csv　Word 文档　图片　PDF　压缩包（不论后缀写成什么）
    改正：用 WPS 或 Excel 打开后另存为 .xlsx，或用下发的模板重填。
    """
    yield from refused(this, case)


@check("F004", "加了密码", needs_form=False, of="refusal")
def encrypted(this: Check, case: Case) -> Iterator[Finding]:
    """工作簿不能加打开密码。

    通过：没有打开密码的工作簿
    不通过：打开时要输密码的工作簿
    改正：取消打开密码后再报。
    """
    yield from refused(this, case)


@check("F005", "文件残缺", needs_form=False, of="refusal")
def damaged(this: Check, case: Case) -> Iterator[Finding]:
    """文件要完整，内部能读通。

    通过：正常保存的工作簿
    不通过：只传了一半的文件　传输中改坏了的文件
    改正：打开原文件另存一次再发送；打不开就请重新填报。
    """
    yield from refused(this, case)


@check("F006", "文件结构可疑", needs_form=False, of="refusal")
def suspicious(this: Check, case: Case) -> Iterator[Finding]:
    """压缩包的目录要规矩，不含重名、越界的条目。

    通过：WPS、Excel、LibreOffice 保存的工作簿
    不通过：条目重名　条目名带“..”　目录与内容不符
    改正：用 WPS 或 Excel 打开后另存为新的 .xlsx 再报。
    """
    yield from refused(this, case)


@check("F007", "文件过大", needs_form=False, of="refusal")
def too_large(this: Check, case: Case) -> Iterator[Finding]:
    """文件大小要与一份报表相称。

    通过：几十到几百千字节的工作簿
    不通过：展开后上百兆的文件
    改正：删去粘进来的图片和多余内容，或用下发的模板重填。
    """
    yield from refused(this, case)


@check("F008", "带宏", needs_form=False, of="refusal")
def with_macros(this: Check, case: Case) -> Iterator[Finding]:
    """工作簿不能带宏。

    通过：.xlsx
    不通过：.xlsm　含宏表的工作簿
    改正：另存为“Excel 工作簿（.xlsx）”再报。
    """
    yield from refused(this, case)


@check("F009", "带外部内容", needs_form=False, of="refusal")
def with_outside_content(this: Check, case: Case) -> Iterator[Finding]:
    """数要在本工作簿里，不能引自别的文件或嵌入对象。

    通过：普通超链接
    不通过：外部链接　嵌入对象　数据连接
    改正：把引用的数粘贴成数值，断开链接后再报。
    """
    yield from refused(this, case)


@check("F010", "含不允许的声明", needs_form=False, of="refusal")
def with_doctype(this: Check, case: Case) -> Iterator[Finding]:
    """工作簿内部不能含文档类型声明或实体声明；办公软件从不写它们。

    通过：WPS、Excel、LibreOffice 保存的工作簿
    不通过：被别的程序改造过的文件
    改正：用 WPS 或 Excel 打开后另存为新的 .xlsx 再报。
    """
    yield from refused(this, case)


@check("F011", "舍位副本", needs_form=False, of="refusal")
def scaled_copy(this: Check, case: Case) -> Iterator[Finding]:
    """按万元、千件等写的舍位副本只供阅读，里面的数是四舍五入过的，不能当作报表。

    通过：单位的报表　汇总表
    不通过：汇总（单位：万元）.xlsx
    改正：报汇总表本身或单位的报表，把副本从收件里拿开。
    """
    yield from refused(this, case)


@check("F012", "没有读完", needs_form=False, of="refusal")
def unfinished(this: Check, case: Case) -> Iterator[Finding]:
    """一份文件要在限定的时间和内存里读得完；读不完的只影响它自己，别的照常核对。

    通过：一两秒内读完的工作簿
    不通过：把内存占满的文件　让程序停住不动的文件
    改正：用下发的模板重新填写；确是正常文件的，单独再核对一次。
    """
    yield from refused(this, case)

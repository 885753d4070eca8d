"""The reference page of all codes, made from the registry: what docs/codes.md holds.

python -m xltools.reporting.codes > docs/codes.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import groupby

from xltools.checks import Check, registered

MODULES = {
    "files": "文件打不打得开、是不是工作簿",
    "structure": "是不是下发的模板，表和标签在不在原处",
    "shape": "多出来的表、改过的合并格、表外的内容",
    "integrity": "合计还是不是公式",
    "values": "填报格里填的是什么",
    "rules": "勾稽关系",
    "years": "与上年相比",
    "culprit": "哪一格像是填错的",
    "statements": "文字与表对不对得上",
    "across": "与名单、与其他文件相比",
}
INTRO = """# 问题代码

`xltools check` 列出的每条问题都有一个代码。程度分三种：**退回**（必须改）、**待核实**（可以有理由；在“校验”表或退回件“问题清单”的“说明”栏
写明原因后算作提示）、**提示**（不影响汇总）。本页由程序从各项检查的说明生成，测试核对它与程序一致。
"""


def reference() -> str:
    """The whole page, in Markdown."""
    return INTRO + "".join(f"{line}\n" for line in _lines())


def parts(check: Check) -> tuple[str, dict[str, str]]:
    """The summary of a check's docstring, and what it says after 通过, 不通过 (or 提示) and 改正."""
    text = inspect.cleandoc(check.run.__doc__ or "")
    summary, _, rest = text.partition("\n\n")
    said: dict[str, str] = {}
    for line in rest.splitlines():
        head, colon, words = line.partition("：")
        if colon and head in ("通过", "不通过", "提示", "改正"):
            said[head] = words
    return " ".join(summary.split()), said


def _lines() -> Iterator[str]:
    for module, checks in groupby(registered().values(), key=lambda check: check.module):
        yield f"\n## {MODULES[module]}"
        for check in checks:
            summary, said = parts(check)
            yield f"\n### {check.code} {check.title}（{check.level.words}）\n"
            yield summary + "\n"
            yield from (f"- {head}：{words}" for head, words in said.items())


if __name__ == "__main__":
    print(reference(), end="")

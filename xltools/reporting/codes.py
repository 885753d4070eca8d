"""The reference page of all codes, made from the registry: what docs/codes.md holds.

python -m xltools.reporting.codes > docs/codes.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import groupby

from xltools.checks import Check, registered
from xltools.checks.registry import MODULES

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

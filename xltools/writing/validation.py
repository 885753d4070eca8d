"""What an input cell lets in, and how a fault that was pasted in shows: the same limits said twice."""

from __future__ import annotations

from typing import Any

from xltools.form import CoverField, Item

PROMPT_TITLE, PROMPT_TEXT = 32, 255  # Excel's limits
SHORT_TEXT, LONG_TEXT = 100, 32_000


def fault_formula(item: Item) -> str:
    """True where pasting has brought in what the validation would have stopped."""
    tests = ["COUNT({})+COUNTBLANK({})=0"]
    if item.type != "signed":
        tests.append("{}<0")
    if item.type in ("count", "signed"):
        tests.append("IFERROR(ROUND({},0)<>{},FALSE)")
    return f"OR({','.join(tests)})"


def figure_validation(item: Item, cap: int | None) -> dict[str, Any]:
    unit = f"单位：{item.unit}。" if item.unit else ""
    if item.type == "text":
        return text_validation("文字", "填文字，可留空。", SHORT_TEXT)
    limit = cap or 10**15 - 1
    low, what = (
        (-limit, "整数，增加填正数，减少填负数") if item.type == "signed" else (0, "不带单位的非负整数")
    )
    if item.type == "money":
        what = f"不带单位的金额，最多{item.places}位小数"
    return {
        "validate": "decimal" if item.type == "money" else "integer",
        "criteria": "between",
        "minimum": low,
        "maximum": limit,
        "input_title": "填数字",
        "input_message": f"填{what}。{unit}没有发生的填 0。"[:PROMPT_TEXT],
        "error_title": "这一格填得不对",
        "error_message": f"这里只能填{what}，{unit}不能超过 {limit}。确实超过的，请与下发单位联系。"[
            :PROMPT_TEXT
        ],
    }


def text_validation(title: str, prompt: str, most: int = LONG_TEXT) -> dict[str, Any]:
    return {
        "validate": "length",
        "criteria": "<=",
        "value": most,
        "input_title": title[:PROMPT_TITLE],
        "input_message": (prompt or "填文字。")[:PROMPT_TEXT],
        "error_title": "太长了",
        "error_message": f"最多 {most} 个字。",
    }


def cover_validation(one: CoverField) -> dict[str, Any]:
    if one.type == "choice":
        return {
            "validate": "list",
            "source": list(one.choices),
            "input_title": one.label[:PROMPT_TITLE],
            "input_message": f"从下拉框里选：{'、'.join(one.choices)}。"[:PROMPT_TEXT],
            "error_title": "请从下拉框里选",
            "error_message": f"只能是：{'、'.join(one.choices)}。"[:PROMPT_TEXT],
        }
    prompt = "例如 2021-01-15，可以不填。" if one.type == "date" else "填文字。"
    return text_validation(one.label, prompt, SHORT_TEXT)

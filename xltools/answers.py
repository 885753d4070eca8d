"""Answers: what goes into a workbook's open cells, from a system instead of a keyboard.

The JSON is described in docs/json.md.  What the form forbids is let through, since `check` is there to
say so; what the workbook has no place for is an error.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from xltools.compute import as_number, totals
from xltools.errors import ValuesError
from xltools.form import Form
from xltools.words import MOST_TEXT, number_text

MOST_DIGITS = 15  # significant digits a cell holds

Answer = int | Decimal | str | bool | None


def fitting(text: str) -> str:
    """What of a text a cell holds, counted in UTF-16 as Excel counts."""
    if len(text) <= MOST_TEXT // 2:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * MOST_TEXT].decode("utf-16-le", "ignore")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Item id → figure, text id → text, cover field → text, rule line → explanation.

    A figure may be anything a cell can hold, also a text or a boolean where a number belongs.
    """

    items: Mapping[str, Answer] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    cover: Mapping[str, str] = field(default_factory=dict)
    explanations: Mapping[str, str] = field(default_factory=dict)

    def over(self, before: Answers) -> Answers:
        """These answers laid over earlier ones; what is absent here stays as it was."""
        return Answers(
            **{
                part.name: {**getattr(before, part.name), **getattr(self, part.name)}
                for part in dataclasses.fields(Answers)
            }
        )

    def fitting(self) -> Answers:
        """The same with every text cut to what a cell holds."""
        return Answers(
            **{
                part.name: {
                    name: fitting(value) if isinstance(value, str) else value
                    for name, value in getattr(self, part.name).items()
                }
                for part in dataclasses.fields(Answers)
            }
        )

    def check_totals(self, form: Form) -> Answers:
        """Without the derived items, which the workbook works out itself.

        Raises ValuesError for one that is not the sum of its parts: silently dropping it would hide a mistake.
        """
        given = {name: value for name, value in self.items.items() if not form.items[name].is_input}
        if not given:
            return self
        inputs = {name: value for name, value in self.items.items() if name not in given}
        worked_out = totals(form, inputs)
        shown = totals(form, inputs, blank=0)
        for name, value in given.items():
            if value is not None and as_number(value) not in (worked_out[name], shown[name]):
                raise ValuesError(
                    f"items.{name} 是合计，由工作簿自己算；给的是 {value}，按各分项算是 {shown[name]}，请核对或不写这一项。"
                )
        return dataclasses.replace(self, items=inputs)


def answers_from_json(form: Form, source: object) -> Answers:
    """Answers from the parsed JSON object (numbers parsed with Decimal).  Raises ValuesError naming the key."""
    if not isinstance(source, dict):
        raise ValuesError('应是一个对象：{"items": {…}, "texts": {…}, "cover": {…}, "explanations": {…}}。')
    known: dict[str, Iterable[str]] = {
        "items": form.items,
        "texts": form.texts,
        "cover": [one.id for one in form.cover],
        "explanations": [line.id for line in form.rule_lines],
    }
    _known(source, known, "")
    parts: dict[str, dict[str, Any]] = {}
    for part, names in known.items():
        given = source.get(part) or {}
        if not isinstance(given, dict):
            raise ValuesError(f"{part} 应是一个对象。")
        _known(given, names, f"{part}.")
        parts[part] = given
    items = {name: _figure(form, name, value) for name, value in parts.pop("items").items()}
    return Answers(items=items, **{part: _texts(part, given) for part, given in parts.items()}).check_totals(
        form
    )


def _known(given: Mapping[str, object], names: Iterable[str], path: str) -> None:
    known = list(names)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.3)
            hint = f"最接近的是 {path}{near[0]}。" if near else f"可用的：{'、'.join(known)}。"
            raise ValuesError(f"没有叫 {path}{name} 的项；{hint}")


def _figure(form: Form, name: str, value: object) -> Answer:
    if isinstance(value, str) and form.items[name].type == "money":
        try:  # money travels as a string in JSON, so that no float comes near it
            number = Decimal(value.strip())
            if number.is_finite() and "E" not in value.upper() and "_" not in value:
                value = number
        except InvalidOperation:
            pass
    if isinstance(value, str):
        return _text(f"items.{name}", value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        digits = number_text(value).lstrip("-").replace(".", "").strip("0")
        if not digits.isdigit() and digits or len(digits) > MOST_DIGITS:
            raise ValuesError(f"items.{name} 的 {value} 超过 {MOST_DIGITS} 位有效数字，工作簿存不下。")
        return value
    if value is None or isinstance(value, bool):
        return value
    raise ValuesError(f"items.{name} 应是数、文字或 null，给的是 {type(value).__name__}。")


def _texts(part: str, given: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(f"{part}.{name}", value) for name, value in given.items()}


def _text(where: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValuesError(f"{where} 应是文字。")
    if len(value.encode("utf-16-le", "surrogatepass")) // 2 > MOST_TEXT:
        raise ValuesError(f"{where} 有 {len(value)} 个字，一格最多 {MOST_TEXT} 个。")
    return value

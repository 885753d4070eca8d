"""How cells look: one dictionary of format properties per role, for templates and roll-ups alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Style = Mapping[str, Any]

BODY_FONT, HEAD_FONT = "宋体", "黑体"
BODY_SIZE = 10.5
INPUT_FILL, TOTAL_FILL, HEAD_FILL, BAND_FILL = "#FFFBE6", "#F4F4F9", "#F2F2F2", "#E4E4E4"
BAD_FILL, BAD_INK = "#FFC7CE", "#9C0006"
WAIT_FILL, GOOD_FILL, SAID_FILL, QUIET_INK = "#FFE699", "#E2EFDA", "#DDEBF7", "#7F7F7F"

CENTRED: Style = {"align": "center", "valign": "vcenter", "text_wrap": True}
LEFT: Style = {"align": "left", "valign": "vcenter", "text_wrap": True, "indent": 1}
BOXED: Style = {"border": 1}
OPEN: Style = {"locked": False, "bg_color": INPUT_FILL}

LABELS: Mapping[str, Style] = {
    "title": {**CENTRED, "font_name": HEAD_FONT, "font_size": 16},
    "band": {**CENTRED, **BOXED, "font_name": HEAD_FONT, "bg_color": BAND_FILL},
    "corner": {**CENTRED, **BOXED, "bg_color": HEAD_FILL},
    "head": {**CENTRED, **BOXED, "bg_color": HEAD_FILL},
    "row": {**LEFT, **BOXED},
    "text": {**LEFT, **BOXED, "font_name": HEAD_FONT, "bg_color": BAND_FILL},
    "field": {**LEFT, **BOXED},
    "number": {**CENTRED, **BOXED},
    "plain": {"align": "center", "valign": "vcenter", "text_wrap": True},
}
HEAD: Style = LABELS["head"]
CELL: Style = {**LEFT, **BOXED}
COUNT: Style = {**CENTRED, **BOXED}
TOTAL: Style = {**COUNT, "bg_color": TOTAL_FILL, "bold": True}
CARRIERS: Mapping[str, Style] = {
    "form": {"num_format": '"表式 "@'},
    "edition": {"num_format": '"版本 "@'},
    "issue": {"num_format": '"签发 "@'},
    "code": {"num_format": '"单位代码 "@'},
}
SMALL: Style = {"font_size": 8, "font_color": QUIET_INK, "valign": "vcenter", "shrink": True}
UNIT: Style = {"num_format": '"填报单位："@', "align": "left", "valign": "vcenter", "shrink": True}
YEAR: Style = {"num_format": '0"年度"', "align": "right", "valign": "vcenter"}
NUMBER_FORMATS: Mapping[str, str] = {"count": "0", "signed": "0", "money": "General", "text": "@"}
STATUS: Mapping[str, Style] = {
    "通过": {"bg_color": GOOD_FILL},
    "不平": {"bg_color": BAD_FILL, "font_color": BAD_INK, "bold": True},
    "待说明": {"bg_color": WAIT_FILL},
    "已说明": {"bg_color": SAID_FILL},
    "提示": {"bg_color": SAID_FILL},
}
GRAVITY: Mapping[str, Style] = {
    "退回": {"bg_color": BAD_FILL, "font_color": BAD_INK, "bold": True},
    "待核实": {"bg_color": WAIT_FILL},
    "提示": {"bg_color": SAID_FILL},
}
# what a finding speaks of: a frame as well as a colour, since forms are printed in black and read by the colour-blind
MARKS: Mapping[str, Style] = {
    "退回": {"bg_color": BAD_FILL, "border": 5, "border_color": BAD_INK},
    "待核实": {"bg_color": WAIT_FILL, "border": 8, "border_color": "#7F6000"},
}
LINK: Style = {"font_color": "#0563C1", "underline": 1}
FAULT: Style = {"bg_color": BAD_FILL, "font_color": BAD_INK, "bold": True}

"""`extends`: one form file laid over another, as plain TOML values, before anything is understood.

Sheets, texts, tables, lines, cover fields and rules are matched by id.  A key given again overrides;
`drop = true` removes, `after = "id"` places, everything new goes to the end otherwise.
Both trees have been through syntax.py, so every member of these lists has an id, and no id stands twice.
"""

from __future__ import annotations

from collections.abc import Callable

from xltools.forms.source import Toml
from xltools.forms.syntax import joined

Report = Callable[[str, str], None]  # (key path, problem)

# the lists whose members have ids, by the key they stand under
LISTS = {"cover", "sheet", "text", "table", "columns", "rows", "rule", "statement", "chart", "parts"}


def overlay(base: Toml, change: Toml, report: Report, path: str = "") -> Toml:
    """`base` with `change` laid over it; neither is altered.  Problems go to `report`."""
    merged = dict(base)
    for key, value in change.items():
        where = joined(path, key)
        if key in LISTS and isinstance(value, list):
            merged[key] = _overlay_list(merged.get(key, []), value, report, where)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = overlay(merged[key], value, report, where)
        else:
            merged[key] = value
    return merged


def _overlay_list(base: list[Toml], changes: list[Toml], report: Report, path: str) -> list[Toml]:
    merged = list(base)

    def position(name: str) -> int | None:
        return next((at for at, one in enumerate(merged) if one["id"] == name), None)

    def known(but: str = "") -> str:
        return "、".join(one["id"] for one in merged if one["id"] != but) or "没有"

    for change in changes:
        name = change["id"]
        where, at = f"{path}.{name}", position(name)
        if change.get("drop"):
            if at is None:
                report(f"{where}.drop", f"要删去的‘{name}’不存在；可用的：{known()}")
            else:
                del merged[at]
            continue
        fresh = {key: value for key, value in change.items() if key not in ("after", "drop")}
        if at is None:
            entry, at = overlay({}, fresh, report, where), len(merged)
        else:
            entry = overlay(merged.pop(at), fresh, report, where)
        if "after" in change:
            anchor = position(change["after"])
            if anchor is None:
                report(f"{where}.after", f"指的‘{change['after']}’不存在；可用的：{known(but=name)}")
            else:
                at = anchor + 1
        merged.insert(at, entry)
    return merged

"""`extends`: one form file laid over another, as plain TOML values, before anything is understood.

Sheets, texts, tables, lines, cover fields and rules are matched by id.  A key given again overrides;
`drop = true` removes, `after = "id"` places a new one, everything else goes to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Toml = dict[str, Any]
Report = Callable[[str, str], None]  # (key path, problem)

# the lists whose members have ids, by the key they stand under
LISTS = {"cover", "sheet", "text", "table", "columns", "rows", "rule"}


def overlay(base: Toml, change: Toml, report: Report, path: str = "") -> Toml:
    """`base` with `change` laid over it; neither is altered.  Problems go to `report`."""
    merged = dict(base)
    for key, value in change.items():
        where = f"{path}.{key}" if path else key
        if key in LISTS and isinstance(value, list):
            merged[key] = _overlay_list(merged.get(key, []), value, report, where)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = {**merged[key], **value}
        else:
            merged[key] = value
    return merged


def place(entries: list[Any], report: Report, path: str) -> list[Any]:
    """A list of its own file with its `after` and `drop` obeyed; the same rules as an overlay on nothing."""
    return _overlay_list([], entries, report, path)


def _overlay_list(base: list[Any], changes: list[Any], report: Report, path: str) -> list[Any]:
    merged = list(base)

    def position(name: object) -> int | None:
        return next(
            (i for i, one in enumerate(merged) if isinstance(one, dict) and one.get("id") == name), None
        )

    for change in changes:
        if not isinstance(change, dict) or "id" not in change:
            merged.append(change)  # load.py says what is wrong with it
            continue
        where = f"{path}.{change['id']}"
        at = position(change["id"])
        known = "、".join(str(one.get("id")) for one in merged if isinstance(one, dict))
        if change.get("drop") is True:
            if at is None:
                report(where, f"要删去的‘{change['id']}’不存在；可用的：{known}")
            else:
                del merged[at]
            continue
        fresh = {key: value for key, value in change.items() if key not in ("after", "drop")}
        if at is not None and not base:
            report(where, "同一个 id 写了两次")
        if at is None:
            entry, at = overlay({}, fresh, report, where), len(merged)
        else:
            entry = overlay(merged.pop(at), fresh, report, where)
        if "after" in change:
            anchor = position(change["after"])
            if anchor is None:
                report(where, f"after 指的‘{change['after']}’不存在；可用的：{known}")
            else:
                at = anchor + 1
        merged.insert(at, entry)
    return merged

"""Statement: what an archive says of the round in it, 封存.json; written by closing, believed by nobody before it is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xltools.issued import Issued, Register
from xltools.roster import Unit
from xltools.rounds.archive import Unsound
from xltools.rounds.rows import Records

FILE = "封存.json"
SCHEMA = "xltools.archive/1"
_UNIT = ("name", "code", "kind", "level", "parent", "contact", "phone", "due")
_COPY = ("number", "unit", "form", "year", "file", "sha256", "at")
_RECEIPT = (
    "sha256", "name", "source", "at", "unit", "number", "errors", "queries", "notes", "sentence", "void", "pinned",
    "reason", "returned",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Original:
    """One file that was received, as the statement has it."""

    file: str  # member of the archive
    sha256: str
    reported_as: str  # the name that the roll-up has for it
    merged: bool


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is needed to add the round up again."""

    title: str
    county: str
    closed_at: str
    reason: str
    form: str
    year: int
    forms: tuple[str, ...]  # members: the form's own file, then those it is laid over
    roster: str
    rollup: str
    originals: tuple[Original, ...]
    register: Register


def ledger_extract(records: Records, names: Mapping[int, str]) -> dict[str, Any]:
    """The ledger's rows as JSON takes them; `names` are those that receipts are reported under."""
    return {
        "units": [
            {"id": row.id, **{name: getattr(row.unit, name) for name in _UNIT}, "listed": row.listed, "dropped": row.dropped}
            for row in records.units
        ],
        "copies": [
            {**{name: getattr(copy, name) for name in _COPY}, "then": copy.then.identity()}
            for copy in records.copies
        ],
        "receipts": [
            {
                **{name: getattr(row, name) for name in _RECEIPT},
                "outcome": row.outcome.value if row.outcome else None,
                "file": row.path,
                "reported_as": names.get(row.id, row.name),
                "merged": row.id in records.merged,
            }
            for row in records.receipts
        ],
        "strays": [
            {"name": one.name, "source": one.source, "at": one.at, "sentence": one.sentence, "sha256": one.sha256}
            for one in records.strays
        ],
        "events": [
            {"at": one.at, "unit": one.unit, "state": one.state.value, "cause": one.cause, "file": one.file}
            for one in records.events
        ],
    }  # fmt: skip


def read_statement(data: bytes | None) -> Statement:
    """Raises Unsound where it is not what closing writes."""
    if data is None:
        raise Unsound(f"里面没有 {FILE}，不是 xltools 封存的。")
    try:
        said = json.loads(data)
        if said["schema"] != SCHEMA:
            raise Unsound(f"{FILE} 是别的版本写的（{str(said['schema'])[:40]}），请用那个版本核对。")
        units = {one["id"]: _unit(one) for one in said["units"]}
        return Statement(
            **{name: _text(said[name]) for name in ("title", "county", "closed_at", "reason", "form", "roster", "rollup")},
            year=_whole(said["year"]),
            forms=tuple(map(_text, said["forms"])),
            originals=tuple(map(_original, said["receipts"])),
            register=Register({one["number"]: _issued(one, units) for one in said["copies"]}),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unsound(f"{FILE} 写得不对，不是 xltools 封存时写的样子。") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _unit(said: Mapping[str, Any]) -> Unit:
    name, code, kind, level, parent = (
        _text(said[name]) for name in ("name", "code", "kind", "level", "parent")
    )
    return Unit(name=name, code=code, kind=kind, level=level, parent=parent)


def _issued(said: Mapping[str, Any], units: Mapping[int, Unit]) -> Issued:
    then = said["then"]
    unit = _unit({**then, "name": then["unit"]})
    return Issued(_text(said["number"]), _text(said["form"]), _whole(said["year"]), unit, units[said["unit"]])


def _original(said: Mapping[str, Any]) -> Original:
    return Original(
        file=_text(said["file"]),
        sha256=_text(said["sha256"]),
        reported_as=_text(said["reported_as"]),
        merged=said["merged"] is True,
    )

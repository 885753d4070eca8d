"""Results and forms as JSON, as described in docs/json.md.  Money is a string, a blank is null."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from xltools.finding import Finding, Outcome
from xltools.form import Form, Value
from xltools.layout import CHECKS, Carrier, lay_out
from xltools.result import Checked, CheckResult, MergeResult
from xltools.rollup import Rollup
from xltools.words import BLANKS, number_text

CHECK_SCHEMA, FORM_SCHEMA = "xltools.check/1", "xltools.form/1"
FINDING_FIELDS = (
    "code", "level", "sheet", "cell", "item", "rule", "found", "expected", "difference", "message", "remedy",
    "fingerprint", "explained",
)  # fmt: skip


def dump(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


def check_document(result: CheckResult) -> dict[str, Any]:
    """The object that `check --format json` prints."""
    return {
        "schema": CHECK_SCHEMA,
        "summary": summary(result),
        "filings": [filing_document(one) for one in result.filings],
    }


def summary(result: CheckResult) -> dict[str, Any]:
    counts = {outcome.value: result.counts[outcome] for outcome in Outcome}
    return {"files": len(result.filings), **counts, "missing": [unit.name for unit in result.missing]}


def merge_document(result: MergeResult, path: str | None) -> dict[str, Any]:
    """The object that `merge --format json` prints: a check's, with what became of each file and the figures."""
    document = check_document(result.checked)
    for filing, went in zip(document["filings"], result.merged, strict=True):
        filing["merged"] = went
    document["rollup"] = rollup_document(result.rollup, path) if result.rollup else None
    return document


def rollup_document(rollup: Rollup, path: str | None) -> dict[str, Any]:
    return {
        "file": path,
        "form": rollup.form.key,
        "year": rollup.year,
        "unit": {"code": rollup.unit.code, "name": rollup.unit.name},
        "units": len(rollup.leaves),
        "expected": rollup.expected,
        "missing": [{"code": unit.code, "name": unit.name, "why": why} for unit, why in rollup.missing],
        "items": figures(rollup.figures),
        "leaves": [
            {"code": leaf.unit.code, "name": leaf.unit.name, "file": leaf.file, "sha256": leaf.sha256}
            for leaf in rollup.leaves
        ],
    }


def filing_document(one: Checked) -> dict[str, Any]:
    filing = one.filing
    unit = {"code": filing.unit.code, "name": filing.unit.name} if filing.unit else None
    return {
        "file": filing.file,
        "outcome": one.outcome.value,
        "form": filing.form_key,
        "year": filing.year,
        "unit": unit,
        "sha256": filing.sha256 or None,
        "items": figures(filing.figures),
        "findings": [finding_document(finding) for finding in one.findings],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    said = {name: getattr(finding, name) for name in FINDING_FIELDS}
    return {**said, "level": finding.level.value}


def figures(values: Any) -> dict[str, Any]:
    return {name: figure(value) for name, value in values.items()}


def figure(value: Value) -> int | str | None:
    return number_text(value) if isinstance(value, Decimal) else value


def check_lines(result: CheckResult) -> Iterator[str]:
    """One JSON object per filing and line."""
    for one in result.filings:
        yield json.dumps(filing_document(one), ensure_ascii=False)


def check_csv(result: CheckResult) -> str:
    """One line per finding, and one for a filing without any; texts that a spreadsheet would run are quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(("file", "outcome", "unit_code", "unit_name", *FINDING_FIELDS))
    for one in result.filings:
        unit = one.filing.unit
        head = (one.filing.file, one.outcome.value, unit.code if unit else "", unit.name if unit else "")
        rows = [tuple(finding_document(f).values()) for f in one.findings] or [("",) * len(FINDING_FIELDS)]
        for row in rows:
            writer.writerow([harmless(cell) for cell in (*head, *row)])
    return buffer.getvalue()


_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_STARTERS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide ones count in Chinese editions


def harmless(cell: object) -> str:
    """A csv cell that no spreadsheet takes for a formula: an apostrophe goes before what might begin one.

    >>> harmless("=1+1"), harmless(" @SUM(A1)"), harmless("-3.5"), harmless("-3+4"), harmless("三、=")
    ("'=1+1", "' @SUM(A1)", '-3.5', "'-3+4", '三、=')
    """
    text = "" if cell is None else str(cell)
    begins = text[:1] in ("\t", "\r", "\n") or text.lstrip(BLANKS)[:1] in _STARTERS
    return f"'{text}" if text and begins and not _NUMBER.fullmatch(text) else text


def form_document(form: Form) -> dict[str, Any]:
    """A form's layout, so that any other program can read or write our workbooks."""
    layout = lay_out(form)
    return {
        "schema": FORM_SCHEMA,
        "id": form.key,
        "title": form.title,
        "years": [form.first_year, form.last_year],
        "items": [
            {
                "id": slot.item.id,
                "sheet": slot.sheet,
                "cell": slot.address,
                "row": list(slot.item.row_label),
                "column": list(slot.item.column_label),
                "type": slot.item.type,
                "unit": slot.item.unit,
                "derived": not slot.is_input,
                "supplement": slot.item.supplement,
                "rollup": slot.item.rollup,
            }
            for slot in layout.slots.values()
        ],
        "texts": [
            {"id": name, "sheet": place.sheet, "cell": place.address, "label": form.texts[name].label}
            for name, place in layout.texts.items()
        ],
        "cover": [
            {"id": one.id, "sheet": place.sheet, "cell": place.address, "label": one.label}
            for one in form.cover
            for place in [layout.cover[one.id]]
        ],
        "labels": [
            {"sheet": label.place.sheet, "cell": label.place.address, "text": label.text}
            for label in layout.labels
            if label.is_verified
        ],
        "rules": [
            {
                "id": row.line.id,
                "level": row.line.rule.level,
                "that": row.line.rule.that.text,
                "basis": row.line.rule.basis,
                "sheet": CHECKS,
                "cell": row.result.address,
                "explanation": row.explanation.address if row.line.rule.level == "query" else None,
            }
            for row in layout.rules.values()
        ],
        "carriers": [carrier_document(carrier) for carrier in layout.carriers],
    }


def carrier_document(carrier: Carrier) -> dict[str, Any]:
    return {
        "kind": carrier.kind,
        "sheet": carrier.place.sheet if carrier.place else None,
        "cell": carrier.place.address if carrier.place else None,
        "name": carrier.name,
        "field": carrier.field,
    }

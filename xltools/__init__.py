"""xltools: locked report workbooks from one form file, read back, verified and merged.

The public face: the functions below and the nouns they speak of.  Everything is loaded when first asked
for, so that importing xltools costs next to nothing.

>>> from xltools import Unit, load_form, write_template
>>> form = load_form("gov-info-disclosure/2021")
>>> data = write_template(form, Unit(name="示例镇"), 2023)
>>> len(form.inputs), data[:2]
(168, b'PK')
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "load_form": "xltools.forms.catalogue",
    "lay_out": "xltools.layout",
    "write_template": "xltools.writing.template",
    "read_roster": "xltools.reading.rosters",
    "read_answers": "xltools.issuing",
    "issue_templates": "xltools.issuing",
    "fill": "xltools.issuing",
    "check": "xltools.intake",
    "read_last_year": "xltools.lastyear",
    "send_back": "xltools.returning",
    "merge": "xltools.merging",
    "write_rollup": "xltools.writing.rollup",
    "explain": "xltools.explaining",
    "compare": "xltools.differing",
    "Answers": "xltools.answers",
    "Filing": "xltools.filing",
    "Finding": "xltools.finding",
    "Form": "xltools.form",
    "Level": "xltools.finding",
    "Outcome": "xltools.finding",
    "Rollup": "xltools.rollup",
    "Roster": "xltools.roster",
    "Unit": "xltools.roster",
    "XltoolsError": "xltools.errors",
}
__all__ = [*_HOMES, "__version__"]

if TYPE_CHECKING:
    from xltools.answers import Answers
    from xltools.differing import compare
    from xltools.errors import XltoolsError
    from xltools.explaining import explain
    from xltools.filing import Filing
    from xltools.finding import Finding, Level, Outcome
    from xltools.form import Form
    from xltools.forms.catalogue import load_form
    from xltools.intake import check
    from xltools.issuing import fill, issue_templates, read_answers
    from xltools.lastyear import read_last_year
    from xltools.layout import lay_out
    from xltools.merging import merge
    from xltools.reading.rosters import read_roster
    from xltools.returning import send_back
    from xltools.rollup import Rollup
    from xltools.roster import Roster, Unit
    from xltools.writing.rollup import write_rollup
    from xltools.writing.template import write_template


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""Figures shown on the page, as a test's reader would lay them out:

| clearing | main | side |        the table, then its columns
| due      |    3 |      |        a row; an empty cell is blank
| machine  |  2.5 | 约3  |        a decimal is money, anything else a text
"""

from __future__ import annotations

import re
from decimal import Decimal

from xltools.compute import all_figures
from xltools.form import Form, Value


def values_on(page: str) -> dict[str, Value]:
    """Item id → value, for every cell shown; blank cells are None.  A page may show several tables."""
    values: dict[str, Value] = {}
    head: list[str] = []
    for line in page.splitlines():
        if not line.strip():
            head = []
            continue
        first, *cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not head:
            head = [first, *cells]
            continue
        for column, cell in zip(head[1:], cells, strict=True):
            values[f"{head[0]}.{first}.{column}"] = value_of(cell)
    return values


def value_of(cell: str) -> Value:
    if re.fullmatch(r"-?[0-9]+", cell):
        return int(cell)
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", cell):
        return Decimal(cell)
    return cell or None


def inputs_on(form: Form, page: str, *, rest: Value = None) -> dict[str, Value]:
    """The form's inputs with what the page shows; `rest` is the value of the numbers that it does not show."""
    shown = values_on(page)
    assert set(shown) <= {item.id for item in form.inputs}, set(shown) - set(form.items)
    blank = {item.id: None if item.type == "text" else rest for item in form.inputs}
    return {**blank, **shown}


def figures_on(form: Form, page: str, *, rest: Value = None) -> dict[str, Value]:
    """Inputs and totals of what the page shows."""
    return all_figures(form, inputs_on(form, page, rest=rest))

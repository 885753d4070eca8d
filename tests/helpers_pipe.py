"""Workbooks for tests: filled by seed, changed in one place, read back."""

import io
import random
from decimal import Decimal
from pathlib import Path

import openpyxl

from xltools import Answers, Unit, lay_out, load_form, write_template
from xltools.checks import Case, run_checks
from xltools.forms.catalogue import form_files
from xltools.intake import FormFinder
from xltools.reading.filings import read_filing_bytes

OWN = sorted((Path(__file__).parent / "forms").glob("snow*.toml"))
FORMS = [key for key, _ in form_files()] + [str(path) for path in OWN]
TOWN = Unit(name="示例镇", code="U01", parent="示例县")


def year_of(form):
    return form.last_year or form.first_year


def seeded(form, seed=1, *, most=9):
    """Answers that every rule of the national forms accepts: nothing is asked for that is not answered."""
    chance = random.Random(seed)
    items = {}
    for item in form.inputs:
        if item.type == "text":
            items[item.id] = f"文字{chance.randint(0, 9)}"
        elif item.type == "money":
            items[item.id] = Decimal(chance.randint(0, 9_999_999)) / 10 ** min(item.places, 4)
        else:
            items[item.id] = chance.randint(0, most)
    if "applications" in form.tables:
        settle(form, items)
    texts = {name: f"第{seed}份的{text.label}。" for name, text in form.texts.items()}
    return Answers(items=items, texts=texts)


def settle(form, items):
    """Makes the figures of the national forms agree: each column's requests are all accounted for."""
    for column in form.tables["applications"].columns:
        if not column.sum:
            ids = {row.id: f"applications.{row.id}.{column.id}" for row in form.tables["applications"].rows}
            outcomes = sum(v for k, v in items.items() if k.split(".")[0::2] == ["applications", column.id]
                           and k.split(".")[1] not in ("new", "carried_in"))  # fmt: skip
            items[ids["carried_in"]] = 0
            items[ids["new"]] = outcomes
    for name in items:
        table, row, column = name.split(".")
        if row == "regulation" or column == "change":
            items[name] = 0
        if table == "documents" and column in ("disclosed", "made"):
            items[name] = 0
        if table in ("licensing", "enforcement") and column == "previous":
            items[name] = 20
        if table == "procurement":
            items[name] = 2 if column == "projects" else Decimal("180.5")


def filled(form, seed=1, unit=TOWN, **more):
    return write_template(form, unit, year_of(form), seeded(form, seed), **more)


def read(data, name="示例镇.xlsx"):
    return read_filing_bytes(name, data, FormFinder(OWN))


def findings(data, **case):
    return run_checks(Case(read(data), **case))


def codes(data, **case):
    return [(finding.code, finding.cell) for finding in findings(data, **case)]


def changed(data, change):
    """The workbook after `change(book)` by openpyxl, as an outside program would."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    change(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def slot(form, item):
    return lay_out(load_form(form) if isinstance(form, str) else form).slots[item]

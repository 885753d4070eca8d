"""Programs that units and counties save with: what they write again reads as before, faults included.

SheetJS and exceljs (npm, in one node process), openpyxl, and LibreOffice, each as its users meet it: opened,
perhaps a few cells set, saved, with default options.
"""

import datetime
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import helpers_office
import helpers_pipe as pipe
import openpyxl
import pytest

from xltools import Answers, Outcome, Unit, check, load_form, merge, write_rollup, write_template
from xltools.formulas import total_formula
from xltools.geometry import column_letters
from xltools.layout import COVER, lay_out
from xltools.problems import PROBLEM_HEADS, PROBLEMS, place_words
from xltools.returning import send_back

HERE = Path(__file__).parent
PACKAGES = HERE.parent / ".ci"
NATIONAL = ["gov-info-disclosure/2019", "gov-info-disclosure/2019-jilin", "gov-info-disclosure/2021"]
COUNTY = Unit(name="示例县", code="U9", level="county")
KEEP_FORMATS = [
    pytest.param("sheetjs with formats", marks=pytest.mark.clients),
    pytest.param("exceljs", marks=pytest.mark.clients),
    "openpyxl",
    pytest.param("office", marks=pytest.mark.office),
]
PROGRAMS = [pytest.param("sheetjs", marks=pytest.mark.clients), *KEEP_FORMATS]


@dataclass(frozen=True)
class Job:
    """A workbook, the cells that a program sets in it, and what is then to be found."""

    data: bytes
    cells: tuple = ()  # (sheet, cell, value); None empties, {"formula": …} is one
    expected: frozenset = frozenset()  # (code, sheet, cell)


def at(form, item):
    slot = lay_out(form).slots[item]
    return slot.sheet, slot.address


def wrong_figures(form):
    """Every kind of wrong figure, one after another along the inputs of the largest sheet."""
    cells = [
        at(form, f"applications.new.{one}")
        for one in ("natural", "company", "research", "charity", "legal", "other")
    ]
    faults = [
        ("约3", "V101"),
        (-1, "V102"),
        (3.5, "V103"),
        (True, "V105"),
        (None, "V100"),
        ({"formula": "1+2"}, "V108"),
    ]
    for (sheet, cell), (value, code) in zip(cells, faults, strict=True):
        yield (sheet, cell, value), (code, sheet, cell)


def touched_totals(form):
    """A total typed over, one that counts too much, one emptied."""
    layout = lay_out(form)
    (one, another, third, *_) = [slot for slot in layout.derived if slot.item.table == "applications"]
    formula = total_formula(layout, another.item)
    for slot, value, code in (
        (one, 99, "G201"),
        (another, {"formula": formula + "+1"}, "G202"),
        (third, None, "G203"),
    ):
        yield (slot.sheet, slot.address, value), (code, slot.sheet, slot.address)


def other_words(form):
    """A label renamed, a text emptied, another unit's name on one sheet, an answer that is no choice."""
    layout = lay_out(form)
    sheet, _ = at(form, "applications.new.natural")
    label = next(one for one in layout.labels if one.place.sheet == sheet and one.text == "自然人")
    yield (sheet, label.place.address, "个人"), ("S008", sheet, label.place.address)
    text = next(place for name, place in layout.texts.items() if not form.texts[name].optional)
    yield (text.sheet, text.address, None), ("V120", text.sheet, text.address)
    elsewhere, _ = at(form, "disputes.cases.review_upheld")
    cells = [one.place for one in layout.carriers if one.kind == "cell" and one.field == "unit"]
    carrier = next(place for place in cells if place.sheet == elsewhere)
    yield (elsewhere, carrier.address, "别的镇"), ("S003", elsewhere, carrier.address)
    choice = layout.cover["blanks_are_zero"].address
    yield (COVER, choice, "对"), ("V121", COVER, choice)


def kept_faults(form):
    """What is a fault by its format or its row: a date, a share, an error value, a row that is hidden."""
    names = [f"applications.new.{one}" for one in ("natural", "company", "research")]
    (sheet, date), (_, share), (_, error) = [at(form, name) for name in names]
    _, hidden = at(form, "applications.carried_in.natural")

    def change(book):
        book[sheet][date].value, book[sheet][date].number_format = datetime.date(2021, 1, 5), "yyyy-mm-dd"
        book[sheet][share].value, book[sheet][share].number_format = 0.5, "0%"
        book[sheet][error].value = "#N/A"
        book[sheet].row_dimensions[book[sheet][hidden].row].hidden = True

    faults = {"V104": date, "V107": share, "V106": error, "S009": hidden}
    return change, frozenset((code, sheet, cell) for code, cell in faults.items())


def loose_spelling(form):
    """Figures as people write them: a text each, understood and remarked upon."""
    figures = pipe.seeded(form).items
    full_width = str.maketrans("0123456789", "０１２３４５６７８９")
    spelling = {
        "applications.new.natural": str(figures["applications.new.natural"]).translate(full_width) + "件",
        "disputes.cases.review_upheld": f" {figures['disputes.cases.review_upheld']} ",
        "fees.charge.amount": "1,234.5",
    }
    cells = {at(form, name): text for name, text in spelling.items() if name in form.items}

    def change(book):
        for (sheet, cell), text in cells.items():
            book[sheet][cell].value = text

    return change, frozenset(("V110", *place) for place in cells)


def mended(form, where):
    """A workbook that went back to its unit: a figure put right in it, a reason given on its list for another."""
    answers, large = pipe.seeded(form), "disputes.cases.review_upheld"
    faulty = Answers(items={"applications.new.natural": "约3", large: 40_000}).over(answers)
    where.mkdir()
    (where / "示例镇.xlsx").write_bytes(write_template(form, pipe.TOWN, pipe.year_of(form), faulty))
    (back,) = send_back(check([where]))
    place = lay_out(form).slots[large].place
    at_list = openpyxl.load_workbook(io.BytesIO(back.data))[PROBLEMS]
    (row,) = [
        cell.row
        for line in at_list.iter_rows()
        for cell in line
        if cell.value == place_words(*at(form, large))
    ]
    reason = f"{column_letters(PROBLEM_HEADS.index('说明') + 1)}{row}"
    right = answers.items["applications.new.natural"]
    cells = ((*at(form, "applications.new.natural"), right), (PROBLEMS, reason, "含历年积案"))
    return Job(back.data, cells, frozenset({("V111", place.sheet, place.address)}))


def rolled_up(form, where):
    where.mkdir()
    for n in (1, 2, 3):
        unit = Unit(name=f"示例{n}镇", code=f"U{n}", parent="示例县")
        (where / f"{n}.xlsx").write_bytes(
            write_template(form, unit, pipe.year_of(form), pipe.seeded(form, n))
        )
    return write_rollup(merge(check([where]), unit=COUNTY))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """(form, name) → what is given to each program."""
    made = {}
    for key in NATIONAL:
        form = load_form(key)
        clean = pipe.filled(form)
        rollup = rolled_up(form, tmp_path_factory.mktemp("in") / "收件")
        made[key, "filled"] = Job(clean)
        made[key, "roll-up"] = Job(rollup)
        for name, faults in (("figures", wrong_figures), ("totals", touched_totals), ("words", other_words)):
            cells, expected = zip(*faults(form), strict=True)
            made[key, name] = Job(clean, cells, frozenset(expected))
        for name, (change, expected) in (("kept", kept_faults(form)), ("spelling", loose_spelling(form))):
            made[key, name] = Job(pipe.changed(clean, change), expected=expected)
        made[key, "marked"] = mended(form, tmp_path_factory.mktemp("back") / "收件")
        figure = at(form, "applications.new.natural")
        made[key, "roll-up typed over"] = Job(rollup, ((*figure, 12345),), frozenset({("G205", *figure)}))
    return made


@pytest.fixture(scope="module")
def saved(jobs, tmp_path_factory):
    """saved(program)[form, name] → path.  A program does all its jobs when it is first asked for."""
    before = tmp_path_factory.mktemp("before")
    done = {}

    def of(program):
        if program not in done:
            orders = []
            folder = tmp_path_factory.mktemp(program)
            for number, job in enumerate(jobs.values()):
                path = before / f"{number}.xlsx"
                path.write_bytes(job.data)
                orders.append((path, job.cells, folder / path.name))
            SAVERS[program](orders)
            done[program] = {name: order[2] for name, order in zip(jobs, orders, strict=True)}
        return done[program]

    return of


def by_node(program):
    def save(orders):
        if not shutil.which("node") or not (PACKAGES / "node_modules" / "exceljs").exists():
            assert not os.environ.get("CI"), "node, SheetJS and exceljs are installed by .ci/run"
            pytest.skip("no SheetJS and exceljs")
        lines = [
            json.dumps({"by": program, "open": str(path), "set": cells, "save": str(target)})
            for path, cells, target in orders
        ]
        node = subprocess.run(
            ["node", HERE / "clients.mjs", PACKAGES],
            input="\n".join(lines),
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert node.returncode == 0, node.stderr

    return save


def by_openpyxl(orders):
    for path, cells, target in orders:
        book = openpyxl.load_workbook(path)
        for sheet, cell, value in cells:
            book[sheet][cell].value = "=" + value["formula"] if isinstance(value, dict) else value
        book.save(target)


def by_office(orders):
    for path, cells, target in orders:
        deeds = [["unprotect"]] if cells else []
        for sheet, cell, value in cells:
            if value is None:
                deeds.append(["clear", sheet, cell])
            else:
                text = "=" + value["formula"] if isinstance(value, dict) else str(value).upper()
                deeds.append(["type", sheet, cell, text])
        helpers_office.done(path, *deeds, save=target, shown=False)


SAVERS = {
    "sheetjs": by_node("sheetjs"),
    "sheetjs with formats": by_node("sheetjs with formats"),
    "exceljs": by_node("exceljs"),
    "openpyxl": by_openpyxl,
    "office": by_office,
}


def found(path):
    """(code, sheet, cell) of every finding but G301, which guesses whose fault it is and has tests of its own."""
    (one,) = check([path]).filings
    return {(f.code, f.sheet, f.cell) for f in one.findings if f.code != "G301"}


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_filled_workbook_saved_again_is_the_same_filing(saved, jobs, program, key):
    path = saved(program)[key, "filled"]
    before, after = pipe.read(jobs[key, "filled"].data), pipe.read(path.read_bytes())
    assert found(path) == set()
    assert (after.unit, after.year, after.issue) == (before.unit, before.year, before.issue)
    assert (after.inputs, after.texts, after.cover) == (before.inputs, before.texts, before.cover)
    assert merge(check([path]), unit=COUNTY).rollup.figures == before.figures


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_roll_up_saved_again_has_the_same_leaves(saved, jobs, program, key):
    path = saved(program)[key, "roll-up"]
    assert found(path) == set()
    data = jobs[key, "roll-up"].data
    assert pipe.read(path.read_bytes()).leaves == pipe.read(data).leaves
    assert merge(check([path]), unit=COUNTY).rollup.figures == pipe.read(data).figures


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("name", ["figures", "totals", "words", "roll-up typed over"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fault_put_in_and_saved_is_found_where_it_is(saved, jobs, program, name, key):
    path = saved(program)[key, name]
    assert found(path) == jobs[key, name].expected
    assert merge(check([path]), unit=COUNTY).rollup is None


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_workbook_that_went_back_is_mended_and_its_reason_read(saved, jobs, program, key):
    path, job = saved(program)[key, "marked"], jobs[key, "marked"]
    # SheetJS and exceljs do not calculate: the total of the mended row is shown as it was
    stale = (
        set()
        if program in ("openpyxl", "office")
        else {("G204", *at(load_form(key), "applications.new.total"))}
    )
    assert found(path) == job.expected | stale
    (one,) = check([path]).filings
    assert one.outcome is Outcome.NOTED
    assert {f.explained for f in one.findings if f.code == "V111"} == {"含历年积案"}


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("program", KEEP_FORMATS)
def test_a_fault_that_was_there_is_still_there(saved, jobs, program, key):
    expected = set(jobs[key, "kept"].expected)
    if program == "office":  # writes an error value as the formula =#N/A
        (error,) = [place for code, *place in expected if code == "V106"]
        expected = expected - {("V106", *error)} | {("V108", *error)}
    assert found(saved(program)[key, "kept"]) == expected


@pytest.mark.parametrize("key", NATIONAL)
@pytest.mark.parametrize("program", KEEP_FORMATS)
def test_loosely_spelt_figures_are_understood_as_before(saved, jobs, program, key):
    path, job = saved(program)[key, "spelling"], jobs[key, "spelling"]
    assert found(path) == job.expected
    assert pipe.read(path.read_bytes()).inputs == pipe.read(job.data).inputs


@pytest.mark.clients
@pytest.mark.parametrize("key", NATIONAL)
def test_a_date_and_a_share_that_lost_their_formats_are_still_no_figures(saved, jobs, key):
    """SheetJS left to itself drops formats: 2021-01-05 comes back as 44201 and 50% as 0.5."""
    before, path = jobs[key, "kept"].expected, saved("sheetjs")[key, "kept"]
    becomes = {"V104": "V111", "V107": "V103", "V106": "V106"}
    now = {(becomes[code], sheet, cell) for code, sheet, cell in before if code in becomes}
    assert now - found(path) == set()
    assert merge(check([path]), unit=COUNTY).rollup is None

"""Written, filled, read back, clean; one thing changed, one code."""

import dataclasses
import datetime
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import helpers_pipe as pipe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltools import Answers, Unit, lay_out, load_form, write_template
from xltools.checks import Case, registered, run_checks
from xltools.filing import Filing, Refusal
from xltools.finding import Level, outcome_of
from xltools.issuing import answers_of
from xltools.layout import META

F2019, F2021 = "gov-info-disclosure/2019", "gov-info-disclosure/2021"


@pytest.fixture(params=pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def form(request):
    return load_form(request.param)


def test_a_filled_workbook_reads_back_as_it_was_written(form):
    answers = pipe.seeded(form, 7)
    data = write_template(form, pipe.TOWN, pipe.year_of(form), answers)
    filing = pipe.read(data)
    assert filing.inputs == answers.items
    assert filing.texts == answers.texts
    assert (filing.unit.key, filing.unit.name, filing.unit.parent) == ("U01", "示例镇", "示例县")
    assert {f.code for f in run_checks(Case(filing))} <= {
        "G101",
        "G102",
        "G103",
        "G301",
        "V111",
    }  # random figures break rules


@pytest.mark.parametrize("key", [F2019, "gov-info-disclosure/2019-jilin", F2021])
def test_a_well_filled_national_form_has_nothing_to_say(key):
    assert pipe.findings(pipe.filled(load_form(key))) == []


def test_the_same_content_has_the_same_bytes(form):
    assert pipe.filled(form) == pipe.filled(form)


def test_filling_again_with_nothing_new_changes_nothing(form):
    data = pipe.filled(form)
    filing = pipe.read(data)
    again = write_template(
        form,
        filing.unit,
        filing.year,
        answers_of(filing),
        last=filing.last_shown,
        issue=filing.issue,
        prefill=False,
    )
    assert again == data


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_figures_come_back_equal(data):
    form = load_form(F2019)
    kinds = {
        "count": st.integers(0, 10**9),
        "signed": st.integers(-(10**6), 10**6),
        "money": st.decimals(0, 10**6, places=6).map(lambda d: d.quantize(Decimal("0.000001"))),
    }
    items = {item.id: data.draw(kinds[item.type]) for item in form.inputs if data.draw(st.booleans())}
    items = {k: v.quantize(Decimal("0.01")) if k.startswith("processing") and isinstance(v, Decimal) else v
             for k, v in items.items()}  # fmt: skip
    filing = pipe.read(write_template(form, pipe.TOWN, 2020, Answers(items=items)))
    assert {k: v for k, v in filing.inputs.items() if v is not None} == items


def at(form, item):
    place = pipe.slot(form, item)
    return place.sheet, place.address


def put(item, value):
    def change(book):
        sheet, cell = at(F2021, item)
        book[sheet][cell] = value

    return change, at(F2021, item)[1]


def put_date(book):
    sheet, cell = at(F2021, "applications.new.natural")
    book[sheet][cell] = datetime.date(2021, 1, 5)
    book[sheet][cell].number_format = "yyyy-mm-dd"


def at_cell(sheet, cell, value):
    def change(book):
        book[sheet][cell] = value

    return change, cell


def swap_labels(book):
    sheet = book["二、主动公开"]
    sheet["B5"].value, sheet["C5"].value = sheet["C5"].value, sheet["B5"].value


def carrier(field):
    carriers = lay_out(load_form(F2021)).carriers
    return next(c.place for c in carriers if c.kind == "cell" and c.field == field and c.place.sheet == R)


R, D = "三、依申请公开", "二、主动公开"
NEW, TOTAL = "applications.new.natural", "applications.new.total"
# name: (change, code, cell or None)
TAMPERED = {
    "total replaced by an unequal constant": (*put(TOTAL, 99), "G201"),
    "formula with +1": (*put(TOTAL, "=SUM(D7:I7)+1"), "G202"),
    "range shortened": (*put(TOTAL, "=SUM(D7:H7)"), "G202"),
    "formula deleted": (*put(TOTAL, None), "G203"),
    "text": (*put(NEW, "约3"), "V101"),
    "negative": (*put(NEW, -1), "V102"),
    "fraction": (*put(NEW, 3.5), "V103"),
    "date": (put_date, at(F2021, NEW)[1], "V104"),
    "boolean": (*put(NEW, True), "V105"),
    "error value": (*put(NEW, "#REF!"), "V106"),
    "too many decimals": (*put("fees.charge.amount", 0.1234567), "V107"),
    "formula": (*put(NEW, "=1+2"), "V108"),
    "blank": (*put(NEW, None), "V100"),
    "broken identity": (*put("applications.carried_in.natural", 1), "G101"),
    "regulation in a town": (*put("documents.regulation.in_force", 1), "G102"),
    "unit left in": (*put("fees.charge.amount", "180万元"), "V110"),
    "above the cap": (*put("enforcement.penalty.decided", 20_000_000), "V111"),
    "a date's serial": (*put("enforcement.penalty.decided", 44201), "V112"),
    "label changed": (*at_cell(R, "D5", "个人"), "S008"),
    "text missing": (*at_cell("五、问题及改进", "A5", None), "V120"),
    "unknown choice": (
        *at_cell("封面", lay_out(load_form(F2021)).cover["blanks_are_zero"].address, "对"),
        "V121",
    ),
    "other unit on one sheet": (*at_cell(R, carrier("unit").address, "别的镇"), "S003"),
    "other code on one sheet": (*at_cell(R, carrier("code").address, "U99"), "S003"),
    "other year on one sheet": (*at_cell(R, carrier("year").address, 2022), "S003"),
    "other edition on one sheet": (*at_cell(R, carrier("edition").address, "2019"), "S003"),
    "level edited": (lambda book: book[META].__setitem__("B9", "county"), "B7", "S003"),
    "sheet renamed": (lambda book: setattr(book[R], "title", "Sheet3"), None, "S006"),
    "sheet removed": (lambda book: book.remove(book["四、复议诉讼"]), None, "S006"),
    "row inserted": (lambda book: book[D].insert_rows(8), None, "S007"),
    "row deleted": (lambda book: book[R].delete_rows(10), None, "S007"),
    "column inserted": (lambda book: book["四、复议诉讼"].insert_cols(3), None, "S007"),
    "row of inputs hidden": (lambda book: setattr(book[R].row_dimensions[8], "hidden", True), None, "S009"),
}


@pytest.fixture(scope="module")
def clean():
    return pipe.filled(dataclasses.replace(load_form(F2021)))


@pytest.mark.parametrize("name", TAMPERED)
def test_one_change_trips_one_code(clean, name):
    change, cell, code = TAMPERED[name]
    found = pipe.findings(pipe.changed(clean, change))
    assert {one.code for one in found if one.code not in ("G204", "V111" if code == "G101" else "")} == {code}
    assert len([one for one in found if one.code == code]) == 1
    if cell is not None and not code.startswith(("G101", "G102")):
        assert [one.cell for one in found if one.code == code] == [cell]
    for one in found:
        assert one.message and one.remedy and one.file == "示例镇.xlsx"


def test_two_labels_that_changed_places_are_two_findings(clean):
    found = pipe.codes(pipe.changed(clean, swap_labels))
    assert found == [("S008", "B5"), ("S008", "C5")]


def test_a_moved_sheet_says_nothing_of_its_figures(clean):
    found = pipe.findings(pipe.changed(clean, lambda book: book[R].insert_rows(8)))
    assert {one.code for one in found} == {"S007"} and {one.sheet for one in found} == {R}


BENIGN = {
    "re-saved": lambda book: None,
    "widths and heights": lambda book: setattr(book[R].column_dimensions["D"], "width", 30),
    "meta shown": lambda book: setattr(book[META], "sheet_state", "visible"),
    "protection taken off": lambda book: setattr(book[R].protection, "sheet", False),
    "formula in other letters": lambda book: book[R].__setitem__("J7", "=sum( $D$7:I7 )"),
    "label re-wrapped": lambda book: book[R].__setitem__("D5", "自 然\n人"),
}


@pytest.mark.parametrize("name", BENIGN)
def test_what_does_no_harm_is_not_spoken_of(clean, name):
    assert pipe.findings(pipe.changed(clean, BENIGN[name])) == []


def test_an_equal_constant_in_place_of_a_total_is_tampering_too(clean):
    right = pipe.read(clean).figures[TOTAL]
    assert pipe.codes(pipe.changed(clean, put(TOTAL, right)[0])) == [("G201", put(TOTAL, 0)[1])]


def test_a_stale_cache_is_a_note():
    form = load_form(F2021)
    data = pipe.filled(form)
    total = pipe.read(data).figures[TOTAL]
    stale = zip_edit(
        data,
        lambda text: text.replace(f"<f>SUM(D7:I7)</f><v>{total}</v>", f"<f>SUM(D7:I7)</f><v>{total + 1}</v>"),
    )
    assert stale != data
    assert [(f.code, f.level) for f in pipe.findings(stale)] == [("G204", Level.NOTE)]


def zip_edit(data, edit):
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename.startswith("xl/worksheets/sheet"):
                part = edit(part.decode("utf-8")).encode("utf-8")
            new.writestr(info.filename, part)
    return buffer.getvalue()


def test_an_explained_query_counts_as_a_note():
    form = load_form(F2021)
    odd = Answers(items={"documents.regulation.in_force": 1}).over(pipe.seeded(form))
    said = Answers(explanations={"no-regulation.in_force": "转隶前制定"}).over(odd)
    open_, explained = (pipe.findings(write_template(form, pipe.TOWN, 2021, a)) for a in (odd, said))
    assert [(f.code, f.rule, f.explained) for f in open_] == [("G102", "no-regulation.in_force", None)]
    assert [f.explained for f in explained] == ["转隶前制定"]
    assert outcome_of(open_).value == "queried" and outcome_of(explained).value == "noted"
    assert open_[0].fingerprint == explained[0].fingerprint


def test_a_city_may_make_regulations():
    form = load_form(F2021)
    odd = Answers(items={"documents.regulation.in_force": 1}).over(pipe.seeded(form))
    city = Unit(name="示例市", kind="本级", level="city")
    assert pipe.findings(write_template(form, city, 2021, odd)) == []


def test_blanks_are_zero_only_when_declared():
    form = load_form(F2021)
    blank = Answers(texts=dict.fromkeys(form.texts, "无。"))
    declared = Answers(cover={"blanks_are_zero": "是"}).over(blank)
    said = pipe.findings(write_template(form, pipe.TOWN, 2021, blank))
    assert {f.code for f in said} == {"V100"} and len(said) == 4  # one a sheet
    filing = pipe.read(write_template(form, pipe.TOWN, 2021, declared))
    assert run_checks(Case(filing)) == []
    assert filing.declared_zeros == {item.id for item in form.inputs}
    assert set(filing.inputs.values()) == {0}


def test_last_year_is_compared_and_never_taken_from_the_workbook():
    form = load_form(F2021)
    last = {
        f"applications.carried_out.{c}": 5
        for c in ("natural", "company", "research", "charity", "legal", "other")
    }
    last |= {"documents.in_force": 0}
    data = write_template(form, pipe.TOWN, 2021, pipe.seeded(form), last=last, prefill=False)
    assert pipe.findings(data) == []  # what 校验 shows of last year is never trusted
    assert {f.code for f in pipe.findings(data, last=last)} == {"G104"}
    prefilled = pipe.read(write_template(form, pipe.TOWN, 2021, last=last))
    assert prefilled.inputs["applications.carried_in.natural"] == 5


def test_another_year_or_form_than_asked_for(clean):
    assert [f.code for f in pipe.findings(clean, year=2022)] == ["S004"]
    assert [f.code for f in pipe.findings(clean, form_key=F2019)] == ["S005"]


def test_a_workbook_that_is_not_ours():
    import openpyxl

    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    assert pipe.codes(buffer.getvalue()) == [("S001", None)]


def test_a_form_nobody_knows(tmp_path):
    path = tmp_path / "mine.toml"
    base = next(p for p in pipe.OWN).read_text("utf-8")
    path.write_text(base.replace('id = "', 'id = "other-', 1), "utf-8")
    own = load_form(path)
    assert pipe.codes(write_template(own, pipe.TOWN, pipe.year_of(own))) == [("S002", None)]


FILE_CODES = {f"F{n:03d}" for n in range(1, 11)}  # tests/test_gate.py makes such a file for each


@pytest.mark.parametrize("code", sorted(FILE_CODES))
def test_a_refused_file_says_why(code):
    filing = Filing(file="x.xlsx", sha256="", refusal=Refusal(code, "这是别的东西。", "请重报。"))
    assert [(f.code, f.message) for f in run_checks(Case(filing))] == [(code, "这是别的东西。")]


def test_a_sheet_with_far_too_much_on_it(clean):
    def flood(book):
        for row in range(1000, 2100):
            for column in range(1, 21):
                book[R].cell(row, column, 1)

    assert [f.code for f in pipe.findings(pipe.changed(clean, flood))] == ["S010"]


def test_a_text_that_no_cell_holds(clean):
    long = zip_edit_strings(clean, "第1份的五、存在的主要问题及改进情况。", "长" * 40_000)
    assert [f.code for f in pipe.findings(long)] == ["V122"]


def zip_edit_strings(data, old, new):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            part = source.read(info)
            if info.filename == "xl/sharedStrings.xml":
                assert old.encode() in part
                part = part.replace(old.encode(), new.encode())
            target.writestr(info.filename, part)
    return buffer.getvalue()


def test_a_rule_of_level_note_is_a_note():
    form = load_form(next(path for path in pipe.OWN if path.name == "snow-clearing.toml"))
    none_spent = Answers(items={item.id: 0 for item in form.inputs if item.type == "money"}).over(
        pipe.seeded(form)
    )
    found = pipe.findings(write_template(form, pipe.TOWN, pipe.year_of(form), none_spent))
    assert [f.level for f in found if f.code == "G103"] == [Level.NOTE]


def test_every_code_is_expected_of_some_workbook_in_a_test():
    """By its own name, outside the lists of what is registered."""
    sources = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py"))
    missing = [code for code in registered() if code not in FILE_CODES and f'"{code}"' not in sources]
    assert missing == []


def test_every_check_says_what_passes_and_what_does_not():
    for one in registered().values():
        text = one.run.__doc__ or ""
        assert (
            one.title and "通过：" in text and ("不通过：" in text or "提示：" in text) and "改正：" in text
        ), one.code


@pytest.mark.parametrize("name", TAMPERED)
def test_checks_say_the_same_twice(clean, name):
    """Twice in one process, and once more after everything else was checked in between."""
    data = pipe.changed(clean, TAMPERED[name][0])
    last = dict.fromkeys(load_form(F2021).last_items, 3)
    first = pipe.findings(data, last=last)
    assert pipe.findings(data, last=last) == first
    pipe.findings(clean)
    assert pipe.findings(data, last=last) == first

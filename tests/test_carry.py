"""Workbooks that cannot be read by address go back as fresh ones: every figure in its place or on the list."""

import io
from collections import Counter
from decimal import Decimal
from pathlib import Path

import helpers_office
import helpers_pipe as pipe
import homemade
import openpyxl
import pytest

from xltools import Answers, Roster, Unit, check, lay_out, load_form, merge, write_template
from xltools.finding import Outcome
from xltools.problems import HEAD_ROW, PROBLEM_HEADS, PROBLEMS
from xltools.reporting.notice import notice
from xltools.returning import send_back

F2021 = "gov-info-disclosure/2021"
FORM = load_form(F2021)
REQUESTS = "三、依申请公开"


def returned(folder, data, name="报表.xlsx", **options):
    (folder / name).write_bytes(data)
    result = check([folder], roster=options.get("roster"), form=options.get("form"), year=options.get("year"))
    options.pop("roster", None)
    (back,) = send_back(result, **options)
    return back


def outcomes(back):
    return Counter(row.outcome for row in back.carried.transfers)


SHIFTED = {
    "row inserted": lambda book: book[REQUESTS].insert_rows(12),
    "rows inserted above": lambda book: book[REQUESTS].insert_rows(1, 3),
    "column inserted": lambda book: book[REQUESTS].insert_cols(5),
    "sheet renamed": lambda book: setattr(book["二、主动公开"], "title", "Sheet2"),
    "everything": lambda book: (
        book[REQUESTS].insert_rows(12),
        book["四、复议诉讼"].insert_cols(3),
        setattr(book["五、问题及改进"], "title", "问题"),
    ),
}


@pytest.mark.parametrize("name", SHIFTED)
def test_rows_and_columns_out_of_place_are_carried_over_by_their_labels(tmp_path, name):
    answers = pipe.seeded(FORM, 3)
    data = pipe.changed(write_template(FORM, pipe.TOWN, 2023, answers), SHIFTED[name])
    back = returned(tmp_path, data)
    again = pipe.read(back.data)
    assert again.inputs == answers.items and again.texts == answers.texts
    assert (again.unit, again.year) == (pipe.read(data).unit, 2023)
    assert outcomes(back) == {"来源": 1, "已搬": len(answers.items) + len(answers.texts), "合计重算": 34}
    assert [one.code for one in pipe.findings(back.data)] == ["G207"]


def test_reasons_given_on_an_earlier_list_are_kept_when_rows_were_moved(tmp_path):
    answers = Answers(items={"enforcement.penalty.decided": 20_000_000}).over(pipe.seeded(FORM, 3))
    back = returned(tmp_path, write_template(FORM, pipe.TOWN, 2023, answers))

    def reason_and_shift(book):
        book[PROBLEMS].cell(HEAD_ROW + 1, PROBLEM_HEADS.index("说明") + 1).value = "含历年积案"
        book[REQUESTS].insert_rows(12)

    again = returned(tmp_path, pipe.changed(back.data, reason_and_shift))
    assert again.carried is not None
    assert {one.code: one.explained for one in pipe.findings(again.data)} == {
        "V111": "含历年积案",
        "G207": None,
    }


def test_a_row_deleted_is_not_found_and_not_guessed(tmp_path):
    """A label changed with its figures in place, and a row taken out: both are left to the unit."""
    answers = pipe.seeded(FORM, 3)

    def change(book):
        book[REQUESTS].delete_rows(12)
        book["二、主动公开"]["A10"] = "许可"

    back = returned(tmp_path, pipe.changed(write_template(FORM, pipe.TOWN, 2023, answers), change))
    again, missing = pipe.read(back.data), set()
    for row in back.carried.transfers:
        if row.outcome == "没有找到":
            missing.add(lay_out(FORM).at[row.sheet, row.cell].item.id)
    assert {name.split(".")[1] for name in missing} == {"deny_2", "permit"}
    assert {name for name, value in again.inputs.items() if value is None} == missing
    for name, value in again.inputs.items():
        assert value in (None, answers.items[name])
    assert {one.code for one in pipe.findings(back.data)} >= {"V100", "G207"}


def test_a_home_made_workbook_becomes_ours_and_merges_once_it_was_looked_through(tmp_path):
    values = pipe.read(pipe.filled(FORM, 3)).figures
    plain = {n: float(v) if isinstance(v, Decimal) else v for n, v in values.items() if v is not None}
    made = homemade.build(FORM, homemade.Shape(), unit="示例北镇", year=2023, values=plain)
    roster = Roster((Unit(name="示例北镇", code="U07", parent="示例县"),))
    back = returned(tmp_path, made.data, "自制.xlsx", roster=roster)
    assert back.unit.code == "U07" and "（数已由程序搬进新表" in notice(back)
    again = pipe.read(back.data)
    assert again.figures == values and {n: t for n, t in again.texts.items() if t} == made.texts
    where = tmp_path / "再收"
    where.mkdir()

    def looked_through(book):
        for row in book[PROBLEMS].iter_rows(min_row=HEAD_ROW + 1):
            if row[PROBLEM_HEADS.index("程度")].value == "待核实":
                row[PROBLEM_HEADS.index("说明")].value = "已核对"

    (where / "北镇.xlsx").write_bytes(pipe.changed(back.data, looked_through))
    result = check([where], roster=roster)
    assert [one.outcome for one in result.filings] == [Outcome.NOTED]
    assert merge(result, strict=True).rollup.figures == values


@pytest.mark.parametrize("item", ["applications.granted.natural", "applications.deny_4.legal"])
def test_printed_totals_point_to_the_figure_that_was_typed_wrong(tmp_path, item):
    figures = dict(pipe.read(pipe.filled(FORM, 3)).figures)
    meant = figures[item] = 12
    inputs = {one.id: figures[one.id] for one in FORM.inputs}
    pipe.settle(FORM, inputs)
    right = pipe.read(write_template(FORM, pipe.TOWN, 2023, Answers(items=inputs))).figures
    printed = {n: float(v) if isinstance(v, Decimal) else v for n, v in right.items() if v is not None}
    printed[item] = 21  # two digits changed places
    made = homemade.build(FORM, homemade.Shape(), unit="示例北镇", year=2023, values=printed)
    back = returned(tmp_path, made.data)
    slot = lay_out(FORM).slots[item]
    found = {one.code: one for one in pipe.findings(back.data)}
    assert (found["G301"].cell, found["G301"].found, found["G301"].expected) == (
        slot.address,
        "21",
        str(meant),
    )
    assert {"G101", "G206", "G207", "G301"} <= set(found)
    broken = [one for one in pipe.findings(back.data) if one.code == "G206"]
    row, column = item.split(".")[1:]
    assert {one.item for one in broken} >= {f"applications.{row}.total", f"applications.handled.{column}"}
    assert any(f"多半是〔{slot.sheet}〕{slot.address}" in one.message for one in broken)
    assert f"应是 {meant}" in notice(back)
    # once the figure is mended nothing of it is left
    mended = pipe.changed(back.data, lambda book: book[slot.sheet].__setitem__(slot.address, meant))
    assert {one.code for one in pipe.findings(mended)} <= {"G207", "V120"}


def test_what_cannot_be_a_figure_moves_as_it_stands_and_is_marked(tmp_path):
    plain = dict.fromkeys((item.id for item in FORM.inputs), 0)
    plain |= {
        "applications.new.natural": "约3",
        "fees.charge.amount": "180万元",
        "applications.new.other": "３",
    }
    made = homemade.build(FORM, homemade.Shape(texts=False), unit="示例北镇", year=2023, values=plain)
    back = returned(tmp_path, made.data)
    assert outcomes(back)["原样搬来"] == 1 and outcomes(back)["已改写"] == 2
    again = pipe.read(back.data)
    assert again.inputs["fees.charge.amount"] == 180 and again.inputs["applications.new.other"] == 3
    cell = lay_out(FORM).slots["applications.new.natural"].address
    assert ("V101", cell) in [(one.code, one.cell) for one in pipe.findings(back.data)]
    book = openpyxl.load_workbook(io.BytesIO(back.data))
    assert book[REQUESTS][cell].border.left.style == "thick"


ONES = dict.fromkeys((item.id for item in FORM.inputs), 1)


@pytest.mark.parametrize(
    ("title", "options", "why"),
    [
        ("报表", {}, "没有写明是哪个单位"),  # the file's name is not asked
        ("填报单位：示例镇", {}, "--year"),
        ("填报单位：示例镇", {"form": F2021, "year": 2023}, ""),
        ("{unit}{year}年政府信息公开工作年度报告", {}, ""),
    ],
)
def test_unit_and_year_are_what_the_workbook_says(tmp_path, title, options, why):
    made = homemade.build(FORM, homemade.Shape(title=title), unit="示例镇", year=2023, values=ONES)
    back = returned(tmp_path, made.data, "另一镇2022.xlsx", **options)
    assert (back.data is None) == bool(why) and why in back.why_not
    if not why:
        assert (pipe.read(back.data).unit.name, pipe.read(back.data).year) == ("示例镇", 2023)


@pytest.mark.office
@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_old_and_open_formats_are_carried_over(tmp_path, ending):
    answers = pipe.seeded(FORM, 3)
    source = tmp_path / "原.xlsx"
    source.write_bytes(write_template(FORM, pipe.TOWN, 2023, answers))
    converted = helpers_office.converted(source, ending)
    folder = tmp_path / "收件"
    folder.mkdir()
    back = returned(folder, Path(converted).read_bytes(), f"示例镇.{ending}")
    again = pipe.read(back.data)
    assert again.inputs == answers.items and again.texts == answers.texts
    assert (again.unit.name, again.year) == ("示例镇", 2023)


@pytest.mark.office
def test_libreoffice_recalculates_what_goes_back_without_a_difference(tmp_path):
    faulty = Answers(items={"documents.regulation.in_force": 1, "applications.new.natural": "约3"})
    data = write_template(FORM, pipe.TOWN, 2023, faulty.over(pipe.seeded(FORM, 3)))
    back = returned(tmp_path, data)

    def reasoned(book):
        for row in book[PROBLEMS].iter_rows(min_row=HEAD_ROW + 1):
            if row[PROBLEM_HEADS.index("程度")].value == "待核实":
                row[PROBLEM_HEADS.index("说明")].value = "转隶前制定"

    again = returned(tmp_path, pipe.changed(back.data, reasoned))
    path = tmp_path / "退回.xlsx"
    path.write_bytes(again.data)
    shown = helpers_office.done(path)
    cached = openpyxl.load_workbook(path, data_only=True)
    row = lay_out(FORM).rules["no-regulation.in_force"]
    assert cached["校验"][row.result.address].value == "已说明"
    for sheet, cells in shown.formulas.items():
        for cell, (formula, value, is_error) in cells.items():
            assert not is_error and value == (cached[sheet][cell].value or "" if isinstance(value, str) else
                                              pytest.approx(cached[sheet][cell].value, abs=1e-9)), (sheet, cell, formula)  # fmt: skip

"""What goes back to a unit: the same figures in a fresh workbook, marked, with a list; mended, it checks clean."""

import io
import zipfile
from pathlib import Path

import helpers_pipe as pipe
import openpyxl
import pytest

from xltools import (
    Answers,
    Roster,
    Unit,
    check,
    load_form,
    merge,
    read_last_year,
    write_rollup,
    write_template,
)
from xltools.finding import Level, Outcome
from xltools.intake import FormFinder
from xltools.issuing import fill
from xltools.layout import CHECKS, lay_out
from xltools.problems import HEAD_ROW, PROBLEM_HEADS, PROBLEMS, TRANSFERS
from xltools.reading.filings import read_filing_bytes
from xltools.reporting.notice import notice, write_returns
from xltools.returning import send_back

F2019, F2021 = "gov-info-disclosure/2019", "gov-info-disclosure/2021"
REQUESTS, TABLE_TWO = "三、依申请公开", "二、主动公开"
FORM = load_form(F2021)
FAULTY = {
    "applications.new.natural": "约3",
    "applications.granted.company": None,
    "documents.regulation.in_force": 1,
    "enforcement.penalty.decided": 20_000_000,
}


def at(item, form=FORM):
    place = lay_out(form).slots[item].place
    return place.sheet, place.address


def faulty(unit=pipe.TOWN, year=2023, **more):
    """A workbook with one fault of each kind: a text, a blank, a rule to be explained, a figure too large, a total
    typed over."""
    data = write_template(FORM, unit, year, Answers(items={**FAULTY, **more}).over(pipe.seeded(FORM, 3)))
    sheet, cell = at("applications.granted.total")
    return pipe.changed(data, lambda book: book[sheet].__setitem__(cell, 99))


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "收件 2023"
    where.mkdir()
    return where


def received(folder, data, name="示例镇.xlsx"):
    path = folder / name
    path.write_bytes(data)
    return path


def backs(folder, **options):
    roster, last = options.pop("roster", None), options.get("last")
    result = check([folder], roster=roster, last=last, form=options.get("form"), year=options.get("year"))
    return list(send_back(result, **options))


def returned(folder, data, **options):
    received(folder, data)
    (back,) = backs(folder, **options)
    return back


def listed(data):
    """问题清单 as rows of head → text."""
    sheet = openpyxl.load_workbook(io.BytesIO(data))[PROBLEMS]
    rows = sheet.iter_rows(min_row=HEAD_ROW + 1, max_col=len(PROBLEM_HEADS), values_only=True)
    return [dict(zip(PROBLEM_HEADS, row, strict=True)) for row in rows]


def codes(data, **case):
    return [(one.code, one.cell) for one in pipe.findings(data, **case)]


def test_a_returned_workbook_holds_what_was_sent_and_says_what_is_wrong(folder):
    back = returned(folder, faulty())
    assert back.name == "示例镇_2023年政府信息公开工作年度报告（退回）.xlsx"
    rows = listed(back.data)
    assert [(row["程度"], row["位置"]) for row in rows] == [
        ("退回", "〔三、依申请公开〕J9"),
        ("退回", "〔三、依申请公开〕E9"),
        ("退回", "〔三、依申请公开〕D7"),
        ("待核实", "〔二、主动公开〕B13"),
        ("待核实", "〔二、主动公开〕D6"),
    ]
    assert (rows[0]["现在是"], rows[0]["应当是"]) == ("99", "11") and "公式已经恢复" in rows[0]["怎么改"]
    sent, again = read(faulty()), read(back.data)
    assert again.inputs == sent.inputs and again.texts == sent.texts
    assert (again.unit, again.year, again.issue) == (sent.unit, sent.year, sent.issue)
    # the total has its formula again (that its parts were not changed is noted); the rest is still to be mended
    assert codes(back.data) == [
        ("V100", "E9"),
        ("V101", "D7"),
        ("V111", "B13"),
        ("G208", "J9"),
        ("G102", "D6"),
    ]


def read(data):
    return read_filing_bytes("示例镇.xlsx", data, FormFinder())


def test_the_faulty_cells_are_framed_and_the_others_are_not(folder):
    book = openpyxl.load_workbook(io.BytesIO(returned(folder, faulty()).data))
    frames = {
        cell.coordinate: cell.border.left.style
        for row in book[REQUESTS].iter_rows()
        for cell in row
        if cell.border.left.style in ("thick", "mediumDashed")
    }
    assert {name: style for name, style in frames.items() if name in ("D7", "E9", "J9")} == frames
    assert set(frames) == {"D7", "E9", "J9"} and set(frames.values()) == {"thick"}
    assert book[TABLE_TWO]["B13"].border.left.style == "mediumDashed"
    assert book[REQUESTS]["D7"].value == "约3" and book[REQUESTS]["D7"].protection.locked is False


def test_the_list_leads_to_the_cells_and_only_reasons_can_be_written(folder):
    book = openpyxl.load_workbook(io.BytesIO(returned(folder, faulty()).data))
    sheet = book[PROBLEMS]
    assert book.sheetnames[0] == PROBLEMS and sheet.protection.sheet
    column = {head: at for at, head in enumerate(PROBLEM_HEADS, 1)}
    for row in range(HEAD_ROW + 1, sheet.max_row + 1):
        link = sheet.cell(row, column["位置"]).hyperlink
        words = sheet.cell(row, column["位置"]).value
        assert f"〔{link.location.split('!')[0].strip(chr(39))}〕{link.location.split('!')[1]}" == words
        asked = sheet.cell(row, column["程度"]).value == "待核实" or words.endswith("J9")
        assert sheet.cell(row, column["说明"]).protection.locked is not asked
        assert all(sheet.cell(row, at).protection.locked for head, at in column.items() if head != "说明")


def test_every_blank_that_one_finding_speaks_of_is_framed(folder):
    blank = write_template(FORM, pipe.TOWN, 2023, Answers(texts=dict.fromkeys(FORM.texts, "无。")))
    book = openpyxl.load_workbook(io.BytesIO(returned(folder, blank).data))
    for slot in lay_out(FORM).inputs:
        assert book[slot.sheet][slot.address].border.left.style == "thick", slot.item.id


def mended(data, reasons=(), **figures):
    """The returned workbook as the unit sends it again: figures by item, reasons by place on the list."""

    def change(book):
        for item, value in figures.items():
            sheet, cell = at(item)
            book[sheet][cell] = value
        for row in book[PROBLEMS].iter_rows(min_row=HEAD_ROW + 1):
            place = row[PROBLEM_HEADS.index("位置")].value
            if place in dict(reasons):
                row[PROBLEM_HEADS.index("说明")].value = dict(reasons)[place]

    return pipe.changed(data, change)


REASONS = {"〔二、主动公开〕B13": "含历年积案", "〔二、主动公开〕D6": "转隶前制定"}


def balanced(data):
    """Figures that settle the two columns again, whatever the seed drew."""
    figures = read(data).inputs
    for column in ("natural", "company"):
        outcomes = [
            figures[f"applications.{row.id}.{column}"]
            for row in FORM.tables["applications"].rows
            if not row.sum and row.id not in ("new", "carried_in")
        ]
        yield f"applications.new.{column}", sum(one or 0 for one in outcomes)
    yield "applications.granted.company", 0


def test_the_unit_mends_that_very_file_and_gives_its_reasons(folder):
    back = returned(folder, faulty())
    again = mended(back.data, REASONS, **dict(balanced(back.data)))
    found = pipe.findings(again)
    assert [(one.code, one.level, one.explained) for one in found] == [
        ("V111", Level.QUERY, "含历年积案"),
        ("G208", Level.NOTE, None),
        ("G102", Level.QUERY, "转隶前制定"),
    ]
    received(folder, again)
    result = check([folder])
    assert [one.outcome for one in result.filings] == [Outcome.NOTED] and not result.is_open
    assert list(send_back(result)) == []
    strict = merge(result, unit=Unit(name="示例县", code="C1", level="county"), strict=True)
    assert strict.merged == (True,)
    said = [(reason.place, reason.text) for leaf in strict.rollup.leaves for reason in leaf.reasons]
    assert said == list(REASONS.items())
    sheet = openpyxl.load_workbook(io.BytesIO(write_rollup(strict)))["说明"]
    assert {row[5] for row in sheet.iter_rows(min_row=4, values_only=True)} == set(REASONS.values())


def test_reasons_go_up_with_the_roll_up(folder, tmp_path):
    back = returned(folder, faulty())
    received(folder, mended(back.data, REASONS, **dict(balanced(back.data))))
    county = tmp_path / "县" / "汇总.xlsx"
    county.parent.mkdir()
    unit = Unit(name="示例县", code="C1", level="county")
    county.write_bytes(write_rollup(merge(check([folder]), unit=unit)))
    city = merge(check([county]), unit=Unit(name="示例市", code="D1", level="city"))
    assert [(r.place, r.text) for leaf in city.rollup.leaves for r in leaf.reasons] == list(REASONS.items())


def test_a_reason_for_a_rule_may_stand_on_either_sheet(folder):
    back = returned(folder, faulty())
    cell = lay_out(FORM).rules["no-regulation.in_force"].explanation.address
    on_checks = pipe.changed(back.data, lambda book: book[CHECKS].__setitem__(cell, "转隶前制定"))
    both = mended(on_checks, {"〔二、主动公开〕D6": "见文件"})
    for data, said in ((on_checks, "转隶前制定"), (both, "转隶前制定；见文件")):
        assert [one.explained for one in pipe.findings(data) if one.rule == "no-regulation.in_force"] == [
            said
        ]


def test_returned_twice_the_marks_are_made_afresh_and_the_reasons_kept(folder):
    back = returned(folder, faulty())
    some = mended(back.data, REASONS, **{"applications.granted.company": 0})
    again = returned(folder, some)
    rows = listed(again.data)
    assert [(row["程度"], row["位置"], row["说明"]) for row in rows if row["程度"] == "待核实"] == [
        ("待核实", place, text) for place, text in REASONS.items()
    ]
    assert "〔三、依申请公开〕E9" not in [row["位置"] for row in rows]
    book = openpyxl.load_workbook(io.BytesIO(again.data))
    assert book[REQUESTS]["E9"].border.left.style == "thin"
    assert book[REQUESTS]["D7"].border.left.style == "thick"


def test_a_marked_workbook_can_be_filled_by_a_system_and_keeps_its_list(folder, tmp_path):
    back = returned(folder, faulty())
    path = tmp_path / "退回.xlsx"
    path.write_bytes(mended(back.data, REASONS))
    data = fill(path, Answers(items=dict(balanced(back.data))))
    assert [one.explained for one in pipe.findings(data) if one.explained] == list(REASONS.values())
    assert read(data).issue == read(back.data).issue


def test_the_received_file_is_not_touched(folder):
    path = received(folder, faulty())
    before = path.read_bytes(), path.stat().st_mtime_ns
    list(backs(folder))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before and list(folder.iterdir()) == [path]


def test_the_notice_is_short_and_says_which_file_to_mend(folder):
    text = notice(returned(folder, faulty()))
    lines = text.splitlines()
    assert lines[0] == "【示例镇】示例镇2023年政府信息公开工作年度报告：3 处要改，2 处要说明。"
    assert "（退回）.xlsx" in lines[-1] and len(lines) == 7
    text.encode("gbk")


HOSTILE = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "<b>", "a\x0bb\ufffe", "x" * 30_000, "〔三〕D7"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:10]))
def test_untrusted_text_on_the_list_is_never_a_formula(folder, text):
    data = faulty(**{"applications.new.natural": text.replace("\x0b", "_x000B_").replace("\ufffe", "")})
    back = returned(folder, data)
    book = openpyxl.load_workbook(io.BytesIO(back.data))
    assert all(cell.data_type != "f" for row in book[PROBLEMS].iter_rows() for cell in row)
    assert read(back.data).inputs["applications.new.natural"] is None


def test_another_years_report_comes_back_as_a_blank_with_its_figures_as_last_years(folder):
    """Its figures are not this year's: a workbook that held them would pass for this year's."""
    data = write_template(FORM, pipe.TOWN, 2022, pipe.seeded(FORM, 4))
    back = returned(folder, data, form=F2021, year=2023)
    again = read(back.data)
    assert again.year == 2023 and [row["程度"] for row in listed(back.data)] == ["退回"]
    carried = {name: value for name, value in again.inputs.items() if value is not None}
    last = read(data).figures
    assert carried == {
        f"applications.carried_in.{c}": last[f"applications.carried_out.{c}"]
        for c in ("natural", "company", "research", "charity", "legal", "other")
    }
    assert again.last_shown["applications.carried_out.natural"] == last["applications.carried_out.natural"]


def test_the_2019_edition_sent_for_a_2021_year_moves_what_means_the_same(folder):
    old = load_form(F2019)
    data = write_template(old, pipe.TOWN, 2020, pipe.seeded(old, 6))
    back = returned(folder, data, form=F2021, year=2021)
    again, sent = read(back.data), read(data)
    assert (again.form.key, again.year, again.unit.key) == (F2021, 2021, pipe.TOWN.key)
    for name, value in again.inputs.items():
        same = name in old.items and old.items[name].unit == FORM.items[name].unit
        assert value == (sent.inputs[name] if same else None), name
    rows = {(row.outcome, row.source) for row in again.transfers}
    for name in ("applications.other.natural", "licensing.permit.previous", "procurement.purchase.amount"):
        place = lay_out(old).slots[name].place
        assert ("没有位置", f"〔{place.sheet}〕{place.address}") in rows
    absent = {(row.sheet, row.cell) for row in again.transfers if row.outcome == "没有找到"}
    assert at("applications.other_1.natural") in absent and at("documents.normative.repealed") in absent
    assert again.texts == sent.texts
    (query,) = [one for one in pipe.findings(back.data) if one.code == "G207"]
    assert query.level is Level.QUERY and "2020年度" in query.message and "2021年度" in query.message


def test_a_declaration_of_zeros_is_not_carried_over(folder):
    """What found no place would silently become a zero."""
    old = load_form(F2019)
    said = Answers(cover={"blanks_are_zero": "是", "phone": "0431-1"}).over(pipe.seeded(old, 6))
    back = returned(folder, write_template(old, pipe.TOWN, 2020, said), form=F2021, year=2021)
    again = read(back.data)
    assert again.cover["blanks_are_zero"] == "" and again.cover["phone"] == "0431-1"
    assert not again.declared_zeros


def test_an_edited_identity_is_not_made_sound(folder):
    place = next(
        c.place for c in lay_out(FORM).carriers if c.place and c.field == "unit" and c.place.sheet == REQUESTS
    )
    data = pipe.changed(faulty(), lambda book: book[REQUESTS].__setitem__(place.address, "别的镇"))
    back = returned(folder, data)
    assert back.data is None and "说法不一" in back.why_not and "没有附改好的表" in notice(back)
    roster = Roster((Unit(name="示例镇", code="U01", parent="示例县", contact="张三"),))
    back = returned(folder, data, roster=roster)
    assert read(back.data).unit.name == "示例镇"


def test_two_files_of_one_unit_each_come_back_under_their_own_name(folder):
    received(folder, faulty(), "一.xlsx")
    received(folder, faulty(**{"applications.new.company": 7}), "二.xlsx")
    assert [back.name[-9:] for back in backs(folder)] == ["（退回）.xlsx", "退回2）.xlsx"]


def test_what_is_clean_or_only_noted_does_not_go_back(folder):
    received(folder, pipe.filled(FORM), "好.xlsx")
    received(folder, b"\xff\xd8\xff", "照片.jpg")
    received(folder, faulty(Unit(name="另一镇", code="U02")), "坏.xlsx")
    assert [back.checked.filing.file for back in backs(folder)] == ["坏.xlsx"]


def test_a_file_that_holds_nothing_of_ours_is_told_of_by_its_name(folder):
    back = returned(folder, b"PK\x03\x04 cut short")
    assert back.data is None and notice(back).startswith("【单位不明】文件“示例镇.xlsx”")


def test_last_years_figures_come_along(folder, tmp_path):
    before = tmp_path / "上年.xlsx"
    before.write_bytes(write_template(FORM, pipe.TOWN, 2022, pipe.seeded(FORM, 4)))
    last = read_last_year(before)
    back = returned(folder, faulty(), last=last)
    shown = read(back.data).last_shown
    assert shown["applications.carried_out.natural"] == last.of(pipe.TOWN)["applications.carried_out.natural"]
    assert TRANSFERS not in openpyxl.load_workbook(io.BytesIO(back.data)).sheetnames
    assert Path(back.name).suffix == ".xlsx"


def test_a_year_that_no_edition_is_for_stops_nothing(folder):
    """One odd file must not keep the others from going back."""
    form = load_form(F2019)
    received(folder, write_template(form, pipe.TOWN, 2020, pipe.seeded(form, 4)), "一.xlsx")
    received(folder, faulty(Unit(name="另一镇", code="U02")), "二.xlsx")
    first, second = backs(folder, form=F2021)
    assert first.data is None and "--year" in first.why_not
    assert second.data is not None


# ---- what a fresh workbook cannot show any more


def copied(book):
    """The figures on a copy of the sheet, the official one emptied, blanks declared to be zeros."""
    copy = book.copy_worksheet(book[REQUESTS])
    copy.title = f"{REQUESTS} (2)"
    for slot in lay_out(FORM).inputs:
        if slot.sheet == REQUESTS:
            book[REQUESTS][slot.address] = None
    book["封面"][lay_out(FORM).cover["blanks_are_zero"].address] = "是"


def merged_inputs(book):
    book[REQUESTS].merge_cells("D7:E7")


def beneath(book):
    place = lay_out(FORM).texts["problems"]
    book[place.sheet].unmerge_cells(place.range)
    book[place.sheet].cell(place.row + 1, place.column).value = "第二段"


LOST = {
    "a copy of a sheet": (copied, "S013"),
    "merged inputs": (merged_inputs, "S015"),
    "beneath": (beneath, "S017"),
}


@pytest.mark.parametrize("name", LOST)
def test_sent_back_untouched_it_is_still_open(folder, name):
    """A fresh workbook shows nothing of the fault; it must not pass for mended."""
    change, code = LOST[name]
    data = pipe.changed(write_template(FORM, pipe.TOWN, 2023, pipe.seeded(FORM, 3)), change)
    before = {one.code: one.level for one in pipe.findings(data)}
    back = returned(folder, data)
    open_ = [one for one in pipe.findings(back.data) if one.code == "G208"]
    assert [one.level for one in open_] == [before[code]] and open_[0].is_open
    # and the list cannot be got rid of
    gone = pipe.changed(back.data, lambda book: book.remove(book[PROBLEMS]))
    assert [one.level for one in pipe.findings(gone) if one.code == "G208"] == [before[code]]
    # not by a dash either, but by an answer
    for answer, settled in (("/", False), ("已改填到原表", True)):

        def answered(book, answer=answer):
            for row in book[PROBLEMS].iter_rows(min_row=HEAD_ROW + 1):
                if row[PROBLEM_HEADS.index("勾稽关系")].value == open_[0].rule:
                    row[PROBLEM_HEADS.index("说明")].value = answer

        (again,) = [one for one in pipe.findings(pipe.changed(back.data, answered)) if one.code == "G208"]
        assert again.is_open is not settled
    # returned once more it is still on the list
    second = returned(folder, back.data)
    assert open_[0].rule in [row["勾稽关系"] for row in listed(second.data)]


def test_a_reason_written_for_another_figure_is_none_for_this_one(folder):
    back = returned(folder, faulty())
    sheet, cell = at("enforcement.penalty.decided")
    first = mended(back.data, REASONS, **dict(balanced(back.data)))
    other = pipe.changed(first, lambda book: book[sheet].__setitem__(cell, 600_000_000))
    (query,) = [one for one in pipe.findings(other) if one.code == "V111"]
    assert query.is_open and "含历年积案" in query.message and "20000000" in query.message
    again = returned(folder, other)
    assert [row["说明"] for row in listed(again.data) if row["位置"].endswith("B13")] == [None]


def test_a_reason_is_kept_while_its_figure_has_another_fault(folder):
    back = returned(folder, faulty())
    some = mended(back.data, REASONS)
    sheet, cell = at("documents.regulation.in_force")
    second = returned(folder, pipe.changed(some, lambda book: book[sheet].__setitem__(cell, "一件")))
    third = pipe.changed(second.data, lambda book: book[sheet].__setitem__(cell, 1))
    assert {one.rule: one.explained for one in pipe.findings(third)}["no-regulation.in_force"] == "转隶前制定"


ALTERED = {
    "a row put in": lambda sheet: sheet.insert_rows(3),
    "a column put in": lambda sheet: sheet.insert_cols(2),
    "a row between": lambda sheet: sheet.insert_rows(HEAD_ROW + 2),
}


@pytest.mark.parametrize("name", ALTERED)
def test_reasons_are_found_on_a_list_with_rows_or_columns_put_in(folder, name):
    back = returned(folder, faulty())
    data = mended(back.data, REASONS)
    shifted = pipe.changed(data, lambda book: ALTERED[name](book[PROBLEMS]))
    assert [one.explained for one in pipe.findings(shifted) if one.explained] == list(REASONS.values())


def test_a_list_without_its_heads_is_spoken_of(folder):
    back = returned(folder, faulty())
    headless = pipe.changed(back.data, lambda book: book[PROBLEMS].delete_rows(HEAD_ROW))
    assert "G209" in [one.code for one in pipe.findings(headless)]


def test_one_text_that_no_cell_holds_keeps_no_unit_from_its_workbook(folder):
    long = pipe.seeded(FORM, 3)
    data = pipe.changed(
        write_template(FORM, pipe.TOWN, 2023, long),
        lambda book: book["五、问题及改进"].__setitem__("A5", "此处要换成长文"),
    )
    received(folder, with_long_text(data), "一.xlsx")
    received(folder, faulty(Unit(name="另一镇", code="U02")), "二.xlsx")
    first, second = backs(folder)
    assert first.data is not None and second.data is not None
    assert len(read(first.data).texts["problems"]) == 32_767
    # what was cut off has to be answered
    assert [(one.code, one.level) for one in pipe.findings(first.data)] == [("G208", Level.ERROR)]


def with_long_text(data, mark="此处要换成长文"):
    """The workbook with forty thousand characters in place of a text, as another program may write it."""
    buffer, found = io.BytesIO(), 0
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            part = old.read(info)
            found += part.count(mark.encode())
            new.writestr(info.filename, part.replace(mark.encode(), ("长" * 40_000).encode()))
    assert found == 1
    return buffer.getvalue()


def test_what_an_earlier_run_left_in_the_folder_is_named(folder, tmp_path):
    out = tmp_path / "退回"
    received(folder, faulty())
    write_returns(backs(folder), out)
    received(folder, faulty(Unit(name="另一镇", code="U02")))
    rows = write_returns(backs(folder), out)
    assert rows[-1][2].startswith("示例镇_2023年政府信息公开工作年度报告（退回）.xlsx：上一次留下的")

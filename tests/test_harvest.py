"""Workbooks read by their labels: home-made ones, shifted ones, .xls and .ods.  A wrong figure is never taken."""

import dataclasses
import io
import json
import os
import random
import time
from pathlib import Path

import helpers_office
import helpers_pipe as pipe
import homemade
import openpyxl
import pytest
from homemade import Shape, build
from openpyxl.utils.cell import range_boundaries

from xltools import Answers, load_form, write_template
from xltools.filing import Cell, Refusal
from xltools.reading import foreign, legacy
from xltools.reading.bylabels import harvest
from xltools.reading.foreign import open_foreign
from xltools.reading.normalise import figure
from xltools.reading.refusals import Refused
from xltools.words import label_key

NATIONAL = ["gov-info-disclosure/2019", "gov-info-disclosure/2019-jilin", "gov-info-disclosure/2021"]
F2019, F2019_JILIN, F2021 = (load_form(key) for key in NATIONAL)
SNOW = load_form(next(path for path in pipe.OWN if path.name == "snow-clearing.toml"))
FORMS = [F2019, F2019_JILIN, F2021, SNOW]
SEEDS = range(2_000 if os.environ.get("XLTOOLS_SLOW") else 40)


def taken(found):
    return {name: one.content.text for name, one in found.items.items()}


def texts(found):
    return {name: one.content.text for name, one in found.texts.items()}


def left(found):
    return {one.content.text for one in found.leftovers}


def made_by(rows, **more):
    """A workbook of these cells: {"A1": "…"} and what to merge."""
    book = openpyxl.Workbook()
    for cell, value in rows.items():
        book.active[cell] = value
    for area in more.get("merge", ()):
        book.active.merge_cells(area)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def changed(data, change):
    return pipe.changed(data, lambda book: change(book.active))


# ---- home-made workbooks of every shape


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)
@pytest.mark.parametrize("rows", ["merged", "open", "repeated", "indented"])
@pytest.mark.parametrize("heads", ["merged", "open", "joined"])
def test_every_shape_comes_back_whole(form, rows, heads):
    for wording, sheets, bands in (("official", "one", True), ("loose", "each", False)):
        shape = Shape(rows, heads, wording, sheets, bands, serials=not bands, at=(2, 3), shuffle=not bands)
        made = build(form, shape, year=pipe.year_of(form), seed=5)
        found = harvest("表.xlsx", made.data, FORMS)
        assert found.form is form
        assert (found.unit, found.year, found.absent) == ("示例镇", pipe.year_of(form), ())
        assert taken(found) == {name: str(value) for name, value in made.items.items()}
        assert {name: (one.sheet, one.cell) for name, one in found.items.items()} == made.cells
        assert texts(found) == made.texts
        assert found.leftovers == ()


def any_shape(chance):
    return Shape(
        rows=chance.choice(["merged", "open", "repeated", "indented"]),
        heads=chance.choice(["merged", "open", "joined"]),
        wording=chance.choice(["official", "loose"]),
        sheets=chance.choice(["one", "each"]),
        bands=chance.random() < 0.8,
        texts=chance.random() < 0.7,
        serials=chance.random() < 0.3,
        remarks=chance.random() < 0.3,
        shuffle=chance.random() < 0.5,
        insert=chance.choice([0, 0, 1, 2, 3]),
        drop=chance.choice([0, 0, 1, 3]),
        gap=chance.choice([0, 1, 2]),
        at=(chance.randint(1, 4), chance.randint(1, 4)),
    )


def test_whatever_is_inserted_dropped_or_moved_no_figure_is_taken_for_another():
    there = lost = 0
    for seed in SEEDS:
        form = FORMS[seed % len(FORMS)]
        made = build(form, any_shape(random.Random(seed)), year=pipe.year_of(form), seed=seed)
        found = harvest("表.xlsx", made.data, FORMS)
        assert found.form is form
        for name, text in taken(found).items():
            assert text == str(made.items.get(name)), (seed, name)
        listed = set(taken(found).values()) | left(found)
        figures = [*made.items.values(), *made.strangers]
        assert not {one for one in figures if isinstance(one, int) and str(one) not in listed}, seed
        assert not set(found.absent) & set(found.items)
        there, lost = there + len(made.items), lost + len(set(made.items) - set(found.items))
    assert lost < 0.02 * there  # what is ambiguous is not taken, and little is


# ---- our own workbook, shifted


def marked_answers(form):
    """Every figure of its own, so that one taken for another shows."""
    figures = {item.id: number for number, item in enumerate(form.inputs, 1001)}
    figures |= {item.id: f"第{figures[item.id]}队" for item in form.inputs if item.type == "text"}
    return Answers(items=figures, texts={name: f"{name}的文字，不止一句。" for name in form.texts})


def shift(book, form, chance):
    """One change that moves things without typing over them; gives what it did."""
    sheet = book[chance.choice([one.name for one in form.sheets])]
    what = chance.choice(["insert_rows", "insert_cols", "delete_rows", "delete_cols", "label"])
    if what == "label":
        labels = [cell for row in sheet.iter_rows(min_row=5) for cell in row if is_short_text(cell.value)]
        if labels:
            chance.choice(labels).value = "改过的字"
    else:
        most = sheet.max_column if what.endswith("cols") else sheet.max_row
        getattr(sheet, what)(chance.randint(1, most))
    return sheet.title, what


def is_short_text(value):
    return (
        isinstance(value, str) and len(value) < 40 and not value.startswith("=") and value[-1] not in "队。"
    )


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)
def test_our_own_workbook_shifted_is_read_by_its_labels(form):
    answers = marked_answers(form)
    data = write_template(form, pipe.TOWN, pipe.year_of(form), answers)
    for seed in SEEDS[:: len(SEEDS) // 4]:
        chance, done = random.Random(seed), []
        book = openpyxl.load_workbook(io.BytesIO(data))
        for _ in range(chance.randint(1, 4)):
            done.append(shift(book, form, chance))
        for sheet in form.sheets:
            if chance.random() < 0.2:
                book[sheet.name].title = f"改名{sheet.id}"
        buffer = io.BytesIO()
        book.save(buffer)
        found = harvest("表.xlsx", buffer.getvalue(), [form])
        for name, text in taken(found).items():
            if form.items[name].is_input:
                assert text == str(answers.items[name]), (seed, done, name)
        for name, text in texts(found).items():
            assert answers.texts[name] in text or "改过的字" in text, (seed, done, name)


INSERTED = {
    "row": lambda sheet: sheet.insert_rows(12),
    "row in the head": lambda sheet: sheet.insert_rows(5),
    "rows above": lambda sheet: sheet.insert_rows(1, 4),
    "column of labels": lambda sheet: sheet.insert_cols(2),
    "column of figures": lambda sheet: sheet.insert_cols(6),
}


@pytest.mark.parametrize("name", INSERTED)
def test_what_is_inserted_costs_no_figure(name):
    answers = marked_answers(F2021)
    data = write_template(F2021, pipe.TOWN, 2021, answers)
    data = pipe.changed(data, lambda book: INSERTED[name](book["三、依申请公开"]))
    found = harvest("表.xlsx", data, [F2021])
    assert found.absent == ()
    assert {name: found.items[name].content.text for name in answers.items} == {
        name: str(value) for name, value in answers.items.items()
    }
    assert texts(found) == answers.texts
    assert (found.unit, found.year) == ("示例镇", 2021)


def insert_as_excel_does(sheet, row, count):
    """Rows with their merged blocks; openpyxl leaves the blocks where they were."""
    areas = [area.coord for area in sheet.merged_cells.ranges]
    for area in areas:
        sheet.unmerge_cells(area)
    sheet.insert_rows(row, count)
    for area in areas:
        left, top, right, bottom = range_boundaries(area)
        by = count if top >= row else 0
        sheet.merge_cells(start_row=top + by, end_row=bottom + by, start_column=left, end_column=right)


def test_explanations_and_cover_are_found_where_they_went():
    answers = Answers(
        items={"documents.regulation.in_force": 1},
        cover={"filled_by": "张三", "blanks_are_zero": "是"},
        explanations={"no-regulation.in_force": "转隶前制定"},
    ).over(marked_answers(F2021))
    data = write_template(F2021, pipe.TOWN, 2021, answers)

    def move(book):
        book["校验"].insert_rows(2, 3)
        insert_as_excel_does(book["封面"], 5, 2)

    found = harvest("表.xlsx", pipe.changed(data, move), [F2021])
    assert found.explanations == {"no-regulation.in_force": "转隶前制定"}
    assert {name: one.content.text for name, one in found.cover.items()} == answers.cover


# ---- nothing is guessed

SMALL = {
    "A1": "示例镇2021年政府信息公开工作年度报告",
    "A3": "信息内容", "B3": "本年制发件数", "C3": "本年废止件数", "D3": "现行有效件数",
    "A4": "规章", "B4": 1001, "C4": 1002, "D4": 1003,
    "A5": "行政规范性文件", "B5": 1004, "C5": 1005, "D5": 1006,
}  # fmt: skip
MADE = "documents.normative.made"


def small(**cells):
    return harvest("表.xlsx", made_by({**SMALL, **cells}), [F2021])


def test_a_small_table_alone_is_enough():
    found = small()
    assert taken(found) == {
        f"documents.{row}.{column}": str(1001 + 3 * r + c)
        for r, row in enumerate(("regulation", "normative"))
        for c, column in enumerate(("made", "repealed", "in_force"))
    }
    assert len(found.absent) == len(F2021.items) - 6


def test_a_row_that_stands_twice_is_nobodys():
    found = small(A6="行政规范性文件", B6=7, C6=8, D6=9)
    assert set(taken(found)) == {f"documents.regulation.{c}" for c in ("made", "repealed", "in_force")}
    assert MADE in found.absent
    assert {"1004", "7"} <= left(found)


def test_a_column_that_stands_twice_is_nobodys():
    found = small(E3="本年制发件数", E5=7)
    assert MADE in found.absent and "documents.normative.in_force" in found.items
    assert {"1004", "7"} <= left(found)


def test_a_table_that_stands_twice_is_nobodys():
    copy = {f"{cell[0]}{int(cell[1:]) + 10}": value for cell, value in SMALL.items() if cell != "A1"}
    copy |= {"B15": 7}
    found = small(**copy)
    assert found.items == {} and len(found.leftovers) == 12


def test_a_blank_copy_of_a_table_is_no_doubt():
    copy = {
        f"{cell[0]}{int(cell[1:]) + 10}": value for cell, value in SMALL.items() if isinstance(value, str)
    }
    assert len(small(**copy).items) == 6


def test_a_row_of_the_units_own_is_listed_with_its_words():
    found = small(A6="其他文件", B6=5, E4="含转隶前")
    listed = [(one.cell, one.content.text, one.near) for one in found.leftovers]
    assert listed == [
        ("E4", "含转隶前", "规章·现行有效件数"),
        ("B6", "5", "其他文件·本年制发件数"),
    ] or listed == [
        ("E4", "含转隶前", "规章"),
        ("B6", "5", "其他文件·本年制发件数"),
    ]


def test_what_is_blank_was_found_and_is_not_absent():
    found = small(B5=None)
    assert MADE not in found.items and MADE not in found.absent


def test_cells_are_taken_as_they_are():
    found = small(B4="３件", B5=True, C5="=1+2", D5="约3")
    contents = {name: one.content for name, one in found.items.items()}
    assert contents["documents.regulation.made"] == Cell("text", "３件")
    assert contents[MADE] == Cell("boolean", "TRUE")
    assert contents["documents.normative.repealed"].formula == "1+2"
    assert contents["documents.normative.in_force"] == Cell("text", "约3")


def test_a_sum_of_the_units_own_is_not_the_forms():
    """总计 under 法人或其他组织 is not the 总计 of all, whether that stands there or not."""
    made = build(F2021, Shape(heads="merged"), year=2021)
    book = openpyxl.load_workbook(io.BytesIO(made.data))
    sheet = book.active
    row = next(r for r in range(1, 60) if sheet.cell(r, 9).value == "其他")
    assert sheet.cell(row - 1, 10).value == "总计"
    sheet.cell(row - 1, 10).value = "备注"
    sheet.cell(row, 9).value = "总计"
    buffer = io.BytesIO()
    book.save(buffer)
    found = harvest("表.xlsx", buffer.getvalue(), [F2021])
    gone = {
        name
        for name in F2021.items
        if name.startswith("applications.") and name.endswith((".other", ".total"))
    }
    assert gone <= set(found.absent)
    assert not gone & set(found.items)


def test_two_rows_beneath_a_table_without_row_labels_are_a_doubt():
    heads = {item.column: item.column_label for item in F2021.items.values() if item.table == "disputes"}
    columns = [chr(65 + number) for number in range(len(heads))]
    cells = {f"{c}2": "-".join(path) for c, path in zip(columns, heads.values(), strict=True)}
    figures = {f"{c}3": number for number, c in enumerate(columns, 101)}
    assert len(harvest("表.xlsx", made_by(cells | figures), [F2021]).items) == len(heads)
    second = {f"{c}4": 1 for c in columns}
    found = harvest("表.xlsx", made_by(cells | figures | second), [F2021])
    assert found.items == {} and len(found.leftovers) == 2 * len(heads)


def test_equal_heads_are_told_apart_by_order_only_where_all_of_them_stand():
    words = [item.column_label[-1] for item in F2021.items.values() if item.table == "disputes"]
    cells = {f"{chr(65 + n)}2": word for n, word in enumerate(words)}
    figures = {f"{chr(65 + n)}3": 101 + n for n in range(len(words))}
    found = harvest("表.xlsx", made_by(cells | figures), [F2021])
    assert list(taken(found).values()) == [str(101 + n) for n in range(len(words))]
    del cells["E2"]
    assert isinstance(harvest("表.xlsx", made_by(cells | figures), [F2021]), Refusal)


FEES = {"A1": "信息内容", "A2": "行政事业性收费"}
FEE = "fees.charge.amount"


@pytest.mark.parametrize(
    ("head", "value", "is_taken"),
    [
        ("本年收费金额（单位：万元）", 180.1, True),
        ("本年收费金额(万元)", 180.1, True),
        ("本年收费金额（单位：元）", 1801000, False),  # another unit than the form's
        ("本年收费金额", 180.1, False),  # of what unit?
        ("本年收费金额", "180万元", True),
        ("本年收费金额", 0, True),
    ],
)
def test_money_is_taken_where_its_unit_is_known(head, value, is_taken):
    cells = {**SMALL, "A8": "信息内容", "B8": head, "A9": "行政事业性收费", "B9": value}
    found = harvest("表.xlsx", made_by(cells), [F2021])
    assert (FEE in found.items) is is_taken
    assert (FEE in found.absent) is not is_taken
    assert (str(value) in left(found)) is not is_taken


def test_a_sheet_of_something_else_holds_no_form():
    found = harvest("花名册.xlsx", made_by({"A1": "姓名", "B1": "总计", "A2": "其他", "B2": 3}), FORMS)
    assert isinstance(found, Refusal) and found.code == "S001"


def test_the_form_is_the_one_whose_labels_fit_best():
    for form in FORMS:
        made = build(form, year=pipe.year_of(form))
        assert harvest("表.xlsx", made.data, FORMS, year=2021).form is form
    bare = build(F2019_JILIN, Shape(), values=dict.fromkeys(F2019.items, 1))
    jilin_row = next(one.label[0] for one in F2019_JILIN.tables["published"].rows).replace("{year}", "2020")

    def without_it(sheet):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value == jilin_row:
                    cell.value = None

    assert harvest("表.xlsx", changed(bare.data, without_it), FORMS).form is F2019


# ---- whose it is


@pytest.mark.parametrize(
    ("cells", "unit", "year"),
    [
        ({"A1": "德惠市布海镇2020年政府信息公开工作年度报告"}, "德惠市布海镇", 2020),
        ({"A1": "2020年德惠市布海镇\n政府信息公开工作年度报告"}, "德惠市布海镇", 2020),
        ({"A1": "布海镇人民政府关于2020年度政府信息公开工作年度报告"}, "布海镇人民政府", 2020),
        ({"A1": "2020年政府信息公开工作年度报告", "A2": "（填报单位：布海镇）"}, "布海镇", 2020),
        ({"A1": "年报", "A2": "填报单位", "B2": "布海镇", "C2": "报告年度", "D2": "2020年"}, "布海镇", 2020),
        ({"A1": "布海镇政府信息公开统计"}, "布海镇", None),  # by the roster
        ({"A1": "布海镇和朱城子镇政府信息公开统计"}, "", None),
        ({"A1": "布海镇2020年政府信息公开工作年度报告", "A2": "填报单位：朱城子镇"}, "", 2020),
    ],
)
def test_a_workbook_says_whose_it_is(cells, unit, year):
    table = {f"{cell[0]}{int(cell[1:]) + 5}": value for cell, value in SMALL.items() if cell != "A1"}
    found = harvest(
        "2019朱城子镇.xlsx", made_by(table | cells), [F2021], units=["布海镇", "朱城子镇", "布海"]
    )
    assert (found.unit, found.year) == (unit, year)


def test_texts_are_what_stands_beneath_their_labels():
    cells = {
        "A20": "1、总体情况", "A21": "第一段。", "A22": "第二段。",
        "A23": "五、政府信息公开工作存在的主要问题及改进情况\n问题不少。",
        "A24": "六、其他需要报告的事项", "B24": "无",
    }  # fmt: skip
    found = small(**cells)
    assert texts(found) == {"general": "第一段。\n第二段。", "problems": "问题不少。", "other": "无"}
    twice = small(**cells, A30="一、总体情况", A31="另一段。")
    assert "general" not in twice.texts and "另一段。" in left(twice)


def test_cover_fields_are_beside_their_labels_or_behind_them():
    found = small(A8="填报人：张三　联系电话：0431-1", A9="审核人", B9="李四", A10="填报日期", C10="2021-1-5")
    assert {name: one.content.text for name, one in found.cover.items()} == {
        "filled_by": "张三",
        "phone": "0431-1",
        "reviewed_by": "李四",
    }


# ---- printed reports

REPORTS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "real-reports").glob("*.json"))
}
COMPLETE = ["2020-dehui-buhai-town", "2023-jinhu-county", "2023-suqian-city", "2024-suqian-city"]


def printed(report, form):
    """What a report shows, by item: rows of its tables by their words."""
    values, year = {}, report["year"]
    for part, tables in (("active", None), ("applications", {"applications"})):
        for label, figures in report[part]:
            wanted = label_key(label.split("/")[-1])
            heads = label_key(label.split("/")[0])
            names = [
                item.id
                for item in form.items.values()
                if item.row_label
                and (item.table in tables if tables else item.table not in ("applications", "processing_fee"))
                and label_key(item.row_label[-1].replace("{year}", str(year))) == wanted
                and ("/" not in label or label_key(item.row_label[-2]) == heads)
            ]
            values |= dict(zip(names, figures, strict=True))
    names = [item.id for item in form.items.values() if item.table == "disputes"]
    return values | dict(zip(names, report["review"], strict=True))


@pytest.mark.parametrize("name", COMPLETE)
def test_a_published_report_comes_back_figure_by_figure(name):
    report = REPORTS[name]
    form = F2019_JILIN if "布海" in report["unit"] else load_form(f"gov-info-disclosure/{report['form']}")
    values = printed(report, form)
    assert set(form.items) - set(values) == {n for n in form.items if n.startswith("processing_fee")}
    typed = {name: float(text) if text.replace(".", "").isdigit() else text for name, text in values.items()}
    for shape in (Shape(), Shape(rows="indented", heads="open", wording="loose", sheets="each")):
        made = build(form, shape, unit=report["unit"], year=report["year"], values=typed)
        found = harvest("年报.xlsx", made.data, FORMS, year=report["year"])
        assert (found.form, found.unit, found.year) == (form, report["unit"], report["year"])
        assert found.items.keys() == values.keys() and found.leftovers == ()
        for item in (form.items[one] for one in values):  # totals as printed, too
            shown = figure(found.items[item.id].content, item.type, unit=item.unit, places=item.places)
            wanted = figure(Cell("text", values[item.id]), item.type, unit=item.unit, places=item.places)
            assert shown.value == wanted.value is not None, item.id


# ---- .xls and .ods


@pytest.mark.office
@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_home_made_workbooks_of_other_programs(tmp_path, kind):
    for form in (F2019, F2021):
        made = build(form, Shape(remarks=True, insert=1), year=pipe.year_of(form), seed=3)
        path = tmp_path / f"{form.edition}.xlsx"
        path.write_bytes(made.data)
        found = harvest("表", helpers_office.converted(path, kind).read_bytes(), FORMS)
        same = harvest("表", made.data, FORMS)
        assert (found.form, found.unit, found.year) == (form, "示例镇", pipe.year_of(form))
        assert taken(found) == taken(same) and texts(found) == texts(same)
        assert found.absent == same.absent and left(found) == left(same)


@pytest.mark.office
@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_our_own_workbook_saved_by_another_program(tmp_path, kind):
    answers = marked_answers(F2021)
    path = tmp_path / "表.xlsx"
    path.write_bytes(write_template(F2021, pipe.TOWN, 2021, answers))
    found = harvest("表", helpers_office.converted(path, kind).read_bytes(), FORMS)
    assert {name: text for name, text in taken(found).items() if name in answers.items} == {
        name: str(value) for name, value in answers.items.items()
    }
    assert texts(found) == answers.texts and found.absent == () and found.leftovers == ()


ODD = {
    "A1": 3, "B1": 180.1, "C1": True, "D1": "=1/0", "E1": 0.05, "F1": "12", "G1": "=A1+1", "H1": "一\n二",
}  # fmt: skip


@pytest.mark.office
@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_dates_booleans_errors_and_percents_keep_their_kind(tmp_path, kind):
    import datetime

    book = openpyxl.Workbook()
    for cell, value in ODD.items():
        book.active[cell] = value
    book.active["E1"].number_format = "0%"
    book.active["A2"] = datetime.date(2021, 1, 5)
    book.active.merge_cells("A3:C4")
    book.active["A3"] = "块"
    path = tmp_path / "表.xlsx"
    book.save(path)
    (sheet,) = open_foreign(helpers_office.converted(path, kind).read_bytes()).sheets.values()
    seen = {at: (cell.kind, cell.text, cell.format) for at, cell in sheet.cells.items()}
    assert seen["A1"] == ("number", "3", "general") and seen["B1"] == ("number", "180.1", "general")
    assert seen["D1"] == ("error", "#DIV/0!", "general")
    assert seen["E1"] == ("number", "0.05", "percent")
    assert seen["F1"][:2] == ("text", "12") and seen["G1"][:2] == ("number", "4")
    assert seen["H1"][:2] == ("text", "一\n二") and seen["A2"] == ("number", "44201", "date")
    boolean = sheet.cells["C1"]  # LibreOffice makes a formula of a constant when it saves .ods
    assert boolean.kind == "boolean" or boolean.formula == "TRUE()"
    assert sheet.merges == {"A3:C4"}


def ods(content, **parts):
    """An .ods of this content.xml body."""
    import zipfile

    names = {"office": "office", "table": "table", "text": "text"}
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in names)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED
        )
        body = f"<office:body><office:spreadsheet>{content}</office:spreadsheet></office:body>"
        file.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")
        for name, text in parts.items():
            file.writestr(name, text)
    return buffer.getvalue()


ROWS = '<table:table-row table:number-rows-repeated="{rows}">{cells}</table:table-row>'
CELL = (
    '<table:table-cell table:number-columns-repeated="{n}" office:value-type="float" office:value="{value}"/>'
)
GAP = '<table:table-cell table:number-columns-repeated="{n}"/>'
TABLE = '<table:table table:name="{name}">{rows}</table:table>'


def sheet_of(rows, name="甲"):
    return TABLE.format(name=name, rows=rows)


def test_repeated_cells_of_ods_are_counted_out():
    cells = GAP.format(n=2) + CELL.format(n=3, value="7.0")
    content = sheet_of(ROWS.format(rows=5, cells="") + ROWS.format(rows=2, cells=cells))
    (sheet,) = open_foreign(ods(content)).sheets.values()
    assert {at: cell.text for at, cell in sheet.cells.items()} == dict.fromkeys(
        ("C6", "D6", "E6", "C7", "D7", "E7"), "7"
    )


def test_a_stray_cell_at_the_end_of_an_ods_costs_nothing():
    stray = ROWS.format(rows=1_048_575, cells="") + ROWS.format(
        rows=1, cells=GAP.format(n=16_383) + CELL.format(n=1, value=1)
    )
    started = time.process_time()
    (sheet,) = open_foreign(ods(sheet_of(stray))).sheets.values()
    assert list(sheet.cells) == ["XFD1048576"]
    assert time.process_time() - started < 5


def test_comments_drawings_and_recorded_changes_are_no_cells():
    note = "<office:annotation><text:p>批注</text:p></office:annotation>"
    cell = f'<table:table-cell office:value-type="string">{note}<text:p>一<text:s text:c="2"/>二</text:p></table:table-cell>'
    deleted = f"<table:tracked-changes><table:deletion>{CELL.format(n=1, value=9)}</table:deletion></table:tracked-changes>"
    (sheet,) = open_foreign(ods(deleted + sheet_of(ROWS.format(rows=1, cells=cell)))).sheets.values()
    assert {at: cell.text for at, cell in sheet.cells.items()} == {"A1": "一  二"}


BAD_ODS = {
    "too many cells": (
        ods(sheet_of(ROWS.format(rows=1_000_000, cells=CELL.format(n=16_000, value=1)))),
        "F007",
    ),
    "bad count": (ods(sheet_of(ROWS.format(rows="-1", cells=""))), "F005"),
    "not closed": (ods("<table:table>"), "F005"),
    "two sheets of one name": (ods(sheet_of("") + sheet_of("")), "F005"),
    "macros": (ods(sheet_of(""), **{"Basic/Standard/Module1.xml": "<x/>"}), "F008"),
    "encrypted": (ods(sheet_of(""), **{"META-INF/manifest.xml": "<manifest:encryption-data/>"}), "F004"),
    "bomb": (ods("<!--" + "x" * 20_000_000 + "-->"), "F007"),
}


@pytest.mark.parametrize("name", BAD_ODS)
def test_an_ods_that_may_not_be_read_is_refused(name):
    data, code = BAD_ODS[name]
    with pytest.raises(Refused) as why:
        open_foreign(data)
    assert why.value.refusal.code == code
    assert why.value.refusal.sentence.endswith("。") and why.value.refusal.remedy


OLE = legacy.OLE
WORKBOOK = "Workbook\0".encode("utf-16-le")


def noise(seed, size=8_192):
    return random.Random(seed).randbytes(size)


HOSTILE = {
    "random": OLE + WORKBOOK + noise(1),
    "zeros": OLE + WORKBOOK + bytes(20_000),
    "sectors without end": OLE + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + WORKBOOK + b"\xff" * 9_000,
    "head only": OLE + WORKBOOK,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_xls_is_a_sentence(name):
    found = harvest("表.xls", HOSTILE[name], FORMS)
    assert isinstance(found, Refusal) and found.code == "F005"


def test_an_xls_with_macros_stays_refused():
    found = harvest("表.xls", OLE + WORKBOOK + "_VBA_PROJECT_CUR\0".encode("utf-16-le"), FORMS)
    assert found.code == "F008"


def test_what_is_no_workbook_is_refused_as_ever():
    for data in (b"", b"%PDF-1.4", OLE + "WordDocument\0".encode("utf-16-le").rjust(2_000, b"\0")):
        found = harvest("表", data, FORMS)
        assert found.code in ("F002", "F003")


@pytest.mark.office
@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_cut_and_broken_files_never_crash_or_hang(tmp_path, kind):
    path = tmp_path / "表.xlsx"
    path.write_bytes(build(F2021, year=2021).data)
    data = helpers_office.converted(path, kind).read_bytes()
    whole = harvest("表", data, [F2021])
    chance = random.Random(kind)
    for _ in range(max(8, len(SEEDS) // 10)):
        broken = bytearray(data)
        if chance.random() < 0.4:
            del broken[chance.randrange(len(broken)) :]
        for _ in range(chance.randint(0, 20)):
            if broken:
                broken[chance.randrange(len(broken))] = chance.randrange(256)
        started = time.process_time()
        found = harvest("表", bytes(broken), [F2021])
        assert time.process_time() - started < 30
        assert isinstance(found, Refusal) or found.form is whole.form


def test_a_child_that_dies_or_hangs_is_a_sentence(monkeypatch):
    data = ods(sheet_of(""))
    for command in ("import os; os.abort()", "while True: pass", "raise SystemExit(3)"):
        with monkeypatch.context() as patch:
            patch.setattr(foreign, "COMMAND", ("-c", command))
            patch.setattr(foreign, "MOST_WAIT", 1.0)
            with pytest.raises(Refused) as why:
                open_foreign(data)
            assert why.value.refusal.code == "F005"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no such limits")
def test_the_child_has_little_memory(monkeypatch):
    hungry = "from xltools.reading import legacy; legacy.limit_resources(); x = bytearray(3_000_000_000)"
    monkeypatch.setattr(foreign, "COMMAND", ("-c", hungry))
    with pytest.raises(Refused):
        open_foreign(ods(sheet_of("")))


def test_a_sheet_of_many_overlapping_blocks_is_searched_in_bounded_time():
    cells = {(row, column): "其他" for row in range(1, 61) for column in range(1, 31)}
    book = openpyxl.Workbook()
    for (row, column), text in cells.items():
        book.active.cell(row, column).value = text
    buffer = io.BytesIO()
    book.save(buffer)
    sheet = open_foreign(buffer.getvalue()).sheets["Sheet"]
    areas = frozenset(f"A{row}:AD{row + 50}" for row in range(1, 5_000))
    from xltools.reading.ground import Ground

    started = time.process_time()
    ground = Ground(dataclasses.replace(sheet, merges=areas))
    assert not ground.merges_hold and time.process_time() - started < 2


def crowd(rows, columns, words):
    """A sheet full of the form's words, with figures between."""
    chance = random.Random(7)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in range(rows):
        sheet.append([chance.choice(words) if (row + c) % 3 else c for c in range(columns)])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(("rows", "columns"), [(1_000, 20), (4, 5_000)])
@pytest.mark.parametrize("words", ["official", "unknown"])
def test_a_sheet_full_of_words_is_searched_in_bounded_time(rows, columns, words):
    official = [part for item in F2021.items.values() for part in (*item.row_label, *item.column_label)]
    data = crowd(rows, columns, official if words == "official" else ["甲乙丙丁", "规章", "戊"])
    started = time.process_time()
    harvest("表.xlsx", data, FORMS)
    assert time.process_time() - started < 20


@pytest.mark.office
def test_a_stray_cell_at_the_end_of_an_xls_costs_nothing(tmp_path):
    path = tmp_path / "表.xlsx"
    path.write_bytes(made_by({**SMALL, "IV65536": 1}))
    found = harvest("表", helpers_office.converted(path, "xls").read_bytes(), [F2021])
    assert len(found.items) == 6 and [one.cell for one in found.leftovers] == ["IV65536"]


def test_nothing_is_imported_from_the_folder_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert list(open_foreign(ods(sheet_of(""))).sheets) == ["甲"]


def test_builders_tell_the_truth():
    made = build(F2021, Shape(insert=2, remarks=True), year=2021)
    book = openpyxl.load_workbook(io.BytesIO(made.data))
    assert {name: book[sheet][cell].value for name, (sheet, cell) in made.cells.items()} == made.items
    assert homemade.fold_path(("（一）予以公开",)) == ("予以公开",)

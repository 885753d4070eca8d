"""A roll-up's figures for other programs: exact, complete, and harmless whatever units wrote."""

import csv
import dataclasses
import io
import json
import sys
from decimal import Decimal

import helpers_rollup as made
import pytest
from test_commands import run

from xltools import Unit, load_form
from xltools.errors import XltoolsError
from xltools.reporting import export
from xltools.reporting.beside import Exports
from xltools.reporting.json import harmless
from xltools.result import CheckResult, MergeResult
from xltools.rollup import roll_up

FORM = load_form("gov-info-disclosure/2021")
AMOUNT, NATURAL = "fees.charge.amount", "applications.new.natural"
EXACT = Decimal("12345678.123456")


def result_of(*leaves, form=FORM, year=2023):
    return MergeResult(CheckResult(()), (), roll_up(form, year, leaves, unit=made.COUNTY))


def rows_of(data):
    assert data.startswith(b"\xef\xbb\xbf"), "Excel takes UTF-8 without BOM for GBK"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def csv_of(result):
    return {name: rows_of(data) for name, data in export.csv_files(result, result.rollup)}


@pytest.fixture
def result():
    return result_of(made.leaf(1, FORM, **{AMOUNT: EXACT, NATURAL: 3}), made.leaf(2, FORM, **{NATURAL: None}))


def test_the_csv_files_hold_what_the_frames_hold(result):
    files, rollup = csv_of(result), result.rollup
    tidy, wide = rollup.to_frame(), rollup.to_frame(wide=True)
    assert [(one["unit"], one["item"], one["value"]) for one in files[export.TIDY]] == [
        (row.unit, row.item, "" if row.value is None else str(row.value)) for row in tidy.itertuples()
    ]
    assert list(files[export.WIDE][0]) == list(wide.columns)
    for row, (_, expected) in zip(files[export.WIDE], wide.iterrows(), strict=True):
        assert list(row.values()) == ["" if value is None else str(value) for value in expected]


def test_money_keeps_every_digit_and_a_blank_is_no_zero(result):
    rows = csv_of(result)[export.TIDY]
    value = {(row["unit"], row["item"]): row["value"] for row in rows}
    assert value["示例1镇", AMOUNT] == "12345678.123456"
    assert value["示例2镇", NATURAL] == "" and value["示例2镇", "applications.new.total"] == ""
    assert value["示例2镇", "applications.new.company"] == "0"


def test_a_row_says_what_the_figure_is_and_where_it_comes_from(result):
    row = next(row for row in csv_of(result)[export.TIDY] if row["item"] == "applications.new.total")
    assert (row["label"], row["measure"], row["derived"]) == (
        "一、本年新收政府信息公开申请数量·总计",
        "件",
        "true",
    )
    assert (row["file"], row["sha256"]) == ("1镇.xlsx", f"{1:064x}")


RUNS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "　=1", "＝1+1", "＠A1", "=cmd|'/c calc'!A1",
        '=HYPERLINK("http://x")', "--5", "+A1"]  # fmt: skip
RESTS = ["3", "-3", "+3.5", "-0.25", "示例镇", "a=b", "'=1", "三、-", ""]


@pytest.mark.parametrize("text", RUNS)
def test_no_text_of_a_unit_is_ever_run(text):
    assert harmless(text) == f"'{text}"
    unit = Unit(name=f"{text}镇", code=text, parent=text)
    leaf = dataclasses.replace(made.leaf(1, FORM), unit=unit, file=f"{text}.xlsx", through=text)
    for name, data in export.csv_files(result_of(leaf), result_of(leaf).rollup):
        for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
            for cell in row:
                bare = cell.lstrip(" 　\t\r\n")
                is_number = bare.lstrip("-").replace(".", "", 1).isdigit() and bare.count("-") <= 1
                assert not bare.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) or is_number, (
                    name,
                    cell,
                )


@pytest.mark.parametrize("text", RESTS)
def test_what_is_no_formula_stays_as_it_is(text):
    assert harmless(text) == text


BAD = "示例\x07镇\ud83d"


def odd_leaf(form=FORM, **figures):
    leaf = made.leaf(1, form, **figures)
    return dataclasses.replace(
        leaf, unit=Unit(name=BAD, code="U1"), file=f"{BAD}.xlsx", texts={"general": BAD}
    )


def test_control_characters_and_halves_of_characters_never_stop_an_output(tmp_path):
    result = result_of(odd_leaf())
    wanted = Exports(csv=tmp_path / "csv", json=tmp_path / "数.json", parquet=tmp_path / "数.parquet")
    paths = list(wanted.write(result, tmp_path / "汇总.xlsx"))
    assert [path.name for path in paths] == ["长表.csv", "宽表.csv", "问题.csv", "数.json", "数.parquet"]
    for path in paths[:4]:
        text = path.read_bytes().decode("utf-8-sig")
        assert "\x07" not in text and (path.name == "问题.csv" or "示例\ufffd镇\ufffd" in text)


def test_a_text_beyond_what_a_cell_holds_is_cut_with_a_note_in_csv_and_whole_in_json(tmp_path):
    form = load_form(str(made.pipe.OWN[0]))
    item = next(one.id for one in form.inputs if one.type == "text")
    result = result_of(made.leaf(1, form, **{item: "长" * 40_000}), form=form, year=made.pipe.year_of(form))
    (row,) = (row for row in csv_of(result)[export.TIDY] if row["item"] == item)
    assert row["value"].endswith(export.CUT) and len(row["value"]) < 32_767
    (leaf,) = export.figures_document(result.rollup)["leaves"]
    assert leaf["items"][item] == "长" * 40_000


def test_the_json_holds_the_merged_figures_and_everything_behind_them(result, tmp_path):
    (path,) = Exports(json=tmp_path / "数.json").write(result, tmp_path / "汇总.xlsx")
    document = json.loads(path.read_text("utf-8"))
    assert document["schema"] == "xltools.figures/1" and document["items"][AMOUNT] == "12345678.123456"
    assert document["items"][NATURAL] == 3 and document["units"] == 2
    first, second = document["leaves"]
    assert first["items"][AMOUNT] == "12345678.123456" and second["items"][NATURAL] is None
    assert (first["unit"], first["code"], first["file"]) == ("示例1镇", "U01", "1镇.xlsx")


def table_of(result):
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(io.BytesIO(export.parquet_file(result.rollup)))


def test_parquet_holds_exact_decimals(result):
    table = table_of(result)
    assert str(table.schema.field("value").type) == "decimal128(38, 6)"
    assert [str(table.schema.field(name).type) for name in ("derived", "text")] == ["bool", "string"]
    tidy, rows = result.rollup.to_frame(), table.to_pylist()
    assert len(rows) == len(tidy)
    for row, expected in zip(rows, tidy.itertuples(), strict=True):
        assert (row["unit"], row["item"], row["value"]) == (expected.unit, expected.item, expected.value)
    assert table.schema.metadata[b"form"] == b"gov-info-disclosure/2021"
    assert table.schema.metadata[b"coverage"].decode() == "2 个单位"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Decimal("1E-9"), "decimal128(38, 9)"),
        (Decimal("1E+3"), "decimal128(38, 6)"),
        (10**31, "decimal128(38, 6)"),
        (10**40, "decimal256(76, 6)"),
        (Decimal("0.1") + 10**30, "decimal128(38, 6)"),
    ],
)
def test_parquet_makes_room_for_any_number(value, kind):
    table = table_of(result_of(made.leaf(1, FORM, **{AMOUNT: value})))
    assert str(table.schema.field("value").type) == kind
    assert [row["value"] for row in table.to_pylist() if row["item"] == AMOUNT] == [Decimal(value)]


def test_without_pyarrow_it_says_in_chinese_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(XltoolsError, match=r"xltools\[parquet\]"):
        Exports(parquet=tmp_path / "x.parquet")


def test_the_command_writes_what_is_asked_for_and_leaves_it_out_of_the_next_run(tmp_path):
    made.file_of(tmp_path, FORM, 1, year=2023)
    (tmp_path / "坏的.xlsx").write_bytes(b"PK\x03\x04")
    words = ("merge", ".", "-o", "汇总.xlsx", "--csv", "数", "--json", "数.json")
    for _ in range(2):
        done = run(*words, "--format", "json", cwd=tmp_path)
        assert done.returncode == 1  # one file cannot be read
        document = json.loads(done.out)
        assert [one["file"] for one in document["filings"]] == ["1镇.xlsx", "坏的.xlsx"]
    (finding,) = rows_of((tmp_path / "数" / "问题.csv").read_bytes())[1:]
    assert finding["file"] == "坏的.xlsx" and finding["code"].startswith("F")
    said = run(*words, cwd=tmp_path).out
    assert "另写：数.json" in said


def test_nothing_is_written_where_nothing_was_merged(tmp_path):
    empty = MergeResult(CheckResult(()), (), None)
    assert (
        list(Exports(csv=tmp_path / "csv", json=tmp_path / "x.json").write(empty, tmp_path / "汇总.xlsx"))
        == []
    )
    assert list(tmp_path.iterdir()) == []

"""The command line as a clerk, a scheduled job and another program use it."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import helpers_pipe as pipe
import openpyxl
import pytest

from xltools import Unit, load_form, write_template

ROOT = Path(__file__).parents[1]
FORM = "gov-info-disclosure/2021"


def run(*words, cwd, encoding="utf-8"):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": encoding,
        "PYTHONWARNDEFAULTENCODING": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "xltools", *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    done.out, done.err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert "Traceback" not in done.err, done.err
    return done


@pytest.fixture
def county(tmp_path):
    """An empty folder with a name as clerks give them."""
    folder = tmp_path / "示例县 2023年（收表）"
    folder.mkdir()
    return folder


def values(**items):
    form = load_form(FORM)
    zero = {item.id: "0" if item.type == "money" else 0 for item in form.inputs}
    return {"items": {**zero, **items}, "texts": dict.fromkeys(form.texts, "无。")}


def put_json(folder, name, document):
    (folder / name).write_text(json.dumps(document, ensure_ascii=False), "utf-8")


def test_the_whole_job_from_an_empty_folder(county):
    roster = (
        "单位名称,单位代码,类别,级别\n示例东镇,U1,乡镇街道,乡级\n示例财政局,U2,部门,县级\n示例西镇,U3,,\n"
    )
    (county / "名单.csv").write_text(roster, "gb18030")
    made = run("template", FORM, "--year", 2023, "--units", "名单.csv", "-o", "下发", cwd=county)
    assert made.returncode == 0 and len(made.out.splitlines()) == 3
    put_json(county, "数.json", values(**{"applications.new.natural": 2, "applications.granted.natural": 2}))
    for path in (one for one in (county / "下发").iterdir() if "西镇" not in one.name):
        assert run("fill", path, "数.json", "-o", county / "收件" / path.name, cwd=county).returncode == 0
    (county / "收件" / "~$lock.xlsx").write_bytes(b"x")
    (county / "收件" / "照片.jpg").write_bytes(b"\xff\xd8\xff")
    (county / "收件" / "坏的.xlsx").write_bytes(b"PK\x03\x04 cut short")
    checked = run("check", "收件", "--units", "名单.csv", "--format", "json", cwd=county)
    document = json.loads(checked.out)
    assert checked.returncode == 1 and document["schema"] == "xltools.check/1"
    assert document["summary"] == {
        "files": 5, "accepted": 2, "noted": 0, "queried": 0, "returned": 0, "unreadable": 1, "ignored": 2,
        "missing": ["示例西镇"],
    }  # fmt: skip
    (county / "收件" / "坏的.xlsx").unlink()
    merged = run("merge", "收件", "-o", "汇总.xlsx", "--unit", "示例县", "--units", "名单.csv", cwd=county)
    assert merged.returncode == 1 and "2/3 单位" in merged.out
    book = openpyxl.load_workbook(county / "汇总.xlsx", data_only=True)
    slot = pipe.slot(FORM, "applications.handled.total")
    assert book[slot.sheet][slot.address].value == 4


def test_json_has_the_fields_that_other_programs_rely_on(county):
    form = load_form(FORM)
    data = write_template(form, Unit(name="示例镇", code="U1"), 2023, pipe.seeded(form))
    (county / "a.xlsx").write_bytes(
        pipe.changed(data, lambda b: b["三、依申请公开"].__setitem__("D7", "约3"))
    )
    document = json.loads(run("check", "a.xlsx", "--format", "json", cwd=county).out)
    (filing,) = document["filings"]
    assert list(filing) == ["file", "outcome", "form", "year", "unit", "sha256", "items", "findings"]
    assert (filing["form"], filing["year"], filing["unit"]) == (FORM, 2023, {"code": "U1", "name": "示例镇"})
    (finding,) = filing["findings"]
    assert list(finding) == [
        "code", "level", "sheet", "cell", "item", "rule", "found", "expected", "difference", "message", "remedy",
        "fingerprint", "explained",
    ]  # fmt: skip
    assert (finding["code"], finding["cell"], finding["item"]) == ("V101", "D7", "applications.new.natural")
    assert (
        filing["items"]["applications.new.natural"] is None
        and filing["items"]["applications.new.total"] is None
    )
    assert isinstance(filing["items"]["fees.charge.amount"], str)
    lines = run("check", ".", "--format", "jsonl", cwd=county).out.splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["a.xlsx"]
    rows = list(csv.DictReader(io.StringIO(run("check", ".", "--format", "csv", cwd=county).out)))
    assert [row["code"] for row in rows] == ["V101"]


def test_the_form_document_says_where_everything_stands(county):
    document = json.loads(run("forms", "show", FORM, "--format", "json", cwd=county).out)
    assert (
        document["schema"] == "xltools.form/1"
        and document["id"] == FORM
        and document["years"] == [2021, None]
    )
    run("template", FORM, "--year", 2023, "--unit", "示例镇", "--code", "U1", "-o", ".", cwd=county)
    (path,) = county.glob("*.xlsx")
    book = openpyxl.load_workbook(path)
    for label in document["labels"]:
        assert book[label["sheet"]][label["cell"]].value == label["text"].replace("{year}", "2023")
    said = {"form": "gov-info-disclosure", "edition": "2021", "unit": "示例镇", "code": "U1", "year": "2023"}
    for carrier in document["carriers"]:
        if carrier["kind"] == "cell" and carrier["field"] in said:
            assert str(book[carrier["sheet"]][carrier["cell"]].value) == said[carrier["field"]]
    for item in document["items"]:  # another program fills it in, by address alone
        if not item["derived"]:
            book[item["sheet"]][item["cell"]] = 0
    for text in document["texts"]:
        book[text["sheet"]][text["cell"]] = "无。"
    book.save(path)
    assert run("check", ".", cwd=county).returncode == 0


WRONG = {
    ("check", "没有这个文件"): 2,
    ("check",): 2,
    ("check", ".", "--format", "xml"): 2,
    ("没有这个命令",): 2,
    ("template", "gov-info-disclosure/2020", "--year", "2023", "--unit", "镇", "-o", "."): 2,
    ("template", FORM, "--year", "2019", "--unit", "镇", "-o", "."): 2,
    ("template", FORM, "--year", "2023", "-o", "."): 2,
    ("template", FORM, "--year", "2023", "--unit", "镇", "--level", "village", "-o", "."): 2,
    ("template", FORM, "--year", "2023", "--units", "空.csv", "-o", "."): 3,
    ("template", "坏.toml", "--year", "2023", "--unit", "镇", "-o", "."): 3,
    ("forms", "lint", "坏.toml"): 3,
    ("fill", "坏.toml", "没有.json", "-o", "x.xlsx"): 3,
    ("forms", "show", "没有"): 2,
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_call_gets_a_chinese_sentence_and_its_code(words, county):
    (county / "空.csv").write_text("", "utf-8")
    (county / "坏.toml").write_text("id = ", "utf-8")
    done = run(*words, cwd=county)
    assert done.returncode == WRONG[words], done.err
    assert any("\u4e00" <= char <= "\u9fff" for char in done.err + done.out)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"items": {"applications.new.naturel": 3}}, "applications.new.natural"),
        ({"item": {}}, "items"),
        ({"items": {"applications.new.total": 5}}, "合计"),
        ({"items": {"applications.new.natural": 12345678901234567890}}, "15"),
        ({"items": {"applications.new.natural": [1]}}, "应是数"),
        ([], "对象"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_the_nearest_name(change, hint, county):
    run("template", FORM, "--year", 2023, "--unit", "示例镇", "-o", ".", cwd=county)
    (path,) = county.glob("*.xlsx")
    put_json(county, "v.json", change)
    done = run("fill", path, "v.json", "-o", "out.xlsx", cwd=county)
    assert done.returncode == 3 and hint in done.err and not (county / "out.xlsx").exists()


def test_a_value_that_the_form_forbids_is_written_and_check_says_so(county):
    run("template", FORM, "--year", 2023, "--unit", "示例镇", "-o", ".", cwd=county)
    (path,) = county.glob("*.xlsx")
    before = path.read_bytes()
    put_json(county, "v.json", values(**{"applications.new.natural": "三件", "documents.normative.made": -1}))
    assert run("fill", path, "v.json", "-o", "out.xlsx", cwd=county).returncode == 0
    assert path.read_bytes() == before
    (filing,) = json.loads(run("check", "out.xlsx", "--format", "json", cwd=county).out)["filings"]
    assert {finding["code"] for finding in filing["findings"]} == {"V101", "V102"}


def test_an_output_that_cannot_be_written_is_said_in_chinese(county):
    form = load_form(FORM)
    (county / "in").mkdir()
    (county / "in" / "a.xlsx").write_bytes(write_template(form, Unit(name="示例镇"), 2023, pipe.seeded(form)))
    done = run("merge", "in", "-o", "in/a.xlsx/下/汇总.xlsx", cwd=county)
    assert done.returncode == 3 and "不是文件夹" in done.err


def test_a_gbk_console_shows_everything(county):
    form = load_form(FORM)
    (county / "a.xlsx").write_bytes(write_template(form, Unit(name="示例镇"), 2023))
    done = run("check", ".", cwd=county, encoding="gbk")
    assert done.returncode == 1 and "退回" in done.out and "?" not in done.out


def test_a_strangers_row_added_in_one_toml_file(county):
    own = """extends = "2021"
edition = "2021-own"
[[sheet]]
id = "disclosure"
  [[sheet.table]]
  id = "documents"
    [[sheet.table.rows]]
    id = "notice"
    label = ["通知"]
"""
    from xltools.forms.catalogue import data_folder

    (county / "2021.toml").write_bytes(
        (data_folder("templates") / "gov-info-disclosure" / "2021.toml").read_bytes()
    )
    (county / "own.toml").write_text(own, "utf-8")
    assert run("forms", "lint", "own.toml", cwd=county).returncode == 0
    assert (
        run("template", "own.toml", "--year", 2023, "--unit", "示例镇", "-o", "out", cwd=county).returncode
        == 0
    )
    (path,) = (county / "out").iterdir()
    put_json(
        county,
        "v.json",
        values(
            **{"documents.notice.made": 5, "documents.notice.in_force": 5, "documents.notice.repealed": 0}
        ),
    )
    assert run("fill", path, "v.json", "-o", "in/a.xlsx", "--form", "own.toml", cwd=county).returncode == 0
    assert run("check", "in", "--form", "own.toml", cwd=county).returncode == 0
    done = run("merge", "in", "--form", "own.toml", "-o", "汇总.xlsx", "--format", "json", cwd=county)
    assert json.loads(done.out)["rollup"]["items"]["documents.notice.made"] == 5

"""LibreOffice as the referee: what it computes is what we wrote, and what is typed into it checks clean."""

import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import helpers_pipe as pipe
import openpyxl
import pytest

from xltools import Answers, Unit, check, load_form, merge, write_rollup, write_template
from xltools.layout import lay_out

DRIVER, SYSTEM_PYTHON = Path(__file__).parent / "office.py", "/usr/bin/python3"
pytestmark = pytest.mark.office
NATIONAL = ["gov-info-disclosure/2019", "gov-info-disclosure/2019-jilin", "gov-info-disclosure/2021"]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """Gives orders to one LibreOffice: office(path, typed, save) → formula cells after recalculation."""
    if not shutil.which("soffice"):
        assert not os.environ.get("CI"), "LibreOffice is installed by .ci/run"
        pytest.skip("no LibreOffice")
    profile = tmp_path_factory.mktemp("profile")
    driver = subprocess.Popen(
        [SYSTEM_PYTHON, DRIVER, profile], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )

    def order(path, typed=(), save=None):
        words = {"open": str(path), "type": list(typed), "save": str(save) if save else None}
        driver.stdin.write(json.dumps(words) + "\n")
        driver.stdin.flush()
        return json.loads(driver.stdout.readline())["cells"]

    yield order
    driver.stdin.close()
    driver.wait(60)


def agree(cells, data):
    """Every formula's result in LibreOffice equals the result that we wrote beside it."""
    cached = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    count = 0
    for sheet, formulas in cells.items():
        for cell, (formula, value, text, error) in formulas.items():
            ours = cached[sheet][cell].value
            assert error == 0, (sheet, cell, formula)
            if isinstance(ours, int | float):
                assert value == pytest.approx(ours, abs=1e-9), (sheet, cell, formula)
            else:
                assert text == (ours or ""), (sheet, cell, formula)
            count += 1
    return count


def variants(form):
    """A blank, a clean one, one with broken rules, a blank, texts, an explanation and last year's figures."""
    yield Answers(), None
    clean = pipe.seeded(form, 3)
    yield clean, None
    figures = [item.id for item in form.inputs if item.type != "text"]
    broken = {
        figures[0]: 7,
        figures[3]: None,
        figures[5]: "三",
        figures[-1]: 2,
        "applications.new.natural": 500,
    }
    said = {line.id: "有原因" for line in form.rule_lines[:2]}
    odd = Answers(items=broken, explanations=said).over(clean)
    last = {name: n for n, name in enumerate(form.last_items)}
    yield odd, last
    few = Answers(items={"applications.new.natural": 4}, cover={"blanks_are_zero": "是"})
    yield few, last


@pytest.mark.parametrize("key", NATIONAL)
def test_recalculating_changes_nothing(office, key, tmp_path):
    form = load_form(key)
    for number, (answers, last) in enumerate(variants(form)):
        data = write_template(form, pipe.TOWN, pipe.year_of(form), answers, last=last, prefill=False)
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(data)
        assert agree(office(path), data) > 80


def test_recalculating_a_roll_up_changes_nothing_and_a_re_saved_one_still_merges(office, tmp_path):
    form = load_form(NATIONAL[1])
    where = tmp_path / "收件"
    where.mkdir()
    for n in (1, 2, 3):
        unit = Unit(name=f"示例{n}镇", code=f"U{n}")
        (where / f"{n}.xlsx").write_bytes(write_template(form, unit, 2020, pipe.seeded(form, n)))
    result = merge(check([where]), unit=Unit(name="示例县", code="U9", level="county"))
    data = write_rollup(result)
    path, saved = tmp_path / "汇总.xlsx", tmp_path / "另存.xlsx"
    path.write_bytes(data)
    assert agree(office(path, save=saved), data) > 500
    again = merge(check([saved]), unit=Unit(name="示例市", level="city"))
    assert [f for one in again.checked.filings for f in one.findings] == []
    assert again.rollup.figures == result.rollup.figures


@pytest.mark.parametrize("key", NATIONAL)
def test_a_blank_filled_by_typing_checks_clean(office, key, tmp_path):
    form = load_form(key)
    layout, answers = lay_out(form), pipe.seeded(form, 5)
    path, saved = tmp_path / "blank.xlsx", tmp_path / "filled.xlsx"
    path.write_bytes(write_template(form, pipe.TOWN, pipe.year_of(form)))
    typed = [(slot.sheet, slot.address, str(answers.items[slot.item.id])) for slot in layout.inputs]
    typed += [(place.sheet, place.address, answers.texts[name]) for name, place in layout.texts.items()]
    typed += [(layout.cover["phone"].sheet, layout.cover["phone"].address, "0431-1234567")]
    office(path, typed, saved)
    filing = pipe.read(saved.read_bytes())
    assert pipe.findings(saved.read_bytes()) == []
    assert filing.inputs == answers.items and filing.cover["phone"] == "0431-1234567"


def test_a_text_typed_where_a_number_belongs_is_found(office, tmp_path):
    form = load_form(NATIONAL[2])
    path, saved = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    path.write_bytes(pipe.filled(form))
    office(path, [("三、依申请公开", "D7", "约3"), ("三、依申请公开", "E7", "=1+2")], saved)
    assert pipe.codes(saved.read_bytes()) == [("V101", "D7"), ("V108", "E7")]

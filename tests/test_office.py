"""LibreOffice as the referee: what it computes is what we wrote, and what is typed into it checks clean."""

import io

import helpers_pipe as pipe
import openpyxl
import pytest
from helpers_office import done

from xltools import Answers, Unit, check, load_form, merge, write_rollup, write_template
from xltools.layout import lay_out

pytestmark = pytest.mark.office
NATIONAL = ["gov-info-disclosure/2019", "gov-info-disclosure/2019-jilin", "gov-info-disclosure/2021"]
R = "三、依申请公开"


def recalculated(path, save=None):
    return done(path, save=save, formulas=True, shown=False).formulas


def agree(cells, data):
    """Every formula's result in LibreOffice equals the result that we wrote beside it."""
    cached = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    count = 0
    for sheet, formulas in cells.items():
        for cell, (formula, value, is_error) in formulas.items():
            ours = cached[sheet][cell].value
            assert not is_error, (sheet, cell, formula)
            if isinstance(ours, int | float):
                assert value == pytest.approx(ours, abs=1e-9), (sheet, cell, formula)
            else:
                assert value == (ours or ""), (sheet, cell, formula)
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
def test_recalculating_changes_nothing(key, tmp_path):
    form = load_form(key)
    for number, (answers, last) in enumerate(variants(form)):
        data = write_template(form, pipe.TOWN, pipe.year_of(form), answers, last=last, prefill=False)
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(data)
        assert agree(recalculated(path), data) > 80


def test_recalculating_a_roll_up_changes_nothing_and_a_re_saved_one_still_merges(tmp_path):
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
    assert agree(recalculated(path, save=saved), data) > 500
    again = merge(check([saved]), unit=Unit(name="示例市", level="city"))
    assert [f for one in again.checked.filings for f in one.findings] == []
    assert again.rollup.figures == result.rollup.figures


@pytest.mark.parametrize("key", NATIONAL)
def test_a_blank_filled_by_typing_checks_clean(key, tmp_path):
    form = load_form(key)
    layout, answers = lay_out(form), pipe.seeded(form, 5)
    path, saved = tmp_path / "blank.xlsx", tmp_path / "filled.xlsx"
    path.write_bytes(write_template(form, pipe.TOWN, pipe.year_of(form)))
    typed = [("type", slot.sheet, slot.address, str(answers.items[slot.item.id])) for slot in layout.inputs]
    typed += [
        ("type", place.sheet, place.address, answers.texts[name]) for name, place in layout.texts.items()
    ]
    typed += [("type", layout.cover["phone"].sheet, layout.cover["phone"].address, "0431-1234567")]
    done(path, *typed, save=saved, shown=False)
    filing = pipe.read(saved.read_bytes())
    assert pipe.findings(saved.read_bytes()) == []
    assert filing.inputs == answers.items and filing.cover["phone"] == "0431-1234567"


def test_a_text_typed_where_a_number_belongs_is_found(tmp_path):
    form = load_form(NATIONAL[2])
    path, saved = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    path.write_bytes(pipe.filled(form))
    done(path, ["type", R, "D7", "约3"], ["type", R, "E7", "=1+2"], save=saved)
    assert pipe.codes(saved.read_bytes()) == [("V101", "D7"), ("V108", "E7")]

"""The shipped samples and the README: what is promised there is what happens."""

import io
import re
import shutil
from pathlib import Path

import openpyxl
import pytest

import xltools
from xltools.demo import run_demo
from xltools.intake import check
from xltools.merging import leaves_of

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
SHOWN = re.findall(
    r"xltools template (\S+) --year (\d+) --unit (\S+) --code (\S+)",
    (SAMPLES / "README.md").read_text("utf-8"),
)


@pytest.mark.parametrize(("key", "year", "name", "code"), SHOWN)
def test_the_blank_in_the_samples_is_what_the_command_writes(key, year, name, code):
    form = xltools.load_form(key)
    data = xltools.write_template(form, xltools.Unit(name=name, code=code), int(year))
    assert (SAMPLES / "blank" / f"{key.replace('/', '_')}.xlsx").read_bytes() == data


def test_there_is_a_blank_for_every_form():
    from xltools.forms.catalogue import form_files

    assert {key for key, *_ in SHOWN} == {key for key, _ in form_files()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("演 示")
    return folder, list(run_demo(folder, lambda done, total: None))


def test_the_demonstration_shows_each_fault_it_promises(demo):
    folder, lines = demo
    codes = set(re.findall(r"\b[A-Z]\d{3}\b", "\n".join(lines)))
    assert codes == {"G101", "V101", "G201", "R104"}
    assert "没有报送的单位（1 个）：示例街道办事处" in lines
    assert any("8/12 单位" in line for line in lines)
    assert len(list((folder / "01下发").glob("*.xlsx"))) == 12


def test_the_roll_up_of_the_demonstration_is_the_sum_of_what_went_in(demo):
    folder, _ = demo
    merged = [one for one in check([folder / "02收件"]).filings if one.may_merge]
    data = (folder / "04汇总" / "2020年汇总.xlsx").read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    layout = xltools.lay_out(xltools.load_form("gov-info-disclosure/2019-jilin"))
    for slot in layout.slots.values():
        shown = book[slot.sheet][slot.address].value
        parts = [leaf.figures(layout.form)[slot.item.id] for one in merged for leaf in leaves_of(one)]
        assert shown == pytest.approx(float(sum(parts)), abs=1e-9), slot.item.id


def test_the_demonstration_can_be_run_again(demo, tmp_path):
    folder, lines = demo
    again = tmp_path / folder.name
    shutil.copytree(folder, again)
    assert [
        line.replace(str(again), str(folder)) for line in run_demo(again, lambda done, total: None)
    ] == lines


def test_ci_runs_the_readmes_test_command_to_the_letter():
    readme = (ROOT / "README.md").read_text("utf-8")
    (command,) = re.findall(r"^python3 -m venv .*pytest$", readme, re.M)
    assert command in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_constraints_name_no_addresses():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line) for line in lines)

"""The bench itself: it runs, and a contestant with another sum is noticed.  No times are judged."""

import json
import shutil
from importlib.util import find_spec

import pytest

from tests.bench import suite
from tests.bench.measuring import Disagreement, Task, demand_agreement, in_turns
from tests.bench.report import Line, markdown, printed, ratio
from tests.bench.workload import filled, mixed

NEEDED = {"calamine": "python_calamine", "polars": "fastexcel", "pandas_calamine": "python_calamine"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return suite.Plan(
        units=6, runs=1, growth=(3, 6), copies=3, rows=3, starts=1, home=tmp_path_factory.mktemp("bench")
    )


def test_files_are_saved_by_several_programs(plan):
    load = mixed(6, plan.home)
    assert load.kinds == {"xlsxwriter": 3, "openpyxl": 2, "LibreOffice": 1} or (
        not shutil.which("soffice") and load.kinds == {"xlsxwriter": 4, "openpyxl": 2, "LibreOffice": 0}
    )
    assert len(list(load.folder.iterdir())) == load.units == 6


@pytest.mark.parametrize("name", suite.BENCHES)
def test_each_bench_gives_figures(plan, name):
    lines = list(suite.measured(plan, [name]))
    assert lines and all(line.figure is None or line.figure > 0 for line in lines)
    if name == "peers":
        absent = {line.what for line in lines if line.note == "not installed"}
        assert absent == {suite.PEERS[one] for one, package in NEEDED.items() if not find_spec(package)}
        assert not any(
            "unlike" in line.note for line in lines
        )  # openpyxl sees the template's formulas and locks


def test_a_contestant_with_another_sum_is_noticed(plan, tmp_path):
    load = filled(3, plan.home)
    spec = json.loads(load.spec.read_text("utf-8"))
    cells = {item: at for item, *at in spec["cells"]}
    sheet, row, column = cells["applications.new.natural"]
    cells["applications.new.natural"] = sheet, row + 1, column  # the row below: carried_in
    wrong = tmp_path / "spec.json"
    wrong.write_text(
        json.dumps({**spec, "cells": [(item, *at) for item, at in cells.items()]}), encoding="utf-8"
    )
    tasks = {
        name: Task("peers", "pandas_openpyxl", {"folder": str(load.folder), "spec": str(of)})
        for name, of in (("right", load.spec), ("wrong", wrong))
    }
    tasks["ours"] = Task("ours", "check", {"folder": str(load.folder)})
    sums = {name: one.said["sums"] for name, one in in_turns(tasks, 1).items()}
    demand_agreement({name: sums[name] for name in ("right", "ours")})
    with pytest.raises(Disagreement, match="applications.new.natural: right has"):
        demand_agreement(sums)


def test_sums_that_one_contestant_lacks_are_noticed():
    with pytest.raises(Disagreement, match="b: one has None, two has 1"):
        demand_agreement({"one": {"a": "1"}, "two": {"a": "1", "b": "1"}})


def test_a_task_that_fails_is_no_absent_package(plan):
    with pytest.raises(RuntimeError, match="No such file"):
        in_turns(
            {"calamine": Task("peers", "pandas_openpyxl", {"folder": "/nowhere", "spec": "/nowhere"})}, 1
        )


def test_a_figure_is_held_against_what_is_wanted():
    lines = [
        ratio("cost", "the job", 6, 2, 4.5, 3.5),
        ratio("cost", "the job on a bad day", 8, 2, 4.5, 3.5),
        ratio("cost", "the job on the worst", 10, 2, 4.5, 3.5),
        ratio("cost", "quicker than a peer", 13, 1, 12.0, more_is_better=True),
        Line("cost", "a peer", None, note="not installed"),
    ]
    assert [line.verdict for line in lines] == ["stretch", "yes", "no", "yes", ""]
    assert "| the job on a bad day | 4.00 × | ≤ 4.5 (3.5) | yes |  |" in markdown(lines, "a test")
    assert any("a peer" in line and "—" in line and "not installed" in line for line in printed(lines))

"""A roll-up that is not what counts now is told of, with the units: on the terminal, in the workbook, on the page."""

import dataclasses
import io
import shutil

import helpers_round as rounds
import openpyxl
import pytest

from xltools import Unit
from xltools.errors import RoundError
from xltools.merging import merge
from xltools.reporting.board import board_document, board_report
from xltools.reporting.page import board_page
from xltools.rounds.board import read_board
from xltools.rounds.closing import look_through
from xltools.rounds.collecting import choose
from xltools.rounds.folder import open_round
from xltools.rounds.working import check_round, record_merge
from xltools.saving import save_rollup
from xltools.writing.board import write_board
from xltools.writing.rollup import write_rollup

TOWNS = rounds.towns(3)
FIRST, SECOND, THIRD = TOWNS


def merged(folder, name="汇总.xlsx"):
    with open_round(folder, clock=rounds.at("2024-01-25")) as round_:
        result = merge(check_round(round_), unit=Unit(name="示例县", code="X1", level="county"))
        if result.rollup is not None:
            out = folder / "04汇总" / name
            record_merge(round_, result, save_rollup(out, write_rollup(result, out.parent), result.rollup))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A round of three that is merged, all of it; and what the units may send afterwards."""
    home = tmp_path_factory.mktemp("汇")
    folder = home / "收 报"
    numbers = rounds.new_round(folder, TOWNS)
    reports = {seed: rounds.report(unit, numbers[unit.code], rounds.answers(seed))
               for seed, unit in ((1, FIRST), (2, SECOND), (3, THIRD), (4, FIRST))}  # fmt: skip
    rounds.take_in(folder, rounds.put(home / "来", **{f"{seed}.xlsx": reports[seed] for seed in (1, 2, 3)}))
    merged(folder)
    return folder, reports


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "收报")
    return tmp_path / "收报"


def amiss(folder):
    """What is said of the roll-up, as every form of the board says it."""
    board = read_board(folder, clock=rounds.at("2024-01-26"))
    said = list(board.amiss)
    assert board.is_open == bool(said) == board_document(board)["open"]
    assert board_document(board)["rollup"]["amiss"] == said
    above = openpyxl.load_workbook(io.BytesIO(write_board(board))).worksheets[0]["A2"].value
    page = board_page(board)
    for words in said:
        assert words in list(board_report(board)) and words in above and words in page
    return said


def choosing(folder, unit, number, **how):
    with open_round(folder, clock=rounds.at("2024-01-26")) as round_:
        choose(round_, unit, number, "电话说的", **how)


def test_a_roll_up_of_what_counts_leaves_nothing_open(folder):
    assert amiss(folder) == []


def test_a_dropped_unit_is_still_in_it_until_it_is_merged_again(folder):
    rounds.set_roster(folder, [SECOND, THIRD])
    assert amiss(folder) == ["汇总表“汇总.xlsx”里还有“00号镇”第1次报送（已不在名单上）；请重新 merge。"]
    merged(folder)
    assert amiss(folder) == []


def test_a_report_that_is_void_is_still_in_it_and_one_that_passed_since_is_not(folder, made, tmp_path):
    choosing(folder, "00号镇", 1, void=True)
    said = "汇总表“汇总.xlsx”里还有“00号镇”第1次报送（已作废）；请重新 merge。"
    assert amiss(folder) == [said]
    merged(folder)
    rounds.take_in(folder, rounds.put(tmp_path / "改", **{"改.xlsx": made[1][4]}))
    assert amiss(folder) == ["汇总表“汇总.xlsx”里没有“00号镇”第2次报送；请重新 merge。"]
    merged(folder)
    assert amiss(folder) == []


def test_a_correction_and_a_pin_are_told_by_their_numbers(folder, made, tmp_path):
    rounds.take_in(folder, rounds.put(tmp_path / "改", **{"改.xlsx": made[1][4]}))
    assert amiss(folder) == ["汇总表“汇总.xlsx”里还有“00号镇”第1次报送（现在算第2次）；请重新 merge。"]
    choosing(folder, "00号镇", 1, void=False)  # what was merged counts again
    assert amiss(folder) == []


def test_a_roll_up_that_is_gone_or_was_changed_is_said(folder):
    path = folder / "04汇总" / "汇总.xlsx"
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    assert amiss(folder) == ["汇总表“汇总.xlsx”汇总以后改动过；请重新 merge。"]
    path.unlink()
    assert amiss(folder) == ["汇总表“汇总.xlsx”不在“04汇总”里了；请重新 merge。"]
    (path.parent / "改了名.xlsx").write_bytes(whole)  # as one that was put beside gets its old name back
    assert amiss(folder) == []


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ([*TOWNS, Unit(name="新镇", code="U9", parent="示例县")], "“新镇”列入名单"),
        (
            [*TOWNS, Unit(name="新镇", code="U9", parent="示例县"), Unit(name="又一镇", code="U8", parent="示例县")],
            "“新镇”列入名单；“又一镇”列入名单",
        ),
        (
            [dataclasses.replace(FIRST, name="新名街道", due="2030-01-01"), SECOND, THIRD],
            "“00号镇”名称由“00号镇”改为“新名街道”",
        ),
        ([SECOND, FIRST, THIRD], "单位的先后改了"),
        ([FIRST, dataclasses.replace(SECOND, level="county"), THIRD], "“01号镇”级别由“乡级”改为“县级”"),
    ],
)  # fmt: skip
def test_a_roster_that_was_edited_since_is_said(folder, units, said):
    rounds.set_roster(folder, units)
    board = read_board(folder, clock=rounds.at("2024-01-26"))
    assert board.amiss == (f"汇总表“汇总.xlsx”是按原来的名单做的，以后{said}；请重新 merge。",)
    merged(folder)
    assert read_board(folder, clock=rounds.at("2024-01-26")).amiss == ()


def test_another_day_on_the_roster_is_no_matter(folder):
    rounds.set_roster(folder, [dataclasses.replace(one, due="2030-01-01", contact="李四") for one in TOWNS])
    assert amiss(folder) == []


def test_where_nothing_is_left_to_merge_nobody_is_sent_to_merge(folder):
    for unit in TOWNS:
        choosing(folder, unit.name, 1, void=True)
    (said,) = read_board(folder).amiss
    assert said.endswith("现在没有能汇总的，这份汇总表不要再用。") and all(
        unit.name in said for unit in TOWNS
    )
    with open_round(folder) as round_, pytest.raises(RoundError, match=f"这一轮还不能封存。{said}"):
        look_through(round_)

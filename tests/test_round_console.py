"""A whole round as a Chinese Windows has it: GBK, piped and on a terminal, Chinese and spaces in every path, and long ones."""

import contextlib
import io
import os
import sys

import helpers_pipe as pipe
import pytest
from test_console import on_terminal, piped

from xltools import cli, load_form, write_template
from xltools.rounds.board import read_board

FORM = "gov-info-disclosure/2021"
ODD = "㐂河𠮷镇"  # two characters that GBK does not have


def steps():
    """Every command of a round in order, with what it has to say."""
    return [
        (["init", "收 报", "--form", FORM, "--year", "2023", "--units", "单位 名单.csv", "--unit", "示例县", "--with-key"], "xltools.toml"),
        (["dispatch", "--zip-all", "--zip-each", "--quiet"], "共 2 份：写了 2 份"),
        (["collect", "--quiet"], "收了 2 个文件"),
        (["status", "--quiet"], "看板.xlsx"),
        (["log", "U1"], "第1次报送：通过"),
        (["pin", "U1", "1", "--reason", "电话 核对过"], "现在算第1次"),
        (["pin", "U1", "1", "--reason", "不用了", "--undo"], "取消选定了"),
        (["void", "示例东镇", "1", "--reason", "填错"], "现在没有一份算数"),
        (["return", "--quiet"], "没有报送的单位（1 个）：示例东镇"),
        (["merge", "--quiet"], "汇总了 1/2 单位"),
        (["close", "--quiet"], "没有封存"),
        (["close", "--anyway", "示例东镇 不报了", "--quiet"], "读回来核对过了：1 个单位"),
        (["verify-archive", "04汇总/示例县2023年政府信息公开工作年度报告汇总（封存）.zip", "--quiet"], "都对："),
        (["collect", "../晚 来", "--quiet"], "封存后收到，不计入汇总"),
    ]  # fmt: skip


LONG = "政府信息公开 government-information-2023（收表）"


@pytest.fixture
def home(tmp_path, request):
    """Where the round is; more than 260 characters deep where asked."""
    home = tmp_path / "示例县 2023年（收表）"
    while len(str(home)) < request.param:
        home = home / LONG
    home.mkdir(parents=True)
    (home / "单位 名单.csv").write_text(f"单位名称,单位代码\n{ODD},U1\n示例东镇,U2\n", "utf-8")
    return home


def sent(copy, path, seed):
    """What the unit of a copy sends."""
    filing, form = pipe.read(copy.read_bytes(), copy.name), load_form(FORM)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write_template(form, filing.unit, 2023, pipe.seeded(form, seed), issue=filing.issue))


def here(words, folder, monkeypatch):
    """What a command says in this process, its streams in GBK as on a pipe."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["xltools", *words])
    out = io.TextIOWrapper(io.BytesIO(), encoding="gbk")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), pytest.raises(SystemExit):
        cli.main()
    out.flush()
    return out.buffer.getvalue().decode("gbk")


@pytest.mark.parametrize("home", [0, 270], indirect=True, ids=["short", "long"])
def test_every_step_of_a_round_on_a_gbk_console(home, request, monkeypatch):
    """What test_console has not on a terminal is run on one here."""
    short = request.node.callspec.params["home"] == 0
    place = home / "收 报"
    for words, said in steps():
        if words == ["collect", "--quiet"]:
            for unit, seed in ((ODD, 1), ("示例东镇", 2)):
                sent(
                    next((place / "01下发").glob(f"{unit}*.xlsx")),
                    place / "02收件" / f"{unit} 报表.xlsx",
                    seed,
                )
        if "../晚 来" in words:
            sent(next((place / "01下发").glob("示例东镇*.xlsx")), home / "晚 来" / "东镇.xlsx", 9)
        folder = home if words[0] == "init" else place
        on_one = short and (words[0] in ("init", "void") or {"--undo", "--anyway"} & {*words})
        text = on_terminal(words, folder).decode("gbk") if on_one else here(words, folder, monkeypatch)
        assert said in text and "?" not in text and "\x1b" not in text, (words, text)
    board = read_board(place)
    assert board.closing.reason == "示例东镇 不报了" and board.units[0].unit.name == ODD
    assert board.units[0].receipts[0].source == f"02收件/{ODD} 报表.xlsx"
    assert short or min(len(str(path)) for path in place.iterdir()) > 260


@pytest.mark.skipif(os.name != "posix", reason="SQLite takes longer paths on Windows")
def test_a_folder_too_deep_for_the_ledger_is_said(tmp_path, monkeypatch):
    deep = tmp_path
    while len(os.fsencode(deep)) < 520:
        deep = deep / "示例县收表"
    deep.mkdir(parents=True)
    said = here(["init", "收报", "--form", FORM, "--year", "2023"], deep, monkeypatch)
    assert "路径太长" in said and "只读" not in said and not (deep / "收报" / "xltools.toml").exists()


@pytest.mark.parametrize("home", [0], indirect=True)
def test_nothing_is_coloured_where_it_is_piped_though_somebody_asks_for_it(home, monkeypatch):
    for words, _ in steps()[:1]:
        here(words, home, monkeypatch)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE"):
        monkeypatch.setenv(name, "1")
    for words in (["collect", "没有"], ["collect", "--help"], ["close", "--no-such"]):
        done = piped(words, home / "收 报", "gbk")
        assert b"\x1b" not in done.stdout + done.stderr and done.stdout + done.stderr, words

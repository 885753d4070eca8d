"""The bar: for people only, on one line, gone when the work is done."""

import io
import re
import subprocess
import sys
from pathlib import Path

import helpers_round as made
import pytest
from test_console import environment, on_terminal

from xltools.bar import Bar, bar_line, columns_of

ROOT = Path(__file__).parents[1]
FORM = str(made.FORM_FILE)
YEAR = str(made.YEAR)
HURRIED = (  # shown from the first moment on, so that no test has to be slow
    "import sys, xltools.bar as bar; bar.PATIENCE, bar.TICK = 0, 0.001\n"
    "from xltools.cli import main; sys.argv = ['xltools', *sys.argv[1:]]; main()"
)


def terminal(code, words, cwd, encoding="utf-8", columns=80, stdout=None):
    """What a terminal of that width is sent by a program."""
    return on_terminal(["-c", code, *words], cwd, encoding, columns, stdout).decode(encoding)


def screen(sent, columns=80):
    """The lines that are left on a terminal, which knows of CR, LF and backspace and wraps at its edge."""
    lines, row, at = [[]], 0, 0
    for char in sent:
        if char == "\r":
            at = 0
        elif char == "\b":
            at = max(0, at - 1)
        elif char == "\n":
            row += 1
            lines += [[] for _ in range(row + 1 - len(lines))]
        else:
            wide = columns_of(char)
            if at + wide > columns:
                row, at = row + 1, 0
                lines += [[] for _ in range(row + 1 - len(lines))]
            line = lines[row]
            line += [" "] * (at + wide - len(line))
            line[at : at + wide] = [char, *[""] * (wide - 1)]
            at += wide
    return ["".join(line).rstrip() for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A roster, filings in order and not, and a round in which they came in."""
    folder = tmp_path_factory.mktemp("示例县")
    units = made.towns(12)
    numbers = made.new_round(folder / "收报", units)
    (folder / "收件").mkdir()
    for at, unit in enumerate(units):
        said = made.wrong(at) if at % 3 == 0 else made.answers(at)
        data = made.report(unit, numbers[unit.code], said)
        (folder / "收件" / f"{unit.name}.xlsx").write_bytes(data)
    (folder / "名单.csv").write_text(
        "单位名称,单位代码\n" + "".join(f"{one.name},{one.code}\n" for one in units), "utf-8"
    )
    return folder


COMMANDS = {
    "check": (["check", "收件", "--form", FORM], [r"核对 \[#*\.*\] \d+/12"]),
    "merge": (["merge", "收件", "--form", FORM, "-o", "汇总.xlsx", "--unit", "示例县"], ["核对", "写汇总表…… 已用"]),
    "return": (["return", "收件", "--form", FORM, "-o", "退回"], ["核对", r"写退回的表 \[#*\.*\] \d/4"]),
    "template": (["template", FORM, "--year", YEAR, "--units", "名单.csv", "-o", "模板"], [r"写模板 \[#*\.*\] \d+/12"]),
}  # fmt: skip
IN_ROUND = {
    "collect": (["collect", "../收件"], ["收件"]),
    "dispatch": (["dispatch"], ["写模板"]),
    "check here": (["check"], [r"核对 \[#*\.*\] \d+/12"]),
}


def shows(words, patterns, cwd, encoding):
    """The bar is drawn and wiped; what is left on the screen is what is said without it."""
    sent = terminal(HURRIED, words, cwd, encoding, columns=400)
    for pattern in patterns:
        assert re.search(pattern, sent), (pattern, sent)
    quiet = terminal(HURRIED, [*words, "--quiet"], cwd, encoding, columns=400)
    assert "\r[" not in quiet and "\b" not in quiet and not re.search("已用|还要约", quiet)
    return screen(sent, 400), screen(quiet, 400)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_how_far_it_is_and_leaves_nothing_behind(name, folder, encoding):
    left, quiet = shows(*COMMANDS[name], folder, encoding)
    assert left == quiet


@pytest.mark.parametrize("name", IN_ROUND)
def test_so_does_a_command_of_a_round(name, folder):
    left, quiet = shows(*IN_ROUND[name], folder / "收报", "gbk")
    if name == "check here":
        assert left == quiet
    assert not re.search(r"\[[#.]+\]|已用", "".join(left))


def test_nothing_is_shown_where_nobody_looks(folder):
    command = [sys.executable, "-c", HURRIED, *COMMANDS["check"][0]]
    done = subprocess.run(command, cwd=folder, env=environment("gbk"), capture_output=True, timeout=60)
    assert done.stderr == b"" and b"\r[" not in done.stdout and done.returncode == 1


def test_stdout_may_be_a_file_while_the_bar_is_on_the_terminal(folder, tmp_path):
    with (tmp_path / "结果.txt").open("wb") as file:
        sent = terminal(HURRIED, COMMANDS["check"][0], folder, stdout=file)
    assert "核对" in sent and screen(sent) == [""]
    assert "\r" not in (tmp_path / "结果.txt").read_text("utf-8")


SLOW = (
    "import time, sys; from xltools.console import open_streams, progress, say; open_streams(sys.stderr)\n"
    "with progress(False, '核对') as show:\n show(0, 3); time.sleep({})\n show(1, 3); time.sleep({}); say('甲镇')"
)


def test_what_is_over_in_a_second_shows_nothing():
    assert terminal(SLOW.format(0.3, 0.3), [], ROOT) == "甲镇\r\n"


def test_one_long_step_shows_too_with_rate_and_time_left():
    sent = terminal(SLOW.format(0.1, 1.4), [], ROOT, "gbk")
    assert re.search(r"核对 \[#{10}\.{20}\] 1/3，每分 \d+ 个，还要约 [23] 秒", sent)
    assert screen(sent) == ["甲镇", ""]


def test_an_error_leaves_no_bar():
    sent = terminal(HURRIED.replace("main()", "\nimport time, xltools.intake as intake\n"
                       "def slow(*_, **__):\n time.sleep(.1); raise OSError(5, 'x', 'y')\n"
                       "intake.check = slow\nmain()"), ["check", "."], ROOT)  # fmt: skip
    assert "核对……" in sent and screen(sent)[0].startswith("xltools：")


@pytest.mark.parametrize("columns", [10, 20, 33, 50, 80, 200])
def test_the_line_never_wraps(columns):
    for done, total in ((0, 0), (0, 9), (3, 9), (9, 9), (123_456, 300_000)):
        for spent in (0.0, 0.5, 75.0, 100_000.0):
            line = bar_line("写退回的表", done, total, spent, columns - 1)
            assert columns_of(line) < columns and line == line.encode("gbk").decode("gbk")
            if columns >= 80 and done and spent:
                assert f"{done}/{total}" in line and "还要约" in line and "[" in line


def test_a_narrow_terminal_is_kept_to(folder):
    sent = terminal(HURRIED, COMMANDS["merge"][0], folder, "gbk", columns=30, stdout=subprocess.DEVNULL)
    drawn = [line for line in re.split("[\r\n]", sent) if line.strip(" \b")]
    assert drawn and all(columns_of(line.rstrip(" \b")) < 30 for line in drawn) and screen(sent, 30) == [""]


def test_a_bar_counts_what_is_gone_through():
    bar = Bar(None)
    seen = [(item, bar.done, bar.total) for item in bar.counted("abc", 3)]
    assert seen == [("a", 0, 3), ("b", 1, 3), ("c", 2, 3)] and bar.done == 3


def test_a_terminal_that_was_closed_stops_nothing():
    stream = io.StringIO()
    bar = Bar(stream, "核对")
    bar.started = bar.began = 0.0
    stream.close()
    with bar.aside():
        bar._draw(5.0)
    bar.end()
    assert not bar.thread.is_alive()


def test_a_bar_that_is_still_has_no_thread_and_goes_on_afterwards():
    bar = Bar(io.StringIO(), "核对")
    bar(3, 9)
    with bar.still():
        assert not bar.thread.is_alive()
    assert bar.thread.is_alive() and (bar.done, bar.total) == (3, 9)
    bar.end()
    assert not bar.thread.is_alive()


def test_the_bar_is_no_reason_to_load_a_library(folder):
    code = "import sys; sys.argv = ['xltools', *sys.argv[1:]]\nfrom xltools.cli import main\ntry: main()\nfinally: print([name for name in ('rich', 'tqdm', 'concurrent.futures.process', 'fsspec', 'distributed') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *COMMANDS["check"][0]], cwd=folder, env=environment("utf-8"),
                          capture_output=True, timeout=60)  # fmt: skip
    assert done.stdout.decode("utf-8").splitlines()[-1] == "[]"

"""What a command loads: nothing that it does not need, so that starting costs little.

Each case runs in a process of its own, which says at its end which modules it has.  How much time that saves
is measured by `python -m tests.bench --only start`.
"""

import os
import subprocess
import sys

import helpers_pipe as pipe
import pytest
import typer

from xltools import Unit
from xltools.cli import app
from xltools.console import _Plainly
from xltools.writing.roster import write_roster

RUN = """
import sys
try:
    {call}
finally:
    print("MODULES", *sys.modules)
"""
COMMAND = "from xltools.cli import main; sys.argv = ['xltools', *{words!r}]; main()"
# libraries of tables and workbooks, a terminal's colours, databases, networks, other readers of XML
NEVER = {"pandas", "numpy", "pyarrow", "openpyxl", "xlsxwriter", "xlrd", "rich", "sqlite3", "asyncio",
         "concurrent.futures", "multiprocessing", "xml.dom", "xml.etree", "xml.sax"}  # fmt: skip
# of ours, where only one process is at work, no roster or last year is given and nothing goes beside the roll-up
SELDOM = {"xltools.parallel", "xltools.lastyear", "xltools.subset", "xltools.reading.rosters", "xltools.scaling",
          "xltools.answers", "xltools.explaining", "xltools.reporting.export", "pickle"}  # fmt: skip
# typer has these through pydantic as soon as it has to judge a word of the call; plain ones it is not asked about
OF_TYPER = {"pydantic", "email", "zipfile", "tempfile"}


def loaded(call, *words):
    """The modules that a process has at its end, and what it printed before."""
    code = RUN.format(call=call.format(words=[str(word) for word in words]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    said, _, modules = done.stdout.rpartition("MODULES ")
    assert said and not done.stderr, done.stderr
    return set(modules.split()), said


@pytest.fixture(scope="module")
def returned(tmp_path_factory):
    """One filled report as it came back."""
    path = tmp_path_factory.mktemp("收件") / "示例镇.xlsx"
    path.write_bytes(pipe.filled(pipe.load_form("gov-info-disclosure/2021")))
    return path


def test_the_help_loads_the_command_line_and_no_more():
    modules, said = loaded(COMMAND, "--help")
    assert "核对收回来的工作簿" in said
    assert not modules & (NEVER | OF_TYPER | {"decimal", "json", "tomllib", "pyexpat"})
    assert {name for name in modules if name.startswith("xltools")} == {
        "xltools", "xltools.bar", "xltools.cli", "xltools.cli_forms", "xltools.cli_round", "xltools.console",
        "xltools.errors",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [("--year", "2023"), ("--format", "json", "--jobs", "1"), ("--format", "csv", "--strict")],
    ids=["text", "json", "csv"],
)
def test_checking_loads_no_library_of_workbooks(returned, words):
    modules, said = loaded(COMMAND, "check", returned, *words)
    assert "示例镇.xlsx" in said or "1 个文件" in said
    assert not modules & (NEVER | SELDOM | OF_TYPER)
    assert not any(name.startswith(("xltools.rounds", "xltools.demo")) for name in modules)


def every_parameter(command, of=()):
    """(words of the command, parameter) of everything that can be written in a call."""
    for parameter in command.params:
        if getattr(parameter, "type_descriptor", None) is not None:
            yield " ".join(of), parameter
    for name, below in getattr(command, "commands", {}).items():
        yield from every_parameter(below, (*of, name))


def meant_by(parameter, word, readings):
    """What typer and what is plainly read make of a word, or that it is refused."""
    for reading in readings:
        parameter._runtime_param = reading
        is_list = word is not None and (parameter.multiple or parameter.nargs == -1)
        value = [word] if is_list else word
        try:
            yield parameter.get_runtime_param().coerce(value, param=parameter, ctx=None)
        except typer.BadParameter:
            yield "refused"


def test_what_is_plainly_read_means_what_typer_makes_of_it(returned, tmp_path):
    unreadable = tmp_path / "锁着.xlsx"
    unreadable.write_bytes(b"PK")
    unreadable.chmod(0)
    words = ["", " ", "2023", "0", "-3", "+3", "007", "1_000", "1.0", "1e3", "２０２３", "9" * 12, "9" * 30, "text",
             "TEXT", "json", "jsonl", "csv", "true", ".", "-", str(returned), str(unreadable), "没有/这个"]  # fmt: skip
    kinds = set()
    for command, parameter in every_parameter(typer.main.get_command(app)):
        for word in [None, *words]:
            typers, ours = meant_by(parameter, word, [None, _Plainly()])
            assert (ours, type(ours)) == (typers, type(typers)), (command, parameter.name, word)
        kinds.add(str(parameter.type_descriptor.annotation))
    assert len(kinds) >= 6, kinds


def test_our_own_code_needs_nothing_of_what_typer_loads(returned):
    modules, said = loaded("import xltools; print(xltools.check({words!r}).is_open)", returned)
    assert said.strip() == "False"
    assert not modules & (NEVER | OF_TYPER | {"typer"})


def test_a_roster_is_read_by_openpyxl_only_where_it_is_a_workbook(returned, tmp_path):
    plain, book = tmp_path / "名单.csv", tmp_path / "名单.xlsx"
    plain.write_text("单位,代码,上级\n示例镇,U01,示例县\n", encoding="utf-8-sig")
    book.write_bytes(write_roster([Unit(name="示例镇", code="U01", parent="示例县")]))
    of_plain, _ = loaded(COMMAND, "check", returned, "--units", plain)
    of_book, _ = loaded(COMMAND, "check", returned, "--units", book)
    assert not of_plain & NEVER
    assert "openpyxl" in of_book and not of_book & {"pandas", "xlsxwriter", "sqlite3"}


def test_merging_loads_the_writer_and_no_pandas_nor_what_writes_other_files(returned, tmp_path):
    modules, _ = loaded(COMMAND, "merge", returned, "-o", tmp_path / "汇总.xlsx")
    assert (tmp_path / "汇总.xlsx").is_file()
    assert "xlsxwriter" in modules and not modules & {
        "pandas",
        "numpy",
        "openpyxl",
        "xlrd",
        "rich",
        "sqlite3",
    }
    assert not modules & (SELDOM | {"csv", "html", "xltools.reporting.json"})

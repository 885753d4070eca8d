"""What a command loads: nothing that it does not need, so that starting costs little.

Each case runs in a process of its own, which says at its end which modules it has.  How much time that saves
is measured by `python -m tests.bench --only start`.
"""

import os
import subprocess
import sys

import helpers_pipe as pipe
import pytest

from xltools import Unit
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
# typer has these through pydantic as soon as it reads an option; the help needs none, nor does our own code
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
    "words", [(), ("--format", "json"), ("--format", "csv")], ids=["text", "json", "csv"]
)
def test_checking_loads_no_library_of_workbooks(returned, words):
    modules, said = loaded(COMMAND, "check", returned, *words)
    assert "示例镇.xlsx" in said or "1 个文件" in said
    assert not modules & NEVER
    assert not any(name.startswith(("xltools.rounds", "xltools.demo")) for name in modules)


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


def test_merging_loads_the_writer_and_no_pandas(returned, tmp_path):
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

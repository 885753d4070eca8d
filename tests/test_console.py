"""The console of a Chinese Windows, as far as Linux can be one: GBK piped and on a terminal, odd names, long paths."""

import ast
import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import helpers_pipe as pipe
import pytest

from xltools import Unit, cli, console, load_form, sources, write_template
from xltools.reading import gate
from xltools.writing import files

ROOT = Path(__file__).parents[1]
FORM = "gov-info-disclosure/2021"
RARE = "㐂河𠮷镇"  # two characters that GBK does not have
GAPPED = str.maketrans("㐂𠮷", "〓〓")
COMMANDS = {
    "template": [
        "template",
        FORM,
        "--year",
        "2023",
        "--units",
        "单位 名单.csv",
        "-o",
        "下发 模板",
        "--quiet",
    ],
    "fill": ["fill", f"收件/{RARE} 报表.xlsx", "数.json", "-o", "填 好.xlsx"],
    "check": ["check", "收件", "--units", "单位 名单.csv", "--quiet"],
    "return": ["return", "收件", "-o", "退回", "--quiet"],
    "merge": ["merge", "收件", "-o", "汇总.xlsx", "--units", "单位 名单.csv", "--quiet"],
    "explain": ["explain", "县汇总.xlsx", "applications.new.natural"],
    "diff": ["diff", "县汇总.xlsx", "上次 汇总.xlsx"],
    "forms": ["forms"],
    "forms show": ["forms", "show", FORM],
    "help": ["merge", "--help"],
    "a wrong call": ["check", "没有㐂.xlsx"],
}
IN_ROUND = {
    "dispatch": ["dispatch", "--quiet"],
    "collect": ["collect", "../收件", "--quiet"],
    "status": ["status", "--quiet"],
    "log": ["log", RARE],
    "check here": ["check", "--quiet"],
    "return here": ["return", "--quiet"],
    "merge here": ["merge", "--quiet"],
    "verify-archive": ["verify-archive", "单位名单.xlsx"],
}


def environment(encoding):
    given = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    libraries = "PYTHONWARNDEFAULTENCODING"  # has other people's packages warn
    return {**{name: value for name, value in os.environ.items() if name != libraries}, **given}


def piped(words, cwd, encoding):
    command = [sys.executable, "-m", "xltools", *words]
    done = subprocess.run(command, cwd=cwd, env=environment(encoding), capture_output=True, timeout=120)
    assert b"Traceback" not in done.stderr, done.stderr
    return done


def on_terminal(words, cwd, encoding="gbk", columns=80, stdout=None):
    """What a terminal is sent, stdout and stderr together unless stdout goes elsewhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    command = [sys.executable, *words] if words[0] == "-c" else [sys.executable, "-m", "xltools", *words]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment(encoding), stdin=theirs, stdout=stdout or theirs, stderr=theirs
    )
    os.close(theirs)
    sent = b""
    with contextlib.suppress(OSError):  # Linux ends a pseudo-terminal with an error
        while piece := os.read(ours, 65536):
            sent += piece
    os.close(ours)
    process.wait(120)
    assert b"Traceback" not in sent, sent
    return sent


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A folder as clerks name them: three filings (one in order, one wrong), two roll-ups, a roster."""
    folder = tmp_path_factory.mktemp("示例县 2023年（收表）")
    form = load_form(FORM)
    (folder / "单位 名单.csv").write_text(
        f"单位名称,单位代码,类别,级别\n{RARE},U1,乡镇街道,乡级\n示例财政局,U2,部门,县级\n示例东镇,U3,乡镇街道,乡级\n",
        "utf-8",
    )
    (folder / "数.json").write_text('{"items": {}}', "utf-8")
    (folder / "收件").mkdir()
    good = write_template(form, Unit(name=RARE, code="U1"), 2023, pipe.seeded(form))
    (folder / "收件" / f"{RARE} 报表.xlsx").write_bytes(good)
    east = write_template(form, Unit(name="示例东镇", code="U3"), 2023, pipe.seeded(form, 3))
    wrong = pipe.changed(east, lambda book: book["三、依申请公开"].__setitem__("D7", "约𠮷件"))
    (folder / "收件" / "东镇.xlsx").write_bytes(wrong)
    for name, arrived in (("上次 汇总.xlsx", ["收件/东镇.xlsx"]), ("县汇总.xlsx", [])):
        (folder / "收件" / "东镇.xlsx").write_bytes(east if arrived else wrong)
        assert piped(["merge", "收件", "-o", name, "--unit", "示例县"], folder, "utf-8").returncode in (0, 1)
    return folder


@pytest.fixture(scope="module")
def working(county):
    """A round's folder in which everything was done once."""
    made = ["init", "收 报", "--form", FORM, "--year", "2023", "--units", "单位 名单.csv", "--unit", "示例县"]
    assert piped(made, county, "gbk").returncode == 0
    for name in ("dispatch", "collect", "return here", "merge here"):
        assert piped(IN_ROUND[name], county / "收 报", "gbk").returncode in (0, 1)
    return county / "收 报"


def without_note(text):
    """The output without the sentence on characters that could not be shown, and without the time of day."""
    text = re.sub("用法： .*?xltools ", "用法： xltools ", text.replace("\r\n", "\n"))  # python -m xltools
    lines = re.sub("[0-9]{2}:[0-9]{2}", "00:00", text).splitlines()
    return [line for line in lines if not line.startswith("xltools：有 ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_the_same_on_a_gbk_console_piped_or_not(name, county, said_here):
    says_the_same(COMMANDS[name], county, said_here)


@pytest.mark.parametrize("name", IN_ROUND)
def test_so_does_every_command_of_a_round(name, working, said_here):
    says_the_same(IN_ROUND[name], working, said_here)


def test_no_command_is_forgotten():
    """Those that differ each time they are run: the demonstration, the making of a folder, choosing a receipt, closing."""
    listed = {words[0] for words in (*COMMANDS.values(), *IN_ROUND.values())}
    named = {command.name for command in (*cli.app.registered_commands, *cli.app.registered_groups)}
    assert named - listed <= {"demo", "init", "pin", "void", "close"}


@pytest.fixture
def said_here(monkeypatch):
    """The code and the text of a command in this process, its streams redirected in an encoding."""

    def run(words, folder, encoding):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["xltools", *words])
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        for name, made in zip(("stdout", "stderr"), streams, strict=True):
            monkeypatch.setattr(sys, name, made)
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code, b"".join(map(written, streams)).decode(encoding)

    return run


def says_the_same(words, folder, said_here):
    """Only what GBK does not have is a gap, and nothing else differs: no question marks, no colour, no wrapping."""
    (code, full), (same_code, piped_gbk) = (
        said_here(words, folder, encoding) for encoding in ("utf-8", "gbk")
    )
    sent = on_terminal(words, folder).decode("gbk")
    lines = [sorted(without_note(text)) for text in (full.translate(GAPPED), piped_gbk, sent)]
    assert lines[0] == lines[1] == lines[2] and code == same_code
    for text in (full, piped_gbk, sent):
        assert "\x1b" not in text and "?" not in text and text.strip()


def test_what_could_not_be_shown_is_said_once_on_stderr(county):
    done = piped(COMMANDS["check"], county, "gbk")
    (note,) = (line for line in done.stderr.decode("gbk").splitlines() if "显示不出" in line)
    assert f"有 {done.stdout.decode('gbk').count('〓')} 个字" in note and "utf-8" in note
    assert "显示不出" not in piped(COMMANDS["check"], county, "utf-8").stderr.decode("utf-8")


@pytest.mark.parametrize(
    "words", [["check", "收件"], ["explain", "县汇总.xlsx", "applications.new.natural"]], ids=" ".join
)
def test_json_loses_nothing_whatever_the_encoding(words, county):
    full, gbk = (piped([*words, "--format", "json"], county, encoding) for encoding in ("utf-8", "gbk"))
    assert json.loads(gbk.stdout.decode("ascii")) == json.loads(full.stdout.decode("utf-8"))
    assert RARE in full.stdout.decode("utf-8") and gbk.stderr == b""


def test_a_stream_without_chinese_gets_utf8(county):
    done = piped(["check", "收件"], county, "cp1252")
    assert RARE in done.stdout.decode("utf-8") and "退回" in done.stdout.decode("utf-8")


def test_nothing_wraps_on_a_narrow_terminal(county):
    """A terminal wraps by itself; we send one line per filing, however long."""
    lines = on_terminal(COMMANDS["check"], county).decode("gbk").splitlines()
    assert any(len(line.encode("gbk")) > 80 for line in lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_list_of_paths_is_read_in_any_encoding(encoding, working):
    """As `dir /b`, a Notepad or PowerShell writes it, whatever the console's own encoding is."""
    lines = "../收件/东镇.xlsx\r\n\r\n../单位 名单.csv\r\n".encode(encoding)
    command = [sys.executable, "-m", "xltools", "collect", "-", "--quiet"]
    done = subprocess.run(
        command, cwd=working, env=environment("utf-8"), input=lines, capture_output=True, timeout=60
    )
    said = done.stdout.decode("utf-8") + done.stderr.decode("utf-8")
    assert "Traceback" not in said and "找不到" not in said and done.returncode in (0, 1)
    assert "东镇.xlsx" in said or "先前收过的" in said


def test_a_reader_that_goes_away_ends_in_silence(county):
    command = [sys.executable, "-m", "xltools", "forms", "show", FORM]
    process = subprocess.Popen(
        command, cwd=county, env=environment("utf-8"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(60) == 3
    process.stderr.close()


@pytest.mark.parametrize("closed", ["1", "2", "0 1 2"])
def test_streams_that_are_closed_from_the_start_change_nothing_but_what_is_said(closed, tmp_path):
    """As `>&-` in a shell and a program without a console have it; no file that is written takes a stream's place."""
    words = ["template", FORM, "--year", "2023", "--unit", "甲镇", "-o"]
    command = f'exec "$@" {" ".join(f"{number}>&-" for number in closed.split())}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "xltools", *words, "关着"],
        cwd=tmp_path, env=environment("utf-8"), capture_output=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    piped([*words, "开着"], tmp_path, "utf-8")
    (said_nothing,), (said_it,) = (list((tmp_path / folder).iterdir()) for folder in ("关着", "开着"))
    assert said_nothing.read_bytes() == said_it.read_bytes()


def test_ctrl_c_is_told_in_a_sentence(county, monkeypatch, capsys):
    def interrupted(*_given, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("xltools.intake.check", interrupted)
    monkeypatch.setattr("sys.argv", ["xltools", "check", str(county)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert capsys.readouterr().err.endswith("xltools：中断了，没有写完的文件不会留下。\n")


def test_no_name_steers_the_console(tmp_path):
    """A file's name and a unit's may hold anything; on Linux even an escape and a line end."""
    (tmp_path / "红\x1b[31m\n假行.xlsx").write_bytes(
        pipe.filled(load_form(FORM), unit=Unit(name="甲\n镇\x1b[2J"))
    )
    (tmp_path / "名单.csv").write_text('单位名称,单位代码\n"乙\x1b[2J镇",U2\n', "utf-8")
    done = piped(["check", ".", "--units", "名单.csv"], tmp_path, "utf-8")
    lines = (done.stdout + done.stderr).decode("utf-8").splitlines()
    assert not any("\x1b" in line or line.startswith("假行") for line in lines) and len(lines) > 3


# ---- one stream


def stream(encoding, newline=""):
    made = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline=newline)
    console.open_streams(made)
    return made


def written(made):
    made.flush()
    return made.buffer.getvalue()


@pytest.mark.parametrize(
    "encoding", ["gbk", "gb2312", "gb18030", "utf-8", "big5", "cp950", "latin-1", "ascii", "utf-16"]
)
def test_no_text_stops_a_stream(encoding):
    made = stream(encoding)
    made.write("表 㐂 \ud83d \U0001f600 \u202e")
    assert "表" in written(made).decode(made.encoding)


def test_halves_of_characters_are_gaps_too():
    made = stream("utf-8")
    made.write("a\udcffb")  # a file name that is not UTF-8
    assert written(made).decode("utf-8") == "a〓b"


def test_csv_has_one_line_end_where_the_system_adds_its_own(monkeypatch):
    made = stream("gbk", newline="\r\n")  # a Windows stdout
    monkeypatch.setattr(os, "linesep", "\r\n")
    monkeypatch.setattr(sys, "stdout", made)
    console.say_csv("甲,1\r\n乙,2\r\n")
    assert written(made).decode("gbk") == "甲,1\r\n乙,2\r\n"


# ---- our own words


def own_words():
    """Every text in the code that has a Chinese character and is no docstring, with where it stands."""
    for path in sorted((ROOT / "xltools").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        told = {id(node.body[0].value) for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
                and isinstance(node.body[0], ast.Expr)}  # fmt: skip
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in told else None
            if isinstance(text, str) and any("\u4e00" <= char <= "\u9fff" for char in text):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", text


READ_ONLY = "xltools/reading/labels.py"  # a pattern for what others wrote: ⑳


def test_our_own_words_have_only_characters_of_gbk():
    beyond = [where for where, text in own_words()
              if not where.startswith(READ_ONLY) and text != text.encode("gbk", "ignore").decode("gbk")]  # fmt: skip
    assert beyond == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.toml")), ids=lambda path: path.stem)
def test_the_words_of_a_form_have_only_characters_of_gbk(path):
    path.read_text("utf-8").encode("gbk")


# ---- paths


def test_the_whole_job_deep_below_and_beyond_260_characters(tmp_path):
    deep = tmp_path
    while len(str(deep)) < 300:
        deep = deep / "示例县 政府信息公开工作（二〇二三年度）收表"
    deep.mkdir(parents=True)
    (deep / "收件").mkdir()
    form = load_form(FORM)
    (deep / "收件" / "甲镇 报表.xlsx").write_bytes(pipe.filled(form, unit=Unit(name="甲镇", code="U1")))
    assert piped(["check", str(deep / "收件")], tmp_path, "gbk").returncode == 0
    assert (
        piped(["merge", "收件", "-o", str(deep / "汇 总.xlsx"), "--unit", "示例县"], deep, "gbk").returncode
        == 0
    )
    done = piped(["template", FORM, "--year", "2023", "--unit", "乙" * 90, "-o", "下 发"], deep, "gbk")
    assert done.returncode == 0 and Path(deep, done.stdout.decode("gbk").strip()).is_file()


def test_a_name_longer_than_the_system_takes_is_said_in_chinese(tmp_path):
    done = piped(["merge", ".", "-o", f"{'汇' * 90}.xlsx"], filled_folder(tmp_path), "gbk")
    assert done.returncode == 3 and "路径太长" in done.stderr.decode("gbk")


def filled_folder(folder):
    (folder / "a.xlsx").write_bytes(pipe.filled(load_form(FORM)))
    return folder


def test_files_are_read_and_written_under_the_spelling_that_the_system_reaches(tmp_path, monkeypatch):
    """As on Windows, where a long path is opened as \\\\?\\…; what is said and given back is the path that was asked for."""
    real = tmp_path / "real"
    for module in (files, gate):
        monkeypatch.setattr(module, "reachable", lambda path: real / Path(path).name)
    asked = tmp_path / "shown" / "甲镇.xlsx"
    assert files.write_whole(asked, b"x") == asked
    assert (real / "甲镇.xlsx").read_bytes() == b"x" and not asked.exists()
    assert gate.read_bytes(asked) == b"x"


def test_a_folder_is_gone_through_under_that_spelling_too(tmp_path, monkeypatch):
    (tmp_path / "real" / "乡镇").mkdir(parents=True)
    (tmp_path / "real" / "乡镇" / "甲镇.xlsx").write_bytes(b"x")
    monkeypatch.setattr(sources, "reachable", lambda path, **deep: tmp_path / "real")
    asked = tmp_path / "收件"
    assert list(sources.gather([asked])) == [(asked / "乡镇" / "甲镇.xlsx", "乡镇/甲镇.xlsx")]

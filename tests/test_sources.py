"""Files behind URLs: found and checked as if they lay in a folder."""

import dataclasses
import ntpath
import os
import shutil
import sys
from pathlib import Path

import helpers_pipe as pipe
import helpers_round as made
import pytest

from xltools import Outcome, Unit, XltoolsError, check, cli, load_form, merge, write_rollup, write_template
from xltools import sources as sources_module
from xltools.errors import UsageError
from xltools.reading.archive import FILE_LIMIT
from xltools.sources import is_url, local_places, sources
from xltools.workers import BATCH

fsspec = pytest.importorskip("fsspec", reason="needs fsspec: pip install 'xltools[remote]'")
FORM = load_form(pipe.OWN[0])
FORMS = [pipe.OWN[0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Filings in order and not, in folders of several depths, beside what is no filing."""
    folder = tmp_path_factory.mktemp("收件")
    names = [
        "甲镇.xlsx",
        "乡镇/乙镇 报表.xlsx",
        "乡镇/山区/丙镇.xlsx",
        *(f"园区/{at}区.xlsx" for at in range(BATCH)),
    ]
    for number, place in enumerate(names):
        unit = Unit(name=Path(place).stem[:2], code=f"U{number}", parent="示例县")
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        data = write_template(FORM, unit, pipe.year_of(FORM), made.answers(number))
        (folder / place).write_bytes(data)
    (folder / "半个.xlsx").write_bytes((folder / "甲镇.xlsx").read_bytes()[:5000])
    (folder / "空.xlsx").write_bytes(b"")
    (folder / "乡镇" / "~$乙镇.xlsx").write_bytes(b"x")
    (folder / "各单位的数.csv").write_bytes(b"unit,code,kind,level,parent,x\r\n")
    return folder


@pytest.fixture
def memory(folder):
    """The same files in fsspec's file system in memory."""
    system = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            system.pipe(f"/省/收件/{path.relative_to(folder).as_posix()}", path.read_bytes())
    yield system
    system.rm("/省", recursive=True)


def without_paths(result):
    """What was found, wherever the files lie."""
    return [dataclasses.replace(one, path=None) for one in result.filings]


def test_files_in_memory_are_checked_as_in_the_folder(folder, memory):
    here, there = check([folder], forms=FORMS), check(["memory://省/收件"], forms=FORMS)
    assert without_paths(there) == without_paths(here) and len(here.filings) == BATCH + 7
    assert {one.path for one in there.filings} == {None}
    assert here.counts[Outcome.UNREADABLE] == 2 and here.counts[Outcome.IGNORED] == 2


def test_several_processes_find_the_same_in_memory(folder, memory):
    """They have another memory: the bytes are read here."""
    several = check(["memory://省/收件"], forms=FORMS, jobs=2)
    many = check([folder], forms=FORMS, jobs=2)
    assert without_paths(several) == without_paths(many)


def test_a_file_url_is_a_path(folder):
    url = f"file://{folder.as_posix()}"
    assert check([url], forms=FORMS) == check([folder], forms=FORMS)
    assert local_places([url, folder, "memory://x"]) == [folder, folder]
    assert [one.name for one in sources([f"{url}/甲镇.xlsx"])] == ["甲镇.xlsx"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_refused_behind_a_file_url_too(folder, tmp_path):
    (tmp_path / "链接.xlsx").symlink_to(folder / "甲镇.xlsx")
    (one,) = check([f"file://{tmp_path.as_posix()}"], forms=FORMS).filings
    assert [finding.code for finding in one.findings] == ["F001"]


def test_a_merge_from_memory_has_the_same_figures(folder, memory):
    here, there = (merge(check([place], forms=FORMS)) for place in (folder, "memory://省/收件/"))
    assert write_rollup(here) == write_rollup(there)


def test_one_file_a_folder_and_another_folder_at_once(folder, memory):
    names = [
        one.name
        for one in sources(["memory://省/收件/甲镇.xlsx", "memory://省/收件/乡镇", folder / "空.xlsx"])
    ]
    assert names == sorted(["甲镇.xlsx", "乙镇 报表.xlsx", "~$乙镇.xlsx", "山区/丙镇.xlsx", "空.xlsx"])


# ---- what is left out


@pytest.mark.parametrize("left_out", ["甲镇.xlsx", "乡镇/乙镇 报表.xlsx", "乡镇/山区", "乡镇/甲镇.XLSX"])
def test_on_windows_names_are_left_out_as_elsewhere(folder, left_out, monkeypatch):
    monkeypatch.setattr(os, "sep", "\\")
    monkeypatch.setattr(os.path, "normcase", ntpath.normcase)
    names = ["甲镇.xlsx", "乡镇/乙镇 报表.xlsx", "乡镇/山区/丙镇.xlsx", "乡镇/甲镇.xlsx"]
    kept = list(sources_module._kept(names, folder, {(folder / left_out).resolve()}))
    assert kept == [name for name in names if not name.lower().startswith(left_out.lower())]


class Spelt(type(Path())):
    """A path that Windows reaches whatever its length: it keeps its spelling when it is resolved."""

    def resolve(self, strict=False):
        return type(Path())("/?" + str(super().resolve()))


@pytest.mark.parametrize("reach", [Path, Spelt])
@pytest.mark.parametrize("left_out", ["甲镇.xlsx", "乡镇/乙镇 报表.xlsx", "乡镇/山区", "乡镇"])
def test_what_is_left_out_is_not_among_the_files(folder, left_out, reach, monkeypatch):
    monkeypatch.setattr(sources_module, "reachable", lambda path, **_: reach(path))
    every = [one.name for one in sources([folder])]
    kept = [one.name for one in sources([folder], leave_out=[folder / left_out, folder, folder.parent])]
    assert kept == [name for name in every if name != left_out and not name.startswith(f"{left_out}/")]
    assert len(kept) < len(every)
    monkeypatch.chdir(folder / "乡镇")
    assert [one.name for one in sources([Path("..")], leave_out=[Path("..") / left_out])] == kept


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_file_is_named_once_and_none_is_taken_for_another(folder, tmp_path):
    """`链/..` is the folder above the one that the link leads to."""
    (tmp_path / "链").symlink_to(folder / "乡镇")
    (tmp_path / "甲镇.xlsx").write_bytes(b"PK")
    places = [tmp_path / "链" / ".." / "甲镇.xlsx", tmp_path / "甲镇.xlsx", folder / "甲镇.xlsx"]
    assert {one.path for one in sources(places)} == set(places[:2])
    twice = [
        folder / "乡镇",
        folder / "乡镇" / ".." / "乡镇",
        tmp_path / "链",
        Path(os.path.relpath(folder / "乡镇")),
    ]
    assert [one.name for one in sources(twice)] == [one.name for one in sources(twice[:1])]


# ---- what is not there


def test_a_place_that_is_not_there_is_said(memory):
    with pytest.raises(UsageError, match="找不到：memory://省/没有"):
        sources(["memory://省/没有"])


def test_an_unknown_kind_of_url_is_said():
    with pytest.raises(UsageError, match="不认识“nosuch://”"):
        sources(["nosuch://a/b"])


def test_a_missing_driver_is_named():
    fsspec.register_implementation(
        "nodriver", "no_such_driver.System", errtxt="Install no_such_driver", clobber=True
    )
    with pytest.raises(UsageError, match="要另装 no_such_driver"):
        sources(["nodriver://a/b"])


def test_without_fsspec_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match=r"xltools\[remote\]"):
        sources(["s3://a/b"])


def test_a_store_that_does_not_answer_is_one_sentence(memory, monkeypatch):
    monkeypatch.setattr(
        type(memory), "find", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no route"))
    )
    with pytest.raises(XltoolsError, match="打不开“memory://省/收件”：RuntimeError no route"):
        sources(["memory://省/收件"])


@pytest.mark.parametrize(
    ("error", "says"), [(PermissionError("no"), "打不开"), (FileNotFoundError("gone"), "没有这个文件")]
)
def test_a_file_that_cannot_be_had_costs_itself(memory, monkeypatch, error, says):
    whole = type(memory).cat_file

    def cat_file(self, path, **limits):
        if "丙镇" in path:
            raise error
        return whole(self, path, **limits)

    monkeypatch.setattr(type(memory), "cat_file", cat_file)
    found = {one.filing.file: one for one in check(["memory://省/收件"], forms=FORMS).filings}
    (finding,) = found["乡镇/山区/丙镇.xlsx"].findings
    assert finding.code == "F001" and says in finding.message
    assert found["甲镇.xlsx"].outcome is not Outcome.UNREADABLE


def test_a_file_that_is_too_large_is_not_fetched(memory, monkeypatch):
    find = type(memory).find
    sizes = {"size": FILE_LIMIT + 1}
    monkeypatch.setattr(
        type(memory), "find",
        lambda self, *a, **k: {key: facts | sizes for key, facts in find(self, *a, **k).items()},
    )  # fmt: skip
    monkeypatch.setattr(type(memory), "cat_file", lambda *_, **__: pytest.fail("was fetched"))
    codes = {
        finding.code for one in check(["memory://省/收件"], forms=FORMS).filings for finding in one.findings
    }
    assert codes == {"F007"}


def test_the_name_of_a_remote_file_steers_nothing(memory):
    memory.pipe("/省/收件/红\x1b[31m.xlsx", b"x")
    names = [one.filing.file for one in check(["memory://省/收件"], forms=FORMS).filings]
    assert not any("\x1b" in name for name in names)


# ---- commands


def command(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["xltools", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


def test_check_and_merge_take_urls(folder, memory, tmp_path, monkeypatch, capsys):
    url = "memory://省/收件"
    there = command(monkeypatch, capsys, "check", url, "--form", pipe.OWN[0])
    assert there == command(monkeypatch, capsys, "check", folder, "--form", pipe.OWN[0]) and there[0] == 1
    for place, name in ((url, "甲.xlsx"), (folder, "乙.xlsx")):
        words = ["merge", place, "-o", tmp_path / name, "--unit", "示例县", "--form", pipe.OWN[0]]
        assert command(monkeypatch, capsys, *words)[0] == 1
    (made, other) = (
        check([tmp_path / name], forms=FORMS).filings[0].filing for name in ("甲.xlsx", "乙.xlsx")
    )
    assert made.figures == other.figures and [leaf.seal for leaf in made.leaves] == [
        leaf.seal for leaf in other.leaves
    ]


def test_return_is_for_files_on_this_machine(memory, tmp_path, monkeypatch, capsys):
    code, _, said = command(monkeypatch, capsys, "return", "memory://省/收件", "-o", tmp_path / "退回")
    assert code == 2 and "本机" in said and not (tmp_path / "退回").exists()


def test_what_is_read_through_a_file_url_is_not_written_over(folder, tmp_path, monkeypatch, capsys):
    shutil.copytree(folder, tmp_path / "收件")
    url, out = f"file://{(tmp_path / '收件').as_posix()}", tmp_path / "收件" / "甲镇.xlsx"
    before = out.read_bytes()
    code, _, said = command(
        monkeypatch, capsys, "merge", url, "-o", out, "--form", pipe.OWN[0], "--unit", "县"
    )
    assert code == 2 and "没有盖掉" in said and out.read_bytes() == before


def test_drives_are_no_urls():
    assert not any(map(is_url, ("C:\\收件", "c:/收件", "C://收件", "\\\\服务器\\收件", "收件/a.xlsx", "a:b")))
    assert all(map(is_url, ("s3://a", "memory://", "https://x/y", "gs://b")))

"""Checking by several processes: the same result, and whatever happens to one of them costs one file."""

import contextlib
import dataclasses
import os
import pickle
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import helpers_parallel as fates
import helpers_pipe as pipe
import pytest
from test_commands import run
from test_console import piped

from xltools import Outcome, Roster, Unit, XltoolsError, load_form, merge, write_rollup, write_template
from xltools.errors import UsageError
from xltools.forms.finder import FormFinder
from xltools.intake import Wanted, check, check_many
from xltools.lastyear import read_last_year
from xltools.parallel import spread
from xltools.sources import Source, sources
from xltools.workers import BATCH, WORTH_IT, Lost, Workers, cluster, cores

F2021, F2019, SNOW = (
    load_form(key) for key in ("gov-info-disclosure/2021", "gov-info-disclosure/2019", pipe.OWN[0])
)
TOWNS = [Unit(name=f"{number:02d}号镇", code=f"U{number:02d}", parent="示例县") for number in range(30)]
MANY = 600 if os.environ.get("XLTOOLS_SLOW") else 40  # files for a cluster


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A folder with everything that comes in: filings in order, wrong ones, a roll-up, twins, what is no filing."""
    folder = tmp_path_factory.mktemp("收件")
    (folder / "乡镇").mkdir()
    for number, unit in enumerate(TOWNS[:12]):
        data = write_template(F2021, unit, 2023, pipe.seeded(F2021, number))
        if number % 4 == 1:
            data = pipe.changed(data, lambda book: book["三、依申请公开"].__setitem__("D7", "约3件"))
        (folder / "乡镇" / f"{unit.name}.xlsx").write_bytes(data)
    shutil.copy(folder / "乡镇" / "00号镇.xlsx", folder / "又一次.xlsx")
    (folder / "雪.xlsx").write_bytes(pipe.filled(SNOW, unit=TOWNS[21]))
    (folder / "半个.xlsx").write_bytes((folder / "又一次.xlsx").read_bytes()[:9000])
    (folder / "说明.docx").write_bytes(b"PK")
    (folder / "各单位的数.csv").write_bytes(b"unit,code,kind,level,parent,x\r\n")
    (folder / "别的.csv").write_bytes(b"a,b\r\n")
    below = folder.with_name("下级")
    below.mkdir()
    for unit in TOWNS[22:25]:
        data = write_template(F2021, unit, 2023, pipe.seeded(F2021, int(unit.code[1:])))
        (below / f"{unit.name}.xlsx").write_bytes(data)
    result = merge(check([below]), unit=Unit(name="乙县", code="C2", level="county"))
    (folder / "乙县汇总.xlsx").write_bytes(write_rollup(result))
    return folder


@pytest.fixture(scope="module")
def asked(county):
    """How the folder is checked: against a roster, last year and a form of one's own."""
    last = county.with_name("上年")
    last.mkdir()
    for number, unit in enumerate(TOWNS[:3]):
        data = write_template(F2021, unit, 2022, pipe.seeded(F2021, number + 50))
        (last / f"{unit.name}.xlsx").write_bytes(data)
    return {"roster": Roster(TOWNS), "last": read_last_year(last), "forms": [pipe.OWN[0]], "form": F2021.key}


# ---- the same whoever does it


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "with cells"])
def test_one_two_and_three_processes_find_the_same(county, asked, lean):
    one, two, three = (check([county], jobs=jobs, lean=lean, **asked) for jobs in (1, 2, 3))
    assert one == two == three
    assert {Outcome.ACCEPTED, Outcome.RETURNED, Outcome.UNREADABLE, Outcome.IGNORED} <= {
        one.outcome for one in two.filings
    }
    assert all(one.filing.form in (None, F2021, SNOW) for one in two.filings), "all share one form"
    assert write_rollup(merge(one), county) == write_rollup(merge(three), county)


def test_commands_write_the_same_bytes(county):
    folder = county.with_name("命令")
    folder.mkdir()
    asked = ["--form", F2021.key, "--unit", "县"]
    done = {
        jobs: run("merge", county, "-o", f"{jobs}.xlsx", *asked, "--jobs", jobs, cwd=folder)
        for jobs in (1, 2)
    }
    assert done[1].out.replace("1.xlsx", "2.xlsx") == done[2].out and done[1].returncode == done[2].returncode
    assert (folder / "1.xlsx").read_bytes() == (folder / "2.xlsx").read_bytes()
    backs = {
        jobs: run("return", county, "-o", f"退{jobs}", "--jobs", jobs, cwd=folder).out for jobs in (1, 2)
    }
    assert backs[1].replace("退1", "退2") == backs[2]
    assert {one.name: one.read_bytes() for one in (folder / "退1").iterdir()} == {
        one.name: one.read_bytes() for one in (folder / "退2").iterdir()
    }


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),
}


@pytest.mark.parametrize("name", EXECUTORS)
def test_any_executor_will_do(county, asked, name):
    with EXECUTORS[name]() as executor:
        assert check([county], executor=executor, **asked) == check([county], **asked)


def test_what_travels_is_small_and_leaves_the_form_at_home(county):
    """A lean filing and what is said of it weigh a tenth of the workbook at most."""
    from xltools.intake import _Check

    (path,) = county.glob("乡镇/02号镇.xlsx")
    sent = pickle.dumps(_Check(Wanted(find_form=FormFinder(), lean=True))(Source("a.xlsx", path)))
    assert len(sent) < path.stat().st_size / 4 and b"heading" not in sent
    assert len(pickle.dumps(Wanted(find_form=FormFinder(["gov-info-disclosure/2021"])))) < 1000


def test_a_form_of_ones_own_travels_as_its_text(tmp_path):
    """To a machine that has no such file; also one that extends another beside it and a shipped one."""
    for path in ("2019-beijing.toml", "snow-clearing.toml"):
        shutil.copy(Path(__file__).parent / "forms" / path, tmp_path)
    above = (tmp_path / "2019-beijing.toml").read_text("utf-8")
    (tmp_path / "own.toml").write_text('extends = "2019-beijing"\nid = "own"\nedition = "1"\n', "utf-8")
    assert 'extends = "gov-info-disclosure/2019"' in above
    finder = FormFinder([tmp_path / "own.toml", tmp_path / "snow-clearing.toml", "gov-info-disclosure/2021"])
    keys = {form: finder(form) for form in ("own/1", SNOW.key, "gov-info-disclosure/2021")}
    sent = pickle.dumps(finder)
    shutil.rmtree(tmp_path)
    there = pickle.loads(sent)
    for key, form in keys.items():
        assert (there(key).items, there(key).sheets, there(key).heading) == (
            form.items,
            form.sheets,
            form.heading,
        )
    assert there("nobody/1") is None


# ---- who dies costs one file


def spread_out(items, jobs=2, seconds=120.0, executor=None):
    found = dict(spread(fates.toy, items, Workers(jobs, executor, seconds), len(items)))
    assert sorted(found) == list(range(len(items)))
    return [found[at] for at in range(len(items))]


@pytest.mark.parametrize("fate", ["die", "be killed"])
def test_a_death_costs_one_item(fate):
    items = [*range(20), fate, *range(20), fate, *range(5)]
    expected = [Lost() if item == fate else item * 2 for item in items]
    assert spread_out(items) == expected


def test_an_item_that_hangs_costs_itself():
    """Also where it never gives the interpreter back, as a parser in C."""
    assert spread_out([1, 2, "hang", 3], seconds=1.5) == [2, 4, Lost(1.5), 6]


def test_an_error_of_ours_is_raised_and_blamed_on_no_item():
    with pytest.raises(ValueError, match="a bug of ours"):
        spread_out([*range(30), "a bug", *range(30)])
    with ThreadPoolExecutor(2) as executor, pytest.raises(ValueError, match="a bug of ours"):
        spread_out([1, "a bug"], executor=executor)


def test_a_pool_of_others_that_breaks_is_followed_by_our_own():
    items = [*range(30), "die", *range(30)]
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        found = spread_out(items, executor=executor)
    assert found == [Lost() if item == "die" else item * 2 for item in items]


@pytest.fixture(scope="module")
def doomed(tmp_path_factory):
    """A folder of which the forms of some files are fatal."""
    folder = tmp_path_factory.mktemp("危险")
    forms = {F2019: (2020, 1), SNOW: (pipe.year_of(SNOW), 1), F2021: (2023, 12)}
    for form, (year, count) in forms.items():
        for number in range(count):
            unit = Unit(name=f"{form.id}{number}镇", code=f"{form.edition}{number}")
            data = write_template(form, unit, year, pipe.seeded(form, number))
            (folder / f"{form.edition}-{number}.xlsx").write_bytes(data)
    return sources([folder])


@pytest.mark.parametrize(
    ("fate", "says"), [("die", "内存不够"), ("out of memory", "内存不够"), ("hang", "2 秒还没有读完")]
)
def test_a_fatal_file_is_said_to_be_unreadable_and_the_others_are_checked(doomed, fate, says):
    safe = FormFinder([pipe.OWN[0]])
    wanted = Wanted(find_form=fates.Deadly(safe, {F2019.key: fate}), lean=True)
    found = check_many(doomed, wanted, Workers(2, seconds=2))
    plain = check_many(doomed, Wanted(find_form=safe, lean=True))
    for one, alone in zip(found, plain, strict=True):
        if alone.filing.form_key != F2019.key:
            assert one == alone
            continue
        (finding,) = one.findings
        assert finding.code == "F012" and says in finding.message and finding.remedy
        assert one.outcome is Outcome.UNREADABLE and one.path == alone.path
        assert finding.file == alone.filing.file


def test_too_little_memory_for_a_file_costs_it_alone_in_one_process_too(doomed):
    wanted = Wanted(
        find_form=fates.Deadly(FormFinder([pipe.OWN[0]]), {F2019.key: "out of memory"}), lean=True
    )
    outcomes = [one.outcome for one in check_many(doomed, wanted)]
    assert outcomes.count(Outcome.UNREADABLE) == 1
    assert check_many(doomed, wanted, Workers(2)) == check_many(doomed, wanted)


def script(tmp_path, text):
    """A program of its own that imports this folder's helpers."""
    (tmp_path / "own.py").write_text(text, "utf-8")
    here = Path(__file__).parent
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (here.parent, here))),
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.Popen(
        [sys.executable, tmp_path / "own.py"], env=surroundings, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


# a process with threads is not doubled: what it needs is started afresh, as on Windows
THREADS = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux doubles processes; looks into /proc"
)
STARTED = [pytest.param("", id="doubled", marks=only_linux), pytest.param(THREADS, id="afresh")]
FATES = """
import helpers_parallel as fates
from xltools.parallel import spread
from xltools.workers import Workers
if __name__ == "__main__":
    fates.known.append("learned")
    items = [*range(20), "die", "known", *range(20), "be killed", *range(3), "hang", "known"]
    found = dict(spread(fates.toy, items, Workers(2, seconds=1.5), len(items)))
    print([found[at] for at in range(len(items))])
"""


@pytest.mark.parametrize("threads", STARTED)
def test_who_dies_costs_one_item_however_processes_are_started(tmp_path, threads):
    """A double has all that its parent found out; what is started afresh has nothing.  Neither blames another item."""
    process = script(tmp_path, threads + FATES)
    out, err = process.communicate(timeout=60)
    twice, known = [item * 2 for item in range(20)], [] if threads else ["learned"]
    dead, late = Lost(), Lost(1.5)
    assert out.strip() == repr([*twice, dead, known, *twice, dead, *twice[:3], late, known]), err
    assert not err


def test_a_program_without_a_guard_is_told_so_and_no_file_is_blamed(tmp_path):
    done = script(
        tmp_path,
        THREADS + "import helpers_parallel as fates\n"
        "from xltools.parallel import spread\nfrom xltools.workers import Workers\n"
        "print(list(spread(fates.toy, list(range(20)), Workers(2), 20)))\n",
    )
    out, err = done.communicate(timeout=60)
    assert 'if __name__ == "__main__"' in err and "启动不了" in err and "Lost" not in out


def test_a_system_that_gives_no_more_processes_is_said_so(monkeypatch):
    def start(process):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", start)
    with pytest.raises(XltoolsError, match="启动不了"):
        spread_out(list(range(20)))


BUSY = """
import signal
import helpers_parallel as fates
from xltools.parallel import spread
from xltools.workers import Workers
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests aside
    items = ["who"] * 8 + ["wait"] * 8
    for at, pid in spread(fates.toy, items, Workers(2), 16):
        print(pid, flush=True)
"""


@only_linux
@pytest.mark.parametrize("threads", STARTED)
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_nobody_is_left_when_the_parent_ends(tmp_path, how, threads):
    """A process that waits for work would wait for ever; one that works is not waited for."""
    process = script(tmp_path, threads + BUSY)
    pids = {int(process.stdout.readline()) for _ in range(8)}
    os.killpg(process.pid, signal.SIGINT) if how == "SIGINT" else process.kill()
    _, said = process.communicate(timeout=30)
    assert pids and fates.wait_until_gone(pids) == []
    assert said.count("Traceback") == (how == "SIGINT"), "Ctrl-C is the parent's alone"


# ---- how many at once


def test_few_files_get_one_process_and_many_as_many_as_there_are_processors(monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 6, raising=False)
    assert [Workers(None).number(count) for count in (1, WORTH_IT - 1, WORTH_IT, 10_000)] == [1, 1, 6, 6]
    assert [Workers(4).number(count) for count in (1, BATCH, BATCH + 1, 10_000)] == [1, 1, 2, 4]
    assert Workers(500).number(10**6) == 61 and Workers(1).number(10**6) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_processors_that_this_process_may_not_use_do_not_count():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


class Eager(Executor):
    """Does the work at once."""

    def submit(self, function, /, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done


def test_items_are_drawn_only_a_few_ahead():
    drawn, fetched, most = 0, 0, 0

    def drawing():
        nonlocal drawn
        for number in range(3_000):
            drawn += 1
            yield number

    for _ in spread(fates.toy, drawing(), Workers(2, Eager()), 3_000):
        fetched += 1
        most = max(most, drawn - fetched)
    assert fetched == 3_000 and most <= 2 * 3 * BATCH


def test_progress_counts_every_file(county):
    for workers in (Workers(1), Workers(2)):
        told = []
        check_many(sources([county]), Wanted(find_form=FormFinder(), lean=True), workers,
                   lambda done, of, told=told: told.append((done, of)))  # fmt: skip
        count = len(sources([county]))
        assert told == [(done, count) for done in range(count + 1)]


class Bar:
    """Has a thread of its own but for a while."""

    def __init__(self):
        self.is_still, self.told = False, 0

    def __call__(self, done, of):
        self.told = done

    @contextlib.contextmanager
    def still(self):
        self.is_still = True
        yield
        self.is_still = False


def test_a_bar_stands_still_while_processes_are_started(county, monkeypatch):
    bar, seen = Bar(), []
    monkeypatch.setattr("xltools.parallel._can_be_doubled", lambda: seen.append((bar.is_still, bar.told)))
    files = sources([county])
    check_many(files, Wanted(find_form=FormFinder(), lean=True), Workers(2), bar)
    assert seen == [(True, 0)] and not bar.is_still and bar.told == len(files)


# ---- a cluster of dask

needs_dask = pytest.mark.skipif(
    not find_spec("distributed"), reason="needs distributed: pip install 'xltools[dask]'"
)


@pytest.fixture(scope="module")
def dask():
    """A scheduler and three workers, each a process."""
    import distributed

    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as made:
        yield made


@needs_dask
def test_a_cluster_finds_the_same(county, asked, dask):
    with dask.get_client() as client:
        assert check([county], executor=client.get_executor(), **asked) == check([county], **asked)


@needs_dask
def test_the_command_gives_a_cluster_the_files_and_says_the_same(county, dask):
    words = ["check", str(county), "--form", F2021.key, "--format", "json"]
    alone = piped([*words, "--jobs", "1"], county.parent, "utf-8")
    together = piped([*words, "--scheduler", dask.scheduler_address], county.parent, "utf-8")
    assert together.stdout == alone.stdout and together.returncode == alone.returncode == 1
    assert together.stderr == b""


@needs_dask
def test_a_worker_that_is_killed_at_work_loses_nothing(tmp_path, dask):
    for number in range(MANY):
        (tmp_path / f"{number}.xlsx").write_bytes(
            pipe.filled(F2021, unit=Unit(name=f"{number}镇", code=f"U{number}"), seed=number)
        )
    files, plain = sources([tmp_path]), Wanted(find_form=FormFinder(), lean=True)
    slow = dataclasses.replace(plain, find_form=fates.Deadly(FormFinder(), {}, seconds=0.05))
    with dask.get_client() as client:
        pids = list(client.run(os.getpid).values())
        killed = []

        def kill(done, of):
            if done == BATCH and not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        found = check_many(files, slow, Workers(3, client.get_executor(pure=False)), kill)
        assert killed and fates.wait_until_gone(killed) == []
    assert found == check_many(files, plain)


@needs_dask
def test_a_file_that_kills_every_worker_costs_itself(doomed, dask):
    """The cluster gives it up after some deaths; it is looked at once more here, in a process of its own."""
    safe = FormFinder([pipe.OWN[0]])
    wanted = Wanted(find_form=fates.Deadly(safe, {F2019.key: "die"}), lean=True)
    with dask.get_client() as client:
        found = check_many(doomed, wanted, Workers(3, client.get_executor(pure=False)))
    plain = check_many(doomed, Wanted(find_form=safe, lean=True))
    (lost,) = (at for at, one in enumerate(found) if one != plain[at])
    assert [finding.code for finding in found[lost].findings] == ["F012"]
    assert plain[lost].filing.form_key == F2019.key


@needs_dask
def test_nobody_at_the_address_is_one_sentence(county):
    done = piped(["check", str(county), "--scheduler", "tcp://127.0.0.1:9"], county.parent, "utf-8")
    (said,) = done.stderr.decode("utf-8").splitlines()
    assert done.returncode == 3 and "连不上" in said


def test_without_dask_the_option_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"xltools\[dask\]"), cluster("tcp://127.0.0.1:8786"):
        pass


def test_another_version_over_there_is_refused():
    from xltools.parallel import _do_elsewhere

    with pytest.raises(XltoolsError, match="同一版本"):
        _do_elsewhere(("0.0.0", pickle.dumps(fates.toy)), [1])


# ---- which files


def test_everything_below_a_folder_is_listed_whichever_way_the_folder_is_named(tmp_path, monkeypatch):
    """Files at any depth and links to them; of folders only what is called a workbook; nothing behind a link to a folder."""
    for name in (
        "甲.xlsx",
        ".隐.txt",
        "乡 镇/乙.XLSX",
        "乡 镇/山/丙",
        "乡 镇/套.xlsx/里面.xlsx",
        "别处/丁.xlsx",
    ):
        (tmp_path / "收件" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "收件" / name).write_bytes(b"")
    shutil.move(tmp_path / "收件" / "别处", tmp_path)
    (tmp_path / "收件" / "空").mkdir()
    (tmp_path / "收件" / "断.xlsx").symlink_to(tmp_path / "没有")
    (tmp_path / "收件" / "连.xlsx").symlink_to(tmp_path / "别处" / "丁.xlsx")
    (tmp_path / "收件" / "夹").symlink_to(tmp_path / "别处")
    expected = [".隐.txt", "乡 镇/乙.XLSX", "乡 镇/套.xlsx", "乡 镇/套.xlsx/里面.xlsx", "乡 镇/山/丙",
                "断.xlsx", "甲.xlsx", "连.xlsx"]  # fmt: skip
    monkeypatch.chdir(tmp_path / "收件")
    for folder in (tmp_path / "收件", Path("../收件"), Path(), Path("乡 镇/..")):
        found = sources([folder])
        assert sorted(one.name for one in found) == sorted(expected)
        assert all(one.path == folder / one.name for one in found)

"""A roll-up on the disk is the old one or the new one, whole, whatever happens in between.

Kills, full disks and second runs are tried on real processes; XLTOOLS_SLOW=1 kills ten times as often.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import helpers_pipe as pipe
import pytest

from xltools import Unit, check, load_form, merge, write_rollup, write_template
from xltools.cli import main
from xltools.errors import BusyError, UsageError, WriteError
from xltools.guarding import Output, guard
from xltools.merging import leaves_of
from xltools.result import MergeResult
from xltools.rollup import roll_up
from xltools.saving import BESIDE, recount, save_rollup
from xltools.writing import files, running
from xltools.writing.files import clear_debris, write_whole
from xltools.writing.running import LOCK, MACHINE, TOKEN, only_run

ROOT = Path(__file__).parents[1]
FORM = load_form("gov-info-disclosure/2021")
COUNTY = Unit(name="示例县", code="X1", level="county")
KILLS = 200 if os.environ.get("XLTOOLS_SLOW") else 20
ENVIRONMENT = {
    **os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """Two states of a county's folder: before and after one unit sent its report again."""
    folders = []
    for state, seeds in enumerate(((1, 2), (1, 9))):
        folder = tmp_path_factory.mktemp(f"收件{state}")
        for number, seed in enumerate(seeds):
            unit = Unit(name=f"示例{number}镇", code=f"U{number}", parent="示例县")
            (folder / f"{number}.xlsx").write_bytes(write_template(FORM, unit, 2023, pipe.seeded(FORM, seed)))
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def results(received):
    return [merge(check([folder]), unit=COUNTY) for folder in received]


@pytest.fixture
def whole(results, tmp_path):
    """The bytes of the two roll-ups, for a workbook that lies in the folder of the test."""
    return [write_rollup(result, tmp_path) for result in results]


def words(folder, out):
    return ["merge", str(folder), "-o", str(out), "--unit", "示例县", "--code", "X1", "--quiet"]


def command(folder, out):
    return [sys.executable, "-m", "xltools", *words(folder, out)]


def run(folder, out, **more):
    return subprocess.run(
        command(folder, out), env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=120, **more
    )


def in_process(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["xltools", *args])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr()


def ours_left(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".xltools")]


# ---- kills


@posix
def test_a_kill_at_any_moment_leaves_the_old_roll_up_or_the_new_one(received, whole, tmp_path):
    out = tmp_path / "汇总.xlsx"
    assert run(received[0], out).returncode == 0 and out.read_bytes() == whole[0]
    started = time.monotonic()  # of the second run: the first may have to compile
    assert run(received[0], out).returncode == 0
    lasts = time.monotonic() - started
    chance, now, killed = random.Random(12), 0, 0
    for number in range(KILLS):
        process = subprocess.Popen(
            command(received[1 - now], out),
            env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(lasts * chance.uniform(0 if number % 2 else 0.6, 1.05))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            killed += 1
        else:
            lasts *= 0.9  # it was measured while the machine was busier
        stands = out.read_bytes()
        assert stands in (whole[now], whole[1 - now])
        now = whole.index(stands)
    assert killed > KILLS // 2
    done = run(received[1 - now], out)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == whole[1 - now] and os.listdir(tmp_path) == [out.name]


KILLED_AT_STEP = """
import os, signal, sys
step, seen = int(sys.argv.pop(1)), 0
def hook(event, args):
    global seen
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if (writes and ".xltools" in str(args[0])) or event in ("os.rename", "os.remove", "os.chmod"):
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from xltools.cli import main
main()
"""


@posix
def test_a_kill_before_each_step_on_the_disk_is_made_good_by_the_next_run(received, whole, tmp_path):
    out = tmp_path / "汇总.xlsx"
    out.write_bytes(whole[0])
    stood = []
    for step in range(1, 30):
        left = subprocess.run(
            [sys.executable, "-c", KILLED_AT_STEP, str(step), *words(received[1], out)], env=ENVIRONMENT,
        ).returncode  # fmt: skip
        stood.append(whole.index(out.read_bytes()))
        if left == 0:
            break
        assert left == -signal.SIGKILL
        out.write_bytes(whole[0])
    assert 5 <= step < 29 and stood == sorted(stood) and set(stood) == {0, 1}
    assert os.listdir(tmp_path) == [out.name]  # what ten killed runs left is gone


# ---- full disks


def rooms(most):
    return [0, 1_000, most // 2, most - 1]


@posix
@pytest.mark.parametrize("size", range(4))
def test_a_file_that_may_not_grow_leaves_the_old_roll_up(received, whole, tmp_path, size):
    import resource

    out, room = tmp_path / "汇总.xlsx", rooms(len(whole[1]))[size]
    out.write_bytes(whole[0])
    done = run(received[1], out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert done.stderr.startswith("xltools：写不进") and done.stderr.count("\n") == 1
    assert out.read_bytes() == whole[0] and os.listdir(tmp_path) == [out.name]


@posix
@pytest.mark.parametrize("size", range(4))
def test_a_full_disk_leaves_the_old_roll_up(received, results, tmp_path, size):
    disk = tmp_path / "盘"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("no small disk can be mounted here; the test before this one stands in for it")
    whole = [write_rollup(result, disk) for result in results]
    try:
        out, room = disk / "汇总.xlsx", rooms(len(whole[1]))[size]
        out.write_bytes(whole[0])
        with open(disk / "别的", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        os.truncate(disk / "别的", (disk / "别的").stat().st_size - room // 4096 * 4096)
        done = run(received[1], out)
        assert done.returncode == 3 and "磁盘满了" in done.stderr and done.stderr.count("\n") == 1
        assert out.read_bytes() == whole[0] and sorted(os.listdir(disk)) == ["别的", out.name]
        (disk / "别的").unlink()
        assert run(received[1], out).returncode == 0 and out.read_bytes() == whole[1]
    finally:
        subprocess.run(["umount", disk], check=True)


# ---- open in another program


def held(out):
    """os.replace as Windows has it while Excel holds a file open."""
    true_replace = os.replace

    def replace_(source, target):
        if Path(target) == out:
            raise PermissionError(13, "being used by another process", str(target))
        true_replace(source, target)

    return replace_


def test_a_roll_up_that_is_open_gets_a_copy_beside_it(received, whole, tmp_path, monkeypatch, capsys):
    out = tmp_path / "汇总.xlsx"
    out.write_bytes(whole[0])
    monkeypatch.setattr(os, "replace", held(out))
    monkeypatch.setattr(files, "_PATIENCE", (0,))
    for copy in (f"汇总（{BESIDE}）.xlsx", f"汇总（{BESIDE}2）.xlsx"):  # the first may be open by now
        code, said = in_process(monkeypatch, capsys, *words(received[1], out))
        assert code == 3 and copy in said.err and "正被别的程序打开" in said.err
        assert str(tmp_path / copy) in said.out
        assert out.read_bytes() == whole[0] and (tmp_path / copy).read_bytes() == whole[1]
    assert ours_left(tmp_path) == []


def test_what_holds_a_file_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    path, true_replace, calls = tmp_path / "a.xlsx", os.replace, []
    path.write_bytes(b"old")

    def busy_once(source, target):
        calls.append(target)
        if len(calls) == 1:
            raise PermissionError(13, "scanned for viruses")
        true_replace(source, target)

    monkeypatch.setattr(os, "replace", busy_once)
    assert write_whole(path, b"new") == path and path.read_bytes() == b"new"


def test_another_file_that_is_open_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "退回.xlsx"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", held(path))
    with pytest.raises(WriteError, match="正被别的程序打开"):
        write_whole(path, b"new")
    assert os.listdir(tmp_path) == [path.name] and path.read_bytes() == b"old"


# ---- read back before it counts


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_a_roll_up_of_every_form_reads_back_as_it_was_added_up(key, tmp_path):
    form, year = load_form(key), pipe.year_of(load_form(key))
    for number in range(3):
        unit = Unit(name=f"示例{number}镇", code=f"U{number}")
        answers = pipe.seeded(form, number)
        texts = dict.fromkeys(answers.texts, "  =1+1\n@说明 " + "长" * 200)
        data = write_template(form, unit, year, replace(answers, texts=texts))
        (tmp_path / f"{number}.xlsx").write_bytes(data)
    checked = check([tmp_path], forms=pipe.OWN)
    leaves = [leaf for one in checked.filings for leaf in leaves_of(one)]  # whatever their own rules say
    result = MergeResult(checked, (True, True, True), roll_up(form, year, leaves, unit=COUNTY))
    out = tmp_path / "汇总.xlsx"
    assert save_rollup(out, write_rollup(result), result.rollup) == out


def test_a_workbook_that_differs_in_one_figure_or_unit_is_not_put_in_place(results, whole, tmp_path):
    out = tmp_path / "汇总.xlsx"
    save_rollup(out, whole[0], results[0].rollup)
    rollup = results[1].rollup
    first, *others = rollup.leaves
    item = next(item.id for item in FORM.inputs if item.type == "money")
    changes = [
        replace(first, inputs={**first.inputs, item: Decimal("0.000001")}),
        replace(first, inputs={**first.inputs, item: None}),
        replace(first, sha256="0"),
        replace(first, unit=replace(first.unit, name="别的镇")),
    ]
    for leaf in changes:
        with pytest.raises(WriteError, match="不一致"):
            save_rollup(out, whole[1], replace(rollup, leaves=(leaf, *others)))
    with pytest.raises(WriteError, match="不一致"):
        save_rollup(out, whole[1], replace(rollup, leaves=tuple(others)))
    assert out.read_bytes() == whole[0] and os.listdir(tmp_path) == [out.name]


def test_a_sum_that_a_person_would_see_wrong_is_not_put_in_place(results, whole):
    slot = pipe.slot(FORM, "applications.new.total")
    shown = results[0].rollup.figures[slot.item.id]

    def wrong(text):
        return text.replace(f"</f><v>{shown}</v>", f"</f><v>{shown + 1}</v>")

    from test_pipe import zip_edit

    with pytest.raises(WriteError, match=f"{slot.address} 是 {shown + 1}，应为 {shown}"):
        recount("汇总.xlsx", zip_edit(whole[0], wrong), results[0].rollup)


@pytest.mark.parametrize("damage", ["cut short", "one byte", "not a roll-up", "nothing"])
def test_what_cannot_be_read_back_is_not_put_in_place(results, whole, damage):
    at = len(whole[0]) // 2
    data = {
        "cut short": whole[0][:-100],
        "one byte": whole[0][:at] + bytes([whole[0][at] ^ 255]) + whole[0][at + 1 :],
        "not a roll-up": pipe.filled(FORM),
        "nothing": b"",
    }[damage]
    with pytest.raises(WriteError, match="没有替换原来的文件"):
        recount("汇总.xlsx", data, results[0].rollup)


def test_a_disk_that_gives_back_something_else_is_found_out(tmp_path, monkeypatch):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda handle: os.ftruncate(handle, 1))
    with pytest.raises(WriteError, match="请检查磁盘"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]


# ---- what may not be written over


def test_a_roll_up_is_never_written_over_what_a_unit_sent_or_what_is_read(received, whole, tmp_path):
    sent, roster, earlier = tmp_path / "1.xlsx", tmp_path / "名单.csv", tmp_path / "汇总.xlsx"
    sent.write_bytes((received[0] / "1.xlsx").read_bytes())
    roster.write_text("单位名称\n示例1镇\n", "utf-8")
    earlier.write_bytes(whole[0])
    with pytest.raises(UsageError, match="是一份报表"):
        guard([Output("-o", sent)], [None])
    with pytest.raises(UsageError, match="要读的文件"):
        guard([Output("-o", roster)], [roster])
    with pytest.raises(UsageError, match="要读的文件"):
        guard([Output("-o", earlier)], [None, earlier])
    guard([Output("-o", earlier)], [roster])
    guard([Output("-o", tmp_path / "新.xlsx")])


# ---- two runs on one folder


def lock(folder, **changes):
    said = {
        "pid": os.getpid(),
        "machine": MACHINE,
        "name": "甲",
        "token": TOKEN,
        "since": "2024-01-05 09:30:00",
    }
    (folder / LOCK).write_text(json.dumps({**said, **changes}), "utf-8")


def dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_second_run_on_a_folder_says_so_and_changes_nothing(received, whole, tmp_path):
    out = tmp_path / "汇总.xlsx"
    out.write_bytes(whole[0])
    with only_run(tmp_path):
        done = run(received[1], out)
    assert done.returncode == 3 and out.read_bytes() == whole[0]
    assert "另一个 xltools 正在运行" in done.stderr and f"进程 {os.getpid()}" in done.stderr
    assert run(received[1], out).returncode == 0 and out.read_bytes() == whole[1]


def test_of_two_runs_started_together_the_roll_up_is_whole(received, whole, tmp_path):
    out = tmp_path / "汇总.xlsx"
    both = [subprocess.Popen(command(folder, out), env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, encoding="utf-8") for folder in received]  # fmt: skip
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes and set(codes) <= {0, 3} and out.read_bytes() in whole
    assert all("正在运行" in words for words, code in zip(said, codes, strict=True) if code == 3)
    assert os.listdir(tmp_path) == [out.name]


STALE = {
    "of a dead process": lambda folder: lock(folder, pid=dead()),
    "of a process with our number that was not us": lambda folder: lock(folder, token="0" * 8),
    "cut short long ago": lambda folder: ((folder / LOCK).write_bytes(b""), os.utime(folder / LOCK, (0, 0))),
    "nonsense": lambda folder: ((folder / LOCK).write_bytes(b"[1]"), os.utime(folder / LOCK, (0, 0))),
}
HELD = {
    "by ourselves": lock,
    "by another process": lambda folder: lock(folder, pid=os.getppid(), token="0" * 8),
    "on another machine": lambda folder: lock(folder, machine="0" * 8, pid=dead()),
    "just being written": lambda folder: (folder / LOCK).write_bytes(b""),
}


@pytest.mark.parametrize("name", STALE)
def test_a_lock_left_behind_is_taken_over(tmp_path, name):
    STALE[name](tmp_path)
    with only_run(tmp_path):
        assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", HELD)
def test_a_lock_that_is_held_is_respected_and_left_alone(tmp_path, name):
    HELD[name](tmp_path)
    before = (tmp_path / LOCK).read_bytes()
    with pytest.raises(BusyError, match="正在运行"), only_run(tmp_path):
        pass
    assert (tmp_path / LOCK).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_lock_of_a_killed_run_that_nobody_has_asked_after_is_taken_over(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = tmp_path / running.LOCK
    lock.write_text(
        json.dumps({"pid": child.pid, "machine": running.MACHINE, "name": "x", "token": "x", "since": "x"})
    )
    with pytest.raises(BusyError), running.only_run(tmp_path):
        pass
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is over, and is left as it is
    with running.only_run(tmp_path):
        assert lock.exists()
    assert not lock.exists()
    child.wait()


def test_a_lock_that_comes_alive_between_two_looks_stays(tmp_path, monkeypatch):
    lock(tmp_path, pid=dead())
    true_link = os.link

    def overtaken(source, target):
        lock(tmp_path, pid=os.getppid())
        true_link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    with pytest.raises(BusyError), only_run(tmp_path):
        pass
    assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getppid() and os.listdir(tmp_path) == [
        LOCK
    ]


@pytest.mark.parametrize("has_links", [True, False])
def test_who_died_over_a_dead_lock_is_in_nobodys_way(tmp_path, monkeypatch, has_links):
    """Killed after claiming it, two of them one after the other."""
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "no links")))
    lock(tmp_path, pid=dead())
    found = (tmp_path / LOCK).read_bytes()
    said = json.dumps({**json.loads(found), "pid": dead()}).encode()
    for about in (found, found + said):
        (tmp_path / f"{LOCK}.{hashlib.sha256(about).hexdigest()[:16]}").write_bytes(said)
    with only_run(tmp_path):
        assert os.listdir(tmp_path) == [LOCK]
    assert os.listdir(tmp_path) == []


def contend(folder, barrier, rounds, log):
    running.TOKEN = f"{os.getpid():08x}"[-8:]
    for number in range(rounds):
        barrier.wait()
        with contextlib.suppress(BusyError), only_run(folder):
            log.put((number, time.monotonic(), "in"))
            time.sleep(0.002)
            log.put((number, time.monotonic(), "out"))
        barrier.wait()
        with contextlib.suppress(FileExistsError), open(folder / LOCK, "x", encoding="utf-8") as file:
            json.dump({"pid": 2**22 + 1, "machine": MACHINE, "name": "", "token": "", "since": ""}, file)


@posix
def test_of_many_that_find_a_dead_lock_one_at_a_time_gets_in(tmp_path):
    fork, workers, rounds = multiprocessing.get_context("fork"), 4, 50
    barrier, log = fork.Barrier(workers), fork.Queue()
    processes = [fork.Process(target=contend, args=(tmp_path, barrier, rounds, log)) for _ in range(workers)]
    for process in processes:
        process.start()
    seen = []
    while any(process.is_alive() for process in processes) or not log.empty():
        with contextlib.suppress(Exception):
            seen.append(log.get(timeout=0.1))
    assert all(process.exitcode == 0 for process in processes)
    order = [what for _, _, what in sorted(seen)]
    assert order == ["in", "out"] * (len(order) // 2) and {number for number, *_ in seen} == set(
        range(rounds)
    )


# ---- debris


def test_what_dead_runs_left_is_cleared_and_nothing_else(tmp_path):
    gone = [
        f".xltools-{MACHINE}-{dead()}-{'0' * 8}-abc.tmp",
        f".xltools-{MACHINE}-{os.getpid()}-{'0' * 8}-abc.tmp",
    ]
    kept = [
        f".xltools-{MACHINE}-{os.getpid()}-{TOKEN}-abc.tmp",  # ours, at this moment
        f".xltools-{MACHINE}-{os.getppid()}-{'0' * 8}-abc.tmp",
        f".xltools-{'0' * 8}-{dead()}-{'0' * 8}-abc.tmp",  # on another machine, of which we know nothing
        ".xltools-notes.tmp",
        "汇总.xlsx",
        "~$汇总.xlsx",
    ]
    for name in (*gone, *kept):
        (tmp_path / name).write_bytes(b"")
    clear_debris(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    files._clear_once.cache_clear()
    (tmp_path / gone[0]).write_bytes(b"")
    write_whole(tmp_path / "a", b"")
    assert not (tmp_path / gone[0]).exists()

"""The commands of a collection round, registered by cli.py: parse → call → print → exit."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xltools.console import (
    ChineseCommand,
    ShortFormat,
    complain,
    progress,
    say,
    say_all,
    say_json,
    stdin_lines,
)
from xltools.errors import UsageError

if TYPE_CHECKING:
    from xltools.lastyear import LastYear
    from xltools.rounds.folder import Round
    from xltools.workers import Workers

CLEAN, OPEN, TROUBLE = 0, 1, 3

Quiet = Annotated[bool, typer.Option("--quiet", help="不显示进度")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="个数", min=1, help="用几个进程同时核对；不写时按文件多少自动定"),
]
UnitName = Annotated[str, typer.Argument(metavar="单位", help="单位名称或代码")]
Number = Annotated[int, typer.Argument(metavar="次", help="第几次报送")]
Reason = Annotated[str, typer.Option("--reason", metavar="原因", help="为什么；记进台账")]
Undo = Annotated[bool, typer.Option("--undo", help="取消")]
LastFile = Annotated[
    Path | None, typer.Option("--last", metavar="文件", help="上年的报表、放它们的文件夹，或上年汇总表")
]


def register(app: typer.Typer) -> None:
    for name, command in (
        ("init", init_command),
        ("dispatch", dispatch_command),
        ("collect", collect_command),
        ("status", status_command),
        ("log", log_command),
        ("pin", pin_command),
        ("void", void_command),
        ("close", close_command),
        ("verify-archive", verify_archive_command),
    ):
        app.command(name, cls=ChineseCommand)(command)


def init_command(
    folder: Annotated[Path, typer.Argument(metavar="文件夹", help="收报用的文件夹，没有就新建")],
    form: Annotated[
        str | None,
        typer.Option("--form", metavar="报表", help="例如 gov-info-disclosure/2021，或 .toml 文件"),
    ] = None,
    year: Annotated[int | None, typer.Option("--year", metavar="年", help="报告年度")] = None,
    units: Annotated[
        Path | None,
        typer.Option("--units", metavar="名单", help="单位名单（.xlsx 或 .csv）；没有就给一张空的来填"),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="名称", help="收表单位名称")] = None,
    code: Annotated[str | None, typer.Option("--code", metavar="代码", help="收表单位代码")] = None,
    level: Annotated[
        str | None,
        typer.Option("--level", metavar="级别", help="town、county（不写时）、city、province"),
    ] = None,
    due: Annotated[str | None, typer.Option("--due", metavar="日期", help="截止日期，如 2022-01-31")] = None,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="另做一把核验密钥：没有台账的上级也能核对签发号")
    ] = False,
) -> None:
    """建一个收报的文件夹：设置、单位名单、台账，和 01下发 02收件 03退回 04汇总。没写的选项按环境变量 XLTOOLS_FORM、XLTOOLS_YEAR、XLTOOLS_COUNTY（收表单位）、XLTOOLS_DUE 等。"""
    import secrets

    from xltools.rounds.folder import init_round
    from xltools.rounds.settings import given_settings

    given = {"form": form, "year": year, "county": unit, "code": code, "level": level, "due": due}
    key = f"{secrets.token_urlsafe(32)}\n".encode() if with_key else None
    for path in init_round(folder, given_settings(given), roster=units, key=key):
        say(str(path))


def dispatch_command(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="单位…", help="只给这些单位；不写就是名单里的全部")
    ] = None,
    last: LastFile = None,
    zip_each: Annotated[bool, typer.Option("--zip-each", help="另给每个单位打一个压缩包")] = False,
    zip_all: Annotated[bool, typer.Option("--zip-all", help="另打一个全部的压缩包")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说要做什么，什么也不写")] = False,
    quiet: Quiet = False,
) -> None:
    """给名单上每个单位做一份有签发号的模板，放在 01下发；没有变的跳过。退出码：1 有人改过的，没有盖掉。"""
    from xltools.reporting.text import table
    from xltools.rounds.handing_out import dispatch, left_over, pack_all, pack_each

    with looking() if dry_run else working() as round_, progress(quiet, "写模板") as show:
        before = last_year(last, round_)
        for name in left_over(round_):
            complain(f"01下发 里的“{name}”是改名前的，或单位已不在名单上；不要再发，可以删去。")
        handed = dispatch(round_, only=only or (), last=before, dry_run=dry_run, progress=show)
        say_all(table(("单位", "文件", "做了什么" if not dry_run else "要做什么"),
                      [(one.unit.name, one.file, one.words) for one in handed]))  # fmt: skip
        written, touched = sum(one.is_written for one in handed), sum(one.is_touched for one in handed)
        left = f"，有人改过的 {touched} 份" if touched else ""
        same = len(handed) - written - touched
        say(f"共 {len(handed)} 份：{'要写' if dry_run else '写了'} {written} 份，没有变的 {same} 份{left}。")
        for pack in (
            () if dry_run else [pack for pack, asked in ((pack_each, zip_each), (pack_all, zip_all)) if asked]
        ):
            say_all(str(path) for path in pack(round_, handed))
    raise typer.Exit(OPEN if touched else CLEAN)


def collect_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="来源…",
            help="文件、文件夹、压缩包（.zip）、邮件（.eml）；- 是从标准输入读路径，每行一个，可带引号；不写就是 02收件",
        ),
    ] = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """收件：存原件、记台账、核对、编第几次报送；来源里的东西不动。退出码：0 都通过，1 有要处理的。"""
    from xltools.reporting.text import one_line, table
    from xltools.rounds.collecting import collect, is_there
    from xltools.rounds.folder import IN
    from xltools.workers import Workers

    with working() as round_, progress(quiet, "收件") as show:
        named, listed = _paths(sources) if sources else ([round_.folder / IN], [])
        missing = [path for path in listed if not is_there(path)]
        there = [*named, *(path for path in listed if path not in missing)]
        batch = collect(round_, there, progress=show, workers=Workers(jobs))
    for path in missing:
        complain(f"清单里的“{path}”找不到，跳过了。")
    if batch.came:
        rows = [
            (one_line(one.name), one.unit, one.outcome.words if one.outcome else "重复", one_line(one.words))
            for one in batch.came
        ]
        say_all(table(("文件", "单位", "结果", ""), rows))
    for words in batch.notices:
        complain(words)
    passed = f"，先前收过的 {batch.known} 个" if batch.known else ""
    say(f"收了 {len(batch.came)} 个文件{passed}。")
    raise typer.Exit(OPEN if batch.is_open or missing else CLEAN)


def _paths(sources: list[str]) -> tuple[list[Path], list[Path]]:
    """The paths that were named, and those of the list on stdin."""
    listed = [path for line in stdin_lines() if (path := _unquoted(line))] if "-" in sources else []
    return [Path(source) for source in sources if source != "-"], [Path(path) for path in listed]


def _unquoted(line: str) -> str:
    """A path on a line of its own, as Windows copies one: in quotes.

    >>> _unquoted('\\ufeff"C:\\\\收件\\\\甲镇 报表.xlsx"\\r')
    'C:\\\\收件\\\\甲镇 报表.xlsx'
    """
    path = line.strip("\ufeff \t\r\n")
    return path[1:-1].strip() if len(path) > 1 and path[0] + path[-1] in ('""', "''", "“”") else path


def status_command(
    no_files: Annotated[bool, typer.Option("--no-files", help="只在这里显示，不写看板等文件")] = False,
    format: Annotated[
        ShortFormat, typer.Option("--format", help="输出格式；json 不写文件")
    ] = ShortFormat.text,
    quiet: Quiet = False,
) -> None:
    """看板：各单位到了哪一步；另写 看板.xlsx、看板.html、催报名单.xlsx、催报文字.txt。退出码：0 都通过了，1 还有没办完的。"""
    from xltools.reporting import json
    from xltools.reporting.board import board_document, board_report, write_board_files
    from xltools.rounds.board import read_board
    from xltools.rounds.telling import told_again

    board, code = read_board(here()), CLEAN
    for words in board.notices:
        complain(words)
    if format is ShortFormat.json:
        say_json(json.dump(board_document(board)))
    else:
        say_all(board_report(board))
    if format is ShortFormat.text and not no_files:
        with progress(quiet, "核对") as show:
            placed = write_board_files(board, told_again(board, progress=show))
        say(f"写了 {'、'.join(wanted.name for wanted, _ in placed)}，在 {board.folder}。")
        for wanted, at in placed:
            if at != wanted:
                complain(f"{wanted.name} 正被别的程序打开，没有替换；这次的另存为 {at.name}。")
                code = TROUBLE
    raise typer.Exit(code or (OPEN if board.is_open else CLEAN))


def log_command(unit: UnitName) -> None:
    """一个单位从下发到汇总的每一步：时间、状态、原因、文件。"""
    from xltools.reporting.text import one_line, table
    from xltools.rounds.board import read_board, unit_called
    from xltools.rounds.chasing import shift_words, state_words, time_words

    board = read_board(here())
    one = unit_called(board, unit)
    code = f"（{one.unit.code}）" if one.unit.code else ""
    say(f"{one_line(one.unit.name)}{code}：{state_words(one, board)}")
    rows = [
        (time_words(event.at), event.state.value, one_line(event.cause), one_line(event.file))
        for event in one.events
    ]
    say_all(table(("时间", "状态", "原因", "文件"), rows))
    for receipt in one.receipts:
        if receipt.late and receipt.effect is not None and receipt.effect.shifts:
            say(f"封存后收到的{receipt.title}如果计入，汇总数会变的：")
            say_all(f"  {one_line(shift_words(shift))}" for shift in receipt.effect.shifts)


def pin_command(unit: UnitName, number: Number, reason: Reason, undo: Undo = False) -> None:
    """选定一个单位的某次报送：以后再来的也不替换它。"""
    _choose(unit, number, reason, void=False, undo=undo)


def void_command(unit: UnitName, number: Number, reason: Reason, undo: Undo = False) -> None:
    """作废一个单位的某次报送：留着，不再算数。"""
    _choose(unit, number, reason, void=True, undo=undo)


def _choose(unit: str, number: int, reason: str, *, void: bool, undo: bool) -> None:
    from xltools.rounds.collecting import choose

    with working() as round_:
        said = choose(round_, unit, number, reason, void=void, undo=undo)
    say(said)


def close_command(
    anyway: Annotated[
        str, typer.Option("--anyway", metavar="原因", help="还有没办完的也封存；原因写进封存的压缩包")
    ] = "",
    last: LastFile = None,
    quiet: Quiet = False,
) -> None:
    """封存这一轮：汇总表、全部原件、核对结果、台账和看板打成一个压缩包，核对无误后不再改动。退出码：1 还有没办完的。"""
    from xltools.reporting.papers import papers
    from xltools.reporting.text import one_line
    from xltools.rounds.closing import look_through, seal

    with working() as round_, progress(quiet, "核对") as show:
        sealing = look_through(round_, last=last_year(last, round_), progress=show)
        if sealing.open_words and not anyway.strip():
            complain(f"还有 {len(sealing.open_words)} 个没办完，没有封存：")
            say_all(f"  {one_line(words)}" for words in sealing.open_words)
            complain("办完再封存；确实要现在封存的，用 --anyway 写明原因。")
            raise typer.Exit(OPEN)
        closing = seal(sealing, papers, reason=anyway, progress=show)
    for words in sealing.open_words:
        complain(f"没办完就封存了：{one_line(words)}")
    say(f"封存在 {closing.file}，读回来核对过了：{len(sealing.rollup.leaves)} 个单位的数和原件一致。")
    say(f"压缩包的 SHA-256：{closing.sha256}")


def verify_archive_command(
    archive: Annotated[Path, typer.Argument(metavar="封存.zip", help="close 写出的压缩包")],
    quiet: Quiet = False,
) -> None:
    """核对封存的压缩包：一个文件不多不少不改，汇总表由里面的原件重新加出来一样。退出码：0 都对，1 有不对的。"""
    from xltools.reporting.text import one_line
    from xltools.rounds.chasing import time_words
    from xltools.rounds.verifying import verify_archive

    with progress(quiet, "核对") as show:
        verdict = verify_archive(archive, progress=show)
    said = verdict.statement
    if said is not None:
        say(f"{one_line(f'{said.county} {said.title}').strip()}，{time_words(said.closed_at)} 封存")
        if said.reason:
            say(f"没办完就封存的原因：{one_line(said.reason)}")
    if verdict.fault:
        say(f"不对：{one_line(verdict.fault)}")
        raise typer.Exit(OPEN)
    say(f"都对：{verdict.files} 个文件和清单一致，{verdict.units} 个单位的原件重新核对、汇总，和汇总表一致。")
    held = "和台账里记的一样" if verdict.is_noted else "可与封存时记下的对照"
    say(f"压缩包的 SHA-256：{verdict.sha256}（{held}）")


# ---- what the commands share with check, return and merge


def here() -> Path:
    """The working folder around the current one."""
    from xltools.rounds.settings import FILE, find_folder

    folder = find_folder(Path.cwd())
    if folder is None:
        raise UsageError(f"这里不是收报的文件夹（往上也没有 {FILE}）；先用 init 建一个，或写明文件。")
    return folder


@contextlib.contextmanager
def working() -> Iterator["Round"]:
    """The round of the working folder, held for this run; what changed around it is said first."""
    from xltools.rounds.folder import open_round

    with open_round(here()) as round_:
        for words in round_.notices:
            complain(words)
        yield round_


@contextlib.contextmanager
def looking() -> Iterator["Round"]:
    """The round of the working folder, in which nothing is written."""
    from xltools.rounds.folder import look_into

    with look_into(here()) as round_:
        for words in round_.notices:
            complain(words)
        yield round_


def last_year(path: Path | None, round_: "Round") -> "LastYear | None":
    return round_.last_in(path) if path is not None else None


def refuse_options(**options: object) -> None:
    """A round knows its form, year and roster; another for one run would set everybody's state by it."""
    for name, value in options.items():
        if value:
            raise UsageError(
                f"在收报的文件夹里不写文件时，按 xltools.toml 来，不能写 --{name}；要改就改那个文件。"
            )


def refuse_scheduler(address: str | None) -> None:
    if address is not None:
        raise UsageError("--scheduler 只用于写明的文件；在收报的文件夹里不写文件时，请用 --jobs。")


def check_here(last: Path | None, quiet: bool, workers: "Workers") -> Any:
    from xltools.rounds.working import check_round

    with working() as round_, progress(quiet, "核对") as show:
        return check_round(round_, last=last_year(last, round_), progress=show, workers=workers)


def return_here(
    out: Path | None, last: Path | None, quiet: bool, workers: "Workers"
) -> tuple[Any, list[Any], Path]:
    """The checked reports, a row per file that goes back, and where it was written."""
    from xltools.reporting.notice import write_returns
    from xltools.returning import go_back, send_back
    from xltools.rounds.folder import BACK, own_forms
    from xltools.rounds.working import Returns, check_round, issue_numbers

    with working() as round_, progress(quiet, "核对") as show:
        before = last_year(last, round_) or round_.last
        result = check_round(round_, last=before, lean=False, progress=show, workers=workers)
        show.begin("写退回的表")
        folder, numbers = out or round_.folder / BACK, issue_numbers(round_)
        returns = Returns(round_, folder)
        own = own_forms(round_.settings, round_.folder)
        backs = send_back(
            result, forms=own, form=own[0] if own else round_.form.key, year=round_.settings.year, last=before,
            issue_of=lambda unit: numbers.get(unit.key),
        )  # fmt: skip
        backs = show.counted(backs, len(go_back(result)))
        rows = write_returns(returns.noted(backs), folder)
        returns.record()
        for name in returns.left_over():
            complain(f"{folder.name} 里的“{name}”是先前退回的，现在不用退了；不要再发，可以删去。")
    return result, rows, folder


def check_round(
    round_: "Round", last: "LastYear | None", progress: Callable[[int, int], None], workers: "Workers"
) -> Any:
    from xltools.rounds.working import check_round

    return check_round(round_, last=last, progress=progress, workers=workers)


def rollup_path(round_: "Round") -> Path:
    from xltools.rounds.working import rollup_path

    return rollup_path(round_)


def record_merge(round_: "Round", result: Any, written: Path) -> None:
    from xltools.rounds.working import record_merge

    record_merge(round_, result, written)


def key_in(path: Path | None) -> bytes | None:
    """The key in a file named on the command line."""
    if path is None:
        return None
    from xltools.rounds.folder import read_key

    key = read_key(path)
    if key is None:
        raise UsageError(f"找不到：{path}")
    return key

"""The command line: parse → call → print → exit.

Exit codes: 0 clean · 1 something is open · 2 usage · 3 a file or the environment.  Data on stdout, progress
and complaints on stderr; what a command needs is loaded when it runs.  Annotations are no texts here, since typer
would evaluate those of every command twice at each start.
"""

import atexit
import contextlib
import gc
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xltools import cli_forms, cli_round
from xltools.console import (
    ChineseCommand,
    ChineseGroup,
    ShortFormat,
    close_streams,
    complain,
    hang_up,
    in_chinese,
    open_streams,
    progress,
    say,
    say_all,
    say_csv,
    say_json,
    stand_in,
    usage_words,
)
from xltools.errors import UsageError, XltoolsError, system_words

if TYPE_CHECKING:
    from xltools.answers import Answers
    from xltools.lastyear import LastYear
    from xltools.problems import Transfer
    from xltools.roster import Roster, Unit
    from xltools.subset import Subset
    from xltools.workers import Workers

CLEAN, OPEN, USAGE, TROUBLE = 0, 1, 2, 3
INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="xltools",
    cls=ChineseGroup,
    help="县里收报表的工具：发锁好的模板，收回来核对，汇总成表。",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_forms.forms_app, name="forms")


class Format(StrEnum):
    text = "text"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="文件或文件夹…",
        help="收回来的工作簿，或放它们的文件夹，或网址（s3:// 等，要另装）；在收报的文件夹里可以不写，就是现在算数的那些",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="地址", help="交给 dask 集群核对，例如 tcp://10.0.0.1:8786；要另装 dask"
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="文件",
        envvar="XLTOOLS_KEY",
        show_envvar=False,
        help="核验密钥：核对签发号后面的核验码",
    ),
]
Units = Annotated[Path | None, typer.Option("--units", metavar="名单", help="单位名单（.xlsx 或 .csv）")]
Last = Annotated[
    Path | None, typer.Option("--last", metavar="文件", help="上年的报表、放它们的文件夹，或上年汇总表")
]
Forms = Annotated[
    list[str] | None,
    typer.Option("--form", metavar="报表", help="要收的报表：目录里的名字，或自己的 .toml 文件"),
]
Year = Annotated[int | None, typer.Option("--year", metavar="年", help="要收的年度；别的年度退回")]
Strict = Annotated[bool, typer.Option("--strict", help="还有没说明的待核实问题的，不汇总")]
Quiet = Annotated[bool, typer.Option("--quiet", help="不显示进度")]
Jobs = cli_round.Jobs


# ---- commands


@app.command("template", cls=ChineseCommand)
def template_command(
    form: Annotated[str, typer.Argument(metavar="报表", help="例如 gov-info-disclosure/2021，或 .toml 文件")],
    year: Annotated[int, typer.Option("--year", metavar="年", help="报告年度")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="文件夹", help="写到哪个文件夹")],
    unit: Annotated[str | None, typer.Option("--unit", metavar="名称", help="只给一个单位")] = None,
    code: Annotated[str, typer.Option("--code", metavar="代码", help="单位代码")] = "",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="类别", help="本级、部门、乡镇街道（默认）、功能区；由汇总表填的是已汇总"
        ),
    ] = None,
    level: Annotated[
        str | None, typer.Option("--level", metavar="级别", help="town、county、city、province")
    ] = None,
    parent: Annotated[str, typer.Option("--parent", metavar="上级", help="上级单位名称")] = "",
    units: Units = None,
    last: Last = None,
    values: Annotated[
        Path | None,
        typer.Option("--values", metavar="文件", help="要预先填上的数：JSON，或本级的汇总表（.xlsx）"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """生成下发的模板：一个单位一份，或按名单每个单位一份。"""
    from xltools.forms.catalogue import load_form
    from xltools.issuing import answers_of_rollup, issue_templates, left_out, read_answers, rollup_for
    from xltools.reading.rosters import read_roster
    from xltools.reporting.text import one_line
    from xltools.roster import CONSOLIDATED

    if (unit is None) == (units is None):
        raise UsageError("--unit 和 --units 要写一个，也只能写一个。")
    made = load_form(form)
    upward = values is not None and values.suffix.lower() == ".xlsx"
    if units is not None:
        if upward:
            raise UsageError("--values 是汇总表时，填的是一个单位的报表，请用 --unit，不用 --units。")
        listed = list(read_roster(units))
        before = last_year(last, [form], None)
    else:
        if upward and kind not in (None, CONSOLIDATED):
            raise UsageError(
                f"--values 是汇总表时，填的是{CONSOLIDATED}的数，--kind 不能是{kind}；请不写 --kind。"
            )
        kind = kind or (CONSOLIDATED if upward else "乡镇街道")
        listed = [named_unit(unit or "", code, kind, level, parent)]
        before = last_year(last, [form], listed[0])
    answers: Answers | None = None
    outside: tuple[Transfer, ...] = ()
    if values is not None and upward:
        own = [form] if form.endswith(".toml") else []
        rollup = rollup_for(made, listed[0], year, values, forms=own)
        answers, outside = answers_of_rollup(rollup), left_out(rollup)
    elif values is not None:
        answers = read_answers(made, values)
    read = [units, last, values, *toml_files([form])]
    with progress(quiet, "写模板") as show:
        for done, path in enumerate(
            issue_templates(
                made, listed, year, out, answers=answers, last=before, transfers=outside, inputs=read
            ),
            1,
        ):
            show(done, len(listed))
            say(str(path))
    if outside:
        names = "、".join(one_line(f"{one.about}：{one.remark}") for one in outside)
        complain(f"汇总表里有 {len(outside)} 个单位没有计入，填好的表里没有它们的数：{names}。")


@app.command("fill", cls=ChineseCommand)
def fill_command(
    workbook: Annotated[Path, typer.Argument(metavar="工作簿", help="下发的模板，或已填过的")],
    values: Annotated[Path, typer.Argument(metavar="VALUES.json", help="要填的数和文字（JSON）")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="文件", help="写到哪个文件")],
    form: Forms = None,
) -> None:
    """把别的系统里的数填进模板；没给的保持原样，原文件不动。"""
    from xltools.guarding import Output, demand_workbook, guard
    from xltools.issuing import fill, read_answers, read_for_filling
    from xltools.writing.files import write_whole

    demand_workbook("-o", out)
    filing = read_for_filling(workbook, forms=form or ())
    guard([Output("-o", out, filing.unit)], [workbook, values, *toml_files(form)])
    assert filing.form is not None
    write_whole(out, fill(workbook, read_answers(filing.form, values), forms=form or ()))
    say(str(out))


@app.command("check", cls=ChineseCommand)
def check_command(
    paths: Paths = None,
    units: Units = None,
    last: Last = None,
    form: Forms = None,
    year: Year = None,
    key: Key = None,
    strict: Strict = False,
    format: Annotated[Format, typer.Option("--format", help="输出格式")] = Format.text,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """核对收回来的工作簿，一次列全问题。退出码：0 没有问题，1 有问题，2 用法不对，3 文件或环境不对。"""
    from xltools.workers import Workers, cluster

    if paths:
        with progress(quiet, "核对") as show, cluster(scheduler, jobs) as workers:
            result = gather_and_check(paths, units, last, form, year, show, workers, lean=True, key=key)
    else:
        cli_round.refuse_options(units=units, form=form, year=year)
        cli_round.refuse_scheduler(scheduler)
        result = cli_round.check_here(last, quiet, Workers(jobs))
    if format is Format.text:
        from xltools.reporting.text import check_report

        say_all(check_report(result))
    else:
        from xltools.reporting import json

        if format is Format.json:
            say_json(json.dump(json.check_document(result)))
        elif format is Format.jsonl:
            for line in json.check_lines(result):
                say_json(line)
        else:
            say_csv(json.check_csv(result))
    raise typer.Exit(OPEN if result.is_open else CLEAN)


@app.command("return", cls=ChineseCommand)
def return_command(
    paths: Paths = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="文件夹", help="退回的工作簿写到哪个文件夹；不写文件时默认 03退回"
        ),
    ] = None,
    units: Units = None,
    last: Last = None,
    form: Forms = None,
    year: Year = None,
    key: Key = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """把退回的、待核实的做成标好的新表，连同退回通知；收来的文件不动。退出码同 check。"""
    from xltools.reporting import text
    from xltools.reporting.notice import write_returns
    from xltools.returning import go_back, send_back
    from xltools.sources import local_places
    from xltools.workers import Workers

    if not paths:
        cli_round.refuse_options(units=units, form=form, year=year)
        result, rows, out = cli_round.return_here(out, last, quiet, Workers(jobs))
    else:
        out, here = needed(out), local_places(paths)
        if len(here) < len(paths):
            raise UsageError("return 只做本机上的文件；网址上的请先下载到文件夹里。")
        if any(path.resolve() == out.resolve() for path in here):
            raise UsageError("-o 要写另一个文件夹，不能和收件放在一起。")
        with progress(quiet, "核对") as show:
            result = gather_and_check(
                paths, units, last, form, year, show, Workers(jobs), leave_out=out, key=key
            )
            show.begin("写退回的表")
            asked = form[0] if form and len(form) == 1 else None
            before = last_year(last, form, None)
            backs = send_back(result, forms=form or (), form=asked, year=year, last=before)
            backs = show.counted(backs, len(go_back(result)))
            rows = write_returns(backs, out, [*here, units, last, key, *toml_files(form)])
    say_all(text.check_report(result))
    say_all(text.return_report(rows, str(out)))
    raise typer.Exit(OPEN if result.is_open else CLEAN)


@app.command("merge", cls=ChineseCommand)
def merge_command(
    paths: Paths = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="汇总.xlsx", help="汇总表写到哪个文件；不写文件时默认放在 04汇总"
        ),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="名称", help="汇总单位名称")] = None,
    code: Annotated[str, typer.Option("--code", metavar="代码", help="汇总单位代码")] = "",
    level: Annotated[
        str, typer.Option("--level", metavar="级别", help="town、county、city、province")
    ] = "county",
    units: Units = None,
    last: Last = None,
    form: Forms = None,
    year: Year = None,
    key: Key = None,
    strict: Strict = False,
    prefer: Annotated[
        list[str] | None,
        typer.Option(
            "--prefer", metavar="文件", help="同一单位有几份时用哪一份：文件，或 单位=文件；可写多次"
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="类别", help="只汇总这类单位，例如 部门；可写多次"),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="列=值", help="只汇总名单里这一列是这个值的单位；可写多次"),
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="单位",
            help="另写舍位副本：件数按 千 或 万，金额按 万元 或 亿元；两样都要就写两次",
        ),
    ] = None,
    places: Annotated[int, typer.Option("--places", metavar="位数", help="舍位副本保留几位小数")] = 0,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="文件夹", help="另写各单位的数和问题（csv）")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="文件", help="另写汇总数和各单位的数（JSON）")
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="文件", help="另写各单位的数（Parquet；要另装 pyarrow）"),
    ] = None,
    format: Annotated[ShortFormat, typer.Option("--format", help="输出格式")] = ShortFormat.text,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """核对并汇总；退回的、没报的不计入，列在汇总表上。退出码同 check；汇总表没能替换原表时是 3。"""
    from xltools.guarding import Output, demand_workbook, guard
    from xltools.merging import merge
    from xltools.reporting import text
    from xltools.reporting.beside import Exports
    from xltools.saving import save_rollup
    from xltools.sources import local_places
    from xltools.workers import cluster
    from xltools.writing.rollup import write_rollup
    from xltools.writing.running import only_run

    if not paths:
        cli_round.refuse_options(units=units, form=form, year=year)
        cli_round.refuse_scheduler(scheduler)
    with contextlib.ExitStack() as held, progress(quiet, "核对") as show:
        round_ = held.enter_context(cli_round.working()) if not paths else None
        if round_ is not None and not unit:
            unit, code, level = round_.settings.county, round_.settings.code, round_.settings.level
        signer = named_unit(unit, code, "已汇总", level, "") if unit else None
        if round_ is not None and out is None and (kind or where):
            # a part under the round's own name would be taken for the whole
            raise UsageError("只汇总一部分单位时，要用 -o 写明另存到哪个文件。")
        out = needed(out) if round_ is None else out or cli_round.rollup_path(round_)
        demand_workbook("-o", out)
        exports = Exports(scales=tuple(scale or ()), places=places, csv=csv, json=json_file, parquet=parquet)
        read = [
            units,
            last,
            key,
            *toml_files(form),
            *local_places(paths or ()),
            *([round_.folder] if round_ else ()),
        ]
        guard([Output("-o", out, signer), *exports.outputs(out, signer)], read)
        if round_ is None or out.absolute().parent != round_.folder:
            held.enter_context(only_run(out.absolute().parent))
        others = exports.paths(out)
        workers = held.enter_context(cluster(scheduler, jobs))
        if round_ is not None:
            before = cli_round.last_year(last, round_) or round_.last
            checked = cli_round.check_round(round_, last=before, progress=show, workers=workers)
        else:
            before = last_year(last, form, signer)
            checked = gather_and_check(
                paths or [],
                units,
                before,
                form,
                year,
                show,
                workers,
                leave_out=out,
                others=others,
                lean=True,
                key=key,
            )
        show.begin("汇总")
        only: Subset | None = None
        if kind or where:
            from xltools.subset import subset

            only = subset(checked.roster, kind or (), where or ())
        result = merge(checked, unit=signer, strict=strict, last=before, prefer=prefer or (), only=only)
        placed, rollup = out, result.rollup
        if rollup is not None:
            show.begin("写汇总表")
            placed = save_rollup(out, write_rollup(result, out.parent), rollup)
            if round_ is not None and only is None:
                cli_round.record_merge(round_, result, placed)
        written = list(exports.write(result, out))
    if format is ShortFormat.text:
        say_all(text.merge_report(result, str(placed)))
        say_all(f"  另写：{path}" for path in written)
        if rollup is not None and only is not None:
            say(f"  只汇总了：{only.words}")
        if rollup is not None and before is not None:
            say(f"  上年的数：{len(rollup.leaves)} 个单位里有 {len(rollup.last_by_unit)} 个查得到")
    else:
        from xltools.reporting import json

        say_json(json.dump(json.merge_document(result, str(placed) if rollup else None)))
    if placed != out:
        complain(f"{out} 正被别的程序打开，没有替换；这次的汇总表另存为 {placed}，关掉原表后可以改回原名。")
        raise typer.Exit(TROUBLE)
    raise typer.Exit(OPEN if result.checked.is_open or rollup is None else CLEAN)


@app.command("explain", cls=ChineseCommand)
def explain_command(
    rollup: Annotated[Path, typer.Argument(metavar="汇总.xlsx", help="汇总表")],
    item: Annotated[
        str, typer.Argument(metavar="指标", help="指标编号、名称，或它的格，如 〔三、依申请公开〕J9")
    ],
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="工作表", help="指标只写格时，在哪一张表")
    ] = None,
    form: Forms = None,
    format: Annotated[ShortFormat, typer.Option("--format", help="输出格式")] = ShortFormat.text,
) -> None:
    """汇总表里的一个数由哪些单位、哪些文件、哪一格合成。退出码：0 加得起来、不缺，1 缺单位、缺数、加不起来，或汇总表改过。"""
    from xltools.explaining import explain
    from xltools.issuing import read_sound
    from xltools.reporting import json
    from xltools.reporting.explain import explain_document, explain_report

    found = explain(read_sound(rollup, forms=form or ()), item, sheet=sheet)
    if format is ShortFormat.text:
        say_all(explain_report(found))
    else:
        say_json(json.dump(explain_document(found)))
    raise typer.Exit(OPEN if found.is_open else CLEAN)


@app.command("diff", cls=ChineseCommand)
def diff_command(
    before: Annotated[Path, typer.Argument(metavar="前.xlsx", help="汇总表，或单位报表")],
    after: Annotated[Path, typer.Argument(metavar="后.xlsx", help="与它比较的；可以是另一年度、另一版本")],
    form: Forms = None,
    format: Annotated[ShortFormat, typer.Option("--format", help="输出格式")] = ShortFormat.text,
) -> None:
    """两份表有什么不同，是因为哪个单位。退出码：0 没有差别，1 有差别，或汇总表改过，2 用法不对，3 文件或环境不对。"""
    from xltools.differing import compare
    from xltools.issuing import read_sound
    from xltools.reporting import json
    from xltools.reporting.diff import diff_document, diff_report

    found = compare(*(read_sound(path, forms=form or ()) for path in (before, after)))
    if format is ShortFormat.text:
        say_all(diff_report(found))
    else:
        say_json(json.dump(diff_document(found)))
    raise typer.Exit(OPEN if found.is_open else CLEAN)


@app.command("demo", cls=ChineseCommand)
def demo_command(
    folder: Annotated[Path, typer.Argument(metavar="文件夹", help="演示文件放在哪里")] = Path("xltools-demo"),
    quiet: Quiet = False,
) -> None:
    """用一个演示县走一遍：发模板、填报、核对、汇总。"""
    from xltools.demo import run_demo

    with progress(quiet) as show:
        lines = list(run_demo(folder, show))
    say_all(lines)


cli_round.register(app)


# ---- what commands share


def gather_and_check(
    paths: list[str],
    units: Path | None,
    last: "Path | LastYear | None",
    form: list[str] | None,
    year: int | None,
    show: Callable[[int, int], None],
    workers: "Workers",
    leave_out: Path | None = None,
    others: Iterable[Path] = (),
    lean: bool = False,
    key: Path | None = None,
) -> Any:
    """Checks the files; the roster, the output and our own lock, should they lie among them, are no filings."""
    from xltools.forms.catalogue import load_form
    from xltools.intake import check
    from xltools.issued import Register

    keys = [load_form(name).key for name in form or ()]
    aside = [one for one in (units, key) if one is not None]
    if leave_out is not None:
        from xltools.writing.running import LOCK

        aside += [leave_out, leave_out.absolute().parent / LOCK]
    return check(
        paths,
        forms=form or (),
        form=keys[0] if len(keys) == 1 else None,
        year=year,
        roster=roster_in(units),
        last=last_year(last, form, None) if isinstance(last, Path) else last,
        register=Register(key=cli_round.key_in(key)),
        leave_out=[*aside, *others],
        lean=lean,
        progress=show,
        jobs=workers.jobs,
        executor=workers.executor,
    )


def toml_files(form: Iterable[str] | None) -> list[Path]:
    """The form files among what --form says."""
    return [Path(name) for name in form or () if name.endswith(".toml")]


def needed(out: Path | None) -> Path:
    if out is None:
        raise UsageError("少写了 -o。加 --help 看用法。")
    return out


def roster_in(units: Path | None) -> "Roster | None":
    if units is None:
        return None
    from xltools.reading.rosters import read_roster

    return read_roster(units)


def last_year(last: Path | None, form: Iterable[str] | None, unit: "Unit | None") -> "LastYear | None":
    if last is None:
        return None
    from xltools.lastyear import read_last_year

    own = [name for name in form or () if name.endswith(".toml")]
    return read_last_year(last, forms=own, unit=unit)


def named_unit(name: str, code: str, kind: str, level: str | None, parent: str) -> "Unit":
    from xltools.roster import CONSOLIDATED, KINDS, LEVELS, MOST_NAME, Unit

    if not name.strip():
        raise UsageError("--unit 不能空着。")
    if len(name) > MOST_NAME:
        raise UsageError(f"--unit 不能超过 {MOST_NAME} 个字。")
    if kind not in (*KINDS, CONSOLIDATED):
        raise UsageError(f"--kind 只能是：{'、'.join(KINDS)}。")
    level = level or ("town" if kind == "乡镇街道" else "county")
    if level not in LEVELS:
        raise UsageError(
            f"--level 只能是：{'、'.join(f'{one}（{words}）' for one, words in LEVELS.items())}。"
        )
    return Unit(name=name.strip(), code=code.strip(), kind=kind, level=level, parent=parent.strip())


def main() -> None:
    """Runs the command line; every error raised on purpose becomes one Chinese sentence on stderr."""
    stand_in()
    open_streams(sys.stdout, sys.stderr)
    atexit.register(gc.freeze)  # what there is goes with the process: nothing to look through in the end
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        close_streams()
    except UsageError as error:
        complain(str(error))
        code = USAGE
    except XltoolsError as error:
        complain(str(error))
        code = TROUBLE
    except BrokenPipeError:  # the reader of our output went away
        hang_up()
        code = TROUBLE
    except (
        OSError
    ) as error:  # a path that is too long, a share that went away: the environment's, as exit 3 says
        complain(f"{error.filename or '文件'}：{system_words(error)}。")
        code = TROUBLE
    except (KeyboardInterrupt, typer.Abort):
        complain("中断了，没有写完的文件不会留下。")
        code = TROUBLE
    except Exception as error:
        if not hasattr(error, "format_message"):  # not one of typer's complaints about a call: a bug of ours
            raise
        if type(error).__name__ != "NoArgsIsHelpError":
            complain(usage_words(error) + "加 --help 看用法。")
        else:
            sys.stderr.write(in_chinese(str(error)) + "\n")
        code = USAGE
    sys.exit(code if isinstance(code, int) else CLEAN)

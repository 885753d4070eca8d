"""What goes back, put into a folder: the workbooks, and 退回通知.txt with one short text per unit, ready to paste."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xltools.finding import Level
from xltools.guarding import Output, demand_folder, guard
from xltools.problems import Problem
from xltools.reporting.text import one_line
from xltools.returning import SentBack
from xltools.writing.files import write_whole

NOTICE = "退回通知.txt"
MOST_SAID = 6  # problems in a message; a longer one is not read on a phone
CUT = "－" * 20


def write_returns(
    backs: Iterable[SentBack], folder: Path, inputs: Iterable[Path | None] = ()
) -> list[tuple[str, str, str]]:
    """Writes the workbooks and the notice into `folder`, one by one, so that a thousand do not stand in memory.

    Gives a row per file for the terminal: file, unit, what goes back for it.  Raises WriteError, and UsageError where
    one of the `inputs` or another unit's report stands.
    """
    read, texts, rows = list(inputs), [], []
    demand_folder("-o", folder)
    guard([Output("-o", folder / NOTICE)], [path for path in read if path is not None and path.is_file()])
    for back in backs:
        if back.data is not None:
            guard([Output("-o", folder / back.name, back.unit)], read)
            write_whole(folder / back.name, back.data)
        texts.append(f"{CUT}\n{notice(back)}\n\n")
        unit = back.unit.name if back.unit else ""
        said = back.name or f"没有附表：{back.why_not}"
        rows.append((one_line(back.checked.filing.file), one_line(unit), one_line(said)))
    rows += [
        ("", "", f"{name}：上一次留下的，这次没有写，请移走") for name in sorted(_left_over(folder, rows))
    ]
    if texts:
        lines = "".join(texts).replace("\n", "\r\n")  # for the Notepad of older Windows
        write_whole(folder / NOTICE, lines.encode("utf-8-sig"))
    return rows


def _left_over(folder: Path, rows: Iterable[Sequence[str]]) -> set[str]:
    """Workbooks that an earlier run put there for units that have none to get this time."""
    there = {path.name for path in folder.glob("*（退回*）.xlsx")} if folder.is_dir() else set()
    return there - {row[2] for row in rows}


def notice(back: SentBack) -> str:
    """What one unit is told: how many things, the first of them, and which file to mend."""
    must = [problem for problem in back.problems if problem.level == Level.ERROR.words]
    asked = [one for one in back.problems if one.level == Level.QUERY.words and not one.reason]
    counts = [f"{len(some)} 处{words}" for some, words in ((must, "要改"), (asked, "要说明")) if some]
    return "\n".join(_lines(back, "，".join(counts) or "请核对", [*must, *asked]))


def _lines(back: SentBack, counts: str, said: Sequence[Problem]) -> Iterator[str]:
    name = back.unit.name if back.unit and back.unit.name else "单位不明"
    yield one_line(f"【{name}】{back.heading}：{counts}。")  # a name of two lines would look like two notices
    for number, problem in enumerate(said[:MOST_SAID], 1):
        yield f"{number}. {one_line(problem.message)}{one_line(problem.remedy)}"
    if len(said) > MOST_SAID:
        yield f"……另有 {len(said) - MOST_SAID} 处。"
    if back.data is None:
        yield f"没有附改好的表：{back.why_not}"
    else:
        carried = "（数已由程序搬进新表，请核对“搬运清单”）" if back.carried else ""
        yield f"请在附件“{back.name}”里改{carried}，第一张表“问题清单”列着每一处；改好后发回这份文件。"

"""Results as a clerk reads them on a terminal: one table, then every remark with what to do.

Only characters that GBK has, since that is what a Chinese Windows console prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xltools.finding import Finding, Level, Outcome
from xltools.form import Form
from xltools.result import Checked, CheckResult, MergeResult
from xltools.sameness import shown_names
from xltools.words import BLANK, seen

MARKS = {
    Outcome.ACCEPTED: "√",
    Outcome.NOTED: "√",
    Outcome.QUERIED: "▲",
    Outcome.RETURNED: "×",
    Outcome.UNREADABLE: "×",
    Outcome.IGNORED: "－",
}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns that line up where a Chinese character is two wide."""
    from xltools.geometry import text_width

    widths = [max(text_width(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [cell + " " * (width - text_width(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def one_line(text: str) -> str:
    """A text from outside on one line, without anything that steers a console.

    >>> one_line("第一行\\n第二行 \\x1b[31m红")
    '第一行 第二行 □[31m红'
    """
    return BLANK.sub(" ", seen(BLANK.sub(" ", text))).strip()


def fault_lines(faults: Sequence[Finding]) -> Iterator[str]:
    """What is said where a roll-up is read that check would return: the figures shown may be nobody's."""
    for name in dict.fromkeys(one.file for one in faults):
        found = [one for one in faults if one.file == name]
        more = f"（共 {len(found)} 处，用 check 看明细）" if len(found) > 1 else ""
        said = one_line(f"{found[0].code} {found[0].message}{more}{found[0].remedy}")
        yield f"× {one_line(name)} 这份汇总表有问题，下面的数不可靠：{said}"


def check_report(result: CheckResult) -> Iterator[str]:
    """What `check` prints."""
    if result.filings:
        yield from table(
            ("", "文件", "单位", "结果", "退回", "待核实", "提示"), [_row(one) for one in result.filings]
        )
    for one in result.filings:
        if one.findings:
            yield ""
            yield f"{one_line(one.filing.file)}（{one.outcome.words}）"
            yield from (f"  {finding_line(finding)}" for finding in one.findings)
    if result.missing:
        yield ""
        names = "、".join(one_line(unit.name) for unit in result.missing)
        yield f"没有报送的单位（{len(result.missing)} 个）：{names}"
    yield ""
    yield summary_line(result)


def _row(one: Checked) -> tuple[str, ...]:
    def count(level: Level) -> str:
        """An explained query counts as a note."""
        levels = (Level.NOTE if finding.explained else finding.level for finding in one.findings)
        number = sum(one is level for one in levels)
        return str(number) if number else ""

    name = one.filing.unit.name if one.filing.unit else ""
    words = "重复" if one.duplicate else one.outcome.words
    levels = (count(Level.ERROR), count(Level.QUERY), count(Level.NOTE))
    return (MARKS[one.outcome], one_line(one.filing.file), one_line(name), words, *levels)


def finding_line(finding: Finding) -> str:
    """code, gravity, what is wrong, what to do."""
    words = "已说明" if finding.explained else finding.level.words
    said = f"（说明：{one_line(finding.explained)}）" if finding.explained else ""
    return f"{finding.code} {words}　{one_line(finding.message)}{one_line(finding.remedy)}{said}"


def summary_line(result: CheckResult) -> str:
    counts = [f"{outcome.words} {count}" for outcome, count in result.counts.items() if count]
    missing = f"，未报送 {len(result.missing)} 个单位" if result.missing else ""
    return f"共 {len(result.filings)} 个文件：{'，'.join(counts) or '无'}{missing}。"


def merge_report(result: MergeResult, path: str) -> Iterator[str]:
    """What `merge` prints: the check's report, then what went in."""
    yield from check_report(result.checked)
    rollup = result.rollup
    if rollup is None:
        yield "没有可以汇总的报表，汇总表没有写。"
        return
    yield f"汇总了 {rollup.coverage}，写在 {path}"
    everybody = [*(unit for unit, _ in rollup.missing), *(leaf.unit for leaf in rollup.leaves)]
    for name, (_, why) in zip(shown_names(everybody), rollup.missing, strict=False):
        yield f"  没有计入：{one_line(name)}（{why}）"
    if rollup.last_note:
        yield f"  {one_line(rollup.last_note)}"
    odd = [one for one in rollup.results if one.holds is False]
    for one in odd:
        yield f"  汇总数的勾稽关系“{one.line.id}”：{one.status}（{one.line.rule.basis}）"


def return_report(rows: Sequence[Sequence[str]], folder: str) -> Iterator[str]:
    """What `return` prints after the check's report: what was written for whom."""
    if not rows:
        yield "没有要退回的。"
        return
    yield ""
    yield from table(("收到的文件", "单位", "退回的工作簿"), rows)
    yield f"写在 {folder}，连同“退回通知.txt”。"


def form_report(form: Form) -> Iterator[str]:
    """What `forms show` prints: the items with where they stand."""
    from xltools.layout import lay_out

    layout = lay_out(form)
    years = f"{form.first_year}—{form.last_year or ''}"
    yield f"{form.key}　{form.title}　{form.authority}　适用年度 {years}"
    official = sum(not item.supplement for item in form.inputs)
    yield f"填报数 {official} 个，补充 {len(form.inputs) - official} 个，合计 {len(form.derived)} 个，规则 {len(form.rule_lines)} 行"
    yield ""
    rows = [
        (slot.item.id, slot.sheet, slot.address, slot.item.label(), slot.item.type, slot.item.unit or "",
         "" if slot.is_input else "合计")
        for slot in layout.slots.values()
    ]  # fmt: skip
    yield from table(("指标", "工作表", "格", "名称", "类型", "单位", ""), rows)

"""One filing among the others: the roster, twins, mixtures.

What is found between files is worked out over the whole set first (`compare`) and then said file by file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from xltools.checks.registry import Case, Check, check, registered
from xltools.filing import Filing
from xltools.finding import Finding, Level
from xltools.roster import Roster, Unit


@check("R101", "名单里没有这个单位", requires=("S003",))
def unknown_unit(this: Check, case: Case) -> Iterator[Finding]:
    """给了单位名单时，填报单位要在名单里。

    通过：名单里的单位
    不通过：名单里没有的单位　代码对不上的单位
    改正：核对是不是发错了；该收的，把它加进名单。
    """
    unit = case.filing.unit
    if case.roster is not None and unit is not None and case.roster.find(unit) is None:
        yield this.finding(
            case,
            f"填报单位“{unit.name}”（代码 {unit.code or '无'}）不在单位名单里。",
            "请核对是不是发错了地方；该收的，请收表单位把它加进名单。",
            found=unit.code or unit.name,
        )


@check("R102", "单位名称与名单不同", Level.QUERY, requires=("R101",))
def other_name(this: Check, case: Case) -> Iterator[Finding]:
    """单位代码相同时，名称也应与名单相同。

    通过：名称相同
    不通过：代码是布海镇的，名称写的是别的镇
    改正：核对是不是拿错了模板。
    """
    unit = case.filing.unit
    known = case.roster.find(unit) if case.roster is not None and unit is not None else None
    if known is not None and unit is not None and known.name != unit.name:
        yield this.finding(
            case,
            f"代码 {unit.code} 在名单里是“{known.name}”，工作簿里写的是“{unit.name}”。",
            "请核对是不是拿错了模板。",
            found=unit.name,
            expected=known.name,
        )


@check("R103", "同一单位有两份不同的报表", requires=("S003",))
def two_of_one(this: Check, case: Case) -> Iterator[Finding]:
    """同一单位两份内容不同的报表，在说明用哪一份之前都不汇总。

    通过：每单位一份
    不通过：布海镇.xlsx 和 布海镇（改）.xlsx 都在，内容不同
    改正：只留要用的那一份。
    """
    return iter(())  # said by compare(), which sees all files


@check("R104", "同一份文件收到两次", Level.NOTE, requires=("S003",))
def same_twice(this: Check, case: Case) -> Iterator[Finding]:
    """内容完全相同的文件只算一份。

    通过：每份一次
    提示：微信和邮箱各收到一次
    改正：不必处理。
    """
    return iter(())  # said by compare(), which sees all files


@check("R105", "表式或年度与其他文件不同", requires=("S003",))
def mixed(this: Check, case: Case) -> Iterator[Finding]:
    """一次汇总的报表要是同一表式、同一年度；混着的时候一份也不汇总，用 --form、--year 选定。

    通过：都是 2021 版 2023 年
    不通过：有 2022 年的，也有 2023 年的
    改正：分开汇总，或用 --form、--year 选定。
    """
    return iter(())  # said by merging, which needs one form and one year


@check("R106", "单位既单独报送，又在汇总件里", requires=("S003",))
def twice_through_a_rollup(this: Check, case: Case) -> Iterator[Finding]:
    """一个单位的数只能进来一次：自己报送，或包含在汇总件里。

    通过：汇总件和不在其中的单位
    不通过：乡镇自己的报表，和已包含它的县汇总件
    改正：只留一种。
    """
    return iter(())  # said by merging, which sees the leaves


def said(code: str, filing: Filing, message: str, remedy: str, *, found: str | None = None) -> Finding:
    """A finding of a check that looks at more than one file."""
    return registered()[code].finding(Case(filing), message, remedy, found=found)


def compare(filings: Sequence[Filing]) -> dict[int, list[Finding]]:
    """Findings between files, by position: the same bytes twice, two files of one unit."""
    found: dict[int, list[Finding]] = {}
    by_unit: dict[tuple[str, str | None, int | None], list[int]] = {}
    first_of: dict[str, int] = {}
    for at, filing in enumerate(filings):
        if filing.unit is None or filing.form_key is None:
            continue
        if filing.sha256 in first_of:
            first = filings[first_of[filing.sha256]].file
            found.setdefault(at, []).append(
                said("R104", filing, f"与“{first}”是同一份文件，只算一份。", "不必处理。", found=first)
            )
            continue
        first_of[filing.sha256] = at
        by_unit.setdefault((filing.unit.key, filing.form_key, filing.year), []).append(at)
    for twins in by_unit.values():
        if len(twins) < 2:
            continue
        for at in twins:
            unit = filings[at].unit
            assert unit is not None
            others = "、".join(filings[other].file for other in twins if other != at)
            found.setdefault(at, []).append(
                said(
                    "R103",
                    filings[at],
                    f"“{unit.name}”还有内容不同的另一份：{others}。在定下用哪一份之前，都不汇总。",
                    "请与填报单位核对，只留要用的那一份。",
                    found=others,
                )
            )
    return found


def missing_units(roster: Roster | None, units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Units of the roster from which nothing came, in its order."""
    if roster is None:
        return ()
    came = {known.key for unit in units if (known := roster.find(unit)) is not None}
    return tuple(unit for unit in roster if unit.key not in came)


def with_file(finding: Finding, file: str) -> Finding:
    return replace(finding, file=file)

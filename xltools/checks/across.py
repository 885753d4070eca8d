"""One filing among the others: the roster, twins, mixtures.

What is found between files is worked out over the whole set first (`compare`) and then said file by file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xltools.checks.registry import Case, Check, check, registered
from xltools.compute import in_order, input_names
from xltools.filing import Filing
from xltools.finding import Finding, Level
from xltools.roster import Roster, Unit
from xltools.sameness import Sameness
from xltools.words import label_key

LEAST_ALIKE = 5  # figures other than zero that have to agree; fewer agree by chance,
LONG_TEXTS = 200  # unless so many characters of text agree as well: short phrases are everybody's


@check("R101", "名单里没有这个单位", requires=("S003",), given="roster")
def unknown_unit(this: Check, case: Case) -> Iterator[Finding]:
    """给了单位名单时，填报单位要在名单里；汇总件自己不在名单里的，它汇总的单位要都在。

    通过：名单里的单位　由名单里的单位汇总的
    不通过：名单里没有的单位　代码对不上的单位
    改正：核对是不是发错了；该收的，把它加进名单。
    """
    unit, roster = case.filing.unit, case.roster
    if roster is not None and unit is not None and roster.find(unit) is None:
        outside = [leaf.unit.name for leaf in case.filing.leaves if roster.find(leaf.unit) is None]
        if case.filing.leaves and not outside:
            return
        inside = f"，它汇总的“{listed(outside)}”也不在" if outside else ""
        yield this.finding(
            case,
            f"填报单位“{unit.name}”（代码 {unit.code or '无'}）不在单位名单里{inside}。",
            "请核对是不是发错了地方；该收的，请收表单位把它加进名单。",
            found=unit.code or unit.name,
        )


@check("R102", "单位名称与名单不同", Level.QUERY, requires=("R101",), given="roster")
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


@check("R103", "同一单位有两份不同的报表", requires=("S003",), of="many")
def two_of_one(this: Check, case: Case) -> Iterator[Finding]:
    """同一单位两份内容不同的报表，在说明用哪一份之前都不汇总。

    通过：每单位一份
    不通过：布海镇.xlsx 和 布海镇（改）.xlsx 都在，内容不同　名称不同、单位代码相同的两份
    改正：只留要用的那一份，或者在汇总时用 --prefer 写明用哪一份；用错了代码的改代码。
    """
    return iter(())  # said by compare(), which sees all files


@check("R104", "同一份文件收到两次", Level.NOTE, requires=("S003",), of="many")
def same_twice(this: Check, case: Case) -> Iterator[Finding]:
    """内容完全相同的文件只算一份。

    通过：每份一次
    提示：微信和邮箱各收到一次
    改正：不必处理。
    """
    return iter(())  # said by compare(), which sees all files


@check("R105", "表式或年度与其他文件不同", requires=("S003",), of="many")
def mixed(this: Check, case: Case) -> Iterator[Finding]:
    """一次汇总的报表要是同一表式、同一年度；混着的时候一份也不汇总，用 --form、--year 选定。

    通过：都是 2021 版 2023 年
    不通过：有 2022 年的，也有 2023 年的
    改正：分开汇总，或用 --form、--year 选定。
    """
    return iter(())  # said by merging, which needs one form and one year


@check("R106", "单位既单独报送，又在汇总件里", requires=("S003",), of="many")
def twice_through_a_rollup(this: Check, case: Case) -> Iterator[Finding]:
    """一个单位的数只能进来一次：自己报送，或包含在汇总件里。

    通过：汇总件和不在其中的单位
    不通过：乡镇自己的报表，和已包含它的县汇总件　在一份汇总件里列了两次的单位
    改正：只留一种。
    """
    return iter(())  # said by merging, which sees the leaves


@check("R107", "两个单位的报表内容相同", Level.QUERY, requires=("S003",), of="many")
def same_content(this: Check, case: Case) -> Iterator[Finding]:
    """两个单位的数和文字不会一样；一样的多半是照抄，或者把别的单位的内容粘进了自己的表。

    通过：各填各的　都是零的报表
    不通过：甲镇和乙镇的每个数都相同
    改正：与填报单位核对；确实相同的写明原因。
    """
    return iter(())  # said by compare(), which sees all files


@check("R108", "文件名是别的单位", Level.QUERY, requires=("R101",), given="roster")
def named_for_another(this: Check, case: Case) -> Iterator[Finding]:
    """文件名不影响识别；但写着名单里另一个单位的，可能是拿错了模板、填错了表。

    通过：布海镇.xlsx 里是布海镇的报表　新建文件.xlsx
    不通过：米沙子镇.xlsx 里是布海镇的报表
    改正：核对这是哪个单位的数；确是本单位的写明原因。
    """
    unit, roster = case.filing.unit, case.roster
    if unit is None or roster is None:
        return
    name = label_key(case.filing.file.rpartition("/")[2])
    own = {label_key(unit.name)} | {label_key(one.name) for one in [roster.find(unit)] if one is not None}
    if any(one in name for one in own):
        return
    others = [one for key, one in roster.name_keys if key in name]
    if others:
        other = max(others, key=lambda one: len(one.name))
        yield this.finding(
            case,
            f"文件名写的是“{other.name}”，里面是“{unit.name}”的报表。",
            "请核对这是哪个单位的数，是不是填错了模板；确是本单位的请说明原因。",
            found=other.name,
            expected=unit.name,
        )


@check("R109", "已汇总的报表和它的下级都在", requires=("S003",), of="many")
def with_its_parts(this: Check, case: Case) -> Iterator[Finding]:
    """类别是“已汇总”的报表已经含有下级的数；再和下级的报表、或由下级汇总的表加在一起，就重复了。

    通过：各县已汇总的报表　县的汇总表和不在其中的部门
    不通过：示例县已汇总的报表，和上级是示例县的乡镇　示例县已汇总的报表，和示例县的汇总表
    改正：只留一种；或者在汇总时用 --prefer 写明用已汇总的那一份。
    """
    return iter(())  # said by merging, which sees who stands above whom


@check("R110", "已经选用另一份", Level.NOTE, requires=("S003",), of="many")
def another_was_chosen(this: Check, case: Case) -> Iterator[Finding]:
    """汇总时用 --prefer 写明了用哪一份，被替下的就不计入，也不再要求改正。

    通过：没有写 --prefer
    提示：写了 --prefer 布海镇（改）.xlsx，布海镇.xlsx 不计入
    改正：不必处理。
    """
    return iter(())  # said by merging, which is told


@check("R111", "是先前汇总的结果", Level.NOTE, requires=("S003",), of="many")
def earlier_result(this: Check, case: Case) -> Iterator[Finding]:
    """收件里混着先前的汇总结果，而它汇总的单位都另有自己的报表：按各单位的报表汇总，它不再计入。

    是不是先前的结果，看它是不是由这次的汇总单位汇总的，或者它汇总的报表是不是大半就在收件里。

    通过：收件里没有汇总件
    提示：收件里有上次汇总后改了名的汇总表　上次汇总以后有单位重报了
    改正：不必处理；最好从收件里移走。
    """
    return iter(())  # said by merging, which sees the leaves


@check("R112", "已汇总的报表可能含有别的单位", Level.QUERY, requires=("S003",), of="many")
def may_hold_others(this: Check, case: Case) -> Iterator[Finding]:
    """已汇总的报表和级别更低、没写上级或上级认不出的单位一起汇总时，看不出后者是不是已经在里面。

    通过：上级写的是这批文件或名单里的单位
    不通过：示例县已汇总的报表，和没写上级的布海镇　和上级写成“示例县人民政府”的布海镇
    改正：在名单或报表里写明各单位的上级，与上级单位的名称一样；确实不在里面的写明原因。
    """
    return iter(())  # said by merging, which sees who stands above whom


@check("R113", "分不清是不是同一个单位", Level.QUERY, requires=("S003",), of="many")
def may_be_the_same(this: Check, case: Case) -> Iterator[Finding]:
    """名称相同、上级不矛盾、代码却不同的两个单位，可能是一个单位用错了代码；名单里都有的除外。

    通过：代码相同　上级不同的两个城关镇　名单里分别列着的
    不通过：代码 U01 的布海镇和代码 U91 的布海镇　没有代码、没写上级的城关镇，和两个县的城关镇
    改正：与单位核对代码；确实是两个单位的写明原因，或把它们都写进名单。
    """
    return iter(())  # said by merging, which sees all units


MOST_LISTED = 5  # names in one sentence


def listed(names: Iterable[str]) -> str:
    """Names in a sentence, each once, the first few of them."""
    each = list(dict.fromkeys(names))
    return "、".join(each[:MOST_LISTED]) + (f"等 {len(each)} 个" if len(each) > MOST_LISTED else "")


def said(code: str, filing: Filing, message: str, remedy: str, *, found: str | None = None) -> Finding:
    """A finding of a check that looks at more than one file."""
    return registered()[code].finding(Case(filing), message, remedy, found=found)


def compare(filings: Sequence[Filing], roster: Roster | None = None) -> dict[int, list[Finding]]:
    """Findings between files, by position: the same bytes twice, two files of one unit, two units' alike."""
    found: dict[int, list[Finding]] = {}
    ours = [at for at, one in enumerate(filings) if one.unit is not None and one.form_key is not None]
    first_of: dict[str, int] = {}
    for at in sorted(ours, key=lambda at: filings[at].file):  # which name counts is not a matter of order
        first = first_of.setdefault(filings[at].sha256, at)
        if first != at:
            name = filings[first].file
            found[at] = [
                said("R104", filings[at], f"与“{name}”是同一份文件，只算一份。", "不必处理。", found=name)
            ]
    for twins in twins_among(filings, sorted(first_of.values()), roster):
        for at in twins:
            unit = filings[at].unit
            assert unit is not None
            others = [filings[other] for other in twins if other != at]
            names = "、".join(sorted(one.file for one in others))
            called = listed(
                sorted(f"{one.unit.name}" for one in others if one.unit and one.unit.name != unit.name)
            )
            alike = f"，单位代码和“{called}”的一样，都是 {unit.code}，当作同一个单位" if called else ""
            cure = "请核对是不是用错了代码或拿错了模板；是同一个单位的，" if called else "请与填报单位核对，"
            saved = (
                "；填的内容相同，只是另存过"
                if all(_says(one) == _says(filings[at]) for one in others)
                else ""
            )
            found.setdefault(at, []).append(
                said(
                    "R103",
                    filings[at],
                    f"“{unit.name}”还有不同的另一份：{names}{alike}{saved}。在定下用哪一份之前，都不汇总。",
                    f"{cure}只留要用的那一份，或在汇总时用 --prefer 写明用哪一份。",
                    found=names,
                )
            )
    _alike(filings, found)
    return found


def twins_among(
    filings: Sequence[Filing], among: Iterable[int], roster: Roster | None
) -> Iterator[list[int]]:
    """Positions of the different files of one unit for one form and year, where there are several."""
    at_hand = [(at, filing, unit) for at in among if (unit := (filing := filings[at]).unit) is not None]
    same = Sameness((unit for _, _, unit in at_hand), roster)
    by_unit: dict[tuple[object, str | None, int | None], list[int]] = {}
    for at, filing, unit in at_hand:
        by_unit.setdefault((same.key(unit), filing.form_key, filing.year), []).append(at)
    yield from (twins for twins in by_unit.values() if len(twins) > 1)


def _says(filing: Filing) -> tuple[object, ...]:
    """All that a unit has filled in."""
    return filing.inputs, filing.texts, filing.declared_zeros, filing.explanations, filing.leaves


def substance(filing: Filing) -> tuple[object, ...] | None:
    """What makes two reports suspiciously alike; None where there is too little in it to tell."""
    figures = {name: value for name, value in filing.inputs.items() if value not in (None, 0, "")}
    texts = tuple(sorted((name, text) for name, text in filing.texts.items() if text.strip()))
    if len(figures) >= LEAST_ALIKE:
        return tuple(figures.items())
    long = sum(len(text) for _, text in texts) >= LONG_TEXTS
    return (tuple(figures.items()), texts) if figures and long else None


def _alike(filings: Sequence[Filing], found: dict[int, list[Finding]]) -> None:
    """Adds what is to be said of different units' reports with the same content."""
    near: dict[int, list[int]] = {}  # by hash: the contents of thousands of reports take too much room
    for at, filing in enumerate(filings):
        if filing.unit is not None and filing.form is not None and not filing.is_rollup:
            figures = [value or None for value in in_order(filing.inputs, input_names(filing.form))]
            near.setdefault(hash((filing.form_key, filing.year, *figures)), []).append(at)
    same: dict[tuple[object, ...], list[int]] = {}
    for at in (at for group in near.values() if len(group) > 1 for at in group):
        if content := substance(filings[at]):
            same.setdefault((filings[at].form_key, filings[at].year, content), []).append(at)
    for group in same.values():
        for at in group:
            unit = filings[at].unit
            assert unit is not None
            others = dict.fromkeys(
                other.name for n in group if (other := filings[n].unit) is not None and other.key != unit.key
            )
            if others:
                words = "、".join(list(others)[:5])
                found.setdefault(at, []).append(
                    said(
                        "R107", filings[at], f"“{unit.name}”的报表与“{words}”的内容相同。",
                        "请核对是不是照抄或粘错了；确实相同的请说明原因。", found=words,
                    )
                )  # fmt: skip


def missing_units(roster: Roster | None, units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Units of the roster from which nothing came, in its order."""
    if roster is None:
        return ()
    came = {known.key for unit in units if (known := roster.find(unit)) is not None}
    return tuple(unit for unit in roster if unit.key not in came)

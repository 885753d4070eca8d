"""What stands in the cells for words: texts, the cover, reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain

from xltools.checks.registry import Case, Check, check
from xltools.checks.shape import unsettled
from xltools.checks.values import STRUCTURE
from xltools.filing import Book, Picked
from xltools.finding import Finding, Level
from xltools.geometry import Place
from xltools.layout import Layout, Slot
from xltools.roster import MOST_NAME
from xltools.words import MOST_TEXT

LOST = "\ufffd"  # what stands for a character that no file can hold


Written = tuple[Place, str]


def written(case: Case, *, joined: bool = True) -> Iterator[Written]:
    """Every text that was read, with its place; `joined`: also what a roll-up makes of its units' texts, which is
    whole on 明细 only."""
    yield from _beside_figures(case)
    for slot in _in_words(case.layout):
        entry = case.filing.entries.get(slot.item.id)
        whole = joined or not (case.filing.is_rollup and slot.item.rollup == "list")
        if entry is not None and entry.value is not None and whole:
            yield slot.place, str(entry.value)


def _beside_figures(case: Case) -> Iterator[Written]:
    """The texts of the report, the cover's and the explanations."""
    filing, layout = case.filing, case.layout
    for name, text in filing.texts.items():
        yield layout.texts[name], text
    for name, text in filing.cover.items():
        yield layout.cover[name], text
    for name, text in filing.explanations.items():
        yield layout.rules[name].explanation, text


def _all_texts(case: Case) -> str:
    """What is `written`, one after the other: what is not in it, is in none of them."""

    def joined() -> str:
        filing, given = case.filing, case.filing.inputs
        in_words = [str(given.get(slot.item.id) or "") for slot in _in_words(case.layout)]
        others = filing.texts.values(), filing.cover.values(), filing.explanations.values()
        return "".join([*chain.from_iterable(others), *in_words])

    return case.once("all texts", joined)


@lru_cache(maxsize=64)
def _in_words(layout: Layout) -> tuple[Slot, ...]:
    """Inputs that are texts."""
    return tuple(slot for slot in layout.inputs if slot.item.type == "text")


@check("V113", "文字里有不可见的控制字符", Level.NOTE, requires=STRUCTURE)
def control_characters(this: Check, case: Case) -> Iterator[Finding]:
    """文字里的控制字符和残缺字符不能上报，读入时换成替代符，其余文字照旧。

    通过：换行、空格
    提示：从别的系统复制来的文字里夹着看不见的控制字符　半个表情符号
    改正：看一下换掉的地方有没有缺字。
    """
    for place, text in written(case) if LOST in _all_texts(case) else ():
        if LOST in text:
            at = text.index(LOST)
            around = text[max(0, at - 10) : at + 10].replace("\n", " ").replace(LOST, "□")
            yield this.finding(
                case,
                f"〔{place.sheet}〕{place.address} 的文字里有 {text.count(LOST)} 个不可见的字符，位置以“□”表示：“{around}”。",
                "请看一下那里有没有缺字；重新打一遍即可。",
                sheet=place.sheet,
                cell=place.address,
                found=around,
            )


@check("V114", "文字格里是公式或错误值", requires=STRUCTURE)
def no_text(this: Check, case: Case) -> Iterator[Finding]:
    """文字格里要是打进去的文字；公式的结果会随别处变化，错误值说明原文已经丢了。

    通过：以等号开头的一句话
    不通过：=Sheet9!A1　#VALUE!
    改正：把文字重新打（粘贴）进这一格。
    """
    book = case.filing.book
    if book is None or not _may_be_no_texts(case.layout, book):
        return
    for place, _ in _beside_figures(case):  # an item's formula is V108's matter
        cell = book.sheets[place.sheet].cell(place.address)
        if cell.formula is not None or cell.kind == "error":
            shown = f"={cell.formula}" if cell.formula is not None else cell.text
            yield this.finding(
                case,
                f"〔{place.sheet}〕{place.address} 里是“{shown[:60]}”，不是文字。",
                "请把文字重新打（或用“选择性粘贴—数值”粘贴）进这一格。",
                sheet=place.sheet,
                cell=place.address,
                found=shown,
                expected="文字",
            )


def _may_be_no_texts(layout: Layout, book: Book) -> bool:
    """A quick look at all cells for words."""
    for name, asked in _for_words(layout).items():
        if name in book.sheets:
            for cell in asked.of(book.sheets[name].cells):
                if cell.formula is not None or cell.kind == "error":
                    return True
    return False


@lru_cache(maxsize=64)
def _for_words(layout: Layout) -> Mapping[str, Picked]:
    """Sheet by sheet the cells for texts, the cover's answers and explanations."""
    explanations = (row.explanation for row in layout.rules.values())
    made: dict[str, list[str]] = {}
    for place in (*layout.texts.values(), *layout.cover.values(), *explanations):
        made.setdefault(place.sheet, []).append(place.address)
    return {name: Picked(addresses) for name, addresses in made.items()}


@check("V120", "文字没有写", requires=STRUCTURE)
def text_missing(this: Check, case: Case) -> Iterator[Finding]:
    """报告的各段文字都要写，标明可不填的除外。

    通过：本年度无其他需要报告的事项。
    不通过：空着　只写了“/”“－”“。”
    改正：写上文字；没有的也要写“无”。
    """
    missing = [
        name
        for name, text in case.form.texts.items()
        if not text.optional
        and name in case.filing.texts
        and not any(map(str.isalnum, case.filing.texts[name]))
    ]
    told = unsettled(case) if missing else ()
    for name in missing:
        text, place = case.form.texts[name], case.layout.texts[name]
        if (place.sheet, place.address) not in told:
            yield this.finding(
                case,
                f"〔{place.sheet}〕{place.address}“{text.label}”没有写。",
                "请写上文字；没有的写“无”。",
                sheet=place.sheet,
                cell=place.address,
            )


@check("V121", "选项不在可选之列", requires=STRUCTURE)
def unknown_choice(this: Check, case: Case) -> Iterator[Finding]:
    """封面的选项要从下拉框里选，或空着。

    通过：是　否　空着
    不通过：对　√
    改正：从下拉框里选。
    """
    for one in case.form.cover:
        said = case.filing.cover.get(one.id, "")
        if one.choices and said and said not in one.choices:
            place = case.layout.cover[one.id]
            choices = "、".join(one.choices)
            yield this.finding(
                case,
                f"〔{place.sheet}〕{place.address}“{one.label}”填的是“{said}”，只能是：{choices}。",
                "请从下拉框里选。",
                sheet=place.sheet,
                cell=place.address,
                found=said,
                expected=choices,
            )


@check("V122", "文字过长", requires=STRUCTURE, vanishes=True)
def text_too_long(this: Check, case: Case) -> Iterator[Finding]:
    """一段文字不能超过一格能放下的 32 767 个字；单位名称不能超过 100 个字。

    通过：一千字的总体情况
    不通过：别的程序写进去的四万字
    改正：删短后再报。
    """
    filing = case.filing
    if filing.unit is not None and len(filing.unit.name) > MOST_NAME:
        yield this.finding(
            case,
            f"填报单位名称有 {len(filing.unit.name)} 个字，不能超过 {MOST_NAME} 个。",
            "请用下发的模板。",
        )
    for place, text in written(case, joined=False) if len(_all_texts(case)) > MOST_TEXT // 2 else ():
        if len(text) > MOST_TEXT // 2 and len(text.encode("utf-16-le", "replace")) // 2 > MOST_TEXT:
            yield this.finding(
                case,
                f"〔{place.sheet}〕{place.address} 有 {len(text)} 个字，一格放不下。",
                "请删短后再报。",
                sheet=place.sheet,
                cell=place.address,
            )

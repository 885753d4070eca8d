"""The formulas a workbook carries, as text.  Writer and reader take them from here and so cannot disagree.

Only SUM, COUNT, COUNTBLANK, COUNTIF, IF, AND, OR, NOT, ROUND, ABS, IFERROR and operators, so that WPS,
LibreOffice and old Excel agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xltools.compute import BROKEN_STATUS, Status
from xltools.expression import Ref
from xltools.form import Form, Item
from xltools.geometry import Place, areas
from xltools.layout import CHECKS, COVER, Layout, RuleRow

MOST_ARGUMENTS = 30  # of one function, in the oldest programs
ZERO_FIELD = "blanks_are_zero"  # the cover field by which a unit declares its blanks to be zeros
ZERO_WORD = "是"


def call(function: str, arguments: Sequence[str]) -> str:
    """A function over any number of arguments; beyond thirty, sums of sums."""
    if len(arguments) <= MOST_ARGUMENTS:
        return f"{function}({','.join(arguments)})"
    chunks = [arguments[i : i + MOST_ARGUMENTS] for i in range(0, len(arguments), MOST_ARGUMENTS)]
    return call("SUM", [call(function, chunk) for chunk in chunks])


def total_formula(layout: Layout, item: Item) -> str:
    """The formula of a derived item: SUM over its parts, in the cells of its own sheet."""
    home = layout.slots[item.id].sheet
    return call("SUM", areas((layout.slots[part].place for part in item.sum), home))


def declared_zero(layout: Layout, home: str) -> str | None:
    """The condition that blanks are declared zeros; None where the form has no such declaration."""
    place = layout.cover.get(ZERO_FIELD)
    if place is None:
        return None
    return f'{place.address if home == COVER else place.absolute}="{ZERO_WORD}"'


def blanks(ranges: Iterable[str]) -> str:
    return "+".join(f"COUNTBLANK({one})" for one in ranges)


class RuleFormulas(NamedTuple):
    left: str
    right: str
    difference: str
    result: str


def rule_formulas(
    layout: Layout, row: RuleRow, *, has_cover: bool = True, reasons: Sequence[str] = ()
) -> RuleFormulas:
    """The formulas of one line of 校验.

    Undecided is judged on the leaf inputs with COUNT, because SUM hides blanks.  A roll-up has no cover on which
    blanks could be declared zeros (`has_cover` False): its leaves have been asked.  `reasons` are further cells
    in which a query may be explained.
    """
    line, form = row.line, layout.form

    def place(ref: Ref) -> Place:
        return layout.last[ref.item] if ref.last else layout.slots[ref.item].place

    def cell(ref: Ref) -> str:
        return place(ref).address if ref.last else place(ref).absolute

    def is_money(ref: Ref) -> bool:
        return form.items[ref.item].type == "money"

    own = areas((place(leaf) for leaf in line.leaves if not leaf.last), CHECKS)
    past = areas((place(leaf) for leaf in line.leaves if leaf.last), CHECKS)
    counted = call("COUNT", own + past)
    zero = declared_zero(layout, CHECKS) if has_cover else None
    if zero and own:
        counted += f"+IF({zero},{blanks(own)},0)"
    ready = f"{counted}={len(line.leaves)}"
    left, right = line.bound.side_formulas(cell)
    holds = line.bound.formula(cell, is_money)
    broken = BROKEN_STATUS[line.rule.level]
    said = f'"{broken}"'
    if broken is Status.QUERIED:
        written = ",".join(f'{cell}<>""' for cell in (row.explanation.address, *reasons))
        said = f'IF({f"OR({written})" if reasons else written},"{Status.EXPLAINED}","{Status.QUERIED}")'
    difference = ""
    if line.bound.has_difference:
        difference = (
            f"IF(COUNT({row.left.address}:{row.right.address})=2,"
            f'ROUND({row.left.address}-{row.right.address},6),"")'
        )
    return RuleFormulas(
        left=f'IF({ready},IFERROR({left},""),"")',
        right=f'IF({ready},IFERROR({right},""),"")',
        difference=difference,
        result=f'IF({ready},IFERROR(IF({holds},"{Status.HOLDS}",{said}),"{Status.UNDECIDED}"),"{Status.UNDECIDED}")',
    )


def panel_formulas(layout: Layout) -> dict[str, str]:
    """The status panel on the cover: how many figures are blank or no numbers, texts blank, rules broken."""
    form: Form = layout.form
    ranges = areas((slot.place for slot in layout.inputs if slot.item.type != "text"), COVER)
    count = sum(slot.item.type != "text" for slot in layout.inputs)
    blank = blanks(ranges) if ranges else "0"
    zero = declared_zero(layout, COVER)
    blank_open = f"IF({zero},0,{blank})" if zero else blank
    numbers = call("COUNT", ranges) if ranges else "0"
    required = [layout.texts[name].absolute for name, text in form.texts.items() if not text.optional]
    results = [row.result for row in layout.rules.values()]
    where = areas(results, COVER)

    def said(status: Status) -> str:
        return "+".join(f'COUNTIF({one},"{status}")' for one in where) or "0"

    panel = {name: place.address for name, place in layout.panel.items()}
    first, last = panel["blank"], panel["broken"]
    return {
        "blank": blank_open,
        "faulty": f"{count}-{numbers}-({blank})",
        "texts": "+".join(f'IF({one}="",1,0)' for one in required) or "0",
        "broken": said(Status.BROKEN),
        "queried": said(Status.QUERIED),
        "state": (
            f'IF(SUM({first}:{last})>0,"还不能报送",IF({panel["queried"]}>0,"可以报送，有待说明","可以报送"))'
        ),
    }

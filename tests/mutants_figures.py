"""Mutants of what is filled in: totals, counts, money, texts, and zeros that were only declared."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import helpers_pipe as pipe
from hostile import MAIN
from mutant import ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE, Cast, Change, Mutant, clean, of
from workshop import Workshop, tag

from xltools.compute import all_figures, rule_results
from xltools.formulas import ZERO_WORD, total_formula
from xltools.geometry import address

# ---- totals


def formulas(cast: Cast) -> Iterator[Mutant]:
    for number, total in enumerate((cast.totals[0], cast.totals[-1]), 1):
        formula = total_formula(cast.layout, total.item)
        worth = pipe.read(clean(cast.form)).figures[total.item.id]

        def put(name: str, code: str | None, value: Any = None, n=number, total=total, outcome: str = RETURNED,
                **more: Any) -> Mutant:  # fmt: skip
            return Mutant(
                name=f"total {n}: {name}",
                change=of(lambda shop: shop.put_at(total.place, value, **more)),
                outcome=outcome,
                codes=(code,) if code else (),
                sheet=total.sheet,
                cell=total.address,
                also=frozenset({"G301"}) if outcome == RETURNED else frozenset(),
            )

        yield put("equal constant", "G201", worth)
        yield put("unequal constant", "G201", worth + 1)
        yield put("constant as text", "G201", str(worth))
        yield put("constant zero", "G201", 0)
        yield put("word", "G201", "略")
        yield put("error value", "G201", "#REF!", kind="e")
        yield put("deleted", "G203")
        inside = formula.removeprefix("SUM(").removesuffix(")")
        first, _, last = inside.rpartition(":")
        letters = last.rstrip("0123456789")
        shorter = f"{letters}{int(last[len(letters):]) - 1}" if letters == first.rstrip("0123456789").rpartition(",")[2] \
            else f"{address(int(last[len(letters):]), _column(letters) - 1)}"  # fmt: skip
        yield put("range shortened", "G202", worth, formula=f"SUM({first}:{shorter})")
        yield put("one more", "G202", worth + 1, formula=f"{formula}+1")
        yield put("plus nothing", "G202", worth, formula=f"{formula}+0*A1")
        yield put("twice", "G202", worth * 2, formula=f"{formula}*2")
        yield put("average", "G202", worth, formula=formula.replace("SUM", "AVERAGE"))
        yield put("a part alone", "G202", worth, formula=last)
        yield put("itself", "G202", 0, formula=total.address)
        yield put("another workbook's", "G202", worth, formula="[1]Sheet1!A1")
        yield put("a constant with an equals sign", "G202", worth, formula=str(worth))
        elsewhere = formula.replace("(", f"('{total.sheet} '!", 1)
        yield put("a sheet whose name has one blank more", "G202", worth, formula=elsewhere)
        yield put("empty formula", "G202", worth, formula="")
        yield put("cache stale", "G204", worth + 1, formula=formula, outcome=NOTED)
        yield put("cache lies by text", "G204", str(worth + 5), kind="str", formula=formula, outcome=NOTED)
        yield put("cache of an error", "G204", "#VALUE!", kind="e", formula=formula, outcome=NOTED)

        def arrayed(shop: Workshop, total=total) -> None:
            shop.cell(total.sheet, total.address).find(tag("f")).attrib.update(t="array", ref=total.address)

        yield Mutant(name=f"total {number}: as an array formula", change=of(arrayed), outcome=ACCEPTED)
        yield put("no cache", None, formula=formula, outcome=ACCEPTED)
        for name, spelt in {
            "lower case": formula.lower(),
            "spaces": formula.replace("(", " ( ").replace(":", " : ") if ":" in formula else formula + " ",
            "dollars": formula.replace(last, f"${letters}${last[len(letters) :]}"),
            "plus sign": f"+{formula}",
            "own sheet's name": formula.replace("(", f"('{total.sheet}'!", 1),
            "brackets": f"({formula})",
            "its range the other way round": re.sub(r"(\w+):(\w+)", r"\2:\1", formula),
        }.items():
            yield put(f"spelt with {name}", None, worth, formula=spelt, outcome=ACCEPTED)

    def no_caches(shop: Workshop) -> None:
        for name in shop.names():
            for cell in shop.sheet(name).iter(tag("c")):
                if cell.find("{*}f") is not None and cell.find("{*}v") is not None:
                    cell.remove(cell.find("{*}v"))
                    cell.attrib.pop("t", None)

    yield Mutant(name="totals: no cache at all", change=of(no_caches), outcome=ACCEPTED)

    def all_constants(shop: Workshop) -> None:
        for total in cast.layout.derived:
            shop.put_at(total.place, 1)

    yield Mutant(name="totals: all typed", change=of(all_constants), outcome=RETURNED, codes=("G201",),
                 also=frozenset({"G301"}))  # fmt: skip

    def spread_shared(shop: Workshop) -> None:
        """The totals of a column as one shared formula, as Excel stores what was filled down."""
        column = [
            t
            for t in cast.totals
            if t.place.column == cast.totals[0].place.column and t.sheet == cast.totals[0].sheet
        ]
        run = [column[0]]
        for total in column[1:]:
            if total.place.row == run[-1].place.row + 1 and len(total.item.sum) == len(run[0].item.sum):
                run.append(total)
        assert len(run) > 2
        for number, total in enumerate(run):
            formula = shop.cell(total.sheet, total.address).find("{*}f")
            formula.set("t", "shared")
            formula.set("si", "0")
            if number:
                formula.text = None
            else:
                formula.set("ref", f"{run[0].address}:{run[-1].address}")

    yield Mutant(name="totals: shared formula", change=of(spread_shared), outcome=ACCEPTED)
    row = next(iter(cast.layout.rules.values()))
    yield Mutant(
        name="checks: result typed over",
        change=of(lambda shop: shop.put_at(row.result, "通过")),
        outcome=ACCEPTED,
    )
    panel = cast.layout.panel["state"]
    yield Mutant(
        name="checks: panel typed over",
        change=of(lambda shop: shop.put_at(panel, "可以报送")),
        outcome=ACCEPTED,
    )
    query, odd = _queried(cast)
    said = cast.layout.rules[query.id].explanation
    for name, reason, outcome in (
        ("", None, QUERIED),
        (", with blanks for a reason", " 　", QUERIED),
        (", with a reason", "机构改革", NOTED),
    ):
        yield Mutant(
            name=f"checks: a query{name}",
            change=of(lambda shop, r=reason: (shop.put_at(odd.place, 7), shop.put_at(said, r))),
            outcome=outcome,
            codes=("G102",),
            also=frozenset({"G204"}),
            sheet=odd.sheet,
            reads={odd.item.id: 7},
        )
    error = next(line for line in cast.form.rule_lines if line.rule.level == "error")
    leaf = cast.layout.slots[next(ref.item for ref in error.leaves if not ref.last)]

    def broken_and_hushed(shop: Workshop) -> None:
        shop.put_at(leaf.place, 29_999)
        for one in cast.layout.rules.values():
            shop.put_at(one.result, "通过")

    yield Mutant(name="checks: a rule broken and its result typed over", change=of(broken_and_hushed), outcome=RETURNED,
                 codes=("G101",), also=frozenset({"G102", "G204", "V111", "G301"}))  # fmt: skip


def _queried(cast: Cast):
    """A query that is the only rule broken when one figure is 7, and the slot of that figure."""
    for slot in cast.layout.inputs:
        figures = all_figures(cast.form, {**cast.base, slot.item.id: 7})
        broken = [one.line for one in rule_results(cast.form, figures, "town") if one.holds is False]
        if [line.rule.level for line in broken] == ["query"]:
            return broken[0], slot
    raise AssertionError("no query of a single figure")


def _column(letters: str) -> int:
    from xltools.geometry import position

    return position(f"{letters}1")[1]


# ---- figures

WRONG_COUNTS: dict[str, tuple[Any, str]] = {  # name: (text or (value, kind), code)
    "thousands wrong": ("12,34", "V101"),
    "thousands wrong, Indian": ("1,23,456", "V101"),
    "thousands missing digits": ("1,2345", "V101"),
    "comma first": (",123", "V101"),
    "other unit 条": ("3条", "V101"),
    "other unit 元": ("3元", "V101"),
    "other unit 万": ("3万", "V101"),
    "other unit 万元": ("3万元", "V101"),
    "increase": ("增5", "V101"),
    "full-width minus": ("－3", "V102"),
    "minus": ("-3", "V102"),
    "minus of mathematics": ("\u22123", "V102"),
    "negative number": ((-3, "n"), "V102"),
    "two minuses": ("--253", "V101"),
    "plus": ("+3", "V101"),
    "brackets for negative": ("(3)", "V101"),
    "percent as text": ("50%", "V107"),
    "date as text": ("2021-1-5", "V104"),
    "date in Chinese": ("2021年1月5日", "V104"),
    "month and day": ("1月2日", "V104"),
    "date of type d": (("2021-01-05T00:00:00", "d"), "V104"),
    "true": ((1, "b"), "V105"),
    "false": ((0, "b"), "V105"),
    "TRUE as text": ("TRUE", "V101"),
    "#REF!": (("#REF!", "e"), "V106"),
    "#DIV/0!": (("#DIV/0!", "e"), "V106"),
    "#N/A": (("#N/A", "e"), "V106"),
    "#NAME? as text": ("#NAME?", "V101"),
    "1e308": (("1e308", "n"), "V107"),
    "1e308 as text": ("1e308", "V101"),
    "1E+999999": (("1E+999999", "n"), "V107"),
    "NaN": (("NaN", "n"), "V107"),
    "NaN as text": ("NaN", "V101"),
    "infinity": (("INF", "n"), "V107"),
    "underscore": ("1_000", "V101"),
    "underscore in a number": (("1_000", "n"), "V101"),
    "hexadecimal": ("0x10", "V101"),
    "17 digits": (("12345678901234567", "n"), "V107"),
    "digits of Arabic": ("٣", "V101"),
    "digits of Devanagari": ("३", "V101"),
    "digits of mathematics": ("𝟑", "V101"),
    "digit in a circle": ("③", "V101"),
    "Roman numeral": ("Ⅲ", "V101"),
    "superscript": ("3²", "V101"),
    "Chinese numeral": ("三", "V101"),
    "Chinese numerals": ("十二", "V101"),
    "Chinese zero": ("〇", "V101"),
    "O for zero": ("1O", "V101"),
    "O alone": ("O", "V101"),
    "l for one": ("l2", "V101"),
    "slash": ("/", "V101"),
    "dash": ("-", "V101"),
    "long dash": ("——", "V101"),
    "无": ("无", "V101"),
    "没有": ("没有。", "V101"),
    "N/A": ("N/A", "V101"),
    "star": ("*", "V101"),
    "two numbers": ("3 4", "V101"),
    "two numbers on two lines": ("3\n4", "V101"),
    "two numbers, enumerated": ("3、4", "V101"),
    "fraction": ("3/4", "V101"),
    "sum as text": ("3+4", "V101"),
    "about": ("约3", "V101"),
    "or so": ("3左右", "V101"),
    "point at the end": ("3.", "V101"),
    "two points": ("3.5.1", "V101"),
    "decimal as text": ("3.5", "V103"),
    "decimal": ((3.5, "n"), "V103"),
    "a hair above": (("3.0000001", "n"), "V103"),
    "control character": ("3_x0007_", "V101"),
    "lone surrogate": ("3_xD83D_", "V101"),
    "formula typed as text": ("=1+2", "V101"),
    "very long": ("9" * 5000, "V101"),
    "quote": ("“3”", "V101"),
    "blank": ((None, "n"), "V100"),
    "empty text": (("", "str"), "V100"),
}
MALFORMED = {
    "an inline string in a cell of numbers": '<c r="#"><is><t>5</t></is></c>',
    "a value in a cell of inline strings": '<c r="#" t="inlineStr"><v>5</v></c>',
    "an element within the value": '<c r="#"><v>1<b>7</b>2</v></c>',
    "a cell within a cell": '<c r="#"><v>1</v><c r="#"><v>2</v></c></c>',
    "a string that is not there": '<c r="#" t="s"><v>999999</v></c>',
    "a cell of no known type": '<c r="#" t="x"><v>5</v></c>',
    "a boolean 7": '<c r="#" t="b"><v>7</v></c>',
    "a style that is not there": '<c r="#" s="9999"><v>5</v></c>',
}
READ_COUNTS: dict[str, tuple[Any, int]] = {  # read with a note
    "full-width digits": ("１２", 12),
    "text of digits": ("12", 12),
    "ideographic spaces": ("\u300012\u3000", 12),
    "no-break spaces": ("\u00a012\u00a0", 12),
    "zero-width spaces": ("\u200b12\ufeff", 12),
    "tabs and line ends": ("\t12\n", 12),
    "narrow spaces": ("\u200912\u202f", 12),
    "thousands": ("1,234", 1234),
    "full-width thousands": ("１，２３４", 1234),
    "own unit": ("3件", 3),
    "own unit after a space": ("3 件", 3),
    "apostrophe": ("'3", 3),
    "leading zeros": ("007", 7),
    "text 3.0": ("3.0", 3),
}
SAME_COUNTS: dict[str, tuple[str, int]] = {  # read without a word
    "3.0": ("3.0", 3),
    "3E0": ("3E0", 3),
    "1.5e1": ("1.5e1", 15),
    "just below 3": ("2.9999999999999996", 3),
    "minus zero": ("-0", 0),
}


def counts(cast: Cast) -> Iterator[Mutant]:
    slot = cast.count
    place, item = slot.place, slot.item.id

    def value(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"count: {name}", change=of(change), outcome=outcome, codes=codes, sheet=place.sheet,
                      cell=place.address, **more)  # fmt: skip

    for name, (given, code) in WRONG_COUNTS.items():
        text, kind = given if isinstance(given, tuple) else (given, "")
        yield value(name, lambda shop, t=text, k=kind: shop.put_at(place, t, kind=k), RETURNED, code)
    for name, (text, number) in READ_COUNTS.items():
        yield value(name, lambda shop, t=text: shop.put_at(place, t), NOTED, "V110", reads={item: number})
    for name, (text, number) in SAME_COUNTS.items():
        yield value(
            name, lambda shop, t=text: shop.put_at(place, t, kind="n"), ACCEPTED, reads={item: number}
        )
    yield value("only spaces", lambda shop: shop.put_at(place, " 　"), RETURNED, "V100", "V110")
    for name, formula, cached in (("3+4", "3+4", 7), ("of another cell", "A1", 0), ("of another workbook", "[1]表!A1", 5),
                                  ("of nothing", '""', None), ("TODAY", "TODAY()", 44201)):  # fmt: skip
        yield value(
            f"formula {name}",
            lambda shop, f=formula, c=cached: shop.put_at(place, c, formula=f),
            RETURNED,
            "V108",
        )
    for name, number, code in (
        ("date", 14, "V104"),
        ("Chinese date", 31, "V104"),
        ("time", 20, "V104"),
        ("percent", 9, "V107"),
    ):
        shown = lambda shop, n=number: (shop.put_at(place, 5), shop.show_as(place, n))  # noqa: E731
        yield value(f"shown as {name}", shown, RETURNED, code)
    own_date = lambda shop: (shop.put_at(place, 44201), shop.show_as(place, 199, 'yyyy"年"m"月"'))  # noqa: E731
    yield value("shown as a date of one's own format", own_date, RETURNED, "V104")

    def struck_out(shop: Workshop) -> None:
        """12 struck out and 3 beside it, in one cell: to every program the text 123."""
        shop.put_at(place, "")
        cell = shop.cell(place.sheet, place.address)
        inside = cell.find(tag("is"))
        inside.remove(inside[0])
        for text in ("12", "3"):
            ET.SubElement(ET.SubElement(inside, tag("r")), tag("t")).text = text

    yield value("two runs of text", struck_out, NOTED, "V110", reads={item: 123})

    def two_values(shop: Workshop) -> None:
        ET.SubElement(shop.cell(place.sheet, place.address), tag("v")).text = "9"

    yield Mutant(name="count: two values in one cell", change=two_values, outcome=UNREADABLE, codes=("F005",))

    for name, inside in MALFORMED.items():

        def malformed(shop: Workshop, inside=inside) -> None:
            """What one program takes for the cell's value and another passes over."""
            cell = shop.cell(place.sheet, place.address)
            row = next(one for one in shop.sheet(place.sheet).iter(tag("row")) if cell in list(one))
            at = list(row).index(cell)
            row.remove(cell)
            text = inside.replace("#", place.address).replace("<c ", f'<c xmlns="{MAIN}" ')
            row.insert(at, ET.fromstring(text))

        yield Mutant(name=f"count: {name}", change=of(malformed), outcome=UNREADABLE, codes=("F005",))

    def alternatives(shop: Workshop) -> None:
        """A cell that only some programs see."""
        cell = shop.cell(place.sheet, place.address)
        row = next(one for one in shop.sheet(place.sheet).iter(tag("row")) if cell in list(one))
        row.insert(
            list(row).index(cell),
            ET.Element("{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"),
        )

    yield Mutant(
        name="count: alternate content among the cells",
        change=alternatives,
        outcome=UNREADABLE,
        codes=("F005",),
    )
    plain = lambda shop: (shop.put_at(place, 5), shop.show_as(place, 0))  # noqa: E731
    yield value("pasted, General", plain, ACCEPTED, reads={item: 5})
    cap = cast.form.cap(slot.item, "town")
    yield value(
        "above the cap", lambda shop: shop.put_at(place, cap + 1), QUERIED, "V111", reads={item: cap + 1}
    )
    yield value("at the cap", lambda shop: shop.put_at(place, cap), ACCEPTED, reads={item: cap})
    roomy, after = cast.roomy, frozenset({"G102", "G204", "G103"})
    yield Mutant(name="count: a date's serial", change=of(lambda shop: shop.put_at(roomy.place, _serial(cast.form))),
                 outcome=QUERIED, codes=("V112",), also=after, sheet=roomy.sheet, cell=roomy.address,
                 reads={roomy.item.id: _serial(cast.form)})  # fmt: skip


def _serial(form) -> int:
    import datetime

    return (datetime.date(pipe.year_of(form) + 1, 1, 5) - datetime.date(1899, 12, 30)).days


def monies(cast: Cast) -> Iterator[Mutant]:
    slot = cast.money
    place, item, unit = slot.place, slot.item.id, slot.item.unit
    assert unit in ("元", "万元")
    by_wan = Decimal(1) if unit == "万元" else Decimal(10_000)
    by_yuan = Decimal("0.0001") if unit == "万元" else Decimal(1)

    def value(name: str, given: Any, outcome: str, *codes: str, kind: str = "", **more: Any) -> Mutant:
        return Mutant(name=f"money: {name}", change=of(lambda shop: shop.put_at(place, given, kind=kind)), outcome=outcome,
                      codes=codes, sheet=place.sheet, cell=place.address, **more)  # fmt: skip

    yield value("in 万元", "180万元", NOTED, "V110", reads={item: 180 * by_wan})
    yield value("in 元", "12,000元", NOTED, "V110", reads={item: 12000 * by_yuan})
    yield value("in 万", "1.5 万", NOTED, "V110", reads={item: Decimal("1.5") * by_wan})
    yield value("thousands and decimals", "1,234.50", NOTED, "V110", reads={item: Decimal("1234.5")})
    yield value("full-width", "１８０．５", NOTED, "V110", reads={item: Decimal("180.5")})
    yield value("binary dust", "0.30000000000000004", ACCEPTED, kind="n", reads={item: Decimal("0.3")})
    yield value(
        "180.09999999999999", "180.09999999999999", ACCEPTED, kind="n", reads={item: Decimal("180.1")}
    )
    for name, given, code in (
        ("with a sign", "￥180", "V101"),
        ("in 亿", "1.2亿", "V101"),
        ("in dollars", "180美元", "V101"),
        ("Chinese full stop", "180。5", "V101"),
        ("Chinese capitals", "壹佰元", "V101"),
        ("too many decimals as text", "180.12345678", "V107"),
        ("slash", "/", "V101"),
    ):
        yield value(name, given, RETURNED, code)
    yield value("too many decimals", "180.12345678", RETURNED, "V107", kind="n")
    yield value("negative", -1, RETURNED, "V102")
    yield value("cleared", None, RETURNED, "V100")
    cap = cast.form.cap(slot.item, "town")
    yield value("above the cap", cap + 1, QUERIED, "V111", reads={item: Decimal(cap + 1)})
    yield value("at the cap", cap, ACCEPTED, reads={item: Decimal(cap)})
    wan = next(one for one in cast.layout.inputs if one.item.unit == "万元")
    yield Mutant(name="money: 元 where 万元 are asked for", change=of(lambda shop: shop.put_at(wan.place, 1_805_000)),
                 outcome=QUERIED, codes=("V111",), also=frozenset({"G102"}), sheet=wan.sheet, cell=wan.address,
                 reads={wan.item.id: Decimal(1_805_000)})  # fmt: skip


def signs(cast: Cast) -> Iterator[Mutant]:
    slot = cast.signed
    if slot is None:
        return
    after = frozenset({"G102", "G204"})

    def value(name: str, given: Any, outcome: str, *codes: str, **more: Any) -> Mutant:
        return Mutant(name=f"signed: {name}", change=of(lambda shop: shop.put_at(slot.place, given)), outcome=outcome,
                      codes=codes, also=after, sheet=slot.sheet, cell=slot.address, **more)  # fmt: skip

    for name, given, number in (("增5", "增5", 5), ("减3", "减3", -3), ("full-width minus", "－3", -3), ("+5", "+5", 5),
                                ("minus and space", "- 3", -3)):  # fmt: skip
        yield value(name, given, NOTED, "V110", reads={slot.item.id: number})
    for name in ("--253", "±3", "增-5", "增", "3-", "减少三项"):
        yield value(name, name, RETURNED, "V101")


# ---- texts and the cover


def texts(cast: Cast) -> Iterator[Mutant]:
    place = cast.text

    def text(name: str, change: Change, outcome: str, *codes: str, at=place, **more: Any) -> Mutant:
        return Mutant(name=f"text: {name}", change=of(change), outcome=outcome, codes=codes, sheet=at.sheet, cell=at.address,
                      **more)  # fmt: skip

    put = lambda value, **how: lambda shop: shop.put_at(place, value, **how)  # noqa: E731
    yield text("cleared", put(None), RETURNED, "V120")
    yield text("only blanks", put(" 　\n"), RETURNED, "V120")
    yield text("over-long", put("长" * 40_000), RETURNED, "V122")
    yield text("control character", put("第一_x0007_段"), NOTED, "V113")
    yield text("escape sequence", put("_x001B_[31m红"), NOTED, "V113")
    yield text("lone surrogate", put("半个_xD83D_"), NOTED, "V113")
    yield text("whole emoji", put("好_xD83D__xDE00_"), ACCEPTED)
    yield text("formula", put("甲", kind="str", formula='"甲"'), RETURNED, "V114")
    yield text("error value", put("#VALUE!", kind="e"), RETURNED, "V114")
    yield text("starts with an equals sign", put("=1+2 是举例"), ACCEPTED)
    yield text("a number", put(2021), ACCEPTED)
    yield text("line ends of Windows", put("一\r\n二"), ACCEPTED)
    zero = cast.zero
    for said in ("对", "√", "是是", "yes", "1"):
        yield text(
            f"declaration {said}", lambda shop, s=said: shop.put_at(zero, s), RETURNED, "V121", at=zero
        )
    yield text("declaration by formula", lambda shop: shop.put_at(zero, ZERO_WORD, kind="str", formula=f'"{ZERO_WORD}"'),
               RETURNED, "V114", at=zero)  # fmt: skip
    yield text("declaration true", lambda shop: shop.put_at(zero, 1, kind="b"), RETURNED, "V121", at=zero)


# ---- blanks declared to be zeros, and what one might want to hide behind them


def zeros(cast: Cast) -> Iterator[Mutant]:
    count, wide, (left, right) = cast.count, cast.wide, cast.pair
    after = frozenset({"G101", "G102", "G204", "G103"})

    def zero(name: str, change: Change, outcome: str, *codes: str, **more: Any) -> Mutant:
        def run(shop: Workshop) -> None:
            shop.put_at(cast.zero, ZERO_WORD)
            change(shop)

        return Mutant(name=f"zeros: {name}", change=run, outcome=outcome, codes=codes, zeros=True, **more)

    nothing = {item.id: 0 for item in cast.form.inputs if item.type != "text"}
    clear = lambda shop, slot: shop.put_at(slot.place)  # noqa: E731
    yield zero("declared, nothing blank", lambda shop: None, ACCEPTED)
    yield zero(
        "declared with blanks around", lambda shop: shop.put_at(cast.zero, f" {ZERO_WORD}　"), ACCEPTED
    )
    yield zero("one cleared", lambda shop: clear(shop, count), ACCEPTED, reads={count.item.id: 0})
    yield zero(
        "all cleared",
        lambda shop: [clear(shop, slot) for slot in cast.layout.inputs],
        NOTED,
        "G204",
        reads=nothing,
    )
    yield zero("a rule's cell cleared", lambda shop: clear(shop, _needed(cast)), RETURNED, "G101",
               also=after | {"G301"})  # fmt: skip
    yield zero("two merged", lambda shop: shop.merge(left.sheet, f"{left.address}:{right.address}"), RETURNED, "S015",
               also=after, sheet=left.sheet, cell=right.address)  # fmt: skip

    def beside(shop: Workshop) -> None:
        shop.unmerge(wide.sheet, wide.place.range)
        shop.swap(wide.sheet, wide.address, cast.second)

    yield zero(
        "figure in the other half of a merge",
        beside,
        RETURNED,
        "S017",
        "S014",
        sheet=wide.sheet,
        cell=cast.second,
    )
    at = cast.outside(count.sheet)

    def moved_out(shop: Workshop) -> None:
        clear(shop, count)
        shop.put(count.sheet, at, 5)

    yield zero(
        "figure outside the table",
        moved_out,
        QUERIED,
        "S019",
        sheet=count.sheet,
        cell=at,
        reads={count.item.id: 0},
    )
    yield zero("only spaces", lambda shop: shop.put_at(count.place, "  "), NOTED, "V110", reads={count.item.id: 0},
               sheet=count.sheet, cell=count.address)  # fmt: skip
    for word in ("无", "/", "-", "零"):
        yield zero(f"word {word}", lambda shop, w=word: shop.put_at(count.place, w), RETURNED, "V101")

    def copy_filled(shop: Workshop) -> None:
        shop.double(count.sheet, "Sheet2")
        clear(shop, count)

    yield zero("figure on a copy of the sheet", copy_filled, QUERIED, "S013", sheet="Sheet2", cell=count.address,
               reads={count.item.id: 0})  # fmt: skip

    def posed(shop: Workshop) -> None:
        """The filled sheet under another name, an emptied copy under its own."""
        shop.double(count.sheet, "~")
        shop.rename(count.sheet, "Sheet2")
        shop.rename("~", count.sheet)
        clear(shop, count)

    yield zero("emptied copy in the sheet's place", posed, QUERIED, "S013", also=frozenset({"S012"}), sheet="Sheet2",
               reads={count.item.id: 0})  # fmt: skip

    def hidden(shop: Workshop) -> None:
        clear(shop, count)
        shop.set_state(count.sheet, "hidden")

    yield zero("sheet hidden", hidden, QUERIED, "S018", sheet=count.sheet, reads={count.item.id: 0})
    label = cast.label(count.sheet, "head")[0].place
    yield zero("label changed", lambda shop: (clear(shop, count), shop.put_at(label, "别的")), RETURNED, "S008",
               sheet=count.sheet, cell=label.address)  # fmt: skip
    yield zero("formula without a result", lambda shop: shop.put_at(count.place, formula="NA()"), RETURNED, "V108",
               sheet=count.sheet, cell=count.address)  # fmt: skip
    yield zero("sheet missing", lambda shop: shop.remove(count.sheet), RETURNED, "S006", sheet=count.sheet)

    def undeclared(shop: Workshop) -> None:
        shop.put_at(cast.zero, "否")
        clear(shop, count)

    yield zero("declared not to be", undeclared, RETURNED, "V100", sheet=count.sheet, cell=count.address)


def _needed(cast: Cast):
    """An input that is not zero and stands in a rule that must hold."""
    ids = [
        ref.item
        for line in cast.form.rule_lines
        if line.rule.level == "error"
        for ref in line.leaves
        if not ref.last
    ]
    return next(cast.layout.slots[name] for name in ids if cast.base[name])

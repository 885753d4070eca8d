"""What need not be asked again changes no finding: not by order of files, not by what was checked before."""

from __future__ import annotations

import os
import pickle
import random
from dataclasses import replace
from decimal import Decimal
from functools import cache

import helpers_pipe as pipe
import pytest
from helpers_pipe import FORMS
from mutant import clean
from mutants import mutants
from workshop import Workshop

from xltools import Answers, Roster, Unit, lay_out, load_form, write_template
from xltools.checks import Case, integrity, run_checks, statements, structure
from xltools.checks import running as running
from xltools.checks import texts as wording
from xltools.checks.frame import frame_of
from xltools.checks.plain import doubtful
from xltools.checks.registry import registered
from xltools.compute import Row, all_figures, as_number, broken_rules, rule_results, totals
from xltools.filing import Cell, Entry, Filing, SheetFacts, Skeleton
from xltools.finding import Level
from xltools.formulas import ZERO_FIELD
from xltools.geometry import address
from xltools.phrase import _compiled, fold, parse_phrase, read
from xltools.problems import LEFT_OUT, MOVED, PROBLEMS, Transfer
from xltools.reading.filings import entry_of

SLOW = bool(os.environ.get("XLTOOLS_SLOW"))
KEYS = ("gov-info-disclosure/2021", "gov-info-disclosure/2019")
WORDS = (
    "本年度我镇共收到政府信息公开申请{a}件，其中自然人{a}件，结转下年度{b}件。未发生行政复议、行政诉讼。",
    "2021年，示例镇新收政府信息公开申请{a}件。行政复议{b}件，行政诉讼{a}件。制发规范性文件{a}件。",
    "本年度行政许可{a}件，行政处罚{b}件，收费1.2万元。",
    "无",
    "/",
)
ODD = ("约3", "３", -1, 3.5, "12件", "1,234", 44201, 46024, 99, "无", None)


# ---- workbooks


def varied(form, seed):
    """A filing as units write them: blanks, declared zeros, odd figures, texts with figures, reasons."""
    chance = random.Random(f"{form.key} {seed}")
    items = dict(pipe.seeded(form, seed, most=chance.choice((9, 9, 60, 45_000))).items)
    texts = {name: f"第{seed}份的{text.label}。" for name, text in form.texts.items()}
    cover, reasons = {}, {}
    if seed % 3 == 1:
        items = {name: value for name, value in items.items() if chance.random() < 0.7}
        if any(one.id == ZERO_FIELD for one in form.cover) and seed % 2:
            cover = {ZERO_FIELD: "是"}
    if seed % 3 == 2:
        for name in chance.sample(list(items), 3):
            items[name] = chance.choice(ODD)
        texts = {name: chance.choice(WORDS).format(a=seed % 7, b=seed % 3) for name in form.texts}
    if seed % 4 == 2 and form.rule_lines:
        reasons = {chance.choice(form.rule_lines).id: "确有原因，已经核对。"}
    unit = Unit(
        name=f"示例{seed}镇", code=f"U{seed:03d}", parent="示例县", level=chance.choice(("town", "county"))
    )
    given = {name: value for name, value in items.items() if value is not None}
    answers = Answers(items=given, texts=texts, cover=cover, explanations=reasons)
    return write_template(form, unit, pipe.year_of(form), answers)


def resaved(data, seed):
    """Saved by another program, with something typed somewhere."""

    def change(book):
        chance = random.Random(seed)
        sheet = book[chance.choice(book.sheetnames[1:4])]
        cell = sheet.cell(chance.randint(1, 40), chance.randint(1, 14))
        if type(cell).__name__ == "Cell":
            cell.value = chance.choice((0, 7, "备注", "12", None))

    return pipe.changed(data, change)


@cache
def read_all():
    """Filings of all kinds, each with what is said of it by checks that know nothing beforehand."""
    books = []
    for key in KEYS:
        form = load_form(key)
        for one in mutants(form)[:: 1 if SLOW else 14]:
            shop = Workshop(form, clean(form))
            content = one.change(shop)
            books.append(shop.pack() if content is None else content)
    for key in FORMS:
        form = load_form(key)
        for seed in range(120 if SLOW else 12):
            data = varied(form, seed)
            books.append(resaved(data, seed) if seed % 6 == 5 else data)
    return with_skeletons([pipe.read(data, f"{number}.xlsx") for number, data in enumerate(books)])


def shape(sheet):
    """What sheets of one skeleton have in common at the least: here a locked cell without formula may come and go."""
    cells = ((at, cell.formula, cell.locked, cell.format) for at, cell in sheet.cells.items())
    fixed = frozenset(one for one in cells if one[1] is not None or not one[2])
    others = (sheet.hidden_rows, sheet.hidden_columns, sheet.protected, sheet.validations, sheet.conditional)
    return (fixed, sheet.merges, sheet.drawings, sheet.overfull, *others)


def with_skeletons(filings):
    """The same filings as if a reader had found every skeleton that may be found, each with as many holes as may be."""
    holes = {}
    for filing in filings:
        for sheet in filing.book.sheets.values() if filing.book else ():
            holes.setdefault(shape(sheet), set()).update(sheet.cells)
    skeletons = {key: Skeleton(frozenset(places)) for key, places in holes.items()}
    return [on_skeletons(filing, lambda sheet: skeletons[shape(sheet)]) for filing in filings]


def on_skeletons(filing, skeleton_of):
    if filing.book is None:
        return filing
    sheets = {name: replace(sheet, skeleton=skeleton_of(sheet)) for name, sheet in filing.book.sheets.items()}
    return replace(filing, book=replace(filing.book, sheets=sheets))


def cases(filing):
    """One filing as it may be asked about: by itself, with last year's figures, as one of another level."""
    yield Case(filing)
    if filing.form is not None:
        last = {name: (7, None, 4_000)[at % 3] for at, name in enumerate(filing.form.items)}
        yield Case(filing, last=last, year=2021)
        yield Case(replace(filing, unit=replace(filing.unit, level="city")))


# ---- the same findings


def one_by_one(case):
    """What every check says that is asked of such a file, whatever is known of it beforehand."""
    findings, stopped = [], set()
    others = {
        "many",
        "rollup" if not case.filing.is_rollup else "",
        "refusal" if not case.filing.refusal else "",
    }
    for one in registered().values():
        if one.of in others or (one.needs_form and case.filing.form is None) or stopped & {*one.requires}:
            continue
        found = [*one.run(case)]
        findings += found
        stopped |= {one.code for finding in found if finding.level is Level.ERROR}
    return findings


def test_what_is_passed_over_has_nothing_to_say():
    """Of checks of what a filing does not come with, of a known frame and of plain figures."""
    roster = Roster(tuple(Unit(name=f"示例{number}镇", code=f"U{number:03d}") for number in range(3)))
    running.forget()
    spoken = set()
    for filing in read_all():
        for case in (*cases(filing), Case(filing, roster=roster), Case(sent_back(filing)), Case(filing)):
            found = run_checks(case)
            assert found == one_by_one(replace(case)), filing.file
            spoken.update(finding.code for finding in found)
    assert {registered()[code].given for code in spoken} == {one.given for one in registered().values()}


def sent_back(filing):
    """The filing as if it had been carried over, sent back for something, and its list of problems spoilt."""
    if filing.book is None:
        return filing
    moved, outside = (
        Transfer(
            outcome=outcome,
            about="西镇",
            source="汇总.xlsx",
            before="",
            sheet="",
            cell="",
            after="",
            remark="",
        )
        for outcome in (MOVED, LEFT_OUT)
    )
    sheets = {**filing.book.sheets, PROBLEMS: SheetFacts(PROBLEMS)}
    book = replace(filing.book, sheets=sheets)
    return replace(filing, book=book, held=("S023.1",), transfers=(moved, outside))


def test_findings_do_not_depend_on_what_was_checked_before():
    filings = read_all()
    plainly = {}
    for number, filing in enumerate(filings):
        for kind, case in enumerate(cases(on_skeletons(filing, lambda sheet: None))):
            running.forget()
            plainly[number, kind] = run_checks(case)
    assert sum(map(bool, plainly.values())) > len(filings) / 2
    running.forget()
    silenced = 0
    for turn in range(3 if SLOW else 2):
        order = list(enumerate(filings))
        random.Random(turn).shuffle(order)
        for number, filing in order:
            for kind, case in enumerate(cases(filing)):
                frame = frame_of(case)
                silenced += frame is not None and len(frame.silent) > 10 and len(case.doubtful) < 50
                assert run_checks(case) == plainly[number, kind], (turn, number, kind)
    assert silenced > len(filings)  # or nothing was tried


def test_findings_by_the_reader_s_own_skeletons():
    form = load_form(KEYS[0])
    books = [varied(form, seed) for seed in range(200 if SLOW else 16)]
    found = []
    for number, data in enumerate(books * 2):
        filing = pipe.read(data, f"{number % len(books)}.xlsx")
        warm = run_checks(Case(filing))
        running.forget()
        assert warm == run_checks(Case(on_skeletons(filing, lambda sheet: None)))
        found.append(warm)
        run_checks(Case(filing))
    assert found[: len(books)] == found[len(books) :]


# ---- a quick look

QUICK = {"S003", "S020", "G204", "V113", "V114", "V122"}


def looked_at_closely(case):
    """What the checks that take a quick look first say without it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "_all_agree", lambda case: False)
        patch.setattr(structure, "_names_of_inputs", lambda layout, names: None)
        patch.setattr(integrity, "_are_in_order", lambda cells, sums: False)
        patch.setattr(wording, "_all_texts", lambda case: wording.LOST * wording.MOST_TEXT)
        patch.setattr(wording, "_may_be_no_texts", lambda layout, book: True)
        return {code: [*registered()[code].run(replace(case))] for code in QUICK}


def spoilt(filing, chance):
    """The filing with something changed of which one of these checks may speak, or of which it must not."""
    change = chance.choice((claimed, numbered, named, totalled, said, worded))
    return change(filing, lay_out(filing.form), chance)


def claimed(filing, layout, chance):
    """One carrier, or all of a field, with another word or none."""
    at, word = chance.randrange(len(layout.carriers)), chance.choice((None, "乙镇", "2021"))
    is_whole, name = chance.random() < 0.5, layout.carriers[at].field
    values = (
        word if n == at or (is_whole and one.field == name) else value
        for n, (one, value) in enumerate(filing.claims)
    )
    return replace(filing, claims=replace(filing.claims, values=tuple(values)))


def numbered(filing, layout, chance):
    return replace(filing, **chance.choice(({"issue": "I2021-0123456789"}, {"issue": "I"}, {"year": None})))


def named(filing, layout, chance):
    """A cell's name elsewhere, gone, written twice; a name of the unit's own."""
    name = chance.choice(layout.inputs).item.id
    names = {one: at for one, at in filing.book.names.items() if one != name or chance.random() < 0.7}
    names[chance.choice((name, name.upper(), "我的"))] = chance.choice(("封面!$A$1", "#REF!", ""))
    return replace(filing, book=replace(filing.book, names=names))


def totalled(filing, layout, chance):
    """A total that shows something else, or the same in another way."""
    slot = chance.choice(layout.derived)
    cell = filing.book.sheets[slot.sheet].cell(slot.address)
    text = chance.choice(("", "0", cell.text, f"{cell.text}.0", "999", "无"))
    return with_cell(filing, slot, replace(cell, text=text, kind=chance.choice(("number", "text"))))


def said(filing, layout, chance):
    part = chance.choice([one for one in ("texts", "cover", "explanations") if getattr(filing, one)])
    text = chance.choice(
        (f"半个{wording.LOST}字", "长" * (wording.MOST_TEXT + 1), "半" * wording.MOST_TEXT, "")
    )
    texts = getattr(filing, part)
    return replace(filing, **{part: {**texts, chance.choice([*texts]): text}})


def worded(filing, layout, chance):
    place = chance.choice([*layout.texts.values(), *layout.cover.values()])
    cells = (Cell("error", "#REF!"), Cell("text", "无", formula="A1"), Cell("text", "=无"))
    return with_cell(filing, place, chance.choice(cells))


def with_cell(filing, place, cell):
    """The filing with one cell otherwise at a place or slot, which nobody has read."""
    sheet = filing.book.sheets[place.sheet]
    sheets = {**filing.book.sheets, sheet.name: replace(sheet, cells={**sheet.cells, place.address: cell})}
    return replace(filing, book=replace(filing.book, sheets=sheets))


def test_a_quick_look_passes_over_nothing():
    chance = random.Random(5)
    ours = [one for one in read_all() if one.form is not None and not one.is_rollup and not one.label_faults]
    whole = [one for one in ours if one.book.sheets.keys() >= lay_out(one.form).by_name.keys()]
    spoken = dict.fromkeys(QUICK, 0)
    for filing in chance.choices(whole, k=20_000 if SLOW else 1_500):
        case = Case(spoilt(filing, chance))
        for code, closely in looked_at_closely(case).items():
            assert [*registered()[code].run(replace(case))] == closely
            spoken[code] += bool(closely)
    assert min(spoken.values()) > 5, spoken


# ---- frames


@pytest.fixture
def known():
    """A clean filing of the national form, whose frame and figures have been judged."""
    running.forget()
    form = load_form(KEYS[0])
    (filing,) = with_skeletons([pipe.read(pipe.filled(form))])
    assert run_checks(Case(filing)) == []
    assert frame_of(Case(filing)).silent and not doubtful(filing, "town")
    return filing


def changed_at(filing, name, at, cell):
    """A filing whose reader found the same skeleton, though one more of its cells holds something."""
    sheets = dict(filing.book.sheets)
    sheet = sheets[name]
    skeleton = Skeleton(sheet.skeleton.holes | {at})
    sheets[name] = replace(sheet, skeleton=skeleton)
    before = replace(filing, book=replace(filing.book, sheets=sheets))
    sheets = {**sheets, name: replace(sheet, skeleton=skeleton, cells={**sheet.cells, at: cell})}
    return before, replace(filing, book=replace(filing.book, sheets=sheets))


@pytest.mark.parametrize(
    ("text", "zeros", "code"), [("备注", False, "S016"), ("12", False, "S016"), ("12", True, "S019")]
)
def test_what_stands_beside_the_tables_is_seen_though_the_frame_is_known(known, text, zeros, code):
    plan = known_plan(known)
    beside = address(plan.rows + 3, len(plan.widths) + 2)
    before, after = changed_at(known, plan.name, beside, Cell("text", text))
    assert run_checks(Case(before)) == []
    if zeros:
        first = next(slot.item.id for slot in lay_out(known.form).inputs if slot.sheet == plan.name)
        entries = {**after.entries, first: replace(after.entries[first], value=None, declared_zero=True)}
        after = replace(after, entries=entries)
    assert [finding.code for finding in run_checks(Case(after))] == [code]


def test_what_stands_beneath_a_merged_cell_is_seen_though_the_frame_is_known(known):
    slot = next(slot for slot in lay_out(known.form).inputs if slot.place.is_block)
    beneath = address(slot.place.row, slot.place.column + 1)
    before, after = changed_at(known, slot.sheet, beneath, Cell("number", "77", locked=False))
    assert run_checks(Case(before)) == []
    assert [finding.code for finding in run_checks(Case(after))] == ["S017"]


@pytest.mark.parametrize("stray", [Cell("number", "7", "3+4"), Cell("text", "共 12 件")])
def test_what_every_sheet_of_a_skeleton_has_beside_its_tables_is_judged_by_the_declared_zeros(known, stray):
    """S016 speaks of it, or S019 where blanks count as zeros: neither silence says anything of the next filing."""
    plan = known_plan(known)
    sheet = known.book.sheets[plan.name]
    cells = {**sheet.cells, address(plan.rows + 3, len(plan.widths) + 2): stray}
    sheets = {
        **known.book.sheets,
        plan.name: replace(sheet, cells=cells, skeleton=Skeleton(sheet.skeleton.holes)),
    }
    noted = replace(known, book=replace(known.book, sheets=sheets))
    first = next(slot.item.id for slot in lay_out(known.form).inputs if slot.sheet == plan.name)
    zero = replace(noted.entries[first], value=None, declared_zero=True)
    queried = replace(noted, entries={**noted.entries, first: zero})
    for filing, code in ((noted, "S016"), (queried, "S019")) * 2:
        assert [finding.code for finding in run_checks(Case(filing))] == [code]


@pytest.mark.parametrize("order", [1, -1])
def test_a_total_without_formula_is_looked_at_every_time(known, order):
    """A sheet without a total's formula may hold a number there, or nothing: one silence says nothing of the other."""
    slot = lay_out(known.form).derived[0]
    sheet = known.book.sheets[slot.sheet]
    skeleton = Skeleton(sheet.skeleton.holes)
    made = {}
    for code, cell in (("G201", Cell("number", "5")), ("G203", Cell("blank"))):
        cells = {**sheet.cells, slot.address: cell}
        sheets = {**known.book.sheets, slot.sheet: replace(sheet, cells=cells, skeleton=skeleton)}
        made[code] = replace(known, book=replace(known.book, sheets=sheets))
    for code in [*made][::order] * 2:
        assert code in [finding.code for finding in run_checks(Case(made[code]))]


@pytest.mark.parametrize("change", ["hidden", "added", "order", "gone"])
def test_names_states_and_order_of_sheets_are_of_the_frame(known, change):
    plan, sheets = known_plan(known), dict(known.book.sheets)
    sheet = sheets.pop(plan.name)
    if change == "hidden":
        sheets = {**known.book.sheets, plan.name: replace(sheet, state="hidden")}
    elif change == "added":
        sheets = {**known.book.sheets, "草稿": replace(sheet, name="草稿", cells={})}
    elif change == "order":
        sheets[plan.name] = sheet
    made = replace(known, book=replace(known.book, sheets=sheets))
    code = {"hidden": "S018", "added": "S011", "order": "S012", "gone": "S006"}[change]
    assert [finding.code for finding in run_checks(Case(made))][:1] == [code]
    assert run_checks(Case(known)) == []


def known_plan(filing):
    """A sheet with figures."""
    return lay_out(filing.form).by_name[lay_out(filing.form).inputs[0].sheet]


# ---- figures


def with_figure(filing, slot, cell):
    """The filing with one cell read otherwise, as the reader would have it."""
    sheets = dict(filing.book.sheets)
    sheet = sheets[slot.sheet]
    sheets[slot.sheet] = replace(sheet, cells={**sheet.cells, slot.address: cell})
    entries = {**filing.entries, slot.item.id: entry_of(cell, slot.item)}
    return replace(filing, book=replace(filing.book, sheets=sheets), entries=entries)


def free(filing):
    """A count that no total and no rule speaks of, with a cap."""
    bound = {ref.item for line in filing.form.rule_lines for ref in line.leaves}
    bound |= {leaf for item in filing.form.derived for leaf in filing.form.leaves_of(item.id)}
    inputs = (slot for slot in lay_out(filing.form).inputs if slot.item.id not in bound)
    return next(slot for slot in inputs if slot.item.type == "count" and filing.form.cap(slot.item, "town"))


def test_a_figure_is_plain_under_one_cap_and_not_under_another(known):
    slots = {
        known.form.cap(slot.item, "town"): slot
        for slot in lay_out(known.form).inputs
        if slot.item.type == "count"
    }
    low, high = min(slots), max(slots)
    cell = Cell("number", str(low + 1), locked=False, format="number")
    assert low < high
    for cap in (high, low, high):
        codes = {finding.code for finding in run_checks(Case(with_figure(known, slots[cap], cell)))}
        assert ("V111" in codes) is (cap == low)


def test_figures_of_a_workbook_that_lacks_a_sheet_are_not_judged_and_not_learned(known):
    slot = free(known)
    cap = known.form.cap(slot.item, "town")
    bad = with_figure(known, slot, Cell("number", str(cap + 1), locked=False, format="number"))
    other = next(name for name in reversed(lay_out(known.form).section_names) if name != slot.sheet)
    sheets = {name: sheet for name, sheet in bad.book.sheets.items() if name != other}
    lacking = replace(bad, book=replace(bad.book, sheets=sheets))
    for filing, code in ((lacking, "S006"), (bad, "V111")) * 2:
        assert [finding.code for finding in run_checks(Case(filing))] == [code]


@pytest.mark.parametrize("first", ["town", "province"])
def test_a_figure_is_plain_for_one_level_and_not_for_another(known, first):
    slot = free(known)
    caps = {level: known.form.cap(slot.item, level) for level in ("town", "province")}
    figure = caps["town"] + 1
    assert caps["town"] < figure <= caps["province"]
    made = with_figure(known, slot, Cell("number", str(figure), locked=False, format="number"))
    said = {}
    for level in [first, *caps] * 2:
        filing = replace(made, unit=replace(made.unit, level=level))
        said[level] = {finding.code for finding in run_checks(Case(filing))} & {"V111"}
    assert said == {"town": {"V111"}, "province": set()}


def test_a_figure_is_plain_in_one_year_and_a_date_in_another(known):
    slot = free(known)
    made = with_figure(known, slot, Cell("number", "2", locked=False, format="number"))
    cap = known.form.cap(slot.item, "province")
    early, late = 43_900, 44_000  # both days of 2020
    assert late <= cap
    for year in (2012, 2020, 2012):
        for figure in (early, late):
            cell = Cell("number", str(figure), locked=False, format="number")
            filing = with_figure(
                replace(made, year=year, unit=replace(made.unit, level="province")), slot, cell
            )
            codes = {finding.code for finding in run_checks(Case(filing))}
            assert ("V112" in codes) is (year == 2020)


def test_last_year_s_figure_makes_nothing_plain(known):
    """元 for 万元 is said by G107 where last year is known, and has to be said by V111 where it is not."""
    slot = next(
        one for one in lay_out(known.form).inputs if one.item.type == "money" and one.item.unit == "万元"
    )
    cap = known.form.cap(slot.item, "town")
    made = with_figure(known, slot, Cell("number", str(cap * 2), locked=False, format="number"))
    with_last = Case(made, last={slot.item.id: Decimal(cap) / 5_000})
    for _ in range(2):
        assert {"G107"} == {finding.code for finding in run_checks(with_last)} & {"G107", "V111"}
        assert {"V111"} == {finding.code for finding in run_checks(Case(made))} & {"G107", "V111"}


def test_a_number_format_put_on_by_a_condition_is_of_the_kind(known):
    slot = free(known)
    sheet = known.book.sheets[slot.sheet]
    sheets = {**known.book.sheets, slot.sheet: replace(sheet, conditional=((slot.address, '0"0"'),))}
    filing = replace(known, book=replace(known.book, sheets=sheets))
    for _ in range(2):
        assert [finding.code for finding in run_checks(Case(filing))] == ["V115"]
        assert run_checks(Case(known)) == []


def test_blanks_are_never_plain(known):
    """Of several blanks a finding names one; the others are blank in the next filing as well."""
    first, second = [slot for slot in lay_out(known.form).inputs if slot.sheet == known_plan(known).name][:2]
    alone = with_figure(known, second, Cell("blank", locked=False))
    for filing in (with_figure(alone, first, Cell("blank", locked=False)), alone) * 2:
        assert [finding.code for finding in run_checks(Case(filing))] == ["V100"]
    zero = replace(alone.entries[second.item.id], declared_zero=True)
    declared = replace(alone, entries={**alone.entries, second.item.id: zero})
    for filing, codes in ((declared, []), (alone, ["V100"])) * 2:
        assert [finding.code for finding in run_checks(Case(filing))] == codes


# ---- arithmetic by position


def plain_totals(form, inputs, blank=None):
    """As the form says it, item by item."""

    def worth(item):
        if item.is_input:
            value = as_number(inputs.get(item.id))
            return blank if value is None else value
        parts = [worth(form.items[part]) for part in item.sum]
        return None if None in parts else sum(parts)

    return {item.id: worth(item) for item in form.derived}


def figures(form, chance):
    """Inputs at random: whole, with decimals, blank, huge, texts."""
    some = (None, 0, 3, 12, Decimal("0.1"), Decimal("180.5"), 10**14, True, "约3")
    few = chance.choice((some[1:4], some[:4], some[:6], some))
    return {item.id: chance.choice(few) if item.type != "text" else "文字" for item in form.inputs}


@pytest.mark.parametrize("key", FORMS)
def test_totals_and_rules_are_those_of_the_form_s_own_words(key):
    form, chance = load_form(key), random.Random(key)
    names = tuple(item.id for item in form.inputs)
    for _ in range(200 if SLOW else 40):
        inputs = figures(form, chance)
        row = Row(names, tuple(inputs.values()))
        for blank in (None, 0):
            assert totals(form, row, blank=blank) == plain_totals(form, inputs, blank)
            assert totals(form, inputs, blank=blank) == plain_totals(form, inputs, blank)
        whole = all_figures(form, row)
        assert whole == {**inputs, **plain_totals(form, inputs)} and list(whole) == list(form.items)
        last = chance.choice(
            (None, {name: chance.choice((None, 0, 3, Decimal("0.1"))) for name in form.items})
        )
        for level in ("town", "county"):
            plainly = rule_results(form, whole, level, last=last)
            assert broken_rules(form, whole, level, last=last) == [
                one for one in plainly if one.holds is False
            ]


def test_a_row_is_the_mapping_it_stands_for():
    row = Row(("a", "b", "c"), (1, None, "x"))
    same = {"a": 1, "b": None, "c": "x"}
    assert row == same and same == row and dict(row) == same and {**row} == same
    assert list(row) == list(same) and list(row.items()) == list(same.items()) and len(row) == 3
    assert list(row.values()) == list(same.values())
    assert (row.get("b", 5), row.get("d"), row.get("d", 5), "b" in row, "d" in row) == (
        None,
        None,
        5,
        True,
        False,
    )
    assert row != Row(("a", "b", "c"), (1, None, "y")) and row != {"a": 1}
    with pytest.raises(KeyError):
        row["d"]
    with pytest.raises(ValueError, match="2 names for 1"):
        Row(("a", "b"), (1,))
    back = pickle.loads(pickle.dumps(row))
    assert back == row and back.names is row.names  # the ids are shared again


# ---- texts


@pytest.mark.parametrize("key", KEYS)
def test_a_phrase_is_looked_for_wherever_it_may_stand(key):
    """What is passed over because a fixed piece of the phrase is missing has no match."""
    form = load_form(key)
    phrases = [phrase for statement in form.statements for phrase in statement.words]
    texts = [fold(words.format(a=5, b=2)) for words in WORDS]
    for phrase in phrases:
        plain = phrase.text.replace("{n}", "5").replace("{year}", "2021").replace("{next_year}", "2022")
        texts.append(
            fold("".join(part.split("|")[0] for part in plain.replace("]", "[").split("["))).replace("…", "")
        )
    chance = random.Random(key)
    for _ in range(400 if SLOW else 60):  # several sentences, one of which may go on where the other ends
        texts.append(chance.choice(("", "\n", "。", "；", "，")).join(chance.choices(texts, k=4)))
    count = 0
    for phrase in (*phrases, parse_phrase("[申请|]{n}[件|]"), parse_phrase("申请{n}件。其中")):
        for text in (*texts, "", "。"):
            plainly = [match.span() for match in _compiled(phrase._pattern, 2021).finditer(text)]
            assert [match.span() for match in phrase.matches(text, 2021)] == plainly
            count += len(plainly)
    assert count >= len(phrases)


@pytest.mark.parametrize("key", KEYS)
def test_what_agrees_with_the_table_need_not_be_read_further(key):
    """Of a text in which all numbers are the table's nothing is to be said, whoever's they are; of others what is read."""
    form, chance = load_form(key), random.Random(key)
    year, unit = pipe.year_of(form), Unit(name="示例镇", parent="示例县")
    spoken, silent = 0, 0
    for _ in range(1500 if SLOW else 150):
        figures = figures_of_few(form, chance)
        words = chance.choices(
            (*WORDS, "去年收到政府信息公开申请{b}件。", "乙镇收到政府信息公开申请{a}件。"), k=3
        )
        text = "".join(one.format(a=chance.randint(0, 2), b=chance.randint(0, 2)) for one in words)
        filing = Filing(file="甲.xlsx", sha256="", form=form, unit=unit, year=year, entries=figures)
        case = Case(filing)
        for statement in form.statements:
            item = form.items[statement.items[0]]
            found = read(text, statement.words, statement.wording, year=year, own="示例县示例镇")
            stated = {
                Decimal(one.value) / 10_000 if item.unit == "万元" else one.value
                for one in found
                if item.type == "money" or not one.in_wan
            }
            table, more = (
                sum(case.filing.figures[name] for name in names)
                for names in (statement.items, statement.plus)
            )
            differs = len(stated) == 1 and not stated & {table, table + more}
            said = [one.stated for one in statements._differing(case, statement, text, year)]
            assert said == (list(stated) if differs else []), (text, statement.id)
            spoken, silent = spoken + differs, silent + (bool(stated) and not differs)
    assert min(spoken, silent) > 50


def figures_of_few(form, chance):
    """An entry for each input, so that totals are small and often those of a text."""
    values = [chance.choice((0, 0, 0, 0, 0, 1)) if item.type != "text" else "文字" for item in form.inputs]
    names = tuple(item.id for item in form.inputs)
    return Row(names, tuple(Entry(Cell("number", str(value)), value) for value in values))

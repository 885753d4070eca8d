"""Where everything stands: the official grids on the page, and what holds of any layout."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xltools.form import Form
from xltools.forms.catalogue import form_files, load_form
from xltools.formulas import panel_formulas, rule_formulas, total_formula
from xltools.geometry import MOST_HEIGHT, Place, address, areas, blocks, column_letters, position, quoted
from xltools.layout import CHECKS, COVER, GUIDE, IDENTITY, META, Layout, lay_out

FORMS = Path(__file__).parent / "forms"
EVERY = [load_form(path) for path in (*dict(form_files()).values(), *sorted(FORMS.glob("*.toml")))]
EDITION_2019, EDITION_2021 = (load_form(f"gov-info-disclosure/{edition}") for edition in ("2019", "2021"))
every_form = pytest.mark.parametrize("form", EVERY, ids=lambda form: form.key)
both_editions = pytest.mark.parametrize("form", [EDITION_2019, EDITION_2021], ids=lambda form: form.edition)


# ---- the official grids
#
# One line of the page is one row of the sheet.  `<` is covered by the cell to the left, `^` by the one above,
# `in` is an open figure, `Σ` a total.


def drawn(form: Form, sheet: str) -> list[list[str]]:
    """The tables of a sheet as they will be printed."""
    layout = lay_out(form)
    plan = layout.by_name[sheet]
    page: dict[tuple[int, int], str] = {}

    def draw(place: Place, text: str) -> None:
        for row in range(place.row, place.last_row + 1):
            for column in range(place.column, place.last_column + 1):
                is_corner = (row, column) == (place.row, place.column)
                page[row, column] = text if is_corner else "<" if row == place.row else "^"

    for label in plan.labels:
        if label.role != "title":
            draw(label.place, label.text)
    for slot in layout.slots.values():
        if slot.sheet == sheet:
            draw(slot.place, "in" if slot.is_input else "Σ")
    rows, columns = range(4, plan.rows + 1), range(1, len(plan.widths) + 1)
    return [[page.get((row, column), "") for column in columns] for row in rows]


def written(page: str) -> list[list[str]]:
    lines = [line.strip().strip("|") for line in page.strip().splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


TABLE_TWO_2019 = """
    | 第二十条第（一）项   | < | < | < | < | < | < |
    | 信息内容             | 本年新制作数量 | < | 本年新公开数量 | < | 对外公开总数量 | < |
    | 规章                 | in | < | in | < | in | < |
    | 规范性文件           | in | < | in | < | in | < |
    | 第二十条第（五）项   | < | < | < | < | < | < |
    | 信息内容             | 上一年项目数量 | < | 本年增/减 | < | 处理决定数量 | < |
    | 行政许可             | in | < | in | < | in | < |
    | 其他对外管理服务事项 | in | < | in | < | in | < |
    | 第二十条第（六）项   | < | < | < | < | < | < |
    | 信息内容             | 上一年项目数量 | < | 本年增/减 | < | 处理决定数量 | < |
    | 行政处罚             | in | < | in | < | in | < |
    | 行政强制             | in | < | in | < | in | < |
    | 第二十条第（八）项   | < | < | < | < | < | < |
    | 信息内容             | 上一年项目数量 | < | < | 本年增/减 | < | < |
    | 行政事业性收费       | in | < | < | in | < | < |
    | 第二十条第（九）项   | < | < | < | < | < | < |
    | 信息内容             | 采购项目数量 | < | < | 采购总金额（万元） | < | < |
    | 政府集中采购         | in | < | < | in | < | < |
"""

TABLE_TWO_2021 = """
    | 第二十条第（一）项 | < | < | < |
    | 信息内容           | 本年制发件数 | 本年废止件数 | 现行有效件数 |
    | 规章               | in | in | in |
    | 行政规范性文件     | in | in | in |
    | 第二十条第（五）项 | < | < | < |
    | 信息内容           | 本年处理决定数量 | < | < |
    | 行政许可           | in | < | < |
    | 第二十条第（六）项 | < | < | < |
    | 信息内容           | 本年处理决定数量 | < | < |
    | 行政处罚           | in | < | < |
    | 行政强制           | in | < | < |
    | 第二十条第（八）项 | < | < | < |
    | 信息内容           | 本年收费金额（单位：万元） | < | < |
    | 行政事业性收费     | in | < | < |
"""

TABLE_THREE_HEAD = """
    | （本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和） | < | < | 申请人情况 | < | < | < | < | < | < |
    | ^ | ^ | ^ | 自然人 | 法人或其他组织 | < | < | < | < | 总计 |
    | ^ | ^ | ^ | ^ | 商业企业 | 科研机构 | 社会公益组织 | 法律服务机构 | 其他 | ^ |
"""
TABLE_THREE_ROWS = """
    | 一、本年新收政府信息公开申请数量 | < | < |
    | 二、上年结转政府信息公开申请数量 | < | < |
    | 三、本年度办理结果 | （一）予以公开 | < |
    | ^ | （二）部分公开（区分处理的，只计这一情形，不计其他情形） | < |
    | ^ | （三）不予公开 | 1.属于国家秘密 |
    | ^ | ^ | 2.其他法律行政法规禁止公开 |
    | ^ | ^ | 3.危及“三安全一稳定” |
    | ^ | ^ | 4.保护第三方合法权益 |
    | ^ | ^ | 5.属于三类内部事务信息 |
    | ^ | ^ | 6.属于四类过程性信息 |
    | ^ | ^ | 7.属于行政执法案卷 |
    | ^ | ^ | 8.属于行政查询事项 |
    | ^ | （四）无法提供 | 1.本机关不掌握相关政府信息 |
    | ^ | ^ | 2.没有现成信息需要另行制作 |
    | ^ | ^ | 3.补正后申请内容仍不明确 |
    | ^ | （五）不予处理 | 1.信访举报投诉类申请 |
    | ^ | ^ | 2.重复申请 |
    | ^ | ^ | 3.要求提供公开出版物 |
    | ^ | ^ | 4.无正当理由大量反复申请 |
    | ^ | ^ | 5.要求行政机关确认或重新出具已获取信息 |
    OTHER
    | ^ | （七）总计 | < |
    | 四、结转下年度继续办理 | < | < |
"""
OTHER = {
    "2019": """
    | ^ | （六）其他处理 | < |
""",
    "2021": """
    | ^ | （六）其他处理 | 1.申请人无正当理由逾期不补正、行政机关不再处理其政府信息公开申请 |
    | ^ | ^ | 2.申请人逾期未按收费通知要求缴纳费用、行政机关不再处理其政府信息公开申请 |
    | ^ | ^ | 3.其他 |
""",
}

RESULTS = "结果维持 | 结果纠正 | 其他结果 | 尚未审结 | 总计"
TABLE_FOUR = f"""
    | 行政复议 | < | < | < | < | 行政诉讼 | < | < | < | < | < | < | < | < | < |
    | {RESULTS} | 未经复议直接起诉 | < | < | < | < | 复议后起诉 | < | < | < | < |
    | ^ | ^ | ^ | ^ | ^ | {RESULTS} | {RESULTS} |
    | in | in | in | in | Σ | in | in | in | in | Σ | in | in | in | in | Σ |
"""


@pytest.mark.parametrize(("form", "page"), [(EDITION_2019, TABLE_TWO_2019), (EDITION_2021, TABLE_TWO_2021)])
def test_table_two_is_the_official_one(form: Form, page: str):
    assert drawn(form, "二、主动公开") == written(page)


@both_editions
def test_table_three_is_the_official_one(form: Form):
    rows = written(TABLE_THREE_ROWS.replace("OTHER", OTHER[form.edition].strip()))
    figures = {True: ["Σ"] * 7, False: ["in"] * 6 + ["Σ"]}
    expected = [row + figures["（七）总计" in row] for row in rows]
    assert len(expected) == {"2019": 23, "2021": 25}[form.edition]
    assert drawn(form, "三、依申请公开") == written(TABLE_THREE_HEAD) + expected


@both_editions
def test_table_four_is_the_official_one(form: Form):
    assert drawn(form, "四、复议诉讼") == written(TABLE_FOUR)


@both_editions
def test_sections_stand_in_the_official_order(form: Form):
    layout = lay_out(form)
    assert [sheet.title for sheet in form.sheets] == [
        "一、总体情况",
        "二、主动公开政府信息情况",
        "三、收到和处理政府信息公开申请情况",
        "四、政府信息公开行政复议、行政诉讼情况",
        "五、存在的主要问题及改进情况",
        "六、其他需要报告的事项",
    ]
    assert layout.sheet_names == (COVER, *layout.section_names, CHECKS, GUIDE, META)


def test_local_rows_stand_where_the_province_puts_them():
    jilin = drawn(load_form("gov-info-disclosure/2019-jilin"), "二、主动公开")
    total = "{year}年本行政区域（或本部门）政府信息公开发布总数量（非新闻类、消息类）"
    assert jilin == [*written(TABLE_TWO_2019), [total, "in", "<", "<", "<", "<", "<"]]
    beijing = drawn(load_form(FORMS / "2019-beijing.toml"), "二、主动公开")
    assert beijing[6:9] == written("""
        | 行政许可             | <        | in | < | in | < | in | < |
        | 其他对外管理服务事项 | 行政检查 | in | < | in | < | in | < |
        | ^                    | 行政确认 | in | < | in | < | in | < |
    """)


def test_a_form_of_its_own_is_laid_out_by_the_same_rules():
    snow = load_form(FORMS / "snow-clearing.toml")
    assert drawn(snow, "一、道路清雪") == written("""
        | 道路     | <        | 城区道路 | <            | 村屯道路 | 合计 |
        | ^        | ^        | 主干道   | 次干道及支路 | ^        | ^    |
        | 应清道路 | <        | in | in | in | Σ |
        | 已清道路 | 机械清雪 | in | in | in | Σ |
        | ^        | 人工清雪 | in | in | in | Σ |
        | ^        | 小计     | Σ  | Σ  | Σ  | Σ |
        | 未清道路 | <        | in | in | in | Σ |
    """)
    assert drawn(snow, "二、保障投入") == written("""
        | 资金投入（元） | < | < | < | < |
        | 资金 | 融雪剂 | in | < | < |
        | ^    | 燃油   | in | < | < |
        | ^    | 人工   | in | < | < |
        | ^    | 合计   | Σ  | < | < |
        | 清雪队伍 | < | < | < | < |
        | 队伍 | < | 队伍名称 | 人数 | 最长连续作业 |
        | 机械清雪队 | < | in | in | in |
        | 人工清雪队 | < | in | in | in |
    """)


# ---- what holds of every layout


def places_of(layout: Layout) -> list[Place]:
    """Every place that the form's workbook fills, each once."""
    rules = [
        place
        for row in layout.rules.values()
        for place in (row.left, row.right, row.difference, row.result, row.explanation)
    ]
    carriers = [carrier.place for carrier in layout.carriers if carrier.place is not None]
    return [
        *(label.place for label in layout.labels),
        *(slot.place for slot in layout.slots.values()),
        *layout.texts.values(),
        *layout.cover.values(),
        *layout.panel.values(),
        *layout.last.values(),
        *rules,
        *carriers,
        *(place for name, place in layout.meta.items() if name not in IDENTITY),
    ]


def cells(place: Place) -> set[tuple[str, int, int]]:
    rows, columns = range(place.row, place.last_row + 1), range(place.column, place.last_column + 1)
    return {(place.sheet, row, column) for row in rows for column in columns}


@every_form
def test_no_two_places_overlap(form: Form):
    taken: set[tuple[str, int, int]] = set()
    for place in places_of(lay_out(form)):
        assert not taken & cells(place), place
        taken |= cells(place)


@every_form
def test_every_place_is_on_the_sheet_and_every_row_has_a_height(form: Form):
    layout = lay_out(form)
    for place in places_of(layout):
        if place.sheet == META:
            continue
        plan = layout.by_name[place.sheet]
        assert 1 <= place.row <= place.last_row <= plan.rows, place
        assert 1 <= place.column <= place.last_column <= len(plan.widths), place
    for plan in layout.sheets:
        here = [place for place in places_of(layout) if place.sheet == plan.name]
        rows_filled = {row for place in here for _, row, _ in cells(place)}
        assert rows_filled <= set(plan.heights), plan.name
        assert set(plan.heights) <= set(range(1, plan.rows + 1))
        assert all(0 < height <= MOST_HEIGHT for height in plan.heights.values())


@every_form
def test_the_sheet_of_a_table_is_full(form: Form):
    """Between the head and the end no cell is without a label or a figure, but in the gaps between blocks."""
    for sheet in form.sheets:
        if not sheet.texts:
            assert all("" not in row for row in drawn(form, sheet.name)), sheet.name


@every_form
def test_data_columns_are_wide_enough(form: Form):
    layout = lay_out(form)
    for slot in layout.slots.values():
        assert layout.by_name[slot.sheet].width(slot.place) >= 8, slot.item.id


@every_form
def test_each_identity_field_has_one_cell_on_each_sheet(form: Form):
    for plan in lay_out(form).sheets:
        fields = [carrier.field for carrier in plan.carriers]
        assert sorted(fields) == sorted(IDENTITY), plan.name
        assert len({carrier.place.address for carrier in plan.carriers if carrier.place}) == len(IDENTITY)


@every_form
def test_every_identity_field_is_carried_in_every_way(form: Form):
    layout = lay_out(form)
    for kind in ("cell", "defined_name", "custom_property"):
        assert {carrier.field for carrier in layout.carriers if carrier.kind == kind} == set(IDENTITY)
    names = [carrier.name for carrier in layout.carriers if carrier.kind == "defined_name"]
    names += [*layout.slots, *(row.name for row in layout.rules.values())]
    assert len(names) == len({str(name).lower() for name in names})  # Excel's names know no case
    assert all(re.fullmatch(r"[a-z][a-z0-9_.]{0,254}", str(name)) for name in names)


@every_form
def test_every_rule_line_has_a_row_of_its_own_on_the_sheet_of_checks(form: Form):
    layout = lay_out(form)
    assert list(layout.rules) == [line.id for line in form.rule_lines]
    rows = [row.number.row for row in layout.rules.values()]
    assert rows == list(range(rows[0], rows[0] + len(rows))) if rows else True
    for number, row in enumerate(layout.rules.values(), 1):
        shown = {label.place: label.text for label in layout.by_name[CHECKS].labels}
        assert shown[row.number] == str(number)
        assert shown[row.basis] == row.line.rule.basis
        assert shown[row.where]


@every_form
def test_last_years_figures_stand_below_the_rules(form: Form):
    layout = lay_out(form)
    assert tuple(layout.last) == form.last_items
    below = max((row.number.row for row in layout.rules.values()), default=0)
    assert all(place.sheet == CHECKS and place.row > below for place in layout.last.values())


@both_editions
def test_the_totals_stand_in_the_last_column_of_table_three(form: Form):
    layout = lay_out(form)
    rows = form.tables["applications"].rows
    totals = [layout.slots[f"applications.{row.id}.total"] for row in rows]
    assert {column_letters(slot.place.column) for slot in totals} == {"J"}
    assert total_formula(layout, totals[0].item) == "SUM(D7:I7)"
    handled = layout.slots["applications.handled.natural"].item
    last = {"2019": 27, "2021": 29}[form.edition]
    assert total_formula(layout, handled) == f"SUM(D9:D{last})"


def test_no_label_needs_more_than_a_row_can_be_high(tmp_path: Path):
    text = (FORMS / "snow-clearing.toml").read_text(encoding="utf-8")
    path = tmp_path / "long.toml"
    path.write_text(text.replace('未清道路"]', "未清道路" + "很长" * 900 + '"]'), encoding="utf-8")
    for plan in lay_out(load_form(path)).sheets:
        assert max(plan.heights.values()) <= MOST_HEIGHT


@every_form
def test_formulas_use_only_what_every_program_knows(form: Form):
    layout = lay_out(form)
    formulas = [total_formula(layout, item) for item in form.derived] + list(panel_formulas(layout).values())
    for row in layout.rules.values():
        made = rule_formulas(layout, row)
        formulas += [made.left, made.right, made.difference, made.result]
    functions = {name for formula in formulas for name in re.findall(r"([A-Z][A-Z0-9.]*)\(", formula)}
    known = "SUM COUNT COUNTIF COUNTBLANK IF AND OR NOT ROUND ABS IFERROR"
    assert functions <= set(known.split())
    assert max(map(len, formulas)) <= 8192


def test_a_layout_is_made_once():
    assert lay_out(EDITION_2021) is lay_out(EDITION_2021)


# ---- geometry

cell = st.tuples(st.integers(1, 9), st.integers(1, 6))
singles = st.sets(cell, min_size=1).map(lambda found: [Place("表", r, c, r, c) for r, c in sorted(found)])


@st.composite
def wide_places(draw: st.DrawFn) -> list[Place]:
    """Cells merged sideways, none over another."""
    places = []
    for row in draw(st.sets(st.integers(1, 9), min_size=1)):
        edges = sorted(draw(st.sets(st.integers(1, 9), min_size=2)))
        places += [Place("表", row, a, row, b - 1) for a, b in zip(edges, edges[1:], strict=False)]
    return draw(st.permutations(places))


def cells_in(ranges: list[str]) -> list[tuple[int, int]]:
    found = []
    for one in ranges:
        first, _, last = one.partition(":")
        (top, left), (bottom, right) = position(first), position(last or first)
        found += [(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)]
    return found


@given(singles)
def test_areas_are_exactly_the_cells(places: list[Place]):
    covered = cells_in(areas(places, "表"))
    assert len(covered) == len(set(covered))
    assert set(covered) == {(place.row, place.column) for place in places}


@given(wide_places())
def test_areas_of_merged_cells_hold_their_corners_and_nothing_else(places: list[Place]):
    """The rest of a merged block is empty and would count as a blank."""
    covered = cells_in(areas(places, "表"))
    assert sorted(covered) == sorted((place.row, place.column) for place in places)


@given(wide_places())
def test_blocks_are_exactly_the_cells(places: list[Place]):
    whole = [block for block, _ in blocks(places)]
    assert all(not cells(one) & cells(other) for one, other in combinations(whole, 2))
    assert set().union(*map(cells, whole)) == set().union(*map(cells, places))
    assert len(whole) <= len(places)


@given(singles, st.randoms())
def test_blocks_do_not_depend_on_order(places: list[Place], random):
    shuffled = list(places)
    random.shuffle(shuffled)
    assert blocks(places) == blocks(shuffled)


def test_places_on_other_sheets_carry_their_name():
    both = [Place("甲", 1, 1, 1, 1), Place("甲", 2, 1, 2, 1), Place("o'乙", 1, 1, 1, 1)]
    assert areas(both, "甲") == ["'o''乙'!A1", "A1:A2"]
    assert areas(both) == ["'o''乙'!A1", "'甲'!A1:A2"]
    assert quoted("o'乙") == "'o''乙'"


@given(st.integers(1, 1_048_576), st.integers(1, 16_384))
def test_an_address_says_its_position(row: int, column: int):
    assert position(address(row, column)) == (row, column)

"""What a clerk types into a figure's cell, and what becomes of it."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xltools.filing import BLANK, Cell
from xltools.reading.normalise import Figure, Kind, figure
from xltools.words import clean as plain_text
from xltools.words import label_key, number_text

NO_NUMBER, NEGATIVE, FRACTION, DATE, BOOLEAN, ERROR, SCALE = (f"V10{n}" for n in range(1, 8))


def typed(text: str, kind: Kind = "count", unit: str | None = "件", places: int | None = None) -> Figure:
    return figure(Cell("text", text), kind, unit=unit, places=places)


def stored(text: str, kind: Kind = "count", unit: str | None = "件", places: int | None = None) -> Figure:
    return figure(Cell("number", text), kind, unit=unit, places=places)


def wan(text: str) -> Figure:
    return typed(text, "money", "万元", 6)


def yuan(text: str) -> Figure:
    return typed(text, "money", "元", 2)


# numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("3", 3),
        ("3.0", 3),
        ("1.2E1", 12),
        ("1E+3", 1000),
        ("2.9999999999999996", 3),  # what a double makes of 3
        ("-0", 0),
        ("999999999999999", 999999999999999),
    ],
)
def test_a_number_cell_holds_a_count(text, value):
    found = stored(text)
    assert found == Figure(value)
    assert type(found.value) is int


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-1", NEGATIVE),
        ("3.5", FRACTION),
        ("5.55E-17", FRACTION),
        ("1e308", SCALE),
        ("1E+999999999999999999999999", SCALE),
        ("1E-999999999999999999999999", SCALE),
        ("1000000000000000", SCALE),
        ("NaN", SCALE),
        ("INF", SCALE),
        ("-Infinity", SCALE),
        ("1_000", NO_NUMBER),
        ("٣", NO_NUMBER),
        ("0x10", NO_NUMBER),
        ("", NO_NUMBER),
    ],
)
def test_a_number_cell_holds_no_count(text, fault):
    assert stored(text) == Figure(None, fault=fault)


def test_a_stored_double_is_read_as_it_was_typed():
    assert stored("180.09999999999999", "money", "万元", 6).value == Decimal("180.1")
    assert str(stored("180.09999999999999", "money", "万元", 6).value) == "180.1"
    assert str(stored("1.8E2", "money", "万元", 6).value) == "180"
    assert isinstance(stored("180", "money", "万元", 6).value, Decimal)
    assert stored("0.1234567", "money", "万元", 6) == Figure(None, fault=SCALE)
    assert stored("-0.5", "money", "万元", 6) == Figure(None, fault=NEGATIVE)
    assert stored("-11", "signed") == Figure(-11)
    assert stored("-1.5", "signed") == Figure(None, fault=FRACTION)


def test_what_is_no_number_at_all():
    assert figure(BLANK, "count", unit="件", places=None) == Figure(None)
    assert figure(Cell("boolean", "TRUE"), "count", unit="件", places=None).fault == BOOLEAN
    assert figure(Cell("error", "#REF!"), "count", unit="件", places=None).fault == ERROR
    assert figure(Cell("number", "44201", format="date"), "count", unit="件", places=None).fault == DATE
    assert figure(Cell("number", "0.5", format="percent"), "money", unit="万元", places=6).fault == SCALE


# texts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("３", 3),
        ("１，２３４", 1234),
        ("1,234", 1234),
        ("12,345,678", 12345678),
        (" 3 ", 3),
        ("\u30003\u00a0", 3),
        ("\u200b3\ufeff", 3),
        ("3\r\n", 3),
        ("'3", 3),
        ("＇３", 3),
        ("3件", 3),
        ("3 件", 3),
        ("３\u3000件", 3),
        ("3.0", 3),
        ("03", 3),
        ("0", 0),
    ],
)
def test_a_text_that_is_a_count_is_read_and_said(text, value):
    found = typed(text)
    assert (found.value, found.fault) == (value, None)
    assert found.repair is not None and f"已按 {value} 读入" in found.repair


@pytest.mark.parametrize(
    "text", ["--253", "-", "/", "无", "零", "三", "O", "o", "1_000", "1e3", "٣", "①", "²", "３²"]
)
@pytest.mark.parametrize("kind", ["count", "signed", "money"])
def test_what_is_typed_instead_of_a_number(text, kind):
    assert typed(text, kind, "万元", 6) == Figure(None, fault=NO_NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        *("3 4", "3\n4", "3\u200b4", "1 234", "1, 234", "3 .5", "3、4", "3;4", "3~5", "3-5", "3+4"),
        *("1,23", "12,34", "0,123", "1,2345", ",123", "1,234,", "1.2.3", ".5", "5.", "1,234.5,6"),
        *(
            "3条",
            "3个",
            "3份",
            "3 件件",
            "件",
            "件3",
            "3万件",
            "约3",
            "3左右",
            "3件左右",
            "3(件)",
            "=1+1",
            "#REF!",
        ),
        *(
            "TRUE",
            "NaN",
            "inf",
            "0x10",
            "1/2",
            "(3)",
            "''3",
            "'",
            "3\x07",
            "\ud800",
            "3\u202c",
            "一",
            "1O",
            "3‰",
        ),
        *("+3", "＋3", "增3", "减3", "3" + " " * 200),
    ],
)
def test_a_text_that_is_no_count(text):
    assert typed(text) == Figure(None, fault=NO_NUMBER)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-3", NEGATIVE),
        ("－３", NEGATIVE),
        ("\u22123件", NEGATIVE),
        ("3.5", FRACTION),
        ("50%", SCALE),
        ("５０％", SCALE),
        ("1234567890123456", SCALE),
        ("1" * 90, SCALE),
        ("2021-01-15", DATE),
        ("2021/1/5", DATE),
        ("2021年1月5日", DATE),
        ("１月５日", DATE),
    ],
)
def test_a_text_that_is_the_wrong_number(text, fault):
    assert typed(text) == Figure(None, fault=fault)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("+3", 3),
        ("＋2", 2),
        ("－3", -3),
        ("\u22123", -3),
        ("- 3", -3),
        ("增5", 5),
        ("减3件", -3),
        ("减 3", -3),
        ("-0", 0),
    ],
)
def test_a_signed_figure_may_say_its_direction(text, value):
    assert typed(text, "signed").value == value


@pytest.mark.parametrize("text", ["增-5", "减增5", "增加5", "5增", "-增5", "+-5", "—3", "–3", "3-"])
def test_a_direction_is_said_once_and_before_the_figure(text):
    assert typed(text, "signed") == Figure(None, fault=NO_NUMBER)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("180", "180"),
        ("180万元", "180"),
        ("80000元", "8"),
        ("８０，０００元", "8"),
        ("1646.5万", "1646.5"),
        ("1,646.50 万元", "1646.5"),
        ("1元", "0.0001"),
        ("0.5", "0.5"),
        ("0元", "0"),
    ],
)
def test_money_in_ten_thousands(text, value):
    assert wan(text).value == Decimal(value)
    assert str(wan(text).value) == value
    assert str(wan(text).repair).startswith(f"原文“{text}”已按 {value} 读入")


@pytest.mark.parametrize(
    ("text", "value"), [("380元", "380"), ("2万元", "20000"), ("0.5万", "5000"), ("380.25", "380.25")]
)
def test_money_in_yuan(text, value):
    assert str(yuan(text).value) == value


def test_money_that_is_not_read():
    assert (
        wan("180亿元").fault
        == wan("180万元整").fault
        == wan("￥180").fault
        == wan("180件").fault
        == NO_NUMBER
    )
    assert wan("-180").fault == NEGATIVE
    assert wan("1.2345678").fault == yuan("0.001").fault == wan("0.001元").fault == SCALE
    assert typed("180元", "money", None, 6).fault == NO_NUMBER


def test_a_count_of_items_has_its_own_unit():
    assert typed("3项", unit="项").value == 3
    assert typed("3件", unit="项").fault == typed("3件", unit=None).fault == NO_NUMBER
    assert typed("3万元", unit="万元").value == 3  # scaling is for money only
    assert typed("3元", unit="万元").fault == NO_NUMBER


def test_blanks_are_blank_and_not_zero():
    assert typed("") == Figure(None)
    for text in (" ", "\u3000", "\u200b\ufeff", "\r\n\t"):
        found = typed(text)
        assert (found.value, found.fault) == (None, None)
        assert found.repair == "这一格只有空格，按空白处理。"


def test_a_repair_says_what_was_done():
    assert typed("３ 件").repair == "原文“３ 件”已按 3 读入（全角改半角，去掉空格，去掉单位，文本改为数字）。"
    assert (
        wan("'80,000元").repair
        == "原文“'80,000元”已按 8 读入（去掉撇号，去掉千分位逗号，元折算为万元，文本改为数字）。"
    )
    assert typed("减3", "signed").repair == "原文“减3”已按 -3 读入（增减改为正负号，文本改为数字）。"
    assert "\n" not in str(typed("3\n件").repair)


# any text whatever

anything = st.text(st.characters(exclude_categories=()), max_size=20)
figures = st.text("0123456789０１９.,，+-－−增减 \u3000件项元万%'eE_/", max_size=12)
lines = st.sampled_from(
    [
        ("count", "件", None),
        ("signed", "件", None),
        ("money", "万元", 6),
        ("money", "元", 2),
        ("money", None, None),
    ]
)


def plainly(text: str, unit: str | None) -> Fraction:
    """Another reading of an accepted text: pick the digits, then the sign, then the unit."""
    kept = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)
    value = Fraction("".join(re.findall(r"[0-9.]", kept)))
    if any(mark in kept for mark in "-−减"):
        value = -value
    if "万" in kept:
        value *= 10_000
    if unit == "万元":
        value /= 10_000 if "万" in kept or "元" in kept else 1
    return value


@given(anything | figures, lines)
@example("-3.0000000000000000000000000000000001", ("signed", "件", None))
@example("0.00000000000000000000000000000000元", ("money", "万元", 6))
def test_any_text_is_a_figure_a_fault_or_blank(text, line):
    kind, unit, places = line
    found = typed(text, kind, unit, places)
    if found.value is None:
        assert found.fault or not text or found.repair
        assert figure(Cell("number", text), kind, unit=unit, places=places).repair is None
        return
    assert found.fault is None and found.repair
    assert Fraction(found.value) == plainly(text, unit)
    assert found.value >= 0 or kind == "signed"
    again = number_text(found.value)
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", again)
    for cell in (Cell("text", again), Cell("number", again)):
        assert figure(cell, kind, unit=unit, places=places).value == found.value


@given(st.floats(), lines)
def test_any_double_is_read_to_fifteen_digits(number, line):
    kind, unit, places = line
    found = stored(repr(number), kind, unit, places)
    if found.value is None:
        assert found.fault
    else:
        assert float(number_text(found.value)) == pytest.approx(number, rel=1e-14, abs=0)


@given(st.integers(0, 10**12 - 1), st.integers(0, 6))
def test_money_survives_the_double(digits, places):
    amount = Decimal(digits).scaleb(-places)
    found = stored(f"{float(amount):.17g}", "money", "万元", 6)
    assert found == Figure(amount) and Decimal(number_text(amount)) == amount


# texts and labels


def test_a_figure_is_written_as_a_clerk_writes_it():
    values = [180, Decimal("1.8E+2"), Decimal("0.50"), -11, Decimal("-0.0"), Decimal("100"), Decimal("1E-6")]
    assert [number_text(value) for value in values] == ["180", "180", "0.5", "-11", "0", "100", "0.000001"]


def test_free_text_keeps_its_words():
    assert plain_text("　　第一段。 \r\n第二段。\r第三段。\u3000\n\n") == "　　第一段。\n第二段。\n第三段。"
    assert plain_text("a\x00b\ud83dc\x0bd\te") == "a\ufffdb\ufffdc\nd\te"
    assert plain_text("（全角，不改）é é 😀") == "（全角，不改）é é 😀"
    assert plain_text(" \u3000\n ") == ""


@given(anything)
def test_free_text_is_cleaned_once_and_for_all(text):
    clean = plain_text(text)
    assert plain_text(clean) == clean
    clean.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean)


def test_labels_are_compared_without_wrapping():
    wrapped = "（三）不予\n公　开：１．属于国家 秘密"
    assert label_key(wrapped) == label_key("(三)不予公开:1.属于国家秘密") == "(三)不予公开:1.属于国家秘密"
    assert label_key("①一、总计") == "①一、总计"  # nothing but full-width ASCII is folded


@given(anything)
def test_a_label_key_is_its_own_key(text):
    assert label_key(label_key(text)) == label_key(text)

"""Which number formats show the number that is stored."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants_shown import MISLEADING, MISLEADING_ZERO, USUAL

from xltools.display import LONGEST_CODE, shows

HIDES_5 = (
    *MISLEADING,
    *(
        '0"00"',
        'General"0"',
        '@"0"',
        "0[$0]",
        "*10",
        '[<10]"100";0',
        '[=5]"6";0',
        '[>0]"9"',
        '[Black][>0]0"1"',
    ),
    *(
        '0"千件"',
        '0"〇"',
        '"１"0',
        '"②"0',
        '"٣"0',
        '0"²"',
        '0"‰"',
        '"负"0',
        '0"两"',
        '0"倍"',
        '"半"0',
        "‰0",
        "%0",
    ),
    *(
        '"（"0"）"',
        r"\50",
        '0"+5"',
        '">"0',
        "0-",
        "0x",
        '0"O"',
        '"l"0',
        "General,",
        ",0",
        "##0.0E+0",
        "0.,0",
        "0..0",
    ),
    *(
        "[白色]0",
        "[Color2]0",
        "[颜色2]0",
        "[odd]0",
        "[0]0",
        "[>1][<9]0",
        "[>=0]0!0;0",
        '0"."0',
        '0"、"0',
        "0;0;0;@;0",
    ),
    *(
        "yyyy",
        "[>9]0;yyyy",
        "[DBNum4]0",
        "0_",
        "\\",
        '"',
        '"5',
        "[",
        "GeneralGeneral",
        "General0",
        "@@",
        "#/#",
        "0//0",
    ),
)
SHOWS_5 = (
    *USUAL,
    *(
        "0_ ",
        "0_)",
        "#",
        "000",
        "# ##0",
        "0E+00",
        "0.00E+00",
        "# ?/?",
        "# ??/??",
        "0.##",
        "?0",
        "+0;-0;0",
        "0 ",
        "0\n",
    ),
    *(
        "G/通用格式",
        "[DBNum1]0",
        "[DBNum2][$-804]G/通用格式",
        'General"件"',
        '[红色]0"（件）"',
        '"共"0"件"',
        '0"年度"',
    ),
    *(
        "[$¥-804]#,##0.00;[Red][$¥-804]-#,##0.00",
        r"\¥#,##0.00;[Red]\¥\-#,##0.00",
        "[$CNY] #,##0",
        "$#,##0_);($#,##0)",
    ),
    *(
        '[=0]"";General',
        "[>100]0,;0",
        "[Red][<0]-0;0",
        "[颜色10]0",
        "[Color 10]0",
        "0;@",
        "0;;;",
        "#,##0.00_ ",
    ),
)


@pytest.mark.parametrize("code", HIDES_5)
def test_a_format_that_shows_another_number(code):
    assert not shows(code, Decimal(5), "件")


@pytest.mark.parametrize("code", SHOWS_5)
def test_a_format_that_shows_the_number(code):
    assert shows(code, Decimal(5), "件")


@pytest.mark.parametrize("code", [one for one in SHOWS_5 if one not in MISLEADING_ZERO])
def test_zero_may_be_shown_as_nothing(code):
    assert shows(code, Decimal(0), "件")


@pytest.mark.parametrize(
    "code", [*MISLEADING_ZERO, "0;-0;0!0", "0;0;5", "0;-0;二", "-0", "(0)", "0;;0%", "0;-0;yyyy"]
)
def test_zero_shown_as_a_number(code):
    assert not shows(code, Decimal(0), "件")


@pytest.mark.parametrize(
    ("code", "fits"),
    {
        "0": True, "General": True, "0;-0": True, "0;(0)": True, "0;[Red]0": True, "0;（0）": True, '0;"减"0': False,
        "0;0": False, "-0": False, "0;--0": False, "0;-(0)": False, "0;": False, ";0": False, "0;0-": False,
        "[<0]-0;0": True, "[<0]0;0": False, "[>=0]0;0": False, "[>=0]0;-0": True, '[=0]"";0': True, "0;-0;0!0": True,
    }.items(),
)  # fmt: skip
def test_a_minus_has_to_be_seen(code, fits):
    assert shows(code, Decimal(-3)) == fits


@pytest.mark.parametrize(
    ("code", "number", "fits"),
    [
        ("0.00", "180.5", True), ("0.00", "0.005", False), ("0.0", "0.25", False), ("0", "180.5", False), ("#.##", "0.5", True),
        ("0.00", "1E+3", True), ("0.00E+00", "12345", False), ("0.0000E+00", "12345", True), ("# ?/?", "0.5", False),
        ("General", "0.123456", True), ("#,##0.00", "1234567.89", True), ("_ * #,##0.0_ ", "1.25", False),
    ],
)  # fmt: skip
def test_no_digit_may_be_lost(code, number, fits):
    assert shows(code, Decimal(number)) == fits


@pytest.mark.parametrize(
    ("code", "unit", "fits"),
    [
        ('0"万元"', "万元", True), ('0"（万元）"', "万元", True), ('0"元"', "元", True), ('0"元"', "万元", False), ('0"万元"', "元", False),
        ('0"万"', "万元", False), ('0"件"', "项", True), ('0"件"', None, True), ("¥0", "万元", True),
    ],
)  # fmt: skip
def test_the_unit_beside_a_number(code, unit, fits):
    assert shows(code, Decimal(5), unit) == fits


CODES = st.text(alphabet='0#?.,;"\\_*[]$@!-()%/E+GeneralR 1万件>=', max_size=24)


@given(CODES, st.decimals(-1000, 1000, places=2))
def test_any_code_is_judged(code, number):
    assert shows(code, number, "件") in (True, False)


@given(st.text(alphabet="0#,.", min_size=1, max_size=12), st.integers(1, 99_999))
def test_a_digit_put_into_any_code_is_told(code, number):
    """What shows a number shows it no more with a digit before it, behind it or within it."""
    for extra in ('"0"', "\\7", "[$9]", '"百"'):
        for at in range(len(code) + 1):
            assert not shows(code[:at] + extra + code[at:], Decimal(number), "件")


def test_an_endless_code_is_not_trusted():
    assert shows("0" + "_ " * 200, Decimal(5)) and not shows("0" + "_ " * LONGEST_CODE, Decimal(5))

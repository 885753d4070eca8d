"""What heavy files cost, measured in a process of their own: 2 s and 150 MiB when refused, 100 MiB when normal."""

from __future__ import annotations

import sys

import helpers_pipe as pipe
import pytest
from heavy import cost, heavy

from xltools import load_form

FORM = "gov-info-disclosure/2021"
EXPECTED = {  # outcome, codes
    "a filled workbook": ("accepted", ()),
    "62 MiB, four times, and a fault at the end": ("unreadable", ("F010",)),
    "bomb in many parts": ("unreadable", ("F007",)),
    "bomb that lies about its size": ("unreadable", ("F006",)),
    "200 000 merges": ("returned", ("S010",)),
    "200 000 merges over one cell": ("returned", ("S015",)),
    "200 000 styled rows": ("accepted", ()),
    "200 000 styled cells": ("accepted", ()),
    "200 000 rows of figures": ("returned", ("S010",)),
    "a cell at XFD1048576": ("noted", ("S016",)),
    "one string of 60 MiB": ("unreadable", ("F007",)),
    "an attribute of 60 MiB": ("unreadable", ("F007",)),
    "strings 1 000 000 deep": ("unreadable", ("F005",)),
    "a formula of 1 000 000 brackets": ("returned", ("G202",)),
}


@pytest.fixture(scope="module")
def makers():
    form = load_form(FORM)
    return heavy(form, pipe.filled(form))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_heavy_file_is_bounded(makers, name, tmp_path):
    one = cost(makers[name](), tmp_path, FORM)
    outcome, codes = EXPECTED[name]
    assert (one.outcome, one.codes) == (outcome, codes)
    assert one.seconds < 2
    assert one.mebibytes < (150 if outcome in ("unreadable", "returned") else 100)

"""Every mutant of every national form: what is said, of which cell, and what may be merged."""

from __future__ import annotations

import os
from collections import Counter
from unicodedata import category

import pytest
from mutant import ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE, clean
from mutants import mutants
from workshop import Workshop

from xltools import load_form
from xltools.compute import all_figures
from xltools.finding import Level
from xltools.intake import check
from xltools.words import clean as clean_text

NATIONAL = ("gov-info-disclosure/2019", "gov-info-disclosure/2021")
PROVINCE = "gov-info-disclosure/2019-jilin"  # extends 2019: every sixth mutant, or all with XLTOOLS_SLOW=1
FORMS = (*NATIONAL, PROVINCE)
LEVEL_OF = {
    ACCEPTED: None,
    NOTED: Level.NOTE,
    QUERIED: Level.QUERY,
    RETURNED: Level.ERROR,
    UNREADABLE: Level.ERROR,
}
ALL = {key: mutants(load_form(key)) for key in FORMS}
MUTANTS = [(key, one) for key in NATIONAL for one in ALL[key]]
MUTANTS += [(PROVINCE, one) for one in ALL[PROVINCE][:: 1 if os.environ.get("XLTOOLS_SLOW") else 6]]


def checked(mutant, form, folder):
    """The mutant's own file as `check` judges it, among those that lie beside it."""
    shop = Workshop(form, clean(form))
    content = mutant.change(shop)
    path = folder / mutant.file
    path.write_bytes(shop.pack() if content is None else content)
    if mutant.beside is not None:
        mutant.beside(shop, folder)
    result = check([folder], **mutant.ask)
    return next(one for one in result.filings if one.filing.file == clean_text(mutant.file))


@pytest.mark.parametrize(
    ("key", "mutant"), MUTANTS, ids=[f"{key.rpartition('/')[2]}-{one.name}" for key, one in MUTANTS]
)
def test_mutant(key, mutant, tmp_path):
    form = load_form(key)
    one = checked(mutant, form, tmp_path)
    said = [(finding.code, finding.sheet, finding.cell, finding.message) for finding in one.findings]
    assert one.outcome == mutant.outcome, said
    codes = {finding.code for finding in one.findings}
    assert set(mutant.codes) <= codes <= {*mutant.codes, *mutant.also}, said
    if mutant.codes:
        first = next(finding for finding in one.findings if finding.code == mutant.codes[0])
        assert mutant.sheet in (None, first.sheet) and mutant.cell in (None, first.cell), said
    for finding in one.findings:
        for words in (finding.message, finding.remedy, finding.found or "", finding.expected or ""):
            assert not any(
                category(char) in ("Cc", "Cf", "Cs") for char in words.replace("\n", "").replace("\t", "")
            ), words
        assert finding.message.endswith(("。", "”", "）")) and finding.remedy.endswith(("。", "？"))
    if one.may_merge:
        filing = one.filing
        wanted = {**_base(form), **mutant.reads}
        assert filing.inputs == wanted
        assert filing.figures == all_figures(form, wanted)


def _base(form):
    import helpers_pipe as pipe

    return pipe.seeded(form).items


@pytest.mark.parametrize("key", FORMS)
def test_there_are_enough_mutants_and_each_kind_of_fault_has_some(key):
    mine = ALL[key]
    assert len(mine) >= 150
    outcomes = Counter(one.outcome for one in mine)
    assert all(outcomes[outcome] >= 10 for outcome in LEVEL_OF), outcomes

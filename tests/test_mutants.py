"""Every mutant of every national form: what is said, of which cell, and what may be merged."""

from __future__ import annotations

import os
from collections import Counter
from unicodedata import category

import helpers_pipe as pipe
import pytest
from mutant import ACCEPTED, NOTED, QUERIED, RETURNED, UNREADABLE, clean
from mutants import mutants
from workshop import Workshop

from xltools import Unit, load_form
from xltools.compute import all_figures
from xltools.finding import Level
from xltools.intake import check
from xltools.merging import merge
from xltools.words import file_name

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
    return next(one for one in result.filings if one.filing.file == file_name(mutant.file))


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
    assert not any(category(char) in ("Cc", "Cf", "Cs") for char in one.filing.file)
    for finding in one.findings:
        for words in (finding.message, finding.remedy, finding.found or "", finding.expected or ""):
            assert not any(
                category(char) in ("Cc", "Cf", "Cs") for char in words.replace("\n", "").replace("\t", "")
            ), words
        assert finding.message.endswith(("。", "”", "）")) and finding.remedy.endswith(("。", "？"))
    if one.may_merge:
        filing = one.filing
        wanted = {**pipe.seeded(form).items, **mutant.reads}
        assert filing.inputs == wanted
        assert filing.figures == all_figures(form, wanted)


@pytest.mark.parametrize("key", FORMS)
def test_there_are_enough_mutants_and_each_kind_of_fault_has_some(key):
    mine = ALL[key]
    assert len(mine) >= 150
    outcomes = Counter(one.outcome for one in mine)
    assert all(outcomes[outcome] >= 10 for outcome in LEVEL_OF), outcomes


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_a_folder_with_all_that_is_no_file(tmp_path):
    """Links, pipes, folders called .xlsx: none is followed, none is waited for, and the filing beside them is read."""
    form = load_form(NATIONAL[0])
    (tmp_path / "示例镇.xlsx").write_bytes(clean(form))
    (tmp_path / "链接.xlsx").symlink_to(tmp_path / "示例镇.xlsx")
    (tmp_path / "断链.xlsx").symlink_to(tmp_path / "没有.xlsx")
    os.mkfifo(tmp_path / "管道.xlsx")
    (tmp_path / "文件夹.xlsx").mkdir()
    (tmp_path / "空.xlsx").touch()
    found = {
        one.filing.file: (one.outcome.value, [f.code for f in one.findings])
        for one in check([tmp_path]).filings
    }
    assert found == {
        "示例镇.xlsx": (ACCEPTED, []),
        "链接.xlsx": (UNREADABLE, ["F001"]),
        "断链.xlsx": (UNREADABLE, ["F001"]),
        "管道.xlsx": (UNREADABLE, ["F001"]),
        "文件夹.xlsx": (UNREADABLE, ["F001"]),
        "空.xlsx": (UNREADABLE, ["F002"]),
    }


def test_no_must_speak_fault_is_merged(tmp_path):
    """All mutants that are returned or cannot be read, in one folder with one good filing: only that one goes in."""
    form = load_form(NATIONAL[1])
    bad = [
        one
        for one in ALL[NATIONAL[1]]
        if one.outcome in (RETURNED, UNREADABLE) and not one.beside and not one.ask
    ]
    for number, one in enumerate(bad[:: 1 if os.environ.get("XLTOOLS_SLOW") else 5]):
        shop = Workshop(form, clean(form))
        content = one.change(shop)
        (tmp_path / f"{number}.xlsx").write_bytes(shop.pack() if content is None else content)
    good = Unit(name="另一镇", code="U02", parent="示例县")
    (tmp_path / "另一镇.xlsx").write_bytes(pipe.filled(form, 2, good))
    result = merge(check([tmp_path]))
    assert [
        one.filing.file for one, went in zip(result.checked.filings, result.merged, strict=True) if went
    ] == ["另一镇.xlsx"]
    assert result.rollup is not None and result.rollup.inputs == pipe.seeded(form, 2).items

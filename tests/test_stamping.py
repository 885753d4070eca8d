"""Stamping: a copy made from a skeleton is, byte for byte, the workbook that a full rendering gives."""

import io
import itertools
import os
import random
import statistics
import time
import zipfile

import helpers_pipe as pipe
import helpers_round as rounds
import pytest
from helpers_office import converted

from xltools import Unit, load_form, write_template
from xltools.errors import UsageError
from xltools.issued import new_number
from xltools.issuing import issue_templates, template_names
from xltools.reading import gate
from xltools.roster import KINDS, LEVELS
from xltools.rounds.folder import open_round
from xltools.rounds.handing_out import dispatch
from xltools.writing import stamping
from xltools.writing.stamping import Stamper

FORM = load_form("gov-info-disclosure/2021")
NAMES = [
    "布海镇", "镇", "很长很长的名字" * 14, "1234", "00012", "=SUM(A1)", "+1", "-甲", "@乙", "'丙", '"丁"', 'A"B',
    "甲 & 乙", "<b>戊</b>", "a>b", "&amp;", "Ünïcode", "𠮷野家镇", "㐂镇", "🏛政务", "Ⅷ（八）镇", "镇\n二行", "a\tb", "TRUE", "%41",
    "_镇_", "\u200b零宽镇",
]  # fmt: skip
ODD = [" 前有空格", "后有空格 ", "　全角", "{year}年镇", "{unit}", "_x0041_镇", "<r>镇</r>", "响\x07铃", "换行\r\n", "长" * 150,
       "\ue000code\ue001"]  # fmt: skip
SHAPES = list(itertools.product(KINDS, LEVELS, ("", "U07"), ("", "示例县")))
TIMES = 20 if os.environ.get("XLTOOLS_SLOW") else 1


def town(number, **more):
    said = {"name": f"示例{number}镇", "code": f"{number:05d}", "parent": "示例县", **more}
    return Unit(**said)


def differing(data, other):
    """Parts that are not the same in two workbooks."""
    one, two = (zipfile.ZipFile(io.BytesIO(book)) for book in (data, other))
    assert one.namelist() == two.namelist()
    return [name for name in one.namelist() if one.read(name) != two.read(name)]


@pytest.mark.slow
@pytest.mark.parametrize("key", pipe.FORMS)
def test_every_copy_has_the_bytes_of_a_full_rendering(key):
    form, chance = load_form(key), random.Random(7)
    year = pipe.year_of(form)
    stamper = Stamper(form, year)
    units = [town(number, name=name) for number, name in enumerate(NAMES, 1)]
    for number in range(30 * TIMES):
        kind, level, code, parent = chance.choice(SHAPES)
        name = "".join(chance.choices("东西南北镇乡&<>\"'=0 9a", k=chance.randint(1, 40))).strip() or "镇"
        units.append(Unit(name=name, kind=kind, level=level, code=code and f"{code}{number}", parent=parent))
    for unit in units:
        issue = chance.choice(
            (None, new_number(form.key, unit, year), new_number(form.key, unit, year, b"k"))
        )
        full = write_template(form, unit, year, issue=issue)
        copy = stamper.copy(unit, issue=issue)
        assert copy == full, (unit, differing(copy, full))


@pytest.mark.parametrize("key", pipe.FORMS)
def test_two_renderings_serve_any_number_of_units_of_a_shape(key):
    form = load_form(key)
    stamper = Stamper(form, pipe.year_of(form))
    copies = {stamper.copy(town(number, name=name)) for number, name in enumerate(NAMES)}
    assert stamper.rendered == 2 and len(copies) == len(NAMES)


def test_what_a_unit_is_allowed_to_fill_in_follows_its_level():
    copies = {}
    stamper = Stamper(FORM, 2023)
    for level in LEVELS:
        for number in (1, 2, 3):
            copies[level] = stamper.copy(town(number, level=level))
            assert copies[level] == write_template(FORM, town(number, level=level), 2023)
    assert any(name.startswith("xl/worksheets/") for name in differing(copies["town"], copies["province"]))


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_is_not_written_as_it_is_comes_out_as_ever(name):
    stamper = Stamper(FORM, 2023)
    for number in (1, 2):
        stamper.copy(town(number))
    for more in ({"name": name}, {"parent": name}, {"code": name}):
        unit = town(3, **more)
        assert stamper.copy(unit) == write_template(FORM, unit, 2023), more


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "more",
    [
        {"name": "示例县"},  # the county's own report: named like what is above it
        {"name": "填报单位"},  # a label of the form
        {"name": "U1", "code": "U1"},
        {"parent": "示例3镇\n2023年政府信息公开工作年度报告"},
        {"code": "2021"},
    ],
)
def test_a_text_that_stands_there_already_is_kept_once(more, first):
    """A workbook keeps equal texts once, so that the numbers of those behind them change."""
    stamper, unit = Stamper(FORM, 2023), town(3, **more)
    for one in (unit, town(1), town(2), town(4)) if first else (town(1), town(2), unit, town(4)):
        assert stamper.copy(one) == write_template(FORM, one, 2023), one
    assert stamper.rendered <= 4


def test_a_skeleton_that_does_not_give_a_full_rendering_back_is_never_used(monkeypatch):
    monkeypatch.setattr(stamping, "escaped", lambda value: value)
    stamper = Stamper(FORM, 2023)
    for unit in (town(1, name="甲&乙"), town(2), town(3)):
        assert stamper.copy(unit) == write_template(FORM, unit, 2023)


def test_a_mark_in_a_part_that_nobody_thought_of_is_no_skeleton():
    data = write_template(FORM, town(1, name=stamping.MARKS["unit"]), 2023)
    assert stamping._Skeleton.of(data) is not None
    moved = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as package, zipfile.ZipFile(moved, "w") as target:
        for name in package.namelist():
            part = package.read(name)
            target.writestr(
                name, part + stamping.MARKS["unit"].encode() if name.endswith("app.xml") else part
            )
    assert stamping._Skeleton.of(moved.getvalue()) is None


def test_answers_and_last_years_figures_are_in_every_copy():
    answers, last = pipe.seeded(FORM, 3), {"applications.carried_out.natural": 4}
    stamper = Stamper(FORM, 2023, answers)
    for number in range(4):
        assert stamper.copy(town(number)) == write_template(FORM, town(number), 2023, answers)
        prefilled = write_template(FORM, town(number), 2023, answers, last=last)
        assert stamper.copy(town(number), last=last) == prefilled != stamper.copy(town(number))


def test_a_year_that_the_form_does_not_cover_is_said_as_ever():
    with pytest.raises(UsageError, match="不适用于2019年"):
        Stamper(FORM, 2019).copy(town(1))


@pytest.mark.office
def test_a_copy_is_sound_to_the_gate_and_opens_in_libreoffice(tmp_path):
    stamper, path = Stamper(FORM, 2023), tmp_path / "三.xlsx"
    for number in (1, 2, 3):
        path.write_bytes(stamper.copy(town(number, name=f"{number}号<镇>")))
    assert stamper.rendered == 2
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
    gate.admit(path.read_bytes())
    assert pipe.read(path.read_bytes()).unit.name == "3号<镇>"
    assert pipe.read(converted(path, "xlsx").read_bytes()).unit.name == "3号<镇>"


def test_a_roster_of_templates_and_a_round_hand_out_what_a_full_rendering_gives(tmp_path):
    units = [town(number) for number in range(5)]
    for path, (unit, name) in zip(
        issue_templates(FORM, units, 2023, tmp_path), template_names(FORM, units, 2023), strict=True
    ):
        assert path.name == name and path.read_bytes() == write_template(FORM, unit, 2023)
    folder, towns = tmp_path / "轮次", rounds.towns(5)
    numbers = rounds.new_round(folder, towns, key=b"k" * 32)
    for unit, name in template_names(rounds.FORM, towns, rounds.YEAR):
        data = write_template(rounds.FORM, unit, rounds.YEAR, issue=numbers[unit.code])
        assert (folder / "01下发" / name).read_bytes() == data
    with open_round(folder) as round_:
        assert [one.is_written for one in dispatch(round_)] == [False] * len(towns)


def test_stamping_takes_a_twentieth_of_a_full_rendering():
    stamper = Stamper(FORM, 2023)
    for number in range(3):
        stamper.copy(town(number))

    def seconds(work, times):
        began = time.process_time()
        for number in range(times):
            work(town(number))
        return (time.process_time() - began) / times

    ratios = [
        seconds(lambda unit: write_template(FORM, unit, 2023), 2) / seconds(stamper.copy, 20)
        for _ in range(9)
    ]
    assert statistics.median(ratios) >= 20

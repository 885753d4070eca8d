"""Rounds for tests: a folder with units, workbooks filled by seed under the numbers that went out."""

import dataclasses
import datetime
from pathlib import Path

import helpers_pipe as pipe

from xltools import Unit, load_form, write_template
from xltools.rounds.board import read_board
from xltools.rounds.collecting import collect
from xltools.rounds.folder import init_round, open_round
from xltools.rounds.handing_out import dispatch
from xltools.rounds.settings import Settings
from xltools.rounds.working import issue_numbers
from xltools.writing.roster import write_roster

FORM_FILE = pipe.OWN[0]  # small, and none of the national forms
FORM = load_form(FORM_FILE)
YEAR = pipe.year_of(FORM)


def towns(count):
    return [
        Unit(name=f"{number:02d}号镇", code=f"U{number:02d}", parent="示例县", contact="张三", order=number)
        for number in range(count)
    ]


def set_roster(folder, units):
    (folder / "单位名单.xlsx").write_bytes(write_roster(units))


def new_round(folder, units, *, key=None, due="2024-02-01"):
    """A round whose units have their workbooks."""
    roster = folder.with_name(f"{folder.name}-名单.xlsx")
    roster.write_bytes(write_roster(units))
    said = Settings(form=str(FORM_FILE), year=YEAR, county="示例县", code="X1", due=due)
    init_round(folder, said, roster=roster, key=key, clock=at("2024-01-10"))
    with open_round(folder, clock=at("2024-01-10")) as round_:
        dispatch(round_)
        numbers = issue_numbers(round_)
    return {unit.code or unit.name: numbers[unit.key] for unit in units}


def answers(seed):
    """Figures that the form's rules accept."""
    made = pipe.seeded(FORM, seed)
    items = dict(made.items)
    for column in FORM.tables["clearing"].columns:
        if not column.sum:
            done = items[f"clearing.machine.{column.id}"] + items[f"clearing.manual.{column.id}"]
            items[f"clearing.due.{column.id}"] = done + items[f"clearing.left.{column.id}"]
    items["teams.manual.people"] += 1  # somebody cleared by hand
    return dataclasses.replace(made, items=items)


def wrong(seed):
    """The same with a sum that does not come out."""
    made = answers(seed)
    item = "clearing.left.main"
    return dataclasses.replace(made, items={**made.items, item: made.items[item] + 1})


def report(unit, number, said):
    return write_template(FORM, unit, YEAR, said, issue=number)


def at(day, time="09:00:00"):
    """A clock that stands still."""
    return lambda: datetime.datetime.fromisoformat(f"{day}T{time}")


def put(folder, **files):
    """Files in a folder outside the round, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def take_in(folder, *sources, clock=None):
    with open_round(folder, clock=clock or at("2024-01-20")) as round_:
        return collect(round_, map(Path, sources))


def states(folder, day="2024-01-20"):
    """Unit → its state as the board words it."""
    board = read_board(folder, clock=at(day))
    return {one.unit.name: one.words for one in (*board.units, *board.strangers)}


def story(folder, name):
    """What the ledger tells of a unit: (state, cause)."""
    board = read_board(folder, clock=at("2024-01-20"))
    one = next(one for one in (*board.units, *board.strangers) if one.unit.name == name)
    return [(event.state.value, event.cause) for event in one.events]

"""Roll-ups for tests: a county's towns as files, merged, written and read again."""

import helpers_pipe as pipe

from xltools import Answers, Unit, check, merge, write_rollup, write_template
from xltools.filing import BLANK, Entry, Filing, Leaf
from xltools.issuing import read_sound
from xltools.result import CheckResult, MergeResult
from xltools.rollup import roll_up

COUNTY = Unit(name="示例县", code="C1", kind="已汇总", level="county")


def town(number, **more):
    return Unit(**{"name": f"示例{number}镇", "code": f"U{number:02d}", "parent": "示例县", **more})


def file_of(folder, form, number, *, year=None, seed=None, unit=None, **items):
    """One town's filled workbook in a folder; some figures may be others than its seed gives."""
    folder.mkdir(exist_ok=True, parents=True)
    answers = Answers(items=items).over(pipe.seeded(form, number if seed is None else seed))
    path = folder / f"{number}镇.xlsx"
    path.write_bytes(write_template(form, unit or town(number), year or pipe.year_of(form), answers))
    return path


def merged(path, sources, *, unit=COUNTY, **more):
    """The roll-up of these files and folders, written to `path`."""
    result = merge(check(sources, **more), unit=unit)
    path.write_bytes(write_rollup(result))
    return result


def written(path, form, leaves, *, unit=COUNTY, year=None, forms=()):
    """A roll-up of made-up leaves on disk, read again."""
    rollup = roll_up(form, year or pipe.year_of(form), leaves, unit=unit)
    path.write_bytes(write_rollup(MergeResult(CheckResult(()), (), rollup)))
    return read_sound(path, forms=forms)


def filing(form, leaves, *, unit=COUNTY, year=None):
    """The same without a file."""
    rollup = roll_up(form, year or pipe.year_of(form), leaves, unit=unit)
    entries = {name: Entry(BLANK, value) for name, value in rollup.inputs.items()}
    return Filing(
        file="汇总.xlsx", sha256="", form_key=form.key, form=form, unit=unit, year=rollup.year, entries=entries,
        leaves=rollup.leaves, is_rollup=True,
    )  # fmt: skip


def leaf(number, form, **figures):
    """A town whose inputs are 0 but for these; None is a blank."""
    zeros = {item.id: None if item.type == "text" else 0 for item in form.inputs}
    return Leaf(
        unit=town(number), file=f"{number}镇.xlsx", sha256=f"{number:064x}", inputs={**zeros, **figures}
    )

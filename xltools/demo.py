"""The demonstration: a county of twelve units, the whole job, with faults left in on purpose.

What is asked, invented and wrong stands in `samples/demo/demo.toml`; nothing about a form is here.
"""

from __future__ import annotations

import io
import random
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from xltools.answers import Answer, Answers
from xltools.form import Form
from xltools.forms.catalogue import data_folder, load_form
from xltools.intake import check
from xltools.issuing import read_answers, template_names
from xltools.layout import lay_out
from xltools.merging import merge
from xltools.reading.rosters import read_roster
from xltools.reporting.notice import write_returns
from xltools.reporting.text import merge_report
from xltools.returning import send_back
from xltools.roster import Unit
from xltools.writing.files import write_whole
from xltools.writing.rollup import write_rollup
from xltools.writing.template import write_template

ISSUED, RECEIVED, RETURNED, MERGED = "01下发", "02收件", "03退回", "04汇总"


def run_demo(folder: Path, progress: Callable[[int, int], None]) -> Iterator[str]:
    """Writes templates, filled workbooks, what goes back and the roll-up below `folder`; yields what a clerk would read."""
    samples = data_folder("samples") / "demo"
    plan = tomllib.loads((samples / "demo.toml").read_text(encoding="utf-8"))
    form, year, faults = load_form(plan["form"]), plan["year"], plan["faults"]
    roster = read_roster(samples / plan["roster"])
    issued, received, returned = folder / ISSUED, folder / RECEIVED, folder / RETURNED
    out = folder / MERGED / f"{year}年汇总.xlsx"
    for one in (issued, received, returned):  # an earlier demonstration's files, by our own folder names
        if one.exists():
            shutil.rmtree(one)
    chance = random.Random(plan["seed"])
    write_whole(folder / plan["roster"], (samples / plan["roster"]).read_bytes())
    for number, (unit, name) in enumerate(template_names(form, roster, year)):
        progress(number, len(roster) + 1)
        write_whole(issued / name, write_template(form, unit, year))
        real = plan["real"].get(unit.code)
        answers = read_answers(form, samples / real) if real else invented(form, unit, plan, chance)
        if unit.code == faults["missing"]:
            continue
        filled = with_fault(form, unit, year, answers, faults)
        write_whole(received / name, filled)
        if unit.code == faults["twice"]:
            write_whole(received / f"{Path(name).stem}（再发一次）.xlsx", filled)
    county = plan["county"]
    signer = Unit(name=county["name"], code=county["code"], level=county["level"], kind="本级")
    checked = check([received], roster=roster)
    write_returns(send_back(checked, form=plan["form"], year=year), returned)
    result = merge(checked, unit=signer)
    write_whole(out, write_rollup(result, out.parent))
    yield from merge_report(result, str(out))
    yield ""
    yield "演示里故意留了：一处勾稽不平、一处数字格里写文字、一处合计被改成数、一个单位没报、一份重复报送。"
    for words, path in (
        ("名单", folder / plan["roster"]),
        ("模板", issued),
        ("收件", received),
        ("退回", returned),
        ("汇总", out),
    ):
        yield f"{words}：{path}"


def invented(form: Form, unit: Unit, plan: Mapping[str, Any], chance: random.Random) -> Answers:
    """Figures drawn as the plan says: a range of ints or of decimals, or the sum of other items."""
    items: dict[str, Answer] = {item.id: 0 for item in form.inputs if item.type != "text"}
    for name, source in plan["figures"].items():
        if source[0] in items:
            items[name] = sum(part for one in source if isinstance(part := items[one], int))
        elif isinstance(source[0], int):
            items[name] = chance.randint(*source)
        else:
            low, high = map(Decimal, source)
            step = Decimal(1).scaleb(int(low.as_tuple().exponent))
            items[name] = low + step * chance.randint(0, int((high - low) / step))
    texts = {name: text.replace("{unit}", unit.name) for name, text in plan["texts"].items()}
    return Answers(items=items, texts=texts)


def with_fault(form: Form, unit: Unit, year: int, answers: Answers, faults: Mapping[str, Any]) -> bytes:
    """The filled workbook, with the fault that this unit is there to show."""
    items = dict(answers.items)
    broken, text, overwritten = faults["broken"], faults["text"], faults["overwritten"]
    if unit.code == broken["unit"]:
        before = items[broken["item"]]
        assert isinstance(before, int)
        items[broken["item"]] = before + broken["add"]
    if unit.code == text["unit"]:
        items[text["item"]] = text["value"]
    data = write_template(form, unit, year, replace(answers, items=items))
    if unit.code == overwritten["unit"]:
        return typed_over(form, data, overwritten["item"], overwritten["value"])
    return data


def typed_over(form: Form, data: bytes, item: str, value: int) -> bytes:
    """A total typed over, as a clerk does it who unlocks the sheet; by openpyxl, as an outside program would."""
    import openpyxl

    slot = lay_out(form).slots[item]
    book = openpyxl.load_workbook(io.BytesIO(data))
    book[slot.sheet][slot.address] = value
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()

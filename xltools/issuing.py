"""Issuing: templates for one unit or a roster, and workbooks filled from a system."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from xltools.answers import Answer, Answers, answers_from_json
from xltools.detail import is_summed
from xltools.errors import ValuesError, XltoolsError, system_words
from xltools.filing import Entry, Filing
from xltools.form import Form
from xltools.forms.finder import FormFinder
from xltools.guarding import Output, demand_folder, guard
from xltools.lastyear import LastYear, demand_whole
from xltools.problems import LEFT_OUT, Transfer
from xltools.reading.coverage import not_merged
from xltools.reading.filings import cover_text, read_filing
from xltools.rollup import roll_up
from xltools.roster import Unit
from xltools.words import number_text
from xltools.writing.files import file_name, write_whole
from xltools.writing.stamping import Stamper
from xltools.writing.template import write_template


def workbook_name(form: Form, unit: Unit, year: int) -> str:
    """What a unit's workbook is called, without its ending."""
    return f"{file_name(unit.name)}_{year}年{file_name(form.title)}"


def template_names(form: Form, units: Iterable[Unit], year: int) -> Iterator[tuple[Unit, str]]:
    """Each unit with its workbook's file name; the code is added where two would have the same."""
    units = list(units)
    plain = [workbook_name(form, unit, year) for unit in units]
    times = Counter(name.casefold() for name in plain)
    for number, (unit, name) in enumerate(zip(units, plain, strict=True), 1):
        same = times[name.casefold()] > 1
        yield unit, f"{name}_{file_name(unit.code) if unit.code else number}.xlsx" if same else f"{name}.xlsx"


def issue_templates(
    form: Form,
    units: Iterable[Unit],
    year: int,
    folder: Path,
    *,
    answers: Answers | None = None,
    last: LastYear | None = None,
    transfers: Sequence[Transfer] = (),
    inputs: Iterable[Path | None] = (),
) -> Iterator[Path]:
    """Writes a workbook per unit into `folder` and yields its path; last year's figures are prefilled.

    `inputs` are what was read for it and `transfers` what is listed in it.  Raises UsageError for a `last` of
    another year than the one before, and for a place where something else stands.
    """
    if last is not None:
        last.demand([year])
    demand_folder("-o", folder)
    named = list(template_names(form, units, year))
    guard([Output("-o", folder / name, unit) for unit, name in named], inputs)
    stamper = Stamper(form, year, answers, transfers=transfers)
    for unit, name in named:
        before = last.of(unit, year) if last is not None else None
        yield write_whole(folder / name, stamper.copy(unit, last=before))


def read_answers(form: Form, path: str | Path) -> Answers:
    """Answers from a JSON file (UTF-8, with or without BOM).  Raises ValuesError with one sentence."""
    try:
        source = json.loads(
            Path(path).read_text(encoding="utf-8-sig"), parse_float=Decimal, parse_constant=_no_constant,
            object_pairs_hook=_no_twins,
        )  # fmt: skip
    except OSError as error:
        raise ValuesError(f"打不开 {path}：{system_words(error)}。") from None
    except UnicodeDecodeError:
        raise ValuesError(f"{path} 不是 UTF-8 编码的 JSON。") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValuesError(f"{path} 不是正确的 JSON：{error}。") from None
    return answers_from_json(form, source)


def rollup_for(
    form: Form, unit: Unit, year: int, path: str | Path, *, forms: Iterable[str | Path] = ()
) -> Filing:
    """The roll-up that a government's own form may be filled from.

    Raises XltoolsError for a workbook that is no roll-up, one that was edited, or that of another form, year or
    government.
    """
    filing = read_sound(path, forms=forms)
    assert filing.form is not None and filing.unit is not None
    if not filing.is_rollup:
        raise XltoolsError(f"{filing.file} 不是汇总表；--values 要汇总表（.xlsx）或 JSON。")
    demand_whole(filing)
    said, asked = (f"{filing.form.key} {filing.year}年", f"{form.key} {year}年")
    if said != asked:
        raise XltoolsError(
            f"{filing.file} 是 {said} 的汇总表，要填的是 {asked}；请用同一表式、同一年度的汇总表。"
        )
    signer, unsigned = filing.unit, roll_up(form, year, filing.leaves).unit
    same = signer.code == unit.code if signer.code and unit.code else signer.name == unit.name
    if not same and signer.code != unsigned.code:
        of, wanted = (f"“{one.name}”{f'（{one.code}）' if one.code else ''}" for one in (signer, unit))
        raise XltoolsError(
            f"{filing.file} 是{of}的汇总表，要填的是{wanted}的报表；请核对 --unit、--code 和 --values。"
        )
    return filing


def answers_of_rollup(filing: Filing) -> Answers:
    """What a government's own form takes from the roll-up of its units: merged figures, and the units' reasons.

    What the form does not add up (`none`, `list`) and the texts are left to the author.
    """
    assert filing.form is not None
    items = {item.id: filing.inputs[item.id] for item in filing.form.inputs if is_summed(item)}
    return Answers(
        items={name: value for name, value in items.items() if value is not None},
        explanations=filing.explanations,
    )


def left_out(filing: Filing) -> tuple[Transfer, ...]:
    """The units whose figures are not in a roll-up, as a report filled in from it lists them: none of them is a zero."""
    return tuple(
        Transfer(
            outcome=LEFT_OUT,
            about=f"{unit.name}（{unit.code}）" if unit.code else unit.name,
            source=filing.file,
            before="",
            remark=why,
        )
        for unit, why in (not_merged(filing.book) if filing.book is not None else ())
    )


def _no_constant(name: str) -> object:
    raise ValuesError(f"JSON 里不能有 {name}。")


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """One of two values for one key would be lost in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twin = next(key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1)
        raise ValuesError(f"JSON 里 {twin} 写了两次。")
    return found


def read_sound(path: str | Path, *, forms: Iterable[str | Path] = ()) -> Filing:
    """A workbook of ours, a unit's or a roll-up, with every label in its place.  Raises XltoolsError for any other."""
    filing = read_filing(Path(path), FormFinder(forms))
    if filing.refusal is not None:
        raise XltoolsError(f"{filing.file}：{filing.refusal.sentence}{filing.refusal.remedy}")
    if filing.form is None or filing.unit is None or filing.year is None:
        raise XltoolsError(f"{filing.file}：认不出表式、单位或年度，不是下发的模板，也不是汇总表。")
    if filing.label_faults:
        fault = filing.label_faults[0]
        raise XltoolsError(
            f"{filing.file}：〔{fault.sheet}〕{fault.cell} 应是“{fault.expected}”，行列移动过或标签改过；请先用 check 看明细。"
        )
    return filing


def read_for_filling(path: str | Path, *, forms: Iterable[str | Path] = ()) -> Filing:
    """A workbook of ours whose cells can be filled.  Raises XltoolsError for one that cannot be read."""
    filing = read_filing(Path(path), FormFinder(forms))
    if filing.refusal is not None:
        raise XltoolsError(f"{filing.file}：{filing.refusal.sentence}{filing.refusal.remedy}")
    if filing.form is None or filing.unit is None or filing.year is None or not filing.unit.name:
        raise XltoolsError(f"{filing.file}：认不出表式、单位或年度，不是下发的模板。")
    if filing.label_faults or filing.is_rollup:
        raise XltoolsError(f"{filing.file}：行列移动过、标签改过，或是汇总件，不能再填；请用下发的模板。")
    return filing


def fill(path: str | Path, answers: Answers, *, forms: Iterable[str | Path] = ()) -> bytes:
    """The workbook with these answers laid over what it holds; its identity is kept, the file untouched."""
    filing = read_for_filling(path, forms=forms)
    assert filing.form is not None and filing.unit is not None and filing.year is not None
    return write_template(
        filing.form,
        filing.unit,
        filing.year,
        answers.over(answers_of(filing)),
        last=filing.last_shown,
        issue=filing.issue,
        prefill=False,
        problems=filing.problems,
        transfers=filing.transfers,
    )


def answers_of(filing: Filing) -> Answers:
    """What stands in a filing's open cells, faults included: nothing is mended on the way."""
    items: Mapping[str, Answer] = {
        name: answer for name, entry in filing.entries.items() if (answer := answer_of(entry)) is not None
    }
    return Answers(
        items=items,
        texts={name: text for name, text in filing.texts.items() if text},
        cover={name: text for name, text in filing.cover.items() if text},
        explanations=filing.explanations,
    )


def answer_of(entry: Entry) -> Answer:
    """What an input cell holds, to be written into a fresh workbook: the figure, or the fault as it stands."""
    cell = entry.cell
    if cell.formula is not None:
        return f"={cell.formula}"  # written as a text: the check goes on saying that it is no figure
    if cell.kind == "boolean":
        return cell.text.upper() in ("TRUE", "1")
    if cell.kind in ("text", "error"):
        return cell.text
    if entry.fault is None:
        return entry.value
    if cell.format == "date":
        return cover_text(cell, "date")
    if not _plain(cell.text):
        return f"“{cell.text}”"
    number = Decimal(cell.text)
    return f"{number_text(number * 100)}%" if cell.format == "percent" else number


def _plain(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and len(text) <= 15

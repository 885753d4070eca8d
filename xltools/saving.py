"""Saving: a roll-up put in place only after it was read back and every figure in it is the one that was added up."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from xltools.compute import totals
from xltools.detail import ROLLUP_SCHEMA
from xltools.errors import UsageError, WriteError
from xltools.filing import Cell, Filing, Leaf
from xltools.form import Value
from xltools.layout import META, lay_out
from xltools.reading import gate, ooxml
from xltools.reading.filings import read_filing_bytes
from xltools.rollup import Rollup
from xltools.words import clean
from xltools.writing.files import write_whole

BESIDE = "另存，原表正打开着"
DIGITS = 15  # what a cell holds of a number


def save_rollup(path: Path, data: bytes, rollup: Rollup) -> Path:
    """Writes the workbook of a roll-up; gives where it stands: beside the old one where that is open elsewhere.

    Raises WriteError, leaving the old file as it was, when it cannot be written or does not read back as `rollup`.
    """
    return write_whole(path, data, verify=lambda stored: recount(path.name, stored, rollup), beside=BESIDE)


def recount(name: str, data: bytes, rollup: Rollup) -> None:
    """Raises WriteError unless the workbook is sound and holds the roll-up's units, figures and sums."""
    try:
        torn = zipfile.ZipFile(io.BytesIO(data)).testzip()
    except (zipfile.BadZipFile, zlib.error) as error:
        raise WriteError(f"{name} 写出来的不是完整的工作簿，没有替换原来的文件。") from error
    filing = read_filing_bytes(name, data, {rollup.form.key: rollup.form}.get)
    if torn or filing.refusal is not None or not filing.is_rollup or filing.label_faults:
        said = filing.refusal.sentence if filing.refusal else torn or "表的位置不对。"
        raise WriteError(f"{name} 写出来的读不回来（{said}），没有替换原来的文件。")
    wrong = next(_differences(filing, rollup), None)
    if wrong is not None:
        raise WriteError(f"{name} 写出来的和汇总的不一致（{wrong}），没有替换原来的文件。")


def _differences(filing: Filing, rollup: Rollup) -> Iterator[str]:
    if len(filing.leaves) != len(rollup.leaves):
        yield f"单位数 {len(filing.leaves)}，应为 {len(rollup.leaves)}"
        return
    for found, leaf in zip(filing.leaves, rollup.leaves, strict=True):
        if _who(found) != _who(leaf):
            yield f"单位“{found.unit.name}”，应为“{leaf.unit.name}”"
        for item in rollup.form.inputs:
            if _plain(found.inputs.get(item.id)) != _plain(leaf.inputs.get(item.id)):
                yield f"“{leaf.unit.name}”的 {item.id}"
    shown = {**rollup.inputs, **totals(rollup.form, rollup.inputs, blank=0)}
    for slot in lay_out(rollup.form).slots.values():
        value = shown[slot.item.id]
        cell = filing.book.sheets[slot.sheet].cell(slot.address) if filing.book is not None else Cell("blank")
        if isinstance(value, int | Decimal) and _number(cell) != _plain(value):
            yield f"〔{slot.sheet}〕{slot.address} 是 {cell.text or '空白'}，应为 {value}"


def _who(leaf: Leaf) -> tuple[object, ...]:
    return (*leaf.unit.identity().values(), leaf.sha256, leaf.declared_zeros)


def _number(cell: Cell) -> Value:
    try:
        return _plain(Decimal(cell.text))
    except InvalidOperation:
        return None


def _plain(value: Value) -> Value:
    """A figure as a cell can hold it."""
    if isinstance(value, str):
        return clean(value) or None
    if value is None:
        return None
    number = Decimal(value)
    places = DIGITS - 1 - number.adjusted() if number else 0
    return number if number == round(number, places) else round(number, places)


def guard_output(path: Path, inputs: list[Path | None]) -> None:
    """Raises UsageError where a roll-up would be written over what a unit sent, the roster or last year's file."""
    if not path.is_file():
        return
    if any(one is not None and one.resolve() == path.resolve() for one in inputs):
        raise UsageError(f"-o 写的 {path} 是要读的文件，不能盖掉；请换一个名字。")
    if _is_filing(path):
        raise UsageError(f"-o 写的 {path} 是一份报表，不是汇总表，没有盖掉；请换一个名字，或先把它移走。")


def _is_filing(path: Path) -> bool:
    """Whether a file is a unit's workbook; a roll-up made earlier may be written over."""
    try:
        book = ooxml.open_book(gate.admit(gate.read_bytes(path)))
        return META in book.sheet_states and book.sheet(META).cell("A1").text != ROLLUP_SCHEMA
    except gate.Refused:
        return False  # no workbook of ours

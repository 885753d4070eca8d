"""The files that are measured on: seeded reports of one form, saved by several programs, made once and kept.

They lie below the system's folder for temporary files, under a digest of all that they depend on.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

import helpers_pipe as pipe  # noqa: E402
import openpyxl  # noqa: E402

from tests.bench.given import FORM, YEAR, town  # noqa: E402
from xltools.form import Form  # noqa: E402
from xltools.forms.catalogue import load_form  # noqa: E402
from xltools.layout import lay_out  # noqa: E402
from xltools.writing.template import write_template  # noqa: E402

FEW = 3  # files for warming up
ONE_IN_OPENPYXL, ONE_IN_OFFICE, MOST_OFFICE = (
    3,
    20,
    50,
)  # every third file; every twentieth, but no more than 50
HOME = Path(tempfile.gettempdir()) / "xltools-bench"


@dataclass(frozen=True)
class Workload:
    """Filled reports in a folder, with what a program has to know to add them up without us."""

    folder: Path
    few: Path  # the first of them, for warming up
    spec: Path  # JSON: where the figures stand, and what formulas and locks there should be
    kinds: dict[str, int]  # program that saved them last → how many files

    @property
    def units(self) -> int:
        return sum(self.kinds.values())


def mixed(units: int, home: Path = HOME) -> Workload:
    """Reports with figures of their own: as filled in; a third saved again by openpyxl, some by LibreOffice."""
    return _kept(home, f"mixed-{units}", lambda folder: _make_mixed(folder, units))


def filled(units: int, home: Path = HOME) -> Workload:
    """Reports with figures of their own, all as issued and filled in."""
    return _kept(home, f"filled-{units}", lambda folder: _make_filled(folder, units))


def _kept(home: Path, name: str, make: Callable[[Path], dict[str, int]]) -> Workload:
    """What lies there already, else what `make` puts into the folder it is given and counts by kind."""
    form = load_form(FORM)
    example = pipe.filled(form)
    of = hashlib.sha256(example + Path(__file__).read_bytes() + openpyxl.__version__.encode())
    place = home / f"{name}-{of.hexdigest()[:12]}"
    ready = place / "kinds.json"
    if not ready.is_file():
        shutil.rmtree(place, ignore_errors=True)
        (place / "收件").mkdir(parents=True)
        kinds = make(place / "收件")
        few = place / "几份"
        few.mkdir()
        for path in sorted((place / "收件").iterdir())[:FEW]:
            os.link(path, few / path.name)
        (place / "spec.json").write_text(json.dumps(_spec(form, example), ensure_ascii=False), "utf-8")
        ready.write_text(json.dumps(kinds), "utf-8")
    return Workload(place / "收件", place / "几份", place / "spec.json", json.loads(ready.read_text("utf-8")))


def _make_mixed(folder: Path, units: int) -> dict[str, int]:
    kinds = {"xlsxwriter": 0, "openpyxl": 0, "LibreOffice": 0}
    for_office: list[Path] = []
    for number in range(units):
        path = folder / f"{number:05d}.xlsx"
        data = _filled(number)
        if number % ONE_IN_OPENPYXL == ONE_IN_OPENPYXL - 1:
            data = pipe.changed(data, lambda book: None)
            kinds["openpyxl"] += 1
        elif number % ONE_IN_OFFICE == 1 and len(for_office) < MOST_OFFICE and shutil.which("soffice"):
            for_office.append(path)
            kinds["LibreOffice"] += 1
        else:
            kinds["xlsxwriter"] += 1
        path.write_bytes(data)
    _save_in_office(for_office)
    return kinds


def _save_in_office(paths: list[Path]) -> None:
    """All of them in one run of LibreOffice, each put in place of the one it was made from."""
    if not paths:
        return
    with tempfile.TemporaryDirectory() as place:
        profile, out = Path(place) / "profile", Path(place) / "out"
        subprocess.run(
            ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "xlsx",
             "--outdir", str(out), *map(str, paths)],
            check=True, capture_output=True,
        )  # fmt: skip
        for path in paths:
            shutil.move(out / path.name, path)


def _make_filled(folder: Path, units: int) -> dict[str, int]:
    for number in range(units):
        (folder / f"{number:05d}.xlsx").write_bytes(_filled(number))
    return {"xlsxwriter": units}


def _filled(number: int) -> bytes:
    form = load_form(FORM)
    return write_template(form, town(number), YEAR, pipe.seeded(form, number))


def _spec(form: Form, example: bytes) -> dict[str, object]:
    """Where the figures stand (row and column from 0), and formula and lock of every cell of the tables."""
    book = openpyxl.load_workbook(io.BytesIO(example))
    return {
        "cells": [
            (slot.item.id, slot.sheet, slot.place.row - 1, slot.place.column - 1)
            for slot in lay_out(form).inputs
        ],
        "guarded": list(_guarded(form, book)),
    }


def _guarded(form: Form, book: openpyxl.Workbook) -> Iterator[tuple[str, str, str | None, bool]]:
    for slot in lay_out(form).slots.values():
        cell = book[slot.sheet][slot.address]
        yield slot.sheet, slot.address, cell.value if cell.data_type == "f" else None, cell.protection.locked

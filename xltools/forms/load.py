"""TOML → Form.  Every mistake in a form file is reported at once, with its place and what is allowed.

The steps: source.py reads, syntax.py looks at each file by itself, extend.py lays them over each other, and
here the result is understood; rules.py does so for the rules.  Nothing here knows any particular form.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xltools.errors import FormError, FormErrors
from xltools.form import Aggregation, CoverField, FigureType, Form, Item, Line, Sheet, Table, Text
from xltools.formulas import rule_formulas
from xltools.forms.extend import overlay
from xltools.forms.rules import RuleSource, build_rules
from xltools.forms.source import Steps, Toml, read_toml
from xltools.forms.syntax import SPECS, Problems, Shaper, Spot, complete
from xltools.layout import lay_out

__all__ = ["SPECS", "load_form_file", "read_form"]

MOST_GRID_COLUMNS = 60
LEAST_WIDTH = 8.0  # of a data column: narrower ones show ### for an ordinary figure
MOST_COLUMN_WIDTH = 255  # Excel's limit
PAGE_WIDTH = 84.0  # what is shared where a sheet says nothing of widths
LABEL_WIDTH = 24.0
ROLLUPS: Mapping[str, tuple[str, ...]] = {"text": ("list", "none")}  # by type; all others:
NUMBER_ROLLUPS = ("sum", "confirm-sum", "none")


def load_form_file(path: Path, shipped: Mapping[str, Path] | None = None) -> Form:
    """The form in a TOML file.  `shipped` are the forms that it may extend by their keys.

    Raises FormErrors with all that is wrong.
    """
    return read_form(path, shipped)[0]


def read_form(path: Path, shipped: Mapping[str, Path] | None = None) -> tuple[Form, tuple[Path, ...]]:
    """The form in a TOML file and the files it is made of.  Raises FormErrors."""
    problems = Problems(path.name)
    files: list[Path] = []
    source = _Reading(problems, shipped or {}, files).read(path, path.name)
    form = _Builder(problems).form(complete(source, "form", problems)) if source is not None else None
    if form is not None and not problems.found:
        _fit(form, problems)
    if problems.found or form is None:
        order = list(dict.fromkeys(error.file for error in problems.found))
        raise FormErrors(sorted(problems.found, key=lambda error: (order.index(error.file), error.line or 0)))
    return form, tuple(files)


def _fit(form: Form, problems: Problems) -> None:
    """What only shows when the workbook is worked out: a rule that makes too long a formula."""
    layout = lay_out(form)
    said: set[str] = set()
    for row in layout.rules.values():
        try:
            rule_formulas(layout, row)
        except FormError as error:
            if error.key not in said:
                problems(error.key, error.problem)
            said.add(error.key)


class _Reading:
    """Reads a file and whatever it extends, and lays one over the other."""

    def __init__(self, problems: Problems, shipped: Mapping[str, Path], files: list[Path]) -> None:
        self.problems, self.shipped, self.files = problems, shipped, files

    def read(self, path: Path, file: str) -> Toml | None:
        """The whole tree; None where a file could not be read, which is then reported."""
        self.files.append(path)
        try:
            source, lines = read_toml(path, file)
        except FormError as error:
            self.problems(error.key, error.problem, Spot(error.file, error.line))
            return None
        base: Toml | None = {}
        if "extends" in source:
            base = self.base(source["extends"], path, Spot(file, lines[("extends",)]))
        own = Shaper(self.problems, file, lines).node(source, "form")
        if base is None:
            return None
        if base and own.get("edition", base.get("edition")) == base.get("edition") and "id" not in own:
            self.problems("edition", "extends 的报表要有自己的 edition，不能与原报表同名", self.edition_spot(file, lines))
        own.pop("extends", None)
        return overlay(base, own, self.problems)

    @staticmethod
    def edition_spot(file: str, lines: Mapping[Steps, int]) -> Spot:
        return Spot(file, lines.get(("edition",), lines[("extends",)]))

    def base(self, name: object, path: Path, spot: Spot) -> Toml | None:
        """The tree that `extends` asks for: a file beside this one, or a shipped form by its key."""
        beside = {one.stem: one for one in sorted(path.parent.glob("*.toml")) if not _same(one, path)}
        known = {**self.shipped, **beside}
        if not isinstance(name, str):
            return None  # syntax.py says so
        above = known.get(name)
        if above is None:
            if _same(path.parent / "x", path.parent / "x") and name == path.stem:
                self.problems("extends", f"‘{name}’就是它自己", spot)
                return None
            near = difflib.get_close_matches(name, known, 1)
            hint = f"是不是 {near[0]}？" if near else ""
            found = f"找不到‘{name}’；{hint}同一文件夹里有：{'、'.join(beside) or '没有'}；随附的有：{'、'.join(self.shipped)}"
            self.problems("extends", found, spot)
            return None
        if any(_same(above, one) for one in self.files):
            self.problems("extends", f"‘{name}’绕回到了自己", spot)
            return None
        file = above.name if above.parent == path.parent else f"{above.parent.name}/{above.name}"
        return self.read(above, file)

"""Stamping: the same workbook for many units, rendered once, with only what names the unit put anew into each copy.

A copy has the very bytes that `write_template` would give.  What a unit's name, code, parent and issue number stand
in is learnt from a rendering with marks in their places.  Before that is used it has to give back, byte for byte, a
workbook that was rendered in full; whatever could be written in another way is rendered in full as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xltools.answers import Answers
from xltools.form import Form, Values
from xltools.problems import Transfer
from xltools.roster import MOST_NAME, Unit, issue_number
from xltools.words import clean
from xltools.writing.package import Package
from xltools.writing.template import write_template
from xltools.writing.worksheets import escaped

FIELDS = ("unit", "code", "parent", "issue")
# private characters, which no form has in this order
MARKS = {name: f"\ue000{name}\ue001" for name in FIELDS}
_MARK = re.compile(f"\ue000({'|'.join(FIELDS)})\ue001")
_STRINGS, _NAMES = "xl/sharedStrings.xml", "xl/workbook.xml"
_VARYING = {_STRINGS, _NAMES, "docProps/custom.xml", "docProps/core.xml"}  # a value stands between tags there
_ODD = re.compile(r"[{}]|_x|^<r>")  # a place for another value, xlsxwriter's own escapes, a formatted text
Shape = tuple[str | bool, ...]  # all of a unit that changes more than the characters of its values


class Stamper:
    """Workbooks of one form and year, blank or with the same answers in each."""

    def __init__(
        self, form: Form, year: int, answers: Answers | None = None, *, transfers: Sequence[Transfer] = ()
    ) -> None:
        self.form, self.year, self.answers, self.transfers = form, year, answers, transfers
        self.rendered = 0  # how many workbooks were rendered in full
        self._examples: dict[Shape, tuple[Mapping[str, str], bytes]] = {}  # a unit's values, its workbook
        self._skeletons: dict[Shape, _Skeleton | None] = {}  # None where each has to be rendered

    def copy(self, unit: Unit, *, issue: str | None = None, last: Values | None = None) -> bytes:
        """The bytes of `write_template` with these arguments; raises what that raises.

        A workbook with last year's figures is rendered in full.
        """
        values = {
            "unit": unit.name,
            "code": unit.code,
            "parent": unit.parent,
            "issue": issue or issue_number(self.form.key, unit, self.year),
        }
        if last or not unit.name or not all(map(_is_usual, values.values())):
            return self._render(unit, issue, last)
        shape: Shape = (unit.kind, unit.level, *(bool(value) for value in values.values()))
        if shape in self._examples and shape not in self._skeletons:
            self._learn(unit, shape)
        skeleton = self._skeletons.get(shape)
        stamped = skeleton.stamp(values) if skeleton is not None else None
        if stamped is None:
            stamped = self._render(unit, issue)
            self._examples[shape] = values, stamped
        return stamped

    def _render(self, unit: Unit, issue: str | None, last: Values | None = None) -> bytes:
        self.rendered += 1
        return write_template(
            self.form, unit, self.year, self.answers, last=last, issue=issue, transfers=self.transfers
        )

    def _learn(self, unit: Unit, shape: Shape) -> None:
        """The skeleton of a shape, once it gives back a workbook that was rendered in full, byte for byte."""
        values, data = self._examples[shape]
        marked = {name: MARKS[name] if value else "" for name, value in values.items()}
        model = replace(unit, name=marked["unit"], code=marked["code"], parent=marked["parent"])
        skeleton = _Skeleton.of(self._render(model, marked["issue"]))
        again = skeleton.stamp(values) if skeleton is not None else b""
        if again is not None:  # else the example proves nothing, and another one is waited for
            self._skeletons[shape] = skeleton if again == data else None


def _is_usual(value: str) -> bool:
    """Whether a value is written as it is, so that nothing but its characters differs."""
    return (
        value == clean(value)
        and value == value.strip()  # a space at an end has an attribute of its own
        and len(value) <= MOST_NAME
        and not _ODD.search(value)
        and not _MARK.search(value)
    )


@dataclass(frozen=True, slots=True)
class _Skeleton:
    package: Package
    texts: Mapping[str, Sequence[str]]  # of the parts that vary: every second piece is the name of a field

    @classmethod
    def of(cls, data: bytes) -> _Skeleton | None:
        """The skeleton of a workbook rendered with marks; None where one stands in a part not known to hold any."""
        package = Package(data)
        texts = {name: _MARK.split(package.parts.read(name).decode()) for name in package.parts.namelist()}
        varying = {name: pieces for name, pieces in texts.items() if len(pieces) > 1}
        return cls(package, varying) if varying.keys() <= _VARYING else None

    def stamp(self, values: Mapping[str, str]) -> bytes | None:
        """The workbook with these values; None where one is a text that stands there already, which is kept once."""
        plain = {name: escaped(value) for name, value in values.items()}
        quoted = {name: value.replace('"', '""') for name, value in plain.items()}
        filled = {}
        for name, pieces in self.texts.items():
            fill = quoted if name == _NAMES else plain
            filled[name] = "".join(fill[piece] if n % 2 else piece for n, piece in enumerate(pieces))
        if _has_twins(filled[_STRINGS]):
            return None
        return self.package.with_parts({name: text.encode() for name, text in filled.items()})


def _has_twins(shared_strings: str) -> bool:
    strings = shared_strings.removesuffix("</sst>").split("<si>")
    return len(set(strings)) < len(strings)

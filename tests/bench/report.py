"""The table of what was measured, printed and as RESULTS.md here.  Ratios only, since machines differ."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("xlsxwriter", "openpyxl", "typer", "python-calamine", "polars", "fastexcel", "pandas", "numpy")


@dataclass(frozen=True)
class Line:
    """One figure.  `wanted` and `stretch` bound it: from above, or from below where more is better."""

    bench: str
    what: str
    figure: float | None  # None: not measured, and `note` says why
    unit: str = "×"
    wanted: float | None = None
    stretch: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def figure_words(self) -> str:
        if self.figure is None:
            return "—"
        return f"{self.figure:.{2 if self.figure < 10 else 1 if self.figure < 100 else 0}f} {self.unit}"

    @property
    def wanted_words(self) -> str:
        if self.wanted is None:
            return ""
        sign = "≥" if self.more_is_better else "≤"
        return f"{sign} {self.wanted:g}" + (f" ({self.stretch:g})" if self.stretch is not None else "")

    @property
    def verdict(self) -> str:
        if self.figure is None or self.wanted is None:
            return ""
        if self.stretch is not None and self._reaches(self.stretch):
            return "stretch"
        return "yes" if self._reaches(self.wanted) else "no"

    def _reaches(self, bound: float) -> bool:
        assert self.figure is not None
        return self.figure >= bound if self.more_is_better else self.figure <= bound


def ratio(
    bench: str, what: str, of: float, to: float, wanted: float | None = None, stretch: float | None = None,
    *, more_is_better: bool = False, note: str = "",
) -> Line:  # fmt: skip
    return Line(bench, what, of / to, "×", wanted, stretch, more_is_better, note)


def printed(lines: Iterable[Line]) -> Iterator[str]:
    bench = ""
    for line in lines:
        if line.bench != bench:
            bench = line.bench
            yield f"\n{bench}"
        note = f"  ({line.note})" if line.note else ""
        yield f"  {line.what:68} {line.figure_words:>10}  {line.wanted_words:12} {line.verdict:8}{note}"


def markdown(lines: Iterable[Line], words: str) -> str:
    """The page of results; `words` is how it was made."""
    text = [
        "# What reading, checking and adding up costs",
        "",
        f"Made by `{words}`.",
        "",
        "CPU time, medians, every contestant in a process of its own, in turns, on the same files; all of them",
        "found the same sums.  Ratios only, since machines differ; in brackets the figure hoped for.",
        "",
        "; ".join(versions()),
    ]
    bench = ""
    for line in lines:
        if line.bench != bench:
            bench = line.bench
            text += [
                "",
                f"## {bench}",
                "",
                "| | figure | wanted | reached | |",
                "| --- | ---: | --- | --- | --- |",
            ]
        text.append(
            f"| {line.what} | {line.figure_words} | {line.wanted_words} | {line.verdict} | {line.note} |"
        )
    return "\n".join(text) + "\n"


def versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} absent"
    if shutil.which("soffice"):
        said = subprocess.run(["soffice", "--version"], capture_output=True, encoding="utf-8").stdout
        yield " ".join(said.split()[:2])

"""Beside: what is written beside a roll-up, as `merge` is asked for it.

The formats are export.py's matter and scaled figures scaling.py's; a roll-up by itself loads neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xltools.errors import UsageError
from xltools.guarding import Output, demand_data, demand_folder
from xltools.result import MergeResult
from xltools.rollup import Rollup
from xltools.roster import Unit
from xltools.writing.files import write_whole

TIDY, WIDE, FINDINGS = "长表.csv", "宽表.csv", "问题.csv"
MOST_PLACES = 6  # of a scaled copy


@dataclass(frozen=True, kw_only=True)
class Exports:
    """What is to be written beside a roll-up.  Made before the work begins, so that a wrong wish is said at once.

    Raises UsageError for a scale, a number of decimals or a name that will not do, XltoolsError where pyarrow is missing.
    """

    scales: tuple[str, ...] = ()  # of a scaled copy
    places: int = 0
    csv: Path | None = None  # a folder
    json: Path | None = None
    parquet: Path | None = None

    def __post_init__(self) -> None:
        if self.scales:
            from xltools.scaling import COUNT_SCALES, MONEY_SCALES, SCALES

            kinds = [scale in MONEY_SCALES for scale in self.scales]
            if any(scale not in SCALES for scale in self.scales) or len(set(kinds)) < len(kinds):
                words = f"件数 {'、'.join(COUNT_SCALES)}，金额 {'、'.join(MONEY_SCALES)}"
                raise UsageError(f"--scale 只能是：{words}；件数、金额各写一个。")
        if not 0 <= self.places <= MOST_PLACES:
            raise UsageError(f"--places 只能是 0 到 {MOST_PLACES}。")
        demand_data("--json", self.json)
        demand_data("--parquet", self.parquet)
        if self.csv is not None:
            demand_folder("--csv", self.csv)
        if self.parquet is not None:
            from xltools.reporting.export import require_pyarrow

            require_pyarrow()

    def copy_of(self, out: Path) -> Path | None:
        """Where the scaled copy of a roll-up goes: 汇总（单位：千、万元）.xlsx."""
        return out.with_name(f"{out.stem}（单位：{'、'.join(self.scales)}）.xlsx") if self.scales else None

    def paths(self, out: Path) -> list[Path]:
        """The files that are written, and so are no filings."""
        return [one.path for one in self.outputs(out)]

    def outputs(self, out: Path, unit: Unit | None = None) -> list[Output]:
        """The same with the option that asks for each; `unit` is the roll-up's."""
        copy = self.copy_of(out)
        named = [("--json", self.json), ("--parquet", self.parquet)]
        if self.csv is not None:
            named += [("--csv", self.csv / name) for name in (TIDY, WIDE, FINDINGS)]
        return [
            *([Output("--scale", copy, unit)] if copy is not None else []),
            *(Output(option, path) for option, path in named if path is not None),
        ]

    def write(self, result: MergeResult, out: Path) -> Iterator[Path]:
        """Writes what was asked for beside the roll-up `out` and yields the paths.  Raises WriteError."""
        rollup = result.rollup
        if rollup is None:
            return
        for path, data in self._files(result, rollup, out):
            write_whole(path, data)
            yield path

    def _files(self, result: MergeResult, rollup: Rollup, out: Path) -> Iterator[tuple[Path, bytes]]:
        if (copy := self.copy_of(out)) is not None:
            from xltools.scaling import scale_figures
            from xltools.writing.scaled import write_scaled

            scaled = scale_figures(rollup.form, rollup.inputs, self.scales, self.places)
            yield copy, write_scaled(rollup, scaled, self.places)
        if self.csv is None and self.json is None and self.parquet is None:
            return
        from xltools.reporting import export

        if self.csv is not None:
            for name, data in export.csv_files(result, rollup):
                yield self.csv / name, data
        if self.json is not None:
            yield self.json, export.json_file(rollup)
        if self.parquet is not None:
            yield self.parquet, export.parquet_file(rollup)

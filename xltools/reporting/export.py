"""Out: a roll-up's figures unit by unit for other programs, as csv, JSON and Parquet.

Exact: money is a decimal in Parquet and its digits elsewhere, a blank is empty or null.  What units wrote never
becomes a formula, nor a file that cannot be read.  The fields are those of Rollup.to_frame, and docs/json.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from xltools.compute import as_number
from xltools.errors import XltoolsError
from xltools.filing import Leaf
from xltools.form import Value
from xltools.reporting.beside import FINDINGS, TIDY, WIDE
from xltools.reporting.explain import route
from xltools.reporting.json import check_csv, dump, figure, figures, harmless, rollup_document
from xltools.result import MergeResult
from xltools.rollup import Rollup
from xltools.words import clean, number_text

FIGURES_SCHEMA = "xltools.figures/1"
UNIT_FIELDS = ("unit", "code", "kind", "level", "parent")
TIDY_FIELDS = (
    *UNIT_FIELDS, "item", "value", "label", "measure", "type", "derived", "declared_zero", "file", "sha256", "through",
)  # fmt: skip
MOST_TEXT = 32_000  # characters of a csv cell; Excel loses what goes beyond 32 767
CUT = "……（太长，后略，全文见 JSON）"
LEAST_PLACES, MOST_DIGITS, WIDEST_DIGITS = 6, 38, 76  # of decimals in Parquet


# ---- csv


def tidy_rows(rollup: Rollup) -> Iterator[tuple[Value | bool, ...]]:
    """One row per unit and figure, in the order of TIDY_FIELDS."""
    meanings = {
        item.id: (item.label(rollup.year), item.unit, item.type, not item.is_input)
        for item in rollup.form.items.values()
    }
    for leaf in rollup.leaves:
        unit, file = _unit(leaf), (leaf.file, leaf.sha256, leaf.through)
        for name, value in leaf.figures(rollup.form).items():
            yield *unit, name, value, *meanings[name], name in leaf.declared_zeros, *file


def csv_files(result: MergeResult, rollup: Rollup) -> Iterator[tuple[str, bytes]]:
    """(file name, UTF-8 with BOM, which Excel needs): a row per unit and figure, a row per unit, the findings."""
    yield TIDY, _csv(TIDY_FIELDS, tidy_rows(rollup))
    wide = ((*_unit(leaf), *leaf.figures(rollup.form).values()) for leaf in rollup.leaves)
    yield WIDE, _csv((*UNIT_FIELDS, *rollup.form.items), wide)
    yield FINDINGS, without_halves(check_csv(result.checked)).encode("utf-8-sig")


def _unit(leaf: Leaf) -> tuple[str, ...]:
    said = leaf.unit.identity()
    return tuple(said[field] for field in UNIT_FIELDS)


def _csv(heads: Iterable[str], rows: Iterable[Iterable[Value | bool]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig")


def _cell(value: Value | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "" if value is None else number_text(value)
    return _text_cell(value)


@lru_cache(maxsize=4096)  # names, labels and digests come again and again
def _text_cell(value: str) -> str:
    text = clean(value)
    return harmless(text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + CUT)


# ---- JSON


def figures_document(rollup: Rollup) -> dict[str, Any]:
    """The object that `merge --json` writes: the merged figures and everything behind them."""
    document = rollup_document(rollup, None)
    del document["file"]
    leaves = [
        {
            **leaf.unit.identity(),
            "file": leaf.file,
            "sha256": leaf.sha256,
            "through": route(leaf),
            "items": figures(leaf.figures(rollup.form)),
            "declared_zeros": sorted(leaf.declared_zeros),
            "texts": dict(leaf.texts),
            "reasons": [
                {"about": one.about, "place": one.place, "matter": one.matter, "text": one.text}
                for one in leaf.reasons
            ],
        }
        for leaf in rollup.leaves
    ]
    last = {"last": {name: figure(value) for name, value in rollup.last.items()}} if rollup.last else {}
    return {"schema": FIGURES_SCHEMA, **document, **last, "leaves": leaves}


def json_file(rollup: Rollup) -> bytes:
    return (dump(cleaned(figures_document(rollup))) + "\n").encode()


def cleaned(value: Any) -> Any:
    """A document whose texts can be stored: control characters and halves of characters become U+FFFD."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(one) for key, one in value.items()}
    return [cleaned(one) for one in value] if isinstance(value, list) else value


def cleaned_column(values: list[Any]) -> list[Any]:
    """The same for many values of which few are different."""
    known = {value: clean(value) for value in set(values) if isinstance(value, str)}
    return [known[value] if isinstance(value, str) else value for value in values]


def without_halves(text: str) -> str:
    """A text that UTF-8 can hold, otherwise as it was.

    >>> without_halves("镇\\udce9.xlsx")
    '镇�.xlsx'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# ---- Parquet


def require_pyarrow() -> None:
    """Raises XltoolsError where the extra is not installed, before any work is done."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise XltoolsError("写 Parquet 要另装 pyarrow：pip install 'xltools[parquet]'。") from None


def parquet_file(rollup: Rollup) -> bytes:
    """The tidy table: figures in `value`, an exact decimal, and texts in `text`.

    Form, year, unit and coverage are in the metadata of the file.
    """
    require_pyarrow()
    import pyarrow
    import pyarrow.parquet

    rows = list(tidy_rows(rollup))
    columns: dict[str, list[Any]] = {name: [row[at] for row in rows] for at, name in enumerate(TIDY_FIELDS)}
    values = columns["value"]
    numbers = [None if (number := as_number(value)) is None else Decimal(number) for value in values]
    columns = {**columns, "value": numbers, "text": [one if isinstance(one, str) else None for one in values]}
    truth = dict.fromkeys(("derived", "declared_zero"), pyarrow.bool_())
    types = {**dict.fromkeys(columns, pyarrow.string()), **truth, "value": _decimal(pyarrow, numbers)}
    about = {
        "schema": FIGURES_SCHEMA,
        "form": rollup.form.key,
        "year": str(rollup.year),
        "unit": rollup.unit.name,
        "code": rollup.unit.code,
        "coverage": rollup.coverage,
    }
    table = pyarrow.Table.from_pydict(
        {name: cleaned_column(values) for name, values in columns.items()},
        schema=pyarrow.schema(list(types.items()), metadata=cleaned(about)),
    )
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def _decimal(pyarrow: Any, numbers: Iterable[Decimal | None]) -> Any:
    """A decimal type that holds every number exactly."""
    known = [number for number in numbers if number]
    places = max([LEAST_PLACES, *(-int(number.as_tuple().exponent) for number in known)])
    digits = places + max([1, *(number.adjusted() + 1 for number in known)])
    if digits > WIDEST_DIGITS:
        raise XltoolsError(f"有的数有 {digits} 位，Parquet 存不下；请用 --csv 或 --json。")
    wide = digits > MOST_DIGITS
    return pyarrow.decimal256(WIDEST_DIGITS, places) if wide else pyarrow.decimal128(MOST_DIGITS, places)

"""Mutants: everything that may be wrong with a filled workbook of a form, by name.

Each says the outcome, the codes, the cell they speak of and, where figures may be merged, what must have been
read.  Every place is derived from the form's layout.  test_mutants.py runs them all.
"""

from __future__ import annotations

from mutant import Cast, Mutant
from mutants_figures import counts, formulas, monies, signs, texts, zeros
from mutants_files import files
from mutants_identity import benign, identity
from mutants_shape import lines, merges, sheets, strays
from mutants_shown import arrays, drawings, formats, own_sheets


def mutants(form) -> list[Mutant]:
    cast = Cast(form)
    groups = (
        files,
        sheets,
        lines,
        merges,
        strays,
        formulas,
        counts,
        monies,
        signs,
        texts,
        zeros,
        formats,
        arrays,
        drawings,
        own_sheets,
        identity,
        benign,
    )
    made = [one for group in groups for one in group(cast)]
    assert len({one.name for one in made}) == len(made)
    return made

"""How often the culprit is named: seeded slips of the hand in forms that were in order before.

python -m tests.bench.bench_culprit [how many]
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable

import helpers_pipe as pipe

from xltools.compute import totals
from xltools.culprit import suspects
from xltools.form import Form
from xltools.forms.catalogue import load_form

EDITIONS = ("gov-info-disclosure/2019", "gov-info-disclosure/2021")
Figures = dict[str, object]


def clean_figures(form: Form, seed: int, *, typed: bool) -> Figures:
    """Inputs of a form in order; with every total typed, and typed right, where asked for."""
    inputs = dict(pipe.seeded(form, seed, most=(9, 40, 400)[seed % 3]).items)
    return {**inputs, **(totals(form, inputs) if typed else {})}


def slipped(chance: random.Random, right: int) -> int:
    """What a hand that meant `right` might have typed instead; never the same."""
    digits = str(right)
    at = chance.randrange(len(digits))
    kinds: list[Callable[[], str]] = [
        lambda: digits[:at] + digits[at + 1 : at + 2] + digits[at] + digits[at + 2 :],  # two changed places
        lambda: digits[:at] + digits[at + 1 :],  # one lost
        lambda: digits[:at] + digits[at] + digits[at:],  # one doubled
        lambda: digits[:at] + str(chance.randrange(10)) + digits[at + 1 :],  # another key
        lambda: str(right + chance.choice((-1, 1))),
        lambda: str(chance.randrange(1000)),
    ]
    while True:
        text = chance.choice(kinds)()
        if text.isdigit() and int(text) != right:
            return int(text)


def crossing(form: Form, leaf: str) -> int:
    """How many typed totals and equations of this year a leaf is directly part of."""
    over = sum(leaf in item.sum for item in form.derived)
    return over + sum(
        line.bound.equation is not None
        and len(line.bound.refs) > 1
        and any(ref.item == leaf for ref in line.bound.refs)
        and not any(ref.last for ref in line.bound.refs)
        for line in form.rule_lines
    )


def counts(form: Form) -> list[str]:
    return [item.id for item in form.inputs if item.type == "count"]


def verdict(form: Form, figures: Figures, wrong: set[str]) -> str:
    """`first` where all that is named first is wrong indeed; `likely`, `possible`: another was named so first."""
    said = suspects(form, figures, level="town")
    if not said:
        return "silent"
    first = {one.broken: one for one in reversed(said)}.values()  # of each question
    strays = [one for one in first if not {fix.item for fix in one.corrections} <= wrong]
    if not strays:
        return "first"
    return max(one.strength for one in strays).name.lower()


def measure(times: int, *, typed: bool, errors: int = 1, seed: int = 1) -> dict[int, Counter[str]]:
    """By the least number of constraints that cross a wrong leaf, how often what was said."""
    found: dict[int, Counter[str]] = {}
    for number in range(times):
        chance = random.Random(f"{seed}/{number}")
        form = load_form(chance.choice(EDITIONS))
        figures = clean_figures(form, number, typed=typed)
        wrong = chance.sample(counts(form), errors)
        for leaf in wrong:
            right = figures[leaf]
            assert isinstance(right, int)
            figures[leaf] = slipped(chance, right)
        crossed = min(crossing(form, leaf) for leaf in wrong)
        found.setdefault(crossed, Counter())[verdict(form, figures, set(wrong))] += 1
    return found


def alarms(times: int, *, typed: bool) -> int:
    """How many forms in order raise a suspicion."""
    forms = [load_form(key) for key in EDITIONS]
    return sum(
        bool(suspects(form, clean_figures(form, number, typed=typed), level="town"))
        for number in range(times)
        for form in forms
    )


def main(times: int) -> None:
    for typed in (True, False):
        started = time.perf_counter()
        print(
            "totals typed" if typed else "totals by formula",
            f"· alarms on clean ones: {alarms(times // 4, typed=typed)}",
        )
        for errors in (1, 2, 3):
            for crossed, said in sorted(measure(times, typed=typed, errors=errors).items()):
                share = said["first"] / said.total()
                print(f"  {errors} wrong, crossed by {crossed}: {dict(said)}, named first {share:.1%}")
        print(f"  {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)

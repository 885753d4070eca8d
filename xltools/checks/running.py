"""Running: the one loop over all checks, and what it need not ask again.

Checks whose silence is known beforehand are passed over: those of the frame that found nothing in another filing
with the same frame, and those of single figures where every figure is known to be plain.
"""

from __future__ import annotations

from functools import lru_cache

from xltools.checks import frame as frames
from xltools.checks import plain
from xltools.checks.registry import Case, Check, registered
from xltools.finding import Finding, Level


def run_checks(case: Case) -> list[Finding]:
    """All findings of one filing, in the order of the registry."""
    findings: list[Finding] = []
    stopped: set[str] = set()
    frame = frames.frame_of(case)
    silent = frame.silent if frame is not None else frozenset()
    are_figures_judged = True  # by all checks of figures
    for one in _concerning(
        case.filing.refusal is not None, case.filing.form is not None, case.filing.is_rollup
    ):
        if one.code in silent or (one.of == "figure" and not case.doubtful):
            continue
        if stopped and not stopped.isdisjoint(one.requires):
            are_figures_judged &= one.of != "figure"
            continue
        found = list(one.run(case))
        findings += found
        if any(finding.level is Level.ERROR for finding in found):
            stopped.add(one.code)
        if not found and one.of == "frame" and frame is not None:
            frame.silent.add(one.code)
    if are_figures_judged and frame is not None and case.doubtful:
        spoken_of = {finding.item for finding in findings}
        quiet = [pair for pair in case.doubtful if pair[0].item.id not in spoken_of]
        plain.learn(case.filing, case.level, quiet)
    return findings


@lru_cache(maxsize=8)
def _concerning(is_refused: bool, has_form: bool, is_rollup: bool) -> tuple[Check, ...]:
    """The checks that may have something to say of such a filing."""
    passed_over = {"many"}
    if not is_refused:
        passed_over.add("refusal")
    if not is_rollup:
        passed_over.add("rollup")
    return tuple(
        one for one in registered().values() if one.of not in passed_over and (has_form or not one.needs_form)
    )


def forget() -> None:
    """As if no filing had been checked yet."""
    frames.forget()
    plain.forget()

"""Running: the one loop over all checks, and what it need not ask again.

Checks whose silence is known beforehand are passed over: those of the frame that found nothing in another filing
with the same frame, those of single figures where every figure is known to be plain, and those of what is not there.
"""

from __future__ import annotations

from functools import lru_cache

from xltools.checks import frame as frames
from xltools.checks import plain
from xltools.checks.registry import Case, Check, Given, Kind, Scope, registered
from xltools.finding import Finding, Level


def run_checks(case: Case) -> list[Finding]:
    """All findings of one filing, in the order of the registry."""
    findings: list[Finding] = []
    stopped: set[str] = set()
    frame = frames.frame_of(case)
    silent = frozenset(frame.silent if frame is not None else ())
    are_figures_judged = True  # by all checks of figures
    for one in _to_ask(case.kind, case.lacking, silent, bool(case.doubtful)):
        if stopped and not stopped.isdisjoint(one.requires):
            are_figures_judged &= one.of != "figure"
            continue
        if found := list(one.run(case)):
            findings += found
            if any(finding.level is Level.ERROR for finding in found):
                stopped.add(one.code)
        elif one.of == "frame" and frame is not None:
            frame.silent.add(one.code)
    if are_figures_judged and frame is not None and case.doubtful:
        spoken_of = {finding.item for finding in findings}
        quiet = [pair for pair in case.doubtful if pair[0].item.id not in spoken_of]
        plain.learn(case.filing, case.level, quiet)
    return findings


@lru_cache(maxsize=256)
def _to_ask(
    kind: Kind, lacking: tuple[Given, ...], silent: frozenset[str], are_figures_doubtful: bool
) -> tuple[Check, ...]:
    """The checks that may have something to say of such a filing, but for the codes known to be `silent`."""
    passed_over: set[Scope] = {"many"}
    if not kind.is_refused:
        passed_over.add("refusal")
    if not kind.is_rollup:
        passed_over.add("rollup")
    if not are_figures_doubtful:
        passed_over.add("figure")
    return tuple(
        one
        for one in registered().values()
        if one.of not in passed_over
        and one.code not in silent
        and one.given not in lacking
        and (kind.has_form or not one.needs_form)
    )


def forget() -> None:
    """As if no filing had been checked yet."""
    frames.forget()
    plain.forget()

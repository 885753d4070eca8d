"""Checks: a filing in, findings out.  One function per check, registered with a code.

All findings of a file come in one pass, each cause once: a check names the checks it requires, and stays
silent where one of them has found an error.  Figures of a broken sheet are not in the filing at all, so
nothing that depends on them is said.
"""

from xltools.checks.registry import Case, Check, check, registered
from xltools.checks.running import run_checks

__all__ = ["Case", "Check", "check", "registered", "run_checks"]

"""LibreOffice for tests: one process for the whole run, started when first asked for.

    converted(path, "ods")                                        the same workbook in another format
    done(path, ["type", "三、依申请公开", "D7", "1/2"], save=to)     what LibreOffice shows after these deeds

tests/office.py carries the deeds out.  Without LibreOffice the test is skipped; under CI it fails.
"""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

DRIVER, SYSTEM_PYTHON = Path(__file__).parent / "office.py", "/usr/bin/python3"
FILTERS = {"xlsx": "Calc MS Excel 2007 XML", "xls": "MS Excel 97", "ods": "calc8"}


@dataclass(frozen=True)
class Shown:
    """What LibreOffice itself says of a workbook after a hard recalculation."""

    cells: dict = field(default_factory=dict)  # sheet → cell → number or text; blanks are absent
    refused: tuple = ()  # deeds that LibreOffice would not do
    formulas: dict = field(default_factory=dict)  # sheet → cell → (formula, number or text, is an error)


class Office:
    def __init__(self, profile):
        self._driver = subprocess.Popen(
            [SYSTEM_PYTHON, DRIVER, profile], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def order(self, words):
        """The answer to one order.  A LibreOffice that hangs or dies fails the test."""
        self._driver.stdin.write(json.dumps(words) + "\n")
        self._driver.stdin.flush()
        answer = self._driver.stdout.readline()
        if not answer:
            start.cache_clear()  # the next test gets a new one
            pytest.fail(f"LibreOffice gave up on {words}")
        return json.loads(answer)

    def close(self):
        self._driver.stdin.close()
        self._driver.wait(60)


@cache
def start():
    profile = Path(tempfile.mkdtemp(prefix="xltools-office-"))
    office = Office(profile)
    atexit.register(shutil.rmtree, profile, ignore_errors=True)
    atexit.register(office.close)  # before its profile is removed: the last registered goes first
    return office


def done(path, *deeds, save=None, formulas=False, shown=True):
    """Opens a workbook, does the deeds, saves it under the format of its suffix and says what it shows."""
    if not shutil.which("soffice"):
        assert not os.environ.get("CI"), "LibreOffice is installed by .ci/run"
        pytest.skip("no LibreOffice")
    targets = [[str(save), FILTERS[Path(save).suffix[1:]]]] if save else []
    answer = start().order(
        {"open": str(path), "do": deeds, "save": targets, "formulas": formulas, "shown": shown}
    )
    return Shown(answer["shown"], tuple(deed for deed, *_ in answer["refused"]), answer["formulas"])


def converted(path, kind):
    """The workbook saved beside itself by LibreOffice as "xls", "ods" or "xlsx" (then named ….lo.xlsx)."""
    path = Path(path)
    target = path.with_suffix(f".{kind}")
    if target == path:
        target = path.with_suffix(f".lo.{kind}")
    done(path, save=target, shown=False)
    return target

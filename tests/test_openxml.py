"""Microsoft's Open XML SDK has nothing to say of our workbooks."""

import json
import os
import subprocess
from pathlib import Path

import helpers_pipe as pipe
import pytest

from xltools import Unit, check, load_form, merge, write_rollup, write_template

VALIDATOR = Path(__file__).parents[1] / ".ci" / "node_modules" / ".bin" / "ooxml-validator"
pytestmark = pytest.mark.openxml


def errors(path):
    if not VALIDATOR.exists():
        assert not os.environ.get("CI"), "the validator is installed by .ci/run"
        pytest.skip("no Open XML SDK validator")
    done = subprocess.run([VALIDATOR, path], capture_output=True, encoding="utf-8", timeout=120)
    return json.loads(done.stdout)["errors"]


@pytest.mark.parametrize("key", pipe.FORMS, ids=lambda key: key.rpartition("/")[2])
def test_blank_filled_and_rolled_up(key, tmp_path):
    form = load_form(key)
    year = pipe.year_of(form)
    (tmp_path / "blank.xlsx").write_bytes(write_template(form, pipe.TOWN, year))
    where = tmp_path / "in"
    where.mkdir()
    for n in (1, 2):
        data = write_template(form, Unit(name=f"示例{n}镇"), year, pipe.seeded(form, n))
        (where / f"{n}.xlsx").write_bytes(data)
    files = [tmp_path / "blank.xlsx", where / "1.xlsx"]
    result = merge(check([where], forms=pipe.OWN), unit=Unit(name="示例县", level="county"))
    if result.rollup is not None:
        (tmp_path / "rollup.xlsx").write_bytes(write_rollup(result))
        files.append(tmp_path / "rollup.xlsx")
    for path in files:
        assert errors(path) == [], path.name

"""The developers' page on forms is true: each of its steps is run, in order, in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from xltools.forms.syntax import SPECS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "forms.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


def test_every_step_of_the_page_on_forms_runs(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    ran = 0
    for kind, file, text in BLOCK.findall(PAGE):
        if file:
            (tmp_path / file).write_text(text, "utf-8")
        elif kind == "console":
            for line in text.splitlines():
                words = shlex.split(line.removeprefix("$ "))
                assert words[0] == "xltools"
                done = subprocess.run(
                    [sys.executable, "-m", *words],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    encoding="utf-8",
                )
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                ran += 1
    assert ran == 8 and (tmp_path / "汇总.xlsx").is_file()


def test_every_key_of_a_form_file_is_on_the_page():
    table = PAGE[PAGE.index("## Reference") :]
    for kind, keys in SPECS.items():
        for key in keys:
            assert f"`{key.rstrip('*')}`" in table, (kind, key)

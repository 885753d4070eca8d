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


def test_the_page_of_codes_is_made_from_the_checks():
    from xltools.reporting.codes import reference

    page = (ROOT / "docs" / "codes.md").read_text("utf-8")
    assert page == reference(), "python -m xltools.reporting.codes > docs/codes.md"


def test_the_page_of_codes_has_every_code_with_all_its_parts():
    from xltools.checks import registered
    from xltools.reporting.codes import parts

    page = (ROOT / "docs" / "codes.md").read_text("utf-8")
    for code, check in registered().items():
        summary, said = parts(check)
        assert f"### {code} {check.title}" in page and summary in page
        assert set(said) in ({"通过", "不通过", "改正"}, {"通过", "提示", "改正"}), code
        assert all(f"- {head}：{words}" in page for head, words in said.items())

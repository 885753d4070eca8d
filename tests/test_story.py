"""The round told in samples/round: every command is run, and says what the story says.

python tests/test_story.py    writes the story anew from what the commands say
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

from xltools.cli import main

STORY = Path(__file__).parents[1] / "samples" / "round" / "README.md"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.M | re.S)
TIME, DIGEST = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), re.compile("[0-9a-f]{64}")


def say(folder, line):
    """What a command prints, with its exit code where that is not 0."""
    name, *words = shlex.split(line)
    if name == "cd":
        os.chdir(folder / words[0])
        return ""
    assert name == "xltools"
    out = io.StringIO()
    with (
        mock.patch.object(sys, "argv", [name, *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                out.write(f"[退出码 {ended.code}]\n")
    said = out.getvalue().replace(str(Path.cwd()), "收报").replace("\\", "/")
    return DIGEST.sub("…", TIME.sub("2024-01-20 09:00", said))


def told(folder):
    """The story as it happens in this folder."""
    before = Path.cwd()
    shutil.copytree(STORY.parent, folder, dirs_exist_ok=True)

    def run(block):
        lines = [line for line in block[0].splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{say(folder, line[2:])}" for line in lines)

    try:
        os.chdir(folder)
        return BLOCK.sub(run, STORY.read_text("utf-8"))
    finally:
        os.chdir(before)


def test_the_story_of_a_round_happens_as_it_is_told(tmp_path):
    assert told(tmp_path / "示 例") == STORY.read_text("utf-8")


def test_the_samples_of_the_round_are_small_and_texts():
    files = [path for path in STORY.parent.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".md", ".csv", ".json"}
    assert all(path.stat().st_size < 20_000 for path in files)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        STORY.write_text(told(Path(place) / "示 例"), "utf-8")

"""The wheel, installed elsewhere, does the whole job: templates and samples are inside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with nothing of xltools but what the wheel brought."""
    out, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    quiet = {"check": True, "capture_output": True, "cwd": out}
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, ROOT], **quiet)
    (wheel,) = out.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel], **quiet
    )
    return site


def run(site, folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "xltools", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )


def test_the_wheel_runs_the_demonstration(installed, tmp_path):
    assert (installed / "xltools" / "templates").is_dir() and (installed / "xltools" / "samples").is_dir()
    done = run(installed, tmp_path, "demo", "演示")
    assert done.returncode == 0, done.stderr
    assert "汇总了 8/12 单位" in done.stdout
    assert (tmp_path / "演示" / "04汇总" / "2020年汇总.xlsx").is_file()


def test_the_wheel_finds_its_forms(installed, tmp_path):
    done = run(installed, tmp_path, "forms", "list")
    assert done.returncode == 0 and "gov-info-disclosure/2021" in done.stdout

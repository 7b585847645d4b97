"""The conftest of this suite, run on a suite of two tests of which one needs a part that is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
import pytest

def test_plain():
    pass

@pytest.mark.browser
def test_in_a_browser():
    raise AssertionError("there is no browser")
"""


def run_suite(folder: Path, ci: str, tests: str = SUITE) -> "subprocess.CompletedProcess[str]":
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser\n    influx\n")
    (folder / "test_suite.py").write_text(tests)
    env = {**os.environ, "PATH": str(folder), "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_missing_part_is_named_with_its_remedy_in_the_last_line(tmp_path: Path) -> None:
    done = run_suite(tmp_path, ci="")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Chromium is missing, tests skipped: 1. To run them, run `make test` as root")
    assert done.returncode == 0


def test_in_ci_a_skip_fails_the_run(tmp_path: Path) -> None:
    done = run_suite(tmp_path, ci="true")
    assert "1 passed, 1 skipped" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_run_without_skips_says_nothing_more(tmp_path: Path, ci: str) -> None:
    done = run_suite(tmp_path, ci, tests="def test_plain():\n    pass\n")
    assert done.stdout.splitlines()[-1].startswith("1 passed")
    assert done.returncode == 0

"""Mutations of the engine's code that the laws must catch. Each patch says what it breaks and whose law it is.

`make mutations` tries all of them; three quick ones run with the other tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted((ROOT / "tests" / "laws" / "mutations").glob("*.patch"))
QUICK = {"moves_are_taken_twice", "repeats_across_frames_count", "late_points_do_not_fade"}
TRIES_ALL = os.environ.get("CAMPAIGNIQ_MUTATIONS") == "all"
COPIED = (
    "streams",
    "tests/conftest.py",
    "tests/strategies.py",
    "tests/laws",
    "tests/unit/streams",
    "infra/__init__.py",
    "infra/build",
    "infra/influxdb",
    "infra/kafka",
    "pyproject.toml",
)
NO_SHRINKING = """
from hypothesis import Phase, settings

settings.register_profile("mutations", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("mutations")
"""
"""A failure is enough; the least one is not asked for."""
TESTS_FAILED = 1
_LIMIT_S = 600


def law_of(patch: Path) -> str:
    """Return the module of laws that a patch names."""
    [line] = [line for line in patch.read_text().splitlines() if line.startswith("Law: ")]
    return line.removeprefix("Law: ")


@pytest.fixture(name="tree")
def copy_of_the_tree(tmp_path: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy(source, target)
    (tmp_path / "conftest.py").write_text(NO_SHRINKING)
    return tmp_path


def apply(patch: Path, tree: Path) -> None:
    # Without a repository around, so that the paths in the patch are those of the tree.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    subprocess.run(["git", "apply", str(patch)], cwd=tree, env=environment, check=True)


def run_laws(module: str, tree: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", module]
    return subprocess.run(argv, check=False, cwd=tree, capture_output=True, text=True, timeout=_LIMIT_S)


@pytest.mark.slow
@pytest.mark.timeout(700)
@pytest.mark.parametrize("patch", [p for p in PATCHES if TRIES_ALL or p.stem in QUICK], ids=lambda patch: patch.stem)
def test_the_laws_catch(patch: Path, tree: Path):
    apply(patch, tree)
    done = run_laws(law_of(patch), tree)
    assert done.returncode == TESTS_FAILED, (done.stdout + done.stderr)[-3_000:]
    assert " failed" in done.stdout


def test_there_are_quick_mutations_and_each_names_a_law() -> None:
    assert {patch.stem for patch in PATCHES} >= QUICK
    assert [patch.name for patch in PATCHES if not (ROOT / law_of(patch)).is_file()] == []

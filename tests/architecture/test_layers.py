"""The direction of imports, as pyproject.toml states it."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT


def test_imports_point_one_way() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["ingest.app", "sinks.dispatcher", "api.app", "dashboards"])
def test_faust_is_loaded_by_the_agents_alone(module: str) -> None:
    code = f"import sys, {module}; sys.exit('faust' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or f"{module} loads faust"


def test_setup_runs_on_the_standard_library_alone() -> None:
    argv = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(ROOT)!r}); import infra.build.steps"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_top_level_name_is_this_repository_alone(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    assert list(spec.submodule_search_locations) == [str(ROOT / package)]
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert set(owners) <= {"campaigniq"}

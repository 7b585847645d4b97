"""The locks hold what pyproject.toml asks for, and agree with each other."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = ROOT / "requirements.lock"
DEV = ROOT / "requirements-dev.lock"


def locked(lock: Path) -> dict[str, Version]:
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", lock.read_text(), re.MULTILINE)
    return {name: Version(version) for name, version in pins}


def unmet(requirements: list[str], lock: Path) -> list[str]:
    pins = locked(lock)
    asked = [Requirement(text) for text in requirements]
    return [str(one) for one in asked if one.name not in pins or pins[one.name] not in one.specifier]


def test_the_runtime_lock_meets_every_dependency() -> None:
    assert unmet(PROJECT["dependencies"], RUNTIME) == [], "run `make lock`"


def test_the_dev_lock_meets_every_dependency() -> None:
    assert unmet(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"], DEV) == [], "run `make lock`"


def test_both_locks_pin_the_same_versions() -> None:
    dev = locked(DEV)
    assert {name: dev.get(name) for name in locked(RUNTIME)} == locked(RUNTIME)


def test_every_locked_package_has_hashes() -> None:
    for lock in (RUNTIME, DEV, *(ROOT / "infra" / "build" / "locks").glob("*.lock")):
        entries = re.split(r"^(?=\S)", lock.read_text(), flags=re.MULTILINE)
        assert all("--hash=sha256:" in entry for entry in entries if entry.strip())

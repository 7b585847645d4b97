"""The environments that rivals run in: made when first needed, below the cache folder, from pinned requirements."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from streams.model.errors import CampaignIqError

_TIMEOUT_S = 300
REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "faust": ("faust-streaming==0.15.3", "aiokafka==0.14.0", "mode-streaming==0.7.1", "orjson==3.11.4"),
    "bytewax": ("bytewax[kafka]==0.21.1", "confluent-kafka==2.16.1", "orjson==3.11.4"),
}


class RivalUnavailableError(CampaignIqError):
    """A rival can't be installed or run here; the text says why."""


def environments_dir() -> Path:
    """Return where the environments are: below $CAMPAIGNIQ_CACHE, else below ~/.cache/campaigniq."""
    root = os.environ.get("CAMPAIGNIQ_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "campaigniq") / "rivals"


def provide(name: str, cache: Path | None = None) -> Path:
    """Return the Python of the environment called `name`, made before if need be. Raises RivalUnavailableError."""
    requirements = REQUIREMENTS[name]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256("\n".join((version, *requirements)).encode()).hexdigest()[:12]
    folder = (cache or environments_dir()) / f"{name}-{digest}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.is_file():
        # Scripts in an environment know its place, so it can't be made elsewhere and moved.
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, python, requirements)
        done.touch()
    return python


def _make(folder: Path, python: Path, requirements: tuple[str, ...]) -> None:
    # From the system's folder, so that no project's configuration of packages is taken for the environment's.
    with tempfile.TemporaryDirectory() as nowhere:
        if uv := shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))):
            _run([uv, "venv", "-q", "-p", sys.executable, str(folder)], nowhere)
            _run([uv, "pip", "install", "-q", "--compile-bytecode", "-p", str(python), *requirements], nowhere)
        else:
            _run([sys.executable, "-m", "venv", str(folder)], nowhere)
            _run([str(python), "-m", "pip", "install", "-q", *requirements], nowhere)


def _run(command: list[str], folder: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  fixed arguments
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RivalUnavailableError(f"{Path(command[0]).name} failed: {error}") from error
    if done.returncode:
        raise RivalUnavailableError((done.stdout + done.stderr).strip()[-500:] or f"{command[0]} failed")

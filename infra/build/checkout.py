"""Where things are in a checkout, and how a step runs a command. Standard library only, as all of infra.build."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
LOCKS = ROOT / "infra" / "build" / "locks"
STAMPS = ROOT / ".stamps"
DASHBOARD = ROOT / "dashboards" / "web"
DASHBOARD_DIST = ROOT / "dashboards" / "dist"
PIXEL = ROOT / "ingest" / "pixel" / "web"
PIXEL_DIST = ROOT / "ingest" / "pixel" / "dist"
CLIENTS = ROOT / "tests" / "clients"


Command = list[str | Path]


class BuildError(Exception):
    """A step could not do its work; the message names the remedy."""


def say(text: str) -> None:
    """Tell the person at the terminal; standard output stays free for results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(argv: Command, remedy: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run a command and return its standard output. Raises BuildError with all it printed and the remedy."""
    command = [str(part) for part in argv]
    try:
        done = subprocess.run(  # noqa: S603 - the commands are this package's own
            command, cwd=cwd, env={**os.environ, **(env or {})}, input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"{command[0]} is missing. {remedy}") from error
    if done.returncode:
        raise BuildError(f"{done.stdout}{done.stderr}\n`{' '.join(command)}` failed. {remedy}")
    return done.stdout

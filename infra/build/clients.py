"""Segment's own clients from npm, unmodified, for the tests of tests/clients: found, and installed by their lock."""

import shutil
from pathlib import Path

from infra.build import stamps
from infra.build.checkout import CLIENTS
from infra.build.node import ensure_node, find_wheel_node

_LOCKED = (CLIENTS / "package.json", CLIENTS / "package-lock.json")
_PACKAGES = ("analytics-node", "analytics-next")


def find_clients() -> Path | None:
    """Return the node that runs the installed clients, None when either is missing."""
    if not all((CLIENTS / "node_modules" / "@segment" / name).is_dir() for name in _PACKAGES):
        return None
    if machine := shutil.which("node"):
        return Path(machine)
    wheel = find_wheel_node()
    return wheel.folder / "node" if wheel else None


def provide_clients() -> None:
    """Install the clients when their lock changed. Raises BuildError."""
    value = stamps.digest(_LOCKED)
    if find_clients() and stamps.is_current("clients", value):
        return
    # No package may run code of its own while it is installed.
    arguments = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    ensure_node().run_npm(*arguments, cwd=CLIENTS, remedy="Check that this machine reaches its npm registry.")
    stamps.write("clients", value)

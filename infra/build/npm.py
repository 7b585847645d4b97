"""The packages of a folder with a package.json: installed from its lock, once for each state of it."""

from pathlib import Path

from infra.build import stamps
from infra.build.checkout import BuildError, say
from infra.build.node import Node, ensure_node


def ready_packages(folder: Path, name: str, stamp: str) -> Node:
    """Return the Node.js to build `folder` with, whose packages are installed then. Raises BuildError."""
    locked = (folder / "package.json", folder / "package-lock.json")
    missing = [file for file in locked if not file.is_file()]
    if missing:
        raise BuildError(f"{missing[0]} is missing: restore it, the {name} can't be built without it.")
    node = ensure_node()
    value = stamps.digest(locked)
    if not (folder / "node_modules").is_dir() or not stamps.is_current(stamp, value):
        say(f"installing the {name}'s packages")
        arguments = ("ci", "--no-audit", "--no-fund", "--loglevel=error")
        remedy = "Check that this machine reaches its npm registry and that package-lock.json fits package.json."
        node.run_npm(*arguments, cwd=folder, remedy=remedy)
        stamps.write(stamp, value)
    return node

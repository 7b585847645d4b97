"""Remembers what a step was done for, so that it is done again only when its inputs change."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.build.checkout import ROOT, STAMPS

_GENERATED = {"node_modules", "dist", "coverage"}


def digest(files: Iterable[Path], *facts: str) -> str:
    """Return a hash of the files' names and contents and of the facts; a missing file counts as empty."""
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.is_file() else b""
        total.update(f"{file.relative_to(ROOT)}\0{len(content)}\0".encode())
        total.update(content)
    for fact in facts:
        total.update(f"{fact}\0".encode())
    return total.hexdigest()


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder in a fixed order, without what tools generate there."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _GENERATED and not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files))


def is_current(step: str, value: str) -> bool:
    """Tell whether the step was last done for exactly this value."""
    return read(step) == value


def read(step: str) -> str:
    """Return what the step last left, or an empty string."""
    stamp = STAMPS / step
    return stamp.read_text() if stamp.is_file() else ""


def write(step: str, value: str) -> None:
    """Note what the step was done for."""
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / step).write_text(value)


def forget(*steps: str) -> None:
    """Have these steps done again."""
    for step in steps:
        (STAMPS / step).unlink(missing_ok=True)

"""Which core does what while something is measured: the broker has one, each worker one of its own where there are
enough. Where the system can't pin, figures in CPU time still hold.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cores(NamedTuple):
    """`broker` and each of `workers` name a core, None where nothing is pinned; `note` says what that means."""

    broker: int | None
    workers: tuple[int | None, ...]
    note: str


def shared_out(workers: int, available: Sequence[int] | None = None) -> Cores:
    """Return who gets which of the cores that this process may use."""
    cores = sorted(os.sched_getaffinity(0)) if available is None and hasattr(os, "sched_getaffinity") else available
    if not cores:
        return Cores(None, (None,) * workers, "this system can't pin processes to cores: look at CPU seconds")
    if len(cores) == 1:
        return Cores(None, (None,) * workers, "one core for broker and worker: look at CPU seconds")
    own = cores[1:]
    if len(own) >= workers:
        return Cores(cores[0], tuple(own[:workers]), "each worker has a core of its own, the broker another")
    shared = tuple(own[n % len(own)] for n in range(workers))
    return Cores(cores[0], shared, f"{workers} workers share {len(own)} core(s): look at CPU seconds")


def pin(pid: int, core: int | None) -> None:
    """Put all threads of a process on a core; None leaves them alone."""
    if core is None:
        return
    for thread in (Path("/proc") / str(pid) / "task").iterdir():
        try:
            os.sched_setaffinity(int(thread.name), {core})
        except ProcessLookupError:
            continue


def start_on(
    core: int | None, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that has been on its core from its first instruction on; what it says goes to `log`."""
    mine = os.sched_getaffinity(0) if core is not None else set()
    with log.open("ab") as out:
        try:
            if core is not None:
                # A child inherits the affinity of the thread that starts it.
                os.sched_setaffinity(0, {core})
            return subprocess.Popen(command, env=dict(environment), stdout=out, stderr=out, cwd=folder)  # noqa: S603
        finally:
            if core is not None:
                os.sched_setaffinity(0, mine)

"""The engine's worker as a process under measurement: started on a core, watched from outside, stopped or killed."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from infra.bench.cores import start_on
from infra.bench.marks import Mark, read_marks
from infra.bench.platform import PlatformError, Usage, usage_of
from infra.settings_tree import PREFIX

_STOP_S = 20.0
_LOG_TAIL_CHARS = 1_500
_POLL_S = 0.05


def worker_command() -> list[str]:
    """Return what starts a worker; everything else it is told by its environment."""
    return [sys.executable, "-m", "infra", "worker", "--log-level", "warning"]


def own_environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of a measured process. `settings` are names without the prefix; the caller's own are
    dropped: a measurement never touches a real installation.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {PREFIX + name: str(value) for name, value in settings.items()}


class EngineWorker:
    """One worker. `folder` holds its local state, kept from one start to the next, its marks and its log."""

    def __init__(self, bootstrap: str, folder: Path, rules: Path, partitions: int, core: int | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self._marks = folder / "marks"
        self._log = folder / "log"
        self._core = core
        settings = {
            "DATA": self.data,
            "LOG__URL": f"kafka://{bootstrap}",
            "LOG__PARTITIONS": partitions,
            "ENGINE__RULES_FILE": rules,
            "ENGINE__METER_FILE": self._marks,
        }
        self._environment = own_environment(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0

    def start(self) -> None:
        """Start the process; its marks begin anew."""
        self._marks.unlink(missing_ok=True)
        self.started_s = time.perf_counter()
        self._process = start_on(self._core, worker_command(), self._environment, self._log)

    def marks(self) -> list[Mark]:
        """Return its marks since the start."""
        return read_marks(self._marks)

    def check(self) -> None:
        """Raise PlatformError when the process has ended."""
        if self._process is None or self._process.poll() is not None:
            raise PlatformError(f"the worker ended by itself. Its log ends with:\n{self.last_words()}")

    def wait_for_mark(self, limit_s: float) -> Mark:
        """Return the first mark: all partitions are loaded. Raises PlatformError."""
        deadline = time.perf_counter() + limit_s
        while not (marks := self.marks()):
            self.check()
            if time.perf_counter() > deadline:
                raise PlatformError(f"the worker was not ready within {limit_s:.0f} s: {self.last_words()}")
            time.sleep(_POLL_S)
        return marks[0]

    def usage(self) -> Usage | None:
        """Return CPU time and memory so far; None where there is no /proc."""
        return usage_of(self._process.pid) if self._process else None

    def stop(self) -> None:
        """Ask it to end, and wait; killed when that takes too long."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text(errors="replace")[-_LOG_TAIL_CHARS:].strip() if self._log.is_file() else ""

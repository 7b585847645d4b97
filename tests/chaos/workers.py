"""Workers as a supervisor keeps them: one that ends by itself is started again, and why it ended is counted."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from infra.settings import PREFIX

_LOOK_S = 0.1
_RESTART_S = 0.5
_STOP_S = 40.0
_REASONS = re.compile(r"^(?:\w+\.)*(\w+Error|\w+Exception)\b", re.MULTILINE)
_LAST_WORDS = re.compile(r"^campaigniq(?: worker stopped)?: .*|.*is cut off$", re.MULTILINE)


class WorkerProcess:
    """One worker, its folder (kept from start to start) and its log. `held`: a fault is under way, leave it alone."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        folder.mkdir(parents=True)
        self.name = folder.name
        self.log = folder / "log"
        self.held = True
        self.starts = 0
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        told = {
            "DATA": folder / "data",
            "ENGINE__METER_FILE": folder / "meter",
            "LOG__TICK_GRACE_S": 0,  # there is no door that could have anything to hand over
            **settings,
        }
        self._environment = kept | {PREFIX + name: str(value) for name, value in told.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._lock = threading.RLock()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._lock:
            assert not self.is_running
            self._start()
            self.held = False

    def restart(self) -> None:
        """Start it again unless a fault has taken hold of it meanwhile."""
        with self._lock:
            if not self.held:
                self._start()

    def _start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as out:
            self._log_from = out.tell()
            out.write(f"--- start {self.starts}\n".encode())
            out.flush()
            argv = [sys.executable, "-m", "infra", "worker", "--log-level", "info"]
            self._process = subprocess.Popen(argv, env=self._environment, stdout=out, stderr=out)

    def is_ready(self) -> bool:
        """Say whether it has said so since its last start."""
        return "\nready " in self._said()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would; it stays down until it is started."""
        with self._lock:
            self.held = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> bool:
        """Ask it to end and wait; say whether it did so in time."""
        self.held = True
        if self._process is None or self._process.poll() is not None:
            return True
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def reason(self) -> str:
        """Return the kind of error that it ended with, and its last words, as far as its log tells."""
        said = self._said()
        kinds, words = _REASONS.findall(said), _LAST_WORDS.findall(said)
        return f"{kinds[-1] if kinds else '?'}: {words[-1][:160] if words else said.strip()[-160:]}"

    def _said(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self._log_from)
            return file.read().decode(errors="replace")


class Supervisor:
    """Restarts what ends by itself; `exits` counts why."""

    def __init__(self, workers: list[WorkerProcess]) -> None:
        self.workers = workers
        self.exits: Counter[str] = Counter()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop watching, and end what still runs."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        for worker in self.workers:
            worker.kill()

    def wait_ready(self, limit_s: float) -> None:
        """Wait until every worker that is not held is ready."""
        deadline = time.monotonic() + limit_s
        while not all(worker.held or (worker.is_running and worker.is_ready()) for worker in self.workers):
            assert time.monotonic() < deadline, [
                worker.log.read_text(errors="replace")[-1_000:] for worker in self.workers
            ]
            time.sleep(_LOOK_S)

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_S):
            for worker in self.workers:
                if not worker.held and not worker.is_running and worker.starts:
                    self.exits[worker.reason()] += 1
                    time.sleep(_RESTART_S)
                    worker.restart()

"""`campaigniq ingest` as its operators meet it: a process that is started, killed and started again."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from streams.store.config import ConfigStore

READY_S = 60.0
STOP_S = 12.0
ROOT = Path(__file__).parents[2]


class FrontDoor:
    """One front door over a folder that holds an installation. Settings are variables without CAMPAIGNIQ_."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log_file = folder.parent / f"{folder.name}.log"
        self.key, self.token = asyncio.run(_installation(folder))
        self.port = 0
        self._env = {f"CAMPAIGNIQ_{name}": str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def words(self) -> str:
        return self.log_file.read_text()[-4_000:]

    def start(self) -> None:
        """Start on the same port as before, and wait until it says that it takes events."""
        command = [sys.executable, "-m", "infra", "ingest", "--port", str(self.port), "--data", str(self.folder)]
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **self._env}, cwd=ROOT
            )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], READY_S)
        line = self._process.stdout.readline() if readable else ""
        if not line.startswith("ready http://"):
            self.kill()
            pytest.fail(f"{line!r}\n{self.words()}")
        self.port = int(line.strip().rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """End it in order; return its exit code."""
        return self._end(signal.SIGTERM)

    def status(self, path: str) -> int:
        return httpx.get(f"{self.url}{path}", timeout=10).status_code

    def metrics(self) -> dict[str, float]:
        """Return the counters without labels, and those of events summed over sources, by outcome."""
        answer = httpx.get(f"{self.url}/metrics", headers={"Authorization": f"Bearer {self.token}"}, timeout=10)
        found: dict[str, float] = {}
        for line in answer.text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                outcome = name.partition('outcome="')[2].rstrip('"}') or name.removeprefix("campaigniq_ingest_")
                found[outcome] = found.get(outcome, 0) + float(value)
        return found

    def spooled_bytes(self) -> int:
        return sum(_size(path) for path in self.folder.glob("spool-ingest/*.spool"))

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(STOP_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code


def until(what: str, question: Callable[[], Any], timeout_s: float = 30.0) -> float:
    """Ask until the answer is true, and return how long that took; an outside view, so there is no event."""
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < timeout_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # drained meanwhile
        return 0


async def _installation(folder: Path) -> tuple[str, str]:
    config = ConfigStore(f"sqlite:///{folder / 'config.db'}", lambda size: os.urandom(size).hex())
    await config.open()
    made = await config.bootstrap(1_800_000_000_000)
    source = await config.add_source("default", "server", "load")
    await config.sources.change(source.id, {"rate_per_s": 100_000, "burst": 1_000_000})
    token = made.api_token or await config.add_api_token("default", "faults", 1_800_000_000_000)
    await config.close()
    return source.write_key, token

"""The servers that are compared, each a process on a core, and how they are loaded."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from infra.bench.cores import start_on
from infra.bench.door_source import make_source
from infra.bench.kafka_run import KafkaRun
from infra.bench.platform import PlatformError, usage_of
from infra.bench.worker import own_environment
from streams.log.topics import TOPICS

_READY_S = 60.0
_STOP_S = 20.0
_LOG_TAIL_CHARS = 1_500
_NUMBERS_PER_RUN = 1 << 32


class Measured:
    """A server under load. `key` is a web source's, `port` on loopback."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, key: str) -> None:
        self._process = process
        self._log = log
        self._runs = count(1)
        self.key = key
        self.port = 0

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def load(self, kind: str, connections: int, seconds: float, core: int | None) -> dict[str, float]:
        """Load it with requests of the kind as fast as it answers, from a process on `core`. Raises PlatformError."""
        plan = {
            "port": self.port,
            "kind": kind,
            "key": self.key,
            "connections": connections,
            "seconds": seconds,
            "first": next(self._runs) * _NUMBERS_PER_RUN,
        }
        command = [sys.executable, "-m", "infra.bench.closed_loop", json.dumps(plan)]
        out = self._log.with_name(f"{self._log.name}-{kind}")
        out.unlink(missing_ok=True)
        generator = start_on(core, command, own_environment({}), out)
        _wait_for_line(generator, out, "warm", seconds)
        before = self.cpu_s()
        code = generator.wait(seconds + _READY_S)
        used = self.cpu_s() - before
        self.check()
        if code:
            raise PlatformError(f"the load generator failed: {out.read_text(errors='replace')[-_LOG_TAIL_CHARS:]}")
        told: dict[str, Any] = json.loads(out.read_text().splitlines()[-1])
        return {
            "requests_per_s": told["requests"] / told["seconds"],
            "requests_per_cpu_s": told["requests"] / max(used, 1e-9),
            "failed": told["failed"],
            "generator_cpu_share": round(told["cpu_s"] / told["seconds"], 2),
        }

    def cpu_s(self) -> float:
        """Return the CPU time it has used; 0 where there is no /proc."""
        usage = usage_of(self.pid)
        return usage.cpu_s if usage else 0.0

    def rss_mib(self) -> float:
        """Return the memory it holds; 0 where there is no /proc."""
        usage = usage_of(self.pid)
        return usage.rss_mib if usage else 0.0

    def check(self) -> None:
        """Raise PlatformError when it has ended."""
        if self._process.poll() is not None:
            raise PlatformError(
                f"the server ended by itself: {self._log.read_text(errors='replace')[-_LOG_TAIL_CHARS:]}"
            )

    def wait_until_ready(self) -> None:
        """Wait for the line "ready URL" on its output. Raises PlatformError."""
        line = _wait_for_line(self._process, self._log, "ready ", _READY_S)
        self.port = urlsplit(line.split()[1]).port or 80

    def stop(self) -> None:
        """Ask it to end, and wait; killed when that takes too long."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def hello_server(folder: Path, core: int | None) -> Iterator[Measured]:
    """Run the bare server."""
    with _server([sys.executable, "-m", "infra.bench.hello"], {}, folder, core, "") as server:
        yield server


@contextmanager
def door_server(kafka: KafkaRun, folder: Path, partitions: int, core: int | None) -> Iterator[Measured]:
    """Run the front door over Kafka, with a source that may send as much as it can."""
    existing = set(kafka.topics())
    missing = {t.name: t.compacted for t in TOPICS.values() if t.name not in existing}
    kafka.make_topics(missing, partitions)
    key = asyncio.run(make_source(folder / "data"))
    settings = {"LOG__URL": f"kafka://{kafka.bootstrap}", "LOG__PARTITIONS": partitions}
    command = [sys.executable, "-m", "infra", "ingest", "--port", "0", "--data", str(folder / "data")]
    with _server([*command, "--log-level", "warning"], settings, folder, core, key) as server:
        _wait_for_log(server)
        yield server


@contextmanager
def _server(
    command: list[str], settings: Mapping[str, object], folder: Path, core: int | None, key: str
) -> Iterator[Measured]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    server = Measured(start_on(core, command, own_environment(settings), log), log, key)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def _wait_for_log(server: Measured) -> None:
    """Wait until the door appends to Kafka itself. Raises PlatformError."""
    deadline = time.monotonic() + _READY_S
    while httpx.get(f"http://127.0.0.1:{server.port}/readyz").status_code != httpx.codes.OK:
        server.check()
        if time.monotonic() > deadline:
            raise PlatformError(f"the front door was not ready within {_READY_S:.0f} s")
        time.sleep(0.1)


def _wait_for_line(process: "subprocess.Popen[bytes]", file: Path, start: str, limit_s: float) -> str:
    """Return the first line of the file that starts so. Raises PlatformError."""
    deadline = time.monotonic() + limit_s + _READY_S
    while time.monotonic() < deadline:
        text = file.read_text(errors="replace") if file.is_file() else ""
        # The last line may not be whole yet.
        for line in text.rpartition("\n")[0].splitlines():
            if line.startswith(start):
                return line
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise PlatformError(f"no line {start!r} came: {file.read_text(errors='replace')[-_LOG_TAIL_CHARS:]}")

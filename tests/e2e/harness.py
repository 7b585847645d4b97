"""The platform as its users meet it: a process with a port and a folder, started, killed and started again."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
import pytest

ROOT = Path(__file__).parents[2]
READY_S = 120.0
STOP_S = 30.0
PAGE = 200
YEAR_MS = 366 * 86_400_000


class Process:
    """A `campaigniq` process over a folder. Settings are environment variables without the CAMPAIGNIQ_ prefix."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder = folder
        self.log_file = folder.parent / f"{folder.name}.log"
        self._env = {f"CAMPAIGNIQ_{name}": str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """End it in order; return its exit code."""
        return self._end(signal.SIGTERM)

    def words(self) -> str:
        """Return the last that it has said in its log."""
        return self.log_file.read_text()[-6_000:]

    def _run(self, command: str, port: int, *options: str) -> None:
        argv = [sys.executable, "-m", "infra", command, "--port", str(port), "--data", str(self.folder), *options]
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **self._env}, cwd=ROOT
            )

    def _until_ready(self) -> None:
        """Wait for its first line, which names its address."""
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], READY_S)
        line = self._process.stdout.readline() if readable else "nothing printed"
        if not re.fullmatch(r"ready http://\S+\n", line):
            self.kill()
            pytest.fail(f"{line!r}; log:\n{self.words()}")
        self.port = int(line.strip().rsplit(":", 1)[1])

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


class Platform(Process):
    """One installation in a folder."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None, *, demo: bool = False) -> None:
        super().__init__(folder, settings or {})
        self.demo = demo
        self._client: httpx.Client | None = None

    @property
    def bootstrap(self) -> dict[str, str]:
        return orjson.loads((self.folder / "bootstrap.json").read_bytes())

    @property
    def url(self) -> str:
        return self.bootstrap["url"]

    @property
    def complaints(self) -> list[str]:
        """What the log says of errors so far."""
        return [line for line in self.log_file.read_text().splitlines() if re.search(r"ERROR|CRITICAL|Traceback", line)]

    def start(self, port: int = 0) -> None:
        """Start and wait until it says that it is ready."""
        self.launch(port)
        self._until_ready()
        self._client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.bootstrap['api_token']}"}, timeout=30
        )

    def launch(self, port: int = 0) -> None:
        """Start and do not wait."""
        self._run("up", port, *(["--demo"] if self.demo else []))

    def get(self, path: str, **params: Any) -> Any:
        """Return the API's JSON answer."""
        assert self._client is not None
        answer = self._client.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def leads(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Return every lead with the time that its score is as of."""
        offset, total = 0, 1
        while offset < total:
            page = self.get("/api/leads", limit=PAGE, offset=offset)
            yield from ((lead, page["as_of_ms"]) for lead in page["leads"])
            offset, total = offset + PAGE, page["total"]

    def deliveries(self, status: str = "") -> Iterator[dict[str, Any]]:
        """Return every delivery, or those of one status, newest first."""
        page: dict[str, Any] = {"next_before": ""}
        while page["next_before"] is not None:
            page = self.get("/api/deliveries", limit=PAGE, status=status, before=page["next_before"])
            yield from page["deliveries"]

    def event_totals(self) -> Counter[str]:
        """Return how many events of each name have been counted, ever."""
        stop_ms = (int(time.time()) + 86_400) * 1000
        answer = self.get("/api/metrics/events", start_ms=0, stop_ms=stop_ms, step_ms=YEAR_MS)
        return Counter({s["group"]: sum(count for _, count, _ in s["points"]) for s in answer["series"]})

    def until(self, what: str, question: Any, timeout_s: float = 60.0) -> Any:
        """Ask until the answer is true, and return it; the question is an outside view, so there is no event."""
        ends = time.monotonic() + timeout_s
        while not (answer := self._answer_to(question)):
            assert time.monotonic() < ends, f"{what}: not within {timeout_s} s; log:\n{self.words()}"
            time.sleep(0.05)
        return answer

    def _answer_to(self, question: Any) -> Any:
        try:
            return question()
        except httpx.TransportError:
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"it ended by itself with {ended}; log:\n{self.words()}"
            raise

    def _end(self, number: signal.Signals) -> int | None:
        code = super()._end(number)
        if self._client:
            self._client.close()
            self._client = None
        return code

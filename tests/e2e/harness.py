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

READY_S = 30.0
STOP_S = 12.0
PAGE = 200
YEAR_MS = 366 * 86_400_000


class Platform:
    """One installation in a folder. Settings are environment variables without the CAMPAIGNIQ_ prefix."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None, *, demo: bool = False) -> None:
        self.folder = folder
        self.demo = demo
        self.log_file = folder.parent / f"{folder.name}.log"
        self._env = {f"CAMPAIGNIQ_{name}": str(value) for name, value in (settings or {}).items()}
        self._process: subprocess.Popen[str] | None = None
        self._client: httpx.Client | None = None

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

    @property
    def bootstrap(self) -> dict[str, str]:
        return orjson.loads((self.folder / "bootstrap.json").read_bytes())

    @property
    def url(self) -> str:
        return self.bootstrap["url"]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def complaints(self) -> list[str]:
        """What the log says of errors so far."""
        return [line for line in self.log_file.read_text().splitlines() if re.search(r"ERROR|CRITICAL|Traceback", line)]

    def start(self, port: int = 0) -> None:
        """Start and wait until it says that it is ready."""
        self.launch(port)
        line = self._first_line()
        assert re.fullmatch(r"ready http://\S+\n", line), f"{line!r}; log:\n{self.log_file.read_text()[-3000:]}"
        self._client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.bootstrap['api_token']}"}, timeout=30
        )

    def launch(self, port: int = 0) -> None:
        """Start and do not wait."""
        command = [sys.executable, "-m", "infra", "up", "--port", str(port), "--data", str(self.folder)]
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *(["--demo"] if self.demo else [])],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self._env},
            )

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int | None:
        """End it in order; return its exit code."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._gone()

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

    def until(self, what: str, question: Any, timeout_s: float = 20.0) -> Any:
        """Ask until the answer is true, and return it; the question is an outside view, so there is no event."""
        ends = time.monotonic() + timeout_s
        while not (answer := self._answer_to(question)):
            assert time.monotonic() < ends, (
                f"{what}: not within {timeout_s} s; log:\n{self.log_file.read_text()[-3000:]}"
            )
            time.sleep(0.05)
        return answer

    def _answer_to(self, question: Any) -> Any:
        try:
            return question()
        except httpx.TransportError:
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"it ended by itself with {ended}; log:\n{self.log_file.read_text()[-6000:]}"
            raise

    def _first_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], READY_S)
        return self._process.stdout.readline() if readable else "nothing printed"

    def _gone(self) -> int:
        assert self._process is not None
        code = self._process.wait(STOP_S)
        if self._process.stdout:
            self._process.stdout.close()
        if self._client:
            self._client.close()
        self._process = self._client = None
        return code

"""`campaigniq ingest` as its operators meet it: a process that is started, killed and started again."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from streams.store.config import ConfigStore
from tests.e2e.harness import Process


class FrontDoor(Process):
    """One front door over a folder that holds an installation."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, settings)
        self.key, self.token = asyncio.run(_installation(folder))
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start on the same port as before, and wait until it says that it takes events."""
        self._run("ingest", self.port)
        self._until_ready()

    def status(self, path: str) -> int:
        return httpx.get(f"{self.url}{path}", timeout=60).status_code

    def metrics(self) -> dict[str, float]:
        """Return the counters without labels, and those of events summed over sources, by outcome."""
        answer = httpx.get(f"{self.url}/metrics", headers={"Authorization": f"Bearer {self.token}"}, timeout=60)
        found: dict[str, float] = {}
        for line in answer.text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                outcome = name.partition('outcome="')[2].rstrip('"}') or name.removeprefix("campaigniq_ingest_")
                found[outcome] = found.get(outcome, 0) + float(value)
        return found

    def spooled_bytes(self) -> int:
        return sum(_size(path) for path in self.folder.glob("spool-ingest/*.spool"))


def until(what: str, question: Callable[[], Any], timeout_s: float = 60.0) -> float:
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

"""Closed-loop HTTP load, as fast as the server answers: a process of its own, which never shares the server's core.

Run with one JSON object as argument: {"port", "kind", "key", "connections", "seconds", "first"}; prints one with
{"requests", "seconds", "failed", "cpu_s"}. `first` numbers the first message, so that no two runs send the same.
"""

import asyncio
import json
import sys
import time
from itertools import count, cycle
from typing import Any, cast

import uvloop
from msgspec import Struct

from infra.bench.requests import templates

_WARM_UP_S = 0.5
_STARTED = b"HTTP/1.1 "


class _Tally(Struct):
    answered: int = 0
    failed: int = 0
    is_over: bool = False


class _Connection(asyncio.Protocol):
    """Sends the next request when the last is answered. Answers are short: each head comes in one piece."""

    def __init__(self, source: "_Requests", tally: _Tally) -> None:
        self._source = source
        self._tally = tally
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being a subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._source.next())

    def data_received(self, data: bytes) -> None:
        if not data.startswith(_STARTED):
            return  # the rest of an answer that was counted when its head came
        self._tally.answered += 1
        if data[9:10] != b"2":
            self._tally.failed += 1
        if not self._tally.is_over and self._transport is not None:
            self._transport.write(self._source.next())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        if not self._tally.is_over:
            self._tally.failed += 1


class _Requests:
    def __init__(self, kind: str, key: str, first: int) -> None:
        self._templates = cycle(templates(kind, key))
        self._numbers = count(first)

    def next(self) -> bytes:
        return next(self._templates).with_numbers(self._numbers)


async def send(plan: dict[str, Any]) -> dict[str, float]:
    """Send for `seconds`, after a moment that warms both sides up, and return what came back."""
    tally, source = _Tally(), _Requests(plan["kind"], plan["key"], plan["first"])
    loop = asyncio.get_running_loop()
    for _ in range(plan["connections"]):
        await loop.create_connection(lambda: _Connection(source, tally), "127.0.0.1", plan["port"])
    await asyncio.sleep(_WARM_UP_S)
    sys.stdout.write("warm\n")
    sys.stdout.flush()
    before, started, cpu = tally.answered, time.perf_counter(), time.process_time()
    await asyncio.sleep(plan["seconds"])
    answered, took, used = tally.answered - before, time.perf_counter() - started, time.process_time() - cpu
    tally.is_over = True
    return {"requests": answered, "seconds": took, "failed": tally.failed, "cpu_s": used}


if __name__ == "__main__":
    figures = uvloop.run(send(json.loads(sys.argv[1])))
    sys.stdout.write(json.dumps(figures) + "\n")

"""How long a sender waits for its 2xx at a steady rate: open loop, so that a stall shows in all that it delays."""

from itertools import count, cycle
from typing import Any

import uvloop

from infra.bench.ingest_server import Measured
from infra.bench.latency import quantiles
from infra.bench.load import OpenLoop, Sent
from infra.bench.requests import templates

_CONNECTIONS = 256
_WARM_UP_S = 2
_SETTLE_S = 10.0
_FIRST = 1 << 60


def measure_acknowledgement(door: Measured, rate: int, seconds: float) -> dict[str, Any]:
    """Return the delays of single events at `rate` a second, after a moment that warms up."""
    requests = uvloop.run(_send(door, rate, seconds))
    counted = requests[rate * _WARM_UP_S :]
    delays = [one.answered - one.due for one in counted if one.answered is not None and one.is_accepted]
    late = [one.sent - one.due for one in counted if one.sent is not None]
    return {
        "rate_per_s": rate,
        "seconds": seconds,
        "acknowledged_ms": quantiles(delays),
        "sent_late_ms": quantiles(late),
        "failed": len(counted) - len(delays),
    }


async def _send(door: Measured, rate: int, seconds: float) -> list[Sent]:
    numbers, sources = count(_FIRST), cycle(templates("single", door.key))
    requests: list[Sent] = []
    total = round(rate * (seconds + _WARM_UP_S))
    async with OpenLoop(door.port, _CONNECTIONS) as load:
        await load.run(lambda _: next(sources).with_numbers(numbers), rate, lambda number: number >= total, requests)
        await load.settled(_SETTLE_S)
    return requests

"""Visitors for the demo shop, as HTTP clients see it: events go through the public endpoint of this very machine.

It must never speak to another host, and must never bring the platform down because the platform is busy or somebody
has turned a source off, given it another key or a stricter policy.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from random import Random
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import httpx

from infra.demo.catalogue import PRODUCTS, Product
from infra.demo.controls import OUTAGE_SOURCE, TrafficStatus
from infra.demo.people import new_id
from infra.demo.story import Step
from infra.demo.visitors import Crowd
from streams.model.errors import ConfigurationError
from streams.ports import Clock

SEED_S = 60.0  # this much of the story is told at once at the start
SEED_GAP_S = 0.05
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 10.0
REFUSED_S = 2.0
_WEIGHT = {OUTAGE_SOURCE: 2.0}
_OTHER_WEIGHT = 3.0

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
        "Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
)

_log = logging.getLogger(__name__)


class TrafficGenerator:
    """Plays visitors against `base_url`, one crowd for each source in `write_keys`.

    Give it an unseeded `random` outside tests: event ids come from it, and ids that were sent before are ignored.
    `recovery_after_s` is when people return to a cart that they left, so it should exceed the abandonment window. A
    rate of 0 sends nothing.
    """

    def __init__(
        self,
        base_url: str,
        write_keys: Mapping[str, str],
        clock: Clock,
        random: Random,
        catalogue: Sequence[Product] = PRODUCTS,
        rate_per_s: float = 2.5,
        recovery_after_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        _refuse_other_hosts(base_url)
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._random = random
        self._transport = transport
        weights = {source: _WEIGHT.get(source, _OTHER_WEIGHT) for source in write_keys}
        self._rates = {s: rate_per_s * weight / sum(weights.values()) for s, weight in weights.items()}
        self._keys = dict(write_keys)
        self._crowds = {
            source: Crowd(f"{self._base_url}/shop", catalogue, random, source == OUTAGE_SOURCE, recovery_after_s)
            for source in write_keys
        }
        self._paused_until: dict[str, float] = {}
        self._refused: dict[str, int] = {}
        self._factor = 1.0
        self._burst_until = 0.0

    def pause(self, source: str, seconds: float) -> None:
        """Let `source` send nothing for a while. Raises KeyError when there is no such source."""
        if source not in self._keys:
            raise KeyError(source)
        self._paused_until[source] = _now_s() + seconds

    def burst(self, factor: float, seconds: float) -> None:
        """Send `factor` times as much for a while."""
        self._factor, self._burst_until = factor, _now_s() + seconds

    def normal(self) -> None:
        """End every pause and burst."""
        self._paused_until.clear()
        self._burst_until = 0.0

    def status(self) -> TrafficStatus:
        now_s = _now_s()
        paused = {s: until - now_s for s, until in self._paused_until.items() if until > now_s}
        left_s = max(0.0, self._burst_until - now_s)
        return TrafficStatus(paused, self._factor if left_s else 1.0, left_s)

    async def run(self) -> None:
        """Send until cancelled."""
        if not any(self._rates.values()):
            # Whoever started this takes its end for a fault.
            await asyncio.Event().wait()
        client = httpx.AsyncClient(
            base_url=self._base_url,
            timeout=10.0,
            trust_env=False,  # no proxy may carry the demo's events elsewhere
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # never used; the default would load every root
            limits=httpx.Limits(max_connections=len(self._keys), keepalive_expiry=60.0),
            transport=self._transport,
        )
        async with client, asyncio.TaskGroup() as group:
            for source in self._keys:
                group.create_task(self._play(source, client))

    async def _play(self, source: str, client: httpx.AsyncClient) -> None:
        to_seed = int(self._rates[source] * SEED_S)
        while True:
            quiet_s = self._paused_until.get(source, 0.0) - _now_s()
            if quiet_s > 0:
                await asyncio.sleep(min(quiet_s, 1.0))  # in slices, so that `normal` is soon heard
                continue
            step = self._crowds[source].next_step(_now_s())
            await self._send(client, source, step)
            if to_seed > 0:
                to_seed -= len(step)
                await asyncio.sleep(SEED_GAP_S)
            else:
                pace = self._rates[source] * self.status().factor
                await asyncio.sleep(len(step) / pace * self._random.uniform(0.7, 1.3))

    async def _send(self, client: httpx.AsyncClient, source: str, step: Step) -> None:
        """Send until it is taken, or refused for good: a repeated batch keeps its ids, so it counts once."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        agent = _agent_of(step)
        batch = [{"messageId": new_id(self._random), "timestamp": now, **_with_agent(event, agent)} for event in step]
        pause_s = RETRY_FIRST_S
        while True:
            try:
                answer = await client.post(
                    "/v1/batch", json={"batch": batch}, auth=(self._keys[source], ""), headers={"User-Agent": agent}
                )
            except httpx.TransportError as error:
                _log.debug("demo traffic waits for the platform: %s", error)
            else:
                if answer.is_success:
                    self._refused.pop(source, None)
                    return
                if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    self._tell_refusal(source, answer)
                    await asyncio.sleep(REFUSED_S)
                    return
                _log.debug("demo traffic backs off after %s", answer.status_code)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_MOST_S)

    def _tell_refusal(self, source: str, answer: httpx.Response) -> None:
        """Say why the visitors of a source are not let in, once for each kind of refusal."""
        status = answer.status_code
        if self._refused.get(source) != status:
            _log.warning("the demo's visitors of %s are not let in: %s %s", source, status, answer.text[:300])
        self._refused[source] = status


def _agent_of(step: Step) -> str:
    """Return the browser of who takes the step, always the same one: this program is nobody's."""
    who = str(step[0].get("anonymousId") or step[0].get("userId") or "") if step else ""
    return _AGENTS[crc32(who.encode()) % len(_AGENTS)]


def _with_agent(event: dict[str, Any], agent: str) -> dict[str, Any]:
    """Return the event as a server tells it, which speaks for the device; a page's requests do that by their head."""
    return {**event, "context": {"userAgent": agent, **(event.get("context") or {})}}


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _refuse_other_hosts(base_url: str) -> None:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if parts.scheme != "http" or not is_loopback:
        raise ConfigurationError(
            "demo traffic", f"{base_url!r} is not this machine", "Use http:// and a loopback address."
        )

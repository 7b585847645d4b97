"""From an accepted event to the recovery mail at a mail server, under a steady rate of events."""

import asyncio
import os
import platform as machine
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from infra.bench.door_source import make_source
from infra.bench.load import OpenLoop, Sent, post
from infra.bench.platform import Platform, Usage, usage_of
from infra.bench.smtp_sink import SmtpSink

CART_SHARE = 0.05
CONNECTIONS = 64
# Prime, so that a visitor does not do the same thing each time.
_VISITORS = 5_003
_PATIENCE_S = 10.0
_NAMES = (*["Product Viewed"] * 5, *["Product Clicked"] * 2, "Products Searched", "Cart Viewed", "Email Opened")


class Traffic:
    """The requests of a run: one in `1 / CART_SHARE` of the first `cart_events` leaves a cart behind, the others are
    visitors. Each cart is of a profile of its own, which never comes back.
    """

    def __init__(self, write_key: str, cart_events: int) -> None:
        self._write_key = write_key
        self._cart_events = cart_events
        self._every = round(1 / CART_SHARE)

    def is_cart(self, number: int) -> bool:
        """Say whether the request leaves a cart."""
        return number < self._cart_events and number % self._every == 0

    def request(self, number: int) -> bytes:
        """Return the request's bytes."""
        message = self._cart(number) if self.is_cart(number) else self._visit(number)
        return post("/v1/track", orjson.dumps({"writeKey": self._write_key, "messageId": f"bench-{number}"} | message))

    def _cart(self, number: int) -> dict[str, Any]:
        return {
            "event": "Product Added",
            "userId": f"cart-{number}",
            "context": {"traits": {"email": address_of(number), "name": f"Visitor {number}"}},
            "properties": {
                "product_id": f"sku-{number % 50}",
                "name": f"Lamp No. {number % 50}",
                "price": 20 + number % 50,
                "quantity": 1,
                "currency": "EUR",
            },
        }

    def _visit(self, number: int) -> dict[str, Any]:
        return {
            "event": _NAMES[number % len(_NAMES)],
            "anonymousId": f"visitor-{number % _VISITORS}",
            "context": {"page": {"path": f"/products/{number % 50}"}, "campaign": {"name": f"campaign-{number % 5}"}},
            "properties": {"product_id": f"sku-{number % 50}"},
        }


def address_of(number: int) -> str:
    """Return the mail address of the cart that request `number` leaves."""
    return f"cart-{number}@example.com"


async def measure_latency(rate: int, seconds: int, window_s: float) -> dict[str, Any]:
    """Start a platform in a folder of its own, send `rate` events a second for `seconds`, and return the figures.

    The rate is then kept up without carts until the last window has closed, so that every mail meets the same load.
    Raises PlatformError.
    """
    with tempfile.TemporaryDirectory(prefix="campaigniq-bench-") as folder:
        async with SmtpSink() as sink:
            settings = {
                "SMTP__HOST": "127.0.0.1",
                "SMTP__PORT": sink.port,
                "SMTP__SECURITY": "none",
                "ENGINE__CART_WINDOW_S": window_s,
            }
            _say("starting a platform")
            await make_source(Path(folder) / "data")
            async with Platform(Path(folder) / "data", settings) as platform:
                return await _measure(platform, sink, rate, seconds, window_s)


async def _measure(platform: Platform, sink: SmtpSink, rate: int, seconds: int, window_s: float) -> dict[str, Any]:
    bootstrap = platform.bootstrap
    cart_events = rate * seconds
    traffic = Traffic(bootstrap.write_key, cart_events)
    expected = sum(traffic.is_cart(n) for n in range(cart_events))
    longest = cart_events + round(rate * (window_s + _PATIENCE_S))

    def is_over(number: int) -> bool:
        if number % rate == 0:
            platform.check()
            _say(f"{number // rate} s: {number} events sent, {len(sink.mails)} of {expected} mails have come")
        return number >= cart_events and (len(sink.mails) >= expected or number >= longest)

    before, own_before = platform.usage(), usage_of(os.getpid())
    requests: list[Sent] = []
    async with OpenLoop(urlsplit(bootstrap.url).port or 80, CONNECTIONS) as load:
        started = asyncio.get_running_loop().time()
        await load.run(traffic.request, rate, is_over, requests)
        took_s = asyncio.get_running_loop().time() - started
        await load.settled(_PATIENCE_S)
    after, own_after = platform.usage(), usage_of(os.getpid())
    carts = {address_of(n): r.answered for n, r in enumerate(requests) if traffic.is_cart(n) and r.is_accepted}
    return {
        "settings": {
            "rate_per_s": rate,
            "seconds": seconds,
            "window_s": window_s,
            "cart_share": CART_SHARE,
            "connections": CONNECTIONS,
        },
        "events": _event_figures(requests),
        "accept_ms": quantiles([r.answered - r.due for r in requests if r.answered is not None and r.is_accepted]),
        "mails": _mail_figures(carts, sink),
        "mail_beyond_window_ms": quantiles(
            [sink.mails[a][0] - at - window_s for a, at in carts.items() if at is not None and a in sink.mails]
        ),
        "platform": _usage_figures(before, after, took_s, len(requests)),
        "generator": _usage_figures(own_before, own_after, took_s, len(requests))
        | {"sent_late_ms": quantiles([r.sent - r.due for r in requests if r.sent is not None])},
        "machine": {"cpus": os.cpu_count(), "python": machine.python_version(), "system": machine.system()},
    }


def _event_figures(requests: Sequence[Sent]) -> dict[str, int]:
    accepted = sum(r.is_accepted for r in requests)
    unanswered = sum(r.answered is None for r in requests)
    refused = len(requests) - accepted - unanswered
    return {"sent": len(requests), "accepted": accepted, "refused": refused, "unanswered": unanswered}


def _mail_figures(carts: dict[str, float | None], sink: SmtpSink) -> dict[str, int]:
    arrived = sum(address in sink.mails for address in carts)
    repeated = sum(len(times) - 1 for times in sink.mails.values())
    return {"expected": len(carts), "arrived": arrived, "missing": len(carts) - arrived, "repeated": repeated}


def _usage_figures(before: Usage | None, after: Usage | None, took_s: float, events: int) -> dict[str, Any]:
    if before is None or after is None:
        return {}
    cpu_s = after.cpu_s - before.cpu_s
    return {
        "cpu_s": round(cpu_s, 2),
        "cpu_percent_of_core": round(100 * cpu_s / took_s, 1),
        "cpu_us_per_event": round(1e6 * cpu_s / events),
        "max_rss_mib": round(after.max_rss_mib, 1),
    }


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the nearest-rank p50, p95, p99 and the maximum, in milliseconds; empty without values."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    ranks = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return {name: round(1000 * ordered[-(-len(ordered) * rank // 100) - 1], 1) for name, rank in ranks.items()}


def describe(figures: dict[str, Any]) -> str:
    """Return the figures in a few lines for people."""
    events, mails, platform = figures["events"], figures["mails"], figures["platform"]
    lines = [
        f"events   {events['accepted']} of {events['sent']} accepted at {figures['settings']['rate_per_s']}/s",
        f"accept   {_spread(figures['accept_ms'])}",
        f"mails    {mails['arrived']} of {mails['expected']} arrived, {mails['repeated']} twice",
        f"beyond   {_spread(figures['mail_beyond_window_ms'])}, after a window of {figures['settings']['window_s']} s",
    ]
    if platform:
        lines.append(f"platform {platform['cpu_percent_of_core']} % of a core, {platform['max_rss_mib']} MiB")
    return "\n".join(lines)


def _spread(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:g} ms" for name, value in figures.items()) or "nothing to measure"


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")

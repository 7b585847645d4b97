"""The engine by itself: one partition's decode, apply and flush without log, Faust and disk, in CPU time."""

import time
from typing import Any

from streams.frames import decode, encode_events
from streams.model.events import Event, ProfileKeys, Utm
from streams.model.rules.standard import default_rules
from streams.state.copy import MemoryCopy
from streams.state.flushing import take_flush
from streams.state.loading import Shape, new_partition

_FRAME_EVENTS = 200
_FRAMES_PER_FLUSH = 20
_FRAME_MS = 20
_START_MS = 1_750_000_000_000
_NAMES = (
    *["page_viewed"] * 8,
    *["product_viewed"] * 6,
    *["product_added"] * 2,
    "cart_viewed",
    "email_opened",
    "form_submitted",
    "order_completed",
)


def measure_engine(events: int, profiles: int) -> dict[str, Any]:
    """Return events per CPU second of one partition that `profiles` people send `events` events to."""
    frames = _frames(events, profiles)
    partition = new_partition(0, MemoryCopy(), Shape(1, default_rules()))
    parts = {"decode": 0.0, "apply": 0.0, "flush": 0.0}
    count = flushed = 0
    for offset, data in enumerate(frames):
        started = time.process_time()
        frame = decode(data)
        decoded = time.process_time()
        partition.apply(offset, frame)
        applied = time.process_time()
        if offset % _FRAMES_PER_FLUSH == _FRAMES_PER_FLUSH - 1:
            flush = take_flush(partition, 1)
            count, flushed = count + flush.events, flushed + len(flush.records)
            partition.seen.mark_written()
        parts["decode"] += decoded - started
        parts["apply"] += applied - decoded
        parts["flush"] += time.process_time() - applied
    count += partition.events
    return {
        "events": count,
        "profiles": profiles,
        "frame_events": _FRAME_EVENTS,
        "events_per_cpu_s": round(count / sum(parts.values())),
        "apply_events_per_cpu_s": round(count / parts["apply"]),
        "cpu_us_per_event": {name: round(1e6 * spent / count, 2) for name, spent in parts.items()},
        "records_flushed": flushed,
    }


def describe(figures: dict[str, Any]) -> str:
    """Return the figures in a few lines for people."""
    parts = "  ".join(f"{name} {spent} us" for name, spent in figures["cpu_us_per_event"].items())
    return f"engine   {figures['events_per_cpu_s']} events per CPU second\neach     {parts}"


def _frames(events: int, profiles: int) -> list[bytes]:
    """Return frames that make every profile take its turn, the same in every run."""
    made = []
    for first in range(0, events, _FRAME_EVENTS):
        clock_ms = _START_MS + first // _FRAME_EVENTS * _FRAME_MS
        # A prime step spreads the profiles, as they come on a real site.
        batch = [_event(n, n * 7_919 % profiles, clock_ms) for n in range(first, min(events, first + _FRAME_EVENTS))]
        made.append(encode_events(batch, clock_ms))
    return made


def _event(number: int, who: int, clock_ms: int) -> Event:
    name = _NAMES[(number * 31 + who) % len(_NAMES)]
    bought = name in {"product_added", "order_completed"}
    return Event(
        id=f"message-{number:012d}-0123456789abcdef",
        workspace="default",
        source="web",
        profile=f"anon:visitor-{who}",
        name=name,
        at_ms=clock_ms - number % 500,
        received_ms=clock_ms,
        keys=ProfileKeys(anonymous_id=f"visitor-{who}", email=f"visitor-{who}@example.com" if who % 3 == 0 else None),
        utm=Utm("newsletter", "email", f"campaign-{number % 5}") if number % 4 == 0 else None,
        value=float(20 + number % 50) if bought else None,
        currency="EUR" if bought else None,
        properties={
            "product_id": f"sku-{number % 50}",
            "name": "Lamp",
            "price": 20,
            "path": f"/products/{number % 50}",
        },
    )

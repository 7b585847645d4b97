"""R1 as the engine gets it: events in our form, packed into frames of one partition each."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

from infra.bench.r1.generator import R1Event, properties
from streams.frames import encode_events, encode_tick
from streams.model.events import Event, ProfileKeys, Utm
from streams.model.ids import partition_for

WORKSPACE = "default"
SOURCE = "shop"
"""All events come from one shop, through one key; which app somebody used is a property, as the rivals have it."""
_CARTS = frozenset({"cart_add", "purchase", "product_view"})


class PackedFrame(NamedTuple):
    """A record for the events topic; `events` is how many it carries."""

    partition: int
    data: bytes
    events: int
    at_ms: int


def to_event(event: R1Event) -> Event:
    """Return the event as ingest makes it of somebody who is signed in; log time is event time."""
    return _made(event, ProfileKeys(user_id=event.profile))


class SigningIn:
    """People of the stream as a shop knows them: a browser at first, a user and a browser from the second to sixth
    event on. So every one of them is two ids that become one profile.
    """

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, event: R1Event) -> Event:
        """Return the event with the ids that its sender knows by then."""
        seen = self._seen[event.profile] = self._seen.get(event.profile, 0) + 1
        is_known = seen > 1 + crc32(event.profile.encode()) % 5
        return _made(event, ProfileKeys(event.profile if is_known else None, f"b-{event.profile}"))


def frames(
    stream: Iterable[R1Event],
    partitions: int,
    frame_events: int,
    until_ms: int,
    convert: Callable[[R1Event], Event] = to_event,
) -> Iterator[PackedFrame]:
    """Yield the stream's frames, each as soon as it is full, and at last a tick at `until_ms` for every partition."""
    waiting: list[list[Event]] = [[] for _ in range(partitions)]
    for event in map(convert, stream):
        partition = partition_for(WORKSPACE, event.profile, partitions)
        batch = waiting[partition]
        batch.append(event)
        if len(batch) == frame_events:
            yield _packed(partition, batch)
            waiting[partition] = []
    for partition, batch in enumerate(waiting):
        if batch:
            yield _packed(partition, batch)
        yield PackedFrame(partition, encode_tick(until_ms), 0, until_ms)


def _packed(partition: int, batch: list[Event]) -> PackedFrame:
    clock_ms = batch[-1].received_ms
    return PackedFrame(partition, encode_events(batch, clock_ms), len(batch), clock_ms)


def _made(event: R1Event, keys: ProfileKeys) -> Event:
    told: dict[str, object] = {**properties(event), "channel": event.source}
    if event.name in _CARTS:
        told["product_id"] = f"sku-{event.sku:05d}"
        told["price"] = event.value
    return Event(
        event.id,
        WORKSPACE,
        SOURCE,
        keys.canonical() or "",
        event.name,
        event.at_ms,
        event.at_ms,
        keys,
        Utm(campaign=event.campaign) if event.campaign else None,
        event.value,
        None,
        told,
    )

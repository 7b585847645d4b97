"""MemoryLiveBus: live messages to everybody who watches a workspace. Publishing never waits for a watcher."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from streams.ports import Clock

_LINGER_MS = 60_000


class Message(NamedTuple):
    """A message as it goes out; `text` is the whole JSON document."""

    seq: int
    text: str


class TooManyWatchersError(Exception):
    """The workspace has as many watchers as it may have."""


def encode(seq: int, kind: str, at_ms: int, data: Mapping[str, Any]) -> Message:
    """Return the message. What JSON has no form for is shown as text."""
    body = orjson.dumps({"seq": seq, "kind": kind, "at_ms": at_ms, "data": data}, default=str)
    return Message(seq, body.decode())


class Watcher:
    """One client's bounded queue: when it is full the oldest message gives way, and the client is told."""

    def __init__(self, limit: int, clock: Clock, started_at: int, *, resumed: bool) -> None:
        self.started_at = started_at
        self.resumed = resumed
        self._queue: deque[Message] = deque()
        self._limit = limit
        self._clock = clock
        self._missed = 0
        self._missed_to = 0
        self._ready = asyncio.Event()

    def offer(self, message: Message) -> None:
        if len(self._queue) >= self._limit:
            self.note_missed(1, self._queue.popleft().seq)
        self._queue.append(message)
        self._ready.set()

    def note_missed(self, count: int, last_seq: int) -> None:
        self._missed += count
        self._missed_to = last_seq
        self._ready.set()

    async def next(self) -> str:
        """Return the next message's text, waiting for it; a gap is told before what follows it."""
        await self._ready.wait()
        if self._missed:
            gap = encode(self._missed_to, "gap", self._clock.now_ms(), {"missed": self._missed})
            self._missed = 0
            self._settle()
            return gap.text
        text = self._queue.popleft().text
        self._settle()
        return text

    def _settle(self) -> None:
        if not self._queue and not self._missed:
            self._ready.clear()


class _Channel:
    """One workspace's messages. Sequence numbers have no holes, so what was missed can be counted."""

    def __init__(self, last_seq: int, ring: int) -> None:
        self.last_seq = last_seq
        self.ring: deque[Message] = deque(maxlen=ring)
        self.watchers: set[Watcher] = set()
        self.left_ms: int | None = None
        # Up to here nothing can be resumed: nobody watched for long, so what happened then was not published.
        self.dark_until = last_seq - 1

    def is_watched(self, now_ms: int) -> bool:
        return bool(self.watchers) or (self.left_ms is not None and now_ms - self.left_ms < _LINGER_MS)


class MemoryLiveBus:
    """The bus of one process; call it from the event loop's thread only.

    Numbers start at the clock's microseconds, so they grow over restarts as long as fewer than a million messages a
    second are published.
    """

    def __init__(self, clock: Clock, ring: int = 2_000, queue: int = 2_000, max_watchers: int = 200) -> None:
        self._clock = clock
        self._ring = ring
        self._queue = queue
        self._max_watchers = max_watchers
        self._first_seq = clock.now_ms() * 1000
        self._channels: dict[str, _Channel] = {}

    def publish(self, workspace: str, kind: str, data: Mapping[str, Any]) -> None:
        channel = self._channel(workspace)
        channel.last_seq += 1
        message = encode(channel.last_seq, kind, self._clock.now_ms(), data)
        channel.ring.append(message)
        for watcher in channel.watchers:
            watcher.offer(message)

    def forget(self, workspace: str) -> None:
        """Drop what is kept for those who come back: who was erased is not to be told of again."""
        channel = self._channel(workspace)
        channel.ring.clear()
        channel.dark_until = channel.last_seq

    def watched(self) -> list[str]:
        """Return the workspaces that somebody watches, or watched a minute ago and may come back to."""
        now_ms = self._clock.now_ms()
        return [workspace for workspace, channel in self._channels.items() if channel.is_watched(now_ms)]

    @contextmanager
    def watch(self, workspace: str, after: int | None = None) -> Iterator[Watcher]:
        """Give a watcher that first gets what it missed since `after`. Raises TooManyWatchersError."""
        channel = self._channel(workspace)
        if len(channel.watchers) >= self._max_watchers:
            raise TooManyWatchersError
        if channel.left_ms is not None and not channel.is_watched(self._clock.now_ms()):
            channel.dark_until = channel.last_seq
        watcher = self._begin(channel, after)
        channel.watchers.add(watcher)
        try:
            yield watcher
        finally:
            channel.watchers.discard(watcher)
            channel.left_ms = self._clock.now_ms()

    def _begin(self, channel: _Channel, after: int | None) -> Watcher:
        oldest = channel.ring[0].seq if channel.ring else channel.last_seq + 1
        ours = after is not None and self._first_seq <= after <= channel.last_seq
        if after is None or not (ours or after < self._first_seq):
            return Watcher(self._queue, self._clock, channel.last_seq, resumed=False)
        resumed = ours and after >= oldest - 1 and after > channel.dark_until
        watcher = Watcher(self._queue, self._clock, after, resumed=resumed)
        if ours and after < oldest - 1:
            watcher.note_missed(oldest - 1 - after, oldest - 1)
        for message in channel.ring:
            if message.seq > after:
                watcher.offer(message)
        return watcher

    def _channel(self, workspace: str) -> _Channel:
        channel = self._channels.get(workspace)
        if channel is None:
            channel = self._channels[workspace] = _Channel(self._first_seq, self._ring)
        return channel

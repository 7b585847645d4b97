"""The Watch of people who look for a fault: each source's messages of the last minutes, in memory alone.

A note keeps references and does nothing else. What they weigh is told from time to time; they are shown when asked for.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Final

import msgspec

from ingest.caller import Caller
from ingest.door import REFUSED
from streams.model.events import Event
from streams.model.noted import Noted
from streams.ports import Clock

KEPT_MS: Final = 15 * 60_000
MAX_RAW_BYTES: Final = 2_048
_SWEEP_MS: Final = 250
_ALIKE_MS: Final = 5_000
_ENTRY_BYTES: Final = 600
_BYTES_IN_MEMORY: Final = 3  # an event takes about so many times its packed size

Names = Callable[[Event | None, str, bytes], bool]
"""Says whether an event, a reason or bytes name somebody."""
_Entry = tuple[int, int, str, str, Event | None, str, bytes]
_pack = msgspec.msgpack.Encoder().encode


class Follower:
    """One who looks on: when he is slow the oldest give way, and `missed` counts them."""

    def __init__(self, ring: "_Ring", limit: int) -> None:
        self.missed = 0
        self._ring = ring
        self._limit = limit
        self._queue: deque[_Entry] = deque(ring.entries, limit)
        self._arrived = asyncio.Event()
        self.missed = len(ring.entries) - len(self._queue)
        if self._queue:
            self._arrived.set()

    def offer(self, entry: _Entry) -> None:
        self.missed += len(self._queue) == self._limit
        self._queue.append(entry)
        self._arrived.set()

    async def next(self, most: int) -> list[Noted]:
        """Return up to `most` of the next, waiting for the first."""
        await self._arrived.wait()
        found = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        if not self._queue:
            self._arrived.clear()
        return [self._ring.shown(entry) for entry in found]

    def waiting(self) -> Iterable[_Entry]:
        """Return what was not taken yet."""
        return self._queue

    def drop(self, gone: Collection[int]) -> None:
        """Drop what has one of these numbers."""
        self._queue = deque((entry for entry in self._queue if entry[0] not in gone), self._limit)

    def close(self) -> None:
        """Look on no longer."""
        self._ring.followers.discard(self)


class _Ring:
    """One source's messages. `sizes` are those of the oldest entries, as far as they have been weighed."""

    __slots__ = ("alike", "entries", "followers", "refused", "seq", "size_bytes", "sizes")

    def __init__(self, now_ms: int) -> None:
        self.entries: deque[_Entry] = deque()
        self.sizes: deque[int] = deque()
        self.size_bytes = 0
        # So numbers grow over restarts, too, as long as there are fewer than a million messages a second.
        self.seq = now_ms * 1000
        self.followers: set[Follower] = set()
        self.refused: dict[str, tuple[int, int]] = {}
        self.alike: dict[int, int] = {}

    def drop_oldest(self) -> None:
        self.entries.popleft()
        if self.sizes:
            self.size_bytes -= self.sizes.popleft()

    def weigh(self) -> None:
        for entry in islice(self.entries, len(self.sizes), None):
            size = _size_of(entry)
            self.sizes.append(size)
            self.size_bytes += size

    def is_repeat(self, reason: str, at_ms: int) -> bool:
        """Say whether a refusal is like one of the last seconds, and if so count it there."""
        seq, since_ms = self.refused.get(reason, (0, 0))
        if at_ms - since_ms >= _ALIKE_MS:
            if len(self.refused) > 100:  # noqa: PLR2004  reasons name origins, which strangers make up
                self.refused.clear()
            self.refused[reason] = (self.seq + 1, at_ms)
            return False
        self.alike[seq] = self.alike.get(seq, 1) + 1
        return True

    def shown(self, entry: _Entry) -> Noted:
        return Noted(*entry, self.alike.get(entry[0], 1))

    def tidy(self) -> None:
        first = self.entries[0][0] if self.entries else self.seq + 1
        self.alike = {seq: times for seq, times in self.alike.items() if seq >= first}

    def drop(self, gone: Collection[int]) -> int:
        """Drop what has one of these numbers, also from those who look on; return how many entries went."""
        before = len(self.entries)
        self.entries = deque(entry for entry in self.entries if entry[0] not in gone)
        if len(self.entries) != before:
            self.sizes.clear()
            self.size_bytes = 0
            self.weigh()
        for follower in self.followers:
            follower.drop(gone)
        return before - len(self.entries)


class SourceWatch:
    """Bounded by time, by number and by bytes, for each source and for all; the oldest of the largest go first."""

    def __init__(
        self,
        clock: Clock,
        *,
        entries: int = 1_000,
        entries_in_all: int = 10_000,
        size_bytes: int = 4 << 20,
        bytes_in_all: int = 32 << 20,
        queue: int = 1_000,
        followers: int = 50,
    ) -> None:
        """`queue` is how much may wait for one who looks on, `followers` how many may look on at one source."""
        self._clock = clock
        self._entries = entries
        self._entries_in_all = entries_in_all
        self._size_bytes = size_bytes
        self._bytes_in_all = bytes_in_all
        self._queue = queue
        self._followers = followers
        self._rings: dict[str, _Ring] = {}
        self._next_sweep_ms = 0

    def note(self, caller: Caller, verdict: str, event: Event | None, reason: str, raw: bytes) -> None:
        source = caller.source.id
        at_ms = self._clock.now_ms() if event is None else event.received_ms
        ring = self._rings.get(source)
        if ring is None:
            ring = self._rings[source] = _Ring(at_ms)
        if verdict == REFUSED and ring.is_repeat(reason, at_ms):
            return
        ring.seq += 1
        entry = (ring.seq, at_ms, caller.via, verdict, event, reason, raw[:MAX_RAW_BYTES])
        ring.entries.append(entry)
        if len(ring.entries) > self._entries:
            ring.drop_oldest()
        for follower in ring.followers:
            follower.offer(entry)
        if at_ms >= self._next_sweep_ms:
            self._sweep(at_ms)

    def recent(self, source: str) -> list[Noted]:
        """Return what is kept of the source, the oldest first."""
        self._sweep(self._clock.now_ms())
        ring = self._rings.get(source)
        return [ring.shown(entry) for entry in ring.entries] if ring else []

    def follow(self, source: str) -> Follower | None:
        """Return what first gives what is kept, then what comes, until it is closed; None when too many look on."""
        now_ms = self._clock.now_ms()
        self._sweep(now_ms)
        ring = self._rings.get(source)
        if ring is None:
            ring = self._rings[source] = _Ring(now_ms)
        if len(ring.followers) >= self._followers:
            return None
        follower = Follower(ring, self._queue)
        ring.followers.add(follower)
        return follower

    async def forget(self, names: Names) -> int:
        """Drop every entry that names somebody, by its event, reason and bytes; return how many went.

        They are judged in a thread: there may be thousands, and the bytes are what anybody sent.
        """
        gone = 0
        for ring in list(self._rings.values()):
            noted = {entry[0]: entry for follower in ring.followers for entry in follower.waiting()}
            noted |= {entry[0]: entry for entry in ring.entries}
            found = await asyncio.to_thread(_naming, list(noted.values()), names)
            if found:
                gone += ring.drop(found)
        return gone

    def _sweep(self, now_ms: int) -> None:
        """Weigh what is new, and drop what is too old or too much."""
        self._next_sweep_ms = now_ms + _SWEEP_MS
        for source, ring in list(self._rings.items()):
            ring.weigh()
            while ring.entries and (ring.entries[0][1] < now_ms - KEPT_MS or ring.size_bytes > self._size_bytes):
                ring.drop_oldest()
            if ring.alike:
                ring.tidy()
            if not ring.entries and not ring.followers:
                del self._rings[source]
        self._share()

    def _share(self) -> None:
        """Take from the largest until all are within the limits for all."""
        rings = self._rings.values()
        while sum(len(ring.entries) for ring in rings) > self._entries_in_all:
            _drop_some(max(rings, key=lambda ring: len(ring.entries)))
        while sum(ring.size_bytes for ring in rings) > self._bytes_in_all:
            _drop_some(max(rings, key=lambda ring: ring.size_bytes))


def _drop_some(ring: _Ring) -> None:
    for _ in range(1 + len(ring.entries) // 10):
        ring.drop_oldest()


def _naming(entries: Iterable[_Entry], names: Names) -> set[int]:
    return {entry[0] for entry in entries if names(*entry[4:])}


def _size_of(entry: _Entry) -> int:
    packed = len(_pack(entry[4])) if entry[4] is not None else 0
    return _ENTRY_BYTES + len(entry[6]) + len(entry[5]) + _BYTES_IN_MEMORY * packed

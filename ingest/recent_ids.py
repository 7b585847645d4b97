"""The ids of events that have just become durable: a repeat of one is left out at the door. It forgets; the truth about
repeats, of 7 days, is with the engine (streams/state/partition.py), whose key for an event this is too.
"""

from collections.abc import Iterable, Sequence

from xxhash import xxh3_64_intdigest as _digest

from streams.model.events import Event


def digests_of(events: Sequence[Event]) -> list[int]:
    """Return what tells each event from all others."""
    return [_digest(f"{event.workspace}\x1f{event.profile}\x1f{event.id}".encode()) for event in events]


class RecentIds:
    """Between a half of `limit` and all of it, the newest."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._newer: set[int] = set()
        self._older: set[int] = set()

    def has_any(self, digests: Sequence[int]) -> bool:
        """Say whether one of them is known."""
        return not (self._newer.isdisjoint(digests) and self._older.isdisjoint(digests))

    def __contains__(self, digest: int) -> bool:
        return digest in self._newer or digest in self._older

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def add_all(self, digests: Iterable[int]) -> None:
        """Remember the events, which are durable by now."""
        self._newer.update(digests)
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, set()

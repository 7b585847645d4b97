"""Which message ids a partition has seen in the last days of log time: 8 bytes an id, exact but for hash collisions."""

from hashlib import blake2b

DAY_MS = 86_400_000
DEFAULT_DAYS = 7
_BUCKETS = 1024
_SIZE = 8


def digest_of(workspace: str, profile: str, message_id: str) -> bytes:
    """Return the 64-bit hash under which a profile's message id is remembered.

    With the profile, so that an id that a careless sender gives to several people counts for each of them, whichever
    partitions they are in.
    """
    return blake2b(f"{workspace}\x1f{profile}\x1f{message_id}".encode(), digest_size=_SIZE).digest()


class _Day:
    """The ids of one day: digests in arrival order, and the same in hash buckets for look-up."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self._buckets: list[bytearray | None] = [None] * _BUCKETS

    def __contains__(self, digest: bytes) -> bool:
        bucket = self._buckets[(digest[0] << 8 | digest[1]) % _BUCKETS]
        if bucket is None:
            return False
        at = bucket.find(digest)
        while at >= 0 and at % _SIZE:
            at = bucket.find(digest, at + 1)
        return at >= 0

    def add(self, digest: bytes) -> None:
        self.arrived += digest
        number = (digest[0] << 8 | digest[1]) % _BUCKETS
        bucket = self._buckets[number]
        if bucket is None:
            self._buckets[number] = bytearray(digest)
        else:
            bucket += digest

    def __len__(self) -> int:
        return len(self.arrived) // _SIZE


class SeenIds:
    """Remembers ids by the day (of log time) on which they were first seen; whole days are forgotten."""

    def __init__(self, days: int = DEFAULT_DAYS) -> None:
        self._days = days
        self._by_day: dict[int, _Day] = {}

    def add(self, digest: bytes, clock_ms: int) -> bool:
        """Remember the id; return False when it was known already.

        What is too old does not count, whether it was forgotten yet or not.
        """
        number = clock_ms // DAY_MS
        if any(digest in held for day, held in self._by_day.items() if day >= number - self._days):
            return False
        day = self._by_day.get(number)
        if day is None:
            day = self._by_day[number] = _Day()
        day.add(digest)
        return True

    def forget(self, clock_ms: int) -> list[tuple[int, int]]:
        """Drop days that are too old; return (day, ids it held) of each."""
        oldest = clock_ms // DAY_MS - self._days
        gone = [(number, len(day)) for number, day in self._by_day.items() if number < oldest]
        for number, _ in gone:
            del self._by_day[number]
        return gone

    def counts(self) -> dict[int, int]:
        """Return how many ids each day holds."""
        return {number: len(day) for number, day in self._by_day.items()}

    def slice(self, day: int, start: int, stop: int) -> bytes:
        """Return the digests of a day from the `start`-th to before the `stop`-th, in arrival order."""
        return bytes(self._by_day[day].arrived[start * _SIZE : stop * _SIZE])

    def restore(self, day: int, digests: bytes) -> None:
        """Take over digests of a day, in order."""
        held = self._by_day.setdefault(day, _Day())
        for at in range(0, len(digests), _SIZE):
            held.add(digests[at : at + _SIZE])

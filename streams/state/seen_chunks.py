"""Seen message ids in the state topic: append-only chunks a day, what is too little for one in the commit record."""

from struct import Struct

from streams.operators.seen_ids import SeenIds
from streams.state import codec
from streams.state.codec import SeenMark

# A chunk of fewer ids would be mostly key and framing, and this many add 2 KB to a commit record.
CHUNK_IDS = 256
MAX_CHUNK_IDS = 32_768
_ID_BYTES = 8
_FIRST = Struct(">Q")


class SeenChunks:
    """Turns what `seen` remembers and forgets into records, and back. A flush is written whole or not at all."""

    def __init__(self, seen: SeenIds) -> None:
        self._seen = seen
        self._chunks: dict[int, int] = {}
        self._tail_day = 0
        self._tail_first = 0
        self._tail = bytearray()

    def take_records(self) -> list[tuple[bytes, bytes | None]]:
        """Return the keys and values that a flush writes, None to delete; with them, the commit record has `mark`."""
        records: list[tuple[bytes, bytes | None]] = []
        for day in self._seen.take_forgotten():
            records += [(codec.seen_key(day, chunk), None) for chunk in range(self._chunks.pop(day, 0))]
            if day == self._tail_day:
                self._tail.clear()
        for day, first, digests in self._seen.take_unwritten():
            if day != self._tail_day:
                records += self._cut()
            if not self._tail:
                self._tail_day, self._tail_first = day, first
            self._tail += digests
            if len(self._tail) >= CHUNK_IDS * _ID_BYTES:
                records += self._cut()
        return records

    def mark(self) -> SeenMark:
        """Return what the commit record of the last `take_records` says."""
        days = {day: (*counted, self._chunks.get(day, 0)) for day, counted in self._seen.counts().items()}
        return SeenMark(days, self._tail_day, self._tail_first, bytes(self._tail))

    def load(self, key: bytes, value: bytes) -> None:
        """Take a chunk from the state topic, in the topic's order."""
        day, _ = codec.parse_seen_key(key)
        self._seen.restore(day, _FIRST.unpack_from(value)[0], value[_FIRST.size :])

    def finish(self, mark: SeenMark, clock_ms: int) -> list[int]:
        """Take the commit record's part once all chunks are loaded; return the days that are wrong.

        Those come from files of another life. Load all chunks again and finish again: then an answer means damage.
        """
        if mark.tail:
            self._seen.restore(mark.tail_day, mark.tail_first, mark.tail)
        self._tail_day, self._tail_first, self._tail = mark.tail_day, mark.tail_first, bytearray(mark.tail)
        self._chunks = {day: chunks for day, (_, _, chunks) in mark.days.items()}
        return self._seen.verify({day: (count, total) for day, (count, total, _) in mark.days.items()}, clock_ms)

    def _cut(self) -> list[tuple[bytes, bytes | None]]:
        """Return the tail as chunks."""
        records: list[tuple[bytes, bytes | None]] = []
        size = MAX_CHUNK_IDS * _ID_BYTES
        for at in range(0, len(self._tail), size):
            chunk = self._chunks.get(self._tail_day, 0)
            first = _FIRST.pack(self._tail_first + at // _ID_BYTES)
            records.append((codec.seen_key(self._tail_day, chunk), first + self._tail[at : at + size]))
            self._chunks[self._tail_day] = chunk + 1
        self._tail.clear()
        return records

"""What is left of frames from which somebody was erased, where the log can't rewrite them: by the place they had."""

import struct
from collections.abc import Iterable
from typing import Protocol

from streams.log import reading, topics
from streams.model.errors import UnknownTopicError
from streams.ports import LogRecord

_KEY = struct.Struct(">QQ")
_READ_RECORDS = 500


class Reads(reading.Reads, Protocol):
    """What this needs of a log."""

    def partitions(self, topic: str) -> int: ...


def kept_key(offset: int, timestamp_ms: int) -> bytes:
    """Return the key under which the rest of the frame that stood there, logged then, is kept."""
    return _KEY.pack(offset, timestamp_ms)


async def kept_frames(log: Reads, partition: int) -> dict[int, LogRecord]:
    """Return the rests of a partition's frames as records of the events topic, by their offsets."""
    try:
        log.partitions(topics.KEPT)
    except UnknownTopicError:
        return {}
    found: dict[int, LogRecord] = {}
    async for records in reading.batches(log, topics.KEPT, partition, _READ_RECORDS):
        for record in records:
            if record.key is None or len(record.key) != _KEY.size:
                continue
            place, timestamp_ms = _KEY.unpack(record.key)
            if record.value is None:
                found.pop(place, None)
            else:
                found[place] = LogRecord(topics.EVENTS, partition, place, None, record.value, timestamp_ms)
    return found


def with_kept(records: Iterable[LogRecord], kept: dict[int, LogRecord], until: int) -> list[LogRecord]:
    """Return the records with the rests of those that were erased in their places, up to an offset; these are taken
    out of `kept`.
    """
    found = {record.offset: record for record in records if not record.is_erased}
    for offset in [offset for offset in kept if offset < until]:
        found[offset] = kept.pop(offset)
    return [found[offset] for offset in sorted(found)]

"""How large records become. A log refuses those beyond `log.max_record_bytes`, and what is refused once is refused at
every attempt: the partition would stand still for good.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PART_BYTES = 1 << 20
"""What can be cut is cut into parts of about this size, which every log takes."""
MAX_EVENT_BYTES = 256 << 10
"""An event is not larger: it may have to travel to another partition in a record of its own."""
MAX_RAW_BYTES = 256 << 10
"""So much is kept of bytes that can't be used."""


def parts(items: Iterable[T], size_of: Callable[[T], int], limit: int = PART_BYTES) -> Iterator[list[T]]:
    """Yield the items in lists of up to `limit` bytes; one that is larger by itself has a list of its own."""
    part: list[T] = []
    total = 0
    for item in items:
        size = size_of(item)
        if part and total + size > limit:
            yield part
            part, total = [], 0
        part.append(item)
        total += size
    if part:
        yield part


def shortened(raw: bytes) -> bytes:
    """Return as much of unusable bytes as is kept."""
    return raw[:MAX_RAW_BYTES]

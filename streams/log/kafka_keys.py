"""Keys of records that have none of their own: only what has a key can be deleted from Kafka before its time."""

from itertools import count
from secrets import token_bytes

from streams.log import topics

_ERASABLE = frozenset({topics.EVENTS, topics.DEAD_LETTERS})
_PREFIX_BYTES = 6
_NUMBER_BYTES = 6


class RecordKeys:
    """Those of one producer: no other record has the same."""

    def __init__(self) -> None:
        self._prefix = token_bytes(_PREFIX_BYTES)
        self._numbers = count()

    def next_for(self, topic: str, value: bytes | None) -> bytes | None:
        """Return a key for a record of the topic, None where it needs none. One without a value says nothing."""
        if value is None or topic not in _ERASABLE:
            return None
        return self._prefix + next(self._numbers).to_bytes(_NUMBER_BYTES, "big")

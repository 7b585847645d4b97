"""Says quickly which ids are new: a Bloom filter with one word for an id and day, an id's days in one cache line."""

import numpy as np
from numpy.typing import NDArray

IdArray = NDArray[np.uint64]

_IDS_PER_WORD = 4  # 16 bits an id at the fullest day: about 0.3 % of new ids are looked up in vain a day
_MASK_BITS = 6
_MASKS_LOG2 = 14
_FIRST_LOG2 = 10


def _masks() -> IdArray:
    """Return 2^14 words with up to 6 bits set, spread as by SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = np.arange(1, (1 << _MASKS_LOG2) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    words = np.zeros_like(mixed)
    for number in range(_MASK_BITS):
        words |= np.uint64(1) << (mixed >> np.uint64(6 * number) & np.uint64(63))
    return words


_MASKS = _masks()
_MASK_INDEX = np.uint64((1 << _MASKS_LOG2) - 1)


class SeenFilter:
    """Rows of one word for each of `slots` days; an id's first bits choose the row, its last bits the mask.

    Grows by doubling, up to `max_bytes`; a full filter answers "maybe" more often and is never wrong about "no".
    """

    def __init__(self, slots: int, max_bytes: int) -> None:
        self._slots = slots
        self._max_rows_log2 = max(_FIRST_LOG2, (max_bytes // (8 * slots)).bit_length() - 1)
        self._log2 = _FIRST_LOG2
        self._words: IdArray = np.zeros((1 << self._log2, slots), np.uint64)

    def wants_growth(self, ids_of_a_day: int) -> bool:
        """Say whether a day of so many ids should have more rows and may."""
        return ids_of_a_day > _IDS_PER_WORD << self._log2 and self._log2 < self._max_rows_log2

    def grow(self, ids_of_a_day: int) -> None:
        """Make room for such a day. Other days' words are doubled: as full as before, and as right."""
        log2 = self._log2
        while ids_of_a_day > _IDS_PER_WORD << log2 and log2 < self._max_rows_log2:
            log2 += 1
        self._words = np.repeat(self._words, 1 << (log2 - self._log2), axis=0)
        self._log2 = log2

    def clear(self, slot: int) -> None:
        """Empty a day."""
        self._words[:, slot] = 0

    def add(self, slot: int, ids: IdArray) -> None:
        """Add ids, in ascending order, to a day."""
        if not len(ids):
            return
        rows = (ids >> np.uint64(64 - self._log2)).view(np.int64)
        firsts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        words = np.bitwise_or.reduceat(_MASKS.take((ids & _MASK_INDEX).view(np.int64)), firsts)
        places = rows.take(firsts) * self._slots + slot
        # Taking and putting by one index is much faster than by two.
        flat = self._words.reshape(-1)
        words |= flat.take(places)
        flat[places] = words

    def maybe(self, ids: IdArray) -> NDArray[np.int64]:
        """Return the place * slots + slot of each id and day that may hold it, ascending."""
        rows = self._words.take((ids >> np.uint64(64 - self._log2)).view(np.int64), axis=0)
        masks = _MASKS.take((ids & _MASK_INDEX).view(np.int64))[:, None]
        rows &= masks
        return np.flatnonzero(rows == masks)

"""Sliding caps: which events of a rule still earn.

Of a capped rule at most `count` events in any (t - per_ms, t] of event time earn. The times of those that did are kept
while they can matter: up to 2 * `count`, of a day and `per_ms` before the newest. An event older than they can tell
earns nothing: rather too few points than more than the cap allows. An id that was merged had its own cap.
"""

from bisect import bisect_right

from streams.model.scores import Contribution
from streams.operators.base import LATE_AFTER_MS


def hits_with(part: Contribution | None, at_ms: int, count: int, per_ms: int) -> tuple[int, ...] | None:
    """Return the times to remember when an event at `at_ms` earns, or None when the cap is reached."""
    if part is None or not part.hits:
        return None if part is not None and _is_forgotten(part, at_ms, count, per_ms) else (at_ms,)
    hits = part.hits
    if at_ms >= hits[-1]:
        if len(hits) >= count and at_ms - hits[-count] < per_ms:
            return None
        return _kept((*hits, at_ms), count, per_ms)
    if _is_forgotten(part, at_ms, count, per_ms):
        return None
    place = bisect_right(hits, at_ms)
    hits = (*hits[:place], at_ms, *hits[place:])
    if any(hits[first + count] - hits[first] < per_ms for first in _starts(place, len(hits), count)):
        return None
    return _kept(hits, count, per_ms)


def _starts(place: int, length: int, count: int) -> range:
    """Return where the runs of `count` + 1 hits begin that the hit at `place` is part of."""
    return range(max(0, place - count), min(place, length - 1 - count) + 1)


def _is_forgotten(part: Contribution, at_ms: int, count: int, per_ms: int) -> bool:
    """Say whether hits that are no longer remembered may lie within `per_ms` before `at_ms`."""
    hits = part.hits
    if part.count <= len(hits):
        return False
    known_from = part.last_at_ms - per_ms - LATE_AFTER_MS
    if len(hits) >= 2 * count:
        known_from = max(known_from, hits[0])
    return at_ms - per_ms < known_from


def _kept(hits: tuple[int, ...], count: int, per_ms: int) -> tuple[int, ...]:
    hits = hits[-2 * count :]
    oldest = hits[-1] - per_ms - LATE_AFTER_MS
    return hits[bisect_right(hits, oldest) :] if hits[0] <= oldest else hits

"""When a failed attempt is repeated: a schedule that is data, and jitter drawn from the delivery id. No clock here."""

from hashlib import blake2b

from msgspec import Struct


class RetrySchedule(Struct, frozen=True):
    """Waits after the first, second, ... attempt; after the last wait's attempt there is no other.

    `delays_ms` does not fall. A receiver may ask to wait up to `retry_after_max_ms`.
    """

    delays_ms: tuple[int, ...]
    jitter: float
    retry_after_max_ms: int

    @property
    def max_attempts(self) -> int:
        """How often a delivery is tried at most."""
        return len(self.delays_ms) + 1


def delay_ms(schedule: RetrySchedule, delivery_id: str, attempts: int, retry_after_ms: int | None = None) -> int | None:
    """Return how long to wait after `attempts` (>= 1) failed attempts, None when that was the last.

    The jitter belongs to the delivery, not to the attempt, so that its waits never fall.
    """
    if attempts >= schedule.max_attempts:
        return None
    base = schedule.delays_ms[attempts - 1]
    jittered = round(base * (1 + schedule.jitter * _share(delivery_id)))
    if retry_after_ms is None:
        return jittered
    # A receiver may slow us down; it may neither hurry nor stall us.
    return max(jittered, min(retry_after_ms, schedule.retry_after_max_ms))


def _share(delivery_id: str) -> float:
    """Return a number in 0..1 that the id alone decides."""
    return int.from_bytes(blake2b(delivery_id.encode(), digest_size=4).digest(), "big") / 2**32

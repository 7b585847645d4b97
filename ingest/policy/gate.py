"""Who may knock, and how often: allowed pages and a token bucket for each source, so that none can starve another."""

from collections.abc import Callable

from ingest.call import Head
from ingest.errors import OriginError, RateLimitedError
from ingest.policy.bucket import TokenBuckets
from ingest.policy.origins import is_allowed, origin_of
from streams.store.sources import WEB, Source

WEBHOOK_GENEROSITY = 10
"""So many times its rate may a source's vendor send: refused, it tries again for hours or gives up for good. It is
proved by its signature, and what it sends is bounded by what happens in a shop, so only madness is stopped.
"""


class SourceGate:
    """`now_s` is a monotonic clock, seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._messages = TokenBuckets()
        self._webhooks = TokenBuckets()

    def admit(self, request: Head, source: Source) -> None:
        """Raise OriginError for a page that the source does not allow.

        A request that names no page passes only as GET: mail readers fetch pictures so. Browsers name the page of every
        POST, beacons included.
        """
        allowed = source.policy.allowed_origins
        if not allowed or source.kind != WEB:
            return
        origin = origin_of(request)
        if origin and is_allowed(origin, allowed):
            return
        if origin or request.method != "GET":
            raise OriginError(origin)

    def spend(self, source: Source, messages: int, *, is_webhook: bool = False) -> None:
        """Count the messages. Raises RateLimitedError when the source has sent too many of late."""
        rate, burst = source.policy.rate_per_s, source.policy.burst
        buckets = self._messages
        if is_webhook:
            rate, burst, buckets = rate * WEBHOOK_GENEROSITY, burst * WEBHOOK_GENEROSITY, self._webhooks
        wait_s = buckets.take(_name_of(source), messages or 1, rate, burst, self._now_s())
        if wait_s:
            raise RateLimitedError(source.id, rate, wait_s)

    def owe(self, source: Source, events: int) -> None:
        """Count what messages that were let in turned out to be more than one event each: the next ones wait for it."""
        self._messages.owe(_name_of(source), events)


def _name_of(source: Source) -> str:
    return f"{source.workspace}\x1f{source.id}"

"""What became of a message at the front door, as it is shown to those who look on."""

from typing import NamedTuple

from streams.model.events import Event


class Noted(NamedTuple):
    """One message, or one request of which nothing was read. `seq` grows by one with each of a source.

    `event` is the event as the source's policy has left it; without one `raw` is the beginning of what came. `times`
    counts requests that were refused alike within five seconds.
    """

    seq: int
    at_ms: int
    via: str
    verdict: str
    event: Event | None = None
    reason: str = ""
    raw: bytes = b""
    times: int = 1

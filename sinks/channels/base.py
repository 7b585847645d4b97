"""What a channel is: it hands one message over and says honestly how that went."""

from typing import Protocol

from sinks.rendering import Rendered
from streams.model.deliveries import Delivery, Outcome


class Channel(Protocol):
    """A way out. `name` is the transport's, e.g. smtp; `idempotent`: sending a delivery again has no second effect."""

    @property
    def name(self) -> str: ...

    @property
    def idempotent(self) -> bool: ...

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        """Hand the message over.

        Retry only when it certainly did not go out; Unknown when it may have. Called by several tasks at once.
        """
        ...

    async def close(self) -> None: ...

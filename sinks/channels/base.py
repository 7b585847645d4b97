"""What a channel is: it hands one message over and says honestly how that went."""

from typing import Protocol

from sinks.rendering import Rendered
from streams.model.deliveries import Delivery, Outcome


class Channel(Protocol):
    """A way out.

    `name` is the transport's, e.g. smtp; `idempotent`: sending a delivery again has no second effect; `concurrency`:
    how many messages it takes at once.
    """

    @property
    def name(self) -> str: ...

    @property
    def idempotent(self) -> bool: ...

    @property
    def concurrency(self) -> int: ...

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        """Hand the message over.

        Retry only when it certainly did not go out; Unknown when it may have. Ends by timeouts of its own.
        """
        ...

    async def close(self) -> None: ...

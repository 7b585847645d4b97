"""The webhook channel of an installation without a webhook: no address has a secret, so none is called."""

from sinks.rendering import Rendered
from streams.model.deliveries import Delivery, Outcome, Rejected

NO_SECRET = Rejected("No signing secret is configured for this webhook address")


class NoWebhooks:
    """Rejects what was to be sent before the address was taken out of the settings."""

    name = "webhook"
    idempotent = True
    concurrency = 32

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:  # noqa: ARG002  a channel's
        return NO_SECRET

    async def close(self) -> None:
        """There is nothing to close."""

"""What became of a message, as an event about the person it was for. Pure; ids make repeats harmless."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from sinks.campaigns import TO_PROFILE
from sinks.ledger.base import DeliveryRow
from streams.model.deliveries import PLATFORM
from streams.model.events import Event, ProfileKeys
from streams.model.ids import own_id

Emit = Callable[[Sequence[Event]], Awaitable[None]]
"""Puts events into the log; returns once they are durable."""

SOURCE = PLATFORM


def outcome_event(row: DeliveryRow, now_ms: int) -> Event:
    """Return the event of a finished row, e.g. email_sent; the same row always gives the same id."""
    delivery, status = row.delivery, row.status.value
    to_profile = delivery.data.get("audience") == TO_PROFILE
    return Event(
        id=own_id("outcome", delivery.id, status),
        workspace=delivery.workspace,
        source=SOURCE,
        profile=delivery.profile,
        name=f"{delivery.channel}_{status}",
        at_ms=row.finished_ms or now_ms,
        received_ms=now_ms,
        keys=keys_of(delivery.profile, delivery.recipient if to_profile and delivery.channel == "email" else None),
        properties={
            "delivery_id": delivery.id,
            "campaign": delivery.campaign,
            "channel": delivery.channel,
            "template": delivery.template,
            "audience": delivery.data.get("audience", ""),
            "status": status,
            "reason": row.reason,
        },
    )


def keys_of(profile: str, email: str | None) -> ProfileKeys:
    """Return keys whose canonical profile is `profile`; the address joins them where it does not come before it."""
    keys = ProfileKeys.of(profile)
    return replace(keys, email=email) if email and (keys.user_id or keys.anonymous_id) else keys

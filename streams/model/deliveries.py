"""Delivery: one message owed to one recipient, and the phases it passes through in the ledger."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from streams.model.ids import stable_id

PLATFORM = "campaigniq"
"""The source name of events that the platform itself makes."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands.

    pending -> claimed -> sent | failed | uncertain, with claimed -> retrying -> claimed between attempts; skipped when
    the guard refused it. `uncertain`: a crash fell between call and answer on a channel without idempotency key.
    """

    PENDING = "pending"
    CLAIMED = "claimed"
    RETRYING = "retrying"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


class Delivery(Struct, frozen=True):
    """A message owed; `id` is deterministic, so the same trigger never makes two."""

    id: str
    workspace: str
    profile: str
    trigger_id: str
    campaign: str
    channel: str
    template: str
    recipient: str
    due_ms: int
    created_ms: int
    data: dict[str, Any] = {}


def delivery_id(workspace: str, campaign: str, channel: str, cause_id: str, recipient: str = "") -> str:
    """Return the id of the one message that `cause_id` (a trigger or alert state) owes through `campaign`."""
    return stable_id("delivery", workspace, campaign, channel, cause_id, recipient)


class Sent(Struct, frozen=True):
    """The channel handed the message over; `provider_id` is the provider's name for it."""

    provider_id: str = ""


class Retry(Struct, frozen=True):
    """The message certainly did not go out and may be tried again, not before `after_ms` from now when given."""

    reason: str
    after_ms: int | None = None


class Rejected(Struct, frozen=True):
    """The message will never go out; `reason` is for the marketer."""

    reason: str


class Unknown(Struct, frozen=True):
    """The message may or may not have gone out and can't be asked about."""

    reason: str


Outcome = Sent | Retry | Rejected | Unknown

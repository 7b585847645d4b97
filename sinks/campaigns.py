"""Campaigns: which trigger becomes which message to whom. Pure: planning reads no clock and no store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from sinks.settings import MessageSettings
from streams.model.deliveries import Delivery, delivery_id
from streams.model.triggers import Trigger, TriggerRule

TO_PROFILE = "profile"
# What a message may say about a person; the rest of the traits stays where it is.
_TRAITS = ("name", "first_name", "last_name", "language")


class Campaign(Struct, frozen=True):
    """One message for each firing of `rule`.

    `to` is "profile" or a fixed address; `min_value` is compared with the trigger's value; `content` goes to the
    template.
    """

    id: str
    name: str
    rule: str
    channel: str
    template: str
    to: str = TO_PROFILE
    min_value: float = 0
    content: dict[str, Any] = {}


def default_campaigns(settings: MessageSettings) -> tuple[Campaign, ...]:
    """Return the campaigns of a new installation."""
    cart = Campaign(
        "cart_recovery",
        "Cart recovery",
        TriggerRule.CART_ABANDONED,
        "email",
        "cart_recovery",
        min_value=settings.cart_min_value,
        content={
            "code": settings.cart_code if settings.cart_percent else "",
            "percent": settings.cart_percent,
            "valid_hours": settings.cart_valid_hours,
        },
    )
    if not settings.sales_email:
        return (cart,)
    notice = Campaign(
        "mql_notice", "New qualified lead", TriggerRule.LEAD_MQL, "email", "lead_mql", to=settings.sales_email
    )
    return cart, notice


def plan(trigger: Trigger, campaigns: Sequence[Campaign], now_ms: int) -> list[Delivery]:
    """Return the deliveries that `trigger` owes, whether or not the guard will let them pass."""
    return [_delivery(trigger, c, now_ms) for c in campaigns if c.rule == trigger.rule]


def _delivery(trigger: Trigger, campaign: Campaign, now_ms: int) -> Delivery:
    to_profile = campaign.to == TO_PROFILE
    # An address that becomes known later must not make a second message, so the profile's is not part of the id.
    identity = "" if to_profile else campaign.to
    return Delivery(
        id=delivery_id(trigger.workspace, campaign.id, campaign.channel, trigger.id, identity),
        workspace=trigger.workspace,
        profile=trigger.profile,
        trigger_id=trigger.id,
        campaign=campaign.id,
        channel=campaign.channel,
        template=campaign.template,
        recipient=_address(trigger) if to_profile else campaign.to,
        due_ms=trigger.due_ms,
        created_ms=now_ms,
        data={
            "rule": trigger.rule,
            "audience": TO_PROFILE if to_profile else "team",
            "at_ms": trigger.at_ms,
            "keys": msgspec.to_builtins(trigger.keys),
            "traits": {name: trigger.traits[name] for name in _TRAITS if name in trigger.traits},
            "facts": trigger.data,
            "content": campaign.content,
        },
    )


def _address(trigger: Trigger) -> str:
    trait = trigger.traits.get("email")
    return trigger.keys.email or (trait.strip().lower() if isinstance(trait, str) else "")

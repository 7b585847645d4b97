"""Planning: which trigger owes which messages."""

import msgspec

from sinks.campaigns import Campaign, default_campaigns, plan
from sinks.settings import MessageSettings
from streams.model.events import ProfileKeys
from tests.unit.sinks.fakes_sinks import NOW, SETTINGS, cart_trigger

CAMPAIGNS = default_campaigns(SETTINGS)


def test_an_abandoned_cart_owes_one_mail_to_its_owner() -> None:
    [delivery] = plan(cart_trigger(), CAMPAIGNS, NOW)
    assert (delivery.campaign, delivery.channel, delivery.recipient) == ("cart_recovery", "email", "ann@shop.io")
    assert delivery.data["content"]["code"] == "COMEBACK10"


def test_the_same_trigger_always_owes_the_same_delivery() -> None:
    first, again = (plan(cart_trigger(), CAMPAIGNS, NOW + i)[0] for i in range(2))
    assert first.id == again.id


def test_an_address_learned_later_makes_no_second_message() -> None:
    [unknown], [known] = (plan(cart_trigger(email=e), CAMPAIGNS, NOW) for e in (None, "ann@shop.io"))
    assert unknown.id == known.id


def test_a_qualified_lead_is_told_to_sales_if_sales_has_an_address() -> None:
    trigger = cart_trigger(rule="lead_mql", data={"score": 52.0, "tier": "hot"})
    [delivery] = plan(trigger, CAMPAIGNS, NOW)
    assert (delivery.recipient, delivery.data["audience"]) == ("sales@shop.io", "team")
    assert plan(trigger, default_campaigns(MessageSettings()), NOW) == []


def test_a_rule_without_a_campaign_owes_nothing() -> None:
    assert plan(cart_trigger(rule="lead_tier"), CAMPAIGNS, NOW) == []


def test_an_address_among_the_traits_is_used_when_there_is_no_key() -> None:
    [delivery] = plan(cart_trigger(email=None, traits={"email": " Ann@Shop.io "}), CAMPAIGNS, NOW)
    assert delivery.recipient == "ann@shop.io"


def test_two_campaigns_on_one_rule_owe_two_messages() -> None:
    second = Campaign("second", "Second", "cart_abandoned", "email", "cart_recovery")
    assert len({d.id for d in plan(cart_trigger(), (CAMPAIGNS[0], second), NOW)}) == 2


def test_a_delivery_carries_only_the_traits_that_messages_use() -> None:
    [delivery] = plan(cart_trigger(traits={"first_name": "Ann", "phone": "1", "card": "4242"}), CAMPAIGNS, NOW)
    assert delivery.data["traits"] == {"first_name": "Ann"}
    assert msgspec.convert(delivery.data["keys"], ProfileKeys) == ProfileKeys("1", None, "ann@shop.io")

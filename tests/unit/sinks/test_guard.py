"""The guard: who gets no message, and how that is put to a marketer."""

import msgspec
import pytest

from sinks.guard import GuardLimits, is_address, refusal
from tests.unit.sinks.fakes_sinks import NOW, cart_delivery

HOUR = 3_600_000
DAY = GuardLimits(24 * HOUR, max_mails_per_day=5)


def test_a_fresh_message_to_a_known_address_may_go_out() -> None:
    assert refusal(cart_delivery(), NOW + 1000, DAY) is None


def test_a_message_without_an_address_is_refused() -> None:
    assert refusal(cart_delivery(email=None), NOW, DAY) == "No e-mail address known"


def test_an_address_nobody_can_be_written_at_is_refused() -> None:
    assert refusal(cart_delivery(email="ann at shop"), NOW, DAY) == "The e-mail address is not valid"


def test_a_suppressed_address_is_refused_with_the_reason_of_the_list() -> None:
    reason = refusal(cart_delivery(), NOW, DAY, suppressed="unsubscribed")
    assert reason == "The address is on the suppression list: unsubscribed"


def test_a_message_that_is_too_late_is_refused() -> None:
    reason = refusal(cart_delivery(), NOW + 26 * HOUR, DAY)
    assert reason == "Too late: it was due 26 hours ago, and messages go out for at most 24 hours"


def test_a_small_cart_is_refused_with_both_values() -> None:
    reason = refusal(cart_delivery(), NOW, DAY, min_value=200)
    assert reason == "The value of 121.97 is below the campaign's minimum of 200.00"


def test_an_address_that_had_its_mails_of_the_day_gets_no_more() -> None:
    assert refusal(cart_delivery(), NOW, DAY, mails_today=4) is None
    reason = refusal(cart_delivery(), NOW, DAY, mails_today=5)
    assert reason == "This address was sent 5 mails in the last 24 hours, and nobody gets more than 5"


def test_without_a_limit_an_address_gets_every_mail() -> None:
    assert refusal(cart_delivery(), NOW, GuardLimits(HOUR, max_mails_per_day=0), mails_today=99) is None


def test_a_webhook_needs_an_address_of_its_own_kind() -> None:
    hook = msgspec.structs.replace(cart_delivery(), channel="webhook", recipient="https://hooks.io/x")
    assert refusal(hook, NOW, DAY) is None
    assert refusal(msgspec.structs.replace(hook, recipient=""), NOW, DAY) == "No webhook address is configured"


@pytest.mark.parametrize("address", ["a@b.io", "first.last+tag@sub.shop.co", "root@localhost"])
def test_usual_addresses_are_addresses(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "a", "@b.io", "a@", "a b@c.io", "a@b.io\r\nBcc: x@y.z", "a@b@c.io", ".a@b.io", "a..b@c.io", "a@b.io,c@d.io",
     f"{'x' * 65}@b.io", f"a@{'b' * 64}.io", "a@" + "b." * 130 + "io", "<a@b.io>"],
)  # fmt: skip
def test_what_could_trick_a_mail_server_is_no_address(address: str) -> None:
    assert not is_address(address)

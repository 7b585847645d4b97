"""Which channel serves which name, and what a wrong setting is answered with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from sinks.channels.outbox import OutboxChannel
from sinks.channels.registry import create_channels
from sinks.rendering import Rendered
from sinks.settings import AlertRouteSettings, SenderSettings, SmtpSettings
from streams.model.deliveries import Delivery, Rejected
from streams.model.errors import ConfigurationError


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[OutboxChannel]:
    made = OutboxChannel(f"sqlite:///{tmp_path}/outbox.db", "shop@shop.io")
    yield made
    await made.close()


async def test_mail_stays_in_the_outbox_until_a_mail_server_is_named(outbox: OutboxChannel) -> None:
    channels = create_channels(SmtpSettings(), AlertRouteSettings(), outbox)
    assert {name: c.name for name, c in channels.items()} == {"email": "outbox", "webhook": "webhook"}
    assert create_channels(SmtpSettings(host="mail.io"), AlertRouteSettings(), outbox)["email"].name == "smtp"


@pytest.mark.parametrize("secret", ["", "guess"])
async def test_an_alert_webhook_needs_a_secret(outbox: OutboxChannel, secret: str) -> None:
    alerts = AlertRouteSettings(webhook_url="https://hooks.io/", webhook_secret=secret)
    with pytest.raises(ConfigurationError, match=r"^alerts\.webhook_secret"):
        create_channels(SmtpSettings(), alerts, outbox)


def test_a_sender_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="is not a mail address"):
        SmtpSettings(from_address="Nordlys")


def test_a_lease_shorter_than_an_attempt_is_refused() -> None:
    with pytest.raises(ValidationError, match="Raise lease_s"):
        SenderSettings(lease_s=60, send_timeout_s=60)


def test_waits_that_fall_are_refused() -> None:
    with pytest.raises(ValidationError, match="must not fall"):
        SenderSettings(retry_delays_s=(30, 5))


def test_deliveries_are_kept_for_longer_than_the_log_keeps_what_they_come_of() -> None:
    with pytest.raises(ValidationError, match=r"longer than the 30 days .* Set it to at least 31"):
        SenderSettings(keep_days=30)
    assert SenderSettings(keep_days=31).keep_days == 31


async def test_without_a_webhook_in_the_settings_what_waits_for_one_is_rejected(outbox: OutboxChannel) -> None:
    webhook = create_channels(SmtpSettings(), AlertRouteSettings(), outbox)["webhook"]
    waiting = Delivery("d1", "w", "", "t", "alert_routes", "webhook", "alert", "https://hooks.io/", 0, 0)
    assert isinstance(await webhook.send(waiting, Rendered("s", "{}"), 0), Rejected)
    await webhook.close()

"""Which channel serves which name. "email" is the mail server when one is configured, else the local outbox."""

from sinks.channels.base import Channel
from sinks.channels.no_webhooks import NoWebhooks
from sinks.channels.outbox import OutboxChannel
from sinks.channels.smtp import SmtpChannel
from sinks.channels.targets import TargetRefusedError, parse
from sinks.settings import AlertRouteSettings, SmtpSettings
from sinks.signing import signing_key
from streams.model.errors import ConfigurationError


def create_channels(smtp: SmtpSettings, alerts: AlertRouteSettings, outbox: OutboxChannel) -> dict[str, Channel]:
    """Return the channels by the name that deliveries use. Raises ConfigurationError."""
    keys: dict[str, bytes] = {}
    if alerts.webhook_url:
        try:
            parse(alerts.webhook_url, allow_private=alerts.allow_private_targets)
        except TargetRefusedError as error:
            raise ConfigurationError(
                "alerts.webhook_url", f"can't be called: {error}", "Write it as https://alerts.example.com/hook"
            ) from None
        secret = alerts.webhook_secret.get_secret_value()
        if not secret:
            raise ConfigurationError(
                "alerts.webhook_secret", "is empty though alerts.webhook_url is set", "Set the receiver's whsec_ secret"
            )
        keys[alerts.webhook_url] = signing_key(secret, "alerts.webhook_secret")
    email: Channel = SmtpChannel(smtp) if smtp.host else outbox
    return {"email": email, "webhook": _webhook(keys, alerts)}


def _webhook(keys: dict[str, bytes], alerts: AlertRouteSettings) -> Channel:
    if not keys:
        return NoWebhooks()
    # Here, because its HTTP client takes a tenth of a second and 7 MiB.
    from sinks.channels.webhook import WebhookChannel  # noqa: PLC0415

    return WebhookChannel(keys, alerts.timeout_s, allow_private_targets=alerts.allow_private_targets)

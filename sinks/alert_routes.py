"""Alert routes: a firing or resolved alert becomes one signed webhook and one e-mail. Pending ones are kept quiet."""

import msgspec

from sinks.settings import AlertRouteSettings
from streams.log.topics import ALERTS
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import Delivery, delivery_id
from streams.model.ids import stable_id

_CAMPAIGN = "alert_routes"
_TEMPLATE = "alert"


class AlertPlanner:
    """What alerts owe, by route."""

    stage = "alert-routes"
    topic = ALERTS

    def __init__(self, settings: AlertRouteSettings) -> None:
        routes = (("webhook", settings.webhook_url), ("email", settings.email))
        self._routes = [(channel, recipient) for channel, recipient in routes if recipient]
        self._decode = msgspec.msgpack.Decoder(Alert).decode

    def deliveries(self, value: bytes, now_ms: int) -> list[Delivery]:
        alert = self._decode(value)
        if alert.state == AlertState.PENDING or not alert.fired:
            return []
        return [_delivery(alert, channel, recipient, now_ms) for channel, recipient in self._routes]

    def min_value(self, campaign: str) -> float:  # noqa: ARG002 - protocol
        return 0


def _delivery(alert: Alert, channel: str, recipient: str, now_ms: int) -> Delivery:
    state = alert.state.value
    announcement = stable_id("announcement", alert.id, str(alert.since_ms), state)
    return Delivery(
        id=delivery_id(alert.workspace, _CAMPAIGN, channel, announcement, recipient),
        workspace=alert.workspace,
        profile="",
        trigger_id=announcement,
        campaign=_CAMPAIGN,
        channel=channel,
        template=_TEMPLATE,
        recipient=recipient,
        due_ms=alert.at_ms,
        created_ms=now_ms,
        data={
            "type": f"alert.{state}",
            "rule": alert.rule,
            "audience": "team",
            "at_ms": alert.at_ms,
            "facts": msgspec.structs.asdict(alert) | {"state": state},
        },
    )

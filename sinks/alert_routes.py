"""Alert routes: a firing or resolved alert becomes one signed webhook and one e-mail. Pending ones are kept quiet."""

import msgspec

from sinks.dispatcher import Dispatcher, Wake
from sinks.lane import OnChange
from sinks.ledger.base import Ledger
from sinks.rendering import Renderer
from sinks.settings import AlertRouteSettings
from streams.log.topics import ALERTS
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import Delivery, delivery_id
from streams.model.ids import stable_id
from streams.ports import Clock, DeadLetterSink, EventLog

_GROUP = "alert-routes"
_CAMPAIGN = "alert_routes"
_TEMPLATE = "alert"


class AlertPlanner:
    """What alerts owe, by route."""

    stage = "alert-routes"

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


def create_alert_routes(
    log: EventLog,
    settings: AlertRouteSettings,
    ledger: Ledger,
    renderer: Renderer,
    clock: Clock,
    max_age_ms: int,
    dead_letters: DeadLetterSink,
    wake: Wake,
    on_change: OnChange,
) -> Dispatcher:
    """Return the dispatcher of alerts; without routes it only keeps its place in the log."""
    return Dispatcher(
        log.subscribe(_GROUP, [ALERTS]),
        AlertPlanner(settings),
        ledger,
        renderer,
        clock,
        max_age_ms,
        dead_letters,
        wake,
        on_change,
    )

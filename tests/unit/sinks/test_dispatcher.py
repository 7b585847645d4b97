"""From the log to the ledger: written down before committed, guarded, once."""

import pytest
from msgspec import structs

from sinks.alert_routes import AlertPlanner
from sinks.campaigns import default_campaigns
from sinks.dispatcher import Dispatcher, Planner, TriggerPlanner
from sinks.ledger.memory import MemoryLedger
from sinks.settings import AlertRouteSettings, MessageSettings
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import DeliveryStatus
from tests.unit.sinks.fakes_sinks import (
    NOW,
    SETTINGS,
    Changes,
    FakeClock,
    FakeDeadLetters,
    FakeSubscription,
    cart_delivery,
    cart_trigger,
    packed,
    renderer,
)

DAY = 86_400_000


class Rig:
    """A dispatcher with everything around it in sight."""

    def __init__(self, *batches: list[bytes | None], planner: Planner | None = None) -> None:
        self.ledger = MemoryLedger()
        self.subscription = FakeSubscription(*batches)
        self.letters = FakeDeadLetters()
        self.changes = Changes()
        self.wakes = 0
        self.dispatcher = Dispatcher(
            self.subscription, planner or TriggerPlanner(default_campaigns(SETTINGS)), self.ledger, renderer(),
            FakeClock(), DAY, self.letters, self._wake, self.changes,
        )  # fmt: skip

    def _wake(self) -> None:
        self.wakes += 1


async def test_a_trigger_becomes_a_pending_delivery_and_wakes_the_sender() -> None:
    rig = Rig(packed(cart_trigger()))
    assert await rig.dispatcher.step(0) == 1
    [row] = await rig.ledger.list("w", 10)
    assert (row.status, row.subject) == (DeliveryStatus.PENDING, "You left something behind! 🛒")
    assert (rig.wakes, rig.changes.rows) == (1, [row])


async def test_rows_are_written_before_the_offset_is_committed() -> None:
    rig = Rig(packed(cart_trigger()))
    written = []
    rig.subscription.before_commit = lambda: written.extend(rig.ledger._rows)
    await rig.dispatcher.step(0)
    assert written == [cart_delivery().id]


async def test_a_trigger_read_again_changes_nothing() -> None:
    rig = Rig(packed(cart_trigger()), packed(cart_trigger()))
    await rig.dispatcher.step(0)
    await rig.dispatcher.step(0)
    assert (len(rig.changes.rows), rig.wakes, rig.subscription.committed) == (1, 1, 2)


async def test_a_record_that_cannot_be_read_becomes_a_dead_letter_and_the_rest_goes_on() -> None:
    rig = Rig([b"\xc1junk", None, *packed(cart_trigger())])
    await rig.dispatcher.step(0)
    assert [(letter.raw, letter.stage, letter.source) for letter in rig.letters.letters] == [
        (b"\xc1junk", "senders", "t/0@0"),
        (b"", "senders", "t/0@1"),
    ]
    assert await rig.ledger.counts("w") == {"pending": 1}


async def test_a_delivery_without_an_address_is_skipped_with_its_reason() -> None:
    rig = Rig(packed(cart_trigger(email=None)))
    await rig.dispatcher.step(0)
    [row] = await rig.ledger.list("w", 10)
    assert (row.status, row.reason, row.finished_ms) == (DeliveryStatus.SKIPPED, "No e-mail address known", NOW)
    assert rig.wakes == 0


async def test_a_suppressed_address_is_skipped() -> None:
    rig = Rig(packed(cart_trigger()))
    await rig.ledger.suppress("w", "Ann@shop.io", "unsubscribed", 1)
    await rig.dispatcher.step(0)
    [row] = await rig.ledger.list("w", 10)
    assert row.reason == "The address is on the suppression list: unsubscribed"


async def test_a_cart_below_the_campaigns_minimum_is_skipped() -> None:
    campaigns = default_campaigns(MessageSettings(cart_min_value=500))
    rig = Rig(packed(cart_trigger()), planner=TriggerPlanner(campaigns))
    await rig.dispatcher.step(0)
    assert await rig.ledger.counts("w") == {"skipped": 1}


async def test_an_empty_poll_commits_nothing() -> None:
    rig = Rig()
    assert await rig.dispatcher.step(0) == 0
    assert rig.subscription.committed == 0


def alert(state: AlertState, since_ms: int = NOW) -> Alert:
    return Alert("a", "w", "rate_shift", "checkout", state, since_ms, NOW, 1.0, 5.0, 9.0, 0.9, "Checkout is down")


ROUTES = AlertRouteSettings(webhook_url="https://hooks.io/x", email="on@call.io")


async def test_a_firing_alert_goes_out_on_every_route_once() -> None:
    firing = packed(alert(AlertState.FIRING))
    rig = Rig(firing, firing, planner=AlertPlanner(ROUTES))
    await rig.dispatcher.step(0)
    await rig.dispatcher.step(0)
    rows = await rig.ledger.list("w", 10)
    assert {(r.delivery.channel, r.delivery.recipient, r.subject) for r in rows} == {
        ("webhook", "https://hooks.io/x", "alert.firing"),
        ("email", "on@call.io", "Firing: Checkout is down"),
    }


async def test_each_episode_and_each_state_is_announced() -> None:
    states = [alert(AlertState.FIRING), alert(AlertState.RESOLVED), alert(AlertState.FIRING, NOW + 1)]
    rig = Rig(packed(*states), planner=AlertPlanner(AlertRouteSettings(email="on@call.io")))
    await rig.dispatcher.step(0)
    assert await rig.ledger.counts("w") == {"pending": 3}


@pytest.mark.parametrize(("state", "routes"), [(AlertState.PENDING, ROUTES), (AlertState.FIRING, AlertRouteSettings())])
async def test_pending_alerts_and_missing_routes_announce_nothing(
    state: AlertState, routes: AlertRouteSettings
) -> None:
    rig = Rig(packed(alert(state)), planner=AlertPlanner(routes))
    await rig.dispatcher.step(0)
    assert (await rig.ledger.list("w", 10), rig.subscription.committed) == ([], 1)


async def test_the_end_of_an_episode_that_never_fired_is_not_announced() -> None:
    unfired = structs.replace(alert(AlertState.RESOLVED), fired=False)
    rig = Rig(packed(unfired), planner=AlertPlanner(ROUTES))
    await rig.dispatcher.step(0)
    assert await rig.ledger.list("w", 10) == []

"""From the log to the ledger: written down before committed, guarded, once."""

import pytest
from msgspec import structs

from sinks.alert_routes import AlertPlanner
from sinks.campaigns import default_campaigns
from sinks.dispatcher import Dispatcher, Planner, TriggerPlanner, create_dispatcher
from sinks.guard import GuardLimits
from sinks.settings import AlertRouteSettings, MessageSettings
from streams.log.memory import MemoryEventLog
from streams.log.topics import ALERTS, TRIGGERS
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import DeliveryStatus
from streams.ports import NewRecord
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
from tests.unit.sinks.memory_ledger import MemoryLedger

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
            FakeClock(), GuardLimits(DAY, max_mails_per_day=3), self.letters, self._wake, self.changes,
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


async def test_one_address_gets_only_so_many_mails_a_day_whatever_carts_are_made_up() -> None:
    batches = [packed(*(cart_trigger(f"t{b}{i}", profile=f"user:{b}{i}") for i in range(2))) for b in range(3)]
    rig = Rig(*batches, packed(cart_trigger("x", email="bo@shop.io")))
    for _ in range(4):
        await rig.dispatcher.step(0)
    statuses = [(r.delivery.trigger_id, r.status.value) for r in reversed(await rig.ledger.list("w", 10))]
    assert [s for _, s in statuses] == ["pending"] * 3 + ["skipped"] * 3 + ["pending"]
    [refused] = {r.reason for r in await rig.ledger.list("w", 10, status=DeliveryStatus.SKIPPED)}
    assert refused == "This address was sent 3 mails in the last 24 hours, and nobody gets more than 3"


async def test_the_limit_of_mails_a_day_is_none_for_notices_to_the_team() -> None:
    leads = [cart_trigger(f"t{i}", rule="lead_mql", data={"score": 52.0, "tier": "hot"}) for i in range(5)]
    rig = Rig(packed(*leads))
    await rig.dispatcher.step(0)
    assert await rig.ledger.counts("w") == {"pending": 5}


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


async def test_alerts_are_announced_however_many_there_are() -> None:
    episodes = [alert(AlertState.FIRING, NOW + i) for i in range(5)]
    rig = Rig(packed(*episodes), planner=AlertPlanner(AlertRouteSettings(email="on@call.io")))
    await rig.dispatcher.step(0)
    assert await rig.ledger.counts("w") == {"pending": 5}


@pytest.mark.parametrize(
    ("planner", "topic"),
    [(TriggerPlanner(default_campaigns(SETTINGS)), TRIGGERS), (AlertPlanner(ROUTES), ALERTS)],
)
async def test_a_dispatcher_reads_its_planners_topic_under_its_planners_name(planner: Planner, topic: str) -> None:
    log = MemoryEventLog()
    [value] = packed(cart_trigger() if topic == TRIGGERS else alert(AlertState.FIRING))
    await log.append([NewRecord(topic, 0, None, value, NOW)])
    ledger = MemoryLedger()
    made = create_dispatcher(
        log, planner, ledger, renderer(), FakeClock(), GuardLimits(DAY), FakeDeadLetters(), lambda: None, Changes()
    )
    await made.step(0)
    assert await ledger.counts("w") == {"pending": len(planner.deliveries(value, NOW))}
    assert (await log.committed(planner.stage, topic))[0] == 1
    await made.close()


async def test_the_end_of_an_episode_that_never_fired_is_not_announced() -> None:
    unfired = structs.replace(alert(AlertState.RESOLVED), fired=False)
    rig = Rig(packed(unfired), planner=AlertPlanner(ROUTES))
    await rig.dispatcher.step(0)
    assert await rig.ledger.list("w", 10) == []

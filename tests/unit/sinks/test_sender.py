"""The sender: durable before the call, honest after it, and right after a crash in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from sinks.channels.outbox import OutboxChannel
from sinks.ledger.base import Claim, DeliveryRow, Ledger
from sinks.ledger.sql import SqlLedger
from sinks.sender import Sender
from sinks.settings import SenderSettings
from streams.model.deliveries import Delivery, DeliveryStatus, Outcome, Rejected, Retry, Sent, Unknown
from streams.model.errors import LogFullError
from tests.unit.sinks.fakes_sinks import NOW, Changes, FakeChannel, FakeClock, FakeEmit, cart_delivery, renderer
from tests.unit.sinks.memory_ledger import MemoryLedger

S = DeliveryStatus
FAST = SenderSettings(retry_delays_s=(0.01, 0.01), retry_jitter=0)


class Rig:
    """A sender with its ledger, one channel called email, and what it told the world."""

    def __init__(
        self,
        channel: FakeChannel | OutboxChannel,
        ledger: Ledger | None = None,
        settings: SenderSettings = FAST,
        emit: FakeEmit | None = None,
        owner: str = "me",
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.clock = FakeClock()
        self.emit = emit or FakeEmit()
        self.changes = Changes()
        self.sender = Sender(
            self.ledger, {"email": channel}, renderer(), settings, self.clock, owner, self.emit, self.changes
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sender.run())
        yield
        self.sender.drain()
        async with asyncio.timeout(60):
            await task

    async def add(self, *deliveries: Delivery) -> None:
        await self.ledger.record([DeliveryRow(d, next_attempt_ms=d.due_ms) for d in deliveries])
        self.sender.wake()

    async def status_of(self, delivery: Delivery) -> str:
        row = await self.ledger.get("w", delivery.id)
        return row.status.value if row else "missing"


def ended(count: int = 1):
    final = {S.SENT, S.FAILED, S.UNCERTAIN, S.SKIPPED}
    return lambda rows: sum(r.status in final for r in rows) >= count


@asynccontextmanager
async def sent_through(channel: FakeChannel, **fields) -> AsyncIterator[tuple[Rig, Delivery]]:
    """Run one delivery to its end."""
    rig, delivery = Rig(channel, **fields), cart_delivery()
    async with rig.running():
        await rig.add(delivery)
        await rig.changes.until(ended())
    yield rig, delivery


async def test_a_pending_delivery_is_claimed_sent_and_told() -> None:
    async with sent_through(FakeChannel(Sent("p-1"))) as (rig, delivery):
        assert rig.changes.statuses(delivery.id) == ["claimed", "sent"]
        [event] = rig.emit.events
    assert (event.name, event.profile, event.keys.canonical()) == ("email_sent", "user:1", "user:1")
    assert (event.properties["delivery_id"], event.properties["campaign"]) == (delivery.id, "cart_recovery")


async def test_the_claim_is_in_the_ledger_before_the_channel_is_called() -> None:
    channel = FakeChannel()
    channel.gate = asyncio.Event()
    rig, delivery = Rig(channel), cart_delivery()
    async with rig.running():
        await rig.add(delivery)
        await channel.called.wait()
        assert await rig.status_of(delivery) == "claimed"
        channel.gate.set()


async def test_a_logged_outcome_is_not_told_again() -> None:
    async with sent_through(FakeChannel()) as (rig, _):
        assert await rig.ledger.unlogged(10) == []
        assert len(rig.emit.events) == 1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Rejected("550 no such user"), "failed"), (Unknown("cut off"), "uncertain")],
)
async def test_a_final_answer_ends_the_delivery_with_its_reason(outcome: Outcome, status: str) -> None:
    channel = FakeChannel(outcome)
    async with sent_through(channel) as (rig, delivery):
        assert await rig.status_of(delivery) == status
        assert rig.changes.rows[-1].reason == outcome.reason
    assert len(channel.sent) == 1


async def test_a_retry_waits_for_its_time() -> None:
    channel = FakeChannel(Retry("busy"))
    rig, delivery = Rig(channel, settings=SenderSettings(retry_delays_s=(60,), retry_jitter=0)), cart_delivery()
    async with rig.running():
        await rig.add(delivery)
        await rig.changes.until(lambda rows: rows[-1:] != [] and rows[-1].status == S.RETRYING)
        assert rig.changes.rows[-1].next_attempt_ms == NOW + 60_000
        rig.clock.at_ms += 60_000
        rig.sender.wake()
        await rig.changes.until(ended())
    assert rig.changes.statuses(delivery.id) == ["claimed", "retrying", "claimed", "sent"]


async def test_the_sender_wakes_by_itself_when_a_retry_is_due() -> None:
    class RunningClock(FakeClock):
        def now_ms(self) -> int:
            return NOW + round(asyncio.get_running_loop().time() * 1000)

    channel, delivery = FakeChannel(Retry("busy")), cart_delivery()
    rig = Rig(channel)
    clock = RunningClock()
    rig.sender = Sender(rig.ledger, {"email": channel}, renderer(), FAST, clock, "me", rig.emit, rig.changes)
    async with rig.running():
        await rig.add(delivery)
        await rig.changes.until(ended())
    assert len(channel.sent) == 2


async def test_after_the_last_attempt_the_delivery_has_failed() -> None:
    channel = FakeChannel(*[Retry("busy")] * 3)
    rig, delivery = Rig(channel), cart_delivery()
    async with rig.running():
        await rig.add(delivery)
        for attempt in range(3):
            await rig.changes.until(lambda rows, n=attempt: len(rows) >= 2 * n + 2)
            rig.clock.at_ms += 60_000
            rig.sender.wake()
        await rig.changes.until(ended())
    assert rig.changes.rows[-1].reason == "Given up after 3 attempts. busy"


@pytest.mark.parametrize(("idempotent", "status"), [(True, "retrying"), (False, "uncertain")])
async def test_a_channel_that_breaks_is_tried_again_only_if_that_is_safe(idempotent: bool, status: str) -> None:
    rig, delivery = Rig(FakeChannel(RuntimeError("bug"), idempotent=idempotent)), cart_delivery()
    async with rig.running():
        await rig.add(delivery)
        await rig.changes.until(lambda rows: len(rows) >= 2)
    assert rig.changes.statuses(delivery.id)[:2] == ["claimed", status]


async def test_a_channel_that_hangs_is_cut_off() -> None:
    channel = FakeChannel(idempotent=False)
    channel.gate = asyncio.Event()
    async with sent_through(channel, settings=SenderSettings(send_timeout_s=0.02)) as (rig, _):
        assert (rig.changes.rows[-1].status, rig.changes.rows[-1].reason) == (S.UNCERTAIN, "No answer within 0.02 s")


async def test_no_more_messages_are_in_flight_than_allowed() -> None:
    channel = FakeChannel()
    channel.gate = asyncio.Event()
    rig = Rig(channel, settings=SenderSettings(concurrency=3))
    async with rig.running():
        await rig.add(*(cart_delivery(f"t{i}") for i in range(10)))
        await rig.changes.until(lambda rows: len(rows) == 3)
        assert len(await rig.ledger.list("w", 20, status=S.CLAIMED)) == 3
        channel.gate.set()
        await rig.changes.until(ended(10))
    assert len(set(channel.sent)) == len(channel.sent) == 10


async def test_an_address_suppressed_while_waiting_is_not_written_to() -> None:
    channel, delivery = FakeChannel(), cart_delivery()
    rig = Rig(channel)
    await rig.ledger.suppress("w", delivery.recipient, "unsubscribed", NOW)
    async with rig.running():
        await rig.add(delivery)
        await rig.changes.until(ended())
    assert (channel.sent, rig.emit.events, await rig.status_of(delivery)) == ([], [], "skipped")


async def test_a_message_that_cannot_be_made_fails_alone() -> None:
    bad = msgspec.structs.replace(cart_delivery("bad"), template="nothing")
    rig, good = Rig(FakeChannel()), cart_delivery("good")
    async with rig.running():
        await rig.add(bad, good)
        await rig.changes.until(ended(2))
    assert (await rig.status_of(bad), await rig.status_of(good)) == ("failed", "sent")


async def test_outcomes_wait_while_the_log_is_full() -> None:
    async with sent_through(FakeChannel(), emit=FakeEmit(LogFullError("full", 0.01))) as (rig, _):
        assert [e.name for e in rig.emit.events] == ["email_sent"]


async def test_a_broken_log_surfaces() -> None:
    rig = Rig(FakeChannel(), emit=FakeEmit(RuntimeError("log is gone")))
    await rig.add(cart_delivery())
    with pytest.raises(ExceptionGroup) as caught:
        await rig.sender.run()
    assert caught.group_contains(RuntimeError, match="log is gone")


@pytest.fixture(params=["memory", "sql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = MemoryLedger() if request.param == "memory" else SqlLedger(f"sqlite:///{tmp_path}/ledger.db")
    yield made
    await made.close()


async def crash_between_claim_and_finish(ledger: Ledger, delivery: Delivery, transport: str) -> None:
    await ledger.record([DeliveryRow(delivery, next_attempt_ms=delivery.due_ms)])
    await ledger.claim(Claim("email", transport, "dead", 5, NOW, NOW + 1))


async def test_after_a_crash_the_outbox_holds_the_message_exactly_once(ledger: Ledger, tmp_path: Path) -> None:
    outbox, delivery = OutboxChannel(f"sqlite:///{tmp_path}/outbox.db", "shop@shop.io"), cart_delivery()
    await crash_between_claim_and_finish(ledger, delivery, outbox.name)
    await outbox.send(delivery, renderer().render(delivery), NOW)
    rig = Rig(outbox, ledger)
    await rig.sender.recover(sole_owner=True)
    async with rig.running():
        await rig.changes.until(ended())
    assert (await rig.status_of(delivery), len(await outbox.list("w", 9))) == ("sent", 1)
    await outbox.close()


async def test_after_a_crash_mail_over_smtp_is_uncertain_and_never_sent_again(ledger: Ledger) -> None:
    smtp, delivery = FakeChannel(name="smtp", idempotent=False), cart_delivery()
    await crash_between_claim_and_finish(ledger, delivery, "smtp")
    rig = Rig(smtp, ledger)
    await rig.sender.recover(sole_owner=True)
    async with rig.running():
        pass
    assert (smtp.sent, await rig.status_of(delivery)) == ([], "uncertain")
    assert [e.name for e in rig.emit.events] == ["email_uncertain"]


async def test_mail_claimed_for_smtp_does_not_go_out_through_another_channel(ledger: Ledger) -> None:
    await crash_between_claim_and_finish(ledger, cart_delivery(), "smtp")
    [row] = await Rig(FakeChannel(name="outbox"), ledger).sender.recover(sole_owner=True)
    assert row.status == S.UNCERTAIN


async def test_after_a_crash_before_marking_the_outcome_is_told_again_under_the_same_id(ledger: Ledger) -> None:
    class DiedError(Exception):
        pass

    first, second = Rig(FakeChannel(), ledger, emit=FakeEmit(DiedError())), Rig(FakeChannel(), ledger, owner="next")
    twin = Rig(FakeChannel())
    for rig in (first, twin):
        await rig.add(cart_delivery())
    with pytest.raises(ExceptionGroup):
        await first.sender.run()
    async with second.running():
        pass
    async with twin.running():
        await twin.changes.until(ended())
    assert [e.id for e in second.emit.events] == [e.id for e in twin.emit.events]


async def test_a_delivery_whose_lease_went_to_somebody_else_stays_theirs() -> None:
    channel, delivery = FakeChannel(idempotent=False), cart_delivery()
    channel.gate = asyncio.Event()
    rig = Rig(channel)
    async with rig.running():
        await rig.add(delivery)
        await channel.called.wait()
        await rig.ledger.recover(NOW + 10**9, "other", (), sole_owner=False)
        channel.gate.set()
    assert await rig.status_of(delivery) == "uncertain"

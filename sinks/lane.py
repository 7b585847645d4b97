"""One channel's lane: claim due rows, hand them over, record what became of each. Lanes do not wait for one another."""

import asyncio
import logging
from collections.abc import Callable

from msgspec import Struct

from sinks.channels.base import Channel
from sinks.ledger.base import Claim, DeliveryRow, Finish, Ledger, suppressions
from sinks.rendering import Renderer, RenderError
from sinks.retry import RetrySchedule, delay_ms
from streams.model.deliveries import Delivery, DeliveryStatus, Outcome, Rejected, Retry, Sent, Unknown
from streams.ports import Clock

OnChange = Callable[[DeliveryRow], None]
"""Called after each durable change of a row."""

_log = logging.getLogger(__name__)
# How long a lane sleeps at most: rows that another process recorded or freed are seen by then.
_MAX_SLEEP_S = 30.0


class LaneLimits(Struct, frozen=True):
    """How many messages are in flight, for how long one may take, and when it is repeated."""

    concurrency: int
    timeout_s: float
    lease_ms: int
    schedule: RetrySchedule


class Lane:
    """Serves the rows of `channel_name`. `on_finished` is called when an outcome event may be due."""

    def __init__(
        self,
        channel_name: str,
        channel: Channel,
        ledger: Ledger,
        renderer: Renderer,
        clock: Clock,
        limits: LaneLimits,
        owner: str,
        on_change: OnChange,
        on_finished: Callable[[], None],
    ) -> None:
        self.name = channel_name
        self._channel = channel
        self._ledger = ledger
        self._renderer = renderer
        self._clock = clock
        self._limits = limits
        self._owner = owner
        self._on_change = on_change
        self._on_finished = on_finished
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._is_full = False
        self._draining = False

    def wake(self) -> None:
        """Look for due rows now."""
        self._wake.set()

    def drain(self) -> None:
        """Claim nothing more; `run` returns once what is in flight is finished."""
        self._draining = True
        self._wake.set()

    async def run(self) -> None:
        """Serve until drained or cancelled. A cancelled call leaves its row claimed, for recovery to judge."""
        async with asyncio.TaskGroup() as calls:
            while not self._draining:
                self._wake.clear()
                free = self._limits.concurrency - self._in_flight
                rows = await self._claim(free) if free else []
                suppressed = await suppressions(self._ledger, (row.delivery for row in rows))
                for row in rows:
                    self._in_flight += 1
                    address = (row.delivery.workspace, row.delivery.recipient)
                    calls.create_task(self._serve(row, suppressed.get(address)))
                self._is_full = len(rows) == free
                if self._is_full:
                    await self._wake.wait()
                elif not self._wake.is_set():
                    await self._sleep()

    async def _claim(self, limit: int) -> list[DeliveryRow]:
        now_ms = self._clock.now_ms()
        lease_until_ms = now_ms + self._limits.lease_ms
        rows = await self._ledger.claim(
            Claim(self.name, self._channel.name, self._owner, limit, now_ms, lease_until_ms)
        )
        for row in rows:
            self._on_change(row)
        return rows

    async def _sleep(self) -> None:
        due_ms = await self._ledger.next_due_ms(self.name)
        wait_s = _MAX_SLEEP_S if due_ms is None else (due_ms - self._clock.now_ms()) / 1000
        try:
            async with asyncio.timeout(min(_MAX_SLEEP_S, max(0.0, wait_s))):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _serve(self, row: DeliveryRow, suppressed: str | None) -> None:
        finish = await self._attempt(row, suppressed)
        done = await self._ledger.finish(self._owner, finish)
        self._in_flight -= 1
        if self._is_full or finish.status == DeliveryStatus.RETRYING:
            self._wake.set()
        if done is None:
            _log.warning("delivery %s came to an end after its lease had: %s", finish.id, finish.status)
            return
        self._on_change(done)
        self._on_finished()

    async def _attempt(self, row: DeliveryRow, suppressed: str | None) -> Finish:
        """Hand the row over, unless its recipient has been suppressed since it was recorded."""
        delivery, now_ms = row.delivery, self._clock.now_ms()
        if suppressed is not None:
            reason = f"The address is on the suppression list: {suppressed}"
            return Finish(delivery.id, DeliveryStatus.SKIPPED, now_ms, reason)
        if now_ms >= row.lease_until_ms:
            outcome: Outcome = Retry("The machine was paused before the message was handed over")
        else:
            outcome = await self._hand_over(delivery, now_ms)
        return finish_of(row, outcome, self._limits.schedule, self._clock.now_ms())

    async def _hand_over(self, delivery: Delivery, now_ms: int) -> Outcome:
        try:
            message = self._renderer.render(delivery)
        except RenderError as error:
            _log.error("delivery %s: %s", delivery.id, error)
            return Rejected(f"The message can't be made: {error}")
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                return await self._channel.send(delivery, message, now_ms)
        except TimeoutError:
            reason = f"No answer within {self._limits.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - one message's fault must not stop others; its row says it
            _log.exception("channel %s failed on delivery %s", self._channel.name, delivery.id)
            reason = f"The channel failed: {type(error).__name__}: {error}"
        return Retry(reason) if self._channel.idempotent else Unknown(reason)


def finish_of(row: DeliveryRow, outcome: Outcome, schedule: RetrySchedule, now_ms: int) -> Finish:
    """Return what an attempt's outcome makes of its row."""
    delivery_id = row.delivery.id
    match outcome:
        case Sent(provider_id):
            return Finish(delivery_id, DeliveryStatus.SENT, now_ms, provider_id=provider_id)
        case Rejected(reason):
            return Finish(delivery_id, DeliveryStatus.FAILED, now_ms, reason)
        case Unknown(reason):
            return Finish(delivery_id, DeliveryStatus.UNCERTAIN, now_ms, reason)
        case Retry(reason, after_ms):
            wait_ms = delay_ms(schedule, delivery_id, row.attempts, after_ms)
            if wait_ms is None:
                reason = f"Given up after {row.attempts} attempts. {reason}"
                return Finish(delivery_id, DeliveryStatus.FAILED, now_ms, reason)
            return Finish(delivery_id, DeliveryStatus.RETRYING, now_ms, reason, next_attempt_ms=now_ms + wait_ms)

"""From the log to the ledger: what a record owes is written down before its offset is committed. Sends nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from sinks.campaigns import TO_PROFILE, Campaign, plan
from sinks.guard import GuardLimits, refusal
from sinks.lane import OnChange
from sinks.ledger.base import DeliveryRow, Ledger, suppressions
from sinks.rendering import Renderer, RenderError
from streams.log.topics import TRIGGERS
from streams.model.dead_letters import DeadLetter
from streams.model.deliveries import Delivery, DeliveryStatus
from streams.model.triggers import Trigger
from streams.ports import Clock, DeadLetterSink, EventLog, LogRecord, Subscription

_BATCH = 500
_POLL_S = 10.0
_DAY_MS = 86_400_000

Wake = Callable[[], None]


class Planner(Protocol):
    """Knows what one kind of record owes. Pure. `stage` names it, in the log and in dead letters; it reads `topic`."""

    stage: str
    topic: str

    def deliveries(self, value: bytes, now_ms: int) -> list[Delivery]:
        """Return what the record owes. Raises msgspec.MsgspecError when it can't be read."""
        ...

    def min_value(self, campaign: str) -> float:
        """Return below which value the campaign writes to nobody."""
        ...


class TriggerPlanner:
    """What triggers owe, by campaign."""

    stage = "senders"
    topic = TRIGGERS

    def __init__(self, campaigns: Sequence[Campaign]) -> None:
        self._campaigns = tuple(campaigns)
        self._min_values = {c.id: c.min_value for c in campaigns}
        self._decode = msgspec.msgpack.Decoder(Trigger).decode

    def deliveries(self, value: bytes, now_ms: int) -> list[Delivery]:
        return plan(self._decode(value), self._campaigns, now_ms)

    def min_value(self, campaign: str) -> float:
        return self._min_values[campaign]


class Dispatcher:
    """Reads a subscription for good. `wake` is called when rows are ready to be sent."""

    def __init__(
        self,
        subscription: Subscription,
        planner: Planner,
        ledger: Ledger,
        renderer: Renderer,
        clock: Clock,
        limits: GuardLimits,
        dead_letters: DeadLetterSink,
        wake: Wake,
        on_change: OnChange,
    ) -> None:
        self._subscription = subscription
        self._planner = planner
        self._ledger = ledger
        self._renderer = renderer
        self._clock = clock
        self._limits = limits
        self._dead_letters = dead_letters
        self._wake = wake
        self._on_change = on_change

    async def run(self) -> None:
        """Serve until cancelled; a batch that was cut off is read again by the next run."""
        while True:
            await self.step(_POLL_S)

    async def step(self, timeout_s: float) -> int:
        """Take up one batch and return how many records it had."""
        records = await self._subscription.poll(_BATCH, timeout_s)
        if not records:
            return 0
        now_ms = self._clock.now_ms()
        deliveries, letters = self._planned(records, now_ms)
        if letters:
            await self._dead_letters.put(letters)
        added = await self._ledger.record(await self._guarded(deliveries, now_ms))
        await self._subscription.commit()
        for row in added:
            self._on_change(row)
        if any(row.status == DeliveryStatus.PENDING for row in added):
            self._wake()
        return len(records)

    async def lag(self) -> int:
        """Return how many records wait."""
        return await self._subscription.lag()

    async def close(self) -> None:
        """Give the place in the log back; call after `run` was cancelled."""
        await self._subscription.close()

    def _planned(self, records: Sequence[LogRecord], now_ms: int) -> tuple[list[Delivery], list[DeadLetter]]:
        deliveries: list[Delivery] = []
        letters: list[DeadLetter] = []
        for record in records:
            if record.is_erased:
                continue
            value = record.value or b""
            try:
                deliveries += self._planner.deliveries(value, now_ms)
            except msgspec.MsgspecError as error:
                place = f"{record.topic}/{record.partition}@{record.offset}"
                letters.append(DeadLetter("", place, self._planner.stage, str(error), "", value, now_ms))
        return deliveries, letters

    async def _guarded(self, deliveries: Sequence[Delivery], now_ms: int) -> list[DeliveryRow]:
        suppressed = await suppressions(self._ledger, deliveries)
        mails = await self._mails_of_a_day(deliveries, now_ms)
        rows = []
        for delivery in deliveries:
            address = (delivery.workspace, delivery.recipient)
            had = mails[address] if _is_campaign_mail(delivery) else 0
            row = self._row(delivery, now_ms, suppressed.get(address), had)
            rows.append(row)
            if row.status == DeliveryStatus.PENDING:
                mails[address] += 1
        return rows

    async def _mails_of_a_day(self, deliveries: Sequence[Delivery], now_ms: int) -> Counter[tuple[str, str]]:
        """Return by workspace and recipient how many mails the recipients of campaigns got in the last 24 hours."""
        recipients: dict[str, set[str]] = {}
        for delivery in filter(_is_campaign_mail, deliveries):
            recipients.setdefault(delivery.workspace, set()).add(delivery.recipient)
        found: Counter[tuple[str, str]] = Counter()
        for workspace, addresses in recipients.items():
            mails = await self._ledger.mails_since(workspace, addresses, now_ms - _DAY_MS)
            found.update({(workspace, address): count for address, count in mails.items()})
        return found

    def _row(self, delivery: Delivery, now_ms: int, suppressed: str | None, mails_today: int) -> DeliveryRow:
        min_value = self._planner.min_value(delivery.campaign)
        no = refusal(delivery, now_ms, self._limits, suppressed, min_value, mails_today)
        subject = ""
        try:
            subject = self._renderer.subject(delivery)
        except RenderError as error:
            no = no or f"The message can't be made: {error}"
        if no is not None:
            return DeliveryRow(delivery, DeliveryStatus.SKIPPED, subject, no, finished_ms=now_ms, outcome_logged=True)
        # Without a profile there is nobody whose history an outcome event could join.
        return DeliveryRow(
            delivery, subject=subject, next_attempt_ms=delivery.due_ms, outcome_logged=not delivery.profile
        )


def _is_campaign_mail(delivery: Delivery) -> bool:
    """Say whether it is written to somebody outside; who works here gets every notice."""
    return delivery.channel == "email" and delivery.data.get("audience") == TO_PROFILE


def create_dispatcher(
    log: EventLog,
    planner: Planner,
    ledger: Ledger,
    renderer: Renderer,
    clock: Clock,
    limits: GuardLimits,
    dead_letters: DeadLetterSink,
    wake: Wake,
    on_change: OnChange,
) -> Dispatcher:
    """Return the dispatcher of what the planner knows, which goes on where the last one of its name left off."""
    subscription = log.subscribe(planner.stage, [planner.topic])
    return Dispatcher(subscription, planner, ledger, renderer, clock, limits, dead_letters, wake, on_change)

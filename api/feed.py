"""LiveFeed: what happens in the log, the ledger and the profile view becomes live messages. It changes nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec

from api import messages, shapes
from api.alerts import AlertBoard
from api.deps import Deliveries, DeliveryRow, Rates, standard_rules
from api.live import MemoryLiveBus
from api.rates import EventRates
from api.sampling import Sampler
from api.stats import StatsReader
from streams import frames
from streams.log import topics
from streams.model.alerts import Alert
from streams.model.errors import FrameError
from streams.model.events import Event
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.model.tiers import lead_model
from streams.model.triggers import Trigger
from streams.ports import Clock, EventLog, LeadRow, LogRecord, MetricStore, ProfileView

_log = logging.getLogger(__name__)

_POLL = 500
_FALLEN_BEHIND = 5_000
_ALERTS_READ_BACK = 1_000
_SECOND_S = 1.0
_WATCHED_PAUSE_S = 0.05
_IDLE_PAUSE_S = 0.5

_decode_trigger = msgspec.msgpack.Decoder(Trigger).decode
_decode_alert = msgspec.msgpack.Decoder(Alert).decode


@contextmanager
def _left_out_if_damaged(record: LogRecord) -> Iterator[None]:
    """The engine makes a dead letter of what does not decode; the page can only leave it out, and say so."""
    try:
        yield
    except (FrameError, msgspec.MsgspecError) as error:
        _log.warning("%s/%d@%d is not shown: %s", record.topic, record.partition, record.offset, error)


class LeadChange(Protocol):
    """A profile's row, the state behind it, and the row it replaced."""

    @property
    def row(self) -> LeadRow: ...
    @property
    def state(self) -> ProfileState: ...
    @property
    def previous(self) -> LeadRow | None: ...


class LiveFeed:
    """Run `run` as a task; connect `on_delivery` and `on_leads` to the ledger and the view. One event loop only.

    While nobody watches, it only counts events and keeps the alert board.
    """

    def __init__(
        self,
        log: EventLog,
        metrics: MetricStore,
        view: ProfileView,
        deliveries: Deliveries,
        alerts: AlertBoard,
        bus: MemoryLiveBus,
        clock: Clock,
        samples_per_s: int = 20,
        rules: Callable[[str], RuleSet] = standard_rules,
    ) -> None:
        self._log = log
        self._rules = rules
        self._sources = (metrics, view, deliveries)
        self._alerts = alerts
        self._bus = bus
        self._clock = clock
        self._rates = EventRates()
        self._readers: dict[str, StatsReader] = {}
        self._sample_events = Sampler(samples_per_s)
        self._sample_leads = Sampler(samples_per_s)
        self._newest_ms: int | None = None
        self._lag = 0

    async def run(self) -> None:
        """Feed until cancelled; an unexpected failure ends it and surfaces."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_events())
            tasks.create_task(self._follow_decisions())
            tasks.create_task(self._every_second(self.refresh))
            tasks.create_task(self._every_second(self.publish_stats))

    def rates(self, workspace: str) -> Rates:
        """Return the events per second of the last two minutes."""
        return self._rates.recent(workspace, self._clock.now_ms())

    def forget(self, workspace: str) -> None:
        """Drop the messages that are kept for those who come back: somebody in them was erased."""
        self._bus.forget(workspace)

    def on_delivery(self, row: DeliveryRow) -> None:
        """Tell the watchers that a delivery's status changed."""
        workspace = row.delivery.workspace
        if reader := self._readers.get(workspace):
            reader.deliveries_changed = True
        if workspace in self._bus.watched():
            self._bus.publish(workspace, "delivery", shapes.delivery(row))

    def on_leads(self, changes: Sequence[LeadChange]) -> None:
        """Tell the watchers about new scores and carts, as many as anybody can read."""
        watched = set(self._bus.watched())
        news = []
        for change in changes:
            if reader := self._readers.get(change.row.workspace):
                reader.leads_changed = True
            if change.row.workspace in watched and messages.lead_changed(change.row, change.previous):
                news.append(change)
        now_ms = self._clock.now_ms()
        models = {workspace: self._model(workspace) for workspace in {c.row.workspace for c in news}}
        for c in self._sample_leads.pick(
            news, now_ms, lambda c: messages.lead_is_telling(c.row, c.previous, models[c.row.workspace])
        ):
            told = messages.lead(c.row, c.state, c.previous, now_ms, models[c.row.workspace])
            self._bus.publish(c.row.workspace, "lead", told)

    def take(self, records: Sequence[LogRecord]) -> None:
        """Turn records of any followed topic into messages and counts."""
        watched = set(self._bus.watched())
        events: list[Event] = []
        for record in records:
            if record.is_erased:
                continue
            with _left_out_if_damaged(record):
                self._take_one(record.topic, record.value or b"", watched, events)
        telling = self._sample_events.pick(events, self._clock.now_ms(), lambda e: e.name != "page_viewed")
        for event in telling:
            self._bus.publish(event.workspace, "event", messages.event(event))

    async def refresh(self) -> None:
        """Read the slow figures of the watched workspaces; one that has just come gets its first stats at once."""
        watched = self._bus.watched()
        self._readers = {w: self._readers.get(w) or StatsReader(w, *self._sources) for w in watched}
        for workspace, reader in list(self._readers.items()):
            first = reader.figures is None
            await reader.refresh(self._clock.now_ms(), self._model(workspace))
            if first:
                self._publish_stats(workspace, reader)

    async def publish_stats(self) -> None:
        """Publish the figures as last read: a slow store must not make the page think that the link is dead."""
        for workspace, reader in self._readers.items():
            self._publish_stats(workspace, reader)

    def _model(self, workspace: str) -> ScoreModel:
        return lead_model(self._rules(workspace))

    def _publish_stats(self, workspace: str, reader: StatsReader) -> None:
        now_ms = self._clock.now_ms()
        moving = {
            "events_per_s": self._rates.per_second(workspace, now_ms),
            "lag_records": self._lag,
            "data_age_ms": None if self._newest_ms is None else max(0, now_ms - self._newest_ms),
        }
        if reader.figures is not None:
            self._bus.publish(workspace, "stats", reader.figures | moving)

    def _take_one(self, topic: str, value: bytes, watched: set[str], events: list[Event]) -> None:
        if topic == topics.EVENTS:
            frame = frames.decode(value)
            self._newest_ms = max(self._newest_ms or 0, frame.clock_ms)
            self._rates.add((e.workspace for e in frame.events), frame.clock_ms)
            if watched:
                events += [e for e in frame.events if e.workspace in watched]
        elif topic == topics.ROLLUPS:
            if self._readers:
                self._touch_totals(value)
        elif topic == topics.TRIGGERS:
            if watched and (trigger := _decode_trigger(value)).workspace in watched:
                self._bus.publish(trigger.workspace, "trigger", messages.trigger(trigger))
        elif topic == topics.ALERTS:
            alert = _decode_alert(value)
            if self._alerts.put(alert) and alert.workspace in watched:
                self._bus.publish(alert.workspace, "alert", shapes.alert(alert))

    def _touch_totals(self, value: bytes) -> None:
        batch = frames.decode(value).rollups
        now_ms = self._clock.now_ms()
        for rollup in batch.rollups if batch else ():
            if reader := self._readers.get(rollup.series.workspace):
                reader.totals.touch(rollup.bucket_ms, now_ms)

    async def _follow_events(self) -> None:
        """Follow the events at their end: who fell far behind skips to it, as old events are not live."""
        subscription = self._log.subscribe(None, [topics.EVENTS], start="latest")
        try:
            while True:
                records = await subscription.poll(_POLL)
                self.take(records)
                # A poll that was not filled took all there was.
                self._lag = await subscription.lag() if len(records) == _POLL else 0
                if self._lag > _FALLEN_BEHIND:
                    _log.warning("the live page skips %d records to catch up", self._lag)
                    await subscription.close()
                    subscription = self._log.subscribe(None, [topics.EVENTS], start="latest")
                await self._pause(len(records))
        finally:
            await subscription.close()

    async def _follow_decisions(self) -> None:
        followed = [topics.TRIGGERS, topics.ROLLUPS, topics.ALERTS]
        subscription = self._log.subscribe(None, followed, start="latest")
        try:
            # The first poll fixes the place, so no alert falls between the history and the present.
            self.take(await subscription.poll(_POLL, timeout_s=0))
            await self._recall_alerts()
            while True:
                records = await subscription.poll(_POLL)
                self.take(records)
                await self._pause(len(records))
        finally:
            await subscription.close()

    async def _recall_alerts(self) -> None:
        for partition in range(self._log.partitions(topics.ALERTS)):
            first, after = await self._log.bounds(topics.ALERTS, partition)
            start = max(first, after - _ALERTS_READ_BACK)
            for record in await self._log.read(topics.ALERTS, partition, start, _ALERTS_READ_BACK):
                with _left_out_if_damaged(record):
                    self._alerts.put(_decode_alert(record.value or b""))

    async def _pause(self, taken: int) -> None:
        """Let records gather, unless more wait: fewer wake-ups, and nobody sees the difference."""
        if taken < _POLL:
            await asyncio.sleep(_WATCHED_PAUSE_S if self._bus.watched() else _IDLE_PAUSE_S)

    async def _every_second(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await work()
            await asyncio.sleep(_SECOND_S)

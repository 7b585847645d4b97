"""The composition root: builds every part from the settings. The only place that names implementations."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Mount

import dashboards
from api.alerts import AlertBoard
from api.app import create_api
from api.deps import About, ApiDeps, IngestDesk
from api.erasure_desk import ErasureDesk
from api.feed import LiveFeed
from api.live import MemoryLiveBus
from api.rule_desk import RuleDesk
from infra import VERSION
from infra.data_dir import DataDir
from infra.demo import brand
from infra.doorway import DoorStores, link_signer
from infra.letter_desk import LetterDesk
from infra.rules import read_rules
from infra.settings import Settings
from ingest.dead_letters import LogDeadLetters
from ingest.openapi import OPENAPI
from ingest.vendors.registry import VENDORS
from sinks.alert_routes import AlertPlanner
from sinks.campaigns import default_campaigns
from sinks.channels.base import Channel
from sinks.channels.outbox import OutboxChannel
from sinks.channels.registry import create_channels
from sinks.dispatcher import Dispatcher, TriggerPlanner, create_dispatcher
from sinks.guard import GuardLimits
from sinks.ledger.base import DeliveryRow
from sinks.ledger.sql import SqlLedger
from sinks.metrics.embedded import EmbeddedMetricStore
from sinks.metrics.settings import MetricsSettings
from sinks.metrics.writer import GROUP as METRICS_GROUP
from sinks.metrics.writer import MetricsWriter, begin_again
from sinks.outcomes import Emit
from sinks.rendering import Renderer
from sinks.sender import Sender
from sinks.tracking import MailTracking
from sinks.unsubscribe import UnsubscribeLinks, unsubscribe_routes
from sinks.view.projector import ViewProjector
from sinks.view.sqlite import SqliteProfileView
from streams.log import topics
from streams.log.controls import ControlSender
from streams.log.embedded import EmbeddedEventLog
from streams.log.patience import PatientLog
from streams.log.rules_in_force import RulesInForceReader
from streams.model.errors import FencedError, LogUnavailableError
from streams.ports import Clock, EventLog, MetricStore
from streams.store.config import ConfigStore
from streams.store.dead_letters import DeadLetterStore
from streams.store.rule_cache import RuleCache
from streams.store.sources import PLAIN_KINDS, SourceCache

if TYPE_CHECKING:
    from infra.demo.build import Demo

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEMO_MAILS_PER_DAY = 100


@dataclass(kw_only=True)
class Stores(DoorStores):
    """Everything that keeps data."""

    log: EventLog
    patient_log: EventLog
    """The same log for loops that outlive an outage; what answers requests takes `log`, and says no in time."""
    rules: RuleCache
    ledger: SqlLedger
    outbox: OutboxChannel
    metrics: MetricStore
    view: SqliteProfileView
    letters: DeadLetterStore

    async def close(self) -> None:
        """Close all, the log last."""
        for store in (self.letters, self.view, self.metrics, self.outbox, self.ledger, self.config, self.log):
            await store.close()


@dataclass
class Sinks:
    """The loops behind the log."""

    dispatcher: Dispatcher
    alert_routes: Dispatcher
    sender: Sender
    metrics_writer: MetricsWriter
    projector: ViewProjector
    links: UnsubscribeLinks
    renderer: Renderer
    channels: list[Channel]
    """Those that are not stores as well."""


@dataclass
class Listeners:
    """What wants to hear of changes; filled once the feed exists."""

    on_delivery: list[Callable[[DeliveryRow], None]] = field(default_factory=list)
    on_leads: list[Callable[[Any], None]] = field(default_factory=list)

    def delivery(self, row: DeliveryRow) -> None:
        """Tell everybody about a delivery."""
        for listener in self.on_delivery:
            listener(row)

    def leads(self, changes: Any) -> None:
        """Tell everybody about changed profiles."""
        for listener in self.on_leads:
            listener(changes)


def with_demo(settings: Settings) -> Settings:
    """Return the settings with the demo's windows and brand."""
    engine = settings.engine.model_copy(update={"cart_window_s": settings.demo.cart_window_s})
    messages = settings.messages.model_copy(
        update={
            "brand_name": brand.NAME,
            "shop_url": f"{settings.server.public_url}/shop/",
            "sales_email": settings.messages.sales_email or brand.SALES_EMAIL,
        }
    )
    alerts = settings.alerts.model_copy(update={"email": settings.alerts.email or brand.ON_CALL_EMAIL})
    named = "from_address" in settings.smtp.model_fields_set
    smtp = settings.smtp if named else settings.smtp.model_copy(update={"from_address": brand.FROM_ADDRESS})
    sender = settings.sender
    if "max_mails_per_day" not in sender.model_fields_set:
        # Whoever tries the demo leaves in an hour as many carts as others in a month.
        sender = sender.model_copy(update={"max_mails_per_day": DEMO_MAILS_PER_DAY})
    changed = {"engine": engine, "messages": messages, "alerts": alerts, "smtp": smtp, "sender": sender}
    return settings.model_copy(update=changed)


async def open_stores(settings: Settings, data: DataDir) -> Stores:
    """Open all stores: files in the data folder, but for the log where the settings name a Kafka."""
    log, patient_log = await _open_log(settings, data)
    config = ConfigStore(data.sqlite_url("config.db"), secrets.token_urlsafe)
    await config.open()
    return Stores(
        log=log,
        patient_log=patient_log,
        config=config,
        links=await link_signer(config, settings.messages.link_key),
        sources=SourceCache(config),
        rules=RuleCache(config.rules, read_rules(settings.engine)),
        ledger=SqlLedger(data.sqlite_url("ledger.db"), config.suppressions.hash_of, config.suppressions.refuses),
        outbox=OutboxChannel(data.sqlite_url("outbox.db"), settings.smtp.from_address),
        metrics=_open_metrics(settings.metrics, data),
        view=SqliteProfileView(data.file("view.db")),
        letters=DeadLetterStore(data.sqlite_url("dead_letters.db")),
    )


async def _open_log(settings: Settings, data: DataDir) -> tuple[EventLog, EventLog]:
    if not settings.log.url:
        embedded = EmbeddedEventLog(data.file("log.db"), settings.log.partitions, settings.log.max_pending_records)
        await embedded.open()
        return embedded, PatientLog(embedded)
    # Here, because an installation without Kafka should not pay for its client.
    from streams.log.kafka import KafkaEventLog  # noqa: PLC0415

    log = await KafkaEventLog(settings.log).open()
    return log, PatientLog(log)


def outage_faults(settings: Settings) -> Callable[[BaseException], bool]:
    """Return what says whether a fault of the engine may come from an outage of the log.

    Being fenced is one: so Kafka ends a commit that is overdue. An engine whose partitions are really another's by now
    is told so when it joins again.
    """
    if not settings.log.url:
        return lambda _: False
    from streams.log.kafka_errors import KafkaLogError  # noqa: PLC0415  as above

    return lambda fault: isinstance(fault, KafkaLogError | LogUnavailableError | FencedError)


def _open_metrics(settings: MetricsSettings, data: DataDir) -> MetricStore:
    if not settings.influx_url:
        return EmbeddedMetricStore(data.file("metrics.db"))
    # Here, because the client costs a second and 18 MiB that an installation without InfluxDB should not pay.
    from sinks.metrics.influx import InfluxMetricStore  # noqa: PLC0415

    return InfluxMetricStore(
        settings.influx_url,
        settings.influx_token.get_secret_value(),
        settings.influx_org,
        settings.influx_bucket,
        timeout_s=settings.influx_timeout_s,
        attempts=settings.influx_attempts,
    )


async def build_sinks(settings: Settings, stores: Stores, clock: Clock, put: Emit, listeners: Listeners) -> Sinks:
    """Build everything that reads the log and acts on it; `put` takes the platform's own events."""
    url = settings.server.public_url
    links = UnsubscribeLinks(await stores.config.installation_secret("unsubscribe"), url)
    renderer = Renderer(settings.messages, url, links.url, MailTracking(stores.links, url, settings.messages))
    log = stores.patient_log
    letters = LogDeadLetters(log)
    channels = create_channels(settings.smtp, settings.alerts, stores.outbox)
    owner = secrets.token_hex(8)
    prunable = (stores.ledger, stores.outbox)
    sender = Sender(stores.ledger, channels, renderer, settings.sender, clock, owner, put, listeners.delivery, prunable)
    limits = GuardLimits(int(settings.sender.max_age_hours * HOUR_MS), settings.sender.max_mails_per_day)
    shared = (stores.ledger, renderer, clock, limits, letters, sender.wake, listeners.delivery)
    embedded = stores.metrics if isinstance(stores.metrics, EmbeddedMetricStore) else None
    # Else somebody has deleted the file.
    is_kept = embedded is None or not await embedded.is_empty()
    return Sinks(
        create_dispatcher(log, TriggerPlanner(default_campaigns(settings.messages)), *shared),
        create_dispatcher(log, AlertPlanner(settings.alerts), *shared),
        sender,
        MetricsWriter(
            log.subscribe(METRICS_GROUP, [topics.ROLLUPS]),
            stores.metrics,
            letters,
            clock,
            refill=None if is_kept else partial(begin_again, log),
            prune=embedded.prune if embedded else None,
            retention_ms=settings.metrics.retention_days * DAY_MS,
        ),
        ViewProjector(log, stores.view, letters, stores.rules.of, listeners.leads),
        links,
        renderer,
        [channel for channel in channels.values() if channel is not stores.outbox],
    )


def build_demo(settings: Settings, url: str, keys: dict[str, str], clock: Clock) -> "Demo":
    """Build the demo, whose visitors reach the platform at `url`."""
    # Here, because its HTTP client takes a tenth of a second and 6 MiB.
    from infra.demo.build import build_demo as build  # noqa: PLC0415

    return build(settings, url, keys, clock)


def build_rule_desk(stores: Stores, clock: Clock) -> RuleDesk:
    """Build what changes rules; it wants to be refreshed at the start and now and then."""
    in_force = RulesInForceReader(stores.log)
    return RuleDesk(stores.config.rules, stores.rules, ControlSender(stores.log, clock), in_force, clock)


@dataclass
class Desks:
    """What the API asks to do or tell something, beside the stores."""

    rules: RuleDesk
    ingest: IngestDesk
    letters: LetterDesk
    erasures: ErasureDesk


def build_api(
    settings: Settings,
    stores: Stores,
    sinks: Sinks,
    clock: Clock,
    put: Emit,
    listeners: Listeners,
    desks: Desks,
    readiness: Callable[[], dict[str, str]],
    demo: "Demo | None",
) -> tuple[Any, LiveFeed]:
    """Build the API with the dashboard, and the feed behind the live page."""
    board = AlertBoard()
    bus = MemoryLiveBus(clock, settings.api.live_ring, settings.api.live_queue, settings.api.live_clients)
    feed = LiveFeed(
        stores.patient_log,
        stores.metrics,
        stores.view,
        stores.ledger,
        board,
        bus,
        clock,
        settings.api.live_samples,
        rules=stores.rules.of,
    )
    listeners.on_delivery.append(feed.on_delivery)
    listeners.on_leads.append(feed.on_leads)
    routes: list[BaseRoute] = [*unsubscribe_routes(sinks.links, stores.ledger, sinks.renderer, clock, put)]
    if demo:
        routes.append(Mount("/shop", demo.shop))
    mail = "smtp" if settings.smtp.host else "outbox"
    deps = ApiDeps(
        view=stores.view,
        metrics=stores.metrics,
        deliveries=stores.ledger,
        outbox=stores.outbox,
        alerts=board,
        store=stores.config,
        clock=clock,
        bus=bus,
        about=About(settings.server.public_url, VERSION, mail, demo=demo is not None),
        readiness=readiness,
        rule_desk=desks.rules,
        rates=feed.rates,
        rules=stores.rules.of,
        ingest=desks.ingest,
        erasures=desks.erasures,
        letters=desks.letters.store,
        redelivery=desks.letters.redelivery,
        watch=desks.letters.watch,
        source_kinds=frozenset((*PLAIN_KINDS, *VENDORS)),
        static=dashboards.DIST,
        extra_routes=routes,
        documented=OPENAPI,
        settings=settings.api,
    )
    return create_api(deps), feed

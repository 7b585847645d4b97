"""The engine's part of the composition root, by itself: a worker loads nothing of ingest, sinks and API."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

from infra.data_dir import DataDir
from infra.rules import read_rules
from infra.settings import Settings
from streams.agents.alerts_stage import AlertsStage
from streams.agents.app import EngineApp, create_app, embedded_membership, kafka_membership
from streams.agents.stage import EventsStage
from streams.agents.watchdog import Watchdog
from streams.log import topics
from streams.operators.alerting import AlertBook, AlertSettings
from streams.ports import EventLog
from streams.state.loading import Shape
from streams.state.local_copy import LocalCopy


@dataclass
class Engine:
    """The Faust app and its stages."""

    app: EngineApp
    events: EventsStage
    alerts: AlertsStage
    watchdog: Watchdog
    copies: LocalCopy


def build_engine(
    settings: Settings,
    log: EventLog,
    data: DataDir,
    on_fault: Callable[[BaseException], None],
    *,
    demo: bool,
) -> Engine:
    """Build the stages and the Faust app over them."""
    copies = LocalCopy.open(data.file("state"), cache_bytes=settings.engine.copy_cache_mb << 20)
    shape = Shape(
        log.partitions(topics.EVENTS), read_rules(settings.engine), settings.engine.hot_profiles, data.file("seen")
    )
    events = EventsStage(log, shape, copies.partition)
    watched = AlertSettings.for_demo() if demo else AlertSettings()
    alerts = AlertsStage(log, AlertBook(log.partitions(topics.EVENTS), watched))
    if settings.log.url:
        membership = kafka_membership(settings.log, _worker_id(settings, data), settings.engine.session_timeout_s)
    else:
        membership = embedded_membership()
    app = create_app(log, events, alerts, on_fault, data.path, membership)
    return Engine(app, events, alerts, Watchdog(app, events, log), copies)


def _worker_id(settings: Settings, data: DataDir) -> str:
    """Return the worker's name on Kafka: as set, else host and data folder."""
    return settings.engine.worker_id or f"{socket.gethostname()}-{data.path.resolve()}".replace("/", ".")

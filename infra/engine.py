"""The engine's part of the composition root, by itself: a worker loads nothing of ingest, sinks and API."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

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
    copies = LocalCopy.open(data.file("state"), cache_bytes=settings.engine.copy_cache_mb << 20, source=log.identity())
    shape = Shape(
        log.partitions(topics.EVENTS), read_rules(settings.engine), settings.engine.hot_profiles, data.file("seen")
    )
    events = EventsStage(log, shape, copies.partition)
    watched = AlertSettings.for_demo() if demo else AlertSettings()
    alerts = AlertsStage(log, AlertBook(log.partitions(topics.EVENTS), watched))
    if settings.log.url:
        membership = kafka_membership(
            settings.log, settings.engine.worker_id or worker_id_of(data.path), settings.engine.session_timeout_s
        )
    else:
        membership = embedded_membership()
    app = create_app(log, events, alerts, on_fault, data.path, membership)
    return Engine(app, events, alerts, Watchdog(app, events, log), copies)


def worker_id_of(data: Path) -> str:
    """Return a name for the worker on this host whose data folder that is. Two of one name throw each other out of
    the group for ever, so the whole path counts: folders of several workers are often called alike.
    """
    path = data.resolve()
    return f"{socket.gethostname()}-{path.name}-{crc32(str(path).encode()):08x}"

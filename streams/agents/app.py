"""The Faust app: membership, assignment and delivery are Faust's; state, time and flush order are ours.

Two agents: events (profiles, totals, triggers) and rollups (alerts). Both acknowledge a frame only after what it caused
is durable, and never acknowledge after a fault: they report it and park, so that a restart begins at the same frame.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import faust
from faust.tables.manager import TableManager

from streams.agents import transport
from streams.agents.flusher import Flusher
from streams.agents.stage import Stage
from streams.frames import SAYS_NOTHING
from streams.log import topics
from streams.ports import EventLog

logger = logging.getLogger(__name__)

STREAM_BUFFER_FRAMES = 32
COMMIT_INTERVAL_S = 2.0


class EngineApp(faust.App):
    """A Faust app that carries the event log its transport reads."""

    event_log: EventLog

    def _init_fixups(self) -> list[Any]:
        """Go without Faust's: they are for Django, and are looked for in the metadata of every installed package."""
        return []


class NoTables(TableManager):
    """Faust's own waits a second at the start for tables to be declared; this app has none."""

    async def on_start(self) -> None:
        """Go on at once."""
        await self._update_channels()
        await self.recovery.start()


class Membership(NamedTuple):
    """How the app takes part: `options` say how to reach the broker, `worker_id` stays the same over restarts, so that
    a worker that comes back gets its partitions back at once.
    """

    options: Mapping[str, Any]
    worker_id: str | None = None
    namespace: str = ""


def embedded_membership() -> Membership:
    """Return the membership of the one process of an installation without Kafka."""
    transport.register()
    return Membership({"broker": f"{transport.SCHEME}://"})


def create_app(
    log: EventLog,
    events: Stage,
    rollups: Stage,
    on_fault: Callable[[BaseException], None],
    data_dir: Path,
    membership: Membership | None = None,
) -> EngineApp:
    """Return the app. `on_fault` hears of what no retry here can mend."""
    membership = membership or embedded_membership()
    app = EngineApp(
        f"{membership.namespace}campaigniq-engine",
        store="memory://",
        datadir=data_dir / "faust",
        autodiscover=False,
        web_enabled=False,
        TableManager=NoTables,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_buffer_maxsize=STREAM_BUFFER_FRAMES,
        stream_wait_empty=False,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_commit_livelock_soft_timeout=3600.0,
        consumer_group_instance_id=membership.worker_id,
        **membership.options,
    )
    app.event_log = log
    stages = {f"{membership.namespace}{topics.EVENTS}": events, f"{membership.namespace}{topics.ROLLUPS}": rollups}
    assignment = _Assignment(stages, on_fault)
    app.on_partitions_assigned.connect(cast("Any", assignment.take), weak=False)
    for name, stage in stages.items():
        source = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(source, name=f"campaigniq.{stage.name}", concurrency=1)(_agent_of(app, stage, on_fault))
    return app


class _Assignment:
    """Tells the stages which partitions are theirs: those that went elsewhere are let go before others are taken."""

    def __init__(self, stages: Mapping[str, Stage], on_fault: Callable[[BaseException], None]) -> None:
        self._stages = stages
        self._on_fault = on_fault
        self._taking: set[asyncio.Task[None]] = set()

    async def take(self, _app: Any, assigned: Iterable[Any], **_: Any) -> None:
        """Release at once; load beside the rebalance, which other workers wait for."""
        mine: dict[str, set[int]] = {name: set() for name in self._stages}
        for tp in assigned:
            mine[tp.topic].add(tp.partition)
        for name, stage in self._stages.items():
            stage.assign(mine[name])
            task = asyncio.create_task(stage.settle(), name=f"{stage.name} partitions")
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
            task.add_done_callback(lambda done: _report(done, self._on_fault))


def _agent_of(
    app: faust.App, stage: Stage, on_fault: Callable[[BaseException], None]
) -> Callable[[Any], Awaitable[None]]:
    async def agent(stream: Any) -> None:
        flusher = Flusher(stage)
        # As of when a frame was fetched: the consumer itself refuses to tell of a partition that has gone since.
        ends = app.monitor.tp_end_offsets
        flushing = asyncio.create_task(flusher.run(), name=f"{stage.name} flusher")
        flushing.add_done_callback(lambda task: _report(task, on_fault))
        try:
            async for event in stream.noack().events():
                message = event.message
                # A record may have no value at all: under its key, it was erased; without one, it is no frame either.
                value = message.value or (SAYS_NOTHING if message.key else b"")
                await stage.apply(message.partition, message.offset, value, int(message.timestamp * 1000))
                await flusher.take(event, (ends.get(message.tp) or 0) - message.offset - 1)
        except Exception as error:
            # Faust acknowledges the frame of an agent that raises, so this one must not.
            logger.exception("the %s stage stopped", stage.name)
            on_fault(error)
            await transport.wait_forever()
        finally:
            flushing.cancel()

    return agent


def _report(task: asyncio.Task[None], on_fault: Callable[[BaseException], None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("what was applied could not be made durable", exc_info=error)
        on_fault(error)

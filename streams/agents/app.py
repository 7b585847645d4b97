"""The Faust app: membership, assignment and delivery are Faust's; state, time and flush order are ours.

Two agents: events (profiles, totals, triggers) and rollups (alerts). Both acknowledge a frame only after what it caused
is durable, and never acknowledge after a fault: they report it and park, so that a restart begins at the same frame.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust
from faust.tables.manager import TableManager

from streams.agents import transport
from streams.agents.flusher import Flusher
from streams.agents.stage import Stage
from streams.log import topics
from streams.ports import EventLog

logger = logging.getLogger(__name__)

STREAM_BUFFER_FRAMES = 32
BEHIND_FRAMES = 4
COMMIT_INTERVAL_S = 2.0


class EngineApp(faust.App):
    """A Faust app that carries the event log its transport reads."""

    event_log: EventLog


class NoTables(TableManager):
    """Faust's own waits a second at the start for tables to be declared; this app has none."""

    async def on_start(self) -> None:
        """Go on at once."""
        await self._update_channels()
        await self.recovery.start()


def create_app(
    log: EventLog, events: Stage, rollups: Stage, on_fault: Callable[[BaseException], None], data_dir: Path
) -> EngineApp:
    """Return the app over the embedded transport. `on_fault` hears of what no retry here can mend."""
    transport.register()
    app = EngineApp(
        "campaigniq-engine",
        broker=f"{transport.SCHEME}://",
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
    )
    app.event_log = log
    for name, stage in ((topics.EVENTS, events), (topics.ROLLUPS, rollups)):
        source = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(source, name=f"campaigniq.{stage.name}", concurrency=1)(_agent_of(stage, on_fault))
    return app


def _agent_of(stage: Stage, on_fault: Callable[[BaseException], None]) -> Callable[[Any], Awaitable[None]]:
    async def agent(stream: Any) -> None:
        flusher = Flusher(stage, lambda: stream.channel.queue.qsize() > BEHIND_FRAMES)
        flushing = asyncio.create_task(flusher.run(), name=f"{stage.name} flusher")
        flushing.add_done_callback(lambda task: _report(task, on_fault))
        try:
            async for event in stream.noack().events():
                message = event.message
                await stage.apply(message.partition, message.offset, message.value, int(message.timestamp * 1000))
                await flusher.take(event)
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

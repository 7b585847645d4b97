"""The front door of a process, put together from the socket to the log: `up` and `ingest` have the same one."""

import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from infra.clock import SystemClock
from infra.intake import Intake, open_intake
from infra.policies import DoorPolicy, build_policy
from infra.server import Front, create_server
from infra.settings import Settings
from infra.supervisor import Supervisor, every
from ingest.app import app_of
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door, Watch
from ingest.quick import QuickCalls
from ingest.withheld import LettersWithoutErased, WatchWithoutErased
from streams.model.links import LinkSigner
from streams.ports import READY, AppendsRecords
from streams.store.config import ConfigStore
from streams.store.sources import SourceCache

REFRESH_S = 2.0
DRAIN_S = 4.0


@dataclass(kw_only=True)
class DoorStores:
    """What a door reads; `links` are signed with secrets that `config` keeps."""

    config: ConfigStore
    sources: SourceCache
    links: LinkSigner


async def link_signer(config: ConfigStore, newest: int) -> LinkSigner:
    """Return what signs links with the secret of this number, and knows those of the one before."""
    live = [number for number in (newest, newest - 1) if number]
    return LinkSigner([await config.installation_secret(f"links.{number}") for number in live])


@dataclass
class Doorway:
    """A door that takes events already, and can be served."""

    intake: Intake
    door: Door
    links: LinkSigner
    settings: Settings
    supervisor: Supervisor

    def serve(self, stack: AsyncExitStack, listener: socket.socket, beside: ASGIApp) -> dict[str, Callable[[], str]]:
        """Serve the door, and `beside` at all other addresses, until the stack is left; return what readiness asks."""
        spawn, proxies = self.supervisor.spawn, self.settings.server.trusted_proxies
        ingest = self.intake.guard(app_of(self.door, self.links), spawn, self.door.source_id_of)
        quick = QuickCalls(self.door, self.intake.log.refusal)
        server = create_server(Front(ingest, beside), proxies, quick)
        spawn("http", server.serve([listener]))

        async def stop() -> None:
            server.should_exit = True
            await self.supervisor.finished("http", DRAIN_S)

        stack.push_async_callback(stop)
        return {"http": lambda: READY if server.started else "starting", **self.intake.parts()}


async def open_doorway(
    stack: AsyncExitStack,
    supervisor: Supervisor,
    settings: Settings,
    log: AppendsRecords,
    stores: DoorStores,
    data: Path,
    *,
    spool: str = "spool",
    watch: Watch | None = None,
) -> Doorway:
    """Begin to take events into `log`, until the stack is left; `watch` is told of all that comes in.

    Raises ConfigurationError for a database of places that can't be read, or a spool that another process has.
    """
    policy = await build_policy(settings.ingest, stores.config)
    intake = open_intake(settings, log, SystemClock(), data, stores.config.suppressions, spool)
    await intake.start(supervisor.spawn)
    stack.push_async_callback(intake.stop)
    supervisor.spawn("sources", every(REFRESH_S, stores.sources.refresh))
    supervisor.spawn("policies", every(REFRESH_S, policy.refresh))
    return Doorway(intake, _door(settings, stores, intake, policy, watch), stores.links, settings, supervisor)


def _door(settings: Settings, stores: DoorStores, intake: Intake, policy: DoorPolicy, watch: Watch | None) -> Door:
    hides = policy.suppressions.hides
    return Door(
        intake.batcher,
        stores.sources,
        LettersWithoutErased(LogDeadLetters(intake.log), hides),
        SystemClock(),
        settings.ingest,
        gate=policy.gate,
        namer=policy.namer,
        sight=policy.sight,
        treatments=policy.treatments,
        is_suppressed=policy.suppressions.is_suppressed,
        watch=WatchWithoutErased(watch, hides) if watch else None,
    )

"""What the API needs from the rest, as ports; infra/wiring.py fills them, tests fake them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from api.alerts import AlertBoard
from api.erasure_desk import ErasureDesk
from api.live import MemoryLiveBus
from api.rule_desk import RuleDesk
from api.settings import ApiSettings
from streams.model.deliveries import Delivery, DeliveryStatus
from streams.model.letters import Fix, LetterAttempt
from streams.model.noted import Noted
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.standard import default_rules
from streams.ports import Clock, MetricStore, ProfileView
from streams.store.config import ConfigStore
from streams.store.dead_letters import DeadLetterStore
from streams.store.sources import PLAIN_KINDS


class DeliveryRow(Protocol):
    """A row of the ledger. `seq` grows with insertion."""

    @property
    def delivery(self) -> Delivery: ...
    @property
    def status(self) -> DeliveryStatus: ...
    @property
    def subject(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def finished_ms(self) -> int | None: ...
    @property
    def seq(self) -> int: ...


class Deliveries(Protocol):
    """The part of the ledger that is read here."""

    async def get(self, workspace: str, delivery_id: str) -> DeliveryRow | None: ...

    async def list(
        self,
        workspace: str,
        limit: int,
        status: DeliveryStatus | None = None,
        profile: str | None = None,
        before: int | None = None,
    ) -> Sequence[DeliveryRow]:
        """Return rows with `seq` below `before`, newest first."""
        ...

    async def counts(self, workspace: str) -> Mapping[str, int]:
        """Return status -> how many rows."""
        ...


class Outbox(Protocol):
    """The local outbox, when messages go there."""

    async def get(self, workspace: str, delivery_id: str) -> Mapping[str, Any] | None:
        """Return the message: subject, from, to, html, text."""
        ...


class Redelivers(Protocol):
    """Takes dead letters in again."""

    async def replay(
        self, workspace: str, ids: Sequence[str], fixes: Sequence[Fix], by: str, *, dry_run: bool = False
    ) -> list[LetterAttempt]:
        """Return what came of each letter; with `dry_run` what would. Raises FixError."""
        ...


class Follower(Protocol):
    """One who looks on at a source. `missed` counts what gave way since he was too slow, and is his to set back."""

    missed: int

    async def next(self, most: int) -> list[Noted]:
        """Return up to `most` of the next, waiting for the first."""
        ...

    def close(self) -> None: ...


class LooksOn(Protocol):
    """Shows what a source has sent of late, and what became of it."""

    def recent(self, source: str) -> list[Noted]:
        """Return what is kept of the source, the oldest first."""
        ...

    def follow(self, source: str) -> Follower | None:
        """Return what first gives what is kept, then what comes; None when too many look on."""
        ...


class IngestDesk(Protocol):
    """What the front door of this process says of itself."""

    def report(self, workspace: str) -> Mapping[str, Any]: ...

    def prometheus(self, workspace: str) -> str: ...

    def takes_events(self) -> bool:
        """Say whether events are taken and kept, be it on disk alone."""
        ...


Rates = list[tuple[int, int]]
"""(second in Unix milliseconds, events in it), oldest first."""


def no_rates(_workspace: str) -> Rates:
    return []


_DEFAULT_RULES = default_rules()


def standard_rules(_workspace: str) -> RuleSet:
    return _DEFAULT_RULES


@dataclass(frozen=True, slots=True)
class About:
    """What the page says about the installation. `url` is where it is reached, `mail` "outbox" or "smtp"."""

    url: str
    version: str
    mail: str = "outbox"
    demo: bool = False


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """Everything `create_api` is made of. `extra_routes` come first, but under /api and /ws nothing may be added.

    `static` is the built dashboard. `readiness` says for each part "ready" or what is the matter. `rates` are the
    events per second of the last two minutes. `rules` are those in force in a workspace, `rule_desk` changes them.
    `letters`, `redelivery`, `watch` and `ingest` are None in a process without a front door. `documented` are members
    of an OpenAPI document about routes that are served elsewhere.
    """

    view: ProfileView
    metrics: MetricStore
    deliveries: Deliveries
    outbox: Outbox | None
    alerts: AlertBoard
    store: ConfigStore
    clock: Clock
    bus: MemoryLiveBus
    about: About
    readiness: Callable[[], Mapping[str, str]]
    rule_desk: RuleDesk
    rates: Callable[[str], Rates] = no_rates
    rules: Callable[[str], RuleSet] = standard_rules
    letters: DeadLetterStore | None = None
    redelivery: Redelivers | None = None
    watch: LooksOn | None = None
    erasures: ErasureDesk | None = None
    ingest: IngestDesk | None = None
    source_kinds: frozenset[str] = frozenset(PLAIN_KINDS)
    """All that a source may be."""
    static: Path | None = None
    extra_routes: Sequence[BaseRoute] = ()
    documented: Mapping[str, Any] = field(default_factory=dict)
    settings: ApiSettings = field(default_factory=ApiSettings)


def _deps(connection: HTTPConnection) -> ApiDeps:
    deps: ApiDeps = connection.app.state.deps
    return deps


Deps = Annotated[ApiDeps, Depends(_deps)]

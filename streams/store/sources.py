"""Where events come from, and the copy in memory that the front door asks for every request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from msgspec import Struct

WEB, SERVER = "web", "server"
PLAIN_KINDS = (WEB, SERVER)


class SourcePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What a source may send and what is done with it.

    `allowed_origins` (scheme://host[:port], or "*.example.com" for a host and all below) empty: any. `rate_per_s` and
    `burst` count messages. `schemas` says what becomes of events that break their schema. `drop_fields` and
    `hash_fields` name properties and traits ("properties.card", "traits.ssn"; without a prefix both).
    `honours_opt_out`: what comes with Global Privacy Control or Do Not Track is not recorded. `address` says what is
    kept of network addresses. `uncounted` says whose events make no scores, windows and totals, though they are kept:
    those of crawlers, which say what they are, of all bots (also browsers that a program drives), or nobody's.
    """

    allowed_origins: tuple[str, ...] = ()
    rate_per_s: float = 10_000.0
    burst: int = 100_000
    schemas: Literal["off", "warn", "block"] = "off"
    drop_fields: tuple[str, ...] = ()
    hash_fields: tuple[str, ...] = ()
    honours_opt_out: bool = True
    address: Literal["truncate", "keep", "drop"] = "truncate"
    uncounted: Literal["crawlers", "bots", "nobody"] = "crawlers"


OPEN_POLICY = SourcePolicy()


@dataclass(frozen=True, slots=True)
class Source:
    """A website, server or platform that sends events. `id` stands in webhook addresses and in every event.

    `kind` is "web", "server" or the id of a webhook vendor ("shopify"). `write_key` is the newest write key;
    `write_keys` and `webhook_secrets` hold every one that is live now (two during a rotation); `rotated_ms` is when the
    newest of them took the place of another, None when none has yet.
    """

    id: str
    workspace: str
    kind: str
    write_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    name: str = ""
    older_keys: tuple[str, ...] = field(default=(), repr=False)
    policy: SourcePolicy = OPEN_POLICY
    is_enabled: bool = True
    rotated_ms: int | None = None

    @property
    def write_keys(self) -> tuple[str, ...]:
        """Every key that is live now, the newest first."""
        return (self.write_key, *self.older_keys) if self.write_key else ()


class ListsSources(Protocol):
    """What the cache loads from: the configuration store."""

    async def list_sources(self, workspace: str | None = None) -> list[Source]: ...


class SourceCache:
    """All sources that are turned on, answered without waiting. Knows what it knew at the last `refresh`."""

    def __init__(self, store: ListsSources) -> None:
        self._store = store
        self._by_key: dict[str, Source] = {}
        self._by_id: dict[str, Source] = {}
        self._off_keys: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Load all sources anew; on failure the old picture stays."""
        self._replace(await self._store.list_sources())

    def by_write_key(self, key: str) -> Source | None:
        return self._by_key.get(key)

    def is_off(self, key: str) -> bool:
        """Say whether the key is one of a source that is turned off."""
        return key in self._off_keys

    def by_id(self, source_id: str) -> Source | None:
        return self._by_id.get(source_id)

    def all(self) -> list[Source]:
        return list(self._by_id.values())

    def _replace(self, found: Iterable[Source]) -> None:
        every = list(found)
        self._by_id = {s.id: s for s in every if s.is_enabled}
        self._off_keys = frozenset(key for s in every if not s.is_enabled for key in s.write_keys)
        self._by_key = {key: s for s in self._by_id.values() for key in s.write_keys}

"""Where events come from, and the copy in memory that the front door asks for every request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Source:
    """A website, server or platform that sends events. `id` stands in webhook addresses and in every event.

    `kind` is "web", "server" or the id of a webhook vendor ("shopify"). `webhook_secrets` holds every secret that is
    live now (two during a rotation).
    """

    id: str
    workspace: str
    kind: str
    write_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    name: str = ""


class ListsSources(Protocol):
    """What the cache loads from: the configuration store."""

    async def list_sources(self, workspace: str | None = None) -> list[Source]: ...


class SourceCache:
    """All sources, answered without waiting. Knows what it knew at the last `refresh`."""

    def __init__(self, store: ListsSources) -> None:
        self._store = store
        self._by_key: dict[str, Source] = {}
        self._by_id: dict[str, Source] = {}

    async def refresh(self) -> None:
        """Load all sources anew; on failure the old picture stays."""
        self._replace(await self._store.list_sources())

    def by_write_key(self, key: str) -> Source | None:
        return self._by_key.get(key)

    def by_id(self, source_id: str) -> Source | None:
        return self._by_id.get(source_id)

    def all(self) -> list[Source]:
        return list(self._by_id.values())

    def _replace(self, found: Iterable[Source]) -> None:
        self._by_id = {s.id: s for s in found}
        self._by_key = {s.write_key: s for s in self._by_id.values() if s.write_key}

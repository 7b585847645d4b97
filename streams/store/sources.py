"""Where events come from, and the copy in memory that the front door asks for every request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A website, server or platform that sends events. `id` stands in webhook addresses and in every event."""

    id: str
    workspace: str
    kind: str
    name: str
    write_key: str
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)


class ListsSources(Protocol):
    """What the cache loads from: the configuration store."""

    async def list_sources(self, workspace: str | None = None) -> list[SourceConfig]: ...


class SourceCache:
    """All sources, answered without waiting. Knows what it knew at the last `refresh`."""

    def __init__(self, store: ListsSources) -> None:
        self._store = store
        self._by_key: dict[str, SourceConfig] = {}
        self._by_id: dict[str, SourceConfig] = {}

    async def refresh(self) -> None:
        """Load all sources anew; on failure the old picture stays."""
        self._replace(await self._store.list_sources())

    def by_write_key(self, key: str) -> SourceConfig | None:
        return self._by_key.get(key)

    def by_id(self, source_id: str) -> SourceConfig | None:
        return self._by_id.get(source_id)

    def all(self) -> list[SourceConfig]:
        return list(self._by_id.values())

    def _replace(self, found: Iterable[SourceConfig]) -> None:
        self._by_id = {s.id: s for s in found}
        self._by_key = {s.write_key: s for s in self._by_id.values()}

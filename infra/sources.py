"""What `campaigniq sources` does: reads and writes sources and schemas in the configuration of a data folder."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from infra.clock import SystemClock
from ingest.vendors.registry import VENDORS
from streams.model.errors import ConfigurationError, SourceError, UnknownThingError
from streams.model.json_schema import compile_schema
from streams.model.names import canonical_name
from streams.store.config import ConfigStore
from streams.store.event_schemas import SchemaKey, SchemaVersion
from streams.store.sources import PLAIN_KINDS, Source

WORKSPACE = "default"
AUTHOR = "command line"

T = TypeVar("T")


async def open_config(data: Path) -> ConfigStore:
    """Return the configuration of the installation in `data`. Raises ConfigurationError when there is none."""
    if not (data / "config.db").is_file():
        raise ConfigurationError("--data", f"{data} holds no installation", "Start `campaigniq up` with it first")
    store = ConfigStore(f"sqlite:///{data / 'config.db'}", secrets.token_urlsafe)
    await store.open()
    return store


async def in_store(data: Path, work: Callable[[ConfigStore], Awaitable[T]]) -> T:
    """Return what `work` does with the configuration of the installation in `data`. Raises ConfigurationError."""
    store = await open_config(data)
    try:
        return await work(store)
    finally:
        await store.close()


async def add(
    data: Path, kind: str, name: str, webhook_secrets: tuple[str, ...], policy: Mapping[str, Any] | None = None
) -> Source:
    """Add a source. Raises ConfigurationError for an unknown kind or a vendor without secret."""
    if kind not in PLAIN_KINDS and kind not in VENDORS:
        known = ", ".join((*PLAIN_KINDS, *sorted(VENDORS)))
        raise ConfigurationError("kind", f"{kind!r} is not known", f"Choose one of: {known}")
    if kind in VENDORS and not webhook_secrets:
        raise ConfigurationError(
            "--secret", f"a {kind} source without a secret can't verify anything", f"See docs/vendors/{kind}.md"
        )
    return await in_store(data, lambda store: store.sources.add(WORKSPACE, kind, name, webhook_secrets, policy))


async def put_schema(data: Path, event: str, source: str, body: str) -> SchemaVersion:
    """Store a version of the event's schema, an empty body for none any more. Raises SourceError."""
    if body:
        compile_schema(body)
    key, now_ms = _key(event, source), SystemClock().now_ms()

    async def work(store: ConfigStore) -> SchemaVersion:
        if source:
            await store.sources.get(source, WORKSPACE)
        return await store.schemas.put(key, body, now_ms, AUTHOR)

    return await in_store(data, work)


async def schema_versions(data: Path, event: str, source: str) -> list[SchemaVersion]:
    """Return all versions, newest first. Raises SourceError."""
    return await in_store(data, lambda store: store.schemas.versions(_key(event, source)))


async def schema_at(data: Path, event: str, source: str, version: int | None) -> SchemaVersion:
    """Return one version, the newest without a number. Raises UnknownThingError."""
    for stored in await schema_versions(data, event, source):
        if version in (None, stored.version):
            return stored
    raise UnknownThingError("--version", f"{version} is not kept", "List the versions")


def read_secret(given: str, stdin: Callable[[], str]) -> str:
    """Return the secret; "-" is read from standard input, where nobody sees it among the running programs."""
    return stdin().strip() if given == "-" else given


def _key(event: str, source: str) -> SchemaKey:
    name = canonical_name(event)
    if not name:
        raise SourceError("event", "has no letter or digit", 'Give the event\'s name, e.g. "Order Completed"')
    return SchemaKey(WORKSPACE, source, name)

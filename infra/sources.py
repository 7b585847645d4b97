"""What `campaigniq sources` does: reads and writes sources in the configuration of a data folder."""

import secrets
from pathlib import Path

from ingest.vendors.registry import VENDORS
from streams.model.errors import ConfigurationError
from streams.store.config import ConfigStore
from streams.store.sources import Source

WORKSPACE = "default"
PLAIN_KINDS = ("web", "server")


async def all_sources(data: Path) -> list[Source]:
    """Return the sources of the installation in `data`. Raises ConfigurationError."""
    store = await _open(data)
    try:
        return await store.list_sources()
    finally:
        await store.close()


async def add(data: Path, kind: str, name: str, webhook_secrets: tuple[str, ...]) -> Source:
    """Add a source. Raises ConfigurationError for an unknown kind or a vendor without secret."""
    if kind not in PLAIN_KINDS and kind not in VENDORS:
        known = ", ".join((*PLAIN_KINDS, *sorted(VENDORS)))
        raise ConfigurationError("kind", f"{kind!r} is not known", f"Choose one of: {known}")
    if kind in VENDORS and not webhook_secrets:
        raise ConfigurationError(
            "--secret", f"a {kind} source without a secret can't verify anything", f"See docs/vendors/{kind}.md"
        )
    store = await _open(data)
    try:
        return await store.add_source(WORKSPACE, kind, name, webhook_secrets)
    finally:
        await store.close()


async def _open(data: Path) -> ConfigStore:
    if not (data / "config.db").is_file():
        raise ConfigurationError("--data", f"{data} holds no installation", "Start `campaigniq up` with it first")
    store = ConfigStore(f"sqlite:///{data / 'config.db'}", secrets.token_urlsafe)
    await store.open()
    return store

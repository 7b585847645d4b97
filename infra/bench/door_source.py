"""An installation for a measured front door: its configuration, with a website that may send as much as it can."""

import secrets
from pathlib import Path

from streams.store.config import ConfigStore

_RATE_PER_S = 1_000_000


async def make_source(data: Path) -> str:
    """Make the installation's configuration in `data`, and return the website's write key."""
    data.mkdir(mode=0o700, parents=True)  # noqa: ASYNC240  before anything is measured
    store = ConfigStore(f"sqlite:///{data / 'config.db'}", secrets.token_urlsafe)
    await store.open()
    try:
        made = await store.bootstrap(0)
        limits = {"rate_per_s": _RATE_PER_S, "burst": _RATE_PER_S}
        await store.sources.change(made.source.id, limits, workspace=made.workspace)
        return made.source.write_key
    finally:
        await store.close()

"""What the front door does by the sources' policies, made of the settings and the configuration store."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from infra.clock import SystemClock
from ingest.door import Namer, Sight, Treatment
from ingest.pixel.daily_ids import DailyIds
from ingest.policy.agents import Agents
from ingest.policy.form_secrets import without_secret_answers
from ingest.policy.gate import SourceGate
from ingest.policy.pii import PrivateFields
from ingest.policy.places import Places
from ingest.policy.schemas import SchemaBook, SchemaCheck
from ingest.policy.sight import SenderSight
from ingest.settings import IngestSettings
from streams.store.config import ConfigStore
from streams.store.suppression import Suppressions

_PII_SECRET = "pii"  # noqa: S105  the name under which it is kept


class DoorPolicy(NamedTuple):
    """Parts of a Door. `refresh` takes in new schemas, erased people, the day's salt and a new database of places."""

    gate: SourceGate
    namer: Namer
    sight: Sight
    treatments: tuple[Treatment, ...]
    suppressions: Suppressions
    refresh: Callable[[], Coroutine[Any, Any, None]]


async def build_policy(settings: IngestSettings, config: ConfigStore) -> DoorPolicy:
    """Return the parts, with all schemas known. Raises ConfigurationError for a database that can't be read."""
    places = Places(Path(settings.geo_database)) if settings.geo_database else None
    sight = SenderSight(Agents(), places)
    book = SchemaBook(config.schemas)
    private = PrivateFields(await config.installation_secret(_PII_SECRET))
    daily_ids = DailyIds(config.salts.of, SystemClock())

    async def refresh() -> None:
        await book.refresh()
        await daily_ids.refresh()
        await config.suppressions.refresh()
        if places is not None:
            await asyncio.to_thread(sight.refresh)  # reads a file of 100 MB when it is a new one

    await refresh()
    # Schemas judge what was sent, so they come before private fields are taken out.
    treatments = (SchemaCheck(book), without_secret_answers, private)
    return DoorPolicy(SourceGate(monotonic), daily_ids, sight.sees, treatments, config.suppressions, refresh)

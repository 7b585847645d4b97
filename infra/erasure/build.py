"""Puts the erasure together, of what the process has."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from api.erasure_desk import ErasureDesk
from infra.erasure.job import ErasureJob
from infra.erasure.places import ErasesRecords, KeepsLetters, Places, Remembers
from infra.erasure.runner import EmbeddedRecords, ErasureRunner
from infra.settings import Settings
from infra.wiring import Stores
from streams.log.embedded import EmbeddedEventLog
from streams.ports import Clock

DOORS_KNOW_S = 5.0
"""Doors of other processes ask every two seconds whom to refuse."""


class Erasing(NamedTuple):
    """Where people ask, and who does it."""

    desk: ErasureDesk
    runner: ErasureRunner


def build_erasing(
    settings: Settings,
    stores: Stores,
    data: Path,
    clock: Clock,
    *,
    letters: KeepsLetters | None = None,
    watch: Remembers | None = None,
    forget_live: Callable[[str], None] = lambda _: None,
    settled: Callable[[], Awaitable[None]] | None = None,
) -> Erasing:
    """Return desk and runner; spawn the runner's `run`."""
    config = stores.config
    places = Places(
        stores.patient_log,
        _records(settings, stores, clock),
        stores.ledger,
        stores.outbox,
        stores.view,
        data,
        letters,
        watch,
        forget_live,
        settled,
        DOORS_KNOW_S if settings.log.url else 0.0,
    )
    runner = ErasureRunner(ErasureJob(places, config.erasures, config.suppressions, clock), config.erasures)
    desk = ErasureDesk(stores.view, config.erasures, config.suppressions, clock, secrets.token_urlsafe, runner.wake)
    return Erasing(desk, runner)


def _records(settings: Settings, stores: Stores, clock: Clock) -> ErasesRecords:
    if isinstance(stores.log, EmbeddedEventLog):
        return EmbeddedRecords(stores.log, clock)
    # Here, because an installation without Kafka should not pay for its client.
    from infra.erasure.kafka import KafkaRecords  # noqa: PLC0415

    return KafkaRecords(settings.log, stores.patient_log, clock)

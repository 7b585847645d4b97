"""`campaigniq rescore` on an installation: opens its log for writing, or says why it can't."""

import sys
from pathlib import Path

from infra.data_dir import DataDir
from infra.offline.logs import LOG_FILE, EmbeddedLogReader, Place, open_kafka
from infra.offline.reports import Report
from infra.offline.rescore import Rescored, rescore
from infra.rules import read_rules
from infra.settings import Settings, load_settings
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.model.errors import ConfigurationError
from streams.ports import EventLog


async def rescore_at(
    place: Place, config: Path | None, workspace: str, score: str, now_ms: int, *, accept_loss: bool
) -> Rescored:
    """Compute the score anew. Raises ConfigurationError, also when the folder's platform runs, and RescoreError."""
    settings = load_settings(config)
    place = place.or_usual(settings)
    if place.url:
        log: EventLog = await open_kafka(place.url, settings)
        return await _rescore(log, settings, workspace, score, now_ms, accept_loss=accept_loss)
    if place.data is None:
        raise ConfigurationError("--data", "no log is named", "Give --data FOLDER or --log kafka://host:port")
    # Told before the folder is locked, which would make one that does not exist.
    reader = EmbeddedLogReader(place.data)
    partitions = reader.partitions(topics.EVENTS)
    await reader.close()
    folder = DataDir(place.data)
    try:
        log = await EmbeddedEventLog(folder.file(LOG_FILE), partitions, settings.log.max_pending_records).open()
        return await _rescore(log, settings, workspace, score, now_ms, accept_loss=accept_loss)
    finally:
        folder.release()


async def _rescore(
    log: EventLog, settings: Settings, workspace: str, score: str, now_ms: int, *, accept_loss: bool
) -> Rescored:
    default = read_rules(settings.engine)
    try:
        with Report(None, None, sys.stderr) as report:
            return await rescore(
                log, workspace, score, default, now_ms, accept_loss=accept_loss, progress=report.progress
            )
    finally:
        await log.close()

"""Kafka for a front door that must also start while Kafka is away: until it answers, appends say so."""

import asyncio
import logging
from collections.abc import Sequence

from streams.log.kafka import KafkaEventLog
from streams.log.kafka_access import NoBrokerAnswersError
from streams.log.kafka_errors import RETRY_AFTER_S, KafkaLogError
from streams.log.topics import topic
from streams.model.errors import LogFullError, LogUnavailableError
from streams.ports import NewRecord
from streams.settings import LogSettings

_log = logging.getLogger(__name__)


class LateKafka:
    """Appends to Kafka as soon as `run` has found it. What is spooled before is for as many partitions as the settings
    say: when Kafka turns out to have another number, `run` raises ConfigurationError.
    """

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._log: KafkaEventLog | None = None

    def partitions(self, topic_name: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        topic(topic_name)
        return self._settings.partitions

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append as KafkaEventLog does; raises LogFullError while Kafka has not been found."""
        if self._log is None:
            raise LogFullError("Kafka has not answered yet", RETRY_AFTER_S)
        return await self._log.append(records)

    async def find(self) -> None:
        """Try once. Raises ConfigurationError."""
        log = KafkaEventLog(self._settings)
        try:
            await log.open()
        except BaseException:
            await log.close()
            raise
        self._log = log

    async def run(self) -> None:
        """Try until Kafka is there. Raises ConfigurationError when it answers and can't be used."""
        while self._log is None:
            try:
                await self.find()
            except (NoBrokerAnswersError, KafkaLogError, LogUnavailableError) as error:
                _log.warning("Kafka is away: %s", error)
                await asyncio.sleep(RETRY_AFTER_S)
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Finish what was appended and release everything."""
        if self._log is not None:
            await self._log.close()

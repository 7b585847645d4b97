"""Loops of the process wait for a log that is away; what is refused for good surfaces."""

import pytest

from streams.log import topics
from streams.log.kafka_errors import KafkaLogError
from streams.log.memory import MemoryEventLog
from streams.log.patience import PatientLog
from streams.model.errors import LogFullError, LogUnavailableError
from streams.ports import NewRecord

RECORD = NewRecord(topics.TRIGGERS, 0, None, b"one", 1)


class FlakyLog(MemoryEventLog):
    """Answers every question with the next of `faults` as long as there are some."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__(1)
        self.faults = list(faults)

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    async def append(self, records):
        self._fail()
        return await super().append(records)

    async def read(self, topic_name, partition, offset, max_records):
        self._fail()
        return await super().read(topic_name, partition, offset, max_records)

    async def bounds(self, topic_name, partition):
        self._fail()
        return await super().bounds(topic_name, partition)


async def test_questions_wait_until_the_log_is_back():
    log = PatientLog(FlakyLog(LogUnavailableError("away"), LogUnavailableError("away")), 0)
    assert await log.bounds(topics.TRIGGERS, 0) == (0, 0)


async def test_appends_wait_until_the_log_is_back():
    log = PatientLog(FlakyLog(LogFullError("timed out", 0), LogUnavailableError("away")), 0)
    assert await log.append([RECORD]) == [0]


async def test_a_subscription_goes_on_where_it_was():
    inner = FlakyLog()
    log = PatientLog(inner, 0)
    subscription = log.subscribe("group", [topics.TRIGGERS])
    await log.append([RECORD])
    inner.faults = [LogUnavailableError("away")]
    assert [record.value for record in await subscription.poll(10, 0.1)] == [b"one"]
    await subscription.close()


async def test_what_is_refused_for_good_surfaces():
    with pytest.raises(KafkaLogError, match="no rights"):
        await PatientLog(FlakyLog(KafkaLogError("no rights")), 0).read(topics.TRIGGERS, 0, 0, 1)

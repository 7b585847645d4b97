"""Accounting of appends to Kafka, without a Kafka: reports come in any thread and any order of partitions."""

import asyncio
from collections import deque

from streams.log.kafka_appender import _Append


class Report:
    """A delivered message, as the library hands it over."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        self._place = (topic, partition, offset)

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]


def append_of(*partitions: int) -> tuple[_Append, "deque[_Append]"]:
    finished: deque[_Append] = deque()
    append = _Append(asyncio.get_running_loop().create_future(), len(partitions), finished)
    for index, partition in enumerate(partitions):
        append.places["topic", partition].append(index)
    return append, finished


async def test_offsets_stand_in_the_order_of_the_records_whatever_partition_is_reported_first():
    append, finished = append_of(0, 1, 0)
    append.expected = 3
    for partition, offset in ((1, 70), (0, 5), (0, 6)):
        append.on_report(None, Report("topic", partition, offset))
    assert append.offsets == [5, 70, 6]
    assert list(finished) == [append]


async def test_an_append_is_not_finished_before_all_its_records_are_queued():
    append, finished = append_of(0, 0)
    append.on_report(None, Report("topic", 0, 1))
    append.on_report(None, Report("topic", 0, 2))
    assert not finished
    assert append.reported == 2

"""Questions about offsets: where partitions begin and end, where groups are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec  # type: ignore[attr-defined]  # public, says its manual

from streams.log.kafka_errors import error_of, translated
from streams.log.kafka_leaders import learn, refusal
from streams.log.kafka_settings import Names
from streams.model.errors import GroupInUseError

_REQUEST_S = 10.0
_ENDS_S = 5.0
"""Not longer: while it waits for a leader that is down, librdkafka tries to connect without a pause."""
_RETRY_S = 0.2
_LEARNING_S = 2.0
_EARLIEST: Any = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # the library has no types here
_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
_HAS_MEMBERS = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.REBALANCE_IN_PROGRESS})
T = TypeVar("T")
Places = Iterable[tuple[str, int]]


class Offsets:
    """Asks Kafka; every question that may be repeated is, for `timeout_s`. Then LogUnavailableError."""

    def __init__(self, admin: AdminClient, names: Names, timeout_s: float) -> None:
        self._admin = admin
        self._names = names
        self._timeout_s = timeout_s

    async def bounds(self, places: Places) -> dict[tuple[str, int], tuple[int, int]]:
        """Return the first offset and the next one of each (topic, partition)."""
        wanted = list(places)
        starts = await self._list(wanted, _EARLIEST)
        ends = await self._list(wanted, _LATEST)
        return {place: (starts[place], ends[place]) for place in wanted}

    async def ends(self, places: Places) -> dict[tuple[str, int], int]:
        """Return the offset after the last one that readers may see, of each (topic, partition)."""
        return await self._list(list(places), _LATEST)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's next offsets to read."""
        asked = ConsumerGroupTopicPartitions(self._names.group(group))
        doing = f"asking where {group} is"
        known = await self._asked(
            lambda: _all(self._admin.list_consumer_group_offsets([asked], request_timeout=_REQUEST_S)), doing
        )
        wanted = self._names.topic(topic)
        places = _checked(known, doing)
        return {place.partition: place.offset for place in places if place.topic == wanted and place.offset >= 0}

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Store the group's next offsets to read. Raises GroupInUseError while the group has members."""
        name = self._names.topic(topic)
        places = [TopicPartition(name, partition, offset) for partition, offset in offsets.items()]
        asked = ConsumerGroupTopicPartitions(self._names.group(group), places)
        doing = f"storing where {group} is"
        stored = await self._asked(
            lambda: _all(self._admin.alter_consumer_group_offsets([asked], request_timeout=_REQUEST_S)), doing
        )
        _checked(stored, doing)

    async def _list(self, places: list[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        if not places:
            return {}
        asked = {TopicPartition(self._names.topic(topic), partition): spec for topic, partition in places}
        request = {"isolation_level": IsolationLevel.READ_COMMITTED, "request_timeout": _ENDS_S}
        found = await self._asked(
            lambda: _told(self._admin.list_offsets(asked, **request)), "asking for the log's ends"
        )
        return dict(zip(places, found, strict=True))

    async def _asked(self, ask: Callable[[], Awaitable[list[T]]], doing: str) -> list[T]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        while True:
            try:
                return await ask()
            except KafkaException as raised:
                error = error_of(raised)
                await asyncio.to_thread(learn, self._admin, _LEARNING_S)
                if refused := refusal(error, doing, in_time=loop.time() < deadline):
                    raise refused from raised
            await asyncio.sleep(_RETRY_S)


async def _all(asked: Mapping[Any, Future[T]]) -> list[T]:
    return list(await asyncio.gather(*map(asyncio.wrap_future, asked.values())))


async def _told(asked: Mapping[TopicPartition, Future[ListOffsetsResultInfo]]) -> list[int]:
    """Return the offsets. Raises KafkaException if one is missing: the library passes over leaders that are silent."""
    offsets = [answer.offset for answer in await _all(asked)]
    if min(offsets) < 0:
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, "a partition's leader does not answer"))
    return offsets


def _checked(answers: Iterable[ConsumerGroupTopicPartitions], doing: str) -> list[TopicPartition]:
    """Return the places of which the answers speak; each may hold a fault of its own."""
    places = [place for answer in answers for place in answer.topic_partitions or ()]
    for place in places:
        if place.error is not None:
            if place.error.code() in _HAS_MEMBERS:
                raise GroupInUseError(f"{doing}: its members are there, or not yet missed: {place.error.str()}")
            raise translated(place.error, doing)
    return places

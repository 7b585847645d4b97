"""Kafka's part of an erasure. A record there can't be rewritten: it is deleted by its key, what is left of it for other
people goes into a topic of its own, and Kafka compacts the topic until the bytes are gone.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from infra.erasure.kafka_topics import FILE_DELETE_DELAY_S, TopicCleaner
from streams import frames
from streams.log import topics
from streams.log.kept import kept_key
from streams.log.reading import batches
from streams.log.rewriting import Rewriter, rewriter, rewritten_frame
from streams.model.errors import CampaignIqError, FrameError
from streams.operators.erasing import Person
from streams.operators.sketch_book import DELTA_PREFIX
from streams.ports import Clock, EventLog, LogRecord, NewRecord
from streams.settings import LogSettings
from streams.state import codec

_decode_any = msgspec.msgpack.Decoder().decode
_READ_RECORDS = 500
_LOOK_S = 0.5
_ROLL_S = 2.0
_KEY_BYTES = 12
_MAX_WAIT_S = 6 * 3_600.0
_WITHOUT_TRAFFIC = frozenset({topics.TRIGGERS, topics.DEAD_LETTERS, topics.KEPT})


class KafkaRecords:
    """Takes people out of the topics of one installation."""

    def __init__(self, settings: LogSettings, log: EventLog, clock: Clock) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock

    async def erase(self, topic: str, rewriter: Rewriter) -> int:
        """Delete the records that change, and keep what is left of them; return how many.

        Raises CampaignIqError when there are records without a key, which compaction would drop altogether.
        """
        count = 0
        for partition in range(self._log.partitions(topic)):
            changed: dict[bytes, _Change] = {}
            async for records in batches(self._log, topic, partition, _READ_RECORDS):
                await asyncio.to_thread(_note_changes, records, rewriter, changed)
            for change in changed.values():
                await self._replace(change)
            count += len(changed)
        return count

    async def purge(self, person: Person) -> str:
        """Return once Kafka's disks hold no byte of what was deleted. Raises CampaignIqError after six hours."""
        cleaner = await asyncio.to_thread(TopicCleaner, self._settings)
        told = []
        for topic in (topics.EVENTS, topics.TRIGGERS, topics.DEAD_LETTERS, topics.KEPT, topics.STATE):
            places = await self._traces(topic, person)
            if not places:
                continue
            compacting = cleaner.compacting(topic)
            await asyncio.to_thread(compacting.__enter__)
            try:
                await self._until_gone(topic, places)
                await asyncio.sleep(2 * FILE_DELETE_DELAY_S)
            finally:
                await asyncio.to_thread(compacting.__exit__, None, None, None)
            told.append(f"{topic} was compacted and {sum(map(len, places.values()))} records are gone from it")
        return "; ".join(told) or "no topic has a record of it any more"

    async def _replace(self, change: "_Change") -> None:
        """Keep what is left before the record goes; a crash in between does both again."""
        record, left = change
        now_ms = self._clock.now_ms()
        rest = left if left is not None and _says_something(left) else None
        if record.topic == topics.EVENTS and rest is not None:
            key = kept_key(record.offset, record.timestamp_ms)
            await self._log.append([NewRecord(topics.KEPT, record.partition, key, rest, now_ms)])
        value = rest if record.topic == topics.KEPT else None
        await self._log.append([NewRecord(record.topic, record.partition, record.key, value, now_ms)])

    async def _traces(self, topic: str, person: Person) -> dict[int, set[int]]:
        """Return the places of all records that name the person, of those that are deleted and not gone, too."""
        found: defaultdict[int, set[int]] = defaultdict(set)
        for partition in range(self._log.partitions(topic)):
            async for records in batches(self._log, topic, partition, _READ_RECORDS):
                found[partition] |= await asyncio.to_thread(_offsets_of, records, person)
        return {partition: offsets for partition, offsets in found.items() if offsets}

    async def _until_gone(self, topic: str, places: dict[int, set[int]]) -> None:
        loop = asyncio.get_running_loop()
        deadline_s, rolled_s = loop.time() + _MAX_WAIT_S, 0.0
        left = {partition: set(offsets) for partition, offsets in places.items()}
        while left:
            if loop.time() > deadline_s:
                raise CampaignIqError(f"Kafka has not compacted {topic} within {_MAX_WAIT_S / 3600:g} hours")
            if topic in _WITHOUT_TRAFFIC and loop.time() - rolled_s > _ROLL_S:
                rolled_s = loop.time()
                await self._append_nothing(topic, left)
            for partition in list(left):
                offset = min(left[partition])
                records = await self._log.read(topic, partition, offset, 1)
                if not records or records[0].offset > offset:
                    left[partition].discard(offset)
                if not left[partition]:
                    del left[partition]
            await asyncio.sleep(0 if left and all(len(one) > 1 for one in left.values()) else _LOOK_S)

    async def _append_nothing(self, topic: str, partitions: Iterable[int]) -> None:
        """Let the partitions begin a new segment: the one that records are appended to is never compacted."""
        key, now_ms = secrets.token_bytes(_KEY_BYTES), self._clock.now_ms()
        await self._log.append([NewRecord(topic, number, key, None, now_ms) for number in partitions])


class _Change(NamedTuple):
    record: LogRecord
    left: bytes | None


def _note_changes(records: list[LogRecord], rewriter: Rewriter, changed: dict[bytes, _Change]) -> None:
    """Note which records change; a later record of the same key has the last word."""
    for record in records:
        if record.key is None:
            raise _keyless(record)
        changed.pop(record.key, None)
        if record.value is not None and (left := rewriter(record.value)) is not record.value:
            changed[record.key] = _Change(record, left)


def _offsets_of(records: list[LogRecord], person: Person) -> set[int]:
    return {record.offset for record in records if _names(record, person)}


def _names(record: LogRecord, person: Person) -> bool:
    if record.topic == topics.STATE:
        return _state_names(record, person)
    if record.value is None:
        return False
    if record.topic == topics.KEPT:
        return rewritten_frame(record.value, (person,)) is not record.value
    return rewriter(record.topic, (person,))(record.value) is not record.value


def _state_names(record: LogRecord, person: Person) -> bool:
    key, prefix = record.key or b"", codec.profile_key(person.workspace, "")
    is_profile = key.startswith(prefix)
    if is_profile and person.has(key[len(prefix) :].decode(errors="replace")):
        return True
    value = record.value
    is_elsewheres = codec.is_profile_key(key) and not is_profile
    if value is None or is_elsewheres or not person.may_be_in(value):
        return False
    try:
        if is_profile:
            state = codec.decode_profile(value)
            return person.state_without(state) is not state
        if key.startswith(codec.UNSENT_PREFIX):
            sent = [frame for _, frame in codec.decode_unsent(value)]
            return any(rewritten_frame(frame, (person,)) is not frame for frame in sent)
        if key.startswith(DELTA_PREFIX):
            return person.names(_decode_any(value[1:]))
    except (FrameError, msgspec.MsgspecError):
        # What nobody can read is in the way of nothing else.
        pass
    return person.is_in(value)


def _says_something(value: bytes) -> bool:
    try:
        frame = frames.decode(value)
    except FrameError:
        return False
    return bool(frame.events or frame.moves or frame.control)


def _keyless(record: LogRecord) -> CampaignIqError:
    return CampaignIqError(
        f"{record.topic} has records without keys, from before erasures were known ({record.partition}"
        f"@{record.offset}). Compaction would drop them all: this waits until they are past the topic's retention"
    )

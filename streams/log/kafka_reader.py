"""Reading a partition of Kafka from any offset, without ever waiting at the end.

Markers of transactions and compaction leave offsets without records. A reader knows which stretch it has seen to be
empty, so that "nothing there" is an answer and never a loop.
"""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.log.kafka_errors import error_of, may_pass, translated
from streams.log.kafka_leaders import learn, refusal
from streams.log.kafka_settings import Config
from streams.model.errors import LogClosedError, LogUnavailableError
from streams.ports import LogRecord

# A fetch at the end is answered with "end" after this long; it runs only while a read is under way.
END_OF_PARTITION_MS = 10
_QUERY_S = 5.0
_LEARNING_S = 2.0
_SLICE_S = 0.5
_PAUSE_S = 0.1
_IDLE_S = 5.0
_MAX_OPEN = 32
_THREADS = 8


class Place(NamedTuple):
    """A partition: the topic's name here and on Kafka."""

    name: str
    topic: str
    partition: int


class PartitionReader:
    """One consumer on one partition; it goes on where the last read ended. Calls are taken one at a time."""

    def __init__(self, config: Config, place: Place, timeout_s: float) -> None:
        self._config = config | {"fetch.wait.max.ms": END_OF_PARTITION_MS}
        self._place = place
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        # Between these two offsets there is no record: `_from` is where the caller is, `_to` where the consumer is.
        self._from = self._to = -1
        self._ahead: list[LogRecord] = []
        self._fetching = False

    def read(self, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` records from `offset` on; empty at the end. Raises LogUnavailableError."""
        with self._lock:
            if not self._from <= offset <= (self._ahead[0].offset if self._ahead else self._to):
                self._park()
                self._from = self._to = offset
                self._ahead = []
            found, self._ahead = self._ahead[:max_records], self._ahead[max_records:]
            if len(found) < max_records:
                found += self._fetch(max_records - len(found))
            if found:
                self._from = found[-1].offset + 1
            return found

    def has_record(self, offset: int) -> bool:
        """Say whether there is a record at or after `offset`; what was fetched for it is kept for the next read."""
        found = self.read(offset, 1)
        with self._lock:
            if found and self._from == found[0].offset + 1:
                self._ahead[:0] = found
                self._from = offset
        return bool(found)

    def empty_until(self, offset: int) -> int:
        """Return where the next record can be at the earliest, as far as is known."""
        return self._to if self._from <= offset <= self._to and not self._ahead else offset

    def close(self) -> None:
        """Let the consumer go."""
        with self._lock:
            consumer, self._consumer = self._consumer, None
            self._fetching = False
            if consumer is not None:
                consumer.close()

    def _fetch(self, wanted: int) -> list[LogRecord]:
        consumer = self._consumer = self._consumer or Consumer(self._config)
        end = self._end(consumer)
        if end <= self._to:
            self._park()
            return []
        deadline = time.monotonic() + self._timeout_s
        found: list[LogRecord] = []
        while len(found) < wanted and self._to < end:
            if not self._fetching:
                consumer.assign([TopicPartition(self._place.topic, self._place.partition, self._to)])
                self._fetching = True
            messages = consumer.consume(wanted - len(found), 0) or consumer.consume(1, _SLICE_S)
            found += self._taken(messages)
            if not messages and found:
                break
            if not found and self._to < end and time.monotonic() >= deadline:
                self._park()
                raise LogUnavailableError(f"Kafka gave nothing of {self._place.topic} for {self._timeout_s:.0f} s")
        return found

    def _taken(self, messages: list[Message]) -> list[LogRecord]:
        name, _, partition = self._place
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                offset = message.offset() or 0
                stamp = message.timestamp()[1]
                records.append(LogRecord(name, partition, offset, message.key(), message.value(), stamp))
                self._to = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public constant
                self._to = max(self._to, message.offset() or 0)
            elif not may_pass(error):
                raise translated(error, f"reading {self._place.topic}")
        if messages and messages[-1].error() is not None:
            # At the end nothing was fetched ahead, so nothing is lost by not asking the broker again and again.
            self._park()
        return records

    def _end(self, consumer: Consumer) -> int:
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                _, end = consumer.get_watermark_offsets(
                    TopicPartition(self._place.topic, self._place.partition), timeout=_QUERY_S
                )
            except KafkaException as raised:
                error = error_of(raised)
                learn(consumer, _LEARNING_S)
                doing = f"reading {self._place.topic}"
                if refused := refusal(error, doing, in_time=time.monotonic() < deadline):
                    raise refused from raised
                # Some errors come at once.
                time.sleep(_PAUSE_S)
            else:
                return int(end)

    def _park(self) -> None:
        if self._consumer is not None and self._fetching:
            self._consumer.unassign()
        self._fetching = False


class _Open:
    """A reader in the pool."""

    def __init__(self, reader: PartitionReader) -> None:
        self.reader = reader
        self.users = 0
        self.used_at = 0.0


class ReaderPool:
    """The readers of a log. One that is not used for some seconds is closed."""

    def __init__(self, config: Config, timeout_s: float) -> None:
        self._config = config
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="log-reader")
        self._open: dict[Place, _Open] = {}
        self._janitor: asyncio.TimerHandle | None = None
        self._closed = False

    async def read(self, place: Place, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` records from `offset` on; empty at the end."""
        opened = self._enter(place)
        future = asyncio.get_running_loop().run_in_executor(self._threads, opened.reader.read, offset, max_records)
        # When the caller is cancelled the thread goes on: only its end makes the reader free.
        future.add_done_callback(lambda _: self._leave(opened))
        return await future

    async def has_record(self, place: Place, offset: int) -> bool:
        """Say whether there is a record at or after `offset`."""
        opened = self._enter(place)
        future = asyncio.get_running_loop().run_in_executor(self._threads, opened.reader.has_record, offset)
        future.add_done_callback(lambda _: self._leave(opened))
        return await future

    def empty_until(self, place: Place, offset: int) -> int:
        """Return where the next record can be at the earliest, as far as is known."""
        opened = self._open.get(place)
        return opened.reader.empty_until(offset) if opened else offset

    async def close(self) -> None:
        """Close all readers."""
        self._closed = True
        if self._janitor is not None:
            self._janitor.cancel()
        for opened in self._open.values():
            self._threads.submit(opened.reader.close)
        self._open.clear()
        await asyncio.to_thread(self._threads.shutdown)

    def _enter(self, place: Place) -> _Open:
        if self._closed:
            raise LogClosedError("the Kafka log is closed")
        opened = self._open.get(place)
        if opened is None:
            self._let_go(max(0, len(self._open) + 1 - _MAX_OPEN))
            opened = self._open[place] = _Open(PartitionReader(self._config, place, self._timeout_s))
        opened.users += 1
        return opened

    def _leave(self, opened: _Open) -> None:
        opened.users -= 1
        loop = asyncio.get_running_loop()
        opened.used_at = loop.time()
        if self._janitor is None and not self._closed:
            self._janitor = loop.call_later(_IDLE_S, self._close_idle)

    def _close_idle(self) -> None:
        self._janitor = None
        before = asyncio.get_running_loop().time() - _IDLE_S
        self._let_go(sum(1 for opened in self._open.values() if opened.used_at <= before))
        if self._open:
            self._janitor = asyncio.get_running_loop().call_later(_IDLE_S, self._close_idle)

    def _let_go(self, count: int) -> None:
        idle = sorted((opened.used_at, place) for place, opened in self._open.items() if not opened.users)
        for _, place in idle[:count]:
            self._threads.submit(self._open.pop(place).reader.close)

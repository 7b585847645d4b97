"""Appends of many tasks through one idempotent producer.

Kafka's reports arrive in a thread of their own, which wakes the loop once for all appends that a poll has finished.
"""

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.log.kafka_errors import RETRY_AFTER_S, KafkaLogError, error_of, translated
from streams.log.kafka_keys import RecordKeys
from streams.log.kafka_settings import Names, producer_config
from streams.model.errors import LogClosedError, LogFullError
from streams.ports import NewRecord
from streams.settings import LogSettings

_POLL_S = 0.2


class _Append:
    """One append under way. `expected` is set once all its records are queued; then the last report finishes it."""

    __slots__ = ("error", "expected", "finished", "future", "offsets", "places", "reported", "size_bytes")

    def __init__(self, future: "asyncio.Future[list[int]]", count: int, finished: "deque[_Append]") -> None:
        self.future = future
        self.offsets = [-1] * count
        self.places: defaultdict[tuple[str | None, int | None], deque[int]] = defaultdict(deque)
        self.expected = -1
        self.reported = 0
        self.size_bytes = 0
        self.error: KafkaError | None = None
        self.finished = finished

    def on_report(self, error: KafkaError | None, message: Message) -> None:
        """Take Kafka's word on one record; those of a partition are reported in the order of the partition."""
        index = self.places[message.topic(), message.partition()].popleft()
        if error is not None:
            self.error = error
        else:
            self.offsets[index] = message.offset() or 0
        self.reported += 1
        if self.reported == self.expected:
            self.finished.append(self)


class Appender:
    """The producer behind `KafkaEventLog.append`. Use in one loop; `open` first."""

    def __init__(self, settings: LogSettings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self._producer: Producer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finished: deque[_Append] = deque()
        self._under_way: set[_Append] = set()
        self._pending_records = 0
        self._pending_bytes = 0
        self._keys = RecordKeys()
        self._closing = False
        self._broken: BaseException | None = None
        self._poller = threading.Thread(target=self._poll, name="log-reports", daemon=True)

    def open(self) -> None:
        """Start the producer."""
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(producer_config(self._settings))
        self._poller.start()

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append and return the offsets, once all in-sync brokers have all records.

        LogFullError says one of two things. "records wait": too much is under way, and nothing was appended.
        Otherwise Kafka did not confirm within `delivery_timeout_s`: the producer has let go of the records and will not
        send them again, yet each may stand in the log already, once. Who appends them again may double them.
        """
        if self._closing or self._producer is None or self._loop is None:
            raise LogClosedError("the Kafka log is not open")
        if self._broken is not None:
            raise KafkaLogError("Kafka's reports are no longer read") from self._broken
        size = sum(len(record.value or b"") + len(record.key or b"") for record in records)
        self._check_room(len(records), size)
        if not records:
            return []
        append = _Append(self._loop.create_future(), len(records), self._finished)
        append.size_bytes = size
        self._under_way.add(append)
        self._pending_records += len(records)
        self._pending_bytes += size
        self._queue(self._producer, append, records)
        return await append.future

    async def close(self) -> None:
        """Wait until what is under way is confirmed or given up, and stop."""
        if self._closing or self._producer is None:
            return
        self._closing = True
        await asyncio.to_thread(self._poller.join)
        self._producer = None
        for append in tuple(self._under_way):
            self._settle(append, LogClosedError("the Kafka log was closed before Kafka confirmed"))

    def _check_room(self, count: int, size: int) -> None:
        limits = self._settings
        full = self._pending_records + count > limits.max_pending_records
        if full or (self._pending_bytes and self._pending_bytes + size > limits.max_pending_bytes):
            waiting = f"{self._pending_records} records wait for Kafka ({self._pending_bytes} bytes)"
            raise LogFullError(waiting, RETRY_AFTER_S)

    def _queue(self, producer: Producer, append: _Append, records: Sequence[NewRecord]) -> None:
        queued = 0
        try:
            for topic, partition, key, value, timestamp_ms in records:
                key = key or self._keys.next_for(topic, value)  # noqa: PLW2901  what it is called on Kafka
                name = self._names.topic(topic)
                append.places[name, partition].append(queued)
                producer.produce(name, value, key, partition, append.on_report, None, timestamp_ms)
                queued += 1
        except KafkaException as raised:
            append.error = error_of(raised)
        except BufferError:
            append.error = KafkaError(KafkaError._QUEUE_FULL)  # noqa: SLF001  the library's public constant
        # The last report may have come before this line or come after it; settling twice is harmless.
        append.expected = queued
        if append.reported == queued:
            self._resolve([append])

    def _poll(self) -> None:
        assert self._producer is not None
        assert self._loop is not None
        try:
            self._read_reports(self._producer)
        except BaseException as fault:  # noqa: BLE001  whatever it is, those who wait must hear of it
            self._loop.call_soon_threadsafe(self._fail, fault)

    def _read_reports(self, producer: Producer) -> None:
        while not self._closing:
            producer.poll(_POLL_S)
            self._wake()
        deadline = time.monotonic() + self._settings.delivery_timeout_s + 1
        while len(producer) and time.monotonic() < deadline:
            producer.poll(_POLL_S)
            self._wake()
        self._wake()

    def _fail(self, fault: BaseException) -> None:
        self._broken = fault
        for append in tuple(self._under_way):
            told = KafkaLogError("Kafka's reports are no longer read")
            told.__cause__ = fault
            self._settle(append, told)

    def _wake(self) -> None:
        if self._finished and self._loop is not None:
            done = [self._finished.popleft() for _ in range(len(self._finished))]
            self._loop.call_soon_threadsafe(self._resolve, done)

    def _resolve(self, done: Sequence[_Append]) -> None:
        for append in done:
            error = append.error
            self._settle(append, None if error is None else self._as_told(error))

    def _settle(self, append: _Append, error: Exception | None) -> None:
        if append not in self._under_way:
            return
        self._under_way.remove(append)
        self._pending_records -= len(append.offsets)
        self._pending_bytes -= append.size_bytes
        if append.future.done():
            return
        if error is None:
            append.future.set_result(append.offsets)
        else:
            append.future.set_exception(error)

    def _as_told(self, error: KafkaError) -> Exception:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return KafkaLogError(f"a record is larger than log.max_record_bytes ({self._settings.max_record_bytes})")
        return translated(error, "appending to Kafka")

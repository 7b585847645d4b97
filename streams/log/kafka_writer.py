"""The atomic writer over Kafka: one transactional producer, driven by one thread of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from streams.log.kafka_errors import (
    RETRY_AFTER_S,
    KafkaLogError,
    error_of,
    is_fenced,
    may_pass,
    translated,
)
from streams.log.kafka_keys import RecordKeys
from streams.log.kafka_settings import Names, writer_config
from streams.model.errors import FencedError, LogClosedError, LogFullError, LogUnavailableError
from streams.ports import NewRecord
from streams.settings import LogSettings

_PAUSE_S = 0.1
T = TypeVar("T")


class KafkaWriter:
    """Commits by transaction. After FencedError or LogUnavailableError it is of no more use: open another one."""

    def __init__(self, settings: LogSettings, names: Names, name: str) -> None:
        self._settings = settings
        self._names = names
        self._name = name
        self._producer: Producer | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"log-writer-{name}")
        # An attempt failed and has to be taken back before the next one.
        self._must_abort = False
        self._lost: Exception | None = None
        self._keys = RecordKeys()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Say whether `close` was called."""
        return self._closed

    async def open(self) -> "KafkaWriter":
        """Fence earlier writers of the name; what they had not committed is gone for good when this returns."""
        try:
            await self._in_thread(self._open)
        except BaseException:
            self._closed = True
            self._thread.shutdown(wait=False)
            raise
        return self

    async def commit(self, records: Sequence[NewRecord]) -> None:
        """Append all records atomically. They are durable when this returns, and visible, together, a moment later.

        LogFullError: none of them is in the log nor will be, try again. LogUnavailableError: Kafka did not answer the
        last question of a commit for `transaction_timeout_s`, so nobody knows; whoever opens the writer next will.
        """
        if self._closed:
            raise LogClosedError(f"the writer {self._name} is closed")
        if records:
            await self._in_thread(lambda: self._commit(records))

    async def close(self) -> None:
        """Take back what is unfinished, as far as Kafka answers, and release the producer."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._in_thread(self._release)
        finally:
            self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        producer = Producer(writer_config(self._settings, self._names.group(self._name)))
        deadline = time.monotonic() + self._settings.transaction_timeout_s
        doing = f"opening the writer {self._name}"
        try:
            self._until(deadline, producer.init_transactions, doing)
        except KafkaException as raised:
            raise translated(error_of(raised), doing) from raised
        self._producer = producer

    def _commit(self, records: Sequence[NewRecord]) -> None:
        if self._lost is not None:
            raise self._lost
        assert self._producer is not None
        deadline = time.monotonic() + self._settings.transaction_timeout_s
        while True:
            try:
                if self._must_abort:
                    self._until(deadline, self._producer.abort_transaction, "taking a commit back")
                    self._must_abort = False
                self._attempt(self._producer, records, deadline)
            except KafkaException as raised:
                self._take(raised, deadline)
                time.sleep(_PAUSE_S)
            else:
                self._producer.poll(0)
                return

    def _attempt(self, producer: Producer, records: Sequence[NewRecord], deadline: float) -> None:
        producer.begin_transaction()
        self._must_abort = True
        produce = producer.produce
        names = {record.topic: self._names.topic(record.topic) for record in records}
        # produce, not produce_batch: that one takes neither timestamps nor, reliably, partitions, and is no faster.
        for topic, partition, key, value, timestamp_ms in records:
            key = key or self._keys.next_for(topic, value)  # noqa: PLW2901  what it is called on Kafka
            produce(names[topic], value, key, partition, None, None, timestamp_ms)
        try:
            self._until(deadline, producer.commit_transaction, "committing")
        except LogFullError as unanswered:
            self._lost = LogUnavailableError(f"{unanswered}: whether it was committed is not known")
            raise self._lost from unanswered
        self._must_abort = False

    def _take(self, raised: KafkaException, deadline: float) -> None:
        """Return when another attempt is due, else raise what the error means."""
        error = error_of(raised)
        if is_fenced(error):
            self._lost = FencedError(f"a later writer {self._name} was opened: {error.str()}")
            raise self._lost from raised
        # While records are handed over, an attempt that has failed meanwhile shows as a wrong state.
        has_failed = error.txn_requires_abort() or error.code() == KafkaError._STATE  # noqa: SLF001  a public constant
        if error.fatal() or not (has_failed or may_pass(error)):
            self._lost = KafkaLogError(f"committing failed: {error.str()} ({error.name()})")
            raise self._lost from raised
        if time.monotonic() >= deadline:
            raise LogFullError(f"committing: {error.str()}", RETRY_AFTER_S) from raised

    @staticmethod
    def _until(deadline: float, call: Callable[[float], object], doing: str) -> None:
        """Call again as long as Kafka says that this is safe. Raises LogFullError at the deadline."""
        while True:
            try:
                call(max(1.0, deadline - time.monotonic()))
            except KafkaException as raised:
                error = error_of(raised)
                if not error.retriable() or error.txn_requires_abort() or error.fatal():
                    raise
                if time.monotonic() >= deadline:
                    raise LogFullError(f"{doing}: {error.str()}", RETRY_AFTER_S) from raised
                time.sleep(_PAUSE_S)
            else:
                return

    def _release(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if self._must_abort and self._lost is None:
            try:
                producer.abort_transaction(1.0)
            except KafkaException:
                # Kafka does it by itself after the transaction's timeout, or when the name is opened next.
                return

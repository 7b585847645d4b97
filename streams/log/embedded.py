"""The embedded log: partitions, offsets and groups in one SQLite file; one writer thread commits for all at once.

A record's row id packs (topic, partition, offset), so one B-tree holds the log in reading order. Commits are WAL with
synchronous=FULL: what `append` returned survives a power cut. On a compacted topic the newest record of a key replaces
the earlier one as it is written.
"""

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from streams.log.embedded_rewriting import changes_of, replace_values
from streams.log.embedded_schema import OFFSET_BITS, connect, open_schema, place_of, row_id
from streams.log.retention import add_sizes, purge_slice
from streams.log.rewriting import Rewriter
from streams.log.subscription import LogSubscription
from streams.log.tail import Tails
from streams.log.topics import DEAD_LETTERS, EVENTS, TOPICS, Topic, topic
from streams.model.errors import FencedError, LogClosedError, LogFullError
from streams.ports import LogRecord, LogWriter, NewRecord, Subscription
from streams.room import lacks_room

_OFFSET_MASK = (1 << OFFSET_BITS) - 1
_MAX_JOBS_PER_COMMIT = 512
_REWRITTEN_RECORDS = 200
_FROM_OUTSIDE = frozenset({EVENTS, DEAD_LETTERS})


class _Job(NamedTuple):
    """Work for the writer: it runs inside the shared transaction; its future is resolved after the commit.

    `records` are those that it appends, and then its result is their offsets.
    """

    run: Callable[[sqlite3.Connection], object]
    future: "asyncio.Future[object]"
    records: Sequence[NewRecord] = ()


_Result = tuple[_Job, Any, BaseException | None]


class EmbeddedEventLog:
    """An EventLog in a SQLite file. Open with `open()`, in the loop that uses it."""

    def __init__(self, path: Path, partitions: int = 4, max_pending_records: int = 100_000) -> None:
        self._path = path
        self._partitions = partitions
        self._max_pending_records = max_pending_records
        self._pending_records = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._identity = ""
        self._topic_nos: dict[str, int] = {}
        self._topic_names: dict[int, str] = {}
        self._next: dict[tuple[int, int], int] = defaultdict(int)
        self._visible: dict[tuple[str, int], int] = defaultdict(int)
        self._tails = Tails(partitions)
        self._writers: dict[str, EmbeddedLogWriter] = {}
        self._waiters: dict[asyncio.Future[None], Mapping[tuple[str, int], int]] = {}
        self._reader: sqlite3.Connection | None = None
        self._read_pool = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._writer: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def open(self) -> "EmbeddedEventLog":
        """Open or create the file. Raises ConfigurationError when its partition count is another one."""
        self._loop = asyncio.get_running_loop()
        writer = connect(self._path)
        state = open_schema(writer, self._partitions)
        self._identity = state.identity
        self._topic_nos = state.topic_nos
        self._topic_names = {no: name for name, no in state.topic_nos.items()}
        self._next.update(state.next_offsets)
        for (no, partition), after in state.next_offsets.items():
            self._visible[self._topic_names[no], partition] = after
        self._reader = connect(self._path)
        self._writer = threading.Thread(target=self._write_loop, args=(writer,), name="log-writer", daemon=True)
        self._writer.start()
        return self

    def partitions(self, topic_name: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        topic(topic_name)
        return self._partitions

    def identity(self) -> str:
        """Return what tells this log from every other: the file has it since it was made."""
        return self._identity

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records in one transaction; return when it is on disk.

        The bound on what waits holds for what comes from outside; what the engine makes of it is never refused.
        """
        is_bounded = any(record.topic in _FROM_OUTSIDE for record in records)
        if is_bounded and self._pending_records + len(records) > self._max_pending_records:
            raise LogFullError(f"{self._pending_records} records wait to be written", retry_after_s=1.0)
        self._pending_records += len(records)
        try:
            return await self._append(records)
        finally:
            self._pending_records -= len(records)

    async def open_writer(self, name: str) -> LogWriter:
        """Return the writer called `name`, fencing the one before it."""
        self._writers[name] = writer = EmbeddedLogWriter(self, name)
        # What the earlier one had handed over is on disk before this returns; nothing of it comes later.
        await self._submit(lambda _: None)
        return writer

    async def append_as(self, writer: "EmbeddedLogWriter", records: Sequence[NewRecord]) -> None:
        """Append for a writer, whatever waits: what the engine makes of the log is never more than a flush, and
        refusing it would only keep the engine from working off what waits. Raises FencedError.
        """
        if self._writers.get(writer.name) is not writer:
            raise FencedError(f"a later writer {writer.name} was opened")
        if records:
            await self._append(records)

    async def _append(self, records: Sequence[NewRecord]) -> list[int]:
        offsets: list[int] = await self._submit(lambda db: self._insert(db, records), records)  # type: ignore[assignment]
        return offsets

    async def read(self, topic_name: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` existing records from `offset` on; empty at the end."""
        if offset >= self._visible[topic_name, partition]:
            return []
        newest = None if self._closed else self._tails.read(topic_name, partition, offset, max_records)
        if newest is not None:
            return newest
        return await self._stored(topic_name, partition, offset, max_records)

    async def rewrite(self, topic_name: str, rewriter: Rewriter) -> int:
        """Replace the values of a topic's records by what is left of them; one of which nothing is left keeps its
        place, without a value. Return how many changed. Appends get their turn in between.
        """
        changed = 0
        for partition in range(self._partitions):
            offset = 0
            while records := await self._stored(topic_name, partition, offset, _REWRITTEN_RECORDS):
                offset = records[-1].offset + 1
                changes = await asyncio.to_thread(changes_of, records, rewriter)
                if changes:
                    place = self._topic_nos[topic_name], partition
                    await self._submit(partial(replace_values, place=place, changes=changes))
                    self._tails.clear()
                    changed += len(changes)
        return changed

    async def _stored(self, topic_name: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        number = self._topic_nos[topic_name]
        first, last = row_id(number, partition, offset), row_id(number, partition, _OFFSET_MASK)
        rows = await self._in_reader(
            "SELECT id, ts, key, value FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (first, last, max_records),
        )
        return [LogRecord(topic_name, partition, rid & _OFFSET_MASK, key, value, ts) for rid, ts, key, value in rows]

    async def bounds(self, topic_name: str, partition: int) -> tuple[int, int]:
        """Return the first existing offset and the next one."""
        number = self._topic_nos[topic_name]
        rows = await self._in_reader(
            "SELECT min(id) FROM records WHERE id BETWEEN ? AND ?",
            (row_id(number, partition, 0), row_id(number, partition, _OFFSET_MASK)),
        )
        after = self._visible[topic_name, partition]
        return (after if rows[0][0] is None else min(after, rows[0][0] & _OFFSET_MASK), after)

    async def committed(self, group: str, topic_name: str) -> dict[int, int]:
        """Return the group's next offsets to read."""
        rows = await self._in_reader(
            "SELECT partition, offset FROM groups WHERE name = ? AND topic = ?",
            (group, self._topic_nos[topic_name]),
        )
        return dict(rows)

    async def commit(self, group: str, topic_name: str, offsets: Mapping[int, int]) -> None:
        """Store the group's next offsets to read, durably."""
        number = self._topic_nos[topic_name]
        rows = [(group, number, partition, offset) for partition, offset in offsets.items()]

        def store(db: sqlite3.Connection) -> None:
            # The cursor must die here: one that the loop's thread lets go of disturbs the writer's next statement.
            db.executemany("INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?)", rows)

        await self._submit(store)

    async def wait(self, positions: Mapping[tuple[str, int], int], timeout_s: float) -> bool:
        """Wait until some place has a record at or after its position; False when time ran out."""
        if self._closed or self._ready(positions):
            return not self._closed
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[woken] = positions
        try:
            await asyncio.wait_for(woken, timeout_s)
        except TimeoutError:
            return False
        finally:
            del self._waiters[woken]
        return not self._closed

    def subscribe(self, group: str | None, topics: Sequence[str], start: str = "committed") -> Subscription:
        """Return a subscription to `topics`."""
        return LogSubscription(self, group, topics, start)

    async def purge(self, now_ms: int) -> int:
        """Delete what is past its topic's retention by age or size; return how many records went.

        Each slice is a transaction of its own, so appends get their turn in between.
        """
        removed = 0
        for spec in TOPICS.values():
            no = self._topic_nos[spec.name]
            while gone := await self._purge_slice(spec, no, now_ms):
                removed += gone
                self._tails.clear()
        return removed

    async def _purge_slice(self, spec: Topic, no: int, now_ms: int) -> int:
        gone: int = await self._submit(lambda db: purge_slice(db, spec, no, self._partitions, now_ms))  # type: ignore[assignment]
        return gone

    async def close(self) -> None:
        """Finish what was appended and release the file."""
        if self._closed:
            return
        self._closed = True
        self._wake()
        if self._writer:
            self._jobs.put(None)
            await asyncio.to_thread(self._writer.join)
        self._read_pool.shutdown()
        if self._reader:
            self._reader.close()

    def _ready(self, positions: Mapping[tuple[str, int], int]) -> bool:
        visible = self._visible
        return any(visible[place] > at for place, at in positions.items())

    def _wake(self) -> None:
        for woken, positions in tuple(self._waiters.items()):
            if not woken.done() and (self._closed or self._ready(positions)):
                woken.set_result(None)

    def _submit(
        self, run: Callable[[sqlite3.Connection], object], records: Sequence[NewRecord] = ()
    ) -> "asyncio.Future[object]":
        if self._closed or self._loop is None:
            raise LogClosedError(f"the log {self._path.name} is not open")
        future: asyncio.Future[object] = self._loop.create_future()
        self._jobs.put(_Job(run, future, records))
        return future

    async def _in_reader(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        if self._closed or self._reader is None:
            raise LogClosedError(f"the log {self._path.name} is not open")
        reader = self._reader
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_pool, lambda: reader.execute(sql, values).fetchall())

    def _insert(self, db: sqlite3.Connection, records: Sequence[NewRecord]) -> list[int]:
        offsets, rows, replaced, newest = [], [], [], []
        grown: dict[int, int] = defaultdict(int)
        for record in records:
            number = self._topic_nos[record.topic]
            place = (number, record.partition)
            offset = self._next[place]
            self._next[place] = offset + 1
            rid = row_id(number, record.partition, offset)
            if topic(record.topic).compacted:
                replaced.append((place_of(rid), record.key))
                newest.append((place_of(rid), record.key, rid))
            else:
                grown[place_of(rid)] += len(record.value or b"")
            rows.append((rid, record.timestamp_ms, record.key, record.value))
            offsets.append(offset)
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
        if newest:
            self._compact(db, replaced, newest)
        if grown:
            add_sizes(db, grown.items())
        return offsets

    @staticmethod
    def _compact(
        db: sqlite3.Connection,
        replaced: list[tuple[int, bytes | None]],
        newest: list[tuple[int, bytes | None, int]],
    ) -> None:
        # One at a time: the same key may stand twice in one batch.
        for old, new in zip(replaced, newest, strict=True):
            db.execute("DELETE FROM records WHERE id = (SELECT id FROM newest WHERE place = ? AND key = ?)", old)
            db.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?)", new)

    def _write_loop(self, db: sqlite3.Connection) -> None:
        while True:
            jobs = [self._jobs.get()]
            while jobs[-1] is not None and len(jobs) < _MAX_JOBS_PER_COMMIT:
                try:
                    jobs.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            work = [job for job in jobs if job is not None]
            if work:
                self._commit_jobs(db, work)
            if len(work) < len(jobs):
                db.close()
                return

    def _commit_jobs(self, db: sqlite3.Connection, jobs: list[_Job]) -> None:
        results: list[_Result] = []
        before = dict(self._next)
        try:
            db.execute("BEGIN IMMEDIATE")
            results = [(job, job.run(db), None) for job in jobs]
            db.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001  every waiter must hear of it, whatever it is
            with suppress(sqlite3.Error):
                # When not even this works, the next BEGIN says so to those who wait for it.
                if db.in_transaction:
                    db.execute("ROLLBACK")
            self._next.clear()
            self._next.update(before)
            told = _as_temporary(error)
            results = [(job, None, told) for job in jobs]
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._resolve, results, dict(self._next))

    def _resolve(self, results: list[_Result], ends: Mapping[tuple[int, int], int]) -> None:
        for (number, partition), after in ends.items():
            self._visible[self._topic_names[number], partition] = after
        for job, value, error in results:
            if job.records and error is None:
                self._tails.add(job.records, value)
        self._wake()
        for job, value, error in results:
            if job.future.done():
                continue
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(value)


class EmbeddedLogWriter:
    """Appends all or nothing, as long as it is the newest of its name."""

    def __init__(self, log: EmbeddedEventLog, name: str) -> None:
        self._log = log
        self.name = name

    async def commit(self, records: Sequence[NewRecord]) -> None:
        """Append all records in one transaction; return when it is on disk."""
        await self._log.append_as(self, records)

    async def close(self) -> None:
        """Nothing is held."""


def _as_temporary(error: BaseException) -> BaseException:
    """Return a full disk as what it is to callers: a fault that passes."""
    if lacks_room(error):
        return LogFullError(f"the disk is full: {error}", retry_after_s=10.0)
    return error

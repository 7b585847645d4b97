"""A place: a partition that this process owns, with its writer and its local copy. All writing goes through here."""

import asyncio
import logging
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from streams.log import topics
from streams.log.patience import append_patiently, commit_patiently
from streams.model.errors import FencedError
from streams.ports import EventLog, LogWriter, NewRecord
from streams.state import codec
from streams.state.copy import StateCopy
from streams.state.flushing import take_flush
from streams.state.loading import Shape, catch_up, new_partition, restore

logger = logging.getLogger(__name__)

SAVE_RECORDS = 50_000
SAVE_INTERVAL_S = 15.0
"""The copy follows in such steps; what is missing in it after a crash is read from the state topic."""


class _Saving(NamedTuple):
    changes: dict[bytes, bytes | None]
    end: int
    erased_at: int


_Sending: TypeAlias = tuple[list[tuple[int, bytes]], int]
"""Moves that a commit holds and the log may lack, as (partition, frame), and the time of the commit."""


class Place:
    """Owner of partition `number` since `open`. `flushed_offset` is the last frame that is durable."""

    def __init__(self, log: EventLog, number: int, copy: StateCopy, shape: Shape) -> None:
        self._log = log
        self._number = number
        self._copy = copy
        self._shape = shape
        self._writer: LogWriter | None = None
        self._saving: _Saving | None = None
        self._saved_at_s = 0.0
        self._unsent: _Sending = ([], 0)
        self._is_torn = False
        self.partition = new_partition(number, copy, shape)
        self.flushed_offset = -1
        self.flushed_events = 0
        self.purges = 0
        """So often the copy was purged of what an erasure had removed."""

    async def open(self) -> None:
        """Fence whoever had the partition, and bring its state back."""
        self._writer = await self._log.open_writer(f"events-{self._number}")
        await self.reload()

    async def reload(self) -> None:
        """Take the partition's state as it was committed last."""
        self._saving = None
        self._is_torn = False
        erased, was_used = self._copy.get(codec.ERASED_KEY), self._copy.offset() > 0
        count = await catch_up(self._log, self._number, self._copy)
        if was_used and self._copy.get(codec.ERASED_KEY) != erased:
            # Somebody was erased while this copy lay idle, and the topic may have forgotten that by now.
            self._copy.clear()
            count += await catch_up(self._log, self._number, self._copy)
            await asyncio.to_thread(self._copy.purge)
        self.partition = new_partition(self._number, self._copy, self._shape)
        unsent = restore(self.partition, self._copy)
        self.flushed_offset = self.partition.offset
        self._saved_at_s = asyncio.get_running_loop().time()
        self._unsent = (unsent, self.partition.clock_ms)
        await self._send()
        logger.info("partition %d is at frame %d; %d records read", self._number, self.flushed_offset, count)

    async def flush(self) -> None:
        """Make everything applied so far durable, then send its moves."""
        assert self._writer is not None
        await self._flush(self._writer)
        await self._save_when_due()

    async def close(self) -> None:
        """Bring the copy up to date and let go; what was not flushed is another owner's to repeat."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            # What a commit that failed had taken is gone from here, and what a frame that failed had done is half done:
            # only the log can tell what was before.
            if not self._is_torn and self.partition.is_whole:
                await self._flush(writer)
                await self._take_saving()
                # A commit that succeeds proves that nobody else had written by the time the end was read.
                await self._flush(writer)
                await self._save()
        except FencedError:
            logger.info("partition %d has a new owner already", self._number)
        await writer.close()

    async def _flush(self, writer: LogWriter) -> None:
        # Before the next commit, which forgets them.
        await self._send()
        flush = take_flush(self.partition, self._shape.partitions)
        self._is_torn = True
        await commit_patiently(writer, flush.records)
        self._is_torn = False
        self._unsent = (flush.moves, flush.clock_ms)
        self.partition.seen.mark_written()
        self.flushed_offset = flush.offset
        self.flushed_events += flush.events
        await self._send()

    async def _send(self) -> None:
        moves, clock_ms = self._unsent
        if moves:
            for frames in _in_turns(moves):
                records = [NewRecord(topics.EVENTS, target, None, frame, clock_ms) for target, frame in frames]
                await append_patiently(self._log, records)
            self._unsent = ([], 0)

    async def _save_when_due(self) -> None:
        if self._saving is not None:
            await self._save()
        elif (
            self.partition.erasures.must_purge
            or self.partition.profiles.unsaved_records() >= SAVE_RECORDS
            or asyncio.get_running_loop().time() - self._saved_at_s > SAVE_INTERVAL_S
        ):
            await self._take_saving()

    async def _take_saving(self) -> None:
        """Note what the copy lacks and where the topic ends now; the next commit proves that the end was ours."""
        _, end = await self._log.bounds(topics.STATE, self._number)
        partition = self.partition
        self._saving = _Saving(partition.profiles.take_unsaved(), end, partition.erasures.flushed_at)

    async def _save(self) -> None:
        saving, self._saving = self._saving, None
        if saving is None:
            return
        await asyncio.to_thread(self._copy.write, list(saving.changes.items()), saving.end, self.partition.clock_ms)
        self.partition.profiles.forget_unsaved(saving.changes)
        self.partition.seen.save()
        self._saved_at_s = asyncio.get_running_loop().time()
        erasures = self.partition.erasures
        if saving.erased_at > erasures.purged_at:
            await asyncio.to_thread(self._copy.purge)
            erasures.note_purged(saving.erased_at)
            self.purges += 1


def _in_turns(moves: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the first frame for each target, then the second: of two that are appended at once the first may be lost
    alone, and who has taken the second no longer takes the first.
    """
    waiting: dict[int, list[bytes]] = {}
    for target, frame in moves:
        waiting.setdefault(target, []).append(frame)
    for turn in range(max(map(len, waiting.values()))):
        yield [(target, frames[turn]) for target, frames in waiting.items() if turn < len(frames)]

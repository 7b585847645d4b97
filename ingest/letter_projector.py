"""Keeps the store of dead letters in step with their topic. Nothing in the topic can stop it; it writes to no log."""

import asyncio
from collections.abc import Sequence

import msgspec

from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.letters import LetterNote, StoredLetter, letter_id
from streams.ports import Clock, EventLog, LogRecord
from streams.store.dead_letters import DeadLetterStore

STAGE = "dead letters"
_BATCH = 64  # of up to a mebibyte each
_WAIT_S = 0.5
_PRUNE_EVERY_MS = 600_000
_PRUNE_SHARE = 8  # also when an eighth of the room has been filled: floods don't wait
_MAX_TEXT_CHARS = 512
_END_MS = 1 << 53

_decode = msgspec.msgpack.Decoder(DeadLetter).decode


class LetterProjector:
    """The loop behind the store. `caught_up` is set once it has read what the log held at the start."""

    def __init__(
        self,
        log: EventLog,
        store: DeadLetterStore,
        clock: Clock,
        *,
        workspace: str,
        retention_ms: int,
        max_bytes: int,
    ) -> None:
        """`workspace` gets the letters that name none: those of the platform itself, whoever's data they hold."""
        self._log = log
        self._store = store
        self._clock = clock
        self._workspace = workspace
        self._retention_ms = retention_ms
        self._max_bytes = max_bytes
        self._at: dict[int, int] = {}
        self._next_prune_ms = 0
        self._grown_bytes = 0
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Project until cancelled. Faults of log and store surface."""
        log = self._log
        known = await self._store.positions(log.identity())
        bounds = {p: await log.bounds(DEAD_LETTERS, p) for p in range(log.partitions(DEAD_LETTERS))}
        ends = {p: end for p, (_, end) in bounds.items()}
        if any(at > ends.get(p, 0) for p, at in known.items()):
            # The log was put back to an earlier state: what it gives these places to now is not what is stored.
            await self._store.clear()
            known = {}
        self._at = {p: max(first, known.get(p, 0)) for p, (first, _) in bounds.items()}
        while True:
            moved = [await self._project(partition) for partition in self._at]
            await self._prune_when_due()
            if all(self._at[p] >= end for p, end in ends.items()):
                self.caught_up.set()
            if not any(moved):
                await log.wait({(DEAD_LETTERS, p): at for p, at in self._at.items()}, _WAIT_S)

    async def _project(self, partition: int) -> bool:
        """Store the partition's next letters; say whether there were any."""
        at = self._at[partition]
        records = await self._log.read(DEAD_LETTERS, partition, at, _BATCH)
        if not records:
            # What is past its retention is gone, and nothing may have come since.
            first, _ = await self._log.bounds(DEAD_LETTERS, partition)
            self._at[partition] = max(at, first)
            return first > at
        after = records[-1].offset + 1
        letters = read_letters(records, self._workspace)
        await self._store.project(self._log.identity(), partition, after, letters)
        self._at[partition] = after
        self._grown_bytes += sum(letter.cost_bytes for letter in letters)
        return True

    async def _prune_when_due(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms >= self._next_prune_ms or self._grown_bytes > self._max_bytes // _PRUNE_SHARE:
            self._next_prune_ms, self._grown_bytes = now_ms + _PRUNE_EVERY_MS, 0
            await self._store.prune(now_ms - self._retention_ms, self._max_bytes)


def read_letters(records: Sequence[LogRecord], workspace: str) -> list[StoredLetter]:
    """Return the letters in the records; one that can't be read is kept as a letter about itself."""
    return [_letter(record, workspace) for record in records if not record.is_erased]


def _letter(record: LogRecord, workspace: str) -> StoredLetter:
    value = record.value or b""
    try:
        letter = _decode(value)
    except (msgspec.MsgspecError, RecursionError) as error:
        letter = record.as_letter(
            STAGE, f"what stands in the topic is no dead letter: {error}", workspace, "unreadable"
        )
    note = LetterNote(
        id=letter_id(record.partition, record.offset),
        workspace=_name(letter.workspace) or workspace,
        source=_name(letter.source),
        stage=_name(letter.stage),
        via=_name(letter.via),
        code=_name(letter.code),
        reason=_clean(letter.reason),
        field=_name(letter.field),
        at_ms=letter.at_ms if 0 <= letter.at_ms < _END_MS else record.timestamp_ms,
        size_bytes=len(letter.raw),
    )
    return StoredLetter(note, letter.raw, _clean(letter.head))


def _name(text: str) -> str:
    return _clean(text)[:_MAX_TEXT_CHARS]


def _clean(text: str) -> str:
    """Return the text as every database takes it."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()

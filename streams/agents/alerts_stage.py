"""The rollups agent's stage: totals of all events partitions in, alerts out."""

from collections.abc import Collection

import msgspec

from streams.frames import decode
from streams.log import topics
from streams.log.patience import commit_patiently
from streams.model.alerts import Alert
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.operators.alerting import AlertBook, BookState
from streams.ports import EventLog, LogWriter, NewRecord
from streams.state.codec import ALERT_BOOK_KEY, decode_book, encode_book

_encode = msgspec.msgpack.Encoder().encode


class _Place(msgspec.Struct):
    """One rollups partition: its book, and how far that is applied and written."""

    writer: LogWriter
    state: BookState
    offset: int
    written_offset: int
    written_next_ms: int
    alerts: list[Alert]
    dead_letters: list[DeadLetter]


class AlertsStage:
    """Alerts go out as soon as they arise; the book is written then, at each bucket's end and every so many batches."""

    name = "rollups"

    def __init__(self, log: EventLog, book: AlertBook) -> None:
        self._log = log
        self._book = book
        self._assigned: frozenset[int] = frozenset()
        self._places: dict[int, _Place] = {}

    async def apply(self, partition: int, offset: int, value: bytes, logged_ms: int) -> None:
        """Apply a batch of totals; bytes that are none become a dead letter."""
        if partition not in self._assigned:
            return
        place = self._places.get(partition) or await self._load(partition)
        if partition not in self._assigned:
            # It went elsewhere meanwhile; its new owner is not to be thrown out.
            if self._places.pop(partition, None):
                await place.writer.close()
            return
        if offset <= place.offset:
            return
        try:
            batch = decode(value).rollups
        except FrameError as error:
            place.dead_letters.append(DeadLetter("", "", "engine", str(error), "", value, logged_ms))
            batch = None
        if batch is not None:
            place.state, raised = self._book.on_batch(place.state, batch)
            place.alerts += raised
        place.offset = offset

    def has_output(self) -> bool:
        """Say whether alerts wait, or a book has moved on far enough to be written."""
        return any(
            p.alerts or p.dead_letters or p.state.next_ms > p.written_next_ms for p in list(self._places.values())
        )

    async def flush(self) -> None:
        """Write alerts and books."""
        for number, place in list(self._places.items()):
            if place.offset > place.written_offset:
                await self._flush(number, place)

    def assign(self, numbers: Collection[int]) -> None:
        """Note that these partitions are this worker's, and no others."""
        self._assigned = frozenset(numbers)

    async def settle(self) -> None:
        """Let go of partitions that are no longer assigned; others are loaded with their first record."""
        for number in [number for number in self._places if number not in self._assigned]:
            await self._places.pop(number).writer.close()

    async def _flush(self, number: int, place: _Place) -> None:
        offset, state, alerts, letters = place.offset, place.state, place.alerts, place.dead_letters
        place.alerts, place.dead_letters = [], []
        at_ms = state.watermark_ms
        records = [NewRecord(topics.ALERTS, number, a.id.encode(), _encode(a), a.at_ms) for a in alerts]
        records += [NewRecord(topics.DEAD_LETTERS, number, None, _encode(d), d.at_ms) for d in letters]
        records.append(NewRecord(topics.ALERT_STATE, number, ALERT_BOOK_KEY, encode_book(offset, state), at_ms))
        await commit_patiently(place.writer, records)
        place.written_offset = offset
        place.written_next_ms = state.next_ms

    async def _load(self, number: int) -> _Place:
        writer = await self._log.open_writer(f"alerts-{number}")
        place = _Place(writer, self._book.initial(), -1, -1, 0, [], [])
        offset = 0
        while records := await self._log.read(topics.ALERT_STATE, number, offset, 5_000):
            offset = records[-1].offset + 1
            for record in records:
                if record.key == ALERT_BOOK_KEY and record.value is not None:
                    applied, state = decode_book(record.value)
                    place = _Place(writer, state, applied, applied, state.next_ms, [], [])
        self._places[number] = place
        return place

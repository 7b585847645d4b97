"""The rollups agent's stage: totals of all events partitions in, alerts out."""

import msgspec

from streams.agents.stage import dead_frame
from streams.frames import decode
from streams.log import topics
from streams.log.patience import append_patiently
from streams.model.alerts import Alert
from streams.model.errors import FrameError
from streams.operators.alerting import AlertBook, BookState
from streams.ports import EventLog, NewRecord
from streams.state.codec import ALERT_BOOK_KEY, decode_book, encode_book

_encode = msgspec.msgpack.Encoder().encode


class _Place(msgspec.Struct):
    """One rollups partition: its book, and how far that is applied and written."""

    state: BookState
    offset: int
    written_offset: int
    written_next_ms: int
    alerts: list[Alert]


class AlertsStage:
    """Alerts go out as soon as they arise; the book is written then, at each bucket's end and every so many batches."""

    name = "rollups"

    def __init__(self, log: EventLog, book: AlertBook) -> None:
        self._log = log
        self._book = book
        self._places: dict[int, _Place] = {}

    async def apply(self, partition: int, offset: int, value: bytes) -> None:
        """Apply a batch of totals; bytes that are none become a dead letter."""
        place = self._places.get(partition) or await self._load(partition)
        if offset <= place.written_offset:
            return
        try:
            batch = decode(value).rollups
        except FrameError as error:
            await append_patiently(self._log, [dead_frame(partition, value, error, place.state.watermark_ms)])
            batch = None
        if batch is not None:
            place.state, raised = self._book.on_batch(place.state, batch)
            place.alerts += raised
        place.offset = offset

    def has_output(self) -> bool:
        """Say whether alerts wait, or a book has moved on far enough to be written."""
        return any(p.alerts or p.state.next_ms > p.written_next_ms for p in self._places.values())

    async def flush(self) -> None:
        """Write alerts, await them, write the books."""
        moved = [(number, p) for number, p in self._places.items() if p.offset > p.written_offset]
        alerts = [
            NewRecord(topics.ALERTS, number, alert.id.encode(), _encode(alert), alert.at_ms)
            for number, place in moved
            for alert in place.alerts
        ]
        if alerts:
            await append_patiently(self._log, alerts)
        books = [
            NewRecord(topics.ALERT_STATE, number, ALERT_BOOK_KEY, encode_book(p.offset, p.state), p.state.watermark_ms)
            for number, p in moved
        ]
        if books:
            await append_patiently(self._log, books)
        for _, place in moved:
            place.alerts.clear()
            place.written_offset = place.offset
            place.written_next_ms = place.state.next_ms

    async def _load(self, number: int) -> _Place:
        place = _Place(self._book.initial(), -1, -1, 0, [])
        offset = 0
        while records := await self._log.read(topics.ALERT_STATE, number, offset, 5_000):
            offset = records[-1].offset + 1
            for record in records:
                if record.key == ALERT_BOOK_KEY and record.value is not None:
                    applied, state = decode_book(record.value)
                    place = _Place(state, applied, applied, state.next_ms, [])
        self._places[number] = place
        return place

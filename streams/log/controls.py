"""Puts decisions into the log: one control record goes to every partition of the events."""

from streams.frames import encode_control
from streams.log import topics
from streams.model.control import Control
from streams.ports import Clock, EventLog, NewRecord


class ControlSender:
    """Sends control records. One that was sent twice does no more than one that was sent once."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def send(self, control: Control) -> None:
        """Return once every partition has the record. Raises LogFullError and LogClosedError: then some may lack it."""
        now_ms = self._clock.now_ms()
        frame = encode_control(control, now_ms)
        partitions = range(self._log.partitions(topics.EVENTS))
        await self._log.append([NewRecord(topics.EVENTS, number, None, frame, now_ms) for number in partitions])

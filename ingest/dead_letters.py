"""Dead letters go to a topic of the log, durably, so that they can be listed, repaired and sent again."""

from collections.abc import Sequence

import msgspec

from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.ids import partition_for
from streams.ports import EventLog, NewRecord


class LogDeadLetters:
    """The DeadLetterSink over the event log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._partitions = log.partitions(DEAD_LETTERS)
        self._encode = msgspec.msgpack.Encoder().encode

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        records = [
            NewRecord(
                DEAD_LETTERS,
                partition_for(letter.workspace, "", self._partitions),
                None,
                self._encode(letter),
                letter.at_ms,
            )
            for letter in letters
        ]
        if records:
            await self._log.append(records)

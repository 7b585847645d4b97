"""Dead letters go to a topic of the log, durably, so that they can be listed, repaired and sent again."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.ids import partition_for
from streams.ports import AppendsRecords, NewRecord

MAX_RAW_BYTES = 960 << 10
"""So much is kept of a letter's bytes: it has to fit into a mebibyte, the smallest limit that a log may set."""
CUT = '{"lost":["raw"]}'
"""The head of a letter whose bytes are not all there."""


class LogDeadLetters:
    """The DeadLetterSink over the event log."""

    def __init__(self, log: AppendsRecords) -> None:
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
            for letter in map(_bounded, letters)
        ]
        if records:
            await self._log.append(records)


def _bounded(letter: DeadLetter) -> DeadLetter:
    if len(letter.raw) + len(letter.head.encode()) <= MAX_RAW_BYTES:
        return letter
    return replace(letter, raw=letter.raw[:MAX_RAW_BYTES], head=CUT)

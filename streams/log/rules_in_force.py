"""Reads which rules hold in each partition, and which of them failed and are off."""

import asyncio
import logging

import msgspec

from streams.log import topics
from streams.model.rules_in_force import RulesInForce
from streams.ports import EventLog

logger = logging.getLogger(__name__)

_READ = 500
_decode = msgspec.msgpack.Decoder(RulesInForce).decode


class RulesInForceReader:
    """Reads when it is asked, from where it stood the last time: there is little to read, and rarely news."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.partitions = log.partitions(topics.RULES_IN_FORCE)
        self._at = dict.fromkeys(range(self.partitions), 0)
        self._known: dict[tuple[str, int], RulesInForce] = {}
        self._reading = asyncio.Lock()

    async def of(self, workspace: str) -> list[RulesInForce]:
        """Return what the partitions say that have ever adopted rules of the workspace or turned one off."""
        async with self._reading:
            await asyncio.gather(*(self._read(number) for number in self._at))
        return [self._known[key] for key in sorted(self._known) if key[0] == workspace]

    async def _read(self, number: int) -> None:
        while records := await self._log.read(topics.RULES_IN_FORCE, number, self._at[number], _READ):
            for record in records:
                try:
                    now = _decode(record.value or b"")
                except msgspec.MsgspecError as error:
                    logger.warning("%s/%d@%d is passed over: %s", record.topic, number, record.offset, error)
                else:
                    self._known[now.workspace, number] = now
            self._at[number] = records[-1].offset + 1

"""Several partitions over one log in memory, which tell each other things by moves; any of them may die at any step."""

from dataclasses import dataclass, field

from streams.frames import Frame, decode, encode_events
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.events import Event
from streams.model.ids import partition_for
from streams.model.moves import Move
from streams.model.profile import ProfileState
from streams.model.rules.standard import default_rules
from streams.ports import NewRecord
from streams.state.copy import MemoryCopy
from streams.state.flushing import take_flush
from streams.state.loading import Shape, catch_up, new_partition, restore
from streams.state.partition import Partition

PARTITIONS = 3
SHAPE = Shape(PARTITIONS, default_rules())


@dataclass
class Node:
    """A partition and the copy that its owner has."""

    number: int
    copy: MemoryCopy = field(default_factory=MemoryCopy)
    partition: Partition = field(init=False)

    def __post_init__(self) -> None:
        self.partition = new_partition(self.number, self.copy, SHAPE)


class Cluster:
    """Every step is one that an owner of a partition may take, or the end of one."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(PARTITIONS)
        self.nodes = [Node(number) for number in range(PARTITIONS)]

    async def send(self, events: list[Event]) -> None:
        for event in events:
            number = partition_for(event.workspace, event.profile, PARTITIONS)
            await self._append([(number, encode_events([event], event.received_ms))], event.received_ms)

    async def apply(self, number: int, frames: int = 3) -> bool:
        """Apply the next frames; say whether there were any."""
        partition = self.nodes[number].partition
        records = await self.log.read(topics.EVENTS, number, partition.offset + 1, frames)
        for record in records:
            partition.apply(record.offset, decode(record.value or b""))
        return bool(records)

    async def flush(self, number: int, times_sent: int = 1) -> bool:
        """Commit, and send the moves so many times, 0 when the owner died in between; say if there were any."""
        partition = self.nodes[number].partition
        flush = take_flush(partition, PARTITIONS)
        await self.log.append(flush.records)
        partition.seen.mark_written()
        for _ in range(times_sent):
            await self._append(flush.moves, flush.clock_ms)
        return bool(flush.moves)

    async def take_over(self, number: int) -> None:
        """Lose what was not committed; the next owner begins with what the log has."""
        node = self.nodes[number] = Node(number)
        await catch_up(self.log, number, node.copy)
        node.partition = new_partition(number, node.copy, SHAPE)
        await self._append(restore(node.partition, node.copy), node.partition.clock_ms)

    async def settle(self) -> None:
        """Go on until nobody has anything to say."""
        for _ in range(200):
            found = [await self.apply(number, 1_000) for number in range(PARTITIONS)]
            told = [await self.flush(number) for number in range(PARTITIONS)]
            if not any(found) and not any(told):
                return
        raise AssertionError("moves without end")

    async def replayed(self) -> tuple[dict[str, ProfileState], dict[tuple[int, int], list[Move]]]:
        """Return states and moves of one pass over the log, in which nobody dies."""
        states: dict[str, ProfileState] = {}
        moves: dict[tuple[int, int], list[Move]] = {}
        for number in range(PARTITIONS):
            partition = new_partition(number, MemoryCopy(), SHAPE)
            for frame, offset in await self.frames(number):
                partition.apply(offset, frame)
            for target, data in take_flush(partition, PARTITIONS).moves:
                batch = decode(data).moves
                assert batch is not None
                moves.setdefault((number, target), []).extend(batch.moves)
            states |= {state.id: state for state in partition.profiles}
        return states, moves

    async def frames(self, number: int) -> list[tuple[Frame, int]]:
        records = await self.log.read(topics.EVENTS, number, 0, 1_000_000)
        return [(decode(record.value or b""), record.offset) for record in records]

    async def moves_in_log(self) -> dict[tuple[int, int], list[Move]]:
        """Return the moves of each sender to each target, those that were sent again once."""
        found: dict[tuple[int, int], dict[int, Move]] = {}
        for target in range(PARTITIONS):
            for frame, _ in await self.frames(target):
                batch = frame.moves
                if batch is not None:
                    numbered = dict(enumerate(batch.moves, batch.first))
                    found.setdefault((batch.partition, target), {}).update(numbered)
        return {pair: [moves[number] for number in sorted(moves)] for pair, moves in found.items()}

    def states(self) -> dict[str, ProfileState]:
        return {state.id: state for node in self.nodes for state in node.partition.profiles}

    async def _append(self, frames: list[tuple[int, bytes]], at_ms: int) -> None:
        await self.log.append([NewRecord(topics.EVENTS, number, None, frame, at_ms) for number, frame in frames])

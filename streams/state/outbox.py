"""Moves on their way from one partition to others: each arrives once, in order."""

from collections.abc import Callable, Iterable

from streams.frames import encode_moves
from streams.model.ids import partition_for
from streams.model.moves import Move, MoveBatch
from streams.state.record_sizes import parts


class Outbox:
    """Numbers the moves of a partition by target. A target takes a number only if it is greater than the last it took
    from this partition, so sending the same batch again does nothing.
    """

    def __init__(self, partition: int, partitions: int) -> None:
        self.sent: dict[int, int] = {}
        self.taken: dict[int, int] = {}
        self._partition = partition
        self._partitions = partitions
        self._waiting: dict[int, list[Move]] = {}

    def restore(self, sent: dict[int, int], taken: dict[int, int]) -> None:
        """Take over the numbers of the last moves sent and taken, by partition."""
        self.sent, self.taken = dict(sent), dict(taken)

    def put(self, moves: Iterable[Move]) -> None:
        """Let moves go with the next flush."""
        for move in moves:
            target = partition_for(move.workspace, move.target, self._partitions)
            self._waiting.setdefault(target, []).append(move)

    def keep(self, is_kept: Callable[[Move], bool]) -> None:
        """Drop the waiting moves that are not to be kept; they have no numbers yet."""
        kept = {target: [m for m in moves if is_kept(m)] for target, moves in self._waiting.items()}
        self._waiting = {target: moves for target, moves in kept.items() if moves}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take_frames(self, clock_ms: int) -> list[tuple[int, bytes]]:
        """Return (target partition, frame) of all waiting moves; they are numbered now and no longer waiting."""
        frames = []
        for target, waiting in sorted(self._waiting.items()):
            for moves in parts(waiting, _size_of):
                last = self.sent.get(target, 0)
                frames.append((target, encode_moves(MoveBatch(self._partition, last + 1, tuple(moves)), clock_ms)))
                self.sent[target] = last + len(moves)
        self._waiting.clear()
        return frames

    def accept(self, batch: MoveBatch) -> tuple[Move, ...]:
        """Return those moves of the batch that were not taken before, and note them as taken."""
        last = self.taken.get(batch.partition, 0)
        fresh = batch.moves[max(0, last - batch.first + 1) :]
        if fresh:
            self.taken[batch.partition] = batch.first + len(batch.moves) - 1
        return fresh


def _size_of(move: Move) -> int:
    # At most four bytes a character, and some for the numbers.
    return len(move.body) + 4 * (len(move.workspace) + len(move.target) + len(move.source)) + 32

"""ProfileStore: the profiles of one partition, with what changed since the last flush."""

from collections.abc import Iterator

from streams.model.profiles import ProfileState
from streams.ports import NewRecord
from streams.state.codec import encode_profile, profile_key


class ProfileStore:
    """Holds every profile of the partition in memory; the state topic is its durable form."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str], ProfileState] = {}
        self._dirty: dict[tuple[str, str], None] = {}
        self._ahead: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._profiles)

    def __iter__(self) -> Iterator[ProfileState]:
        return iter(self._profiles.values())

    def get(self, workspace: str, profile: str) -> ProfileState:
        """Return the profile, a new one when it is not known."""
        return self._profiles.get((workspace, profile)) or ProfileState(workspace, profile)

    def put(self, state: ProfileState) -> None:
        """Replace the profile; it is written at the next flush."""
        key = (state.workspace, state.id)
        self._profiles[key] = state
        self._dirty[key] = None

    def restore(self, state: ProfileState, committed_offset: int) -> None:
        """Take over a profile read back. An interrupted flush may have left it ahead of the commit."""
        key = (state.workspace, state.id)
        self._profiles[key] = state
        if state.applied_offset > committed_offset:
            self._ahead[key] = state.applied_offset

    def includes(self, workspace: str, profile: str, offset: int) -> bool:
        """Say whether the profile was read back with the frame at `offset` already applied."""
        return bool(self._ahead) and self._ahead.get((workspace, profile), -1) >= offset

    def is_dirty(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self._dirty)

    def records(self, topic: str, partition: int, applied_offset: int, clock_ms: int) -> list[NewRecord]:
        """Return the changed profiles as records that include the frames up to `applied_offset`."""
        records = []
        for key in self._dirty:
            known = self._profiles[key]
            state = ProfileState(known.workspace, known.id, applied_offset, known.facts, known.score, known.cart)
            records.append(NewRecord(topic, partition, profile_key(*key), encode_profile(state), clock_ms))
        return records

    def mark_written(self) -> None:
        """Note that the changed profiles are durable."""
        self._dirty.clear()

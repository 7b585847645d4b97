"""ProfileStore: the profiles of one partition, packed: a profile is unpacked only while it is stepped."""

from collections.abc import Iterator, Mapping

from streams.model.profile import ProfileState
from streams.state import codec
from streams.state.copy import StateCopy

DEFAULT_HOT_PROFILES = 50_000
_MAX_UNPACKED = 16


class ProfileStore:
    """Profiles by key (workspace, unit separator, id).

    Those in use are in memory. When there are more than `hot_profiles`, the whole generation becomes the old one: what
    is used again moves back, the rest is forgotten with the next and read from the copy. So a hit costs one look-up,
    and memory is bounded.
    """

    def __init__(self, copy: StateCopy, hot_profiles: int = DEFAULT_HOT_PROFILES) -> None:
        self._hot: dict[str, bytes] = {}
        self._old: dict[str, bytes] = {}
        self._dirty: dict[str, bytes | None] = {}
        self._copy = copy
        self._unsaved: dict[bytes, bytes | None] = {}
        self._hot_profiles = hot_profiles

    def get(self, key: str) -> ProfileState:
        """Return the profile, a new one when it is not known. Raises FrameError when it does not decode."""
        value = self._hot.get(key) or self._fetch(key)
        if value is None:
            workspace, _, profile = key.partition("\x1f")
            return ProfileState(workspace, profile)
        return codec.decode_profile(value)

    def put_all(self, packed: Mapping[str, bytes]) -> None:
        """Replace profiles, as `codec.encode_profile` gives them; they are written at the next flush."""
        self._hot |= packed
        self._dirty |= packed

    def holds(self, key: str) -> bool:
        """Say whether the profile is known."""
        return bool(self._hot.get(key) or self._fetch(key))

    def remove(self, key: str) -> None:
        """Forget a profile; its record is deleted at the next flush."""
        self._hot.pop(key, None)
        self._old.pop(key, None)
        self._dirty[key] = None

    def is_dirty(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self._dirty)

    def take_dirty(self) -> dict[bytes, bytes | None]:
        """Hand over the records of the profiles that changed since the last call."""
        dirty, self._dirty = self._dirty, {}
        return {codec.PROFILE_PREFIX + key.encode(): packed for key, packed in dirty.items()}

    def flushed(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Note what a flush writes: from now on these are what is read when a profile is no longer hot."""
        self._unsaved |= changes
        if len(self._hot) > self._hot_profiles:
            self._old, self._hot = self._hot, {}

    def take_unsaved(self) -> dict[bytes, bytes | None]:
        """Return what the copy does not have yet; it stays readable here until `forget_unsaved`."""
        return dict(self._unsaved)

    def unsaved_records(self) -> int:
        """Return how many records the copy is behind."""
        return len(self._unsaved)

    def forget_unsaved(self, saved: Mapping[bytes, bytes | None]) -> None:
        """Note that the copy has these now."""
        for key, value in saved.items():
            if self._unsaved.get(key) is value:
                del self._unsaved[key]

    def __iter__(self) -> Iterator[ProfileState]:
        """Yield every profile as last flushed, in no particular order."""
        for key, value in self._copy.scan(codec.PROFILE_PREFIX):
            if key not in self._unsaved:
                yield codec.decode_profile(value)
        for key, packed in self._unsaved.items():
            if packed is not None and codec.is_profile_key(key):
                yield codec.decode_profile(packed)

    def _fetch(self, key: str) -> bytes | None:
        value = self._old.get(key)
        if value is None:
            if key in self._dirty:
                # Removed, and not written yet: what changed otherwise is hot.
                return None
            packed_key = codec.PROFILE_PREFIX + key.encode()
            value = self._unsaved[packed_key] if packed_key in self._unsaved else self._copy.get(packed_key)
        if value is not None:
            self._hot[key] = value
        return value


class UnpackedProfiles:
    """A few profiles of a store that stay unpacked from one step to the next: a company or product that very many have
    to do with takes long to unpack and to pack. Before somebody else reads one of them from the store, pack it.
    """

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self._states: dict[str, ProfileState] = {}
        self._changed: set[str] = set()

    def get(self, key: str) -> ProfileState:
        """Return the profile as last put, or as the store has it. Raises FrameError when it does not decode."""
        state = self._states.pop(key, None) or self._store.get(key)
        self._states[key] = state
        if len(self._states) > _MAX_UNPACKED:
            self.pack(next(iter(self._states)))
        return state

    def put(self, key: str, state: ProfileState) -> None:
        """Replace a profile."""
        self._states[key] = state
        self._changed.add(key)

    def pack(self, key: str) -> None:
        """Give the profile back to the store."""
        state = self._states.pop(key, None)
        if state is not None and key in self._changed:
            self._changed.remove(key)
            self._store.put_all({key: codec.encode_profile(state)})

    def pack_all(self) -> None:
        """Give all profiles back to the store."""
        for key in tuple(self._states):
            self.pack(key)

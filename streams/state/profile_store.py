"""ProfileStore: the profiles of one partition. Those in use are in memory, others packed in its copy."""

from collections.abc import Iterator

from streams.model.profile import ProfileState
from streams.state import codec
from streams.state.copy import StateCopy

DEFAULT_HOT_PROFILES = 50_000


class ProfileStore:
    """Profiles by key (workspace, unit separator, id).

    `hot` holds unpacked profiles. When there are more than `hot_profiles`, the whole generation becomes the old one:
    what is used again moves back, the rest is forgotten with the next. So a hit costs one look-up, and memory is
    bounded.
    """

    def __init__(self, copy: StateCopy, hot_profiles: int = DEFAULT_HOT_PROFILES) -> None:
        self.hot: dict[str, ProfileState] = {}
        self._old: dict[str, ProfileState] = {}
        self._dirty: dict[str, ProfileState] = {}
        self._copy = copy
        self._unsaved: dict[bytes, bytes | None] = {}
        self._hot_profiles = hot_profiles

    def get(self, key: str) -> ProfileState:
        """Return the profile, a new one when it is not known."""
        return self.hot.get(key) or self._fetch(key)

    def put(self, key: str, state: ProfileState) -> None:
        """Replace the profile; it is written at the next flush."""
        self.hot[key] = self._dirty[key] = state

    def is_dirty(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self._dirty)

    def take_dirty(self) -> dict[str, ProfileState]:
        """Hand over the profiles that changed since the last call."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    def packed(self, changes: dict[bytes, bytes | None]) -> None:
        """Note what a flush has packed: from now on these are what is read when a profile is no longer hot."""
        self._unsaved |= changes
        if len(self.hot) > self._hot_profiles:
            self._old, self.hot = self.hot, {}

    def take_unsaved(self) -> dict[bytes, bytes | None]:
        """Return what the copy does not have yet; it stays readable here until `forget_unsaved`."""
        return dict(self._unsaved)

    def unsaved_records(self) -> int:
        """Return how many records the copy is behind."""
        return len(self._unsaved)

    def forget_unsaved(self, saved: dict[bytes, bytes | None]) -> None:
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

    def _fetch(self, key: str) -> ProfileState:
        state = self._old.get(key)
        if state is None:
            packed_key = codec.PROFILE_PREFIX + key.encode()
            value = self._unsaved[packed_key] if packed_key in self._unsaved else self._copy.get(packed_key)
            if value is None:
                workspace, _, profile = key.partition("\x1f")
                return ProfileState(workspace, profile)
            state = codec.decode_profile(value)
        self.hot[key] = state
        return state

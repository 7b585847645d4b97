"""Which of two values of a key counts: the one known since later in event time. Custom ids are a bounded set.

What is known forgets whose profile it is, so that profiles merge in any order; `keys_shown` puts the own id first.
"""

from msgspec.structs import replace

from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState

MAX_CUSTOM = 10
"""So many kinds of custom ids are kept, the first by name."""
KEY_FIELDS = {
    "user": "user_id",
    "anon": "anonymous_id",
    "email": "email",
    "phone": "phone",
    "device": "device_id",
}
_Told = tuple[int, str]
_NOTHING: _Told = (0, "")


def says_nothing_new(known: ProfileKeys, told: ProfileKeys) -> bool:
    """Say whether all that an event names is known."""
    user, anonymous, email = told.user_id, told.anonymous_id, told.email
    return (
        (user is None or user == known.user_id)
        and (anonymous is None or anonymous == known.anonymous_id)
        and (email is None or email == known.email)
        and (told.phone is None or told.phone == known.phone)
        and (told.device_id is None or told.device_id == known.device_id)
        and (not told.custom or all(pair in known.custom for pair in told.custom))
    )


def keys_after(state: FactsState, event: Event) -> tuple[ProfileKeys, tuple[int, ...]]:
    """Return the keys with what the event names, and since when they are known."""
    known, told = state.keys, event.keys
    before = _told(known, state.keys_at_ms or _since(known, state.first_seen_ms))
    first_ms = min(state.first_seen_ms or event.at_ms, event.at_ms)
    now = [
        # What is told again is known since it was told first.
        old if not value or value == old[1] else max(old, (event.at_ms, value))
        for old, value in zip(before, _values(told), strict=True)
    ]
    return _assembled(now, first_ms, known.custom, told.custom)


def keys_of_both(mine: FactsState, theirs: FactsState) -> tuple[ProfileKeys, tuple[int, ...], int]:
    """Return the keys of both, since when they are known, and when either was seen first."""
    first_ms = min(mine.first_seen_ms or theirs.first_seen_ms, theirs.first_seen_ms or mine.first_seen_ms)
    one, other = (_told(s.keys, s.keys_at_ms or _since(s.keys, s.first_seen_ms)) for s in (mine, theirs))
    return (
        *_assembled(
            [max(pair) for pair in zip(one, other, strict=True)], first_ms, mine.keys.custom, theirs.keys.custom
        ),
        first_ms,
    )


def keys_shown(profile: str, known: ProfileKeys) -> ProfileKeys:
    """Return the keys as the profile shows them: of its own kind it shows its own id, whatever was merged into it."""
    kind, _, value = profile.partition(":")
    if kind == "custom":
        name, _, value = value.partition(":")
        own = {name: value, **{other: told for other, told in known.custom if other != name}}
        return replace(known, custom=tuple(sorted(own.items())))
    field = KEY_FIELDS.get(kind)
    if field is None or getattr(known, field) == value:
        return known
    return replace(known, **{field: value})


def keys_without(keys: ProfileKeys, kind: str, value: str) -> ProfileKeys:
    """Return the keys but for this one; a custom kind is "custom:kind"."""
    user, anonymous, email, phone, device = (
        None if (kind, value) == pair else pair[1]
        for pair in (
            ("user", keys.user_id),
            ("anon", keys.anonymous_id),
            ("email", keys.email),
            ("phone", keys.phone),
            ("device", keys.device_id),
        )
    )
    custom = tuple(pair for pair in keys.custom if (f"custom:{pair[0]}", pair[1]) != (kind, value))
    return ProfileKeys(user, anonymous, email, phone, device, custom)


def _values(keys: ProfileKeys) -> tuple[str | None, ...]:
    return keys.user_id, keys.anonymous_id, keys.email, keys.phone, keys.device_id


def _since(keys: ProfileKeys, at_ms: int) -> tuple[int, ...]:
    return tuple(at_ms if value else 0 for value in _values(keys))


def _told(keys: ProfileKeys, at_ms: tuple[int, ...]) -> list[_Told]:
    return [(at, value) if value else _NOTHING for at, value in zip(at_ms, _values(keys), strict=True)]


def _assembled(
    told: list[_Told], first_ms: int, *custom: tuple[tuple[str, str], ...]
) -> tuple[ProfileKeys, tuple[int, ...]]:
    ids = dict(sorted(pair for pairs in custom for pair in pairs))  # of two of one kind the last by name
    user, anonymous, email, phone, device = (value or None for _, value in told)
    keys = ProfileKeys(user, anonymous, email, phone, device, tuple(ids.items())[:MAX_CUSTOM])
    at_ms = tuple(at for at, _ in told)
    return keys, () if at_ms == _since(keys, first_ms) else at_ms

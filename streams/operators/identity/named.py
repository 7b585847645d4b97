"""The ids that an event names, as profile ids."""

from collections.abc import Iterator

from streams.model.events import Event, ProfileKeys
from streams.model.junk import is_junk

MOST_CUSTOM = 10
"""So many custom ids of one event are looked at."""


def unknown_ids(known: ProfileKeys, told: ProfileKeys) -> Iterator[str]:
    """Yield the ids in `told` that differ from those in `known`; never a placeholder."""
    for kind, value, old in (
        ("user", told.user_id, known.user_id),
        ("anon", told.anonymous_id, known.anonymous_id),
        ("email", told.email, known.email),
        ("phone", told.phone, known.phone),
        ("device", told.device_id, known.device_id),
    ):
        if value and value != old and not is_junk(value):
            yield f"{kind}:{value}"
    for pair in told.custom[:MOST_CUSTOM]:
        if pair not in known.custom and not is_junk(pair[1]):
            yield f"custom:{pair[0]}:{pair[1]}"


def previous_ids(event: Event) -> tuple[str, ...]:
    """Return the ids that an alias may mean: its sender does not say whether it was a user or a browser."""
    value = event.properties.get("previous_id")
    if not isinstance(value, str | int) or is_junk(str(value)):
        return ()
    return f"user:{value}", f"anon:{value}"


def kind_and_value(profile: str) -> tuple[str, str]:
    """Return a profile id's kind (a custom one with its name) and value."""
    kind, _, value = profile.partition(":")
    if kind != "custom":
        return kind, value
    name, _, value = value.partition(":")
    return f"custom:{name}", value

"""Erasure: the words in which the engine, the log and the people who ask speak of taking a person out of everything."""

from collections.abc import Iterator

from msgspec import Struct

from streams.model.events import Event, ProfileKeys
from streams.model.junk import is_junk


class Erase(Struct, frozen=True, array_like=True):
    """The body of an ERASE control record: `ids` are the person's, and go; `others` are profiles of other people,
    companies and products that name them, with or without the person's doing. `aliases` stand for the ids where what
    the person had brought to others keeps its label. `spared` are values of other people's ids that one of the person's
    is part of. Once the erasure is done, the record keeps only `erasure`.
    """

    erasure: str
    ids: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    spared: tuple[str, ...] = ()


def ids_named(keys: ProfileKeys) -> Iterator[str]:
    """Yield every id that the keys name, as profiles are called; no placeholder."""
    for kind, value in (
        ("user", keys.user_id),
        ("anon", keys.anonymous_id),
        ("email", keys.email),
        ("phone", keys.phone),
        ("device", keys.device_id),
    ):
        if value and not is_junk(value):
            yield f"{kind}:{value}"
    for kind, value in keys.custom:
        if value and not is_junk(value):
            yield f"custom:{kind}:{value}"


def ids_of(event: Event) -> set[str]:
    """Return every id that the event names, its profile's and previous ones included."""
    found = {event.profile, *ids_named(event.keys)}
    previous = event.properties.get("previous_id") if event.properties else None
    if isinstance(previous, str | int) and not is_junk(str(previous)):
        found |= {f"user:{previous}", f"anon:{previous}"}
    return found

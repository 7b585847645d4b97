"""FactsState: who a profile is and what it did last."""

from typing import Any

from msgspec import Struct

from streams.model.events import ProfileKeys


class Trait(Struct, frozen=True, array_like=True, gc=False):
    """What a person told about itself, when (event time) and through which source; the latest word counts."""

    value: Any
    at_ms: int
    source: str


class Interaction(Struct, frozen=True, array_like=True, gc=False):
    """One line of a profile's recent history."""

    name: str
    at_ms: int
    source: str
    value: float | None = None
    detail: str = ""


class Activity(Struct, frozen=True, array_like=True, gc=False):
    """How much an id that was merged into the profile had done."""

    events: int
    sessions: int
    first_seen_ms: int
    last_seen_ms: int


class FactsState(Struct, frozen=True, array_like=True):
    """`recent` is newest last and bounded. Counts are the profile's own; those of merged ids are in `moved`, by id
    (`label_of`). `last_seen_ms` is event time; a gap of half an hour before an event begins a session.

    `keys_at_ms` are the event times since which the keys are known, in the order of their fields without `custom`;
    empty: all since `first_seen_ms`.
    """

    keys: ProfileKeys = ProfileKeys()
    traits: dict[str, Trait] = {}
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    events: int = 0
    sessions: int = 0
    recent: tuple[Interaction, ...] = ()
    moved: dict[str, Activity] = {}
    keys_at_ms: tuple[int, ...] = ()

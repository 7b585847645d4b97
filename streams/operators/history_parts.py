"""Traits and recent history as joins: whatever arrives first, the newest of all stay."""

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.model.events import Event
from streams.model.facts import (
    HALF_RECENT,
    Activity,
    FactsState,
    Interaction,
    Trait,
    line_rank,
    newest,
    pack_line,
    packed,
    unpacked,
)

MAX_TRAITS = 100
MAX_TRAIT_BYTES = 1_024
"""Longer text is cut; another value that is longer as JSON is dropped."""
MAX_TRAITS_BYTES = 32_768
"""Of all traits of a profile as JSON of name and value; those told longest ago go first."""
_MAX_TRAIT_NAME_CHARS = 256
_FEW_CHARS = MAX_TRAIT_BYTES // 4  # fit in any script
_DROPPED = object()
_json = msgspec.json.Encoder(order="sorted").encode


def lines_with(state: FactsState, event: Event, detail: str) -> tuple[bytes, int, bytes]:
    """Return the newer lines, how many those are, and the older, with the event as one more line.

    A line newer than all others, as lines mostly are, is put behind them; when the newer half is full it becomes the
    older one. Any other line is put in its place.
    """
    count, at_ms = state.line_count, event.at_ms
    # A tuple is packed as an Interaction is, and costs less.
    line = event.name, at_ms, event.source, event.value, detail
    if at_ms <= state.last_seen_ms or count > HALF_RECENT:
        return _lines_among(state, Interaction(*line))
    if count < HALF_RECENT:
        return state.lines + pack_line(line), count + 1, state.older
    return pack_line(line), 1, state.lines


def _lines_among(state: FactsState, line: Interaction) -> tuple[bytes, int, bytes]:
    """Put a line in its place: mostly among the newer ones, which then have room."""
    count = state.line_count
    if count < HALF_RECENT:
        newer = unpacked(state.lines, count)
        place, rank = count, line_rank(line)
        while place and line_rank(newer[place - 1]) > rank:
            place -= 1
        if place and line_rank(newer[place - 1]) == rank:
            return state.lines, count, state.older
        if place or not state.older:
            newer.insert(place, line)
            return packed(newer), count + 1, state.older
    return _halves(newest((*state.kept_lines(), line)))


def lines_of_both(mine: FactsState, theirs: FactsState) -> tuple[bytes, int, bytes]:
    """Return the newest lines of both, as `lines_with` does."""
    return _halves(newest((*mine.kept_lines(), *theirs.kept_lines())))


def _halves(lines: tuple[Interaction, ...]) -> tuple[bytes, int, bytes]:
    older = lines[:HALF_RECENT] if len(lines) > HALF_RECENT else ()
    newer = lines[len(older) :]
    return packed(newer), len(newer), packed(older)


def traits_after(known: Mapping[str, Trait], event: Event) -> dict[str, Trait]:
    """Return the traits with those that the event tells, as many of the newest as may be kept."""
    traits = dict(known)
    for name, value in event.traits.items():
        kept = _bounded(name, value)
        if kept is not _DROPPED:
            _take(traits, name, Trait(kept, event.at_ms, event.source))
    return _newest(traits)


def traits_of_both(mine: dict[str, Trait], theirs: dict[str, Trait]) -> dict[str, Trait]:
    """Return of each trait the latest word; of the traits, as many of the newest as may be kept."""
    traits = dict(mine)
    for name, trait in theirs.items():
        _take(traits, name, trait)
    return _newest(traits)


def activities_of_both(mine: dict[str, Activity], theirs: dict[str, Activity]) -> dict[str, Activity]:
    """Return the counts of both; a label stands for one and the same past, so the larger knows all of it."""
    if not theirs:
        return mine
    both = dict(mine)
    for label, activity in theirs.items():
        both[label] = max(both.get(label, activity), activity, key=_activity_rank)
    return both


def _activity_rank(activity: Activity) -> tuple[int, int, int, int]:
    return activity.events, activity.sessions, -activity.first_seen_ms, activity.last_seen_ms


def _trait_rank(trait: Trait) -> tuple[int, str, bytes]:
    return trait.at_ms, trait.source, _json(trait.value)


def _take(traits: dict[str, Trait], name: str, trait: Trait) -> None:
    known = traits.get(name)
    if known is None or known.at_ms < trait.at_ms or (known != trait and _trait_rank(known) < _trait_rank(trait)):
        traits.pop(name, None)  # the order of the dict is the order in which they were last told
        traits[name] = trait


def _newest(traits: dict[str, Trait]) -> dict[str, Trait]:
    excess = len(traits) - MAX_TRAITS
    sizes = {name: len(_json(name)) + len(_json(trait.value)) + 2 for name, trait in traits.items()}
    excess_bytes = sum(sizes.values()) - MAX_TRAITS_BYTES
    if excess <= 0 and excess_bytes <= 0:
        return traits
    for name in sorted(traits, key=lambda name: (traits[name].at_ms, name)):
        if excess <= 0 and excess_bytes <= 0:
            break
        del traits[name]
        excess -= 1
        excess_bytes -= sizes[name]
    return traits


def _bounded(name: str, value: Any) -> Any:
    if len(name) > _MAX_TRAIT_NAME_CHARS:
        return _DROPPED
    if isinstance(value, str):
        return value.encode()[:MAX_TRAIT_BYTES].decode(errors="ignore") if len(value) > _FEW_CHARS else value
    return value if len(_json(value)) <= MAX_TRAIT_BYTES else _DROPPED

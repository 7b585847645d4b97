"""History: who the profile is, what it told about itself, how often it came and the last things it did."""

from typing import Any

from streams.model.events import Event, ProfileKeys
from streams.model.facts import Activity, FactsState
from streams.operators import history_parts
from streams.operators.base import Stepped
from streams.operators.history_keys import keys_after, keys_of_both, keys_without, says_nothing_new
from streams.operators.history_parts import lines_with

_NO_KEYS = ProfileKeys()
SESSION_GAP_MS = 1_800_000
_MAX_DETAIL_CHARS = 120


class History:
    """Keeps keys, traits, counts and recent history, all of bounded size. Late events change what they are about, never
    what is known from later ones.
    """

    def on_event(self, state: FactsState, event: Event, now_ms: int) -> Stepped[FactsState]:  # noqa: ARG002  protocol
        """Return the state with the event noted."""
        at_ms = event.at_ms
        lines, count, older = lines_with(state, event, _detail(event.properties))
        first_ms, last_ms = state.first_seen_ms, state.last_seen_ms
        sessions = state.sessions
        if at_ms > last_ms:
            if at_ms - last_ms > SESSION_GAP_MS or not last_ms:
                sessions += 1
            last_ms = at_ms
        if at_ms < first_ms or not first_ms:
            first_ms = at_ms
        keys, keys_at_ms = state.keys, state.keys_at_ms
        if event.keys != keys and not says_nothing_new(keys, event.keys):
            if keys == _NO_KEYS and not event.keys.custom:
                keys = event.keys
            else:
                keys, keys_at_ms = keys_after(state, event)
        traits = history_parts.traits_after(state.traits, event) if event.traits else state.traits
        moved, events = state.moved, state.events + 1
        facts = FactsState(keys, traits, first_ms, last_ms, events, sessions, lines, count, older, moved, keys_at_ms)
        return facts, ()

    def exported(self, state: FactsState, source: str) -> FactsState:
        """Return the facts as they travel: the profile's own counts stand under the label `source`."""
        moved = state.moved
        if state.events:
            own = Activity(state.events, state.sessions, state.first_seen_ms, state.last_seen_ms)
            moved = {**moved, source: own}
        return self.merged(_with(state, events=0, sessions=0, moved=moved), FactsState())

    def merged(self, mine: FactsState, theirs: FactsState) -> FactsState:
        """Return both; `theirs` were exported. In whatever order and how often: the result is the same (but for which
        traits stay when together they are longer than may be kept).
        """
        keys, keys_at_ms, first_ms = keys_of_both(mine, theirs)
        return FactsState(
            keys,
            history_parts.traits_of_both(mine.traits, theirs.traits),
            first_ms,
            max(mine.last_seen_ms, theirs.last_seen_ms),
            mine.events + theirs.events,
            mine.sessions + theirs.sessions,
            *history_parts.lines_of_both(mine, theirs),
            history_parts.activities_of_both(mine.moved, theirs.moved),
            keys_at_ms,
        )

    def detached(self, state: FactsState, source: str) -> tuple[FactsState, FactsState]:
        """Take out the counts under the label `source`; lines and traits can't be told apart and stay."""
        part = state.moved.get(source)
        if part is None:
            return state, FactsState()
        rest = {label: activity for label, activity in state.moved.items() if label != source}
        return (
            _with(state, events=state.events, sessions=state.sessions, moved=rest),
            FactsState(first_seen_ms=part.first_seen_ms, last_seen_ms=part.last_seen_ms, moved={source: part}),
        )


def activity_of(state: FactsState) -> Activity:
    """Return what the profile and all that was merged into it have done together."""
    parts = state.moved.values()
    return Activity(
        state.events + sum(part.events for part in parts),
        state.sessions + sum(part.sessions for part in parts),
        state.first_seen_ms,
        state.last_seen_ms,
    )


def without_key(state: FactsState, kind: str, value: str) -> FactsState:
    """Return the facts without a key that is not the profile's after all."""
    without = keys_without(state.keys, kind, value)
    if without == state.keys:
        return state
    return _with(state, events=state.events, sessions=state.sessions, moved=state.moved, keys=without)


def _with(
    state: FactsState, *, events: int, sessions: int, moved: dict[str, Activity], keys: ProfileKeys | None = None
) -> FactsState:
    return FactsState(
        state.keys if keys is None else keys,
        state.traits,
        state.first_seen_ms,
        state.last_seen_ms,
        events,
        sessions,
        state.lines,
        state.line_count,
        state.older,
        moved,
        state.keys_at_ms,
    )


def _detail(properties: dict[str, Any]) -> str:
    if not properties:
        return ""
    get = properties.get
    value = (
        get("title")
        or get("path")
        or get("name")
        or get("product_id")
        or get("form")
        or get("subject")
        or get("order_id")
        or get("campaign")
    )
    return str(value)[:_MAX_DETAIL_CHARS] if value else ""

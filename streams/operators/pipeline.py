"""The pipeline: every operator over a profile, in order. The only entry that the loops call."""

from msgspec import Struct

from streams.model.events import Event
from streams.model.profiles import ProfileState
from streams.model.triggers import Trigger, trigger_id
from streams.operators.abandonment import AbandonmentRules, CartAbandonment
from streams.operators.base import Firing
from streams.operators.facts import Facts
from streams.operators.lead_score import LeadScore, ScoreRules

CONTACT_TRAITS = ("name", "first_name", "last_name", "email", "phone", "language", "timezone")


class Rules(Struct, frozen=True):
    """The rules of all operators, as data."""

    score: ScoreRules = ScoreRules()
    abandonment: AbandonmentRules = AbandonmentRules()


class Pipeline:
    """Pure: the same state, event and time give the same result, and nothing passed in is changed."""

    def __init__(self, rules: Rules) -> None:
        self.facts = Facts()
        self.score = LeadScore(rules.score)
        self.cart = CartAbandonment(rules.abandonment)

    def on_event(self, state: ProfileState, event: Event, now_ms: int) -> tuple[ProfileState, tuple[Trigger, ...]]:
        """Return the profile after `event` at log time `now_ms`, and what fired."""
        facts = self.facts.on_event(state.facts, event, now_ms)
        score = self.score.on_event(state.score, event, now_ms)
        cart = self.cart.on_event(state.cart, event, now_ms)
        after = ProfileState(state.workspace, state.id, state.applied_offset, facts.state, score.state, cart.state)
        firings = score.firings + cart.firings
        return after, _triggers(after, firings, now_ms) if firings else ()

    def on_timer(self, state: ProfileState, now_ms: int) -> tuple[ProfileState, tuple[Trigger, ...]]:
        """Return the profile after the timers due by `now_ms`, and what fired."""
        cart = self.cart.on_timer(state.cart, now_ms)
        after = ProfileState(state.workspace, state.id, state.applied_offset, state.facts, state.score, cart.state)
        return after, _triggers(after, cart.firings, now_ms)

    def next_timer(self, state: ProfileState) -> int:
        """Return the log time of the profile's next timer, or 0."""
        return self.cart.next_timer(state.cart)


def _triggers(state: ProfileState, firings: tuple[Firing, ...], now_ms: int) -> tuple[Trigger, ...]:
    traits = {name: state.facts.traits[name] for name in CONTACT_TRAITS if name in state.facts.traits}
    return tuple(
        Trigger(
            trigger_id(state.workspace, firing.rule, state.id, firing.occurrence),
            state.workspace,
            firing.rule,
            state.id,
            firing.occurrence,
            now_ms,
            firing.due_ms,
            state.facts.keys,
            traits,
            firing.data,
        )
        for firing in firings
    )

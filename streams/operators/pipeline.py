"""The pipeline: every operator over a profile, in order, by the rules of one workspace. The only entry that loops call."""

from typing import TypeAlias

from streams.model.events import Event
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.triggers import Trigger, trigger_id
from streams.operators.accounts import Accounts
from streams.operators.base import Firing
from streams.operators.history import History
from streams.operators.identity import Identity
from streams.operators.pages import Pages
from streams.operators.products import Products
from streams.operators.scoring import Scoring
from streams.operators.windows import Abandonment

CONTACT_TRAITS = ("name", "first_name", "last_name", "email", "phone", "language", "timezone")

Effects: TypeAlias = tuple[ProfileState, tuple[Trigger, ...], tuple[Move, ...]]
"""The profile after a step, what fired, and what other profiles are told."""


class Pipeline:
    """Pure: the same state, event and time give the same result, and nothing passed in is changed.

    Raises RuleError for rules that can't be used; its steps raise RuleFailedError when a rule fails.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._pages = Pages(rules.pages)
        self._history = History()
        self._scoring = Scoring(rules.scores)
        self._windows = Abandonment(rules.abandonment)
        self._products = Products(rules.products)
        self._identity = Identity(rules.identity)
        self._accounts = Accounts(rules.scores)

    def on_event(self, state: ProfileState, event: Event, now_ms: int) -> Effects:
        """Return what `event` does to the profile at log time `now_ms`."""
        name = self._pages.name_of(event) if event.name == "page_viewed" else event.name
        facts, _ = self._history.on_event(state.facts, event, now_ms)
        scores, firings = self._scoring.on_event(state.scores, event, name, facts, now_ms)
        windows, left = self._windows.on_event(state.windows, event, name, facts, now_ms)
        ...

"""The pipeline: every operator over a profile, in order, by the rules of one workspace. The only entry of the loops."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from zlib import crc32

import msgspec
from msgspec.structs import replace

from streams.model.events import Event
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.scores import ScoreState
from streams.model.triggers import Trigger, trigger_id
from streams.operators.accounts import JOINS_GROUP, Accounts
from streams.operators.base import Firing, Stepped
from streams.operators.history import History
from streams.operators.history_keys import keys_shown
from streams.operators.identity.nodes import IDENTITY_EVENTS, Identity
from streams.operators.identity.parcels import SCORES
from streams.operators.merging import Merging
from streams.operators.pages import Pages
from streams.operators.product_moves import ProductMoves
from streams.operators.rule_checks import check_rule_set
from streams.operators.scoring import Scoring
from streams.operators.windows import Abandonment

CONTACT_TRAITS = ("name", "first_name", "last_name", "email", "phone", "language", "timezone")
PAGE_VIEWED = "page_viewed"
_OF_WHO_HOLDS = (MoveKind.RESCORE, MoveKind.NOTIFY)
_MOVING_SCORES = (MoveKind.CLAIM, MoveKind.ABSORB, MoveKind.RESTORE)

Effects: TypeAlias = tuple[ProfileState, tuple[Trigger, ...], tuple[Move, ...]]
"""The profile after a step, what fired, and what other profiles are told."""


class Pipeline:
    """Pure: the same state, event and time give the same result, and nothing passed in is changed.

    Raises RuleError for rules that can't be used; its steps raise RuleFailedError when a rule fails.
    """

    def __init__(self, rules: RuleSet, recomputing: Mapping[str, int] | None = None) -> None:
        """`recomputing`: the scores that are being computed anew, with the number of the recompute."""
        self.rules = rules
        self.fingerprint = crc32(msgspec.json.encode(rules)) | 1
        self._recomputing = dict(recomputing or {})
        self._pages = Pages(rules.pages)
        self._history = History()
        self._scoring = Scoring(rules.scores)
        self._windows = Abandonment(rules.abandonment)
        self._products = ProductMoves(rules.products)
        self._accounts = Accounts(rules.scores[0] if rules.scores else None)
        merging = Merging(self._history, self._scoring, self._windows, self._settled, self._scoring.adapted)
        self._identity = Identity(rules.identity, merging)
        check_rule_set(rules)
        self._rare = IDENTITY_EVENTS | {JOINS_GROUP}

    def on_event(self, state: ProfileState, event: Event, now_ms: int) -> Effects:
        """Return what `event` does to the profile at log time `now_ms`."""
        if state.rules != self.fingerprint or (self._recomputing and state.scores):
            state = self.migrated(state, now_ms)
        name = event.name
        if name == PAGE_VIEWED:
            name = self._pages.name_of(event)
        moves: tuple[Move, ...] = ()
        if event.keys != state.facts.keys:
            moves = self._identity.claims(state, event, now_ms)
        facts, _ = self._history.on_event(state.facts, event, now_ms)
        has_new_traits = facts.traits is not state.facts.traits
        scores, firings = self._scoring.on_event(
            state.scores, event, name, facts, now_ms, has_new_traits=has_new_traits
        )
        if has_new_traits:
            scores, more = self._scoring.on_traits(scores, facts, now_ms, event)
            firings += more
        if self._recomputing and len(scores) > len(state.scores):
            scores = self._scoring.begun(scores, state.scores, state.id, self._recomputing)
        windows = state.windows
        if name in self._windows.names:
            windows, _ = self._windows.on_event(windows, event, name, facts, now_ms)
        after = ProfileState(
            state.workspace,
            state.id,
            facts,
            scores,
            windows,
            state.identity,
            state.account,
            state.product,
            state.rules,
        )
        if event.name in self._rare:
            after, told = self._on_rare(after, event, now_ms)
            moves += told
        if self._products.is_on:
            after, told = self._products.on_event(after, event, name, now_ms)
            moves += told
        return after, _triggers(after, firings, now_ms) if firings else (), moves

    def on_timer(self, state: ProfileState, now_ms: int) -> Effects:
        """Return the profile after the timers due by `now_ms`, and what fired."""
        if state.rules != self.fingerprint:
            state = self.migrated(state, now_ms)
        windows, firings = self._windows.on_timer(state.windows, now_ms)
        after = replace(state, windows=windows)
        return after, _triggers(after, firings, now_ms), ()

    def on_move(self, state: ProfileState, move: Move, now_ms: int) -> Effects:
        """Return what a move does to its target; a FORWARD to a free target is an event of it, and not for here."""
        holder = state.identity.moved_to
        if holder and move.kind in _OF_WHO_HOLDS:
            return state, (), (replace(move, target=holder, at_ms=now_ms),)
        state = self.migrated(state, now_ms)
        moves: tuple[Move, ...] = ()
        if self._recomputing and move.kind in _MOVING_SCORES:
            state = replace(state, scores=self._marked(state.scores, state.id, self._recomputing))
        if move.kind is MoveKind.RESCORE:
            recompute = SCORES.unpacked(move.body)
            found = self._scoring.adapted(recompute.scores, now_ms)
            scores = self._marked(state.scores, state.id, found)
            scores = self._scoring.replaced(scores, found, recompute.owner, state.id, recompute.mark)
            return replace(state, scores=scores), (), ()
        if move.kind is MoveKind.MEMBER:
            after, firings = self._accounts.on_member(state, move, now_ms)
        elif move.kind in (MoveKind.INTEREST, MoveKind.NOTIFY):
            after, firings = self._products.on_move(state, move, now_ms)
        else:
            after, moves, firings = self._identity.on_move(state, move, now_ms)
        return after, _triggers(after, firings, now_ms), moves

    def member_moves(self, before: ProfileState, after: ProfileState, now_ms: int) -> tuple[Move, ...]:
        """Return what the profile's companies hear of a change."""
        return self._accounts.member_moves(before, after, now_ms)

    def migrated(self, state: ProfileState, now_ms: int) -> ProfileState:
        """Return the profile as these rules see it from `now_ms` on, after it was written under others. What it has
        earned is set apart where it is being computed anew; a score that it has not can wait until it earns.
        """
        scores, windows = state.scores, state.windows
        if state.rules != self.fingerprint:
            # Whoever wrote no rules down (version 1) wrote no half-life either: points are those of the latest event.
            since_ms = now_ms if state.rules else 0
            if scores or state.facts.traits:
                scores = self._scoring.migrated(scores, state.facts, since_ms)
            windows = self._windows.migrated(windows) if windows.windows else windows
        scores = self._marked(scores, state.id, scores)
        if state.rules == self.fingerprint and scores is state.scores:
            return state
        return replace(state, scores=scores, windows=windows, rules=self.fingerprint)

    def _marked(self, scores: dict[str, ScoreState], profile: str, names: Iterable[str]) -> dict[str, ScoreState]:
        """Return the scores with those of the names that are being computed anew marked, be there any or not."""
        for score in names:
            if score in self._recomputing:
                scores = self._scoring.marked(scores, score, profile, self._recomputing[score])
        return scores

    def _on_rare(self, state: ProfileState, event: Event, now_ms: int) -> tuple[ProfileState, tuple[Move, ...]]:
        if event.name == JOINS_GROUP:
            return self._accounts.on_event(state, event, now_ms)
        return self._identity.on_event(state, event, now_ms)

    def _settled(self, state: ProfileState, now_ms: int) -> Stepped[ProfileState]:
        scores, firings = self._scoring.on_traits(state.scores, state.facts, now_ms)
        return (state if scores is state.scores else replace(state, scores=scores)), firings


def _triggers(state: ProfileState, firings: tuple[Firing, ...], now_ms: int) -> tuple[Trigger, ...]:
    told = state.facts.traits
    keys = keys_shown(state.id, state.facts.keys)
    traits = {name: told[name].value for name in CONTACT_TRAITS if name in told}
    return tuple(
        Trigger(
            trigger_id(state.workspace, firing.rule, state.id, firing.occurrence),
            state.workspace,
            firing.rule,
            state.id,
            firing.occurrence,
            now_ms,
            firing.due_ms,
            keys,
            traits,
            firing.data,
        )
        for firing in firings
    )

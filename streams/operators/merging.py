"""Merging of whole profiles: every operator's part by its own rule, and the ids that come along."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from msgspec.structs import replace

from streams.model.facts import FactsState
from streams.model.identity import IdentityState, profile_of
from streams.model.profile import ProfileState
from streams.model.scores import ScoreState
from streams.model.windows import WindowsState
from streams.operators.accounts import groups_of_both
from streams.operators.base import Firing, Stepped

MAX_DETACHED = 50
S = TypeVar("S")
Scores: TypeAlias = dict[str, ScoreState]


class Part(Protocol[S]):
    """An operator over a part of a profile, as far as merges need it. `source` is a label, used for one join only."""

    def exported(self, state: S, source: str) -> S:
        """Return the part as it travels, the profile's own counts under the label `source`."""
        ...

    def merged(self, mine: S, theirs: S) -> S:
        """Return both; associative, commutative and idempotent over exported states."""
        ...

    def detached(self, state: S, source: str) -> tuple[S, S]:
        """Return the state without what stands under `source`, and that by itself."""
        ...


def announces_nothing(state: ProfileState, now_ms: int) -> Stepped[ProfileState]:  # noqa: ARG001  as others do
    """Leave a merged profile as it is."""
    return state, ()


def takes_as_it_is(scores: Scores, now_ms: int) -> Scores:  # noqa: ARG001  as others do
    """Leave scores that have come as they are."""
    return scores


class Merging:
    """`settle` judges what only the whole can tell (fit, tiers, the next timer) after the profile has changed; `adapt`
    brings scores that were sent under other rules under these.
    """

    def __init__(
        self,
        facts: Part[FactsState],
        scores: Part[Scores],
        windows: Part[WindowsState],
        settle: Callable[[ProfileState, int], Stepped[ProfileState]] = announces_nothing,
        adapt: Callable[[Scores, int], Scores] = takes_as_it_is,
    ) -> None:
        self._facts = facts
        self._scores = scores
        self._windows = windows
        self._settle = settle
        self._adapt = adapt

    def exported(self, state: ProfileState, label: str) -> ProfileState:
        """Return the profile as it travels, with its own id among its ids."""
        identity = state.identity
        return ProfileState(
            state.workspace,
            state.id,
            self._facts.exported(state.facts, label),
            self._scores.exported(state.scores, label),
            self._windows.exported(state.windows, label),
            IdentityState(
                ids=_union(identity.ids, (state.id,)),
                detached=identity.detached,
                groups=identity.groups,
                joins=identity.joins,
            ),
        )

    def arrived(self, parcel: ProfileState, now_ms: int) -> ProfileState:
        """Return what was exported, when it has come; the rules may have changed meanwhile."""
        return replace(parcel, scores=self._adapt(parcel.scores, now_ms))

    def merged(self, mine: ProfileState, theirs: ProfileState) -> ProfileState:
        """Return both under the id of `mine`; `theirs` was exported, and has arrived."""
        return ProfileState(
            mine.workspace,
            mine.id,
            self._facts.merged(mine.facts, theirs.facts),
            self._scores.merged(mine.scores, theirs.scores),
            self._windows.merged(mine.windows, theirs.windows),
            identity_of_both(mine.identity, theirs.identity),
            mine.account,
            mine.product,
            mine.rules,
        )

    def settled(self, state: ProfileState, now_ms: int) -> tuple[ProfileState, tuple[Firing, ...]]:
        """Return the profile after a merge as the rules see it, and what fires."""
        return self._settle(state, now_ms)

    def detached(self, state: ProfileState, profile: str) -> tuple[ProfileState, ProfileState]:
        """Return the profile without what `profile` had brought, and that as it travels; ids are the caller's."""
        facts, scores, windows = state.facts, state.scores, state.windows
        part = ProfileState(state.workspace, profile)
        for label in [label for label in state.facts.moved if profile_of(label) == profile]:
            facts, of_facts = self._facts.detached(facts, label)
            scores, of_scores = self._scores.detached(scores, label)
            windows, of_windows = self._windows.detached(windows, label)
            part = self.merged(part, ProfileState(state.workspace, profile, of_facts, of_scores, of_windows))
        rest = replace(state, facts=facts, scores=scores, windows=windows)
        return rest, part


def identity_of_both(mine: IdentityState, theirs: IdentityState) -> IdentityState:
    """Return the ids, companies and exclusions of both; what the id itself has heard of others stays as it is."""
    joins = dict(mine.joins)
    for name, join in theirs.joins.items():
        joins[name] = max(join, joins.get(name, 1))
    return IdentityState(
        mine.moved_to,
        _union(mine.ids, theirs.ids),
        mine.claimed_by,
        mine.is_shared,
        _union(mine.detached, theirs.detached)[:MAX_DETACHED],
        groups_of_both(mine.groups, theirs.groups),
        mine.joined,
        joins,
    )


def _union(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*mine, *theirs}))

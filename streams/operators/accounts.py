"""Accounts: companies (group:…) whose score is the sum of their members' scores, with tiers and an MQL of their own."""

from collections.abc import Iterable
from math import exp2, fsum
from typing import Any

import msgspec
from msgspec.structs import replace

from streams.model.events import Event
from streams.model.identity import AccountState, Member, Membership
from streams.model.junk import is_junk
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import EPOCH_HALF_LIVES, ScoreState
from streams.operators.base import Firing, Stepped
from streams.operators.score_model import CompiledModel

MAX_GROUPS = 5
"""So many companies a profile belongs to, the first by id."""
MAX_MEMBERS = 2_000
"""So many members a company counts; the strongest stay."""
JOINS_GROUP = "grouped"
_MAX_NAME_CHARS = 200
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Membership).decode


class Accounts:
    """Rolls up one score of the workspace; None: there is none, and companies have members without points."""

    def __init__(self, model: ScoreModel | None) -> None:
        self._score = model.id if model else ""
        self._model = CompiledModel(replace(model or ScoreModel(mql_at=None), id="account", rules=(), fit=()), 0)

    def on_event(self, state: ProfileState, event: Event, now_ms: int) -> tuple[ProfileState, tuple[Move, ...]]:
        """Note the company that a `grouped` event names, and tell it its name."""
        group_id = event.properties.get("group_id")
        if not isinstance(group_id, str | int) or is_junk(str(group_id)):
            return state, ()
        group = f"group:{group_id}"
        groups = groups_of_both(state.identity.groups, (group,))
        after = state
        if groups != state.identity.groups:
            after = replace(state, identity=replace(state.identity, groups=groups))
        if group not in groups:
            return after, ()
        told = event.properties.get("group_traits")
        name = told.get("name") if isinstance(told, dict) else None
        news = Membership(self.member_of(state, now_ms), str(name)[:_MAX_NAME_CHARS] if name else "", event.at_ms)
        gone = left(state, set(state.identity.groups) - set(groups), now_ms)
        return after, (_told(state, group, news, now_ms), *gone)

    def member_of(self, state: ProfileState, now_ms: int) -> Member:
        """Return what the profile adds to its companies."""
        score = state.scores.get(self._score)
        if score is None:
            return Member(now_ms, 0, 0, 0.0, 0.0)
        return Member(now_ms, score.half_life_ms, score.epoch, score.total, fsum(score.fit.values()))

    def member_moves(self, before: ProfileState, after: ProfileState, now_ms: int) -> tuple[Move, ...]:
        """Return what the profile's companies must hear of a change since `before` (as it was at the last flush)."""
        groups = after.identity.groups
        if not groups or after.identity.moved_to:
            return ()
        old, new = before.identity, after.scores.get(self._score)
        if groups == old.groups and not old.moved_to and before.scores.get(self._score) == new:
            return ()
        news = Membership(self.member_of(after, now_ms))
        return tuple(_told(after, group, news, now_ms) for group in groups)

    def on_member(self, state: ProfileState, move: Move, now_ms: int) -> Stepped[ProfileState]:
        """Take the news of a member at the company; announce a tier that it enters from below, and its MQL."""
        news = _decode(move.body)
        account = state.account or AccountState()
        members = _members_after(account.members, move.source, news.member, now_ms)
        name, named_ms = account.name, account.named_ms
        if news.name:
            named_ms, name = max((named_ms, name), (news.named_ms, news.name))
        known = ScoreState(tier=account.tier, is_mql=account.is_mql)
        before = score_of(account.members.values(), now_ms)
        after = before if members is account.members else score_of(members.values(), now_ms)
        # With a number: a member may leave, come back and make it hot again, all in one millisecond.
        occurrence = f"{move.source}:{move.at_ms}:{account.announced}"
        tier, is_mql, fired = self._model.judged(known, before, after, occurrence, now_ms)
        about: dict[str, Any] = {"account": state.id, "name": name, "members": len(members)}
        firings = tuple(Firing(one.rule, one.occurrence, one.due_ms, one.data | about) for one in fired)
        announced = account.announced + len(firings)
        return replace(state, account=AccountState(name, members, tier, is_mql, named_ms, announced)), firings


def score_of(members: Iterable[Member], at_ms: int) -> float:
    """Return the company's score: the same for any order of its members, to the last bit."""
    return fsum(points_of(member, at_ms) for member in members)


def points_of(member: Member, at_ms: int) -> float:
    """Return what a member adds at `at_ms`."""
    if not member.half_life_ms:
        return member.fit
    half_life = member.half_life_ms
    return member.total * exp2((member.epoch * EPOCH_HALF_LIVES * half_life - at_ms) / half_life) + member.fit


def groups_of_both(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the companies of both, as many as a profile may have."""
    return tuple(sorted({*mine, *theirs})[:MAX_GROUPS])


def left(state: ProfileState, groups: Iterable[str], now_ms: int) -> tuple[Move, ...]:
    """Return the moves that tell companies that the profile is no member any more."""
    return tuple(_told(state, group, Membership(None), now_ms) for group in sorted(groups))


def _told(state: ProfileState, group: str, news: Membership, now_ms: int) -> Move:
    return Move(MoveKind.MEMBER, state.workspace, group, state.id, now_ms, _encode(news))


def _members_after(members: dict[str, Member], profile: str, member: Member | None, now_ms: int) -> dict[str, Member]:
    known = members.get(profile)
    if member is None:
        return {name: other for name, other in members.items() if name != profile} if known else members
    if known == member or (known and known.revision > member.revision):
        return members
    after = {**members, profile: member}
    if len(after) > MAX_MEMBERS:
        # Weighed at the log time of this move: half-lives may differ while a rule change is on its way.
        del after[min(after, key=lambda name: (points_of(after[name], now_ms), name))]
    return after

"""Accounts: companies (group:…) whose score is the sum of their members' scores, with tiers and an MQL of their own."""

from collections.abc import Iterable
from math import fsum
from typing import Any

import msgspec
from msgspec.structs import replace

from streams.model.events import Event
from streams.model.identity import AccountState, Member, Membership
from streams.model.junk import is_junk
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import ScoreState
from streams.operators.account_sums import Landmark, MemberSums, points_at, worth
from streams.operators.base import Firing, Stepped
from streams.operators.score_model import CompiledModel

MAX_GROUPS = 5
"""So many companies a profile belongs to, the first by id."""
MAX_MEMBERS = 2_000
"""So many members a company counts, the strongest, and now and then a few more."""
_ROOM = 100  # so many more, or a company that many belong to would be weighed at each of them
_MAX_SUMS = 8  # companies whose sums are kept from one move to the next
JOINS_GROUP = "grouped"
_MAX_NAME_CHARS = 200
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Membership).decode


class Accounts:
    """Rolls up one score of the workspace; None: there is none, and companies have members without points."""

    def __init__(self, model: ScoreModel | None) -> None:
        self._score = model.id if model else ""
        self._model = CompiledModel(replace(model or ScoreModel(mql_at=None), id="account", rules=(), fit=()), 0)
        self._sums: dict[str, MemberSums] = {}

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
        before, after = self._scores(state.id, account.members, members, move.source, now_ms)
        # With a number: a member may leave, come back and make it hot again, all in one millisecond.
        occurrence = f"{move.source}:{move.at_ms}:{account.announced}"
        tier, is_mql, fired = self._model.judged(known, before, after, occurrence, now_ms)
        about: dict[str, Any] = {"account": state.id, "name": name, "members": len(members)}
        firings = tuple(Firing(one.rule, one.occurrence, one.due_ms, one.data | about) for one in fired)
        announced = account.announced + len(firings)
        changed = AccountState(name, members, tier, is_mql, named_ms, announced)
        if members is account.members and changed == account:
            return state, firings
        return replace(state, account=changed), firings

    def _scores(
        self, company: str, before: dict[str, Member], after: dict[str, Member], profile: str, now_ms: int
    ) -> tuple[float, float]:
        """Return what the company's members are worth before and after news of `profile`."""
        sums = self._sums.pop(company, None)
        if sums is None or sums.members is not before:
            sums = MemberSums(before)
        points = points_after = sums.points_at(now_ms)
        if after is not before:
            others = len(before) - (profile in before)
            if len(after) - (profile in after) == others:
                sums.follow(after, profile)
            else:
                sums = MemberSums(after)
            points_after = sums.points_at(now_ms)
        self._sums[company] = sums
        if len(self._sums) > _MAX_SUMS:
            del self._sums[next(iter(self._sums))]
        return points, points_after


def score_of(members: Iterable[Member], at_ms: int) -> float:
    """Return the company's score: the same for any order of its members, to the last bit."""
    fits: list[float] = []
    weights: dict[Landmark, list[float]] = {}
    for member in members:
        fits.append(member.fit)
        weights.setdefault((member.half_life_ms, member.epoch), []).append(member.total)
    return points_at({landmark: fsum(totals) for landmark, totals in weights.items()}, fsum(fits), at_ms)


def points_of(member: Member, at_ms: int) -> float:
    """Return what a member adds at `at_ms`."""
    return member.total * worth((member.half_life_ms, member.epoch), at_ms) + member.fit


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
    if len(after) > MAX_MEMBERS + _ROOM:
        # Weighed at the log time of this move: half-lives may differ while a rule change is on its way.
        weakest = set(sorted(after, key=lambda name: (points_of(after[name], now_ms), name))[:-MAX_MEMBERS])
        after = {name: kept for name, kept in after.items() if name not in weakest}
    return after

"""Accounts: members' scores add up, tiers are announced once per ascent, members are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.model.identity import AccountState, IdentityState, Member
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel, TierRule
from streams.model.scores import EPOCH_HALF_LIVES, ScoreState
from streams.operators import accounts
from streams.operators.account_sums import MemberSums
from streams.operators.accounts import Accounts, score_of
from tests.unit.streams.builders import NOW_MS, event

HALF_LIFE_MS = 86_400_000
EPOCH = NOW_MS // (EPOCH_HALF_LIVES * HALF_LIFE_MS)
MODEL = ScoreModel(half_life_ms=HALF_LIFE_MS, tiers=(TierRule("warm", 25), TierRule("hot", 40)), margin=5)
ACCOUNTS = Accounts(MODEL)
ACME = ProfileState("default", "group:acme")


def profile(name: str, points: float, groups=("group:acme",), fit=0.0) -> ProfileState:
    """A profile of so many points at NOW_MS."""
    weight = points * 2 ** ((NOW_MS - EPOCH * EPOCH_HALF_LIVES * HALF_LIFE_MS) / HALF_LIFE_MS)
    score = ScoreState(HALF_LIFE_MS, EPOCH, weight, NOW_MS, fit={"title": fit} if fit else {})
    return ProfileState("default", name, scores={"lead": score}, identity=IdentityState(groups=groups))


def company(*members: ProfileState, state: ProfileState = ACME, now_ms=NOW_MS) -> tuple[ProfileState, list]:
    firings = []
    for number, member in enumerate(members):
        for move in ACCOUNTS.member_moves(ProfileState("default", member.id), member, now_ms + number):
            state, fired = ACCOUNTS.on_member(state, move, now_ms)
            firings += fired
    return state, firings


def test_a_companys_score_is_its_members_scores_with_their_fit():
    state, _ = company(profile("user:a", 10, fit=3), profile("user:b", 5))
    assert score_of(state.account.members.values(), NOW_MS) == pytest.approx(18)
    assert score_of(state.account.members.values(), NOW_MS + HALF_LIFE_MS) == pytest.approx(10.5)


def test_a_tier_and_the_mql_are_announced_when_they_are_entered():
    _, firings = company(profile("user:a", 30), profile("user:b", 25), profile("user:b", 26))
    told = [(firing.rule, firing.data["tier"], firing.data["members"]) for firing in firings]
    assert told == [("account_tier", "warm", 1), ("account_tier", "hot", 2), ("account_mql", "hot", 2)]


def test_a_tier_is_announced_again_only_after_it_was_left_by_the_margin():
    state, _ = company(profile("user:a", 26))
    state, _ = company(profile("user:a", 21), state=state, now_ms=NOW_MS + 10)
    state, quiet = company(profile("user:a", 26), state=state, now_ms=NOW_MS + 20)
    state, _ = company(profile("user:a", 19), state=state, now_ms=NOW_MS + 30)
    _, loud = company(profile("user:a", 26), state=state, now_ms=NOW_MS + 40)
    assert (quiet, [firing.rule for firing in loud]) == ([], ["account_tier"])


def test_a_profile_without_a_change_tells_nothing():
    one = profile("user:a", 10)
    assert ACCOUNTS.member_moves(one, replace(one, facts=one.facts), NOW_MS) == ()


def test_a_profile_that_has_moved_is_no_member():
    state, _ = company(profile("user:a", 10))
    (move,) = accounts.left(profile("user:a", 10), ["group:acme"], NOW_MS)
    assert ACCOUNTS.on_member(state, move, NOW_MS)[0].account.members == {}


def test_an_older_word_does_not_replace_a_newer():
    (old,) = ACCOUNTS.member_moves(ProfileState("default", "user:a"), profile("user:a", 1), NOW_MS)
    state, _ = company(profile("user:a", 10), now_ms=NOW_MS + 1)
    assert ACCOUNTS.on_member(state, old, NOW_MS)[0].account.members == state.account.members


def test_the_strongest_members_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accounts, "MAX_MEMBERS", 2)
    monkeypatch.setattr(accounts, "_ROOM", 1)
    state, _ = company(*(profile(f"user:{name}", points) for name, points in zip("abcd", (10, 5, 20, 7), strict=True)))
    assert sorted(state.account.members) == ["user:a", "user:c"]


def test_news_that_changes_nothing_leaves_the_company_as_it_is():
    (move,) = ACCOUNTS.member_moves(ProfileState("default", "user:a"), profile("user:a", 1), NOW_MS)
    state, _ = ACCOUNTS.on_member(ACME, move, NOW_MS)
    assert ACCOUNTS.on_member(state, move, NOW_MS) == (state, ())
    assert ACCOUNTS.on_member(state, move, NOW_MS)[0] is state


LANDMARKS = [(0, 0), (HALF_LIFE_MS, EPOCH), (HALF_LIFE_MS, EPOCH - 1), (7 * HALF_LIFE_MS, EPOCH // 7)]
scores = st.builds(
    lambda landmark, total, fit: Member(1, *landmark, total, fit),
    st.sampled_from(LANDMARKS),
    st.floats(-1e60, 1e60),
    st.floats(-1e3, 1e3),
)


@given(told=st.lists(st.tuples(st.sampled_from("abcd"), st.none() | scores)))
def test_sums_that_follow_a_companys_members_are_its_score_to_the_last_bit(told):
    members: dict[str, Member] = {}
    sums = MemberSums(members)
    for name, member in told:
        others = {other: known for other, known in members.items() if other != name}
        members = others | ({name: member} if member else {})
        sums.follow(members, name)
        assert sums.points_at(NOW_MS) == MemberSums(members).points_at(NOW_MS) == score_of(members.values(), NOW_MS)


def test_joining_tells_the_company_its_name_and_the_latest_counts():
    told = {"group_id": "acme", "group_traits": {"name": "Acme"}}
    state, moves = ACCOUNTS.on_event(profile("user:a", 10, ()), event("grouped", properties=told), NOW_MS)
    late = event("grouped", NOW_MS - 1, properties=told | {"group_traits": {"name": "Old"}})
    _, more = ACCOUNTS.on_event(profile("user:b", 1, ()), late, NOW_MS)
    named = ACME
    for move in (*moves, *more):
        named, _ = ACCOUNTS.on_member(named, move, NOW_MS)
    assert (state.identity.groups, named.account.name) == (("group:acme",), "Acme")


@pytest.mark.parametrize("group_id", [None, "", "null", ["acme"]])
def test_what_names_no_company_joins_none(group_id):
    before = profile("user:a", 10, ())
    assert ACCOUNTS.on_event(before, event("grouped", properties={"group_id": group_id}), NOW_MS) == (before, ())


def test_a_profile_has_a_bounded_number_of_companies():
    state, gone = profile("user:a", 10, tuple(f"group:{n}" for n in "bcdef")), None
    state, moves = ACCOUNTS.on_event(state, event("grouped", properties={"group_id": "a"}), NOW_MS)
    gone = [move for move in moves if move.target == "group:f"]
    assert state.identity.groups == tuple(f"group:{n}" for n in "abcde")
    assert company_after(gone) == {}


def company_after(moves: list[Move]) -> dict[str, Member]:
    state = ProfileState("default", "group:f", account=AccountState(members={"user:a": Member(1, 1, 0, 1.0, 0.0)}))
    for move in moves:
        assert move.kind is MoveKind.MEMBER
        state, _ = ACCOUNTS.on_member(state, move, NOW_MS)
    return state.account.members


def test_a_workspace_without_scores_still_has_companies():
    plain = Accounts(None)
    _, moves = plain.on_event(profile("user:a", 10, ()), event("grouped", properties={"group_id": "acme"}), NOW_MS)
    state, firings = plain.on_member(ACME, moves[0], NOW_MS)
    assert (list(state.account.members), firings) == (["user:a"], ())

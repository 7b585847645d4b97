"""Laws of identity: whatever the order in which partitions hear of each other, the same ids find together, once."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.model.events import Event, ProfileKeys
from streams.model.identity import rank_of
from streams.model.profile import ProfileState
from streams.model.rules.identity import IdentityRules
from streams.operators import accounts
from streams.operators.accounts import score_of
from streams.operators.history import activity_of
from streams.operators.identity.named import previous_ids, unknown_ids
from tests.laws.identity_kit import MERGING, SCORE, WORKSPACE, Network, counted_in, is_blank
from tests.strategies import START_MS

WIDE = IdentityRules(max_claims=100, max_ids=100)
NARROW = IdentityRules(max_claims=2, max_ids=4)
JUNK = "test@test.com"
seeds = st.integers(0, 2**32)
browsers = st.sampled_from(["a1", "a2", "a3"])


@pytest.fixture(autouse=True, scope="module")
def one_company_each() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "MAX_GROUPS", 1)
        yield


@st.composite
def said(draw: st.DrawFn, users: int, names: tuple[str, ...] = ("did", "did", "aliased")) -> tuple[str, dict, dict]:
    """What one event says: its name, properties, and keys."""
    keys = {
        "user_id": draw(st.sampled_from([None, *(f"u{n}" for n in range(users))])),
        "anonymous_id": draw(st.none() | browsers),
        "email": draw(st.sampled_from([None, None, "e1@x.y", "e2@x.y", JUNK])),
        "phone": draw(st.sampled_from([None, None, "+491"])),
        "device_id": draw(st.sampled_from([None, None, "d1"])),
        "custom": draw(st.sampled_from([(), (), (("crm", "7"), ("crm2", "8"))])),
    }
    name = draw(st.sampled_from(names))
    ids = [*(f"u{n}" for n in range(users)), "a1", "a2", "a4"]
    properties = {
        "did": {},
        "aliased": {"previous_id": draw(st.sampled_from(["a1", "a4"]))},
        "merged": {"previous_id": draw(st.sampled_from(ids))},
        "unmerged": {"id": draw(st.sampled_from(["anon:a1", "anon:a2", "email:e1@x.y", "device:d1", "user:u1"]))},
        "grouped": {"group_id": draw(st.sampled_from(["acme", "bolt"])), "group_traits": {"name": "A"}},
    }[name]
    return name.replace("merged", "aliased") if name == "merged" else name, properties, keys


def stories(users: int, names: tuple[str, ...] = ("did", "did", "aliased")) -> st.SearchStrategy[list[Event]]:
    return st.lists(said(users, names), min_size=1, max_size=20).map(told)


def told(sayings: Iterable[tuple[str, dict, dict]]) -> list[Event]:
    events = []
    for number, (name, properties, keys) in enumerate(sayings):
        at_ms = START_MS + number // 2 * 60_000
        who = ProfileKeys(**keys)
        if profile := who.canonical():
            traits = {"mood": number} if number % 3 == 0 else {}
            events.append(
                Event(
                    f"m{number}",
                    WORKSPACE,
                    "web",
                    profile,
                    name,
                    at_ms,
                    at_ms,
                    who,
                    None,
                    None,
                    None,
                    properties,
                    traits,
                )
            )
    return events


def connected(events: list[Event]) -> list[set[str]]:
    """The sets of ids that events name together, placeholders left out."""
    groups: list[set[str]] = []
    seen = {event.profile for event in events}
    for event in events:
        together = {event.profile, *unknown_ids(ProfileKeys(), event.keys)}
        if event.name == "aliased":
            together.update(name for name in previous_ids(event) if name in seen or name.startswith("anon:"))
        if event.profile == f"email:{JUNK}":
            together = {event.profile}
        for group in [group for group in groups if group & together]:
            groups.remove(group)
            together |= group
        groups.append(together)
    return groups


def assert_sound(network: Network, events: list[Event]) -> None:
    """What holds however much is shared, refused or taken out."""
    assert network.counted() == {event.id: 1 for event in events}
    held = [(name, state.id) for state in network.nodes.values() for name in state.identity.ids]
    joined = [name for name, state in network.nodes.items() if state.identity.moved_to]
    assert sorted(held) == sorted((name, network.holder(name)) for name in joined)
    assert all(len(network.path(name)) <= 2 for name in network.nodes)
    assert all(is_blank(network.state(name)) for name in joined)
    of = {name: number for number, group in enumerate(connected(events)) for name in group}
    assert all(of.get(name) == of.get(holder) for name, holder in held)


@given(events=stories(users=1), seed=seeds)
def test_all_ids_that_are_named_together_find_to_the_strongest_of_them(events, seed):
    network = Network(WIDE, seed=seed).run(events)
    assert_sound(network, events)
    for group in connected(events):
        assert {network.holder(name) for name in group} == {min(group, key=rank_of)}


@given(events=stories(users=1), seeds=st.tuples(seeds, seeds), partitions=st.integers(1, 9))
def test_the_merged_profile_is_the_same_whatever_overtakes_what(events, seeds, partitions):
    one, other = (Network(WIDE, n, seed).run(events) for n, seed in zip((partitions, 4), seeds, strict=True))
    assert [told_of(one, holder) for holder in holders(one)] == [told_of(other, holder) for holder in holders(other)]


def holders(network: Network) -> list[str]:
    return sorted(name for name, state in network.nodes.items() if not is_blank(state))


def told_of(network: Network, name: str) -> tuple:
    state = network.nodes[name]
    facts, activity = state.facts, activity_of(state.facts)
    seen = (activity.events, activity.first_seen_ms, activity.last_seen_ms)
    return name, state.identity.ids, seen, facts.traits, facts.recent, sorted(counted_in(state))


@settings(max_examples=200)
@given(
    events=stories(users=3, names=("did", "did", "aliased", "merged", "unmerged", "grouped")),
    seed=seeds,
    rules=st.sampled_from([WIDE, NARROW, IdentityRules()]),
)
def test_nothing_is_lost_or_counted_twice_however_ids_are_shared_and_taken_out(events, seed, rules):
    network = Network(rules, seed=seed).run(events)
    noted("moves: " + "x" * (network.moves // 20))
    assert_sound(network, events)


@given(events=stories(users=3), seed=seeds)
def test_users_never_merge_by_what_they_share(events, seed):
    network = Network(WIDE, seed=seed).run(events)
    aliases = {name for event in events for name in previous_ids(event)}
    users = [name for name in network.nodes if name.startswith("user:") and name not in aliases]
    assert {network.holder(name) for name in users} == set(users)


@settings(max_examples=200)
@given(
    events=stories(users=1, names=("did",)),
    taken=st.sampled_from(["anon:a1", "anon:a2", "email:e1@x.y", "device:d1"]),
    seed=seeds,
)
def test_an_id_that_is_taken_out_stays_out_however_far_its_joining_has_come(events, taken, seed):
    (last,) = told([("unmerged", {"id": taken}, {"user_id": "u0"})])
    events = [*events, replace(last, id="last")]
    network = Network(WIDE, seed=seed).run(events)
    assert_sound(network, events)
    assert network.holder(taken) != "user:u0"


@st.composite
def visits(draw: st.DrawFn) -> tuple[str, dict, dict]:
    """What an event says that ties some browsers to few people, addresses and devices."""
    keys = {
        "user_id": draw(st.sampled_from([None, None, None, "u0", "u1", "u2"])),
        "anonymous_id": draw(st.sampled_from([None, "a1", "a2", "a3", "a4", "a5"])),
        "email": draw(st.sampled_from([None, None, "e1@x.y", "e2@x.y", "e3@x.y"])),
        "device_id": draw(st.sampled_from([None, None, "d1", "d2"])),
    }
    return "did", {}, keys


@settings(max_examples=200)
@given(events=st.lists(visits(), min_size=6, max_size=25).map(told), seed=seeds)
def test_a_browser_on_which_one_user_has_signed_in_is_that_users(events, seed):
    network = Network(WIDE, seed=seed).run(events)
    assert_sound(network, events)
    for browser in ("a1", "a2", "a3", "a4", "a5"):
        users = {event.keys.user_id for event in events if event.keys.anonymous_id == browser} - {None}
        if len(users) == 1:
            assert network.holder(f"anon:{browser}") == f"user:{users.pop()}"


@given(events=stories(users=3, names=("did", "merged")), seed=seeds)
def test_users_merge_when_somebody_says_so(events, seed):
    network = Network(WIDE, seed=seed).run(events)
    assert_sound(network, events)
    for event in events:
        previous = f"user:{event.properties.get('previous_id')}"
        if event.name == "aliased" and event.profile.startswith("user:") and previous in {e.profile for e in events}:
            assert network.holder(previous) == network.holder(event.profile)


@given(
    events=stories(users=2, names=("did", "grouped", "grouped", "merged", "unmerged")),
    seed=seeds,
    rules=st.sampled_from([WIDE, NARROW]),
)
def test_an_accounts_score_is_the_sum_of_its_members(events, seed, rules):
    network = Network(rules, seed=seed).run(events)
    for group in ("group:acme", "group:bolt"):
        account = network.state(group).account
        free = [s for s in network.nodes.values() if not s.identity.moved_to and group in s.identity.groups]
        if account is None:
            assert free == []
            continue
        assert sorted(account.members) == sorted(state.id for state in free)
        totals = [s.scores[SCORE].total if s.scores else 0.0 for s in free]
        first = next(iter(account.members.values()), None)
        if first is not None:
            weight = score_of([type(first)(1, first.half_life_ms or 1, first.epoch, 1.0, 0.0)], network.now_ms)
            assert score_of(account.members.values(), network.now_ms) == pytest.approx(sum(totals) * weight)


profiles = st.tuples(stories(users=2, names=("did",)).filter(bool), st.integers(0, 3)).map(
    lambda drawn: exported(*drawn)
)


def exported(events: list[Event], number: int) -> ProfileState:
    """A profile as it travels, of some of the events."""
    network = Network(WIDE).run(events)
    name = holders(network)[number % len(holders(network))]
    return MERGING.exported(network.nodes[name], name)


@given(one=profiles, other=profiles, third=profiles)
def test_merging_forgets_order_grouping_and_repeats(one, other, third):
    merged = MERGING.merged
    assert core(merged(merged(one, other), third)) == core(merged(one, merged(other, third)))
    assert core(merged(one, other)) == core(merged(other, one))
    assert core(merged(one, one)) == core(one)


def core(state: ProfileState) -> tuple:
    return state.facts, state.scores, state.identity

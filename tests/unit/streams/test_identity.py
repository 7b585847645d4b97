"""Identity: what joins whom, what never does, and how an id comes free again."""

import pytest
from msgspec.structs import replace

from streams.model.errors import NotPartError
from streams.model.events import Event, ProfileKeys
from streams.model.identity import label_of, profile_of
from streams.model.junk import is_junk
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.abandonment_defaults import default_abandonment
from streams.model.rules.identity import IdentityRules
from streams.model.rules.ruleset import RuleSet
from streams.operators.history import activity_of
from streams.operators.history_keys import keys_shown
from streams.operators.identity.nodes import Identity
from streams.operators.merging import MAX_DETACHED
from streams.operators.pipeline import Pipeline
from tests.laws.identity_kit import MERGING, Network
from tests.unit.streams.builders import NOW_MS, event, kettle

IDENTITY = Identity(IdentityRules(), MERGING)


def seen(number: int, name: str = "did", properties: dict | None = None, **keys) -> Event:
    who = ProfileKeys(**keys)
    return event(name, NOW_MS + number, f"m{number}", who.canonical() or "", keys=who, properties=properties or {})


def settled(*events: Event, rules: IdentityRules | None = None) -> Network:
    """A network after each event in turn, all moves done before the next."""
    network = Network(rules or IdentityRules())
    for one in events:
        network.run([one])
    return network


def count(network: Network, name: str) -> int:
    return activity_of(network.state(name).facts).events


def test_what_a_browser_did_before_the_sign_in_is_the_users():
    network = settled(seen(1, anonymous_id="a"), seen(2, user_id="u", anonymous_id="a"), seen(3, anonymous_id="a"))
    assert (network.holder("anon:a"), count(network, "user:u")) == ("user:u", 3)


def test_an_address_leads_to_the_person_and_takes_its_device_along():
    network = settled(
        seen(1, email="e@x.y", device_id="d"),
        seen(2, anonymous_id="a", email="e@x.y"),
        seen(3, user_id="u", anonymous_id="a"),
    )
    assert network.state("user:u").identity.ids == ("anon:a", "device:d", "email:e@x.y")
    assert network.path("device:d") == ["device:d", "user:u"]


def test_an_event_with_known_keys_claims_nothing():
    network = settled(seen(1, user_id="u", anonymous_id="a"))
    for again in (seen(2, user_id="u", anonymous_id="a"), seen(3, user_id="u")):
        assert IDENTITY.claims(network.state("user:u"), again, NOW_MS) == ()


def test_a_second_browser_is_claimed_once():
    network = settled(seen(1, user_id="u", anonymous_id="a"), seen(2, user_id="u", anonymous_id="b"))
    assert IDENTITY.claims(network.state("user:u"), seen(3, user_id="u", anonymous_id="a"), NOW_MS) == ()


def test_after_another_sign_in_a_browser_is_the_second_users_and_its_past_the_firsts():
    network = settled(
        seen(1, anonymous_id="a"),
        seen(2, user_id="u", anonymous_id="a"),
        seen(3, user_id="v", anonymous_id="a"),
        seen(4, anonymous_id="a"),
    )
    assert network.holder("anon:a") == "user:v"
    assert (count(network, "user:u"), count(network, "user:v")) == (2, 2)
    assert network.state("user:u").identity.ids == ()


def test_a_browser_goes_back_to_the_first_user_who_signs_in_again():
    users = ("u", "v", "u", "v", "u")
    network = settled(*(seen(number, user_id=user, anonymous_id="a") for number, user in enumerate(users)))
    assert network.holder("anon:a") == "user:u"


def test_an_address_stays_with_the_first_user():
    network = settled(*(seen(number, user_id=user, email="e@x.y") for number, user in enumerate("uvu")))
    assert network.holder("email:e@x.y") == "user:u"
    assert network.state("email:e@x.y").identity.claimed_by == ("user:u", "user:v")


def test_an_address_of_too_many_is_shared_and_merges_nobody_any_more():
    rules = IdentityRules(max_claims=2)
    events = [seen(number, anonymous_id=f"a{number}", email="e@x.y") for number in range(4)]
    network = settled(*events, seen(9, email="e@x.y"), rules=rules)
    assert network.state("email:e@x.y").identity.is_shared
    assert network.holder("anon:a1") == "anon:a0"
    assert {network.holder(name) for name in ("anon:a2", "anon:a3", "email:e@x.y")} == {
        "anon:a2", "anon:a3", "email:e@x.y"
    }  # fmt: skip
    assert network.state("anon:a0").facts.keys.email == "e@x.y"


def test_many_browsers_of_one_user_share_nothing():
    rules = IdentityRules(max_claims=2)
    events = [
        seen(number, anonymous_id=f"a{number // 2}", email="e@x.y", user_id="u" if number % 2 else None)
        for number in range(4)
    ]
    network = settled(*events, rules=rules)
    assert not network.state("email:e@x.y").identity.is_shared


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "null",
        "erased",
        "NULL",
        "undefined",
        "test@test",
        "Test@Test.com",
        "0",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_placeholder_is_nobody(value):
    claims = IDENTITY.claims(ProfileState("default", "user:u"), seen(1, user_id="u", anonymous_id=value), NOW_MS)
    assert (is_junk(value), claims) == (True, ())


@pytest.mark.parametrize("value", ["1", "123", "a", "null@shop.example", "7f3c0000-0000-0000-0000-000000000000"])
def test_an_id_that_may_be_somebodys_is_no_placeholder(value):
    assert not is_junk(value)


def test_a_placeholder_claims_nobody():
    assert IDENTITY.claims(ProfileState("default", "user:null"), seen(1, user_id="null", anonymous_id="a"), 1) == ()


def test_nothing_is_claimed_where_identity_is_off():
    network = settled(seen(1, user_id="u", anonymous_id="a"), rules=IdentityRules(is_on=False))
    assert network.moves == 0


def test_an_alias_joins_two_users():
    network = settled(
        seen(1, user_id="old"), seen(2, user_id="new"), seen(3, "aliased", {"previous_id": "old"}, user_id="new")
    )
    assert (network.holder("user:old"), count(network, "user:new")) == ("user:new", 3)


def test_a_user_shows_its_own_id_whichever_older_ids_it_was_known_by_later():
    network = settled(
        seen(1, user_id="new"), seen(2, "aliased", {"previous_id": "old"}, user_id="new"), seen(3, user_id="old")
    )
    state = network.state("user:new")
    assert (state.facts.keys.user_id, "user:old" in state.identity.ids) == ("old", True)
    assert keys_shown(state.id, state.facts.keys).user_id == "new"


@pytest.mark.parametrize(
    ("profile", "shown"),
    [
        ("user:u", ProfileKeys("u", "a", custom=(("crm", "7"), ("erp", "8")))),
        ("anon:b", ProfileKeys("old", "b", custom=(("crm", "7"), ("erp", "8")))),
        ("device:d", ProfileKeys("old", "a", device_id="d", custom=(("crm", "7"), ("erp", "8")))),
        ("custom:crm:6", ProfileKeys("old", "a", custom=(("crm", "6"), ("erp", "8")))),
        ("group:acme", ProfileKeys("old", "a", custom=(("crm", "7"), ("erp", "8")))),
    ],
)
def test_a_profile_s_own_id_goes_before_another_of_its_kind(profile, shown):
    assert keys_shown(profile, ProfileKeys("old", "a", custom=(("crm", "7"), ("erp", "8")))) == shown


def test_a_trigger_names_the_profile_s_own_id():
    pipeline = Pipeline(RuleSet(abandonment=default_abandonment()))
    cart = event("product_added", keys=ProfileKeys("old"), profile="user:old", properties=kettle())
    state, _, _ = pipeline.on_event(ProfileState("default", "user:u"), cart, NOW_MS)
    _, (trigger,), _ = pipeline.on_timer(state, state.windows.due_ms)
    assert (trigger.profile, trigger.keys.user_id) == ("user:u", "u")


def test_an_alias_joins_a_browser_without_making_up_a_user():
    network = settled(
        seen(1, anonymous_id="a"), seen(2, user_id="u"), seen(3, "aliased", {"previous_id": "a"}, user_id="u")
    )
    assert network.state("user:u").identity.ids == ("anon:a",)


def test_an_alias_of_a_user_who_is_seen_only_later_still_holds():
    network = settled(seen(1, "aliased", {"previous_id": "old"}, user_id="new"), seen(2, user_id="old"))
    assert network.holder("user:old") == "user:new"


def test_an_id_that_is_taken_out_gets_back_what_it_had_done():
    network = settled(
        seen(1, anonymous_id="a"),
        seen(2, user_id="u", anonymous_id="a"),
        seen(3, "unmerged", {"id": "anon:a"}, user_id="u"),
    )
    assert (count(network, "anon:a"), count(network, "user:u")) == (1, 2)
    assert network.state("user:u").facts.keys.anonymous_id is None


def test_an_id_that_was_taken_out_does_not_come_back_by_itself_but_by_an_alias():
    taken = settled(
        seen(1, user_id="u", anonymous_id="a"),
        seen(3, "unmerged", {"id": "anon:a"}, user_id="u"),
        seen(4, user_id="u", anonymous_id="a"),
        seen(5, anonymous_id="a", user_id="u"),
    )
    assert taken.holder("anon:a") == "anon:a"
    taken.run([seen(6, "aliased", {"previous_id": "a"}, user_id="u")])
    assert taken.holder("anon:a") == "user:u"


def unfinished(seed: int, *more: Event) -> Network:
    """A network in which an id is taken out of a user before it has joined it."""
    events = [
        seen(1, anonymous_id="a"),
        seen(2, user_id="u", anonymous_id="a"),
        seen(3, "unmerged", {"id": "anon:a"}, user_id="u"),
    ]
    return Network(IdentityRules(), seed=seed).run(events).run(more)


@pytest.mark.parametrize("seed", range(9))
def test_an_id_that_is_taken_out_before_its_joining_is_done_stays_out_too(seed):
    network = unfinished(seed, seen(4, anonymous_id="a"), seen(5, user_id="u", anonymous_id="a"))
    assert network.holder("anon:a") == "anon:a"
    assert count(network, "anon:a") + count(network, "user:u") == 5


@pytest.mark.parametrize("seed", range(9))
def test_an_id_that_was_taken_out_before_its_joining_was_done_comes_back_by_an_alias(seed):
    network = unfinished(seed, seen(4, "aliased", {"previous_id": "a"}, user_id="u"))
    assert (network.holder("anon:a"), count(network, "user:u")) == ("user:u", 4)


def test_a_user_does_not_show_an_id_that_is_not_its_own_after_all():
    assert unfinished(1).state("user:u").facts.keys.anonymous_id is None


def test_ids_that_are_kept_out_are_bounded_and_one_too_many_is_refused_in_words():
    state = ProfileState("default", "user:u")
    for number in range(MAX_DETACHED):
        state, _ = IDENTITY.take_out(state, f"anon:a{number}", NOW_MS)
    assert IDENTITY.take_out(state, "anon:a0", NOW_MS) == (state, ())
    with pytest.raises(NotPartError, match="anon:one is not part of user:u"):
        IDENTITY.take_out(state, "anon:one", NOW_MS)


@pytest.mark.parametrize("name", ["", "user:u"])
def test_a_profile_is_not_taken_out_of_itself(name):
    state = ProfileState("default", "user:u")
    assert IDENTITY.take_out(state, name, NOW_MS) == (state, ())


def test_a_full_profile_takes_no_more_and_nothing_is_lost():
    rules = IdentityRules(max_ids=2)
    events = [seen(number, anonymous_id=f"a{number % 4}") for number in range(4)]
    signed_in = [seen(10 + number, user_id="u", anonymous_id=f"a{number % 4}") for number in range(8)]
    network = settled(*events, *signed_in, rules=rules)
    assert network.state("user:u").identity.ids == ("anon:a0", "anon:a1")
    assert (count(network, "anon:a3"), count(network, "user:u")) == (1, 10)


def test_a_refused_id_is_not_sent_again():
    rules = IdentityRules(max_ids=1)
    events = [seen(number, user_id="u", anonymous_id=f"a{number % 2}") for number in range(20)]
    few = settled(*events[:4], rules=rules).moves
    network = settled(*events, rules=rules)
    assert network.moves - few == 8  # a claim whenever the browser changes, no state


def test_an_id_joins_under_a_new_label_each_time():
    taken_out = ("unmerged", {"id": "anon:a"})
    network = settled(
        seen(1, anonymous_id="a"),
        seen(2, user_id="u", anonymous_id="a"),
        seen(3, *taken_out, user_id="u"),
        seen(4, anonymous_id="a"),
        seen(5, user_id="v", anonymous_id="a"),
    )
    labels = [label_of("anon:a", 1), label_of("anon:a", 2)]
    assert sorted(network.state("user:v").facts.moved) == labels
    assert {profile_of(label) for label in labels} == {"anon:a"}


def test_a_move_of_another_kind_is_left_alone():
    state = ProfileState("default", "user:u")
    network = settled(seen(1, "grouped", {"group_id": "acme"}, user_id="u"))
    assert network.state("group:acme").account is not None
    move = replace(IDENTITY.claims(state, seen(1, user_id="u", anonymous_id="a"), 1)[0], kind=MoveKind.NOTIFY)
    assert IDENTITY.on_move(state, move, 1) == (state, (), ())


def test_a_user_is_not_another_just_because_a_move_says_so():
    move = Move(MoveKind.CLAIM, "default", "user:v", "user:u", NOW_MS)
    assert IDENTITY.on_move(ProfileState("default", "user:v"), move, NOW_MS) == (
        ProfileState("default", "user:v"),
        (),
        (),
    )

"""What an alias leaves behind goes with the person who said it, and only then."""

import pytest

from streams.model.facts import FactsState
from streams.model.identity import IdentityState
from streams.model.profile import ProfileState
from streams.operators.erasing import Person
from streams.operators.placeholders import goes_with, is_persons_own, is_placeholder

ADA = Person("shop", ("user:ada", "anon:earlier-ada"))


def node(name: str, *claimed_by: str, **more) -> ProfileState:
    return ProfileState("shop", name, identity=IdentityState(claimed_by=claimed_by, **more))


def test_an_id_that_only_the_person_claims_is_the_persons():
    assert is_persons_own(node("user:earlier-ada", "user:ada"), ADA)


def test_one_whose_claims_an_earlier_try_has_taken_out_is_the_persons():
    assert is_persons_own(node("user:earlier-ada"), ADA)


def test_one_that_others_claim_too_goes_without_being_the_persons():
    state = node("user:earlier-ada", "user:ada", "user:bob")
    assert (goes_with(state, ADA), is_persons_own(state, ADA)) == (True, False)


def test_one_with_a_value_that_is_not_the_persons_goes_without_being_theirs():
    state = node("user:somebody-elses-browser", "user:ada")
    assert (goes_with(state, ADA), is_persons_own(state, ADA)) == (True, False)


def test_one_that_only_others_claim_stays():
    assert not goes_with(node("user:earlier-bob", "user:bob"), ADA)


def test_a_company_that_is_called_by_a_mail_address_of_the_persons_goes_with_them():
    eve = Person("shop", ("email:eve@example.com",))
    state = node("group:eve@example.com", groups=("x",))
    assert (goes_with(state, eve), is_persons_own(state, eve)) == (True, False)


@pytest.mark.parametrize(
    "state",
    [
        ProfileState("shop", "user:bob", FactsState(events=1), identity=IdentityState(claimed_by=("user:ada",))),
        node("anon:b", "user:ada", joined=1),
        node("user:bob", "user:ada", ids=("anon:b",)),
        node("user:bob", "user:ada", detached=("anon:b",)),
    ],
)
def test_a_node_that_has_more_than_claims_is_no_placeholder(state):
    assert not is_placeholder(state)
    assert not goes_with(state, ADA)

"""Private fields: gone or unreadable before anything is stored, without breaking who somebody is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.errors import IngestError
from ingest.policy.pii import MARK, PrivateFields
from streams.model.events import Event, ProfileKeys
from tests.unit.ingest.policy.kit import a_caller, the_event

PRIVATE = PrivateFields("installation-secret")


def treated(event: Event, drop: tuple[str, ...] = (), hashes: tuple[str, ...] = ()) -> Event:
    return PRIVATE(event, a_caller(drop_fields=drop, hash_fields=hashes))


def test_a_named_property_is_dropped_and_the_others_stay():
    event = treated(the_event(properties={"card": "4111", "plan": "pro"}), ("properties.card",))
    assert event.properties == {"plan": "pro"}


def test_a_name_without_a_root_means_properties_and_traits():
    event = the_event(properties={"ssn": "1", "a": 1}, context={"traits": {"ssn": "1", "b": 2}})
    found = treated(event, ("ssn",))
    assert (found.properties, found.traits) == ({"a": 1}, {"b": 2})


def test_paths_reach_into_objects_and_lists():
    event = the_event(properties={"guests": [{"name": "Ada", "seat": 1}, {"seat": 2}], "at": {"street": "x", "zip": 1}})
    found = treated(event, ("properties.guests.name", "at.street"))
    assert found.properties == {"guests": [{"seat": 1}, {"seat": 2}], "at": {"zip": 1}}


@pytest.mark.parametrize("field", ["traits.ssn", "ssn", "Traits.SSN"])
def test_the_traits_of_a_group_are_traits(field: str):
    grouped = the_event(type="group", groupId="g1", traits={"ssn": "1", "plan": "pro"})
    assert treated(grouped, (field,)).properties == {"group_id": "g1", "group_traits": {"plan": "pro"}}
    assert treated(grouped, hashes=(field,)).properties["group_traits"]["ssn"].startswith(MARK)
    assert treated(grouped, ("properties.ssn",)).properties == grouped.properties


def test_names_are_the_same_in_capitals_and_small_letters():
    event = the_event(
        properties={"At": {"STREET": "x", "street": "y", "zip": 1}}, context={"traits": {"EMail": "a@b.io"}}
    )
    found = treated(event, ("properties.at.Street",), ("traits.Email",))
    assert found.properties == {"At": {"zip": 1}}
    assert found.traits["EMail"] == treated(event, hashes=("EMAIL",)).traits["EMail"]
    assert found.traits["EMail"].startswith(MARK)


def test_the_event_that_came_in_is_not_changed():
    event = the_event(properties={"at": {"street": "x"}})
    treated(event, ("at.street",))
    assert event.properties == {"at": {"street": "x"}}


def test_a_hash_is_the_same_for_the_same_value_and_differs_between_workspaces():
    event = the_event(properties={"ssn": "123"})
    one = treated(event, hashes=("ssn",)).properties["ssn"]
    other = treated(replace(event, workspace="other"), hashes=("ssn",)).properties["ssn"]
    assert one == treated(event, hashes=("ssn",)).properties["ssn"] != other
    assert one.startswith(MARK)
    assert "123" not in one.removeprefix(MARK)[:3] or len(one) == len(MARK) + 64


@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"b": 1}])
def test_values_of_any_kind_are_hashed(value: Any):
    assert treated(the_event(properties={"x": value}), hashes=("x",)).properties["x"].startswith(MARK)


def test_null_stays_null():
    assert treated(the_event(properties={"x": None}), hashes=("x",)).properties == {"x": None}


def test_a_hashed_email_leaves_the_keys_and_still_joins_the_person():
    event = the_event(context={"traits": {"email": " Ada@Example.com"}})
    found = treated(event, hashes=("traits.email",))
    digest = found.traits["email"].removeprefix(MARK)
    assert found.keys == ProfileKeys(anonymous_id="a1", custom=(("email_hash", digest),))
    again = treated(the_event(anonymousId="a2", properties={"email": "ada@example.com"}), hashes=("email",))
    assert again.keys.custom == found.keys.custom


def test_who_is_known_by_email_alone_is_known_by_its_hash():
    found = treated(the_event(anonymousId=None, context={"traits": {"email": "a@b.io"}}), hashes=("email",))
    assert found.profile == f"custom:email_hash:{found.traits['email'].removeprefix(MARK)}"


def test_who_is_known_by_email_alone_is_refused_where_it_is_dropped():
    with pytest.raises(IngestError, match="hash the field instead"):
        treated(the_event(anonymousId=None, context={"traits": {"email": "a@b.io"}}), ("email",))


def test_a_dropped_phone_leaves_keys_and_traits():
    found = treated(the_event(userId="u", context={"traits": {"phone": "+49 151 1234567"}}), ("traits.phone",))
    assert (found.keys, found.traits, found.profile) == (ProfileKeys("u", "a1"), {}, "user:u")


def test_an_email_that_only_an_external_id_tells_goes_too():
    context = {"externalIds": [{"type": "email", "id": "a@b.io"}]}
    assert treated(the_event(context=context), ("email",)).keys == ProfileKeys(anonymous_id="a1")


def test_what_is_to_be_hashed_and_dropped_is_dropped():
    found = treated(the_event(context={"traits": {"email": "a@b.io"}}), ("email",), ("email",))
    assert (found.keys.custom, found.traits) == ((), {})


def test_without_fields_nothing_is_done():
    event = the_event()
    assert treated(event) is event


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from(["a", "A", "b", "email", "phone", "group_traits"]), plain, max_size=4)
fields = st.lists(st.sampled_from(["a", "b.a", "properties.a.b", "traits.email", "email", "phone", "c.c"]), max_size=4)


@given(objects, objects, fields, fields)
def test_doing_it_twice_is_doing_it_once(properties: Any, traits: Any, drop: list[str], hashes: list[str]):
    event = replace(
        the_event(),
        properties=properties,
        traits=traits,
        keys=ProfileKeys("u", email="a@b.io", phone="+4915112345"),
        profile="user:u",
    )
    once = treated(event, tuple(drop), tuple(hashes))
    assert treated(once, tuple(drop), tuple(hashes)) == once

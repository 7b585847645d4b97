"""The same calls through every client, and what must become of them."""

from streams.model.events import Event

PERSON = "user-7"
NAMES = ["identified", "email_opened", "page_viewed", "screen_viewed", "grouped", "aliased", "order_completed"]


def told(events: list[Event]) -> dict[str, Event]:
    """Return the events by name, each being there once."""
    by_name = {event.name: event for event in events}
    assert len(by_name) == len(events)
    return by_name


def assert_all_arrived(events: list[Event]) -> None:
    """Say what is wrong with what became of the calls."""
    found = told(events)
    assert sorted(found) == sorted(NAMES)
    assert found["identified"].traits["email"] == found["identified"].keys.email == "ada@example.com"
    assert found["page_viewed"].properties["name"] == "Pricing"
    assert found["screen_viewed"].properties["name"] == "Home"
    assert found["grouped"].properties == {"group_id": "g1", "group_traits": {"plan": "pro"}}
    assert found["aliased"].properties["previous_id"] == "old-7"
    order = found["order_completed"]
    assert (order.value, order.currency, order.properties["order_id"]) == (49.9, "EUR", "1001")
    assert {event.profile for event in events} == {f"user:{PERSON}"}
    assert len({event.id for event in events}) == len(events)

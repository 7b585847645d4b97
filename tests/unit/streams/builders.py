"""Short ways to say an event."""

from typing import Any

from streams.model.events import Event, ProfileKeys

NOW_MS = 1_790_000_000_000


def event(name: str, at_ms: int = NOW_MS, message_id: str = "m1", profile: str = "user:ada", **more: Any) -> Event:
    """An event of the workspace "default" that was received when it happened."""
    properties = more.pop("properties", {})
    received_ms = more.pop("received_ms", at_ms)
    keys = more.pop("keys", ProfileKeys(user_id=profile.partition(":")[2]))
    return Event(message_id, "default", "web", profile, name, at_ms, received_ms, keys, properties=properties, **more)


def kettle(**more: Any) -> dict[str, Any]:
    """Properties of a product added to a cart."""
    return {"product_id": "kettle", "name": "Kettle", "price": 40.0, "quantity": 1, **more}

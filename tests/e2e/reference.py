"""What must come out, computed afresh from what went in. It must share nothing with the product, above all no code."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

POINTS = {
    "demo_requested": 50,
    "call_booked": 40,
    "form_submitted": 20,
    "pricing_viewed": 15,
    "case_study_viewed": 12,
    "whitepaper_downloaded": 10,
    "email_clicked": 8,
    "email_opened": 5,
}
HALF_LIFE_MS = 30 * 86_400_000
# Between the client's look at the clock and the platform's lie rounding and a scheduler's whim.
MARGIN_MS = 50


class Accepted(NamedTuple):
    """An event answered with 2xx. Those of one `request` went in one body; `sent_ms` is its first attempt's time."""

    id: str
    user: str
    name: str
    at_ms: int
    request: int = 0
    sent_ms: int = 0
    answered_ms: int = 0


def without_repeats(events: Iterable[Accepted]) -> list[Accepted]:
    """Return the first of each id."""
    return list({event.id: event for event in reversed(list(events))}.values())[::-1]


def by_user(events: Iterable[Accepted]) -> dict[str, list[Accepted]]:
    found: dict[str, list[Accepted]] = {}
    for event in events:
        found.setdefault(event.user, []).append(event)
    return found


def totals(events: Iterable[Accepted]) -> Counter[str]:
    return Counter(event.name for event in events)


def score(events: Iterable[Accepted], as_of_ms: int) -> float:
    return sum(POINTS.get(e.name, 0) * 0.5 ** ((as_of_ms - e.at_ms) / HALF_LIFE_MS) for e in events)


def mail_is_due(events: Sequence[Accepted], window_ms: int) -> bool | None:
    """Say whether one person's events owe a recovery mail; None when a purchase fell on the window's edge."""
    cart = None
    for event in events:
        if event.name == "product_added":
            cart = event
        elif event.name == "order_completed" and cart:
            if event.request == cart.request or event.answered_ms < cart.sent_ms + window_ms - MARGIN_MS:
                cart = None
            elif event.sent_ms < cart.answered_ms + window_ms + MARGIN_MS:
                return None
    return cart is not None

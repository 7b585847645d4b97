"""What templates are given: a delivery's data, checked, bounded and put into words. Pure; knows no HTML."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from sinks.settings import MessageSettings
from streams.model.alerts import AlertRule, AlertState
from streams.model.deliveries import Delivery

MAX_SHOWN_ITEMS: Final = 10
_MAX_TEXT: Final = 120
_MAX_FIRST_NAME: Final = 40
_MAX_URL: Final = 2_000
# What mail programs turn into links by themselves: https://x, www.x, x.io.
_LINKED_BY_ITSELF: Final = re.compile(r":(?=//)|\.(?=[^\W\d_]{2})")
_MAX_NUMBER: Final = 1e13
_HOUR_MS: Final = 3_600_000
_SYMBOLS: Final = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "BRL": "R$", "CAD": "CA$", "AUD": "A$",
}  # fmt: skip
_WITHOUT_CENTS: Final = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})


class Line(Struct, frozen=True):
    """One line of a cart as a message shows it; `price` is per piece."""

    name: str
    quantity: int
    price: float
    image_url: str
    url: str

    @property
    def total(self) -> float:
        """Price of all pieces."""
        return round(self.price * self.quantity, 2)


def context_of(delivery: Delivery, settings: MessageSettings, dashboard_url: str) -> dict[str, Any]:
    """Return the variables of the delivery's template, without its unsubscribe link."""
    shared = {"brand": settings.brand_name, "shop_url": settings.shop_url, "postal_address": settings.postal_address}
    if delivery.template == "cart_recovery":
        return shared | _cart(delivery, settings, link_hosts(settings, dashboard_url))
    if delivery.template == "lead_mql":
        return shared | _lead(delivery, dashboard_url)
    if delivery.template == "alert":
        return shared | _alert(delivery, dashboard_url)
    return shared | {"content": delivery.data.get("content", {}), "facts": delivery.data.get("facts", {})}


def money(amount: float, currency: str) -> str:
    """Return an amount as shoppers read it: $1,234.50, ¥1,200, 12.00 CHF, 12.00."""
    digits = f"{abs(amount):,.0f}" if currency in _WITHOUT_CENTS else f"{abs(amount):,.2f}"
    sign = "-" if amount < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits} {currency}".rstrip()


def link_hosts(settings: MessageSettings, dashboard_url: str) -> frozenset[str]:
    """Return the hosts that messages may lead to: the shop's, the platform's own and those that the settings name."""
    own = (urlsplit(url).hostname for url in (settings.shop_url, dashboard_url))
    return frozenset(h.lower() for h in (*own, *settings.link_hosts) if h)


def safe_link(url: object, hosts: Collection[str]) -> str:
    """Return `url` if it is a web address on one of `hosts` (in lower case) or below it, else an empty string.

    Only `*` among the hosts allows any: events come from public pages, so whoever reads one can make up a cart.
    """
    if not isinstance(url, str) or len(url) > _MAX_URL or any(c.isspace() or not c.isprintable() for c in url):
        return ""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or "\\" in url:
        return ""
    known = "*" in hosts or any(host == h or host.endswith(f".{h}") for h in hosts if h)
    return url if known else ""


def with_utm(url: str, campaign: str) -> str:
    """Return `url` with campaign tags, so that what it brings is counted; a URL with tags of its own keeps them."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if not url or any(name.startswith("utm_") for name, _ in query):
        return url
    tags = [("utm_source", "campaigniq"), ("utm_medium", "email"), ("utm_campaign", campaign)]
    return urlunsplit(parts._replace(query=urlencode(query + tags)))


def utc_text(at_ms: int) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d %b %Y, %H:%M UTC")


def span_text(span_ms: float) -> str:
    """Return a length of time in the largest unit that fits."""
    for unit, unit_ms in (("d", 24 * _HOUR_MS), ("h", _HOUR_MS), ("min", 60_000)):
        if span_ms >= 2 * unit_ms:
            return f"{span_ms / unit_ms:.0f} {unit}"
    return f"{span_ms / 1000:.0f} s"


def _cart(delivery: Delivery, settings: MessageSettings, hosts: Collection[str]) -> dict[str, Any]:
    facts, content = _mapping(delivery.data.get("facts")), _mapping(delivery.data.get("content"))
    items = facts.get("items")
    listed = items if isinstance(items, list | tuple) else ()
    lines = [_line(item, hosts) for item in listed if isinstance(item, Mapping)]
    hours = int(_number(content.get("valid_hours"), 48))
    return {
        "first_name": _first_name(_mapping(delivery.data.get("traits"))),
        "lines": lines[:MAX_SHOWN_ITEMS],
        "hidden": len(lines) - MAX_SHOWN_ITEMS,
        "total": _number(facts.get("value"), sum(line.total for line in lines)),
        "currency": _text(facts.get("currency"))[:3].upper(),
        "cart_url": with_utm(safe_link(facts.get("url"), hosts) or settings.shop_url, delivery.campaign),
        "code": _text(content.get("code")),
        "percent": int(_number(content.get("percent"), 0)),
        "valid_hours": hours,
        "valid_until": utc_text(delivery.created_ms + hours * _HOUR_MS),
    }


def _line(item: Mapping[str, Any], hosts: Collection[str]) -> Line:
    return Line(
        name=_unlinked(_text(item.get("name")) or _text(item.get("product_id"))) or "Item",
        quantity=max(1, int(_number(item.get("quantity"), 1))),
        price=_number(item.get("price"), 0),
        image_url=safe_link(item.get("image_url"), hosts),
        url=safe_link(item.get("url"), hosts),
    )


def _lead(delivery: Delivery, dashboard_url: str) -> dict[str, Any]:
    facts, traits = _mapping(delivery.data.get("facts")), _mapping(delivery.data.get("traits"))
    keys = delivery.data.get("keys")
    user_id, _anonymous, email, phone = keys if isinstance(keys, Sequence) and len(keys) == 4 else (None,) * 4  # noqa: PLR2004 - the keys' four
    name = _text(traits.get("name")) or f"{_text(traits.get('first_name'))} {_text(traits.get('last_name'))}".strip()
    return {
        "who": name or email or user_id or delivery.profile,
        "email": email or "",
        "phone": phone or "",
        "profile": delivery.profile,
        "score": _number(facts.get("score"), 0),
        "tier": _text(facts.get("tier")),
        "at": utc_text(int(_number(delivery.data.get("at_ms"), delivery.due_ms))),
        "dashboard_url": dashboard_url,
    }


def _alert(delivery: Delivery, dashboard_url: str) -> dict[str, Any]:
    facts = _mapping(delivery.data.get("facts"))
    firing = facts.get("state") == AlertState.FIRING
    value, expected = _seen_and_expected(facts, firing=firing)
    return {
        "firing": firing,
        "rule": _text(facts.get("rule")).replace("_", " "),
        "subject_of": _text(facts.get("subject")),
        "summary": _text(facts.get("summary"), 500),
        "since": utc_text(int(_number(facts.get("since_ms"), delivery.due_ms))),
        "at": utc_text(int(_number(facts.get("at_ms"), delivery.due_ms))),
        "value": value,
        "expected": expected,
        "score": round(100 * _number(facts.get("score"), 0)),
        "dashboard_url": dashboard_url,
    }


def _seen_and_expected(facts: Mapping[str, Any], *, firing: bool) -> tuple[str, str]:
    value, low, high = (_number(facts.get(name), 0) for name in ("value", "expected_low", "expected_high"))
    if facts.get("rule") == AlertRule.RULE_FAILED:
        return "a rule that is off" if firing else "a rule that was changed or released", "rules that do not fail"
    if facts.get("rule") == AlertRule.SOURCE_SILENT:
        return f"{span_text(value)} without an event", f"at most {span_text(high)} without one"
    return f"{value:,.1f} events per 10 s", f"{low:,.1f} to {high:,.1f} events per 10 s"


def _first_name(traits: Mapping[str, Any]) -> str:
    first = _text(traits.get("first_name"), _MAX_FIRST_NAME) or _text(traits.get("name")).partition(" ")[0]
    return _unlinked(first)


def _unlinked(text: str) -> str:
    """Return text that looks the same and of which no mail program makes a link."""
    return _LINKED_BY_ITSELF.sub("\\g<0>\u200b", text)


def _text(value: object, limit: int = _MAX_TEXT) -> str:
    """Return one bounded line without control characters; numbers as they are written, anything else empty."""
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        return ""
    line = "".join(c for c in " ".join(value.split()) if c.isprintable() or c == "\u200d")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _number(value: object, otherwise: float) -> float:
    """Return a number that can be written out; events may hold infinities and worse."""
    return value if isinstance(value, int | float) and abs(value) < _MAX_NUMBER else otherwise


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

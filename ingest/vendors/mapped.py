"""What vendors' payloads become: one way to build an event, and the names that all vendors of a kind use.

- orders: order_completed, order_refunded, order_cancelled, payment_failed; carts: cart_updated, checkout_started
- customers and contacts: identified (with traits), contact_deleted, contact_tagged, contact_untagged
- mail: email_sent, _delivered, _deferred, _bounced, _dropped, _opened, _clicked, _marked_as_spam, _subscribed;
  unsubscribed
- messages (property `channel`: sms, whatsapp, ...): message_sent, _delivered, _read, _failed, _received, _subscribed,
  _unsubscribed
- forms and meetings: form_started, form_submitted, call_booked, call_rescheduled, call_cancelled, call_missed
- sales: lead_created, deal_created, deal_updated, deal_won, deal_lost
- support: ticket_created, ticket_updated, conversation_started, conversation_replied (property `by`: customer, team)
- subscriptions: subscription_started, _updated, _paused, _cancelled, trial_started, trial_ending
- products (nobody's): product_updated
"""

import re
from collections.abc import Callable, Iterable, Sequence
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ingest.bodies import parse_json
from ingest.carts import COMMERCE_EVENTS, first_lines, shaped
from ingest.catalogue import news_of
from ingest.errors import IngestError
from ingest.persons import custom_pair
from ingest.provenance import with_fault
from ingest.sources import Source
from ingest.values import (
    amount,
    currency_or_none,
    email_or_none,
    in_day_ms,
    is_day,
    phone_or_none,
    require_plain,
    time_ms,
    wrong_type,
)
from ingest.vendors.base import PartlyUnusableError
from streams.model.events import Event, ProfileKeys, Utm
from streams.model.ids import own_id

MAX_ITEMS = 1_000
"""Of a webhook that carries many events."""
MAX_TEXT_CHARS = 1_000
"""Of what people write in messages: enough to tell what they want."""
_UNIX_CHARS = 16
_E164 = re.compile(r"\+?([1-9][0-9]{6,14})")
_TAG = re.compile(r"<[^<>]{0,1000}>")


def keys_for(
    *, email: object = None, phone: object = None, custom: tuple[str, object] | None = None, user_id: str | None = None
) -> ProfileKeys:
    """Return what the vendor knows somebody by; `custom` is (vendor's id, its id of the person)."""
    return ProfileKeys(
        user_id=user_id or None,
        email=email_or_none(email),
        phone=phone_or_none(phone),
        custom=custom_pair(*custom) if custom else (),
    )


def event(
    source: Source,
    name: str,
    about: Sequence[object],
    keys: ProfileKeys,
    at_ms: int,
    now_ms: int,
    properties: dict[str, Any],
    *,
    value: float | IngestError | None = None,
    currency: object = None,
    currency_at: str = "currency",
    traits: dict[str, Any] | None = None,
    utm: Utm | None = None,
    path: str = "properties",
    lines_at: str = "",
) -> Event:
    """Return an event. `about` names what happened in the vendor's terms: what it sends again has the same, and counts
    once. A time in the future counts as now. Raises IngestError, also the one that `value` is, and for a currency that
    is none, when it is about an order or a cart; any other event is flagged. `path` is where its properties stand in
    the body, `lines_at` its product lines if elsewhere.
    """
    code = currency_or_none(currency)
    faults = [value] if isinstance(value, IngestError) else []
    if code is None and currency not in (None, ""):
        faults.append(IngestError("invalid_field", currency_at, "not a currency code", "It is ISO 4217, e.g. EUR"))
    if faults and name in COMMERCE_EVENTS:
        raise faults[0]
    profile = keys.canonical()
    if profile is None:
        raise IngestError("missing_field", "", "nobody is identified", "Let the webhook carry an e-mail, phone or id")
    told = {key: told for key, told in properties.items() if told is not None}
    if name in COMMERCE_EVENTS:
        told = first_lines(told)
    require_plain(told, "")
    if name in COMMERCE_EVENTS:
        told = shaped(name, told, path=path, lines_at=lines_at)
    known = {key: trait for key, trait in (traits or {}).items() if trait not in (None, "")}
    require_plain(known, "")
    found = Event(
        id=own_id(source.id, *(str(part) for part in about)),
        workspace=source.workspace,
        source=source.id,
        profile=profile,
        name=name,
        at_ms=min(at_ms, now_ms),
        received_ms=now_ms,
        keys=keys,
        utm=utm,
        value=None if isinstance(value, IngestError) else value,
        currency=code,
        properties=told,
        traits=known,
    )
    return with_fault(found, "; ".join(map(str, faults))) if faults else found


def worth_of(value: object, field: str) -> float | IngestError | None:
    """Return an amount as `event` takes it: None when nothing is told, and what is wrong with one that is no number."""
    if value is None or value == "":
        return None
    try:
        return amount(value, field)
    except IngestError as error:
        return error


def product_news(
    source: Source,
    about: Sequence[object],
    product: dict[str, Any],
    at_ms: int,
    now_ms: int,
    *,
    currency: object = None,
    name: str = "product_updated",
) -> Event:
    """Return what a vendor tells of a product: product_id and, where known, name, price, in_stock, inventory_quantity,
    url, image_url. Raises IngestError.
    """
    told = {key: value for key, value in product.items() if value not in (None, "")}
    require_plain(told, "")
    profile, told = news_of(told)
    return Event(
        id=own_id(source.id, *(str(part) for part in about)),
        workspace=source.workspace,
        source=source.id,
        profile=profile,
        name=name,
        at_ms=min(at_ms, now_ms),
        received_ms=now_ms,
        keys=ProfileKeys(),
        currency=currency_or_none(currency),
        properties=told,
    )


def payload_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises IngestError."""
    payload = parse_json(raw)
    if not isinstance(payload, dict):
        raise wrong_type("", payload, "an object")
    return payload


def payloads_of(raw: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of a body that is a list of them. Raises IngestError."""
    payload = parse_json(raw)
    if not isinstance(payload, list):
        raise wrong_type("", payload, "a list")
    if len(payload) > MAX_ITEMS:
        raise IngestError("too_large", "", f"has {len(payload)} items", f"Send at most {MAX_ITEMS}")
    for number, item in enumerate(payload):
        if not isinstance(item, dict):
            raise wrong_type(str(number), item, "an object")
    return payload


def objects_at(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of the list at `key`, none when it is missing or null. Raises IngestError."""
    items = holder.get(key)
    if items is None:
        return []
    if not isinstance(items, list):
        raise wrong_type(key, items, "a list")
    if len(items) > MAX_ITEMS:
        raise IngestError("too_large", key, f"has {len(items)} items", f"Send at most {MAX_ITEMS}")
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise wrong_type(f"{key}.{number}", item, "an object")
    return items


def when_ms(value: object, field: str, now_ms: int) -> int:
    """Return a Unix time (s or ms, also as text) or an ISO 8601 one as Unix ms; now when none is told, or today's date
    alone. Raises IngestError.
    """
    if value is None or value == "":
        return now_ms
    is_unix = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _UNIX_CHARS
    if is_unix and isinstance(value, str):
        return time_ms(int(value), field)
    at_ms = time_ms(value, field)
    return in_day_ms(at_ms, now_ms) if is_day(value) else at_ms


def international(value: object) -> str | None:
    """Return a phone number with its country code as E.164 ("whatsapp:+49 170..." and "49170..." -> "+49170...")."""
    text = str(value) if type(value) is int else value
    number = phone_or_none(text.rpartition(":")[2]) if isinstance(text, str) else None
    match = _E164.fullmatch(number or "")
    return f"+{match[1]}" if match else None


def bounded(value: object) -> str | None:
    """Return what somebody wrote, cut after MAX_TEXT_CHARS; None when it is no text or blank."""
    return (value.strip()[:MAX_TEXT_CHARS] or None) if isinstance(value, str) else None


def text_of_html(value: object) -> str | None:
    """Return the words of a message in HTML, bounded, to read and search; it is not made safe to show as HTML."""
    words = unescape(_TAG.sub(" ", value[: 8 * MAX_TEXT_CHARS])) if isinstance(value, str) else ""
    return bounded(" ".join(words.split()))


def each(items: Iterable[dict[str, Any]], events_of: Callable[[dict[str, Any]], list[Event]]) -> list[Event]:
    """Return the events of all items; one that can't be used spoils no other.

    Raises PartlyUnusableError, or where nothing can be used the IngestError of the first.
    """
    events: list[Event] = []
    unusable: list[tuple[IngestError, bytes]] = []
    for item in items:
        try:
            events += events_of(item)
        except IngestError as error:
            unusable.append((error, orjson.dumps(item)))
    if unusable and not events:
        raise unusable[0][0]
    if unusable:
        raise PartlyUnusableError(events, unusable)
    return events


def form_of(raw: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, in their order and with the empty ones. Raises IngestError."""
    try:
        text = raw.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_ITEMS) if text else []
    except ValueError:
        raise IngestError("invalid_form", "", "the body is no form", "Send the vendor's own body as it is") from None

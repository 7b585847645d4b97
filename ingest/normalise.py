"""A Segment message becomes an Event. Pure, the only place that knows both forms, raises nothing but IngestError."""

from collections.abc import Callable
from typing import Any

import orjson
from msgspec.structs import replace

from ingest.carts import COMMERCE_EVENTS, LINE_EVENTS, shaped, worth
from ingest.catalogue import name_of_news, news_of
from ingest.errors import IngestError
from ingest.persons import keys_of, unmerged_id
from ingest.provenance import Arrival, placed_in_time, with_fault
from ingest.sources import Source, is_server, require_server
from ingest.spellings import LIST_SPELLINGS, with_subjects, written
from ingest.values import (
    MAX_ID_CHARS,
    amount,
    currency_or_none,
    doubt_of,
    number_or_none,
    optional_id,
    optional_object,
    require_plain,
    wrong_type,
)
from ingest.visits import page_properties, utm_of
from streams.model.events import Event, ProfileKeys, Provenance
from streams.model.ids import OWN_MARK, stable_id
from streams.model.names import canonical_name
from streams.operators.identity.nodes import TAKES_OUT
from streams.operators.product_news import PRODUCT_EVENTS

Message = dict[str, Any]
_Shape = tuple[str, dict[str, Any], dict[str, Any]]  # event name, properties, traits of the person

_NOBODY = ProfileKeys()
_SERVER_EVENTS = PRODUCT_EVENTS | {TAKES_OUT}
# Where the value of an event stands, by preference; a sum of product lines comes after these.
_CART_VALUE_KEYS = ("value", "total", "cart_value")
_VALUE_KEYS: dict[str, tuple[str, ...]] = {
    "order_completed": ("revenue", "value", "total"),
    "order_refunded": ("total", "value", "revenue"),
    "order_cancelled": ("total", "value", "revenue"),
    "cart_viewed": _CART_VALUE_KEYS,
    "cart_updated": _CART_VALUE_KEYS,
    "checkout_started": _CART_VALUE_KEYS,
}
_PLAIN_VALUE_KEYS = ("value", "revenue")
_MAX_COPIED_BYTES = 65_536
# Not part of what a message says: a retry changes them.
_TRANSPORT_KEYS = frozenset({"sentAt", "receivedAt", "writeKey", "messageId"})


def events_of(message: object, source: Source, arrival: Arrival) -> list[Event]:
    """Return the message's event; one per product when it adds or removes several at once (GA4 does)."""
    event = normalise(message, source, arrival)
    if event.name not in LINE_EVENTS or not event.properties.get("products"):
        return [event]
    said = message.get("properties") if isinstance(message, dict) else None
    return one_each(event, f"properties.{written(said if isinstance(said, dict) else {}, LIST_SPELLINGS)}")


def one_each(event: Event, lines_at: str) -> list[Event]:
    """Return the event, or those of its several products that are added or removed: the lines that stand at `lines_at`.
    Raises IngestError when what goes with each of them becomes too much in all.
    """
    products = event.properties.get("products")
    if event.name not in LINE_EVENTS or not products:
        return [event]
    rest = {key: value for key, value in event.properties.items() if key != "products"}
    size_bytes = len(orjson.dumps((rest, event.traits)))
    if size_bytes * len(products) > _MAX_COPIED_BYTES:
        problem = f"has {len(products)} lines, and {size_bytes} bytes of other properties and traits go with each"
        remedy = f"Send fewer lines at once or less beside them: {_MAX_COPIED_BYTES} bytes in all"
        raise IngestError("too_large", lines_at, problem, remedy)
    return [
        replace(event, id=f"{event.id}:{index}", properties=rest | product, value=worth(product))
        for index, product in enumerate(products)
    ]


def normalise(message: object, source: Source, arrival: Arrival) -> Event:
    """Return the message as an Event. Raises IngestError."""
    if not isinstance(message, dict):
        raise wrong_type("message", message, "an object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise IngestError("invalid_field", "type", "not a kind of message", f"Send one of {', '.join(_SHAPES)}")
    context = optional_object(message, "context")
    name, properties, traits = _SHAPES[kind](message, context)
    require_plain(properties, "properties")
    require_plain(traits, "traits")
    name = name_of_news(name, message, properties, source)
    if name in _SERVER_EVENTS:
        require_server(source, name)
    at_ms, provenance = placed_in_time(message, context, arrival)
    if name in PRODUCT_EVENTS:
        return _news(name, properties, message, source, arrival.now_ms, at_ms, provenance)
    commerce = name in COMMERCE_EVENTS
    if commerce:
        properties = shaped(name, properties)
    elif name == TAKES_OUT:
        properties = {**properties, "id": unmerged_id(properties)}
    session = context.get("sessionId")
    if isinstance(session, str | int) and "session_id" not in properties:
        properties = {**properties, "session_id": str(session)[:MAX_ID_CHARS]}
    keys = keys_of(message, context, properties, traits)
    profile = keys.canonical()
    if profile is None:
        raise IngestError("missing_field", "userId", "nobody is identified", "Send userId, anonymousId or an e-mail")
    value, currency = _value(name, properties, commerce=commerce), _currency(properties, commerce=commerce)
    event = Event(
        id=_id_of(message, source),
        workspace=source.workspace,
        source=source.id,
        profile=profile,
        name=name,
        at_ms=at_ms,
        received_ms=arrival.now_ms,
        keys=keys,
        utm=utm_of(context, properties),
        value=value,
        currency=currency,
        properties=properties,
        traits=traits,
        provenance=provenance,
    )
    fault = doubt_of(properties, value, currency, _PLAIN_VALUE_KEYS)
    return with_fault(event, fault) if fault else event


def _news(
    name: str,
    properties: dict[str, Any],
    message: Message,
    source: Source,
    now_ms: int,
    at_ms: int,
    provenance: Provenance | None,
) -> Event:
    """Return news of a product: nobody's, and worth nothing, whatever the product costs."""
    profile, told = news_of(properties)
    return Event(
        id=_id_of(message, source),
        workspace=source.workspace,
        source=source.id,
        profile=profile,
        name=name,
        at_ms=at_ms,
        received_ms=now_ms,
        keys=_NOBODY,
        currency=_currency(told, commerce=True),
        properties=told,
        provenance=provenance,
    )


def _id_of(message: Message, source: Source) -> str:
    told = optional_id(message, "messageId")
    if told and told[0] == OWN_MARK and not is_server(source):
        raise IngestError(
            "invalid_field",
            "messageId",
            f'begins with "{OWN_MARK}" as those that the platform gives',
            "Send another id, or none",
        )
    return told or _content_id(message, source)


def _content_id(message: Message, source: Source) -> str:
    """Return an id that a retry of the same message gets again; its timestamp tells two like events apart."""
    said = {key: value for key, value in message.items() if key not in _TRANSPORT_KEYS}
    try:
        content = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise IngestError("too_deep", "message", "is nested too deep or holds no plain JSON", "Flatten it") from None
    return stable_id("message", source.id, content.decode())


def _value(name: str, properties: dict[str, Any], *, commerce: bool) -> float | None:
    if not commerce:
        for key in _PLAIN_VALUE_KEYS:
            if key in properties and (number := number_or_none(properties[key])) is not None:
                return number
        return None
    for key in _VALUE_KEYS.get(name, ("value",)):
        value = properties.get(key)
        if value is not None:
            return amount(value, f"properties.{key}")
    return worth(properties)


def _currency(properties: dict[str, Any], *, commerce: bool) -> str | None:
    value = properties.get("currency")
    if value is None or value == "":
        return None
    code = currency_or_none(value)
    if code is not None or not commerce:
        return code
    raise IngestError("invalid_field", "properties.currency", "not a currency code", "Send ISO 4217, e.g. EUR")


def _person(message: Message, context: Message) -> dict[str, Any]:
    own = optional_object(message, "traits")
    return optional_object(context, "traits", "context.") | own if "traits" in context else own


def _track(message: Message, context: Message) -> _Shape:
    event = message.get("event")
    if not isinstance(event, str):
        raise wrong_type("event", event, "a string")
    name = canonical_name(event)
    if not name:
        raise IngestError("invalid_field", "event", "has no letter or digit", 'Send a name, e.g. "Product Added"')
    properties = with_subjects(optional_object(message, "properties"))
    if name == "page_viewed":
        properties = page_properties(context, properties)
    return name, properties, _person(message, context)


def _identify(message: Message, context: Message) -> _Shape:
    return "identified", optional_object(message, "properties"), _person(message, context)


def _page(message: Message, context: Message) -> _Shape:
    properties = page_properties(context, optional_object(message, "properties"))
    return "page_viewed", _titled(message, properties), _person(message, context)


def _screen(message: Message, context: Message) -> _Shape:
    return "screen_viewed", _titled(message, optional_object(message, "properties")), _person(message, context)


def _group(message: Message, context: Message) -> _Shape:
    group_id = optional_id(message, "groupId")
    if group_id is None:
        raise IngestError("missing_field", "groupId", "is missing", "Say which group was joined")
    properties = {"group_id": group_id, "group_traits": optional_object(message, "traits")}
    return "grouped", properties, optional_object(context, "traits", "context.")


def _alias(message: Message, context: Message) -> _Shape:
    previous = optional_id(message, "previousId")
    if previous is None:
        raise IngestError("missing_field", "previousId", "is missing", "Say which id userId was known by before")
    return "aliased", {"previous_id": previous}, optional_object(context, "traits", "context.")


def _titled(message: Message, properties: dict[str, Any]) -> dict[str, Any]:
    given = {key: message[key] for key in ("name", "category") if isinstance(message.get(key), str)}
    return given | properties


_SHAPES: dict[str, Callable[[Message, Message], _Shape]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}

"""The mapping for senders that no other module knows: a name and an object become an event. It judges no signature.

The name is taken in snake_case or as its synonym ("order.paid" -> order_completed), the plain values of the object are
the properties. Who: the e-mail, phone, user id and anonymous id in the object or in its `user`, `customer`, `contact`
or `person`, else the one address in `to`. Such a person created or updated is `identified`, with its plain values as
traits; deleted it is `contact_deleted`. Without anybody named nothing comes of it, but for news of products.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.carts import COMMERCE_EVENTS, shaped, worth
from ingest.errors import IngestError
from ingest.normalise import one_each
from ingest.provenance import with_day_said
from ingest.sources import Source
from ingest.spellings import with_subjects, written
from ingest.values import email_or_none, is_meant_as_amount, number_or_none, optional_id, phone_or_none
from ingest.vendors.mapped import event, product_news, when_ms, worth_of
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys
from streams.model.names import canonical_name
from streams.operators.identity.nodes import IDENTITY_EVENTS
from streams.operators.product_news import PRODUCT_EVENTS

_Payload = dict[str, Any]

_PEOPLE = ("user", "customer", "contact", "person")
_PERSON_EVENTS = frozenset(f"{who}_{what}" for who in _PEOPLE for what in ("created", "updated"))
_DELETED = frozenset(f"{who}_deleted" for who in _PEOPLE)
_EMAILS = ("email", "email_address", "emailAddress", "to")
_PHONES = ("phone", "phone_number", "phoneNumber")
_USER_IDS = ("user_id", "userId")
_ANONYMOUS_IDS = ("anonymous_id", "anonymousId")
_VALUES = ("revenue", "total", "value", "amount")
_MAX_PROPERTIES = 100
_LISTS = ("products", "items", "line_items")
_EVERY = 1 << 20  # a body has no more lines
PERSON_KEYS = frozenset({*_PEOPLE, *_EMAILS, *_PHONES, *_USER_IDS, *_ANONYMOUS_IDS})
"""Where somebody may be named."""


def generic_events(
    kind: str, data: _Payload, about: tuple[str, ...], stated: object, source: Source, now_ms: int, path: str
) -> list[Event]:
    """Return the event, or none; `about` as in `event`, `stated` is the time that the sender states, `path` what stands
    before the names of fields in `data`. Raises IngestError.
    """
    name = canonical_name(kind)
    is_person = name in _PERSON_EVENTS
    name = "identified" if is_person else "contact_deleted" if name in _DELETED else name
    keys = _keys(data, is_about_person=is_person or name == "contact_deleted")
    at_ms = when_ms(stated, "timestamp", now_ms)
    if name in PRODUCT_EVENTS:
        told = dict(_plain(data))
        news = product_news(source, about, told, at_ms, now_ms, currency=data.get("currency"), name=name)
        return [with_day_said(news, stated)]
    if not name or name in IDENTITY_EVENTS or keys.canonical() is None:
        return []
    told = {} if is_person else dict(_plain(data))
    value, at = _value(name, data, path), path.removesuffix(".")
    if name in COMMERCE_EVENTS:  # lines of products are the one list that has a meaning for all senders
        told |= {key: data[key] for key in _LISTS if isinstance(data.get(key), list)}
        if value is None:
            value = worth(shaped(name, told, max_products=_EVERY, path=at))
    found = event(
        source, name, about, keys, at_ms, now_ms, with_subjects(told),
        value=value, currency=data.get("currency"), currency_at=f"{path}currency",
        traits=dict(_plain(_person(data))) if is_person else None,
        utm=utm_from(data, "utm_"), path=at,
    )  # fmt: skip
    return one_each(with_day_said(found, stated), f"{path}{written(told, _LISTS)}")


def _value(name: str, data: _Payload, path: str) -> float | IngestError | None:
    """Return the first amount that is one; without any, what is wrong with the first that is meant as one."""
    told = [(key, data[key]) for key in _VALUES if data.get(key) not in (None, "")]
    for _, value in told:
        if (number := number_or_none(value)) is not None:
            return number
    meant = [(key, value) for key, value in told if name in COMMERCE_EVENTS or is_meant_as_amount(key, value)]
    return worth_of(meant[0][1], path + meant[0][0]) if meant else None


def _person(data: _Payload) -> _Payload:
    return next((data[who] for who in _PEOPLE if isinstance(data.get(who), dict)), data)


def _keys(data: _Payload, *, is_about_person: bool) -> ProfileKeys:
    """Return who it is about: what `data` says itself, else what its person says, whose `id` is the user's."""
    person = _person(data)
    holders = (data, person)
    user_id = _first_id(holders, _USER_IDS)
    if user_id is None and (person is not data or is_about_person):
        user_id = optional_id(person, "id", "data.")
    return ProfileKeys(
        user_id=user_id,
        anonymous_id=_first_id(holders, _ANONYMOUS_IDS),
        email=next((found for value in _told(holders, _EMAILS) if (found := email_or_none(value))), None),
        phone=next((found for value in _told(holders, _PHONES) if (found := phone_or_none(value))), None),
    )


def _first_id(holders: Sequence[_Payload], names: Sequence[str]) -> str | None:
    found = (optional_id(holder, name, "data.") for holder in holders for name in names)
    return next((one for one in found if one), None)


def _told(holders: Sequence[_Payload], names: Sequence[str]) -> Iterator[object]:
    for value in (holder.get(name) for holder in holders for name in names):
        yield value[0] if isinstance(value, list) and len(value) == 1 else value


def _plain(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the text, numbers and truths of an object: what a rule can ask for."""
    plain = [(key, value) for key, value in data.items() if isinstance(value, str | int | float)]
    return plain[:_MAX_PROPERTIES]

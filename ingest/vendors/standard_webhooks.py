"""Standard Webhooks: any sender that keeps to standard-webhooks.com; a generic mapping of `{"type", "data"}`.

Signature: see trio.py. Secrets: `whsec_` and base64 for v1 (also without the prefix), `whpk_` and base64 of the
sender's public key for v1a. A private key (`whsk_`) is refused: it belongs to the sender alone.

`type` becomes the event's name, in snake_case or its synonym ("order.paid" -> order_completed); `timestamp` (or
`created_at`) its time, the plain values of `data` its properties. Who: the e-mail, phone, user id and anonymous id in
`data` or in its `user`, `customer`, `contact` or `person`, else the one address in `to`. Such a person created or
updated is `identified`, with its plain values as traits; deleted it is `contact_deleted`. Without anybody named nothing
comes of it, but for news of products. Ids come from `webhook-id`.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ingest.carts import COMMERCE_EVENTS
from ingest.names import canonical_name
from ingest.sources import Source
from ingest.spellings import with_subjects
from ingest.values import email_or_none, number_or_none, optional_id, phone_or_none, wrong_type
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, payload_of, product_news, when_ms
from ingest.vendors.signing import live
from ingest.vendors.trio import Check, ed25519_check, hmac_check, signed_id, trio_verdict
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys
from streams.operators.identity.nodes import IDENTITY_EVENTS
from streams.operators.product_news import PRODUCT_EVENTS

_Payload = dict[str, Any]

_SHARED, _PUBLIC, _PRIVATE = "whsec_", "whpk_", "whsk_"
_PEOPLE = ("user", "customer", "contact", "person")
_PERSON_EVENTS = frozenset(f"{who}_{what}" for who in _PEOPLE for what in ("created", "updated"))
_DELETED = frozenset(f"{who}_deleted" for who in _PEOPLE)
_EMAILS = ("email", "email_address", "emailAddress", "to")
_PHONES = ("phone", "phone_number", "phoneNumber")
_USER_IDS = ("user_id", "userId")
_ANONYMOUS_IDS = ("anonymous_id", "anonymousId")
_VALUES = ("revenue", "total", "value", "amount")
_MAX_PROPERTIES = 100


class StandardWebhooks(PlainVendor):
    """The vendor "standard_webhooks"."""

    id = "standard_webhooks"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        checks = [check for secret in live(secrets) if (check := _check(secret.strip()))]
        if not checks:
            return Verdict(False, "the source holds no secret of the form whsec_ or whpk_ and base64")
        return trio_verdict(request, checks, now_s)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        kind, data = payload.get("type"), payload.get("data")
        if not isinstance(kind, str):
            raise wrong_type("type", kind, "a string")
        if not isinstance(data, dict):
            raise wrong_type("data", data, "an object")
        name = canonical_name(kind)
        is_person = name in _PERSON_EVENTS
        name = "identified" if is_person else "contact_deleted" if name in _DELETED else name
        keys = _keys(data, is_about_person=is_person or name == "contact_deleted")
        at_ms = when_ms(payload.get("timestamp") or payload.get("created_at"), "timestamp", now_ms)
        if name in PRODUCT_EVENTS:
            about = (signed_id(request),)
            return [
                product_news(source, about, dict(_plain(data)), at_ms, now_ms, currency=data.get("currency"), name=name)
            ]
        if not name or name in IDENTITY_EVENTS or keys.canonical() is None:
            return []
        told = {} if is_person else dict(_plain(data))
        if name in COMMERCE_EVENTS:  # lines of products are the one list that has a meaning for all senders
            told |= {key: data[key] for key in ("products", "items", "line_items") if isinstance(data.get(key), list)}
        return [
            event(
                source, name, (signed_id(request),), keys, at_ms, now_ms, with_subjects(told),
                value=next((n for key in _VALUES if (n := number_or_none(data.get(key))) is not None), None),
                currency=data.get("currency"),
                traits=dict(_plain(_person(data))) if is_person else None,
                utm=utm_from(data, "utm_"),
            )
        ]  # fmt: skip


def _check(secret: str) -> Check | None:
    """Return the check that a secret stands for, None for what is no secret of these forms."""
    if secret.startswith(_PRIVATE):
        return None
    is_public = secret.startswith(_PUBLIC)
    text = secret.removeprefix(_PUBLIC if is_public else _SHARED).rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
        if is_public:
            return ed25519_check(Ed25519PublicKey.from_public_bytes(key))
    except ValueError:
        return None
    return hmac_check(key) if key else None


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

"""Intercom: contacts, conversations, tickets, and who unsubscribes.

Signature (developers.intercom.com/docs/webhooks, "Signed notifications"): X-Hub-Signature is "sha1=" and hexadecimal
digits of HMAC-SHA1 over the raw body with the app's client secret. No time is signed, nor a header or the address; the
notification's id stands in the body, stays when Intercom sends it again, and makes it count once. `ping` is signed as
all others are, and takes no events; the HEAD that Intercom asks with before it saves an address shows nothing.

contacts -> identified (also signed_up), contact_deleted, contact_tagged, contact_untagged; subscriptions ->
email_subscribed, unsubscribed, message_subscribed, message_unsubscribed; conversations -> conversation_started,
conversation_replied; tickets -> ticket_created, ticket_updated, conversation_replied. The person is the contact, never
the teammate or bot who answered, by the custom id "intercom", e-mail and phone. Location, browser and social profiles
are not copied. Intercom's external_id is the trait `external_id`: whether it is a user id here, only its owner knows.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.hub import hub_verdict
from ingest.vendors.mapped import (
    bounded,
    event,
    international,
    keys_for,
    objects_at,
    payload_of,
    text_of_html,
    when_ms,
)
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys

_Object = dict[str, Any]
_Told = tuple[str, _Object]  # name of the event, properties

_SIGNATURE = "x-hub-signature"
_HERE = Reply(b"")
_PEOPLE = ("user", "lead", "contact")
_TRAITS = ("name", "role", "external_id", "language_override", "signed_up_at")
_BY_SMS = frozenset({"sms", "sms_message"})
_BY_MAIL = {"subscribed": "email_subscribed", "unsubscribed": "unsubscribed"}
_MAX_ATTRIBUTES = 50


class Intercom(PlainVendor):
    """The vendor "intercom"."""

    id = "intercom"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        return hub_verdict(request, secrets, _SIGNATURE, "sha1")

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        return _HERE if request.method == "HEAD" else None

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        read = _TOPICS.get(str(payload.get("topic")))
        if read is None:
            return []
        item = optional_object(optional_object(payload, "data"), "item")
        contact = _contact(item)
        keys = _keys(contact)
        if keys.canonical() is None:
            return []
        notification_id = optional_id(payload, "id")
        at_ms = when_ms(payload.get("created_at"), "created_at", now_ms)
        return [
            event(
                source,
                name,
                (notification_id, name),
                keys,
                at_ms,
                now_ms,
                properties,
                traits=_traits(contact) if name in ("identified", "signed_up") else None,
                utm=utm_from(contact, "utm_"),
            )
            for name, properties in read(item)
        ]


def _contact(item: _Object) -> _Object:
    """Return the person that the item is or is about."""
    ticket = optional_object(item, "ticket")
    for holder in (item, ticket):
        for key in ("contact", "user"):
            if isinstance(holder.get(key), dict):
                return _with_author(optional_object(holder, key), holder)
        listed = objects_at(optional_object(holder, "contacts"), "contacts")
        if listed:
            return _with_author(listed[0], holder)
    return item if str(item.get("type")) in _PEOPLE else {}


def _with_author(contact: _Object, holder: _Object) -> _Object:
    """Return the contact with the e-mail of what it wrote itself: lists of contacts hold ids alone."""
    if contact.get("email"):
        return contact
    parts = [optional_object(holder, key) for key in ("source", "conversation_message")]
    authors = (optional_object(part, "author") for part in parts + _parts(holder))
    own = (one for one in authors if one.get("type") in _PEOPLE and one.get("id") == contact.get("id"))
    return contact | {"email": next((one["email"] for one in own if one.get("email")), None)}


def _parts(holder: _Object) -> list[_Object]:
    return [
        part for key in ("conversation_parts", "ticket_parts") for part in objects_at(optional_object(holder, key), key)
    ]


def _keys(contact: _Object) -> ProfileKeys:
    phone = international(contact.get("phone"))
    return keys_for(email=contact.get("email"), phone=phone, custom=("intercom", contact.get("id")))


def _traits(contact: _Object) -> _Object:
    attributes = list(optional_object(contact, "custom_attributes").items())[:_MAX_ATTRIBUTES]
    plain = {key: value for key, value in attributes if isinstance(value, str | int | float)}
    return plain | {key: contact[key] for key in _TRAITS if isinstance(contact.get(key), str)}


def _just(name: str) -> Callable[[_Object], list[_Told]]:
    return lambda _item: [(name, {})]


def _tagged(name: str) -> Callable[[_Object], list[_Told]]:
    return lambda item: [(name, {"tag": bounded(optional_object(item, "tag").get("name"))})]


def _subscribed(what: str) -> Callable[[_Object], list[_Told]]:
    """Read (un)subscriptions: of everything by e-mail, or of what the item lists."""

    def read(item: _Object) -> list[_Told]:
        types = objects_at(optional_object(item, "subscription_types"), "data")
        names = [bounded(optional_object(one, "default_translation").get("name")) for one in types]
        properties = {"subscriptions": names or None}
        listed = [one.get("content_types") for one in types]
        contents = {str(kind) for kinds in listed if isinstance(kinds, list) for kind in kinds} or {"email"}
        by_mail = [(_BY_MAIL[what], properties)] if "email" in contents else []
        by_sms = [(f"message_{what}", properties | {"channel": "sms"})] if contents & _BY_SMS else []
        return by_mail + by_sms

    return read


def _conversation(name: str, by: str) -> Callable[[_Object], list[_Told]]:
    def read(item: _Object) -> list[_Told]:
        source = optional_object(item, "source") or optional_object(item, "conversation_message")
        parts = objects_at(optional_object(item, "conversation_parts"), "conversation_parts")
        said = parts[-1] if parts and name == "conversation_replied" else source
        properties = {
            "conversation_id": optional_id(item, "id"),
            "by": by,
            "channel": bounded(source.get("type")),
            "subject": text_of_html(source.get("subject")),
            "text": text_of_html(said.get("body")),
            "url": bounded(source.get("url")),
        }
        return [(name, properties)]

    return read


def _ticket(name: str) -> Callable[[_Object], list[_Told]]:
    return lambda item: [(name, _ticket_properties(item))]


def _ticket_replied(by: str) -> Callable[[_Object], list[_Told]]:
    def read(item: _Object) -> list[_Told]:
        text = text_of_html(optional_object(item, "ticket_part").get("body"))
        told = _ticket_properties(optional_object(item, "ticket"))
        return [("conversation_replied", told | {"by": by, "text": text})]

    return read


def _ticket_properties(ticket: _Object) -> _Object:
    attributes = optional_object(ticket, "ticket_attributes")
    return {
        "ticket_id": optional_id(ticket, "ticket_id") or optional_id(ticket, "id"),
        "subject": bounded(attributes.get("_default_title_")),
        "status": bounded(optional_object(ticket, "ticket_state").get("category")),
        "kind": bounded(optional_object(ticket, "ticket_type").get("name")),
    }


# Names of today and, where they differ, of the API's first versions, which old apps still get.
_TOPICS: dict[str, Callable[[_Object], list[_Told]]] = {
    **dict.fromkeys(
        (
            "contact.user.created",
            "contact.user.updated",
            "contact.lead.created",
            "contact.lead.updated",
            "contact.lead.added_email",
            "contact.email.updated",
            "contact.merged",
            "contact.created",
            "contact.added_email",
            "contact.updated",
            "user.created",
            "user.email.updated",
        ),
        _just("identified"),
    ),
    **dict.fromkeys(("contact.lead.signed_up", "contact.signed_up", "visitor.signed_up"), _just("signed_up")),
    **dict.fromkeys(("contact.deleted", "user.deleted"), _just("contact_deleted")),
    **dict.fromkeys(
        ("contact.user.tag.created", "contact.lead.tag.created", "contact.tag.created"), _tagged("contact_tagged")
    ),
    **dict.fromkeys(
        ("contact.user.tag.deleted", "contact.lead.tag.deleted", "contact.tag.deleted"), _tagged("contact_untagged")
    ),
    **dict.fromkeys(("contact.subscribed", "granular.subscribe"), _subscribed("subscribed")),
    **dict.fromkeys(("contact.unsubscribed", "granular.unsubscribe", "user.unsubscribed"), _subscribed("unsubscribed")),
    "conversation.user.created": _conversation("conversation_started", "customer"),
    "conversation.admin.single.created": _conversation("conversation_started", "team"),
    "conversation.user.replied": _conversation("conversation_replied", "customer"),
    "conversation.admin.replied": _conversation("conversation_replied", "team"),
    "ticket.created": _ticket("ticket_created"),
    "ticket.state.updated": _ticket("ticket_updated"),
    "ticket.closed": _ticket("ticket_updated"),
    "ticket.contact.replied": _ticket_replied("customer"),
    "ticket.admin.replied": _ticket_replied("team"),
}

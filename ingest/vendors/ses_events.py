"""What SES says inside a message of SNS, as events. Pure; signatures are judged elsewhere.

Both forms are read: event publishing (`eventType`) and notifications of an identity (`notificationType`); what both
tell has one id. Opens and clicks of a mail to several people are not used: SES does not say whose they are.
"""

from email.utils import parseaddr
from typing import Any

import orjson

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import optional_object, wrong_type
from ingest.vendors.mail import Message, label, outcome
from ingest.vendors.mapped import bounded, each, keys_for, objects_at, when_ms
from streams.model.events import Event

# Kind: event, the object that tells of it, its list of the people concerned (none: all whom the mail was for).
_KINDS = {
    "Send": ("email_sent", "send", ""),
    "Delivery": ("email_delivered", "delivery", "recipients"),
    "DeliveryDelay": ("email_deferred", "deliveryDelay", "delayedRecipients"),
    "Bounce": ("email_bounced", "bounce", "bouncedRecipients"),
    "Reject": ("email_dropped", "reject", ""),
    "Rendering Failure": ("email_dropped", "failure", ""),
    "Complaint": ("email_marked_as_spam", "complaint", "complainedRecipients"),
    "Open": ("email_opened", "open", ""),
    "Click": ("email_clicked", "click", ""),
    "Subscription": ("unsubscribed", "subscription", ""),
}
_OF_ONE = frozenset({"Open", "Click"})
_BOUNCE_TYPES = {"Permanent": "hard", "Transient": "soft"}
_SUPPRESSED = "OnAccountSuppressionList"
_DELIVERY_HEADER = "x-campaigniq-delivery"
_AWS = "ses:"
_MAX_PEOPLE = 100

_Payload = dict[str, Any]


def events_of(text: str, source: Source, now_ms: int) -> list[Event]:
    """Return the events of a notification's Message, none for what SES does not say. Raises IngestError."""
    try:
        payload = orjson.loads(text)
    except orjson.JSONDecodeError:  # such as "Successfully validated SNS topic for Amazon SES event publishing."
        return []
    if not isinstance(payload, dict):
        return []
    kind = str(payload.get("eventType") or payload.get("notificationType"))
    if kind not in _KINDS:
        return []
    name, key, people_key = _KINDS[kind]
    what, mail = optional_object(payload, key), optional_object(payload, "mail")
    people = _people(what, people_key) if people_key else _people(mail, "destination")
    if kind in _OF_ONE and len(people) > 1:
        return []
    return each(people, lambda person: _events(kind, name, person, what, mail, source, now_ms))


def _events(
    kind: str, name: str, person: _Payload, what: _Payload, mail: _Payload, source: Source, now_ms: int
) -> list[Event]:
    email = parseaddr(str(person["emailAddress"]))[1]
    told = what.get("timestamp") or mail.get("timestamp")
    about = ("ses", kind, mail.get("messageId"), email.lower(), told, what.get("link"))
    more: _Payload = {"reason": bounded(what.get("reason")) or bounded(what.get("errorMessage"))}
    if kind == "Bounce":
        more["bounce_type"] = _BOUNCE_TYPES.get(str(what.get("bounceType")), "undetermined")
        more["reason"] = bounded(person.get("diagnosticCode")) or label(what.get("bounceSubType"))
    elif kind == "DeliveryDelay":
        more["reason"] = bounded(person.get("diagnosticCode")) or label(what.get("delayType"))
    elif kind == "Click":
        more["url"] = what.get("link")
    elif kind == "Complaint":
        if what.get("complaintFeedbackType") == "not-spam":
            return []
        more["reason"] = label(what.get("complaintFeedbackType")) or label(what.get("complaintSubType"))
        # SES did not send it: nobody has complained about this mail.
        name = "email_dropped" if what.get("complaintSubType") == _SUPPRESSED else name
    keys, at_ms, message = keys_for(email=email), when_ms(told, "timestamp", now_ms), _message(mail)
    changes = _preferences(what) if kind == "Subscription" else [(name, more)]
    return [
        outcome(source, change, (*about, change), keys, at_ms, now_ms, message, **properties)
        for change, properties in changes
    ]


def _preferences(what: _Payload) -> list[tuple[str, _Payload]]:
    """Return what a person has left and joined: everything, or single topics."""
    new, old = optional_object(what, "newTopicPreferences"), optional_object(what, "oldTopicPreferences")
    more: _Payload = {"list": label(what.get("contactList")), "reason": label(what.get("source"))}
    if new.get("unsubscribeAll") is True:
        return [("unsubscribed", more)]
    left, joined = (_topics(new, status) - _topics(old, status) for status in ("OptOut", "OptIn"))
    changes = (("unsubscribed", left), ("email_subscribed", joined))
    return [(name, more | {"topics": sorted(topics)}) for name, topics in changes if topics]


def _topics(preferences: _Payload, status: str) -> set[str]:
    told = objects_at(preferences, "topicSubscriptionStatus")
    return {str(one.get("topicName"))[:100] for one in told if one.get("subscriptionStatus") == status}


def _people(holder: _Payload, key: str) -> list[_Payload]:
    """Return the people of a list of addresses or of objects with one."""
    people = holder.get(key)
    if not isinstance(people, list):
        raise wrong_type(key, people, "a list")
    if len(people) > _MAX_PEOPLE:
        raise IngestError("too_large", key, f"has {len(people)} addresses", f"Send at most {_MAX_PEOPLE}")
    found = [one if isinstance(one, dict) else {"emailAddress": one} for one in people]
    return [one for one in found if one.get("emailAddress")]


def _message(mail: _Payload) -> Message:
    """Return the message, with the tags that the sender gave it; SES's own are left out, the configuration set kept."""
    tags = {
        key: values[0] for key, values in optional_object(mail, "tags").items() if isinstance(values, list) and values
    }
    headers = {str(one.get("name")).lower(): one.get("value") for one in objects_at(mail, "headers")}
    own = {key: value for key, value in tags.items() if not key.startswith(_AWS)}
    delivery = headers.get(_DELIVERY_HEADER)
    return Message(
        id=mail.get("messageId"),
        header_id=headers.get("message-id"),
        tags=tags.get("ses:configuration-set"),
        metadata=({"delivery_id": delivery} if delivery else {}) | own,
    )

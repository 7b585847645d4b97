"""Mailchimp (audiences): who subscribes and leaves, whose profile or address changes, which addresses are cleaned.

Mailchimp signs nothing (https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/): the secret
stands in the address as `?secret=`, or as user name and password. It asks by GET whether the address is there, and
wants 200 before it keeps the webhook. Times are taken for UTC. It has no id for what it sends: the body's digest makes
ours.

Of the merge fields nested ones (postal addresses, groups) are not copied, nor are IP addresses. News of campaigns are
of no person and not used.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import email_or_none
from ingest.vendors.base import OK, Reply, WebhookRequest
from ingest.vendors.mail import MAX_PAIRS
from ingest.vendors.mapped import event, form_of, keys_for, when_ms
from ingest.vendors.signing import BearingVendor
from streams.model.events import Event

_CUSTOMER_ID = "mailchimp"
_MERGE = re.compile(r"data\[merges\]\[([A-Za-z0-9_]{1,50})\]")
_TRAITS = {"FNAME": "first_name", "LNAME": "last_name"}
_NO_TRAITS = frozenset({"EMAIL", "ADDRESS"})
_MAX_CHARS = 1_000
_KEPT = ("list_id", "reason", "campaign_id", "old_email")

_Fields = dict[str, str]


class MailchimpMarketing(BearingVendor):
    """The vendor "mailchimp_marketing"."""

    id = "mailchimp_marketing"

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        return OK if request.method in ("GET", "HEAD") else None

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        fields = dict(form_of(request.raw))
        if "type" not in fields:
            raise IngestError("missing_field", "type", "is missing", "Send the vendor's own body")
        name = _name_of(fields)
        if not name:
            return []
        email = fields.get("data[new_email]") or fields.get("data[email]") or fields.get("data[merges][EMAIL]")
        keys = keys_for(
            email=email,
            phone=fields.get("data[merges][PHONE]"),
            custom=(_CUSTOMER_ID, fields.get("data[new_id]") or fields.get("data[id]")),
        )
        told = {key: fields[f"data[{key}]"][:_MAX_CHARS] for key in _KEPT if fields.get(f"data[{key}]")}
        if name == "email_bounced":
            told["bounce_type"] = "hard"
        about = ("mailchimp", sha256(request.raw).hexdigest())
        at_ms = when_ms(fields.get("fired_at"), "fired_at", now_ms)
        return [event(source, name, about, keys, at_ms, now_ms, told, traits=_traits(fields))]


def _name_of(fields: _Fields) -> str:
    """Return the event that the form tells of, empty for what is not used."""
    is_complaint = fields.get("data[reason]") == "abuse"
    match fields["type"]:
        case "subscribe":
            return "email_subscribed"
        case "unsubscribe" if fields.get("data[action]") == "delete":
            return "contact_deleted"
        case "unsubscribe":
            return "email_marked_as_spam" if is_complaint else "unsubscribed"
        case "cleaned":
            return "email_marked_as_spam" if is_complaint else "email_bounced"
        case "profile" | "upemail":
            return "identified"
    return ""


def _traits(fields: _Fields) -> _Fields:
    merges = {found[1]: value for key, value in fields.items() if (found := _MERGE.fullmatch(key)) and value}
    kept = {
        _TRAITS.get(name, name.lower()): value[:_MAX_CHARS]
        for name, value in list(merges.items())[:MAX_PAIRS]
        if name not in _NO_TRAITS
    }
    email = email_or_none(fields.get("data[new_email]"))
    return kept | ({"email": email} if email else {})

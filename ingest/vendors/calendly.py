"""Calendly: invitee.created becomes call_booked, invitee.canceled call_cancelled, invitee_no_show.created call_missed,
routing_form_submission.created form_submitted; the rest is of no use.

Signature (developer.calendly.com, "Webhook Signatures"): Calendly-Webhook-Signature is "t=<Unix seconds>,v1=<hex>", the
latter HMAC-SHA256 over "t.body" with the signing key, which each subscription may have of its own. Calendly's example
allows 3 minutes for old requests; here they may not come from the future either.

Moving a call sends both, a cancellation with rescheduled = true and a booking with old_invitee: they are one
call_rescheduled here, so that nobody is scored twice for one call. Links to cancel or join a call are not copied.
"""

from collections.abc import Sequence
from typing import Any

from ingest.sources import Source
from ingest.values import email_or_none, optional_object, time_ms
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, keys_for, payload_of, worth_of
from ingest.vendors.signing import hmac_hex, hmac_verdict, pairs_of, time_verdict
from ingest.visits import utm_from
from streams.model.events import Event

TOLERANCE_S = 180.0
_SIGNATURE = "calendly-webhook-signature"
_MAX_ANSWERS = 50
_MAX_CHARS = 1_000
_TRAITS = ("name", "first_name", "last_name", "timezone")

_Object = dict[str, Any]


class Calendly(PlainVendor):
    """The vendor "calendly"."""

    id = "calendly"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        pairs = pairs_of(request.headers.get(_SIGNATURE, ""))
        stated = next((value for name, value in pairs if name == "t"), "")
        given = [value for name, value in pairs if name == "v1"]
        signed = stated.encode(errors="replace") + b"." + request.raw
        verdict = hmac_verdict(given, secrets, lambda key: hmac_hex(key, signed), _SIGNATURE)
        if not verdict.is_genuine:
            return verdict
        return time_verdict(stated, now_s, f"t in {_SIGNATURE}", tolerance_s=TOLERANCE_S)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        told = optional_object(payload, "payload")
        match payload.get("event"):
            case "invitee.created":
                name = "call_rescheduled" if told.get("old_invitee") else "call_booked"
                return [_invitee(name, told, source, now_ms)]
            case "invitee.canceled":
                return [] if told.get("rescheduled") is True else [_invitee("call_cancelled", told, source, now_ms)]
            case "invitee_no_show.created":
                return [_invitee("call_missed", told, source, now_ms)]
            case "routing_form_submission.created":
                return _routing_form(told, source, now_ms)
            case _:
                return []


def _invitee(name: str, told: _Object, source: Source, now_ms: int) -> Event:
    call = optional_object(told, "scheduled_event", "payload.")
    cancellation = optional_object(told, "cancellation", "payload.") if name == "call_cancelled" else {}
    payment = optional_object(told, "payment", "payload.")
    missed = optional_object(told, "no_show", "payload.") if name == "call_missed" else {}
    stated = cancellation.get("created_at") or missed.get("created_at") or told.get("created_at")
    keys = keys_for(email=told.get("email"), phone=told.get("text_reminder_number"))
    properties = {
        "call_id": _last(told.get("uri")),
        "call_name": call.get("name"),
        "call_type_id": _last(call.get("event_type")),
        "starts_at": call.get("start_time"),
        "ends_at": call.get("end_time"),
        "place": optional_object(call, "location").get("type"),
        "previous_call_id": _last(told.get("old_invitee")),
        "cancelled_by": cancellation.get("canceler_type"),
        "reason": _text(cancellation.get("reason")),
        "answers": _answers(told) or None,
    }
    traits = {key: told[key] for key in _TRAITS if isinstance(told.get(key), str)}
    is_paid = payment.get("successful") is True and name == "call_booked"
    # The invitee's address is signed and the same whenever it is sent.
    return event(
        source, name, (told.get("uri"), name), keys, _at_ms(stated, now_ms), now_ms, properties,
        value=worth_of(payment.get("amount"), "payload.payment.amount") if is_paid else None,
        currency=payment.get("currency") if is_paid else None,
        currency_at="payload.payment.currency",
        traits=traits | {"email": keys.email, "phone": keys.phone},
        utm=utm_from(optional_object(told, "tracking"), "utm_"),
    )  # fmt: skip


def _routing_form(told: _Object, source: Source, now_ms: int) -> list[Event]:
    """Return the submission if an answer is an e-mail address: nothing else says who it was."""
    answers = _answers(told)
    email = next(filter(None, map(email_or_none, answers.values())), None)
    if email is None:
        return []
    kept = {question: answer for question, answer in answers.items() if email_or_none(answer) is None}
    properties = {"form_id": _last(told.get("routing_form")), "response_id": _last(told.get("uri")), "answers": kept}
    utm = utm_from(optional_object(told, "tracking"), "utm_")
    at_ms = _at_ms(told.get("created_at"), now_ms)
    about, keys, traits = (told.get("uri"), "form"), keys_for(email=email), {"email": email}
    return [event(source, "form_submitted", about, keys, at_ms, now_ms, properties, traits=traits, utm=utm)]


def _answers(told: _Object) -> dict[str, str]:
    asked = told.get("questions_and_answers")
    pairs = [one for one in asked[:_MAX_ANSWERS] if isinstance(one, dict)] if isinstance(asked, list) else []
    texts = ((_text(one.get("question")), _text(one.get("answer"))) for one in pairs)
    return {question: answer for question, answer in texts if question and answer}


def _at_ms(stated: object, now_ms: int) -> int:
    return now_ms if stated is None else time_ms(stated, "payload.created_at")


def _last(address: object) -> str | None:
    """Return the id at the end of one of Calendly's addresses."""
    return address.rstrip("/").rpartition("/")[2] or None if isinstance(address, str) else None


def _text(value: object) -> str | None:
    return value[:_MAX_CHARS] if isinstance(value, str) else None

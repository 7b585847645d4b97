"""Typeform: a submitted form becomes form_submitted, one that was left half-way form_started.

Signature (typeform.com/developers/webhooks/secure-your-webhooks): Typeform-Signature is "sha256=" and base64 (not
hexadecimal) of HMAC-SHA256 over the raw body with the webhook's own secret. No time is signed: a request that somebody
has recorded holds for ever, and the response's token, its id here, makes it count once.

Who it is about: the first answers to an e-mail and a phone field; where a form has neither, the hidden fields email,
phone, user_id, anonymous_id, which come from the form's address and so from whoever made the link; else the response's
token. Hidden utm_* are the campaign. Files, payments and addresses are not copied.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.sources import Source
from ingest.values import MAX_ID_CHARS, number_or_none, optional_object, time_ms, wrong_type
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, keys_for, payload_of
from ingest.vendors.signing import hmac_base64, hmac_verdict
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys
from streams.model.junk import is_junk

_SIGNATURE = "typeform-signature"
_SCHEME = "sha256="
_NAMES = {"form_response": "form_submitted", "form_response_partial": "form_started"}
_MAX_ANSWERS = 200
_MAX_ANSWER_CHARS = 1_000
_PLAIN_ANSWERS = ("text", "boolean", "number", "date", "url")
_PERSON_FIELDS = {
    "first_name": re.compile(r"first[\s_-]?name|given[\s_-]?name", re.IGNORECASE),
    "last_name": re.compile(r"last[\s_-]?name|surname|family[\s_-]?name", re.IGNORECASE),
    "company": re.compile(r"company([\s_-]?name)?|organi[sz]ation", re.IGNORECASE),
    "name": re.compile(r"(full[\s_-]?|your[\s_-]?)?name", re.IGNORECASE),
}
_ASKED = re.compile(r"^(what('s| is) your|your|please enter your)\s+", re.IGNORECASE)
_NOT_COPIED = frozenset({"address", "payment", "file_upload", "signature"})

_Object = dict[str, Any]


class Typeform(PlainVendor):
    """The vendor "typeform"."""

    id = "typeform"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        given = request.headers.get(_SIGNATURE, "").strip()
        if given and not given.startswith(_SCHEME):
            return Verdict(False, f"{_SIGNATURE} does not begin with {_SCHEME}")
        return hmac_verdict([given], secrets, lambda key: _SCHEME + hmac_base64(key, request.raw), _SIGNATURE)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        name = _NAMES.get(str(payload.get("event_type")))
        if name is None:
            return []
        response = optional_object(payload, "form_response")
        answers, traits = _answers(response)
        hidden = {key: told for key, told in optional_object(response, "hidden").items() if isinstance(told, str)}
        keys = _keys(response, traits, hidden)
        stated = response.get("submitted_at") or response.get("landed_at")
        properties = {
            "form_id": response.get("form_id"),
            "form_name": optional_object(response, "definition").get("title"),
            "response_id": response.get("token"),
            "form_score": number_or_none(optional_object(response, "calculated").get("score")),
            "landed_at": response.get("landed_at"),
            "answers": answers or None,
            "hidden": hidden or None,
        }
        about = (response.get("form_id"), response.get("token") or payload.get("event_id"), name)
        at_ms = time_ms(stated, "form_response.submitted_at") if stated else now_ms
        utm = utm_from(hidden, "utm_")
        return [event(source, name, about, keys, at_ms, now_ms, properties, traits=traits, utm=utm)]


def _keys(response: _Object, traits: _Object, hidden: dict[str, str]) -> ProfileKeys:
    keys = keys_for(email=traits.get("email"), phone=traits.get("phone"))
    if keys.canonical():
        return keys
    told = keys_for(email=hidden.get("email"), phone=hidden.get("phone"), user_id=_id(hidden.get("user_id")))
    anonymous_id = _id(hidden.get("anonymous_id"))
    if told.canonical() or anonymous_id:
        return ProfileKeys(told.user_id, anonymous_id, told.email, told.phone)
    token = _id(response.get("token"))
    return ProfileKeys(anonymous_id=f"typeform:{token}") if token else ProfileKeys()


def _answers(response: _Object) -> tuple[_Object, _Object]:
    """Return what was answered, by the question's reference, and what it says about the person."""
    given = response.get("answers") or []
    if not isinstance(given, list):
        raise wrong_type("form_response.answers", given, "a list")
    definition = optional_object(response, "definition")
    asked = {str(field.get("id")): field for field in _fields(definition.get("fields"))}
    answers: _Object = {}
    traits: _Object = {}
    for one in given[:_MAX_ANSWERS]:
        if not isinstance(one, dict):
            raise wrong_type("form_response.answers", one, "a list of objects")
        field = optional_object(one, "field")
        question = asked.get(str(field.get("id")), {})
        kind, value = _value(one)
        if value is None or question.get("is_copied") is False:
            continue
        trait = _trait(kind, question | field)
        if trait:
            traits.setdefault(trait, value)
        else:
            answers[str(field.get("ref") or field.get("id"))[:MAX_ID_CHARS]] = value
    return answers, traits


def _fields(fields: object) -> Iterator[_Object]:
    """Yield the questions of a form and those inside its groups (contact info, address)."""
    for field in _objects(fields):
        is_copied = str(field.get("type")) not in _NOT_COPIED
        yield field | {"is_copied": is_copied}
        properties = field.get("properties")
        for one in _objects(properties.get("fields") if isinstance(properties, dict) else None):
            yield one | {"is_copied": is_copied and str(one.get("type")) not in _NOT_COPIED}


def _objects(values: object) -> Iterator[_Object]:
    return (one for one in values if isinstance(one, dict)) if isinstance(values, list) else iter(())


def _value(answer: _Object) -> tuple[str, Any]:
    """Return an answer's kind and what it says, None for what is not copied."""
    kind = str(answer.get("type"))
    if kind in ("email", "phone_number"):
        return kind, answer.get(kind)
    if kind in _PLAIN_ANSWERS:
        value = answer.get(kind)
        return kind, value[:_MAX_ANSWER_CHARS] if isinstance(value, str) else value
    if kind in ("choice", "choices"):
        return kind, _chosen(optional_object(answer, kind))
    return kind, None


def _chosen(choice: _Object) -> Any:
    labels = choice.get("labels")
    if isinstance(labels, list):
        other = choice.get("other")
        return [str(label)[:_MAX_ANSWER_CHARS] for label in (*labels, *([other] if other else []))]
    label = choice.get("label") or choice.get("other")
    return str(label)[:_MAX_ANSWER_CHARS] if label else None


def _trait(kind: str, question: _Object) -> str:
    """Return which trait of the person the answer tells, or nothing."""
    if kind == "email":
        return "email"
    if kind == "phone_number":
        return "phone"
    if kind != "text":
        return ""
    title = _ASKED.sub("", str(question.get("title") or "")).strip(" ?:*.")
    for told in (question.get("subfield_key"), question.get("ref"), title):
        for trait, spelling in _PERSON_FIELDS.items():
            if isinstance(told, str) and spelling.fullmatch(told):
                return trait
    return ""


def _id(value: object) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if text and len(text) <= MAX_ID_CHARS and "\x1f" not in text and not is_junk(text) else None

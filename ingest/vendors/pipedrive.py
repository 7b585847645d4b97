"""Pipedrive: persons become identified and contact_deleted, deals deal_created, deal_updated, deal_won and deal_lost,
leads lead_created; other objects are of no use.

Signature: none (pipedrive.readme.io, "Guide for Webhooks v2"). Pipedrive sends HTTP Basic credentials, which are the
secret ("user:password"); a secret in the address (?secret=) works too. Nothing binds the body to the credentials.

Versions 2.0 (meta.entity, data) and 1.0 (meta.object, current) are read. A retry is the same but for a counter, so ids
come from meta.id (2.0: the id of the event) or object, action and meta.timestamp_micro (1.0), never from the body.
"""

from typing import Any, NamedTuple

from ingest.sources import Source
from ingest.values import optional_object, time_ms
from ingest.vendors.base import WebhookRequest
from ingest.vendors.mapped import event, keys_for, payload_of, worth_of
from ingest.vendors.signing import BearingVendor
from streams.model.events import Event, ProfileKeys

_PERSON, _DEAL = "pipedrive", "pipedrive_deal"
_ACTIONS = {"added": "create", "updated": "change", "merged": "change", "deleted": "delete"}
_TRAITS = ("name", "first_name", "last_name", "job_title", "marketing_status")
_DEAL_KEYS = ("status", "stage_id", "pipeline_id", "lost_reason", "probability")


class _Change(NamedTuple):
    """What both versions say. `now` is empty for what is deleted, `before` for what is new."""

    action: str
    entity: str
    object_id: object
    about: tuple[object, ...]
    at_ms: int
    merged_into: object
    now: dict[str, Any]
    before: dict[str, Any]


class Pipedrive(BearingVendor):
    """The vendor "pipedrive"."""

    id = "pipedrive"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        change = _change(payload_of(request.raw), now_ms)
        match change.entity:
            case "person":
                return _person(change, source, now_ms)
            case "deal":
                return _deal(change, source, now_ms)
            case "lead" if change.action == "create":
                return _lead(change, source, now_ms)
            case _:
                return []


def _change(payload: dict[str, Any], now_ms: int) -> _Change:
    meta = optional_object(payload, "meta")
    action = str(meta.get("action") or "")
    stamp = meta.get("timestamp")
    at_ms = now_ms if stamp is None else time_ms(stamp, "meta.timestamp")
    is_second = "entity" in meta
    entity, object_id = str(meta.get("entity" if is_second else "object") or ""), meta.get("entity_id")
    about: tuple[object, ...] = ("v2", meta.get("company_id"), meta.get("id"))
    if not is_second or not meta.get("id"):
        object_id = meta.get("id") if object_id is None else object_id
        about = ("v1", meta.get("company_id"), entity, object_id, action, meta.get("timestamp_micro", stamp))
    return _Change(
        _ACTIONS.get(action, action),
        entity,
        object_id,
        about,
        at_ms,
        meta.get("merged_to_id"),
        # An activity's or user's may be a list; those are of no use.
        _object(payload.get("data" if is_second else "current")),
        _object(payload.get("previous")),
    )


def _person(change: _Change, source: Source, now_ms: int) -> list[Event]:
    told = change.now or change.before
    keys = keys_for(
        email=_primary(told.get("emails", told.get("email"))),
        phone=_primary(told.get("phones", told.get("phone"))),
        custom=(_PERSON, change.object_id),
    )
    if change.merged_into:  # the person has not gone, it has got another id
        kept = keys_for(custom=(_PERSON, change.merged_into)).custom
        one = ProfileKeys(custom=kept + keys.custom)
        return [event(source, "identified", change.about, one, change.at_ms, now_ms, {})]
    if change.action == "delete":
        gone = keys_for(custom=(_PERSON, change.object_id))
        return [event(source, "contact_deleted", change.about, gone, change.at_ms, now_ms, {})]
    if change.action not in ("create", "change"):
        return []
    traits = {key: told[key] for key in _TRAITS if isinstance(told.get(key), str)}
    traits |= {"email": keys.email, "phone": keys.phone}
    events = [event(source, "identified", change.about, keys, change.at_ms, now_ms, {}, traits=traits)]
    before = change.before.get("marketing_status")
    if told.get("marketing_status") == "unsubscribed" and before not in (None, "unsubscribed"):
        about = (*change.about, "unsubscribed")
        events.append(event(source, "unsubscribed", about, keys, change.at_ms, now_ms, {}))
    return events


def _deal(change: _Change, source: Source, now_ms: int) -> list[Event]:
    if change.action not in ("create", "change"):
        return []
    deal = change.now
    properties = {"deal_id": _text(change.object_id), "deal_name": _text(deal.get("title"))}
    properties |= {key: deal[key] for key in _DEAL_KEYS if isinstance(deal.get(key), str | int | float)}
    value, currency = worth_of(deal.get("value"), "value"), deal.get("currency")

    def told(name: str) -> Event:
        about, keys = (*change.about, name), _whose(deal, change.object_id)
        return event(source, name, about, keys, change.at_ms, now_ms, properties, value=value, currency=currency)

    events = [told("deal_created")] if change.action == "create" else []
    outcome = {"won": "deal_won", "lost": "deal_lost"}.get(str(deal.get("status")), "")
    # 1.0 tells all that was before, 2.0 only what has changed.
    if outcome and (change.action == "create" or change.before.get("status", deal["status"]) != deal["status"]):
        return [*events, told(outcome)]
    return events or [told("deal_updated")]


def _lead(change: _Change, source: Source, now_ms: int) -> list[Event]:
    worth = _object(change.now.get("value"))  # {"amount": 5, "currency": "EUR"}
    properties = {"lead_id": _text(change.object_id), "lead_name": _text(change.now.get("title"))}
    keys = keys_for(custom=(_PERSON, _id_of(change.now.get("person_id"))))
    if not keys.custom:  # of a company
        return []
    amount = worth_of(worth.get("amount"), "value.amount")
    return [
        event(
            source, "lead_created", change.about, keys, change.at_ms, now_ms, properties,
            value=amount, currency=worth.get("currency"), currency_at="value.currency",
        )
    ]  # fmt: skip


def _whose(deal: dict[str, Any], deal_id: object) -> ProfileKeys:
    """Return the deal's person, else the deal itself."""
    person = keys_for(custom=(_PERSON, _id_of(deal.get("person_id"))))
    return person if person.custom else keys_for(custom=(_DEAL, deal_id))


def _id_of(value: object) -> object:
    """Return an id that may be wrapped in an object."""
    return value.get("value") if isinstance(value, dict) else value


def _primary(values: object) -> object:
    """Return the first of [{"value": ..., "primary": true}, ...], the primary one if there is one."""
    if not isinstance(values, list):
        return values
    told = [one for one in values if isinstance(one, dict) and one.get("value")]
    first = next((one for one in told if one.get("primary") is True), told[0] if told else {})
    return first.get("value")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None

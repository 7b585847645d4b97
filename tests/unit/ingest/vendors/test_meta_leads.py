"""Meta lead ads: ids alone, each lead once, the greeting."""

import hmac
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.meta_leads import MetaLeads
from streams.model.events import Event

NOW_MS = 1_800_000_000_000
URL = "https://events.example.com/webhooks/src_leads"
SOURCE = Source("src_leads", "ws", "meta_leads")
LEAD: dict[str, Any] = {
    "ad_id": "444", "form_id": "555", "leadgen_id": "666", "created_time": 1588890044, "page_id": "777",
    "adgroup_id": "888",
}  # fmt: skip


def events(*leads: object, field: str = "leadgen") -> list[Event]:
    changes = [{"field": field, "value": lead} for lead in leads]
    raw = orjson.dumps({"object": "page", "entry": [{"id": "777", "time": 1588890044, "changes": changes}]})
    return MetaLeads().parse(WebhookRequest(URL, {}, raw), SOURCE, NOW_MS)


def test_lead_is_a_submitted_form_of_somebody_known_by_its_id():
    event = events(LEAD)[0]
    assert (event.name, event.profile, event.at_ms) == ("form_submitted", "custom:meta_lead:666", 1_588_890_044_000)
    assert event.properties == {
        "platform": "meta", "lead_id": "666", "form_id": "555", "page_id": "777", "ad_id": "444", "adset_id": "888",
    }  # fmt: skip


def test_ids_may_be_numbers_and_a_lead_counts_once():
    numbers = {key: int(value) for key, value in LEAD.items()}
    told = events(LEAD, numbers)
    assert told[0] == told[1]


def test_lead_without_a_form_or_ad_is_told_too():
    assert events({"leadgen_id": "666"})[0].at_ms == NOW_MS


def test_other_fields_of_the_page_are_not_used():
    assert events({"item": "comment"}, field="feed") == []


def test_lead_without_id_is_refused():
    with pytest.raises(IngestError, match="leadgen_id"):
        events({"form_id": "555"})


def test_greeting_and_signature_are_meta_s():
    vendor, raw = MetaLeads(), b"{}"
    query = "hub.mode=subscribe&hub.verify_token=tok&hub.challenge=42"
    answer = vendor.handshake(WebhookRequest(f"{URL}?{query}", {}, b"", "GET"), ["app-secret", "verify:tok"])
    header = {"x-hub-signature-256": "sha256=" + hmac.digest(b"app-secret", raw, "sha256").hex()}
    assert answer is not None
    assert answer.body == b"42"
    assert vendor.verify(WebhookRequest(URL, header, raw), ["app-secret", "verify:tok"], 0).is_genuine

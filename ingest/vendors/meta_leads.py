"""Meta lead ads: a lead becomes form_submitted, known by its ids alone.

Signature (developers.facebook.com, "Webhooks from Meta", Getting started): X-Hub-Signature-256, HMAC-SHA256 over the
raw body with the app secret. The body has the time of the lead but none of the signing, so a captured request stays
genuine: ids make it count once. Headers and address are not signed, and none is used.

The webhook tells leadgen_id, form_id, page_id and the ad's ids, not what was answered: fetching that (Graph API, with a
page's token) is out of scope here. The person is the custom id "meta_lead"; whoever fetches the answers may send an
identify call with this id and the e-mail address, which joins both.
"""

from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import WebhookRequest
from ingest.vendors.hub import MetaVendor, changes_of
from ingest.vendors.mapped import each, event, keys_for, payload_of, when_ms
from streams.model.events import Event

_IDS = {"form_id": "form_id", "page_id": "page_id", "ad_id": "ad_id", "adgroup_id": "adset_id"}


class MetaLeads(MetaVendor):
    """The vendor "meta_leads"."""

    id = "meta_leads"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        leads = [
            optional_object(change, "value")
            for change in changes_of(payload_of(request.raw))
            if change.get("field") == "leadgen"
        ]
        return each(leads, lambda lead: [_submitted(lead, source, now_ms)])


def _submitted(lead: dict[str, Any], source: Source, now_ms: int) -> Event:
    lead_id = optional_id(lead, "leadgen_id")
    if lead_id is None:
        raise IngestError("missing_field", "leadgen_id", "is missing", "Subscribe to the field leadgen of the page")
    ids = {ours: optional_id(lead, theirs) for theirs, ours in _IDS.items()}
    return event(
        source,
        "form_submitted",
        ("lead", lead_id),
        keys_for(custom=("meta_lead", lead_id)),
        when_ms(lead.get("created_time"), "created_time", now_ms),
        now_ms,
        {"platform": "meta", "lead_id": lead_id, **ids},
    )

"""All webhook vendors, by the kind of source they belong to."""

from ingest.vendors.base import Vendor
from ingest.vendors.calendly import Calendly
from ingest.vendors.hubspot import HubSpot
from ingest.vendors.pipedrive import Pipedrive
from ingest.vendors.salesforce import Salesforce
from ingest.vendors.shopify import Shopify
from ingest.vendors.typeform import Typeform

VENDORS: dict[str, Vendor] = {
    vendor.id: vendor
    for vendor in (
        Calendly(),
        HubSpot(),
        Pipedrive(),
        Salesforce(),
        Shopify(),
        Typeform(),
    )
}

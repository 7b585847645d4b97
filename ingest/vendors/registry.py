"""All webhook vendors, by the kind of source they belong to."""

from ingest.vendors.base import Vendor
from ingest.vendors.brevo import Brevo
from ingest.vendors.calendly import Calendly
from ingest.vendors.hubspot import HubSpot
from ingest.vendors.mailchimp_marketing import MailchimpMarketing
from ingest.vendors.mailchimp_transactional import MailchimpTransactional
from ingest.vendors.pipedrive import Pipedrive
from ingest.vendors.postmark import Postmark
from ingest.vendors.salesforce import Salesforce
from ingest.vendors.sendgrid import SendGrid
from ingest.vendors.ses import Ses
from ingest.vendors.shopify import Shopify
from ingest.vendors.typeform import Typeform

VENDORS: dict[str, Vendor] = {
    vendor.id: vendor
    for vendor in (
        Brevo(),
        Calendly(),
        HubSpot(),
        MailchimpMarketing(),
        MailchimpTransactional(),
        Pipedrive(),
        Postmark(),
        Salesforce(),
        SendGrid(),
        Ses(),
        Shopify(),
        Typeform(),
    )
}

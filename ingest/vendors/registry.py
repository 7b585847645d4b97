"""All webhook vendors, by the kind of source they belong to."""

from ingest.vendors.base import Vendor
from ingest.vendors.bigcommerce import BigCommerce
from ingest.vendors.brevo import Brevo
from ingest.vendors.calendly import Calendly
from ingest.vendors.github import GitHub
from ingest.vendors.hubspot import HubSpot
from ingest.vendors.infobip import Infobip
from ingest.vendors.intercom import Intercom
from ingest.vendors.mailchimp_marketing import MailchimpMarketing
from ingest.vendors.mailchimp_transactional import MailchimpTransactional
from ingest.vendors.meta_leads import MetaLeads
from ingest.vendors.paypal import PayPal
from ingest.vendors.pipedrive import Pipedrive
from ingest.vendors.postmark import Postmark
from ingest.vendors.salesforce import Salesforce
from ingest.vendors.sendgrid import SendGrid
from ingest.vendors.ses import Ses
from ingest.vendors.shopify import Shopify
from ingest.vendors.standard_webhooks import StandardWebhooks
from ingest.vendors.stripe import Stripe
from ingest.vendors.twilio import Twilio
from ingest.vendors.typeform import Typeform
from ingest.vendors.whatsapp import WhatsApp
from ingest.vendors.woocommerce import WooCommerce
from ingest.vendors.zendesk import Zendesk

VENDORS: dict[str, Vendor] = {
    vendor.id: vendor
    for vendor in (
        BigCommerce(),
        Brevo(),
        Calendly(),
        GitHub(),
        HubSpot(),
        Infobip(),
        Intercom(),
        MailchimpMarketing(),
        MailchimpTransactional(),
        MetaLeads(),
        PayPal(),
        Pipedrive(),
        Postmark(),
        Salesforce(),
        SendGrid(),
        Ses(),
        Shopify(),
        StandardWebhooks(),
        Stripe(),
        Twilio(),
        Typeform(),
        WhatsApp(),
        WooCommerce(),
        Zendesk(),
    )
}

"""All webhook vendors, by the kind of source they belong to."""

from ingest.vendors.base import Vendor
from ingest.vendors.shopify import Shopify

VENDORS: dict[str, Vendor] = {vendor.id: vendor for vendor in (Shopify(),)}

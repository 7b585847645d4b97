"""News of products: price and stock. It is of no person, so its profile is the product's, and it comes from servers."""

from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source, is_server
from ingest.spellings import LINE_SPELLINGS, MAX_TEXT_CHARS, clean_url, rename, text_of, written
from ingest.values import MAX_ID_CHARS, amount, email_or_none
from streams.operators.product_news import PRODUCT_PREFIX, RESTOCKED, SOLD_OUT

# Also what a person is told or sees; without a person, from a server, they are news of the product.
_EITHER = {"back_in_stock": RESTOCKED, "restocked": RESTOCKED, "out_of_stock": SOLD_OUT, "sold_out": SOLD_OUT}
_SPELLINGS = {
    **{key: LINE_SPELLINGS[key] for key in ("product_id", "name", "image_url", "url")},
    "price": ("price", "new_price", "newPrice", "current_price", "currentPrice", "item_price", "unit_price"),
    "in_stock": ("in_stock", "inStock", "is_in_stock", "isInStock"),
    "inventory_quantity": ("inventory_quantity", "inventoryQuantity"),
}


def name_of_news(name: str, message: dict[str, Any], properties: dict[str, Any], source: Source) -> str:
    """Return the name of the event, that of product news where it may mean both and tells of a product alone.

    An anonymous id makes it no person's: Segment's SDKs want one in any case.
    """
    news = _EITHER.get(name)
    if news is None or not is_server(source) or message.get("userId") or email_or_none(properties.get("email")):
        return name
    told = (properties.get(spelling) for spelling in LINE_SPELLINGS["product_id"])
    return news if any(value not in (None, "") for value in told) else name


def news_of(properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the product's profile, and the properties with their canonical keys. Raises IngestError."""
    out = dict(properties)
    at = {key: f"properties.{written(out, spellings)}" for key, spellings in _SPELLINGS.items()}
    for key, spellings in _SPELLINGS.items():
        rename(out, key, spellings)
    if "product_id" not in out:
        raise IngestError("missing_field", "properties.product_id", "is missing", "Say of which product this is news")
    # As carts spell it: what is in a cart and what is told of must be one product.
    product_id = text_of(out["product_id"], at["product_id"])[:MAX_ID_CHARS]
    if not product_id.strip():
        raise IngestError("invalid_field", at["product_id"], "is blank", "Say of which product this is news")
    out["product_id"] = product_id
    if "name" in out:
        out["name"] = text_of(out["name"], at["name"])[:MAX_TEXT_CHARS]
    if "price" in out:
        out["price"] = amount(out["price"], at["price"])
    clean_url(out, "image_url")
    clean_url(out, "url")
    return PRODUCT_PREFIX + product_id, out

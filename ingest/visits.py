"""Where a visit came from and what page it saw: UTM tags and page properties out of a message's context."""

import re
from collections.abc import KeysView, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from streams.model.events import Utm

PAGE_KEYS = ("path", "url", "title", "referrer")

_UTM_PARTS = ("source", "medium", "campaign", "term", "content")
_ADDRESS_KEYS = ("search", "url")
_MAX_TAG_CHARS = 256
_MAX_QUERY_FIELDS = 100
_MAX_CLICK_IDS = 10
# How advertisers name a click in the address that it leads to: gclid, dclid, fbclid, msclkid, ttclid, yclid, ...
_CLICK_ID = re.compile(r"[?&]([a-z_]{1,8}clk?id|[gw]braid|li_fat_id|epik|irclickid)=([^&#]{1,512})", re.IGNORECASE)
_AFTER_HOST = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*([^?#]*)")


def utm_of(context: dict[str, Any], properties: dict[str, Any]) -> Utm | None:
    """Return the campaign tags: context.campaign, else utm_* of the page's address, else utm_* properties."""
    campaign = context.get("campaign")
    if isinstance(campaign, dict):
        found = utm_from({"campaign": campaign.get("name"), **campaign}, "")
        if found:
            return found
    page = context.get("page")
    for holder in (page, properties) if isinstance(page, dict) else (properties,):
        for key in _ADDRESS_KEYS:
            if key in holder and isinstance(text := holder[key], str) and "utm_" in text:
                return utm_from_address(text)
    return utm_from(properties, "utm_")


def utm_from(tags: Mapping[str, Any], prefix: str) -> Utm | None:
    """Return the tags named `prefix` + source, medium, ... or None when there are none."""
    keys = _utm_keys(prefix)
    if keys.isdisjoint(tags):
        return None
    parts = [tags.get(key) for key in keys]
    texts = [p.strip()[:_MAX_TAG_CHARS] or None if isinstance(p, str) else None for p in parts]
    return Utm(*texts) if any(texts) else None


@cache
def _utm_keys(prefix: str) -> KeysView[str]:
    # A view of a dictionary's keys compares like a set and keeps their order.
    return dict.fromkeys(prefix + part for part in _UTM_PARTS).keys()


def utm_from_address(address: str) -> Utm | None:
    """Return the tags in the query of an address, or in a query alone ("?utm_source=..." or "utm_source=...")."""
    query = address.partition("?")[2] if "?" in address else address
    try:
        pairs = parse_qsl(query.partition("#")[0], max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        return None
    return utm_from(dict(pairs), "utm_")


def path_of(address: str) -> str:
    """Return the path of an address or of a path with a query."""
    if address[:1] == "/" and address[1:2] != "/" and "?" not in address and "#" not in address:
        return address
    match = _AFTER_HOST.match(address)
    return (match[1] or "/") if match else re.split(r"[?#]", address, maxsplit=1)[0]


def page_properties(context: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties with path, url, title and referrer filled in from context.page where they are missing,
    and the click ids that the address holds.
    """
    page = context.get("page")
    out = dict(properties)
    if isinstance(page, dict):
        for key in PAGE_KEYS:
            if key not in out and isinstance(value := page.get(key), str):
                out[key] = value
    url = out.get("url")
    if isinstance(url, str) and "?" in url:
        for name, value in _CLICK_ID.findall(url)[:_MAX_CLICK_IDS]:
            out.setdefault(name.lower(), unquote_plus(value))
    place = out.get("path") or out.get("url")
    if isinstance(place, str):
        out["path"] = path_of(place)
    return out

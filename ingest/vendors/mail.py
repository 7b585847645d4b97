"""Outcomes of e-mails, told alike whichever vendor carried them: what the message is known by, what became of it.

Properties: message_id (the vendor's), delivery_id and campaign (ours, when the message carried them), tags, metadata;
bounce_type (hard, soft, blocked, undetermined), reason, url of a click, is_machine where a program fetched the images.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.sources import Source
from ingest.spellings import clean_url
from ingest.values import MAX_ID_CHARS
from ingest.vendors.mapped import event
from streams.model.events import Event, ProfileKeys

MAX_PAIRS = 20
"""Of metadata, and as many tags."""
_OUR_MESSAGE_ID = re.compile(r"<?([0-9a-f]{32})@[^\s@<>]{1,255}>?")


class Message(NamedTuple):
    """What a vendor tells of the e-mail that something happened to; `header_id` is its Message-ID header."""

    id: object = None
    header_id: object = None
    campaign: object = None
    tags: object = None
    metadata: Mapping[str, object] = {}


def outcome(
    source: Source,
    name: str,
    about: Sequence[object],
    keys: ProfileKeys,
    at_ms: int,
    now_ms: int,
    message: Message,
    **more: object,
) -> Event:
    """Return the event of what became of an e-mail; `about` as in `event`. Raises IngestError."""
    metadata = plain(message.metadata)
    properties = more | {
        "message_id": label(message.id),
        "delivery_id": label(metadata.get("delivery_id")) or _our_delivery(message),
        "campaign": label(message.campaign) or label(metadata.get("campaign")),
        "tags": _tags(message.tags),
        "metadata": metadata or None,
    }
    clean_url(properties, "url")
    return event(source, name, about, keys, at_ms, now_ms, properties)


def label(value: object) -> str | None:
    """Return a short text or a whole number as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()[:MAX_ID_CHARS] or None


def plain(metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the first pairs whose value is a text, a number or a boolean, with their texts cut."""
    kept: dict[str, object] = {}
    for key, value in metadata.items():
        if isinstance(value, str):
            kept[key[:MAX_ID_CHARS]] = value[:MAX_ID_CHARS]
        elif isinstance(value, bool | int | float):
            kept[key[:MAX_ID_CHARS]] = value
        if len(kept) == MAX_PAIRS:
            break
    return kept


def _tags(tags: object) -> list[str] | None:
    told = tags if isinstance(tags, list) else [tags]
    return [text for tag in told[:MAX_PAIRS] if (text := label(tag))] or None


def _our_delivery(message: Message) -> str | None:
    """Return the delivery whose Message-ID the platform itself wrote, when the vendor kept it."""
    for told in (message.header_id, message.id):
        if isinstance(told, str) and (found := _OUR_MESSAGE_ID.fullmatch(told.strip())):
            return found[1]
    return None

"""Sources and schemas as they are shown, by the command line and the API alike. Shows no webhook secret."""

from typing import Any

import msgspec
import orjson

from streams.store.event_schemas import SchemaVersion
from streams.store.sources import PLAIN_KINDS, Source


def source_form(source: Source) -> dict[str, Any]:
    """Return all that may be shown of a source; write keys stand in web pages and are no secrets."""
    return {
        "id": source.id,
        "kind": source.kind,
        "name": source.name,
        "is_enabled": source.is_enabled,
        "write_keys": list(source.write_keys),
        "webhook_path": "" if source.kind in PLAIN_KINDS else f"/webhooks/{source.id}",
        "webhook_secrets": len(source.webhook_secrets),
        "rotated_ms": source.rotated_ms,
        "policy": msgspec.to_builtins(source.policy),
    }


def schema_form(stored: SchemaVersion) -> dict[str, Any]:
    """Return a version of a schema; where it was taken away it has none."""
    return {
        "event": stored.key.event,
        "source": stored.key.source,
        "version": stored.version,
        "created_ms": stored.created_ms,
        "author": stored.author,
        "schema": orjson.loads(stored.body) if stored.body else None,
    }

"""Shapes of sources and schemas of events in requests and answers, as docs/api.md promises them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from streams.store.sources import OPEN_POLICY

_MAX_SECRETS = 4
_MAX_SECRET_CHARS = 10_000


class Policy(BaseModel):
    """As docs/sources.md describes it."""

    allowed_origins: list[str]
    rate_per_s: float
    burst: int
    schemas: Literal["off", "warn", "block"]
    drop_fields: list[str]
    hash_fields: list[str]
    honours_opt_out: bool
    address: Literal["truncate", "keep", "drop"]
    uncounted: Literal["crawlers", "bots", "nobody"]


class Source(BaseModel):
    id: str
    kind: str
    name: str
    is_enabled: bool
    write_keys: list[str] = Field(description="Live now, the newest first; two during a rotation.")
    webhook_path: str = Field(description="Where the vendor sends to; empty for websites and servers.")
    webhook_secrets: int = Field(description="How many are live. They are shown to nobody.")
    rotated_ms: int | None = Field(description="When the newest key or secret took another's place; null before.")
    policy: Policy


class SourceList(BaseModel):
    sources: list[Source]
    kinds: list[str] = Field(description="What a new source may be.")


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


_POLICY: Any = Field(None, description=f"Some of: {', '.join(OPEN_POLICY.__struct_fields__)}.")


class NewSource(_Asked):
    kind: str = Field(max_length=32)
    name: str = Field(max_length=200)
    webhook_secrets: list[str] = Field([], max_length=_MAX_SECRETS, description="A platform's source needs one.")
    policy: dict[str, Any] | None = _POLICY


class SourceChange(_Asked):
    name: str | None = Field(None, max_length=200)
    is_enabled: bool | None = None
    policy: dict[str, Any] | None = _POLICY


class Rotation(_Asked):
    secret: str | None = Field(
        None, max_length=_MAX_SECRET_CHARS, description="The new webhook secret; without it a new write key is made."
    )


class Retirement(_Asked):
    what: Literal["keys", "secrets"] = Field("keys", description="All but the newest of these end.")


class SchemaNote(BaseModel):
    event: str
    source: str = Field(description="Whose events it judges; empty: those of all sources without one of their own.")
    version: int
    created_ms: int
    author: str
    is_removed: bool = Field(description="From this version on there is none.")


class Schema(SchemaNote):
    schema_: Any = Field(alias="schema", description="The JSON Schema; null where it was taken away.")


class SchemaList(BaseModel):
    schemas: list[SchemaNote]

"""The tables of the configuration store, as SQLAlchemy Core sees them. No queries here."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, MetaData, String, Table, Text

METADATA = MetaData()

workspaces = Table(
    "workspaces",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
)

# A write key stands in web pages, so it is no secret; webhook secrets must be readable to check signatures.
sources = Table(
    "sources",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("workspace", ForeignKey("workspaces.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("write_key", String(128), nullable=False, unique=True),
    Column("webhook_secrets", JSON, nullable=False),
)

# Beside `sources` instead of in it, so that files of older builds open as they are. A source without a row has the
# defaults. A removed source stays: what it has sent names it, and no other may get its id.
source_details = Table(
    "source_details",
    METADATA,
    Column("source", ForeignKey("sources.id"), primary_key=True),
    Column("older_key", String(128), nullable=True, unique=True),
    Column("policy", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("removed_ms", BigInteger, nullable=True),
)

source_rotations = Table(
    "source_rotations",
    METADATA,
    Column("source", ForeignKey("sources.id"), primary_key=True),
    Column("rotated_ms", BigInteger, nullable=False),
)

# Nothing is ever changed. `source` is empty for all sources of the workspace, and `body` for "no schema any more".
event_schemas = Table(
    "event_schemas",
    METADATA,
    Column("workspace", ForeignKey("workspaces.id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("event", String(128), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
)

# Tokens are looked up by the SHA-256 of what the caller shows, so neither timing nor a copy of the file gives one away.
api_tokens = Table(
    "api_tokens",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("workspace", ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

sign_in_links = Table(
    "sign_in_links",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("workspace", ForeignKey("workspaces.id"), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=True),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("workspace", ForeignKey("workspaces.id"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

settings = Table(
    "settings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# Nothing is ever changed but `is_applied`: the log has the version, in every partition.
rule_sets = Table(
    "rule_sets",
    METADATA,
    Column("workspace", ForeignKey("workspaces.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("is_applied", Boolean, nullable=False),
)

"""The tables of the dead letters' store, as SQLAlchemy Core sees them. No queries here."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from streams.store.columns import required

METADATA = MetaData()

# `claim_ms` and `claim_fixes` (JSON): an attempt is begun, and not known to be finished.
LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("log_partition", Integer, primary_key=True, autoincrement=False),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace", String(64), nullable=False),
    *required(Text, "source", "stage", "via", "code", "reason", "field"),
    *required(BigInteger, "at_ms", "size_bytes"),
    Column("state", String(16), nullable=False),
    Column("state_ms", BigInteger, nullable=False),
    *required(Text, "state_by", "outcome"),
    Column("attempts", Integer, nullable=False),
    Column("claim_ms", BigInteger, nullable=True),
    *required(Text, "claim_fixes", "head"),
    Column("raw", LargeBinary, nullable=False),
    Index("dead_letters_by_time", "workspace", "at_ms", "log_partition", "log_offset"),
    Index("dead_letters_by_group", "workspace", "source", "stage", "via", "code", "state", "at_ms"),
)

# How far the topic is projected. `log` tells the log that the letters are of from one in its place.
POSITIONS = Table(
    "dead_letter_positions",
    METADATA,
    Column("log_partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("log", Text, nullable=False),
)

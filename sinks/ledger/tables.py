"""The ledger's tables, and how a row of them becomes a DeliveryRow."""

from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
)

from sinks.ledger.base import DeliveryRow
from streams.model.deliveries import Delivery, DeliveryStatus
from streams.store.columns import required

METADATA = MetaData()

# SQLite gives out growing row ids only for a plain INTEGER key.
_SEQ = BigInteger().with_variant(Integer, "sqlite")

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    *required(Text, "workspace", "profile", "trigger_id", "campaign", "channel", "template", "recipient"),
    *required(BigInteger, "due_ms", "created_ms"),
    Column("data", Text, nullable=False),
    Column("status", String(16), nullable=False),
    *required(Text, "subject", "reason"),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    *required(Text, "owner", "transport"),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=True),
    Column("provider_id", Text, nullable=False),
    Column("outcome_logged", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index("deliveries_due", DELIVERIES.c.status, DELIVERIES.c.channel, DELIVERIES.c.next_attempt_ms)
Index("deliveries_by_workspace", DELIVERIES.c.workspace, DELIVERIES.c.seq)
Index("deliveries_by_profile", DELIVERIES.c.workspace, DELIVERIES.c.profile, DELIVERIES.c.seq)
Index("deliveries_by_status", DELIVERIES.c.workspace, DELIVERIES.c.status, DELIVERIES.c.seq)
Index("deliveries_unlogged", DELIVERIES.c.outcome_logged, DELIVERIES.c.status)
# The status before the time: whoever makes up carts for an address leaves many skipped rows, which need no reading.
Index(
    "deliveries_by_recipient",
    DELIVERIES.c.workspace,
    DELIVERIES.c.recipient,
    DELIVERIES.c.status,
    DELIVERIES.c.created_ms,
)
Index(
    "deliveries_finished",
    DELIVERIES.c.finished_ms,
    sqlite_where=DELIVERIES.c.finished_ms.is_not(None),
    postgresql_where=DELIVERIES.c.finished_ms.is_not(None),
)

SUPPRESSIONS = Table(
    "suppressions",
    METADATA,
    *required(Text, "workspace", "address", "reason"),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "address"),
)

_ROW_FIELDS = tuple(f for f in DeliveryRow.__struct_fields__ if f not in {"delivery", "seq"})


def to_columns(row: DeliveryRow) -> dict[str, Any]:
    """Return the values of a new record; the database gives the `seq`."""
    delivery = row.delivery
    columns = {field: getattr(delivery, field) for field in Delivery.__struct_fields__}
    columns |= {field: getattr(row, field) for field in _ROW_FIELDS}
    return columns | {"data": orjson.dumps(delivery.data).decode(), "status": row.status.value}


def from_columns(columns: Row[Any]) -> DeliveryRow:
    """Return the row that a record of DELIVERIES (with all columns) holds."""
    values = columns._asdict() | {"data": orjson.loads(columns.data), "status": DeliveryStatus(columns.status)}
    delivery = Delivery(**{field: values[field] for field in Delivery.__struct_fields__})
    return DeliveryRow(delivery, seq=values["seq"], **{field: values[field] for field in _ROW_FIELDS})

"""Settings of the metric stores: plain values, read from nowhere."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class MetricsSettings(BaseModel):
    """Where totals for charts are kept: in InfluxDB when `influx_url` is set, else in a file of the data directory."""

    model_config = ConfigDict(extra="forbid")

    influx_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Address of InfluxDB, e.g. http://127.0.0.1:8086; empty: totals are kept in the data directory",
    )
    influx_token: SecretStr = Field(
        default=SecretStr(""),
        description="API token that may read and write the bucket; for InfluxDB 1.8 USER:PASSWORD",
    )
    influx_org: str = Field(default="-", description="Organisation that owns the bucket; for InfluxDB 1.8 a dash")
    influx_bucket: str = Field(
        default="campaigniq",
        min_length=1,
        description="Bucket for the totals; for InfluxDB 1.8 DATABASE/RETENTION_POLICY",
    )
    influx_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for one answer of InfluxDB")
    influx_attempts: int = Field(
        default=4, ge=1, le=20, description="Tries of one request to InfluxDB before it counts as out of reach"
    )
    retention_days: int = Field(
        default=90, ge=1, le=3650, description="Age at which the embedded store drops totals; InfluxDB has its own rule"
    )

"""Settings of the log and the engine: plain models. Only infra/settings.py fills them from files and environment."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from streams.model.rules.defaults import DEFAULT_PAGES, DEFAULT_POINTS
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import DAY_MS
from streams.model.rules.standard import default_rules


class LogSettings(BaseModel):
    """The event log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: int = Field(
        4, ge=1, le=512, description="Partitions of every topic; fixed when the data folder is made."
    )
    tick_interval_ms: int = Field(
        1_000, ge=100, le=10_000, description="How often every partition is told the time, in milliseconds."
    )
    tick_grace_s: float = Field(
        30,
        ge=0,
        le=3_600,
        description="Seconds after Kafka was away, and after a worker's start, in which time alone closes no window: "
        "front doors hand over first what they have taken meanwhile.",
    )
    purge_interval_s: int = Field(
        60, ge=1, description="How often records past their retention are removed, in seconds."
    )
    max_pending_records: int = Field(
        100_000, ge=1_000, description="Records that may wait to be written; beyond it ingest answers 503."
    )
    url: str = Field(
        "",
        pattern=r"^(kafka://[^\s/,]+(,[^\s/,]+)*)?$",
        description="Kafka to use, `kafka://host:port,host2:port`; empty: the embedded log in the data folder.",
    )
    namespace: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,64}$",
        description="Put before every name on Kafka (topics, groups, transactions), for installations that share one.",
    )
    compression: Literal["lz4", "zstd", "snappy", "gzip", "none"] = Field(
        "lz4", description="How records are compressed on the way to Kafka; zstd is smaller and slower."
    )
    replication_factor: int = Field(
        0, ge=0, le=9, description="Copies of each topic that is created on Kafka; 0: three, or as many as brokers."
    )
    max_record_bytes: int = Field(
        8 << 20, ge=1 << 20, le=128 << 20, description="Largest record that Kafka's topics take, in bytes."
    )
    max_pending_bytes: int = Field(
        256 << 20, ge=1 << 20, description="Bytes that may wait for Kafka; beyond it ingest answers 503."
    )
    delivery_timeout_s: float = Field(
        15, ge=1, le=300, description="Seconds after which records that Kafka has not confirmed count as not taken."
    )
    transaction_timeout_s: float = Field(
        60, ge=5, le=900, description="Seconds after which Kafka gives up an unfinished commit of a dead engine."
    )
    connect_timeout_s: float = Field(10, ge=1, le=300, description="Seconds to wait for Kafka at the start.")
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="How to talk to Kafka: with or without TLS, with or without a user name."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the user name and password are proven to Kafka."
    )
    sasl_username: str = Field("", description="User name at Kafka.")
    sasl_password: SecretStr = Field(SecretStr(""), description="Password at Kafka.")
    ssl_ca_file: str = Field(
        "", description="PEM file of the authority that Kafka's certificate must come from; empty: the system's."
    )
    ssl_certificate_file: str = Field(
        "", description="PEM file of this client's certificate, where Kafka asks for one."
    )
    ssl_key_file: str = Field("", description="PEM file of this client's private key.")
    ssl_key_password: SecretStr = Field(SecretStr(""), description="Password of the private key, if it has one.")

    @property
    def bootstrap(self) -> str:
        """Kafka's first addresses, `host:port,host2:port`; empty without Kafka."""
        return self.url.removeprefix("kafka://")

    @model_validator(mode="after")
    def _credentials_fit_the_protocol(self) -> Self:
        if self.security_protocol.startswith("sasl") and not self.sasl_username:
            raise ValueError(f"security_protocol {self.security_protocol} needs sasl_username and sasl_password")
        if bool(self.ssl_certificate_file) != bool(self.ssl_key_file):
            raise ValueError("ssl_certificate_file and ssl_key_file go together")
        return self


class DeadLetterSettings(BaseModel):
    """What could not be used, kept to be looked at, mended and taken in again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retention_days: float = Field(30, gt=0, le=3_650, description="Days after which a dead letter is gone.")
    max_bytes: int = Field(
        1 << 30, ge=1 << 20, description="Bytes of dead letters that are kept; beyond it the oldest go."
    )


class EngineSettings(BaseModel):
    """The engine, and the rules of workspaces that have not written their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score_points: dict[str, float] = Field(
        default_factory=lambda: dict(DEFAULT_POINTS), description="Points of a lead score by event name."
    )
    score_pages: dict[str, str] = Field(
        default_factory=lambda: dict(DEFAULT_PAGES),
        description="What a page view counts as, by a pattern of its path (`*` stands for anything).",
    )
    score_half_life_days: float = Field(30, gt=0, le=3650, description="Days after which points count half.")
    cart_window_s: float = Field(
        3_600, gt=0, le=30 * 86_400, description="Seconds without a touch after which a cart counts as abandoned."
    )
    rules_file: str = Field(
        "", description="JSON file with the whole rule set (docs/rules.md), instead of the four settings above."
    )
    hot_profiles: int = Field(
        20_000,
        ge=100,
        description="Profiles of a partition that are kept in memory (about 0.7 KB each, up to twice as many).",
    )
    copy_cache_mb: int = Field(
        64, ge=8, description="Memory of the local copy of the state, in MiB, for all partitions together."
    )
    worker_id: str = Field(
        "",
        max_length=200,
        description="Name of a worker, the same after a restart and unlike all others; empty: host and data folder.",
    )
    session_timeout_s: float = Field(
        10,
        ge=1,
        le=300,
        description="Seconds without a sign of life after which other workers take a worker's partitions.",
    )
    meter_file: str = Field("", description="File that gets a line of counts and CPU time at each flush; for benches.")

    @property
    def half_life_ms(self) -> int:
        """The half-life of points, in milliseconds."""
        return int(self.score_half_life_days * DAY_MS)

    def rules(self) -> RuleSet:
        """Return the rules that these settings spell out; `rules_file` is the caller's to read."""
        return default_rules(self.score_points, self.score_pages, self.half_life_ms, int(self.cart_window_s * 1000))

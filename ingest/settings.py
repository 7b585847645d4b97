"""Limits of the front door. Read from the environment by infra alone."""

from pydantic import BaseModel, ConfigDict, Field


class IngestSettings(BaseModel):
    """What ingest accepts and how it packs events into frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_event_bytes: int = Field(65_536, ge=1_024, description="Largest single event, in bytes of JSON.")
    max_batch_bytes: int = Field(
        1_048_576, ge=1_024, description="Largest request body, in bytes, after decompression."
    )
    max_batch_events: int = Field(2_500, ge=1, description="Most events in one batch request.")
    webhook_base_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+)?/?$",
        description="Address under which vendors reach this server, e.g. https://events.example.com: some sign it. "
        "Needed behind a proxy that does not keep the Host header and scheme.",
    )
    max_webhook_bytes: int = Field(1_048_576, ge=1_024, description="Largest webhook body, in bytes.")
    linger_ms: int = Field(5, ge=0, le=1_000, description="How long an event waits for others to share its append.")
    max_frame_events: int = Field(400, ge=1, description="Most events in one log record.")
    max_frame_bytes: int = Field(
        524_288, ge=1_024, description="A log record takes no further event beyond this size, in bytes."
    )
    max_append_bytes: int = Field(
        4_194_304, ge=1_024, description="An append takes no further request beyond this size, in bytes."
    )
    max_pending_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        description="Bytes of events that may wait for the log; beyond it requests get 503 and Retry-After. A source "
        "may hold half of it.",
    )
    max_body_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        description="Bytes of request bodies that may be in memory at a time; beyond it requests get 503 and "
        "Retry-After. A source may hold half of it.",
    )
    body_timeout_s: float = Field(60, gt=0, le=3_600, description="How long a request body may take to arrive.")
    recent_ids: int = Field(
        100_000,
        ge=0,
        le=10_000_000,
        description="Ids of events just made durable that are remembered, so that a repeat is left out at the door "
        "(about 100 bytes each); 0 leaves repeats to the engine, which knows those of 7 days.",
    )
    min_free_bytes: int = Field(
        268_435_456,
        ge=0,
        description="Room that must be left on the disk of the log or spool, in bytes, or a tenth of a disk where that "
        "is less; with less room requests get 503 and Retry-After.",
    )
    spool_folder: str = Field(
        "",
        description="Folder in which events wait while Kafka is away, of one process only and always the same; empty: "
        "`spool` in the data folder. Not used without Kafka.",
    )
    spool_after_ms: int = Field(
        2_000,
        ge=50,
        le=60_000,
        description="An append that Kafka has not confirmed within this time goes to the spool.",
    )
    spool_max_bytes: int = Field(
        4_294_967_296,
        ge=1_048_576,
        description="Bytes that may wait in the spool; beyond it requests get 503 and Retry-After.",
    )
    spool_segment_bytes: int = Field(
        16_777_216, ge=65_536, description="Size from which the spool goes on in a new file, in bytes."
    )
    future_clamp_ms: int = Field(
        300_000, ge=0, description="A timestamp further ahead than this is replaced by the time of receipt."
    )
    late_after_ms: int = Field(
        86_400_000,
        ge=0,
        description="An event that happened longer ago than this is taken as history: it counts, and makes nothing be "
        "sent.",
    )
    retry_after_s: int = Field(2, ge=1, description="Retry-After of a 503 whose cause names no delay, seconds.")
    geo_database: str = Field(
        "",
        description="File in MaxMind's format (.mmdb) that tells country, region and city of network addresses; empty: "
        "nobody asks. A new one is taken in within seconds.",
    )
    pixel_max_age_s: int = Field(3_600, ge=0, description="How long browsers may cache /pixel.js, in seconds.")

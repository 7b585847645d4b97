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
        33_554_432,
        ge=1_048_576,
        description="Bytes of events that may wait for the log; beyond it requests get 503 and Retry-After.",
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
    pixel_max_age_s: int = Field(3_600, ge=0, description="How long browsers may cache /pixel.js, in seconds.")

"""Settings of the log and the engine: plain models. Only infra/settings.py fills them from files and environment."""

from pydantic import BaseModel, ConfigDict, Field

from streams.operators.abandonment import AbandonmentRules
from streams.operators.lead_score import DAY_MS, DEFAULT_PAGES, DEFAULT_POINTS, ScoreRules
from streams.operators.pipeline import Rules


class LogSettings(BaseModel):
    """The event log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: int = Field(
        4, ge=1, le=512, description="Partitions of every topic; fixed when the data folder is made."
    )
    tick_interval_ms: int = Field(
        1_000, ge=100, le=10_000, description="How often every partition is told the time, in milliseconds."
    )
    purge_interval_s: int = Field(
        60, ge=1, description="How often records past their retention are removed, in seconds."
    )
    max_pending_records: int = Field(
        100_000, ge=1_000, description="Records that may wait to be written; beyond it ingest answers 503."
    )


class EngineSettings(BaseModel):
    """Rules of the engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score_points: dict[str, float] = Field(
        default_factory=DEFAULT_POINTS.copy, description="Points of a lead score by event name."
    )
    score_pages: dict[str, str] = Field(
        default_factory=DEFAULT_PAGES.copy,
        description="What a page view counts as, by a pattern of its path (`*` stands for anything).",
    )
    score_half_life_days: float = Field(30, gt=0, le=3650, description="Days after which points count half.")
    cart_window_s: float = Field(
        3_600, gt=0, le=30 * 86_400, description="Seconds without a touch after which a cart counts as abandoned."
    )

    @property
    def half_life_ms(self) -> int:
        """The half-life of points, in milliseconds."""
        return int(self.score_half_life_days * DAY_MS)

    def rules(self) -> Rules:
        """Return the engine's rules as the operators take them."""
        return Rules(
            ScoreRules(self.score_points, self.score_pages, self.half_life_ms),
            AbandonmentRules(int(self.cart_window_s * 1000)),
        )

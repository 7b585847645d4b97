"""Settings of the log and the engine: plain models. Only infra/settings.py fills them from files and environment."""

from pydantic import BaseModel, ConfigDict, Field

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
    purge_interval_s: int = Field(
        60, ge=1, description="How often records past their retention are removed, in seconds."
    )
    max_pending_records: int = Field(
        100_000, ge=1_000, description="Records that may wait to be written; beyond it ingest answers 503."
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
        description="Profiles of a partition that are kept unpacked in memory (about 3 KB each, up to twice as many).",
    )
    copy_cache_mb: int = Field(
        64, ge=8, description="Memory of the local copy of the state, in MiB, for all partitions together."
    )
    meter_file: str = Field("", description="File that gets a line of counts and CPU time at each flush; for benches.")

    @property
    def half_life_ms(self) -> int:
        """The half-life of points, in milliseconds."""
        return int(self.score_half_life_days * DAY_MS)

    def rules(self) -> RuleSet:
        """Return the rules that these settings spell out; `rules_file` is the caller's to read."""
        return default_rules(self.score_points, self.score_pages, self.half_life_ms, int(self.cart_window_s * 1000))

"""Settings of the API, as plain values; infra/settings.py fills them from the environment and files."""

from pydantic import BaseModel, ConfigDict, Field


class ApiSettings(BaseModel):
    """How the API and the live feed behave."""

    model_config = ConfigDict(extra="forbid")

    trusted_hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "[::1]"),
        description="Host names under which the dashboard and the API answer, without port; `*.example.com` and `*` "
        "are allowed. Others get 400, so that a foreign page can't reach a local installation through its own name.",
    )
    session_ttl_s: int = Field(
        default=30 * 86_400, ge=60, description="Seconds that a browser stays signed in after it used a sign-in link."
    )
    sign_in_link_ttl_s: int = Field(
        default=3_600, ge=30, le=7 * 86_400, description="Seconds until an unused sign-in link expires."
    )
    live_ring: int = Field(
        default=2_000, ge=10, le=100_000, description="Live messages kept per workspace for browsers that reconnect."
    )
    live_queue: int = Field(
        default=2_000,
        ge=10,
        le=100_000,
        description="Live messages that may wait for one slow browser; older ones drop.",
    )
    live_clients: int = Field(default=200, ge=1, description="Browsers that may watch one workspace at once.")
    live_samples: int = Field(
        default=20, ge=4, le=1_000, description="Event messages, and lead messages, shown live per second at most."
    )
    live_auth_check_s: float = Field(
        default=15.0, gt=0, description="Seconds between checks that a live connection is still signed in."
    )

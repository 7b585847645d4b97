"""docs/api.md: the names in it are those that the platform uses."""

from pathlib import Path

from streams.model.rollups import SESSIONS

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")


def test_sessions_are_told_under_the_name_that_counts_them():
    assert f"`event={SESSIONS}`" in TEXT
    assert "session_started" not in TEXT

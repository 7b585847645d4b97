"""Where the dashboard's built assets are. A path only: nothing here reads a file."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"

"""Where the dashboard's built assets and the Grafana boards are. Paths only: nothing here reads a file."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"
GRAFANA = Path(__file__).parent / "grafana"

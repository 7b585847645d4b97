"""Builds and checks the dashboard: dashboards/web becomes dashboards/dist, for the API and the wheel."""

from infra.build import stamps
from infra.build.checkout import DASHBOARD, DASHBOARD_DIST, BuildError, say
from infra.build.node import Node
from infra.build.npm import ready_packages


def build_dashboard() -> None:
    """Build dashboards/dist when its sources changed. Raises BuildError."""
    index = DASHBOARD_DIST / "index.html"
    value = stamps.digest(stamps.sources(DASHBOARD))
    if index.is_file() and stamps.is_current("dashboard", value):
        return
    node = _ready_node()
    say("building the dashboard")
    node.run_npm("run", "build", cwd=DASHBOARD, remedy="The output above says which source file is at fault.")
    if not index.is_file():
        raise BuildError(f"`npm run build` left no {index}; vite.config.ts must name dashboards/dist as outDir.")
    stamps.write("dashboard", value)


def check_dashboard() -> None:
    """Run the dashboard's own lint, types and tests. Raises BuildError."""
    say(_ready_node().run_npm("run", "check", cwd=DASHBOARD, remedy="The output above says what to mend."))


def _ready_node() -> Node:
    return ready_packages(DASHBOARD, "dashboard", "node_modules")

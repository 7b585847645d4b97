"""Builds and checks the dashboard: dashboards/web becomes dashboards/dist, for the API and the wheel."""

from infra.build import stamps
from infra.build.checkout import DASHBOARD, DASHBOARD_DIST, BuildError, say
from infra.build.node import Node, ensure_node

_LOCKED = (DASHBOARD / "package.json", DASHBOARD / "package-lock.json")


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
    missing = [file for file in _LOCKED if not file.is_file()]
    if missing:
        raise BuildError(f"{missing[0]} is missing: restore it, the dashboard can't be built without it.")
    node = ensure_node()
    value = stamps.digest(_LOCKED)
    if not (DASHBOARD / "node_modules").is_dir() or not stamps.is_current("node_modules", value):
        say("installing the dashboard's packages")
        arguments = ("ci", "--no-audit", "--no-fund", "--loglevel=error")
        remedy = "Check that this machine reaches its npm registry and that package-lock.json fits package.json."
        node.run_npm(*arguments, cwd=DASHBOARD, remedy=remedy)
        stamps.write("node_modules", value)
    return node

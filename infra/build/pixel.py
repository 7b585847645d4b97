"""Builds and checks the pixel: ingest/pixel/web becomes ingest/pixel/dist, for the front door and the wheel."""

from infra.build import stamps
from infra.build.checkout import PIXEL, PIXEL_DIST, BuildError, say
from infra.build.node import Node
from infra.build.npm import ready_packages

SCRIPTS = (PIXEL_DIST / "pixel.js", PIXEL_DIST / "stub.js")


def build_pixel() -> None:
    """Build the scripts when their sources changed. Raises BuildError, also when one outgrows its budget."""
    value = stamps.digest(stamps.sources(PIXEL))
    if all(script.is_file() for script in SCRIPTS) and stamps.is_current("pixel", value):
        return
    node = _ready_node()
    say(node.run_npm("run", "--silent", "build", cwd=PIXEL, remedy="The output above says what is at fault.").strip())
    missing = [script for script in SCRIPTS if not script.is_file()]
    if missing:
        raise BuildError(f"`npm run build` left no {missing[0]}; ingest/pixel/web/build.js must write it.")
    stamps.write("pixel", value)


def check_pixel() -> None:
    """Run the pixel's own lint and tests. Raises BuildError."""
    say(_ready_node().run_npm("run", "check", cwd=PIXEL, remedy="The output above says what to mend."))


def _ready_node() -> Node:
    return ready_packages(PIXEL, "pixel", "pixel_modules")

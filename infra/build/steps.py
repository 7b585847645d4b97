"""The steps by name, run in the order given; each tells its time when it had something to do."""

import shutil
import time
from collections.abc import Callable

from infra.build.checkout import (
    CLIENTS,
    DASHBOARD,
    DASHBOARD_DIST,
    PIXEL,
    PIXEL_DIST,
    ROOT,
    STAMPS,
    VENV,
    BuildError,
    say,
)
from infra.build.checks import run_checks
from infra.build.dashboard import build_dashboard, check_dashboard
from infra.build.environment import ensure_environment
from infra.build.locks import write_locks
from infra.build.parts import provide_parts
from infra.build.pixel import build_pixel, check_pixel
from infra.build.wheel import build_wheel

_WORTH_TELLING_S = 0.3


def clean() -> None:
    """Remove what the steps made here; data and the cache outside the checkout stay."""
    caches = [ROOT / f".{tool}_cache" for tool in ("mypy", "ruff", "pytest", "import_linter")]
    packages = [folder / "node_modules" for folder in (DASHBOARD, PIXEL, CLIENTS)]
    built = (DASHBOARD_DIST, PIXEL_DIST, ROOT / "build", ROOT / "dist")
    for folder in (VENV, STAMPS, *packages, *built, *caches):
        shutil.rmtree(folder, ignore_errors=True)


STEPS: dict[str, Callable[[], object]] = {
    "environment": lambda: ensure_environment(dev=False),
    "dev-environment": lambda: ensure_environment(dev=True),
    "dashboard": build_dashboard,
    "dashboard-check": check_dashboard,
    "pixel": build_pixel,
    "pixel-check": check_pixel,
    "parts": provide_parts,
    "checks": run_checks,
    "lock": write_locks,
    "upgrade": lambda: write_locks("--upgrade"),
    "wheel": lambda: say(f"built {build_wheel()}"),
    "clean": clean,
}


def run_steps(names: list[str]) -> int:
    """Run the named steps until one fails; return the exit status."""
    unknown = [name for name in names if name not in STEPS]
    if unknown or not names:
        say(f"usage: python3 -m infra.build STEP... with STEP of: {', '.join(STEPS)}")
        return 2
    for name in names:
        started = time.perf_counter()
        try:
            STEPS[name]()
        except BuildError as error:
            say(f"\n{error}\nThe step `{name}` failed.")
            return 1
        took = time.perf_counter() - started
        if took > _WORTH_TELLING_S:
            say(f"{name}: {took:.1f} s")
    return 0

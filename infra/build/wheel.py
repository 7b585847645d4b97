"""Builds the wheel from a clean copy of the sources, so that nothing left over in the checkout gets in."""

import shutil
import tempfile
from pathlib import Path

from infra.build.checkout import DASHBOARD_DIST, PIXEL_DIST, ROOT, VENV_PYTHON, BuildError, Command, run

_FILES = ("pyproject.toml", "README.md", "LICENSE")
_PACKAGES = ("streams", "ingest", "sinks", "api", "dashboards", "infra")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "web", "*.pyc")


def build_wheel(target: Path = ROOT / "dist") -> Path:
    """Build campaigniq-*.whl in `target` and return its path. Raises BuildError."""
    if not (DASHBOARD_DIST / "index.html").is_file():
        raise BuildError("The dashboard is not built, and the wheel carries it: run make dashboard.")
    if not (PIXEL_DIST / "pixel.js").is_file():
        raise BuildError("The pixel is not built, and the wheel carries it: run make pixel.")
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder)
        for name in _FILES:
            shutil.copy2(ROOT / name, clean / name)
        for name in _PACKAGES:
            shutil.copytree(ROOT / name, clean / name, ignore=_LEFT_OUT)
        built = clean / "wheel"
        argv: Command = [VENV_PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", built, clean]
        run(argv, "pyproject.toml's packaging sections are at fault.")
        target.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(next(built.glob("*.whl")), target / next(built.glob("*.whl")).name))

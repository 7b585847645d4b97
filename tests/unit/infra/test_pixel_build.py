"""The build of the pixel: within its budget it is there, beyond it there is none."""

import shutil
from pathlib import Path

import pytest

from infra.build import pixel, stamps
from infra.build.checkout import PIXEL, BuildError
from infra.build.node import Node, ensure_node

# Nothing in it repeats, so it is as large after gzip as before, nearly.
BULK = "".join(chr(0x100 + (n * 7919 + n * n * 31) % 20_000) for n in range(2_000))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources in a checkout of their own, with the packages that are installed already."""
    web = tmp_path / "ingest" / "pixel" / "web"
    shutil.copytree(PIXEL, web, ignore=shutil.ignore_patterns("node_modules"))
    (web / "node_modules").symlink_to(PIXEL / "node_modules")
    dist = web.parent / "dist"
    monkeypatch.setattr(stamps, "ROOT", tmp_path)
    monkeypatch.setattr(stamps, "STAMPS", tmp_path / ".stamps")
    monkeypatch.setattr(pixel, "PIXEL", web)
    monkeypatch.setattr(pixel, "SCRIPTS", (dist / "pixel.js", dist / "stub.js"))
    monkeypatch.setattr(pixel, "_ready_node", installed)
    return web


def installed() -> Node:
    assert (PIXEL / "node_modules").is_dir(), "run `make pixel`"
    return ensure_node()


def test_the_scripts_are_built_once(copy: Path) -> None:
    pixel.build_pixel()
    made = [script.stat().st_mtime_ns for script in pixel.SCRIPTS]
    pixel.build_pixel()
    assert [script.stat().st_mtime_ns for script in pixel.SCRIPTS] == made


@pytest.mark.parametrize("name", ["pixel", "stub"])
def test_a_script_beyond_its_budget_fails_the_build_and_is_not_there(copy: Path, name: str) -> None:
    with (copy / "src" / f"{name}.js").open("a") as source:
        source.write(f"\nconsole.log('{BULK}')\n")
    with pytest.raises(BuildError, match=rf"{name}\.js is \d+ bytes over its budget"):
        pixel.build_pixel()
    assert [script.exists() for script in pixel.SCRIPTS] == [False, False]

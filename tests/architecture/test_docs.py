"""What the documents name must exist."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from infra.cli import VENDOR_IDS
from ingest.vendors.registry import VENDORS
from tests.architecture.tree import PACKAGES, modules

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = "streams|ingest|sinks|api|dashboards|infra|tests|docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_file_that_a_page_names_exists(page):
    named = set(re.findall(rf"`((?:{OURS})/[\w./-]*)`", page.read_text()))
    assert sorted(name for name in named if not (ROOT / name).exists() and "dist" not in name) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_between_pages_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_page_of_webhooks_and_the_command_line_name_every_vendor():
    page = (ROOT / "docs/webhooks.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\]\(vendors/(\w+)\.md\) \|$", page, re.MULTILINE)
    assert [vendor for vendor, _ in rows] == [name for _, name in rows] == VENDOR_IDS.split(", ")
    assert set(VENDORS) <= {vendor for vendor, _ in rows}


def places_of_the_code_map() -> Iterator[str]:
    """Patterns of paths; a name without a folder is in the folder of the last path before it in its row."""
    for row in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        folder = ""
        for name in re.findall(r"`([\w./*-]+)`", row if row.startswith("| ") else ""):
            if "/" in name:
                folder = name.rpartition("/")[0]
                yield name
            elif name.endswith(".py"):
                yield f"{folder}/{name}"


def shipped_modules() -> set[str]:
    found = {path.relative_to(ROOT) for path in modules(".py")}
    return {path.as_posix() for path in found if path.parts[0] in PACKAGES and path.name != "__init__.py"}


def test_the_code_map_has_a_place_for_every_module():
    places = list(places_of_the_code_map())
    missing = [m for m in shipped_modules() if not any(fnmatchcase(m, f"{p}*" if p[-1] == "/" else p) for p in places)]
    assert sorted(missing) == [], "add them to the code map of ARCHITECTURE.md"


def test_the_code_map_names_no_module_that_is_gone():
    here = shipped_modules()
    named = [place for place in places_of_the_code_map() if place.endswith(".py")]
    assert [place for place in named if not any(fnmatchcase(module, place) for module in here)] == []

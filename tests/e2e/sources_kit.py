"""A platform and a browser that is signed in, for tests of the dashboard's page "Sources"."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.e2e.harness import Platform


@pytest.fixture(name="platform", scope="module")
def running_platform(tmp_path_factory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("sources") / "data") as running:
        yield running


@pytest.fixture(name="browser", scope="module")
def running_browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(name="signed_in", scope="module")
def what_a_browser_knows_once_signed_in(browser, platform) -> Any:
    """Return what a browser knows once it is signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(platform.bootstrap["sign_in_url"])
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "open")
    known = context.storage_state()
    context.close()
    return known


@pytest.fixture(name="page")
def sound_page(browser, platform, signed_in) -> Iterator[Page]:
    """A page that must not break and must break no rule of the content security policy."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 1000},
        storage_state=signed_in,
        base_url=platform.url,
        permissions=["clipboard-read", "clipboard-write"],
    )
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda told: "Security Policy" in told.text and faults.append(told.text))
    yield opened
    context.close()
    assert faults == []

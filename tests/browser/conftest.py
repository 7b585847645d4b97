"""One Chromium for each module, without cookies of third parties; a context of its own, a fresh visitor, for each test.

Not one for all: as long as Playwright runs, its loop keeps every asynchronous test from running.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.collector import Collector, Site, running
from tests.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--test-third-party-cookie-phaseout") as started:
        yield started


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as found:
        yield found


@pytest.fixture
def collector(site: Site) -> Collector:
    return site.collector


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Makes fresh visitors. Whatever their pages throw fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**options)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def context(visitor: Callable[..., BrowserContext]) -> BrowserContext:
    return visitor()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()

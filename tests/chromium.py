"""Chromium as tests start it: without what it does by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from infra.build.parts import PARTS

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 30_000.0
"""For what a page is expected to show; a busy machine takes longer than Playwright's 5 s."""


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(PARTS["browser"].find()), args=[*FLAGS, *flags])
        yield browser
        browser.close()

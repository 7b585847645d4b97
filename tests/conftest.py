"""Says what was not tested: tests of a missing part are skipped and named last; with CI=true a skip fails the run."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from infra.build.parts import PARTS

_SKIPPED = pytest.StashKey[int]()
_MISSING = pytest.StashKey[dict[str, int]]()

# A busy machine breaks no law.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SKIPPED] = 0
    config.stash[_MISSING] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {marker for marker, part in PARTS.items() if part.find() is None}
    for item in items:
        for marker in missing.intersection(mark.name for mark in item.iter_markers()):
            item.add_marker(pytest.mark.skip(reason=f"{PARTS[marker].name} is missing"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        item.config.stash[_SKIPPED] += 1
        counts = item.config.stash[_MISSING]
        for marker in PARTS.keys() & {mark.name for mark in item.iter_markers()}:
            counts[marker] = counts.get(marker, 0) + 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _nothing_may_be_skipped() and session.config.stash[_SKIPPED] and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    for marker, count in sorted(config.stash[_MISSING].items()):
        part = PARTS[marker]
        reporter.write_line(f"{part.name} is missing, tests skipped: {count}. To run them, {part.remedy}.", red=True)
    if _nothing_may_be_skipped() and config.stash[_SKIPPED]:
        reporter.write_line("CI is set, where nothing may be skipped: this run has failed.", red=True)


def _nothing_may_be_skipped() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}

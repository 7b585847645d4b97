"""One installation per test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.api.fakes_api import Installation, install


@pytest.fixture
async def here() -> AsyncIterator[Installation]:
    installation = await install()
    yield installation
    await installation.close()

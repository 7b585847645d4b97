"""Requests wait longer here than httpx has them wait by itself: a busy machine is slow to answer, and not broken."""

import inspect
from collections.abc import Iterator

import httpx
import pytest

WAIT_S = 60.0


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    usual = inspect.signature(httpx.get).parameters["timeout"].default
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usual, "read", WAIT_S)
        patch.setattr(usual, "connect", WAIT_S)
        yield

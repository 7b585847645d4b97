"""Limits that a few events reach: the laws must hold at a chunk's border and for series beyond those told apart."""

from collections.abc import Iterator

import pytest

from streams.operators import rollups
from streams.state import seen_chunks


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_chunks, "CHUNK_IDS", 3)
        patch.setattr(rollups, "MAX_SERIES", 3)
        patch.setattr(rollups, "MAX_HOUR_SERIES", 5)
        yield

"""Stores that several tests need, each empty and in a folder of its own."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.store.config import ConfigStore


@pytest.fixture(name="config")
async def open_config(tmp_path: Path) -> AsyncIterator[ConfigStore]:
    config = ConfigStore(f"sqlite:///{tmp_path / 'config.db'}", secrets.token_urlsafe)
    await config.open()
    yield config
    await config.close()

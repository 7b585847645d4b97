"""Salts of days: the same to everybody, new each day, and gone with it."""

from itertools import count

import pytest
from sqlalchemy import select

from streams.store import tables
from streams.store.config import ConfigStore


@pytest.fixture
async def store():
    numbers = count(1)
    store = ConfigStore("sqlite://", lambda _: f"random {next(numbers)}")
    await store.open()
    yield store
    await store.close()


async def test_a_salt_is_the_same_to_all_who_ask_and_another_each_day(store: ConfigStore):
    first = await store.salts.of((7, 8))
    assert first == await store.salts.of((7, 8))
    assert first[7] != first[8]


async def test_the_salts_of_days_before_are_deleted(store: ConfigStore):
    first = await store.salts.of((7, 8))
    later = await store.salts.of((8, 9))
    kept = await store._sql.run(lambda db: set(db.execute(select(tables.settings.c.value)).scalars()))
    assert first[7].decode() not in kept
    assert {salt.decode() for salt in later.values()} <= kept


async def test_other_secrets_stay(store: ConfigStore):
    secret = await store.installation_secret("links")
    await store.salts.of((7, 8))
    await store.salts.of((100, 101))
    assert await store.installation_secret("links") == secret

"""The configuration store: what is created once, what is used once, what is never kept readable."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from streams.model.errors import ConfigurationError
from streams.store.config import ConfigStore
from streams.store.sources import SourceCache

NOW = 1_700_000_000_000
HOUR = 3_600_000


def make_store(path: Path) -> ConfigStore:
    numbers = count(1)
    return ConfigStore(f"sqlite:///{path}", lambda size: f"random-{size}-{next(numbers)}")


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ConfigStore]:
    store = make_store(tmp_path / "config.db")
    await store.open()
    yield store
    await store.close()


async def test_bootstrap_shows_the_api_token_only_when_it_creates_it(store: ConfigStore):
    first = await store.bootstrap(NOW)
    again = await store.bootstrap(NOW + 1)
    assert first.api_token is not None
    assert again == (first.workspace, first.source, None)


async def test_first_source_is_the_website(store: ConfigStore):
    source = (await store.bootstrap(NOW)).source
    assert (source.id, source.kind, source.write_key[:3]) == ("web", "web", "wk_")


async def test_api_token_opens_its_workspace_and_others_open_nothing(store: ConfigStore):
    token = (await store.bootstrap(NOW)).api_token
    assert await store.check_api_token(token or "") == "default"
    assert await store.check_api_token("ciq_guess") is None


async def test_a_further_token_can_be_made(store: ConfigStore):
    await store.bootstrap(NOW)
    assert await store.check_api_token(await store.add_api_token("default", "ci", NOW)) == "default"


async def test_tokens_are_not_readable_in_the_file(tmp_path: Path):
    store = make_store(tmp_path / "config.db")
    await store.open()
    token = (await store.bootstrap(NOW)).api_token or ""
    link = await store.create_sign_in_link("default", NOW, HOUR)
    await store.close()
    content = all_bytes(tmp_path)
    assert token.encode() not in content
    assert link.encode() not in content


async def test_configuration_survives_reopening(tmp_path: Path):
    store = make_store(tmp_path / "config.db")
    await store.open()
    source = (await store.bootstrap(NOW)).source
    await store.close()
    reopened = make_store(tmp_path / "config.db")
    await reopened.open()
    assert await reopened.source_by_id(source.id) == source
    await reopened.close()


async def test_sign_in_link_works_once(store: ConfigStore):
    await store.bootstrap(NOW)
    link = await store.create_sign_in_link("default", NOW, HOUR)
    session = await store.redeem_sign_in_link(link, NOW + 1, 2 * HOUR)
    assert session is not None
    assert session.expires_ms == NOW + 1 + 2 * HOUR
    assert await store.redeem_sign_in_link(link, NOW + 2, HOUR) is None


async def test_sign_in_link_expires(store: ConfigStore):
    await store.bootstrap(NOW)
    link = await store.create_sign_in_link("default", NOW, HOUR)
    assert await store.redeem_sign_in_link(link, NOW + HOUR, HOUR) is None


async def test_session_lasts_until_its_end_or_sign_out(store: ConfigStore):
    await store.bootstrap(NOW)
    session = await store.redeem_sign_in_link(await store.create_sign_in_link("default", NOW, HOUR), NOW, HOUR)
    assert session is not None
    assert await store.session(session.token, NOW + HOUR - 1) == ("default", NOW + HOUR)
    assert await store.session(session.token, NOW + HOUR) is None
    await store.end_session(session.token)
    assert await store.session(session.token, NOW) is None


async def test_making_a_link_forgets_what_is_over_and_keeps_what_is_not(store: ConfigStore):
    await store.bootstrap(NOW)
    open_link = await store.create_sign_in_link("default", NOW, 10 * HOUR)
    await store.create_sign_in_link("default", NOW + HOUR, HOUR)
    assert await store.redeem_sign_in_link(open_link, NOW + 2 * HOUR, HOUR) is not None


async def test_installation_secret_stays_the_same(store: ConfigStore):
    first = await store.installation_secret("unsubscribe_key")
    assert await store.installation_secret("unsubscribe_key") == first
    assert await store.installation_secret("other") != first


async def test_sources_with_one_name_get_different_ids(store: ConfigStore):
    await store.bootstrap(NOW)
    one = await store.add_source("default", "shopify", "My Shop", ("s1", "s2"))
    two = await store.add_source("default", "shopify", "My Shop")
    assert one.id == "my-shop"
    assert one.id != two.id
    assert await store.source_by_id(one.id) == one


async def test_cache_answers_from_the_last_refresh(store: ConfigStore):
    await store.bootstrap(NOW)
    cache = SourceCache(store)
    await cache.refresh()
    late = await store.add_source("default", "web", "Late")
    assert cache.by_id("web") is not None
    assert cache.by_write_key(late.write_key) is None
    await cache.refresh()
    assert cache.by_write_key(late.write_key) == late


async def test_webhook_secrets_do_not_show_in_logs(store: ConfigStore):
    await store.bootstrap(NOW)
    assert "hush" not in repr(await store.add_source("default", "shopify", "Shop", ("hush",)))


def test_unusable_url_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="store"):
        ConfigStore("no-database", lambda size: "x")

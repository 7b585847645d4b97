"""Sources in the configuration store: keys and secrets that change without a gap, policies, files of older builds."""

import sqlite3
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from streams.model.errors import SourceConflictError, SourceError, UnknownThingError
from streams.store.config import ConfigStore
from streams.store.event_schemas import KEPT_VERSIONS, SchemaKey
from streams.store.sources import OPEN_POLICY, SourceCache, SourcePolicy

NOW = 1_700_000_000_000
ORDER = SchemaKey("default", "", "order_completed")


async def open_store(url: str) -> ConfigStore:
    numbers = count(1)
    store = ConfigStore(url, lambda size: f"random-{size}-{next(numbers)}")
    await store.open()
    return store


@pytest.fixture
async def store() -> AsyncIterator[ConfigStore]:
    store = await open_store("sqlite://")
    await store.bootstrap(NOW)
    yield store
    await store.close()


async def test_the_older_key_stays_live_until_it_is_retired(store: ConfigStore):
    first = await store.sources.get("web")
    rotated = await store.sources.rotate_key("web", NOW)
    assert rotated.write_keys == (rotated.write_key, first.write_key)
    assert await store.sources.get("web") == rotated
    retired = await store.sources.retire_key("web")
    assert retired.write_keys == (rotated.write_key,)


async def test_a_rotation_is_dated_and_outlives_what_follows_it(store: ConfigStore):
    assert (await store.sources.get("web")).rotated_ms is None
    await store.sources.rotate_key("web", NOW)
    await store.sources.retire_key("web")
    await store.sources.change("web", {"burst": 5})
    assert (await store.sources.get("web")).rotated_ms == NOW
    await store.sources.rotate_key("web", NOW + 1)
    assert (await store.sources.list())[0].rotated_ms == NOW + 1


async def test_a_third_live_key_is_refused(store: ConfigStore):
    rotated = await store.sources.rotate_key("web", NOW)
    with pytest.raises(SourceConflictError, match="Retire the older one first"):
        await store.sources.rotate_key("web", NOW)
    assert await store.sources.get("web") == rotated


async def test_a_key_that_is_alone_is_not_retired(store: ConfigStore):
    with pytest.raises(SourceConflictError, match="Rotate it first"):
        await store.sources.retire_key("web")


async def test_secrets_rotate_newest_first_and_two_at_most(store: ConfigStore):
    shop = await store.add_source("default", "shopify", "Shop", ("s1",))
    assert (await store.sources.rotate_secret(shop.id, "s2", NOW)).webhook_secrets == ("s2", "s1")
    with pytest.raises(SourceConflictError, match="Retire the older ones"):
        await store.sources.rotate_secret(shop.id, "s3", NOW)
    assert (await store.sources.retire_secrets(shop.id)).webhook_secrets == ("s2",)


async def test_a_token_for_the_greeting_is_no_older_secret(store: ConfigStore):
    source = await store.add_source("default", "whatsapp", "WhatsApp", ("app1", "verify:t1"))
    assert (await store.sources.rotate_secret(source.id, "app2", NOW)).webhook_secrets == ("app2", "app1", "verify:t1")
    assert (await store.sources.retire_secrets(source.id)).webhook_secrets == ("app2", "verify:t1")


@pytest.mark.parametrize("secret", ["", "  ", "x" * 20_000])
async def test_a_secret_that_is_none_is_refused(store: ConfigStore, secret: str):
    shop = await store.add_source("default", "shopify", "Shop", ("s1",))
    with pytest.raises(SourceError):
        await store.sources.rotate_secret(shop.id, secret, NOW)


async def test_a_website_has_no_secrets(store: ConfigStore):
    with pytest.raises(SourceConflictError, match="Only platforms"):
        await store.sources.rotate_secret("web", "s", NOW)


async def test_what_is_not_named_in_a_change_stays(store: ConfigStore):
    await store.sources.change("web", {"rate_per_s": 5, "allowed_origins": ["https://Shop.Example:443/"]})
    changed = await store.sources.change("web", {"schemas": "warn"}, name="Site")
    assert changed.policy == SourcePolicy(("https://shop.example",), 5.0, schemas="warn")
    assert (await store.sources.get("web")).name == "Site"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rate": 5}, "policy.rate"),
        ({"rate_per_s": 0}, "policy.rate_per_s"),
        ({"rate_per_s": float("nan")}, "policy.rate_per_s"),
        ({"burst": 0}, "policy.burst"),
        ({"schemas": "strict"}, "policy.schemas"),
        ({"allowed_origins": ["example.com"]}, "policy.allowed_origins"),
        ({"allowed_origins": ["https://a.example/path"]}, "policy.allowed_origins"),
        ({"allowed_origins": ["*"]}, "policy.allowed_origins"),
        ({"drop_fields": ["a..b"]}, "policy.drop_fields"),
        ({"hash_fields": [""]}, "policy.hash_fields"),
        ({"hash_fields": "email"}, "policy.hash_fields"),
        ({"drop_fields": ["ssn", "userId"]}, "policy.drop_fields"),
        ({"hash_fields": ["anonymous_id"]}, "policy.hash_fields"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused_by_name(store: ConfigStore, changes: dict[str, object], field: str):
    with pytest.raises(SourceError) as refused:
        await store.sources.change("web", changes)
    assert refused.value.field == field
    assert (await store.sources.get("web")).policy == OPEN_POLICY


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"schemas": "foo"}, "off, warn, block"),
        ({"address": 1}, "truncate, keep"),
        ({"uncounted": "x"}, "crawlers, bo"),
    ],
)
async def test_what_may_be_chosen_is_told(store: ConfigStore, changes: dict[str, object], allowed: str):
    with pytest.raises(SourceError, match=f"Choose among .*{allowed}"):
        await store.sources.change("web", changes)


async def test_a_property_or_trait_may_be_named_as_an_id_is(store: ConfigStore):
    changed = await store.sources.change("web", {"drop_fields": ["properties.userId", "traits.user_id"]})
    assert changed.policy.drop_fields == ("properties.userId", "traits.user_id")


async def test_a_removed_source_is_gone_for_good(store: ConfigStore):
    shop = await store.add_source("default", "shopify", "Shop", ("very-secret",))
    await store.sources.remove(shop.id, NOW)
    assert [source.id for source in await store.list_sources()] == ["web"]
    assert await store.source_by_id(shop.id) is None
    with pytest.raises(UnknownThingError):
        await store.sources.get(shop.id)
    assert (await store.add_source("default", "shopify", "Shop", ("s",))).id != shop.id


async def test_a_removed_source_leaves_no_secret_in_the_file(tmp_path: Path):
    store = await open_store(f"sqlite:///{tmp_path / 'config.db'}")
    await store.bootstrap(NOW)
    shop = await store.add_source("default", "shopify", "Shop", ("very-secret",))
    await store.sources.remove(shop.id, NOW)
    await store.close()
    with sqlite3.connect(tmp_path / "config.db") as db:
        rows = str(db.execute("SELECT * FROM sources").fetchall())
    db.close()
    assert "very-secret" not in rows
    assert shop.write_key not in rows


async def test_a_source_of_another_workspace_is_unknown(store: ConfigStore):
    with pytest.raises(UnknownThingError):
        await store.sources.change("web", {"rate_per_s": 5}, workspace="other")


async def test_the_door_forgets_sources_that_are_off_or_removed(store: ConfigStore):
    cache = SourceCache(store)
    await cache.refresh()
    web = cache.by_id("web")
    assert web is not None
    await store.sources.change("web", is_enabled=False)
    await cache.refresh()
    assert (cache.by_id("web"), cache.by_write_key(web.write_key)) == (None, None)
    assert cache.is_off(web.write_key)
    await store.sources.remove("web", NOW)
    await cache.refresh()
    assert not cache.is_off(web.write_key)


async def test_the_door_knows_both_keys_of_a_rotation(store: ConfigStore):
    rotated = await store.sources.rotate_key("web", NOW)
    cache = SourceCache(store)
    await cache.refresh()
    assert [cache.by_write_key(key) for key in rotated.write_keys] == [rotated, rotated]


async def test_an_installation_whose_websites_are_all_removed_gets_a_new_one(store: ConfigStore):
    await store.sources.remove("web", NOW)
    again = await store.bootstrap(NOW)
    assert again.source.kind == "web"
    assert again.source.id != "web"
    assert again.api_token


async def test_a_file_of_an_older_build_opens_with_its_sources(tmp_path: Path):
    with sqlite3.connect(tmp_path / "config.db") as db:
        db.executescript(
            "CREATE TABLE workspaces (id VARCHAR(64) NOT NULL, name TEXT NOT NULL, PRIMARY KEY (id));"
            "CREATE TABLE sources (id VARCHAR(64) NOT NULL, workspace VARCHAR(64) NOT NULL, kind VARCHAR(32) NOT NULL, "
            "name TEXT NOT NULL, write_key VARCHAR(128) NOT NULL, webhook_secrets JSON NOT NULL, PRIMARY KEY (id), "
            "FOREIGN KEY(workspace) REFERENCES workspaces (id), UNIQUE (write_key));"
            "INSERT INTO workspaces VALUES ('default', 'Default');"
            "INSERT INTO sources VALUES ('shop', 'default', 'shopify', 'Shop', 'wk_1', '[\"s1\"]');"
        )
    db.close()
    store = await open_store(f"sqlite:///{tmp_path / 'config.db'}")
    [shop] = await store.list_sources()
    assert (shop.write_keys, shop.webhook_secrets, shop.policy, shop.is_enabled) == (
        ("wk_1",),
        ("s1",),
        OPEN_POLICY,
        True,
    )
    assert (await store.sources.change("shop", {"burst": 7})).policy.burst == 7
    await store.close()


async def test_a_schema_keeps_its_versions(store: ConfigStore):
    await store.schemas.put(ORDER, "{}", NOW, "ada")
    second = await store.schemas.put(ORDER, '{"type":"object"}', NOW + 1, "bob")
    assert await store.schemas.newest("default") == [second]
    assert [(one.version, one.author) for one in await store.schemas.versions(ORDER)] == [(2, "bob"), (1, "ada")]


async def test_the_same_schema_again_is_no_new_version(store: ConfigStore):
    first = await store.schemas.put(ORDER, "{}", NOW, "ada")
    assert await store.schemas.put(ORDER, "{}", NOW + 1, "bob") == first


async def test_a_schema_that_is_taken_away_leaves_its_versions(store: ConfigStore):
    await store.schemas.put(ORDER, "{}", NOW, "ada")
    gone = await store.schemas.put(ORDER, "", NOW, "ada")
    assert (gone.version, await store.schemas.newest()) == (2, [gone])


async def test_a_schema_that_never_was_can_not_be_taken_away(store: ConfigStore):
    with pytest.raises(UnknownThingError):
        await store.schemas.put(ORDER, "", NOW, "ada")
    with pytest.raises(UnknownThingError):
        await store.schemas.versions(ORDER)


async def test_each_change_of_a_schema_shows_in_the_mark(store: ConfigStore):
    marks = [await store.schemas.mark()]
    for number in range(KEPT_VERSIONS + 3):
        await store.schemas.put(ORDER, str(number), NOW, "ada")
        marks.append(await store.schemas.mark())
    assert len(set(marks)) == len(marks)
    assert len(await store.schemas.versions(ORDER)) == KEPT_VERSIONS

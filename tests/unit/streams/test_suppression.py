"""Erased people are refused by keyed hashes, until that is lifted."""

import secrets

import pytest

from streams.model.events import Event, ProfileKeys
from streams.store.config import ConfigStore
from streams.store.erasures import Erasure, ErasureState, Step, Subject
from streams.store.suppression import Suppressions
from tests.stores import open_config  # noqa: F401 - a fixture

IDS = ("anon:b1", "user:7")


def asked(**more) -> Erasure:
    found = Erasure(
        "er_1", "shop", Subject(IDS), len(IDS), True, 1, "somebody", ErasureState.RUNNING, (Step("door", 1),), None
    )
    return found._replace(**more)


def event(workspace: str = "shop", **keys: str) -> Event:
    told = ProfileKeys(**keys)
    return Event("m", workspace, "web", told.canonical() or "", "page_viewed", 1, 1, told)


async def suppressing(config: ConfigStore) -> Suppressions:
    await config.erasures.add(asked(), [config.suppressions.hash_of("shop", name) for name in IDS])
    await config.suppressions.refresh()
    return config.suppressions


async def test_every_id_of_an_event_counts_not_only_its_profile(config):
    suppressions = await suppressing(config)
    assert suppressions.is_suppressed(event(user_id="8", anonymous_id="b1"))
    assert suppressions.is_suppressed(event(user_id="7"))
    assert not suppressions.is_suppressed(event(user_id="8", email="x@example.com"))


async def test_the_same_id_in_another_workspace_is_let_in(config):
    assert not (await suppressing(config)).is_suppressed(event("other", user_id="7"))


async def test_what_can_not_be_used_is_known_as_theirs(config):
    suppressions = await suppressing(config)
    assert suppressions.hides("shop", b'{"userId": 7, "event": ""}')
    assert not suppressions.hides("shop", b'{"userId": "8", "quantity": 7}')


async def test_a_lifted_suppression_lets_them_in_again(config):
    suppressions = await suppressing(config)
    assert await config.erasures.lift("shop", "er_1") == len(IDS)
    await suppressions.refresh()
    assert not suppressions.is_suppressed(event(user_id="7"))


async def test_another_process_learns_of_it_by_asking_again(config, tmp_path):
    other = ConfigStore(f"sqlite:///{tmp_path / 'config.db'}", secrets.token_urlsafe)
    await other.open()
    await suppressing(config)
    await other.suppressions.refresh()
    assert other.suppressions.is_suppressed(event(user_id="7"))
    await other.close()


async def test_an_erasure_that_is_done_names_nobody(config, tmp_path):
    await suppressing(config)
    await config.erasures.save(asked(subject=Subject(), state=ErasureState.DONE, done_ms=2))
    stored = await config.erasures.get("shop", "er_1")
    assert (stored.subject, stored.state, stored.steps) == (Subject(), ErasureState.DONE, (Step("door", 1),))
    assert await config.erasures.running() == []


async def test_an_erasure_without_suppression_refuses_nobody(config):
    await config.erasures.add(asked(suppresses=False), ["hash"])
    assert await config.erasures.suppressed() == set()


@pytest.mark.parametrize("keys", [{"user_id": "Ada@example.com"}, {"custom": (("crm", "ada@example.com"),)}])
async def test_a_mail_address_is_refused_as_an_id_of_any_kind(config, keys):
    await config.erasures.add(asked(), [config.suppressions.hash_of("shop", "email:ada@example.com")])
    await config.suppressions.refresh()
    assert config.suppressions.is_suppressed(event(**keys))
    assert not config.suppressions.is_suppressed(event(user_id="steve@example.com"))


async def test_a_door_learns_that_one_id_was_exchanged_for_another(config):
    suppressions = await suppressing(config)
    hash_of = suppressions.hash_of
    await config.erasures.correct(asked(), [hash_of("shop", "user:9")], [hash_of("shop", "user:7")])
    await suppressions.refresh()
    assert suppressions.is_suppressed(event(user_id="9"))
    assert not suppressions.is_suppressed(event(user_id="7"))


async def test_who_was_erased_twice_is_refused_until_the_later_is_lifted(config):
    suppressions = await suppressing(config)
    await config.erasures.add(asked(id="er_2"), [suppressions.hash_of("shop", name) for name in IDS])
    assert await config.erasures.lift("shop", "er_1") == 0
    await suppressions.refresh()
    assert suppressions.is_suppressed(event(user_id="7"))
    assert await config.erasures.lift("shop", "er_2") == len(IDS)

"""Who is meant by an id, and what is answered."""

import secrets

import pytest

from api.erasure_desk import ErasureDesk
from api.errors import ApiError
from sinks.view.leads import row_of
from sinks.view.sqlite import SqliteProfileView
from streams.model.errors import SharedIdError
from streams.model.events import ProfileKeys
from streams.model.facts import FactsState
from streams.model.identity import IdentityState
from streams.model.profile import ProfileState
from streams.model.rules.standard import default_rules
from streams.model.tiers import lead_model
from streams.store.config import ConfigStore
from streams.store.erasures import ErasureState


class StandingClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


def lead(profile: str, *ids: str, detached: tuple[str, ...] = (), **keys: str):
    facts = FactsState(ProfileKeys(**keys), events=1)
    identity = IdentityState(ids=ids, detached=detached)
    return row_of(ProfileState("shop", profile, facts, identity=identity), lead_model(default_rules()))


@pytest.fixture(name="wakes")
def woken() -> list[None]:
    return []


@pytest.fixture(name="desk")
async def made_desk(tmp_path, wakes):
    config = ConfigStore(f"sqlite:///{tmp_path / 'config.db'}", secrets.token_urlsafe)
    await config.open()
    view = SqliteProfileView(":memory:")
    await view.apply(
        [
            lead("user:7", "email:ada@example.com", user_id="7", email="ada@example.com", phone="+441"),
            lead("user:8", user_id="8", phone="+441", email="both@example.com"),
            lead("anon:9", anonymous_id="9", email="both@example.com"),
            lead("user:6", "anon:before", detached=("user:other",), user_id="6"),
        ],
        redirects=[("shop", "user:before", "user:6"), ("shop", "user:other", "user:6")],
    )
    desk = ErasureDesk(
        view, config.erasures, config.suppressions, StandingClock(), secrets.token_urlsafe, lambda: wakes.append(None)
    )
    yield desk
    await view.close()
    await config.close()


async def test_all_ids_of_the_person_are_meant_by_any_of_them(desk, wakes):
    erasure = await desk.ask("shop", "ada@example.com", "me", suppresses=True)
    assert erasure.subject.ids == ("email:ada@example.com", "user:7")
    assert wakes == [None]


async def test_an_id_that_an_alias_may_have_meant_means_who_said_it(desk):
    erasure = await desk.ask("shop", "user:before", "me", suppresses=True)
    assert erasure.subject.ids == ("anon:before", "user:6", "user:before")


async def test_an_id_that_was_taken_out_of_a_person_is_not_theirs(desk):
    erasure = await desk.ask("shop", "user:other", "me", suppresses=True)
    assert erasure.subject.ids == ("user:other",)


async def test_an_id_that_others_have_told_too_is_theirs_as_well(desk):
    erasure = await desk.ask("shop", "user:7", "me", suppresses=True)
    assert erasure.subject.shared == ("phone:+441",)
    assert sum((await desk.suppressed("shop")).values()) == len(erasure.subject.ids)


async def test_the_same_person_asked_for_twice_is_one_erasure(desk):
    first = await desk.ask("shop", "user:7", "me", suppresses=True)
    assert (await desk.ask("shop", "email:Ada@Example.com", "you", suppresses=True)).id == first.id


async def test_one_that_failed_goes_on_with_the_ids_that_are_the_persons_by_now(desk, wakes):
    failed = await desk.ask("shop", "email:ada@example.org", "me", suppresses=True)
    await desk._store.save(failed._replace(state=ErasureState.FAILED, error="another by now"))
    await desk._view.apply([lead("user:5", "email:ada@example.org", user_id="5")])
    again = await desk.ask("shop", "user:5", "me", suppresses=True)
    assert (again.id, again.state, again.error) == (failed.id, ErasureState.RUNNING, "")
    assert again.subject.ids == ("email:ada@example.org", "user:5")
    assert set(again.subject.aliases) == set(again.subject.ids)
    assert sum((await desk.suppressed("shop")).values()) == 2


async def test_somebody_unknown_is_erased_when_the_kind_of_id_is_told(desk):
    erasure = await desk.ask("shop", "email:Eve@Example.com", "me", suppresses=True)
    assert erasure.subject.ids == ("email:eve@example.com",)
    with pytest.raises(ApiError, match="with its kind"):
        await desk.ask("shop", "eve", "me", suppresses=True)


async def test_a_shared_id_can_not_say_who_is_meant(desk):
    with pytest.raises(SharedIdError):
        await desk.ask("shop", "both@example.com", "me", suppresses=True)


async def test_an_erasure_of_another_workspace_is_not_there(desk):
    erasure = await desk.ask("shop", "user:7", "me", suppresses=True)
    with pytest.raises(ApiError, match="no erasure"):
        await desk.get("other", erasure.id)

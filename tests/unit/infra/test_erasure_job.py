"""The order of an erasure: what is done again, and when it is over."""

import sqlite3
from contextlib import closing

import pytest

from infra.erasure.errors import NotErasedError
from infra.erasure.files import empty_write_ahead_logs
from infra.erasure.job import MAX_ROUNDS, ErasureJob
from infra.erasure.places import Places
from streams.log.memory import MemoryEventLog
from streams.store.config import ConfigStore
from streams.store.erasures import Erasure, ErasureState, Step, Subject
from tests.stores import open_config  # noqa: F401 - a fixture


class StandingClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


class Steps:
    """Stands for what is done; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.done: list[str] = []
        self.failures = failures

    async def first(self, *_: object) -> tuple[dict[str, int], str]:
        self.done.append("first")
        return {"a": 1}, "gone"

    async def second(self, *_: object) -> tuple[dict[str, int], str]:
        self.done.append("second")
        if len(self.done) <= 2 * self.failures:
            raise NotErasedError("still there")
        return {}, "gone"


def asked(number: str, *ids: str, **more) -> Erasure:
    running = ErasureState.RUNNING
    erasure = Erasure(number, "shop", Subject(ids), len(ids), True, 1, "me", running, (Step("first", 1),), None)
    return erasure._replace(**more)


async def job_of(config: ConfigStore, tmp_path, steps: Steps) -> ErasureJob:
    places = Places(MemoryEventLog(1), None, None, None, None, tmp_path)
    job = ErasureJob(places, config.erasures, config.suppressions, StandingClock())
    job._steps = (("first", steps.first), ("second", steps.second))
    return job


async def test_one_that_was_interrupted_begins_again(config, tmp_path):
    await config.erasures.add(asked("er_1", "user:7"), [])
    steps = Steps()
    done = await (await job_of(config, tmp_path, steps)).run(asked("er_1", "user:7"))
    assert (steps.done, done.state) == (["first", "second"], ErasureState.DONE)


async def test_what_is_still_there_is_gone_through_again_a_bounded_number_of_times(config, tmp_path):
    await config.erasures.add(asked("er_1", "user:7"), [])
    steps = Steps(failures=2)
    done = await (await job_of(config, tmp_path, steps)).run(asked("er_1", "user:7"))
    assert (len(steps.done), done.subject, done.steps[0].found) == (6, Subject(), {"a": 3})
    steps = Steps(failures=99)
    with pytest.raises(NotErasedError):
        await (await job_of(config, tmp_path, steps)).run(asked("er_1", "user:7"))
    assert len(steps.done) == 2 * MAX_ROUNDS


async def test_one_that_has_forgotten_who_it_was_only_has_to_say_that_it_is_done(config, tmp_path):
    await config.erasures.add(asked("er_1"), [])
    steps = Steps()
    done = await (await job_of(config, tmp_path, steps)).run(asked("er_1"))
    assert (steps.done, done.state) == ([], ErasureState.DONE)


async def test_what_other_erasures_have_noted_of_the_person_is_forgotten(config, tmp_path):
    noted = Subject(("email:eve@example.com",), ("user:steve-1815",), {}, ("steve@example.com", "e-eve@example.com"))
    failed = asked("er_0", subject=noted, state=ErasureState.FAILED, asked_by="token of steve@example.com")
    await config.erasures.add(failed, [])
    steve = asked("er_1", "user:steve-1815", "email:steve@example.com")
    await config.erasures.add(steve, [])
    done = await (await job_of(config, tmp_path, Steps())).run(steve)
    left = await config.erasures.get("shop", "er_0")
    assert (left.subject.shared, left.subject.spared) == ((), ("e-eve@example.com",))
    assert (done.state, left.asked_by) == (ErasureState.DONE, "erased")


async def test_an_erasure_that_the_configuration_contradicts_remembers_who_it_was(config, tmp_path):
    workspace = (await config.bootstrap(1)).workspace
    steve = asked("er_0", "email:steve@example.com", workspace=workspace)
    await config.erasures.add(steve, [])
    await config.add_api_token(workspace, "steve@example.com", 1)
    with pytest.raises(NotErasedError, match=r"config.db names the person"):
        await (await job_of(config, tmp_path, Steps())).run(steve)
    assert (await config.erasures.get(workspace, "er_0")).subject.ids == ("email:steve@example.com",)


async def test_the_configurations_records_are_searched_before_it_is_forgotten_who_it_was(config, tmp_path, monkeypatch):
    workspace = (await config.bootstrap(1)).workspace
    steve = asked("er_0", "email:steve@example.com", workspace=workspace)
    await config.erasures.add(steve, [])
    await config.add_api_token(workspace, "Steve@Example.com", 1)
    job = await job_of(config, tmp_path, Steps())
    monkeypatch.setattr(job, "_configuration", None)  # as if it were killed by then
    with pytest.raises(NotErasedError, match=r"config.db names the person"):
        await job.run(steve)
    assert (await config.erasures.get(workspace, "er_0")).subject == steve.subject


async def test_one_that_has_forgotten_who_it_was_leaves_no_deleted_text_in_the_configuration(config, tmp_path):
    await config.erasures.add(asked("er_1"), [])
    path = tmp_path / "config.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA secure_delete=OFF")
        db.execute("INSERT INTO settings VALUES ('kept', 'steve@example.com')")
        db.commit()
        db.execute("DELETE FROM settings WHERE key = 'kept'")
    empty_write_ahead_logs(tmp_path)
    assert b"steve@example.com" in path.read_bytes()
    done = await (await job_of(config, tmp_path, Steps())).run(asked("er_1"))
    assert (done.state, b"steve@example.com" in path.read_bytes()) == (ErasureState.DONE, False)


async def test_erasures_of_one_person_in_two_workspaces_do_not_hold_each_other_up(config, tmp_path):
    both = [asked("er_0", "email:steve@example.com"), asked("er_1", "email:steve@example.com", workspace="another")]
    for one in both:
        await config.erasures.add(one, [])
    done = [await (await job_of(config, tmp_path, Steps())).run(one) for one in both]
    assert [one.state for one in done] == [ErasureState.DONE] * 2

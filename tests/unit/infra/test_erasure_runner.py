"""An erasure that fails holds up none of the others, and is tried again a bounded number of times."""

import asyncio
from collections import Counter

from infra.erasure.errors import AskAgainError, NotErasedError
from infra.erasure.runner import MAX_ATTEMPTS, ErasureRunner
from streams.model.errors import LogFullError
from streams.store.erasures import Erasure, ErasureState, Subject


def erasure(number: str) -> Erasure:
    return Erasure(number, "shop", Subject(), 1, True, 1, "key", ErasureState.RUNNING, (), None)


class Store:
    def __init__(self, *numbers: str) -> None:
        self.rows = {number: erasure(number) for number in numbers}
        self.settled = asyncio.Event()

    async def running(self) -> list[Erasure]:
        return [one for one in self.rows.values() if one.state is ErasureState.RUNNING]

    async def get(self, _workspace: str, number: str) -> Erasure:
        return self.rows[number]

    async def save(self, changed: Erasure) -> None:
        self.rows[changed.id] = changed
        if not await self.running():
            self.settled.set()


class Job:
    """`bad` never succeeds."""

    def __init__(self, store: Store, error: Exception) -> None:
        self.store = store
        self.error = error
        self.tried: list[str] = []

    async def run(self, one: Erasure) -> Erasure:
        self.tried.append(one.id)
        if one.id == "bad":
            raise self.error
        done = one._replace(state=ErasureState.DONE)
        await self.store.save(done)
        return done


async def ran(store: Store, job: Job) -> None:
    """Run until nothing is under way any more."""
    runner = asyncio.ensure_future(ErasureRunner(job, store, pause_s=0.001).run())
    async with asyncio.timeout(60):
        await store.settled.wait()
    store.settled.clear()
    runner.cancel()
    await asyncio.wait([runner])


async def test_those_behind_one_that_fails_are_done_before_it_is_tried_again():
    store = Store("bad", "one", "two")
    job = Job(store, NotErasedError("still named"))
    await ran(store, job)
    assert job.tried[:3] == ["bad", "one", "two"]
    assert [row.state.value for row in store.rows.values()] == ["failed", "done", "done"]


async def test_one_that_fails_is_tried_a_bounded_number_of_times_and_says_why():
    store = Store("bad")
    job = Job(store, ValueError("x"))
    await ran(store, job)
    assert Counter(job.tried) == {"bad": MAX_ATTEMPTS}
    assert store.rows["bad"].error == "ValueError"


async def test_one_that_has_to_be_asked_for_anew_is_not_tried_again():
    store = Store("bad")
    job = Job(store, AskAgainError("somebody else's"))
    await ran(store, job)
    assert job.tried == ["bad"]


async def test_one_that_is_asked_for_again_after_it_failed_is_tried_as_often_again():
    store = Store("bad")
    job = Job(store, NotErasedError("still named"))
    await ran(store, job)
    store.rows["bad"] = erasure("bad")
    await ran(store, job)
    assert len(job.tried) == 2 * MAX_ATTEMPTS


class FullStore(Store):
    """Has no room for the first that is to be saved."""

    has_room = False

    async def save(self, changed: Erasure) -> None:
        if not self.has_room:
            self.has_room = True
            raise LogFullError("the disk is full", 0)
        await super().save(changed)


async def test_an_erasure_goes_on_although_there_was_no_room_to_note_what_hinders_it():
    store = FullStore("bad")
    job = Job(store, NotErasedError("the disk is full"))
    await ran(store, job)
    assert (len(job.tried), store.rows["bad"].state) == (MAX_ATTEMPTS, ErasureState.FAILED)

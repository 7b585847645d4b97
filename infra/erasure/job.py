"""One erasure from beginning to end. Every step may be repeated, and is: who begins again trusts no step of before."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from infra.erasure.elsewhere import told_by_database, told_elsewhere
from infra.erasure.errors import AskAgainError, NotErasedError
from infra.erasure.files import empty_write_ahead_logs, files_that_tell, records_that_tell, write_anew
from infra.erasure.letters import forget_letters
from infra.erasure.places import Places
from infra.erasure.state import EraseSender, Found, find_in_state
from streams.log import topics
from streams.log.rewriting import Rewriter, count_of, is_control, is_note_of, rewriter
from streams.model.identity import rank_of
from streams.operators.erasing import ERASED, Person, spared_of
from streams.ports import Clock
from streams.store.erasures import Erasure, Erasures, ErasureState, Step, Subject
from streams.store.suppression import Suppressions

logger = logging.getLogger(__name__)

MAX_ROUNDS = 5
"""So often a place is gone through until nothing is found in it; what was on its way comes to rest meanwhile."""
CONFIG = "config.db"
_CONFIGURED = f"{CONFIG} names the person, in a rule, a source, a schema or the name of a token"
_VIEW_TRIES = 600
_PAUSE_S = 0.1
_ALL = 1_000_000


class _Done(NamedTuple):
    found: dict[str, int]
    verified: str


_Work: TypeAlias = Callable[[Erasure, Person], Awaitable[_Done]]


class ErasureJob:
    """Works on one erasure at a time."""

    def __init__(self, places: Places, store: Erasures, suppressions: Suppressions, clock: Clock) -> None:
        self._places = places
        self._store = store
        self._suppressions = suppressions
        self._clock = clock
        self._sender = EraseSender(places.log, clock)
        self._steps: tuple[tuple[str, _Work], ...] = (
            ("door", self._door),
            ("deliveries", self._deliveries),
            ("state", self._state),
            ("log", self._log),
            ("letters", self._letters),
            ("messages", self._deliveries),
            ("view", self._view),
            ("memory", self._memory),
            ("traces", self._traces),
        )

    async def run(self, erasure: Erasure) -> Erasure:
        """Work on the erasure until it is done; what was found so far is kept.

        Raises NotErasedError, and what the places raise.
        """
        # One that was interrupted at its very end has forgotten already who it was.
        rounds = MAX_ROUNDS if erasure.subject.ids else 0
        for number in range(rounds):
            erasure = await self._corrected(erasure)
            try:
                erasure = await self._round(erasure)
            except NotErasedError as error:
                if number == MAX_ROUNDS - 1:
                    raise
                logger.warning("erasure %s: %s; all is gone through again", erasure.id, error)
                erasure = await self._stored(erasure.id, erasure.workspace)
            else:
                break
        return await self._finish(erasure)

    async def _round(self, erasure: Erasure) -> Erasure:
        for name, work in self._steps:
            found, verified = await work(erasure, person_of(erasure))
            erasure = _with_step(erasure, Step(name, self._clock.now_ms(), found, verified))
            await self._store.save(erasure)
            logger.info("erasure %s: %s done", erasure.id, name)
        return erasure

    async def _stored(self, erasure_id: str, workspace: str) -> Erasure:
        stored = await self._store.get(workspace, erasure_id)
        assert stored is not None
        return stored

    async def _corrected(self, erasure: Erasure) -> Erasure:
        """Take up ids that have joined the person meanwhile, leave those that have become another's, and note which of
        other people's ids are to be spared, until nothing of that is new.
        """
        for _ in range(MAX_ROUNDS):
            seen = await find_in_state(self._places.log, person_of(erasure))
            if not (seen.joined or seen.taken or seen.near):
                break
            erasure = await self._corrected_by(seen, erasure)
        return erasure

    async def _corrected_by(self, seen: Found, erasure: Erasure) -> Erasure:
        subject = erasure.subject
        if min(subject.ids, key=rank_of) in seen.taken:
            raise AskAgainError(
                "the person has become part of another profile meanwhile: ask again by an id of that one"
            )
        ids = tuple(sorted({*subject.ids, *seen.joined} - seen.taken))
        aliases = {name: subject.aliases.get(name, "erased") for name in ids}
        shared = tuple(sorted({*subject.shared, *seen.taken}))
        spared = tuple(sorted({*subject.spared, *spared_of(person_of(erasure).telling, seen.near)}))
        erasure = erasure._replace(subject=Subject(ids, shared, aliases, spared), ids=len(ids))
        hash_of = self._suppressions.hash_of
        added = [hash_of(erasure.workspace, name) for name in seen.joined]
        dropped = [hash_of(erasure.workspace, name) for name in seen.taken]
        await self._store.correct(erasure, added, dropped)
        await self._suppressions.refresh()
        return erasure

    async def _door(self, erasure: Erasure, _: Person) -> _Done:
        """Let every door know, and what was taken before that get into the log."""
        if erasure.suppresses and self._places.door_s:
            await asyncio.sleep(self._places.door_s)
        if self._places.settled is not None:
            await self._places.settled()
        refused = f"{erasure.ids} ids are refused" if erasure.suppresses else "nothing is refused, as was asked"
        return _Done({}, f"{refused}; all that was taken before is in the log")

    async def _deliveries(self, _: Erasure, person: Person) -> _Done:
        deliveries = await self._places.ledger.erase(person)
        messages = await self._places.outbox.erase(person, deliveries)
        again = await self._places.ledger.erase(person)
        found = {"deliveries": len(deliveries) + len(again), "messages": messages}
        return _Done(found, "the ledger was looked through again: nothing")

    async def _state(self, erasure: Erasure, person: Person) -> _Done:
        found: Counter[str] = Counter()
        for number in range(MAX_ROUNDS):
            seen = await find_in_state(self._places.log, person)
            if seen.joined or seen.near:
                raise NotErasedError("more ids have become the person's meanwhile, or like theirs")
            if number and not (seen.own or seen.others):
                verified = "no profile has or names one of the ids; every worker has written its local copy anew"
                return _Done(dict(found), verified)
            found.update(profiles=len(seen.own), others=0 if number else len(seen.others))
            await self._sender.send(person, erasure.id, seen.others)
        raise NotErasedError("the state names the person again and again")

    async def _log(self, _: Erasure, person: Person) -> _Done:
        found: Counter[str] = Counter()
        for topic in (topics.EVENTS, topics.KEPT, topics.TRIGGERS, topics.DEAD_LETTERS):
            rewrite = _counting(rewriter(topic, (person,)), topic, found)
            for _round in range(MAX_ROUNDS):
                if not await self._places.records.erase(topic, rewrite):
                    break
            else:
                raise NotErasedError(f"{topic} names the person again and again")
        return _Done(dict(found), "events, triggers and dead letters were read again from the beginning: nothing")

    async def _letters(self, _: Erasure, person: Person) -> _Done:
        if self._places.letters is None:
            return _Done({}, "no store of dead letters here")
        gone = await forget_letters(self._places.letters, self._places.log, person)
        return _Done({"letters": gone}, "the store of dead letters was searched from end to end")

    async def _view(self, _: Erasure, person: Person) -> _Done:
        for _try in range(_VIEW_TRIES):
            if not await self._places.view.count_of(person):
                return _Done({}, "no row has one of the ids")
            await asyncio.sleep(_PAUSE_S)
        raise NotErasedError("the view still has the person a minute after the state")

    async def _memory(self, _: Erasure, person: Person) -> _Done:
        self._places.forget_live(person.workspace)
        watch = self._places.watch
        noted = await watch.forget(partial(is_note_of, person)) if watch else 0
        return _Done({"noted": noted}, "live messages and the debugger's notes were dropped")

    async def _traces(self, erasure: Erasure, person: Person) -> _Done:
        """Leave no bytes, and search for some."""
        wanted = person.telling
        verified, told = await self._searched(person, wanted)
        databases = [path for path in self._places.data.glob("*.db") if path.name != CONFIG]
        if told and (others := await told_elsewhere(self._places.log, databases, person)):
            wanted -= others
            verified, told = await self._searched(person, wanted)
        since: Counter[str] = Counter()
        for _ in range(MAX_ROUNDS):
            if not told:
                break
            # Either something was left, or others name the person: what there is to remove once more tells.
            more: Counter[str] = Counter()
            for work in (self._deliveries, self._state, self._log, self._letters, self._view):
                more.update((await work(erasure, person)).found)
            since += more
            verified, told = await self._searched(person, wanted)
            if told and not more.total():
                verified, told = await self._without_free_space(person, wanted, told)
        searched = f"{verified}; " if verified else ""
        searched += f"every file of the data folder was searched for {len(wanted)} of the ids"
        if len(wanted) < len(person.telling):
            searched += f", and not for {len(person.telling) - len(wanted)} that another workspace knows"
        if person.spared:
            searched += f", but for {len(person.spared)} ids of others that are like them"
        searched += f"; named again since: {', '.join(told)}" if told else ": nothing"
        return _Done(dict(since), searched)

    async def _without_free_space(
        self, person: Person, wanted: frozenset[str], told: list[str]
    ) -> tuple[str, list[str]]:
        """Let databases give up what no record of theirs has. Raises NotErasedError when that does not help."""
        written = await asyncio.to_thread(write_anew, self._places.data, told)
        if written:
            verified, told = await self._searched(person, wanted)
            anew = f"written anew, as deleted text was left in them: {', '.join(written)}"
            if not told:
                return f"{verified}; {anew}" if verified else anew, told
        raise NotErasedError(
            f"the person is still named in {', '.join(told)}. A large database may keep text that was deleted long "
            "ago: stop the platform and let SQLite VACUUM it"
        )

    async def _searched(self, person: Person, wanted: frozenset[str]) -> tuple[str, list[str]]:
        """Leave no bytes of what was removed; return what showed that, and the files that name the person all the same.

        Raises NotErasedError.
        """
        verified = await self._places.records.purge(person)
        if busy := await asyncio.to_thread(empty_write_ahead_logs, self._places.data):
            raise NotErasedError(f"{', '.join(busy)}: a reader keeps the write-ahead log from being emptied")
        return verified, await self._files(wanted, person, (CONFIG,))

    async def _files(self, wanted: Iterable[str], person: Person, skipped: Iterable[str]) -> list[str]:
        data = self._places.data
        return list(await asyncio.to_thread(files_that_tell, data, wanted, person.spared, skipped))

    async def _finish(self, erasure: Erasure) -> Erasure:
        """Forget who it was. Raises NotErasedError when the configuration says more of them than this erasure did."""
        person = person_of(erasure)
        data = self._places.data
        await self._forget_elsewhere(erasure, person)
        # Its records while there is somebody to search for: who is killed behind the next step begins without.
        if await asyncio.to_thread(records_that_tell, data / CONFIG, person.tells, person.workspace, erasure.id):
            raise NotErasedError(_CONFIGURED)
        # What other workspaces configure, and whom they erase, is in the same file.
        wanted = person.telling - await asyncio.to_thread(told_by_database, data / CONFIG, person)
        forgotten = erasure._replace(subject=Subject(), error="", asked_by=_teller(erasure, person))
        await self._store.save(forgotten)
        left = await self._configuration(wanted, person)
        is_resumed = not erasure.subject.ids
        if (left or is_resumed) and await asyncio.to_thread(write_anew, data, (CONFIG,)):
            left = await self._configuration(wanted, person)
        if left:
            await self._store.save(erasure)
            raise NotErasedError(_CONFIGURED)
        # Only now: who sees that it is done must not find who it was in the write-ahead log.
        done = forgotten._replace(state=ErasureState.DONE, done_ms=self._clock.now_ms())
        await self._store.save(done)
        return done

    async def _configuration(self, wanted: Iterable[str], person: Person) -> list[str]:
        """Return the configuration's files that name the person."""
        data = self._places.data
        await asyncio.to_thread(empty_write_ahead_logs, data, (CONFIG,))
        others = [path.name for path in data.glob("*.db") if path.name != CONFIG]
        return [name for name in await self._files(wanted, person, others) if name.startswith(CONFIG)]

    async def _forget_elsewhere(self, erasure: Erasure, person: Person) -> None:
        """Take the person out of what other erasures say of others, and of who asked for them."""
        for other in await self._store.newest(erasure.workspace, _ALL):
            shared = tuple(name for name in other.subject.shared if not person.names(name))
            spared = tuple(value for value in other.subject.spared if not person.tells(value))
            left = replace(other.subject, shared=shared, spared=spared)
            changed = other._replace(subject=left, asked_by=_teller(other, person))
            if other.id != erasure.id and changed != other:
                await self._store.save(changed)


def person_of(erasure: Erasure) -> Person:
    """Return whom an erasure under way is about."""
    subject = erasure.subject
    return Person(erasure.workspace, subject.ids, subject.aliases, subject.spared)


def _teller(erasure: Erasure, person: Person) -> str:
    return ERASED if person.tells(erasure.asked_by) else erasure.asked_by


def _with_step(erasure: Erasure, step: Step) -> Erasure:
    """Return the erasure with a step done, perhaps again: what it found adds up."""
    before = next((one for one in erasure.steps if one.name == step.name), None)
    found = Counter(before.found if before else {})
    found.update(step.found)
    kept = {kind: count for kind, count in found.items() if count}
    others = tuple(one for one in erasure.steps if one.name != step.name)
    return erasure._replace(steps=(*others, Step(step.name, step.at_ms, kept, step.verified)))


def _counting(rewrite: Rewriter, topic: str, found: Counter[str]) -> Rewriter:
    kind = topic.split(".")[1]

    def counting(value: bytes) -> bytes | None:
        left = rewrite(value)
        if left is not value and not is_control(value):
            found[f"{kind} records"] += 1
            if topic in (topics.EVENTS, topics.KEPT):
                found["events"] += count_of(value, left)
        return left

    return counting

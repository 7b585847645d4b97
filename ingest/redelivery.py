"""Dead letters are taken in again, each with one effect however often it is tried. How they are read: rereading.py.

A letter is claimed durably, with the fixes it is read with, before its events are taken; the ids of these depend on the
letter and its fixes alone. So an attempt that a crash has cut off is repeated as it was, and the engine knows the ids.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from ingest.door import Door
from ingest.errors import IngestError
from ingest.fixes import check_fixes
from ingest.rereading import Reread, reread
from streams.model.errors import LogFullError
from streams.model.letters import Fix, LetterAttempt, LetterState, LetterVerdict, StoredLetter
from streams.store.dead_letters import DeadLetterStore

_CHUNK = 50
_REMEMBERED_MS = 6 * 86_400_000
"""The engine remembers ids for a week; an attempt that was begun longer ago can't be repeated without a doubt."""


class Redelivery:
    """The one place that takes letters in; it does so for one request at a time."""

    def __init__(self, door: Door, store: DeadLetterStore) -> None:
        self.counts: Counter[LetterVerdict] = Counter()
        self._door = door
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    async def replay(
        self, workspace: str, ids: Sequence[str], fixes: Sequence[Fix], by: str, *, dry_run: bool = False
    ) -> list[LetterAttempt]:
        """Take the letters in again, in this order, and return what came of each; with `dry_run` only judge them.

        Raises FixError for fixes that fit no document, and LogFullError or LogClosedError when the log takes nothing
        now: then trying all of them again is harmless.
        """
        check_fixes(fixes)
        attempts: list[LetterAttempt] = []
        async with self._one_at_a_time:
            chosen = list(dict.fromkeys(ids))
            for start in range(0, len(chosen), _CHUNK):
                some = chosen[start : start + _CHUNK]
                attempts += await self._replay(workspace, some, fixes, by, dry_run=dry_run)
        return attempts

    async def _replay(
        self, workspace: str, ids: Sequence[str], fixes: Sequence[Fix], by: str, *, dry_run: bool
    ) -> list[LetterAttempt]:
        letters = await self._store.get_many(workspace, ids)
        read: dict[str, Reread] = {}
        attempts: dict[str, LetterAttempt] = {}
        for name in ids:
            attempts[name] = self._judge(name, letters.get(name), fixes, read)
            await asyncio.sleep(0)  # a large one takes its time, and those who send wait for nobody who mends
        if dry_run:
            return list(attempts.values())
        mended = set(ids) if fixes else {name for name, letter in letters.items() if letter.claim}
        await self._note_failures(workspace, attempts, mended)
        if read:
            await self._store.claim(workspace, dict.fromkeys(read, fixes), self._door.clock.now_ms())
            await self._take(workspace, read, by)
        done = {LetterVerdict.WOULD_REPLAY: LetterVerdict.REPLAYED}
        told = [attempt._replace(verdict=done.get(attempt.verdict, attempt.verdict)) for attempt in attempts.values()]
        self.counts.update(attempt.verdict for attempt in told)
        return told

    def _judge(
        self, name: str, letter: StoredLetter | None, fixes: Sequence[Fix], read: dict[str, Reread]
    ) -> LetterAttempt:
        """Return what can be said without doing anything; what can be taken in is put into `read`."""
        if letter is None:
            return LetterAttempt(name, LetterVerdict.UNKNOWN, reason="There is no such letter")
        if letter.note.state is LetterState.REPLAYED:
            return LetterAttempt(name, LetterVerdict.ALREADY_REPLAYED, reason=letter.note.outcome)
        claim = letter.claim
        if claim and claim.at_ms < self._door.clock.now_ms() - _REMEMBERED_MS:
            reason = "It was begun to be taken in long ago, and nothing tells any more whether it had effect. Drop it"
            return LetterAttempt(name, LetterVerdict.UNCERTAIN, reason=reason)
        try:
            found = reread(self._door, letter, claim.fixes if claim else fixes)
        except IngestError as error:
            begun = (
                ". So it is with the fixes of the attempt that was cut off, and no others may follow" if claim else ""
            )
            return LetterAttempt(name, LetterVerdict.FAILED, (), error.code, f"{error}{begun}", error.field)
        read[name] = found
        if len(self._door.suppressed(found.events)) == len(found.events):
            return LetterAttempt(name, LetterVerdict.SUPPRESSED, reason="Its person was erased, and must not come back")
        return LetterAttempt(name, LetterVerdict.WOULD_REPLAY, found.events)

    async def _note_failures(self, workspace: str, attempts: dict[str, LetterAttempt], mended: set[str]) -> None:
        """Count them. What fixes have made of a letter says nothing of the letter, which keeps its own reason."""
        for name, attempt in attempts.items():
            if attempt.verdict is LetterVerdict.FAILED and name in mended:
                await self._store.fail(workspace, name)
            elif attempt.verdict is LetterVerdict.FAILED:
                await self._store.fail(workspace, name, attempt.code, attempt.reason, attempt.field)

    async def _take(self, workspace: str, read: dict[str, Reread], by: str) -> None:
        """Make the events durable, then note it. Raises what the log raised."""
        tasks = (self._door.take(found.caller, found.events) for found in read.values())
        results = dict(zip(read, await asyncio.gather(*tasks, return_exceptions=True), strict=True))
        # Of a log that was full nothing was taken; of one that broke nobody knows, and the claim stays.
        await self._store.release(
            workspace, [name for name, fault in results.items() if isinstance(fault, LogFullError)]
        )
        outcomes: dict[LetterState, dict[str, str]] = {LetterState.REPLAYED: {}, LetterState.DROPPED: {}}
        for name in (name for name, fault in results.items() if fault is None):
            events = read[name].events
            left = len(events) - len(self._door.suppressed(events))
            if left:
                outcomes[LetterState.REPLAYED][name] = f"{left} {'event' if left == 1 else 'events'}"
            else:
                outcomes[LetterState.DROPPED][name] = "its person was erased"
        now_ms = self._door.clock.now_ms()
        for state, told in outcomes.items():
            await self._store.finish(workspace, state, told, by, now_ms)
        for fault in results.values():
            if fault is not None:
                raise fault

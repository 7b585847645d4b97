"""ErasureDesk: where people ask for somebody to be erased. It finds out who that is, refuses their events from that
moment on, and leaves the work to the job (infra/erasure/).
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from msgspec.structs import replace

from api.errors import ApiError, not_found
from streams.model.erasure import ids_named
from streams.model.errors import SharedIdError
from streams.model.identity import KINDS
from streams.ports import Clock, LeadRow, ProfileView
from streams.state.codec import decode_profile
from streams.store.erasures import Erasure, Erasures, ErasureState, Subject
from streams.store.suppression import Suppressions

_KNOWN_TELLERS = ("user", "anon", "email")
_ID_BYTES = 9
_ALIAS_BYTES = 12
MOST_LISTED = 200


class ErasureDesk:
    """`random` returns URL-safe text of so many random bytes; `wake` is called when there is work."""

    def __init__(
        self,
        view: ProfileView,
        store: Erasures,
        suppressions: Suppressions,
        clock: Clock,
        random: Callable[[int], str],
        wake: Callable[[], None],
    ) -> None:
        self._view = view
        self._store = store
        self._suppressions = suppressions
        self._clock = clock
        self._random = random
        self._wake = wake

    async def ask(self, workspace: str, key: str, author: str, *, suppresses: bool) -> Erasure:
        """Begin an erasure; one of the same person that is under way, or has failed, goes on.

        Raises ApiError, SharedIdError.
        """
        ids, shared = await self._who(workspace, key)
        for known in await self._store.unfinished():
            if known.workspace == workspace and not ids.isdisjoint(known.subject.ids):
                return await self._gone_on_with(known, ids, shared)
        subject = Subject(tuple(sorted(ids)), tuple(sorted(shared)), self._aliases(ids))
        now_ms = self._clock.now_ms()
        number = f"er_{self._random(_ID_BYTES)}"
        running = ErasureState.RUNNING
        erasure = Erasure(number, workspace, subject, len(ids), suppresses, now_ms, author, running, (), None)
        await self._store.add(erasure, [self._suppressions.hash_of(workspace, name) for name in ids])
        await self._suppressions.refresh()
        self._wake()
        return erasure

    async def _gone_on_with(self, erasure: Erasure, ids: set[str], shared: set[str]) -> Erasure:
        """Return what is under way; let what has failed go on, with the ids that are the person's by now."""
        if erasure.state is not ErasureState.FAILED:
            return erasure
        known = erasure.subject
        more = ids.difference(known.ids)
        subject = replace(
            known,
            ids=tuple(sorted({*known.ids, *ids})),
            shared=tuple(sorted({*known.shared, *shared} - ids)),
            aliases=known.aliases | self._aliases(more),
        )
        erasure = erasure._replace(state=ErasureState.RUNNING, error="", subject=subject, ids=len(subject.ids))
        await self._store.correct(erasure, [self._suppressions.hash_of(erasure.workspace, name) for name in more], ())
        await self._suppressions.refresh()
        self._wake()
        return erasure

    def _aliases(self, ids: Iterable[str]) -> dict[str, str]:
        return {name: f"erased:{self._random(_ALIAS_BYTES)}" for name in sorted(ids)}

    async def get(self, workspace: str, erasure_id: str) -> Erasure:
        """Return an erasure. Raises ApiError when it is not there."""
        found = await self._store.get(workspace, erasure_id)
        if found is None:
            raise not_found("erasure", erasure_id)
        return found

    async def newest(self, workspace: str, limit: int) -> list[Erasure]:
        """Return erasures, newest first."""
        return await self._store.newest(workspace, limit)

    async def suppressed(self, workspace: str) -> Mapping[str, int]:
        """Return erasure -> how many ids it keeps out."""
        return await self._store.suppressions(workspace)

    async def lift(self, workspace: str, erasure_id: str) -> int:
        """Let the ids of an erasure come in again. Raises ApiError when it keeps none out."""
        count = await self._store.lift(workspace, erasure_id)
        if not count:
            raise not_found("suppression", erasure_id)
        await self._suppressions.refresh()
        return count

    async def _who(self, workspace: str, key: str) -> tuple[set[str], set[str]]:
        """Return the ids that are the person's alone, and those that others use too. Raises ApiError, SharedIdError."""
        row = await self._view.get(workspace, key)
        kind, _, value = key.partition(":")
        named = f"email:{value.lower()}" if kind == "email" else key
        is_id = kind in KINDS and bool(value)
        if row is None or named in decode_profile(row.state).identity.detached:
            if is_id:
                return {named}, set()
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                "not_found",
                f"Nobody with the id {key[:200]!r} is known. To erase what the log may hold all the same, and to keep "
                f"the id out, name it with its kind: {', '.join(f'{one}:…' for one in KINDS)}.",
            )
        ids = {row.profile, *row.ids}
        shared: set[str] = set()
        for name in {*_told_by(row), *((named,) if is_id else ())} - ids:
            (ids if await self._is_only(row, name) else shared).add(name)
        return ids, shared

    async def _is_only(self, row: LeadRow, name: str) -> bool:
        """Say whether nobody but the person has told this id, as far as the view knows who has told what.

        A phone or device that is the person's alone has been merged; one that was not may be a family's.
        """
        if name.partition(":")[0] not in _KNOWN_TELLERS:
            return False
        try:
            holder = await self._view.get(row.workspace, name)
        except SharedIdError:
            return False
        return holder is None or holder.profile == row.profile


def _told_by(row: LeadRow) -> set[str]:
    return set(ids_named(decode_profile(row.state).facts.keys))

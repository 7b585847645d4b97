"""Dead letters: what could not be used and why; mended, taken in again or given up."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from api import letter_schemas as schemas
from api import letter_shapes as shapes
from api.auth import Signed
from api.deps import Deps, Redelivers
from api.errors import invalid_field, not_found
from api.params import EMPTY_IS_NONE, empty_is
from streams.model.letters import Fix, LetterFilter, LetterNote, LetterPlace, LetterState, place_of_letter
from streams.store.dead_letters import DeadLetterStore

router = APIRouter(prefix="/api/dead-letters", tags=["dead letters"])

_MAX_LISTED = 200
_MAX_GROUPS = 500
_EVENT_BYTES = 1 << 20
_MS_DIGITS = 16
_Name = Annotated[str, Query(max_length=512)]
_Ms = Annotated[int, Field(ge=0, lt=1 << 53)]


def _letters(deps: Deps) -> DeadLetterStore:
    if deps.letters is None:
        raise not_found("part", "dead letters")
    return deps.letters


def _redelivery(deps: Deps) -> Redelivers:
    if deps.redelivery is None:
        raise not_found("part", "front door")
    return deps.redelivery


# The caller comes first in every route: strangers are told nothing of what is here.
Kept = Annotated[DeadLetterStore, Depends(_letters)]
Redelivery = Annotated[Redelivers, Depends(_redelivery)]


def _wanted(
    source: _Name = "",
    stage: _Name = "",
    via: _Name = "",
    code: _Name = "",
    field: _Name = "",
    text: Annotated[str, Query(max_length=200, pattern=schemas.NO_NUL, description="Looked for in the reason.")] = "",
    state: Annotated[LetterState | None, EMPTY_IS_NONE, Query()] = None,
    from_ms: Annotated[_Ms | None, EMPTY_IS_NONE, Query(description="The first moment of it.")] = None,
    to_ms: Annotated[_Ms | None, EMPTY_IS_NONE, Query(description="The first moment after it.")] = None,
) -> LetterFilter:
    return LetterFilter(source, stage, via, code, field, text, state, from_ms, to_ms)


Wanted = Annotated[LetterFilter, Depends(_wanted)]


@router.get("")
async def list_letters(
    caller: Signed,
    letters: Kept,
    wanted: Wanted,
    limit: Annotated[int, empty_is(50), Query(ge=1, le=_MAX_LISTED)] = 50,
    after: Annotated[str, Query(max_length=80, description="next_after of the page before.")] = "",
) -> schemas.LetterList:
    """DeadLetterStore that match, the newest first."""
    found = await letters.page(caller.workspace, wanted, limit + 1, _place(after))
    shown = found[:limit]
    return schemas.LetterList(
        letters=[schemas.Letter(**shapes.letter(note)) for note in shown],
        total=await letters.count(caller.workspace, wanted),
        next_after=_after(shown[-1]) if len(found) > limit else None,
    )


@router.get("/summary")
async def summarize(caller: Signed, letters: Kept, wanted: Wanted) -> schemas.LetterSummary:
    """How many letters there are by source, stage, way in, code and state."""
    groups = await letters.groups(caller.workspace, wanted, _MAX_GROUPS)
    states = {state: await letters.count(caller.workspace, wanted._replace(state=state)) for state in LetterState}
    if wanted.state:
        states = {wanted.state: states[wanted.state]}
    return schemas.LetterSummary(groups=[schemas.LetterGroup(**g._asdict()) for g in groups], states=states)


@router.post("/replay")
async def replay(
    caller: Signed, body: schemas.ReplayBody, letters: Kept, redelivery: Redelivery
) -> schemas.ReplayReport:
    """Take letters in again, mended by the fixes, in the order in which they came; each has one effect at most."""
    wanted = _filter(body)
    next_after = None
    if wanted is None:
        ids = list(dict.fromkeys(body.ids))
        matched = len(ids)
    else:
        after = _place(body.after or "")
        found = await letters.page(caller.workspace, wanted, body.limit + 1, after, oldest_first=True)
        ids, matched = [note.id for note in found[: body.limit]], await letters.count(caller.workspace, wanted)
        next_after = _after(found[body.limit - 1]) if len(found) > body.limit else None
    fixes = [Fix(one.op, one.path, one.value, one.to) for one in body.fixes]
    attempts = await redelivery.replay(caller.workspace, ids, fixes, caller.name, dry_run=body.dry_run)
    return schemas.ReplayReport(
        dry_run=body.dry_run,
        matched=matched,
        verdicts=[schemas.Verdict(**told) for told in shapes.verdicts(attempts, _EVENT_BYTES)],
        counts=dict(Counter(attempt.verdict for attempt in attempts)),
        next_after=next_after,
    )


@router.post("/drop")
async def drop(caller: Signed, body: schemas.DropBody, letters: Kept, deps: Deps) -> schemas.DropReport:
    """Give letters up that are new: they stay to be looked at until their time is over."""
    wanted = _filter(body)
    if body.dry_run:
        matched = await _droppable(letters, caller.workspace, body.ids, wanted)
        return schemas.DropReport(dry_run=True, matched=matched, dropped=0)
    outcome = body.reason or "given up"
    dropped = await letters.drop(caller.workspace, wanted or body.ids, caller.name, outcome, deps.clock.now_ms())
    return schemas.DropReport(dry_run=False, matched=dropped, dropped=dropped)


@router.get("/{letter}")
async def read_letter(
    letter: Annotated[str, Path(max_length=64)],
    caller: Signed,
    letters: Kept,
    max_bytes: Annotated[int, Query(ge=0, le=1 << 20, description="So much of its bytes is shown.")] = 65_536,
) -> schemas.LetterDetail:
    """One letter with its bytes."""
    found = await letters.get(caller.workspace, letter)
    if found is None:
        raise not_found("dead letter", letter)
    return schemas.LetterDetail(**shapes.letter_detail(found, max_bytes))


def _filter(body: schemas.Chosen) -> LetterFilter | None:
    """Return the filter that the body asks by, None when it names letters. Raises ApiError."""
    if bool(body.ids) == (body.filter is not None):
        raise invalid_field("ids", "one of ids and filter is needed; {} as filter means every new letter.")
    if body.filter is None:
        return None
    wanted = LetterFilter(**body.filter.model_dump())
    return wanted._replace(state=wanted.state or LetterState.NEW)


async def _droppable(letters: DeadLetterStore, workspace: str, ids: list[str], wanted: LetterFilter | None) -> int:
    if wanted is not None:
        is_new = wanted.state is LetterState.NEW
        return await letters.count(workspace, wanted) if is_new else 0
    found = [await letters.get(workspace, one) for one in dict.fromkeys(ids)]
    return sum(letter is not None and letter.note.state is LetterState.NEW for letter in found)


def _after(note: LetterNote) -> str:
    return f"{note.at_ms}:{note.id}"


def _place(after: str) -> LetterPlace | None:
    if not after:
        return None
    at_ms, _, letter = after.partition(":")
    place = place_of_letter(letter)
    if place is None or not (at_ms.isascii() and at_ms.isdigit() and len(at_ms) <= _MS_DIGITS):
        raise invalid_field("after", "is not the next_after of an answer.")
    return LetterPlace(int(at_ms), *place)

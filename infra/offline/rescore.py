"""`campaigniq rescore`: a score computed anew over the whole log, and put in the place of what was earned before.

A RECOMPUTE record in every partition says up to where; from there on the engine keeps what is earned apart. What was
earned up to there is replayed under the rules in force, and comes to each profile as a RESCORE move. Nothing is sent.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from infra.offline.recorded import RecordedRun, Rules
from infra.offline.run import Listeners, Run
from infra.offline.sources import LogSource
from streams.frames import FrameKind, decode, encode_control, encode_moves
from streams.log import topics
from streams.log.patience import append_patiently
from streams.log.reading import batches
from streams.model.control import Control, ControlKind
from streams.model.errors import CampaignIqError, FrameError
from streams.model.ids import partition_for
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.operators.identity.parcels import SCORES, Recomputed
from streams.operators.rulebook import RuleBook
from streams.ports import EventLog, NewRecord
from streams.state import codec

_MAX_MOVES = 200
_MAX_FRAME_BYTES = 256 << 10
_READ_RECORDS = 1_000


class RescoreError(CampaignIqError):
    """The score can't be computed anew."""


class Rescored(NamedTuple):
    """What a recompute did."""

    mark: int
    events: int
    profiles: int
    frames: int


async def rescore(
    log: EventLog,
    workspace: str,
    score: str,
    default: RuleSet,
    now_ms: int,
    *,
    accept_loss: bool = False,
    progress: Callable[[int, str], None] | None = None,
) -> Rescored:
    """Compute `score` of a workspace anew; `default` holds for workspaces without rules. Raises RescoreError."""
    numbers = range(log.partitions(topics.EVENTS))
    bounds = {number: await log.bounds(topics.EVENTS, number) for number in numbers}
    if any(first for first, _ in bounds.values()) and not accept_loss:
        raise RescoreError(
            "the log does not reach back to the first event any more: points earned before would be lost. "
            "Give --accept-loss if they may be"
        )
    ends = {number: end for number, (_, end) in bounds.items()}
    _require(score, await _rules_in_force(log, default, ends), workspace, default)
    control = encode_control(Control(ControlKind.RECOMPUTE, workspace, now_ms, score.encode()), 0)
    # A frame's clock of 0 moves no partition's time.
    records = [NewRecord(topics.EVENTS, number, None, control, now_ms) for number in numbers]
    ends = dict(zip(numbers, await append_patiently(log, records), strict=True))
    rules = Rules(default, await _rules_in_force(log, default, ends))
    source = await LogSource.open(log, ends=ends)
    quiet = Listeners(_pass, _pass, _pass)
    run = await RecordedRun(source, rules, quiet, progress=progress).replay()
    profiles, frames = await _send(log, run, workspace, score, now_ms)
    return Rescored(now_ms, sum(partition.events for partition in run.partitions), profiles, frames)


def _require(score: str, rules: dict[str, RuleSet], workspace: str, default: RuleSet) -> None:
    known = [model.id for model in rules.get(workspace, default).scores]
    if score not in known:
        named = ", ".join(known) or "none"
        raise RescoreError(f"--score: workspace {workspace} has no score {score!r}. It has: {named}")


async def _rules_in_force(log: EventLog, default: RuleSet, ends: dict[int, int]) -> dict[str, RuleSet]:
    """Return what each workspace has adopted before the offset `ends[0]` of the first partition, as it stands there.

    Every partition gets every rule change, so one knows them all: what its state says, and what came since.
    """
    changes, applied = {}, -1
    for key, value in (await _state_of(log)).items():
        if key == codec.COMMIT_KEY:
            applied = codec.decode_commit(value).applied_offset
        elif key.startswith(codec.RULES_PREFIX):
            changes[key] = value
    book = RuleBook(default)
    book.restore(changes.items())
    named = {key[len(codec.RULES_PREFIX) :].decode() for key in changes}
    offset = applied + 1
    while offset < ends[0] and (records := await log.read(topics.EVENTS, 0, offset, _READ_RECORDS)):
        offset = records[-1].offset + 1
        for record in records:
            control = _control_in(record.value or b"") if record.offset < ends[0] else None
            if control is not None and control.kind is ControlKind.RULES:
                book.adopt(control.workspace, control.revision, control.body)
                named.add(control.workspace)
    return {workspace: book.rules(workspace) for workspace in sorted(named)}


async def _state_of(log: EventLog) -> dict[bytes, bytes]:
    """Return the first partition's commit record and rules."""
    found: dict[bytes, bytes] = {}
    async for records in batches(log, topics.STATE, 0):
        for record in records:
            if record.key is not None and record.key.startswith((codec.COMMIT_KEY, codec.RULES_PREFIX)):
                found[record.key] = record.value or b""
    return {key: value for key, value in found.items() if value}


def _control_in(value: bytes) -> Control | None:
    try:
        frame = decode(value)
    except FrameError:
        return None
    return frame.control if frame.kind is FrameKind.CONTROL else None


async def _send(log: EventLog, run: Run, workspace: str, score: str, mark: int) -> tuple[int, int]:
    """Append the moves, numbered by a sender of this recompute's own; return how many moves and frames."""
    count = len(run.partitions)
    waiting: dict[int, list[Move]] = {number: [] for number in range(count)}
    sizes = dict.fromkeys(waiting, 0)
    sent = dict.fromkeys(waiting, 0)
    frames = 0

    async def flush(number: int) -> None:
        moves = tuple(waiting[number])
        frame = encode_moves(MoveBatch(-mark, sent[number] + 1, moves), 0)
        await append_patiently(log, [NewRecord(topics.EVENTS, number, None, frame, mark)])
        sent[number] += len(moves)
        waiting[number], sizes[number] = [], 0

    for state in _scored(run, workspace, score):
        scores = {score: state.scores[score]} if score in state.scores else {}
        body = SCORES.packed(Recomputed(mark, state.id, scores))
        target = partition_for(workspace, state.id, count)
        waiting[target].append(Move(MoveKind.RESCORE, workspace, state.id, state.id, mark, body))
        sizes[target] += len(body)
        if len(waiting[target]) >= _MAX_MOVES or sizes[target] >= _MAX_FRAME_BYTES:
            await flush(target)
            frames += 1
    for number in [number for number, moves in waiting.items() if moves]:
        await flush(number)
        frames += 1
    return sum(sent.values()), frames


def _scored(run: Run, workspace: str, score: str) -> Iterator[ProfileState]:
    """Yield who may have points, also by rules that are no more: they have to hear that they earn nothing now."""
    for state in run.states():
        is_holder = state.workspace == workspace and not state.identity.moved_to
        if is_holder and (score in state.scores or state.facts.events or state.facts.moved):
            yield state


def _pass(_: object) -> None:
    """Nothing is told."""

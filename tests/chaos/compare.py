"""Compares what the workers wrote with what the single pass says, value by value, and counts differences by kind."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from streams.model.rollups import SketchKind
from streams.model.triggers import Trigger
from streams.operators.sketches import UniqueUnion, value_quantiles
from streams.state import codec
from tests.chaos.single_pass import Outcome

_EXAMPLES = 5
_decode_trigger = msgspec.msgpack.Decoder(Trigger).decode


class Differences:
    """Counts by kind, and some of each in words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []
        self.compared: Counter[str] = Counter()

    def note(self, kind: str, text: str, count: int = 1) -> None:
        if self.counts[kind] < _EXAMPLES:
            self.examples.append(f"{kind}: {text[:1_200]}")
        self.counts[kind] += count

    def maps(self, kind: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
        """Compare what stands under each key."""
        self.compared[kind] += len(expected)
        for key in expected.keys() | found.keys():
            if found.get(key) != expected.get(key):
                self.note(kind, f"{key}: {_shown(found.get(key))}, expected {_shown(expected.get(key))}")


def compare_partition(number: int, found: Outcome, expected: Outcome, differences: Differences) -> None:
    """Compare the state of a partition."""
    for kind, prefix in (("profiles", codec.PROFILE_PREFIX), ("rules", codec.RULES_PREFIX)):
        differences.maps(kind, _part(found.state, prefix), _part(expected.state, prefix))
    if any(key.startswith(codec.UNSENT_PREFIX) for key in found.state):
        differences.note("moves", f"partition {number} has moves that were not sent")
    mine, theirs = found.commit, expected.commit
    differences.maps(
        "commits",
        {number: (mine.applied_offset, mine.clock_ms, mine.sent, mine.taken, _counts(mine))},
        {number: (theirs.applied_offset, theirs.clock_ms, theirs.sent, theirs.taken, _counts(theirs))},
    )
    differences.maps("open totals", _open_totals(number, found), _open_totals(number, expected))
    differences.maps("open sketches", _open_sketches(number, found), _open_sketches(number, expected))


def compare_moves(
    made: Mapping[int, Outcome], arrived: Mapping[int, Mapping[int, list[Any]]], differences: Differences
) -> None:
    """Compare the moves that each partition makes for another with those that lie there in the log."""
    for sender, outcome in made.items():
        for target in made:
            mine, theirs = outcome.moves.get(target, []), arrived[target].get(sender, [])
            differences.compared["moves"] += len(mine)
            wrong = sum(one != other for one, other in zip(mine, theirs, strict=False)) + abs(len(mine) - len(theirs))
            if wrong:
                text = f"from {sender} to {target}: {len(theirs)} in the log, {len(mine)} were made, {wrong} differ"
                differences.note("moves", text, wrong)


def compare_told(found: Outcome, expected: list[Outcome], states: list[Outcome], differences: Differences) -> None:
    """Compare what went out, of all partitions together; a trigger that came twice is a difference."""
    for kind in ("triggers", "dead_letters", "alerts"):
        wanted: Counter[bytes] = Counter()
        for outcome in expected:
            wanted += getattr(outcome, kind)
        differences.maps(kind.replace("_", " "), getattr(found, kind), wanted)
    by_id: dict[str, list[Trigger]] = {}
    for value in found.triggers.elements():
        trigger = _decode_trigger(value)
        by_id.setdefault(trigger.id, []).append(trigger)
    for same in by_id.values():
        if len(same) > 1:
            differences.note("triggers", f"went out {len(same)} times: {same}")
    totals: dict[Any, Any] = {}
    late: dict[Any, Any] = {}
    for outcome in expected:
        totals |= outcome.totals
        late |= {name: _estimate(name[0], body) for name, body in outcome.sketches.items() if name[-1]}
    differences.maps("totals", found.totals, totals)
    told = {name: _estimate(name[0], body) for name, body in found.sketches.items()}
    differences.maps("late sketches", {name: value for name, value in told.items() if name[-1]}, late)
    published: dict[Any, Any] = {}
    for number, outcome in enumerate(states):
        published |= _published_sketches(number, outcome)
    differences.maps("published sketches", {name: told.get(name) for name in published}, published)


def _part(state: Mapping[bytes, bytes], prefix: bytes) -> dict[bytes, bytes]:
    return {key: value for key, value in state.items() if key.startswith(prefix)}


def _counts(commit: codec.Commit) -> dict[int, tuple[int, int]]:
    return {day: (count, total) for day, (count, total, _) in commit.seen.days.items()}


def _open_totals(number: int, outcome: Outcome) -> dict[Any, Any]:
    return {
        (number, start, total.known.series): (total.count, total.micros)
        for start, bucket in outcome.rollups(number)._buckets.items()
        for total in bucket.totals.values()
    }


def _open_sketches(number: int, outcome: Outcome) -> dict[Any, Any]:
    return {
        (number, hour_ms, *name): _estimate(name[0], held.sketch.body())
        for hour_ms, hour in outcome.rollups(number)._sketches._hours.items()
        for name, held in hour.held.items()
    }


def _published_sketches(number: int, outcome: Outcome) -> dict[Any, Any]:
    """Sketches of the state that have gone out as they are."""
    unpublished = outcome.rollups(number)._sketches._unpublished
    return {
        (*name, hour_ms, number, 0): _estimate(name[0], held.sketch.body())
        for hour_ms, hour in outcome.rollups(number)._sketches._hours.items()
        for name, held in hour.held.items()
        if held not in unpublished
    }


def _estimate(kind: str, body: bytes) -> Any:
    if kind == SketchKind.UNIQUES:
        return UniqueUnion((body,)).estimate()
    return value_quantiles((body,), (0.01, 0.25, 0.5, 0.75, 0.99))


def _shown(value: Any) -> str:
    if isinstance(value, bytes) and value[:1] == b"\x02":
        return repr(codec.decode_profile(value)) if len(value) > 40 else repr(value)
    return repr(value)

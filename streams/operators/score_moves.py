"""Scores on the move: between the ids of one person, and out of a recompute. All states here are of one half-life.

Merging takes, of what is known of one id and rule, the greater count; so it is associative, commutative and idempotent,
to the bit: landmarks differ by powers of two, and sums are rounded once.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from streams.model.scores import Before, Contribution, ScoreState
from streams.operators.score_weights import Parts, added, at_epoch, totalled


def exported(score: ScoreState, source: str) -> ScoreState:
    """Return the score with what was its own under the label `source`; fit goes with the traits, not with the score."""
    own = added(score.moved.get(source, {}), score.parts)
    moved = {**score.moved, source: own} if own else score.moved
    return totalled(replace(score, parts={}, fit={}, moved=moved, mark=0))


def merged(one: ScoreState, other: ScoreState, tier: str) -> ScoreState:
    """Return both scores as one that was announced as `tier`. Exported ones have no fit."""
    epoch = max(one.epoch, other.epoch)
    one, other = at_epoch(one, epoch), at_epoch(other, epoch)
    return totalled(
        replace(
            one,
            at_ms=max(one.at_ms, other.at_ms),
            tier=tier,
            is_mql=one.is_mql or other.is_mql,
            parts=_greater(one.parts, other.parts),
            fit=one.fit or other.fit,
            moved=_united(one.moved, other.moved),
            before=_befores(one.before, other.before),
            mark=max(one.mark, other.mark),
        )
    )


def detached(score: ScoreState, source: str) -> tuple[ScoreState, ScoreState | None]:
    """Return the score without what is labelled `source`, and that as it had come; None when there is nothing."""
    gone = dict(score.moved.get(source, {}))
    before = dict(score.before)
    for owner, held in score.before.items():
        if held.parts.get(source):
            gone = added(gone, held.parts[source])
            before[owner] = Before(held.mark, {**held.parts, source: {}})
    if not gone:
        return score, None
    moved = {label: parts for label, parts in score.moved.items() if label != source}
    part = ScoreState(score.half_life_ms, score.epoch, 0.0, score.at_ms, moved={source: gone})
    return totalled(replace(score, moved=moved, before=before)), totalled(part)


def marked(score: ScoreState, profile: str, mark: int) -> ScoreState:
    """Return the score with everything earned so far apart, as `profile`'s before the mark; caps begin anew."""
    earned = _sum_by_label([{profile: score.parts}, score.moved, *(held.parts for held in score.before.values())])
    return replace(score, parts={}, moved={}, before={profile: Before(mark, earned)}, mark=mark)


def begun(score: ScoreState, profile: str, mark: int) -> ScoreState:
    """Return the score, all of it earned by `profile` since the mark, as one that is marked."""
    return replace(score, before={profile: Before(mark)}, mark=mark)


def replaced(score: ScoreState, fresh: ScoreState | None, owner: str, profile: str) -> ScoreState:
    """Return the score of `profile` with `fresh`, if there is any, in the place of what `owner` had before its mark."""
    held = score.before[owner]
    before = {other: kept for other, kept in score.before.items() if other != owner}
    score = replace(score, before=before)
    if fresh is not None:
        epoch = max(score.epoch, fresh.epoch)
        score, fresh = at_epoch(score, epoch), at_epoch(exported(fresh, owner), epoch)
        taken_out = {source for source, parts in held.parts.items() if not parts}
        found = {source: parts for source, parts in fresh.moved.items() if source not in taken_out}
        moved = _sum_by_label([found, score.moved])
        parts = added(moved.pop(profile, {}), score.parts)
        score = replace(score, at_ms=max(score.at_ms, fresh.at_ms), parts=parts, moved=moved)
    return totalled(score)


def _sum_by_label(many: Iterable[Mapping[str, Parts]]) -> dict[str, dict[str, Contribution]]:
    """Return the contributions of all, by label and rule; a label that has none is left out."""
    total: dict[str, dict[str, Contribution]] = {}
    for labels in many:
        for source, parts in labels.items():
            if parts:
                total[source] = added(total.get(source, {}), parts)
    return total


def _united(one: Mapping[str, Parts], other: Mapping[str, Parts]) -> dict[str, dict[str, Contribution]]:
    return {source: _greater(one.get(source, {}), other.get(source, {})) for source in {**one, **other}}


def _befores(one: Mapping[str, Before], other: Mapping[str, Before]) -> dict[str, Before]:
    return {owner: _later(one.get(owner), other.get(owner)) for owner in {**one, **other}}


def _later(one: Before | None, other: Before | None) -> Before:
    if one is None or other is None:
        known = one or other
        assert known is not None
        return known
    if one.mark != other.mark:
        return max(one, other, key=lambda before: before.mark)
    return Before(one.mark, _united(one.parts, other.parts))


def _greater(one: Parts, other: Parts) -> dict[str, Contribution]:
    """Return of every rule the contribution with the greater count; the rest of the order only makes it total."""
    both = dict(one)
    for rule, part in other.items():
        mine = both.get(rule)
        both[rule] = part if mine is None else max(mine, part, key=_rank)
    return both


def _rank(part: Contribution) -> tuple[int, int, float, tuple[int, ...]]:
    return (part.count, part.last_at_ms, part.weight, part.hits)

"""What other rules would make of the leads in the view: bounded, a page at a time, off the event loop."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from api import rule_schemas as schemas
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.operators.what_if import Standing, WhatIf
from streams.ports import LeadRow, ProfileView
from streams.state.codec import decode_profile

MAX_LEADS = 20_000
_PAGE = 500
_DIGITS = 2


class Comparison:
    """Two versions of one score, and what comes of them for the leads added."""

    def __init__(self, old: ScoreModel, new: ScoreModel) -> None:
        """Raises RuleError."""
        self.score = new.id
        self._what_if = WhatIf(old, new)
        self._moves: Counter[tuple[str, str]] = Counter()
        self._mql: Counter[tuple[bool, bool]] = Counter()
        self._movers: list[tuple[LeadRow, Standing, Standing]] = []

    def add(self, rows: Sequence[LeadRow], at_ms: int) -> None:
        """Look at some more leads."""
        for row in rows:
            state = decode_profile(row.state)
            before, after = self._what_if.standings(state.scores.get(self.score), state.facts.traits, at_ms)
            self._moves[before.tier, after.tier] += 1
            self._mql[before.is_mql, after.is_mql] += 1
            if before.tier != after.tier or before.is_mql != after.is_mql:
                self._movers.append((row._replace(state=b""), before, after))

    def answer(self, limit: int) -> schemas.ScoreChange:
        """Return what was found, with up to `limit` leads."""
        movers = sorted(self._movers, key=lambda m: (-max(m[1].points, m[2].points), m[0].profile))
        mql = self._mql
        before, after = (Counter[str](), Counter[str]())
        for (old, new), leads in self._moves.items():
            before[old] += leads
            after[new] += leads
        return schemas.ScoreChange(
            score=self.score,
            before=dict(before),
            after=dict(after),
            moves=[
                schemas.TierMove(before=old, after=new, leads=leads)
                for (old, new), leads in self._moves.most_common()
                if old != new
            ],
            mql=schemas.MqlMoves(
                before=mql[True, True] + mql[True, False],
                after=mql[True, True] + mql[False, True],
                enter=mql[False, True],
                leave=mql[True, False],
            ),
            leads=[_mover(*mover) for mover in movers[:limit]],
            caveats=list(self._what_if.caveats),
        )


async def compare(
    view: ProfileView, workspace: str, old: RuleSet, new: RuleSet, now_ms: int, limit: int
) -> schemas.WhatIf:
    """Return where leads would stand by the scores of `new` at `now_ms`. Raises RuleError."""
    known = {model.id: model for model in old.scores}
    comparisons = [Comparison(known[m.id], m) for m in new.scores if m.id in known and m != known[m.id]]
    examined = total = 0
    while examined < MAX_LEADS:
        page = await view.page(workspace, now_ms, _PAGE, examined)
        total = page.total
        await asyncio.to_thread(_add, comparisons, page.leads, now_ms)
        examined += len(page.leads)
        if len(page.leads) < _PAGE:
            break
    return schemas.WhatIf(
        as_of_ms=now_ms,
        version=old.version,
        examined=examined,
        total=max(total, examined),
        scores=await asyncio.to_thread(lambda: [one.answer(limit) for one in comparisons]),
        caveats=list(_caveats(old, new, examined, total)),
    )


def _add(comparisons: Sequence[Comparison], rows: Sequence[LeadRow], at_ms: int) -> None:
    for comparison in comparisons:
        comparison.add(rows, at_ms)


def _mover(row: LeadRow, before: Standing, after: Standing) -> schemas.Mover:
    return schemas.Mover(
        id=row.profile, name=row.name, email=row.email, before=_standing(before), after=_standing(after)
    )


def _standing(standing: Standing) -> schemas.Standing:
    return schemas.Standing(points=round(standing.points, _DIGITS), tier=standing.tier, is_mql=standing.is_mql)


def _caveats(old: RuleSet, new: RuleSet, examined: int, total: int) -> Iterator[str]:
    before, after = ({model.id for model in rules.scores} for rules in (old, new))
    for score in sorted(after - before):
        yield f"The score {score} is new: what leads would have earned so far is not known."
    for score in sorted(before - after):
        yield f"The score {score} would be dropped, with all that leads have earned."
    if old.pages != new.pages:
        yield "Pages differ: page views so far are counted as they were."
    if (old.abandonment, old.products, old.identity) != (new.abandonment, new.products, new.identity):
        yield "Abandonment, product and identity rules differ: what they would do is not told here."
    if examined < total:
        yield f"Only the best {examined} of {total} leads were looked at."

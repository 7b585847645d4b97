"""What other rules would make of the leads in the view: bounded, a page at a time, off the event loop."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from api import rule_schemas as schemas
from api.rule_desk import MAX_EARLIER, Earlier
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import ScoreState
from streams.operators.what_if import Past, Standing, WhatIf
from streams.ports import LeadRow, ProfileView
from streams.state.codec import decode_profile

MAX_LEADS = 20_000
_PAGE = 500
_DIGITS = 2
_FORGOTTEN_HALF_LIVES = 20
"""What was earned so long ago is worth less than a millionth."""
_NEVER = 1 << 62


class Comparison:
    """Two versions of one score, and what comes of them for the leads added."""

    def __init__(self, old: ScoreModel, new: ScoreModel, earlier: Sequence[Earlier]) -> None:
        """`earlier` rules, newest first. Raises RuleError."""
        self.score = new.id
        self._pasts = [Past(_model(past.rules, new.id), past.version, past.until_ms) for past in earlier]
        self._half_lives_ms = max(model.half_life_ms for model in (old, *(past.model for past in self._pasts)) if model)
        self._first_ms = _NEVER
        self._recomputed_ms = 0
        self._is_recomputing = False
        self._what_if = WhatIf(old, new)
        self._moves: Counter[tuple[str, str]] = Counter()
        self._mql: Counter[tuple[bool, bool]] = Counter()
        self._movers: list[tuple[LeadRow, Standing, Standing]] = []

    def add(self, rows: Sequence[LeadRow], at_ms: int) -> None:
        """Look at some more leads."""
        for row in rows:
            state = decode_profile(row.state)
            score = state.scores.get(self.score)
            self._note_age(state.facts.first_seen_ms, score)
            before, after = self._what_if.standings(score, state.facts.traits, at_ms)
            self._moves[before.tier, after.tier] += 1
            self._mql[before.is_mql, after.is_mql] += 1
            if before.tier != after.tier or before.is_mql != after.is_mql:
                self._movers.append((row._replace(state=b""), before, after))

    def _note_age(self, first_seen_ms: int, score: ScoreState | None) -> None:
        self._first_ms = min(self._first_ms, first_seen_ms)
        if score is not None:
            self._recomputed_ms = max(self._recomputed_ms, score.mark)
            self._is_recomputing |= any(before.parts for before in score.before.values())

    def since_ms(self, now_ms: int) -> int:
        """Return from when on the rules of the time have a part in what leads have."""
        recomputed_ms = 0 if self._is_recomputing else self._recomputed_ms
        return max(self._first_ms, recomputed_ms, now_ms - _FORGOTTEN_HALF_LIVES * self._half_lives_ms)

    def answer(self, limit: int, now_ms: int) -> schemas.ScoreChange:
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
            caveats=[*self._what_if.caveats, *self._what_if.caveats_of(self._pasts, self.since_ms(now_ms))],
        )


async def compare(
    view: ProfileView, workspace: str, old: RuleSet, new: RuleSet, earlier: Sequence[Earlier], now_ms: int, limit: int
) -> schemas.WhatIf:
    """Return where leads would stand by the scores of `new`; `earlier` held before `old`. Raises RuleError."""
    known = {model.id: model for model in old.scores}
    comparisons = [Comparison(known[m.id], m, earlier) for m in new.scores if m.id in known and m != known[m.id]]
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
        scores=await asyncio.to_thread(lambda: [one.answer(limit, now_ms) for one in comparisons]),
        caveats=[
            *_caveats(old, new, examined, total),
            *_caveats_of_earlier(old, new, earlier, min((one.since_ms(now_ms) for one in comparisons), default=_NEVER)),
        ],
    )


def _add(comparisons: Sequence[Comparison], rows: Sequence[LeadRow], at_ms: int) -> None:
    for comparison in comparisons:
        comparison.add(rows, at_ms)


def _model(rules: RuleSet | None, score: str) -> ScoreModel | None:
    return next((model for model in rules.scores if model.id == score), None) if rules else None


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


def _caveats_of_earlier(old: RuleSet, new: RuleSet, earlier: Sequence[Earlier], since_ms: int) -> Iterator[str]:
    """Yield what can't be told of any score, since earlier rules had a part in it after `since_ms`."""
    known = [past for past in earlier if past.until_ms > since_ms]
    changed = next((past for past in known if past.rules and past.rules.pages != old.pages), None)
    if changed and old.pages == new.pages:
        yield f"Pages were others before version {changed.version}: page views until then are counted as they were."
    if len(known) == MAX_EARLIER:
        yield f"Rules that are more than {MAX_EARLIER} versions old were not looked at."

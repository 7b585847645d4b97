"""What tests of scoring share: models, and what they make of events."""

from streams.model.facts import FactsState
from streams.model.rules.defaults import DEFAULT_PAGES, default_scores
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import ScoreState, points_at
from streams.operators.pages import Pages
from streams.operators.scoring import Scoring

DEFAULT = Scoring(default_scores())
PAGES = Pages(DEFAULT_PAGES)
NOBODY = FactsState()
HOUR_MS = 3_600_000


def after(*events, scores=None, by=DEFAULT):
    scores, fired = scores or {}, []
    for one in events:
        scores, firings = by.on_event(scores, one, PAGES.name_of(one), NOBODY, one.received_ms)
        fired += [(f.rule, f.data["tier"]) for f in firings]
    return scores, fired


def points(*events, by=DEFAULT, score="lead", at_ms=0):
    return points_at(after(*events, by=by)[0].get(score, ScoreState()), at_ms)


def lead(*rules, **more) -> Scoring:
    return Scoring((ScoreModel(rules=rules, **more),))

"""Two runs of the same input under different rules, held against each other: who stands elsewhere, what fires else."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import asdict
from xxhash import xxh3_64_intdigest

from infra.offline.forms import iso_time, line_of, trigger_form
from infra.offline.run import Run
from streams.model.rules.ruleset import RuleSet
from streams.model.scores import COLD, points_at
from streams.model.triggers import Trigger
from streams.operators.score_model import CompiledModel
from streams.operators.what_if import Standing, standing

_MAX_SHOWN = 20


class _Fired(NamedTuple):
    rule: str
    profile: str
    at_ms: int
    content: int


_NOWHERE = Standing(0.0, COLD, is_mql=False)


class Outcome:
    """What one run came to. Give `on_trigger` to it, and the run when it is over."""

    def __init__(self) -> None:
        self.fired: dict[str, _Fired] = {}
        self.standings: dict[tuple[str, str, str], Standing] = {}
        self.at_ms = 0

    def on_trigger(self, trigger: Trigger) -> None:
        """Remember a trigger."""
        content = xxh3_64_intdigest(line_of(trigger_form(trigger)))
        self.fired[trigger.id] = _Fired(trigger.rule, trigger.profile, trigger.at_ms, content)

    def close(self, run: Run, at_ms: int | None = None) -> None:
        """Take over where everybody stands by the run's rules at `at_ms`, by default when the run ended.

        What was announced is no answer: a lead stays announced as hot, however long ago that was.
        """
        self.at_ms = run.clock_ms if at_ms is None else at_ms
        rules = run.partitions[0].rules
        models: dict[str, dict[str, CompiledModel]] = {}
        for state in run.states():
            if state.workspace not in models:
                models[state.workspace] = _models(rules.rules(state.workspace))
            for score, known in state.scores.items():
                model = models[state.workspace].get(score)
                if model is not None:
                    place = state.workspace, state.id, score
                    self.standings[place] = standing(model, known, points_at(known, self.at_ms))


def _models(rules: RuleSet) -> dict[str, CompiledModel]:
    return {model.id: CompiledModel(model, number) for number, model in enumerate(rules.scores)}


def compared(before: Outcome, after: Outcome) -> dict[str, Any]:
    """Return the differences, each in full, and their counts."""
    moved = []
    for place in sorted(before.standings.keys() | after.standings.keys()):
        one, other = before.standings.get(place, _NOWHERE), after.standings.get(place, _NOWHERE)
        if (one.tier, one.is_mql) != (other.tier, other.is_mql):
            workspace, profile, score = place
            moved.append(
                {"workspace": workspace, "profile": profile, "score": score}
                | {"before": asdict(one), "after": asdict(other)}
            )
    both = before.fired.keys() & after.fired.keys()
    changed = {name for name in both if before.fired[name].content != after.fired[name].content}
    kinds = {
        "only_before": _listed(before, before.fired.keys() - both),
        "only_after": _listed(after, after.fired.keys() - both),
        "changed": _listed(after, changed),
    }
    return {
        "profiles_that_change_tier": len({(row["workspace"], row["profile"]) for row in moved}),
        "tiers": moved,
        "triggers_alike": len(both) - len(changed),
        "trigger_counts": {
            kind: dict(sorted(Counter(r["rule"] for r in rows).items())) for kind, rows in kinds.items()
        },
        "triggers": kinds,
    }


def describe(difference: dict[str, Any]) -> str:
    """Return the differences in words, the first of each kind by name."""
    lines = [f"{difference['profiles_that_change_tier']} profiles change tier"]
    lines += _first(
        f"  {row['profile']}  {row['score']}  {_stands(row['before'])} -> {_stands(row['after'])}"
        for row in difference["tiers"]
    )
    lines.append(f"{difference['triggers_alike']} triggers are alike")
    words = {"only_before": "fire no more", "only_after": "are new", "changed": "differ in time or content"}
    for kind, what in words.items():
        rows = difference["triggers"][kind]
        counts = ", ".join(f"{rule} {count}" for rule, count in difference["trigger_counts"][kind].items())
        lines.append(f"{len(rows)} triggers {what}" + (f": {counts}" if counts else ""))
        lines += _first(f"  {row['rule']}  {row['profile']}  at {iso_time(row['at_ms'])}" for row in rows)
    return "\n".join(lines)


def _first(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    more = len(every) - _MAX_SHOWN
    return [*every[:_MAX_SHOWN], f"  … and {more} more (--json has all)"] if more > 0 else every


def _listed(outcome: Outcome, names: set[str]) -> list[dict[str, Any]]:
    rows = [(outcome.fired[name], name) for name in names]
    rows.sort(key=lambda row: (row[0].at_ms, row[0].profile, row[1]))
    return [{"id": name, "rule": f.rule, "profile": f.profile, "at_ms": f.at_ms} for f, name in rows]


def _stands(standing: dict[str, Any]) -> str:
    return f"{standing['tier']} ({standing['points']:.1f}{', MQL' if standing['is_mql'] else ''})"

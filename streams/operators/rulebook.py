"""RuleBook: the rules in force in one partition, by workspace. They change by control records alone."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from streams.model.errors import FrameError, RuleError
from streams.model.rules.abandonment import AbandonmentRule, ProductRule
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import FitRule, ScoreRule
from streams.operators.pipeline import Pipeline

KEY_PREFIX = b"x:"
R = TypeVar("R", ScoreRule, FitRule, AbandonmentRule, ProductRule)
_decode_rules = msgspec.json.Decoder(RuleSet).decode


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """What a workspace has adopted. `quarantined` rules are off; `recomputing` scores are being computed anew, each
    with the number of the recompute.
    """

    revision: int = 0
    rules: bytes = b""
    quarantined: tuple[str, ...] = ()
    recomputing: dict[str, int] = {}


_decode_entry = msgspec.msgpack.Decoder(_Entry).decode
_encode = msgspec.msgpack.Encoder().encode


def parse_rules(body: bytes) -> RuleSet:
    """Return the rule set in a JSON document. Raises RuleError, which names the field."""
    try:
        return _decode_rules(body)
    except msgspec.ValidationError as error:
        text = str(error)
        problem, _, where = text.partition(" - at `$")
        raise RuleError(where.rstrip("`").lstrip(".") or "rules", problem, "See docs/rules.md for the form") from None
    except msgspec.DecodeError as error:
        raise RuleError("rules", f"no JSON document: {error}", "Send a JSON object") from None


class RuleBook:
    """`default` holds for workspaces that have adopted nothing."""

    def __init__(self, default: RuleSet) -> None:
        self._default = default
        self._entries: dict[str, _Entry] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._dirty: dict[str, None] = {}

    def pipeline(self, workspace: str) -> Pipeline:
        """Return the workspace's compiled rules."""
        return self._pipelines.get(workspace) or self._compiled(workspace)

    def rules(self, workspace: str) -> RuleSet:
        """Return the workspace's rules as they are in force: without those in quarantine."""
        entry = self._entries.get(workspace, _Entry())
        rules = parse_rules(entry.rules) if entry.rules else self._default
        return _without(rules, frozenset(entry.quarantined))

    def quarantined(self, workspace: str) -> tuple[str, ...]:
        """Return the ids of rules that failed and are off."""
        return self._entries.get(workspace, _Entry()).quarantined

    def adopt(self, workspace: str, revision: int, body: bytes) -> None:
        """Take rules (JSON) over; older ones than those in force change nothing. Raises RuleError."""
        known = self._entries.get(workspace, _Entry())
        if revision <= known.revision:
            return
        pipeline = Pipeline(parse_rules(body), known.recomputing)
        self._set(workspace, _Entry(revision, body, (), known.recomputing))
        self._pipelines[workspace] = pipeline

    def quarantine(self, workspace: str, rule: str) -> None:
        """Turn a rule off."""
        known = self._entries.get(workspace, _Entry())
        if rule in known.quarantined:
            raise RuleError(rule, "failed although it is off", "This is a fault of the engine; report it")
        self._set(workspace, replace(known, quarantined=(*known.quarantined, rule)))

    def release(self, workspace: str, rule: str) -> None:
        """Turn a rule on again."""
        known = self._entries.get(workspace, _Entry())
        self._set(workspace, replace(known, quarantined=tuple(r for r in known.quarantined if r != rule)))

    def recompute(self, workspace: str, score: str, mark: int) -> None:
        """Note that what `score` had earned up to here is being computed anew, as the recompute `mark`."""
        known = self._entries.get(workspace, _Entry())
        if mark > known.recomputing.get(score, 0):
            self._set(workspace, replace(known, recomputing={**known.recomputing, score: mark}))

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Return what changed since the last call, for the state topic."""
        if not self._dirty:
            return {}
        changes = {KEY_PREFIX + w.encode(): b"\x02" + _encode(self._entries[w]) for w in self._dirty}
        self._dirty.clear()
        return dict(changes)

    def restore(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Take over what `take_changes` returned. Raises FrameError."""
        for key, value in records:
            if value[:1] != b"\x02":
                raise FrameError(f"rules: state version {value[:1]!r} is not known")
            self._entries[key[len(KEY_PREFIX) :].decode()] = _decode_entry(memoryview(value)[1:])
        self._pipelines.clear()

    def _set(self, workspace: str, entry: _Entry) -> None:
        self._entries[workspace] = entry
        self._dirty[workspace] = None
        self._pipelines.pop(workspace, None)

    def _compiled(self, workspace: str) -> Pipeline:
        recomputing = self._entries.get(workspace, _Entry()).recomputing
        pipeline = self._pipelines[workspace] = Pipeline(self.rules(workspace), recomputing)
        return pipeline


def _without(rules: RuleSet, ids: frozenset[str]) -> RuleSet:
    if not ids:
        return rules

    def kept(found: Iterable[R]) -> tuple[R, ...]:
        return tuple(rule for rule in found if rule.id not in ids)

    scores = tuple(replace(s, rules=kept(s.rules), fit=kept(s.fit)) for s in rules.scores)
    return replace(rules, scores=scores, abandonment=kept(rules.abandonment), products=kept(rules.products))

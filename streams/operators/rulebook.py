"""RuleBook: the rules in force in one partition, by workspace. They change by control records alone."""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from streams.model.errors import FrameError, RuleError
from streams.model.rules.abandonment import AbandonmentRule, ProductRule, WindowKind
from streams.model.rules.conditions import Op
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import FitRule, ScoreRule
from streams.model.rules_in_force import Quarantine
from streams.operators.pipeline import Pipeline
from streams.operators.rule_checks import check_as_new

KEY_PREFIX = b"x:"
MAX_BYTES: Final = 256 << 10
_MAX_FIELD: Final = 300
_NAMED: Final = re.compile(r"^Object (?:missing required|contains unknown) field `(.+)`$", re.DOTALL)
_CHOICES: Final = {"op": tuple(Op), "kind": tuple(WindowKind)}
R = TypeVar("R", ScoreRule, FitRule, AbandonmentRule, ProductRule)
_decode_rules = msgspec.json.Decoder(RuleSet).decode
_encode_json = msgspec.json.Encoder().encode


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """What a workspace has adopted. `quarantined` rules are off; `recomputing` scores are being computed anew, each
    with the number of the recompute.
    """

    revision: int = 0
    rules: bytes = b""
    quarantined: dict[str, Quarantine] = {}
    recomputing: dict[str, int] = {}


_decode_entry = msgspec.msgpack.Decoder(_Entry).decode
_encode = msgspec.msgpack.Encoder().encode


def parse_rules(body: bytes) -> RuleSet:
    """Return the rule set in a JSON document. Raises RuleError, which names the field."""
    _check_size(body)
    try:
        return _decode_rules(body)
    except msgspec.ValidationError as error:
        raise misfit(error, "rules") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RuleError("rules", f"no JSON document: {error}", "Send a JSON object") from None


def check_rules(body: bytes) -> RuleSet:
    """Return the rule set in a JSON document once it is sure that it compiles. Raises RuleError."""
    rules = parse_rules(body)
    Pipeline(rules)
    return rules


def check_new_rules(body: bytes) -> RuleSet:
    """As `check_rules`, for a rule set that somebody writes: it must also do what it says.

    Rules that are in use already must go on. Raises RuleError.
    """
    rules = check_rules(body)
    check_as_new(rules)
    return rules


def encode_rules(rules: RuleSet) -> bytes:
    """Return the rule set as JSON with every field, as it is stored and sent. Raises RuleError when it is too large."""
    body = _encode_json(rules)
    _check_size(body)
    return body


def misfit(error: msgspec.ValidationError, whole: str) -> RuleError:
    """Return what the decoder refused as a RuleError; `whole` names the document, where all of it is wrong."""
    problem, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    named = _NAMED.match(problem)
    if named:
        # The decoder says where the object is; people look for the field.
        field += f".{named.group(1)}" if field else named.group(1)
    choices = _CHOICES.get(field.rpartition(".")[2]) if problem.startswith("Invalid enum value") else None
    remedy = f"Use one of {', '.join(choices)}." if choices else "See docs/rules.md for the form"
    return RuleError(field[:_MAX_FIELD] or whole, problem[:_MAX_FIELD], remedy)


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise RuleError("rules", f"{len(body)} bytes", f"Use at most {MAX_BYTES}, with every default spelled out.")


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

    def revision(self, workspace: str) -> int:
        """Return the version in force, 0 for the rules of the settings."""
        return self._entries.get(workspace, _Entry()).revision

    def quarantined(self, workspace: str) -> dict[str, Quarantine]:
        """Return the rules that failed and are off, by id."""
        return self._entries.get(workspace, _Entry()).quarantined

    def adopt(self, workspace: str, revision: int, body: bytes) -> None:
        """Take rules (JSON) over, all of them on; older ones than those in force change nothing. Raises RuleError."""
        known = self._entries.get(workspace, _Entry())
        if revision <= known.revision:
            return
        pipeline = Pipeline(parse_rules(body), known.recomputing)
        self._set(workspace, _Entry(revision, body, {}, known.recomputing))
        self._pipelines[workspace] = pipeline

    def quarantine(self, workspace: str, rule: str, quarantine: Quarantine) -> None:
        """Turn a rule off."""
        known = self._entries.get(workspace, _Entry())
        self._set(workspace, replace(known, quarantined={**known.quarantined, rule: quarantine}))

    def release(self, workspace: str, rule: str) -> None:
        """Turn a rule on again; one that is on stays so."""
        known = self._entries.get(workspace, _Entry())
        if rule in known.quarantined:
            others = {name: since for name, since in known.quarantined.items() if name != rule}
            self._set(workspace, replace(known, quarantined=others))

    def recompute(self, workspace: str, score: str, mark: int) -> None:
        """Note that what `score` had earned up to here is being computed anew, as the recompute `mark`."""
        known = self._entries.get(workspace, _Entry())
        if mark > known.recomputing.get(score, 0):
            self._set(workspace, replace(known, recomputing={**known.recomputing, score: mark}))

    def is_dirty(self) -> bool:
        """Say whether `take_changes` would return something."""
        return bool(self._dirty)

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

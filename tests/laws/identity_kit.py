"""A network of partitions over which ids find together: moves arrive in order per pair of partitions, else anyhow."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from random import Random

from msgspec.structs import replace

from streams.model.events import Event
from streams.model.identity import IdentityState
from streams.model.ids import partition_for
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.identity import IdentityRules
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import Contribution, ScoreState
from streams.model.windows import WindowsState
from streams.operators.accounts import JOINS_GROUP, Accounts
from streams.operators.base import Firing
from streams.operators.history import History
from streams.operators.identity.nodes import IDENTITY_EVENTS, Identity, forwarded_event, forwarding
from streams.operators.merging import Merging

WORKSPACE = "default"
SCORE = "lead"
HALF_LIFE_MS = 86_400_000
EPOCH = 75  # of 256 half-lives since 1970
Scores = dict[str, ScoreState]


class Tally:
    """Stands for scoring: every event is a rule of its own, so nothing can be lost or counted twice unseen."""

    def noted(self, scores: Scores, event: Event) -> Scores:
        before = scores.get(SCORE, ScoreState(HALF_LIFE_MS, EPOCH))
        parts = {**before.parts, event.id: Contribution(1, 1.0, event.at_ms)}
        return {SCORE: replace(before, parts=parts, total=before.total + 1)}

    def exported(self, scores: Scores, source: str) -> Scores:
        score = scores.get(SCORE)
        if score is None or not score.parts:
            return scores
        return {SCORE: replace(score, parts={}, moved={**score.moved, source: score.parts})}

    def merged(self, mine: Scores, theirs: Scores) -> Scores:
        states = [scores[SCORE] for scores in (mine, theirs) if SCORE in scores]
        if len(states) < 2:
            return mine or theirs
        one, other = states
        labels = one.moved.keys() | other.moved.keys()
        moved = {name: one.moved.get(name, {}) | other.moved.get(name, {}) for name in sorted(labels)}
        return {SCORE: _totalled(replace(one, parts=one.parts | other.parts, moved=moved))}

    def detached(self, scores: Scores, source: str) -> tuple[Scores, Scores]:
        score = scores.get(SCORE)
        if score is None or source not in score.moved:
            return scores, {}
        rest = {name: parts for name, parts in score.moved.items() if name != source}
        part = ScoreState(HALF_LIFE_MS, EPOCH, moved={source: score.moved[source]})
        return {SCORE: _totalled(replace(score, moved=rest))}, {SCORE: _totalled(part)}


def _totalled(score: ScoreState) -> ScoreState:
    count = len(score.parts) + sum(len(parts) for parts in score.moved.values())
    return replace(score, total=float(count))


class NoWindows:
    def exported(self, state: WindowsState, source: str) -> WindowsState:
        return state

    def merged(self, mine: WindowsState, theirs: WindowsState) -> WindowsState:
        return mine

    def detached(self, state: WindowsState, source: str) -> tuple[WindowsState, WindowsState]:
        return state, WindowsState()


HISTORY, TALLY = History(), Tally()
MERGING = Merging(HISTORY, TALLY, NoWindows())


@dataclass
class Network:
    """`seed` decides which of the queues that hold something is served next; 0: always the first."""

    rules: IdentityRules
    partitions: int = 4
    seed: int = 0
    nodes: dict[str, ProfileState] = field(default_factory=dict)
    moves: int = 0
    firings: list[Firing] = field(default_factory=list)
    _queues: dict[tuple[int, int], deque[Move | Event]] = field(default_factory=dict)
    _flushed: dict[str, ProfileState] = field(default_factory=dict)
    _now_ms: int = 1_790_000_000_000

    def __post_init__(self) -> None:
        self._identity = Identity(self.rules, MERGING)
        self._accounts = Accounts(ScoreModel(SCORE, half_life_ms=HALF_LIFE_MS))
        self._random = Random(self.seed)

    def run(self, events: Iterable[Event], limit: int = 20_000) -> "Network":
        for event in events:
            self._put(-1, event.profile, event)
        while any(self._queues.values()):
            ready = [queue for _, queue in sorted(self._queues.items()) if queue]
            queue = self._random.choice(ready) if self.seed else ready[0]
            self._now_ms += 1
            self._take(queue.popleft())
            limit -= 1
            assert limit, "moves without end"
        return self

    def state(self, name: str) -> ProfileState:
        return self.nodes.get(name) or ProfileState(WORKSPACE, name)

    def holder(self, name: str) -> str:
        return self.path(name)[-1]

    def path(self, name: str) -> list[str]:
        path = [name]
        while target := self.state(path[-1]).identity.moved_to:
            assert target not in path
            path.append(target)
        return path

    def counted(self) -> Counter[str]:
        """How often each event counts, over all nodes."""
        return Counter(chain.from_iterable(map(counted_in, self.nodes.values())))

    @property
    def now_ms(self) -> int:
        return self._now_ms

    def _put(self, sender: int, target: str, item: Move | Event) -> None:
        receiver = partition_for(WORKSPACE, target, self.partitions)
        self._queues.setdefault((sender, receiver), deque()).append(item)

    def _take(self, item: Move | Event) -> None:
        target = item.profile if isinstance(item, Event) else item.target
        before = self.state(target)
        firings: tuple[Firing, ...] = ()
        if isinstance(item, Event):
            after, moves = self._noted(before, item)
        elif item.kind is MoveKind.MEMBER:
            (after, firings), moves = self._accounts.on_member(before, item, self._now_ms), ()
        elif item.kind is MoveKind.FORWARD and not before.identity.moved_to:
            after, moves = self._noted(before, forwarded_event(before, item))
        else:
            after, moves, firings = self._identity.on_move(before, item, self._now_ms)
        self.nodes[target] = after
        self.firings += firings
        moves += self._accounts.member_moves(self._flushed.get(target, before), after, self._now_ms)
        self._flushed[target] = after
        self.moves += len(moves)
        for move in moves:
            self._put(partition_for(WORKSPACE, target, self.partitions), move.target, move)

    def _noted(self, state: ProfileState, event: Event) -> tuple[ProfileState, tuple[Move, ...]]:
        now_ms = self._now_ms
        if state.identity.moved_to:
            return state, (forwarding(state, event, now_ms),)
        moves = self._identity.claims(state, event, now_ms) if event.keys != state.facts.keys else ()
        if event.name in IDENTITY_EVENTS:
            state, more = self._identity.on_event(state, event, now_ms)
            moves += more
        if event.name == JOINS_GROUP:
            state, more = self._accounts.on_event(state, event, now_ms)
            moves += more
        facts, _ = HISTORY.on_event(state.facts, event, now_ms)
        return replace(state, facts=facts, scores=TALLY.noted(state.scores, event)), moves


def counted_in(state: ProfileState) -> list[str]:
    """The events that count in a profile, with repeats."""
    score = state.scores.get(SCORE, ScoreState())
    return [*score.parts, *chain.from_iterable(score.moved.values())]


def is_blank(state: ProfileState) -> bool:
    """Whether a node holds nothing but what it knows of others."""
    knows = IdentityState(
        moved_to=state.identity.moved_to,
        claimed_by=state.identity.claimed_by,
        is_shared=state.identity.is_shared,
        detached=state.identity.detached,
        groups=state.identity.groups,
        joined=state.identity.joined,
    )
    return state == ProfileState(state.workspace, state.id, identity=knows)

"""The seams: what the engine and its neighbours need from a log, a metric store, a clock. Implementations elsewhere."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from streams.model.dead_letters import DeadLetter
from streams.model.rollups import Rollup, Sketch
from streams.model.rules.scoring import ScoreModel

READY = "ready"
"""What a part of the process says of itself when nothing is the matter."""


class NewRecord(NamedTuple):
    """A record to append. `key` matters on compacted topics; `value` None deletes the key there."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class LogRecord(NamedTuple):
    """A record as read back."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int

    @property
    def is_erased(self) -> bool:
        """Say whether what stood here was of somebody who was erased: a key without a value."""
        return self.value is None and self.key is not None

    def as_letter(self, stage: str, reason: str, workspace: str = "", code: str = "") -> DeadLetter:
        """Return the dead letter of a record that `stage` can't use."""
        where = f"{self.topic}[{self.partition}]@{self.offset}"
        return DeadLetter(workspace, where, stage, reason, "", self.value or b"", self.timestamp_ms, code=code)


class Subscription(Protocol):
    """A consumer's place in some topics. Not safe for use by two tasks at once."""

    async def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[LogRecord]:
        """Return the next records in partition order, waiting up to `timeout_s` for the first."""
        ...

    async def commit(self) -> None:
        """Remember durably, for the group, that everything polled so far is done."""
        ...

    async def lag(self) -> int:
        """Return how many records are appended and not yet polled."""
        ...

    async def close(self) -> None:
        """Leave; uncommitted records are delivered again to the group's next subscription."""
        ...


class LogWriter(Protocol):
    """The one writer of what a partition causes. Opening one fences every earlier writer of the same name."""

    async def commit(self, records: Sequence[NewRecord]) -> None:
        """Append all records atomically: durable together when it returns, visible together then or a moment later.

        Raises, with none of them in the log, LogFullError (try again), FencedError (a later writer of this name
        exists) and LogClosedError.
        """
        ...

    async def close(self) -> None:
        """Release what the writer holds; the log stays open."""
        ...


class AppendsRecords(Protocol):
    """The part of an EventLog that a writer needs."""

    def partitions(self, topic: str, /) -> int: ...

    async def append(self, records: Sequence[NewRecord]) -> list[int]: ...


class EventLog(Protocol):
    """An ordered, partitioned, durable log of records."""

    def partitions(self, topic: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        ...

    def identity(self) -> str:
        """Return what tells this log from every other, one in its place after it was lost included; always the same."""
        ...

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append and return the offsets, once all records are durable; order within a partition is kept.

        Raises LogFullError (nothing was appended) and LogClosedError.
        """
        ...

    async def open_writer(self, name: str) -> LogWriter:
        """Return the writer called `name`. What an earlier one had not committed by now never becomes visible."""
        ...

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` existing records from `offset` on; empty at the end. Never waits."""
        ...

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that still exists and the offset that the next append gets."""
        ...

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's next offset to read, for the partitions it has committed."""
        ...

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Store the group's next offsets to read, durably. Raises GroupInUseError where its members keep its place."""
        ...

    async def wait(self, positions: Mapping[tuple[str, int], int], timeout_s: float) -> bool:
        """Wait until some (topic, partition) has a record at or after its position; False when time ran out."""
        ...

    def subscribe(self, group: str | None, topics: Sequence[str], start: str = "committed") -> Subscription:
        """Return a subscription. `start`: "committed" (else earliest), "earliest" or "latest".

        Without `group`, commit is refused and the place is private to the subscription.
        """
        ...

    async def close(self) -> None:
        """Finish what was appended and release everything."""
        ...


class MetricPoint(Struct, frozen=True):
    """One bucket of a metric query's answer; `group` is the value of the grouping tag."""

    bucket_ms: int
    group: str
    count: int
    value: float


class Uniques(Struct, frozen=True):
    """About how many different profiles there were under each name, and under all of these together."""

    total: float
    names: dict[str, float]


class Quantiles(Struct, frozen=True):
    """How many values there were, and those at the quantiles asked for, none when there were none."""

    count: int
    values: list[float]


class MetricStore(Protocol):
    """Where rollups and sketches are kept for queries. Writing one again overwrites it."""

    async def write(self, rollups: Sequence[Rollup]) -> None:
        """Store totals, keyed by (series, bucket, partition, part), durably when it returns."""
        ...

    async def query(
        self,
        workspace: str,
        start_ms: int,
        stop_ms: int,
        step_ms: int,
        group_by: str = "event",
        where: Mapping[str, str] | None = None,
    ) -> list[MetricPoint]:
        """Return totals per step and group for start <= bucket < stop, ordered by bucket then group.

        `group_by` and the keys of `where` are among event, campaign, source, currency; `group_by` may be "" for one
        total. Sessions are told only when `where` names their event.
        """
        ...

    async def write_sketches(self, sketches: Sequence[Sketch]) -> None:
        """Store sketches, keyed by all but their body, durably when it returns."""
        ...

    async def uniques(
        self, workspace: str, start_ms: int, stop_ms: int, dimension: str = "event", name: str | None = None
    ) -> Uniques:
        """Return how many profiles were seen in the hours with start <= hour < stop, by event, campaign or source.

        With `name`, under that name alone.
        """
        ...

    async def quantiles(
        self, workspace: str, start_ms: int, stop_ms: int, event: str, currency: str, quantiles: Sequence[float]
    ) -> Quantiles:
        """Return values of an event in one currency, in the hours with start <= hour < stop; quantiles are 0..1."""
        ...

    async def close(self) -> None: ...


class LeadRow(NamedTuple):
    """A person as the API shows it. At `now` the score is `score`, decayed since `score_at_ms`, plus `fit`.

    `ids` are the ids that were merged into the profile.
    """

    workspace: str
    profile: str
    user_id: str | None
    anonymous_id: str | None
    email: str | None
    name: str | None
    score: float
    score_at_ms: int
    half_life_ms: int
    events: int
    first_seen_ms: int
    last_seen_ms: int
    cart_open: bool
    cart_value: float
    cart_currency: str
    cart_due_ms: int
    state: bytes
    is_mql: bool = False
    fit: float = 0.0
    ids: tuple[str, ...] = ()


class AccountRow(NamedTuple):
    """A company; its score reads as a lead's. `members` is how many it has."""

    workspace: str
    id: str
    name: str
    members: int
    score: float
    score_at_ms: int
    half_life_ms: int
    fit: float
    is_mql: bool
    state: bytes


class LeadCounts(NamedTuple):
    """How many leads there are in all, in each tier above cold (lowest first), and marketing-qualified."""

    total: int
    tiers: dict[str, int]
    mql: int


class LeadPage(NamedTuple):
    """One page of leads, best score first, and how many there are in all."""

    leads: list[LeadRow]
    total: int


class AccountPage(NamedTuple):
    """One page of companies, best score first, and how many there are in all."""

    accounts: list[AccountRow]
    total: int


class ProfileView(Protocol):
    """The queryable picture of all profiles, projected from the state topic; may lag behind the engine."""

    async def apply(
        self,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int] | None = None,
        removed: Sequence[tuple[str, str]] = (),
        redirects: Sequence[tuple[str, str, str]] = (),
        accounts: Sequence[AccountRow] = (),
    ) -> list[LeadRow | None]:
        """Store `rows` and `accounts` (last wins), drop `removed` (workspace, id), lead from redirected ids to others
        (workspace, id, profile) and remember `positions`, atomically. Returns what each of `rows` replaced.

        `positions` maps partitions of the state topic to the next offset to read. An id is in one of the lists only.
        """
        ...

    async def positions(self) -> dict[int, int]:
        """Return the next offset to read of each partition, as last applied."""
        ...

    async def clear(self) -> None:
        """Forget everything, so that the view is projected anew."""
        ...

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        """Return the person one of whose ids is `key`, with or without the id's kind; else the one who has told it.

        Raises SharedIdError when several have told it.
        """
        ...

    async def get_many(self, workspace: str, profiles: Sequence[str]) -> dict[str, LeadRow]:
        """Return the persons that are known among `profiles`, by profile id."""
        ...

    async def page(
        self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        """Return leads by their score at `now_ms`, best first."""
        ...

    async def tier_counts(self, workspace: str, now_ms: int, model: ScoreModel) -> LeadCounts:
        """Return how many leads there are of each of the model's tiers, by their scores at `now_ms`."""
        ...

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        """Return currency -> (open carts, their total value)."""
        ...

    async def account(self, workspace: str, account: str) -> AccountRow | None:
        """Return the company with this id ("group:…")."""
        ...

    async def accounts(self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "") -> AccountPage:
        """Return companies by their score at `now_ms`, best first."""
        ...

    async def close(self) -> None: ...


class Clock(Protocol):
    """The only source of wall time; operators never see one."""

    def now_ms(self) -> int: ...


class DeadLetterSink(Protocol):
    """Where unusable bytes go."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters durably."""
        ...

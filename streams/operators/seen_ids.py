"""Which message ids a partition has seen in the last days of log time: exact (but for 64-bit hash collisions), bounded.

What it answers depends on the frames alone; how ids are kept (in memory, in sorted runs, in files) never shows.
"""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from streams.operators.seen_filter import IdArray, SeenFilter
from streams.operators.seen_runs import (
    SPAN,
    STEP_IDS,
    Day,
    MemorySink,
    Merge,
    Run,
    RunFiles,
    RunSink,
    runs_to_merge,
    total_of,
)

DAY_MS = 86_400_000
DEFAULT_DAYS = 7
# A set of so many stays in a core's cache.
DEFAULT_RECENT_IDS = 16_384
DEFAULT_FILTER_BYTES = 1 << 30
NONE: frozenset[int] = frozenset()

# So many runs of about one size become one; of a day that is over, few runs should be left.
_MERGE_TODAY = 8
_MERGE_PAST = 2
# Merging does so many ids for each that arrives: more than there are tiers, so that it keeps up.
_MERGE_PACE = 8
# So few ids are looked up faster one by one.
_FEW = 24
_RESTORED_RUN_IDS = 1 << 20


def digest_of(key: str, message_id: str) -> int:
    """Return the 64-bit hash under which a message id is remembered with the profile whose key that is.

    With the profile, so that an id that a careless sender gives to several people counts for each of them, whichever
    partitions they are in.
    """
    return xxh3_64_intdigest(f"{key}\x1f{message_id}".encode())


def _add_new(digests: list[int], added: set[int], known: Container[int]) -> set[int]:
    """Add what is new to `added`; return the places of what is not."""
    repeated = set()
    for place, digest in enumerate(digests):
        if digest in added or digest in known:
            repeated.add(place)
        else:
            added.add(digest)
    return repeated


class SeenIds:
    """Remembers ids by the day (of log time) on which they were first seen; whole days are forgotten.

    With `files`, runs of durable ids lie there, and about `filter_bytes` bound what stays in memory.
    After an exception it must not be used further.
    """

    def __init__(
        self,
        files: RunFiles | None = None,
        days: int = DEFAULT_DAYS,
        recent_ids: int = DEFAULT_RECENT_IDS,
        filter_bytes: int = DEFAULT_FILTER_BYTES,
    ) -> None:
        self._files = files
        self._kept = days
        self._recent_ids = recent_ids
        self._slots = days + 1
        self._filter = SeenFilter(self._slots, filter_bytes)
        self._days: dict[int, Day] = {}
        self._today = Day(-1)
        self._by_slot = [self._today] * self._slots
        self._tomorrow_ms = 0
        # The ids of today that are in no run.
        self._recent: set[int] = set()
        self._forgotten: list[int] = []
        self._deleted: list[Day] = []
        self._deleting: list[Day] = []

    def admit(self, digests: list[int], received_ms: Sequence[int], clock_ms: int) -> set[int] | frozenset[int]:
        """Remember the ids of a frame's events; return the places in the frame of those that were known already.

        `received_ms` are the events' own times: the clock, at `clock_ms` before the frame, follows them, never back.
        """
        if clock_ms >= self._tomorrow_ms:
            self._turn(clock_ms)
        if max(received_ms, default=0) < self._tomorrow_ms:
            return self._admit(digests)
        repeated: set[int] = set()
        start = 0
        for place, at_ms in enumerate(received_ms):
            if at_ms >= self._tomorrow_ms:
                repeated.update(start + n for n in self._admit(digests[start:place]))
                self._turn(at_ms)
                start = place
        repeated.update(start + n for n in self._admit(digests[start:]))
        return repeated

    def forget(self, clock_ms: int) -> None:
        """Note how late it is: days that are too old are dropped."""
        if clock_ms >= self._tomorrow_ms:
            self._turn(clock_ms)

    def take_unwritten(self) -> list[tuple[int, int, bytes]]:
        """Return the ids remembered since the last call, by day and arrival: (day, first, 8 bytes each)."""
        taken = []
        for day in self._days.values():
            if day.unwritten:
                ids = np.concatenate(day.unwritten)
                taken.append((day.number, day.taken, ids.astype(">u8").tobytes()))
                day.total = (day.total + total_of(ids)) % SPAN
                day.taken = day.count
                day.unwritten = []
        return taken

    def take_forgotten(self) -> list[int]:
        """Return the days dropped since the last call."""
        self._deleting += self._deleted
        forgotten, self._forgotten, self._deleted = self._forgotten, [], []
        return forgotten

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return (ids, their sum modulo 2^64) of each day, as of the last `take_unwritten`."""
        return {day.number: (day.taken, day.total) for day in self._days.values() if day.taken}

    def mark_written(self) -> None:
        """Note that all that was taken is durable: ids may go to files, and files of forgotten days may go."""
        for day in self._days.values():
            day.durable = day.taken
        for day in self._deleting:
            day.delete()
        self._deleting = []

    def save(self) -> None:
        """Put all durable ids into files, so that `resume` finds them there. Costs as much as a small merge."""
        if self._files is None:
            return
        for day in self._days.values():
            self._seal(day, day.durable - day.sealed)
            while merge := next((m for m in day.merges if any(run.place is None for run in m.runs)), None):
                self._finish(day, merge)
            for at, run in enumerate(day.runs):
                if run.place is None and run.stop <= day.durable:
                    sink = self._sink(day, run.first, len(run))
                    sink.write(run.ids)
                    day.runs[at] = sink.finish(run.total)

    def resume(self) -> dict[int, int]:
        """Take over what files hold; return how many of each day's first ids that is.

        Then `restore` what the log holds, and `verify`. Only for an instance that has seen nothing yet.
        """
        for number, runs in (self._files.open_runs() if self._files is not None else {}).items():
            day = self._days[number] = Day(number, is_loading=True)
            day.runs = runs
            day.count = runs[-1].stop
        return {number: day.count for number, day in self._days.items()}

    def restore(self, number: int, first: int, digests: bytes) -> None:
        """Take over the ids of a day from the `first` on, 8 bytes each; those held already are passed over.

        Ids must come in order: what would leave a gap is not taken, and `verify` will tell.
        """
        day = self._days.setdefault(number, Day(number, is_loading=True))
        if first > day.count or not day.is_loading:
            return
        ids = np.frombuffer(digests, ">u8")[day.count - first :].astype(np.uint64)
        if len(ids):
            day.hold(ids)
            if day.count - day.sealed >= max(_RESTORED_RUN_IDS, self._recent_ids):
                self._seal_restored(day)

    def verify(self, counts: dict[int, tuple[int, int]], clock_ms: int) -> list[int]:
        """Return the days whose ids are not those of `counts`: they are empty now. `restore` them and verify again."""
        wrong = []
        for number in [number for number, day in self._days.items() if day.is_loading and number not in counts]:
            self._days.pop(number).delete()
        self._turn(clock_ms)
        oldest = self._today.number - self._kept
        self._filter.grow(max((count for count, _ in counts.values()), default=0))
        for number, counted in counts.items():
            day = self._days.get(number, Day(number, is_loading=True))
            if number < oldest:
                # Fewer days are kept than when this one was written.
                self._days.pop(number, None)
                self._deleted.append(day)
                self._forgotten += [number] if number not in self._forgotten else []
            elif day.is_loading and not self._adopt(day, counted):
                wrong.append(number)
                day.delete()
                self._days[number] = Day(number, is_loading=True)
        self._arrange()
        self._release()
        return wrong

    def _adopt(self, day: Day, counted: tuple[int, int]) -> bool:
        """Make a restored day one like others; return False when it isn't what was counted."""
        if day.loose:
            self._seal_restored(day)
        day.total = sum(run.total for run in day.runs) % SPAN
        if (day.count, day.total) != counted:
            return False
        day.taken = day.durable = day.count
        day.is_loading = False
        for run in day.runs:
            self._index(day, run)
        return True

    def _seal_restored(self, day: Day) -> None:
        """Make a run of restored ids, in a file at once: they may be more than memory should hold."""
        ids = np.concatenate(day.loose)
        ids.sort()
        sink = self._sink(day, day.sealed, len(ids))
        sink.write(ids)
        day.runs.append(sink.finish(total_of(ids)))
        day.loose = []

    def _turn(self, clock_ms: int) -> None:
        """Begin a day and drop those that are too old by then."""
        number = clock_ms // DAY_MS
        if not self._today.is_loading:
            self._seal(self._today)
        for old in [day for day in self._days.values() if not day.is_loading and day.number < number - self._kept]:
            self._filter.clear(old.number % self._slots)
            self._deleted.append(self._days.pop(old.number))
            self._forgotten.append(old.number)
        self._today = self._days.setdefault(number, Day(number))
        self._tomorrow_ms = (number + 1) * DAY_MS
        self._recent = set()
        self._arrange()

    def _arrange(self) -> None:
        self._today = self._days[self._today.number]
        nothing = Day(-1)
        self._by_slot = [nothing] * self._slots
        for day in self._days.values():
            self._by_slot[day.number % self._slots] = day

    def _admit(self, digests: list[int]) -> set[int] | frozenset[int]:
        """Remember ids while the day lasts."""
        if not digests:
            return NONE
        ids = np.array(digests, np.uint64)
        known = self._known(ids)
        recent = self._recent
        before = len(recent)
        repeated: set[int] | frozenset[int] = NONE
        if known or not recent.isdisjoint(digests):
            repeated = _add_new(digests, recent, known)
        else:
            recent.update(digests)
            if len(recent) < before + len(digests):
                repeated = _add_new(digests, set(), NONE)
        if len(recent) == before:
            return repeated
        if repeated:
            ids = np.delete(ids, list(repeated))
        today = self._today
        today.hold(ids)
        today.unwritten.append(ids)
        if len(recent) >= self._recent_ids:
            self._seal(today)
            self._work()
        return repeated

    def _known(self, ids: IdArray) -> set[int] | frozenset[int]:
        """Return those of the ids that runs hold."""
        maybe = self._filter.maybe(ids)
        if not len(maybe):
            return NONE
        places, slots = np.divmod(maybe, self._slots)
        if len(places) > _FEW:
            return self._known_of_many(ids, places, slots)
        known = set()
        for digest, slot in zip(ids[places].tolist(), slots.tolist(), strict=True):
            for run in self._by_slot[slot].runs:
                if run.has(digest):
                    known.add(digest)
                    break
        return known

    def _known_of_many(self, ids: IdArray, places: NDArray[np.int64], slots: NDArray[np.int64]) -> set[int]:
        known: set[int] = set()
        for slot, day in enumerate(self._by_slot):
            asked = ids[places[slots == slot]]
            if len(asked):
                for run in day.runs:
                    known.update(run.having(asked).tolist())
        return known

    def _seal(self, day: Day, count: int | None = None) -> None:
        """Make a run of the first `count` loose ids of a day; of all without."""
        if not day.loose or (count is not None and count <= 0):
            return
        loose = np.concatenate(day.loose)
        ids = np.sort(loose[:count])
        rest = loose[len(ids) :]
        run = Run(day.sealed, ids, total_of(ids))
        day.runs.append(run)
        day.loose = [rest] if len(rest) else []
        if day is self._today:
            self._recent = set(rest.tolist())
        self._index(day, run)
        self._plan(day)

    def _index(self, day: Day, run: Run) -> None:
        """Put a run of a day, its last so far, into the filter."""
        added = [run]
        if self._filter.wants_growth(run.stop):
            self._filter.grow(run.stop)
            # A day that outgrows its words gets fresh ones; doubled words would be as full as before.
            self._filter.clear(day.number % self._slots)
            added = day.runs
        for each in added:
            for start in range(0, len(each), STEP_IDS):
                self._filter.add(day.number % self._slots, each.ids[start : start + STEP_IDS])

    def _plan(self, day: Day) -> None:
        """Start the merge that a day is due for, if any."""
        free = day.unmerged()
        if self._files is not None:
            free = [run for run in free if run.stop <= day.durable]
        start = runs_to_merge(free, self._recent_ids, _MERGE_TODAY if day is self._today else _MERGE_PAST)
        if start < len(free):
            runs = free[start:]
            day.merges.append(Merge(runs, self._sink(day, runs[0].first, sum(map(len, runs)))))

    def _sink(self, day: Day, first: int, count: int) -> RunSink:
        if self._files is None:
            return MemorySink(first, count)
        return self._files.create(day.number, first, count)

    def _work(self) -> None:
        """Merge on a little, smallest first, and release what files have brought into memory."""
        for day in self._days.values():
            self._plan(day)
        left = self._recent_ids * _MERGE_PACE
        while left > 0 and (merges := [(merge, day) for day in self._days.values() for merge in day.merges]):
            merge, day = min(merges, key=lambda pair: pair[0].count)
            done = merge.step()
            left -= done
            if not done:
                self._finish(day, merge)
        self._release()

    def _release(self) -> None:
        for day in self._days.values():
            for run in day.runs:
                if run.place is not None:
                    run.place.release()

    def _finish(self, day: Day, merge: Merge) -> None:
        day.finish(merge)
        self._plan(day)

"""Laws of the seen ids: the answers of a plain model, however frames are cut, flushed, crashed and files are spoilt."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.operators import seen_filter, seen_ids, seen_runs
from streams.operators.seen_ids import DAY_MS, SeenIds, digest_of
from streams.state import seen_chunks
from streams.state.seen_chunks import SeenChunks, SeenMark
from streams.state.seen_files import SeenFolder

POOL = [0, 1, 2, 3, 2**63, 2**64 - 2, 2**64 - 1] + [digest_of("p", str(n)) for n in range(40)]

steps_ms = st.sampled_from([-DAY_MS, 0, 0, 0, 0, 1, DAY_MS // 3, DAY_MS, 3 * DAY_MS, 8 * DAY_MS])
frames = st.lists(st.tuples(st.sampled_from(POOL), steps_ms), max_size=30)
ticks = st.tuples(st.just("tick"), steps_ms)
words = st.sampled_from(
    ["flush", "flush", "flush", "take", "written", "save", "crash", "crash", "spoil", "lose", "other"]
)
actions = st.lists(st.one_of(frames, frames, words, words, ticks), min_size=5, max_size=40)


@pytest.fixture(autouse=True, scope="module")
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_filter, "_FIRST_LOG2", 1)
        patch.setattr(seen_runs, "STEP_IDS", 3)
        patch.setattr(seen_ids, "_RESTORED_RUN_IDS", 5)
        patch.setattr(seen_ids, "_MERGE_PACE", 1)
        patch.setattr(seen_ids, "_MERGE_TODAY", 3)
        patch.setattr(seen_ids, "_FEW", 3)
        patch.setattr(seen_chunks, "CHUNK_IDS", 4)
        patch.setattr(seen_chunks, "MAX_CHUNK_IDS", 5)
        yield


class Model:
    """The specification."""

    def __init__(self):
        self.clock_ms = 20_000 * DAY_MS
        self.day_of = {}

    def add(self, digest, at_ms):
        self.clock_ms = max(self.clock_ms, at_ms)
        today = self.clock_ms // DAY_MS
        if today - self.day_of.get(digest, -100) <= 7:
            return False
        self.day_of[digest] = today
        return True


class Machine:
    """Seen ids, their state topic and the frames since the last commit, which are applied again after a crash."""

    def __init__(self, folder):
        self.folder = folder
        self.topic = {}
        self.committed = (SeenMark(), 20_000 * DAY_MS)
        self.flush = None
        self.start()

    def start(self):
        self.seen = SeenIds(SeenFolder(self.folder) if self.folder else None, recent_ids=4, filter_bytes=2048)
        self.chunks = SeenChunks(self.seen)
        mark, self.clock_ms = self.committed
        self.flush = None
        self.seen.resume()
        for attempt in range(2):
            for key, value in self.topic.items():
                self.chunks.load(key, value)
            if not self.chunks.finish(mark, self.clock_ms):
                break
            assert attempt == 0

    def apply(self, frame):
        digests, times = [d for d, _ in frame], [at for _, at in frame]
        repeated = self.seen.admit(digests, times, self.clock_ms)
        self.clock_ms = max([self.clock_ms, *times])
        self.seen.forget(self.clock_ms)
        return [place not in repeated for place in range(len(frame))]

    def take_flush(self):
        if self.flush is None:
            records = self.chunks.take_records()
            self.flush = (records, self.chunks.mark(), self.clock_ms)
            return True
        return False

    def commit(self):
        records, *committed = self.flush
        for key, value in records:
            self.topic.pop(key, None)
            if value is not None:
                self.topic[key] = value
        self.committed = tuple(committed)
        self.flush = None
        self.seen.mark_written()


def spoil(folder, way):
    for number, path in enumerate(sorted(folder.iterdir())):
        raw = bytearray(path.read_bytes())
        if way == "lose":
            if number % 2:
                path.unlink()
        elif way == "spoil":
            raw[-1] ^= 1
            path.write_bytes(raw if number % 2 else raw[:-3])
        elif len(raw) > 40:
            # As if from another life of the partition: sound in itself, but other ids.
            last, total = int.from_bytes(raw[-8:], "little"), int.from_bytes(raw[32:40], "little")
            if last < 2**64 - 1:
                raw[-8:] = (last + 1).to_bytes(8, "little")
                raw[32:40] = ((total + 1) % 2**64).to_bytes(8, "little")
                path.write_bytes(raw)


class Driver:
    """Drives machine and model alike; frames that a crash undoes are applied again, for the same answers."""

    def __init__(self, machine):
        self.machine = machine
        self.model = Model()
        self.history = []
        self.taken = self.durable = 0

    def do(self, action):
        if isinstance(action, list):
            frame = [(digest, self.model.clock_ms + step) for digest, step in action]
            self.history.append((frame, [self.model.add(digest, at) for digest, at in frame]))
            self.apply(*self.history[-1])
        elif isinstance(action, tuple):
            self.model.clock_ms += max(0, action[1])
            self.history.append((self.model.clock_ms, None))
            self.apply(*self.history[-1])
        else:
            getattr(self, action)()

    def apply(self, frame, wanted):
        if wanted is None:
            self.machine.clock_ms = frame
            self.machine.seen.forget(frame)
        else:
            assert self.machine.apply(frame) == wanted

    def flush(self):
        self.written()
        self.take()
        self.written()

    def take(self):
        if self.machine.take_flush():
            self.taken = len(self.history)

    def written(self):
        if self.machine.flush:
            self.machine.commit()
            self.durable = self.taken

    def save(self):
        self.machine.seen.save()

    def crash(self, way=None):
        if way and self.machine.folder and self.machine.folder.is_dir():
            spoil(self.machine.folder, way)
        self.machine.start()
        for frame, wanted in self.history[self.durable :]:
            self.apply(frame, wanted)

    def spoil(self):
        self.crash("spoil")

    def lose(self):
        self.crash("lose")

    def other(self):
        self.crash("other")


def run(machine, script):
    driver = Driver(machine)
    for action in [*script, [(digest, 0) for digest in POOL]]:
        driver.do(action)
    return driver.model


@settings(max_examples=100, deadline=None)
@given(script=actions)
def test_answers_are_those_of_the_model_through_crashes(script):
    run(Machine(None), script)


@settings(max_examples=150, deadline=None)
@given(script=actions)
def test_answers_are_those_of_the_model_with_files_lost_spoilt_or_of_another_life(script):
    with TemporaryDirectory() as folder:
        run(Machine(Path(folder) / "0"), script)


@settings(max_examples=60, deadline=None)
@given(script=actions, cuts=st.lists(st.integers(1, 7), min_size=1))
def test_the_cut_into_frames_does_not_show(script, cuts):
    one, other = Machine(None), Machine(None)
    for frame in (action for action in script if isinstance(action, list)):
        timed = [(digest, one.clock_ms + step) for digest, step in frame]
        whole, parts, left = one.apply(timed), [], timed
        for cut in cuts:
            parts += other.apply(left[:cut])
            left = left[cut:]
        assert parts + other.apply(left) == whole


@settings(max_examples=60, deadline=None)
@given(script=actions)
def test_topic_and_folder_hold_only_days_that_count(script):
    with TemporaryDirectory() as folder:
        machine = Machine(Path(folder) / "0")
        model = run(machine, script)
        for _ in range(2):
            machine.take_flush()
            machine.commit()
        days = {int(key.split(b":")[1]) for key in machine.topic}
        days |= {int(path.name.split("-")[0]) for path in Path(folder).glob("0/*.run")}
        assert all(day >= model.clock_ms // DAY_MS - 7 for day in days)

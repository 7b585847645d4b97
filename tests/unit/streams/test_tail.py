"""The newest records in memory: whatever of them is kept, a reader gets the same as from the file."""

from hypothesis import given
from hypothesis import strategies as st

from streams.log import tail
from streams.log.embedded import EmbeddedEventLog
from streams.log.tail import Tails
from streams.log.topics import EVENTS, STATE
from streams.ports import LogRecord, NewRecord


def record(value: bytes, topic: str = EVENTS) -> NewRecord:
    return NewRecord(topic, 0, b"k", value, 5)


def filled(values: list[bytes]) -> Tails:
    tails = Tails(1)
    tails.add([record(v) for v in values], range(len(values)))
    return tails


def test_records_are_read_back_as_the_log_gives_them():
    assert filled([b"a", b"b"]).read(EVENTS, 0, 1, 10) == [LogRecord(EVENTS, 0, 1, b"k", b"b", 5)]


def test_nothing_is_known_of_a_partition_without_records_or_after_clear():
    tails = filled([b"a"])
    tails.clear()
    assert (tails.read(EVENTS, 0, 0, 10), tails.read(EVENTS, 1, 0, 10)) == (None, None)


def test_compacted_topics_are_left_to_the_file():
    tails = Tails(1)
    tails.add([record(b"a", STATE)], [0])
    assert tails.read(STATE, 0, 0, 10) is None


@given(st.lists(st.integers(0, 200), max_size=40), st.integers(0, 45), st.integers(1, 20))
def test_what_is_answered_has_no_gap(sizes, start, limit):
    tails = Tails(1)
    tails._max_bytes = 1_000
    tails.add([record(bytes(size)) for size in sizes], range(len(sizes)))
    found = tails.read(EVENTS, 0, start, limit)
    assert found is None or [r.offset for r in found] == list(range(start, min(start + limit, len(sizes))))


def test_bytes_and_records_are_bounded():
    tails = filled([b""] * 300)
    tails.add([record(bytes(2_000_000)) for _ in range(3)], range(300, 303))
    assert [tails.read(EVENTS, 0, offset, 1) is None for offset in (0, 301, 302)] == [True, True, False]


async def test_a_reader_that_comes_from_far_behind_misses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "_MAX_RECORDS", 3)
    log = await EmbeddedEventLog(tmp_path / "log.db", 1).open()
    for n in range(10):
        await log.append([record(b"%d" % n)])
    subscription = log.subscribe("group", [EVENTS])
    polls = [await subscription.poll(4) for _ in range(5)]
    assert b"".join(r.value or b"" for poll in polls for r in poll) == b"0123456789"
    await log.close()


async def test_purged_records_are_not_answered_from_memory(tmp_path):
    log = await EmbeddedEventLog(tmp_path / "log.db", 1).open()
    await log.append([record(b"old"), NewRecord(EVENTS, 0, None, b"new", 90 * 86_400_000)])
    await log.purge(91 * 86_400_000)
    assert [r.value for r in await log.read(EVENTS, 0, 0, 10)] == [b"new"]
    await log.close()

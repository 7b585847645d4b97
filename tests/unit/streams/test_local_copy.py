"""The local copy: what it says is what it holds, also after kill -9; nothing done to its files loses data."""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.errors import ConfigurationError, LocalCopyError
from streams.state.local_copy import LocalCopy

_CACHE = 8 << 20


@contextmanager
def opened(path, source="", cache_bytes=_CACHE):
    copy = LocalCopy.open(path, cache_bytes=cache_bytes, source=source)
    try:
        yield copy
    finally:
        copy.close()


def filled(path, records=2_000):
    with opened(path) as copy:
        copy.partition(0).write([(b"k%06d" % n, os.urandom(200)) for n in range(records)], 5, 6)


def held(path, source=""):
    with opened(path, source) as copy:
        return copy.partition(0).offset(), len(list(copy.partition(0).scan()))


def spoil(path, suffix, at=2_000):
    (table, *_) = sorted((path / "db").glob(f"*{suffix}"))
    with table.open("r+b") as file:
        file.seek(at)
        file.write(b"\0" * 64)


def test_a_new_copy_is_empty(tmp_path):
    with opened(tmp_path) as copy:
        part = copy.partition(0)
        assert (part.offset(), part.saved_at_ms(), part.get(b"k"), list(part.scan())) == (0, 0, None, [])


def test_what_was_written_is_there_after_a_restart_with_its_offset(tmp_path):
    with opened(tmp_path) as copy:
        copy.partition(3).write([(b"a", b"1"), (b"b", b"2"), (b"a", None)], 7, 1_000)
    with opened(tmp_path) as copy:
        part = copy.partition(3)
        assert (part.offset(), part.saved_at_ms(), list(part.scan())) == (7, 1_000, [(b"b", b"2")])


def test_many_are_answered_in_the_order_asked(tmp_path):
    with opened(tmp_path) as copy:
        copy.partition(0).write([(b"a", b"1"), (b"b", b"")], 1, 1)
        assert copy.partition(0).get_many([b"b", b"x", b"a", b"b"]) == [b"", None, b"1", b""]


def test_a_scan_sees_one_moment(tmp_path):
    with opened(tmp_path) as copy:
        part = copy.partition(0)
        part.write([(b"a", b"1"), (b"b", b"2")], 1, 1)
        scan = part.scan()
        next(scan)
        part.write([(b"b", b"3"), (b"c", b"4")], 2, 2)
        assert list(scan) == [(b"b", b"2")]


@pytest.mark.parametrize("number", [0, 254, 255, 256, 0xFFFE])
def test_partitions_do_not_see_each_other(tmp_path, number):
    with opened(tmp_path) as copy:
        for other in {max(number - 1, 0), number, min(number + 1, 0xFFFE)}:
            copy.partition(other).write([(b"\xff\xff", b"%d" % other)], other + 1, 1)
        copy.partition(number).clear()
        others = [list(copy.partition(n).scan()) for n in (number - 1, number + 1) if 0 <= n <= 0xFFFE]
        assert list(copy.partition(number).scan()) == []
        assert all(len(records) == 1 for records in others)


def test_a_cleared_partition_stays_cleared(tmp_path):
    with opened(tmp_path) as copy:
        copy.partition(0).write([(b"a", b"1")], 9, 9)
        copy.partition(0).clear()
        copy.partition(0).write([(b"b", b"2")], 1, 1)
    with opened(tmp_path) as copy:
        assert (copy.partition(0).offset(), list(copy.partition(0).scan())) == (1, [(b"b", b"2")])


@pytest.mark.parametrize("number", [-1, 0xFFFF])
def test_a_number_that_is_no_partition_is_refused(tmp_path, number):
    with opened(tmp_path) as copy, pytest.raises(ValueError, match="partition"):
        copy.partition(number)


keys = st.binary(max_size=3) | st.sampled_from([b"\xff", b"\xff\xff\xff", b"\0", b"p:1", b"p:2"])
changes = st.lists(st.tuples(keys, st.none() | st.binary(max_size=5)), max_size=8)
steps = st.lists(st.tuples(st.sampled_from([0, 1, 255]), changes | st.sampled_from(["clear", "restart"])), max_size=12)


@settings(max_examples=40, deadline=None)
@given(steps, keys)
def test_it_does_what_a_dict_does(tmp_path_factory, taken, asked):
    path = tmp_path_factory.mktemp("copy")
    model = {0: {}, 1: {}, 255: {}}
    offsets = dict.fromkeys(model, 0)
    copy = LocalCopy.open(path, cache_bytes=_CACHE)
    for step, (number, what) in enumerate(taken, 1):
        if what == "restart":
            copy.close()
            copy = LocalCopy.open(path, cache_bytes=_CACHE)
        elif what == "clear":
            copy.partition(number).clear()
            model[number], offsets[number] = {}, 0
        else:
            copy.partition(number).write(what, step, step)
            model[number], offsets[number] = applied(model[number], what), step
    for number, expected in model.items():
        part = copy.partition(number)
        everything = sorted({*expected, asked})
        assert part.get_many(everything) == [expected.get(k) for k in everything] == [part.get(k) for k in everything]
        assert list(part.scan(asked)) == sorted((k, v) for k, v in expected.items() if k.startswith(asked))
        assert (part.offset(), part.saved_at_ms()) == (offsets[number], offsets[number])
    copy.close()


def applied(before, what):
    after = {**before, **dict(what)}
    return {key: value for key, value in after.items() if value is not None}


_WRITER = """
    import os, sys
    from pathlib import Path
    from streams.state.local_copy import LocalCopy
    # Two partitions take turns; batch n of a partition writes n into 100 slots of its own and into one that all share.
    copy = LocalCopy.open(Path(sys.argv[1]), cache_bytes=8 << 20)
    parts = [copy.partition(0), copy.partition(1)]
    n = max(part.offset() for part in parts)
    while True:
        n += 1
        body = b"%010d" % n + os.urandom(500)
        parts[n % 2].write([(b"%010d-%02d" % (n, i), body) for i in range(100)] + [(b"last", body)], n, n)
        if n % 100 == 0:
            print(n, flush=True)
"""


@pytest.mark.parametrize("reports", [1, 4, 9])
def test_after_kill_9_it_is_exactly_what_its_offset_says(tmp_path, reports):
    kept = 0
    for _ in range(3):
        written = killed_after(tmp_path, reports)
        with opened(tmp_path) as copy:
            ends = [check_prefix(copy.partition(number), number) for number in (0, 1)]
        # Batches went to the partitions in turn, so a prefix of all writes has them at most one apart.
        assert max(ends) == 0 or abs(ends[0] - ends[1]) == 1
        assert kept <= max(ends) <= written + 10_000
        kept = max(ends)
    assert reports < 9 or kept > 0


def killed_after(path, reports):
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as writer:
        for _ in range(reports):
            line = writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    return int(line)


def check_prefix(part, number):
    """Return the partition's offset after checking that it holds the batches up to it, whole, and nothing else."""
    end = part.offset()
    records = dict(part.scan())
    last = records.pop(b"last", None)
    batches = range(2 - number, end + 1, 2)
    assert records.keys() == {b"%010d-%02d" % (n, i) for n in batches for i in range(100)}
    assert all(value[:10] == key[:10] for key, value in records.items())
    assert (last[:10] if last else None) == (b"%010d" % end if end else None)
    return end


def test_a_folder_in_use_is_refused_by_its_name(tmp_path):
    with opened(tmp_path), pytest.raises(ConfigurationError, match=f"{tmp_path} is in use"):
        LocalCopy.open(tmp_path, cache_bytes=_CACHE)


def test_a_folder_in_use_by_another_process_is_refused_and_left_alone(tmp_path):
    filled(tmp_path)
    code = "import sys; from pathlib import Path; from streams.state.local_copy import LocalCopy as L\n"
    code += "L.open(Path(sys.argv[1]), cache_bytes=1 << 20)"
    with opened(tmp_path):
        asked = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "is in use" in asked.stderr
    assert held(tmp_path) == (5, 2_000)


def test_a_scan_left_open_keeps_the_folder_in_use_and_harms_nothing(tmp_path):
    filled(tmp_path)
    copy = LocalCopy.open(tmp_path, cache_bytes=_CACHE)
    scan = copy.partition(0).scan()
    next(scan)
    copy.close()
    with pytest.raises(ConfigurationError, match="is in use"):
        LocalCopy.open(tmp_path, cache_bytes=_CACHE)
    scan.close()
    assert held(tmp_path) == (5, 2_000)


def test_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="can't be used"):
        LocalCopy.open(tmp_path / "file", cache_bytes=_CACHE)


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST"])
def test_a_database_that_does_not_open_starts_empty_with_a_warning(tmp_path, caplog, name):
    filled(tmp_path)
    (file,) = (tmp_path / "db").glob(f"{name}*")
    file.write_bytes(b"rubbish")
    assert held(tmp_path) == (0, 0)
    assert "starts empty" in caplog.text


def test_a_missing_table_starts_empty(tmp_path):
    filled(tmp_path)
    next((tmp_path / "db").glob("*.sst")).unlink()
    assert held(tmp_path) == (0, 0)


def test_a_damaged_block_ends_no_scan_quietly_and_the_next_start_is_empty(tmp_path):
    filled(tmp_path)
    spoil(tmp_path, ".sst")
    with pytest.raises(LocalCopyError, match="Corruption"):
        held(tmp_path)
    assert held(tmp_path) == (0, 0)


def test_a_damaged_block_is_an_error_to_who_asks_for_its_keys(tmp_path):
    filled(tmp_path)
    spoil(tmp_path, ".sst")
    with opened(tmp_path) as copy:
        with pytest.raises(LocalCopyError, match="Corruption"):
            copy.partition(0).get_many([b"k%06d" % n for n in range(40)])
        with pytest.raises(LocalCopyError, match="Corruption"):
            [copy.partition(0).get(b"k%06d" % n) for n in range(40)]


def test_a_copy_of_another_log_starts_empty(tmp_path):
    filled(tmp_path)
    assert held(tmp_path, source="another cluster") == (0, 0)


def test_a_copy_of_the_same_log_is_kept(tmp_path):
    with opened(tmp_path, "this") as copy:
        copy.partition(0).write([(b"a", b"1")], 2, 2)
    assert held(tmp_path, "this") == (2, 1)


def test_closing_twice_is_harmless_and_reading_after_it_an_error(tmp_path):
    with opened(tmp_path) as copy:
        part = copy.partition(0)
        copy.close()
        with pytest.raises(LocalCopyError):
            part.get(b"a")


def test_a_restart_finds_its_filters(tmp_path):
    filled(tmp_path)
    with opened(tmp_path) as copy:
        before = copy._db.property_int_value("rocksdb.block-cache-usage")
        copy.partition(0).get_many([b"k%06d-" % n for n in range(1_000)])
        after = copy._db.property_int_value("rocksdb.block-cache-usage")
    # Without filters these would have read every block.
    assert after - before < 100_000


def test_memory_and_blocks_share_the_bound(tmp_path):
    with opened(tmp_path) as copy:
        part = copy.partition(0)
        for n in range(100):
            part.write([(b"%d-%d" % (n, i), os.urandom(2_000)) for i in range(100)], n, n)
        for n in range(100):
            part.get_many([b"%d-%d" % (n, i) for i in range(100)])
        # Each shard is bounded by itself, and memtables count in steps of 256 KiB: half a shard of one so small.
        assert copy._db.property_int_value("rocksdb.block-cache-usage") <= _CACHE + (_CACHE >> 2)

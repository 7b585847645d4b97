"""What the spool's files keep through crashes and damage: nothing that was durable is lost unseen."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.spool.records import Gap, end_mark, pack, read
from ingest.spool.segments import Segments
from streams.log.topics import EVENTS
from streams.model.errors import ConfigurationError
from streams.ports import NewRecord

MARK = b"\x01mark\xff\x00\x07"


def record(n: int, size: int = 10) -> NewRecord:
    return NewRecord(EVENTS, n % 4, None if n % 3 else b"key", b"%d:" % n + b"x" * size, 1_800_000_000_000 + n)


def loaded(folder: Path) -> list[NewRecord]:
    segments = Segments(folder, 1 << 20)
    try:
        return [found for segment in segments.all for found in segments.load(segment)]
    finally:
        segments.close()


def left_by_a_crash(folder: Path, count: int = 3) -> Path:
    """Write records and go without an end mark; return the file."""
    segments = Segments(folder, 1 << 20)
    for n in range(count):
        segments.write([record(n)])
    segments._lock.close()
    os.close(segments._descriptor)
    return folder / segments.all[-1].name


def quarantine(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "quarantine").glob("*"))]


def test_records_come_back_in_order_over_several_segments(tmp_path):
    segments = Segments(tmp_path, 65_536)
    for n in range(20):
        segments.write([record(n, 10_000), record(100 + n, 10_000)])
    assert len(segments.all) > 4
    segments.close()
    assert [r.value.split(b":")[0] for r in loaded(tmp_path)] == [b"%d" % m for n in range(20) for m in (n, 100 + n)]


def test_two_processes_never_share_a_folder(tmp_path):
    segments = Segments(tmp_path, 65_536)
    with pytest.raises(ConfigurationError, match=r"in use by another process.*folder of its own"):
        Segments(tmp_path, 65_536)
    segments.close()
    Segments(tmp_path, 65_536).close()


def test_a_torn_tail_of_a_crash_is_ignored(tmp_path):
    path = left_by_a_crash(tmp_path)
    os.truncate(path, path.stat().st_size - 3)
    assert loaded(tmp_path) == [record(0), record(1)]
    assert quarantine(tmp_path) == []


def test_a_damaged_record_in_the_middle_goes_to_quarantine_with_an_error(tmp_path, caplog):
    path = left_by_a_crash(tmp_path)
    data = bytearray(path.read_bytes())
    middle = len(pack(MARK, record(0))) + 30
    data[middle] ^= 1
    path.write_bytes(data)
    assert loaded(tmp_path) == [record(0), record(2)]
    [kept] = quarantine(tmp_path)
    assert len(kept) == len(pack(MARK, record(1)))
    assert [r.levelname for r in caplog.records] == ["ERROR"]


def test_damage_at_the_end_of_a_finished_segment_is_no_torn_tail(tmp_path):
    segments = Segments(tmp_path, 1 << 20)
    segments.write([record(0), record(1)])
    segments.close()
    path = tmp_path / segments.all[0].name
    data = bytearray(path.read_bytes())
    data[-len(end_mark(MARK)) - 1] ^= 1
    path.write_bytes(data)
    assert loaded(tmp_path) == [record(0)]
    assert len(quarantine(tmp_path)) == 1


def test_damage_at_the_end_of_what_this_process_wrote_is_no_torn_tail(tmp_path):
    segments = Segments(tmp_path, 1 << 20)
    segments.write([record(0), record(1)])
    segments.finish()
    path = tmp_path / segments.all[0].name
    os.truncate(path, path.stat().st_size - len(end_mark(MARK)) - 1)
    assert segments.load(segments.all[0]) == [record(0)]
    assert len(quarantine(tmp_path)) == 1
    segments.close()


def test_a_segment_that_cannot_be_read_goes_to_quarantine_whole(tmp_path, monkeypatch, caplog):
    path = left_by_a_crash(tmp_path)

    def fail(_: Path) -> bytes:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        assert loaded(tmp_path) == []
    assert (tmp_path / "quarantine" / path.name).exists()
    assert [r.levelname for r in caplog.records] == ["ERROR"]


def test_after_a_failed_write_nothing_of_it_stays_and_the_next_goes_to_a_new_file(tmp_path, monkeypatch):
    segments = Segments(tmp_path, 1 << 20)
    segments.write([record(0)])
    written = os.write

    def half(descriptor: int, data: memoryview) -> int:
        written(descriptor, data[: len(data) // 2])
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="no space"):
            segments.write([record(1)])
    segments.write([record(2)])
    segments.finish()
    assert [segments.load(s) for s in segments.all] == [[record(0)], [record(2)]]
    assert not (tmp_path / "quarantine").exists()
    segments.close()


def test_after_a_failed_fsync_the_file_is_not_trusted_with_more(tmp_path, monkeypatch):
    segments = Segments(tmp_path, 1 << 20)
    segments.write([record(0)])

    def fail(_: int) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="input/output"):
            segments.write([record(1)])
    segments.write([record(2)])
    assert len(segments.all) == 2
    segments.close()


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.data())
def test_whatever_is_cut_or_flipped_all_sound_records_are_read_and_all_other_bytes_told(sizes, data):
    packed = [pack(MARK, record(n, size)) for n, size in enumerate(sizes)]
    whole = bytearray(b"".join(packed))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole, touched = whole[:at], [at]
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
        touched = [at]
    found = list(read(MARK, bytes(whole)))
    starts = [sum(map(len, packed[:n])) for n in range(len(packed) + 1)]
    sound = [
        n for n in range(len(packed)) if starts[n + 1] <= len(whole) and not starts[n] <= touched[0] < starts[n + 1]
    ]
    assert [r for r in found if not isinstance(r, Gap)] == [record(n, sizes[n]) for n in sound]
    told = sum(gap.end - gap.start for gap in found if isinstance(gap, Gap))
    assert told == len(whole) - sum(len(packed[n]) for n in sound)


def test_nothing_that_was_sent_in_passes_for_a_record_when_the_reader_looks_for_the_next(tmp_path):
    forged = record(66)
    segments = Segments(tmp_path, 1 << 20)
    carrier = NewRecord(EVENTS, 0, None, pack(MARK, forged), 1)
    segments.write([carrier, record(1)])
    segments._lock.close()
    os.close(segments._descriptor)
    path = tmp_path / segments.all[0].name
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data)
    assert loaded(tmp_path) == [record(1)]

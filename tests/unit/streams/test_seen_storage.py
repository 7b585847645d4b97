"""Seen ids in files and in the state topic: what is written, how often, and what a restart makes of it."""

from streams.operators.seen_ids import DAY_MS, SeenIds
from streams.state import codec
from streams.state.seen_chunks import CHUNK_IDS, SeenChunks, SeenMark
from streams.state.seen_files import SeenFolder
from tests.unit.streams.test_seen_ids import admit, hashes


def flush(chunks, seen):
    records = chunks.take_records()
    seen.mark_written()
    return records


def folder_with(path, ids):
    seen = SeenIds(SeenFolder(path))
    admit(seen, ids, 0)
    seen.take_unwritten()
    seen.mark_written()
    seen.save()
    return seen.counts()


def test_few_ids_wait_in_the_commit_record():
    seen = SeenIds()
    chunks = SeenChunks(seen)
    admit(seen, [1, 2], 0)
    assert flush(chunks, seen) == []
    assert chunks.mark() == SeenMark({0: (2, 3, 0)}, 0, 0, bytes([0] * 7 + [1] + [0] * 7 + [2]))


def test_many_ids_make_one_record_a_flush():
    seen = SeenIds()
    chunks = SeenChunks(seen)
    for number in range(3):
        admit(seen, hashes(5000, seed=number).tolist(), 0)
        assert [key for key, _ in flush(chunks, seen)] == [codec.seen_key(0, number)]


def test_one_id_a_flush_makes_a_record_every_so_many():
    seen = SeenIds()
    chunks = SeenChunks(seen)
    written = 0
    for digest in range(CHUNK_IDS * 4):
        admit(seen, [digest], 0)
        written += len(flush(chunks, seen))
    assert written == 4


def test_all_chunks_of_a_day_go_with_it():
    seen = SeenIds()
    chunks = SeenChunks(seen)
    keys = set()
    for number in range(3):
        admit(seen, hashes(300, seed=number).tolist(), 0)
        keys |= {key for key, _ in flush(chunks, seen)}
    admit(seen, [1], DAY_MS)
    seen.forget(8 * DAY_MS)
    assert {key for key, value in flush(chunks, seen) if value is None} == keys


def test_a_restart_finds_saved_ids_in_files_alone(tmp_path):
    counts = folder_with(tmp_path, ids := hashes(1000).tolist())
    again = SeenIds(SeenFolder(tmp_path))
    assert (again.resume(), again.verify(counts, 0)) == ({0: 1000}, [])
    assert len(admit(again, ids, 0)) == 1000


def test_ids_that_are_not_durable_are_in_no_file(tmp_path):
    seen = SeenIds(SeenFolder(tmp_path), recent_ids=2)
    for digest in range(100):
        admit(seen, [digest], 0)
    seen.take_unwritten()
    seen.save()
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_is_not_used(tmp_path):
    folder_with(tmp_path, [1, 2, 3])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-8])
    assert SeenIds(SeenFolder(tmp_path)).resume() == {}
    assert not path.exists()


def test_a_file_with_a_flipped_bit_is_not_used(tmp_path):
    folder_with(tmp_path, [1, 2, 3])
    (path,) = tmp_path.iterdir()
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 128
    path.write_bytes(raw)
    assert SeenIds(SeenFolder(tmp_path)).resume() == {}


def test_a_merge_cut_short_leaves_nothing(tmp_path):
    counts = folder_with(tmp_path, [1, 2, 3])
    SeenFolder(tmp_path).create(0, 0, 5).drop()
    (tmp_path / "0-0-9.tmp").write_bytes(b"half")
    again = SeenIds(SeenFolder(tmp_path))
    assert (again.resume(), again.verify(counts, 0)) == ({0: 3}, [])
    assert len(list(tmp_path.iterdir())) == 1


def test_files_of_another_life_are_told_and_rebuilt(tmp_path):
    folder_with(tmp_path, [4, 5, 6])
    again = SeenIds(SeenFolder(tmp_path))
    again.resume()
    assert again.verify({0: (3, 6)}, 0) == [0]
    again.restore(0, 0, b"".join(n.to_bytes(8, "big") for n in (1, 2, 3)))
    assert again.verify({0: (3, 6)}, 0) == []
    assert admit(again, [1, 4], 0) == [0]


def test_files_of_a_day_that_was_never_committed_are_removed_even_when_it_is_today(tmp_path):
    folder_with(tmp_path, [4, 5, 6])
    again = SeenIds(SeenFolder(tmp_path))
    again.resume()
    assert again.verify({}, 0) == []
    assert admit(again, [1, 4], 0) == []
    again.take_unwritten()
    assert (again.counts(), list(tmp_path.iterdir())) == ({0: (2, 5)}, [])


def test_files_of_a_forgotten_day_go_when_that_is_durable(tmp_path):
    seen = SeenIds(SeenFolder(tmp_path))
    admit(seen, [1], 0)
    seen.take_unwritten()
    seen.mark_written()
    seen.save()
    seen.forget(8 * DAY_MS)
    seen.take_forgotten()
    assert list(tmp_path.iterdir())
    seen.mark_written()
    assert not list(tmp_path.iterdir())


def test_days_that_a_shorter_memory_no_longer_keeps_are_forgotten_at_the_start(tmp_path):
    folder_with(tmp_path, [1])
    seen = SeenIds(SeenFolder(tmp_path), days=1)
    seen.resume()
    assert seen.verify({0: (1, 1)}, 2 * DAY_MS) == []
    assert seen.take_forgotten() == [0]


def test_chunks_that_overlap_what_files_hold_add_only_the_rest(tmp_path):
    folder_with(tmp_path, [1, 2, 3])
    again = SeenIds(SeenFolder(tmp_path))
    again.resume()
    again.restore(0, 1, b"".join(n.to_bytes(8, "big") for n in (2, 3, 4)))
    assert again.verify({0: (4, 10)}, 0) == []


def test_saving_leaves_ids_that_are_not_durable_known(tmp_path):
    seen = SeenIds(SeenFolder(tmp_path))
    admit(seen, [1], 0)
    seen.take_unwritten()
    seen.mark_written()
    admit(seen, [2], 0)
    seen.save()
    assert admit(seen, [1, 2, 3], 0) == [0, 1]


def test_a_merge_goes_into_one_file_and_its_sources_go(tmp_path):
    seen = SeenIds(SeenFolder(tmp_path), recent_ids=10)
    for start in range(0, 800, 10):
        admit(seen, list(range(start, start + 10)), 0)
        seen.take_unwritten()
        seen.mark_written()
        seen.save()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.run")) < 800 * 8 * 1.5
    assert len(admit(seen, list(range(800)), 0)) == 800

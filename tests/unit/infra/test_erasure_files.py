"""The data folder is searched without harm to the databases that are open in it."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from infra.erasure import files, search
from infra.erasure.errors import SearchError
from infra.erasure.files import files_that_tell, write_anew

_READS = """import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT count(*) FROM t").fetchone()[0])
db.close()"""


def rows_seen_by_another_process(path) -> int:
    """Let another process open the database, read and close it."""
    done = subprocess.run([sys.executable, "-c", _READS, str(path)], capture_output=True, check=True)
    return int(done.stdout)


def test_a_search_leaves_the_locks_of_open_databases_alone(tmp_path):
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (a)")
        db.execute("INSERT INTO t VALUES ('ada@example.com')")
        assert files_that_tell(tmp_path, ["ada@example.com"])
        rows_seen_by_another_process(path)
        assert path.with_name("log.db-wal").exists()
        db.execute("INSERT INTO t VALUES ('bob@example.com')")
        assert rows_seen_by_another_process(path) == 2


def test_every_file_below_is_searched_but_for_the_skipped_and_their_logs(tmp_path):
    for name in ("a.bin", "deep/er/b.sst", "config.db", "config.db-wal"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0ADA@example.com\xffada@Example.com")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "config.db")
    assert files_that_tell(tmp_path, ["ada@example.com"], skipped=["config.db"]) == {"a.bin": 2, "deep/er/b.sst": 2}


def test_without_values_nothing_is_found(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert files_that_tell(tmp_path, []) == {}


def test_what_lies_across_pieces_is_found_once(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 5 + b"ada@example.com" + b"x" * 40 + b"ADA@example.com")
    for size in range(1, 40):
        monkeypatch.setattr(search, "_PIECE_BYTES", size)
        assert search.count_in(tmp_path / "a", ["ada@example.com", "x@y"]) == 2


def test_what_stands_in_a_longer_word_that_is_spared_is_not_found(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(
        b"Steve@example.com_id-10 id-1" + b"x" * 30 + b"steve@example.comeve@example.com id-10"
    )
    for size in range(1, 60):
        monkeypatch.setattr(search, "_PIECE_BYTES", size)
        assert search.count_in(tmp_path / "a", ["eve@example.com", "id-1"], ["steve@example.com", "id-10"]) == 2


def test_a_search_that_fails_is_no_search_that_found_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "__file__", str(tmp_path / "none.py"))
    with pytest.raises(SearchError, match="ended with 2"):
        files_that_tell(tmp_path, ["ada@example.com"])


def leave_deleted_text(path, text: str) -> None:
    """Delete text as SQLite does by itself: it stays in free pages, and in what is free of others."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA secure_delete=OFF")
        db.execute("CREATE TABLE IF NOT EXISTS old (a)")
        db.executemany("INSERT INTO old VALUES (?)", [(f"{text} {number} {'x' * 500}",) for number in range(50)])
        db.execute("DELETE FROM old WHERE rowid > 1")
        db.execute("UPDATE old SET a = 'kept'")


def test_a_database_that_is_written_anew_keeps_nothing_that_was_deleted(tmp_path):
    path = tmp_path / "outbox.db"
    leave_deleted_text(path, "ada@example.com")
    with closing(sqlite3.connect(path)) as reader:
        assert files_that_tell(tmp_path, ["ada@example.com"])
        assert write_anew(tmp_path, ["outbox.db", "state/1.sst"]) == ["outbox.db"]
        files.empty_write_ahead_logs(tmp_path)
        assert files_that_tell(tmp_path, ["ada@example.com"]) == {}
        assert reader.execute("SELECT a FROM old").fetchall() == [("kept",)]


@pytest.mark.parametrize(("bound", "value"), [("MOST_WRITTEN_ANEW_BYTES", 1_000), ("_WRITTEN_ANEW_S", -1.0)])
def test_a_database_that_would_take_too_long_stays_as_it_is(tmp_path, monkeypatch, bound, value):
    path = tmp_path / "log.db"
    leave_deleted_text(path, "ada@example.com")
    monkeypatch.setattr(files, bound, value)
    monkeypatch.setattr(files, "_PROGRESS_STEPS", 1)
    assert write_anew(tmp_path, ["log.db"]) == []
    assert files_that_tell(tmp_path, ["ada@example.com"])

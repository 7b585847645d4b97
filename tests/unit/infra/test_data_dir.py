"""The data folder: what is in it is its owner's business, whatever the folder itself allows."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.data_dir import DataDir


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_made_after_opening_are_private(tmp_path: Path) -> None:
    folder = DataDir(tmp_path / "data")
    folder.file("log.db").touch()
    assert [mode(p) for p in (folder.path, folder.file("log.db"), folder.file("lock"))] == [0o700, 0o600, 0o600]
    folder.release()


def test_files_of_a_folder_that_others_may_read_become_private_and_the_folder_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    ours = [tmp_path / name for name in ("config.db", "config.db-wal", "ledger.db-shm", "bootstrap.json", "lock")]
    theirs = tmp_path / "notes.txt"
    for file in (*ours, theirs):
        file.touch(0o644)
    DataDir(tmp_path).release()
    assert {mode(file) for file in ours} == {0o600}
    assert (mode(tmp_path), mode(theirs)) == (0o755, 0o644)


def test_a_file_is_no_wider_than_its_owner_made_it(tmp_path: Path) -> None:
    (tmp_path / "view.db").touch(0o400)
    DataDir(tmp_path).release()
    assert mode(tmp_path / "view.db") == 0o400

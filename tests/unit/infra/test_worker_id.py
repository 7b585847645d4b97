"""What a worker is called when nobody has named it."""

from pathlib import Path

from infra.engine import worker_id_of


def test_workers_whose_folders_are_called_alike_have_different_names() -> None:
    assert worker_id_of(Path("one/data")) != worker_id_of(Path("two/data"))


def test_a_worker_has_the_same_name_after_a_restart() -> None:
    assert worker_id_of(Path("one/data")) == worker_id_of(Path("one/data"))

"""Which local copies of the state the engine of a data folder believes."""

from contextlib import contextmanager
from pathlib import Path

from infra.data_dir import DataDir
from infra.engine import Engine, build_engine
from infra.settings import load_settings
from streams.log.memory import MemoryEventLog


@contextmanager
def engine_over(log: MemoryEventLog, folder: Path):
    data = DataDir(folder)
    engine = build_engine(load_settings(), log, data, lambda _: None, demo=False)
    try:
        yield engine
    finally:
        engine.copies.close()
        data.release()


def remembered(engine: Engine) -> tuple[int, bytes | None]:
    copy = engine.copies.partition(0)
    return copy.offset(), copy.get(b"k")


def test_the_copy_of_a_log_is_believed_after_a_restart(tmp_path: Path) -> None:
    log = MemoryEventLog(1)
    with engine_over(log, tmp_path) as engine:
        engine.copies.partition(0).write([(b"k", b"v")], 7, 1)
    with engine_over(log, tmp_path) as engine:
        assert remembered(engine) == (7, b"v")


def test_a_data_folder_used_with_another_log_starts_without_what_it_knew(tmp_path: Path) -> None:
    with engine_over(MemoryEventLog(1), tmp_path) as engine:
        engine.copies.partition(0).write([(b"k", b"v")], 7, 1)
    with engine_over(MemoryEventLog(1), tmp_path) as engine:
        assert remembered(engine) == (0, None)

"""`campaigniq replay` over recorded frames: as the platform did it, and under other rules."""

import asyncio
import dataclasses
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.offline.archive import ArchiveSource, ArchiveWriter
from infra.offline.inputs import Input
from infra.offline.logs import EmbeddedLogReader
from infra.offline.options import Options
from infra.offline.recorded import RecordedRun, Rules
from infra.offline.replay import replay
from infra.offline.sources import LogSource, TimeRange
from infra.settings import load_settings
from streams.frames import FrameKind, encode_events, encode_tick
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.model.errors import ConfigurationError
from streams.ports import LogRecord, NewRecord
from tests.strategies import frame_lists
from tests.unit.infra.offline_kit import PARTITIONS, RULES, START_MS, Heard, Platform, shopping, written

LATER_MS = START_MS + 3 * 86_400_000


def with_points(points: float):
    model = RULES.scores[0]
    rules = tuple(replace(rule, points=rule.points * points) for rule in model.rules)
    return replace(RULES, scores=(replace(model, rules=rules), *RULES.scores[1:]))


async def lived(log, rules=RULES) -> Platform:
    platform = await Platform(log, rules).start()
    events = shopping()
    for number in range(0, len(events), 5):
        await platform.send(*events[number : number + 5])
        await platform.settle()
    await platform.tick(LATER_MS)
    await platform.settle()
    return platform


async def recorded(log, rules: Rules, time: TimeRange | None = None):
    heard = Heard()
    run = RecordedRun(await LogSource.open(log, time), rules, heard.listeners())
    return await run.replay(), heard


def scores(states) -> dict:
    """Points by profile and rule, and what was announced."""
    return {
        state.id: (score.total, score.tier, score.is_mql, sorted(score.fit.items()))
        for state in states
        for score in state.scores.values()
    }


async def test_a_recorded_log_gives_the_triggers_of_the_platform():
    platform = await lived(MemoryEventLog(PARTITIONS))
    _, heard = await recorded(platform.log, Rules(RULES))
    assert {trigger.id: trigger for trigger in heard.triggers} == await platform.triggers()


async def test_a_recorded_log_gives_the_state_of_the_platform():
    platform = await lived(MemoryEventLog(PARTITIONS))
    run, _ = await recorded(platform.log, Rules(RULES))
    assert {state.id: state for state in run.states()} == platform.states()


async def test_a_recorded_change_of_the_half_life_takes_effect_where_it_did():
    platform, events, quicker = await Platform(MemoryEventLog(PARTITIONS)).start(), shopping(), with_points(1)
    quicker = replace(quicker, scores=(replace(quicker.scores[0], half_life_ms=86_400_000), *quicker.scores[1:]))
    await platform.send(*events[:40])
    await platform.settle()
    await platform.adopt(quicker, 1, events[39].received_ms)
    later = 9 * 86_400_000
    late = [replace(e, at_ms=e.at_ms + later, received_ms=e.received_ms + later) for e in events[40:]]
    for number in range(0, len(late), 5):
        await platform.send(*late[number : number + 5])
        await platform.settle()
    run, heard = await recorded(platform.log, Rules(RULES))
    assert {state.id: state for state in run.states()} == platform.states()
    assert {trigger.id: trigger for trigger in heard.triggers} == await platform.triggers()


async def test_a_what_if_of_the_rules_in_force_changes_nothing():
    platform = await lived(MemoryEventLog(PARTITIONS))
    run, heard = await recorded(platform.log, Rules(RULES, {}))
    assert {trigger.id for trigger in heard.triggers} == set(await platform.triggers())
    assert scores(run.states()) == scores(platform.states().values())


async def test_a_what_if_gives_what_those_rules_would_have_given():
    platform = await lived(MemoryEventLog(PARTITIONS))
    other = await lived(MemoryEventLog(PARTITIONS), with_points(2))
    run, heard = await recorded(platform.log, Rules(with_points(2), {}))
    assert scores(run.states()) == scores(other.states().values())
    persons = {name for name, t in (await other.triggers()).items() if not t.rule.startswith("account")}
    assert {t.id for t in heard.triggers if not t.rule.startswith("account")} == persons


async def test_a_what_if_passes_over_recorded_rule_changes():
    platform = await Platform(MemoryEventLog(PARTITIONS)).start()
    await platform.adopt(with_points(0), 1, START_MS)
    await platform.send(*shopping())
    await platform.settle()
    as_it_was, _ = await recorded(platform.log, Rules(RULES))
    what_if, _ = await recorded(platform.log, Rules(RULES, {}))
    assert {score[0] for score in scores(as_it_was.states()).values()} == {0.0}
    assert max(score[0] for score in scores(what_if.states()).values()) > 0


async def test_a_time_range_reads_only_its_frames():
    platform = await lived(MemoryEventLog(PARTITIONS))
    run, heard = await recorded(platform.log, Rules(RULES), TimeRange(0, START_MS + 100_000))
    assert run.clock_ms < START_MS + 100_000
    assert all(trigger.at_ms < START_MS + 100_000 for trigger in heard.triggers)


async def test_a_damaged_frame_is_told_and_passed_over():
    log = MemoryEventLog(PARTITIONS)
    await log.append([NewRecord(topics.EVENTS, 1, None, b"damaged", START_MS)])
    platform = await Platform(log).start()
    await platform.send(*shopping())
    run, heard = await recorded(log, Rules(RULES))
    assert heard.letters == ["truncated: 7 bytes, a frame has at least 20"]
    assert sum(partition.events for partition in run.partitions) == len(shopping())


async def embedded(folder: Path) -> EmbeddedEventLog:
    log = await EmbeddedEventLog(folder / "log.db", PARTITIONS).open()
    await lived(log)
    return log


async def test_a_data_folder_is_replayed_beside_its_platform(tmp_path):
    log = await embedded(tmp_path)
    try:
        await replay(Options(data=tmp_path, out=tmp_path / "out"))
    finally:
        await log.close()
    platform = await lived(MemoryEventLog(PARTITIONS))
    assert {row["id"] for row in written(tmp_path / "out")} == set(await platform.triggers())


async def test_a_warm_replay_of_a_range_tells_its_triggers_alone(tmp_path):
    log = await embedded(tmp_path)
    await log.close()
    since = str(START_MS + 300_000)
    await replay(Options(data=tmp_path, out=tmp_path / "all"))
    await replay(Options(data=tmp_path, out=tmp_path / "out", from_time=since, warm_up=True))
    every = written(tmp_path / "all")
    wanted = [row for row in every if row["at_ms"] >= START_MS + 300_000]
    assert written(tmp_path / "out") == wanted
    assert 0 < len(wanted) < len(every)


async def test_an_archive_gives_what_the_log_gives(tmp_path):
    log = await embedded(tmp_path)
    await log.close()
    await replay(Options(data=tmp_path, save_archive=tmp_path / "a.cqar"))
    await replay(Options(data=tmp_path, out=tmp_path / "one"))
    await replay(Options(archive=str(tmp_path / "*.cqar"), out=tmp_path / "two"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() != b""


async def test_a_comparison_over_a_log_names_those_who_change(tmp_path, capsys):
    log = await embedded(tmp_path)
    await log.close()
    (tmp_path / "other.json").write_bytes(msgspec.json.encode(with_points(0)))
    await replay(Options(data=tmp_path, compare=tmp_path / "other.json"))
    told = capsys.readouterr().out
    assert "user:u1  lead  " in told
    assert "triggers fire no more" in told


async def test_a_comparison_reads_as_far_the_second_time_as_the_first(tmp_path):
    log = await embedded(tmp_path)
    try:
        compared = Input(Options(data=tmp_path), load_settings())
        async with compared.frames() as first:
            ends = first.ends
        await log.append([NewRecord(topics.EVENTS, 0, None, encode_tick(START_MS), START_MS)])
        async with compared.frames() as second:
            assert second.ends == ends
    finally:
        await log.close()


async def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no log\.db"):
        await replay(Options(data=tmp_path))


def test_a_reader_changes_nothing(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no log\.db"):
        EmbeddedLogReader(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cut_archive_says_where_and_what_to_do(tmp_path):
    path = tmp_path / "x.cqar"
    with path.open("wb") as file:
        ArchiveWriter(file, 1).write(LogRecord(topics.EVENTS, 0, 0, None, encode_tick(START_MS), START_MS))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=r"--archive: .* is cut off at byte 7\. Copy or save it again"):
        ArchiveSource([path])


@pytest.mark.parametrize("head", [b"", b"CQAR", b"CQAR\x02\x00\x01", b"CQAR\x01\x00\x00", b"something else"])
def test_what_is_no_archive_names_the_option_and_the_remedy(tmp_path, head):
    (tmp_path / "x.cqar").write_bytes(head)
    with pytest.raises(ConfigurationError, match=r"--archive: .* is no archive of version 1\. Name only"):
        ArchiveSource([tmp_path / "x.cqar"])


def test_archives_of_two_logs_are_refused(tmp_path):
    for partitions in (1, 2):
        with (tmp_path / f"{partitions}.cqar").open("wb") as file:
            ArchiveWriter(file, partitions)
    with pytest.raises(
        ConfigurationError, match=r"2 partitions, the archives before it of 1\. Replay those of each log"
    ):
        ArchiveSource(list(tmp_path.iterdir()))


def test_an_archive_that_is_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"--archive: .* can't be read: Is a directory"):
        ArchiveSource([tmp_path])


@settings(max_examples=25, deadline=None)
@given(streams=st.lists(frame_lists(), min_size=1, max_size=3))
def test_a_recorded_stream_gives_the_same_bytes_each_time(streams):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "stream.cqar").open("wb") as file:
            writer = ArchiveWriter(file, len(streams))
            for number, frames in enumerate(streams):
                for offset, frame in enumerate(frames):
                    is_tick = frame.kind is FrameKind.TICK
                    value = encode_tick(frame.clock_ms) if is_tick else encode_events(frame.events, frame.clock_ms)
                    writer.write(LogRecord(topics.EVENTS, number, offset, None, value, frame.clock_ms))
        outs = []
        for run in ("one", "two"):
            files = [folder / f"{run}-{kind}" for kind in ("triggers", "profiles", "rollups")]
            options = Options(archive=str(folder / "*.cqar"), out=files[0], profiles=files[1], rollups=files[2])
            asyncio.run(replay(dataclasses.replace(options, drain=True)))
            outs.append([path.read_bytes() for path in files])
        assert outs[0] == outs[1]

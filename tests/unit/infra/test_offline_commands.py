"""The command line of the offline tools: files in, files out, exit codes."""

import asyncio
import gc
import logging
import re
import sys
from pathlib import Path

import msgspec
import pytest

from infra.cli import main
from infra.offline.logs import Place
from infra.settings import Settings
from streams.log.embedded import EmbeddedEventLog
from streams.settings import LogSettings
from tests.unit.infra.offline_kit import PARTITIONS, RULES, Platform, own_lines, shopping, written


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["campaigniq", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def as_usual():
    """The command collects garbage less often than a test run wants, and is quieter."""
    usual, engine = gc.get_threshold(), logging.getLogger("streams.state")
    yield
    gc.set_threshold(*usual)
    engine.setLevel(logging.NOTSET)


@pytest.fixture(name="events")
def event_file(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(own_lines(shopping()))
    return tmp_path / "events.jsonl"


def test_replay_writes_triggers(monkeypatch, tmp_path, events):
    rules = tmp_path / "rules.json"
    rules.write_bytes(b"{}")
    assert run(monkeypatch, "replay", "--input", events, "--rules", rules, "--out", tmp_path / "none") == 0
    assert run(monkeypatch, "replay", "--input", events, "--out", tmp_path / "some") == 0
    assert (written(tmp_path / "none"), bool(written(tmp_path / "some"))) == ([], True)


def test_a_bad_rule_ends_with_2_and_its_field(monkeypatch, tmp_path, events, capsys):
    rules = tmp_path / "rules.json"
    rules.write_bytes(b'{"scores": [{"half_life_ms": "long"}]}')
    assert run(monkeypatch, "replay", "--input", events, "--rules", rules) == 2
    assert "campaigniq: scores[0].half_life_ms:" in capsys.readouterr().err


def test_a_bad_line_ends_with_1_when_strict(monkeypatch, events):
    events.write_bytes(b"nonsense\n")
    assert run(monkeypatch, "replay", "--input", events, "--strict") == 1


def test_a_missing_file_ends_with_2_and_its_option(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "replay", "--input", tmp_path / "none.jsonl") == 2
    assert "campaigniq: --input:" in capsys.readouterr().err


@pytest.mark.parametrize("start", ["2027-01-01", "2026-01-01"])
def test_a_range_that_ends_before_it_begins_ends_with_2(monkeypatch, tmp_path, capsys, start):
    assert run(monkeypatch, "replay", "--data", tmp_path, "--from", start, "--to", "2026-01-01") == 2
    assert f"campaigniq: --to: 2026-01-01 is not later than --from {start}. Give a later" in capsys.readouterr().err


@pytest.mark.parametrize("time", ["1769860800000000", "99999-01-01", "²", "soon"])
def test_what_is_no_time_ends_with_2_and_its_option(monkeypatch, events, capsys, time):
    assert run(monkeypatch, "replay", "--input", events, "--until", time) == 2
    assert f"campaigniq: --until: '{time}' is no time. Give e.g. 2026" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["inspect", "lag"], ["rescore"], ["replay"]])
def test_a_folder_without_a_log_ends_with_2(monkeypatch, tmp_path, capsys, command):
    assert run(monkeypatch, *command, "--data", tmp_path) == 2
    assert "holds no log.db" in capsys.readouterr().err


@pytest.fixture(name="installation")
def folder_with_a_log(tmp_path, monkeypatch):
    async def make() -> None:
        platform = await Platform(await EmbeddedEventLog(folder / "log.db", PARTITIONS).open()).start()
        await platform.send(*shopping(1))
        await platform.settle()
        await platform.close()
        await platform.log.close()

    monkeypatch.delenv("CAMPAIGNIQ_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "campaigniq-data"
    folder.mkdir()
    asyncio.run(make())
    return folder


OFFLINE = [["inspect", "lag"], ["rescore"], ["replay"]]


@pytest.mark.parametrize("command", OFFLINE)
def test_the_usual_folder_is_looked_at_when_nothing_is_named(monkeypatch, installation, command):
    assert run(monkeypatch, *command) == 0
    monkeypatch.setenv("CAMPAIGNIQ_DATA", str(installation.rename(installation.parent / "elsewhere")))
    assert run(monkeypatch, *command) == 0


def test_rescoring_a_workspace_that_has_nobody_says_so(monkeypatch, installation, capsys):
    assert run(monkeypatch, "rescore", "--workspace", "wrokspace") == 0
    assert "nobody of the workspace wrokspace" in capsys.readouterr().err


@pytest.mark.parametrize("command", OFFLINE)
def test_without_a_log_anywhere_the_options_are_named(monkeypatch, installation, capsys, command):
    (installation / "log.db").unlink()
    assert run(monkeypatch, *command) == 2
    assert re.search("(no log is|0 inputs are) named. Give .*--data FOLDER.* --log", capsys.readouterr().err)


@pytest.mark.parametrize("command", OFFLINE)
def test_of_two_logs_none_is_taken(monkeypatch, installation, capsys, command):
    assert run(monkeypatch, *command, "--data", installation, "--log", "kafka://127.0.0.1:1") == 2
    assert "Give one of" in capsys.readouterr().err


def test_the_kafka_of_the_settings_goes_before_the_usual_folder(installation):
    kafka = Settings(log=LogSettings(url="kafka://here:9092"))
    assert Place().or_usual(kafka) == Place(url="kafka://here:9092")
    assert Place().or_usual(Settings()) == Place(Path(installation.name))


def test_the_rules_of_the_kit_are_those_of_the_settings(monkeypatch, tmp_path, events):
    (tmp_path / "rules.json").write_bytes(msgspec.json.encode(RULES))
    run(monkeypatch, "replay", "--input", events, "--rules", tmp_path / "rules.json", "--out", tmp_path / "a")
    run(monkeypatch, "replay", "--input", events, "--out", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

"""`campaigniq replay` over files of events: order, forms, errors, and results that depend on the events alone."""

import dataclasses
import random
from pathlib import Path

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from infra.offline.event_lines import BadLine, LineReader
from infra.offline.forms import DATES_END_MS, iso_time
from infra.offline.options import Options
from infra.offline.receipt_order import lines_in_order
from infra.offline.replay import replay
from streams.model.errors import ConfigurationError, RuleError
from streams.model.events import Event, ProfileKeys
from streams.model.rules.abandonment import EventMatch, ProductRule
from tests.strategies import DAY_MS
from tests.unit.infra.offline_kit import RULES, START_MS, by, own_lines, shopping, written

SEGMENT = {
    "type": "track",
    "event": "Product Added",
    "userId": "ada",
    "messageId": "m1",
    "receivedAt": "2026-01-31T12:00:01Z",
    "timestamp": "2026-01-31T12:00:00Z",
    "properties": {"product_id": "kettle", "price": 40, "quantity": 1},
}


def line(**changes) -> bytes:
    return orjson.dumps({name: value for name, value in (SEGMENT | changes).items() if value is not None})


def read(*lines: bytes) -> list:
    return list(LineReader("default", "replay").read(enumerate(lines, 1)))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(own_lines(shopping()))
    return tmp_path


def options(folder, **more) -> Options:
    return Options(input=folder / "events.jsonl", out=folder / "triggers.jsonl", **more)


async def outputs(folder, name, **more) -> tuple[bytes, bytes, bytes]:
    files = [folder / f"{name}-{kind}" for kind in ("triggers", "profiles", "rollups")]
    given = dataclasses.replace(options(folder, **more), out=files[0], profiles=files[1], rollups=files[2])
    assert await replay(given) == 0
    return tuple(file.read_bytes() for file in files)


async def test_a_replay_gives_the_same_bytes_each_time(folder):
    assert await outputs(folder, "one", drain=True) == await outputs(folder, "two", drain=True)


@pytest.mark.parametrize("partitions", [2, 5])
async def test_results_do_not_depend_on_the_partitions(folder, partitions):
    several = await outputs(folder, "several", drain=True, partitions=partitions)
    assert several == await outputs(folder, "one", drain=True)


async def test_results_do_not_depend_on_the_order_of_lines(folder):
    straight = await outputs(folder, "straight", drain=True)
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    assert await outputs(folder, "shuffled", drain=True) == straight


async def test_ids_of_one_person_have_found_together(folder):
    await outputs(folder, "x")
    profiles = {row["profile"]: row for row in written(folder / "x-profiles")}
    assert {row["moved_to"] for name, row in profiles.items() if name.startswith("anon:")} == {
        "user:u0",
        "user:u1",
        "user:u2",
    }


async def test_contributions_sum_to_the_score(folder):
    await outputs(folder, "x")
    scores = [score for row in written(folder / "x-profiles") for score in row["scores"].values()]
    assert scores
    assert all(sum(c["points"] for c in s["contributions"]) == pytest.approx(s["points"]) for s in scores)


async def test_a_window_closes_only_when_the_clock_runs_on(folder):
    await replay(options(folder))
    open_ones = [t for t in written(folder / "triggers.jsonl") if t["rule"] == "cart_abandoned"]
    await replay(options(folder, drain=True))
    closed = [t for t in written(folder / "triggers.jsonl") if t["rule"] == "cart_abandoned"]
    assert (len(open_ones), len(closed)) == (0, 3)


async def test_until_closes_what_is_due_by_then(folder):
    await replay(options(folder, until=str(START_MS + 2 * 86_400_000)))
    fired = [t for t in written(folder / "triggers.jsonl") if t["rule"] == "cart_abandoned"]
    assert len(fired) == 3
    assert all(t["at_ms"] == t["due_ms"] for t in fired)


async def test_triggers_come_in_order_of_time(folder):
    await replay(options(folder, drain=True, partitions=4))
    times = [t["at_ms"] for t in written(folder / "triggers.jsonl")]
    assert times == sorted(times)


async def test_given_rules_hold(folder):
    (folder / "rules.json").write_bytes(msgspec.json.encode(replace(RULES, scores=())))
    await replay(options(folder, rules=folder / "rules.json", drain=True))
    assert {t["rule"] for t in written(folder / "triggers.jsonl")} == {"cart_abandoned"}


async def test_a_bad_rule_is_named(folder):
    (folder / "rules.json").write_bytes(b'{"scores": [{"rules": [{"id": "x", "event": "y", "points": "many"}]}]}')
    with pytest.raises(RuleError, match=r"scores\[0\].rules\[0\].points"):
        await replay(options(folder, rules=folder / "rules.json"))


async def test_bad_lines_are_told_and_the_others_used(folder, capsys):
    good = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join([*good[:2], b"{nonsense\n", *good[2:]]))
    code = await replay(options(folder, errors=folder / "errors.jsonl", strict=True, as_json=True))
    told = capsys.readouterr()
    assert (code, orjson.loads(told.out)["bad_lines"], orjson.loads(told.out)["events"]) == (1, 1, len(good))
    assert "line 3: no JSON" in told.err
    assert written(folder / "errors.jsonl")[0]["line"] == 3


async def test_without_strict_bad_lines_are_no_failure(folder):
    (folder / "events.jsonl").write_bytes(b"[]\n")
    assert await replay(options(folder)) == 0


@pytest.mark.parametrize("written_to", ["out", "errors", "profiles", "rollups"])
async def test_a_file_that_is_read_is_not_written_over(folder, written_to):
    (folder / "link.jsonl").symlink_to(folder / "events.jsonl")
    before = (folder / "events.jsonl").read_bytes()
    with pytest.raises(ConfigurationError, match=f"--{written_to}: .*link.jsonl is the file of --input"):
        await replay(dataclasses.replace(options(folder), **{written_to: folder / "link.jsonl"}))
    assert (folder / "events.jsonl").read_bytes() == before


async def test_two_outputs_need_two_files(folder):
    with pytest.raises(ConfigurationError, match="is the file of --out, too"):
        await replay(options(folder, profiles=folder / "triggers.jsonl"))


async def test_a_repeated_message_counts_once(folder, capsys):
    (folder / "events.jsonl").write_bytes((line() + b"\n") * 3)
    await replay(options(folder, as_json=True))
    summary = orjson.loads(capsys.readouterr().out)
    assert (summary["events"], summary["duplicates"]) == (1, 2)


async def test_what_the_engine_refuses_is_told(folder, capsys):
    (folder / "events.jsonl").write_bytes(
        orjson.dumps({"name": "x", "profile": "user:1", "received_ms": START_MS, "value": 1e30})
    )
    assert await replay(options(folder, strict=True)) == 1
    assert "refused by the engine: value 1e+30" in capsys.readouterr().err


async def test_a_line_in_microseconds_is_told_and_the_clock_stays(folder, capsys):
    """A line of a thousandfold time must not take the clock with it."""
    far = own_lines([replace(shopping()[0], id="far", at_ms=START_MS * 1_000, received_ms=START_MS * 1_000)])
    (folder / "events.jsonl").write_bytes(own_lines(shopping()) + far)
    assert await replay(options(folder, as_json=True, drain=True)) == 0
    told = capsys.readouterr()
    assert "received_ms: lies after the year 9999" in told.err
    assert orjson.loads(told.out)["clock_ms"] < START_MS + 365 * 86_400_000


def test_what_has_no_date_is_told_in_words():
    assert [iso_time(DATES_END_MS - 1), iso_time(DATES_END_MS)] == ["9999-12-31T23:59:59.999Z", "after 9999-12-31"]


async def test_a_trigger_of_two_ids_is_told_once(folder, capsys):
    """Both ids of a person were interested, which fires twice by one id; the ledger keeps the first."""
    rule = ProductRule("drop", "price_drop", (EventMatch("product_viewed"),), (EventMatch("order_completed"),))
    (folder / "rules.json").write_bytes(
        msgspec.json.encode(replace(RULES, products=(rule,), abandonment=(), scores=()))
    )
    browser, person = ProfileKeys(anonymous_id="a"), ProfileKeys(user_id="u")
    events = [
        by(browser, "product_viewed", START_MS, "1", properties={"product_id": "k", "price": 10.0}),
        by(person, "product_viewed", START_MS + 1, "2", properties={"product_id": "k", "price": 20.0}),
        by(ProfileKeys(user_id="u", anonymous_id="a"), "identified", START_MS + 2, "3"),
    ]
    price = Event("4", "default", "web", "product:k", "price_changed", START_MS + 3, START_MS + 3, ProfileKeys())
    events.append(replace(price, properties={"product_id": "k", "price": 5.0}))
    (folder / "events.jsonl").write_bytes(own_lines(events))
    await replay(options(folder, rules=folder / "rules.json", as_json=True))
    assert (len(written(folder / "triggers.jsonl")), orjson.loads(capsys.readouterr().out)["triggers"]) == (
        1,
        {"drop": 1},
    )


@pytest.mark.parametrize("written", ["out", "errors", "profiles", "rollups"])
async def test_a_full_disk_is_told_in_words(folder, written):
    (folder / "events.jsonl").write_bytes(b"no JSON\n" + own_lines(shopping()))
    given = dataclasses.replace(options(folder, drain=True), **{written: Path("/dev/full")})
    with pytest.raises(ConfigurationError, match="the disk is full"):
        await replay(given)


@pytest.mark.parametrize("given", [{"partitions": 2}, {"workspace": "other"}, {"source": "web"}])
async def test_what_is_said_of_lines_is_refused_for_recorded_frames(tmp_path, given):
    with pytest.raises(ConfigurationError, match=f"--{next(iter(given))}: is for the lines of --input"):
        await replay(Options(data=tmp_path, **given))


async def test_two_inputs_are_refused(folder):
    with pytest.raises(ConfigurationError, match="2 inputs are named"):
        await replay(options(folder, archive="*"))


async def test_a_comparison_says_who_changes_tier(folder, capsys):
    model = RULES.scores[0]
    without = tuple(r for r in model.rules if r.event not in {"pricing_viewed", "form_submitted"})
    (folder / "other.json").write_bytes(
        msgspec.json.encode(replace(RULES, scores=(replace(model, rules=without), *RULES.scores[1:])))
    )
    await replay(options(folder, compare=folder / "other.json", as_json=True))
    difference = orjson.loads(capsys.readouterr().out)
    assert {row["profile"] for row in difference["tiers"]} >= {"user:u0", "user:u1"}
    assert sum(difference["trigger_counts"]["only_before"].values()) > 0


async def test_a_comparison_goes_by_what_scores_are_worth_in_the_end(folder, capsys):
    quick = replace(RULES.scores[0], half_life_ms=60_000)
    for name, rules in (("old", quick.rules), ("new", ())):
        (folder / name).write_bytes(msgspec.json.encode(replace(RULES, scores=(replace(quick, rules=rules),))))
    later = Event("late", "default", "web", "user:other", "x", START_MS, START_MS + DAY_MS, ProfileKeys())
    (folder / "events.jsonl").write_bytes(own_lines([*shopping(), later]))
    await replay(options(folder, rules=folder / "old", compare=folder / "new"))
    told = capsys.readouterr().out
    assert told.startswith("0 profiles change tier")
    assert "lead_tier" in told


async def test_a_comparison_with_the_same_rules_finds_nothing(folder, capsys):
    (folder / "other.json").write_bytes(msgspec.json.encode(RULES))
    await replay(options(folder, compare=folder / "other.json", drain=True))
    told = capsys.readouterr().out
    assert told.startswith("0 profiles change tier")
    assert "0 triggers fire no more" in told


async def test_a_rule_that_never_does_what_was_meant_is_named_and_used(folder, capsys):
    rules = msgspec.to_builtins(RULES)
    rules["scores"][0]["rules"][0]["event"] = "Demo Requested"
    (folder / "rules.json").write_bytes(msgspec.json.encode(rules))
    assert await replay(options(folder, rules=folder / "rules.json")) == 0
    assert "--rules: scores[0].rules[0].event: no event arrives as 'Demo Requested'" in capsys.readouterr().err


def test_a_segment_message_is_read_as_at_the_door():
    [[event]] = read(line())
    assert (event.name, event.profile, event.received_ms - event.at_ms) == ("product_added", "user:ada", 1_000)


def test_without_receipt_the_timestamp_is_the_time_of_receipt():
    [[event]] = read(line(receivedAt=None, sentAt="2026-01-31T18:00:00Z"))
    assert event.received_ms == event.at_ms == 1_769_860_800_000


def test_both_forms_give_the_same_event():
    [[segment]] = read(line())
    [[own]] = read(own_lines([segment]))
    assert own == segment


@pytest.mark.parametrize(
    ("raw", "field", "problem"),
    [
        (b"[1]", "line", "not an object"),
        (line(timestamp=None, receivedAt=None), "timestamp", "is missing"),
        (line(timestamp="soon", receivedAt=None), "timestamp", "not an ISO 8601 time"),
        (line(userId=None), "userId", "nobody is identified"),
        (b'{"received_ms": 1, "name": 3, "profile": "user:1"}', "name", "Expected `str`"),
        (b'{"received_ms": 1, "name": "x"}', "profile", "nobody is identified"),
        (b'{"received_ms": 1769860800000000, "name": "x", "profile": "user:1"}', "received_ms", "after the year 9999"),
        (line(receivedAt=1_769_860_800_000_000), "receivedAt", "Give Unix milliseconds"),
        (b'{"received_ms": 1, "at_ms": -1, "name": "x", "profile": "user:1"}', "at_ms", "before 1970"),
        (b'{"received_ms": 1, "name": "x", "profile": "ada"}', "profile", "Give e.g. user:7"),
        (b'{"received_ms": 1, "at_ms": 99999999, "name": "x", "profile": "user:1"}', "at_ms", "more than a day"),
    ],
)
def test_a_bad_line_names_its_field(raw, field, problem):
    [bad] = read(raw)
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.field) == (1, field)
    assert problem in bad.problem


def test_blank_lines_and_a_byte_order_mark_are_passed_over():
    assert len(read(b"\n", b"\xef\xbb\xbf" + line(), b"  ")) == 1


def test_lines_without_a_time_keep_their_place(tmp_path):
    rows = [b'{"received_ms": 5}\n', b'{"received_ms": 9}\n', b"what\n", b'{"received_ms": 7}\n', b'{"received_ms": 5}']
    (tmp_path / "x").write_bytes(b"".join(rows))
    with (tmp_path / "x").open("rb") as file:
        assert [number for number, _ in lines_in_order(file)] == [1, 5, 4, 2, 3]

"""Dead letters over the API: found, shown, mended, taken in again, given up."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from streams.model.errors import FixError, LogFullError, LogUnavailableError
from streams.model.events import Event, ProfileKeys, Provenance
from streams.model.letters import Fix, LetterAttempt, LetterNote, LetterState, LetterVerdict, StoredLetter
from streams.store.dead_letters import DeadLetterStore
from tests.unit.api.fakes_api import NOW, Installation, install

PATH = "/api/dead-letters"


class FakeRedelivery:
    """Says of every letter what it was told to say."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.verdict = LetterVerdict.REPLAYED
        self.events: list[Event] = []
        self.fault: Exception | None = None

    async def replay(
        self, workspace: str, ids: Sequence[str], fixes: Sequence[Fix], by: str, *, dry_run: bool = False
    ) -> list[LetterAttempt]:
        if self.fault:
            raise self.fault
        self.asked.append((workspace, list(ids), list(fixes), by, dry_run))
        return [LetterAttempt(one, self.verdict, self.events) for one in ids]


def letter(number: int, raw: bytes = b"{}", head: str = "", **changes: Any) -> StoredLetter:
    note = LetterNote(
        f"0:{number}",
        "default",
        "web",
        "ingest",
        "track",
        "missing_field",
        "userId: nobody",
        "userId",
        NOW + number,
        600,
    )
    return StoredLetter(note._replace(**changes), raw, head)


@pytest.fixture
def redelivery() -> FakeRedelivery:
    return FakeRedelivery()


@pytest.fixture
async def store() -> AsyncIterator[DeadLetterStore]:
    store = DeadLetterStore("sqlite://")
    yield store
    await store.close()


@pytest.fixture
async def there(store: DeadLetterStore, redelivery: FakeRedelivery) -> AsyncIterator[Installation]:
    installation = await install(letters=store, redelivery=redelivery)
    yield installation
    await installation.close()


@pytest.fixture
def client(there: Installation) -> httpx.AsyncClient:
    return there.with_token()


async def put(store: DeadLetterStore, *letters: StoredLetter) -> None:
    await store.project("log", 0, 100, letters)


async def test_letters_are_listed_page_by_page_the_newest_first(client, store):
    await put(store, *(letter(number) for number in range(5)))
    first = (await client.get(PATH, params={"limit": 3})).json()
    rest = (await client.get(PATH, params={"limit": 3, "after": first["next_after"]})).json()
    assert [one["id"] for one in first["letters"] + rest["letters"]] == ["0:4", "0:3", "0:2", "0:1", "0:0"]
    assert (first["total"], rest["next_after"]) == (5, None)


async def test_filters_are_asked_by_name(client, store):
    await put(store, letter(0), letter(1, via="gif", reason="100% odd"), letter(2, workspace="other", via="gif"))
    for asked in ({"via": "gif"}, {"text": "100%"}, {"from_ms": NOW + 1}, {"state": "", "via": "gif", "to_ms": ""}):
        found = (await client.get(PATH, params=asked)).json()
        assert ([one["id"] for one in found["letters"]], found["total"]) == (["0:1"], 1)


@pytest.mark.parametrize(
    "asked",
    [{"after": "x"}, {"after": "1:2"}, {"after": f"{'9' * 70}:0:1"}, {"after": "-1:0:0"}, {"limit": 0},
     {"state": "odd"}, {"from_ms": -1}, {"text": "x" * 201}],
    ids=str,
)  # fmt: skip
async def test_what_can_not_be_asked_is_refused(client, asked):
    assert (await client.get(PATH, params=asked)).status_code == 422


async def test_a_summary_counts_by_what_letters_have_in_common(client, store):
    await put(store, letter(0), letter(1), letter(2, state=LetterState.DROPPED))
    found = (await client.get(f"{PATH}/summary")).json()
    assert [(group["state"], group["letters"]) for group in found["groups"]] == [("new", 2), ("dropped", 1)]
    assert found["states"] == {"new": 2, "replayed": 0, "dropped": 1}


async def test_a_letter_is_shown_with_its_bytes(client, store):
    await put(store, letter(0, '{"é": 1}'.encode(), '{"user_agent":"x"}'))
    found = (await client.get(f"{PATH}/0:0")).json()
    assert (found["raw"], found["encoding"], found["is_cut"]) == ('{"é": 1}', "utf-8", False)
    assert (found["head"], found["state_ms"]) == ({"user_agent": "x"}, None)


async def test_bytes_that_are_no_text_are_shown_in_base64(client, store):
    await put(store, letter(0, b"\xff\x00"))
    found = (await client.get(f"{PATH}/0:0")).json()
    assert (b64decode(found["raw"]), found["encoding"]) == (b"\xff\x00", "base64")


async def test_a_cut_through_a_character_leaves_text(client, store):
    await put(store, letter(0, "ééé".encode()))
    found = (await client.get(f"{PATH}/0:0", params={"max_bytes": 3})).json()
    assert (found["raw"], found["encoding"], found["is_cut"]) == ("é", "utf-8", True)


@pytest.mark.parametrize("name", ["0:7", "nonsense", "0:0:0", "9" * 60, "1:0"])
async def test_unknown_letters_and_those_of_others_are_not_found(client, store, name):
    await put(store, letter(0), letter(3, workspace="other", id="1:0"))
    assert (await client.get(f"{PATH}/{name}")).status_code == 404


async def test_named_letters_are_replayed_in_the_callers_name(client, redelivery):
    body = {"ids": ["0:1", "0:0"], "fixes": [{"op": "set", "path": "userId", "value": "ada"}], "dry_run": True}
    found = (await client.post(f"{PATH}/replay", json=body)).json()
    assert redelivery.asked == [("default", ["0:1", "0:0"], [Fix("set", "userId", "ada")], "bootstrap", True)]
    assert (found["counts"], found["matched"], found["dry_run"]) == ({"replayed": 2}, 2, True)


async def test_a_letter_named_twice_counts_once(client, redelivery):
    found = (await client.post(f"{PATH}/replay", json={"ids": ["0:1", "0:0", "0:1"]})).json()
    assert (found["matched"], redelivery.asked[0][1]) == (2, ["0:1", "0:0"])


async def test_a_text_that_sqlite_would_cut_off_is_refused_and_not_found_everywhere(client, redelivery):
    body = {"filter": {"text": "\0"}}
    answers = [await client.post(f"{PATH}/{what}", json=body) for what in ("replay", "drop")]
    answers.append(await client.get(PATH, params={"text": "a\0"}))
    assert [answer.status_code for answer in answers] == [422] * 3
    assert redelivery.asked == []


async def test_to_set_nothing_is_no_fix(client, redelivery):
    answer = await client.post(f"{PATH}/replay", json={"ids": ["0:1"], "fixes": [{"op": "set", "path": "userId"}]})
    assert (answer.status_code, "value is missing" in answer.text, redelivery.asked) == (422, True, [])


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", None])
async def test_a_body_that_is_not_declared_as_json_is_told_the_header_to_send(client, kind: str | None):
    headers = {"content-type": kind} if kind else {}
    answer = await client.post(f"{PATH}/replay", content=b'{"ids": ["0:1"]}', headers=headers)
    message = "body: is not declared as JSON. Send `Content-Type: application/json`."
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, message)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"ids": ["0:1"]} x', "Extra data at character 17"),
        (b"\xff", "it is no UTF-8, nested too deep, or has a number that is too long"),
        (b'{"ids": %s}' % (b"[" * 100_000), "it is no UTF-8, nested too deep, or has a number that is too long"),
        (b'{"limit": %s}' % (b"1" * 5_000), "it is no UTF-8, nested too deep, or has a number that is too long"),
    ],
    ids=["rest", "bytes", "deep", "number"],
)
async def test_a_body_that_is_no_json_is_told_why(client, redelivery, content: bytes, problem: str):
    answer = await client.post(f"{PATH}/replay", content=content, headers={"content-type": "application/json"})
    error = {"code": "invalid_field", "field": "body"}
    assert (answer.status_code, answer.json()["error"].items() >= error.items(), redelivery.asked) == (422, True, [])
    assert answer.json()["error"]["message"] == f"body: is not JSON ({problem}). Send one JSON object in UTF-8."


async def test_to_set_null_is_a_fix(client, redelivery):
    body = {"ids": ["0:1"], "fixes": [{"op": "set", "path": "userId", "value": None}]}
    assert (await client.post(f"{PATH}/replay", json=body)).status_code == 200
    assert redelivery.asked[0][2] == [Fix("set", "userId", None)]


async def test_a_filter_takes_new_letters_the_oldest_first_and_goes_on(client, store, redelivery):
    await put(store, *(letter(number) for number in range(5)), letter(9, state=LetterState.DROPPED))
    body = {"filter": {"via": "track"}, "limit": 3}
    first = (await client.post(f"{PATH}/replay", json=body)).json()
    second = (await client.post(f"{PATH}/replay", json=body | {"after": first["next_after"]})).json()
    assert [asked[1] for asked in redelivery.asked] == [["0:0", "0:1", "0:2"], ["0:3", "0:4"]]
    assert (first["matched"], second["next_after"]) == (5, None)


async def test_a_verdict_shows_what_would_come_out(client, redelivery):
    keys = ProfileKeys(user_id="ada", custom=(("crm", "7"),))
    event = Event(
        "m", "default", "web", "user:ada", "signed_up", NOW, NOW, keys,
        properties={"a": 1}, provenance=Provenance(flags=("bot",), browser="Firefox"),
    )  # fmt: skip
    redelivery.events = [event] * 12
    (verdict,) = (await client.post(f"{PATH}/replay", json={"ids": ["0:0"]})).json()["verdicts"]
    assert (verdict["event_count"], len(verdict["events"])) == (12, 10)
    shown = verdict["events"][0]
    assert (shown["keys"], shown["flags"]) == ({"user_id": "ada", "custom:crm": "7"}, ["bot"])
    assert shown["provenance"] == {"browser": "Firefox"}


async def test_an_answer_has_room_for_so_many_events_only(client, redelivery):
    keys = ProfileKeys(user_id="ada")
    redelivery.events = [Event("m", "w", "s", "user:ada", "x", 1, 1, keys, properties={"x": "x" * 60_000})]
    verdicts = (await client.post(f"{PATH}/replay", json={"ids": [f"0:{n}" for n in range(40)]})).json()["verdicts"]
    assert {verdict["event_count"] for verdict in verdicts} == {1}
    assert 10 < sum(len(verdict["events"]) for verdict in verdicts) < 20


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [], "filter": None},
        {"ids": ["0:0"], "filter": {}},
        {"ids": ["0:0"] * 1_001},
        {"filter": {"colour": "red"}},
        {"filter": {}, "limit": 1_001},
        {"filter": {}, "after": "x"},
        {"ids": ["0:0"], "fixes": [{"op": "guess", "path": "a"}]},
        {"ids": ["0:0"], "fixes": [{"op": "set", "path": "a"}] * 51},
        {"ids": ["x" * 65]},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_bodies_that_ask_for_nothing_are_refused(client, redelivery, body):
    assert (await client.post(f"{PATH}/replay", json=body)).status_code == 422
    assert redelivery.asked == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (FixError("fixes.0.path", "is empty", "Say it"), 422),
        (LogFullError("full", 3.0), 503),
        (LogUnavailableError("away"), 503),
    ],
)
async def test_faults_have_their_status(client, redelivery, fault, status):
    redelivery.fault = fault
    answer = await client.post(f"{PATH}/replay", json={"ids": ["0:0"]})
    assert answer.status_code == status


async def test_letters_are_dropped_by_name_or_filter_and_a_dry_run_only_counts(client, store):
    await put(store, letter(0), letter(1), letter(2, via="gif"), letter(3, state=LetterState.REPLAYED))
    for body, wanted in (
        ({"ids": ["0:0", "0:3"], "dry_run": True}, {"dry_run": True, "matched": 1, "dropped": 0}),
        ({"filter": {}, "dry_run": True}, {"dry_run": True, "matched": 3, "dropped": 0}),
        ({"ids": ["0:0", "0:3"], "reason": "a test"}, {"dry_run": False, "matched": 1, "dropped": 1}),
        ({"filter": {"via": "track"}}, {"dry_run": False, "matched": 1, "dropped": 1}),
    ):
        assert (await client.post(f"{PATH}/drop", json=body)).json() == wanted
    found = (await client.get(f"{PATH}/0:0")).json()
    assert (found["state"], found["state_by"], found["outcome"]) == ("dropped", "bootstrap", "a test")


async def test_a_foreign_page_replays_nothing(there, redelivery):
    browser = await there.browser()
    answer = await browser.post(
        f"{PATH}/replay", json={"ids": ["0:0"]}, headers={"origin": "https://evil.example", "host": "127.0.0.1:8000"}
    )
    assert (answer.status_code, redelivery.asked) == (403, [])


async def test_without_a_front_door_there_are_none(here: Installation):
    client = here.with_token()
    assert (await client.get(PATH)).status_code == 404
    assert (await client.post(f"{PATH}/replay", json={"ids": ["0:0"]})).status_code == 404

"""`campaigniq dead-letters` and `sources watch`: what they ask of the platform, print, and end with."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import typer
from typer.testing import CliRunner, Result

from infra import dead_letters, letter_texts, source_watch
from streams.model.errors import CampaignIqError, ConfigurationError

LETTER = {
    "id": "0:7", "source": "web", "stage": "ingest", "via": "track", "code": "missing_field", "field": "userId",
    "reason": "userId: nobody is \x1b[31midentified", "at_ms": 1_800_000_000_000, "size_bytes": 600, "state": "new",
    "state_ms": None, "state_by": "", "outcome": "", "attempts": 0,
}  # fmt: skip
EVENT = {
    "name": "signed_up",
    "profile": "user:ada",
    "value": 9.5,
    "currency": "EUR",
    "flags": ["bot"],
    "properties": {},
}


class Server(ThreadingHTTPServer):
    """A platform that answers what it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        self._answer("GET", path.path, dict(parse_qsl(path.query)))

    def do_POST(self) -> None:
        self._answer("POST", self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, method: str, path: str, asked: Any) -> None:
        assert self.headers["Authorization"] == "Bearer ciq_t"
        self.server.asked.append((method, path, asked))
        status, body = self.server.answers.pop(0)
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(server: Server, *words: str, app: typer.Typer = dead_letters.app) -> Result:
    return CliRunner().invoke(app, [*words, "--url", server.url, "--token", "ciq_t"])


def report(*verdicts: tuple[str, str], next_after: str | None = None, **more: Any) -> tuple[int, Any]:
    told = [
        {"id": one, "verdict": verdict, "code": "", "reason": "", "field": "", "event_count": 1, "events": [EVENT]}
        for one, verdict in verdicts
    ]
    return 200, {"dry_run": False, "matched": 9, "verdicts": told, "counts": {}, "next_after": next_after, **more}


def test_list_shows_new_letters_in_a_table(server):
    server.answers = [(200, {"letters": [LETTER], "total": 5, "next_after": "1:0:7"})]
    result = run(server, "list", "--via", "track", "--limit", "1")
    assert server.asked == [("GET", "/api/dead-letters", {"via": "track", "limit": "1", "state": "new"})]
    assert "0:7  2027-01-15 08:00:00Z  web     track  new    userId: nobody is ·[31midentified" in result.output
    assert "… of 5; go on with --after 1:0:7" in result.output


def test_list_asks_for_times_and_any_state(server):
    server.answers = [(200, {"letters": [], "total": 0, "next_after": None})]
    result = run(server, "list", "--state", "any", "--from", "2027-01-15T08:00:00", "--to", "2h")
    asked = server.asked[0][2]
    assert (asked["from_ms"], "state" in asked, int(asked["to_ms"]) > 0) == ("1800000000000", False, True)
    assert result.output == "no dead letters\n"


def test_show_prints_the_bytes_as_json_when_they_are(server):
    server.answers = [(200, LETTER | {"raw": '{"a":"\x1b"}', "encoding": "utf-8", "is_cut": False, "head": {"x": 1}})]
    result = run(server, "show", "0:7")
    assert '  "a"' not in result.output  # an escape as it is makes no JSON
    assert '{"a":"·"}' in result.output
    assert "\x1b" not in result.output


def test_json_is_printed_as_it_came(server):
    server.answers = [(200, {"letters": [LETTER], "total": 1, "next_after": None})]
    assert json.loads(run(server, "list", "--json").output)["letters"] == [LETTER]


def test_replay_sends_fixes_in_a_fixed_order_and_tells_the_events(server):
    server.answers = [report(("0:7", "would_replay"))]
    result = run(
        server, "replay", "0:7", "--dry-run", "--set", "userId=ada", "--set", "value=9.5", "--set", "a=b=c",
        "--remove", "x", "--rename", "old=new",
    )  # fmt: skip
    assert server.asked[0][2] == {
        "ids": ["0:7"],
        "dry_run": True,
        "fixes": [
            {"op": "rename", "path": "old", "to": "new"},
            {"op": "remove", "path": "x"},
            {"op": "set", "path": "userId", "value": "ada"},
            {"op": "set", "path": "value", "value": 9.5},
            {"op": "set", "path": "a", "value": "b=c"},
        ],
    }
    assert "signed_up user:ada 9.5 EUR [bot]" in result.output
    assert "1 would replay; 9 matched (dry run)" in result.output
    assert result.exit_code == 0


def test_replay_goes_on_until_all_were_tried_and_fails_when_one_does(server):
    server.answers = [report(("0:1", "replayed"), next_after="5:0:1"), report(("0:2", "failed"))]
    result = run(server, "replay", "--via", "gif", "--limit", "1500")
    bodies = [body for _, _, body in server.asked]
    assert [(body["limit"], body.get("after")) for body in bodies] == [(1_000, None), (500, "5:0:1")]
    assert "1 replayed, 1 failed; 9 matched" in result.output
    assert result.exit_code == 1


def test_drop_says_how_many(server):
    server.answers = [(200, {"dry_run": False, "matched": 3, "dropped": 3})]
    assert run(server, "drop", "--all", "--reason", "a test").output == "3 dropped\n"
    assert server.asked == [("POST", "/api/dead-letters/drop", {"filter": {}, "dry_run": False, "reason": "a test"})]


@pytest.mark.parametrize(
    "words",
    [
        ("replay",),
        ("replay", "0:1", "--all"),
        ("drop", "0:1", "--via", "gif"),
        ("replay", "0:1", "--set", "novalue"),
        ("replay", "0:1", "--set", "userId="),
        ("list", "--from", "yesterday"),
    ],
)
def test_what_is_not_meant_so_is_refused_before_anything_is_asked(server, words):
    result = run(server, *words)
    assert isinstance(result.exception, CampaignIqError)
    assert server.asked == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[" * 5000, "nested more than 100 deep"),
        ("[" * 5000 + "]" * 5000, "nested more than 100 deep"),
        ('{"a":' * 200 + "1" + "}" * 200, "nested more than 100 deep"),
        ("1e999", "can't be sent"),
        ('"\\ud800"', "can't be sent"),
    ],
    ids=["open", "lists", "objects", "infinite", "surrogate"],
)
def test_a_value_that_can_not_be_sent_is_refused_by_the_options_name(server, value, problem):
    result = run(server, "replay", "0:1", "--set", f"properties.x={value}")
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception).startswith("--set: value of 'properties.x' is ")
    assert problem in str(result.exception)
    assert server.asked == []


def test_what_is_no_json_is_set_as_text(server):
    server.answers = [report(("0:7", "replayed"))]
    run(server, "replay", "0:7", "--set", "a=NaN", "--set", "b=[" + "[" * 60 + "]" * 60 + "]")
    values = [fix["value"] for fix in server.asked[0][2]["fixes"]]
    assert (values[0], isinstance(values[1], list)) == ("NaN", True)


def test_the_platforms_refusal_is_told(server):
    server.answers = [(422, {"error": {"code": "invalid_field", "message": "after: is nonsense", "field": "after"}})]
    result = run(server, "list", "--after", "x")
    assert str(result.exception).endswith("/api/dead-letters: after: is nonsense")


def test_a_platform_that_is_away_and_a_folder_without_one_are_told(tmp_path):
    away = CliRunner().invoke(dead_letters.app, ["list", "--url", "http://127.0.0.1:9", "--token", "ciq_t"])
    assert "Is `campaigniq up` running?" in str(away.exception)
    nowhere = CliRunner().invoke(dead_letters.app, ["list", "--data", str(tmp_path)])
    assert "bootstrap.json" in str(nowhere.exception)


def test_a_folders_token_goes_to_no_other_address(tmp_path):
    known = {"url": "http://127.0.0.1:1", "write_key": "w", "api_token": "ciq_secret", "sign_in_url": ""}
    (tmp_path / "bootstrap.json").write_text(json.dumps(known))
    asked = ["list", "--data", str(tmp_path), "--url", "http://evil.example"]
    assert "Give --token too" in str(CliRunner().invoke(dead_letters.app, asked).exception)


def test_watch_once_prints_a_line_for_each(server):
    app = typer.Typer()
    app.command()(source_watch.watch)
    shared = {"seq": 1, "at_ms": 1_800_000_000_000, "via": "track", "times": 1}
    kept = [
        shared | {"verdict": "accepted", "reason": "", "event": EVENT, "raw": None},
        shared | {"verdict": "refused", "reason": "too many", "event": None, "raw": None, "times": 7},
    ]
    server.answers = [(200, {"events": kept, "last_seq": 1})]
    result = run(server, "web", "--once", "--verdict", "accepted,refused", app=app)
    assert server.asked == [
        ("GET", "/api/sources/web/events", {"verdict": "accepted,refused", "limit": "1000"}),
    ]  # fmt: skip
    assert result.output.splitlines() == [
        "08:00:00Z  accepted  track  signed_up user:ada 9.5 EUR [bot]",
        "08:00:00Z  refused 7 times  track  too many",
    ]


def test_watch_says_what_it_can_not_show_when_there_is_nothing(server):
    app = typer.Typer()
    app.command()(source_watch.watch)
    server.answers = [(200, {"events": [], "last_seq": 0})]
    result = run(server, "web", "--once", app=app)
    assert (result.stdout, "(campaigniq ingest) takes is not shown" in result.stderr) == ("", True)


def test_colours_stand_around_the_verdict_alone():
    assert letter_texts.painted("rejected", colour=True) == "\x1b[31mrejected\x1b[0m"
    assert letter_texts.painted("\x1b[2J", colour=True) == "·[2J"

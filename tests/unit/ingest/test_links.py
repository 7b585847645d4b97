"""Open pixels and click redirects: nobody is sent where no token says, all arrive, and what counts counts once."""

import asyncio

import httpx
import pytest
from msgspec.structs import replace
from starlette.types import ASGIApp

from ingest import links
from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door, OpenGate
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.model.errors import LogFullError
from streams.model.events import BOT
from streams.model.links import Link, LinkSigner
from tests.unit.ingest.fake_log import FakeClock, FakeLog

SIGNER = LinkSigner(["secret"])
MAIL = Link("ws", "d1", "cart_recovery", "anon:a1")
TARGET = "https://shop.example/cart?a=1&b=%20#top"


@pytest.fixture
def app(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> ASGIApp:
    return app_of(Door(batcher, StaticSources([]), LogDeadLetters(log), clock, settings), SIGNER)


def click_path(url: str = TARGET) -> str:
    return f"/c/{SIGNER.token(replace(MAIL, url=url))}"


OPEN_PATH = f"/o/{SIGNER.token(MAIL)}.gif"


async def test_a_click_leads_to_the_page_and_is_recorded(client: httpx.AsyncClient, log: FakeLog):
    answer = await client.get(click_path())
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    event = log.events()[0]
    assert (event.name, event.workspace, event.profile) == ("email_clicked", "ws", "anon:a1")
    told = {"delivery_id": "d1", "campaign": "cart_recovery", "channel": "email", "url": TARGET}
    assert (event.keys.anonymous_id, event.properties) == ("a1", told)


async def test_an_open_is_a_picture_and_recorded(client: httpx.AsyncClient, log: FakeLog):
    answer = await client.get(OPEN_PATH)
    assert (answer.headers["content-type"], len(answer.content)) == ("image/gif", 43)
    assert answer.headers["cache-control"] == "no-store"
    assert [event.name for event in log.events()] == ["email_opened"]


@pytest.mark.parametrize(
    "path",
    [
        click_path()[:-1] + ("A" if click_path()[-1] != "A" else "B"),
        f"/c/{SIGNER.token(MAIL)}",
        "/c/https:%2F%2Fevil.example",
        f"/c/{LinkSigner(['another']).token(replace(MAIL, url=TARGET))}",
        click_path("javascript:alert(1)"),
    ],
)
async def test_a_link_that_was_changed_leads_nowhere(client: httpx.AsyncClient, log: FakeLog, path: str):
    answer = await client.get(path)
    assert (answer.status_code, answer.headers.get("location")) == (404, None)
    assert "This link does not work" in answer.text
    assert log.events() == []


async def test_a_changed_pixel_is_no_open(client: httpx.AsyncClient, log: FakeLog):
    assert (await client.get(OPEN_PATH.replace("/o/", "/o/x"))).status_code == 404
    assert (await client.get(f"/o/{SIGNER.token(replace(MAIL, url=TARGET))}.gif")).status_code == 404
    assert log.events() == []


async def test_who_only_asks_whether_the_link_is_there_has_not_clicked(client: httpx.AsyncClient, log: FakeLog):
    assert (await client.head(click_path())).headers["location"] == TARGET
    assert (await client.head(OPEN_PATH)).status_code == 200
    assert log.events() == []


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
async def test_who_does_not_want_to_be_recorded_gets_to_the_page(client: httpx.AsyncClient, log: FakeLog, header: str):
    assert (await client.get(click_path(), headers={header: "1"})).status_code == 302
    assert (await client.get(OPEN_PATH, headers={header: "1"})).status_code == 200
    assert log.events() == []


async def test_a_mail_is_opened_once_and_a_link_clicked_once_a_minute(
    client: httpx.AsyncClient, log: FakeLog, clock: FakeClock
):
    for path in (OPEN_PATH, OPEN_PATH, click_path(), click_path(), click_path("https://shop.example/")):
        await client.get(path)
    clock.ms += 60_000
    for path in (OPEN_PATH, click_path()):
        await client.get(path)
    ids = [(event.name, event.id) for event in log.events()]
    assert [len({i for name, i in ids if name == wanted}) for wanted in ("email_opened", "email_clicked")] == [1, 3]


@pytest.mark.parametrize("header", ["Sec-Purpose", "X-Moz"])
async def test_what_is_fetched_in_advance_is_marked_and_takes_no_persons_place(
    client: httpx.AsyncClient, log: FakeLog, header: str
):
    await client.get(click_path(), headers={header: "prefetch;prerender"})
    await client.get(click_path())
    robot, person = log.events()
    assert (robot.is_flagged(BOT), person.is_flagged(BOT)) == (True, False)
    assert robot.id != person.id


async def test_the_page_comes_first_when_the_log_is_slow(client: httpx.AsyncClient, log: FakeLog, monkeypatch):
    monkeypatch.setattr(links, "PATIENCE_S", 0.01)
    log.gate.clear()
    async with asyncio.timeout(60):
        assert (await client.get(click_path())).status_code == 302
    log.gate.set()
    assert [event.name for event in await log.arrived(1)] == ["email_clicked"]


async def test_the_page_comes_also_when_nothing_can_be_recorded(client: httpx.AsyncClient, log: FakeLog, caplog):
    log.fault = LogFullError("disk", 5)
    assert (await client.get(click_path())).status_code == 302
    assert (await client.get(OPEN_PATH)).status_code == 200
    assert "not recorded" in caplog.text
    assert SIGNER.token(MAIL) not in caplog.text


async def test_a_fault_while_recording_keeps_nobody_from_the_page(client: httpx.AsyncClient, clock: FakeClock, caplog):
    clock.ms = "broken"
    assert (await client.get(click_path())).status_code == 302
    assert "Traceback" in caplog.text


async def test_a_target_is_written_so_that_a_header_can_hold_it(client: httpx.AsyncClient):
    answer = await client.get(click_path("https://shop.example/é?q=ü|x"))
    assert answer.headers["location"] == "https://shop.example/%C3%A9?q=%C3%BC%7Cx"


async def test_who_repeats_one_link_spends_nothing_of_what_all_mails_have(
    batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings
):
    gate = Spending()
    app = app_of(Door(batcher, StaticSources([]), LogDeadLetters(log), clock, settings, gate=gate), SIGNER)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        log.gate.clear()
        waiting = [asyncio.create_task(client.get(click_path())) for _ in range(20)]
        await asyncio.sleep(0)
        log.gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {302}
        for headers in ({}, {"DNT": "1"}, {"X-Moz": "prefetch"}) * 20:
            await client.get(click_path(), headers=headers)
    assert gate.spent == 3


async def test_who_does_not_want_to_be_recorded_takes_nobodys_place(client: httpx.AsyncClient, log: FakeLog):
    await client.get(OPEN_PATH, headers={"DNT": "1"})
    await client.get(OPEN_PATH)
    assert [event.name for event in log.events()] == ["email_opened"]


async def test_an_open_that_could_not_be_recorded_is_when_it_comes_again(client: httpx.AsyncClient, log: FakeLog):
    log.fault = LogFullError("disk", 5)
    await client.get(OPEN_PATH)
    log.fault = None
    await client.get(OPEN_PATH)
    assert [event.name for event in log.events()] == ["email_opened"]


class Spending(OpenGate):
    """Lets everybody in, and counts."""

    spent = 0

    def spend(self, source: Source, messages: int, *, is_webhook: bool = False) -> None:
        self.spent += messages

"""Ids for visitors on whose devices nothing is kept: like for like within a day, and of nobody after it."""

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from ingest.caller import Caller
from ingest.pixel.daily_ids import DAY_MS, DailyIds
from ingest.sources import Source
from tests.unit.ingest.fake_log import FakeClock

WEB = Source("src_web", "ws", "web", write_key="wk")
ADA = Caller(WEB, "batch", "203.0.113.7", "Firefox")


async def salts(days: Sequence[int]) -> Mapping[int, bytes]:
    return {day: b"salt of %d" % day for day in days}


@pytest.fixture
async def ids() -> DailyIds:
    found = DailyIds(salts, FakeClock())
    await found.refresh()
    return found


def named(ids: DailyIds, caller: Caller = ADA, **message: object) -> object:
    told = ids({"type": "page", "context": {"cookieless": True}, **message}, caller)
    assert isinstance(told, dict)
    return told.get("anonymousId")


def test_a_visitor_has_one_id_all_day(ids: DailyIds):
    assert named(ids) == named(ids, replace(ADA, address="203.0.113.99", via="page"))
    assert str(named(ids)).startswith("day_")


@pytest.mark.parametrize(
    "other",
    [
        replace(ADA, address="203.0.114.7"),
        replace(ADA, user_agent="Chrome"),
        replace(ADA, source=Source("src_b", "ws", "web")),
    ],
)
def test_another_network_browser_or_source_is_another(ids: DailyIds, other: Caller):
    assert named(ids, other) != named(ids)


async def test_tomorrow_the_visitor_is_somebody_else():
    clock = FakeClock()
    ids = DailyIds(salts, clock)
    await ids.refresh()
    today = named(ids)
    clock.ms += DAY_MS
    assert named(ids) != today


async def test_two_processes_agree_and_a_restart_changes_nothing():
    first, second = DailyIds(salts, FakeClock()), DailyIds(salts, FakeClock())
    await first.refresh()
    await second.refresh()
    assert named(first) == named(second)


def test_without_the_store_there_still_is_an_id():
    ids = DailyIds(salts, FakeClock())
    assert named(ids) == named(ids) is not None


@pytest.mark.parametrize(
    "who",
    [
        {"userId": "u1"},
        {"anonymousId": "a1"},
        {"traits": {"email": "ada@example.com"}},
        {"properties": {"email": "ada@example.com"}},
    ],
)
def test_who_is_named_is_not_joined_to_the_neighbours(ids: DailyIds, who: dict[str, object]):
    assert named(ids, **who) == who.get("anonymousId")


@pytest.mark.parametrize("context", [{}, {"cookieless": "yes"}, None, "x"])
def test_who_does_not_ask_gets_none(ids: DailyIds, context: object):
    assert named(ids, context=context) is None


def test_a_server_that_speaks_for_people_gets_none(ids: DailyIds):
    assert named(ids, Caller(WEB, "batch")) is None


def test_what_is_no_message_passes(ids: DailyIds):
    assert ids([1], ADA) == [1]

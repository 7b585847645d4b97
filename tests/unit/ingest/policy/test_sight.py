"""What the door sees of senders: bots are tagged and not lost, addresses shortened, browsers and consent noted."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from ingest.caller import Caller
from ingest.policy.addresses import kept_address
from ingest.policy.agents import Agents, Kind
from ingest.policy.places import Places
from ingest.policy.sight import SenderSight
from streams.model.errors import ConfigurationError
from streams.model.events import BOT, UNCOUNTED, Event, Provenance
from tests.unit.ingest.policy.kit import (
    CHROME,
    GOOGLEBOT,
    HEADLESS,
    MAIL_PROXY,
    SAFARI,
    a_caller,
    a_message,
    the_event,
)

PLACE = {"country": {"iso_code": "DE"}, "subdivisions": [{"names": {"en": "Hesse"}}], "city": {"names": {"en": "Bonn"}}}


@pytest.fixture(scope="module")
def agents() -> Agents:
    return Agents()


def write_places(path: Path, country: str) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    writer.insert_network(IPSet(["203.0.113.0/24", "2001:db8::/32"]), PLACE | {"country": {"iso_code": country}})
    fresh = path.with_suffix(".new")
    writer.to_db_file(str(fresh))
    fresh.replace(path)


def seen(agents: Agents, caller: Caller, places: Places | None = None, **parts: Any) -> Provenance:
    message = a_message(**parts)
    [event] = SenderSight(agents, places).sees([the_event(**parts)], message, caller)
    return event.provenance or Provenance()


@pytest.mark.parametrize(
    ("agent", "browser", "system", "device"),
    [(CHROME, "Chrome 120", "Windows 10", ""), (SAFARI, "Mobile Safari 17", "iOS 17", "iPhone")],
)
def test_browser_system_and_device_are_noted(agents: Agents, agent: str, browser: str, system: str, device: str):
    found = seen(agents, a_caller(agent))
    assert (found.browser, found.system, found.device, found.flags) == (browser, system, device, ())


@pytest.mark.parametrize(
    ("agent", "uncounted", "flags"),
    [
        (GOOGLEBOT, "crawlers", (BOT, UNCOUNTED)),
        (GOOGLEBOT, "bots", (BOT, UNCOUNTED)),
        (GOOGLEBOT, "nobody", (BOT,)),
        (HEADLESS, "crawlers", (BOT,)),
        (HEADLESS, "bots", (BOT, UNCOUNTED)),
        ("curl/8.5.0", "crawlers", (BOT,)),
        ("python-requests/2.31", "crawlers", (BOT,)),
        ("", "crawlers", (BOT,)),
        ("", "bots", (BOT, UNCOUNTED)),
        (CHROME, "bots", ()),
        (MAIL_PROXY, "bots", ()),
    ],
)
def test_bots_are_tagged(agents: Agents, agent: str, uncounted: str, flags: tuple[str, ...]):
    assert seen(agents, a_caller(agent, uncounted=uncounted)).flags == flags


def test_a_browser_that_a_program_drives_says_so(agents: Agents):
    assert seen(agents, a_caller(), context={"webdriver": True}).flags == (BOT,)
    assert seen(agents, a_caller(), context={"webdriver": "yes"}).flags == ()


def test_tags_come_to_those_of_time(agents: Agents):
    found = seen(agents, a_caller(GOOGLEBOT), timestamp="2020-01-01T00:00:00Z")
    assert found.flags == ("historical", BOT, UNCOUNTED)
    assert found.happened_ms


def test_a_server_is_no_bot_and_what_it_says_of_people_counts(agents: Agents):
    server = a_caller("", "", "server")
    assert seen(agents, server) == Provenance()
    told = seen(agents, server, context={"userAgent": SAFARI, "ip": "198.51.100.9"})
    assert (told.device, told.address, told.flags) == ("iPhone", "198.51.100.0", ())
    assert BOT in seen(agents, server, context={"userAgent": GOOGLEBOT}).flags


@pytest.mark.parametrize("agent", [HEADLESS, "curl/8.5.0", "python-requests/2.31", ""])
@pytest.mark.parametrize("claimed", [SAFARI, "spoof"])
def test_a_program_with_a_websites_key_is_a_bot_whatever_it_claims(agents: Agents, agent: str, claimed: str):
    told = seen(agents, a_caller(agent), context={"userAgent": claimed, "ip": "8.8.8.8"})
    assert (told.flags, told.address) == ((BOT,), "203.0.113.0")
    assert told.device != "iPhone"


def test_a_browser_does_not_choose_its_address(agents: Agents):
    assert seen(agents, a_caller(), context={"ip": "198.51.100.9"}).address == "203.0.113.0"
    assert seen(agents, a_caller(address=""), context={"ip": "198.51.100.9"}).address == ""


def test_a_mail_services_picture_fetcher_leaves_no_address_and_no_browser(agents: Agents):
    assert seen(agents, a_caller(MAIL_PROXY)) == Provenance()


@pytest.mark.parametrize(
    ("address", "mode", "kept"),
    [
        ("203.0.113.77", "truncate", "203.0.113.0"),
        ("203.0.113.77", "keep", "203.0.113.77"),
        ("203.0.113.77", "drop", ""),
        ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "truncate", "2001:db8:85a3::"),
        ("::ffff:203.0.113.77", "truncate", "203.0.113.0"),
        ("fe80::1%eth0", "keep", "fe80::1"),
        ("testclient", "keep", ""),
        ("999.1.1.1", "truncate", ""),
        ("", "keep", ""),
    ],
)
def test_addresses_are_kept_as_the_source_says(address: str, mode: str, kept: str):
    assert kept_address(address, mode) == kept


@given(st.ip_addresses().map(str))
def test_shortening_twice_is_shortening_once(address: str):
    once = kept_address(address, "truncate")
    assert kept_address(once, "truncate") == once
    assert once


@pytest.mark.parametrize(
    ("consent", "kept"),
    [
        ({"categoryPreferences": {"Analytics": True, "Advertising": False, "All": True}}, ("All", "Analytics")),
        ({"categoryPreferences": {"Advertising": False}}, ()),
        ({"categoryPreferences": {"Advertising": "true"}}, ()),
        ({"categoryPreferences": []}, None),
        ({}, None),
        ("yes", None),
    ],
)
def test_consent_is_stamped_on_the_event(agents: Agents, consent: object, kept: tuple[str, ...] | None):
    assert seen(agents, a_caller(), context={"consent": consent}).consent == kept


def test_consent_can_not_fill_the_log(agents: Agents):
    many = {f"{'x' * 500}{number}": True for number in range(1_000)}
    kept = seen(agents, a_caller(), context={"consent": {"categoryPreferences": many}}).consent or ()
    assert (len(kept), max(map(len, kept))) == (50, 100)


def test_the_place_is_that_of_the_shortened_address(agents: Agents, tmp_path: Path):
    write_places(tmp_path / "geo.mmdb", "DE")
    places = Places(tmp_path / "geo.mmdb")
    found = seen(agents, a_caller(), places)
    assert (found.country, found.region, found.city) == ("DE", "Hesse", "Bonn")
    assert seen(agents, a_caller(address="2001:db8::1"), places).country == "DE"
    assert seen(agents, a_caller(address="198.51.100.1"), places).country == ""
    assert seen(agents, a_caller(address="drop"), places).country == ""
    places.close()


def test_of_an_address_that_is_not_kept_no_place_is_looked_up(agents: Agents, tmp_path: Path):
    write_places(tmp_path / "geo.mmdb", "DE")
    places = Places(tmp_path / "geo.mmdb")
    assert seen(agents, a_caller(address="203.0.113.77"), places).country == "DE"
    assert seen(agents, Caller(a_caller(address="x").source, "track"), places).country == ""
    places.close()


def test_a_new_database_is_taken_in(agents: Agents, tmp_path: Path):
    path = tmp_path / "geo.mmdb"
    write_places(path, "DE")
    places = Places(path)
    sight = SenderSight(agents, places)

    def country() -> str:
        [event] = sight.sees([the_event()], a_message(), a_caller())
        return event.provenance.country if event.provenance else ""

    assert country() == "DE"
    write_places(path, "FR")
    sight.refresh()
    assert country() == "FR"
    path.write_bytes(b"torn")
    sight.refresh()
    assert country() == "FR"
    path.unlink()
    sight.refresh()
    assert country() == "FR"
    places.close()


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path):
    (tmp_path / "geo.mmdb").write_bytes(b"no database")
    with pytest.raises(ConfigurationError, match="geo_database"):
        Places(tmp_path / "geo.mmdb")
    with pytest.raises(ConfigurationError, match="geo_database"):
        Places(tmp_path / "missing.mmdb")


def test_what_there_is_nothing_to_see_of_stays_as_it_is(agents: Agents):
    event: Event = the_event()
    [same] = SenderSight(agents).sees([event], a_message(), a_caller("", "", "server"))
    assert same is event


@given(st.text(max_size=700))
def test_no_agent_is_too_odd_to_read(text: str):
    found = ODD.of(text)
    assert found.kind in Kind
    assert max(map(len, found[:3])) <= 80


ODD = Agents()

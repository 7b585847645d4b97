"""What is a person's, what is left of others', and that no bytes stay behind."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from streams import frames
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.log.kept import kept_frames, kept_key, with_kept
from streams.log.memory import MemoryEventLog
from streams.log.rewriting import is_letter_of, names_person, rewriter, rewritten_frame
from streams.model.control import Control, ControlKind
from streams.model.dead_letters import DeadLetter
from streams.model.erasure import Erase
from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState, Trait
from streams.model.identity import AccountState, IdentityState, Member
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.profile import ProfileState
from streams.model.triggers import Trigger
from streams.operators.erasing import MOST_SPARED, Person, spared_of
from streams.ports import LogRecord, NewRecord
from streams.state.local_copy import LocalCopy

ADA = Person("shop", ("user:7", "email:ada@example.com", "anon:browser-of-ada"), {"user:7": "erased:x"})


def event(number: int = 1, profile: str = "user:8", **more) -> Event:
    kind, _, value = profile.partition(":")
    keys = more.pop("keys", ProfileKeys(**{{"user": "user_id", "anon": "anonymous_id"}[kind]: value}))
    return Event(f"m{number}", "shop", "web", profile, "page_viewed", 1, 1, keys, **more)


def test_an_event_is_its_profiles_own():
    assert ADA.owns(event(profile="user:7"))
    assert not ADA.owns(event(profile="user:8", keys=ProfileKeys("8", "browser-of-ada")))


def test_an_event_of_the_same_id_in_another_workspace_is_somebody_elses():
    assert not ADA.owns(msgspec.structs.replace(event(profile="user:7"), workspace="other"))


def test_events_of_other_workspaces_stay_as_they_are():
    told = msgspec.structs.replace(event(keys=ProfileKeys("8", None, "ada@example.com")), workspace="other")
    value = frames.encode_events([told, event(profile="user:7")], 9)
    assert frames.decode(rewritten_frame(value, (ADA,))).events == [told]


def test_somebody_elses_event_loses_the_persons_keys_and_what_names_them_anywhere():
    told = event(
        keys=ProfileKeys("8", "browser-of-ada", "bob@example.com"),
        properties={"friend": "Ada@Example.com", "quantity": "7", "url": "/?to=ada@example.com&x=1", "n": [7]},
    )
    left = ADA.event_without(told)
    assert left.keys == ProfileKeys("8", None, "bob@example.com")
    assert left.properties == {"friend": "erased", "quantity": "7", "url": "/?to=erased&x=1", "n": [7]}


def test_an_event_that_does_not_name_the_person_stays_the_same_object():
    told = event(properties={"a": {"b": ["7"]}})
    assert ADA.event_without(told) is told


def test_somebody_elses_state_loses_ids_members_traits_and_labels():
    state = ProfileState(
        "shop",
        "user:8",
        FactsState(ProfileKeys("8", "browser-of-ada"), {"referrer": Trait("ada@example.com", 1, "web")}),
        identity=IdentityState(claimed_by=("user:7", "user:9"), detached=("email:ada@example.com",)),
        account=AccountState("Acme", {"user:7": Member(1, 1, 1, 1.0, 0.0), "user:8": Member(1, 1, 1, 1.0, 0.0)}),
    )
    left = ADA.state_without(state)
    assert (left.facts.keys, left.facts.traits) == (ProfileKeys("8"), {})
    assert (left.identity.claimed_by, left.identity.detached) == (("user:9",), ())
    assert list(left.account.members) == ["user:8"]
    assert ADA.state_without(left) is left


def test_a_batch_of_moves_keeps_its_numbers():
    moves = tuple(
        Move(MoveKind.CLAIM, "shop", target, source, 1)
        for source, target in (("user:8", "anon:b"), ("user:7", "anon:b"), ("user:8", "email:ada@example.com"))
    )
    value = frames.encode_moves(MoveBatch(0, 5, moves), 9)
    left = frames.decode(rewritten_frame(value, (ADA,))).moves
    assert (left.first, [move.kind for move in left.moves]) == (5, [MoveKind.CLAIM, MoveKind.ERASED, MoveKind.ERASED])


def test_an_erasures_own_record_keeps_its_number_only():
    body = msgspec.msgpack.encode(Erase("er_1", tuple(ADA.ids), ("user:8",), {"user:7": "x"}))
    value = frames.encode_control(Control(ControlKind.ERASE, "shop", 0, body), 9)
    left = frames.decode(rewritten_frame(value, (ADA,))).control
    assert msgspec.msgpack.decode(left.body, type=Erase) == Erase("er_1")


def test_a_frame_without_the_person_is_the_same_bytes():
    value = frames.encode_events([event()], 9)
    assert rewritten_frame(value, (ADA,)) is value


@pytest.mark.parametrize(
    "trigger",
    [
        Trigger("t", "shop", "cart_abandoned", "user:7", "o", 1, 1, ProfileKeys("7")),
        Trigger("t", "shop", "account_tier", "group:acme", "user:7:1700:0", 1, 1, ProfileKeys()),
        Trigger("t", "shop", "cart_abandoned", "user:8", "o", 1, 1, ProfileKeys("8"), {"email": "ADA@example.com"}),
    ],
)
def test_triggers_that_name_the_person_go(trigger):
    assert rewriter(topics.TRIGGERS, (ADA,))(msgspec.msgpack.encode(trigger)) is None


def test_a_trigger_with_a_count_that_looks_like_a_short_id_stays():
    value = msgspec.msgpack.encode(Trigger("t", "shop", "r", "user:8", "o", 1, 1, ProfileKeys("8"), {}, {"items": "7"}))
    assert rewriter(topics.TRIGGERS, (ADA,))(value) is value


_MESSAGE = json.dumps({"userId": "7", "event": ""})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"userId": "7"}',
        b'{"context": {"customer_id": 7}}',
        b'{"email": "ada\\u0040example.com"}',
        b"k=1&email=ADA%40example.com",
        f"k=1&d={quote(base64.b64encode(_MESSAGE.encode()).decode())}".encode(),
        base64.urlsafe_b64encode(_MESSAGE.encode()).rstrip(b"="),
        msgspec.msgpack.encode(event(profile="user:7")),
        b"\x02" + bytes(8) + msgspec.msgpack.encode(ProfileState("shop", "user:7")),
        b"\xff\xfeada@example.com",
    ],
)
def test_dead_letters_are_known_as_the_persons_in_every_form(raw):
    assert names_person(raw, ADA)


@pytest.mark.parametrize("raw", [b'{"userId": "70", "quantity": 7}', b"", b"7", b"\xc1", b'{"n": [7, "7"]}'])
def test_dead_letters_of_others_are_not(raw):
    assert not names_person(raw, ADA)


def test_a_dead_letter_of_another_workspace_stays():
    assert not is_letter_of(DeadLetter("other", "web", "ingest", "r", "", b'{"userId": "7"}', 1), ADA)


EVE = Person("shop", ("email:eve@example.com", "anon:visitor-1"), spared=("steve@example.com", "visitor-10"))


def test_an_id_that_is_part_of_somebody_elses_longer_one_is_not_found_in_it():
    state = ProfileState("shop", "user:visitor-10", FactsState(ProfileKeys("visitor-10", None, "steve@example.com")))
    assert EVE.state_without(state) is state
    assert not EVE.is_in(b"\xb1steve@example.com\xaavisitor-10")
    assert EVE.is_in(b"\xb0eve@example.com")


def test_what_is_spared_stays_beside_what_is_not():
    told = event(properties={"to": "steve@example.com, Eve@Example.com; visitor-10 and visitor-1"})
    assert EVE.event_without(told).properties == {"to": "steve@example.com, erased; visitor-10 and erased"}


def test_a_long_id_that_somebody_else_has_under_another_kind_tells_nobody():
    person = Person("shop", ("anon:same-long-id",), spared=("Same-Long-ID",))
    state = ProfileState("shop", "user:same-long-id", FactsState(ProfileKeys("same-long-id", "same-long-id")))
    assert person.state_without(state).facts.keys == ProfileKeys("same-long-id")
    assert not person.owns(event(profile="user:same-long-id"))


def test_whose_id_is_the_persons_mail_address_is_the_person_whatever_its_kind():
    assert ADA.must_be("user:Ada@example.com")
    assert ADA.owns(event(profile="user:ada@example.com"))
    assert not ADA.must_be("user:browser-of-ada")


def test_other_peoples_ids_to_spare_are_those_that_the_persons_are_part_of():
    person = Person("shop", ("email:eve@example.com", "anon:visitor-1"))
    keys = ProfileKeys("visitor-10", "visitor-1", "steve@example.com", custom=(("crm", "visitor-1"),))
    assert person.near(("user:visitor-10",), keys) == {"visitor-10", "steve@example.com"}
    assert person.near(("user:visitor-1",), ProfileKeys()) == {"visitor-1"}


def test_an_id_that_is_part_of_too_many_is_spared_itself():
    near = {f"visitor-1{number}" for number in range(MOST_SPARED + 1)}
    assert spared_of(["visitor-1"], near) == {"visitor-1"}
    assert spared_of(["visitor-1"], ["visitor-10", "else"]) == {"visitor-10"}


def test_somebody_elses_alias_loses_a_short_id_of_the_person():
    left = ADA.event_without(event(properties={"previous_id": "7", "n": 7}))
    assert left.properties == {"n": 7}


async def test_the_embedded_log_is_rewritten_in_place_and_no_bytes_stay(tmp_path):
    path = tmp_path / "log.db"
    log = await EmbeddedEventLog(path, 1).open()
    mixed = frames.encode_events([event(1, "user:7", properties={"p": "analytical-engine"}), event(2, "user:8")], 9)
    others = frames.encode_events([event(3, "user:8")], 9)
    await log.append([NewRecord(topics.EVENTS, 0, None, value, 1) for value in (mixed, others)])
    assert await log.rewrite(topics.EVENTS, rewriter(topics.EVENTS, (ADA,))) == 1
    assert await log.rewrite(topics.EVENTS, rewriter(topics.EVENTS, (ADA,))) == 0
    records = await log.read(topics.EVENTS, 0, 0, 10)
    assert [(r.offset, [e.id for e in frames.decode(r.value).events]) for r in records] == [(0, ["m2"]), (1, ["m3"])]
    await log.close()
    assert b"analytical-engine" not in path.read_bytes()


async def test_a_record_of_which_nothing_is_left_keeps_its_place(tmp_path):
    log = await EmbeddedEventLog(tmp_path / "log.db", 1).open()
    await log.append([NewRecord(topics.DEAD_LETTERS, 0, None, b"\x00ada@example.com", 1)])
    assert await log.rewrite(topics.DEAD_LETTERS, rewriter(topics.DEAD_LETTERS, (ADA,))) == 1
    [record] = await log.read(topics.DEAD_LETTERS, 0, 0, 10)
    assert (record.offset, record.is_erased, await log.bounds(topics.DEAD_LETTERS, 0)) == (0, True, (0, 1))
    await log.close()


def test_a_purged_local_copy_has_no_bytes_of_what_was_deleted(tmp_path):
    copy = LocalCopy.open(tmp_path / "state", cache_bytes=8 << 20)
    part = copy.partition(0)
    part.write([(b"p:user-of-ada", b"analytical-engine"), (b"p:zed", b"else")], 1, 1)
    part.purge()
    part.write([(b"p:user-of-ada", None)], 2, 2)
    part.purge()
    assert (part.get(b"p:user-of-ada"), part.get(b"p:zed")) == (None, b"else")
    told = [path for path in (tmp_path / "state").rglob("*") if path.is_file() and _tells(path)]
    copy.close()
    assert told == []


def _tells(path: Path) -> bool:
    data = path.read_bytes()
    return any(word in data or word.hex().upper().encode() in data for word in (b"user-of-ada", b"analytical-engine"))


async def test_what_is_left_of_a_frame_is_read_where_it_stood():
    log = MemoryEventLog(1)
    await log.append([NewRecord(topics.KEPT, 0, kept_key(1, 50), b"rest", 99)])
    kept = await kept_frames(log, 0)
    there = [LogRecord(topics.EVENTS, 0, 0, b"k", b"a", 1), LogRecord(topics.EVENTS, 0, 3, b"k", None, 1)]
    found = with_kept(there, kept, 4)
    assert [(r.offset, r.value, r.timestamp_ms) for r in found] == [(0, b"a", 1), (1, b"rest", 50)]
    assert kept == {}

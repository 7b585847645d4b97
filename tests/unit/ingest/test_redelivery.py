"""Dead letters are taken in again: by each way in, with fixes, and with one effect however often."""

import gzip
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from hmac import digest as hmac

import msgspec
import orjson
import pytest

from streams.frames import Frame, FrameKind, encode_events, encode_tick
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FixError, LogFullError
from streams.model.events import CLAMPED, HISTORICAL, Event, ProfileKeys
from streams.model.letters import Fix, LetterState, LetterVerdict
from tests.unit.ingest.letters_kit import DAY_MS, MAIL, MINUTE_MS, Desk, open_desk, put

NAMELESS = b'{"event":"Signed Up"}'
ADA = put("userId", "ada")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


async def verdicts(desk: Desk, *fixes: Fix, **more) -> list[LetterVerdict]:
    return [attempt.verdict for attempt in await desk.replay(*fixes, **more)]


async def test_a_letter_without_fix_fails_again_and_keeps_the_newest_reason(desk):
    raw = b'{"event":7,"userId":"ada"}'
    await desk.bury(DeadLetter("ws", "web", "ingest", "an older reason", "", raw, 1, "track", "older"))
    assert await verdicts(desk) == [LetterVerdict.FAILED]
    note = (await desk.only()).note
    assert (note.state, note.attempts, note.code, note.field) == (LetterState.NEW, 1, "wrong_type", "event")


@pytest.mark.parametrize("fix", [put("event.x", 1), put("event", ""), put("", [])], ids=str)
async def test_a_mistaken_fix_leaves_the_letters_own_reason(desk, fix):
    await desk.track(b'{"event":7,"userId":"ada"}')
    before = (await desk.only()).note
    (attempt,) = await desk.replay(fix)
    assert attempt.verdict is LetterVerdict.FAILED
    assert (await desk.only()).note == before._replace(attempts=1)


async def test_a_fixed_letter_is_taken_in_once(desk):
    await desk.track(NAMELESS)
    first = await desk.replay(ADA)
    second = await desk.replay(ADA)
    assert [first[0].verdict, second[0].verdict] == [LetterVerdict.REPLAYED, LetterVerdict.ALREADY_REPLAYED]
    assert [(e.profile, e.name) for e in await desk.events()] == [("user:ada", "signed_up")]
    note = (await desk.only()).note
    assert (note.state, note.state_by, note.outcome) == (LetterState.REPLAYED, "ada", "1 event")


async def test_a_dry_run_tells_the_events_and_does_nothing(desk):
    await desk.track(NAMELESS)
    (attempt,) = await desk.replay(ADA, dry_run=True)
    assert (attempt.verdict, [e.profile for e in attempt.events]) == (LetterVerdict.WOULD_REPLAY, ["user:ada"])
    await desk.replay(dry_run=True)
    assert (await desk.events(), (await desk.only()).note.attempts, (await desk.only()).claim) == ([], 0, None)


async def test_a_message_without_time_happened_when_it_came(desk):
    came_ms = desk.clock.ms
    await desk.track(NAMELESS)
    desk.clock.ms += 2 * DAY_MS
    await desk.replay(ADA)
    (event,) = await desk.events()
    assert (event.at_ms, event.received_ms, event.is_flagged(HISTORICAL)) == (came_ms, desk.clock.ms, True)


async def test_a_young_letter_is_no_history(desk):
    await desk.track(NAMELESS)
    desk.clock.ms += MINUTE_MS
    await desk.replay(ADA)
    assert not (await desk.events())[0].is_flagged(HISTORICAL)


async def test_the_senders_clock_is_judged_by_the_time_of_receipt(desk):
    """A `sentAt` that was right then must not look like an error of the days that the letter lay here."""
    came_ms = desk.clock.ms
    said = {"event": "Signed Up", "timestamp": came_ms - 5_000, "sentAt": came_ms - 1_000}
    await desk.track(orjson.dumps(said))
    desk.clock.ms += 3 * DAY_MS
    await desk.replay(ADA)
    assert (await desk.events())[0].at_ms == came_ms - 5_000


async def test_a_message_keeps_its_own_id(desk):
    await desk.track(b'{"event":"Signed Up","messageId":"m-1"}')
    await desk.replay(ADA)
    assert (await desk.events())[0].id == "m-1"


async def test_ids_made_for_letters_are_the_same_each_time_and_differ_between_letters(desk):
    for _ in range(2):
        await desk.track(NAMELESS)
        desk.clock.ms += 1
    runs = [[e.id for a in await desk.replay(ADA, dry_run=True) for e in a.events] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


async def test_a_letter_whose_mark_was_lost_gives_the_same_ids_again(desk, monkeypatch):
    await desk.track(NAMELESS)

    async def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "finish", crash)
        with pytest.raises(OSError, match="power cut"):
            await desk.replay(ADA)
    # Somebody else tries it with another fix: what was begun is finished as it was.
    assert await verdicts(desk, put("userId", "bob")) == [LetterVerdict.REPLAYED]
    assert len({(event.id, event.profile) for event in await desk.events()}) == 1


async def test_an_attempt_that_was_begun_long_ago_is_not_repeated(desk):
    await desk.track(NAMELESS)
    note = (await desk.only()).note
    await desk.store.claim("ws", {note.id: (ADA,)}, desk.clock.ms)
    desk.clock.ms += 6 * DAY_MS + 1
    assert await verdicts(desk) == [LetterVerdict.UNCERTAIN]
    assert await desk.events() == []


async def test_a_full_log_leaves_the_letter_as_it_was(desk):
    await desk.track(NAMELESS)
    await desk.notes()
    desk.log.fail_appends_with = LogFullError("full", 1.0)
    with pytest.raises(LogFullError):
        await desk.replay(ADA)
    letter = await desk.only()
    assert (letter.note.state, letter.claim) == (LetterState.NEW, None)
    desk.log.fail_appends_with = None
    assert await verdicts(desk, put("userId", "bob")) == [LetterVerdict.REPLAYED]


async def test_the_same_letter_named_twice_is_taken_once(desk):
    await desk.track(NAMELESS)
    (note,) = await desk.notes()
    assert await verdicts(desk, ADA, ids=[note.id, note.id, "7:7", "x"]) == [
        LetterVerdict.REPLAYED, LetterVerdict.UNKNOWN, LetterVerdict.UNKNOWN,
    ]  # fmt: skip
    assert len(await desk.events()) == 1


async def test_letters_of_others_are_unknown(desk):
    await desk.track(NAMELESS)
    (note,) = await desk.notes()
    (attempt,) = await desk.redelivery.replay("other", [note.id], [ADA], "eve")
    assert attempt.verdict is LetterVerdict.UNKNOWN


@pytest.mark.parametrize("kind", ["identify", "page", "screen", "group", "alias"])
async def test_each_kind_of_call_comes_in_as_itself(desk, kind):
    more = {"group": {"groupId": "g"}, "alias": {"previousId": "p"}}.get(kind, {})
    await desk.track(orjson.dumps(more), kind)
    await desk.replay(ADA)
    names = {"identify": "identified", "page": "page_viewed", "screen": "screen_viewed"}
    names |= {"group": "grouped", "alias": "aliased"}
    assert [e.name for e in await desk.events()] == [names[kind]]


async def test_one_message_of_a_batch_keeps_what_the_batch_said_for_all(desk):
    context = {"campaign": {"name": "spring"}}
    good, bad = {"type": "track", "event": "Good", "userId": "eve"}, {"type": "track", "event": "Signed Up"}
    body = {"batch": [good, bad], "context": context, "sentAt": "2027-01-15T08:00:00Z"}
    await desk.track(orjson.dumps(body), "batch")
    await desk.replay(ADA)
    assert [(e.name, e.campaign) for e in await desk.events()] == [("good", "spring"), ("signed_up", "spring")]


async def test_a_batch_whose_context_was_too_large_to_keep_says_so(desk):
    body = {"batch": [{"type": "track", "event": "Signed Up"}], "context": {"x": "x" * 20_000}}
    await desk.track(orjson.dumps(body), "batch")
    (attempt,) = await desk.replay(ADA)
    assert (attempt.code, "context" in attempt.reason) == ("not_kept", True)
    assert await verdicts(desk, ADA, put("context", {})) == [LetterVerdict.REPLAYED]


async def test_a_batch_that_could_not_be_read_comes_in_as_a_whole(desk):
    await desk.track(b'{"batch":[{"type":"track","event":"A"},{"type":"track","event":"B","userId":"eve"}', "batch")
    mended = orjson.loads((await desk.only()).raw + b"]}")
    (attempt,) = await desk.replay(put("", mended))
    assert (attempt.verdict, attempt.field) == (LetterVerdict.FAILED, "batch.0.userId")
    assert await desk.events() == []
    assert await verdicts(desk, put("", mended), put("batch.0.userId", "ada")) == [LetterVerdict.REPLAYED]
    events = await desk.events()
    assert sorted(e.profile for e in events) == ["user:ada", "user:eve"]
    assert len({e.id for e in events}) == 2


async def test_what_a_batch_said_for_too_many_messages_is_no_more_welcome_in_a_letter(desk, monkeypatch):
    monkeypatch.setattr("ingest.segment._MAX_FOR_ALL_BYTES", 10_000)
    messages = [{"type": "identify", "userId": f"u{number}"} for number in range(20)]
    await desk.track(orjson.dumps({"batch": messages, "context": {"traits": {"a": "x" * 600}}}), "batch")
    [failed] = await desk.replay()
    assert (failed.verdict, failed.code, failed.field) == (LetterVerdict.FAILED, "too_large", "context")
    assert await verdicts(desk, Fix("remove", "context")) == [LetterVerdict.REPLAYED]


async def test_imports_stay_imports(desk):
    await desk.track(orjson.dumps({"batch": [{"type": "track", "event": "Signed Up"}]}), "import")
    await desk.replay(ADA)
    assert (await desk.events())[0].is_flagged(HISTORICAL)


async def test_a_query_is_mended_by_its_parameters(desk):
    await desk.client.get("/p.gif", params={"k": "wk_web", "e": "Mail Opened"})
    assert await verdicts(desk, put("u", "ada")) == [LetterVerdict.REPLAYED]
    again = await desk.replay(put("u", "ada"), dry_run=True)
    assert ([e.name for e in await desk.events()], again[0].verdict) == (
        ["mail_opened"], LetterVerdict.ALREADY_REPLAYED,
    )  # fmt: skip


async def test_a_query_takes_numbers_of_any_size_and_no_half_characters(desk):
    await desk.client.get("/p.gif", params={"k": "wk_web", "e": "Mail Opened"})
    with pytest.raises(FixError, match="surrogate"):
        await desk.replay(put("u", "\ud800"), dry_run=True)
    assert await verdicts(desk, put("u", 10**30)) == [LetterVerdict.REPLAYED]


async def test_a_webhook_comes_in_by_its_vendor_without_its_signature(desk):
    raw = orjson.dumps({"id": 0, "total_price": "12.50", "currency": "EUR"})
    signature = b64encode(hmac(b"secret", raw, sha256)).decode()
    headers = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Hmac-Sha256": signature, "Authorization": "Basic hidden"}
    answer = await desk.client.post("/webhooks/shop?secret=hidden&x=1", content=raw, headers=headers)
    assert answer.status_code == 400
    assert "hidden" not in (await desk.only()).head
    fixes = (put("id", 7), put("email", "ada@example.com"), put("line_items", []))
    assert await verdicts(desk, *fixes) == [LetterVerdict.REPLAYED]
    assert [(e.name, e.value) for e in await desk.events()] == [("order_completed", 12.5)]


async def test_a_partly_usable_webhook_gives_only_what_was_not_taken(desk):
    items = [{"event": "delivered", "email": who, "message-id": f"<{n}@x>", "ts_epoch": desk.clock.ms}
             for n, who in enumerate(("eve@example.com", ""))]  # fmt: skip
    raw = orjson.dumps(items)
    answer = await desk.client.post("/webhooks/mail", content=raw, headers={"Authorization": "Bearer secret"})
    assert (answer.status_code, MAIL.kind) == (200, "brevo")
    await desk.replay(put("1.email", "ada@example.com"))
    assert [e.profile for e in await desk.events()] == ["email:eve@example.com", "email:ada@example.com"]


def event(number: int = 1, at_ms: int = 1_800_000_000_000, workspace: str = "ws") -> Event:
    keys = ProfileKeys(user_id="ada")
    return Event(f"m-{number}", workspace, "web", "user:ada", "signed_up", at_ms, at_ms, keys)


def engine_letter(raw: bytes, source: str = "web", workspace: str = "ws") -> DeadLetter:
    return DeadLetter(workspace, source, "engine", "ValueError: no", "", raw, 1_800_000_000_000)


async def test_an_event_of_the_engine_is_appended_again_under_an_id_of_its_own(desk):
    await desk.bury(engine_letter(msgspec.msgpack.encode(event())))
    assert await verdicts(desk) == [LetterVerdict.REPLAYED]
    (taken,) = await desk.events()
    assert (taken.profile, taken.name, taken.id != "m-1") == ("user:ada", "signed_up", True)


@pytest.mark.parametrize(
    "raw",
    [
        encode_events([event(1), event(2)], 5),
        msgspec.msgpack.encode(Frame(FrameKind.EVENTS, 5, [event(1), event(2)])),
    ],
)
async def test_frames_of_the_engine_are_appended_again(desk, raw):
    await desk.bury(engine_letter(raw, "", ""))
    assert await verdicts(desk) == [LetterVerdict.REPLAYED]
    assert len({e.id for e in await desk.events()}) == 2


async def test_an_event_from_far_ahead_happened_when_it_came(desk):
    await desk.bury(engine_letter(msgspec.msgpack.encode(event(at_ms=1_900_000_000_000))))
    await desk.replay()
    (taken,) = await desk.events()
    assert (taken.at_ms, taken.is_flagged(CLAMPED)) == (1_800_000_000_000, True)


@pytest.mark.parametrize(
    "letter",
    [
        engine_letter(b"garbage"),
        engine_letter(b""),
        engine_letter(encode_tick(5), "", ""),
        engine_letter(encode_events([event()], 5)[:-3], "", ""),
        engine_letter(msgspec.msgpack.encode(event(workspace="other"))),
        DeadLetter("ws", "topic@1", "view", "bad", "", b"{}", 1),
        DeadLetter("ws", "web", "ingest", "bad", "", NAMELESS, 1),
        DeadLetter("ws", "web", "ingest", "bad", "", NAMELESS, 1, "link"),
        DeadLetter("ws", "gone", "ingest", "bad", "", NAMELESS, 1, "track"),
        DeadLetter("ws", "web", "ingest", "bad", "", NAMELESS, 1, "webhook"),
        DeadLetter("ws", "web", "ingest", "bad", "", gzip.compress(NAMELESS)[:-4], 1, "track"),
        DeadLetter("ws", "web", "ingest", "bad", "", b"[" * 5_000, 1, "batch"),
        DeadLetter("ws", "web", "ingest", "bad", "", b"", 1, "track", "x", "{broken"),
        DeadLetter("ws", "web", "ingest", "bad", "", b"\xff\x00", 1, "gif", "x", "[]"),
    ],
    ids=lambda letter: f"{letter.stage}-{letter.via}-{letter.raw[:12]!r}",
)
async def test_what_is_no_message_says_so_and_stays(desk, letter):
    await desk.bury(letter)
    (attempt,) = await desk.replay()
    assert (attempt.verdict, bool(attempt.code), attempt.reason[-1:] != "") == (LetterVerdict.FAILED, True, True)
    assert (await desk.events(), (await desk.only()).note.state) == ([], LetterState.NEW)


async def test_what_was_kept_packed_is_unpacked(desk):
    packed = gzip.compress(b'{"event":"Signed Up","userId":"ada"}')
    await desk.bury(DeadLetter("ws", "web", "ingest", "bad", "", packed, 1, "track"))
    assert await verdicts(desk) == [LetterVerdict.REPLAYED]


async def test_a_mended_message_has_the_limits_of_any_other(desk):
    await desk.track(NAMELESS)
    (attempt,) = await desk.replay(ADA, put("properties", {"x": "x" * 5_000}))
    assert attempt.code == "too_large"


async def test_of_those_who_do_not_want_to_be_recorded_only_the_reason_is_kept(desk):
    await desk.track(b'{"event":"Signed Up","secret":"ada"}', **{"Sec-GPC": "1"})
    letter = await desk.only()
    assert (letter.raw, letter.head, letter.note.field) == (b"", "", "userId")
    assert (await desk.replay())[0].code == "not_kept"


async def test_fixes_that_fit_nothing_touch_no_letter(desk):
    await desk.track(NAMELESS)
    with pytest.raises(FixError):
        await desk.replay(Fix("remove", ""))
    assert (await desk.only()).note.attempts == 0


async def test_an_erased_person_does_not_come_back():
    async with open_desk(is_suppressed=lambda event: event.profile == "user:ada") as desk:
        await desk.track(NAMELESS)
        assert await verdicts(desk, ADA) == [LetterVerdict.SUPPRESSED]
        note = (await desk.only()).note
        assert (await desk.events(), note.state, note.outcome) == ([], LetterState.DROPPED, "its person was erased")


async def test_the_sources_policy_is_applied_as_to_a_request():
    def without_cards(event: Event, _: object) -> Event:
        return msgspec.structs.replace(event, properties={**event.properties, "card": "(dropped)"})

    async with open_desk(treatments=[without_cards]) as desk:
        await desk.track(b'{"event":"Paid","properties":{"card":"4111"}}')
        await desk.replay(ADA)
        assert (await desk.events())[0].properties["card"] == "(dropped)"


async def test_many_letters_are_taken_in_the_order_asked_for(desk):
    for number in range(120):
        await desk.track(orjson.dumps({"event": "Signed Up", "messageId": f"m-{number}"}))
    assert await verdicts(desk, ADA) == [LetterVerdict.REPLAYED] * 120
    assert [e.id for e in await desk.events()] == [f"m-{number}" for number in range(120)]
    assert desk.redelivery.counts[LetterVerdict.REPLAYED] == 120

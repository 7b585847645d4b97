"""Rules over HTTP: read, changed under a lock on their version, judged, compared, taken out of quarantine."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from streams.frames import decode
from streams.log import topics
from streams.model.control import Control, ControlKind
from streams.model.errors import LogFullError
from streams.model.rules_in_force import Quarantine, RulesInForce
from streams.operators.rulebook import MAX_BYTES, check_rules
from streams.operators.score_moves import marked
from streams.ports import NewRecord
from streams.state.codec import encode_profile
from streams.store.rule_sets import VersionNote
from tests.unit.api.fakes_api import NOW, Installation, install, make_lead, make_state


@pytest.fixture
def api(here: Installation) -> httpx.AsyncClient:
    return here.with_token()


async def read(api: httpx.AsyncClient) -> dict[str, Any]:
    return (await api.get("/api/rules")).json()["rules"]


async def with_webinar(api: httpx.AsyncClient, points: float = 60) -> dict[str, Any]:
    rules = await read(api)
    rules["scores"][0]["rules"].append({"id": "webinar", "event": "webinar_attended", "points": points})
    return rules


async def controls(here: Installation) -> list[Control]:
    """What came to each of the two partitions, which is the same."""
    first, second = [[decode(r.value).control for r in await here.log.read(topics.EVENTS, n, 0, 100)] for n in range(2)]
    assert first == second
    return first


async def say(here: Installation, *words: RulesInForce) -> None:
    for now in words:
        key = now.workspace.encode()
        await here.log.append([NewRecord(topics.RULES_IN_FORCE, now.partition, key, msgspec.msgpack.encode(now), NOW)])


async def test_the_rules_of_the_settings_are_version_0(api):
    answer = (await api.get("/api/rules")).json()
    assert (answer["version"], answer["author"], answer["is_in_force"]) == (0, "settings", True)
    assert check_rules(msgspec.json.encode(answer["rules"])).scores[0].id == "lead"


async def test_written_rules_are_current_and_sent_to_every_partition(here, api):
    written = await api.put("/api/rules?comment=webinars", json=await with_webinar(api))
    current = await api.get("/api/rules")
    assert current.json() == written.json()
    assert (current.json()["version"], current.json()["comment"], current.headers["etag"]) == (1, "webinars", '"1"')
    (sent,) = await controls(here)
    assert (sent.kind, sent.workspace, sent.revision) == (ControlKind.RULES, "default", 1)
    assert check_rules(sent.body).scores[0].rules[-1].id == "webinar"


async def test_the_author_is_the_name_of_the_token_or_the_browser(here, api):
    await api.put("/api/rules", json=await read(api))
    browser = await here.browser()
    await browser.put("/api/rules", json=await read(api), headers={"origin": "http://127.0.0.1:8000"})
    versions = (await api.get("/api/rules/versions")).json()["versions"]
    assert [(v["version"], v["author"], v["is_applied"]) for v in versions] == [
        (2, "browser", True),
        (1, "bootstrap", True),
    ]


async def test_a_change_of_rules_that_are_no_longer_current_is_refused(here, api):
    mine = theirs = await read(api)
    await api.put("/api/rules", json=theirs)
    answer = await api.put("/api/rules", json=mine)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert "at version 1, and yours were made from 0" in answer.json()["error"]["message"]
    assert len(await controls(here)) == 1


async def test_the_header_names_the_version_before_the_body_does(api):
    rules = await read(api)
    await api.put("/api/rules", json=rules)
    assert (await api.put("/api/rules", json=rules, headers={"if-match": '"0"'})).status_code == 409
    assert (await api.put("/api/rules", json=rules, headers={"if-match": '"1"'})).json()["version"] == 2
    wrong = await api.put("/api/rules", json=rules, headers={"if-match": "latest"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "If-Match")


async def test_of_two_at_once_one_is_refused(api):
    rules = await read(api)
    answers = await asyncio.gather(*(api.put("/api/rules", json=rules) for _ in range(2)))
    assert sorted(a.status_code for a in answers) == [200, 409]


async def test_bad_rules_are_refused_with_the_field_and_nothing_is_stored(here, api):
    rules = await with_webinar(api)
    rules["scores"][0]["rules"][2]["when"] = [{"field": "weather"}]
    answer = await api.put("/api/rules", json=rules)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_rule")
    assert error["field"] == "scores[0].rules[2].when[0].field"
    assert ((await api.get("/api/rules")).json()["version"], await controls(here)) == (0, [])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b" " * (MAX_BYTES + 1)])
async def test_what_is_no_rule_set_is_refused_in_words(api, body):
    answer = await api.put("/api/rules", content=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "rules")


async def test_a_dry_run_answers_as_a_change_would_and_changes_nothing(here, api):
    rules = await with_webinar(api)
    fine = await api.post("/api/rules/validate", json=rules)
    rules["scores"][0]["mql_until"] = 1_000
    bad = await api.post("/api/rules/validate", json=rules)
    assert (fine.json()["score_rules"], bad.json()["error"]["field"]) == (9, "scores[0].mql_until")
    assert await controls(here) == []


async def test_a_rule_about_an_event_that_never_arrives_is_refused_with_the_name_it_would_have(here, api):
    rules = await read(api)
    rules["scores"][0]["rules"][2]["event"] = "Product Added"
    for answer in (await api.post("/api/rules/validate", json=rules), await api.put("/api/rules", json=rules)):
        error = answer.json()["error"]
        assert (answer.status_code, error["field"]) == (422, "scores[0].rules[2].event")
        assert "Write product_added." in error["message"]
    assert await controls(here) == []


async def test_old_versions_can_be_read_and_gone_back_to(api):
    first = await with_webinar(api)
    await api.put("/api/rules", json=first)
    await api.put("/api/rules", json=await read(api) | {"scores": []})
    old = (await api.get("/api/rules/versions/1")).json()["rules"]
    back = await api.put("/api/rules", json=old, headers={"if-match": "2"})
    assert (back.json()["version"], len(back.json()["rules"]["scores"])) == (3, 1)
    assert (await api.get("/api/rules/versions/0")).json()["author"] == "settings"
    assert (await api.get("/api/rules/versions/9")).status_code == 404


async def test_versions_come_in_pages(api):
    for _ in range(3):
        await api.put("/api/rules", json=await read(api))
    page = (await api.get("/api/rules/versions?limit=2")).json()
    rest = (await api.get(f"/api/rules/versions?before={page['next_before']}")).json()
    assert [[v["version"] for v in p["versions"]] for p in (page, rest)] == [[3, 2], [1]]


async def test_rules_that_the_log_could_not_take_are_published_later(here, api):
    here.log.fail_appends_with = LogFullError("full", 1.0)
    stored = await api.put("/api/rules", json=await with_webinar(api))
    assert (stored.status_code, stored.json()["is_applied"], await controls(here)) == (200, False, [])
    here.log.fail_appends_with = None
    await here.deps.rule_desk.refresh()
    assert [c.revision for c in await controls(here)] == [1]
    assert (await api.get("/api/rules")).json()["is_applied"]


async def test_what_was_stored_before_a_crash_is_published_at_the_start_and_only_the_newest(here, api):
    here.log.fail_appends_with = RuntimeError("gone")
    await api.put("/api/rules", json=await read(api))
    await api.put("/api/rules", json=await with_webinar(api))
    here.log.fail_appends_with = None
    await here.deps.rule_desk.refresh()
    await here.deps.rule_desk.refresh()
    assert [c.revision for c in await controls(here)] == [2]


async def test_versions_go_on_above_what_the_log_knows(here, api):
    await say(here, RulesInForce("default", 0, 7))
    assert (await api.put("/api/rules", json=await read(api))).json()["version"] == 8
    assert (await api.put("/api/rules", json=await read(api))).json()["version"] == 9


async def test_rules_are_in_force_when_every_partition_goes_by_them(here, api):
    await api.put("/api/rules", json=await read(api))
    seen = []
    for partition in range(2):
        seen.append((await api.get("/api/rules")).json()["is_in_force"])
        await say(here, RulesInForce("default", partition, 1))
    assert [*seen, (await api.get("/api/rules")).json()["is_in_force"]] == [False, False, True]


async def test_quarantined_rules_are_listed_with_the_reason_and_where(here, api):
    off = {"bad/rule": Quarantine(NOW, "ValueError('no')")}
    await say(
        here, RulesInForce("default", 0, 1, off), RulesInForce("default", 1, 1, off), RulesInForce("other", 0, 1, off)
    )
    listed = (await api.get("/api/rules/quarantined")).json()["rules"]
    assert listed == [{"rule": "bad/rule", "since_ms": NOW, "reason": "ValueError('no')", "partitions": [0, 1]}]


async def test_a_release_goes_to_every_partition(here, api):
    await say(here, RulesInForce("default", 1, 1, {"bad/rule": Quarantine(NOW)}))
    answer = await api.post("/api/rules/bad%2Frule/release")
    assert (answer.status_code, answer.json()) == (202, {"rule": "bad/rule"})
    assert await controls(here) == [Control(ControlKind.RELEASE, "default", 0, b"bad/rule")]


async def test_only_what_is_in_quarantine_can_be_released(api):
    assert (await api.post("/api/rules/email_opened/release")).status_code == 404


async def test_presets_are_usable_as_they_are(api):
    presets = (await api.get("/api/rules/presets")).json()
    rules = await read(api)
    rules["abandonment"] += presets["abandonment"]
    rules["products"] += presets["products"]
    counts = (await api.post("/api/rules/validate", json=rules)).json()
    assert (counts["abandonment"], counts["products"]) == (5, 2)


async def test_what_if_says_who_leaves_and_how_many(here, api):
    here.view.rows = [make_lead(f"user:u{n}") for n in range(3)]
    rules = await read(api)
    for rule in rules["scores"][0]["rules"]:
        rule["points"] /= 10
    answer = (await api.post("/api/rules/what-if?limit=2", json={"rules": rules})).json()
    (score,) = answer["scores"]
    assert (answer["examined"], answer["total"], answer["version"], score["score"]) == (3, 3, 0, "lead")
    assert score["moves"] == [{"before": "hot", "after": "cold", "leads": 3}]
    assert score["mql"] == {"before": 3, "after": 0, "enter": 0, "leave": 3}
    assert [(lead["id"], lead["after"]) for lead in score["leads"]] == [
        (f"user:u{n}", {"points": 6.5, "tier": "cold", "is_mql": False}) for n in range(2)
    ]


async def test_what_if_takes_one_score_and_says_what_it_cannot_know(api):
    score = (await with_webinar(api))["scores"][0]
    answer = (await api.post("/api/rules/what-if", json={"score": score})).json()
    assert answer["scores"][0]["caveats"] == ["The rule webinar is new: what it would have earned so far is not known."]
    assert answer["scores"][0]["moves"] == []


async def caveats(api: httpx.AsyncClient) -> list[str]:
    """What a what-if of more points for demos can't tell."""
    rules = await read(api)
    demo = next(rule for rule in rules["scores"][0]["rules"] if rule["id"] == "demo_requested")
    demo["points"] += 10
    answer = (await api.post("/api/rules/what-if", json={"rules": rules})).json()
    return answer["scores"][0]["caveats"] + answer["caveats"]


async def test_what_if_tells_of_points_that_were_earned_by_earlier_versions(api):
    assert await caveats(api) == []
    for points in (1, 60):
        rules = await read(api)
        rules["scores"][0]["rules"][0]["points"] = points
        await api.put("/api/rules", json=rules)
    rule = rules["scores"][0]["rules"][0]["id"]
    assert await caveats(api) == [
        f"The rule {rule} was new or changed in version 2: what it would have earned before is not known."
    ]


async def test_what_if_tells_of_pages_that_were_others(api):
    await api.put("/api/rules", json=await read(api) | {"pages": {}})
    assert [caveat.split(":")[0] for caveat in await caveats(api)] == ["Pages were others before version 1"]


@pytest.mark.parametrize("mark", [0, NOW])
async def test_rules_from_before_leads_were_there_or_recomputed_are_no_caveat(here, api, mark):
    await api.put("/api/rules", json=await with_webinar(api))
    state = make_state()
    first_ms = NOW - 1 if mark else NOW
    facts = msgspec.structs.replace(state.facts, first_seen_ms=first_ms)
    scores = {"lead": msgspec.structs.replace(state.scores["lead"], mark=mark)}
    here.view.rows = [make_lead(state=encode_profile(msgspec.structs.replace(state, facts=facts, scores=scores)))]
    assert await caveats(api) == []


async def test_while_leads_are_being_recomputed_earlier_rules_are_a_caveat(here, api):
    await api.put("/api/rules", json=await with_webinar(api))
    scores = {"lead": marked(make_state().scores["lead"], "user:anna", NOW)}
    here.view.rows = [make_lead(state=encode_profile(make_state(scores=scores)))]
    assert [caveat.split(":")[0] for caveat in await caveats(api)] == [
        "The rule webinar was new or changed in version 1"
    ]


async def test_what_if_says_how_far_back_it_looks(here, api, monkeypatch):
    monkeypatch.setattr("api.rule_desk.MAX_EARLIER", 2)
    monkeypatch.setattr("api.what_if.MAX_EARLIER", 2)
    for _ in range(3):
        await api.put("/api/rules", json=await read(api))
    assert await caveats(api) == ["Rules that are more than 2 versions old were not looked at."]


async def test_a_version_that_this_build_cannot_read_is_a_caveat(here, api):
    await here.deps.store.rules.add(VersionNote("default", 1, NOW, "", "", is_applied=True), b'{"new": 1}', 0)
    default = (await api.get("/api/rules/versions/0")).json()["rules"]
    await api.put("/api/rules", json=default, headers={"if-match": "1"})
    assert await caveats(api) == ["What earned points before version 2 is not known."]


async def test_what_if_looks_at_the_best_leads_of_very_many(here, api, monkeypatch):
    monkeypatch.setattr("api.what_if.MAX_LEADS", 500)
    here.view.rows = [make_lead(f"user:u{n}") for n in range(600)]
    rules = await read(api)
    rules["scores"][0]["margin"] = 5
    rules["pages"] = {}
    answer = (await api.post("/api/rules/what-if", json={"rules": rules})).json()
    assert (answer["examined"], answer["total"]) == (500, 600)
    assert [caveat.split()[0] for caveat in answer["caveats"]] == ["Pages", "Only"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"rules": {}, "score": {}}, "body"),
        ({"rule": {}}, "rule"),
        ({"rules": {"scores": [{"tiers": [{"name": "a"}]}]}}, "scores[0].tiers[0].at"),
        ({"score": {"id": "lead", "rules": [{"id": "a"}]}}, "score.rules[0].event"),
        ({"score": {"id": "other"}}, "score.id"),
        ({"score": {"half_life_ms": 1}}, "scores[0].half_life_ms"),
    ],
)
async def test_a_what_if_of_unusable_rules_is_refused(api, body, field):
    answer = await api.post("/api/rules/what-if", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


async def test_one_comparison_at_a_time(here, api):
    async with here.deps.rule_desk.comparing:
        answer = await api.post("/api/rules/what-if", json={"rules": await read(api)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "busy")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/rules"),
        ("PUT", "/api/rules"),
        ("GET", "/api/rules/versions"),
        ("GET", "/api/rules/versions/1"),
        ("POST", "/api/rules/validate"),
        ("POST", "/api/rules/what-if"),
        ("GET", "/api/rules/quarantined"),
        ("GET", "/api/rules/presets"),
        ("POST", "/api/rules/a/release"),
    ],
)
async def test_strangers_learn_and_change_nothing(here, method, path):
    assert (await here.client().request(method, path, content=b"{}")).status_code == 401


async def test_a_browser_changes_rules_from_our_own_page_only():
    here = await install()
    browser = await here.browser()
    answer = await browser.put("/api/rules", json={}, headers={"origin": "https://evil.example"})
    await here.close()
    assert answer.status_code == 403

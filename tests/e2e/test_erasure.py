"""Somebody is erased from a running platform: no byte of them is left in the data folder, and others lose nothing."""

import base64
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Platform
from tests.unit.infra.test_erasure_files import leave_deleted_text

EMAIL, NAME, USER, BROWSER = (
    "ada.lovelace@example.com",
    "Ada Augusta Lovelace",
    "customer-ada-1815",
    "browser-of-ada-01",
)
PHONE = "+441815121000"
TELLING = (EMAIL, NAME, USER, BROWSER, "analytical-engine", "msg-ada")
OTHER = {"userId": "customer-bob-1791", "anonymousId": "browser-of-bob-01"}

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(name="platform")
def running_platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "data", {"ENGINE__CART_WINDOW_S": 1, "LOG__TICK_INTERVAL_MS": 200}) as platform:
        yield platform


def post(platform: Platform, path: str, body: object) -> httpx.Response:
    key = platform.bootstrap["write_key"]
    return httpx.post(f"{platform.url}{path}", json=body, auth=(key, ""), timeout=30)


def from_shopify(platform: Platform, secret: str, customer: dict) -> httpx.Response:
    body = json.dumps(customer).encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    headers = {"X-Shopify-Topic": "customers/create", "X-Shopify-Hmac-Sha256": signature,
               "X-Shopify-Shop-Domain": "x.myshopify.com", "X-Shopify-Webhook-Id": f"hook-{len(body)}"}  # fmt: skip
    return httpx.post(f"{platform.url}/webhooks/shopify", content=body, headers=headers, timeout=30)


def live_through(platform: Platform) -> None:
    """Ada visits, says who she is, fills a cart and leaves it; Bob does, too; some of what she sends is unusable."""
    for number, ids, email, name in (
        ("ada", {"userId": USER, "anonymousId": BROWSER}, EMAIL, NAME),
        ("bob", OTHER, "bob@example.com", "Bob"),
    ):
        batch = [
            {"type": "track", "event": "Product Viewed", "messageId": f"msg-{number}-0", **ids, "userId": None,
             "properties": {"product_id": "analytical-engine" if number == "ada" else "kettle"}},
            {"type": "identify", "messageId": f"msg-{number}-1", **ids,
             "traits": {"email": email, "name": name, "phone": PHONE if number == "ada" else "+441"}},
            {"type": "group", "messageId": f"msg-{number}-2", **ids, "groupId": "acme", "traits": {"name": "Acme"}},
            {"type": "track", "event": "Product Added", "messageId": f"msg-{number}-3", **ids,
             "properties": {"product_id": "p1", "name": f"Kettle for {name}", "price": 40, "quantity": 1,
                            "currency": "EUR"}},
        ]  # fmt: skip
        assert post(platform, "/v1/batch", {"batch": batch}).status_code == 200
    post(platform, "/v1/track", {"event": "", "messageId": "msg-ada-bad", "userId": USER, "context": {"e": EMAIL}})
    platform.until("the mails went out", lambda: len(list(platform.deliveries("sent"))) >= 2)
    platform.until("the dead letter is kept", lambda: platform.get("/api/dead-letters")["letters"])
    for user in (USER, OTHER["userId"]):
        platform.until("outcomes are counted", lambda user=user: platform.get(f"/api/leads/{user}")["events"] == 5)


def erase(platform: Platform, key: str, **params: str) -> dict:
    answer = httpx.delete(f"{platform.url}/api/profiles/{key}", params=params, headers=authorized(platform), timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()


def authorized(platform: Platform) -> dict[str, str]:
    return {"Authorization": f"Bearer {platform.bootstrap['api_token']}"}


def done(platform: Platform, erasure: str, within_s: float = 120) -> dict:
    def told() -> dict | None:
        found = platform.get(f"/api/erasures/{erasure}")
        return found if found["state"] != "running" else None

    return platform.until("the erasure is done", told, within_s)


def files_with(folder: Path, words: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes().lower()
            if named := [
                word for word in words if word.lower().encode() in data or word.encode().hex().encode() in data
            ]:
                found[str(path.relative_to(folder))] = named
    return found


def test_no_byte_of_an_erased_person_is_left_in_the_data_folder(platform):
    live_through(platform)
    named = {name.partition("-")[0] for name in files_with(platform.folder, TELLING)}
    assert named >= {"log.db", "view.db", "ledger.db", "outbox.db", "dead_letters.db"}
    certificate = done(platform, erase(platform, EMAIL)["id"])
    assert (certificate["state"], certificate["error"], certificate["ids"]) == ("done", "", [])
    assert files_with(platform.folder, TELLING) == {}
    # The local copy and every write-ahead log follow a while later; nothing may come back with them.
    time.sleep(3)
    assert files_with(platform.folder, TELLING) == {}


@pytest.mark.parametrize("had_visited", [False, True])
def test_somebody_who_was_aliased_is_erased_with_the_previous_id(platform, had_visited):
    user, before = "personzz-alpha-1", "previouszz-alpha-9"
    if had_visited:
        post(platform, "/v1/page", {"anonymousId": before, "messageId": "alpha0"})
    post(platform, "/v1/track", {"userId": user, "event": "X", "messageId": "alpha1"})
    post(platform, "/v1/alias", {"userId": user, "previousId": before, "messageId": "alpha2"})
    address = f"{platform.url}/api/leads/{before}"
    platform.until(
        "she is known by the previous id",
        lambda: user in httpx.get(address, headers=authorized(platform), timeout=30).json().get("id", ""),
    )
    certificate = done(platform, erase(platform, user)["id"])
    assert (certificate["state"], certificate["error"]) == ("done", "")
    assert files_with(platform.folder, (user, before)) == {}
    # Whatever kind the previous id was of, it is refused.
    for kind in ("userId", "anonymousId"):
        post(platform, "/v1/track", {kind: before, "event": "X", "messageId": f"alpha3-{kind}"})
    time.sleep(2)
    assert files_with(platform.folder, (user, before)) == {}


def test_the_certificate_says_what_was_found_where(platform):
    live_through(platform)
    certificate = done(platform, erase(platform, f"user:{USER}")["id"])
    found = {step["name"]: step["found"] for step in certificate["steps"]}
    assert found["deliveries"]["deliveries"] >= 1
    assert found["state"]["profiles"] >= 3
    assert found["log"]["events"] >= 4
    assert found["letters"] == {"letters": 1}
    assert all(step["verified"] for step in certificate["steps"])


def test_others_keep_their_score_their_mail_and_their_company_when_somebody_is_erased(platform):
    live_through(platform)
    before = platform.get("/api/leads/customer-bob-1791")
    mails = [one for one in platform.deliveries() if one["recipient"] == "bob@example.com"]
    platform.until("both are members", lambda: platform.get("/api/accounts/acme")["member_count"] == 2)
    done(platform, erase(platform, EMAIL)["id"])
    after = platform.get("/api/leads/customer-bob-1791")
    moving = {"score", "as_of_ms", "score_now"}
    assert {k: v for k, v in after.items() if k not in moving} == {k: v for k, v in before.items() if k not in moving}
    assert [one for one in platform.deliveries() if one["recipient"] == "bob@example.com"] == mails
    platform.until("the company lost a member", lambda: platform.get("/api/accounts/acme")["member_count"] == 1)
    assert [lead["id"] for lead, _ in platform.leads()] == ["user:customer-bob-1791"]


def test_an_erased_person_is_refused_at_every_door_within_a_few_seconds(platform):
    secret = "shopifys-secret"
    command = ["sources", "add", "shopify", "--name", "Shopify", "--secret", secret, "--data", platform.folder]
    subprocess.run([sys.executable, "-m", "infra", *command], check=True, timeout=60, capture_output=True)
    live_through(platform)
    platform.until("the source is known", lambda: from_shopify(platform, secret, {"id": 1}).status_code == 200)
    erasure = erase(platform, EMAIL)
    asked = time.monotonic()
    message = {"type": "track", "event": "Back Again", "messageId": "msg-ada-9", "userId": USER}
    assert post(platform, "/v1/track", message).status_code == 200
    by_other_key = {"type": "track", "event": "Back Again", "messageId": "msg-ada-10", "anonymousId": BROWSER}
    bobs = {**by_other_key, **OTHER, "messageId": "msg-bob-10"}
    assert post(platform, "/v1/batch", {"batch": [by_other_key, bobs]}).status_code == 200
    gif = {"k": platform.bootstrap["write_key"], "e": "Back Again", "m": "msg-ada-11", "a": BROWSER}
    assert httpx.get(f"{platform.url}/p.gif", params=gif, timeout=30).status_code == 200
    assert from_shopify(platform, secret, {"id": 1815, "email": EMAIL, "first_name": "Ada"}).status_code == 200
    bad = {"type": "track", "event": "", "messageId": "msg-ada-12", "userId": USER, "context": {"email": EMAIL}}
    post(platform, "/v1/track", bad)
    assert time.monotonic() - asked < 60
    done(platform, erasure["id"])
    time.sleep(2)
    assert not [lead for lead, _ in platform.leads() if any(word in str(lead) for word in TELLING)]
    assert files_with(platform.folder, TELLING) == {}
    # What could not be used is kept as a reason without its bytes.
    [letter] = platform.until("the letter is kept", lambda: platform.get("/api/dead-letters")["letters"])
    assert "raw" not in letter or not letter["raw"]


def test_an_erasure_goes_on_where_a_crash_interrupted_it(tmp_path):
    platform = Platform(tmp_path / "data", {"ENGINE__CART_WINDOW_S": 1, "LOG__TICK_INTERVAL_MS": 200})
    platform.start()
    try:
        live_through(platform)
        erasure = erase(platform, EMAIL)
        platform.kill()
        for _ in range(3):
            platform.launch()
            time.sleep(2.5)
            platform.kill()
        platform.start()
        assert done(platform, erasure["id"])["state"] == "done"
        assert files_with(platform.folder, TELLING) == {}
    finally:
        platform.stop()


def test_whoever_is_erased_without_suppression_may_come_back_as_somebody_new(platform):
    live_through(platform)
    certificate = done(platform, erase(platform, EMAIL, suppress="false")["id"])
    assert certificate["state"] == "done"
    post(platform, "/v1/track", {"event": "Page Viewed", "messageId": "msg-ada-20", "userId": USER})
    lead = platform.until("she is back", lambda: [one for one, _ in platform.leads() if one["id"].endswith(USER)])
    assert lead[0]["events"] == 1


def test_a_lifted_suppression_lets_the_person_in_again(platform):
    live_through(platform)
    erasure = done(platform, erase(platform, EMAIL)["id"])
    listed = platform.get("/api/suppressions")
    assert listed["suppressions"] == [{"erasure": erasure["id"], "ids": erasure["id_count"]}]
    lifted = httpx.delete(f"{platform.url}/api/suppressions/{erasure['id']}", headers=authorized(platform), timeout=30)
    assert lifted.status_code == 200
    post(platform, "/v1/track", {"event": "Page Viewed", "messageId": "msg-ada-21", "userId": USER})
    platform.until("she is back", lambda: [one for one, _ in platform.leads() if one["id"].endswith(USER)])


def test_a_person_nobody_knows_has_to_be_named_with_the_kind_of_id(platform):
    answer = httpx.delete(f"{platform.url}/api/profiles/nobody-7", headers=authorized(platform), timeout=30)
    assert answer.status_code == 404
    assert "custom:" in answer.json()["error"]["message"]
    assert done(platform, erase(platform, "user:nobody-7")["id"])["state"] == "done"


def test_an_alias_is_erased_by_the_id_that_was_said_to_be_a_users(platform):
    user, before = "personzz-beta-1", "p9"
    post(platform, "/v1/track", {"userId": user, "event": "X", "messageId": "beta1"})
    post(platform, "/v1/alias", {"userId": user, "previousId": before, "messageId": "beta2"})
    address = f"{platform.url}/api/leads/user:{before}"
    platform.until(
        "she is known by the previous id",
        lambda: user in httpx.get(address, headers=authorized(platform), timeout=30).json().get("id", ""),
    )
    asked = erase(platform, f"user:{before}")
    assert set(asked["ids"]) >= {f"user:{user}", f"user:{before}", f"anon:{before}"}
    certificate = done(platform, asked["id"])
    assert (certificate["state"], certificate["error"]) == ("done", "")
    assert files_with(platform.folder, (user,)) == {}
    assert not list(platform.leads())


def test_whoever_has_an_id_like_the_erased_ones_stays_whole(platform):
    browser, email = "visitor-no-1", "eve@example.com"
    like = {"user:visitor-no-1": "a@b.example", "user:visitor-no-10": "steve@example.com"}
    for number, (name, address) in enumerate(like.items()):
        user = name.partition(":")[2]
        ids = {"userId": user, "messageId": f"like-{number}"}
        post(platform, "/v1/identify", {**ids, "traits": {"email": address, "name": f"Called {user}"}})
    post(platform, "/v1/identify", {"anonymousId": browser, "messageId": "gone-1", "traits": {"email": email}})
    names = (*like, f"anon:{browser}")
    platform.until("all are there", lambda: len(list(platform.leads())) == len(names))
    for name in names:
        platform.until(f"{name} has an address", lambda name=name: len(platform.get(f"/api/leads/{name}")["ids"]) > 1)
    before = {name: platform.get(f"/api/leads/{name}") for name in like}
    certificate = done(platform, erase(platform, f"anon:{browser}")["id"])
    assert (certificate["state"], certificate["error"]) == ("done", "")
    moving = {"score", "as_of_ms", "score_now"}
    for name, lead in before.items():
        after = platform.get(f"/api/leads/{name}")
        assert {k: v for k, v in after.items() if k not in moving} == {k: v for k, v in lead.items() if k not in moving}
    told = files_with(platform.folder, ("anon:visitor-no-1", "steve@example.com", "\x00eve@example.com"))
    assert {word for words in told.values() for word in words} == {"steve@example.com"}


def test_text_that_was_deleted_long_ago_goes_from_the_free_space_of_databases(platform):
    post(platform, "/v1/identify", {"userId": USER, "messageId": "old-1", "traits": {"email": EMAIL}})
    platform.until("she is there", lambda: list(platform.leads()))
    platform.stop()
    for name in ("outbox.db", "log.db", "config.db"):
        leave_deleted_text(platform.folder / name, f"a mail to {EMAIL}")
    platform.start()
    certificate = done(platform, erase(platform, EMAIL)["id"])
    assert (certificate["state"], certificate["error"]) == ("done", "")
    assert "written anew" in certificate["steps"][-1]["verified"]
    assert files_with(platform.folder, (EMAIL, USER)) == {}


def test_what_cannot_be_removed_is_no_matter_of_somebody_who_came_back(platform):
    post(platform, "/v1/identify", {"userId": USER, "messageId": "left-1", "traits": {"email": EMAIL}})
    platform.until("she is there", lambda: list(platform.leads()))
    (platform.folder / "notes.txt").write_text(f"{EMAIL} called")
    erasure = erase(platform, EMAIL, suppress="false")
    told = platform.until("it is put off", lambda: platform.get(f"/api/erasures/{erasure['id']}")["error"], 120)
    assert "notes.txt" in told
    (platform.folder / "notes.txt").unlink()
    assert done(platform, erasure["id"])["state"] == "done"


def test_no_erasure_is_done_while_the_configuration_names_the_person(platform):
    post(platform, "/v1/identify", {"userId": USER, "messageId": "conf-1", "traits": {"email": EMAIL}})
    platform.until("she is there", lambda: list(platform.leads()))
    address, headers = f"{platform.url}/api/sources/web", authorized(platform)
    httpx.patch(address, json={"name": f"Site of {EMAIL}"}, headers=headers, timeout=30).raise_for_status()
    erasure = erase(platform, EMAIL)
    told = platform.until("it says why", lambda: platform.get(f"/api/erasures/{erasure['id']}")["error"], 120)
    assert "config.db names the person" in told
    httpx.patch(address, json={"name": "Site"}, headers=headers, timeout=30).raise_for_status()
    assert done(platform, erasure["id"])["state"] == "done"
    assert files_with(platform.folder, (EMAIL, USER)) == {}

"""The dashboard's page "Sources" in a real browser: what sources send, their keys and policies, and letters mended."""

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.harness import Platform
from tests.e2e.sources_kit import (  # noqa: F401 - fixtures
    running_browser,
    running_platform,
    sound_page,
    what_a_browser_knows_once_signed_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

BROKEN = {"event": "Demo Requested", "properties": {"plan": "<script>alert(1)</script>"}}


def send(platform: Platform, message: Any, key: str = "") -> int:
    """Send one message, or bytes as they are, and return the status."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    auth = (key or platform.bootstrap["write_key"], "")
    return httpx.post(f"{platform.url}/v1/track", content=body, auth=auth).status_code


def letter_of(platform: Platform, **asked: str) -> str:
    """Return the id of the newest letter like this, once there is one."""
    found = platform.until("a letter", lambda: platform.get("/api/dead-letters", **asked)["letters"])
    return str(found[0]["id"])


def live(page: Page, **asked: str) -> Locator:
    """Open the debugger and return its messages."""
    query = "&".join(f"{name}={value}" for name, value in {"source": "web", **asked}.items())
    page.goto(f"/sources/live?{query}")
    expect(page.get_by_test_id("stream")).to_have_attribute("data-connection", "open")
    return page.get_by_test_id("noted")


def test_a_broken_event_appears_live_and_is_mended_by_dry_run_and_replay(page, platform):
    noted = live(page)
    assert send(platform, BROKEN) == 400
    broken = noted.and_(page.locator("[data-verdict=rejected]")).first
    expect(broken).to_contain_text("nobody is identified")
    broken.get_by_role("button").first.click()
    expect(broken.get_by_test_id("noted-raw")).to_contain_text("<script>alert(1)</script>")
    expect(page.get_by_test_id("stream-note")).to_contain_text("Paused")

    letter = letter_of(platform, source="web", code="missing_field")
    page.get_by_test_id("tab-letters").click()
    page.locator(f"[data-letter='{letter}']").get_by_role("button").click()
    sheet = page.get_by_test_id("letter-sheet")
    expect(sheet.get_by_test_id("fix-path")).to_have_value("userId")
    sheet.get_by_test_id("dry-run").click()
    expect(sheet.get_by_test_id("attempt")).to_have_attribute("data-verdict", "failed")
    sheet.get_by_test_id("fix-value").fill("grace")
    sheet.get_by_test_id("dry-run").click()
    expect(sheet.get_by_test_id("attempt")).to_have_attribute("data-verdict", "would_replay")
    expect(sheet.get_by_test_id("attempt-event")).to_contain_text('"user_id": "grace"')
    expect(sheet.get_by_test_id("letter-state")).to_have_text("New")

    sheet.get_by_test_id("replay").click()
    expect(sheet.get_by_test_id("letter-state")).to_have_text("Replayed")
    platform.until("the lead", lambda: platform.get("/api/leads", search="grace")["leads"])


def test_what_is_no_json_is_mended_as_text_without_losing_a_digit(page, platform):
    send(platform, b'{"event": "Cut Off", "userId": "12345678901234567890123')
    letter = letter_of(platform, code="invalid_json")
    page.goto(f"/sources/dead-letters?letter={letter}")
    editor = page.get_by_test_id("raw-editor")
    expect(page.get_by_text("No JSON yet")).to_be_visible()
    expect(page.get_by_test_id("dry-run")).to_be_disabled()
    editor.fill('{"event": "Cut Off", "userId": "cut", "properties": {"big": 9007199254740993}}')
    page.get_by_test_id("dry-run").click()
    with page.expect_request(re.compile("/api/dead-letters/replay")) as asked:
        page.get_by_test_id("replay").click()
    assert '"big": 9007199254740993' in (asked.value.post_data or "")
    expect(page.get_by_test_id("letter-state")).to_have_text("Replayed")


def test_many_letters_are_tried_and_replayed_at_once_and_others_dropped(page, platform):
    for number in range(3):
        send(platform, {"event": f"Bulk {number}", "user": f"bulk-{number}"})
    send(platform, {"event": "Nobody At All"})
    platform.until(
        "letters", lambda: platform.get("/api/dead-letters", state="new", code="missing_field")["total"] >= 4
    )
    page.goto("/sources/dead-letters?source=web")
    page.locator("[data-testid=cause][data-code=missing_field]").click()
    page.get_by_test_id("bulk-open").click()
    page.get_by_test_id("add-fix").click()
    page.get_by_label("What fix 1 does").select_option("rename")
    page.get_by_test_id("bulk-dry-run").click()
    page.get_by_test_id("fix-path").fill("user")
    page.get_by_test_id("fix-value").fill("userId")
    page.get_by_test_id("bulk-dry-run").click()
    result = page.get_by_test_id("bulk-result")
    expect(result.locator("[data-verdict=would_replay]")).to_contain_text("3")
    expect(result.locator("[data-verdict=failed]")).to_be_visible()
    page.get_by_test_id("bulk-replay").click()
    page.get_by_test_id("bulk-replay-confirm").click()
    expect(result.locator("[data-verdict=replayed]")).to_contain_text("3")
    page.get_by_test_id("bulk-drop").click()
    page.get_by_test_id("bulk-drop-confirm").click()
    expect(page.get_by_test_id("bulk-dropped")).to_contain_text("dropped")
    assert platform.get("/api/dead-letters", state="new", code="missing_field")["total"] == 0


def test_a_key_is_rotated_and_the_older_one_retired(page, platform):
    page.goto("/sources?open=web")
    keys = page.get_by_test_id("keys")
    first = platform.bootstrap["write_key"]
    page.get_by_test_id("rotate-key").click()
    page.get_by_test_id("rotate-key-confirm").click()
    expect(keys.locator("[data-key-state=older]")).to_contain_text(first)
    newest = keys.locator("[data-key-state=newest] code").inner_text()
    assert newest != first
    platform.until("the new key", lambda: send(platform, {"event": "A", "userId": "k"}, newest) == 200)
    assert send(platform, {"event": "B", "userId": "k"}) == 200
    page.get_by_test_id("retire-key").click()
    page.get_by_test_id("retire-key-confirm").click()
    expect(keys.locator("[data-key-state=older]")).to_have_count(0)
    platform.until("the end of the older", lambda: send(platform, {"event": "C", "userId": "k"}) == 401)
    # The key that all other tests send with is the installation's first website's newest.
    (platform.folder / "bootstrap.json").write_text(json.dumps(platform.bootstrap | {"write_key": newest}))


def test_an_error_of_the_policy_is_shown_at_its_field_and_keeps_what_was_typed(page, platform):
    page.goto("/sources?open=web")
    origins, rate = page.get_by_test_id("policy-allowed_origins"), page.get_by_test_id("policy-rate_per_s")
    origins.locator("textarea").fill("*.example.com\nhtp:/shop")
    page.get_by_test_id("save-policy").click()
    expect(origins).to_have_attribute("data-wrong", "true")
    expect(origins.get_by_role("alert")).to_contain_text("'htp:/shop' is no origin")
    expect(origins.locator("textarea")).to_have_value("*.example.com\nhtp:/shop")
    origins.locator("textarea").fill("")
    rate.locator("input").fill("0")
    page.get_by_test_id("save-policy").click()
    expect(rate.get_by_role("alert")).to_contain_text("To take nothing at all, turn the source off")
    expect(rate.locator("input")).to_be_focused()
    rate.locator("input").fill("900")
    page.get_by_test_id("save-policy").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert platform.get("/api/sources/web")["policy"]["rate_per_s"] == 900


def test_a_schema_is_found_wrong_at_its_place_then_mended_replaced_and_removed(page, platform):
    page.goto("/sources?open=web")
    page.get_by_test_id("add-schema").click()
    page.get_by_test_id("schema-event").locator("input").fill("Seat Booked")
    text, row = page.get_by_test_id("schema-text"), page.locator("[data-event=seat_booked]")
    text.fill('{"properties": {\n  "seats": {"minimum": "one"}}}')
    page.get_by_test_id("save-schema").click()
    expect(page.get_by_test_id("schema-text-about")).to_contain_text("properties.seats.minimum in line 2")
    text.fill('{"properties": {\n  "seats": {"minimum": 1}}}')
    page.get_by_test_id("save-schema").click()
    expect(row).to_have_attribute("data-version", "1")
    expect(page.get_by_test_id("add-schema")).to_be_focused()
    page.get_by_test_id("schemas-block").click()
    expect(page.get_by_test_id("schemas-block")).to_have_attribute("aria-pressed", "true")

    def status() -> int:
        return send(platform, {"event": "Seat Booked", "userId": "s", "properties": {"seats": 0}})

    platform.until("the schema", lambda: status() == 400)
    row.get_by_role("button").click()
    expect(text).to_have_value(re.compile('"minimum": 1'))
    text.fill('{"properties": {"seats": {"minimum": 0}}}')
    page.get_by_test_id("save-schema").click()
    expect(row).to_have_attribute("data-version", "2")
    platform.until("the second version", lambda: status() == 200)
    row.get_by_role("button").click()
    page.get_by_test_id("remove-schema").click()
    page.get_by_test_id("remove-schema-confirm").click()
    expect(page.get_by_test_id("schema-done")).to_have_text("Removed: the schema of seat_booked.")
    expect(row).to_have_count(0)
    page.get_by_test_id("schemas-off").click()
    expect(page.get_by_test_id("schemas-off")).to_have_attribute("aria-pressed", "true")
    assert platform.get("/api/event-schemas")["schemas"] == []


def test_an_earlier_version_of_a_schema_is_looked_at_and_put_in_force_again(page, platform):
    page.goto("/sources?open=web")
    text, row = page.get_by_test_id("schema-text"), page.locator("[data-event=bed_made]")
    versions = page.get_by_test_id("schema-version")
    page.get_by_test_id("add-schema").click()
    page.get_by_test_id("schema-event").locator("input").fill("Bed Made")
    for number, body in ((1, '{"minProperties": 9007199254740993}'), (2, '{"minProperties": 2}')):
        text.fill(body)
        page.get_by_test_id("save-schema").click()
        expect(row).to_have_attribute("data-version", str(number))
        row.get_by_role("button").click()
    expect(versions).to_have_value("2")
    versions.select_option("1")
    expect(text).to_have_value(re.compile("9007199254740993"))
    text.press_sequentially(" ")
    expect(versions).to_be_disabled()
    text.press("Backspace")
    page.get_by_test_id("save-schema").click()
    expect(row).to_have_attribute("data-version", "3")
    assert platform.get("/api/event-schemas/bed_made", source="web")["schema"] == {"minProperties": 9007199254740993}
    row.get_by_role("button").click()
    page.get_by_test_id("remove-schema").click()
    page.get_by_test_id("remove-schema-confirm").click()
    expect(row).to_have_count(0)


def test_what_is_typed_in_a_drawer_is_not_lost_without_a_question(page):
    page.goto("/sources?open=web")
    drawer, beside = page.get_by_test_id("source-drawer"), (10, 500)
    page.get_by_test_id("add-schema").click()
    text = page.get_by_test_id("schema-text")
    text.fill('{"half": ')
    page.mouse.click(*beside)
    expect(page.get_by_test_id("keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(text).to_be_focused()
    expect(text).to_have_value('{"half": ')
    page.mouse.click(*beside)
    text.press_sequentially("1")
    expect(page.get_by_test_id("keep")).to_have_count(0)
    page.get_by_role("button", name="Close").click()
    page.get_by_test_id("discard").click()
    expect(drawer).to_have_count(0)
    page.goto("/sources?open=web")
    expect(drawer).to_be_visible()
    page.mouse.click(*beside)
    expect(drawer).to_have_count(0)


def test_a_platform_is_added_with_its_secret_and_turned_off(page, platform):
    page.goto("/sources")
    page.get_by_test_id("add").click()
    page.get_by_test_id("new-kind").locator("select").select_option("shopify")
    page.get_by_test_id("new-name").locator("input").fill("Harbour shop")
    page.get_by_test_id("add-source-submit").click()
    expect(page.get_by_test_id("new-secret").get_by_role("alert")).to_contain_text("can't verify anything")
    page.get_by_test_id("new-secret").locator("input").fill("hook-secret")
    page.get_by_test_id("add-source-submit").click()
    expect(page.get_by_test_id("webhook-address")).to_have_text(f"{platform.url}/webhooks/harbour-shop")
    page.get_by_test_id("copy-webhook-address").click()
    copied = f"{platform.url}/webhooks/harbour-shop"
    page.wait_for_function("told => navigator.clipboard.readText().then(text => text === told)", arg=copied)
    page.get_by_test_id("turn-off").click()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("source-drawer")).to_be_visible()
    page.get_by_test_id("turn-off").click()
    page.get_by_test_id("turn-off-confirm").click()
    expect(page.get_by_test_id("turn-on")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("[data-source=harbour-shop]")).to_have_attribute("data-health", "off")


def test_refusals_alike_are_one_row_with_a_growing_number(page, platform):
    page.goto("/sources?open=web")
    noted = live(page, verdict="refused")
    httpx.patch(
        f"{platform.url}/api/sources/web",
        json={"policy": {"allowed_origins": ["https://shop.example"]}},
        headers={"Authorization": f"Bearer {platform.bootstrap['api_token']}"},
    ).raise_for_status()
    origin = {"Origin": "https://other.example"}
    key = (platform.bootstrap["write_key"], "")
    message = {"event": "A", "userId": "u"}

    with httpx.Client(auth=key, headers=origin) as visitor:

        def status() -> int:
            return visitor.post(f"{platform.url}/v1/track", json=message).status_code

        platform.until("the policy", lambda: status() == 403)
        for _ in range(6):  # at once, as only those of five seconds are counted together
            status()
    expect(noted.first.get_by_test_id("alike")).to_contain_text("7 alike")
    httpx.patch(
        f"{platform.url}/api/sources/web",
        json={"policy": {"allowed_origins": []}},
        headers={"Authorization": f"Bearer {platform.bootstrap['api_token']}"},
    ).raise_for_status()
    lets_in = {"auth": key, "headers": origin, "json": message}
    platform.until("the policy", lambda: httpx.post(f"{platform.url}/v1/track", **lets_in).status_code == 200)


def test_a_flood_keeps_what_is_rare_and_leaves_all_else_in_its_place(page, platform):
    noted = live(page)
    send(platform, {"event": "Rare And Broken"})
    expect(noted.and_(page.locator("[data-verdict=rejected]")).first).to_be_visible()
    before = page.get_by_test_id("stream-note").bounding_box()
    key = (platform.bootstrap["write_key"], "")
    for start in range(0, 800, 100):
        batch = [{"type": "track", "event": "Flood", "userId": f"f{start + n}"} for n in range(100)]
        httpx.post(f"{platform.url}/v1/batch", json={"batch": batch}, auth=key).raise_for_status()
    expect(page.get_by_test_id("verdict-accepted")).to_contain_text(re.compile("8[0-9]{2}|9[0-9]{2}|1,"))
    expect(noted).to_have_count(200)
    assert page.get_by_test_id("stream-note").bounding_box() == before
    page.get_by_test_id("verdict-rejected").click()
    expect(page).to_have_url(re.compile("verdict=rejected"))
    expect(noted.first).to_contain_text("nobody is identified")


def test_a_text_is_looked_for_in_all_that_came_and_stays_in_the_address(page, platform):
    send(platform, {"event": "Needle Found", "userId": "hay"})
    noted = live(page)
    page.get_by_placeholder("Text in any part").fill("NEEDLE")
    expect(page).to_have_url(re.compile("text=NEEDLE"))
    expect(noted).to_have_count(1)
    page.reload()
    expect(noted).to_have_count(1)


def test_the_page_is_worked_by_keyboard_and_its_addresses_lead_back(page):
    page.goto("/")
    page.get_by_test_id("nav-sources").focus()
    page.keyboard.press("Enter")
    opener = page.get_by_role("button", name="Web: connect, keys and policy")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("source-drawer")).to_be_visible()
    expect(page.get_by_test_id("snippet")).to_contain_text("/pixel.js")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("source-drawer")).to_have_count(0)
    expect(opener).to_be_focused()
    page.get_by_test_id("tab-letters").click()
    expect(page).to_have_title("Dead letters · CampaignIQ")
    page.go_back()
    expect(page.get_by_test_id("source-list")).to_be_visible()


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ({"state": "ready"}, "ready", "Log ready"),
        (
            {"state": "away for 7 s; events are taken, 5000000 bytes in the spool", "spooling": True,
             "spool": {"bytes": 5_000_000, "quarantine_files": 0}},
            "spooling", "has been away for 7 s. Events are still taken; 5.0 MB wait on disk",
        ),
        ({"disk": {"free_bytes": 9_000_000, "wanted_bytes": 268_435_456, "is_low": True}}, "refusing", "disk"),
        ({"state": "has taken no record for 12 s"}, "refusing", "It has taken no record for 12 s."),
    ],
)  # fmt: skip
def test_the_front_doors_state_is_told_in_words(page, told, state, words):
    def answer(route: Route) -> None:
        report = route.fetch().json()
        route.fulfill(json=report | told)

    page.route("**/api/ingest", answer)
    page.goto("/sources")
    door = page.get_by_test_id("door")
    expect(door).to_have_attribute("data-state", state)
    expect(door).to_contain_text(words)
    page.unroute_all(behavior="wait")


@pytest.mark.parametrize("path", ["/sources", "/sources?open=web", "/sources/live", "/sources/dead-letters"])
def test_nothing_is_wider_than_the_narrowest_phone(browser, platform, signed_in, path):
    context = browser.new_context(viewport={"width": 320, "height": 640}, storage_state=signed_in)
    page = context.new_page()
    page.goto(platform.url + path)
    expect(page.get_by_test_id("door")).to_have_attribute("data-state", "ready")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    context.close()


def test_after_a_restart_of_the_platform_the_stream_goes_on_by_itself(page, platform):
    noted = live(page)
    port = platform.port
    platform.kill()
    expect(page.get_by_test_id("stream")).not_to_have_attribute("data-connection", "open")
    platform.start(port)
    expect(page.get_by_test_id("stream")).to_have_attribute("data-connection", "open", timeout=60_000)
    send(platform, {"event": "Back Again", "userId": "r"})
    expect(noted.and_(page.locator("[data-name=back_again]"))).to_be_visible()

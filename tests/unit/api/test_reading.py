"""The reading routes answer in the shapes of docs/api.md."""

import asyncio
from dataclasses import replace

import pytest

from streams.model.alerts import AlertState
from streams.model.deliveries import DeliveryStatus
from streams.model.errors import MetricStoreError
from streams.ports import Uniques
from tests.unit.api.fakes_api import DAY_MS, NOW, Installation, make_alert, make_delivery, make_lead

CONTRIBUTION = {"rule", "count", "points", "last_at_ms", "is_fit"}


async def get(here: Installation, path: str) -> dict:
    answer = await here.with_token().get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_leads_come_best_first_with_their_number(here: Installation):
    here.view.rows += [make_lead("user:bo", 80.0), make_lead("user:cy", 10.0)]
    answer = await get(here, "/api/leads?limit=2&offset=0&search=&cart=open")
    assert [lead["id"] for lead in answer["leads"]] == ["user:bo", "user:anna"]
    assert (answer["total"], answer["as_of_ms"]) == (3, NOW)


@pytest.mark.parametrize("path", ["/api/leads?limit=&offset=", "/api/deliveries?limit=", "/api/alerts?limit="])
async def test_an_empty_number_counts_as_absent(here: Installation, path: str):
    assert await get(here, path) == await get(here, path.split("?", maxsplit=1)[0])


async def test_a_lead_shows_its_cart(here: Installation):
    (lead,) = (await get(here, "/api/leads"))["leads"]
    assert lead["cart"] == {"open": True, "value": 39.0, "currency": "USD", "due_ms": NOW + 1000}


@pytest.mark.parametrize(("points", "tier"), [(24.9, "cold"), (25.0, "warm"), (39.9, "warm"), (40.0, "hot")])
async def test_tier_follows_the_score(here: Installation, points: float, tier: str):
    here.view.rows = [make_lead(score=points)]
    assert (await get(here, "/api/leads"))["leads"][0]["tier"] == tier


async def test_score_decays_by_half_in_a_half_life(here: Installation):
    here.clock.ms = NOW + 30 * DAY_MS
    (lead,) = (await get(here, "/api/leads"))["leads"]
    assert (lead["score"], lead["tier"]) == (32.5, "warm")


async def test_threshold_score_keeps_its_tier_a_moment_later(here: Installation):
    here.view.rows = [make_lead(score=40.0)]
    here.clock.ms = NOW + 10_000
    assert (await get(here, "/api/leads"))["leads"][0]["tier"] == "hot"


async def test_contributions_sum_to_the_score(here: Installation):
    here.clock.ms = NOW + 7 * DAY_MS
    answer = await get(here, "/api/leads/anna@example.com/score")
    assert sum(c["points"] for c in answer["contributions"]) == pytest.approx(answer["score"], abs=1e-9)
    assert answer["score"] == pytest.approx(65 * 0.5 ** (7 / 30), abs=1e-3)


@pytest.mark.parametrize("path", ["/api/leads/test@test.com", "/api/leads/test@test.com/score"])
async def test_an_id_that_several_leads_share_is_told_to_be_shared_and_how_to_find_them(here: Installation, path: str):
    here.view.rows = [make_lead(f"user:{n}", email="test@test.com") for n in range(2)]
    answer = await here.with_token().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "shared_id")
    assert "/api/leads?search=" in answer.json()["error"]["message"]


async def test_score_answer_has_the_promised_fields(here: Installation):
    answer = await get(here, "/api/leads/user:anna/score")
    assert set(answer) == {"id", "score", "tier", "is_mql", "as_of_ms", "half_life_days", "contributions"}
    assert set(answer["contributions"][0]) == CONTRIBUTION


async def test_lead_detail_tells_all(here: Installation):
    answer = await get(here, "/api/leads/anna")
    assert answer["cart"]["items"][0] == {
        "product_id": "p1",
        "name": "Lamp",
        "quantity": 2,
        "price": 19.5,
        "image_url": "",
        "url": "",
    }
    assert answer["lead_score"] == answer["score"] == 65.0


async def test_interactions_come_newest_first(here: Installation):
    answer = await get(here, "/api/leads/anna")
    assert [i["type"] for i in answer["interactions"]] == ["demo_requested", "page_viewed"]
    assert answer["keys"]["email"] == "anna@example.com"


async def test_a_user_id_may_contain_slashes(here: Installation):
    here.view.rows = [make_lead("user:a/b", user_id="a/b")]
    assert (await get(here, "/api/leads/a%2Fb"))["id"] == "user:a/b"


async def test_deliveries_are_paged_newest_first(here: Installation):
    here.deliveries.rows = [make_delivery(n) for n in (1, 2, 3)]
    first = await get(here, "/api/deliveries?limit=2&status=&profile=&before=")
    second = await get(here, f"/api/deliveries?limit=2&before={first['next_before']}")
    assert [d["id"] for d in first["deliveries"] + second["deliveries"]] == ["d3", "d2", "d1"]
    assert second["next_before"] is None


async def test_deliveries_can_be_asked_for_by_status(here: Installation):
    here.deliveries.rows = [make_delivery(1), make_delivery(2, DeliveryStatus.UNCERTAIN)]
    answer = await get(here, "/api/deliveries?status=uncertain")
    assert [d["status"] for d in answer["deliveries"]] == ["uncertain"]
    assert answer["counts"] == {"sent": 2}


async def test_delivery_has_its_message_when_the_outbox_has_it(here: Installation):
    here.deliveries.rows = [make_delivery(1), make_delivery(2)]
    message = (await get(here, "/api/deliveries/d1"))["message"]
    assert set(message) == {"subject", "from", "to", "html", "text"}
    assert (await get(here, "/api/deliveries/d2"))["message"] is None


async def test_delivery_of_another_workspace_is_not_found(here: Installation):
    here.deliveries.rows = [make_delivery(1, workspace="other")]
    assert (await here.with_token().get("/api/deliveries/d1")).status_code == 404


async def test_event_metrics_are_series_by_group(here: Installation):
    here.metrics.add(NOW - 60_000, "page_viewed")
    here.metrics.add(NOW - 60_000, "order_completed", 12.5, "USD")
    answer = await get(here, "/api/metrics/events?step_ms=10000&event=&campaign=&start_ms=&stop_ms=")
    assert [(s["group"], s["points"][0][1:]) for s in answer["series"]] == [
        ("order_completed", [1, 12.5]),
        ("page_viewed", [1, 0.0]),
    ]


async def test_event_metrics_can_be_narrowed(here: Installation):
    here.metrics.add(NOW - 1_000, "page_viewed")
    here.metrics.add(NOW - 1_000, "order_completed", 12.5, "USD")
    answer = await get(here, "/api/metrics/events?event=order_completed&group_by=currency")
    assert [s["group"] for s in answer["series"]] == ["USD"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("step_ms=15000", "step_ms"),
        ("step_ms=5000", "step_ms"),
        ("step_ms=10000&start_ms=0&stop_ms=900000000000", "step_ms"),
        ("start_ms=5&stop_ms=5", "start_ms"),
        ("start_ms=x", "start_ms"),
        ("group_by=profile", "group_by"),
    ],
)
async def test_unanswerable_metric_questions_name_the_field(here: Installation, query: str, field: str):
    answer = await here.with_token().get(f"/api/metrics/events?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


async def test_summary_counts_orders_and_money(here: Installation):
    here.metrics.add(NOW - 1_000, "order_completed", 10.0, "USD")
    here.metrics.add(NOW - 2_000, "order_completed", 2.5, "USD")
    here.metrics.add(NOW - 3_000, "page_viewed")
    here.metrics.add(NOW - DAY_MS, "page_viewed")
    answer = await get(here, "/api/metrics/summary?window_ms=3600000")
    assert (answer["events"], answer["orders"], answer["revenue"]) == (3, 2, {"USD": 12.5})
    assert answer["open_carts"] == {"USD": {"count": 1, "value": 39.0}}


HOUR_MS = 3_600_000
HOUR = NOW - NOW % HOUR_MS


async def test_visitors_are_shown_by_group_most_first(here: Installation):
    here.metrics.visitors = Uniques(6.2, {"": 1.0, "spring": 5.9, "autumn": 1.0})
    answer = await get(here, "/api/metrics/uniques?group_by=campaign&start_ms=&stop_ms=")
    assert [(g["group"], g["visitors"]) for g in answer["groups"]] == [("spring", 6), ("", 1), ("autumn", 1)]
    assert (answer["visitors"], answer["standard_error"]) == (6, 0.023)


async def test_visitors_are_those_of_whole_hours(here: Installation):
    answer = await get(here, f"/api/metrics/uniques?start_ms={HOUR + 5}&stop_ms={HOUR + HOUR_MS + 1}&name=signed_up")
    assert (answer["start_ms"], answer["stop_ms"]) == (HOUR, HOUR + 2 * HOUR_MS)
    assert here.metrics.asked == ("default", HOUR, HOUR + 2 * HOUR_MS, "event", "signed_up")


async def test_quantiles_come_in_the_order_asked_for(here: Installation):
    here.metrics.values = [99.0, 12.5]
    answer = await get(here, "/api/metrics/quantiles?currency=eur&q=0.95&q=0.5")
    assert answer["quantiles"] == [{"q": 0.95, "value": 99.0}, {"q": 0.5, "value": 12.5}]
    assert here.metrics.asked[3:] == ("order_completed", "EUR", [0.95, 0.5])


async def test_without_values_there_are_no_quantiles_to_show(here: Installation):
    answer = await get(here, "/api/metrics/quantiles?event=signed_up")
    assert (answer["count"], answer["quantiles"]) == (0, [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("uniques?group_by=currency", "group_by"),
        ("uniques?start_ms=5&stop_ms=5", "start_ms"),
        ("uniques?start_ms=0&stop_ms=9000000000", "start_ms"),
        (f"uniques?name={'x' * 201}", "name"),
        ("quantiles?q=1.5", "q.0"),
        ("quantiles?q=nan", "q.0"),
        ("quantiles?event=", "event"),
        ("quantiles?" + "&".join(["q=0.5"] * 21), "q"),
    ],
)
async def test_unanswerable_questions_to_sketches_name_the_field(here: Installation, query: str, field: str):
    answer = await here.with_token().get(f"/api/metrics/{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


async def test_alerts_can_be_asked_for_by_state(here: Installation):
    here.deps.alerts.put(make_alert())
    here.deps.alerts.put(make_alert(AlertState.RESOLVED, since_ms=NOW - 99))
    answer = await get(here, "/api/alerts?state=firing")
    assert [a["since_ms"] for a in answer["alerts"]] == [NOW - 5]


async def test_away_metric_store_is_unavailable_and_says_when_to_return(here: Installation):
    here.metrics.fail_with = MetricStoreError("influx does not answer")
    answer = await here.with_token().get("/api/metrics/summary")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_unexpected_failure_tells_nothing_of_the_inside(here: Installation):
    here.metrics.fail_with = RuntimeError("secret detail")
    answer = await here.with_token().get("/api/metrics/summary")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/api/leads/nobody", "/api/deliveries/none", "/api/nothing"])
async def test_what_is_not_there_is_a_json_404(here: Installation, path: str):
    answer = await here.with_token().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_validation_error_names_field_and_problem(here: Installation):
    error = (await here.with_token().get("/api/leads?limit=9999")).json()["error"]
    assert (error["code"], error["field"]) == ("invalid_field", "limit")
    assert error["message"].startswith("limit: ")


async def test_two_hundred_leads_answer_at_once(here: Installation):
    here.view.rows = [make_lead(f"user:{n}", n % 90) for n in range(200)]
    client = here.with_token()
    await client.get("/api/leads?limit=200")
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(20):
        start = loop.time()
        await client.get("/api/leads?limit=200")
        times.append(loop.time() - start)
    assert min(times) < 0.5


async def test_delivery_without_an_outbox_has_no_message(here: Installation):
    here.app.state.deps = replace(here.deps, outbox=None)
    here.deliveries.rows = [make_delivery(1)]
    assert (await get(here, "/api/deliveries/d1"))["message"] is None


@pytest.mark.parametrize(
    ("score", "announced", "shown"), [(50.0, False, True), (30.0, True, True), (49.0, False, False)]
)
async def test_mql_is_who_was_announced_or_has_the_points(
    here: Installation, score: float, announced: bool, shown: bool
):
    here.view.rows = [make_lead(score=score, is_mql=announced)]
    assert (await get(here, "/api/leads"))["leads"][0]["is_mql"] is shown

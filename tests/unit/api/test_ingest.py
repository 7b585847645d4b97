"""What the front door says of itself: to those who are signed in, and whether it takes events to everybody."""

from tests.unit.api.fakes_api import Installation, install

REPORT = {"state": "ready", "total": {"accepted": 3}}


class Desk:
    takes = True

    def report(self, workspace: str) -> dict[str, object]:
        return REPORT | {"workspace": workspace}

    def prometheus(self, workspace: str) -> str:
        return f'campaigniq_ingest_drift{{workspace="{workspace}"}} 0\n'

    def takes_events(self) -> bool:
        return self.takes


async def test_counters_are_for_those_who_are_signed_in():
    there = await install(ingest=Desk())
    assert (await there.client().get("/api/ingest")).status_code == 401
    assert (await there.client().get("/metrics")).status_code == 401
    assert (await there.with_token().get("/api/ingest")).json() == REPORT | {"workspace": "default"}
    assert (await there.with_token().get("/metrics")).text.startswith("campaigniq_ingest_drift{")
    await there.close()


async def test_whoever_spreads_traffic_learns_whether_events_are_taken():
    desk = Desk()
    there = await install(ingest=desk)
    assert (await there.client().get("/readyz/intake")).status_code == 200
    desk.takes = False
    answer = await there.client().get("/readyz/intake", headers={"host": "10.0.0.7"})
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    await there.close()


async def test_a_process_without_a_front_door_says_so(here: Installation):
    assert (await here.with_token().get("/api/ingest")).status_code == 404
    assert (await here.client().get("/readyz/intake")).status_code == 503

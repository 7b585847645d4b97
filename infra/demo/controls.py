"""The demo's switches: what the controls page may ask of the traffic generator, and from whom it takes orders."""

from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request

OUTAGE_SOURCE = "mobile-app"
OUTAGE_S = 60.0
BURST_FACTOR = 8.0
BURST_S = 30.0


class TrafficStatus(NamedTuple):
    """What the traffic is doing: seconds that each paused source stays quiet, and the burst, if any."""

    paused: dict[str, float]
    factor: float
    burst_left_s: float


class TrafficControls(Protocol):
    """The part of the traffic generator that a visitor of the demo may drive."""

    def pause(self, source: str, seconds: float) -> None: ...

    def burst(self, factor: float, seconds: float) -> None: ...

    def normal(self) -> None: ...

    def status(self) -> TrafficStatus: ...


def act(traffic: TrafficControls, action: str) -> bool:
    """Do what a button asks for; False when there is no such button."""
    match action:
        case "outage":
            traffic.pause(OUTAGE_SOURCE, OUTAGE_S)
        case "burst":
            traffic.burst(BURST_FACTOR, BURST_S)
        case "normal":
            traffic.normal()
        case _:
            return False
    return True


def is_same_origin(request: Request) -> bool:
    """Tell whether a page of this very site sent the request; browsers name the origin on every POST."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    return bool(origin and host) and urlsplit(origin).netloc == host

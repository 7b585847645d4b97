"""Puts the demo together: its shop, and the visitors."""

from random import SystemRandom
from typing import NamedTuple

from starlette.applications import Starlette

from infra.demo.shop import create_shop
from infra.demo.traffic import TrafficGenerator
from infra.settings import Settings
from streams.ports import Clock


class Demo(NamedTuple):
    """The demo's shop, and its visitors."""

    shop: Starlette
    traffic: TrafficGenerator


def build_demo(settings: Settings, url: str, keys: dict[str, str], clock: Clock) -> Demo:
    """Build the demo, whose visitors reach the platform at `url`."""
    window_s = settings.demo.cart_window_s
    traffic = TrafficGenerator(
        url, keys, clock, SystemRandom(), rate_per_s=settings.demo.rate_per_s, recovery_after_s=window_s + 15
    )
    return Demo(create_shop(keys["web"], controls=traffic, cart_window_s=settings.engine.cart_window_s), traffic)

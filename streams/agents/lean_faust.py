"""Faust, as the other modules here import it: without aiohttp, 7 MiB and 0.1 s that nothing here uses.

Faust wants one name of it, for annotations and a setting; its web server, which would use the rest, is off.
"""

import sys
from types import ModuleType


class NoHttpClient:
    """What the app's setting names instead of aiohttp's."""


def _stand_in() -> dict[str, ModuleType]:
    """Put modules with that name in aiohttp's place, if it is not there itself, and return them."""
    if "aiohttp" in sys.modules:
        return {}
    modules = {name: ModuleType(name) for name in ("aiohttp", "aiohttp.client")}
    vars(modules["aiohttp.client"])["ClientSession"] = NoHttpClient
    sys.modules.update(modules)
    return modules


_put = _stand_in()
try:
    import faust
    from faust.assignor.client_assignment import ClientAssignment
    from faust.tables.manager import TableManager
    from faust.transport.base import Transport
    from faust.transport.consumer import Consumer
    from faust.transport.drivers import TRANSPORTS
    from faust.transport.producer import Producer
    from faust.types import TP, ConsumerMessage
finally:
    for _name in _put:
        del sys.modules[_name]

__all__ = [
    "TP",
    "TRANSPORTS",
    "ClientAssignment",
    "Consumer",
    "ConsumerMessage",
    "NoHttpClient",
    "Producer",
    "TableManager",
    "Transport",
    "faust",
]

"""Ids for visitors of pages that keep nothing on the device: made at the door, good for a day, in nobody's hands.

id = "day_" + 120 bits of BLAKE2b, keyed with the day's random salt, over the source, the address less its end and the
user agent. Neither of these is kept with it. Once the salt is deleted, at the end of the day (UTC), nobody can say
whose id it was, nor which of two days' ids are of one visitor.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from ingest.caller import Caller
from ingest.persons import keys_of
from ingest.policy.addresses import TRUNCATE, kept_address
from ingest.values import optional_object
from streams.ports import Clock

DAY_MS = 86_400_000
_ID_BYTES = 15
_SALT_BYTES = 32
_SALTS_KEPT = 4

LoadSalts = Callable[[Sequence[int]], Awaitable[Mapping[int, bytes]]]
"""Returns the salts of these days (counted from 1970), the same in every process, and forgets those before."""


class DailyIds:
    """Gives messages that say `context.cookieless` an anonymous id, unless they name somebody.

    `refresh` from time to time: it fetches the salts of today and tomorrow. A day that was never fetched, since the
    store was away, gets a salt of this process.
    """

    def __init__(self, load: LoadSalts, clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._salts: dict[int, bytes] = {}

    async def refresh(self) -> None:
        """Take in the salts of today and tomorrow, and forget the others."""
        today = self._clock.now_ms() // DAY_MS
        if today + 1 in self._salts:
            return
        self._salts = dict(await self._load((today, today + 1)))

    def __call__(self, message: object, caller: Caller) -> object:
        """Return the message with an id, where it wants one."""
        if not isinstance(message, dict):
            return message
        context = message.get("context")
        if not isinstance(context, dict) or context.get("cookieless") is not True or not caller.user_agent:
            return message
        if message.get("anonymousId") or _names_somebody(message, context):
            # Neighbours with like browsers share an id: joined to an e-mail, it would make one person of them.
            return message
        return {**message, "anonymousId": self._id_of(caller)}

    def _id_of(self, caller: Caller) -> str:
        network = kept_address(caller.address, TRUNCATE)
        who = f"{caller.source.workspace}\0{caller.source.id}\0{network}\0{caller.user_agent}"
        salt = self._salt_of(self._clock.now_ms() // DAY_MS)
        return f"day_{blake2b(who.encode(), digest_size=_ID_BYTES, key=salt[:64]).hexdigest()}"

    def _salt_of(self, day: int) -> bytes:
        if day not in self._salts:
            self._salts = {kept: salt for kept, salt in self._salts.items() if kept > day - _SALTS_KEPT}
            self._salts[day] = secrets.token_bytes(_SALT_BYTES)
        return self._salts[day]


def _names_somebody(message: dict[str, Any], context: dict[str, Any]) -> bool:
    properties = optional_object(message, "properties")
    traits = optional_object(context, "traits", "context.") | optional_object(message, "traits")
    return keys_of(message, context, properties, traits).canonical() is not None

"""The people of a run under chaos and what they do, the same for the same seed. Knows no time, no frames, no engine."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

PLAIN, BROWSER, JOINER, MESSY = "plain", "browser", "joiner", "messy"
"""A user of one id; a browser nobody signs in on; somebody who signs in on two browsers and opens mails; ids that many
share, that are joined by alias and taken apart again.
"""
_SHARES = ((PLAIN, 0.5), (BROWSER, 0.13), (JOINER, 0.32), (MESSY, 0.05))
WORKSPACES = ("alpha", "beta", "gamma")
"""`gamma` gets other rules in the middle."""
MESS = "mess"
_SOURCES = ("web", "app", "server")
_CAMPAIGNS = (None, None, "spring", "summer", "autumn", "brand")
_NAMES = {
    "page_viewed": 30,
    "product_viewed": 20,
    "product_added": 14,
    "order_completed": 7,
    "email_opened": 10,
    "email_clicked": 5,
    "form_started": 4,
    "form_submitted": 3,
    "demo_requested": 1,
    "identified": 3,
    "grouped": 2,
    "price_changed": 1,
}
_PRICED = frozenset({"product_viewed", "product_added", "order_completed", "price_changed"})
_OF_CARTS = frozenset({"product_added", "order_completed"})
_BATCH = 1_000
DAY_MS = 86_400_000


class Deed(NamedTuple):
    """One event before it has a time: it happened `delay_ms` before it is received. `keys` by name."""

    id: str
    person: int
    kind: str
    workspace: str
    source: str
    name: str
    delay_ms: int
    keys: dict[str, str]
    campaign: str | None
    value: float | None
    currency: str | None
    properties: dict[str, Any]
    traits: dict[str, Any]


class _Person:
    def __init__(self, number: int, kind: str, random: Random) -> None:
        self.number = number
        self.kind = kind
        self.workspace = MESS if kind == MESSY else random.choice(WORKSPACES)
        self.signs_in_at = random.randint(2, 12)
        self.deeds = 0
        self.carts = 0
        self.in_cart = 0


class Crowd:
    """`deeds` yields for ever."""

    def __init__(self, seed: int, people: int) -> None:
        self._random = random = Random(f"crowd {seed}")
        kinds = random.choices([k for k, _ in _SHARES], [s for _, s in _SHARES], k=people)
        self._people = [_Person(number, kind, random) for number, kind in enumerate(kinds)]
        self._weights = list(accumulate((rank + 10) ** -0.6 for rank in range(people)))
        self._names, self._chances = list(_NAMES), list(accumulate(_NAMES.values()))
        self._shared = max(3, people // 400)

    def deeds(self) -> Iterator[Deed]:
        random, number = self._random, 0
        while True:
            chosen = random.choices(self._people, cum_weights=self._weights, k=_BATCH)
            named = random.choices(self._names, cum_weights=self._chances, k=_BATCH)
            for person, name in zip(chosen, named, strict=True):
                number += 1
                yield self._deed(number, person, name)

    def _deed(self, number: int, person: _Person, name: str) -> Deed:
        random = self._random
        person.deeds += 1
        keys = self._keys(person, name)
        if person.kind == MESSY:
            name = self._messy_name(name)
        value = round(1 + random.random() * 200, 2) if name in _PRICED else None
        return Deed(
            f"m{number:08d}",
            person.number,
            person.kind,
            person.workspace,
            random.choice(_SOURCES),
            name,
            0 if name in _OF_CARTS else self._delay_ms(),
            keys,
            random.choice(_CAMPAIGNS),
            value,
            random.choice(("EUR", "USD")) if name in _OF_CARTS else None,
            self._properties(person, name, value),
            self._traits(person) if name == "identified" else {},
        )

    def _delay_ms(self) -> int:
        draw = self._random.random()
        if draw < 0.65:
            return 0
        if draw < 0.98:
            return int(self._random.random() * 30_000)
        return int((1.05 + self._random.random()) * DAY_MS)

    def _keys(self, person: _Person, name: str) -> dict[str, str]:
        n = person.number
        if person.kind == MESSY:
            return self._messy_keys()
        if person.kind == JOINER:
            return self._joiner_keys(person, name)
        return {"user_id": f"u{n}"} if person.kind == PLAIN else {"anonymous_id": f"b{n}"}

    def _joiner_keys(self, person: _Person, name: str) -> dict[str, str]:
        n = person.number
        if name.startswith("email"):
            return {"email": f"p{n}@mail.example"}
        first, second = f"b{n}.1", f"b{n}.2"
        if person.deeds < person.signs_in_at:
            return {"anonymous_id": first}
        draw = self._random.random()
        if draw < 0.15:
            return {"anonymous_id": first if draw < 0.05 else second}
        keys = {"user_id": f"u{n}", "anonymous_id": second if draw > 0.7 else first}
        if name == "identified":
            keys["email"] = f"p{n}@mail.example"
        return keys

    def _messy_keys(self) -> dict[str, str]:
        random, few = self._random, self._shared
        pools = {
            "user_id": (0.4, f"u{random.randrange(4 * few)}"),
            "anonymous_id": (0.6, f"b{random.randrange(8 * few)}"),
            "email": (0.25, f"e{random.randrange(3 * few)}@mail.example"),
            "phone": (0.1, f"+49{random.randrange(few)}555"),
            "device_id": (0.2, f"d{random.randrange(2 * few)}"),
        }
        keys = {name: value for name, (chance, value) in pools.items() if random.random() < chance}
        return keys or {"anonymous_id": pools["anonymous_id"][1]}

    def _messy_name(self, name: str) -> str:
        draw = self._random.random()
        return "aliased" if draw < 0.06 else "unmerged" if draw < 0.1 else name

    def _properties(self, person: _Person, name: str, value: float | None) -> dict[str, Any]:
        random, few = self._random, self._shared
        if name in _OF_CARTS:
            return self._cart(person, name, value)
        company, sku = f"c{random.randrange(20)}", f"sku{random.randrange(300)}"
        told: dict[str, dict[str, Any]] = {
            "page_viewed": {"path": random.choice(("/", "/blog", "/pricing", "/about"))},
            "product_viewed": {"product_id": sku, "price": value},
            "price_changed": {"product_id": sku, "price": value},
            "form_started": {"form_id": f"f{random.randrange(3)}"},
            "form_submitted": {"form_id": f"f{random.randrange(3)}"},
            "grouped": {"group_id": company, "group_traits": {"name": f"Company {company}"}},
            "aliased": {"previous_id": f"{random.choice('ub')}{random.randrange(6 * few)}"},
            "unmerged": {"id": f"anon:b{random.randrange(8 * few)}"},
        }
        return told.get(name, {})

    def _cart(self, person: _Person, name: str, value: float | None) -> dict[str, Any]:
        """One cart of a person after another, so that few of them are open at a time."""
        cart = f"k{person.carts}"
        person.in_cart += 1
        if name == "order_completed" or person.in_cart > 6:
            person.carts += 1
            person.in_cart = 0
        if name == "order_completed":
            return {"cart_id": cart, "order_id": f"o{person.number}.{cart}"}
        return {"cart_id": cart, "product_id": f"sku{self._random.randrange(300)}", "price": value, "quantity": 1}

    def _traits(self, person: _Person) -> dict[str, Any]:
        title = self._random.choice(("head of sales", "engineer", "buyer"))
        return {"title": title, "first_name": f"P{person.number}"}

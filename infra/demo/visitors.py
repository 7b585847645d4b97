"""The crowd of one source: who is in the shop, who comes next, who comes back. Draws all chance from one Random."""

from collections import deque
from collections.abc import Iterator, Sequence
from random import Random

from infra.demo.catalogue import Product
from infra.demo.people import Person, invent
from infra.demo.story import (
    CAMPAIGNS,
    OPENING,
    STORIES,
    Lines,
    Step,
    Story,
    Visit,
    come_back_for_cart,
    read_newsletter,
)

IN_THE_SHOP = 5
REMEMBERED = 200
RETURN_SHARE = 0.3
RECOVERY_SHARE = 0.4


class Crowd:
    """Visitors take turns; `next_step` returns the events of whoever is next."""

    def __init__(
        self,
        shop_url: str,
        catalogue: Sequence[Product],
        random: Random,
        is_app: bool,
        recovery_after_s: float,
    ) -> None:
        self._shop_url = shop_url
        self._catalogue = catalogue
        self._random = random
        self._is_app = is_app
        self._recovery_after_s = recovery_after_s
        self._opening = deque(OPENING)
        self._visits: deque[tuple[Visit, Iterator[Step]]] = deque()
        self._regulars: deque[Person] = deque(maxlen=REMEMBERED)
        self._left_carts: deque[tuple[float, Person, Lines]] = deque(maxlen=REMEMBERED)

    def next_step(self, now_s: float) -> Step:
        """Return the next visitor's step; `now_s` only orders who comes back when."""
        while True:
            while len(self._visits) < IN_THE_SHOP:
                self._visits.append(self._arrive(now_s))
            visit, steps = self._visits.popleft()
            step = next(steps, None)
            if step is not None:
                self._visits.append((visit, steps))
                return step
            self._leave(visit, now_s)

    def _arrive(self, now_s: float) -> tuple[Visit, Iterator[Step]]:
        if self._left_carts and self._left_carts[0][0] <= now_s:
            _, person, cart = self._left_carts.popleft()
            visit = self._visit(person)
            return visit, come_back_for_cart(visit, cart)
        if not self._opening and self._regulars and self._random.random() < RETURN_SHARE:
            visit = self._visit(self._random.choice(self._regulars))
            return visit, read_newsletter(visit)
        visit = self._visit(invent(self._random, signed_in=self._is_app))
        (story,) = self._random.choices(list(STORIES), list(STORIES.values()))
        return visit, self._opened_with(visit, self._opening.popleft() if self._opening else story)

    def _opened_with(self, visit: Visit, story: Story) -> Iterator[Step]:
        if self._is_app:
            yield [visit.identify()]
        yield from story(visit)

    def _visit(self, person: Person) -> Visit:
        campaign = self._random.choice((*CAMPAIGNS, CAMPAIGNS[0], None, None))
        return Visit(person, campaign, self._shop_url, self._catalogue, self._random, self._is_app)

    def _leave(self, visit: Visit, now_s: float) -> None:
        if visit.is_known and visit.person not in self._regulars:
            self._regulars.append(visit.person)
        if visit.is_known and visit.has_left_cart and self._random.random() < RECOVERY_SHARE:
            self._left_carts.append((now_s + self._recovery_after_s, visit.person, visit.cart))

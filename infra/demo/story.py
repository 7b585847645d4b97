"""What visitors of the demo shop do: a story yields steps, a step is the events of one moment. It sends nothing."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from infra.demo.catalogue import CURRENCY, Product, restore_url, tracked
from infra.demo.people import Person

Payload = dict[str, Any]
Step = list[Payload]
Lines = list[tuple[Product, int]]


class Campaign(NamedTuple):
    """Where a visit came from, as its UTM tags say."""

    name: str
    source: str
    medium: str


CAMPAIGNS = (
    Campaign("spring-sale", "google", "cpc"),
    Campaign("tea-time-reels", "instagram", "social"),
    Campaign("cafe-partners", "partners", "referral"),
)
NEWSLETTER = Campaign("newsletter-may", "newsletter", "email")
RECOVERY = Campaign("cart-recovery", "campaigniq", "email")
CHECKOUT_SHARE = 0.75  # of left carts: how many got as far as an address
CLICK_SHARE = 0.6  # of opened newsletters


class Visit:
    """One person's visit: makes the events, remembers the cart and whether it was left behind."""

    def __init__(
        self,
        person: Person,
        campaign: Campaign | None,
        shop_url: str,
        catalogue: Sequence[Product],
        random: Random,
        is_app: bool = False,
    ) -> None:
        self.person = person
        self.random = random
        self.catalogue = catalogue
        self.cart: Lines = []
        self.is_known = bool(person.user_id)
        self.has_left_cart = False
        self.campaign = campaign
        self._shop_url = shop_url
        self._is_app = is_app

    def page(self, path: str, title: str) -> Payload:
        here = {"path": f"/shop{path}", "url": self._shop_url + path, "title": title}
        kind = "screen" if self._is_app else "page"
        return self._event(kind, name=title, properties=here)

    def track(self, name: str, /, **properties: Any) -> Payload:
        return self._event("track", event=name, properties=properties)

    def identify(self) -> Payload:
        self.is_known = True
        return self._event("identify", traits=self.person.traits)

    def product_event(self, name: str, product: Product, quantity: int | None = None) -> Payload:
        cart = {"cart_url": restore_url(self._shop_url, self.cart)} if quantity else {}
        return self.track(name, **tracked(product, self._shop_url, quantity), **cart)

    def cart_event(self, name: str, **properties: Any) -> Payload:
        products = [tracked(product, self._shop_url, quantity) for product, quantity in self.cart]
        return self.track(name, currency=CURRENCY, products=products, **properties)

    def checkout_event(self) -> Payload:
        cart_url = restore_url(self._shop_url, self.cart)
        return self.cart_event("Checkout Started", value=self.cart_value, cart_url=cart_url)

    @property
    def cart_value(self) -> float:
        return round(sum(product.price * quantity for product, quantity in self.cart), 2)

    def _event(self, kind: str, **content: Any) -> Payload:
        event: Payload = {"type": kind, "anonymousId": self.person.anonymous_id, **content}
        if self.person.user_id:
            event["userId"] = self.person.user_id
        if self.campaign:
            name, source, medium = self.campaign
            event["context"] = {"campaign": {"name": name, "source": source, "medium": medium}}
        return event


def look_around(visit: Visit) -> Iterator[Step]:
    yield [visit.page("/", "Saltmoor")]
    for product in visit.random.sample(visit.catalogue, visit.random.randint(1, 3)):
        yield _look_at(visit, product)


def fill_cart(visit: Visit) -> Iterator[Step]:
    yield [visit.page("/", "Saltmoor")]
    for product in visit.random.sample(visit.catalogue, visit.random.choice((1, 1, 2, 2, 3))):
        yield _look_at(visit, product)
        quantity = visit.random.choice((1, 1, 1, 2))
        visit.cart.append((product, quantity))
        yield [visit.product_event("Product Added", product, quantity)]


def leave_cart(visit: Visit) -> Iterator[Step]:
    yield from fill_cart(visit)
    if visit.random.random() < CHECKOUT_SHARE:
        yield [visit.page("/checkout", "Checkout"), visit.identify(), visit.checkout_event()]
    visit.has_left_cart = True


def buy(visit: Visit) -> Iterator[Step]:
    yield from fill_cart(visit)
    yield [visit.page("/checkout", "Checkout"), visit.identify(), visit.checkout_event()]
    yield _pay(visit)


def subscribe(visit: Visit) -> Iterator[Step]:
    yield from look_around(visit)
    yield [visit.identify(), visit.track("Form Submitted", form="newsletter")]


def ask_for_prices(visit: Visit) -> Iterator[Step]:
    yield [visit.page("/", "Saltmoor")]
    yield [visit.page("/pricing", "Wholesale pricing")]
    yield [visit.identify(), visit.track("Form Submitted", form="wholesale")]


def ask_for_a_tasting(visit: Visit) -> Iterator[Step]:
    yield [visit.page("/pricing", "Wholesale pricing")]
    yield [visit.page("/tasting", "Book a tasting")]
    yield [visit.identify(), visit.track("Demo Requested", form="tasting")]


def read_newsletter(visit: Visit) -> Iterator[Step]:
    visit.campaign = NEWSLETTER
    yield [visit.track("Email Opened", campaign=NEWSLETTER.name)]
    if visit.random.random() < CLICK_SHARE:
        yield [visit.track("Email Link Clicked", campaign=NEWSLETTER.name)]
        yield from visit.random.choice((look_around, look_around, leave_cart, buy))(visit)


def come_back_for_cart(visit: Visit, cart: Lines) -> Iterator[Step]:
    visit.campaign, visit.cart = RECOVERY, cart
    yield [visit.track("Email Opened", campaign=RECOVERY.name)]
    yield [visit.track("Email Link Clicked", campaign=RECOVERY.name), visit.page("/cart", "Your cart")]
    yield [visit.page("/checkout", "Checkout"), visit.checkout_event()]
    yield _pay(visit)


Story = Callable[[Visit], Iterator[Step]]
STORIES: dict[Story, int] = {
    look_around: 38,
    fill_cart: 10,
    leave_cart: 18,
    buy: 14,
    subscribe: 11,
    ask_for_prices: 6,
    ask_for_a_tasting: 3,
}
OPENING: tuple[Story, ...] = (ask_for_a_tasting, leave_cart, ask_for_prices, buy)


def _look_at(visit: Visit, product: Product) -> Step:
    return [visit.page(product.path, product.name), visit.product_event("Product Viewed", product)]


def _pay(visit: Visit) -> Step:
    order_id = f"SM-{visit.random.getrandbits(40):010X}"
    order = visit.cart_event("Order Completed", order_id=order_id, revenue=visit.cart_value)
    return [order, visit.page("/thanks", "Thank you")]

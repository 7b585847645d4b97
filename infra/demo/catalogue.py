"""What the demo shop sells. The pages and the traffic generator read it, so both tell of the same products."""

from collections.abc import Sequence
from typing import Any, NamedTuple

CURRENCY = "USD"
DISCOUNTS = {"COMEBACK10": 10}  # code -> per cent off: what recovery messages may offer


class Product(NamedTuple):
    """One article; `slug` is its product id, its page and its picture."""

    slug: str
    name: str
    kind: str
    price: float
    blurb: str
    story: str
    details: tuple[str, ...]
    alt: str

    @property
    def image(self) -> str:
        """Path of the picture below the shop's address."""
        return f"/static/products/{self.slug}.svg"

    @property
    def path(self) -> str:
        """Path of the page below the shop's address."""
        return f"/p/{self.slug}"


def tracked(product: Product, shop_url: str, quantity: int | None = None) -> dict[str, Any]:
    """Return the properties that e-commerce events carry about a product; `shop_url` makes its links absolute."""
    line: dict[str, Any] = {
        "product_id": product.slug,
        "name": product.name,
        "category": product.kind,
        "price": product.price,
        "currency": CURRENCY,
        "image_url": shop_url + product.image,
        "url": shop_url + product.path,
    }
    return line if quantity is None else {**line, "quantity": quantity}


def restore_url(shop_url: str, lines: Sequence[tuple[Product, int]]) -> str:
    """Return the link that opens the shop with exactly these products in the cart."""
    return f"{shop_url}/cart?restore=" + ",".join(f"{product.slug}:{quantity}" for product, quantity in lines)


PRODUCTS: tuple[Product, ...] = (
    Product(
        "everyday-teapot",
        "Everyday teapot",
        "Stoneware",
        64.0,
        "A pot for three cups that pours without a drip.",
        "Thrown in one piece with its spout, glazed in lichen green and left bare at the foot. The lid sits deep, so "
        "it stays put down to the last cup.",
        ("0.8 litre, three cups", "Fits our steel basket strainer", "Dishwasher safe"),
        "A speckled sage green teapot with a raw clay foot",
    ),
    Product(
        "dune-cups",
        "Dune cups, pair",
        "Stoneware",
        32.0,
        "Two handleless cups, one oat, one harbour blue.",
        "Dipped by hand, so no two tide lines are the same. The wall is thick where you hold it and thin where "
        "you drink.",
        ("180 ml each", "Set of two", "Stackable"),
        "Two handleless cups, one cream, one blue, with dipped glaze",
    ),
    Product(
        "gooseneck-kettle",
        "Gooseneck kettle",
        "Kitchen",
        89.0,
        "A slow, steady pour on any hob.",
        "Enamelled steel with a beech grip that stays cool. The narrow neck lets you pour onto the leaf, not onto "
        "the table.",
        ("1 litre", "All hobs, including induction", "Beech from certified forests"),
        "A blue enamel gooseneck kettle with a wooden handle",
    ),
    Product(
        "first-flush-sencha",
        "First flush sencha",
        "Tea",
        24.0,
        "Spring leaf, steamed the day it was picked.",
        "Bright, a little salty, with the sweetness of fresh peas. Brew it at 70 degrees and do not wait longer "
        "than a minute.",
        ("100 g tin, about 40 cups", "Single garden", "Best within six months"),
        "A green tea tin with a leaf on its label",
    ),
    Product(
        "tidepool-bowl",
        "Tidepool matcha bowl",
        "Stoneware",
        48.0,
        "Wide enough for a whisk, warm in both hands.",
        "Three layers of blue ash glaze that break like a shore at low tide. Each bowl carries the potter's thumb "
        "mark under the foot.",
        ("12 cm wide", "Signed by the potter", "Rinse by hand"),
        "A wide matcha bowl with tide-blue glaze, filled with matcha",
    ),
    Product(
        "bamboo-whisk",
        "Bamboo whisk",
        "Kitchen",
        22.0,
        "Eighty tines, cut from a single stem.",
        "For a fine, even foam. Soak it for a minute before use and let it dry standing up: it will last for years.",
        ("80 tines", "Made from one piece", "Comes with a drying stand"),
        "A bamboo matcha whisk",
    ),
    Product(
        "pine-ember",
        "Pine Ember smoked black",
        "Tea",
        19.0,
        "Black tea dried over pine fire.",
        "Resin, dark honey and a walk home in November. Takes milk, forgives long brewing and does well in a flask.",
        ("100 g tin, about 40 cups", "Smoked over pine", "Keeps for two years"),
        "A charcoal tea tin with a pine on its label",
    ),
    Product(
        "oak-tray",
        "Oval oak tray",
        "Kitchen",
        54.0,
        "Carries a pot and four cups, and looks well when empty.",
        "Turned from one board, oiled twice, with a rim that is easy to grip. It darkens a little with every year.",
        ("42 by 30 cm", "Oiled oak", "Wipe clean"),
        "An oval oak tray with two cups",
    ),
    Product(
        "evening-field",
        "Evening Field chamomile",
        "Tea",
        17.0,
        "Whole flowers, no caffeine, good night.",
        "Picked late in the day, when the flowers are dry and smell of apples. Pour boiling water, wait five minutes.",
        ("60 g tin, about 30 cups", "Whole flowers", "Caffeine free"),
        "A golden tea tin with chamomile flowers on its label",
    ),
)
BY_SLUG = {product.slug: product for product in PRODUCTS}

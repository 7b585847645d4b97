"""WindowsState: what a profile began and did not finish, and when that counts as abandoned."""

from msgspec import Struct


class CartItem(Struct, frozen=True, array_like=True, gc=False):
    """A line of a cart; `price` is per piece in the cart's currency. `at_ms` is the event time of the last word about
    it: a purchase that a merge brings takes away what had been put in by then.
    """

    product_id: str
    name: str
    quantity: int
    price: float
    image_url: str = ""
    url: str = ""
    at_ms: int = 0


class Window(Struct, frozen=True, array_like=True, gc=False):
    """One thing begun, as last seen. `due_ms` is the log time at which its next step fires, 0 when none will.

    `opened_ms` names the occurrence and stays through updates until the window closes. `updated_ms` is the log time
    of the last touch, `started_at_ms` the event time at which it was last begun, 0 when that is not known. `step`
    counts the steps that have fired since the last touch. `stated_value` is what the sender said it is worth.
    `touched_at_ms` is the event time of the last word about it: never below its items'. Of a form: which, and how far.
    """

    rule: str
    kind: str
    subject: str
    items: tuple[CartItem, ...] = ()
    currency: str = ""
    url: str = ""
    opened_ms: int = 0
    updated_ms: int = 0
    due_ms: int = 0
    step: int = 0
    started_at_ms: int = 0
    stated_value: float | None = None
    touched_at_ms: int = 0
    form_id: str = ""
    form_step: str = ""

    @property
    def value(self) -> float:
        """Sum of the items' prices, else what the sender said."""
        if self.items:
            return round(sum(i.price * i.quantity for i in self.items), 2)
        return self.stated_value or 0.0


class WindowsState(Struct, frozen=True, array_like=True, gc=False):
    """All windows of a profile, by `window_key`, bounded in number.

    `due_ms` is the least of theirs, 0 when none is due. `cancelled` keeps the event time of the last cancel, by rule
    or by `window_key`, so that a window that arrives by a merge and is older than that does not come back.
    """

    windows: dict[str, Window] = {}
    due_ms: int = 0
    cancelled: dict[str, int] = {}


def window_key(rule: str, subject: str) -> str:
    """Return the key of a window among its profile's."""
    return f"{rule}\x1f{subject}"


def newest_cart(state: WindowsState) -> Window | None:
    """Return the cart touched last, an open one before a closed one."""
    carts = [w for w in state.windows.values() if w.kind == "cart"]
    return max(carts, key=lambda w: (w.due_ms > 0, w.updated_ms, w.rule, w.subject), default=None)
